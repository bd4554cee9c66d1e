//! Search: conditions, pages, the cap, the index that lags.

use crm_testkit::dialect::hubspot::{HubSpotOptions, Sorting};
use crm_testkit::fake::{Fake as _, Fields, Touch};
use serde_json::{Value, json};

use super::{CONTACTS, Desk, Reply, ids};

fn search(desk: &Desk, body: &Value) -> Reply {
    let reply = desk.post(&format!("{CONTACTS}/search"), body);
    desk.wait(1_000);
    reply
}

fn filter(name: &str, operator: &str, value: &Value) -> Value {
    json!({ "propertyName": name, "operator": operator, "value": value })
}

fn with(filters: &[Value]) -> Value {
    json!({ "filterGroups": [{ "filters": filters }] })
}

/// Two people, one of them without a city.
fn pair(desk: &Desk) -> [String; 2] {
    let person = |email: &str, city: &str| {
        desk.contact(&json!({ "email": email, "firstname": "Ana Maria", "city": city }))
    };
    [person("a@mail.example", "Leeds"), person("b@other.example", "")]
}

/// Asserts which of the two people each condition finds.
fn assert_finds(cases: &[(&str, &str, Value, &[usize])]) {
    let desk = Desk::default();
    let people = pair(&desk);
    for (name, operator, value, expected) in cases {
        // `a` and `b` stand for the people's ids.
        let value = match value.as_str() {
            Some("a") => json!(people[0]),
            Some("b") => json!(people[1]),
            _ => value.clone(),
        };
        let mut condition = filter(name, operator, &value);
        if value.is_array() {
            condition["values"] = value;
        }
        if *operator == "BETWEEN" {
            condition["highValue"] = json!("9999");
        }
        let reply = search(&desk, &with(std::slice::from_ref(&condition)));
        let expected: Vec<&String> = expected.iter().map(|place| &people[*place]).collect();
        assert_eq!(ids(&reply).iter().collect::<Vec<_>>(), expected, "{condition}");
        assert_eq!(reply.body["total"], expected.len());
    }
}

#[test]
fn operators_select_by_text() {
    assert_finds(&[
        ("email", "EQ", json!("A@mail.example"), &[0]),
        ("email", "NEQ", json!("a@mail.example"), &[1]),
        ("city", "EQ", json!("leeds"), &[0]),
        ("city", "HAS_PROPERTY", Value::Null, &[0]),
        ("city", "NOT_HAS_PROPERTY", Value::Null, &[1]),
        ("firstname", "CONTAINS_TOKEN", json!("maria"), &[0, 1]),
        ("firstname", "CONTAINS_TOKEN", json!("mar"), &[]),
        ("firstname", "CONTAINS_TOKEN", json!("mar*"), &[0, 1]),
        ("email", "CONTAINS_TOKEN", json!("*@other.example"), &[1]),
        ("firstname", "NOT_CONTAINS_TOKEN", json!("maria"), &[]),
        ("email", "IN", json!(["b@other.example", "x@y.example"]), &[1]),
        ("email", "NOT_IN", json!(["b@other.example"]), &[0]),
    ]);
    let desk = Desk::default();
    let [_, second] = pair(&desk);
    assert_eq!(ids(&search(&desk, &json!({ "query": "ana other" }))), [second]);
    assert_eq!(search(&desk, &json!({ "query": "leeds other" })).body["total"], 0);
}

#[test]
fn operators_select_by_number_and_time() {
    assert_finds(&[
        ("hs_object_id", "GT", json!("a"), &[1]),
        ("hs_object_id", "GTE", json!("a"), &[0, 1]),
        ("hs_object_id", "LT", json!("b"), &[0]),
        ("hs_object_id", "LTE", json!("b"), &[0, 1]),
        ("hs_object_id", "BETWEEN", json!("b"), &[1]),
        ("lastmodifieddate", "GTE", json!("2026-11-24T08:00:00.120Z"), &[0, 1]),
        ("lastmodifieddate", "GTE", json!("2026-11-24T00:00:00.121-08:00"), &[]),
        ("lastmodifieddate", "LTE", json!(1_795_507_200_120_i64), &[0, 1]),
        ("lastmodifieddate", "GT", json!("1795507200120"), &[]),
        ("createdate", "LT", json!("2026-11-25"), &[0, 1]),
    ]);
}

#[test]
fn groups_are_alternatives() {
    let desk = Desk::default();
    let all = desk.many(4);
    let group = |value: &str| json!({ "filters": [filter("hs_object_id", "EQ", &json!(value))] });
    let body = json!({ "filterGroups": [group(&all[2]), group(&all[0]), group(&all[2])] });
    let reply = search(&desk, &body);
    assert_eq!(ids(&reply), [all[0].clone(), all[2].clone()]);
}

#[test]
fn limits_are_refused() {
    let desk = Desk::default();
    let condition = filter("city", "EQ", &json!("x"));
    let group = |count: usize| json!({ "filters": vec![condition.clone(); count] });
    let long = json!({ "query": "x".repeat(3_000) });
    let bad = [
        json!({ "limit": 201 }),
        json!({ "sorts": ["email", "city"] }),
        json!({ "sorts": ["no_such_thing"] }),
        json!({ "after": "NTAx" }),
        json!({ "filterGroups": vec![group(1); 6] }),
        json!({ "filterGroups": [group(7)] }),
        json!({ "filterGroups": vec![group(4); 5] }),
        with(&[filter("no_such_thing", "EQ", &json!("x"))]),
        with(&[filter("city", "LIKE", &json!("x"))]),
        with(&[json!({ "propertyName": "city", "operator": "EQ" })]),
        long,
    ];
    for body in bad {
        assert_eq!(search(&desk, &body).status, 400, "{body}");
    }
    assert_eq!(search(&desk, &json!({ "limit": "200", "after": "" })).status, 200);
}

#[test]
fn pages_end_at_ten_thousand() {
    let desk = Desk::default();
    desk.many(10_050);
    let page = |after: usize, limit: usize| {
        search(&desk, &json!({ "limit": limit, "after": after.to_string() }))
    };
    let first = page(0, 200);
    assert_eq!(first.body["total"], 10_050);
    assert_eq!(first.body["paging"], json!({ "next": { "after": "200" } }), "no link");
    assert_eq!(ids(&page(9_800, 200)).len(), 200);
    for (after, limit) in [(9_801, 200), (10_000, 1), (9_999, 2)] {
        let reply = page(after, limit);
        assert_eq!(reply.status, 400);
        assert_eq!(reply.body["message"], "There was a problem with the request.");
    }
    // The way around: the next query begins after the last id.
    let last = ids(&page(9_900, 100)).pop().unwrap();
    let body = json!({
        "filterGroups": [{ "filters": [filter("hs_object_id", "GT", &json!(last))] }],
        "sorts": [{ "propertyName": "hs_object_id", "direction": "ASCENDING" }],
        "limit": 200,
    });
    let rest = search(&desk, &body);
    assert_eq!((ids(&rest).len(), &rest.body["total"]), (50, &json!(50)));
    assert!(rest.body.get("paging").is_none());
}

#[test]
fn equal_stamps_are_one_window() {
    let desk = Desk::default();
    let all = desk.many(450);
    let at_ms = 1_795_507_300_000;
    let touch = Touch {
        kind: "contacts".to_owned(),
        ids: None,
        at_ms: Some(at_ms),
        fields: [("phone".to_owned(), json!("2"))].into_iter().collect(),
    };
    assert_eq!(desk.fake.touch(&touch).unwrap(), 450);
    let mut seen = Vec::new();
    let mut last = "0".to_owned();
    loop {
        let body = json!({
            "filterGroups": [{ "filters": [
                filter("lastmodifieddate", "GTE", &json!(at_ms)),
                filter("lastmodifieddate", "LTE", &json!(at_ms)),
                filter("hs_object_id", "GT", &json!(last)),
            ] }],
            "sorts": ["hs_object_id"],
            "limit": 200,
        });
        let page = ids(&search(&desk, &body));
        let Some(end) = page.last() else { break };
        last = end.clone();
        seen.extend(page);
    }
    assert_eq!(seen, all);
}

#[test]
fn the_index_lags_and_lists_do_not() {
    let options = HubSpotOptions { lag_max_ms: 60_000, ..HubSpotOptions::default() };
    let desk = Desk::new(options);
    let id = desk.contact(&json!({ "email": "a@mail.example", "city": "Leeds" }));
    let leeds = with(&[filter("city", "EQ", &json!("Leeds"))]);
    assert_eq!(ids(&search(&desk, &leeds)), Vec::<String>::new(), "not seen yet");
    assert_eq!(ids(&desk.get(CONTACTS)), [id.as_str()], "the list is consistent");
    desk.wait(60_000);
    assert_eq!(ids(&search(&desk, &leeds)), [id.as_str()]);
    desk.patch(&format!("{CONTACTS}/{id}"), &json!({ "city": "York" }));
    let body = json!({ "filterGroups": leeds["filterGroups"], "properties": ["city"] });
    let stale = search(&desk, &body);
    assert_eq!(stale.body["results"][0]["properties"]["city"], "Leeds", "what the index knows");
    assert_eq!(
        desk.get(&format!("{CONTACTS}/{id}?properties=city")).body["properties"]["city"],
        "York"
    );
    desk.wait(60_000);
    assert_eq!(search(&desk, &body).body["total"], 0);
    // What is deleted is gone at once.
    desk.fake.delete("contacts", &id).unwrap();
    assert_eq!(search(&desk, &json!({})).body["total"], 0);
}

#[test]
fn sorting_by_time_may_be_off() {
    let mixed = |sorting| {
        let desk = Desk::new(HubSpotOptions { sorting, ..HubSpotOptions::default() });
        for number in 0..20 {
            let mut fields = Fields::new();
            fields.insert("email".to_owned(), json!(format!("p{number}@mail.example")));
            desk.fake.create("contacts", &fields).unwrap();
            desk.wait(1_000);
        }
        let sort = json!({ "propertyName": "lastmodifieddate", "direction": "DESCENDING" });
        let body = json!({ "sorts": [sort], "limit": 20 });
        let found = ids(&search(&desk, &body));
        let mut sorted = found.clone();
        sorted.sort_by_key(|id| std::cmp::Reverse(id.parse::<u64>().unwrap()));
        (found != sorted, found.len())
    };
    assert_eq!(mixed(Sorting::Exact), (false, 20));
    assert_eq!(mixed(Sorting::Sloppy), (true, 20), "a set, not a sequence");
}

#[test]
fn five_a_second_without_headers() {
    let desk = Desk::default();
    let one = || desk.post(&format!("{CONTACTS}/search"), &json!({}));
    for _ in 0..5 {
        let reply = one();
        assert_eq!(reply.status, 200);
        assert!(!reply.headers.contains_key("x-hubspot-ratelimit-max"));
    }
    let refused = one();
    assert_eq!((refused.status, &refused.body["policyName"]), (429, &json!("SECONDLY")));
    assert_eq!(refused.body["message"], "You have reached your secondly limit.");
    assert!(!refused.headers.contains_key("retry-after"));
    assert_eq!(desk.fake.window("search").unwrap().exceeded(), 1);
    assert_eq!(desk.fake.window("ten_secondly").unwrap().peak(), 0, "counted apart");
    desk.wait(1_000);
    assert_eq!(one().status, 200);
}
