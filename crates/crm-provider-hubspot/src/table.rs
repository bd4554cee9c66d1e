//! One kind at HubSpot: where it lives, which properties are asked for, how a row is read.

use std::sync::Arc;

use crm_core::{
    Field, Fields, Mapping, Normalizer, ObjectCapability, Remote, RemoteId, Uid, Version, mapping,
    normal,
};

use crate::API_VERSION;
use crate::error::Reading;
use crate::wire::Object;

/// Ids of records that were merged into this one, with semicolons between them.
const MERGED: &str = "hs_merged_object_ids";

/// One kind, as a connection sees it at the moment.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) capability: ObjectCapability,
    /// The fields that are asked for, sorted.
    pub(crate) asked: Arc<[Field]>,
    /// The properties that are asked for.
    pub(crate) properties: Vec<&'static str>,
    pub(crate) reading: Reading,
    normalizer: Normalizer,
}

impl Table {
    /// Returns the table of a kind.
    pub(crate) fn new(
        capability: ObjectCapability,
        normalizer: Normalizer,
        reading: Reading,
    ) -> Self {
        let asked = capability.rules().map(|rule| rule.field).collect();
        let mut properties: Vec<_> = capability.rules().map(|rule| rule.remote).collect();
        properties.extend(capability.mapping.uid);
        properties.push(MERGED);
        let reading = Reading { mapping: Some(capability.mapping), ..reading };
        let mut table = Self { capability, asked, properties, reading, normalizer };
        table.properties.push(table.modified());
        table
    }

    /// Returns the table of names and wire forms.
    pub(crate) fn mapping(&self) -> &'static Mapping {
        self.capability.mapping
    }

    /// Returns the path of the kind's records.
    pub(crate) fn path(&self) -> String {
        format!("/crm/objects/{API_VERSION}/{}", self.mapping().remote)
    }

    /// Returns the name of an endpoint for counting.
    pub(crate) fn endpoint(&self, method: &str, rest: &str) -> String {
        format!("{method} /crm/objects/{}{rest}", self.mapping().remote)
    }

    /// Returns the property that holds the time of the last change: contacts have their own.
    pub(crate) fn modified(&self) -> &'static str {
        if self.mapping().remote == "contacts" { "lastmodifieddate" } else { "hs_lastmodifieddate" }
    }

    /// Returns the record that a row shows.
    pub(crate) fn remote(&self, object: &Object<'_>) -> Remote {
        let row = &object.properties;
        let decoded = mapping::decode(self.mapping(), self.normalizer, row, &self.asked);
        if !decoded.unreadable.is_empty() {
            let fields = &decoded.unreadable;
            tracing::warn!(id = &*object.id, ?fields, "values could not be understood");
        }
        let version = self.version(object);
        Remote {
            kind: self.capability.kind,
            id: object.id.as_ref().into(),
            modified_at: version.as_ref().and_then(|version| normal::instant(&version.0)),
            version,
            author: None,
            uid: self.mapping().uid.and_then(|name| row.text(name)).and_then(Uid::parse),
            aliases: row.text(MERGED).map(split).unwrap_or_default(),
            read: decoded.read,
            fields: decoded.fields,
        }
    }

    /// Returns the version of a row: the time of its last change, as it is spelled.
    pub(crate) fn version(&self, object: &Object<'_>) -> Option<Version> {
        let property = object.properties.text(self.modified());
        property.or(object.updated_at.as_deref()).map(|text| Version(text.into()))
    }

    /// Returns what the echo of a write shows of our fields; it is not the whole record.
    pub(crate) fn echoed(&self, object: &Object<'_>) -> Fields {
        let row = &object.properties;
        mapping::decode(self.mapping(), self.normalizer, row, &self.asked).fields
    }
}

fn split(list: &str) -> Vec<RemoteId> {
    let ids = list.split(';').map(str::trim).filter(|id| !id.is_empty());
    ids.map(RemoteId::from).collect()
}
