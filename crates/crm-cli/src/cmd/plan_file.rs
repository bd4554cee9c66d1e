//! The file of a written plan: nobody else may read it, and it is there as a whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that is being written under another name.
#[derive(Debug)]
pub(crate) struct PlanOut {
    wanted: PathBuf,
    part: PathBuf,
    out: Option<BufWriter<File>>,
}

impl PlanOut {
    /// Begins to write. What had the name before stays until [`keep`](Self::keep).
    pub(crate) fn create(wanted: &Path) -> io::Result<Self> {
        let mut name = wanted.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = wanted.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let out = Some(BufWriter::new(options.open(&part)?));
        Ok(Self { wanted: wanted.to_owned(), part, out })
    }

    /// Gives the file its name.
    pub(crate) fn keep(mut self) -> io::Result<()> {
        if let Some(out) = self.out.take() {
            out.into_inner()?.sync_all()?;
        }
        std::fs::rename(&self.part, &self.wanted)
    }
}

impl Write for PlanOut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.as_mut().map_or(Ok(0), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for PlanOut {
    fn drop(&mut self) {
        if std::fs::remove_file(&self.part).is_err() {
            // It has its name by now.
            tracing::debug!(file = %self.part.display(), "no part of a plan is left");
        }
    }
}
