//! An event as its producer knows it: the JSON that is sent, and what silver must make of it. Draws events that are alike
//! enough to share sessions, transactions and products, and variants of an event under the id of that event.

use super::Amount;
use super::content::{Content, Row};
use clickstream::event::time::Timestamp;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// Draws a number from 0 to its argument. 0 is the plainest choice.
pub type Draw<'a> = &'a mut dyn FnMut(u64) -> u64;

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub user: String,
    /// Whether the user is not signed in, so that `user` is an anonymous id.
    pub is_anonymous: bool,
    pub session: String,
    pub at_micros: i64,
    /// The event id. Without one, an event is its bytes.
    pub identity: Option<String>,
    pub kind: String,
    pub url: Option<String>,
    /// As the producer states it.
    pub value: Option<Amount>,
    pub currency: Option<String>,
    pub transaction: Option<String>,
    /// Each has an id or a name.
    pub products: Vec<Product>,
    /// More or fewer brands than there are products, so that nobody knows which is whose. No product has a brand then.
    pub brands: Vec<String>,
    /// Sent by a program.
    pub is_bot: bool,
    /// By the names of their fields: browser, system, campaign, place.
    pub attributes: BTreeMap<&'static str, String>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Product {
    pub id: Option<String>,
    pub name: Option<String>,
    pub brand: Option<String>,
    pub category: Option<String>,
    pub price: Option<Amount>,
    pub quantity: Option<i64>,
}

const KINDS: [&str; 10] = [
    "page_view",
    "page_view",
    "purchase",
    "purchase",
    "add_to_cart",
    "remove_from_cart",
    "checkout",
    "search",
    "refund",
    "wishlist",
];

const ATTRIBUTES: [(&str, [&str; 2]); 11] = [
    ("browser", ["Chrome", "Firefox"]),
    ("os", ["Linux", "macOS"]),
    ("device_type", ["desktop", "mobile"]),
    ("referral_source", ["newsletter", "partner"]),
    ("utm_source", ["google", "bing"]),
    ("utm_medium", ["cpc", "mail"]),
    ("utm_campaign", ["spring", "autumn"]),
    ("utm_term", ["shoes", "bicycle"]),
    ("utm_content", ["top", "side"]),
    ("geo_country", ["DE", "US"]),
    ("geo_city", ["Bonn", "Kiel"]),
];

impl Event {
    /// An event of one of a few sessions.
    pub fn drawn(draw: Draw, identity: Option<String>, at_micros: i64) -> Event {
        let user = draw(3);
        let mut event = Event {
            user: format!("u{user}"),
            is_anonymous: user == 3 || draw(7) == 7,
            session: format!("s{}", draw(1)),
            at_micros,
            identity,
            kind: "page_view".to_owned(),
            url: None,
            value: None,
            currency: None,
            transaction: None,
            products: Vec::new(),
            brands: Vec::new(),
            is_bot: draw(15) == 15,
            attributes: BTreeMap::new(),
        };
        for aspect in 0..Self::ASPECTS {
            event.change(draw, aspect);
        }
        event
    }

    /// The same event with other contents: a producer that knew more, knew less, or corrected itself.
    pub fn variant(&self, draw: Draw) -> Event {
        let mut variant = self.clone();
        for _ in 0..=draw(2) {
            let aspect = draw(Self::ASPECTS - 1);
            variant.change(draw, aspect);
        }
        variant
    }

    const ASPECTS: u64 = 7;

    fn change(&mut self, draw: Draw, aspect: u64) {
        match aspect {
            0 => self.kind = KINDS[draw(KINDS.len() as u64 - 1) as usize].to_owned(),
            1 => self.url = one_of(draw, &["/", "/cart", "/z"]),
            2 => self.value = (draw(1) == 1).then(|| draw(1_000_000) as Amount),
            3 => self.currency = one_of(draw, &["EUR", "USD"]),
            4 => self.transaction = one_of(draw, &["t1", "t2"]),
            5 => self.change_products(draw),
            _ => {
                for (name, values) in ATTRIBUTES {
                    self.attributes.remove(name);
                    self.attributes.extend(one_of(draw, &values).filter(|_| draw(3) == 3).map(|value| (name, value)));
                }
            }
        }
    }

    fn change_products(&mut self, draw: Draw) {
        let count = [0, 1, 1, 2, 3][draw(4) as usize];
        self.products = (0..count).map(|_| Product::drawn(draw)).collect();
        self.brands.clear();
        if draw(3) == 3 {
            self.products.iter_mut().for_each(|product| product.brand = None);
            self.brands = ["b1", "b2", "b3", "b4", "b5"][..count + 1 + draw(1) as usize]
                .iter()
                .map(|brand| brand.to_string())
                .collect();
        }
    }

    /// The JSON that its producer sends.
    pub fn body(&self) -> Vec<u8> {
        let id = if self.is_anonymous { "anonymous_id" } else { "user_id" };
        let none = serde_json::Value::Null;
        let mut event = super::super::event::Event::page_view(Timestamp(self.at_micros))
            .with("user_id", none)
            .with(id, self.user.as_str())
            .with("session_id", self.session.as_str())
            .with("event_type", self.kind.as_str())
            .with("event_id", self.identity.clone())
            .with("page_url", self.url.clone())
            .with("value", self.value.map(units))
            .with("currency", self.currency.clone())
            .with("transaction_id", self.transaction.clone());
        for (&name, value) in &self.attributes {
            event = event.with(name, value.as_str());
        }
        if self.is_bot {
            event = event.with("user_agent", "Googlebot/2.1");
        }
        if !self.brands.is_empty() {
            event = event.with("product_brand", self.brands.clone());
        }
        event.with_products(&self.products).body()
    }

    /// What silver must say of it.
    pub fn content(&self) -> Content {
        let attribute = |name: &str| self.attributes.get(name).cloned();
        let bot = |text: &str| self.is_bot.then(|| text.to_owned());
        let line = |product: &Product| Some(product.price? * product.quantity.unwrap_or(1));
        let lines: Vec<Amount> = self.products.iter().filter_map(line).collect();
        let value = self.value.or_else(|| (!lines.is_empty()).then(|| lines.iter().sum()));
        let rows = self.products.iter().map(Product::row);
        Content {
            user: self.user.clone(),
            session: self.session.clone(),
            key: self.key(),
            at_micros: self.at_micros,
            page_url: self.url.clone(),
            event_type: self.kind.clone(),
            value: if self.kind == "refund" { value.map(Amount::abs) } else { value },
            currency: self.currency.clone(),
            transaction: self.transaction.clone(),
            is_anonymous: self.is_anonymous,
            event_names: Vec::new(),
            event_brands: self.brands.clone(),
            event_categories: Vec::new(),
            browser: attribute("browser").or_else(|| bot("Googlebot")),
            os: attribute("os"),
            device_type: attribute("device_type").or_else(|| bot("bot")),
            is_bot: self.is_bot,
            referral_source: attribute("referral_source"),
            utm: ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"].map(attribute),
            geo_country: attribute("geo_country"),
            geo_city: attribute("geo_city"),
            rows: if self.products.is_empty() { vec![Row::default()] } else { rows.collect() },
        }
    }

    fn key(&self) -> i64 {
        let Some(id) = &self.identity else { return xxh3_64(&self.body()) as i64 };
        let hashed = [b"\0event_id\0", id.as_bytes(), b"\0", &self.at_micros.to_le_bytes()].concat();
        xxh3_64(&hashed) as i64
    }
}

impl Product {
    fn drawn(draw: Draw) -> Self {
        let name = one_of(draw, &["Apple", "Zebra"]);
        // Without a name it needs an id.
        let has_id = name.is_none() || draw(7) < 7;
        Product {
            id: has_id.then(|| ["A", "B", "C"][draw(2) as usize].to_owned()),
            name,
            brand: one_of(draw, &["b1", "b2"]),
            category: one_of(draw, &["c1", "c2"]),
            price: (draw(3) > 0).then(|| draw(1_000_000) as Amount - 100_000),
            quantity: (draw(2) == 2).then(|| 1 + draw(3) as i64),
        }
    }

    fn row(&self) -> Row {
        let Product { id, name, brand, category, price, quantity } = self.clone();
        Row { id, name, brand, category, price, quantity }
    }
}

impl super::super::event::Event {
    /// Each attribute of the products as a list of its own.
    fn with_products(self, products: &[Product]) -> Self {
        let texts = |of: fn(&Product) -> &Option<String>| products.iter().map(of).cloned().collect::<Vec<_>>();
        let lists = [
            ("product_id", texts(|product| &product.id)),
            ("product_name", texts(|product| &product.name)),
            ("product_brand", texts(|product| &product.brand)),
            ("category", texts(|product| &product.category)),
        ];
        let mut event = self;
        for (name, list) in lists.into_iter().filter(|(_, list)| list.iter().any(Option::is_some)) {
            event = event.with(name, list);
        }
        if products.is_empty() {
            return event;
        }
        let prices: Vec<Option<f64>> = products.iter().map(|product| product.price.map(units)).collect();
        let quantities: Vec<Option<i64>> = products.iter().map(|product| product.quantity).collect();
        event.with("product_price", prices).with("quantity", quantities)
    }
}

fn units(amount: Amount) -> f64 {
    amount as f64 / 10_000.0
}

fn one_of(draw: Draw, values: &[&str]) -> Option<String> {
    let drawn = draw(values.len() as u64) as usize;
    drawn.checked_sub(1).map(|at| values[at].to_owned())
}
