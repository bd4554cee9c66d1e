//! Four CRMs that behave differently, as small static tables.

mod crms;
mod tables;

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{
    Access, Capabilities, Concurrency, Deletion, Detection, EntityId, Field, FieldRule, FieldType,
    KeyKind, LetterCase, Mapping, Normalizer, ObjectCapability, ObjectKind, Ref, RemoteId, Value,
    normal,
};

pub use self::crms::{EAST, NORTH, SOUTH, WEST};

/// How one of the CRMs behaves. What the engine is told of it is in
/// [`capabilities`](Self::capabilities); the rest it has to find out.
#[derive(Debug)]
pub struct Profile {
    /// The connection's name.
    pub name: &'static str,
    /// Its table of people.
    pub mapping: &'static Mapping,
    /// Its table of companies.
    pub firms: &'static Mapping,
    /// Its table of deals.
    pub deals: &'static Mapping,
    /// Its tables of activities, one for each form; none if it has no activities.
    pub activities: &'static [&'static Mapping],
    /// The granularity of modification stamps.
    pub granularity: Duration,
    /// What the list shows from the beginning.
    pub list: Rows,
    /// What the change feed shows later.
    pub poll: Rows,
    /// Whether the uid is a unique key that creates are upserted on.
    pub uids: Uids,
    /// Whether that is so of activities.
    pub activity_uids: Uids,
    /// Whether two records may have one address.
    pub addresses: Addresses,
    /// Whether a write can be bound to a version.
    pub concurrency: Concurrency,
    /// What the answer to a write tells.
    pub answer: Answer,
    /// Whether it tells who wrote a record last.
    pub authors: Authors,
    /// How the delete feed speaks of merges.
    pub merges: Merges,
    /// What becomes of a reference to a record that is no more.
    pub dangling: Dangling,
    /// Whether a change of references alone leaves a stamp.
    pub ties: Ties,
    /// What it does to values beyond what its table says.
    pub rewrites: &'static [(Field, Rewrite)],
    /// A field in which it refuses values that contain [`POISON`].
    pub picky: Option<(Field, Blame)>,
    /// How much later than its stamp a change may become visible.
    pub lag: Duration,
    /// How long a create whose fate is unknown may still be applied.
    pub unknown_wait: Duration,
}

/// What a value must contain to be refused by a picky CRM.
pub const POISON: char = '%';

/// How much of the past a poll reads again.
pub(super) const OVERLAP: Duration = Duration::from_secs(10);

/// Rows of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// They count as reads.
    Observed,
    /// They are hints from an index that lags.
    Hints,
}

/// How uids are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uids {
    /// In a unique field, which creates are upserted on.
    Unique,
    /// In a field like any other.
    Plain,
}

/// How addresses are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// No two live records have the same.
    Unique,
    /// Anybody may have any.
    Free,
}

/// What the answer to a write tells of the stored values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All values of the record.
    Whole,
    /// Those that were written.
    Written,
    /// Nothing but the id.
    Bare,
}

/// Whether the CRM tells who wrote a record last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authors {
    /// It does.
    Told,
    /// It does not.
    Hidden,
}

/// How the delete feed speaks of merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merges {
    /// With winner and losers.
    Told,
    /// As if the losers had been deleted.
    AsDeletions,
}

/// What becomes of a reference, in a write, to a record that is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dangling {
    /// The write is refused.
    Refused,
    /// The reference is left out.
    Dropped,
}

/// Whether a change of references alone leaves a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// It does: they are fields like others.
    Stamped,
    /// It does not; the change feed names the record all the same.
    Silent,
}

/// What a CRM does to a value although its table does not say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// Several white spaces become one.
    CollapseSpaces,
    /// A dot at the end goes.
    DropFinalDots,
}

/// Whether a refusal names the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// It does.
    Named,
    /// It does not.
    Unnamed,
}

impl Profile {
    /// Returns the kinds that it has, of those that take part.
    pub fn kinds(&self, part: &[ObjectKind]) -> Vec<ObjectKind> {
        let mut kinds = part.to_vec();
        kinds.retain(|kind| self.tables(*kind).next().is_some());
        kinds
    }

    /// Returns the tables of a kind: one for each form.
    pub fn tables(&self, kind: ObjectKind) -> impl Iterator<Item = &'static Mapping> + use<> {
        let (single, forms): (_, &[&'static Mapping]) = match kind {
            ObjectKind::Company => (Some(self.firms), &[]),
            ObjectKind::Contact => (Some(self.mapping), &[]),
            ObjectKind::Deal => (Some(self.deals), &[]),
            ObjectKind::Activity => (None, self.activities),
        };
        single.into_iter().chain(forms.iter().copied())
    }

    /// Returns the rule of a field, which is the same for all kinds that have the field.
    pub fn rule(&self, field: Field) -> Option<&'static FieldRule> {
        let order =
            [ObjectKind::Contact, ObjectKind::Company, ObjectKind::Deal, ObjectKind::Activity];
        order.into_iter().flat_map(|kind| self.tables(kind)).find_map(|table| table.rule(field))
    }

    /// Returns the fields that a kind lacks where only certain kinds take part: those that refer
    /// to others.
    pub fn suspended(&self, kind: ObjectKind, part: &[ObjectKind]) -> Vec<Field> {
        let rules = self.tables(kind).flat_map(|table| table.rules);
        let gone = rules.filter(|rule| rule.ty.refers_to().is_some_and(|to| !part.contains(&to)));
        let mut fields: Vec<Field> = gone.map(|rule| rule.field).collect();
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// Returns how it keeps the uids of a kind.
    pub const fn uids(&self, kind: ObjectKind) -> Uids {
        match kind {
            ObjectKind::Company | ObjectKind::Contact | ObjectKind::Deal => self.uids,
            ObjectKind::Activity => self.activity_uids,
        }
    }

    /// Returns what the connection says of itself where only people take part.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities_of(&[ObjectKind::Contact])
    }

    /// Returns what the connection says of itself where those kinds take part.
    pub fn capabilities_of(&self, part: &[ObjectKind]) -> Capabilities {
        let kinds = self.kinds(part);
        let objects = kinds.iter().filter_map(|kind| self.object(*kind, part));
        Capabilities { objects: objects.collect(), quotas: Vec::new(), metadata: Arc::default() }
    }

    fn object(&self, kind: ObjectKind, part: &[ObjectKind]) -> Option<ObjectCapability> {
        let plain = self.uids(kind) == Uids::Plain;
        Some(ObjectCapability {
            kind,
            access: Access::Full,
            deletion: Deletion::Archive,
            detection: Detection::ModifiedSince { granularity: self.granularity },
            concurrency: self.concurrency,
            find_by: match kind {
                ObjectKind::Company => &[KeyKind::Uid, KeyKind::Domain],
                ObjectKind::Contact => &[KeyKind::Uid, KeyKind::Email],
                ObjectKind::Deal => &[KeyKind::Uid, KeyKind::Name],
                ObjectKind::Activity => &[KeyKind::Uid],
            },
            unique_key: !plain,
            read_max: READ_MAX,
            write_max: WRITE_MAX,
            page_max: PAGE_MAX,
            hint_page_max: PAGE_MAX,
            list_consistent: self.list == Rows::Observed,
            visibility_lag: self.lag,
            overlap: OVERLAP,
            unknown_wait: if plain { PLAIN_WAIT } else { self.unknown_wait },
            mapping: self.tables(kind).next()?,
            variants: if kind == ObjectKind::Activity { self.activities } else { &[] },
            suspended: self.suspended(kind, part).into(),
        })
    }

    /// Returns what becomes of a value that somebody enters or sends; `None` if nothing is left.
    pub fn store(&self, field: Field, raw: &str) -> Option<String> {
        let rule = self.rule(field)?;
        match rule.ty {
            FieldType::Text | FieldType::Email | FieldType::Phone | FieldType::Url => {
                self.store_text(rule, raw)
            }
            FieldType::Integer
            | FieldType::Decimal
            | FieldType::Money
            | FieldType::Bool
            | FieldType::Date
            | FieldType::Instant
            | FieldType::Choice(_)
            | FieldType::List
            | FieldType::Reference(_)
            | FieldType::References(_) => {
                let value = meaning(rule.ty, raw)?;
                rule.project(&value).map(|value| spelled(&value))
            }
        }
    }

    fn store_text(&self, rule: &FieldRule, raw: &str) -> Option<String> {
        let mut text = normal::text(raw).into_owned();
        if rule.form.letter_case == LetterCase::Lowered {
            text = text.to_lowercase();
        }
        for (_, rewrite) in self.rewrites.iter().filter(|(rewritten, _)| *rewritten == rule.field) {
            text = match rewrite {
                Rewrite::CollapseSpaces => text.split_whitespace().collect::<Vec<_>>().join(" "),
                Rewrite::DropFinalDots => text.trim_end_matches('.').trim_end().to_owned(),
            };
        }
        if let Some(limit) = rule.form.cut_at {
            let cut: String = text.chars().take(usize::from(limit)).collect();
            cut.trim_end().clone_into(&mut text);
        }
        (!text.is_empty()).then_some(text)
    }
}

/// Returns how many members a set of such a field has room for, if that is limited.
pub(crate) fn room(rule: &FieldRule) -> Option<usize> {
    rule.room()
}

/// Returns how a value stands in a cell.
pub(super) fn spelled(value: &Value) -> String {
    match value.as_reference() {
        Some(Ref::Remote(_, id)) => id.to_string(),
        Some(Ref::Entity(_)) | None => value.display(),
    }
}

/// Returns what a stored text means. A reference is the id of a record or, where the oracle has
/// translated it, that of an entity.
pub(super) fn meaning(ty: FieldType, text: &str) -> Option<Value> {
    match ty {
        FieldType::Text | FieldType::Email | FieldType::Phone | FieldType::Url => {
            Normalizer::default().text(ty, text)
        }
        FieldType::Integer => text.parse().ok().map(Value::Integer),
        FieldType::Decimal | FieldType::Money => normal::decimal(text).map(Value::Decimal),
        FieldType::Bool => text.parse().ok().map(Value::Bool),
        FieldType::Date => normal::date(text).map(Value::Date),
        FieldType::Instant => normal::instant(text).map(Value::Instant),
        FieldType::Choice(_) => Some(Value::Choice(text.into())),
        FieldType::List => Some(Value::List(vec![Value::text(text)])),
        FieldType::Reference(kind) | FieldType::References(kind) => {
            let entity = text.parse::<EntityId>().ok().map(Ref::Entity);
            Some(Value::Ref(entity.unwrap_or_else(|| Ref::Remote(kind, RemoteId::new(text)))))
        }
    }
}

const fn size(size: u16) -> NonZeroU16 {
    match NonZeroU16::new(size) {
        Some(size) => size,
        None => NonZeroU16::MIN,
    }
}

/// Small, so that a few dozen people fill several pages and calls.
const READ_MAX: NonZeroU16 = size(10);
const WRITE_MAX: NonZeroU16 = size(5);
pub(super) const PAGE_MAX: NonZeroU16 = size(7);

/// Where the uid is no unique key: a refused connection is given up after ten seconds, and what
/// was sent may be applied twenty seconds after that.
const PLAIN_WAIT: Duration = Duration::from_secs(40);

/// All four.
pub static PROFILES: [&Profile; 4] = [&NORTH, &SOUTH, &EAST, &WEST];
