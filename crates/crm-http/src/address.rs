//! Where a client may speak to: https anywhere, plain http only to this machine.

use std::net::IpAddr;

use crm_core::{ErrorKind, ProviderError, Result};
use reqwest::Url;

/// Returns a base URL without a trailing slash, if a token may be sent there; `key` is the
/// setting that it came from, for the message.
pub fn base_url(text: &str, key: &str) -> Result<String> {
    parse(text, key).map(|url| url.as_str().trim_end_matches('/').to_owned())
}

/// Parses and checks a URL that credentials are sent to.
pub(crate) fn parse(text: &str, key: &str) -> Result<Url> {
    let refuse = |why: &str| {
        Err(ProviderError::new(ErrorKind::Permanent, format!("`{key}` {why}")).with_hint(format!(
            "set `{key}` to the vendor's https address, or to http://127.0.0.1:PORT for a \
                 sandbox"
        )))
    };
    let Ok(url) = Url::parse(text.trim()) else {
        return refuse("is not a URL");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("must not carry a user name or a password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("must end with its path");
    }
    match url.scheme() {
        "https" if url.has_host() => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => refuse("is plain http to another machine, which would show the credentials"),
        _ => refuse("is neither https nor http"),
    }
}

/// Returns whether a URL names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Returns the part of a URL that may be shown: scheme, host and port.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::base_url;

    #[test]
    fn https_is_accepted_anywhere_and_http_only_here() {
        let cases = [
            ("https://api.vendor.example", Some("https://api.vendor.example")),
            ("https://api.vendor.example/", Some("https://api.vendor.example")),
            ("http://127.0.0.1:4701/hub", Some("http://127.0.0.1:4701/hub")),
            ("http://127.8.9.1:1", Some("http://127.8.9.1:1")),
            ("http://[::1]:4701", Some("http://[::1]:4701")),
            ("http://localhost:4701", Some("http://localhost:4701")),
            ("http://localhost.vendor.example", None),
            ("http://127.0.0.1.vendor.example", None),
            ("http://api.vendor.example", None),
            ("http://10.0.0.1", None),
            ("https://user:word@api.vendor.example", None),
            ("https://api.vendor.example?x=1", None),
            ("ftp://127.0.0.1", None),
            ("api.vendor.example", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let found = base_url(text, "base_url").ok();
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_refusal_names_the_setting_and_the_way_out() {
        let error = base_url("http://crm.example", "login_url").unwrap_err();
        assert!(error.to_string().contains("`login_url`"), "{error}");
        assert!(error.hint().unwrap().contains("http://127.0.0.1:PORT"));
        assert!(!error.to_string().contains("crm.example"));
    }
}
