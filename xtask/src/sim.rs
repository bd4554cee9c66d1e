//! `cargo xtask sim`: the simulation of the engine, optimised and with its assertions on.

use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::shell::{self, Workspace};

const COMMAND: &[&str] =
    &["run", "-p", "crm-sync", "--example", "simulation", "--profile", "sim", "--"];
/// Seeds that CI runs on the reference store.
const SEEDS_MEMORY: u64 = 10_000;
/// Those of them that run on SQLite too, where each costs more; both must leave the same trace.
const SEEDS_SQLITE: u64 = 2_000;
const OPTIONS: Options =
    Options { task: "sim", known: &["--seeds", "--start", "--store", "--seed"], hint: HINT };
const HINT: &str = "cargo xtask sim [--seeds N] [--start S] [--store memory|sqlite] [--seed S]";

/// Runs what the arguments ask for.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let words = Request::parse(arguments)?.words();
    shell::run(workspace.cargo(COMMAND).args(words))
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
            if !OPTIONS.known.contains(&option) {
                return Err(OPTIONS.unknown(option));
            }
            let value = value
                .or_else(|| words.next())
                .ok_or_else(|| Failure::usage(format!("`{option}` needs a value"), HINT))?;
            match option {
                "--seeds" => request.seeds = Some(OPTIONS.number(option, value)?),
                "--start" => request.start = Some(OPTIONS.number(option, value)?),
                "--seed" => request.seed = Some(OPTIONS.number(option, value)?),
                _ => request.store = Some(store(value)?),
            }
        }
        if request.seed.is_some() && (request.seeds.is_some() || request.start.is_some()) {
            let error = "`--seed` replays one seed; `--seeds` and `--start` run many";
            return Err(Failure::usage(error, HINT));
        }
        Ok(request)
    }

    /// Returns the arguments of the example. Without a store it is the memory store, and the first
    /// seeds run on SQLite too.
    fn words(&self) -> Vec<String> {
        let mut words = vec![("--store", self.store.unwrap_or(Store::Memory).name().to_owned())];
        if let Some(seed) = self.seed {
            words.push(("--seed", seed.to_string()));
        } else {
            let seeds = self.seeds.unwrap_or_else(|| self.store.map_or(SEEDS_MEMORY, Store::seeds));
            words.push(("--seeds", seeds.to_string()));
            if self.store.is_none() {
                words.push(("--shared", seeds.min(SEEDS_SQLITE).to_string()));
            }
        }
        words.extend(self.start.map(|start| ("--start", start.to_string())));
        words.into_iter().flat_map(|(option, value)| [option.to_owned(), value]).collect()
    }
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

    fn words(text: &str) -> String {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Request::parse(&words).unwrap().words().join(" ")
    }

    #[test]
    fn the_gate_runs_both_stores() {
        assert_eq!(words(""), "--store memory --seeds 10000 --shared 2000");
        assert_eq!(words("--seeds 7"), "--store memory --seeds 7 --shared 7");
        assert_eq!(words("--seeds 200000"), "--store memory --seeds 200000 --shared 2000");
        assert_eq!(words("--store sqlite"), "--store sqlite --seeds 2000");
        assert_eq!(
            words("--seeds 7 --start 40 --store memory"),
            "--store memory --seeds 7 --start 40"
        );
    }

    #[test]
    fn a_seed_is_replayed_once() {
        assert_eq!(words("--seed 41"), "--store memory --seed 41");
        assert_eq!(words("--store sqlite --seed=41"), "--store sqlite --seed 41");
    }

    #[test]
    fn wrong_arguments_are_usage_errors() {
        for text in ["--seeds", "--seeds many", "--store redis", "--sed 1", "--seed 1 --seeds 2"] {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            assert_eq!(Request::parse(&words).unwrap_err().code, 2, "{text}");
        }
    }
}
