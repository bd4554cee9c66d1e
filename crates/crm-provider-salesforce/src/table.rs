//! One kind at Salesforce: which columns are asked for, how a row is read.

use std::sync::Arc;

use crm_core::mapping::Row;
use crm_core::{
    ErrorKind, Field, Mapping, Normalizer, ObjectCapability, ProviderError, Remote, RemoteId,
    Result, Uid, Version, mapping, normal,
};

use crate::error::Reading;
use crate::feed::position::{ID, STAMP};
use crate::soql::{Filter, Place, Select};

/// The record that a merged one went into.
pub(crate) const MASTER: &str = "MasterRecordId";
/// Whether the record lies in the recycle bin.
pub(crate) const DELETED: &str = "IsDeleted";

/// One kind, as a connection sees it at the moment.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) capability: ObjectCapability,
    /// The fields that are asked for, sorted.
    pub(crate) asked: Arc<[Field]>,
    /// The columns that are asked for.
    pub(crate) columns: Vec<&'static str>,
    pub(crate) reading: Reading,
    /// Our unique column, unless the org is known to lack it.
    pub(crate) uid: Option<&'static str>,
    normalizer: Normalizer,
}

impl Table {
    /// Returns the table of a kind; `has_uid` is false where the org is known to lack our column.
    pub(crate) fn new(capability: ObjectCapability, normalizer: Normalizer, has_uid: bool) -> Self {
        let asked = capability.rules().map(|rule| rule.field).collect();
        let uid = capability.mapping.uid.filter(|_| has_uid);
        let mut columns = vec![ID, STAMP];
        columns.extend(uid);
        columns.extend(capability.rules().map(|rule| rule.remote));
        let reading = Reading { mapping: Some(capability.mapping) };
        Self { capability, asked, columns, reading, uid, normalizer }
    }

    /// Returns the table of names and wire forms.
    pub(crate) fn mapping(&self) -> &'static Mapping {
        self.capability.mapping
    }

    /// Returns the name of the object type.
    pub(crate) fn object(&self) -> &'static str {
        self.mapping().remote
    }

    /// Returns a statement for a page of records, or of such columns of them.
    pub(crate) fn select<'a>(
        &'a self,
        fields: &'a [&'static str],
        filter: Option<Filter>,
        order_by: &'a [&'static str],
    ) -> Select<'a> {
        let limit = Some(self.capability.page_max.get());
        Select { fields, from: self.object(), filter, order_by, limit }
    }

    /// Returns the record that a row shows.
    pub(crate) fn remote(&self, row: &Row<'_>) -> Result<Remote> {
        let id: RemoteId = id_of(row)?.into();
        let decoded = mapping::decode(self.mapping(), self.normalizer, row, &self.asked);
        if !decoded.unreadable.is_empty() {
            let fields = &decoded.unreadable;
            tracing::warn!(%id, ?fields, "values could not be understood");
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
fn unreadable(message: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Malformed { applied: crm_core::Applied::No }, message)
}
