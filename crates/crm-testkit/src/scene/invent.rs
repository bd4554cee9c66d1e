//! Makes up companies, deals and activities: the same seed gives the same ones.

use jiff::civil::{Date, date};
use jiff::{Span, Timestamp};

use super::{Activity, Company, Deal, Progress, Sort, Stage};
use crate::people::{COMPANIES, PLACES, phone};
use crate::world::Rng;

/// Where the numbers of companies start, so that they meet nobody else's.
const PHONES: u32 = 160_000;
/// The day that closing dates are counted from, and the time that activities are.
const DAY: Date = date(2026, 3, 2);
/// 2 March 2026, nine o'clock.
const HOUR_S: i64 = 1_772_442_000;

const GOODS: [&str; 8] = [
    "Screen repairs",
    "Spare batteries",
    "Service contract",
    "Workshop tools",
    "Refurbished phones",
    "Training day",
    "Parts on stock",
    "Yearly inspection",
];
const STAGES: [Stage; 5] = [Stage::New, Stage::Qualified, Stage::Proposal, Stage::Won, Stage::Lost];
const TASKS: [&str; 4] = ["Send the offer", "Check the order", "Ask for papers", "Call back"];
const MEETINGS: [&str; 3] = ["Visit", "Demonstration", "Review"];
const MAILS: [&str; 3] = ["Thank you", "Your offer", "Dates to choose from"];

/// Returns a company; those behind the first of a name are its branches.
pub(super) fn company(number: usize, rng: &mut Rng) -> Company {
    let (family, branch) = (number % COMPANIES.len(), number / COMPANIES.len());
    let (name, domain) = COMPANIES.get(family).copied().unwrap_or_default();
    let [_, city, _, _, country] = rng.pick(&PLACES).copied().unwrap_or_default();
    let (name, domain) = if branch == 0 {
        (name.to_owned(), domain.to_owned())
    } else {
        let stem = domain.trim_end_matches(".example");
        (format!("{name} {city} {branch}"), format!("{stem}-{branch}.example"))
    };
    let nth = u32::try_from(number).unwrap_or(u32::MAX);
    Company {
        name,
        domain,
        phone: phone(PHONES.saturating_add(nth), rng),
        city: city.to_owned(),
        country: country.to_owned(),
        employees: 5 + u32::try_from(rng.below(900)).unwrap_or(0),
    }
}

/// Returns a deal with the company of that name, yet without people.
pub(super) fn deal(number: usize, company: Option<&Company>, rng: &mut Rng) -> Deal {
    let goods = rng.pick(&GOODS).copied().unwrap_or_default();
    let title = match company {
        Some(company) => format!("{goods} for {} ({number})", company.name),
        None => format!("{goods} ({number})"),
    };
    let (whole, cents) = (40 + rng.below(90_000), (number % 3) * 45);
    let amount = if cents == 0 { whole.to_string() } else { format!("{whole}.{cents:02}") };
    let days = i64::try_from(rng.below(500)).unwrap_or(0);
    let close = DAY.checked_add(Span::new().days(days)).unwrap_or(DAY);
    Deal {
        title,
        amount,
        stage: rng.pick(&STAGES).copied().unwrap_or_default(),
        variant: usize::try_from(rng.below(12)).unwrap_or(0),
        close: close.to_string(),
        company: company.map(|company| company.domain.clone()),
        people: Vec::new(),
    }
}

/// Returns an activity that concerns nobody yet.
pub(super) fn activity(number: usize, sort: Sort, rng: &mut Rng) -> Activity {
    let topic = match sort {
        Sort::Task => rng.pick(&TASKS),
        Sort::Meeting => rng.pick(&MEETINGS),
        Sort::Email => rng.pick(&MAILS),
        Sort::Call => Some(&"Call"),
        Sort::Note => Some(&"Note"),
    };
    let subject = format!("{} ({number})", topic.copied().unwrap_or_default());
    let hours = i64::try_from(rng.below(5_000)).unwrap_or(0);
    let at = Timestamp::from_second(HOUR_S + hours * 3_600).unwrap_or_default();
    let ends = at.checked_add(Span::new().minutes(45)).unwrap_or(at);
    Activity {
        sort,
        body: format!("About: {subject}"),
        subject,
        at: at.to_string(),
        ends: ends.to_string(),
        progress: if rng.below(3) == 0 { Progress::Done } else { Progress::Open },
        duration_s: 30 + u32::try_from(rng.below(1_800)).unwrap_or(0),
        ..Activity::default()
    }
}
