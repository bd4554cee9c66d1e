//! Breaks the engine in every way that it knows, and counts seeds until somebody complains.
//!
//! One line of output for each mutant, for `cargo xtask mutants` to read: what became of it, its
//! name, the seeds that it took, the seed that killed it, by what, and what was broken. A seed
//! that the engine fails without a mutant says nothing about mutants.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crm_core::mutant::{self, Mutant, UnknownMutant};
use crm_testkit::simulation::{self, Keep, MORE_KINDS, Mood, Scenario};

use super::pilot::{EnginePilot, Ground};

/// Seeds that a thread tries of one mutant before it takes the next.
const PIECE: u64 = 8;
/// Seeds of one round: few at first, since most die at once.
const ROUNDS: [u64; 4] = [16, 64, 256, 1_024];
/// Seeds that the whole engine is tried on to see whether plain ones know more than people.
const PLAIN: u64 = 64;

/// What is asked for.
#[derive(Debug, Default)]
struct Order {
    mutants: Vec<Mutant>,
    /// The most seeds of each.
    seeds: u64,
    /// Where to begin, of those of which that is said.
    from: BTreeMap<Mutant, u64>,
    /// How many threads.
    jobs: usize,
}

/// Hunts if the arguments say so: `--mutants all|NAME[=SEED],… --except NAME,… --seeds N --jobs J`.
/// After `--mutant NAME` the rest is as usual, and the engine is broken.
pub(super) fn asked(arguments: Vec<String>) -> Result<Vec<String>, ExitCode> {
    let told = match arguments.split_first() {
        Some((word, rest)) if word == "--mutants" => {
            Order::parse(rest).map(|order| Err(hunt(&order)))
        }
        Some((word, [name, rest @ ..])) if word == "--mutant" => {
            name.parse().map_err(|error: UnknownMutant| error.to_string()).map(|mutant| {
                mutant::choose(Some(mutant));
                Ok(rest.to_vec())
            })
        }
        Some(_) | None => Ok(Ok(arguments)),
    };
    told.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        Err(ExitCode::from(2))
    })
}

impl Order {
    fn parse(words: &[String]) -> Result<Self, String> {
        let [names, options @ ..] = words else {
            return Err("`--mutants` needs names, or `all`".to_owned());
        };
        let mut order = Self { seeds: 10_000, jobs: 2, ..Self::default() };
        if names == "all" {
            order.mutants.extend(Mutant::ALL);
        } else {
            names.split(',').try_for_each(|name| order.name(name))?;
        }
        for option in options.chunks(2) {
            let [option, value] = option else {
                return Err(format!("`{}` needs a value", option.concat()));
            };
            match option.as_str() {
                "--seeds" => order.seeds = number(value)?,
                "--jobs" => order.jobs = usize::try_from(number(value)?).unwrap_or(1).max(1),
                "--except" => {
                    let left_out =
                        |mutant: &Mutant| value.split(',').any(|name| name == mutant.to_string());
                    order.mutants.retain(|mutant| !left_out(mutant));
                }
                _ => return Err(format!("there is no option `{option}`")),
            }
        }
        Ok(order)
    }

    /// Reads a name, perhaps with the seed to begin at.
    fn name(&mut self, text: &str) -> Result<(), String> {
        let (name, from) = text.split_once('=').map_or((text, None), |(n, from)| (n, Some(from)));
        let mutant: Mutant = name.parse().map_err(|error: UnknownMutant| error.to_string())?;
        self.from.extend(from.map(number).transpose()?.map(|from| (mutant, from)));
        self.mutants.push(mutant);
        Ok(())
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|error| format!("`{text}` is not a whole number: {error}"))
}

/// One mutant during the hunt.
#[derive(Debug)]
struct Prey {
    mutant: Mutant,
    /// The first seed to try.
    from: u64,
    /// The smallest number of tries after which it was found dead.
    tries: AtomicU64,
    /// By what, for each number of tries.
    by: Mutex<BTreeMap<u64, String>>,
}

/// Hunts, and tells what became of each.
fn hunt(order: &Order) -> ExitCode {
    // What a mutant panics with is its own matter.
    std::panic::set_hook(Box::new(|_| {}));
    let healthy = Healthy::default();
    let mut alive: Vec<Prey> = order
        .mutants
        .iter()
        .map(|mutant| Prey {
            mutant: *mutant,
            from: order.from.get(mutant).copied().unwrap_or(0),
            tries: AtomicU64::new(u64::MAX),
            by: Mutex::default(),
        })
        .collect();
    let mut rounds = ROUNDS.into_iter();
    let (mut from, mut size) = (0, 0);
    while from < order.seeds && !alive.is_empty() {
        size = rounds.next().unwrap_or(size);
        let until = order.seeds.min(from + size);
        round(&alive, from..until, order.jobs, &healthy);
        alive.retain(|prey| !tell(prey));
        eprintln!("{} are alive after {until} seeds", alive.len());
        from = until;
    }
    for prey in &alive {
        let (name, breaks) = (prey.mutant, prey.mutant.breaks());
        println!("survived\t{name}\t{from}\t-\t-\t{breaks}");
    }
    let sick = healthy.sick();
    println!("baseline\t-\t{}\t{sick:?}\t-\tnothing", healthy.tried());
    ExitCode::SUCCESS
}

fn round(alive: &[Prey], seeds: std::ops::Range<u64>, jobs: usize, healthy: &Healthy) {
    let pieces: Vec<(&Prey, u64)> = seeds
        .clone()
        .step_by(usize::try_from(PIECE).unwrap_or(1))
        .flat_map(|piece| alive.iter().map(move |prey| (prey, piece)))
        .collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((prey, piece)) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for tries in *piece..seeds.end.min(piece + PIECE) {
                        try_one(prey, tries, healthy);
                    }
                }
            });
        }
    });
}

fn try_one(prey: &Prey, tries: u64, healthy: &Healthy) {
    if prey.tries.load(Ordering::Relaxed) <= tries {
        return;
    }
    let seed = seed(prey.from + tries);
    let Some(by) = complaint(Some(prey.mutant), seed) else { return };
    if healthy.is(seed) {
        lock(&prey.by).insert(tries, by);
        prey.tries.fetch_min(tries, Ordering::Relaxed);
    }
}

/// Tells of a mutant if it is dead.
fn tell(prey: &Prey) -> bool {
    let by = lock(&prey.by);
    let Some((tries, by)) = by.first_key_value() else { return false };
    let (name, breaks) = (prey.mutant, prey.mutant.breaks());
    let (count, seed) = (tries + 1, seed(prey.from + tries));
    println!("killed\t{name}\t{count}\t{seed}\t{by}\t{breaks}");
    true
}

/// Returns the seed of a try. While plain seeds know people alone, every second one knows more.
fn seed(tries: u64) -> u64 {
    static WIDER: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    let wider = *WIDER.get_or_init(|| (0..PLAIN).any(|seed| Scenario::of(seed).kinds.len() > 1));
    if wider || tries.is_multiple_of(2) { tries } else { tries | MORE_KINDS }
}

/// Runs a seed; returns which check complained first.
fn complaint(mutant: Option<Mutant>, seed: u64) -> Option<String> {
    let run = || {
        mutant::choose(mutant);
        simulation::run(&EnginePilot(Ground::Memory), seed, Keep::Tail)
    };
    let Ok(report) = catch_unwind(AssertUnwindSafe(run)) else {
        return Some("a panic".to_owned());
    };
    let verdict = &report.verdict;
    if let Some(fault) = verdict.faults.first() {
        let name = fault.split_once(':').map_or(fault.as_str(), |(name, _)| name);
        return Some(name.chars().take(40).collect());
    }
    if verdict.at_risk > 0 && Scenario::of(seed).mood == Mood::Calm {
        return Some("I4".to_owned());
    }
    None
}

/// Which seeds the engine passes as it is.
#[derive(Debug, Default)]
struct Healthy(Mutex<BTreeMap<u64, bool>>);

impl Healthy {
    fn is(&self, seed: u64) -> bool {
        let known = lock(&self.0).get(&seed).copied();
        known.unwrap_or_else(|| {
            let healthy = complaint(None, seed).is_none();
            lock(&self.0).insert(seed, healthy);
            healthy
        })
    }

    fn tried(&self) -> usize {
        lock(&self.0).len()
    }

    fn sick(&self) -> BTreeSet<u64> {
        let known = lock(&self.0);
        known.iter().filter(|(_, healthy)| !**healthy).map(|(seed, _)| *seed).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
