//! What is kept for people: conflicts, history, runs, counts; and that it is kept.

use std::collections::BTreeMap;

use crm_core::{Cursor, EntityId, Field, ObjectKind, Text, Value};
use crm_store::{
    Conflict, ConflictId, ConflictQuery, ConflictState, Contender, Counts, Entity, EntityState,
    History, Intent, KeyHash, Link, LinkCount, LinkSlot, LinkState, Mutation, Parked, ProblemQuery,
    Refusal, Run, RunStatus, Seq, Shadow, Stage, Store, WrittenPlan,
};

use super::harness::{
    KIND, StoreHarness, at, entity, get, hubspot, id, ids, lease, link, linked, loose, mark,
    marked, owner, put, record, refused, run, salesforce, store_all,
};

/// Returns an open conflict that was noticed at a second.
pub(super) fn conflict(entity: EntityId, second: i64) -> Conflict {
    let contender = |provider, value, at| Contender { provider, value, at };
    Conflict {
        id: ConflictId::derive(entity, Field::PHONE, second.cast_unsigned()),
        entity,
        kind: KIND,
        field: Field::PHONE,
        base: Some(Value::Text(Text::keyed("020 7123 4567", "+442071234567"))),
        contenders: vec![
            contender(Some(hubspot()), Some(Value::text("1")), Some(at(second))),
            contender(None, None, None),
        ],
        chosen: None,
        winner: None,
        rule: "manual".to_owned(),
        state: ConflictState::Open,
        decided: None,
        at: at(second),
        run: run(1),
    }
}

/// Returns a row of history.
pub(super) fn history(entity: EntityId, version: u64) -> History {
    History {
        entity,
        field: Field::EMAIL,
        version,
        before: Some(Value::text("old@mail.example")),
        after: None,
        source: Some(salesforce()),
        rule: "fast_forward".to_owned(),
        at: at(0),
        run: run(1),
    }
}

/// Returns a run that began at a second.
pub(super) fn run_row(number: u128, second: i64) -> Run {
    Run {
        id: run(number),
        started: at(second),
        ended: None,
        status: RunStatus::Running,
        error: Some("nobody answers".to_owned()),
        counters: BTreeMap::from([("contact.created".to_owned(), 3)]),
    }
}

async fn conflicts(store: &dyn Store, query: ConflictQuery) -> Vec<Conflict> {
    store.conflicts(query).await.unwrap()
}

/// Conflicts come newest first, by state and entity where asked; storing one again replaces it.
pub async fn conflicts_come_newest_first(harness: &StoreHarness) {
    let store = harness.open();
    linked(&*store, 1, Vec::new()).await;
    linked(&*store, 2, Vec::new()).await;
    let rows = [conflict(id(1), 10), conflict(id(2), 30), conflict(id(1), 20)];
    let [first, second, third] = rows;
    for row in [&first, &second, &third] {
        put(&*store, loose(vec![Mutation::Conflict(Box::new(row.clone()))])).await;
    }
    let all = ConflictQuery::default();
    let found = conflicts(&*store, all.clone()).await;
    assert_eq!(found, [second.clone(), third.clone(), first.clone()]);
    let limited = ConflictQuery { limit: 2, ..all.clone() };
    assert_eq!(conflicts(&*store, limited).await, [second.clone(), third.clone()]);
    let of_one = ConflictQuery { entity: Some(id(1)), ..all.clone() };
    assert_eq!(conflicts(&*store, of_one.clone()).await, [third.clone(), first.clone()]);
    let settled = Conflict {
        state: ConflictState::Auto,
        chosen: Some(Value::text("1")),
        winner: Some(hubspot()),
        rule: "primary_wins".to_owned(),
        ..third
    };
    put(&*store, loose(vec![Mutation::Conflict(Box::new(settled.clone()))])).await;
    assert_eq!(conflicts(&*store, of_one).await, [settled.clone(), first.clone()]);
    let open = ConflictQuery { state: Some(ConflictState::Open), ..all.clone() };
    assert_eq!(conflicts(&*store, open).await, [second, first]);
    let auto = ConflictQuery { state: Some(ConflictState::Auto), entity: Some(id(1)), limit: 1 };
    assert_eq!(conflicts(&*store, auto).await, [settled]);
    let nobody = ConflictQuery { entity: Some(id(9)), ..all };
    assert_eq!(conflicts(&*store, nobody).await, []);
}

/// History is read as it was written, entity by entity.
pub async fn history_keeps_its_order(harness: &StoreHarness) {
    let store = harness.open();
    linked(&*store, 1, Vec::new()).await;
    linked(&*store, 2, Vec::new()).await;
    for (number, version) in [(1, 2), (2, 2), (1, 4), (1, 3)] {
        let row = Box::new(history(id(number), version));
        put(&*store, loose(vec![Mutation::History(row)])).await;
    }
    let rows = store.history(id(1)).await.unwrap();
    assert_eq!(rows, [history(id(1), 2), history(id(1), 4), history(id(1), 3)]);
    assert_eq!(store.history(id(2)).await.unwrap(), [history(id(2), 2)]);
    assert_eq!(store.history(id(9)).await.unwrap(), []);
}

/// The newest runs come first; storing one again replaces it.
pub async fn runs_come_newest_first(harness: &StoreHarness) {
    let store = harness.open();
    for (number, second) in [(1, 10), (2, 30), (3, 20)] {
        put(&*store, loose(vec![Mutation::Run(Box::new(run_row(number, second)))])).await;
    }
    let ended = Run { ended: Some(at(40)), status: RunStatus::Partial, ..run_row(3, 20) };
    put(&*store, loose(vec![Mutation::Run(Box::new(ended.clone()))])).await;
    let all = store.runs(9).await.unwrap();
    assert_eq!(all, [run_row(2, 30), ended.clone(), run_row(1, 10)]);
    assert_eq!(store.runs(2).await.unwrap(), [run_row(2, 30), ended]);
}

/// Each kind has its own stage, and a plan comes back as it was.
pub async fn stages_come_back(harness: &StoreHarness) {
    let store = harness.open();
    assert_eq!(store.stage(KIND).await.unwrap(), Stage::New);
    let plan = serde_json::json!({ "hash": "abc", "kinds": { "contact": { "link_exact": 3 } } });
    let stages =
        [Stage::Snapshot, Stage::Matching, Stage::Planned { plan }, Stage::Live, Stage::New];
    for stage in stages {
        put(&*store, loose(vec![Mutation::Stage(KIND, stage.clone())])).await;
        assert_eq!(store.stage(KIND).await.unwrap(), stage);
        assert_eq!(store.stage(ObjectKind::Deal).await.unwrap(), Stage::New);
    }
}

/// Each connection has the account that was noted for it last.
pub async fn accounts_come_back(harness: &StoreHarness) {
    let store = harness.open();
    let note =
        |account: &str| Mutation::Account { provider: hubspot(), account: account.to_owned() };
    assert_eq!(store.account(&hubspot()).await.unwrap(), None);
    for account in ["4711", "4712"] {
        put(&*store, loose(vec![note(account)])).await;
        assert_eq!(store.account(&hubspot()).await.unwrap().as_deref(), Some(account));
        assert_eq!(store.account(&salesforce()).await.unwrap(), None);
    }
}

/// A written plan is as it was stored last.
pub async fn written_plans_come_back(harness: &StoreHarness) {
    let store = harness.open();
    assert_eq!(store.written_plan("a").await.unwrap(), None);
    let made = WrittenPlan { hash: "a".to_owned(), at: at(1), runs: Vec::new(), done: false };
    let done = WrittenPlan { runs: vec![run_row(1, 0).id], done: true, ..made.clone() };
    for plan in [made, done] {
        put(&*store, loose(vec![Mutation::WrittenPlan(Box::new(plan.clone()))])).await;
        assert_eq!(store.written_plan("a").await.unwrap(), Some(plan));
        assert_eq!(store.written_plan("b").await.unwrap(), None);
    }
}

fn parked(provider: crm_core::ProviderId, remote: &str) -> Link {
    let parked = Parked {
        class: "validation".to_owned(),
        message: "no".to_owned(),
        remedy: "change it".to_owned(),
        version: 1,
        at: at(0),
        details: None,
    };
    Link { parked: Some(parked), ..link(provider, remote) }
}

fn with_refusal(remote: &str) -> Link {
    let mut link = link(hubspot(), remote);
    *link.slots.slot_mut(Field::PHONE) = LinkSlot {
        shadow: Shadow::Blank,
        ack: 0,
        refused: Some(Refusal { version: 2, message: "no such number".to_owned(), details: None }),
    };
    link
}

fn with_intents(remote: &str) -> Link {
    let intent = |version| Intent {
        key: crm_core::WriteKey::derive(id(1), &salesforce(), version),
        fields: Vec::new(),
        at: at(0),
        watched: version > 2,
        run: None,
    };
    Link { intents: vec![intent(1), intent(2), intent(3)], ..link(salesforce(), remote) }
}

/// What is counted is what is there; problems are what is parked, refused or held.
pub async fn counts_and_problems_agree_with_the_rows(harness: &StoreHarness) {
    let store = harness.open();
    assert_eq!(store.counts(KIND).await.unwrap(), Counts::default());
    let gone = LinkState::Gone { at: at(0) };
    let merged = LinkState::Merged { into: record("h1") };
    let held = EntityState::held("ambiguous_email");
    let rows = [
        (EntityState::Live, vec![link(hubspot(), "h1"), with_intents("s1")]),
        (held, vec![Link { state: gone, ..link(hubspot(), "h2") }]),
        (EntityState::Live, vec![parked(hubspot(), "h3"), parked(salesforce(), "s3")]),
        (EntityState::Tombstone { at: at(0) }, vec![Link { state: merged, ..with_refusal("h4") }]),
        (EntityState::Merged { into: id(1) }, Vec::new()),
        (EntityState::Live, vec![link(hubspot(), "h6")]),
    ];
    for (number, (state, links)) in (1..).zip(rows) {
        let mark = if number < 3 { mark(at(0)) } else { None };
        put(&*store, store_all(&Entity { state, mark, links, ..entity(number) })).await;
    }
    let company = Entity { kind: ObjectKind::Company, ..entity(7) };
    put(&*store, store_all(&Entity { links: vec![parked(hubspot(), "h1")], ..company })).await;
    let auto = Conflict { state: ConflictState::Auto, ..conflict(id(1), 1) };
    let rows =
        vec![Mutation::Conflict(Box::new(conflict(id(1), 2))), Mutation::Conflict(Box::new(auto))];
    put(&*store, loose(rows)).await;
    let link_count = |provider, live, gone, open| LinkCount { provider, live, gone, open };
    let expected = Counts {
        live: 3,
        held: 1,
        tombstones: 1,
        marked: 2,
        parked: 3,
        open_conflicts: 1,
        links: vec![link_count(hubspot(), 3, 2, 0), link_count(salesforce(), 2, 0, 2)],
    };
    assert_eq!(store.counts(KIND).await.unwrap(), expected);
    let problems = async |limit| {
        let query = ProblemQuery { kind: KIND, limit };
        store.problems(query).await.unwrap()
    };
    assert_eq!(ids(&problems(0).await), [id(2), id(3), id(4)]);
    assert_eq!(problems(1).await, [get(&*store, id(2)).await]);
    // Mended, it is a problem no more.
    let mended = vec![
        Mutation::Link(id(3), Box::new(link(hubspot(), "h3"))),
        Mutation::Unlink(id(3), salesforce()),
    ];
    put(&*store, loose(mended)).await;
    assert_eq!(ids(&problems(0).await), [id(2), id(4)]);
}

/// What was committed is there for the next process; what was leased is free.
pub async fn everything_outlives_the_process(harness: &StoreHarness) {
    let store = harness.open();
    let before = linked(&*store, 1, vec![link(salesforce(), "s1"), link(hubspot(), "h1")]).await;
    marked(&*store, 2, at(0)).await;
    let worker = lease(&*store, at(0), 9).await.first().unwrap().clone();
    let (provider, kind) = (hubspot(), KIND);
    let cursor = Cursor("page 2".to_owned());
    let alias = Mutation::Alias { provider: hubspot(), kind, old: record("h0"), new: record("h1") };
    let keys = Mutation::Keys { entity: id(1), kind, remove: vec![], add: vec![KeyHash(7)] };
    let rows = vec![
        Mutation::Cursor { provider, kind, feed: "changes", cursor: cursor.clone() },
        alias,
        keys,
        Mutation::Stage(kind, Stage::Live),
        Mutation::Run(Box::new(run_row(1, 0))),
        Mutation::History(Box::new(history(id(1), 2))),
        Mutation::Conflict(Box::new(conflict(id(1), 2))),
    ];
    put(&*store, loose(rows)).await;
    drop(store);

    let store = harness.open();
    assert_eq!(get(&*store, id(1)).await, before);
    assert_eq!(store.cursor(&hubspot(), KIND, "changes").await.unwrap(), Some(cursor));
    assert_eq!(owner(&*store, &hubspot(), "h0").await, Some(id(1)));
    assert_eq!(store.candidates(KIND, &[KeyHash(7)]).await.unwrap(), [vec![id(1)]]);
    assert_eq!(store.stage(KIND).await.unwrap(), Stage::Live);
    assert_eq!(store.runs(9).await.unwrap(), [run_row(1, 0)]);
    assert_eq!(store.history(id(1)).await.unwrap(), [history(id(1), 2)]);
    assert_eq!(conflicts(&*store, ConflictQuery::default()).await, [conflict(id(1), 2)]);
    // The dead process has no lease any more, and its fence is worth nothing.
    let zombie = crm_store::Commit { fences: vec![(id(2), worker.fence)], ..loose(Vec::new()) };
    refused(&*store, zombie).await;
    let again = lease(&*store, at(0), 9).await;
    assert_eq!(again.first().unwrap().entity, worker.entity);
    linked(&*store, 3, vec![link(hubspot(), "h3")]).await;
    assert_eq!(get(&*store, id(3)).await.seq, Some(Seq(3)));
    drop(store);
    assert_eq!(ids(&harness.open().scan(KIND, Seq(1), 9).await.unwrap()), [id(2), id(3)]);
}
