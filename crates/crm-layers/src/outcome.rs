//! What a policy may know of an answer: whether it is a success, also where an answer consists
//! of many.

use crm_core::{Account, BatchOutcome, ChangePage, ErrorKind, Lookup, Remote, Written};

/// An answer of an operation.
pub trait Outcome: Send {
    /// Returns how many items of the answer succeeded; an answer without items is one.
    fn succeeded(&self) -> usize {
        1
    }

    /// Returns what went wrong with items of the answer.
    fn failures(&self) -> impl Iterator<Item = &ErrorKind> {
        std::iter::empty()
    }
}

impl Outcome for () {}
impl Outcome for Account {}
impl Outcome for ChangePage {}
impl Outcome for Vec<Lookup> {}
impl Outcome for Vec<Remote> {}

impl Outcome for BatchOutcome {
    fn succeeded(&self) -> usize {
        let written = |result: &&crm_core::Result<Written>| result.is_ok();
        self.results().iter().filter(written).count()
    }

    fn failures(&self) -> impl Iterator<Item = &ErrorKind> {
        let errors = self.results().iter().filter_map(|result| result.as_ref().err());
        errors.map(crm_core::ProviderError::kind)
    }
}
