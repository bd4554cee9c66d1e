//! The processes: started, asked, stopped.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::{Outcome, peer};

/// The words by which this program starts itself in another part.
pub(crate) const SANDBOX: &str = "in-a-sandbox";
pub(crate) const FIRST: &str = "as-crm-first";
pub(crate) const AGAIN: &str = "as-crm-again";
pub(crate) const THREE: &str = "in-a-sandbox-of-three";
pub(crate) const VERIFY: &str = "as-crm-verify";

/// Requests by provider and endpoint.
pub(crate) type Requests = BTreeMap<String, BTreeMap<String, u64>>;

/// What a run used.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_mb: f64,
    pub(crate) created: u64,
    #[serde(default)]
    pub(crate) requests: u64,
}

impl Figures {
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    pub(crate) fn print(&self, name: &str, bound: usize) {
        println!(
            "  {name}: {} created, {} requests ({:.3} x), {:.1} s, CPU {:.2} s, peak {:.0} MB",
            self.created,
            self.requests,
            self.requests as f64 / bound as f64,
            self.seconds,
            self.cpu_seconds,
            self.peak_mb
        );
    }

    /// Returns the medians of the figures.
    pub(crate) fn median(rounds: &[Self]) -> Option<Self> {
        let middle = |value: fn(&Self) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied()
        };
        Some(Self {
            seconds: middle(|f| f.seconds)?,
            cpu_seconds: middle(|f| f.cpu_seconds)?,
            peak_mb: middle(|f| f.peak_mb)?,
            ..rounds.first().copied()?
        })
    }
}

/// The sandbox process and the folder in which everything happens.
pub(crate) struct Yard {
    folder: PathBuf,
    sandbox: Child,
    answers: BufReader<ChildStdout>,
}

impl Drop for Yard {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to stop.
        drop(self.sandbox.kill());
        drop(self.sandbox.wait());
    }
}

impl Yard {
    /// Starts the sandbox and waits until it serves; `part` says which one.
    pub(crate) fn start(part: &str, folder: &Path, contacts: usize) -> Outcome<Self> {
        let mut sandbox = Command::new(std::env::current_exe()?)
            .args([part, &folder.display().to_string(), &contacts.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let answers = BufReader::new(sandbox.stdout.take().ok_or("the sandbox is mute")?);
        let mut yard = Self { folder: folder.to_owned(), sandbox, answers };
        yard.answer()?;
        Ok(yard)
    }

    fn answer(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.is_empty() { Err("the sandbox stopped".into()) } else { Ok(line) }
    }

    fn ask(&mut self, question: &str) -> Outcome<String> {
        let stdin = self.sandbox.stdin.as_mut().ok_or("the sandbox is deaf")?;
        writeln!(stdin, "{question}")?;
        stdin.flush()?;
        self.answer()
    }

    /// Puts the accounts back as they were, and forgets our store.
    pub(crate) fn reset(&mut self) -> Outcome {
        for name in ["crm.db", "crm.db-wal", "crm.db-shm"] {
            let file = self.folder.join(name);
            if file.exists() {
                std::fs::remove_file(file)?;
            }
        }
        self.ask("reset")?;
        Ok(())
    }

    /// Returns the requests since the last reset.
    pub(crate) fn requests(&mut self) -> Outcome<Requests> {
        Ok(serde_json::from_str(&self.ask("requests")?)?)
    }

    /// Prints the requests since an earlier look.
    pub(crate) fn print_since(&mut self, before: &Requests) -> Outcome {
        for (provider, endpoints) in self.requests()? {
            for (endpoint, count) in endpoints {
                let known = before.get(&provider).and_then(|known| known.get(&endpoint));
                let new = count - known.copied().unwrap_or_default();
                if new > 0 {
                    println!("    {new} {provider} {endpoint}");
                }
            }
        }
        Ok(())
    }

    /// Runs ours.
    pub(crate) fn ours(&mut self, part: &str) -> Outcome<Figures> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([part, &self.folder.display().to_string()]);
        self.figures(command)
    }

    /// Runs theirs.
    pub(crate) fn theirs(&mut self, peer: &peer::Script) -> Outcome<Figures> {
        let variables = crm::read_env_file(&self.folder.join("sandbox.env"))?;
        let mut command = peer.command();
        command.envs(variables);
        self.figures(command)
    }

    fn figures(&mut self, mut command: Command) -> Outcome<Figures> {
        let output = command.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("a run failed: {}", output.status).into());
        }
        let mut figures: Figures = serde_json::from_slice(&output.stdout)?;
        figures.requests = self.requests()?.values().flat_map(BTreeMap::values).sum();
        Ok(figures)
    }
}
