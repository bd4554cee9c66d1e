//! Reads of odd ids and keys, of an org without our fields, and when the day's requests end.

use std::time::Duration;

use crm_core::{ErrorKind, Feed, Field, Lookup, MatchKey, ObjectKind, RemoteId, Uid};
use crm_testkit::dialect::salesforce::{OrgFields, SalesforceOptions};
use crm_testkit::fault::{Aim, Fault};
use serde_json::json;

use crate::room::{failure, harness, opened, surveys, with};

const KIND: ObjectKind = ObjectKind::Contact;

#[tokio::test]
async fn what_is_no_id_is_gone_and_spoils_nothing() {
    let harness = harness();
    let id = harness.seed(0);
    let short = RemoteId::from(&id.as_str()[..15]);
    let provider = harness.provider();
    let none = [RemoteId::from(""), RemoteId::from("') OR (Id != '"), RemoteId::from("17")];
    assert_eq!(provider.get(KIND, &none).await.unwrap(), vec![Lookup::Gone; 3]);
    assert_eq!(harness.requests(""), 0);
    let ids = [none[1].clone(), short.clone(), id.clone()];
    let lookups = provider.get(KIND, &ids).await.unwrap();
    let [Lookup::Gone, Lookup::Found(by_short), Lookup::Found(by_long)] = lookups.as_slice() else {
        panic!("{lookups:?}")
    };
    assert_eq!((&by_short.id, &by_long.id), (&id, &id));
    harness.fake.delete("Contact", id.as_str()).unwrap();
    assert_eq!(provider.get(KIND, &[short]).await.unwrap(), [Lookup::Archived]);
}

#[tokio::test]
async fn many_keys_are_split_and_each_record_comes_once() {
    let (harness, _) = with(SalesforceOptions { page_max: 7, ..Default::default() });
    let mut seeded = harness.seed_many(30);
    // Several people may share an address, also more than one page of them.
    for _ in 0..20 {
        seeded.push(harness.seed(3));
    }
    seeded.sort();
    let email = |n: usize| MatchKey::Email(format!("ada.{n}@mail.example").into());
    let mut keys: Vec<MatchKey> = (0..240).map(email).collect();
    keys.push(email(3));
    keys.push(MatchKey::Email("o'dell@mail.example".into()));
    keys.push(MatchKey::Email(format!("{}@mail.example", "x".repeat(90)).into()));
    let found = harness.provider().find(KIND, &keys).await.unwrap();
    let ids: Vec<_> = found.into_iter().map(|remote| remote.id).collect();
    assert_eq!(ids, seeded);
}

#[tokio::test]
async fn addresses_are_compared_without_regard_to_case() {
    let harness = harness();
    let fields = json!({ "LastName": "Vale", "Email": "Ada.Vale@Mail.example" });
    harness.fake.create("Contact", fields.as_object().unwrap()).unwrap();
    let keys = [MatchKey::Email("ada.vale@mail.example".into())];
    let found = harness.provider().find(KIND, &keys).await.unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn an_org_without_our_fields_is_read_all_the_same() {
    let (harness, _) = with(SalesforceOptions { fields: OrgFields::Bare, ..Default::default() });
    let provider = harness.provider();
    let ids = harness.seed_many(2);
    // Nothing is known of the org yet: the first read finds out, without a failure.
    let lookups = provider.get(KIND, &ids).await.unwrap();
    let Some(Lookup::Found(remote)) = lookups.first() else { panic!("{lookups:?}") };
    assert!(!remote.read.contains(&Field::COMPANY));
    assert_eq!(surveys(&harness), 1);
    let page = harness.page(&provider, Feed::Changes, None).await;
    assert_eq!(page.changes.len(), 2);
    let uid = Uid::parse("0b9bd9ff-1c8e-5c0f-9f0e-5e2a3f1c7d10").unwrap();
    assert_eq!(provider.find(KIND, &[MatchKey::Uid(uid)]).await.unwrap(), []);
    assert_eq!(surveys(&harness), 1);
    let error = harness.apply_one(&provider, harness.create(7)).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Permanent);
    assert!(error.hint().unwrap().contains("--fix"), "{error:?}");
}

#[tokio::test]
async fn a_create_in_an_org_without_our_field_names_the_remedy() {
    let (harness, _) = with(SalesforceOptions { fields: OrgFields::Bare, ..Default::default() });
    let provider = harness.provider();
    let error = harness.apply_one(&provider, harness.create(7)).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Permanent);
    assert!(error.hint().unwrap().contains("--fix"), "{error:?}");
    assert_eq!(harness.live(), 0);
}

#[tokio::test]
async fn the_days_requests_are_counted_by_the_header_and_end() {
    // Each client surveys the org once.
    let (harness, _) = with(SalesforceOptions { daily_limit: 7, ..Default::default() });
    let ids = [harness.seed(0)];
    // Another client of the org uses some of them.
    let other = harness.provider();
    for _ in 0..3 {
        other.get(KIND, &ids).await.unwrap();
    }
    let provider = harness.provider();
    provider.get(KIND, &ids).await.unwrap();
    let usage = provider.usage();
    let daily = usage.quotas.iter().find(|quota| quota.name == "daily").unwrap();
    assert_eq!((daily.used, daily.limit), (6, 7));
    provider.get(KIND, &ids).await.unwrap();
    let spent = provider.get(KIND, &ids).await;
    assert!(matches!(failure(spent), ErrorKind::QuotaExhausted { .. }));
    // The first client does not know yet; the org tells it.
    let error = other.get(KIND, &ids).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::QuotaExhausted { .. }), "{error}");
    assert!(error.to_string().contains("24 hours"), "{error}");
    harness.pass(Duration::from_hours(25));
    provider.get(KIND, &ids).await.unwrap();
}

#[tokio::test]
async fn the_edge_of_the_network_is_weather_and_not_a_missing_right() {
    let harness = harness();
    let ids = [harness.seed(0)];
    let provider = opened(
        &harness,
        &json!({ "client_id": "sandbox-client", "client_secret": "sandbox-secret" }),
    );
    for status in [406, 420, 503] {
        harness.fake.script(Aim::path("/composite/sobjects"), Fault::Html(status));
        provider.get(KIND, &ids).await.unwrap();
    }
}

#[tokio::test]
async fn what_the_org_does_not_count_takes_nothing_from_the_days_requests() {
    let (harness, _) = with(SalesforceOptions { daily_limit: 2, ..Default::default() });
    let ids = [harness.seed(0)];
    let provider = harness.provider();
    // The list of versions comes first, and leaves the two for the survey and the read.
    provider.get(KIND, &ids).await.unwrap();
    assert!(matches!(failure(provider.get(KIND, &ids).await), ErrorKind::QuotaExhausted { .. }));
}
