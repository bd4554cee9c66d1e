//! `crm sync`: bring all CRMs in step.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use crm::Settings;
use crm::core::Value;
use crm::store::Stage;
use crm::sync::{Approval, FirstSync, Outcome, Report};

use super::plan;
use crate::args;
use crate::error::Failure;
use crate::output;
use crate::progress::Bars;

/// The exit code of a run that left something: open conflicts, parked records, waiting work.
pub(crate) const LEFT: u8 = 3;

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
        output::json(&report)?;
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

fn asked(question: &str) -> bool {
    output::status(question);
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
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
        for (count, what) in [
            (done.waiting, "records wait for another attempt: run `crm sync` again"),
            (done.parked, "records or fields were not accepted: see `crm status`"),
            (done.open_conflicts, "conflicts wait for a person: see `crm status`"),
        ] {
            if count > 0 {
                output::line(&format!("{count} {what}"));
            }
        }
    }
    for conflict in report.conflicts.iter().take(10) {
        let sides: Vec<String> = conflict
            .contenders
            .iter()
            .map(|side| {
                let name = side.provider.as_ref().map_or("golden record", |p| p.as_str());
                let value = side.value.as_ref().map_or_else(|| "blank".to_owned(), Value::display);
                format!("{name}: {value}")
            })
            .collect();
        let chosen =
            conflict.chosen.as_ref().map_or_else(|| "nobody yet".to_owned(), Value::display);
        output::line(&format!(
            "conflict about {}: {} → {chosen} ({})",
            conflict.field,
            sides.join(" | "),
            conflict.rule
        ));
    }
    let calls = report.calls.iter().map(|(provider, cost)| {
        vec![provider.to_string(), cost.made.to_string(), cost.bound.to_string()]
    });
    output::table(&["connection", "calls", "lower bound"], calls.collect());
}
