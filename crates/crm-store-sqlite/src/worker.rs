//! The ledger on a thread of its own.

use std::fmt;
use std::thread::{self, JoinHandle};

use crm_store::{StoreError, StoreResult};
use tokio::sync::{mpsc, oneshot};

use crate::shell::store_over_ledger;
use crate::{SqliteConfig, SqliteLedger};

/// How many calls may wait: more would only hide that the disk is too slow.
const WAITING_MAX: usize = 64;

type Job = Box<dyn FnOnce(&mut SqliteLedger) + Send>;

/// The store of production.
///
/// A call that was sent is carried out even if nobody waits for its answer any more, exactly as
/// if the process had died right after it. Dropping the store waits for the calls that were
/// sent, and gives the file free.
pub struct SqliteStore {
    /// `None` only while it is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens a file for writing; see [`SqliteLedger::open`].
    pub fn open(config: &SqliteConfig) -> StoreResult<Self> {
        SqliteLedger::open(config).and_then(Self::start)
    }

    /// Opens a file for reading beside whoever writes it; see [`SqliteLedger::open_read_only`].
    pub fn open_read_only(config: &SqliteConfig) -> StoreResult<Self> {
        SqliteLedger::open_read_only(config).and_then(Self::start)
    }

    fn start(mut ledger: SqliteLedger) -> StoreResult<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job>(WAITING_MAX);
        let work = move || {
            while let Some(job) = queue.blocking_recv() {
                job(&mut ledger);
            }
            tracing::debug!("ledger closed");
        };
        let thread = thread::Builder::new()
            .name("crm-ledger".into())
            .spawn(work)
            .map_err(|error| StoreError::backend("no thread for the ledger", error))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut SqliteLedger) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |ledger| {
            if reply.send(job(ledger)).is_err() {
                tracing::debug!("nobody waits for the ledger's answer");
            }
        });
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.send(job).await.map_err(|error| StoreError::backend(ENDED, error.to_string()))?;
        answer.await.map_err(|error| StoreError::backend(ENDED, error))?
    }
}

const ENDED: &str = "the ledger's thread has ended";

fn ended() -> StoreError {
    StoreError::Backend { message: ENDED.into(), hint: None, source: None }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(Err(_panic)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the ledger's thread panicked");
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

store_over_ledger!(SqliteStore);
