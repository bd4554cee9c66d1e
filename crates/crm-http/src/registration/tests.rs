use std::sync::Arc;

use crm_core::{ErrorKind, ProviderError, Quota};
use serde::Deserialize;
use serde_json::json;

use super::{Registration, Setup, Variable};
use crate::SystemClock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    access_token: secrecy::SecretString,
    #[serde(default)]
    page: Option<u16>,
}

const ROOM: Registration = Registration {
    name: "acme",
    title: "Acme",
    variables: &[Variable {
        env: "ACME_TOKEN",
        key: "access_token",
        secret: true,
        doc: "The token.",
    }],
    keys: &["access_token", "page"],
    open: |_setup| Err(ProviderError::unsupported("opening")),
};

fn setup(settings: &serde_json::Value) -> Setup {
    let mut setup = Setup::new("acme-2", Arc::new(SystemClock::new()));
    setup.settings = settings.as_object().unwrap().clone();
    setup
}

#[test]
fn settings_become_the_rooms_own() {
    let config: Config = setup(&json!({"access_token": "word", "page": 7})).config(&ROOM).unwrap();
    assert_eq!(config.page, Some(7));
    assert!(!format!("{:?}", config.access_token).contains("word"));
}

#[test]
fn wrong_settings_say_what_to_do() {
    let cases = [
        (json!({}), "`access_token` is missing in `connections.acme-2`", "ACME_TOKEN"),
        (
            json!({"access_token": "hush", "pgae": 1}),
            "unknown key `pgae` in `connections.acme-2`",
            "access_token, page",
        ),
        (json!({"access_token": "hush", "page": "hush"}), "another type", "Acme"),
    ];
    for (settings, message, hint) in cases {
        let error = setup(&settings).config::<Config>(&ROOM).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Permanent);
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
        assert!(!error.to_string().contains("hush"));
    }
}

#[test]
fn wishes_override_what_is_usual() {
    let mut setup = setup(&json!({"access_token": "hush"}));
    let published =
        [Quota { name: "burst", limit: 190, window: std::time::Duration::from_secs(10) }];
    assert_eq!(setup.quotas(&published), published);
    setup.quota_divisor = 10;
    assert_eq!(setup.quotas(&published)[0].limit, 19);
    setup.quota_divisor = 1_000;
    assert_eq!(setup.quotas(&published)[0].limit, 1, "never nothing");
    setup.quota_divisor = 1;
    assert_eq!(setup.retry().retries_max, 5);
    setup.quotas.insert("burst".to_owned(), 19);
    setup.retries_max = Some(0);
    assert_eq!(setup.quotas(&published)[0].limit, 19);
    setup.quotas.insert("requests_per_minute".to_owned(), 150);
    let added = setup.quotas(&published).pop().unwrap();
    assert_eq!((added.name, added.limit, added.window.as_secs()), ("requests_per_minute", 150, 60));
    assert_eq!(setup.retry().retries_max, 0);
    assert!(!format!("{setup:?}").contains("hush"));
}
