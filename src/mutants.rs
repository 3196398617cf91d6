//! Crucial lines that the simulation can break on purpose, to prove that it notices. Only unit tests can select a mutant. In
//! every other build [`is`] is a constant `false`, and the compiler removes the mutants.

/// A crucial line and the way in which it is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// The sequence number reached is not committed together with the rows.
    TxnNotCommitted,
    /// The first new event counts as already committed.
    DedupOffByOne,
    /// After a PUT without an answer, our own commit counts as another writer's.
    OwnCommitNotRecognised,
    /// After a conflict the append is retried at the next version without reading the winning commit.
    ConflictNotReread,
    /// Gold starts at the first silver version, whatever version it has reached.
    GoldTxnIgnored,
    /// The control row is written before gold.
    ControlBeforeGold,
    /// Transaction versions that only a checkpoint holds are ignored.
    CheckpointDropsTxn,
    /// A rewrite that lost a conflict is committed as it was planned, although its plan is out of date.
    RewriteNotPlannedAgain,
    /// The batch is acknowledged although the append to silver failed.
    SilverFailureAcknowledged,
    /// A batch of duplicates moves the committed sequence number back.
    TxnMovesBack,
    /// Of two contents of one event the one that was stored first stays.
    FirstComeWins,
    /// Rows belong to the event that the row before them belongs to.
    RowsByAdjacency,
    /// Beyond the bound of a session the events that came last are left out.
    TruncationByArrival,
    /// A version of silver that removes rows is merged as if it only added some.
    RemovedRowsIgnored,
    /// A commit counts the rows of the whole append, also those that it does not add.
    DetailsOfWholeAppend,
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
        static SELECTED: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Whether `mutant` is selected on this thread.
    pub fn is(mutant: Mutant) -> bool {
        SELECTED.get() == Some(mutant)
    }

    /// Runs `work` with `mutant` selected.
    pub fn with<T>(mutant: Option<Mutant>, work: impl FnOnce() -> T) -> T {
        SELECTED.set(mutant);
        let outcome = work();
        SELECTED.set(None);
        outcome
    }
}
