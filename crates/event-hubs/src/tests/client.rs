//! A client of AMQP 1.0 for tests, which does one thing after the other.
//!
//! It reads every frame that arrives while it waits for an outcome. The AMQP crate's own client does not: it loses an outcome
//! that arrives before it has noted down the transfer, and then waits for ever. Every wait here has a limit.

use super::within;
use crate::frames::Frame;
use fe2o3_amqp_types::definitions::{Error, Handle, ReceiverSettleMode, Role, SenderSettleMode};
use fe2o3_amqp_types::messaging::message::__private::Serializable;
use fe2o3_amqp_types::messaging::{Body, DeliveryState, Message, Source, Target, TargetArchetype};
use fe2o3_amqp_types::performatives::{Attach, Begin, ChannelMax, MaxFrameSize, Open, Performative, Transfer};
use fe2o3_amqp_types::primitives::{Binary, Symbol, Value};
use fe2o3_amqp_types::sasl::{SaslCode, SaslInit, SaslOutcome};
use std::net::SocketAddr;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const AMQP: u8 = 0;
const SASL: u8 = 1;

/// A connection with one session.
pub struct Client {
    stream: TcpStream,
    next_handle: u32,
    next_delivery: u32,
}

/// A link that has been attached and not been detached.
pub struct Link {
    handle: u32,
    pub max_message_size: Option<u64>,
}

impl Client {
    /// Connects and signs in.
    pub async fn connect(address: SocketAddr, mechanism: &str, response: &[u8]) -> Result<Self, SaslCode> {
        let stream = within("the connection", TcpStream::connect(address)).await.expect("the endpoint listens");
        let mut client = Client { stream, next_handle: 0, next_delivery: 0 };
        client.write(b"AMQP\x03\x01\x00\x00").await;
        client.read("the name of the protocol").await;
        client.read("the mechanisms").await;
        let init = SaslInit {
            mechanism: Symbol::from(mechanism),
            initial_response: Some(Binary::from(response.to_vec())),
            hostname: None,
        };
        client.write_frame(SASL, &serde_amqp::to_vec(&init).expect("it can be encoded"), &[]).await;
        let outcome = client.read("the outcome of the sign-in").await;
        let outcome: SaslOutcome = serde_amqp::from_slice(outcome.body()).expect("an outcome");
        if outcome.code != SaslCode::Ok {
            return Err(outcome.code);
        }
        client.begin().await;
        Ok(client)
    }

    async fn begin(&mut self) {
        self.write(b"AMQP\x00\x01\x00\x00").await;
        self.read("the name of the protocol, again").await;
        let open = Open {
            container_id: "test".to_owned(),
            hostname: None,
            max_frame_size: MaxFrameSize(64 << 10),
            channel_max: ChannelMax(0),
            idle_time_out: None,
            outgoing_locales: None,
            incoming_locales: None,
            offered_capabilities: None,
            desired_capabilities: None,
            properties: None,
        };
        self.send_performative(&Performative::Open(open), &[]).await;
        let begin = Begin {
            remote_channel: None,
            next_outgoing_id: 0,
            incoming_window: 1_000,
            outgoing_window: 1_000,
            handle_max: Handle(100),
            offered_capabilities: None,
            desired_capabilities: None,
            properties: None,
        };
        self.send_performative(&Performative::Begin(begin), &[]).await;
        self.wait("an open session", |performative| matches!(performative, Performative::Begin(_)).then_some(())).await;
    }

    /// Attaches a link that sends to `address`; the error with which the endpoint detaches it, if it does.
    pub async fn sender(&mut self, address: &str) -> Result<Link, Error> {
        let target = Target { address: Some(address.to_owned()), ..Target::default() };
        let max_message_size = self.attach(Role::Sender, Source::default(), target).await;
        let handle = self.next_handle - 1;
        // The endpoint gives credit to a link that it accepts, and detaches one that it refuses (after a credit of 0).
        let answer = |performative| match performative {
            Performative::Flow(flow) if flow.link_credit > Some(0) => Some(Ok(())),
            Performative::Detach(detach) => Some(Err(detach.error.expect("a reason"))),
            _ => None,
        };
        self.wait("credit or a refusal", answer).await.map(|()| Link { handle, max_message_size })
    }

    /// The error with which the endpoint refuses a link that receives from `address`.
    pub async fn refused_receiver(&mut self, address: &str) -> Error {
        let source = Source { address: Some(address.to_owned()), ..Source::default() };
        self.attach(Role::Receiver, source, Target::default()).await;
        let error = |performative| match performative {
            Performative::Detach(detach) => Some(detach.error.expect("a reason")),
            _ => None,
        };
        self.wait("a refusal", error).await
    }

    /// Attaches a link; the largest message that the endpoint says it accepts.
    async fn attach(&mut self, role: Role, source: Source, target: Target) -> Option<u64> {
        let attach = Attach {
            name: format!("link {}", self.next_handle),
            handle: Handle(self.next_handle),
            initial_delivery_count: matches!(role, Role::Sender).then_some(0),
            role,
            snd_settle_mode: SenderSettleMode::Unsettled,
            rcv_settle_mode: ReceiverSettleMode::First,
            source: Some(Box::new(source)),
            target: Some(Box::new(TargetArchetype::Target(target))),
            unsettled: None,
            incomplete_unsettled: false,
            max_message_size: None,
            offered_capabilities: None,
            desired_capabilities: None,
            properties: None,
        };
        self.next_handle += 1;
        self.send_performative(&Performative::Attach(attach), &[]).await;
        let size = |performative| match performative {
            Performative::Attach(attach) => Some(attach.max_message_size),
            _ => None,
        };
        self.wait("an attached link", size).await
    }

    /// Sends a message and returns its outcome.
    pub async fn send(&mut self, link: &Link, format: u32, message: Message<Body<Value>>) -> DeliveryState {
        let transfer = Transfer {
            handle: Handle(link.handle),
            delivery_id: Some(self.next_delivery),
            delivery_tag: Some(self.next_delivery.to_be_bytes().to_vec().into()),
            message_format: Some(format),
            settled: Some(false),
            more: false,
            rcv_settle_mode: None,
            state: None,
            resume: false,
            aborted: false,
            batchable: false,
        };
        let id = self.next_delivery;
        self.next_delivery += 1;
        let payload = serde_amqp::to_vec(&Serializable(message)).expect("it can be encoded");
        self.send_performative(&Performative::Transfer(transfer), &payload).await;
        let state = |performative| match performative {
            Performative::Disposition(disposition) if disposition.first == id => disposition.state,
            _ => None,
        };
        self.wait("an outcome", state).await
    }

    /// Reads frames until `found` has an answer.
    async fn wait<T>(&mut self, what: &str, found: impl Fn(Performative) -> Option<T>) -> T {
        loop {
            let frame = self.read(what).await;
            // A heartbeat is empty.
            if frame.body().is_empty() {
                continue;
            }
            let performative = serde_amqp::from_slice(frame.body()).expect("a performative");
            if let Some(found) = found(performative) {
                return found;
            }
        }
    }

    async fn read(&mut self, what: &str) -> Frame {
        let frame = within(what, Frame::read(&mut self.stream)).await.expect("the connection works");
        frame.unwrap_or_else(|| panic!("the endpoint closed the connection instead of sending {what}"))
    }

    async fn send_performative(&mut self, performative: &Performative, payload: &[u8]) {
        self.write_frame(AMQP, &serde_amqp::to_vec(performative).expect("it can be encoded"), payload).await;
    }

    async fn write_frame(&mut self, kind: u8, performative: &[u8], payload: &[u8]) {
        let length = (8 + performative.len() + payload.len()) as u32;
        self.write(&[&length.to_be_bytes()[..], &[2, kind, 0, 0], performative, payload].concat()).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        within("room in the socket", self.stream.write_all(bytes)).await.expect("the connection works");
    }
}
