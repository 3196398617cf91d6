//! A session event: what one event contributes to its session.
//!
//! Text is borrowed from the batch that it was read from: rows of silver, or the `state` of a stored session. Does not know
//! how either is laid out.

use crate::event::ids::EventKey;
use crate::event::money::Money;
use crate::event::time::Timestamp;
use crate::silver::schema as silver;
use std::cmp::Ordering;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Which events may share a session: those with the same user id and the same session id of the producer. Neither is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey<'a> {
    pub user_id: &'a str,
    pub session_id: &'a str,
}

impl<'a> SessionKey<'a> {
    /// `None` where one of them is blank.
    pub fn new(user_id: &'a str, session_id: &'a str) -> Option<Self> {
        let is_blank = user_id.trim_ascii().is_empty() || session_id.trim_ascii().is_empty();
        (!is_blank).then_some(SessionKey { user_id, session_id })
    }

    /// Tells keys apart where they cannot be kept. A collision costs work, not correctness.
    pub(super) fn hash(&self) -> KeyHash {
        KeyHash(xxh3_64_with_seed(self.user_id.as_bytes(), xxh3_64(self.session_id.as_bytes())))
    }
}

/// 64 bits of a session key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct KeyHash(pub u64);

/// One event as its session keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionEvent<'a> {
    pub key: EventKey,
    pub at: Timestamp,
    pub content: Content<'a>,
}

/// Which event of its session it is. The key is a hash over the time, so equal keys with different times are two events whose
/// hashes collide.
pub type EventIdentity = (EventKey, Timestamp);

/// Where an event stands among the events of its session: by event time, then page, then event key. The order is total, so
/// "first" and "last" mean the same in whatever order the events arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventOrder<'a> {
    pub at: Timestamp,
    pub page_url: Option<&'a str>,
    pub key: EventKey,
}

/// What an event says. Two contents of one event have a total order (`Ord`), and the smaller one counts: nulls come last, so a
/// copy that says more wins over one that says less.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Content<'a> {
    pub page_url: Option<&'a str>,
    /// As silver has it: the name of a known type, or as sent.
    pub event_type: &'a str,
    pub value: Option<Money>,
    pub currency: Option<&'a str>,
    pub transaction_id: Option<&'a str>,
    pub is_anonymous: bool,
    /// Names, brands and categories that belong to no single product.
    pub event_names: Box<[&'a str]>,
    pub event_brands: Box<[&'a str]>,
    pub event_categories: Box<[&'a str]>,
    pub attributes: Attributes<'a>,
    pub is_bot: bool,
    /// The product rows by `product_index`. An event without products has one with nothing but a category, or none.
    pub products: Box<[Product<'a>]>,
}

/// One product row of an event.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Product<'a> {
    pub id: Option<&'a str>,
    pub name: Option<&'a str>,
    pub brand: Option<&'a str>,
    pub category: Option<&'a str>,
    /// Of one piece.
    pub price: Option<Money>,
    /// Pieces.
    pub quantity: Option<i32>,
}

/// Attributes of which a session shows the first known value, in the order of silver's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    Browser,
    Os,
    DeviceType,
    ReferralSource,
    UtmSource,
    UtmMedium,
    UtmCampaign,
    UtmTerm,
    UtmContent,
    GeoCountry,
    GeoCity,
}

impl Attribute {
    pub const COUNT: usize = Self::ALL.len();

    pub const ALL: [Attribute; 11] = [
        Attribute::Browser,
        Attribute::Os,
        Attribute::DeviceType,
        Attribute::ReferralSource,
        Attribute::UtmSource,
        Attribute::UtmMedium,
        Attribute::UtmCampaign,
        Attribute::UtmTerm,
        Attribute::UtmContent,
        Attribute::GeoCountry,
        Attribute::GeoCity,
    ];

    /// The words of a campaign. A session has those of the first event that has any of them.
    pub const CAMPAIGN: [Attribute; 5] =
        [Attribute::UtmSource, Attribute::UtmMedium, Attribute::UtmCampaign, Attribute::UtmTerm, Attribute::UtmContent];

    /// The column of silver that holds it.
    pub fn column(self) -> &'static str {
        match self {
            Attribute::Browser => silver::BROWSER,
            Attribute::Os => silver::OS,
            Attribute::DeviceType => silver::DEVICE_TYPE,
            Attribute::ReferralSource => silver::REFERRAL_SOURCE,
            Attribute::UtmSource => silver::UTM_SOURCE,
            Attribute::UtmMedium => silver::UTM_MEDIUM,
            Attribute::UtmCampaign => silver::UTM_CAMPAIGN,
            Attribute::UtmTerm => silver::UTM_TERM,
            Attribute::UtmContent => silver::UTM_CONTENT,
            Attribute::GeoCountry => silver::GEO_COUNTRY,
            Attribute::GeoCity => silver::GEO_CITY,
        }
    }
}

/// The value of each attribute, in the order of [`Attribute::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes<'a>(pub [Option<&'a str>; Attribute::COUNT]);

impl<'a> Attributes<'a> {
    pub fn get(&self, attribute: Attribute) -> Option<&'a str> {
        self.0[attribute as usize]
    }

    /// The words of the campaign, in the order of [`Attribute::CAMPAIGN`].
    pub fn campaign(&self) -> [Option<&'a str>; Attribute::CAMPAIGN.len()] {
        Attribute::CAMPAIGN.map(|word| self.get(word))
    }
}

impl<'a> SessionEvent<'a> {
    pub fn identity(&self) -> EventIdentity {
        (self.key, self.at)
    }

    pub fn order(&self) -> EventOrder<'a> {
        EventOrder { at: self.at, page_url: self.content.page_url, key: self.key }
    }

    /// What the event counts for where sessions are bounded. It does not depend on the other events of its session.
    pub(super) fn bytes(&self) -> usize {
        const FIXED: usize = 32;
        let content = &self.content;
        let of = |text: Option<&str>| text.map_or(0, str::len);
        let all = |texts: &[&str]| texts.iter().map(|text| text.len() + 1).sum::<usize>();
        let product = |product: &Product| {
            FIXED + [product.id, product.name, product.brand, product.category].map(of).iter().sum::<usize>()
        };
        FIXED
            + [content.page_url, Some(content.event_type), content.currency, content.transaction_id]
                .map(of)
                .iter()
                .sum::<usize>()
            + content.attributes.0.map(of).iter().sum::<usize>()
            + [&content.event_names, &content.event_brands, &content.event_categories]
                .map(|texts| all(texts))
                .iter()
                .sum::<usize>()
            + content.products.iter().map(product).sum::<usize>()
    }
}

impl Ord for EventOrder<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_time = self.at.cmp(&other.at);
        by_time.then_with(|| nulls_last(&self.page_url, &other.page_url)).then_with(|| self.key.cmp(&other.key))
    }
}

impl PartialOrd for EventOrder<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Content<'_> {}

impl Ord for Content<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let nulls_last = nulls_last::<&str>;
        let attributes = |from: usize, to: usize| {
            let pairs = self.attributes.0[from..to].iter().zip(&other.attributes.0[from..to]);
            pairs.map(|(one, other)| nulls_last(one, other)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        // `is_bot` stands between the device and the referrer in silver.
        let device = Attribute::ReferralSource as usize;
        nulls_last(&self.page_url, &other.page_url)
            .then_with(|| self.event_type.cmp(other.event_type))
            .then_with(|| self::nulls_last(&self.value, &other.value))
            .then_with(|| nulls_last(&self.currency, &other.currency))
            .then_with(|| nulls_last(&self.transaction_id, &other.transaction_id))
            .then_with(|| self.is_anonymous.cmp(&other.is_anonymous))
            .then_with(|| by_elements(&self.event_names, &other.event_names))
            .then_with(|| by_elements(&self.event_brands, &other.event_brands))
            .then_with(|| by_elements(&self.event_categories, &other.event_categories))
            .then_with(|| attributes(0, device))
            .then_with(|| self.is_bot.cmp(&other.is_bot))
            .then_with(|| attributes(device, Attribute::COUNT))
            .then_with(|| by_elements(&self.products, &other.products))
    }
}

impl PartialOrd for Content<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Product<'_> {}

impl Ord for Product<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        nulls_last(&self.id, &other.id)
            .then_with(|| nulls_last(&self.name, &other.name))
            .then_with(|| nulls_last(&self.brand, &other.brand))
            .then_with(|| nulls_last(&self.category, &other.category))
            .then_with(|| nulls_last(&self.price, &other.price))
            .then_with(|| nulls_last(&self.quantity, &other.quantity))
    }
}

impl PartialOrd for Product<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn nulls_last<T: Ord>(one: &Option<T>, other: &Option<T>) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => one.cmp(other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}

/// An element that only one of them has is smaller than none: the longer list says more.
fn by_elements<T: Ord>(one: &[T], other: &[T]) -> Ordering {
    let elements = one.iter().zip(other).map(|(one, other)| one.cmp(other)).find(|order| order.is_ne());
    elements.unwrap_or_else(|| other.len().cmp(&one.len()))
}
