//! The journal over real files: what is answered is there, what is cut was not answered.

use super::*;
use functions_host::{Accompanying, PartitionId, PropertyValue, SequenceNumber};

fn event(text: &str) -> NewEvent {
    NewEvent {
        partition_key: None,
        accompanying: Accompanying::default(),
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

async fn append(journal: &Journal, partition: usize, texts: &[&str]) {
    let events: Vec<NewEvent> = texts.iter().map(|text| event(text)).collect();
    journal.append(partition, &events).await.unwrap().durable().await.unwrap();
}

/// Sequence numbers and bodies above `after`, at most `max`; `None` at the end.
async fn bodies(journal: &Journal, partition: usize, after: Option<i64>, max: usize) -> Option<Vec<(i64, String)>> {
    match journal.read(PartitionId(partition), after.map(SequenceNumber), max).await.unwrap() {
        Read::Ended => None,
        Read::Events(events) => {
            let pair = |event: SourceEvent| (event.sequence_number.0, String::from_utf8(event.body.to_vec()).unwrap());
            Some(events.into_iter().map(pair).collect())
        }
    }
}

fn open(folder: &Path) -> io::Result<Journal> {
    Journal::open(&folder.join("clicks.journal"), "clicks", 2)
}

/// Closes `journal` and waits until its file is free.
async fn close(journal: Journal) {
    journal.close();
    for partition in 0..journal.partition_count() {
        let events = journal.partition(partition).unwrap().events as i64;
        assert_eq!(bodies(&journal, partition, Some(events), 1).await, None);
    }
}

#[tokio::test]
async fn numbers_go_on_where_they_were_and_reads_are_repeatable() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).unwrap();
    append(&journal, 0, &["a", "b"]).await;
    append(&journal, 1, &["c"]).await;
    close(journal).await;
    let journal = open(folder.path()).unwrap();
    append(&journal, 0, &["d"]).await;
    let numbered = |from: i64, texts: &[&str]| Some((from..).zip(texts.iter().map(|text| text.to_string())).collect());
    assert_eq!(bodies(&journal, 0, None, 10).await, numbered(0, &["a", "b", "d"]));
    assert_eq!(bodies(&journal, 0, Some(0), 1).await, numbered(1, &["b"]));
    assert_eq!(bodies(&journal, 1, None, 10).await, numbered(0, &["c"]));
    assert_eq!(journal.events(), 4);
}

#[tokio::test]
async fn everything_about_an_event_comes_back() {
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
        accompanying: Accompanying { properties: named, system_properties },
        body: Bytes::from_static(b"\xff\x00"),
    };
    journal.append(1, std::slice::from_ref(&sent)).await.unwrap().durable().await.unwrap();
    let Read::Events(events) = journal.read(PartitionId(1), None, 10).await.unwrap() else { panic!("it is there") };
    assert_eq!(events[0].partition_key, sent.partition_key);
    assert_eq!(events[0].accompanying, sent.accompanying);
    assert_eq!(events[0].body, sent.body);
}

/// Cuts the file at every length it may have been left with: the whole records before the cut are there, and numbering
/// goes on behind them.
#[tokio::test]
async fn a_record_that_was_not_written_to_its_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clicks.journal");
    let journal = open(folder.path()).unwrap();
    append(&journal, 0, &["first"]).await;
    let first = std::fs::metadata(&path).unwrap().len();
    append(&journal, 0, &["second"]).await;
    close(journal).await;
    let whole = std::fs::read(&path).unwrap();
    for length in first..whole.len() as u64 {
        std::fs::write(&path, &whole[..length as usize]).unwrap();
        let journal = open(folder.path()).unwrap();
        append(&journal, 0, &["third"]).await;
        let expected = vec![(0, "first".to_owned()), (1, "third".to_owned())];
        assert_eq!(bodies(&journal, 0, None, 10).await, Some(expected), "cut at {length}");
        close(journal).await;
    }
}

/// Whatever byte of the last record is not as written, it is none.
#[tokio::test]
async fn a_record_with_a_wrong_byte_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clicks.journal");
    let journal = open(folder.path()).unwrap();
    append(&journal, 0, &["only"]).await;
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
    file.set_len(LONGEST_TAIL + 1).unwrap();
    assert!(open(folder.path()).err().unwrap().to_string().contains("damaged at byte 0"));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), LONGEST_TAIL + 1);
}

#[tokio::test]
async fn one_process_at_a_time_and_never_fewer_partitions() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).unwrap();
    assert!(open(folder.path()).err().unwrap().to_string().contains("another `clickstream local`"));
    append(&journal, 1, &["a"]).await;
    close(journal).await;
    let path = folder.path().join("clicks.journal");
    let fewer = Journal::open(&path, "clicks", 1).err().unwrap().to_string();
    assert!(fewer.contains("start with `--partitions 2`"), "{fewer}");
    assert_eq!(Journal::open(&path, "clicks", 3).unwrap().partition_count(), 3);
}

#[tokio::test]
async fn a_closed_journal_takes_nothing_and_comes_to_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).unwrap();
    let ticket = journal.append(0, &[event("a")]).await.unwrap();
    journal.close();
    assert!(journal.append(0, &[event("b")]).await.is_err());
    ticket.durable().await.unwrap();
    assert_eq!(bodies(&journal, 0, None, 10).await, Some(vec![(0, "a".to_owned())]));
    assert_eq!(bodies(&journal, 0, Some(0), 10).await, None);
    assert_eq!(bodies(&journal, 1, None, 10).await, None);
}
