//! Who is kept in step with whom: the configuration as the engine reads it, and the rules of one
//! kind compiled from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{
    Access, Capabilities, Field, FieldRule, FieldType, Metadata, ObjectCapability, ObjectKind,
    ProviderId, TenantId, Value,
};

use crate::policy::{Join, Policy};

/// Who is kept in step with whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// Whose data it is.
    pub tenant: TenantId,
    /// The connection of the highest rank.
    pub primary: ProviderId,
    /// The others, by rank.
    pub secondary: Vec<ProviderId>,
    /// What is kept in step; a kind without a flow is left alone.
    pub flows: Vec<Flow>,
}

impl Topology {
    /// Returns all connections by rank.
    pub fn ranked(&self) -> impl Iterator<Item = &ProviderId> {
        std::iter::once(&self.primary).chain(&self.secondary)
    }

    /// Returns the connection that is meant by a name: its own, or the part that it plays.
    pub(crate) fn named(&self, name: ProviderId) -> ProviderId {
        let known = self.ranked().any(|known| *known == name);
        match (known, name.as_str()) {
            (false, "primary") => self.primary.clone(),
            (false, "secondary") => self.secondary.first().cloned().unwrap_or(name),
            (_, _) => name,
        }
    }

    /// Returns the connections that policies name as owners.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &ProviderId> {
        let policies = self
            .flows
            .iter()
            .flat_map(|flow| std::iter::once(&flow.policy).chain(flow.field_policy.values()));
        policies.filter_map(Policy::owner)
    }
}

/// How one kind is kept in step.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// The kind.
    pub kind: ObjectKind,
    /// Where changes go.
    pub direction: Direction,
    /// Only these fields; `None` = all that at least two connections have.
    pub fields: Option<Vec<Field>>,
    /// Fields in which a blank may beat a value.
    pub allow_clear: Vec<Field>,
    /// Who wins.
    pub policy: Policy,
    /// Who wins, where it differs.
    pub field_policy: BTreeMap<Field, Policy>,
    /// Where changes of a field go, where it differs.
    pub field_direction: BTreeMap<Field, Direction>,
    /// Fillers for fields that a connection requires and a record lacks. They are written, and
    /// never flow back.
    pub required_default: BTreeMap<Field, Value>,
    /// What becomes of the other records when one was deleted.
    pub deletes: Deletes,
    /// Whether the company that a contact names in a text becomes a record of its own, to which
    /// the contact is tied. Only for contacts, and only where companies are kept in step, too.
    pub company_to_record: bool,
}

impl Flow {
    /// Makes the flow that a configuration without a word about the kind means.
    pub fn new(kind: ObjectKind) -> Self {
        Self {
            kind,
            direction: Direction::Bidirectional,
            fields: None,
            allow_clear: Vec::new(),
            policy: Policy::default(),
            field_policy: BTreeMap::new(),
            field_direction: BTreeMap::new(),
            required_default: BTreeMap::new(),
            deletes: Deletes::default(),
            company_to_record: false,
        }
    }
}

/// What becomes of the other records of an entity when one of them was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deletes {
    /// They stay, and the deleted one is not made again.
    #[default]
    Unlink,
    /// They are deleted too where the CRM keeps deleted records for a while; elsewhere they stay.
    Archive,
    /// They are deleted too.
    Propagate,
}

/// Where changes go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From each connection to all others.
    #[default]
    Bidirectional,
    /// From the secondaries to the primary; secondaries are never written.
    ToPrimary,
    /// From the primary to the secondaries; the primary is never written.
    FromPrimary,
    /// Nowhere: it takes no part.
    Nowhere,
}

impl Direction {
    /// Returns whether changes on a side count.
    pub const fn reads(self, role: Role) -> bool {
        match (self, role) {
            (Self::Bidirectional, _)
            | (Self::ToPrimary, Role::Secondary)
            | (Self::FromPrimary, Role::Primary) => true,
            (Self::ToPrimary, Role::Primary)
            | (Self::FromPrimary, Role::Secondary)
            | (Self::Nowhere, _) => false,
        }
    }

    /// Returns whether a side is written.
    pub const fn writes(self, role: Role) -> bool {
        match (self, role) {
            (Self::Bidirectional, _)
            | (Self::ToPrimary, Role::Primary)
            | (Self::FromPrimary, Role::Secondary) => true,
            (Self::ToPrimary, Role::Secondary)
            | (Self::FromPrimary, Role::Primary)
            | (Self::Nowhere, _) => false,
        }
    }
}

/// Which part a connection plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It has the highest rank.
    Primary,
    /// It is one of the others.
    Secondary,
}

/// How much two clocks may differ beyond the granularity of their stamps.
const SKEW: Duration = Duration::from_secs(2);

/// The rules of one kind.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whose data it is.
    pub tenant: TenantId,
    /// The kind.
    pub kind: ObjectKind,
    /// The connections by rank.
    pub sides: Vec<Side>,
    /// The fields, sorted; of a kind with several forms, those of all forms together.
    pub fields: Vec<FieldPlan>,
    /// The rules of each form, where the kind has several (tasks, calls, …).
    pub forms: Vec<(&'static str, Self)>,
    /// Fillers, see [`Flow::required_default`].
    pub required_default: BTreeMap<Field, Value>,
    /// Where changes go, unless a field says otherwise.
    pub direction: Direction,
    /// What becomes of the other records when one was deleted.
    pub deletes: Deletes,
    /// Whether the company that a contact names in a text becomes a record of its own.
    pub company_to_record: bool,
}

/// One connection, as far as one kind is concerned.
#[derive(Clone, Debug)]
pub struct Side {
    /// The connection.
    pub provider: ProviderId,
    /// What it can do with the kind.
    pub capability: ObjectCapability,
    /// Which part it plays.
    pub role: Role,
    /// Whether records are made in it.
    pub writes: bool,
    /// How far its stamps may be off.
    pub uncertainty: Duration,
    /// What its account is set up with.
    pub metadata: Arc<Metadata>,
}

/// One field.
#[derive(Clone, Debug)]
pub struct FieldPlan {
    /// The field.
    pub field: Field,
    /// Its type.
    pub ty: FieldType,
    /// Who wins.
    pub policy: Policy,
    /// Where changes go.
    pub direction: Direction,
    /// Whether a blank may beat a value.
    pub allow_clear: bool,
    /// How each side stores it, by index of the side; `None` where a side lacks it.
    pub rules: Vec<Option<&'static FieldRule>>,
}

impl FieldPlan {
    /// Returns whether a change on a side counts.
    pub const fn reads(&self, side: &Side) -> bool {
        self.direction.reads(side.role)
    }

    /// Returns whether the field is written in a side.
    pub fn writes(&self, side: &Side) -> bool {
        self.direction.writes(side.role) && side.capability.access != Access::Read
    }

    /// Returns how values of several sides are joined, if they are. Sets always are, unless a
    /// person is to decide.
    pub fn join(&self) -> Option<Join> {
        match &self.policy {
            Policy::Manual => None,
            _ if self.ty.is_set() => Some(Join::Union),
            Policy::Merged(join) => join.of(self.ty),
            Policy::PrimaryWins
            | Policy::SecondaryWins
            | Policy::LatestWins
            | Policy::StrictLatest
            | Policy::MostComplete
            | Policy::Owner(_) => None,
        }
    }
}

impl Rules {
    /// Compiles the rules of a flow. Connections that lack the kind are left out.
    pub fn compile(
        topology: &Topology,
        flow: &Flow,
        capabilities: &BTreeMap<ProviderId, Arc<Capabilities>>,
    ) -> Self {
        let mut sides = Vec::new();
        for provider in topology.ranked() {
            let Some(known) = capabilities.get(provider) else { continue };
            let Some(capability) = known.object(flow.kind) else { continue };
            let role = if *provider == topology.primary { Role::Primary } else { Role::Secondary };
            sides.push(Side {
                provider: provider.clone(),
                role,
                writes: flow.direction.writes(role) && capability.access != Access::Read,
                uncertainty: capability.detection.granularity().max(SKEW),
                capability: capability.clone(),
                metadata: Arc::clone(&known.metadata),
            });
        }
        let kinds: Vec<ObjectKind> = topology.flows.iter().map(|flow| flow.kind).collect();
        let whole = |form, sides: &[Side]| Self {
            tenant: topology.tenant.clone(),
            kind: flow.kind,
            fields: fields(flow, &kinds, form, sides),
            forms: Vec::new(),
            sides: sides.to_vec(),
            required_default: flow.required_default.clone(),
            direction: flow.direction,
            deletes: flow.deletes,
            company_to_record: flow.company_to_record
                && flow.kind == ObjectKind::Contact
                && kinds.contains(&ObjectKind::Company),
        };
        let forms = forms(&sides).into_iter().map(|form| (form, whole(Some(form), &sides)));
        let forms = forms.collect();
        Self { forms, ..whole(None, &sides) }
    }

    /// Returns the rules of the form that a record with these values has.
    pub fn of<'v>(&self, mut value: impl FnMut(Field) -> Option<&'v Value>) -> &Self {
        if self.forms.is_empty() {
            return self;
        }
        let form = value(Field::TYPE).and_then(Value::as_str);
        let known = self.forms.iter().find(|(known, _)| Some(*known) == form);
        known.map_or(self, |(_, rules)| rules)
    }

    /// Returns whether records are only added at the primary side, as to a journal: what happened
    /// there or at its source later does not change the entry. So no two sides can disagree.
    pub fn appends(&self) -> bool {
        self.kind == ObjectKind::Activity && self.direction == Direction::ToPrimary
    }

    /// Returns how a side stores a field.
    pub fn rule(&self, side: usize, field: Field) -> Option<&'static FieldRule> {
        let index = self.fields.binary_search_by_key(&field, |plan| plan.field).ok()?;
        self.fields.get(index)?.rules.get(side).copied().flatten()
    }

    /// Returns the fields that refer to records, with the kind of these.
    pub fn references(&self) -> impl Iterator<Item = (Field, ObjectKind)> {
        self.fields.iter().filter_map(|plan| Some((plan.field, plan.ty.refers_to()?)))
    }

    /// Returns the index of a connection.
    pub fn side(&self, provider: &ProviderId) -> Option<usize> {
        self.sides.iter().position(|side| side.provider == *provider)
    }
}

/// Returns the forms that a kind has at any side.
fn forms(sides: &[Side]) -> Vec<&'static str> {
    let mut forms = Vec::new();
    for table in sides.iter().flat_map(|side| side.capability.variants) {
        if let Some(form) = table.variant.filter(|form| !forms.contains(form)) {
            forms.push(form);
        }
    }
    forms
}

/// Returns the plans of the fields that at least two sides have, in one form or in any. What
/// refers to a kind that is not kept in step leads nowhere.
fn fields(flow: &Flow, kinds: &[ObjectKind], form: Option<&str>, sides: &[Side]) -> Vec<FieldPlan> {
    let mut plans = Vec::new();
    for spec in crm_core::schema::fields(flow.kind) {
        let rule = |side: &Side| match form {
            Some(form) => side.capability.rule_of(Some(form), spec.field),
            None => side.capability.rule(spec.field),
        };
        let rules: Vec<_> = sides.iter().map(rule).collect();
        let held = rules.iter().flatten().count();
        let named = |fields: &Vec<Field>| fields.contains(&spec.field);
        // What a record is cannot be left out.
        let wanted = spec.field == Field::TYPE || flow.fields.as_ref().map_or(!spec.opt_in, named);
        let leads = spec.ty.refers_to().is_none_or(|kind| kinds.contains(&kind));
        let direction = flow.field_direction.get(&spec.field).copied().unwrap_or(flow.direction);
        if held >= 2 && wanted && leads && direction != Direction::Nowhere {
            plans.push(FieldPlan {
                field: spec.field,
                ty: spec.ty,
                policy: flow.field_policy.get(&spec.field).unwrap_or(&flow.policy).clone(),
                direction,
                allow_clear: flow.allow_clear.contains(&spec.field),
                rules,
            });
        }
    }
    plans
}
