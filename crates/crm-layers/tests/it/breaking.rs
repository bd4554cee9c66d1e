//! The breaker around a room that fails: how many calls reach it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crm_core::{
    Applied, BatchOutcome, Clock, ErrorKind, Field, ObjectKind, Provider, ProviderError,
    SharedProvider, Write,
};
use crm_layers::{Breaker, BreakerPolicy, Gate, layer};

use crate::room::{HandClock, MockRoom, ids, room, update};

const CONTACT: ObjectKind = ObjectKind::Contact;

fn down() -> ProviderError {
    let applied = Applied::No;
    ProviderError::new(ErrorKind::Transient { applied }, "down")
}

fn broken(room: MockRoom) -> (Arc<HandClock>, Breaker, SharedProvider) {
    let clock = Arc::new(HandClock::default());
    let shared: Arc<dyn Clock> = Arc::<HandClock>::clone(&clock);
    let breaker = Breaker::new(shared, BreakerPolicy::default());
    let provider = layer(Arc::new(room), breaker.clone());
    (clock, breaker, provider)
}

async fn get(provider: &dyn Provider) -> ErrorKind {
    provider.get(CONTACT, &ids(1)).await.unwrap_err().kind().clone()
}

#[tokio::test]
async fn a_room_that_is_down_is_left_alone_and_tried_every_ten_seconds() {
    let mut room = room();
    // Twenty to open it, one after ten seconds, one after twenty.
    room.expect_get().times(22).returning(|_, _| Err(down()));
    let (clock, breaker, provider) = broken(room);
    for _ in 0..20 {
        assert!(matches!(get(&*provider).await, ErrorKind::Transient { .. }));
    }
    let until = clock.now() + Duration::from_secs(10);
    assert_eq!(breaker.health().read, Gate::Open { until });
    assert_eq!(breaker.health().write, Gate::Closed);
    for _ in 0..100 {
        assert_eq!(get(&*provider).await, ErrorKind::Suspended { until });
    }
    for _ in 0..2 {
        clock.forward(Duration::from_secs(10));
        assert!(matches!(get(&*provider).await, ErrorKind::Transient { .. }));
        assert!(matches!(get(&*provider).await, ErrorKind::Suspended { .. }));
    }
}

#[tokio::test]
async fn a_room_that_is_back_is_called_again() {
    let mut room = room();
    let calls = AtomicUsize::new(0);
    room.expect_get().returning(move |_, _| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        if call < 20 { Err(down()) } else { Ok(Vec::new()) }
    });
    let (clock, breaker, provider) = broken(room);
    for _ in 0..20 {
        get(&*provider).await;
    }
    clock.forward(Duration::from_secs(10));
    for _ in 0..50 {
        provider.get(CONTACT, &ids(1)).await.unwrap();
    }
    assert_eq!(breaker.health().read, Gate::Closed);
}

#[tokio::test]
async fn credentials_quotas_and_rejections_do_not_open_it() {
    let kinds = [
        ErrorKind::Auth,
        ErrorKind::Forbidden,
        ErrorKind::NotFound,
        ErrorKind::RateLimited { retry_after: None },
        ErrorKind::QuotaExhausted { until: None },
        ErrorKind::Validation { field: None },
        ErrorKind::Permanent,
    ];
    for kind in kinds {
        let mut room = room();
        let returned = kind.clone();
        room.expect_get()
            .times(50)
            .returning(move |_, _| Err(ProviderError::new(returned.clone(), "no")));
        let (_clock, breaker, provider) = broken(room);
        for _ in 0..50 {
            assert_eq!(get(&*provider).await, kind);
        }
        assert_eq!(breaker.health().read, Gate::Closed);
    }
}

#[tokio::test]
async fn batches_fail_only_if_nothing_in_them_was_judged() {
    let refused = || ProviderError::new(ErrorKind::Validation { field: None }, "no");
    let rows: [(fn() -> ProviderError, usize); 2] = [(down, 20), (refused, 50)];
    for (second, expected) in rows {
        let mut room = room();
        room.expect_apply().times(expected).returning(move |writes: &[Write]| {
            Ok(BatchOutcome::new(writes, vec![Err(down()), Err(second())]))
        });
        let (_clock, breaker, provider) = broken(room);
        let writes = [update(Field::PHONE), update(Field::PHONE)];
        for _ in 0..50 {
            // The error of a breaker says what is true: nothing was sent.
            if let Err(error) = provider.apply(&writes).await {
                assert!(matches!(error.kind(), ErrorKind::Suspended { .. }), "{error}");
            }
        }
        assert_eq!(breaker.health().write == Gate::Closed, expected == 50);
        assert_eq!(breaker.health().read, Gate::Closed);
    }
}

#[tokio::test]
async fn nothing_to_do_is_not_counted() {
    let mut room = room();
    room.expect_get().times(40).returning(|_, ids| match ids {
        [] => Ok(Vec::new()),
        [_, ..] => Err(down()),
    });
    let (_clock, breaker, provider) = broken(room);
    for _ in 0..20 {
        provider.get(CONTACT, &[]).await.unwrap();
        get(&*provider).await;
    }
    assert!(matches!(breaker.health().read, Gate::Open { .. }));
    // Nothing to send is not held back either.
    let mut calm = self::room();
    calm.expect_get().times(1).returning(|_, _| Ok(Vec::new()));
    let (_clock, _breaker, provider) = broken(calm);
    provider.get(CONTACT, &[]).await.unwrap();
}
