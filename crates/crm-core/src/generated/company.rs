//! `Company`. Generated from `schema.toml` by `cargo xtask codegen`.
#![allow(clippy::pedantic, reason = "generated")]

use crate::{Field, FieldType, Fields, Normalizer, Object, ObjectKind, Ref, Value};
use rust_decimal::Decimal;

/// A company, called account or organisation by some vendors.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Company {
    /// The company's name.
    pub name: Option<String>,
    /// Its web domain, without a scheme.
    pub domain: Option<String>,
    /// Its web address.
    pub website: Option<String>,
    /// Its phone number.
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
    /// Industry.
    pub industry: Option<String>,
    /// Number of people employed.
    pub employees: Option<i64>,
    /// Annual revenue.
    pub revenue: Option<Decimal>,
    /// Currency of the amounts (ISO 4217).
    pub currency: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// The company that it belongs to.
    pub parent: Option<Ref>,
    /// Who looks after it: the user's e-mail address.
    pub owner: Option<String>,
}

impl Object for Company {
    const KIND: ObjectKind = ObjectKind::Company;

    fn from_fields(fields: &Fields) -> Self {
        let mut object = Self::default();
        for (field, value) in fields.iter() {
            match (field, value) {
                (Field::NAME, Value::Text(text)) => object.name = Some(text.raw().to_owned()),
                (Field::DOMAIN, Value::Text(text)) => object.domain = Some(text.raw().to_owned()),
                (Field::WEBSITE, Value::Text(text)) => object.website = Some(text.raw().to_owned()),
                (Field::PHONE, Value::Text(text)) => object.phone = Some(text.raw().to_owned()),
                (Field::STREET, Value::Text(text)) => object.street = Some(text.raw().to_owned()),
                (Field::CITY, Value::Text(text)) => object.city = Some(text.raw().to_owned()),
                (Field::STATE, Value::Text(text)) => object.state = Some(text.raw().to_owned()),
                (Field::POSTAL_CODE, Value::Text(text)) => {
                    object.postal_code = Some(text.raw().to_owned())
                }
                (Field::COUNTRY, Value::Text(text)) => object.country = Some(text.raw().to_owned()),
                (Field::INDUSTRY, Value::Text(text)) => {
                    object.industry = Some(text.raw().to_owned())
                }
                (Field::EMPLOYEES, Value::Integer(value)) => object.employees = Some(*value),
                (Field::REVENUE, Value::Decimal(value)) => object.revenue = Some(*value),
                (Field::CURRENCY, Value::Text(text)) => {
                    object.currency = Some(text.raw().to_owned())
                }
                (Field::DESCRIPTION, Value::Text(text)) => {
                    object.description = Some(text.raw().to_owned())
                }
                (Field::PARENT, Value::Ref(to)) => object.parent = Some(to.clone()),
                (Field::OWNER, Value::Text(text)) => object.owner = Some(text.raw().to_owned()),
                _ => {}
            }
        }
        object
    }

    fn to_fields(&self, normalizer: Normalizer) -> Fields {
        let mut fields = Fields::with_capacity(16);
        fields.set(
            Field::NAME,
            self.name.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::DOMAIN,
            self.domain.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
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
            Field::INDUSTRY,
            self.industry.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(Field::EMPLOYEES, self.employees.map(Value::Integer));
        fields.set(Field::REVENUE, self.revenue.map(Value::Decimal));
        fields.set(
            Field::CURRENCY,
            self.currency.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(
            Field::DESCRIPTION,
            self.description.as_deref().and_then(|raw| normalizer.text(FieldType::Text, raw)),
        );
        fields.set(Field::PARENT, self.parent.clone().map(Value::Ref));
        fields.set(
            Field::OWNER,
            self.owner.as_deref().and_then(|raw| normalizer.text(FieldType::Email, raw)),
        );
        fields
    }
}
