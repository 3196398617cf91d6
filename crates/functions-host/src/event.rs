//! What the host tells its caller while it runs. The caller decides what a person gets to see.

use std::time::Duration;

use tokio::sync::mpsc;

use super::invoke::InvocationOutcome;

#[derive(Debug, Clone)]
pub enum HostEvent {
    /// A function that will not be run; the others are.
    FunctionInError { function: String, reason: String },
    /// The handler answered its first `GET /`.
    HandlerStarted { instance: usize, start: Start, pid: u32, ready_after: Duration },
    /// The handler process has ended, or had to be ended because it did not become ready.
    HandlerExited { status: String, restarting: bool },
    /// A partition of a function, or a timer function, has another instance as its owner.
    Moved { function: String, partition: Option<usize>, from: usize, to: usize },
    /// A line the handler wrote, without its end.
    HandlerOutput { stream: OutputStream, line: String },
    /// An attempt failed and will be repeated.
    Retrying { function: String, partition: Option<usize>, attempt: u32, delay: Duration, reason: String },
    /// A batch has reached its end, whichever.
    Delivered(Delivered),
    /// A run of a timer function, on schedule or on request.
    TimerRan { function: String, outcome: InvocationOutcome, duration: Duration },
    /// The event source could not be read; it is tried again.
    SourceFailed { partition: usize, reason: String },
    /// Checkpoint or timer status: what it covers will be delivered again to the next host.
    StateNotWritten { function: String, reason: String },
    /// The host has stopped delivering for good.
    HostGaveUp { reason: String },
}

/// Whether an instance had a handler before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    First,
    Again,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    Stdout,
    Stderr,
}

#[derive(Debug, Clone)]
pub struct Delivered {
    pub function: String,
    pub partition: usize,
    pub events: usize,
    pub first_sequence_number: i64,
    pub last_sequence_number: i64,
    /// Attempts made.
    pub attempts: u32,
    /// From the first attempt on, pauses between attempts included.
    pub duration: Duration,
    pub kind: DeliveryKind,
    pub outcome: DeliveryOutcome,
    /// What the handler's answer said in `Logs`.
    pub logs: Vec<String>,
}

/// Which of several deliveries of the same events this was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryKind {
    /// As a healthy host delivers.
    Regular,
    /// Once more by a fault switch, while the regular delivery was running.
    Overlapping,
    /// Once more by a fault switch, after the regular delivery had succeeded.
    Duplicate,
    /// By the instance that lost the partition to another one while it was delivering.
    LeftBehind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// Accepted; a regular delivery is (or, with a `batchCheckpointFrequency`, will be) checkpointed.
    Succeeded,
    /// Failed without a retry policy or beyond its end: checkpointed all the same, so the events are lost.
    Lost { reason: String },
    /// Answered when there was no checkpoint to be written any more: the host was stopping, or the partition had moved
    /// to another instance. It is delivered again.
    NotCheckpointed,
    /// The host stopped, or the partition moved, before there was an answer. It is delivered again.
    Abandoned,
}

/// Where events go. A caller that no longer listens does not disturb the host.
#[derive(Debug, Clone)]
pub struct EventSink(mpsc::UnboundedSender<HostEvent>);

impl EventSink {
    pub fn new(sender: mpsc::UnboundedSender<HostEvent>) -> Self {
        Self(sender)
    }

    pub fn emit(&self, event: HostEvent) {
        let _nobody_listens = self.0.send(event);
    }
}
