//! The files of the workspace as a value, so that every check can be tested on a small tree.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Files above this are data, not text that a check could read.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Paths, relative to the root and with `/`, and what they contain.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads every file below `root`, except build output and git's own.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !is_skipped(&name) {
                    self.read_folder(&entry.path(), &format!("{path}/"))?;
                }
            } else if kind.is_file() {
                let small = entry.metadata()?.len() <= FILE_BYTES_MAX;
                let bytes = if small { fs::read(entry.path())? } else { Vec::new() };
                // What is not UTF-8 is not text: the file exists, and has no lines to check.
                self.files.insert(path, String::from_utf8(bytes).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Returns what a file contains.
    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Says whether a file, or a folder with files in it, is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.under(&format!("{path}/")).next().is_some()
    }

    /// Iterates over all files in the order of their paths.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Iterates over the files whose path begins with `prefix`.
    pub(crate) fn under(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let prefix = prefix.to_owned();
        self.files
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Returns the names of the crates in `crates/`, in order.
    pub(crate) fn crates(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .under("crates/")
            .filter_map(|(path, _)| path.strip_prefix("crates/")?.split_once('/'))
            .map(|(name, _)| name)
            .collect();
        names.dedup();
        names
    }

    /// Returns the names of the crates whose name begins with `prefix`, without it.
    pub(crate) fn rooms(&self, prefix: &str) -> Vec<&str> {
        self.crates().into_iter().filter_map(|name| name.strip_prefix(prefix)).collect()
    }

    /// Makes a tree from values, for tests.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Self { files: files.collect() }
    }
}

/// Says whether a path ends in `.extension`.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn is_skipped(folder: &str) -> bool {
    folder == ".git" || folder == "target" || folder.starts_with("target-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_and_rooms_come_from_the_folders() {
        let tree = Tree::of(&[
            ("crates/crm-provider-b/src/lib.rs", ""),
            ("crates/crm-provider-a/Cargo.toml", ""),
            ("crates/crm-provider-a/src/lib.rs", ""),
            ("crates/crm/Cargo.toml", ""),
            ("docs/README.md", ""),
        ]);
        assert_eq!(tree.crates(), ["crm-provider-a", "crm-provider-b", "crm"]);
        assert_eq!(tree.rooms("crm-provider-"), ["a", "b"]);
        assert!(tree.has("docs") && tree.has("docs/README.md") && !tree.has("doc"));
    }
}
