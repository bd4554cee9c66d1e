//! Reading the TOML that people write: a mistake is reported with file, line and the nearest
//! known name.

use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::failure::{Failure, Outcome};
use crate::nearest;

/// One input file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
}

impl Input<'_> {
    /// Reads the file as a value.
    pub(super) fn parse<T: DeserializeOwned>(self) -> Outcome<T> {
        toml::from_str(self.text).map_err(|error| {
            let hint = hint(error.message());
            let at = error.span().unwrap_or_default();
            self.wrong(at, error.message().lines().next().unwrap_or_default(), hint)
        })
    }

    /// Makes the failure of what stands at a place of the file.
    pub(super) fn wrong(
        self,
        at: Range<usize>,
        what: impl AsRef<str>,
        hint: impl Into<String>,
    ) -> Failure {
        let before = self.text.get(..at.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Failure::new(format!("{}:{line}: {}", self.path, what.as_ref()), hint)
    }

    /// Makes the failure of a name that is not among the known ones.
    pub(super) fn unknown<'n>(
        self,
        at: Range<usize>,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Failure {
        let known: Vec<&str> = known.into_iter().collect();
        self.wrong(at, format!("there is no {what} `{name}`"), suggestion(name, &known))
    }
}

/// Suggests the name that is meant, out of serde's "unknown field `x`, expected one of `y`, `z`".
fn hint(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown ");
    match names.next() {
        Some(name) if unknown => suggestion(name, &names.collect::<Vec<_>>()),
        _ => "mend the file and run `cargo xtask codegen` again".to_owned(),
    }
}

fn suggestion(name: &str, known: &[&str]) -> String {
    match nearest::nearest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("known: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its name counts")]
        number: u16,
    }

    fn failure(text: &str) -> Failure {
        Input { path: "a.toml", text }.parse::<Sample>().unwrap_err()
    }

    #[test]
    fn a_misspelt_key_is_reported_with_its_line_and_the_nearest_name() {
        let failure = failure("# first\n\nnumbr = 1\n");
        assert!(failure.error.starts_with("a.toml:3: unknown field `numbr`"), "{failure}");
        assert_eq!(failure.hint, "did you mean `number`?");
    }

    #[test]
    fn a_wrong_value_is_reported_with_its_line() {
        let failure = failure("# first\nnumber = \"one\"\n");
        assert!(failure.error.starts_with("a.toml:2: "), "{failure}");
    }

    #[test]
    fn a_name_like_no_other_lists_the_known_ones() {
        let input = Input { path: "a.toml", text: "" };
        let failure = input.unknown(0..0, "field", "zebra", ["email", "phone"]);
        assert_eq!(failure.hint, "known: email, phone");
    }
}
