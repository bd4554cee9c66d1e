//! The stages of deals: each account has its own, and each stands for one of ours.

use std::collections::BTreeMap;

use crate::{
    ErrorKind, Field, FieldType, Finding, ObjectKind, Pipeline, ProviderError, ProviderId, Result,
    Stage, schema,
};

/// The configured map from an account's stages to ours.
pub type StageMap = BTreeMap<String, String>;

/// Returns our stages.
pub fn ours() -> &'static [&'static str] {
    match schema::spec(ObjectKind::Deal, Field::STAGE).map(|spec| spec.ty) {
        Some(FieldType::Choice(names)) => names,
        Some(_) | None => &[],
    }
}

/// Checks a configured map.
pub fn check(map: &StageMap) -> Result<()> {
    let Some((theirs, wrong)) = map.iter().find(|(_, name)| !ours().contains(&name.as_str()))
    else {
        return Ok(());
    };
    let message = format!("`stages` says `{theirs}` is `{wrong}`, which is no stage of ours");
    Err(ProviderError::new(ErrorKind::Permanent, message)
        .with_hint(format!("ours are {}", ours().join(", "))))
}

/// Returns a finding for each stage of any pipeline that stands for none of ours.
pub fn strangers(connection: &ProviderId, pipelines: &[Pipeline]) -> Vec<Finding> {
    let stages = pipelines
        .iter()
        .flat_map(|pipeline| pipeline.stages.iter().map(move |stage| (pipeline, stage)));
    let unknown = stages.filter(|(_, stage)| stage.ours.is_none());
    let finding = |(pipeline, stage): (&Pipeline, &Stage)| Finding {
        kind: ObjectKind::Deal,
        message: format!(
            "the stage `{}` of the pipeline `{}` stands for none of ours",
            stage.label, pipeline.label
        ),
        hint: format!(
            "add `\"{}\" = \"…\"` to [connections.{connection}.stages] in crm.toml, with one of {}",
            stage.id,
            ours().join(", ")
        ),
        repair: None,
        blocking: true,
    };
    unknown.map(finding).collect()
}

/// Returns what is odd about the stages of the first pipeline: each one that is in use must stand for one of ours, and
/// each of ours needs one.
pub fn findings(connection: &ProviderId, pipelines: &[Pipeline]) -> Vec<Finding> {
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
                "let one of the account's stages stand for it: add to crm.toml, below \
                 [connections.{connection}.stages]: \"Its Name\" = \"{name}\""
            ),
            false,
        )
    });
    unmapped.chain(missing).collect()
}
