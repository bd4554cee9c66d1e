//! `crm undo`: takes back what a run wrote, where nobody edited it since.

use std::process::ExitCode;

use crm::Settings;
use crm::core::Value;
use crm::sync::{Left, Stays, UndoMode, UndoReport, Undone};

use super::sync::LEFT;
use crate::args;
use crate::error::Failure;
use crate::output;
use crate::progress::Bars;

/// The most lines of a table on a terminal.
const LINES_MAX: usize = 20;

/// Takes a run back, or shows what that would do.
pub(crate) async fn run(settings: &Settings, options: args::Undo) -> Result<ExitCode, Failure> {
    let system = crm::open(settings)?;
    let target = super::runs::find(&*system.store, &options.run).await?;
    let mode = if options.plan { UndoMode::Plan } else { UndoMode::Do };
    let bars = Bars::new();
    let report = system.engine.undo(target, crm::new_run(), mode, &bars).await;
    bars.finish();
    let report = report?;
    if options.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    let whole = report.stays.is_empty() && report.open == 0;
    Ok(if whole || options.plan { ExitCode::SUCCESS } else { ExitCode::from(LEFT) })
}

fn print(report: &UndoReport) {
    let would = match report.mode {
        UndoMode::Plan => "would be ",
        UndoMode::Do => "",
    };
    let needs = if would.is_empty() { "needs" } else { "would need" };
    let mut rows = Vec::new();
    for (provider, fields) in &report.restored {
        for (field, count) in fields {
            let what = format!("{field} {would}restored");
            rows.push(vec![provider.to_string(), what, count.to_string()]);
        }
    }
    for (provider, count) in &report.archived {
        let what = format!("record {would}archived");
        rows.push(vec![provider.to_string(), what, count.to_string()]);
    }
    if rows.is_empty() {
        output::line("There is nothing to take back.");
    } else {
        output::table(&["connection", "what", "count"], rows);
    }
    if report.mode == UndoMode::Plan && !report.samples.is_empty() {
        let rows = report.samples.iter().map(sample);
        output::table(&["record", "connection", "field", "now", "then"], rows.collect());
    }
    if !report.left.is_empty() {
        let rows = report.left.iter().take(LINES_MAX).map(left);
        output::table(&["record", "connection", "field", "stays because"], rows.collect());
        if report.left.len() > LINES_MAX {
            let more = report.left.len() - LINES_MAX;
            output::line(&format!("… and {more} more: see --json"));
        }
    }
    if report.open > 0 {
        output::line(&format!(
            "{} writes were not answered: run `crm undo {}` again",
            report.open, report.undone
        ));
    }
    for kind in &report.approve_again {
        let kind = kind.plural();
        output::line(&format!("The next sync of {kind} {needs} a new approval: see `crm plan`."));
    }
}

fn sample(undone: &Undone) -> Vec<String> {
    let field = undone.field.map_or_else(|| "(record)".to_owned(), |field| field.to_string());
    let shown =
        |value: &Option<Value>| value.as_ref().map_or_else(|| "blank".to_owned(), Value::display);
    let then = undone.field.map_or_else(|| "archived".to_owned(), |_| shown(&undone.to));
    vec![undone.label.clone(), undone.provider.to_string(), field, shown(&undone.from), then]
}

fn left(left: &Left) -> Vec<String> {
    let field = left.field.map_or_else(|| "(record)".to_owned(), |field| field.to_string());
    let why = match left.why {
        Stays::EditedSince => "edited since",
        Stays::Gone => "deleted, merged or tied to another since",
        Stays::Required => "the field must not be blank there",
        Stays::NoImage => "nobody knows what was there before",
        Stays::Deleted => "the run deleted it: restore it in the CRM",
        Stays::Refused => "refused",
    };
    let why = match &left.message {
        Some(message) => format!("{why}: {message}"),
        None => why.to_owned(),
    };
    vec![left.label.clone(), format!("{} {}", left.provider, left.remote), field, why]
}
