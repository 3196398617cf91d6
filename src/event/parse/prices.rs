//! What the event is worth, and what one piece of each product costs.
//!
//! `value` is what the sender says the whole event is worth. Without it a bare `product_price` is, else the sum of price
//! times quantity over the list. Negative amounts are kept: a coupon is a line of its own. An amount that is unreadable is
//! left out and counted. Knows no currency but its code.

use super::currency;
use super::field::Field;
use super::items::{Attribute, Item};
use super::reading::{self, Reading};
use super::value::Value;
use crate::event::money::Money;

/// Pieces of one product that an event may name.
const MAX_QUANTITY: i64 = 1_000_000;

/// The amounts of an event.
pub(super) struct Prices {
    prices: PerProduct<Money>,
    quantities: PerProduct<i32>,
    /// What the sender says the event is worth.
    value: Option<Money>,
    /// ISO 4217 code.
    pub currency: Option<&'static str>,
}

/// What an event says of its products, in one of the shapes in which it can say it.
enum PerProduct<T> {
    Absent,
    Bare(T),
    /// In the order sent; `None` for what is not known.
    List(Vec<Option<T>>),
}

impl<T: Copy> PerProduct<T> {
    /// The first value of `field` that says something.
    fn read<'a>(reading: &mut Reading<'a>, field: Field, read: impl Fn(&Value<'a>) -> Option<T>) -> Self {
        if !reading.members.may_have(field) {
            return PerProduct::Absent;
        }
        let values = reading.members.values(field);
        let known = values.map(|value| PerProduct::of(reading, field, value, &read)).find(PerProduct::is_known);
        known.unwrap_or(PerProduct::Absent)
    }

    fn of<'a>(
        reading: &mut Reading<'a>,
        field: Field,
        value: Value<'a>,
        read: &impl Fn(&Value<'a>) -> Option<T>,
    ) -> Self {
        let Value::List(list) = value else {
            return known(reading, field, value, read).map_or(PerProduct::Absent, PerProduct::Bare);
        };
        let mut values = Vec::new();
        list.for_each(|value| values.push(known(reading, field, value, read)));
        if values.len() > reading.limits.max_list_length {
            reading.note_cut(field);
        }
        PerProduct::List(values)
    }

    fn of_items<'a>(
        reading: &mut Reading<'a>,
        items: &[Item<'a>],
        of: Attribute,
        read: impl Fn(&Value<'a>) -> Option<T>,
    ) -> Self {
        PerProduct::List(items.iter().map(|item| known(reading, Field::Items, item.value(of), &read)).collect())
    }

    fn is_known(&self) -> bool {
        match self {
            PerProduct::Absent => false,
            PerProduct::Bare(_) => true,
            PerProduct::List(values) => values.iter().any(Option::is_some),
        }
    }

    /// How many elements the list has.
    fn list_length(&self) -> Option<usize> {
        match self {
            PerProduct::List(values) => Some(values.len()),
            _ => None,
        }
    }

    /// The value at `position` of a list of `count`.
    fn at(&self, position: usize, count: usize) -> Option<T> {
        match self {
            PerProduct::List(values) if values.len() == count => values.get(position).copied().flatten(),
            _ => None,
        }
    }
}

impl Prices {
    /// From the fields of the event, and from `items` where these name its products: then a bare `product_price` is what
    /// the event is worth.
    pub fn read<'a>(reading: &mut Reading<'a>, items: &[Item<'a>]) -> Prices {
        let mut prices = PerProduct::read(reading, Field::ProductPrice, reading::amount);
        let mut quantities = PerProduct::read(reading, Field::Quantity, quantity);
        let mut value = reading.amount(Field::Value);
        if !items.is_empty() {
            if let PerProduct::Bare(total) = prices {
                value = value.or(Some(total));
            }
            prices = PerProduct::of_items(reading, items, Attribute::Price, reading::amount);
            quantities = PerProduct::of_items(reading, items, Attribute::Quantity, quantity);
        }
        let lengths = (prices.list_length(), quantities.list_length());
        if let (Some(prices), Some(quantities)) = lengths
            && prices != quantities
        {
            // Nobody can tell which pieces have which price.
            reading.note_unreadable(Field::Quantity);
        }
        let currency = reading.first(Field::Currency, |value| currency::code(&value.into_text()?));
        Prices { prices, quantities, value, currency }
    }

    /// The value of the event. `None` where no amount is known, and where the sum is beyond what a column holds.
    pub fn event_value(&self, reading: &mut Reading<'_>) -> Option<Money> {
        let prices = match (&self.value, &self.prices) {
            (Some(value), _) => return Some(*value),
            (None, PerProduct::Absent) => return None,
            (None, PerProduct::Bare(total)) => return Some(*total),
            (None, PerProduct::List(prices)) => prices,
        };
        let lines = prices.iter().enumerate().filter_map(|(position, price)| Some((position, (*price)?)));
        let mut sum = None;
        for (position, price) in lines {
            let pieces = self.quantity_at(position, prices.len()).unwrap_or(1);
            let line = price.times(pieces);
            let Some(total) = line.and_then(|line| sum.unwrap_or(Money::ZERO).checked_add(line)) else {
                reading.note_unreadable(Field::ProductPrice);
                return None;
            };
            sum = Some(total);
        }
        sum
    }

    /// The price of one piece of the product at `position`, where the prices say which product has which. What several
    /// pieces cost together is the price of none of them.
    pub fn of_product(&self, position: usize, product_count: usize) -> Option<Money> {
        match self.prices {
            PerProduct::Bare(total) if product_count == 1 => {
                (self.quantity_at(0, 1).unwrap_or(1) == 1).then_some(total)
            }
            _ => self.prices.at(position, product_count),
        }
    }

    /// Pieces of the product at `position`, where the event says so.
    pub fn quantity_at(&self, position: usize, product_count: usize) -> Option<i32> {
        match self.quantities {
            PerProduct::Bare(quantity) => Some(quantity),
            _ => self.quantities.at(position, product_count),
        }
    }
}

/// What `read` makes of `value`, which was sent as `field`.
fn known<'a, T>(
    reading: &mut Reading<'a>,
    field: Field,
    value: Value<'a>,
    read: &impl Fn(&Value<'a>) -> Option<T>,
) -> Option<T> {
    let known = read(&value);
    if known.is_none() && value != Value::Absent {
        reading.note_unreadable(field);
    }
    known
}

fn quantity(value: &Value<'_>) -> Option<i32> {
    let quantity = value.as_integer().filter(|quantity| (1..=MAX_QUANTITY).contains(quantity))?;
    i32::try_from(quantity).ok()
}
