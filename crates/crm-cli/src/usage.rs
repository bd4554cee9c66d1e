//! Wrong usage: what clap finds, told like every other failure in one `error:` and one `hint:`.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::args::Args;
use crate::error::Failure;

/// What the command line asks for.
pub(crate) enum Asked {
    /// Work.
    Work(Args),
    /// A text of clap's own, which it is to print: help or the version.
    Text(clap::Error),
    /// Something that cannot be.
    Wrong(Failure),
}

/// Reads the command line.
pub(crate) fn asked() -> Asked {
    let error = match Args::try_parse() {
        Ok(args) => return Asked::Work(args),
        Err(error) => error,
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "foreign, and grows")]
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Asked::Text(error),
        _ => Asked::Wrong(Failure::usage(message(&error), hint(&error))),
    }
}

/// Returns what is wrong: the first paragraph of what clap says.
fn message(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}

/// Returns the word that was perhaps meant, else where the right ones are.
fn hint(error: &clap::Error) -> String {
    let near =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue]
            .into_iter()
            .find_map(|kind| error.get(kind).and_then(first_word));
    match near {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("see `{} --help`", command_named()),
    }
}

fn first_word(value: &ContextValue) -> Option<&str> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "foreign: other values hold no words")]
    match value {
        ContextValue::String(word) => Some(word),
        ContextValue::Strings(words) => words.first().map(String::as_str),
        _ => None,
    }
}

/// Returns the command whose help has an answer: `crm sync`, or `crm` where none is named.
fn command_named() -> String {
    let known = Args::command();
    let mut words = std::env::args_os().skip(1);
    let named = words.find_map(|word| {
        let word = word.to_str()?;
        known.find_subcommand(word).map(|command| format!("crm {}", command.get_name()))
    });
    named.unwrap_or_else(|| "crm".to_owned())
}
