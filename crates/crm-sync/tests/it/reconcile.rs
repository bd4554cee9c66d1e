//! Runs the tables `fixtures/sync/*.toml`: each row is a state, and what must come of it.

mod table;

use std::collections::{BTreeMap, BTreeSet};

use crm_core::Action;
use crm_store::ConflictState;
use crm_sync::Rules;
use crm_sync::decide::{Decision, Seen, State, decide};
use table::{Case, FIELD, policy_of, tables, text, value};

/// Fewer rows than this were cut off by somebody.
const ROWS_MIN: usize = 60;

fn writes(decision: &Decision) -> BTreeMap<String, String> {
    let written = |(side, write): &(usize, crm_core::Write)| {
        let Action::Update { patch, .. } = &write.action else { panic!("{write:?}") };
        let (field, value) = patch.iter().next().unwrap();
        assert_eq!(field, FIELD);
        (side.to_string(), text(value))
    };
    decision.writes.iter().map(written).collect()
}

#[test]
pub(crate) fn every_row_of_the_tables_holds() {
    let mut wrong = Vec::new();
    for (file, table) in tables() {
        for case in &table.case {
            let found = complaints(case);
            if !found.is_empty() {
                wrong.push(format!("{file}: {} ({}): {}", case.name, case.why, found.join("; ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

/// Returns what is otherwise than a row says.
fn complaints(case: &Case) -> Vec<String> {
    let rules = case.rules();
    let decision = decide(case.state(), &rules);
    let cell = |cell: &toml::Value| text(value(cell).as_ref());
    let mut found = Vec::new();
    let mut compare = |what: &str, is: String, wanted: String| {
        if is != wanted {
            found.push(format!("{what} is {is}, not {wanted}"));
        }
    };
    let golden = decision.entity.golden.slot(FIELD).map(|slot| text(slot.value.as_ref()));
    let wanted = case.expect.golden.as_ref().map(cell);
    compare("golden", format!("{golden:?}"), format!("{wanted:?}"));
    let wanted: BTreeMap<String, String> =
        case.expect.writes.iter().map(|(side, value)| (side.clone(), cell(value))).collect();
    compare("writes", format!("{:?}", writes(&decision)), format!("{wanted:?}"));
    let frozen = decision.entity.golden.frozen(FIELD).is_some();
    compare("frozen", frozen.to_string(), case.expect.frozen.to_string());
    let logged: Vec<_> =
        decision.conflicts.iter().filter(|c| c.state != ConflictState::Stale).collect();
    let rule = logged.first().map(|conflict| conflict.rule.clone());
    compare("conflict", format!("{rule:?}"), format!("{:?}", case.expect.conflict));
    let named: Vec<String> =
        logged.iter().flat_map(|c| &c.contenders).map(|c| text(c.value.as_ref())).collect();
    for loser in case.expect.losers.iter().map(cell).filter(|loser| !named.contains(loser)) {
        found.push(format!("{loser:?} is not among the contenders {named:?}"));
    }
    found.extend(noise(case, &rules, decision));
    found
}

/// After every announced write was applied and read back, deciding again changes nothing.
fn noise(case: &Case, rules: &Rules, decision: Decision) -> Option<String> {
    let before = case.state();
    let mut seen = before.seen;
    for (side, write) in &decision.writes {
        let (Seen::Fresh(remote), Action::Update { patch, .. }) = (&mut seen[*side], &write.action)
        else {
            return Some("written without a fresh read".to_owned());
        };
        remote.fields.apply(patch);
        remote.author = None;
    }
    let mut entity = decision.entity;
    entity.row_version += 1;
    let again = decide(State::new(entity, seen, before.now, before.run), rules);
    let fresh = again.conflicts.iter().filter(|c| c.state == ConflictState::Auto).count();
    let silent = again.writes.is_empty() && again.history.is_empty() && fresh == 0;
    (!silent).then(|| format!("not silent: {again:#?}"))
}

#[test]
fn the_tables_are_whole() {
    let tables = tables();
    let cases: Vec<&Case> = tables.iter().flat_map(|(_, table)| &table.case).collect();
    assert!(cases.len() >= ROWS_MIN, "{} rows", cases.len());
    let names: BTreeSet<&str> = cases.iter().map(|case| &*case.name).collect();
    assert_eq!(names.len(), cases.len(), "two rows have one name");
    let policies: BTreeSet<String> = cases
        .iter()
        .map(|case| policy_of(case).to_string())
        .map(|name| name.split_once("owner:").map_or(name.clone(), |_| "owner".to_owned()))
        .collect();
    assert!(policies.len() >= 12, "{policies:?}");
}
