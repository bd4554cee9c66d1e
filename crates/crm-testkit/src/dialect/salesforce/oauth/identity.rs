//! Who is logged in: the identity URL and `userinfo`.

use http::StatusCode;
use serde_json::{Value, json};

use super::super::Salesforce;
use super::super::answer::{Answer, Body};
use super::Form;
use crate::fake::Call;
use crate::world::World;

impl Salesforce {
    /// Returns the address that names org and user.
    pub(in super::super) fn identity_url(&self, host: &str) -> String {
        format!("{host}/id/{}/{}", self.org_id, self.users.integration)
    }

    /// Answers `GET /id/{org}/{user}`; the token may stand in the query.
    pub(super) fn identity(
        &mut self,
        world: &World,
        call: &Call<'_>,
        form: &Form,
        host: &str,
        (org, user): (&str, &str),
    ) -> Answer {
        let token = call.bearer().or_else(|| form.get("oauth_token")).unwrap_or_default();
        if !self.sessions.touch(token, world.now_ms()) {
            return bad_token();
        }
        if org != self.org_id || user != self.users.integration {
            return Answer::empty(StatusCode::NOT_FOUND);
        }
        Answer::ok(&json!({
            "id": self.identity_url(host),
            "asserted_user": true,
            "user_id": user,
            "organization_id": org,
            "username": self.options.username,
            "nick_name": "sync",
            "display_name": "Sync Integration",
            "email": self.options.username,
            "email_verified": true,
            "first_name": "Sync",
            "last_name": "Integration",
            "timezone": "Europe/London",
            "photos": { "picture": null, "thumbnail": null },
            "addr_street": null,
            "addr_city": null,
            "addr_state": null,
            "addr_country": null,
            "addr_zip": null,
            "mobile_phone": null,
            "mobile_phone_verified": false,
            "is_lightning_login_user": false,
            "status": { "created_date": null, "body": null },
            "urls": urls(host),
            "active": true,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_GB",
            "utcOffset": 0,
            "last_modified_date": super::super::text::moment_ms(self.opened_ms),
        }))
    }

    /// Answers `/services/oauth2/userinfo`.
    pub(super) fn userinfo(
        &mut self,
        world: &World,
        call: &Call<'_>,
        form: &Form,
        host: &str,
    ) -> Answer {
        let token = call.bearer().or_else(|| form.get("access_token")).unwrap_or_default();
        if !self.sessions.touch(token, world.now_ms()) {
            return bad_token();
        }
        Answer::ok(&json!({
            "sub": self.identity_url(host),
            "user_id": self.users.integration,
            "organization_id": self.org_id,
            "preferred_username": self.options.username,
            "nickname": "sync",
            "name": "Sync Integration",
            "email": self.options.username,
            "email_verified": true,
            "given_name": "Sync",
            "family_name": "Integration",
            "zoneinfo": "Europe/London",
            "photos": { "picture": null, "thumbnail": null },
            "profile": format!("{host}/{}", self.users.integration),
            "picture": null,
            "address": {},
            "is_salesforce_integration_user": true,
            "urls": urls(host),
            "active": true,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_GB",
            "utcOffset": 0,
            "updated_at": super::super::text::moment_ms(self.opened_ms),
        }))
    }
}

/// The addresses of the interfaces; clients put the version where `{version}` stands.
fn urls(host: &str) -> Value {
    let rest = format!("{host}/services/data/v{{version}}/");
    json!({
        "enterprise": format!("{host}/services/Soap/c/{{version}}/00D"),
        "metadata": format!("{host}/services/Soap/m/{{version}}/00D"),
        "partner": format!("{host}/services/Soap/u/{{version}}/00D"),
        "rest": rest,
        "sobjects": format!("{rest}sobjects/"),
        "search": format!("{rest}search/"),
        "query": format!("{rest}query/"),
        "recent": format!("{rest}recent/"),
        "tooling_rest": format!("{rest}tooling/"),
        "profile": format!("{host}/005"),
        "custom_domain": host,
    })
}

fn bad_token() -> Answer {
    let mut answer = Answer::empty(StatusCode::FORBIDDEN);
    answer.body = Body::Text("Bad_OAuth_Token".to_owned());
    answer
}
