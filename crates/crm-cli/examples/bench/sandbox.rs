//! The part of the sandbox: fakes with HubSpot full of people, asked over standard input.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;

use crm::core::ObjectKind;
use crm_testkit::fault::Profile;
use crm_testkit::people::invent;
use crm_testkit::sandbox::{Ports, Sandbox, SandboxOptions, Vendor};
use crm_testkit::scene::Kinds;

use crate::Outcome;
use crate::child::Requests;

/// Serves until standard input ends.
pub(crate) fn run(folder: &Path, contacts: usize) -> Outcome {
    let sandbox = Sandbox::start(SandboxOptions {
        loads: vec![(Vendor::HubSpot.into(), invent(contacts, 1))],
        kinds: Kinds::new(&[ObjectKind::Contact]),
        ports: Ports::Free,
        // Calm, and time runs faster.
        faults: Some(Profile::Calm),
        ..SandboxOptions::default()
    })?;
    std::fs::write(folder.join("sandbox.env"), sandbox.env())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready")?;
    for line in std::io::stdin().lock().lines() {
        match line?.as_str() {
            "reset" => {
                sandbox.reset()?;
                writeln!(out, "done")?;
            }
            _ => writeln!(out, "{}", serde_json::to_string(&requests(&sandbox))?)?,
        }
        out.flush()?;
    }
    Ok(())
}

fn requests(sandbox: &Sandbox) -> Requests {
    let of = |vendor: Vendor| {
        let counters = sandbox.fake(vendor)?.counters();
        let endpoints = counters.endpoints.into_iter().map(|(name, row)| (name, row.requests));
        Some((vendor.name().to_owned(), endpoints.collect::<BTreeMap<_, _>>()))
    };
    Vendor::ALL.into_iter().filter_map(of).collect()
}
