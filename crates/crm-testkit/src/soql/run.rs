//! Runs a bound query over the rows of a world.

mod group;

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::ast::{Nulls, Operator, Order, Piece, Side};
use super::bind::{Bound, Output, Plan, Route, Select, SortKey, Test};
use super::cell::Cell;
use super::schema::{Reach, Shape, Source};

pub use group::Group;

/// What came out.
#[derive(Debug)]
pub enum Outcome<'a, R> {
    /// The number of rows (`COUNT()`).
    Count(usize),
    /// The rows.
    Rows(Vec<R>),
    /// One entry per group, each with the named values of the select list.
    Groups(Vec<Group<'a>>),
}

/// Runs `plan`.
pub fn run<'a, S: Source>(source: &'a S, plan: &Plan, reach: Reach) -> Outcome<'a, S::Row> {
    let rows = filtered(source, plan, reach);
    match &plan.select {
        Select::Count => Outcome::Count(rows.len()),
        Select::Groups(grouping) => {
            let groups = group::grouped(source, grouping, &rows, reach);
            Outcome::Groups(cut(groups, plan))
        }
        Select::Rows(_) => Outcome::Rows(cut(sorted(source, plan, rows, reach), plan)),
    }
}

/// Returns the children of a row that a child query selects.
pub fn children<S: Source>(
    source: &S,
    plan: &Plan,
    column: u16,
    parent: &str,
    reach: Reach,
) -> Vec<S::Row> {
    let mut rows = filtered(source, plan, reach);
    rows.retain(|row| source.cell(*row, column).as_text() == Some(parent));
    cut(sorted(source, plan, rows, reach), plan)
}

fn filtered<S: Source>(source: &S, plan: &Plan, reach: Reach) -> Vec<S::Row> {
    let Some(test) = &plan.filter else {
        return source.rows(&plan.entity, reach).collect();
    };
    let test = resolved(source, test, reach);
    let probe = Probe { source, reach };
    if let Some(ids) = named_ids(&test) {
        let named = ids.iter().filter_map(|id| source.find(&plan.entity, id, reach));
        return named.filter(|row| probe.holds(*row, &test)).collect();
    }
    source.rows(&plan.entity, reach).filter(|row| probe.holds(*row, &test)).collect()
}

/// Returns the ids that a condition restricts the rows to, so that they need not be searched.
fn named_ids(test: &Test) -> Option<BTreeSet<String>> {
    match test {
        Test::And(all) => all.iter().find_map(named_ids),
        Test::Texts(route, Side::Inside, ids) if is_own_id(route) => Some(ids.clone()),
        Test::Compare(route, Operator::Equal, Bound::Id(id)) if is_own_id(route) => {
            Some(BTreeSet::from([id.clone()]))
        }
        Test::Or(_)
        | Test::Not(_)
        | Test::Compare(..)
        | Test::Like(..)
        | Test::Texts(..)
        | Test::Listed(..)
        | Test::Selected(..)
        | Test::Choice(..) => None,
    }
}

fn is_own_id(route: &Route) -> bool {
    route.hops.is_empty() && &*route.column.name == "Id"
}

/// Replaces the queries inside a condition by the sets that they select.
fn resolved<S: Source>(source: &S, test: &Test, reach: Reach) -> Test {
    let all = |tests: &[Test]| tests.iter().map(|test| resolved(source, test, reach)).collect();
    match test {
        Test::And(tests) => Test::And(all(tests)),
        Test::Or(tests) => Test::Or(all(tests)),
        Test::Not(inner) => Test::Not(Box::new(resolved(source, inner, reach))),
        Test::Selected(route, side, plan) => {
            let mut texts = BTreeSet::new();
            if let (Outcome::Rows(rows), Select::Rows(outputs)) =
                (run(source, plan, reach), &plan.select)
                && let Some(Output::Field(column)) = outputs.first()
            {
                for row in rows {
                    texts.extend(source.cell(row, column.index).as_text().map(str::to_owned));
                }
            }
            Test::Texts(route.clone(), *side, texts)
        }
        Test::Compare(..)
        | Test::Like(..)
        | Test::Texts(..)
        | Test::Listed(..)
        | Test::Choice(..) => test.clone(),
    }
}

fn sorted<S: Source>(source: &S, plan: &Plan, mut rows: Vec<S::Row>, reach: Reach) -> Vec<S::Row> {
    let probe = Probe { source, reach };
    if !plan.sort.is_empty() {
        rows.sort_by(|one, two| {
            let keys = plan.sort.iter();
            keys.map(|key| key.order(probe.value(*one, &key.route), probe.value(*two, &key.route)))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        });
    }
    rows
}

fn cut<T>(rows: Vec<T>, plan: &Plan) -> Vec<T> {
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let limit = plan.limit.map_or(usize::MAX, size);
    if plan.offset == 0 && limit >= rows.len() {
        return rows;
    }
    rows.into_iter().skip(size(plan.offset)).take(limit).collect()
}

impl SortKey {
    fn order(&self, one: Cell<'_>, two: Cell<'_>) -> Ordering {
        let nulls = match self.nulls {
            Nulls::First => Ordering::Less,
            Nulls::Last => Ordering::Greater,
        };
        match (one.is_null(), two.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => nulls,
            (false, true) => nulls.reverse(),
            (false, false) => match (self.order, self.route.column.shape) {
                (Order::Ascending, Shape::Id) => one.as_text().cmp(&two.as_text()),
                (Order::Descending, Shape::Id) => two.as_text().cmp(&one.as_text()),
                (Order::Ascending, _) => one.order(two),
                (Order::Descending, _) => two.order(one),
            },
        }
    }
}

/// Reads values and decides conditions.
struct Probe<'a, S> {
    source: &'a S,
    reach: Reach,
}

impl<'a, S: Source> Probe<'a, S> {
    fn value(&self, row: S::Row, route: &Route) -> Cell<'a> {
        let mut row = row;
        for (column, entity) in &route.hops {
            let id = self.source.cell(row, *column).as_text();
            match id.and_then(|id| self.source.find(entity, id, self.reach)) {
                Some(parent) => row = parent,
                None => return Cell::Null,
            }
        }
        self.source.cell(row, route.column.index)
    }

    fn holds(&self, row: S::Row, test: &Test) -> bool {
        match test {
            Test::And(tests) => tests.iter().all(|test| self.holds(row, test)),
            Test::Or(tests) => tests.iter().any(|test| self.holds(row, test)),
            Test::Not(inner) => !self.holds(row, inner),
            Test::Compare(route, operator, value) => {
                compares(self.value(row, route), *operator, value)
            }
            Test::Like(route, pattern) => {
                let value = self.value(row, route).as_text();
                value.is_some_and(|value| like(&value.to_lowercase(), pattern))
            }
            Test::Texts(route, side, texts) => {
                let value = self.value(row, route).as_text();
                let inside = match (value, route.column.shape) {
                    (None, _) => false,
                    (Some(id), Shape::Id) => texts.contains(id),
                    (Some(value), _) => texts.contains(&value.to_lowercase()),
                };
                inside == (*side == Side::Inside)
            }
            Test::Listed(route, side, values) => {
                let cell = self.value(row, route);
                let inside = values.iter().any(|value| compares(cell, Operator::Equal, value));
                inside == (*side == Side::Inside)
            }
            Test::Selected(..) => false,
            Test::Choice(route, side, lists) => {
                let value = self.value(row, route).as_text().unwrap_or_default().to_lowercase();
                let held: BTreeSet<&str> = value.split(';').collect();
                let mut lists = lists.iter();
                let inside = lists.any(|list| list.iter().all(|one| held.contains(one.as_str())));
                inside == (*side == Side::Inside)
            }
        }
    }
}

fn compares(cell: Cell<'_>, operator: Operator, value: &Bound) -> bool {
    let (from_start, from_end) = match (cell, value) {
        (Cell::Null, Bound::Null) => (Ordering::Equal, Ordering::Less),
        (Cell::Null, _) | (_, Bound::Null) => return operator == Operator::NotEqual,
        (Cell::Text(text), Bound::Id(id)) => both(text.cmp(id.as_str())),
        (Cell::Text(text), Bound::Text(asked)) => both(super::cell::compare_text(text, asked)),
        (Cell::Flag(flag), Bound::Flag(asked)) => both(flag.cmp(asked)),
        (Cell::Day(day), Bound::Days(first, after)) => (day.cmp(first), day.cmp(after)),
        (Cell::Moment(moment), Bound::Moments(first, after)) => {
            (moment.cmp(first), moment.cmp(after))
        }
        (cell, Bound::Number(asked)) => match cell.as_number() {
            Some(number) => both(number.total_cmp(asked)),
            None => return false,
        },
        _ => return false,
    };
    let inside = from_start.is_ge() && from_end.is_lt();
    match operator {
        Operator::Equal => inside,
        Operator::NotEqual => !inside,
        Operator::Less => from_start.is_lt(),
        Operator::LessOrEqual => from_end.is_lt(),
        Operator::Greater => from_end.is_ge(),
        Operator::GreaterOrEqual => from_start.is_ge(),
    }
}

/// Turns a comparison with one value into one with the range that holds only that value.
fn both(order: Ordering) -> (Ordering, Ordering) {
    (order, if order.is_gt() { Ordering::Equal } else { Ordering::Less })
}

fn like(text: &str, pattern: &[Piece]) -> bool {
    let text: Vec<char> = text.chars().collect();
    // The classic walk: on a mismatch, let the last `%` take one character more.
    let (mut at, mut piece) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(piece) {
            Some(Piece::Many) => {
                retry = Some((piece + 1, at));
                piece += 1;
            }
            Some(Piece::One) => {
                at += 1;
                piece += 1;
            }
            Some(Piece::Char(symbol)) if text.get(at) == Some(symbol) => {
                at += 1;
                piece += 1;
            }
            Some(Piece::Char(_)) | None => {
                let Some((after, start)) = retry else {
                    return false;
                };
                retry = Some((after, start + 1));
                piece = after;
                at = start + 1;
            }
        }
    }
    pattern.get(piece..).is_none_or(|rest| rest.iter().all(|piece| *piece == Piece::Many))
}
