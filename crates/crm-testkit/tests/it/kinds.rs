//! Companies, deals and activities of the CRMs in memory, and what refers to what.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{
    Action, Change, EntityId, ErrorKind, Feed, Field, Fields, Lookup, MatchKey, ObjectKind, Patch,
    Provider, Ref, Remote, RemoteId, Uid, Value, Write, WriteKey, Written,
};
use crm_testkit::clock::ManualClock;
use crm_testkit::memory::profile::{EAST, NORTH, SOUTH, WEST};
use crm_testkit::memory::{Deed, MemoryProvider, Profile, Realm};
use crm_testkit::simulation::executor::{Ended, Executor};
use uuid::Uuid;

use ObjectKind::{Activity, Company, Contact, Deal};

const LONG: Duration = Duration::from_mins(10);

struct House {
    clock: Arc<ManualClock>,
    realm: Arc<Realm>,
    provider: MemoryProvider,
}

impl House {
    fn of(profile: &'static Profile) -> Self {
        let clock = Arc::new(ManualClock::new("2026-03-02T09:00:00Z".parse().unwrap()));
        let realm = Realm::of_kinds(Arc::clone(&clock), &[profile], &ObjectKind::ALL, 3);
        let provider = MemoryProvider::open(&realm, 0).unwrap();
        let house = Self { clock, realm, provider };
        for n in 0..3 {
            house.enter(Contact, &[(Field::LAST_NAME, &format!("Lind{n}"))], &[]);
            house.enter(Company, &[(Field::NAME, &format!("Firm{n}"))], &[]);
        }
        house
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        match Executor::new(&self.clock).run(future, || false) {
            Ended::Done(output) => output,
            Ended::Died | Ended::Deadlock | Ended::Endless => panic!("the call does not end"),
        }
    }

    fn enter(&self, kind: ObjectKind, values: &[(Field, &str)], ties: &[(Field, u64)]) -> RemoteId {
        let values = values.iter().map(|(field, text)| (*field, (*text).to_owned())).collect();
        self.realm.perform(Deed::Create { account: 0, kind, values, ties: ties.to_vec() });
        self.realm.live(0, kind).pop().unwrap()
    }

    /// Enters a deal with the first two people and the first company.
    fn deal(&self) -> RemoteId {
        let ties = [(Field::CONTACTS, 0), (Field::CONTACTS, 1), (Field::COMPANY_REF, 0)];
        self.enter(Deal, &[(Field::TITLE, "Roof")], &ties)
    }

    fn apply(&self, kind: ObjectKind, action: Action) -> crm_core::Result<Written> {
        let key = WriteKey::derive(EntityId::from_uuid(Uuid::nil()), &"nobody".into(), 1);
        let outcome = self.run(self.provider.apply(&[Write { key, kind, action }]))?;
        outcome.into_results().pop().unwrap()
    }

    fn update(&self, kind: ObjectKind, id: &RemoteId, patch: Patch) -> crm_core::Result<Written> {
        self.apply(kind, Action::Update { id: id.clone(), patch, expected: None })
    }

    fn get(&self, kind: ObjectKind, id: &RemoteId) -> Remote {
        let lookups = self.run(self.provider.get(kind, std::slice::from_ref(id))).unwrap();
        match lookups.into_iter().next() {
            Some(Lookup::Found(remote)) => remote,
            other => panic!("{other:?}"),
        }
    }

    fn changes(&self, kind: ObjectKind, after: Option<&crm_core::Cursor>) -> crm_core::ChangePage {
        self.run(self.provider.changes(kind, Feed::Changes, after)).unwrap()
    }
}

fn id(profile: &Profile, n: u64) -> RemoteId {
    RemoteId::new(format!("{}-{n}", profile.name))
}

fn to(profile: &Profile, kind: ObjectKind, n: u64) -> Value {
    Value::Ref(Ref::Remote(kind, id(profile, n)))
}

fn people(profile: &Profile, numbers: &[u64]) -> Value {
    Value::List(numbers.iter().map(|n| to(profile, Contact, *n)).collect())
}

fn patch(field: Field, value: Option<Value>) -> Patch {
    [(field, value)].into_iter().collect()
}

fn uid(n: u128) -> Uid {
    Uid::of(EntityId::from_uuid(Uuid::from_u128(n)))
}

#[test]
fn records_of_two_kinds_may_have_one_id() {
    let house = House::of(&NORTH);
    let first = id(&NORTH, 1);
    assert_eq!(house.get(Contact, &first).fields.get(Field::NAME), None);
    let company = house.get(Company, &first);
    assert_eq!(company.kind, Company);
    assert_eq!(company.fields.get(Field::NAME), Some(&Value::text("Firm0")));
}

#[test]
fn references_are_read_as_records_of_the_account() {
    for profile in [&NORTH, &SOUTH, &EAST, &WEST] {
        let house = House::of(profile);
        let deal = house.get(Deal, &house.deal());
        assert_eq!(deal.fields.get(Field::CONTACTS), Some(&people(profile, &[1, 2])));
        assert_eq!(deal.fields.get(Field::COMPANY_REF), Some(&to(profile, Company, 1)));
    }
}

/// Who writes a set says what it was: what somebody else added meanwhile stays.
#[test]
fn a_set_changes_by_its_members() {
    let house = House::of(&NORTH);
    let deal = house.deal();
    let mut members = patch(Field::CONTACTS, Some(people(&NORTH, &[3])));
    members.set_base(Field::CONTACTS, people(&NORTH, &[1]));
    house.update(Deal, &deal, members).unwrap();
    let shown = |house: &House| house.get(Deal, &deal).fields.get(Field::CONTACTS).cloned();
    assert_eq!(shown(&house), Some(people(&NORTH, &[2, 3])));
    house.update(Deal, &deal, patch(Field::CONTACTS, Some(people(&NORTH, &[1])))).unwrap();
    assert_eq!(shown(&house), Some(people(&NORTH, &[1, 2, 3])));
}

#[test]
fn a_set_with_room_for_one_is_replaced_and_refuses_two() {
    let house = House::of(&SOUTH);
    let values = [(Field::TYPE, "call"), (Field::SUBJECT, "Roof")];
    let call = house.enter(Activity, &values, &[(Field::CONTACTS, 0), (Field::CONTACTS, 1)]);
    let shown = |house: &House| house.get(Activity, &call).fields.get(Field::CONTACTS).cloned();
    assert_eq!(shown(&house), Some(people(&SOUTH, &[1])));
    house.update(Activity, &call, patch(Field::CONTACTS, Some(people(&SOUTH, &[3])))).unwrap();
    assert_eq!(shown(&house), Some(people(&SOUTH, &[3])));
    let two = patch(Field::CONTACTS, Some(people(&SOUTH, &[1, 2])));
    let refused = house.update(Activity, &call, two).unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Validation { field: Some(Field::CONTACTS) });
    assert_eq!(shown(&house), Some(people(&SOUTH, &[3])));
}

#[test]
fn a_reference_to_nobody_is_refused_or_left_out() {
    for (profile, refuses) in [(&NORTH, false), (&SOUTH, true), (&EAST, true), (&WEST, false)] {
        let house = House::of(profile);
        let deal = house.deal();
        house.realm.perform(Deed::Delete { account: 0, kind: Company, pick: 2 });
        for nobody in [3, 99] {
            let mut change = patch(Field::COMPANY_REF, Some(to(profile, Company, nobody)));
            change.set(Field::TITLE, Some(Value::text("Wall")));
            let result = house.update(Deal, &deal, change);
            let shown = house.get(Deal, &deal).fields;
            assert_eq!(shown.get(Field::COMPANY_REF), Some(&to(profile, Company, 1)));
            let title = shown.get(Field::TITLE).map(Value::display);
            if refuses {
                let kind = ErrorKind::Validation { field: Some(Field::COMPANY_REF) };
                assert_eq!(*result.unwrap_err().kind(), kind);
                assert_eq!(title.as_deref(), Some("Roof"));
            } else {
                assert_eq!(result.unwrap().refused.len(), 1);
                assert_eq!(title.as_deref(), Some("Wall"));
            }
        }
    }
}

#[test]
fn who_is_deleted_is_in_no_set_any_more() {
    let house = House::of(&WEST);
    let deal = house.deal();
    house.realm.perform(Deed::Delete { account: 0, kind: Contact, pick: 0 });
    house.realm.perform(Deed::Delete { account: 0, kind: Company, pick: 0 });
    let shown = house.get(Deal, &deal).fields;
    assert_eq!(shown.get(Field::CONTACTS), Some(&people(&WEST, &[2])));
    assert_eq!(shown.get(Field::COMPANY_REF), None);
    // What comes back comes back alone.
    house.realm.perform(Deed::Restore { account: 0, kind: Contact, pick: 0 });
    assert_eq!(house.get(Deal, &deal).fields, shown);
}

#[test]
fn what_referred_to_a_loser_refers_to_the_winner() {
    let house = House::of(&NORTH);
    let deal = house.deal();
    house.realm.perform(Deed::Merge { account: 0, kind: Contact, winner: 2, loser: 0 });
    house.realm.perform(Deed::Merge { account: 0, kind: Company, winner: 1, loser: 0 });
    let shown = house.get(Deal, &deal).fields;
    assert_eq!(shown.get(Field::CONTACTS), Some(&people(&NORTH, &[2, 3])));
    assert_eq!(shown.get(Field::COMPANY_REF), Some(&to(&NORTH, Company, 2)));
}

/// Where ties leave no stamp, the feed names the record all the same, and no version speaks of it.
#[test]
fn a_change_of_ties_alone_is_told() {
    for (profile, silent) in [(&NORTH, true), (&SOUTH, false), (&EAST, true), (&WEST, false)] {
        let house = House::of(profile);
        let deal = house.deal();
        house.clock.advance(LONG);
        let page = house.changes(Deal, None);
        house.clock.advance(LONG);
        let before = house.get(Deal, &deal);
        house.realm.perform(Deed::Tie {
            account: 0,
            kind: Deal,
            pick: 0,
            field: Field::CONTACTS,
            to: 2,
        });
        let after = house.get(Deal, &deal);
        assert_eq!(after.fields.get(Field::CONTACTS), Some(&people(profile, &[1, 2, 3])));
        assert_eq!(before.version == after.version, silent, "{}", profile.name);
        let page = house.changes(Deal, Some(&page.next));
        match page.changes.as_slice() {
            [Change::Touched { id, version }] => {
                assert_eq!((id, version.is_none()), (&deal, silent), "{}", profile.name);
            }
            [Change::Observed(remote)] => assert_eq!(*remote, after),
            other => panic!("{}: {other:?}", profile.name),
        }
        house.clock.advance(LONG);
        let page = house.changes(Deal, Some(&page.next));
        house.clock.advance(LONG);
        assert_eq!(house.changes(Deal, Some(&page.next)).changes, []);
    }
}

#[test]
fn activities_have_forms_and_each_its_fields() {
    let house = House::of(&NORTH);
    let fields = |form: &str| -> Fields {
        let due = Value::Instant("2026-04-01T15:30:00Z".parse().unwrap());
        let values = [
            (Field::TYPE, Value::Choice(form.into())),
            (Field::SUBJECT, Value::text("Roof")),
            (Field::DUE_DATE, due),
            (Field::PROGRESS, Value::Choice("waiting".into())),
        ];
        values.into_iter().collect()
    };
    let create = |form: &str| Action::Create { uid: uid(1), fields: fields(form) };
    let task = house.apply(Activity, create("task")).unwrap().id;
    assert_eq!(house.get(Activity, &task).fields, fields("task"));
    let call = house.apply(Activity, create("call")).unwrap().id;
    let call = house.get(Activity, &call);
    assert_eq!(call.fields.get(Field::PROGRESS), None);
    assert!(!call.read.contains(&Field::PROGRESS) && call.read.contains(&Field::DURATION_S));
    let refused = house.apply(Activity, create("meeting")).unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Validation { field: Some(Field::TYPE) });
    // The uid is a field like any other there.
    let found = house.run(house.provider.find(Activity, &[MatchKey::Uid(uid(1))])).unwrap();
    assert_eq!(found.len(), 2);
}

#[test]
fn an_account_says_what_it_has() {
    let kinds = |profile: &'static Profile| {
        let capabilities = House::of(profile).provider.capabilities();
        capabilities.objects.iter().map(|object| object.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&EAST), [Company, Contact, Deal]);
    assert_eq!(kinds(&SOUTH), ObjectKind::ALL);
    // Where only people take part, nothing refers to anything.
    let alone = NORTH.capabilities();
    let contact = alone.object(Contact).unwrap();
    assert_eq!(alone.objects.len(), 1);
    assert_eq!(contact.rule(Field::COMPANY_REF), None);
    assert!(contact.rule(Field::COMPANY).is_some());
}

#[test]
fn days_and_amounts_are_stored_as_each_table_says() {
    let house = House::of(&SOUTH);
    let values = [
        (Field::TYPE, "task"),
        (Field::SUBJECT, "Roof"),
        (Field::DUE_DATE, "2026-04-01T15:30:00Z"),
    ];
    let task = house.enter(Activity, &values, &[]);
    let due = house.get(Activity, &task).fields.get(Field::DUE_DATE).map(Value::display);
    assert_eq!(due.as_deref(), Some("2026-04-01T12:00:00Z"));
    let deal = house.enter(Deal, &[(Field::TITLE, "Roof"), (Field::VALUE, "10.126")], &[]);
    let worth = house.get(Deal, &deal).fields.get(Field::VALUE).map(Value::display);
    assert_eq!(worth.as_deref(), Some("10.13"));
}
