//! What users of the CRMs do.

use std::time::Duration;

use crm_core::{Field, RemoteId};
use jiff::Timestamp;

use super::journal::Hand;
use super::profile::POISON;
use super::realm::{Event, Inner};
use super::record::State;
use crate::clock::later;

/// Something that a user does. Records are picked by a number among those that live then.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Changes one value of a record; `None` clears.
    Edit {
        /// The account.
        account: usize,
        /// Which record.
        pick: u64,
        /// The field.
        field: Field,
        /// The new value.
        value: Option<String>,
    },
    /// Changes one value of a person on two sides, one after the other.
    Clash {
        /// The accounts.
        accounts: [usize; 2],
        /// Which record of the first account; the other one has the same address.
        pick: u64,
        /// The field.
        field: Field,
        /// The new values.
        values: [Option<String>; 2],
        /// How much later the second change happens.
        gap: Duration,
    },
    /// Changes one value of a certain record.
    Amend {
        /// The account.
        account: usize,
        /// The record's number there.
        record: u64,
        /// The field.
        field: Field,
        /// The new value.
        value: Option<String>,
    },
    /// Takes the last change of one value back.
    Revert {
        /// The account.
        account: usize,
        /// Which record.
        pick: u64,
        /// The field.
        field: Field,
    },
    /// Makes a record.
    Create {
        /// The account.
        account: usize,
        /// The values.
        values: Vec<(Field, String)>,
    },
    /// Puts a record into the recycle bin.
    Delete {
        /// The account.
        account: usize,
        /// Which record.
        pick: u64,
    },
    /// Takes a record out of the recycle bin.
    Restore {
        /// The account.
        account: usize,
        /// Which record of those in the bin.
        pick: u64,
    },
    /// Merges two records; the first one is left.
    Merge {
        /// The account.
        account: usize,
        /// Which record is left.
        winner: u64,
        /// Which record is no more.
        loser: u64,
    },
}

impl Inner {
    /// Lets a user do something. What is not possible (any more) is not done.
    pub(super) fn perform(&mut self, deed: Deed, at: Timestamp) {
        match deed {
            Deed::Edit { account, pick, field, value } => {
                if let Some(record) = self.pick(account, pick) {
                    self.edit(account, record, field, value, at);
                }
            }
            Deed::Amend { account, record, field, value } => {
                self.edit(account, record, field, value, at);
            }
            Deed::Clash { accounts: [left, right], pick, field, values: [first, second], gap } => {
                let Some(record) = self.pick(left, pick) else { return };
                self.edit(left, record, field, first, at);
                if let Some(record) = self.counterpart(left, record, right) {
                    let deed = Deed::Amend { account: right, record, field, value: second };
                    self.push(later(at, gap), Event::Deed(deed));
                }
            }
            Deed::Revert { account, pick, field } => self.revert(account, pick, field, at),
            Deed::Create { account, values } => self.enter(account, values, at),
            Deed::Delete { account, pick } => self.discard(account, pick, at),
            Deed::Restore { account, pick } => self.restore(account, pick, at),
            Deed::Merge { account, winner, loser } => self.merge(account, winner, loser, at),
        }
    }

    fn edit(
        &mut self,
        index: usize,
        number: u64,
        field: Field,
        value: Option<String>,
        at: Timestamp,
    ) {
        let Some(account) = self.accounts.get(index) else { return };
        let required = account.profile.mapping.rule(field).is_some_and(|rule| rule.required);
        let live = account.rows.get(&number).is_some_and(|row| row.state == State::Live);
        let taken = value.as_deref().is_some_and(|value| {
            let holder = self.holder(account, value).map(|row| row.number);
            field == Field::EMAIL && holder.is_some_and(|holder| holder != number)
        });
        if !live || taken || (required && value.is_none()) {
            return;
        }
        let value = value.map(|value| self.palatable(index, field, value));
        self.paint((index, number), &[(field, value)], Hand::User, at);
    }

    /// Returns a value as the account accepts it from a user.
    fn palatable(&self, index: usize, field: Field, value: String) -> String {
        let picky = self.accounts.get(index).and_then(|account| account.profile.picky);
        if picky.is_some_and(|(picky, _)| picky == field) {
            value.replace(POISON, "")
        } else {
            value
        }
    }

    fn revert(&mut self, index: usize, pick: u64, field: Field, at: Timestamp) {
        let Some(number) = self.pick(index, pick) else { return };
        let row = self.accounts.get(index).and_then(|account| account.rows.get(&number));
        let stroke = row.and_then(|row| self.journal.stroke(*row.cells.get(&field)?));
        let before = stroke.and_then(|stroke| self.journal.stroke(stroke.previous?));
        if let Some(before) = before {
            let value = before.value.as_ref().map(ToString::to_string);
            self.edit(index, number, field, value, at);
        }
    }

    fn enter(&mut self, index: usize, values: Vec<(Field, String)>, at: Timestamp) {
        let Some(account) = self.accounts.get(index) else { return };
        let text = |wanted: Field| {
            values.iter().find(|(field, _)| *field == wanted).map(|(_, value)| value.as_str())
        };
        let mut required = account.profile.mapping.rules.iter().filter(|rule| rule.required);
        let unique = account.profile.addresses == super::profile::Addresses::Unique;
        let taken = text(Field::EMAIL).is_some_and(|mail| self.holder(account, mail).is_some());
        if required.any(|rule| text(rule.field).is_none()) || (unique && taken) {
            return;
        }
        let Some(number) = self.insert(index, at) else { return };
        let values: Vec<_> = values
            .into_iter()
            .map(|(field, value)| (field, Some(self.palatable(index, field, value))))
            .collect();
        self.paint((index, number), &values, Hand::User, at);
    }

    fn discard(&mut self, index: usize, pick: u64, at: Timestamp) {
        let Some(number) = self.pick(index, pick) else { return };
        if let Some(row) = self.row_mut(index, number) {
            row.state = State::Archived(at);
        }
        self.turn(index, number, at);
    }

    fn restore(&mut self, index: usize, pick: u64, at: Timestamp) {
        let Some(account) = self.accounts.get(index) else { return };
        let binned = |row: &&super::record::Row| matches!(row.state, State::Archived(_));
        let numbers: Vec<u64> = account.rows.values().filter(binned).map(|r| r.number).collect();
        let Some(number) = nth(&numbers, pick) else { return };
        let mail = account.rows.get(&number).and_then(|row| self.text(row, Field::EMAIL));
        let unique = account.profile.addresses == super::profile::Addresses::Unique;
        if unique && mail.is_some_and(|mail| self.holder(account, &mail).is_some()) {
            return;
        }
        if let Some(row) = self.row_mut(index, number) {
            row.state = State::Live;
        }
        self.turn(index, number, at);
    }

    /// The winner keeps its values; what it lacks it takes from the loser.
    fn merge(&mut self, index: usize, winner: u64, loser: u64, at: Timestamp) {
        let (Some(winner), Some(loser)) = (self.pick(index, winner), self.pick(index, loser))
        else {
            return;
        };
        let Some(account) = self.accounts.get(index).filter(|_| winner != loser) else { return };
        let (Some(kept), Some(lost)) = (account.rows.get(&winner), account.rows.get(&loser)) else {
            return;
        };
        let fill: Vec<(Field, Option<String>)> = lost
            .cells
            .keys()
            .filter(|field| self.text(kept, **field).is_none())
            .map(|field| (*field, self.text(lost, *field).map(|text| text.to_string())))
            .collect();
        let (old, more): (RemoteId, Vec<RemoteId>) =
            (account.remote_id(loser), lost.aliases.clone());
        if let Some(row) = self.row_mut(index, loser) {
            row.state = State::Merged(winner, at);
        }
        if let Some(row) = self.row_mut(index, winner) {
            row.aliases.push(old);
            row.aliases.extend(more);
        }
        self.paint((index, winner), &fill, Hand::User, at);
        self.turn(index, winner, at);
        self.turn(index, loser, at);
    }

    /// Remembers that a record's fate turned, and stamps it.
    fn turn(&mut self, index: usize, number: u64, at: Timestamp) {
        self.journal.turns.push((index, number, at));
        self.touch((index, number), Hand::User, at);
    }

    fn pick(&self, index: usize, pick: u64) -> Option<u64> {
        let numbers: Vec<u64> = self.accounts.get(index)?.live().map(|row| row.number).collect();
        nth(&numbers, pick)
    }

    /// Returns the record of another account that has the same address.
    fn counterpart(&self, left: usize, record: u64, right: usize) -> Option<u64> {
        let row = self.accounts.get(left)?.rows.get(&record)?;
        let address = self.text(row, Field::EMAIL)?;
        self.holder(self.accounts.get(right)?, &address).map(|row| row.number)
    }
}

fn nth(numbers: &[u64], pick: u64) -> Option<u64> {
    let count = u64::try_from(numbers.len()).ok()?;
    numbers.get(usize::try_from(pick.checked_rem(count)?).ok()?).copied()
}
