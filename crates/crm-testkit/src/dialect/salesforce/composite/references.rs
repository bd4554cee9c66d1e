//! `@{reference.path}`: values of earlier answers inside later requests.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::answer::{Answer, Body};
use super::super::problem::Problem;

/// The answers so far, by reference.
#[derive(Debug, Default)]
pub(super) struct References {
    answers: BTreeMap<String, Value>,
}

impl References {
    pub(super) fn add(&mut self, reference: &str, answer: &Answer) {
        let value = match &answer.body {
            Body::Json(json) => serde_json::from_slice(json).unwrap_or(Value::Null),
            Body::Empty | Body::Csv(_) | Body::Text(_) | Body::Xml(_) => Value::Null,
        };
        self.answers.insert(reference.to_owned(), value);
    }

    /// Returns a text with every reference replaced by its value.
    pub(super) fn fill(&self, text: &str) -> Result<String, Problem> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("@{") {
            let Some((path, behind)) = after.split_once('}') else {
                break;
            };
            filled.push_str(before);
            match self.value(path)? {
                Value::String(value) => filled.push_str(value),
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => filled.push_str(&other.to_string()),
            }
            rest = behind;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// Returns a body with every reference in its texts replaced.
    pub(super) fn fill_value(&self, value: &Value) -> Result<Value, Problem> {
        Ok(match value {
            Value::String(text) => {
                let whole = text.strip_prefix("@{").and_then(|rest| rest.strip_suffix('}'));
                match whole.filter(|path| !path.contains(['{', '}'])) {
                    Some(path) => self.value(path)?.clone(),
                    None => Value::String(self.fill(text)?),
                }
            }
            Value::Array(list) => {
                let filled = list.iter().map(|entry| self.fill_value(entry));
                Value::Array(filled.collect::<Result<_, Problem>>()?)
            }
            Value::Object(map) => {
                let filled =
                    map.iter().map(|(key, entry)| Ok((key.clone(), self.fill_value(entry)?)));
                Value::Object(filled.collect::<Result<_, Problem>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }

    fn value(&self, path: &str) -> Result<&Value, Problem> {
        let unknown = || {
            let message = format!("Invalid reference specified. No value for {path} found");
            Problem::new("PROCESSING_HALTED", message)
        };
        let (reference, path) = path.split_once(['.', '[']).unwrap_or((path, ""));
        let mut value = self.answers.get(reference).ok_or_else(unknown)?;
        for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
            let inner = match part.parse::<usize>() {
                Ok(index) => value.get(index),
                Err(_not_an_index) => value.get(part),
            };
            value = inner.ok_or_else(unknown)?;
        }
        Ok(value)
    }
}
