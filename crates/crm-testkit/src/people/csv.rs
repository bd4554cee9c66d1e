//! People from a CSV file: columns found by name, bad lines refused with their number.

use std::collections::BTreeMap;
use std::fmt;

use super::Person;

/// Why a CSV file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for BadLine {}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    First,
    Last,
    Full,
    Email,
    Phone,
    Company,
    Title,
    Street,
    City,
    Region,
    PostalCode,
    Country,
}

/// Names of columns in small letters without spaces and marks.
const NAMES: [(Column, &[&str]); 12] = [
    (Column::First, &["firstname", "givenname", "forename", "first"]),
    (Column::Last, &["lastname", "surname", "familyname", "last"]),
    (Column::Full, &["name", "fullname", "contactname"]),
    (Column::Email, &["email", "emailaddress", "mail", "contactemail"]),
    (Column::Phone, &["phone", "phonenumber", "telephone", "tel", "businessphone"]),
    (Column::Company, &["company", "companyname", "organisation", "organization", "accountname"]),
    (Column::Title, &["jobtitle", "title", "position"]),
    (Column::Street, &["address", "street", "streetaddress", "mailingstreet"]),
    (Column::City, &["city", "town", "mailingcity"]),
    (Column::Region, &["state", "region", "province", "stateregion", "mailingstate"]),
    (Column::PostalCode, &["postalcode", "zip", "zipcode", "postcode", "mailingpostalcode"]),
    (Column::Country, &["country", "countryregion", "mailingcountry"]),
];

/// Reads people from the text of a CSV file whose first line names the columns.
///
/// Columns that are not known are left out. A line is bad if its quotes do not match, if it has
/// more or fewer columns than the first, if it names nobody, or if its address is none or taken.
pub fn from_csv(text: &str) -> Result<Vec<Person>, BadLine> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = split(text)?.into_iter();
    let header = lines.next();
    let (_, header) = header.ok_or_else(|| bad(1, "the file is empty"))?;
    let columns: Vec<Option<Column>> = header.iter().map(|name| column(name)).collect();
    let names = [Column::First, Column::Last, Column::Full, Column::Email];
    if !columns.iter().flatten().any(|column| names.contains(column)) {
        let reason = format!(
            "no column is called FirstName, LastName, Name or Email (found: {})",
            header.join(", ")
        );
        return Err(bad(1, reason));
    }
    let mut people = Vec::new();
    let mut addresses: BTreeMap<String, usize> = BTreeMap::new();
    for (line, values) in lines {
        if values.len() != columns.len() {
            let reason =
                format!("{} columns where the first line has {}", values.len(), columns.len());
            return Err(bad(line, reason));
        }
        let mut person = Person::default();
        for (column, value) in columns.iter().zip(values) {
            if let Some(column) = column {
                set(&mut person, *column, value.trim());
            }
        }
        check(&person, line, &mut addresses)?;
        people.push(person);
    }
    Ok(people)
}

fn check(
    person: &Person,
    line: usize,
    addresses: &mut BTreeMap<String, usize>,
) -> Result<(), BadLine> {
    let email = &person.email;
    if person.first_name.is_empty() && person.last_name.is_empty() && email.is_empty() {
        return Err(bad(line, "neither a name nor an e-mail address"));
    }
    if email.is_empty() {
        return Ok(());
    }
    let address = email.split_once('@').is_some_and(|(local, domain)| {
        let inner = domain.trim_matches('.');
        !local.is_empty() && inner == domain && domain.contains('.') && !domain.contains('@')
    });
    if !address || email.contains(char::is_whitespace) {
        return Err(bad(line, format!("{email:?} is not an e-mail address")));
    }
    match addresses.insert(email.to_lowercase(), line) {
        None => Ok(()),
        Some(before) => Err(bad(line, format!("{email} is in line {before} already"))),
    }
}

fn set(person: &mut Person, column: Column, value: &str) {
    let target = match column {
        Column::First => &mut person.first_name,
        Column::Last => &mut person.last_name,
        Column::Full => {
            // Of a single word nobody knows which name it is; it is taken for the last.
            let (first, last) = value.rsplit_once(' ').unwrap_or(("", value));
            first.trim().clone_into(&mut person.first_name);
            last.clone_into(&mut person.last_name);
            return;
        }
        Column::Email => &mut person.email,
        Column::Phone => &mut person.phone,
        Column::Company => &mut person.company,
        Column::Title => &mut person.job_title,
        Column::Street => &mut person.street,
        Column::City => &mut person.city,
        Column::Region => &mut person.region,
        Column::PostalCode => &mut person.postal_code,
        Column::Country => &mut person.country,
    };
    value.clone_into(target);
}

fn column(name: &str) -> Option<Column> {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    let plain: String = letters.flat_map(char::to_lowercase).collect();
    NAMES.iter().find(|row| row.1.contains(&plain.as_str())).map(|row| row.0)
}

fn bad(line: usize, reason: impl Into<String>) -> BadLine {
    BadLine { line, reason: reason.into() }
}

/// Where the reader is within a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Plain,
    Quoted,
    /// After a quote inside a quoted value: its end, or half of a doubled one.
    Quote,
}

/// Splits the text into lines of values, each with the number of the line that it begins on.
fn split(text: &str) -> Result<Vec<(usize, Vec<String>)>, BadLine> {
    let mut lines = Vec::new();
    let (mut values, mut value) = (Vec::new(), String::new());
    let (mut at, mut line, mut begun) = (At::Start, 1, 1);
    for c in text.chars().chain(Some('\n')) {
        if at == At::Quoted {
            match c {
                '"' => at = At::Quote,
                other => value.push(other),
            }
            line += usize::from(c == '\n');
            continue;
        }
        match (at, c) {
            (At::Quote, '"') => {
                value.push('"');
                at = At::Quoted;
            }
            (At::Start, '"') => at = At::Quoted,
            (_, ',') => {
                values.push(std::mem::take(&mut value));
                at = At::Start;
            }
            (_, '\n') => {
                values.push(std::mem::take(&mut value));
                let row = std::mem::take(&mut values);
                if row.iter().any(|value| !value.trim().is_empty()) {
                    lines.push((begun, row));
                }
                line += 1;
                begun = line;
                at = At::Start;
            }
            (At::Quote, _) => return Err(bad(line, "text after a closing quote")),
            // Spaces before a value do not begin it, so a quote may follow them.
            (At::Start, ' ') | (_, '\r') => {}
            (_, other) => {
                value.push(other);
                at = At::Plain;
            }
        }
    }
    if at == At::Quoted { Err(bad(begun, "a quote is not closed")) } else { Ok(lines) }
}
