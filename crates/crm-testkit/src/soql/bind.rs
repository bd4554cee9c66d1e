//! Looks up the names of a query in a schema and checks its values against their columns.

mod filter;
mod value;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ast::{Function, Group, Item, Nulls, Order, Path, Query};
use super::problem::Problem;
use super::schema::{Column, Entity, Schema, Uses};

pub use filter::Test;
pub use value::Bound;

/// The largest `LIMIT` with `FIELDS(ALL)` or `FIELDS(CUSTOM)`.
const FIELDS_LIMIT_MAX: u64 = 200;
/// How many parents a path may climb.
const HOPS_MAX: usize = 5;

/// A query that is ready to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The type queried.
    pub entity: Entity,
    /// What comes out.
    pub select: Select,
    /// Which rows.
    pub filter: Option<Test>,
    /// In which order.
    pub sort: Vec<SortKey>,
    /// How many at most.
    pub limit: Option<u64>,
    /// How many are left out at the start.
    pub offset: u64,
}

/// What a query answers with.
#[derive(Debug, Clone)]
pub enum Select {
    /// The number of rows.
    Count,
    /// Rows.
    Rows(Vec<Output>),
    /// One row per group.
    Groups(Grouping),
}

/// A field of the answer.
#[derive(Debug, Clone)]
pub enum Output {
    /// A column of the row.
    Field(Column),
    /// Fields of a parent.
    Parent {
        /// The relationship's name.
        name: Arc<str>,
        /// The column that holds the parent's id.
        column: u16,
        /// The parent's type.
        entity: Entity,
        /// Its fields.
        outputs: Vec<Self>,
    },
    /// Rows that point to the row.
    Child {
        /// The relationship's name.
        name: Arc<str>,
        /// The column of the child that holds the row's id.
        column: u16,
        /// The child query.
        plan: Box<Plan>,
    },
}

/// The groups of an aggregate query.
#[derive(Debug, Clone)]
pub struct Grouping {
    /// The keys that rows are grouped by.
    pub by: Vec<Route>,
    /// What comes out of each group, with its name.
    pub outputs: Vec<(String, GroupOutput)>,
}

/// A field of a group's answer.
#[derive(Debug, Clone)]
pub enum GroupOutput {
    /// The group's key number n.
    Key(usize),
    /// A function over the group's rows.
    Function(Function, Route),
}

/// The way from a row to a value.
#[derive(Debug, Clone)]
pub struct Route {
    /// The parents to climb: the column with the id, and the parent's type.
    pub hops: Vec<(u16, Entity)>,
    /// The column at the end.
    pub column: Column,
}

/// A sort key that is ready to run.
#[derive(Debug, Clone)]
pub struct SortKey {
    /// The value.
    pub route: Route,
    /// Up or down.
    pub order: Order,
    /// Where rows without a value go.
    pub nulls: Nulls,
}

/// Binds `query`, whose text was `text`, to `schema`.
pub fn bind<S: Schema>(schema: &S, text: &str, query: &Query) -> Result<Plan, Problem> {
    let name = query.from.to_string();
    let entity = schema.entity(&name).ok_or_else(|| {
        let what = format!(
            "sObject type '{name}' is not supported. The name of a custom object ends in '__c'; \
             the describe call lists all names."
        );
        Problem::at("INVALID_TYPE", text, query.from.spot.0, &what)
    })?;
    Binder { schema, text, entity: &entity, alias: query.alias.as_deref() }.plan(query)
}

#[derive(Debug)]
struct Binder<'a, S> {
    schema: &'a S,
    text: &'a str,
    entity: &'a Entity,
    alias: Option<&'a str>,
}

impl<S: Schema> Binder<'_, S> {
    fn plan(&self, query: &Query) -> Result<Plan, Problem> {
        let sort = query.order_by.iter().map(|sort| {
            let route = self.route(&sort.path, Uses::SORT)?;
            Ok(SortKey { route, order: sort.order, nulls: sort.nulls })
        });
        Ok(Plan {
            entity: self.entity.clone(),
            select: self.select(query)?,
            filter: query.filter.as_ref().map(|filter| self.test(filter)).transpose()?,
            sort: sort.collect::<Result<_, Problem>>()?,
            limit: query.limit,
            offset: query.offset.unwrap_or(0),
        })
    }

    fn select(&self, query: &Query) -> Result<Select, Problem> {
        if query.select == [Item::CountRows] && query.group_by.is_empty() {
            return Ok(Select::Count);
        }
        let grouped = !query.group_by.is_empty()
            || query.select.iter().any(|item| matches!(item, Item::Aggregate { .. }));
        if grouped {
            return self.grouping(query).map(Select::Groups);
        }
        let mut outputs = Vec::new();
        let mut seen = BTreeSet::new();
        for item in &query.select {
            match item {
                Item::Field(path) => self.output(path, &mut outputs, &mut seen)?,
                Item::Fields(group) => {
                    let bounded = query.limit.is_some_and(|limit| limit <= FIELDS_LIMIT_MAX);
                    if *group != Group::Standard && !bounded {
                        let what = "The SOQL FIELDS function must have a LIMIT of at most 200";
                        return Err(Problem::plain("MALFORMED_QUERY", what));
                    }
                    for column in self.schema.columns(self.entity, *group) {
                        unseen(&mut seen, &column.name)?;
                        outputs.push(Output::Field(column));
                    }
                }
                Item::Child(child) => outputs.push(self.child(child)?),
                Item::CountRows | Item::Aggregate { .. } => {
                    let at = query.from.spot.0;
                    return Err(Problem::unexpected(self.text, at, "COUNT()"));
                }
            }
        }
        Ok(Select::Rows(outputs))
    }

    /// Adds a path to the outputs; paths through one parent share that parent's object.
    fn output(
        &self,
        path: &Path,
        outputs: &mut Vec<Output>,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Problem> {
        let route = self.route(path, Uses(0))?;
        let names = self.stripped(path);
        unseen(seen, &names.join("."))?;
        let mut level = outputs;
        let mut entity = self.entity.clone();
        for (index, (column, parent)) in route.hops.iter().enumerate() {
            let asked = names.get(index).map_or("", String::as_str);
            let relation = self.schema.parent(&entity, asked);
            let name = relation.map_or_else(|| asked.into(), |relation| relation.name);
            let place = level.iter().position(
                |output| matches!(output, Output::Parent { name: found, .. } if *found == name),
            );
            let place = place.unwrap_or(level.len());
            if place == level.len() {
                let (column, entity) = (*column, parent.clone());
                level.push(Output::Parent { name, column, entity, outputs: Vec::new() });
            }
            let Some(Output::Parent { outputs: inner, .. }) = level.get_mut(place) else {
                return Ok(());
            };
            level = inner;
            entity = parent.clone();
        }
        level.push(Output::Field(route.column));
        Ok(())
    }

    fn child(&self, query: &Query) -> Result<Output, Problem> {
        let name = query.from.to_string();
        let relation = self.schema.children(self.entity, &name).ok_or_else(|| {
            let what = format!(
                "Didn't understand relationship '{name}' in FROM part of query call. A custom \
                 relationship ends in '__r'; the describe call lists all names."
            );
            Problem::at("INVALID_TYPE", self.text, query.from.spot.0, &what)
        })?;
        let binder = Binder {
            schema: self.schema,
            text: self.text,
            entity: &relation.entity,
            alias: query.alias.as_deref(),
        };
        let plan = Box::new(binder.plan(query)?);
        Ok(Output::Child { name: relation.name, column: relation.column, plan })
    }

    fn grouping(&self, query: &Query) -> Result<Grouping, Problem> {
        let by = query.group_by.iter().map(|path| self.route(path, Uses::GROUP));
        let by = by.collect::<Result<Vec<_>, Problem>>()?;
        let mut outputs = Vec::new();
        let mut unnamed = 0;
        for item in &query.select {
            match item {
                Item::Field(path) => {
                    let key = query.group_by.iter().position(|group| same(group, path));
                    let Some(key) = key else {
                        let what = format!("Field must be grouped or aggregated: {path}");
                        return Err(Problem::at("MALFORMED_QUERY", self.text, path.spot.0, &what));
                    };
                    let name = by.get(key).map_or_else(String::new, |r| r.column.name.to_string());
                    outputs.push((name, GroupOutput::Key(key)));
                }
                Item::Aggregate { function, path, alias } => {
                    let route = self.route(path, Uses(0))?;
                    let name = alias.clone().unwrap_or_else(|| {
                        unnamed += 1;
                        format!("expr{}", unnamed - 1)
                    });
                    outputs.push((name, GroupOutput::Function(*function, route)));
                }
                Item::CountRows | Item::Fields(_) | Item::Child(_) => {
                    let what = "only grouped fields and aggregate functions may be selected here";
                    return Err(Problem::plain("MALFORMED_QUERY", what));
                }
            }
        }
        Ok(Grouping { by, outputs })
    }

    /// Resolves a path that will be used as `uses` says.
    fn route(&self, path: &Path, uses: Uses) -> Result<Route, Problem> {
        let names = self.stripped(path);
        let (last, parents) = names
            .split_last()
            .ok_or_else(|| Problem::unexpected(self.text, path.spot.0, &path.to_string()))?;
        if parents.len() > HOPS_MAX {
            let what = "a path may climb at most five relationships";
            return Err(Problem::at("MALFORMED_QUERY", self.text, path.spot.0, what));
        }
        let mut entity = self.entity.clone();
        let mut hops = Vec::with_capacity(parents.len());
        for name in parents {
            let relation = self.schema.parent(&entity, name).ok_or_else(|| {
                let what = format!(
                    "Didn't understand relationship '{name}' in field path. A custom \
                     relationship ends in '__r'; the describe call lists all names."
                );
                Problem::at("INVALID_FIELD", self.text, path.spot.0, &what)
            })?;
            hops.push((relation.column, relation.entity.clone()));
            entity = relation.entity;
        }
        let column = self.schema.column(&entity, last).ok_or_else(|| {
            let what = format!(
                "No such column '{last}' on entity '{}'. The name of a custom field ends in \
                 '__c'; the describe call lists all names.",
                entity.name
            );
            Problem::at("INVALID_FIELD", self.text, path.spot.0, &what)
        })?;
        let verb = match uses {
            Uses::FILTER => "filtered",
            Uses::SORT => "sorted",
            _ => "grouped",
        };
        if !column.uses.allow(uses) {
            let what = format!("field '{}' can not be {verb} in a query call", column.name);
            return Err(Problem::at("INVALID_FIELD", self.text, path.spot.0, &what));
        }
        Ok(Route { hops, column })
    }

    /// Returns the names of a path without the alias or the name of the type in front.
    fn stripped<'p>(&self, path: &'p Path) -> &'p [String] {
        match path.names.split_first() {
            Some((first, rest))
                if !rest.is_empty()
                    && (self.alias.is_some_and(|alias| alias.eq_ignore_ascii_case(first))
                        || self.entity.name.eq_ignore_ascii_case(first)) =>
            {
                rest
            }
            _ => &path.names,
        }
    }
}

fn unseen(seen: &mut BTreeSet<String>, name: &str) -> Result<(), Problem> {
    if seen.insert(name.to_ascii_lowercase()) {
        return Ok(());
    }
    Err(Problem::plain("INVALID_FIELD", format!("duplicate field selected: {name}")))
}

fn same(one: &Path, two: &Path) -> bool {
    one.names.len() == two.names.len()
        && one.names.iter().zip(&two.names).all(|(one, two)| one.eq_ignore_ascii_case(two))
}
