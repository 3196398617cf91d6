//! What outlives a host: the checkpoints of Event Hubs partitions, and small JSON files in general.
//!
//! Promises that after a crash a file has its old content or its new one, never half of it. Does not know when a
//! checkpoint is due.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::source::{PartitionId, SequenceNumber, SourceEvent};

/// Which reader of which partition a checkpoint belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CheckpointKey<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) event_hub: &'a str,
    pub(crate) consumer_group: &'a str,
    pub(crate) partition: PartitionId,
}

/// The last event that does not have to be delivered again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Checkpoint {
    sequence_number: SequenceNumber,
    offset: String,
}

/// The checkpoint of one partition, in a file of its own.
#[derive(Debug)]
pub(crate) struct CheckpointFile {
    path: PathBuf,
    checkpoint: Option<Checkpoint>,
}

impl CheckpointFile {
    /// Reads the checkpoint, if there is one.
    ///
    /// # Errors
    /// When there is a file that cannot be read. The host must not decide to start again from the first event.
    pub(crate) fn open(state_dir: &Path, key: CheckpointKey<'_>) -> io::Result<Self> {
        let mut path = state_dir.join("checkpoints");
        path.extend([key.namespace, key.event_hub, key.consumer_group].map(path_component));
        path.push(format!("{}.json", key.partition));
        let checkpoint = read_file(&path)?;
        Ok(Self { path, checkpoint })
    }

    /// The event after which to continue; `None` is the start of the partition.
    pub(crate) fn sequence_number(&self) -> Option<SequenceNumber> {
        self.checkpoint.as_ref().map(|checkpoint| checkpoint.sequence_number)
    }

    /// Stores that `event` and all earlier ones are delivered. After a redelivery this may be an older event than
    /// before.
    ///
    /// # Errors
    /// When the checkpoint is not durably on disk.
    pub(crate) async fn write(&mut self, event: &SourceEvent) -> io::Result<()> {
        let checkpoint = Checkpoint { sequence_number: event.sequence_number, offset: event.offset.clone() };
        write_file(self.path.clone(), &checkpoint).await?;
        self.checkpoint = Some(checkpoint);
        Ok(())
    }
}

/// Reads a file; `None` when it does not exist.
///
/// # Errors
/// When the file cannot be read or its content is not a `T`.
pub(crate) fn read_file<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(content) => serde_json::from_slice(&content)
            .map(Some)
            .map_err(|error| io::Error::other(format!("cannot read `{}`, it is damaged: {error}", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot read `{}`: {error}", path.display()))),
    }
}

/// Replaces the content of a file. Creates the file and its folder where they do not exist.
///
/// # Errors
/// When the new content is not durably on disk.
pub(crate) async fn write_file<T: Serialize>(path: PathBuf, value: &T) -> io::Result<()> {
    let content = serde_json::to_vec(value)?;
    tokio::task::spawn_blocking(move || replace(&path, &content)).await?
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .ok_or_else(|| io::Error::other(format!("cannot write `{}`: it has no folder", path.display())))?;
    fs::create_dir_all(folder)?;
    // Another host may replace the same file at this moment.
    let temporary = path.with_added_extension(format!("{}.new", std::process::id()));
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    // The rename is durable only once the folder is.
    File::open(folder)?.sync_all()
}

/// Encodes `name` as one component of a path. Different names have different encodings.
pub(crate) fn path_component(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$');
    let after_first = |index: usize, byte: u8| index > 0 && byte == b'.';
    let encoded = name.bytes().enumerate().map(|(index, byte)| match plain(byte) || after_first(index, byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_created_replaced_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/state.json");
        assert_eq!(read_file::<Vec<i64>>(&path).unwrap(), None);
        write_file(path.clone(), &vec![1, 2, 3]).await.unwrap();
        write_file(path.clone(), &vec![4]).await.unwrap();
        assert_eq!(read_file::<Vec<i64>>(&path).unwrap(), Some(vec![4]));
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["state.json"]);
    }

    #[test]
    fn a_damaged_file_is_an_error_and_not_an_absent_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "[1,").unwrap();
        assert!(read_file::<Vec<i64>>(file.path()).unwrap_err().to_string().contains("is damaged"));
    }

    #[test]
    fn names_cannot_leave_their_folder() {
        assert_eq!(path_component("$Default"), "$Default");
        assert_eq!(path_component("local.servicebus"), "local.servicebus");
        assert_eq!(path_component("../a b"), "%2E.%2Fa%20b");
    }

    fn event(sequence_number: i64) -> SourceEvent {
        SourceEvent {
            sequence_number: SequenceNumber(sequence_number),
            offset: (sequence_number * 100).to_string(),
            enqueued_at: chrono::DateTime::UNIX_EPOCH,
            partition_key: None,
            accompanying: Default::default(),
            body: bytes::Bytes::new(),
        }
    }

    #[tokio::test]
    async fn a_checkpoint_survives_and_belongs_to_one_hub_group_and_partition() {
        let folder = tempfile::tempdir().unwrap();
        let key =
            CheckpointKey { namespace: "n", event_hub: "h", consumer_group: "$Default", partition: PartitionId(3) };
        let mut file = CheckpointFile::open(folder.path(), key).unwrap();
        assert_eq!(file.sequence_number(), None);
        file.write(&event(41)).await.unwrap();
        file.write(&event(42)).await.unwrap();
        assert_eq!(file.sequence_number(), Some(SequenceNumber(42)));

        let reopened = |key| CheckpointFile::open(folder.path(), key).unwrap().sequence_number();
        assert_eq!(reopened(key), Some(SequenceNumber(42)));
        assert_eq!(reopened(CheckpointKey { partition: PartitionId(4), ..key }), None);
        assert_eq!(reopened(CheckpointKey { event_hub: "other", ..key }), None);
        assert_eq!(reopened(CheckpointKey { consumer_group: "other", ..key }), None);
        assert_eq!(reopened(CheckpointKey { namespace: "other", ..key }), None);
    }
}
