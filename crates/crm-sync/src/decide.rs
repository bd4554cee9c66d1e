//! The deciding half of the engine: pure functions over values.
//!
//! Nothing here awaits, reads a clock, draws a random number or iterates in an order that is not
//! given. The same entity with the same reads gives the same decision, on any machine, whenever
//! it is made again.

mod circumstance;
mod delete;
pub mod identity;
mod join;
pub(crate) mod journal;
mod merge;
pub mod mirror;
mod names;
pub mod oscillation;
pub(crate) mod preflight;
mod refs;
mod resolve;
pub mod settle;
pub mod standing;
mod target;
pub(crate) mod undo;

use crm_core::{EntityId, MatchKey, Ref, Remote, RemoteId, RunId, Write, mutant};
use crm_store::{Commit, Conflict, Entity, History, Journal, KeyHash, Mark, Mutation};
use jiff::Timestamp;

pub(crate) use delete::ripe;
pub use names::Names;
pub use refs::{Lost, Ties};
pub(crate) use target::TIE_ATTEMPTS_MAX;

use crate::Rules;

/// What one side shows of an entity.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// It was not read.
    Unread,
    /// The record, read just now: it may be overwritten.
    Fresh(Remote),
    /// The record as some list showed it earlier: it has a say, but before it is overwritten it
    /// is read again.
    Listed(Remote),
    /// The record lies in the recycle bin, or is no more.
    Gone,
    /// The record was merged into that one.
    MergedInto {
        /// The record that is left.
        into: RemoteId,
        /// Whether that record is linked to another entity.
        taken: bool,
    },
    /// A create was announced, and the provider has no record with its uid.
    Absent,
    /// The side takes no calls for now: nothing is known of it, and nothing is written to it.
    Closed,
}

impl Seen {
    /// Returns the record, if one was read.
    pub fn remote(&self) -> Option<&Remote> {
        match self {
            Self::Fresh(remote) | Self::Listed(remote) => Some(remote),
            Self::Unread | Self::Gone | Self::MergedInto { .. } | Self::Absent | Self::Closed => {
                None
            }
        }
    }

    /// Returns the record, if one was read.
    pub fn remote_mut(&mut self) -> Option<&mut Remote> {
        match self {
            Self::Fresh(remote) | Self::Listed(remote) => Some(remote),
            Self::Unread | Self::Gone | Self::MergedInto { .. } | Self::Absent | Self::Closed => {
                None
            }
        }
    }
}

/// What a decision is made on.
#[derive(Clone, Debug)]
pub struct State {
    /// The entity with its links.
    pub entity: Entity,
    /// What each side shows, by index of the side; references name entities.
    pub seen: Vec<Seen>,
    /// What entities are called that turned out to be others; so does `seen`.
    pub names: Names,
    /// The records that entities have which this one refers to.
    pub ties: Ties,
    /// References of sides to records that nobody knows; they are not in `seen`.
    pub unknown: Vec<(usize, Ref)>,
    /// References that sides lost since their records are no more there.
    pub lost: Vec<Lost>,
    /// The companies that contacts name in a text, where that matters.
    pub companies: mirror::Companies,
    /// The present.
    pub now: Timestamp,
    /// The run.
    pub run: RunId,
}

impl State {
    /// Makes the state of an entity that refers to nothing.
    pub fn new(entity: Entity, seen: Vec<Seen>, now: Timestamp, run: RunId) -> Self {
        let (names, ties) = (Names::default(), Ties::default());
        let (unknown, lost) = (Vec::new(), Vec::new());
        let companies = mirror::Companies::default();
        Self { entity, seen, names, ties, unknown, lost, companies, now, run }
    }
}

/// What was decided.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The entity as it shall be.
    pub entity: Entity,
    /// Which links changed, by index of the side.
    pub links_changed: Vec<bool>,
    /// Whether the entity's own row changed.
    pub entity_changed: bool,
    /// Conflicts found or settled.
    pub conflicts: Vec<Conflict>,
    /// Golden values that replaced others.
    pub history: Vec<History>,
    /// Writes whose answer was lost, and which the sides show.
    pub journal: Vec<Journal>,
    /// The writes, with the index of the side; each is announced by an intent or claim in the
    /// entity's links.
    pub writes: Vec<(usize, Write)>,
    /// Sides that must be read before they can be written.
    pub reread: Vec<usize>,
    /// Sides that take no calls and have, or shall have, a record of it.
    pub closed: Vec<usize>,
    /// A company that the contact names and that nobody has.
    pub names_company: Option<String>,
    /// Ids that led to this record and are no more.
    pub aliases: Vec<(usize, RemoteId, RemoteId)>,
    /// Creates that cannot be made, with the reason, for the plan.
    pub skipped: Vec<(usize, String)>,
    /// References that wait for a record, with the side that shall have it.
    pub pending: Vec<(usize, Ref)>,
    /// Sides on which the record was found deleted.
    pub died: Vec<usize>,
    /// When the entity is to be looked at again, although nothing more is to be read now.
    pub later: Option<Timestamp>,
    keys_before: Vec<KeyHash>,
    expected: (EntityId, u64),
}

/// Decides about one entity.
pub fn decide(state: State, rules: &Rules) -> Decision {
    let State { entity, seen, names, ties, unknown, lost, companies, now, run } = state;
    let rules = rules.of(|field| {
        let seen = || seen.iter().filter_map(Seen::remote).find_map(|r| r.fields.get(field));
        entity.golden.value(field).or_else(seen)
    });
    let keys_before = key_hashes(&entity);
    let expected = (entity.id, entity.row_version);
    let mut work = Decision {
        links_changed: vec![false; rules.sides.len()],
        entity_changed: false,
        conflicts: Vec::new(),
        history: Vec::new(),
        journal: Vec::new(),
        writes: Vec::new(),
        reread: Vec::new(),
        closed: Vec::new(),
        names_company: None,
        aliases: Vec::new(),
        skipped: Vec::new(),
        pending: unknown,
        died: Vec::new(),
        later: None,
        keys_before,
        expected,
        entity,
    };
    names::apply(&mut work, rules, &names, now, run);
    let known = merge::known_since(&work.entity, rules);
    refs::forget(&mut work, rules, &lost);
    journal::recognise(&mut work, &seen, rules, now, run);
    delete::apply(&mut work, &seen, rules, now);
    let named = mirror::name(&work.entity.golden).map(str::to_owned);
    merge::apply(&mut work, &seen, known, rules, merge::Moment { now, run });
    mirror::apply(&mut work, &companies, named.as_deref(), rules, (now, run));
    refs::miss(&mut work, rules, &lost);
    target::apply(&mut work, &seen, rules, &ties, now);
    delete::plan(&mut work, &seen, rules, now);
    journal::sign(&mut work, run);
    work
}

impl Decision {
    /// Returns the commit of everything but the writes' outcomes. `mark` is the entity's mark
    /// from now on, and `fence` the lease under which the decision was made; with writes under
    /// way the mark is `None`, since the open claims and intents say what is to be looked at.
    pub fn commit(self, rules: &Rules, mark: Option<Mark>, fence: Option<u64>) -> Commit {
        let mut entity = self.entity;
        let mut mutations = Vec::new();
        let keys = key_hashes(&entity);
        let id = entity.id;
        let links = std::mem::take(&mut entity.links);
        if self.entity_changed {
            entity.mark = mark;
            mutations.push(Mutation::Entity(Box::new(entity.clone())));
        } else {
            mutations.push(Mutation::Mark(id, mark));
        }
        for link in links {
            let changed = rules.side(&link.provider).and_then(|side| self.links_changed.get(side));
            if changed == Some(&true) {
                mutations.push(Mutation::Link(id, Box::new(link)));
            }
        }
        if keys != self.keys_before {
            mutations.push(Mutation::Keys {
                entity: id,
                kind: entity.kind,
                remove: self.keys_before.iter().filter(|k| !keys.contains(k)).copied().collect(),
                add: keys.iter().filter(|k| !self.keys_before.contains(k)).copied().collect(),
            });
        }
        for (side, old, new) in self.aliases {
            if let Some(side) = rules.sides.get(side) {
                let provider = side.provider.clone();
                mutations.push(Mutation::Alias { provider, kind: entity.kind, old, new });
            }
        }
        for (side, to) in self.pending {
            mutant!(PendingNotStored, continue);
            if let Some(side) = rules.sides.get(side) {
                let provider = side.provider.clone();
                mutations.push(Mutation::PendingRef { from: id, provider, to });
            }
        }
        mutations.extend(self.conflicts.into_iter().map(|c| Mutation::Conflict(Box::new(c))));
        mutations.extend(self.history.into_iter().map(|h| Mutation::History(Box::new(h))));
        mutations.extend(self.journal.into_iter().map(|row| Mutation::Journal(Box::new(row))));
        let fences = fence.map(|fence| (id, fence)).into_iter().collect();
        Commit { expected: vec![self.expected], fences, mutations }
    }
}

/// Returns the hashes of the keys that an entity is found by, sorted.
pub fn key_hashes(entity: &Entity) -> Vec<KeyHash> {
    let mut hashes: Vec<_> = identity::keys(entity).iter().map(KeyHash::of).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// Returns whether two sets of keys have one in common, by value.
pub fn share_key(left: &[MatchKey], right: &[MatchKey]) -> bool {
    left.iter().any(|key| right.contains(key))
}
