//! `crm plan`: what would a sync do?

use std::collections::BTreeMap;
use std::process::ExitCode;

use crm::Settings;
use crm::core::ProviderId;
use crm::sync::{Cost, KindPlan, Plan};

use crate::args;
use crate::error::Failure;
use crate::output;
use crate::progress::Bars;

/// Makes a plan and prints it.
pub(crate) async fn run(settings: &Settings, options: args::Plan) -> Result<ExitCode, Failure> {
    let system = crm::open(settings)?;
    let bars = Bars::new();
    let plan = system.engine.plan(crm::new_run(), &bars).await;
    bars.finish();
    let plan = plan?;
    if options.json {
        output::json(&plan)?;
    } else {
        print(&plan);
        if plan.state == "planned" {
            output::status("Nothing was written. Approve with: crm sync");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a plan as tables.
pub(crate) fn print(plan: &Plan) {
    for (kind, plan) in &plan.kinds {
        output::line(&format!("{}: {} records to write", kind.plural(), plan.writes()));
        output::table(&["action", "where", "records"], actions(plan));
    }
    output::table(&["connection", "calls", "about", "share of the day"], costs(&plan.cost));
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
    add("link", "same phone and name".to_owned(), plan.link_probable);
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
            let share =
                cost.quota_share.map_or_else(String::new, |s| format!("{:.2} %", s * 100.0));
            vec![
                provider.to_string(),
                (cost.reads + cost.writes).to_string(),
                format!("{:.0} s", cost.seconds),
                share,
            ]
        })
        .collect()
}
