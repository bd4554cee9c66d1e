//! The results of jobs, as CSV.

use http::{HeaderName, StatusCode};

use super::super::answer::{Answer, Body};
use super::super::ask::Ask;
use super::super::problem::Problem;
use super::csv;
use super::job::{Job, Row, State, Work};

/// How many rows a page of a query's result has unless the client says so.
const PAGE: usize = 10_000;

/// Returns the rows of an ingest job that went well, failed, or were not reached.
pub(super) fn ingest(job: &Job, which: &str) -> Result<Answer, Problem> {
    let Work::Ingest { upload, rows, delimiter, .. } = &job.work else {
        return Err(Problem::not_found());
    };
    let lines = csv::read(upload.as_deref().unwrap_or_default(), *delimiter).unwrap_or_default();
    let header = lines.first().cloned().unwrap_or_default();
    let named = |extra: &[&str]| {
        let quoted = extra.iter().map(|name| format!("\"{name}\""));
        let names: Vec<String> = quoted.chain(header.iter().cloned()).collect();
        format!("{}\n", names.join(&delimiter.to_string()))
    };
    let line = |row: &Row, second: &str| {
        let id = row.id.as_deref().unwrap_or_default();
        let cells = [id, second].into_iter().chain(row.cells.iter().map(String::as_str));
        csv::write(cells, *delimiter)
    };
    let mut text = match which {
        "successfulResults" => named(&["sf__Id", "sf__Created"]),
        "failedResults" => named(&["sf__Id", "sf__Error"]),
        "unprocessedrecords" => named(&[]),
        _ => return Err(Problem::not_found()),
    };
    match which {
        "successfulResults" => {
            for row in rows.iter().filter(|row| row.error.is_none()) {
                text.push_str(&line(row, if row.created { "true" } else { "false" }));
            }
        }
        "failedResults" => {
            for row in rows {
                if let Some(error) = &row.error {
                    text.push_str(&line(row, error));
                }
            }
        }
        _ if matches!(job.state, State::Failed | State::Aborted) => {
            for row in lines.iter().skip(1) {
                text.push_str(&csv::write(row.iter().map(String::as_str), *delimiter));
            }
        }
        _ => {}
    }
    Ok(table(text))
}

/// Returns a page of a query's result.
pub(super) fn query(job: &Job, ask: &Ask) -> Result<Answer, Problem> {
    let Work::Query { table: Some(rows), .. } = &job.work else {
        let message = "InvalidJobState : the job has no results yet";
        return Err(Problem::new("INVALIDJOBSTATE", message));
    };
    let delimiter = csv::delimiter(&job.column_delimiter).unwrap_or(',');
    let invalid = || Problem::new("INVALID_QUERY_LOCATOR", "invalid query locator");
    let start: usize = match ask.query("locator") {
        Some(locator) => {
            let digits = locator.strip_prefix('M').ok_or_else(invalid)?;
            digits.parse().map_err(|_not_a_number| invalid())?
        }
        None => 0,
    };
    let size = ask.query("maxRecords").and_then(|size| size.parse().ok()).unwrap_or(PAGE).max(1);
    let (header, rows) = rows.split_first().ok_or_else(invalid)?;
    let rest = rows.get(start..).ok_or_else(invalid)?;
    let shown = rest.get(..size.min(rest.len())).unwrap_or_default();
    let line = |row: &Vec<String>| csv::write(row.iter().map(String::as_str), delimiter);
    let text: String = std::iter::once(header).chain(shown).map(line).collect();
    let next = start + shown.len();
    let locator = if next < rows.len() { format!("M{next}") } else { "null".to_owned() };
    Ok(table(text)
        .with(HeaderName::from_static("sforce-locator"), locator)
        .with(HeaderName::from_static("sforce-numberofrecords"), shown.len().to_string()))
}

fn table(text: String) -> Answer {
    let mut answer = Answer::empty(StatusCode::OK);
    answer.body = Body::Csv(text);
    answer
}
