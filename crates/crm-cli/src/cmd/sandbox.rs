//! `crm sandbox`: fake CRMs on this machine.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crm::core::ObjectKind;
use crm_testkit::dialect::hubspot::Setup;
use crm_testkit::fault::Profile;
use crm_testkit::people::{Person, from_csv};
use crm_testkit::sandbox::{Account, Ports, Sandbox, SandboxOptions, Vendor};
use crm_testkit::scene::Kinds;

use crate::args;
use crate::error::Failure;
use crate::output;

/// Where the variables of a sandbox are written.
const ENV_FILE: &str = "sandbox.env";

/// Runs the fakes until interrupted.
pub(crate) async fn run(options: args::Sandbox) -> Result<ExitCode, Failure> {
    let sandbox = Sandbox::start(translate(&options)?).map_err(|error| {
        Failure::new(error.to_string(), "choose other ports with --port-base, or 0 for free ones")
    })?;
    write_env(&sandbox.env()).map_err(|error| {
        Failure::new(
            format!("{ENV_FILE} cannot be written: {error}"),
            "run it in a folder that you can write to",
        )
    })?;
    let rows = sandbox.urls().iter().map(|(name, url)| vec![name.clone(), url.clone()]);
    output::table(&["fake", "URL"], rows.collect());
    output::status(&format!("Wrote {ENV_FILE}. In another terminal:"));
    for command in ["check", "plan", "sync --yes"] {
        output::status(&format!("  crm --env-file {ENV_FILE} {command}"));
    }
    output::status("Stop with Ctrl-C.");
    let stopped = tokio::signal::ctrl_c().await;
    drop(sandbox);
    stopped.map_err(|error| Failure::new(format!("no signals: {error}"), "stop it with kill"))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the file in one step: whoever waits for it never sees half of it.
fn write_env(text: &str) -> std::io::Result<()> {
    let part = format!("{ENV_FILE}.part");
    std::fs::write(&part, text)?;
    std::fs::rename(&part, ENV_FILE)
}

fn translate(options: &args::Sandbox) -> Result<SandboxOptions, Failure> {
    let mut accounts = Vec::new();
    for name in &options.providers {
        let account = account(name)?;
        if accounts.contains(&account) {
            return Err(Failure::usage(
                format!("--providers names `{name}` twice"),
                format!("a second account of one vendor is called for instance `{name}-2`"),
            ));
        }
        accounts.push(account);
    }
    if accounts.is_empty() {
        accounts.extend(Vendor::USUAL.map(Account::from));
    }
    let faults = options.faults.as_deref().map(profile).transpose()?;
    let loads: Vec<(Account, Vec<Person>)> =
        options.load.iter().map(|load| people(load)).collect::<Result<_, _>>()?;
    if let Some((account, _)) = loads.iter().find(|load| !accounts.contains(&load.0)) {
        return Err(Failure::usage(
            format!("--load names {account}, which --providers leaves out"),
            format!("add {account} to --providers"),
        ));
    }
    Ok(SandboxOptions {
        kinds: kinds(&options.kinds)?,
        people: options.people,
        seed: options.seed,
        loads,
        ports: if options.port_base == 0 { Ports::Free } else { Ports::Base(options.port_base) },
        latency: Duration::from_millis(options.latency),
        faults,
        setup: if options.bare { Setup::Bare } else { Setup::Prepared },
        clock: None,
        accounts,
    })
}

fn account(name: &str) -> Result<Account, Failure> {
    Account::named(name).ok_or_else(|| {
        let known: Vec<&str> = Vendor::ALL.iter().map(|vendor| vendor.name()).collect();
        Failure::usage(
            format!("there is no fake of `{name}`"),
            format!("choose from: {}; further accounts as hubspot-2", known.join(", ")),
        )
    })
}

fn kinds(names: &[String]) -> Result<Kinds, Failure> {
    let kind = |name: &String| {
        ObjectKind::from_name(name).ok_or_else(|| {
            Failure::usage(
                format!("there is no kind `{name}`"),
                "choose from: company, contact, deal, activity",
            )
        })
    };
    let kinds: Vec<ObjectKind> = names.iter().map(kind).collect::<Result<_, _>>()?;
    Ok(if kinds.is_empty() { Kinds::default() } else { Kinds::new(&kinds) })
}

fn profile(name: &str) -> Result<Profile, Failure> {
    Profile::named(name).ok_or_else(|| {
        Failure::usage(
            format!("`{name}` is no fault profile"),
            "choose from: calm, rough, lag, quota, hostile",
        )
    })
}

fn people(load: &str) -> Result<(Account, Vec<Person>), Failure> {
    let Some((name, file)) = load.split_once('=') else {
        return Err(Failure::usage(
            format!("--load {load} is not PROVIDER=FILE.csv"),
            "write for instance --load hubspot=people.csv",
        ));
    };
    let account = account(name)?;
    let text = std::fs::read_to_string(Path::new(file)).map_err(|error| {
        let hint = if error.kind() == std::io::ErrorKind::InvalidData {
            "save it as UTF-8 text"
        } else {
            "name an existing CSV file"
        };
        Failure::new(format!("{file} cannot be read: {error}"), hint)
    })?;
    let people = from_csv(&text).map_err(|bad| {
        Failure::new(
            format!("{file}:{}: {}", bad.line, bad.reason),
            "correct the line; the first line names the columns (FirstName, LastName, Email, …)",
        )
    })?;
    Ok((account, people))
}
