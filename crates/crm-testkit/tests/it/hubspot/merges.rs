//! Merged records, and forgotten ones.

use crm_testkit::dialect::hubspot::{HubSpotOptions, MergedId};
use crm_testkit::fake::{Bin, Fake as _};
use serde_json::{Value, json};

use super::{CONTACTS, Desk, ids};

#[test]
fn a_merge_makes_a_new_id_and_old_ones_lead_to_it() {
    let desk = Desk::default();
    let winner = desk.contact(&json!({ "email": "a@mail.example", "city": "Leeds" }));
    let loser = desk.contact(&json!({ "email": "b@mail.example", "city": "York", "phone": "1" }));
    desk.wait(1_000);
    let merge = |primary: &str, other: &str| {
        let body = json!({ "primaryObjectId": primary, "objectIdToMerge": other });
        let reply = desk.post(&format!("{CONTACTS}/merge"), &body);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.body["id"].as_str().unwrap().to_owned()
    };
    let merged = merge(&winner, &loser);
    assert!(merged != winner && merged != loser);
    let wanted = "properties=email,city,phone,hs_merged_object_ids,hs_additional_emails";
    for id in [&winner, &loser, &merged] {
        let reply = desk.get(&format!("{CONTACTS}/{id}?{wanted}"));
        assert_eq!(reply.body["id"], *merged);
        let shown = &reply.body["properties"];
        assert_eq!((&shown["city"], &shown["phone"]), (&json!("Leeds"), &json!("1")));
        assert_eq!(shown["hs_merged_object_ids"], format!("{winner};{loser}"));
        assert_eq!(shown["hs_additional_emails"], "b@mail.example");
        assert_eq!(reply.body["createdAt"], "2026-11-24T08:00:00.120Z");
    }
    // Neither listed, nor in the recycle bin; the second address is taken still.
    assert_eq!(ids(&desk.get(CONTACTS)), [merged.as_str()]);
    assert_eq!(ids(&desk.get(&format!("{CONTACTS}?archived=true"))), Vec::<String>::new());
    let twin = json!({ "properties": { "email": "b@mail.example" } });
    assert_eq!(desk.post(CONTACTS, &twin).status, 409);
    // A chain: the ids of both merges are kept.
    let third = desk.contact(&json!({ "email": "c@mail.example" }));
    let last = merge(&third, &merged);
    let reply = desk.get(&format!("{CONTACTS}/{winner}?properties=hs_merged_object_ids"));
    assert_eq!(reply.body["id"], *last);
    let absorbed = reply.body["properties"]["hs_merged_object_ids"].as_str().unwrap();
    for id in [&winner, &loser, &merged, &third] {
        assert!(absorbed.split(';').any(|part| part == id), "{id} in {absorbed}");
    }
    let patched = desk.patch(&format!("{CONTACTS}/{loser}"), &json!({ "city": "Hull" }));
    assert_eq!(patched.body["id"], *last, "a write to an old id reaches the survivor");
}

#[test]
fn a_merge_may_keep_the_primary_id() {
    let options = HubSpotOptions { merged_id: MergedId::Primary, ..HubSpotOptions::default() };
    let desk = Desk::new(options);
    let all = desk.many(2);
    assert_eq!(desk.fake.merge("contacts", &all[0], &all[1]).unwrap(), all[0]);
    let reply = desk.get(&format!("{CONTACTS}/{}?properties=hs_merged_object_ids", all[1]));
    assert_eq!(reply.body["id"], *all[0]);
    assert_eq!(reply.body["properties"]["hs_merged_object_ids"], *all[1]);
    assert!(desk.fake.merge("contacts", &all[0], &all[1]).is_err(), "both are one record now");
}

#[test]
fn forgetting_leaves_nothing() {
    let desk = Desk::default();
    let id = desk.contact(&json!({ "email": "a@mail.example" }));
    let body = json!({ "objectId": "a@mail.example", "idProperty": "email" });
    for _ in 0..2 {
        assert_eq!(desk.post(&format!("{CONTACTS}/gdpr-delete"), &body).status, 204);
    }
    assert_eq!(desk.get(&format!("{CONTACTS}/{id}")).status, 404);
    assert_eq!(desk.fake.records("contacts", Bin::Archived).unwrap(), Vec::<Value>::new());
}
