//! Opening a file: who may, and what is said to who may not.

use std::fs;
use std::path::Path;

use crm_core::{ObjectKind, TenantId};
use crm_store::{Commit, Mutation, Seq, Stage, Store, StoreError};
use crm_store_sqlite::{SqliteConfig, SqliteLedger, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

const KIND: ObjectKind = ObjectKind::Contact;

fn place() -> (TempDir, SqliteConfig) {
    let folder = TempDir::new().unwrap();
    let config = SqliteConfig::new(file(&folder));
    (folder, config)
}

fn file(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("ledger.db")
}

fn stage(stage: Stage) -> Commit {
    Commit { mutations: vec![Mutation::Stage(KIND, stage)], ..Commit::default() }
}

/// Returns the message and the hint of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> (String, String) {
    let error = result.unwrap_err();
    assert!(matches!(error, StoreError::Backend { .. }), "{error:?}");
    (error.to_string(), error.hint().unwrap_or_default().to_owned())
}

fn set_read_only(path: &Path, read_only: bool) {
    let mut permissions = fs::metadata(path).unwrap().permissions();
    permissions.set_readonly(read_only);
    fs::set_permissions(path, permissions).unwrap();
}

#[test]
fn a_second_writer_waits_until_the_first_is_gone() {
    let (_folder, config) = place();
    let first = SqliteLedger::open(&config).unwrap();
    let second = SqliteLedger::open(&config);
    assert!(matches!(second, Err(StoreError::Busy)), "{second:?}");
    drop(first);
    SqliteLedger::open(&config).unwrap();
}

#[test]
fn a_lock_left_behind_by_a_dead_process_locks_nobody_out() {
    let (folder, config) = place();
    // What remains after a kill: the lock's file, without a lock on it.
    fs::write(folder.path().join("ledger.db.lock"), "").unwrap();
    SqliteLedger::open(&config).unwrap();
}

#[tokio::test]
async fn a_reader_reads_beside_the_writer() {
    let (_folder, config) = place();
    let writer = SqliteStore::open(&config).unwrap();
    writer.commit(stage(Stage::Snapshot)).await.unwrap();
    let reader = SqliteStore::open_read_only(&config).unwrap();
    assert_eq!(reader.stage(KIND).await.unwrap(), Stage::Snapshot);
    writer.commit(stage(Stage::Matching)).await.unwrap();
    assert_eq!(reader.stage(KIND).await.unwrap(), Stage::Matching);
    let (message, hint) = refusal(reader.commit(stage(Stage::Live)).await);
    assert!(message.contains("read-only"), "{message}");
    assert!(!hint.is_empty());
    drop(writer);
    assert_eq!(reader.stage(KIND).await.unwrap(), Stage::Matching);
    drop(reader);
    let alone = SqliteStore::open_read_only(&config).unwrap();
    assert_eq!(alone.stage(KIND).await.unwrap(), Stage::Matching);
}

#[tokio::test]
async fn a_reader_learns_connections_that_came_later() {
    use crm_core::{EntityId, ProviderId, RemoteId};
    use crm_store::{Entity, Link};
    let (_folder, config) = place();
    let writer = SqliteStore::open(&config).unwrap();
    let reader = SqliteStore::open_read_only(&config).unwrap();
    let (provider, remote) = (ProviderId::from("hubspot"), RemoteId::from("h1"));
    let id = EntityId::requested(&TenantId::default(), KIND, "1");
    let link = Link::new(provider.clone(), remote.clone());
    let mutations = vec![
        Mutation::Entity(Box::new(Entity::new(id, KIND))),
        Mutation::Link(id, Box::new(link.clone())),
    ];
    let commit = Commit { expected: vec![(id, 0)], fences: Vec::new(), mutations };
    writer.commit(commit).await.unwrap();
    let rows = reader.scan(KIND, Seq::default(), 9).await.unwrap();
    assert_eq!(rows.first().unwrap().links, [link]);
    let second = SqliteStore::open_read_only(&config).unwrap();
    let found = second.links(&provider, KIND, &[remote]).await.unwrap();
    assert_eq!(found.first().unwrap().as_ref().unwrap().entity, id);
}

#[test]
fn a_read_only_file_is_named_with_a_remedy() {
    let (folder, config) = place();
    drop(SqliteLedger::open(&config).unwrap());
    set_read_only(&file(&folder), true);
    let (message, hint) = refusal(SqliteLedger::open(&config));
    assert!(message.ends_with("ledger.db is read-only"), "{message}");
    assert!(hint.contains("write permission"), "{hint}");
    SqliteLedger::open_read_only(&config).unwrap();
    set_read_only(&file(&folder), false);
    SqliteLedger::open(&config).unwrap();
}

#[test]
fn a_read_only_folder_is_named_with_a_remedy() {
    let (folder, config) = place();
    set_read_only(folder.path(), true);
    let (message, hint) = refusal(SqliteLedger::open(&config));
    set_read_only(folder.path(), false);
    assert!(message.ends_with("is read-only"), "{message}");
    assert!(hint.contains("write permission"), "{hint}");
    assert!(!file(&folder).exists());
}

#[test]
fn a_missing_folder_is_named_with_a_remedy() {
    let (folder, _config) = place();
    let config = SqliteConfig::new(folder.path().join("nowhere/ledger.db"));
    let (message, hint) = refusal(SqliteLedger::open(&config));
    assert!(message.contains("cannot be created"), "{message}");
    assert!(hint.contains("directory"), "{hint}");
}

#[test]
fn a_missing_file_is_not_created_by_a_reader() {
    let (folder, config) = place();
    let (message, hint) = refusal(SqliteLedger::open_read_only(&config));
    assert!(message.contains("there is no store at"), "{message}");
    assert!(hint.contains("crm plan"), "{hint}");
    assert!(!file(&folder).exists());
}

#[test]
fn a_file_with_nothing_in_it_is_no_store_to_a_reader_and_a_new_one_to_a_writer() {
    let (folder, config) = place();
    let is_refused = || {
        let (message, hint) = refusal(SqliteLedger::open_read_only(&config));
        assert!(message.ends_with("ledger.db"), "{message}");
        assert!(message.contains("there is no store at"), "{message}");
        assert!(hint.contains("crm plan"), "{hint}");
    };
    fs::write(file(&folder), "").unwrap();
    is_refused();
    let connection = Connection::open(file(&folder)).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL;").unwrap();
    drop(connection);
    assert!(fs::metadata(file(&folder)).unwrap().len() > 0, "a database without tables");
    is_refused();
    SqliteLedger::open(&config).unwrap();
    SqliteLedger::open_read_only(&config).unwrap();
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let (folder, config) = place();
    let text = "name,email\nAda,ada@mail.example\n".repeat(99);
    fs::write(file(&folder), &text).unwrap();
    for result in [SqliteLedger::open(&config), SqliteLedger::open_read_only(&config)] {
        let (message, hint) = refusal(result);
        assert!(message.starts_with("the store is not a database ("), "{message}");
        assert!(hint.contains("another file"), "{hint}");
    }
    assert_eq!(fs::read_to_string(file(&folder)).unwrap(), text);
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let (folder, config) = place();
    let theirs = Connection::open(file(&folder)).unwrap();
    theirs.execute_batch("CREATE TABLE song (name TEXT)").unwrap();
    let (message, hint) = refusal(SqliteLedger::open(&config));
    assert!(message.contains("not a store of crm"), "{message}");
    assert!(hint.contains("another file"), "{hint}");
    let tables = "SELECT count(*) FROM sqlite_schema";
    let count: i64 = theirs.query_row(tables, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}

#[test]
fn a_ledger_of_a_later_release_is_refused() {
    let (folder, config) = place();
    drop(SqliteLedger::open(&config).unwrap());
    let later = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
                 VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')";
    Connection::open(file(&folder)).unwrap().execute_batch(later).unwrap();
    for result in [SqliteLedger::open(&config), SqliteLedger::open_read_only(&config)] {
        let (message, hint) = refusal(result);
        assert!(message.contains("has form 99"), "{message}");
        assert!(hint.contains("newer crm"), "{hint}");
    }
}

#[test]
fn tenants_of_one_file_do_not_see_each_other() {
    let (_folder, config) = place();
    let of = |name: &str| SqliteLedger::open(&config.clone().tenant(TenantId::from(name)));
    of("acme").unwrap().commit(stage(Stage::Live)).unwrap();
    let mut other = of("globex").unwrap();
    assert_eq!(other.stage(KIND).unwrap(), Stage::New);
    other.commit(stage(Stage::Snapshot)).unwrap();
    drop(other);
    assert_eq!(of("acme").unwrap().stage(KIND).unwrap(), Stage::Live);
    let nobody = config.clone().tenant(TenantId::from("nobody"));
    assert_eq!(SqliteLedger::open_read_only(&nobody).unwrap().stage(KIND).unwrap(), Stage::New);
}
