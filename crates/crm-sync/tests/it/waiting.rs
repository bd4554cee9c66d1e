//! References to records that are to come.

use std::time::Duration;

use crm_core::{Field, ObjectKind};
use crm_store::{Entity, Seq, Store};
use crm_sync::Flow;
use crm_testkit::memory::Deed;
use crm_testkit::memory::profile::{NORTH, SOUTH};

use crate::town::{KIND, Town};

/// Nothing is known of a company but to whom it belongs, and that one cannot be made either: what
/// is missing is said.
#[test]
fn whoever_is_known_by_its_owner_alone_is_not_left_out_in_silence() {
    let mut town = Town::of(&[&NORTH, &SOUTH], vec![Flow::new(ObjectKind::Company)]);
    let kind = ObjectKind::Company;
    let nameless = vec![(Field::DOMAIN, "owner.example".to_owned())];
    let none = Vec::new();
    town.realm.perform(Deed::Create { account: 0, kind, values: nameless, ties: none });
    let ties = vec![(Field::PARENT, 0)];
    town.realm.perform(Deed::Create { account: 0, kind, values: Vec::new(), ties });
    town.pass(Duration::from_mins(10));
    town.sync();
    let page = town.run(town.store.scan(kind, Seq::default(), 9)).unwrap();
    let parked = |entity: &Entity| {
        let link = entity.link(&SOUTH.name.into());
        link.and_then(|link| Some(link.parked.as_ref()?.class.clone()))
    };
    let classes: Vec<Option<String>> = page.iter().map(parked).collect();
    assert_eq!(classes, vec![Some("missing_required".to_owned()); 2], "{page:#?}");
}

/// A person moves to a company that cannot be made in the other CRM: there the old company stays
/// until the new one comes.
#[test]
pub(crate) fn what_is_there_stays_until_what_is_waited_for_comes() {
    let flows = vec![Flow::new(ObjectKind::Company), Flow::new(ObjectKind::Contact)];
    let mut town = Town::of(&[&NORTH, &SOUTH], flows);
    let kind = ObjectKind::Company;
    for values in [vec![(Field::NAME, "Old Works")], vec![(Field::DOMAIN, "new.example")]] {
        let values = values.into_iter().map(|(field, text)| (field, text.to_owned())).collect();
        town.realm.perform(Deed::Create { account: 0, kind, values, ties: Vec::new() });
    }
    town.person(1, &[(Field::LAST_NAME, "Novak")]);
    let tie = |town: &Town, to| {
        let field = Field::COMPANY_REF;
        town.realm.perform(Deed::Tie { account: 0, kind: KIND, pick: 0, field, to });
        town.pass(Duration::from_mins(10));
    };
    tie(&town, 0);
    town.sync();
    let works = town.value(1, Field::COMPANY_REF);
    assert!(works.is_some());
    tie(&town, 1);
    town.sync();
    assert_eq!(town.realm.live(1, kind).len(), 1);
    assert_eq!(town.value(1, Field::COMPANY_REF), works);
    // It is given a name, and comes.
    let (field, value) = (Field::NAME, Some("New Works".to_owned()));
    town.realm.perform(Deed::Edit { account: 0, kind, pick: 1, field, value });
    for _ in 0..2 {
        town.pass(Duration::from_mins(10));
        town.sync();
    }
    assert_eq!(town.realm.live(1, kind).len(), 2);
    assert!(town.value(1, Field::COMPANY_REF).is_some_and(|it| Some(it) != works));
}
