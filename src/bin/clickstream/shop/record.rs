//! An event as bytes, and the ways in which an event can be malformed.
//!
//! The shape is that of a real shop's front end. A product is an array of one element. A purchase lists the whole cart, each
//! brand once; its price is the total, as a number without an array, and its category is `Mixed`.

use super::catalog::{PRODUCTS, Product};
use super::rng::Rng;
use super::visitors::{Action, Client, Visit};
use clickstream::event::time::{MICROS_PER_SECOND, Timestamp};
use std::collections::BTreeSet;
use std::io::Write;

const FIVE_YEARS_MICROS: i64 = 5 * 365 * 86_400 * MICROS_PER_SECOND;
/// Deeper than a parser of JSON should follow.
const NESTING: usize = 300;

#[derive(Debug, Clone, Default)]
pub struct Ids {
    pub event_id: Option<String>,
    pub transaction_id: Option<String>,
}

/// Everything that goes into one event. A [`Fault`] leaves some of it out.
pub struct Record<'a> {
    pub client: &'a Client,
    pub visit: &'a Visit,
    pub ids: Ids,
    pub user_id: Option<&'a str>,
    pub at: Option<Timestamp>,
    pub products: Products,
    /// If above 0, the event has a member that is an array of arrays of this depth.
    pub nesting: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Products {
    AsSold,
    /// With prices below zero.
    Negative,
    LeftOut,
}

/// How an event is malformed: one of each kind that a pipeline has to survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Truncated,
    NotUtf8,
    Array,
    NoUser,
    NoTimestamp,
    FromTheFuture,
    NegativePrice,
    DeepNesting,
    DetailWithoutProduct,
    /// A whole event that is `null`. It is not an empty line, which NDJSON would not count as an event.
    Null,
}

pub const FAULTS: [Fault; 10] = [
    Fault::Truncated,
    Fault::NotUtf8,
    Fault::Array,
    Fault::NoUser,
    Fault::NoTimestamp,
    Fault::FromTheFuture,
    Fault::NegativePrice,
    Fault::DeepNesting,
    Fault::DetailWithoutProduct,
    Fault::Null,
];

impl Record<'_> {
    /// One JSON object on one line.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(768);
        self.write(&mut out).expect("writing to memory does not fail");
        out
    }

    /// The bytes with one fault. They never contain a newline.
    pub fn malformed(mut self, fault: Fault, at: Timestamp, rng: &mut Rng) -> Vec<u8> {
        let mut visit = self.visit.clone();
        match fault {
            Fault::Null => return b"null".to_vec(),
            Fault::NoUser => self.user_id = None,
            Fault::NoTimestamp => self.at = None,
            Fault::FromTheFuture => self.at = Some(at.plus_micros(FIVE_YEARS_MICROS)),
            Fault::DeepNesting => self.nesting = NESTING,
            Fault::NegativePrice => {
                visit.action = Action::Detail;
                self.products = Products::Negative;
            }
            Fault::DetailWithoutProduct => {
                visit.action = Action::Detail;
                self.products = Products::LeftOut;
            }
            Fault::Truncated | Fault::NotUtf8 | Fault::Array => (),
        }
        let mut bytes = Record { visit: &visit, ..self }.bytes();
        match fault {
            Fault::Truncated => bytes.truncate(1 + rng.below(bytes.len() as u64 - 1) as usize),
            Fault::NotUtf8 => bytes[20..24].copy_from_slice(&[0xff, 0xfe, 0x80, 0xc3]),
            Fault::Array => {
                bytes.insert(0, b'[');
                bytes.push(b']');
            }
            _ => (),
        }
        bytes
    }

    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        out.push(b'{');
        if let Some(id) = &self.ids.event_id {
            write!(out, "\"event_id\":\"{id}\",")?;
        }
        if let Some(user_id) = self.user_id {
            write!(out, "\"user_id\":\"{user_id}\",")?;
        }
        write!(out, "\"session_id\":\"{}\",", self.client.session_id)?;
        if let Some(at) = self.at {
            write!(out, "\"timestamp\":\"{at}\",")?;
        }
        write!(out, "\"event_type\":\"{}\",\"page_url\":\"{}", event_type(self.visit.action), page(self.visit.action))?;
        if matches!(self.visit.action, Action::Detail | Action::AddToCart) {
            out.extend_from_slice(PRODUCTS[self.visit.product].id.as_bytes());
        }
        out.extend_from_slice(b"\",");
        self.write_products(out)?;
        self.write_client(out)?;
        if let Some(id) = &self.ids.transaction_id {
            write!(out, ",\"transaction_id\":\"{id}\"")?;
        }
        if self.nesting > 0 {
            write!(out, ",\"nested\":{}{}", "[".repeat(self.nesting), "]".repeat(self.nesting))?;
        }
        out.write_all(b"}")
    }

    fn write_products(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let sign = if self.products == Products::Negative { "-" } else { "" };
        let product = &PRODUCTS[self.visit.product];
        match self.visit.action {
            _ if self.products == Products::LeftOut => self.write_no_products(out),
            Action::Detail | Action::AddToCart | Action::RemoveFromCart => write!(
                out,
                "\"product_id\":[\"{}\"],\"product_name\":[\"{}\"],\"product_brand\":[\"{}\"],\
                 \"product_price\":[{sign}{}],\"category\":\"{}\",",
                product.id,
                product.name,
                product.brand,
                money(u64::from(product.price_cents)),
                product.category
            ),
            Action::Purchase => {
                let cart: Vec<&Product> = self.visit.cart.iter().map(|index| &PRODUCTS[*index]).collect();
                let brands: BTreeSet<&str> = cart.iter().map(|product| product.brand).collect();
                write_texts(out, "product_id", cart.iter().map(|product| product.id))?;
                write_texts(out, "product_name", cart.iter().map(|product| product.name))?;
                write_texts(out, "product_brand", brands.into_iter())?;
                write!(out, "\"product_price\":{sign}{},\"category\":\"Mixed\",", money(self.visit.total_cents()))
            }
            _ => self.write_no_products(out),
        }
    }

    fn write_no_products(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        out.write_all(
            b"\"product_id\":null,\"product_name\":null,\"product_brand\":null,\"product_price\":null,\
              \"category\":null,",
        )
    }

    fn write_client(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let Client { agent, place: (country, city), referral_source, ip_address, is_new_user, .. } = self.client;
        write!(
            out,
            "\"browser\":\"{}\",\"os\":\"{}\",\"device_type\":\"{}\",\"referral_source\":\"{referral_source}\",\
             \"geo_country\":\"{country}\",\"geo_city\":\"{city}\",\"ip_address\":\"{ip_address}\",\
             \"is_new_user\":{is_new_user},\"cart_size\":{}",
            agent.browser,
            agent.os,
            agent.device_type,
            self.visit.cart.len()
        )
    }
}

fn write_texts<'a>(out: &mut Vec<u8>, name: &str, texts: impl Iterator<Item = &'a str>) -> std::io::Result<()> {
    write!(out, "\"{name}\":[")?;
    for (index, text) in texts.enumerate() {
        write!(out, "{}\"{text}\"", if index == 0 { "" } else { "," })?;
    }
    out.write_all(b"],")
}

fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn event_type(action: Action) -> &'static str {
    match action {
        Action::Home | Action::Listing | Action::Detail | Action::Cart => "page_view",
        Action::Search => "search",
        Action::AddToCart => "add_to_cart",
        Action::RemoveFromCart => "remove_from_cart",
        Action::Checkout => "checkout",
        Action::Purchase => "purchase",
    }
}

/// The path of the page; for the page of a product, the part before the id of the product.
fn page(action: Action) -> &'static str {
    match action {
        Action::Home => "/",
        Action::Listing => "/products",
        Action::Search => "/search_results",
        Action::Detail | Action::AddToCart => "/products/",
        Action::Cart | Action::RemoveFromCart => "/cart",
        Action::Checkout => "/checkout",
        Action::Purchase => "/purchase_success",
    }
}
