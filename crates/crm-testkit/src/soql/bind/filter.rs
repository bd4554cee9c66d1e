//! The bound form of a condition.

use std::collections::BTreeSet;

use super::super::ast::{Condition, Literal, Operator, Piece, Set, Side, Spot};
use super::super::problem::Problem;
use super::super::schema::{Schema, Shape, Uses};
use super::value::{Bound, bound};
use super::{Binder, Plan, Route, Select, bind};

/// A condition that is ready to run.
#[derive(Debug, Clone)]
pub enum Test {
    /// All of them.
    And(Vec<Self>),
    /// Any of them.
    Or(Vec<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// A comparison with one value.
    Compare(Route, Operator, Bound),
    /// A comparison with a pattern, in lower case.
    Like(Route, Vec<Piece>),
    /// Membership of a set of texts or ids, in the form in which they are compared.
    Texts(Route, Side, BTreeSet<String>),
    /// Membership of a short list.
    Listed(Route, Side, Vec<Bound>),
    /// Membership of what another query selects.
    Selected(Route, Side, Box<Plan>),
    /// Choices, in lower case.
    Choice(Route, Side, Vec<Vec<String>>),
}

impl<S: Schema> Binder<'_, S> {
    pub(super) fn test(&self, condition: &Condition) -> Result<Test, Problem> {
        match condition {
            Condition::And(all) => self.tests(all).map(Test::And),
            Condition::Or(any) => self.tests(any).map(Test::Or),
            Condition::Not(inner) => Ok(Test::Not(Box::new(self.test(inner)?))),
            Condition::Compare { path, operator, value, spot } => {
                let route = self.route(path, Uses::FILTER)?;
                let ordered = !matches!(operator, Operator::Equal | Operator::NotEqual);
                if ordered && matches!(route.column.shape, Shape::Flag | Shape::Choices) {
                    return Err(self.operator(&route, path.spot));
                }
                let value = self.value(&route, value, *spot)?;
                Ok(Test::Compare(route, *operator, value))
            }
            Condition::Like { path, pattern } => {
                let route = self.route(path, Uses::FILTER)?;
                if route.column.shape != Shape::Text {
                    return Err(self.operator(&route, path.spot));
                }
                Ok(Test::Like(route, lowered(pattern)))
            }
            Condition::Member { path, side, set, spot } => {
                let route = self.route(path, Uses::FILTER)?;
                self.member(route, *side, set, *spot)
            }
            Condition::Choice { path, side, values } => {
                let route = self.route(path, Uses::FILTER)?;
                if route.column.shape != Shape::Choices {
                    return Err(self.operator(&route, path.spot));
                }
                let parts =
                    |value: &String| value.to_lowercase().split(';').map(str::to_owned).collect();
                Ok(Test::Choice(route, *side, values.iter().map(parts).collect()))
            }
        }
    }

    fn tests(&self, conditions: &[Condition]) -> Result<Vec<Test>, Problem> {
        conditions.iter().map(|condition| self.test(condition)).collect()
    }

    fn member(&self, route: Route, side: Side, set: &Set, spot: Spot) -> Result<Test, Problem> {
        let values = match set {
            Set::Listed(values) => values,
            Set::Query(query) => {
                let plan = bind(self.schema, self.text, query)?;
                if !matches!(&plan.select, Select::Rows(outputs) if outputs.len() == 1) {
                    let what = "a query in a set must select exactly one field";
                    return Err(Problem::at("MALFORMED_QUERY", self.text, spot.0, what));
                }
                return Ok(Test::Selected(route, side, Box::new(plan)));
            }
        };
        let values = values.iter().map(|value| self.value(&route, value, spot));
        let values = values.collect::<Result<Vec<_>, Problem>>()?;
        let texts: Option<BTreeSet<String>> = values.iter().map(Bound::as_text).collect();
        Ok(match texts {
            Some(texts) => Test::Texts(route, side, texts),
            None => Test::Listed(route, side, values),
        })
    }

    fn value(&self, route: &Route, value: &Literal, spot: Spot) -> Result<Bound, Problem> {
        bound(self.schema, &route.column, value)
            .map_err(|refusal| Problem::at(refusal.code, self.text, spot.0, &refusal.message))
    }

    fn operator(&self, route: &Route, spot: Spot) -> Problem {
        let what = format!("invalid operator on field '{}'", route.column.name);
        Problem::at("INVALID_QUERY_FILTER_OPERATOR", self.text, spot.0, &what)
    }
}

fn lowered(pattern: &[Piece]) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(pattern.len());
    for piece in pattern {
        match piece {
            Piece::Char(symbol) => pieces.extend(symbol.to_lowercase().map(Piece::Char)),
            Piece::One | Piece::Many => pieces.push(piece.clone()),
        }
    }
    pieces
}
