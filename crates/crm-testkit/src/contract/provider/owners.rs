//! Owners: the vendor keeps the id of a user, we keep the address.

use crm_core::{ErrorKind, Field, Patch, Value};

use super::harness::{Harness, failure, value};
use super::room::User;

/// Returns the users of the fake; without any, asserts that writing an owner is refused.
async fn users(harness: &Harness) -> &'static [User] {
    if harness.mapping().rule(Field::OWNER).is_some() {
        assert!(harness.room.users.len() > 1, "the room has an owner and names no users");
        return harness.room.users;
    }
    assert!(harness.room.users.is_empty(), "the room names users and declares no owner");
    let provider = harness.provider();
    let id = harness.room.nobody.into();
    let write = harness.update(0, &id, Field::OWNER, "ada.0@mail.example");
    assert_eq!(failure(harness.apply_one(&provider, write).await), ErrorKind::Unsupported);
    assert_eq!(harness.requests(""), 0);
    &[]
}

fn active(users: &'static [User]) -> impl Iterator<Item = &'static User> {
    users.iter().filter(|user| user.active)
}

/// The owner of a record is read as an e-mail address, and blank where there is none.
pub async fn an_owner_is_an_address(harness: &Harness) {
    let provider = harness.provider();
    for (n, user) in active(users(harness).await).enumerate() {
        let remote = harness.mapping().rule(Field::OWNER).unwrap().remote;
        let id = harness.seed_with(&harness.record(n), &[(remote, user.id)]);
        let read = harness.read(&provider, &id).await;
        assert_eq!(value(&read, Field::OWNER).as_deref(), Some(user.email));
        assert!(read.read.contains(&Field::OWNER));
    }
}

/// An owner is written by address and cleared, where the vendor lets a record be nobody's.
pub async fn an_owner_is_written_by_address(harness: &Harness) {
    let provider = harness.provider();
    for (n, user) in active(users(harness).await).enumerate() {
        let id = harness.seed(n);
        let write = harness.update(n, &id, Field::OWNER, user.email);
        harness.apply_one(&provider, write).await.unwrap();
        assert_eq!(harness.stored(&id, Field::OWNER).as_deref(), Some(user.id));
        let read = harness.read(&provider, &id).await;
        assert_eq!(value(&read, Field::OWNER).as_deref(), Some(user.email));
    }
}

/// An address of nobody, or of somebody who is no longer active, is refused with the field's
/// name, and the record keeps its owner. Other writes of the batch go through.
pub async fn who_cannot_own_a_record_is_refused(harness: &Harness) {
    let provider = harness.provider();
    let users = users(harness).await;
    let Some(first) = active(users).next() else { return };
    let remote = harness.mapping().rule(Field::OWNER).unwrap().remote;
    let idle = users.iter().filter(|user| !user.active).map(|user| user.email);
    let text = harness.speech().text;
    for (n, email) in idle.chain(["nobody@mail.example"]).enumerate() {
        let id = harness.seed_with(&harness.record(2 * n), &[(remote, first.id)]);
        let other = harness.seed(2 * n + 1);
        let writes = [
            harness.update(0, &id, Field::OWNER, email),
            harness.update(1, &other, text, "Aarhus"),
        ];
        let mut results = harness.apply(&provider, &writes).await;
        results.pop().unwrap().unwrap();
        let field = Some(Field::OWNER);
        assert_eq!(failure(results.pop().unwrap()), ErrorKind::Validation { field }, "{email}");
        assert_eq!(harness.stored(&id, Field::OWNER).as_deref(), Some(first.id));
        assert_eq!(harness.stored(&other, text).as_deref(), Some("Aarhus"));
    }
    // The same of a clear: it is carried out, or the vendor does not have it.
    let id = harness.seed_with(&harness.record(90), &[(remote, first.id)]);
    let patch: Patch = [(Field::OWNER, None::<Value>)].into_iter().collect();
    let result = harness.apply_one(&provider, harness.change(9, &id, patch)).await;
    assert_eq!(result.is_ok(), harness.stored(&id, Field::OWNER).is_none(), "{result:?}");
}

/// After a probe the users are known beforehand, with who can own records.
pub async fn users_are_known_after_a_probe(harness: &Harness) {
    let users = users(harness).await;
    if users.is_empty() {
        return;
    }
    let provider = harness.provider();
    provider.probe().await.unwrap();
    let capabilities = provider.capabilities();
    let metadata = &capabilities.metadata;
    for user in active(users) {
        let known = metadata.owner(user.id).unwrap();
        assert_eq!((&*known.email, known.active), (user.email, true));
    }
    // Who left may be known as such, or not at all.
    let gone = users.iter().filter(|user| !user.active);
    assert!(gone.filter_map(|user| metadata.owner(user.id)).all(|known| !known.active));
}
