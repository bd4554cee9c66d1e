//! `crm sandbox`: fake CRMs on this machine.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crm_testkit::dialect::hubspot::Setup;
use crm_testkit::fault::Profile;
use crm_testkit::people::{Person, from_csv};
use crm_testkit::sandbox::{Ports, Sandbox, SandboxOptions, Vendor};

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
    let rows = sandbox.urls().iter().map(|(name, url)| vec![(*name).to_owned(), url.clone()]);
    output::table(&["fake", "URL"], rows.collect());
    output::status(&format!("Wrote {ENV_FILE}. In another terminal:"));
    output::status(&format!("  crm --env-file {ENV_FILE} check"));
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
    let vendors = if options.providers.is_empty() {
        Vendor::ALL.to_vec()
    } else {
        let named = options.providers.iter().map(|name| vendor(name));
        named.collect::<Result<_, _>>()?
    };
    let faults = options.faults.as_deref().map(profile).transpose()?;
    let loads = options.load.iter().map(|load| people(load)).collect::<Result<_, _>>()?;
    Ok(SandboxOptions {
        vendors,
        people: options.people,
        seed: options.seed,
        loads,
        ports: if options.port_base == 0 { Ports::Free } else { Ports::Base(options.port_base) },
        latency: Duration::from_millis(options.latency),
        faults,
        setup: if options.bare { Setup::Bare } else { Setup::Prepared },
        clock: None,
    })
}

fn vendor(name: &str) -> Result<Vendor, Failure> {
    Vendor::named(name).ok_or_else(|| {
        let known: Vec<&str> = Vendor::ALL.iter().map(|vendor| vendor.name()).collect();
        Failure::usage(
            format!("there is no fake of `{name}`"),
            format!("choose from: {}", known.join(", ")),
        )
    })
}

fn profile(name: &str) -> Result<Profile, Failure> {
    Profile::named(name).ok_or_else(|| {
        Failure::usage(
            format!("`{name}` is no fault profile"),
            "choose from: calm, rough, lag, quota, hostile",
        )
    })
}

fn people(load: &str) -> Result<(Vendor, Vec<Person>), Failure> {
    let Some((name, file)) = load.split_once('=') else {
        return Err(Failure::usage(
            format!("--load {load} is not PROVIDER=FILE.csv"),
            "write for instance --load hubspot=people.csv",
        ));
    };
    let vendor = vendor(name)?;
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
    Ok((vendor, people))
}
