//! One kind at Pipedrive: where it lives, and how a row is read.

use std::borrow::Cow;
use std::sync::Arc;

use crm_core::mapping::{Decoded, Row, Scalar};
use crm_core::{
    Field, FieldRule, Fields, Mapping, Normalizer, ObjectCapability, ObjectKind, Ref, Remote, Uid,
    Value, Version, Wire, mapping, normal,
};
use serde_json::Value as Json;

use crate::directory::Codes;
use crate::wire::{Object, number};

/// What keeps how we divided a person's name: given and family name with this between them.
pub(crate) const NAME_LABEL: &str = "CRM sync name";
pub(crate) const NAME_SPLIT: char = '|';
const MOBILE: &str = "mobile";

/// One kind, as a connection sees it at the moment.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) capability: ObjectCapability,
    pub(crate) codes: Arc<Codes>,
    pub(crate) mappings: Vec<&'static Mapping>,
    normalizer: Normalizer,
}

/// A record as a row shows it: without what the room has to find out elsewhere.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) remote: Remote,
    pub(crate) decoded: Decoded,
    /// The owner's id.
    pub(crate) owner: Option<String>,
    /// The stage's id, `won` or `lost`, and the pipeline's id.
    pub(crate) stage: Option<(String, Option<String>)>,
    pub(crate) deleted: bool,
}

impl Table {
    /// Returns the table of a kind.
    pub(crate) fn new(
        capability: ObjectCapability,
        normalizer: Normalizer,
        codes: Arc<Codes>,
    ) -> Self {
        let mappings = capability.mappings().collect();
        Self { capability, codes, mappings, normalizer }
    }

    pub(crate) fn kind(&self) -> ObjectKind {
        self.capability.kind
    }

    /// Returns the type of record, as paths spell it.
    pub(crate) fn name(&self) -> &'static str {
        self.capability.mapping.remote
    }

    /// Returns the path of the records.
    pub(crate) fn path(&self) -> String {
        format!("/api/v2/{}", self.name())
    }

    /// Returns the name of an endpoint for counting.
    pub(crate) fn endpoint(&self, method: &str, rest: &str) -> String {
        format!("{method} /v2/{}{rest}", self.name())
    }

    /// Returns the rule of a field in whatever form of the kind has it.
    pub(crate) fn rule(&self, field: Field) -> Option<&'static FieldRule> {
        self.mappings.iter().find_map(|mapping| mapping.rule(field))
    }

    /// Returns the table of the form of a row: other types of activity count as tasks.
    pub(crate) fn mapping_of(&self, row: &Object) -> &'static Mapping {
        let ty = row.get("type").and_then(Json::as_str).unwrap_or_default();
        let ty = if ty == "lunch" { "meeting" } else { ty };
        let found = self.mappings.iter().copied().find(|known| known.variant == Some(ty));
        found.unwrap_or(self.capability.mapping)
    }

    /// Returns the code of the field that holds our id, or its plain name.
    pub(crate) fn uid_code(&self) -> Option<&str> {
        let name = self.capability.mapping.uid?;
        match self.kind() {
            ObjectKind::Activity => Some(name),
            ObjectKind::Company | ObjectKind::Contact | ObjectKind::Deal => {
                self.codes.get(name).map(String::as_str)
            }
        }
    }

    /// Returns the record that a row shows.
    pub(crate) fn found(&self, row: &Object) -> Option<Found> {
        let id = number(row.get("id")?)?;
        let mapping = self.mapping_of(row);
        let suspended = &self.capability.suspended;
        let rules = || mapping.rules.iter().filter(|rule| !suspended.contains(&rule.field));
        let asked: Arc<[Field]> =
            rules().filter(|rule| !rule.wire.is_translated()).map(|rule| rule.field).collect();
        let members = rules().filter(|rule| !rule.wire.is_translated());
        let members =
            members.filter_map(|rule| Some((Cow::Borrowed(rule.remote), self.scalar(rule, row)?)));
        let flat = Row(members.collect());
        let mut decoded = mapping::decode(mapping, self.normalizer, &flat, &asked);
        if !decoded.unreadable.is_empty() {
            let fields = &decoded.unreadable;
            tracing::warn!(id, ?fields, "values could not be understood");
        }
        for rule in rules() {
            if rule.wire == Wire::Related {
                decoded.note(rule.field, related(rule, row));
            } else if rule.wire == Wire::Variant {
                let form = mapping.variant.map(|form| Value::Choice(form.into()));
                decoded.note(rule.field, form);
            }
        }
        let text = |name: &str| row.get(name).and_then(Json::as_str);
        let version = text("update_time").map(|text| Version(text.into()));
        let uid = match self.kind() {
            ObjectKind::Activity => self.uid_code().and_then(text),
            ObjectKind::Company | ObjectKind::Contact | ObjectKind::Deal => {
                self.custom(row, mapping.uid?)
            }
        };
        let stage = match text("status") {
            Some(status @ ("won" | "lost")) => Some(status.to_owned()),
            Some(_) | None => row.get("stage_id").and_then(number),
        };
        let pipeline = row.get("pipeline_id").and_then(number);
        let remote = Remote {
            kind: self.kind(),
            id: id.into(),
            modified_at: text("update_time").and_then(normal::instant),
            version,
            author: None,
            uid: uid.and_then(Uid::parse),
            aliases: Vec::new(),
            read: Arc::from([]),
            fields: Fields::new(),
        };
        Some(Found {
            remote,
            decoded,
            owner: row.get("owner_id").and_then(number),
            stage: stage.map(|stage| (stage, pipeline)),
            deleted: row.get("is_deleted").and_then(Json::as_bool).unwrap_or_default(),
        })
    }

    /// Returns the text of one of the company's own fields.
    fn custom<'r>(&self, row: &'r Object, label: &str) -> Option<&'r str> {
        row.get("custom_fields")?.get(self.codes.get(label)?)?.as_str()
    }

    /// Returns what a row holds for a rule; `None` if it does not have such a thing.
    fn scalar<'r>(&self, rule: &FieldRule, row: &'r Object) -> Option<Scalar<'r>> {
        if rule.custom {
            let code = self.codes.get(rule.remote)?;
            return Some(plain(row.get("custom_fields")?.get(code).unwrap_or(&Json::Null)));
        }
        let text = |text: Option<Cow<'r, str>>| text.map_or(Scalar::Null, Scalar::Text);
        let (whole, part) = rule.remote.split_once('.').unwrap_or((rule.remote, ""));
        let value = row.get(whole)?;
        Some(match whole {
            "first_name" | "last_name" => {
                let (first, last) = self.names(row);
                let own = if whole == "first_name" { first } else { last };
                text(own.map(Cow::Borrowed))
            }
            "emails" | "phones" => text(line(value, part == MOBILE).map(Cow::Borrowed)),
            "address" => value.get(part).map_or(Scalar::Null, plain),
            "due_date" => {
                let day = value.as_str();
                let time = row.get("due_time").and_then(Json::as_str).unwrap_or("00:00:00");
                let time = if time.len() == 5 { format!("{time}:00") } else { time.to_owned() };
                text(day.map(|day| Cow::Owned(format!("{day}T{time}Z"))))
            }
            "duration" => value.as_str().and_then(seconds).map_or(Scalar::Null, Scalar::Integer),
            "value" if value.as_f64() == Some(0.0) => Scalar::Null,
            _ => plain(value),
        })
    }

    /// Returns a person's given and family name: as we divided them, if the whole is still that.
    pub(crate) fn names<'r>(&self, row: &'r Object) -> (Option<&'r str>, Option<&'r str>) {
        let text =
            |name: &str| row.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        let whole = text("name").unwrap_or_default();
        let kept = self.custom(row, NAME_LABEL).and_then(|kept| kept.split_once(NAME_SPLIT));
        let is_some = |text: &&str| !text.is_empty();
        match kept {
            Some((first, last)) if joined(first, last, row) == whole => {
                (Some(first).filter(is_some), Some(last).filter(is_some))
            }
            Some(_) | None => (text("first_name"), text("last_name")),
        }
    }
}

/// Returns the name of a person: without any, the address has to serve.
pub(crate) fn joined(first: &str, last: &str, row: &Object) -> String {
    let whole = [first, last].into_iter().filter(|part| !part.is_empty());
    let whole = whole.collect::<Vec<_>>().join(" ");
    if !whole.is_empty() {
        return whole;
    }
    let email = row.get("emails").and_then(|lines| line(lines, false));
    email.unwrap_or("?").to_owned()
}

/// Returns the line of a list that counts for us: the first mobile one, or the primary other.
fn line(lines: &Json, mobile: bool) -> Option<&str> {
    let place = place(lines.as_array()?, mobile)?;
    lines.get(place)?.get("value")?.as_str()
}

/// Returns the place of that line.
pub(crate) fn place(lines: &[Json], mobile: bool) -> Option<usize> {
    let label = |row: &Json| row.get("label").and_then(Json::as_str) == Some(MOBILE);
    let primary = |row: &Json| row.get("primary").and_then(Json::as_bool).unwrap_or_default();
    let fits = |row: &&Json| label(row) == mobile;
    let places = || lines.iter().enumerate().filter(|(_, row)| fits(row));
    let first = places().find(|(_, row)| primary(row)).or_else(|| places().next());
    first.map(|(place, _)| place)
}

fn plain(value: &Json) -> Scalar<'_> {
    match value {
        Json::Null => Scalar::Null,
        Json::Bool(yes) => Scalar::Bool(*yes),
        Json::String(text) => Scalar::Text(Cow::Borrowed(text)),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Scalar::Integer(whole),
            None => normal::decimal(&number.to_string()).map_or(Scalar::Nested, Scalar::Number),
        },
        Json::Array(_) | Json::Object(_) => Scalar::Nested,
    }
}

/// Reads `HH:MM` or `HH:MM:SS`.
fn seconds(text: &str) -> Option<i64> {
    let parts: Vec<i64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts.as_slice() {
        [hours, minutes] => Some((hours * 60 + minutes) * 60),
        [hours, minutes, seconds] => Some((hours * 60 + minutes) * 60 + seconds),
        _ => None,
    }
}

/// Returns the ids of the people that a row refers to.
pub(crate) fn people(row: &Object) -> Vec<String> {
    match row.get("participants").and_then(Json::as_array) {
        Some(rows) => rows.iter().filter_map(|row| number(row.get("person_id")?)).collect(),
        None => row.get("person_id").and_then(number).into_iter().collect(),
    }
}

fn related(rule: &FieldRule, row: &Object) -> Option<Value> {
    let kind = rule.ty.refers_to()?;
    let refer = |id: String| Value::Ref(Ref::Remote(kind, id.into()));
    let mut members: Vec<Value> = people(row).into_iter().map(refer).collect();
    members.sort();
    members.dedup();
    (!members.is_empty()).then_some(Value::List(members))
}
