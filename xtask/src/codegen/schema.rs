//! `schema.toml`: the kinds and their fields, read and checked.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::input::Input;
use crate::failure::Outcome;

/// Where the file is.
pub(super) const PATH: &str = "crates/crm-core/schema.toml";

/// The kinds, in the order in which `ObjectKind` declares them.
pub(super) const KINDS: [&str; 4] = ["company", "contact", "deal", "activity"];

/// What the file says.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) kinds: Vec<Kind>,
}

/// One kind.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) doc: String,
    /// Sorted by number.
    pub(super) fields: Vec<Field>,
}

/// One field of a kind.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) number: u16,
    pub(super) ty: Type,
    pub(super) pii: bool,
    pub(super) opt_in: bool,
    pub(super) doc: String,
    /// Where the file says it: people list first what matters most.
    pub(super) position: usize,
}

/// What values a field takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Email,
    Phone,
    Url,
    Integer,
    Decimal,
    Money,
    Bool,
    Date,
    Instant,
    List,
    Choice(Vec<String>),
    Reference(String),
    References(String),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TypeWord {
    Text,
    Email,
    Phone,
    Url,
    Integer,
    Decimal,
    Money,
    Bool,
    Date,
    Instant,
    List,
    Choice,
    Reference,
    References,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    company: KindTable,
    contact: KindTable,
    deal: KindTable,
    activity: KindTable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KindTable {
    doc: String,
    fields: BTreeMap<String, Spanned<FieldTable>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldTable {
    number: u16,
    #[serde(rename = "type")]
    ty: TypeWord,
    doc: String,
    #[serde(default)]
    pii: bool,
    #[serde(default)]
    opt_in: bool,
    choices: Option<Vec<String>>,
    to: Option<Spanned<String>>,
}

impl Schema {
    /// Reads the file and checks that numbers and names go together one to one.
    pub(super) fn parse(input: Input<'_>) -> Outcome<Self> {
        let File { company, contact, deal, activity } = input.parse()?;
        let mut schema = Self { kinds: Vec::new() };
        for (name, table) in KINDS.into_iter().zip([company, contact, deal, activity]) {
            schema.kinds.push(Kind::check(input, name, table, &schema.kinds)?);
        }
        Ok(schema)
    }

    /// Returns the kind of a name.
    pub(super) fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// Returns every name with its number.
    pub(super) fn numbers(&self) -> BTreeMap<&str, u16> {
        let fields = self.kinds.iter().flat_map(|kind| &kind.fields);
        fields.map(|field| (field.name.as_str(), field.number)).collect()
    }
}

impl Kind {
    fn check(
        input: Input<'_>,
        name: &'static str,
        table: KindTable,
        before: &[Self],
    ) -> Outcome<Self> {
        let mut fields: Vec<Field> = Vec::with_capacity(table.fields.len());
        for (field, spanned) in table.fields {
            let at = spanned.span();
            let table = spanned.into_inner();
            if !is_snake_case(&field) {
                let what = format!("`{field}` is not in snake case");
                return Err(input.wrong(at, what, "lower-case letters, digits and `_`"));
            }
            let known = before.iter().flat_map(|kind| &kind.fields).chain(&fields);
            for other in known {
                if (other.name == field) != (other.number == table.number) {
                    let what = format!(
                        "`{field}` has the number {}, but `{}` has {}",
                        table.number, other.name, other.number
                    );
                    let hint = "one number for one name, in every kind; a new name takes a new one";
                    return Err(input.wrong(at, what, hint));
                }
            }
            let ty = table.ty(input, &at)?;
            let FieldTable { number, doc, pii, opt_in, .. } = table;
            let position = at.start;
            fields.push(Field { name: field, number, ty, pii, opt_in, doc, position });
        }
        fields.sort_by_key(|field| field.number);
        Ok(Self { name, doc: table.doc, fields })
    }

    /// Returns the field of a name.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl FieldTable {
    fn ty(&self, input: Input<'_>, at: &std::ops::Range<usize>) -> Outcome<Type> {
        let (choices, to) = (self.choices.clone(), self.to.clone());
        let surplus = |what: &str, hint: &str| Err(input.wrong(at.clone(), what, hint));
        let plain = match self.ty {
            TypeWord::Choice => {
                return match (choices, to) {
                    (Some(choices), None) if !choices.is_empty() => Ok(Type::Choice(choices)),
                    _ => surplus("a choice needs `choices`", "choices = [\"one\", \"two\"]"),
                };
            }
            TypeWord::Reference | TypeWord::References => {
                let made = if matches!(self.ty, TypeWord::Reference) {
                    Type::Reference
                } else {
                    Type::References
                };
                return match (choices, to) {
                    (None, Some(to)) if KINDS.contains(&to.as_ref().as_str()) => {
                        Ok(made(to.into_inner()))
                    }
                    (None, Some(to)) => Err(input.unknown(to.span(), "kind", to.as_ref(), KINDS)),
                    _ => surplus("a reference needs `to`", "to = \"contact\""),
                };
            }
            TypeWord::Text => Type::Text,
            TypeWord::Email => Type::Email,
            TypeWord::Phone => Type::Phone,
            TypeWord::Url => Type::Url,
            TypeWord::Integer => Type::Integer,
            TypeWord::Decimal => Type::Decimal,
            TypeWord::Money => Type::Money,
            TypeWord::Bool => Type::Bool,
            TypeWord::Date => Type::Date,
            TypeWord::Instant => Type::Instant,
            TypeWord::List => Type::List,
        };
        match (choices, to) {
            (None, None) => Ok(plain),
            _ => {
                surplus("only a choice has `choices` and only a reference has `to`", "leave it out")
            }
        }
    }
}

impl Type {
    /// Returns the word of `schema.toml`.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Money => "money",
            Self::Bool => "bool",
            Self::Date => "date",
            Self::Instant => "instant",
            Self::List => "list",
            Self::Choice(_) => "choice",
            Self::Reference(_) => "reference",
            Self::References(_) => "references",
        }
    }
}

fn is_snake_case(name: &str) -> bool {
    let letters = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|letter| letters(letter) || letter == '_')
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::failure::Failure;

    /// A schema of one field for each type.
    pub(in crate::codegen) const SAMPLE: &str = r#"
[company]
doc = "A company."
[company.fields]
name = { number = 1, type = "text", doc = "Its name." }
revenue = { number = 2, type = "money", doc = "Revenue." }
tags = { number = 3, type = "list", doc = "Tags." }

[contact]
doc = "A person."
[contact.fields]
email = { number = 10, type = "email", pii = true, doc = "E-mail." }
phone = { number = 11, type = "phone", doc = "Phone." }
name = { number = 1, type = "text", doc = "Name." }
website = { number = 12, type = "url", doc = "Web." }
age = { number = 13, type = "integer", doc = "Age." }
score = { number = 14, type = "decimal", doc = "Score." }
vip = { number = 15, type = "bool", doc = "Important." }
born = { number = 16, type = "date", doc = "Birthday." }
seen = { number = 17, type = "instant", doc = "Last seen." }

[deal]
doc = "A deal."
[deal.fields]
stage = { number = 20, type = "choice", choices = ["new", "won"], doc = "Stage." }
company = { number = 21, type = "reference", to = "company", doc = "Company." }
people = { number = 22, type = "references", to = "contact", opt_in = true, doc = "People." }

[activity]
doc = "An activity."
[activity.fields]
type = { number = 30, type = "choice", choices = ["task"], doc = "What it is." }
"#;

    pub(in crate::codegen) fn sample() -> Schema {
        Schema::parse(Input { path: PATH, text: SAMPLE }).unwrap()
    }

    fn failure(from: &str, to: &str) -> Failure {
        assert!(SAMPLE.contains(from), "{from}");
        Schema::parse(Input { path: PATH, text: &SAMPLE.replacen(from, to, 1) }).unwrap_err()
    }

    #[test]
    fn fields_are_sorted_by_number() {
        let schema = sample();
        let contact = schema.kind("contact").unwrap();
        assert!(contact.fields.is_sorted_by_key(|field| field.number));
        assert_eq!(contact.fields[0].name, "name");
        assert_eq!(schema.numbers()["stage"], 20);
    }

    #[test]
    fn two_names_cannot_share_a_number() {
        let failure = failure("email = { number = 10", "email = { number = 2");
        assert!(
            failure.error.contains("`email` has the number 2, but `revenue` has 2"),
            "{failure}"
        );
        assert!(failure.error.starts_with("crates/crm-core/schema.toml:12: "), "{failure}");
    }

    #[test]
    fn one_name_cannot_have_two_numbers() {
        let from = "name = { number = 1, type = \"text\", doc = \"Name.\"";
        let failure = failure(from, &from.replace("= 1,", "= 99,"));
        assert!(failure.error.contains("`name` has the number 99, but `name` has 1"), "{failure}");
    }

    #[test]
    fn misspelt_words_suggest_the_nearest() {
        assert_eq!(failure("\"money\"", "\"mony\"").hint, "did you mean `money`?");
        assert_eq!(failure("pii = true", "pi = true").hint, "did you mean `pii`?");
        assert_eq!(failure("to = \"company\"", "to = \"compny\"").hint, "did you mean `company`?");
        let text = SAMPLE.replace("[activity", "[actvity");
        let failure = Schema::parse(Input { path: PATH, text: &text }).unwrap_err();
        assert_eq!(failure.hint, "did you mean `activity`?", "{failure}");
    }

    #[test]
    fn types_and_their_arguments_go_together() {
        failure("choices = [\"new\", \"won\"], ", "");
        failure("to = \"company\", ", "");
        failure("type = \"bool\"", "type = \"bool\", to = \"deal\"");
        failure("vip =", "Vip =");
    }
}
