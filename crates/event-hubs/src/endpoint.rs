//! The open endpoint: its connections, their sign-in and sessions, and the tasks that serve their links.
//!
//! Promises that everything a client can open is bounded in number, and that the endpoint waits for nothing that a client owes
//! longer than [`PEER_TIMEOUT`]. What a link does is up to [`links`](crate::links).

use crate::auth::{Claims, KEY, KEY_NAME, SaslAcceptor};
use crate::frames::{MAX_FRAME_BYTES, forward_to_decoder};
use crate::journal::Journal;
use crate::links::{PEER_TIMEOUT, Peer, Replies};
use crate::names::{LoopbackAddress, PLAIN_PORT};
use crate::outbound::forward_to_client;
use fe2o3_amqp::acceptor::{ConnectionAcceptor, ListenerConnectionHandle, ListenerSessionHandle, SessionAcceptor};
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// Clients that are served at the same time. Further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 64;
/// As in the service.
const IDLE_TIMEOUT: Duration = Duration::from_secs(240);
/// Sessions of a connection.
const MAX_SESSIONS: u16 = 255;
/// Links of a session.
const MAX_LINKS: u32 = 255;
/// The client for Python copies the segment size of the connection. Loopback has 32,768, and Linux refuses to set more than
/// 32,767.
const SEGMENT_BYTES: u32 = 32_000;
/// How long to wait after a connection could not be accepted, for example because the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An endpoint that accepts events. Dropping it closes all connections.
pub struct Endpoint {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Endpoint {
    /// Listens on `address` and stores events in `journal`. Port 0 picks a free port.
    ///
    /// # Errors
    /// When the address cannot be listened on, for example because it is in use.
    pub async fn open(address: LoopbackAddress, journal: Arc<Journal>) -> io::Result<Self> {
        let address = address.socket();
        let listener = TcpListener::bind(address).await.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on `{address}`: {error}; port 0 picks a free one"))
        })?;
        SockRef::from(&listener).set_tcp_mss(SEGMENT_BYTES)?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, journal));
        Ok(Endpoint { address, task })
    }

    /// Where it listens: port 0 has become the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The connection string that a client needs. It names no event hub.
    pub fn connection_string(&self) -> String {
        // Clients expect the name `localhost`, and no port where it is the usual one.
        let port = if self.address.port() == PLAIN_PORT { String::new() } else { format!(":{}", self.address.port()) };
        format!(
            "Endpoint=sb://localhost{port};SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY};\
             UseDevelopmentEmulator=true;"
        )
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, journal: Arc<Journal>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // An error would mean that the semaphore is closed, and nobody closes it.
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let journal = journal.clone();
                    connections.spawn(async move {
                        serve(stream, journal).await;
                        drop(permit);
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves the client at the other end of `stream` until one of the two closes the connection.
async fn serve(stream: TcpStream, journal: Arc<Journal>) {
    let _ = stream.set_nodelay(true);
    let (from_client, to_client) = stream.into_split();
    let (near, far) = duplex(2 * MAX_FRAME_BYTES);
    let (from_encoder, to_decoder) = tokio::io::split(near);
    let outward = async { tokio::join!(serve_decoded(far, journal), forward_to_client(from_encoder, to_client)) };
    tokio::pin!(outward);
    tokio::select! {
        _ = &mut outward => {}
        _ = forward_to_decoder(from_client, to_decoder) => {
            // The decoder has reached the end of its stream and has some time to answer.
            let _ = timeout(PEER_TIMEOUT, outward).await;
        }
    }
}

async fn serve_decoded(stream: DuplexStream, journal: Arc<Journal>) {
    let claims = Arc::new(Claims::default());
    let acceptor = ConnectionAcceptor::builder()
        .container_id("event-hubs")
        .max_frame_size(MAX_FRAME_BYTES as u32)
        .channel_max(MAX_SESSIONS)
        .idle_time_out(IDLE_TIMEOUT.as_millis() as u32)
        .sasl_acceptor(SaslAcceptor { claims: claims.clone() })
        .build();
    let Ok(Ok(connection)) = timeout(PEER_TIMEOUT, acceptor.accept(stream)).await else { return };
    serve_sessions(Arc::new(Peer::new(journal, claims, MAX_LINKS)), connection).await;
}

async fn serve_sessions(peer: Arc<Peer>, mut connection: ListenerConnectionHandle) {
    let acceptor = SessionAcceptor::builder().handle_max(MAX_LINKS).build();
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            begin = connection.next_incoming_session() => {
                let Some(begin) = begin else { return };
                let Ok(session) = acceptor.accept_incoming_session(begin, &mut connection).await else { return };
                sessions.spawn(serve_links(peer.clone(), session));
            }
            Some(_) = sessions.join_next() => {}
        }
    }
}

async fn serve_links(peer: Arc<Peer>, mut session: ListenerSessionHandle) {
    let replies = Arc::new(Replies::default());
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            attach = session.next_incoming_attach() => {
                let Some(attach) = attach else { return };
                peer.attach(attach, &mut session, &replies, &mut links).await;
            }
            Some(_) = links.join_next() => {}
        }
    }
}
