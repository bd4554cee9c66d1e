//! What a person does inside the CRM, and what the control interface shows.

use serde_json::{Map, Value, json};

use super::HubSpot;
use super::fail::Fail;
use super::kind::Kind;
use super::time::iso;
use crate::fake::{Bin, Fields, Refusal, Touch};
use crate::people::Person;
use crate::world::{Columns, Record, Source, State, World};

/// Returns the type of a name.
pub(super) fn kind(name: &str) -> Result<&'static Kind, Refusal> {
    Kind::named(name).ok_or_else(|| Refusal::missing(format!("hubspot has no kind {name:?}")))
}

/// Returns a vendor's refusal as the control interface words it.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
pub(super) fn refusal(fail: Fail) -> Refusal {
    let message = fail.body.get("message").and_then(Value::as_str).unwrap_or("refused");
    Refusal { status: fail.status, message: message.to_owned() }
}

/// Lists records.
pub(super) fn records(world: &World, name: &str, bin: Bin) -> Result<Vec<Value>, Refusal> {
    let kind = kind(name)?;
    let Some(table) = world.table(kind.plural) else {
        return Ok(Vec::new());
    };
    let row = |record: &Record| shown(table.columns(), record);
    Ok(match bin {
        Bin::Live => table.live_after(0).map(row).collect(),
        Bin::Archived => table.archived_after(0).map(row).collect(),
    })
}

/// Shows one record.
pub(super) fn record(world: &World, name: &str, id: &str) -> Result<Value, Refusal> {
    let kind = kind(name)?;
    let table = world.table(kind.plural);
    let found = table.and_then(|table| Some((table, table.get(id.parse().ok()?)?)));
    let found = found.filter(|(_, record)| !matches!(record.state(), State::Merged { .. }));
    let (table, record) = found.ok_or_else(|| absent(kind, id))?;
    Ok(shown(table.columns(), record))
}

/// Moves a record to the recycle bin.
pub(super) fn delete(world: &mut World, name: &str, id: &str) -> Result<(), Refusal> {
    let kind = kind(name)?;
    let stamp = world.stamp(Source::User);
    let table = world.table_mut(kind.plural);
    let gone = id.parse().is_ok_and(|key| table.archive(key, &stamp));
    if gone { Ok(()) } else { Err(absent(kind, id)) }
}

/// Returns a person's values by property name.
pub(super) fn person(person: &Person) -> Fields {
    let pairs = [
        ("firstname", &person.first_name),
        ("lastname", &person.last_name),
        ("email", &person.email),
        ("phone", &person.phone),
        ("company", &person.company),
        ("jobtitle", &person.job_title),
        ("address", &person.street),
        ("city", &person.city),
        ("state", &person.region),
        ("zip", &person.postal_code),
        ("country", &person.country),
    ];
    let held = pairs.into_iter().filter(|pair| !pair.1.is_empty());
    held.map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

impl HubSpot {
    /// Changes a record as a user would.
    pub(super) fn user_patch(
        &mut self,
        world: &mut World,
        name: &str,
        id: &str,
        fields: &Fields,
    ) -> Result<(), Refusal> {
        let kind = kind(name)?;
        let table = world.table_mut(kind.plural);
        let key = id.parse().ok().filter(|key| table.live(*key).is_some());
        let key = key.ok_or_else(|| absent(kind, id))?;
        let written = self.check(kind, &clearing(fields)).map_err(refusal)?;
        self.update(world, kind, key, &written, Source::User).map_err(refusal)
    }

    /// Changes many records at once, as a workflow or an import would.
    pub(super) fn user_touch(&mut self, world: &mut World, touch: &Touch) -> Result<u64, Refusal> {
        let kind = kind(&touch.kind)?;
        let table = world.table_mut(kind.plural);
        let keys: Vec<u64> = match &touch.ids {
            None => table.live_after(0).map(Record::key).collect(),
            Some(ids) => {
                let key = |id: &String| id.parse().ok().filter(|key| table.live(*key).is_some());
                ids.iter()
                    .map(|id| key(id).ok_or_else(|| absent(kind, id)))
                    .collect::<Result<_, _>>()?
            }
        };
        let written = self.check(kind, &clearing(&touch.fields)).map_err(refusal)?;
        let mut count = 0;
        for key in keys {
            if !written.is_empty() {
                self.update(world, kind, key, &written, Source::User).map_err(refusal)?;
            }
            let at_ms = touch.at_ms.unwrap_or_else(|| world.now_ms());
            world.table_mut(kind.plural).touch(key, at_ms);
            count += 1;
        }
        Ok(count)
    }
}

/// A user's null means an empty field.
fn clearing(fields: &Fields) -> Map<String, Value> {
    let cleared = |value: &Value| {
        if value.is_null() { json!("") } else { value.clone() }
    };
    fields.iter().map(|(name, value)| (name.clone(), cleared(value))).collect()
}

fn shown(columns: &Columns, record: &Record) -> Value {
    let values = record.row().iter();
    let fields: Map<String, Value> =
        values.map(|(column, value)| (columns.name(column).to_owned(), json!(value))).collect();
    json!({
        "id": record.key().to_string(),
        "modified": iso(record.modified_ms()),
        "archived": matches!(record.state(), State::Archived { .. }),
        "fields": fields,
    })
}

fn absent(kind: &Kind, id: &str) -> Refusal {
    Refusal::missing(format!("hubspot has no {} {id:?}", kind.singular))
}
