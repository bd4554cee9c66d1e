//! The stages of deals: which of ours each of the org's stands for.
//!
//! The configuration says it; where it does not, the stages that Zoho gives every new org are
//! known, and of a closed one the org itself tells whether it was won.

use std::sync::Arc;

use crm_core::stages::StageMap;
use crm_core::{Pipeline, Stage};

use crate::wire::{Choice, PipelineRow};

/// The stages of a new org that are open.
const USUAL: &[(&str, &str)] = &[
    ("Qualification", "new"),
    ("Needs Analysis", "qualified"),
    ("Value Proposition", "qualified"),
    ("Id. Decision Makers", "qualified"),
    ("Identify Decision Makers", "qualified"),
    ("Proposal/Price Quote", "proposal"),
    ("Negotiation/Review", "proposal"),
];
const WON: &str = "closed_won";
const LOST: &str = "closed_lost";

fn meaning<'a>(map: &'a StageMap, row: &Choice) -> Option<&'a str> {
    let label = row.display_value.as_deref().unwrap_or(&row.actual_value);
    let configured = map.get(&row.actual_value).or_else(|| map.get(label));
    configured.map(String::as_str).or_else(|| match row.forecast_type.as_deref() {
        Some("Closed Won") => Some(WON),
        Some("Closed Lost") => Some(LOST),
        Some(_) | None => {
            USUAL.iter().find(|(theirs, _)| *theirs == row.actual_value).map(|pair| pair.1)
        }
    })
}

fn stages(map: &StageMap, mut rows: Vec<Choice>) -> Vec<Stage> {
    rows.sort_by_key(|row| row.sequence_number.unwrap_or(i64::MAX));
    let none = |row: &Choice| row.actual_value.is_empty() || row.actual_value == "-None-";
    rows.retain(|row| !none(row));
    let stage = |row: Choice| Stage {
        ours: meaning(map, &row).map(Arc::from),
        label: row.display_value.as_deref().unwrap_or(&row.actual_value).into(),
        id: row.actual_value.as_str().into(),
    };
    rows.into_iter().map(stage).collect()
}

/// Returns the pipelines, the default one first; without any, one without a name that has all
/// stages of the picklist.
pub(crate) fn pipelines(
    map: &StageMap,
    mut rows: Vec<PipelineRow>,
    picklist: Vec<Choice>,
) -> Vec<Pipeline> {
    if rows.is_empty() {
        let all = stages(map, picklist);
        return vec![Pipeline { id: "".into(), label: "Deals".into(), stages: all }];
    }
    rows.sort_by_key(|row| !row.default);
    let pipeline = |row: PipelineRow| Pipeline {
        label: row.display_value.as_deref().unwrap_or(&row.actual_value).into(),
        id: row.actual_value.as_str().into(),
        stages: stages(map, row.maps),
    };
    rows.into_iter().map(pipeline).collect()
}

#[cfg(test)]
mod tests {
    use crm_core::Metadata;

    use super::*;

    fn row(actual: &str, label: &str, place: i64, forecast: &str) -> Choice {
        Choice {
            actual_value: actual.to_owned(),
            display_value: Some(label.to_owned()),
            forecast_type: Some(forecast.to_owned()),
            sequence_number: Some(place),
        }
    }

    fn rows() -> Vec<Choice> {
        vec![
            row("Id. Decision Makers", "Identify Decision Makers", 3, "Open"),
            row("Pilot", "Pilot phase", 2, "Open"),
            row("Gone", "Gone", 5, "Closed Lost"),
            row("Signed", "Signed", 4, "Closed Won"),
            row("Qualification", "Qualification", 1, "Open"),
        ]
    }

    #[test]
    fn a_stage_is_known_by_either_name_and_a_closed_one_by_its_end() {
        let map = StageMap::from([("Pilot phase".to_owned(), "proposal".to_owned())]);
        let metadata = Metadata {
            pipelines: Some(pipelines(&map, Vec::new(), rows())),
            ..Metadata::default()
        };
        let ours = |id: &str| metadata.stage(None, id).unwrap().ours.clone().unwrap();
        let all = ["Qualification", "Pilot", "Id. Decision Makers", "Signed", "Gone"];
        let all = all.map(|id| ours(id).to_string());
        assert_eq!(all, ["new", "proposal", "qualified", "closed_won", "closed_lost"]);
    }

    #[test]
    fn the_default_pipeline_comes_first() {
        let pipeline = |name: &str, default| PipelineRow {
            actual_value: name.to_owned(),
            display_value: None,
            default,
            maps: rows(),
        };
        let found = pipelines(
            &StageMap::new(),
            vec![pipeline("Repairs", false), pipeline("Sales", true)],
            Vec::new(),
        );
        assert_eq!(found.iter().map(|one| &*one.id).collect::<Vec<_>>(), ["Sales", "Repairs"]);
        let names: Vec<&str> = found[0].stages.iter().map(|stage| &*stage.id).collect();
        assert_eq!(names[..2], ["Qualification", "Pilot"]);
    }
}
