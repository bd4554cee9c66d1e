//! What a write of the engine means in the terms of a CRM: which cells change, and which of the
//! references lead somewhere.

use crm_core::{ErrorKind, Field, FieldRule, Mapping, ObjectKind, Patch, Ref, Value};
use jiff::Timestamp;

use super::journal::{Hand, Stray};
use super::profile::{Dangling, room, spelled};
use super::realm::{Ink, Inner};
use super::record::{Account, Refused, State};

/// A patch as cells.
#[derive(Debug, Default)]
pub(super) struct Dipped {
    pub(super) inks: Vec<Ink>,
    /// References that were left out, with what is said of them.
    pub(super) dropped: Vec<(Field, String)>,
    /// References to nothing: the field, what it names, since when that is no more.
    lost: Vec<(Field, String, Option<Timestamp>)>,
    refused: Option<(Field, &'static str)>,
}

impl Dipped {
    /// Refuses what the CRM does not accept of it.
    pub(super) fn accepted(&self) -> Result<(), Refused> {
        match self.refused {
            None => Ok(()),
            Some((field, why)) => Err(Refused(ErrorKind::Validation { field: Some(field) }, why)),
        }
    }

    /// Returns what is to be remembered of references to nothing.
    pub(super) fn strays(&self, account: usize, hand: Hand) -> Vec<Stray> {
        let Hand::Engine { sent, .. } = hand else { return Vec::new() };
        let stray = |(field, whom, since): &(Field, String, Option<Timestamp>)| Stray {
            account,
            sent,
            field: *field,
            whom: whom.clone(),
            since: *since,
        };
        self.lost.iter().map(stray).collect()
    }
}

/// Where a reference leads.
enum Aim {
    Live(u64, String),
    /// To a record that is no more, since then; or to nothing at all.
    Lost(Option<Timestamp>),
}

/// Returns the table of a new record.
pub(super) fn table_of(
    account: &Account,
    kind: ObjectKind,
    form: Option<&str>,
) -> Option<&'static Mapping> {
    let mut tables = account.profile.tables(kind).filter(|_| account.kinds.contains(&kind));
    tables.find(|table| table.variant.is_none() || table.variant == form)
}

impl Inner {
    /// Finds out which cells a patch changes. Fields that the table does not know are left out.
    pub(super) fn dip(
        &self,
        index: usize,
        table: &'static Mapping,
        known: Option<u64>,
        patch: &Patch,
    ) -> Dipped {
        let mut dipped = Dipped::default();
        let Some(account) = self.accounts.get(index) else { return dipped };
        for (field, value) in patch.iter() {
            let Some(rule) = account.rule(table, field) else { continue };
            if rule.ty.is_set() {
                self.dip_set(account, rule, known, patch, &mut dipped);
            } else if let Some(kind) = rule.ty.refers_to() {
                let text = match value.map(|value| aim(account, kind, value)) {
                    None => None,
                    Some(Aim::Live(_, id)) => Some(id),
                    Some(Aim::Lost(since)) => {
                        dipped.lose(account, field, value, since);
                        continue;
                    }
                };
                dipped.inks.push(Ink::plain(field, text));
            } else {
                dipped.inks.push(Ink::plain(field, value.map(spelled)));
            }
        }
        dipped
    }

    fn dip_set(
        &self,
        account: &Account,
        rule: &'static FieldRule,
        known: Option<u64>,
        patch: &Patch,
        dipped: &mut Dipped,
    ) {
        let (field, Some(kind)) = (rule.field, rule.ty.refers_to()) else { return };
        let (mut come, mut go) = patch.members(field);
        let row = known.and_then(|number| account.rows.get(&number));
        let held = row.map_or_else(Vec::new, |row| self.members(row, field));
        let room = room(rule);
        if room.is_some() {
            // Such a set is one field of the record: what is written is what it holds.
            let change = patch.iter().find(|(known, _)| *known == field);
            come = change.and_then(|(_, v)| v).map_or(&[][..], Value::members).iter().collect();
            go = Vec::new();
        }
        let mut members = Vec::new();
        for value in come {
            match aim(account, kind, value) {
                Aim::Live(number, id) => members.push((number, id)),
                Aim::Lost(since) => dipped.lose(account, field, Some(value), since),
            }
        }
        if room.is_some_and(|room| members.len() > room) {
            dipped.refused = Some((field, "there is no room for so many"));
        }
        let gone: Vec<u64> = if room.is_some() {
            held.into_iter().filter(|n| !members.iter().any(|(known, _)| known == n)).collect()
        } else {
            go.into_iter().filter_map(|value| number(account, kind, value)).collect()
        };
        let out = |member| Ink { field, member: Some(member), value: None };
        dipped.inks.extend(gone.into_iter().map(out));
        dipped.inks.extend(members.into_iter().map(|(n, id)| Ink::member(field, n, id)));
    }
}

impl Dipped {
    fn lose(
        &mut self,
        account: &Account,
        field: Field,
        value: Option<&Value>,
        since: Option<Timestamp>,
    ) {
        let whom = value.map(spelled).unwrap_or_default();
        self.lost.push((field, whom.clone(), since));
        match account.profile.dangling {
            Dangling::Refused => self.refused = Some((field, "the record referred to is no more")),
            Dangling::Dropped => self.dropped.push((field, format!("{whom} is no more"))),
        }
    }
}

fn number(account: &Account, kind: ObjectKind, value: &Value) -> Option<u64> {
    match value.as_reference()? {
        Ref::Remote(known, id) if *known == kind => account.number(kind, id),
        Ref::Remote(..) | Ref::Entity(_) => None,
    }
}

fn aim(account: &Account, kind: ObjectKind, value: &Value) -> Aim {
    let row = number(account, kind, value).and_then(|number| account.rows.get(&number));
    match row.map(|row| (row.number, row.state)) {
        Some((number, State::Live)) => Aim::Live(number, account.remote_id(number).to_string()),
        Some((_, State::Archived(at) | State::Merged(_, at))) => Aim::Lost(Some(at)),
        None => Aim::Lost(None),
    }
}
