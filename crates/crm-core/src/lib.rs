//! The vocabulary: everything that a provider, a store and the engine say to each other.
//!
//! | word | meaning |
//! |---|---|
//! | *provider* | one connection to one CRM account ([`Provider`], named by a [`ProviderId`]) |
//! | *record* | one contact, company, deal or activity as a provider keeps it ([`Remote`]) |
//! | *field* | one named value of a record ([`Field`], [`Value`]) |
//! | *entity* | what the records of all providers are copies of ([`EntityId`]) |
//! | *golden* | the values that the engine holds to be true of an entity |
//! | *shadow* | the last value that was read back from a provider |
//! | *link* | the tie between an entity and one provider's record, with its shadow |
//! | *mark* | a note that an entity may differ somewhere; it carries no payload |
//! | *intent*, *claim* | a durable note made before an update, before a create |
//! | *room* | the crate that speaks to one vendor |
//!
//! Nothing here does I/O, reads a clock or knows a vendor's name. Text is compared by its
//! normal form ([`normal`]), which is computed once, where a value is decoded.

pub mod capability;
pub mod change;
pub mod clock;
pub mod error;
mod generated;
pub mod id;
pub mod kind;
pub mod mapping;
pub mod metadata;
#[cfg(crm_mutants)]
pub mod mutant;
pub mod normal;
pub mod object;
pub mod priority;
pub mod provider;
pub mod record;
pub mod round;
#[cfg(feature = "html")]
pub mod sanitize;
pub mod schema;
pub mod stages;
pub mod validate;
pub mod value;
pub mod write;

pub use capability::{
    Access, Capabilities, Concurrency, Deletion, Detection, KeyKind, ObjectCapability, Quota,
};
pub use change::{Change, ChangePage, Cursor, Feed, Watermark};
pub use clock::{Clock, Elapsed, timeout};
pub use error::{Applied, Disposition, ErrorKind, Operation, PauseCause, ProviderError, Result};
pub use generated::activity::Activity;
pub use generated::company::Company;
pub use generated::contact::Contact;
pub use generated::deal::Deal;
pub use id::{EntityId, ProviderId, RemoteId, RunId, TenantId, Uid, WriteKey};
pub use kind::ObjectKind;
pub use mapping::{FieldRule, Form, LetterCase, Mapping, Wire};
pub use metadata::{FieldFacts, Metadata, Owner, Pipeline, Stage};
pub use normal::{Money, Normalizer, Region};
pub use object::Object;
pub use priority::Priority;
pub use provider::{Account, Finding, Provider, QuotaUse, Repair, SharedProvider, Usage};
pub use record::{Author, Field, Fields, Lookup, MatchKey, Patch, Remote, Version};
#[cfg(feature = "html")]
pub use sanitize::sanitize_input;
pub use schema::{FieldSpec, FieldType};
pub use validate::{validate_email, validate_phone};
pub use value::{Ref, Text, Value};
pub use write::{Action, BatchOutcome, Write, Written};

/// Breaks a rule at the place where it stands, if that is wanted: a condition, a statement, or an
/// expression beside the right one. Outside of tests of the tests it leaves nothing behind.
#[cfg(crm_mutants)]
#[doc(hidden)]
#[macro_export]
macro_rules! mutant {
    ($name:ident) => {
        $crate::mutant::is($crate::mutant::Mutant::$name)
    };
    ($name:ident => $broken:expr, $right:expr) => {
        if $crate::mutant!($name) { $broken } else { $right }
    };
    ($name:ident, $broken:expr) => {
        if $crate::mutant!($name) {
            $broken;
        }
    };
}

/// As above, in every other build: nothing is broken.
#[cfg(not(crm_mutants))]
#[doc(hidden)]
#[macro_export]
macro_rules! mutant {
    ($name:ident) => {
        false
    };
    ($name:ident => $broken:expr, $right:expr) => {
        $right
    };
    ($name:ident, $broken:expr) => {};
}
