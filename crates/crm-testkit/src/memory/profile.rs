//! Four CRMs that behave differently, as small static tables.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use crm_core::mapping::Clear;
use crm_core::{
    Access, Capabilities, Concurrency, Deletion, Detection, Field, FieldRule, FieldType, Form,
    KeyKind, LetterCase, Mapping, ObjectCapability, ObjectKind, Wire, normal,
};

/// How one of the CRMs behaves. What the engine is told of it is in
/// [`capabilities`](Self::capabilities); the rest it has to find out.
#[derive(Debug)]
pub struct Profile {
    /// The connection's name.
    pub name: &'static str,
    /// Its table of fields.
    pub mapping: &'static Mapping,
    /// The granularity of modification stamps.
    pub granularity: Duration,
    /// What the list shows from the beginning.
    pub list: Rows,
    /// What the change feed shows later.
    pub poll: Rows,
    /// Whether the uid is a unique key that creates are upserted on.
    pub uids: Uids,
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
    /// Returns what the connection says of itself.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            objects: vec![ObjectCapability {
                kind: ObjectKind::Contact,
                access: Access::Full,
                deletion: Deletion::Archive,
                detection: Detection::ModifiedSince { granularity: self.granularity },
                concurrency: self.concurrency,
                find_by: &[KeyKind::Uid, KeyKind::Email],
                unique_key: self.uids == Uids::Unique,
                read_max: READ_MAX,
                write_max: WRITE_MAX,
                page_max: PAGE_MAX,
                hint_page_max: PAGE_MAX,
                list_consistent: self.list == Rows::Observed,
                visibility_lag: self.lag,
                overlap: OVERLAP,
                unknown_wait: self.unknown_wait,
                mapping: self.mapping,
                variants: &[],
                suspended: Arc::from([]),
            }],
            quotas: Vec::new(),
            metadata: Arc::default(),
        }
    }

    /// Returns what becomes of a value that somebody enters or sends; `None` if nothing is left.
    pub fn store(&self, field: Field, raw: &str) -> Option<String> {
        let rule = self.mapping.rule(field)?;
        let mut text = normal::text(raw).into_owned();
        if rule.form.letter_case == LetterCase::Lowered {
            text = text.to_lowercase();
        }
        for (_, rewrite) in self.rewrites.iter().filter(|(rewritten, _)| *rewritten == field) {
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

const LOWERED: Form = Form { letter_case: LetterCase::Lowered, ..Form::FAITHFUL };
const CUT_AT_10: Form = Form { cut_at: Some(10), ..Form::FAITHFUL };

const fn rule(field: Field, remote: &'static str, ty: FieldType, form: Form) -> FieldRule {
    FieldRule {
        field,
        remote,
        ty,
        wire: Wire::Text,
        form,
        writable: true,
        required: false,
        custom: false,
        length_max: None,
    }
}

const fn required(mut rule: FieldRule) -> FieldRule {
    rule.required = true;
    rule
}

const fn table(rules: &'static [FieldRule]) -> Mapping {
    Mapping {
        kind: ObjectKind::Contact,
        remote: "people",
        uid: Some("uid"),
        clear: Clear::EmptyString,
        variant: None,
        fixed: &[],
        rules,
    }
}

use FieldType::{Email, Phone, Text};
use Form as F;

static FAITHFUL: Mapping = table(&[
    rule(Field::PHONE, "phone", Phone, F::FAITHFUL),
    rule(Field::FIRST_NAME, "given", Text, F::FAITHFUL),
    rule(Field::LAST_NAME, "family", Text, F::FAITHFUL),
    rule(Field::EMAIL, "mail", Email, F::FAITHFUL),
    rule(Field::COMPANY, "firm", Text, F::FAITHFUL),
    rule(Field::JOB_TITLE, "role", Text, F::FAITHFUL),
]);

static STRICT: Mapping = table(&[
    rule(Field::PHONE, "phone", Phone, F::FAITHFUL),
    rule(Field::FIRST_NAME, "given", Text, F::FAITHFUL),
    required(rule(Field::LAST_NAME, "family", Text, F::FAITHFUL)),
    rule(Field::EMAIL, "mail", Email, F::FAITHFUL),
    rule(Field::COMPANY, "firm", Text, F::FAITHFUL),
    rule(Field::JOB_TITLE, "role", Text, CUT_AT_10),
]);

static LOSSY: Mapping = table(&[
    rule(Field::PHONE, "phone", Phone, F::FAITHFUL),
    rule(Field::FIRST_NAME, "given", Text, CUT_AT_10),
    rule(Field::LAST_NAME, "family", Text, F::FAITHFUL),
    rule(Field::EMAIL, "mail", Email, LOWERED),
    rule(Field::COMPANY, "firm", Text, LOWERED),
    rule(Field::JOB_TITLE, "role", Text, F::FAITHFUL),
]);

/// A consistent list, a lagging search with stamps of a millisecond, unique uids and addresses.
pub static NORTH: Profile = Profile {
    name: "north",
    mapping: &FAITHFUL,
    granularity: Duration::from_millis(1),
    list: Rows::Observed,
    poll: Rows::Hints,
    uids: Uids::Unique,
    addresses: Addresses::Unique,
    concurrency: Concurrency::LastWriteWins,
    answer: Answer::Whole,
    authors: Authors::Hidden,
    merges: Merges::AsDeletions,
    rewrites: &[],
    picky: Some((Field::COMPANY, Blame::Named)),
    lag: Duration::from_mins(1),
    unknown_wait: Duration::ZERO,
};

/// Consistent queries with stamps of a second, a required field, a short one, mute answers.
pub static SOUTH: Profile = Profile {
    name: "south",
    mapping: &STRICT,
    granularity: Duration::from_secs(1),
    list: Rows::Observed,
    poll: Rows::Observed,
    uids: Uids::Unique,
    addresses: Addresses::Free,
    concurrency: Concurrency::LastWriteWins,
    answer: Answer::Bare,
    authors: Authors::Told,
    merges: Merges::Told,
    rewrites: &[(Field::JOB_TITLE, Rewrite::CollapseSpaces)],
    picky: None,
    lag: Duration::from_secs(5),
    unknown_wait: Duration::ZERO,
};

/// Hints only, no unique key, values lowered, cut and rewritten.
pub static EAST: Profile = Profile {
    name: "east",
    mapping: &LOSSY,
    granularity: Duration::from_secs(1),
    list: Rows::Hints,
    poll: Rows::Hints,
    uids: Uids::Plain,
    addresses: Addresses::Free,
    concurrency: Concurrency::LastWriteWins,
    answer: Answer::Written,
    authors: Authors::Told,
    merges: Merges::AsDeletions,
    rewrites: &[(Field::COMPANY, Rewrite::CollapseSpaces)],
    picky: Some((Field::JOB_TITLE, Blame::Unnamed)),
    lag: Duration::from_mins(1),
    // A refused connection is given up after ten seconds, and what was sent may be applied
    // twenty seconds after that.
    unknown_wait: Duration::from_secs(40),
};

/// Compares versions before it writes, though only to the second.
pub static WEST: Profile = Profile {
    name: "west",
    mapping: &FAITHFUL,
    granularity: Duration::from_secs(1),
    list: Rows::Observed,
    poll: Rows::Hints,
    uids: Uids::Unique,
    addresses: Addresses::Free,
    concurrency: Concurrency::IfUnmodified,
    answer: Answer::Written,
    authors: Authors::Hidden,
    merges: Merges::Told,
    rewrites: &[
        (Field::COMPANY, Rewrite::DropFinalDots),
        (Field::JOB_TITLE, Rewrite::DropFinalDots),
    ],
    picky: None,
    lag: Duration::from_secs(20),
    unknown_wait: Duration::ZERO,
};

/// All four.
pub static PROFILES: [&Profile; 4] = [&NORTH, &SOUTH, &EAST, &WEST];
