//! Tables of real spellings, and laws.

use proptest::prelude::*;

use super::*;

fn key(raw: &str) -> String {
    phone(raw, Region::GB).into_owned()
}

#[test]
fn spellings_of_one_phone_are_one() {
    let table: &[(&str, &[&str])] = &[
        (
            "+442071234567",
            &[
                "020 7123 4567",
                "+44 20 7123 4567",
                "(020) 7123-4567",
                "00442071234567",
                "+44 (0)20 7123 4567",
                "+44 020 7123 4567",
            ],
        ),
        (
            "+497112842222",
            &["+49 0711 2842222", "+49 711 2842222", "0049 711 2842222", "+49 (0)711 28 42 222"],
        ),
        ("+551239235555", &["+55 (12) 3923-5555", "+551239235555"]),
        ("+15147214711", &["+1 (514) 721-4711", "+1 514 721 4711"]),
        ("+4722442222", &["+47 22 44 22 22"]),
        ("+390612345678", &["+39 06 1234 5678"]),
    ];
    for (normal, spellings) in table {
        for spelling in *spellings {
            assert_eq!(&key(spelling), normal, "{spelling}");
        }
    }
}

#[test]
fn what_is_no_phone_compares_as_its_digits_or_text() {
    assert_eq!(key("ext. 12"), "12");
    assert_eq!(key("112"), "112");
    assert_eq!(key("ask at the desk"), "ask at the desk");
    assert_eq!(key("   "), "");
}

#[test]
fn a_phone_without_a_country_is_read_in_the_tenants() {
    assert_eq!(phone("030 123456", "DE".parse().unwrap()), "+4930123456");
    assert_eq!(phone("(212) 555-0123", "us".parse().unwrap()), "+12125550123");
    assert!("Mars".parse::<Region>().is_err());
}

#[test]
fn text_and_email() {
    assert_eq!(text("  Frantis\u{30c}ek "), "František");
    assert_eq!(email(" Ana.ROY@Mail.Example "), "ana.roy@mail.example");
    assert!(matches!(email("ana@mail.example"), Cow::Borrowed(_)));
    assert!(matches!(text("Bjørn"), Cow::Borrowed(_)));
}

#[test]
fn money_has_the_decimals_of_its_currency() {
    let money = |amount, code| Money::parse(amount, code).map(|m| m.amount.to_string());
    assert_eq!(money("299.990", "gbp").as_deref(), Some("299.99"));
    assert_eq!(money("1200.505", "GBP").as_deref(), Some("1200.5"));
    assert_eq!(money("850000.0", "JPY").as_deref(), Some("850000"));
    assert_eq!(money("1.2345", "KWD").as_deref(), Some("1.234"));
    assert_eq!(money("1,234.00", "USD"), None);
    assert_eq!(money("1", "XX?"), None);
}

#[test]
fn dates_and_instants() {
    assert_eq!(date("2026-02-28"), date("2026-02-28T23:59:59Z"));
    assert_eq!(date("28.2.2026"), None);
    let instants = ["2026-05-06T11:32:21.000+0000", "2026-05-06T13:32:21+02:00", "1778067141000"];
    for text in instants {
        assert_eq!(instant(text), instant("2026-05-06T11:32:21Z"), "{text}");
        assert!(instant(text).is_some());
    }
}

proptest! {
    #[test]
    fn every_form_is_idempotent(raw in "\\PC{0,24}", digits in "[+0]{0,2}[0-9 ()-]{0,18}") {
        let once = text(&raw).into_owned();
        prop_assert_eq!(text(&once).into_owned(), once);
        let once = email(&raw).into_owned();
        prop_assert_eq!(email(&once).into_owned(), once);
        for raw in [raw, digits] {
            let once = key(&raw);
            prop_assert_eq!(key(&once), once.clone(), "phone {:?}", raw);
        }
    }

    #[test]
    fn money_is_idempotent(units in -1_000_000_000_i64..1_000_000_000, scale in 0_u32..6) {
        let amount = Decimal::new(units, scale);
        for currency in [Currency::GBP, Currency::JPY, Currency::KWD] {
            let once = Money::new(amount, currency);
            prop_assert_eq!(Money::new(once.amount, currency), once);
        }
    }
}

#[test]
fn a_domain_is_found_however_it_is_written() {
    for (raw, expected) in [
        ("https://www.Oak-Repairs.example/shop?x=1", "oak-repairs.example"),
        ("oak-repairs.example", "oak-repairs.example"),
        ("WWW.OAK-REPAIRS.EXAMPLE.", "oak-repairs.example"),
        ("http://desk@oak-repairs.example:8080", "oak-repairs.example"),
        ("oak", ""),
        ("", ""),
    ] {
        assert_eq!(domain(raw), expected, "{raw}");
        assert_eq!(domain(&domain(raw)), domain(raw));
    }
}
