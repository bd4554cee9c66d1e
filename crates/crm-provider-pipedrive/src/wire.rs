//! The vendor's envelopes. Nothing that Pipedrive may leave out is required.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A record, as it is shown and as it is sent.
pub(crate) type Object = Map<String, Value>;

/// The answer about one thing.
#[derive(Debug, Deserialize)]
pub(crate) struct One<T> {
    pub(crate) data: T,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) data: Option<Vec<T>>,
    additional_data: Option<More>,
}

#[derive(Debug, Default, Deserialize)]
struct More {
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Returns the rows, and where the next page begins, if there is one.
    pub(crate) fn split(self) -> (Vec<T>, Option<String>) {
        (self.data.unwrap_or_default(), self.additional_data.and_then(|more| more.next_cursor))
    }
}

/// The answer to a search.
#[derive(Debug, Deserialize)]
pub(crate) struct Hits {
    #[serde(default)]
    items: Vec<Hit>,
}

#[derive(Debug, Deserialize)]
struct Hit {
    item: Value,
}

impl Hits {
    /// Returns the ids of what was found.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.items.iter().filter_map(|hit| number(hit.item.get("id")?)).collect()
    }
}

/// A refusal.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Problem {
    pub(crate) error: Option<String>,
    pub(crate) code: Option<String>,
}

/// The user whose token it is.
#[derive(Debug, Deserialize)]
pub(crate) struct Me {
    pub(crate) company_id: u64,
    pub(crate) company_name: Option<String>,
}

/// A user.
#[derive(Debug, Deserialize)]
pub(crate) struct UserRow {
    pub(crate) id: u64,
    pub(crate) email: Option<String>,
    #[serde(default)]
    pub(crate) active_flag: bool,
}

/// A pipeline.
#[derive(Debug, Deserialize)]
pub(crate) struct PipelineRow {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) is_deleted: bool,
}

/// A stage of a pipeline.
#[derive(Debug, Deserialize)]
pub(crate) struct StageRow {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) pipeline_id: u64,
    #[serde(default)]
    pub(crate) is_deleted: bool,
}

/// A currency.
#[derive(Debug, Deserialize)]
pub(crate) struct CurrencyRow {
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) active_flag: bool,
}

/// The definition of a field.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FieldRow {
    pub(crate) field_name: String,
    pub(crate) field_code: String,
    #[serde(default)]
    pub(crate) is_custom_field: bool,
}

/// Returns the text of a whole number.
pub(crate) fn number(value: &Value) -> Option<String> {
    value.as_u64().map(|number| number.to_string())
}
