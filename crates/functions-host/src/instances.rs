//! The instances that the platform has scaled the app out to, each with a handler process of its own.
//!
//! Promises that every partition and every timer function has one owner at a time, and that an owner who loses it is
//! not stopped: what it was doing goes on beside its successor. Does not know what is owned.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::clock;
use super::event::EventSink;
use super::faults::Faults;
use super::invoke::Invoker;
use super::lease::Lease;
use super::lifecycle::Lifecycle;

/// All instances, and what they have in common.
#[derive(Debug)]
pub struct Instances {
    /// At least one.
    pub all: Vec<Arc<Invoker>>,
    pub lifecycle: Lifecycle,
    pub events: EventSink,
    pub faults: Faults,
    /// Partitions that have not come to their end, and calls that their owner has left behind.
    pub unfinished: watch::Sender<usize>,
}

impl Instances {
    /// The one to which the platform sends a request from outside.
    pub fn any(&self) -> &Arc<Invoker> {
        &self.all[below(self.all.len())]
    }

    async fn counted<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        self.unfinished.send_modify(|unfinished| *unfinished += 1);
        let result = work.await;
        self.unfinished.send_modify(|unfinished| *unfinished -= 1);
        result
    }
}

/// Who has a partition or a timer function at the moment.
#[derive(Debug)]
pub struct Owner {
    instances: Arc<Instances>,
    index: usize,
}

/// What became of a call whose owner has changed, and where the ownership went.
#[derive(Debug)]
pub struct Moved<T> {
    /// `None` while the call is still running.
    pub ended: Option<T>,
    pub from: usize,
    pub to: usize,
}

impl Owner {
    /// Successive numbers go to successive instances.
    pub fn spread(instances: &Arc<Instances>, number: usize) -> Self {
        Self { instances: Arc::clone(instances), index: number % instances.all.len() }
    }

    pub fn invoker(&self) -> &Arc<Invoker> {
        &self.instances.all[self.index]
    }

    /// Starts `call`, and gives the ownership to another instance at a random moment while it is running: the way a
    /// processor of Event Hubs steals a partition, and a timer's blob lease runs out.
    pub async fn lose_during<T, F>(&mut self, call: impl FnOnce(Arc<Invoker>, Lease) -> F) -> Moved<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (invoker, lease, from) = (Arc::clone(self.invoker()), Lease::held(), self.index);
        let moment = invoker.typical_call().mul_f64(clock::random_fraction());
        let call = tokio::spawn(Arc::clone(&self.instances).counted(call(invoker, lease.clone())));
        let ended = tokio::select! {
            biased;
            result = call => result.ok(),
            () = some_time_into(&lease, moment) => None,
        };
        lease.lose();
        self.index = another(from, self.instances.all.len());
        Moved { ended, from, to: self.index }
    }
}

async fn some_time_into(lease: &Lease, moment: Duration) {
    lease.used().await;
    tokio::time::sleep(moment).await;
}

/// Any number below `count` but `index`; `index` itself where there is no other.
fn another(index: usize, count: usize) -> usize {
    if count == 1 { index } else { (index + 1 + below(count - 1)) % count }
}

fn below(count: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let number = (count as f64 * clock::random_fraction()) as usize;
    number.min(count - 1)
}

#[cfg(test)]
mod tests {
    use super::another;

    #[test]
    fn ownership_moves_to_every_other_instance() {
        let mut reached: Vec<usize> = (0..1_000).map(|_| another(2, 4)).collect();
        reached.sort_unstable();
        reached.dedup();
        assert_eq!(reached, [0, 1, 3]);
        assert_eq!(another(0, 1), 0, "and comes back where there is only one");
    }
}
