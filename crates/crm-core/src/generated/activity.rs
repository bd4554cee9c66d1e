//! `Activity`. Generated from `schema.toml` by `cargo xtask codegen`.
#![allow(clippy::pedantic, reason = "generated")]

use crate::{Field, FieldType, Fields, Normalizer, Object, ObjectKind, Ref, Value};
use jiff::Timestamp;

/// A task, call, meeting, note or e-mail.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Activity {
    /// Free text.
    pub description: Option<String>,
    /// Who looks after it: the user's e-mail address.
    pub owner: Option<String>,
    /// The company.
    pub company_ref: Option<Ref>,
    /// The people concerned.
    pub contacts: Option<Vec<Ref>>,
    /// What it is.
    pub kind: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// When it is due, begins, or happened.
    pub due_date: Option<Timestamp>,
    /// The deal.
    pub deal: Option<Ref>,
    /// When it ends.
    pub ends_at: Option<Timestamp>,
    /// How far a task is.
    pub progress: Option<String>,
    /// How urgent a task is.
    pub priority: Option<String>,
    /// How long it took, in seconds.
    pub duration_s: Option<i64>,
    /// Who called whom.
    pub call_direction: Option<String>,
    /// Where a meeting takes place.
    pub location: Option<String>,
}

impl Object for Activity {
    const KIND: ObjectKind = ObjectKind::Activity;

    fn from_fields(fields: &Fields) -> Self {
        let mut object = Self::default();
        for (field, value) in fields.iter() {
            match (field, value) {
                (Field::DESCRIPTION, Value::Text(text)) => {
                    object.description = Some(text.raw().to_owned())
                }
                (Field::OWNER, Value::Text(text)) => object.owner = Some(text.raw().to_owned()),
                (Field::COMPANY_REF, Value::Ref(to)) => object.company_ref = Some(to.clone()),
                (Field::CONTACTS, Value::List(values)) => {
                    object.contacts =
                        Some(values.iter().filter_map(Value::as_reference).cloned().collect())
                }
                (Field::TYPE, Value::Choice(name)) => object.kind = Some(name.to_string()),
                (Field::SUBJECT, Value::Text(text)) => object.subject = Some(text.raw().to_owned()),
                (Field::DUE_DATE, Value::Instant(value)) => object.due_date = Some(*value),
                (Field::DEAL, Value::Ref(to)) => object.deal = Some(to.clone()),
                (Field::ENDS_AT, Value::Instant(value)) => object.ends_at = Some(*value),
                (Field::PROGRESS, Value::Choice(name)) => object.progress = Some(name.to_string()),
                (Field::PRIORITY, Value::Choice(name)) => object.priority = Some(name.to_string()),
                (Field::DURATION_S, Value::Integer(value)) => object.duration_s = Some(*value),
                (Field::CALL_DIRECTION, Value::Choice(name)) => {
                    object.call_direction = Some(name.to_string())
                }
                (Field::LOCATION, Value::Text(text)) => {
                    object.location = Some(text.raw().to_owned())
                }
                _ => {}
            }
        }
        object
    }

    fn to_fields(&self, normalizer: Normalizer) -> Fields {
        let mut fields = Fields::with_capacity(14);
        fields.set(
            Field::DESCRIPTION,
            self.description.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::OWNER,
            self.owner.as_deref().and_then(|raw| normalizer.text(FieldType::Email, raw)),
        );
        fields.set(Field::COMPANY_REF, self.company_ref.clone().map(Value::Ref));
        fields.set(
            Field::CONTACTS,
            self.contacts.as_ref().map(|members| {
                let mut values: Vec<Value> = members.iter().cloned().map(Value::Ref).collect();
                values.sort();
                values.dedup();
                Value::List(values)
            }),
        );
        fields.set(Field::TYPE, self.kind.as_deref().map(|name| Value::Choice(name.into())));
        fields.set(
            Field::SUBJECT,
            self.subject.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(Field::DUE_DATE, self.due_date.map(Value::Instant));
        fields.set(Field::DEAL, self.deal.clone().map(Value::Ref));
        fields.set(Field::ENDS_AT, self.ends_at.map(Value::Instant));
        fields
            .set(Field::PROGRESS, self.progress.as_deref().map(|name| Value::Choice(name.into())));
        fields
            .set(Field::PRIORITY, self.priority.as_deref().map(|name| Value::Choice(name.into())));
        fields.set(Field::DURATION_S, self.duration_s.map(Value::Integer));
        fields.set(
            Field::CALL_DIRECTION,
            self.call_direction.as_deref().map(|name| Value::Choice(name.into())),
        );
        fields.set(
            Field::LOCATION,
            self.location.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields
    }
}
