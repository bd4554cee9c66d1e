//! `crm demo`: a whole synchronisation between two fakes, in one process, without an account.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crm::core::ProviderId;
use crm::sync::{Approval, Plan, Report};
use crm::{Settings, System};
use crm_testkit::sandbox::{Ports, Sandbox, SandboxOptions, Vendor};
use serde::Serialize;

use super::demo_accounts::{AccountView, Seen, differences};
use super::{plan, sync};
use crate::args;
use crate::error::Failure;
use crate::output;
use crate::progress::Bars;

#[derive(Serialize)]
struct DemoReport {
    people: usize,
    seed: u64,
    plan: Plan,
    edits: usize,
    rounds: Vec<Report>,
    differences: Vec<String>,
    /// People without a last name, whom Salesforce does not take: parked, and said so.
    parked: usize,
    seconds: f64,
}

/// Runs the demo. Exit code 0 only if both accounts agree and the third round wrote nothing.
pub(crate) async fn run(options: args::Demo) -> Result<ExitCode, Failure> {
    let sandbox = Sandbox::start(SandboxOptions {
        vendors: vec![Vendor::HubSpot, Vendor::Salesforce],
        people: options.people,
        seed: options.seed,
        ports: Ports::Free,
        ..SandboxOptions::default()
    })
    .map_err(|error| Failure::new(error.to_string(), "free a loopback port and try again"))?;
    let folder = Folder::make()?;
    let system = crm::open(&settings(&sandbox, &folder)?)?;
    let accounts = accounts(&sandbox)?;
    let report = play(&options, &system, &accounts).await?;
    let agree = report.differences.is_empty();
    let silent = report.rounds.last().is_some_and(|round| round.writes() == 0);
    if options.json {
        output::json(&report)?;
    } else {
        summary(&report);
    }
    if agree && silent {
        return Ok(ExitCode::SUCCESS);
    }
    let what = if agree { "the third round wrote something" } else { "the two sides differ" };
    let first = report.differences.first().cloned().unwrap_or_default();
    Err(Failure::new(format!("{what}: {first}"), "this is a bug; please report the seed"))
}

async fn play(
    options: &args::Demo,
    system: &System,
    (hubspot, salesforce): &(AccountView, AccountView),
) -> Result<DemoReport, Failure> {
    let began = system.clock.now();
    let quiet = options.json;
    let bars = Bars::new();
    let say = |text: &str| {
        if !quiet {
            output::line(text);
        }
    };
    say(&format!(
        "Two CRMs with {} people between them, as they never met before.",
        options.people
    ));
    let planned = system.engine.plan(crm::new_run(), &bars).await?;
    bars.finish();
    if !quiet {
        plan::print(&planned);
    }
    let mut rounds = Vec::new();
    for round in 1..=3 {
        let bars = Bars::new();
        let report = system.engine.sync(crm::new_run(), Approval::Given, &bars).await;
        bars.finish();
        let report = report?;
        say(&format!("\nRound {round}"));
        if !quiet {
            sync::print(&report);
        }
        rounds.push(report);
        if round == 1 {
            // A change made in the same second as our write shares its stamp.
            system.clock.sleep(Duration::from_millis(1_100)).await;
            let edits = edit(hubspot, salesforce)?;
            say(&format!("\nPeople edit {edits} fields on both sides, some of them the same."));
            system.clock.sleep(Duration::from_millis(1_100)).await;
        }
    }
    let (differences, parked) = differences(&hubspot.contacts()?, &salesforce.contacts()?);
    Ok(DemoReport {
        people: options.people,
        seed: options.seed,
        plan: planned,
        edits: EDITS.len(),
        rounds,
        differences,
        parked,
        seconds: system.clock.now().duration_since(began).as_secs_f64(),
    })
}

/// Which side edits which field of the n-th person, and how. Rows with the same person and field
/// clash.
const EDITS: &[(usize, Side, &str, &str)] = &[
    (0, Side::HubSpot, "job_title", "Workshop Lead"),
    (0, Side::Salesforce, "phone", "+44 20 7946 0958"),
    (1, Side::HubSpot, "company", "Bright Repairs"),
    (2, Side::Salesforce, "city", "Leeds"),
    (3, Side::HubSpot, "job_title", "Buyer"),
    (3, Side::Salesforce, "job_title", "Head of Buying"),
    (4, Side::HubSpot, "phone", "020 7946 0011"),
    (4, Side::Salesforce, "phone", "020 7946 0022"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    HubSpot,
    Salesforce,
}

fn edit(hubspot: &AccountView, salesforce: &AccountView) -> Result<usize, Failure> {
    let there = salesforce.contacts()?;
    let by_email: BTreeMap<&String, &Seen> =
        there.iter().filter_map(|seen| Some((seen.1.get("email")?, seen))).collect();
    let here = hubspot.contacts()?;
    let both: Vec<(&Seen, &Seen)> =
        here.iter().filter_map(|seen| Some((seen, *by_email.get(seen.1.get("email")?)?))).collect();
    let mut done = 0;
    for (person, side, field, text) in EDITS {
        let Some(((hubspot_id, _), (salesforce_id, _))) = both.get(*person) else { continue };
        match side {
            Side::HubSpot => hubspot.edit(hubspot_id, field, text)?,
            Side::Salesforce => salesforce.edit(salesforce_id, field, text)?,
        }
        done += 1;
    }
    Ok(done)
}

fn settings(sandbox: &Sandbox, folder: &Folder) -> Result<Settings, Failure> {
    let path = folder.0.join("sandbox.env");
    let unwritable = |error: std::io::Error| {
        Failure::new(format!("the temporary folder is not writable: {error}"), "set TMPDIR")
    };
    std::fs::write(&path, sandbox.env()).map_err(unwritable)?;
    let config = folder.0.join("crm.toml");
    let text = "[store]\nsqlite = \"demo.db\"\n";
    std::fs::write(&config, text).map_err(unwritable)?;
    Ok(Settings::load(Some(&config), &crm::read_env_file(&path)?)?)
}

fn accounts(sandbox: &Sandbox) -> Result<(AccountView, AccountView), Failure> {
    let fake = |vendor| {
        sandbox
            .fake(vendor)
            .map(Arc::clone)
            .ok_or_else(|| Failure::new("a fake did not start", "this is a bug; please report it"))
    };
    Ok((
        AccountView::hubspot(fake(Vendor::HubSpot)?),
        AccountView::salesforce(fake(Vendor::Salesforce)?),
    ))
}

fn summary(report: &DemoReport) {
    let total = |count: fn(&Report) -> u64| report.rounds.iter().map(count).sum::<u64>();
    let created = total(|round| round.kinds.values().map(|kind| kind.created).sum());
    let updated = total(|round| round.kinds.values().map(|kind| kind.updated).sum());
    let linked =
        report.plan.kinds.values().map(|kind| kind.link_exact + kind.link_probable).sum::<u64>();
    let conflicts: usize = report.rounds.iter().map(|round| round.conflicts.len()).sum();
    output::line("\nThe whole demo");
    let mut rows = vec![
        vec!["records created".to_owned(), created.to_string()],
        vec!["records updated".to_owned(), updated.to_string()],
        vec!["records linked".to_owned(), linked.to_string()],
        vec!["conflicts decided, losers kept".to_owned(), conflicts.to_string()],
        vec!["people parked: no last name".to_owned(), report.parked.to_string()],
        vec!["differences left".to_owned(), report.differences.len().to_string()],
        vec![
            "writes in the third round".to_owned(),
            report.rounds.last().map(Report::writes).unwrap_or_default().to_string(),
        ],
        vec!["seconds".to_owned(), format!("{:.1}", report.seconds)],
    ];
    let mut calls: BTreeMap<&ProviderId, (u64, u64)> = BTreeMap::new();
    for (provider, cost) in report.rounds.iter().flat_map(|round| &round.calls) {
        let sum = calls.entry(provider).or_default();
        sum.0 += cost.made;
        sum.1 += cost.bound;
    }
    for (provider, (made, bound)) in calls {
        rows.push(vec![format!("calls of {provider} (lower bound)"), format!("{made} ({bound})")]);
    }
    output::table(&["", ""], rows);
}

/// A temporary folder that goes when the demo is over.
struct Folder(std::path::PathBuf);

impl Folder {
    fn make() -> Result<Self, Failure> {
        let name = format!("crm-demo-{}-{}", std::process::id(), crm::new_run());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).map_err(|error| {
            Failure::new(format!("no temporary folder: {error}"), "set TMPDIR to a writable folder")
        })?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "the temporary folder stays");
        }
    }
}
