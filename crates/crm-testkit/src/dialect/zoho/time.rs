//! Times in the org's zone, to whole seconds.

use jiff::Timestamp;
use jiff::tz::Offset;

/// Returns a time as the org shows it: `2026-05-14T11:36:18+03:00`.
pub(super) fn local(at_ms: i64, offset_minutes: i64) -> String {
    let at = Timestamp::from_second(at_ms.div_euclid(1_000)).unwrap_or(Timestamp::MIN);
    let seconds = i32::try_from(offset_minutes * 60).unwrap_or(0);
    let offset = Offset::from_seconds(seconds).unwrap_or(Offset::UTC);
    at.display_with_offset(offset).to_string()
}

/// Returns the milliseconds of a time with an offset. A `+` that a client did not encode in an
/// address comes as a space, and is none.
pub(super) fn read(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// Returns how a time is kept: in UTC, without fractions.
pub(super) fn kept(text: &str) -> Option<String> {
    let at: Timestamp = text.parse().ok()?;
    Some(Timestamp::from_second(at.as_second()).ok()?.to_string())
}
