//! Associations: which types there are between which kinds of record, and who is tied to whom.
//!
//! Types have a direction: a tie is two entries, one for each of its ends, with two numbers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::kind::Kind;

/// What a type of association says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// That the two have to do with each other.
    Plain,
    /// That of all companies this is the one; a record has one such company.
    Primary,
    /// That one company belongs to the other.
    Parent,
}

/// A type of association, seen from one of its ends.
#[derive(Clone, Debug)]
pub(super) struct Directed {
    /// Its number from here.
    pub(super) id: u32,
    /// Its number from the other end.
    pub(super) back: u32,
    pub(super) role: Role,
    /// The name under which lists show it.
    pub(super) legacy: String,
    /// Whether this end is the one that has a single primary company.
    holds_primary: bool,
}

/// Kinds, numbers from both ends, role.
const TYPES: &[(&str, &str, u32, u32, Role)] = &[
    ("contacts", "companies", 279, 280, Role::Plain),
    ("contacts", "companies", 1, 2, Role::Primary),
    ("deals", "companies", 341, 342, Role::Plain),
    ("deals", "companies", 5, 6, Role::Primary),
    ("deals", "contacts", 3, 4, Role::Plain),
    ("companies", "companies", 450, 450, Role::Plain),
    ("companies", "companies", 13, 14, Role::Parent),
    ("contacts", "contacts", 449, 449, Role::Plain),
    ("deals", "deals", 451, 451, Role::Plain),
    ("calls", "contacts", 194, 193, Role::Plain),
    ("calls", "companies", 182, 181, Role::Plain),
    ("calls", "deals", 206, 205, Role::Plain),
    ("emails", "contacts", 198, 197, Role::Plain),
    ("emails", "companies", 186, 185, Role::Plain),
    ("emails", "deals", 210, 209, Role::Plain),
    ("meetings", "contacts", 200, 199, Role::Plain),
    ("meetings", "companies", 188, 187, Role::Plain),
    ("meetings", "deals", 212, 211, Role::Plain),
    ("notes", "contacts", 202, 201, Role::Plain),
    ("notes", "companies", 190, 189, Role::Plain),
    ("notes", "deals", 214, 213, Role::Plain),
    ("tasks", "contacts", 204, 203, Role::Plain),
    ("tasks", "companies", 192, 191, Role::Plain),
    ("tasks", "deals", 216, 215, Role::Plain),
];

/// Returns the types from one kind to another, the plain one first.
pub(super) fn types(from: &Kind, to: &Kind) -> Vec<Directed> {
    let mut found: Vec<Directed> = Vec::new();
    for (one, other, ahead, back, role) in TYPES.iter().copied() {
        let ends = [(one, other, ahead, back, true), (other, one, back, ahead, false)];
        for (here, there, id, back, ahead) in ends {
            let known = found.iter().any(|known| known.id == id);
            if here == from.plural && there == to.plural && !known {
                let holds_primary = role == Role::Primary && ahead;
                let legacy = legacy(from, to, role, ahead);
                found.push(Directed { id, back, role, legacy, holds_primary });
            }
        }
    }
    found
}

fn legacy(from: &Kind, to: &Kind, role: Role, ahead: bool) -> String {
    let (one, other) = (from.singular, to.singular);
    let has_primary =
        matches!((one, other), ("contact" | "deal", "company") | ("company", "contact" | "deal"));
    match role {
        Role::Parent if ahead => "parent_to_child_company".to_owned(),
        Role::Parent => "child_to_parent_company".to_owned(),
        Role::Plain if has_primary => format!("{one}_to_{other}_unlabeled"),
        Role::Plain | Role::Primary => format!("{one}_to_{other}"),
    }
}

/// Returns the type of a number.
pub(super) fn typed(from: &Kind, to: &Kind, id: u32) -> Option<Directed> {
    types(from, to).into_iter().find(|known| known.id == id)
}

/// Returns the kinds between which a number is a type.
pub(super) fn kinds_of(id: u32) -> Option<(&'static str, &'static str)> {
    TYPES.iter().find_map(|(one, other, ahead, back, _)| {
        if *ahead == id { Some((*one, *other)) } else { (*back == id).then_some((*other, *one)) }
    })
}

/// One end of a tie: kind and number.
pub(super) type End = (&'static str, u64);

/// Who is tied to whom.
#[derive(Debug, Default)]
pub(super) struct Ties(BTreeMap<(End, End), BTreeSet<u32>>);

impl Ties {
    /// Returns whom a record is tied to among the records of a kind, in the order of numbers.
    pub(super) fn of(
        &self,
        from: End,
        to: &'static str,
    ) -> impl Iterator<Item = (u64, &BTreeSet<u32>)> {
        let range = (from, (to, 0))..=(from, (to, u64::MAX));
        self.0.range(range).map(|((_, (_, key)), types)| (*key, types))
    }

    /// Ties two records; returns whether that was new. A new primary company takes the place of
    /// the old one, which stays an ordinary one.
    pub(super) fn tie(&mut self, from: End, to: End, with: &Directed, plain: &Directed) -> bool {
        if with.role == Role::Primary {
            let (holder, company) = if with.holds_primary { (from, to) } else { (to, from) };
            let (ahead, back) =
                if with.holds_primary { (with.id, with.back) } else { (with.back, with.id) };
            let all: Vec<u64> = self.of(holder, company.0).map(|(key, _)| key).collect();
            for key in all.into_iter().filter(|key| *key != company.1) {
                self.remove(holder, (company.0, key), ahead, back);
            }
            self.add(from, to, plain);
        }
        self.add(from, to, with)
    }

    fn add(&mut self, from: End, to: End, with: &Directed) -> bool {
        let new = self.0.entry((from, to)).or_default().insert(with.id);
        self.0.entry((to, from)).or_default().insert(with.back);
        new
    }

    /// Takes one type away.
    pub(super) fn untie(&mut self, from: End, to: End, with: &Directed) -> bool {
        self.remove(from, to, with.id, with.back)
    }

    fn remove(&mut self, from: End, to: End, ahead: u32, back: u32) -> bool {
        let mut removed = false;
        for (ends, id) in [((from, to), ahead), ((to, from), back)] {
            if let Some(types) = self.0.get_mut(&ends) {
                removed |= types.remove(&id);
                if types.is_empty() {
                    self.0.remove(&ends);
                }
            }
        }
        removed
    }

    /// Takes away everything between two records.
    pub(super) fn cut(&mut self, from: End, to: End) -> bool {
        let ahead = self.0.remove(&(from, to)).is_some();
        self.0.remove(&(to, from)).is_some() || ahead
    }

    /// Gives a record's ties to the one that absorbed it. A primary company that the survivor has
    /// stays the primary one.
    pub(super) fn inherit(&mut self, loser: End, survivor: End) {
        let all: Vec<End> =
            self.0.keys().filter(|(from, _)| *from == loser).map(|(_, to)| *to).collect();
        for other in all {
            let ahead = self.0.remove(&(loser, other)).unwrap_or_default();
            let back = self.0.remove(&(other, loser)).unwrap_or_default();
            if other == survivor {
                continue;
            }
            let has_primary = self.of(survivor, other.0).any(|(_, types)| primary(types));
            let kept = |types: BTreeSet<u32>| -> BTreeSet<u32> {
                types.into_iter().filter(|id| !(has_primary && [1, 2, 5, 6].contains(id))).collect()
            };
            self.0.entry((survivor, other)).or_default().extend(kept(ahead));
            self.0.entry((other, survivor)).or_default().extend(kept(back));
        }
    }
}

fn primary(types: &BTreeSet<u32>) -> bool {
    types.iter().any(|id| [1, 5].contains(id))
}

/// Returns a type as answers write it.
pub(super) fn type_row(from: &Kind, to: &Kind, id: u32) -> Value {
    let primary = typed(from, to, id).is_some_and(|known| known.role == Role::Primary);
    let label = primary.then_some("Primary");
    json!({ "category": "HUBSPOT_DEFINED", "typeId": id, "label": label })
}
