//! Conflicts as they are told: values as people write them, not as the store keeps them.

use crm::core::{EntityId, Field, ObjectKind, ProviderId, Value};
use crm::store::{Conflict, ConflictState, Contender, Decided, Entity};
use serde::Serialize;

/// How much of an id is shown: two of a hundred thousand conflicts rarely begin alike.
const ID_LENGTH: usize = 8;
/// How much of a revision is shown: it only has to differ from the one before.
const REVISION_LENGTH: usize = 6;

/// One conflict, who it is about, and which values lost.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    id: String,
    /// Names the state in which it is told.
    revision: String,
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
    /// Who decided, and when, if a person did.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<Decided>,
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
            revision: revision_of(conflict),
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
            decided: conflict.decided.clone(),
            at: conflict.at.to_string(),
            run: conflict.run.to_string(),
        }
    }

    /// Returns the cells of a table's row: who, field, sides, chosen, rule.
    pub(crate) fn row(&self) -> Vec<String> {
        let sides: Vec<String> = self.contenders.iter().map(Side::line).collect();
        vec![self.who(), self.field.to_string(), sides.join("\n"), self.chosen(), self.rule()]
    }

    /// Returns the short id by which a person names it, with the state in which it is shown.
    pub(crate) fn handle(&self) -> String {
        let short = |text: &str, length| text.get(..length).unwrap_or(text).to_owned();
        format!("{}@{}", short(&self.id, ID_LENGTH), short(&self.revision, REVISION_LENGTH))
    }

    /// Returns the field it is about.
    pub(crate) const fn field(&self) -> Field {
        self.field
    }

    /// Returns who it is about.
    pub(crate) fn who(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.entity.to_string())
    }

    fn chosen(&self) -> String {
        match self.state {
            ConflictState::Open => "nobody yet".to_owned(),
            ConflictState::Auto | ConflictState::Resolved | ConflictState::Stale => {
                self.chosen.clone().unwrap_or_else(|| "blank".to_owned())
            }
        }
    }

    fn rule(&self) -> String {
        match &self.decided {
            Some(decided) => format!("{}, decided by {}", self.rule, decided.by),
            None => self.rule.clone(),
        }
    }

    /// Returns how it stands, one line.
    pub(crate) fn standing(&self) -> String {
        let (at, rule) = (&self.at, self.rule());
        match self.state {
            ConflictState::Open => format!("open since {at} by the rule {rule}"),
            ConflictState::Auto => format!("decided at {at} by the rule {rule}"),
            ConflictState::Resolved => {
                let at = self.decided.as_ref().map_or_else(|| at.clone(), |it| it.at.to_string());
                format!("resolved at {at} ({rule})")
            }
            ConflictState::Stale => format!("over at {at}: the sides agree ({rule})"),
        }
    }

    /// Returns the rows of a table about one conflict: side, value, when; the value before first.
    pub(crate) fn sides(&self) -> Vec<Vec<String>> {
        let blank = || "blank".to_owned();
        let before = self.base.clone().unwrap_or_else(blank);
        let mut rows = vec![vec!["before".to_owned(), before, String::new()]];
        rows.extend(self.contenders.iter().map(|side| {
            let name = side.provider.as_ref().map_or("golden record", |name| name.as_str());
            let value = side.value.clone().unwrap_or_else(blank);
            vec![name.to_owned(), value, side.at.clone().unwrap_or_default()]
        }));
        if self.state != ConflictState::Open {
            rows.push(vec!["chosen".to_owned(), self.chosen(), String::new()]);
        }
        rows
    }
}

/// Returns the fingerprint of the state in which a conflict is shown.
pub(crate) fn revision_of(conflict: &Conflict) -> String {
    format!("{:016x}", conflict.revision())
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
    let names: &[Field] = match entity.kind {
        ObjectKind::Contact => &[Field::FIRST_NAME, Field::LAST_NAME, Field::EMAIL],
        ObjectKind::Company => &[Field::NAME],
        ObjectKind::Deal => &[Field::TITLE],
        // A note has no subject.
        ObjectKind::Activity => &[Field::TYPE, Field::SUBJECT],
    };
    names.iter().copied().filter_map(text).collect::<Vec<_>>().join(" ")
}
