//! Lets jobs work: rows are written, queries are run.

use serde_json::{Map, Value};

use super::super::Salesforce;
use super::super::describe::Kind;
use super::super::desk::{Desk, Journal, Mode, Saving, Upsert};
use super::super::problem::Problem;
use super::super::render;
use super::super::rows::key_field;
use super::super::schema::{Found, View};
use super::csv;
use super::job::{Job, QUEUED_MS, Row, State, WORKING_MS, Work};
use crate::soql::bind::{Output, Select};
use crate::soql::cell::Cell;
use crate::soql::run::{Outcome, run};
use crate::soql::schema::{Reach, Source as _};
use crate::world::{Source, World};

impl Salesforce {
    /// Moves every job on to where it should be by now.
    pub(in super::super) fn run_jobs(&mut self, world: &mut World) {
        let now_ms = world.now_ms();
        let mut jobs = std::mem::take(&mut self.jobs);
        for job in jobs.all_mut() {
            if job.state == State::UploadComplete && now_ms - job.changed_ms >= QUEUED_MS {
                job.state = State::InProgress;
                job.changed_ms += QUEUED_MS;
            }
            if job.state == State::InProgress && now_ms - job.changed_ms >= WORKING_MS {
                job.changed_ms += WORKING_MS;
                job.state = match self.work(world, job) {
                    Ok(()) => State::JobComplete,
                    Err(error) => {
                        job.error = Some(error);
                        State::Failed
                    }
                };
            }
        }
        self.jobs = jobs;
    }

    fn work(&self, world: &mut World, job: &mut Job) -> Result<(), String> {
        match &mut job.work {
            Work::Query { operation, plan, table } => {
                let all = operation == "queryAll";
                let reach = if all { Reach::Everything } else { Reach::Live };
                let view = self.view(world);
                let Select::Rows(outputs) = &plan.select else {
                    return Ok(());
                };
                let mut header = Vec::new();
                names(outputs, "", &mut header);
                let mut lines = vec![header];
                if let Outcome::Rows(rows) = run(&view, plan, reach) {
                    lines.extend(rows.iter().map(|found| {
                        let mut cells = Vec::new();
                        values(view, reach, Some(*found), outputs, &mut cells);
                        cells
                    }));
                }
                *table = Some(lines);
                Ok(())
            }
            Work::Ingest { operation, key, delimiter, upload, rows } => {
                let text = upload.as_deref().unwrap_or_default();
                let broken = || "InvalidBatch : the data is not valid CSV".to_owned();
                let mut lines = csv::read(text, *delimiter).ok_or_else(broken)?.into_iter();
                let header = lines.next().ok_or_else(broken)?;
                let kind = self.catalog.kind(job.kind).ok_or_else(broken)?;
                let unknown = header.iter().find(|name| {
                    let name = name.split('.').next().unwrap_or_default();
                    kind.field(name).is_none() && kind.lookup(name).is_none()
                });
                if let Some(name) = unknown {
                    return Err(format!("InvalidBatch : Field name not found : {name}"));
                }
                let mut journal = Journal::default();
                let mut desk = Desk {
                    catalog: &self.catalog,
                    world,
                    users: &self.users,
                    rule: self.rule,
                    saving: Saving::Careful,
                    source: Source::Integration,
                    journal: &mut journal,
                };
                for cells in lines {
                    rows.push(one(
                        &mut desk,
                        kind.name,
                        (operation, key.as_deref()),
                        &header,
                        cells,
                    ));
                }
                // The order of results is not the order of the upload.
                rows.reverse();
                Ok(())
            }
        }
    }
}

/// Writes one row.
fn one(
    desk: &mut Desk<'_>,
    kind: &str,
    (operation, key): (&str, Option<&str>),
    header: &[String],
    cells: Vec<String>,
) -> Row {
    let mark = desk.journal.mark();
    let done = desk.kind(kind).and_then(|kind| {
        let mut values = Map::new();
        let mut id = None;
        for (name, cell) in header.iter().zip(&cells) {
            if name.eq_ignore_ascii_case("id") {
                id = Some(cell.as_str());
            } else if let Some((relation, field)) = name.split_once('.') {
                if !cell.is_empty() {
                    values.insert(relation.to_owned(), serde_json::json!({ field: cell }));
                }
            } else if cell == "#N/A" {
                values.insert(name.clone(), Value::Null);
            } else if !cell.is_empty() {
                values.insert(name.clone(), Value::from(cell.as_str()));
            }
        }
        apply(desk, kind, (operation, key), id.filter(|id| !id.is_empty()), values)
    });
    match done {
        Ok((id, mode)) => Row { id: Some(id), created: mode == Mode::Create, error: None, cells },
        Err(problem) => {
            desk.roll_back(mark);
            let error = explained(&problem, header, &cells);
            Row { id: None, created: false, error: Some(error), cells }
        }
    }
}

fn apply<'a>(
    desk: &mut Desk<'a>,
    kind: &'a Kind,
    (operation, key): (&str, Option<&str>),
    id: Option<&str>,
    mut values: Map<String, Value>,
) -> Result<(String, Mode), Problem> {
    let missing = |what: &str| Problem::new("MISSING_ARGUMENT", format!("{what} not specified"));
    match (operation, key) {
        ("insert", _) => Ok((desk.create(kind, &values)?, Mode::Create)),
        ("upsert", Some(name)) => {
            let key = key_field(kind, name)?;
            let value = values.remove(&key.name);
            let value = value.as_ref().and_then(Value::as_str).or(id);
            let value = value.ok_or_else(|| missing(name))?;
            let done = desk.upsert(kind, key, value, &values, Upsert::CreateOrUpdate)?;
            Ok((done.id, done.mode))
        }
        ("update", _) => {
            let id = id.ok_or_else(|| missing("Id"))?;
            Ok((desk.update(kind, id, &values)?, Mode::Update))
        }
        _ => {
            let id = id.ok_or_else(|| missing("Id"))?;
            Ok((desk.delete(kind, id)?, Mode::Update))
        }
    }
}

/// Returns the text of a failed row; a value of the wrong type names its column.
fn explained(problem: &Problem, header: &[String], cells: &[String]) -> String {
    if problem.code != "JSON_PARSER_ERROR" {
        return problem.bulk();
    }
    let named = |cell: &String| !cell.is_empty() && problem.message.contains(cell.as_str());
    let column = cells.iter().position(named).unwrap_or_default();
    let cell = cells.get(column).map_or("", String::as_str);
    let name = header.get(column).map_or("", String::as_str);
    format!(
        "INVALID_FIELD:Failed to deserialize field at col {column}. Due to, '{cell}' is not a \
         valid value for the field's type:{name} --"
    )
}

fn names(outputs: &[Output], prefix: &str, into: &mut Vec<String>) {
    for output in outputs {
        match output {
            Output::Field(column) => into.push(format!("{prefix}{}", column.name)),
            Output::Parent { name, outputs, .. } => {
                names(outputs, &format!("{prefix}{name}."), into);
            }
            Output::Child { .. } => {}
        }
    }
}

fn values<'a>(
    view: View<'a>,
    reach: Reach,
    found: Option<Found<'a>>,
    outputs: &[Output],
    into: &mut Vec<String>,
) {
    for output in outputs {
        match output {
            Output::Field(column) => {
                let cell = found.map_or(Cell::Null, |found| view.cell_of(found, column.index));
                into.push(plain(cell));
            }
            Output::Parent { column, entity, outputs, .. } => {
                let id = found.and_then(|found| view.cell_of(found, *column).as_text());
                let parent = id.and_then(|id| view.find(entity, id, reach));
                values(view, reach, parent, outputs, into);
            }
            Output::Child { .. } => {}
        }
    }
}

fn plain(cell: Cell<'_>) -> String {
    if let Some(text) = cell.as_text() {
        return text.to_owned();
    }
    if cell.is_null() {
        return String::new();
    }
    let mut json = Vec::new();
    render::cell(cell, &mut json);
    String::from_utf8_lossy(&json).trim_matches('"').to_owned()
}
