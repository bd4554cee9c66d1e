//! What an account does with a write call that reached it, be that in time or long after the
//! caller gave up.

use std::collections::VecDeque;

use crm_core::{
    Action, Applied, Author, Concurrency, ErrorKind, Field, Fields, Patch, RemoteId, Uid, Version,
    Write, Written,
};
use jiff::Timestamp;

use super::journal::Hand;
use super::profile::{Addresses, Answer, Blame, POISON, Uids};
use super::realm::Inner;
use super::record::{Account, Refused, Row, State, version};
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
            Action::Create { uid, fields } => self.create(index, uid, fields, hand, at),
            Action::Update { id, patch, expected } => {
                self.update(index, id, patch, expected.as_ref(), hand, at)
            }
            Action::Delete { id } => self.delete(index, id, hand, at),
        }
    }

    fn create(
        &mut self,
        index: usize,
        uid: &Uid,
        fields: &Fields,
        hand: Hand,
        at: Timestamp,
    ) -> Outcome {
        let account = self.account(index)?;
        let values: Vec<(Field, Option<String>)> =
            fields.iter().map(|(field, value)| (field, Some(value.display()))).collect();
        let known = account.live().find(|row| row.uid.as_ref() == Some(uid));
        let known = known.filter(|_| account.profile.uids == Uids::Unique).map(|row| row.number);
        let checked = self.check(account, known, &values);
        if let Err(refused) = checked {
            self.journal.refuse_uid(index, uid);
            return Err(refused);
        }
        let number = match known {
            Some(number) => number,
            None => self.insert(index, at).ok_or(nobody())?,
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
        self.paint((index, number), &values, hand, at);
        self.written(index, number, &values)
    }

    fn update(
        &mut self,
        index: usize,
        id: &RemoteId,
        patch: &Patch,
        expected: Option<&Version>,
        hand: Hand,
        at: Timestamp,
    ) -> Outcome {
        let account = self.account(index)?;
        let number = account.number(id).ok_or(nobody())?;
        let row = account.rows.get(&number).filter(|row| row.state == State::Live);
        let row = row.ok_or(nobody())?;
        let compares = account.profile.concurrency == Concurrency::IfUnmodified;
        if compares && expected.is_some_and(|expected| *expected != version(row.modified)) {
            return Err(Refused(ErrorKind::Stale, "the record was changed meanwhile"));
        }
        let text = |value: &crm_core::Value| value.display();
        let values: Vec<(Field, Option<String>)> =
            patch.iter().map(|(field, value)| (field, value.map(text))).collect();
        if let Err(refused) = self.check(account, Some(number), &values) {
            self.journal.refuse(index, id.as_str().to_owned());
            return Err(refused);
        }
        self.paint((index, number), &values, hand, at);
        self.written(index, number, &values)
    }

    fn delete(&mut self, index: usize, id: &RemoteId, hand: Hand, at: Timestamp) -> Outcome {
        let number = self.account(index)?.number(id).ok_or(nobody())?;
        let row = self.row_mut(index, number).filter(|row| row.state == State::Live);
        row.ok_or(nobody())?.state = State::Archived(at);
        self.touch((index, number), hand, at);
        self.written(index, number, &[])
    }

    /// Refuses what the CRM does not accept.
    fn check(
        &self,
        account: &Account,
        known: Option<u64>,
        values: &[(Field, Option<String>)],
    ) -> Result<(), Refused> {
        let profile = account.profile;
        if let Some((picky, blame)) = profile.picky {
            let bad = |(field, value): &(Field, Option<String>)| {
                *field == picky && value.as_ref().is_some_and(|value| value.contains(POISON))
            };
            if values.iter().any(bad) {
                let field = (blame == Blame::Named).then_some(picky);
                return Err(Refused(ErrorKind::Validation { field }, "a value is not accepted"));
            }
        }
        for rule in profile.mapping.rules.iter().filter(|rule| rule.required) {
            let given = values.iter().find(|(field, _)| *field == rule.field);
            let blank = given.map_or(known.is_none(), |(_, value)| {
                value.as_deref().and_then(|raw| profile.store(rule.field, raw)).is_none()
            });
            if blank {
                let kind = ErrorKind::Validation { field: Some(rule.field) };
                return Err(Refused(kind, "a required field is missing"));
            }
        }
        self.check_address(account, known, values)
    }

    fn check_address(
        &self,
        account: &Account,
        known: Option<u64>,
        values: &[(Field, Option<String>)],
    ) -> Result<(), Refused> {
        let address = values.iter().find(|(field, _)| *field == Field::EMAIL);
        let Some(address) = address.and_then(|(_, value)| value.as_deref()) else {
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
        account.live().find(|row| {
            let text = self.text(row, Field::EMAIL);
            text.and_then(|text| account.value(Field::EMAIL, &text)).as_ref() == Some(&wanted)
        })
    }

    fn written(&self, index: usize, number: u64, values: &[(Field, Option<String>)]) -> Outcome {
        let account = self.account(index)?;
        let row = account.rows.get(&number).ok_or(nobody())?;
        let all = self.values(account, row);
        let stored = match account.profile.answer {
            Answer::Whole => Some(all),
            Answer::Written => Some(
                all.into_iter()
                    .filter(|(field, _)| values.iter().any(|(written, _)| written == field))
                    .collect(),
            ),
            Answer::Bare => None,
        };
        let told = account.profile.answer != Answer::Bare;
        Ok(Written {
            id: account.remote_id(number),
            version: told.then(|| version(row.modified)),
            modified_at: told.then_some(row.modified),
            stored,
            refused: Vec::new(),
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
