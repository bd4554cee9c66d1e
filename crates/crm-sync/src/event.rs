//! What a run tells while it goes on, for progress bars and logs.

use crm_core::{ObjectKind, ProviderId};
use jiff::Timestamp;

use crate::report::SchemaDrift;

/// Listens to a run.
pub trait Progress: Send + Sync {
    /// Is told what happened.
    fn event(&self, event: &Event);
}

/// Listens to nothing.
impl Progress for () {
    fn event(&self, _event: &Event) {}
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A phase began.
    Phase {
        /// The kind.
        kind: ObjectKind,
        /// The phase.
        phase: Phase,
    },
    /// A page was read and stored.
    Page {
        /// The connection.
        provider: ProviderId,
        /// The kind.
        kind: ObjectKind,
        /// How many rows or hints it had.
        rows: usize,
    },
    /// Entities were worked on.
    Worked {
        /// The kind.
        kind: ObjectKind,
        /// How many in this run so far.
        done: u64,
        /// How many there are in all, where it is known.
        total: Option<u64>,
    },
    /// A connection failed; the run goes on without it.
    Paused {
        /// The connection.
        provider: ProviderId,
        /// Until then; `None`: to the end of the run.
        until: Option<Timestamp>,
        /// Why.
        message: String,
    },
    /// A connection lost or gained a field.
    SchemaDrift(SchemaDrift),
    /// Work waits.
    Waiting {
        /// Until then.
        until: Timestamp,
    },
}

/// A phase of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Accounts are probed.
    Probe,
    /// Lists are read for the first time.
    Snapshot,
    /// Records of one person are found.
    Matching,
    /// A plan is made.
    Plan,
    /// Changes are read.
    Poll,
    /// Differences are written.
    Work,
    /// A run is taken back.
    Undo,
    /// Everything is read again, and compared.
    Verify,
    /// Everything is read again, so that nothing is lost for ever.
    Sweep,
}

impl Phase {
    /// Returns what a person reads.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Probe => "checking the accounts",
            Self::Snapshot => "reading all records",
            Self::Matching => "matching records",
            Self::Plan => "planning",
            Self::Poll => "reading changes",
            Self::Work => "writing differences",
            Self::Undo => "taking the run back",
            Self::Verify => "comparing all records",
            Self::Sweep => "reading all records again",
        }
    }
}
