//! With which settings each event in bronze was read: what bronze's commits and `control/settings` say.
//!
//! The settings of an event are those of the commit that added it. They are found by its sequence number and not by its
//! file, since a compaction moves rows to files of other commits. The audit's own environment decides nothing.

use super::finding::{Audit, Kind, Object};
use super::tables::{CommitSummary, Layer, TableFiles, TableSize, Tables};
use crate::columns::Rows;
use crate::event::ids::SequenceNumber;
use crate::event::parse::ParseSettings;
use crate::lake::LakeError;
use crate::lake::arrow::array::{RecordBatch, StringArray};
use crate::lake::arrow::error::ArrowError;
use crate::lake::log::Version;
use crate::settings::schema::{SETTINGS, SETTINGS_ID, TABLE};
use crate::settings::{SettingsId, StoredSettings};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a row of `control/settings` says.
struct SettingsRow {
    id: String,
    settings: Result<StoredSettings, String>,
}

/// What is known of the settings of consecutive events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Id(SettingsId),
    /// The commit does not say it.
    NotNamed,
    /// The commit is gone.
    CleanedUp,
}

/// The settings of all events.
#[derive(Debug, Default)]
pub(super) struct EventSettings {
    recorded: BTreeMap<SettingsId, ParseSettings>,
    ranges: SettingsRanges,
}

impl EventSettings {
    pub fn of_source(&self, source: &str) -> SourceSettings<'_> {
        let ranges = self.ranges.by_app.get(&Layer::Bronze.app_id(source)).map_or(&[][..], Vec::as_slice);
        SourceSettings { recorded: &self.recorded, ranges }
    }
}

/// The settings of the events of one source.
#[derive(Clone, Copy)]
pub(super) struct SourceSettings<'a> {
    recorded: &'a BTreeMap<SettingsId, ParseSettings>,
    ranges: &'a [(i64, Known)],
}

impl<'a> SourceSettings<'a> {
    /// `None` where nothing says it.
    pub fn of(self, number: SequenceNumber) -> Option<&'a ParseSettings> {
        let after = self.ranges.partition_point(|(last, _)| *last < number.0);
        match self.ranges.get(after).map_or(Known::CleanedUp, |(_, known)| *known) {
            Known::Id(id) => self.recorded.get(&id),
            Known::NotNamed => None,
            // Where there was never another set of settings, it was this one.
            Known::CleanedUp if self.recorded.len() == 1 => self.recorded.values().next(),
            Known::CleanedUp => None,
        }
    }

    /// All settings that were ever used, as far as they are recorded.
    pub fn candidates(self) -> impl Iterator<Item = &'a ParseSettings> {
        self.recorded.values()
    }
}

/// By application, up to which sequence number which settings hold, in ascending order.
#[derive(Debug, Default)]
struct SettingsRanges {
    by_app: HashMap<String, Vec<(i64, Known)>>,
}

impl SettingsRanges {
    /// Of the commits of bronze, as far as they are still there.
    fn of(commits: &[CommitSummary]) -> Self {
        let mut ranges = SettingsRanges::default();
        let mut last_in: HashMap<&str, Version> = HashMap::new();
        // All commits from this one on are there.
        let (mut whole_from, mut expected) = (0, 0);
        for commit in commits {
            if commit.version != expected {
                whole_from = commit.version;
            }
            expected = commit.version + 1;
            for (app_id, last) in &commit.txns {
                let before = last_in.insert(app_id, commit.version);
                let is_whole = whole_from == 0 || before.is_some_and(|before| before >= whole_from);
                let known = match commit.settings {
                    _ if !is_whole => Known::CleanedUp,
                    Some(id) => Known::Id(id),
                    None => Known::NotNamed,
                };
                ranges.add(app_id, *last, known);
            }
        }
        ranges
    }

    fn add(&mut self, app_id: &str, last: i64, known: Known) {
        let of_app = self.by_app.entry(app_id.to_owned()).or_default();
        match of_app.last_mut() {
            // Reported elsewhere.
            Some((before, _)) if *before >= last => {}
            Some((before, same)) if *same == known => *before = last,
            _ => of_app.push((last, known)),
        }
    }
}

impl Audit<'_> {
    /// Reads `control/settings`, and reports what it should have and has not.
    pub async fn read_settings(&mut self, tables: &Tables) -> Result<(EventSettings, TableSize), LakeError> {
        let mut rows: Vec<(SettingsRow, String)> = Vec::new();
        let mut size = TableSize::default();
        if let Some(settings) = &tables.settings {
            let files = TableFiles::of(settings, &[SETTINGS_ID, SETTINGS], "reading settings");
            size = self
                .read_files(&files, read_rows, |_, file, of_file: Vec<SettingsRow>| {
                    rows.extend(of_file.into_iter().map(|row| (row, file.path.clone())));
                })
                .await?;
        }
        let ids: BTreeSet<String> = rows.iter().map(|(row, _)| row.id.clone()).collect();
        let mut recorded = BTreeMap::new();
        for (row, file) in rows {
            match row.settings {
                Ok(settings) if settings.id.to_string() == row.id => drop(recorded.insert(settings.id, settings.parse)),
                settings => self.report_unreadable(&row.id, file, settings),
            }
        }
        self.check_settings_of_commits(tables, &ids);
        let commits = tables.bronze.as_ref().map_or(&[][..], |bronze| bronze.commits.as_slice());
        Ok((EventSettings { recorded, ranges: SettingsRanges::of(commits) }, size))
    }

    fn report_unreadable(&mut self, id: &str, file: String, settings: Result<StoredSettings, String>) {
        let detail = match settings {
            Ok(settings) => format!("`{SETTINGS}` of the row is the text of `{}`", settings.id),
            Err(detail) => detail,
        };
        let object = Object { file: Some(file), ..Object::settings(id) };
        self.report(Kind::SettingsUnreadable, TABLE, object, detail);
    }

    /// Reports the settings that a commit names and that have no row; of several commits of a table the first.
    fn check_settings_of_commits(&mut self, tables: &Tables, rows: &BTreeSet<String>) {
        for (_, scanned) in tables.layers() {
            let mut named: BTreeSet<SettingsId> = BTreeSet::new();
            for commit in &scanned.commits {
                let Some(id) = commit.settings.filter(|id| named.insert(*id) && !rows.contains(&id.to_string())) else {
                    continue;
                };
                let object = Object { version: Some(commit.version), ..Object::settings(&id.to_string()) };
                let detail = format!("the commit names settings that have no row in `{TABLE}`");
                self.report(Kind::SettingsMissing, scanned.name(), object, detail);
            }
        }
    }
}

fn read_rows(rows: &mut Vec<SettingsRow>, batch: &RecordBatch) -> Result<(), ArrowError> {
    let columns = Rows::of(TABLE, batch);
    let ids: &StringArray = columns.column(SETTINGS_ID)?;
    let texts: &StringArray = columns.column(SETTINGS)?;
    let row = |(id, text): (Option<&str>, Option<&str>)| SettingsRow {
        id: id.unwrap_or_default().to_owned(),
        settings: StoredSettings::from_text(text.unwrap_or_default()).map_err(|error| error.to_string()),
    };
    rows.extend(ids.iter().zip(texts.iter()).map(row));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(version: Version, last: i64, settings: &str) -> CommitSummary {
        CommitSummary {
            version,
            files: 1,
            removes_rows: false,
            txns: vec![("bronze:a".to_owned(), last)],
            settings: SettingsId::parse(settings),
            run: None,
        }
    }

    fn ranges(commits: &[CommitSummary]) -> Vec<(i64, Known)> {
        SettingsRanges::of(commits).by_app.remove("bronze:a").unwrap_or_default()
    }

    #[test]
    fn settings_hold_up_to_the_position_of_their_last_commit() {
        let [one, other] = ["00000000000000aa", "00000000000000bb"];
        let id = |text| Known::Id(SettingsId::parse(text).expect("an id"));
        let none = CommitSummary { txns: vec![], ..commit(0, 0, "") };
        let all = [none, commit(1, 9, ""), commit(2, 19, one), commit(3, 29, one), commit(4, 39, other)];
        assert_eq!(ranges(&all), [(9, Known::NotNamed), (29, id(one)), (39, id(other))]);
        // The first commit of a source after a gap may hold what the commits in the gap reached.
        assert_eq!(ranges(&all[2..]), [(19, Known::CleanedUp), (29, id(one)), (39, id(other))]);
        let with_hole = [&all[..2], &all[3..]].concat();
        assert_eq!(ranges(&with_hole), [(9, Known::NotNamed), (29, Known::CleanedUp), (39, id(other))]);
    }
}
