//! The company that a contact names in a text, as a record of its own: where the configuration
//! asks for it, the text gives a contact its company, as long as nobody said another one.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{EntityId, Field, Ref, RunId, Value, normal};
use crm_store::{Golden, GoldenSlot, History, Provenance};
use jiff::Timestamp;

use super::Decision;
use crate::Rules;

/// The rule under which the history shows such a company.
pub(crate) const RULE: &str = "company_to_record";

/// The companies that contacts name, by name as names are compared; those of which there are
/// several are not among them, since nobody can say which is meant.
pub type Companies = Arc<BTreeMap<String, Named>>;

/// What is known of a company's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// That company has it.
    One(EntityId),
    /// Several have it.
    Several,
}

/// Returns a company's name as names are compared.
pub fn key(text: &str) -> String {
    normal::surname(text)
}

/// Returns the company's name that a golden record shows.
pub(super) fn name(golden: &Golden) -> Option<&str> {
    golden.value(Field::COMPANY)?.as_str()
}

/// Gives the entity the company that its text names. `before` is what the text was.
pub(super) fn apply(
    work: &mut Decision,
    companies: &Companies,
    before: Option<&str>,
    rules: &Rules,
    (now, run): (Timestamp, RunId),
) {
    let golden = &work.entity.golden;
    let Some(text) = name(golden).filter(|_| rules.company_to_record) else { return };
    if golden.frozen(Field::COMPANY_REF).is_some() {
        return;
    }
    let one = |text: &str| match companies.get(&key(text)) {
        Some(Named::One(company)) => Some(*company),
        Some(Named::Several) | None => None,
    };
    let said = golden.slot(Field::COMPANY_REF);
    // A company that only the text had given goes with the text.
    let followed = before.filter(|before| key(before) != key(text)).and_then(one);
    let follows = |slot: &GoldenSlot| {
        followed.is_some_and(|old| slot.value == Some(Value::Ref(Ref::Entity(old))))
    };
    if said.is_some_and(|slot| !follows(slot)) {
        return;
    }
    let Some(company) = one(text) else {
        if !companies.contains_key(&key(text)) {
            work.names_company = Some(text.to_owned());
        }
        return;
    };
    let source = golden.slot(Field::COMPANY).and_then(|slot| slot.provenance.source.clone());
    let version = work.entity.version + 1;
    let value = Some(Value::Ref(Ref::Entity(company)));
    work.history.push(History {
        entity: work.entity.id,
        field: Field::COMPANY_REF,
        version,
        before: said.and_then(|slot| slot.value.clone()),
        after: value.clone(),
        source: source.clone(),
        rule: RULE.to_owned(),
        at: now,
        run,
    });
    let provenance = Provenance { version, source, at: Some(now), run };
    work.entity.golden.set(Field::COMPANY_REF, GoldenSlot { value, provenance });
    work.entity.version = version;
    work.entity_changed = true;
}
