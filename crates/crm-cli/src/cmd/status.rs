//! `crm status`: what is stored. Works while a sync runs, and without a network.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use crm::core::{EntityId, Field, ObjectKind};
use crm::store::{Conflict, ConflictQuery, Counts, ProblemQuery, Run, SharedStore, Stage};
use crm::sync::problem::{self, of_entity};
use jiff::Timestamp;
use serde::Serialize;

use super::told::Told;
use crate::args;
use crate::counted::counted;
use crate::error::Failure;
use crate::output;

/// The most conflicts and problems that are shown; the store has them all.
const SHOWN_MAX: usize = 1_000;
/// The most lines of a table on a terminal.
const LINES_MAX: usize = 20;
/// The most runs that are shown.
const RUNS_MAX: usize = 10;

#[derive(Serialize)]
struct Status {
    kinds: BTreeMap<ObjectKind, KindStatus>,
    runs: Vec<Run>,
    conflicts: Vec<Told>,
    problems: Vec<Problem>,
}

#[derive(Serialize)]
struct KindStatus {
    stage: &'static str,
    live: u64,
    held: u64,
    tombstones: u64,
    waiting: u64,
    parked: u64,
    dismissed: usize,
    open_conflicts: u64,
    links: BTreeMap<String, Links>,
}

#[derive(Serialize)]
struct Links {
    live: u64,
    gone: u64,
    open: u64,
}

#[derive(Serialize)]
struct Problem {
    entity: EntityId,
    kind: ObjectKind,
    name: String,
    connection: Option<String>,
    field: Option<Field>,
    class: &'static str,
    message: String,
    remedy: String,
}

impl From<problem::Problem> for Problem {
    fn from(found: problem::Problem) -> Self {
        Self {
            entity: found.entity,
            kind: found.kind,
            name: found.label,
            connection: found.provider.map(|provider| provider.to_string()),
            field: found.field,
            class: found.class.name(),
            message: found.message,
            remedy: found.remedy,
        }
    }
}

/// Reads the store and prints what is there.
pub(crate) async fn run(database: &Path, options: args::Status) -> Result<ExitCode, Failure> {
    let store = super::stored::open(database)?;
    let status = read(&store).await?;
    if options.json {
        output::json(&status)?;
    } else {
        print(&status);
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses to read a store that is not there.
pub(crate) fn refuse_missing(database: &Path) -> Result<(), Failure> {
    // A file of 0 bytes holds no more than one that is not there.
    if database.metadata().is_ok_and(|found| found.is_file() && found.len() > 0) {
        return Ok(());
    }
    Err(Failure::new(
        format!("there is no store at {}", database.display()),
        "make one with `crm plan` or `crm sync`, or name another with [store] sqlite",
    ))
}

async fn read(store: &SharedStore) -> Result<Status, Failure> {
    let mut kinds = BTreeMap::new();
    let mut problems = Vec::new();
    for kind in ObjectKind::ALL {
        let stage = store.stage(kind).await?;
        if stage == Stage::New {
            continue;
        }
        let mut found = Vec::new();
        let query = ProblemQuery { kind, limit: SHOWN_MAX };
        for entity in store.problems(query).await? {
            of_entity(&entity, &mut found);
        }
        let all = found.len();
        found.retain(|problem| !problem.details.dismissed);
        let dismissed = all - found.len();
        kinds.insert(kind, kind_status(store.counts(kind).await?, &stage, dismissed));
        problems.extend(found.into_iter().map(Problem::from));
    }
    let query = ConflictQuery { limit: SHOWN_MAX, ..ConflictQuery::default() };
    let conflicts = tell(store, &store.conflicts(query).await?).await?;
    Ok(Status { kinds, runs: store.runs(RUNS_MAX).await?, conflicts, problems })
}

/// Tells conflicts with who they are about.
pub(crate) async fn tell(
    store: &SharedStore,
    conflicts: &[Conflict],
) -> Result<Vec<Told>, Failure> {
    let ids: Vec<EntityId> = conflicts.iter().map(|conflict| conflict.entity).collect();
    let entities = store.entities(&ids).await?;
    let pairs = conflicts.iter().zip(&entities);
    Ok(pairs.map(|(conflict, entity)| Told::of(conflict, entity.as_ref())).collect())
}

fn kind_status(counts: Counts, stage: &Stage, dismissed: usize) -> KindStatus {
    KindStatus {
        stage: match stage {
            Stage::New => "new",
            Stage::Snapshot => "snapshot",
            Stage::Matching => "matching",
            Stage::Planned { .. } => "planned",
            Stage::Live => "live",
        },
        live: counts.live,
        held: counts.held,
        tombstones: counts.tombstones,
        waiting: counts.marked,
        parked: counts.parked,
        dismissed,
        open_conflicts: counts.open_conflicts,
        links: counts
            .links
            .into_iter()
            .map(|links| {
                let row = Links { live: links.live, gone: links.gone, open: links.open };
                (links.provider.to_string(), row)
            })
            .collect(),
    }
}

fn print(status: &Status) {
    if status.kinds.is_empty() {
        output::line("Nothing was read from any CRM yet.");
    }
    for (kind, row) in &status.kinds {
        output::line(&format!(
            "{}: {} ({} live, {} held, {} waiting, {} parked, {})",
            kind.plural(),
            row.stage,
            row.live,
            row.held,
            row.waiting,
            row.parked,
            counted(row.open_conflicts, "open conflict", "open conflicts")
        ));
        let links = row.links.iter().map(|(name, links)| {
            vec![name.clone(), links.live.to_string(), links.gone.to_string()]
        });
        output::table(&["connection", "linked", "deleted there"], links.collect());
    }
    if !status.runs.is_empty() {
        let runs = status.runs.iter().map(|run| {
            let count =
                |name: &str| run.counters.get(name).copied().unwrap_or_default().to_string();
            let mut status = format!("{:?}", run.status).to_lowercase();
            if let Some(error) = &run.error {
                status = format!("{status}: {error}");
            }
            vec![
                second_of(run.started),
                status,
                count("created"),
                count("updated"),
                count("conflicts"),
            ]
        });
        output::table(&["run", "status", "created", "updated", "conflicts"], runs.collect());
    }
    if !status.conflicts.is_empty() {
        let rows = status.conflicts.iter().take(LINES_MAX).map(Told::row);
        output::table(&["conflict of", "field", "sides", "chosen", "rule"], rows.collect());
        more(status.conflicts.len());
    }
    if !status.problems.is_empty() {
        let rows = status.problems.iter().take(LINES_MAX).map(|problem| {
            let place = problem.connection.clone().unwrap_or_default();
            vec![problem.name.clone(), place, problem.message.clone(), problem.remedy.clone()]
        });
        output::table(&["record", "connection", "problem", "what to do"], rows.collect());
        more(status.problems.len());
    }
}

/// Returns an instant as a person reads it: nobody needs the nanoseconds of a run.
pub(crate) fn second_of(instant: Timestamp) -> String {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant).to_string()
}

fn more(count: usize) {
    if count > LINES_MAX {
        output::line(&format!("… and {} more: see --json", count - LINES_MAX));
    }
}
