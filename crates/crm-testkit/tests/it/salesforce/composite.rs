//! Several requests in one.

use serde_json::{Value, json};

use super::{BASE, Desk};

#[test]
fn later_requests_use_earlier_answers() {
    let desk = Desk::new();
    let query = format!("{BASE}/query?q=SELECT Id, Name FROM Account WHERE Id = '@{{a.id}}'");
    let reply = desk.post(
        "/composite",
        &json!({ "allOrNone": true, "compositeRequest": [
            { "method": "POST", "url": format!("{BASE}/sobjects/Account"), "referenceId": "a",
              "body": { "Name": "Mill" } },
            { "method": "GET", "url": query, "referenceId": "q" },
            { "method": "POST", "url": format!("{BASE}/sobjects/Contact"), "referenceId": "c",
              "body": { "LastName": "Of @{q.records[0].Name}", "AccountId": "@{a.id}" } },
            { "method": "GET", "url": format!("{BASE}/sobjects/Foo"), "referenceId": "f" },
        ]}),
    );
    assert_eq!(reply.status, 200);
    let list = reply.json()["compositeResponse"].clone();
    assert_eq!(list[3]["httpStatusCode"], 404);
    assert_eq!(list[3]["body"][0]["errorCode"], "NOT_FOUND");
    for place in 0..3 {
        assert_eq!(list[place]["httpStatusCode"], 400);
        assert_eq!(list[place]["body"][0]["errorCode"], "PROCESSING_HALTED");
        assert_eq!(list[place]["httpHeaders"], json!({}));
    }
    assert_eq!(desk.query("SELECT COUNT() FROM Account").json()["totalSize"], 0);

    let again = desk.post(
        "/composite",
        &json!({ "compositeRequest": [
            { "method": "POST", "url": format!("{BASE}/sobjects/Account"), "referenceId": "a",
              "body": { "Name": "Mill" } },
            { "method": "GET", "url": query, "referenceId": "q" },
            { "method": "POST", "url": format!("{BASE}/sobjects/Contact"), "referenceId": "c",
              "body": { "LastName": "Of @{q.records[0].Name}", "AccountId": "@{a.id}" } },
            { "method": "DELETE", "url": format!("{BASE}/sobjects/Contact/@{{c.id}}"),
              "referenceId": "d" },
        ]}),
    );
    let list = again.json()["compositeResponse"].clone();
    assert_eq!(list[0]["httpStatusCode"], 201);
    let location = list[0]["httpHeaders"]["Location"].as_str().unwrap();
    assert!(location.starts_with(&format!("{BASE}/sobjects/Account/001")));
    assert_eq!(list[2]["httpStatusCode"], 201);
    assert_eq!((&list[3]["httpStatusCode"], &list[3]["body"]), (&json!(204), &Value::Null));
    let gone = desk.query_all("SELECT LastName FROM Contact").json();
    assert_eq!(gone["records"][0]["LastName"], "Of Mill");
}

#[test]
fn describe_inside_may_be_unchanged() {
    let desk = Desk::new();
    let reply = desk.post(
        "/composite",
        &json!({ "compositeRequest": [{
            "method": "GET", "url": format!("{BASE}/sobjects"), "referenceId": "one",
            "httpHeaders": { "If-Modified-Since": "Tue, 24 Nov 2026 09:00:00 GMT" },
        }]}),
    );
    let one = reply.json()["compositeResponse"][0].clone();
    assert_eq!((&one["httpStatusCode"], &one["body"]), (&json!(304), &Value::Null));
    assert!(one["httpHeaders"]["ETag"].is_string());
    assert!(one["httpHeaders"]["Last-Modified"].is_string());
}

#[test]
fn limits_of_a_composite_call() {
    let desk = Desk::new();
    let query = json!({ "method": "GET", "referenceId": "q",
        "url": format!("{BASE}/query?q=SELECT Id FROM Contact") });
    let send = |count| desk.post("/composite", &json!({ "compositeRequest": vec![&query; count] }));
    assert_eq!(send(5).status, 200);
    assert_eq!((send(6).status, send(26).status), (400, 400));
}

#[test]
fn batch_requests_do_not_know_of_each_other() {
    let desk = Desk::new();
    let id = desk.contact(&json!({ "LastName": "One" }));
    let requests = json!([
        { "method": "PATCH", "url": format!("v67.0/sobjects/Contact/{id}"),
          "richInput": { "Title": "x" } },
        { "method": "GET", "url": "v67.0/sobjects/Foo" },
        { "method": "GET", "url": format!("v67.0/sobjects/Contact/{id}?fields=Title") },
    ]);
    let free = desk.post("/composite/batch", &json!({ "batchRequests": requests })).json();
    assert_eq!(free["hasErrors"], true);
    assert_eq!(free["results"][0], json!({ "statusCode": 204, "result": null }));
    assert_eq!(free["results"][1]["statusCode"], 404);
    assert_eq!(free["results"][2]["result"]["Title"], "x");
    let halting = json!({ "haltOnError": true, "batchRequests": requests });
    let halted = desk.post("/composite/batch", &halting).json();
    assert_eq!(halted["results"][2]["statusCode"], 412);
    assert_eq!(halted["results"][2]["result"][0]["errorCode"], "BATCH_PROCESSING_HALTED");
}

#[test]
fn a_tree_grows_whole_or_not_at_all() {
    let desk = Desk::new();
    let tree = |last: &str| {
        json!({ "records": [{
            "attributes": { "type": "Account", "referenceId": "a" }, "Name": "Mill",
            "Contacts": { "records": [
                { "attributes": { "type": "Contact", "referenceId": "c" }, "LastName": last },
            ]},
        }]})
    };
    let made = desk.post("/composite/tree/Account", &tree("Byron"));
    assert_eq!((made.status, &made.json()["hasErrors"]), (201, &json!(false)));
    assert_eq!(made.json()["results"].as_array().unwrap().len(), 2);
    assert_eq!(desk.column("SELECT Account.Name FROM Contact", "Account")[0]["Name"], "Mill");
    let failed = desk.post("/composite/tree/Account", &tree(""));
    assert_eq!((failed.status, &failed.json()["results"][0]["referenceId"]), (400, &json!("c")));
    assert_eq!(desk.query("SELECT COUNT() FROM Account").json()["totalSize"], 1);
}

#[test]
fn each_graph_stands_alone() {
    let desk = Desk::new();
    let graph = |id: &str, name: Value| {
        json!({ "graphId": id, "compositeRequest": [
            { "method": "POST", "url": format!("{BASE}/sobjects/Account"), "referenceId": "a",
              "body": { "Name": id } },
            { "method": "POST", "url": format!("{BASE}/sobjects/Contact"), "referenceId": "c",
              "body": { "LastName": name, "AccountId": "@{a.id}" } },
        ]})
    };
    let graphs = json!({ "graphs": [graph("good", json!("x")), graph("bad", Value::Null)] });
    let done = desk.post("/composite/graph", &graphs).json();
    assert_eq!(done["graphs"][0]["isSuccessful"], true);
    assert_eq!(done["graphs"][1]["isSuccessful"], false);
    assert_eq!(done["graphs"][1]["graphResponse"]["compositeResponse"][0]["httpStatusCode"], 400);
    assert_eq!(desk.column("SELECT Name FROM Account", "Name"), ["good"]);
}
