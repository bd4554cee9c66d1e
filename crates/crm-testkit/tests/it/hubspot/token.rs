//! Tokens, scopes, and the OAuth endpoints of both generations.

use bytes::Bytes;
use crm_testkit::dialect::hubspot::HubSpotOptions;
use crm_testkit::fake::Fake as _;
use http::Request;
use serde_json::{Value, json};

use super::{CONTACTS, Desk, Reply, answered, request};

fn with_token(desk: &Desk, target: &str, token: &str) -> Reply {
    answered(desk.fake.respond(&request("GET", target, &Value::Null, token)))
}

fn form(desk: &Desk, target: &str, fields: &[(&str, &str)]) -> Reply {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    let request = Request::builder()
        .method("POST")
        .uri(target)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body.finish()))
        .unwrap();
    answered(desk.fake.respond(&request))
}

fn grant(desk: &Desk, target: &str, more: &[(&str, &str)]) -> Reply {
    let app = [("client_id", "sandbox-hubspot-app"), ("client_secret", "sandbox-hubspot-secret")];
    form(desk, target, &[&app, more].concat())
}

const REFRESH: [(&str, &str); 2] =
    [("grant_type", "refresh_token"), ("refresh_token", "sandbox-hubspot-refresh")];

#[test]
fn strangers_are_refused() {
    let desk = Desk::default();
    for token in ["", "wrong"] {
        let reply = with_token(&desk, CONTACTS, token);
        assert_eq!(
            (reply.status, &reply.body["category"]),
            (401, &json!("INVALID_AUTHENTICATION"))
        );
    }
}

#[test]
fn a_refreshed_token_works_for_half_an_hour() {
    let desk = Desk::default();
    for target in ["/oauth/2026-09/token", "/oauth/2026-03/token", "/oauth/v1/token"] {
        let reply = grant(&desk, target, &REFRESH);
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.body["expires_in"], 1_800);
        assert_eq!(reply.body["refresh_token"], "sandbox-hubspot-refresh");
        assert_eq!(reply.body.get("hub_id").is_some(), !target.contains("v1"));
        let token = reply.body["access_token"].as_str().unwrap().to_owned();
        let ok = with_token(&desk, CONTACTS, &token);
        assert_eq!(ok.status, 200);
        assert!(!ok.headers.contains_key("x-hubspot-ratelimit-daily"), "none for OAuth apps");
        assert!(ok.headers.contains_key("x-hubspot-ratelimit-max"));
        desk.wait(1_800_000);
        let late = with_token(&desk, CONTACTS, &token);
        assert_eq!((late.status, &late.body["category"]), (401, &json!("EXPIRED_AUTHENTICATION")));
        assert!(late.body["context"]["expire time"][0].is_string());
    }
    assert!(
        with_token(&desk, CONTACTS, "sandbox-hubspot-token")
            .headers
            .contains_key("x-hubspot-ratelimit-daily")
    );
}

#[test]
fn grants_that_fail_say_why() {
    let desk = Desk::default();
    let target = "/oauth/2026-09/token";
    let reply = grant(&desk, target, &[("grant_type", "refresh_token"), ("refresh_token", "x")]);
    assert_eq!((reply.status, &reply.body["error"]), (400, &json!("invalid_grant")));
    assert_eq!(reply.body["status"], "BAD_REFRESH_TOKEN");
    let reply = form(&desk, target, &[("client_id", "x"), ("grant_type", "refresh_token")]);
    assert_eq!((reply.status, &reply.body["error"]), (400, &json!("invalid_client")));
    let reply = grant(&desk, target, &[("grant_type", "password")]);
    assert_eq!(reply.body["error"], "unsupported_grant_type");
    // The date versions take nothing from the query; the old endpoint does.
    let query = "?client_id=sandbox-hubspot-app&client_secret=sandbox-hubspot-secret";
    assert_eq!(form(&desk, &format!("{target}{query}"), &REFRESH).status, 400);
    assert_eq!(form(&desk, &format!("/oauth/v1/token{query}"), &REFRESH).status, 200);
}

#[test]
fn codes_work_once_and_tokens_tell_what_they_are() {
    let desk = Desk::default();
    let code = [("grant_type", "authorization_code"), ("code", "sandbox-hubspot-code")];
    let reply = grant(&desk, "/oauth/2026-09/token", &code);
    let access = reply.body["access_token"].as_str().unwrap().to_owned();
    let refresh = reply.body["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(grant(&desk, "/oauth/2026-09/token", &code).body["status"], "BAD_AUTH_CODE");
    let introspect =
        |token: &str| grant(&desk, "/oauth/2026-03/token/introspect", &[("token", token)]).body;
    assert_eq!(
        (&introspect(&access)["active"], &introspect(&access)["token_use"]),
        (&json!(true), &json!("access_token"))
    );
    assert_eq!(introspect(&refresh)["token_use"], "refresh_token");
    assert_eq!(introspect("x"), json!({ "active": false }));
    let old = with_token(&desk, &format!("/oauth/v1/access-tokens/{access}"), "");
    assert_eq!(
        (&old.body["token_type"], &old.body["hub_id"]),
        (&json!("access"), &json!(4_700_001))
    );
    assert_eq!(with_token(&desk, &format!("/oauth/v1/refresh-tokens/{refresh}"), "").status, 200);
    assert_eq!(grant(&desk, "/oauth/2026-09/token/revoke", &[("token", &refresh)]).status, 200);
    assert_eq!(introspect(&refresh), json!({ "active": false }));
    let machine = grant(&desk, "/oauth/2026-03/token", &[("grant_type", "client_credentials")]);
    assert_eq!((machine.status, machine.body.get("refresh_token")), (200, None));
}

#[test]
fn scopes_limit_what_a_token_may_do() {
    let scopes = Some(vec!["crm.objects.contacts.read".to_owned()]);
    let desk = Desk::new(HubSpotOptions { scopes, ..HubSpotOptions::default() });
    for (method, target, status) in [
        ("GET", CONTACTS, 200),
        ("POST", "/crm/v3/objects/contacts/search", 200),
        ("POST", "/crm/v3/objects/contacts/batch/read", 400),
        ("GET", "/crm/v3/properties/contacts", 200),
        ("POST", CONTACTS, 403),
        ("PATCH", "/crm/v3/objects/contacts/1", 403),
        ("GET", "/crm/v3/objects/deals", 403),
        ("POST", "/crm/v3/properties/contacts", 403),
        ("GET", "/crm/v3/owners", 403),
        ("GET", "/account-info/v3/details", 200),
    ] {
        let reply = desk.send(method, target, &json!({}));
        assert_eq!(reply.status, status, "{method} {target}");
        if status == 403 {
            assert_eq!(reply.body["category"], "MISSING_SCOPES");
            assert!(reply.body["context"]["requiredGranularScopes"][0].is_string());
        }
    }
}
