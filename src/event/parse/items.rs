//! The products of an event as a list of objects, the spelling of GA4.
//!
//! Read only where no other field names a product, so that an event which has both does not count them twice. Knows under
//! which names a value stands in an object, not what it means.

use super::field::Field;
use super::reading::Reading;
use super::split::each_member;
use super::value::Value;

/// What an object says about its product.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attribute {
    Id,
    Name,
    Brand,
    Category,
    Price,
    Quantity,
}

impl Attribute {
    const ALL: [Attribute; 6] =
        [Attribute::Id, Attribute::Name, Attribute::Brand, Attribute::Category, Attribute::Price, Attribute::Quantity];

    /// Its names, in the order in which they count.
    fn names(self) -> &'static [&'static str] {
        match self {
            Attribute::Id => &["item_id", "id", "product_id", "sku"],
            Attribute::Name => &["item_name", "name"],
            Attribute::Brand => &["item_brand", "brand"],
            Attribute::Category => &["item_category", "category"],
            Attribute::Price => &["price"],
            Attribute::Quantity => &["quantity"],
        }
    }
}

/// One object of the field `items`.
pub(super) struct Item<'a> {
    /// The JSON texts that were sent of each attribute, by the place of their names.
    sent: [[Option<&'a str>; Item::MAX_NAMES]; Attribute::ALL.len()],
}

impl<'a> Item<'a> {
    const MAX_NAMES: usize = 4;

    /// The objects of `items`.
    pub fn read_all(reading: &mut Reading<'a>) -> Vec<Item<'a>> {
        let mut items = Vec::new();
        for value in reading.members.values(Field::Items) {
            match value {
                Value::List(list) => list.for_each(|value| match value {
                    Value::Object(json) => items.push(Item::read(json)),
                    Value::Absent => {}
                    _ => reading.note_unreadable(Field::Items),
                }),
                Value::Object(json) => items.push(Item::read(json)),
                _ => reading.note_unreadable(Field::Items),
            }
            if !items.is_empty() {
                break;
            }
        }
        if items.len() > reading.limits.max_list_length {
            reading.note_cut(Field::Items);
        }
        items
    }

    fn read(json: &'a str) -> Item<'a> {
        let mut item = Item { sent: Default::default() };
        let place = |name: &[u8]| {
            let at = |attribute: Attribute| attribute.names().iter().position(|known| known.as_bytes() == name);
            Attribute::ALL.into_iter().find_map(|attribute| Some((attribute, at(attribute)?)))
        };
        // The text is known to be a valid object, so there is no error to report.
        let _ = each_member(json, place, |(attribute, place), value| {
            item.sent[attribute as usize][place] = Some(value);
        });
        item
    }

    /// What the object says of `attribute`.
    pub fn value(&self, attribute: Attribute) -> Value<'a> {
        let sent = self.sent[attribute as usize].iter().flatten().map(|json| Value::of(json));
        sent.into_iter().find(|value| *value != Value::Absent).unwrap_or(Value::Absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_place() {
        assert!(Attribute::ALL.iter().all(|attribute| attribute.names().len() <= Item::MAX_NAMES));
        assert!(Attribute::ALL.iter().enumerate().all(|(place, attribute)| *attribute as usize == place));
    }
}
