//! The four ways to be let in, and what happens when a token ends.

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crm_core::{ErrorKind, ObjectKind, SharedProvider};
use crm_provider_salesforce::REGISTRATION;
use crm_testkit::contract::provider::{Credentials, Harness};
use crm_testkit::dialect::salesforce::{Rotation, SalesforceOptions};
use crm_testkit::fault::{Aim, Fault};
use serde_json::json;

use crate::room::{failure, open, opened, with};

const TOKEN: &str = "/services/oauth2/token";

/// Reads a record, lets the token end, and reads it again.
async fn survives_expiry(harness: &Harness, provider: &SharedProvider) {
    let ids = [harness.seed(0)];
    provider.get(ObjectKind::Contact, &ids).await.unwrap();
    assert_eq!(harness.requests(TOKEN), 1);
    harness.fake.script(Aim::path("/composite/sobjects"), Fault::TokenExpired);
    provider.get(ObjectKind::Contact, &ids).await.unwrap();
    assert_eq!(harness.requests(TOKEN), 2);
    // A session also ends when it is not used.
    harness.pass(Duration::from_hours(3));
    provider.get(ObjectKind::Contact, &ids).await.unwrap();
    assert_eq!(harness.requests(TOKEN), 3);
}

#[tokio::test]
async fn client_credentials_renew_a_token_that_ended() {
    let (harness, _) = with(SalesforceOptions::default());
    survives_expiry(&harness, &harness.provider()).await;
}

#[tokio::test]
async fn a_refresh_token_renews_also_where_it_is_replaced_each_time() {
    for rotation in [Rotation::Keep, Rotation::Rotate] {
        let refresh_token = Some("refresh-1".to_owned());
        let options = SalesforceOptions { refresh_token, rotation, ..Default::default() };
        let (harness, _) = with(options);
        let settings = json!({ "client_id": "sandbox-client", "refresh_token": "refresh-1" });
        survives_expiry(&harness, &opened(&harness, &settings)).await;
    }
}

fn pem(name: &str, der: &[u8]) -> String {
    format!("-----BEGIN {name}-----\n{}\n-----END {name}-----\n", STANDARD.encode(der))
}

fn private(pair: &KeyPair) -> String {
    pem("PRIVATE KEY", AsDer::<Pkcs8V1Der<'_>>::as_der(pair).unwrap().as_ref())
}

#[tokio::test]
async fn an_assertion_is_signed_anew_for_each_token() {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
    let jwt_public_key_pem = Some(pem("PUBLIC KEY", public.as_ref()));
    let (harness, _) = with(SalesforceOptions { jwt_public_key_pem, ..Default::default() });
    let file = std::env::temp_dir().join(format!("crm-salesforce-key-{}.pem", std::process::id()));
    std::fs::write(&file, private(&pair)).unwrap();
    let settings = json!({
        "client_id": "sandbox-client",
        "username": "sync@org.example",
        "private_key_file": file,
    });
    let provider = opened(&harness, &settings);
    std::fs::remove_file(&file).unwrap();
    survives_expiry(&harness, &provider).await;
    let other = private(&KeyPair::generate(KeySize::Rsa2048).unwrap());
    let settings = json!({
        "client_id": "sandbox-client",
        "username": "sync@org.example",
        "private_key": other,
    });
    let error = opened(&harness, &settings).probe().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
    assert!(error.hint().unwrap().contains("SALESFORCE_PRIVATE_KEY_FILE"), "{error:?}");
}

#[tokio::test]
async fn a_token_alone_works_until_it_expires_and_says_what_to_set() {
    let access_token = Some("token-1".to_owned());
    let (harness, _) = with(SalesforceOptions { access_token, ..Default::default() });
    let provider = opened(&harness, &json!({ "access_token": "token-1" }));
    let ids = [harness.seed(0)];
    provider.get(ObjectKind::Contact, &ids).await.unwrap();
    harness.fake.script(Aim::path("/composite/sobjects"), Fault::TokenExpired);
    let error = provider.get(ObjectKind::Contact, &ids).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
    assert!(error.hint().unwrap().contains("SALESFORCE_CLIENT_ID"), "{error:?}");
    assert_eq!(harness.requests(TOKEN), 0);
}

#[tokio::test]
async fn a_first_token_is_used_before_one_is_fetched() {
    let access_token = Some("token-1".to_owned());
    let (harness, _) = with(SalesforceOptions { access_token, ..Default::default() });
    let settings = json!({
        "access_token": "token-1",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
    });
    let provider = opened(&harness, &settings);
    let ids = [harness.seed(0)];
    provider.get(ObjectKind::Contact, &ids).await.unwrap();
    assert_eq!(harness.requests(TOKEN), 0);
    harness.fake.script(Aim::path("/composite/sobjects"), Fault::TokenExpired);
    provider.get(ObjectKind::Contact, &ids).await.unwrap();
    assert_eq!(harness.requests(TOKEN), 1);
}

#[tokio::test]
async fn the_token_answer_names_the_org() {
    let (harness, _) = with(SalesforceOptions::default());
    let way = harness.way(Credentials::Right);
    let mut setup = crm_http::Setup::new("salesforce", way.clock);
    let settings = json!({
        "login_url": way.url,
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
    });
    setup.settings = settings.as_object().unwrap().clone();
    let account = (REGISTRATION.open)(setup).unwrap().probe().await.unwrap();
    assert!(account.name.contains("Example Org"), "{account:?}");
    assert_eq!(account.api_version, "67.0");
}

#[test]
fn incomplete_settings_say_what_is_missing() {
    let (harness, _) = with(SalesforceOptions::default());
    let way = harness.way(Credentials::Right);
    let cases = [
        (json!({}), "no credentials"),
        (json!({ "client_id": "a" }), "client_secret is missing"),
        (json!({ "client_secret": "a" }), "client_id is missing"),
        (json!({ "refresh_token": "a" }), "client_id is missing"),
        (json!({ "username": "a" }), "client_id and private_key_file is missing"),
        (json!({ "private_key": "a", "client_id": "b" }), "username is missing"),
        (
            json!({ "private_key_file": "no/such.pem", "client_id": "b", "username": "c" }),
            "cannot be read",
        ),
    ];
    for (settings, expected) in cases {
        let error = open(&way, &settings).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Auth, "{settings}");
        assert!(error.to_string().contains(expected), "{settings}: {error}");
        assert!(error.hint().is_some(), "{settings}");
    }
}

#[test]
fn a_token_alone_needs_the_address_of_its_org() {
    let (harness, _) = with(SalesforceOptions::default());
    let clock = harness.way(Credentials::Right).clock;
    let open = |settings: serde_json::Value| {
        let mut setup = crm_http::Setup::new("salesforce", std::sync::Arc::clone(&clock));
        setup.settings = settings.as_object().unwrap().clone();
        (REGISTRATION.open)(setup)
    };
    let error = open(json!({ "access_token": "token-1" })).unwrap_err();
    assert!(error.hint().unwrap().contains("SALESFORCE_INSTANCE_URL"), "{error:?}");
    let url = "https://example-org.my.salesforce.com";
    open(json!({ "access_token": "token-1", "instance_url": url })).unwrap();
    let plain = open(json!({ "access_token": "token-1", "instance_url": "http://org.example" }));
    assert_eq!(failure(plain), ErrorKind::Permanent);
}
