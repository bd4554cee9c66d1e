//! The vendor's rows, and how a nested row is read by the dotted names of `provider.toml`.

use std::borrow::Cow;

use crm_core::mapping::{Row, Scalar};
use crm_core::{FieldRule, Mapping, Uid, Wire, normal};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A record as the vendor shows it.
pub(crate) type Object = Map<String, Value>;

/// What stands before our unique value in the description of a task.
const MARK: &str = "crm-sync:";
/// Telephone numbers of these types have members of their own.
const OTHER_PHONES: [&str; 3] = ["mobile", "home", "fax"];

/// A user.
#[derive(Debug, Deserialize)]
pub(crate) struct UserRow {
    pub(crate) id: i64,
    pub(crate) email: Option<String>,
    #[serde(default)]
    pub(crate) disabled: bool,
}

/// A pipeline.
#[derive(Debug, Deserialize)]
pub(crate) struct PipelineRow {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) archived: bool,
    #[serde(default)]
    pub(crate) stages: Vec<StageRow>,
}

/// A stage of a pipeline.
#[derive(Debug, Deserialize)]
pub(crate) struct StageRow {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) name: String,
    /// 1 where deals are won, 2 where they are lost.
    #[serde(default)]
    pub(crate) fixed_stage: Option<i64>,
    #[serde(default)]
    pub(crate) order: Option<i64>,
}

/// A currency.
#[derive(Debug, Deserialize)]
pub(crate) struct CurrencyRow {
    pub(crate) id: i64,
    pub(crate) iso: String,
}

/// A field of the account's own.
#[derive(Debug, Deserialize)]
pub(crate) struct CustomRow {
    pub(crate) api_field: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    #[serde(default)]
    pub(crate) archived: bool,
}

/// A type that such a field may have.
#[derive(Debug, Deserialize)]
pub(crate) struct TypeRow {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) name: String,
}

/// Who uses the key, and the account.
#[derive(Debug, Deserialize)]
pub(crate) struct Me {
    pub(crate) team: Team,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Team {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) name: Option<String>,
}

/// A refusal.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Problem {
    #[serde(default)]
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) validation: Option<Validation>,
}

/// What is wrong with a request.
#[derive(Debug, Deserialize)]
pub(crate) struct Validation {
    #[serde(default)]
    pub(crate) errors: Vec<Fault>,
    /// The older form names members alone.
    #[serde(default)]
    pub(crate) keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Fault {
    #[serde(default)]
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) constraint: Option<String>,
}

const fn yes() -> bool {
    true
}

impl Problem {
    /// Returns the member at fault, without the place of its record in an array.
    pub(crate) fn path(&self) -> Option<&str> {
        let validation = self.validation.as_ref()?;
        let first = validation.errors.first().map(|fault| fault.path.as_str());
        let path = first.or_else(|| validation.keys.first().map(String::as_str))?;
        let path = match path.split_once('.') {
            Some((place, rest)) if place.parse::<usize>().is_ok() => rest,
            Some(_) | None => path,
        };
        (!path.is_empty()).then_some(path)
    }

    /// Returns the vendor's word for what is wrong.
    pub(crate) fn constraint(&self) -> Option<&str> {
        self.validation.as_ref()?.errors.first()?.constraint.as_deref()
    }
}

/// Returns the number of a record.
pub(crate) fn id_of(object: &Object) -> Option<u64> {
    object.get("id").and_then(Value::as_u64)
}

/// Returns the number inside a nested object, or the number that stands in its place.
pub(crate) fn nested_id(value: &Value) -> Option<String> {
    let id = value.get("id").unwrap_or(value);
    id.as_u64().map(|id| id.to_string()).or_else(|| id.as_str().map(str::to_owned))
}

/// Returns a row with the members that the rules of a table name.
pub(crate) fn flatten<'r>(mapping: &Mapping, object: &'r Object) -> Row<'r> {
    let plain = mapping.rules.iter().filter(|rule| !rule.wire.is_translated());
    let named = |rule: &FieldRule| Some((Cow::Borrowed(rule.remote), member(rule, object)?));
    Row(plain.filter_map(named).collect())
}

/// Returns what a row shows of one field; `None` if it does not have the member.
fn member<'r>(rule: &FieldRule, object: &'r Object) -> Option<Scalar<'r>> {
    let value = match rule.remote.split_once('.') {
        Some(("address", name)) => in_first(object.get("addresses")?, name),
        Some(("position", name)) => in_first(object.get("positions")?, name),
        Some((group, name)) => object.get(group)?.get(name).unwrap_or(&Value::Null),
        None if rule.remote == "phone_number" => match object.get(rule.remote) {
            Some(value) => value,
            None => work_phone(object.get("phone_numbers")?),
        },
        None => object.get(rule.remote)?,
    };
    Some(match rule.wire {
        Wire::Id if value.is_null() => Scalar::Null,
        Wire::Id => nested_id(value).map_or(Scalar::Nested, |id| Scalar::Text(Cow::Owned(id))),
        Wire::Date => scalar(value, |text| text.get(..10).unwrap_or(text).into()),
        Wire::Instant => scalar(value, whole_instant),
        Wire::Text if rule.remote == "description" => scalar(value, |text| split(text).0.into()),
        Wire::Text if rule.remote == "currency" => {
            scalar(value.get("iso").unwrap_or(&Value::Null), Cow::Borrowed)
        }
        Wire::Text
        | Wire::Number
        | Wire::NumberText
        | Wire::Bool
        | Wire::BoolText
        | Wire::Choice(_)
        | Wire::Day
        | Wire::Related
        | Wire::Variant
        | Wire::Owner
        | Wire::Stage => scalar(value, Cow::Borrowed),
    })
}

fn in_first<'r>(rows: &'r Value, name: &str) -> &'r Value {
    let first = rows.get(0);
    let old = first.and_then(|row| row.get("region")).filter(|_| name == "state_region");
    let held = first.and_then(|row| row.get(name)).filter(|value| !value.is_null());
    held.or(old).unwrap_or(&Value::Null)
}

fn work_phone(rows: &Value) -> &Value {
    let other = |row: &&Value| {
        let ty = row.get("type").and_then(Value::as_str).unwrap_or_default();
        OTHER_PHONES.iter().any(|known| known.eq_ignore_ascii_case(ty))
    };
    let mut rows = rows.as_array().into_iter().flatten();
    rows.find(|row| !other(row)).and_then(|row| row.get("number")).unwrap_or(&Value::Null)
}

fn scalar<'r>(value: &'r Value, text: impl Fn(&'r str) -> Cow<'r, str>) -> Scalar<'r> {
    match value {
        Value::Null => Scalar::Null,
        Value::Bool(yes) => Scalar::Bool(*yes),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Scalar::Integer(number),
            None => normal::decimal(&number.to_string()).map_or(Scalar::Nested, Scalar::Number),
        },
        Value::String(held) => Scalar::Text(text(held)),
        // A choice of a field of the account's own.
        Value::Object(choice) => match choice.get("name").and_then(Value::as_str) {
            Some(name) => Scalar::Text(text(name)),
            None => Scalar::Nested,
        },
        Value::Array(_) => Scalar::Nested,
    }
}

/// A date alone is midnight of that day.
fn whole_instant(text: &str) -> Cow<'_, str> {
    if text.len() == "2026-11-24".len() {
        Cow::Owned(format!("{text}T00:00:00.000Z"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns the description of a task without our unique value, and that value.
pub(crate) fn split(description: &str) -> (&str, Option<Uid>) {
    let Some((text, mark)) = description.rsplit_once(MARK) else { return (description, None) };
    match Uid::parse(mark.trim()) {
        Some(uid) => (text.trim_end(), Some(uid)),
        None => (description, None),
    }
}

/// Returns the description of a task with our unique value on a line of its own.
pub(crate) fn signed(description: &str, uid: &Uid) -> String {
    format!("{}\n\n{MARK}{uid}", split(description).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_comes_off_again_and_only_a_signature_does() {
        let uid = Uid::parse("6f0e41c2-58f7-5d5a-9a51-3d2b7c640e19").unwrap();
        let text = signed("Send the offer", &uid);
        assert_eq!(split(&text), ("Send the offer", Some(uid.clone())));
        assert_eq!(signed(&text, &uid), text);
        for plain in ["Send the offer", "about crm-sync: ask Ana", ""] {
            assert_eq!(split(plain), (plain, None));
        }
    }

    #[test]
    fn a_problem_names_the_member_and_not_the_place_of_its_record() {
        let path = |json: &str| {
            let problem: Problem = serde_json::from_str(json).unwrap();
            problem.path().map(str::to_owned)
        };
        let listed = r#"{"validation":{"source":"payload","errors":[{"path":"12.email"}]}}"#;
        let older = r#"{"validation":{"source":"payload","keys":["address.country"]}}"#;
        let whole = r#"{"validation":{"source":"payload","errors":[{"path":""}]}}"#;
        assert_eq!(path(listed).as_deref(), Some("email"));
        assert_eq!(path(older).as_deref(), Some("address.country"));
        assert_eq!(path(whole), None);
        assert_eq!(path("{}"), None);
    }
}
