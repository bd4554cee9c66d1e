//! A small HTTP/1 server on loopback: one thread, its own runtime, a handler that never waits.
//!
//! `Cut` becomes an error of the service, which makes hyper close the socket without a byte. The
//! thread of its own keeps the fakes out of whatever runtime, or paused clock, a test uses.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::fake::{Fake, Outcome};

/// Larger than any upload a vendor accepts (150 MB for a bulk job).
const BODY_MAX: usize = 160 * 1024 * 1024;

/// Answers requests at one address.
pub type Handler = Arc<dyn Fn(&Request<Bytes>) -> Outcome + Send + Sync>;

/// A listening address and what answers there.
pub struct Site {
    listener: TcpListener,
    handler: Handler,
    latency: Duration,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("listener", &self.listener).finish_non_exhaustive()
    }
}

impl Site {
    /// Binds a loopback port, 0 for any that is free.
    pub fn bind(port: u16, handler: Handler) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, handler, latency: Duration::ZERO })
    }

    /// Binds a loopback port for a fake.
    pub fn of(fake: Arc<dyn Fake>, port: u16) -> io::Result<Self> {
        Self::bind(port, Arc::new(move |request| fake.respond(request)))
    }

    /// Adds a wait in real time to each answer.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Returns the address that is bound.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A running server; dropping it closes all connections.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves all sites from one thread.
    pub fn start(sites: Vec<Site>) -> io::Result<Self> {
        let addresses = sites.iter().map(Site::address).collect::<io::Result<Vec<_>>>()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("crm-fakes".to_owned())
            .spawn(move || runtime.block_on(serve(sites, stopped)))?;
        Ok(Self { addresses, stop: Some(stop), thread: Some(thread) })
    }

    /// Serves one fake on any free port.
    pub fn of(fake: Arc<dyn Fake>) -> io::Result<Self> {
        Self::start(vec![Site::of(fake, 0)?])
    }

    /// Returns the base URL of a site, by its place.
    pub fn url(&self, place: usize) -> Option<String> {
        self.addresses.get(place).map(|address| format!("http://{address}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server thread has been printed already.
            drop(thread.join());
        }
    }
}

async fn serve(sites: Vec<Site>, stopped: oneshot::Receiver<()>) {
    let mut listening = JoinSet::new();
    for site in sites {
        listening.spawn(listen(site));
    }
    // Ends when the `Server` is dropped; so do all tasks in the set.
    drop(stopped.await);
}

async fn listen(site: Site) {
    let Ok(listener) = tokio::net::TcpListener::from_std(site.listener) else {
        return;
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => {
                // Out of sockets: let some close instead of ending the sandbox.
                let Ok((stream, _)) = accepted else { continue };
                if stream.set_nodelay(true).is_err() {
                    continue;
                }
                let (handler, latency) = (Arc::clone(&site.handler), site.latency);
                connections.spawn(async move {
                    let service =
                        service_fn(move |request| answer(Arc::clone(&handler), latency, request));
                    let connection =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    // An error is a cut, ours or the client's.
                    drop(connection.await);
                });
            }
        }
    }
}

async fn answer(
    handler: Handler,
    latency: Duration,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_MAX).collect().await else {
        let mut refusal = Response::new(Full::default());
        *refusal.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(refusal);
    };
    let outcome = handler(&Request::from_parts(head, body.to_bytes()));
    let (wait, response) = match outcome {
        Outcome::Reply(response) => (latency, Some(response)),
        Outcome::Delay(wait, response) => (latency.saturating_add(wait), Some(response)),
        Outcome::Cut => (latency, None),
    };
    if !wait.is_zero() {
        pause(wait).await;
    }
    response
        .map(|response| response.map(Full::new))
        .ok_or_else(|| io::Error::other("the fault plan cuts this connection"))
}

#[expect(clippy::disallowed_methods, reason = "latency on a socket is real time")]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}
