//! The journal over real files: what was answered is there, and what is cut off was not answered.

use super::*;
use crate::event::PropertyValue;
use crate::tests::{open_journal, read_bodies, within};

fn event(text: &str) -> NewEvent {
    NewEvent {
        partition_key: None,
        properties: Vec::new(),
        system_properties: Vec::new(),
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

async fn append(journal: &Journal, partition: u16, events: &[NewEvent]) {
    let append = async { journal.append(PartitionId::new(partition), events).await.unwrap().durable().await };
    within("events on disk", append).await.unwrap();
}

async fn append_texts(journal: &Journal, partition: u16, texts: &[&str]) {
    let events: Vec<NewEvent> = texts.iter().map(|text| event(text)).collect();
    append(journal, partition, &events).await;
}

fn open(folder: &Path) -> io::Result<Journal> {
    open_journal(folder, 2)
}

/// Closes `journal` and waits until another one can open its file.
async fn close(journal: Journal) {
    journal.close();
    for partition in 0..2 {
        let events = journal.partition(PartitionId::new(partition)).unwrap().events as i64;
        assert_eq!(read_bodies(&journal, partition, Some(events), 1).await, None);
    }
}

#[tokio::test]
async fn numbering_continues_after_a_restart_and_reads_are_repeatable() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).unwrap();
    append_texts(&journal, 0, &["a", "b"]).await;
    append_texts(&journal, 1, &["c"]).await;
    close(journal).await;
    let journal = open(folder.path()).unwrap();
    append_texts(&journal, 0, &["d"]).await;
    let numbered = |from: i64, texts: &[&str]| Some((from..).zip(texts.iter().map(|text| text.to_string())).collect());
    assert_eq!(read_bodies(&journal, 0, None, 10).await, numbered(0, &["a", "b", "d"]));
    assert_eq!(read_bodies(&journal, 0, Some(0), 1).await, numbered(1, &["b"]));
    assert_eq!(read_bodies(&journal, 1, None, 10).await, numbered(0, &["c"]));
    assert_eq!(journal.events(), 4);
}

#[tokio::test]
async fn an_event_is_read_back_with_everything_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).unwrap();
    let values = [
        PropertyValue::Null,
        PropertyValue::Bool(true),
        PropertyValue::Integer(i64::MIN),
        PropertyValue::Large(u64::MAX),
        PropertyValue::Float(0.1 + 0.2),
        PropertyValue::Float(-0.0),
        PropertyValue::Text("\u{0}ż\"".to_owned()),
        PropertyValue::Instant(DateTime::from_timestamp_millis(1_768_478_400_123).unwrap()),
        PropertyValue::Binary(vec![0, 255]),
    ];
    let named = values.into_iter().enumerate().map(|(n, value)| (format!("n{n}"), value)).collect();
    let system_properties = vec![("content-type".to_owned(), PropertyValue::Text("application/json".to_owned()))];
    let sent = NewEvent {
        partition_key: Some("a key".to_owned()),
        properties: named,
        system_properties,
        body: Bytes::from_static(b"\xff\x00"),
    };
    append(&journal, 1, std::slice::from_ref(&sent)).await;
    let read = within("an event", journal.read(PartitionId::new(1), None, 10)).await.unwrap();
    let Read::Events(events) = read else { panic!("the event is in the journal") };
    assert_eq!(events[0].event, sent);
}

/// Cuts the file at every length that a kill may leave: the whole records before the cut are there, and numbering continues
/// after them.
#[tokio::test]
async fn a_record_that_was_not_completely_written_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clicks.journal");
    let journal = open(folder.path()).unwrap();
    append_texts(&journal, 0, &["first"]).await;
    let first = std::fs::metadata(&path).unwrap().len();
    append_texts(&journal, 0, &["second"]).await;
    close(journal).await;
    let whole = std::fs::read(&path).unwrap();
    for length in first..whole.len() as u64 {
        std::fs::write(&path, &whole[..length as usize]).unwrap();
        let journal = open(folder.path()).unwrap();
        append_texts(&journal, 0, &["third"]).await;
        let expected = vec![(0, "first".to_owned()), (1, "third".to_owned())];
        assert_eq!(read_bodies(&journal, 0, None, 10).await, Some(expected), "cut at {length}");
        close(journal).await;
    }
}

/// A wrong byte anywhere in the last record makes it unreadable.
#[tokio::test]
async fn a_record_with_a_wrong_byte_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clicks.journal");
    let journal = open(folder.path()).unwrap();
    append_texts(&journal, 0, &["only"]).await;
    close(journal).await;
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        std::fs::write(&path, &damaged).unwrap();
        let journal = open(folder.path()).unwrap();
        assert_eq!(journal.events(), 0, "byte {at}");
        close(journal).await;
    }
}

#[tokio::test]
async fn more_damage_than_a_kill_can_do_is_not_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clicks.journal");
    let file = File::create(&path).unwrap();
    file.set_len(MAX_TAIL_BYTES + 1).unwrap();
    assert!(open(folder.path()).err().unwrap().to_string().contains("damaged at byte 0"));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), MAX_TAIL_BYTES + 1);
}

#[tokio::test]
async fn one_process_at_a_time_and_never_fewer_partitions() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).unwrap();
    assert!(open(folder.path()).err().unwrap().to_string().contains("another process"));
    append_texts(&journal, 1, &["a"]).await;
    close(journal).await;
    let fewer = open_journal(folder.path(), 1).err().unwrap().to_string();
    assert!(fewer.contains("start with 2 partitions"), "{fewer}");
    assert_eq!(open_journal(folder.path(), 3).unwrap().hub().partitions.get(), 3);
}

#[tokio::test]
async fn a_closed_journal_accepts_nothing_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).unwrap();
    let first = PartitionId::new(0);
    let ticket = journal.append(first, &[event("a")]).await.unwrap();
    journal.close();
    assert!(journal.append(first, &[event("b")]).await.is_err());
    within("an event on disk", ticket.durable()).await.unwrap();
    assert_eq!(read_bodies(&journal, 0, None, 10).await, Some(vec![(0, "a".to_owned())]));
    assert_eq!(read_bodies(&journal, 0, Some(0), 10).await, None);
    assert_eq!(read_bodies(&journal, 1, None, 10).await, None);
}
