//! The guard against two robots: a field that goes to and fro is frozen until a person decides,
//! and its record is looked at ever less often while nothing else changes.

use std::collections::BTreeSet;
use std::time::Duration;

use crm_core::{Field, Value, mutant};
use crm_store::{Entity, Flips, Golden, GoldenSlot, Look, Turn};
use jiff::{SignedDuration, Timestamp};

use super::{Ties, target};
use crate::Rules;

/// The rule of conflicts about fields that go to and fro.
pub const RULE: &str = "oscillation";

/// So many changes are too many,
const FLIPS_MAX: usize = 4;
/// if they are among so few values
const VALUES_MAX: usize = 3;
/// within this time.
const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// The first wait before a record is looked at of which nothing but a frozen field changed.
const LOOK_MIN_S: u32 = 60;
/// The longest one; whoever is quiet for so long begins anew.
const LOOK_MAX_S: u32 = 2 * 60 * 60;

/// The version that the values of a first contact take: they replaced nothing.
const FIRST: u64 = 1;

/// Returns whether a field is frozen because it went to and fro.
pub(super) fn is_frozen(golden: &Golden, field: Field) -> bool {
    golden.flips(field).is_some_and(|flips| flips.look.is_some())
}

/// Returns whether one more change would be one too many.
pub(super) fn is_flipping(
    golden: &Golden,
    field: Field,
    next: Option<&Value>,
    now: Timestamp,
) -> bool {
    mutant!(OscillationUnseen, return false);
    let Some(flips) = golden.flips(field) else { return false };
    let recent = |turn: &&Turn| turn.version > FIRST && now.duration_since(turn.at) < WINDOW;
    let newest = || flips.turns.iter().rev();
    if newest().take(FLIPS_MAX - 1).filter(recent).count() < FLIPS_MAX - 1 {
        return false;
    }
    // The value before the first of them counts too, where it is known.
    let mut values: BTreeSet<u32> = newest().take(FLIPS_MAX).map(|turn| turn.value).collect();
    values.insert(hash(next));
    values.len() <= VALUES_MAX
}

/// Remembers a change, if the field changed before within the window.
pub(super) fn note(
    golden: &mut Golden,
    field: Field,
    before: &GoldenSlot,
    value: Option<&Value>,
    version: u64,
    now: Timestamp,
) {
    let mut flips = golden.flips(field).cloned().unwrap_or_default();
    let old = |turn: &Turn| now.duration_since(turn.at) >= WINDOW;
    if flips.turns.last().is_none_or(|turn| turn.version != before.provenance.version) {
        let at = before.provenance.at.unwrap_or(now);
        let turn =
            Turn { version: before.provenance.version, at, value: hash(before.value.as_ref()) };
        flips.turns = vec![turn];
    }
    if flips.turns.iter().all(old) {
        golden.set_flips(field, None);
        return;
    }
    flips.turns.push(Turn { version, at: now, value: hash(value) });
    let surplus = flips.turns.len().saturating_sub(FLIPS_MAX);
    flips.turns.drain(..surplus);
    golden.set_flips(field, Some(flips));
}

/// Notes that a field is frozen; returns whether that is new.
pub(super) fn freeze(golden: &mut Golden, field: Field, now: Timestamp) -> bool {
    let mut flips = golden.flips(field).cloned().unwrap_or_default();
    if flips.look.is_some() {
        return false;
    }
    flips.look = Some(look(now, LOOK_MIN_S));
    golden.set_flips(field, Some(flips));
    true
}

/// Notes that a field is no longer frozen. Where the sides agreed, the next change may be one too
/// many again; where a person decided, everything begins anew.
pub(super) fn thaw(golden: &mut Golden, field: Field) {
    if let Some(flips) = golden.flips(field).cloned() {
        golden.set_flips(field, Some(Flips { look: None, ..flips }));
    }
}

/// Notes a look at which nothing but frozen fields was different: the next one is to be later.
/// Returns whether there was anything to note.
pub(super) fn looked(golden: &mut Golden, now: Timestamp) -> bool {
    let looks: Vec<(Field, Look)> = golden.looks().collect();
    let mut changed = false;
    for (field, last) in looks {
        if last.due > now {
            // Somebody looked for another reason; or the field was frozen right now.
            continue;
        }
        let quiet = SignedDuration::from_secs(i64::from(LOOK_MAX_S));
        let wait_s = if now.duration_since(last.due) >= quiet {
            LOOK_MIN_S
        } else {
            last.wait_s.saturating_mul(2).min(LOOK_MAX_S)
        };
        if let Some(flips) = golden.flips(field).cloned() {
            golden.set_flips(field, Some(Flips { look: Some(look(now, wait_s)), ..flips }));
            changed = true;
        }
    }
    changed
}

fn look(now: Timestamp, wait_s: u32) -> Look {
    let wait = Duration::from_secs(u64::from(wait_s));
    Look { due: now.checked_add(wait).unwrap_or(Timestamp::MAX), wait_s }
}

/// Returns until when an entity need not be looked at: one of its fields goes to and fro, and
/// nothing says that anything else changed. What was listed, what is announced and what is to be
/// written is served at once.
pub fn postponed(entity: &Entity, rules: &Rules, now: Timestamp) -> Option<Timestamp> {
    let looks: Vec<(Field, Look)> = entity.golden.looks().collect();
    let due = looks.iter().map(|(_, look)| look.due).max().filter(|due| *due > now)?;
    let frozen = |field: Field| looks.iter().any(|(known, _)| *known == field);
    for (index, side) in rules.sides.iter().enumerate() {
        let Some(link) = entity.link(&side.provider) else { continue };
        let observed = link.observed.as_ref().filter(|observed| !observed.is_outdated());
        let news = observed.is_some_and(|observed| {
            rules.fields.iter().filter(|plan| !frozen(plan.field)).any(|plan| {
                let shown = observed.fields.get(plan.field);
                let shadow = link.slots.slot(plan.field).map(|slot| &slot.shadow);
                observed.read.binary_search(&plan.field).is_ok()
                    && side.capability.rule(plan.field).is_some()
                    && !shadow.is_some_and(|shadow| shadow.is(shown))
            })
        });
        // What waits for a record is marked when the record comes.
        let behind = || target::is_behind(&mut entity.clone(), rules, &Ties::default(), index);
        if news || link.is_open() || behind() {
            return None;
        }
    }
    Some(due)
}

/// Hashes a value so that other spellings of it have the same hash (FNV-1a): it is stored.
pub fn hash(value: Option<&Value>) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    let mut feed = |text: &str| {
        for byte in text.bytes().chain([0x1f]) {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    };
    match value {
        None => {}
        Some(Value::Text(text)) => feed(text.key()),
        Some(Value::List(members)) => members.iter().for_each(|member| feed(&member.display())),
        Some(
            value @ (Value::Integer(_)
            | Value::Decimal(_)
            | Value::Bool(_)
            | Value::Date(_)
            | Value::Instant(_)
            | Value::Choice(_)
            | Value::Ref(_)),
        ) => feed(&value.display()),
    }
    hash
}
