//! The CRM in memory keeps its own promises: what it says of itself holds, and what may go wrong
//! goes wrong in the ways that it was told to, never in others.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{
    Action, Applied, Change, Clock, Cursor, EntityId, ErrorKind, Feed, Field, Fields, Lookup,
    MatchKey, ObjectKind, Patch, Provider, RemoteId, Uid, Value, Version, Write, WriteKey, Written,
};
use crm_testkit::clock::ManualClock;
use crm_testkit::memory::profile::{EAST, NORTH, SOUTH, WEST};
use crm_testkit::memory::{Deed, MemoryProvider, Profile, Realm, Weather};
use crm_testkit::simulation::executor::{Ended, Executor};
use uuid::Uuid;

const KIND: ObjectKind = ObjectKind::Contact;
const LONG: Duration = Duration::from_mins(10);

struct House {
    clock: Arc<ManualClock>,
    realm: Arc<Realm>,
    provider: MemoryProvider,
}

impl House {
    fn of(profile: &'static Profile, weather: &Weather) -> Self {
        let clock = Arc::new(ManualClock::new("2026-03-02T09:00:00Z".parse().unwrap()));
        let realm = Realm::new(Arc::clone(&clock), &[profile], 3);
        realm.set_weather(weather);
        let provider = MemoryProvider::open(&realm, 0).unwrap();
        Self { clock, realm, provider }
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        match Executor::new(&self.clock).run(future, || false) {
            Ended::Done(output) => output,
            other @ (Ended::Died | Ended::Deadlock | Ended::Endless) => {
                panic!("{:?}", other.map_output())
            }
        }
    }

    fn person(&self, n: u64) -> RemoteId {
        let values = vec![
            (Field::LAST_NAME, format!("Lind{n}")),
            (Field::EMAIL, format!("p{n}@mail.example")),
        ];
        self.realm.perform(Deed::Create { account: 0, kind: KIND, values, ties: Vec::new() });
        self.realm.live(0, KIND).pop().unwrap()
    }

    fn apply(&self, action: Action) -> crm_core::Result<Written> {
        let writes = [Write { key: key(), kind: KIND, action }];
        let outcome = self.run(self.provider.apply(&writes))?;
        outcome.into_results().pop().unwrap()
    }

    fn stored(&self, id: &RemoteId, field: Field) -> Option<String> {
        self.realm.stored(0, KIND, id, field).map(|value| value.display())
    }

    fn drain(&self, feed: Feed, mut cursor: Option<Cursor>) -> (Vec<Change>, Cursor) {
        let mut changes = Vec::new();
        loop {
            let page = self.run(self.provider.changes(KIND, feed, cursor.as_ref())).unwrap();
            changes.extend(page.changes);
            if !page.more {
                return (changes, page.next);
            }
            cursor = Some(page.next);
        }
    }
}

trait Output {
    fn map_output(self) -> Ended<()>;
}

impl<T> Output for Ended<T> {
    fn map_output(self) -> Ended<()> {
        match self {
            Self::Done(_) => Ended::Done(()),
            Self::Died => Ended::Died,
            Self::Deadlock => Ended::Deadlock,
            Self::Endless => Ended::Endless,
        }
    }
}

fn key() -> WriteKey {
    WriteKey::derive(EntityId::from_uuid(Uuid::nil()), &"nobody".into(), 1)
}

fn uid(n: u128) -> Uid {
    Uid::of(EntityId::from_uuid(Uuid::from_u128(n)))
}

fn create(n: u128, title: &str) -> Action {
    let values = [(Field::LAST_NAME, "Novák"), (Field::JOB_TITLE, title)];
    let fields: Fields = values.into_iter().map(|(f, text)| (f, Value::text(text))).collect();
    Action::Create { uid: uid(n), fields }
}

fn update(id: &RemoteId, field: Field, text: &str, expected: Option<Version>) -> Action {
    let patch: Patch = [(field, Some(Value::text(text)))].into_iter().collect();
    Action::Update { id: id.clone(), patch, expected }
}

fn kind<T: std::fmt::Debug>(result: crm_core::Result<T>) -> ErrorKind {
    result.unwrap_err().kind().clone()
}

fn id_of(change: &Change) -> RemoteId {
    match change {
        Change::Observed(remote) => remote.id.clone(),
        Change::Touched { id, .. } | Change::Missing { id } => id.clone(),
        Change::Merged { winner, .. } => winner.clone(),
    }
}

#[test]
fn an_executor_tells_waiting_from_being_stuck() {
    let house = House::of(&NORTH, &Weather::default());
    let executor = Executor::new(&house.clock);
    let before = house.clock.now();
    assert_eq!(executor.run(house.clock.sleep(LONG), || false), Ended::Done(()));
    assert_eq!(house.clock.now().duration_since(before).unsigned_abs(), LONG);
    assert_eq!(executor.run(std::future::pending::<()>(), || false), Ended::Deadlock);
    assert_eq!(executor.run(std::future::pending::<()>(), || true), Ended::Died);
}

#[test]
fn a_lost_answer_means_that_the_write_was_applied() {
    let house = House::of(&NORTH, &Weather { lost: 10_000, ..Weather::default() });
    let id = house.person(1);
    let unknown = ErrorKind::Transient { applied: Applied::Unknown };
    assert_eq!(kind(house.apply(update(&id, Field::COMPANY, "Quist", None))), unknown);
    assert_eq!(house.stored(&id, Field::COMPANY).as_deref(), Some("Quist"));
}

#[test]
fn a_late_write_lands_after_its_caller_gave_up_and_over_what_came_between() {
    let house = House::of(&NORTH, &Weather { late: 10_000, ..Weather::default() });
    let id = house.person(1);
    let unknown = ErrorKind::Transient { applied: Applied::Unknown };
    assert_eq!(kind(house.apply(update(&id, Field::COMPANY, "Quist", None))), unknown);
    assert_eq!(house.stored(&id, Field::COMPANY), None);
    let value = Some("Typed".to_owned());
    house.realm.perform(Deed::Edit {
        account: 0,
        kind: KIND,
        pick: 0,
        field: Field::COMPANY,
        value,
    });
    assert_eq!(house.stored(&id, Field::COMPANY).as_deref(), Some("Typed"));
    house.clock.advance(Duration::from_secs(20));
    assert_eq!(house.stored(&id, Field::COMPANY).as_deref(), Some("Quist"));
}

#[test]
fn a_write_outlives_the_process_that_sent_it() {
    let house = House::of(&NORTH, &Weather::default());
    let id = house.person(1);
    let action = update(&id, Field::COMPANY, "Quist", None);
    let writes = [Write { key: key(), kind: KIND, action }];
    let ended = Executor::new(&house.clock).run(house.provider.apply(&writes), || true);
    assert!(matches!(ended, Ended::Died));
    house.clock.advance(LONG);
    assert_eq!(house.stored(&id, Field::COMPANY).as_deref(), Some("Quist"));
}

#[test]
fn a_refused_call_changes_nothing() {
    let house = House::of(&NORTH, &Weather { refused: 10_000, ..Weather::default() });
    let id = house.person(1);
    let refused = kind(house.apply(update(&id, Field::COMPANY, "Quist", None)));
    let not_applied = ErrorKind::Transient { applied: Applied::No };
    assert!(matches!(refused, ErrorKind::RateLimited { .. }) || refused == not_applied);
    house.clock.advance(LONG);
    assert_eq!(house.stored(&id, Field::COMPANY), None);
    house.run(house.provider.get(KIND, &[id])).unwrap_err();
}

#[test]
fn a_create_is_an_upsert_only_where_the_uid_is_unique() {
    for (profile, records) in [(&NORTH, 1), (&SOUTH, 1), (&WEST, 1), (&EAST, 2)] {
        let house = House::of(profile, &Weather::default());
        let first = house.apply(create(1, "Smith")).unwrap();
        let again = house.apply(create(1, "Weaver")).unwrap();
        assert_eq!(house.realm.live(0, KIND).len(), records, "{}", profile.name);
        assert_eq!(first.id == again.id, records == 1);
        assert_eq!(house.stored(&again.id, Field::JOB_TITLE).as_deref(), Some("Weaver"));
        let found = house.run(house.provider.find(KIND, &[MatchKey::Uid(uid(1))])).unwrap();
        assert_eq!(found.len(), records);
    }
}

#[test]
fn a_unique_address_names_its_holder() {
    let house = House::of(&NORTH, &Weather::default());
    let holder = house.person(1);
    let fields: Fields = [(Field::EMAIL, Value::text("P1@MAIL.example"))].into_iter().collect();
    let refused = kind(house.apply(Action::Create { uid: uid(1), fields }));
    assert_eq!(refused, ErrorKind::Conflict { existing: Some(holder) });
    assert_eq!(house.realm.live(0, KIND).len(), 1);
}

#[test]
fn values_are_stored_as_each_table_says_and_otherwise() {
    let stored = |profile: &'static Profile, field, text| {
        let house = House::of(profile, &Weather::default());
        let id = house.person(1);
        house.apply(update(&id, field, text, None)).unwrap();
        house.stored(&id, field)
    };
    let title = "Head of  everything";
    assert_eq!(stored(&NORTH, Field::JOB_TITLE, title).as_deref(), Some(title));
    assert_eq!(stored(&SOUTH, Field::JOB_TITLE, title).as_deref(), Some("Head of ev"));
    assert_eq!(stored(&EAST, Field::COMPANY, "Lind  AND Sons").as_deref(), Some("lind and sons"));
    assert_eq!(stored(&WEST, Field::COMPANY, "Lind Ltd.").as_deref(), Some("Lind Ltd"));
    assert_eq!(stored(&NORTH, Field::COMPANY, "   "), None);
}

#[test]
fn a_picky_crm_names_the_field_or_does_not() {
    for (profile, field, named) in
        [(&NORTH, Field::COMPANY, Some(Field::COMPANY)), (&EAST, Field::JOB_TITLE, None)]
    {
        let house = House::of(profile, &Weather::default());
        let id = house.person(1);
        let refused = kind(house.apply(update(&id, field, "5%", None)));
        assert_eq!(refused, ErrorKind::Validation { field: named });
        assert_eq!(house.stored(&id, field), None);
    }
}

#[test]
fn versions_are_compared_where_that_is_declared() {
    for (profile, stale) in [(&WEST, true), (&NORTH, false)] {
        let house = House::of(profile, &Weather::default());
        let id = house.person(1);
        let lookups = house.run(house.provider.get(KIND, std::slice::from_ref(&id))).unwrap();
        let [Lookup::Found(remote)] = lookups.as_slice() else { panic!("found") };
        house.clock.advance(Duration::from_secs(5));
        let value = Some("Typed".to_owned());
        house.realm.perform(Deed::Edit {
            account: 0,
            kind: KIND,
            pick: 0,
            field: Field::COMPANY,
            value,
        });
        let write = update(&id, Field::JOB_TITLE, "Smith", remote.version.clone());
        let result = house.apply(write);
        if stale {
            assert_eq!(kind(result), ErrorKind::Stale);
        } else {
            result.unwrap();
        }
    }
}

#[test]
fn the_beginning_lists_everybody_once() {
    for profile in [&NORTH, &SOUTH, &EAST, &WEST] {
        let house = House::of(profile, &Weather { lag_max: 60, ..Weather::default() });
        let ids: Vec<RemoteId> = (0..17).map(|n| house.person(n)).collect();
        let (changes, _) = house.drain(Feed::Changes, None);
        assert_eq!(changes.iter().map(id_of).collect::<Vec<_>>(), ids, "{}", profile.name);
    }
}

/// However late the index is, whatever hints are lost, doubled or shuffled: polls that go on long
/// enough show every change.
#[test]
fn the_feed_is_late_but_never_wrong() {
    let weather = Weather {
        lag_max: 60,
        hint_lost: 5_000,
        hint_twice: 2_000,
        hint_shuffled: 5_000,
        ..Weather::default()
    };
    for profile in [&NORTH, &SOUTH, &EAST, &WEST] {
        let house = House::of(profile, &weather);
        let ids: Vec<RemoteId> = (0..20).map(|n| house.person(n)).collect();
        house.clock.advance(LONG);
        let (_, mut cursor) = house.drain(Feed::Changes, None);
        house.clock.advance(LONG);
        let mut seen = Vec::new();
        for pick in 0..40 {
            if pick < 20 {
                let value = Some(format!("Role {pick}"));
                house.realm.perform(Deed::Edit {
                    account: 0,
                    kind: KIND,
                    pick,
                    field: Field::JOB_TITLE,
                    value,
                });
            }
            let feed = if pick % 3 == 1 { Feed::Fresh } else { Feed::Changes };
            let (changes, next) = house.drain(feed, Some(cursor));
            seen.extend(changes.iter().map(id_of));
            cursor = next;
            house.clock.advance(Duration::from_secs(4));
        }
        seen.sort();
        seen.dedup();
        let mut all = ids;
        all.sort();
        assert_eq!(seen, all, "{}", profile.name);
        house.clock.advance(LONG);
        let (_, cursor) = house.drain(Feed::Changes, Some(cursor));
        house.clock.advance(LONG);
        let (quiet, _) = house.drain(Feed::Changes, Some(cursor));
        assert_eq!(quiet, [], "{}", profile.name);
    }
}

#[test]
fn deletions_and_merges_are_told_and_confirmed() {
    for profile in [&NORTH, &SOUTH] {
        let house = House::of(profile, &Weather::default());
        let ids: Vec<RemoteId> = (0..4).map(|n| house.person(n)).collect();
        let (_, cursor) = house.drain(Feed::Deletions, None);
        house.clock.advance(LONG);
        house.realm.perform(Deed::Delete { account: 0, kind: KIND, pick: 1 });
        house.realm.perform(Deed::Merge { account: 0, kind: KIND, winner: 0, loser: 1 });
        let (changes, cursor) = house.drain(Feed::Deletions, Some(cursor));
        let told = profile.name == SOUTH.name;
        let merged = if told {
            Change::Merged { winner: ids[0].clone(), losers: vec![ids[2].clone()] }
        } else {
            Change::Missing { id: ids[2].clone() }
        };
        assert_eq!(changes, [Change::Missing { id: ids[1].clone() }, merged]);
        let lookups = house.run(house.provider.get(KIND, &ids)).unwrap();
        assert_eq!(lookups[1], Lookup::Archived);
        assert_eq!(lookups[2], Lookup::MergedInto(ids[0].clone()));
        let Lookup::Found(winner) = &lookups[0] else { panic!("the winner lives") };
        assert_eq!(winner.aliases, [ids[2].clone()]);
        house.clock.advance(LONG);
        let (_, cursor) = house.drain(Feed::Deletions, Some(cursor));
        house.clock.advance(LONG);
        assert_eq!(house.drain(Feed::Deletions, Some(cursor)).0, []);
    }
}

#[test]
fn a_stamp_of_a_millisecond_is_a_version() {
    let house = House::of(&NORTH, &Weather::default());
    let id = house.person(1);
    let version = || {
        let lookups = house.run(house.provider.get(KIND, std::slice::from_ref(&id))).unwrap();
        match lookups.into_iter().next() {
            Some(Lookup::Found(remote)) => remote.version.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let mut versions = vec![version()];
    for n in 0..5 {
        for part in ["a", "b"] {
            let value = Some(format!("{n}{part}"));
            house.realm.perform(Deed::Edit {
                account: 0,
                kind: KIND,
                pick: 0,
                field: Field::COMPANY,
                value,
            });
        }
        versions.push(version());
    }
    let count = versions.len();
    versions.dedup();
    assert_eq!(versions.len(), count);
}
