//! A query's text, taken apart.

use serde_json::json;

use super::super::problem::Problem;

/// A query.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) columns: Vec<String>,
    pub(super) from: String,
    pub(super) filter: Condition,
    /// Columns, and whether each goes down.
    pub(super) order: Vec<(String, bool)>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

/// Which rows.
#[derive(Debug, Default)]
pub(super) enum Condition {
    #[default]
    Always,
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
    Test(String, Test),
}

/// A test of one column.
#[derive(Debug)]
pub(super) enum Test {
    Is(String),
    IsNot(String),
    More(String),
    Less(String),
    AtLeast(String),
    AtMost(String),
    Like(String),
    In(Vec<String>),
    Null,
    NotNull,
}

impl Test {
    pub(super) fn values(&self) -> impl Iterator<Item = &String> {
        let (one, many) = match self {
            Self::Is(value)
            | Self::IsNot(value)
            | Self::More(value)
            | Self::Less(value)
            | Self::AtLeast(value)
            | Self::AtMost(value) => (Some(value), &[][..]),
            Self::In(values) => (None, values.as_slice()),
            Self::Like(_) | Self::Null | Self::NotNull => (None, &[][..]),
        };
        one.into_iter().chain(many)
    }
}

/// The most values of one `in`.
const VALUES_MAX: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(String),
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
}

fn wrong(near: &str) -> Problem {
    let details = json!({ "near": near, "line": 1, "column": 1 });
    Problem::new("SYNTAX_ERROR", details, "invalid query formed")
}

fn no_clause(clause: &str) -> Problem {
    Problem::new("SYNTAX_ERROR", json!({ "clause": clause }), "missing clause")
}

/// Reads a query.
pub(super) fn query(text: &str) -> Result<Query, Problem> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0 };
    reader.word("select")?;
    let mut query = Query::default();
    loop {
        query.columns.push(reader.name()?);
        if !reader.sign(",") {
            break;
        }
    }
    reader.word("from")?;
    query.from = reader.name()?;
    if !reader.is("where") {
        // The vendor insists on a condition.
        return Err(no_clause("where"));
    }
    query.filter = reader.condition()?;
    if reader.is("order") {
        reader.word("by")?;
        loop {
            let name = reader.name()?;
            let down = reader.is("desc");
            if !down {
                reader.is("asc");
            }
            query.order.push((name, down));
            if !reader.sign(",") {
                break;
            }
        }
    }
    if reader.is("limit") {
        let first = reader.number()?;
        // `limit 10, 200`: from the tenth on, two hundred.
        if reader.sign(",") {
            query.offset = first;
            query.limit = Some(reader.number()?);
        } else {
            query.limit = Some(first);
        }
    }
    if reader.is("offset") {
        query.offset = reader.number()?;
    }
    match reader.peek() {
        None => Ok(query),
        Some(Token::Word(word) | Token::Text(word) | Token::Sign(word)) => Err(wrong(word)),
    }
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, Problem> {
        let token = self.peek().cloned().ok_or_else(|| wrong(""))?;
        self.at += 1;
        Ok(token)
    }

    fn is(&mut self, word: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token::Word(held)) if held.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(held)) if held == sign);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> Result<(), Problem> {
        if self.is(word) { Ok(()) } else { Err(no_clause(word)) }
    }

    fn name(&mut self) -> Result<String, Problem> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            Token::Text(word) | Token::Sign(word) => Err(wrong(&word)),
        }
    }

    fn number(&mut self) -> Result<usize, Problem> {
        let name = self.name()?;
        name.parse().map_err(|_not_a_number: std::num::ParseIntError| wrong(&name))
    }

    fn value(&mut self) -> Result<String, Problem> {
        match self.next()? {
            Token::Word(text) | Token::Text(text) => Ok(text),
            Token::Sign(sign) => Err(wrong(&sign)),
        }
    }

    /// Conditions are joined two by two; a third needs brackets around the first two.
    fn condition(&mut self) -> Result<Condition, Problem> {
        let one = self.part()?;
        let joined = if self.is("and") {
            Condition::Both(Box::new(one), Box::new(self.part()?))
        } else if self.is("or") {
            Condition::Either(Box::new(one), Box::new(self.part()?))
        } else {
            return Ok(one);
        };
        match self.peek() {
            Some(Token::Word(word)) if matches!(word.to_lowercase().as_str(), "and" | "or") => {
                Err(wrong(word))
            }
            _ => Ok(joined),
        }
    }

    fn part(&mut self) -> Result<Condition, Problem> {
        if self.sign("(") {
            let inside = self.condition()?;
            return if self.sign(")") { Ok(inside) } else { Err(wrong("(")) };
        }
        let name = self.name()?;
        let test = match self.next()? {
            Token::Sign(sign) => {
                let value = self.value()?;
                match sign.as_str() {
                    "=" => Test::Is(value),
                    "!=" => Test::IsNot(value),
                    ">" => Test::More(value),
                    "<" => Test::Less(value),
                    ">=" => Test::AtLeast(value),
                    "<=" => Test::AtMost(value),
                    other => return Err(wrong(other)),
                }
            }
            Token::Word(word) if word.eq_ignore_ascii_case("in") => Test::In(self.list()?),
            Token::Word(word) if word.eq_ignore_ascii_case("like") => Test::Like(self.value()?),
            Token::Word(word) if word.eq_ignore_ascii_case("is") => {
                let not = self.is("not");
                self.word("null")?;
                if not { Test::NotNull } else { Test::Null }
            }
            Token::Word(word) | Token::Text(word) => return Err(wrong(&word)),
        };
        Ok(Condition::Test(name, test))
    }

    fn list(&mut self) -> Result<Vec<String>, Problem> {
        if !self.sign("(") {
            return Err(wrong("in"));
        }
        let mut values = vec![self.value()?];
        while self.sign(",") {
            values.push(self.value()?);
        }
        if !self.sign(")") {
            return Err(wrong("in"));
        }
        if values.len() > VALUES_MAX {
            let details = json!({ "limit": VALUES_MAX, "clause": "in" });
            return Err(Problem::new("LIMIT_EXCEEDED", details, "limit exceeded"));
        }
        Ok(values)
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Problem> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first == '\'' {
            quoted(rest)?
        } else if matches!(first, '(' | ')' | ',') {
            (Token::Sign(first.to_string()), 1)
        } else if matches!(first, '=' | '<' | '>' | '!') {
            let length = if rest.get(1..2) == Some("=") { 2 } else { 1 };
            (Token::Sign(rest.get(..length).unwrap_or_default().to_owned()), length)
        } else {
            let end = |ch: char| ch.is_whitespace() || "(),=<>!'".contains(ch);
            let length = rest.find(end).unwrap_or(rest.len());
            (Token::Word(rest.get(..length).unwrap_or_default().to_owned()), length)
        };
        tokens.push(token);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

/// Reads a text in quotes, in which a backslash stands before a quote or a backslash.
fn quoted(rest: &str) -> Result<(Token, usize), Problem> {
    let mut text = String::new();
    let mut escaped = false;
    for (at, ch) in rest.char_indices().skip(1) {
        match ch {
            _ if escaped => {
                text.push(ch);
                escaped = false;
            }
            '\\' => escaped = true,
            '\'' => return Ok((Token::Text(text), at + 1)),
            _ => text.push(ch),
        }
    }
    Err(wrong(rest))
}
