//! Records and the account that holds them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{
    Author, Capabilities, Field, FieldRule, FieldType, Fields, Mapping, ObjectKind, ProviderId,
    Remote, RemoteId, Uid, Usage, Value, Version, Written,
};
use jiff::Timestamp;

use super::profile::{Authors, Profile, meaning};
use super::weather::Weather;
use crate::world::Rng;

/// One account of one CRM.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: ProviderId,
    pub(crate) profile: &'static Profile,
    /// The kinds that it has.
    pub(crate) kinds: Vec<ObjectKind>,
    pub(crate) weather: Weather,
    pub(crate) rows: BTreeMap<u64, Row>,
    pub(super) rng: Rng,
    pub(super) capabilities: Arc<Capabilities>,
    /// The last serial number of each kind.
    pub(super) last: BTreeMap<ObjectKind, u64>,
    pub(crate) usage: Usage,
    /// Answers that wait to be fetched, by call.
    pub(super) answers: BTreeMap<u64, Vec<Result<Written, Refused>>>,
}

/// Why a write was not applied, before it becomes an error of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) crm_core::ErrorKind, pub(super) &'static str);

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) number: u64,
    /// What it may hold: the table of its kind and form.
    pub(crate) table: &'static Mapping,
    /// What a read shows of it.
    pub(super) read: Arc<[Field]>,
    pub(crate) uid: Option<Uid>,
    pub(crate) state: State,
    /// The stroke that each field shows, and of sets the stroke of each member.
    pub(crate) cells: BTreeMap<Cell, usize>,
    pub(crate) created: Timestamp,
    /// When the engine was last shown it.
    pub(super) shown: Option<Timestamp>,
    pub(super) modified: Timestamp,
    pub(super) author: Author,
    pub(super) aliases: Vec<RemoteId>,
    /// The stamp that the index shows until the next one is visible.
    pub(super) indexed: Option<Timestamp>,
    pub(super) visible: Timestamp,
    /// Changes of references that left no stamp: when, and from when on the index knows.
    pub(super) ties: Vec<(Timestamp, Timestamp)>,
}

/// A field of a record, or one member of a set: the number of the record referred to.
pub(crate) type Cell = (Field, Option<u64>);

/// A number says in its upper bits what the record is, so that records of different kinds may
/// have the same id, as they may at real vendors.
const KIND_SHIFT: u32 = 40;

/// Returns the number before the first one of a kind.
const fn base(kind: ObjectKind) -> u64 {
    let place: u64 = match kind {
        ObjectKind::Contact => 0,
        ObjectKind::Company => 1,
        ObjectKind::Deal => 2,
        ObjectKind::Activity => 3,
    };
    place << KIND_SHIFT
}

/// Returns what the record of a number is.
pub(crate) const fn kind_of(number: u64) -> ObjectKind {
    match number >> KIND_SHIFT {
        0 => ObjectKind::Contact,
        1 => ObjectKind::Company,
        2 => ObjectKind::Deal,
        _ => ObjectKind::Activity,
    }
}

/// Whether a record lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It does.
    Live,
    /// It lies in the recycle bin.
    Archived(Timestamp),
    /// It was merged into that one.
    Merged(u64, Timestamp),
}

impl Account {
    pub(super) fn new(profile: &'static Profile, part: &[ObjectKind], rng: Rng) -> Self {
        Self {
            id: ProviderId::new(profile.name),
            profile,
            kinds: profile.kinds(part),
            weather: Weather::default(),
            rows: BTreeMap::new(),
            rng,
            capabilities: Arc::new(profile.capabilities_of(part)),
            last: BTreeMap::new(),
            usage: Usage::default(),
            answers: BTreeMap::new(),
        }
    }

    /// Returns the number of the next record of a kind.
    pub(super) fn next_number(&mut self, kind: ObjectKind) -> u64 {
        let last = self.last.entry(kind).or_default();
        *last += 1;
        base(kind) | *last
    }

    /// Returns the id of a number.
    pub(crate) fn remote_id(&self, number: u64) -> RemoteId {
        RemoteId::new(format!("{}-{}", self.profile.name, number & !base(kind_of(number))))
    }

    /// Returns the number of an id.
    pub(crate) fn number(&self, kind: ObjectKind, id: &RemoteId) -> Option<u64> {
        let serial = id.as_str().strip_prefix(self.profile.name)?.strip_prefix('-')?;
        serial.parse::<u64>().ok().map(|serial| base(kind) | serial)
    }

    /// Returns the record of an id.
    pub(crate) fn row(&self, kind: ObjectKind, id: &RemoteId) -> Option<&Row> {
        self.rows.get(&self.number(kind, id)?)
    }

    /// Returns all records of a kind.
    pub(crate) fn all(&self, kind: ObjectKind) -> impl Iterator<Item = &Row> {
        let (first, last) = (base(kind), base(kind) | ((1 << KIND_SHIFT) - 1));
        self.rows.range(first..=last).map(|(_, row)| row)
    }

    /// Returns the live records of a kind.
    pub(crate) fn live(&self, kind: ObjectKind) -> impl Iterator<Item = &Row> {
        self.all(kind).filter(|row| row.state == State::Live)
    }

    /// Returns the rule of a field of a record, unless the account lacks the field.
    pub(crate) fn rule(&self, table: &'static Mapping, field: Field) -> Option<&'static FieldRule> {
        let object = self.capabilities.object(table.kind)?;
        table.rule(field).filter(|_| !object.suspended.contains(&field))
    }

    /// Returns the rules of a table that the account goes by.
    pub(crate) fn rules(
        &self,
        table: &'static Mapping,
    ) -> impl Iterator<Item = &'static FieldRule> {
        table.rules.iter().filter(move |rule| self.rule(table, rule.field).is_some())
    }

    /// Returns what a stored text means.
    pub(crate) fn value(&self, field: Field, text: &str) -> Option<Value> {
        meaning(self.profile.rule(field).map_or(FieldType::Text, |rule| rule.ty), text)
    }

    /// Returns the stamp of a change that is made now.
    pub(super) fn stamp(&self, now: Timestamp, before: Option<Timestamp>) -> Timestamp {
        let grain = i64::try_from(self.profile.granularity.as_millis()).unwrap_or(1).max(1);
        let whole = now.as_millisecond().div_euclid(grain).saturating_mul(grain);
        let stamp = Timestamp::from_millisecond(whole).unwrap_or(now);
        // A stamp of a millisecond is a version: no two changes of a record share one.
        let fine = self.profile.granularity <= Duration::from_millis(1);
        match before {
            Some(before) if fine && stamp <= before => {
                crate::clock::later(before, Duration::from_millis(1))
            }
            Some(_) | None => stamp,
        }
    }

    /// Returns the values that a record shows; members of a set in their order.
    pub(super) fn fields(&self, row: &Row, text: impl Fn(usize) -> Option<Arc<str>>) -> Fields {
        let mut sets: BTreeMap<Field, Vec<Value>> = BTreeMap::new();
        let mut fields = Fields::with_capacity(row.cells.len());
        for ((field, member), stroke) in &row.cells {
            let value = text(*stroke).and_then(|text| self.value(*field, &text));
            match (value, member) {
                (None, _) => {}
                (Some(value), Some(_)) => sets.entry(*field).or_default().push(value),
                (Some(value), None) => fields.insert(*field, value),
            }
        }
        for (field, mut members) in sets {
            members.sort();
            fields.insert(field, Value::List(members));
        }
        fields
    }

    /// Returns a record as a read shows it.
    pub(super) fn remote(&self, row: &Row, text: impl Fn(usize) -> Option<Arc<str>>) -> Remote {
        Remote {
            kind: kind_of(row.number),
            id: self.remote_id(row.number),
            version: Some(version(row.modified)),
            modified_at: Some(row.modified),
            author: (self.profile.authors == Authors::Told).then_some(row.author),
            uid: row.uid.clone(),
            aliases: row.aliases.clone(),
            read: Arc::clone(&row.read),
            fields: self.fields(row, text),
        }
    }
}

impl Row {
    /// Returns the stamp that the index shows now; `None` if it does not show the record yet.
    pub(super) fn indexed(&self, now: Timestamp) -> Option<Timestamp> {
        if self.visible <= now { Some(self.modified) } else { self.indexed }
    }
}

/// Returns the version that a stamp is.
pub(super) fn version(stamp: Timestamp) -> Version {
    Version(stamp.as_millisecond().to_string().into())
}
