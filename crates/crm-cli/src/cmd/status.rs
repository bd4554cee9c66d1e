//! `crm status`: what is stored. Works while a sync runs, and without a network.

use std::collections::BTreeMap;
use std::process::ExitCode;

use crm::Settings;
use crm::core::{EntityId, Field, ObjectKind, Value};
use crm::store::{
    Conflict, ConflictQuery, Counts, Entity, EntityState, ProblemQuery, Run, SharedStore, Stage,
};
use serde::Serialize;

use crate::args;
use crate::error::Failure;
use crate::output;

/// The most conflicts and problems that are shown; the store has them all.
const SHOWN_MAX: usize = 1_000;

#[derive(Serialize)]
struct Status {
    kinds: BTreeMap<ObjectKind, KindStatus>,
    runs: Vec<Run>,
    conflicts: Vec<Conflict>,
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
    class: String,
    message: String,
    remedy: String,
}

/// Reads the store and prints what is there.
pub(crate) async fn run(settings: &Settings, options: args::Status) -> Result<ExitCode, Failure> {
    if !settings.database.is_file() {
        return Err(Failure::new(
            format!("there is no store at {}", settings.database.display()),
            "make one with `crm plan` or `crm sync`, or name another with [store] sqlite",
        ));
    }
    let store = crm::open_store_read_only(settings)?;
    let status = read(&store, settings).await?;
    if options.json {
        output::json(&status)?;
    } else {
        print(&status);
    }
    Ok(ExitCode::SUCCESS)
}

async fn read(store: &SharedStore, settings: &Settings) -> Result<Status, Failure> {
    let mut kinds = BTreeMap::new();
    let mut problems = Vec::new();
    for flow in &settings.flows {
        let counts = store.counts(flow.kind).await?;
        let stage = store.stage(flow.kind).await?;
        kinds.insert(flow.kind, kind_status(counts, &stage));
        let query = ProblemQuery { kind: flow.kind, limit: SHOWN_MAX };
        for entity in store.problems(query).await? {
            problems_of(&entity, &mut problems);
        }
    }
    let query = ConflictQuery { limit: SHOWN_MAX, ..ConflictQuery::default() };
    Ok(Status {
        kinds,
        runs: store.runs(10).await?,
        conflicts: store.conflicts(query).await?,
        problems,
    })
}

fn kind_status(counts: Counts, stage: &Stage) -> KindStatus {
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

fn problems_of(entity: &Entity, problems: &mut Vec<Problem>) {
    let name = name_of(entity);
    let problem =
        |connection: Option<String>, field, class: &str, message: &str, remedy: &str| Problem {
            entity: entity.id,
            kind: entity.kind,
            name: name.clone(),
            connection,
            field,
            class: class.to_owned(),
            message: message.to_owned(),
            remedy: remedy.to_owned(),
        };
    if let EntityState::Held { reason } = &entity.state {
        let connection = entity.links.first().map(|link| link.provider.to_string());
        let message = "the record cannot be matched without doubt, and is written nowhere";
        let remedy = "merge duplicates in the CRM, or correct the address or phone";
        problems.push(problem(connection, None, reason, message, remedy));
    }
    for link in &entity.links {
        let connection = Some(link.provider.to_string());
        if let Some(parked) = &link.parked {
            problems.push(problem(
                connection.clone(),
                None,
                &parked.class,
                &parked.message,
                &parked.remedy,
            ));
        }
        for (field, slot) in link.slots.iter() {
            if let Some(refusal) = &slot.refused {
                let remedy = "correct the value; a changed one is tried again";
                let message = &refusal.message;
                problems.push(problem(connection.clone(), Some(field), "refused", message, remedy));
            }
        }
    }
}

fn name_of(entity: &Entity) -> String {
    let text = |field| {
        let seen = || {
            let mut observed = entity.links.iter().filter_map(|link| link.observed.as_ref());
            observed.find_map(|observed| observed.fields.get(field))
        };
        entity.golden.value(field).or_else(seen).map(Value::display)
    };
    let names = [Field::FIRST_NAME, Field::LAST_NAME, Field::EMAIL];
    names.into_iter().filter_map(text).collect::<Vec<_>>().join(" ")
}

fn print(status: &Status) {
    for (kind, row) in &status.kinds {
        output::line(&format!(
            "{}: {} ({} live, {} held, {} waiting, {} parked, {} open conflicts)",
            kind.plural(),
            row.stage,
            row.live,
            row.held,
            row.waiting,
            row.parked,
            row.open_conflicts
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
            let status = format!("{:?}", run.status).to_lowercase();
            vec![
                run.started.to_string(),
                status,
                count("created"),
                count("updated"),
                count("conflicts"),
            ]
        });
        output::table(&["run", "status", "created", "updated", "conflicts"], runs.collect());
    }
    if !status.conflicts.is_empty() {
        let rows = status.conflicts.iter().take(20).map(|conflict| {
            let sides = conflict.contenders.iter().map(|side| {
                let name = side.provider.as_ref().map_or("golden record", |p| p.as_str());
                let value = side.value.as_ref().map_or_else(|| "blank".to_owned(), Value::display);
                format!("{name}: {value}")
            });
            let chosen = conflict.chosen.as_ref().map_or_else(|| "open".to_owned(), Value::display);
            let sides = sides.collect::<Vec<_>>().join("\n");
            vec![conflict.field.to_string(), sides, chosen, conflict.rule.clone()]
        });
        output::table(&["conflict", "sides", "chosen", "rule"], rows.collect());
    }
    if !status.problems.is_empty() {
        let rows = status.problems.iter().take(20).map(|problem| {
            let place = problem.connection.clone().unwrap_or_default();
            vec![problem.name.clone(), place, problem.message.clone(), problem.remedy.clone()]
        });
        output::table(&["record", "connection", "problem", "what to do"], rows.collect());
    }
}
