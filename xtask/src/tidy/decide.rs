//! The deciding half of the engine is pure: it awaits nothing and asks no clock.

use super::Finding;
use crate::tree::{Tree, has_extension};

const DOOR: &str = "crates/crm-sync/src/decide";
const IMPURE: &[&str] = &["async ", ".await", "Clock", "Timestamp::now"];

/// Checks `decide.rs` and the folder behind it.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.under(DOOR).filter(|(path, _)| has_extension(path, "rs")) {
        for (index, line) in text.lines().enumerate() {
            let word = IMPURE.iter().find(|word| line.contains(*word));
            if let Some(word) = word.filter(|_| !line.trim_start().starts_with("//")) {
                found.push(Finding::error(
                    path,
                    index + 1,
                    format!("`{}` in the half that decides", word.trim()),
                    "take the value as an argument; only drive/ awaits",
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_deciding_is_pure() {
        let text = "//! A Clock is not asked.\nfn a() {}\nasync fn b() {}\n";
        for (path, count) in [
            ("crates/crm-sync/src/decide.rs", 1),
            ("crates/crm-sync/src/decide/merge.rs", 1),
            ("crates/crm-sync/src/drive/work.rs", 0),
        ] {
            assert_eq!(check(&Tree::of(&[(path, text)])).len(), count, "{path}");
        }
    }
}
