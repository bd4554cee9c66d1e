//! What was erased is nowhere in the store's files, not in the parts that hold no row either.

use std::path::Path;

use crm_core::{EntityId, Field, ObjectKind, ProviderId, RemoteId, RunId, TenantId, Value};
use crm_store::{
    Commit, Entity, Golden, GoldenSlot, History, Link, LinkSlot, Mutation, Provenance, Shadow,
    Slots, StoreError,
};
use crm_store_sqlite::{SqliteConfig, SqliteLedger};
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

const KIND: ObjectKind = ObjectKind::Contact;
const TRACES: [&str; 3] = ["Canarsson", "canary@mail.example", "2079460958"];

fn provider() -> ProviderId {
    ProviderId::new("north")
}

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn run() -> RunId {
    RunId::from_uuid(Uuid::from_u128(7))
}

fn id(number: u32) -> EntityId {
    let record = RemoteId::new(number.to_string());
    EntityId::founded(&TenantId::default(), &provider(), KIND, &record)
}

/// Returns the commit of a version of an entity, with rows that grow and shrink so that they
/// move about in the file.
fn version(known: Option<&Entity>, number: u32, version: u64, name: &str) -> Commit {
    let filler = "x".repeat(usize::try_from(version * 97 % 700).unwrap());
    let texts = [
        (Field::LAST_NAME, format!("{name}-{version}")),
        (Field::EMAIL, "canary@mail.example".replace("canary", &name.to_lowercase())),
        (Field::PHONE, if name == "Canarsson" { "+442079460958".into() } else { filler.clone() }),
        (Field::JOB_TITLE, filler),
    ];
    let mut entity = known.cloned().unwrap_or_else(|| Entity::new(id(number), KIND));
    let provenance = Provenance { version, source: Some(provider()), at: Some(now()), run: run() };
    let golden = texts.iter().map(|(field, text)| {
        let (value, provenance) = (Some(Value::text(text.clone())), provenance.clone());
        (*field, GoldenSlot { value, provenance })
    });
    entity.golden = Golden::from_slots(golden.collect());
    entity.version = version;
    entity.links.clear();
    let slots = texts.iter().map(|(field, text)| {
        let shadow = Shadow::Held(Value::text(text.clone()));
        (*field, LinkSlot { shadow, ack: version, refused: None })
    });
    let slots = Slots::from_slots(slots.collect());
    let link = Link { slots, ..Link::new(provider(), RemoteId::new(number.to_string())) };
    let history = History {
        entity: entity.id,
        field: Field::LAST_NAME,
        version,
        before: Some(Value::text(format!("{name}-{}", version - 1))),
        after: Some(Value::text(format!("{name}-{version}"))),
        source: None,
        rule: "fast_forward".to_owned(),
        at: now(),
        run: run(),
    };
    let id = entity.id;
    Commit {
        expected: vec![(id, entity.row_version)],
        fences: Vec::new(),
        mutations: vec![
            Mutation::Entity(Box::new(entity)),
            Mutation::Link(id, Box::new(link)),
            Mutation::History(Box::new(history)),
        ],
    }
}

fn files(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    bytes
}

fn traces(folder: &Path) -> Vec<&'static str> {
    let bytes = files(folder);
    let has = |trace: &&str| bytes.windows(trace.len()).any(|part| part == trace.as_bytes());
    TRACES.into_iter().filter(has).collect()
}

/// Fills a store with people who change a lot, one of whom is the canary.
fn fill(ledger: &mut SqliteLedger) {
    for step in 1..=30 {
        for number in 0..40 {
            let name = if number == 17 { "Canarsson" } else { "Other" };
            let known = ledger.entities(&[id(number)]).unwrap().pop().unwrap();
            ledger.commit(version(known.as_ref(), number, step, name)).unwrap();
        }
    }
    // The canary's address is written as it is erased.
    let known = ledger.entities(&[id(17)]).unwrap().pop().unwrap().unwrap();
    let mut commit = version(Some(&known), 17, 31, "Canarsson");
    if let Some(Mutation::Entity(entity)) = commit.mutations.first_mut() {
        let slot = entity.golden.slot(Field::EMAIL).cloned().unwrap();
        let value = Some(Value::text("canary@mail.example"));
        entity.golden.set(Field::EMAIL, GoldenSlot { value, ..slot });
    }
    ledger.commit(commit).unwrap();
}

fn erase(ledger: &mut SqliteLedger) {
    let mutations = vec![Mutation::Erase(id(17))];
    ledger.commit(Commit { mutations, ..Commit::default() }).unwrap();
}

#[test]
fn a_scrubbed_store_has_no_trace_of_what_was_erased() {
    let folder = TempDir::new().unwrap();
    let config = SqliteConfig::new(folder.path().join("ledger.db"));
    let mut ledger = SqliteLedger::open(&config).unwrap();
    fill(&mut ledger);
    assert_eq!(traces(folder.path()), TRACES);
    erase(&mut ledger);
    // The rows are gone, and what they held is still there: that is what scrubbing is for.
    assert!(!traces(folder.path()).is_empty());
    ledger.scrub().unwrap();
    assert_eq!(traces(folder.path()), [""; 0]);
    assert_eq!(std::fs::metadata(folder.path().join("ledger.db-wal")).unwrap().len(), 0);
    let check = ledger.verify_audit().unwrap();
    assert_eq!(check.broken, None);
    let others = ledger.scan(KIND, crm_store::Seq::default(), 99).unwrap();
    assert_eq!(others.len(), 39);
    drop(ledger);
    assert_eq!(traces(folder.path()), [""; 0]);
}

/// A reader may hold on to what was there: then the store says that it is not done.
#[test]
fn a_store_that_somebody_reads_says_so() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let config = SqliteConfig::new(&path);
    let mut ledger = SqliteLedger::open(&config).unwrap();
    fill(&mut ledger);
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM entity;").unwrap();
    erase(&mut ledger);
    let error = ledger.scrub().unwrap_err();
    assert!(matches!(error, StoreError::Backend { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("crm erase --resume"), "{error:?}");
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    ledger.scrub().unwrap();
    assert_eq!(traces(folder.path()), [""; 0]);
}

/// Entries of the audit log name entities by their number: none is given twice.
#[test]
fn the_number_of_an_erased_entity_is_not_given_again() {
    let folder = TempDir::new().unwrap();
    let config = SqliteConfig::new(folder.path().join("ledger.db"));
    {
        let mut ledger = SqliteLedger::open(&config).unwrap();
        for number in 0..3 {
            ledger.commit(version(None, number, 1, "Other")).unwrap();
        }
        for number in [2, 1] {
            let mutations = vec![Mutation::Erase(id(number))];
            ledger.commit(Commit { mutations, ..Commit::default() }).unwrap();
        }
        ledger.scrub().unwrap();
    }
    let mut ledger = SqliteLedger::open(&config).unwrap();
    for number in 3..5 {
        ledger.commit(version(None, number, 1, "Other")).unwrap();
    }
    let all = ledger.scan(KIND, crm_store::Seq::default(), 9).unwrap();
    let numbers: Vec<i64> = all.iter().map(|entity| entity.seq.unwrap().0).collect();
    assert_eq!(numbers, [1, 4, 5]);
}

/// Every table has its pages, and together they are the file.
#[test]
fn the_sizes_of_tables_add_up_to_the_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let mut ledger = SqliteLedger::open(&SqliteConfig::new(&path)).unwrap();
    fill(&mut ledger);
    ledger.scrub().unwrap();
    let sizes = ledger.sizes().unwrap();
    assert!(sizes["link"] > 0 && sizes["history"] > sizes["golden"], "{sizes:?}");
    // The first page is the list of tables.
    let known: u64 = sizes.values().sum();
    let file = std::fs::metadata(&path).unwrap().len();
    assert!(known <= file && file - known <= 16_384, "{known} of {file}");
}
