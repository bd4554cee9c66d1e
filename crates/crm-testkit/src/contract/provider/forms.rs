//! Forms: what the vendor keeps apart as tasks, calls and so on is one kind to us, with one feed.

use crm_core::{Action, ErrorKind, Feed, Field, Patch, RemoteId, Value};

use super::harness::{Harness, failure, found, uid, value};
use super::room::FormOf;

/// Returns the forms of the kind, after a look that the room names those that it declares.
fn forms(harness: &Harness) -> &'static [FormOf] {
    let mut declared: Vec<_> =
        harness.capability().variants.iter().filter_map(|table| table.variant).collect();
    let mut given: Vec<_> = harness.room.forms.iter().map(|form| form.variant).collect();
    declared.sort_unstable();
    given.sort_unstable();
    assert_eq!(given, declared);
    harness.room.forms
}

/// A record says which form it is.
pub async fn a_record_says_its_form(harness: &Harness) {
    let provider = harness.provider();
    let id = harness.seed(0);
    let read = harness.read(&provider, &id).await;
    assert_eq!(value(&read, Field::TYPE).as_deref(), harness.room.variant);
    assert_eq!(harness.room.variant.is_some(), !forms(harness).is_empty());
}

/// No write makes another form of a record: it is refused with the field's name, and the same
/// form is no change.
pub async fn a_form_does_not_change(harness: &Harness) {
    let provider = harness.provider();
    let id = harness.seed(0);
    let text = harness.speech().text;
    let write = |ours: &str| {
        let mut patch = Patch::new();
        patch.set(Field::TYPE, Some(Value::Choice(ours.into())));
        patch.set(text, Some(Value::text("Aarhus")));
        harness.change(0, &id, patch)
    };
    let Some(own) = harness.room.variant else {
        let result = harness.apply_one(&provider, write("task")).await;
        assert_eq!(failure(result), ErrorKind::Unsupported);
        return;
    };
    if let Some(other) = forms(harness).iter().find(|form| form.variant != own) {
        let result = harness.apply_one(&provider, write(other.variant)).await;
        assert_eq!(failure(result), ErrorKind::Validation { field: Some(Field::TYPE) });
        assert_ne!(harness.stored(&id, text).as_deref(), Some("Aarhus"));
    }
    harness.apply_one(&provider, write(own)).await.unwrap();
    assert_eq!(harness.stored(&id, text).as_deref(), Some("Aarhus"));
}

/// Records of all forms come in the one feed of the kind: all of them at the beginning, and each
/// of them when it changes.
pub async fn the_forms_of_a_kind_come_in_one_feed(harness: &Harness) {
    let provider = harness.provider();
    let forms = forms(harness);
    let mut ids: Vec<RemoteId> =
        forms.iter().enumerate().map(|(n, form)| harness.seed_form(form, n)).collect();
    ids.sort();
    harness.pass(std::time::Duration::from_hours(1));
    let drained = harness.drain(&provider, Feed::Changes, None).await;
    assert_eq!(drained.ids(), ids);
    harness.pass(std::time::Duration::from_hours(1));
    let mut cursor = drained.cursor;
    for (n, form) in forms.iter().enumerate() {
        let id = harness.seed_form(form, 50 + n);
        let drained = harness.drain(&provider, Feed::Changes, cursor).await;
        assert_eq!(drained.ids(), [id], "{}", form.variant);
        // What a poll reads again must be over before the next change.
        harness.pass(std::time::Duration::from_hours(1));
        cursor = harness.drain(&provider, Feed::Changes, drained.cursor).await.cursor;
        harness.pass(std::time::Duration::from_hours(1));
    }
}

/// One call reads, or writes, records of several forms; results are in order.
pub async fn reads_and_writes_mix_forms(harness: &Harness) {
    let provider = harness.provider();
    let forms = forms(harness);
    let mut writes = Vec::new();
    for (n, form) in forms.iter().enumerate() {
        let mapping = harness.capability().mapping_of(Some(form.variant)).unwrap();
        let fields = super::sample::record(mapping, n);
        writes.push(harness.write(n, Action::Create { uid: uid(n), fields }));
    }
    let results = harness.apply(&provider, &writes).await;
    let mut ids: Vec<_> = results.into_iter().map(|result| result.unwrap().id).collect();
    ids.reverse();
    let lookups = provider.get(harness.room.kind, &ids).await.unwrap();
    for (form, lookup) in forms.iter().rev().zip(&lookups) {
        assert_eq!(value(found(lookup), Field::TYPE).as_deref(), Some(form.variant));
        assert!(found(lookup).id.as_str().starts_with(form.id_prefix));
    }
    assert_eq!(lookups.len(), forms.len());
}
