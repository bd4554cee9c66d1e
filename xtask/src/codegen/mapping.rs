//! A room's `src/generated/`: its tables of fields and its capabilities.

use super::fields;
use super::provider::{Detection, Form, LetterCase, Object, Provider, Rule, RuleTable, Wire};
use super::rust;
use super::schema::{KINDS, Type};

/// Writes `mapping.rs`, not yet formatted.
pub(super) fn write_mapping(provider: &Provider) -> String {
    let header = rust::header_allowing(
        &format!("The fields of {}.", provider.title),
        "provider.toml",
        "clippy::pedantic, dead_code",
    );
    let mut rules = provider.objects.iter().flat_map(|o| &o.forms).flat_map(|form| &form.rules);
    let letter_case = if rules.any(|rule| !is_faithful(&rule.table)) { "LetterCase, " } else { "" };
    let forms = |object: &'_ Object| {
        let tables: String = object.forms.iter().map(|form| mapping(object, form)).collect();
        format!("{tables}{}", all_forms(object))
    };
    let tables: Vec<String> = provider.objects.iter().map(forms).collect();
    format!(
        "{header}use crm_core::mapping::Clear;\n\
         use crm_core::{{Field, FieldRule, FieldType, Form, {letter_case}Mapping, ObjectKind, \
         Wire}};\n{}{}",
        tables.join(""),
        selector(provider),
    )
}

fn mapping(object: &Object, form: &Form) -> String {
    let rules: Vec<String> = form.rules.iter().map(rule).collect();
    let fixed: Vec<String> = form
        .fixed
        .iter()
        .map(|(name, value)| format!("({}, {})", rust::literal(name), rust::literal(value)))
        .collect();
    let about = form.variant.as_deref().map(|variant| format!(" of the type {variant}"));
    format!(
        "\n/// The table of {kind}{about}.\n\
         pub(crate) static {name}: Mapping = Mapping {{\n\
         kind: ObjectKind::{variant},\n\
         remote: {remote},\n\
         uid: {uid},\n\
         clear: {clear},\n\
         variant: {form},\n\
         fixed: &[{fixed}],\n\
         rules: &[{rules}],\n\
         }};\n",
        kind = plural(object.kind),
        about = about.unwrap_or_default(),
        name = table_name(object, form),
        variant = rust::camel_case(object.kind),
        remote = rust::literal(&form.remote),
        uid = optional(object.can.uid.as_deref().map(rust::literal)),
        clear = object.can.clear.rust(),
        form = optional(form.variant.as_deref().map(rust::literal)),
        fixed = fixed.join(", "),
        rules = rules.join(""),
    )
}

/// Writes the list of a kind's tables, where it has several. It is a static of its own: a list of
/// references to statics inside a function would not live long enough.
fn all_forms(object: &Object) -> String {
    if is_single(object) {
        return String::new();
    }
    let tables = object.forms.iter().map(|form| format!("&{}", table_name(object, form)));
    format!(
        "\n/// The tables of {}.\n\
         pub(crate) static {}: &[&Mapping] = &[{}];\n",
        plural(object.kind),
        forms_name(object),
        tables.collect::<Vec<_>>().join(", "),
    )
}

fn is_single(object: &Object) -> bool {
    object.forms.iter().all(|form| form.variant.is_none())
}

fn forms_name(object: &Object) -> String {
    format!("{}_FORMS", object.kind).to_ascii_uppercase()
}

/// Returns the name of a form's table: `CONTACT`, `ACTIVITY_TASK`.
fn table_name(object: &Object, form: &Form) -> String {
    let variant = form.variant.as_deref().map(|variant| format!("_{variant}"));
    format!("{}{}", object.kind, variant.unwrap_or_default()).to_ascii_uppercase()
}

fn rule(rule: &Rule) -> String {
    let Rule { field, ty, table, .. } = rule;
    format!(
        "FieldRule {{ field: {field}, remote: {remote}, ty: {ty}, wire: {wire}, form: {form}, \
         writable: {writable}, required: {required}, custom: {custom}, length_max: {length} }},",
        field = rust::field(field),
        remote = rust::literal(&table.remote),
        ty = fields::ty(ty),
        wire = wire(ty, table),
        form = form(table),
        writable = table.writable,
        required = table.required,
        custom = table.custom,
        length = optional(table.length_max),
    )
}

/// Choices stand in the order of the schema: of several that the vendor has one word for, the first
/// is what the word is read as.
fn wire(ty: &Type, table: &RuleTable) -> String {
    match table.wire {
        Wire::Choice => {
            let known: &[String] = if let Type::Choice(names) = ty { names } else { &[] };
            let pairs: Vec<String> = known
                .iter()
                .filter_map(|ours| Some((ours, table.choices.get(ours)?)))
                .map(|(ours, theirs)| {
                    format!("({}, {})", rust::literal(ours), rust::literal(theirs))
                })
                .collect();
            format!("Wire::Choice(&[{}])", pairs.join(", "))
        }
        Wire::Text
        | Wire::Number
        | Wire::NumberText
        | Wire::Bool
        | Wire::BoolText
        | Wire::Date
        | Wire::Instant
        | Wire::Day
        | Wire::Id
        | Wire::Related
        | Wire::Variant
        | Wire::Owner
        | Wire::Stage => table.wire.rust().to_owned(),
    }
}

fn is_faithful(table: &RuleTable) -> bool {
    let RuleTable { letter_case, cut_at, decimals, members_max, .. } = table;
    let whole = cut_at.is_none() && decimals.is_none() && members_max.is_none();
    *letter_case == LetterCase::Kept && whole
}

fn form(table: &RuleTable) -> String {
    if is_faithful(table) {
        return "Form::FAITHFUL".to_owned();
    }
    format!(
        "Form {{ letter_case: {}, cut_at: {}, decimals: {}, members_max: {} }}",
        table.letter_case.rust(),
        optional(table.cut_at),
        optional(table.decimals),
        optional(table.members_max),
    )
}

fn optional(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| format!("Some({value})"))
}

/// Writes `of`, an exhaustive match: a new kind must visit it.
fn selector(provider: &Provider) -> String {
    let (known, unknown): (Vec<&str>, Vec<&str>) =
        KINDS.iter().partition(|kind| provider.object(kind).is_some());
    let mut arms: Vec<String> = known
        .iter()
        .map(|kind| {
            let variant = rust::camel_case(kind);
            let table = provider.object(kind).and_then(|o| Some(table_name(o, o.forms.first()?)));
            format!("ObjectKind::{variant} => Some(&{}),", table.unwrap_or_default())
        })
        .collect();
    if !unknown.is_empty() {
        let variants: Vec<String> =
            unknown.iter().map(|kind| format!("ObjectKind::{}", rust::camel_case(kind))).collect();
        arms.push(format!("{} => None,", variants.join(" | ")));
    }
    format!(
        "\n/// Returns the table of a kind.\n\
         pub(crate) const fn of(kind: ObjectKind) -> Option<&'static Mapping> {{\n\
         match kind {{ {} }}\n}}\n",
        arms.join("")
    )
}

/// Writes `capabilities.rs`, not yet formatted.
pub(super) fn write_capabilities(provider: &Provider) -> String {
    let objects: Vec<String> = provider.objects.iter().map(capability).collect();
    let quotas: Vec<String> = provider
        .quotas
        .iter()
        .map(|quota| {
            format!(
                "Quota {{ name: {}, limit: {}, window: {} }},",
                rust::literal(&quota.name),
                grouped(quota.limit),
                milliseconds(quota.window_ms)
            )
        })
        .collect();
    let header = rust::header(&format!("What {} can do.", provider.title), "provider.toml");
    let quota = if quotas.is_empty() { "" } else { ", Quota" };
    format!(
        "{header}use std::num::NonZeroU16;\n\
         use std::sync::Arc;\n\
         use std::time::Duration;\n\n\
         use crm_core::{{Access, Capabilities, Concurrency, Deletion, Detection, KeyKind, \
         ObjectCapability, ObjectKind{quota}}};\n\n\
         use super::mapping;\n\n\
         /// Returns what the vendor publishes; the account's own limits are laid over it.\n\
         pub(crate) fn capabilities() -> Capabilities {{\n\
         Capabilities {{ objects: vec![{objects}], quotas: vec![{quotas}], \
         metadata: Arc::default() }}\n\
         }}\n\n\
         /// A number of records, which codegen has checked not to be zero.\n\
         const fn count(number: u16) -> NonZeroU16 {{\n\
         match NonZeroU16::new(number) {{\n\
         Some(count) => count,\n\
         None => NonZeroU16::MIN,\n\
         }}\n}}\n",
        objects = objects.join(""),
        quotas = quotas.join(""),
    )
}

fn capability(object: &Object) -> String {
    let can = &object.can;
    let keys: Vec<&str> = can.find_by.iter().map(|key| key.rust()).collect();
    let detection = match can.detection {
        Detection::ModifiedSinceMs(ms) => {
            format!("Detection::ModifiedSince {{ granularity: {} }}", milliseconds(ms))
        }
        Detection::FullScan => "Detection::FullScan".to_owned(),
    };
    let first = object.forms.first().map(|form| format!("&mapping::{}", table_name(object, form)));
    let variants = if is_single(object) {
        "&[]".to_owned()
    } else {
        format!("mapping::{}", forms_name(object))
    };
    let members = [
        ("kind", format!("ObjectKind::{}", rust::camel_case(object.kind))),
        ("access", can.access.rust().to_owned()),
        ("deletion", can.deletion.rust().to_owned()),
        ("detection", detection),
        ("concurrency", can.concurrency.rust().to_owned()),
        ("find_by", format!("&[{}]", keys.join(", "))),
        ("unique_key", can.unique_key.to_string()),
        ("read_max", format!("count({})", grouped(can.read_max.get().into()))),
        ("write_max", format!("count({})", grouped(can.write_max.get().into()))),
        ("page_max", format!("count({})", grouped(can.page_max.get().into()))),
        ("hint_page_max", format!("count({})", grouped(can.hint_page_max.get().into()))),
        ("list_consistent", can.list_consistent.to_string()),
        ("visibility_lag", milliseconds(can.visibility_lag_ms)),
        ("overlap", milliseconds(can.overlap_ms)),
        ("unknown_wait", milliseconds(can.unknown_wait_ms)),
        ("mapping", first.unwrap_or_default()),
        ("variants", variants),
        ("suspended", "Arc::from([])".to_owned()),
    ];
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{name}: {value},")).collect();
    format!("ObjectCapability {{ {} }},", members.join(""))
}

fn milliseconds(ms: u64) -> String {
    match ms {
        0 => "Duration::ZERO".to_owned(),
        whole if whole % 1_000 == 0 => format!("Duration::from_secs({})", grouped(whole / 1_000)),
        odd => format!("Duration::from_millis({})", grouped(odd)),
    }
}

/// Returns `625000` as `625_000`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

fn plural(kind: &str) -> String {
    kind.strip_suffix('y').map_or_else(|| format!("{kind}s"), |stem| format!("{stem}ies"))
}

#[cfg(test)]
mod tests {
    use super::super::provider::tests::sample;
    use super::*;
    use crate::shell::Workspace;

    #[test]
    fn both_files_are_rust() {
        let root = Workspace::find().unwrap().root;
        let mapping = rust::format(&root, "mapping.rs", &write_mapping(&sample())).unwrap();
        assert!(
            mapping.contains("ObjectKind::Company | ObjectKind::Activity => None"),
            "{mapping}"
        );
        assert!(mapping.contains("uid: Some(\"our_uid\")"));
        let source = write_capabilities(&sample());
        rust::format(&root, "capabilities.rs", &source).unwrap();
        assert!(source.contains("window: Duration::from_secs(86_400)"), "{source}");
        assert!(source.contains("detection: Detection::FullScan"));
    }

    #[test]
    fn a_rule_carries_all_that_was_said() {
        let source = write_mapping(&sample());
        for part in [
            "Wire::Choice(&[(\"new\", \"N\"), (\"won\", \"W\")])",
            "Form { letter_case: LetterCase::Lowered, cut_at: None, decimals: None",
            "Form { letter_case: LetterCase::Kept, cut_at: Some(20), decimals: None",
            "writable: false, required: false, custom: true, length_max: None",
            "length_max: Some(80)",
        ] {
            assert!(source.contains(part), "{part}");
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1_000"), (12_345_678, "12_345_678")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
