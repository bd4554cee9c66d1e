//! What is cleaned and what stays.

use proptest::prelude::*;

use super::*;

#[test]
fn markup_goes_and_text_stays() {
    let table = [
        ("Cracked <b>screen</b>", "Cracked screen"),
        ("<script>alert('x')</script>Front glass", "Front glass"),
        ("AT&T", "AT&T"),
        ("AT&amp;T", "AT&T"),
        ("&lt;b&gt;bold&lt;/b&gt;", "bold"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        ("O'Brien said \"hi\"", "O'Brien said \"hi\""),
        ("  two\u{0}\u{7} lines\n\tkept  ", "two lines\n\tkept"),
        ("Frantis\u{30c}ek Bjørn 李雷 مريم", "František Bjørn 李雷 مريم"),
        ("x' OR '1'='1", "x' OR '1'='1"),
        ("", ""),
    ];
    for (raw, clean) in table {
        assert_eq!(sanitize_input(raw), clean, "{raw:?}");
    }
}

proptest! {
    #[test]
    fn cleaning_twice_changes_nothing(raw in "\\PC{0,40}", markup in "[<>&;/a-z ='\"#0-9]{0,40}") {
        for raw in [raw, markup] {
            let once = sanitize_input(&raw);
            prop_assert_eq!(sanitize_input(&once), once);
        }
    }
}
