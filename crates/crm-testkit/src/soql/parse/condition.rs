//! Reads the `WHERE` clause.

use super::super::ast::{Condition, Literal, Operator, Set, Side, Spot};
use super::super::moment::Period;
use super::super::problem::Problem;
use super::super::token::{Kind, decoded, pattern};
use super::{DEPTH_MAX, Parser, Place};

impl Parser<'_> {
    /// Reads conditions joined by `AND` or by `OR`; a mix needs parentheses, as at the vendor's.
    pub(super) fn condition(&mut self) -> Result<Condition, Problem> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Problem::plain(
                "QUERY_TOO_COMPLICATED",
                "The filter is nested too deeply.",
            ));
        }
        let first = self.single()?;
        let joined = if self.take_word("AND") {
            Condition::And(self.others(first, "AND")?)
        } else if self.take_word("OR") {
            Condition::Or(self.others(first, "OR")?)
        } else {
            first
        };
        self.depth -= 1;
        Ok(joined)
    }

    fn others(&mut self, first: Condition, word: &str) -> Result<Vec<Condition>, Problem> {
        let mut all = vec![first, self.single()?];
        while self.take_word(word) {
            all.push(self.single()?);
        }
        let other = if word == "AND" { "OR" } else { "AND" };
        if matches!(self.kind(), Kind::Name(name) if name.eq_ignore_ascii_case(other)) {
            return Err(self.unexpected());
        }
        Ok(all)
    }

    fn single(&mut self) -> Result<Condition, Problem> {
        if self.take_word("NOT") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                let what = "The filter is nested too deeply.";
                return Err(Problem::plain("QUERY_TOO_COMPLICATED", what));
            }
            let inner = self.single()?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.take_symbol("(") {
            let inner = self.condition()?;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        self.test()
    }

    fn test(&mut self) -> Result<Condition, Problem> {
        let path = self.path()?;
        if self.take_word("LIKE") {
            let Kind::Text(raw) = self.kind() else {
                return Err(self.unexpected());
            };
            let Some(pattern) = pattern(raw) else {
                return Err(self.illegal_escape());
            };
            self.next += 1;
            return Ok(Condition::Like { path, pattern });
        }
        for (word, side) in [("INCLUDES", Side::Inside), ("EXCLUDES", Side::Outside)] {
            if self.take_word(word) {
                self.expect_symbol("(")?;
                let mut values = vec![self.text()?];
                while self.take_symbol(",") {
                    values.push(self.text()?);
                }
                self.expect_symbol(")")?;
                return Ok(Condition::Choice { path, side, values });
            }
        }
        let outside = self.take_word("NOT");
        let spot = Spot(self.at());
        if outside {
            self.expect_word("IN")?;
            return Ok(Condition::Member { path, side: Side::Outside, set: self.set()?, spot });
        }
        if self.take_word("IN") {
            return Ok(Condition::Member { path, side: Side::Inside, set: self.set()?, spot });
        }
        let Kind::Symbol(symbol) = self.kind() else {
            return Err(self.unexpected());
        };
        let operator = match *symbol {
            "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        let spot = Spot(self.at());
        Ok(Condition::Compare { path, operator, value: self.literal()?, spot })
    }

    fn set(&mut self) -> Result<Set, Problem> {
        self.expect_symbol("(")?;
        let set = if matches!(self.kind(), Kind::Name(word) if word.eq_ignore_ascii_case("SELECT"))
        {
            self.depth += 1;
            let query = self.query(Place::Set)?;
            self.depth -= 1;
            Set::Query(Box::new(query))
        } else {
            let mut values = vec![self.literal()?];
            while self.take_symbol(",") {
                values.push(self.literal()?);
            }
            Set::Listed(values)
        };
        self.expect_symbol(")")?;
        Ok(set)
    }

    fn text(&mut self) -> Result<String, Problem> {
        let Kind::Text(raw) = self.kind() else {
            return Err(self.unexpected());
        };
        let Some(text) = decoded(raw) else {
            return Err(self.illegal_escape());
        };
        self.next += 1;
        Ok(text)
    }

    fn literal(&mut self) -> Result<Literal, Problem> {
        let literal = match self.kind().clone() {
            Kind::Text(_) => return self.text().map(Literal::Text),
            Kind::Name(name) => return self.word(&name),
            Kind::Number(number) => Literal::Number(number),
            Kind::Day(day) => Literal::Day(day),
            Kind::Moment(moment) => Literal::Moment(moment),
            Kind::Symbol(_) | Kind::End => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(literal)
    }

    fn word(&mut self, name: &str) -> Result<Literal, Problem> {
        let start = self.next;
        self.next += 1;
        match name.to_ascii_uppercase().as_str() {
            "NULL" => return Ok(Literal::Null),
            "TRUE" => return Ok(Literal::Flag(true)),
            "FALSE" => return Ok(Literal::Flag(false)),
            _ => {}
        }
        let mut count = None;
        if self.take_symbol(":") {
            let Kind::Number(number) = self.kind() else {
                return Err(self.unexpected());
            };
            let Ok(number) = number.parse() else {
                return Err(self.unexpected());
            };
            self.next += 1;
            count = Some(number);
        }
        let period = Period::named(name, count);
        period.map(Literal::Period).ok_or_else(|| self.unexpected_at(start))
    }

    fn illegal_escape(&self) -> Problem {
        let what = "invalid escape sequence in a string";
        Problem::at("MALFORMED_QUERY", self.text, self.at(), what)
    }
}
