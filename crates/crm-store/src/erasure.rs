//! Erased data: what is left of it, and how it is recognised when it shows up again.
//!
//! Nothing but keyed hashes is left: an HMAC-SHA-256 of each normalised e-mail address and of each
//! record id, under a random key that a store keeps to itself. Without the key nobody can find out
//! by trying addresses whom a hash is of; with it the store can say of an address that comes in
//! whether it is one of them.
//!
//! An erasure is a row like any other, so that a process that dies in the middle of one leaves
//! behind what the next one has to end.

use std::collections::BTreeMap;

use crm_core::{ObjectKind, ProviderId, RemoteId, RunId, Uid};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::audit::Digest;

/// What keyed hashes are made with. Each store has its own.
pub type ErasureKey = [u8; 32];

/// By what an erased record is recognised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trait {
    /// A normalised e-mail address.
    Email(String),
    /// A record of a connection.
    Record(ProviderId, RemoteId),
}

impl Trait {
    /// Returns the keyed hash under which it is remembered.
    pub fn digest(&self, kind: ObjectKind, key: &ErasureKey) -> Digest {
        let parts: [&str; 4] = match self {
            Self::Email(address) => [kind.name(), "email", address, ""],
            Self::Record(provider, id) => [kind.name(), "record", provider.as_str(), id.as_str()],
        };
        let mut text = Vec::new();
        for part in parts {
            // With its length, so that no two of them are the same text.
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            text.extend(length.to_be_bytes());
            text.extend(part.as_bytes());
        }
        hmac(key, &text)
    }
}

/// Returns the HMAC-SHA-256 of a text (RFC 2104, with a key shorter than a block).
fn hmac(key: &ErasureKey, text: &[u8]) -> Digest {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Digest(Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into())
}

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureStage {
    /// The store holds no value any more; records in CRMs are still to be deleted.
    Records,
    /// What the store held may still be read from unused parts of its file.
    File,
    /// Nothing is left.
    Done,
}

/// What became of a record in a CRM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordFate {
    /// It was deleted for good.
    Deleted,
    /// It is in the CRM's recycle bin, which is all that the CRM offers.
    Archived,
    /// It was not there any more.
    Gone,
    /// It stays, as was asked for.
    Kept,
    /// It stays, since the CRM offers no way to delete it.
    Undeletable,
}

/// A record that is still to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenRecord {
    /// A record.
    Known(ProviderId, RemoteId),
    /// The record of a create whose fate is not known, by our own unique value.
    Announced(ProviderId, Uid),
}

impl OpenRecord {
    /// Returns the connection.
    pub const fn provider(&self) -> &ProviderId {
        match self {
            Self::Known(provider, _) | Self::Announced(provider, _) => provider,
        }
    }
}

/// The erasure of a person's data, or that of another entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The run that began it, which names it.
    pub run: RunId,
    /// What was erased.
    pub kind: ObjectKind,
    /// When it began; kept to the microsecond.
    pub at: Timestamp,
    /// How far it is.
    pub stage: ErasureStage,
    /// Whether the values that the store had cannot be read from its file any more.
    #[serde(default)]
    pub scrubbed: bool,
    /// When nothing was left.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<Timestamp>,
    /// How many entities it was.
    pub entities: u64,
    /// Records that are still to be deleted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub open: Vec<OpenRecord>,
    /// What became of the records, by connection.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub fates: BTreeMap<ProviderId, BTreeMap<RecordFate, u64>>,
    /// The keyed hashes that are left, sorted. Stores add them where they read a row; what is
    /// written is not looked at.
    #[serde(skip)]
    pub digests: Vec<Digest>,
}

impl Erasure {
    /// Notes what became of a record.
    pub fn note(&mut self, provider: &ProviderId, fate: RecordFate) {
        *self.fates.entry(provider.clone()).or_default().entry(fate).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of RFC 4231 that are not longer than ours; a shorter key ends in zeros anyway.
    #[test]
    fn the_hmac_is_that_of_the_standard() {
        let key = |bytes: &[u8]| {
            let mut key = [0; 32];
            key[..bytes.len()].copy_from_slice(bytes);
            key
        };
        let found = hmac(&key(&[0x0b; 20]), b"Hi There").to_string();
        assert_eq!(found, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        let found = hmac(&key(b"Jefe"), b"what do ya want for nothing?").to_string();
        assert_eq!(found, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn kinds_connections_and_keys_are_told_apart() {
        let key = [7; 32];
        let record =
            |provider: &str, id: &str| Trait::Record(ProviderId::new(provider), RemoteId::new(id));
        let mut digests = vec![
            record("ab", "c").digest(ObjectKind::Contact, &key),
            record("a", "bc").digest(ObjectKind::Contact, &key),
            record("a", "bc").digest(ObjectKind::Deal, &key),
            record("a", "bc").digest(ObjectKind::Deal, &[8; 32]),
            Trait::Email("abc".to_owned()).digest(ObjectKind::Contact, &key),
        ];
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 5);
    }
}
