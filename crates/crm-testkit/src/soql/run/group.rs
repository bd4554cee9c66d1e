//! `GROUP BY` and the aggregate functions.

use super::super::ast::Function;
use super::super::bind::{GroupOutput, Grouping, Route};
use super::super::cell::Cell;
use super::super::schema::{Reach, Source};
use super::Probe;

/// The named values of one group.
pub type Group<'a> = Vec<(String, Cell<'a>)>;

/// Returns one entry per group, in the order of the keys.
pub(super) fn grouped<'a, S: Source>(
    source: &'a S,
    grouping: &Grouping,
    rows: &[S::Row],
    reach: Reach,
) -> Vec<Group<'a>> {
    let probe = Probe { source, reach };
    let keys = |row: S::Row| -> Vec<Cell<'a>> {
        grouping.by.iter().map(|route| probe.value(row, route)).collect()
    };
    let mut keyed: Vec<(Vec<Cell<'a>>, S::Row)> =
        rows.iter().map(|row| (keys(*row), *row)).collect();
    let compare = |one: &[Cell<'_>], two: &[Cell<'_>]| {
        let pairs = one.iter().zip(two);
        pairs.fold(std::cmp::Ordering::Equal, |order, (one, two)| order.then(one.order(*two)))
    };
    keyed.sort_by(|one, two| compare(&one.0, &two.0));
    let mut groups: Vec<Group<'a>> = keyed
        .chunk_by(|one, two| compare(&one.0, &two.0).is_eq())
        .map(|chunk| outputs(&probe, grouping, chunk))
        .collect();
    if groups.is_empty() && grouping.by.is_empty() {
        groups.push(outputs(&probe, grouping, &[]));
    }
    groups
}

fn outputs<'a, S: Source>(
    probe: &Probe<'a, S>,
    grouping: &Grouping,
    chunk: &[(Vec<Cell<'a>>, S::Row)],
) -> Group<'a> {
    let value = |output: &GroupOutput| match output {
        GroupOutput::Key(index) => {
            let keys = chunk.first().map(|(keys, _row)| keys);
            keys.and_then(|keys| keys.get(*index)).copied().unwrap_or(Cell::Null)
        }
        GroupOutput::Function(function, route) => function_value(probe, *function, route, chunk),
    };
    grouping.outputs.iter().map(|(name, output)| (name.clone(), value(output))).collect()
}

fn function_value<'a, S: Source>(
    probe: &Probe<'a, S>,
    function: Function,
    route: &Route,
    chunk: &[(Vec<Cell<'a>>, S::Row)],
) -> Cell<'a> {
    let mut cells: Vec<Cell<'a>> =
        chunk.iter().map(|(_keys, row)| probe.value(*row, route)).collect();
    cells.retain(|cell| !cell.is_null());
    cells.sort_by(|one, two| one.order(*two));
    let count = |length: usize| Cell::Int(i32::try_from(length).unwrap_or(i32::MAX));
    let total: f64 = cells.iter().filter_map(|cell| cell.as_number()).sum();
    match function {
        Function::Count => count(cells.len()),
        Function::CountDistinct => {
            cells.dedup_by(|one, two| one.order(*two).is_eq());
            count(cells.len())
        }
        Function::Min => cells.first().copied().unwrap_or(Cell::Null),
        Function::Max => cells.last().copied().unwrap_or(Cell::Null),
        Function::Sum | Function::Avg if cells.is_empty() => Cell::Null,
        Function::Sum => Cell::Real(total),
        Function::Avg => {
            let length = u32::try_from(cells.len()).unwrap_or(u32::MAX);
            Cell::Real(total / f64::from(length))
        }
    }
}
