//! All accounts of one simulation, and what is still to happen to them.
//!
//! Nothing here waits. What is to happen at a time stands in a queue, and whoever looks at an
//! account first lets happen what is due: so the result depends on times alone, never on who
//! happened to look.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crm_core::{Author, Field, FieldType, Fields, Mapping, ObjectKind, RemoteId, Value, Write};
use jiff::Timestamp;

use super::deed::Deed;
use super::journal::{Hand, Journal, Stroke};
use super::profile::{Profile, Rows, Ties};
use super::record::{Account, Cell, Row, State, kind_of};
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
    /// Makes empty accounts of people, one for each profile.
    pub fn new(clock: Arc<ManualClock>, profiles: &[&'static Profile], seed: u64) -> Arc<Self> {
        Self::of_kinds(clock, profiles, &[ObjectKind::Contact], seed)
    }

    /// Makes empty accounts in which those kinds take part, one for each profile.
    pub fn of_kinds(
        clock: Arc<ManualClock>,
        profiles: &[&'static Profile],
        part: &[ObjectKind],
        seed: u64,
    ) -> Arc<Self> {
        let root = Rng::new(seed);
        let accounts =
            profiles.iter().map(|profile| Account::new(profile, part, root.fork(profile.name)));
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
    pub fn live(&self, account: usize, kind: ObjectKind) -> Vec<RemoteId> {
        let inner = self.now();
        let Some(account) = inner.accounts.get(account) else { return Vec::new() };
        account.live(kind).map(|row| account.remote_id(row.number)).collect()
    }

    /// Returns what a record of an account holds.
    pub fn stored(
        &self,
        account: usize,
        kind: ObjectKind,
        id: &RemoteId,
        field: Field,
    ) -> Option<Value> {
        let inner = self.now();
        let account = inner.accounts.get(account)?;
        inner.values(account, account.row(kind, id)?).get(field).cloned()
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

    /// Returns the text that a record shows of a field that is no set.
    pub(crate) fn text(&self, row: &Row, field: Field) -> Option<Arc<str>> {
        self.cell(row, (field, None))
    }

    /// Returns the text that a cell shows.
    pub(crate) fn cell(&self, row: &Row, cell: Cell) -> Option<Arc<str>> {
        self.journal.stroke(*row.cells.get(&cell)?)?.value.clone()
    }

    /// Returns the members of a set that a record shows.
    pub(crate) fn members(&self, row: &Row, field: Field) -> Vec<u64> {
        let cells = row.cells.keys().filter(|cell| cell.0 == field);
        cells.filter(|cell| self.cell(row, **cell).is_some()).filter_map(|cell| cell.1).collect()
    }

    /// Returns all that a record shows, as values.
    pub(crate) fn values(&self, account: &Account, row: &Row) -> Fields {
        account.fields(row, |stroke| self.journal.stroke(stroke)?.value.clone())
    }

    /// Makes a record without values.
    pub(super) fn insert(
        &mut self,
        index: usize,
        table: &'static Mapping,
        at: Timestamp,
    ) -> Option<u64> {
        let account = self.accounts.get_mut(index)?;
        let number = account.next_number(table.kind);
        let stamp = account.stamp(at, None);
        let lag = account.lag();
        let row = Row {
            number,
            table,
            read: account.rules(table).map(|rule| rule.field).collect(),
            uid: None,
            state: State::Live,
            cells: BTreeMap::new(),
            created: at,
            shown: None,
            modified: stamp,
            author: Author::Other,
            aliases: Vec::new(),
            indexed: None,
            visible: later(at, lag),
            ties: Vec::new(),
        };
        account.rows.insert(number, row);
        Some(number)
    }

    /// Changes values of a record; returns whether anything changed.
    pub(super) fn paint(
        &mut self,
        (index, number): (usize, u64),
        inks: &[Ink],
        hand: Hand,
        at: Timestamp,
    ) -> bool {
        let Some(account) = self.accounts.get_mut(index) else { return false };
        let profile = account.profile;
        let Some(table) = account.rows.get(&number).map(|row| row.table) else { return false };
        let known: Vec<(&Ink, FieldType)> =
            inks.iter().filter_map(|ink| Some((ink, account.rule(table, ink.field)?.ty))).collect();
        let Some(row) = account.rows.get_mut(&number) else { return false };
        let (mut plain, mut tied) = (false, false);
        for (ink, ty) in known {
            let value = ink.value.as_deref().and_then(|raw| profile.store(ink.field, raw));
            let previous = row.cells.get(&ink.cell()).copied();
            let before = previous.and_then(|stroke| self.journal.stroke(stroke)?.value.clone());
            if value.as_deref() == before.as_deref() {
                continue;
            }
            let stroke = Stroke {
                at,
                account: index,
                record: number,
                field: ink.field,
                member: ink.member,
                value: value.map(Arc::from),
                hand,
                previous,
                next: None,
                seen: None,
            };
            row.cells.insert(ink.cell(), self.journal.paint(stroke));
            *if ty.refers_to().is_some() { &mut tied } else { &mut plain } = true;
        }
        if plain || (tied && profile.ties == Ties::Stamped) {
            self.touch((index, number), hand, at);
        } else if tied {
            let lag = account.lag();
            if let Some(row) = account.rows.get_mut(&number) {
                row.ties.push((at, later(at, lag)));
            }
        }
        plain || tied
    }

    /// Takes a record that is no more out of all that refers to it, or puts another one in its
    /// place.
    pub(super) fn unhook(&mut self, index: usize, number: u64, heir: Option<u64>, at: Timestamp) {
        let Some(account) = self.accounts.get(index) else { return };
        let heir = heir.map(|heir| (heir, account.remote_id(heir).to_string()));
        let mut work: Vec<(u64, Vec<Ink>)> = Vec::new();
        for row in account.rows.values() {
            let cells = row.cells.keys().filter(|cell| self.leads(account, row, **cell, number));
            let inks = cells.flat_map(|(field, member)| {
                let heir = heir.as_ref().filter(|(heir, _)| *heir != row.number);
                let text = heir.map(|(_, id)| id.clone());
                if member.is_none() {
                    return vec![Ink { field: *field, member: None, value: text }];
                }
                let gone = Ink { field: *field, member: *member, value: None };
                let heir = heir.map(|(heir, id)| Ink::member(*field, *heir, id.clone()));
                std::iter::once(gone).chain(heir).collect::<Vec<_>>()
            });
            let inks: Vec<Ink> = inks.collect();
            if !inks.is_empty() {
                work.push((row.number, inks));
            }
        }
        for (row, inks) in work {
            self.paint((index, row), &inks, Hand::Crm, at);
        }
    }

    /// Returns whether a cell refers to a record.
    fn leads(&self, account: &Account, row: &Row, cell: Cell, number: u64) -> bool {
        let Some(text) = self.cell(row, cell) else { return false };
        let to = account.profile.rule(cell.0).and_then(|rule| rule.ty.refers_to());
        match cell.1 {
            Some(member) => member == number,
            None => to == Some(kind_of(number)) && *text == *account.remote_id(number).as_str(),
        }
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
            Hand::User | Hand::Crm => Author::Other,
            Hand::Engine { .. } => Author::Ours,
        };
    }

    /// Remembers that the engine was shown all values of a record.
    pub(super) fn show(&mut self, index: usize, number: u64, at: Timestamp) {
        let account = self.accounts.get_mut(index);
        let Some(row) = account.and_then(|account| account.rows.get_mut(&number)) else { return };
        row.shown = Some(at);
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

/// What is to become of one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ink {
    pub(super) field: Field,
    /// The member of a set.
    pub(super) member: Option<u64>,
    /// The value; `None` clears, or takes the member out.
    pub(super) value: Option<String>,
}

impl Ink {
    pub(super) const fn plain(field: Field, value: Option<String>) -> Self {
        Self { field, member: None, value }
    }

    /// Puts a record of that id into a set.
    pub(super) const fn member(field: Field, member: u64, id: String) -> Self {
        Self { field, member: Some(member), value: Some(id) }
    }

    const fn cell(&self) -> Cell {
        (self.field, self.member)
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
