//! What Salesflare can do. Generated from `provider.toml` by `cargo xtask codegen`.
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
                deletion: Deletion::Permanent,
                detection: Detection::FullScan,
                concurrency: Concurrency::LastWriteWins,
                find_by: &[KeyKind::Uid, KeyKind::Domain],
                unique_key: false,
                read_max: count(100),
                write_max: count(1),
                page_max: count(100),
                hint_page_max: count(100),
                list_consistent: true,
                visibility_lag: Duration::ZERO,
                overlap: Duration::ZERO,
                unknown_wait: Duration::from_secs(120),
                mapping: &mapping::COMPANY,
                variants: &[],
                suspended: Arc::from([]),
            },
            ObjectCapability {
                kind: ObjectKind::Contact,
                access: Access::Full,
                deletion: Deletion::Permanent,
                detection: Detection::ModifiedSince { granularity: Duration::from_secs(1) },
                concurrency: Concurrency::LastWriteWins,
                find_by: &[KeyKind::Uid, KeyKind::Email],
                unique_key: false,
                read_max: count(100),
                write_max: count(50),
                page_max: count(100),
                hint_page_max: count(100),
                list_consistent: true,
                visibility_lag: Duration::from_secs(10),
                overlap: Duration::from_secs(180),
                unknown_wait: Duration::from_secs(120),
                mapping: &mapping::CONTACT,
                variants: &[],
                suspended: Arc::from([]),
            },
            ObjectCapability {
                kind: ObjectKind::Deal,
                access: Access::Full,
                deletion: Deletion::Permanent,
                detection: Detection::FullScan,
                concurrency: Concurrency::LastWriteWins,
                find_by: &[KeyKind::Uid],
                unique_key: false,
                read_max: count(1),
                write_max: count(1),
                page_max: count(100),
                hint_page_max: count(100),
                list_consistent: false,
                visibility_lag: Duration::ZERO,
                overlap: Duration::ZERO,
                unknown_wait: Duration::from_secs(120),
                mapping: &mapping::DEAL,
                variants: &[],
                suspended: Arc::from([]),
            },
            ObjectCapability {
                kind: ObjectKind::Activity,
                access: Access::Full,
                deletion: Deletion::Permanent,
                detection: Detection::FullScan,
                concurrency: Concurrency::LastWriteWins,
                find_by: &[KeyKind::Uid],
                unique_key: false,
                read_max: count(100),
                write_max: count(50),
                page_max: count(100),
                hint_page_max: count(100),
                list_consistent: true,
                visibility_lag: Duration::ZERO,
                overlap: Duration::ZERO,
                unknown_wait: Duration::from_secs(120),
                mapping: &mapping::ACTIVITY_TASK,
                variants: mapping::ACTIVITY_FORMS,
                suspended: Arc::from([]),
            },
        ],
        quotas: vec![Quota { name: "burst", limit: 5, window: Duration::from_secs(1) }],
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
