use crm_store::Details;

use super::ProblemClass;

#[test]
fn every_class_has_a_name_of_its_own_and_a_remedy() {
    for class in ProblemClass::ALL {
        assert_eq!(class.name().parse(), Ok(class));
        assert!(class.remedy().len() > 20, "{class}");
    }
    assert!("odd".parse::<ProblemClass>().is_err());
}

#[test]
fn the_code_says_more_than_the_kind_and_the_kind_more_than_the_words() {
    let of = |class: &str, code: Option<&str>, message: &str| {
        let details =
            code.map(|code| Details { code: Some(code.to_owned()), ..Details::default() });
        ProblemClass::of(class, details.as_ref(), message)
    };
    let rows = [
        ("validation", Some("STRING_TOO_LONG"), "", ProblemClass::TooLong),
        ("validation", Some("INVALID_OPTION"), "is required", ProblemClass::UnknownChoice),
        ("permanent", Some("INSUFFICIENT_ACCESS"), "", ProblemClass::Permission),
        ("permanent", Some("STORAGE_LIMIT_EXCEEDED"), "", ProblemClass::Quota),
        ("validation", Some("SOMETHING_NEW"), "a field is required", ProblemClass::MissingRequired),
        ("validation", None, "not accepted", ProblemClass::Validation),
        ("refused", None, "not accepted", ProblemClass::Validation),
        ("duplicate_rule", None, "", ProblemClass::Duplicate),
        ("ambiguous_email", None, "", ProblemClass::Duplicate),
        ("ambiguous_domain", None, "", ProblemClass::Duplicate),
        ("merged_elsewhere", None, "", ProblemClass::Duplicate),
        ("unsupported", None, "", ProblemClass::Unsupported),
        ("permanent", None, "who knows", ProblemClass::Bug),
    ];
    for (class, code, message, wanted) in rows {
        assert_eq!(of(class, code, message), wanted, "{class} {code:?} {message}");
    }
}
