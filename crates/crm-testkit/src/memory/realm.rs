//! All accounts of one simulation, and what is still to happen to them.
//!
//! Nothing here waits. What is to happen at a time stands in a queue, and whoever looks at an
//! account first lets happen what is due: so the result depends on times alone, never on who
//! happened to look.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crm_core::{Author, Field, Fields, ProviderId, RemoteId, Write};
use jiff::Timestamp;

use super::deed::Deed;
use super::journal::{Hand, Journal, Stroke};
use super::profile::{Profile, Rows};
use super::record::{Account, Row, State};
use super::weather::{Item, Weather};
use super::write::Call;
use crate::clock::{ManualClock, later};
use crate::world::Rng;

/// Several CRM accounts, their users, and what happened to every value.
#[derive(Debug)]
pub struct Realm {
    clock: Arc<ManualClock>,
    inner: Mutex<Inner>,
}

/// What is behind the lock.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) accounts: Vec<Account>,
    pub(crate) journal: Journal,
    pub(super) last: u64,
    queue: BTreeMap<(Timestamp, u64), Event>,
}

/// Something that is still to happen.
#[derive(Debug)]
pub(super) enum Event {
    /// A write call reaches its account.
    Arrival(Call),
    /// A user does something.
    Deed(Deed),
}

impl Realm {
    /// Makes empty accounts, one for each profile.
    pub fn new(clock: Arc<ManualClock>, profiles: &[&'static Profile], seed: u64) -> Arc<Self> {
        let root = Rng::new(seed);
        let accounts = profiles.iter().map(|profile| {
            Account::new(ProviderId::new(profile.name), profile, root.fork(profile.name))
        });
        let inner = Inner {
            accounts: accounts.collect(),
            journal: Journal::default(),
            last: 0,
            queue: BTreeMap::new(),
        };
        Arc::new(Self { clock, inner: Mutex::new(inner) })
    }

    /// Returns the clock that everything happens by.
    pub fn clock(&self) -> &Arc<ManualClock> {
        &self.clock
    }

    /// Sets what goes wrong at every account from now on.
    pub fn set_weather(&self, weather: &Weather) {
        for account in &mut self.now().accounts {
            account.weather = weather.clone();
        }
    }

    /// Lets a user do something now.
    pub fn perform(&self, deed: Deed) {
        let at = self.time();
        self.now().perform(deed, at);
    }

    /// Lets a user do something later.
    pub fn schedule(&self, at: Timestamp, deed: Deed) {
        self.now().push(at, Event::Deed(deed));
    }

    /// Forgets what users still wanted to do. Calls under way go on.
    pub fn quiet(&self) {
        self.now().queue.retain(|_, event| matches!(event, Event::Arrival(_)));
    }

    /// Returns the ids of the live records of an account, in the order of their making.
    pub fn live(&self, account: usize) -> Vec<RemoteId> {
        let inner = self.now();
        let Some(account) = inner.accounts.get(account) else { return Vec::new() };
        account.live().map(|row| account.remote_id(row.number)).collect()
    }

    /// Returns what a record of an account holds.
    pub fn stored(&self, account: usize, id: &RemoteId, field: Field) -> Option<String> {
        let inner = self.now();
        let number = inner.accounts.get(account)?.number(id)?;
        let row = inner.accounts.get(account)?.rows.get(&number)?;
        inner.text(row, field).map(|text| text.to_string())
    }

    /// Lets happen what is due, and opens the state.
    pub(crate) fn now(&self) -> MutexGuard<'_, Inner> {
        let now = self.time();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.settle(now);
        inner
    }

    pub(super) fn time(&self) -> Timestamp {
        use crm_core::Clock as _;
        self.clock.now()
    }
}

impl Inner {
    /// Puts something into the queue.
    pub(super) fn push(&mut self, at: Timestamp, event: Event) {
        self.last += 1;
        self.queue.insert((at, self.last), event);
    }

    /// Lets happen what is due, each thing at its own time.
    fn settle(&mut self, now: Timestamp) {
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), event) = entry.remove_entry();
            match event {
                Event::Arrival(call) => self.arrive(call, at),
                Event::Deed(deed) => self.perform(deed, at),
            }
        }
    }

    /// Takes a write call: draws its fate and puts its arrival into the queue.
    pub(super) fn receive(&mut self, index: usize, writes: &[Write], now: Timestamp) -> Receipt {
        self.last += 1;
        let ticket = self.last;
        let Some(account) = self.accounts.get_mut(index) else {
            return Receipt { ticket, answers: Duration::ZERO, error: None };
        };
        account.usage.writes += 1;
        let Account { weather, rng, .. } = account;
        let fate = weather.write(rng);
        let partial = rng.happens(weather.partial);
        let items = writes
            .iter()
            .map(|_| if partial { Weather::item(rng) } else { Item::Served })
            .collect::<VecDeque<_>>();
        if let Some(wait) = fate.acts {
            let call = Call {
                account: index,
                ticket,
                sent: now,
                writes: writes.to_vec(),
                items,
                heard: fate.error.is_none(),
            };
            self.push(later(now, wait), Event::Arrival(call));
        }
        Receipt { ticket, answers: fate.answers, error: fate.error }
    }

    /// Returns the text that a record shows of a field.
    pub(crate) fn text(&self, row: &Row, field: Field) -> Option<Arc<str>> {
        self.journal.stroke(*row.cells.get(&field)?)?.value.clone()
    }

    /// Returns all that a record shows, as values.
    pub(crate) fn values(&self, account: &Account, row: &Row) -> Fields {
        let shown = row.cells.keys().filter_map(|field| {
            let text = self.text(row, *field)?;
            Some((*field, account.value(*field, &text)?))
        });
        shown.collect()
    }

    /// Makes a record without values.
    pub(super) fn insert(&mut self, index: usize, at: Timestamp) -> Option<u64> {
        let account = self.accounts.get_mut(index)?;
        account.last += 1;
        let number = account.last;
        let stamp = account.stamp(at, None);
        let lag = account.lag();
        let row = Row {
            number,
            uid: None,
            state: State::Live,
            cells: BTreeMap::new(),
            created: at,
            modified: stamp,
            author: Author::Other,
            aliases: Vec::new(),
            indexed: None,
            visible: later(at, lag),
        };
        account.rows.insert(number, row);
        Some(number)
    }

    /// Changes values of a record; returns whether anything changed.
    pub(super) fn paint(
        &mut self,
        (index, number): (usize, u64),
        values: &[(Field, Option<String>)],
        hand: Hand,
        at: Timestamp,
    ) -> bool {
        let Some(account) = self.accounts.get_mut(index) else { return false };
        let profile = account.profile;
        let Some(row) = account.rows.get_mut(&number) else { return false };
        let mut changed = false;
        for (field, value) in values {
            let value = value.as_deref().and_then(|raw| profile.store(*field, raw));
            let previous = row.cells.get(field).copied();
            let before = previous.and_then(|stroke| self.journal.stroke(stroke)?.value.clone());
            if value.as_deref() == before.as_deref() || profile.mapping.rule(*field).is_none() {
                continue;
            }
            let stroke = Stroke {
                at,
                account: index,
                record: number,
                field: *field,
                value: value.map(Arc::from),
                hand,
                previous,
                next: None,
                seen: None,
            };
            row.cells.insert(*field, self.journal.paint(stroke));
            changed = true;
        }
        if changed {
            self.touch((index, number), hand, at);
        }
        changed
    }

    /// Gives a record a new stamp.
    pub(super) fn touch(&mut self, (index, number): (usize, u64), hand: Hand, at: Timestamp) {
        let Some(account) = self.accounts.get_mut(index) else { return };
        let lag = account.lag();
        let Some(before) = account.rows.get(&number).map(|row| row.modified) else { return };
        let stamp = account.stamp(at, Some(before));
        let Some(row) = account.rows.get_mut(&number) else { return };
        if row.visible <= at {
            row.indexed = Some(row.modified);
        }
        row.visible = later(at, lag);
        row.modified = stamp;
        row.author = match hand {
            Hand::User => Author::Other,
            Hand::Engine { .. } => Author::Ours,
        };
    }

    /// Remembers that the engine was shown all values of a record.
    pub(super) fn show(&mut self, index: usize, number: u64, at: Timestamp) {
        let Some(row) = self.accounts.get(index).and_then(|account| account.rows.get(&number))
        else {
            return;
        };
        for stroke in row.cells.values() {
            if let Some(stroke) = self.journal.strokes.get_mut(*stroke) {
                stroke.seen.get_or_insert(at);
            }
        }
    }
}

impl Account {
    /// Draws how long the index takes to show a change.
    fn lag(&mut self) -> Duration {
        let lags = self.profile.list == Rows::Hints || self.profile.poll == Rows::Hints;
        let longest = if lags { self.weather.lag_max.min(self.profile.lag.as_secs()) } else { 0 };
        Duration::from_millis(self.rng.below(longest.saturating_mul(1_000)))
    }
}

/// What the caller of a write call needs to know.
#[derive(Debug)]
pub(super) struct Receipt {
    /// Under which number the answer is kept.
    pub(super) ticket: u64,
    /// How long the answer takes.
    pub(super) answers: Duration,
    /// What is said instead of the answer.
    pub(super) error: Option<crm_core::ErrorKind>,
}
