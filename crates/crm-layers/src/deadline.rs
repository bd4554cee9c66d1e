//! An upper bound on a whole operation, whatever the room does inside.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{Clock, ErrorKind, ProviderError, Result, timeout};

use crate::layered::{Call, Policy};
use crate::outcome::Outcome;

/// Ends operations that take too long.
#[derive(Clone, Debug)]
pub struct Deadline {
    clock: Arc<dyn Clock>,
    limit: Duration,
}

impl Deadline {
    /// Ends operations after `limit`.
    pub fn new(clock: Arc<dyn Clock>, limit: Duration) -> Self {
        Self { clock, limit }
    }
}

impl Policy for Deadline {
    async fn run<'a, T: Outcome + 'a>(
        &'a self,
        call: Call<'a>,
        inner: impl Future<Output = Result<T>> + Send + 'a,
    ) -> Result<T> {
        match timeout(&*self.clock, self.limit, inner).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => {
                let kind = ErrorKind::Transient { applied: call.class().applied() };
                let limit = self.limit.as_secs();
                let message = format!("the operation did not end within {limit} s");
                Err(ProviderError::new(kind, message)
                    .with_operation(call.operation)
                    .with_provider(call.provider))
            }
        }
    }
}
