//! The options of a task: what is not one, and what is no number.

use crate::failure::{Failure, Outcome};
use crate::nearest;

/// The options that a task knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// The task.
    pub(crate) task: &'static str,
    /// Its options.
    pub(crate) known: &'static [&'static str],
    /// How it is called.
    pub(crate) hint: &'static str,
}

impl Options {
    /// Returns what to say of an option that the task does not have.
    pub(crate) fn unknown(&self, option: &str) -> Failure {
        let error = format!("`{}` has no option `{option}`", self.task);
        match nearest::nearest(option, self.known.iter().copied()) {
            Some(known) => Failure::usage(error, format!("did you mean `{known}`?")),
            None => Failure::usage(error, self.hint),
        }
    }

    /// Reads the value of an option that takes a number.
    pub(crate) fn number(&self, option: &str, value: &str) -> Outcome<u64> {
        value.parse().map_err(|error| {
            let error = format!("`{option} {value}` is not a whole number: {error}");
            Failure::usage(error, self.hint)
        })
    }
}
