//! What `crm check` says of settings that cannot have what they ask for.

use crate::desk::Desk;

const ASKING: &str = "\
batch_size = 500
[connections.hubspot]
access_token = \"${HUBSPOT_API_KEY}\"
[connections.hubspot.rate_limits]
requests_per_second = 10
requests_per_minute = 150
requests_per_hour = 40000
[connections.salesforce]
client_id = \"${SALESFORCE_CLIENT_ID}\"
client_secret = \"${SALESFORCE_CLIENT_SECRET}\"
";

#[test]
fn end_to_end_a_limit_that_never_binds_and_a_batch_that_is_too_large_are_told() {
    let desk = Desk::with(&[]);
    desk.write("crm.toml", ASKING);
    let found = desk.crm(&["check", "--json"]).code(0).json();
    let about = |row: usize| -> Vec<&str> {
        let advice = found[row]["advice"].as_array().unwrap();
        advice.iter().map(|told| told["about"].as_str().unwrap()).collect()
    };
    assert_eq!(about(0), ["limit_never_binds", "batch_capped"], "{found:#}");
    assert_eq!(about(1), ["batch_capped"], "{found:#}");
    let said = found[0]["advice"][0]["message"].as_str().unwrap();
    assert!(said.contains("requests_per_hour = 40000"), "{said}");
    assert!(said.contains("requests_per_minute = 150 lets at most 9000"), "{said}");
    let batch = |row: usize| found[row]["advice"].as_array().unwrap().last().unwrap().to_string();
    assert!(batch(0).contains("100 records when reading and 100 when writing"), "{}", batch(0));
    assert!(batch(1).contains("500 records when reading and 200 when writing"), "{}", batch(1));

    let table = desk.crm(&["check"]).code(0);
    assert_eq!(table.out.matches("ready").count(), 2, "it stops nobody: {}", table.out);
    assert_eq!(table.out.matches("warning: ").count(), 3, "{}", table.out);
    assert_eq!(table.err, "");
}

#[test]
fn end_to_end_settings_that_can_have_what_they_ask_for_are_ready() {
    let desk = Desk::with(&[]);
    let fitting = ASKING.replace("requests_per_hour = 40000\n", "requests_per_hour = 8999\n");
    desk.write("crm.toml", &fitting.replace("batch_size = 500\n", "batch_size = 100\n"));
    let found = desk.crm(&["check", "--json"]).code(0).json();
    for row in found.as_array().unwrap() {
        assert_eq!(row["advice"], serde_json::json!([]), "{found:#}");
    }
    assert!(!desk.crm(&["check"]).code(0).out.contains("warning"));
}
