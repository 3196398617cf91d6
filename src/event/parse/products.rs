//! The products of an event, from the parallel fields that describe them or from a list of objects.
//!
//! Which value belongs to which product is known only where a list has as many elements as there are products. Any
//! other list stays with the event: from a deduplicated list of brands nobody can tell the brand of the first product.

use super::field::Field;
use super::prices::Prices;
use super::reading::{self, Reading};
use super::split::each_member;
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
    /// From the fields of the event or, where `items` describe its products, from these.
    pub fn read(reading: &mut Reading<'a>, items: &[Item<'a>]) -> Self {
        if items.is_empty() {
            return Attributes {
                ids: Attribute::read(reading, Field::ProductId),
                names: Attribute::read(reading, Field::ProductName),
                brands: Attribute::read(reading, Field::ProductBrand),
                categories: Attribute::read(reading, Field::Category),
            };
        }
        let mut of_items = |of: fn(&Item<'a>) -> Value<'a>, field| {
            Attribute::of_list(items.iter().map(|item| element(reading, field, Field::Items, of(item))).collect())
        };
        let ids = of_items(Item::id, Field::ProductId);
        let names = of_items(Item::name, Field::ProductName);
        let brands = of_items(Item::brand, Field::ProductBrand);
        let categories = of_items(Item::category, Field::Category);
        let categories = match categories {
            Attribute::Absent => Attribute::read(reading, Field::Category),
            known => known,
        };
        Attributes { ids, names, brands, categories }
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
    fn read(reading: &mut Reading<'a>, field: Field) -> Self {
        match reading.members.values(field).next() {
            None => Attribute::Absent,
            Some(Value::List(list)) => {
                let mut texts = Vec::new();
                list.for_each(|value| texts.push(element(reading, field, field, value)));
                if texts.len() > reading.limits.max_list_length {
                    reading.note_cut(field);
                }
                Attribute::of_list(texts)
            }
            Some(value) => element(reading, field, field, value).map_or(Attribute::Absent, Attribute::Bare),
        }
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

/// One object of the field `items`.
pub(super) struct Item<'a> {
    /// JSON texts, at the positions of [`Item::NAMES`].
    members: [Option<&'a str>; Item::NAMES.len()],
}

impl<'a> Item<'a> {
    const NAMES: [&'static str; 12] = [
        "item_id",
        "id",
        "product_id",
        "sku", // the id
        "item_name",
        "name", // the name
        "item_brand",
        "brand", // the brand
        "item_category",
        "category", // the category
        "price",
        "quantity",
    ];

    /// The objects of `items`, unless other fields of the event describe its products.
    pub fn read_all(reading: &mut Reading<'a>) -> Vec<Item<'a>> {
        let others = [Field::ProductId, Field::ProductName, Field::ProductPrice];
        if !reading.members.has(Field::Items) || others.into_iter().any(|field| reading.members.has(field)) {
            return Vec::new();
        }
        let mut items = Vec::new();
        match reading.members.values(Field::Items).next() {
            None => {}
            Some(Value::List(list)) => list.for_each(|value| match value {
                Value::Object(json) => items.push(Item::read(json)),
                Value::Absent => {}
                _ => reading.note_unreadable(Field::Items),
            }),
            Some(Value::Object(json)) => items.push(Item::read(json)),
            Some(_) => reading.note_unreadable(Field::Items),
        }
        if items.len() > reading.limits.max_list_length {
            reading.note_cut(Field::Items);
        }
        items
    }

    fn read(json: &'a str) -> Item<'a> {
        let mut members = [None; Item::NAMES.len()];
        let position = |name: &[u8]| Item::NAMES.iter().position(|known| known.as_bytes() == name);
        // The text is known to be a valid object, so there is no error to report.
        let _ = each_member(json, position, |member| {
            if let Some((position, value)) = member {
                members[position] = Some(value);
            }
        });
        Item { members }
    }

    /// The first value that is there at one of these positions.
    fn first(&self, positions: std::ops::Range<usize>) -> Value<'a> {
        let sent = self.members[positions].iter().flatten().map(|json| Value::of(json));
        sent.into_iter().find(|value| *value != Value::Absent).unwrap_or(Value::Absent)
    }

    fn id(&self) -> Value<'a> {
        self.first(0..4)
    }

    fn name(&self) -> Value<'a> {
        self.first(4..6)
    }

    fn brand(&self) -> Value<'a> {
        self.first(6..8)
    }

    fn category(&self) -> Value<'a> {
        self.first(8..10)
    }

    pub fn price(&self) -> Value<'a> {
        self.first(10..11)
    }

    pub fn quantity(&self) -> Value<'a> {
        self.first(11..12)
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
