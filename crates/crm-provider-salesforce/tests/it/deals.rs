//! Deals: their people, their stages, and what hangs on a company.

use std::time::Duration;

use crm_core::{
    Action, Applied, Change, Disposition, ErrorKind, Feed, Field, Lookup, ObjectKind, Patch, Ref,
    RemoteId, SharedProvider, Uid, Value, Write,
};
use crm_testkit::contract::provider::Harness;
use crm_testkit::dialect::salesforce::SalesforceOptions;
use crm_testkit::fake::Bin;
use crm_testkit::fault::{Aim, Fault};
use serde_json::json;

use crate::room::{ROLES, deal_harness, failure, of, opened};

const LONG: Duration = Duration::from_hours(1);

fn make(harness: &Harness, kind: &str, members: &serde_json::Value) -> String {
    harness.fake.create(kind, members.as_object().unwrap()).unwrap()
}

fn person(harness: &Harness, name: &str) -> String {
    make(harness, "Contact", &json!({ "LastName": name }))
}

fn people(ids: &[&str]) -> Value {
    let tie = |id: &&str| Value::Ref(Ref::Remote(ObjectKind::Contact, (*id).into()));
    let mut members: Vec<Value> = ids.iter().map(tie).collect();
    members.sort();
    Value::List(members)
}

fn create(harness: &Harness, n: usize, ids: &[&str]) -> Write {
    let mut fields = harness.record(n);
    fields.insert(Field::CONTACTS, people(ids));
    let uid = Uid::parse(&format!("0b9bd9ff-1c8e-5c0f-9f0e-5e2a3f1c7d{n:02}")).unwrap();
    harness.write(n, Action::Create { uid, fields })
}

fn add(harness: &Harness, n: usize, id: &RemoteId, ids: &[&str]) -> Write {
    let mut patch = Patch::new();
    patch.set(Field::CONTACTS, Some(people(ids)));
    harness.change(n, id, patch)
}

async fn shown(harness: &Harness, provider: &SharedProvider, id: &RemoteId) -> Option<Value> {
    harness.read(provider, id).await.fields.get(Field::CONTACTS).cloned()
}

#[tokio::test]
async fn a_tie_that_comes_or_goes_changes_the_deal() {
    let harness = deal_harness();
    let (deal, other) = (harness.seed(0), harness.seed(1));
    let (ada, ben) = (person(&harness, "Ada"), person(&harness, "Ben"));
    let provider = harness.provider();
    harness.pass(LONG);
    let mut cursor = harness.drain(&provider, Feed::Changes, None).await.cursor;
    harness.pass(LONG);
    let stamp = harness.fake.record("Opportunity", deal.as_str()).unwrap()["modified"].clone();
    let role = json!({ "OpportunityId": deal.as_str(), "ContactId": ada });
    let row = make(&harness, ROLES, &role);
    make(&harness, ROLES, &json!({ "OpportunityId": other.as_str(), "ContactId": ben }));
    let deeds: [&dyn Fn(); 3] = [
        &|| (),
        &|| harness.fake.delete(ROLES, &row).unwrap(),
        // With a person the ties go too.
        &|| harness.fake.delete("Contact", &ben).unwrap(),
    ];
    let mut both = [deal.clone(), other.clone()];
    both.sort();
    for (deed, expected) in deeds.iter().zip([&both[..], std::slice::from_ref(&deal), &[other]]) {
        deed();
        harness.pass(LONG);
        let drained = harness.drain(&provider, Feed::Changes, cursor).await;
        assert_eq!(drained.ids(), expected);
        let hint = |change: &Change| matches!(change, Change::Touched { version: None, .. });
        assert!(drained.changes.iter().all(hint), "{:?}", drained.changes);
        cursor = drained.cursor;
        harness.pass(LONG);
    }
    let after = harness.fake.record("Opportunity", deal.as_str()).unwrap()["modified"].clone();
    assert_eq!(stamp, after, "its own stamp stays");
    assert_eq!(shown(&harness, &provider, &deal).await, None);
}

#[tokio::test]
async fn a_deal_whose_people_are_refused_is_there_and_the_field_is_named() {
    let harness = deal_harness();
    let (ada, gone) = (person(&harness, "Ada"), person(&harness, "Gone"));
    harness.fake.delete("Contact", &gone).unwrap();
    let provider = harness.provider();
    let writes = [create(&harness, 10, &[&ada, &gone]), create(&harness, 11, &[&ada])];
    let mut results = harness.apply(&provider, &writes).await;
    assert!(results.pop().unwrap().is_ok());
    let refused = failure(results.pop().unwrap());
    assert_eq!(refused, ErrorKind::Validation { field: Some(Field::CONTACTS) });
    assert_eq!(harness.live(), 2);
    // Without them it is the same deal, and who could be tied to it is.
    let id = harness.apply_one(&provider, alone(&harness, 10)).await.unwrap().id;
    assert_eq!(harness.live(), 2);
    assert_eq!(shown(&harness, &provider, &id).await, Some(people(&[&ada])));
}

fn alone(harness: &Harness, n: usize) -> Write {
    let mut write = create(harness, n, &[]);
    if let Action::Create { fields, .. } = &mut write.action {
        fields.set(Field::CONTACTS, None);
    }
    write
}

#[tokio::test]
async fn people_in_doubt_are_unknown_and_a_repetition_adds_nobody_twice() {
    let harness = deal_harness();
    let deal = harness.seed(0);
    let (ada, ben) = (person(&harness, "Ada"), person(&harness, "Ben"));
    let provider = harness.provider();
    provider.probe().await.unwrap();
    let rows = || harness.fake.records(ROLES, Bin::Live).unwrap().len();
    let write = |n| add(&harness, n, &deal, &[&ada, &ben]);
    let faults = [(Fault::BatchItem(1), 1), (Fault::CutAfter, 2)];
    for (n, (fault, there)) in faults.into_iter().enumerate() {
        harness.fake.script(Aim::path("/composite/sobjects"), fault);
        let error = harness.apply_one(&provider, write(n)).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Transient { applied: Applied::Unknown }, "{error}");
        assert_eq!(error.disposition(), Disposition::Verify);
        assert_eq!(rows(), there, "{fault:?}");
    }
    harness.apply_one(&provider, write(3)).await.unwrap();
    assert_eq!(rows(), 2);
    assert_eq!(shown(&harness, &provider, &deal).await, Some(people(&[&ada, &ben])));
}

#[tokio::test]
async fn a_page_shows_the_people_without_a_further_request() {
    let harness = deal_harness();
    let ada = person(&harness, "Ada");
    let deals: Vec<RemoteId> = (0..3).map(|n| harness.seed(n)).collect();
    // Twice in different roles, as users do.
    for role in ["Decision Maker", "Influencer"] {
        let deal = deals[1].as_str();
        let members = json!({ "OpportunityId": deal, "ContactId": ada, "Role": role });
        make(&harness, ROLES, &members);
    }
    let provider = harness.provider();
    provider.probe().await.unwrap();
    let before = harness.requests("");
    let page = harness.page(&provider, Feed::Changes, None).await;
    assert_eq!(harness.requests("") - before, 1);
    let held = page.changes.iter().map(|change| match change {
        Change::Observed(remote) => remote.fields.get(Field::CONTACTS).cloned(),
        other @ (Change::Touched { .. } | Change::Missing { .. } | Change::Merged { .. }) => {
            panic!("{other:?}")
        }
    });
    assert_eq!(held.collect::<Vec<_>>(), [None, Some(people(&[&ada])), None]);
}

#[tokio::test]
async fn a_stage_of_the_orgs_own_must_stand_for_one_of_ours() {
    let (harness, _fake) = of(ObjectKind::Deal, SalesforceOptions::default());
    let pilot = json!({
        "ApiName": "Pilot", "MasterLabel": "Pilot", "IsActive": true, "SortOrder": 3,
    });
    make(&harness, "OpportunityStage", &pilot);
    let members = json!({ "Name": "Gears", "StageName": "Pilot", "CloseDate": "2027-03-01" });
    let id: RemoteId = make(&harness, "Opportunity", &members).into();
    let provider = harness.provider();
    let findings = provider.probe().await.unwrap().findings;
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert!(finding.blocking && finding.kind == ObjectKind::Deal);
    assert!(finding.hint.contains("\"Pilot\" = "), "{}", finding.hint);
    let remote = harness.read(&provider, &id).await;
    assert!(!remote.read.contains(&Field::STAGE), "not blank: unknown");

    let settings = |ours: &str| {
        json!({
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
            "stages": { "Pilot": ours },
        })
    };
    let provider = opened(&harness, &settings("proposal"));
    assert_eq!(provider.probe().await.unwrap().findings, []);
    let remote = harness.read(&provider, &id).await;
    let stage = |remote: &crm_core::Remote| remote.fields.get(Field::STAGE).cloned();
    assert_eq!(stage(&remote), Some(Value::Choice("proposal".into())));
    let connect = harness.way(crm_testkit::contract::provider::Credentials::Right);
    let error = crate::room::open(&connect, &settings("nearly")).unwrap_err();
    assert!(error.to_string().contains("nearly"), "{error}");
}

#[tokio::test]
async fn currencies_take_part_where_the_org_has_several() {
    let currencies = vec!["GBP".to_owned(), "EUR".to_owned()];
    let options = SalesforceOptions { currencies, ..Default::default() };
    for (options, several) in [(options, true), (SalesforceOptions::default(), false)] {
        let (harness, _fake) = of(ObjectKind::Deal, options);
        let id = harness.seed(0);
        let provider = harness.provider();
        assert_eq!(provider.probe().await.unwrap().findings, []);
        let remote = harness.read(&provider, &id).await;
        assert_eq!(remote.read.contains(&Field::CURRENCY), several);
        let own = remote.fields.get(Field::CURRENCY).map(Value::display);
        assert_eq!(own.as_deref(), several.then_some("GBP"));
        let capabilities = provider.capabilities();
        let known = capabilities.metadata.currencies.as_deref();
        let known = known.map(|codes| codes.iter().map(|code| &**code).collect::<Vec<_>>());
        assert_eq!(known, several.then(|| vec!["EUR", "GBP"]));
    }
}

#[tokio::test]
async fn what_an_account_accepts_is_known_after_a_probe() {
    let harness = deal_harness();
    let provider = harness.provider();
    provider.probe().await.unwrap();
    let capabilities = provider.capabilities();
    let facts = |field| &capabilities.metadata.fields[&(ObjectKind::Deal, field)];
    assert!(facts(Field::TITLE).required && facts(Field::EXPECTED_CLOSE_DATE).required);
    assert_eq!(facts(Field::TITLE).length_max, Some(120));
    assert!(!facts(Field::VALUE).required && !facts(Field::VALUE).read_only);
    let direction = (ObjectKind::Activity, Field::CALL_DIRECTION);
    let options = capabilities.metadata.fields[&direction].options.as_deref().unwrap();
    assert_eq!(
        options.iter().map(|o| &**o).collect::<Vec<_>>(),
        ["Internal", "Inbound", "Outbound"]
    );
}

#[tokio::test]
async fn with_a_company_its_people_and_deals_go_and_a_merge_moves_them() {
    let harness = deal_harness();
    let company = |name: &str| make(&harness, "Account", &json!({ "Name": name }));
    let (winner, loser) = (company("Valley"), company("Vale"));
    let deal = harness.seed_with(&harness.record(0), &[("AccountId", &loser)]);
    let contact = make(&harness, "Contact", &json!({ "LastName": "Ada", "AccountId": loser }));
    let provider = harness.provider();
    harness.fake.merge("Account", &winner, &loser).unwrap();
    let ids = [RemoteId::from(loser.as_str())];
    let lookups = provider.get(ObjectKind::Company, &ids).await.unwrap();
    assert_eq!(lookups, [Lookup::MergedInto(winner.as_str().into())]);
    let remote = harness.read(&provider, &deal).await;
    let tie = Value::Ref(Ref::Remote(ObjectKind::Company, winner.as_str().into()));
    assert_eq!(remote.fields.get(Field::COMPANY_REF), Some(&tie));

    harness.fake.delete("Account", &winner).unwrap();
    for (kind, id) in [
        (ObjectKind::Company, winner.as_str()),
        (ObjectKind::Contact, contact.as_str()),
        (ObjectKind::Deal, deal.as_str()),
    ] {
        let page = provider.changes(kind, Feed::Deletions, None).await.unwrap();
        let missing = Change::Missing { id: id.into() };
        assert!(page.changes.contains(&missing), "{kind}: {:?}", page.changes);
        assert_eq!(provider.get(kind, &[id.into()]).await.unwrap(), [Lookup::Archived]);
    }
}
