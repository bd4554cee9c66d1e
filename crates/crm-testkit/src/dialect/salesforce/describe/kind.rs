//! Object types and their fields, read from the compact tables.

use std::collections::BTreeMap;

use super::picklist;
use crate::soql::schema::{Shape, Uses};
use crate::world;

/// The vendor's field types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Type {
    Id,
    Reference,
    Text,
    LongText,
    Email,
    Phone,
    Url,
    Picklist,
    Choices,
    Combobox,
    Flag,
    Int,
    Double,
    Currency,
    Percent,
    Date,
    DateTime,
    Address,
}

/// Every type with the vendor's name for it.
const TYPES: &[(&str, Type)] = &[
    ("id", Type::Id),
    ("reference", Type::Reference),
    ("string", Type::Text),
    ("textarea", Type::LongText),
    ("email", Type::Email),
    ("phone", Type::Phone),
    ("url", Type::Url),
    ("picklist", Type::Picklist),
    ("multipicklist", Type::Choices),
    ("combobox", Type::Combobox),
    ("boolean", Type::Flag),
    ("int", Type::Int),
    ("double", Type::Double),
    ("currency", Type::Currency),
    ("percent", Type::Percent),
    ("date", Type::Date),
    ("datetime", Type::DateTime),
    ("address", Type::Address),
];

impl Type {
    fn named(name: &str) -> Option<Self> {
        TYPES.iter().find(|entry| entry.0 == name).map(|entry| entry.1)
    }

    pub(in super::super) fn name(self) -> &'static str {
        TYPES.iter().find(|entry| entry.1 == self).map_or("string", |entry| entry.0)
    }

    pub(in super::super) fn soap(self) -> &'static str {
        match self {
            Self::Id | Self::Reference => "tns:ID",
            Self::Text
            | Self::LongText
            | Self::Email
            | Self::Phone
            | Self::Url
            | Self::Picklist
            | Self::Choices
            | Self::Combobox => "xsd:string",
            Self::Flag => "xsd:boolean",
            Self::Int => "xsd:int",
            Self::Double | Self::Currency | Self::Percent => "xsd:double",
            Self::Date => "xsd:date",
            Self::DateTime => "xsd:dateTime",
            Self::Address => "urn:address",
        }
    }

    pub(in super::super) fn shape(self) -> Shape {
        match self {
            Self::Id | Self::Reference => Shape::Id,
            Self::Text
            | Self::LongText
            | Self::Email
            | Self::Phone
            | Self::Url
            | Self::Picklist
            | Self::Combobox => Shape::Text,
            Self::Choices => Shape::Choices,
            Self::Flag => Shape::Flag,
            Self::Int => Shape::Int,
            Self::Double | Self::Currency | Self::Percent => Shape::Real,
            Self::Date => Shape::Day,
            Self::DateTime => Shape::Moment,
            Self::Address => Shape::Compound,
        }
    }
}

/// Where a field's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Origin {
    /// The record's row.
    Row,
    /// Whether the record is deleted.
    Deleted,
    /// When it was created.
    CreatedAt,
    /// Who created it.
    CreatedBy,
    /// When it last changed.
    ModifiedAt,
    /// Who changed it last.
    ModifiedBy,
    /// Other fields, at the time of the answer.
    Parts,
}

/// A field.
#[derive(Clone, Debug)]
pub(in super::super) struct Field {
    pub(in super::super) name: String,
    pub(in super::super) label: String,
    pub(in super::super) kind: Type,
    pub(in super::super) length: u32,
    pub(in super::super) scale: u32,
    /// One letter each: c(reateable) u(pdateable) n(illable) d(efaulted) i(dLookup) q (unique)
    /// x (external id) s(ortable) f(ilterable) g(roupable) r(estricted picklist).
    flags: String,
    pub(in super::super) compound: Option<String>,
    pub(in super::super) targets: Vec<String>,
    pub(in super::super) relationship: Option<String>,
    pub(in super::super) values: Vec<String>,
    pub(in super::super) default: Option<String>,
    pub(in super::super) origin: Origin,
    pub(in super::super) column: world::Column,
}

impl Field {
    pub(in super::super) fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    pub(in super::super) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    pub(in super::super) fn uses(&self) -> Uses {
        let one = |flag, uses| if self.has(flag) { uses } else { Uses(0) };
        one('f', Uses::FILTER).and(one('s', Uses::SORT)).and(one('g', Uses::GROUP))
    }

    /// Reads one line of a table; `None` if it is not one.
    pub(in super::super) fn read(
        object: &str,
        line: &str,
        columns: &mut world::Table,
    ) -> Option<Self> {
        let mut words = line.split(' ');
        let (name, kind) = (words.next()?, Type::named(words.next()?)?);
        let (length, scale) = match words.next()?.split_once('.') {
            Some((precision, scale)) => (precision.parse().ok()?, scale.parse().ok()?),
            None => (line.split(' ').nth(2)?.parse().ok()?, 0),
        };
        let flags = words.next()?.to_owned();
        let mut field = Self {
            name: name.to_owned(),
            label: label(name),
            kind,
            length,
            scale,
            flags,
            compound: None,
            targets: Vec::new(),
            relationship: None,
            values: picklist::values(object, name).into_iter().map(str::to_owned).collect(),
            default: picklist::default(object, name).map(str::to_owned),
            origin: origin(name, kind),
            column: columns.column(name),
        };
        for word in words {
            match word.split_once(':')? {
                ("in", compound) => field.compound = Some(compound.to_owned()),
                ("to", targets) => field.targets = targets.split(',').map(str::to_owned).collect(),
                ("as", relationship) => field.relationship = Some(relationship.to_owned()),
                _ => return None,
            }
        }
        Some(field)
    }
}

fn origin(name: &str, kind: Type) -> Origin {
    match name {
        "IsDeleted" => Origin::Deleted,
        "CreatedDate" => Origin::CreatedAt,
        "CreatedById" => Origin::CreatedBy,
        "LastModifiedDate" | "SystemModstamp" => Origin::ModifiedAt,
        "LastModifiedById" => Origin::ModifiedBy,
        _ if kind == Type::Address => Origin::Parts,
        _ => Origin::Row,
    }
}

/// Returns the label of a field: the words of its name.
fn label(name: &str) -> String {
    let name = name.trim_end_matches("__c");
    let mut label = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for symbol in name.chars() {
        match symbol {
            '_' => label.push(' '),
            _ if symbol.is_ascii_uppercase() && before.is_ascii_lowercase() => {
                label.push(' ');
                label.push(symbol);
            }
            _ => label.push(symbol),
        }
        before = symbol;
    }
    match label.strip_suffix(" Id") {
        Some(head) => format!("{head} ID"),
        None => label,
    }
}

/// An object type.
#[derive(Clone, Debug)]
pub(in super::super) struct Kind {
    pub(in super::super) name: &'static str,
    pub(in super::super) plural: &'static str,
    pub(in super::super) prefix: &'static str,
    /// One letter each: w(riteable) u(ndeletable) m(ergeable) s(earchable) r(eplicateable)
    /// a(dministered: changed in Setup only).
    flags: &'static str,
    pub(in super::super) fields: Vec<Field>,
    by_name: BTreeMap<String, usize>,
    pub(in super::super) children: Vec<Children>,
}

/// A relationship seen from the parent.
#[derive(Clone, Debug)]
pub(in super::super) struct Children {
    pub(in super::super) kind: &'static str,
    pub(in super::super) field: &'static str,
    pub(in super::super) name: Option<&'static str>,
    pub(in super::super) delete: OnDelete,
}

/// What becomes of children when their parent is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum OnDelete {
    /// They are deleted too.
    Cascade,
    /// They stay and keep the id.
    Keep,
}

impl Kind {
    pub(in super::super) fn new(
        (name, plural, prefix, flags): (&'static str, &'static str, &'static str, &'static str),
        table: &str,
        columns: &mut world::Table,
    ) -> Self {
        let lines = table.lines().filter(|line| !line.is_empty());
        let fields: Vec<Field> =
            lines.filter_map(|line| Field::read(name, line, columns)).collect();
        let children = Vec::new();
        let mut kind =
            Self { name, plural, prefix, flags, fields, by_name: BTreeMap::new(), children };
        kind.index();
        kind
    }

    pub(in super::super) fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    pub(in super::super) fn add(&mut self, field: Field) {
        self.fields.push(field);
        self.index();
    }

    fn index(&mut self) {
        let names = self.fields.iter().enumerate();
        self.by_name = names.map(|(at, field)| (field.name.to_ascii_lowercase(), at)).collect();
    }

    /// Returns a field and its place by name, in any case of letters.
    pub(in super::super) fn find(&self, name: &str) -> Option<(usize, &Field)> {
        let at = *self.by_name.get(&name.to_ascii_lowercase())?;
        Some((at, self.fields.get(at)?))
    }

    /// Returns a field by name, in any case of letters.
    pub(in super::super) fn field(&self, name: &str) -> Option<&Field> {
        self.find(name).map(|found| found.1)
    }

    /// Returns the reference field of a parent relationship.
    pub(in super::super) fn lookup(&self, relationship: &str) -> Option<(usize, &Field)> {
        self.fields.iter().enumerate().find(|(_, field)| {
            let name = field.relationship.as_deref();
            name.is_some_and(|name| name.eq_ignore_ascii_case(relationship))
        })
    }
}
