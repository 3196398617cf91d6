//! The links that a client attaches: what each one is for, and the work on it.
//!
//! A link to the hub or a partition brings events, which are accepted in their order once they are on disk. A pair of links to
//! `$cbs` or `$management` carries requests and answers. Every other link is refused with the error of the service.

use crate::auth::Claims;
use crate::error::AmqpError;
use crate::journal::{Journal, Ticket};
use crate::message::{self, Delivered, MAX_DECODED_BYTES};
use crate::names::{Node, PartitionId};
use crate::requests::{Answer, Listeners, Request, Service};
use chrono::Utc;
use fe2o3_amqp::acceptor::{
    LinkAcceptor, LinkEndpoint, ListenerSessionHandle, SupportedReceiverSettleModes, SupportedSenderSettleModes,
};
use fe2o3_amqp::link::delivery::{Delivery, DeliveryInfo};
use fe2o3_amqp::link::{IllegalLinkStateError, RecvError};
use fe2o3_amqp::{Receiver, Sender};
use fe2o3_amqp_types::definitions::{ReceiverSettleMode, Role, SenderSettleMode};
use fe2o3_amqp_types::messaging::{Body, Source, Target, TargetArchetype};
use fe2o3_amqp_types::performatives::Attach;
use fe2o3_amqp_types::primitives::Value;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Deliveries of events that one link may send before the first of them is accepted.
const EVENT_CREDIT: u32 = 100;
/// Requests that one link may send before the first of them is answered.
const REQUEST_CREDIT: u32 = 10;
/// How long a peer has for what the endpoint waits for.
pub const PEER_TIMEOUT: Duration = Duration::from_secs(30);

/// What the tasks of one connection share.
pub struct Peer {
    journal: Arc<Journal>,
    claims: Arc<Claims>,
    links: Arc<Semaphore>,
}

/// The answering links of one session, by the node that answers.
#[derive(Default)]
pub struct Replies {
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

/// What a link is for.
enum Purpose {
    /// The client sends events, to one partition or to the hub.
    Events(Option<PartitionId>),
    /// The client sends requests.
    Requests(Service),
    /// The endpoint sends answers.
    Answers(Service),
}

impl Peer {
    pub fn new(journal: Arc<Journal>, claims: Arc<Claims>, max_links: u32) -> Self {
        Peer { journal, claims, links: Arc::new(Semaphore::new(max_links as usize)) }
    }

    /// Answers `attach` and starts the work on the link. As AMQP wants it, a link that is refused is attached first and then
    /// detached with the reason.
    pub async fn attach(
        &self,
        attach: Attach,
        session: &mut ListenerSessionHandle,
        replies: &Arc<Replies>,
        links: &mut JoinSet<()>,
    ) {
        let (permit, purpose) = match self.links.clone().try_acquire_owned() {
            Ok(permit) => (Some(permit), self.purpose(&attach)),
            Err(_) => (None, Err(AmqpError::InUse("links"))),
        };
        let (name, listens_at) = (attach.name.clone(), target_address(&attach));
        let acceptor = acceptor(&attach.role);
        let Ok(link) = acceptor.accept_incoming_attach(attach, session).await else { return };
        match (purpose, link) {
            (Ok(Purpose::Events(partition)), LinkEndpoint::Receiver(mut link)) => {
                if link.set_credit(EVENT_CREDIT).await.is_ok() {
                    let events = EventLink { link, journal: self.journal.clone(), partition };
                    links.spawn(with_permit(permit, events.run()));
                }
            }
            (Ok(Purpose::Requests(service)), LinkEndpoint::Receiver(mut link)) => {
                if link.set_credit(REQUEST_CREDIT).await.is_ok() {
                    let (journal, claims) = (self.journal.clone(), self.claims.clone());
                    links.spawn(with_permit(permit, answer(service, link, journal, claims, replies.clone())));
                }
            }
            (Ok(Purpose::Answers(service)), LinkEndpoint::Sender(link)) => {
                let answers = replies.of(service).add(name, listens_at);
                links.spawn(with_permit(permit, send_answers(link, answers)));
            }
            (Err(error), link) => {
                links.spawn(with_permit(permit, refuse(link, error)));
            }
            // The acceptor returns the end that the attach asked for.
            (Ok(_), link) => drop(link),
        }
    }

    fn purpose(&self, attach: &Attach) -> Result<Purpose, AmqpError> {
        if attach.role == Role::Receiver {
            let address = attach.source.as_ref().and_then(|source| source.address.clone()).unwrap_or_default();
            return match Node::parse(&address) {
                Some(Node::Cbs) => Ok(Purpose::Answers(Service::Cbs)),
                Some(Node::Management) => Ok(Purpose::Answers(Service::Management)),
                _ => Err(AmqpError::NoReceivers(address)),
            };
        }
        let address = target_address(attach).unwrap_or_default();
        match Node::parse(&address) {
            Some(Node::Cbs) => Ok(Purpose::Requests(Service::Cbs)),
            Some(Node::Management) => Ok(Purpose::Requests(Service::Management)),
            Some(Node::Hub { name, partition }) => self.events(name, partition),
            None => Err(AmqpError::NoSuchEntity(address)),
        }
    }

    fn events(&self, name: String, partition: Option<String>) -> Result<Purpose, AmqpError> {
        if !self.claims.allow(&name, Utc::now()) {
            return Err(AmqpError::Unauthorized(name));
        }
        let hub = self.journal.hub();
        if !hub.name.is(&name) {
            return Err(AmqpError::NoSuchEntity(name));
        }
        let Some(id) = partition else { return Ok(Purpose::Events(None)) };
        match hub.partitions.find(&id) {
            Some(partition) => Ok(Purpose::Events(Some(partition))),
            None => Err(AmqpError::NoSuchPartition { id, last: hub.partitions.last() }),
        }
    }
}

type Acceptor = LinkAcceptor<fn(Source) -> Option<Source>, fn(Target) -> Option<Target>>;

/// What the endpoint offers to a client that attaches in that role.
fn acceptor(role: &Role) -> Acceptor {
    let acceptor = LinkAcceptor::builder()
        .max_message_size(MAX_DECODED_BYTES)
        // Like the service, the endpoint settles a delivery when it answers it, whatever the client asks for.
        .supported_receiver_settle_modes(SupportedReceiverSettleModes::First)
        .fallback_receiver_settle_mode(ReceiverSettleMode::First);
    match role {
        Role::Sender => acceptor.build(),
        // Answers are settled when they are sent, because not every client settles them.
        Role::Receiver => acceptor
            .supported_sender_settle_modes(SupportedSenderSettleModes::Settled)
            .fallback_sender_settle_mode(SenderSettleMode::Settled)
            .build(),
    }
}

fn target_address(attach: &Attach) -> Option<String> {
    match attach.target.as_deref()? {
        TargetArchetype::Target(target) => target.address.clone(),
        #[allow(unreachable_patterns, reason = "a feature of the AMQP crate, which others may turn on, adds patterns")]
        _ => None,
    }
}

/// Does `work` on a link and then gives back the link's permit.
async fn with_permit(permit: Option<OwnedSemaphorePermit>, work: impl Future<Output = ()>) {
    work.await;
    drop(permit);
}

async fn refuse(link: LinkEndpoint, error: AmqpError) {
    let error = error.to_amqp();
    let closed = async {
        match link {
            LinkEndpoint::Receiver(link) => link.close_with_error(error).await,
            LinkEndpoint::Sender(link) => link.close_with_error(error).await,
        }
    };
    // A peer that does not detach in time loses nothing but the link.
    let _ = timeout(PEER_TIMEOUT, closed).await;
}

/// Answers the requests that arrive on `link`, until it is detached.
async fn answer(
    service: Service,
    mut link: Receiver,
    journal: Arc<Journal>,
    claims: Arc<Claims>,
    replies: Arc<Replies>,
) {
    while let Ok(delivery) = link.recv::<Body<Value>>().await {
        if link.accept(&delivery).await.is_err() {
            return;
        }
        let request = Request::new(delivery.into_message());
        let answer = service.answer(&request, &journal, &claims, Utc::now());
        replies.of(service).send(request.reply_to(), answer);
    }
}

/// Sends `answers` on `link`, until it is detached.
async fn send_answers(mut link: Sender, mut answers: mpsc::Receiver<Answer>) {
    loop {
        tokio::select! {
            Some(answer) = answers.recv() => {
                if !matches!(timeout(PEER_TIMEOUT, link.send(answer)).await, Ok(Ok(_))) {
                    return;
                }
            }
            _ = link.on_detach() => return,
            else => return,
        }
    }
}

/// How a delivery ends.
type Outcome = (DeliveryInfo, Result<(), AmqpError>);

/// A link on which a client sends events.
struct EventLink {
    link: Receiver,
    journal: Arc<Journal>,
    /// `None` when the client leaves the choice to the hub.
    partition: Option<PartitionId>,
}

impl EventLink {
    /// Stores deliveries until the link is detached. Deliveries that are not answered by then are stored all the same.
    async fn run(mut self) {
        let mut unanswered = FuturesOrdered::new();
        loop {
            tokio::select! {
                Some(outcome) = unanswered.next() => {
                    if self.settle(outcome).await.is_err() {
                        return;
                    }
                }
                received = self.link.recv::<Body<Value>>() => {
                    let (info, ticket) = match received {
                        Ok(delivery) => self.store(delivery).await,
                        Err(RecvError::MessageDecode(error)) => {
                            (error.info, Err(AmqpError::Malformed(error.source.to_string())))
                        }
                        // The link is detached. If the client made a mistake, the decoder has told it which one.
                        Err(_) => return,
                    };
                    unanswered.push_back(outcome(info, ticket));
                }
            }
        }
    }

    async fn store(&self, delivery: Delivery<Body<Value>>) -> (DeliveryInfo, Result<Ticket, AmqpError>) {
        let info = DeliveryInfo::from(&delivery);
        let format = *delivery.message_format();
        let ticket = match message::events(format, delivery.into_message()) {
            Ok(delivered) => self.append(delivered).await,
            Err(error) => Err(error),
        };
        (info, ticket)
    }

    async fn append(&self, delivered: Delivered) -> Result<Ticket, AmqpError> {
        let key = delivered.partition_key.as_deref();
        let partition = self.partition.unwrap_or_else(|| self.journal.partition_for(key));
        let ticket = self.journal.append(partition, &delivered.events).await;
        ticket.map_err(|error| AmqpError::NotStored(error.to_string()))
    }

    async fn settle(&self, (info, result): Outcome) -> Result<(), IllegalLinkStateError> {
        match result {
            Ok(()) => self.link.accept(info).await,
            Err(error) => self.link.reject(info, error.to_amqp()).await,
        }
    }
}

async fn outcome(info: DeliveryInfo, ticket: Result<Ticket, AmqpError>) -> Outcome {
    let result = match ticket {
        Ok(ticket) => ticket.durable().await.map_err(AmqpError::NotStored),
        Err(error) => Err(error),
    };
    (info, result)
}
