//! The benchmark: `cargo xtask bench [--contacts N] [--peer]`, or `cargo xtask bench verify` for
//! the drift audit and the size of the store. Prints figures, asserts nothing.
//!
//! The sandbox and each run of ours are processes of their own, so that the figures of ours are
//! of ours alone; this program starts itself again for them. Time runs fifty times as fast as it
//! should, or quotas would be measured instead of programs.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints figures")]

mod child;
mod client;
mod merges;
mod peer;
mod sandbox;
mod verify;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crm::SystemClock;
use crm::core::Clock;

use child::{Figures, Requests, Yard};

/// What a sync of nothing must be later than: the overlap of the slowest feed, in faster time.
const OVERLAP: Duration = Duration::from_secs(3);
/// How often both programs run when they are compared.
const ROUNDS: usize = 3;
const CONTACTS: usize = 100_000;
const USAGE: &str = "usage: cargo xtask bench [verify] [--contacts N] [--peer]";

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if cfg!(debug_assertions) {
        eprintln!("error: a development build says nothing about speed");
        eprintln!("hint: cargo xtask bench");
        return ExitCode::FAILURE;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(play(&words)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            eprintln!("hint: {USAGE}");
            ExitCode::FAILURE
        }
    }
}

async fn play(words: &[&str]) -> Outcome {
    match words {
        [part @ (child::SANDBOX | child::THREE), folder, contacts] => {
            sandbox::run(part, Path::new(folder), contacts.parse()?)
        }
        [child::VERIFY, folder] => client::verify(Path::new(folder)).await,
        ["verify", options @ ..] => verify::run(options).await,
        [child::FIRST, folder] => client::first(Path::new(folder)).await,
        [child::AGAIN, folder] => client::again(Path::new(folder)).await,
        options => {
            let mut contacts = CONTACTS;
            let mut with_peer = false;
            let mut options = options.iter();
            while let Some(option) = options.next() {
                match *option {
                    "--peer" => with_peer = true,
                    "--contacts" => {
                        contacts = options.next().ok_or("--contacts needs a number")?.parse()?;
                    }
                    other => return Err(format!("there is no option `{other}`").into()),
                }
            }
            compare(contacts, with_peer).await
        }
    }
}

async fn compare(contacts: usize, with_peer: bool) -> Outcome {
    let folder = tempfile::tempdir()?;
    let peer = if with_peer { peer::install(folder.path()) } else { None };
    let mut yard = Yard::start(child::SANDBOX, folder.path(), contacts)?;
    let pages = contacts.div_ceil(100);
    let writes = contacts.div_ceil(200);
    println!("{contacts} contacts from HubSpot into an empty Salesforce, no latency");
    println!("  fewest requests: {pages} list pages + {writes} writes = {}", pages + writes);
    let rounds = if peer.is_some() { ROUNDS } else { 1 };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        yard.reset()?;
        // People who were there for a while: what is newer than the overlap is read twice.
        SystemClock::new().sleep(OVERLAP).await;
        let figures = yard.ours(child::FIRST)?;
        figures.print("crm plan + sync", pages + writes);
        ours.push(figures);
        if round == 0 {
            println!("  its requests:");
            yard.print_since(&Requests::new())?;
            nothing_changed(&mut yard).await?;
        }
        if let Some(peer) = &peer {
            yard.reset()?;
            let figures = yard.theirs(peer)?;
            figures.print("copy script", pages + writes);
            theirs.push(figures);
        }
    }
    if let (Some(ours), Some(theirs)) = (Figures::median(&ours), Figures::median(&theirs)) {
        println!("  medians of {rounds}:");
        println!("    CPU    {:.2} x the script's", ours.cpu_seconds / theirs.cpu_seconds);
        println!("    memory {:.2} x the script's", ours.peak_mb / theirs.peak_mb);
    }
    drop(yard);
    println!("deciding, two connections, eight fields, one of them changed:");
    println!("  {:.0} merges a second on one core", merges::per_second()?);
    Ok(())
}

/// Syncs twice without a change. The first one reads our own last writes again, which lie within
/// the overlap of the poll that ended the run before.
async fn nothing_changed(yard: &mut Yard) -> Outcome {
    for title in ["the sync after it", "a sync in which nothing changed"] {
        SystemClock::new().sleep(OVERLAP).await;
        let before = yard.requests()?;
        yard.ours(child::AGAIN)?;
        println!("  {title}:");
        yard.print_since(&before)?;
    }
    Ok(())
}
