//! Checks a value against its property and brings it into the form in which it is kept.

use serde_json::Value;

use super::account::Account;
use super::fail::Problem;
use super::property::{Access, Property, Values};
use super::{text, time};

/// Returns the text to keep, `None` to leave the property alone, or what is wrong.
pub(super) fn check(
    account: &Account,
    property: &Property,
    value: &Value,
) -> Result<Option<String>, Problem> {
    let problem = |code: &'static str, message: String| Problem {
        name: property.name.as_str().into(),
        code,
        message: message.into(),
    };
    if property.access != Access::Open {
        let message =
            format!("\"{}\" is a read only property; its value cannot be set.", property.name);
        return Err(problem("READ_ONLY_VALUE", message));
    }
    // Null is ignored: only an empty string clears.
    if value.is_null() {
        return Ok(None);
    }
    let Some(raw) = text(value) else {
        return Err(problem("INVALID_STRING", format!("{value} is not a text")));
    };
    if raw.is_empty() {
        return Ok(Some(raw));
    }
    let bad = |code, what: &str| Err(problem(code, format!("{raw} was not a valid {what}.")));
    match property.kind.as_str() {
        "number" if !is_number(&raw) => bad("INVALID_LONG", "number"),
        "bool" => match raw.to_ascii_lowercase().as_str() {
            truth @ ("true" | "false") => Ok(Some(truth.to_owned())),
            _ => bad("INVALID_OPTION", "option: [true, false]"),
        },
        "date" => match time::parse_date(&raw) {
            Some(date) => Ok(Some(date)),
            None => bad("INVALID_DATE", "date"),
        },
        "datetime" => match time::parse(&raw) {
            Some(at_ms) => Ok(Some(time::iso(at_ms))),
            None => bad("INVALID_DATE", "date and time"),
        },
        "enumeration" => choice(account, property, &raw).map_or_else(
            |wrong| {
                let allowed: Vec<&str> =
                    property.choices.iter().map(|choice| choice.value.as_str()).collect();
                let message = format!("{wrong} was not one of the allowed options: {allowed:?}");
                Err(problem("INVALID_OPTION", message))
            },
            |()| Ok(Some(raw.clone())),
        ),
        _ if property.name == "email" => {
            // Chosen here: addresses are kept in lower case.
            let email = raw.to_lowercase();
            if is_email(&email) {
                Ok(Some(email))
            } else {
                Err(problem("INVALID_EMAIL", format!("Email address {raw} is invalid")))
            }
        }
        _ => Ok(Some(raw)),
    }
}

/// Adds choices to a list that holds some: `;c` appends, anything else replaces.
pub(super) fn append(held: Option<&str>, written: &str) -> String {
    let Some(more) = written.strip_prefix(';') else {
        return written.to_owned();
    };
    let mut all: Vec<&str> = held.into_iter().flat_map(|list| list.split(';')).collect();
    for part in more.split(';').filter(|part| !part.is_empty()) {
        if !all.contains(&part) {
            all.push(part);
        }
    }
    all.join(";")
}

fn choice<'a>(account: &Account, property: &Property, raw: &'a str) -> Result<(), &'a str> {
    let parts: Vec<&str> = if property.holds_many() {
        raw.split(';').filter(|part| !part.is_empty()).collect()
    } else {
        vec![raw]
    };
    let known = |part: &&str| match (property.name.as_str(), property.values) {
        ("dealstage", _) => account.stage(part).is_some(),
        ("pipeline", _) => account.is_pipeline(part),
        ("hubspot_owner_id", _) => account.is_owner(part),
        (_, Values::External) => true,
        (_, Values::Own) => property.choices.iter().any(|choice| choice.value == *part),
    };
    parts.into_iter().find(|part| !known(part)).map_or(Ok(()), Err)
}

fn is_number(raw: &str) -> bool {
    let digits = raw.trim_start_matches(['-', '+']);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(fraction)
}

fn is_email(raw: &str) -> bool {
    let Some((local, domain)) = raw.split_once('@') else {
        return false;
    };
    let labels: Vec<&str> = domain.split('.').collect();
    let label = |part: &&str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    !local.is_empty()
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && !local.contains(|c: char| c.is_whitespace() || "()<>,;:\\\"[]@".contains(c))
        && labels.len() > 1
        && labels.iter().all(label)
        && labels.last().is_some_and(|last| last.chars().count() > 1)
}
