//! The people in the CRMs and the users who work on them, all invented.

mod kinds;

use std::time::Duration;

use crm_core::{Field, ObjectKind};
use jiff::Timestamp;

use super::scenario::{FIELDS, Mood, Scenario};
use crate::clock::later;
use crate::memory::{Deed, Realm};
use crate::world::Rng;

/// Draws what users do.
#[derive(Debug)]
pub struct Crowd<'s> {
    scenario: &'s Scenario,
    rng: Rng,
    /// Grows with each value, so that most values are unlike all others.
    last: u64,
}

const FIRST: [&str; 8] = ["Ada", "Bjørn", "Chloé", "Dara", "Emre", "František", "Grete", "Hilda"];
const LAST: [&str; 6] = ["Lind", "Møller", "Novák", "Okafor", "Pfister", "Quist"];

const STAGES: [&str; 5] = ["new", "qualified", "proposal", "closed_won", "closed_lost"];
const PROGRESS: [&str; 4] = ["not_started", "in_progress", "waiting", "completed"];
/// When the first task is due, and how far apart they are.
const DUE: Duration = Duration::from_hours(24 * 365 * 56);
const STEP: Duration = Duration::from_mins(137);

fn small(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Enters a person.
const fn entry(account: usize, values: Vec<(Field, String)>) -> Deed {
    Deed::Create { account, kind: ObjectKind::Contact, values, ties: Vec::new() }
}

impl<'s> Crowd<'s> {
    /// Makes the crowd of a scenario.
    pub fn new(scenario: &'s Scenario) -> Self {
        Self { scenario, rng: Rng::new(scenario.seed).fork("crowd"), last: 0 }
    }

    /// Enters the people of the beginning: most of them on several sides, and not alike.
    pub fn populate(&mut self, realm: &Realm) {
        self.found(realm);
        for _ in 0..self.scenario.people {
            let person = self.person();
            let sides = self.sides();
            for account in sides {
                let values = self.copy(&person);
                realm.perform(entry(account, values));
            }
        }
        self.settle_down(realm);
    }

    /// Plans what users do between two moments.
    pub fn plan(&mut self, realm: &Realm, from: Timestamp, until: Timestamp) {
        let mut at = from;
        loop {
            let gap = self.scenario.habits.gap_ms;
            at = later(at, Duration::from_millis(1 + self.rng.below(2 * gap)));
            if at >= until {
                return;
            }
            for (wait, deed) in self.deeds() {
                realm.schedule(later(at, wait), deed);
            }
        }
    }

    /// Lets users do some things at once.
    pub fn act(&mut self, realm: &Realm) {
        let count = self.rng.below(6);
        for _ in 0..count {
            for (_, deed) in self.deeds() {
                realm.perform(deed);
            }
        }
    }

    /// Draws a pause between two runs.
    pub fn pause(&mut self) -> Duration {
        Duration::from_millis(self.rng.below(60_000))
    }

    fn deeds(&mut self) -> Vec<(Duration, Deed)> {
        if let Some(deeds) = self.deeds_of_kinds() {
            return deeds;
        }
        let habits = self.scenario.habits.clone();
        let weights = [
            habits.edit,
            habits.clash,
            habits.revert,
            habits.clear,
            habits.create,
            habits.delete,
            habits.restore,
            habits.merge,
        ];
        let mut drawn = self.rng.below(weights.iter().sum());
        let mut chosen = 0;
        for (index, weight) in weights.into_iter().enumerate() {
            if drawn < weight {
                chosen = index;
                break;
            }
            drawn -= weight;
        }
        let account = self.account();
        let (kind, pick, field) = (ObjectKind::Contact, self.rng.bits(), self.field());
        let deed = match chosen {
            0 => Deed::Edit { account, kind, pick, field, value: Some(self.value(field)) },
            1 => self.clash((account, kind), pick, field),
            2 => Deed::Revert { account, kind, pick, field },
            3 => Deed::Edit { account, kind, pick, field, value: None },
            4 => return self.creates(),
            5 => Deed::Delete { account, kind, pick },
            6 => Deed::Restore { account, kind, pick },
            _ => Deed::Merge { account, kind, winner: pick, loser: self.rng.bits() },
        };
        vec![(Duration::ZERO, deed)]
    }

    fn clash(&mut self, (left, kind): (usize, ObjectKind), pick: u64, field: Field) -> Deed {
        let count = self.scenario.profiles.len();
        let step = 1 + usize::try_from(self.rng.below(2)).unwrap_or(0);
        let right = (left + step).checked_rem(count).unwrap_or(0);
        let first = Some(self.value(field));
        let second = if self.rng.happens(1_500) { first.clone() } else { Some(self.value(field)) };
        let gap = self.wait(8_000);
        Deed::Clash { accounts: [left, right], kind, pick, field, values: [first, second], gap }
    }

    /// The same person is entered on one or several sides within a minute.
    fn creates(&mut self) -> Vec<(Duration, Deed)> {
        let person = self.person();
        let sides = self.sides();
        let mut deeds = Vec::with_capacity(sides.len());
        for account in sides {
            let wait = self.wait(60_000);
            deeds.push((wait, entry(account, self.copy(&person))));
        }
        deeds
    }

    /// Draws a wait; in calm weather everything happens between two runs.
    fn wait(&mut self, bound_ms: u64) -> Duration {
        let drawn = Duration::from_millis(self.rng.below(bound_ms));
        match self.scenario.mood {
            Mood::Calm => Duration::ZERO,
            Mood::Hostile => drawn,
        }
    }

    fn person(&mut self) -> Vec<(Field, String)> {
        let mut values = Vec::new();
        for (field, chance) in [
            (Field::PHONE, 7_000),
            (Field::FIRST_NAME, 9_500),
            (Field::LAST_NAME, 9_700),
            (Field::EMAIL, 9_500),
            (Field::COMPANY, 7_000),
            (Field::JOB_TITLE, 5_000),
        ] {
            if self.rng.happens(chance) {
                values.push((field, self.value(field)));
            }
        }
        values
    }

    /// Returns a person as another CRM has it: something is missing, different, spelled otherwise.
    /// What people are recognised by stays.
    fn copy(&mut self, person: &[(Field, String)]) -> Vec<(Field, String)> {
        let mut values = Vec::with_capacity(person.len());
        for (field, value) in person {
            let known = *field == Field::EMAIL || *field == Field::LAST_NAME;
            let value = match self.rng.below(10) {
                0 | 1 if !known => self.value(*field),
                2 if !known => continue,
                3 if *field == Field::EMAIL => value.to_uppercase(),
                4 if *field == Field::PHONE => value.replace(' ', "-"),
                _ => value.clone(),
            };
            values.push((*field, value));
        }
        values
    }

    /// Draws a value that is unlike the others.
    fn value(&mut self, field: Field) -> String {
        self.last += 1;
        let n = self.last;
        let name = |names: &[&'static str], rng: &mut Rng| rng.pick(names).copied().unwrap_or("");
        match field {
            Field::FIRST_NAME => format!("{}{n}", name(&FIRST, &mut self.rng)),
            Field::LAST_NAME => format!("{}{n}", name(&LAST, &mut self.rng)),
            Field::EMAIL => format!("Person.{n}@mail.example"),
            Field::DOMAIN => format!("firm{n}.example"),
            Field::CURRENCY => name(&["EUR", "GBP", "USD"], &mut self.rng).to_owned(),
            Field::VALUE => format!("{n}.{:03}", n.checked_rem(1_000).unwrap_or(0)),
            Field::DURATION_S => (60 + n).to_string(),
            Field::STAGE => name(&STAGES, &mut self.rng).to_owned(),
            Field::PROGRESS => name(&PROGRESS, &mut self.rng).to_owned(),
            Field::DUE_DATE => later(Timestamp::UNIX_EPOCH, DUE + STEP * small(n)).to_string(),
            Field::PHONE => format!("+44 20 7946 {:04}", n.checked_rem(10_000).unwrap_or(0)),
            _ => {
                let ends = ["", " Ltd", " Ltd.", "  Works", " AND Sons of the North", " 5%"];
                let weights = [0, 0, 0, 0, 1, 1, 2, 3, 4, 4];
                let plain = self.rng.pick(&weights).copied().unwrap_or(0);
                let end = if self.rng.happens(200) { 5 } else { plain };
                format!("{n}{}", ends.get(end).copied().unwrap_or(""))
            }
        }
    }

    fn sides(&mut self) -> Vec<usize> {
        let count = self.scenario.profiles.len();
        let mut sides: Vec<usize> = (0..count).filter(|_| self.rng.happens(6_500)).collect();
        if sides.is_empty() {
            sides.push(self.account());
        }
        sides
    }

    fn account(&mut self) -> usize {
        let count = u64::try_from(self.scenario.profiles.len()).unwrap_or(1);
        usize::try_from(self.rng.below(count)).unwrap_or(0)
    }

    fn field(&mut self) -> Field {
        self.rng.pick(&FIELDS).copied().unwrap_or(Field::COMPANY)
    }
}
