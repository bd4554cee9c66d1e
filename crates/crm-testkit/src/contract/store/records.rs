//! Entities, their links, and how they are found.

use crm_core::{EntityId, Field, Fields, ObjectKind, Ref, Text, Uid, Value, Version, WriteKey};
use crm_store::{
    Claim, ClaimState, Commit, ConflictId, Entity, EntityState, Golden, GoldenSlot, Intent,
    KeyHash, Link, LinkSlot, LinkState, Mark, Mutation, Observation, Parked, Provenance, Refusal,
    Seq, Shadow, Slots,
};
use uuid::Uuid;

use super::harness::{
    KIND, StoreHarness, at, entity, get, hubspot, id, ids, link, linked, loose, owner, put, record,
    refused, run, salesforce, store_all, store_row,
};

/// Of two entities that link one record, the second is refused: it must be decided again.
pub async fn a_record_has_one_live_link(harness: &StoreHarness) {
    let store = harness.open();
    let first = linked(&*store, 1, vec![link(hubspot(), "h1")]).await;
    let second = Entity { links: vec![link(hubspot(), "h1")], ..entity(2) };
    refused(&*store, store_all(&second)).await;
    assert_eq!(ids(&store.scan(KIND, Seq::default(), 9).await.unwrap()), [first.id]);
    // Within one commit too.
    let third = Entity { links: vec![link(salesforce(), "s3")], ..entity(3) };
    let fourth = Entity { links: vec![link(salesforce(), "s3")], ..entity(4) };
    let mut both = store_all(&third);
    let other = store_all(&fourth);
    both.expected.extend(other.expected);
    both.mutations.extend(other.mutations);
    refused(&*store, both).await;
    // The same id is another record at another provider, or of another kind; and what is not
    // live does not stand in the way.
    linked(&*store, 5, vec![link(salesforce(), "h1")]).await;
    let gone = Link { state: LinkState::Gone { at: at(0) }, ..link(hubspot(), "h1") };
    linked(&*store, 6, vec![gone]).await;
    let company = Entity { kind: ObjectKind::Company, ..entity(7) };
    put(&*store, store_all(&Entity { links: vec![link(hubspot(), "h1")], ..company })).await;
    assert_eq!(owner(&*store, &hubspot(), "h1").await, Some(first.id));
}

/// A link changes hands when it is first taken away and then given.
pub async fn a_link_moves_within_a_commit(harness: &StoreHarness) {
    let store = harness.open();
    let from = linked(&*store, 1, vec![link(hubspot(), "h1"), link(salesforce(), "s1")]).await;
    let to = linked(&*store, 2, vec![link(salesforce(), "s2")]).await;
    let moved = Box::new(link(hubspot(), "h1"));
    let gone = Link { state: LinkState::Gone { at: at(1) }, ..link(salesforce(), "s1") };
    let mutations = vec![
        Mutation::Unlink(from.id, hubspot()),
        Mutation::Link(to.id, moved),
        Mutation::Link(from.id, Box::new(gone)),
        Mutation::Link(to.id, Box::new(link(salesforce(), "s1"))),
    ];
    let expected = vec![(from.id, from.row_version), (to.id, to.row_version)];
    put(&*store, Commit { expected, fences: Vec::new(), mutations }).await;
    assert_eq!(owner(&*store, &hubspot(), "h1").await, Some(to.id));
    assert_eq!(owner(&*store, &salesforce(), "s1").await, Some(to.id));
    assert_eq!(owner(&*store, &salesforce(), "s2").await, None);
    let (from, to) = (get(&*store, from.id).await, get(&*store, to.id).await);
    assert_eq!((from.links.len(), to.links.len()), (1, 2));
    // Given before it is taken away, it has two owners for a moment.
    let mutations = vec![
        Mutation::Link(from.id, Box::new(link(hubspot(), "h1"))),
        Mutation::Unlink(to.id, hubspot()),
    ];
    refused(&*store, loose(mutations)).await;
}

/// Answers come in the order of the questions, with a gap for each unknown record.
pub async fn records_are_found_by_provider_kind_and_id(harness: &StoreHarness) {
    let store = harness.open();
    let one = linked(&*store, 1, vec![link(hubspot(), "h1"), link(salesforce(), "x")]).await;
    let two = linked(&*store, 2, vec![link(hubspot(), "x")]).await;
    let asked = [record("x"), record("nobody"), record("h1"), record("x")];
    let found = store.links(&hubspot(), KIND, &asked).await.unwrap();
    let entities: Vec<_> = found.iter().map(|found| found.as_ref().map(|f| f.entity)).collect();
    assert_eq!(entities, [Some(two.id), None, Some(one.id), Some(two.id)]);
    let resolved = found.into_iter().flatten().next().unwrap();
    assert_eq!(Some(&resolved.link), two.link(&hubspot()));
    assert_eq!(owner(&*store, &salesforce(), "x").await, Some(one.id));
    let deals = store.links(&hubspot(), ObjectKind::Deal, &asked).await.unwrap();
    assert_eq!(deals, [const { None }; 4]);
    let stranger = crm_core::ProviderId::from("stranger");
    assert_eq!(store.links(&stranger, KIND, &asked).await.unwrap(), [const { None }; 4]);
    let read = store.entities(&[two.id, id(9), one.id]).await.unwrap();
    assert_eq!(read, [Some(two), None, Some(one)]);
}

/// Old ids of merged records lead to what they became, over several steps, and a circle ends.
pub async fn old_ids_lead_on(harness: &StoreHarness) {
    let store = harness.open();
    let merged = LinkState::Merged { into: record("h3") };
    let past = linked(&*store, 1, vec![Link { state: merged, ..link(hubspot(), "h1") }]).await;
    let heir = linked(&*store, 2, vec![link(hubspot(), "h3")]).await;
    let alias = |old: &str, new: &str| Mutation::Alias {
        provider: hubspot(),
        kind: KIND,
        old: record(old),
        new: record(new),
    };
    assert_eq!(owner(&*store, &hubspot(), "h1").await, Some(past.id));
    put(&*store, loose(vec![alias("h1", "h2"), alias("h2", "h3")])).await;
    for old in ["h1", "h2", "h3"] {
        assert_eq!(owner(&*store, &hubspot(), old).await, Some(heir.id), "{old}");
    }
    // Where nothing lives at the end either, the end still speaks.
    let gone = |remote| Link { state: LinkState::Gone { at: at(1) }, ..link(hubspot(), remote) };
    let end = linked(&*store, 3, vec![gone("h6")]).await;
    linked(&*store, 4, vec![gone("h5")]).await;
    put(&*store, loose(vec![alias("h5", "h6")])).await;
    assert_eq!(owner(&*store, &hubspot(), "h5").await, Some(end.id));
    put(&*store, loose(vec![alias("a", "b"), alias("b", "a")])).await;
    assert_eq!(owner(&*store, &hubspot(), "a").await, None);
    // A later word holds.
    put(&*store, loose(vec![alias("h2", "nobody")])).await;
    assert_eq!(owner(&*store, &hubspot(), "h2").await, None);
    assert_eq!(owner(&*store, &salesforce(), "h1").await, None);
}

/// A link to a record that is gone still answers for it, so that nobody founds it anew; a live
/// one answers first, and of several that are gone the newest.
pub async fn a_gone_link_is_found_until_another_lives(harness: &StoreHarness) {
    let store = harness.open();
    let gone = || Link { state: LinkState::Gone { at: at(1) }, ..link(hubspot(), "h1") };
    let first = linked(&*store, 1, vec![gone()]).await;
    assert_eq!(owner(&*store, &hubspot(), "h1").await, Some(first.id));
    let second = linked(&*store, 2, vec![gone()]).await;
    assert_eq!(owner(&*store, &hubspot(), "h1").await, Some(second.id));
    let back = Mutation::Link(first.id, Box::new(link(hubspot(), "h1")));
    put(&*store, loose(vec![back])).await;
    assert_eq!(owner(&*store, &hubspot(), "h1").await, Some(first.id));
    put(&*store, loose(vec![Mutation::Unlink(first.id, hubspot())])).await;
    assert_eq!(owner(&*store, &hubspot(), "h1").await, Some(second.id));
}

/// Links come sorted by provider, whatever the order of writing; storing one leaves the others,
/// and storing the entity's row leaves all.
pub async fn links_come_sorted_and_change_alone(harness: &StoreHarness) {
    let store = harness.open();
    let read = linked(&*store, 1, vec![link(salesforce(), "s1"), link(hubspot(), "h1")]).await;
    let order: Vec<_> = read.links.iter().map(|link| link.provider.clone()).collect();
    assert_eq!(order, [hubspot(), salesforce()]);
    let newer = Link { version: Some(Version("7".into())), ..link(salesforce(), "s9") };
    put(&*store, loose(vec![Mutation::Link(read.id, Box::new(newer.clone()))])).await;
    let after = get(&*store, read.id).await;
    assert_eq!(after.links, [link(hubspot(), "h1"), newer]);
    assert_eq!(owner(&*store, &salesforce(), "s1").await, None);
    let bare = Entity { links: Vec::new(), version: 5, ..after.clone() };
    put(&*store, store_row(&bare)).await;
    assert_eq!(get(&*store, read.id).await.links, after.links);
    put(&*store, loose(vec![Mutation::Unlink(read.id, hubspot())])).await;
    put(&*store, loose(vec![Mutation::Unlink(read.id, hubspot())])).await;
    assert_eq!(get(&*store, read.id).await.links.len(), 1);
}

fn values() -> Vec<(Field, Value)> {
    let list = vec![Value::text("a"), Value::text("b")];
    vec![
        (Field::FIRST_NAME, Value::text("František \"Ø\" \\ 名\n")),
        (Field::PHONE, Value::Text(Text::keyed("020 7123 4567", "+442071234567"))),
        (Field::EMPLOYEES, Value::Integer(-42)),
        (Field::REVENUE, Value::Decimal("1234567890.10".parse().unwrap())),
        (Field::CITY, Value::Bool(true)),
        (Field::DUE_DATE, Value::Date("2024-02-29".parse().unwrap())),
        (Field::ENDS_AT, Value::Instant("2024-02-29T23:59:59.123456Z".parse().unwrap())),
        (Field::STATUS, Value::Choice("lead".into())),
        (Field::SOURCE, Value::List(list)),
        (Field::COMPANY_REF, Value::Ref(Ref::Entity(id(2)))),
        (Field::DEAL, Value::Ref(Ref::Remote(ObjectKind::Deal, record("900719925474099312345")))),
        (Field(4_000), Value::text("a field of a later release")),
    ]
}

/// Returns an entity in which everything that can be said is said.
fn full() -> Entity {
    let slot = |(index, (field, value)): (u64, (Field, Value))| {
        let source = (index % 3 > 0).then(hubspot);
        let when = (index % 2 > 0).then(|| at(3));
        let provenance = Provenance { version: index / 4, source, at: when, run: run(5) };
        (field, GoldenSlot { value: Some(value), provenance })
    };
    let mut golden = Golden::from_slots((0..).zip(values()).map(slot).collect());
    let provenance = Provenance { version: 8, source: None, at: None, run: run(6) };
    golden.set(Field::STREET, GoldenSlot { value: None, provenance });
    golden.freeze(Field::STREET, ConflictId::derive(id(1), Field::STREET, 8));
    let mut entity = Entity { version: 8, golden, ..entity(1) };
    entity.mark = Some(Mark { due: at(10), attempts: 3 });
    entity.links = vec![settled_link(), claimed_link()];
    entity
}

fn settled_link() -> Link {
    let refused = Refusal { version: 3, message: "too long".to_owned(), details: None };
    let slot = |shadow, ack, refused| LinkSlot { shadow, ack, refused };
    let mut slots: Vec<_> = values()
        .into_iter()
        .map(|(field, value)| (field, slot(Shadow::Held(value), 7, None)))
        .collect();
    slots.push((Field::STREET, slot(Shadow::Blank, 2, Some(refused.clone()))));
    slots.push((Field::POSTAL_CODE, slot(Shadow::None, 0, None)));
    slots.push((Field::STATE, slot(Shadow::None, 4, Some(refused))));
    let intent = |version| Intent {
        key: WriteKey::derive(id(1), &hubspot(), version),
        fields: vec![(Field::CITY, None, version), (Field::PHONE, Some(Value::text("1")), 2)],
        at: at(4),
        watched: version > 1,
        run: (version > 1).then(|| run(7)),
    };
    let mut link = Link::new(hubspot(), record("h1"));
    link.version = Some(Version("2024-01-01T00:00:00Z".into()));
    link.modified_at = Some("2024-01-01T00:00:00.000001Z".parse().unwrap());
    link.slots = Slots::from_slots(slots);
    link.observed = Some(Observation {
        fields: values().into_iter().collect::<Fields>(),
        read: vec![Field::CITY, Field::EMAIL].into(),
        at: at(2),
    });
    link.intents = vec![intent(1), intent(2)];
    link
}

fn claimed_link() -> Link {
    let claim = Claim {
        uid: Uid::of(id(1)),
        fields: values().into_iter().map(|(field, value)| (field, value, 3)).collect(),
        state: ClaimState::Ambiguous,
        at: at(1),
        run: Some(run(7)),
    };
    let parked = Parked {
        class: "missing_required".to_owned(),
        message: "no last name".to_owned(),
        remedy: "give one".to_owned(),
        version: 8,
        at: at(5),
        details: None,
    };
    Link {
        remote: None,
        state: LinkState::Claimed,
        claim: Some(claim),
        parked: Some(parked),
        ..Link::new(salesforce(), record("none"))
    }
}

/// Whatever a row can say is read as it was written, to the spelling.
pub async fn every_value_comes_back(harness: &StoreHarness) {
    let store = harness.open();
    let full = full();
    let stored = linked(&*store, 1, full.links.clone()).await;
    let next = Entity { seq: stored.seq, row_version: stored.row_version, ..full };
    put(&*store, store_all(&next)).await;
    let read = get(&*store, id(1)).await;
    let expected = Entity { row_version: next.row_version + 1, ..next };
    assert_eq!(read, expected);
    // Equality of text is equality of keys: look at the spelling too.
    assert_eq!(format!("{read:?}"), format!("{expected:?}"));
    let states = [
        EntityState::held("duplicate_email"),
        EntityState::Tombstone { at: at(9) },
        EntityState::Merged { into: EntityId::from_uuid(Uuid::from_u128(1)) },
        EntityState::Live,
    ];
    for state in states {
        let mut read = get(&*store, id(1)).await;
        read.state = state.clone();
        put(&*store, store_row(&read)).await;
        assert_eq!(get(&*store, id(1)).await.state, state);
    }
    for state in [LinkState::Gone { at: at(9) }, LinkState::Merged { into: record("h9") }] {
        let link = Link { state, ..settled_link() };
        put(&*store, loose(vec![Mutation::Link(id(1), Box::new(link.clone()))])).await;
        assert_eq!(get(&*store, id(1)).await.link(&hubspot()), Some(&link));
    }
    let mut empty = Entity::new(id(3), ObjectKind::Activity);
    empty.golden.freeze(Field::CITY, ConflictId::derive(id(3), Field::CITY, 1));
    put(&*store, store_row(&empty)).await;
    let read = get(&*store, id(3)).await;
    assert_eq!(read, Entity { seq: read.seq, row_version: 1, ..empty });
}

/// Pages follow the order of insertion, within one kind, and end.
pub async fn scan_pages_in_order_of_insertion(harness: &StoreHarness) {
    let store = harness.open();
    // One commit with several, a foreign kind between them, and ids in no order.
    let mut commit = Commit::default();
    for number in [5, 3, 9, 1, 7] {
        let kind = if number == 9 { ObjectKind::Company } else { KIND };
        let one = store_row(&Entity { kind, ..entity(number) });
        commit.expected.extend(one.expected);
        commit.mutations.extend(one.mutations);
    }
    put(&*store, commit).await;
    let scan = |after| store.scan(KIND, after, 2);
    let first = scan(Seq::default()).await.unwrap();
    assert_eq!(ids(&first), [id(5), id(3)]);
    let second = scan(first.last().unwrap().seq.unwrap()).await.unwrap();
    assert_eq!(ids(&second), [id(1), id(7)]);
    assert_eq!(scan(second.last().unwrap().seq.unwrap()).await.unwrap(), []);
    // A change does not move an entity.
    let mut changed = get(&*store, id(5)).await;
    changed.version = 6;
    put(&*store, store_row(&changed)).await;
    let again = scan(Seq::default()).await.unwrap();
    assert_eq!(ids(&again), [id(5), id(3)]);
    let companies = store.scan(ObjectKind::Company, Seq::default(), 9).await.unwrap();
    assert_eq!(ids(&companies), [id(9)]);
}

/// Keys are found while they are there, in the order of the questions and of insertion.
pub async fn candidates_follow_their_keys(harness: &StoreHarness) {
    let store = harness.open();
    for number in [2, 1] {
        linked(&*store, number, Vec::new()).await;
    }
    let keys = |number, remove: &[i64], add: &[i64]| Mutation::Keys {
        entity: id(number),
        kind: KIND,
        remove: remove.iter().copied().map(KeyHash).collect(),
        add: add.iter().copied().map(KeyHash).collect(),
    };
    put(&*store, loose(vec![keys(1, &[], &[7, i64::MIN, 7]), keys(2, &[], &[7, -1])])).await;
    let ask = async |kind| {
        let asked = [KeyHash(-1), KeyHash(7), KeyHash(0), KeyHash(i64::MIN)];
        store.candidates(kind, &asked).await.unwrap()
    };
    let found = ask(KIND).await;
    assert_eq!(found, [vec![id(2)], vec![id(2), id(1)], vec![], vec![id(1)]]);
    assert_eq!(ask(ObjectKind::Company).await, vec![Vec::new(); 4]);
    // Removed and given within one commit: the last word holds.
    put(&*store, loose(vec![keys(2, &[7], &[]), keys(1, &[7], &[7]), keys(1, &[-5], &[])])).await;
    assert_eq!(ask(KIND).await, [vec![id(2)], vec![id(1)], vec![], vec![id(1)]]);
    put(&*store, loose(vec![keys(2, &[], &[7]), keys(2, &[7], &[])])).await;
    assert_eq!(ask(KIND).await, [vec![id(2)], vec![id(1)], vec![], vec![id(1)]]);
}
