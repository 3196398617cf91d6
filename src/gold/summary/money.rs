//! Which purchases and refunds of a session count, what they add up to, and in which currency.
//!
//! A transaction counts once, however often its thank-you page was loaded. Amounts in different currencies are never added:
//! the session has the first known currency of what was bought, else of what was paid back, and the others are only counted.

use super::order::TypedEvent;
use crate::event::click::EventType;
use crate::event::money::Money;
use crate::gold::rest::{Rest, Sums};
use crate::gold::session_event::SessionEvent;

/// What was bought and paid back. Values are sums over those in the currency of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Payments<'a> {
    pub purchase_count: i64,
    pub purchase_value: Money,
    pub refund_count: i64,
    /// Never negative.
    pub refund_value: Money,
    pub currency: Option<&'a str>,
    /// Whether some are in another currency, so that their values are in neither sum.
    pub has_other_currencies: bool,
}

/// The purchases and refunds that count, each in the order of events.
pub(super) struct CountedPayments<'s, 'a> {
    purchases: Vec<&'s SessionEvent<'a>>,
    refunds: Vec<&'s SessionEvent<'a>>,
    /// Those that the session knows only as sums.
    sums: &'s [Sums<'a>],
    currency: Option<&'a str>,
}

impl<'s, 'a> CountedPayments<'s, 'a> {
    /// `events` are in their order.
    pub fn of(events: &[TypedEvent<'s, 'a>], rest: Option<&'s Rest<'a>>) -> Self {
        let purchases = counted_purchases(of_type(EventType::Purchase, events, rest));
        let refunds = of_type(EventType::Refund, events, rest);
        let sums = rest.map(|rest| rest.sums.as_slice()).unwrap_or_default();
        let known = purchases.iter().chain(&refunds).find_map(|event| event.content.currency);
        let currency = known.or_else(|| sums.iter().filter_map(|sums| sums.currency).min());
        CountedPayments { purchases, refunds, sums, currency }
    }

    /// Whether it is a purchase that counts.
    pub fn has_purchase(&self, event: &SessionEvent) -> bool {
        self.purchases.binary_search_by_key(&event.order(), |purchase| purchase.order()).is_ok()
    }

    /// Whether amounts in `currency` can be added to those of the session. An unknown currency counts as the session's.
    pub fn is_same_currency(&self, currency: Option<&str>) -> bool {
        currency.is_none() || currency == self.currency
    }

    pub fn summed(&self) -> Payments<'a> {
        let mut payments = Payments { currency: self.currency, ..Payments::default() };
        let value = |event: &SessionEvent| event.content.value.unwrap_or(Money::ZERO);
        for purchase in &self.purchases {
            let one = Sums { purchases: 1, purchase_value: value(purchase), ..nothing_in(purchase.content.currency) };
            self.add(&one, &mut payments);
        }
        for refund in &self.refunds {
            let refund_value = value(refund).magnitude();
            self.add(&Sums { refunds: 1, refund_value, ..nothing_in(refund.content.currency) }, &mut payments);
        }
        self.sums.iter().for_each(|sums| self.add(sums, &mut payments));
        payments
    }

    fn add(&self, sums: &Sums, payments: &mut Payments) {
        payments.purchase_count = payments.purchase_count.saturating_add(sums.purchases);
        payments.refund_count = payments.refund_count.saturating_add(sums.refunds);
        if self.is_same_currency(sums.currency) {
            payments.purchase_value = payments.purchase_value.saturating_add(sums.purchase_value);
            payments.refund_value = payments.refund_value.saturating_add(sums.refund_value);
        } else {
            payments.has_other_currencies = true;
        }
    }
}

fn nothing_in(currency: Option<&str>) -> Sums<'_> {
    Sums { currency, purchases: 0, purchase_value: Money::ZERO, refunds: 0, refund_value: Money::ZERO }
}

/// The events of that type, of the kept ones and of those that the rest keeps, in their order.
fn of_type<'s, 'a>(
    wanted: EventType,
    events: &[TypedEvent<'s, 'a>],
    rest: Option<&'s Rest<'a>>,
) -> Vec<&'s SessionEvent<'a>> {
    let kept = events.iter().filter(|typed| typed.event_type.as_ref() == Some(&wanted)).map(|typed| typed.event);
    let mut found: Vec<_> = kept.collect();
    if let Some(rest) = rest {
        let is_wanted = |event: &&SessionEvent| EventType::known(event.content.event_type).as_ref() == Some(&wanted);
        found.extend(rest.paid.iter().filter(is_wanted));
        found.sort_by_key(|event| event.order());
    }
    found
}

/// Of each transaction the first purchase whose value is known, else the first one; and all purchases without a transaction
/// id. Given and returned in the order of events.
fn counted_purchases<'s, 'a>(purchases: Vec<&'s SessionEvent<'a>>) -> Vec<&'s SessionEvent<'a>> {
    if purchases.len() < 2 {
        return purchases;
    }
    let (mut of_transactions, mut counted): (Vec<_>, Vec<_>) =
        purchases.into_iter().partition(|purchase| purchase.content.transaction_id.is_some());
    // Stable: purchases of one transaction stay in the order of events.
    of_transactions.sort_by_key(|purchase| purchase.content.transaction_id);
    let transactions = of_transactions.chunk_by(|one, next| one.content.transaction_id == next.content.transaction_id);
    counted.extend(transactions.map(|purchases| {
        let with_value = purchases.iter().copied().find(|purchase| purchase.content.value.is_some());
        with_value.unwrap_or(purchases[0])
    }));
    counted.sort_unstable_by_key(|purchase| purchase.order());
    counted
}
