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
    /// The person.
    pub contact: Option<Ref>,
    /// What it is.
    pub kind: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// When it is due.
    pub due_date: Option<Timestamp>,
    /// When it was done.
    pub completed_at: Option<Timestamp>,
    /// The deal.
    pub deal: Option<Ref>,
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
                (Field::CONTACT, Value::Ref(to)) => object.contact = Some(to.clone()),
                (Field::TYPE, Value::Choice(name)) => object.kind = Some(name.to_string()),
                (Field::SUBJECT, Value::Text(text)) => object.subject = Some(text.raw().to_owned()),
                (Field::DUE_DATE, Value::Instant(value)) => object.due_date = Some(*value),
                (Field::COMPLETED_AT, Value::Instant(value)) => object.completed_at = Some(*value),
                (Field::DEAL, Value::Ref(to)) => object.deal = Some(to.clone()),
                _ => {}
            }
        }
        object
    }

    fn to_fields(&self, normalizer: Normalizer) -> Fields {
        let mut fields = Fields::with_capacity(7);
        fields.set(
            Field::DESCRIPTION,
            self.description.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(Field::CONTACT, self.contact.clone().map(Value::Ref));
        fields.set(Field::TYPE, self.kind.as_deref().map(|name| Value::Choice(name.into())));
        fields.set(
            Field::SUBJECT,
            self.subject.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(Field::DUE_DATE, self.due_date.map(Value::Instant));
        fields.set(Field::COMPLETED_AT, self.completed_at.map(Value::Instant));
        fields.set(Field::DEAL, self.deal.clone().map(Value::Ref));
        fields
    }
}
