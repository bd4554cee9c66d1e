//! Users, stages and ties, both ways.

use std::borrow::Cow;

use crm_core::{Owner, Pipeline, Stage};

use super::*;
use crate::generated::mapping::{ACTIVITY_TASK, DEAL as DEALS};

const PERSON: &str = "003000000000001AAA";
const OTHER: &str = "003000000000002AAA";
const COMPANY: &str = "001000000000001AAA";
const A_DEAL: &str = "006000000000001AAA";
const LEAD: &str = "00Q000000000001AAA";

fn metadata() -> Metadata {
    let owner =
        |id: &str, email: &str, active| Owner { id: id.into(), email: email.into(), active };
    let stage = |id: &str, ours: Option<&str>| Stage {
        id: id.into(),
        label: id.into(),
        ours: ours.map(Into::into),
    };
    let stages = vec![
        stage("First", Some("qualified")),
        stage("Second", Some("qualified")),
        stage("Odd", None),
    ];
    Metadata {
        owners: Some(vec![
            owner("0051", "petra@org.example", true),
            owner("0052", "ines@org.example", false),
        ]),
        pipelines: Some(vec![Pipeline { id: "default".into(), label: "All".into(), stages }]),
        ..Metadata::default()
    }
}

fn tie(kind: ObjectKind, id: &str) -> Value {
    Value::Ref(Ref::Remote(kind, id.into()))
}

fn people(ids: &[&str]) -> Value {
    Value::List(ids.iter().map(|id| tie(ObjectKind::Contact, id)).collect())
}

fn read(field: Field, held: Option<&str>) -> Said {
    let rule = ACTIVITY_TASK.rule(field).or_else(|| DEALS.rule(field)).unwrap();
    let name = column(rule).unwrap();
    let held = held.map_or(Scalar::Null, |text| Scalar::Text(Cow::Borrowed(text)));
    let row = Row(vec![(Cow::Borrowed(name), held)]);
    said(rule, Some("task"), &row, &metadata(), Normalizer::default())
}

#[test]
fn a_shared_column_says_something_of_the_field_that_it_holds() {
    let company = |held| read(Field::COMPANY_REF, held);
    let deal = |held| read(Field::DEAL, held);
    assert_eq!((company(None), deal(None)), (Said::Blank, Said::Blank));
    let of_company = Said::Held(tie(ObjectKind::Company, COMPANY));
    assert_eq!((company(Some(COMPANY)), deal(Some(COMPANY))), (of_company, Said::Blank));
    let of_deal = Said::Held(tie(ObjectKind::Deal, A_DEAL));
    assert_eq!((company(Some(A_DEAL)), deal(Some(A_DEAL))), (Said::Nothing, of_deal));
    assert_eq!((company(Some("500x")), deal(Some("500x"))), (Said::Nothing, Said::Nothing));
    assert_eq!(read(Field::CONTACTS, Some(PERSON)), Said::Held(people(&[PERSON])));
    assert_eq!(read(Field::CONTACTS, None), Said::Blank);
    assert_eq!(read(Field::CONTACTS, Some(LEAD)), Said::Nothing, "a lead is nobody we keep");
}

#[test]
fn what_is_not_understood_takes_no_part() {
    let stage = |id| read(Field::STAGE, Some(id));
    assert_eq!(stage("Second"), Said::Held(Value::Choice("qualified".into())));
    assert_eq!((stage("Odd"), stage("Unheard of")), (Said::Nothing, Said::Nothing));
    let ines = Normalizer::default().text(FieldType::Email, "ines@org.example").unwrap();
    assert_eq!(read(Field::OWNER, Some("0052")), Said::Held(ines));
    assert_eq!(read(Field::OWNER, Some("00G1")), Said::Nothing, "a queue");
}

fn written(
    table: &crm_core::Mapping,
    patch: &Patch,
    present: Present,
) -> Result<Map<String, Json>> {
    let metadata = metadata();
    let members = Map::new();
    let mut translation = Translation { metadata: &metadata, present, patch: Some(patch), members };
    for (field, value) in patch.iter() {
        translation.add(table.rule(field).unwrap(), value)?;
    }
    Ok(translation.members)
}

fn patch(changes: &[(Field, Option<Value>)]) -> Patch {
    changes.iter().cloned().collect()
}

fn about(id: &str) -> Present {
    Present { what: Some(id.to_owned()), ..Present::default() }
}

#[test]
fn a_deal_goes_before_a_company() {
    let company = || (Field::COMPANY_REF, Some(tie(ObjectKind::Company, COMPANY)));
    let deal = || (Field::DEAL, Some(tie(ObjectKind::Deal, A_DEAL)));
    let no_company = || (Field::COMPANY_REF, None);
    let no_deal = || (Field::DEAL, None);
    let what = |changes: &[(Field, Option<Value>)], present: Present| {
        let members = written(&ACTIVITY_TASK, &patch(changes), present).unwrap();
        members.get(WHAT).map(|id| id.as_str().map(str::to_owned))
    };
    let set = |id: &str| Some(Some(id.to_owned()));
    let nothing = Present::default;
    assert_eq!(what(&[company(), deal()], nothing()), set(A_DEAL));
    assert_eq!(what(&[company()], nothing()), set(COMPANY));
    assert_eq!(what(&[company()], about(A_DEAL)), None, "the tie to the deal stays");
    assert_eq!(what(&[company(), no_deal()], about(A_DEAL)), set(COMPANY));
    assert_eq!(what(&[no_deal()], about(A_DEAL)), Some(None));
    assert_eq!(what(&[no_deal()], about(COMPANY)), None);
    assert_eq!(what(&[no_company()], about(COMPANY)), Some(None));
    assert_eq!(what(&[no_company()], about(A_DEAL)), None);
    assert_eq!(what(&[no_company(), deal()], about(COMPANY)), set(A_DEAL));
}

#[test]
fn the_person_who_is_there_stays_while_the_set_holds_them() {
    let who = |base: Option<&[&str]>, now: Option<&[&str]>| {
        let mut patch = patch(&[(Field::CONTACTS, now.map(people))]);
        if let Some(base) = base {
            patch.set_base(Field::CONTACTS, people(base));
        }
        let members = written(&ACTIVITY_TASK, &patch, Present::default()).unwrap();
        members.get(WHO).map(|id| id.as_str().map(str::to_owned))
    };
    let set = |id: &str| Some(Some(id.to_owned()));
    assert_eq!(who(None, Some(&[PERSON, OTHER])), set(PERSON));
    assert_eq!(who(Some(&[OTHER]), Some(&[PERSON, OTHER])), None);
    assert_eq!(who(Some(&[OTHER]), Some(&[PERSON])), set(PERSON));
    assert_eq!(who(Some(&[OTHER]), None), Some(None));
}

#[test]
fn the_first_stage_is_written_unless_the_present_one_stands_for_it() {
    let stage = |ours: &str, present: Option<&str>| {
        let patch = patch(&[(Field::STAGE, Some(Value::Choice(ours.into())))]);
        let present = Present { stage: present.map(str::to_owned), ..Present::default() };
        written(&DEALS, &patch, present)
    };
    assert_eq!(stage("qualified", Some("Odd")).unwrap()[STAGE], "First");
    assert!(stage("qualified", Some("Second")).unwrap().is_empty());
    let error = stage("proposal", None).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Validation { field: Some(Field::STAGE) });
    assert!(error.hint().unwrap().contains("crm.toml"));
}

#[test]
fn an_owner_is_an_active_user() {
    let owner = |email: Option<&str>| {
        let value = email.map(|email| Normalizer::default().text(FieldType::Email, email).unwrap());
        written(&DEALS, &patch(&[(Field::OWNER, value)]), Present::default())
    };
    assert_eq!(owner(Some("Petra@Org.example")).unwrap()["OwnerId"], "0051");
    for wrong in [Some("ines@org.example"), Some("nobody@org.example"), None] {
        let error = owner(wrong).unwrap_err();
        let validation = ErrorKind::Validation { field: Some(Field::OWNER) };
        assert_eq!(*error.kind(), validation, "{wrong:?}");
    }
}

#[test]
fn a_reference_to_nothing_in_the_org_is_refused() {
    let value = Value::Ref(Ref::Entity("0b9bd9ff-1c8e-5c0f-9f0e-5e2a3f1c7d10".parse().unwrap()));
    let refused =
        written(&ACTIVITY_TASK, &patch(&[(Field::DEAL, Some(value))]), Present::default());
    assert_eq!(*refused.unwrap_err().kind(), ErrorKind::Validation { field: Some(Field::DEAL) });
}
