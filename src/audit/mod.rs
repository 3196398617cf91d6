//! The audit: nothing lost, nothing doubled, proved from the tables alone.
//!
//! It trusts nothing that the writers remember. It walks the logs ([`logs`]), opens every file ([`files`]), and reads the
//! rows ([`ledger`]). Received events are those that the sequence numbers in bronze span; each must be in bronze once,
//! and in exactly one of silver and quarantine, in the very rows that the code which ships makes of its bytes. Gold
//! ([`gold`]) must be what a recomputation from silver gives, each session once, and control ([`control`]) what gold's
//! commits noted.
//!
//! What is compared of a row in silver or quarantine: all columns but `ingested_at` and `ingest_date` (a redelivery after
//! a kill is stamped again) and `page_domain` (of relative addresses it is a setting). What is not judged: whether an
//! event is too large, too old or in the future, since those limits are settings; bronze's own word is taken. Rows that
//! an older version wrote by other rules are named as different: they are.
//!
//! Memory is bounded by the number of files, of gaps and of ranges of 1,024 events, not by events: what adds up is summed
//! ([`digest`]), and only where the books do not balance are the events themselves looked at ([`trace`]). Run it on a lake
//! at rest: a batch that is being written is in one table and not yet in the other.

mod control;
mod digest;
mod files;
mod finding;
mod gold;
mod ledger;
mod logs;
mod origin;
mod partitions;
mod repeats;
mod runs;
mod suspect;
mod trace;
mod verdict;

use crate::app::App;
use crate::lake::LakeError;
use crate::lake::log::Version;
use crate::lake::table::Table;
use crate::silver::quarantine;
use crate::{bronze, silver};
use files::{Files, Locations, Sum};
pub use finding::{Finding, Findings, Kind, NAMED, Object};
pub use gold::GoldReport;
use ledger::{Account, Reached, Side};
use logs::Walked;
pub use partitions::PartitionReport;
use serde::Serialize;
use std::collections::BTreeMap;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// The logs, the footers of all files, and control: whether the tables are whole.
    Files,
    /// Every row as well: whether what is in them is right.
    #[default]
    Rows,
}

/// How far a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub step: &'static str,
    pub done: usize,
    /// 0 when it is not known.
    pub of: usize,
}

/// Who is told how it goes.
pub type Watch<'a> = dyn Fn(Progress) + Send + Sync + 'a;

/// What the tables say. Members and the names of [`Kind`] are a contract with scripts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Nothing is wrong.
    pub holds: bool,
    pub depth: Depth,
    pub tables: Vec<TableReport>,
    /// With [`Depth::Rows`] only, like gold.
    pub partitions: Vec<PartitionReport>,
    pub gold: GoldReport,
    /// The first [`NAMED`] of each kind.
    pub findings: Vec<Finding>,
    /// All of them, by kind.
    pub counts: BTreeMap<Kind, u64>,
}

/// One table, as far as its log and its files go.
#[derive(Debug, Clone, Serialize)]
pub struct TableReport {
    pub table: &'static str,
    pub version: Version,
    /// Commits that are still there, all of which were read.
    pub commits: usize,
    #[serde(flatten)]
    pub sum: Sum,
}

impl Report {
    /// Adds something that was found elsewhere.
    pub fn add(&mut self, kind: Kind, table: &str, object: Object, detail: String) {
        let mut findings = Findings::default();
        findings.add(kind, table, object, detail);
        *self.counts.entry(kind).or_default() += 1;
        self.findings.extend(findings.into_named());
        self.holds = false;
    }

    fn close(&mut self, findings: Findings) {
        self.counts.clone_from(&findings.counts);
        self.findings = findings.into_named();
        self.holds = self.findings.is_empty();
    }
}

/// Name of a partition and its epoch.
type Source = String;

type Sources = BTreeMap<Source, Account>;

/// What is carried from check to check.
struct Looking<'a> {
    findings: Findings,
    watch: &'a Watch<'a>,
}

impl Looking<'_> {
    fn progress(&self, step: &'static str, done: usize, of: usize) {
        (self.watch)(Progress { step, done, of });
    }
}

/// The five tables, as far as they exist.
struct Tables {
    bronze: Option<Walked>,
    silver: Option<Walked>,
    quarantine: Option<Walked>,
    gold: Option<Walked>,
    control: Option<Walked>,
}

/// Looks at the whole lake, in silence. Errors mean that it could not look.
pub async fn audit(app: &App) -> Result<Report, LakeError> {
    audit_to(app, Depth::Rows, &|_| {}).await
}

/// Looks at the whole lake as far as `depth`.
pub async fn audit_to(app: &App, depth: Depth, watch: &Watch<'_>) -> Result<Report, LakeError> {
    let mut looking = Looking { findings: Findings::default(), watch };
    let tables = looking.walk_all(app).await?;
    let mut report = Report { depth, ..Report::default() };
    let mut sums = BTreeMap::new();
    match depth {
        Depth::Files => {
            for walked in tables.all().filter(|walked| walked.name() != crate::gold::control::TABLE) {
                let files = Files::of(&walked.table, &walked.walk, &[], "reading the footers");
                sums.insert(walked.name(), looking.read_footers(&files).await?);
            }
        }
        Depth::Rows => {
            report.partitions = looking.check_events(&tables, &mut sums).await?;
            report.gold = looking.check_gold(app, &tables, &mut sums).await?;
        }
    }
    let control = looking.read_control(tables.control.as_ref(), tables.gold.as_ref()).await?;
    sums.insert(crate::gold::control::TABLE, control);
    report.tables = tables
        .all()
        .map(|walked| TableReport {
            table: walked.name(),
            version: walked.walk.head.version,
            commits: walked.walk.commits,
            sum: sums.get(walked.name()).copied().unwrap_or_default(),
        })
        .collect();
    report.close(looking.findings);
    Ok(report)
}

impl Tables {
    fn all(&self) -> impl Iterator<Item = &Walked> {
        [&self.bronze, &self.silver, &self.quarantine, &self.gold, &self.control].into_iter().flatten()
    }
}

impl Looking<'_> {
    async fn walk_all(&mut self, app: &App) -> Result<Tables, LakeError> {
        let table = |spec| Table::at(&app.lake, spec, &app.workers);
        // Gold first: it says which version of silver it was made of.
        let gold = self.walk(&app.gold.table, None).await?;
        let reached = gold.as_ref().and_then(|gold| gold.reached(crate::gold::APP_ID));
        let tables = Tables {
            bronze: self.walk(&table(bronze::schema::table()), None).await?,
            silver: self.walk(&app.gold.silver, reached).await?,
            quarantine: self.walk(&table(quarantine::table()), None).await?,
            control: self.walk(&app.gold.control.table, None).await?,
            gold,
        };
        let mut locations = Locations::default();
        for walked in tables.all() {
            locations.note(self, &walked.table, &walked.walk);
        }
        Ok(tables)
    }

    /// Bronze against silver and quarantine, partition by partition.
    async fn check_events(
        &mut self,
        tables: &Tables,
        sums: &mut BTreeMap<&'static str, Sum>,
    ) -> Result<Vec<PartitionReport>, LakeError> {
        let mut sources = Sources::new();
        let sides = [
            (Side::Bronze, bronze::schema::LAYER, "reading bronze", &tables.bronze),
            (Side::Silver, silver::schema::LAYER, "reading silver", &tables.silver),
            (Side::Quarantine, quarantine::LAYER, "reading quarantine", &tables.quarantine),
        ];
        let mut present = Vec::new();
        for (side, layer, step, walked) in sides {
            let Some(walked) = walked else { continue };
            present.push((side, walked));
            let files = Files::of(&walked.table, &walked.walk, &[], step);
            let mut reached = Reached::new();
            let sum = self
                .read_files(&files, ledger::reader(side), |looking, add, page| {
                    let commit = walked.walk.added_in.get(&add.path).copied();
                    ledger::enter(looking, &mut sources, side, (add, commit), page, &mut reached);
                })
                .await?;
            sums.insert(walked.name(), sum);
            self.check_txns(walked, layer, &reached);
            if sum.lost == 0 {
                self.check_last(walked, layer, side, &mut sources);
            }
        }
        let mut reports = Vec::new();
        let mut ranges = trace::Ranges::new();
        for (source, account) in &mut sources {
            account.bronze.runs.settle();
            reports.push(partitions::report(source, account, &mut self.findings));
            ranges.insert(source.clone(), partitions::suspicious(account));
        }
        let doubled = self.trace(ranges, &present).await?;
        for report in &mut reports {
            report.overlaps += doubled.get(&report.source).copied().unwrap_or_default();
        }
        Ok(reports)
    }

    /// The last position that the log records is that of the last row.
    fn check_last(&mut self, walked: &Walked, layer: &str, side: Side, sources: &mut Sources) {
        for (source, account) in sources {
            let Some(last) = account.side(side).last else { continue };
            let recorded = walked.reached(&format!("{layer}:{source}"));
            if recorded != Some(last) {
                let recorded = recorded.map_or("nothing".to_owned(), |recorded| recorded.to_string());
                let detail = format!("its rows reach sequence number {last}, its log records {recorded}");
                self.findings.add(Kind::TxnDisagrees, walked.name(), Object::source(source), detail);
            }
        }
    }

    async fn check_gold(
        &mut self,
        app: &App,
        tables: &Tables,
        sums: &mut BTreeMap<&'static str, Sum>,
    ) -> Result<GoldReport, LakeError> {
        let Some(silver) = &tables.silver else { return Ok(GoldReport { reached: -1, ..GoldReport::default() }) };
        let silver_version = silver.walk.head.version;
        let reached = self.check_reached(tables.gold.as_ref(), &silver.walk.head);
        let mut report = GoldReport { silver_version, reached, ..GoldReport::default() };
        let Some(gold) = &tables.gold else { return Ok(report) };
        let sum = self.read_gold(gold).await?;
        sums.insert(gold.name(), sum);
        report.sessions = sum.rows;
        let is_whole = sum.lost == 0 && sums.get(silver.name()).is_none_or(|sum| sum.lost == 0);
        // Version 0 makes the table and brings no events: gold need not have read it.
        let behind = if silver_version == 0 { Some(&silver.walk.head) } else { silver.walk.at(reached) };
        match behind {
            _ if !is_whole => report.not_compared = Some("files of silver or gold are lost"),
            None => report.not_compared = Some("the log of silver does not reach back to the version it was made of"),
            Some(behind) => report.differing = self.compare_gold(&app.gold, &gold.walk.head, behind).await?,
        }
        Ok(report)
    }
}
