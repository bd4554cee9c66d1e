//! Values as text: how rows keep them, how answers write them, which ones a field takes.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde_json::Value;

use super::describe::{Field, Type};
use super::problem::Problem;

/// Returns an instant in the vendor's form, which has no colon in the offset.
pub(super) fn moment(moment: Timestamp) -> String {
    let time = Offset::UTC.to_datetime(moment);
    let (date, clock) = (time.date(), time.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}+0000",
        date.year(),
        date.month(),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second(),
        clock.millisecond()
    )
}

/// Returns the instant of so many milliseconds in the vendor's form.
pub(super) fn moment_ms(at_ms: i64) -> String {
    moment(Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Reads an instant in any of the forms that the vendor takes.
pub(super) fn read_moment(text: &str) -> Option<Timestamp> {
    crate::soql::read_moment(text)
}

/// Checks a value for a field and returns it as rows keep it; `None` clears.
pub(super) fn checked(field: &Field, value: &Value) -> Result<Option<String>, Problem> {
    match value {
        Value::Null if field.kind == Type::Flag => Err(wrong_type(field, "null")),
        Value::Null => Ok(None),
        Value::Bool(flag) if field.kind == Type::Flag => Ok(Some(flag.to_string())),
        Value::Bool(flag) => Err(unreadable(field, "VALUE_BOOLEAN", &flag.to_string())),
        Value::Number(number) => match field.kind {
            Type::Int | Type::Double | Type::Currency | Type::Percent => {
                numeric(field, &number.to_string()).map(Some)
            }
            Type::Id
            | Type::Reference
            | Type::Text
            | Type::LongText
            | Type::Email
            | Type::Phone
            | Type::Url
            | Type::Picklist
            | Type::Choices
            | Type::Combobox
            | Type::Flag
            | Type::Date
            | Type::DateTime
            | Type::Address => Err(unreadable(field, "VALUE_NUMBER", &number.to_string())),
        },
        Value::String(text) => from_text(field, text.trim()),
        Value::Array(_) => Err(unreadable(field, "START_ARRAY", "[")),
        Value::Object(_) => Err(unreadable(field, "START_OBJECT", "{")),
    }
}

fn from_text(field: &Field, text: &str) -> Result<Option<String>, Problem> {
    if text.is_empty() {
        let flag = field.kind == Type::Flag;
        return if flag { Err(wrong_type(field, "")) } else { Ok(None) };
    }
    let refused = || unreadable(field, "VALUE_STRING", text);
    let kept = match field.kind {
        Type::Flag if matches!(text, "true" | "false") => text.to_owned(),
        Type::Flag | Type::Address => return Err(refused()),
        Type::Int | Type::Double | Type::Currency | Type::Percent => numeric(field, text)?,
        Type::Date => text.parse::<Date>().map_err(|_not_a_date| refused())?.to_string(),
        Type::DateTime => {
            let moment = read_moment(text).ok_or_else(refused)?;
            let seconds = Timestamp::from_second(moment.as_second());
            seconds.unwrap_or(moment).to_string()
        }
        Type::Email if !looks_like_email(text) => {
            let message = format!("{}: invalid email address: {text}", field.label);
            return Err(
                Problem::new("INVALID_EMAIL_ADDRESS", message).fields([field.name.as_str()])
            );
        }
        Type::Picklist if field.has('r') && !known(field, text) => {
            let message =
                format!("{}: bad value for restricted picklist field: {text}", field.label);
            let code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST";
            return Err(Problem::new(code, message).fields([field.name.as_str()]));
        }
        Type::Id
        | Type::Reference
        | Type::Text
        | Type::LongText
        | Type::Email
        | Type::Phone
        | Type::Url
        | Type::Picklist
        | Type::Choices
        | Type::Combobox => text.to_owned(),
    };
    let measured = !matches!(field.kind.name(), "reference" | "id") && field.length > 0;
    let length = u32::try_from(kept.chars().count()).unwrap_or(u32::MAX);
    if measured && field.kind.soap() == "xsd:string" && length > field.length {
        let message =
            format!("{}: data value too large: {kept} (max length={})", field.label, field.length);
        return Err(Problem::new("STRING_TOO_LONG", message).fields([field.name.as_str()]));
    }
    Ok(Some(kept))
}

fn known(field: &Field, text: &str) -> bool {
    field.values.is_empty() || field.values.iter().any(|value| value.eq_ignore_ascii_case(text))
}

fn numeric(field: &Field, text: &str) -> Result<String, Problem> {
    let refused = || unreadable(field, "VALUE_STRING", text);
    if field.kind == Type::Int {
        let whole = text.strip_suffix(".0").unwrap_or(text);
        return whole.parse::<i32>().map(|n| n.to_string()).map_err(|_not_whole| refused());
    }
    let number: f64 = text.parse().map_err(|_not_a_number| refused())?;
    if !number.is_finite() {
        return Err(refused());
    }
    // The vendor rounds to the field's scale without a word.
    let places = usize::try_from(field.scale).unwrap_or(0);
    let rounded: f64 = format!("{number:.places$}").parse().unwrap_or(number);
    let whole = text.trim_start_matches('-').split(['.', 'e', 'E']).next().unwrap_or_default();
    let digits = u32::try_from(whole.len()).unwrap_or(u32::MAX);
    if digits > field.length.saturating_sub(field.scale) {
        let message =
            format!("{}: value outside of valid range on numeric field: {text}", field.label);
        let problem = Problem::new("NUMBER_OUTSIDE_VALID_RANGE", message);
        return Err(problem.fields([field.name.as_str()]));
    }
    Ok(Value::from(rounded).to_string())
}

/// The vendor's own test is loose: something, an at sign, and a domain with a dot.
fn looks_like_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let label =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '-');
    let allowed = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let local_fits = !local.is_empty() && local.chars().all(allowed);
    local_fits && domain.contains('.') && domain.split('.').all(label)
}

fn wrong_type(field: &Field, value: &str) -> Problem {
    let message = format!("{}: value not of required type: {value}", field.label);
    Problem::new("INVALID_TYPE_ON_FIELD_IN_RECORD", message).fields([field.name.as_str()])
}

fn unreadable(field: &Field, token: &str, value: &str) -> Problem {
    let wanted = field.kind.soap().trim_start_matches("xsd:").trim_start_matches("tns:");
    Problem::json(format!(
        "Cannot deserialize instance of {} from {token} value {value} or request may be missing \
         a required field at [line:1, column:1]",
        wanted.to_lowercase()
    ))
}
