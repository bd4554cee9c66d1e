//! What a handler works with for the time of one request.

use serde_json::{Map, Value};

use super::Salesforce;
use super::ask::Ask;
use super::desk::{Desk, Journal, Saving};
use super::schema::View;
use crate::fake::Call;
use crate::quota::Quotas;
use crate::world::{Source, World};

/// The surroundings of one request.
#[derive(Debug)]
pub(super) struct Room<'a> {
    pub(super) world: &'a mut World,
    pub(super) quotas: &'a Quotas,
    pub(super) call: &'a Call<'a>,
    /// What was written so far.
    pub(super) journal: Journal,
}

impl Salesforce {
    pub(super) fn view<'a>(&'a self, world: &'a World) -> View<'a> {
        View { catalog: &self.catalog, world, users: &self.users }
    }

    /// Returns the writing side of the org for a request.
    pub(super) fn desk<'a>(&'a self, room: &'a mut Room<'_>, ask: &Ask) -> Desk<'a> {
        let allow = ask.option("sforce-duplicate-rule-header", "allowSave");
        let allowed = allow.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Desk {
            catalog: &self.catalog,
            world: room.world,
            users: &self.users,
            rule: self.rule,
            saving: if allowed { Saving::Allowed } else { Saving::Careful },
            source: Source::Integration,
            journal: &mut room.journal,
        }
    }
}

/// Returns a text of an object, whatever the case of its key.
pub(super) fn text_of<'v>(values: &'v Map<String, Value>, key: &str) -> Option<&'v str> {
    let found = values.iter().find(|pair| pair.0.eq_ignore_ascii_case(key))?;
    found.1.as_str()
}
