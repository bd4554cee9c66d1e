//! One seed from the first contact to the verdict.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{Clock, Operation, RunId, SharedProvider};
use crm_store::{SharedStore, Store};
use jiff::Timestamp;
use uuid::Uuid;

use super::crowd::Crowd;
use super::executor::{Ended, Executor};
use super::life::{Counts, Life};
use super::mortal::{MortalProvider, MortalStore, Process};
use super::oracle::{self, Verdict};
use super::scenario::{Mood, Scenario};
use super::trace::{Keep, Trace};
use crate::clock::{ManualClock, later};
use crate::memory::{MemoryProvider, Realm, Weather};
use crate::world::Rng;

/// A future that a pilot gives back.
pub type Flight = Pin<Box<dyn Future<Output = Result<Done, String>>>>;

/// Starts engines. The simulation knows the engine through this alone, so that it can be told of
/// any engine.
pub trait Pilot: fmt::Debug {
    /// Starts a new process: a new engine on the same store, with one errand.
    fn start(&self, scene: &Scene, errand: Errand, run: RunId) -> Flight;

    /// Returns an empty store.
    fn store(&self) -> Result<Box<dyn Base>, String>;
}

/// A store as the simulation needs it.
pub trait Base: fmt::Debug {
    /// Returns the store.
    fn shared(&self) -> SharedStore;

    /// Forgets what the end of a process ends: its leases.
    fn restart(&self);
}

/// What an engine is started with.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What the seed means.
    pub scenario: Arc<Scenario>,
    /// The connections, by rank.
    pub providers: Vec<SharedProvider>,
    /// The store.
    pub store: SharedStore,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// What an engine is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// A plan.
    Plan,
    /// A sync, approved.
    Sync,
}

/// What an engine says it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Records written.
    pub writes: u64,
}

/// What became of a seed.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The hash of everything that the engine did.
    pub hash: u64,
    /// What happened.
    pub counts: Counts,
    /// What the checks found.
    pub verdict: Verdict,
    /// The last lines of the trace, or all.
    pub lines: Vec<String>,
}

/// When every simulation begins.
const START: &str = "2026-03-02T09:00:00Z";
/// The most runs of the first sync under faults, and of the work after it.
const FIRST_MAX: u32 = 60;
const RUNS_MAX: u32 = 200;
/// Longer than every lag, overlap, wait and backoff.
const LONG: Duration = Duration::from_mins(20);
/// Runs after which everything must be in step.
const CALM_RUNS: u32 = 3;

/// Runs one seed.
pub fn run(pilot: &dyn Pilot, seed: u64, keep: Keep) -> Report {
    let scenario = Arc::new(Scenario::of(seed));
    match Stage::set(pilot, seed, &scenario, keep) {
        Ok(mut stage) => stage.play(),
        Err(message) => Report {
            seed,
            hash: 0,
            counts: Counts::default(),
            verdict: Verdict::failed(message),
            lines: Vec::new(),
        },
    }
}

struct Stage<'p> {
    pilot: &'p dyn Pilot,
    /// The seed as it was asked for.
    seed: u64,
    scenario: Arc<Scenario>,
    process: Arc<Process>,
    clock: Arc<ManualClock>,
    realm: Arc<Realm>,
    base: Box<dyn Base>,
    scene: Scene,
    runs: u64,
    /// When processes died or runs failed.
    breaks: Vec<Timestamp>,
}

/// How a run ended.
enum End {
    Done(Done),
    /// The process died.
    Died,
    /// The engine gave up, and said why.
    Failed(String),
    /// Nothing moves any more.
    Stuck(&'static str),
}

impl<'p> Stage<'p> {
    fn set(
        pilot: &'p dyn Pilot,
        seed: u64,
        scenario: &Arc<Scenario>,
        keep: Keep,
    ) -> Result<Self, String> {
        let start: Timestamp = START.parse().map_err(|error| format!("{error}"))?;
        let clock = Arc::new(ManualClock::new(start));
        let life = Life::new(Rng::new(scenario.seed).fork("life"), scenario.crash_rate);
        let process = Process { life, trace: Trace::new(keep), clock: Arc::clone(&clock) };
        let process = Arc::new(process);
        let (profiles, kinds) = (&scenario.profiles, &scenario.kinds);
        let realm = Realm::of_kinds(Arc::clone(&clock), profiles, kinds, scenario.seed);
        let providers = (0..scenario.profiles.len()).filter_map(|index| {
            let inner = Arc::new(MemoryProvider::open(&realm, index)?);
            let mortal = MortalProvider::new(inner, Arc::clone(&process));
            Some(Arc::new(mortal) as SharedProvider)
        });
        let base = pilot.store()?;
        let store = Arc::new(MortalStore::new(base.shared(), Arc::clone(&process)));
        let scene = Scene {
            scenario: Arc::clone(scenario),
            providers: providers.collect(),
            store,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
        };
        let (scenario, breaks) = (Arc::clone(scenario), Vec::new());
        Ok(Self { pilot, seed, scenario, process, clock, realm, base, scene, runs: 0, breaks })
    }

    fn play(&mut self) -> Report {
        let lived = self.live_through();
        self.tell_strokes();
        let verdict = match lived {
            Ok(()) => self.judge(),
            Err(message) => Verdict::failed(message),
        };
        Report {
            seed: self.seed,
            hash: self.process.trace.hash(),
            counts: self.process.life.counts(),
            verdict,
            lines: self.process.trace.lines(),
        }
    }

    /// The whole story but the verdict; an error is a failure of its own.
    fn live_through(&mut self) -> Result<(), String> {
        let scenario = Arc::clone(&self.scenario);
        let mut crowd = Crowd::new(&scenario);
        crowd.populate(&self.realm);
        self.clock.advance(LONG);
        self.realm.set_weather(&scenario.weather);
        self.first_sync()?;
        self.work(&mut crowd)?;
        self.realm.set_weather(&Weather::default());
        self.realm.quiet();
        self.process.life.spare();
        self.note("calm");
        for _ in 0..CALM_RUNS {
            self.clock.advance(LONG);
            self.must(Errand::Sync)?;
        }
        self.stay_silent()
    }

    /// Plans and carries out the first sync, as often as faults demand.
    fn first_sync(&mut self) -> Result<(), String> {
        for errand in [Errand::Plan, Errand::Sync] {
            let mut done = false;
            for _ in 0..FIRST_MAX {
                if self.attempt(errand)? {
                    done = true;
                    break;
                }
                self.clock.advance(Duration::from_secs(5));
            }
            if !done {
                return Err(format!("{errand:?} did not succeed in {FIRST_MAX} attempts"));
            }
        }
        Ok(())
    }

    fn work(&mut self, crowd: &mut Crowd<'_>) -> Result<(), String> {
        let until = later(self.clock.now(), self.scenario.span);
        if self.scenario.mood == Mood::Hostile {
            crowd.plan(&self.realm, self.clock.now(), until);
        }
        for _ in 0..RUNS_MAX {
            if self.clock.now() >= until {
                break;
            }
            if self.scenario.mood == Mood::Calm {
                crowd.act(&self.realm);
            }
            self.attempt(Errand::Sync)?;
            self.clock.advance(crowd.pause());
        }
        Ok(())
    }

    /// Runs an errand that may fail or die.
    fn attempt(&mut self, errand: Errand) -> Result<bool, String> {
        match self.fly(errand) {
            End::Done(_) => Ok(true),
            End::Died | End::Failed(_) => {
                self.breaks.push(self.clock.now());
                Ok(false)
            }
            End::Stuck(how) => Err(how.to_owned()),
        }
    }

    /// Runs an errand that has no excuse.
    fn must(&mut self, errand: Errand) -> Result<Done, String> {
        match self.fly(errand) {
            End::Done(done) => Ok(done),
            End::Died => Err("a process died although nobody kills".to_owned()),
            End::Failed(message) => Err(format!("I1: a run failed in calm weather: {message}")),
            End::Stuck(how) => Err(how.to_owned()),
        }
    }

    fn fly(&mut self, errand: Errand) -> End {
        self.runs += 1;
        self.note(&format!("run {} {errand:?}", self.runs));
        let number = (u128::from(self.scenario.seed) << 64) | u128::from(self.runs);
        let run = RunId::from_uuid(Uuid::from_u128(number));
        let flight = self.pilot.start(&self.scene, errand, run);
        let process = Arc::clone(&self.process);
        let ended = Executor::new(&self.clock).run(flight, || process.life.is_dead());
        // A run that failed ends its process too.
        self.base.restart();
        self.process.life.revive();
        match ended {
            Ended::Done(Ok(done)) => {
                self.note(&format!("run {} wrote {}", self.runs, done.writes));
                End::Done(done)
            }
            Ended::Done(Err(message)) => {
                self.note(&format!("run {} failed: {message}", self.runs));
                End::Failed(message)
            }
            Ended::Died => End::Died,
            Ended::Deadlock => End::Stuck("deadlock: the engine waits for nothing"),
            Ended::Endless => End::Stuck("endless: a run never ends"),
        }
    }

    /// I3: with nothing changed, a run reads one page of each feed and does nothing else.
    fn stay_silent(&mut self) -> Result<(), String> {
        self.clock.advance(LONG);
        let before = self.used();
        let done = self.must(Errand::Sync)?;
        let after = self.used();
        if done.writes > 0 {
            return Err(format!("I3: a quiet run says that it wrote {}", done.writes));
        }
        let kinds = u64::try_from(self.scenario.kinds.len()).unwrap_or(1);
        for (account, (before, after)) in before.into_iter().zip(after).enumerate() {
            let name = self.scenario.profiles.get(account).map_or("?", |profile| profile.name);
            let more = |index: usize| {
                let count = |used: &[u64; 4]| used.get(index).copied().unwrap_or(0);
                count(&after).saturating_sub(count(&before))
            };
            let (writes, reads, pages) = (more(0), more(1) + more(2), more(3));
            if writes > 0 || reads > 0 || pages > 2 * kinds {
                return Err(format!(
                    "I3: a quiet run made {writes} writes, {reads} reads and {pages} pages at \
                     {name}"
                ));
            }
        }
        Ok(())
    }

    /// Returns the calls of each account: writes, gets, finds, pages.
    fn used(&self) -> Vec<[u64; 4]> {
        let inner = self.realm.now();
        let endpoint = |usage: &crm_core::Usage, operation: Operation| {
            usage.endpoints.get(operation.name()).copied().unwrap_or(0)
        };
        let count = |usage: &crm_core::Usage| {
            [
                usage.writes,
                endpoint(usage, Operation::Get),
                endpoint(usage, Operation::Find),
                endpoint(usage, Operation::Changes),
            ]
        };
        inner.accounts.iter().map(|account| count(&account.usage)).collect()
    }

    fn judge(&self) -> Verdict {
        let store = self.base.shared();
        let judged = oracle::judge(&store, &self.realm, &self.scenario, &self.breaks);
        match Executor::new(&self.clock).run(judged, || false) {
            Ended::Done(verdict) => verdict,
            Ended::Died | Ended::Deadlock | Ended::Endless => {
                Verdict::failed("the store does not answer".to_owned())
            }
        }
    }

    /// Adds all changes of values to a trace that wants everything.
    fn tell_strokes(&self) {
        if !self.process.trace.is_verbose() {
            return;
        }
        let inner = self.realm.now();
        for stroke in &inner.journal.strokes {
            let account = inner.accounts.get(stroke.account);
            let id = account.map(|account| account.remote_id(stroke.record).to_string());
            self.process.trace.remark(format_args!(
                "stroke {} {} {}{} = {:?} by {:?}, seen {:?}",
                stroke.at,
                id.unwrap_or_default(),
                stroke.field,
                stroke.member.map(|member| format!(" of {member}")).unwrap_or_default(),
                stroke.value,
                stroke.hand,
                stroke.seen,
            ));
        }
    }

    fn note(&self, text: &str) {
        self.process.trace.line(self.clock.now(), format_args!("{text}"));
    }
}

impl Base for Arc<crm_store::MemoryStore> {
    fn shared(&self) -> SharedStore {
        Self::clone(self) as Arc<dyn Store>
    }

    fn restart(&self) {
        crm_store::MemoryStore::restart(self);
    }
}
