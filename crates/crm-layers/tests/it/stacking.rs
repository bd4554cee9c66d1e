//! Deadline, meter, span, and all layers together.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use crm_core::{
    Account, Applied, BatchOutcome, Capabilities, ChangePage, Clock, Cursor, ErrorKind, Feed,
    Field, Finding, Lookup, MatchKey, ObjectKind, Operation, Provider, ProviderError, ProviderId,
    Remote, RemoteId, Result, SharedProvider, Usage, Write, Written,
};
use crm_layers::{Deadline, Gate, Measured, Meter, Span, Stack, layer};
use tracing::field::{Field as TracingField, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata};

use crate::room::{HandClock, ids, room, update};

const CONTACT: ObjectKind = ObjectKind::Contact;

fn written() -> Written {
    Written::new(RemoteId::new("1"))
}

/// A room that never answers.
#[derive(Debug)]
struct Stuck(ProviderId);

#[async_trait]
impl Provider for Stuck {
    fn id(&self) -> &ProviderId {
        &self.0
    }
    fn capabilities(&self) -> Arc<Capabilities> {
        crate::room::capabilities(crm_core::Access::Full, crm_core::Deletion::Archive)
    }
    async fn probe(&self) -> Result<Account> {
        std::future::pending().await
    }
    async fn get(&self, _: ObjectKind, _: &[RemoteId]) -> Result<Vec<Lookup>> {
        std::future::pending().await
    }
    async fn find(&self, _: ObjectKind, _: &[MatchKey]) -> Result<Vec<Remote>> {
        std::future::pending().await
    }
    async fn changes(&self, _: ObjectKind, _: Feed, _: Option<&Cursor>) -> Result<ChangePage> {
        std::future::pending().await
    }
    async fn apply(&self, _: &[Write]) -> Result<BatchOutcome> {
        std::future::pending().await
    }
    async fn repair(&self, _: &Finding) -> Result<()> {
        std::future::pending().await
    }
    fn usage(&self) -> Usage {
        Usage::default()
    }
}

fn stuck() -> SharedProvider {
    Arc::new(Stuck(ProviderId::new("acme")))
}

#[tokio::test]
async fn an_operation_has_an_end_and_a_write_of_unknown_fate_says_so() {
    let clock: Arc<dyn Clock> = Arc::new(HandClock::default());
    let limited = layer(stuck(), Deadline::new(clock, Duration::from_mins(10)));
    let error = limited.get(CONTACT, &ids(1)).await.unwrap_err();
    let applied = Applied::No;
    assert_eq!(*error.kind(), ErrorKind::Transient { applied });
    assert_eq!(error.operation(), Some(Operation::Get));
    let writes = [update(Field::PHONE), update(Field::PHONE)];
    let outcome = limited.apply(&writes).await.unwrap();
    assert_eq!(outcome.results().len(), 2);
    let applied = Applied::Unknown;
    for result in outcome.into_results() {
        let error = result.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Transient { applied });
        assert!(error.to_string().contains("600 s"), "{error}");
    }
}

#[tokio::test]
async fn calls_and_their_ends_are_counted_by_operation_and_kind() {
    let clock = Arc::new(HandClock::default());
    let mut room = room();
    let time = Arc::clone(&clock);
    let mut seconds = 0;
    room.expect_get().times(2).returning(move |_, _| {
        seconds += 2;
        time.forward(Duration::from_secs(seconds));
        match seconds {
            2 => Ok(Vec::new()),
            _ => Err(ProviderError::new(ErrorKind::Auth, "no")),
        }
    });
    room.expect_apply().times(1).returning(|writes: &[Write]| {
        let taken = || ErrorKind::Conflict { existing: None };
        let refused = || Err(ProviderError::new(taken(), "no"));
        Ok(BatchOutcome::new(writes, vec![Ok(written()), refused(), refused()]))
    });
    let shared: Arc<dyn Clock> = clock;
    let meter = Meter::new(shared);
    let provider = layer(Arc::new(room), meter.clone());
    provider.get(CONTACT, &ids(3)).await.unwrap();
    provider.get(CONTACT, &ids(4)).await.unwrap_err();
    let writes = vec![update(Field::PHONE); 3];
    assert_eq!(provider.apply(&writes).await.unwrap().results().len(), 3);
    let measured = meter.measured();
    let expected = BTreeMap::from([
        (
            (Operation::Get, Some(CONTACT)),
            Measured {
                calls: 2,
                items: 7,
                succeeded: 1,
                failed: BTreeMap::from([("auth", 1)]),
                took: Duration::from_secs(6),
                took_max: Duration::from_secs(4),
            },
        ),
        (
            (Operation::Apply, Some(CONTACT)),
            Measured {
                calls: 1,
                items: 3,
                succeeded: 1,
                failed: BTreeMap::from([("conflict", 2)]),
                took: Duration::ZERO,
                took_max: Duration::ZERO,
            },
        ),
    ]);
    assert_eq!(measured, expected);
}

#[tokio::test]
async fn the_meter_sees_refusals_and_the_breaker_does_not() {
    let clock: Arc<dyn Clock> = Arc::new(HandClock::default());
    let stacked = Stack::new(clock).wrap(Arc::new(room()));
    for _ in 0..30 {
        stacked.provider.get(ObjectKind::Deal, &ids(1)).await.unwrap_err();
    }
    let measured = stacked.meter.measured();
    let deal = &measured[&(Operation::Get, Some(ObjectKind::Deal))];
    assert_eq!(deal.failed, BTreeMap::from([("unsupported", 30)]));
    assert_eq!(stacked.breaker.health().read, Gate::Closed);
}

#[tokio::test]
async fn the_breaker_counts_what_the_deadline_ended() {
    let clock: Arc<dyn Clock> = Arc::new(HandClock::default());
    let stack = Stack::new(clock).deadline(Duration::from_millis(100));
    let stacked = stack.wrap(stuck());
    for _ in 0..20 {
        stacked.provider.get(CONTACT, &ids(1)).await.unwrap_err();
    }
    let error = stacked.provider.get(CONTACT, &ids(1)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Suspended { .. }), "{error}");
    // Writes have a gate of their own.
    let writes = vec![update(Field::PHONE)];
    let outcome = stacked.provider.apply(&writes).await.unwrap();
    let applied = Applied::Unknown;
    let error = outcome.into_results().remove(0).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Transient { applied });
    assert_eq!(stacked.provider.id().as_str(), "acme");
    assert_eq!(Stack::ORDER.first(), Some(&"span"));
}

/// Notes what spans and events say.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<String>>);

impl Visit for Notes {
    fn record_debug(&mut self, field: &TracingField, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl tracing::Subscriber for Notes {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        writeln!(self.0.lock().unwrap(), "span {}", span.metadata().name()).unwrap();
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        writeln!(self.0.lock().unwrap(), "{}", event.metadata().level()).unwrap();
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn spans_have_fixed_fields_and_nothing_personal() {
    let mut room = room();
    room.expect_find().times(1).returning(|_, _| {
        let error = ProviderError::new(ErrorKind::Forbidden, "ada@people.example is not yours");
        Err(error)
    });
    let mut two = vec![Ok(written()), Err(ProviderError::unsupported("this"))];
    room.expect_apply()
        .times(1)
        .returning(move |writes: &[Write]| Ok(BatchOutcome::new(writes, std::mem::take(&mut two))));
    let provider = layer(Arc::new(room), Span);
    let notes = Notes::default();
    let log = Arc::clone(&notes.0);
    let subscribed = tracing::subscriber::set_default(notes);
    let key = MatchKey::Email("ada@people.example".into());
    provider.find(CONTACT, &[key]).await.unwrap_err();
    let writes = vec![update(Field::PHONE); 2];
    assert_eq!(provider.apply(&writes).await.unwrap().results().len(), 2);
    drop(subscribed);
    let log = log.lock().unwrap().clone();
    let expected = [
        "span provider_call",
        "provider=acme",
        "operation=\"find\"",
        "kind=\"contact\"",
        "items=1",
        "outcome=\"forbidden\"",
        "WARN",
        "operation=\"apply\"",
        "items=2",
        "outcome=\"ok\"",
        "succeeded=1",
        "failed=1",
    ];
    let mut rest = log.as_str();
    for line in expected {
        let found = rest.split_once(line);
        rest = found.unwrap_or_else(|| panic!("{line} is not in {log}")).1;
    }
    assert!(!log.contains("ada@"), "{log}");
}
