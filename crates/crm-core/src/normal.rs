//! Normal forms: one spelling for each thing that CRMs spell differently.
//!
//! Every form is idempotent, and none can fail: what has no normal form stays as it is.
//! Correctness never depends on a form being right (an unmodelled rewrite by a provider costs
//! one write); forms only save writes and make matching sharper.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use iso_currency::Currency;
use jiff::Timestamp;
use jiff::civil::Date;
use phonenumber::country;
use rust_decimal::Decimal;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::{FieldType, Text, Value};

/// A country, for phone numbers that are written without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region(country::Id);

impl Region {
    /// The United Kingdom, where RevivaTech is.
    pub const GB: Self = Self(country::Id::GB);

    /// Returns the country as the phone library names it.
    pub(crate) const fn id(self) -> country::Id {
        self.0
    }
}

impl Default for Region {
    fn default() -> Self {
        Self::GB
    }
}

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(text: &str) -> Result<Self, UnknownRegion> {
        let upper = text.trim().to_ascii_uppercase();
        upper.parse().map(Self).map_err(|_unknown| UnknownRegion(text.to_owned()))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// The text is not a two-letter country code (ISO 3166-1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a country code such as GB or DE")]
pub struct UnknownRegion(String);

/// Brings values to normal form, knowing where the tenant is at home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Normalizer {
    /// The country of phone numbers that are written without one.
    pub region: Region,
}

impl Normalizer {
    /// Returns a text field's value; `None` for blank text.
    pub fn text(self, ty: FieldType, raw: &str) -> Option<Value> {
        let key = match ty {
            FieldType::Email => email(raw),
            FieldType::Phone => phone(raw, self.region),
            FieldType::Text
            | FieldType::Url
            | FieldType::Integer
            | FieldType::Decimal
            | FieldType::Money
            | FieldType::Bool
            | FieldType::Date
            | FieldType::Instant
            | FieldType::Choice(_)
            | FieldType::List
            | FieldType::Reference(_)
            | FieldType::References(_) => text(raw),
        };
        (!key.is_empty()).then(|| Value::Text(Text::keyed(raw, &key)))
    }
}

/// Returns text in Unicode NFC without surrounding white space.
pub fn text(raw: &str) -> Cow<'_, str> {
    let trimmed = raw.trim();
    if is_nfc(trimmed) { Cow::Borrowed(trimmed) } else { Cow::Owned(trimmed.nfc().collect()) }
}

/// Returns an e-mail address in lower case: all six vendors compare the whole address without
/// regard to case.
pub fn email(raw: &str) -> Cow<'_, str> {
    let plain = text(raw);
    if plain.chars().any(|c| c.to_lowercase().next() != Some(c)) {
        // Lower-casing may leave NFC (İ becomes i and a combining dot).
        Cow::Owned(plain.to_lowercase().nfc().collect())
    } else {
        plain
    }
}

/// Returns a phone number as E.164; one that does not parse, as its digits; one without digits,
/// as its text.
///
/// This is the hot path: a number is parsed once and neither validated nor formatted by the
/// library, and text that is in E.164 but for the gaps between its digits skips the parser.
pub fn phone(raw: &str, region: Region) -> Cow<'_, str> {
    let trimmed = raw.trim();
    if is_e164(trimmed) {
        return Cow::Borrowed(trimmed);
    }
    if let Some(number) = ungrouped(trimmed).or_else(|| parse_phone(trimmed, region)) {
        return Cow::Owned(number);
    }
    let plus = if trimmed.starts_with('+') { "+" } else { "" };
    let digits: String = trimmed.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        return text(raw);
    }
    // The digits alone may parse where the text did not; asking again makes it idempotent.
    let bare = format!("{plus}{digits}");
    let number = if bare == trimmed { None } else { parse_phone(&bare, region) };
    Cow::Owned(number.unwrap_or(bare))
}

/// Returns an international number without the signs by which people group its digits.
fn ungrouped(text: &str) -> Option<String> {
    let digits = text.strip_prefix('+')?;
    let mut bare = String::with_capacity(text.len());
    bare.push('+');
    for c in digits.chars() {
        match c {
            '0'..='9' => bare.push(c),
            ' ' | '-' | '.' | '\u{a0}' => {}
            _ => return None,
        }
    }
    is_e164(&bare).then_some(bare)
}

/// At most fifteen digits behind a plus (ITU-T E.164), the first of them not a zero.
fn is_e164(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else {
        return false;
    };
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !has_trunk_zero(digits)
}

/// Countries whose people write the domestic zero behind the country code (+49 0711 …), though
/// no area code there begins with one. Such text goes through the parser, which drops the zero.
const TRUNK_ZERO: &[&str] =
    &["31", "32", "33", "353", "41", "43", "44", "46", "49", "55", "61", "64", "81"];

fn has_trunk_zero(digits: &str) -> bool {
    TRUNK_ZERO
        .iter()
        .any(|code| digits.strip_prefix(code).is_some_and(|national| national.starts_with('0')))
}

/// The shortest thing that is worth a parse; service numbers such as 112 stay as they are.
const PHONE_DIGITS_MIN: usize = 5;

fn parse_phone(text: &str, region: Region) -> Option<String> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits < PHONE_DIGITS_MIN || text.chars().any(char::is_alphabetic) {
        return None;
    }
    // The library strips the domestic prefix of the region that it is given, also from numbers
    // of other countries (Italy keeps its zero), so it gets a region only for domestic numbers.
    let parsed = if text.starts_with('+') {
        phonenumber::parse(None, text)
    } else if let Some(international) = text.strip_prefix("00") {
        phonenumber::parse(None, format!("+{international}"))
    } else {
        phonenumber::parse(Some(region.0), text)
    }
    .ok()?;
    let national = parsed.national();
    let zeros = "0".repeat(usize::from(national.zeros()));
    let number = format!("+{}{zeros}{}", parsed.code().value(), national.value());
    // Only what the fast path accepts again: idempotence.
    is_e164(&number).then_some(number)
}

/// Returns a surname as phone matches compare it: NFC, lower case.
pub fn surname(raw: &str) -> String {
    text(raw).to_lowercase().nfc().collect()
}

/// Returns the domain of a web address or of a domain as people write it: lower case, without
/// scheme, path, port and `www.`; empty if there is none.
pub fn domain(raw: &str) -> String {
    let bare = text(raw).to_lowercase();
    let bare = bare.split_once("://").map_or(&*bare, |(_, rest)| rest);
    let host = bare.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.split(':').next().unwrap_or_default().trim_matches('.');
    let host = host.strip_prefix("www.").unwrap_or(host);
    if host.contains('.') { host.to_owned() } else { String::new() }
}

/// An amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// The amount, at most as many decimals as the currency has.
    pub amount: Decimal,
    /// The currency (ISO 4217).
    pub currency: Currency,
}

impl Money {
    /// Makes an amount in normal form: rounded half to even to the currency's decimals, without
    /// trailing zeros.
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        let decimals = currency.exponent().map_or(2, u32::from);
        Self { amount: amount.round_dp(decimals).normalize(), currency }
    }

    /// Reads an amount and a currency code; `None` if either is not one.
    pub fn parse(amount: &str, code: &str) -> Option<Self> {
        let currency = Currency::from_code(&code.trim().to_ascii_uppercase())?;
        decimal(amount).map(|amount| Self::new(amount, currency))
    }
}

/// Returns how a company's web address may be spelled that has nothing but the domain.
pub fn sites(domain: &str) -> impl Iterator<Item = String> + '_ {
    let hosts = ["", "www."].into_iter();
    let hosts = hosts.flat_map(|www| ["", "http://", "https://"].map(|scheme| (scheme, www)));
    hosts.flat_map(move |(scheme, www)| {
        ["", "/"].map(|slash| format!("{scheme}{www}{domain}{slash}"))
    })
}

/// Reads a decimal number: an optional sign, digits, one dot. No thousands separators, since
/// `1.234` and `1,234` mean different things in different countries.
pub fn decimal(raw: &str) -> Option<Decimal> {
    let trimmed = raw.trim();
    let parsed = Decimal::from_str_exact(trimmed).or_else(|_| Decimal::from_scientific(trimmed));
    parsed.ok().map(|number| number.normalize())
}

/// Reads a day: `YYYY-MM-DD`, or the day (in UTC) of an instant.
pub fn date(raw: &str) -> Option<Date> {
    let trimmed = raw.trim();
    trimmed.parse().ok().or_else(|| {
        let instant = instant(trimmed)?;
        Some(instant.to_zoned_datetime(jiff::tz::TimeZone::UTC).date())
    })
}

/// Reads an instant: ISO 8601 with any offset form (Salesforce writes `+0000`), or milliseconds
/// since 1970 (HubSpot accepts both).
pub fn instant(raw: &str) -> Option<Timestamp> {
    let trimmed = raw.trim();
    if let Ok(milliseconds) = trimmed.parse::<i64>() {
        return Timestamp::from_millisecond(milliseconds).ok();
    }
    trimmed.parse().ok()
}

/// Returns the day on which an instant lies, in UTC.
pub fn day(instant: Timestamp) -> Date {
    instant.to_zoned_datetime(jiff::tz::TimeZone::UTC).date()
}

/// Returns noon of a day in UTC: in all zones from -12 to +11 hours it is the same day.
pub fn noon(day: Date) -> Option<Timestamp> {
    jiff::tz::TimeZone::UTC.to_timestamp(day.at(12, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests;
