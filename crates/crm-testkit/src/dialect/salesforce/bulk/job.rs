//! A job and its life: Open, `UploadComplete`, `InProgress`, then `JobComplete`, Failed or Aborted.

use std::collections::BTreeMap;

use super::super::problem::Problem;
use crate::soql::bind::Plan;

/// How long a job waits in the queue, in milliseconds.
pub(super) const QUEUED_MS: i64 = 400;
/// How long it then works.
pub(super) const WORKING_MS: i64 = 800;

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    UploadComplete,
    InProgress,
    JobComplete,
    Failed,
    Aborted,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::UploadComplete => "UploadComplete",
            Self::InProgress => "InProgress",
            Self::JobComplete => "JobComplete",
            Self::Failed => "Failed",
            Self::Aborted => "Aborted",
        }
    }

    fn is_over(self) -> bool {
        matches!(self, Self::JobComplete | Self::Failed | Self::Aborted)
    }
}

/// What became of one row of an upload.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: Option<String>,
    /// True for a record that the row created.
    pub(super) created: bool,
    pub(super) error: Option<String>,
    pub(super) cells: Vec<String>,
}

/// What a job is for.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Ingest {
        operation: String,
        key: Option<String>,
        delimiter: char,
        upload: Option<String>,
        /// What became of the rows, after the header.
        rows: Vec<Row>,
    },
    Query {
        operation: String,
        plan: Plan,
        /// Header and rows, once they are there.
        table: Option<Vec<Vec<String>>>,
    },
}

/// A job.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) by: String,
    pub(super) version: u32,
    pub(super) created_ms: i64,
    /// When the state last changed.
    pub(super) changed_ms: i64,
    pub(super) state: State,
    pub(super) error: Option<String>,
    pub(super) line_ending: String,
    pub(super) column_delimiter: String,
    pub(super) work: Work,
}

impl Job {
    pub(super) fn family(&self) -> &'static str {
        match self.work {
            Work::Ingest { .. } => "ingest",
            Work::Query { .. } => "query",
        }
    }

    pub(super) fn operation(&self) -> &str {
        match &self.work {
            Work::Ingest { operation, .. } | Work::Query { operation, .. } => operation,
        }
    }

    /// Returns how many rows are done and how many of them failed.
    pub(super) fn counts(&self) -> (usize, usize) {
        match &self.work {
            Work::Ingest { rows, .. } => {
                (rows.len(), rows.iter().filter(|row| row.error.is_some()).count())
            }
            Work::Query { table, .. } => {
                (table.as_ref().map_or(0, |table| table.len().saturating_sub(1)), 0)
            }
        }
    }

    pub(super) fn spent_ms(&self) -> i64 {
        if self.state == State::JobComplete { WORKING_MS } else { 0 }
    }

    /// Takes the rows; a job takes them once.
    pub(super) fn upload(&mut self, text: String) -> Result<(), Problem> {
        let open = self.state == State::Open;
        match &mut self.work {
            Work::Ingest { upload: upload @ None, .. } if open => {
                *upload = Some(text);
                Ok(())
            }
            Work::Ingest { .. } | Work::Query { .. } => {
                let message = "InvalidJobState : the job does not take data any more";
                Err(Problem::new("INVALIDJOBSTATE", message))
            }
        }
    }

    /// Moves on as a client asks.
    pub(super) fn advance_to(&mut self, state: &str, now_ms: i64) -> Result<(), Problem> {
        let next = match (state, self.state) {
            ("UploadComplete", State::Open) => State::UploadComplete,
            ("Aborted", before) if !before.is_over() => State::Aborted,
            _ => {
                let message = format!(
                    "InvalidJobState : a job that is {} cannot become {state}",
                    self.state.name()
                );
                return Err(Problem::new("INVALIDJOBSTATE", message));
            }
        };
        self.state = next;
        self.changed_ms = now_ms;
        Ok(())
    }
}

/// All jobs.
#[derive(Debug, Default)]
pub(in super::super) struct Jobs {
    jobs: BTreeMap<String, Job>,
}

impl Jobs {
    pub(super) fn add(&mut self, job: Job) {
        self.jobs.insert(job.id.clone(), job);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Job> {
        self.jobs.values_mut()
    }

    pub(super) fn find(&self, family: &str, id: &str) -> Result<&Job, Problem> {
        let job = super::ids::lengthened(id).and_then(|id| self.jobs.get(&id));
        job.filter(|job| job.family() == family).ok_or_else(Problem::not_found)
    }

    pub(super) fn find_mut(&mut self, family: &str, id: &str) -> Result<&mut Job, Problem> {
        let job = super::ids::lengthened(id).and_then(|id| self.jobs.get_mut(&id));
        job.filter(|job| job.family() == family).ok_or_else(Problem::not_found)
    }

    pub(super) fn remove(&mut self, family: &str, id: &str) -> Result<(), Problem> {
        let job = self.find(family, id)?;
        let removable = job.state.is_over() || (family == "ingest" && job.state == State::Open);
        if !removable {
            let message = "InvalidJobState : the job is not over";
            return Err(Problem::new("INVALIDJOBSTATE", message));
        }
        let id = job.id.clone();
        self.jobs.remove(&id);
        Ok(())
    }
}
