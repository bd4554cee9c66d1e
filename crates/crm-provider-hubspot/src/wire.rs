//! The vendor's envelopes. Nothing that HubSpot may leave out is required.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    /// In lists that ask for them: by the type at the other end.
    pub(crate) associations: Option<BTreeMap<String, Listed>>,
}

/// The associations of one record that a list shows; the names of their types are not relied on.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Listed {
    #[serde(default)]
    results: Vec<ListedEnd>,
    paging: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
struct ListedEnd {
    id: Value,
}

impl Listed {
    /// Returns the ids at the other end, each once, unless there are more than the list shows.
    pub(crate) fn complete(&self) -> Option<Vec<String>> {
        let mut ids: Vec<String> = self.results.iter().filter_map(|end| text(&end.id)).collect();
        ids.sort();
        ids.dedup();
        self.paging.is_none().then_some(ids)
    }
}

/// The answer to a batch of associations.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TieAnswer<'a> {
    #[serde(default)]
    results: Vec<TieRow>,
    #[serde(borrow, default)]
    pub(crate) errors: Vec<Problem<'a>>,
}

/// A row of a read, or of a batch that made associations.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TieRow {
    from: Value,
    to: Value,
    paging: Value,
    from_object_id: Value,
    to_object_id: Value,
}

/// Of a record: whom it is tied to with the numbers of the types, and where that goes on.
pub(crate) type TiePage = (String, Vec<(String, Vec<u32>)>, Option<String>);

impl TieAnswer<'_> {
    /// Returns the rows of a read: the record, whom it is tied to, where its next page begins.
    pub(crate) fn rows(&self) -> impl Iterator<Item = TiePage> {
        self.results.iter().filter_map(|row| {
            let tied = row.to.as_array().into_iter().flatten().filter_map(|to| {
                let types = to.get("associationTypes").and_then(Value::as_array);
                let number = |known: &Value| known.get("typeId")?.as_u64()?.try_into().ok();
                let types = types.into_iter().flatten().filter_map(number).collect();
                Some((text(to.get("toObjectId")?)?, types))
            });
            let after = row.paging.get("next").and_then(|next| next.get("after")).and_then(text);
            Some((text(row.from.get("id")?)?, tied.collect(), after))
        })
    }

    /// Returns the pairs that were made.
    pub(crate) fn made(&self) -> impl Iterator<Item = (String, String)> {
        self.results.iter().filter_map(|row| {
            let end = |end: &Value, id: &Value| text(id).or_else(|| text(end.get("id")?));
            Some((end(&row.from, &row.from_object_id)?, end(&row.to, &row.to_object_id)?))
        })
    }
}

/// Ids are texts in date versions and numbers in older ones.
fn text(id: &Value) -> Option<String> {
    match id {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id_property: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) properties: Option<Map<String, Value>>,
    /// Named by the answer, also where the item failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_write_trace_id: Option<String>,
    /// Required by the interface's description of a create; ours are made afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) associations: Option<[&'a str; 0]>,
}

impl<'a> Input<'a> {
    /// Returns an item that only names a record.
    pub(crate) fn id(id: &'a str) -> Self {
        Self { id: Some(Cow::Borrowed(id)), ..Self::default() }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) values: Option<Vec<&'a str>>,
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
    company_currency: Option<String>,
    #[serde(default)]
    additional_currencies: Vec<String>,
}

impl Details {
    /// Returns the currencies that amounts may have, the account's own first.
    pub(crate) fn currencies(&self) -> Option<Vec<Arc<str>>> {
        let own = self.company_currency.as_deref()?;
        let others = self.additional_currencies.iter().map(String::as_str);
        Some(std::iter::once(own).chain(others).map(Arc::from).collect())
    }

    /// Returns how far the account's clock is ahead of UTC.
    pub(crate) fn utc_offset(&self) -> Option<SignedDuration> {
        self.utc_offset_milliseconds.map(SignedDuration::from_millis)
    }
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
    pub(crate) label: Option<String>,
    #[serde(default, rename = "type")]
    pub(crate) ty: String,
    #[serde(default)]
    pub(crate) options: Vec<PropertyOption>,
    /// The options are not here but in pipelines or owners.
    #[serde(default)]
    pub(crate) external_options: bool,
}

/// A value that a property takes.
#[derive(Debug, Deserialize)]
pub(crate) struct PropertyOption {
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) hidden: bool,
}

/// A list of things that have a page.
#[derive(Debug, Deserialize)]
pub(crate) struct Named<T> {
    pub(crate) results: Vec<T>,
    paging: Option<Value>,
}

impl<T> Named<T> {
    /// Returns where the next page begins, if there is one.
    pub(crate) fn after(&self) -> Option<String> {
        self.paging.as_ref()?.get("next")?.get("after").and_then(text)
    }
}

/// A user who can own records, or could.
#[derive(Debug, Deserialize)]
pub(crate) struct OwnerRow {
    pub(crate) id: String,
    pub(crate) email: Option<String>,
    #[serde(default)]
    pub(crate) archived: bool,
}

/// A pipeline of deals.
#[derive(Debug, Deserialize)]
pub(crate) struct PipelineRow {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) archived: bool,
    #[serde(default)]
    pub(crate) stages: Vec<StageRow>,
}

/// A stage of a pipeline.
#[derive(Debug, Deserialize)]
pub(crate) struct StageRow {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) archived: bool,
    /// `isClosed` and `probability`, as texts.
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, Value>,
}

/// A group of properties.
#[derive(Debug, Deserialize)]
pub(crate) struct GroupRow {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) archived: bool,
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
