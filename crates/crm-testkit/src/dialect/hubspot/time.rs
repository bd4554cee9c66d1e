//! Times as the vendor writes and reads them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Returns a time in ISO form: with milliseconds, or without a fraction where they are zero.
pub(super) fn iso(at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    if at_ms.rem_euclid(1_000) == 0 { format!("{at:.0}") } else { format!("{at:.3}") }
}

/// Returns the milliseconds of a time given as epoch milliseconds, ISO time or ISO date.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(at_ms) = text.parse::<i64>() {
        return Timestamp::from_millisecond(at_ms).ok().map(|_| at_ms);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    let date: Date = text.parse().ok()?;
    Some(TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_millisecond())
}

/// Returns a date given as such or as epoch milliseconds at midnight UTC.
pub(super) fn parse_date(text: &str) -> Option<String> {
    let at_ms = parse(text)?;
    if text.contains('T') || at_ms.rem_euclid(86_400_000) != 0 {
        return None;
    }
    let at = Timestamp::from_millisecond(at_ms).ok()?;
    Some(TimeZone::UTC.to_datetime(at).date().to_string())
}
