//! One sending link: its deliveries go into the journal, and are accepted in their order once they are on disk.

use super::hub::Hub;
use super::journal::Ticket;
use super::message::{self, Delivered};
use super::refusal::Refusal;
use fe2o3_amqp::Receiver;
use fe2o3_amqp::link::RecvError;
use fe2o3_amqp::link::delivery::{Delivery, DeliveryInfo};
use fe2o3_amqp_types::messaging::Body;
use fe2o3_amqp_types::primitives::Value;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use std::sync::Arc;

/// How a delivery ends.
type Outcome = (DeliveryInfo, Result<(), Refusal>);

pub struct Publisher {
    pub link: Receiver,
    pub hub: Arc<Hub>,
    /// The one partition that the link is for.
    pub partition: Option<usize>,
}

impl Publisher {
    /// Until the link or its session ends. What is under way then goes to disk all the same.
    pub async fn run(mut self) {
        let mut under_way = FuturesOrdered::new();
        loop {
            tokio::select! {
                Some(outcome) = under_way.next() => {
                    if self.settle(outcome).await.is_err() {
                        return;
                    }
                }
                received = self.link.recv::<Body<Value>>() => {
                    let (info, ticket) = match received {
                        Ok(delivery) => self.take(delivery).await,
                        Err(RecvError::MessageDecode(error)) => {
                            (error.info, Err(Refusal::Malformed(error.source.to_string())))
                        }
                        // The link is detached, with the reason where the client is to blame.
                        Err(_) => return,
                    };
                    under_way.push_back(outcome(info, ticket));
                }
            }
        }
    }

    async fn take(&self, delivery: Delivery<Body<Value>>) -> (DeliveryInfo, Result<Ticket, Refusal>) {
        let info = DeliveryInfo::from(&delivery);
        let format = *delivery.message_format();
        let ticket = match message::events(format, delivery.into_message()) {
            Ok(delivered) => self.append(delivered).await,
            Err(refusal) => Err(refusal),
        };
        (info, ticket)
    }

    async fn append(&self, delivered: Delivered) -> Result<Ticket, Refusal> {
        let partition = self.partition.unwrap_or_else(|| self.hub.partition_for(delivered.partition_key.as_deref()));
        let ticket = self.hub.journal.append(partition, &delivered.events).await;
        ticket.map_err(|error| Refusal::NotStored(error.to_string()))
    }

    async fn settle(&self, (info, result): Outcome) -> Result<(), fe2o3_amqp::link::IllegalLinkStateError> {
        match result {
            Ok(()) => self.link.accept(info).await,
            Err(refusal) => self.link.reject(info, refusal.error()).await,
        }
    }
}

async fn outcome(info: DeliveryInfo, ticket: Result<Ticket, Refusal>) -> Outcome {
    let result = match ticket {
        Ok(ticket) => ticket.durable().await.map_err(Refusal::NotStored),
        Err(refusal) => Err(refusal),
    };
    (info, result)
}
