//! A connection that fails while others do not.

use std::time::Duration;

use crm_core::{ErrorKind, Field, ObjectKind, ProviderId, Value};
use crm_store::{ConflictState, Stage, Store};
use crm_sync::{Approval, EngineError, Flow, Outcome, Policy, Report};
use crm_testkit::memory::Deed;
use crm_testkit::memory::profile::{EAST, NORTH, Profile, SOUTH};

use crate::town::{KIND, Town};

const THREE: &[&Profile] = &[&NORTH, &SOUTH, &EAST];

fn town(profiles: &[&'static Profile]) -> Town {
    let mut town = Town::new(profiles, Flow::new(ObjectKind::Contact));
    let person = [(Field::LAST_NAME, "Novak"), (Field::EMAIL, "novak@mail.example")];
    town.person(profiles.len(), &person);
    assert_eq!(town.sync().outcome(), Outcome::Success);
    // What was just listed is no longer looked at for fresh.
    town.pass(Duration::from_mins(10));
    town.sync();
    town
}

fn values(town: &Town, accounts: usize) -> Vec<String> {
    let value = |account| town.value(account, Field::LAST_NAME).unwrap_or_default();
    (0..accounts).map(value).collect()
}

fn people(town: &Town, accounts: usize) -> Vec<usize> {
    (0..accounts).map(|account| town.realm.live(account, KIND).len()).collect()
}

fn waiting(report: &Report) -> u64 {
    report.kinds.values().map(|kind| kind.waiting).sum()
}

fn errors() -> [ErrorKind; 4] {
    [
        ErrorKind::Auth,
        ErrorKind::Forbidden,
        ErrorKind::QuotaExhausted { until: None },
        ErrorKind::QuotaExhausted { until: Some("2026-03-03T00:00:00Z".parse().unwrap()) },
    ]
}

/// The others are kept in step, what concerns the one that failed waits, and nothing is lost or
/// made twice once it answers again.
#[test]
fn one_connection_that_fails_does_not_stop_the_others() {
    for error in errors() {
        let mut town = town(THREE);
        town.shut(&EAST, error.clone());
        town.edit(0, Field::LAST_NAME, "Novakova");
        let values_of = [(Field::LAST_NAME, "Berg"), (Field::EMAIL, "berg@mail.example")];
        let values_of = values_of.map(|(field, text)| (field, text.to_owned())).to_vec();
        town.realm.perform(Deed::Create {
            account: 1,
            kind: KIND,
            values: values_of,
            ties: Vec::new(),
        });
        let report = town.sync();
        assert_eq!(values(&town, 3), ["Novakova", "Novakova", "Novak"], "{error:?}");
        assert_eq!(people(&town, 3), [2, 2, 1], "{error:?}");
        assert_eq!(report.outcome(), Outcome::Partial);
        let east = &report.paused[&ProviderId::new(EAST.name)];
        assert_eq!((report.paused.len(), east.hint.as_deref()), (1, Some("open it")));
        assert_eq!(waiting(&report), 2, "{error:?}");

        town.open(&EAST);
        town.pass(Duration::from_mins(2));
        let report = town.sync();
        assert_eq!(values(&town, 3), ["Novakova", "Novakova", "Novakova"], "{error:?}");
        assert_eq!((people(&town, 3), waiting(&report)), (vec![2, 2, 2], 0), "{error:?}");
        assert_eq!((report.outcome(), report.writes()), (Outcome::Success, 2), "{error:?}");
        town.pass(Duration::from_mins(10));
        assert_eq!(town.sync().writes(), 0);
    }
}

/// A connection that was away has a say about what happened meanwhile.
#[test]
fn an_edit_in_a_connection_that_was_away_is_not_lost() {
    let mut town = town(THREE);
    town.shut(&EAST, ErrorKind::Auth);
    town.edit(1, Field::LAST_NAME, "Novakova");
    town.edit(2, Field::LAST_NAME, "Novakovic");
    town.sync();
    town.open(&EAST);
    town.pass(Duration::from_mins(2));
    let report = town.sync();
    let same = values(&town, 3);
    assert!(same.iter().all(|value| *value == same[0]), "{same:?}");
    assert_eq!(report.conflicts.len(), 1, "{report:?}");
}

/// What a person is to decide about is not decided since one of those who contend is away.
#[test]
fn an_open_conflict_stays_open_while_a_contender_is_away() {
    let mut town = town(THREE);
    let flow = Flow { policy: Policy::Manual, ..Flow::new(ObjectKind::Contact) };
    town.reconfigure(flow);
    town.edit(1, Field::LAST_NAME, "Novakova");
    town.edit(2, Field::LAST_NAME, "Novakovic");
    town.pass(Duration::from_mins(10));
    town.sync();
    let open = town.conflicts(ConflictState::Open);
    assert_eq!(open.len(), 1, "{open:?}");
    town.shut(&EAST, ErrorKind::Auth);
    town.edit(1, Field::LAST_NAME, "Novakovska");
    town.pass(Duration::from_mins(10));
    town.sync();
    assert_eq!(town.conflicts(ConflictState::Open), open);
    assert_eq!(values(&town, 1), ["Novak"]);
    town.open(&EAST);
    town.pass(Duration::from_mins(10));
    town.sync();
    let contends = |text: &str| {
        let open = town.conflicts(ConflictState::Open);
        let mut contenders = open.into_iter().flat_map(|conflict| conflict.contenders);
        contenders.any(|contender| contender.value == Some(Value::text(text)))
    };
    assert!(contends("Novakovska") && contends("Novakovic"));
}

/// A breaker or a quota that opens again soon is waited for, also where two are all there are.
#[test]
fn a_short_pause_is_waited_for() {
    for profiles in [&THREE[..2], THREE] {
        let mut town = town(profiles);
        let until = town.now() + Duration::from_secs(20);
        town.edit(0, Field::LAST_NAME, "Novakova");
        town.shut(&SOUTH, ErrorKind::Suspended { until });
        let run = town.next_run();
        let reopened = town.run(async {
            let opening = async {
                crm_core::Clock::sleep(&*town.clock, Duration::from_secs(19)).await;
                town.open(&SOUTH);
            };
            let sync = Box::pin(town.engine.sync(run, Approval::Given, &()));
            let (report, ()) = futures_util::future::join(sync, opening).await;
            report.unwrap()
        });
        assert_eq!(reopened.outcome(), Outcome::Success, "{reopened:?}");
        assert_eq!((reopened.paused.len(), reopened.writes()), (0, profiles.len() as u64 - 1));
        assert!(town.now() >= until);
        assert!(values(&town, profiles.len()).iter().all(|value| value == "Novakova"));
    }
}

/// Two are needed to keep anything in step: with one of two away the run says so and ends, and
/// the next one need not wait for anything.
#[test]
fn without_a_second_connection_the_run_ends() {
    for error in errors() {
        let mut town = town(&THREE[..2]);
        town.edit(0, Field::LAST_NAME, "Novakova");
        town.shut(&SOUTH, error.clone());
        let run = town.next_run();
        let ended = town.run(town.engine.sync(run, Approval::Given, &()));
        assert!(matches!(ended, Err(EngineError::Provider(_))), "{ended:?}");
        town.open(&SOUTH);
        let before = town.now();
        assert_eq!(town.sync().outcome(), Outcome::Success);
        assert_eq!(values(&town, 2), ["Novakova", "Novakova"], "{error:?}");
        assert!(town.now().duration_since(before).as_secs() < 30, "{error:?}");
    }
}

/// Who is who can only be said when everybody is there.
#[test]
fn a_first_sync_needs_every_connection() {
    let mut town = Town::new(THREE, Flow::new(ObjectKind::Contact));
    town.person(3, &[(Field::LAST_NAME, "Novak"), (Field::EMAIL, "novak@mail.example")]);
    town.shut(&EAST, ErrorKind::Auth);
    let run = town.next_run();
    let ended = town.run(town.engine.sync(run, Approval::Given, &()));
    assert!(matches!(ended, Err(EngineError::Provider(_))), "{ended:?}");
    assert_eq!(town.run(town.store.stage(KIND)).unwrap(), Stage::Snapshot);
    town.open(&EAST);
    assert_eq!(town.sync().outcome(), Outcome::Success);
    assert_eq!(people(&town, 3), [1, 1, 1]);
}

/// A plan of half the connections would mislead whoever approves it.
#[test]
fn a_plan_needs_every_connection() {
    let mut town = town(THREE);
    town.shut(&EAST, ErrorKind::Auth);
    let run = town.next_run();
    let ended = town.run(town.engine.plan(run, &()));
    assert!(matches!(ended, Err(EngineError::Provider(_))), "{ended:?}");
}

/// What background work may use of a day's quota ends before the quota does: a sweep then waits
/// for another day, and changes flow on, also where two connections are all there are.
#[test]
fn a_sweep_gives_way_where_its_share_is_used_up() {
    let mut town = town(&THREE[..2]);
    town.person(2, &[(Field::LAST_NAME, "Berg"), (Field::EMAIL, "berg@mail.example")]);
    let day = Duration::from_hours(24);
    town.sweeping(day);
    // From now on the interval is counted; the second time nothing is read again for being new.
    for _ in 0..2 {
        town.sync();
        town.pass(Duration::from_mins(10));
    }
    let (field, value) = (Field::JOB_TITLE, Some("Chief".to_owned()));
    town.realm.perform_unseen(Deed::Edit { account: 1, kind: KIND, pick: 1, field, value });
    let carried = |town: &Town| {
        let id = town.realm.live(0, KIND).pop().unwrap();
        town.realm.stored(0, KIND, &id, field).map(|value| value.display())
    };
    town.pass(day);
    town.spend(&SOUTH, true);
    town.edit(0, Field::LAST_NAME, "Novakova");
    let report = town.sync();
    assert_eq!((report.outcome(), report.paused.len()), (Outcome::Success, 0), "{report:?}");
    assert_eq!(values(&town, 2), ["Novakova", "Novakova"]);
    assert_eq!(carried(&town), None, "nobody could see it");
    town.spend(&SOUTH, false);
    town.pass(Duration::from_mins(10));
    town.sync();
    assert_eq!(carried(&town).as_deref(), Some("Chief"));
}
