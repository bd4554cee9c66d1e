//! The only place that prints. Data goes to stdout, everything else to stderr.
//! A reader that goes away (`crm status | head`) is no error; data that is lost otherwise is.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::error::Failure;

/// Whether colours and moving bars are unwanted.
static PLAIN: AtomicBool = AtomicBool::new(false);
/// Why data could not be written, the first time.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// How much is shown, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// How often `-v` was given.
    pub(crate) verbose: u8,
    /// Whether colours are wanted where they are possible.
    pub(crate) colour: bool,
}

/// Sets up logs on stderr: quiet unless asked.
pub(crate) fn begin(style: Style) {
    let colour = style.colour && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    PLAIN.store(!colour, Ordering::Relaxed);
    let level = match style.verbose {
        0 => "error",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("CRM_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && colour)
        .init();
}

/// Returns whether bars may move on stderr.
pub(crate) fn is_lively() -> bool {
    io::stderr().is_terminal() && !PLAIN.load(Ordering::Relaxed)
}

/// Prints a value as JSON, keys sorted.
pub(crate) fn json(value: &impl Serialize) -> Result<(), serde_json::Error> {
    let sorted = serde_json::to_value(value)?;
    line(&serde_json::to_string_pretty(&sorted)?);
    Ok(())
}

/// Prints a line of data.
pub(crate) fn line(text: &str) {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    if let Err(error) = written
        && !is_gone(&error)
    {
        LOST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// Returns whether nobody reads any more: then there is nobody to tell.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Returns the failure of data that could not be written, if there was any.
pub(crate) fn lost() -> Option<Failure> {
    LOST.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(unwritten)
}

/// Makes the failure of data that could not be written.
pub(crate) fn unwritten(error: &io::Error) -> Failure {
    let hint = "free some space, or send the output elsewhere; `crm status` shows what was done";
    Failure::new(format!("the output cannot be written: {error}"), hint)
}

/// Prints a remark.
pub(crate) fn note(text: &str) {
    status(&format!("note: {text}"));
}

/// Tells how work goes on.
pub(crate) fn status(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Prints a table.
pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(head.iter().copied());
    table.add_rows(rows);
    line(&table.to_string());
}

/// Prints what went wrong and what to do.
pub(crate) fn failure(failure: &Failure) {
    for (message, hint) in &failure.lines {
        status(&format!("error: {}", one_line(message)));
        if let Some(hint) = hint {
            status(&format!("hint: {}", one_line(hint)));
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
