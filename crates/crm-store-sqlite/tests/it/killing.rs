//! A process that is killed leaves a whole ledger, and nobody locked out.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use crm_core::{Cursor, EntityId, ObjectKind, ProviderId, TenantId};
use crm_store::{Commit, Entity, Mutation, Seq, StoreError};
use crm_store_sqlite::{SqliteConfig, SqliteLedger};
use tempfile::TempDir;

const KIND: ObjectKind = ObjectKind::Contact;
/// Tells this test, started a second time, to be the process that is killed.
const VICTIM: &str = "CRM_TEST_LEDGER";
/// Entities of one commit: enough that a kill falls into the middle of one.
const BATCH: u32 = 50;

/// Returns a commit of entities and of how many there are, which belong together.
fn page(number: u32) -> Commit {
    let mut commit = Commit::default();
    for index in number * BATCH..(number + 1) * BATCH {
        let id = EntityId::requested(&TenantId::default(), KIND, &index.to_string());
        commit.expected.push((id, 0));
        commit.mutations.push(Mutation::Entity(Box::new(Entity::new(id, KIND))));
    }
    let cursor = Cursor(((number + 1) * BATCH).to_string());
    let provider = ProviderId::from("hubspot");
    commit.mutations.push(Mutation::Cursor { provider, kind: KIND, feed: "list", cursor });
    commit
}

/// Commits pages until it is killed, and says so after each.
fn be_the_victim(path: &str) {
    let mut ledger = SqliteLedger::open(&SqliteConfig::new(path)).unwrap();
    for number in 0..10_000 {
        ledger.commit(page(number)).unwrap();
        // On a line of its own: the test harness writes on the same channel.
        println!("\ncommitted {}", (number + 1) * BATCH);
    }
}

fn start(path: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killing::a_killed_process_leaves_a_whole_ledger", "--nocapture"])
        .env(VICTIM, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// Returns how many entities the victim has said to be committed, once it said so `lines` times.
fn committed(output: &mut impl BufRead, lines: usize) -> u32 {
    let said = output.lines().map_while(Result::ok);
    let mut counts = said.filter_map(|line| line.strip_prefix("committed ")?.parse().ok());
    counts.nth(lines - 1).unwrap()
}

#[test]
fn a_killed_process_leaves_a_whole_ledger() {
    if let Ok(path) = std::env::var(VICTIM) {
        return be_the_victim(&path);
    }
    for lines in [1, 2, 5] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("ledger.db");
        let config = SqliteConfig::new(&path);
        let (mut child, mut output) = start(path.to_str().unwrap());
        let promised = committed(&mut output, lines);
        let busy = SqliteLedger::open(&config);
        assert!(matches!(busy, Err(StoreError::Busy)), "{busy:?}");
        child.kill().unwrap();
        child.wait().unwrap();

        let mut ledger = SqliteLedger::open(&config).unwrap();
        let rows = ledger.scan(KIND, Seq::default(), usize::MAX).unwrap();
        let count = u32::try_from(rows.len()).unwrap();
        assert!(count >= promised, "{promised} were promised, {count} are there");
        assert_eq!(count % BATCH, 0, "half a commit");
        let cursor = ledger.cursor(&ProviderId::from("hubspot"), KIND, "list").unwrap();
        assert_eq!(cursor, Some(Cursor(count.to_string())));
        ledger.commit(page(count / BATCH)).unwrap();
    }
}
