//! Relative date literals (`TODAY`, `LAST_N_DAYS:3`) and the days they cover, in UTC.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// A relative date literal: a unit and which of them, counted from the one that holds today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The name, in capitals.
    pub name: String,
    /// The number after the colon, where the name takes one.
    pub count: Option<u32>,
}

/// The largest count accepted, so that a date cannot leave the calendar.
const COUNT_MAX: u32 = 10_000;

#[derive(Debug, Clone, Copy)]
enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Period {
    /// Returns the literal called `name`, or `None` if there is none that takes such a count.
    pub fn named(name: &str, count: Option<u32>) -> Option<Self> {
        let period = Self { name: name.to_ascii_uppercase(), count };
        let any_day = jiff::civil::date(2000, 1, 1);
        period.days(any_day).is_some().then_some(period)
    }

    /// Returns the first day covered and the first day after, seen from `today`.
    pub fn days(&self, today: Date) -> Option<(Date, Date)> {
        let name = self.name.as_str();
        let Some(count) = self.count else {
            return fixed(name, today);
        };
        if count > COUNT_MAX {
            return None;
        }
        let count = i64::from(count);
        let tomorrow = Unit::Day.start(today, 1)?;
        match name {
            "LAST_N_DAYS" => Some((Unit::Day.start(today, -count)?, tomorrow)),
            "NEXT_N_DAYS" => Some((tomorrow, Unit::Day.start(today, count + 1)?)),
            "N_DAYS_AGO" => Unit::Day.span(today, -count, -count + 1),
            "LAST_N_WEEKS" => Unit::Week.span(today, -count, 0),
            "NEXT_N_WEEKS" => Unit::Week.span(today, 1, count + 1),
            "LAST_N_MONTHS" => Unit::Month.span(today, -count, 0),
            "NEXT_N_MONTHS" => Unit::Month.span(today, 1, count + 1),
            "LAST_N_QUARTERS" => Unit::Quarter.span(today, -count, 0),
            "NEXT_N_QUARTERS" => Unit::Quarter.span(today, 1, count + 1),
            "LAST_N_YEARS" => Unit::Year.span(today, -count, 0),
            "NEXT_N_YEARS" => Unit::Year.span(today, 1, count + 1),
            _ => None,
        }
    }
}

fn fixed(name: &str, today: Date) -> Option<(Date, Date)> {
    match name {
        "YESTERDAY" => return Unit::Day.span(today, -1, 0),
        "TODAY" => return Unit::Day.span(today, 0, 1),
        "TOMORROW" => return Unit::Day.span(today, 1, 2),
        "LAST_90_DAYS" => return Unit::Day.span(today, -90, 1),
        "NEXT_90_DAYS" => return Unit::Day.span(today, 1, 91),
        _ => {}
    }
    let (which, unit) = name.split_once('_')?;
    let unit = match unit {
        "WEEK" => Unit::Week,
        "MONTH" => Unit::Month,
        "QUARTER" => Unit::Quarter,
        "YEAR" => Unit::Year,
        _ => return None,
    };
    match which {
        "LAST" => unit.span(today, -1, 0),
        "THIS" => unit.span(today, 0, 1),
        "NEXT" => unit.span(today, 1, 2),
        _ => None,
    }
}

impl Unit {
    /// Returns the first days of the units `from` and `until` steps away.
    fn span(self, today: Date, from: i64, until: i64) -> Option<(Date, Date)> {
        Some((self.start(today, from)?, self.start(today, until)?))
    }

    /// Returns the first day of the unit `steps` after the one that holds `today`.
    fn start(self, today: Date, steps: i64) -> Option<Date> {
        let (first, step) = match self {
            Self::Day => (today, steps.days()),
            Self::Week => {
                let since_sunday = i64::from(today.weekday().since(Weekday::Sunday));
                (today.checked_sub(since_sunday.days()).ok()?, (steps * 7).days())
            }
            Self::Month => (today.first_of_month(), steps.months()),
            Self::Quarter => {
                let into = i64::from((today.month() - 1) % 3);
                let first = today.first_of_month().checked_sub(into.months()).ok()?;
                (first, (steps * 3).months())
            }
            Self::Year => (today.first_of_year(), steps.months().checked_mul(12).ok()?),
        };
        first.checked_add(step).ok()
    }
}
