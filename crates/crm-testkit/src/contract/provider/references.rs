//! References: to one record, and to a set of records whose members come and go one by one.

use crm_core::{
    Action, Change, ErrorKind, Feed, Field, FieldType, Patch, Ref, Remote, RemoteId,
    SharedProvider, Value, schema,
};

use super::harness::{Harness, failure, uid};
use super::room::{Deed, Target};

/// What is declared has a target in the room's harness, so that no case passes by having nothing
/// to do.
#[expect(clippy::unused_async, reason = "the shape of every case")]
pub async fn every_declared_reference_has_a_target(harness: &Harness) {
    let declared = harness.mapping().rules.iter().filter(|rule| rule.ty.refers_to().is_some());
    let mut declared: Vec<Field> = declared.map(|rule| rule.field).collect();
    let mut given: Vec<Field> = harness.room.targets.iter().map(|target| target.field).collect();
    declared.sort();
    given.sort();
    assert_eq!(given, declared);
    assert_eq!(harness.requests(""), 0);
}

/// A reference that the kind has and the room does not declare is refused.
pub async fn undeclared_references_are_refused_without_a_request(harness: &Harness) {
    let provider = harness.provider();
    for spec in schema::fields(harness.room.kind) {
        let declared = harness.capability().rule(spec.field).is_some();
        let Some(kind) = spec.ty.refers_to().filter(|_| !declared) else { continue };
        let value = Value::Ref(Ref::Remote(kind, harness.room.nobody.into()));
        let value = if spec.ty.is_set() { Value::List(vec![value]) } else { value };
        let patch: Patch = [(spec.field, Some(value))].into_iter().collect();
        let id = RemoteId::from(harness.room.nobody);
        let result = provider.apply(&[harness.change(0, &id, patch)]).await;
        let result = result.and_then(|outcome| outcome.into_results().remove(0));
        assert_eq!(failure(result), ErrorKind::Unsupported, "{}", spec.name);
    }
    assert_eq!(harness.requests(""), 0);
}

/// A tie that a user made is shown by a read and by the list; before it, and after it is cut, the
/// reference is read and blank.
pub async fn a_reference_is_read_by_id_and_in_the_list(harness: &Harness) {
    let provider = harness.provider();
    for (n, target) in harness.room.targets.iter().enumerate() {
        let (id, to) = (harness.seed(n), harness.seed_target(target, n));
        if !harness.needs(target.field) {
            assert_blank(&harness.read(&provider, &id).await, target.field);
        }
        harness.tie(&id, target, &to, Deed::Make);
        let held = value(harness, target.field, std::slice::from_ref(&to));
        assert_eq!(harness.read(&provider, &id).await.fields.get(target.field), Some(&held));
        if let Some(row) = listed(harness, &provider, &id).await {
            assert_eq!(row.fields.get(target.field), Some(&held), "the list");
        }
        if harness.needs(target.field) {
            continue;
        }
        harness.tie(&id, target, &to, Deed::Cut);
        assert_blank(&harness.read(&provider, &id).await, target.field);
        if let Some(row) = listed(harness, &provider, &id).await {
            assert_blank(&row, target.field);
        }
    }
}

/// Setting a reference to one record makes it point there, wherever it pointed; clearing it makes
/// it point nowhere; other fields of the same patch are stored too.
pub async fn a_reference_is_set_replaced_and_cleared(harness: &Harness) {
    let provider = harness.provider();
    for (n, target) in of_one(harness) {
        let id = harness.seed(n);
        let text = harness.speech().text;
        let steps = [
            Some(harness.seed_target(target, 2 * n)),
            Some(harness.seed_target(target, 2 * n + 1)),
            None,
        ];
        // A record that cannot be without the reference is not asked to be.
        let steps = steps.into_iter().filter(|to| to.is_some() || !harness.needs(target.field));
        for (step, to) in steps.enumerate() {
            let told = format!("step {step}");
            let wanted =
                to.as_ref().map(|to| value(harness, target.field, std::slice::from_ref(to)));
            let mut patch = Patch::new();
            patch.set(target.field, wanted.clone());
            patch.set(text, Some(Value::text(told.as_str())));
            let written = harness.apply_one(&provider, harness.change(step, &id, patch)).await;
            let stored = written.unwrap().stored;
            let remote = harness.read(&provider, &id).await;
            assert_eq!(remote.fields.get(target.field), wanted.as_ref(), "{told}");
            assert!(remote.read.contains(&target.field));
            assert_eq!(harness.stored(&id, text), Some(told.clone()));
            if let Some(stored) = stored.filter(|stored| stored.get(target.field).is_some()) {
                assert_eq!(stored.get(target.field), wanted.as_ref(), "{told}");
            }
        }
    }
}

/// Members of a set are added and removed, also by a patch of nothing else.
pub async fn set_members_come_and_go(harness: &Harness) {
    let provider = harness.provider();
    for (n, target) in of_many(harness) {
        let id = harness.seed(n);
        let to: Vec<_> = (0..3).map(|m| harness.seed_target(target, 3 * n + m)).collect();
        let [a, b, c] = to.as_slice() else { panic!("three") };
        let steps: [&[&RemoteId]; 4] = [&[a, b], &[b, c], &[c], &[]];
        let mut base: Vec<RemoteId> = Vec::new();
        for (step, wanted) in steps.into_iter().enumerate() {
            let wanted: Vec<RemoteId> = wanted.iter().copied().cloned().collect();
            let patch = change(harness, target.field, &base, &wanted);
            harness.apply_one(&provider, harness.change(step, &id, patch)).await.unwrap();
            assert_members(harness, &harness.read(&provider, &id).await, target.field, &wanted);
            base = wanted;
        }
    }
}

/// A member that somebody added or removed after we read is theirs: a change of other members
/// leaves it alone.
pub async fn a_member_that_somebody_else_added_is_kept(harness: &Harness) {
    let provider = harness.provider();
    for (n, target) in of_many(harness) {
        let id = harness.seed(n);
        let to: Vec<_> = (0..4).map(|m| harness.seed_target(target, 4 * n + m)).collect();
        let [a, b, theirs, gone] = to.as_slice() else { panic!("four") };
        for member in [a, gone] {
            harness.tie(&id, target, member, Deed::Make);
        }
        // We know of a and gone, and want b instead of a; meanwhile a user changed the rest.
        harness.tie(&id, target, theirs, Deed::Make);
        harness.tie(&id, target, gone, Deed::Cut);
        let base = [a.clone(), gone.clone()];
        let patch = change(harness, target.field, &base, &[b.clone(), gone.clone()]);
        harness.apply_one(&provider, harness.change(0, &id, patch)).await.unwrap();
        let left = [b.clone(), theirs.clone()];
        assert_members(harness, &harness.read(&provider, &id).await, target.field, &left);
    }
}

/// A record that is created with references has them.
pub async fn a_create_has_its_references(harness: &Harness) {
    let provider = harness.provider();
    for (n, target) in harness.room.targets.iter().enumerate() {
        let to = harness.seed_target(target, n);
        let mut fields = harness.record(n);
        let held = value(harness, target.field, &[to]);
        fields.insert(target.field, held.clone());
        let write = harness.write(n, Action::Create { uid: uid(n), fields });
        let written = harness.apply_one(&provider, write).await.unwrap();
        let remote = harness.read(&provider, &written.id).await;
        assert_eq!(remote.fields.get(target.field), Some(&held), "{}", target.field);
        assert_eq!(harness.stored(&written.id, harness.speech().name), harness.name(n));
    }
}

/// A reference to a record that is not there is an error that names the field, or that says that
/// something is not there; it is never a success. Other writes of the batch go through.
pub async fn a_reference_to_nobody_is_told(harness: &Harness) {
    let provider = harness.provider();
    let text = harness.speech().text;
    for (n, target) in harness.room.targets.iter().enumerate() {
        let (id, other) = (harness.seed(2 * n), harness.seed(2 * n + 1));
        let nobody = [RemoteId::from(target.nobody)];
        let patch = change(harness, target.field, &[], &nobody);
        let writes = [harness.change(0, &id, patch), harness.update(1, &other, text, "Aarhus")];
        let mut results = harness.apply(&provider, &writes).await;
        results.pop().unwrap().unwrap();
        assert_eq!(harness.stored(&other, text).as_deref(), Some("Aarhus"));
        let field = Some(target.field);
        assert_eq!(failure(results.pop().unwrap()), ErrorKind::Validation { field });
        if !harness.needs(target.field) {
            assert_blank(&harness.read(&provider, &id).await, target.field);
        }
    }
}

fn of_one(harness: &Harness) -> impl Iterator<Item = (usize, &Target)> {
    harness.room.targets.iter().enumerate().filter(|(_, target)| !is_many(harness, target.field))
}

fn of_many(harness: &Harness) -> impl Iterator<Item = (usize, &Target)> {
    harness.room.targets.iter().enumerate().filter(|(_, target)| is_many(harness, target.field))
}

/// Returns whether the vendor keeps more than one member of a reference.
fn is_many(harness: &Harness, field: Field) -> bool {
    let rule = harness.mapping().rule(field).unwrap();
    is_set(harness, field) && rule.form.members_max != Some(1)
}

fn ty(harness: &Harness, field: Field) -> FieldType {
    schema::spec(harness.room.kind, field).unwrap().ty
}

fn is_set(harness: &Harness, field: Field) -> bool {
    ty(harness, field).is_set()
}

/// Returns the value of a reference that points at these records.
fn value(harness: &Harness, field: Field, to: &[RemoteId]) -> Value {
    let kind = ty(harness, field).refers_to().unwrap();
    let mut refs = to.iter().map(|id| Value::Ref(Ref::Remote(kind, id.clone())));
    if !is_set(harness, field) {
        return refs.next().unwrap();
    }
    let mut refs: Vec<Value> = refs.collect();
    refs.sort();
    Value::List(refs)
}

/// Returns the patch that makes of a reference that pointed at `base` one that points at `wanted`.
fn change(harness: &Harness, field: Field, base: &[RemoteId], wanted: &[RemoteId]) -> Patch {
    let mut patch = Patch::new();
    let held = |to: &[RemoteId]| (!to.is_empty()).then(|| value(harness, field, to));
    patch.set(field, held(wanted));
    if let Some(base) = held(base) {
        patch.set_base(field, base);
    }
    patch
}

fn assert_members(harness: &Harness, remote: &Remote, field: Field, members: &[RemoteId]) {
    let expected = (!members.is_empty()).then(|| value(harness, field, members));
    assert_eq!(remote.fields.get(field), expected.as_ref());
    assert!(remote.read.contains(&field));
}

fn assert_blank(remote: &Remote, field: Field) {
    assert_eq!(remote.fields.get(field), None, "{field}");
    assert!(remote.read.contains(&field), "{field} is blank, not unknown");
}

/// Returns what the list shows of a record, where the list is a read.
async fn listed(harness: &Harness, provider: &SharedProvider, id: &RemoteId) -> Option<Remote> {
    let drained = harness.drain(provider, Feed::Changes, None).await;
    drained.changes.into_iter().find_map(|change| match change {
        Change::Observed(remote) if remote.id == *id => Some(remote),
        Change::Observed(_)
        | Change::Touched { .. }
        | Change::Missing { .. }
        | Change::Merged { .. } => None,
    })
}
