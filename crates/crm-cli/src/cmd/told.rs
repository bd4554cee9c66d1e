//! Conflicts as they are told: values as people write them, not as the store keeps them.

use crm::core::{EntityId, Field, ObjectKind, ProviderId, Value};
use crm::store::{Conflict, ConflictState, Contender, Entity};
use serde::Serialize;

/// One conflict, who it is about, and which values lost.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    id: String,
    entity: EntityId,
    /// Who it is, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    kind: ObjectKind,
    field: Field,
    base: Option<String>,
    contenders: Vec<Side>,
    chosen: Option<String>,
    winner: Option<ProviderId>,
    /// Sides whose value was not chosen; none while the conflict is open.
    losers: Vec<Side>,
    rule: String,
    state: ConflictState,
    at: String,
    run: String,
}

/// One side of a conflict.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Side {
    /// None is the golden record.
    provider: Option<ProviderId>,
    /// None is blank.
    value: Option<String>,
    /// When it was changed there at the latest.
    at: Option<String>,
}

impl Side {
    fn of(contender: &Contender) -> Self {
        Self {
            provider: contender.provider.clone(),
            value: contender.value.as_ref().map(Value::display),
            at: contender.at.map(|at| at.to_string()),
        }
    }

    fn line(&self) -> String {
        let name = self.provider.as_ref().map_or("golden record", |name| name.as_str());
        format!("{name}: {}", self.value.as_deref().unwrap_or("blank"))
    }
}

impl Told {
    /// Tells a conflict.
    pub(crate) fn of(conflict: &Conflict, entity: Option<&Entity>) -> Self {
        let decided = match conflict.state {
            ConflictState::Auto | ConflictState::Resolved => true,
            ConflictState::Open | ConflictState::Stale => false,
        };
        // By the values and not by their spelling: another spelling of the winner lost nothing.
        let lost = |side: &&Contender| decided && side.value != conflict.chosen;
        Self {
            id: conflict.id.0.to_string(),
            entity: conflict.entity,
            name: entity.map(name_of),
            kind: conflict.kind,
            field: conflict.field,
            base: conflict.base.as_ref().map(Value::display),
            contenders: conflict.contenders.iter().map(Side::of).collect(),
            chosen: conflict.chosen.as_ref().map(Value::display),
            winner: conflict.winner.clone(),
            losers: conflict.contenders.iter().filter(lost).map(Side::of).collect(),
            rule: conflict.rule.clone(),
            state: conflict.state,
            at: conflict.at.to_string(),
            run: conflict.run.to_string(),
        }
    }

    /// Returns the cells of a table's row: who, field, sides, chosen, rule.
    pub(crate) fn row(&self) -> Vec<String> {
        let sides: Vec<String> = self.contenders.iter().map(Side::line).collect();
        let chosen = match self.state {
            ConflictState::Open => "nobody yet".to_owned(),
            ConflictState::Auto | ConflictState::Resolved | ConflictState::Stale => {
                self.chosen.clone().unwrap_or_else(|| "blank".to_owned())
            }
        };
        let name = self.name.clone().unwrap_or_default();
        vec![name, self.field.to_string(), sides.join("\n"), chosen, self.rule.clone()]
    }
}

/// Returns who an entity is, as a person would say it.
pub(crate) fn name_of(entity: &Entity) -> String {
    let text = |field| {
        let seen = || {
            let mut observed = entity.links.iter().filter_map(|link| link.observed.as_ref());
            observed.find_map(|observed| observed.fields.get(field))
        };
        entity.golden.value(field).or_else(seen).map(Value::display)
    };
    let names = [Field::FIRST_NAME, Field::LAST_NAME, Field::EMAIL];
    names.into_iter().filter_map(text).collect::<Vec<_>>().join(" ")
}
