//! The stages of deals: which of ours each of the org's stands for.
//!
//! The configuration says it; where it does not, the stages that Salesforce gives every new org
//! are known, and of a closed one the org itself tells whether it was won.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{
    ErrorKind, Field, FieldType, Finding, ObjectKind, Pipeline, ProviderError, ProviderId, Result,
    Stage, schema,
};

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

/// The configured map from the org's stages to ours.
pub(crate) type StageMap = BTreeMap<String, String>;

/// Returns our stages.
pub(crate) fn ours() -> &'static [&'static str] {
    match schema::spec(ObjectKind::Deal, Field::STAGE).map(|spec| spec.ty) {
        Some(FieldType::Choice(names)) => names,
        Some(_) | None => &[],
    }
}

/// Checks a configured map.
pub(crate) fn check(map: &StageMap) -> Result<()> {
    let Some((theirs, wrong)) = map.iter().find(|(_, name)| !ours().contains(&name.as_str()))
    else {
        return Ok(());
    };
    let message = format!("`stages` says `{theirs}` is `{wrong}`, which is no stage of ours");
    Err(ProviderError::new(ErrorKind::Permanent, message)
        .with_hint(format!("ours are {}", ours().join(", "))))
}

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

/// Returns what is odd about the stages: each one that is in use must stand for one of ours, and
/// each of ours needs one.
pub(crate) fn findings(connection: &ProviderId, pipelines: &[Pipeline]) -> Vec<Finding> {
    let stages = pipelines.first().map_or(&[][..], |pipeline| &pipeline.stages);
    let finding = |message: String, hint: String, blocking| Finding {
        kind: ObjectKind::Deal,
        message,
        hint,
        repair: None,
        blocking,
    };
    let known = ours().join(", ");
    let unmapped = stages.iter().filter(|stage| stage.ours.is_none()).map(|stage| {
        let name = &stage.id;
        finding(
            format!("the stage `{name}` stands for none of ours"),
            format!(
                "add to crm.toml, below [connections.{connection}.stages]: \
                 {name:?} = \"qualified\" (or another of {known})"
            ),
            true,
        )
    });
    let empty = |name: &&&str| !stages.iter().any(|stage| stage.ours.as_deref() == Some(**name));
    let missing = ours().iter().filter(empty).map(|name| {
        finding(
            format!("no active stage stands for `{name}`; deals cannot be brought there"),
            format!(
                "let one of the org's stages stand for it: add to crm.toml, below \
                 [connections.{connection}.stages]: \"Its Name\" = \"{name}\""
            ),
            false,
        )
    });
    unmapped.chain(missing).collect()
}

#[cfg(test)]
mod tests;
