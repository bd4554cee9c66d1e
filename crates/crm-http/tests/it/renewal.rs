//! Tokens: fetched once, renewed once, rotated safely, refused clearly.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use crm_core::{Applied, ErrorKind, Operation, ProviderId};
use crm_http::{Authorizer, Client, Effect, Failure, Grant, OAuth, Request, Verdict};
use futures_util::future::join_all;

use crate::recorder::{Recorder, policy};
use crate::site::{Act, Heard, Site, json};

fn classify(failure: &Failure<'_>) -> Verdict {
    failure.by_status()
}

fn client(url: &str, authorizer: Authorizer) -> Client {
    let id = ProviderId::new("acme");
    let builder = Client::builder(&id, url, Recorder::start()).retry(policy());
    builder.authorizer(authorizer).build().unwrap()
}

fn refresh() -> Grant {
    Grant::RefreshToken {
        client_id: "app".to_owned(),
        client_secret: Some("app word".into()),
        refresh_token: "refresh-0".into(),
    }
}

fn read() -> Request {
    Request::get(Operation::Get, "/things")
}

fn is_token(heard: &Heard) -> bool {
    heard.is("POST /token ")
}

fn authorised(heard: &Heard, token: &str) -> Act {
    match heard.header("authorization") {
        Some(value) if value == format!("Bearer {token}") => json(200, "{}"),
        _ => json(401, r#"{"message":"expired"}"#),
    }
}

#[tokio::test]
async fn fixed_tokens_and_headers_are_sent_and_their_end_says_what_to_do() {
    let site = Site::start(|heard| authorised(heard, "good"));
    client(&site.url, Authorizer::bearer(&"good".into())).send(read(), &classify).await.unwrap();
    let stale = Authorizer::bearer(&"old".into()).expired_hint("set ACME_REFRESH_TOKEN");
    let error = client(&site.url, stale).send(read(), &classify).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
    assert_eq!(error.hint(), Some("set ACME_REFRESH_TOKEN"));
    assert_eq!(site.heard().len(), 2);
    let keyed = Authorizer::header("x-api-key", "key".into());
    assert!(!format!("{keyed:?}").contains("\"key\""));
    client(&site.url, keyed).send(read(), &classify).await.unwrap_err();
    assert_eq!(site.heard()[2].header("x-api-key"), Some("key"));
    let broken = Authorizer::bearer(&"two\nlines".into());
    let error = client(&site.url, broken).send(read(), &classify).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
    assert_eq!(site.heard().len(), 3);
}

#[tokio::test]
async fn twenty_refused_callers_make_one_token_request() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let issued = Arc::clone(&tokens);
    let site = Site::start(move |heard| {
        if is_token(heard) {
            issued.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(50));
            return json(200, r#"{"access_token":"new"}"#);
        }
        authorised(heard, "new")
    });
    let oauth = OAuth::new(format!("{}/token", site.url), refresh()).access_token("old".into());
    let client = client(&site.url, Authorizer::oauth(oauth));
    let calls = (0..20).map(|_| client.send(read(), &classify));
    for outcome in join_all(calls).await {
        outcome.unwrap();
    }
    assert_eq!(tokens.load(Ordering::SeqCst), 1);
    assert_eq!(client.usage().other, 1);
    assert_eq!(client.usage().endpoints["POST /token"], 1);
    let asked = site.heard().into_iter().find(is_token).unwrap();
    assert_eq!(
        asked.body,
        "grant_type=refresh_token&client_id=app&refresh_token=refresh-0&client_secret=app+word"
    );
}

#[tokio::test]
async fn twenty_callers_share_the_failure_of_one_token_request() {
    let refused = AtomicUsize::new(0);
    let site = Site::start(move |heard| {
        if is_token(heard) {
            while refused.load(Ordering::SeqCst) < 20 {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(100));
            let body = r#"{"error":"invalid_grant","error_description":"expired"}"#;
            return json(400, body);
        }
        refused.fetch_add(1, Ordering::SeqCst);
        json(401, "{}")
    });
    let oauth = OAuth::new(format!("{}/token", site.url), refresh())
        .access_token("old".into())
        .refused_hint("authorise the app again");
    let client = client(&site.url, Authorizer::oauth(oauth));
    let calls = (0..20).map(|_| client.send(read(), &classify));
    for outcome in join_all(calls).await {
        let error = outcome.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Auth, "{error}");
        assert_eq!(error.code(), Some("invalid_grant"));
        assert_eq!(error.hint(), Some("authorise the app again"));
    }
    let asked = site.heard().iter().filter(|heard| is_token(heard)).count();
    assert!(asked <= 2, "{asked} token requests");
}

#[tokio::test]
async fn a_token_that_is_refused_when_new_is_not_renewed_again() {
    let site = Site::start(|heard| {
        if is_token(heard) {
            return json(200, r#"{"access_token":"any"}"#);
        }
        json(401, "{}")
    });
    let oauth = OAuth::new(format!("{}/token", site.url), refresh());
    let client = client(&site.url, Authorizer::oauth(oauth));
    let request = Request::post(Operation::Apply, "/things").effect(Effect::Write);
    let error = client.send(request, &classify).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
    let tokens = site.heard().iter().filter(|heard| is_token(heard)).count();
    assert_eq!((tokens, site.heard().len()), (2, 4));
}

#[tokio::test]
async fn tokens_are_renewed_before_they_expire() {
    let site = Site::start(|heard| {
        if is_token(heard) {
            // Ten seconds are ten real milliseconds here.
            return json(200, r#"{"access_token":"good","expires_in":"10"}"#);
        }
        authorised(heard, "good")
    });
    let grant =
        Grant::ClientCredentials { client_id: "app".to_owned(), client_secret: "word".into() };
    let oauth = OAuth::new(format!("{}/token", site.url), grant);
    let client = client(&site.url, Authorizer::oauth(oauth));
    client.send(read(), &classify).await.unwrap();
    client.clock().sleep(Duration::from_secs(30)).await;
    client.send(read(), &classify).await.unwrap();
    let heard = site.heard();
    assert!(is_token(&heard[0]) && is_token(&heard[2]), "{heard:?}");
    assert_eq!(heard.len(), 4);
    assert_eq!(heard[0].body, "grant_type=client_credentials&client_id=app&client_secret=word");
}

#[tokio::test]
async fn rotated_refresh_tokens_are_kept_before_use_and_absent_ones_keep_the_old() {
    let site = Site::start(|heard| {
        if !is_token(heard) {
            // Every access token is good once.
            return match heard.number {
                1 | 4 => json(200, "{}"),
                _ => json(401, "{}"),
            };
        }
        match heard.number {
            0 => json(200, r#"{"access_token":"a","refresh_token":"refresh-1"}"#),
            _ => json(200, r#"{"access_token":"b"}"#),
        }
    });
    let kept = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&kept);
    let oauth =
        OAuth::new(format!("{}/token", site.url), refresh()).on_rotation(Arc::new(move |token| {
            use secrecy::ExposeSecret;
            log.lock().unwrap().push(token.expose_secret().to_owned());
            Ok(())
        }));
    let client = client(&site.url, Authorizer::oauth(oauth));
    client.send(read(), &classify).await.unwrap();
    client.send(read(), &classify).await.unwrap();
    client.send(read(), &classify).await.unwrap_err();
    assert_eq!(*kept.lock().unwrap(), ["refresh-1"]);
    let heard = site.heard();
    let tokens: Vec<_> = heard.iter().filter(|heard| is_token(heard)).collect();
    assert!(tokens[0].body.contains("refresh_token=refresh-0"));
    assert!(tokens[1].body.contains("refresh_token=refresh-1"));
    assert!(tokens[2].body.contains("refresh_token=refresh-1"));
}

#[tokio::test]
async fn a_refresh_token_that_cannot_be_kept_is_not_used() {
    let site = Site::start(|heard| {
        if is_token(heard) {
            return json(200, r#"{"access_token":"a","refresh_token":"refresh-1"}"#);
        }
        json(200, "{}")
    });
    let oauth = OAuth::new(format!("{}/token", site.url), refresh())
        .on_rotation(Arc::new(|_token| Err("the disk is full".into())));
    let client = client(&site.url, Authorizer::oauth(oauth));
    let error = client.send(read(), &classify).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert!(site.heard().iter().all(is_token));
}

#[tokio::test]
async fn the_token_answer_may_name_the_instance() {
    let instance = Site::acts(vec![|| json(200, "{}")]);
    let url = instance.url.clone();
    let login = Site::start(move |_| {
        json(200, &format!(r#"{{"access_token":"a","instance_url":"{url}/org/"}}"#))
    });
    let oauth = || OAuth::new(format!("{}/token", login.url), refresh());
    let follows = client(&login.url, Authorizer::oauth(oauth().instance_from("instance_url")));
    follows.send(read(), &classify).await.unwrap();
    assert!(instance.heard()[0].is("GET /org/things "));
    let stays = client(&login.url, Authorizer::oauth(oauth()));
    stays.send(read(), &classify).await.unwrap();
    assert_eq!(instance.heard().len(), 1);
}

#[tokio::test]
async fn the_token_answer_may_say_on_whose_behalf_it_is() {
    let site = Site::start(|heard| {
        if is_token(heard) {
            return json(200, r#"{"access_token":"a","id":"https://login.example/id/1/2"}"#);
        }
        authorised(heard, "a")
    });
    let oauth = || OAuth::new(format!("{}/token", site.url), refresh());
    let told = client(&site.url, Authorizer::oauth(oauth().identity_from("id")));
    let identity = told.identity().await.unwrap();
    assert_eq!(identity.as_deref(), Some("https://login.example/id/1/2"));
    told.send(read(), &classify).await.unwrap();
    assert_eq!(site.heard().len(), 2, "the token that told is the one that is used");
    // A token that was there already came with no answer; the next one does.
    let before = oauth().identity_from("id").access_token("old".into());
    let before = client(&site.url, Authorizer::oauth(before));
    assert_eq!(before.identity().await.unwrap(), None);
    before.send(read(), &classify).await.unwrap();
    assert_eq!(before.identity().await.unwrap(), identity);
    for silent in [Authorizer::oauth(oauth()), Authorizer::bearer(&"a".into())] {
        assert_eq!(client(&site.url, silent).identity().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_replaced_refresh_token_is_used_next_whether_or_not_anybody_keeps_it() {
    let site = Site::start(|heard| match heard.number {
        _ if !is_token(heard) => json(401, "{}"),
        0 => json(200, r#"{"access_token":"a","refresh_token":"refresh-1"}"#),
        _ => json(200, r#"{"access_token":"b","refresh_token":"refresh-2"}"#),
    });
    let oauth = OAuth::new(format!("{}/token", site.url), refresh());
    let client = client(&site.url, Authorizer::oauth(oauth));
    for _ in 0..2 {
        client.send(read(), &classify).await.unwrap_err();
    }
    let asked: Vec<String> =
        site.heard().into_iter().filter(is_token).map(|heard| heard.body).collect();
    for (number, body) in asked.iter().enumerate() {
        assert!(body.contains(&format!("refresh_token=refresh-{number}")), "{body}");
    }
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn a_refresh_token_that_the_grant_has_no_use_for_is_not_kept() {
    let site = Site::start(|heard| match heard.number {
        0 => json(200, r#"{"access_token":"a","refresh_token":"refresh-1"}"#),
        _ => authorised(heard, "a"),
    });
    let grant = Grant::ClientCredentials { client_id: "app".into(), client_secret: "word".into() };
    let oauth = OAuth::new(format!("{}/token", site.url), grant)
        .on_rotation(Arc::new(|_token| Err("nothing was replaced".into())));
    let client = client(&site.url, Authorizer::oauth(oauth));
    client.send(read(), &classify).await.unwrap();
}

#[tokio::test]
async fn an_instance_to_which_tokens_must_not_be_sent_is_refused() {
    let login = Site::acts(vec![|| {
        json(200, r#"{"access_token":"a","instance_url":"http://elsewhere.example"}"#)
    }]);
    let oauth = OAuth::new(format!("{}/token", login.url), refresh());
    let client = client(&login.url, Authorizer::oauth(oauth.instance_from("instance_url")));
    let error = client.send(read(), &classify).await.unwrap_err();
    assert!(error.to_string().contains("instance_url"), "{error}");
}

#[tokio::test]
async fn token_errors_are_told_apart() {
    let cases: Vec<(fn() -> Act, ErrorKind)> = vec![
        (|| json(200, r#"{"error":"invalid_code"}"#), ErrorKind::Auth),
        (|| json(401, r#"{"error":"invalid_client"}"#), ErrorKind::Auth),
        (|| json(404, "<html>"), ErrorKind::Auth),
        (|| json(500, "<html>"), ErrorKind::Transient { applied: Applied::No }),
        (|| json(200, "<html>"), ErrorKind::Malformed { applied: Applied::No }),
        (|| Act::Cut, ErrorKind::Transient { applied: Applied::No }),
    ];
    for (act, expected) in cases {
        let site = Site::acts(vec![act]);
        let oauth = OAuth::new(format!("{}/token", site.url), refresh());
        let client = client(&site.url, Authorizer::oauth(oauth));
        let write = Request::post(Operation::Apply, "/things");
        let error = client.send(write, &classify).await.unwrap_err();
        assert_eq!(*error.kind(), expected, "{error}");
        assert!(site.heard().iter().all(is_token));
        assert_eq!(client.usage().writes, 0);
        let repeated = usize::from(expected != ErrorKind::Auth) * 3;
        assert_eq!(site.heard().len(), 1 + repeated, "{error}");
    }
}

#[tokio::test]
async fn assertions_are_signed_with_the_key() {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap();
    let encoded = STANDARD.encode(der.as_ref());
    let name = "PRIVATE KEY";
    let pem = format!("-----BEGIN {name}-----\n{encoded}\n-----END {name}-----\n");
    let site = Site::start(|heard| {
        if is_token(heard) {
            return json(200, r#"{"access_token":"a"}"#);
        }
        authorised(heard, "a")
    });
    let grant = |pem: &str| Grant::JwtBearer {
        issuer: "app".to_owned(),
        subject: "ada@people.example".to_owned(),
        audience: "https://login.example".to_owned(),
        key_pem: pem.into(),
    };
    // As it comes through an environment variable.
    let oauth = OAuth::new(format!("{}/token", site.url), grant(&pem.replace('\n', "\\n")));
    let client_of = |oauth| client(&site.url, Authorizer::oauth(oauth));
    let signing = client_of(oauth);
    signing.send(read(), &classify).await.unwrap();
    let body = site.heard()[0].body.clone();
    let assertion = body.split_once("&assertion=").unwrap().1;
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key());
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    public.verify(signed.as_bytes(), &signature).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["iss"], "app");
    assert_eq!(claims["sub"], "ada@people.example");
    assert_eq!(claims["aud"], "https://login.example");
    let left = claims["exp"].as_i64().unwrap() - signing.clock().now().as_second();
    assert!((0..=180).contains(&left), "{left}");

    let bad = client_of(OAuth::new(format!("{}/token", site.url), grant("no key")));
    let error = bad.send(read(), &classify).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
    assert!(error.hint().unwrap().contains("BEGIN"), "{error}");
}

#[test]
fn no_secret_is_shown() {
    let oauth = OAuth::new("https://login.example/token", refresh()).access_token("ACCESS".into());
    let client = client("https://crm.example", Authorizer::oauth(oauth));
    let shown = format!("{client:?}");
    for secret in ["app word", "refresh-0", "ACCESS"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_token_may_have_another_scheme_and_another_name_for_its_life() {
    let site = Site::start(|heard| {
        if is_token(heard) {
            let body = r#"{"access_token":"new","expires_in":3600000,"expires_in_sec":3600}"#;
            return json(200, body);
        }
        json(200, "{}")
    });
    let oauth = OAuth::new(format!("{}/token", site.url), refresh()).scheme("Acme-token");
    let id = ProviderId::new("acme");
    let clock = Recorder::start();
    let builder = Client::builder(&id, &site.url, Arc::clone(&clock) as _).retry(policy());
    let client = builder.authorizer(Authorizer::oauth(oauth)).build().unwrap();
    client.send(read(), &classify).await.unwrap();
    assert_eq!(site.heard()[1].header("authorization"), Some("Acme-token new"));
    assert_eq!(client.usage().other, 1);
    // After an hour it is another token: the life was in seconds.
    crm_core::Clock::sleep(&*clock, Duration::from_mins(61)).await;
    client.send(read(), &classify).await.unwrap();
    assert_eq!(client.usage().other, 2);
}

#[tokio::test]
async fn a_token_endpoint_may_ask_for_patience_in_words_alone() {
    let site = Site::start(|_| {
        let body = r#"{"error":"Access Denied",
            "error_description":"You have made too many requests continuously."}"#;
        json(400, body)
    });
    let oauth = OAuth::new(format!("{}/token", site.url), refresh());
    let client = client(&site.url, Authorizer::oauth(oauth));
    let error = client.send(read(), &classify).await.unwrap_err();
    let retry_after = Some(Duration::from_mins(10));
    assert_eq!(*error.kind(), ErrorKind::RateLimited { retry_after });
    assert_eq!(site.heard().len(), 1, "asking again would make it worse");
}
