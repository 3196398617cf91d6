//! The store as an instance sees it. Its contents are correct and in memory, but any call can fail before or after it took
//! effect, be slow, be throttled, list fewer files than exist, or kill its caller.

use super::chance::{Chance, one_in};
use super::life::Life;
use super::trace::Trace;
use async_trait::async_trait;
use clickstream::clock::Clock;
use clickstream::event::time::Timestamp;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ThreadId;
use std::time::Duration;
use tokio::time::Instant;

/// How often each fault happens: once in so many calls, never for 0.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    pub lost: u64,
    pub answer_lost: u64,
    /// Only of PUTs that create a commit.
    pub commit_answer_lost: u64,
    pub throttled: u64,
    pub slow: u64,
    /// The caller sleeps for an hour and then continues as if nothing had happened.
    pub zombie: u64,
    pub stale_list: u64,
    pub killed: u64,
}

/// What happened so far, over all instances.
#[derive(Debug, Default)]
pub struct Counts {
    pub calls: AtomicU64,
    pub lost: AtomicU64,
    pub answers_lost: AtomicU64,
    pub throttled: AtomicU64,
    pub slow: AtomicU64,
    pub zombies: AtomicU64,
    pub stale_lists: AtomicU64,
    pub kills: AtomicU64,
}

/// Decides which calls fail. Shared by all instances, with the store, the clock and the trace.
pub struct FaultInjector {
    pub inner: Arc<InMemory>,
    pub chance: Chance,
    pub trace: Trace,
    /// The clock of all instances. It shows the simulated time.
    pub clock: Clock,
    pub began: (Timestamp, Instant),
    pub rates: Rates,
    pub counts: Counts,
    /// While set, every call succeeds after a millisecond.
    pub quiescent: AtomicBool,
    /// Time is simulated on this thread only. Checkpoints are written on others.
    pub thread: ThreadId,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Works,
    Lost,
    AnswerLost,
    Throttled,
    KilledBefore,
    KilledAfter,
}

/// One instance's connection to the store.
pub struct Connection {
    pub faults: Arc<FaultInjector>,
    pub life: Arc<Life>,
}

impl FaultInjector {
    /// Simulated time starts at `noon`, on the calling thread.
    pub fn new(chance: Chance, rates: Rates, noon: Timestamp) -> Arc<Self> {
        Arc::new(FaultInjector {
            inner: Arc::new(InMemory::new()),
            chance,
            trace: Trace::start(),
            clock: Clock::manual(noon),
            began: (noon, Instant::now()),
            rates,
            counts: Counts::default(),
            quiescent: AtomicBool::new(false),
            thread: std::thread::current().id(),
        })
    }

    pub fn set_clock(&self) {
        let (at, began) = self.began;
        self.clock.set(at.plus_micros(began.elapsed().as_micros() as i64));
    }

    fn is_simulated_thread(&self) -> bool {
        std::thread::current().id() == self.thread
    }

    fn happens(&self, rate: u64) -> bool {
        !self.quiescent.load(Ordering::SeqCst) && one_in(&self.chance, rate)
    }

    fn fate(&self, is_commit: bool) -> Fate {
        let kills = [Fate::KilledBefore, Fate::KilledAfter];
        if self.happens(self.rates.killed) {
            return kills[self.chance.up_to(1) as usize];
        }
        let fates = [
            (self.rates.lost, Fate::Lost),
            (self.rates.answer_lost, Fate::AnswerLost),
            (if is_commit { self.rates.commit_answer_lost } else { 0 }, Fate::AnswerLost),
            (self.rates.throttled, Fate::Throttled),
        ];
        fates.into_iter().find(|(rate, _)| self.happens(*rate)).map_or(Fate::Works, |(_, fate)| fate)
    }

    /// How long a call takes.
    fn latency(&self) -> Duration {
        if self.quiescent.load(Ordering::SeqCst) {
            return Duration::from_millis(1);
        }
        if self.happens(self.rates.zombie) {
            self.counts.zombies.fetch_add(1, Ordering::SeqCst);
            return Duration::from_secs(3_600);
        }
        if self.happens(self.rates.slow) {
            self.counts.slow.fetch_add(1, Ordering::SeqCst);
            return Duration::from_millis(1_000 + self.chance.up_to(60_000));
        }
        Duration::from_millis(1 + self.chance.up_to(20))
    }
}

impl Connection {
    /// Makes one call, with its fault. A call whose caller dies meanwhile may still take effect.
    async fn call<T>(&self, what: &str, path: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let faults = &self.faults;
        faults.counts.calls.fetch_add(1, Ordering::SeqCst);
        self.alive().await?;
        let (fate, latency) = (faults.fate(what == "put" && path.ends_with(".json")), faults.latency());
        if faults.is_simulated_thread() {
            tokio::time::sleep(latency).await;
            faults.set_clock();
        }
        if self.life.is_over() && faults.chance.up_to(1) == 0 {
            self.alive().await?;
        }
        if fate != Fate::Works || latency > Duration::from_secs(1) {
            faults
                .trace
                .record(&self.life.name, format_args!("{what} {path}: {fate:?} after {} ms", latency.as_millis()));
        }
        let counts = &faults.counts;
        match fate {
            Fate::KilledBefore => return self.die().await,
            Fate::Lost => {
                counts.lost.fetch_add(1, Ordering::SeqCst);
                return Err(refused("the connection was reset"));
            }
            Fate::Throttled => {
                counts.throttled.fetch_add(1, Ordering::SeqCst);
                return Err(refused("503 server busy"));
            }
            Fate::Works | Fate::AnswerLost | Fate::KilledAfter => {}
        }
        let answer = work.await;
        if what == "put" {
            let outcome = if answer.is_ok() { "succeeded" } else { "was refused" };
            faults.trace.record(&self.life.name, format_args!("{what} {path} {outcome}"));
        }
        match fate {
            Fate::KilledAfter => self.die().await,
            Fate::AnswerLost => {
                counts.answers_lost.fetch_add(1, Ordering::SeqCst);
                Err(refused("the answer was lost"))
            }
            _ => {
                self.alive().await?;
                answer
            }
        }
    }

    /// Never returns if the process is dead.
    async fn alive(&self) -> Result<()> {
        match self.life.is_over() {
            false => Ok(()),
            true if self.faults.is_simulated_thread() => std::future::pending().await,
            true => Err(refused("the process is dead")),
        }
    }

    async fn die<T>(&self) -> Result<T> {
        self.faults.counts.kills.fetch_add(1, Ordering::SeqCst);
        self.faults.trace.record(&self.life.name, format_args!("killed"));
        self.life.end();
        self.alive().await?;
        Err(refused("the process is dead"))
    }
}

fn refused(why: &'static str) -> Error {
    Error::Generic { store: "simulated", source: why.into() }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.life.name)
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.life.name)
    }
}

#[async_trait]
impl ObjectStore for Connection {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.call("put", location.as_ref(), self.faults.inner.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.call("upload", location.as_ref(), self.faults.inner.put_multipart_opts(location, opts)).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.call("get", location.as_ref(), self.faults.inner.get_opts(location, options)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.faults.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let connection = Connection { faults: self.faults.clone(), life: self.life.clone() };
        let prefix = prefix.cloned().unwrap_or_default();
        let found = async move {
            let all = connection.faults.inner.list(Some(&prefix)).try_collect::<Vec<_>>();
            let mut found = connection.call("list", prefix.as_ref(), all).await?;
            found.sort_by(|a, b| a.location.cmp(&b.location));
            if connection.faults.happens(connection.faults.rates.stale_list) {
                connection.faults.counts.stale_lists.fetch_add(1, Ordering::SeqCst);
                let left_out = 1 + connection.faults.chance.up_to(4) as usize;
                connection
                    .faults
                    .trace
                    .record(&connection.life.name, format_args!("list {prefix}: {left_out} files left out"));
                found.truncate(found.len().saturating_sub(left_out));
            }
            Ok::<_, Error>(futures::stream::iter(found.into_iter().map(Ok)))
        };
        futures::stream::once(found).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let path = prefix.cloned().unwrap_or_default();
        self.call("list", path.as_ref(), self.faults.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.call("copy", from.as_ref(), self.faults.inner.copy_opts(from, to, options)).await
    }
}
