//! One client: its sign-in, its sessions, and the links it attaches.

use super::address::Node;
use super::frames::LONGEST_FRAME;
use super::hub::Hub;
use super::message::ABSORBED_BYTES;
use super::publisher::Publisher;
use super::refusal::Refusal;
use super::reply::{Answer, Listeners, Request};
use super::sasl::SignIn;
use super::token::Claims;
use super::{cbs, inbound, management, outbound};
use chrono::Utc;
use fe2o3_amqp::acceptor::{
    ConnectionAcceptor, LinkAcceptor, LinkEndpoint, ListenerConnectionHandle, ListenerSessionHandle, SessionAcceptor,
    SupportedReceiverSettleModes, SupportedSenderSettleModes,
};
use fe2o3_amqp::{Receiver, Sender};
use fe2o3_amqp_types::definitions::{ReceiverSettleMode, Role, SenderSettleMode};
use fe2o3_amqp_types::messaging::{Body, TargetArchetype};
use fe2o3_amqp_types::performatives::Attach;
use fe2o3_amqp_types::primitives::Value;
use functions_host::EventSource;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// As the service says.
const IDLE_TIMEOUT_MS: u32 = 240_000;
const MOST_SESSIONS: u16 = 255;
const MOST_LINKS: usize = 255;
/// Deliveries that one link may have under way.
const CREDIT: u32 = 100;
/// Requests that one link may have under way.
const QUESTIONS: u32 = 10;
/// What a peer may take for an answer that it owes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the tasks of one connection share.
struct Peer {
    hub: Arc<Hub>,
    claims: Arc<Claims>,
    links: Arc<Semaphore>,
}

/// What a link is good for.
enum Purpose {
    Publish { partition: Option<usize> },
    Ask(Service),
    Listen(Service),
}

/// A node that answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Cbs,
    Management,
}

/// The listeners of one session, by what they listen to.
#[derive(Default)]
struct Replies {
    cbs: Listeners,
    management: Listeners,
}

impl Replies {
    fn of(&self, service: Service) -> &Listeners {
        match service {
            Service::Cbs => &self.cbs,
            Service::Management => &self.management,
        }
    }
}

/// Serves the client behind `stream` until one of the two has enough.
pub async fn serve(stream: TcpStream, hub: Arc<Hub>) {
    let _ = stream.set_nodelay(true);
    let (from_client, to_client) = stream.into_split();
    let (near, far) = duplex(2 * LONGEST_FRAME);
    let (from_acceptor, to_acceptor) = tokio::io::split(near);
    let outward = async { tokio::join!(client(far, hub), outbound::pump(from_acceptor, to_client)) };
    tokio::pin!(outward);
    tokio::select! {
        _ = &mut outward => {}
        _ = inbound::pump(from_client, to_acceptor) => {
            // The acceptor has been told that there is nothing more.
            let _ = timeout(PATIENCE, outward).await;
        }
    }
}

async fn client(stream: DuplexStream, hub: Arc<Hub>) {
    let claims = Arc::new(Claims::default());
    let acceptor = ConnectionAcceptor::builder()
        .container_id("clickstream")
        .max_frame_size(LONGEST_FRAME as u32)
        .channel_max(MOST_SESSIONS)
        .idle_time_out(IDLE_TIMEOUT_MS)
        .sasl_acceptor(SignIn { claims: claims.clone() })
        .build();
    let Ok(Ok(connection)) = timeout(PATIENCE, acceptor.accept(stream)).await else { return };
    let peer = Peer { hub, claims, links: Arc::new(Semaphore::new(MOST_LINKS)) };
    sessions(Arc::new(peer), connection).await;
}

async fn sessions(peer: Arc<Peer>, mut connection: ListenerConnectionHandle) {
    let acceptor = SessionAcceptor::builder().handle_max(MOST_LINKS as u32).build();
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            begun = connection.next_incoming_session() => {
                let Some(begun) = begun else { return };
                let Ok(session) = acceptor.accept_incoming_session(begun, &mut connection).await else { return };
                sessions.spawn(links(peer.clone(), session));
            }
            Some(_) = sessions.join_next() => {}
        }
    }
}

async fn links(peer: Arc<Peer>, mut session: ListenerSessionHandle) {
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

impl Peer {
    /// Answers `attach`: a link that is refused is attached too, and detached at once with the reason.
    async fn attach(
        &self,
        attach: Attach,
        session: &mut ListenerSessionHandle,
        replies: &Arc<Replies>,
        links: &mut JoinSet<()>,
    ) {
        let permit = self.links.clone().try_acquire_owned();
        let purpose = match &permit {
            Ok(_) => self.purpose(&attach),
            Err(_) => Err(Refusal::TooMany("links")),
        };
        let (name, listens_at) = (attach.name.clone(), target_address(&attach));
        let acceptor = LinkAcceptor::builder()
            .max_message_size(ABSORBED_BYTES)
            // A delivery is settled with its answer, as by the service, whatever the client would rather have.
            .supported_receiver_settle_modes(SupportedReceiverSettleModes::First)
            .fallback_receiver_settle_mode(ReceiverSettleMode::First);
        // Not every client answers an answer.
        let acceptor = match attach.role {
            Role::Sender => acceptor,
            Role::Receiver => acceptor
                .supported_sender_settle_modes(SupportedSenderSettleModes::Settled)
                .fallback_sender_settle_mode(SenderSettleMode::Settled),
        };
        let acceptor = acceptor.build();
        let Ok(link) = acceptor.accept_incoming_attach(attach, session).await else { return };
        match (purpose, link) {
            (Ok(Purpose::Publish { partition }), LinkEndpoint::Receiver(mut link)) => {
                if link.set_credit(CREDIT).await.is_ok() {
                    let publisher = Publisher { link, hub: self.hub.clone(), partition };
                    links.spawn(holding(permit.ok(), publisher.run()));
                }
            }
            (Ok(Purpose::Ask(service)), LinkEndpoint::Receiver(mut link)) => {
                if link.set_credit(QUESTIONS).await.is_ok() {
                    let (hub, claims) = (self.hub.clone(), self.claims.clone());
                    links.spawn(holding(permit.ok(), answer(service, link, hub, claims, replies.clone())));
                }
            }
            (Ok(Purpose::Listen(service)), LinkEndpoint::Sender(link)) => {
                let answers = replies.of(service).add(name, listens_at);
                links.spawn(holding(permit.ok(), hand_out(link, answers)));
            }
            (Err(refusal), link) => {
                links.spawn(holding(permit.ok(), refuse(link, refusal)));
            }
            // The acceptor gives the end that the attach asked for.
            (Ok(_), link) => drop(link),
        }
    }

    fn purpose(&self, attach: &Attach) -> Result<Purpose, Refusal> {
        if attach.role == Role::Receiver {
            let address = attach.source.as_ref().and_then(|source| source.address.clone()).unwrap_or_default();
            return match Node::read(&address) {
                Some(Node::Cbs) => Ok(Purpose::Listen(Service::Cbs)),
                Some(Node::Management) => Ok(Purpose::Listen(Service::Management)),
                _ => Err(Refusal::NoReceivers(address)),
            };
        }
        let address = target_address(attach).unwrap_or_default();
        match Node::read(&address) {
            Some(Node::Cbs) => Ok(Purpose::Ask(Service::Cbs)),
            Some(Node::Management) => Ok(Purpose::Ask(Service::Management)),
            Some(Node::Hub { name, partition }) => self.publish(name, partition),
            None => Err(Refusal::NoSuchEntity(address)),
        }
    }

    fn publish(&self, name: String, partition: Option<String>) -> Result<Purpose, Refusal> {
        if !self.claims.allow(&name, now()) {
            return Err(Refusal::Unauthorized(name));
        }
        let journal = &self.hub.journal;
        if !name.eq_ignore_ascii_case(journal.event_hub()) {
            return Err(Refusal::NoSuchEntity(name));
        }
        let Some(id) = partition else { return Ok(Purpose::Publish { partition: None }) };
        let last = journal.partition_count() - 1;
        match id.parse() {
            Ok(partition) if partition <= last => Ok(Purpose::Publish { partition: Some(partition) }),
            _ => Err(Refusal::NoSuchPartition { id, last }),
        }
    }
}

fn target_address(attach: &Attach) -> Option<String> {
    match attach.target.as_deref()? {
        TargetArchetype::Target(target) => target.address.clone(),
        #[allow(unreachable_patterns, reason = "there are more where another crate turns transactions on")]
        _ => None,
    }
}

/// Runs `work`, which has one of the connection's links.
async fn holding(permit: Option<OwnedSemaphorePermit>, work: impl Future<Output = ()>) {
    work.await;
    drop(permit);
}

async fn refuse(link: LinkEndpoint, refusal: Refusal) {
    let error = refusal.error();
    let closed = async {
        match link {
            LinkEndpoint::Receiver(link) => link.close_with_error(error).await,
            LinkEndpoint::Sender(link) => link.close_with_error(error).await,
        }
    };
    // The session ends with a peer that does not answer.
    let _ = timeout(PATIENCE, closed).await;
}

/// Answers what is asked on `link`, until it ends.
async fn answer(service: Service, mut link: Receiver, hub: Arc<Hub>, claims: Arc<Claims>, replies: Arc<Replies>) {
    while let Ok(delivery) = link.recv::<Body<Value>>().await {
        if link.accept(&delivery).await.is_err() {
            return;
        }
        let request = Request::new(delivery.into_message());
        let answer = match service {
            Service::Cbs => cbs::answer(&request, &claims, now()),
            Service::Management => management::answer(&request, &hub.journal, hub.created_at_ms, &claims, now()),
        };
        replies.of(service).answer(request.reply_to(), answer);
    }
}

/// Sends `answers` to who listens on `link`, until it ends.
async fn hand_out(mut link: Sender, mut answers: mpsc::Receiver<Answer>) {
    loop {
        tokio::select! {
            Some(answer) = answers.recv() => {
                if !matches!(timeout(PATIENCE, link.send(answer)).await, Ok(Ok(_))) {
                    return;
                }
            }
            _ = link.on_detach() => return,
            else => return,
        }
    }
}

/// Seconds since the epoch.
fn now() -> i64 {
    Utc::now().timestamp()
}
