//! The endpoint as a client sees it that has no notion of Event Hubs. No test here can hang: each wait has a limit and says
//! what it waited for.

mod client;

use crate::auth::{KEY, KEY_NAME};
use crate::*;
use chrono::DateTime;
use client::Client;
use fe2o3_amqp_types::messaging::{Body, Data, DeliveryState, Message};
use fe2o3_amqp_types::primitives::{Binary, Value};
use fe2o3_amqp_types::sasl::SaslCode;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Far longer than anything takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
/// The format of a message with one event, and of one with many.
const PLAIN: u32 = 0;
const BATCH: u32 = 0x8001_3700;

/// Fails when `future` takes longer than [`LIMIT`].
#[track_caller]
pub fn within<T>(what: &str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(LIMIT, future).await {
            Ok(value) => value,
            Err(_) => panic!("waited {} s for {what}, at {caller}", LIMIT.as_secs()),
        }
    }
}

/// A journal in `folder` for the hub `clicks`.
pub fn open_journal(folder: &Path, partitions: usize) -> std::io::Result<Journal> {
    let hub = EventHub {
        name: "clicks".parse().expect("a valid name"),
        partitions: PartitionCount::try_from(partitions).expect("a valid count"),
        created_at: DateTime::UNIX_EPOCH,
    };
    Journal::open(&folder.join("clicks.journal"), hub)
}

/// Sequence numbers and bodies of the events after `after`, at most `max`; `None` at the end.
pub async fn read_bodies(
    journal: &Journal,
    partition: u16,
    after: Option<i64>,
    max: usize,
) -> Option<Vec<(i64, String)>> {
    let read = journal.read(PartitionId::new(partition), after.map(SequenceNumber), max);
    match within("events in the journal", read).await.expect("the journal can be read") {
        Read::Ended => None,
        Read::Events(events) => {
            let body = |event: &StoredEvent| String::from_utf8_lossy(&event.event.body).into_owned();
            Some(events.iter().map(|event| (event.sequence_number.0, body(event))).collect())
        }
    }
}

/// An open endpoint for a hub with two partitions.
pub struct World {
    _folder: tempfile::TempDir,
    pub journal: Arc<Journal>,
    pub endpoint: Endpoint,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Arc::new(open_journal(folder.path(), 2).expect("a new journal"));
        let address = "127.0.0.1:0".parse().expect("a loopback address");
        let endpoint = within("an open endpoint", Endpoint::open(address, journal.clone())).await.expect("a free port");
        World { _folder: folder, journal, endpoint }
    }

    async fn sign_in(&self, key: &str) -> Result<Client, SaslCode> {
        Client::connect(self.endpoint.address(), "PLAIN", format!("\0{KEY_NAME}\0{key}").as_bytes()).await
    }

    async fn client(&self) -> Client {
        self.sign_in(KEY).await.expect("the key is right")
    }

    /// The bodies of a partition, in order. There must be at least one.
    pub async fn bodies(&self, partition: u16) -> Vec<String> {
        let events = read_bodies(&self.journal, partition, None, 1_000).await.unwrap_or_default();
        events.into_iter().map(|(_, body)| body).collect()
    }
}

fn message(body: &[u8]) -> Message<Body<Value>> {
    Message::builder().body(Body::from(Data(Binary::from(body.to_vec())))).build()
}

async fn send(client: &mut Client, address: &str, body: &str) {
    let link = client.sender(address).await.expect("the link is accepted");
    let outcome = client.send(&link, PLAIN, message(body.as_bytes())).await;
    assert!(matches!(outcome, DeliveryState::Accepted(_)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_client_sends_to_a_partition_and_is_answered_once_the_event_is_on_disk() {
    let world = World::new().await;
    let mut client = world.client().await;
    let link = client.sender("clicks/Partitions/1").await.expect("the link is accepted");
    for body in ["a", "b", "c"] {
        let outcome = client.send(&link, PLAIN, message(body.as_bytes())).await;
        assert!(matches!(outcome, DeliveryState::Accepted(_)), "{outcome:?}");
    }
    assert_eq!(world.journal.events(), 3);
    assert_eq!(world.bodies(1).await, ["a", "b", "c"]);
    assert_eq!(link.max_message_size, Some(1 << 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_a_client_cannot_send() {
    let world = World::new().await;
    assert_eq!(world.sign_in("another").await.err(), Some(SaslCode::Auth));
    let anonymous = Client::connect(world.endpoint.address(), "ANONYMOUS", &[]).await;
    let refused = anonymous.expect("everybody may connect").sender("clicks").await.err();
    let refused = format!("{:?}", refused.expect("the link is refused"));
    assert!(refused.contains("UnauthorizedAccess"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_something_else_is_detached_with_the_reason() {
    let world = World::new().await;
    let mut client = world.client().await;
    for (address, reason) in [
        ("others", "NotFound"),
        ("clicks/Partitions/2", "com.microsoft:argument-out-of-range"),
        ("clicks/Partitions/-1", "com.microsoft:argument-out-of-range"),
        ("clicks/a/b/c", "NotFound"),
    ] {
        let refused = format!("{:?}", client.sender(address).await.err().expect("the link is refused"));
        assert!(refused.contains(reason), "{address}: {refused}");
    }
    let refused = format!("{:?}", client.refused_receiver("clicks/ConsumerGroups/$Default/Partitions/0").await);
    assert!(refused.contains("NotImplemented"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_not_data_is_rejected_and_the_link_stays_open() {
    let world = World::new().await;
    let mut client = world.client().await;
    let link = client.sender("clicks/Partitions/0").await.expect("the link is accepted");
    let text =
        Message::builder().body(Body::Value(fe2o3_amqp_types::messaging::AmqpValue(Value::from("text")))).build();
    let outcome = client.send(&link, PLAIN, text).await;
    assert!(matches!(outcome, DeliveryState::Rejected(_)), "{outcome:?}");
    let outcome = client.send(&link, BATCH, message(b"nonsense")).await;
    assert!(matches!(outcome, DeliveryState::Rejected(_)), "{outcome:?}");
    let outcome = client.send(&link, PLAIN, message(b"good")).await;
    assert!(matches!(outcome, DeliveryState::Accepted(_)), "{outcome:?}");
    assert_eq!(world.bodies(0).await, ["good"]);
}

/// A decoder without a limit would end the process.
#[tokio::test(flavor = "multi_thread")]
async fn values_that_nest_too_deep_end_the_connection_of_their_sender_and_no_other() {
    let world = World::new().await;
    let mut good = world.client().await;
    let nested = [[0x00, 0x44].repeat(10_000), vec![0x40]].concat();
    let header = [&(8 + nested.len() as u32).to_be_bytes()[..], &[2, 1, 0, 0]].concat();
    let mut bad = TcpStream::connect(world.endpoint.address()).await.expect("the endpoint listens");
    bad.write_all(&[b"AMQP\x03\x01\x00\x00", &header[..], &nested[..]].concat()).await.expect("it is sent");
    // The connection ends, whatever the endpoint sends before.
    let _ = within("the end of the connection", bad.read_to_end(&mut Vec::new())).await;
    send(&mut good, "clicks/Partitions/0", "good").await;
    assert_eq!(world.bodies(0).await, ["good"]);
}
