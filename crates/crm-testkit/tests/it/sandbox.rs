//! The sandbox over real sockets: servers, control interface, populations, cuts.

use std::sync::Arc;
use std::time::Duration;

use crm_testkit::dialect::hubspot::{HubSpotFake, HubSpotOptions, Setup};
use crm_testkit::fake::Fake;
use crm_testkit::fault::{Aim, Fault, Profile};
use crm_testkit::people::{Person, from_csv};
use crm_testkit::sandbox::{Account, Ports, Sandbox, SandboxError, SandboxOptions, Vendor};
use crm_testkit::serve::Server;
use crm_testkit::world::FakeClock;
use reqwest::{Client, Method};
use serde_json::{Value, json};

fn start(options: SandboxOptions) -> Sandbox {
    Sandbox::start(SandboxOptions { ports: Ports::Free, ..options }).unwrap()
}

fn manual() -> FakeClock {
    FakeClock::manual("2026-11-24T08:00:00Z".parse().unwrap())
}

async fn ask(method: Method, url: String, body: Option<Value>) -> (u16, Value) {
    let mut request = Client::new().request(method, url).bearer_auth("sandbox-hubspot-token");
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[tokio::test]
async fn records_are_handled_as_a_user_would() {
    let sandbox = start(SandboxOptions { clock: Some(manual()), ..SandboxOptions::default() });
    let control = format!("{}/_sandbox", sandbox.url("control").unwrap());
    let (status, overview) = ask(Method::GET, control.clone(), None).await;
    assert_eq!((status, &overview["version"]), (200, &json!(env!("CARGO_PKG_VERSION"))));
    let names: Vec<&Value> =
        overview["providers"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
    assert_eq!(names, ["hubspot", "salesforce"]);

    let records = format!("{control}/hubspot/records/contacts");
    let person = |n: i32| json!({ "email": format!("p{n}@mail.example"), "firstname": "P" });
    let (status, one) = ask(Method::POST, records.clone(), Some(person(1))).await;
    assert_eq!(status, 201);
    let one = one["id"].as_str().unwrap().to_owned();
    let (_, two) = ask(Method::POST, records.clone(), Some(json!({ "fields": person(2) }))).await;
    let two = two["id"].as_str().unwrap().to_owned();
    let twin = ask(Method::POST, records.clone(), Some(person(2))).await;
    assert_eq!(twin.0, 409, "{twin:?}");
    let change = json!({ "phone": "020 7946 0001" });
    let (status, changed) = ask(Method::PATCH, format!("{records}/{one}"), Some(change)).await;
    assert_eq!((status, &changed["fields"]["phone"]), (200, &json!("020 7946 0001")));
    let (_, cleared) =
        ask(Method::PATCH, format!("{records}/{one}"), Some(json!({ "phone": null }))).await;
    assert!(cleared["fields"].get("phone").is_none());
    let body = json!({ "winner": one, "loser": two });
    let (status, merged) = ask(Method::POST, format!("{records}/merge"), Some(body)).await;
    assert_eq!(status, 201, "{merged}");
    let merged = merged["id"].as_str().unwrap().to_owned();
    assert_eq!(ask(Method::DELETE, format!("{records}/{merged}"), None).await.0, 204);
    assert_eq!(ask(Method::DELETE, format!("{records}/{merged}"), None).await.0, 404);
    assert_eq!(ask(Method::GET, records.clone(), None).await.1, json!([]));
    let (_, bin) = ask(Method::GET, format!("{records}?archived=true"), None).await;
    assert_eq!((&bin[0]["id"], &bin[0]["archived"]), (&json!(merged), &json!(true)));
    let (_, counters) = ask(Method::GET, format!("{control}/hubspot/counters"), None).await;
    assert_eq!(counters["requests"], 0, "what users do is not counted");
}

#[tokio::test]
async fn counters_show_what_clients_asked() {
    let accounts = vec![Vendor::HubSpot.into()];
    let sandbox = start(SandboxOptions { accounts, people: 3, ..SandboxOptions::default() });
    let control = format!("{}/_sandbox", sandbox.url("control").unwrap());
    let api = sandbox.url("hubspot").unwrap();
    let target = format!("{api}/crm/v3/objects/contacts?properties=hs_object_source");
    let (_, page) = ask(Method::GET, target, None).await;
    assert_eq!(page["results"][0]["properties"]["hs_object_source"], "CRM_UI");
    let (_, counters) = ask(Method::GET, format!("{control}/hubspot/counters"), None).await;
    assert_eq!(counters["endpoints"]["GET /crm/objects/contacts"]["requests"], 1);
    assert_eq!(counters["quotas"]["ten_secondly"]["peak"], 1);
}

#[tokio::test]
async fn levers_move_time_weather_and_many_records() {
    let sandbox = start(SandboxOptions {
        people: 40,
        accounts: vec![Vendor::HubSpot.into()],
        clock: Some(manual()),
        ..SandboxOptions::default()
    });
    let control = format!("{}/_sandbox", sandbox.url("control").unwrap());
    let post = |path: &str, body: Value| ask(Method::POST, format!("{control}/{path}"), Some(body));
    let put = |body: Value| ask(Method::PUT, format!("{control}/faults"), Some(body));
    let api = format!("{}/crm/v3/objects/contacts", sandbox.url("hubspot").unwrap());
    let at = "2026-11-24T07:00:00Z";
    let touch = json!({ "kind": "contacts", "ids": "all", "at": at, "fields": { "phone": "1" } });
    assert_eq!(post("hubspot/touch", touch).await, (200, json!({ "touched": 40 })));
    let (_, all) = ask(Method::GET, format!("{control}/hubspot/records/contacts"), None).await;
    let rows = all.as_array().unwrap();
    assert!(rows.iter().all(|row| row["modified"] == at && row["fields"]["phone"] == "1"));
    let some = json!({ "kind": "contacts", "ids": [rows[0]["id"]], "fields": { "phone": "2" } });
    assert_eq!(post("hubspot/touch", some).await.1["touched"], 1);
    assert_eq!(post("hubspot/touch", json!({ "kind": "contacts" })).await.0, 400);
    let (status, moved) = post("clock", json!({ "advance_ms": 60_000 })).await;
    assert_eq!((status, &moved["now"]), (200, &json!("2026-11-24T08:01:00Z")));
    assert_eq!(post("clock", json!({})).await.0, 400);

    let script = json!({ "fault": "status", "status": 503, "path": "/contacts" });
    assert_eq!(put(json!({ "script": script })).await.0, 204);
    assert_eq!(ask(Method::GET, api.clone(), None).await.0, 503);
    assert_eq!(ask(Method::GET, api.clone(), None).await.0, 200);
    assert_eq!(put(json!({ "profile": "quota", "provider": "hubspot" })).await.0, 204);
    let mut refused = 0;
    for _ in 0..25 {
        refused += i32::from(ask(Method::GET, api.clone(), None).await.0 == 429);
    }
    assert!(refused > 0);
    assert_eq!(ask(Method::DELETE, format!("{control}/faults"), None).await.0, 204);
    assert_eq!(ask(Method::GET, api.clone(), None).await.0, 200);
    assert_eq!(put(json!({ "profile": "windy" })).await.0, 400);
    assert_eq!(put(json!({ "script": { "fault": "flood" } })).await.0, 400);
}

#[tokio::test]
async fn a_reset_goes_back_to_the_start() {
    let accounts = vec![Vendor::HubSpot.into()];
    let sandbox = start(SandboxOptions { accounts, people: 40, ..SandboxOptions::default() });
    let control = format!("{}/_sandbox", sandbox.url("control").unwrap());
    let post = |path: &str, body: Value| ask(Method::POST, format!("{control}/{path}"), Some(body));
    let touch = json!({ "kind": "contacts", "all": true, "fields": { "phone": "1" } });
    assert_eq!(post("hubspot/touch", touch).await.1["touched"], 40);
    assert_eq!(post("reset", json!({})).await.0, 204);
    let (_, after) = ask(Method::GET, format!("{control}/hubspot/records/contacts"), None).await;
    assert_eq!(after.as_array().unwrap().len(), 40);
    assert_ne!(after[0]["fields"]["phone"], "1");
    for nowhere in ["pipedrive/counters", "hubspot/records/butterflies", "nowhere"] {
        let (status, body) = ask(Method::GET, format!("{control}/{nowhere}"), None).await;
        assert_eq!(status, 404, "{nowhere}");
        assert!(body["error"].is_string());
    }
}

#[test]
fn populations_and_environment() {
    let csv = from_csv("First Name,Last Name,Email\nFrantišek,Novák,f@firm.example\n").unwrap();
    let sandbox = start(SandboxOptions {
        people: 200,
        loads: vec![(Vendor::HubSpot.into(), csv)],
        faults: Some(Profile::Rough),
        ..SandboxOptions::default()
    });
    let count = |vendor: Vendor, kind: &str| {
        let fake = sandbox.fake(vendor).unwrap();
        fake.records(kind, crm_testkit::fake::Bin::Live).unwrap().len()
    };
    assert_eq!(count(Vendor::HubSpot, "contacts"), 171);
    assert_eq!(count(Vendor::Salesforce, "Contact"), 170);
    let env = sandbox.env();
    let lines: Vec<&str> = env.lines().collect();
    let names = lines.iter().map(|line| line.split('=').next().unwrap()).collect::<Vec<_>>();
    assert_eq!(
        names,
        [
            "export HUBSPOT_API_KEY",
            "export HUBSPOT_BASE_URL",
            "export SALESFORCE_CLIENT_ID",
            "export SALESFORCE_CLIENT_SECRET",
            "export SALESFORCE_BASE_URL",
            "export CRM_KINDS",
            "export CRM_TIME_SCALE",
            "export CRM_TIME_ORIGIN",
            "export CRM_SANDBOX_URL",
        ]
    );
    assert_eq!(lines[5], "export CRM_KINDS='company,contact,deal,activity'");
    assert_eq!(lines[6], "export CRM_TIME_SCALE='50'");
    assert!(lines[1].ends_with(&format!("='{}'", sandbox.url("hubspot").unwrap())));
    let calm = start(SandboxOptions::default());
    assert!(!calm.env().contains("CRM_TIME"));
    let poor = start(SandboxOptions { faults: Some(Profile::Quota), ..SandboxOptions::default() });
    assert!(poor.env().contains("export CRM_QUOTA_DIVISOR='10'\n"));
}

fn lively(seed: u64) -> Sandbox {
    let accounts = ["hubspot", "salesforce", "hubspot-2"].map(|name| Account::named(name).unwrap());
    start(SandboxOptions { accounts: accounts.to_vec(), people: 80, seed, ..Default::default() })
}

#[test]
fn a_business_of_all_kinds_is_spread_over_several_accounts() {
    let sandbox = lively(1);
    let rows = |account: &str, kind: &str| {
        let fake = sandbox.fake(Account::named(account).unwrap()).unwrap();
        fake.records(kind, crm_testkit::fake::Bin::Live).unwrap()
    };
    let counts = |account, kinds: &[&str]| -> Vec<usize> {
        kinds.iter().map(|kind| rows(account, kind).len()).collect()
    };
    let hubspot = ["companies", "contacts", "deals"];
    assert_eq!(counts("hubspot", &hubspot), [8, 64, 16]);
    assert_eq!(counts("hubspot-2", &hubspot), [8, 64, 16]);
    assert_eq!(counts("salesforce", &["Account", "Contact", "Opportunity"]), [8, 64, 16]);
    let activities = ["tasks", "calls", "meetings", "emails", "notes"];
    assert_eq!(counts("hubspot", &activities).iter().sum::<usize>(), 14);
    assert_eq!(counts("salesforce", &["Task", "Event"]).iter().sum::<usize>(), 13);
    // Each account has ids, and where that is its own, an address of its own.
    let ids = |account| rows(account, "contacts")[0]["id"].as_str().unwrap().to_owned();
    assert_ne!(ids("hubspot"), ids("hubspot-2"));
    let env = sandbox.env();
    let url = sandbox.url("hubspot-2").unwrap();
    assert!(env.contains(&format!("export HUBSPOT_2_BASE_URL='{url}'\n")), "{env}");
    assert!(env.contains("export HUBSPOT_2_API_KEY='sandbox-hubspot-token-2'\n"), "{env}");
    // What is tied is there, on each side.
    let deals = rows("salesforce", "Opportunity");
    assert!(deals.iter().filter(|deal| deal["fields"]["AccountId"].is_string()).count() > 10);
    assert!(rows("salesforce", "OpportunityContactRole").len() > 8);
    let domains = rows("hubspot", "companies");
    assert!(
        domains
            .iter()
            .all(|company| { company["fields"]["domain"].as_str().unwrap().ends_with(".example") })
    );
    // A seed is a world: the same again, or another.
    let dump = |sandbox: &Sandbox| {
        let fake = sandbox.fake(Vendor::HubSpot).unwrap();
        let rows = |kind| fake.records(kind, crm_testkit::fake::Bin::Live).unwrap();
        let values =
            |row: &Value| (row["fields"]["dealname"].clone(), row["fields"]["amount"].clone());
        rows("deals").iter().map(values).collect::<Vec<_>>()
    };
    assert_eq!(dump(&sandbox), dump(&lively(1)));
    assert_ne!(dump(&sandbox), dump(&lively(2)));
}

#[test]
fn accounts_have_names() {
    for name in ["hubspot", "salesforce", "hubspot-2", "salesforce-9"] {
        assert_eq!(Account::named(name).unwrap().name(), name);
    }
    for name in ["", "hubspot-1", "hubspot-02", "hubspot-10", "hubspot-x", "pipedrive-2"] {
        assert_eq!(Account::named(name), None, "{name}");
    }
}

#[test]
fn what_cannot_start_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ports = Ports::Base(port);
    let error = Sandbox::start(SandboxOptions { ports, ..SandboxOptions::default() }).unwrap_err();
    assert!(error.to_string().starts_with(&format!("port {port} cannot be used")), "{error}");
    let person = Person { email: "nobody".to_owned(), ..Person::default() };
    let loads = vec![(Vendor::HubSpot.into(), vec![person])];
    let ports = Ports::Free;
    let error = Sandbox::start(SandboxOptions { loads, ports, ..SandboxOptions::default() });
    let Err(SandboxError::Fill { account, .. }) = error else { panic!("{error:?}") };
    assert_eq!(account, Vendor::HubSpot.into());
}

#[tokio::test]
async fn a_cut_is_one_call_applied_once() {
    let fake = Arc::new(HubSpotFake::new(HubSpotOptions::default(), manual(), 1));
    let server = Server::of(Arc::<HubSpotFake>::clone(&fake)).unwrap();
    let url = format!("{}/crm/objects/2026-09/contacts", server.url(0).unwrap());
    let client = Client::builder().build().unwrap();
    let get = || client.get(&url).bearer_auth("sandbox-hubspot-token").send();
    assert_eq!(get().await.unwrap().status(), 200, "so that the connection is a reused one");
    for number in 0..20 {
        fake.script(Aim { method: Some(Method::POST), ..Aim::default() }, Fault::CutAfter);
        let body = json!({ "properties": { "email": format!("p{number}@mail.example") } });
        let sent = client.post(&url).bearer_auth("sandbox-hubspot-token").json(&body).send().await;
        assert!(sent.is_err());
        let page: Value =
            serde_json::from_str(&get().await.unwrap().text().await.unwrap()).unwrap();
        assert_eq!(page["results"].as_array().unwrap().len(), (number + 1).min(10));
    }
    let counters = fake.counters();
    let creates = &counters.endpoints["POST /crm/objects/contacts"];
    assert_eq!((creates.requests, creates.cuts), (20, 20));
}

#[tokio::test]
async fn bodies_may_come_in_chunks_and_answers_have_a_length() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let fake = Arc::new(HubSpotFake::new(HubSpotOptions::default(), manual(), 1));
    let server = Server::of(fake).unwrap();
    let address = server.url(0).unwrap().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let form = [
        "grant_type=refresh_token&refresh_token=sandbox-hubspot-refresh",
        "&client_id=sandbox-hubspot-app&client_secret=sandbox-hubspot-secret",
    ];
    let head = "POST /oauth/v1/token HTTP/1.1\r\nHost: h.example\r\nTransfer-Encoding: chunked\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\n";
    // Twice over one connection.
    for _ in 0..2 {
        stream.write_all(head.as_bytes()).await.unwrap();
        for part in form {
            let chunk = format!("{:x}\r\n{part}\r\n", part.len());
            stream.write_all(chunk.as_bytes()).await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        let mut text = String::new();
        while !text.contains("access_token") {
            let mut buffer = [0; 4_096];
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "{text}");
            text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
        assert!(text.to_lowercase().contains("content-length: "), "{text}");
    }
}

#[tokio::test]
async fn answers_wait_for_the_latency() {
    let sandbox = start(SandboxOptions {
        accounts: vec![Vendor::HubSpot.into()],
        latency: Duration::from_millis(60),
        setup: Setup::Bare,
        ..SandboxOptions::default()
    });
    let clock = FakeClock::running(1);
    let before = clock.now_ms();
    let url = format!("{}/account-info/v3/details", sandbox.url("hubspot").unwrap());
    assert_eq!(ask(Method::GET, url, None).await.0, 200);
    assert!(clock.now_ms() - before >= 60);
    let url =
        format!("{}/crm/v3/properties/contacts/crm_sync_uid", sandbox.url("hubspot").unwrap());
    assert_eq!(ask(Method::GET, url, None).await.0, 404, "bare");
}

#[test]
fn running_clocks_are_scaled_and_moved() {
    let clock = FakeClock::running(50);
    let before = clock.now_ms();
    std::thread::sleep(Duration::from_millis(20));
    assert!(clock.now_ms() - before >= 1_000);
    let before = clock.now_ms();
    clock.advance(Duration::from_hours(1));
    assert!(clock.now_ms() - before >= 3_600_000);
}

#[cfg(feature = "wiremock")]
#[tokio::test]
async fn wiremock_shows_the_same_fake() {
    let fake: Arc<dyn Fake> = Arc::new(HubSpotFake::new(HubSpotOptions::default(), manual(), 1));
    let server = wiremock::MockServer::start().await;
    crm_testkit::serve::mount(Arc::clone(&fake), &server).await;
    let url = format!("{}/crm/objects/2026-09/contacts", server.uri());
    fake.script(Aim { method: Some(Method::POST), ..Aim::default() }, Fault::CutAfter);
    let body = json!({ "properties": { "email": "a@mail.example" } });
    let client = Client::new();
    let post = || client.post(&url).bearer_auth("sandbox-hubspot-token").json(&body).send();
    assert!(post().await.is_err());
    assert_eq!(post().await.unwrap().status(), 409, "it was applied");
    assert_eq!(fake.counters().requests("POST"), 2, "matching consumed nothing");
    let page = client.get(&url).bearer_auth("sandbox-hubspot-token").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "application/json;charset=utf-8");
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}
