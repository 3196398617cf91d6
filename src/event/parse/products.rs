//! The products of an event, from the parallel fields that describe them or from a list of objects.
//!
//! Which value belongs to which product is known only where a list has as many elements as there are products. Any
//! other list stays with the event: from a deduplicated list of brands nobody can tell the brand of the first product.

use super::field::Field;
use super::items::{self, Item};
use super::prices::Prices;
use super::reading::{self, Reading};
use super::value::Value;
use crate::event::click::{Click, EventLevel, Product};
use std::borrow::Cow;

/// What an event says about its products, attribute by attribute.
pub(super) struct Attributes<'a> {
    ids: Attribute<'a>,
    names: Attribute<'a>,
    brands: Attribute<'a>,
    categories: Attribute<'a>,
}

impl<'a> Attributes<'a> {
    /// From the fields of the event or, where these name no product, from its items, which come along.
    pub fn read(reading: &mut Reading<'a>) -> (Self, Vec<Item<'a>>) {
        let of_fields = Attributes::of_fields(reading);
        if of_fields.product_count() > 0 || !reading.members.may_have(Field::Items) {
            return (of_fields, Vec::new());
        }
        let items = Item::read_all(reading);
        (of_fields.or_of_items(reading, &items), items)
    }

    fn of_fields(reading: &mut Reading<'a>) -> Self {
        Attributes {
            ids: Attribute::read(reading, Field::ProductId),
            names: Attribute::read(reading, Field::ProductName),
            brands: Attribute::read(reading, Field::ProductBrand),
            categories: Attribute::read(reading, Field::Category),
        }
    }

    /// The same with what `items` say. What they do not say stays as the fields have it.
    fn or_of_items(self, reading: &mut Reading<'a>, items: &[Item<'a>]) -> Self {
        let mut of_items = |of: items::Attribute, field| {
            let value = |item: &Item<'a>| element(reading, field, Field::Items, item.value(of));
            Attribute::of_list(items.iter().map(value).collect())
        };
        Attributes {
            ids: of_items(items::Attribute::Id, Field::ProductId),
            names: of_items(items::Attribute::Name, Field::ProductName),
            brands: of_items(items::Attribute::Brand, Field::ProductBrand).or(self.brands),
            categories: of_items(items::Attribute::Category, Field::Category).or(self.categories),
        }
    }

    /// The category, if the event has a single one for all its products.
    pub fn bare_category(&self) -> Option<String> {
        match &self.categories {
            Attribute::Bare(category) => Some(category.to_string()),
            _ => None,
        }
    }

    /// The products, and the values that belong to no particular one of them. Only the first `max` of each are kept.
    pub fn zip(&self, prices: &Prices, max: usize) -> (Vec<Product>, EventLevel) {
        let count = self.product_count();
        let product = |position| Product {
            id: self.ids.of_product(position, count),
            name: self.names.of_product(position, count),
            brand: self.brands.of_product(position, count),
            category: self.bare_category().or_else(|| self.categories.of_product(position, count)),
            price: prices.of_product(position, count),
            quantity: prices.quantity_at(position, count),
        };
        let event_level = EventLevel {
            names: self.names.left_over(count, max),
            brands: self.brands.left_over(count, max),
            categories: match self.categories {
                Attribute::Bare(_) => Vec::new(),
                _ => self.categories.left_over(count, max),
            },
        };
        ((0..count.min(max)).map(product).collect(), event_level)
    }

    /// As many products as there are ids or, where no id is known, as there are names. Brands alone do not make a
    /// product.
    fn product_count(&self) -> usize {
        match self.ids.length() {
            0 => self.names.length(),
            count => count,
        }
    }
}

/// One attribute that may be a list or a single value.
enum Attribute<'a> {
    /// Missing, or a list of nothing but nulls.
    Absent,
    Bare(Cow<'a, str>),
    /// At least one element is not null.
    List(Vec<Option<Cow<'a, str>>>),
}

impl<'a> Attribute<'a> {
    /// The first value of `field` that says something.
    fn read(reading: &mut Reading<'a>, field: Field) -> Self {
        if !reading.members.may_have(field) {
            return Attribute::Absent;
        }
        let values = reading.members.values(field);
        let known = values.map(|value| Attribute::of(reading, field, value)).find(|it| it.length() > 0);
        known.unwrap_or(Attribute::Absent)
    }

    fn of(reading: &mut Reading<'a>, field: Field, value: Value<'a>) -> Self {
        let Value::List(list) = value else {
            return element(reading, field, field, value).map_or(Attribute::Absent, Attribute::Bare);
        };
        let mut texts = Vec::new();
        list.for_each(|value| texts.push(element(reading, field, field, value)));
        if texts.len() > reading.limits.max_list_length {
            reading.note_cut(field);
        }
        Attribute::of_list(texts)
    }

    fn or(self, other: Self) -> Self {
        if self.length() > 0 { self } else { other }
    }

    fn of_list(texts: Vec<Option<Cow<'a, str>>>) -> Self {
        let nothing_known = texts.iter().all(Option::is_none);
        if nothing_known { Attribute::Absent } else { Attribute::List(texts) }
    }

    fn length(&self) -> usize {
        match self {
            Attribute::Absent => 0,
            Attribute::Bare(_) => 1,
            Attribute::List(values) => values.len(),
        }
    }

    /// The value of the product at `position`, if there is one value for each product.
    fn of_product(&self, position: usize, product_count: usize) -> Option<String> {
        match self {
            Attribute::Bare(value) if product_count == 1 => Some(value.to_string()),
            Attribute::List(values) if values.len() == product_count => values[position].as_deref().map(str::to_owned),
            _ => None,
        }
    }

    /// The first `max` of the values that went to no product.
    fn left_over(&self, product_count: usize, max: usize) -> Vec<String> {
        match self {
            _ if self.length() == product_count => Vec::new(),
            Attribute::Absent => Vec::new(),
            Attribute::Bare(value) => vec![value.to_string()],
            Attribute::List(values) => values.iter().flatten().take(max).map(|value| value.to_string()).collect(),
        }
    }
}

/// One value of `field`, which was `sent` under this name or another.
fn element<'a>(reading: &mut Reading<'a>, field: Field, sent: Field, value: Value<'a>) -> Option<Cow<'a, str>> {
    if value == Value::Absent {
        return None;
    }
    let text = if field == Field::ProductId { value.into_name() } else { value.into_text() };
    match text {
        None => {
            reading.note_unreadable(sent);
            None
        }
        Some(id) if field == Field::ProductId => (!reading::is_no_id(&id)).then(|| reading.bounded_id(sent, id)),
        Some(text) => Some(reading.within(sent, text, reading.limits.max_text_bytes)),
    }
}

/// Leaves out the last products of an event whose rows would occupy more than `max_bytes`. Returns whether it did.
pub(super) fn fit_rows(click: &mut Click, max_bytes: usize) -> bool {
    if click.products.len() <= 1 {
        return false;
    }
    let on_each_row = click.text_bytes_on_each_row();
    let mut bytes = 0;
    let fits = |product: &&Product| {
        bytes += on_each_row + product.text_bytes();
        bytes <= max_bytes
    };
    let count = click.products.iter().take_while(fits).count().max(1);
    let is_too_long = count < click.products.len();
    click.products.truncate(count);
    is_too_long
}
