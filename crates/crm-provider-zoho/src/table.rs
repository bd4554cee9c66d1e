//! One module at Zoho: which columns are asked for, how a row is read.
//!
//! Most of our kinds are one module; activities are three, and an id of theirs has the module in
//! front of it: the vendor's own ids do not tell.

use std::sync::Arc;

use crm_core::mapping::{Row, Scalar};
use crm_core::{
    Field, FieldRule, Mapping, Metadata, Normalizer, ObjectCapability, ObjectKind, Remote,
    RemoteId, Result, Uid, Version, Wire, mapping, normal,
};
use jiff::Timestamp;

use crate::error::{Reading, unreadable};
use crate::translate::{self, Said};

/// The stamp by which changes are noticed.
pub(crate) const STAMP: &str = "Modified_Time";
/// The id.
pub(crate) const ID: &str = "id";
/// What an activity is about: one column for a company or a deal.
pub(crate) const WHAT: &str = "What_Id";
/// The module of what an activity is about.
pub(crate) const KIN: &str = "$se_module";
/// The pipeline of a deal, without which its stage says too little.
pub(crate) const PIPELINE: &str = "Pipeline";
/// What only an org with several currencies has. It is not asked for until a description shows
/// it, and nobody misses it.
pub(crate) const CURRENCY: &str = "Currency";

/// How long a call took is read in seconds and written in minutes and seconds.
pub(crate) const SECONDS: &str = "Call_Duration_in_seconds";
/// What is written for it.
pub(crate) const LENGTH: &str = "Call_Duration";

/// Choices that we have no name for, and the one that they are read as.
const ALIKE: &[(&str, &str, &str)] = &[
    ("Priority", "Highest", "High"),
    ("Priority", "Lowest", "Low"),
    ("Call_Type", "Missed", "Inbound"),
];

/// How records of a module are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// By queries: cheap, up to 2,000 rows each.
    Query,
    /// By the list of the module: a query does not tell what an activity is about.
    List,
}

/// One module, as a connection sees it at the moment.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) capability: ObjectCapability,
    pub(crate) mapping: &'static Mapping,
    /// The columns that are asked for.
    pub(crate) columns: Vec<&'static str>,
    /// Our own column, unless the org is known to lack it.
    pub(crate) uid: Option<&'static str>,
    /// What is known of users, stages and fields.
    pub(crate) metadata: Arc<Metadata>,
    /// The fields that the row itself tells, sorted.
    plain: Arc<[Field]>,
    /// The rules of those that it does not.
    translated: Vec<&'static FieldRule>,
    /// Both, sorted.
    all: Arc<[Field]>,
    normalizer: Normalizer,
}

impl Table {
    /// Returns a module; `has_uid` is false where the org is known to lack our column.
    pub(crate) fn new(
        capability: &ObjectCapability,
        mapping: &'static Mapping,
        metadata: &Arc<Metadata>,
        normalizer: Normalizer,
        has_uid: bool,
    ) -> Self {
        let suspended = &capability.suspended;
        let rules = mapping.rules.iter().filter(|rule| !suspended.contains(&rule.field));
        let (translated, plain): (Vec<_>, Vec<_>) =
            rules.partition(|rule| rule.wire.is_translated());
        let mut all: Vec<Field> = plain.iter().chain(&translated).map(|rule| rule.field).collect();
        all.sort_unstable();
        let uid = mapping.uid.filter(|_| has_uid);
        let mut columns = vec![STAMP];
        columns.extend(uid);
        for name in plain.iter().chain(&translated).filter_map(|rule| column(rule)) {
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
        columns.extend(columns.contains(&WHAT).then_some(KIN));
        let plain = plain.into_iter().map(|rule| rule.field).collect();
        let (capability, metadata) = (capability.clone(), Arc::clone(metadata));
        Self {
            capability,
            mapping,
            columns,
            uid,
            metadata,
            plain,
            translated,
            all: all.into(),
            normalizer,
        }
    }

    /// Returns the name of the module.
    pub(crate) fn module(&self) -> &'static str {
        self.mapping.remote
    }

    /// Returns the kind.
    pub(crate) fn kind(&self) -> ObjectKind {
        self.capability.kind
    }

    /// Returns how records are listed.
    pub(crate) fn listing(&self) -> Listing {
        if self.columns.contains(&KIN) { Listing::List } else { Listing::Query }
    }

    /// Returns what is known when a failure is read.
    pub(crate) fn reading(&self) -> Reading<'static> {
        Reading { mapping: Some(self.mapping), written: None }
    }

    /// Returns the vendor's id within one of ours, if it is one of this module's.
    pub(crate) fn own_id<'i>(&self, id: &'i str) -> Option<&'i str> {
        let own = match self.mapping.variant {
            Some(_) => id.strip_prefix(self.module())?.strip_prefix('/')?,
            None => id,
        };
        let is_id = !own.is_empty() && own.len() < 20 && own.bytes().all(|b| b.is_ascii_digit());
        is_id.then_some(own)
    }

    /// Returns our id of one of the vendor's.
    pub(crate) fn our_id(&self, id: &str) -> RemoteId {
        match self.mapping.variant {
            Some(_) => format!("{}/{id}", self.module()).into(),
            None => id.into(),
        }
    }

    /// Returns the record that a row shows.
    pub(crate) fn remote(&self, row: &Row<'_>) -> Result<Remote> {
        let id = self.our_id(id_of(row)?);
        let row = &alike(row);
        let mut decoded = mapping::decode(self.mapping, self.normalizer, row, &self.plain);
        if !decoded.unreadable.is_empty() {
            let fields = &decoded.unreadable;
            tracing::warn!(%id, ?fields, "values could not be understood");
        }
        let variant = self.mapping.variant;
        let mut notes = self
            .translated
            .iter()
            .filter_map(|rule| {
                match translate::said(rule, variant, row, &self.metadata, self.normalizer) {
                    Said::Nothing => None,
                    Said::Blank => Some((rule.field, None)),
                    Said::Held(value) => Some((rule.field, Some(value))),
                }
            })
            .collect::<Vec<_>>();
        if decoded.read.len() + notes.len() == self.all.len() {
            // One list for all rows that tell everything.
            for (field, value) in notes.drain(..) {
                decoded.fields.set(field, value);
            }
            decoded.read = Arc::clone(&self.all);
        }
        for (field, value) in notes {
            decoded.note(field, value);
        }
        let modified_at = stamp_of(row);
        Ok(Remote {
            kind: self.capability.kind,
            id,
            version: modified_at.map(version),
            modified_at,
            author: None,
            uid: self.uid.and_then(|name| row.text(name)).and_then(Uid::parse),
            aliases: Vec::new(),
            read: decoded.read,
            fields: decoded.fields,
        })
    }
}

/// Returns the version of a record that was changed then, whatever the zone it is told in.
pub(crate) fn version(modified_at: Timestamp) -> Version {
    Version(modified_at.to_string().into())
}

/// Returns when the version of a record was made.
pub(crate) fn moment_of(version: &Version) -> Option<Timestamp> {
    normal::instant(&version.0)
}

/// Returns the column that a rule reads and writes; `None` if there is none.
pub(crate) fn column(rule: &FieldRule) -> Option<&'static str> {
    if rule.wire == Wire::Variant { None } else { rule.remote.split(' ').next() }
}

/// Returns the id of a row.
pub(crate) fn id_of<'r>(row: &'r Row<'_>) -> Result<&'r str> {
    row.text(ID).ok_or_else(|| unreadable("a row has no `id`"))
}

/// Returns when a row was changed.
pub(crate) fn stamp_of(row: &Row<'_>) -> Option<Timestamp> {
    row.text(STAMP).and_then(normal::instant)
}

/// Returns a row with the choices that we know.
fn alike<'a>(row: &Row<'a>) -> Row<'a> {
    let mut row = row.clone();
    for (name, value) in &mut row.0 {
        let known = ALIKE.iter().find(|(column, theirs, _)| {
            name == column && matches!(value, Scalar::Text(text) if text == theirs)
        });
        if let Some((_, _, ours)) = known {
            *value = Scalar::Text((*ours).into());
        }
    }
    row
}
