//! What messages and spans may show of addresses, headers and vendors' prose: enough to find the
//! fault, no credentials and no people.

use std::fmt;

use http::HeaderMap;

/// The longest message that is passed on.
const MESSAGE_CHARS_MAX: usize = 300;
/// Words of at least this length with digits in them are taken for tokens.
const TOKEN_CHARS_MIN: usize = 40;
/// What stands for what is not shown.
const HIDDEN: &str = "…";

/// Returns a vendor's message as one line of bounded length, with e-mail addresses and anything
/// that looks like a token masked.
pub fn message(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MESSAGE_CHARS_MAX));
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        mask(word, &mut line);
        if line.chars().count() > MESSAGE_CHARS_MAX {
            line = line.chars().take(MESSAGE_CHARS_MAX).collect();
            line.push_str(HIDDEN);
            break;
        }
    }
    line
}

/// Writes a word; what is between punctuation is judged apart, so that quotes and brackets stay.
fn mask(word: &str, line: &mut String) {
    let is_part = |c: char| c.is_alphanumeric() || "@._-+!%~/=".contains(c);
    let mut rest = word;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        if part.contains('@') || is_token(part) {
            line.push_str(HIDDEN);
        } else {
            line.push_str(part);
        }
        let end = behind.find(is_part).unwrap_or(behind.len());
        let (between, behind) = behind.split_at(end);
        line.push_str(between);
        rest = behind;
    }
}

fn is_token(part: &str) -> bool {
    part.len() >= TOKEN_CHARS_MIN && part.contains(|c: char| c.is_ascii_digit())
}

/// Returns headers that show their values only where those are harmless.
pub fn headers(headers: &HeaderMap) -> impl fmt::Debug + '_ {
    Headers(headers)
}

/// Headers whose values say nothing about people or credentials.
const HARMLESS: &[&str] = &[
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "retry-after",
    "server",
    "transfer-encoding",
];

struct Headers<'a>(&'a HeaderMap);

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.0 {
            let shown = match value.to_str() {
                Ok(value) if HARMLESS.contains(&name.as_str()) => value,
                Ok(_) | Err(_) => HIDDEN,
            };
            map.entry(&name.as_str(), &shown);
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{headers, message};

    #[test]
    fn people_and_tokens_are_masked_and_the_rest_is_kept() {
        let token = "a1".repeat(30);
        let cases = [
            (
                "Contact already exists. Existing ID: 171591000198".to_owned(),
                "Contact already exists. Existing ID: 171591000198".to_owned(),
            ),
            (
                "invalid: \"ada.lovelace@people.example\",\n again".to_owned(),
                "invalid: \"…\", again".to_owned(),
            ),
            (format!("bearer {token} refused"), "bearer … refused".to_owned()),
            (format!("(token={token})"), "(…)".to_owned()),
            (
                "no such column 'Company_Text__c' on Contact".to_owned(),
                "no such column 'Company_Text__c' on Contact".to_owned(),
            ),
            (String::new(), String::new()),
        ];
        for (text, expected) in cases {
            assert_eq!(message(&text), expected);
        }
    }

    #[test]
    fn messages_are_bounded() {
        let long = message(&"very ".repeat(1_000));
        assert_eq!(long.chars().count(), 301);
        let one_word = message(&"ü".repeat(1_000));
        assert_eq!(one_word.chars().count(), 301);
    }

    #[test]
    fn only_harmless_headers_show_their_values() {
        let mut map = http::HeaderMap::new();
        map.insert("authorization", "Bearer secret-word".parse().unwrap());
        map.insert("set-cookie", "session=secret-word".parse().unwrap());
        map.insert("retry-after", "17".parse().unwrap());
        let shown = format!("{:?}", headers(&map));
        assert!(!shown.contains("secret-word"), "{shown}");
        assert!(shown.contains("\"17\"") && shown.contains("authorization"), "{shown}");
    }
}
