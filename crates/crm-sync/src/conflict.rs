//! What a person decides. A decision is one commit of the ledger, made without a request: the
//! next sync writes what follows from it.

use crm_core::{Field, Patch, ProviderId, RunId, Value, mutant};
use crm_store::{
    Commit, Conflict, ConflictId, ConflictQuery, ConflictState, Decided, Entity, GoldenSlot,
    History, Mark, Mutation, Provenance, Shadow, Store, StoreError,
};
use jiff::Timestamp;

use crate::{EngineError, decide};

/// How often a decision is made again because somebody else changed the entity meanwhile.
const RACES_MAX: usize = 8;

/// The rule under which history tells of a decision.
const RULE: &str = "resolved";

/// What is to become of a conflict.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// The value of that side: as a contender, or as it was before where the side did not contend.
    Take(ProviderId),
    /// That value, whoever has it. Must name the conflict's field and no other.
    Values(Patch),
}

/// The text names no resolution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a resolution: use primary or secondary, or give the value")]
pub struct UnknownResolution(String);

impl TryFrom<&str> for Resolution {
    type Error = UnknownResolution;

    /// Reads `primary` or `secondary`: the engine takes the connection of that part. `merged` is
    /// a value that only a person can give.
    fn try_from(text: &str) -> Result<Self, UnknownResolution> {
        match text {
            "primary" | "secondary" => Ok(Self::Take(ProviderId::new(text))),
            _ => Err(UnknownResolution(text.to_owned())),
        }
    }
}

/// A conflict in the state in which it was shown: a decision is about that, and about nothing
/// that came later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConflictRef {
    /// Which one.
    pub id: ConflictId,
    /// Its [revision](Conflict::revision).
    pub revision: u64,
}

impl From<&Conflict> for ConflictRef {
    fn from(conflict: &Conflict) -> Self {
        Self { id: conflict.id, revision: conflict.revision() }
    }
}

/// A decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// What it is about.
    pub conflict: ConflictRef,
    /// What is decided.
    pub resolution: Resolution,
    /// By whom.
    pub by: String,
    /// Under which run it is kept.
    pub run: RunId,
}

/// Carries a decision out: the value becomes golden, the field goes on, and what the sides showed
/// is settled. Makes no request. Returns the conflict as it stands then.
///
/// # Errors
/// If the conflict is unknown, no longer open, or not as it was shown; or if the decision does
/// not fit it. Nothing was changed then.
pub async fn resolve(
    store: &dyn Store,
    ruling: &Ruling,
    now: Timestamp,
) -> Result<Conflict, EngineError> {
    for _ in 0..RACES_MAX {
        let (conflict, entity) = open(store, ruling.conflict).await?;
        let (commit, resolved) = commit(&entity, conflict, ruling, now)?;
        match store.commit(commit).await {
            Err(StoreError::Raced) => {}
            done => return Ok(done.map(|()| resolved)?),
        }
    }
    Err(StoreError::Raced.into())
}

/// Reads the conflict and its entity, and refuses what is not as it was shown.
async fn open(store: &dyn Store, wanted: ConflictRef) -> Result<(Conflict, Entity), EngineError> {
    let query = ConflictQuery { state: Some(ConflictState::Open), ..ConflictQuery::default() };
    let open = store.conflicts(query).await?;
    let Some(conflict) = open.into_iter().find(|conflict| conflict.id == wanted.id) else {
        let all = store.conflicts(ConflictQuery::default()).await?;
        return Err(match all.into_iter().find(|conflict| conflict.id == wanted.id) {
            Some(conflict) => EngineError::ConflictSettled(Box::new(conflict)),
            None => EngineError::UnknownConflict(wanted.id),
        });
    };
    let entity = store.entities(&[conflict.entity]).await?.into_iter().flatten().next();
    let frozen = entity.filter(|e| e.golden.frozen(conflict.field) == Some(conflict.id));
    match frozen {
        Some(entity) if conflict.revision() == wanted.revision || mutant!(StaleResolution) => {
            Ok((conflict, entity))
        }
        Some(_) | None => Err(EngineError::ConflictMoved(Box::new(conflict))),
    }
}

/// Turns a decision into a commit.
fn commit(
    entity: &Entity,
    conflict: Conflict,
    ruling: &Ruling,
    now: Timestamp,
) -> Result<(Commit, Conflict), EngineError> {
    let field = conflict.field;
    let (value, source) = chosen(entity, &conflict, &ruling.resolution)?;
    let mut decided = entity.clone();
    decided.version += 1;
    let version = decided.version;
    let before = entity.golden.value(field).cloned();
    let provenance = Provenance { version, source: source.clone(), at: Some(now), run: ruling.run };
    decided.golden.set(field, GoldenSlot { value: value.clone(), provenance });
    decided.golden.thaw(field);
    decided.golden.set_flips(field, None);
    let mut mutations = settle(&mut decided, &conflict);
    let keys = (decide::key_hashes(entity), decide::key_hashes(&decided));
    if keys.0 != keys.1 {
        mutations.push(Mutation::Keys {
            entity: entity.id,
            kind: entity.kind,
            remove: keys.0.iter().filter(|key| !keys.1.contains(key)).copied().collect(),
            add: keys.1.iter().filter(|key| !keys.0.contains(key)).copied().collect(),
        });
    }
    decided.links.clear();
    decided.mark = Some(Mark { due: now, attempts: 0 }.after(entity.mark));
    mutations.push(Mutation::Entity(Box::new(decided)));
    mutations.push(Mutation::History(Box::new(History {
        entity: entity.id,
        field,
        version,
        before,
        after: value.clone(),
        source: source.clone(),
        rule: RULE.to_owned(),
        at: now,
        run: ruling.run,
    })));
    let resolved = Conflict {
        chosen: value,
        winner: source,
        state: ConflictState::Resolved,
        decided: Some(Decided { by: ruling.by.clone(), at: now }),
        ..conflict
    };
    mutations.push(Mutation::Conflict(Box::new(resolved.clone())));
    let expected = vec![(entity.id, entity.row_version)];
    Ok((Commit { expected, fences: Vec::new(), mutations }, resolved))
}

/// Makes what the contenders showed their shadows: it was looked at when the decision was made,
/// so only what comes later is news.
fn settle(entity: &mut Entity, conflict: &Conflict) -> Vec<Mutation> {
    let (id, field) = (entity.id, conflict.field);
    let mut mutations = Vec::new();
    mutant!(ResolutionContended, return mutations);
    for link in &mut entity.links {
        let shown = contender(conflict, &link.provider);
        let Some(shown) = shown else { continue };
        let slot = link.slots.slot_mut(field);
        slot.shadow = Shadow::of(shown);
        slot.ack = 0;
        mutations.push(Mutation::Link(id, Box::new(link.clone())));
    }
    mutations
}

/// Returns what a side contends with. Where it is the source of the golden value as well, that
/// one is not its own say: a side that shows the golden value does not contend.
#[expect(clippy::option_option, reason = "no contender, or one whose field is blank")]
fn contender(conflict: &Conflict, provider: &ProviderId) -> Option<Option<Value>> {
    let of = conflict.contenders.iter().filter(|c| c.provider.as_ref() == Some(provider));
    let mut own = of.filter(|contender| contender.value != conflict.base);
    own.next().map(|contender| contender.value.clone())
}

/// Finds the value that a decision means, and whose it is.
fn chosen(
    entity: &Entity,
    conflict: &Conflict,
    resolution: &Resolution,
) -> Result<(Option<Value>, Option<ProviderId>), EngineError> {
    match resolution {
        Resolution::Take(provider) => {
            let held = || {
                let slot = entity.link(provider)?.slots.slot(conflict.field)?;
                (slot.shadow != Shadow::None).then(|| slot.shadow.value().cloned())
            };
            let value = contender(conflict, provider).or_else(held);
            let value = value.ok_or_else(|| EngineError::NoSide {
                provider: provider.clone(),
                field: conflict.field,
                sides: sides(entity),
            })?;
            Ok((value, Some(provider.clone())))
        }
        Resolution::Values(values) => {
            let mut values = values.iter();
            match (values.next(), values.next()) {
                (Some((field, value)), None) if field == conflict.field => {
                    Ok((value.cloned(), None))
                }
                (_, _) => Err(EngineError::OtherField(conflict.field)),
            }
        }
    }
}

fn sides(entity: &Entity) -> Vec<ProviderId> {
    entity.links.iter().map(|link| link.provider.clone()).collect()
}

/// Reads the value that a person gives for a field.
///
/// # Errors
/// If it cannot be a value of the field.
pub fn value_of(
    kind: crm_core::ObjectKind,
    field: Field,
    text: &str,
    normalizer: crm_core::Normalizer,
) -> Result<Option<Value>, EngineError> {
    use crm_core::FieldType;
    if text.trim().is_empty() {
        return Ok(None);
    }
    let wrong = || EngineError::WrongValue { field, text: text.to_owned() };
    let spec = crm_core::schema::spec(kind, field).ok_or_else(wrong)?;
    let text = text.trim();
    let value = match spec.ty {
        FieldType::Text | FieldType::Email | FieldType::Phone | FieldType::Url => {
            return Ok(normalizer.text(spec.ty, text));
        }
        FieldType::Integer => text.parse().ok().map(Value::Integer),
        FieldType::Decimal | FieldType::Money => text.parse().ok().map(Value::Decimal),
        FieldType::Bool => text.parse().ok().map(Value::Bool),
        FieldType::Date => text.parse().ok().map(Value::Date),
        FieldType::Instant => text.parse().ok().map(Value::Instant),
        FieldType::Choice(names) => names.contains(&text).then(|| Value::Choice(text.into())),
        FieldType::List => {
            let members = text.split(',').map(str::trim).filter(|member| !member.is_empty());
            let mut members: Vec<Value> =
                members.filter_map(|member| normalizer.text(FieldType::Text, member)).collect();
            members.sort();
            members.dedup();
            Some(Value::List(members))
        }
        // Records are referred to by ids of ours that nobody types.
        FieldType::Reference(_) | FieldType::References(_) => None,
    };
    value.map(Some).ok_or_else(wrong)
}
