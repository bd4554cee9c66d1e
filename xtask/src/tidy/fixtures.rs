//! Fixtures hold no secrets and nobody real.

use super::Finding;
use crate::tree::{Tree, has_extension};

const FOLDER: &str = "fixtures/";
const DATA: &[&str] = &[".json", ".toml", ".csv"];

/// Hosts of the vendors that a recorded exchange may name.
const VENDOR_HOSTS: &[&str] = &[
    "api.hubapi.com",
    "app.hubspot.com",
    "developers.hubspot.com",
    "login.salesforce.com",
    "test.salesforce.com",
    "developer.salesforce.com",
    "api.pipedrive.com",
    "www.zohoapis.com",
    "accounts.zoho.com",
    "api.salesflare.com",
];
/// Hosts below which an invented account may stand; its name must say that it is an example.
const VENDOR_DOMAINS: &[&str] =
    &["my.salesforce.com", "pipedrive.com", "myfreshworks.com", "freshsales.io"];
/// Kept for documentation by RFC 2606, and so nobody's.
const RESERVED: &[&str] =
    &["example", "example.com", "example.net", "example.org", "test", "invalid", "localhost"];
/// Endings by which a bare word is taken for a host. Others need `@` or `://` before them, since
/// `crm.objects.contacts.read` and `Account.Name` are no hosts.
const ENDINGS: &[&str] = &[
    "com", "net", "org", "io", "co", "uk", "de", "fr", "eu", "nl", "it", "es", "at", "ch", "be",
    "dk", "se", "no", "pl", "cz", "ca", "au", "us", "biz", "info", "dev", "app",
];

/// How secrets of these vendors begin.
const TOKEN_STARTS: &[&str] =
    &["pat-", "eyJ", "-----BEGIN", "ghp_", "sk_live", "xoxb-", "AKIA", "1000."];
/// Shortest run that is a secret by its begin.
const TOKEN_START_MIN: usize = 20;
/// Shortest run of hexadecimal digits that is a secret by its looks.
const HEX_MIN: usize = 32;
/// Shortest run of mixed letters and digits that is a secret by its looks.
const MIXED_MIN: usize = 40;

/// Checks every data file in `fixtures/`.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    let data = tree.under(FOLDER).filter(|(path, _)| DATA.iter().any(|end| path.ends_with(end)));
    for (path, text) in data {
        if has_extension(path, "json") {
            check_json(path, text, &mut found);
        }
        for (index, line) in text.lines().enumerate() {
            check_line(path, index + 1, line, &mut found);
        }
    }
    found
}

fn check_json(path: &str, text: &str, found: &mut Vec<Finding>) {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let what = format!("not JSON: {error}");
        found.push(Finding::error(path, error.line().max(1), what, "mend the file"));
    }
}

fn check_line(path: &str, number: usize, line: &str, found: &mut Vec<Finding>) {
    for word in
        line.split(|letter: char| letter.is_whitespace() || "\"',;<>()[]{}".contains(letter))
    {
        if let Some(why) = looks_secret(word) {
            found.push(Finding::error(
                path,
                number,
                format!(
                    "`{}…` looks like a secret ({why})",
                    word.chars().take(8).collect::<String>()
                ),
                "write a short invented value, for instance `token-1`",
            ));
        }
        for host in hosts(word).into_iter().filter(|host| !is_nobodys(host)) {
            found.push(Finding::error(
                path,
                number,
                format!("`{host}` may belong to somebody"),
                "end it in `.example`, or list a vendor's host in xtask/src/tidy/fixtures.rs",
            ));
        }
    }
}

fn looks_secret(word: &str) -> Option<&'static str> {
    let key = word.rsplit(['=', ':']).next().unwrap_or(word);
    for part in [word, key] {
        if part.starts_with("-----BEGIN") {
            return Some("the begin of a key");
        }
        let begins = TOKEN_STARTS.iter().any(|start| part.starts_with(start));
        if begins && part.len() >= TOKEN_START_MIN {
            return Some("a vendor's prefix");
        }
        if is_session(part) {
            return Some("a Salesforce session");
        }
    }
    let run = |accepts: fn(char) -> bool| {
        word.split(|letter| !accepts(letter)).max_by_key(|part| part.len()).unwrap_or_default()
    };
    if run(|letter| letter.is_ascii_hexdigit()).len() >= HEX_MIN {
        return Some("a long hexadecimal number");
    }
    let mixed = run(|letter| letter.is_ascii_alphanumeric() || "+_".contains(letter));
    let has = |kind: fn(&char) -> bool| mixed.chars().any(|letter| kind(&letter));
    let every =
        has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase) && has(char::is_ascii_digit);
    (mixed.len() >= MIXED_MIN && every).then_some("a long run of letters and digits")
}

/// An organisation's id, an exclamation mark, and a long rest.
fn is_session(word: &str) -> bool {
    word.split_once('!').is_some_and(|(org, rest)| {
        org.starts_with("00D") && matches!(org.len(), 15 | 18) && rest.len() >= TOKEN_START_MIN
    })
}

/// Returns the hosts that a word names: after `://`, after `@`, or by a common ending.
fn hosts(word: &str) -> Vec<String> {
    let cut = |text: &str| -> String {
        let end = text.find(|letter: char| !(letter.is_alphanumeric() || "-._".contains(letter)));
        text.get(..end.unwrap_or(text.len())).unwrap_or_default().trim_matches('.').to_lowercase()
    };
    if let Some((_, rest)) = word.split_once("://") {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return vec![cut(authority.rsplit('@').next().unwrap_or_default())];
    }
    if word.contains('@') {
        return word.split('@').skip(1).map(cut).filter(|host| host.contains('.')).collect();
    }
    let host = cut(word);
    let last = host.rsplit('.').next().unwrap_or_default();
    let named = host.contains('.') && ENDINGS.contains(&last) && !word.contains('_');
    if named && starts_like_a_host(&host) { vec![host] } else { Vec::new() }
}

fn starts_like_a_host(host: &str) -> bool {
    host.chars().any(char::is_alphabetic) && host.split('.').all(|label| !label.is_empty())
}

fn is_nobodys(host: &str) -> bool {
    let below = |domain: &str| {
        host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    };
    let address = host.split('.').all(|label| label.parse::<u8>().is_ok());
    let invented = VENDOR_DOMAINS
        .iter()
        .any(|domain| host.strip_suffix(domain).is_some_and(|account| account.contains("example")));
    address || invented || VENDOR_HOSTS.contains(&host) || RESERVED.iter().any(|r| below(r))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: &str) -> Vec<String> {
        let text = format!("{{ \"a\":\n \"{value}\" }}");
        let found = check(&Tree::of(&[("fixtures/hubspot/contact/a.json", &text)]));
        assert!(found.iter().all(|finding| finding.line == 2));
        found.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn secrets_are_found() {
        let hex = "0123456789abcdef".repeat(2);
        for value in [
            hex.clone(),
            format!("pat-xx-{hex}"),
            format!("Bearer eyJ{}", "hbGciOiJub25lIn0.".repeat(2)),
            format!("{} PRIVATE KEY-----", concat!("-----BE", "GIN")),
            format!("00D000000000001!{}", "AQ4AQ.x".repeat(4)),
            "aB3".repeat(14),
            format!("token={hex}"),
        ] {
            assert_eq!(found(&value).len(), 1, "{value}");
        }
    }

    #[test]
    fn ids_and_words_are_no_secrets() {
        for value in [
            "0038d00000AbCdEAAV",
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "2026-11-24T10:00:00.000Z",
            "crm.objects.contacts.read",
            "/services/data/v64.0/query?q=SELECT+Id",
            "token-1",
            "SystemModstamp",
            "pat-1",
        ] {
            assert_eq!(found(value), Vec::<String>::new(), "{value}");
        }
    }

    #[test]
    fn real_hosts_are_found() {
        for value in [
            "anna@somecompany.de",
            "https://www.somecompany.io/a?b=c",
            "www.somecompany.com",
            "https://acme.my.salesforce.com",
            "https://evilapi.hubapi.com",
            "anna@notexample.com",
        ] {
            assert_eq!(found(value).len(), 1, "{value}");
        }
    }

    #[test]
    fn reserved_and_vendor_hosts_are_fine() {
        for value in [
            "anna@mill.example",
            "https://mill.example/x",
            "mill.example.com",
            "https://api.hubapi.com/crm/objects/2026-09/contacts",
            "https://example-org.my.salesforce.com",
            "http://127.0.0.1:8080/x",
            "http://localhost:1",
            "Account.Name",
            "12.50",
        ] {
            assert_eq!(found(value), Vec::<String>::new(), "{value}");
        }
    }

    #[test]
    fn broken_json_is_found() {
        let found = check(&Tree::of(&[("fixtures/a.json", "{\n1}")]));
        assert_eq!((found.len(), found[0].line), (1, 2));
    }
}
