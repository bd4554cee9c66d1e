//! The query language: what it finds, what it refuses, and that writing it back changes nothing.

use crm_testkit::soql::ast::{
    Condition, Item, Literal, Nulls, Operator, Order, Path, Piece, Query, Set, Side, Sort, Spot,
};
use crm_testkit::soql::moment::Period;
use crm_testkit::soql::parse;
use proptest::prelude::*;
use serde_json::json;

use super::Desk;

/// Condition and the last names that it finds.
const CASES: &[(&str, &str)] = &[
    ("LastName = 'byron'", "Byron"),
    ("LastName != 'byron'", "O'Hara Vale Ö_100%"),
    ("Title = null", "O'Hara Vale Ö_100%"),
    ("Title != null", "Byron"),
    ("Title = ''", "O'Hara Vale Ö_100%"),
    ("Title != 'Countess'", "O'Hara Vale Ö_100%"),
    ("LastName = 'O\\'Hara'", "O'Hara"),
    ("LastName = 'ö_100%'", "Ö_100%"),
    ("LastName LIKE '%a%'", "O'Hara Vale"),
    ("LastName LIKE 'v_le'", "Vale"),
    ("LastName LIKE '%\\_100\\%'", "Ö_100%"),
    ("LastName LIKE '_\\_%'", "Ö_100%"),
    ("LastName IN ('Vale', 'BYRON')", "Byron Vale"),
    ("LastName NOT IN ('Vale', 'Byron')", "O'Hara Ö_100%"),
    ("Title IN ('Countess', null)", "Byron O'Hara Vale Ö_100%"),
    ("LastName < 'c'", "Byron"),
    ("LastName >= 'v'", "Vale Ö_100%"),
    ("(LastName = 'Byron' AND Title = 'x') OR LastName = 'Vale'", "Vale"),
    ("NOT LastName = 'Vale' AND Title = null", "O'Hara Ö_100%"),
    ("NOT (LastName = 'Vale' OR Title = null)", "Byron"),
    ("Birthdate = 1815-12-10", "Byron"),
    ("Birthdate > 1815-12-10", "Vale"),
    ("Birthdate >= 1815-12-10 AND Birthdate < 1900-01-01", "Byron"),
    ("Birthdate = YESTERDAY", "Vale"),
    ("Birthdate = LAST_N_DAYS:7", "Vale"),
    ("Birthdate < LAST_N_YEARS:2", "Byron"),
    ("Birthdate = THIS_MONTH", "Vale"),
    ("CreatedDate = TODAY", "Byron O'Hara Vale Ö_100%"),
    ("CreatedDate < TODAY", ""),
    ("CreatedDate = 2026-11-24T08:00:00Z", "Byron O'Hara Vale Ö_100%"),
    ("CreatedDate > 2026-11-24T08:00:00.000+0000", ""),
    ("CreatedDate >= 2026-11-24T10:00:00+02:00", "Byron O'Hara Vale Ö_100%"),
    ("IsEmailBounced = false AND IsDeleted != TRUE", "Byron O'Hara Vale Ö_100%"),
    ("Account.Name = 'Mill'", "O'Hara"),
    ("Account.AnnualRevenue >= 1000.0", "O'Hara"),
    ("Account.NumberOfEmployees < 7", ""),
    ("Id = '003000000000001'", ""),
];

fn people(desk: &Desk) {
    let account = json!({ "Name": "Mill", "AnnualRevenue": 1_000, "NumberOfEmployees": 7 });
    let account = desk.post("/sobjects/Account", &account).id();
    desk.contact(&json!({ "LastName": "Byron", "Title": "Countess", "Birthdate": "1815-12-10" }));
    desk.contact(&json!({ "LastName": "O'Hara", "AccountId": account }));
    desk.contact(&json!({ "LastName": "Vale", "Birthdate": "2026-11-23" }));
    desk.contact(&json!({ "LastName": "Ö_100%" }));
}

#[test]
fn conditions_find_what_they_should() {
    let desk = Desk::new();
    people(&desk);
    for (condition, names) in CASES {
        let soql = format!("SELECT LastName FROM Contact WHERE {condition}");
        let found = desk.column(&soql, "LastName");
        let found: Vec<&str> = found.iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(found.join(" "), *names, "{condition}");
    }
}

#[test]
fn order_limit_and_offset() {
    let desk = Desk::new();
    people(&desk);
    let names = |tail: &str| {
        let found = desk.column(&format!("SELECT LastName FROM Contact {tail}"), "LastName");
        let found: Vec<&str> = found.iter().map(|name| name.as_str().unwrap()).collect();
        found.join(" ")
    };
    assert_eq!(names("ORDER BY LastName DESC"), "Ö_100% Vale O'Hara Byron");
    assert_eq!(names("ORDER BY Title, LastName"), "O'Hara Vale Ö_100% Byron");
    assert_eq!(names("ORDER BY Title ASC NULLS LAST, LastName"), "Byron O'Hara Vale Ö_100%");
    assert_eq!(names("ORDER BY LastName LIMIT 2 OFFSET 1"), "O'Hara Vale");
    assert_eq!(names("LIMIT 0"), "");
    assert_eq!(names("ORDER BY Account.Name NULLS LAST LIMIT 1"), "O'Hara");
    let choices = "SELECT FIELDS(CUSTOM) FROM Contact c WHERE c.LastName = 'Vale' LIMIT 1";
    assert_eq!(desk.query(choices).json()["totalSize"], 1);
}

#[test]
fn refusals_name_the_token_the_field_or_the_type() {
    let desk = Desk::new();
    let cases = [
        ("", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT FROM Contact", "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        ("SELECT Id Contact", "MALFORMED_QUERY", "unexpected token: 'Contact'"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Contact FOR UPDATE", "MALFORMED_QUERY", "unexpected token: 'FOR'"),
        ("SELECT toLabel(Title) FROM Contact", "MALFORMED_QUERY", "unexpected token: 'toLabel'"),
        (
            "SELECT Id FROM Contact WHERE Title = 'a' AND Title = 'b' OR Title = 'c'",
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        ("SELECT Id FROM Contact WHERE Title = 'a", "MALFORMED_QUERY", "unterminated"),
        ("SELECT Id FROM Contact WHERE Title = 'a\\q'", "MALFORMED_QUERY", "escape"),
        ("SELECT Id FROM Contact WHERE Title = SOON", "MALFORMED_QUERY", "'SOON'"),
        (
            "SELECT Id FROM Contact WHERE CreatedDate > 2026-11-24T08:00:00",
            "MALFORMED_QUERY",
            "2026-11-24T08:00:00",
        ),
        ("SELECT FIELDS(ALL) FROM Contact", "MALFORMED_QUERY", "LIMIT of at most 200"),
        ("SELECT Id FROM Contact OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        (
            "SELECT Foo FROM Contact",
            "INVALID_FIELD",
            "\nSELECT Foo FROM Contact\n       ^\nERROR at Row:1:Column:8\nNo such column 'Foo' \
             on entity 'Contact'.",
        ),
        ("SELECT Id FROM Contact WHERE Boss.Name = 'x'", "INVALID_FIELD", "relationship 'Boss'"),
        ("SELECT Id FROM Contact WHERE Title = 5", "INVALID_FIELD", "enclosed in quotes"),
        (
            "SELECT Id FROM Contact WHERE CreatedDate = '2026-11-24T08:00:00Z'",
            "INVALID_FIELD",
            "of type dateTime and should not be enclosed in quotes",
        ),
        ("SELECT Id FROM Contact WHERE CreatedDate = 2026-11-24", "INVALID_FIELD", "dateTime"),
        ("SELECT Id FROM Contact WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Contact ORDER BY Description", "INVALID_FIELD", "can not be sorted"),
        ("SELECT Id FROM Contact WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID"),
        ("SELECT Id, (SELECT Id FROM Foos) FROM Account", "INVALID_TYPE", "'Foos'"),
        ("SELECT Name FROM Accout", "INVALID_TYPE", "sObject type 'Accout' is not supported"),
        ("SELECT Name, COUNT(Id) FROM Account GROUP BY Type", "MALFORMED_QUERY", "grouped"),
    ];
    for (soql, code, text) in cases {
        let reply = desk.query(soql);
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{soql}: {reply:?}");
        assert!(reply.message().contains(text), "{soql}: {reply:?}");
    }
}

#[test]
fn deep_nesting_is_refused_not_overrun() {
    let deep = format!("SELECT Id FROM Contact WHERE {}Id = null", "(".repeat(20_000));
    assert_eq!(parse(&deep).unwrap_err().code, "QUERY_TOO_COMPLICATED");
    let nots = format!("SELECT Id FROM Contact WHERE {}Id = null", "NOT ".repeat(20_000));
    assert_eq!(parse(&nots).unwrap_err().code, "QUERY_TOO_COMPLICATED");
    let sets = "SELECT Id FROM Contact WHERE Id IN (".repeat(2_000);
    assert_eq!(parse(&sets).unwrap_err().code, "QUERY_TOO_COMPLICATED");
}

fn path() -> impl Strategy<Value = Path> {
    // A leading F keeps names clear of keywords.
    prop::collection::vec("F[A-Za-z0-9_]{0,8}", 1..4)
        .prop_map(|names| Path { names, spot: Spot(0) })
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Flag),
        any::<String>().prop_map(Literal::Text),
        "['\"\\\\%_\n\r\t ]{0,12}".prop_map(Literal::Text),
        "-?[0-9]{1,9}(\\.[0-9]{1,4})?".prop_map(Literal::Number),
        (1_i16..3_000, 1_i8..=12, 1_i8..=28)
            .prop_map(|(year, month, day)| Literal::Day(jiff::civil::date(year, month, day))),
        (-60_000_000_000_i64..200_000_000_000)
            .prop_map(|at| Literal::Moment(jiff::Timestamp::from_second(at).unwrap())),
        (0_u32..999)
            .prop_map(|n| { Literal::Period(Period::named("LAST_N_DAYS", Some(n)).unwrap()) }),
        Just(Literal::Period(Period::named("this_quarter", None).unwrap())),
    ]
}

fn pattern() -> impl Strategy<Value = Vec<Piece>> {
    let piece = prop_oneof![
        any::<char>().prop_map(Piece::Char),
        prop::sample::select(vec!['%', '_', '\\', '\'', '\n']).prop_map(Piece::Char),
        Just(Piece::One),
        Just(Piece::Many),
    ];
    prop::collection::vec(piece, 0..10)
}

fn condition() -> impl Strategy<Value = Condition> {
    let operator = prop::sample::select(vec![
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
    ]);
    let side = || prop::sample::select(vec![Side::Inside, Side::Outside]);
    let spot = Spot(0);
    let leaf = prop_oneof![
        (path(), operator, literal()).prop_map(move |(path, operator, value)| {
            Condition::Compare { path, operator, value, spot }
        }),
        (path(), pattern()).prop_map(|(path, pattern)| Condition::Like { path, pattern }),
        (path(), side(), prop::collection::vec(literal(), 1..4)).prop_map(
            move |(path, side, values)| {
                Condition::Member { path, side, set: Set::Listed(values), spot }
            }
        ),
        (path(), side(), prop::collection::vec(any::<String>(), 1..4))
            .prop_map(|(path, side, values)| Condition::Choice { path, side, values }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::Or),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
}

fn sort() -> impl Strategy<Value = Sort> {
    let order = prop::sample::select(vec![Order::Ascending, Order::Descending]);
    let nulls = prop::sample::select(vec![Nulls::First, Nulls::Last]);
    (path(), order, nulls).prop_map(|(path, order, nulls)| Sort { path, order, nulls })
}

fn query() -> impl Strategy<Value = Query> {
    let select = prop::collection::vec(path().prop_map(Item::Field), 1..4);
    let parts = (
        select,
        path(),
        prop::option::of(condition()),
        prop::collection::vec(sort(), 0..3),
        prop::option::of(0_u64..5_000),
        prop::option::of(0_u64..=2_000),
    );
    parts.prop_map(|(select, from, filter, order_by, limit, offset)| Query {
        select,
        from,
        alias: None,
        filter,
        group_by: Vec::new(),
        order_by,
        limit,
        offset,
    })
}

proptest! {
    #[test]
    fn writing_and_reading_a_query_gives_it_back(query in query()) {
        let text = query.to_string();
        prop_assert_eq!(parse(&text), Ok(query), "{}", text);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        drop(parse(&text));
        drop(parse(&format!("SELECT Id FROM Contact WHERE {text}")));
    }

    #[test]
    fn a_quoted_value_never_leaves_its_quotes(value in any::<String>()) {
        let literal = Literal::Text(value);
        let text = format!("SELECT Id FROM Contact WHERE Title = {literal}");
        let query = parse(&text).unwrap();
        let Some(Condition::Compare { value: read, .. }) = query.filter else {
            panic!("{text}");
        };
        prop_assert_eq!(read, literal);
    }
}
