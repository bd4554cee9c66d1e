//! The vendor's envelopes. Nothing that HubSpot may leave out is required.

use std::borrow::Cow;

use crm_core::mapping::Row;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One record.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Object<'a> {
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) properties: Row<'a>,
    #[serde(borrow)]
    pub(crate) updated_at: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) archived_at: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) archived: bool,
    #[serde(borrow, rename = "objectWriteTraceId")]
    pub(crate) trace_id: Option<Cow<'a, str>>,
}

/// A page of a list or of a search.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<'a> {
    #[serde(borrow)]
    pub(crate) results: Vec<Object<'a>>,
    #[serde(borrow)]
    paging: Option<Paging<'a>>,
}

#[derive(Debug, Deserialize)]
struct Paging<'a> {
    #[serde(borrow)]
    next: Option<Next<'a>>,
}

#[derive(Debug, Deserialize)]
struct Next<'a> {
    #[serde(borrow)]
    after: Cow<'a, str>,
}

impl Page<'_> {
    /// Returns where the next page begins, if there is one.
    pub(crate) fn after(&self) -> Option<&str> {
        let next = self.paging.as_ref()?.next.as_ref()?;
        Some(&next.after)
    }
}

/// The answer to a batch: what succeeded and, apart from it, what did not. Positions do not line
/// up with the inputs.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Batch<'a> {
    #[serde(borrow, default)]
    pub(crate) results: Vec<Object<'a>>,
    #[serde(borrow, default)]
    pub(crate) errors: Vec<Problem<'a>>,
}

/// An error, of a request or of one item of a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem<'a> {
    #[serde(borrow)]
    pub(crate) message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) category: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) policy_name: Option<Cow<'a, str>>,
    // Loosely shaped: a context whose values are no lists must not make the answer unreadable.
    #[serde(default)]
    context: Value,
    #[serde(default)]
    errors: Value,
}

/// One value that was refused, as the text of a message lists it.
#[derive(Debug, Deserialize)]
struct Told {
    error: Option<String>,
    name: Option<String>,
}

impl Problem<'_> {
    /// Returns the texts under a name of the context.
    pub(crate) fn context_texts<'p>(&'p self, name: &str) -> impl Iterator<Item = &'p str> {
        texts(&self.context, name)
    }

    /// Returns the most particular code.
    pub(crate) fn code(&self) -> Option<&str> {
        let listed = self.errors.get(0).and_then(|first| first.get("code"));
        listed.and_then(Value::as_str).or(self.told_code()).or(self.category.as_deref())
    }

    /// Returns the property at fault.
    pub(crate) fn property(&self) -> Option<String> {
        let listed = self.errors.get(0).and_then(|first| first.get("context"));
        let listed = listed.and_then(|context| texts(context, "propertyName").next());
        let own = || self.context_texts("propertyName").next();
        listed.or_else(own).map(str::to_owned).or_else(|| self.told()?.name)
    }

    /// Returns whether it only says, of a read, that no record has such an id or key.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self.category.as_deref(), Some("OBJECT_NOT_FOUND" | "VALIDATION_ERROR"))
    }

    /// Some refusals list the values only as JSON inside the message.
    fn told(&self) -> Option<Told> {
        let message = self.message.as_deref()?;
        let (_, list) = message.split_once(": [")?;
        let rows: Vec<Told> = serde_json::from_str(&format!("[{list}")).ok()?;
        rows.into_iter().next()
    }

    fn told_code(&self) -> Option<&'static str> {
        const KNOWN: [&str; 4] =
            ["PROPERTY_DOESNT_EXIST", "INVALID_EMAIL", "INVALID_OPTION", "READ_ONLY_VALUE"];
        let code = self.told()?.error?;
        KNOWN.into_iter().find(|known| *known == code)
    }
}

fn texts<'p>(context: &'p Value, name: &str) -> impl Iterator<Item = &'p str> + use<'p> {
    let found = context.get(name);
    let single = found.and_then(Value::as_str);
    let list = found.and_then(Value::as_array).into_iter().flatten();
    single.into_iter().chain(list.filter_map(Value::as_str))
}

/// The body of a batch read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchRead<'a> {
    pub(crate) inputs: Vec<Input<'a>>,
    pub(crate) properties: &'a [&'static str],
    /// Required by the interface's description, though always empty.
    pub(crate) properties_with_history: [&'a str; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id_property: Option<&'a str>,
}

/// The body of a batch write.
#[derive(Debug, Serialize)]
pub(crate) struct BatchWrite<'a> {
    pub(crate) inputs: Vec<Input<'a>>,
}

/// One item of a batch.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input<'a> {
    pub(crate) id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id_property: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) properties: Option<Map<String, Value>>,
    /// Named by the answer, also where the item failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_write_trace_id: Option<String>,
}

impl<'a> Input<'a> {
    /// Returns an item that only names a record.
    pub(crate) fn id(id: &'a str) -> Self {
        Self { id: Cow::Borrowed(id), ..Self::default() }
    }
}

/// The body of a search.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Search<'a> {
    pub(crate) filter_groups: Vec<FilterGroup<'a>>,
    pub(crate) sorts: [Sort<'a>; 1],
    pub(crate) properties: [&'a str; 1],
    pub(crate) limit: u16,
}

/// Conditions that must all hold; of several groups, one must.
#[derive(Debug, Serialize)]
pub(crate) struct FilterGroup<'a> {
    pub(crate) filters: Vec<Filter<'a>>,
}

/// One condition.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Filter<'a> {
    pub(crate) property_name: &'a str,
    pub(crate) operator: &'static str,
    pub(crate) value: String,
}

/// The one order that a search may have.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sort<'a> {
    pub(crate) property_name: &'a str,
    pub(crate) direction: &'static str,
}

/// What the account is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Details {
    pub(crate) portal_id: u64,
    utc_offset_milliseconds: Option<i64>,
}

impl Details {
    /// Returns how far the account's clock is ahead of UTC.
    pub(crate) fn utc_offset(&self) -> Option<SignedDuration> {
        self.utc_offset_milliseconds.map(SignedDuration::from_millis)
    }
}

/// The definitions of properties.
#[derive(Debug, Deserialize)]
pub(crate) struct Properties {
    pub(crate) results: Vec<Property>,
}

/// The definition of one property.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Property {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) has_unique_value: bool,
    #[serde(default)]
    pub(crate) archived: bool,
    #[serde(default)]
    pub(crate) modification_metadata: Modification,
}

/// What may be done to a property.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Modification {
    #[serde(default)]
    pub(crate) read_only_value: bool,
}

/// The definition of a property that is to be made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewProperty<'a> {
    pub(crate) group_name: &'a str,
    pub(crate) name: &'a str,
    pub(crate) label: &'a str,
    pub(crate) description: &'a str,
    #[serde(rename = "type")]
    pub(crate) ty: &'a str,
    pub(crate) field_type: &'a str,
    pub(crate) has_unique_value: bool,
    pub(crate) form_field: bool,
}
