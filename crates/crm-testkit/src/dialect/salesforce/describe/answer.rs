//! The describe answers.

use serde_json::{Value, json};

use super::{Catalog, Field, Kind, Type};

/// Returns the answer of `GET /sobjects`.
pub(in super::super) fn global(catalog: &Catalog, base: &str) -> Value {
    let rows: Vec<Value> = catalog.kinds.iter().map(|kind| row(kind, base)).collect();
    json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": rows })
}

/// Returns the row of a type in the list of all.
pub(in super::super) fn row(kind: &Kind, base: &str) -> Value {
    let path = format!("{base}/sobjects/{}", kind.name);
    let writeable = kind.has('w');
    json!({
        "activateable": false,
        "associateEntityType": null,
        "associateParentEntity": null,
        "createable": writeable,
        "custom": false,
        "customSetting": false,
        "deepCloneable": false,
        "deletable": writeable,
        "deprecatedAndHidden": false,
        "feedEnabled": writeable,
        "hasSubtypes": false,
        "isInterface": false,
        "isSubtype": false,
        "keyPrefix": kind.prefix,
        "label": spaced(kind.name),
        "labelPlural": kind.plural,
        "layoutable": writeable,
        "mergeable": kind.has('m'),
        "mruEnabled": writeable,
        "name": kind.name,
        "queryable": true,
        "replicateable": kind.has('r'),
        "retrieveable": true,
        "searchable": kind.has('s'),
        "triggerable": writeable,
        "undeletable": kind.has('u'),
        "updateable": writeable,
        "urls": {
            "rowTemplate": format!("{path}/{{ID}}"),
            "describe": format!("{path}/describe"),
            "sobject": path,
        },
    })
}

/// Returns the answer of `GET /sobjects/X/describe`.
pub(in super::super) fn full(kind: &Kind, base: &str) -> Value {
    let mut answer = row(kind, base);
    let children: Vec<Value> = kind
        .children
        .iter()
        .map(|children| {
            json!({
                "cascadeDelete": children.delete == super::OnDelete::Cascade,
                "childSObject": children.kind,
                "deprecatedAndHidden": false,
                "field": children.field,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": children.name,
                "restrictedDelete": false,
            })
        })
        .collect();
    let master = json!([{
        "active": true,
        "available": true,
        "defaultRecordTypeMapping": true,
        "developerName": "Master",
        "master": true,
        "name": "Master",
        "recordTypeId": "012000000000000AAA",
        "urls": { "layout": format!("{base}/sobjects/{}/describe/layouts", kind.name) },
    }]);
    let more = [
        ("actionOverrides", json!([])),
        ("childRelationships", json!(children)),
        ("compactLayoutable", json!(kind.has('w'))),
        ("defaultImplementation", Value::Null),
        ("extendedBy", Value::Null),
        ("extendsInterfaces", Value::Null),
        ("fields", kind.fields.iter().map(field).collect()),
        ("implementedBy", Value::Null),
        ("implementsInterfaces", Value::Null),
        ("listviewable", Value::Null),
        ("lookupLayoutable", Value::Null),
        ("namedLayoutInfos", json!([])),
        ("networkScopeFieldName", Value::Null),
        ("recordTypeInfos", master),
        ("searchLayoutable", json!(kind.has('s'))),
        ("sobjectDescribeOption", json!("FULL")),
        ("supportedScopes", json!([{ "label": "All records", "name": "everything" }])),
    ];
    if let Some(map) = answer.as_object_mut() {
        map.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
    }
    answer
}

fn field(field: &Field) -> Value {
    let mut answer = facts(field);
    let text = field.kind.soap() == "xsd:string";
    let bytes = if text { field.length.saturating_mul(3) } else { 0 };
    let is_id = matches!(field.kind, Type::Id | Type::Reference);
    let (precision, scale) = numbers(field);
    let more = json!({
        "aggregatable": field.has('f'),
        "aiPredictionField": false,
        "autoNumber": false,
        "byteLength": if is_id { 18 } else { bytes },
        "calculated": false,
        "calculatedFormula": null,
        "cascadeDelete": false,
        "caseSensitive": false,
        "controllerName": null,
        "defaultValue": if field.kind == Type::Flag { json!(false) } else { Value::Null },
        "defaultValueFormula": null,
        "dependentPicklist": false,
        "deprecatedAndHidden": false,
        "digits": if field.kind == Type::Int { 8 } else { 0 },
        "displayLocationInDecimal": false,
        "encrypted": false,
        "extraTypeInfo": null,
        "filteredLookupInfo": null,
        "formulaTreatNullNumberAsZero": false,
        "highScaleNumber": false,
        "htmlFormatted": false,
        "inlineHelpText": null,
        "mask": null,
        "maskType": null,
        "precision": precision,
        "queryByDistance": false,
        "referenceTargetField": null,
        "relationshipOrder": null,
        "restrictedDelete": false,
        "scale": scale,
        "searchPrefilterable": false,
        "writeRequiresMasterRead": false,
    });
    if let (Some(answer), Value::Object(more)) = (answer.as_object_mut(), more) {
        answer.extend(more);
    }
    answer
}

/// What clients of ours read of a field.
fn facts(field: &Field) -> Value {
    let values: Vec<Value> = field
        .values
        .iter()
        .map(|value| {
            json!({
                "active": true,
                "defaultValue": field.default.as_ref() == Some(value),
                "label": value,
                "validFor": null,
                "value": value,
            })
        })
        .collect();
    let sized = numbers(field) == (0, 0);
    json!({
        "compoundFieldName": field.compound,
        "createable": field.has('c'),
        "custom": field.is_custom(),
        "defaultedOnCreate": field.has('d'),
        "externalId": field.has('x'),
        "filterable": field.has('f'),
        "groupable": field.has('g'),
        "idLookup": field.has('i'),
        "label": field.label,
        "length": if sized { field.length } else { 0 },
        "name": field.name,
        "nameField": field.name == "Name",
        "namePointing": field.targets.len() > 1,
        "nillable": field.has('n'),
        "permissionable": field.has('c') && field.has('n'),
        "picklistValues": values,
        "polymorphicForeignKey": field.targets.len() > 1,
        "referenceTo": field.targets,
        "relationshipName": field.relationship,
        "restrictedPicklist": field.has('r'),
        "soapType": field.kind.soap(),
        "sortable": field.has('s'),
        "type": field.kind.name(),
        "unique": field.has('q'),
        "updateable": field.has('u'),
    })
}

fn numbers(field: &Field) -> (u32, u32) {
    match field.kind {
        Type::Double | Type::Currency | Type::Percent => (field.length, field.scale),
        Type::Id
        | Type::Reference
        | Type::Text
        | Type::LongText
        | Type::Email
        | Type::Phone
        | Type::Url
        | Type::Picklist
        | Type::Choices
        | Type::Combobox
        | Type::Flag
        | Type::Int
        | Type::Date
        | Type::DateTime
        | Type::Address => (0, 0),
    }
}

/// Returns the words of a type's name.
fn spaced(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 3);
    for symbol in name.chars() {
        if symbol.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(symbol);
    }
    words
}
