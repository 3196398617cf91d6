//! One visit: a walk over the pages of the shop. Each step has stated odds and a stated mean time to think.

use super::catalog::{PRODUCTS, Visitor};
use super::dice::Dice;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Home,
    Listing,
    Search,
    Detail,
    AddToCart,
    Cart,
    RemoveFromCart,
    Checkout,
    Purchase,
}

const SECOND: u64 = 1_000_000;
/// How often somebody is called away for longer than a session lasts, and comes back to the same page.
const AWAY: f64 = 0.02;

/// Where visits begin, by weight.
const LANDINGS: [(u32, Step); 4] = [(50, Step::Home), (25, Step::Detail), (15, Step::Listing), (10, Step::Search)];

/// Where a step leads, in per cent; `None` leaves the shop. What needs a cart goes to the listing while it is empty.
#[rustfmt::skip]
fn odds(step: Step) -> &'static [(u32, Option<Step>)] {
    use Step::*;
    match step {
        Home => &[(35, Some(Listing)), (25, Some(Search)), (20, Some(Detail)), (20, None)],
        Listing => &[(55, Some(Detail)), (12, Some(Search)), (5, Some(Home)), (28, None)],
        Search => &[(55, Some(Detail)), (15, Some(Search)), (8, Some(Listing)), (22, None)],
        Detail => &[
            (24, Some(AddToCart)), (25, Some(Detail)), (18, Some(Listing)), (8, Some(Search)), (3, Some(Cart)),
            (22, None),
        ],
        AddToCart => &[(38, Some(Cart)), (25, Some(Detail)), (19, Some(Listing)), (18, None)],
        Cart => &[(48, Some(Checkout)), (12, Some(RemoveFromCart)), (16, Some(Listing)), (24, None)],
        RemoveFromCart => &[(45, Some(Cart)), (30, Some(Listing)), (25, None)],
        Checkout => &[(62, Some(Purchase)), (10, Some(Cart)), (28, None)],
        Purchase => &[(12, Some(Home)), (88, None)],
    }
}

fn mean_seconds(step: Step) -> u64 {
    match step {
        Step::AddToCart | Step::RemoveFromCart => 8,
        Step::Home => 10,
        Step::Search => 15,
        Step::Listing | Step::Cart => 22,
        Step::Detail => 40,
        Step::Purchase => 60,
        Step::Checkout => 90,
    }
}

/// A visitor at one moment: what was just done, and what is in the cart. Products are indices into the catalog.
#[derive(Debug, Clone)]
pub struct Visit {
    pub step: Step,
    /// The product looked at, put in or taken out.
    pub product: usize,
    /// In the order they were put in, repeats included.
    pub cart: Vec<usize>,
}

impl Visit {
    pub fn begin(dice: &mut Dice) -> Self {
        Visit { step: *dice.weighted(&LANDINGS), product: any_product(dice), cart: Vec::new() }
    }

    /// Moves on; `None` when the visitor leaves. Bots look and never buy.
    pub fn advance(&mut self, visitor: Visitor, dice: &mut Dice) -> Option<()> {
        if self.step == Step::Purchase {
            self.cart.clear();
        }
        let mut next = (*dice.weighted(odds(self.step)))?;
        if self.cart.is_empty() && matches!(next, Step::Cart | Step::Checkout | Step::RemoveFromCart) {
            next = Step::Listing;
        }
        if visitor == Visitor::Bot && next == Step::AddToCart {
            next = Step::Detail;
        }
        self.step = next;
        match next {
            Step::Detail => self.product = any_product(dice),
            Step::AddToCart => self.cart.push(self.product),
            Step::RemoveFromCart => self.product = self.cart.remove(dice.below(self.cart.len() as u64) as usize),
            _ => (),
        }
        Some(())
    }

    /// Microseconds until the next step.
    pub fn think(&self, visitor: Visitor, dice: &mut Dice) -> u64 {
        match visitor {
            Visitor::Bot => dice.wait(SECOND),
            Visitor::Person if dice.chance(AWAY) => (31 + dice.below(60)) * 60 * SECOND + dice.below(60 * SECOND),
            Visitor::Person => SECOND / 2 + dice.wait(mean_seconds(self.step) * SECOND),
        }
    }

    pub fn total_cents(&self) -> u64 {
        self.cart.iter().map(|product| u64::from(PRODUCTS[*product].price_cents)).sum()
    }
}

/// Some sell better: the smaller of two throws.
fn any_product(dice: &mut Dice) -> usize {
    let count = PRODUCTS.len() as u64;
    dice.below(count).min(dice.below(count)) as usize
}
