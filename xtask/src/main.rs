//! Development tasks of this workspace: `cargo xtask WORD`.
//!
//! Imports none of our crates and reads their TOML instead, so that it compiles in seconds and
//! can repair a tree that does not build.

mod bench;
mod ci;
mod codegen;
mod failure;
mod mutants;
mod nearest;
mod options;
mod screen;
mod shell;
mod sim;
mod test;
mod tidy;
mod tree;

use std::process::ExitCode;

use failure::{Failure, Outcome};
use shell::Workspace;

const USAGE: &str = "\
Development tasks of this workspace.

Usage: cargo xtask WORD [ARGUMENTS]

Words:
  ci                  run every gate, cheapest first; stops at the first failure
  test [ARGS]         run all tests, with nextest if it is installed, else with cargo test
  tidy                check dependencies, rooms, files, fixtures, links, licences
  codegen [--check]   compile schema.toml and the provider.toml files; --check only compares
  sim [--seeds N] [--start S] [--store memory|sqlite] [--seed S]
                      run the simulation of the engine; without arguments as CI runs it
  mutants [--seeds N] [--only NAME,…] [--jobs J] [--markdown] [--known] [--write]
                      break the engine in every known way, and see who notices
  bench [ARGS]        run the benchmark in a release build
";

/// The words, for the hint after a misspelt one.
const WORDS: &[&str] = &["ci", "test", "tidy", "codegen", "sim", "mutants", "bench"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(ended) = mutants::compiler(&arguments) {
        return ended;
    }
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            screen::error(&failure);
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(arguments: &[String]) -> Outcome {
    let Some((word, rest)) = arguments.split_first() else {
        return Err(Failure::usage("no task was named", "cargo xtask --help"));
    };
    let asks_for_help = is_help(word) || rest.first().is_some_and(|flag| is_help_flag(flag));
    if asks_for_help {
        screen::line(USAGE.trim_end());
        return Ok(());
    }
    let workspace = Workspace::find()?;
    match word.as_str() {
        "ci" => {
            no_more("ci", rest)?;
            ci::run(&workspace)
        }
        "test" => test::run(&workspace, rest),
        "tidy" => {
            no_more("tidy", rest)?;
            tidy::run(&workspace)
        }
        "codegen" => codegen::run(&workspace, rest),
        "sim" => sim::run(&workspace, rest),
        "mutants" => mutants::run(&workspace, rest),
        "bench" => bench::run(&workspace, rest),
        unknown => Err(unknown_word(unknown)),
    }
}

fn is_help(word: &str) -> bool {
    word == "help" || is_help_flag(word)
}

fn is_help_flag(word: &str) -> bool {
    matches!(word, "--help" | "-h")
}

fn no_more(word: &str, rest: &[String]) -> Outcome {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(Failure::usage(
            format!("`{word}` takes no arguments, but got `{extra}`"),
            format!("cargo xtask {word}"),
        )),
    }
}

fn unknown_word(word: &str) -> Failure {
    let error = format!("there is no task called `{word}`");
    match nearest::nearest(word, WORDS.iter().copied()) {
        Some(known) => Failure::usage(error, format!("did you mean `cargo xtask {known}`?")),
        None => Failure::usage(error, "cargo xtask --help"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_misspelt_word_is_refused_with_the_nearest_one() {
        let failure = dispatch(&words("tydy")).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(failure.hint.contains("cargo xtask tidy"), "{}", failure.hint);
    }

    #[test]
    fn a_word_like_no_other_points_at_the_help() {
        let failure = dispatch(&words("elephants")).unwrap_err();
        assert_eq!((failure.code, failure.hint.as_str()), (2, "cargo xtask --help"));
    }

    #[test]
    fn help_is_no_filter_of_tests() {
        assert!(is_help("help") && is_help_flag("-h") && !is_help_flag("help"));
    }

    #[test]
    fn no_word_is_a_usage_error() {
        assert_eq!(dispatch(&[]).unwrap_err().code, 2);
    }

    #[test]
    fn surplus_arguments_are_refused_before_anything_runs() {
        assert_eq!(dispatch(&words("ci now")).unwrap_err().code, 2);
        assert_eq!(dispatch(&words("tidy --fix")).unwrap_err().code, 2);
    }

    #[test]
    fn every_word_is_in_the_usage() {
        assert!(WORDS.iter().all(|word| USAGE.contains(&format!("\n  {word}"))));
    }
}
