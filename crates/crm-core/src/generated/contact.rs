//! `Contact`. Generated from `schema.toml` by `cargo xtask codegen`.
#![allow(clippy::pedantic, reason = "generated")]

use crate::{Field, FieldType, Fields, Normalizer, Object, ObjectKind, Ref, Value};

/// A person.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Contact {
    /// Web address.
    pub website: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// Street and house number.
    pub street: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State, county or province.
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country, as the CRM spells it.
    pub country: Option<String>,
    /// Who looks after it: the user's e-mail address.
    pub owner: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Mobile phone number.
    pub mobile_phone: Option<String>,
    /// Name of the company, as text.
    pub company: Option<String>,
    /// What the person does there.
    pub job_title: Option<String>,
    /// Where the person stands (prospect, customer).
    pub status: Option<String>,
    /// Where the person came from.
    pub source: Option<String>,
    /// The company, as a record of its own.
    pub company_ref: Option<Ref>,
}

impl Object for Contact {
    const KIND: ObjectKind = ObjectKind::Contact;

    fn from_fields(fields: &Fields) -> Self {
        let mut object = Self::default();
        for (field, value) in fields.iter() {
            match (field, value) {
                (Field::WEBSITE, Value::Text(text)) => object.website = Some(text.raw().to_owned()),
                (Field::PHONE, Value::Text(text)) => object.phone = Some(text.raw().to_owned()),
                (Field::STREET, Value::Text(text)) => object.street = Some(text.raw().to_owned()),
                (Field::CITY, Value::Text(text)) => object.city = Some(text.raw().to_owned()),
                (Field::STATE, Value::Text(text)) => object.state = Some(text.raw().to_owned()),
                (Field::POSTAL_CODE, Value::Text(text)) => {
                    object.postal_code = Some(text.raw().to_owned())
                }
                (Field::COUNTRY, Value::Text(text)) => object.country = Some(text.raw().to_owned()),
                (Field::OWNER, Value::Text(text)) => object.owner = Some(text.raw().to_owned()),
                (Field::FIRST_NAME, Value::Text(text)) => {
                    object.first_name = Some(text.raw().to_owned())
                }
                (Field::LAST_NAME, Value::Text(text)) => {
                    object.last_name = Some(text.raw().to_owned())
                }
                (Field::EMAIL, Value::Text(text)) => object.email = Some(text.raw().to_owned()),
                (Field::MOBILE_PHONE, Value::Text(text)) => {
                    object.mobile_phone = Some(text.raw().to_owned())
                }
                (Field::COMPANY, Value::Text(text)) => object.company = Some(text.raw().to_owned()),
                (Field::JOB_TITLE, Value::Text(text)) => {
                    object.job_title = Some(text.raw().to_owned())
                }
                (Field::STATUS, Value::Text(text)) => object.status = Some(text.raw().to_owned()),
                (Field::SOURCE, Value::Text(text)) => object.source = Some(text.raw().to_owned()),
                (Field::COMPANY_REF, Value::Ref(to)) => object.company_ref = Some(to.clone()),
                _ => {}
            }
        }
        object
    }

    fn to_fields(&self, normalizer: Normalizer) -> Fields {
        let mut fields = Fields::with_capacity(17);
        fields.set(
            Field::WEBSITE,
            self.website.as_deref().and_then(|raw| normalizer.text(FieldType::Url, raw)),
        );
        fields.set(
            Field::PHONE,
            self.phone.as_deref().and_then(|raw| normalizer.text(FieldType::Phone, raw)),
        );
        fields.set(
            Field::STREET,
            self.street.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::CITY,
            self.city.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::STATE,
            self.state.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::POSTAL_CODE,
            self.postal_code.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::COUNTRY,
            self.country.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::OWNER,
            self.owner.as_deref().and_then(|raw| normalizer.text(FieldType::Email, raw)),
        );
        fields.set(
            Field::FIRST_NAME,
            self.first_name.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::LAST_NAME,
            self.last_name.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::EMAIL,
            self.email.as_deref().and_then(|raw| normalizer.text(FieldType::Email, raw)),
        );
        fields.set(
            Field::MOBILE_PHONE,
            self.mobile_phone.as_deref().and_then(|raw| normalizer.text(FieldType::Phone, raw)),
        );
        fields.set(
            Field::COMPANY,
            self.company.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::JOB_TITLE,
            self.job_title.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::STATUS,
            self.status.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::SOURCE,
            self.source.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(Field::COMPANY_REF, self.company_ref.clone().map(Value::Ref));
        fields
    }
}
