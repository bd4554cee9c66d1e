//! Writes a tree back as text.

use std::fmt::{self, Display, Formatter, Write};

use super::ast::{
    Condition, Function, Group, Item, Literal, Nulls, Operator, Order, Path, Piece, Query, Set,
    Side, Sort,
};
use super::moment::Period;

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("SELECT ")?;
        list(f, &self.select)?;
        write!(f, " FROM {}", self.from)?;
        if let Some(alias) = &self.alias {
            write!(f, " {alias}")?;
        }
        if let Some(filter) = &self.filter {
            write!(f, " WHERE {filter}")?;
        }
        if !self.group_by.is_empty() {
            f.write_str(" GROUP BY ")?;
            list(f, &self.group_by)?;
        }
        if !self.order_by.is_empty() {
            f.write_str(" ORDER BY ")?;
            list(f, &self.order_by)?;
        }
        if let Some(limit) = self.limit {
            write!(f, " LIMIT {limit}")?;
        }
        match self.offset {
            Some(offset) => write!(f, " OFFSET {offset}"),
            None => Ok(()),
        }
    }
}

fn list<T: Display>(f: &mut Formatter<'_>, entries: &[T]) -> fmt::Result {
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        entry.fmt(f)?;
    }
    Ok(())
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join("."))
    }
}

impl Display for Item {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(path) => path.fmt(f),
            Self::CountRows => f.write_str("COUNT()"),
            Self::Fields(Group::All) => f.write_str("FIELDS(ALL)"),
            Self::Fields(Group::Standard) => f.write_str("FIELDS(STANDARD)"),
            Self::Fields(Group::Custom) => f.write_str("FIELDS(CUSTOM)"),
            Self::Aggregate { function, path, alias } => {
                write!(f, "{}({path})", function.name())?;
                match alias {
                    Some(alias) => write!(f, " {alias}"),
                    None => Ok(()),
                }
            }
            Self::Child(query) => write!(f, "({query})"),
        }
    }
}

impl Function {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "COUNT",
            Self::CountDistinct => "COUNT_DISTINCT",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::Sum => "SUM",
            Self::Avg => "AVG",
        }
    }
}

impl Display for Sort {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        };
        let nulls = match self.nulls {
            Nulls::First => "FIRST",
            Nulls::Last => "LAST",
        };
        write!(f, "{} {order} NULLS {nulls}", self.path)
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(all) => joined(f, all, " AND "),
            Self::Or(any) => joined(f, any, " OR "),
            Self::Not(inner) => {
                f.write_str("NOT ")?;
                inner.in_parentheses(f)
            }
            Self::Compare { path, operator, value, spot: _ } => {
                write!(f, "{path} {} {value}", operator.symbol())
            }
            Self::Like { path, pattern } => {
                write!(f, "{path} LIKE '")?;
                for piece in pattern {
                    match piece {
                        Piece::Char(symbol @ ('%' | '_')) => write!(f, "\\{symbol}")?,
                        Piece::Char(symbol) => escaped(f, *symbol)?,
                        Piece::One => f.write_char('_')?,
                        Piece::Many => f.write_char('%')?,
                    }
                }
                f.write_char('\'')
            }
            Self::Member { path, side, set, spot: _ } => {
                let word = if *side == Side::Inside { "IN" } else { "NOT IN" };
                write!(f, "{path} {word} (")?;
                match set {
                    Set::Listed(values) => list(f, values)?,
                    Set::Query(query) => query.fmt(f)?,
                }
                f.write_char(')')
            }
            Self::Choice { path, side, values } => {
                let word = if *side == Side::Inside { "INCLUDES" } else { "EXCLUDES" };
                write!(f, "{path} {word} (")?;
                for (index, value) in values.iter().enumerate() {
                    f.write_str(if index > 0 { ", " } else { "" })?;
                    quoted(f, value)?;
                }
                f.write_char(')')
            }
        }
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[Condition], word: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        f.write_str(if index > 0 { word } else { "" })?;
        part.in_parentheses(f)?;
    }
    Ok(())
}

impl Condition {
    fn in_parentheses(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(_) | Self::Or(_) => write!(f, "({self})"),
            Self::Not(_)
            | Self::Compare { .. }
            | Self::Like { .. }
            | Self::Member { .. }
            | Self::Choice { .. } => self.fmt(f),
        }
    }
}

impl Operator {
    fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Flag(flag) => f.write_str(if *flag { "TRUE" } else { "FALSE" }),
            Self::Text(text) => quoted(f, text),
            Self::Number(number) => f.write_str(number),
            Self::Day(day) => day.fmt(f),
            Self::Moment(moment) => moment.fmt(f),
            Self::Period(period) => period.fmt(f),
        }
    }
}

impl Display for Period {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.count {
            Some(count) => write!(f, "{}:{count}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('\'')?;
    for symbol in text.chars() {
        escaped(f, symbol)?;
    }
    f.write_char('\'')
}

fn escaped(f: &mut Formatter<'_>, symbol: char) -> fmt::Result {
    match symbol {
        '\'' | '\\' => write!(f, "\\{symbol}"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        _ => f.write_char(symbol),
    }
}
