//! A session becomes bytes.

use super::bytes::Writer;
use super::{VERSION, field, member, profile, remainder};
use crate::event::money::Money;
use crate::event::time::Timestamp;
use crate::gold::rest::Rest;
use crate::gold::session::Session;
use crate::gold::session_event::{Attributes, EventOrder, Product, SessionEvent};
use std::collections::HashMap;

/// The stored form of `session`.
pub fn write(session: &Session) -> Vec<u8> {
    let mut tables = Tables { texts: Vec::with_capacity(FEW), ..Tables::default() };
    let clock = Clock::of(session);
    let mut body = Writer(Vec::with_capacity(EVENT_BYTES * session.events.len()));
    body.unsigned(clock.exponent.into());
    body.signed(clock.earliest);
    tables.events(&session.events, clock, &mut body);
    match &session.rest {
        None => body.count(0),
        Some(rest) => {
            body.count(1);
            tables.rest(rest, clock, &mut body);
        }
    }
    let mut state = Writer(Vec::with_capacity(body.0.len() + 64 + tables.text_bytes));
    state.0.push(VERSION);
    state.count(tables.texts.len());
    tables.texts.iter().for_each(|text| state.text(text));
    state.count(tables.profiles.len());
    state.0.extend(tables.profile_bytes.0);
    state.0.extend(body.0);
    state.0
}

/// The coarsest unit in which all times of a session are whole numbers.
#[derive(Clone, Copy)]
struct Clock {
    /// The unit is 10 to this power, in microseconds.
    exponent: u8,
    /// In that unit.
    earliest: i64,
}

impl Clock {
    fn of(session: &Session) -> Self {
        let paid = session.rest.iter().flat_map(|rest| &rest.paid);
        let times = || session.events.iter().chain(paid.clone()).map(|event| event.at.0);
        let exponent = [6, 3].into_iter().find(|&power| times().all(|at| at % 10_i64.pow(power) == 0)).unwrap_or(0);
        let earliest = times().min().unwrap_or_default() / 10_i64.pow(exponent);
        Clock { exponent: exponent as u8, earliest }
    }

    /// `at` in the unit, since the earliest.
    fn ticks(self, at: Timestamp) -> u64 {
        (at.0 / 10_i64.pow(self.exponent.into())).wrapping_sub(self.earliest) as u64
    }
}

/// Texts and profiles, numbered in the order of their first use.
#[derive(Default)]
struct Tables<'a> {
    texts: Vec<&'a str>,
    numbers: HashMap<&'a str, u64>,
    text_bytes: usize,
    profiles: Vec<(Attributes<'a>, bool, bool)>,
    profile_bytes: Writer,
}

/// About as many bytes as an event takes, without its texts.
const EVENT_BYTES: usize = 32;

/// Up to this many texts are found faster by looking at each.
const FEW: usize = 16;

impl<'a> Tables<'a> {
    fn number(&mut self, text: &'a str) -> u64 {
        if self.texts.len() <= FEW {
            if let Some(number) = self.texts.iter().position(|known| *known == text) {
                return number as u64;
            }
        } else if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as u64;
        self.texts.push(text);
        self.text_bytes += text.len() + 2;
        match self.texts.len() {
            0..=FEW => {}
            count if count == FEW + 1 => self.numbers.extend(self.texts.iter().copied().zip(0..)),
            _ => drop(self.numbers.insert(text, number)),
        }
        number
    }

    fn text(&mut self, text: Option<&'a str>, out: &mut Writer) {
        if let Some(text) = text {
            out.unsigned(self.number(text));
        }
    }

    fn texts(&mut self, texts: &[&'a str], out: &mut Writer) {
        if !texts.is_empty() {
            out.count(texts.len());
            texts.iter().for_each(|text| self.text(Some(text), out));
        }
    }

    fn profile(&mut self, event: &SessionEvent<'a>) -> u64 {
        let content = &event.content;
        let wanted = (content.attributes, content.is_bot, content.is_anonymous);
        // The last one is the likeliest.
        if let Some(number) = self.profiles.iter().rposition(|known| *known == wanted) {
            return number as u64;
        }
        self.profiles.push(wanted);
        let mut bytes = std::mem::take(&mut self.profile_bytes);
        let known = content.attributes.0.iter().enumerate().filter(|(_, value)| value.is_some());
        let mask = known.map(|(attribute, _)| 1 << attribute).sum::<u64>()
            | if content.is_bot { profile::IS_BOT } else { 0 }
            | if content.is_anonymous { profile::IS_ANONYMOUS } else { 0 };
        bytes.unsigned(mask);
        content.attributes.0.iter().for_each(|value| self.text(*value, &mut bytes));
        self.profile_bytes = bytes;
        self.profiles.len() as u64 - 1
    }

    fn events(&mut self, events: &[SessionEvent<'a>], clock: Clock, out: &mut Writer) {
        out.count(events.len());
        events.iter().for_each(|event| self.event(event, clock, out));
    }

    fn event(&mut self, event: &SessionEvent<'a>, clock: Clock, out: &mut Writer) {
        let content = &event.content;
        out.fixed(event.key.0);
        out.unsigned(clock.ticks(event.at));
        out.unsigned(self.profile(event));
        self.text(Some(content.event_type), out);
        let fields = [
            (field::PAGE_URL, content.page_url.is_some()),
            (field::VALUE, content.value.is_some()),
            (field::CURRENCY, content.currency.is_some()),
            (field::TRANSACTION_ID, content.transaction_id.is_some()),
            (field::PRODUCTS, !content.products.is_empty()),
            (field::EVENT_NAMES, !content.event_names.is_empty()),
            (field::EVENT_BRANDS, !content.event_brands.is_empty()),
            (field::EVENT_CATEGORIES, !content.event_categories.is_empty()),
        ];
        out.unsigned(mask(fields));
        self.text(content.page_url, out);
        money(content.value, out);
        self.text(content.currency, out);
        self.text(content.transaction_id, out);
        if !content.products.is_empty() {
            out.count(content.products.len());
            content.products.iter().for_each(|product| self.product(product, out));
        }
        self.texts(&content.event_names, out);
        self.texts(&content.event_brands, out);
        self.texts(&content.event_categories, out);
    }

    fn product(&mut self, product: &Product<'a>, out: &mut Writer) {
        let members = [
            (member::ID, product.id.is_some()),
            (member::NAME, product.name.is_some()),
            (member::BRAND, product.brand.is_some()),
            (member::CATEGORY, product.category.is_some()),
            (member::PRICE, product.price.is_some()),
            (member::QUANTITY, product.quantity.is_some()),
        ];
        out.unsigned(mask(members));
        for text in [product.id, product.name, product.brand, product.category] {
            self.text(text, out);
        }
        money(product.price, out);
        product.quantity.into_iter().for_each(|pieces| out.signed(pieces.into()));
    }

    fn rest(&mut self, rest: &Rest<'a>, clock: Clock, out: &mut Writer) {
        out.unsigned(mask([
            (remainder::DUPLICATES_UNCHECKED, rest.duplicates_unchecked),
            (remainder::IS_BOT, rest.is_bot),
            (remainder::IS_ANONYMOUS, rest.is_anonymous),
            (remainder::LANDING, rest.landing.is_some()),
            (remainder::EXIT, rest.exit.is_some()),
            (remainder::CAMPAIGN, rest.campaign.is_some()),
        ]));
        out.fixed(rest.cut.0);
        keys(rest, out);
        let counts = rest.counts;
        for count in [
            counts.events,
            counts.page_view,
            counts.add_to_cart,
            counts.remove_from_cart,
            counts.search,
            counts.checkout,
        ] {
            out.signed(count);
        }
        out.signed(rest.start.0);
        out.signed(rest.end.0);
        rest.landing.into_iter().chain(rest.exit).for_each(|order| self.order(order, out));
        out.unsigned(mask(std::array::from_fn::<_, { crate::gold::session_event::Attribute::COUNT }, _>(
            |attribute| (1 << attribute, rest.attributes[attribute].is_some()),
        )));
        for known in rest.attributes.iter().flatten() {
            self.order(known.order, out);
            self.text(Some(known.value), out);
        }
        if let Some(campaign) = rest.campaign {
            self.order(campaign.order, out);
            out.unsigned(mask(std::array::from_fn::<_, 5, _>(|word| (1 << word, campaign.words[word].is_some()))));
            campaign.words.into_iter().for_each(|word| self.text(word, out));
        }
        self.events(&rest.paid, clock, out);
        out.count(rest.sums.len());
        for sums in &rest.sums {
            out.count(sums.currency.iter().count());
            self.text(sums.currency, out);
            for number in [sums.purchases, sums.purchase_value.0, sums.refunds, sums.refund_value.0] {
                out.signed(number);
            }
        }
    }

    fn order(&mut self, order: EventOrder<'a>, out: &mut Writer) {
        out.signed(order.at.0);
        out.fixed(order.key.0);
        out.count(order.page_url.iter().count());
        self.text(order.page_url, out);
    }
}

/// Sorted, so the distances are positive; each takes fewer bytes than a key.
fn keys(rest: &Rest, out: &mut Writer) {
    out.count(rest.keys.len());
    let mut before = i64::MIN;
    for key in &rest.keys {
        out.unsigned(key.0.wrapping_sub(before) as u64);
        before = key.0;
    }
}

fn money(amount: Option<Money>, out: &mut Writer) {
    amount.into_iter().for_each(|amount| out.signed(amount.0));
}

fn mask<const N: usize>(bits: [(u64, bool); N]) -> u64 {
    bits.into_iter().filter(|(_, is_set)| *is_set).map(|(bit, _)| bit).sum()
}
