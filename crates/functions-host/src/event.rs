//! What the host reports while it runs.
//!
//! Promises an event for everything that a person may want to know. Does not know what a person gets to see: that is
//! for the caller of the host to decide.

use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::answer::{AttemptFailure, InvocationOutcome};
use crate::source::{PartitionId, SequenceNumber};

/// An instance of the app, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub usize);

impl fmt::Display for InstanceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// One report of the host.
#[derive(Debug, Clone)]
pub enum HostEvent {
    /// A function cannot be run. The others run.
    FunctionInError {
        /// The name of its folder.
        function: String,
        /// What a person has to change.
        reason: String,
    },
    /// A handler process answered its first `GET /`.
    HandlerStarted {
        /// The instance that it serves.
        instance: InstanceId,
        /// Whether it is the first of its instance.
        start: Start,
        /// The id of the process.
        pid: u32,
        /// From the start of the process to the answer.
        ready_after: Duration,
    },
    /// A handler process ended, or the host killed it because it did not become ready.
    HandlerExited {
        /// The exit code or signal, or why it was killed.
        status: String,
        /// The exit code, if it ended by itself.
        code: Option<i32>,
        /// Whether it had answered `GET /` before.
        was_ready: bool,
        /// Whether the host starts another one.
        restarting: bool,
    },
    /// A partition of a function, or a timer function, moved to another instance.
    Moved {
        /// The name of the function.
        function: String,
        /// `None` for a timer function.
        partition: Option<PartitionId>,
        /// The former owner.
        from: InstanceId,
        /// The new owner; the same instance where there is only one.
        to: InstanceId,
    },
    /// A handler wrote a line.
    HandlerOutput {
        /// Where it wrote the line.
        stream: OutputStream,
        /// The line, without its end.
        line: String,
    },
    /// An attempt failed and will be repeated.
    Retrying {
        /// The name of the function.
        function: String,
        /// `None` when no events were delivered.
        partition: Option<PartitionId>,
        /// The number of the failed attempt, from 1.
        attempt: u32,
        /// The pause before the next attempt.
        delay: Duration,
        /// Why it failed.
        failure: AttemptFailure,
    },
    /// The delivery of a batch ended, well or not.
    Delivered(Delivered),
    /// A timer function ran, on schedule or on request.
    TimerRan {
        /// The name of the function.
        function: String,
        /// How the run ended.
        outcome: InvocationOutcome,
        /// From the first attempt on, with the pauses between attempts.
        duration: Duration,
    },
    /// The event source could not be read. The host reads again after a second.
    SourceFailed {
        /// The partition that was read.
        partition: PartitionId,
        /// What the source says.
        reason: String,
    },
    /// A checkpoint or a timer status could not be stored. The next host repeats what it covers.
    StateNotWritten {
        /// The name of the function.
        function: String,
        /// What the file system says.
        reason: String,
    },
    /// The host has stopped delivering for good.
    HostGaveUp {
        /// What happened to the handler.
        reason: String,
    },
}

/// Whether an instance had a handler process before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It had none.
    First,
    /// The process before has ended.
    Again,
}

/// An output stream of the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The end of the delivery of one batch.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The name of the function.
    pub function: String,
    /// The partition that the events are from.
    pub partition: PartitionId,
    /// How many events the batch has.
    pub events: usize,
    /// The first event of the batch.
    pub first_sequence_number: SequenceNumber,
    /// The last event of the batch.
    pub last_sequence_number: SequenceNumber,
    /// Attempts made, at least 1.
    pub attempts: u32,
    /// From the first attempt on, with the pauses between attempts.
    pub duration: Duration,
    /// Why these events were delivered.
    pub kind: DeliveryKind,
    /// How the delivery ended.
    pub outcome: DeliveryOutcome,
    /// What the handler's answer has in `Logs`.
    pub logs: Vec<String>,
}

/// Which of several deliveries of the same events this one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryKind {
    /// The one that a host without faults makes.
    Regular,
    /// An additional one by a fault switch, at the same time as the regular one.
    Overlapping,
    /// An additional one by a fault switch, after the regular one succeeded.
    Duplicate,
    /// By an instance that lost the partition to another one during the delivery.
    FormerOwner,
}

/// How the delivery of a batch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The function accepted the events. A regular delivery is checkpointed now, or later with
    /// `batchCheckpointFrequency`.
    Succeeded,
    /// The function failed, and there is no retry policy or it is exhausted. The batch is checkpointed nevertheless, so
    /// the events are lost.
    Lost {
        /// Why the last attempt failed.
        reason: String,
    },
    /// The answer came too late for a checkpoint: the host was stopping, or the partition had moved to another
    /// instance. The events are redelivered.
    NotCheckpointed,
    /// The host stopped, or the partition moved, before there was an answer. The events are redelivered.
    Abandoned,
}

/// Where the host sends its events. It ignores that nobody receives them any more.
#[derive(Debug, Clone)]
pub(crate) struct EventSink(mpsc::UnboundedSender<HostEvent>);

impl EventSink {
    pub(crate) fn new(sender: mpsc::UnboundedSender<HostEvent>) -> Self {
        Self(sender)
    }

    pub(crate) fn emit(&self, event: HostEvent) {
        let _nobody_receives = self.0.send(event);
    }
}
