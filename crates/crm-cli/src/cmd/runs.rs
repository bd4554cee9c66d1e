//! `crm runs`: which runs there were, what they did, and why they failed.

use std::path::Path;
use std::process::ExitCode;

use crm::core::RunId;
use crm::store::{Run, Store};

use super::stored;
use crate::args;
use crate::error::Failure;
use crate::output;

/// How many runs are looked through for one.
const RUNS_MAX: usize = 100_000;

/// Lists the newest runs.
pub(crate) async fn run(database: &Path, options: args::Runs) -> Result<ExitCode, Failure> {
    let store = stored::open(database)?;
    let runs = store.runs(options.limit).await?;
    if options.json {
        output::json(&runs)?;
        return Ok(ExitCode::SUCCESS);
    }
    if runs.is_empty() {
        output::line("No run wrote anything yet.");
        return Ok(ExitCode::SUCCESS);
    }
    output::table(&["run", "began", "status", "did"], runs.iter().map(row).collect());
    Ok(ExitCode::SUCCESS)
}

fn row(run: &Run) -> Vec<String> {
    let mut status = format!("{:?}", run.status).to_lowercase();
    if let Some(error) = &run.error {
        status = format!("{status}: {error}");
    }
    let did = run.counters.iter().filter(|(_, count)| **count > 0);
    let did: Vec<String> =
        did.map(|(name, count)| format!("{} {count}", name.replace('_', " "))).collect();
    vec![run.id.to_string(), super::status::second_of(run.started), status, did.join(", ")]
}

/// Finds the run that a person means: by its id, by the beginning of it, or as the last one that
/// could be taken back.
pub(crate) async fn find(store: &dyn Store, text: &str) -> Result<RunId, Failure> {
    let runs = store.runs(RUNS_MAX).await?;
    let named = |run: &&Run| run.id.to_string().starts_with(text);
    let found: Vec<&Run> = match text {
        "last" => runs.iter().take(1).collect(),
        _ => runs.iter().filter(named).collect(),
    };
    match found.as_slice() {
        [one] => Ok(one.id),
        [] => Err(Failure::new(format!("no run is called `{text}`"), "see `crm runs`")),
        several => Err(Failure::new(
            format!("{} runs begin with `{text}`", several.len()),
            "type more of its id; see `crm runs`",
        )),
    }
}
