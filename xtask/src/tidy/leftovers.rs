//! Things that were meant for later, or for one machine only.

use super::Finding;
use crate::tree::{Tree, has_extension};

/// Spelt in two halves, so that this file passes its own check.
const UNFINISHED: &[&str] =
    &[concat!("to", "do!("), concat!("unimple", "mented!("), concat!("db", "g!(")];
/// In comments only: some vendors have a value of that name.
const PROMISES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];
const IGNORED: &str = concat!("#[ig", "nore");
const KIT: &str = concat!("crm_", "testkit");
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
const TEXT: &[&str] = &[".rs", ".md", ".toml", ".json", ".sql", ".csv", ".sh", "/run"];

/// Looks through every text file of the workspace.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.iter() {
        if !TEXT.iter().any(|ending| path.ends_with(ending)) {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            check_line(path, index + 1, line, &mut found);
        }
    }
    found
}

fn check_line(path: &str, number: usize, line: &str, found: &mut Vec<Finding>) {
    let mut complain = |what: String, mend: &str| {
        found.push(Finding::error(path, number, what, mend));
    };
    if let Some(machine) = MACHINE_PATHS.iter().find(|machine| has_path(line, machine)) {
        complain(format!("`{machine}` is a path of one machine"), "write it relative to the root");
    }
    if !has_extension(path, "rs") {
        return;
    }
    let comment = line.split_once("//").map_or("", |(_, comment)| comment);
    let unfinished = UNFINISHED.iter().find(|word| line.contains(*word));
    let promise = PROMISES.iter().find(|word| comment.contains(*word));
    if let Some(word) = unfinished.or(promise) {
        let word = word.trim_end_matches('(');
        complain(format!("`{word}` was left behind"), "finish it, or file an issue");
    }
    if line.contains(IGNORED) && !line.contains(&format!("{IGNORED} = \"")) {
        complain(
            "a test is ignored without a reason".to_owned(),
            "give the reason after `=`, or delete the test",
        );
    }
    if uses_the_kit_in_src(path, line) {
        complain(
            format!("`{KIT}` is used inside src/, where two copies of our own values would meet"),
            "test it from tests/it/",
        );
    }
}

/// The kit depends on core and store: a unit test there would see its own crate twice.
fn uses_the_kit_in_src(path: &str, line: &str) -> bool {
    let library = path.contains("/src/") && !path.starts_with("crates/crm-cli/");
    library && !line.trim_start().starts_with("//") && line.contains(KIT)
}

/// The path stands alone, not inside a longer one such as a URL's.
fn has_path(line: &str, machine: &str) -> bool {
    line.match_indices(machine).any(|(at, _)| {
        let before = line.get(..at).and_then(|start| start.chars().next_back());
        !before.is_some_and(|letter| letter.is_alphanumeric() || "./-_}~".contains(letter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)])).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn unfinished_code_is_found() {
        for word in UNFINISHED {
            assert_eq!(found("a/src/b.rs", &format!("//! x\n{word}")), [2], "{word}");
        }
        for word in PROMISES {
            assert_eq!(found("a/src/b.rs", &format!("let a; // {word}: b")), [1], "{word}");
            assert_eq!(found("a/src/b.rs", &format!("let a = \"{word}\";")), [0; 0], "{word}");
        }
        assert_eq!(found("a/README.md", UNFINISHED[0]), [0; 0]);
    }

    #[test]
    fn an_ignored_test_gives_its_reason() {
        assert_eq!(found("a/tests/it/b.rs", &format!("{IGNORED}]")), [1]);
        assert_eq!(found("a/tests/it/b.rs", &format!("{IGNORED} = \"needs a server\"]")), [0; 0]);
    }

    #[test]
    fn machine_paths_are_found_and_urls_are_not() {
        for machine in MACHINE_PATHS {
            assert_eq!(found("docs/a.md", &format!("see `{machine}x`")), [1], "{machine}");
            let url = format!("https://x.example{machine}x");
            assert_eq!(found("docs/a.md", &url), [0; 0], "{url}");
        }
    }

    #[test]
    fn the_kit_stays_out_of_src() {
        let line = format!("use {KIT}::Fake;");
        assert_eq!(found("crates/crm-core/src/a/tests.rs", &line), [1]);
        assert_eq!(found("crates/crm-core/tests/it/a.rs", &line), [0; 0]);
        assert_eq!(found("crates/crm-cli/src/demo.rs", &line), [0; 0]);
    }
}
