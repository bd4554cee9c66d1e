//! What Zoho can do. Generated from `provider.toml` by `cargo xtask codegen`.
#![allow(clippy::pedantic, reason = "generated")]

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{
    Access, Capabilities, Concurrency, Deletion, Detection, KeyKind, ObjectCapability, ObjectKind,
    Quota,
};

use super::mapping;

/// Returns what the vendor publishes; the account's own limits are laid over it.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities {
        objects: vec![
            ObjectCapability {
                kind: ObjectKind::Company,
                access: Access::Full,
                deletion: Deletion::Archive,
                detection: Detection::ModifiedSince { granularity: Duration::from_secs(1) },
                concurrency: Concurrency::IfUnmodified,
                find_by: &[KeyKind::Uid, KeyKind::Domain],
                unique_key: true,
                read_max: count(100),
                write_max: count(100),
                page_max: count(2_000),
                hint_page_max: count(2_000),
                list_consistent: true,
                visibility_lag: Duration::from_secs(10),
                overlap: Duration::from_secs(60),
                unknown_wait: Duration::ZERO,
                mapping: &mapping::COMPANY,
                variants: &[],
                suspended: Arc::from([]),
            },
            ObjectCapability {
                kind: ObjectKind::Contact,
                access: Access::Full,
                deletion: Deletion::Archive,
                detection: Detection::ModifiedSince { granularity: Duration::from_secs(1) },
                concurrency: Concurrency::IfUnmodified,
                find_by: &[KeyKind::Uid, KeyKind::Email],
                unique_key: true,
                read_max: count(100),
                write_max: count(100),
                page_max: count(2_000),
                hint_page_max: count(2_000),
                list_consistent: true,
                visibility_lag: Duration::from_secs(10),
                overlap: Duration::from_secs(60),
                unknown_wait: Duration::ZERO,
                mapping: &mapping::CONTACT,
                variants: &[],
                suspended: Arc::from([]),
            },
            ObjectCapability {
                kind: ObjectKind::Deal,
                access: Access::Full,
                deletion: Deletion::Archive,
                detection: Detection::ModifiedSince { granularity: Duration::from_secs(1) },
                concurrency: Concurrency::IfUnmodified,
                find_by: &[KeyKind::Uid],
                unique_key: true,
                read_max: count(100),
                write_max: count(100),
                page_max: count(2_000),
                hint_page_max: count(2_000),
                list_consistent: true,
                visibility_lag: Duration::from_secs(10),
                overlap: Duration::from_secs(60),
                unknown_wait: Duration::ZERO,
                mapping: &mapping::DEAL,
                variants: &[],
                suspended: Arc::from([]),
            },
            ObjectCapability {
                kind: ObjectKind::Activity,
                access: Access::Full,
                deletion: Deletion::Archive,
                detection: Detection::ModifiedSince { granularity: Duration::from_secs(1) },
                concurrency: Concurrency::IfUnmodified,
                find_by: &[KeyKind::Uid],
                unique_key: false,
                read_max: count(100),
                write_max: count(100),
                page_max: count(200),
                hint_page_max: count(200),
                list_consistent: true,
                visibility_lag: Duration::from_secs(10),
                overlap: Duration::from_secs(60),
                unknown_wait: Duration::from_secs(120),
                mapping: &mapping::ACTIVITY_TASK,
                variants: mapping::ACTIVITY_FORMS,
                suspended: Arc::from([]),
            },
        ],
        quotas: vec![Quota { name: "daily", limit: 50_000, window: Duration::from_secs(86_400) }],
        metadata: Arc::default(),
    }
}

/// A number of records, which codegen has checked not to be zero.
const fn count(number: u16) -> NonZeroU16 {
    match NonZeroU16::new(number) {
        Some(count) => count,
        None => NonZeroU16::MIN,
    }
}
