//! `crm audit`: the log of what was done. Reads the store alone.

use std::path::Path;
use std::process::ExitCode;

use crm::store::{Actor, Audit, Store};

use super::stored;
use crate::args::{self, AuditWhat};
use crate::error::Failure;
use crate::output;

/// How many entries are read at once.
const PAGE: usize = 10_000;

/// Lists, checks or exports the log.
pub(crate) async fn run(database: &Path, options: args::Audit) -> Result<ExitCode, Failure> {
    let store = stored::open(database)?;
    match options.what {
        Some(AuditWhat::Verify) => verify(&*store, options.json).await,
        Some(AuditWhat::Export) => {
            each(&*store, |entry| {
                output::line(&serde_json::to_string(entry)?);
                Ok(())
            })
            .await?;
            Ok(ExitCode::SUCCESS)
        }
        None => list(&*store, options).await,
    }
}

async fn each(
    store: &dyn Store,
    mut tell: impl FnMut(&Audit) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let page = store.audit(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        page.iter().try_for_each(&mut tell)?;
    }
}

async fn verify(store: &dyn Store, json: bool) -> Result<ExitCode, Failure> {
    let check = store.verify_audit().await?;
    if json {
        output::json(&check)?;
    } else if check.broken.is_none() {
        output::line(&format!(
            "The audit log is whole: {} entries, {} rows compared.",
            check.entries, check.bodies
        ));
    }
    match check.broken {
        None => Ok(ExitCode::SUCCESS),
        Some(_) if json => Ok(ExitCode::FAILURE),
        Some(seq) => Err(Failure::new(
            format!("the audit log was changed: entry {seq} is not what it was"),
            "compare with an export or a backup of the store (crm audit export)",
        )),
    }
}

async fn list(store: &dyn Store, options: args::Audit) -> Result<ExitCode, Failure> {
    // The newest entries, in their order.
    let mut newest = std::collections::VecDeque::new();
    each(store, |entry| {
        newest.push_back(entry.clone());
        if newest.len() > options.limit {
            newest.pop_front();
        }
        Ok(())
    })
    .await?;
    if options.json {
        output::json(&newest)?;
        return Ok(ExitCode::SUCCESS);
    }
    if newest.is_empty() {
        output::line("Nothing was done yet.");
        return Ok(ExitCode::SUCCESS);
    }
    let rows = newest.iter().map(row).collect();
    output::table(&["entry", "when", "who", "what", "where", "run"], rows);
    Ok(ExitCode::SUCCESS)
}

fn row(entry: &Audit) -> Vec<String> {
    let who = match entry.actor {
        Actor::Engine => "engine",
        Actor::Person => "person",
    };
    let what = match &entry.detail {
        Some(detail) => format!("{} ({detail})", entry.what.name()),
        None => entry.what.name().to_owned(),
    };
    let place = entry.provider.as_ref().map(ToString::to_string).unwrap_or_default();
    let run = entry.run.map(|run| run.to_string()).unwrap_or_default();
    let when = super::status::second_of(entry.at);
    vec![entry.seq.to_string(), when, who.to_owned(), what, place, run]
}
