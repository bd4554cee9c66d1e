//! `provider.toml`: what a vendor can do and where it keeps each field, read and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::input::Input;
use super::schema::{self, KINDS, Schema, Type};
use crate::failure::Outcome;

/// What the file of one room says.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) title: String,
    pub(super) quotas: Vec<Quota>,
    /// In the order of the schema's kinds.
    pub(super) objects: Vec<Object>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quota {
    pub(super) name: String,
    pub(super) limit: u64,
    pub(super) window_ms: u64,
    pub(super) doc: String,
}

/// What the vendor does with one kind.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) kind: &'static str,
    pub(super) can: Can,
    /// The forms of the kind: one without a name, or several with one.
    pub(super) forms: Vec<Form>,
}

/// One form of a kind: what the vendor keeps apart, and we do not.
#[derive(Debug)]
pub(super) struct Form {
    /// The value of `type`.
    pub(super) variant: Option<String>,
    pub(super) remote: String,
    pub(super) fixed: BTreeMap<String, String>,
    /// Sorted by number.
    pub(super) rules: Vec<Rule>,
}

/// One field of the table.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) field: String,
    pub(super) number: u16,
    pub(super) ty: Type,
    pub(super) table: RuleTable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    title: String,
    #[serde(default)]
    quotas: Vec<Spanned<Quota>>,
    company: Option<Spanned<Can>>,
    contact: Option<Spanned<Can>>,
    deal: Option<Spanned<Can>>,
    activity: Option<Spanned<Can>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Can {
    remote: Option<String>,
    pub(super) uid: Option<String>,
    pub(super) clear: Clear,
    pub(super) access: Access,
    pub(super) deletion: Deletion,
    pub(super) detection: Detection,
    pub(super) concurrency: Concurrency,
    pub(super) find_by: Vec<Key>,
    pub(super) unique_key: bool,
    pub(super) read_max: NonZeroU16,
    pub(super) write_max: NonZeroU16,
    pub(super) page_max: NonZeroU16,
    pub(super) hint_page_max: NonZeroU16,
    pub(super) list_consistent: bool,
    pub(super) visibility_lag_ms: u64,
    pub(super) overlap_ms: u64,
    pub(super) unknown_wait_ms: u64,
    #[serde(default)]
    fields: BTreeMap<String, Spanned<RuleTable>>,
    #[serde(default)]
    variants: BTreeMap<String, Spanned<FormTable>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FormTable {
    remote: String,
    #[serde(default)]
    fixed: BTreeMap<String, String>,
    fields: BTreeMap<String, Spanned<RuleTable>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleTable {
    pub(super) remote: String,
    pub(super) wire: Wire,
    /// Canonical name to the vendor's, where `wire` is `choice`.
    #[serde(default)]
    pub(super) choices: BTreeMap<String, String>,
    #[serde(default = "yes")]
    pub(super) writable: bool,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) custom: bool,
    pub(super) length_max: Option<u16>,
    #[serde(default = "kept")]
    pub(super) letter_case: LetterCase,
    pub(super) cut_at: Option<u16>,
    pub(super) members_max: Option<u16>,
    pub(super) decimals: Option<u8>,
}

impl RuleTable {
    /// Makes the rule of the field that a record's form itself says.
    fn of_variant() -> Self {
        Self {
            remote: String::new(),
            wire: Wire::Variant,
            choices: BTreeMap::new(),
            writable: true,
            required: true,
            custom: false,
            length_max: None,
            letter_case: LetterCase::Kept,
            cut_at: None,
            members_max: None,
            decimals: None,
        }
    }
}

fn yes() -> bool {
    true
}

fn kept() -> LetterCase {
    LetterCase::Kept
}

/// Declares an enum of the file with the Rust spelling and a word for the documents.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        #[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
        #[serde(rename_all = "snake_case")]
        pub(super) enum $name { $($variant),+ }

        impl $name {
            /// Returns the variant as Rust spells it.
            pub(super) fn rust(self) -> &'static str {
                match self { $(Self::$variant => concat!(stringify!($name), "::", stringify!($variant))),+ }
            }

            /// Returns the variant as a person reads it.
            pub(super) fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

words!(Clear { EmptyString = "an empty string", Null = "null" });
words!(Access { Read = "read", Create = "read, create", Full = "read, create, change" });
words!(Deletion {
    Unsupported = "not possible",
    Archive = "to a recycle bin",
    Permanent = "at once and for good",
});
words!(Concurrency {
    LastWriteWins = "the last write wins",
    IfUnmodified = "a write with an old version is refused",
});
words!(Wire {
    Text = "text",
    Number = "number",
    NumberText = "number as text",
    Bool = "boolean",
    BoolText = "boolean as text",
    Date = "date",
    Instant = "instant",
    Choice = "choice",
    Day = "date of a point in time",
    Id = "id of the record",
    Related = "association",
    Variant = "what the record is",
    Owner = "id of the user",
    Stage = "id of the stage",
});
words!(LetterCase { Kept = "kept", Lowered = "lower case" });

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(super) enum Key {
    Uid,
    Email,
    Phone,
    Domain,
}

impl Key {
    /// Returns the key as Rust spells it.
    pub(super) fn rust(self) -> &'static str {
        match self {
            Self::Uid => "KeyKind::Uid",
            Self::Email => "KeyKind::Email",
            Self::Phone => "KeyKind::Phone",
            Self::Domain => "KeyKind::Domain",
        }
    }

    /// Returns the key as a person reads it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Uid => "uid",
            Self::Email => "e-mail",
            Self::Phone => "phone and surname",
            Self::Domain => "domain",
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Detection {
    /// `detection = { modified_since_ms = 1 }`
    ModifiedSinceMs(u64),
    /// `detection = "full_scan"`
    FullScan,
}

impl Provider {
    /// Reads the file of the room `room` and checks it against the schema.
    pub(super) fn parse(input: Input<'_>, room: &str, schema: &Schema) -> Outcome<Self> {
        let file: File = input.parse()?;
        if file.name.as_ref() != room {
            let what = format!("the room is called `{room}`, not `{}`", file.name.as_ref());
            return Err(input.wrong(file.name.span(), what, format!("name = \"{room}\"")));
        }
        let mut objects = Vec::new();
        let tables = [file.company, file.contact, file.deal, file.activity];
        for (kind, table) in KINDS.into_iter().zip(tables) {
            if let (Some(table), Some(kind)) = (table, schema.kind(kind)) {
                objects.push(Object::check(input, kind, table)?);
            }
        }
        let quotas = check_quotas(input, file.quotas)?;
        Ok(Self { title: file.title, quotas, objects })
    }

    /// Returns what the vendor does with a kind.
    pub(super) fn object(&self, kind: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.kind == kind)
    }
}

fn check_quotas(input: Input<'_>, quotas: Vec<Spanned<Quota>>) -> Outcome<Vec<Quota>> {
    let mut seen = BTreeSet::new();
    for quota in &quotas {
        let Quota { name, limit, window_ms, .. } = quota.as_ref();
        if !seen.insert(name.clone()) {
            let what = format!("there are two quotas called `{name}`");
            return Err(input.wrong(quota.span(), what, "names are unique in a connection"));
        }
        if *limit == 0 || *window_ms == 0 {
            let what = format!("the quota `{name}` lets nothing pass");
            return Err(input.wrong(quota.span(), what, "`limit` and `window_ms` are at least 1"));
        }
    }
    Ok(quotas.into_iter().map(Spanned::into_inner).collect())
}

impl Object {
    fn check(input: Input<'_>, kind: &schema::Kind, table: Spanned<Can>) -> Outcome<Self> {
        let at = table.span();
        let mut can = table.into_inner();
        if can.uid.is_none() && (can.unique_key || can.find_by.contains(&Key::Uid)) {
            let what = format!("`{}` is recognised by a uid but names no field for it", kind.name);
            return Err(input.wrong(at, what, "add `uid = \"…\"`"));
        }
        let (fields, variants) =
            (std::mem::take(&mut can.fields), std::mem::take(&mut can.variants));
        let forms = match (can.remote.clone(), variants.is_empty()) {
            (Some(remote), true) => {
                let rules = rules(input, kind, fields)?;
                vec![Form { variant: None, remote, fixed: BTreeMap::new(), rules }]
            }
            (None, false) if fields.is_empty() => forms(input, kind, variants)?,
            _ => {
                let what = format!("`{}` has either `remote` and `fields`, or variants", kind.name);
                return Err(input.wrong(at, what, "a variant has a `remote` of its own"));
            }
        };
        Ok(Self { kind: kind.name, can, forms })
    }
}

/// Checks the forms of a kind, in the order in which its `type` lists them.
fn forms(
    input: Input<'_>,
    kind: &schema::Kind,
    mut tables: BTreeMap<String, Spanned<FormTable>>,
) -> Outcome<Vec<Form>> {
    let known: &[String] = match kind.field("type").map(|field| &field.ty) {
        Some(Type::Choice(names)) => names,
        Some(_) | None => &[],
    };
    let number = kind.field("type").map_or(0, |field| field.number);
    let mut forms = Vec::with_capacity(tables.len());
    for name in known {
        let Some(table) = tables.remove(name) else { continue };
        let FormTable { remote, fixed, fields } = table.into_inner();
        let mut rules = rules(input, kind, fields)?;
        rules.push(Rule {
            field: "type".to_owned(),
            number,
            ty: Type::Choice(known.to_vec()),
            table: RuleTable::of_variant(),
        });
        rules.sort_by_key(|rule| rule.number);
        forms.push(Form { variant: Some(name.clone()), remote, fixed, rules });
    }
    match tables.into_iter().next() {
        None => Ok(forms),
        Some((name, table)) => {
            let known = known.iter().map(String::as_str);
            Err(input.unknown(table.span(), "type", &name, known))
        }
    }
}

fn rules(
    input: Input<'_>,
    kind: &schema::Kind,
    tables: BTreeMap<String, Spanned<RuleTable>>,
) -> Outcome<Vec<Rule>> {
    let mut rules = Vec::with_capacity(tables.len());
    let mut remotes = BTreeSet::new();
    for (name, rule) in tables {
        let at = rule.span();
        let Some(field) = kind.field(&name) else {
            let known = kind.fields.iter().map(|field| field.name.as_str());
            let what = format!("{} field", kind.name);
            return Err(input.unknown(at, &what, &name, known));
        };
        let table = rule.into_inner();
        if !remotes.insert(table.remote.clone()) {
            let what = format!("`{}` is the vendor's name of two fields", table.remote);
            return Err(input.wrong(at, what, "one field of theirs holds one of ours"));
        }
        check_wire(input, &at, field, &table)?;
        rules.push(Rule { field: name, number: field.number, ty: field.ty.clone(), table });
    }
    rules.sort_by_key(|rule| rule.number);
    Ok(rules)
}

fn check_wire(
    input: Input<'_>,
    at: &Range<usize>,
    field: &schema::Field,
    rule: &RuleTable,
) -> Outcome {
    let allowed: &[Wire] = match &field.ty {
        Type::Text | Type::Phone | Type::Url | Type::List => &[Wire::Text],
        Type::Email => &[Wire::Text, Wire::Owner],
        Type::Reference(_) => &[Wire::Id, Wire::Related],
        Type::References(_) => &[Wire::Related],
        Type::Integer | Type::Decimal | Type::Money => &[Wire::Number, Wire::NumberText],
        Type::Bool => &[Wire::Bool, Wire::BoolText],
        Type::Date => &[Wire::Date],
        Type::Instant => &[Wire::Instant, Wire::Day],
        Type::Choice(_) => &[Wire::Text, Wire::Choice, Wire::Stage],
    };
    if !allowed.contains(&rule.wire) {
        let words: Vec<&str> = allowed.iter().map(|wire| wire.word()).collect();
        let what = format!("`{}` ({}) does not travel so", field.name, field.ty.word());
        return Err(input.wrong(at.clone(), what, format!("possible: {}", words.join(", "))));
    }
    let known: &[String] = if let Type::Choice(names) = &field.ty { names } else { &[] };
    if (rule.wire == Wire::Choice) == rule.choices.is_empty() {
        let what = format!("`{}`: `wire = \"choice\"` and `choices` go together", field.name);
        return Err(input.wrong(at.clone(), what, "choices = { canonical = \"the vendor's\" }"));
    }
    match rule.choices.keys().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let what = format!("choice of `{}`", field.name);
            Err(input.unknown(at.clone(), &what, name, known.iter().map(String::as_str)))
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
