//! One type of record at HubSpot: where it lives, which properties are asked for, how a row is
//! read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::mapping::Decoded;
use crm_core::{
    Field, Fields, Mapping, Normalizer, ObjectCapability, ObjectKind, Patch, Remote, RemoteId, Uid,
    Value, Version, Wire, mapping, normal,
};
use serde_json::{Map, Value as Json};

use crate::API_VERSION;
use crate::error::Reading;
use crate::wire::{Listed, Object};

/// Ids of records that were merged into this one, with semicolons between them.
const MERGED: &str = "hs_merged_object_ids";
/// Types of association that say more than that two records have to do with each other: the
/// primary company of a contact and of a deal, and the parent of a company.
const PARTICULAR: [u32; 3] = [1, 5, 14];
/// Those of them of which a record has one: a new one takes the place of the old one.
const PRIMARY: [u32; 2] = [1, 5];
/// HubSpot counts in milliseconds what we count in seconds.
const MS_PER_S: i64 = 1_000;
/// A task without a priority says so.
const NO_PRIORITY: &str = "NONE";
/// A meeting has its beginning twice.
const MEETING_START: &str = "hs_meeting_start_time";

/// One type of record, as a connection sees it at the moment.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) capability: ObjectCapability,
    mapping: &'static Mapping,
    /// The plain fields that are asked for, sorted.
    asked: Arc<[Field]>,
    /// The properties that are asked for.
    pub(crate) properties: Vec<&'static str>,
    /// The associations that are references of ours.
    pub(crate) relations: Vec<Relation>,
    /// The property that holds the owner's id, unless owners take no part.
    pub(crate) owner: Option<&'static str>,
    /// The property that holds the stage's id, unless stages take no part.
    pub(crate) stage: Option<&'static str>,
    pub(crate) reading: Reading,
    normalizer: Normalizer,
}

/// A reference of ours that is an association there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relation {
    pub(crate) field: Field,
    pub(crate) kind: ObjectKind,
    /// The type of record at the other end.
    pub(crate) to: &'static str,
    /// The number of the association's type from this end.
    pub(crate) type_id: u32,
    pub(crate) arity: Arity,
}

/// How many records a reference points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arity {
    One,
    Many,
}

impl Relation {
    /// Returns the relation of a rule, if it is one: `companies/1`.
    fn of(rule: &crm_core::FieldRule) -> Option<Self> {
        let (to, number) = rule.remote.split_once('/').filter(|_| rule.wire == Wire::Related)?;
        let arity = if rule.ty.is_set() { Arity::Many } else { Arity::One };
        let (kind, type_id) = (rule.ty.refers_to()?, number.parse().ok()?);
        Some(Self { field: rule.field, kind, to, type_id, arity })
    }

    /// Returns whether only associations of this very type count; else any between the two does.
    pub(crate) fn is_particular(&self) -> bool {
        PARTICULAR.contains(&self.type_id)
    }

    /// Returns whether a new association of the type ends the one that was there.
    pub(crate) fn replaces(&self) -> bool {
        PRIMARY.contains(&self.type_id)
    }

    /// Returns the value of the field, given the ids at the other end in the order of numbers.
    /// Where we know one and HubSpot several, it is the oldest.
    pub(crate) fn value(&self, mut ids: Vec<String>) -> Option<Value> {
        ids.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        ids.dedup();
        let refer = |id: String| Value::Ref(crm_core::Ref::Remote(self.kind, id.into()));
        match self.arity {
            Arity::One => ids.into_iter().next().map(refer),
            Arity::Many => {
                let mut members: Vec<Value> = ids.into_iter().map(refer).collect();
                members.sort();
                (!members.is_empty()).then_some(Value::List(members))
            }
        }
    }
}

/// What a row shows of a property.
#[derive(Debug)]
pub(crate) enum Shown<T> {
    /// It does not have the property.
    Absent,
    /// It has no value.
    Blank,
    /// It has this one.
    Value(T),
}

/// A record as a row shows it: without what the room has to find out elsewhere.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) remote: Remote,
    /// HubSpot's own id.
    pub(crate) id: String,
    pub(crate) decoded: Decoded,
    /// The owner's id.
    pub(crate) owner: Shown<String>,
    /// The stage's id and that of its pipeline.
    pub(crate) stage: Shown<(String, Option<String>)>,
    /// The associations that the row shows, by the type at the other end.
    pub(crate) listed: Option<BTreeMap<String, Listed>>,
}

impl Table {
    /// Returns the table of one form of a kind.
    pub(crate) fn new(
        capability: ObjectCapability,
        mapping: &'static Mapping,
        normalizer: Normalizer,
        reading: Reading,
    ) -> Self {
        let suspended = Arc::clone(&capability.suspended);
        let rules = || mapping.rules.iter().filter(|rule| !suspended.contains(&rule.field));
        let plain = || rules().filter(|rule| !rule.wire.is_translated());
        let named = |wire: Wire| rules().find(|rule| rule.wire == wire).map(|rule| rule.remote);
        let (owner, stage) = (named(Wire::Owner), named(Wire::Stage));
        let asked = plain().map(|rule| rule.field).collect();
        let mut properties: Vec<_> = plain().map(|rule| rule.remote).collect();
        properties.extend(mapping.uid);
        properties.extend([owner, stage].into_iter().flatten());
        properties.push(MERGED);
        let relations = rules().filter_map(Relation::of).collect();
        let reading = Reading { mapping: Some(mapping), ..reading };
        let mut table = Self {
            capability,
            mapping,
            asked,
            properties,
            relations,
            owner,
            stage,
            reading,
            normalizer,
        };
        table.properties.push(table.modified());
        table
    }

    /// Returns the table of names and wire forms.
    pub(crate) fn mapping(&self) -> &'static Mapping {
        self.mapping
    }

    /// Returns the type of record, as paths spell it.
    pub(crate) fn name(&self) -> &'static str {
        self.mapping.remote
    }

    /// Returns the path of the records.
    pub(crate) fn path(&self) -> String {
        format!("/crm/objects/{API_VERSION}/{}", self.name())
    }

    /// Returns the name of an endpoint for counting.
    pub(crate) fn endpoint(&self, method: &str, rest: &str) -> String {
        format!("{method} /crm/objects/{}{rest}", self.name())
    }

    /// Returns the property that holds the time of the last change: contacts have their own.
    pub(crate) fn modified(&self) -> &'static str {
        if self.name() == "contacts" { "lastmodifieddate" } else { "hs_lastmodifieddate" }
    }

    /// Returns our id of a record: types of activity count each for themselves, so their ids name
    /// the type.
    pub(crate) fn id(&self, id: &str) -> RemoteId {
        match self.mapping.variant {
            None => id.into(),
            Some(_) => format!("{}/{id}", self.name()).into(),
        }
    }

    /// Returns HubSpot's own id of a record, if it is one of this type.
    pub(crate) fn bare<'i>(&self, id: &'i str) -> Option<&'i str> {
        match self.mapping.variant {
            None => Some(id),
            Some(_) => id.strip_prefix(self.name())?.strip_prefix('/'),
        }
    }

    /// Returns the record that a row shows.
    pub(crate) fn found(&self, object: &Object<'_>) -> Found {
        let row = &object.properties;
        let decoded = self.decode(row);
        if !decoded.unreadable.is_empty() {
            let fields = &decoded.unreadable;
            tracing::warn!(id = &*object.id, ?fields, "values could not be understood");
        }
        let version = self.version(object);
        let remote = Remote {
            kind: self.capability.kind,
            id: self.id(&object.id),
            modified_at: version.as_ref().and_then(|version| normal::instant(&version.0)),
            version,
            author: None,
            uid: self.mapping.uid.and_then(|name| row.text(name)).and_then(Uid::parse),
            aliases: row.text(MERGED).map(|list| self.split(list)).unwrap_or_default(),
            read: Arc::from([]),
            fields: Fields::new(),
        };
        let shown = |name: Option<&'static str>| match name.filter(|n| row.get(n).is_some()) {
            None => Shown::Absent,
            Some(name) => row.text(name).map_or(Shown::Blank, |text| Shown::Value(text.to_owned())),
        };
        let pipeline = || row.text("pipeline").map(str::to_owned);
        Found {
            remote,
            id: object.id.clone().into_owned(),
            decoded,
            owner: shown(self.owner),
            stage: match shown(self.stage) {
                Shown::Value(id) => Shown::Value((id, pipeline())),
                Shown::Blank => Shown::Blank,
                Shown::Absent => Shown::Absent,
            },
            listed: object.associations.clone(),
        }
    }

    /// Returns the version of a row: the time of its last change, as it is spelled.
    pub(crate) fn version(&self, object: &Object<'_>) -> Option<Version> {
        let property = object.properties.text(self.modified());
        property.or(object.updated_at.as_deref()).map(|text| Version(text.into()))
    }

    /// Returns what the echo of a write shows of our plain fields; it is not the whole record.
    pub(crate) fn echoed(&self, object: &Object<'_>) -> Fields {
        let mut fields = self.decode(&object.properties).fields;
        if let Some(form) = self.form() {
            fields.insert(Field::TYPE, form);
        }
        fields
    }

    /// Returns the members that a write of these values has, as far as they are plain.
    pub(crate) fn encode_fields(&self, fields: &Fields) -> Map<String, Json> {
        let mut members = mapping::encode_fields(self.mapping, &scaled(fields));
        self.complete(&mut members);
        members
    }

    /// Returns the members that a patch has, as far as they are plain.
    pub(crate) fn encode(&self, patch: &Patch) -> Map<String, Json> {
        let plain = patch.iter().map(|(field, value)| (field, value.map(|v| scale(field, v))));
        let mut members = mapping::encode(self.mapping, &plain.collect());
        self.complete(&mut members);
        members
    }

    /// Returns the value of `type` that all records of this table have.
    pub(crate) fn form(&self) -> Option<Value> {
        self.mapping.variant.map(|variant| Value::Choice(variant.into()))
    }

    fn decode(&self, row: &mapping::Row<'_>) -> Decoded {
        let mut decoded = mapping::decode(self.mapping, self.normalizer, row, &self.asked);
        if let Some(Value::Integer(ms)) = decoded.fields.get(Field::DURATION_S) {
            let seconds = Value::Integer(ms / MS_PER_S);
            decoded.fields.insert(Field::DURATION_S, seconds);
        }
        if decoded.fields.get(Field::PRIORITY).and_then(Value::as_str) == Some(NO_PRIORITY) {
            decoded.fields.set(Field::PRIORITY, None);
        }
        decoded
    }

    fn complete(&self, members: &mut Map<String, Json>) {
        for (name, value) in self.mapping.fixed {
            members.insert((*name).to_owned(), Json::String((*value).to_owned()));
        }
        let begins = members.get("hs_timestamp").filter(|_| self.name() == "meetings").cloned();
        if let Some(begins) = begins {
            members.insert(MEETING_START.to_owned(), begins);
        }
    }

    fn split(&self, list: &str) -> Vec<RemoteId> {
        let ids = list.split(';').map(str::trim).filter(|id| !id.is_empty());
        ids.map(|id| self.id(id)).collect()
    }
}

fn scaled(fields: &Fields) -> Fields {
    fields.iter().map(|(field, value)| (field, scale(field, value))).collect()
}

fn scale(field: Field, value: &Value) -> Value {
    match value {
        Value::Integer(seconds) if field == Field::DURATION_S => {
            Value::Integer(seconds.saturating_mul(MS_PER_S))
        }
        Value::Integer(_)
        | Value::Text(_)
        | Value::Decimal(_)
        | Value::Bool(_)
        | Value::Date(_)
        | Value::Instant(_)
        | Value::Choice(_)
        | Value::List(_)
        | Value::Ref(_) => value.clone(),
    }
}
