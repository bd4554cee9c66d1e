//! Reads by id.

use std::time::Duration;

use crm_core::{Deletion, Lookup, RemoteId};

use super::harness::{Harness, found, value};
use super::room::Merging;

/// Records that are there come with their values, one answer for each id, in order.
pub async fn present_records_come_in_order(harness: &Harness) {
    let mut ids = harness.seed_many(5);
    ids.reverse();
    // The same id twice is two answers.
    ids.push(ids.first().unwrap().clone());
    let lookups = harness.provider().get(harness.room.kind, &ids).await.unwrap();
    assert_eq!(lookups.len(), ids.len());
    for (id, lookup) in ids.iter().zip(&lookups) {
        let remote = found(lookup);
        assert_eq!(remote.id, *id);
        for field in [harness.speech().name, harness.speech().text] {
            assert_eq!(value(remote, field), harness.stored(id, field));
        }
        assert!(remote.version.is_some() && remote.modified_at.is_some(), "{remote:?}");
        assert_eq!(remote.uid, None);
    }
}

/// An id that no record has is `Gone`.
pub async fn absent_records_are_gone(harness: &Harness) {
    let ids = [RemoteId::from(harness.room.nobody)];
    let lookups = harness.provider().get(harness.room.kind, &ids).await.unwrap();
    assert_eq!(lookups, [Lookup::Gone]);
}

/// Present, archived, merged and absent stand each at its own place.
pub async fn archived_and_merged_are_told_apart(harness: &Harness) {
    let table = harness.room.table;
    let seeded = harness.seed_many(4);
    let [present, archived, winner, loser] = seeded.as_slice() else { panic!("four") };
    harness.delete(archived);
    let nobody = RemoteId::from(harness.room.nobody);
    let survivor = harness.fake.merge(table, harness.bare(winner), harness.bare(loser));
    // Where a delete is for good, nobody finds the record in a bin.
    let discarded = match harness.capability().deletion {
        Deletion::Permanent => Lookup::Gone,
        Deletion::Archive | Deletion::Unsupported => Lookup::Archived,
    };
    if harness.room.merging == Merging::Impossible {
        survivor.unwrap_err();
        let ids = [nobody, archived.clone(), present.clone()];
        let lookups = harness.provider().get(harness.room.kind, &ids).await.unwrap();
        let [gone, in_bin, there] = lookups.as_slice() else { panic!("three") };
        assert_eq!((gone, in_bin), (&Lookup::Gone, &discarded));
        assert_eq!(found(there).id, *present);
        return;
    }
    let survivor = RemoteId::from(format!("{}{}", harness.room.id_prefix, survivor.unwrap()));
    harness.pass(Duration::from_secs(5));
    let ids = [loser.clone(), nobody, survivor.clone(), archived.clone(), present.clone()];
    let lookups = harness.provider().get(harness.room.kind, &ids).await.unwrap();
    let [merged, gone, survived, in_bin, there] = lookups.as_slice() else { panic!("five") };
    let told = match harness.room.merging {
        Merging::Possible | Merging::Impossible => Lookup::MergedInto(survivor.clone()),
        Merging::Untold => Lookup::Gone,
    };
    assert_eq!(*merged, told);
    assert_eq!(*gone, Lookup::Gone);
    assert_eq!(found(survived).id, survivor);
    assert_eq!(*in_bin, discarded);
    assert_eq!(found(there).id, *present);
}

/// An empty list makes no request.
pub async fn an_empty_list_makes_no_request(harness: &Harness) {
    let provider = harness.provider();
    let kind = harness.room.kind;
    assert_eq!(provider.get(kind, &[]).await.unwrap(), []);
    assert_eq!(provider.find(kind, &[]).await.unwrap(), []);
    assert!(provider.apply(&[]).await.unwrap().into_results().is_empty());
    assert_eq!(harness.requests(""), 0);
}

/// More ids than one call takes are split into as few calls as possible.
pub async fn many_ids_are_split(harness: &Harness) {
    let most = usize::from(harness.capability().read_max.get());
    let ids = harness.seed_many(most + 1);
    let lookups = harness.provider().get(harness.room.kind, &ids).await.unwrap();
    let answered: Vec<_> = lookups.iter().map(|lookup| found(lookup).id.clone()).collect();
    assert_eq!(answered, ids);
    assert_eq!(harness.requests(harness.room.read_path), 2);
}

/// A field without a value was read, and is blank.
pub async fn blank_is_read_and_not_unknown(harness: &Harness) {
    let id = harness.seed(0);
    let remote = harness.read(&harness.provider(), &id).await;
    assert!(remote.read.is_sorted());
    let suspended = &harness.capability().suspended;
    for rule in harness.mapping().rules.iter().filter(|rule| !suspended.contains(&rule.field)) {
        assert!(remote.read.contains(&rule.field), "{} was not read", rule.field);
    }
    if let Some(blank) = harness.speech().blank {
        assert_eq!(remote.fields.get(blank), None);
    }
    let known = harness.mapping();
    assert!(remote.read.iter().all(|field| known.rule(*field).is_some()), "{:?}", remote.read);
}
