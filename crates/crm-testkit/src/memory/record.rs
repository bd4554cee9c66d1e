//! Records and the account that holds them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{
    Author, Capabilities, Field, FieldType, Fields, Normalizer, ObjectKind, ProviderId, Remote,
    RemoteId, Uid, Usage, Value, Version, Written,
};
use jiff::Timestamp;

use super::profile::{Authors, Profile};
use super::weather::Weather;
use crate::world::Rng;

/// One account of one CRM.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: ProviderId,
    pub(crate) profile: &'static Profile,
    pub(crate) weather: Weather,
    pub(crate) rows: BTreeMap<u64, Row>,
    pub(super) rng: Rng,
    pub(super) capabilities: Arc<Capabilities>,
    pub(super) fields: Arc<[Field]>,
    pub(super) last: u64,
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
    pub(crate) uid: Option<Uid>,
    pub(crate) state: State,
    /// The stroke that each field shows.
    pub(crate) cells: BTreeMap<Field, usize>,
    pub(crate) created: Timestamp,
    pub(super) modified: Timestamp,
    pub(super) author: Author,
    pub(super) aliases: Vec<RemoteId>,
    /// The stamp that the index shows until the next one is visible.
    pub(super) indexed: Option<Timestamp>,
    pub(super) visible: Timestamp,
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
    pub(super) fn new(id: ProviderId, profile: &'static Profile, rng: Rng) -> Self {
        Self {
            id,
            profile,
            weather: Weather::default(),
            rows: BTreeMap::new(),
            rng,
            capabilities: Arc::new(profile.capabilities()),
            fields: profile.mapping.rules.iter().map(|rule| rule.field).collect(),
            last: 0,
            usage: Usage::default(),
            answers: BTreeMap::new(),
        }
    }

    /// Returns the id of a number.
    pub(crate) fn remote_id(&self, number: u64) -> RemoteId {
        RemoteId::new(format!("{}-{number}", self.profile.name))
    }

    /// Returns the number of an id.
    pub(crate) fn number(&self, id: &RemoteId) -> Option<u64> {
        id.as_str().strip_prefix(self.profile.name)?.strip_prefix('-')?.parse().ok()
    }

    /// Returns the live records.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().filter(|row| row.state == State::Live)
    }

    /// Returns what a stored text means.
    pub(crate) fn value(&self, field: Field, text: &str) -> Option<Value> {
        let ty = self.profile.mapping.rule(field).map_or(FieldType::Text, |rule| rule.ty);
        Normalizer::default().text(ty, text)
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

    /// Returns a record as a read shows it.
    pub(super) fn remote(&self, row: &Row, text: impl Fn(usize) -> Option<Arc<str>>) -> Remote {
        let values = row.cells.iter().filter_map(|(field, stroke)| {
            let value = self.value(*field, &text(*stroke)?)?;
            Some((*field, value))
        });
        Remote {
            kind: ObjectKind::Contact,
            id: self.remote_id(row.number),
            version: Some(version(row.modified)),
            modified_at: Some(row.modified),
            author: (self.profile.authors == Authors::Told).then_some(row.author),
            uid: row.uid.clone(),
            aliases: row.aliases.clone(),
            read: Arc::clone(&self.fields),
            fields: values.collect::<Fields>(),
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
