//! What an account does with a write call that reached it, be that in time or long after the
//! caller gave up.

use std::collections::VecDeque;

use crm_core::{
    Action, Applied, Author, Concurrency, ErrorKind, Field, Fields, Mapping, ObjectKind, Patch,
    Uid, Value, Version, Write, Written,
};
use jiff::Timestamp;

use super::journal::{Hand, Update};
use super::profile::{Addresses, Answer, Blame, POISON, Uids};
use super::realm::{Ink, Inner};
use super::record::{Account, Refused, Row, State, version};
use super::ties::{Dipped, table_of};
use super::weather::Item;

/// A write call on its way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) account: usize,
    pub(super) ticket: u64,
    pub(super) sent: Timestamp,
    pub(super) writes: Vec<Write>,
    pub(super) items: VecDeque<Item>,
    /// Whether anybody waits for the answer.
    pub(super) heard: bool,
}

type Outcome = Result<Written, Refused>;

impl Inner {
    pub(super) fn arrive(&mut self, call: Call, at: Timestamp) {
        let mut results = Vec::with_capacity(call.writes.len());
        for (write, item) in call.writes.iter().zip(call.items) {
            let served = call.heard && item == Item::Served;
            let told = served && self.tells(call.account);
            let hand = Hand::Engine { sent: call.sent, told };
            let result = match item {
                Item::Refused => Err(Refused(
                    ErrorKind::Transient { applied: Applied::No },
                    "the record is locked",
                )),
                Item::Served => self.execute(call.account, write, hand, at),
                Item::Unsure => self.execute(call.account, write, hand, at).and(Err(Refused(
                    ErrorKind::Transient { applied: Applied::Unknown },
                    "the answer says nothing about this item",
                ))),
            };
            results.push(result);
        }
        if call.heard
            && let Some(account) = self.accounts.get_mut(call.account)
        {
            account.answers.insert(call.ticket, results);
        }
    }

    /// Returns whether an answer of an account tells what was stored.
    fn tells(&self, index: usize) -> bool {
        self.accounts.get(index).is_some_and(|account| account.profile.answer != Answer::Bare)
    }

    fn execute(&mut self, index: usize, write: &Write, hand: Hand, at: Timestamp) -> Outcome {
        match &write.action {
            Action::Create { uid, fields } => {
                self.create((index, write.kind), uid, fields, hand, at)
            }
            Action::Update { id, patch, expected } => {
                let number = self.account(index)?.number(write.kind, id).ok_or(nobody())?;
                self.update((index, number), patch, expected.as_ref(), hand, at)
            }
            Action::Delete { id } => {
                let number = self.account(index)?.number(write.kind, id).ok_or(nobody())?;
                self.delete((index, number), hand, at)
            }
        }
    }

    fn create(
        &mut self,
        (index, kind): (usize, ObjectKind),
        uid: &Uid,
        fields: &Fields,
        hand: Hand,
        at: Timestamp,
    ) -> Outcome {
        let account = self.account(index)?;
        let known = account.live(kind).find(|row| row.uid.as_ref() == Some(uid));
        let known = known.filter(|_| account.profile.uids(kind) == Uids::Unique);
        let form = fields.get(Field::TYPE).and_then(Value::as_str);
        let table = known.map_or_else(|| table_of(account, kind, form), |row| Some(row.table));
        let known = known.map(|row| row.number);
        let table = table.ok_or(Refused(
            ErrorKind::Validation { field: Some(Field::TYPE) },
            "there is no such form of it",
        ))?;
        let patch: Patch = fields.iter().map(|(field, v)| (field, Some(v.clone()))).collect();
        let dipped = self.dip(index, table, known, &patch);
        self.journal.strays.extend(dipped.strays(index, hand));
        let account = self.account(index)?;
        let checked = dipped.accepted().and_then(|()| self.check(account, known, table, &dipped));
        if checked.is_err() || !dipped.dropped.is_empty() {
            self.journal.refuse_uid(index, uid);
        }
        checked?;
        let number = match known {
            Some(number) => number,
            None => self.insert(index, table, at).ok_or(nobody())?,
        };
        if let Some(row) = self.row_mut(index, number) {
            row.uid = Some(uid.clone());
            if known.is_none() {
                row.author = Author::Ours;
            }
        }
        if let (None, Hand::Engine { sent, .. }) = (known, hand) {
            self.journal.creates.push((index, number, sent));
        }
        self.paint((index, number), &dipped.inks, hand, at);
        self.written((index, number), &patch, dipped.dropped)
    }

    fn update(
        &mut self,
        (index, number): (usize, u64),
        patch: &Patch,
        expected: Option<&Version>,
        hand: Hand,
        at: Timestamp,
    ) -> Outcome {
        let account = self.account(index)?;
        let row = account.rows.get(&number).filter(|row| row.state == State::Live);
        let row = row.ok_or(nobody())?;
        let compares = account.profile.concurrency == Concurrency::IfUnmodified;
        if compares && expected.is_some_and(|expected| *expected != version(row.modified)) {
            return Err(Refused(ErrorKind::Stale, "the record was changed meanwhile"));
        }
        let (table, id) = (row.table, account.remote_id(number));
        let dipped = self.dip(index, table, Some(number), patch);
        self.journal.strays.extend(dipped.strays(index, hand));
        let account = self.account(index)?;
        let checked =
            dipped.accepted().and_then(|()| self.check(account, Some(number), table, &dipped));
        if checked.is_err() || !dipped.dropped.is_empty() {
            self.journal.refuse(index, id.as_str().to_owned());
        }
        checked?;
        let account = self.account(index)?;
        let shown = account.rows.get(&number).and_then(|row| row.shown);
        let rewrites = |ink: &Ink| account.profile.rewrites.iter().any(|(f, _)| *f == ink.field);
        let plain = dipped.dropped.is_empty() && !dipped.inks.iter().any(rewrites);
        let changed = self.paint((index, number), &dipped.inks, hand, at);
        if let Hand::Engine { sent, .. } = hand {
            let idle = plain && !changed;
            self.journal.updates.push(Update { account: index, record: number, sent, shown, idle });
        }
        self.written((index, number), patch, dipped.dropped)
    }

    fn delete(&mut self, (index, number): (usize, u64), hand: Hand, at: Timestamp) -> Outcome {
        let row = self.row_mut(index, number).filter(|row| row.state == State::Live);
        row.ok_or(nobody())?.state = State::Archived(at);
        self.touch((index, number), hand, at);
        self.unhook(index, number, None, at);
        self.written((index, number), &Patch::new(), Vec::new())
    }

    /// Refuses what the CRM does not accept.
    fn check(
        &self,
        account: &Account,
        known: Option<u64>,
        table: &'static Mapping,
        dipped: &Dipped,
    ) -> Result<(), Refused> {
        let (profile, inks) = (account.profile, &dipped.inks);
        if let Some((picky, blame)) = profile.picky {
            let bad = |ink: &Ink| {
                ink.field == picky && ink.value.as_ref().is_some_and(|v| v.contains(POISON))
            };
            if inks.iter().any(bad) {
                let field = (blame == Blame::Named).then_some(picky);
                return Err(Refused(ErrorKind::Validation { field }, "a value is not accepted"));
            }
        }
        for rule in account.rules(table).filter(|rule| rule.required) {
            let given = inks.iter().find(|ink| ink.field == rule.field);
            let blank = given.map_or(known.is_none(), |ink| {
                ink.value.as_deref().and_then(|raw| profile.store(rule.field, raw)).is_none()
            });
            if blank {
                let kind = ErrorKind::Validation { field: Some(rule.field) };
                return Err(Refused(kind, "a required field is missing"));
            }
        }
        self.check_address(account, known, inks)
    }

    fn check_address(
        &self,
        account: &Account,
        known: Option<u64>,
        inks: &[Ink],
    ) -> Result<(), Refused> {
        let address = inks.iter().find(|ink| ink.field == Field::EMAIL);
        let Some(address) = address.and_then(|ink| ink.value.as_deref()) else {
            return Ok(());
        };
        if account.profile.addresses == Addresses::Free {
            return Ok(());
        }
        match self.holder(account, address).filter(|row| Some(row.number) != known) {
            Some(row) => {
                let existing = Some(account.remote_id(row.number));
                Err(Refused(ErrorKind::Conflict { existing }, "another record has this address"))
            }
            None => Ok(()),
        }
    }

    /// Returns the first live record with an address.
    pub(super) fn holder<'a>(&'a self, account: &'a Account, address: &str) -> Option<&'a Row> {
        let wanted = account.value(Field::EMAIL, address)?;
        account.live(ObjectKind::Contact).find(|row| {
            let text = self.text(row, Field::EMAIL);
            text.and_then(|text| account.value(Field::EMAIL, &text)).as_ref() == Some(&wanted)
        })
    }

    fn written(
        &self,
        (index, number): (usize, u64),
        patch: &Patch,
        refused: Vec<(Field, String)>,
    ) -> Outcome {
        let account = self.account(index)?;
        let row = account.rows.get(&number).ok_or(nobody())?;
        let all = self.values(account, row);
        let stored = match account.profile.answer {
            Answer::Whole => Some(all),
            Answer::Written => {
                Some(all.into_iter().filter(|(field, _)| patch.contains(*field)).collect())
            }
            Answer::Bare => None,
        };
        let told = account.profile.answer != Answer::Bare;
        Ok(Written {
            id: account.remote_id(number),
            version: told.then(|| version(row.modified)),
            modified_at: told.then_some(row.modified),
            stored,
            refused,
        })
    }

    fn account(&self, index: usize) -> Result<&Account, Refused> {
        self.accounts.get(index).ok_or(nobody())
    }

    pub(super) fn row_mut(&mut self, index: usize, number: u64) -> Option<&mut Row> {
        self.accounts.get_mut(index)?.rows.get_mut(&number)
    }
}

const fn nobody() -> Refused {
    Refused(ErrorKind::NotFound, "there is no such record")
}
