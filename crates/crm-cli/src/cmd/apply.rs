//! `crm apply`: carries a written plan out, that and nothing else.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;

use crm::Settings;
use crm::sync::{Applied, Outcome, PlanHead, PlanItem, Unapplied, Why};

use super::sync::{LEFT, asked};
use super::{plan, sync};
use crate::args;
use crate::counted::counted;
use crate::error::Failure;
use crate::output;
use crate::progress::Bars;

/// The most lines of a table on a terminal.
const LINES_MAX: usize = 20;

/// Carries a plan out and prints what became of it.
pub(crate) async fn run(settings: &Settings, options: args::Apply) -> Result<ExitCode, Failure> {
    if !options.yes {
        let (head, counts) = looked_at(&options)?;
        let asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if !asks {
            let hint = "look at the file, then approve it with --yes";
            return Err(Failure::new("nobody approved the plan", hint));
        }
        let rows =
            counts.into_iter().map(|((kind, what), count)| vec![kind, what, count.to_string()]);
        output::table(&["kind", "write", "records"], rows.collect());
        let accounts: Vec<String> =
            head.accounts.iter().map(|(name, account)| format!("{name} ({account})")).collect();
        if !asked(&format!("Write this to {}? [y/N] ", accounts.join(", "))) {
            output::status("Nothing was written.");
            return Ok(ExitCode::FAILURE);
        }
    }
    let system = crm::open(settings)?;
    let bars = Bars::new();
    let applied = system.engine.apply(&options.file, crm::new_run(), &bars).await;
    bars.finish();
    let applied = applied?;
    if options.json {
        output::json(&json(&applied)?)?;
    } else {
        print(&applied);
    }
    Ok(match applied.outcome() {
        Outcome::Success => ExitCode::SUCCESS,
        Outcome::Partial => ExitCode::from(LEFT),
    })
}

/// How many writes a file has, by kind and what is done where.
type Counts = BTreeMap<(String, String), u64>;

/// Counts what a file has, for whoever is asked about it. Whether it is whole, the engine finds
/// out.
fn looked_at(options: &args::Apply) -> Result<(PlanHead, Counts), Failure> {
    use std::io::BufRead;
    let hint = "name a file that `crm plan -o FILE` wrote";
    let unread =
        |error: std::io::Error| Failure::new(format!("{}: {error}", options.file.display()), hint);
    let foreign = || Failure::new("this file is no plan of crm", hint);
    let file = std::fs::File::open(&options.file).map_err(unread)?;
    let mut lines = std::io::BufReader::new(file).lines();
    let first = lines.next().ok_or_else(foreign)?.map_err(|_no_text| foreign())?;
    let head: PlanHead = serde_json::from_str(&first).map_err(|_no_head| foreign())?;
    let mut counts = Counts::new();
    for line in lines {
        let line = line.map_err(unread)?;
        if let Ok(item) = serde_json::from_str::<PlanItem>(&line) {
            let what = format!("{} {}", item.action.name(), item.connection);
            *counts.entry((item.kind.plural().to_owned(), what)).or_default() += 1;
        }
    }
    Ok((head, counts))
}

fn json(applied: &Applied) -> Result<serde_json::Value, serde_json::Error> {
    let mut json = serde_json::to_value(applied)?;
    let report = sync::json(&applied.report)?;
    if let (Some(json), Some(conflicts)) = (json.as_object_mut(), report.get("conflicts")) {
        json.insert("conflicts".to_owned(), conflicts.clone());
    }
    Ok(json)
}

fn print(applied: &Applied) {
    if let Some(run) = applied.already {
        output::line(&format!("The plan was applied before, by run {run}: nothing was done."));
        return;
    }
    for (kind, done) in &applied.report.kinds {
        if done.created + done.updated > 0 {
            let (created, updated) = (done.created, done.updated);
            output::line(&format!("{}: {created} created, {updated} updated", kind.plural()));
            output::table(&["action", "where", "records"], plan::actions(&done.done));
        }
    }
    output::line(&format!(
        "{} of {} carried out",
        applied.carried_out,
        counted(applied.planned, "planned write", "planned writes")
    ));
    if applied.left.is_empty() {
        return;
    }
    let rows = applied.left.iter().take(LINES_MAX).map(left);
    output::table(&["record", "connection", "write", "fields", "left because"], rows.collect());
    let more = applied.stays.values().sum::<u64>();
    let more = more.saturating_sub(u64::try_from(LINES_MAX).unwrap_or(u64::MAX));
    if more > 0 {
        output::line(&format!("… and {more} more: see --json"));
    }
    if applied.stays.contains_key(&Why::Waits) {
        output::line("What waits goes on with the same `crm apply`.");
    }
    if applied.stays.keys().any(|why| matches!(why, Why::Moved | Why::Overtaken)) {
        output::line("What moved is looked at again by `crm plan` or `crm sync`.");
    }
}

fn left(left: &Unapplied) -> Vec<String> {
    let fields: Vec<String> = left.fields.iter().map(ToString::to_string).collect();
    let why = match left.why {
        Why::Moved => "changed since the plan was made",
        Why::Refused => "refused",
        Why::Waits => "waits",
        Why::Overtaken => "something else would be written by now",
    };
    let why = match &left.message {
        Some(message) => format!("{why}: {message}"),
        None => why.to_owned(),
    };
    vec![
        left.label.clone(),
        left.connection.to_string(),
        left.action.name().to_owned(),
        fields.join(", "),
        why,
    ]
}
