//! The endpoint as a client of another making sees it: this crate's own, which has no notion of Event Hubs.

use super::*;
use fe2o3_amqp::link::delivery::Sendable;
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::{Connection, Receiver, Sender, Session};
use fe2o3_amqp_types::messaging::{Body, Data, Message, Outcome};
use fe2o3_amqp_types::primitives::{Binary, Value};
use functions_host::{EventSource, PartitionId, Read};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct World {
    _folder: tempfile::TempDir,
    journal: Arc<Journal>,
    endpoint: Endpoint,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = Arc::new(Journal::open(&folder.path().join("clicks.journal"), "clicks", 2).unwrap());
        let address = loopback("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::open(address, journal.clone(), 0).await.unwrap();
        World { _folder: folder, journal, endpoint }
    }

    async fn connect(&self, sasl: SaslProfile) -> Result<Client, fe2o3_amqp::connection::OpenError> {
        let url = format!("amqp://{}", self.endpoint.address);
        let builder = Connection::builder().container_id("test").sasl_profile(sasl);
        let mut connection = builder.open(&url[..]).await?;
        let session = Session::begin(&mut connection).await.unwrap();
        Ok(Client { _connection: connection, session })
    }

    async fn signed_in(&self) -> Client {
        self.connect(with_key(token::KEY)).await.unwrap()
    }

    /// Bodies of a partition, in order.
    async fn bodies(&self, partition: usize) -> Vec<String> {
        let Read::Events(events) = self.journal.read(PartitionId(partition), None, 100).await.unwrap() else {
            return Vec::new();
        };
        events.iter().map(|event| String::from_utf8_lossy(&event.body).into_owned()).collect()
    }
}

fn with_key(key: &str) -> SaslProfile {
    SaslProfile::Plain { username: token::KEY_NAME.to_owned(), password: key.to_owned() }
}

struct Client {
    _connection: fe2o3_amqp::connection::ConnectionHandle<()>,
    session: fe2o3_amqp::session::SessionHandle<()>,
}

impl Client {
    async fn sender(&mut self, address: &str) -> Sender {
        Sender::attach(&mut self.session, format!("to {address}"), address).await.unwrap()
    }

    /// Why a sender to `address` is detached.
    async fn refusal_of_sender(&mut self, address: &str) -> String {
        match Sender::attach(&mut self.session, format!("to {address}"), address).await {
            Ok(mut sender) => format!("{:?}", sender.on_detach().await),
            Err(error) => format!("{error:?}"),
        }
    }
}

fn message(body: &[u8]) -> Message<Body<Value>> {
    Message::builder().body(Body::from(Data(Binary::from(body.to_vec())))).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_client_sends_to_a_partition_and_is_answered_once_it_is_on_disk() {
    let world = World::new().await;
    let mut client = world.signed_in().await;
    let mut sender = client.sender("clicks/Partitions/1").await;
    for body in ["a", "b", "c"] {
        let outcome = sender.send(message(body.as_bytes())).await.unwrap();
        assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    }
    assert_eq!(world.journal.events(), 3);
    assert_eq!(world.bodies(1).await, ["a", "b", "c"]);
    assert_eq!(sender.max_message_size(), Some(1 << 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_there_is_nothing_to_send_to() {
    let world = World::new().await;
    assert!(world.connect(with_key("another")).await.is_err());
    let mut client = world.connect(SaslProfile::Anonymous).await.unwrap();
    let refusal = client.refusal_of_sender("clicks").await;
    assert!(refusal.contains("UnauthorizedAccess"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_lead_nowhere_are_detached_with_the_reason() {
    let world = World::new().await;
    let mut client = world.signed_in().await;
    for (address, reason) in [
        ("others", "NotFound"),
        ("clicks/Partitions/2", "com.microsoft:argument-out-of-range"),
        ("clicks/Partitions/-1", "com.microsoft:argument-out-of-range"),
        ("clicks/a/b/c", "NotFound"),
    ] {
        let refusal = client.refusal_of_sender(address).await;
        assert!(refusal.contains(reason), "{address}: {refusal}");
    }
    let refusal =
        match Receiver::attach(&mut client.session, "from", "clicks/ConsumerGroups/$Default/Partitions/0").await {
            Ok(mut receiver) => format!("{:?}", receiver.recv::<Body<Value>>().await.err()),
            Err(error) => format!("{error:?}"),
        };
    assert!(refusal.contains("NotImplemented"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_not_data_is_rejected_and_the_link_goes_on() {
    let world = World::new().await;
    let mut client = world.signed_in().await;
    let mut sender = client.sender("clicks/Partitions/0").await;
    let text = Message::builder().value(Value::String("text".to_owned())).build();
    let outcome = sender.send(text).await.unwrap();
    assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    let batch = Sendable::builder().message(message(b"nonsense")).message_format(0x8001_3700_u32).build();
    let outcome = sender.send(batch).await.unwrap();
    assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    sender.send(message(b"good")).await.unwrap();
    assert_eq!(world.bodies(0).await, ["good"]);
}

/// A decoder without a limit would end the process.
#[tokio::test(flavor = "multi_thread")]
async fn values_that_nest_too_deep_cost_their_sender_the_connection_and_nobody_else() {
    let world = World::new().await;
    let mut good = world.signed_in().await;
    let nested = [[0x00, 0x44].repeat(10_000), vec![0x40]].concat();
    let header = [&(8 + nested.len() as u32).to_be_bytes()[..], &[2, 1, 0, 0]].concat();
    let mut bad = TcpStream::connect(world.endpoint.address).await.unwrap();
    bad.write_all(&[b"AMQP\x03\x01\x00\x00", &header[..], &nested[..]].concat()).await.unwrap();
    // It is closed; with what it was told before is of no interest.
    let _ = bad.read_to_end(&mut Vec::new()).await;
    good.sender("clicks/Partitions/0").await.send(message(b"good")).await.unwrap();
    assert_eq!(world.bodies(0).await, ["good"]);
}

#[test]
fn only_loopback_is_listened_on() {
    for (text, expected) in [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1", "127.0.0.1:5672"),
        ("localhost", "127.0.0.1:5672"),
        ("localhost:1234", "127.0.0.1:1234"),
        ("1234", "127.0.0.1:1234"),
        ("[::1]:5672", "[::1]:5672"),
        ("::1", "[::1]:5672"),
    ] {
        assert_eq!(loopback(text).map(|address| address.to_string()), Ok(expected.to_owned()), "{text}");
    }
    for text in ["0.0.0.0:5672", "[::]:5672", "192.168.1.2", "10.0.0.1:1"] {
        assert!(loopback(text).unwrap_err().starts_with("not a loopback address"), "{text}");
    }
    assert!(loopback("example.com:5672").unwrap_err().starts_with("not an address"));
}

#[test]
fn the_name_of_a_hub_is_a_name_of_a_file_too() {
    assert!(hub_name("clickstream").is_ok());
    for name in ["", "../x", ".x", "a b", "a/b", &"x".repeat(257)] {
        assert!(hub_name(name).is_err(), "{name}");
    }
}
