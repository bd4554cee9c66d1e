//! One quota window: what is in flight, what is settled, what others use.
//!
//! Settled slots are kept in buckets of a 1024th of the window, each ending when its last slot
//! may have been counted, so a day of 600,000 requests costs a thousand entries and an error of
//! a thousandth, on the safe side.

use std::collections::VecDeque;
use std::time::Duration;

use crm_core::{Priority, QuotaUse};

use super::Window;

/// How many buckets a window is divided into.
const BUCKETS: i64 = 1_024;
/// Added to a window: clocks that count whole milliseconds may see two instants nearer to each
/// other than they were.
const MARGIN_US: i64 = 5_000;

/// When a window has room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Now.
    Now,
    /// Not before that time (microseconds since 1970).
    At(i64),
    /// Some time after a request in flight was answered.
    AfterReply,
    /// At no time: nothing is left for us.
    Never,
}

/// A window with its use. Times are microseconds since 1970.
#[derive(Debug)]
pub(super) struct Tracked {
    window: Window,
    span: i64,
    limit: u64,
    /// In flight.
    held: u64,
    /// Answered: when at the latest they were counted, and how many.
    settled: VecDeque<(i64, u64)>,
    settled_sum: u64,
    /// What others use according to the headers, at most and at least, until that is out of
    /// date.
    foreign: u64,
    foreign_min: u64,
    foreign_until: i64,
    /// When the provider empties the whole window.
    reset: Option<i64>,
}

impl Tracked {
    pub(super) fn new(window: Window) -> Self {
        Self {
            span: micros(window.quota.window).saturating_add(MARGIN_US),
            limit: window.quota.limit,
            window,
            held: 0,
            settled: VecDeque::new(),
            settled_sum: 0,
            foreign: 0,
            foreign_min: 0,
            foreign_until: i64::MIN,
            reset: None,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.window.quota.name
    }

    pub(super) fn counts(&self, lane: &str) -> bool {
        self.window.lanes.contain(lane)
    }

    fn cost(&self, cost: u32) -> u64 {
        if self.window.per_request { 1 } else { u64::from(cost) }
    }

    /// Returns when there is room for a request.
    pub(super) fn room(&mut self, now: i64, cost: u32, priority: Priority) -> Room {
        self.forget(now);
        let usable = self.usable(priority);
        if usable == 0 {
            return self.reset.map_or(Room::Never, Room::At);
        }
        // More than there is would wait for ever: such a request takes all.
        let cost = self.cost(cost).min(usable);
        let needed = (self.used() + cost).saturating_sub(usable);
        if needed == 0 {
            return Room::Now;
        }
        self.freed_at(needed).map_or(Room::AfterReply, Room::At)
    }

    /// Takes room.
    pub(super) fn hold(&mut self, cost: u32) {
        self.held += self.cost(cost);
    }

    /// Notes that a request was answered: the provider has counted it by now.
    pub(super) fn settle(&mut self, now: i64, cost: u32) {
        let cost = self.cost(cost);
        self.held = self.held.saturating_sub(cost);
        self.settled_sum += cost;
        let width = (self.span / BUCKETS).max(1);
        let end = now.div_euclid(width).saturating_add(1).saturating_mul(width);
        match self.settled.back_mut() {
            Some((last, count)) if *last >= end => *count += cost,
            Some(_) | None => self.settled.push_back((end, cost)),
        }
    }

    /// Takes over what the provider says.
    pub(super) fn observe(&mut self, now: i64, limit: u64, remaining: u64, reset: Option<i64>) {
        self.forget(now);
        self.limit = limit.min(self.window.limit_max);
        // What we are not to use is there for others, before they take from what we may.
        let spare = limit - self.limit;
        // Requests in flight may be counted already or not. So one header gives bounds, and
        // several together the answer, as long as others use about the same.
        let used = limit.saturating_sub(remaining);
        let at_most = used.saturating_sub(self.settled_sum);
        let at_least = at_most.saturating_sub(self.held).saturating_sub(spare);
        let at_most = at_most.saturating_sub(spare);
        if self.foreign_until <= now || at_least > self.foreign || at_most < self.foreign_min {
            (self.foreign_min, self.foreign) = (at_least, at_most);
        } else {
            self.foreign_min = self.foreign_min.max(at_least);
            self.foreign = self.foreign.min(at_most);
        }
        self.foreign_until = now.saturating_add(self.span);
        if let Some(reset) = reset.filter(|reset| *reset > now) {
            self.reset = Some(reset);
        }
    }

    pub(super) fn usage(&mut self, now: i64) -> QuotaUse {
        self.forget(now);
        QuotaUse { name: self.name().to_owned(), limit: self.limit, used: self.used() }
    }

    fn used(&self) -> u64 {
        self.held + self.settled_sum + self.foreign
    }

    fn usable(&self, priority: Priority) -> u64 {
        let ours = percent(self.limit, 100 - self.window.reserve_percent.min(100));
        percent(ours, self.window.percent_of(priority))
    }

    /// Drops what no longer counts.
    fn forget(&mut self, now: i64) {
        if self.reset.is_some_and(|reset| reset <= now) {
            self.reset = None;
            self.settled.clear();
            self.settled_sum = 0;
            self.foreign = 0;
            self.foreign_until = i64::MIN;
        }
        while let Some((end, count)) = self.settled.front().copied() {
            if end.saturating_add(self.span) > now {
                break;
            }
            self.settled_sum = self.settled_sum.saturating_sub(count);
            self.settled.pop_front();
        }
        if self.foreign_until <= now {
            self.foreign = 0;
        }
    }

    /// Returns when `needed` of what is used will be free; `None` if that depends on requests in
    /// flight.
    fn freed_at(&self, needed: u64) -> Option<i64> {
        let mut freed = 0;
        let mut foreign = (self.foreign > 0).then_some((self.foreign_until, self.foreign));
        let mut settled = self
            .settled
            .iter()
            .map(|(end, count)| (end.saturating_add(self.span), *count))
            .peekable();
        loop {
            let next_is_foreign = match (foreign, settled.peek()) {
                (Some((foreign, _)), Some((settled, _))) => foreign <= *settled,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let next = if next_is_foreign { foreign.take() } else { settled.next() };
            let (at, count) = next?;
            if self.reset.is_some_and(|reset| reset < at) {
                break;
            }
            freed += count;
            if freed >= needed {
                return Some(at);
            }
        }
        let at_reset = self.settled_sum + self.foreign;
        self.reset.filter(|_| at_reset >= needed)
    }
}

/// Returns a share, rounded down.
fn percent(whole: u64, percent: u8) -> u64 {
    let share = u128::from(whole) * u128::from(percent) / 100;
    u64::try_from(share).unwrap_or(whole)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Window;
    use super::{MARGIN_US, Room, Tracked};
    use crm_core::{Priority, Quota};

    const SECOND: i64 = 1_000_000;

    fn tracked(limit: u64, seconds: u64, reserve_percent: u8) -> Tracked {
        let window = Window::new(Quota { name: "w", limit, window: Duration::from_secs(seconds) });
        Tracked::new(window.reserve_percent(reserve_percent))
    }

    fn spend(tracked: &mut Tracked, now: i64, count: u32) {
        for _ in 0..count {
            assert_eq!(tracked.room(now, 1, Priority::Interactive), Room::Now);
            tracked.hold(1);
            tracked.settle(now, 1);
        }
    }

    #[test]
    fn a_full_window_has_room_one_window_after_the_reply() {
        let mut tracked = tracked(2, 10, 0);
        tracked.hold(2);
        assert_eq!(tracked.room(0, 1, Priority::Interactive), Room::AfterReply);
        tracked.settle(3 * SECOND, 2);
        let Room::At(at) = tracked.room(3 * SECOND, 1, Priority::Interactive) else {
            panic!("not full")
        };
        assert!(at >= 13 * SECOND + MARGIN_US, "{at}");
        assert!(at <= 13 * SECOND + MARGIN_US + 10 * SECOND / 1_000, "{at}");
        assert_eq!(tracked.room(at - 1, 1, Priority::Interactive), Room::At(at));
        assert_eq!(tracked.room(at, 1, Priority::Interactive), Room::Now);
    }

    #[test]
    fn headers_tell_what_others_use_and_what_the_limit_is() {
        let mut tracked = tracked(190, 10, 0);
        spend(&mut tracked, 0, 10);
        tracked.observe(0, 100, 60, None);
        assert_eq!(tracked.usage(0).used, 40);
        assert_eq!(tracked.usage(0).limit, 100);
        spend(&mut tracked, SECOND, 60);
        assert!(matches!(tracked.room(SECOND, 1, Priority::Interactive), Room::At(_)));
        // A later header that shows nobody else takes the others' share back.
        tracked.observe(2 * SECOND, 100, 30, None);
        assert_eq!(tracked.usage(2 * SECOND).used, 70);
    }

    #[test]
    fn headers_never_raise_a_limit_that_was_chosen() {
        let quota = Quota { name: "w", limit: 20, window: Duration::from_secs(10) };
        let mut tracked = Tracked::new(Window::new(quota).capped());
        spend(&mut tracked, 0, 10);
        // Nobody else is there.
        tracked.observe(0, 190, 180, None);
        assert_eq!((tracked.usage(0).limit, tracked.usage(0).used), (20, 10));
        // Others use what we are not to use, and then some of ours.
        tracked.observe(1, 190, 10, None);
        assert_eq!(tracked.usage(1).used, 10);
        tracked.observe(2, 190, 3, None);
        assert_eq!(tracked.usage(2).used, 17);
        spend(&mut tracked, 2, 3);
        assert!(matches!(tracked.room(2, 1, Priority::Interactive), Room::At(_)));
        // Less than was chosen is a fact of the account; more is not asked for afterwards.
        tracked.observe(11 * SECOND, 15, 15, None);
        assert_eq!(tracked.usage(11 * SECOND).limit, 15);
        tracked.observe(12 * SECOND, 250, 250, None);
        assert_eq!(tracked.usage(12 * SECOND).limit, 20);
    }

    #[test]
    fn requests_in_flight_are_not_taken_for_others() {
        let mut tracked = tracked(100, 10, 0);
        spend(&mut tracked, 0, 1);
        tracked.observe(0, 100, 79, None);
        assert_eq!(tracked.usage(0).used, 21);
        tracked.hold(8);
        // The provider has counted five of the eight.
        tracked.observe(1, 100, 74, None);
        assert_eq!(tracked.usage(1).used, 29);
        // Others came: more than all of ours together.
        tracked.observe(2, 100, 40, None);
        assert_eq!(tracked.usage(2).used, 8 + 60);
    }

    #[test]
    fn what_is_left_never_grows_by_a_late_header() {
        let mut tracked = tracked(10, 10, 0);
        spend(&mut tracked, 0, 10);
        tracked.observe(0, 10, 9, None);
        assert!(matches!(tracked.room(0, 1, Priority::Interactive), Room::At(_)));
    }

    #[test]
    fn a_reset_empties_the_window_at_once() {
        let day = 86_400 * SECOND;
        let mut tracked = tracked(100, 86_400, 0);
        spend(&mut tracked, 0, 50);
        tracked.observe(0, 100, 0, Some(day / 4));
        assert_eq!(tracked.room(0, 1, Priority::Interactive), Room::At(day / 4));
        assert_eq!(tracked.room(day / 4, 1, Priority::Interactive), Room::Now);
        assert_eq!(tracked.usage(day / 4).used, 0);
    }

    #[test]
    fn the_reserve_is_left_to_others() {
        let mut tracked = tracked(10, 10, 25);
        spend(&mut tracked, 0, 7);
        assert!(matches!(tracked.room(0, 1, Priority::Interactive), Room::At(_)));
        tracked.observe(0, 0, 0, None);
        assert_eq!(tracked.room(0, 1, Priority::Interactive), Room::Never);
    }

    #[test]
    fn a_day_of_requests_costs_a_thousand_entries() {
        let mut tracked = tracked(1_000_000, 86_400, 0);
        for second in 0..86_400 {
            spend(&mut tracked, second * SECOND, 7);
        }
        assert!(tracked.settled.len() <= 1_026, "{}", tracked.settled.len());
        assert_eq!(tracked.usage(86_400 * SECOND).used, 7 * 86_400);
    }

    #[test]
    fn a_cost_above_the_limit_takes_all_of_it() {
        let mut tracked = tracked(5, 10, 0);
        assert_eq!(tracked.room(0, 50, Priority::Interactive), Room::Now);
        spend(&mut tracked, 0, 1);
        assert!(matches!(tracked.room(0, 50, Priority::Interactive), Room::At(_)));
    }
}
