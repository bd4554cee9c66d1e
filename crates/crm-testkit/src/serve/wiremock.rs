//! A fake behind wiremock, for tests that want its recording and expectations.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use wiremock::{Match, Mock, MockServer, Respond, ResponseTemplate};

use crate::fake::{Fake, Outcome};

/// Mounts a fake on a mock server.
///
/// Two mocks: the first matches only requests that the fault plan will cut, applies them and closes
/// the connection; the second answers the rest. The matcher peeks and uses nothing up, and wiremock
/// holds its lock from match to answer, so no other request comes in between.
pub async fn mount(fake: Arc<dyn Fake>, server: &MockServer) {
    let cutting = Arc::clone(&fake);
    Mock::given(WillCut(Arc::clone(&fake)))
        .respond_with_err(move |request: &wiremock::Request| {
            drop(cutting.respond(&plain(request)));
            io::Error::other("the fault plan cuts this connection")
        })
        .with_priority(1)
        .mount(server)
        .await;
    Mock::given(wiremock::matchers::any())
        .respond_with(Answers(fake))
        .with_priority(5)
        .mount(server)
        .await;
}

struct WillCut(Arc<dyn Fake>);

impl Match for WillCut {
    fn matches(&self, request: &wiremock::Request) -> bool {
        self.0.will_cut(&plain(request))
    }
}

struct Answers(Arc<dyn Fake>);

impl Respond for Answers {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let (response, wait) = match self.0.respond(&plain(request)) {
            Outcome::Reply(response) => (response, None),
            Outcome::Delay(wait, response) => (response, Some(wait)),
            // Only if the plan was changed between match and answer.
            Outcome::Cut => return ResponseTemplate::new(http::StatusCode::BAD_GATEWAY),
        };
        let (head, body) = response.into_parts();
        let mut template = ResponseTemplate::new(head.status).set_body_bytes(body);
        for (name, value) in &head.headers {
            template = template.append_header(name, value);
        }
        match wait {
            Some(wait) => template.set_delay(wait),
            None => template,
        }
    }
}

fn plain(request: &wiremock::Request) -> http::Request<Bytes> {
    let mut plain = http::Request::new(Bytes::from(request.body.clone()));
    *plain.method_mut() = request.method.clone();
    *plain.headers_mut() = request.headers.clone();
    let url = &request.url;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    if let Ok(uri) = target.parse() {
        *plain.uri_mut() = uri;
    }
    plain
}
