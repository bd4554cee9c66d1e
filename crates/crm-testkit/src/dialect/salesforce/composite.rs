//! `/composite`, `/composite/batch` and `/composite/graph`: several requests in one.

mod references;

use http::{Method, StatusCode};
use serde_json::{Map, Value};

use self::references::References;
use super::Salesforce;
use super::answer::Answer;
use super::ask::Ask;
use super::collections::AllOrNone;
use super::problem::Problem;
use super::room::Room;

/// The most requests in `/composite` and `/composite/batch`.
const REQUESTS_MAX: usize = 25;
/// How many of them may be queries or collections.
const HEAVY_MAX: usize = 5;
/// The most graphs of a call.
const GRAPHS_MAX: usize = 75;
/// The most requests in one graph.
const NODES_MAX: usize = 500;

/// One request inside another, answered.
#[derive(Debug)]
struct Inner {
    reference: String,
    answer: Answer,
}

impl Salesforce {
    /// Answers below `/composite`.
    pub(super) fn composite(
        &mut self,
        room: &mut Room<'_>,
        ask: &Ask,
        path: &[&str],
    ) -> Result<Answer, Problem> {
        if let Some(("sobjects", rest)) = path.split_first().map(|(first, rest)| (*first, rest)) {
            return self.collections(room, ask, rest);
        }
        if ask.method != Method::POST {
            return Err(Problem::method(&ask.method));
        }
        match path {
            [] => {
                let body = ask.object()?;
                let requests = requests(&body, "compositeRequest", REQUESTS_MAX)?;
                let all = AllOrNone::of(body.get("allOrNone"));
                let done = self.sequence(room, ask, &requests, all)?;
                Ok(Answer::raw(StatusCode::OK, format!("{{{}}}", listed(&done)).into_bytes()))
            }
            ["batch"] => self.batch(room, ask),
            ["tree", kind] => self.tree(room, ask, kind),
            ["graph"] => self.graphs(room, ask),
            _ => Err(Problem::not_found()),
        }
    }

    /// Runs requests one after the other; later ones may refer to the answers of earlier ones.
    fn sequence(
        &mut self,
        room: &mut Room<'_>,
        ask: &Ask,
        requests: &[Map<String, Value>],
        all: AllOrNone,
    ) -> Result<Vec<Inner>, Problem> {
        let heavy = requests.iter().filter(|request| {
            let url = request.get("url").and_then(Value::as_str).unwrap_or_default();
            url.contains("/query") || url.contains("/composite/sobjects")
        });
        if heavy.count() > HEAVY_MAX {
            let message = "Cannot have more than 5 query or collection operations in one call";
            return Err(Problem::new("LIMIT_EXCEEDED", message));
        }
        let mut references = References::default();
        let mut done: Vec<Inner> = Vec::with_capacity(requests.len());
        let mut failed = false;
        let before = room.journal.mark();
        for request in requests {
            let reference = request.get("referenceId").and_then(Value::as_str).unwrap_or_default();
            let halted = failed && all == AllOrNone::All;
            let answer = if halted {
                Err(halted_problem())
            } else {
                self.one(room, ask, request, &references)
            };
            let answer = answer.unwrap_or_else(Answer::from);
            failed |= answer.status.is_client_error() || answer.status.is_server_error();
            references.add(reference, &answer);
            done.push(Inner { reference: reference.to_owned(), answer });
        }
        if failed && all == AllOrNone::All {
            room.journal.roll_back(before, room.world);
            for inner in done.iter_mut().filter(|inner| inner.answer.status.as_u16() < 400) {
                inner.answer = halted_problem().into();
            }
        }
        Ok(done)
    }

    fn one(
        &mut self,
        room: &mut Room<'_>,
        ask: &Ask,
        request: &Map<String, Value>,
        references: &References,
    ) -> Result<Answer, Problem> {
        let url = request.get("url").and_then(Value::as_str).unwrap_or_default();
        let url = references.fill(url)?;
        let body = request.get("body").map(|body| references.fill_value(body)).transpose()?;
        let method = method_of(request)?;
        let mut inner = Ask::inner(ask, method, &url, body).ok_or_else(Problem::not_found)?;
        if let Some(headers) = request.get("httpHeaders").and_then(Value::as_object) {
            inner.headers = headers
                .iter()
                .filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.to_owned())))
                .collect();
        }
        let nested = inner.path.first().is_some_and(|first| first == "composite")
            && inner.path.get(1).is_none_or(|second| second != "sobjects");
        let refused = matches!(inner.path.first().map(String::as_str), Some("tooling" | "jobs"));
        if nested || refused {
            return Err(Problem::not_found());
        }
        self.dispatch(room, &inner)
    }

    /// Runs requests that do not know of each other.
    fn batch(&mut self, room: &mut Room<'_>, ask: &Ask) -> Result<Answer, Problem> {
        let body = ask.object()?;
        let halt = body.get("haltOnError") == Some(&Value::Bool(true));
        let requests = requests(&body, "batchRequests", REQUESTS_MAX)?;
        let mut failed = false;
        let mut results = Vec::with_capacity(requests.len());
        for request in &requests {
            let mut request = request.clone();
            if let Some(body) = request.remove("richInput") {
                request.insert("body".to_owned(), body);
            }
            let answer = if failed && halt {
                let message = "The batch was halted because an earlier request failed";
                Problem::new("BATCH_PROCESSING_HALTED", message)
                    .status(StatusCode::PRECONDITION_FAILED)
                    .into()
            } else {
                let done = self.one(room, ask, &request, &References::default());
                done.unwrap_or_else(Answer::from)
            };
            failed |= answer.status.as_u16() >= 400;
            let status = answer.status.as_u16();
            results.push(format!(r#"{{"statusCode":{status},"result":{}}}"#, answer.embedded()));
        }
        let body = format!(r#"{{"hasErrors":{failed},"results":[{}]}}"#, results.join(","));
        Ok(Answer::raw(StatusCode::OK, body.into_bytes()))
    }

    /// Runs graphs of requests, each of which succeeds or fails as a whole.
    fn graphs(&mut self, room: &mut Room<'_>, ask: &Ask) -> Result<Answer, Problem> {
        let body = ask.object()?;
        let graphs = requests(&body, "graphs", GRAPHS_MAX)?;
        let mut results = Vec::with_capacity(graphs.len());
        for graph in &graphs {
            let requests = requests(graph, "compositeRequest", NODES_MAX)?;
            let done = self.sequence(room, ask, &requests, AllOrNone::All)?;
            let good = done.iter().all(|inner| inner.answer.status.as_u16() < 400);
            let id = graph.get("graphId").cloned().unwrap_or_default();
            results.push(format!(
                r#"{{"graphId":{id},"graphResponse":{{{}}},"isSuccessful":{good}}}"#,
                listed(&done)
            ));
        }
        let body = format!(r#"{{"graphs":[{}]}}"#, results.join(","));
        Ok(Answer::raw(StatusCode::OK, body.into_bytes()))
    }
}

fn halted_problem() -> Problem {
    Problem::new(
        "PROCESSING_HALTED",
        "The transaction was rolled back since another operation in the same transaction failed.",
    )
}

fn method_of(request: &Map<String, Value>) -> Result<Method, Problem> {
    let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
    match method.to_ascii_uppercase().as_str() {
        "GET" => Ok(Method::GET),
        "POST" => Ok(Method::POST),
        "PATCH" => Ok(Method::PATCH),
        "PUT" => Ok(Method::PUT),
        "DELETE" => Ok(Method::DELETE),
        _ => Err(Problem::json(format!("'{method}' is not a method of a subrequest"))),
    }
}

fn requests(
    body: &Map<String, Value>,
    name: &str,
    max: usize,
) -> Result<Vec<Map<String, Value>>, Problem> {
    let Some(Value::Array(list)) = body.get(name) else {
        return Err(Problem::json(format!("The HTTP entity body must hold a list called {name}")));
    };
    if list.len() > max {
        let message = format!("{name} cannot hold more than {max} entries");
        return Err(Problem::new("LIMIT_EXCEEDED", message));
    }
    let objects = list.iter().map(|entry| entry.as_object().cloned());
    let objects: Option<Vec<_>> = objects.collect();
    objects.ok_or_else(|| Problem::json(format!("{name} must hold JSON objects")))
}

/// Returns the answers as the inside of an object.
fn listed(done: &[Inner]) -> String {
    let entries: Vec<String> = done
        .iter()
        .map(|inner| {
            let headers: Map<String, Value> = inner
                .answer
                .headers
                .iter()
                .map(|(name, value)| (title(name.as_str()), Value::from(value.as_str())))
                .collect();
            format!(
                r#"{{"body":{},"httpHeaders":{},"httpStatusCode":{},"referenceId":{}}}"#,
                inner.answer.embedded(),
                Value::from(headers),
                inner.answer.status.as_u16(),
                Value::from(inner.reference.as_str())
            )
        })
        .collect();
    format!(r#""compositeResponse":[{}]"#, entries.join(","))
}

/// Returns a header's name as the vendor spells it inside a body.
fn title(name: &str) -> String {
    match name {
        "location" => "Location".to_owned(),
        "etag" => "ETag".to_owned(),
        "last-modified" => "Last-Modified".to_owned(),
        other => other.to_owned(),
    }
}
