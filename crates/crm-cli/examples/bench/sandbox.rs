//! The part of the sandbox: fakes with HubSpot full of people, asked over standard input.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;

use crm::core::ObjectKind;
use crm_testkit::fake::{Fake, Touch};
use crm_testkit::fault::Profile;
use crm_testkit::people::invent;
use crm_testkit::sandbox::{Account, Ports, Sandbox, SandboxOptions, Vendor};
use crm_testkit::scene::Kinds;

use crate::Outcome;
use crate::child::{Requests, THREE};

/// Serves until standard input ends.
pub(crate) fn run(part: &str, folder: &Path, contacts: usize) -> Outcome {
    let mut accounts: Vec<Account> = Vendor::USUAL.map(Account::from).to_vec();
    if part == THREE {
        accounts.extend(Account::named("hubspot-2"));
    }
    let sandbox = Sandbox::start(SandboxOptions {
        accounts,
        loads: vec![(Vendor::HubSpot.into(), invent(contacts, 1))],
        kinds: Kinds::new(&[ObjectKind::Contact]),
        ports: Ports::Free,
        // Calm, and time runs faster.
        faults: Some(Profile::Calm),
        ..SandboxOptions::default()
    })?;
    std::fs::write(folder.join("sandbox.env"), sandbox.env())?;
    if part == THREE {
        // Invented people have eleven fields; this is the twelfth.
        let hubspot = sandbox.fake(Vendor::HubSpot).ok_or("there is no HubSpot")?;
        give_mobiles(&**hubspot)?;
    }
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

/// Gives everybody a mobile phone.
fn give_mobiles(fake: &dyn Fake) -> Outcome {
    let fields = serde_json::json!({ "mobilephone": "+44 7700 900321" });
    let fields = fields.as_object().cloned().unwrap_or_default();
    let touch = Touch { kind: "contacts".to_owned(), ids: None, at_ms: None, fields };
    fake.touch(&touch).map(drop).map_err(|refusal| format!("{refusal:?}").into())
}

fn requests(sandbox: &Sandbox) -> Requests {
    let of = |(name, _): &(String, String)| {
        let counters = sandbox.fake(Account::named(name)?)?.counters();
        let endpoints = counters.endpoints.into_iter().map(|(name, row)| (name, row.requests));
        Some((name.clone(), endpoints.collect::<BTreeMap<_, _>>()))
    };
    sandbox.urls().iter().filter_map(of).collect()
}
