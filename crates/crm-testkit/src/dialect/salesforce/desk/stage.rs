//! The stages of deals: rows of an object type that only Setup changes.

use super::Desk;
use crate::world::{Changes, Column, Record, Table};

/// The type whose records they are.
pub(in super::super) const KIND: &str = "OpportunityStage";

/// Whether a stage ends a deal, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum End {
    #[default]
    Open,
    Won,
    Lost,
}

/// What a stage does to the deals in it.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) probability: String,
    pub(super) category: String,
    pub(super) category_code: String,
    pub(super) end: End,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            probability: "10.0".to_owned(),
            category: "Pipeline".to_owned(),
            category_code: "Pipeline".to_owned(),
            end: End::Open,
        }
    }
}

/// A row of a new org: name, probability in percent, forecast category by name and by code, end.
pub(in super::super) const USUAL: &[(&str, &str, &str, &str, End)] = &[
    ("Prospecting", "10.0", "Pipeline", "Pipeline", End::Open),
    ("Qualification", "10.0", "Pipeline", "Pipeline", End::Open),
    ("Needs Analysis", "20.0", "Pipeline", "Pipeline", End::Open),
    ("Value Proposition", "50.0", "Pipeline", "Pipeline", End::Open),
    ("Id. Decision Makers", "60.0", "Pipeline", "Pipeline", End::Open),
    ("Perception Analysis", "70.0", "Pipeline", "Pipeline", End::Open),
    ("Proposal/Price Quote", "75.0", "Best Case", "BestCase", End::Open),
    ("Negotiation/Review", "90.0", "Commit", "Forecast", End::Open),
    ("Closed Won", "100.0", "Closed", "Closed", End::Won),
    ("Closed Lost", "0.0", "Omitted", "Omitted", End::Lost),
];

impl Desk<'_> {
    /// Returns what the stage of that name does.
    pub(super) fn stage(&self, name: &str) -> Option<Stage> {
        let kind = self.catalog.kind(KIND)?;
        let table = self.world.table(kind.name)?;
        let column = |name: &str| kind.field(name).map(|field| field.column);
        let named = column("ApiName")?;
        let row = table.live_after(0).find(|row| row.get(named) == Some(name))?;
        let usual = Stage::default();
        let text = |name: &str, usual: String| value(row, column(name)).unwrap_or(usual);
        let is = |name: &str| value(row, column(name)).as_deref() == Some("true");
        Some(Stage {
            probability: text("DefaultProbability", usual.probability),
            category: text("ForecastCategoryName", usual.category),
            category_code: text("ForecastCategory", usual.category_code),
            end: match (is("IsClosed"), is("IsWon")) {
                (_, true) => End::Won,
                (true, false) => End::Lost,
                (false, false) => End::Open,
            },
        })
    }
}

fn value(row: &Record, column: Option<Column>) -> Option<String> {
    row.get(column?).map(str::to_owned)
}

/// Returns the names of the active stages, in the order of Setup.
pub(in super::super) fn active(table: &Table) -> Vec<String> {
    let column = |name: &str| table.columns().get(name);
    let mut rows: Vec<(i64, String)> = table
        .live_after(0)
        .filter(|row| value(row, column("IsActive")).as_deref() == Some("true"))
        .filter_map(|row| {
            let place = value(row, column("SortOrder")).and_then(|text| text.parse().ok());
            Some((place.unwrap_or(i64::MAX), value(row, column("ApiName"))?))
        })
        .collect();
    rows.sort();
    rows.into_iter().map(|(_, name)| name).collect()
}

/// Returns a row of a new org as its table keeps it.
pub(in super::super) fn usual_row(place: usize) -> Option<Vec<(&'static str, String)>> {
    let (name, probability, category, code, end) = USUAL.get(place)?;
    Some(vec![
        ("MasterLabel", (*name).to_owned()),
        ("ApiName", (*name).to_owned()),
        ("IsActive", "true".to_owned()),
        ("SortOrder", (place + 1).to_string()),
        ("IsClosed", (*end != End::Open).to_string()),
        ("IsWon", (*end == End::Won).to_string()),
        ("ForecastCategory", (*code).to_owned()),
        ("ForecastCategoryName", (*category).to_owned()),
        ("DefaultProbability", (*probability).to_owned()),
    ])
}

/// Names a change of one column.
pub(super) fn unset(column: Column) -> Changes {
    Changes::from([(column, None)])
}
