//! `cargo xtask mutants`: whether anybody notices when the engine is broken.
//!
//! The hooks of the mutants are compiled by a compiler that adds `--cfg crm_mutants` for our own
//! crates: this program, in cargo's place for a workspace wrapper. Cargo keeps what such a wrapper
//! made apart from everything else, and the dependencies need not be built again.

mod table;

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::screen;
use crate::shell::{self, Workspace};
use table::Table;

const TESTS: &[&str] = &[
    "test",
    "--quiet",
    "--profile",
    "sim",
    "-p",
    "crm-sync",
    "--test",
    "it",
    "--",
    "--nocapture",
    "--exact",
    "mutants::every_mutant_is_noticed",
];
const HUNT: &[&str] = &[
    "run",
    "--quiet",
    "--profile",
    "sim",
    "-p",
    "crm-sync",
    "--example",
    "simulation",
    "--",
    "--mutants",
];
const HINT: &str =
    "cargo xtask mutants [--seeds N] [--only NAME,…] [--jobs J] [--markdown] [--known] [--write]";
const OPTIONS: Options = Options {
    task: "mutants",
    known: &["--seeds", "--only", "--jobs", "--markdown", "--known", "--write"],
    hint: HINT,
};

/// Seeds of a full hunt: as many as CI runs without a mutant.
const SEEDS: u64 = 10_000;
/// With so many, nobody may survive; with fewer, a share may.
const SEEDS_ALL: u64 = 200_000;
/// How many of a hundred must be noticed.
const SHARE: usize = 85;
/// With the recorded seed to begin at, so many are enough.
const SEEDS_KNOWN: u64 = 300;

/// Runs as the compiler with the hooks of the mutants, if cargo asks for that: it names the real
/// compiler first.
pub(crate) fn compiler(arguments: &[String]) -> Option<ExitCode> {
    let (rustc, rest) = arguments.split_first()?;
    let name = std::path::Path::new(rustc).file_stem()?;
    if name != "rustc" {
        return None;
    }
    let status = Command::new(rustc).args(rest).args(["--cfg", "crm_mutants"]).status();
    Some(if status.is_ok_and(|status| status.success()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Breaks the engine in every way that is asked for, and fails if too few are noticed.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let request = Request::parse(arguments)?;
    let page = table::read(&workspace.root)?;
    let known = Table::parse(&page);
    let mut found = Table::default();
    screen::note("tests of what the simulation does not bring about");
    let mut tests = with_hooks(workspace, TESTS)?;
    // The test fails if a mutant survives, and says so itself.
    listen(&mut tests, |line| found.add(line))?;
    let by_tests: Vec<String> = found.names().map(str::to_owned).collect();
    if by_tests.is_empty() {
        return Err(Failure::new("the tests of the mutants did not run", shell::show(&tests)));
    }
    let except = by_tests.join(",");
    screen::note(&format!("{} found by tests; the simulation begins", by_tests.len()));
    let mut hunt = with_hooks(workspace, HUNT)?;
    hunt.arg(request.names(&known)?).args(["--except", &except]);
    hunt.args(["--seeds", &request.seeds().to_string()]);
    hunt.args(["--jobs", &request.jobs.to_string()]);
    let ended = listen(&mut hunt, |line| {
        screen::note(line);
        found.add(line);
    })?;
    if !ended {
        return Err(Failure::new("the hunt did not end as it should", shell::show(&hunt)));
    }
    if let Some(only) = &request.only {
        found.keep(|name| only.iter().any(|wanted| wanted == name));
    }
    screen::line(&if request.markdown { found.markdown() } else { found.text() });
    if request.write {
        table::write(&workspace.root, &page, &found)?;
    }
    judge(&found, request.seeds())
}

fn judge(found: &Table, seeds: u64) -> Outcome {
    let (killed, total) = (found.killed(), found.len());
    let needed = if seeds >= SEEDS_ALL { total } else { (total * SHARE).div_ceil(100) };
    screen::line(&format!("{killed} of {total} mutants were noticed, {needed} must be"));
    if killed >= needed {
        return Ok(());
    }
    let error = format!("{} mutants survive: {}", total - killed, found.survivors().join(", "));
    Err(Failure::new(error, "teach the checks of the simulation, or write a test"))
}

/// Starts a command line of cargo whose compiler sets the hooks.
fn with_hooks(workspace: &Workspace, words: &[&str]) -> Outcome<Command> {
    let this = env::current_exe().map_err(|error| {
        Failure::new(format!("this program does not find itself: {error}"), "cargo xtask mutants")
    })?;
    let mut command = workspace.cargo(words);
    command.env("RUSTC_WORKSPACE_WRAPPER", this);
    Ok(command)
}

/// Runs a command and hears each line that it prints; returns whether it succeeded.
fn listen(command: &mut Command, mut hear: impl FnMut(&str)) -> Outcome<bool> {
    let shown = shell::show(command);
    let failed = |error: std::io::Error| {
        Failure::new(format!("`{shown}` could not be run: {error}"), shown.clone())
    };
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            hear(&line.map_err(failed)?);
        }
    }
    Ok(child.wait().map_err(failed)?.success())
}

#[derive(Debug)]
struct Request {
    seeds: Option<u64>,
    only: Option<Vec<String>>,
    jobs: u64,
    markdown: bool,
    known: bool,
    write: bool,
}

impl Request {
    fn parse(arguments: &[String]) -> Outcome<Self> {
        let (seeds, only) = (None, None);
        let jobs = std::thread::available_parallelism();
        let jobs = jobs.ok().and_then(|cores| cores.get().try_into().ok()).unwrap_or(1);
        let mut request = Self { seeds, only, jobs, markdown: false, known: false, write: false };
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (option, value) = match word.split_once('=') {
                Some((option, value)) => (option, Some(value)),
                None => (word, None),
            };
            let mut value = || {
                let value = value.or_else(|| words.next());
                value.ok_or_else(|| Failure::usage(format!("`{option}` needs a value"), HINT))
            };
            match option {
                "--seeds" => request.seeds = Some(OPTIONS.number(option, value()?)?),
                "--jobs" => request.jobs = OPTIONS.number(option, value()?)?,
                "--only" => {
                    request.only = Some(value()?.split(',').map(str::to_owned).collect());
                }
                "--markdown" => request.markdown = true,
                "--known" => request.known = true,
                "--write" => request.write = true,
                unknown => return Err(OPTIONS.unknown(unknown)),
            }
        }
        if request.write && (request.only.is_some() || request.known) {
            let error = "`--write` is for all mutants from the first seed on";
            return Err(Failure::usage(error, HINT));
        }
        Ok(request)
    }

    fn seeds(&self) -> u64 {
        self.seeds.unwrap_or(if self.known { SEEDS_KNOWN } else { SEEDS })
    }

    /// Returns the names for the hunt, each with the seed to begin at where that is recorded.
    fn names(&self, known: &Table) -> Outcome<String> {
        let names: Vec<String> = match &self.only {
            Some(only) => only.clone(),
            None if !self.known => return Ok("all".to_owned()),
            None => known.names().map(str::to_owned).collect(),
        };
        if names.is_empty() {
            let hint = "cargo xtask mutants --write";
            return Err(Failure::new(format!("{} has no table of mutants", table::PAGE), hint));
        }
        let seed = |name: &String| known.seed(name).filter(|_| self.known);
        let words = names.iter().map(|name| match seed(name) {
            Some(seed) => format!("{name}={seed}"),
            None => name.clone(),
        });
        Ok(words.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests;
