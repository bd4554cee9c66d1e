//! The company that a contact names in a text, as a record of its own.

use std::time::Duration;

use crm_core::{Field, ObjectKind, Ref, RemoteId};
use crm_sync::{Flow, Report};
use crm_testkit::memory::Deed;
use crm_testkit::memory::profile::{NORTH, SOUTH};

use crate::town::{KIND, Town};

const COMPANY: ObjectKind = ObjectKind::Company;

fn town(wanted: bool) -> Town {
    let contacts = Flow { company_to_record: wanted, ..Flow::new(KIND) };
    Town::of(&[&NORTH, &SOUTH], vec![contacts, Flow::new(COMPANY)])
}

fn enter(town: &Town, account: usize, kind: ObjectKind, values: &[(Field, &str)]) {
    let values = values.iter().map(|(field, text)| (*field, (*text).to_owned())).collect();
    town.realm.perform(Deed::Create { account, kind, values, ties: Vec::new() });
}

fn person(town: &Town, account: usize, name: &str, company: &str) {
    let mail = format!("{}@mail.example", name.to_lowercase());
    let values = [(Field::LAST_NAME, name), (Field::EMAIL, &mail), (Field::COMPANY, company)];
    enter(town, account, KIND, &values);
}

fn later(town: &mut Town) -> Report {
    town.pass(Duration::from_mins(10));
    town.sync()
}

fn companies(town: &Town, account: usize) -> Vec<String> {
    let name = |id: &RemoteId| town.realm.stored(account, COMPANY, id, Field::NAME);
    town.realm.live(account, COMPANY).iter().filter_map(|id| Some(name(id)?.display())).collect()
}

/// Returns the names of the companies that the people of an account are tied to.
fn tied(town: &Town, account: usize) -> Vec<Option<String>> {
    let company = |id: &RemoteId| {
        let tie = town.realm.stored(account, KIND, id, Field::COMPANY_REF)?;
        let Ref::Remote(_, company) = tie.as_reference()? else { return None };
        Some(town.realm.stored(account, COMPANY, company, Field::NAME)?.display())
    };
    town.realm.live(account, KIND).iter().map(company).collect()
}

/// Returns what somebody is tied to who is tied to a company of that name.
fn at(company: &str) -> Option<String> {
    (!company.is_empty()).then(|| company.to_owned())
}

/// One company is made for all who name it, in every CRM, and they are tied to it there.
#[test]
fn a_named_company_becomes_a_record() {
    let mut town = town(true);
    person(&town, 0, "Novak", "Oak Repairs");
    person(&town, 1, "Berg", "oak repairs");
    town.sync();
    for _ in 0..2 {
        later(&mut town);
    }
    for account in 0..2 {
        assert_eq!(companies(&town, account), ["Oak Repairs"]);
        assert_eq!(tied(&town, account), [at("Oak Repairs"), at("Oak Repairs")]);
    }
    assert_eq!(later(&mut town).writes(), 0);
}

/// A company that is there is taken, and which of two namesakes is meant nobody can say.
#[test]
fn a_company_that_is_there_is_taken() {
    let mut town = town(true);
    enter(&town, 1, COMPANY, &[(Field::NAME, "Oak Repairs")]);
    person(&town, 0, "Novak", "Oak Repairs");
    town.sync();
    later(&mut town);
    for account in 0..2 {
        assert_eq!(
            (companies(&town, account).len(), tied(&town, account)),
            (1, vec![at("Oak Repairs")])
        );
    }
    let domains = ["north-birch.example", "south-birch.example"];
    for domain in domains {
        enter(&town, 0, COMPANY, &[(Field::NAME, "Birch"), (Field::DOMAIN, domain)]);
    }
    later(&mut town);
    person(&town, 0, "Berg", "Birch");
    later(&mut town);
    assert_eq!(tied(&town, 0), [at("Oak Repairs"), at("")]);
    assert_eq!(companies(&town, 0).len(), 3);
    assert_eq!(later(&mut town).writes(), 0);
}

/// What somebody said about the company is not overruled by a text, and a company that only the
/// text had given goes with it.
#[test]
fn a_text_overrules_nobody() {
    let mut town = town(true);
    person(&town, 0, "Novak", "Oak Repairs");
    town.sync();
    later(&mut town);
    town.edit(0, Field::COMPANY, "Birch Works");
    for _ in 0..2 {
        later(&mut town);
    }
    assert_eq!(tied(&town, 1), [at("Birch Works")]);
    let field = Field::COMPANY_REF;
    town.realm.perform(Deed::Tie { account: 0, kind: KIND, pick: 0, field, to: 0 });
    later(&mut town);
    town.edit(0, Field::COMPANY, "Cedar Shop");
    for _ in 0..2 {
        later(&mut town);
    }
    assert_eq!(tied(&town, 1), [at("Oak Repairs")]);
    assert_eq!(companies(&town, 1).len(), 2, "nobody needs a third one");
}

/// Without the setting a text stays a text.
#[test]
fn without_the_setting_a_text_stays_a_text() {
    let mut town = town(false);
    person(&town, 0, "Novak", "Oak Repairs");
    town.sync();
    later(&mut town);
    assert_eq!((companies(&town, 0).len(), companies(&town, 1).len()), (0, 0));
}

/// A plan counts the companies that would be made, each once.
#[test]
fn a_plan_counts_the_companies() {
    let mut town = town(true);
    person(&town, 0, "Novak", "Oak Repairs");
    person(&town, 1, "Berg", "Oak Repairs");
    let run = town.next_run();
    let plan = town.run(town.engine.plan(run, &())).unwrap();
    let made = &plan.kinds[&COMPANY].create;
    assert_eq!(made.values().copied().collect::<Vec<_>>(), [1, 1], "{made:?}");
}
