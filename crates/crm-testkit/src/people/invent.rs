//! Makes up people: the same seed gives the same people, and no two share address or number.

use super::Person;
use super::names::{COMPANIES, PLACES, TITLES, TRADITIONS};
use crate::world::Rng;

/// Area codes of invented American numbers; with exchange 555 nobody answers.
const AREAS: [u32; 20] = [
    202, 206, 212, 213, 214, 216, 303, 305, 312, 313, 404, 415, 503, 504, 512, 602, 612, 617, 702,
    713,
];

/// Returns invented people; each number from 0 up to `count` is one.
pub fn invent(count: usize, seed: u64) -> Vec<Person> {
    let mut rng = Rng::new(seed).fork("people");
    (0..u32::try_from(count).unwrap_or(u32::MAX)).map(|number| person(number, &mut rng)).collect()
}

fn person(number: u32, rng: &mut Rng) -> Person {
    let (mut first, mut last) = (("", ""), ("", ""));
    if let Some(tradition) = rng.pick(&TRADITIONS) {
        first = rng.pick(tradition.given).copied().unwrap_or_default();
        last = rng.pick(tradition.family).copied().unwrap_or_default();
    }
    let (company, domain) = rng.pick(&COMPANIES).copied().unwrap_or_default();
    let title = rng.pick(&TITLES).copied().unwrap_or_default();
    let [street, city, region, postal_code, country] =
        rng.pick(&PLACES).copied().unwrap_or_default();
    Person {
        first_name: first.0.to_owned(),
        last_name: last.0.to_owned(),
        email: format!("{}.{}.{number}@{domain}", first.1, last.1),
        phone: phone(number, rng),
        company: company.to_owned(),
        job_title: title.to_owned(),
        street: format!("{street} {}", 1 + rng.below(180)),
        city: city.to_owned(),
        region: region.to_owned(),
        postal_code: postal_code.to_owned(),
        country: country.to_owned(),
    }
}

/// Returns a number of its own for each person, in one of several spellings.
///
/// The ranges are those that regulators keep free for fiction, as long as they last; British ones
/// are also written without the country's code.
pub(crate) fn phone(number: u32, rng: &mut Rng) -> String {
    let nth = number / 5;
    let (high, low) = (nth / 100, nth % 100);
    let style = rng.below(4);
    match number % 5 {
        0 if nth < 1_000 => match style {
            0 => format!("020 7946 0{nth:03}"),
            1 => format!("+44 20 7946 0{nth:03}"),
            2 => format!("0044 20 79460{nth:03}"),
            _ => format!("(020) 7946-0{nth:03}"),
        },
        1 if nth < 1_000 => match style {
            0 => format!("07700 900{nth:03}"),
            1 => format!("+44 7700 900{nth:03}"),
            _ => format!("+44 (0)7700 900{nth:03}"),
        },
        2 if nth < 1_000 => match style {
            0 => format!("+49 30 23125{nth:03}"),
            1 => format!("+49 (30) 23125-{nth:03}"),
            _ => format!("+493023125{nth:03}"),
        },
        3 if nth < 10_000 => match style {
            0 => format!("+33 1 99 00 {high:02} {low:02}"),
            _ => format!("+33.1.99.00.{high:02}.{low:02}"),
        },
        _ => american(number, style),
    }
}

fn american(number: u32, style: u64) -> String {
    let place = usize::try_from(number / 10_000).unwrap_or(0) % AREAS.len();
    let area = AREAS.get(place).copied().unwrap_or(202);
    let line = number % 10_000;
    match style {
        0 => format!("+1 ({area}) 555-{line:04}"),
        1 => format!("+1-{area}-555-{line:04}"),
        2 => format!("+1{area}555{line:04}"),
        _ => format!("+1 {area}.555.{line:04}"),
    }
}
