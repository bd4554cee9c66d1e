//! A server of one's own: every request goes to a function that says what happens.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it was heard.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// Which request it was, counted from 0.
    pub(crate) number: usize,
    /// First line and headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Heard {
    pub(crate) fn is(&self, start: &str) -> bool {
        self.head.starts_with(start)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

/// What happens to a request.
pub(crate) enum Act {
    /// Status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// A body whose length is not announced.
    Stream(Vec<u8>),
    /// The connection ends without a word.
    Cut,
    /// The connection ends in the middle of the body.
    CutBody,
    /// The answer takes that long.
    Slow(Duration),
}

pub(crate) fn json(status: u16, body: &str) -> Act {
    let content = ("content-type", "application/json".to_owned());
    Act::Answer(status, vec![content], body.as_bytes().to_vec())
}

pub(crate) fn with(status: u16, header: &'static str, value: &str) -> Act {
    Act::Answer(status, vec![(header, value.to_owned())], b"{}".to_vec())
}

type Script = dyn Fn(&Heard) -> Act + Send + Sync;

/// The server; its thread ends with the process.
pub(crate) struct Site {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Site {
    pub(crate) fn start(script: impl Fn(&Heard) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let count = Arc::new(AtomicUsize::new(0));
        let log = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                let count = Arc::clone(&count);
                thread::spawn(move || serve(stream, &*script, &log, &count));
            }
        });
        Self { url, heard }
    }

    /// Answers the n-th request with the n-th act, and the last act for ever.
    pub(crate) fn acts(acts: Vec<fn() -> Act>) -> Self {
        Self::start(move |heard| acts[heard.number.min(acts.len() - 1)]())
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, script: &Script, log: &Mutex<Vec<Heard>>, count: &AtomicUsize) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    let (head, length) = loop {
        let Ok(read @ 1..) = stream.read(&mut buffer) else {
            return;
        };
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            break (head.to_owned(), head.len() + 4);
        }
    };
    let mut request =
        Heard { number: count.fetch_add(1, Ordering::SeqCst), head, body: String::new() };
    let expected = request.header("content-length");
    let expected = expected.map_or(0, |text| text.parse().unwrap());
    while bytes.len() < length + expected {
        let read = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..read]);
    }
    request.body = String::from_utf8_lossy(&bytes[length..]).into_owned();
    log.lock().unwrap().push(request.clone());
    let said = match script(&request) {
        Act::Answer(status, headers, body) => answer(&mut stream, status, &headers, &body, 0),
        Act::Stream(body) => {
            let head = b"HTTP/1.1 200 Said\r\nconnection: close\r\n\r\n";
            stream.write_all(&[head, &body[..]].concat())
        }
        Act::Cut => Ok(()),
        Act::CutBody => answer(&mut stream, 200, &[], b"{\"rows\":[1,", 100),
        Act::Slow(wait) => {
            thread::sleep(wait);
            answer(&mut stream, 200, &[], b"{}", 0)
        }
    };
    // A client that gave up does not read any more, and may be gone.
    drop(said.and_then(|()| stream.shutdown(Shutdown::Both)));
}

fn answer(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(&str, String)],
    body: &[u8],
    lacking: usize,
) -> io::Result<()> {
    let length = body.len() + lacking;
    write!(stream, "HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\n")?;
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    write!(stream, "connection: close\r\n\r\n")?;
    stream.write_all(body)?;
    stream.flush()
}
