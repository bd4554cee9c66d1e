//! `crm sync`: bring all CRMs in step.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use crm::Settings;
use crm::store::Stage;
use crm::sync::{Approval, FirstSync, Outcome, Report, SchemaChange, SchemaDrift};

use super::plan;
use super::told::Told;
use crate::args;
use crate::counted::counted;
use crate::error::Failure;
use crate::output;
use crate::progress::Bars;

/// The exit code of a run that left something: open conflicts, parked records, waiting work.
pub(crate) const LEFT: u8 = 3;

/// The most conflicts that are shown on a terminal.
const CONFLICTS_MAX: usize = 10;

/// Runs a sync and prints its report.
pub(crate) async fn run(settings: &Settings, options: args::Sync) -> Result<ExitCode, Failure> {
    let system = crm::open(settings)?;
    let bars = Bars::new();
    let mut approval = if options.yes { Approval::Given } else { Approval::Withheld };
    let auto = settings.first_sync == FirstSync::Auto;
    if approval == Approval::Withheld && !auto && is_first(&system, settings).await? {
        let asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if asks {
            let planned = system.engine.plan(crm::new_run(), &bars).await;
            bars.finish();
            plan::print(&planned?);
            if !asked("Carry out this plan? [y/N] ") {
                output::status("Nothing was written.");
                return Ok(ExitCode::FAILURE);
            }
            approval = Approval::Given;
        }
    }
    let report = system.engine.sync(crm::new_run(), approval, &bars).await;
    bars.finish();
    let report = report?;
    if options.json {
        output::json(&json(&report)?)?;
    } else {
        print(&report);
    }
    Ok(match report.outcome() {
        Outcome::Success => ExitCode::SUCCESS,
        Outcome::Partial => ExitCode::from(LEFT),
    })
}

async fn is_first(system: &crm::System, settings: &Settings) -> Result<bool, Failure> {
    for flow in settings.flows.iter().filter(|flow| flow.enabled) {
        if system.store.stage(flow.kind).await? != Stage::Live {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(crate) fn asked(question: &str) -> bool {
    output::status(question);
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Returns a report as `--json` prints it.
pub(crate) fn json(report: &Report) -> Result<serde_json::Value, serde_json::Error> {
    let mut json = serde_json::to_value(report)?;
    let told = report.conflicts.iter().map(|conflict| Told::of(conflict, None));
    let told = serde_json::to_value(told.collect::<Vec<_>>())?;
    if let Some(report) = json.as_object_mut() {
        report.insert("conflicts".to_owned(), told);
    }
    Ok(json)
}

/// Prints a report as tables.
pub(crate) fn print(report: &Report) {
    for (kind, done) in &report.kinds {
        output::line(&format!(
            "{}: {} created, {} updated, {} linked, {} unlinked, {} unchanged",
            kind.plural(),
            done.created,
            done.updated,
            done.linked,
            done.unlinked,
            done.unchanged
        ));
        if done.created + done.updated > 0 {
            output::table(&["action", "where", "records"], plan::actions(&done.done));
        }
        for (count, one, many, then) in [
            (
                done.waiting,
                "record waits",
                "records wait",
                "for another attempt: run `crm sync` again",
            ),
            (
                done.parked,
                "record or field was",
                "records or fields were",
                "not accepted: see `crm status`",
            ),
            (
                done.open_conflicts,
                "conflict waits",
                "conflicts wait",
                "for a person: see `crm status`",
            ),
        ] {
            if count > 0 {
                output::line(&format!("{} {then}", counted(count, one, many)));
            }
        }
    }
    for drift in &report.drift {
        let SchemaDrift { provider, kind, field, change } = drift;
        let what = match change {
            SchemaChange::Lost => {
                "is not there any more: it is left alone until it is back (see `crm check`)"
            }
            SchemaChange::Gained => "takes part from now on",
        };
        output::line(&format!("{provider}: {field} of {} {what}", kind.plural()));
    }
    for (provider, paused) in &report.paused {
        output::line(&format!("{provider} was left out: {}", paused.message));
        if let Some(hint) = &paused.hint {
            output::line(&format!("  {hint}; then run `crm sync` again"));
        }
    }
    if !report.conflicts.is_empty() {
        let shown = report.conflicts.iter().take(CONFLICTS_MAX);
        let rows = shown.map(|conflict| Told::of(conflict, None).row().split_off(1));
        output::table(&["conflict", "sides", "chosen", "rule"], rows.collect());
        if report.conflicts.len() > CONFLICTS_MAX {
            let more = report.conflicts.len() - CONFLICTS_MAX;
            output::line(&format!("… and {more} more: see `crm status`"));
        }
    }
    let calls = report.calls.iter().map(|(provider, cost)| {
        vec![provider.to_string(), cost.made.to_string(), cost.bound.to_string()]
    });
    output::table(&["connection", "calls", "lower bound"], calls.collect());
}
