//! The control row that a kill between gold's commit and its row left out.
//!
//! Gold's `txn` is the truth, and the run is noted in the commit that moved it.

use super::control::{Activity, RUN, Recorded, Run};
use super::{APP_ID, Gold, schema};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::file::Statistics;
use crate::lake::log::Version;
use crate::lake::snapshot::Snapshot;
use std::sync::Arc;

impl Gold {
    /// Writes the missing row; what control says then comes back.
    pub(super) async fn repair_control(&self, base: &Snapshot) -> Result<Recorded, Arc<LakeError>> {
        let recorded = self.control.recorded(base.table_id()).await?;
        let reached = base.silver_version_read();
        if reached < 0 || recorded.silver_version == Some(reached) {
            return Ok(recorded);
        }
        let run = match self.committed_run(base.version, reached).await? {
            Some(run) => run,
            None => self.reconstruct_run(base, &recorded),
        };
        self.control.record(base.table_id(), &run).await?;
        Ok(Recorded { watermark: run.watermark.max(recorded.watermark), silver_version: Some(reached), ..recorded })
    }

    /// The run that is noted in the commit by which gold reached `silver_version`, as far as the log goes back.
    async fn committed_run(&self, newest: Version, silver_version: Version) -> Result<Option<Run>, LakeError> {
        for version in (0..=newest).rev() {
            let Some(commit) = self.table.log.read(version).await? else { return Ok(None) };
            if commit.txns().any(|txn| txn.app_id == APP_ID && txn.version == silver_version) {
                let noted = commit.info().and_then(|info| info.get(RUN)).cloned();
                return Ok(noted.and_then(|run| serde_json::from_value(run).ok()));
            }
        }
        Ok(None)
    }

    /// When even the commit is cleaned up: every event is in gold, so the latest session end is the newest event time.
    fn reconstruct_run(&self, base: &Snapshot, recorded: &Recorded) -> Run {
        let ends = base.files.values().filter_map(|add| Statistics::of(add).instants(schema::SESSION_END_TIME));
        let newest = ends.map(|(_, latest)| Timestamp(latest)).max();
        let watermark = newest.map(|newest| self.settings.watermark(recorded.watermark, newest)).or(recorded.watermark);
        Run {
            activity: Activity::Sessionize,
            finished_at: self.clock.now(),
            silver_version_before: recorded.silver_version.unwrap_or(-1),
            silver_version: base.silver_version_read(),
            gold_version: base.version,
            watermark_before: recorded.watermark,
            watermark,
            ..Run::nothing(Activity::Sessionize)
        }
    }
}
