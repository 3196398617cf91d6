//! One client: its sign-in, its sessions, and the tasks that serve its links.
//!
//! Promises that everything the client can open is bounded in number, and that the endpoint waits for nothing that the client
//! owes longer than [`PEER_TIMEOUT`]. What a link does is up to [`links`](crate::links).

use crate::auth::{Claims, SaslAcceptor};
use crate::frames::{MAX_FRAME_BYTES, forward_to_decoder};
use crate::journal::Journal;
use crate::links::{PEER_TIMEOUT, Peer, Replies};
use crate::outbound::forward_to_client;
use fe2o3_amqp::acceptor::{ConnectionAcceptor, ListenerConnectionHandle, ListenerSessionHandle, SessionAcceptor};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The service's value.
const IDLE_TIMEOUT: Duration = Duration::from_secs(240);
const MAX_SESSIONS: u16 = 255;
const MAX_LINKS: u32 = 255;

/// Serves the client at the other end of `stream` until one of the two closes the connection.
pub async fn serve(stream: TcpStream, journal: Arc<Journal>) {
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
