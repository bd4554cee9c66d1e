//! The modules of an org and their fields.

mod people;
mod work;

use crate::world::{Column, World};

/// Our unique field, which a prepared org has.
pub(super) const UID: &str = "Crm_Sync_Uid";
/// The company of a contact as text, which a prepared org has.
pub(super) const COMPANY: &str = "Company_Text";
/// The module of the record that `What_Id` or `Parent_Id` names.
pub(super) const SE_MODULE: &str = "$se_module";
/// The picklist of a new deal's stage: actual value, label, probability, type.
pub(super) const STAGES: &[(&str, &str, u8, &str)] = &[
    ("Qualification", "Qualification", 10, "Open"),
    ("Needs Analysis", "Needs Analysis", 20, "Open"),
    ("Value Proposition", "Value Proposition", 40, "Open"),
    ("Id. Decision Makers", "Identify Decision Makers", 60, "Open"),
    ("Proposal/Price Quote", "Proposal/Price Quote", 75, "Open"),
    ("Negotiation/Review", "Negotiation/Review", 90, "Open"),
    ("Closed Won", "Closed Won", 100, "Closed Won"),
    ("Closed Lost", "Closed Lost", 0, "Closed Lost"),
    ("Closed Lost to Competition", "Closed Lost to Competition", 0, "Closed Lost"),
];
/// The pipeline that every deal is in.
pub(super) const PIPELINE: &str = "Standard";

/// Where ids of modules, fields and options begin; records have others.
const FIRST_ID: u64 = 7_100_000_000_000_002_000;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Textarea,
    Email,
    Phone,
    Website,
    Picklist,
    Integer,
    Bigint,
    Currency,
    Boolean,
    Date,
    Datetime,
    Lookup,
    Owner,
}

/// The types by the vendor's names, with the JSON type.
const TYPES: &[(&str, &str, Type)] = &[
    ("text", "string", Type::Text),
    ("textarea", "string", Type::Textarea),
    ("email", "string", Type::Email),
    ("phone", "string", Type::Phone),
    ("website", "string", Type::Website),
    ("picklist", "string", Type::Picklist),
    ("integer", "integer", Type::Integer),
    ("bigint", "string", Type::Bigint),
    ("currency", "double", Type::Currency),
    ("boolean", "boolean", Type::Boolean),
    ("date", "string", Type::Date),
    ("datetime", "string", Type::Datetime),
    ("lookup", "jsonobject", Type::Lookup),
    ("ownerlookup", "jsonobject", Type::Owner),
];

impl Type {
    /// Returns the vendor's name and the JSON type.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        let row = TYPES.iter().find(|row| row.2 == self);
        row.map_or(("text", "string"), |row| (row.0, row.1))
    }

    fn named(name: &str) -> Self {
        TYPES.iter().find(|row| row.0 == name).map_or(Self::Text, |row| row.2)
    }
}

/// What somebody may do with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Leave it blank.
    Optional,
    /// It must have a value.
    Mandatory,
    /// Only the vendor writes it.
    ReadOnly,
    /// No two records may have the same value.
    Unique,
}

/// Who defined a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Vendor,
    Customer,
}

/// A field of a module.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) ty: Type,
    pub(super) length: u32,
    pub(super) usage: Use,
    pub(super) origin: Origin,
    /// The module that a lookup points into; `*` for any.
    pub(super) target: Option<String>,
    /// Actual value and label.
    pub(super) options: Vec<(String, String)>,
    pub(super) column: Column,
}

/// A module.
#[derive(Clone, Debug)]
pub(super) struct Module {
    pub(super) id: u64,
    pub(super) name: &'static str,
    pub(super) singular: &'static str,
    /// The field that records are called by.
    pub(super) title: &'static str,
    pub(super) fields: Vec<Field>,
    /// Where the module of a polymorphic lookup stands, if it has one.
    pub(super) kin: Option<Column>,
}

impl Module {
    /// Returns a field.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns whether the module is one of activities or notes, which have no upsert.
    pub(super) fn has_upsert(&self) -> bool {
        !matches!(self.name, "Tasks" | "Events" | "Calls" | "Notes")
    }

    /// Returns the fields that an upsert compares if none are named.
    pub(super) fn duplicate_check(&self) -> Vec<&Field> {
        let system = match self.name {
            "Contacts" | "Leads" => Some("Email"),
            "Accounts" => Some("Account_Name"),
            "Deals" => Some("Deal_Name"),
            _ => None,
        };
        let own = self.fields.iter().filter(|field| field.usage == Use::Unique);
        system.and_then(|name| self.field(name)).into_iter().chain(own).collect()
    }
}

/// All modules, and the number after which ids of definitions go on.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) modules: Vec<Module>,
    last_id: u64,
}

impl Catalog {
    /// Lays out the modules of a new org.
    pub(super) fn new(world: &mut World) -> Self {
        let mut catalog = Self { modules: Vec::new(), last_id: FIRST_ID };
        for (name, singular, title, lines) in [
            ("Leads", "Lead", "Full_Name", people::LEADS),
            ("Accounts", "Account", "Account_Name", people::ACCOUNTS),
            ("Contacts", "Contact", "Full_Name", people::CONTACTS),
            ("Deals", "Deal", "Deal_Name", work::DEALS),
            ("Tasks", "Task", "Subject", work::TASKS),
            ("Events", "Meeting", "Event_Title", work::EVENTS),
            ("Calls", "Call", "Subject", work::CALLS),
            ("Notes", "Note", "Note_Title", work::NOTES),
        ] {
            let id = catalog.next_id();
            let mut module = Module { id, name, singular, title, fields: Vec::new(), kin: None };
            for line in lines.lines().filter(|line| !line.is_empty()) {
                let id = catalog.next_id();
                module.fields.extend(read(line, id, world.table_mut(name)));
            }
            let polymorphic =
                module.fields.iter().any(|field| field.target.as_deref() == Some("*"));
            module.kin = polymorphic.then(|| world.table_mut(name).column(SE_MODULE));
            catalog.modules.push(module);
        }
        catalog.offer("Deals", "Stage", STAGES.iter().map(|row| (row.0, row.1)));
        catalog.offer("Deals", "Pipeline", [(PIPELINE, PIPELINE)].into_iter());
        catalog
    }

    /// Returns a module by name, whatever its case.
    pub(super) fn module(&self, name: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.name.eq_ignore_ascii_case(name))
    }

    /// Adds a field of the customer's own; false if there is one of that name.
    pub(super) fn add(
        &mut self,
        world: &mut World,
        module: &str,
        (name, label): (&str, &str),
        (ty, length): (Type, u32),
        usage: Use,
    ) -> Option<u64> {
        let id = self.next_id();
        let module = self.modules.iter_mut().find(|known| known.name == module)?;
        if module.field(name).is_some() {
            return None;
        }
        let table = world.table_mut(module.name);
        let column = table.column(name);
        if usage == Use::Unique {
            table.add_index(name, &[name], None);
        }
        module.fields.push(Field {
            id,
            name: name.to_owned(),
            label: label.to_owned(),
            ty,
            length,
            usage,
            origin: Origin::Customer,
            target: None,
            options: Vec::new(),
            column,
        });
        Some(id)
    }

    /// Makes a field unique, as an administrator does.
    pub(super) fn make_unique(&mut self, module: &str, name: &str) {
        let module = self.modules.iter_mut().find(|known| known.name == module);
        let fields = module.map(|module| &mut module.fields);
        for field in fields.into_iter().flatten().filter(|field| field.name == name) {
            field.usage = Use::Unique;
        }
    }

    fn offer<'a>(
        &mut self,
        module: &str,
        name: &str,
        options: impl Iterator<Item = (&'a str, &'a str)>,
    ) {
        let module = self.modules.iter_mut().find(|known| known.name == module);
        let mut fields = module.into_iter().flat_map(|module| &mut module.fields);
        if let Some(field) = fields.find(|field| field.name == name) {
            field.options =
                options.map(|(value, label)| (value.to_owned(), label.to_owned())).collect();
        }
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 2;
        self.last_id
    }
}

/// Reads a line of a module's table.
fn read(line: &str, id: u64, table: &mut crate::world::Table) -> Option<Field> {
    let (head, options) = line.split_once(" = ").unwrap_or((line, ""));
    let mut words = head.split(' ');
    let (name, ty) = (words.next()?, Type::named(words.next()?));
    let length = words.next()?.parse().ok()?;
    let usage = match words.next()? {
        "m" => Use::Mandatory,
        "r" => Use::ReadOnly,
        "u" => Use::Unique,
        _ => Use::Optional,
    };
    let target = words.next().and_then(|word| word.strip_prefix("to:")).map(str::to_owned);
    let options = options.split('|').filter(|option| !option.is_empty());
    if ty == Type::Email {
        table.add_index(name, &[name], None);
    }
    Some(Field {
        id,
        name: name.to_owned(),
        label: name.trim_end_matches("__s").replace('_', " "),
        ty,
        length,
        usage,
        origin: Origin::Vendor,
        target,
        options: options.map(|option| (option.to_owned(), option.to_owned())).collect(),
        column: table.column(name),
    })
}
