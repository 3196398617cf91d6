//! The instances of the app, each with a handler process of its own, and the ownership of partitions and timers.
//!
//! Promises that every partition and every timer function has one owner at a time. An owner that loses one is not
//! stopped: its call continues at the same time as the calls of its successor. Does not know what is owned.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock;
use crate::event::{EventSink, InstanceId};
use crate::faults::Faults;
use crate::invoke::Invoker;
use crate::lifecycle::{Lease, Lifecycle};

/// All instances, and what they share.
#[derive(Debug)]
pub(crate) struct Instances {
    /// At least one. The index is the [`InstanceId`].
    pub(crate) all: Vec<Arc<Invoker>>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) events: EventSink,
    pub(crate) faults: Faults,
    /// The number of partitions that still have events to deliver, and of calls that may lose their owner.
    pub(crate) unfinished: watch::Sender<usize>,
}

impl Instances {
    /// The instance to which the platform sends the next request from outside: any of them.
    pub(crate) fn any(&self) -> &Arc<Invoker> {
        &self.all[random_below(self.all.len())]
    }

    /// Counts `work` as unfinished until it ends.
    async fn counted<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        self.unfinished.send_modify(|unfinished| *unfinished += 1);
        let result = work.await;
        self.unfinished.send_modify(|unfinished| *unfinished -= 1);
        result
    }
}

/// The current owner of a partition or a timer function.
#[derive(Debug)]
pub(crate) struct Owner {
    instances: Arc<Instances>,
    current: InstanceId,
}

/// An ownership that moved during a call.
#[derive(Debug)]
pub(crate) struct Moved<T> {
    /// The result of the call; `None` while it is still running.
    pub(crate) ended: Option<T>,
    pub(crate) from: InstanceId,
    pub(crate) to: InstanceId,
}

impl Owner {
    /// The first owner of partition or timer `number`. Successive numbers have successive instances.
    pub(crate) fn assign(instances: &Arc<Instances>, number: usize) -> Self {
        Self { instances: Arc::clone(instances), current: InstanceId(number % instances.all.len()) }
    }

    pub(crate) fn invoker(&self) -> &Arc<Invoker> {
        &self.instances.all[self.current.0]
    }

    /// Starts `call`, and moves the ownership to another instance at a random moment during it. This is what happens
    /// when another processor steals a partition, or when the blob lease of a timer expires.
    pub(crate) async fn move_during<T, F>(&mut self, call: impl FnOnce(Arc<Invoker>, Lease) -> F) -> Moved<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (invoker, lease, from) = (Arc::clone(self.invoker()), Lease::held(), self.current);
        let moment = invoker.typical_call().mul_f64(clock::random_fraction());
        let call = tokio::spawn(Arc::clone(&self.instances).counted(call(invoker, lease.clone())));
        let ended = tokio::select! {
            biased;
            result = call => result.ok(),
            () = after_first_request(&lease, moment) => None,
        };
        lease.lose();
        self.current = InstanceId(other_than(from.0, self.instances.all.len()));
        Moved { ended, from, to: self.current }
    }
}

/// Waits until the call has sent its first request, and `delay` more.
async fn after_first_request(lease: &Lease, delay: Duration) {
    lease.used().await;
    tokio::time::sleep(delay).await;
}

/// A random number below `count` other than `index`; `index` when there is no other.
fn other_than(index: usize, count: usize) -> usize {
    if count == 1 { index } else { (index + 1 + random_below(count - 1)) % count }
}

fn random_below(count: usize) -> usize {
    let number = (count as f64 * clock::random_fraction()) as usize;
    number.min(count - 1)
}

#[cfg(test)]
mod tests {
    use super::other_than;

    #[test]
    fn ownership_moves_to_every_other_instance() {
        let mut reached: Vec<usize> = (0..1_000).map(|_| other_than(2, 4)).collect();
        reached.sort_unstable();
        reached.dedup();
        assert_eq!(reached, [0, 1, 3]);
        assert_eq!(other_than(0, 1), 0, "a single instance keeps it");
    }
}
