use std::time::Duration;

use jiff::Timestamp;

use super::super::{BreakerPolicy, Gate};
use super::{Pass, Sign, State};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap()
}

fn policy() -> BreakerPolicy {
    BreakerPolicy::default()
}

/// Makes `count` calls at an instant; returns how many were let through.
fn call(state: &mut State, millis: i64, count: u32, sign: Sign) -> u32 {
    let mut let_through = 0;
    for _ in 0..count {
        if let Ok(pass) = state.admit(&policy(), at(millis)) {
            let_through += 1;
            state.note(&policy(), at(millis), pass, sign);
        }
    }
    let_through
}

#[test]
fn it_opens_at_half_of_twenty_calls() {
    let mut state = State::default();
    assert_eq!(call(&mut state, 0, 10, Sign::Alive), 10);
    assert_eq!(call(&mut state, 1, 9, Sign::Failing), 9);
    assert_eq!(state.gate(at(1)), Gate::Closed);
    assert_eq!(call(&mut state, 2, 5, Sign::Failing), 1);
    assert_eq!(state.gate(at(2)), Gate::Open { until: at(10_002) });
}

#[test]
fn it_stays_closed_below_half_and_below_twenty() {
    let mut state = State::default();
    assert_eq!(call(&mut state, 0, 19, Sign::Failing), 19);
    let mut state = State::default();
    call(&mut state, 0, 60, Sign::Alive);
    assert_eq!(call(&mut state, 1, 59, Sign::Failing), 59);
    assert_eq!(state.gate(at(1)), Gate::Closed);
}

#[test]
fn old_successes_do_not_hide_new_failures() {
    let mut state = State::default();
    call(&mut state, 0, 10_000, Sign::Alive);
    assert_eq!(call(&mut state, 30_000, 100, Sign::Failing), 20);
}

#[test]
fn the_window_slides_and_does_not_jump() {
    let mut state = State::default();
    // One failure in every two seconds: never twenty within thirty.
    for second in 0..600 {
        assert_eq!(call(&mut state, second * 2_000, 1, Sign::Failing), 1);
    }
    // One in every second: twenty are soon there.
    let mut state = State::default();
    let let_through: u32 =
        (0..30).map(|second| call(&mut state, second * 1_000, 1, Sign::Failing)).sum();
    assert_eq!(let_through, 21, "twenty, and one attempt after ten seconds");
}

#[test]
fn silence_counts_for_nothing() {
    let mut state = State::default();
    assert_eq!(call(&mut state, 0, 100, Sign::Silent), 100);
    call(&mut state, 0, 19, Sign::Failing);
    assert_eq!(state.gate(at(0)), Gate::Closed);
}

fn opened() -> State {
    let mut state = State::default();
    call(&mut state, 0, 20, Sign::Failing);
    assert_eq!(state.gate(at(0)), Gate::Open { until: at(10_000) });
    state
}

#[test]
fn one_attempt_is_made_in_ten_seconds() {
    let mut state = opened();
    assert_eq!(state.admit(&policy(), at(9_999)), Err(at(10_000)));
    let pass = state.admit(&policy(), at(10_500)).unwrap();
    assert_eq!(pass, Pass::Probe(at(10_500)));
    assert_eq!(state.gate(at(10_500)), Gate::HalfOpen { until: at(20_500) });
    assert_eq!(state.admit(&policy(), at(10_501)), Err(at(20_500)));
    state.note(&policy(), at(11_000), pass, Sign::Failing);
    assert_eq!(state.gate(at(11_000)), Gate::Open { until: at(21_000) });
    let pass = state.admit(&policy(), at(21_000)).unwrap();
    state.note(&policy(), at(21_100), pass, Sign::Alive);
    assert_eq!(state.gate(at(21_100)), Gate::Closed);
    // What failed before is forgotten.
    assert_eq!(call(&mut state, 21_101, 19, Sign::Failing), 19);
}

#[test]
fn an_attempt_that_never_ends_or_tells_nothing_makes_room_for_the_next() {
    let mut state = opened();
    let lost = state.admit(&policy(), at(10_000)).unwrap();
    let second = state.admit(&policy(), at(20_000)).unwrap();
    assert_ne!(lost, second);
    // The first one was given up: its late success is not the second one's.
    state.note(&policy(), at(20_001), lost, Sign::Alive);
    assert!(matches!(state.gate(at(20_001)), Gate::HalfOpen { .. }));
    state.note(&policy(), at(20_002), second, Sign::Silent);
    assert!(state.admit(&policy(), at(20_002)).is_ok());
}

#[test]
fn news_from_before_it_opened_changes_nothing() {
    let mut state = State::default();
    let early = state.admit(&policy(), at(0)).unwrap();
    call(&mut state, 1, 20, Sign::Failing);
    state.note(&policy(), at(2), early, Sign::Alive);
    assert_eq!(state.gate(at(2)), Gate::Open { until: at(10_001) });
}

#[test]
fn other_limits_are_obeyed() {
    let strict = BreakerPolicy {
        window: Duration::from_secs(1),
        calls_min: 2,
        failed_percent_min: 100,
        probe_every: Duration::from_secs(5),
    };
    let mut state = State::default();
    for sign in [Sign::Alive, Sign::Failing, Sign::Failing] {
        state.note(&strict, at(0), Pass::Usual, sign);
    }
    assert_eq!(state.gate(at(0)), Gate::Closed);
    for _ in 0..2 {
        state.note(&strict, at(2_000), Pass::Usual, Sign::Failing);
    }
    assert_eq!(state.gate(at(2_000)), Gate::Open { until: at(7_000) });
}
