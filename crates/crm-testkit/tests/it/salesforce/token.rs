//! Tokens: the four grants, their refusals, and how tokens end.

use std::fmt::Write as _;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crm_testkit::dialect::salesforce::{Rotation, SalesforceOptions};
use crm_testkit::fake::Fake as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{Desk, Reply, encoded};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn token(desk: &Desk, fields: &[(&str, &str)]) -> Reply {
    let mut form = String::new();
    for (name, value) in fields {
        write!(form, "{name}={}&", encoded(value)).unwrap();
    }
    desk.raw("POST", "/services/oauth2/token", &[FORM, ("authorization", "none")], &form)
}

fn works(desk: &Desk, token: &str) -> bool {
    let bearer = format!("Bearer {token}");
    let reply = desk.raw("GET", "/limits", &[("authorization", &bearer)], "");
    match reply.status {
        200 => true,
        401 => {
            assert_eq!(
                reply.json(),
                json!([{
                    "message": "Session expired or invalid",
                    "errorCode": "INVALID_SESSION_ID",
                }])
            );
            false
        }
        other => panic!("{other}"),
    }
}

fn text(reply: &Reply, name: &str) -> String {
    reply.json()[name].as_str().unwrap_or_else(|| panic!("{name} in {reply:?}")).to_owned()
}

#[test]
fn client_credentials_by_form_and_by_basic() {
    let desk = Desk::new();
    let granted = token(
        &desk,
        &[
            ("grant_type", "client_credentials"),
            ("client_id", "sandbox-client"),
            ("client_secret", "sandbox-secret"),
        ],
    );
    assert_eq!(granted.status, 200);
    assert_eq!(granted.header("sforce-limit-info"), None);
    let body = granted.json();
    assert_eq!(body["instance_url"], "http://org.example");
    assert_eq!(body["token_type"], "Bearer");
    assert!(body["issued_at"].as_str().unwrap().parse::<i64>().is_ok());
    assert!(body.get("expires_in").is_none() && body.get("refresh_token").is_none());
    assert!(works(&desk, &text(&granted, "access_token")));
    let basic = format!("Basic {}", STANDARD.encode("sandbox-client:sandbox-secret"));
    let headers = [FORM, ("authorization", basic.as_str())];
    let by_basic =
        desk.raw("POST", "/services/oauth2/token", &headers, "grant_type=client_credentials");
    assert!(works(&desk, &text(&by_basic, "access_token")));
}

#[test]
fn refusals_of_the_token_endpoint() {
    let desk = Desk::new();
    let id = ("client_id", "sandbox-client");
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("grant_type", "client_credentials"), ("client_id", "x")], "invalid_client_id"),
        (&[("grant_type", "client_credentials"), id], "invalid_client"),
        (&[("grant_type", "client_credentials"), id, ("client_secret", "x")], "invalid_client"),
        (&[("grant_type", "refresh_token"), id, ("refresh_token", "x")], "invalid_grant"),
        (&[("grant_type", "authorization_code"), id, ("code", "x")], "invalid_grant"),
        (&[("grant_type", JWT_GRANT), ("assertion", "x")], "invalid_grant"),
        (&[("grant_type", "password"), id], "invalid_grant"),
        (&[("grant_type", "magic"), id], "unsupported_grant_type"),
    ];
    for (fields, error) in cases {
        let reply = token(&desk, fields);
        assert_eq!((reply.status, text(&reply, "error").as_str()), (400, *error), "{fields:?}");
        assert!(reply.json()["error_description"].is_string());
    }
}

#[test]
fn refresh_tokens_stay_or_rotate() {
    for rotation in [Rotation::Keep, Rotation::Rotate] {
        let desk = Desk::with(SalesforceOptions {
            refresh_token: Some("refresh-me".to_owned()),
            rotation,
            ..SalesforceOptions::default()
        });
        let refresh = |old: &str| {
            token(
                &desk,
                &[
                    ("grant_type", "refresh_token"),
                    ("client_id", "sandbox-client"),
                    ("refresh_token", old),
                ],
            )
        };
        let first = refresh("refresh-me");
        assert!(works(&desk, &text(&first, "access_token")));
        let second = refresh("refresh-me");
        match rotation {
            Rotation::Keep => assert_eq!(second.status, 200),
            Rotation::Rotate => {
                assert_eq!(text(&second, "error"), "invalid_grant");
                assert_eq!(refresh(&text(&first, "refresh_token")).status, 200);
            }
        }
    }
}

#[test]
fn an_authorization_code_works_once_and_with_its_verifier() {
    let desk = Desk::new();
    // The pair of RFC 7636, appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let redirect = "http://app.example/back";
    let page = || {
        let path = format!(
            "/services/oauth2/authorize?response_type=code&client_id=sandbox-client&state=s1\
             &code_challenge={challenge}&code_challenge_method=S256&redirect_uri={}",
            encoded(redirect)
        );
        let reply = desk.get(&path);
        assert_eq!(reply.status, 302);
        let back = url::Url::parse(reply.header("location").unwrap()).unwrap();
        let pairs: Vec<(String, String)> = back.query_pairs().into_owned().collect();
        assert_eq!(pairs[1], ("state".to_owned(), "s1".to_owned()));
        pairs[0].1.clone()
    };
    let exchange = |code: &str, verifier: &str| {
        token(
            &desk,
            &[
                ("grant_type", "authorization_code"),
                ("client_id", "sandbox-client"),
                ("redirect_uri", redirect),
                ("code", code),
                ("code_verifier", verifier),
            ],
        )
    };
    let code = page();
    let granted = exchange(&code, verifier);
    assert!(works(&desk, &text(&granted, "access_token")));
    assert!(granted.json()["refresh_token"].is_string());
    assert_eq!(text(&exchange(&code, verifier), "error"), "invalid_grant");
    assert_eq!(text(&exchange(&page(), "another"), "error"), "invalid_grant");
}

#[test]
fn assertions_are_checked_in_every_part() {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pem = STANDARD.encode(
        AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key())
            .unwrap()
            .as_ref(),
    );
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n");
    let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let key = EncodingKey::from_rsa_der(&rsa_inside(pkcs8.as_ref()));
    let desk = Desk::with(SalesforceOptions {
        jwt_public_key_pem: Some(pem),
        ..SalesforceOptions::default()
    });
    let now = desk.clock.now_ms() / 1_000;
    let claims = json!({
        "iss": "sandbox-client",
        "sub": "sync@org.example",
        "aud": "https://login.salesforce.com",
        "exp": now + 180,
    });
    let grant = |claims: &Value| {
        let assertion = encode(&Header::new(Algorithm::RS256), claims, &key).unwrap();
        token(&desk, &[("grant_type", JWT_GRANT), ("assertion", &assertion)])
    };
    assert!(works(&desk, &text(&grant(&claims), "access_token")));
    let with = |name: &str, value: Value| {
        let mut changed = claims.clone();
        changed[name] = value;
        grant(&changed)
    };
    assert_eq!(with("aud", json!("http://org.example")).status, 200);
    let audience = with("aud", json!("https://other.example"));
    assert_eq!(text(&audience, "error_description"), "audience is invalid");
    assert_eq!(text(&with("iss", json!("x")), "error"), "invalid_client_id");
    let user = with("sub", json!("x"));
    assert_eq!(text(&user, "error_description"), "user hasn't approved this consumer");
    assert_eq!(text(&with("exp", json!(now - 60)), "error"), "invalid_grant");
    assert_eq!(text(&with("exp", json!(now + 3_600)), "error"), "invalid_grant");
    let other = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let other = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&other).unwrap();
    let other = EncodingKey::from_rsa_der(&rsa_inside(other.as_ref()));
    let forged = encode(&Header::new(Algorithm::RS256), &claims, &other).unwrap();
    let forged = token(&desk, &[("grant_type", JWT_GRANT), ("assertion", &forged)]);
    assert_eq!(text(&forged, "error"), "invalid_grant");
}

/// Returns the RSA key inside a PKCS #8 one: everything after the last long header.
fn rsa_inside(pkcs8: &[u8]) -> Vec<u8> {
    let starts = |at: &usize| pkcs8[*at..].starts_with(&[0x30, 0x82]);
    let inner = (4..pkcs8.len()).find(starts).unwrap();
    pkcs8[inner..].to_vec()
}

#[test]
fn tokens_end_by_idleness_revocation_and_force() {
    let desk = Desk::new();
    let open = || {
        let granted = token(
            &desk,
            &[
                ("grant_type", "client_credentials"),
                ("client_id", "sandbox-client"),
                ("client_secret", "sandbox-secret"),
            ],
        );
        text(&granted, "access_token")
    };
    let idle = open();
    desk.tick(7_000);
    assert!(works(&desk, &idle), "each use prolongs it");
    desk.tick(7_000);
    assert!(works(&desk, &idle));
    desk.tick(7_300);
    assert!(!works(&desk, &idle));

    let revoked = open();
    let form = format!("token={revoked}");
    assert_eq!(desk.raw("POST", "/services/oauth2/revoke", &[FORM], &form).status, 200);
    assert!(!works(&desk, &revoked));

    let forced = open();
    desk.fake
        .script(crm_testkit::fault::Aim::path("/limits"), crm_testkit::fault::Fault::TokenExpired);
    assert!(!works(&desk, &forced));
    assert!(!works(&desk, &forced), "it stays dead");
    assert!(works(&desk, &open()));
}

#[test]
fn who_am_i() {
    let desk = Desk::new();
    let discovery = desk.get("/services/data/v67.0").json();
    let identity = discovery["identity"].as_str().unwrap();
    let path = identity.strip_prefix("http://org.example").unwrap();
    let asked = format!("{path}?format=json&oauth_token={}", super::TOKEN);
    let me = desk.raw("GET", &asked, &[("authorization", "none")], "").json();
    assert_eq!(me["id"].as_str(), Some(identity));
    let parts: Vec<&str> = path.split('/').collect();
    assert_eq!(me["organization_id"], parts[2]);
    assert_eq!(me["user_id"], parts[3]);
    let info = desk.get("/services/oauth2/userinfo").json();
    assert_eq!(info["sub"].as_str(), Some(identity));
    assert_eq!(info["preferred_username"], "sync@org.example");
    let strange =
        desk.raw("GET", "/services/oauth2/userinfo", &[("authorization", "Bearer x")], "");
    assert_eq!(strange.status, 403);
    let form =
        format!("token={}&client_id=sandbox-client&client_secret=sandbox-secret", super::TOKEN);
    let seen = desk.raw("POST", "/services/oauth2/introspect", &[FORM], &form).json();
    assert_eq!(seen["active"], true);
    let soap = desk.raw("POST", "/services/Soap/u/50.0", &[], "<x/>");
    assert_eq!(soap.status, 500);
    assert!(soap.text.contains("UNSUPPORTED_API_VERSION"));
}
