//! Lists, pages, queries, and what was deleted.

use crm_testkit::fake::Fake as _;
use serde_json::{Value, json};

use super::{Org, org};

fn query(org: &Org, text: &str) -> (u16, Value) {
    org.post("coql", &json!({ "select_query": text }))
}

#[test]
fn a_list_names_its_fields_and_ends_at_two_thousand() {
    let org = org();
    assert_eq!(org.get("Contacts?fields=id").0, 204);
    for n in 0..2_050 {
        org.person(&format!("Vale {n}"));
    }
    let (status, refused) = org.get("Contacts");
    assert_eq!((status, &refused["code"]), (400, &json!("REQUIRED_PARAM_MISSING")));
    assert_eq!(refused["details"], json!({ "param_name": "fields" }));
    let (_, page) = org.get("Contacts?fields=Last_Name&page=10");
    assert_eq!(
        (&page["info"]["count"], &page["info"]["more_records"]),
        (&json!(200), &json!(true))
    );
    let row = page["data"][0].as_object().unwrap();
    assert_eq!(row.keys().collect::<Vec<_>>(), ["Last_Name", "id"]);
    let (status, refused) = org.get("Contacts?fields=Last_Name&page=11");
    assert_eq!((status, &refused["code"]), (400, &json!("DISCRETE_PAGINATION_LIMIT_EXCEEDED")));
    let mut seen = 0;
    let mut target = "Contacts?fields=Last_Name&sort_by=id&sort_order=asc".to_owned();
    loop {
        let (status, page) = org.get(&target);
        assert_eq!(status, 200, "{page}");
        seen += page["data"].as_array().unwrap().len();
        let Some(token) = page["info"]["next_page_token"].as_str() else { break };
        target = format!("Contacts?fields=Last_Name&sort_by=id&sort_order=asc&page_token={token}");
    }
    assert_eq!(seen, 2_050);
}

#[test]
fn a_page_token_is_bound_to_its_query_and_dies() {
    let org = org();
    for n in 0..3 {
        org.person(&format!("Vale {n}"));
    }
    let (_, page) = org.get("Contacts?fields=Last_Name&per_page=2");
    let token = page["info"]["next_page_token"].as_str().unwrap();
    let next = |fields: &str, more: &str| {
        org.get(&format!("Contacts?fields={fields}&per_page=2&page_token={token}{more}"))
    };
    assert_eq!(next("Last_Name", "").1["data"].as_array().unwrap().len(), 1);
    assert_eq!(next("Email", "").0, 400);
    assert_eq!(next("Last_Name", "&page=2").0, 400);
    org.pass(3_000);
    assert_eq!(next("Last_Name", "").0, 200);
}

#[test]
fn unchanged_is_an_answer_without_a_body() {
    let org = org();
    let id = org.person("Vale");
    let asked = |since: &str, path: &str| {
        let more = [("if-modified-since", since)];
        org.ask("GET", &format!("/crm/v8/{path}"), &more, &Value::Null)
    };
    let list = "Contacts?fields=Last_Name";
    assert_eq!(asked("2026-11-24T10:00:00+02:00", list), (304, Value::Null));
    assert_eq!(asked("2026-11-24T09:59:59+02:00", list).0, 200);
    assert_eq!(asked("2026-11-24T10:00:00+02:00", &format!("Contacts/{id}")), (304, Value::Null));
    assert_eq!(asked("2026-11-24T10:00:00+02:00", "Contacts/deleted").0, 304);
    // A plus that was not encoded is a space.
    assert_eq!(asked("2026-11-24T10:00:00 02:00", list).0, 400);
}

#[test]
fn what_was_deleted_is_listed_and_in_the_bin_until_it_leaves() {
    let org = org();
    let ids: Vec<String> = (0..4).map(|n| org.person(&format!("Vale {n}"))).collect();
    org.pass(10);
    org.fake.delete("Contacts", &ids[0]).unwrap();
    org.fake.merge("Contacts", &ids[1], &ids[2]).unwrap();
    let (_, deleted) = org.get("Contacts/deleted?type=all");
    let mut rows: Vec<(String, String)> = deleted["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["id"].as_str().unwrap().into(), row["type"].as_str().unwrap().into()))
        .collect();
    rows.sort();
    let expected =
        [(ids[0].clone(), "recycle".to_owned()), (ids[2].clone(), "permanent".to_owned())];
    assert_eq!(rows, expected);
    let (_, bin) = org.get(&format!("settings/recycle_bin?ids={},{}", ids[0], ids[2]));
    assert_eq!(bin["recycle_bin"].as_array().unwrap().len(), 1);
    assert_eq!(bin["recycle_bin"][0]["module"]["api_name"], "Contacts");
    assert_eq!(org.get(&format!("Contacts/{}", ids[0])).0, 204);
    assert_eq!(org.get("settings/recycle_bin?ids=1").0, 204);
}

#[test]
fn queries_are_answered_as_they_are_written() {
    let org = org();
    for (last, email, city) in [
        ("Vale", "a@mail.example", "Brno"),
        ("Moss", "b@mail.example", "York"),
        ("Holt", "", "York"),
    ] {
        let fields = json!({ "Last_Name": last, "Email": email, "Mailing_City": city });
        org.fake.create("Contacts", fields.as_object().unwrap()).unwrap();
    }
    let names = |text: &str| {
        let (status, answer) = query(&org, text);
        assert_eq!(status, 200, "{answer}");
        let rows = answer["data"].as_array().unwrap().iter();
        rows.map(|row| row["Last_Name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let select = "select Last_Name from Contacts where";
    assert_eq!(
        names(&format!("{select} Mailing_City = 'york' order by Last_Name asc")),
        ["Holt", "Moss"]
    );
    let pair = format!(
        "{select} ((Mailing_City = 'York' and Email is not null) or Last_Name like 'Va%') order by id"
    );
    assert_eq!(names(&pair), ["Vale", "Moss"]);
    assert_eq!(names(&format!("{select} Email in ('a@mail.example','x')")), ["Vale"]);
    assert_eq!(names(&format!("{select} id > '0' order by id desc limit 1, 1")), ["Moss"]);
    let since = format!("{select} Modified_Time >= '2026-11-24T10:00:00+02:00' order by id");
    assert_eq!(names(&since).len(), 3);
    assert_eq!(query(&org, &format!("{select} id < '1'")).0, 204);
}

#[test]
fn queries_that_break_a_rule_say_which() {
    let org = org();
    let refused = |text: &str| {
        let (status, answer) = query(&org, text);
        assert_eq!(status, 400, "{text}");
        answer["code"].as_str().unwrap().to_owned()
    };
    let cases = [
        ("select Last_Name from Contacts", "SYNTAX_ERROR"),
        (
            "select Last_Name from Contacts where id > '0' and Email is null and id < '9'",
            "SYNTAX_ERROR",
        ),
        ("select Shoe_Size from Contacts where id > '0'", "INVALID_QUERY"),
        ("select id from Planets where id > '0'", "INVALID_QUERY"),
        ("select id from Contacts where Description = 'x'", "INVALID_QUERY"),
        ("select id from Contacts where id > '0' limit 2001", "LIMIT_EXCEEDED"),
        ("select id from Contacts where Modified_Time > 'soon'", "INVALID_QUERY"),
    ];
    for (text, code) in cases {
        assert_eq!(refused(text), code, "{text}");
    }
    let many: Vec<String> = (0..51).map(|n| format!("'{n}'")).collect();
    let text = format!("select id from Contacts where Email in ({})", many.join(","));
    assert_eq!(refused(&text), "LIMIT_EXCEEDED");
}
