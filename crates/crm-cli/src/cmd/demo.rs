//! `crm demo`: a whole synchronisation between two fakes, in one process, without an account.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crm::core::{Field, ProviderId};
use crm::sync::{Approval, Plan, Report};
use crm::{Settings, System};
use crm_testkit::sandbox::{Ports, Sandbox, SandboxOptions, Vendor};
use serde::ser::Error;
use serde::{Serialize, Serializer};

use super::demo_accounts::{AccountView, Seen, compare};
use super::{plan, sync};
use crate::args;
use crate::counted::counted;
use crate::error::Failure;
use crate::output;
use crate::progress::Bars;

#[derive(Serialize)]
struct DemoReport {
    people: usize,
    seed: u64,
    plan: Plan,
    edits: usize,
    #[serde(serialize_with = "as_told")]
    rounds: Vec<Report>,
    differences: Vec<String>,
    /// People without a last name, whom Salesforce does not take: parked, and said so.
    parked: usize,
    seconds: f64,
}

fn as_told<S: Serializer>(rounds: &[Report], serializer: S) -> Result<S::Ok, S::Error> {
    let told: Result<Vec<_>, _> = rounds.iter().map(sync::json).collect();
    told.map_err(S::Error::custom)?.serialize(serializer)
}

/// Runs the demo. Exit code 0 only if both accounts agree and the third round wrote nothing.
pub(crate) async fn run(options: args::Demo) -> Result<ExitCode, Failure> {
    let sandbox = Sandbox::start(SandboxOptions {
        people: options.people,
        seed: options.seed,
        ports: Ports::Free,
        ..SandboxOptions::default()
    })
    .map_err(|error| Failure::new(error.to_string(), "free a loopback port and try again"))?;
    let folder = Folder::make()?;
    let system = crm::open(&settings(&sandbox, &folder)?)?;
    let accounts = accounts(&sandbox, &system)?;
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
    let people = counted(options.people, "person", "people");
    say(&format!(
        "Two CRMs with {people}, their companies, deals and activities between them, as they never \
         met before."
    ));
    let planned = system.engine.plan(crm::new_run(), &bars).await?;
    bars.finish();
    if !quiet {
        plan::print(&planned);
    }
    let mut rounds = Vec::new();
    let mut edits = 0;
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
            edits = edit(hubspot, salesforce)?;
            let fields = counted(edits, "field", "fields");
            say(&format!("\nPeople edit {fields} on both sides, some of them the same."));
            system.clock.sleep(Duration::from_millis(1_100)).await;
        }
    }
    let compared = compare(hubspot, salesforce)?;
    Ok(DemoReport {
        people: options.people,
        seed: options.seed,
        plan: planned,
        edits,
        rounds,
        differences: compared.differences,
        parked: compared.nameless,
        seconds: system.clock.now().duration_since(began).as_secs_f64(),
    })
}

/// Which side edits which field of the n-th person, and how. Rows with the same person and field
/// clash.
const EDITS: &[(usize, Side, Field, &str)] = &[
    (0, Side::HubSpot, Field::JOB_TITLE, "Workshop Lead"),
    (0, Side::Salesforce, Field::PHONE, "+44 20 7946 0958"),
    (1, Side::HubSpot, Field::COMPANY, "Bright Repairs"),
    (2, Side::Salesforce, Field::CITY, "Leeds"),
    (3, Side::HubSpot, Field::JOB_TITLE, "Buyer"),
    (3, Side::Salesforce, Field::JOB_TITLE, "Head of Buying"),
    (4, Side::HubSpot, Field::PHONE, "020 7946 0011"),
    (4, Side::Salesforce, Field::PHONE, "020 7946 0022"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    HubSpot,
    Salesforce,
}

fn edit(hubspot: &AccountView, salesforce: &AccountView) -> Result<usize, Failure> {
    let there = salesforce.contacts()?;
    let there: BTreeMap<String, &Seen> = there.iter().map(|seen| (seen.person(), seen)).collect();
    let here = hubspot.contacts()?;
    let pair = |seen| Some((seen, *there.get(&Seen::person(seen))?));
    let both: Vec<(&Seen, &Seen)> = here.iter().filter_map(pair).collect();
    let mut done = 0;
    for (person, side, field, text) in EDITS {
        let Some((at_hubspot, at_salesforce)) = both.get(*person) else { continue };
        match side {
            Side::HubSpot => hubspot.edit(&at_hubspot.id, *field, text)?,
            Side::Salesforce => salesforce.edit(&at_salesforce.id, *field, text)?,
        }
        done += 1;
    }
    Ok(done)
}

/// Points at the fakes and a store of its own; what the process's environment says of real
/// accounts does not count.
fn settings(sandbox: &Sandbox, folder: &Folder) -> Result<Settings, Failure> {
    let path = folder.0.join("sandbox.env");
    std::fs::write(&path, sandbox.env()).map_err(|error| {
        Failure::new(format!("the temporary folder is not writable: {error}"), "set TMPDIR")
    })?;
    let mut variables = crm::read_env_file(&path)?;
    let database = folder.0.join("demo.db").display().to_string();
    variables.push(("CRM_DATABASE".to_owned(), database));
    Ok(Settings::from_variables(&variables)?)
}

fn accounts(sandbox: &Sandbox, system: &System) -> Result<(AccountView, AccountView), Failure> {
    let view = |vendor: Vendor| {
        let fake = sandbox.fake(vendor).map(Arc::clone);
        let provider = system.providers.iter().find(|p| p.id().as_str() == vendor.name());
        match (fake, provider) {
            (Some(fake), Some(provider)) => AccountView::new(fake, provider),
            _ => Err(Failure::new("a fake did not start", "this is a bug; please report it")),
        }
    };
    Ok((view(Vendor::HubSpot)?, view(Vendor::Salesforce)?))
}

fn summary(report: &DemoReport) {
    let total = |count: fn(&Report) -> u64| report.rounds.iter().map(count).sum::<u64>();
    let created = total(|round| round.kinds.values().map(|kind| kind.created).sum());
    let updated = total(|round| round.kinds.values().map(|kind| kind.updated).sum());
    let linked =
        report.plan.kinds.values().map(|kind| kind.link_exact + kind.link_probable).sum::<u64>();
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    for conflict in report.rounds.iter().flat_map(|round| &round.conflicts) {
        *rules.entry(&conflict.rule).or_default() += 1;
    }
    let rules: Vec<String> =
        rules.iter().map(|(rule, count)| format!("{count} by {rule}")).collect();
    output::line("\nThe whole demo");
    let mut rows = vec![
        vec!["records created".to_owned(), created.to_string()],
        vec!["records updated".to_owned(), updated.to_string()],
        vec!["records linked".to_owned(), linked.to_string()],
        vec!["conflicts decided, losers kept".to_owned(), rules.join(", ")],
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
    output::table(&["result", ""], rows);
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
