//! Cleaning of text that people type into forms.
//!
//! This is no defence against injection: that is prevented where a query is built.

use unicode_normalization::UnicodeNormalization;

/// Returns the text in NFC, without control characters (line feeds and tabs stay), without
/// markup, with entities decoded, trimmed. Quotes stay as they are.
///
/// Decoding an entity may bring markup to light (`&lt;b&gt;`), so the cleaning is repeated until
/// nothing changes; only that makes it idempotent. Every round shortens the text.
pub fn sanitize_input(raw: &str) -> String {
    let mut text = clean(raw);
    loop {
        let again = clean(&text);
        if again == text {
            return text;
        }
        text = again;
    }
}

fn clean(raw: &str) -> String {
    let plain: String = raw.nfc().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let escaped = if plain.contains(['<', '&', '>']) { strip_markup(&plain) } else { plain };
    escaped.trim().nfc().collect()
}

fn strip_markup(text: &str) -> String {
    let html = ammonia::Builder::empty().clean(text).to_string();
    // The serialiser escapes exactly these four in text.
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&")
}

#[cfg(test)]
mod tests;
