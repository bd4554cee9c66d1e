//! What a connection can do, said before it is asked to do it.
//!
//! Four readers: the guard layer (refuses what is not declared before a request is sent), the
//! engine, the contract suite, and the generated documentation.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use crate::{Field, FieldRule, Mapping, Metadata, ObjectKind};

/// What a connection can do.
#[derive(Clone, Debug, PartialEq)]
pub struct Capabilities {
    /// The kinds it has.
    pub objects: Vec<ObjectCapability>,
    /// The request budgets that the vendor publishes; headers and configuration override them.
    pub quotas: Vec<Quota>,
    /// What a probe learned of the account: users, pipelines, choices.
    pub metadata: Arc<Metadata>,
}

impl Capabilities {
    /// Sets the references aside that no flow has a use for.
    #[must_use]
    pub fn set_aside(mut self, kinds: Option<&[ObjectKind]>) -> Self {
        for object in &mut self.objects {
            object.suspended = object.aside(kinds).into();
        }
        self
    }

    /// Returns what it can do with a kind.
    pub fn object(&self, kind: ObjectKind) -> Option<&ObjectCapability> {
        self.objects.iter().find(|object| object.kind == kind)
    }
}

/// What a connection can do with one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectCapability {
    /// The kind.
    pub kind: ObjectKind,
    /// Reading and writing.
    pub access: Access,
    /// What a delete does.
    pub deletion: Deletion,
    /// How changes are noticed.
    pub detection: Detection,
    /// Whether a write can be bound to a version.
    pub concurrency: Concurrency,
    /// The keys that [`find`](crate::Provider::find) answers from a consistent read.
    pub find_by: &'static [KeyKind],
    /// Whether the uid is a unique key that creates are upserted on.
    pub unique_key: bool,
    /// Records in one read by id.
    pub read_max: NonZeroU16,
    /// Records in one write call.
    pub write_max: NonZeroU16,
    /// Records on one page of a list or query.
    pub page_max: NonZeroU16,
    /// Hints on one page of the change feed.
    pub hint_page_max: NonZeroU16,
    /// Whether pages of the list count as reads by id.
    pub list_consistent: bool,
    /// How much later than its stamp a change may become visible.
    pub visibility_lag: Duration,
    /// How much of the past a poll reads again.
    pub overlap: Duration,
    /// How long a write whose fate is unknown may still be applied.
    pub unknown_wait: Duration,
    /// The table of fields; of a kind with several forms, that of the first form.
    pub mapping: &'static Mapping,
    /// The tables of all forms, where the kind has several (tasks, calls, …).
    pub variants: &'static [&'static Mapping],
    /// Fields of the table that this account does not have; they take no part.
    pub suspended: Arc<[Field]>,
}

impl ObjectCapability {
    /// Returns the references that no flow has a use for, where flows name their kinds. What a
    /// record cannot be without is none of them.
    pub fn aside(&self, kinds: Option<&[ObjectKind]>) -> Vec<Field> {
        let Some(kinds) = kinds else { return Vec::new() };
        let rules = self.mappings().flat_map(|table| table.rules).filter(|rule| !rule.required);
        let lonely =
            rules.filter(|rule| rule.ty.refers_to().is_some_and(|kind| !kinds.contains(&kind)));
        let mut fields: Vec<Field> = lonely.map(|rule| rule.field).collect();
        fields.sort();
        fields.dedup();
        fields
    }

    /// Returns the table of a form; where the kind has only one, that one, whatever is asked.
    pub fn mapping_of(&self, variant: Option<&str>) -> Option<&'static Mapping> {
        if self.variants.is_empty() {
            return Some(self.mapping);
        }
        self.variants.iter().copied().find(|table| table.variant == variant)
    }

    /// Returns all tables of the kind.
    pub fn mappings(&self) -> impl Iterator<Item = &'static Mapping> + use<> {
        let single = self.variants.is_empty().then_some(self.mapping);
        single.into_iter().chain(self.variants.iter().copied())
    }

    /// Returns the rule of a field in the first form that has it, unless the field is suspended.
    pub fn rule(&self, field: Field) -> Option<&'static FieldRule> {
        if self.suspended.contains(&field) {
            return None;
        }
        self.mappings().find_map(|table| table.rule(field))
    }

    /// Returns the rule of a field in one form, unless the field is suspended.
    pub fn rule_of(&self, variant: Option<&str>, field: Field) -> Option<&'static FieldRule> {
        if self.suspended.contains(&field) { None } else { self.mapping_of(variant)?.rule(field) }
    }

    /// Returns the rules of the first form, without suspended fields, sorted by field.
    pub fn rules(&self) -> impl Iterator<Item = &'static FieldRule> {
        let suspended = Arc::clone(&self.suspended);
        self.mapping.rules.iter().filter(move |rule| !suspended.contains(&rule.field))
    }
}

/// Reading and writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only reading.
    Read,
    /// Reading and creating.
    Create,
    /// Reading, creating and changing.
    Full,
}

/// What a delete does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// There is none.
    Unsupported,
    /// The record goes to a recycle bin.
    Archive,
    /// The record is gone at once.
    Permanent,
}

/// How changes are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detection {
    /// By a modification stamp of that granularity.
    ModifiedSince {
        /// The granularity of the stamp.
        granularity: Duration,
    },
    /// By reading everything.
    FullScan,
}

impl Detection {
    /// Returns whether an equal version proves that nothing changed.
    pub fn version_is_exact(self) -> bool {
        match self {
            Self::ModifiedSince { granularity } => granularity <= Duration::from_millis(1),
            Self::FullScan => false,
        }
    }

    /// Returns the granularity of modification stamps.
    pub const fn granularity(self) -> Duration {
        match self {
            Self::ModifiedSince { granularity } => granularity,
            Self::FullScan => Duration::from_secs(1),
        }
    }
}

/// Whether a write can be bound to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// No: the last write wins.
    LastWriteWins,
    /// Yes: a write with an old version is refused as stale.
    IfUnmodified,
}

/// A sort of [`MatchKey`](crate::MatchKey).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// Our own unique value.
    Uid,
    /// An e-mail address.
    Email,
    /// A phone number with a surname.
    Phone,
    /// A web domain.
    Domain,
    /// A name.
    Name,
}

/// A request budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Its name, unique within a connection (`burst`, `daily`, `search`).
    pub name: &'static str,
    /// How many requests.
    pub limit: u64,
    /// In how long.
    pub window: Duration,
}
