//! The rules of `q`: conditions that nest.

use serde_json::{Value, json};

use super::fail::Fail;
use super::kind::Kind;
use super::office::Office;
use super::time;

/// What lists can be ordered by.
pub(super) const SORTABLE: [&str; 11] = [
    "id",
    "name",
    "creation_date",
    "modification_date",
    "email",
    "domain",
    "size",
    "value",
    "close_date",
    "reminder_date",
    "description",
];

/// A condition.
#[derive(Debug)]
pub(super) enum Rules {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    One { field: String, operator: String, values: Vec<String> },
}

/// Reads the text of the parameter.
pub(super) fn parse(text: &str) -> Result<Rules, Fail> {
    let value: Value =
        serde_json::from_str(text).map_err(|_not| Fail::query("q", "must be an object"))?;
    group(&value)
}

fn group(value: &Value) -> Result<Rules, Fail> {
    let rules = value.get("rules").and_then(Value::as_array);
    let rules = rules.ok_or_else(|| Fail::query("q.rules", "is required"))?;
    let rules: Vec<Rules> = rules.iter().map(rule).collect::<Result<_, _>>()?;
    let joined = match value.get("condition").and_then(Value::as_str) {
        Some("AND") => Rules::All(rules),
        Some("OR") => Rules::Any(rules),
        _ => return Err(Fail::query("q.condition", "is required")),
    };
    let not = value.get("not").and_then(Value::as_bool).unwrap_or(false);
    Ok(if not { Rules::Not(Box::new(joined)) } else { joined })
}

fn rule(value: &Value) -> Result<Rules, Fail> {
    if value.get("rules").is_some() {
        return group(value);
    }
    let text = |name: &str| {
        let found = value.get(name).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| Fail::query(&format!("q.rules.{name}"), "is required"))
    };
    let values = match value.get("value") {
        Some(Value::Array(values)) => values.iter().map(plain).collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(one) => vec![plain(one)],
    };
    let (field, operator) = (text("id")?, text("operator")?);
    // The name of the kind may stand before that of the field.
    let field = field
        .split_once('.')
        .filter(|(first, _)| is_entity(first))
        .map_or(field.as_str(), |(_, rest)| rest);
    Ok(Rules::One { field: field.to_owned(), operator, values })
}

fn is_entity(word: &str) -> bool {
    ["account", "contact", "person", "opportunity", "task"].contains(&word)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Rules {
    /// Returns whether the condition holds of a record, given its values.
    pub(super) fn hold(&self, cell: &dyn Fn(&str) -> Option<String>) -> bool {
        match self {
            Self::All(rules) => rules.iter().all(|rule| rule.hold(cell)),
            Self::Any(rules) => rules.iter().any(|rule| rule.hold(cell)),
            Self::Not(rule) => !rule.hold(cell),
            Self::One { field, operator, values } => holds(cell(field), operator, values),
        }
    }
}

fn holds(held: Option<String>, operator: &str, values: &[String]) -> bool {
    if let Some(rest) = operator.strip_prefix("not_") {
        return !holds(held, rest, values);
    }
    match operator {
        "is_null" | "is_empty" => return held.is_none(),
        "is_not_null" | "is_not_empty" => return held.is_some(),
        "is_not" => return !holds(held, "is", values),
        _ => {}
    }
    let Some(held) = held else { return false };
    let lower = held.to_lowercase();
    let first = values.first().map(|value| value.to_lowercase()).unwrap_or_default();
    let times = || Some((time::parse(&held)?, time::parse(values.first()?)?));
    let less = |value: &str| match (held.parse::<f64>(), value.parse::<f64>()) {
        (Ok(held), Ok(value)) => held < value,
        _ => lower.as_str() < value,
    };
    let equal = |value: &str| lower == value;
    match operator {
        "equal" | "is" => equal(&first),
        "in" => values.iter().any(|value| equal(&value.to_lowercase())),
        "less" => less(&first),
        "less_or_equal" => less(&first) || equal(&first),
        "greater" => !less(&first) && !equal(&first),
        "greater_or_equal" => !less(&first),
        "between" => {
            let last = values.get(1).map(|value| value.to_lowercase()).unwrap_or_default();
            !less(&first) && (less(&last) || equal(&last))
        }
        "begins_with" => lower.starts_with(&first),
        "contains" => lower.contains(&first),
        "ends_with" => lower.ends_with(&first),
        "after" => times().is_some_and(|(held, bound)| held > bound),
        "before" => times().is_some_and(|(held, bound)| held < bound),
        "on" => held.get(..10).is_some_and(|day| Some(day) == first.get(..10)),
        _ => false,
    }
}

/// Shows what can be filtered by.
pub(super) fn fields(office: &Office, kind: &Kind) -> Value {
    let row = |id: &str, ty: &str, operators: &[&str]| {
        json!({
            "id": id,
            "label": id.replace('_', " "),
            "name": id,
            "type": ty,
            "input": "text",
            "operators": operators,
            "sortable": SORTABLE.contains(&id),
            "entity": kind.entity,
        })
    };
    let texts = ["equal", "not_equal", "in", "not_in", "contains", "begins_with", "ends_with"];
    let dates = ["after", "before", "on", "between"];
    let mut rows = vec![
        row("id", "double", &["equal", "not_equal", "in", "not_in"]),
        row("creation_date", "datetime", &dates),
    ];
    // Only contacts can be filtered by when they changed.
    if kind.name == "contacts" {
        rows.push(row("modification_date", "datetime", &dates));
    }
    for name in ["name", "email", "domain", "description"] {
        if kind.member(name).is_some() {
            rows.push(row(name, "string", &texts));
        }
    }
    for field in office.customs.iter().filter(|field| field.class == kind.name) {
        rows.push(row(&format!("custom.{}", field.api_field), "string", &texts));
    }
    Value::Array(rows)
}
