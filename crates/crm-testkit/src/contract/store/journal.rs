//! What is kept of the writes that were applied.

use crm_core::{Field, Value, WriteKey};
use crm_store::{FieldChange, Journal, JournalAction, JournalQuery, Mutation, Shadow, Store};

use super::harness::{
    KIND, StoreHarness, at, entity, get, hubspot, id, linked, loose, put, record, run, salesforce,
    store_row, wrong,
};

/// Returns a row of an update, or of a create where there are no changes.
pub(super) fn journal(number: u32, version: u64, by: u128, changes: Vec<FieldChange>) -> Journal {
    let action = if changes.is_empty() { JournalAction::Create } else { JournalAction::Update };
    Journal {
        seq: 0,
        key: WriteKey::derive(id(number), &salesforce(), version),
        entity: id(number),
        kind: KIND,
        provider: salesforce(),
        remote: record("s1"),
        action,
        run: run(by),
        at: at(version.cast_signed()),
        changes,
    }
}

/// Returns changes that begin with every sort of shadow.
pub(super) fn changes() -> Vec<FieldChange> {
    let change = |field, before, after| FieldChange { field, before, after, version: 4 };
    vec![
        change(Field::EMAIL, Shadow::Held(Value::text("a@mail.example")), None),
        change(Field::PHONE, Shadow::Blank, Some(Value::text("+442079460001"))),
        change(Field::CITY, Shadow::None, Some(Value::text("Oslo"))),
    ]
}

async fn read(store: &dyn Store, query: JournalQuery) -> Vec<Journal> {
    store.journal(query).await.unwrap()
}

fn numbered(rows: &[Journal]) -> Vec<Journal> {
    let rows = rows.iter().zip(1..);
    rows.map(|(row, seq)| Journal { seq, ..row.clone() }).collect()
}

/// Rows come in their order, by entity and by run, page by page, as they were written.
pub async fn writes_come_in_their_order(harness: &StoreHarness) {
    let store = harness.open();
    linked(&*store, 1, Vec::new()).await;
    linked(&*store, 2, Vec::new()).await;
    let rows = [
        journal(1, 1, 1, Vec::new()),
        journal(2, 1, 1, Vec::new()),
        journal(1, 4, 2, changes()),
        Journal { action: JournalAction::Delete, ..journal(2, 2, 2, Vec::new()) },
    ];
    for row in &rows {
        put(&*store, loose(vec![Mutation::Journal(Box::new(row.clone()))])).await;
    }
    let rows = numbered(&rows);
    let part = |places: &[u64]| -> Vec<Journal> {
        rows.iter().filter(|row| places.contains(&row.seq)).cloned().collect()
    };
    let all = JournalQuery::default();
    assert_eq!(read(&*store, all).await, rows);
    let of_one = JournalQuery { entity: Some(id(1)), ..all };
    assert_eq!(read(&*store, of_one).await, part(&[1, 3]));
    let by_run = JournalQuery { run: Some(run(2)), ..all };
    assert_eq!(read(&*store, by_run).await, part(&[3, 4]));
    assert_eq!(read(&*store, JournalQuery { entity: Some(id(1)), ..by_run }).await, part(&[3]));
    assert_eq!(read(&*store, JournalQuery { after: 1, limit: 2, ..all }).await, part(&[2, 3]));
    assert_eq!(read(&*store, JournalQuery { after: 3, ..by_run }).await, part(&[4]));
    assert_eq!(read(&*store, JournalQuery { run: Some(run(9)), ..all }).await, []);
    assert_eq!(read(&*store, JournalQuery { entity: Some(id(9)), ..all }).await, []);
}

/// One write of one run has one row, however often it is recognised; the first one stays.
pub async fn a_write_is_noted_once(harness: &StoreHarness) {
    let store = harness.open();
    linked(&*store, 1, Vec::new()).await;
    let first = journal(1, 4, 1, changes());
    let again = Journal { at: at(90), changes: Vec::new(), ..first.clone() };
    let both = [first.clone(), again.clone()].map(|row| Mutation::Journal(Box::new(row)));
    put(&*store, loose(both.into())).await;
    put(&*store, loose(vec![Mutation::Journal(Box::new(again))])).await;
    assert_eq!(
        read(&*store, JournalQuery::default()).await,
        numbered(std::slice::from_ref(&first))
    );
    // The same write in another run, and another one's, are other rows.
    let later = Journal { run: run(2), ..first.clone() };
    let other = Journal { provider: hubspot(), ..first.clone() };
    let rows = [later.clone(), other.clone()].map(|row| Mutation::Journal(Box::new(row)));
    put(&*store, loose(rows.into())).await;
    assert_eq!(read(&*store, JournalQuery::default()).await, numbered(&[first, later, other]));
}

/// A row comes and goes with its commit, changes no row version, and outlives the process.
pub async fn a_note_goes_with_its_commit(harness: &StoreHarness) {
    let row = journal(1, 4, 1, changes());
    {
        let store = harness.open();
        let noted = || Mutation::Journal(Box::new(row.clone()));
        wrong(&*store, loose(vec![noted()])).await;
        let known = linked(&*store, 1, Vec::new()).await;
        let mut stale = store_row(&crm_store::Entity { row_version: 7, ..entity(1) });
        stale.mutations.push(noted());
        super::harness::refused(&*store, stale).await;
        assert_eq!(read(&*store, JournalQuery::default()).await, []);
        put(&*store, loose(vec![noted()])).await;
        assert_eq!(get(&*store, known.id).await, known);
    }
    let store = harness.open();
    assert_eq!(read(&*store, JournalQuery::default()).await, numbered(&[row]));
}
