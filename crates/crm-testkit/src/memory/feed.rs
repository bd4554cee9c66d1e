//! The feeds: everything once in the order of numbers, then windows of time.

use crm_core::{Change, ChangePage, Cursor, ErrorKind, Feed, ObjectKind, Watermark};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::profile::{Merges, OVERLAP, PAGE_MAX, Rows};
use super::realm::Inner;
use super::record::{Refused, Row, State, version};
use crate::clock::earlier;

/// What a cursor holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum Position {
    /// Everything is being listed.
    List { watermark: Watermark, after: u64 },
    /// What changed in a window of time.
    Poll { watermark: Watermark, window: Option<Window> },
    /// What was deleted in a window of time.
    Bin { watermark: Watermark, window: Option<Window> },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Window {
    fresh: bool,
    from: Timestamp,
    until: Timestamp,
    last: u64,
}

/// Which account, and which kind.
type Place = (usize, ObjectKind);

/// One row of a page.
struct Entry {
    number: u64,
    change: Change,
    stamp: Timestamp,
}

impl Inner {
    /// Reads one page of a feed of an account.
    pub(super) fn page(
        &mut self,
        (index, kind): Place,
        feed: Feed,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<ChangePage, Refused> {
        let position = match after {
            Some(cursor) => serde_json::from_str(&cursor.0)
                .map_err(|_foreign| Refused(ErrorKind::Permanent, "the cursor is not ours"))?,
            None => match feed {
                Feed::Changes | Feed::Fresh => {
                    Position::List { watermark: Watermark::begin(now), after: 0 }
                }
                Feed::Deletions => Position::Bin { watermark: Watermark::begin(now), window: None },
            },
        };
        match position {
            Position::List { watermark, after } => self.list((index, kind), watermark, after, now),
            Position::Poll { watermark, window } | Position::Bin { watermark, window } => {
                self.poll((index, kind), feed, watermark, window, now)
            }
        }
    }

    fn list(
        &mut self,
        (index, kind): Place,
        watermark: Watermark,
        after: u64,
        now: Timestamp,
    ) -> Result<ChangePage, Refused> {
        let account = self.accounts.get(index).ok_or(lost())?;
        let rows = account.live(kind).filter(|row| row.number > after);
        let mut numbers: Vec<u64> = rows.map(|row| row.number).collect();
        let limit = usize::from(PAGE_MAX.get());
        let more = numbers.len() > limit;
        numbers.truncate(limit);
        let shown = account.profile.list;
        let entries: Vec<Entry> =
            numbers.iter().filter_map(|number| self.entry(index, *number, shown)).collect();
        self.shown(index, &entries, shown, now);
        let next = match numbers.last() {
            Some(last) if more => Position::List { watermark, after: *last },
            Some(_) | None => Position::Poll { watermark, window: None },
        };
        page(entries.into_iter().map(|entry| entry.change).collect(), &next, more)
    }

    fn poll(
        &mut self,
        (index, kind): Place,
        feed: Feed,
        watermark: Watermark,
        window: Option<Window>,
        now: Timestamp,
    ) -> Result<ChangePage, Refused> {
        let account = self.accounts.get(index).ok_or(lost())?;
        let profile = account.profile;
        let fresh = feed == Feed::Fresh;
        let window = window.filter(|window| window.fresh == fresh).unwrap_or_else(|| Window {
            fresh,
            from: watermark.from(feed, OVERLAP),
            until: now,
            last: 0,
        });
        let mut entries = match feed {
            Feed::Changes | Feed::Fresh => self.changed((index, kind), &window, now),
            Feed::Deletions => self.deleted((index, kind), &window),
        };
        let limit = usize::from(PAGE_MAX.get());
        let more = entries.len() > limit;
        entries.truncate(limit);
        let last = entries.last().map_or(window.last, |entry| entry.number);
        let (watermark, window) = if more {
            (watermark, Some(Window { last, ..window }))
        } else {
            (watermark.advance(feed, window.until, profile.lag), None)
        };
        let next = match feed {
            Feed::Changes | Feed::Fresh => Position::Poll { watermark, window },
            Feed::Deletions => Position::Bin { watermark, window },
        };
        if feed != Feed::Deletions {
            self.shown(index, &entries, profile.poll, now);
        }
        let changes = self.disturb(index, entries, now);
        page(changes, &next, more)
    }

    /// Returns what the index shows as changed in a window, in the order of numbers.
    fn changed(&self, (index, kind): Place, window: &Window, now: Timestamp) -> Vec<Entry> {
        let Some(account) = self.accounts.get(index) else { return Vec::new() };
        let shown = account.profile.poll;
        let within = |stamp: &Timestamp| window.from <= *stamp && *stamp <= window.until;
        let stamp = |row: &Row| match shown {
            Rows::Observed => Some(row.modified),
            Rows::Hints => row.indexed(now),
        };
        let rows = account.live(kind).filter(|row| row.number > window.last);
        let entries = rows.filter_map(|row| {
            // A change of references alone has a time, and no version speaks of it.
            let tied = row.ties.iter().filter(|(_, visible)| *visible <= now);
            let tied = tied.map(|(stamp, _)| *stamp).filter(within).max();
            let told = stamp(row).filter(within);
            let mut entry = self.entry_at(index, row.number, shown, now)?;
            if let Some(tied) = tied.filter(|_| told.is_none() || shown == Rows::Hints) {
                let id = account.remote_id(row.number);
                entry.change = Change::Touched { id, version: None };
                entry.stamp = if told.is_some() { entry.stamp.max(tied) } else { tied };
            }
            told.or(tied).map(|_| entry)
        });
        entries.collect()
    }

    fn deleted(&self, (index, kind): Place, window: &Window) -> Vec<Entry> {
        let Some(account) = self.accounts.get(index) else { return Vec::new() };
        let mut entries = Vec::new();
        for row in account.all(kind).filter(|row| row.number > window.last) {
            let missing = Change::Missing { id: account.remote_id(row.number) };
            let (stamp, change) = match row.state {
                State::Live => continue,
                State::Archived(at) => (at, missing),
                State::Merged(_, at) if account.profile.merges == Merges::AsDeletions => {
                    (at, missing)
                }
                State::Merged(into, at) => {
                    let winner = account.remote_id(into);
                    let losers = vec![account.remote_id(row.number)];
                    (at, Change::Merged { winner, losers })
                }
            };
            if window.from <= stamp && stamp <= window.until {
                entries.push(Entry { number: row.number, change, stamp });
            }
        }
        entries
    }

    fn entry(&self, index: usize, number: u64, shown: Rows) -> Option<Entry> {
        self.entry_at(index, number, shown, Timestamp::MAX)
    }

    fn entry_at(&self, index: usize, number: u64, shown: Rows, now: Timestamp) -> Option<Entry> {
        let account = self.accounts.get(index)?;
        let row = account.rows.get(&number)?;
        let change = match shown {
            Rows::Observed => {
                let text = |stroke| self.journal.stroke(stroke)?.value.clone();
                Change::Observed(account.remote(row, text))
            }
            Rows::Hints => Change::Touched {
                id: account.remote_id(number),
                version: row.indexed(now).map(version),
            },
        };
        Some(Entry { number, change, stamp: row.modified })
    }

    fn shown(&mut self, index: usize, entries: &[Entry], shown: Rows, now: Timestamp) {
        if shown == Rows::Observed {
            for entry in entries {
                self.show(index, entry.number, now);
            }
        }
    }

    /// Loses, doubles and shuffles hints. One is lost only while a later poll reads its time
    /// again: the feed is late, not wrong.
    fn disturb(&mut self, index: usize, entries: Vec<Entry>, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::with_capacity(entries.len());
        let Some(account) = self.accounts.get_mut(index) else { return changes };
        let (weather, rng) = (&account.weather, &mut account.rng);
        let unsettled = earlier(now, account.profile.lag);
        for entry in entries {
            let hint = matches!(entry.change, Change::Touched { .. } | Change::Missing { .. });
            let lost = rng.happens(weather.hint_lost);
            let twice = rng.happens(weather.hint_twice);
            if hint && lost && entry.stamp > unsettled {
                continue;
            }
            if hint && twice {
                changes.push(entry.change.clone());
            }
            changes.push(entry.change);
        }
        if rng.happens(weather.hint_shuffled) {
            changes.reverse();
        }
        changes
    }
}

const fn lost() -> Refused {
    Refused(ErrorKind::Permanent, "there is no such account")
}

fn page(changes: Vec<Change>, next: &Position, more: bool) -> Result<ChangePage, Refused> {
    let text = serde_json::to_string(next)
        .map_err(|_unwritable| Refused(ErrorKind::Permanent, "the cursor cannot be written"))?;
    Ok(ChangePage { changes, next: Cursor(text), more })
}
