//! One kind at Salesforce: which fields are asked for, how a row is read.

use std::sync::Arc;

use crm_core::mapping::{self, Row};
use crm_core::{
    Field, Mapping, Normalizer, ObjectCapability, Remote, RemoteId, Uid, Version, normal,
};
use jiff::Timestamp;

use crate::error::Reading;
use crate::feed::{ID, STAMP};
use crate::soql::Place;

/// One kind, as a connection sees it at the moment.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) capability: ObjectCapability,
    /// The fields that are asked for, sorted.
    pub(crate) asked: Arc<[Field]>,
    /// The vendor's names of what is asked for.
    pub(crate) columns: Vec<&'static str>,
    pub(crate) reading: Reading,
    normalizer: Normalizer,
}

impl Table {
    /// Returns the table of a kind.
    pub(crate) fn new(capability: ObjectCapability, normalizer: Normalizer) -> Self {
        let asked = capability.rules().map(|rule| rule.field).collect();
        let mut columns = vec![ID, STAMP];
        columns.extend(capability.mapping.uid);
        columns.extend(capability.rules().map(|rule| rule.remote));
        let reading = Reading { mapping: Some(capability.mapping) };
        Self { capability, asked, columns, reading, normalizer }
    }

    /// Returns the table of names and wire forms.
    pub(crate) fn mapping(&self) -> &'static Mapping {
        self.capability.mapping
    }

    /// Returns the record that a row shows; `None` for a row without an id.
    pub(crate) fn remote(&self, row: &Row<'_>) -> Option<Remote> {
        let decoded = mapping::decode(self.mapping(), self.normalizer, row, &self.asked);
        if !decoded.unreadable.is_empty() {
            tracing::warn!(fields = ?decoded.unreadable, "values could not be understood");
        }
        let stamp = row.text(STAMP);
        Some(Remote {
            kind: self.capability.kind,
            id: RemoteId::from(row.text(ID)?),
            version: stamp.map(|text| Version(text.into())),
            modified_at: stamp.and_then(normal::instant),
            author: None,
            uid: self.mapping().uid.and_then(|name| row.text(name)).and_then(Uid::parse),
            aliases: Vec::new(),
            read: decoded.read,
            fields: decoded.fields,
        })
    }
}

/// Returns where a row stands in the order of stamp and id.
pub(crate) fn place(row: &Row<'_>) -> Option<Place> {
    let stamp: Timestamp = row.text(STAMP).and_then(normal::instant)?;
    Some(Place { stamp, id: row.text(ID)?.to_owned() })
}
