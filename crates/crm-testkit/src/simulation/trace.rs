//! What the process under test did, as one number and as the last few lines.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// How many lines are kept where nobody wants all.
const TAIL: usize = 20;

/// A hash over everything, and the last lines.
#[derive(Debug)]
pub struct Trace {
    inner: Mutex<Inner>,
    keep: Keep,
}

/// How many lines are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The last few.
    Tail,
    /// All of them.
    All,
}

#[derive(Debug)]
struct Inner {
    hash: Fnv,
    lines: VecDeque<String>,
}

/// FNV-1a, 64 bits, fed with text.
#[derive(Debug)]
struct Fnv(u64);

impl fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

impl Trace {
    /// Makes an empty trace.
    pub const fn new(keep: Keep) -> Self {
        let inner = Inner { hash: Fnv(0xcbf2_9ce4_8422_2325), lines: VecDeque::new() };
        Self { inner: Mutex::new(inner), keep }
    }

    /// Adds a line.
    pub fn line(&self, at: Timestamp, text: fmt::Arguments<'_>) {
        let mut line = String::new();
        // Writing to a string cannot fail.
        if write!(line, "{at} {text}").is_err() {
            return;
        }
        let mut inner = self.inner();
        inner.feed(format_args!("{line}\n"));
        if self.keep == Keep::Tail && inner.lines.len() == TAIL {
            inner.lines.pop_front();
        }
        inner.lines.push_back(line);
    }

    /// Adds a line for whoever wants all; it does not count for the hash.
    pub fn remark(&self, text: fmt::Arguments<'_>) {
        if self.is_verbose() {
            self.inner().lines.push_back(format!("    {text}"));
        }
    }

    /// Adds something to the hash alone.
    pub fn detail(&self, detail: fmt::Arguments<'_>) {
        self.inner().feed(detail);
    }

    /// Returns whether all lines are kept.
    pub fn is_verbose(&self) -> bool {
        self.keep == Keep::All
    }

    /// Returns the hash.
    pub fn hash(&self) -> u64 {
        self.inner().hash.0
    }

    /// Returns the lines that were kept.
    pub fn lines(&self) -> Vec<String> {
        self.inner().lines.iter().cloned().collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn feed(&mut self, detail: fmt::Arguments<'_>) {
        let fed = self.hash.write_fmt(detail);
        debug_assert!(fed.is_ok(), "hashing cannot fail");
    }
}
