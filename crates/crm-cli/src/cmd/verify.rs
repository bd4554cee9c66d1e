//! `crm verify`: are the CRMs as the store says?

use std::process::ExitCode;

use crm::Settings;
use crm::core::{Field, ProviderId};
use crm::sync::verify::{Difference, FieldCheck, KindCheck, Matter, SideCheck};
use crm::sync::{Approval, Extent, Known, Repair, Verify, VerifyReport};

use super::sync::LEFT;
use crate::args;
use crate::counted::counted;
use crate::error::Failure;
use crate::output;
use crate::progress::Bars;

/// Compares what is there with what is known; lets a sync mend what differs, if that is wanted.
pub(crate) async fn run(settings: &Settings, options: args::Verify) -> Result<ExitCode, Failure> {
    let system = crm::open(settings)?;
    let bars = Bars::new();
    let extent = options.sample.map_or(Extent::Full, Extent::Sample);
    let repair = if options.repair { Repair::Mark } else { Repair::No };
    let first = Verify { extent, repair };
    let mut report = system.engine.verify(crm::new_run(), first, &bars).await?;
    if report.marked > 0 {
        bars.finish();
        let records = counted(report.marked, "record differs", "records differ");
        output::status(&format!("{records}: a sync looks at them"));
        let synced = system.engine.sync(crm::new_run(), Approval::Withheld, &bars).await?;
        output::status(&counted(synced.writes(), "record was written", "records were written"));
        let again = Verify { extent, repair: Repair::No };
        report = system.engine.verify(crm::new_run(), again, &bars).await?;
    }
    bars.finish();
    if options.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    Ok(if report.differences() == 0 { ExitCode::SUCCESS } else { ExitCode::from(LEFT) })
}

fn print(report: &VerifyReport) {
    for (kind, found) in &report.kinds {
        output::line(&format!("{}:", kind.plural()));
        records(found);
        fields(found);
        if !found.samples.is_empty() {
            let rows = found.samples.iter().map(sample).collect();
            output::table(&["connection", "record", "what", "field", "shows", "agreed"], rows);
        }
    }
    let calls = report.calls.iter();
    let calls = calls.map(|(provider, cost)| vec![provider.to_string(), cost.made.to_string()]);
    output::table(&["connection", "calls"], calls.collect());
    let differences = report.differences();
    if differences == 0 {
        output::line("All records agree with what is known of them.");
    } else {
        let told = counted(differences, "difference", "differences");
        output::line(&format!("{told}: `crm verify --repair` lets a sync mend what it can"));
    }
}

fn records(found: &KindCheck) {
    let row = |(provider, side): (&ProviderId, &SideCheck)| {
        let known: Vec<String> =
            side.known.iter().map(|(why, count)| format!("{count} {}", words(why))).collect();
        vec![
            provider.to_string(),
            side.records.to_string(),
            side.unlinked.to_string(),
            side.missing.to_string(),
            side.doubled.to_string(),
            side.returned.to_string(),
            known.join(", "),
        ]
    };
    let head =
        ["connection", "records", "unlinked", "missing", "doubled", "returned", "known apart"];
    output::table(&head, found.connections.iter().map(row).collect());
}

fn fields(found: &KindCheck) {
    let row = |provider: &ProviderId, (field, check): (&Field, &FieldCheck)| {
        let known: Vec<String> =
            check.known.iter().map(|(why, count)| format!("{count} {}", reason(*why))).collect();
        let agreement = match (check.agreement, check.interval) {
            (Some(share), Some([low, high])) => format!("{share:.2} % ({low:.2} to {high:.2})"),
            (Some(share), None) => format!("{share:.2} %"),
            (None, _) => "–".to_owned(),
        };
        vec![
            provider.to_string(),
            field.to_string(),
            check.compared.to_string(),
            check.equal.to_string(),
            check.differing.to_string(),
            agreement,
            known.join(", "),
        ]
    };
    let rows = found.connections.iter().flat_map(|(provider, side)| {
        side.fields.iter().map(move |field| row(provider, field)).collect::<Vec<_>>()
    });
    let head =
        ["connection", "field", "compared", "equal", "differing", "agreement", "known apart"];
    output::table(&head, rows.collect());
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

const fn reason(why: Known) -> &'static str {
    match why {
        Known::Frozen => "in open conflicts",
        Known::Refused => "refused",
        Known::Parked => "parked",
        Known::Pending => "waiting",
        Known::News => "for the next sync",
        Known::Waits => "waiting for a record",
        Known::OneWay => "not written there",
        Known::Settled => "left different",
    }
}

fn sample(found: &Difference) -> Vec<String> {
    let what = match found.what {
        Matter::Changed => "was changed unseen",
        Matter::Behind => "is behind",
        Matter::Unlinked => "belongs to nobody",
        Matter::Missing => "is not there",
        Matter::Doubled => "is a second one",
        Matter::Returned => "is back",
    };
    let text = |value: &Option<String>| match (value, found.field) {
        (Some(value), _) => value.clone(),
        (None, Some(_)) => "blank".to_owned(),
        (None, None) => String::new(),
    };
    vec![
        found.provider.to_string(),
        found.record.to_string(),
        what.to_owned(),
        found.field.map(|field| field.to_string()).unwrap_or_default(),
        text(&found.shown),
        text(&found.agreed),
    ]
}
