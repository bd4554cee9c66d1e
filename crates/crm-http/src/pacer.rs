//! Quota windows: holds requests back so that no provider's own count is ever exceeded.
//!
//! A request takes a *slot* in every window that counts its lane. The slot is held from
//! admission until one window after the reply: the provider counted the request somewhere in
//! between, and when we do not know where, only the end is safe. Whatever the latency and
//! however many callers there are, a rolling count at the other end then stays within the limit,
//! and so does a count over fixed periods.
//!
//! Headers correct the limit and tell what others use ([`Pacer::observe`]). They never raise a
//! limit that was configured ([`Window::capped`]).

mod turns;
mod window;

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crm_core::{Clock, ErrorKind, Priority, ProviderError, Quota, QuotaUse};
use futures_util::future::{Either, select};
use jiff::Timestamp;
use tokio::sync::{Mutex as Turnstile, Notify};

use crate::clock::until;
use turns::Turns;
use window::{Room, Tracked};

/// A quota window and the requests that it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub(crate) quota: Quota,
    pub(crate) lanes: Lanes,
    pub(crate) reserve_percent: u8,
    pub(crate) graded: bool,
    /// The highest limit that headers may set.
    pub(crate) limit_max: u64,
    /// Whether a request counts once, whatever it costs.
    pub(crate) per_request: bool,
}

impl Window {
    /// Makes a window that counts all requests and may be used up.
    pub const fn new(quota: Quota) -> Self {
        Self {
            quota,
            lanes: Lanes::All,
            reserve_percent: 0,
            graded: false,
            limit_max: u64::MAX,
            per_request: false,
        }
    }

    /// Makes every request count once in this window, whatever it costs in others.
    #[must_use]
    pub const fn per_request(mut self) -> Self {
        self.per_request = true;
        self
    }

    /// Says which requests the window counts.
    #[must_use]
    pub const fn lanes(mut self, lanes: Lanes) -> Self {
        self.lanes = lanes;
        self
    }

    /// Keeps headers from raising the limit: somebody chose it.
    #[must_use]
    pub const fn capped(mut self) -> Self {
        self.limit_max = self.quota.limit;
        self
    }

    /// Leaves a share of the limit to others who use the same account.
    #[must_use]
    pub const fn reserve_percent(mut self, percent: u8) -> Self {
        self.reserve_percent = percent;
        self
    }

    /// Lets those who are less urgent stop early: background work at 80 % of what may be used,
    /// realtime at 95 %.
    #[must_use]
    pub const fn graded(mut self) -> Self {
        self.graded = true;
        self
    }

    /// Returns how many percent of what may be used a priority may use.
    pub(crate) fn percent_of(&self, priority: Priority) -> u8 {
        match priority {
            Priority::Realtime if self.graded => 95,
            Priority::Background if self.graded => 80,
            Priority::Interactive | Priority::Realtime | Priority::Background => 100,
        }
    }
}

/// Which lanes a window counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {
    /// Every request.
    All,
    /// Requests on these lanes.
    Only(&'static [&'static str]),
    /// Requests on all lanes but these.
    Except(&'static [&'static str]),
}

impl Lanes {
    fn contain(self, lane: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(lanes) => lanes.contains(&lane),
            Self::Except(lanes) => !lanes.contains(&lane),
        }
    }
}

/// By lane and priority.
type Turnstiles = BTreeMap<(&'static str, Priority), Arc<Turnstile<()>>>;

/// The windows of one client.
pub struct Pacer {
    clock: Arc<dyn Clock>,
    wait_max: Duration,
    state: Mutex<State>,
    /// Tells those who wait that a slot was given back or a window corrected.
    changed: Notify,
    /// Callers of one lane and priority queue here, so that they are admitted in the order they
    /// came.
    turnstiles: Mutex<Turnstiles>,
}

struct State {
    windows: Vec<Tracked>,
    closed: BTreeMap<String, Timestamp>,
    turns: BTreeMap<&'static str, Turns>,
}

/// How long somebody is let go first who does not go.
const TURN_MAX: Duration = Duration::from_secs(1);

/// What an attempt to take a slot found.
enum Step {
    Taken,
    /// Some window is full, until then at least; `None`: until a request in flight is answered.
    Full(&'static str, Option<Timestamp>),
    /// Somebody else goes first.
    Behind,
    /// The lane is paused.
    Paused(Timestamp),
    /// The limit leaves nothing for us.
    Never(&'static str),
}

impl Pacer {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        windows: impl IntoIterator<Item = Window>,
        wait_max: Duration,
    ) -> Self {
        Self {
            clock,
            wait_max,
            state: Mutex::new(State {
                windows: windows.into_iter().map(Tracked::new).collect(),
                closed: BTreeMap::new(),
                turns: BTreeMap::new(),
            }),
            changed: Notify::new(),
            turnstiles: Mutex::default(),
        }
    }

    /// Corrects a window by what the provider says of it: its limit, what is left now, and,
    /// for a window that empties at once, when it does. Unknown names are ignored.
    pub fn observe(&self, window: &str, limit: u64, remaining: u64, reset: Option<Timestamp>) {
        let now = self.clock.now().as_microsecond();
        let reset = reset.map(Timestamp::as_microsecond);
        for tracked in &mut self.state().windows {
            if tracked.name() == window {
                tracked.observe(now, limit, remaining, reset);
            }
        }
        self.changed.notify_waiters();
    }

    /// Holds back all requests of a lane until an instant.
    pub fn pause(&self, lane: &str, until: Timestamp) {
        let mut state = self.state();
        let closed = state.closed.entry(lane.to_owned()).or_insert(until);
        *closed = until.max(*closed);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Returns how far each window is used.
    pub fn usage(&self) -> Vec<QuotaUse> {
        let now = self.clock.now().as_microsecond();
        let mut state = self.state();
        state.windows.iter_mut().map(|tracked| tracked.usage(now)).collect()
    }

    /// Waits until every window that counts the lane has room, and takes it. Where several
    /// priorities wait, each has its share.
    ///
    /// A wait of more than the longest one that a call may take becomes an error at once.
    pub(crate) async fn admit(
        &self,
        lane: &'static str,
        cost: u32,
        priority: Priority,
    ) -> Result<Slot<'_>, ProviderError> {
        let _place = Place::take(self, lane, priority);
        let turnstile = self.turnstile(lane, priority);
        let _turn = turnstile.lock().await;
        let mut patient = true;
        loop {
            // Before looking, or a change between looking and waiting would be missed.
            let changed = pin!(self.changed.notified());
            let now = self.clock.now();
            let (what, room_at) = match self.take(now, lane, cost, priority, patient) {
                Step::Taken => {
                    return Ok(Slot { pacer: self, lane, cost });
                }
                Step::Behind => {
                    let waited = select(changed, self.clock.sleep(TURN_MAX)).await;
                    patient = matches!(waited, Either::Left(_));
                    continue;
                }
                Step::Never(window) => return Err(exhausted(window, None, priority)),
                Step::Full(window, room_at) => (window, room_at),
                Step::Paused(room_at) => (lane, Some(room_at)),
            };
            let Some(room_at) = room_at else {
                changed.await;
                continue;
            };
            let wait = until(now, room_at);
            if wait > self.wait_max {
                return Err(exhausted(what, Some(room_at), priority));
            }
            select(changed, self.clock.sleep(wait)).await;
        }
    }

    fn take(
        &self,
        now: Timestamp,
        lane: &'static str,
        cost: u32,
        priority: Priority,
        patient: bool,
    ) -> Step {
        let mut state = self.state();
        if let Some(open_at) = state.closed.get(lane).copied() {
            if open_at > now {
                return Step::Paused(open_at);
            }
            state.closed.remove(lane);
        }
        let now = now.as_microsecond();
        let mut full: Option<(&'static str, Option<i64>)> = None;
        for tracked in state.windows.iter_mut().filter(|tracked| tracked.counts(lane)) {
            match tracked.room(now, cost, priority) {
                Room::Now => {}
                Room::At(at) => {
                    let last = full.is_none_or(|(_, known)| known.is_some_and(|known| at > known));
                    if last {
                        full = Some((tracked.name(), Some(at)));
                    }
                }
                Room::AfterReply => full = Some((tracked.name(), None)),
                Room::Never => return Step::Never(tracked.name()),
            }
        }
        if let Some((window, at)) = full {
            let at = at.map(|at| Timestamp::from_microsecond(at).unwrap_or(Timestamp::MAX));
            return Step::Full(window, at);
        }
        let turns = state.turns.entry(lane).or_default();
        if patient && !turns.is_next(priority) {
            return Step::Behind;
        }
        turns.charge(priority, cost);
        for tracked in state.windows.iter_mut().filter(|tracked| tracked.counts(lane)) {
            tracked.hold(cost);
        }
        Step::Taken
    }

    fn release(&self, lane: &str, cost: u32) {
        let now = self.clock.now().as_microsecond();
        for tracked in &mut self.state().windows {
            if tracked.counts(lane) {
                tracked.settle(now, cost);
            }
        }
        self.changed.notify_waiters();
    }

    fn turnstile(&self, lane: &'static str, priority: Priority) -> Arc<Turnstile<()>> {
        let mut turnstiles = self.turnstiles.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turnstiles.entry((lane, priority)).or_default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacer").field("windows", &self.usage()).finish_non_exhaustive()
    }
}

/// A place among those who wait; others look again when it is left.
struct Place<'a> {
    pacer: &'a Pacer,
    lane: &'static str,
    priority: Priority,
}

impl<'a> Place<'a> {
    fn take(pacer: &'a Pacer, lane: &'static str, priority: Priority) -> Self {
        pacer.state().turns.entry(lane).or_default().enter(priority);
        Self { pacer, lane, priority }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pacer.state().turns.entry(self.lane).or_default().leave(self.priority);
        self.pacer.changed.notify_waiters();
    }
}

/// Room in the windows for one request, from admission to its reply.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    pacer: &'a Pacer,
    lane: &'static str,
    cost: u32,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.pacer.release(self.lane, self.cost);
    }
}

fn exhausted(what: &str, until: Option<Timestamp>, priority: Priority) -> ProviderError {
    let whom = match priority {
        Priority::Interactive | Priority::Realtime => "",
        Priority::Background => " for background work",
    };
    let message = match until {
        Some(until) => format!("the quota `{what}` is used up{whom} until {until}"),
        None => format!("the quota `{what}` leaves nothing to use{whom}"),
    };
    ProviderError::new(ErrorKind::QuotaExhausted { until }, message)
        .with_hint("run again when the quota is filled, or raise it with the vendor")
}

#[cfg(test)]
mod tests;
