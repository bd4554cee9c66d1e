//! Prints what the ledger costs per contact in a first sync: the three commits that every new
//! contact takes (read, decided and announced, settled), with 12 fields at two providers.
//!
//! `cargo run --release -p crm-store-sqlite --example ledger_cost -- [CONTACTS]`
//!
//! CPU is that of the thread that the ledger runs on, from the kernel's accounts (Linux), around
//! the calls only; making the commits is not counted.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an experiment")]

use std::fs;

use crm_core::{
    Cursor, EntityId, Field, Fields, MatchKey, ObjectKind, ProviderId, RemoteId, RunId, TenantId,
    Text, Uid, Value, Version, WriteKey,
};
use crm_store::{
    Claim, ClaimState, Commit, Entity, Golden, GoldenSlot, Journal, JournalAction, KeyHash, Link,
    LinkSlot, LinkState, Mark, Mutation, Observation, Provenance, Seq, Shadow, Slots,
};
use crm_store_sqlite::{SqliteConfig, SqliteLedger};
use jiff::Timestamp;
use uuid::Uuid;

const KIND: ObjectKind = ObjectKind::Contact;
/// As the engine commits.
const BATCH: u32 = 200;
/// A page of entities.
const SCAN: usize = 200;
/// Match keys are stored at the end of the snapshot, many at once, so that they are sorted.
const KEYS: usize = 20_000;

fn main() {
    let contacts = std::env::args().nth(1).map_or(100_000, |text| text.parse::<u32>().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let mut ledger = SqliteLedger::open(&SqliteConfig::new(&path)).unwrap();
    let mut cpu = [0_u64; 5];
    for first in (0..contacts).step_by(BATCH.try_into().unwrap()) {
        let batch: Vec<u32> = (first..contacts.min(first + BATCH)).collect();
        let intake = intake(&batch);
        timed(&mut cpu[0], || ledger.commit(intake).unwrap());
    }
    let mut after = Seq::default();
    let mut commit = Commit::default();
    loop {
        let page = timed(&mut cpu[1], || ledger.scan(KIND, after, SCAN).unwrap());
        commit.mutations.extend(page.iter().map(keys));
        if page.is_empty() || commit.mutations.len() >= KEYS {
            let keys = std::mem::take(&mut commit);
            timed(&mut cpu[2], || ledger.commit(keys).unwrap());
        }
        let Some(last) = page.last() else { break };
        after = last.seq.unwrap();
    }
    after = Seq::default();
    loop {
        let page = timed(&mut cpu[1], || ledger.scan(KIND, after, SCAN).unwrap());
        let Some(last) = page.last() else { break };
        after = last.seq.unwrap();
        let (decided, settled) = (decided(&page), settled(&page));
        timed(&mut cpu[3], || ledger.commit(decided).unwrap());
        timed(&mut cpu[4], || ledger.commit(settled).unwrap());
    }
    let counts = ledger.counts(KIND).unwrap();
    assert_eq!(counts.live, u64::from(contacts));
    drop(ledger);
    report(contacts, &cpu, fs::metadata(&path).unwrap().len());
}

fn report(contacts: u32, cpu: &[u64; 5], bytes: u64) {
    let each = |nanoseconds: u64| nanoseconds / u64::from(contacts);
    println!("contacts                {contacts}");
    println!("commit: read            {:>6} ns each", each(cpu[0]));
    println!("commit: announced       {:>6} ns each", each(cpu[3]));
    println!("commit: settled         {:>6} ns each", each(cpu[4]));
    println!("three commits           {:>6} ns each", each(cpu[0] + cpu[3] + cpu[4]));
    println!("match keys              {:>6} ns each", each(cpu[2]));
    println!("reading it once         {:>6} ns each", each(cpu[1]) / 2);
    println!("file                    {:>6} bytes each", bytes / u64::from(contacts));
}

fn timed<T>(total: &mut u64, work: impl FnOnce() -> T) -> T {
    let before = on_cpu();
    let result = work();
    *total += on_cpu() - before;
    result
}

/// Returns how long this thread has run, in nanoseconds.
fn on_cpu() -> u64 {
    let account = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    account.split(' ').next().unwrap().parse().unwrap()
}

fn hubspot() -> ProviderId {
    ProviderId::from("hubspot")
}

fn salesforce() -> ProviderId {
    ProviderId::from("salesforce")
}

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn remote(number: u32) -> RemoteId {
    RemoteId::new((10_000_000 + u64::from(number)).to_string())
}

fn values(number: u32) -> Fields {
    let phone = format!("020 7946 {:04}", number % 10_000);
    let key = format!("+44207946{:04}", number % 10_000);
    let text = |text: String| Value::text(text);
    Fields::from_iter([
        (Field::FIRST_NAME, text(format!("Given{}", number % 997))),
        (Field::LAST_NAME, text(format!("Family{}", number % 4_999))),
        (Field::EMAIL, text(format!("given.family{number}@mail{}.example", number % 50))),
        (Field::PHONE, Value::Text(Text::keyed(phone, &key))),
        (Field::COMPANY, text(format!("Company {} Ltd", number % 10_007))),
        (Field::JOB_TITLE, text("Head of Purchasing".to_owned())),
        (Field::STREET, text(format!("{} Long Acre", number % 300))),
        (Field::CITY, text("London".to_owned())),
        (Field::STATE, text("Greater London".to_owned())),
        (Field::POSTAL_CODE, text(format!("WC2E {}AA", number % 10))),
        (Field::COUNTRY, text("United Kingdom".to_owned())),
        (Field::WEBSITE, text(format!("https://company{}.example", number % 10_007))),
    ])
}

/// Returns the mutation of an entity's match keys.
fn keys(entity: &Entity) -> Mutation {
    let fields = &entity.links.first().unwrap().observed.as_ref().unwrap().fields;
    let text = |field: Field| fields.get(field).and_then(Value::as_str).unwrap();
    let Value::Text(phone) = fields.get(Field::PHONE).unwrap() else { unreachable!() };
    let surname = text(Field::LAST_NAME).to_lowercase().into();
    let phone = MatchKey::Phone { number: phone.key().into(), surname };
    let email = MatchKey::Email(text(Field::EMAIL).into());
    let add = vec![KeyHash::of(&email), KeyHash::of(&phone)];
    Mutation::Keys { entity: entity.id, kind: KIND, remove: vec![], add }
}

/// Returns the commit of a page as it is read.
fn intake(batch: &[u32]) -> Commit {
    let mut commit = Commit::default();
    for number in batch {
        let fields = values(*number);
        let id = EntityId::founded(&TenantId::default(), &hubspot(), KIND, &remote(*number));
        let read = fields.iter().map(|(field, _)| field).collect();
        let mut link = Link::new(hubspot(), remote(*number));
        link.version = Some(Version("2024-01-01T00:00:00.000Z".into()));
        link.modified_at = Some(now());
        link.observed = Some(Observation { fields, read, at: now() });
        let mut entity = Entity::new(id, KIND);
        entity.mark = Some(Mark { due: now(), attempts: 0 });
        commit.expected.push((id, 0));
        commit.mutations.push(Mutation::Entity(Box::new(entity)));
        commit.mutations.push(Mutation::Link(id, Box::new(link)));
    }
    let cursor = Cursor(format!("after {batch:?}"));
    let (provider, kind, feed) = (hubspot(), KIND, "list");
    commit.mutations.push(Mutation::Cursor { provider, kind, feed, cursor });
    commit
}

fn held(fields: &Fields) -> Slots {
    let slot = |(field, value): (Field, &Value)| {
        (field, LinkSlot { shadow: Shadow::Held(value.clone()), ack: 1, refused: None })
    };
    Slots::from_slots(fields.iter().map(slot).collect())
}

/// Returns the commit of golden values, the first base, and the claim of a create.
fn decided(page: &[Entity]) -> Commit {
    let run = RunId::from_uuid(Uuid::from_u128(7));
    let mut commit = Commit::default();
    for entity in page {
        let mut entity = entity.clone();
        let mut link = entity.links.pop().unwrap();
        let fields = link.observed.take().unwrap().fields;
        let provenance = Provenance { version: 1, source: Some(hubspot()), at: Some(now()), run };
        let slot = |(field, value): (Field, &Value)| {
            (field, GoldenSlot { value: Some(value.clone()), provenance: provenance.clone() })
        };
        entity.golden = Golden::from_slots(fields.iter().map(slot).collect());
        entity.version = 1;
        entity.mark = None;
        link.slots = held(&fields);
        let claim = Claim {
            uid: Uid::of(entity.id),
            fields: fields.iter().map(|(field, value)| (field, value.clone(), 1)).collect(),
            state: ClaimState::Open,
            at: now(),
            run: Some(run),
        };
        let claimed = Link {
            remote: None,
            state: LinkState::Claimed,
            claim: Some(claim),
            ..Link::new(salesforce(), RemoteId::from(""))
        };
        let id = entity.id;
        commit.expected.push((id, entity.row_version));
        commit.mutations.push(Mutation::Entity(Box::new(entity)));
        commit.mutations.push(Mutation::Link(id, Box::new(link)));
        commit.mutations.push(Mutation::Link(id, Box::new(claimed)));
    }
    commit
}

/// Returns the commit of creates that were answered.
fn settled(page: &[Entity]) -> Commit {
    let mut commit = Commit::default();
    for entity in page {
        let Seq(number) = entity.seq.unwrap();
        let observed = entity.links.first().and_then(|link| link.observed.as_ref()).unwrap();
        let mut link = Link::new(salesforce(), RemoteId::new(format!("003Qy{number:010}AAA")));
        link.slots = held(&observed.fields);
        link.version = Some(Version("2024-01-01T00:00:00.000+0000".into()));
        link.modified_at = Some(now());
        let journal = Journal {
            seq: 0,
            key: WriteKey::derive(entity.id, &salesforce(), 1),
            entity: entity.id,
            kind: KIND,
            provider: salesforce(),
            remote: RemoteId::new(format!("003Qy{number:010}AAA")),
            action: JournalAction::Create,
            run: RunId::from_uuid(Uuid::from_u128(7)),
            at: now(),
            changes: Vec::new(),
        };
        commit.mutations.push(Mutation::Journal(Box::new(journal)));
        commit.expected.push((entity.id, entity.row_version + 1));
        commit.mutations.push(Mutation::Link(entity.id, Box::new(link)));
    }
    commit
}
