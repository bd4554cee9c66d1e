//! The vendor's envelopes. Nothing that Zoho may leave out is required.

use std::borrow::Cow;

use crm_core::mapping::{Row, Scalar};
use crm_core::normal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A page of a list or query.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Page {
    #[serde(default)]
    data: Vec<Map<String, Value>>,
    #[serde(default)]
    pub(crate) info: Info,
}

/// What a page says of itself.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Info {
    #[serde(default)]
    pub(crate) more_records: bool,
    pub(crate) next_page_token: Option<String>,
}

impl Page {
    /// Returns the rows. Of a lookup only the id is of use.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.data.iter().map(|members| {
            let member = |(name, value)| {
                let name: &String = name;
                (Cow::Borrowed(name.as_str()), scalar(value))
            };
            Row(members.iter().map(member).collect())
        })
    }
}

fn scalar(value: &Value) -> Scalar<'_> {
    match value {
        Value::Null => Scalar::Null,
        Value::Bool(yes) => Scalar::Bool(*yes),
        Value::String(text) => Scalar::Text(Cow::Borrowed(text)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Scalar::Integer(whole),
            None => normal::decimal(&number.to_string()).map_or(Scalar::Nested, Scalar::Number),
        },
        Value::Object(parts) => match parts.get("id") {
            Some(id @ (Value::String(_) | Value::Number(_))) => scalar_id(id),
            Some(_) | None => Scalar::Nested,
        },
        Value::Array(_) => Scalar::Nested,
    }
}

/// An id may be a number: beyond what a float holds, so it is text to us.
fn scalar_id(id: &Value) -> Scalar<'_> {
    let text = id.as_str().map_or_else(|| Cow::Owned(id.to_string()), Cow::Borrowed);
    Scalar::Text(text)
}

/// The answer to a write, or the list of records of a whole refusal.
#[derive(Debug, Deserialize)]
pub(crate) struct Outcomes {
    pub(crate) data: Vec<Outcome>,
}

/// What became of one record.
#[derive(Debug, Deserialize)]
pub(crate) struct Outcome {
    #[serde(default)]
    status: String,
    #[serde(flatten)]
    pub(crate) problem: Problem,
}

impl Outcome {
    /// Returns whether the record was written: the status of the answer does not tell.
    pub(crate) fn is_done(&self) -> bool {
        self.status == "success"
    }
}

/// An error, or the details of a success.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Problem {
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) message: String,
    // Loosely shaped: an odd one must not make the answer unreadable.
    #[serde(default)]
    details: Value,
}

impl Problem {
    /// Returns a text of the details.
    pub(crate) fn detail(&self, name: &str) -> Option<&str> {
        self.details.get(name)?.as_str()
    }

    /// Returns whether the details have a member.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.details.get(name).is_some()
    }

    /// Returns the record that already has a value which must be unique.
    pub(crate) fn duplicate(&self) -> Option<&str> {
        let found = self.details.get("duplicate_record");
        found.and_then(|found| found.get("id")?.as_str()).or_else(|| self.detail("id"))
    }
}

/// The records that were deleted.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Deleted {
    #[serde(default)]
    pub(crate) data: Vec<Named>,
    #[serde(default)]
    pub(crate) info: Info,
}

/// The records of the recycle bin.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Bin {
    #[serde(default)]
    pub(crate) recycle_bin: Vec<Named>,
}

/// Something with an id.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) id: String,
}

/// The fields of a module.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct FieldList {
    #[serde(default)]
    pub(crate) fields: Vec<FieldRow>,
}

/// One field of a module.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FieldRow {
    pub(crate) api_name: String,
    #[serde(default)]
    pub(crate) field_label: String,
    #[serde(default)]
    pub(crate) length: u32,
    #[serde(default)]
    pub(crate) system_mandatory: bool,
    #[serde(default)]
    pub(crate) read_only: bool,
    #[serde(default)]
    unique: Value,
    #[serde(default)]
    pub(crate) pick_list_values: Vec<Choice>,
}

impl FieldRow {
    /// Returns whether no two records may have the same value: the vendor shows an empty object
    /// where they may.
    pub(crate) fn is_unique(&self) -> bool {
        self.unique.as_object().is_some_and(|unique| !unique.is_empty())
    }
}

/// One value of a picklist.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Choice {
    /// What records hold.
    pub(crate) actual_value: String,
    /// What people see.
    pub(crate) display_value: Option<String>,
    /// `Open`, `Closed Won` or `Closed Lost`, of a stage.
    pub(crate) forecast_type: Option<String>,
    pub(crate) sequence_number: Option<i64>,
}

/// The layouts of a module.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Layouts {
    #[serde(default)]
    pub(crate) layouts: Vec<Named>,
}

/// The pipelines of a layout.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Pipelines {
    #[serde(default)]
    pub(crate) pipeline: Vec<PipelineRow>,
}

/// A pipeline.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PipelineRow {
    pub(crate) actual_value: String,
    pub(crate) display_value: Option<String>,
    #[serde(default)]
    pub(crate) default: bool,
    #[serde(default)]
    pub(crate) maps: Vec<Choice>,
}

/// Users, page by page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Users {
    #[serde(default)]
    pub(crate) users: Vec<UserRow>,
    #[serde(default)]
    pub(crate) info: Info,
}

/// A user.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct UserRow {
    pub(crate) id: String,
    pub(crate) email: Option<String>,
    #[serde(default)]
    pub(crate) status: String,
}

/// The currencies of an org.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Currencies {
    #[serde(default)]
    pub(crate) currencies: Vec<CurrencyRow>,
}

/// A currency.
#[derive(Debug, Deserialize)]
pub(crate) struct CurrencyRow {
    pub(crate) iso_code: String,
    pub(crate) is_active: Option<bool>,
}

/// Who the org is.
#[derive(Debug, Deserialize)]
pub(crate) struct Orgs {
    pub(crate) org: Vec<Org>,
}

/// An org.
#[derive(Debug, Deserialize)]
pub(crate) struct Org {
    pub(crate) id: String,
    pub(crate) zgid: Option<String>,
    #[serde(default)]
    pub(crate) company_name: String,
}

/// The body of a query.
#[derive(Debug, Serialize)]
pub(crate) struct Question {
    pub(crate) select_query: String,
}

/// The body of a write. An empty list of triggers: none of their workflows runs, which would
/// answer our writes with writes of their own.
#[derive(Debug, Serialize)]
pub(crate) struct Body<'a> {
    pub(crate) data: Vec<&'a Map<String, Value>>,
    pub(crate) trigger: [&'static str; 0],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) duplicate_check_fields: &'a [&'static str],
}

/// The body that makes a field.
#[derive(Debug, Serialize)]
pub(crate) struct NewFields {
    pub(crate) fields: [NewField; 1],
}

/// A new field.
#[derive(Debug, Serialize)]
pub(crate) struct NewField {
    pub(crate) field_label: String,
    pub(crate) data_type: &'static str,
    pub(crate) length: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unique: Option<Unique>,
}

/// That no two records may have the same value of a field.
#[derive(Debug, Serialize)]
pub(crate) struct Unique {
    pub(crate) casesensitive: bool,
}
