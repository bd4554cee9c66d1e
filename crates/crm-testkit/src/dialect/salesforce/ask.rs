//! A REST request below `/services/data`, from the wire or from inside a composite request.

use bytes::Bytes;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::fake::Call;

/// The oldest API version that is still served.
pub(super) const VERSION_MIN: u32 = 31;
/// The newest one.
pub(super) const VERSION_MAX: u32 = 68;

/// A REST request.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) version: u32,
    /// The address that the client uses for this org.
    pub(super) host: String,
    /// The path after the version.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Content,
}

/// The body of a request.
#[derive(Debug)]
pub(super) enum Content {
    Bytes(Bytes),
    Json(Value),
}

impl Ask {
    /// Takes a request from the wire.
    pub(super) fn from_call(call: &Call<'_>, path: &[&str], version: u32) -> Self {
        let override_ = call.query("_HttpMethod").and_then(|method| method.parse().ok());
        let names = [
            "sforce-query-options",
            "sforce-duplicate-rule-header",
            "if-modified-since",
            "content-type",
            "sforce-call-options",
        ];
        let headers = names.iter().filter_map(|name| {
            call.header(name).map(|value| ((*name).to_owned(), value.to_owned()))
        });
        Self {
            method: override_.unwrap_or_else(|| call.method().clone()),
            version,
            host: host(call),
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            query: call.query_pairs().to_vec(),
            headers: headers.collect(),
            body: Content::Bytes(call.body().clone()),
        }
    }

    /// Makes a request out of an element of a composite one; `None` if its address is no path of
    /// this interface.
    pub(super) fn inner(
        outer: &Self,
        method: Method,
        url: &str,
        body: Option<Value>,
    ) -> Option<Self> {
        let url = url.strip_prefix("/services/data/").unwrap_or(url);
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let mut parts = path.split('/').filter(|part| !part.is_empty()).map(decode);
        let version = version(&parts.next()?).ok()?;
        Some(Self {
            method,
            version,
            host: outer.host.clone(),
            path: parts.collect(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers: Vec::new(),
            body: body.map_or_else(|| Content::Bytes(Bytes::new()), Content::Json),
        })
    }

    /// Returns `/services/data/v67.0`.
    pub(super) fn base(&self) -> String {
        format!("/services/data/v{}.0", self.version)
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }

    /// Returns the value of `key` in a header of the form `key=value; key=value`.
    pub(super) fn option(&self, header: &str, key: &str) -> Option<&str> {
        let mut parts = self.header(header)?.split([';', ',']);
        parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case(key).then(|| value.trim())
        })
    }

    /// Returns the body as JSON.
    pub(super) fn json(&self) -> Result<Value, Problem> {
        match &self.body {
            Content::Json(value) => Ok(value.clone()),
            Content::Bytes(bytes) => serde_json::from_slice(bytes).map_err(|error| {
                Problem::json(format!("The body is not JSON that can be read: {error}"))
            }),
        }
    }

    /// Returns the body as a JSON object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Problem> {
        match self.json()? {
            Value::Object(object) => Ok(object),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                Err(Problem::json("The HTTP entity body is required to be a JSON object"))
            }
        }
    }

    /// Returns the body as text.
    pub(super) fn text(&self) -> String {
        match &self.body {
            Content::Json(value) => value.to_string(),
            Content::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// Returns the address that a request was sent to.
pub(super) fn host(call: &Call<'_>) -> String {
    format!("http://{}", call.header("host").unwrap_or("localhost"))
}

/// Reads `v67.0`.
pub(super) fn version(segment: &str) -> Result<u32, Problem> {
    let number = segment.strip_prefix('v').and_then(|rest| rest.strip_suffix(".0"));
    let number: u32 = number.and_then(|text| text.parse().ok()).ok_or_else(Problem::not_found)?;
    if number < VERSION_MIN {
        let message = format!("API version {number}.0 has been retired and is not served any more");
        return Err(Problem::new("UNSUPPORTED_API_VERSION", message).status(StatusCode::GONE));
    }
    if number > VERSION_MAX { Err(Problem::not_found()) } else { Ok(number) }
}
