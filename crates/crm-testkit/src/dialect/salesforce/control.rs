//! The org from inside: what its users do, and the sandbox's levers.

use serde_json::{Map, Value, json};

use super::describe::{Catalog, Kind};
use super::desk::stage;
use super::desk::{Desk, Journal, Saving};
use super::problem::Problem;
use super::render;
use super::schema::{Found, Users};
use super::text::moment_ms;
use super::{DuplicateRule, Purged, Salesforce, SalesforceOptions, ids};
use crate::fake::{Bin, Fields, Refusal, Touch};
use crate::people::Person;
use crate::world::{Changes, Source, State, World};

/// What Setup lists besides records: further users, by name and whether they are active.
const COLLEAGUES: &[(&str, &str, &str)] = &[("Ravi", "Moss", "true"), ("Ines", "Holt", "false")];

/// Makes the org, its users, stages and currencies; returns the ids of the org and of the two
/// users who do something.
pub(super) fn settle(
    catalog: &Catalog,
    options: &SalesforceOptions,
    world: &mut World,
) -> (String, Users) {
    world.start_keys_at(options.last_key);
    let organization = [
        ("Name", "Example Org"),
        ("Country", "GB"),
        ("OrganizationType", "Developer Edition"),
        ("InstanceName", "FAKE1"),
        ("TimeZoneSidKey", "Europe/London"),
    ];
    let org_id = seed(catalog, world, "Organization", &organization);
    let user = |first, last, name, alias| {
        [
            ("FirstName", first),
            ("LastName", last),
            ("Name", name),
            ("Alias", alias),
            ("IsActive", "true"),
            ("UserType", "Standard"),
            ("TimeZoneSidKey", "Europe/London"),
            ("LocaleSidKey", "en_GB"),
            ("LanguageLocaleKey", "en_US"),
        ]
    };
    let mut integration = user("Sync", "Integration", "Sync Integration", "sync").to_vec();
    integration.extend([("Username", options.username.as_str()), ("Email", &options.username)]);
    let mut person = user("Petra", "Vale", "Petra Vale", "pvale").to_vec();
    person.extend([("Username", "petra@org.example"), ("Email", "petra@org.example")]);
    let users = Users {
        integration: seed(catalog, world, "User", &integration),
        person: seed(catalog, world, "User", &person),
    };
    setup(catalog, options, world);
    let permissions = [("Name", "Sync"), ("Label", "Sync"), ("IsCustom", "true")];
    seed(catalog, world, "PermissionSet", &permissions);
    let profile = [("Name", "Profile"), ("Label", "Profile"), ("IsOwnedByProfile", "true")];
    let profile = seed(catalog, world, "PermissionSet", &profile);
    let assigned =
        [("PermissionSetId", profile.as_str()), ("AssigneeId", users.integration.as_str())];
    seed(catalog, world, "PermissionSetAssignment", &assigned);
    (org_id, users)
}

fn setup(catalog: &Catalog, options: &SalesforceOptions, world: &mut World) {
    for (first, last, active) in COLLEAGUES {
        let email = format!("{}@org.example", first.to_lowercase());
        let name = format!("{first} {last}");
        let colleague = [
            ("FirstName", *first),
            ("LastName", *last),
            ("Name", &name),
            ("Email", &email),
            ("Username", &email),
            ("IsActive", *active),
            ("UserType", "Standard"),
        ];
        seed(catalog, world, "User", &colleague);
    }
    for row in (0..stage::USUAL.len()).filter_map(stage::usual_row) {
        let values: Vec<(&str, &str)> = row.iter().map(|(name, text)| (*name, &**text)).collect();
        seed(catalog, world, stage::KIND, &values);
    }
    for (place, code) in options.currencies.iter().enumerate() {
        let corporate = if place == 0 { "true" } else { "false" };
        let values = [
            ("IsoCode", code.as_str()),
            ("ConversionRate", "1.0"),
            ("DecimalPlaces", "2"),
            ("IsActive", "true"),
            ("IsCorporate", corporate),
        ];
        seed(catalog, world, "CurrencyType", &values);
    }
}

fn seed(catalog: &Catalog, world: &mut World, kind: &str, values: &[(&str, &str)]) -> String {
    let Some(kind) = catalog.kind(kind) else {
        return String::new();
    };
    let key = world.next_key();
    let id = ids::long(kind.prefix, key);
    let own = [("Id", id.as_str())];
    let changes: Changes = values
        .iter()
        .chain(&own)
        .filter_map(|(name, value)| Some((kind.field(name)?.column, Some((*value).to_owned()))))
        .collect();
    let stamp = world.stamp(Source::User);
    world.table_mut(kind.name).insert(key, &changes, &stamp);
    id
}

impl Salesforce {
    /// Brings a record back from the recycle bin, as a user would.
    pub fn undelete(&mut self, world: &mut World, kind: &str, id: &str) -> Result<(), Refusal> {
        self.control_write(world, kind, |desk, kind| {
            desk.undelete(kind, id).map(|()| id.to_owned())
        })
        .map(drop)
    }

    /// Empties the recycle bin: its records vanish from every query, not from the log.
    pub fn empty_bin(&mut self, world: &mut World, kind: &str) -> Result<u64, Refusal> {
        let kind = self.known(kind)?;
        let (name, prefix) = (kind.name, kind.prefix);
        let table = world.table_mut(name);
        let binned = table.all().filter_map(|record| match record.state() {
            State::Live => None,
            State::Archived { at_ms } | State::Merged { at_ms, .. } => Some((record.key(), at_ms)),
        });
        let binned: Vec<(u64, i64)> = binned.collect();
        let count = binned.iter().filter(|(key, _)| table.purge(*key)).count();
        let purged = binned.into_iter();
        self.purged.extend(purged.map(|(key, at_ms)| Purged {
            kind: name,
            id: ids::long(prefix, key),
            at_ms,
        }));
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    pub(super) fn control_write<R>(
        &mut self,
        world: &mut World,
        kind: &str,
        act: impl for<'d> FnOnce(&mut Desk<'d>, &'d Kind) -> Result<R, Problem>,
    ) -> Result<R, Refusal> {
        let kind = self.known(kind)?.name;
        let mut journal = Journal::default();
        let mut desk = Desk {
            catalog: &self.catalog,
            world,
            users: &self.users,
            // A person sees the rule's warning and may save all the same.
            rule: DuplicateRule::Off,
            saving: Saving::Allowed,
            source: Source::User,
            journal: &mut journal,
        };
        let mark = desk.journal.mark();
        let done = desk.kind(kind).and_then(|kind| act(&mut desk, kind));
        done.map_err(|problem| {
            desk.roll_back(mark);
            refusal(&problem)
        })
    }

    /// Lets the picklist of deals offer what Setup lists as active.
    pub(super) fn settle_stages(&mut self, world: &World, kind: &str) {
        if let (stage::KIND, Some(table)) = (kind, world.table(stage::KIND)) {
            self.catalog.offer("Opportunity", "StageName", &stage::active(table), None);
        }
    }

    fn known(&self, kind: &str) -> Result<&Kind, Refusal> {
        let unknown = || Refusal::missing(format!("there is no object type {kind}"));
        self.catalog.kind(kind).ok_or_else(unknown)
    }

    pub(super) fn control_records(
        &self,
        world: &World,
        kind: &str,
        bin: Bin,
    ) -> Result<Vec<Value>, Refusal> {
        let kind = self.known(kind)?;
        let records = self.view(world).records(kind);
        let wanted = records.filter(|found| found.is_deleted() == (bin == Bin::Archived));
        Ok(wanted.map(|found| self.control_row(found)).collect())
    }

    pub(super) fn control_record(
        &self,
        world: &World,
        kind: &str,
        id: &str,
    ) -> Result<Value, Refusal> {
        let kind = self.known(kind)?;
        let found = ids::lengthened(id).and_then(|id| self.view(world).record(kind, &id));
        let unknown = || Refusal::missing(format!("there is no {} {id}", kind.name));
        Ok(self.control_row(found.ok_or_else(unknown)?))
    }

    fn control_row(&self, found: Found<'_>) -> Value {
        let fields: Map<String, Value> = found
            .kind
            .fields
            .iter()
            .map(|field| (field.name.clone(), render::value(&self.users, found, field)))
            .filter(|(_, value)| !value.is_null())
            .collect();
        json!({
            "id": found.id(),
            "modified": moment_ms(found.record.modified_ms()),
            "archived": found.is_deleted(),
            "fields": fields,
        })
    }

    pub(super) fn control_touch(
        &mut self,
        world: &mut World,
        touch: &Touch,
    ) -> Result<u64, Refusal> {
        let kind = self.known(&touch.kind)?;
        let (name, prefix) = (kind.name, kind.prefix);
        let live = world.table(name).into_iter().flat_map(|table| table.live_after(0));
        let ids: Vec<String> = touch.ids.as_ref().map_or_else(
            || live.map(|record| ids::long(prefix, record.key())).collect(),
            |ids| ids.iter().filter_map(|id| ids::lengthened(id)).collect(),
        );
        let mut count = 0;
        for id in ids {
            self.control_write(world, name, |desk, kind| desk.update(kind, &id, &touch.fields))?;
            if let (Some(at_ms), Some(key)) = (touch.at_ms, ids::key(&id)) {
                world.table_mut(name).touch(key, at_ms - at_ms.rem_euclid(1_000));
            }
            count += 1;
        }
        Ok(count)
    }

    pub(super) fn control_person(&self, person: &Person) -> Fields {
        // The org refuses a contact without a last name; its users then put the first name there.
        let (first, last) = if person.last_name.trim().is_empty() {
            ("", person.first_name.as_str())
        } else {
            (person.first_name.as_str(), person.last_name.as_str())
        };
        let last = if last.trim().is_empty() { person.email.as_str() } else { last };
        let values = [
            ("FirstName", first),
            ("LastName", last),
            ("Email", &person.email),
            ("Phone", &person.phone),
            ("Title", &person.job_title),
            ("MailingStreet", &person.street),
            ("MailingCity", &person.city),
            ("MailingState", &person.region),
            ("MailingPostalCode", &person.postal_code),
            ("MailingCountry", &person.country),
            ("Company_Text__c", &person.company),
        ];
        let contact = self.catalog.kind("Contact");
        values
            .iter()
            .filter(|(name, value)| {
                let exists = contact.is_some_and(|kind| kind.field(name).is_some());
                exists && !value.is_empty()
            })
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect()
    }
}

fn refusal(problem: &Problem) -> Refusal {
    let message = format!("{}: {}", problem.code, problem.message);
    match problem.code {
        "NOT_FOUND" | "ENTITY_IS_DELETED" | "INVALID_CROSS_REFERENCE_KEY" => {
            Refusal::missing(message)
        }
        "DUPLICATE_VALUE" => Refusal::conflict(message),
        _ => Refusal::invalid(message),
    }
}
