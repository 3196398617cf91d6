//! What a destination refuses, and what the publisher does when a hub does not answer.

use super::*;
use crate::frames::Frame;
use crate::tests::{World, within};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const KEY: &str = "cGxhbnRlZC1rZXk=";

fn connection_string(endpoint: &str, rest: &str) -> String {
    format!("Endpoint={endpoint};SharedAccessKeyName=Root;SharedAccessKey={KEY}{rest}")
}

fn destination(hub: Option<&str>, text: &str) -> Result<Destination, DestinationError> {
    Destination::with_connection_string(text.to_owned(), hub.map(str::to_owned))
}

#[test]
fn a_connection_string_names_one_hub() {
    let endpoint = "sb://shop.servicebus.windows.net/";
    assert_eq!(destination(None, &connection_string(endpoint, "")).err(), Some(DestinationError::NoHub));
    let with_path = connection_string(endpoint, ";EntityPath=other");
    let (path, hub) = ("other".to_owned(), "hub".to_owned());
    assert_eq!(destination(Some("hub"), &with_path).err(), Some(DestinationError::OtherHub { path, hub }));
    assert_eq!(destination(None, &with_path).expect("it has a hub").hub(), "other");
}

#[test]
fn a_key_travels_unencrypted_on_this_machine_only_and_is_never_shown() {
    let emulator = ";UseDevelopmentEmulator=true;";
    for endpoint in ["sb://localhost", "sb://127.0.0.1:5673", "sb://[::1]:5672/"] {
        let destination = destination(Some("hub"), &connection_string(endpoint, emulator));
        assert!(!format!("{:?}", destination.expect("this machine")).contains(KEY), "{endpoint}");
    }
    for text in [
        connection_string("sb://example.net", emulator),
        connection_string("", ""),
        format!("SharedAccessKey={KEY}"),
        KEY.to_owned(),
    ] {
        let error = destination(Some("hub"), &text).expect_err("it is refused");
        assert!(!error.to_string().contains(KEY) && !format!("{error:?}").contains(KEY), "{error}");
    }
}

#[test]
fn tls_has_been_told_which_cryptography_to_use() {
    trust_one_provider();
    // This panics when there are two to choose from and none is chosen.
    rustls::ClientConfig::builder();
}

/// Limits that a busy machine does not reach, so that nothing is sent twice without need.
const PATIENT: Limits =
    Limits { open_within: Duration::from_secs(10), answer_within: Duration::from_secs(10), max_sends: 2 };
/// For outcomes that never arrive: on loopback the others arrive within milliseconds.
const IMPATIENT: Limits = Limits { answer_within: Duration::from_secs(1), ..PATIENT };

fn at(address: SocketAddr) -> Destination {
    let (name, key) = (crate::auth::KEY_NAME, crate::auth::KEY);
    let port = address.port();
    let text = format!(
        "Endpoint=sb://localhost:{port};SharedAccessKeyName={name};SharedAccessKey={key};UseDevelopmentEmulator=true;"
    );
    destination(Some("clicks"), &text).expect("a destination on this machine")
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_accepts_the_connection_and_never_answers_is_an_error() {
    let (listener, address) = listen().await;
    let silent = tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.push(stream);
        }
    });
    let limits = Limits { open_within: Duration::from_millis(300), ..PATIENT };
    let opened = within("an error", Publisher::open(at(address), limits)).await;
    let error = opened.err().expect("nobody answers").to_string();
    assert_eq!(error, "cannot publish to event hub `clicks`: no answer within 0.3 s, 2 times in a row");
    silent.abort();
}

/// Forwards connections to `endpoint`. The first `lossy` ones that send a batch lose all outcomes from then on, as the AMQP
/// crate does when an outcome arrives too early.
async fn lossy_proxy(endpoint: SocketAddr, lossy: usize) -> SocketAddr {
    let (listener, address) = listen().await;
    let lossy = Arc::new(AtomicUsize::new(lossy));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(forward(client, endpoint, lossy.clone()));
        }
    });
    address
}

async fn forward(client: TcpStream, endpoint: SocketAddr, lossy: Arc<AtomicUsize>) {
    let Ok(server) = TcpStream::connect(endpoint).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let loses_outcomes = AtomicBool::new(false);
    let mut has_sent = false;
    let upward = forward_frames(from_client, to_server, |frame| {
        if is_batch(frame) && !has_sent {
            has_sent = true;
            let is_lossy = lossy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            loses_outcomes.store(is_lossy, Ordering::SeqCst);
        }
        true
    });
    let downward = forward_frames(from_server, to_client, |frame| {
        !(loses_outcomes.load(Ordering::SeqCst) && is_disposition(frame))
    });
    tokio::join!(upward, downward);
}

async fn forward_frames(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut keep: impl FnMut(&Frame) -> bool,
) {
    while let Ok(Some(frame)) = Frame::read(&mut from).await {
        if keep(&frame) && to.write_all(&frame.0).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

fn is_batch(frame: &Frame) -> bool {
    const FORMAT: [u8; 5] = [0x70, 0x80, 0x01, 0x37, 0x00];
    frame.body().starts_with(&[0x00, 0x53, 0x14]) && frame.body().windows(FORMAT.len()).any(|bytes| bytes == FORMAT)
}

fn is_disposition(frame: &Frame) -> bool {
    frame.body().starts_with(&[0x00, 0x53, 0x15])
}

fn bodies() -> Vec<String> {
    (0..20).map(|number| format!("event {number}")).collect()
}

async fn send_all(publisher: &mut Publisher) -> Result<(), PublishError> {
    for body in bodies() {
        publisher.send(OutgoingEvent { partition_key: Some("one".to_owned()), body: body.into() }).await?;
    }
    Ok(())
}

/// The bodies in the order in which they were stored; all of them are in one partition.
async fn stored(world: &World) -> Vec<String> {
    let mut stored = Vec::new();
    for partition in 0..2 {
        let state = world.journal.partition(crate::PartitionId::new(partition)).expect("the hub has two");
        if state.events > 0 {
            stored.extend(world.bodies(partition).await);
        }
    }
    stored
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_accepted_count_once_and_keep_their_order() {
    let world = World::new().await;
    let mut publisher = within("a connection", Publisher::open(at(world.endpoint.address()), PATIENT)).await.unwrap();
    let tally = publisher.tally();
    within("accepted events", send_all(&mut publisher)).await.unwrap();
    within("the end", publisher.close()).await.unwrap();
    assert_eq!(tally.totals().events, 20);
    assert_eq!(stored(&world).await, bodies());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_whose_outcome_is_lost_are_sent_again_on_another_connection() {
    let world = World::new().await;
    let address = lossy_proxy(world.endpoint.address(), 1).await;
    let limits = Limits { max_sends: 6, ..IMPATIENT };
    let mut publisher = within("a connection", Publisher::open(at(address), limits)).await.unwrap();
    let tally = publisher.tally();
    within("sent events", send_all(&mut publisher)).await.unwrap();
    within("accepted events", publisher.close()).await.unwrap();
    assert_eq!(tally.totals().events, 20, "each counts once");
    assert_eq!(tally.totals().refused, 0);
    // The hub has stored them twice, in the same order; once more each time a busy machine took too long to answer.
    let stored = stored(&world).await;
    assert!(stored.len() >= 40, "{} events", stored.len());
    assert!(stored.chunks(20).all(|events| events == bodies()), "{stored:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_never_answers_a_batch_is_an_error() {
    let world = World::new().await;
    let address = lossy_proxy(world.endpoint.address(), usize::MAX).await;
    let mut publisher = within("a connection", Publisher::open(at(address), IMPATIENT)).await.unwrap();
    let tally = publisher.tally();
    within("sent events", send_all(&mut publisher)).await.unwrap();
    let error = within("an error", publisher.close()).await.expect_err("no batch is answered").to_string();
    assert_eq!(error, "cannot publish to event hub `clicks`: no answer within 1 s, 2 times in a row");
    assert_eq!(tally.totals().events, 0);
}
