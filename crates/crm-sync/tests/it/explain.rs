//! Every value in the store has a cause: worlds with edits, conflicts, clears and records of our
//! own are simulated to their end, and then all of their ledgers are walked.

use std::sync::Arc;

use crm_core::{ObjectKind, RunId, Value};
use crm_store::{ConflictState, JournalAction, JournalQuery, MemoryStore, Seq, Store};
use crm_sync::explain::{Cause, Explanation, explain, find};
use crm_testkit::simulation::{self, Base, Errand, Flight, Keep, Pilot, Scene};

use crate::simulation::pilot::{EnginePilot, Ground};

/// Starts engines on a store that outlives the simulation.
#[derive(Debug)]
struct Witness(Arc<MemoryStore>);

impl Pilot for Witness {
    fn start(&self, scene: &Scene, errand: Errand, run: RunId) -> Flight {
        EnginePilot(Ground::Memory).start(scene, errand, run)
    }

    fn store(&self) -> Result<Box<dyn Base>, String> {
        Ok(Box::new(Arc::clone(&self.0)))
    }
}

/// What the walked worlds had in them, so that the walk cannot pass by seeing nothing.
#[derive(Debug, Default)]
struct Met {
    values: u32,
    first: u32,
    decided: u32,
    replaced: u32,
    made: u32,
    written: u32,
    read: u32,
    open: u32,
}

async fn walk(store: &MemoryStore, seed: u64, met: &mut Met) {
    let runs = store.runs(usize::MAX).await.unwrap();
    let page = store.scan(ObjectKind::Contact, Seq::default(), usize::MAX).await.unwrap();
    for entity in page {
        let told = explain(store, entity.id).await.unwrap().unwrap();
        assert_eq!(told.fields.values().filter(|field| field.golden.is_some()).count(), {
            entity.golden.iter().count()
        });
        let by_id = find(store, ObjectKind::Contact, &entity.id.to_string()).await.unwrap();
        if entity.state.same_as().is_none() {
            assert_eq!(by_id, [entity.id]);
        }
        check(&told, &format!("seed {seed}, entity {}", entity.id), met);
        for field in told.fields.values() {
            if let Some(golden) = &field.golden {
                let known = runs.iter().any(|run| run.id == golden.run);
                assert!(known, "seed {seed}: nobody knows run {}", golden.run);
            }
        }
    }
    for row in store.journal(JournalQuery::default()).await.unwrap() {
        let run = runs.iter().find(|run| run.id == row.run);
        assert!(run.is_some_and(|run| run.started <= row.at), "seed {seed}: {row:?}");
    }
}

fn refers(value: Option<&Value>) -> bool {
    value.is_some_and(|value| value.members().iter().any(|it| it.as_reference().is_some()))
}

fn check(told: &Explanation, whose: &str, met: &mut Met) {
    for (field, of) in &told.fields {
        met.values += 1;
        met.open += u32::from(of.frozen);
        if let Some(golden) = &of.golden {
            let row = of.history.iter().find(|row| row.version == golden.version);
            let of_run = of.conflicts.iter().any(|c| c.run == golden.run && c.rule == golden.rule);
            match golden.rule.as_str() {
                "first_contact" => {
                    met.first += 1;
                    assert!(row.is_none() && golden.source.is_some(), "{whose}: {field}");
                }
                rule => {
                    if let Some(row) = row {
                        met.replaced += 1;
                        // Who was merged since is called by another name.
                        let same = refers(golden.value.as_ref()) || row.after == golden.value;
                        assert!(same && row.run == golden.run, "{whose}: {field} {row:?}");
                        // A policy's choice is a conflict that anybody can look at.
                        let alone = matches!(rule, "fast_forward" | "undo" | "itself");
                        assert!(alone || of_run, "{whose}: {field} by {rule}, and no conflict");
                    } else {
                        met.decided += 1;
                        assert!(of_run, "{whose}: {field} by {rule}");
                    }
                }
            }
        }
        for shown in &of.shown {
            match shown.cause {
                Cause::Unknown => assert_eq!(shown.value, None, "{whose}: {field}"),
                Cause::Made => {
                    met.made += 1;
                    let action = shown.write.as_ref().map(|write| write.action);
                    assert_eq!(action, Some(JournalAction::Create), "{whose}: {field}");
                }
                Cause::Written => {
                    met.written += 1;
                    let action = shown.write.as_ref().map(|write| write.action);
                    assert_eq!(action, Some(JournalAction::Update), "{whose}: {field}");
                }
                Cause::Read => met.read += 1,
            }
            // Who differs without a reason would be a value without a cause.
            let Some(golden) = &of.golden else { continue };
            let behind = shown.acknowledged < golden.version;
            // What has no record there waits for it.
            let excused = of.frozen
                || refers(golden.value.as_ref())
                || shown.refused.is_some()
                || !shown.announced.is_empty()
                || told.records.iter().any(|tie| {
                    tie.provider == shown.provider
                        && (tie.parked.is_some() || tie.state != crm_store::LinkState::Live)
                });
            // A field that a CRM requires is not cleared there.
            assert!(!behind || excused || golden.value.is_none(), "{whose}: {field} {shown:?}");
        }
        let open = of.conflicts.iter().any(|c| c.state == ConflictState::Open);
        assert_eq!(of.frozen, open, "{whose}: {field}");
    }
}

#[tokio::test]
async fn every_value_has_a_cause() {
    let mut met = Met::default();
    for seed in 400..440 {
        let store = Arc::new(MemoryStore::new());
        let report = simulation::run(&Witness(Arc::clone(&store)), seed, Keep::Tail);
        assert!(report.verdict.is_good(), "seed {seed}: {:?}", report.verdict.faults);
        walk(&store, seed, &mut met).await;
    }
    println!("{met:?}");
    let counts = [
        met.values,
        met.first,
        met.decided,
        met.replaced,
        met.made,
        met.written,
        met.read,
        met.open,
    ];
    assert!(counts.iter().all(|count| *count > 0), "{met:?}");
}
