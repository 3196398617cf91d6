//! One attempt to call a function: the request, its answer, its timeout, and the end of the process during it.
//!
//! Promises what the real host does in each of these cases. Does not know retries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use uuid::Uuid;

use super::request::{self, RequestFormat};
use crate::answer::{Answer, AttemptFailure, Verdict, judge};
use crate::clock;
use crate::event::EventSink;
use crate::faults::{Faults, Occasions};
use crate::lifecycle::Lifecycle;
use crate::process::{Generation, Handler};

/// The time between a timeout and the kill. The handler still works during it, and is even sent new batches.
const KILL_DELAY: Duration = Duration::from_secs(2);
/// How long the host still waits for an answer when the process has ended.
const ANSWER_AFTER_EXIT: Duration = Duration::from_secs(1);

/// Calls the handler of one instance.
#[derive(Debug)]
pub(crate) struct Invoker {
    pub(crate) client: reqwest::Client,
    pub(crate) handler: Handler,
    pub(crate) format: RequestFormat,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) events: EventSink,
    /// The limit for one attempt; `None` is no limit.
    pub(crate) function_timeout: Option<Duration>,
    pub(crate) faults: Faults,
    /// Counts the calls to all instances, for the fault that kills the handler.
    pub(crate) calls: Arc<Occasions>,
    /// How long the latest successful call took, in milliseconds. Faults happen at a random moment within this time.
    pub(crate) typical_call_ms: AtomicU64,
}

/// How a request ended.
pub(crate) enum Reply<T> {
    Done(T),
    Failed(AttemptFailure),
    /// The host does not notice the end, and continues to wait.
    Hang,
}

impl Invoker {
    /// Calls `function` once, in the default mode, in the given process.
    pub(crate) async fn attempt(
        &self,
        generation: Generation,
        function: &str,
        id: Uuid,
        body: Bytes,
    ) -> Result<Answer, AttemptFailure> {
        let call = async {
            let started = Instant::now();
            let reply = self.call(function, id, body).await;
            tokio::time::sleep(self.faults.answer_delay).await;
            if let Reply::Done(_) = reply {
                let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.typical_call_ms.store(milliseconds, Ordering::Relaxed);
            }
            reply
        };
        if !self.calls.is_due(self.faults.kill_every) {
            return self.within_timeout(generation, call).await;
        }
        let (reply, ()) = tokio::join!(self.within_timeout(generation, call), self.kill_at_random_moment(generation));
        let killed = AttemptFailure::Connection("the handler was killed by a fault switch".to_owned());
        reply.and(Err(killed))
    }

    /// Waits until there is a handler to call: the host holds calls back while the handler restarts. `None` when the
    /// host stops, or there will be no handler.
    pub(crate) async fn ready(&self) -> Option<Generation> {
        self.lifecycle.while_running(self.handler.ready()).await.flatten()
    }

    async fn call(&self, function: &str, id: Uuid, body: Bytes) -> Reply<Answer> {
        let url = format!("http://127.0.0.1:{}/{function}", self.handler.port);
        match answer(request::invocation(&self.client, &url, id, body, self.format)).await {
            Ok(Verdict::Success(answer)) => Reply::Done(answer),
            Ok(Verdict::Failure(failure)) => Reply::Failed(failure),
            Ok(Verdict::Hang) => Reply::Hang,
            Err(error) => Reply::Failed(connection_failure(&error)),
        }
    }

    /// Waits for `call`, until the function timeout or the end of the called process.
    pub(crate) async fn within_timeout<T>(
        &self,
        generation: Generation,
        call: impl Future<Output = Reply<T>>,
    ) -> Result<T, AttemptFailure> {
        let mut reply = std::pin::pin!(self.while_alive(generation, call));
        let Some(limit) = self.function_timeout else {
            return reply.await;
        };
        if let Ok(reply) = tokio::time::timeout(limit, &mut reply).await {
            return reply;
        }
        // `reply` is kept, so that the request stays open: the host never cancels one.
        tokio::time::sleep(KILL_DELAY).await;
        self.handler.kill_for_timeout(generation).await;
        Err(AttemptFailure::TimedOut(limit))
    }

    async fn while_alive<T>(
        &self,
        generation: Generation,
        call: impl Future<Output = Reply<T>>,
    ) -> Result<T, AttemptFailure> {
        let mut call = std::pin::pin!(call);
        let reply = tokio::select! {
            biased;
            reply = &mut call => reply,
            () = self.handler.ended(generation) => {
                let ended = AttemptFailure::Connection("the handler process has ended".to_owned());
                tokio::time::timeout(ANSWER_AFTER_EXIT, &mut call).await.unwrap_or(Reply::Failed(ended))
            }
        };
        match reply {
            Reply::Done(value) => Ok(value),
            Reply::Failed(failure) => Err(failure),
            Reply::Hang => std::future::pending().await,
        }
    }

    async fn kill_at_random_moment(&self, generation: Generation) {
        tokio::time::sleep((2 * self.typical_call()).mul_f64(clock::random_fraction())).await;
        self.handler.kill_for_fault(generation).await;
    }

    /// About how long a call takes, at least 10 ms and at most a minute.
    pub(crate) fn typical_call(&self) -> Duration {
        const MIN_MS: u64 = 10;
        const MAX_MS: u64 = 60_000;
        Duration::from_millis(self.typical_call_ms.load(Ordering::Relaxed).clamp(MIN_MS, MAX_MS))
    }
}

async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<Verdict> {
    let response = request.send().await?;
    let status = response.status();
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = response.bytes().await?;
    let phrase = status.canonical_reason().unwrap_or("unknown");
    Ok(judge(status.as_u16(), phrase, content_type.as_deref(), &body))
}

/// A failure with the innermost cause of `error`. The outer ones only say that a request failed.
pub(crate) fn connection_failure(error: &reqwest::Error) -> AttemptFailure {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    AttemptFailure::Connection(cause.to_string())
}
