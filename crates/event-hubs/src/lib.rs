//! An Azure Event Hubs endpoint on loopback, and a publisher for real and local event hubs.
//!
//! # The endpoint
//!
//! [`Endpoint`] is for a program that wants to accept events from clients of Event Hubs without Azure: on a developer's
//! machine, in a test. It serves one event hub over AMQP 1.0 and keeps its events in a [`Journal`], a file on disk. The
//! program reads the events from the journal.
//!
//! ```ignore
//! let hub = EventHub { name: "clicks".parse()?, partitions: PartitionCount::try_from(4)?, created_at };
//! let journal = Arc::new(Journal::open(Path::new("clicks.journal"), hub)?);
//! let endpoint = Endpoint::open("127.0.0.1:0".parse()?, journal.clone()).await?;
//! println!("send events with {}", endpoint.connection_string());
//! let read = journal.read(PartitionId::new(0), None, 100).await?;
//! ```
//!
//! What it mirrors of the service:
//! - Programs that use the official clients for Python, JavaScript and Rust send to it unchanged, with the connection string
//!   of Microsoft's emulator.
//! - Partitions, partition keys, sequence numbers, batches, properties and system properties.
//! - A message is accepted once it is on disk, and not before. Whatever was accepted survives a kill.
//! - Shared access signatures, put to `$cbs`, or `PLAIN` with the key; properties of the hub and its partitions from
//!   `$management`.
//! - Limits and refusals, with the conditions and the words of the service.
//!
//! What it leaves out: receiving by AMQP, consumer groups and checkpoints; TLS and WebSockets; Entra tokens, and keys other
//! than the emulator's; transactions, Kafka, HTTP, schemas, capture, retention, idempotent producers. It hashes partition
//! keys in its own way, so a key goes to another partition than in Azure. It listens on loopback only, because everybody knows
//! its key.
//!
//! Everything from outside is bounded: connections, sessions and links in number; frames and messages in size; events,
//! properties and nesting within a message; unanswered deliveries of a link by its credit; bytes that wait for the disk, above
//! which no link gets credit.
//!
//! # The publisher
//!
//! [`publisher::Publisher`] sends events by Microsoft's own client for Rust, to Azure or to this endpoint. It adds what that
//! client lacks: it never waits for ever. See there for what that means for duplicates.
//!
//! # Modules in reading order
//!
//! - `names` and `event` are the vocabulary; `journal` keeps events on disk.
//! - `endpoint` accepts connections and serves their sessions; `auth` decides who may send, and `links` what a link does.
//! - `message` reads the events of a message, `requests` answers questions, `error` says what is refused.
//! - `frames`, `nesting` and `outbound` stand between the socket and the AMQP crate: they protect its decoder, and write
//!   frames as the service does.
//! - [`publisher`] is the sending side and uses none of the above.

mod names;
mod event;
mod journal;
mod endpoint;
mod auth;
mod links;
mod message;
mod requests;
mod error;
mod frames;
mod nesting;
mod outbound;
pub mod publisher;

#[cfg(test)]
mod tests;

pub use endpoint::Endpoint;
pub use event::{NewEvent, Properties, PropertyValue, SequenceNumber, StoredEvent};
pub use journal::{Journal, Read};
pub use names::{EventHub, HubName, LoopbackAddress, NameError, PartitionCount, PartitionId};
