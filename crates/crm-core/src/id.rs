//! Names of things. Everything that names a record we make is *derived* (UUID v5), so a rebuilt
//! store, a retry after a crash and a replayed simulation all arrive at the same ids.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Field, ObjectKind};

/// The root of all derived ids; drawn once, never to be changed.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f0e_41c2_58f7_5d5a_9a51_3d2b_7c64_0e19);

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Makes the name from its text.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// Returns the text of the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $type {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }
    };
}

name! {
    /// The name of one connection, unique within an engine (`hubspot`, `hubspot-2`).
    ProviderId
}
name! {
    /// The id that a provider gave to one of its records. Always text: ids exceed 2^53.
    RemoteId
}
name! {
    /// The owner of a set of connections; every stored row carries it.
    TenantId
}

impl Default for TenantId {
    fn default() -> Self {
        Self::new("default")
    }
}

macro_rules! uuid_name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(Uuid);

        impl $type {
            /// Wraps a UUID.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Returns the UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $type {
            type Err = uuid::Error;

            fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_name! {
    /// The id of an entity: of what the records of several providers are copies.
    EntityId
}
uuid_name! {
    /// The id of one intended write; a retry after a crash carries the same one.
    WriteKey
}
uuid_name! {
    /// The id of one run (UUID v7, made by the caller, never inside a decision).
    RunId
}

impl EntityId {
    /// Derives the id of the entity that was founded by one provider's record.
    pub fn founded(
        tenant: &TenantId,
        provider: &ProviderId,
        kind: ObjectKind,
        id: &RemoteId,
    ) -> Self {
        let path = format!("{tenant}\u{1f}{provider}\u{1f}{}\u{1f}{id}", kind.name());
        Self(Uuid::new_v5(&NAMESPACE, path.as_bytes()))
    }

    /// Derives the id of the entity that the same record founds once more, after it lost the one
    /// of this id to another record or entity.
    #[must_use]
    pub fn again(self) -> Self {
        Self(Uuid::new_v5(&self.0, b"again"))
    }

    /// Derives the id of an entity that a caller of our own API creates.
    pub fn requested(tenant: &TenantId, kind: ObjectKind, idempotency_key: &str) -> Self {
        let path = format!("{tenant}\u{1f}api\u{1f}{}\u{1f}{idempotency_key}", kind.name());
        Self(Uuid::new_v5(&NAMESPACE, path.as_bytes()))
    }
}

impl WriteKey {
    /// Derives the key of the write that brings `provider` to version `version` of `entity`.
    pub fn derive(entity: EntityId, provider: &ProviderId, version: u64) -> Self {
        let path = format!("{provider}\u{1f}{version}");
        Self(Uuid::new_v5(&entity.0, path.as_bytes()))
    }

    /// Derives the key of what landed of a write: of these fields, in that record. A write may
    /// land in parts, and again.
    #[must_use]
    pub fn landed(self, record: &RemoteId, fields: impl IntoIterator<Item = Field>) -> Self {
        let mut path = record.to_string();
        for field in fields {
            path.push('\u{1f}');
            path.push_str(&field.to_string());
        }
        Self(Uuid::new_v5(&self.0, path.as_bytes()))
    }
}

/// The value of our own unique field in a record that we created: the entity's id, with `#n`
/// behind it after the n-th deliberate re-creation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(Arc<str>);

impl Uid {
    /// Returns the uid of the first record made for an entity.
    pub fn of(entity: EntityId) -> Self {
        Self(entity.to_string().into())
    }

    /// Reads a uid as a provider stores it; `None` if it is not one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, count) = text.split_once('#').unwrap_or((text, "1"));
        let ours = Uuid::parse_str(id).is_ok() && count.parse::<u32>().is_ok();
        ours.then(|| Self(text.into()))
    }

    /// Returns the entity that the uid names.
    pub fn entity(&self) -> Option<EntityId> {
        let id = self.0.split('#').next()?;
        Uuid::parse_str(id).ok().map(EntityId)
    }

    /// Returns the text that providers store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
