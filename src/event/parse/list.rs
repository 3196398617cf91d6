//! A JSON list, element by element and no further than a bound.

use super::value::Value;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// More elements than allowed, or more than a list of them could be worth keeping.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooManyElements;

/// The values of `json`, the text of one valid JSON list.
pub(super) fn elements(json: &str, max_length: usize) -> Result<Vec<Value<'_>>, TooManyElements> {
    let visitor = ElementsVisitor { max_length };
    // The text is known to be a list, so the only error left is the visitor's own.
    serde_json::Deserializer::from_str(json).deserialize_seq(visitor).map_err(|_| TooManyElements)
}

struct ElementsVisitor {
    max_length: usize,
}

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Vec<Value<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} elements", self.max_length)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while values.len() < self.max_length {
            match list.next_element::<&RawValue>()? {
                Some(element) => values.push(Value::of(element.get())),
                None => return Ok(values),
            }
        }
        match list.next_element::<IgnoredAny>()? {
            None => Ok(values),
            Some(_) => Err(A::Error::invalid_length(self.max_length + 1, &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_keep_their_place_and_nested_values_stay_closed() {
        let values = elements(r#"[ "a" , null, "", 1, [[2]], {"b":3} ]"#, 6).unwrap();
        let kinds: Vec<&str> = values.iter().map(Value::kind).collect();
        assert_eq!(kinds, ["a string", "null or empty", "null or empty", "a number", "a list", "an object"]);
    }

    #[test]
    fn one_element_too_many_is_too_many() {
        assert_eq!(elements("[1,2]", 2).map(|values| values.len()), Ok(2));
        assert_eq!(elements("[1,2,3]", 2), Err(TooManyElements));
        assert_eq!(elements("[]", 0).map(|values| values.len()), Ok(0));
    }
}
