mod world;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crm_core::{Clock, ErrorKind, Priority, Quota};
use futures_util::future::{join, join_all};
use jiff::Timestamp;
use proptest::prelude::*;

use super::{Lanes, Pacer, Window};
use world::{ManualClock, run};

const LONG: Duration = Duration::from_hours(24);

fn window(name: &'static str, limit: u64, millis: u64) -> Window {
    Window::new(Quota { name, limit, window: Duration::from_millis(millis) })
}

fn pacer(windows: Vec<Window>, wait_max: Duration) -> (Arc<ManualClock>, Pacer) {
    let clock = Arc::new(ManualClock::default());
    let pacer = Pacer::new(Arc::<ManualClock>::clone(&clock), windows, wait_max);
    (clock, pacer)
}

/// One caller: when it comes, how long its request takes, where in between the provider counts
/// it (in 255ths), what it costs, and whether it is a search.
#[derive(Clone, Debug)]
struct Caller {
    comes_ms: u64,
    takes_ms: u64,
    counted: u8,
    cost: u32,
    search: bool,
}

/// What happened to it, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Trace {
    came: i64,
    admitted: i64,
    counted: i64,
    answered: i64,
    cost: u32,
    search: bool,
}

fn callers(cost: impl Strategy<Value = u32>) -> impl Strategy<Value = Vec<Caller>> {
    let caller = (0_u64..3_000, 0_u64..400, any::<u8>(), cost, any::<bool>());
    let caller = caller.prop_map(|(comes_ms, takes_ms, counted, cost, search)| Caller {
        comes_ms,
        takes_ms,
        counted,
        cost,
        search,
    });
    proptest::collection::vec(caller, 1..60)
}

fn simulate(clock: &ManualClock, pacer: &Pacer, callers: &[Caller]) -> Vec<Trace> {
    let traces = Mutex::new(Vec::new());
    let calls = callers.iter().map(|caller| async {
        clock.sleep(Duration::from_millis(caller.comes_ms)).await;
        let came = clock.micros();
        let lane = if caller.search { "search" } else { "default" };
        let slot = pacer.admit(lane, caller.cost, Priority::Interactive).await.unwrap();
        let admitted = clock.micros();
        let takes = Duration::from_millis(caller.takes_ms);
        let counted = takes * u32::from(caller.counted) / 255;
        clock.sleep(takes).await;
        traces.lock().unwrap().push(Trace {
            came,
            admitted,
            counted: admitted + i64::try_from(counted.as_micros()).unwrap(),
            answered: clock.micros(),
            cost: caller.cost,
            search: caller.search,
        });
        drop(slot);
    });
    run(clock, join_all(calls));
    traces.into_inner().unwrap()
}

/// The most that a provider counts in any span of that length.
fn peak(traces: &[&Trace], span: i64) -> u64 {
    let within = |end: i64| {
        let inside =
            traces.iter().filter(|trace| trace.counted <= end && trace.counted > end - span);
        inside.map(|trace| u64::from(trace.cost)).sum()
    };
    traces.iter().map(|trace| within(trace.counted)).max().unwrap_or(0)
}

fn micros(millis: u64) -> i64 {
    i64::try_from(millis).unwrap() * 1_000
}

proptest! {
    #[test]
    fn no_window_is_ever_exceeded(
        callers in callers(1_u32..4),
        (burst, burst_ms) in (3_u64..20, 50_u64..2_000),
        (search, search_ms) in (3_u64..6, 50_u64..1_000),
        total in 5_u64..60,
    ) {
        let (clock, pacer) = pacer(
            vec![
                window("burst", burst, burst_ms).lanes(Lanes::Except(&["search"])),
                window("search", search, search_ms).lanes(Lanes::Only(&["search"])),
                window("total", total, 10_000),
            ],
            LONG,
        );
        let traces = simulate(&clock, &pacer, &callers);
        prop_assert_eq!(traces.len(), callers.len());
        let all: Vec<_> = traces.iter().collect();
        let (searches, others): (Vec<&Trace>, Vec<&Trace>) =
            traces.iter().partition(|trace| trace.search);
        prop_assert!(peak(&others, micros(burst_ms)) <= burst);
        prop_assert!(peak(&searches, micros(search_ms)) <= search);
        prop_assert!(peak(&all, micros(10_000)) <= total);
    }

    #[test]
    fn nobody_waits_longer_than_the_rule_demands(
        callers in callers(Just(1)),
        (limit, span_ms) in (1_u64..20, 50_u64..2_000),
    ) {
        let (clock, pacer) = pacer(vec![window("w", limit, span_ms)], LONG);
        let traces = simulate(&clock, &pacer, &callers);
        let span = micros(span_ms);
        // The margin, and a bucket at either end.
        let tolerance = 5_000 + span / 1_024 * 2 + 2;
        for trace in &traces {
            let before = trace.admitted - tolerance;
            if before < trace.came {
                continue;
            }
            let holding = traces
                .iter()
                .filter(|other| other.admitted <= before && other.answered + span + tolerance > before);
            let holding = u64::try_from(holding.count()).unwrap();
            prop_assert!(holding >= limit, "{trace:?} waited beside {holding} of {limit}");
        }
    }
}

#[test]
fn callers_of_a_lane_are_admitted_in_the_order_they_came() {
    let (clock, pacer) = pacer(vec![window("w", 1, 100)], LONG);
    let order = Mutex::new(Vec::new());
    let (order, pacer) = (&order, &pacer);
    let calls = (0..20).map(|number| async move {
        drop(pacer.admit("default", 1, Priority::Interactive).await.unwrap());
        order.lock().unwrap().push(number);
    });
    run(&clock, join_all(calls));
    let admitted = order.lock().unwrap().clone();
    assert_eq!(admitted, (0..20).collect::<Vec<_>>());
}

#[test]
fn a_caller_that_is_dropped_while_it_waits_holds_nobody_up() {
    let (clock, pacer) = pacer(vec![window("w", 1, 1_000)], LONG);
    let gives_up = async {
        let limit = Duration::from_millis(100);
        crm_core::timeout(&*clock, limit, pacer.admit("default", 1, Priority::Interactive))
            .await
            .is_err()
    };
    let work = async {
        drop(pacer.admit("default", 1, Priority::Interactive).await.unwrap());
        let patient = async {
            clock.sleep(Duration::from_millis(50)).await;
            pacer.admit("default", 1, Priority::Interactive).await.is_ok()
        };
        join(gives_up, patient).await
    };
    assert_eq!(run(&clock, work), (true, true));
    assert!(clock.micros() < micros(1_100));
}

#[test]
fn a_long_wait_is_an_error_at_once_and_a_short_one_is_slept() {
    let (clock, pacer) = pacer(vec![window("daily", 1, 86_400_000)], Duration::from_secs(90));
    let work = async {
        drop(pacer.admit("default", 1, Priority::Interactive).await.unwrap());
        let error = pacer.admit("default", 1, Priority::Interactive).await.unwrap_err();
        let ErrorKind::QuotaExhausted { until: Some(until) } = error.kind() else {
            panic!("{error}")
        };
        assert_eq!(clock.micros(), 0);
        let minute_before = until.as_microsecond() - 60_000_000;
        clock.sleep(Duration::from_micros(minute_before.try_into().unwrap())).await;
        drop(pacer.admit("default", 1, Priority::Interactive).await.unwrap());
        assert!(clock.micros() >= until.as_microsecond());
    };
    run(&clock, work);
}

#[test]
fn a_pause_holds_one_lane_and_ends() {
    let (clock, pacer) = pacer(Vec::new(), LONG);
    pacer.pause("search", Timestamp::from_second(7).unwrap());
    pacer.pause("search", Timestamp::from_second(3).unwrap());
    let work = async {
        drop(pacer.admit("default", 1, Priority::Interactive).await.unwrap());
        assert_eq!(clock.micros(), 0);
        drop(pacer.admit("search", 1, Priority::Interactive).await.unwrap());
        assert_eq!(clock.micros(), 7_000_000);
    };
    run(&clock, work);
}

#[test]
fn a_correction_wakes_those_who_wait() {
    let (clock, pacer) = pacer(vec![window("w", 1, 10_000)], LONG);
    let work = async {
        drop(pacer.admit("default", 1, Priority::Interactive).await.unwrap());
        let corrects = async {
            clock.sleep(Duration::from_secs(1)).await;
            pacer.observe("w", 100, 99, None);
        };
        let waits = async {
            drop(pacer.admit("default", 1, Priority::Interactive).await.unwrap());
            clock.micros()
        };
        join(corrects, waits).await.1
    };
    assert_eq!(run(&clock, work), 1_000_000);
}

#[test]
fn a_window_full_of_requests_in_flight_is_waited_for() {
    let (clock, pacer) = pacer(vec![window("w", 2, 1_000)], LONG);
    let call = async || {
        let slot = pacer.admit("default", 1, Priority::Interactive).await.unwrap();
        let admitted = clock.micros();
        clock.sleep(Duration::from_millis(300)).await;
        drop(slot);
        admitted
    };
    let admitted = run(&clock, join_all([call(), call(), call()]));
    assert_eq!(admitted[..2], [0, 0]);
    assert!((1_300_000..1_320_000).contains(&admitted[2]), "{admitted:?}");
}

/// Nine of ten requests of a day are ours; of these background work leaves a fifth, and realtime
/// a twentieth.
#[test]
fn the_less_urgent_stop_early() {
    let day = || window("daily", 1_000, 86_400_000).reserve_percent(10).graded();
    for (priority, most) in
        [(Priority::Background, 720), (Priority::Realtime, 855), (Priority::Interactive, 900)]
    {
        let (clock, pacer) = pacer(vec![day()], Duration::from_secs(1));
        let taken = run(&clock, async {
            let mut taken = 0;
            while pacer.admit("default", 1, priority).await.is_ok() {
                taken += 1;
            }
            taken
        });
        assert_eq!(taken, most, "{priority:?}");
        if priority != Priority::Interactive {
            run(&clock, pacer.admit("default", 1, Priority::Interactive)).unwrap();
        }
    }
}

/// Where all wait, each priority gets its share; where one does not, the others get it.
#[test]
fn each_priority_has_its_share() {
    for (who, shares) in [
        (&Priority::ALL[..], &[50, 30, 20][..]),
        (&Priority::ALL[1..], &[60, 40][..]),
        (&Priority::ALL[2..], &[100][..]),
    ] {
        let (clock, pacer) = pacer(vec![window("w", 10, 1_000)], LONG);
        let counts = Mutex::new(vec![0_i64; who.len()]);
        let total = 400;
        let calls = who.iter().enumerate().map(|(at, priority)| {
            let (pacer, counts) = (&pacer, &counts);
            // Several callers of each, so that one of each waits at any time.
            join_all((0..4).map(move |_| async move {
                loop {
                    drop(pacer.admit("default", 1, *priority).await.unwrap());
                    let mut counts = counts.lock().unwrap();
                    if counts.iter().sum::<i64>() >= total {
                        return;
                    }
                    counts[at] += 1;
                }
            }))
        });
        run(&clock, join_all(calls));
        for (count, share) in counts.lock().unwrap().iter().zip(shares) {
            assert!((count * 100 / total - share).abs() <= 3, "{count} of {total}, not {share} %");
        }
    }
}

/// Somebody who waits for his turn and goes away holds nobody up.
#[test]
fn whoever_goes_away_holds_nobody_up() {
    let (clock, pacer) = pacer(vec![window("w", 1, 10_000)], LONG);
    run(&clock, async {
        drop(pacer.admit("default", 1, Priority::Background).await.unwrap());
        let limit = Duration::from_secs(2);
        let left =
            crm_core::timeout(&*clock, limit, pacer.admit("default", 1, Priority::Interactive));
        let (left, next) = join(left, pacer.admit("default", 1, Priority::Background)).await;
        assert!(left.is_err());
        drop(next.unwrap());
    });
    assert!(clock.micros() < 11_000_000, "{}", clock.micros());
}
