//! `crm conflicts`: what waits for a person, and a person's decisions. Works on the store alone,
//! without a network.

use std::path::Path;
use std::process::ExitCode;

use crm::SystemClock;
use crm::core::{Clock, Field, Normalizer, Patch, ProviderId, Region, Value};
use crm::store::{Conflict, ConflictQuery, ConflictState, SharedStore};
use crm::sync::{ConflictRef, Resolution, Ruling};

use super::status::{refuse_missing, tell};
use super::told::{Told, revision_of};
use crate::args::{ConflictsCommand, Resolve};
use crate::error::Failure;
use crate::output;

/// The most lines of a table on a terminal.
const LINES_MAX: usize = 50;

/// Lists, shows or decides conflicts.
pub(crate) async fn run(
    database: &Path,
    command: ConflictsCommand,
    region: Region,
) -> Result<ExitCode, Failure> {
    refuse_missing(database)?;
    match command {
        ConflictsCommand::List { all, json } => {
            let state = (!all).then_some(ConflictState::Open);
            let store = crm::open_store_read_only(database)?;
            let query = ConflictQuery { state, ..ConflictQuery::default() };
            let told = tell(&store, &store.conflicts(query).await?).await?;
            if json { output::json(&told)? } else { list(&told) }
        }
        ConflictsCommand::Show { id, json } => {
            let store = crm::open_store_read_only(database)?;
            let (conflict, _) = find(&store, &id).await?;
            let told = tell_one(&store, &conflict).await?;
            if json { output::json(&told)? } else { show(&told, conflict.state) }
        }
        ConflictsCommand::Resolve(options) => {
            let store = crm::open_store(database)?;
            resolve(&store, options, region).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(told: &[Told]) {
    if told.is_empty() {
        output::line("No conflict waits for a decision.");
        return;
    }
    let rows = told.iter().take(LINES_MAX).map(|told| {
        let mut row = told.row();
        row.insert(0, told.handle());
        row
    });
    output::table(&["id", "conflict of", "field", "sides", "chosen", "rule"], rows.collect());
    if told.len() > LINES_MAX {
        output::line(&format!("… and {} more: see --json", told.len() - LINES_MAX));
    }
}

fn show(told: &Told, state: ConflictState) {
    output::line(&format!("{} of {}: {}", told.field(), told.who(), told.standing()));
    output::table(&["side", "value", "changed"], told.sides());
    if state == ConflictState::Open {
        let handle = told.handle();
        output::status(&format!(
            "Decide with: crm conflicts resolve {handle} --take CONNECTION (or --value {}=VALUE)",
            told.field()
        ));
    }
}

async fn tell_one(store: &SharedStore, conflict: &Conflict) -> Result<Told, Failure> {
    let told = tell(store, std::slice::from_ref(conflict)).await?;
    told.into_iter().next().ok_or_else(|| unknown(&conflict.id.0.to_string()))
}

/// Finds the one conflict whose id begins so; with it comes whether the state behind the `@`, if
/// there is one, is that of now.
async fn find(store: &SharedStore, text: &str) -> Result<(Conflict, State), Failure> {
    let (prefix, state) = match text.split_once('@') {
        Some((prefix, state)) => (prefix, Some(state)),
        None => (text, None),
    };
    let prefix = prefix.to_lowercase();
    let begins = |conflict: &Conflict| conflict.id.0.to_string().starts_with(&prefix);
    let mut found = store.conflicts(ConflictQuery::default()).await?;
    found.retain(|conflict| !prefix.is_empty() && begins(conflict));
    match (found.pop(), found.len()) {
        (Some(conflict), 0) => {
            let same = state.is_none_or(|state| revision_of(&conflict).starts_with(state));
            Ok((conflict, if same { State::AsShown } else { State::Moved }))
        }
        (Some(_), more) => Err(Failure::new(
            format!("{} conflicts have an id that begins with {prefix}", more + 1),
            "give more of the id: `crm conflicts list --all --json` has the whole",
        )),
        (None, _) => Err(unknown(text)),
    }
}

/// Whether a conflict is as a person saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    AsShown,
    Moved,
}

fn unknown(text: &str) -> Failure {
    Failure::new(
        format!("no conflict has an id that begins with {text}"),
        "see `crm conflicts list --all`",
    )
}

async fn resolve(store: &SharedStore, options: Resolve, region: Region) -> Result<(), Failure> {
    let (conflict, state) = find(store, &options.id).await?;
    let resolution = match (options.take, options.value) {
        (Some(name), _) => Resolution::Take(ProviderId::new(name)),
        (None, value) => Resolution::Values(given(&conflict, &value.unwrap_or_default(), region)?),
    };
    let shown = ConflictRef::from(&conflict);
    // What was shown is not what is there: the engine says so in its own words.
    let revision = match state {
        State::AsShown => shown.revision,
        State::Moved => !shown.revision,
    };
    let ruling = Ruling {
        conflict: ConflictRef { revision, ..shown },
        resolution,
        by: options.by.unwrap_or_else(user),
        run: crm::new_run(),
    };
    let resolved = crm::sync::resolve(&**store, &ruling, SystemClock::new().now()).await?;
    let told = tell_one(store, &resolved).await?;
    let value = resolved.chosen.as_ref().map_or_else(|| "blank".to_owned(), Value::display);
    output::line(&format!("{} of {} is {value} from now on.", told.field(), told.who()));
    output::status("The next `crm sync` writes it.");
    Ok(())
}

/// Reads `FIELD=VALUE`.
fn given(conflict: &Conflict, text: &str, region: Region) -> Result<Patch, Failure> {
    let field = conflict.field;
    let usage = || {
        let example = format!("write --value {field}=VALUE");
        Failure::usage(format!("`{text}` is not FIELD=VALUE"), example)
    };
    let (name, value) = text.split_once('=').ok_or_else(usage)?;
    let named = Field::from_name(name.trim()).ok_or_else(usage)?;
    let normalizer = Normalizer { region };
    let mut patch = Patch::new();
    let value = if named == field {
        crm::sync::value_of(conflict.kind, field, value, normalizer)?
    } else {
        // Refused by the engine, which says what the conflict is about.
        None
    };
    patch.set(named, value);
    Ok(patch)
}

/// Returns who uses this machine, as far as it says.
fn user() -> String {
    let named = ["USER", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "somebody".to_owned())
}
