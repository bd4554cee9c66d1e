//! The only place that prints. Data goes to stdout, everything else to stderr.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is where output happens")]

use std::io::IsTerminal;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::error::Failure;

/// Sets up logs on stderr: quiet unless asked.
pub(crate) fn logging(verbose: u8) {
    let level = match verbose {
        0 => "error",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("CRM_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .init();
}

/// Prints a value as JSON, keys sorted.
pub(crate) fn json(value: &impl Serialize) -> Result<(), serde_json::Error> {
    let sorted = serde_json::to_value(value)?;
    println!("{}", serde_json::to_string_pretty(&sorted)?);
    Ok(())
}

/// Prints a line of data.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints a remark.
pub(crate) fn note(text: &str) {
    eprintln!("note: {text}");
}

/// Tells how work goes on.
pub(crate) fn status(text: &str) {
    eprintln!("{text}");
}

/// Prints a table.
pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(head.iter().copied());
    table.add_rows(rows);
    println!("{table}");
}

/// Prints what went wrong and what to do.
pub(crate) fn failure(failure: &Failure) {
    for (message, hint) in &failure.lines {
        eprintln!("error: {message}");
        if let Some(hint) = hint {
            eprintln!("hint: {hint}");
        }
    }
}
