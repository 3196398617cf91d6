//! Invocations of functions: attempts, and the retries around them.
//!
//! Promises that an invocation ends as it would on the real host: with an answer, or with a failure. A success without
//! a body ends only at the function timeout, and costs the handler its life. Does not know where events come from, nor
//! what a checkpoint is.

mod request;
mod attempt;

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::answer::{Answer, AttemptFailure, InvocationOutcome};
use crate::app::function::Function;
use crate::clock;
use crate::envelope::{Attempt, Envelope, RetryContext, Unbindable};
use crate::event::HostEvent;
use crate::lifecycle::Lease;
use crate::source::PartitionId;
pub(crate) use attempt::{Invoker, Reply, connection_failure};
pub use request::RequestFormat;
pub(crate) use request::with_host_headers;

/// A function, and what it is to be called with.
#[derive(Debug)]
pub(crate) struct Invocation<'a> {
    pub(crate) function: &'a Function,
    /// For reports.
    pub(crate) partition: Option<PartitionId>,
    /// When there is no envelope, every attempt fails without a call.
    pub(crate) envelope: Result<Envelope, Unbindable>,
    pub(crate) origin: Origin,
    /// When it is lost, there are no further attempts.
    pub(crate) lease: &'a Lease,
}

/// What started an invocation. It decides whether a retry has a new id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A listener: every attempt has the same id.
    Trigger,
    /// A person, by HTTP or the admin API: every attempt has a new id.
    Request,
}

/// The end of an invocation.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) outcome: InvocationOutcome,
    /// Attempts made, at least 1.
    pub(crate) attempts: u32,
    /// With the pauses between attempts.
    pub(crate) duration: Duration,
}

impl Invoker {
    /// Repeats attempts until one succeeds, the retry policy is exhausted, the lease is lost or the host stops.
    pub(crate) async fn invoke(&self, invocation: Invocation<'_>) -> Completed {
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
        let mut retries_done = 0;
        loop {
            let failure = match self.try_once(invocation, id, retry.as_ref()).await {
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
            retries_done += 1;
            retry.retry_count = retries_done;
            retry.exception = Some(RetryContext::exception(&failure, &function.name, id));
            if invocation.origin == Origin::Request {
                id = clock::new_id();
            }
        }
    }

    /// One attempt. `None` when the host stops or the lease is lost before the call is sent.
    async fn try_once(
        &self,
        invocation: &Invocation<'_>,
        id: Uuid,
        retry: Option<&RetryContext>,
    ) -> Option<Result<Answer, AttemptFailure>> {
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
            failure: failure.clone(),
        });
    }
}
