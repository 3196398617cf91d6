//! An invocation with its retries, as the host's executor runs them.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{AttemptFailure, InvocationOutcome, Invoker};
use crate::app::function::Function;
use crate::clock;
use crate::envelope::{Attempt, Envelope, RetryContext, Unbindable};
use crate::event::HostEvent;
use crate::lease::Lease;

/// Something to call a function with.
#[derive(Debug)]
pub struct Invocation<'a> {
    pub function: &'a Function,
    /// For reports.
    pub partition: Option<usize>,
    /// An envelope that could not be made fails every attempt, without a call.
    pub envelope: Result<Envelope, Unbindable>,
    pub origin: Origin,
    /// Without it there are no further attempts.
    pub lease: &'a Lease,
}

/// What started an invocation decides about its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A listener: every attempt has the same id.
    Trigger,
    /// A person, by HTTP or the admin API: every attempt has a new one.
    Request,
}

#[derive(Debug)]
pub struct Completed {
    pub outcome: InvocationOutcome,
    /// Attempts made, at least one.
    pub attempts: u32,
    /// Pauses included.
    pub duration: Duration,
}

impl Invoker {
    /// Attempts until there is a success, the retry policy is exhausted, the lease is lost or the host stops.
    pub async fn invoke(&self, invocation: Invocation<'_>) -> Completed {
        let started = Instant::now();
        let (outcome, attempts) = self.attempts(&invocation).await;
        Completed { outcome, attempts, duration: started.elapsed() }
    }

    async fn attempts(&self, invocation: &Invocation<'_>) -> (InvocationOutcome, u32) {
        let function = invocation.function;
        let mut id = clock::new_id();
        let mut retry = function.retry.map(|policy| RetryContext {
            retry_count: 0,
            max_retry_count: policy.max_retries,
            exception: None,
        });
        for retries_done in 0.. {
            let failure = match self.one(invocation, id, retry.as_ref()).await {
                None => return (InvocationOutcome::Abandoned, retries_done + 1),
                Some(Ok(answer)) => return (InvocationOutcome::Succeeded(answer), retries_done + 1),
                Some(Err(failure)) => failure,
            };
            let delay = function.retry.and_then(|policy| policy.delay(retries_done, clock::random_fraction()));
            let (Some(delay), Some(retry)) = (delay, &mut retry) else {
                return (InvocationOutcome::Failed(failure), retries_done + 1);
            };
            self.report_retry(invocation, retries_done + 1, delay, &failure);
            let pause = self.lifecycle.while_running(tokio::time::sleep(delay));
            if invocation.lease.while_held(pause).await.flatten().is_none() {
                return (InvocationOutcome::Abandoned, retries_done + 1);
            }
            retry.retry_count = retries_done + 1;
            retry.exception = Some(RetryContext::exception(&failure, &function.name, id));
            if invocation.origin == Origin::Request {
                id = clock::new_id();
            }
        }
        unreachable!("an unbounded range does not end")
    }

    /// `None` when the host stops, or the lease is lost, before the call is sent.
    async fn one(
        &self,
        invocation: &Invocation<'_>,
        id: Uuid,
        retry: Option<&RetryContext>,
    ) -> Option<Result<super::answer::Answer, AttemptFailure>> {
        let envelope = match &invocation.envelope {
            Ok(envelope) => envelope,
            Err(unbindable) => return Some(Err(AttemptFailure::Unbindable(unbindable.to_string()))),
        };
        let generation = invocation.lease.while_held(self.ready()).await.flatten()?;
        invocation.lease.note_use();
        let function = invocation.function.name.as_str();
        let attempt = Attempt { function, sent_at: clock::now(), random_id: clock::new_id(), retry };
        Some(self.attempt(generation, function, id, envelope.body(attempt)).await)
    }

    fn report_retry(&self, invocation: &Invocation<'_>, attempt: u32, delay: Duration, failure: &AttemptFailure) {
        self.events.emit(HostEvent::Retrying {
            function: invocation.function.name.clone(),
            partition: invocation.partition,
            attempt,
            delay,
            reason: failure.to_string(),
        });
    }
}
