//! What an account would refuse is not sent.
//!
//! A value that cannot be written by what the account says of itself (its choices, lengths, users,
//! currencies, stages) is refused as if it had been sent: the record's other fields go on, the
//! problem is listed, and a changed value is tried again. What an account does not say is sent.

use crm_core::{Field, FieldFacts, FieldRule, Metadata, ObjectKind, Value, Wire};
use crm_store::{Details, Golden, Refusal};

use crate::problem::ProblemClass;

#[cfg(test)]
mod tests;

/// A value that the account would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    /// Why, in one word for counting.
    pub reason: &'static str,
    /// What is wrong, one line without what people entered.
    pub message: String,
}

impl Objection {
    const fn new(reason: &'static str, message: String) -> Self {
        Self { reason, message }
    }

    /// Returns how it is stored.
    pub(super) fn refusal(self, version: u64) -> Refusal {
        let details = Details { class: Some(self.reason.to_owned()), ..Details::default() };
        let message = format!("{}: {}", self.message, remedy_of(self.reason));
        Refusal { version, message, details: Some(Box::new(details)) }
    }
}

/// What is known of an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preflight<'a> {
    pub kind: ObjectKind,
    pub metadata: &'a Metadata,
    pub golden: &'a Golden,
}

impl Preflight<'_> {
    /// Returns why an account would refuse a value, as far as that is known.
    pub(super) fn objection(self, rule: &FieldRule, value: &Value) -> Option<Objection> {
        let facts = self.metadata.fields.get(&(self.kind, rule.field));
        closed(rule, facts)
            .or_else(|| self.money(rule.field))
            .or_else(|| match rule.wire {
                Wire::Owner => self.owner(value),
                Wire::Stage => self.stage(value),
                Wire::Related | Wire::Variant | Wire::Id => None,
                Wire::Text
                | Wire::Number
                | Wire::NumberText
                | Wire::Bool
                | Wire::BoolText
                | Wire::Date
                | Wire::Instant
                | Wire::Choice(_)
                | Wire::Day => choice(rule, facts?, value),
            })
            .or_else(|| too_long(rule, facts, value))
    }

    /// Returns whether an account refuses a new record without a field.
    pub(super) fn requires(self, field: Field) -> bool {
        self.metadata.fields.get(&(self.kind, field)).is_some_and(|facts| facts.required)
    }

    /// An amount in a currency that the account does not have would become one in another.
    fn money(self, field: Field) -> Option<Objection> {
        let enabled = self.metadata.currencies.as_ref()?;
        if field != Field::CURRENCY && field != Field::VALUE {
            return None;
        }
        let currency = self.golden.value(Field::CURRENCY)?.as_str()?;
        if enabled.iter().any(|known| known.eq_ignore_ascii_case(currency)) {
            return None;
        }
        Some(Objection::new(
            "currency_not_enabled",
            format!("the account has no currency {currency}"),
        ))
    }

    fn owner(self, value: &Value) -> Option<Objection> {
        let owners = self.metadata.owners.as_ref()?;
        let Value::Text(email) = value else { return None };
        let mut named = owners.iter().filter(|owner| *owner.email == *email.key()).peekable();
        named.peek()?;
        if named.any(|owner| owner.active) {
            return None;
        }
        Some(Objection::new("inactive_owner", "the owner is no active user there".to_owned()))
    }

    fn stage(self, value: &Value) -> Option<Objection> {
        let pipelines = self.metadata.pipelines.as_ref()?;
        let ours = value.as_str()?;
        let mut stages = pipelines.iter().flat_map(|pipeline| &pipeline.stages);
        if stages.any(|stage| stage.ours.as_deref() == Some(ours)) {
            return None;
        }
        Some(Objection::new("unknown_choice", format!("no stage there stands for `{ours}`")))
    }
}

fn closed(rule: &FieldRule, facts: Option<&FieldFacts>) -> Option<Objection> {
    if !facts.is_some_and(|facts| facts.read_only) {
        return None;
    }
    Some(Objection::new("read_only", format!("`{}` can only be read there", rule.field)))
}

fn choice(rule: &FieldRule, facts: &FieldFacts, value: &Value) -> Option<Objection> {
    let options = facts.options.as_ref()?;
    let asked = value.as_str()?;
    let sent = match rule.wire {
        Wire::Choice(names) => names.iter().find(|(ours, _)| *ours == asked).map(|(_, s)| *s),
        Wire::Text => Some(asked),
        Wire::Number
        | Wire::NumberText
        | Wire::Bool
        | Wire::BoolText
        | Wire::Date
        | Wire::Instant
        | Wire::Day
        | Wire::Id
        | Wire::Related
        | Wire::Variant
        | Wire::Owner
        | Wire::Stage => None,
    }?;
    if options.iter().any(|option| **option == *sent) {
        return None;
    }
    Some(Objection::new("unknown_choice", format!("`{}` has no such choice there", rule.field)))
}

/// Text that the vendor cuts by itself is not refused.
fn too_long(rule: &FieldRule, facts: Option<&FieldFacts>, value: &Value) -> Option<Objection> {
    let Value::Text(text) = value else { return None };
    if rule.form.cut_at.is_some() {
        return None;
    }
    let told = facts.and_then(|facts| facts.length_max);
    let most = told.or_else(|| rule.length_max.map(u32::from))?;
    let length = text.raw().chars().count();
    if u32::try_from(length).is_ok_and(|length| length <= most) {
        return None;
    }
    let message = format!("`{}` has {length} characters and may have {most} there", rule.field);
    Some(Objection::new("too_long", message))
}

/// Returns whether a value was not even sent.
pub(super) fn is_ours(refusal: &Refusal) -> bool {
    let class = refusal.details.as_ref().and_then(|details| details.class.as_deref());
    matches!(
        class,
        Some(
            "too_long" | "unknown_choice" | "currency_not_enabled" | "inactive_owner" | "read_only"
        )
    )
}

/// Returns what a person can do about something that is blocked.
pub(crate) fn remedy_of(reason: &str) -> &'static str {
    match reason {
        "inactive_owner" => "give the record to an active user, or make the user active there",
        "currency_not_enabled" => "enable the currency there, or correct it here",
        "read_only" => "make the field writable there, or leave it out of the configuration",
        "nothing_to_write" => "fill in a field that the connection has",
        "waits_for_another" => {
            "fill in a field: nothing else is known of it than whom it belongs to"
        }
        "quota" => "it goes on when the day's limit is over, or with a higher limit",
        other => ProblemClass::of(other, None, "").remedy(),
    }
}
