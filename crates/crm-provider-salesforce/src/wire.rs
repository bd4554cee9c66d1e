//! The vendor's envelopes. Nothing that Salesforce may leave out is required.

use std::borrow::Cow;

use crm_core::mapping::Row;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One version of the interface that an org offers.
#[derive(Debug, Deserialize)]
pub(crate) struct Offered {
    pub(crate) version: String,
}

/// A page of a query.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<'a> {
    pub(crate) done: bool,
    #[serde(borrow)]
    pub(crate) records: Vec<Row<'a>>,
}

/// What became of one record of a collection.
#[derive(Debug, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) success: bool,
    #[serde(default)]
    pub(crate) errors: Vec<Problem>,
}

/// An error. Of a request the code is called `errorCode`, of a record `statusCode`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    #[serde(alias = "statusCode", default)]
    pub(crate) error_code: String,
    #[serde(default)]
    pub(crate) message: String,
    fields: Option<Vec<String>>,
    // Loosely shaped: an odd one must not make the answer unreadable. The first is how the vendor
    // spells it.
    #[serde(default)]
    duplicate_resut: Value,
    #[serde(default)]
    duplicate_result: Value,
}

impl Problem {
    /// Returns the vendor's names of the fields at fault: those listed, else those in brackets
    /// or quotes in the message.
    pub(crate) fn names(&self) -> Vec<&str> {
        let listed = self.fields.as_deref().unwrap_or_default();
        if !listed.is_empty() {
            return listed.iter().map(String::as_str).collect();
        }
        let message = self.message.as_str();
        let within = |open, close| {
            let (_, rest) = message.split_once(open)?;
            rest.split_once(close).map(|(inside, _)| inside)
        };
        let inside = within('[', ']').or_else(|| within('\'', '\'')).unwrap_or_default();
        inside.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
    }

    /// Returns the ids of the records that a duplicate rule found, each once.
    pub(crate) fn duplicates(&self) -> Vec<&str> {
        let found = [&self.duplicate_resut, &self.duplicate_result];
        let found = found.into_iter().find(|found| found.is_object());
        let results = found.map(|found| list(found, "matchResults")).unwrap_or_default();
        let matches = results.iter().flat_map(|result| list(result, "matchRecords"));
        let ids = matches.filter_map(|hit| hit.get("record")?.get("Id")?.as_str());
        let mut ids: Vec<&str> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// What the log of deletions tells.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deleted {
    #[serde(default, rename = "deletedRecords")]
    pub(crate) records: Vec<DeletedRecord>,
    pub(crate) latest_date_covered: Option<String>,
    pub(crate) earliest_date_available: Option<String>,
}

/// One line of the log of deletions.
#[derive(Debug, Deserialize)]
pub(crate) struct DeletedRecord {
    pub(crate) id: String,
}

/// What an object type is like, as the user may see it.
#[derive(Debug, Deserialize)]
pub(crate) struct Describe {
    #[serde(default)]
    pub(crate) createable: bool,
    #[serde(default)]
    pub(crate) updateable: bool,
    #[serde(default)]
    pub(crate) fields: Vec<DescribedField>,
}

/// One field of an object type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribedField {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) updateable: bool,
    #[serde(default)]
    pub(crate) external_id: bool,
    #[serde(default)]
    pub(crate) unique: bool,
}

/// The user on whose behalf the connection works.
#[derive(Debug, Deserialize)]
pub(crate) struct UserInfo {
    pub(crate) user_id: String,
}

/// The body of a read of many records.
#[derive(Debug, Serialize)]
pub(crate) struct Retrieve<'a> {
    pub(crate) ids: &'a [&'a str],
    pub(crate) fields: &'a [&'static str],
}

/// The body of a write of many records.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Collection<'a> {
    pub(crate) all_or_none: bool,
    pub(crate) records: Vec<Input<'a>>,
}

/// One record of a collection; `attributes` come first.
#[derive(Debug, Serialize)]
pub(crate) struct Input<'a> {
    pub(crate) attributes: Attributes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Cow<'a, str>>,
    #[serde(flatten)]
    pub(crate) members: Map<String, Value>,
}

/// What a record is.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Attributes {
    #[serde(rename = "type")]
    pub(crate) ty: &'static str,
}

/// The body that makes a field.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NewField<'a> {
    pub(crate) full_name: String,
    pub(crate) metadata: &'a FieldMetadata,
}

/// What a new field is like.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FieldMetadata {
    pub(crate) label: &'static str,
    pub(crate) description: &'static str,
    #[serde(rename = "type")]
    pub(crate) ty: &'static str,
    pub(crate) length: u16,
    pub(crate) required: bool,
    pub(crate) external_id: bool,
    pub(crate) unique: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) case_sensitive: Option<bool>,
}

/// The body that lets users of a permission set see and change a field.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FieldPermission<'a> {
    pub(crate) parent_id: &'a str,
    pub(crate) sobject_type: &'static str,
    pub(crate) field: String,
    pub(crate) permissions_read: bool,
    pub(crate) permissions_edit: bool,
}

#[cfg(test)]
mod tests;
