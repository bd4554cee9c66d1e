//! Cuts a query into tokens.

use jiff::Timestamp;
use jiff::civil::Date;

use super::ast::Piece;
use super::problem::Problem;

/// A token and where it began.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its first byte in the text.
    pub(crate) at: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A name or a keyword.
    Name(String),
    /// A string, still with its escapes.
    Text(String),
    /// A number, as written.
    Number(String),
    /// A date.
    Day(Date),
    /// A date with a time and an offset.
    Moment(Timestamp),
    /// Punctuation or an operator.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

impl Kind {
    /// Returns the token as the vendor would quote it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Text(raw) => format!("'{raw}'"),
            Self::Number(number) => number.clone(),
            Self::Day(day) => day.to_string(),
            Self::Moment(moment) => moment.to_string(),
            Self::Symbol(symbol) => (*symbol).to_owned(),
            Self::End => "<EOF>".to_owned(),
        }
    }
}

/// Longer symbols first, so that `<=` is not read as `<` and `=`.
const SYMBOLS: [&str; 11] = ["!=", "<=", ">=", "=", "<", ">", "(", ")", ",", ".", ":"];

/// Returns the tokens of `text`, closed by `End`.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Problem> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or_default();
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = one(text, at, rest, first)?;
        found.push(Token { kind, at });
        at += length;
    }
    found.push(Token { kind: Kind::End, at: text.len() });
    Ok(found)
}

fn one(text: &str, at: usize, rest: &str, first: char) -> Result<(Kind, usize), Problem> {
    if first == '\'' {
        let length = quoted_length(text, at, rest)?;
        let raw = rest.get(1..length - 1).unwrap_or_default();
        return Ok((Kind::Text(raw.to_owned()), length));
    }
    if first.is_ascii_alphabetic() {
        let length = rest
            .find(|symbol: char| !symbol.is_ascii_alphanumeric() && symbol != '_')
            .unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        return Ok((Kind::Name(name.to_owned()), length));
    }
    if first.is_ascii_digit() || matches!(first, '-' | '+') {
        let length = rest
            .find(|symbol: char| {
                !symbol.is_ascii_alphanumeric() && !matches!(symbol, '.' | ':' | '+' | '-')
            })
            .unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or_default();
        let kind = figure(word).ok_or_else(|| Problem::unexpected(text, at, word))?;
        return Ok((kind, length));
    }
    match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        Some(symbol) => Ok((Kind::Symbol(symbol), symbol.len())),
        None => Err(Problem::unexpected(text, at, &first.to_string())),
    }
}

/// Returns the length of the string that `rest` begins with, quotes included.
fn quoted_length(text: &str, at: usize, rest: &str) -> Result<usize, Problem> {
    let mut escaped = false;
    for (offset, symbol) in rest.char_indices().skip(1) {
        match symbol {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => return Ok(offset + 1),
            _ => {}
        }
    }
    let what = "unterminated string: expecting \"'\", found '<EOF>'";
    Err(Problem::at("MALFORMED_QUERY", text, at, what))
}

/// Reads a number, a date or a date with time; `None` if it is none of them.
fn figure(word: &str) -> Option<Kind> {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if plain(whole) && plain(fraction) {
        return Some(Kind::Number(word.to_owned()));
    }
    if word.contains('T') {
        return moment(word).map(Kind::Moment);
    }
    let shaped = word.len() == 10 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if shaped { word.parse().ok().map(Kind::Day) } else { None }
}

/// Reads `2026-05-06T11:32:21.000+0000`, `…Z` or `…+02:00`; an offset is required.
pub fn moment(word: &str) -> Option<Timestamp> {
    if let Ok(stamp) = word.parse() {
        return Some(stamp);
    }
    // The vendor writes its own offsets without a colon and reads them back.
    let cut = word.len().checked_sub(5)?;
    let (clock, offset) = (word.get(..cut)?, word.get(cut..)?);
    if !offset.starts_with(['+', '-']) {
        return None;
    }
    format!("{clock}{}:{}", offset.get(..3)?, offset.get(3..)?).parse().ok()
}

/// Decodes the inside of a string; `None` if an escape is unknown there.
pub(crate) fn decoded(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    for piece in pieces(raw, Wildcards::AreText)? {
        match piece {
            Piece::Char(symbol) => text.push(symbol),
            Piece::One | Piece::Many => return None,
        }
    }
    Some(text)
}

/// Decodes the inside of a `LIKE` string; `None` if an escape is unknown.
pub(crate) fn pattern(raw: &str) -> Option<Vec<Piece>> {
    pieces(raw, Wildcards::Work)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wildcards {
    AreText,
    Work,
}

fn pieces(raw: &str, wildcards: Wildcards) -> Option<Vec<Piece>> {
    let mut found = Vec::with_capacity(raw.len());
    let mut symbols = raw.chars();
    while let Some(symbol) = symbols.next() {
        let piece = match (symbol, wildcards) {
            ('\\', _) => Piece::Char(escape(&mut symbols, wildcards)?),
            ('%', Wildcards::Work) => Piece::Many,
            ('_', Wildcards::Work) => Piece::One,
            _ => Piece::Char(symbol),
        };
        found.push(piece);
    }
    Some(found)
}

fn escape(symbols: &mut std::str::Chars<'_>, wildcards: Wildcards) -> Option<char> {
    match (symbols.next()?, wildcards) {
        ('n' | 'N', _) => Some('\n'),
        ('r' | 'R', _) => Some('\r'),
        ('t' | 'T', _) => Some('\t'),
        ('b' | 'B', _) => Some('\u{8}'),
        ('f' | 'F', _) => Some('\u{c}'),
        (symbol @ ('\'' | '"' | '\\'), _) | (symbol @ ('%' | '_'), Wildcards::Work) => Some(symbol),
        ('u' | 'U', _) => {
            let code: String = symbols.by_ref().take(4).collect();
            let code = Some(code).filter(|code| code.len() == 4)?;
            u32::from_str_radix(&code, 16).ok().and_then(char::from_u32)
        }
        _ => None,
    }
}
