//! Any sequence of commits and reads has the same answers in memory and in SQLite.

use std::collections::BTreeMap;
use std::time::Duration;

use crm_core::{
    Cursor, EntityId, Field, ObjectKind, ProviderId, RemoteId, RunId, TenantId, Uid, Value,
    Version, WriteKey,
};
use crm_store::{
    Claim, ClaimState, Commit, Conflict, ConflictId, ConflictQuery, ConflictState, Entity,
    EntityState, FieldChange, Golden, GoldenSlot, History, Intent, Journal, JournalAction,
    JournalQuery, KeyHash, LeaseRequest, Link, LinkSlot, LinkState, Mark, MemoryStore, Mutation,
    Parked, ProblemQuery, Provenance, Refusal, Run, RunStatus, Seq, Shadow, Slots, Stage, Store,
};
use crm_store_sqlite::InlineStore;
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

const KINDS: [ObjectKind; 2] = [ObjectKind::Contact, ObjectKind::Company];
const FEEDS: [&str; 2] = ["changes", "deletions"];

/// What happens, in small numbers, so that things meet.
#[derive(Clone, Debug)]
enum Step {
    Commit { expects: Vec<(u8, Expect)>, fences: Vec<(u8, u8)>, changes: Vec<Change> },
    Lease { kind: usize, second: i64, limit: usize },
    Restart,
}

/// How a commit's expectation relates to what is there.
#[derive(Clone, Copy, Debug)]
enum Expect {
    Right,
    Older,
    Newer,
}

#[derive(Clone, Debug)]
enum Change {
    Entity { who: u8, state: u8, mark: Option<Mark>, text: u8 },
    Link { who: u8, provider: u8, remote: u8, state: u8, notes: u8 },
    Unlink { who: u8, provider: u8 },
    Mark { who: u8, mark: Option<Mark> },
    Keys { who: u8, remove: Vec<i64>, add: Vec<i64> },
    Alias { provider: u8, old: u8, new: u8 },
    Conflict { who: u8, number: u8, state: u8, second: i64 },
    History { who: u8, version: u64 },
    Journal { who: u8, place: u8, version: u64, by: u8 },
    Cursor { provider: u8, feed: usize, page: u8 },
    Stage { kind: usize, live: bool },
    Run { number: u8, second: i64 },
    Recover { kind: usize, mark: Mark },
    MarkAll { kind: usize, mark: Mark },
}

fn a_mark() -> impl Strategy<Value = Mark> {
    (0..60_i64, 0..3_u32).prop_map(|(second, attempts)| Mark { due: at(second), attempts })
}

fn change() -> impl Strategy<Value = Change> {
    let who = 0..5_u8;
    let provider = 0..3_u8;
    let mark = || proptest::option::of(a_mark());
    prop_oneof![
        6 => (who.clone(), 0..6_u8, mark(), any::<u8>())
            .prop_map(|(who, state, mark, text)| Change::Entity { who, state, mark, text }),
        8 => (who.clone(), provider.clone(), 0..5_u8, 0..6_u8, any::<u8>()).prop_map(
            |(who, provider, remote, state, notes)| Change::Link {
                who, provider, remote, state, notes
            }
        ),
        2 => (who.clone(), provider.clone())
            .prop_map(|(who, provider)| Change::Unlink { who, provider }),
        4 => (who.clone(), mark()).prop_map(|(who, mark)| Change::Mark { who, mark }),
        2 => (who.clone(), vec(0..4_i64, 0..3), vec(0..4_i64, 0..3))
            .prop_map(|(who, remove, add)| Change::Keys { who, remove, add }),
        2 => (provider.clone(), 0..5_u8, 0..5_u8)
            .prop_map(|(provider, old, new)| Change::Alias { provider, old, new }),
        2 => (who.clone(), 0..3_u8, 0..4_u8, 0..9_i64).prop_map(
            |(who, number, state, second)| Change::Conflict { who, number, state, second }
        ),
        1 => (who.clone(), 0..9_u64).prop_map(|(who, version)| Change::History { who, version }),
        2 => (who, provider.clone(), 0..3_u64, 0..3_u8)
            .prop_map(|(who, place, version, by)| Change::Journal { who, place, version, by }),
        1 => (provider, 0..2_usize, any::<u8>())
            .prop_map(|(provider, feed, page)| Change::Cursor { provider, feed, page }),
        1 => (0..2_usize, any::<bool>()).prop_map(|(kind, live)| Change::Stage { kind, live }),
        1 => (0..3_u8, 0..9_i64).prop_map(|(number, second)| Change::Run { number, second }),
        1 => (0..2_usize, a_mark()).prop_map(|(kind, mark)| Change::Recover { kind, mark }),
        1 => (0..2_usize, a_mark()).prop_map(|(kind, mark)| Change::MarkAll { kind, mark }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let expect = prop_oneof![
        20 => Just(Expect::Right),
        1 => Just(Expect::Older),
        1 => Just(Expect::Newer),
    ];
    let expects = vec((0..5_u8, expect), 0..4);
    let fences = prop_oneof![3 => Just(Vec::new()), 1 => vec((0..5_u8, 0..2_u8), 1..3)];
    prop_oneof![
        8 => (expects, fences, vec(change(), 0..5))
            .prop_map(|(expects, fences, changes)| Step::Commit { expects, fences, changes }),
        3 => (0..2_usize, 0..90_i64, 0..4_usize)
            .prop_map(|(kind, second, limit)| Step::Lease { kind, second, limit }),
        1 => Just(Step::Restart),
    ]
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn kind(index: usize) -> ObjectKind {
    KINDS[index % KINDS.len()]
}

/// Two of five entities are companies.
fn kind_of(who: u8) -> ObjectKind {
    kind(usize::from(who) % 2)
}

fn id(who: u8) -> EntityId {
    EntityId::requested(&TenantId::default(), ObjectKind::Contact, &who.to_string())
}

fn provider(number: u8) -> ProviderId {
    // The order of names is not the order in which they are first met.
    ProviderId::from(["m", "z", "a"][usize::from(number) % 3])
}

fn remote(number: u8) -> RemoteId {
    RemoteId::new(number.to_string())
}

fn run(number: u8) -> RunId {
    RunId::from_uuid(Uuid::from_u128(number.into()))
}

fn text(number: u8) -> Value {
    Value::text(format!("text {number}"))
}

fn link(who: u8, place: u8, record: u8, state: u8, notes: u8) -> Link {
    let state = match state {
        2 => LinkState::Claimed,
        3 => LinkState::Gone { at: at(1) },
        4 => LinkState::Merged { into: remote(notes % 5) },
        _ => LinkState::Live,
    };
    let has = |bit: u8| notes & (1 << bit) != 0;
    let mut link = Link { state, ..Link::new(provider(place), remote(record)) };
    if has(0) {
        link.remote = None;
    }
    let refused = has(1).then(|| Refusal { version: 1, message: "no".to_owned(), details: None });
    let shadow = if has(2) { Shadow::Held(text(notes)) } else { Shadow::Blank };
    link.slots = Slots::from_slots(vec![(Field::CITY, LinkSlot { shadow, ack: 1, refused })]);
    link.claim = has(3).then(|| Claim {
        uid: Uid::of(id(who)),
        fields: vec![(Field::CITY, text(notes), 1)],
        state: ClaimState::Open,
        at: at(2),
        run: None,
    });
    let intent = |watched| Intent {
        key: WriteKey::derive(id(who), &provider(place), 1),
        fields: vec![(Field::CITY, None, 1)],
        at: at(3),
        watched,
        run: watched.then(|| run(1)),
    };
    link.intents = if has(4) { vec![intent(has(5)), intent(has(6))] } else { Vec::new() };
    link.parked = has(7).then(|| Parked {
        class: "validation".to_owned(),
        message: "no".to_owned(),
        remedy: "change it".to_owned(),
        version: 1,
        at: at(4),
        details: None,
    });
    link.version = has(2).then(|| Version("v".into()));
    link.modified_at = has(2).then(|| at(5));
    link
}

fn golden(number: u8) -> Golden {
    let provenance = Provenance { version: 1, source: None, at: None, run: run(0) };
    let value = Some(text(number));
    Golden::from_slots(vec![(Field::CITY, GoldenSlot { value, provenance })])
}

fn entity_state(state: u8) -> EntityState {
    match state {
        0 => EntityState::held("ambiguous_email"),
        1 => EntityState::Tombstone { at: at(1) },
        2 => EntityState::Merged { into: id(0) },
        _ => EntityState::Live,
    }
}

fn conflict(who: u8, number: u8, state: u8, second: i64) -> Conflict {
    let state =
        [ConflictState::Open, ConflictState::Auto, ConflictState::Resolved, ConflictState::Stale]
            [usize::from(state) % 4];
    Conflict {
        id: ConflictId::derive(id(who), Field::CITY, number.into()),
        entity: id(who),
        kind: kind_of(who),
        field: Field::CITY,
        base: None,
        contenders: Vec::new(),
        chosen: Some(text(number)),
        winner: Some(provider(number)),
        rule: "manual".to_owned(),
        state,
        decided: None,
        at: at(second),
        run: run(0),
    }
}

fn history(who: u8, version: u64) -> History {
    History {
        entity: id(who),
        field: Field::CITY,
        version,
        before: None,
        after: Some(text(who)),
        source: None,
        rule: "fast_forward".to_owned(),
        at: at(0),
        run: run(0),
    }
}

fn journal(who: u8, place: u8, version: u64, by: u8) -> Journal {
    let change = FieldChange {
        field: Field::CITY,
        before: Shadow::Held(text(who)),
        after: Some(text(by)),
        version,
    };
    Journal {
        seq: 0,
        key: WriteKey::derive(id(who), &provider(place), version),
        entity: id(who),
        kind: kind_of(who),
        provider: provider(place),
        remote: remote(place),
        action: if version == 0 { JournalAction::Create } else { JournalAction::Update },
        run: run(by),
        at: at(i64::from(by)),
        changes: if version == 0 { Vec::new() } else { vec![change] },
    }
}

fn mutation(change: Change, seqs: &BTreeMap<EntityId, Seq>) -> Mutation {
    match change {
        Change::Entity { who, state, mark, text } => Mutation::Entity(Box::new(Entity {
            // As read, or as known from elsewhere.
            seq: if text % 2 == 0 { seqs.get(&id(who)).copied() } else { None },
            state: entity_state(state),
            version: text.into(),
            golden: if text % 3 == 0 { Golden::default() } else { golden(text) },
            mark,
            ..Entity::new(id(who), kind_of(who))
        })),
        Change::Link { who, provider, remote, state, notes } => {
            Mutation::Link(id(who), Box::new(link(who, provider, remote, state, notes)))
        }
        Change::Unlink { who, provider: number } => Mutation::Unlink(id(who), provider(number)),
        Change::Mark { who, mark } => Mutation::Mark(id(who), mark),
        Change::Keys { who, remove, add } => Mutation::Keys {
            entity: id(who),
            kind: kind_of(who),
            remove: remove.into_iter().map(KeyHash).collect(),
            add: add.into_iter().map(KeyHash).collect(),
        },
        Change::Alias { provider: number, old, new } => Mutation::Alias {
            provider: provider(number),
            kind: KINDS[0],
            old: remote(old),
            new: remote(new),
        },
        Change::Conflict { who, number, state, second } => {
            Mutation::Conflict(Box::new(conflict(who, number, state, second)))
        }
        Change::History { who, version } => Mutation::History(Box::new(history(who, version))),
        Change::Journal { who, place, version, by } => {
            Mutation::Journal(Box::new(journal(who, place, version, by)))
        }
        Change::Cursor { provider: number, feed, page } => Mutation::Cursor {
            provider: provider(number),
            kind: KINDS[0],
            feed: FEEDS[feed],
            cursor: Cursor(page.to_string()),
        },
        Change::Stage { kind: index, live } => {
            Mutation::Stage(kind(index), if live { Stage::Live } else { Stage::Snapshot })
        }
        Change::Run { number, second } => Mutation::Run(Box::new(Run {
            id: run(number),
            started: at(second),
            ended: None,
            status: RunStatus::Running,
            error: None,
            counters: BTreeMap::new(),
        })),
        Change::Recover { kind: index, mark } => Mutation::Recover { kind: kind(index), mark },
        Change::MarkAll { kind: index, mark } => Mutation::MarkAll { kind: kind(index), mark },
    }
}

/// Two stores that are told the same.
struct Pair {
    memory: MemoryStore,
    sqlite: InlineStore,
    fences: BTreeMap<EntityId, u64>,
    /// Commits that were applied, that were refused.
    counts: (u32, u32),
}

impl Pair {
    fn new() -> Self {
        let (memory, sqlite) = (MemoryStore::new(), InlineStore::in_memory().unwrap());
        Self { memory, sqlite, fences: BTreeMap::new(), counts: (0, 0) }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Commit { expects, fences, changes } => {
                let commit = self.commit(expects, &fences, changes).await;
                let memory = self.memory.commit(commit.clone()).await;
                let sqlite = self.sqlite.commit(commit.clone()).await;
                // Of two faults either may be named.
                assert_eq!(memory.is_ok(), sqlite.is_ok(), "{memory:?} {sqlite:?}\n{commit:#?}");
                self.counts.0 += u32::from(memory.is_ok());
                self.counts.1 += u32::from(memory.is_err());
            }
            Step::Lease { kind: index, second, limit } => {
                let (kind, now) = (kind(index), at(second));
                let request = LeaseRequest { kind, now, lease: Duration::from_secs(20), limit };
                let memory = self.memory.lease(request.clone()).await.unwrap();
                let sqlite = self.sqlite.lease(request).await.unwrap();
                assert_eq!(memory, sqlite);
                self.fences.extend(memory.iter().map(|leased| (leased.entity.id, leased.fence)));
            }
            Step::Restart => {
                self.memory.restart();
                self.sqlite.restart();
            }
        }
    }

    async fn commit(
        &self,
        expects: Vec<(u8, Expect)>,
        fences: &[(u8, u8)],
        changes: Vec<Change>,
    ) -> Commit {
        let mut versions = BTreeMap::new();
        let mut seqs = BTreeMap::new();
        for who in 0..5 {
            let read = self.memory.entities(&[id(who)]).await.unwrap().pop().flatten();
            versions.insert(who, read.as_ref().map_or(0, |entity| entity.row_version));
            seqs.extend(read.and_then(|entity| Some((entity.id, entity.seq?))));
        }
        // What is stored must be expected, or hardly any commit would pass.
        let rows = changes.iter().filter_map(|change| {
            let Change::Entity { who, .. } = change else { return None };
            Some((*who, Expect::Right))
        });
        let wanted: BTreeMap<u8, Expect> = rows.chain(expects).collect();
        let expected = wanted.into_iter().map(|(who, expect)| {
            let current = versions.get(&who).copied().unwrap_or(0);
            let version = match expect {
                Expect::Right => current,
                Expect::Older => current.saturating_sub(1),
                Expect::Newer => current + 1,
            };
            (id(who), version)
        });
        let fences = fences.iter().filter_map(|(who, behind)| {
            let fence = self.fences.get(&id(*who))?;
            Some((id(*who), fence.saturating_sub((*behind).into())))
        });
        Commit {
            expected: expected.collect(),
            fences: fences.collect(),
            mutations: changes.into_iter().map(|change| mutation(change, &seqs)).collect(),
        }
    }

    async fn compare(&self) {
        let (memory, sqlite) = (read(&self.memory).await, read(&self.sqlite).await);
        for (memory, sqlite) in memory.iter().zip(&sqlite) {
            assert_eq!(memory, sqlite);
        }
        assert_eq!(memory.len(), sqlite.len());
    }
}

/// Returns everything that can be asked, to the spelling.
async fn read(store: &dyn Store) -> Vec<String> {
    let mut all = Vec::new();
    let ids: Vec<EntityId> = (0..6).map(id).collect();
    all.push(format!("{:#?}", store.entities(&ids).await.unwrap()));
    for kind in KINDS {
        let page = store.scan(kind, Seq(1), 3).await.unwrap();
        let hashes: Vec<KeyHash> = (0..5).map(KeyHash).collect();
        let candidates = store.candidates(kind, &hashes).await.unwrap();
        let stage = store.stage(kind).await.unwrap();
        let counts = store.counts(kind).await.unwrap();
        let due = store.next_due(kind).await.unwrap();
        all.push(format!("{page:#?} {candidates:?} {stage:?} {counts:#?} {due:?}"));
        for limit in [0, 1] {
            all.push(format!("{:?}", store.problems(ProblemQuery { kind, limit }).await.unwrap()));
        }
        for number in 0..3 {
            let remotes: Vec<RemoteId> = (0..6).map(remote).collect();
            let links = store.links(&provider(number), kind, &remotes).await.unwrap();
            all.push(format!("{links:#?}"));
            for feed in FEEDS {
                all.push(format!(
                    "{:?}",
                    store.cursor(&provider(number), kind, feed).await.unwrap()
                ));
            }
        }
    }
    for entity in [None, Some(id(1))] {
        for state in [None, Some(ConflictState::Open), Some(ConflictState::Auto)] {
            for limit in [0, 2] {
                let query = ConflictQuery { state, entity, limit };
                all.push(format!("{:#?}", store.conflicts(query).await.unwrap()));
            }
        }
    }
    all.push(format!("{:?}", store.runs(2).await.unwrap()));
    for entity in [None, Some(id(1))] {
        for run in [None, Some(run(1))] {
            let query = JournalQuery { entity, run, after: 1, limit: 4 };
            all.push(format!("{:?}", store.journal(query).await.unwrap()));
        }
    }
    all.push(format!("{:?}", store.audit(2, 50).await.unwrap()));
    let check = store.verify_audit().await.unwrap();
    assert_eq!(check.broken, None);
    all.push(format!("{check:?}"));
    for id in ids {
        all.push(format!("{:?}", store.history(id).await.unwrap()));
    }
    all
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_sqlite_give_equal_answers(steps in vec(step(), 1..30)) {
        runtime().block_on(async {
            let mut pair = Pair::new();
            for step in steps {
                pair.take(step).await;
                pair.compare().await;
            }
        });
    }
}

/// The sequences above must do something: a floor on what is applied and what is refused.
#[test]
fn enough_of_the_sequences_passes() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut applied, mut refused) = (0, 0);
    for _ in 0..20 {
        let steps = vec(step(), 30).new_tree(&mut runner).unwrap().current();
        let mut pair = Pair::new();
        runtime().block_on(async {
            for step in steps {
                pair.take(step).await;
            }
        });
        applied += pair.counts.0;
        refused += pair.counts.1;
    }
    assert!(applied > 100 && refused > 50, "{applied} applied, {refused} refused");
}
