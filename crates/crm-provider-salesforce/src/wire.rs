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

impl Outcome {
    /// Returns whether the record was not there any more.
    pub(crate) fn is_gone(&self) -> bool {
        let gone = ["ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"];
        self.errors.iter().any(|problem| gone.contains(&problem.error_code.as_str()))
    }
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
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Describe {
    #[serde(default)]
    pub(crate) createable: bool,
    #[serde(default)]
    pub(crate) updateable: bool,
    #[serde(default)]
    pub(crate) fields: Vec<DescribedField>,
}

/// One field of an object type.
#[expect(clippy::struct_excessive_bools, reason = "the flags are the vendor's")]
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribedField {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) createable: bool,
    #[serde(default)]
    pub(crate) nillable: bool,
    #[serde(default)]
    pub(crate) defaulted_on_create: bool,
    #[serde(default)]
    pub(crate) length: u32,
    #[serde(default)]
    pub(crate) restricted_picklist: bool,
    #[serde(default)]
    pub(crate) picklist_values: Vec<PicklistValue>,
    #[serde(default)]
    pub(crate) updateable: bool,
    #[serde(default)]
    pub(crate) external_id: bool,
    #[serde(default)]
    pub(crate) unique: bool,
}

/// One value of a picklist.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PicklistValue {
    #[serde(default)]
    pub(crate) active: bool,
    pub(crate) value: String,
}

/// Several requests in one, each with its own answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bundle {
    pub(crate) all_or_none: bool,
    pub(crate) composite_request: Vec<BundledRequest>,
}

/// One of them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BundledRequest {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) reference_id: &'static str,
}

/// The answers of several requests.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bundled {
    pub(crate) composite_response: Vec<BundledReply>,
}

/// One of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BundledReply {
    #[serde(default)]
    pub(crate) body: Value,
    pub(crate) http_status_code: u16,
    pub(crate) reference_id: String,
}

/// A list of rows that is not read by table.
#[derive(Debug, Deserialize)]
pub(crate) struct Listed<T> {
    pub(crate) records: Vec<T>,
}

/// A deal, as far as its people go.
#[derive(Debug, Deserialize)]
pub(crate) struct DealRow {
    #[serde(rename = "Id")]
    pub(crate) id: String,
    #[serde(rename = "OpportunityContactRoles")]
    pub(crate) people: Option<RolePage>,
}

/// The people of a deal.
#[derive(Debug, Deserialize)]
pub(crate) struct RolePage {
    pub(crate) done: bool,
    pub(crate) records: Vec<RoleRow>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub(crate) struct RoleRow {
    #[serde(rename = "ContactId")]
    pub(crate) contact_id: String,
}

/// A user of the org.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UserRow {
    pub(crate) id: String,
    pub(crate) email: Option<String>,
    #[serde(default)]
    pub(crate) is_active: bool,
}

/// A stage of deals.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StageRow {
    pub(crate) api_name: String,
    pub(crate) master_label: Option<String>,
    #[serde(default)]
    pub(crate) is_active: bool,
    #[serde(default)]
    pub(crate) is_closed: bool,
    #[serde(default)]
    pub(crate) is_won: bool,
    pub(crate) sort_order: Option<i64>,
}

/// A currency of an org that has several.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CurrencyRow {
    pub(crate) iso_code: String,
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

/// Returns the attributes of a record of a type.
pub(crate) const fn of_type(ty: &'static str) -> Attributes {
    Attributes { ty }
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
