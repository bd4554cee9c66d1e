//! Spreads invented people over CRMs so that there is something to link, create and settle.

use super::Person;
use super::invent::{invent, phone};
use super::names::COMPANIES;
use crate::world::Rng;

/// How many people have no last name.
const NAMELESS: usize = 5;
/// Where numbers for changed phones start, so that they meet nobody else's.
const OTHER_PHONES: u32 = 150_000;

/// Returns each side's people: of every hundred, 70 on all sides and the rest shared out so that
/// each is on one side alone (15 on each of two). A third of those on all sides have one field that
/// differs on the other sides. Five have no last name; they are alone on a side that allows it.
pub fn spread(count: usize, seed: u64, sides: &[&str]) -> Vec<Vec<Person>> {
    let everybody = invent(count, seed);
    let mut rng = Rng::new(seed).fork("spread");
    let alone = match sides.len() {
        0 | 1 => 0,
        many => count * 30 / 100 / many,
    };
    let shared = count - alone * sides.len();
    let mut nameless = sides.iter().position(|side| !side.starts_with("salesforce"));
    let mut out = Vec::new();
    for (place, _) in sides.iter().enumerate() {
        let mut people: Vec<Person> = everybody.iter().take(shared).cloned().collect();
        if place > 0 {
            // The first of every three differs.
            for (number, person) in (0..).zip(&mut people).step_by(3) {
                vary(number, person, &mut rng);
            }
        }
        let mut own: Vec<Person> =
            everybody.iter().skip(shared + alone * place).take(alone).cloned().collect();
        if nameless == Some(place) {
            nameless = None;
            let source = if own.is_empty() { &mut people } else { &mut own };
            for person in source.iter_mut().take(NAMELESS) {
                person.last_name.clear();
            }
        }
        people.extend(own);
        out.push(people);
    }
    // Each side lists its people in an order of its own.
    for side in out.iter_mut().skip(1) {
        shuffle(side, &mut rng);
    }
    out
}

fn vary(number: u32, person: &mut Person, rng: &mut Rng) {
    match (number / 3) % 3 {
        0 => person.phone = phone(OTHER_PHONES + number, rng),
        1 => {
            let other = COMPANIES.iter().cycle().skip_while(|row| row.0 != person.company).nth(1);
            if let Some((company, _)) = other {
                (*company).clone_into(&mut person.company);
            }
        }
        _ => person.first_name.push_str(" J."),
    }
}

fn shuffle(people: &mut [Person], rng: &mut Rng) {
    for place in (1..people.len()).rev() {
        let bound = u64::try_from(place + 1).unwrap_or(u64::MAX);
        let other = usize::try_from(rng.below(bound)).unwrap_or(place);
        people.swap(place, other);
    }
}
