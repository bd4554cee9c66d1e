//! `docs/providers.md` and `docs/fields.md`: reference pages that cannot be stale.

use super::mapping::grouped;
use super::provider::{Detection, LetterCase, Object, Provider, Rule, Wire};
use super::rust;
use super::schema::{Field, Kind, Schema, Type};

const NOTE: &str = "Generated from the rooms' `provider.toml` by `cargo xtask codegen`.";

/// Writes the matrix of capabilities.
pub(super) fn write_providers(schema: &Schema, providers: &[Provider]) -> String {
    let mut page = format!("# What each CRM can do\n\n{NOTE}\n");
    for kind in schema.kinds.iter().filter(|kind| has_any(providers, kind)) {
        page.push_str(&format_section(kind));
        let header: Vec<&str> = providers.iter().map(|provider| &*provider.title).collect();
        page.push_str(&row("", header.iter().map(|title| (*title).to_owned())));
        page.push_str(&rule(providers.len() + 1));
        for (name, cell) in ROWS {
            let cells = providers
                .iter()
                .map(|provider| provider.object(kind.name).map_or_else(|| "—".to_owned(), cell));
            page.push_str(&row(name, cells));
        }
    }
    page.push_str(
        "\n## Quotas\n\nWhat the vendor publishes; answers and configuration correct it.\n\n",
    );
    page.push_str("| CRM | quota | requests | in | what it counts |\n");
    page.push_str(&rule(5));
    for provider in providers {
        for quota in &provider.quotas {
            let cells = [
                quota.name.clone(),
                grouped(quota.limit).replace('_', ","),
                duration(quota.window_ms),
                quota.doc.clone(),
            ];
            page.push_str(&row(&provider.title, cells.into_iter()));
        }
    }
    page
}

/// One row of the matrix: what it is called, and its cell for one vendor.
type Row = (&'static str, fn(&Object) -> String);

const ROWS: &[Row] = &[
    ("called", called),
    ("access", |o| o.can.access.word().to_owned()),
    ("deletes", |o| o.can.deletion.word().to_owned()),
    ("clears by", |o| o.can.clear.word().to_owned()),
    ("tells changes by", |o| match o.can.detection {
        Detection::ModifiedSinceMs(ms) => format!("a stamp exact to {}", duration(ms)),
        Detection::FullScan => "reading everything".to_owned(),
    }),
    ("concurrent writes", |o| o.can.concurrency.word().to_owned()),
    ("finds at once by", |o| {
        let words: Vec<&str> = o.can.find_by.iter().map(|key| key.word()).collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    }),
    ("our unique field", |o| match (&o.can.uid, o.can.unique_key) {
        (None, _) => "none".to_owned(),
        (Some(name), true) => format!("`{name}`, creates are upserts on it"),
        (Some(name), false) => format!("`{name}`, not enforced by the CRM"),
    }),
    ("records in a read by id", |o| grouped(o.can.read_max.get().into()).replace('_', ",")),
    ("records in a write", |o| grouped(o.can.write_max.get().into()).replace('_', ",")),
    ("records on a page", |o| grouped(o.can.page_max.get().into()).replace('_', ",")),
    ("changes on a page", |o| grouped(o.can.hint_page_max.get().into()).replace('_', ",")),
    ("a list counts as a read by id", |o| {
        if o.can.list_consistent { "yes" } else { "no" }.to_owned()
    }),
    ("a change may show late by", |o| duration(o.can.visibility_lag_ms)),
    ("a poll reads again the last", |o| duration(o.can.overlap_ms)),
    ("a lost write may still arrive for", |o| duration(o.can.unknown_wait_ms)),
];

/// Names the vendor's types, each once.
fn called(object: &Object) -> String {
    let mut names: Vec<String> =
        object.forms.iter().map(|form| format!("`{}`", form.remote)).collect();
    names.dedup();
    names.join(", ")
}

/// Writes who stores which field, as what.
pub(super) fn write_fields(schema: &Schema, providers: &[Provider]) -> String {
    let mut page = format!(
        "# Fields\n\n{NOTE} Types and meanings are from `crates/crm-core/schema.toml`.\n\n\
         A number is the most characters that the CRM accepts; *custom* means that `crm check --fix` \
         makes the field; *personal* marks personal data; \
         *only where named* takes part only if a flow's `fields` has it.\n"
    );
    for kind in &schema.kinds {
        page.push_str(&format_section(kind));
        page.push_str(&kind.doc);
        page.push_str("\n\n");
        let titles = providers.iter().map(|provider| provider.title.clone());
        page.push_str(&row(
            "field",
            ["type".to_owned()].into_iter().chain(titles).chain(["meaning".to_owned()]),
        ));
        page.push_str(&rule(providers.len() + 3));
        let mut fields: Vec<&Field> = kind.fields.iter().collect();
        fields.sort_by_key(|field| field.position);
        for field in fields {
            let stored = providers.iter().map(|provider| {
                provider
                    .object(kind.name)
                    .and_then(|object| stored(object, &field.name))
                    .unwrap_or_else(|| "—".to_owned())
            });
            let ty = [type_of(field)].into_iter();
            let cells = ty.chain(stored).chain([field.doc.clone()]);
            page.push_str(&row(&format!("`{}`", field.name), cells));
        }
    }
    page
}

fn type_of(field: &Field) -> String {
    let word = match &field.ty {
        Type::Choice(names) => format!("one of {}", names.join(", ")),
        Type::Reference(to) => format!("a {to}"),
        Type::References(to) => format!("a set of {to} records"),
        Type::Text
        | Type::Email
        | Type::Phone
        | Type::Url
        | Type::Integer
        | Type::Decimal
        | Type::Money
        | Type::Bool
        | Type::Date
        | Type::Instant
        | Type::List => field.ty.word().to_owned(),
    };
    let pii = if field.pii { ", personal" } else { "" };
    let opt_in = if field.opt_in { ", only where named" } else { "" };
    format!("{word}{pii}{opt_in}")
}

/// Says where a field is kept; where a kind has several forms, each way once with its forms.
fn stored(object: &Object, field: &str) -> Option<String> {
    let mut ways: Vec<(String, Vec<&str>)> = Vec::new();
    for form in &object.forms {
        let Some(rule) = form.rules.iter().find(|rule| rule.field == field) else { continue };
        let way = stored_as(rule);
        let variant = form.variant.as_deref();
        match ways.iter_mut().find(|(known, _)| *known == way) {
            Some((_, forms)) => forms.extend(variant),
            None => ways.push((way, variant.into_iter().collect())),
        }
    }
    let told = |(way, forms): &(String, Vec<&str>)| {
        let everywhere = forms.is_empty() || forms.len() == object.forms.len();
        if everywhere { way.clone() } else { format!("{}: {way}", forms.join(", ")) }
    };
    (!ways.is_empty()).then(|| ways.iter().map(told).collect::<Vec<_>>().join("; "))
}

fn stored_as(rule: &Rule) -> String {
    let table = &rule.table;
    let mut notes: Vec<String> = table.length_max.iter().map(ToString::to_string).collect();
    let flags =
        [(table.required, "required"), (table.custom, "custom"), (!table.writable, "read-only")];
    if table.letter_case == LetterCase::Lowered {
        notes.push(table.letter_case.word().to_owned());
    }
    notes.extend(table.cut_at.map(|length| format!("cut at {length}")));
    notes.extend(table.members_max.map(|count| format!("at most {count} of a set")));
    notes.extend(table.decimals.map(|count| format!("{count} decimals")));
    notes.extend(flags.iter().filter(|(on, _)| *on).map(|(_, word)| (*word).to_owned()));
    if table.wire == Wire::Variant {
        return "by the type of the record".to_owned();
    }
    if notes.is_empty() {
        format!("`{}`", table.remote)
    } else {
        format!("`{}` ({})", table.remote, notes.join(", "))
    }
}

fn has_any(providers: &[Provider], kind: &Kind) -> bool {
    providers.iter().any(|provider| provider.object(kind.name).is_some())
}

fn format_section(kind: &Kind) -> String {
    format!("\n## {}\n\n", rust::camel_case(kind.name))
}

pub(super) fn row(first: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {first} | {} |\n", cells.join(" | "))
}

pub(super) fn rule(columns: usize) -> String {
    format!("|{}\n", "---|".repeat(columns))
}

fn duration(ms: u64) -> String {
    match ms {
        0 => "0 s".to_owned(),
        day if day % 86_400_000 == 0 => plural(day / 86_400_000, "day"),
        hour if hour % 3_600_000 == 0 => plural(hour / 3_600_000, "hour"),
        second if second % 1_000 == 0 => format!("{} s", second / 1_000),
        odd => format!("{odd} ms"),
    }
}

fn plural(count: u64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::super::provider::tests::sample;
    use super::super::schema;
    use super::*;

    #[test]
    fn every_table_is_rectangular() {
        let (schema, providers) = (schema::tests::sample(), [sample(), sample()]);
        for page in [write_providers(&schema, &providers), write_fields(&schema, &providers)] {
            for table in page.split("\n\n").filter(|part| part.starts_with('|')) {
                let widths: Vec<usize> =
                    table.lines().map(|line| line.matches('|').count()).collect();
                assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{table}");
            }
        }
    }

    #[test]
    fn cells_say_what_the_file_says() {
        let (schema, providers) = (schema::tests::sample(), [sample()]);
        let page = write_providers(&schema, &providers);
        for line in [
            "| access | read, create, change |",
            "| tells changes by | a stamp exact to 1 s |",
            "| our unique field | `our_uid`, creates are upserts on it |",
            "| tells changes by | reading everything |",
            "| Ant | daily | 100 | 1 day | Requests a day. |",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
        let page = write_fields(&schema, &providers);
        for line in [
            "| `age` | integer | `age` (custom, read-only) | Age. |",
            "| `email` | email, personal | `mail` (80, lower case) | E-mail. |",
            "| `stage` | one of new, won | `stage` | Stage. |",
            "| `website` | url | — | Web. |",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
    }
}
