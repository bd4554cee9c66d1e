//! Access tokens, refresh tokens and authorization codes of the org.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::World;

/// How long an access token lives without being used, in milliseconds.
pub(super) const IDLE_MAX_MS: i64 = 2 * 60 * 60 * 1_000;

/// An authorization code that waits for its exchange.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) redirect: String,
    /// The PKCE challenge (S256).
    pub(super) challenge: Option<String>,
}

/// Everything that was handed out.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Access tokens and when they were last used.
    access: BTreeMap<String, i64>,
    refresh: BTreeSet<String>,
    codes: BTreeMap<String, Code>,
}

impl Sessions {
    /// Lets a token work from the start.
    pub(super) fn admit(&mut self, token: &str, now_ms: i64) {
        self.access.insert(token.to_owned(), now_ms);
    }

    pub(super) fn admit_refresh(&mut self, token: &str) {
        self.refresh.insert(token.to_owned());
    }

    /// Hands out a new access token.
    pub(super) fn open(&mut self, org: &str, world: &mut World) -> String {
        let short = org.get(..15).unwrap_or(org);
        let token = format!("{short}!{}", secret(world));
        self.access.insert(token.clone(), world.now_ms());
        token
    }

    pub(super) fn open_refresh(&mut self, world: &mut World) -> String {
        let token = format!("refresh.{}", secret(world));
        self.refresh.insert(token.clone());
        token
    }

    pub(super) fn open_code(&mut self, code: Code, world: &mut World) -> String {
        let name = format!("code.{}", secret(world));
        self.codes.insert(name.clone(), code);
        name
    }

    /// Returns whether an access token works, and notes its use.
    pub(super) fn touch(&mut self, token: &str, now_ms: i64) -> bool {
        match self.access.get_mut(token) {
            Some(used_ms) if now_ms - *used_ms <= IDLE_MAX_MS => {
                *used_ms = now_ms;
                true
            }
            Some(_) | None => false,
        }
    }

    pub(super) fn works(&self, token: &str, now_ms: i64) -> bool {
        self.access.get(token).is_some_and(|used_ms| now_ms - used_ms <= IDLE_MAX_MS)
    }

    pub(super) fn knows_refresh(&self, token: &str) -> bool {
        self.refresh.contains(token)
    }

    pub(super) fn drop_refresh(&mut self, token: &str) {
        self.refresh.remove(token);
    }

    /// Returns a code and forgets it: it works once.
    pub(super) fn take_code(&mut self, code: &str) -> Option<Code> {
        self.codes.remove(code)
    }

    /// Makes a token useless; false if it was unknown.
    pub(super) fn revoke(&mut self, token: &str) -> bool {
        self.access.remove(token).is_some() | self.refresh.remove(token)
    }

    /// Makes all access tokens useless.
    pub(super) fn expire(&mut self) {
        self.access.clear();
    }
}

fn secret(world: &mut World) -> String {
    format!("{:016x}{:016x}", world.rng.bits(), world.rng.bits())
}
