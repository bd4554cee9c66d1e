//! The conditions of a search.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::fail::Fail;
use super::kind::Kind;
use super::view::View;
use super::{HubSpot, strings, text, time};
use crate::world::Columns;

/// The most groups, conditions per group, and conditions in all.
const GROUPS_MAX: usize = 5;
const FILTERS_MAX: usize = 6;
const ALL_FILTERS_MAX: usize = 18;

/// How a condition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
    Between,
    In,
    NotIn,
    HasProperty,
    NotHasProperty,
    ContainsToken,
    NotContainsToken,
}

/// How a property's values are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Text,
    Number,
    Time,
}

/// One condition.
#[derive(Debug)]
pub(super) struct Filter {
    property: String,
    operator: Operator,
    values: Vec<String>,
    scale: Scale,
}

/// What a group of conditions allows of the two properties that have an order of their own.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub(super) modified: RangeInclusive<i64>,
    pub(super) key: RangeInclusive<u64>,
}

impl HubSpot {
    /// Returns how a property's values are ordered.
    pub(super) fn scale(&self, kind: &Kind, name: &str) -> Option<Scale> {
        Some(match self.property(kind, name)?.kind.as_str() {
            "number" => Scale::Number,
            "date" | "datetime" => Scale::Time,
            _ => Scale::Text,
        })
    }

    /// Returns the groups of conditions of a search.
    pub(super) fn filters(
        &self,
        kind: &Kind,
        groups: Option<&Value>,
    ) -> Result<Vec<Vec<Filter>>, Fail> {
        let empty = Vec::new();
        let groups = groups.and_then(Value::as_array).unwrap_or(&empty);
        let parsed = groups.iter().map(|group| {
            let filters = group.get("filters").and_then(Value::as_array).unwrap_or(&empty);
            filters.iter().map(|filter| self.filter(kind, filter)).collect::<Result<Vec<_>, _>>()
        });
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
        let all: usize = parsed.iter().map(Vec::len).sum();
        let crowded = parsed.iter().any(|group| group.len() > FILTERS_MAX);
        if parsed.len() > GROUPS_MAX || crowded || all > ALL_FILTERS_MAX {
            let message = format!(
                "A search may have {GROUPS_MAX} filterGroups with {FILTERS_MAX} filters each and \
                 {ALL_FILTERS_MAX} filters in all"
            );
            return Err(Fail::invalid(message));
        }
        Ok(parsed)
    }

    fn filter(&self, kind: &Kind, filter: &Value) -> Result<Filter, Fail> {
        let field = |name: &str| filter.get(name).and_then(text);
        let property = field("propertyName").unwrap_or_default();
        let Some(scale) = self.scale(kind, &property) else {
            // Chosen here: an unknown property is a bad request.
            let message = "There was a problem with the request.";
            return Err(Fail::invalid(message));
        };
        let name = field("operator").unwrap_or_default();
        let Some(operator) = Operator::named(&name) else {
            return Err(Fail::invalid(format!("Invalid operator: {name}")));
        };
        let values = match operator {
            Operator::In | Operator::NotIn => strings(filter.get("values")),
            Operator::Between => {
                [field("value"), field("highValue")].into_iter().flatten().collect()
            }
            Operator::HasProperty | Operator::NotHasProperty => Vec::new(),
            Operator::Eq
            | Operator::Neq
            | Operator::Lt
            | Operator::Lte
            | Operator::Gt
            | Operator::Gte
            | Operator::ContainsToken
            | Operator::NotContainsToken => field("value").into_iter().collect(),
        };
        let unary = matches!(operator, Operator::HasProperty | Operator::NotHasProperty);
        let least = if operator == Operator::Between { 2 } else { 1 };
        let enough = unary || values.len() >= least;
        if !enough {
            return Err(Fail::invalid(format!("operator {name} requires a value for {property}")));
        }
        Ok(Filter { property, operator, values, scale })
    }
}

impl Operator {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "EQ" => Self::Eq,
            "NEQ" => Self::Neq,
            "LT" => Self::Lt,
            "LTE" => Self::Lte,
            "GT" => Self::Gt,
            "GTE" => Self::Gte,
            "BETWEEN" => Self::Between,
            "IN" => Self::In,
            "NOT_IN" => Self::NotIn,
            "HAS_PROPERTY" => Self::HasProperty,
            "NOT_HAS_PROPERTY" => Self::NotHasProperty,
            "CONTAINS_TOKEN" => Self::ContainsToken,
            "NOT_CONTAINS_TOKEN" => Self::NotContainsToken,
            _ => return None,
        })
    }
}

impl Filter {
    /// Returns whether a record fits.
    pub(super) fn fits(&self, kind: &Kind, columns: &Columns, view: &View<'_>) -> bool {
        let held = view.value(kind, columns, &self.property);
        let Some(held) = held.as_deref().filter(|held| !held.is_empty()) else {
            // Without a value only the conditions that say so are met.
            return matches!(self.operator, Operator::NotHasProperty | Operator::NotIn);
        };
        let against =
            |place: usize| self.values.get(place).and_then(|value| order(self.scale, held, value));
        let any =
            || self.values.iter().any(|v| order(self.scale, held, v) == Some(Ordering::Equal));
        match self.operator {
            Operator::Eq => against(0) == Some(Ordering::Equal),
            Operator::Neq => against(0) != Some(Ordering::Equal),
            Operator::Lt => against(0) == Some(Ordering::Less),
            Operator::Lte => matches!(against(0), Some(Ordering::Less | Ordering::Equal)),
            Operator::Gt => against(0) == Some(Ordering::Greater),
            Operator::Gte => matches!(against(0), Some(Ordering::Greater | Ordering::Equal)),
            Operator::Between => {
                matches!(against(0), Some(Ordering::Greater | Ordering::Equal))
                    && matches!(against(1), Some(Ordering::Less | Ordering::Equal))
            }
            Operator::In => any(),
            Operator::NotIn => !any(),
            Operator::HasProperty => true,
            Operator::NotHasProperty => false,
            Operator::ContainsToken => self.contains(held),
            Operator::NotContainsToken => !self.contains(held),
        }
    }

    /// Returns the single value that the condition asks for by equality.
    pub(super) fn exact(&self) -> Option<(&str, &[String])> {
        matches!(self.operator, Operator::Eq | Operator::In)
            .then_some((self.property.as_str(), self.values.as_slice()))
    }

    /// Returns whether the condition is part of the bounds already, after narrowing them.
    pub(super) fn narrow(&self, kind: &Kind, bounds: &mut Bounds) -> bool {
        let value = |place: usize| self.values.get(place).map(String::as_str);
        if self.property == kind.modified {
            let at = |place| value(place).and_then(time::parse);
            return narrow(self.operator, at(0), at(1), &mut bounds.modified, 1);
        }
        if self.property == "hs_object_id" {
            let at = |place| value(place).and_then(|text| text.parse().ok());
            return narrow(self.operator, at(0), at(1), &mut bounds.key, 1);
        }
        false
    }

    fn contains(&self, held: &str) -> bool {
        let Some(wanted) = self.values.first().map(|value| value.to_lowercase()) else {
            return false;
        };
        let held = held.to_lowercase();
        let tokens = || held.split(|c: char| !c.is_alphanumeric()).filter(|t| !t.is_empty());
        let (start, end) = (wanted.strip_suffix('*'), wanted.strip_prefix('*'));
        match (start, end) {
            (Some(_), Some(_)) => held.contains(wanted.trim_matches('*')),
            (Some(start), None) => {
                tokens().any(|t| t.starts_with(start)) || held.starts_with(start)
            }
            (None, Some(end)) => tokens().any(|t| t.ends_with(end)) || held.ends_with(end),
            (None, None) => held == wanted || tokens().any(|token| token == wanted),
        }
    }
}

fn narrow<T>(
    operator: Operator,
    low: Option<T>,
    high: Option<T>,
    bounds: &mut RangeInclusive<T>,
    one: T,
) -> bool
where
    T: Copy + Ord + std::ops::Add<Output = T> + std::ops::Sub<Output = T> + Default,
{
    let Some(value) = low else { return false };
    let (start, end) = (*bounds.start(), *bounds.end());
    let (start, end) = match operator {
        Operator::Eq => (start.max(value), end.min(value)),
        Operator::Gte => (start.max(value), end),
        Operator::Gt => (start.max(value + one), end),
        Operator::Lte => (start, end.min(value)),
        // Nothing is below zero, and zero minus one does not exist for numbers of records.
        Operator::Lt if value > T::default() => (start, end.min(value - one)),
        Operator::Between => match high {
            Some(high) => (start.max(value), end.min(high)),
            None => return false,
        },
        Operator::Lt
        | Operator::Neq
        | Operator::In
        | Operator::NotIn
        | Operator::HasProperty
        | Operator::NotHasProperty
        | Operator::ContainsToken
        | Operator::NotContainsToken => return false,
    };
    *bounds = start..=end;
    true
}

/// Returns how two values compare on a scale; none if either is not on it.
pub(super) fn order(scale: Scale, left: &str, right: &str) -> Option<Ordering> {
    match scale {
        Scale::Text => Some(left.to_lowercase().cmp(&right.to_lowercase())),
        Scale::Time => Some(time::parse(left)?.cmp(&time::parse(right)?)),
        Scale::Number => match (left.parse::<i64>(), right.parse::<i64>()) {
            (Ok(left), Ok(right)) => Some(left.cmp(&right)),
            // Amounts with a fraction; good enough to find, never used to calculate.
            _ => left.parse::<f64>().ok()?.partial_cmp(&right.parse::<f64>().ok()?),
        },
    }
}
