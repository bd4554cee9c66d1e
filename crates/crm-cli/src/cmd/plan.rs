//! `crm plan`: what would a sync do?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crm::Settings;
use crm::core::ProviderId;
use crm::sync::{Cost, KindPlan, Plan};

use super::plan_file::PlanOut;
use crate::args;
use crate::counted::counted;
use crate::error::Failure;
use crate::output;
use crate::progress::Bars;

/// Makes a plan and prints it.
pub(crate) async fn run(
    settings: &Settings,
    options: args::Plan,
    again: &str,
) -> Result<ExitCode, Failure> {
    let system = crm::open(settings)?;
    let bars = Bars::new();
    let plan = match &options.out {
        None => system.engine.plan(crm::new_run(), &bars).await,
        Some(file) => {
            let unwritten = |error: std::io::Error| {
                let hint = "name a file in a folder that can be written";
                Failure::new(format!("{}: {error}", file.display()), hint)
            };
            let mut out = PlanOut::create(file).map_err(unwritten)?;
            let plan = system.engine.plan_to(crm::new_run(), &mut out, &bars).await;
            if plan.is_ok() {
                out.keep().map_err(unwritten)?;
            }
            plan
        }
    };
    bars.finish();
    let plan = plan?;
    if options.json {
        output::json(&plan)?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&plan);
    if let (Some(written), Some(file)) = (&plan.file, &options.out) {
        let name = quoted(file);
        let writes = counted(written.items, "write", "writes");
        output::status(&format!("{writes} in {name}, which holds values of records."));
        output::status(&format!("Nothing was written. Carry it out with: {again} apply {name}"));
    } else if plan.state == "planned" {
        output::status(&format!("Nothing was written. Approve with: {again} sync"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns `crm` with the files that were named, as a shell takes it.
pub(crate) fn again(config: Option<&Path>, env_files: &[PathBuf]) -> String {
    let config = config.map(|file| ("--config", file));
    let env_files = env_files.iter().map(|file| ("--env-file", file.as_path()));
    let named = env_files.chain(config);
    let named = named.map(|(option, file)| format!(" {option} {}", quoted(file)));
    format!("crm{}", named.collect::<String>())
}

/// Quotes a file's name where a shell would take it apart.
fn quoted(file: &Path) -> String {
    let text = file.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@%,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Prints a plan as tables.
pub(crate) fn print(plan: &Plan) {
    for (kind, plan) in &plan.kinds {
        let writes = counted(plan.writes(), "record", "records");
        output::line(&format!("{}: {writes} to write", kind.plural()));
        output::table(&["action", "where", "records"], actions(plan));
        let blocked = plan.samples.get("blocked").into_iter().flatten();
        let remedies: BTreeMap<&String, &String> = blocked
            .filter_map(|sample| Some((sample.reason.as_ref()?, sample.remedy.as_ref()?)))
            .collect();
        for (reason, remedy) in remedies {
            output::line(&format!("  {}: {remedy}", reason.replace('_', " ")));
        }
    }
    let head = ["connection", "reads", "writes", "about", "share of the day"];
    output::table(&head, costs(&plan.cost));
    for stop in &plan.stops {
        output::line(&format!("A sync would stop: {stop}"));
        output::line(&format!("  {}", stop.remedy()));
    }
}

/// Returns the rows of what a plan does.
pub(crate) fn actions(plan: &KindPlan) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut add = |action: &str, place: String, count: u64| {
        if count > 0 {
            rows.push(vec![action.to_owned(), place, count.to_string()]);
        }
    };
    add("link", "same e-mail address or id".to_owned(), plan.link_exact);
    add("link", "same domain, phone or name".to_owned(), plan.link_probable);
    for (provider, count) in &plan.create {
        add("create", provider.to_string(), *count);
    }
    for (provider, count) in &plan.update_records {
        let fields = plan.update.get(provider).map(|fields| {
            let parts: Vec<String> = fields.iter().map(|(f, n)| format!("{f} {n}")).collect();
            parts.join(", ")
        });
        add("update", format!("{provider}: {}", fields.unwrap_or_default()), *count);
    }
    for (provider, count) in &plan.delete {
        add("delete", provider.to_string(), *count);
    }
    for (field, count) in &plan.conflict {
        add("conflict", field.to_string(), *count);
    }
    for (reason, count) in &plan.skip {
        add("leave alone", reason.replace('_', " "), *count);
    }
    for (reason, count) in &plan.blocked {
        add("blocked", reason.replace('_', " "), *count);
    }
    if rows.is_empty() {
        rows.push(vec!["nothing".to_owned(), "all in step".to_owned(), "0".to_owned()]);
    }
    rows
}

fn costs(costs: &BTreeMap<ProviderId, Cost>) -> Vec<Vec<String>> {
    costs
        .iter()
        .map(|(provider, cost)| {
            let share = cost.quota_share.map(|share| format!("{:.2} %", share * 100.0));
            vec![
                provider.to_string(),
                cost.reads.to_string(),
                cost.writes.to_string(),
                lasting(cost.seconds),
                share.unwrap_or_else(|| "unknown".to_owned()),
            ]
        })
        .collect()
}

/// Says how long something takes.
fn lasting(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else if seconds < 5_400.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3_600.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        assert_eq!([1.2, 100.0, 7_200.0].map(lasting), ["1 s", "2 min", "2.0 h"]);
    }

    #[test]
    fn files_are_repeated_as_a_shell_takes_them() {
        assert_eq!(again(None, &[]), "crm");
        let files = [PathBuf::from("sandbox.env"), PathBuf::from("it's mine.env")];
        let line = again(Some(Path::new("a/crm.toml")), &files);
        let wanted =
            r"crm --env-file sandbox.env --env-file 'it'\''s mine.env' --config a/crm.toml";
        assert_eq!(line, wanted);
    }
}
