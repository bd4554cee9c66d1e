//! Whose record is it? By our own uid, then by e-mail address, then by phone with surname; one to
//! one, and never where there is doubt: a wrong link merges two customers in every CRM.

use crm_core::{Field, Fields, MatchKey, Value, normal};
use crm_store::{Entity, EntityState, Link, LinkState};

/// Returns the keys that a record with these values can be recognised by, strongest first.
pub fn keys_of(fields: &Fields) -> Vec<MatchKey> {
    keys_from(|field| fields.get(field))
}

/// Returns the keys that an entity is found by: those of its golden values, or, before anything
/// was decided, those of all that was read.
pub fn keys(entity: &Entity) -> Vec<MatchKey> {
    if !entity.golden.is_empty() {
        return keys_from(|field| entity.golden.value(field));
    }
    let mut keys = Vec::new();
    for observed in entity.links.iter().filter_map(|link| link.observed.as_ref()) {
        for key in keys_of(&observed.fields) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}

fn keys_from<'v>(value: impl Fn(Field) -> Option<&'v Value>) -> Vec<MatchKey> {
    let text = |field| match value(field) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    };
    let mut keys = Vec::with_capacity(2);
    if let Some(email) = text(Field::EMAIL) {
        keys.push(MatchKey::Email(email.key().into()));
    }
    if let (Some(number), Some(name)) = (text(Field::PHONE), text(Field::LAST_NAME)) {
        let surname = normal::surname(name.raw()).into();
        keys.push(MatchKey::Phone { number: number.key().into(), surname });
    }
    keys
}

/// What is known of a record that is not linked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// Nobody has it: it founds an entity.
    Nobody,
    /// It belongs to that entity (an index into the candidates).
    One(usize),
    /// It looks like an entity for which a create is under way: the create decides first.
    Pending(usize),
    /// It cannot be linked without doubt.
    Doubt(&'static str),
}

/// Finds the one entity that a record with these values belongs to.
///
/// `candidates` are entities that may share a key; `provider` is the side of the record.
pub fn matching(fields: &Fields, provider: &crm_core::ProviderId, candidates: &[&Entity]) -> Match {
    for key in keys_of(fields) {
        let found: Vec<usize> = candidates
            .iter()
            .enumerate()
            .filter(|(_, entity)| can_match(entity) && keys(entity).contains(&key))
            .filter(|(_, entity)| {
                matches!(key, MatchKey::Email(_))
                    || !contradict(fields.get(Field::FIRST_NAME), first_name(entity))
            })
            .map(|(index, _)| index)
            .collect();
        match (found.as_slice(), &key) {
            ([], _) => {}
            ([index], key) => return one(candidates, *index, provider, key),
            (_, MatchKey::Email(_)) => return Match::Doubt("ambiguous_email"),
            (_, _) => return Match::Doubt("ambiguous_phone"),
        }
    }
    Match::Nobody
}

fn can_match(entity: &Entity) -> bool {
    match entity.state {
        EntityState::Live | EntityState::Held { .. } => true,
        EntityState::Tombstone { .. } | EntityState::Merged { .. } => false,
    }
}

/// Returns whether two entities, each with one record, may be the same person by a phone and
/// surname that they share.
pub fn compatible(left: &Entity, right: &Entity) -> bool {
    !contradict(first_name(left), first_name(right))
}

fn first_name(entity: &Entity) -> Option<&Value> {
    entity.golden.value(Field::FIRST_NAME).or_else(|| {
        let mut observed = entity.links.iter().filter_map(|link| link.observed.as_ref());
        observed.find_map(|observed| observed.fields.get(Field::FIRST_NAME))
    })
}

/// People of one surname share a phone: two given names that do not begin alike are two people.
fn contradict(left: Option<&Value>, right: Option<&Value>) -> bool {
    let (Some(left), Some(right)) = (left.and_then(Value::as_str), right.and_then(Value::as_str))
    else {
        return false;
    };
    let bare = |name: &str| normal::surname(name).trim_end_matches('.').to_owned();
    let (left, right) = (bare(left), bare(right));
    !left.starts_with(&right) && !right.starts_with(&left)
}

fn one(
    candidates: &[&Entity],
    index: usize,
    provider: &crm_core::ProviderId,
    key: &MatchKey,
) -> Match {
    let link = candidates.get(index).and_then(|entity| entity.link(provider));
    match link.map(|link| &link.state) {
        // A person made the record again after it was deleted.
        None | Some(LinkState::Gone { .. }) => Match::One(index),
        Some(LinkState::Claimed) => {
            if link.is_some_and(Link::is_open) {
                Match::Pending(index)
            } else {
                Match::One(index)
            }
        }
        Some(LinkState::Live | LinkState::Merged { .. }) => match key {
            MatchKey::Email(_) => Match::Doubt("duplicate_email"),
            // Two people of one name may share a phone.
            MatchKey::Phone { .. } | MatchKey::Uid(_) | MatchKey::Domain(_) => Match::Nobody,
        },
    }
}
