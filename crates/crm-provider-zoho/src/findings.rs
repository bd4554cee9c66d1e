//! What the fields of modules say: what is missing or odd, and what they accept.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{
    Field, FieldFacts, FieldRule, Finding, Mapping, ObjectCapability, ObjectKind, Repair,
};

use crate::table::{CURRENCY, LENGTH, SECONDS, column};
use crate::wire::FieldRow;

/// The fields by module; a module that the user may not see has none.
pub(crate) type Descriptions = BTreeMap<&'static str, Vec<FieldRow>>;

fn field<'d>(fields: &'d [FieldRow], name: &str) -> Option<&'d FieldRow> {
    fields.iter().find(|field| field.api_name == name)
}

/// Returns whether an org has several currencies.
pub(crate) fn has_currencies(known: &Descriptions) -> bool {
    known.values().any(|fields| field(fields, CURRENCY).is_some())
}

/// Returns the fields of a kind that do not take part.
pub(crate) fn suspended(object: &ObjectCapability, known: &Descriptions) -> Arc<[Field]> {
    let mut missing: Vec<Field> = Vec::new();
    for mapping in object.mappings() {
        let Some(fields) = known.get(mapping.remote) else { continue };
        let is_there =
            |rule: &FieldRule| column(rule).is_none_or(|name| field(fields, name).is_some());
        missing.extend(mapping.rules.iter().filter(|rule| !is_there(rule)).map(|rule| rule.field));
    }
    missing.sort_unstable();
    missing.dedup();
    missing.into()
}

/// Returns whether the modules of a kind have our unique field.
pub(crate) fn has_uid(object: &ObjectCapability, known: &Descriptions) -> bool {
    object.mappings().all(|mapping| {
        let fields = known.get(mapping.remote);
        mapping.uid.is_some_and(|name| fields.is_some_and(|all| field(all, name).is_some()))
    })
}

/// Returns what the fields of a kind accept.
pub(crate) fn facts(
    object: &ObjectCapability,
    known: &Descriptions,
) -> BTreeMap<(ObjectKind, Field), FieldFacts> {
    let mut facts = BTreeMap::new();
    for mapping in object.mappings() {
        let Some(fields) = known.get(mapping.remote) else { continue };
        for rule in mapping.rules {
            let Some(name) = column(rule) else { continue };
            // The length of a call is written by another name than it is read by.
            let name = if name == SECONDS { LENGTH } else { name };
            if let Some(found) = field(fields, name) {
                facts.entry((object.kind, rule.field)).or_insert_with(|| facts_of(found));
            }
        }
    }
    facts
}

/// A picklist takes other values, too: what it offers is no limit.
fn facts_of(found: &FieldRow) -> FieldFacts {
    FieldFacts {
        label: (!found.field_label.is_empty()).then(|| found.field_label.as_str().into()),
        required: found.system_mandatory,
        read_only: found.read_only,
        length_max: (found.length > 0 && found.pick_list_values.is_empty()).then_some(found.length),
        options: None,
    }
}

/// Returns what is missing or odd about a kind.
pub(crate) fn examine(object: &ObjectCapability, known: &Descriptions) -> Vec<Finding> {
    let mut distinct: Vec<Finding> = Vec::new();
    // Modules that lack the same field say the same.
    for finding in object.mappings().flat_map(|mapping| examine_module(object, mapping, known)) {
        if !distinct.contains(&finding) {
            distinct.push(finding);
        }
    }
    distinct
}

fn examine_module(
    object: &ObjectCapability,
    mapping: &Mapping,
    known: &Descriptions,
) -> Vec<Finding> {
    let kind = object.kind;
    let Some(fields) = known.get(mapping.remote) else {
        let name = mapping.remote;
        return vec![Finding {
            kind,
            message: format!("the user may not see {}: {name} is hidden", kind.plural()),
            hint: format!("show {name} to the user's profile {PROFILES}"),
            repair: None,
            blocking: true,
        }];
    };
    let mut findings: Vec<Finding> =
        mapping.uid.and_then(|name| examine_uid(object, name, fields)).into_iter().collect();
    findings.extend(mapping.rules.iter().filter_map(|rule| examine_field(kind, rule, fields)));
    findings
}

const PROFILES: &str = "(Setup, Security Control, Profiles)";

fn examine_uid(object: &ObjectCapability, name: &str, fields: &[FieldRow]) -> Option<Finding> {
    let (message, hint, repair) = match field(fields, name) {
        Some(found) if object.unique_key && !found.is_unique() => (
            format!("the field `{name}` is not unique"),
            format!(
                "tick \"Do not allow duplicate values\" on `{name}` (Setup, Modules and Fields)"
            ),
            None,
        ),
        Some(_) => return None,
        None => (
            format!("the field `{name}` for our unique id is missing"),
            "run `crm check --fix`, which creates it".to_owned(),
            Some(Repair::UidField),
        ),
    };
    Some(Finding { kind: object.kind, message, hint, repair, blocking: true })
}

fn examine_field(kind: ObjectKind, rule: &FieldRule, fields: &[FieldRow]) -> Option<Finding> {
    let (name, ours) = (column(rule)?, rule.field);
    // An org with one currency is in order.
    if name == CURRENCY || field(fields, name).is_some() {
        return None;
    }
    let (message, hint, repair) = if rule.custom {
        (
            format!("the field `{name}` is missing; `{ours}` takes no part"),
            "run `crm check --fix`, which creates it".to_owned(),
            Some(Repair::Field(rule.remote)),
        )
    } else {
        (
            format!("the field `{name}` is hidden from the user; `{ours}` takes no part"),
            format!("show `{name}` to the user's profile {PROFILES}"),
            None,
        )
    };
    Some(Finding { kind, message, hint, repair, blocking: false })
}
