//! The only place that prints: results to stdout, errors to stderr.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the terminal is the interface")]

use crate::failure::Failure;

/// Prints one line of result.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints one line about what is being done.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Prints the error and its hint.
pub(crate) fn error(failure: &Failure) {
    eprintln!("{failure}");
}
