//! Settings that came from variables are told by the variables' names: whoever never wrote a
//! file has not met its keys.

use crm_core::ProviderError;
use crm_http::{Registration, Variable};

use crate::Origin;

/// The most connections of one provider that variables make.
const ACCOUNTS_MAX: u8 = 9;

/// Returns the names of the connections of a room that variables can make: that of the room, then
/// those with a number.
pub(crate) fn connections(room: &Registration) -> impl Iterator<Item = String> {
    let further = (2..=ACCOUNTS_MAX).map(|number| format!("{}-{number}", room.name));
    std::iter::once(room.name.to_owned()).chain(further)
}

/// Returns the variable that means a connection: `HUBSPOT_2_API_KEY` for `hubspot-2`.
pub(crate) fn of_connection(variable: &Variable, room: &Registration, connection: &str) -> String {
    let numbered = connections(room).skip(1).any(|name| name == connection);
    let prefix = |name: &str| name.to_ascii_uppercase().replace('-', "_");
    match variable.env.strip_prefix(&prefix(room.name)) {
        Some(rest) if numbered => prefix(connection) + rest,
        Some(_) | None => variable.env.to_owned(),
    }
}

/// Returns an error that names variables where it named keys that they stand for.
pub(crate) fn renamed(
    error: ProviderError,
    room: &Registration,
    connection: &str,
    origin: Origin,
) -> ProviderError {
    let told_by = |variable: &&Variable| match origin {
        Origin::File => false,
        Origin::FileWithAddress => variable.key == "base_url",
        Origin::Variables => true,
    };
    let variables: Vec<(&str, String)> = room
        .variables
        .iter()
        .filter(told_by)
        .map(|variable| (variable.key, of_connection(variable, room, connection)))
        .collect();
    let mut told = ProviderError::new(error.kind().clone(), named(error.message(), &variables));
    if let Some(hint) = error.hint() {
        told = told.with_hint(named(hint, &variables));
    }
    told.with_source(error)
}

/// Replaces keys by their variables, with the quotes around them.
fn named(text: &str, variables: &[(&str, String)]) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if let Some((_, variable)) = variables.iter().find(|(key, _)| *key == word) {
            rest = after;
            if out.ends_with('`')
                && let Some(unquoted) = rest.strip_prefix('`')
            {
                out.pop();
                rest = unquoted;
            }
            out.push_str(variable);
        } else {
            out.push_str(word);
            // What stands between two words goes on as it is.
            let gap = after.find(is_word).unwrap_or(after.len());
            let (between, next) = after.split_at(gap);
            out.push_str(between);
            rest = next;
        }
    }
    out
}

/// Returns the variables that usually make a connection, for a sentence: those that a room lists
/// first, up to its first secret.
pub(crate) fn usual(room: &Registration) -> String {
    let mut names = Vec::new();
    for variable in room.variables {
        names.push(variable.env);
        if variable.secret {
            break;
        }
    }
    names.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(env: &str, key: &'static str) -> (&'static str, String) {
        (key, env.to_owned())
    }

    #[test]
    fn keys_are_whole_words_and_lose_their_quotes() {
        let all = [variable("A_URL", "base_url"), variable("A_ID", "id")];
        let cases = [
            ("`base_url` is not a URL", "A_URL is not a URL"),
            ("set `base_url`, or id with `other`", "set A_URL, or A_ID with `other`"),
            ("no idea of base_urls; id", "no idea of base_urls; A_ID"),
            ("`id", "`A_ID"),
            ("… – ?", "… – ?"),
        ];
        for (text, wanted) in cases {
            assert_eq!(named(text, &all), wanted);
        }
    }
}
