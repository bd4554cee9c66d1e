//! Batches: what a vendor takes a hundred of, and a caller has a thousand of.

use std::collections::BTreeMap;

use crm_core::{Applied, ErrorKind, ProviderError, Result};
use futures_util::stream::{self, StreamExt, TryStreamExt};

/// Why a whole batch has no results.
#[derive(Debug)]
pub enum Refusal {
    /// Each item of the batch gets this error.
    Whole(ProviderError),
    /// The batch was refused as a whole, certainly not applied, without saying for which item:
    /// halves of it are sent until each item has its own answer.
    Bisect(ProviderError),
}

impl Refusal {
    /// Takes the error of a batch that is applied in full or not at all: what can only be the
    /// fault of one item is searched for, anything else is everybody's.
    pub fn of(error: ProviderError) -> Self {
        let by_item = matches!(
            error.kind(),
            ErrorKind::Validation { .. } | ErrorKind::Conflict { .. } | ErrorKind::NotFound
        );
        if by_item { Self::Bisect(error) } else { Self::Whole(error) }
    }
}

impl From<ProviderError> for Refusal {
    fn from(error: ProviderError) -> Self {
        Self::Whole(error)
    }
}

/// Reads items in chunks of at most `max`, at most `concurrency` of them at once; the results
/// are joined in order, and the first error ends it. No items, no call.
pub async fn read<'a, T, R, F, Fut>(
    items: &'a [T],
    max: usize,
    concurrency: usize,
    run: F,
) -> Result<Vec<R>>
where
    F: Fn(&'a [T]) -> Fut,
    Fut: Future<Output = Result<Vec<R>>>,
{
    // Futures are made before the stream runs: a stream that borrows the closure could not be
    // shown to be `Send` for every lifetime.
    let calls: Vec<Fut> = items.chunks(max.max(1)).map(run).collect();
    let parts: Vec<Vec<R>> = stream::iter(calls).buffered(concurrency.max(1)).try_collect().await?;
    Ok(parts.into_iter().flatten().collect())
}

/// Writes items: groups them, splits each group into batches of at most `max_of` the group,
/// sends at most `concurrency` of them at once, bisects those that are refused without saying
/// why; one result per item, in the order of the items. No items, no call.
pub async fn write<'a, T, G, R, F, Fut>(
    items: &'a [T],
    group_of: impl Fn(&T) -> G,
    max_of: impl Fn(G) -> usize,
    concurrency: usize,
    send: F,
) -> Vec<Result<R>>
where
    G: Copy + Ord,
    F: Fn(G, Vec<&'a T>) -> Fut,
    Fut: Future<Output = Result<Vec<Result<R>>, Refusal>>,
{
    let mut groups: BTreeMap<G, Vec<(usize, &'a T)>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        groups.entry(group_of(item)).or_default().push((index, item));
    }
    let send = &send;
    let batches: Vec<_> = groups
        .iter()
        .flat_map(|(group, members)| {
            let batches = members.chunks(max_of(*group).max(1));
            batches.map(|batch| settle(*group, batch, send))
        })
        .collect();
    let settled = stream::iter(batches).buffer_unordered(concurrency.max(1));
    let mut results: Vec<(usize, Result<R>)> = settled.map(stream::iter).flatten().collect().await;
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Sends one batch until each of its items has a result.
async fn settle<'a, T, G, R, F, Fut>(
    group: G,
    batch: &[(usize, &'a T)],
    send: &F,
) -> Vec<(usize, Result<R>)>
where
    G: Copy,
    F: Fn(G, Vec<&'a T>) -> Fut,
    Fut: Future<Output = Result<Vec<Result<R>>, Refusal>>,
{
    let mut settled = Vec::with_capacity(batch.len());
    let mut open = vec![batch];
    // Ends: a part is either settled or replaced by two smaller ones.
    while let Some(part) = open.pop() {
        let items = part.iter().map(|(_, item)| *item).collect();
        match send(group, items).await {
            Ok(results) if results.len() == part.len() => {
                let indexes = part.iter().map(|(index, _)| *index);
                settled.extend(indexes.zip(results));
            }
            Ok(results) => refuse(&mut settled, part, &miscounted(part.len(), results.len())),
            Err(Refusal::Bisect(_)) if part.len() > 1 => {
                let (left, right) = part.split_at(part.len() / 2);
                open.extend([right, left]);
            }
            Err(Refusal::Whole(error) | Refusal::Bisect(error)) => {
                refuse(&mut settled, part, &error);
            }
        }
    }
    settled
}

fn refuse<T, R>(settled: &mut Vec<(usize, Result<R>)>, part: &[(usize, T)], error: &ProviderError) {
    let each = part.iter().map(|(index, _)| (*index, Err(error.copy())));
    settled.extend(each);
}

/// Guessing which result belongs to which item would corrupt records.
fn miscounted(items: usize, results: usize) -> ProviderError {
    let kind = ErrorKind::Malformed { applied: Applied::Unknown };
    let message = format!("a batch of {items} items was answered with {results} results");
    ProviderError::new(kind, message)
}
