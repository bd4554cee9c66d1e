//! Chunks: order, bounds, concurrency, and the truth about each item.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crm_core::{Applied, ErrorKind, ProviderError, Result};
use crm_http::chunk::{self, Refusal};
use proptest::prelude::*;

fn bad(message: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Validation { field: None }, message)
        .with_code("BAD")
        .with_hint("mend it")
        .with_status(400)
        .with_request_id("r-1")
}

/// Yields once, so that calls that run at the same time overlap.
async fn breathe() {
    let mut first = true;
    std::future::poll_fn(|context| {
        if std::mem::take(&mut first) {
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
}

#[tokio::test]
async fn reads_are_joined_in_order_and_bounded() {
    let items: Vec<u32> = (0..1_005).collect();
    let (running, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let run = async |chunk: &[u32]| {
        let now = running.fetch_add(1, Ordering::SeqCst) + 1;
        peak.fetch_max(now, Ordering::SeqCst);
        // Later chunks are ready earlier.
        for _ in 0..(1_005 - chunk[0]) {
            breathe().await;
        }
        running.fetch_sub(1, Ordering::SeqCst);
        Ok(chunk.iter().map(|item| item * 2).collect())
    };
    let results: Vec<u32> = chunk::read(&items, 100, 3, run).await.unwrap();
    assert_eq!(results, items.iter().map(|item| item * 2).collect::<Vec<_>>());
    assert_eq!(peak.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn no_items_make_no_call_and_the_first_error_ends_a_read() {
    let calls = AtomicUsize::new(0);
    let run = async |chunk: &[u32]| -> Result<Vec<u32>> {
        calls.fetch_add(1, Ordering::SeqCst);
        match chunk {
            [2, ..] => Err(bad("two")),
            _ => Ok(chunk.to_vec()),
        }
    };
    assert!(chunk::read(&[], 2, 4, run).await.unwrap().is_empty());
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let error = chunk::read(&[0, 1, 2, 3, 4, 5], 2, 1, run).await.unwrap_err();
    assert_eq!(error.message(), "two");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_batch_that_fails_as_a_whole_fails_each_of_its_items() {
    let items: Vec<u32> = (0..10).collect();
    let send = async |_group: (), batch: Vec<&u32>| -> Result<Vec<Result<u32>>, Refusal> {
        if *batch[0] == 4 {
            return Err(bad("no luck").into());
        }
        Ok(batch.into_iter().map(|item| Ok(*item)).collect())
    };
    let results = chunk::write(&items, |_| (), |()| 4, 2, send).await;
    assert_eq!(results.len(), 10);
    for (item, result) in items.iter().zip(results) {
        match result {
            Ok(written) => assert_eq!(written, *item),
            Err(error) => {
                assert!((4..8).contains(item), "{item}");
                assert_eq!(error.to_string(), "no luck (HTTP 400, BAD, request r-1)");
                assert_eq!(error.hint(), Some("mend it"));
            }
        }
    }
}

#[tokio::test]
async fn answers_that_do_not_fit_their_batch_are_not_guessed_at() {
    let send = async |_group: (), _batch: Vec<&u32>| Ok(vec![Ok(1)]);
    let results: Vec<Result<u32>> = chunk::write(&[1, 2], |_| (), |()| 9, 1, send).await;
    let applied = Applied::Unknown;
    for result in results {
        assert_eq!(*result.unwrap_err().kind(), ErrorKind::Malformed { applied });
    }
}

/// What rooms do: borrow themselves in a boxed future that may move between threads.
struct Room {
    calls: Mutex<Vec<usize>>,
}

impl Room {
    fn boxed<'a>(
        &'a self,
        items: &'a [u32],
    ) -> Pin<Box<dyn Future<Output = Vec<Result<u32>>> + Send + 'a>> {
        Box::pin(async move {
            let read = chunk::read(items, 2, 2, |chunk| self.read(chunk)).await;
            assert_eq!(read.unwrap(), items);
            let group_of = |item: &u32| item % 2;
            chunk::write(items, group_of, |_| 3, 2, |group, batch| self.send(group, batch)).await
        })
    }

    async fn read(&self, chunk: &[u32]) -> Result<Vec<u32>> {
        breathe().await;
        Ok(chunk.to_vec())
    }

    async fn send(&self, group: u32, batch: Vec<&u32>) -> Result<Vec<Result<u32>>, Refusal> {
        self.calls.lock().unwrap().push(batch.len());
        breathe().await;
        assert!(batch.iter().all(|item| *item % 2 == group));
        Ok(batch.into_iter().map(|item| Ok(*item)).collect())
    }
}

#[tokio::test]
async fn groups_are_sent_apart_and_come_back_in_the_order_of_the_items() {
    let room = Room { calls: Mutex::default() };
    let items = [1, 2, 3, 4, 5, 6, 7, 9, 11];
    let results = room.boxed(&items).await;
    let values: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(values, items);
    let mut sizes = room.calls.into_inner().unwrap();
    sizes.sort_unstable();
    assert_eq!(sizes, [3, 3, 3]);
}

proptest! {
    #[test]
    fn bisection_finds_the_truth_of_each_item(
        poisoned in proptest::collection::vec(any::<bool>(), 0..260),
        max in 1_usize..101,
        concurrency in 1_usize..9,
    ) {
        let calls = AtomicUsize::new(0);
        let send = async |_group: (), batch: Vec<&bool>| {
            calls.fetch_add(1, Ordering::SeqCst);
            breathe().await;
            if batch.iter().any(|poisoned| **poisoned) {
                return Err(Refusal::Bisect(bad("poison")));
            }
            Ok(batch.into_iter().map(|_| Ok(())).collect())
        };
        let work = chunk::write(&poisoned, |_| (), |()| max, concurrency, send);
        let results = drive(work);
        prop_assert_eq!(results.len(), poisoned.len());
        for (poisoned, result) in poisoned.iter().zip(&results) {
            prop_assert_eq!(*poisoned, result.is_err());
        }
        let bad = poisoned.iter().filter(|poisoned| **poisoned).count();
        let batches = poisoned.len().div_ceil(max);
        let depth = usize::try_from(max.next_power_of_two().ilog2()).unwrap();
        let calls = calls.load(Ordering::SeqCst);
        prop_assert!(calls <= batches + bad * 2 * depth, "{calls} calls, {bad} bad");
    }
}

/// Polls a future until it is ready; it never waits for anything but its own waker.
fn drive<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if let std::task::Poll::Ready(output) = work.as_mut().poll(&mut context) {
            return output;
        }
    }
}
