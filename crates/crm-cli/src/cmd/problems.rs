//! `crm problems`: what could not be synchronised, why, and what to do about it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use crm::core::{Clock as _, Field, ObjectKind};
use crm::store::{SharedStore, Store};
use crm::sync::problem::{Verdict, problems, settle};
use crm::sync::{Problem, ProblemClass};
use serde::Serialize;

use super::stored;
use crate::args::{self, ProblemDeed};
use crate::counted::counted;
use crate::error::Failure;
use crate::output;

/// The most lines of a class on a terminal.
const LINES_MAX: usize = 10;
/// As much of an id as a person types.
const ID_SHOWN: usize = 8;

#[derive(Serialize)]
struct Listed<'p> {
    classes: BTreeMap<ProblemClass, usize>,
    dismissed: usize,
    problems: Vec<&'p Problem>,
}

/// Lists problems, shows one, tries them again or dismisses them.
pub(crate) async fn run(database: &Path, options: args::Problems) -> Result<ExitCode, Failure> {
    let class = options.class.as_deref().map(class_of).transpose()?;
    match &options.deed {
        ProblemDeed::List => {
            let store = stored::open(database)?;
            let all = read(&*store, class).await?;
            list(&all, options.json)?;
        }
        ProblemDeed::Show { id } => {
            let store = stored::open(database)?;
            let all = read(&*store, class).await?;
            show(one(&all, id)?, options.json)?;
        }
        ProblemDeed::Retry { ids } => {
            return change(database, class, ids, Verdict::Retry, options.json).await;
        }
        ProblemDeed::Dismiss { ids } => {
            return change(database, class, ids, Verdict::Dismiss, options.json).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn class_of(name: &str) -> Result<ProblemClass, Failure> {
    name.parse().map_err(|error: crm::sync::problem::UnknownClass| {
        let names = ProblemClass::ALL.map(ProblemClass::name).join(", ");
        Failure::usage(error.to_string(), format!("the classes are {names}"))
    })
}

async fn read(store: &dyn Store, class: Option<ProblemClass>) -> Result<Vec<Problem>, Failure> {
    let mut all = Vec::new();
    for kind in ObjectKind::ALL {
        all.extend(problems(store, kind).await?);
    }
    all.retain(|problem| class.is_none_or(|class| problem.class == class));
    all.sort_by(|a, b| {
        (a.class, &a.fingerprint, &a.label).cmp(&(b.class, &b.fingerprint, &b.label))
    });
    Ok(all)
}

fn one<'p>(all: &'p [Problem], id: &str) -> Result<&'p Problem, Failure> {
    let found: Vec<&Problem> = all.iter().filter(|problem| problem.id.starts_with(id)).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::new(format!("no problem is called `{id}`"), "see `crm problems list`")),
        several => Err(Failure::new(
            format!("{} problems begin with `{id}`", several.len()),
            "type more of its id",
        )),
    }
}

fn list(all: &[Problem], json: bool) -> Result<(), Failure> {
    let shown: Vec<&Problem> = all.iter().filter(|problem| !problem.details.dismissed).collect();
    let mut classes: BTreeMap<ProblemClass, usize> = BTreeMap::new();
    for problem in &shown {
        *classes.entry(problem.class).or_default() += 1;
    }
    let dismissed = all.len() - shown.len();
    if json {
        output::json(&Listed { classes, dismissed, problems: shown })?;
        return Ok(());
    }
    if shown.is_empty() {
        output::line("There are no problems.");
    }
    for (class, count) in &classes {
        output::line(&format!("{class}: {count} — {}", class.remedy()));
        let of = shown.iter().filter(|problem| problem.class == *class);
        output::table(
            &["id", "record", "where", "problem"],
            of.take(LINES_MAX).copied().map(row).collect(),
        );
        if *count > LINES_MAX {
            output::line(&format!("… and {} more: see --json", count - LINES_MAX));
        }
    }
    if dismissed > 0 {
        let dismissed = u64::try_from(dismissed).unwrap_or(u64::MAX);
        output::line(&format!("{} dismissed.", counted(dismissed, "problem is", "problems are")));
    }
    Ok(())
}

fn row(problem: &Problem) -> Vec<String> {
    let id: String = problem.id.chars().take(ID_SHOWN).collect();
    vec![id, problem.label.clone(), place(problem), problem.message.clone()]
}

fn place(problem: &Problem) -> String {
    let provider = problem.provider.as_ref().map(ToString::to_string);
    let field = problem.field.map(|field| field.to_string());
    let parts: Vec<String> = [provider, field].into_iter().flatten().collect();
    parts.join(" ")
}

fn show(problem: &Problem, json: bool) -> Result<(), Failure> {
    if json {
        output::json(problem)?;
        return Ok(());
    }
    let fields: Vec<String> = problem.details.fields.iter().map(Field::to_string).collect();
    let lines = [
        ("problem", Some(problem.id.clone())),
        ("class", Some(problem.class.to_string())),
        ("cause", Some(problem.fingerprint.clone())),
        ("record", Some(problem.label.clone())),
        ("entity", Some(problem.entity.to_string())),
        ("where", Some(place(problem))),
        ("record id", problem.remote.as_ref().map(ToString::to_string)),
        ("said", Some(problem.message.clone())),
        ("code", problem.details.code.clone()),
        ("status", problem.details.status.map(|status| status.to_string())),
        ("request", problem.details.request.clone()),
        ("asked for", problem.details.endpoint.clone()),
        ("fields", (!fields.is_empty()).then(|| fields.join(", "))),
        ("attempts", Some(problem.details.attempts.max(1).to_string())),
        ("since", problem.at.map(|at| at.to_string())),
        ("dismissed", problem.details.dismissed.then(|| "yes".to_owned())),
        ("what to do", Some(problem.remedy.clone())),
    ];
    for (name, value) in lines {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            output::line(&format!("{name:<11}{value}"));
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct Changed {
    changed: usize,
    left: usize,
}

async fn change(
    database: &Path,
    class: Option<ProblemClass>,
    ids: &[String],
    verdict: Verdict,
    json: bool,
) -> Result<ExitCode, Failure> {
    stored::present(database)?;
    if ids.is_empty() && class.is_none() {
        return Err(Failure::usage(
            "nothing says which problems",
            "name their ids, or a class with --class; see `crm problems list`",
        ));
    }
    let store: SharedStore = crm::open_store(database)?;
    let all = read(&*store, class).await?;
    let mut chosen: Vec<&Problem> = Vec::new();
    for id in ids {
        chosen.push(one(&all, id)?);
    }
    if ids.is_empty() {
        chosen.extend(all.iter().filter(|problem| !problem.details.dismissed));
    }
    let (now, mut changed) = (crm::SystemClock::default().now(), 0);
    for problem in &chosen {
        changed += usize::from(settle(&*store, problem, verdict, now).await?);
    }
    let left = chosen.len() - changed;
    if json {
        output::json(&Changed { changed, left })?;
        return Ok(ExitCode::SUCCESS);
    }
    let done = counted(u64::try_from(changed).unwrap_or(u64::MAX), "problem", "problems");
    output::line(&match verdict {
        Verdict::Retry => format!("{done}: the next `crm sync` tries again."),
        Verdict::Dismiss => format!("{done} dismissed until the records change."),
    });
    if left > 0 {
        output::line("The others wait for a person: they are held in doubt, or are conflicts.");
    }
    Ok(ExitCode::SUCCESS)
}
