//! Lines that can be broken on purpose, to see that the simulation notices. In every build but that of the unit tests
//! nothing is ever broken: [`is`] is then a constant, and the compiler takes the broken variant out.

/// A crucial line, and how it is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// The sequence number reached is not committed with the rows.
    TxnNotCommitted,
    /// The first new event is taken for the last known one.
    TrimOffByOne,
    /// After a PUT without an answer, our own commit is taken for somebody else's.
    OwnCommitNotRecognised,
    /// A lost race for a version is tried again at the next one, on what was known before.
    ConflictNotReread,
    /// Gold starts from the first silver version, whatever it has reached.
    GoldTxnIgnored,
    /// The control row is written, then gold.
    ControlBeforeGold,
    /// Progress that is only in a checkpoint is not known.
    CheckpointDropsTxn,
    /// What was planned on a state that is gone is committed behind the state that is there.
    RewriteNotPlannedAgain,
    /// The batch is acknowledged although silver failed.
    SilverFailureAcknowledged,
    /// A batch that is cut off entirely moves the sequence number back.
    TxnMovesBack,
}

#[cfg(not(test))]
pub const fn is(_: Mutant) -> bool {
    false
}

#[cfg(test)]
pub use switch::{is, with};

#[cfg(test)]
mod switch {
    use super::Mutant;
    use std::cell::Cell;

    thread_local! {
        static BROKEN: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Whether `broken` is broken on this thread.
    pub fn is(broken: Mutant) -> bool {
        BROKEN.get() == Some(broken)
    }

    /// Runs `work` with `broken` broken.
    pub fn with<T>(broken: Option<Mutant>, work: impl FnOnce() -> T) -> T {
        BROKEN.set(broken);
        let outcome = work();
        BROKEN.set(None);
        outcome
    }
}
