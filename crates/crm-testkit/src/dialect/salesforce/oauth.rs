//! The token endpoint and its neighbours.

mod assertion;
mod identity;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::answer::{Answer, Body};
use super::session::Code;
use super::{Rotation, Salesforce, ask};
use crate::fake::Call;
use crate::world::World;

/// A refusal of the token endpoint.
#[derive(Debug)]
struct Denied(&'static str, &'static str);

impl From<Denied> for Answer {
    fn from(denied: Denied) -> Self {
        let body = json!({ "error": denied.0, "error_description": denied.1 });
        Self::json(StatusCode::BAD_REQUEST, &body)
    }
}

/// The fields of a request, from its form or its query.
#[derive(Debug)]
struct Form(Vec<(String, String)>);

impl Form {
    fn of(call: &Call<'_>) -> Self {
        let mut fields = call.form();
        fields.extend(call.query_pairs().iter().cloned());
        Self(fields)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }
}

/// Which grant a token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    /// One that gives a refresh token too.
    Code,
    Other,
}

impl Salesforce {
    /// Answers `/services/oauth2/…`, `/id/…` and the retired SOAP login.
    pub(super) fn oauth(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        path: &[&str],
    ) -> Response<Bytes> {
        let host = ask::host(call);
        let form = Form::of(call);
        let post = call.method() == Method::POST;
        let answer = match path {
            ["services", "oauth2", "token"] if post => {
                self.token(world, call, &form, &host).unwrap_or_else(Answer::from)
            }
            ["services", "oauth2", "authorize"] => {
                self.authorize(world, &form).unwrap_or_else(Answer::from)
            }
            ["services", "oauth2", "revoke"] => self.revoke(&form),
            ["services", "oauth2", "introspect"] if post => {
                self.introspect(world, call, &form).unwrap_or_else(Answer::from)
            }
            ["services", "oauth2", "userinfo"] => self.userinfo(world, call, &form, &host),
            ["id", org, user] => self.identity(world, call, &form, &host, (org, user)),
            ["services", "Soap", ..] => soap_fault(),
            ["services", "oauth2", "token" | "introspect"] => {
                Denied("invalid_request", "must use HTTP POST").into()
            }
            _ => Answer::empty(StatusCode::NOT_FOUND),
        };
        answer.into_response()
    }

    fn token(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        form: &Form,
        host: &str,
    ) -> Result<Answer, Denied> {
        match form.get("grant_type") {
            Some("client_credentials") => {
                self.client(call, form, Secret::Needed)?;
                Ok(self.granted(world, host, Grant::Other))
            }
            Some("refresh_token") => {
                self.client(call, form, Secret::Optional)?;
                let token = form.get("refresh_token").unwrap_or_default();
                if !self.sessions.knows_refresh(token) {
                    return Err(Denied("invalid_grant", "expired access/refresh token"));
                }
                if self.options.rotation == Rotation::Keep {
                    return Ok(self.granted(world, host, Grant::Other));
                }
                self.sessions.drop_refresh(token);
                Ok(self.granted(world, host, Grant::Code))
            }
            Some("authorization_code") => {
                self.client(call, form, Secret::Optional)?;
                let expired = Denied("invalid_grant", "expired authorization code");
                let code = self.sessions.take_code(form.get("code").unwrap_or_default());
                let code = code.ok_or(expired)?;
                if form.get("redirect_uri") != Some(code.redirect.as_str()) {
                    return Err(Denied("redirect_uri_mismatch", "redirect_uri must match"));
                }
                let verifier = form.get("code_verifier").unwrap_or_default();
                if code.challenge.is_some_and(|challenge| challenge != challenge_of(verifier)) {
                    return Err(Denied("invalid_grant", "invalid code verifier"));
                }
                Ok(self.granted(world, host, Grant::Code))
            }
            Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => {
                let assertion = form.get("assertion").unwrap_or_default();
                assertion::check(&self.options, assertion, host, world.now_ms() / 1_000)?;
                Ok(self.granted(world, host, Grant::Other))
            }
            Some("password") => Err(Denied("invalid_grant", "authentication failure")),
            Some(_) | None => Err(Denied("unsupported_grant_type", "grant type not supported")),
        }
    }

    /// Checks who asks: id and secret in the form or as HTTP Basic.
    fn client(&self, call: &Call<'_>, form: &Form, secret: Secret) -> Result<(), Denied> {
        let basic = call.header("authorization").and_then(|value| value.strip_prefix("Basic "));
        let basic = basic.and_then(|value| STANDARD.decode(value.trim()).ok());
        let basic = basic.and_then(|bytes| String::from_utf8(bytes).ok());
        let (id, given) = match basic.as_deref().and_then(|pair| pair.split_once(':')) {
            Some((id, given)) => (Some(id), Some(given)),
            None => (form.get("client_id"), form.get("client_secret")),
        };
        if id != Some(self.options.client_id.as_str()) {
            return Err(Denied("invalid_client_id", "client identifier invalid"));
        }
        let fits = match (given, secret) {
            (Some(given), _) => given == self.options.client_secret,
            (None, Secret::Optional) => true,
            (None, Secret::Needed) => false,
        };
        if fits { Ok(()) } else { Err(Denied("invalid_client", "invalid client credentials")) }
    }

    fn granted(&mut self, world: &mut World, host: &str, grant: Grant) -> Answer {
        let token = self.sessions.open(&self.org_id, world);
        let issued = world.now_ms().to_string();
        let id = self.identity_url(host);
        let signature = challenge_of(&format!("{id}{issued}"));
        let mut body = json!({
            "access_token": token,
            "signature": signature,
            "scope": "api refresh_token id",
            "instance_url": host,
            "id": id,
            "token_type": "Bearer",
            "issued_at": issued,
        });
        if let (Grant::Code, Some(body)) = (grant, body.as_object_mut()) {
            let refresh = self.sessions.open_refresh(world);
            body.insert("refresh_token".to_owned(), Value::from(refresh));
        }
        Answer::ok(&body)
    }

    /// Answers the page on which a user would approve: this user always does.
    fn authorize(&mut self, world: &mut World, form: &Form) -> Result<Answer, Denied> {
        if form.get("client_id") != Some(self.options.client_id.as_str()) {
            return Err(Denied("invalid_client_id", "client identifier invalid"));
        }
        if form.get("response_type") != Some("code") {
            return Err(Denied("unsupported_response_type", "response type not supported"));
        }
        let redirect = form.get("redirect_uri").unwrap_or_default();
        let mut url = url::Url::parse(redirect)
            .map_err(|_not_a_url| Denied("redirect_uri_missing", "redirect_uri must be a URL"))?;
        let challenge = form.get("code_challenge").map(str::to_owned);
        let code = Code { redirect: redirect.to_owned(), challenge };
        let code = self.sessions.open_code(code, world);
        url.query_pairs_mut().append_pair("code", &code);
        if let Some(state) = form.get("state") {
            url.query_pairs_mut().append_pair("state", state);
        }
        Ok(Answer::empty(StatusCode::FOUND).with(header::LOCATION, url.as_str()))
    }

    fn revoke(&mut self, form: &Form) -> Answer {
        if self.sessions.revoke(form.get("token").unwrap_or_default()) {
            return Answer::empty(StatusCode::OK);
        }
        Denied("unsupported_token_type", "this token type is not supported").into()
    }

    fn introspect(&self, world: &World, call: &Call<'_>, form: &Form) -> Result<Answer, Denied> {
        self.client(call, form, Secret::Needed)?;
        let token = form.get("token").unwrap_or_default();
        if !self.sessions.works(token, world.now_ms()) && !self.sessions.knows_refresh(token) {
            return Ok(Answer::ok(&json!({ "active": false })));
        }
        Ok(Answer::ok(&json!({
            "active": true,
            "scope": "api refresh_token id",
            "client_id": self.options.client_id,
            "username": self.options.username,
            "sub": self.identity_url("https://login.salesforce.com"),
            "token_type": "access_token",
        })))
    }
}

/// Whether a grant needs the client's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secret {
    Needed,
    Optional,
}

/// Returns the S256 form of a verifier.
fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

fn soap_fault() -> Answer {
    let fault = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
        xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
        xmlns:sf=\"urn:fault.partner.soap.sforce.com\"><soapenv:Body><soapenv:Fault>\
        <faultcode>sf:UNSUPPORTED_API_VERSION</faultcode>\
        <faultstring>UNSUPPORTED_API_VERSION: SOAP login is not offered by this org</faultstring>\
        </soapenv:Fault></soapenv:Body></soapenv:Envelope>";
    let mut answer = Answer::empty(StatusCode::INTERNAL_SERVER_ERROR);
    answer.body = Body::Xml(fault.to_owned());
    answer
}
