//! Stages: every account has its own, and each stands for one of ours.

use crm_core::{ErrorKind, Field, Patch, SharedProvider, Value};

use super::harness::{Harness, failure, value};
use super::room::StageOf;

/// Returns the stages of the fake; without any, asserts that writing one is refused.
async fn stages(harness: &Harness) -> &'static [StageOf] {
    if harness.mapping().rule(Field::STAGE).is_some() {
        assert!(harness.room.stages.len() > 1, "the room has a stage and names none");
        return harness.room.stages;
    }
    assert!(harness.room.stages.is_empty(), "the room names stages and declares none");
    let provider = harness.provider();
    let write = stage(harness, 0, &harness.room.nobody.into(), "qualified");
    assert_eq!(failure(harness.apply_one(&provider, write).await), ErrorKind::Unsupported);
    assert_eq!(harness.requests(""), 0);
    &[]
}

fn stage(harness: &Harness, n: usize, id: &crm_core::RemoteId, ours: &str) -> crm_core::Write {
    let patch: Patch = [(Field::STAGE, Some(Value::Choice(ours.into())))].into_iter().collect();
    harness.change(n, id, patch)
}

fn remote(harness: &Harness) -> &'static str {
    harness.mapping().rule(Field::STAGE).unwrap().remote
}

/// Every stage of the account is read as the one that it stands for.
pub async fn a_stage_is_one_of_ours(harness: &Harness) {
    let provider = harness.provider();
    for (n, stage) in stages(harness).await.iter().enumerate() {
        let id = seeded(harness, n, stage);
        let read = harness.read(&provider, &id).await;
        assert_eq!(value(&read, Field::STAGE).as_deref(), Some(stage.ours), "{}", stage.stored);
    }
}

/// One of ours is written as the first stage that stands for it.
pub async fn a_stage_is_written_as_the_first_that_stands_for_it(harness: &Harness) {
    let provider = harness.provider();
    let all = stages(harness).await;
    for (n, wanted) in all.iter().enumerate() {
        let Some(from) = all.iter().find(|from| from.ours != wanted.ours) else { continue };
        let first = all.iter().find(|stage| stage.ours == wanted.ours).unwrap();
        let id = seeded(harness, n, from);
        moved(harness, &provider, n, &id, wanted.ours).await;
        assert_eq!(harness.stored_as(&id, remote(harness)).as_deref(), Some(first.stored));
    }
}

/// A record whose stage stands for the one that is written keeps its stage: several may.
pub async fn a_stage_that_stands_for_it_already_stays(harness: &Harness) {
    let provider = harness.provider();
    for (n, stage) in stages(harness).await.iter().enumerate() {
        let id = seeded(harness, n, stage);
        moved(harness, &provider, n, &id, stage.ours).await;
        assert_eq!(harness.stored_as(&id, remote(harness)).as_deref(), Some(stage.stored));
    }
}

fn seeded(harness: &Harness, n: usize, stage: &StageOf) -> crm_core::RemoteId {
    let mut fields = harness.record(n);
    fields.set(Field::STAGE, None);
    harness.seed_with(&fields, &[(remote(harness), stage.stored)])
}

async fn moved(
    harness: &Harness,
    provider: &SharedProvider,
    n: usize,
    id: &crm_core::RemoteId,
    ours: &str,
) {
    let written = harness.apply_one(provider, stage(harness, n, id, ours)).await.unwrap();
    if let Some(stored) = written.stored.as_ref().and_then(|stored| stored.get(Field::STAGE)) {
        assert_eq!(stored.as_str(), Some(ours));
    }
    let read = harness.read(provider, id).await;
    assert_eq!(value(&read, Field::STAGE).as_deref(), Some(ours));
}
