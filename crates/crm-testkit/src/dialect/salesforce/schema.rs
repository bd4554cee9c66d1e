//! The org as the query language sees it.

use jiff::Timestamp;
use jiff::civil::Date;

use super::describe::{Catalog, Field, Kind, Origin, Type};
use super::ids;
use crate::soql::ast::Group;
use crate::soql::cell::Cell;
use crate::soql::schema::{Column, Entity, Reach, Relation, Schema, Source};
use crate::world::{self, Record, State, World};

/// The ids of the two users of the org.
#[derive(Debug)]
pub(super) struct Users {
    pub(super) integration: String,
    pub(super) person: String,
}

impl Users {
    pub(super) fn id(&self, source: world::Source) -> &str {
        match source {
            world::Source::Integration => &self.integration,
            world::Source::User => &self.person,
        }
    }

    /// Returns the value of a field of a record.
    pub(super) fn value<'a>(&'a self, found: Found<'a>, field: &Field) -> Cell<'a> {
        let moment = |ms| Timestamp::from_millisecond(ms).map_or(Cell::Null, Cell::Moment);
        match field.origin {
            Origin::Deleted => Cell::Flag(found.is_deleted()),
            Origin::CreatedAt => moment(found.record.created_ms()),
            Origin::ModifiedAt => moment(found.record.modified_ms()),
            Origin::CreatedBy => Cell::Text(self.id(found.record.created_by())),
            Origin::ModifiedBy => Cell::Text(self.id(found.record.modified_by())),
            Origin::Parts => Cell::Null,
            Origin::Row => typed(field.kind, found.record.get(field.column)),
        }
    }
}

/// A view of everything that a query may read.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) world: &'a World,
    pub(super) users: &'a Users,
}

/// A record and its type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) kind: &'a Kind,
    pub(super) record: &'a Record,
}

impl Found<'_> {
    pub(super) fn id(self) -> String {
        ids::long(self.kind.prefix, self.record.key())
    }

    pub(super) fn is_deleted(self) -> bool {
        self.record.state() != State::Live
    }

    fn is_archived(self) -> bool {
        let field = self.kind.field("IsArchived");
        field.and_then(|field| self.record.get(field.column)) == Some("true")
    }

    pub(super) fn is_seen(self, reach: Reach) -> bool {
        reach == Reach::Everything || (!self.is_deleted() && !self.is_archived())
    }
}

impl<'a> View<'a> {
    /// Returns a record by its long id, whatever its state.
    pub(super) fn record(self, kind: &'a Kind, id: &str) -> Option<Found<'a>> {
        if id.get(..3) != Some(kind.prefix) {
            return None;
        }
        let record = self.world.table(kind.name)?.get(ids::key(id)?)?;
        Some(Found { kind, record })
    }

    /// Returns the records of a type, whatever their state, in the order of their ids.
    pub(super) fn records(self, kind: &'a Kind) -> impl Iterator<Item = Found<'a>> {
        let records = self.world.table(kind.name).into_iter().flat_map(world::Table::all);
        records.map(move |record| Found { kind, record })
    }

    /// Returns the live records that hold a value in a look-up.
    pub(super) fn lookup(
        self,
        kind: &'a Kind,
        field: &'a Field,
        value: &'a str,
    ) -> impl Iterator<Item = Found<'a>> {
        let table = self.world.table(kind.name).into_iter();
        let found = table.flat_map(move |table| table.find(&field.name, value));
        found
            .filter(|record| record.state() == State::Live)
            .map(move |record| Found { kind, record })
    }

    /// Returns a value of a record by the place of its field.
    pub(super) fn cell_of(self, found: Found<'a>, column: u16) -> Cell<'a> {
        let field = found.kind.fields.get(usize::from(column));
        field.map_or(Cell::Null, |field| self.users.value(found, field))
    }

    fn kind(self, entity: &Entity) -> Option<&'a Kind> {
        self.catalog.kinds.get(entity.index)
    }

    fn entity_of(self, index: usize) -> Option<Entity> {
        let kind = self.catalog.kinds.get(index)?;
        Some(Entity { index, name: kind.name.into() })
    }
}

fn typed(kind: Type, text: Option<&str>) -> Cell<'_> {
    let Some(text) = text else {
        return if kind == Type::Flag { Cell::Flag(false) } else { Cell::Null };
    };
    match kind {
        Type::Flag => Cell::Flag(text == "true"),
        Type::Int => text.parse().map_or(Cell::Null, Cell::Int),
        Type::Double | Type::Currency | Type::Percent => {
            text.parse().map_or(Cell::Null, Cell::Real)
        }
        Type::Date => text.parse::<Date>().map_or(Cell::Null, Cell::Day),
        Type::DateTime => text.parse::<Timestamp>().map_or(Cell::Null, Cell::Moment),
        Type::Id
        | Type::Reference
        | Type::Text
        | Type::LongText
        | Type::Email
        | Type::Phone
        | Type::Url
        | Type::Picklist
        | Type::Choices
        | Type::Combobox
        | Type::Address => Cell::Text(text),
    }
}

fn column((index, field): (usize, &Field)) -> Option<Column> {
    Some(Column {
        index: u16::try_from(index).ok()?,
        name: field.name.as_str().into(),
        shape: field.kind.shape(),
        uses: field.uses(),
    })
}

impl Schema for View<'_> {
    fn entity(&self, name: &str) -> Option<Entity> {
        self.catalog.find(name).and_then(|(index, _)| self.entity_of(index))
    }

    fn column(&self, entity: &Entity, name: &str) -> Option<Column> {
        self.kind(entity)?.find(name).and_then(column)
    }

    fn columns(&self, entity: &Entity, group: Group) -> Vec<Column> {
        let fields = self.kind(entity).into_iter().flat_map(|kind| kind.fields.iter().enumerate());
        let chosen = fields.filter(|(_, field)| match group {
            Group::All => true,
            Group::Standard => !field.is_custom(),
            Group::Custom => field.is_custom(),
        });
        chosen.filter_map(column).collect()
    }

    fn parent(&self, entity: &Entity, name: &str) -> Option<Relation> {
        let (index, field) = self.kind(entity)?.lookup(name)?;
        // A path through a relationship with several types needs TYPEOF, which is not offered;
        // an owner is in practice always a user.
        let target = match field.targets.as_slice() {
            [one] => one,
            several => several.iter().find(|target| *target == "User")?,
        };
        let entity = self.entity(target)?;
        let name = field.relationship.as_deref()?.into();
        Some(Relation { name, entity, column: u16::try_from(index).ok()? })
    }

    fn children(&self, entity: &Entity, name: &str) -> Option<Relation> {
        let named =
            |known: Option<&str>| known.is_some_and(|known| known.eq_ignore_ascii_case(name));
        let children = self.kind(entity)?.children.iter().find(|child| named(child.name))?;
        let entity = self.entity(children.kind)?;
        let (column, _) = self.kind(&entity)?.find(children.field)?;
        let name = children.name?.into();
        Some(Relation { name, entity, column: u16::try_from(column).ok()? })
    }

    fn long_id(&self, id: &str) -> Option<String> {
        ids::lengthened(id)
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }
}

impl<'a> Source for View<'a> {
    type Row = Found<'a>;

    fn rows(&self, entity: &Entity, reach: Reach) -> impl Iterator<Item = Found<'a>> {
        let kind = self.kind(entity).into_iter();
        let view = *self;
        kind.flat_map(move |kind| view.records(kind)).filter(move |found| found.is_seen(reach))
    }

    fn find(&self, entity: &Entity, id: &str, reach: Reach) -> Option<Found<'a>> {
        let found = self.record(self.kind(entity)?, id)?;
        found.is_seen(reach).then_some(found)
    }

    fn cell(&self, row: Found<'a>, column: u16) -> Cell<'_> {
        self.cell_of(row, column)
    }
}
