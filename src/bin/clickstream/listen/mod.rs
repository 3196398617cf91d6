//! An Event Hubs endpoint on loopback: what Microsoft's emulator offers to programs that send.
//!
//! Promises that a program written for Event Hubs sends here as it is, with the emulator's connection string; that a
//! message is accepted once it is on disk and not before; and that what is not granted is refused as the service refuses
//! it. It takes events and hands none out: who reads them is the host, from the [`journal::Journal`].
//!
//! Everything from outside is bounded: connections, sessions and links in number; frames and messages in size; events,
//! properties and nesting within a message; deliveries under way on a link by its credit; and bytes that wait for the
//! disk, beyond which no credit is given back.
//!
//! In reading order: [`address`] is where a link wants to go, [`token`] and [`sasl`] who may, [`refusal`] what is said
//! otherwise; [`frames`] are what is read and written, [`inbound`] and [`nesting`] keep the decoder from harm, [`outbound`]
//! writes as the service does; [`connection`] is one client, with [`reply`],
//! [`cbs`] and [`management`] for its questions and [`publisher`] for its events, which [`message`] reads; [`hub`] says
//! which partition they go to, [`journal`] keeps them.

mod address;
mod cbs;
mod connection;
mod frames;
mod hub;
mod inbound;
pub mod journal;
mod management;
mod message;
mod nesting;
mod outbound;
mod publisher;
mod refusal;
mod reply;
mod sasl;
mod token;

#[cfg(test)]
mod tests;

use crate::source::StateFolder;
use hub::Hub;
use journal::Journal;
use socket2::SockRef;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// Clients at a time; others wait to be accepted.
const MOST_CONNECTIONS: usize = 64;
/// The client for Python sets the segment size that it reads, and Linux takes none above 32,767. Loopback's own is one more.
const SEGMENT_BYTES: u32 = 32_000;
/// The port of AMQP without TLS.
const PORT: u16 = 5672;

/// An endpoint that is open; dropping it closes it.
pub struct Endpoint {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// The hub's events so far, from `state`.
///
/// # Errors
/// As [`Journal::open`].
pub fn open_journal(hub: &str, partitions: usize, state: &StateFolder) -> io::Result<Journal> {
    Journal::open(&state.file(&format!("{hub}.journal")), hub, partitions)
}

impl Endpoint {
    /// Opens `address`, which is on loopback, for events into `journal`.
    ///
    /// # Errors
    /// When the address is in use.
    pub async fn open(address: SocketAddr, journal: Arc<Journal>, created_at_ms: i64) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot listen on {address}: {error}; `--listen 127.0.0.1:0` picks a port"),
            )
        })?;
        SockRef::from(&listener).set_tcp_mss(SEGMENT_BYTES)?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, Arc::new(Hub::new(journal, created_at_ms))));
        Ok(Endpoint { address, task })
    }

    /// What a client needs to know.
    pub fn connection_string(&self) -> String {
        // Clients take the name for an address of this machine; it has no port where theirs is the same.
        let port = if self.address.port() == PORT { String::new() } else { format!(":{}", self.address.port()) };
        let (name, key) = (token::KEY_NAME, token::KEY);
        format!(
            "Endpoint=sb://localhost{port};SharedAccessKeyName={name};SharedAccessKey={key};UseDevelopmentEmulator=true;"
        )
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, hub: Arc<Hub>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let hub = hub.clone();
                    connections.spawn(async move {
                        connection::serve(stream, hub).await;
                        drop(permit);
                    });
                }
                // Out of file handles, say: it passes.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Reads the argument of `--listen`: an address of this machine's loopback, a port, or both.
pub fn loopback(text: &str) -> Result<SocketAddr, String> {
    let named = text.replacen("localhost", "127.0.0.1", 1);
    let address = match (named.parse::<SocketAddr>(), named.parse::<IpAddr>(), named.parse::<u16>()) {
        (Ok(address), ..) => address,
        (_, Ok(ip), _) => SocketAddr::new(ip, PORT),
        (_, _, Ok(port)) => SocketAddr::from(([127, 0, 0, 1], port)),
        _ => return Err("not an address; try `127.0.0.1:5672`".to_owned()),
    };
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err("not a loopback address: the key of this endpoint is known to all, so only this machine may reach it"
        .to_owned())
}

/// Reads the argument of `--hub`.
pub fn hub_name(text: &str) -> Result<String, String> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let first_is_good = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if first_is_good && text.len() <= 256 && text.chars().all(is_good) {
        return Ok(text.to_owned());
    }
    Err("a hub is named by up to 256 letters, digits, points, hyphens and underscores, the first a letter or digit"
        .into())
}
