//! What a task says when it stops: one `error:` line and a `hint:` that can be typed.

use std::fmt;

/// The end of a task that did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// One clear line.
    pub(crate) error: String,
    /// What to do about it.
    pub(crate) hint: String,
    /// The exit code: 1 failed, 2 wrong usage.
    pub(crate) code: u8,
}

/// What every task returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Makes a failure of the work itself.
    pub(crate) fn new(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: hint.into(), code: 1 }
    }

    /// Makes a failure of the command line.
    pub(crate) fn usage(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: hint.into(), code: 2 }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "error: {}\nhint: {}", self.error, self.hint)
    }
}
