//! Invented people, populations, and people from CSV files.

use std::collections::{BTreeMap, BTreeSet};

use crm_testkit::people::{from_csv, invent, spread};

#[test]
fn the_same_seed_gives_the_same_people() {
    assert_eq!(invent(500, 3), invent(500, 3));
    assert_ne!(invent(500, 3), invent(500, 4));
    let people = invent(20_000, 3);
    let emails: BTreeSet<&str> = people.iter().map(|person| person.email.as_str()).collect();
    assert_eq!(emails.len(), people.len());
    assert!(emails.iter().all(|email| email.ends_with(".example") && email.is_ascii()));
    let digits = |phone: &str| -> String { phone.chars().filter(char::is_ascii_digit).collect() };
    let phones: BTreeSet<String> = people.iter().map(|person| digits(&person.phone)).collect();
    assert_eq!(phones.len(), people.len(), "no two share a number");
    for script in ["é", "Š", "љ", "Ж", "Щ", "λ", "林", "さ", "ن", "ş"] {
        let found =
            people.iter().any(|p| format!("{}{}", p.first_name, p.last_name).contains(script));
        let expected = !["љ", "Ж", "ş"].contains(&script);
        assert_eq!(found, expected, "{script}");
    }
}

#[test]
fn a_population_overlaps_as_promised() {
    let sides = spread(1_000, 5, &["hubspot", "salesforce"]);
    assert_eq!(sides, spread(1_000, 5, &["hubspot", "salesforce"]));
    let by_email = |side: usize| -> BTreeMap<&str, &crm_testkit::people::Person> {
        sides[side].iter().map(|person| (person.email.as_str(), person)).collect()
    };
    let (left, right) = (by_email(0), by_email(1));
    assert_eq!((left.len(), right.len()), (850, 850));
    let both: Vec<&&str> = left.keys().filter(|email| right.contains_key(**email)).collect();
    assert_eq!(both.len(), 700);
    let differing = both.iter().filter(|email| left[**email] != right[**email]).count();
    assert_eq!(differing, 234, "a third");
    for email in &both {
        let (one, other) = (left[**email], right[**email]);
        let pairs = [
            (&one.first_name, &other.first_name),
            (&one.last_name, &other.last_name),
            (&one.phone, &other.phone),
            (&one.company, &other.company),
        ];
        assert!(pairs.iter().filter(|pair| pair.0 != pair.1).count() <= 1, "{one:?} {other:?}");
    }
    let nameless = |side: &[crm_testkit::people::Person]| {
        side.iter().filter(|person| person.last_name.is_empty()).count()
    };
    assert_eq!((nameless(&sides[0]), nameless(&sides[1])), (5, 0));
    assert_eq!(spread(1_000, 5, &["hubspot"])[0].len(), 1_000);
    assert_eq!(spread(100, 5, &["salesforce"])[0].len(), 100);
    assert_eq!(spread(0, 5, &["hubspot", "salesforce"]), [Vec::new(), Vec::new()]);
}

#[test]
fn csv_columns_are_matched_by_name() {
    let text = "\u{feff}Id, first_name ,LastName,E-Mail,Phone,Company,City,Owner\r\n\
                1,\"Luís\",\"Gonçalves \"\"Gonça\"\"\",l@firm.example,\"+55 (12) 3923-5555\",\
                \"Firm, \nInc.\",Leeds,x\r\n\
                \r\n\
                2,František,,f@firm.example,,,,\n";
    let people = from_csv(text).unwrap();
    assert_eq!(people.len(), 2);
    assert_eq!(people[0].last_name, "Gonçalves \"Gonça\"");
    assert_eq!(people[0].company, "Firm, \nInc.");
    assert_eq!(people[0].phone, "+55 (12) 3923-5555");
    assert_eq!((people[1].first_name.as_str(), people[1].last_name.as_str()), ("František", ""));
    let people = from_csv("Name;x,Email\nIgnored,a@b.example").unwrap();
    assert_eq!(people[0].email, "a@b.example");
    let people = from_csv("Full Name,Phone\nAna Maria Roy,1\nPlato,2").unwrap();
    assert_eq!((people[0].first_name.as_str(), people[0].last_name.as_str()), ("Ana Maria", "Roy"));
    assert_eq!((people[1].first_name.as_str(), people[1].last_name.as_str()), ("", "Plato"));
}

#[test]
fn bad_lines_are_refused_by_number() {
    let cases = [
        ("", "line 1: the file is empty"),
        ("Colour,Size\nred,1", "line 1: no column is called"),
        ("Email,City\na@b.example,X,Y", "line 2: 3 columns where the first line has 2"),
        ("Email,City\na@b.example,X\n\nb@b.example", "line 4: 1 columns"),
        ("Email\nnobody", "line 2: \"nobody\" is not an e-mail address"),
        ("Email\na@b.example\nA@B.example", "line 3: A@B.example is in line 2 already"),
        ("FirstName,City\n,Leeds", "line 2: neither a name nor an e-mail address"),
        ("FirstName\n\"Ana\nRoy", "line 2: a quote is not closed"),
        ("FirstName\n\"Ana\" Roy", "line 2: text after a closing quote"),
    ];
    for (text, expected) in cases {
        let error = from_csv(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error:?} for {text:?}");
    }
}
