//! `cargo xtask sim`: the simulation of the engine, optimised and with its assertions on.

use crate::failure::{Failure, Outcome};
use crate::nearest;
use crate::shell::{self, Workspace};

const COMMAND: &[&str] =
    &["run", "-p", "crm-sync", "--example", "simulation", "--profile", "sim", "--"];
/// Seeds that CI runs on the reference store; on the file store each seed costs several times more.
const SEEDS_MEMORY: u64 = 2_000;
const SEEDS_SQLITE: u64 = 500;
const OPTIONS: &[&str] = &["--seeds", "--start", "--store", "--seed"];
const HINT: &str = "cargo xtask sim [--seeds N] [--start S] [--store memory|sqlite] [--seed S]";

/// Runs what the arguments ask for, on one store after the other.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    for words in Request::parse(arguments)?.runs() {
        shell::run(workspace.cargo(COMMAND).args(words))?;
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Request {
    seeds: Option<u64>,
    start: Option<u64>,
    seed: Option<u64>,
    store: Option<Store>,
}

#[derive(Clone, Copy, Debug)]
enum Store {
    Memory,
    Sqlite,
}

impl Store {
    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
        }
    }

    fn seeds(self) -> u64 {
        match self {
            Self::Memory => SEEDS_MEMORY,
            Self::Sqlite => SEEDS_SQLITE,
        }
    }
}

impl Request {
    fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut request = Self::default();
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (option, value) = match word.split_once('=') {
                Some((option, value)) => (option, Some(value)),
                None => (word, None),
            };
            if !OPTIONS.contains(&option) {
                return Err(unknown_option(option));
            }
            let value = value
                .or_else(|| words.next())
                .ok_or_else(|| Failure::usage(format!("`{option}` needs a value"), HINT))?;
            match option {
                "--seeds" => request.seeds = Some(number(option, value)?),
                "--start" => request.start = Some(number(option, value)?),
                "--seed" => request.seed = Some(number(option, value)?),
                _ => request.store = Some(store(value)?),
            }
        }
        if request.seed.is_some() && (request.seeds.is_some() || request.start.is_some()) {
            let error = "`--seed` replays one seed; `--seeds` and `--start` run many";
            return Err(Failure::usage(error, HINT));
        }
        Ok(request)
    }

    /// Returns one list of arguments per run of the example.
    fn runs(&self) -> Vec<Vec<String>> {
        let one = |store: Store| {
            let mut words = vec![("--store", store.name().to_owned())];
            if let Some(seed) = self.seed {
                words.push(("--seed", seed.to_string()));
            } else {
                let seeds = self.seeds.unwrap_or_else(|| store.seeds());
                words.push(("--seeds", seeds.to_string()));
            }
            words.extend(self.start.map(|start| ("--start", start.to_string())));
            words.into_iter().flat_map(|(option, value)| [option.to_owned(), value]).collect()
        };
        match (self.store, self.seed) {
            (Some(store), _) => vec![one(store)],
            (None, Some(_)) => vec![one(Store::Memory)],
            (None, None) => vec![one(Store::Memory), one(Store::Sqlite)],
        }
    }
}

fn unknown_option(option: &str) -> Failure {
    let error = format!("`sim` has no option `{option}`");
    match nearest::nearest(option, OPTIONS.iter().copied()) {
        Some(known) => Failure::usage(error, format!("did you mean `{known}`?")),
        None => Failure::usage(error, HINT),
    }
}

fn number(option: &str, value: &str) -> Outcome<u64> {
    value.parse().map_err(|error| {
        Failure::usage(format!("`{option} {value}` is not a whole number: {error}"), HINT)
    })
}

fn store(value: &str) -> Outcome<Store> {
    match value {
        "memory" => Ok(Store::Memory),
        "sqlite" => Ok(Store::Sqlite),
        other => Err(Failure::usage(format!("there is no store called `{other}`"), HINT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(text: &str) -> Vec<String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Request::parse(&words).unwrap().runs().iter().map(|run| run.join(" ")).collect()
    }

    #[test]
    fn the_gate_runs_both_stores() {
        assert_eq!(runs(""), ["--store memory --seeds 2000", "--store sqlite --seeds 500"]);
        assert_eq!(
            runs("--seeds 7 --start 40 --store memory"),
            ["--store memory --seeds 7 --start 40"]
        );
        assert_eq!(runs("--seeds 7"), ["--store memory --seeds 7", "--store sqlite --seeds 7"]);
    }

    #[test]
    fn a_seed_is_replayed_once() {
        assert_eq!(runs("--seed 41"), ["--store memory --seed 41"]);
        assert_eq!(runs("--store sqlite --seed=41"), ["--store sqlite --seed 41"]);
        assert_eq!(runs("--store sqlite"), ["--store sqlite --seeds 500"]);
    }

    #[test]
    fn wrong_arguments_are_usage_errors() {
        for text in ["--seeds", "--seeds many", "--store redis", "--sed 1", "--seed 1 --seeds 2"] {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            assert_eq!(Request::parse(&words).unwrap_err().code, 2, "{text}");
        }
    }
}
