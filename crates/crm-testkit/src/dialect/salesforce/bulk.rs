//! Bulk API 2.0: ingest and query jobs that work while nobody watches.

mod csv;
mod ingest;
mod job;
mod results;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use self::job::{Job, State, Work};
use super::Salesforce;
use super::answer::Answer;
use super::ask::Ask;
use super::ids;
use super::problem::Problem;
use super::room::Room;
use super::text::moment_ms;
use crate::soql::bind::{Output, Select, bind};
use crate::soql::schema::Shape;
use crate::soql::{self};

pub(super) use self::job::Jobs;

/// The largest upload of a job, in bytes.
const UPLOAD_MAX: usize = 150 * 1_024 * 1_024;

impl Salesforce {
    /// Answers below `/jobs`.
    pub(super) fn jobs(
        &mut self,
        room: &mut Room<'_>,
        ask: &Ask,
        path: &[&str],
    ) -> Result<Answer, Problem> {
        match (path, &ask.method) {
            (["ingest"], &Method::POST) => self.open_ingest(room, ask),
            (["query"], &Method::POST) => self.open_query(room, ask),
            ([family @ ("ingest" | "query")], &Method::GET) => Ok(self.list_jobs(family)),
            ([family @ ("ingest" | "query"), id], &Method::GET) => {
                let job = self.jobs.find(family, id)?;
                Ok(Answer::ok(&described(job, Detail::Full)))
            }
            ([family @ ("ingest" | "query"), id], &Method::PATCH) => {
                let body = ask.object()?;
                let state = body.get("state").and_then(Value::as_str).unwrap_or_default();
                let now_ms = room.world.now_ms();
                let job = self.jobs.find_mut(family, id)?;
                job.advance_to(state, now_ms)?;
                Ok(Answer::ok(&described(job, Detail::Closed)))
            }
            ([family @ ("ingest" | "query"), id], &Method::DELETE) => {
                self.jobs.remove(family, id)?;
                Ok(Answer::empty(StatusCode::NO_CONTENT))
            }
            (["ingest", id, "batches"], &Method::PUT) => {
                let text = ask.text();
                if text.len() > UPLOAD_MAX {
                    let message = "The uploaded data is larger than 150 MB";
                    return Err(Problem::new("CLIENT_TOO_LARGE", message));
                }
                self.jobs.find_mut("ingest", id)?.upload(text)?;
                Ok(Answer::empty(StatusCode::CREATED))
            }
            (["ingest", id, which], &Method::GET) => {
                let job = self.jobs.find("ingest", id)?;
                results::ingest(job, which)
            }
            (["query", id, "results"], &Method::GET) => {
                let job = self.jobs.find("query", id)?;
                results::query(job, ask)
            }
            (["ingest" | "query", ..], _) => Err(Problem::method(&ask.method)),
            _ => Err(Problem::not_found()),
        }
    }

    fn open_ingest(&mut self, room: &mut Room<'_>, ask: &Ask) -> Result<Answer, Problem> {
        let body = ask.object()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let invalid = |message: String| Problem::new("INVALIDJOB", message);
        let object = text("object").unwrap_or_default();
        let kind = self
            .catalog
            .kind(object)
            .filter(|kind| kind.has('w'))
            .ok_or_else(|| invalid(format!("InvalidJob : Unable to find object: {object}")))?;
        let operation = text("operation").unwrap_or_default();
        if !["insert", "update", "upsert", "delete", "hardDelete"].contains(&operation) {
            return Err(invalid(format!("InvalidJob : Invalid operation: {operation}")));
        }
        let key = text("externalIdFieldName");
        if operation == "upsert" {
            let name = key.unwrap_or_default();
            let known = kind.field(name).is_some_and(|field| field.has('i') || field.has('x'));
            if !known {
                let what = format!("InvalidJob : External ID was blank or unknown: {name}");
                return Err(invalid(what));
            }
        }
        let work = Work::Ingest {
            operation: operation.to_owned(),
            key: key.map(str::to_owned).filter(|_| operation == "upsert"),
            delimiter: csv::delimiter(text("columnDelimiter").unwrap_or("COMMA"))
                .ok_or_else(|| invalid("InvalidJob : unknown columnDelimiter".to_owned()))?,
            upload: None,
            rows: Vec::new(),
        };
        let kind = kind.name;
        let job = self.new_job(room, ask, kind, State::Open, work, &body);
        Ok(Answer::ok(&described(&job, Detail::Opened)))
    }

    fn open_query(&mut self, room: &mut Room<'_>, ask: &Ask) -> Result<Answer, Problem> {
        let body = ask.object()?;
        let operation = body.get("operation").and_then(Value::as_str).unwrap_or_default();
        if !["query", "queryAll"].contains(&operation) {
            let message = format!("InvalidJob : Invalid operation: {operation}");
            return Err(Problem::new("INVALIDJOB", message));
        }
        let text = body.get("query").and_then(Value::as_str).unwrap_or_default();
        let query = soql::parse(text)?;
        let plan = bind(&self.view(room.world), text, &query)?;
        let refused = |what: &str| Problem::new("API_ERROR", format!("{what} in Bulk Query"));
        if query.offset.is_some() {
            return Err(refused("OFFSET not supported"));
        }
        let Select::Rows(outputs) = &plan.select else {
            return Err(refused("Aggregate functions and GROUP BY not supported"));
        };
        refuse_compound(outputs).map_err(refused)?;
        let kind = self.catalog.kinds.get(plan.entity.index).map_or("", |kind| kind.name);
        let work = Work::Query { operation: operation.to_owned(), plan, table: None };
        let job = self.new_job(room, ask, kind, State::UploadComplete, work, &body);
        Ok(Answer::ok(&described(&job, Detail::Closed)))
    }

    fn new_job(
        &mut self,
        room: &mut Room<'_>,
        ask: &Ask,
        kind: &'static str,
        state: State,
        work: Work,
        body: &serde_json::Map<String, Value>,
    ) -> Job {
        let now_ms = room.world.now_ms();
        let text = |name: &str, default: &str| {
            body.get(name).and_then(Value::as_str).unwrap_or(default).to_owned()
        };
        let job = Job {
            id: ids::long("750", room.world.next_key()),
            kind,
            by: self.users.integration.clone(),
            version: ask.version,
            created_ms: now_ms,
            changed_ms: now_ms,
            state,
            error: None,
            line_ending: text("lineEnding", "LF"),
            column_delimiter: text("columnDelimiter", "COMMA"),
            work,
        };
        self.jobs.add(job.clone());
        job
    }

    fn list_jobs(&self, family: &str) -> Answer {
        let jobs = self.jobs.all().filter(|job| job.family() == family);
        let records: Vec<Value> = jobs.map(|job| described(job, Detail::Closed)).collect();
        Answer::ok(&json!({ "done": true, "nextRecordsUrl": null, "records": records }))
    }
}

fn refuse_compound(outputs: &[Output]) -> Result<(), &'static str> {
    for output in outputs {
        match output {
            Output::Field(column) if column.shape == Shape::Compound => {
                return Err("Selecting compound data not supported");
            }
            Output::Field(_) => {}
            Output::Parent { outputs, .. } => refuse_compound(outputs)?,
            Output::Child { .. } => return Err("Child queries not supported"),
        }
    }
    Ok(())
}

/// How much of a job an answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    Opened,
    Closed,
    Full,
}

fn described(job: &Job, detail: Detail) -> Value {
    let mut answer = json!({
        "id": job.id,
        "operation": job.operation(),
        "object": job.kind,
        "createdById": job.by,
        "createdDate": moment_ms(job.created_ms),
        "systemModstamp": moment_ms(job.changed_ms),
        "state": job.state.name(),
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": f64::from(job.version),
    });
    let ingest = matches!(job.work, Work::Ingest { .. });
    let mut more: Vec<(&str, Value)> = Vec::new();
    if let Work::Ingest { key: Some(key), .. } = &job.work {
        more.push(("externalIdFieldName", json!(key)));
    }
    if detail != Detail::Closed || !ingest {
        more.push(("lineEnding", json!(job.line_ending)));
        more.push(("columnDelimiter", json!(job.column_delimiter)));
    }
    if detail == Detail::Opened {
        let url = format!("services/data/v{}.0/jobs/ingest/{}/batches", job.version, job.id);
        more.push(("contentUrl", json!(url)));
    }
    if detail == Detail::Full {
        let (processed, failed) = job.counts();
        let kind = if ingest { "V2Ingest" } else { "V2Query" };
        more.push(("jobType", json!(kind)));
        more.push(("numberRecordsProcessed", json!(processed)));
        more.push(("retries", json!(0)));
        more.push(("totalProcessingTime", json!(job.spent_ms())));
        if ingest {
            more.push(("numberRecordsFailed", json!(failed)));
            more.push(("apiActiveProcessingTime", json!(job.spent_ms())));
            more.push(("apexProcessingTime", json!(0)));
        }
        if let Some(error) = &job.error {
            more.push(("errorMessage", json!(error)));
        }
    }
    if let Some(answer) = answer.as_object_mut() {
        answer.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
    }
    answer
}
