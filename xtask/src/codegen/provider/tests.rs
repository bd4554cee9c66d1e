//! What a `provider.toml` may say, and what it is told when it may not.

use super::super::schema::tests::sample as schema;
use super::*;
use crate::failure::Failure;

/// The file of a vendor that holds contacts and deals.
pub(in crate::codegen) const SAMPLE: &str = r#"
name = "ant"
title = "Ant"

[[quotas]]
name = "daily"
limit = 100
window_ms = 86_400_000
doc = "Requests a day."

[contact]
remote = "people"
uid = "our_uid"
clear = "null"
access = "full"
deletion = "archive"
detection = { modified_since_ms = 1_000 }
concurrency = "if_unmodified"
find_by = ["uid", "email"]
unique_key = true
read_max = 100
write_max = 10
page_max = 200
hint_page_max = 50
list_consistent = true
visibility_lag_ms = 60_000
overlap_ms = 120_000
unknown_wait_ms = 0

[contact.fields]
phone = { remote = "tel", wire = "text", cut_at = 20 }
email = { remote = "mail", wire = "text", length_max = 80, letter_case = "lowered" }
name = { remote = "Name", wire = "text", required = true }
age = { remote = "age", wire = "number_text", writable = false, custom = true }

[deal]
remote = "deals"
clear = "empty_string"
access = "read"
deletion = "unsupported"
detection = "full_scan"
concurrency = "last_write_wins"
find_by = []
unique_key = false
read_max = 1
write_max = 1
page_max = 1
hint_page_max = 1
list_consistent = false
visibility_lag_ms = 0
overlap_ms = 0
unknown_wait_ms = 5_000

[deal.fields]
stage = { remote = "stage", wire = "choice", choices = { new = "N", won = "W" } }
"#;

fn parse(text: &str) -> Outcome<Provider> {
    Provider::parse(Input { path: "provider.toml", text }, "ant", &schema())
}

pub(in crate::codegen) fn sample() -> Provider {
    parse(SAMPLE).unwrap()
}

fn failure(from: &str, to: &str) -> Failure {
    assert!(SAMPLE.contains(from), "{from}");
    parse(&SAMPLE.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn rules_are_sorted_by_number() {
    let provider = sample();
    let contact = provider.object("contact").unwrap();
    let names: Vec<&str> = contact.forms[0].rules.iter().map(|rule| rule.field.as_str()).collect();
    assert_eq!(names, ["name", "email", "phone", "age"]);
    assert!(provider.object("company").is_none());
    assert_eq!(contact.can.detection, Detection::ModifiedSinceMs(1_000));
}

#[test]
fn a_misspelt_field_is_reported_with_its_line_and_the_nearest_name() {
    let failure = failure("email = {", "emial = {");
    assert!(failure.error.starts_with("provider.toml:32: there is no contact field"), "{failure}");
    assert_eq!(failure.hint, "did you mean `email`?");
}

#[test]
fn misspelt_words_suggest_the_nearest() {
    for (from, to, meant) in [
        ("deletion = \"archive\"", "deletion = \"archiv\"", "archive"),
        ("wire = \"choice\"", "wire = \"choise\"", "choice"),
        ("required = true", "requird = true", "required"),
        ("page_max = 200", "pages_max = 200", "page_max"),
        ("find_by = [\"uid\", \"email\"]", "find_by = [\"uid\", \"emai\"]", "email"),
        ("won = \"W\"", "wonn = \"W\"", "won"),
    ] {
        let failure = failure(from, to);
        assert_eq!(failure.hint, format!("did you mean `{meant}`?"), "{to}: {failure}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    failure("name = \"ant\"", "name = \"bee\"");
    failure("uid = \"our_uid\"\n", "");
    failure("remote = \"mail\"", "remote = \"tel\"");
    failure("wire = \"number_text\"", "wire = \"text\"");
    failure(", choices = { new = \"N\", won = \"W\" }", "");
    failure("wire = \"text\", cut_at", "wire = \"text\", choices = { a = \"b\" }, cut_at");
    failure("read_max = 100", "read_max = 0");
    failure("limit = 100", "limit = 0");
    failure(
        "[contact]",
        "[[quotas]]\nname = \"daily\"\nlimit = 1\nwindow_ms = 1\ndoc = \"\"\n[contact]",
    );
}

/// An activity with two forms.
const FORMS: &str = r#"
[activity]
clear = "null"
access = "full"
deletion = "archive"
detection = "full_scan"
concurrency = "last_write_wins"
find_by = []
unique_key = false
read_max = 1
write_max = 1
page_max = 1
hint_page_max = 1
list_consistent = false
visibility_lag_ms = 0
overlap_ms = 0
unknown_wait_ms = 0
[activity.variants.task]
remote = "Task"
fixed = { Subtype = "Task" }
fields = {}
"#;

#[test]
fn each_form_has_a_table_that_knows_its_type() {
    let provider = parse(&format!("{SAMPLE}{FORMS}")).unwrap();
    let form = &provider.object("activity").unwrap().forms[0];
    assert_eq!((form.variant.as_deref(), form.remote.as_str()), (Some("task"), "Task"));
    assert_eq!(form.fixed["Subtype"], "Task");
    assert_eq!(form.rules[0].table.wire, Wire::Variant);
    let misspelt = format!("{SAMPLE}{}", FORMS.replace("variants.task", "variants.tusk"));
    assert_eq!(parse(&misspelt).unwrap_err().hint, "did you mean `task`?");
    let both = format!("{SAMPLE}{}", FORMS.replace("clear =", "remote = \"X\"\nclear ="));
    assert!(parse(&both).unwrap_err().error.contains("either `remote`"));
}
