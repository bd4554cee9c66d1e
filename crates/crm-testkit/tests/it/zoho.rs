//! The Zoho fake against the vendor's facts, called directly.

mod query;
mod writing;

use std::time::Duration;

use bytes::Bytes;
use crm_testkit::dialect::zoho::{ZohoFake, ZohoOptions};
use crm_testkit::fake::{Fake, Outcome};
use crm_testkit::fault::Profile;
use crm_testkit::world::FakeClock;
use http::{Request, Response};
use serde_json::{Value, json};

const NOW: &str = "2026-11-24T08:00:00Z";

/// A fake and a token for it.
struct Org {
    fake: ZohoFake,
    token: String,
}

impl Org {
    fn open(options: ZohoOptions) -> Self {
        let token = "token-1".to_owned();
        let options = ZohoOptions { access_token: Some(token.clone()), ..options };
        let fake = ZohoFake::new(options, FakeClock::manual(NOW.parse().unwrap()), 5);
        Self { fake, token }
    }

    fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(target).header("host", "zoho.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match self.fake.respond(&request.body(Bytes::from(body.to_owned())).unwrap()) {
            Outcome::Reply(response) => response,
            other @ (Outcome::Cut | Outcome::Delay(..)) => panic!("{other:?}"),
        }
    }

    fn ask(&self, method: &str, target: &str, more: &[(&str, &str)], body: &Value) -> (u16, Value) {
        let token = format!("Zoho-oauthtoken {}", self.token);
        let headers = [&[("authorization", token.as_str())], more].concat();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response = self.send(method, target, &headers, &body);
        let text = response.body();
        let json =
            if text.is_empty() { Value::Null } else { serde_json::from_slice(text).unwrap() };
        (response.status().as_u16(), json)
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", &format!("/crm/v8/{path}"), &[], &Value::Null)
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask("POST", &format!("/crm/v8/{path}"), &[], body)
    }

    fn put(&self, path: &str, more: &[(&str, &str)], body: &Value) -> (u16, Value) {
        self.ask("PUT", &format!("/crm/v8/{path}"), more, body)
    }

    fn person(&self, last_name: &str) -> String {
        let fields = json!({ "Last_Name": last_name });
        self.fake.create("Contacts", fields.as_object().unwrap()).unwrap()
    }

    fn pass(&self, seconds: u64) {
        self.fake.clock().advance(Duration::from_secs(seconds));
    }
}

fn org() -> Org {
    Org::open(ZohoOptions::default())
}

#[test]
fn tokens_come_by_form_query_and_parts_and_refusals_with_200() {
    let org = org();
    let pairs = "grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret\
                 &refresh_token=sandbox-refresh";
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = org.send("POST", "/oauth/v2/token", &form, pairs);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!((&body["expires_in"], &body["token_type"]), (&json!(3600), &json!("Bearer")));
    assert_eq!(body["api_domain"], "http://zoho.test");
    assert!(body.get("refresh_token").is_none());
    let answer = org.send("POST", &format!("/oauth/v2/token?{pairs}"), &[], "");
    assert!(String::from_utf8_lossy(answer.body()).contains("access_token"));
    let mut parts = String::new();
    for (name, value) in pairs.split('&').filter_map(|pair| pair.split_once('=')) {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        parts.extend(["--frame\r\n", &head, "\r\n\r\n", value, "\r\n"]);
    }
    let kind = [("content-type", "multipart/form-data; boundary=frame")];
    let answer = org.send("POST", "/oauth/v2/token", &kind, &format!("{parts}--frame--\r\n"));
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    let token = body["access_token"].as_str().unwrap().to_owned();
    let works = Org { token, ..org };
    assert_eq!(works.get("org").0, 200);
    let wrong = pairs.replace("sandbox-secret", "word");
    let answer = works.send("POST", "/oauth/v2/token", &form, &wrong);
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.body(),
        &Bytes::from(json!({ "error": "invalid_client_secret" }).to_string())
    );
}

#[test]
fn an_eleventh_token_within_ten_minutes_is_refused() {
    let org = org();
    let pairs = "grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret\
                 &refresh_token=sandbox-refresh";
    let target = format!("/oauth/v2/token?{pairs}");
    let status = || org.send("POST", &target, &[], "").status().as_u16();
    assert!((0..10).all(|_| status() == 200));
    assert_eq!(status(), 400);
    org.pass(601);
    assert_eq!(status(), 200);
}

#[test]
fn a_code_gives_both_tokens_once() {
    let org = org();
    let ask = "/oauth/v2/auth?response_type=code&client_id=sandbox-client&access_type=offline\
               &scope=ZohoCRM.modules.ALL&redirect_uri=http://app.test/back";
    let answer = org.send("GET", ask, &[], "");
    let target = answer.headers()["location"].to_str().unwrap().to_owned();
    let (_, code) = target.split_once("code=").unwrap();
    let (code, _) = code.split_once('&').unwrap();
    let exchange = format!(
        "/oauth/v2/token?grant_type=authorization_code&client_id=sandbox-client\
         &client_secret=sandbox-secret&redirect_uri=http://app.test/back&code={code}"
    );
    let body = |answer: Response<Bytes>| serde_json::from_slice::<Value>(answer.body()).unwrap();
    let granted = body(org.send("POST", &exchange, &[], ""));
    assert!(granted["refresh_token"].is_string());
    assert_eq!(body(org.send("POST", &exchange, &[], "")), json!({ "error": "invalid_code" }));
    let revoke =
        format!("/oauth/v2/token/revoke?token={}", granted["refresh_token"].as_str().unwrap());
    assert_eq!(body(org.send("POST", &revoke, &[], "")), json!({ "status": "success" }));
}

#[test]
fn calls_need_a_token_of_their_own_scheme() {
    let org = org();
    let status = |value: &str| {
        let answer = org.send("GET", "/crm/v8/org", &[("authorization", value)], "");
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        (answer.status().as_u16(), body["code"].as_str().unwrap_or("").to_owned())
    };
    assert_eq!(status("Zoho-oauthtoken word"), (401, "INVALID_TOKEN".to_owned()));
    assert_eq!(status("Bearer token-1"), (401, "AUTHENTICATION_FAILURE".to_owned()));
    assert_eq!(status("Zoho-oauthtoken token-1").0, 200);
    org.pass(3_601);
    assert_eq!(status("Zoho-oauthtoken token-1").0, 401);
}

#[test]
fn credits_are_told_once_half_are_used() {
    let org = Org::open(ZohoOptions { daily_credits: 6, ..ZohoOptions::default() });
    let token = [("authorization", "Zoho-oauthtoken token-1")];
    let left = || {
        let answer = org.send("GET", "/crm/v8/org", &token, "");
        let left = answer.headers().get("x-api-credits-remaining");
        (answer.status().as_u16(), left.map(|left| left.to_str().unwrap().to_owned()))
    };
    assert_eq!([left(), left()], [(200, None), (200, None)]);
    assert_eq!(left(), (200, Some("3".to_owned())));
    // A query of two thousand rows costs three.
    let query = json!({ "select_query": "select id from Contacts where id > '0' limit 2000" });
    assert_eq!(org.post("coql", &query).0, 204);
    assert_eq!(left(), (429, Some("0".to_owned())));
    assert_eq!(org.fake.window("daily").unwrap().exceeded(), 1);
}

/// What the vendor's own clients read before their first record.
#[test]
fn definitions_are_as_the_vendors_clients_need_them() {
    let org = org();
    let (_, modules) = org.get("settings/modules");
    let modules = modules["modules"].as_array().unwrap();
    assert!(modules.iter().all(|module| module["generated_type"] == "default"));
    for module in modules {
        let name = module["api_name"].as_str().unwrap();
        let (status, fields) = org.get(&format!("settings/fields?module={name}"));
        assert_eq!(status, 200);
        for field in fields["fields"].as_array().unwrap() {
            assert!(field["data_type"].is_string() && field["json_type"].is_string());
            assert!(field["pick_list_values"].is_array() && field["unique"].is_object());
            if field["data_type"] == "lookup" && field["lookup"] != json!({}) {
                assert!(field["lookup"]["module"]["api_name"].is_string(), "{field}");
            }
        }
    }
    let (_, deals) = org.get("settings/fields?module=Deals");
    let deals = deals["fields"].as_array().unwrap();
    let stage = deals.iter().find(|field| field["api_name"] == "Stage").unwrap();
    let fourth = &stage["pick_list_values"][3];
    assert_eq!(fourth["display_value"], "Identify Decision Makers");
    assert_eq!(fourth["actual_value"], "Id. Decision Makers");
    let (_, layouts) = org.get("settings/layouts?module=Deals");
    let layout = layouts["layouts"][0]["id"].as_str().unwrap();
    let (_, pipelines) = org.get(&format!("settings/pipeline?layout_id={layout}"));
    assert_eq!(pipelines["pipeline"][0]["maps"].as_array().unwrap().len(), 9);
    assert_eq!(org.get("settings/pipeline?layout_id=1").0, 400);
    let (_, users) = org.get("users?type=CurrentUser");
    assert_eq!(users["users"][0]["email"], "sync@org.example");
    assert_eq!(org.get("users?type=Everybody").0, 400);
    assert_eq!(org.get("settings/fields").1["code"], "REQUIRED_PARAM_MISSING");
    assert_eq!(org.get("Planets?fields=id").1["code"], "INVALID_MODULE");
    assert_eq!(org.get("settings/planets").0, 404);
}

#[test]
fn a_search_is_behind_and_a_query_is_not() {
    let org = org();
    org.fake.set_faults(Profile::Lag.rates(), 3);
    let found = |path: &str| org.get(path).0 == 200;
    let asked =
        json!({ "select_query": "select id from Contacts where Last_Name = 'Vale' limit 5" });
    let mut late = 0;
    for n in 0..20 {
        org.person(if n == 0 { "Vale" } else { "Moss" });
        assert_eq!(org.post("coql", &asked).0, 200);
        late += usize::from(!found("Contacts/search?word=Moss") && n > 0);
    }
    assert!(late > 0);
    org.pass(200);
    assert!(found("Contacts/search?criteria=(Last_Name:equals:vale)"));
    assert!(!found("Contacts/search?email=nobody@mail.example"));
    assert_eq!(org.get("Contacts/search").0, 400);
}
