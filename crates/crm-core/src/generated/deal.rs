//! `Deal`. Generated from `schema.toml` by `cargo xtask codegen`.
#![allow(clippy::pedantic, reason = "generated")]

use crate::{Field, FieldType, Fields, Normalizer, Object, ObjectKind, Ref, Value};
use jiff::civil::Date;
use rust_decimal::Decimal;

/// A deal, called opportunity by some vendors.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Deal {
    /// Currency of the amounts (ISO 4217).
    pub currency: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Who looks after it: the user's e-mail address.
    pub owner: Option<String>,
    /// What the deal is about.
    pub title: Option<String>,
    /// What it is worth, in `currency`.
    pub value: Option<Decimal>,
    /// How far it is.
    pub stage: Option<String>,
    /// The pipeline that the stage belongs to.
    pub pipeline: Option<String>,
    /// The day on which it should be closed.
    pub expected_close_date: Option<Date>,
    /// The company.
    pub company_ref: Option<Ref>,
    /// The people concerned.
    pub contacts: Option<Vec<Ref>>,
}

impl Object for Deal {
    const KIND: ObjectKind = ObjectKind::Deal;

    fn from_fields(fields: &Fields) -> Self {
        let mut object = Self::default();
        for (field, value) in fields.iter() {
            match (field, value) {
                (Field::CURRENCY, Value::Text(text)) => {
                    object.currency = Some(text.raw().to_owned())
                }
                (Field::DESCRIPTION, Value::Text(text)) => {
                    object.description = Some(text.raw().to_owned())
                }
                (Field::OWNER, Value::Text(text)) => object.owner = Some(text.raw().to_owned()),
                (Field::TITLE, Value::Text(text)) => object.title = Some(text.raw().to_owned()),
                (Field::VALUE, Value::Decimal(value)) => object.value = Some(*value),
                (Field::STAGE, Value::Choice(name)) => object.stage = Some(name.to_string()),
                (Field::PIPELINE, Value::Text(text)) => {
                    object.pipeline = Some(text.raw().to_owned())
                }
                (Field::EXPECTED_CLOSE_DATE, Value::Date(value)) => {
                    object.expected_close_date = Some(*value)
                }
                (Field::COMPANY_REF, Value::Ref(to)) => object.company_ref = Some(to.clone()),
                (Field::CONTACTS, Value::List(values)) => {
                    object.contacts =
                        Some(values.iter().filter_map(Value::as_reference).cloned().collect())
                }
                _ => {}
            }
        }
        object
    }

    fn to_fields(&self, normalizer: Normalizer) -> Fields {
        let mut fields = Fields::with_capacity(10);
        fields.set(
            Field::CURRENCY,
            self.currency.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::DESCRIPTION,
            self.description.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::OWNER,
            self.owner.as_deref().and_then(|raw| normalizer.text(FieldType::Email, raw)),
        );
        fields.set(
            Field::TITLE,
            self.title.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(Field::VALUE, self.value.map(Value::Decimal));
        fields.set(Field::STAGE, self.stage.as_deref().map(|name| Value::Choice(name.into())));
        fields.set(
            Field::PIPELINE,
            self.pipeline.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(Field::EXPECTED_CLOSE_DATE, self.expected_close_date.map(Value::Date));
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
        fields
    }
}
