//! The visitors of the shop: how one visit proceeds, and all visits interleaved in the order of time.
//!
//! A visit is a walk over the pages. Each action has stated odds for the one that follows, and a stated mean time until then.
//! Visits begin at random, more of them in the evening than at night. Time is that of the shop, in microseconds since its start.

use super::catalog::{AGENTS, Agent, Kind, NETWORKS, PLACES, PRODUCTS, REFERRALS};
use super::rng::{Rng, splitmix64};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

pub const HOUR_MICROS: u64 = 3_600_000_000;
const VISITS_PER_USER_AND_DAY: u64 = 2;
/// Visits by hour of the day, in per mille of the mean. Hours count from the start of the shop.
#[rustfmt::skip]
const DAILY_CURVE: [u64; 24] = [
    450, 320, 240, 200, 210, 290, 450, 680, 900, 1_060, 1_150, 1_210,
    1_270, 1_230, 1_190, 1_200, 1_260, 1_390, 1_560, 1_740, 1_790, 1_640, 1_270, 800,
];
/// The fraction of users who were customers before the stream begins.
const KNOWN_BEFORE: f64 = 0.5;

const SECOND_MICROS: u64 = 1_000_000;
/// The probability that a person pauses for longer than a session lasts, and continues on the same page.
const AWAY: f64 = 0.02;

/// What a visitor does: looks at a page, or changes the cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
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

/// First actions of visits, by weight.
const LANDINGS: [(u32, Action); 4] =
    [(50, Action::Home), (25, Action::Detail), (15, Action::Listing), (10, Action::Search)];

/// What follows an action, in per cent; `None` is the end of the visit. While the cart is empty, actions that need one become
/// `Listing`.
#[rustfmt::skip]
fn odds(action: Action) -> &'static [(u32, Option<Action>)] {
    use Action::*;
    match action {
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

/// The mean time until the next action.
fn mean_seconds(action: Action) -> u64 {
    match action {
        Action::AddToCart | Action::RemoveFromCart => 8,
        Action::Home => 10,
        Action::Search => 15,
        Action::Listing | Action::Cart => 22,
        Action::Detail => 40,
        Action::Purchase => 60,
        Action::Checkout => 90,
    }
}

/// One visit at one moment. Products are indices into [`PRODUCTS`].
#[derive(Debug, Clone)]
pub struct Visit {
    pub action: Action,
    /// The product of the last action that had one.
    pub product: usize,
    /// In the order in which they were added; a product may be there several times.
    pub cart: Vec<usize>,
}

impl Visit {
    pub fn begin(rng: &mut Rng) -> Self {
        Visit { action: *rng.weighted(&LANDINGS), product: any_product(rng), cart: Vec::new() }
    }

    /// Chooses the next action; `None` when the visit ends. Bots look at products and never buy one.
    pub fn advance(&mut self, kind: Kind, rng: &mut Rng) -> Option<()> {
        if self.action == Action::Purchase {
            self.cart.clear();
        }
        let mut next = (*rng.weighted(odds(self.action)))?;
        if self.cart.is_empty() && matches!(next, Action::Cart | Action::Checkout | Action::RemoveFromCart) {
            next = Action::Listing;
        }
        if kind == Kind::Bot && next == Action::AddToCart {
            next = Action::Detail;
        }
        self.action = next;
        match next {
            Action::Detail => self.product = any_product(rng),
            Action::AddToCart => self.cart.push(self.product),
            Action::RemoveFromCart => self.product = self.cart.remove(rng.below(self.cart.len() as u64) as usize),
            _ => (),
        }
        Some(())
    }

    /// Microseconds until the next action.
    pub fn think(&self, kind: Kind, rng: &mut Rng) -> u64 {
        match kind {
            Kind::Bot => rng.wait(SECOND_MICROS),
            Kind::Person if rng.chance(AWAY) => {
                (31 + rng.below(60)) * 60 * SECOND_MICROS + rng.below(60 * SECOND_MICROS)
            }
            Kind::Person => SECOND_MICROS / 2 + rng.wait(mean_seconds(self.action) * SECOND_MICROS),
        }
    }

    pub fn total_cents(&self) -> u64 {
        self.cart.iter().map(|product| u64::from(PRODUCTS[*product].price_cents)).sum()
    }
}

/// Some products sell better than others: the smaller of two random indices.
fn any_product(rng: &mut Rng) -> usize {
    let count = PRODUCTS.len() as u64;
    rng.below(count).min(rng.below(count)) as usize
}

/// What stays the same during a visit.
pub struct Client {
    pub user_id: String,
    pub session_id: String,
    pub agent: &'static Agent,
    pub place: (&'static str, &'static str),
    pub referral_source: &'static str,
    pub ip_address: String,
    pub is_new_user: bool,
}

/// One action of one visitor.
pub struct Step {
    /// Steps are numbered in the order of their time.
    pub number: u64,
    /// Microseconds since the start of the shop.
    pub at: u64,
    pub client: Arc<Client>,
    pub visit: Visit,
}

pub struct Visitors {
    seed: u64,
    users: u64,
    rng: Rng,
    /// By the time of their next step, then by the order of their arrival.
    present: BTreeMap<(u64, u64), (Arc<Client>, Visit)>,
    next_arrival: u64,
    arrivals: u64,
    steps: u64,
    seen_users: HashSet<u64>,
}

impl Visitors {
    pub fn new(seed: u64, users: u32) -> Self {
        Visitors {
            seed,
            users: u64::from(users.max(1)),
            rng: Rng::new(seed),
            present: BTreeMap::new(),
            next_arrival: 0,
            arrivals: 0,
            steps: 0,
            seen_users: HashSet::new(),
        }
    }

    /// There is always a next step, because visitors never stop arriving.
    pub fn next_step(&mut self) -> Step {
        while self.present.first_key_value().is_none_or(|((due, _), _)| *due > self.next_arrival) {
            self.arrive();
        }
        let ((at, arrival), (client, mut visit)) =
            self.present.pop_first().expect("the loop above ends when a visitor is present");
        let step = Step { number: self.steps, at, client: Arc::clone(&client), visit: visit.clone() };
        self.steps += 1;
        let due = at + visit.think(client.agent.kind, &mut self.rng);
        if visit.advance(client.agent.kind, &mut self.rng).is_some() {
            self.present.insert((due, arrival), (client, visit));
        }
        step
    }

    fn arrive(&mut self) {
        let at = self.next_arrival;
        let client = self.client();
        let visit = Visit::begin(&mut self.rng);
        self.present.insert((at, self.arrivals), (Arc::new(client), visit));
        self.arrivals += 1;
        let mean_gap = 24 * HOUR_MICROS / (self.users * VISITS_PER_USER_AND_DAY);
        let hour = (at / HOUR_MICROS % 24) as usize;
        self.next_arrival = at + self.rng.wait(mean_gap * 1_000 / DAILY_CURVE[hour]).max(1);
    }

    /// A new visit of some user. Some users come more often than others. Device, place and address belong to the user, the
    /// referral to the visit.
    fn client(&mut self) -> Client {
        let user = self.rng.below(self.users).min(self.rng.below(self.users));
        let mut of_user = Rng::new(splitmix64(self.seed) ^ user);
        let agent = of_user.weighted(&AGENTS);
        let place = *of_user.weighted(&PLACES);
        let ip_address = format!("{}.{}", of_user.pick(&NETWORKS), 1 + of_user.below(254));
        let referral_source: &&str = self.rng.weighted(&REFERRALS);
        let known_before = of_user.chance(KNOWN_BEFORE);
        Client {
            // Different users get different ids, because the factor is odd.
            user_id: format!("user_{:08x}", (user as u32).wrapping_mul(0x9e37_79b1) ^ splitmix64(self.seed) as u32),
            session_id: format!("session_{:012x}", self.rng.bits() >> 16),
            agent,
            place,
            referral_source,
            ip_address,
            is_new_user: self.seen_users.insert(user) && !known_before,
        }
    }
}
