//! The two accounts of the demo, seen as their own users see them: through the fakes' records,
//! never through our store.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm::core::{Field, FieldRule, Normalizer, ObjectKind, SharedProvider, Value};
use crm_testkit::fake::{Bin, Fake, Fields, Refusal};

use crate::error::Failure;

const KIND: ObjectKind = ObjectKind::Contact;

/// One account: its fake, and how it names the fields that we map.
#[derive(Debug)]
pub(crate) struct AccountView {
    fake: Arc<dyn Fake>,
    kind: &'static str,
    rules: Vec<&'static FieldRule>,
}

/// A record: its id, and the values of the mapped fields; blanks are left out.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) values: BTreeMap<Field, Value>,
}

impl Seen {
    /// Returns what tells a person from others: the address, else the phone, else the names.
    pub(crate) fn person(&self) -> String {
        let key = |field| self.values.get(&field).map(key);
        let names = || {
            let names = [Field::FIRST_NAME, Field::LAST_NAME].into_iter().filter_map(key);
            names.collect::<Vec<_>>().join(" ")
        };
        key(Field::EMAIL).or_else(|| key(Field::PHONE)).unwrap_or_else(names)
    }
}

/// Returns what values are compared by. What a CRM shows is text throughout.
fn key(value: &Value) -> String {
    if let Value::Text(text) = value { text.key().to_owned() } else { value.display() }
}

impl AccountView {
    /// Looks at a fake through the table of the connection to it.
    pub(crate) fn new(fake: Arc<dyn Fake>, provider: &SharedProvider) -> Result<Self, Failure> {
        let capabilities = provider.capabilities();
        let object = capabilities.object(KIND);
        let object = object.ok_or_else(|| bug("a connection has no contacts"))?;
        // The demo names no fields, so those that must be named take no part.
        let usual = |rule: &&'static FieldRule| {
            crm::core::schema::spec(KIND, rule.field).is_some_and(|spec| !spec.opt_in)
                && !rule.wire.is_translated()
                && rule.ty.refers_to().is_none()
        };
        let rules = object.rules().filter(usual).collect();
        Ok(Self { fake, kind: object.mapping.remote, rules })
    }

    /// Returns all live contacts.
    pub(crate) fn contacts(&self) -> Result<Vec<Seen>, Failure> {
        let records = self.fake.records(self.kind, Bin::Live).map_err(|r| refused(&r))?;
        Ok(records.iter().map(|record| self.read(record)).collect())
    }

    fn read(&self, record: &serde_json::Value) -> Seen {
        let id = record.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
        let value = |rule: &&FieldRule| {
            let text = record.get("fields")?.get(rule.remote)?.as_str()?;
            Some((rule.field, Normalizer::default().text(rule.ty, text)?))
        };
        Seen { id: id.to_owned(), values: self.rules.iter().filter_map(value).collect() }
    }

    /// Changes one field as a user of the CRM would.
    pub(crate) fn edit(&self, id: &str, field: Field, text: &str) -> Result<(), Failure> {
        let rule = self.rules.iter().find(|rule| rule.field == field);
        let rule = rule.ok_or_else(|| bug("the demo edits a field that is not mapped"))?;
        let value = serde_json::Value::String(text.to_owned());
        let fields: Fields = [(rule.remote.to_owned(), value)].into_iter().collect();
        self.fake.patch(self.kind, id, &fields).map_err(|r| refused(&r))
    }

    fn maps(&self, field: Field) -> bool {
        self.rules.iter().any(|rule| rule.field == field)
    }
}

fn refused(refusal: &Refusal) -> Failure {
    bug(&format!("the fake refused: {refusal}"))
}

fn bug(what: &str) -> Failure {
    Failure::new(what, "this is a bug; please report it")
}

/// How two accounts compare.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// One line for each thing that differs.
    pub(crate) differences: Vec<String>,
    /// People without a last name, whom Salesforce does not take.
    pub(crate) nameless: usize,
}

/// Compares all people and every field that both accounts have, in normal form.
pub(crate) fn compare(left: &AccountView, right: &AccountView) -> Result<Comparison, Failure> {
    let mut comparison = Comparison::default();
    let here = people(&left.contacts()?, "the first side", &mut comparison);
    let there = people(&right.contacts()?, "the second side", &mut comparison);
    for (person, values) in &here {
        match there.get(person) {
            Some(other) => {
                let specs = crm::core::schema::fields(KIND);
                let both = specs.iter().map(|spec| spec.field);
                let both = both.filter(|field| left.maps(*field) && right.maps(*field));
                let apart = both.filter(|field| values.get(field) != other.get(field));
                let apart = apart.map(|field| format!("{person}: {field} differs"));
                comparison.differences.extend(apart);
            }
            None if !values.contains_key(&Field::LAST_NAME) => comparison.nameless += 1,
            None => comparison.differences.push(format!("{person} is missing on the second side")),
        }
    }
    let missing = there.keys().filter(|person| !here.contains_key(*person));
    let missing = missing.map(|person| format!("{person} is missing on the first side"));
    comparison.differences.extend(missing);
    Ok(comparison)
}

type People = BTreeMap<String, BTreeMap<Field, Value>>;

fn people(seen: &[Seen], side: &str, comparison: &mut Comparison) -> People {
    let mut people = People::new();
    for record in seen {
        let person = record.person();
        if people.insert(person.clone(), record.values.clone()).is_some() {
            comparison.differences.push(format!("{person} is there twice on {side}"));
        }
    }
    people
}
