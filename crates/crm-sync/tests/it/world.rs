//! Random worlds for tests of plans and undo: CRMs in memory, users who work on them, an engine
//! whose process may die at any moment, and a note of every write that was made.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use crm_core::{
    Account, BatchOutcome, Capabilities, ChangePage, Clock, Cursor, Feed, Field, Fields, Finding,
    Lookup, MatchKey, ObjectKind, Provider, ProviderId, Remote, RemoteId, Result, RunId,
    SharedProvider, Usage, Write, Written,
};
use crm_store::{MemoryStore, SharedStore};
use crm_sync::{Approval, Engine, UndoMode, UndoReport};
use crm_testkit::clock::ManualClock;
use crm_testkit::memory::{Deed, MemoryProvider, Realm};
use crm_testkit::simulation::executor::{Ended, Executor};
use crm_testkit::simulation::life::Life;
use crm_testkit::simulation::mortal::{MortalProvider, MortalStore, Process};
use crm_testkit::simulation::trace::Trace;
use crm_testkit::simulation::{Keep, Mood, Scenario};
use crm_testkit::world::Rng;
use uuid::Uuid;

use crate::simulation::pilot;

/// Longer than every lag, overlap and wait.
pub(crate) const LONG: Duration = Duration::from_mins(20);

/// Added to a seed, it lets more kinds than people take part.
pub(crate) use crm_testkit::simulation::scenario::MORE_KINDS;

/// A write that was applied.
pub(crate) type Made = (ProviderId, Write, Written);

/// A connection that notes what was written.
#[derive(Debug)]
struct Noting {
    inner: Arc<MemoryProvider>,
    made: Arc<Mutex<Vec<Made>>>,
}

#[async_trait]
impl Provider for Noting {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }
    fn capabilities(&self) -> Arc<Capabilities> {
        self.inner.capabilities()
    }
    async fn probe(&self) -> Result<Account> {
        self.inner.probe().await
    }
    async fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        self.inner.get(kind, ids).await
    }
    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        self.inner.find(kind, keys).await
    }
    async fn changes(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        self.inner.changes(kind, feed, after).await
    }
    async fn apply(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let outcome = self.inner.apply(writes).await?;
        let done = writes.iter().zip(outcome.results());
        let done = done.filter_map(|(write, result)| Some((write, result.as_ref().ok()?)));
        let made = done.map(|(write, done)| (self.id().clone(), write.clone(), done.clone()));
        self.made.lock().unwrap().extend(made);
        Ok(outcome)
    }
    async fn repair(&self, finding: &Finding) -> Result<()> {
        self.inner.repair(finding).await
    }
    fn usage(&self) -> Usage {
        self.inner.usage()
    }
}

/// What every account shows: by account and record.
pub(crate) type Picture = BTreeMap<(usize, ObjectKind, RemoteId), Fields>;

pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) realm: Arc<Realm>,
    pub(crate) plain: Vec<Arc<MemoryProvider>>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) process: Arc<Process>,
    pub(crate) made: Arc<Mutex<Vec<Made>>>,
    mortal: bool,
    runs: u128,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut scenario = Scenario::of(seed);
        scenario.mood = Mood::Calm;
        let plain = seed & !MORE_KINDS;
        scenario.people = 20 + plain % if seed & MORE_KINDS == 0 { 41 } else { 21 };
        scenario.profiles.truncate(3);
        let able = |kind: &ObjectKind| {
            scenario.profiles.iter().filter(|p| p.tables(*kind).next().is_some()).count() >= 2
        };
        let kinds: Vec<ObjectKind> = scenario.kinds.iter().copied().filter(able).collect();
        scenario.kinds = kinds;
        let start = "2026-03-02T09:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let realm = Realm::of_kinds(Arc::clone(&clock), &scenario.profiles, &scenario.kinds, seed);
        let open = |index| Arc::new(MemoryProvider::open(&realm, index).unwrap());
        let plain = (0..scenario.profiles.len()).map(open).collect();
        let life = Life::new(Rng::new(seed).fork("life"), 200);
        let process = Process { life, trace: Trace::new(Keep::Tail), clock: Arc::clone(&clock) };
        let store = Arc::new(MemoryStore::new());
        let process = Arc::new(process);
        process.life.spare();
        let made = Arc::default();
        Self { scenario, clock, realm, plain, store, process, made, mortal: false, runs: 0 }
    }

    /// Starts the engine. Where the process lives for ever nothing is traced, which takes longer
    /// than all the rest.
    pub(crate) fn engine(&self) -> Engine {
        let mortal = self.mortal;
        let providers = self.plain.iter().map(|provider| {
            let (inner, made) = (Arc::clone(provider), Arc::clone(&self.made));
            let inner = Arc::new(Noting { inner, made }) as SharedProvider;
            if !mortal {
                return inner;
            }
            Arc::new(MortalProvider::new(inner, Arc::clone(&self.process))) as SharedProvider
        });
        let mut store = Arc::clone(&self.store) as SharedStore;
        if mortal {
            store = Arc::new(MortalStore::new(store, Arc::clone(&self.process)));
        }
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let topology = pilot::topology(&self.scenario);
        Engine::new(topology, providers.collect(), store, clock, pilot::options()).unwrap()
    }

    pub(crate) fn run(&mut self) -> RunId {
        self.runs += 1;
        RunId::from_uuid(Uuid::from_u128(self.runs))
    }

    pub(crate) fn drive<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let ended = Executor::new(&self.clock).run(future, || self.process.life.is_dead());
        let ended = match ended {
            Ended::Done(done) => Some(done),
            Ended::Died => None,
            Ended::Deadlock | Ended::Endless => panic!("the engine is stuck"),
        };
        self.store.restart();
        self.process.life.revive();
        ended
    }

    pub(crate) fn sync(&mut self) -> (RunId, u64) {
        self.clock.advance(LONG);
        let run = self.run();
        let engine = self.engine();
        let report = self.drive(engine.sync(run, Approval::Given, &())).unwrap().unwrap();
        (run, report.writes())
    }

    pub(crate) fn undo(&mut self, target: RunId, mode: UndoMode) -> UndoReport {
        let run = self.run();
        let engine = self.engine();
        self.drive(engine.undo(target, run, mode, &())).unwrap().unwrap()
    }

    pub(crate) fn picture(&self) -> Picture {
        let mut picture = Picture::new();
        for (index, provider) in self.plain.iter().enumerate() {
            let kinds = self.scenario.kinds.iter().copied();
            let has = |kind: &ObjectKind| provider.capabilities().object(*kind).is_some();
            for kind in kinds.filter(has) {
                let ids = self.realm.live(index, kind);
                let found = self.drive(provider.get(kind, &ids)).unwrap().unwrap();
                for (id, lookup) in ids.into_iter().zip(found) {
                    let Lookup::Found(remote) = lookup else { panic!("{id} lives") };
                    picture.insert((index, kind, id), remote.fields);
                }
            }
        }
        picture
    }

    pub(crate) fn name(&self, account: usize) -> ProviderId {
        self.plain[account].id().clone()
    }

    /// Lets users edit some people, and returns which cells.
    pub(crate) fn edit(&self, rng: &mut Rng) -> BTreeSet<Cell> {
        let kind = ObjectKind::Contact;
        let mut edited = BTreeSet::new();
        let before = self.picture();
        for n in 0..3 {
            let account = usize::try_from(rng.below(self.plain.len() as u64)).unwrap();
            let (field, pick) = (Field::JOB_TITLE, rng.below(1_000));
            let value = Some(format!("Since {n}"));
            self.realm.perform(Deed::Edit { account, kind, pick, field, value });
        }
        for (key, fields) in self.picture() {
            let was = before.get(&key).and_then(|fields| fields.get(Field::JOB_TITLE).cloned());
            if fields.get(Field::JOB_TITLE) != was.as_ref() {
                edited.insert((key.0, key.1, key.2, Field::JOB_TITLE));
            }
        }
        edited
    }

    /// Lets the process die now and then.
    pub(crate) fn hurry(&mut self, fork: &str) {
        let life = Life::new(Rng::new(self.scenario.seed).fork(fork), 200);
        let (trace, clock) = (Trace::new(Keep::Tail), Arc::clone(&self.clock));
        self.process = Arc::new(Process { life, trace, clock });
        self.mortal = true;
    }

    /// Lets the process live for ever.
    pub(crate) fn spare(&mut self) {
        self.process.life.spare();
        self.mortal = false;
    }
}

/// A field of a record of an account.
pub(crate) type Cell = (usize, ObjectKind, RemoteId, Field);
