//! What users of the CRMs do.

use std::time::Duration;

use crm_core::{Field, ObjectKind, RemoteId};
use jiff::Timestamp;

use super::journal::Hand;
use super::profile::{POISON, room};
use super::realm::{Event, Ink, Inner};
use super::record::{State, kind_of};
use super::ties::table_of;
use crate::clock::later;

/// Something that a user does. Records are picked by a number among those of the kind that live
/// then.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Changes one value of a record; `None` clears.
    Edit {
        /// The account.
        account: usize,
        /// What sort of record.
        kind: ObjectKind,
        /// Which record.
        pick: u64,
        /// The field.
        field: Field,
        /// The new value.
        value: Option<String>,
    },
    /// Changes one value of a record on two sides, one after the other.
    Clash {
        /// The accounts.
        accounts: [usize; 2],
        /// What sort of record.
        kind: ObjectKind,
        /// Which record of the first account; the other one has the same address, domain or
        /// title.
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
        /// What sort of record.
        kind: ObjectKind,
        /// Which record.
        pick: u64,
        /// The field.
        field: Field,
    },
    /// Lets a record refer to another one: alone, or as one more of a set.
    Tie {
        /// The account.
        account: usize,
        /// What sort of record.
        kind: ObjectKind,
        /// Which record.
        pick: u64,
        /// The field.
        field: Field,
        /// Which record it refers to from now on.
        to: u64,
    },
    /// Takes a reference away, or one of a set.
    Untie {
        /// The account.
        account: usize,
        /// What sort of record.
        kind: ObjectKind,
        /// Which record.
        pick: u64,
        /// The field.
        field: Field,
        /// Which one of the set.
        from: u64,
    },
    /// Makes a record.
    Create {
        /// The account.
        account: usize,
        /// What sort of record.
        kind: ObjectKind,
        /// The values.
        values: Vec<(Field, String)>,
        /// What it refers to.
        ties: Vec<(Field, u64)>,
    },
    /// Puts a record into the recycle bin.
    Delete {
        /// The account.
        account: usize,
        /// What sort of record.
        kind: ObjectKind,
        /// Which record.
        pick: u64,
    },
    /// Takes a record out of the recycle bin.
    Restore {
        /// The account.
        account: usize,
        /// What sort of record.
        kind: ObjectKind,
        /// Which record of those in the bin.
        pick: u64,
    },
    /// Merges two records; the first one is left.
    Merge {
        /// The account.
        account: usize,
        /// What sort of record.
        kind: ObjectKind,
        /// Which record is left.
        winner: u64,
        /// Which record is no more.
        loser: u64,
    },
}

/// Which records of which account.
type Place = (usize, ObjectKind);

impl Inner {
    /// Lets a user do something. What is not possible (any more) is not done.
    pub(super) fn perform(&mut self, deed: Deed, at: Timestamp) {
        match deed {
            Deed::Edit { account, kind, pick, field, value } => {
                if let Some(record) = self.pick((account, kind), pick) {
                    self.edit(account, record, field, value, at);
                }
            }
            Deed::Amend { account, record, field, value } => {
                self.edit(account, record, field, value, at);
            }
            Deed::Clash { accounts: [left, right], kind, pick, field, values, gap } => {
                let [first, second] = values;
                let Some(record) = self.pick((left, kind), pick) else { return };
                self.edit(left, record, field, first, at);
                if let Some(record) = self.counterpart(left, record, right) {
                    let deed = Deed::Amend { account: right, record, field, value: second };
                    self.push(later(at, gap), Event::Deed(deed));
                }
            }
            Deed::Revert { account, kind, pick, field } => {
                self.revert((account, kind), pick, field, at);
            }
            Deed::Tie { account, kind, pick, field, to } => {
                if let Some(record) = self.pick((account, kind), pick) {
                    self.tie((account, record), field, to, at);
                }
            }
            Deed::Untie { account, kind, pick, field, from } => {
                self.untie((account, kind), pick, field, from, at);
            }
            Deed::Create { account, kind, values, ties } => {
                self.enter((account, kind), values, &ties, at);
            }
            Deed::Delete { account, kind, pick } => self.discard((account, kind), pick, at),
            Deed::Restore { account, kind, pick } => self.restore((account, kind), pick, at),
            Deed::Merge { account, kind, winner, loser } => {
                self.merge((account, kind), winner, loser, at);
            }
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
        let Some(row) = account.rows.get(&number) else { return };
        let required = row.table.rule(field).is_some_and(|rule| rule.required);
        let live = row.state == State::Live;
        let taken = value.as_deref().is_some_and(|value| {
            let holder = self.holder(account, value).map(|row| row.number);
            field == Field::EMAIL && holder.is_some_and(|holder| holder != number)
        });
        if !live || taken || (required && value.is_none()) {
            return;
        }
        let value = value.map(|value| self.palatable(index, field, value));
        self.paint((index, number), &[Ink::plain(field, value)], Hand::User, at);
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

    fn revert(&mut self, (index, kind): Place, pick: u64, field: Field, at: Timestamp) {
        let Some(number) = self.pick((index, kind), pick) else { return };
        let row = self.accounts.get(index).and_then(|account| account.rows.get(&number));
        let stroke = row.and_then(|row| self.journal.stroke(*row.cells.get(&(field, None))?));
        let before = stroke.and_then(|stroke| self.journal.stroke(stroke.previous?));
        if let Some(before) = before {
            let value = before.value.as_ref().map(ToString::to_string);
            self.edit(index, number, field, value, at);
        }
    }

    fn tie(&mut self, (index, number): (usize, u64), field: Field, to: u64, at: Timestamp) {
        if let Some(inks) = self.tying((index, number), field, to) {
            self.paint((index, number), &inks, Hand::User, at);
        }
    }

    /// Returns what becomes of a record that is to refer to another one. Who has no room for one
    /// more gives up what there was.
    fn tying(&self, (index, number): (usize, u64), field: Field, to: u64) -> Option<Vec<Ink>> {
        let account = self.accounts.get(index)?;
        let row = account.rows.get(&number)?;
        let rule = account.rule(row.table, field)?;
        let to = self.pick((index, rule.ty.refers_to()?), to).filter(|to| *to != number)?;
        let id = account.remote_id(to).to_string();
        if !rule.ty.is_set() {
            return Some(vec![Ink::plain(field, Some(id))]);
        }
        let held = self.members(row, field);
        let full = room(rule).is_some_and(|room| held.len() >= room);
        let gone = held.into_iter().filter(|member| full && *member != to);
        let gone = gone.map(|member| Ink { field, member: Some(member), value: None });
        Some(gone.chain([Ink::member(field, to, id)]).collect())
    }

    fn untie(&mut self, place: Place, pick: u64, field: Field, from: u64, at: Timestamp) {
        let Some(number) = self.pick(place, pick) else { return };
        let row = self.accounts.get(place.0).and_then(|account| account.rows.get(&number));
        let Some(row) = row else { return };
        let set = row.table.rule(field).is_some_and(|rule| rule.ty.is_set());
        let member = if set { nth(&self.members(row, field), from) } else { None };
        if !set || member.is_some() {
            let ink = Ink { field, member, value: None };
            self.paint((place.0, number), &[ink], Hand::User, at);
        }
    }

    fn enter(
        &mut self,
        (index, kind): Place,
        values: Vec<(Field, String)>,
        ties: &[(Field, u64)],
        at: Timestamp,
    ) {
        let Some(account) = self.accounts.get(index) else { return };
        let text = |wanted: Field| {
            values.iter().find(|(field, _)| *field == wanted).map(|(_, value)| value.as_str())
        };
        let Some(table) = table_of(account, kind, text(Field::TYPE)) else { return };
        let mut required = table.rules.iter().filter(|rule| rule.required);
        let unique = account.profile.addresses == super::profile::Addresses::Unique;
        let taken = text(Field::EMAIL).is_some_and(|mail| self.holder(account, mail).is_some());
        if required.any(|rule| text(rule.field).is_none()) || (unique && taken) {
            return;
        }
        let Some(number) = self.insert(index, table, at) else { return };
        let mut inks: Vec<_> = values
            .into_iter()
            .map(|(field, value)| Ink::plain(field, Some(self.palatable(index, field, value))))
            .collect();
        for (field, to) in ties {
            // One after the other: a set may have no room for all.
            let more = self.tying((index, number), *field, *to).unwrap_or_default();
            let room = table.rule(*field).and_then(room);
            let held = inks.iter().filter(|ink| ink.field == *field).count();
            let fits = room.is_none_or(|room| held < room);
            inks.extend(more.into_iter().filter(|_| fits));
        }
        self.paint((index, number), &inks, Hand::User, at);
    }

    fn discard(&mut self, (index, kind): Place, pick: u64, at: Timestamp) {
        let Some(number) = self.pick((index, kind), pick) else { return };
        if let Some(row) = self.row_mut(index, number) {
            row.state = State::Archived(at);
        }
        self.turn(index, number, at);
        self.unhook(index, number, None, at);
    }

    fn restore(&mut self, (index, kind): Place, pick: u64, at: Timestamp) {
        let Some(account) = self.accounts.get(index) else { return };
        let binned = |row: &&super::record::Row| matches!(row.state, State::Archived(_));
        let numbers: Vec<u64> = account.all(kind).filter(binned).map(|r| r.number).collect();
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
    fn merge(&mut self, (index, kind): Place, winner: u64, loser: u64, at: Timestamp) {
        let winner = self.pick((index, kind), winner);
        let loser = self.pick((index, kind), loser);
        let Some((winner, loser)) = winner.zip(loser) else { return };
        let Some(account) = self.accounts.get(index).filter(|_| winner != loser) else { return };
        let (Some(kept), Some(lost)) = (account.rows.get(&winner), account.rows.get(&loser)) else {
            return;
        };
        let own = account.remote_id(winner);
        let fill: Vec<Ink> = lost
            .cells
            .keys()
            .filter(|cell| self.cell(kept, **cell).is_none())
            .filter_map(|cell| {
                let text = self.cell(lost, *cell)?.to_string();
                // Nobody refers to itself.
                let other = text != own.as_str() || !refers(lost.table, cell.0, kind);
                other.then_some(Ink { field: cell.0, member: cell.1, value: Some(text) })
            })
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
        self.unhook(index, loser, Some(winner), at);
    }

    /// Remembers that a record's fate turned, and stamps it.
    fn turn(&mut self, index: usize, number: u64, at: Timestamp) {
        self.journal.turns.push((index, number, at));
        self.touch((index, number), Hand::User, at);
    }

    fn pick(&self, (index, kind): Place, pick: u64) -> Option<u64> {
        let account = self.accounts.get(index)?;
        let numbers: Vec<u64> = account.live(kind).map(|row| row.number).collect();
        nth(&numbers, pick)
    }

    /// Returns the record of another account that has the same address, domain or title.
    fn counterpart(&self, left: usize, record: u64, right: usize) -> Option<u64> {
        let row = self.accounts.get(left)?.rows.get(&record)?;
        let account = self.accounts.get(right)?;
        let field = match kind_of(record) {
            ObjectKind::Contact => {
                let address = self.text(row, Field::EMAIL)?;
                return self.holder(account, &address).map(|row| row.number);
            }
            ObjectKind::Company => Field::DOMAIN,
            ObjectKind::Deal => Field::TITLE,
            ObjectKind::Activity => Field::SUBJECT,
        };
        let text = self.text(row, field)?;
        let mut rows = account.live(kind_of(record));
        let same = |row: &&super::record::Row| self.text(row, field).as_ref() == Some(&text);
        rows.find(same).map(|row| row.number)
    }
}

fn refers(table: &crm_core::Mapping, field: Field, kind: ObjectKind) -> bool {
    table.rule(field).is_some_and(|rule| rule.ty.refers_to() == Some(kind))
}

fn nth(numbers: &[u64], pick: u64) -> Option<u64> {
    let count = u64::try_from(numbers.len()).ok()?;
    numbers.get(usize::try_from(pick.checked_rem(count)?).ok()?).copied()
}
