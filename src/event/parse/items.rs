//! The products of an event as a list of objects, the spelling of GA4.
//!
//! Read only where no other field describes products, so that an event which has both does not count them twice. Knows
//! where a value stands in an object, not what it means.

use super::field::Field;
use super::reading::Reading;
use super::split::each_member;
use super::value::Value;

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

    pub fn id(&self) -> Value<'a> {
        self.first(0..4)
    }

    pub fn name(&self) -> Value<'a> {
        self.first(4..6)
    }

    pub fn brand(&self) -> Value<'a> {
        self.first(6..8)
    }

    pub fn category(&self) -> Value<'a> {
        self.first(8..10)
    }

    pub fn price(&self) -> Value<'a> {
        self.first(10..11)
    }

    pub fn quantity(&self) -> Value<'a> {
        self.first(11..12)
    }
}
