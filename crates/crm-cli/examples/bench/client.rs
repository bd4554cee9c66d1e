//! The part of `crm`: plan and sync, and what the process used for it.

use std::path::Path;

use crm::prelude::*;
use crm::sync::{Report, Verify};

use crate::Outcome;
use crate::child::Figures;

fn open(folder: &Path) -> Outcome<System> {
    let mut variables = crm::read_env_file(&folder.join("sandbox.env"))?;
    let database = folder.join("crm.db").display().to_string();
    variables.push(("CRM_DATABASE".to_owned(), database));
    Ok(crm::open(&Settings::from_variables(&variables)?)?)
}

/// Makes the first plan and carries it out.
pub(crate) async fn first(folder: &Path) -> Outcome {
    let system = open(folder)?;
    let clock = crm::SystemClock::new();
    let began = crm::core::Clock::now(&clock);
    system.engine.plan(crm::new_run(), &()).await?;
    let report = system.engine.sync(crm::new_run(), Approval::Given, &()).await?;
    let ended = crm::core::Clock::now(&clock);
    tell(&report, ended.duration_since(began).as_secs_f64())
}

/// Compares all records with what is known of them.
pub(crate) async fn verify(folder: &Path) -> Outcome {
    let system = open(folder)?;
    let clock = crm::SystemClock::new();
    let began = crm::core::Clock::now(&clock);
    let report = system.engine.verify(crm::new_run(), Verify::default(), &()).await?;
    let ended = crm::core::Clock::now(&clock);
    if report.differences() > 0 {
        return Err(format!("{} differences: {report:?}", report.differences()).into());
    }
    let sides = report.kinds.values().flat_map(|kind| kind.connections.values());
    let compared = sides.map(|side| side.compared).sum();
    print(compared, ended.duration_since(began).as_secs_f64())
}

/// Syncs once more.
pub(crate) async fn again(folder: &Path) -> Outcome {
    let system = open(folder)?;
    let report = system.engine.sync(crm::new_run(), Approval::Given, &()).await?;
    if report.writes() > 0 {
        return Err(format!("{} writes although nothing changed", report.writes()).into());
    }
    tell(&report, 0.0)
}

fn tell(report: &Report, seconds: f64) -> Outcome {
    print(report.kinds.values().map(|kind| kind.created).sum(), seconds)
}

fn print(created: u64, seconds: f64) -> Outcome {
    let figures = Figures {
        seconds,
        cpu_seconds: cpu_seconds().unwrap_or(f64::NAN),
        peak_mb: peak_mb().unwrap_or(f64::NAN),
        created,
        requests: 0,
    };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// Returns the processor time of this process, in user and system mode.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may have blanks; the 14th and 15th fields are ticks of 10 ms.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Returns the most memory that this process had at once.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kb: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kb / 1024.0)
}
