//! The stages of deals: which of ours each of the org's stands for.
//!
//! The configuration says it; where it does not, the stages that Salesforce gives every new org
//! are known, and of a closed one the org itself tells whether it was won.

use std::sync::Arc;

pub(crate) use crm_core::stages::{StageMap, check, findings};
use crm_core::{Pipeline, Stage};

use crate::wire::StageRow;

/// The stages of a new org that are open.
const USUAL: &[(&str, &str)] = &[
    ("Prospecting", "new"),
    ("Qualification", "qualified"),
    ("Needs Analysis", "qualified"),
    ("Value Proposition", "qualified"),
    ("Id. Decision Makers", "qualified"),
    ("Perception Analysis", "qualified"),
    ("Proposal/Price Quote", "proposal"),
    ("Negotiation/Review", "proposal"),
];
const WON: &str = "closed_won";
const LOST: &str = "closed_lost";
/// Salesforce has one list of stages.
const PIPELINE: &str = "default";
/// Stages that deals may still have, and that none can be given. Apart from the others, so that
/// whoever looks for a stage to write finds only those that can be written.
const RETIRED: &str = "inactive";

fn meaning<'a>(map: &'a StageMap, row: &StageRow) -> Option<&'a str> {
    let usual = |name: &str| USUAL.iter().find(|(theirs, _)| *theirs == name).map(|pair| pair.1);
    let configured = map.get(&row.api_name).map(String::as_str);
    configured.or_else(|| match (row.is_closed, row.is_won) {
        (_, true) => Some(WON),
        (true, false) => Some(LOST),
        (false, false) => usual(&row.api_name),
    })
}

/// Returns the pipeline of the org, and behind it what is retired, if anything is.
pub(crate) fn pipelines(map: &StageMap, mut rows: Vec<StageRow>) -> Vec<Pipeline> {
    rows.sort_by_key(|row| row.sort_order.unwrap_or(i64::MAX));
    let (active, retired): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.is_active);
    let stage = |row: StageRow| {
        let ours = meaning(map, &row).map(Arc::from);
        let label = row.master_label.as_deref().unwrap_or(&row.api_name).into();
        Stage { id: row.api_name.as_str().into(), label, ours }
    };
    let retired = retired.into_iter().map(stage).filter(|stage| stage.ours.is_some());
    let retired: Vec<Stage> = retired.collect();
    let mut pipelines = vec![Pipeline {
        id: PIPELINE.into(),
        label: "Opportunities".into(),
        stages: active.into_iter().map(stage).collect(),
    }];
    if !retired.is_empty() {
        let label = "No longer in use".into();
        pipelines.push(Pipeline { id: RETIRED.into(), label, stages: retired });
    }
    pipelines
}

#[cfg(test)]
mod tests;
