//! The two accounts of the demo, seen as their own users see them: through the fakes' records,
//! never through our store.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm::core::{
    Field, FieldRule, FieldType, Normalizer, ObjectKind, SharedProvider, Value, normal,
};
use crm_testkit::fake::{Bin, Fake, Fields, Refusal};

use crate::error::Failure;

/// The kinds that have one sort of record on both sides.
const KINDS: [ObjectKind; 3] = [ObjectKind::Company, ObjectKind::Contact, ObjectKind::Deal];
/// What activities are called on either side; notes have no place in Salesforce.
const ACTIVITIES: [&str; 6] = ["tasks", "calls", "meetings", "emails", "Task", "Event"];

/// One account: its fake, and how it names the fields that we map.
#[derive(Debug)]
pub(crate) struct AccountView {
    fake: Arc<dyn Fake>,
    tables: Vec<TableView>,
}

/// The records of one kind.
#[derive(Debug)]
struct TableView {
    of: ObjectKind,
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
        self.known_by(ObjectKind::Contact)
    }

    /// Returns what people know a record by.
    fn known_by(&self, kind: ObjectKind) -> String {
        let key = |field| self.values.get(&field).map(key);
        let names = |fields: &[Field]| {
            let names = fields.iter().filter_map(|field| key(*field));
            names.collect::<Vec<_>>().join(" ")
        };
        match kind {
            ObjectKind::Contact => key(Field::EMAIL)
                .or_else(|| key(Field::PHONE))
                .unwrap_or_else(|| names(&[Field::FIRST_NAME, Field::LAST_NAME])),
            ObjectKind::Company => key(Field::WEBSITE).unwrap_or_else(|| names(&[Field::NAME])),
            ObjectKind::Deal => names(&[Field::TITLE]),
            ObjectKind::Activity => names(&[Field::SUBJECT]),
        }
    }
}

/// Returns what values are compared by. What a CRM shows is text throughout.
fn key(value: &Value) -> String {
    if let Value::Text(text) = value { text.key().to_owned() } else { value.display() }
}

impl AccountView {
    /// Looks at a fake through the tables of the connection to it.
    pub(crate) fn new(fake: Arc<dyn Fake>, provider: &SharedProvider) -> Result<Self, Failure> {
        let capabilities = provider.capabilities();
        let table = |of: ObjectKind| {
            let object = capabilities.object(of);
            let object = object.ok_or_else(|| bug("a connection lacks a kind"))?;
            // The demo names no fields, so those that must be named take no part.
            let usual = |rule: &&'static FieldRule| {
                crm::core::schema::spec(of, rule.field).is_some_and(|spec| !spec.opt_in)
                    && !rule.wire.is_translated()
                    && rule.ty.refers_to().is_none()
            };
            let rules = object.rules().filter(usual).collect();
            Ok(TableView { of, kind: object.mapping.remote, rules })
        };
        let tables = KINDS.into_iter().map(table).collect::<Result<_, Failure>>()?;
        Ok(Self { fake, tables })
    }

    fn table(&self, of: ObjectKind) -> Result<&TableView, Failure> {
        let table = self.tables.iter().find(|table| table.of == of);
        table.ok_or_else(|| bug("the demo looks at a kind that it does not know"))
    }

    fn live(&self, kind: &str) -> Result<Vec<serde_json::Value>, Failure> {
        self.fake.records(kind, Bin::Live).map_err(|r| refused(&r))
    }

    fn records(&self, of: ObjectKind) -> Result<Vec<Seen>, Failure> {
        let table = self.table(of)?;
        Ok(self.live(table.kind)?.iter().map(|record| table.read(record)).collect())
    }

    /// Returns all live contacts.
    pub(crate) fn contacts(&self) -> Result<Vec<Seen>, Failure> {
        self.records(ObjectKind::Contact)
    }

    /// Counts the activities of which both sides have the sort.
    fn activities(&self) -> Result<usize, Failure> {
        let kinds = self.fake.kinds();
        let kinds = ACTIVITIES.into_iter().filter(|kind| kinds.iter().any(|known| known == kind));
        let counts = kinds.map(|kind| Ok(self.live(kind)?.len()));
        counts.sum()
    }

    /// Changes one field of a contact as a user of the CRM would.
    pub(crate) fn edit(&self, id: &str, field: Field, text: &str) -> Result<(), Failure> {
        let table = self.table(ObjectKind::Contact)?;
        let rule = table.rules.iter().find(|rule| rule.field == field);
        let rule = rule.ok_or_else(|| bug("the demo edits a field that is not mapped"))?;
        let value = serde_json::Value::String(text.to_owned());
        let fields: Fields = [(rule.remote.to_owned(), value)].into_iter().collect();
        self.fake.patch(table.kind, id, &fields).map_err(|r| refused(&r))
    }
}

impl TableView {
    fn read(&self, record: &serde_json::Value) -> Seen {
        let id = record.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
        let value = |rule: &&FieldRule| {
            let cell = record.get("fields")?.get(rule.remote)?;
            // One vendor shows numbers as such, the other as texts.
            let text = cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
            let value = match rule.ty {
                FieldType::Integer | FieldType::Decimal | FieldType::Money => {
                    normal::decimal(&text).map(Value::Decimal)
                }
                FieldType::Date => normal::date(text.get(..10)?).map(Value::Date),
                FieldType::Text
                | FieldType::Email
                | FieldType::Phone
                | FieldType::Url
                | FieldType::Bool
                | FieldType::Instant
                | FieldType::Choice(_)
                | FieldType::List
                | FieldType::Reference(_)
                | FieldType::References(_) => Normalizer::default().text(rule.ty, &text),
            };
            Some((rule.field, value?))
        };
        Seen { id: id.to_owned(), values: self.rules.iter().filter_map(value).collect() }
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

/// Compares everybody and everything, every field that both accounts have, in normal form, and
/// counts activities.
pub(crate) fn compare(left: &AccountView, right: &AccountView) -> Result<Comparison, Failure> {
    let mut comparison = Comparison::default();
    for kind in KINDS {
        compare_kind(kind, left, right, &mut comparison)?;
    }
    let (here, there) = (left.activities()?, right.activities()?);
    if here != there {
        comparison.differences.push(format!("{here} activities on one side, {there} on the other"));
    }
    Ok(comparison)
}

fn compare_kind(
    kind: ObjectKind,
    left: &AccountView,
    right: &AccountView,
    comparison: &mut Comparison,
) -> Result<(), Failure> {
    let here = known(kind, &left.records(kind)?, "the first side", comparison);
    let there = known(kind, &right.records(kind)?, "the second side", comparison);
    let (left, right) = (left.table(kind)?, right.table(kind)?);
    for (name, values) in &here {
        match there.get(name) {
            Some(other) => {
                let specs = crm::core::schema::fields(kind);
                let both = specs.iter().map(|spec| spec.field);
                let both = both.filter(|field| left.maps(*field) && right.maps(*field));
                let apart = both.filter(|field| values.get(field) != other.get(field));
                let apart = apart.map(|field| format!("{name}: {field} differs"));
                comparison.differences.extend(apart);
            }
            None if kind == ObjectKind::Contact && !values.contains_key(&Field::LAST_NAME) => {
                comparison.nameless += 1;
            }
            None => comparison.differences.push(format!("{name} is missing on the second side")),
        }
    }
    let missing = there.keys().filter(|name| !here.contains_key(*name));
    let missing = missing.map(|name| format!("{name} is missing on the first side"));
    comparison.differences.extend(missing);
    Ok(())
}

type Known = BTreeMap<String, BTreeMap<Field, Value>>;

fn known(kind: ObjectKind, seen: &[Seen], side: &str, comparison: &mut Comparison) -> Known {
    let mut known = Known::new();
    for record in seen {
        let name = record.known_by(kind);
        if known.insert(name.clone(), record.values.clone()).is_some() {
            comparison.differences.push(format!("{name} is there twice on {side}"));
        }
    }
    known
}
