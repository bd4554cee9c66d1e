//! `crm erase`: erases a person's data, and shows what was erased.
//!
//! Nothing that is printed names the person: output ends up in logs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use crm::Settings;
use crm::core::ProviderId;
use crm::store::{Erasure, ErasureStage, RecordFate};
use crm::sync::{Erase, EraseMode, EraseReport, Records, explain};

use super::stored;
use super::sync::LEFT;
use crate::args;
use crate::counted::counted;
use crate::error::Failure;
use crate::output;
use crate::progress::Bars;

/// Erases entities, or shows what that would do; ends what was begun.
pub(crate) async fn run(settings: &Settings, options: args::Erase) -> Result<ExitCode, Failure> {
    let system = crm::open(settings)?;
    let bars = Bars::new();
    if options.resume {
        let stuck = system.engine.resume_erasures(crm::new_run(), &bars).await;
        bars.finish();
        let stuck = stuck?;
        if options.json {
            output::json(&stuck)?;
        } else if stuck.is_empty() {
            output::line("Nothing is left to be erased.");
        }
        return Ok(left(&stuck));
    }
    let kind = stored::kind(options.kind.as_deref().unwrap_or_default())?;
    let who = options.who.as_deref().unwrap_or_default();
    let entities = explain::find(&*system.store, kind, who).await?;
    if entities.is_empty() {
        return Err(Failure::new(
            "nobody is known by that",
            "name an e-mail address, an entity's id, or PROVIDER:RECORD, such as hubspot:101",
        ));
    }
    let records = if options.keep_records { Records::Keep } else { settings.erase_records };
    let mode = if options.yes { EraseMode::Do } else { EraseMode::Plan };
    let what = Erase { kind, entities, records, mode };
    let report = system.engine.erase(what, crm::new_run(), &bars).await;
    bars.finish();
    let report = report?;
    if options.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    Ok(left(&report.stuck))
}

/// Returns the exit code; says what could not be ended.
fn left(stuck: &BTreeMap<ProviderId, String>) -> ExitCode {
    for (provider, why) in stuck {
        output::status(&format!("records are still in {provider}: {why}"));
    }
    if stuck.is_empty() {
        return ExitCode::SUCCESS;
    }
    output::status("hint: the next `crm sync` or `crm erase --resume` tries again");
    ExitCode::from(LEFT)
}

fn print(report: &EraseReport) {
    let entities = counted(report.entities, "entity", "entities");
    let with = "with all values, history, journal and conflicts";
    let done = report.mode == EraseMode::Do;
    let was = if done { "erased" } else { "would be erased" };
    output::line(&format!("{} {entities} {was}, {with}.", report.kind.name()));
    let rows = report.records.iter().map(|record| {
        vec![record.provider.to_string(), record.record.to_string(), fate(record.fate).to_owned()]
    });
    if !report.records.is_empty() {
        output::table(&["connection", "record", "is to be"], rows.collect());
    }
    if report.announced > 0 {
        let creates = counted(report.announced, "create", "creates");
        output::line(&format!("{creates} under way: the record is looked for and deleted too."));
    }
    for (kind, count) in &report.referring {
        let kind = if *count == 1 { kind.name() } else { kind.plural() };
        output::line(&format!("{count} {kind} without the reference, and with all else."));
    }
    if report.records.iter().any(|record| record.fate == RecordFate::Archived) {
        output::line("The recycle bin of a CRM is emptied there.");
    }
    match &report.erasure {
        Some(erasure) => proof(erasure),
        None => output::line("Nothing was done: --yes does it, and it cannot be taken back."),
    }
}

fn proof(erasure: &Erasure) {
    output::line(&format!("{}: {}", erasure.run, stage(erasure)));
    for digest in &erasure.digests {
        output::line(&format!("  {digest}"));
    }
}

/// Lists what was erased.
pub(crate) async fn list(database: &Path, json: bool) -> Result<ExitCode, Failure> {
    let store = stored::open(database)?;
    let erasures = store.erasures().await?;
    if json {
        let rows: Vec<serde_json::Value> =
            erasures.iter().map(told).collect::<Result<_, serde_json::Error>>()?;
        output::json(&rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    if erasures.is_empty() {
        output::line("Nothing was erased.");
        return Ok(ExitCode::SUCCESS);
    }
    let rows = erasures.iter().map(|erasure| {
        let fates = erasure.fates.iter().flat_map(|(provider, fates)| {
            fates.iter().map(move |(done, count)| format!("{provider}: {count} {}", fate(*done)))
        });
        let digests: Vec<String> = erasure.digests.iter().map(ToString::to_string).collect();
        vec![
            super::status::second_of(erasure.at),
            erasure.kind.name().to_owned(),
            stage(erasure).to_owned(),
            fates.collect::<Vec<_>>().join("\n"),
            digests.join("\n"),
        ]
    });
    output::table(&["erased", "kind", "state", "records", "hashes"], rows.collect());
    Ok(ExitCode::SUCCESS)
}

fn told(erasure: &Erasure) -> Result<serde_json::Value, serde_json::Error> {
    let mut row = serde_json::to_value(erasure)?;
    if let Some(row) = row.as_object_mut() {
        let digests = erasure.digests.iter().map(ToString::to_string);
        row.insert("digests".to_owned(), digests.collect::<Vec<_>>().into());
    }
    Ok(row)
}

const fn fate(fate: RecordFate) -> &'static str {
    match fate {
        RecordFate::Deleted => "deleted",
        RecordFate::Archived => "deleted, into the recycle bin",
        RecordFate::Gone => "not there any more",
        RecordFate::Kept => "kept",
        RecordFate::Undeletable => "kept: deletes are not possible there",
    }
}

const fn stage(erasure: &Erasure) -> &'static str {
    match erasure.stage {
        ErasureStage::Records => "records are still to be deleted",
        ErasureStage::File => "the store's file is still to be rewritten",
        ErasureStage::Done => "nothing is left",
    }
}
