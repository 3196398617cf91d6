//! The end of a run: gold catches up with silver, the audit checks the lake, and the outcome is printed.
//!
//! Does not know how events were delivered.

use super::endpoint::Source;
use super::problems::described;
use super::rejected::{self, Rejected};
use super::status::Tally;
use crate::audit;
use crate::command::{Failure, Verdict, patiently};
use crate::source::what_an_event_is;
use crate::terminal::{grouped, table};
use clickstream::app::App;
use clickstream::audit::{Kind, Object, PartitionReport, Report};
use clickstream::lake::LakeError;
use clickstream::lake::log::Version;
use clickstream::lake::snapshot::Replay;
use clickstream::lake::table::Table;
use clickstream::serving::{Overview, Product};
use clickstream::{bronze, gold};
use functions_host::{EventSource, Host, InvocationOutcome};
use serde::Serialize;

/// The number of products that are listed.
const TOP_PRODUCTS: usize = 10;

/// Runs of sessionize that may end without progress. After more, something must be wrong.
const MAX_IDLE_RUNS: u32 = 20;

/// Runs sessionize, as its timer would, until gold has read all of silver. The log of gold says how far it has read.
pub async fn sessionize_until_done(host: &Host, app: &App) -> Result<(), Failure> {
    let mut idle_runs = 0;
    let gold = async || patiently(async || Reached::read(&app.gold.table).await).await;
    let mut before = gold().await?;
    while before.silver < patiently(async || silver_version(&app.gold.silver).await).await? {
        let outcome = host.invoke_timer("sessionize").await?;
        let after = gold().await?;
        // A version of silver that is merged in parts takes several commits.
        idle_runs = if after > before { 0 } else { idle_runs + 1 };
        if idle_runs >= MAX_IDLE_RUNS {
            return Err(no_progress(after.silver, &outcome));
        }
        before = after;
    }
    // One more run, because a kill may have prevented the control row of the last commit.
    host.invoke_timer("sessionize").await?;
    Ok(())
}

fn no_progress(silver_version_read: Option<Version>, outcome: &InvocationOutcome) -> Failure {
    let read = silver_version_read.map_or_else(|| "nothing".to_owned(), |version| format!("version {version}"));
    let reason = match outcome {
        InvocationOutcome::Failed(failure) => described(failure),
        InvocationOutcome::Succeeded(answer) => format!("it reports {}", answer.logs.join(" ")),
        InvocationOutcome::Abandoned => "the host abandoned it".to_owned(),
    };
    format!(
        "cannot bring gold up to date: `sessionize` made no progress in {MAX_IDLE_RUNS} runs and has read {read} of silver; \
         in the last run, {reason}"
    )
    .into()
}

/// How far gold is: the version of silver that it has read, and its own. `None` before the first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Reached {
    silver: Option<Version>,
    gold: Option<Version>,
}

impl Reached {
    async fn read(gold: &Table) -> Result<Self, LakeError> {
        if !gold.exists().await? {
            return Ok(Reached { silver: None, gold: None });
        }
        let snapshot = gold.snapshot(Replay::Txns).await?;
        let silver = snapshot.txns.get(gold::APP_ID).map(|txn| txn.version);
        Ok(Reached { silver, gold: Some(snapshot.version) })
    }
}

async fn silver_version(silver: &Table) -> Result<Option<Version>, LakeError> {
    if !silver.exists().await? {
        return Ok(None);
    }
    Ok(Some(silver.snapshot(Replay::Txns).await?.version))
}

#[derive(Serialize)]
struct Outcome<'a> {
    event_hub: &'a str,
    /// The number of events of the source.
    events: usize,
    delivered: &'a Tally,
    gold: &'a Overview,
    /// Events of the source that are not in quarantine.
    accepted: i64,
    rejected: &'a [Rejected],
    audit: &'a Report,
    /// The audit holds and every event of the source is in bronze.
    holds: bool,
}

/// Audits the lake and prints the outcome.
pub async fn conclude(app: &App, source: &Source, delivered: Tally, json: bool) -> Result<Verdict, Failure> {
    let mut report = patiently(async || clickstream::audit::audit(app).await).await?;
    let (hub, events) = (source.event_source(), source.events());
    let totals = SourceTotals::of(&report, &*hub);
    if totals.bronze != events as i64 {
        let detail = format!("the source has {events} events, bronze {} of them", totals.bronze);
        report.add(Kind::SourceIncomplete, bronze::schema::TABLE, Object::default(), detail);
    }
    let rejected = patiently(async || rejected::read(app, source).await).await?;
    let overview = patiently(async || Overview::read(&app.gold.table).await).await?;
    if json {
        let outcome = Outcome {
            event_hub: hub.event_hub(),
            events,
            delivered: &delivered,
            gold: &overview,
            accepted: totals.accepted(),
            rejected: &rejected,
            audit: &report,
            holds: report.holds,
        };
        println!("{}", serde_json::to_string(&outcome)?);
    } else {
        if delivered.bronze_rows == 0 && events > 0 {
            println!("nothing was added: the events of this source were in the lake already");
        }
        print(&overview);
        audit::print(&report);
        rejected::print(&rejected);
    }
    if totals.accepted() > 0 || (events == 0 && matches!(source, Source::Journal(_))) {
        return Ok(audit::verdict(&report));
    }
    let what = if events == 0 { "the source has no events" } else { "no event was accepted" };
    eprintln!("{what}; {}", what_an_event_is());
    Ok(Verdict::Fails)
}

/// Prints what was rejected of `source` so far.
pub async fn show_rejected(app: &App, source: &Source, json: bool) -> Result<(), Failure> {
    if !json {
        rejected::print(&patiently(async || rejected::read(app, source).await).await?);
    }
    Ok(())
}

/// The events of one source that are in the lake. The lake may hold events of others.
struct SourceTotals {
    bronze: i64,
    quarantine: i64,
}

impl SourceTotals {
    fn of(report: &Report, hub: &dyn EventSource) -> Self {
        let of_hub = format!("{}/{}/$Default/", hub.namespace(), hub.event_hub());
        let partitions = report.partitions.iter().filter(|partition| partition.source.starts_with(&of_hub));
        let add = |totals: SourceTotals, partition: &PartitionReport| SourceTotals {
            bronze: totals.bronze + partition.bronze,
            quarantine: totals.quarantine + partition.quarantine,
        };
        partitions.fold(SourceTotals { bronze: 0, quarantine: 0 }, add)
    }

    fn accepted(&self) -> i64 {
        self.bronze - self.quarantine
    }
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
