//! Writes as rooms send them: in batches of one kind and one verb, and never two for one record
//! at once.

use std::collections::BTreeMap;

use crm_core::{
    Action, Applied, BatchOutcome, ErrorKind, ObjectKind, Operation, ProviderError, ProviderId,
    Result, Write, Written,
};

use crate::chunk::{self, Refusal};

/// What a batch of writes does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Makes records.
    Create,
    /// Changes records.
    Update,
    /// Deletes records.
    Delete,
}

impl Verb {
    const fn of(write: &Write) -> Self {
        match write.action {
            Action::Create { .. } => Self::Create,
            Action::Update { .. } => Self::Update,
            Action::Delete { .. } => Self::Delete,
        }
    }
}

/// Applies writes in batches of at most `max_of` a kind, at most `concurrency` of them at once.
/// `send` gives each write of a batch its own result. Several writes to one record go one after
/// the other, in order: vendors refuse a batch that names a record twice.
pub async fn apply<'a, F, Fut>(
    provider: &ProviderId,
    writes: &'a [Write],
    max_of: impl Fn(ObjectKind) -> usize,
    concurrency: usize,
    send: F,
) -> BatchOutcome
where
    F: Fn(ObjectKind, Verb, Vec<&'a Write>) -> Fut,
    Fut: Future<Output = Result<Vec<Result<Written>>, Refusal>>,
{
    let mut results: Vec<_> = writes.iter().map(|_| Err(untold())).collect();
    for round in rounds(writes) {
        let items: Vec<&'a Write> = round.iter().filter_map(|place| writes.get(*place)).collect();
        let group_of = |write: &&Write| (write.kind, Verb::of(write));
        let max_of = |(kind, _): (ObjectKind, Verb)| max_of(kind);
        let done = chunk::write(&items, group_of, max_of, concurrency, |(kind, verb), batch| {
            send(kind, verb, batch.into_iter().copied().collect())
        });
        for (place, result) in round.iter().zip(done.await) {
            if let Some(slot) = results.get_mut(*place) {
                *slot = result.map_err(|error| error.with_provider(provider));
            }
        }
    }
    BatchOutcome::new(writes, results)
}

/// Spreads writes over rounds so that no round has two for one record.
fn rounds(writes: &[Write]) -> Vec<Vec<usize>> {
    let mut next: BTreeMap<(ObjectKind, &str), usize> = BTreeMap::new();
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for (place, write) in writes.iter().enumerate() {
        let round = next.entry((write.kind, write.target())).or_default();
        match rounds.get_mut(*round) {
            Some(places) => places.push(place),
            None => rounds.push(vec![place]),
        }
        *round += 1;
    }
    rounds
}

/// Returns the error of a write of which no answer speaks.
pub fn untold() -> ProviderError {
    let kind = ErrorKind::Malformed { applied: Applied::Unknown };
    ProviderError::new(kind, "the answer does not say what became of the write")
        .with_operation(Operation::Apply)
}
