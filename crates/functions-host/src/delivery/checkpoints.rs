//! How far a consumer group has got in one partition of one event hub, kept in a file.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::source::SourceEvent;
use crate::state_file::{self, path_component};

/// Whose progress it is. Another hub, namespace or group has its own.
#[derive(Debug, Clone, Copy)]
pub struct CheckpointKey<'a> {
    pub namespace: &'a str,
    pub event_hub: &'a str,
    pub consumer_group: &'a str,
    pub partition: usize,
}

/// The last event that is done with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Checkpoint {
    sequence_number: i64,
    offset: String,
}

#[derive(Debug)]
pub struct CheckpointFile {
    path: PathBuf,
    checkpoint: Option<Checkpoint>,
}

impl CheckpointFile {
    /// # Errors
    /// When there is a file that cannot be read. To start over from the first event is not for the host to decide.
    pub fn open(state_dir: &Path, key: CheckpointKey<'_>) -> io::Result<Self> {
        let mut path = state_dir.join("checkpoints");
        path.extend([key.namespace, key.event_hub, key.consumer_group].map(path_component));
        path.push(format!("{}.json", key.partition));
        let checkpoint = state_file::read(&path)?;
        Ok(Self { path, checkpoint })
    }

    /// Where to go on reading.
    pub fn sequence_number(&self) -> Option<i64> {
        self.checkpoint.as_ref().map(|checkpoint| checkpoint.sequence_number)
    }

    /// Everything up to and including `event` is done with. May go back, when older events were delivered again.
    ///
    /// # Errors
    /// When it is not safely on disk.
    pub async fn write(&mut self, event: &SourceEvent) -> io::Result<()> {
        let checkpoint = Checkpoint { sequence_number: event.sequence_number, offset: event.offset.clone() };
        state_file::write(self.path.clone(), &checkpoint).await?;
        self.checkpoint = Some(checkpoint);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(sequence_number: i64) -> SourceEvent {
        SourceEvent {
            sequence_number,
            offset: (sequence_number * 100).to_string(),
            enqueued_at: chrono::DateTime::UNIX_EPOCH,
            partition_key: None,
            accompanying: Default::default(),
            body: bytes::Bytes::new(),
        }
    }

    #[tokio::test]
    async fn progress_survives_and_belongs_to_one_hub_group_and_partition() {
        let folder = tempfile::tempdir().unwrap();
        let key = CheckpointKey { namespace: "n", event_hub: "h", consumer_group: "$Default", partition: 3 };
        let mut file = CheckpointFile::open(folder.path(), key).unwrap();
        assert_eq!(file.sequence_number(), None);
        file.write(&event(41)).await.unwrap();
        file.write(&event(42)).await.unwrap();
        assert_eq!(file.sequence_number(), Some(42));

        let reopened = |key| CheckpointFile::open(folder.path(), key).unwrap().sequence_number();
        assert_eq!(reopened(key), Some(42));
        assert_eq!(reopened(CheckpointKey { partition: 4, ..key }), None);
        assert_eq!(reopened(CheckpointKey { event_hub: "other", ..key }), None);
        assert_eq!(reopened(CheckpointKey { consumer_group: "other", ..key }), None);
        assert_eq!(reopened(CheckpointKey { namespace: "other", ..key }), None);
    }
}
