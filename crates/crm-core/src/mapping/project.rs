//! A golden value as one vendor would show it.

use std::borrow::Cow;

use super::{FieldRule, Form, LetterCase, Wire};
use crate::{FieldType, Normalizer, Text, Value, normal};

impl FieldRule {
    /// Returns how many members of a set the vendor has room for, if that is limited.
    pub fn room(&self) -> Option<usize> {
        self.form.members_max.filter(|_| self.ty.is_set()).map(usize::from)
    }

    /// Returns the value as the vendor would show it after storing it; idempotent. `None` if
    /// nothing would be left of it.
    pub fn project<'v>(&self, value: &'v Value) -> Option<Cow<'v, Value>> {
        if self.wire == Wire::Day {
            return Some(day(value));
        }
        if let (Wire::Choice(table), Value::Choice(name)) = (self.wire, value) {
            return Some(choice(table, name).map_or(Cow::Borrowed(value), Cow::Owned));
        }
        if self.form == Form::FAITHFUL {
            return Some(Cow::Borrowed(value));
        }
        match value {
            Value::Text(text) => self.project_text(value, text),
            Value::Decimal(number) => {
                let Some(decimals) = self.form.decimals else {
                    return Some(Cow::Borrowed(value));
                };
                let rounded = number.round_dp(u32::from(decimals)).normalize();
                Some(Cow::Owned(Value::Decimal(rounded)))
            }
            Value::List(members) => {
                let max = self.form.members_max.map_or(usize::MAX, usize::from);
                match members.get(..max) {
                    Some(kept) => Some(Cow::Owned(Value::List(kept.to_vec()))),
                    None => Some(Cow::Borrowed(value)),
                }
            }
            Value::Integer(_)
            | Value::Bool(_)
            | Value::Date(_)
            | Value::Instant(_)
            | Value::Choice(_)
            | Value::Ref(_) => Some(Cow::Borrowed(value)),
        }
    }

    fn project_text<'v>(&self, value: &'v Value, text: &Text) -> Option<Cow<'v, Value>> {
        let raw = text.raw();
        let mut stored = Cow::Borrowed(raw);
        if self.form.letter_case == LetterCase::Lowered && raw.chars().any(char::is_uppercase) {
            stored = Cow::Owned(raw.to_lowercase());
        }
        if let Some(limit) = self.form.cut_at
            && let Some((end, _)) = stored.char_indices().nth(usize::from(limit))
        {
            let cut = stored.get(..end).unwrap_or_default().trim_end().to_owned();
            stored = Cow::Owned(cut);
        }
        match stored {
            Cow::Borrowed(_) => Some(Cow::Borrowed(value)),
            // The key of a cut phone is that of its text: nobody reads it as a phone again.
            Cow::Owned(stored) => {
                let ty = if self.ty == FieldType::Phone { FieldType::Text } else { self.ty };
                Normalizer::default().text(ty, &stored).map(Cow::Owned)
            }
        }
    }
}

/// Where the vendor has one word for several choices, it shows the first of them.
fn choice(table: &[(&str, &str)], name: &str) -> Option<Value> {
    let (_, theirs) = table.iter().find(|(ours, _)| *ours == name)?;
    let (shown, _) = table.iter().find(|(_, other)| other == theirs)?;
    (*shown != name).then(|| Value::Choice((*shown).into()))
}

/// A vendor that keeps only the day shows noon of it.
fn day(value: &Value) -> Cow<'_, Value> {
    let noon = match value {
        Value::Instant(instant) => normal::noon(normal::day(*instant)),
        Value::Text(_)
        | Value::Integer(_)
        | Value::Decimal(_)
        | Value::Bool(_)
        | Value::Date(_)
        | Value::Choice(_)
        | Value::List(_)
        | Value::Ref(_) => None,
    };
    noon.map_or(Cow::Borrowed(value), |noon| Cow::Owned(Value::Instant(noon)))
}
