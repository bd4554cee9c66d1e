//! The big simulation: many seeds on all cores, or one seed told in full.
//!
//! `cargo xtask sim` runs it optimised. `--seeds N --start S` runs N seeds from S on, `--seed S`
//! replays one and prints everything; `--store memory|sqlite` chooses the store. With `--shared N`
//! the first N seeds run on both stores, and each must leave the same trace on both.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

#[cfg(crm_mutants)]
#[path = "simulation/hunt.rs"]
mod hunt;
#[path = "../tests/it/simulation/pilot.rs"]
mod pilot;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crm_testkit::simulation::{self, Batch, Keep, Report};
use pilot::{EnginePilot, Ground};

/// What the arguments ask for.
struct Request {
    ground: Ground,
    start: u64,
    seeds: u64,
    /// How many of the seeds run on SQLite too.
    shared: u64,
    replay: Option<u64>,
}

/// What became of the seeds.
#[derive(Default)]
struct Outcome {
    /// On the store that was asked for.
    reports: Vec<Report>,
    /// On SQLite, of the seeds that both stores share.
    shared: Vec<Report>,
    /// Seeds whose traces differ.
    torn: Vec<u64>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    #[cfg(crm_mutants)]
    let arguments = match hunt::asked(arguments) {
        Ok(arguments) => arguments,
        Err(ended) => return ended,
    };
    match Request::parse(&arguments) {
        Ok(Request { ground, replay: Some(seed), .. }) => replay(ground, seed),
        Ok(request) => run(&request),
        Err(message) => {
            eprintln!("error: {message}");
            eprintln!("hint: --store memory|sqlite, --seeds N, --start S, --shared N, --seed S");
            ExitCode::from(2)
        }
    }
}

impl Request {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let ground = Ground::Memory;
        let mut request = Self { ground, start: 0, seeds: 200, shared: 0, replay: None };
        let mut words = arguments.iter();
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{option}` needs a value"))?;
            let number =
                || value.parse::<u64>().map_err(|error| format!("`{option} {value}`: {error}"));
            match option.as_str() {
                "--store" => request.ground = self::ground(value)?,
                "--start" => request.start = number()?,
                "--seeds" => request.seeds = number()?,
                "--shared" => request.shared = number()?,
                "--seed" => request.replay = Some(number()?),
                _ => return Err(format!("there is no option `{option}`")),
            }
        }
        if request.shared > 0 && request.ground == Ground::Sqlite {
            return Err("`--shared` compares SQLite with the memory store".to_owned());
        }
        Ok(request)
    }
}

fn ground(name: &str) -> Result<Ground, String> {
    match name {
        "memory" => Ok(Ground::Memory),
        "sqlite" => Ok(Ground::Sqlite),
        _ => Err(format!("there is no store called `{name}`")),
    }
}

const fn name(ground: Ground) -> &'static str {
    match ground {
        Ground::Memory => "memory",
        Ground::Sqlite => "sqlite",
    }
}

fn replay(ground: Ground, seed: u64) -> ExitCode {
    let report = simulation::run(&EnginePilot(ground), seed, Keep::All);
    for line in &report.lines {
        println!("{line}");
    }
    for fault in &report.verdict.faults {
        println!("{fault}");
    }
    for risk in &report.verdict.risks {
        println!("lost in the window: {risk}");
    }
    println!("{}", simulation::story(&report, name(ground)));
    if report.verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(request: &Request) -> ExitCode {
    let next = AtomicU64::new(request.start);
    let end = request.start.saturating_add(request.seeds);
    let outcome: Mutex<Outcome> = Mutex::new(Outcome::default());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    #[expect(clippy::disallowed_methods, reason = "the time that the program itself takes")]
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    try_seed(request, seed, &outcome);
                }
            });
        }
    });
    let outcome = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut good = sum_up(request.ground, outcome.reports);
    if request.shared > 0 {
        good &= sum_up(Ground::Sqlite, outcome.shared);
    }
    println!("{:.1} seconds on {cores} cores", begun.elapsed().as_secs_f64());
    if !outcome.torn.is_empty() {
        println!("error: the stores differ in seeds {:?}", outcome.torn);
    }
    if good && outcome.torn.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a seed, on both stores if they share it.
fn try_seed(request: &Request, seed: u64, outcome: &Mutex<Outcome>) {
    let report = told(request.ground, seed);
    let is_shared = seed.saturating_sub(request.start) < request.shared;
    let other = is_shared.then(|| told(Ground::Sqlite, seed));
    let torn = other.as_ref().filter(|other| other.hash != report.hash);
    if let Some(other) = torn {
        println!("SEED={seed} hash {:016x} in memory, {:016x} on SQLite", report.hash, other.hash);
    }
    let torn = torn.map(|_| seed);
    let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
    outcome.torn.extend(torn);
    outcome.reports.push(report);
    outcome.shared.extend(other);
}

/// Runs a seed and tells its story if it failed; what is left of a report is small.
fn told(ground: Ground, seed: u64) -> Report {
    let mut report = simulation::run(&EnginePilot(ground), seed, Keep::Tail);
    if !report.verdict.is_good() {
        println!("{}", simulation::story(&report, name(ground)));
    }
    report.lines = Vec::new();
    report
}

/// Prints the sums; returns whether nothing is wrong.
fn sum_up(ground: Ground, mut reports: Vec<Report>) -> bool {
    reports.sort_by_key(|report| report.seed);
    let mut batch = Batch::default();
    for report in &reports {
        batch.add(report);
    }
    println!("simulation on the {} store: {}", name(ground), batch.summary());
    let complaints = batch.complaints();
    for complaint in &complaints {
        println!("error: {complaint}");
    }
    if !batch.failed.is_empty() {
        println!("error: failed seeds {:?}", batch.failed);
    }
    batch.failed.is_empty() && complaints.is_empty()
}
