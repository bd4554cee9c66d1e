//! What could not be synchronised, and what a person can do about it: one catalogue for every
//! connection.
//!
//! A problem is not a row of its own. It is a record that is parked, a field that is refused or
//! an entity that is held, as the ledger has it anyway: it goes when its cause goes.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use crm_core::{EntityId, Field, ObjectKind, ProviderId, RemoteId};
use crm_store::{
    Actor, AuditKind, AuditNote, Commit, Conflict, ConflictQuery, ConflictState, Details, Entity,
    EntityState, Link, Mark, Mutation, ProblemQuery, Store,
};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::{EngineError, report};

/// What sort of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemClass {
    /// A value was not accepted.
    Validation,
    /// A required field has no value.
    MissingRequired,
    /// A choice is not one of the list there.
    UnknownChoice,
    /// Another record has a value that must be unique, or it is not clear whose record it is.
    Duplicate,
    /// A right is missing.
    Permission,
    /// A value is longer than the field.
    TooLong,
    /// A record that it refers to is not there.
    ReferenceMissing,
    /// A limit of the account is reached.
    Quota,
    /// The field does not exist there, or cannot be written.
    UnmappedField,
    /// Something in a CRM changes a field back again and again.
    Oscillation,
    /// The connection cannot do it.
    Unsupported,
    /// Nothing of the above.
    Bug,
}

impl ProblemClass {
    /// All classes.
    pub const ALL: [Self; 12] = [
        Self::Validation,
        Self::MissingRequired,
        Self::UnknownChoice,
        Self::Duplicate,
        Self::Permission,
        Self::TooLong,
        Self::ReferenceMissing,
        Self::Quota,
        Self::UnmappedField,
        Self::Oscillation,
        Self::Unsupported,
        Self::Bug,
    ];

    /// Returns the name used in commands.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::MissingRequired => "missing_required",
            Self::UnknownChoice => "unknown_choice",
            Self::Duplicate => "duplicate",
            Self::Permission => "permission",
            Self::TooLong => "too_long",
            Self::ReferenceMissing => "reference_missing",
            Self::Quota => "quota",
            Self::UnmappedField => "unmapped_field",
            Self::Oscillation => "oscillation",
            Self::Unsupported => "unsupported",
            Self::Bug => "bug",
        }
    }

    /// Returns what a person can do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Validation => "correct the value in the CRM it comes from; it is tried again",
            Self::MissingRequired => {
                "fill the field in, or set required_default for it in the configuration"
            }
            Self::UnknownChoice => {
                "add the choice to the field's list there, or choose another one here"
            }
            Self::Duplicate => "merge the two records, or correct the value that must be unique",
            Self::Permission => {
                "give the connection's user the right to write it, then `crm problems retry`"
            }
            Self::TooLong => "shorten the value, or make the field longer there",
            Self::ReferenceMissing => {
                "let the record that it refers to be synchronised first, then `crm problems retry`"
            }
            Self::Quota => "wait until the limit is over or raise it, then `crm problems retry`",
            Self::UnmappedField => {
                "make the field there (`crm check --fix`), or leave it out of the configuration"
            }
            Self::Oscillation => {
                "stop the workflow in the CRM that changes the field back, then resolve the conflict"
            }
            Self::Unsupported => "leave it out of the configuration for this connection",
            Self::Bug => "report it with the vendor's request id: `crm problems show ID --json`",
        }
    }

    /// Tells the class of a refusal from what is stored of it.
    pub fn of(class: &str, details: Option<&Details>, message: &str) -> Self {
        let code = details.and_then(|details| details.code.as_deref()).unwrap_or_default();
        let class = details.and_then(|details| details.class.as_deref()).unwrap_or(class);
        if let Some(known) = by_code(code) {
            return known;
        }
        match class {
            "missing_required" => Self::MissingRequired,
            "duplicate" | "duplicate_value" | "duplicate_rule" | "conflict" | "duplicate_uid"
            | "duplicate_email" | "ambiguous_email" | "ambiguous_phone" | "ambiguous_uid"
            | "ambiguous_domain" | "ambiguous_name" | "merged_elsewhere" | "waiting_for_create" => {
                Self::Duplicate
            }
            "too_long" => Self::TooLong,
            "unknown_choice" | "currency_not_enabled" => Self::UnknownChoice,
            "inactive_owner" => Self::Validation,
            "read_only" => Self::UnmappedField,
            "forbidden" | "auth" => Self::Permission,
            "quota_exhausted" | "rate_limited" => Self::Quota,
            "unsupported" => Self::Unsupported,
            "reference_missing" => Self::ReferenceMissing,
            "oscillation" => Self::Oscillation,
            "validation" | "refused" => by_message(message).unwrap_or(Self::Validation),
            _ => by_message(message).unwrap_or(Self::Bug),
        }
    }
}

/// The vendors' own codes, as far as they say more than the kind of the error.
fn by_code(code: &str) -> Option<ProblemClass> {
    Some(match code {
        "REQUIRED_FIELD_MISSING" | "MISSING_REQUIRED_PROPERTY" | "REQUIRED_FIELD" => {
            ProblemClass::MissingRequired
        }
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" | "INVALID_OPTION" => ProblemClass::UnknownChoice,
        "DUPLICATE_VALUE" | "DUPLICATES_DETECTED" | "CONTACT_EXISTS" => ProblemClass::Duplicate,
        "INSUFFICIENT_ACCESS"
        | "INSUFFICIENT_ACCESS_OR_READONLY"
        | "MISSING_SCOPES"
        | "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY" => ProblemClass::Permission,
        "STRING_TOO_LONG" | "INVALID_LENGTH" | "NUMBER_OUTSIDE_VALID_RANGE" => {
            ProblemClass::TooLong
        }
        "INVALID_CROSS_REFERENCE_KEY" | "ENTITY_IS_DELETED" | "INVALID_ASSOCIATION" => {
            ProblemClass::ReferenceMissing
        }
        "STORAGE_LIMIT_EXCEEDED" | "REQUEST_LIMIT_EXCEEDED" => ProblemClass::Quota,
        "INVALID_FIELD"
        | "INVALID_FIELD_FOR_INSERT_UPDATE"
        | "PROPERTY_DOESNT_EXIST"
        | "READ_ONLY_VALUE" => ProblemClass::UnmappedField,
        _ => return None,
    })
}

fn by_message(message: &str) -> Option<ProblemClass> {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["required"]) {
        Some(ProblemClass::MissingRequired)
    } else if says(&["too long", "too large", "maximum length"]) {
        Some(ProblemClass::TooLong)
    } else if says(&["picklist", "allowed option", "not one of"]) {
        Some(ProblemClass::UnknownChoice)
    } else {
        None
    }
}

impl fmt::Display for ProblemClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a class of problems")]
pub struct UnknownClass(String);

impl FromStr for ProblemClass {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        let found = Self::ALL.into_iter().find(|class| class.name() == text);
        found.ok_or_else(|| UnknownClass(text.to_owned()))
    }
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Problem {
    /// Its id, the same as long as it lasts; the beginning of it will do.
    pub id: String,
    /// Its sort.
    pub class: ProblemClass,
    /// The same for all problems with one cause: connection, kind, class, code, field.
    pub fingerprint: String,
    /// The entity.
    pub entity: EntityId,
    /// What it is.
    pub kind: ObjectKind,
    /// Who it is, as a person would say it.
    pub label: String,
    /// The connection.
    pub provider: Option<ProviderId>,
    /// The record, if there is one.
    pub remote: Option<RemoteId>,
    /// The field; none where the whole record is concerned.
    pub field: Option<Field>,
    /// What was said.
    pub message: String,
    /// What a person can do about it.
    pub remedy: String,
    /// Since when; not known of a refused field.
    pub at: Option<Timestamp>,
    /// The circumstances.
    pub details: Details,
}

/// Reads all problems of a kind, those that were dismissed too.
pub async fn problems(store: &dyn Store, kind: ObjectKind) -> Result<Vec<Problem>, EngineError> {
    let mut found = Vec::new();
    for entity in store.problems(ProblemQuery { kind, limit: 0 }).await? {
        of_entity(&entity, &mut found);
    }
    let query = ConflictQuery { state: Some(ConflictState::Open), entity: None, limit: 0 };
    for conflict in store.conflicts(query).await? {
        if conflict.kind == kind && conflict.rule == ProblemClass::Oscillation.name() {
            found.push(of_conflict(&conflict));
        }
    }
    Ok(found)
}

/// Adds the problems of an entity.
pub fn of_entity(entity: &Entity, found: &mut Vec<Problem>) {
    if let EntityState::Held { reason, of } = &entity.state {
        let class = ProblemClass::of(reason, None, "");
        let live = || entity.links.iter().find(|link| link.is_live());
        let (link, message, remedy) = match of {
            Some(_) => (
                live(),
                "its record was merged into another one elsewhere, and here both are still there",
                "merge the two here as well, or delete this one",
            ),
            None => (
                entity.links.first(),
                "the record cannot be matched without doubt, and is written nowhere",
                "merge duplicates in the CRM, or correct the address or phone",
            ),
        };
        let mut problem = new(entity, link, None, class, Details::default());
        message.clone_into(&mut problem.message);
        remedy.clone_into(&mut problem.remedy);
        found.push(problem);
    }
    for link in &entity.links {
        if let Some(parked) = &link.parked {
            let details = parked.details.as_deref();
            let class = ProblemClass::of(&parked.class, details, &parked.message);
            let details = details.cloned().unwrap_or_default();
            let mut problem = new(entity, Some(link), None, class, details);
            problem.message.clone_from(&parked.message);
            problem.remedy.clone_from(&parked.remedy);
            problem.at = Some(parked.at);
            found.push(problem);
        }
        for (field, slot) in link.slots.iter() {
            let Some(refused) = &slot.refused else { continue };
            let details = refused.details.as_deref();
            let class = ProblemClass::of("refused", details, &refused.message);
            let details = details.cloned().unwrap_or_default();
            let mut problem = new(entity, Some(link), Some(field), class, details);
            problem.message.clone_from(&refused.message);
            found.push(problem);
        }
    }
}

fn of_conflict(conflict: &Conflict) -> Problem {
    let entity = Entity::new(conflict.entity, conflict.kind);
    let class = ProblemClass::Oscillation;
    let mut problem = new(&entity, None, Some(conflict.field), class, Details::default());
    "the field is changed back again and again".clone_into(&mut problem.message);
    problem.at = Some(conflict.at);
    problem
}

fn new(
    entity: &Entity,
    link: Option<&Link>,
    field: Option<Field>,
    class: ProblemClass,
    details: Details,
) -> Problem {
    let provider = link.map(|link| link.provider.clone());
    let name = provider.as_ref().map_or("", |provider| provider.as_str());
    let of = field.map(|field| field.to_string()).unwrap_or_default();
    let code = details.code.as_deref().unwrap_or_default();
    let path = format!("problem\u{1f}{name}\u{1f}{of}");
    let cause =
        format!("cause\u{1f}{name}\u{1f}{}\u{1f}{class}\u{1f}{code}\u{1f}{of}", entity.kind.name());
    let cause = Uuid::new_v5(&Uuid::NAMESPACE_OID, cause.as_bytes()).simple().to_string();
    Problem {
        id: Uuid::new_v5(&entity.id.uuid(), path.as_bytes()).simple().to_string(),
        class,
        fingerprint: cause.chars().take(12).collect(),
        entity: entity.id,
        kind: entity.kind,
        label: report::label(entity),
        provider,
        remote: link.and_then(|link| link.remote.clone()),
        field,
        message: String::new(),
        remedy: class.remedy().to_owned(),
        at: None,
        details,
    }
}

/// What is done with a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next sync tries again.
    Retry,
    /// It is not shown any more, until the record's agreed values change.
    Dismiss,
}

/// Carries out a verdict on a problem; returns whether there was anything to do.
pub async fn settle(
    store: &dyn Store,
    problem: &Problem,
    verdict: Verdict,
    now: Timestamp,
) -> Result<bool, EngineError> {
    let found = store.entities(&[problem.entity]).await?.into_iter().flatten().next();
    let Some(mut entity) = found else { return Ok(false) };
    let id = entity.id;
    let held = matches!(entity.state, EntityState::Held { .. });
    let mut mutations = Vec::new();
    let link = problem.provider.as_ref().and_then(|provider| entity.link_mut(provider));
    if let Some(link) = link
        && touch(link, problem.field, verdict)
    {
        mutations.push(Mutation::Link(id, Box::new(link.clone())));
    }
    if mutations.is_empty() && !(held && verdict == Verdict::Retry) {
        return Ok(false);
    }
    if verdict == Verdict::Retry {
        mutations.push(Mutation::Mark(id, Some(Mark { due: now, attempts: 0 })));
    }
    let what = match verdict {
        Verdict::Retry => AuditKind::ProblemRetried,
        Verdict::Dismiss => AuditKind::ProblemDismissed,
    };
    mutations.push(Mutation::Audit(Box::new(AuditNote {
        at: now,
        run: None,
        actor: Actor::Person,
        what,
        entity: Some(id),
        provider: problem.provider.clone(),
        detail: Some(problem.class.name().to_owned()),
    })));
    let expected = vec![(id, entity.row_version)];
    store.commit(Commit { expected, fences: Vec::new(), mutations }).await?;
    Ok(true)
}

fn touch(link: &mut Link, field: Option<Field>, verdict: Verdict) -> bool {
    let dismissed = |details: &mut Option<Box<Details>>| {
        let details = details.get_or_insert_with(Box::default);
        !std::mem::replace(&mut details.dismissed, true)
    };
    match (field, verdict) {
        (None, Verdict::Retry) => link.parked.take().is_some(),
        (None, Verdict::Dismiss) => {
            link.parked.as_mut().is_some_and(|parked| dismissed(&mut parked.details))
        }
        (Some(field), verdict) => {
            if link.slots.slot(field).is_none_or(|slot| slot.refused.is_none()) {
                return false;
            }
            let slot = link.slots.slot_mut(field);
            match verdict {
                Verdict::Retry => slot.refused.take().is_some(),
                Verdict::Dismiss => {
                    slot.refused.as_mut().is_some_and(|refused| dismissed(&mut refused.details))
                }
            }
        }
    }
}
