//! The big simulation: many seeds on all cores, or one seed told in full.
//!
//! `cargo xtask sim` runs it optimised. `--seeds N --start S` runs N seeds from S on, `--seed S`
//! replays one and prints everything; `--store memory|sqlite` chooses the store.

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

use crm_testkit::simulation::{self, Batch, Keep, Report};
use pilot::{EnginePilot, Ground};

/// What the arguments ask for.
struct Request {
    ground: Ground,
    start: u64,
    seeds: u64,
    replay: Option<u64>,
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
            eprintln!("hint: --store memory|sqlite, --seeds N, --start S, --seed S");
            ExitCode::from(2)
        }
    }
}

impl Request {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut request = Self { ground: Ground::Memory, start: 0, seeds: 200, replay: None };
        let mut words = arguments.iter();
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{option}` needs a value"))?;
            let number =
                || value.parse::<u64>().map_err(|error| format!("`{option} {value}`: {error}"));
            match option.as_str() {
                "--store" => request.ground = ground(value)?,
                "--start" => request.start = number()?,
                "--seeds" => request.seeds = number()?,
                "--seed" => request.replay = Some(number()?),
                _ => return Err(format!("there is no option `{option}`")),
            }
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
    let (ground, next) = (request.ground, AtomicU64::new(request.start));
    let end = request.start.saturating_add(request.seeds);
    let reports: Mutex<Vec<Report>> = Mutex::new(Vec::new());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let report = simulation::run(&EnginePilot(ground), seed, Keep::Tail);
                    if !report.verdict.is_good() {
                        println!("{}", simulation::story(&report, name(ground)));
                    }
                    reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
                }
            });
        }
    });
    let mut reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
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
    if batch.failed.is_empty() && complaints.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
