//! Tables of addresses and numbers.

use super::*;

#[test]
fn emails() {
    let good = [
        "john.doe@example.com",
        "a@b.co",
        "first+tag@mail.example",
        "o'brien@mail.example",
        "x_y-z@sub.mail.example",
        "1@2.example",
        "jörg@post.example",
        "ana@bücher.example",
        "用户@例子.example",
        "a.b.c.d@mail.example",
        "\"quoted local\"@mail.example",
        "UPPER@MAIL.EXAMPLE",
        "user%relay@mail.example",
        "a/b@mail.example",
        "a=b@mail.example",
        "very.long.local.part.that.is.still.fine@mail.example",
        "a@xn--bcher-kva.example",
    ];
    let bad = [
        "",
        " ",
        "plain",
        "@mail.example",
        "a@",
        "a@localhost",
        "a b@mail.example",
        "a@mail..example",
        ".a@mail.example",
        "a.@mail.example",
        "a..b@mail.example",
        "a@-mail.example",
        "a@mail.example-",
        "a@@mail.example",
        "a@mail.example,b@mail.example",
        "Ana <ana@mail.example>",
        "a@[127.0.0.1]",
        "a@mail.example\n",
        "a@.example",
        "a@mail.",
    ];
    for text in good {
        assert!(validate_email(text), "{text}");
    }
    for text in bad {
        assert!(!validate_email(text), "{text}");
    }
}

#[test]
fn phones() {
    for text in ["+44 20 7123 4567", "020 7123 4567", "+49 711 2842222", "+1 (514) 721-4711"] {
        assert!(validate_phone(text, Region::GB), "{text}");
    }
    for text in ["", "12", "+44 1", "+999 123 456 789", "call me", "020 7123 45678901234"] {
        assert!(!validate_phone(text, Region::GB), "{text}");
    }
}
