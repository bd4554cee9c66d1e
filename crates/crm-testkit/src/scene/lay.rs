//! Spreads an invented business over CRMs so that there is something to link, create and settle.

use std::collections::BTreeMap;

use crm_core::ObjectKind;

use super::invent;
use super::{Activity, Company, Deal, Kinds, Scene, Sort};
use crate::people::{COMPANIES, phone, spread};
use crate::world::Rng;

/// How many people there are for one company, one deal, one activity.
const PER_COMPANY: usize = 8;
const PER_DEAL: usize = 4;
const PER_ACTIVITY: usize = 2;
/// Where numbers for changed phones of companies start, so that they meet nobody else's.
const OTHER_PHONES: u32 = 170_000;
/// Of ten thousand people at a company that is there, so many are not tied to it on a further
/// side.
const UNTIED: u32 = 1_000;

/// How often a deal looks for a company that is wherever it is itself.
const TRIES: usize = 4;

/// Sides as bits; the sandbox has fewer than eight.
type Sides = u8;

/// A person as the others need it: the address and where it is.
struct Folk {
    email: String,
    sides: Sides,
}

/// Returns what each side begins with: `people` people as [`spread`] deals them out, a company for
/// eight of them, a deal for four, an activity for two. Of companies and deals 70 in a hundred are
/// on all sides, the rest on one alone; a third of the shared ones have a field that differs.
pub fn scenes(people: usize, seed: u64, sides: &[&str], kinds: &Kinds) -> Vec<Scene> {
    let has = |kind, count| if kinds.has(kind) { count } else { 0 };
    let mut rng = Rng::new(seed).fork("scene");
    let count = has(ObjectKind::Contact, people);
    let spread = spread(count, seed, sides);
    let companies = Companies::invent(
        has(ObjectKind::Company, at_least_one(people, PER_COMPANY)),
        sides,
        &mut rng,
    );
    let mut scenes: Vec<Scene> = Vec::new();
    for (place, side) in spread.into_iter().enumerate() {
        let people = side.into_iter().map(|person| {
            let employer = companies.employer(&person.email, place, &rng);
            (person, employer)
        });
        scenes.push(Scene {
            people: people.collect(),
            companies: companies.of(place, &mut rng),
            ..Scene::default()
        });
    }
    let folk = folk(&scenes);
    let staff = staff(&scenes, &folk);
    deals(
        has(ObjectKind::Deal, people / PER_DEAL),
        &mut scenes,
        (&companies, &folk, &staff),
        &mut rng,
    );
    activities(has(ObjectKind::Activity, people / PER_ACTIVITY), sides, &mut scenes, &mut rng);
    scenes
}

fn at_least_one(people: usize, per: usize) -> usize {
    if people == 0 { 0 } else { (people / per).max(1) }
}

const fn bit(place: usize) -> Sides {
    1 << (place % 8)
}

fn every(sides: usize) -> Sides {
    (0..sides).fold(0, |all, place| all | bit(place))
}

/// Deals items out: of every hundred 70 on all sides, the rest in turn on each alone.
fn placed(number: usize, count: usize, sides: usize) -> Sides {
    let alone = if sides < 2 { 0 } else { count * 30 / 100 };
    match number.checked_sub(count - alone) {
        None => every(sides),
        Some(nth) => bit(nth % sides),
    }
}

struct Companies {
    all: Vec<(Company, Sides)>,
}

impl Companies {
    fn invent(count: usize, sides: &[&str], rng: &mut Rng) -> Self {
        let one = |number| (invent::company(number, rng), placed(number, count, sides.len()));
        Self { all: (0..count).map(one).collect() }
    }

    /// Returns a side's companies. The first of every three shared ones differs on further sides.
    fn of(&self, place: usize, rng: &mut Rng) -> Vec<Company> {
        let mut out = Vec::new();
        for (number, (company, sides)) in self.all.iter().enumerate() {
            if sides & bit(place) == 0 {
                continue;
            }
            let mut company = company.clone();
            if place > 0 && number % 3 == 0 && *sides != bit(place) {
                vary(number, &mut company, rng);
            }
            out.push(company);
        }
        out
    }

    /// Returns the domain of the company at which somebody with that address works, if it is on
    /// that side.
    fn employer(&self, email: &str, place: usize, rng: &Rng) -> Option<String> {
        let (_, domain) = email.rsplit_once('@')?;
        let family = COMPANIES.iter().position(|row| row.1 == domain)?;
        let branches = self.all.len().checked_sub(family)?.div_ceil(COMPANIES.len());
        let mut own = rng.fork(email);
        let branch = usize::try_from(own.below(u64::try_from(branches).ok()?)).ok()?;
        let (company, sides) = self.all.get(family + branch * COMPANIES.len())?;
        let untied = (0..place).any(|_| own.happens(UNTIED));
        (sides & bit(place) != 0 && !untied).then(|| company.domain.clone())
    }
}

fn vary(number: usize, company: &mut Company, rng: &mut Rng) {
    match (number / 3) % 3 {
        0 => company.employees += 1,
        1 => company.city.push_str(" North"),
        _ => {
            let nth = u32::try_from(number).unwrap_or(u32::MAX);
            company.phone = phone(OTHER_PHONES.saturating_add(nth), rng);
        }
    }
}

/// Returns everybody once, in the order of addresses.
fn folk(scenes: &[Scene]) -> Vec<Folk> {
    let mut sides: BTreeMap<&str, Sides> = BTreeMap::new();
    for (place, scene) in scenes.iter().enumerate() {
        for (person, _) in &scene.people {
            *sides.entry(&person.email).or_default() |= bit(place);
        }
    }
    let folk = sides.into_iter();
    folk.map(|(email, sides)| Folk { email: email.to_owned(), sides }).collect()
}

/// Returns who works where, by the domain of the company: places among all people.
fn staff(scenes: &[Scene], folk: &[Folk]) -> BTreeMap<String, Vec<usize>> {
    let mut staff: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (person, employer) in scenes.iter().flat_map(|scene| &scene.people) {
        let place = folk.binary_search_by(|known| known.email.as_str().cmp(&person.email));
        if let (Ok(place), Some(employer)) = (place, employer) {
            let known = staff.entry(employer.clone()).or_default();
            if !known.contains(&place) {
                known.push(place);
            }
        }
    }
    staff
}

fn deals(
    count: usize,
    scenes: &mut [Scene],
    (companies, folk, staff): (&Companies, &[Folk], &BTreeMap<String, Vec<usize>>),
    rng: &mut Rng,
) {
    for number in 0..count {
        let sides = placed(number, count, scenes.len());
        // What is on several sides refers only to what is there too.
        let there = |known: Sides| known & sides == sides;
        let company =
            (0..TRIES).find_map(|_| rng.pick(&companies.all).filter(|company| there(company.1)));
        let company = company.map(|(company, _)| company);
        let mut deal = invent::deal(number, company, rng);
        let own = company.and_then(|company| staff.get(&company.domain));
        let own = own.into_iter().flatten().filter_map(|place| folk.get(*place));
        let own: Vec<&Folk> = own.filter(|person| there(person.sides)).collect();
        let wanted = 1 + rng.below(2);
        for _ in 0..wanted {
            let person = rng.pick(&own).copied().or_else(|| rng.pick(folk));
            let person = person.filter(|person| there(person.sides));
            if let Some(person) = person.filter(|person| !deal.people.contains(&person.email)) {
                deal.people.push(person.email.clone());
            }
        }
        for (place, scene) in scenes.iter_mut().enumerate() {
            if sides & bit(place) != 0 {
                let mut deal: Deal = deal.clone();
                if place > 0 && number % 3 == 0 && sides != bit(place) {
                    deal.close.replace_range(..4, "2028");
                }
                scene.deals.push(deal);
            }
        }
    }
}

fn activities(count: usize, sides: &[&str], scenes: &mut [Scene], rng: &mut Rng) {
    const ALL: [Sort; 5] = [Sort::Task, Sort::Call, Sort::Meeting, Sort::Email, Sort::Note];
    for number in 0..count {
        let place = number % sides.len().max(1);
        let (Some(side), Some(scene)) = (sides.get(place), scenes.get_mut(place)) else { continue };
        let (sorts, single) = match side.split('-').next() {
            Some("salesforce") => (ALL.get(..4).unwrap_or_default(), true),
            Some("zoho") => (ALL.get(..3).unwrap_or_default(), true),
            Some(_) | None => (&ALL[..], false),
        };
        let sort = rng.pick(sorts).copied().unwrap_or_default();
        let activity = tied(invent::activity(number, sort, rng), single, scene, rng);
        scene.activities.push(activity);
    }
}

/// Ties an activity to people and to a deal or a company of its side.
fn tied(mut activity: Activity, single: bool, scene: &Scene, rng: &mut Rng) -> Activity {
    let wanted = if single { 1 } else { 1 + rng.below(2) };
    for _ in 0..wanted {
        if let Some((person, _)) = rng.pick(&scene.people)
            && !activity.people.contains(&person.email)
        {
            activity.people.push(person.email.clone());
        }
    }
    match rng.below(4) {
        0 => {}
        1 => activity.company = rng.pick(&scene.companies).map(|company| company.domain.clone()),
        _ => activity.deal = rng.pick(&scene.deals).map(|deal| deal.title.clone()),
    }
    activity
}
