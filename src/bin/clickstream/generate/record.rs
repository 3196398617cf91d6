//! An event as bytes, in the shape of the shop's own front end: products as arrays of one, a purchase with the whole
//! cart, its brands as a set, its price a bare total and its category `Mixed`.

use super::catalog::{PRODUCTS, Product};
use super::crowd::Client;
use super::visit::{Step, Visit};
use clickstream::event::time::Timestamp;
use std::collections::BTreeSet;
use std::io::Write;

#[derive(Debug, Clone, Default)]
pub struct Ids {
    pub event_id: Option<String>,
    pub transaction_id: Option<String>,
}

/// Everything that goes into one event. The options are for events that are to be broken.
pub struct Record<'a> {
    pub client: &'a Client,
    pub visit: &'a Visit,
    pub ids: Ids,
    pub user_id: Option<&'a str>,
    pub at: Option<Timestamp>,
    pub products: Products,
    /// Depth of an array of arrays added at the end; 0 for none.
    pub nesting: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Products {
    AsSold,
    /// Every price below zero.
    Negative,
    LeftOut,
}

impl Record<'_> {
    /// One JSON object on one line.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(768);
        self.write(&mut out).expect("writing to memory does not fail");
        out
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
        write!(out, "\"event_type\":\"{}\",\"page_url\":\"{}", event_type(self.visit.step), page(self.visit.step))?;
        if matches!(self.visit.step, Step::Detail | Step::AddToCart) {
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
        match self.visit.step {
            _ if self.products == Products::LeftOut => self.write_no_products(out),
            Step::Detail | Step::AddToCart | Step::RemoveFromCart => write!(
                out,
                "\"product_id\":[\"{}\"],\"product_name\":[\"{}\"],\"product_brand\":[\"{}\"],\
                 \"product_price\":[{sign}{}],\"category\":\"{}\",",
                product.id,
                product.name,
                product.brand,
                money(u64::from(product.price_cents)),
                product.category
            ),
            Step::Purchase => {
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

fn event_type(step: Step) -> &'static str {
    match step {
        Step::Home | Step::Listing | Step::Detail | Step::Cart => "page_view",
        Step::Search => "search",
        Step::AddToCart => "add_to_cart",
        Step::RemoveFromCart => "remove_from_cart",
        Step::Checkout => "checkout",
        Step::Purchase => "purchase",
    }
}

/// Relative, as a front end knows itself; of a product's page the part before the product's id.
fn page(step: Step) -> &'static str {
    match step {
        Step::Home => "/",
        Step::Listing => "/products",
        Step::Search => "/search_results",
        Step::Detail | Step::AddToCart => "/products/",
        Step::Cart | Step::RemoveFromCart => "/cart",
        Step::Checkout => "/checkout",
        Step::Purchase => "/purchase_success",
    }
}
