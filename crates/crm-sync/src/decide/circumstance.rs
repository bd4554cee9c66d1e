//! What is kept of a refused write: its circumstances, and a message without the values in it.

#[cfg(test)]
mod tests;

use crm_core::{Action, Field, ProviderError, Value, Write};
use crm_store::Details;

/// The shortest value that is looked for in a message: shorter ones are parts of words.
const VALUE_MIN: usize = 4;

/// Returns the circumstances of a refusal.
pub(super) fn details(write: &Write, error: &ProviderError, before: Option<&Details>) -> Details {
    let (action, fields) = match &write.action {
        Action::Create { fields, .. } => ("create", fields.iter().map(|(f, _)| f).collect()),
        Action::Update { patch, .. } => ("update", patch.iter().map(|(f, _)| f).collect()),
        Action::Delete { .. } => ("delete", Vec::new()),
    };
    let mut fields: Vec<Field> = fields;
    fields.sort_unstable();
    Details {
        class: Some(error.kind().name().to_owned()),
        code: error.code().map(str::to_owned),
        status: error.status(),
        request: error.request_id().map(str::to_owned),
        endpoint: Some(format!("{action} {}", write.kind.name())),
        fields,
        attempts: before.map_or(1, |before| before.attempts.saturating_add(1)),
        dismissed: false,
    }
}

/// Returns what a provider said, without values of the record: addresses and whatever was sent.
pub(super) fn redacted(write: &Write, error: &ProviderError) -> String {
    let mut values: Vec<String> = match &write.action {
        Action::Create { fields, .. } => fields.iter().map(|(_, value)| value.display()).collect(),
        Action::Update { patch, .. } => {
            patch.iter().filter_map(|(_, value)| value.map(Value::display)).collect()
        }
        Action::Delete { .. } => Vec::new(),
    };
    // The longest first: a short one may be a part of it.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let mut message = error.to_string();
    for value in values.iter().filter(|value| value.chars().count() >= VALUE_MIN) {
        message = message.replace(value.as_str(), "…");
    }
    let words = message.split(' ').map(|word| {
        let address = word.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !word.contains("://")
        });
        if address { "…" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}
