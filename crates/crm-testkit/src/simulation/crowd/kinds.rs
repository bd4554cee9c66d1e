//! Companies, deals and activities, and what refers to what. Where only people take part, nothing
//! here draws anything.

use std::time::Duration;

use crm_core::{Field, ObjectKind};

use super::Crowd;
use crate::memory::{Deed, Realm};

/// How many of 10,000 deeds concern references or other records than people.
const SHARE: u32 = 6_000;

/// The plain fields that users change, the favourites several times.
const fn plain(kind: ObjectKind) -> &'static [Field] {
    match kind {
        ObjectKind::Contact => &super::FIELDS,
        ObjectKind::Company => {
            &[Field::INDUSTRY, Field::INDUSTRY, Field::PHONE, Field::NAME, Field::DOMAIN]
        }
        ObjectKind::Deal => {
            &[Field::STAGE, Field::VALUE, Field::VALUE, Field::STAGE, Field::TITLE, Field::CURRENCY]
        }
        ObjectKind::Activity => {
            &[Field::SUBJECT, Field::DUE_DATE, Field::DUE_DATE, Field::PROGRESS, Field::DURATION_S]
        }
    }
}

/// The fields that refer to records, with the kind of these.
const fn ties(kind: ObjectKind) -> &'static [(Field, ObjectKind)] {
    const CONTACTS: (Field, ObjectKind) = (Field::CONTACTS, ObjectKind::Contact);
    const COMPANY: (Field, ObjectKind) = (Field::COMPANY_REF, ObjectKind::Company);
    match kind {
        ObjectKind::Contact => &[COMPANY],
        ObjectKind::Company => &[(Field::PARENT, ObjectKind::Company)],
        ObjectKind::Deal => &[COMPANY, CONTACTS, CONTACTS],
        ObjectKind::Activity => &[(Field::DEAL, ObjectKind::Deal), CONTACTS, CONTACTS],
    }
}

impl Crowd<'_> {
    /// Enters the companies of the beginning.
    pub(super) fn found(&mut self, realm: &Realm) {
        if self.has(ObjectKind::Company) {
            for _ in 0..2 + self.rng.below(4) {
                for (_, deed) in self.founds() {
                    realm.perform(deed);
                }
            }
        }
    }

    /// Enters the deals and activities of the beginning, and ties people to their companies.
    pub(super) fn settle_down(&mut self, realm: &Realm) {
        if !self.has_others() {
            return;
        }
        for kind in [ObjectKind::Deal, ObjectKind::Activity] {
            if self.has(kind) {
                for _ in 0..2 + self.rng.below(5) {
                    realm.perform(self.opens(kind));
                }
            }
        }
        for _ in 0..4 + self.rng.below(12) {
            if let Some(deed) = self.tie() {
                realm.perform(deed);
            }
        }
    }

    /// Draws deeds that concern references or other records than people.
    pub(super) fn deeds_of_kinds(&mut self) -> Option<Vec<(Duration, Deed)>> {
        if !self.has_others() || !self.rng.happens(SHARE) {
            return None;
        }
        let habits = self.scenario.habits.clone();
        let kind = self.other();
        let (account, pick) = (self.account_of(kind), self.rng.bits());
        let field = self.rng.pick(plain(kind)).copied()?;
        let drawn = self.rng.below(100);
        let deed = match drawn {
            0..36 => self.tie()?,
            36..50 => self.untie()?,
            50..78 => Deed::Edit { account, kind, pick, field, value: Some(self.value(field)) },
            78..84 => self.clash_of(account, kind, pick, field),
            84..86 => Deed::Revert { account, kind, pick, field },
            86..88 => Deed::Edit { account, kind, pick, field, value: None },
            88..96 if habits.create == 0 => return None,
            88..96 if kind == ObjectKind::Company => return Some(self.founds()),
            88..96 => self.opens(kind),
            96..98 if habits.delete > 0 => Deed::Delete { account, kind, pick },
            98 if habits.restore > 0 => Deed::Restore { account, kind, pick },
            99 if habits.merge > 0 && kind == ObjectKind::Company => {
                Deed::Merge { account, kind, winner: pick, loser: self.rng.bits() }
            }
            _ => return None,
        };
        Some(vec![(Duration::ZERO, deed)])
    }

    fn clash_of(&mut self, left: usize, kind: ObjectKind, pick: u64, field: Field) -> Deed {
        if self.accounts_of(kind).len() < self.scenario.profiles.len() {
            return Deed::Edit { account: left, kind, pick, field, value: Some(self.value(field)) };
        }
        self.clash((left, kind), pick, field)
    }

    /// A company is founded on one or several sides within a minute.
    fn founds(&mut self) -> Vec<(Duration, Deed)> {
        let mut values = Vec::new();
        for (field, chance) in [
            (Field::NAME, 9_900),
            (Field::DOMAIN, 9_000),
            (Field::PHONE, 5_000),
            (Field::INDUSTRY, 7_000),
        ] {
            if self.rng.happens(chance) {
                values.push((field, self.value(field)));
            }
        }
        let kind = ObjectKind::Company;
        let mut deeds = Vec::new();
        for account in self.sides() {
            let wait = self.wait(60_000);
            let (values, ties) = (self.copy_of(&values), self.first_ties(kind));
            deeds.push((wait, Deed::Create { account, kind, values, ties }));
        }
        deeds
    }

    /// Returns a company as another CRM has it.
    fn copy_of(&mut self, firm: &[(Field, String)]) -> Vec<(Field, String)> {
        let mut values = Vec::with_capacity(firm.len());
        for (field, value) in firm {
            let known = *field == Field::DOMAIN || *field == Field::NAME;
            let value = match self.rng.below(10) {
                0 | 1 if !known => self.value(*field),
                2 if !known => continue,
                _ => value.clone(),
            };
            values.push((*field, value));
        }
        values
    }

    /// A deal or an activity begins on one side.
    fn opens(&mut self, kind: ObjectKind) -> Deed {
        let account = self.account_of(kind);
        let fields: &[(Field, u32)] = match kind {
            ObjectKind::Activity => {
                &[(Field::SUBJECT, 9_500), (Field::DUE_DATE, 8_000), (Field::PROGRESS, 6_000)]
            }
            ObjectKind::Deal | ObjectKind::Company | ObjectKind::Contact => &[
                (Field::TITLE, 9_800),
                (Field::VALUE, 8_000),
                (Field::STAGE, 9_000),
                (Field::CURRENCY, 7_000),
            ],
        };
        let mut values = Vec::new();
        if kind == ObjectKind::Activity {
            let form = if self.rng.happens(6_000) { "task" } else { "call" };
            values.push((Field::TYPE, form.to_owned()));
        }
        for (field, chance) in fields {
            if self.rng.happens(*chance) {
                values.push((*field, self.value(*field)));
            }
        }
        let ties = self.first_ties(kind);
        Deed::Create { account, kind, values, ties }
    }

    fn first_ties(&mut self, kind: ObjectKind) -> Vec<(Field, u64)> {
        let chance = if kind == ObjectKind::Company { 1_500 } else { 7_000 };
        let mut chosen = Vec::new();
        for (field, to) in ties(kind) {
            if self.has(*to) && self.rng.happens(chance) {
                chosen.push((*field, self.rng.bits()));
            }
        }
        chosen
    }

    fn tie(&mut self) -> Option<Deed> {
        let (kind, field) = self.tied()?;
        let account = self.account_of(kind);
        let (pick, to) = (self.rng.bits(), self.rng.bits());
        Some(Deed::Tie { account, kind, pick, field, to })
    }

    fn untie(&mut self) -> Option<Deed> {
        let (kind, field) = self.tied()?;
        let account = self.account_of(kind);
        let (pick, from) = (self.rng.bits(), self.rng.bits());
        Some(Deed::Untie { account, kind, pick, field, from })
    }

    /// Draws a field that refers to records.
    fn tied(&mut self) -> Option<(ObjectKind, Field)> {
        let kinds = self.scenario.kinds.iter();
        let all = kinds.flat_map(|kind| ties(*kind).iter().map(|(field, to)| (*kind, *field, *to)));
        let all: Vec<_> = all.filter(|(.., to)| self.has(*to)).collect();
        self.rng.pick(&all).map(|(kind, field, _)| (*kind, *field))
    }

    fn has(&self, kind: ObjectKind) -> bool {
        self.scenario.kinds.contains(&kind)
    }

    fn has_others(&self) -> bool {
        self.scenario.kinds.len() > 1
    }

    /// Draws a kind that is not that of people.
    fn other(&mut self) -> ObjectKind {
        let kinds = self.scenario.kinds.iter().copied();
        let others: Vec<ObjectKind> = kinds.filter(|kind| *kind != ObjectKind::Contact).collect();
        self.rng.pick(&others).copied().unwrap_or(ObjectKind::Contact)
    }

    fn accounts_of(&self, kind: ObjectKind) -> Vec<usize> {
        let profiles = self.scenario.profiles.iter().enumerate();
        let has = profiles.filter(|(_, profile)| profile.tables(kind).next().is_some());
        has.map(|(index, _)| index).collect()
    }

    fn account_of(&mut self, kind: ObjectKind) -> usize {
        let accounts = self.accounts_of(kind);
        self.rng.pick(&accounts).copied().unwrap_or(0)
    }
}
