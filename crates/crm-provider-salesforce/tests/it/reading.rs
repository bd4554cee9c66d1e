//! Reads: short ids, what is no id at all, keys that would break a query, a column that went.

use std::sync::Arc;

use crm_core::{Field, Lookup, MatchKey, ObjectKind, RemoteId};
use crm_testkit::dialect::salesforce::SalesforceOptions;

use crate::room::{harness, with};

const KIND: ObjectKind = ObjectKind::Contact;

#[tokio::test]
async fn both_forms_of_an_id_name_the_record_in_every_state() {
    let harness = harness();
    let ids = harness.seed_many(4);
    harness.fake.delete("Contact", ids[1].as_str()).unwrap();
    harness.fake.merge("Contact", ids[2].as_str(), ids[3].as_str()).unwrap();
    let short: Vec<RemoteId> = ids.iter().map(|id| id.as_str()[..15].into()).collect();
    let lookups = harness.provider().get(KIND, &short).await.unwrap();
    let [there, binned, winner, loser] = lookups.as_slice() else { panic!("four") };
    assert!(matches!(there, Lookup::Found(remote) if remote.id == ids[0]));
    assert_eq!(*binned, Lookup::Archived);
    assert!(matches!(winner, Lookup::Found(remote) if remote.id == ids[2]));
    assert_eq!(*loser, Lookup::MergedInto(ids[2].clone()));
}

#[tokio::test]
async fn what_is_no_id_is_gone_and_spoils_nothing() {
    let harness = harness();
    let id = harness.seed(0);
    let odd = ["", "7", "003' OR Id != '", "not-an-id-at-all!", "003000000000zzz"];
    let mut ids: Vec<RemoteId> = odd.iter().map(|id| (*id).into()).collect();
    ids.insert(2, id.clone());
    let lookups = harness.provider().get(KIND, &ids).await.unwrap();
    for (asked, lookup) in ids.iter().zip(&lookups) {
        match lookup {
            Lookup::Found(remote) => assert_eq!((asked, &remote.id), (&id, &id)),
            other => assert_eq!(*other, Lookup::Gone, "{asked}"),
        }
    }
}

#[tokio::test]
async fn nothing_but_odd_ids_makes_no_request() {
    let harness = harness();
    let lookups = harness.provider().get(KIND, &["7".into(), "8".into()]).await.unwrap();
    assert_eq!(lookups, [Lookup::Gone, Lookup::Gone]);
    assert_eq!(harness.requests(""), 0);
}

#[tokio::test]
async fn purged_records_are_gone() {
    let (harness, fake) = with(SalesforceOptions::default());
    let id = harness.seed(0);
    harness.fake.delete("Contact", id.as_str()).unwrap();
    let provider = harness.provider();
    let asked = std::slice::from_ref(&id);
    assert_eq!(provider.get(KIND, asked).await.unwrap(), [Lookup::Archived]);
    fake.with(|org, world| org.empty_bin(world, "Contact")).unwrap();
    assert_eq!(provider.get(KIND, asked).await.unwrap(), [Lookup::Gone]);
}

fn email(text: &str) -> MatchKey {
    MatchKey::Email(Arc::from(text))
}

#[tokio::test]
async fn keys_with_quotes_are_values_and_nothing_else() {
    let harness = harness();
    let hostile = "o'hara\\@mail.example";
    let mut fields = crm_core::Fields::new();
    fields.insert(Field::LAST_NAME, crm_core::Value::text("O'Hara"));
    fields.insert(Field::EMAIL, crm_core::Value::text(hostile));
    // The org takes the odd address from a user; what matters is that it is found as a value.
    let id = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        harness.seed_fields(&fields)
    })) {
        Ok(id) => Some(id),
        Err(_refused) => None,
    };
    harness.seed(0);
    let provider = harness.provider();
    let long = format!("{}@mail.example", "x".repeat(20_000));
    let keys = [email(hostile), email("x') OR Id != '"), email(&long)];
    let found = provider.find(KIND, &keys).await.unwrap();
    let found: Vec<RemoteId> = found.into_iter().map(|remote| remote.id).collect();
    assert_eq!(found, id.into_iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn many_keys_are_asked_for_in_lists_of_a_hundred() {
    let harness = harness();
    let ids = harness.seed_many(250);
    // Two people share an address.
    let twin = harness.seed(7);
    let keys: Vec<MatchKey> = (0..250).map(|n| email(&format!("ADA.{n}@mail.example"))).collect();
    let found = harness.provider().find(KIND, &keys).await.unwrap();
    assert_eq!(found.len(), ids.len() + 1);
    assert!(found.iter().any(|remote| remote.id == twin));
    assert_eq!(harness.requests("/query"), 3);
}
