//! What the table alone cannot say: users, stages, and the ties of deals and activities, between
//! the vendor's ids and our words. Pure: what is known of the org comes as an argument.

use crm_core::mapping::{Row, Scalar};
use crm_core::{
    ErrorKind, Field, FieldRule, FieldType, Metadata, Normalizer, ObjectKind, Patch, ProviderError,
    Ref, RemoteId, Result, Value, Wire,
};
use serde_json::{Map, Value as Json, json};

use crate::table::{KIN, PIPELINE, WHAT, column};

/// The stage of a deal.
pub(crate) const STAGE: &str = "Stage";
const ACCOUNTS: &str = "Accounts";
const DEALS: &str = "Deals";

const STAGE_HINT: &str = "name one in `stages` of the connection, in crm.toml";
const OWNER_HINT: &str =
    "give the user in Zoho this e-mail address (Setup, Users), or leave `owner` out";

/// What a row says of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing that takes part.
    Nothing,
    /// That it is blank.
    Blank,
    /// Its value.
    Held(Value),
}

impl Said {
    fn of(value: Option<Value>) -> Self {
        value.map_or(Self::Nothing, Self::Held)
    }
}

/// Returns what a row says of a field that the table alone cannot read.
pub(crate) fn said(
    rule: &FieldRule,
    variant: Option<&str>,
    row: &Row<'_>,
    metadata: &Metadata,
    normalizer: Normalizer,
) -> Said {
    let text = || row.text(column(rule)?);
    match rule.wire {
        Wire::Variant => Said::of(variant.map(|name| Value::Choice(name.into()))),
        Wire::Owner => {
            // A user whom nobody has told us of says nothing.
            let owner = text().and_then(|id| metadata.owner(id));
            Said::of(owner.and_then(|owner| normalizer.text(FieldType::Email, &owner.email)))
        }
        Wire::Stage => {
            let stage = text().and_then(|id| metadata.stage(None, id));
            Said::of(stage.and_then(|stage| stage.ours.clone()).map(Value::Choice))
        }
        Wire::Related => {
            let held = column(rule).and_then(|name| row.get(name));
            held.map_or(Said::Nothing, |held| tie(rule, held, row.text(KIN)))
        }
        Wire::Text
        | Wire::Number
        | Wire::NumberText
        | Wire::Bool
        | Wire::BoolText
        | Wire::Date
        | Wire::Instant
        | Wire::Choice(_)
        | Wire::Day
        | Wire::Id => Said::Nothing,
    }
}

/// Returns what a tie says of one of the fields that share its column. One to a module that we do
/// not keep says nothing.
fn tie(rule: &FieldRule, held: &Scalar<'_>, module: Option<&str>) -> Said {
    let id = match held {
        Scalar::Text(id) if !id.is_empty() => &**id,
        Scalar::Text(_) | Scalar::Null => return Said::Blank,
        Scalar::Bool(_) | Scalar::Integer(_) | Scalar::Number(_) | Scalar::Nested => {
            return Said::Nothing;
        }
    };
    let to = |kind| Value::Ref(Ref::Remote(kind, id.into()));
    match (rule.ty.refers_to(), module) {
        (Some(ObjectKind::Contact), _) => Said::Held(Value::List(vec![to(ObjectKind::Contact)])),
        (Some(ObjectKind::Company), Some(ACCOUNTS)) => Said::Held(to(ObjectKind::Company)),
        (Some(ObjectKind::Deal), Some(DEALS)) => Said::Held(to(ObjectKind::Deal)),
        (Some(ObjectKind::Deal), Some(ACCOUNTS)) => Said::Blank,
        // The company of a deal's task is the deal's: nobody wrote it here.
        (Some(ObjectKind::Company | ObjectKind::Deal | ObjectKind::Activity) | None, _) => {
            Said::Nothing
        }
    }
}

/// What is known of a record before it is changed; read only where a change depends on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Present {
    /// The vendor's stage.
    pub(crate) stage: Option<String>,
    /// The pipeline of the stage.
    pub(crate) pipeline: Option<String>,
    /// The module of what an activity is about.
    pub(crate) kin: Option<String>,
}

/// A change of fields that the room translates.
#[derive(Debug)]
pub(crate) struct Translation<'a> {
    pub(crate) metadata: &'a Metadata,
    pub(crate) present: Present,
    /// The patch, where there is one: it knows what a set was before.
    pub(crate) patch: Option<&'a Patch>,
    pub(crate) members: Map<String, Json>,
}

impl Translation<'_> {
    /// Adds the members for a field; `None` clears it.
    pub(crate) fn add(&mut self, rule: &FieldRule, value: Option<&Value>) -> Result<()> {
        let Some(name) = column(rule) else { return Ok(()) };
        match rule.wire {
            Wire::Owner => {
                let id = self.owner(rule.field, value)?;
                self.members.insert(name.to_owned(), json!({ "id": id }));
            }
            Wire::Stage => self.stage(rule.field, value)?,
            Wire::Related if name == WHAT => self.what(rule, value)?,
            Wire::Related => self.person(name, rule.field, value)?,
            Wire::Text
            | Wire::Number
            | Wire::NumberText
            | Wire::Bool
            | Wire::BoolText
            | Wire::Date
            | Wire::Instant
            | Wire::Choice(_)
            | Wire::Day
            | Wire::Id
            | Wire::Variant => {}
        }
        Ok(())
    }

    fn owner(&self, field: Field, value: Option<&Value>) -> Result<String> {
        let Some(Value::Text(email)) = value else {
            let message = "a record in Zoho always has an owner";
            return Err(refused(field, message).with_hint("leave `owner` out, or set one"));
        };
        let owner = self.metadata.owner_of(email.key()).ok_or_else(|| {
            refused(field, "no user of the org has the owner's e-mail address")
                .with_hint(OWNER_HINT)
        })?;
        if !owner.active {
            let message = "the owner is a user who is no longer active in the org";
            return Err(refused(field, message).with_hint(OWNER_HINT));
        }
        Ok(owner.id.to_string())
    }

    /// Adds the vendor's stage; none where the present one stands for ours already. A new deal
    /// gets its pipeline too.
    fn stage(&mut self, field: Field, value: Option<&Value>) -> Result<()> {
        let Some(ours) = value.and_then(Value::as_str) else {
            return Err(refused(field, "a deal in Zoho always has a stage"));
        };
        let known = self.present.stage.as_deref();
        let known = known.and_then(|id| self.metadata.stage(None, id));
        if known.is_some_and(|stage| stage.ours.as_deref() == Some(ours)) {
            return Ok(());
        }
        let pipelines = self.metadata.pipelines.as_deref().unwrap_or_default();
        let own = self.present.pipeline.as_deref();
        let own = pipelines.iter().find(|pipeline| Some(&*pipeline.id) == own);
        let pipeline = own.or(pipelines.first()).map(|pipeline| &*pipeline.id);
        let stage = self.metadata.stage_for(pipeline, ours).ok_or_else(|| {
            let message = format!("no stage of the org stands for `{ours}`");
            refused(field, &message).with_hint(STAGE_HINT)
        })?;
        self.members.insert(STAGE.to_owned(), json!(&*stage.id));
        if let (None, Some(pipeline)) = (self.patch, pipeline.filter(|id| !id.is_empty())) {
            self.members.insert(PIPELINE.to_owned(), json!(pipeline));
        }
        Ok(())
    }

    /// One person at most: the one who is there stays while the set still holds them.
    fn person(&mut self, name: &str, field: Field, value: Option<&Value>) -> Result<()> {
        let wanted = value.map_or(&[][..], Value::members);
        let come = self.patch.map(|patch| patch.members(field).0);
        let stays = come.is_some_and(|come| wanted.iter().any(|one| !come.contains(&one)));
        if stays {
            return Ok(());
        }
        let id = wanted.first().map(|first| remote(field, first)).transpose()?;
        self.members.insert(name.to_owned(), lookup(id));
        Ok(())
    }

    /// A deal goes before a company, whose tie to the deal says the same.
    fn what(&mut self, rule: &FieldRule, value: Option<&Value>) -> Result<()> {
        let id = value.map(|value| remote(rule.field, value)).transpose()?;
        let is_deal = rule.ty.refers_to() == Some(ObjectKind::Deal);
        let own = if is_deal { DEALS } else { ACCOUNTS };
        // A patch that says something of the deal has the last word.
        let decided = !is_deal && self.patch.is_some_and(|patch| patch.contains(Field::DEAL));
        let held = self.present.kin.as_deref().filter(|_| !decided);
        let planned = self.members.get(KIN).and_then(Json::as_str);
        let set = match id {
            Some(_) if is_deal => true,
            Some(_) => planned.or(held) != Some(DEALS),
            // What another field put there is not ours to clear.
            None => planned.is_none() && held.is_none_or(|held| held == own),
        };
        if set {
            self.members.insert(WHAT.to_owned(), lookup(id));
            if id.is_some() {
                self.members.insert(KIN.to_owned(), json!(own));
            }
        }
        Ok(())
    }
}

/// Returns how a tie is written.
pub(crate) fn lookup(id: Option<&RemoteId>) -> Json {
    id.map_or(Json::Null, |id| json!({ "id": id.as_str() }))
}

/// Returns the id that a reference to a record of this org names.
pub(crate) fn remote(field: Field, value: &Value) -> Result<&RemoteId> {
    match value.as_reference() {
        Some(Ref::Remote(_, id)) => Ok(id),
        Some(Ref::Entity(_)) | None => {
            Err(refused(field, "the record that it refers to is not in Zoho yet"))
        }
    }
}

fn refused(field: Field, message: &str) -> ProviderError {
    let message = format!("`{field}` cannot be written: {message}");
    ProviderError::new(ErrorKind::Validation { field: Some(field) }, message)
        .with_operation(crm_core::Operation::Apply)
}
