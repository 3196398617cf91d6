//! Bytes become a session. Its texts are borrowed from them.

use super::bytes::{Reader, StateError};
use super::{VERSION, field, member, profile, remainder};
use crate::event::ids::EventKey;
use crate::event::money::Money;
use crate::event::time::Timestamp;
use crate::gold::rest::{Campaign, Counts, Known, Rest, Sums};
use crate::gold::session::Session;
use crate::gold::session_event::{Attribute, Attributes, Content, EventOrder, Product, SessionEvent};

/// The session whose stored form `bytes` is.
pub fn read(bytes: &[u8]) -> Result<Session<'_>, StateError> {
    let mut bytes = Reader(bytes);
    match bytes.byte()? {
        VERSION => {}
        other => return Err(StateError::Version(other)),
    }
    let texts = many(&mut bytes, Reader::text)?;
    let mut tables = Tables { texts, profiles: Vec::new(), unit: 1, earliest: 0 };
    tables.profiles = many(&mut bytes, |bytes| tables.profile(bytes))?;
    tables.unit = 10_i64.checked_pow(bytes.byte()?.into()).ok_or(StateError::Number)?;
    tables.earliest = bytes.signed()?;
    let events = tables.events(&mut bytes)?;
    let rest = match bytes.count()? {
        0 => None,
        _ => Some(Box::new(tables.rest(&mut bytes)?)),
    };
    if bytes.0.is_empty() { Ok(Session { events, rest }) } else { Err(StateError::Long) }
}

fn many<'a, T>(
    bytes: &mut Reader<'a>,
    mut one: impl FnMut(&mut Reader<'a>) -> Result<T, StateError>,
) -> Result<Vec<T>, StateError> {
    let count = bytes.count()?;
    // A few bytes can claim many elements, each of which is much larger in memory.
    let mut all = Vec::with_capacity(count.min(256));
    for _ in 0..count {
        all.push(one(bytes)?);
    }
    Ok(all)
}

struct Profile<'a> {
    attributes: Attributes<'a>,
    is_bot: bool,
    is_anonymous: bool,
}

struct Tables<'a> {
    texts: Vec<&'a str>,
    profiles: Vec<Profile<'a>>,
    /// Of times, in microseconds.
    unit: i64,
    earliest: i64,
}

impl<'a> Tables<'a> {
    fn text(&self, bytes: &mut Reader<'a>) -> Result<&'a str, StateError> {
        let number = bytes.unsigned()?;
        usize::try_from(number).ok().and_then(|number| self.texts.get(number).copied()).ok_or(StateError::Reference)
    }

    fn text_if(&self, is_there: bool, bytes: &mut Reader<'a>) -> Result<Option<&'a str>, StateError> {
        is_there.then(|| self.text(bytes)).transpose()
    }

    fn texts_if(&self, is_there: bool, bytes: &mut Reader<'a>) -> Result<Box<[&'a str]>, StateError> {
        let texts = is_there.then(|| many(bytes, |bytes| self.text(bytes))).transpose()?;
        Ok(texts.unwrap_or_default().into())
    }

    fn profile(&self, bytes: &mut Reader<'a>) -> Result<Profile<'a>, StateError> {
        let mask = bytes.unsigned()?;
        let mut attributes = Attributes::default();
        for (attribute, value) in attributes.0.iter_mut().enumerate() {
            *value = self.text_if(mask & (1 << attribute) != 0, bytes)?;
        }
        let (is_bot, is_anonymous) = (mask & profile::IS_BOT != 0, mask & profile::IS_ANONYMOUS != 0);
        Ok(Profile { attributes, is_bot, is_anonymous })
    }

    fn events(&self, bytes: &mut Reader<'a>) -> Result<Vec<SessionEvent<'a>>, StateError> {
        let events = many(bytes, |bytes| self.event(bytes))?;
        let is_sorted = events.is_sorted_by(|one, next| one.identity() < next.identity());
        if is_sorted { Ok(events) } else { Err(StateError::Order) }
    }

    fn event(&self, bytes: &mut Reader<'a>) -> Result<SessionEvent<'a>, StateError> {
        let key = EventKey(bytes.fixed()?);
        let ticks = self.earliest.wrapping_add(bytes.unsigned()? as i64);
        let at = Timestamp(ticks.checked_mul(self.unit).ok_or(StateError::Number)?);
        let profile = usize::try_from(bytes.unsigned()?).ok().and_then(|number| self.profiles.get(number));
        let profile = profile.ok_or(StateError::Reference)?;
        let event_type = self.text(bytes)?;
        let mask = bytes.unsigned()?;
        let has = |bit: u64| mask & bit != 0;
        let content = Content {
            page_url: self.text_if(has(field::PAGE_URL), bytes)?,
            event_type,
            value: money_if(has(field::VALUE), bytes)?,
            currency: self.text_if(has(field::CURRENCY), bytes)?,
            transaction_id: self.text_if(has(field::TRANSACTION_ID), bytes)?,
            is_anonymous: profile.is_anonymous,
            products: match has(field::PRODUCTS) {
                true => many(bytes, |bytes| self.product(bytes))?.into(),
                false => Box::default(),
            },
            event_names: self.texts_if(has(field::EVENT_NAMES), bytes)?,
            event_brands: self.texts_if(has(field::EVENT_BRANDS), bytes)?,
            event_categories: self.texts_if(has(field::EVENT_CATEGORIES), bytes)?,
            attributes: profile.attributes,
            is_bot: profile.is_bot,
        };
        Ok(SessionEvent { key, at, content })
    }

    fn product(&self, bytes: &mut Reader<'a>) -> Result<Product<'a>, StateError> {
        let mask = bytes.unsigned()?;
        let has = |bit: u64| mask & bit != 0;
        Ok(Product {
            id: self.text_if(has(member::ID), bytes)?,
            name: self.text_if(has(member::NAME), bytes)?,
            brand: self.text_if(has(member::BRAND), bytes)?,
            category: self.text_if(has(member::CATEGORY), bytes)?,
            price: money_if(has(member::PRICE), bytes)?,
            quantity: match has(member::QUANTITY) {
                true => Some(i32::try_from(bytes.signed()?).map_err(|_| StateError::Number)?),
                false => None,
            },
        })
    }

    fn rest(&self, bytes: &mut Reader<'a>) -> Result<Rest<'a>, StateError> {
        let mask = bytes.unsigned()?;
        let has = |bit: u64| mask & bit != 0;
        let mut rest = Rest::empty(EventKey(bytes.fixed()?));
        rest.duplicates_unchecked = has(remainder::DUPLICATES_UNCHECKED);
        rest.is_bot = has(remainder::IS_BOT);
        rest.is_anonymous = has(remainder::IS_ANONYMOUS);
        rest.keys = keys(bytes)?;
        rest.counts = Counts {
            events: bytes.signed()?,
            page_view: bytes.signed()?,
            add_to_cart: bytes.signed()?,
            remove_from_cart: bytes.signed()?,
            search: bytes.signed()?,
            checkout: bytes.signed()?,
        };
        (rest.start, rest.end) = (Timestamp(bytes.signed()?), Timestamp(bytes.signed()?));
        let mut order_if = |is_there: bool| is_there.then(|| self.order(bytes)).transpose();
        (rest.landing, rest.exit) = (order_if(has(remainder::LANDING))?, order_if(has(remainder::EXIT))?);
        let known = bytes.unsigned()?;
        for attribute in (0..Attribute::COUNT).filter(|attribute| known & (1 << attribute) != 0) {
            rest.attributes[attribute] = Some(Known { order: self.order(bytes)?, value: self.text(bytes)? });
        }
        if has(remainder::CAMPAIGN) {
            let order = self.order(bytes)?;
            let (mask, mut words) = (bytes.unsigned()?, [None; Attribute::CAMPAIGN.len()]);
            for (word, value) in words.iter_mut().enumerate() {
                *value = self.text_if(mask & (1 << word) != 0, bytes)?;
            }
            rest.campaign = Some(Campaign { order, words });
        }
        rest.paid = self.events(bytes)?;
        rest.sums = many(bytes, |bytes| self.sums(bytes))?;
        Ok(rest)
    }

    fn sums(&self, bytes: &mut Reader<'a>) -> Result<Sums<'a>, StateError> {
        let is_known = bytes.count()? > 0;
        Ok(Sums {
            currency: self.text_if(is_known, bytes)?,
            purchases: bytes.signed()?,
            purchase_value: Money(bytes.signed()?),
            refunds: bytes.signed()?,
            refund_value: Money(bytes.signed()?),
        })
    }

    fn order(&self, bytes: &mut Reader<'a>) -> Result<EventOrder<'a>, StateError> {
        let (at, key) = (Timestamp(bytes.signed()?), EventKey(bytes.fixed()?));
        let has_page = bytes.count()? > 0;
        Ok(EventOrder { at, page_url: self.text_if(has_page, bytes)?, key })
    }
}

fn keys(bytes: &mut Reader) -> Result<Vec<EventKey>, StateError> {
    let mut before = i64::MIN;
    let keys = many(bytes, |bytes| {
        before = before.wrapping_add(bytes.unsigned()? as i64);
        Ok(EventKey(before))
    })?;
    if keys.is_sorted_by(|one, next| one < next) { Ok(keys) } else { Err(StateError::Order) }
}

fn money_if(is_there: bool, bytes: &mut Reader) -> Result<Option<Money>, StateError> {
    is_there.then(|| bytes.signed().map(Money)).transpose()
}
