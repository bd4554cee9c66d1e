//! What a body asks for, checked as the vendor checks it: member by member, before anything is
//! written.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fail::Fail;
use super::kind::{Kind, On, Type};
use super::office::Office;
use super::time;

/// Values by column; `None` clears.
pub(super) type Flat = BTreeMap<String, Option<String>>;

const ADDRESS: [&str; 5] = ["street", "city", "zip", "state_region", "country"];
const POSITION: [&str; 2] = ["organisation", "role"];
/// The types of telephone numbers and where each is kept.
pub(super) const PHONES: [(&str, &str); 4] = [
    ("Work", "phone_number"),
    ("Mobile", "mobile_phone_number"),
    ("Home", "home_phone_number"),
    ("Fax", "fax_number"),
];

/// Reads a body; `at` stands before the names of members in what is said of them.
pub(super) fn read(
    office: &Office,
    kind: &Kind,
    body: &Map<String, Value>,
    on: On,
    at: &str,
) -> Result<Flat, Fail> {
    let mut flat = Flat::new();
    for (name, value) in body.iter().filter(|(name, _)| *name != "_dirty") {
        let path = format!("{at}{name}");
        let member = kind.member(name).filter(|member| member.on == On::Both || member.on == on);
        let Some(member) = member else {
            return Err(Fail::payload(&path, "unknown", "is not allowed"));
        };
        match member.ty {
            Type::Address => sub(&mut flat, "address", &ADDRESS, &path, value)?,
            Type::Position => sub(&mut flat, "position", &POSITION, &path, value)?,
            Type::Addresses => first(&mut flat, "address", &ADDRESS, &path, value)?,
            Type::Positions => first(&mut flat, "position", &POSITION, &path, value)?,
            Type::Phones => phones(&mut flat, &path, value)?,
            Type::Emails => {
                let email = list(&path, value)?.first().and_then(|row| row.get("email"));
                flat.insert("email".to_owned(), email.map(lowered));
            }
            Type::Custom => custom(office, kind, &mut flat, &path, value)?,
            Type::Tags => {
                let names = list(&path, value)?.iter().filter_map(tag).collect::<Vec<_>>();
                flat.insert(name.clone(), Some(names.join(",")));
            }
            Type::Users => {
                flat.insert(name.clone(), Some(users(office, &path, value)?));
            }
            Type::Other => {}
            _ if value.is_null() => {
                flat.insert(name.clone(), None);
            }
            Type::Text(_)
            | Type::Email
            | Type::Number
            | Type::Bool
            | Type::Day
            | Type::Instant
            | Type::Record(_)
            | Type::User
            | Type::Stage
            | Type::Currency
            | Type::Frequency => {
                flat.insert(name.clone(), Some(scalar(office, member.ty, &path, value)?));
            }
        }
    }
    if let Some(role) = flat.remove("role") {
        flat.insert("position.role".to_owned(), role);
    }
    Ok(flat)
}

/// Reads one plain value.
fn scalar(office: &Office, ty: Type, path: &str, value: &Value) -> Result<String, Fail> {
    match ty {
        Type::Number => {
            let text = number(value);
            let text = text.ok_or_else(|| Fail::payload(path, "base", "must be a number"))?;
            if text.starts_with('-') {
                return Err(Fail::payload(path, "min", "must be larger than or equal to 0"));
            }
            Ok(text)
        }
        Type::Bool => {
            let held = value.as_str().and_then(|text| text.parse().ok());
            let held: Option<bool> = value.as_bool().or(held);
            let held = held.ok_or_else(|| Fail::payload(path, "base", "must be a boolean"))?;
            Ok(held.to_string())
        }
        Type::Day | Type::Instant => {
            let at = value.as_str().and_then(time::parse);
            let at = at.ok_or_else(|| Fail::payload(path, "base", "must be a valid date"))?;
            let text = time::iso(at);
            let day = text.get(..10).unwrap_or_default().to_owned();
            Ok(if ty == Type::Day { day } else { text })
        }
        Type::User | Type::Stage | Type::Currency | Type::Record(_) => {
            let id = id(value).ok_or_else(|| Fail::payload(path, "base", "must be a number"))?;
            let idle = |id: &str| office.user(id).is_none_or(|user| user.disabled);
            let unknown = (ty == Type::User && idle(&id))
                || (ty == Type::Stage && office.stage(&id).is_none())
                || (ty == Type::Currency && Office::currency(&id).is_none());
            if unknown { Err(Fail::payload(path, "exists", "does not exist")) } else { Ok(id) }
        }
        Type::Text(_)
        | Type::Email
        | Type::Frequency
        | Type::Address
        | Type::Addresses
        | Type::Position
        | Type::Positions
        | Type::Phones
        | Type::Emails
        | Type::Tags
        | Type::Users
        | Type::Custom
        | Type::Other => text(ty, path, value),
    }
}

fn text(ty: Type, path: &str, value: &Value) -> Result<String, Fail> {
    let text = value.as_str().ok_or_else(|| Fail::payload(path, "base", "must be a string"))?;
    if text.is_empty() {
        return Err(Fail::payload(path, "empty", "is not allowed to be empty"));
    }
    if let Type::Text(max) = ty
        && text.chars().count() > max
    {
        let says = format!("length must be less than or equal to {max} characters long");
        return Err(Fail::payload(path, "max", &says));
    }
    if ty == Type::Frequency {
        let text = text.to_lowercase();
        if ["annually", "monthly", "weekly", "daily"].contains(&text.as_str()) {
            return Ok(text);
        }
        let says = "must be one of [annually, monthly, weekly, daily]";
        return Err(Fail::payload(path, "allowOnly", says));
    }
    Ok(if ty == Type::Email { text.trim().to_lowercase() } else { text.to_owned() })
}

/// Returns a number as text, also one that stands in a text.
pub(super) fn number(value: &Value) -> Option<String> {
    if let Value::Number(number) = value {
        return Some(number.to_string());
    }
    let text = value.as_str()?.trim();
    text.parse::<f64>().ok().map(|_| text.to_owned())
}

/// Returns the number of a record: as it stands, or inside an object.
fn id(value: &Value) -> Option<String> {
    let value = value.get("id").unwrap_or(value);
    let text = number(value)?;
    text.parse::<u64>().ok().map(|id| id.to_string())
}

fn list<'v>(path: &str, value: &'v Value) -> Result<&'v [Value], Fail> {
    if value.is_null() {
        return Ok(&[]);
    }
    let rows = value.as_array().map(Vec::as_slice);
    rows.ok_or_else(|| Fail::payload(path, "base", "must be an array"))
}

fn lowered(value: &Value) -> String {
    value.as_str().unwrap_or_default().trim().to_lowercase()
}

fn tag(value: &Value) -> Option<String> {
    let removed = value.get("_deleted").and_then(Value::as_bool).unwrap_or(false);
    let name = value.as_str().or_else(|| value.get("name")?.as_str())?;
    (!removed).then(|| name.to_owned())
}

/// Reads a row of its own: only what is named changes.
fn sub(
    flat: &mut Flat,
    prefix: &str,
    members: &[&str],
    path: &str,
    value: &Value,
) -> Result<(), Fail> {
    if value.is_null() {
        flat.extend(members.iter().map(|name| (format!("{prefix}.{name}"), None)));
        return Ok(());
    }
    let Some(row) = value.as_object() else {
        return Err(Fail::payload(path, "base", "must be an object"));
    };
    if row.get("archived") == Some(&Value::Bool(true)) {
        return sub(flat, prefix, members, path, &Value::Null);
    }
    let aside = [
        "id",
        "type",
        "archived",
        "_dirty",
        "region",
        "start_date",
        "end_date",
        "current",
        "primary",
    ];
    for (name, value) in row {
        let known = members.contains(&name.as_str());
        if !known && !aside.contains(&name.as_str()) {
            return Err(Fail::payload(&format!("{path}.{name}"), "unknown", "is not allowed"));
        }
        let name = if name == "region" { "state_region" } else { name };
        if members.contains(&name) {
            let text = value.as_str().map(str::to_owned);
            if text.is_none() && !value.is_null() {
                let path = format!("{path}.{name}");
                return Err(Fail::payload(&path, "base", "must be a string"));
            }
            if name == "country" && text.as_ref().is_some_and(|text| text.chars().count() > 50) {
                let says = "length must be less than or equal to 50 characters long";
                return Err(Fail::payload(&format!("{path}.country"), "max", says));
            }
            flat.insert(format!("{prefix}.{name}"), text);
        }
    }
    Ok(())
}

fn first(
    flat: &mut Flat,
    prefix: &str,
    members: &[&str],
    path: &str,
    value: &Value,
) -> Result<(), Fail> {
    match list(path, value)?.first() {
        Some(row) => sub(flat, prefix, members, &format!("{path}.0"), row),
        None => sub(flat, prefix, members, path, &Value::Null),
    }
}

fn phones(flat: &mut Flat, path: &str, value: &Value) -> Result<(), Fail> {
    for (place, row) in list(path, value)?.iter().enumerate() {
        let ty = row.get("type").and_then(Value::as_str).unwrap_or("Work");
        let column = PHONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(ty));
        let column = column.map_or("phone_number", |(_, column)| column);
        let gone = row.get("archived") == Some(&Value::Bool(true));
        let number = row.get("number").and_then(Value::as_str);
        if number.is_none() && row.get("id").is_none() {
            let path = format!("{path}.{place}.number");
            return Err(Fail::payload(&path, "required", "is required"));
        }
        flat.insert(column.to_owned(), number.filter(|_| !gone).map(str::to_owned));
    }
    Ok(())
}

fn users(office: &Office, path: &str, value: &Value) -> Result<String, Fail> {
    let one = std::slice::from_ref(value);
    let rows = if value.is_array() { list(path, value)? } else { one };
    let mut ids = Vec::with_capacity(rows.len());
    for (place, row) in rows.iter().enumerate() {
        let id = id(row).filter(|id| office.user(id).is_some_and(|user| !user.disabled));
        let path = format!("{path}.{place}");
        ids.push(id.ok_or_else(|| Fail::payload(&path, "exists", "does not exist"))?);
    }
    Ok(ids.join(","))
}

fn custom(
    office: &Office,
    kind: &Kind,
    flat: &mut Flat,
    path: &str,
    value: &Value,
) -> Result<(), Fail> {
    let Some(members) = value.as_object() else {
        if value.is_null() {
            return Ok(());
        }
        return Err(Fail::payload(path, "base", "must be an object"));
    };
    for (name, value) in members {
        let path = format!("{path}.{name}");
        let Some(field) = office.custom(kind.name, name).filter(|field| field.enabled) else {
            return Err(Fail::payload(&path, "unknown", "is not allowed"));
        };
        let text = if value.is_null() { None } else { Some(field.read(&path, value)?) };
        flat.insert(format!("custom.{name}"), text);
    }
    Ok(())
}
