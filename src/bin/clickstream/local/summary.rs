//! How it ended: what gold says, and whether everything is there.

use super::endpoint::Source;
use super::progress::Tally;
use crate::table::{grouped, table};
use crate::{Failure, Verdict, audit};
use clickstream::app::App;
use clickstream::audit::{Kind, Object, Report};
use clickstream::bronze;
use clickstream::serving::overview::{Overview, Product};
use functions_host::EventSource;
use serde::Serialize;

/// Products that are named.
const TOP_PRODUCTS: usize = 10;

#[derive(Serialize)]
struct Outcome<'a> {
    event_hub: &'a str,
    /// Events of the source.
    events: usize,
    delivered: &'a Tally,
    gold: &'a Overview,
    audit: &'a Report,
    /// The audit holds and every event of the source is in bronze.
    holds: bool,
}

pub async fn conclude(app: &App, source: &Source, delivered: Tally, json: bool) -> Result<Verdict, Failure> {
    let mut report = clickstream::audit::audit(app).await?;
    let (source, events) = (source.events_source(), source.events());
    let stored = in_bronze(&report, &*source);
    if stored != events as i64 {
        let detail = format!("the source has {events} events, bronze {stored} of them");
        report.add(Kind::SourceIncomplete, bronze::schema::TABLE, Object::default(), detail);
    }
    let overview = Overview::read(&app.gold.table).await?;
    if json {
        let outcome = Outcome {
            event_hub: source.event_hub(),
            events,
            delivered: &delivered,
            gold: &overview,
            audit: &report,
            holds: report.holds,
        };
        println!("{}", serde_json::to_string(&outcome)?);
    } else {
        if delivered.bronze_rows == 0 && events > 0 {
            println!("this input was in the lake already; nothing was added");
        }
        print(&overview);
        audit::print(&report);
    }
    Ok(audit::verdict(&report))
}

/// Events of this source in bronze; the lake may hold other sources.
fn in_bronze(report: &Report, hub: &dyn EventSource) -> i64 {
    let of_hub = format!("{}/{}/$Default/", hub.namespace(), hub.event_hub());
    report
        .partitions
        .iter()
        .filter(|partition| partition.source.starts_with(&of_hub))
        .map(|partition| partition.bronze)
        .sum()
}

fn print(overview: &Overview) {
    let share = |part: i64| if overview.sessions == 0 { 0.0 } else { 100.0 * part as f64 / overview.sessions as f64 };
    let rows = [
        ("sessions", grouped(overview.sessions)),
        ("events", grouped(overview.events)),
        ("users", grouped(overview.users)),
        ("conversions", format!("{} ({:.1} %)", grouped(overview.converted), share(overview.converted))),
        ("abandoned carts", format!("{} ({:.1} %)", grouped(overview.abandoned), share(overview.abandoned))),
        ("purchases", grouped(overview.purchases)),
        ("revenue", overview.revenue.to_string()),
        ("bots", format!("{} ({:.1} %)", grouped(overview.bots), share(overview.bots))),
        ("final", grouped(overview.finals)),
    ];
    println!("{}", table(&["gold/sessions", ""], rows.into_iter().map(|(name, value)| vec![name.into(), value])));
    let products = overview.products(TOP_PRODUCTS);
    if !products.is_empty() {
        let row =
            |product: Product| vec![product.name.to_owned(), grouped(product.sessions), grouped(product.converted)];
        println!("{}", table(&["top products", "sessions", "with a purchase"], products.into_iter().map(row)));
    }
}
