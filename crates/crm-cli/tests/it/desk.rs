//! A desk to work at: a folder, a sandbox process, and `crm` run in that folder.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// How often a starting sandbox is looked for, and how long between two looks.
const LOOKS: u32 = 600;
const LOOK_MS: u64 = 50;

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Returns stdout as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Checks that it failed with one clear error and a hint that have these words.
    #[track_caller]
    pub(crate) fn failed(&self, error: &str, hint: &str) {
        assert_eq!(self.code, Some(1), "{self:#?}");
        self.told(error, hint);
    }

    /// Checks that the usage was found wrong, in two lines that have these words.
    #[track_caller]
    pub(crate) fn misused(&self, error: &str, hint: &str) {
        assert_eq!(self.code, Some(2), "{self:#?}");
        assert_eq!((self.out.as_str(), self.err.lines().count()), ("", 2), "{self:#?}");
        self.told(error, hint);
    }

    #[track_caller]
    fn told(&self, error: &str, hint: &str) {
        let line = |start: &str| {
            let lines: Vec<&str> = self.err.lines().filter(|l| l.starts_with(start)).collect();
            assert_eq!(lines.len(), 1, "one `{start}` line: {self:#?}");
            lines.concat()
        };
        assert!(line("error: ").contains(error), "{error:?} in {self:#?}");
        assert!(line("hint: ").contains(hint), "{hint:?} in {self:#?}");
        for word in ["panicked", "backtrace", "RUST_"] {
            assert!(!self.err.contains(word), "{self:#?}");
        }
    }
}

/// Returns how many records a sync's JSON report says were written.
pub(crate) fn writes(report: &Value) -> u64 {
    let contact = &report["kinds"]["contact"];
    contact["created"].as_u64().unwrap() + contact["updated"].as_u64().unwrap()
}

/// Makes the command, away from what this machine's environment may say of real accounts.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crm"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let known = ["CRM_", "HUBSPOT_", "PIPEDRIVE_", "SALESFLARE_", "SALESFORCE_", "ZOHO_"];
        if known.iter().any(|start| text.starts_with(start)) {
            command.env_remove(&name);
        }
    }
    command.current_dir(folder).stdin(Stdio::null()).env("NO_COLOR", "1");
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Done {
    let output = command.output().unwrap();
    Done {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder and a sandbox that runs in it.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    control: String,
    sandbox: Child,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.sandbox.kill().unwrap();
        self.sandbox.wait().unwrap();
    }
}

impl Desk {
    /// Starts a sandbox.
    pub(crate) fn with(options: &[&str]) -> Self {
        Self::at(TempDir::new().unwrap(), options)
    }

    /// Starts a sandbox in a folder that has files already; with people alone, unless the options
    /// say which kinds.
    pub(crate) fn at(folder: TempDir, options: &[&str]) -> Self {
        let kinds: &[&str] =
            if options.contains(&"--kinds") { &[] } else { &["--kinds", "contact"] };
        let log = File::create(folder.path().join("sandbox.log")).unwrap();
        let sandbox = command(folder.path())
            .args(["sandbox", "--port-base", "0"])
            .args(options)
            .args(kinds)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut desk = Self { folder, control: String::new(), sandbox };
        let env = desk.folder.path().join("sandbox.env");
        for _ in 0..LOOKS {
            if let Ok(text) = std::fs::read_to_string(&env) {
                let line = text.lines().find(|line| line.contains("CRM_SANDBOX_URL")).unwrap();
                desk.control = line.split('\'').nth(1).unwrap().replace("http://", "");
                return desk;
            }
            if desk.sandbox.try_wait().unwrap().is_some() {
                break;
            }
            sleep(Duration::from_millis(LOOK_MS));
        }
        let log = std::fs::read_to_string(desk.folder.path().join("sandbox.log")).unwrap();
        panic!("the sandbox does not start: {log}");
    }

    /// Returns the path of a file in the folder.
    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap();
    }

    /// Makes `crm` with the sandbox's variables.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = command(self.folder.path());
        command.args(["--env-file", "sandbox.env"]).args(words);
        command
    }

    /// Runs `crm` with the sandbox's variables.
    pub(crate) fn crm(&self, words: &[&str]) -> Done {
        run(&mut self.command(words))
    }

    /// Runs a sync whose report must be good, and returns it.
    #[track_caller]
    pub(crate) fn sync(&self) -> Value {
        self.crm(&["sync", "--yes", "--json"]).code(0).json()
    }

    /// Asks the control interface; the answer must be a good one.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(&self.control).unwrap();
        let head = format!(
            "{method} /_sandbox{path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        assert!(status.starts_with('2'), "{method} {path}: {answer}");
        if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() }
    }

    /// Returns how many requests a fake has had.
    pub(crate) fn requests(&self, provider: &str) -> u64 {
        self.counters(provider)["requests"].as_u64().unwrap()
    }

    /// Returns a fake's counters.
    pub(crate) fn counters(&self, provider: &str) -> Value {
        self.ask("GET", &format!("/{provider}/counters"), &Value::Null)
    }
}
