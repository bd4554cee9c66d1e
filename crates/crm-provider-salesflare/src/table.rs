//! One kind of record at Salesflare: where it lives, and how a row is read.

use std::sync::Arc;

use crm_core::mapping::Decoded;
use crm_core::{
    Applied, ErrorKind, Field, Fields, Mapping, Metadata, Normalizer, ObjectCapability, ObjectKind,
    ProviderError, Ref, Remote, RemoteId, Result, Uid, Value, Version, Wire, mapping, normal,
};
use serde_json::Value as Json;

use crate::error::Reading;
use crate::wire::{Object, flatten, id_of, nested_id, split};

/// One kind of record, as a connection sees it at the moment.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) capability: ObjectCapability,
    pub(crate) mapping: &'static Mapping,
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) reading: Reading,
    /// The plain fields that are read, sorted.
    asked: Arc<[Field]>,
    normalizer: Normalizer,
}

impl Table {
    /// Returns the table of a kind.
    pub(crate) fn new(
        capability: ObjectCapability,
        mapping: &'static Mapping,
        metadata: Arc<Metadata>,
        normalizer: Normalizer,
        reading: Reading,
    ) -> Self {
        let suspended = Arc::clone(&capability.suspended);
        let plain = mapping.rules.iter().filter(|rule| !rule.wire.is_translated());
        let asked = plain.map(|rule| rule.field).filter(|field| !suspended.contains(field));
        let asked = asked.collect();
        Self { capability, mapping, metadata, reading, asked, normalizer }
    }

    /// Returns the kind.
    pub(crate) fn kind(&self) -> ObjectKind {
        self.capability.kind
    }

    /// Returns the path of the records.
    pub(crate) fn path(&self) -> String {
        format!("/{}", self.mapping.remote)
    }

    /// Returns the path of one record.
    pub(crate) fn path_of(&self, id: &str) -> String {
        format!("/{}/{id}", self.mapping.remote)
    }

    /// Returns the name of an endpoint for counting.
    pub(crate) fn endpoint(&self, method: &str, rest: &str) -> String {
        format!("{method} /{}{rest}", self.mapping.remote)
    }

    /// Returns whether one call makes several records.
    pub(crate) fn makes_several(&self) -> bool {
        self.capability.write_max.get() > 1
    }

    /// Returns whether the list takes several ids and shows all that a read of one shows.
    pub(crate) fn reads_several(&self) -> bool {
        self.capability.read_max.get() > 1
    }

    /// Returns the users whose records are asked for: a list of tasks shows those of the key's
    /// user alone, if nobody is named.
    pub(crate) fn assignees(&self) -> impl Iterator<Item = &str> {
        let named = self.kind() == ObjectKind::Activity;
        self.metadata.owners.iter().flatten().filter(move |_| named).map(|owner| &*owner.id)
    }

    /// Returns whether an id may be one of Salesflare's, which are numbers.
    pub(crate) fn is_id(id: &str) -> bool {
        !id.is_empty() && id.len() <= 18 && id.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Returns the rule of a field that takes part.
    pub(crate) fn takes(&self, field: Field) -> bool {
        !self.capability.suspended.contains(&field) && self.mapping.rule(field).is_some()
    }

    /// Returns the record that a row shows.
    pub(crate) fn remote(&self, object: &Object) -> Result<Remote> {
        let id = id_of(object).ok_or_else(|| unreadable("a row has no `id`"))?;
        let row = flatten(self.mapping, object);
        let mut decoded = mapping::decode(self.mapping, self.normalizer, &row, &self.asked);
        if !decoded.unreadable.is_empty() {
            let fields = &decoded.unreadable;
            tracing::warn!(id, ?fields, "values could not be understood");
        }
        self.note(object, &mut decoded);
        let stamp = object.get("modification_date").and_then(Json::as_str);
        Ok(Remote {
            kind: self.kind(),
            id: RemoteId::from(id.to_string()),
            version: stamp.map(|text| Version(text.into())),
            modified_at: stamp.and_then(normal::instant),
            author: None,
            uid: self.uid(object),
            aliases: Vec::new(),
            read: decoded.read,
            fields: decoded.fields,
        })
    }

    /// Returns our own unique value, if a row has one.
    pub(crate) fn uid(&self, object: &Object) -> Option<Uid> {
        match self.mapping.uid?.split_once('.') {
            Some((group, name)) => Uid::parse(object.get(group)?.get(name)?.as_str()?),
            None => split(object.get(self.mapping.uid?)?.as_str()?).1,
        }
    }

    /// Notes what the table alone cannot tell: whose it is, where it stands, whom it is about.
    fn note(&self, object: &Object, decoded: &mut Decoded) {
        for rule in self.mapping.rules.iter().filter(|rule| self.takes(rule.field)) {
            let held = object.get(rule.remote);
            match rule.wire {
                Wire::Variant => {
                    let form = self.mapping.variant.map(|form| Value::Choice(form.into()));
                    decoded.note(rule.field, form);
                }
                Wire::Owner => {
                    let Some(held) = held else { continue };
                    let user = held.get(0).unwrap_or(held);
                    let owner = user.get("email").and_then(Json::as_str).map(normal::email);
                    decoded.note(rule.field, owner.map(|email| Value::text(email.as_ref())));
                }
                Wire::Stage => {
                    let ours = held.and_then(nested_id).and_then(|id| {
                        let pipeline = object.get("pipeline").and_then(nested_id);
                        self.metadata.stage(pipeline.as_deref(), &id)?.ours.clone()
                    });
                    if let Some(ours) = ours {
                        decoded.note(rule.field, Some(Value::Choice(ours)));
                    }
                }
                Wire::Related => {
                    let Some(held) = held else { continue };
                    let refer = |id: String| {
                        let kind = rule.ty.refers_to()?;
                        Some(Value::List(vec![Value::Ref(Ref::Remote(kind, id.into()))]))
                    };
                    decoded.note(rule.field, nested_id(held).and_then(refer));
                }
                Wire::Text
                | Wire::Number
                | Wire::NumberText
                | Wire::Bool
                | Wire::BoolText
                | Wire::Date
                | Wire::Instant
                | Wire::Choice(_)
                | Wire::Day
                | Wire::Id => {}
            }
        }
    }
}

/// Returns the values of a record as a text that is equal only for equal values.
pub(crate) fn print(remote: &Remote) -> String {
    let fields: &Fields = &remote.fields;
    let stamp = remote.version.as_ref().map(|version| &*version.0);
    let uid = remote.uid.as_ref().map(Uid::as_str);
    format!("{stamp:?}{uid:?}{fields:?}")
}

/// Rows are only read, so nothing was applied.
pub(crate) fn unreadable(message: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Malformed { applied: Applied::No }, message)
}
