//! Writes: what was asked is what is stored, and each write has its own result.

use crm_core::{Action, Concurrency, Deletion, ErrorKind, Lookup, Patch, RemoteId};

use super::harness::{Harness, failure, found, uid, value};
use crate::fault::{Aim, Fault};

/// A create stores its values and our uid; sent again, it finds its own record.
pub async fn a_create_is_stored_and_a_repetition_makes_no_second(harness: &Harness) {
    let provider = harness.provider();
    let written = harness.apply_one(&provider, harness.create(0)).await.unwrap();
    let remote = harness.read(&provider, &written.id).await;
    for (field, sent) in harness.record(0).iter() {
        let rule = harness.mapping().rule(field).unwrap();
        let expected = rule.project(sent).map(std::borrow::Cow::into_owned);
        assert_eq!(remote.fields.get(field), expected.as_ref(), "{field}");
    }
    if let Some(stored) = &written.stored {
        for (field, value) in stored.iter() {
            assert_eq!(remote.fields.get(field), Some(value), "{field}");
        }
    }
    let name = harness.speech().name;
    assert_eq!(harness.stored(&written.id, name), harness.name(0));
    if harness.mapping().uid.is_some() {
        assert_eq!(remote.uid, Some(uid(0)));
    }
    if harness.capability().unique_key {
        let again = harness.apply_one(&provider, harness.create(0)).await.unwrap();
        assert_eq!(again.id, written.id);
        assert_eq!(harness.live(), 1);
    }
}

/// A create that collides with another record's unique value names that record.
pub async fn a_duplicate_names_the_existing_record(harness: &Harness) {
    let existing = harness.seed(0);
    let provider = harness.provider();
    let writes = [harness.create(1), harness.create(0), harness.create(2)];
    let mut results = harness.apply(&provider, &writes).await;
    let (third, second, first) = (results.pop(), results.pop(), results.pop());
    let stored = |id: &RemoteId| harness.stored(id, harness.speech().name);
    assert_eq!(stored(&first.unwrap().unwrap().id), harness.name(1));
    assert_eq!(stored(&third.unwrap().unwrap().id), harness.name(2));
    let second = second.unwrap();
    if harness.room.unique.is_some() {
        assert_eq!(failure(second), ErrorKind::Conflict { existing: Some(existing) });
        assert_eq!(harness.live(), 3);
    } else {
        assert_ne!(second.unwrap().id, existing);
        assert_eq!(harness.live(), 4);
    }
}

/// An update changes the fields of its patch and no other.
pub async fn a_patch_leaves_other_fields(harness: &Harness) {
    let id = harness.seed(0);
    let provider = harness.provider();
    let before = harness.read(&provider, &id).await;
    let text = harness.speech().text;
    let write = harness.update(0, &id, text, "Aarhus");
    let written = harness.apply_one(&provider, write).await.unwrap();
    assert_eq!(written.id, id);
    assert_eq!(harness.stored(&id, text).as_deref(), Some("Aarhus"));
    let remote = harness.read(&provider, &id).await;
    for (field, value) in before.fields.iter().filter(|(field, _)| *field != text) {
        assert_eq!(remote.fields.get(field), Some(value), "{field}");
    }
    assert_eq!(remote.fields.len(), before.fields.len());
    if written.version.is_some() {
        assert_eq!(written.version, remote.version);
    }
}

/// A patch without a value clears the field, and only that one.
pub async fn a_clear_clears(harness: &Harness) {
    let id = harness.seed(0);
    let provider = harness.provider();
    let (clearable, text) = (harness.speech().clearable, harness.speech().text);
    let before = harness.read(&provider, &id).await;
    assert!(before.fields.get(clearable).is_some(), "there is something to clear");
    let patch: Patch = [(clearable, None)].into_iter().collect();
    let written = harness.apply_one(&provider, harness.change(0, &id, patch)).await.unwrap();
    assert!(written.stored.is_none_or(|stored| stored.get(clearable).is_none()));
    assert_eq!(harness.stored(&id, clearable), None);
    let remote = harness.read(&provider, &id).await;
    assert_eq!(value(&remote, clearable), None);
    assert!(remote.read.contains(&clearable), "blank, not unknown");
    if text != clearable {
        assert_eq!(harness.stored(&id, text), value(&before, text));
    }
}

/// A write that names an old version is refused as stale where the vendor compares versions;
/// where it does not, the last write wins, as declared.
pub async fn an_old_version_is_stale_or_loses(harness: &Harness) {
    let id = harness.seed(0);
    let provider = harness.provider();
    let lookups = provider.get(harness.room.kind, std::slice::from_ref(&id)).await.unwrap();
    let expected = found(lookups.first().unwrap()).version.clone();
    harness.pass(std::time::Duration::from_secs(2));
    harness.edit(&id, harness.speech().text, "Aarhus");
    let text = harness.speech().text;
    let patch = harness.texts(&[(text, "Lund")]).into_iter().map(|(f, v)| (f, Some(v)));
    let action = Action::Update { id: id.clone(), patch: patch.collect(), expected };
    let result = harness.apply_one(&provider, harness.write(0, action)).await;
    let city = harness.stored(&id, harness.speech().text);
    match harness.capability().concurrency {
        Concurrency::IfUnmodified => {
            assert_eq!(failure(result), ErrorKind::Stale);
            assert_eq!(city.as_deref(), Some("Aarhus"));
        }
        Concurrency::LastWriteWins => {
            assert_eq!(result.unwrap().id, id);
            assert_eq!(city.as_deref(), Some("Lund"));
        }
    }
}

/// A delete does what is declared, and nothing where nothing is.
pub async fn a_deleted_record_is_archived(harness: &Harness) {
    let id = harness.seed(0);
    let other = harness.seed(1);
    let provider = harness.provider();
    let before = harness.requests("");
    let write = harness.write(0, Action::Delete { id: id.clone() });
    let outcome = provider.apply(&[write]).await;
    let result = outcome.and_then(|outcome| outcome.into_results().remove(0));
    let expected = match harness.capability().deletion {
        Deletion::Unsupported => {
            assert_eq!(failure(result), ErrorKind::Unsupported);
            assert_eq!(harness.requests(""), before);
            assert_eq!(harness.live(), 2);
            return;
        }
        Deletion::Archive => Lookup::Archived,
        Deletion::Permanent => Lookup::Gone,
    };
    assert_eq!(result.unwrap().id, id);
    assert_eq!(harness.live(), 1);
    let lookups = provider.get(harness.room.kind, &[id, other]).await.unwrap();
    assert_eq!(*lookups.first().unwrap(), expected);
    found(lookups.get(1).unwrap());
}

/// A write that the provider refuses fails alone, at its own place.
pub async fn one_bad_write_leaves_the_others(harness: &Harness) {
    let ids = harness.seed_many(2);
    let [first, last] = ids.as_slice() else { panic!("two") };
    let provider = harness.provider();
    let nobody = RemoteId::from(harness.room.nobody);
    let writes = [
        harness.update(0, first, harness.speech().text, "Aarhus"),
        harness.update(1, &nobody, harness.speech().text, "Aarhus"),
        harness.update(2, last, harness.speech().text, "Aarhus"),
    ];
    let results = harness.apply(&provider, &writes).await;
    let outcomes: Vec<_> = results
        .into_iter()
        .map(|result| result.map(|written| written.id).map_err(|error| error.kind().clone()))
        .collect();
    let (first, last) = (first.clone(), last.clone());
    assert_eq!(outcomes, [Ok(first.clone()), Err(ErrorKind::NotFound), Ok(last.clone())]);
    for id in [first, last] {
        assert_eq!(harness.stored(&id, harness.speech().text).as_deref(), Some("Aarhus"));
    }
}

/// Where one item of a batch fails at the provider, each result still belongs to its write:
/// applied if and only if it says so.
pub async fn a_partial_batch_keeps_its_order(harness: &Harness) {
    let ids = harness.seed_many(6);
    let provider = harness.provider();
    harness.fake.script(Aim::path(harness.room.update_path), Fault::BatchItem(2));
    let write = |(n, id)| harness.update(n, id, harness.speech().text, &format!("City {n}"));
    let writes: Vec<_> = ids.iter().enumerate().map(write).collect();
    let results = harness.apply(&provider, &writes).await;
    assert_eq!(results.len(), ids.len());
    for (n, (id, result)) in ids.iter().zip(results).enumerate() {
        let city = harness.stored(id, harness.speech().text).unwrap();
        match result {
            Ok(written) => {
                assert_eq!(written.id, *id);
                assert_eq!(city, format!("City {n}"));
            }
            Err(error) => {
                assert_eq!(n, 2, "{error}");
                assert!(city.ends_with("Brno"), "{error}");
            }
        }
    }
}

/// More writes than one call takes are split into as few calls as possible.
pub async fn many_writes_are_split(harness: &Harness) {
    let provider = harness.provider();
    let most = usize::from(harness.capability().write_max.get());
    let writes: Vec<_> = (0..=most).map(|n| harness.create(n)).collect();
    let results = harness.apply(&provider, &writes).await;
    for (n, result) in results.into_iter().enumerate() {
        let stored = harness.stored(&result.unwrap().id, harness.speech().name);
        assert_eq!(stored, harness.name(n));
    }
    assert_eq!(harness.live(), writes.len());
    assert_eq!(harness.requests(harness.room.create_path), 2);
}
