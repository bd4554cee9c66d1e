//! Look-ups by key.

use crm_core::{ErrorKind, KeyKind, MatchKey};

use super::harness::{Harness, failure, uid, value};

fn sample(kind: KeyKind) -> MatchKey {
    match kind {
        KeyKind::Uid => MatchKey::Uid(uid(0)),
        KeyKind::Email => MatchKey::Email("ada.0@mail.example".into()),
        KeyKind::Phone => {
            MatchKey::Phone { number: "+442079460000".into(), surname: "novak 0".into() }
        }
        KeyKind::Domain => MatchKey::Domain("mail.example".into()),
        KeyKind::Name => MatchKey::Name { name: "ada novak".into(), with: "".into() },
    }
}

/// A record that we created is found by its uid, at once, and no other is.
pub async fn by_uid(harness: &Harness) {
    let provider = harness.provider();
    let kind = harness.room.kind;
    let keys = [MatchKey::Uid(uid(0)), MatchKey::Uid(uid(1))];
    if !harness.capability().find_by.contains(&KeyKind::Uid) {
        let refused = provider.find(kind, &keys).await;
        assert_eq!(failure(refused), ErrorKind::Unsupported);
        assert_eq!(harness.requests(""), 0);
        return;
    }
    harness.seed(7);
    assert_eq!(provider.find(kind, &keys).await.unwrap(), []);
    let written = harness.apply_one(&provider, harness.create(0)).await.unwrap();
    let found = provider.find(kind, &keys).await.unwrap();
    assert_eq!(found.len(), 1);
    let remote = found.first().unwrap();
    assert_eq!(remote.id, written.id);
    assert_eq!(remote.uid, Some(uid(0)));
    assert_eq!(value(remote, harness.speech().name), harness.name(0));
}

/// A live record is found by its e-mail address, an archived one is not.
pub async fn by_email(harness: &Harness) {
    let provider = harness.provider();
    let keys = [sample(KeyKind::Email), MatchKey::Email("nobody@mail.example".into())];
    if !harness.capability().find_by.contains(&KeyKind::Email) {
        let refused = provider.find(harness.room.kind, &keys).await;
        assert_eq!(failure(refused), ErrorKind::Unsupported);
        assert_eq!(harness.requests(""), 0);
        return;
    }
    let ids = harness.seed_many(2);
    let first = ids.first().unwrap();
    let found = provider.find(harness.room.kind, &keys).await.unwrap();
    assert_eq!(found.iter().map(|remote| &remote.id).collect::<Vec<_>>(), [first]);
    harness.delete(first);
    assert_eq!(provider.find(harness.room.kind, &keys).await.unwrap(), []);
}

/// A key that is not declared is refused without a request.
pub async fn undeclared_keys_are_refused_without_a_request(harness: &Harness) {
    let provider = harness.provider();
    let declared = harness.capability().find_by;
    let all = [KeyKind::Uid, KeyKind::Email, KeyKind::Phone, KeyKind::Domain, KeyKind::Name];
    for kind in all.into_iter().filter(|kind| !declared.contains(kind)) {
        let refused = provider.find(harness.room.kind, &[sample(kind)]).await;
        assert_eq!(failure(refused), ErrorKind::Unsupported, "{kind:?}");
    }
    assert_eq!(harness.requests(""), 0);
}
