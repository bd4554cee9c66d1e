//! Whose record is it? By our own uid, then by e-mail address, then by phone with surname; a
//! company by its domain, then by phone or name; a deal by title and amount. One to one, and never where there is doubt: a wrong link merges two customers in every CRM.

use std::sync::Arc;

use crm_core::{Field, Fields, MatchKey, ObjectKind, ProviderId, Value, mutant, normal};
use crm_store::{Entity, EntityState, Link, LinkState};

/// Returns the keys that a record with these values can be recognised by, strongest first.
pub fn keys_of(kind: ObjectKind, fields: &Fields) -> Vec<MatchKey> {
    keys_from(kind, |field| fields.get(field))
}

/// Returns the keys that an entity is found by: those of its golden values, or, before anything
/// was decided, those of all that was read.
pub fn keys(entity: &Entity) -> Vec<MatchKey> {
    if !entity.golden.is_empty() {
        return keys_from(entity.kind, |field| entity.golden.value(field));
    }
    let mut keys = Vec::new();
    for observed in entity.links.iter().filter_map(|link| link.observed.as_ref()) {
        for key in keys_of(entity.kind, &observed.fields) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}

/// An activity has no key: two calls about one matter on one day are two calls.
fn keys_from<'v>(kind: ObjectKind, value: impl Fn(Field) -> Option<&'v Value>) -> Vec<MatchKey> {
    let text = |field| match value(field) {
        Some(Value::Text(text)) => Some(text),
        Some(_) | None => None,
    };
    let named = |field| Some(Arc::<str>::from(normal::surname(text(field)?.raw())));
    let phone = |name| {
        let (number, surname) = (text(Field::PHONE)?.key().into(), named(name)?);
        Some(MatchKey::Phone { number, surname })
    };
    match kind {
        ObjectKind::Contact => {
            let email = text(Field::EMAIL).map(|email| MatchKey::Email(email.key().into()));
            email.into_iter().chain(phone(Field::LAST_NAME)).collect()
        }
        ObjectKind::Company => {
            let domain = domain(&value).map(|domain| MatchKey::Domain(domain.into()));
            let name = named(Field::NAME).map(|name| MatchKey::Name { name, with: "".into() });
            domain.into_iter().chain(phone(Field::NAME)).chain(name).collect()
        }
        ObjectKind::Deal => {
            // Without an amount a title says too little: many deals are called the same.
            let with = value(Field::VALUE).map(|amount| amount.display().into());
            let name = named(Field::TITLE).zip(with);
            name.map(|(name, with)| MatchKey::Name { name, with }).into_iter().collect()
        }
        ObjectKind::Activity => Vec::new(),
    }
}

fn domain<'v>(value: impl Fn(Field) -> Option<&'v Value>) -> Option<String> {
    let fields = [Field::DOMAIN, Field::WEBSITE].into_iter();
    let domains = fields.filter_map(|field| Some(normal::domain(value(field)?.as_str()?)));
    domains.into_iter().find(|domain| !domain.is_empty())
}

/// Returns whether records without doubt share a key of this sort: else several on one side are
/// namesakes, and no duplicates.
pub const fn is_unique(key: &MatchKey) -> bool {
    match key {
        MatchKey::Uid(_) | MatchKey::Email(_) | MatchKey::Phone { .. } => true,
        MatchKey::Domain(_) | MatchKey::Name { .. } => false,
    }
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
pub fn matching(
    kind: ObjectKind,
    fields: &Fields,
    provider: &ProviderId,
    candidates: &[&Entity],
) -> Match {
    for key in keys_of(kind, fields) {
        let contradicted = |entity: &Entity| match key {
            MatchKey::Uid(_) | MatchKey::Email(_) | MatchKey::Domain(_) => false,
            MatchKey::Phone { .. } | MatchKey::Name { .. } => {
                contradict(fields.get(Field::FIRST_NAME), shown(entity, Field::FIRST_NAME))
                    || differ(domain(|field| fields.get(field)), domain(|f| shown(entity, f)))
            }
        };
        let found: Vec<usize> = candidates
            .iter()
            .enumerate()
            .filter(|(_, entity)| can_match(entity) && keys(entity).contains(&key))
            .filter(|(_, entity)| !contradicted(entity) || mutant!(ContradictionIgnored))
            .map(|(index, _)| index)
            .collect();
        let free = |index: &usize| {
            let link = candidates.get(*index).and_then(|entity| entity.link(provider));
            !link.is_some_and(Link::is_live)
        };
        match found.as_slice() {
            [] => {}
            [index, others @ ..] if others.is_empty() || mutant!(AmbiguityIgnored) => {
                return one(candidates, *index, provider, &key);
            }
            // Namesakes that are tied here are others.
            several if !is_unique(&key) => {
                let open: Vec<usize> = several.iter().copied().filter(free).collect();
                match open.as_slice() {
                    [] => {}
                    [index] => return one(candidates, *index, provider, &key),
                    _ => return Match::Doubt(doubt(&key)),
                }
            }
            _ => return Match::Doubt(doubt(&key)),
        }
    }
    Match::Nobody
}

/// Returns what is in doubt where several share a key.
pub const fn doubt(key: &MatchKey) -> &'static str {
    match key {
        MatchKey::Uid(_) => "ambiguous_uid",
        MatchKey::Email(_) => "ambiguous_email",
        MatchKey::Phone { .. } => "ambiguous_phone",
        MatchKey::Domain(_) => "ambiguous_domain",
        MatchKey::Name { .. } => "ambiguous_name",
    }
}

fn can_match(entity: &Entity) -> bool {
    match entity.state {
        EntityState::Live | EntityState::Held { .. } => true,
        EntityState::Tombstone { .. } | EntityState::Merged { .. } => false,
    }
}

/// Returns whether two entities, each with one record, may be the same by a key that they share
/// and that says less than an address does.
pub fn compatible(left: &Entity, right: &Entity) -> bool {
    !contradict(shown(left, Field::FIRST_NAME), shown(right, Field::FIRST_NAME))
        && !differ(domain(|f| shown(left, f)), domain(|f| shown(right, f)))
}

fn shown(entity: &Entity, field: Field) -> Option<&Value> {
    entity.golden.value(field).or_else(|| {
        let mut observed = entity.links.iter().filter_map(|link| link.observed.as_ref());
        observed.find_map(|observed| observed.fields.get(field))
    })
}

/// Companies with two domains are two companies.
fn differ(left: Option<String>, right: Option<String>) -> bool {
    left.zip(right).is_some_and(|(left, right)| left != right)
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

fn one(candidates: &[&Entity], index: usize, provider: &ProviderId, key: &MatchKey) -> Match {
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
        Some(LinkState::Live | LinkState::Merged { .. } | LinkState::Doomed { .. }) => match key {
            MatchKey::Email(_) => Match::Doubt("duplicate_email"),
            // Two people of one name may share a phone.
            MatchKey::Phone { .. }
            | MatchKey::Uid(_)
            | MatchKey::Domain(_)
            | MatchKey::Name { .. } => Match::Nobody,
        },
    }
}
