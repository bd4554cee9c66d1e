//! One object type at Salesforce: which columns are asked for, how a row is read.
//!
//! Most of our kinds are one type; activities are two, and a task has several forms.

use std::sync::Arc;

use crm_core::mapping::Row;
use crm_core::{
    ErrorKind, Field, FieldRule, Mapping, Metadata, Normalizer, ObjectCapability, ObjectKind,
    ProviderError, Remote, RemoteId, Result, Uid, Version, Wire, mapping, normal,
};

use crate::error::Reading;
use crate::feed::position::{ID, STAMP};
use crate::soql::{Filter, Literal, Place, Select};
use crate::translate::{self, Said};

/// The record that a merged one went into.
pub(crate) const MASTER: &str = "MasterRecordId";
/// Whether the record lies in the recycle bin.
pub(crate) const DELETED: &str = "IsDeleted";
/// The people of a deal: rows of this type.
pub(crate) const ROLE: &str = "OpportunityContactRole";
/// What only an org with several currencies has. It is not asked for until a description shows
/// it, and nobody misses it.
pub(crate) const CURRENCY: &str = "CurrencyIsoCode";

/// What the ids of the vendor's own types begin with; the same in every org.
const PREFIXES: &[(&str, &str)] = &[
    ("Account", "001"),
    ("Contact", "003"),
    ("Opportunity", "006"),
    ("Task", "00T"),
    ("Event", "00U"),
];
/// The types whose records can be merged.
const MERGED: &[&str] = &["Account", "Contact"];
/// Subtypes of tasks that we have no form for, and the one that they are read as.
const KIN: &[(&str, &str)] = &[("ListEmail", "Email")];

/// One object type, as a connection sees it at the moment.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) capability: ObjectCapability,
    /// The name of the type.
    pub(crate) object: &'static str,
    /// The columns that are asked for.
    pub(crate) columns: Vec<&'static str>,
    /// Our own column, unless the org is known to lack it.
    pub(crate) uid: Option<&'static str>,
    /// What is known of users, stages and fields.
    pub(crate) metadata: Arc<Metadata>,
    forms: Vec<Form>,
    mappings: Vec<&'static Mapping>,
    normalizer: Normalizer,
}

/// One form of records.
#[derive(Debug)]
struct Form {
    mapping: &'static Mapping,
    /// The fields that the row itself tells, sorted.
    plain: Arc<[Field]>,
    /// The rules of those that it does not.
    translated: Vec<&'static FieldRule>,
    /// Both, sorted.
    all: Arc<[Field]>,
}

impl Form {
    fn new(mapping: &'static Mapping, suspended: &[Field]) -> Self {
        let rules = mapping.rules.iter().filter(|rule| !suspended.contains(&rule.field));
        let (translated, plain): (Vec<_>, Vec<_>) =
            rules.partition(|rule| rule.wire.is_translated());
        // The people of a deal are read beside the row.
        let in_row = translated.iter().filter(|rule| column(rule) != Some(ROLE));
        let mut all: Vec<Field> = plain.iter().chain(in_row).map(|rule| rule.field).collect();
        all.sort_unstable();
        let plain = plain.into_iter().map(|rule| rule.field).collect();
        Self { mapping, plain, translated, all: all.into() }
    }
}

impl Table {
    /// Returns the object types of a kind; `has_uid` is false where the org is known to lack our
    /// column.
    pub(crate) fn of(
        capability: &ObjectCapability,
        metadata: &Arc<Metadata>,
        normalizer: Normalizer,
        has_uid: bool,
    ) -> Vec<Self> {
        let mut tables: Vec<Self> = Vec::new();
        for mapping in capability.mappings() {
            let form = Form::new(mapping, &capability.suspended);
            if let Some(table) = tables.iter_mut().find(|table| table.object == mapping.remote) {
                table.forms.push(form);
                table.mappings.push(mapping);
                continue;
            }
            tables.push(Self {
                capability: capability.clone(),
                object: mapping.remote,
                columns: Vec::new(),
                uid: mapping.uid.filter(|_| has_uid),
                metadata: Arc::clone(metadata),
                forms: vec![form],
                mappings: vec![mapping],
                normalizer,
            });
        }
        for table in &mut tables {
            table.columns = table.all_columns();
        }
        tables
    }

    fn all_columns(&self) -> Vec<&'static str> {
        let mut columns = vec![ID, STAMP];
        columns.extend(self.uid);
        for form in &self.forms {
            let wanted = |rule: &&FieldRule| !self.capability.suspended.contains(&rule.field);
            let named = form.mapping.rules.iter().filter(wanted).filter_map(column);
            let fixed = form.mapping.fixed.iter().map(|(name, _)| *name);
            for name in named.filter(|name| *name != ROLE).chain(fixed) {
                if !columns.contains(&name) {
                    columns.push(name);
                }
            }
        }
        columns
    }

    /// Returns the kind.
    pub(crate) fn kind(&self) -> ObjectKind {
        self.capability.kind
    }

    /// Returns the tables of names and wire forms.
    pub(crate) fn mappings(&self) -> &[&'static Mapping] {
        &self.mappings
    }

    /// Returns what is known when a failure is read.
    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading { mappings: &self.mappings, written: None }
    }

    /// Returns whether an id is one of this type's.
    pub(crate) fn has(&self, id: &str) -> bool {
        PREFIXES.iter().any(|(object, prefix)| *object == self.object && id.starts_with(prefix))
    }

    /// Returns whether records of the type can be merged.
    pub(crate) fn merges(&self) -> bool {
        MERGED.contains(&self.object)
    }

    /// Returns whether the people of its records are rows of a type of their own that take part.
    pub(crate) fn has_roles(&self) -> bool {
        let rules = self.forms.iter().flat_map(|form| &form.translated);
        { rules }.any(|rule| column(rule) == Some(ROLE))
    }

    /// Returns a statement for a page of records, or of such columns of them.
    pub(crate) fn select<'a>(
        &'a self,
        fields: &'a [&'static str],
        filter: Option<Filter>,
        order_by: &'a [&'static str],
    ) -> Select<'a> {
        let limit = Some(self.capability.page_max.get());
        Select { fields, from: self.object, filter, order_by, limit }
    }

    /// Narrows a condition to the rows that are records of ours: an event has a copy for each
    /// colleague who is invited.
    pub(crate) fn own(&self, filter: Option<Filter>) -> Option<Filter> {
        if self.object != "Event" {
            return filter;
        }
        let own = Filter::Is("IsChild", Literal::False);
        Some(match filter {
            Some(filter) => Filter::All(vec![own, filter]),
            None => own,
        })
    }

    /// Returns the record that a row shows.
    pub(crate) fn remote(&self, row: &Row<'_>) -> Result<Remote> {
        let id: RemoteId = id_of(row)?.into();
        let form = self.form(row).ok_or_else(|| unreadable("a row has no form"))?;
        let mut decoded = mapping::decode(form.mapping, self.normalizer, row, &form.plain);
        if !decoded.unreadable.is_empty() {
            let fields = &decoded.unreadable;
            tracing::warn!(%id, ?fields, "values could not be understood");
        }
        let mut notes = form
            .translated
            .iter()
            .filter_map(|rule| {
                let variant = form.mapping.variant;
                match translate::said(rule, variant, row, &self.metadata, self.normalizer) {
                    Said::Nothing => None,
                    Said::Blank => Some((rule.field, None)),
                    Said::Held(value) => Some((rule.field, Some(value))),
                }
            })
            .collect::<Vec<_>>();
        if decoded.read.len() + notes.len() == form.all.len() {
            // One list for all rows that tell everything.
            for (field, value) in notes.drain(..) {
                decoded.fields.set(field, value);
            }
            decoded.read = Arc::clone(&form.all);
        }
        for (field, value) in notes {
            decoded.note(field, value);
        }
        let stamp = row.text(STAMP);
        Ok(Remote {
            kind: self.capability.kind,
            id,
            version: stamp.map(|text| Version(text.into())),
            modified_at: stamp.and_then(normal::instant),
            author: None,
            uid: self.uid.and_then(|name| row.text(name)).and_then(Uid::parse),
            aliases: Vec::new(),
            read: decoded.read,
            fields: decoded.fields,
        })
    }

    /// Returns the column that tells the forms of records apart.
    pub(crate) fn telling(&self) -> Option<&'static str> {
        let fixed = self.mappings.iter().flat_map(|mapping| mapping.fixed);
        { fixed }.next().map(|(name, _)| *name)
    }

    /// Returns which form a row is, by our name.
    pub(crate) fn variant(&self, row: &Row<'_>) -> Option<&'static str> {
        self.form(row)?.mapping.variant
    }

    /// Returns the form of a row: the one whose fixed members it has, else the first.
    fn form(&self, row: &Row<'_>) -> Option<&Form> {
        let told = |name: &str| {
            let text = row.text(name)?;
            Some(KIN.iter().find(|(theirs, _)| *theirs == text).map_or(text, |(_, ours)| ours))
        };
        let fits = |form: &&Form| {
            form.mapping.fixed.iter().all(|(name, value)| told(name) == Some(*value))
        };
        self.forms.iter().find(fits).or_else(|| self.forms.first())
    }
}

/// Returns the column that a rule reads and writes; `None` if there is none. What stands behind
/// it in brackets tells fields apart that share one.
pub(crate) fn column(rule: &FieldRule) -> Option<&'static str> {
    match rule.wire {
        Wire::Variant => None,
        Wire::Text
        | Wire::Number
        | Wire::NumberText
        | Wire::Bool
        | Wire::BoolText
        | Wire::Date
        | Wire::Instant
        | Wire::Choice(_)
        | Wire::Day
        | Wire::Id
        | Wire::Related
        | Wire::Owner
        | Wire::Stage => rule.remote.split(' ').next(),
    }
}

/// Returns the id of a row.
pub(crate) fn id_of<'r>(row: &'r Row<'_>) -> Result<&'r str> {
    row.text(ID).ok_or_else(|| unreadable("a row has no `Id`"))
}

/// Returns the place of a row in the order of stamp and id.
pub(crate) fn place_of(row: &Row<'_>) -> Result<Place> {
    let stamp = row.text(STAMP).and_then(normal::instant);
    let stamp = stamp.ok_or_else(|| unreadable("a row has no `SystemModstamp`"))?;
    Ok(Place { stamp, id: id_of(row)?.to_owned() })
}

/// Rows are only read, so nothing was applied.
pub(crate) fn unreadable(message: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Malformed { applied: crm_core::Applied::No }, message)
}
