//! A request taken apart: path segments, query, form, JSON.

use bytes::Bytes;
use http::{Method, Request};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::fault::Spoil;

/// One request, as dialects read it.
#[derive(Debug)]
pub struct Call<'a> {
    request: &'a Request<Bytes>,
    segments: Vec<String>,
    query: Vec<(String, String)>,
    pub(super) spoil: Option<Spoil>,
}

impl<'a> Call<'a> {
    /// Returns the request taken apart; empty path segments (a trailing slash) do not count.
    pub fn new(request: &'a Request<Bytes>) -> Self {
        let segments = request.uri().path().split('/').filter(|part| !part.is_empty());
        let query = request.uri().query().unwrap_or_default();
        Self {
            request,
            segments: segments
                .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
                .collect(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            spoil: None,
        }
    }

    /// Returns the method.
    pub fn method(&self) -> &Method {
        self.request.method()
    }

    /// Returns the path as it was sent.
    pub fn path(&self) -> &str {
        self.request.uri().path()
    }

    /// Returns path and query as they were sent.
    pub fn target(&self) -> &str {
        self.request.uri().path_and_query().map_or("/", |target| target.as_str())
    }

    /// Returns the decoded path segments, for matching against slices.
    pub fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// Returns the first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }

    /// Returns all values of a query parameter, each also split at commas.
    pub fn query_list(&self, name: &str) -> Vec<&str> {
        let values = self.query.iter().filter(|pair| pair.0 == name);
        let parts = values.flat_map(|pair| pair.1.split(',')).map(str::trim);
        parts.filter(|part| !part.is_empty()).collect()
    }

    /// Returns the query's pairs.
    pub fn query_pairs(&self) -> &[(String, String)] {
        &self.query
    }

    /// Returns a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the token of an `Authorization: Bearer` header.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// Returns the body.
    pub fn body(&self) -> &Bytes {
        self.request.body()
    }

    /// Returns the body as JSON.
    pub fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(self.request.body())
    }

    /// Returns the body's form fields.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.request.body()).into_owned().collect()
    }

    /// Returns which item of a batch of `count` the fault plan spoils.
    pub fn spoiled(&self, count: usize) -> Option<usize> {
        match self.spoil? {
            Spoil::At(place) => (place < count).then_some(place),
            Spoil::Any(number) => number.checked_rem(count),
        }
    }
}
