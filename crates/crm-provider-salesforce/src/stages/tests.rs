//! What the stages of an org stand for.

use crm_core::{Metadata, ObjectKind};

use super::*;

fn row(name: &str, place: i64, is_active: bool, end: (bool, bool)) -> StageRow {
    StageRow {
        api_name: name.to_owned(),
        master_label: None,
        is_active,
        is_closed: end.0,
        is_won: end.1,
        sort_order: Some(place),
    }
}

const OPEN: (bool, bool) = (false, false);

fn rows() -> Vec<StageRow> {
    vec![
        row("Won", 6, true, (true, true)),
        row("Lost", 7, true, (true, false)),
        row("Prospecting", 1, true, OPEN),
        row("Perception Analysis", 3, true, OPEN),
        row("Qualification", 2, true, OPEN),
        row("Negotiation/Review", 5, false, OPEN),
        row("Pilot", 4, true, OPEN),
    ]
}

fn known(map: &StageMap) -> Metadata {
    Metadata { pipelines: Some(pipelines(map, rows())), ..Metadata::default() }
}

#[test]
fn usual_and_closed_stages_are_known_in_the_order_of_the_org() {
    let known = known(&StageMap::new());
    let means = |id: &str| known.stage(None, id).unwrap().ours.as_deref();
    assert_eq!(means("Won"), Some("closed_won"));
    assert_eq!(means("Lost"), Some("closed_lost"));
    assert_eq!(means("Prospecting"), Some("new"));
    assert_eq!(means("Pilot"), None);
    // The first one of the org, not of the answer.
    assert_eq!(&*known.stage_for(None, "qualified").unwrap().id, "Qualification");
}

#[test]
fn a_retired_stage_is_read_and_never_written() {
    let known = known(&StageMap::new());
    let retired = known.stage(None, "Negotiation/Review").unwrap();
    assert_eq!(retired.ours.as_deref(), Some("proposal"));
    assert_eq!(known.stage_for(None, "proposal"), None);
}

#[test]
fn what_is_configured_goes_before_everything() {
    let pairs = [("Pilot", "proposal"), ("Won", "proposal")];
    let map = pairs.map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned())).into();
    check(&map).unwrap();
    let known = known(&map);
    assert_eq!(&*known.stage_for(None, "proposal").unwrap().id, "Pilot");
    assert_eq!(known.stage_for(None, "closed_won"), None);
    let wrong = [("Pilot".to_owned(), "nearly".to_owned())].into();
    let error = check(&wrong).unwrap_err();
    assert!(error.to_string().contains("nearly") && error.hint().unwrap().contains("proposal"));
}

#[test]
fn a_stage_without_a_meaning_holds_deals_back_and_names_the_line_to_add() {
    let found = findings(&"crm-a".into(), &pipelines(&StageMap::new(), rows()));
    let [unmapped, missing] = found.as_slice() else { panic!("{found:?}") };
    assert!(unmapped.blocking && unmapped.message.contains("`Pilot`"));
    let line = "[connections.crm-a.stages]: \"Pilot\" = \"qualified\"";
    assert!(unmapped.hint.contains(line), "{}", unmapped.hint);
    assert!(!missing.blocking && missing.message.contains("`proposal`"));
    assert!(found.iter().all(|finding| finding.kind == ObjectKind::Deal));
}
