//! The only place that prints. Data goes to stdout, everything else to stderr.
//! A reader that goes away (`crm status | head`) is no error.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::error::Failure;

/// Whether colours and moving bars are unwanted.
static PLAIN: AtomicBool = AtomicBool::new(false);

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
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && colour)
        .init();
}

/// Returns whether bars may move on stderr.
pub(crate) fn is_lively() -> bool {
    std::io::stderr().is_terminal() && !PLAIN.load(Ordering::Relaxed)
}

/// Prints a value as JSON, keys sorted.
pub(crate) fn json(value: &impl Serialize) -> Result<(), serde_json::Error> {
    let sorted = serde_json::to_value(value)?;
    line(&serde_json::to_string_pretty(&sorted)?);
    Ok(())
}

/// Prints a line of data.
pub(crate) fn line(text: &str) {
    // Nobody reads any more: there is nobody to tell.
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// Prints a remark.
pub(crate) fn note(text: &str) {
    status(&format!("note: {text}"));
}

/// Tells how work goes on.
pub(crate) fn status(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
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
