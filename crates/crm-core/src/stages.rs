//! The stages of deals: each account has its own, and each stands for one of ours.

use std::collections::BTreeMap;

use crate::{
    ErrorKind, Field, FieldType, Finding, ObjectKind, Pipeline, ProviderError, ProviderId, Result,
    schema,
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

/// Returns what is odd about the stages: each one that is in use must stand for one of ours, and
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
