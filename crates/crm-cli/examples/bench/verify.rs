//! The drift audit of a small and of a large store, and how large the store is.

use std::collections::BTreeMap;
use std::path::Path;

use crm::sqlite::{SqliteConfig, SqliteLedger};

use crate::child::{self, Figures, Yard};
use crate::{CONTACTS, Outcome};

/// The smaller store, for comparison, is a part of the large one.
const PART: usize = 10;
/// What the file holds for other reasons than to keep records in step.
const ASIDE: [&str; 5] = ["audit", "audit_head", "history", "journal", "run_number"];

/// Measures both.
pub(crate) async fn run(options: &[&str]) -> Outcome {
    let contacts = match options {
        [] => CONTACTS,
        ["--contacts", number] => number.parse()?,
        other => return Err(format!("`{}` is no option of verify", other.join(" ")).into()),
    };
    let small = measure(contacts / PART)?;
    let large = measure(contacts)?;
    println!("memory of {contacts} contacts against {}:", contacts / PART);
    println!("  peak of verify {:.2} x", large.peak_mb / small.peak_mb);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn measure(contacts: usize) -> Outcome<Figures> {
    let folder = tempfile::tempdir()?;
    let mut yard = Yard::start(child::THREE, folder.path(), contacts)?;
    println!("{contacts} contacts with 12 fields in HubSpot, Salesforce and another HubSpot");
    let first = yard.ours(child::FIRST)?;
    println!(
        "  crm plan + sync: {} created, {:.1} s, CPU {:.2} s, peak {:.0} MB",
        first.created, first.seconds, first.cpu_seconds, first.peak_mb
    );
    let path = folder.path().join("crm.db");
    let each = |bytes: u64| bytes as f64 / contacts as f64;
    println!("  store: {:.0} bytes a contact as it is", each(length(&path)?));
    let mut ledger = SqliteLedger::open(&SqliteConfig::new(&path))?;
    ledger.scrub()?;
    let sizes = ledger.sizes()?;
    drop(ledger);
    let aside: u64 = ASIDE.iter().filter_map(|name| sizes.get(*name)).sum();
    let whole = length(&path)?;
    println!("  store after VACUUM: {:.0} bytes a contact, whole file", each(whole));
    println!("    {:.0} without history, journal and audit log", each(whole - aside));
    let mut tables: Vec<(&String, &u64)> = sizes.iter().collect();
    tables.sort_by_key(|(_, bytes)| std::cmp::Reverse(**bytes));
    for (name, bytes) in tables.into_iter().filter(|(_, bytes)| each(**bytes) >= 1.0) {
        println!("    {:>5.0} {name}", each(*bytes));
    }
    let before = total(&mut yard)?;
    let audit = yard.ours(child::VERIFY)?;
    println!(
        "  crm verify: {} records compared, {} requests, {:.1} s, CPU {:.2} s, peak {:.0} MB",
        audit.created,
        total(&mut yard)? - before,
        audit.seconds,
        audit.cpu_seconds,
        audit.peak_mb
    );
    Ok(audit)
}

fn length(path: &Path) -> Outcome<u64> {
    Ok(std::fs::metadata(path)?.len())
}

fn total(yard: &mut Yard) -> Outcome<u64> {
    Ok(yard.requests()?.values().flat_map(BTreeMap::values).sum())
}
