//! Sessions and their summaries as text: what an event says, and what gold shows.

mod events;
mod money;
mod products;
mod rest;

use super::Summary;
use crate::event::ids::EventKey;
use crate::event::money::Money;
use crate::event::time::{Span, Timestamp};
use crate::gold::rest::Rest;
use crate::gold::session::Session;
use crate::gold::session_event::{Attribute, Content, Product, SessionEvent};

/// A day that begins with the epoch, so that hour 10 of it is the tenth since then.
fn time(clock: &str) -> Timestamp {
    let mut seconds = clock.split(':').map(|part| part.parse::<i64>().unwrap()).chain([0, 0]);
    let mut next = || seconds.next().unwrap();
    Timestamp(0) + Span::from_seconds(next() * 3_600 + next() * 60 + next())
}

fn amount(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// A product row: `A x2 @9.50 name:Lamp`. The id comes first, `-` stands for no id.
fn product(text: &'static str) -> Product<'static> {
    let mut words = text.split(' ');
    let id = words.next().filter(|id| *id != "-");
    words.fold(Product { id, ..Product::default() }, |product, word| match word.split_at(1) {
        ("x", pieces) => Product { quantity: Some(pieces.parse().unwrap()), ..product },
        ("@", price) => Product { price: Some(amount(price)), ..product },
        _ => match word.split_once(':') {
            Some(("name", name)) => Product { name: Some(name), ..product },
            Some(("brand", brand)) => Product { brand: Some(brand), ..product },
            Some(("category", category)) => Product { category: Some(category), ..product },
            _ => panic!("`{word}` says nothing of a product"),
        },
    })
}

#[derive(Clone)]
struct Event(SessionEvent<'static>);

/// Its key is its time, unless said otherwise.
fn event(clock: &str, event_type: &'static str) -> Event {
    let at = time(clock);
    Event(SessionEvent { key: EventKey(at.0), at, content: Content { event_type, ..Content::default() } })
}

impl Event {
    fn with(mut self, change: impl FnOnce(&mut Content<'static>)) -> Self {
        change(&mut self.0.content);
        self
    }

    fn key(mut self, key: i64) -> Self {
        self.0.key = EventKey(key);
        self
    }

    fn page(self, url: &'static str) -> Self {
        self.with(|content| content.page_url = Some(url))
    }

    fn value(self, value: &str) -> Self {
        self.with(|content| content.value = Some(amount(value)))
    }

    fn currency(self, currency: &'static str) -> Self {
        self.with(|content| content.currency = Some(currency))
    }

    fn transaction(self, id: &'static str) -> Self {
        self.with(|content| content.transaction_id = Some(id))
    }

    fn attribute(self, attribute: Attribute, value: &'static str) -> Self {
        self.with(|content| content.attributes.0[attribute as usize] = Some(value))
    }

    fn products<const N: usize>(self, rows: [&'static str; N]) -> Self {
        self.with(|content| content.products = rows.map(product).into())
    }
}

fn session(events: impl IntoIterator<Item = Event>) -> Session<'static> {
    let mut events: Vec<_> = events.into_iter().map(|event| event.0).collect();
    events.sort_by_key(SessionEvent::identity);
    Session { events, rest: None }
}

fn summary(events: impl IntoIterator<Item = Event>) -> Summary<'static> {
    Summary::of(&session(events))
}

fn summary_with_rest(events: impl IntoIterator<Item = Event>, rest: Rest<'static>) -> Summary<'static> {
    Summary::of(&Session { rest: Some(Box::new(rest)), ..session(events) })
}

/// `2 purchases 30.0000, 0 refunds 0.0000, EUR and others`.
fn payments(summary: &Summary) -> String {
    let payments = &summary.payments;
    format!(
        "{} purchases {}, {} refunds {}, {}{}",
        payments.purchase_count,
        payments.purchase_value,
        payments.refund_count,
        payments.refund_value,
        payments.currency.unwrap_or("no currency"),
        if payments.has_other_currencies { " and others" } else { "" }
    )
}

/// `A h10 views:1 purchases:1 units:2 value:20.0000 name:Lamp`, an entry a line; zeros and nulls are left out.
fn products(summary: &Summary) -> Vec<String> {
    let line = |entry: &super::ProductHour| {
        let numbers = [
            ("views", entry.views),
            ("adds", entry.adds),
            ("removes", entry.removes),
            ("purchases", entry.purchases),
            ("units", entry.units),
        ];
        let numbers = numbers.into_iter().filter(|(_, number)| *number != 0);
        let numbers = numbers.map(|(name, number)| format!(" {name}:{number}"));
        let texts = [
            ("value", entry.value.map(|value| value.to_string())),
            ("name", entry.name.map(str::to_owned)),
            ("brand", entry.brand.map(str::to_owned)),
            ("category", entry.category.map(str::to_owned)),
        ];
        let texts = texts.into_iter().filter_map(|(name, text)| Some(format!(" {name}:{}", text?)));
        format!("{} h{}{}", entry.id, entry.hour, numbers.chain(texts).collect::<String>())
    };
    summary.products.iter().map(line).collect()
}
