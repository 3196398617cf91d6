//! The products of an event, from the parallel members that describe them.
//!
//! Which value belongs to which product is known only where a list has as many elements as there are products. Any
//! other list stays with the event: from a deduplicated list of brands nobody can tell the brand of the first product.

use super::limits::{self, Limits};
use super::members::{Field, Members};
use super::prices::Prices;
use super::value::Value;
use crate::event::click::{EventLevel, Product};
use crate::event::reject::Reject;
use std::borrow::Cow;

/// What an event says about its products, member by member.
pub(super) struct Attributes<'a> {
    ids: Attribute<'a>,
    names: Attribute<'a>,
    brands: Attribute<'a>,
    categories: Attribute<'a>,
}

impl<'a> Attributes<'a> {
    pub(super) fn read(members: &Members<'a>, limits: &Limits) -> Result<Self, Reject> {
        Ok(Attributes {
            ids: Attribute::read(members, Field::ProductId, limits)?,
            names: Attribute::read(members, Field::ProductName, limits)?,
            brands: Attribute::read(members, Field::ProductBrand, limits)?,
            categories: Attribute::read(members, Field::Category, limits)?,
        })
    }

    /// The category, if the event has a single one for all its products.
    pub(super) fn bare_category(&self) -> Option<String> {
        match &self.categories {
            Attribute::Bare(category) => Some(category.to_string()),
            _ => None,
        }
    }

    /// The products, and the values that belong to no particular one of them.
    pub(super) fn zip(&self, prices: &Prices) -> (Vec<Product>, EventLevel) {
        let count = self.product_count();
        let product = |position| Product {
            id: self.ids.of_product(position, count),
            name: self.names.of_product(position, count),
            brand: self.brands.of_product(position, count),
            category: self.bare_category().or_else(|| self.categories.of_product(position, count)),
            price: prices.of_product(position, count),
        };
        let event_level = EventLevel {
            names: self.names.left_over(count),
            brands: self.brands.left_over(count),
            categories: match self.categories {
                Attribute::Bare(_) => Vec::new(),
                _ => self.categories.left_over(count),
            },
        };
        ((0..count).map(product).collect(), event_level)
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

/// One member that may be a list or a single value.
enum Attribute<'a> {
    /// Missing, or a list of nothing but nulls.
    Absent,
    Bare(Cow<'a, str>),
    /// At least one element is not null.
    List(Vec<Option<Cow<'a, str>>>),
}

impl<'a> Attribute<'a> {
    fn read(members: &Members<'a>, field: Field, limits: &Limits) -> Result<Self, Reject> {
        let value = members.value(field);
        let Value::List(json) = value else {
            let Some(text) = value.into_text() else { return Ok(Attribute::Absent) };
            limits::check_text(field, &text, limits.max_text_bytes)?;
            return Ok(Attribute::Bare(text));
        };
        let texts: Vec<_> = limits::list(field, json, limits)?.into_iter().map(Value::into_text).collect();
        texts.iter().flatten().try_for_each(|text| limits::check_text(field, text, limits.max_text_bytes))?;
        let nothing_known = texts.iter().all(Option::is_none);
        Ok(if nothing_known { Attribute::Absent } else { Attribute::List(texts) })
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

    /// The values that went to no product.
    fn left_over(&self, product_count: usize) -> Vec<String> {
        match self {
            _ if self.length() == product_count => Vec::new(),
            Attribute::Absent => Vec::new(),
            Attribute::Bare(value) => vec![value.to_string()],
            Attribute::List(values) => values.iter().flatten().map(|value| value.to_string()).collect(),
        }
    }
}
