//! Why a query was refused, in the vendor's shape: a code and a text that points at the place.

/// The longest stretch of the query shown before the place that is pointed at.
const SHOWN_BEFORE: usize = 32;
/// The longest stretch shown after it.
const SHOWN_AFTER: usize = 40;

/// A refusal of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The error code, such as `MALFORMED_QUERY`.
    pub code: &'static str,
    /// The text, with the place in it where there is one.
    pub message: String,
}

impl Problem {
    /// Returns a refusal without a place.
    pub fn plain(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Returns a refusal that points at the byte `at` of `text`.
    pub fn at(code: &'static str, text: &str, at: usize, what: &str) -> Self {
        let at = at.min(text.len());
        let before = text.get(..at).unwrap_or(text);
        let row = before.matches('\n').count() + 1;
        let line = before.rsplit('\n').next().unwrap_or(before);
        let column = line.chars().count() + 1;
        let skipped = line.chars().count().saturating_sub(SHOWN_BEFORE);
        let shown: String = line.chars().skip(skipped).collect();
        let rest = text.get(at..).unwrap_or_default();
        let rest: String =
            rest.chars().take_while(|symbol| *symbol != '\n').take(SHOWN_AFTER).collect();
        let pad = " ".repeat(shown.chars().count());
        Self {
            code,
            message: format!("\n{shown}{rest}\n{pad}^\nERROR at Row:{row}:Column:{column}\n{what}"),
        }
    }

    /// Returns the refusal of a token that the grammar has no place for.
    pub(crate) fn unexpected(text: &str, at: usize, token: &str) -> Self {
        Self::at("MALFORMED_QUERY", text, at, &format!("unexpected token: '{token}'"))
    }
}
