//! What the descriptions of object types say: what is missing or odd, and what fields accept.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{
    Field, FieldFacts, FieldRule, Finding, Mapping, ObjectCapability, ObjectKind, Repair,
};

use crate::table::{CURRENCY, ROLE, column};
use crate::wire::{Describe, DescribedField};

/// The descriptions by type; a type that the user may not see has none.
pub(crate) type Descriptions = BTreeMap<&'static str, Describe>;

/// Returns a field of a description.
pub(crate) fn field<'d>(describe: &'d Describe, name: &str) -> Option<&'d DescribedField> {
    describe.fields.iter().find(|field| field.name == name)
}

/// Returns the type that has the column of a rule.
fn home(mapping: &Mapping, rule: &FieldRule) -> &'static str {
    if column(rule) == Some(ROLE) { ROLE } else { mapping.remote }
}

/// Returns whether what a rule needs is there.
fn is_there(mapping: &Mapping, rule: &FieldRule, known: &Descriptions) -> bool {
    let Some(describe) = known.get(home(mapping, rule)) else {
        return false;
    };
    match column(rule) {
        Some(ROLE) => describe.createable,
        Some(name) => field(describe, name).is_some(),
        None => true,
    }
}

/// Returns the fields of a kind that do not take part.
pub(crate) fn suspended(object: &ObjectCapability, known: &Descriptions) -> Arc<[Field]> {
    let mut fields: Vec<Field> = object
        .mappings()
        .filter(|mapping| known.contains_key(mapping.remote))
        .flat_map(|mapping| {
            let rules = mapping.rules.iter();
            rules.filter(|rule| !is_there(mapping, rule, known)).map(|rule| rule.field)
        })
        .collect();
    fields.sort_unstable();
    fields.dedup();
    fields.into()
}

/// Returns whether the types of a kind have our unique field.
pub(crate) fn has_uid(object: &ObjectCapability, known: &Descriptions) -> bool {
    object.mappings().all(|mapping| {
        let describe = known.get(mapping.remote);
        mapping.uid.is_some_and(|name| describe.is_some_and(|d| field(d, name).is_some()))
    })
}

/// Returns what the fields of a kind accept.
pub(crate) fn facts(
    object: &ObjectCapability,
    known: &Descriptions,
) -> BTreeMap<(ObjectKind, Field), FieldFacts> {
    let mut facts = BTreeMap::new();
    for mapping in object.mappings() {
        let Some(describe) = known.get(mapping.remote) else { continue };
        for rule in mapping.rules {
            let found = column(rule).and_then(|name| field(describe, name));
            if let Some(found) = found {
                facts.entry((object.kind, rule.field)).or_insert_with(|| facts_of(found));
            }
        }
    }
    facts
}

fn facts_of(found: &DescribedField) -> FieldFacts {
    let values = found.picklist_values.iter().filter(|value| value.active);
    let values: Vec<Arc<str>> = values.map(|value| value.value.as_str().into()).collect();
    FieldFacts {
        label: (!found.label.is_empty()).then(|| found.label.as_str().into()),
        required: found.createable && !found.nillable && !found.defaulted_on_create,
        read_only: !found.updateable && !found.createable,
        length_max: (found.length > 0 && found.picklist_values.is_empty()).then_some(found.length),
        options: (found.restricted_picklist && !values.is_empty()).then_some(values),
    }
}

/// Returns what is missing or odd about a kind.
pub(crate) fn examine(object: &ObjectCapability, known: &Descriptions) -> Vec<Finding> {
    let mut findings = Vec::new();
    for mapping in object.mappings() {
        findings.extend(examine_type(object, mapping, known));
    }
    // Forms of one type, and types that share a field, say the same.
    let mut distinct: Vec<Finding> = Vec::new();
    for finding in findings {
        if !distinct.contains(&finding) {
            distinct.push(finding);
        }
    }
    distinct
}

fn examine_type(
    object: &ObjectCapability,
    mapping: &Mapping,
    known: &Descriptions,
) -> Vec<Finding> {
    let (kind, name) = (object.kind, mapping.remote);
    let Some(describe) = known.get(name) else {
        return vec![Finding {
            kind,
            message: format!("the user may not see {}: {name} is hidden", kind.plural()),
            hint: format!("give the user Read, Create, Edit and Delete on {name} {SETS}"),
            repair: None,
            blocking: true,
        }];
    };
    let mut findings = Vec::new();
    if !describe.createable || !describe.updateable {
        findings.push(Finding {
            kind,
            message: format!("the user may not create and edit {}", kind.plural()),
            hint: format!("give the user Create and Edit on {name} {SETS}"),
            repair: None,
            blocking: true,
        });
    }
    findings.extend(mapping.uid.and_then(|name| examine_uid(object, name, describe)));
    let rules = mapping.rules.iter();
    findings.extend(rules.filter_map(|rule| examine_field(kind, mapping, rule, known)));
    findings
}

const SETS: &str = "(Setup, Permission Sets)";

fn examine_uid(object: &ObjectCapability, name: &str, describe: &Describe) -> Option<Finding> {
    let (message, hint, repair) = match field(describe, name) {
        Some(found) if object.unique_key && (!found.external_id || !found.unique) => (
            format!("the field `{name}` is not a unique external id"),
            format!("delete `{name}` in Setup, Object Manager, then run `crm check --fix`"),
            None,
        ),
        Some(found) if !found.updateable => (
            format!("the user may not edit the field `{name}`"),
            format!(
                "run `crm check --fix`, or let the user edit `{name}` (Setup, Permission Sets)"
            ),
            Some(Repair::UidField),
        ),
        Some(_) => return None,
        None => (
            format!("the field `{name}` for our unique id is missing or hidden"),
            "run `crm check --fix`, which creates it and makes it visible".to_owned(),
            Some(Repair::UidField),
        ),
    };
    Some(Finding { kind: object.kind, message, hint, repair, blocking: true })
}

fn examine_field(
    kind: ObjectKind,
    mapping: &Mapping,
    rule: &FieldRule,
    known: &Descriptions,
) -> Option<Finding> {
    let (name, ours) = (column(rule)?, rule.field);
    // An org with one currency is in order.
    if name == CURRENCY {
        return None;
    }
    let describe = known.get(home(mapping, rule));
    let found = describe.and_then(|describe| field(describe, name));
    let (message, hint, repair) = match found {
        Some(found) if !found.updateable => (
            format!("the field `{name}` can only be read; `{ours}` cannot be written"),
            format!("let the user edit `{name}` (Setup, Permission Sets)"),
            None,
        ),
        Some(_) => return None,
        None if is_there(mapping, rule, known) => return None,
        None if name == ROLE => (
            format!("the user may not create {name}; `{ours}` takes no part"),
            format!("give the user Read, Create and Delete on {name} {SETS}"),
            None,
        ),
        None if rule.custom => (
            format!("the field `{name}` is missing or hidden; `{ours}` takes no part"),
            "run `crm check --fix`, which creates it and makes it visible".to_owned(),
            Some(Repair::Field(rule.remote)),
        ),
        None => (
            format!("the field `{name}` is hidden from the user; `{ours}` takes no part"),
            format!("let the user see `{name}` (Setup, Permission Sets, Object Settings)"),
            None,
        ),
    };
    Some(Finding { kind, message, hint, repair, blocking: false })
}
