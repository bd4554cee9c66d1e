//! Rows of text between delimiters, with quotes as in RFC 4180.

/// Returns the character that a delimiter's name stands for.
pub(super) fn delimiter(name: &str) -> Option<char> {
    match name {
        "COMMA" => Some(','),
        "TAB" => Some('\t'),
        "SEMICOLON" => Some(';'),
        "PIPE" => Some('|'),
        "CARET" => Some('^'),
        "BACKQUOTE" => Some('`'),
        _ => None,
    }
}

/// Reads rows; `None` if a quote is left open.
pub(super) fn read(text: &str, delimiter: char) -> Option<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut symbols = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(symbol) = symbols.next() {
        match symbol {
            '"' if quoted && symbols.peek() == Some(&'"') => {
                symbols.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            _ if quoted => cell.push(symbol),
            '\r' if symbols.peek() == Some(&'\n') => {}
            '\n' => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ if symbol == delimiter => row.push(std::mem::take(&mut cell)),
            _ => cell.push(symbol),
        }
    }
    if quoted {
        return None;
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
    Some(rows)
}

/// Writes one row with every cell quoted.
pub(super) fn write<'c>(cells: impl IntoIterator<Item = &'c str>, delimiter: char) -> String {
    let quoted = cells.into_iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
    let mut line = quoted.collect::<Vec<_>>().join(&delimiter.to_string());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    #[test]
    fn what_is_written_reads_back() {
        let rows = [["a", "b,c"], ["line\nbreak", "say \"hi\""], ["", "x"]];
        let text: String = rows.iter().map(|row| write(row.iter().copied(), ',')).collect();
        assert_eq!(read(&text, ',').unwrap(), rows);
    }

    #[test]
    fn plain_rows_with_either_line_end() {
        let rows = read("Name,Phone\r\nAda,1\nGrace,", ',').unwrap();
        assert_eq!(rows, [["Name", "Phone"], ["Ada", "1"], ["Grace", ""]]);
        assert!(read("a,\"b", ',').is_none());
    }
}
