//! A request as a room describes it: what is asked, what it does, and what it costs.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use crm_core::{Applied, ErrorKind, Operation, ProviderError, Result};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::Url;
use serde::Serialize;

/// The lane of requests that name none.
pub(crate) const LANE_DEFAULT: &str = "default";

/// What a request does at the provider: decides whether it may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing.
    Read,
    /// It writes, and once or twice makes no difference (an upsert, a change to fixed values).
    IdempotentWrite,
    /// It writes, and twice would be wrong: never repeated unless it was certainly not applied.
    Write,
}

impl Effect {
    /// Returns what a failure without further knowledge means for this request.
    pub const fn applied(self) -> Applied {
        match self {
            Self::Read => Applied::No,
            Self::IdempotentWrite | Self::Write => Applied::Unknown,
        }
    }
}

/// One request to a provider.
#[derive(Clone)]
pub struct Request {
    pub(crate) operation: Operation,
    pub(crate) method: Method,
    path: String,
    query: Vec<(Cow<'static, str>, String)>,
    headers: HeaderMap,
    body: Bytes,
    endpoint: Option<Cow<'static, str>>,
    pub(crate) effect: Effect,
    pub(crate) lane: &'static str,
    pub(crate) cost: u32,
    /// What a builder method was given and could not use.
    broken: Option<String>,
}

impl Request {
    /// Makes a request. The path begins with a slash, is percent-encoded already and has no
    /// query. A GET counts as a read, everything else as a write until
    /// [`effect`](Self::effect) says otherwise.
    pub fn new(operation: Operation, method: Method, path: impl Into<String>) -> Self {
        let effect = if method == Method::GET { Effect::Read } else { Effect::Write };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Self {
            operation,
            method,
            path: path.into(),
            query: Vec::new(),
            headers,
            body: Bytes::new(),
            endpoint: None,
            effect,
            lane: LANE_DEFAULT,
            cost: 1,
            broken: None,
        }
    }

    /// Makes a GET request.
    pub fn get(operation: Operation, path: impl Into<String>) -> Self {
        Self::new(operation, Method::GET, path)
    }

    /// Makes a POST request.
    pub fn post(operation: Operation, path: impl Into<String>) -> Self {
        Self::new(operation, Method::POST, path)
    }

    /// Makes a PUT request.
    pub fn put(operation: Operation, path: impl Into<String>) -> Self {
        Self::new(operation, Method::PUT, path)
    }

    /// Makes a PATCH request.
    pub fn patch(operation: Operation, path: impl Into<String>) -> Self {
        Self::new(operation, Method::PATCH, path)
    }

    /// Makes a DELETE request.
    pub fn delete(operation: Operation, path: impl Into<String>) -> Self {
        Self::new(operation, Method::DELETE, path)
    }

    /// Names the endpoint for counting, with ids left out; method and path where none is named.
    #[must_use]
    pub fn endpoint(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.endpoint = Some(name.into());
        self
    }

    /// Adds a pair to the query.
    #[must_use]
    pub fn query(mut self, name: impl Into<Cow<'static, str>>, value: impl fmt::Display) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            (Err(_), _) | (_, Err(_)) => {
                self.broken = Some(format!("the header `{name}` cannot be sent"));
            }
        }
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.body = bytes.into(),
            Err(error) => self.broken = Some(format!("the body is not JSON: {error}")),
        }
        self.content("application/json")
    }

    /// Sets a form body.
    #[must_use]
    pub fn form(mut self, pairs: &[(&str, &str)]) -> Self {
        self.body = form(pairs);
        self.content("application/x-www-form-urlencoded")
    }

    /// Says what the request does.
    #[must_use]
    pub const fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Says which quota windows count the request.
    #[must_use]
    pub const fn lane(mut self, lane: &'static str) -> Self {
        self.lane = lane;
        self
    }

    /// Says how much of a quota the request takes.
    #[must_use]
    pub const fn cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }

    fn content(mut self, kind: &'static str) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        self
    }

    /// Returns the name under which the request is counted.
    pub(crate) fn endpoint_name(&self) -> Cow<'_, str> {
        match &self.endpoint {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("{} {}", self.method, self.path)),
        }
    }

    /// Returns the request as it goes over the wire to that base.
    pub(crate) fn to_wire(&self, base: &Url) -> Result<reqwest::Request> {
        let refuse = |why: &str| {
            let message = format!("{}: {why}", self.endpoint_name());
            Err(ProviderError::new(ErrorKind::Permanent, message))
        };
        if let Some(why) = &self.broken {
            return refuse(why);
        }
        if !self.path.starts_with('/') {
            return refuse("a path begins with a slash");
        }
        let mut url = base.clone();
        let prefix = base.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}{}", self.path));
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut wire = reqwest::Request::new(self.method.clone(), url);
        *wire.headers_mut() = self.headers.clone();
        if !self.body.is_empty() {
            *wire.body_mut() = Some(self.body.clone().into());
        }
        Ok(wire)
    }
}

/// Encodes pairs as a form.
pub(crate) fn form(pairs: &[(&str, &str)]) -> Bytes {
    // The query of a URL is a form; the URL around it is thrown away.
    let encoded =
        Url::parse_with_params("form:", pairs).ok().and_then(|url| url.query().map(str::to_owned));
    encoded.unwrap_or_default().into()
}

impl fmt::Debug for Request {
    /// Shows neither values of the query nor headers nor the body: they may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("endpoint", &self.endpoint_name())
            .field("operation", &self.operation)
            .field("effect", &self.effect)
            .field("lane", &self.lane)
            .field("cost", &self.cost)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Effect, Request, form};
    use crm_core::Operation;
    use reqwest::Url;

    #[test]
    fn paths_are_joined_behind_the_base_and_queries_encoded() {
        let base = Url::parse("http://127.0.0.1:1/hub/").unwrap();
        let request = Request::get(Operation::Get, "/crm/objects/a%2Fb")
            .query("q", "Bjørn & Søn+1")
            .query("limit", 100);
        let wire = request.to_wire(&base).unwrap();
        assert_eq!(
            wire.url().as_str(),
            "http://127.0.0.1:1/hub/crm/objects/a%2Fb?q=Bj%C3%B8rn+%26+S%C3%B8n%2B1&limit=100"
        );
        assert_eq!(request.effect, Effect::Read);
    }

    #[test]
    fn a_broken_request_is_refused_and_not_sent_in_part() {
        let base = Url::parse("https://crm.example").unwrap();
        let bad_header = Request::get(Operation::Get, "/x").header("a b", "c");
        assert!(bad_header.to_wire(&base).is_err());
        let bad_value = Request::get(Operation::Get, "/x").header("x-a", "b\nc");
        assert!(bad_value.to_wire(&base).is_err());
        let body = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(Request::post(Operation::Apply, "/x").json(&body).to_wire(&base).is_err());
        assert!(Request::get(Operation::Get, "x").to_wire(&base).is_err());
    }

    #[test]
    fn forms_are_encoded_as_browsers_do() {
        assert_eq!(form(&[("a", "1 2"), ("b&", "ü=")]), "a=1+2&b%26=%C3%BC%3D");
        assert_eq!(form(&[]), "");
    }

    #[test]
    fn debug_shows_no_data() {
        let request = Request::post(Operation::Apply, "/contacts/7")
            .endpoint("POST /contacts/{id}")
            .query("email", "ada@people.example")
            .json(&serde_json::json!({"phone": "5550100"}));
        let shown = format!("{request:?}");
        assert!(shown.contains("POST /contacts/{id}"), "{shown}");
        assert!(!shown.contains("ada@") && !shown.contains("5550100"), "{shown}");
    }
}
