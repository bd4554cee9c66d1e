//! What it means that accounts agree: kind by kind, field by field, tie by tie.

use std::collections::BTreeSet;

use super::book::{Book, Entry, Shelf};

/// What somebody deleted, by natural key: where it was deleted it stays so, and elsewhere it
/// stays too.
pub(super) type Gone = BTreeSet<String>;

/// Checks that two accounts hold the same, as far as both can.
#[track_caller]
pub(super) fn agree((one, left): (&str, &Book), (other, right): (&str, &Book), gone: &Gone) {
    let mut apart = Vec::new();
    let shelves = [
        ("company", &left.company, &right.company),
        ("contact", &left.contact, &right.contact),
        ("deal", &left.deal, &right.deal),
        ("activity", &left.activity, &right.activity),
    ];
    for (kind, left, right) in shelves {
        let lacks = |name: &str| name.starts_with("salesforce");
        for (key, entry) in &left.records {
            match right.records.get(key) {
                _ if gone.contains(key) => {}
                Some(there) => entries(&format!("{kind} {key}"), entry, there, gone, &mut apart),
                // Salesforce has no place for notes.
                None if entry.kind == "notes" && lacks(other) => {}
                None => apart.push(format!("{kind} {key} of {one} is missing in {other}")),
            }
        }
        missing(kind, (one, left), (other, right), gone, &mut apart);
    }
    let shown = apart.iter().take(12).collect::<Vec<_>>();
    assert!(apart.is_empty(), "{one} and {other}: {} apart: {shown:#?}", apart.len());
}

fn missing(
    kind: &str,
    (one, left): (&str, &Shelf),
    (other, right): (&str, &Shelf),
    gone: &Gone,
    apart: &mut Vec<String>,
) {
    for (key, entry) in &right.records {
        let noted = entry.kind == "notes" && one.starts_with("salesforce");
        if !left.records.contains_key(key) && !gone.contains(key) && !noted {
            apart.push(format!("{kind} {key} of {other} is missing in {one}"));
        }
    }
}

fn entries(what: &str, left: &Entry, right: &Entry, gone: &Gone, apart: &mut Vec<String>) {
    let names: BTreeSet<&str> = left.values.keys().chain(right.values.keys()).copied().collect();
    for name in names {
        let (one, other) = (left.values.get(name), right.values.get(name));
        if one != other {
            apart.push(format!("{what}: {name} differs: {one:?}, {other:?}"));
        }
    }
    let lone = [left, right].iter().any(|entry| matches!(entry.kind.as_str(), "Task" | "Event"));
    for field in left.ties.keys() {
        let members = |entry: &Entry| {
            let mut members = entry.ties.get(field).cloned().unwrap_or_default();
            members.retain(|key| !gone.contains(key));
            members
        };
        let (one, other) = (members(left), members(right));
        // A task has room for one person, and for either a deal or a company.
        let fits = match *field {
            "contacts" if lone => {
                one.is_empty() == other.is_empty()
                    && (one.is_subset(&other) || other.is_subset(&one))
            }
            "company_ref" if lone && !members_of("deal", left).is_empty() => true,
            _ => one == other,
        };
        if !fits {
            apart.push(format!("{what}: {field} differs: {one:?}, {other:?}"));
        }
    }
}

fn members_of(field: &str, entry: &Entry) -> BTreeSet<String> {
    entry.ties.get(field).cloned().unwrap_or_default()
}
