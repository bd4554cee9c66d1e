//! The same fake behind a real socket.

use std::sync::Arc;

use crm_testkit::fake::Fake as _;
use crm_testkit::serve::Server;
use serde_json::{Value, json};

use super::{Desk, crowd};

#[tokio::test]
async fn a_client_logs_in_pages_and_writes() {
    let desk = Desk::with(crm_testkit::dialect::salesforce::SalesforceOptions {
        page_max: 10,
        ..Default::default()
    });
    crowd(&desk);
    let fake: Arc<dyn crm_testkit::fake::Fake> = Arc::clone(&desk.fake) as _;
    let server = Server::of(fake).unwrap();
    let host = server.url(0).unwrap();
    let client = reqwest::Client::new();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "sandbox-client"),
        ("client_secret", "sandbox-secret"),
    ];
    let login = client.post(format!("{host}/services/oauth2/token")).form(&form);
    let granted: Value = login.send().await.unwrap().json().await.unwrap();
    assert_eq!(granted["instance_url"].as_str(), Some(host.as_str()));
    let token = granted["access_token"].as_str().unwrap();

    let mut path = "/services/data/v67.0/query?q=SELECT+Id+FROM+Contact".to_owned();
    let mut count = 0;
    loop {
        let reply = client.get(format!("{host}{path}")).bearer_auth(token).send().await.unwrap();
        assert!(reply.headers().contains_key("sforce-limit-info"));
        let page: Value = reply.json().await.unwrap();
        count += page["records"].as_array().unwrap().len();
        match page["nextRecordsUrl"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(count, 25);

    let made = client
        .post(format!("{host}/services/data/v67.0/sobjects/Contact/"))
        .bearer_auth(token)
        .json(&json!({ "LastName": "Byron" }))
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 201);
    let denied = client.get(format!("{host}/services/data/v67.0/limits")).send().await.unwrap();
    assert_eq!(denied.status(), 401);
    assert_eq!(desk.fake.counters().requests("query"), 3);
}
