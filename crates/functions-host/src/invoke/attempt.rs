//! One attempt, with all that can happen to it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use uuid::Uuid;

use super::answer::{Answer, Verdict, judge};
use super::{AttemptFailure, Invoker, request};
use crate::clock;
use crate::process::Generation;

/// Between the timeout of a call and the kill, the handler goes on and even gets new batches.
const GRACE: Duration = Duration::from_secs(2);
/// How long an answer may still be under way when its process has ended already.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What came of a request.
pub enum Reply<T> {
    Done(T),
    Failed(AttemptFailure),
    /// The host waits on, though nothing will come.
    Hang,
}

impl Invoker {
    /// Calls `function` of that process once in the default mode.
    pub async fn attempt(
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
            return self.limited(generation, call).await;
        }
        let (reply, ()) = tokio::join!(self.limited(generation, call), self.kill_at_random(generation));
        let killed = AttemptFailure::Connection("the handler was killed by a fault switch".to_owned());
        reply.and(Err(killed))
    }

    /// Waits for a handler to call: while it restarts, calls are held.
    pub async fn ready(&self) -> Option<Generation> {
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

    /// `call` within the function timeout, and not beyond the life of the process it goes to.
    pub async fn limited<T>(
        &self,
        generation: Generation,
        call: impl Future<Output = Reply<T>>,
    ) -> Result<T, AttemptFailure> {
        let mut reply = std::pin::pin!(self.outlived(generation, call));
        let Some(limit) = self.function_timeout else {
            return reply.await;
        };
        if let Ok(reply) = tokio::time::timeout(limit, &mut reply).await {
            return reply;
        }
        // The request stays open during the grace: the host never cancels one, and the handler must not notice.
        tokio::time::sleep(GRACE).await;
        self.handler.kill_for_timeout(generation).await;
        Err(AttemptFailure::TimedOut(limit))
    }

    async fn outlived<T>(
        &self,
        generation: Generation,
        call: impl Future<Output = Reply<T>>,
    ) -> Result<T, AttemptFailure> {
        let mut call = std::pin::pin!(call);
        let reply = tokio::select! {
            biased;
            reply = &mut call => reply,
            () = self.handler.gone(generation) => {
                let gone = AttemptFailure::Connection("the handler process has ended".to_owned());
                tokio::time::timeout(LAST_WORDS, &mut call).await.unwrap_or(Reply::Failed(gone))
            }
        };
        match reply {
            Reply::Done(value) => Ok(value),
            Reply::Failed(failure) => Err(failure),
            Reply::Hang => std::future::pending().await,
        }
    }

    async fn kill_at_random(&self, generation: Generation) {
        tokio::time::sleep((2 * self.typical_call()).mul_f64(clock::random_fraction())).await;
        self.handler.kill_for_fault(generation).await;
    }

    /// About how long a call takes.
    pub fn typical_call(&self) -> Duration {
        const AT_LEAST_MS: u64 = 10;
        Duration::from_millis(self.typical_call_ms.load(Ordering::Relaxed).clamp(AT_LEAST_MS, 60_000))
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

/// The innermost cause: what is around it only says that a request failed.
pub fn connection_failure(error: &reqwest::Error) -> AttemptFailure {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    AttemptFailure::Connection(cause.to_string())
}
