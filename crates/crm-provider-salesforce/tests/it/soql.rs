//! What this room writes, read by the fake's parser, which shares nothing with it.

use crm_provider_salesforce::soql::{
    Filter, LIST_BYTES_MAX, LIST_MAX, Literal, Place, Select, lists,
};
use crm_testkit::soql::ast::{Condition, Literal as Value, Operator, Query, Set, Side};
use crm_testkit::soql::parse;
use jiff::Timestamp;
use proptest::prelude::*;

fn select(filter: Filter) -> String {
    let select = Select {
        fields: &["Id", "Email"],
        from: "Contact",
        filter: Some(filter),
        order_by: &["SystemModstamp", "Id"],
        limit: Some(2_000),
    };
    select.to_string()
}

fn read(text: &str) -> Query {
    parse(text).unwrap_or_else(|problem| panic!("{text}: {problem:?}"))
}

/// Returns what a membership test lists.
fn listed(query: &Query) -> Vec<Value> {
    let filter = query.filter.as_ref().unwrap();
    let Condition::Member { side: Side::Inside, set: Set::Listed(values), path, .. } = filter
    else {
        panic!("one membership test and nothing else, not {filter:?}");
    };
    assert_eq!(path.names, ["Email"]);
    values.clone()
}

/// Text as an attacker, or a person with an odd name, would choose it.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        r"[\\' \n\r\t%_()-]{0,20}",
        "[a-z]{0,5}'( OR |\\) OR \\(|\\\\)[A-Z][a-z]{1,5} (!=|LIKE) '[a-z%]{0,5}",
    ]
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000_000)
        .prop_map(|milliseconds| Timestamp::from_millisecond(milliseconds).unwrap())
}

proptest! {
    #[test]
    fn no_text_leaves_its_quotes(texts in prop::collection::vec(hostile(), 1..8)) {
        let values = texts.iter().map(Literal::text).collect();
        let query = read(&select(Filter::OneOf("Email", values)));
        let expected: Vec<Value> = texts.into_iter().map(Value::Text).collect();
        prop_assert_eq!(listed(&query), expected);
        prop_assert_eq!(query.limit, Some(2_000));
        prop_assert_eq!(query.from.names, ["Contact"]);
    }

    #[test]
    fn a_place_keeps_its_stamp_and_id(stamp in moment(), id in hostile()) {
        let place = Place { stamp, id: id.clone() };
        let query = read(&select(Filter::beyond("SystemModstamp", "Id", &place)));
        let Some(Condition::Or(parts)) = query.filter else { panic!("two cases") };
        let [Condition::And(same), later] = parts.as_slice() else { panic!("{parts:?}") };
        let shown: Vec<_> = same.iter().chain([later]).map(comparison).collect();
        let expected = [
            ("SystemModstamp", Operator::Equal, Value::Moment(stamp)),
            ("Id", Operator::Greater, Value::Text(id)),
            ("SystemModstamp", Operator::Greater, Value::Moment(stamp)),
        ];
        prop_assert_eq!(shown, expected);
    }

    #[test]
    fn another_user_is_told_apart_whatever_the_id(id in hostile()) {
        let query = read(&select(Filter::IsNot("LastModifiedById", Literal::text(&id))));
        let filter = query.filter.unwrap();
        let expected = ("LastModifiedById", Operator::NotEqual, Value::Text(id));
        prop_assert_eq!(comparison(&filter), expected);
    }

    #[test]
    fn lists_lose_nothing_and_fit_into_an_address(
        shapes in prop::collection::vec((0_usize..4, 0_usize..80), 0..400),
    ) {
        let text = |(kind, length): &(usize, usize)| ["a", "é", "'", " "][*kind].repeat(*length);
        let values: Vec<Literal> = shapes.iter().map(text).map(Literal::text).collect();
        let lists = lists(values.clone());
        for list in &lists {
            prop_assert!((1..=LIST_MAX).contains(&list.len()));
            let text = select(Filter::OneOf("Email", list.clone()));
            let encoded = percent_encoding::utf8_percent_encode(
                &text,
                percent_encoding::NON_ALPHANUMERIC,
            );
            prop_assert!(encoded.map(str::len).sum::<usize>() < LIST_BYTES_MAX + 500);
        }
        prop_assert_eq!(lists.concat(), values);
    }
}

fn comparison(condition: &Condition) -> (&str, Operator, Value) {
    let Condition::Compare { path, operator, value, .. } = condition else {
        panic!("a comparison, not {condition:?}");
    };
    (path.names.first().unwrap(), *operator, value.clone())
}

#[test]
fn a_joined_condition_is_wrapped() {
    let place = Place { stamp: "2026-11-24T08:00:00Z".parse().unwrap(), id: "003".to_owned() };
    let deleted = Filter::Is("IsDeleted", Literal::True);
    let filter = Filter::All(vec![deleted, Filter::beyond("SystemModstamp", "Id", &place)]);
    assert_eq!(
        select(filter),
        "SELECT Id, Email FROM Contact WHERE (IsDeleted = true AND \
         ((SystemModstamp = 2026-11-24T08:00:00.000Z AND Id > '003') OR \
         SystemModstamp > 2026-11-24T08:00:00.000Z)) ORDER BY SystemModstamp, Id LIMIT 2000"
    );
}
