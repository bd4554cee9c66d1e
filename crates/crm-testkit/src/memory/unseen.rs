//! What happens behind the back of every feed: a change that leaves no stamp.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::deed::Deed;
use super::realm::{Inner, Realm};
use super::record::{Row, State};

/// A time that no feed looks back to.
const LONG_AGO: Timestamp = Timestamp::UNIX_EPOCH;

impl Realm {
    /// Lets a user do something of which no feed will ever tell: neither a stamp moves, nor does
    /// the recycle bin show it.
    pub fn perform_unseen(&self, deed: Deed) {
        let at = self.time();
        let mut inner = self.now();
        let before = rows(&inner);
        inner.perform(deed, at);
        for (index, account) in inner.accounts.iter_mut().enumerate() {
            for row in account.rows.values_mut() {
                row.hide(before.get(&(index, row.number)));
            }
        }
    }
}

fn rows(inner: &Inner) -> BTreeMap<(usize, u64), Row> {
    let accounts = inner.accounts.iter().enumerate();
    let rows = accounts.flat_map(|(index, account)| {
        account.rows.values().map(move |row| ((index, row.number), row.clone()))
    });
    rows.collect()
}

impl Row {
    /// Gives a row the stamps that it had before.
    fn hide(&mut self, before: Option<&Self>) {
        let Some(before) = before else {
            self.created = LONG_AGO;
            self.modified = LONG_AGO;
            self.visible = LONG_AGO;
            return;
        };
        self.modified = before.modified;
        self.indexed = before.indexed;
        self.visible = before.visible;
        self.author = before.author;
        self.ties.clone_from(&before.ties);
        if self.state != before.state
            && let State::Archived(at) = &mut self.state
        {
            *at = LONG_AGO;
        }
    }
}
