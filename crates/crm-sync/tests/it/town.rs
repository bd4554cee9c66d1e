//! A small world for tests of the whole engine: CRMs in memory, a clock moved by hand, and counts
//! of what is done with each record.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use crm_core::{
    Account, Action, BatchOutcome, Capabilities, ChangePage, Clock, Cursor, ErrorKind, Feed, Field,
    Finding, Lookup, MatchKey, ObjectKind, Priority, Provider, ProviderError, ProviderId, Remote,
    RemoteId, Result, RunId, SharedProvider, TenantId, Usage, Write,
};
use crm_store::{Conflict, ConflictQuery, ConflictState, Entity, MemoryStore, Seq, Store};
use crm_sync::{Approval, Engine, EngineError, Flow, Guard, Options, Report, Topology};
use crm_testkit::clock::ManualClock;
use crm_testkit::memory::{Deed, MemoryProvider, Profile, Realm};
use crm_testkit::simulation::executor::{Ended, Executor};
use crm_testkit::simulation::life::Life;
use crm_testkit::simulation::mortal::{MortalProvider, MortalStore, Process};
use crm_testkit::simulation::trace::{Keep, Trace};
use crm_testkit::world::Rng;
use jiff::Timestamp;
use uuid::Uuid;

/// What the people of the town are.
pub(crate) const KIND: ObjectKind = ObjectKind::Contact;

/// Calls about one record, by connection and id.
pub(crate) type Calls = BTreeMap<(ProviderId, RemoteId), u32>;

/// Connections that answer every call with an error.
type Shut = BTreeMap<ProviderId, ErrorKind>;

/// Fields that connections do not have for now.
type Lost = BTreeMap<ProviderId, Vec<Field>>;

/// A connection that counts reads by id and writes of each record, and can be shut.
#[derive(Debug)]
struct Counted {
    inner: MemoryProvider,
    calls: Arc<Mutex<Calls>>,
    shut: Arc<Mutex<Shut>>,
    lost: Arc<Mutex<Lost>>,
    refused: Arc<Mutex<Lost>>,
}

impl Counted {
    fn count<'i>(&self, ids: impl Iterator<Item = &'i RemoteId>) {
        let mut calls = self.calls.lock().unwrap();
        for id in ids {
            *calls.entry((self.id().clone(), id.clone())).or_default() += 1;
        }
    }

    fn open(&self) -> Result<()> {
        let shut = self.shut.lock().unwrap();
        let idle = (Priority::current() == Priority::Background)
            .then(|| shut.get(&background_of(self.id().as_str())))
            .flatten();
        match shut.get(self.id()).or(idle) {
            Some(kind) => Err(ProviderError::new(kind.clone(), "shut").with_hint("open it")),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Provider for Counted {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }
    fn capabilities(&self) -> Arc<Capabilities> {
        let mut capabilities = Capabilities::clone(&self.inner.capabilities());
        let lost = self.lost.lock().unwrap().get(self.id()).cloned().unwrap_or_default();
        for object in &mut capabilities.objects {
            let mut suspended: Vec<Field> = object.suspended.to_vec();
            suspended.extend(&lost);
            suspended.sort_unstable();
            object.suspended = suspended.into();
        }
        Arc::new(capabilities)
    }
    async fn probe(&self) -> Result<Account> {
        self.open()?;
        self.inner.probe().await
    }
    async fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        self.open()?;
        self.count(ids.iter());
        self.inner.get(kind, ids).await
    }
    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        self.open()?;
        self.inner.find(kind, keys).await
    }
    async fn changes(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        self.open()?;
        self.inner.changes(kind, feed, after).await
    }
    async fn apply(&self, writes: &[Write]) -> Result<BatchOutcome> {
        self.open()?;
        if let Some(kind) = self.shut.lock().unwrap().get(&writes_of(self.id().as_str())) {
            return Err(ProviderError::new(kind.clone(), "writes are held back"));
        }
        self.count(writes.iter().filter_map(|write| match &write.action {
            Action::Update { id, .. } | Action::Delete { id } => Some(id),
            Action::Create { .. } => None,
        }));
        let refused = self.refused.lock().unwrap().get(self.id()).cloned().unwrap_or_default();
        let sent: Vec<Write> = writes.iter().map(|write| without(write, &refused)).collect();
        let mut results = self.inner.apply(&sent).await?.into_results();
        for (result, write) in results.iter_mut().zip(writes) {
            let (Ok(written), Action::Update { patch, .. }) = (result, &write.action) else {
                continue;
            };
            let asked = refused.iter().filter(|field| patch.contains(**field));
            written.refused.extend(asked.map(|field| (*field, "it is not taken".to_owned())));
        }
        Ok(BatchOutcome::new(writes, results))
    }
    async fn repair(&self, finding: &Finding) -> Result<()> {
        self.inner.repair(finding).await
    }
    fn usage(&self) -> Usage {
        self.inner.usage()
    }
}

/// Returns an update without some fields.
fn without(write: &Write, refused: &[Field]) -> Write {
    let mut write = write.clone();
    if let Action::Update { patch, .. } = &mut write.action {
        for field in refused {
            patch.remove(*field);
        }
    }
    write
}

/// Under which name the writes to an account are shut.
fn writes_of(account: &str) -> ProviderId {
    ProviderId::new(format!("writes to {account}"))
}

/// Under which name the background calls to an account are shut.
fn background_of(account: &str) -> ProviderId {
    ProviderId::new(format!("background of {account}"))
}

/// A world with one engine.
#[derive(Debug)]
pub(crate) struct Town {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) realm: Arc<Realm>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) engine: Engine,
    calls: Arc<Mutex<Calls>>,
    shut: Arc<Mutex<Shut>>,
    lost: Arc<Mutex<Lost>>,
    refused: Arc<Mutex<Lost>>,
    runs: u128,
    topology: Topology,
    providers: Vec<SharedProvider>,
    options: Options,
}

fn engine(
    topology: &Topology,
    providers: &[SharedProvider],
    store: &Arc<MemoryStore>,
    clock: &Arc<ManualClock>,
    options: Options,
) -> Engine {
    let store = Arc::clone(store) as Arc<dyn Store>;
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    Engine::new(topology.clone(), providers.to_vec(), store, clock, options).unwrap()
}

impl Town {
    /// Makes a world in which contacts are kept in step by a flow.
    pub(crate) fn new(profiles: &[&'static Profile], flow: Flow) -> Self {
        Self::of(profiles, vec![flow])
    }

    /// Makes a world in which the kinds of these flows are kept in step.
    pub(crate) fn of(profiles: &[&'static Profile], flows: Vec<Flow>) -> Self {
        let clock = Arc::new(ManualClock::new("2026-03-02T09:00:00Z".parse().unwrap()));
        let kinds: Vec<ObjectKind> = flows.iter().map(|flow| flow.kind).collect();
        let realm = Realm::of_kinds(Arc::clone(&clock), profiles, &kinds, 1);
        let calls = Arc::new(Mutex::new(Calls::new()));
        let shut = Arc::new(Mutex::new(Shut::new()));
        let lost = Arc::new(Mutex::new(Lost::new()));
        let refused = Arc::new(Mutex::new(Lost::new()));
        let providers = (0..profiles.len()).map(|index| {
            let inner = MemoryProvider::open(&realm, index).unwrap();
            let (calls, shut) = (Arc::clone(&calls), Arc::clone(&shut));
            let (lost, refused) = (Arc::clone(&lost), Arc::clone(&refused));
            Arc::new(Counted { inner, calls, shut, lost, refused }) as SharedProvider
        });
        let mut names = profiles.iter().map(|profile| ProviderId::new(profile.name));
        let topology = Topology {
            tenant: TenantId::default(),
            primary: names.next().unwrap(),
            secondary: names.collect(),
            flows,
        };
        let store = Arc::new(MemoryStore::new());
        let providers: Vec<SharedProvider> = providers.collect();
        let options = Options::default();
        let engine = engine(&topology, &providers, &store, &clock, options.clone());
        Self {
            clock,
            realm,
            store,
            engine,
            calls,
            shut,
            lost,
            refused,
            runs: 0,
            topology,
            providers,
            options,
        }
    }

    /// Lets an account answer every call with an error, until it is opened again.
    pub(crate) fn shut(&self, account: &Profile, error: ErrorKind) {
        self.shut.lock().unwrap().insert(ProviderId::new(account.name), error);
    }

    /// Holds the writes to an account back, until it is let go.
    pub(crate) fn hold_back(&self, account: &Profile, error: ErrorKind) {
        self.shut.lock().unwrap().insert(writes_of(account.name), error);
    }

    /// Lets the writes to an account go.
    pub(crate) fn let_go(&self, account: &Profile) {
        self.shut.lock().unwrap().remove(&writes_of(account.name));
    }

    /// Leaves nothing of an account's quota to background work, or lets it have its share again.
    pub(crate) fn spend(&self, account: &Profile, spent: bool) {
        let mut shut = self.shut.lock().unwrap();
        let name = background_of(account.name);
        if spent {
            shut.insert(name, ErrorKind::QuotaExhausted { until: None });
        } else {
            shut.remove(&name);
        }
    }

    /// Lets an account answer again.
    pub(crate) fn open(&self, account: &Profile) {
        self.shut.lock().unwrap().remove(&ProviderId::new(account.name));
    }

    /// Takes fields away from an account, and gives back those it lacked.
    pub(crate) fn lose(&self, account: &Profile, fields: &[Field]) {
        self.lost.lock().unwrap().insert(ProviderId::new(account.name), fields.to_vec());
    }

    /// Lets an account answer that it stored everything of an update but these fields.
    pub(crate) fn refuse(&self, account: &Profile, fields: &[Field]) {
        self.refused.lock().unwrap().insert(ProviderId::new(account.name), fields.to_vec());
    }

    /// Starts the engine anew, with other rules of the first kind.
    pub(crate) fn reconfigure(&mut self, flow: Flow) {
        self.topology.flows[0] = flow;
        self.restart();
    }

    /// Starts the engine anew, with another guard.
    pub(crate) fn guard(&mut self, guard: Guard) {
        self.options.guard = guard;
        self.restart();
    }

    /// Starts the engine anew, which then waits for nothing.
    pub(crate) fn impatient(&mut self) {
        self.options.wait_max = Duration::ZERO;
        self.restart();
    }

    /// Starts the engine anew, which then reads everything again now and then.
    pub(crate) fn sweeping(&mut self, every: Duration) {
        self.options.sweep_every = Some(every);
        self.restart();
    }

    /// Makes an engine that dies at any of 10,000 steps as often as the rate says.
    pub(crate) fn mortal(&self, seed: u64, rate: u32) -> (Engine, Arc<Process>) {
        let life = Life::new(Rng::new(seed), rate);
        let (trace, clock) = (Trace::new(Keep::Tail), Arc::clone(&self.clock));
        let process = Arc::new(Process { life, trace, clock });
        let providers = self.providers.iter().map(|provider| {
            let mortal = MortalProvider::new(Arc::clone(provider), Arc::clone(&process));
            Arc::new(mortal) as SharedProvider
        });
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let store = Arc::new(MortalStore::new(store, Arc::clone(&process))) as Arc<dyn Store>;
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let (topology, options) = (self.topology.clone(), self.options.clone());
        let engine = Engine::new(topology, providers.collect(), store, clock, options).unwrap();
        (engine, process)
    }

    fn restart(&mut self) {
        let options = self.options.clone();
        self.store.restart();
        self.engine = engine(&self.topology, &self.providers, &self.store, &self.clock, options);
    }

    /// Enters a person everywhere alike.
    pub(crate) fn person(&self, accounts: usize, values: &[(Field, &str)]) {
        for account in 0..accounts {
            let values = values.iter().map(|(field, text)| (*field, (*text).to_owned())).collect();
            self.realm.perform(Deed::Create { account, kind: KIND, values, ties: Vec::new() });
        }
    }

    /// Lets a user change a value of the first record of an account.
    pub(crate) fn edit(&self, account: usize, field: Field, text: &str) {
        let value = (!text.is_empty()).then(|| text.to_owned());
        self.realm.perform(Deed::Edit { account, kind: KIND, pick: 0, field, value });
    }

    /// Returns a value of the first record of an account.
    pub(crate) fn value(&self, account: usize, field: Field) -> Option<String> {
        let id = self.realm.live(account, KIND).into_iter().next()?;
        self.realm.stored(account, KIND, &id, field).map(|value| value.display())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Runs something to its end.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        match Executor::new(&self.clock).run(future, || false) {
            Ended::Done(output) => output,
            Ended::Died | Ended::Deadlock | Ended::Endless => panic!("it does not end"),
        }
    }

    /// Runs something until the process dies; returns whether it did before the end.
    pub(crate) fn run_until<F: Future>(&self, future: F, dies: impl Fn() -> bool) -> bool {
        matches!(Executor::new(&self.clock).run(future, dies), Ended::Died)
    }

    /// Makes the id of a run.
    pub(crate) fn next_run(&mut self) -> RunId {
        self.runs += 1;
        RunId::from_uuid(Uuid::from_u128(self.runs))
    }

    /// Syncs once, approved.
    pub(crate) fn sync(&mut self) -> Report {
        let run = self.next_run();
        self.run(self.engine.sync(run, Approval::Given, &())).unwrap()
    }

    /// Returns the conflicts in a state.
    pub(crate) fn conflicts(&self, state: ConflictState) -> Vec<Conflict> {
        let query = ConflictQuery { state: Some(state), ..ConflictQuery::default() };
        let found: std::result::Result<_, EngineError> = self.run(self.engine.conflicts(query));
        found.unwrap()
    }

    /// Returns the first entity.
    pub(crate) fn entity(&self) -> Entity {
        let page = self.run(self.store.scan(ObjectKind::Contact, Seq::default(), 1)).unwrap();
        page.into_iter().next().unwrap()
    }

    /// Returns how often the first record of each account was read by id or written since the
    /// last time.
    pub(crate) fn calls(&self) -> u32 {
        std::mem::take(&mut *self.calls.lock().unwrap()).into_values().sum()
    }
}
