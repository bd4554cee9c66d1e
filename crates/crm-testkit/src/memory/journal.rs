//! What happened to every cell of every record: the truth that the simulation's checks compare
//! the engine's ledger with. The engine never sees it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crm_core::{Field, Uid};
use jiff::Timestamp;

/// Everything that happened, in order.
#[derive(Debug, Default)]
pub struct Journal {
    /// All changes of values.
    pub strokes: Vec<Stroke>,
    /// Records that were deleted, merged away, restored or merged into: account, number, when.
    pub turns: Vec<(usize, u64, Timestamp)>,
    /// Records, and uids of creates, that an account refused: with the account.
    pub refusals: BTreeSet<(usize, String)>,
    /// Creates by the engine: account, number, when they were sent.
    pub creates: Vec<(usize, u64, Timestamp)>,
    /// References to nothing that the engine sent.
    pub strays: Vec<Stray>,
    /// Updates by the engine.
    pub updates: Vec<Update>,
}

/// An update by the engine.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// The account.
    pub account: usize,
    /// The record's number there.
    pub record: u64,
    /// When the call was sent.
    pub sent: Timestamp,
    /// When the engine was last shown the record.
    pub shown: Option<Timestamp>,
    /// Whether it changed nothing, although the CRM stores what it is told.
    pub idle: bool,
}

/// A reference to nothing, in a write of the engine.
#[derive(Clone, Debug)]
pub struct Stray {
    /// The account.
    pub account: usize,
    /// When the call was sent.
    pub sent: Timestamp,
    /// The field.
    pub field: Field,
    /// What it names.
    pub whom: String,
    /// Since when that record is no more; `None` if it never was one.
    pub since: Option<Timestamp>,
}

/// One change of one value.
#[derive(Clone, Debug)]
pub struct Stroke {
    /// When.
    pub at: Timestamp,
    /// The account.
    pub account: usize,
    /// The record's number there.
    pub record: u64,
    /// The field.
    pub field: Field,
    /// Where the field is a set: the number of the record referred to, which is in the set from
    /// now on if there is a value, and else is not.
    pub member: Option<u64>,
    /// The value from now on, as it is stored; `None` is blank.
    pub value: Option<Arc<str>>,
    /// Who did it.
    pub hand: Hand,
    /// The stroke that this one painted over.
    pub previous: Option<usize>,
    /// The stroke that painted over this one.
    pub next: Option<usize>,
    /// When the engine was first shown this value.
    pub seen: Option<Timestamp>,
}

/// Who changed a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// A user of the CRM.
    User,
    /// The CRM itself: the record referred to is no more, or became another one.
    Crm,
    /// The engine, by a call that was sent at that time.
    Engine {
        /// When the call was sent.
        sent: Timestamp,
        /// Whether the engine was told what was stored.
        told: bool,
    },
}

impl Journal {
    /// Adds a stroke and returns its number.
    pub(super) fn paint(&mut self, stroke: Stroke) -> usize {
        let index = self.strokes.len();
        if let Some(previous) = stroke.previous.and_then(|previous| self.strokes.get_mut(previous))
        {
            previous.next = Some(index);
        }
        self.strokes.push(stroke);
        index
    }

    /// Returns a stroke.
    pub fn stroke(&self, index: usize) -> Option<&Stroke> {
        self.strokes.get(index)
    }

    /// Remembers that a record or a create was refused.
    pub(super) fn refuse(&mut self, account: usize, whom: String) {
        self.refusals.insert((account, whom));
    }

    /// Remembers that a create with that uid was refused.
    pub(super) fn refuse_uid(&mut self, account: usize, uid: &Uid) {
        self.refuse(account, uid.as_str().to_owned());
    }

    /// Returns how many changes users made.
    pub fn edits(&self) -> usize {
        self.strokes.iter().filter(|stroke| stroke.hand == Hand::User).count()
    }
}
