//! What an account is set up with: users, pipelines, currencies, and what its fields accept. Read
//! by a probe, and asked before a value is sent that the account would refuse.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Field, ObjectKind};

/// What a probe learned of an account. What is not here is not known, and nothing is refused for
/// it beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The users who can own a record.
    pub owners: Option<Vec<Owner>>,
    /// The pipelines of deals, in the account's order.
    pub pipelines: Option<Vec<Pipeline>>,
    /// The currencies that amounts may have (ISO 4217).
    pub currencies: Option<Vec<Arc<str>>>,
    /// What fields accept.
    pub fields: BTreeMap<(ObjectKind, Field), FieldFacts>,
}

impl Metadata {
    /// Returns the user of an id of the vendor.
    pub fn owner(&self, id: &str) -> Option<&Owner> {
        self.owners.iter().flatten().find(|owner| *owner.id == *id)
    }

    /// Returns the user of an e-mail address in normal form.
    pub fn owner_of(&self, email: &str) -> Option<&Owner> {
        self.owners.iter().flatten().find(|owner| *owner.email == *email)
    }

    /// Returns a stage by the vendor's id, wherever it is.
    pub fn stage(&self, pipeline: Option<&str>, id: &str) -> Option<&Stage> {
        let pipelines = self.pipelines.iter().flatten();
        let mut fitting = pipelines.filter(|known| pipeline.is_none_or(|id| *known.id == *id));
        fitting.find_map(|pipeline| pipeline.stages.iter().find(|stage| *stage.id == *id))
    }

    /// Returns the first stage of a pipeline (of the first one, if none is named) that stands for
    /// one of our stages.
    pub fn stage_for(&self, pipeline: Option<&str>, ours: &str) -> Option<&Stage> {
        let mut pipelines = self.pipelines.iter().flatten();
        let pipeline = match pipeline {
            Some(id) => pipelines.find(|known| *known.id == *id),
            None => pipelines.next(),
        };
        let stages = pipeline.map_or(&[][..], |pipeline| &pipeline.stages);
        stages.iter().find(|stage| stage.ours.as_deref() == Some(ours))
    }
}

/// A user who can own a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The vendor's id, as records hold it.
    pub id: Arc<str>,
    /// The e-mail address, in normal form.
    pub email: Arc<str>,
    /// Whether records can be given to the user.
    pub active: bool,
}

/// A pipeline of deals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// The vendor's id.
    pub id: Arc<str>,
    /// Its name.
    pub label: Arc<str>,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
}

/// A stage of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The vendor's id, as records hold it.
    pub id: Arc<str>,
    /// Its name.
    pub label: Arc<str>,
    /// Which of our stages it is, by the configured map or by what the vendor says of it; `None`
    /// if nobody knows.
    pub ours: Option<Arc<str>>,
}

/// What a field of an account accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldFacts {
    /// The account's own name for the field, for people.
    pub label: Option<Arc<str>>,
    /// Whether a record without it is refused.
    pub required: bool,
    /// Whether it can only be read.
    pub read_only: bool,
    /// The most characters.
    pub length_max: Option<u32>,
    /// The values that it takes, by the vendor's name; `None` if any.
    pub options: Option<Vec<Arc<str>>>,
}
