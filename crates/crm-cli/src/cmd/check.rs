//! `crm check`: are the accounts ready?

use std::process::ExitCode;

use crm::core::{Account, SharedProvider};
use crm::{Advice, AdviceKind, Settings};
use serde::Serialize;

use crate::args::Check;
use crate::error::Failure;
use crate::output;

#[derive(Serialize)]
struct Row {
    connection: String,
    account: Option<String>,
    api_version: Option<String>,
    findings: Vec<Found>,
    fixed: Vec<String>,
    advice: Vec<Told>,
    error: Option<String>,
    hint: Option<String>,
}

#[derive(Serialize)]
struct Found {
    kind: String,
    message: String,
    hint: String,
    blocking: bool,
}

/// What the settings ask for and cannot have.
#[derive(Serialize)]
struct Told {
    about: &'static str,
    message: String,
    hint: String,
}

impl From<Advice> for Told {
    fn from(advice: Advice) -> Self {
        let about = match advice.kind {
            AdviceKind::LimitNeverBinds => "limit_never_binds",
            AdviceKind::BatchCapped => "batch_capped",
            AdviceKind::PolicyWithoutTime => "policy_without_time",
            AdviceKind::OwnerWithoutField => "owner_without_field",
        };
        Self { about, message: advice.message, hint: advice.hint }
    }
}

/// Checks every connection; with `--fix`, makes what is missing.
pub(crate) async fn run(settings: &Settings, options: Check) -> Result<ExitCode, Failure> {
    let providers = crm::connect(settings, &crm::clock(settings))?;
    let mut rows = Vec::new();
    for provider in &providers {
        let mut row = check(provider, options.fix).await;
        row.advice = crm::advice(settings, &**provider).into_iter().map(Told::from).collect();
        rows.push(row);
    }
    let ready =
        rows.iter().all(|row| row.error.is_none() && !row.findings.iter().any(|f| f.blocking));
    if options.json {
        output::json(&rows)?;
    } else {
        print(&rows);
    }
    if ready {
        return Ok(ExitCode::SUCCESS);
    }
    let mut failure = Failure::of(Vec::new());
    for row in rows {
        if let Some(error) = row.error {
            failure.lines.push((error, row.hint));
        }
        for found in row.findings.into_iter().filter(|found| found.blocking) {
            failure
                .lines
                .push((format!("{}: {}", row.connection, found.message), Some(found.hint)));
        }
    }
    Err(failure)
}

async fn check(provider: &SharedProvider, fix: bool) -> Row {
    let mut row = Row {
        connection: provider.id().to_string(),
        account: None,
        api_version: None,
        findings: Vec::new(),
        fixed: Vec::new(),
        advice: Vec::new(),
        error: None,
        hint: None,
    };
    match probe(provider, fix, &mut row.fixed).await {
        Ok(account) => {
            row.account = Some(account.name);
            row.api_version = Some(account.api_version);
            row.findings = account
                .findings
                .into_iter()
                .map(|finding| Found {
                    kind: finding.kind.to_string(),
                    message: finding.message,
                    hint: finding.hint,
                    blocking: finding.blocking,
                })
                .collect();
        }
        Err(error) => {
            row.hint = error.hint().map(str::to_owned);
            row.error = Some(error.to_string());
        }
    }
    row
}

async fn probe(
    provider: &SharedProvider,
    fix: bool,
    fixed: &mut Vec<String>,
) -> crm::core::Result<Account> {
    let account = provider.probe().await?;
    if !fix {
        return Ok(account);
    }
    for finding in account.findings.iter().filter(|finding| finding.repair.is_some()) {
        provider.repair(finding).await?;
        fixed.push(finding.message.clone());
    }
    if fixed.is_empty() { Ok(account) } else { provider.probe().await }
}

fn print(rows: &[Row]) {
    let table = rows
        .iter()
        .map(|row| {
            let account = row.account.clone().unwrap_or_else(|| "unknown".to_owned());
            let version = row.api_version.clone().unwrap_or_default();
            vec![row.connection.clone(), account, version, state(row)]
        })
        .collect();
    output::table(&["connection", "account", "version", "state"], table);
}

/// Returns what is to be said of a connection; what stops a sync is told on stderr besides, with
/// what to do.
fn state(row: &Row) -> String {
    let mut told: Vec<String> =
        row.fixed.iter().map(|message| format!("mended; before: {message}")).collect();
    let stops = row.error.is_some() || row.findings.iter().any(|found| found.blocking);
    if !stops {
        told.push("ready".to_owned());
    }
    told.extend(row.error.clone());
    for found in &row.findings {
        told.push(if found.blocking {
            found.message.clone()
        } else {
            format!("note: {}\nhint: {}", found.message, found.hint)
        });
    }
    let advice = row.advice.iter();
    told.extend(advice.map(|told| format!("warning: {}\nhint: {}", told.message, told.hint)));
    told.join("\n")
}
