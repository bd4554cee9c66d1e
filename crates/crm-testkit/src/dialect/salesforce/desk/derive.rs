//! Fields that the vendor fills in itself from others.

use jiff::{SignedDuration, Timestamp};

use super::super::describe::Kind;
use super::super::problem::Problem;
use super::super::text::read_moment;
use super::stage::{End, Stage};
use crate::world::{Changes, Record};

/// A record as it will be after a change.
struct Draft<'a> {
    kind: &'a Kind,
    record: Option<&'a Record>,
    changes: &'a mut Changes,
}

impl Draft<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let column = self.kind.field(name)?.column;
        match self.changes.get(&column) {
            Some(value) => value.clone(),
            None => self.record?.get(column).map(str::to_owned),
        }
    }

    fn set(&mut self, name: &str, value: Option<String>) {
        if let Some(field) = self.kind.field(name) {
            self.changes.insert(field.column, value);
        }
    }

    fn flag(&mut self, name: &str, flag: bool) {
        self.set(name, flag.then(|| "true".to_owned()));
    }

    fn changes(&self, name: &str) -> bool {
        self.kind.field(name).is_some_and(|field| self.changes.contains_key(&field.column))
    }
}

/// Adds the derived fields to a change.
pub(super) fn derive(
    kind: &Kind,
    record: Option<&Record>,
    changes: &mut Changes,
    now: Timestamp,
    stage: &dyn Fn(&str) -> Option<Stage>,
) -> Result<(), Problem> {
    let mut draft = Draft { kind, record, changes };
    match kind.name {
        "Contact" | "Lead" => {
            name(&mut draft);
            if draft.changes("EmailBouncedReason") {
                let bounced = draft.get("EmailBouncedReason").is_some();
                draft.flag("IsEmailBounced", bounced);
            }
        }
        "Opportunity" => deal(&mut draft, now, stage),
        "Task" => task(&mut draft, now),
        "Event" => return event(&mut draft),
        _ => {}
    }
    Ok(())
}

fn name(draft: &mut Draft<'_>) {
    if draft.changes("FirstName") || draft.changes("LastName") {
        let parts: Vec<String> =
            ["FirstName", "LastName"].iter().filter_map(|part| draft.get(part)).collect();
        draft.set("Name", Some(parts.join(" ")).filter(|name| !name.is_empty()));
    }
}

fn deal(draft: &mut Draft<'_>, now: Timestamp, stage: &dyn Fn(&str) -> Option<Stage>) {
    if draft.changes("StageName") {
        let name = draft.get("StageName").unwrap_or_default();
        // A name that Setup does not know is taken all the same: the picklist is not restricted.
        let stage = stage(&name).unwrap_or_default();
        if !draft.changes("Probability") {
            draft.set("Probability", Some(stage.probability));
        }
        if !draft.changes("ForecastCategoryName") {
            draft.set("ForecastCategoryName", Some(stage.category));
            draft.set("ForecastCategory", Some(stage.category_code));
        }
        draft.flag("IsClosed", stage.end != End::Open);
        draft.flag("IsWon", stage.end == End::Won);
        if draft.record.is_some() {
            draft.set("LastStageChangeDate", Some(now.to_string()));
        }
    }
    if draft.changes("Amount") || draft.changes("Probability") {
        let number = |text: Option<String>| text.and_then(|text| text.parse::<f64>().ok());
        let amount = number(draft.get("Amount"));
        let expected = amount.zip(number(draft.get("Probability")));
        let expected = expected.map(|(amount, percent)| (amount * percent).round() / 100.0);
        let text = expected.map(|expected| serde_json::Value::from(expected).to_string());
        draft.set("ExpectedRevenue", text);
    }
}

fn task(draft: &mut Draft<'_>, now: Timestamp) {
    if draft.changes("Status") {
        let closed = draft.get("Status").as_deref() == Some("Completed");
        draft.flag("IsClosed", closed);
        draft.set("CompletedDateTime", closed.then(|| now.to_string()));
    }
    if draft.changes("Priority") {
        let high = draft.get("Priority").as_deref() == Some("High");
        draft.flag("IsHighPriority", high);
    }
}

fn event(draft: &mut Draft<'_>) -> Result<(), Problem> {
    let timing =
        ["StartDateTime", "EndDateTime", "DurationInMinutes", "ActivityDateTime", "ActivityDate"];
    if draft.record.is_some() && !timing.iter().any(|name| draft.changes(name)) {
        return Ok(());
    }
    let all_day = draft.get("IsAllDayEvent").as_deref() == Some("true");
    let midnight = draft.get("ActivityDate").map(|day| format!("{day}T00:00:00Z"));
    let start = if draft.changes("ActivityDateTime") && !draft.changes("StartDateTime") {
        draft.get("ActivityDateTime")
    } else {
        draft.get("StartDateTime").or(midnight)
    };
    let Some(start) = start.and_then(|text| read_moment(&text)) else {
        return super::missing(vec!["ActivityDateTime"]);
    };
    let given = |name: &str, draft: &Draft<'_>| -> Option<String> {
        // On a change, what was not named is worked out again from what was.
        if draft.record.is_none() || draft.changes(name) { draft.get(name) } else { None }
    };
    let end = given("EndDateTime", draft).and_then(|text| read_moment(&text));
    let minutes = given("DurationInMinutes", draft)
        .or_else(|| end.is_none().then(|| draft.get("DurationInMinutes")).flatten());
    let minutes: Option<i64> = minutes.and_then(|text| text.parse().ok());
    let length = match (end, minutes, all_day) {
        (Some(end), _, _) => end.as_second().saturating_sub(start.as_second()) / 60,
        (None, Some(minutes), _) => minutes,
        (None, None, true) => 24 * 60,
        (None, None, false) => return super::missing(vec!["DurationInMinutes"]),
    };
    if length < 0 {
        let message = "Meeting Ends Before It Starts";
        return Err(Problem::new("FIELD_INTEGRITY_EXCEPTION", message).fields(["EndDateTime"]));
    }
    let end = start.checked_add(SignedDuration::from_mins(length)).unwrap_or(start);
    let day = start.to_string().get(..10).map(str::to_owned);
    draft.set("StartDateTime", Some(start.to_string()));
    draft.set("EndDateTime", Some(end.to_string()));
    draft.set("ActivityDateTime", Some(start.to_string()));
    draft.set("ActivityDate", day);
    draft.set("EndDate", end.to_string().get(..10).map(str::to_owned));
    draft.set("DurationInMinutes", Some(length.to_string()));
    Ok(())
}
