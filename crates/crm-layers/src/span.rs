//! One tracing span per operation, with fixed field names and nothing about people.

use std::future::Future;

use crm_core::{ErrorKind, ObjectKind, Result};
use tracing::Instrument;
use tracing::field::Empty;

use crate::layered::{Call, Policy};
use crate::outcome::Outcome;

/// Wraps operations in spans named `provider_call` with the fields `provider`, `operation`,
/// `kind`, `items`, and at the end `outcome`, `succeeded` and `failed`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span;

impl Policy for Span {
    async fn run<'a, T: Outcome + 'a>(
        &'a self,
        call: Call<'a>,
        inner: impl Future<Output = Result<T>> + Send + 'a,
    ) -> Result<T> {
        let span = tracing::debug_span!(
            "provider_call",
            provider = %call.provider,
            operation = call.operation.name(),
            kind = call.kind.map(ObjectKind::name),
            items = call.items,
            outcome = Empty,
            succeeded = Empty,
            failed = Empty,
        );
        let outcome = inner.instrument(span.clone()).await;
        match &outcome {
            Ok(answer) => {
                span.record("outcome", "ok");
                span.record("succeeded", answer.succeeded());
                span.record("failed", answer.failures().count());
            }
            Err(error) => {
                span.record("outcome", error.kind().name());
                report(&span, call, error.kind());
            }
        }
        outcome
    }
}

/// Says that an operation failed, louder where a person must act. The message of the error stays
/// out: a vendor's prose may quote a record.
fn report(span: &tracing::Span, call: Call<'_>, kind: &ErrorKind) {
    let _inside = span.enter();
    let provider = call.provider;
    let error = kind.name();
    if matches!(kind, ErrorKind::Auth | ErrorKind::Forbidden) {
        tracing::warn!(%provider, error, "provider refused our credentials or rights");
    } else {
        tracing::debug!(%provider, error, "provider call failed");
    }
}
