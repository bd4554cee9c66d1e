//! What one seed means: who takes part, by which rules, in which weather, with which users.
//!
//! Rates are drawn per seed, and many are zero in a seed (swarm): a fault that is always there
//! hides what only shows without it.

use std::collections::BTreeMap;
use std::time::Duration;

use crm_core::{Field, ObjectKind};

use crate::memory::{PROFILES, Profile, Weather};
use crate::world::Rng;

/// What one seed means.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// Whether anything goes wrong.
    pub mood: Mood,
    /// The CRMs, by rank.
    pub profiles: Vec<&'static Profile>,
    /// What takes part, in the order of rank.
    pub kinds: Vec<ObjectKind>,
    /// Who wins.
    pub rule: Rule,
    /// Who wins, where it differs.
    pub field_rules: BTreeMap<Field, Rule>,
    /// Where a blank may win.
    pub allow_clear: Vec<Field>,
    /// What goes wrong.
    pub weather: Weather,
    /// How often the process dies, in 10,000 steps.
    pub crash_rate: u32,
    /// How many people there are at the beginning.
    pub people: u64,
    /// How long users work.
    pub span: Duration,
    /// What users do.
    pub habits: Habits,
}

/// Whether anything goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// No call fails, nobody dies, and users work between the runs: nothing may be lost.
    Calm,
    /// Everything goes wrong at once.
    Hostile,
}

/// Who wins; the engine's policies in the words of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The highest rank.
    Primary,
    /// The lowest rank.
    Secondary,
    /// The latest change.
    Latest,
    /// The latest change, or a person where nobody can tell.
    Strict,
    /// The value that says most.
    Complete,
    /// The connection of the second rank, whenever it contends.
    Owner,
    /// The longest text.
    Longest,
    /// A person, later.
    Manual,
}

impl Rule {
    /// Returns whether a person may have to decide.
    pub const fn may_wait(self) -> bool {
        match self {
            Self::Strict | Self::Manual => true,
            Self::Primary
            | Self::Secondary
            | Self::Latest
            | Self::Complete
            | Self::Owner
            | Self::Longest => false,
        }
    }
}

/// What users do, and how often: weights, and milliseconds between two deeds.
#[derive(Clone, Debug)]
pub struct Habits {
    /// Milliseconds between two deeds, on average.
    pub gap_ms: u64,
    /// Changes of one value.
    pub edit: u64,
    /// Changes of one value on two sides.
    pub clash: u64,
    /// Changes taken back.
    pub revert: u64,
    /// Values cleared.
    pub clear: u64,
    /// People entered, often on several sides.
    pub create: u64,
    /// Records deleted.
    pub delete: u64,
    /// Records restored.
    pub restore: u64,
    /// Records merged.
    pub merge: u64,
}

/// The fields that users change, the favourites several times.
pub const FIELDS: [Field; 12] = [
    Field::COMPANY,
    Field::COMPANY,
    Field::COMPANY,
    Field::JOB_TITLE,
    Field::JOB_TITLE,
    Field::JOB_TITLE,
    Field::PHONE,
    Field::PHONE,
    Field::FIRST_NAME,
    Field::FIRST_NAME,
    Field::LAST_NAME,
    Field::EMAIL,
];

/// Added to a seed, it leaves everything but people out: so a seed that once found something in
/// them goes on finding it.
pub const PEOPLE_ONLY: u64 = 1 << 40;

/// Added to a seed, it lets companies, deals or activities take part.
pub const MORE_KINDS: u64 = 1 << 41;

/// How many of 10,000 plain seeds know more than people.
const KINDS_SHARE: u32 = 5_000;

impl Scenario {
    /// Draws the scenario of a seed. Every eighth one is calm.
    pub fn of(seed: u64) -> Self {
        let plain = seed & !(PEOPLE_ONLY | MORE_KINDS);
        let mut scenario = Self::of_people(plain);
        let mut rng = Rng::new(plain).fork("kinds");
        let drawn = rng.happens(KINDS_SHARE);
        if seed & MORE_KINDS != 0 || (drawn && seed & PEOPLE_ONLY == 0) {
            scenario.widen(&mut rng);
        }
        scenario
    }

    /// Adds companies, deals and activities, some of them.
    fn widen(&mut self, rng: &mut Rng) {
        let count = match rng.below(20) {
            0..9 => 2,
            9..16 => 3,
            _ => 4,
        };
        self.profiles = PROFILES.to_vec();
        shuffle(&mut self.profiles, rng);
        self.profiles.truncate(count);
        let mut kinds = vec![ObjectKind::Contact];
        for (kind, chance) in
            [(ObjectKind::Company, 7_500), (ObjectKind::Deal, 7_000), (ObjectKind::Activity, 6_000)]
        {
            let able = self.profiles.iter().filter(|p| p.tables(kind).next().is_some()).count();
            if able >= 2 && rng.happens(chance) {
                kinds.push(kind);
            }
        }
        if kinds.len() == 1 {
            kinds.push(ObjectKind::Deal);
        }
        kinds.sort_unstable();
        self.kinds = kinds;
        let fields = [
            Field::INDUSTRY,
            Field::VALUE,
            Field::PROGRESS,
            Field::COMPANY_REF,
            Field::PARENT,
            Field::DEAL,
        ];
        self.allow_clear.extend(fields.into_iter().filter(|_| rng.happens(4_000)));
    }

    fn of_people(seed: u64) -> Self {
        let mut rng = Rng::new(seed).fork("scenario");
        let mood = if seed.is_multiple_of(8) { Mood::Calm } else { Mood::Hostile };
        let mut profiles: Vec<&'static Profile> = PROFILES.to_vec();
        shuffle(&mut profiles, &mut rng);
        profiles.truncate(if rng.happens(4_000) { 3 } else { 2 });
        let rules = [Rule::Primary, Rule::Secondary, Rule::Latest, Rule::Latest, Rule::Manual];
        let mut rule = rng.pick(&rules).copied().unwrap_or(Rule::Primary);
        let mut field_rules = BTreeMap::new();
        for field in [Field::COMPANY, Field::PHONE] {
            if rng.happens(2_000) {
                field_rules.insert(field, rng.pick(&rules).copied().unwrap_or(Rule::Primary));
            }
        }
        // Drawn apart, so that a seed of old means what it meant but for these.
        let mut apart = Rng::new(seed).fork("policies");
        let others = [Rule::Strict, Rule::Complete, Rule::Owner, Rule::Longest];
        let mut draw = |often| apart.happens(often).then(|| apart.pick(&others).copied());
        rule = draw(1_000).flatten().unwrap_or(rule);
        field_rules.extend(draw(4_000).flatten().map(|rule| (Field::JOB_TITLE, rule)));
        let fields = [Field::COMPANY, Field::JOB_TITLE, Field::PHONE];
        let allow_clear = fields.into_iter().filter(|_| rng.happens(3_000)).collect();
        Self {
            seed,
            mood,
            profiles,
            kinds: vec![ObjectKind::Contact],
            rule,
            field_rules,
            allow_clear,
            weather: weather(mood, &mut rng),
            crash_rate: if mood == Mood::Calm { 0 } else { some(&mut rng, 100) },
            people: 6 + rng.below(12),
            span: Duration::from_secs(240 + rng.below(900)),
            habits: habits(mood, &mut rng),
        }
    }

    /// Returns who wins in a field.
    pub fn rule(&self, field: Field) -> Rule {
        self.field_rules.get(&field).copied().unwrap_or(self.rule)
    }
}

/// Draws a rate: often none, else up to a limit.
fn some(rng: &mut Rng, limit: u32) -> u32 {
    let drawn = u32::try_from(rng.below(u64::from(limit) + 1)).unwrap_or(0);
    if rng.happens(3_500) { 0 } else { drawn }
}

fn weather(mood: Mood, rng: &mut Rng) -> Weather {
    if mood == Mood::Calm {
        return Weather { lag_max: rng.below(60), ..Weather::default() };
    }
    Weather {
        refused: some(rng, 300),
        lost: some(rng, 1_500),
        late: some(rng, 1_500),
        partial: some(rng, 1_500),
        slow: some(rng, 800),
        hint_lost: some(rng, 3_000),
        hint_twice: some(rng, 2_000),
        hint_shuffled: some(rng, 5_000),
        lag_max: if rng.happens(3_500) { 0 } else { rng.below(60) },
    }
}

fn habits(mood: Mood, rng: &mut Rng) -> Habits {
    let rare = |rng: &mut Rng, weight| if rng.happens(5_000) { weight } else { 0 };
    Habits {
        gap_ms: if mood == Mood::Calm { 60_000 } else { 7_000 + rng.below(20_000) },
        edit: 60,
        clash: rng.below(25),
        revert: rng.below(10),
        clear: rng.below(6),
        create: rng.below(8),
        delete: rare(rng, 3),
        restore: rare(rng, 2),
        merge: rare(rng, 2),
    }
}

fn shuffle<T>(items: &mut [T], rng: &mut Rng) {
    for last in (1..items.len()).rev() {
        let bound = u64::try_from(last + 1).unwrap_or(1);
        items.swap(last, usize::try_from(rng.below(bound)).unwrap_or(0));
    }
}
