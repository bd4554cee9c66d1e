//! The account: details, owners, pipelines.

use bytes::Bytes;
use http::{Method, Response};
use serde_json::{Value, json};

use super::Answer;
use super::fail::{Fail, json_response};
use super::kind::Kind;
use crate::fake::Call;

const EPOCH: &str = "1970-01-01T00:00:00Z";

/// A user who can own records, or could.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) id: String,
    pub(super) user_id: u64,
    pub(super) email: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    /// Whether the user was removed from the account.
    pub(super) archived: bool,
}

/// A stage of a pipeline of deals.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    id: String,
    label: String,
    /// As pipelines show it.
    probability: String,
    /// As deals show it: the full expansion of the binary number.
    expanded: String,
    closed: Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closed {
    Open,
    Won,
    Lost,
}

#[derive(Clone, Debug)]
struct Pipeline {
    id: String,
    label: String,
    stages: Vec<Stage>,
}

/// What an account is set up with.
#[derive(Debug)]
pub(super) struct Account {
    owners: Vec<Owner>,
    pipelines: Vec<Pipeline>,
}

/// Id, user number, address, names, whether removed. Owner and user numbers come from different
/// series, but may be equal.
const OWNERS: [(&str, u64, &str, &str, &str, bool); 4] = [
    ("70001", 1_001, "ines.faria@sales.example", "Inês", "Faria", false),
    ("70002", 1_002, "oskar.lind@sales.example", "Oskar", "Lind", false),
    ("1003", 1_003, "mei.tan@sales.example", "Mei", "Tan", false),
    ("70009", 1_009, "rosa.klein@sales.example", "Rosa", "Klein", true),
];

/// Stage, label, probability.
const STAGES: [(&str, &str, &str); 7] = [
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
];

const LIFECYCLE: [(&str, &str); 8] = [
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Sales Qualified Lead"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
    ("evangelist", "Evangelist"),
    ("other", "Other"),
];

impl Stage {
    /// Returns a stage; a closed one is won if its probability is not zero.
    pub(super) fn new(id: &str, label: &str, probability: &str, closed: bool) -> Self {
        let zero = probability.trim_end_matches(['0', '.']).is_empty();
        let closed = match (closed, zero) {
            (false, _) => Closed::Open,
            (true, true) => Closed::Lost,
            (true, false) => Closed::Won,
        };
        let (id, label) = (id.to_owned(), label.to_owned());
        let expanded = expanded(probability);
        Self { id, label, probability: probability.to_owned(), expanded, closed }
    }

    fn to_json(&self, order: usize) -> Value {
        let closed = if self.closed == Closed::Open { "false" } else { "true" };
        let metadata = json!({ "isClosed": closed, "probability": self.probability });
        stage_json(&self.id, &self.label, order, &metadata)
    }

    /// Returns what a deal in the stage shows, by property.
    pub(super) fn shown(&self) -> [(&'static str, &str); 4] {
        let yes = |truth: bool| if truth { "true" } else { "false" };
        [
            ("hs_deal_stage_probability", &self.expanded),
            ("hs_is_closed", yes(self.closed != Closed::Open)),
            ("hs_is_closed_won", yes(self.closed == Closed::Won)),
            ("hs_is_closed_lost", yes(self.closed == Closed::Lost)),
        ]
    }
}

/// Returns a decimal fraction as deals show it: all digits of the nearest binary number.
fn expanded(probability: &str) -> String {
    let number: f64 = probability.parse().unwrap_or_default();
    let text = format!("{number:.55}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Default for Account {
    fn default() -> Self {
        let owner = |row: (&str, u64, &str, &str, &str, bool)| Owner {
            id: row.0.to_owned(),
            user_id: row.1,
            email: row.2.to_owned(),
            first_name: row.3.to_owned(),
            last_name: row.4.to_owned(),
            archived: row.5,
        };
        let stage = |(id, label, probability): (&str, &str, &str)| {
            Stage::new(id, label, probability, id.starts_with("closed"))
        };
        let pipeline = Pipeline {
            id: "default".to_owned(),
            label: "Sales Pipeline".to_owned(),
            stages: STAGES.into_iter().map(stage).collect(),
        };
        Self { owners: OWNERS.into_iter().map(owner).collect(), pipelines: vec![pipeline] }
    }
}

impl Account {
    /// Returns whether a record may be given to an owner of that id.
    pub(super) fn is_owner(&self, id: &str) -> bool {
        self.owners.iter().any(|owner| owner.id == id && !owner.archived)
    }

    /// Returns a stage of whatever pipeline, with the pipeline's id.
    pub(super) fn stage(&self, id: &str) -> Option<(&str, &Stage)> {
        self.pipelines.iter().find_map(|pipeline| {
            let stage = pipeline.stages.iter().find(|stage| stage.id == id)?;
            Some((pipeline.id.as_str(), stage))
        })
    }

    /// Returns whether there is such a pipeline.
    pub(super) fn is_pipeline(&self, id: &str) -> bool {
        self.pipelines.iter().any(|pipeline| pipeline.id == id)
    }

    /// Adds an owner, or makes a removed one active again.
    pub(super) fn add_owner(&mut self, owner: Owner) {
        self.owners.retain(|known| known.id != owner.id);
        self.owners.push(owner);
    }

    /// Removes an owner from the account; records keep the id.
    pub(super) fn retire(&mut self, id: &str) -> bool {
        let owner = self.owners.iter_mut().find(|owner| owner.id == id);
        owner.map(|owner| owner.archived = true).is_some()
    }

    /// Returns all owners for the control interface.
    pub(super) fn all_owners(&self) -> Value {
        Value::Array(self.owners.iter().map(owner_json).collect())
    }

    /// Adds a pipeline without stages.
    pub(super) fn add_pipeline(&mut self, id: String, label: String) {
        self.pipelines.push(Pipeline { id, label, stages: Vec::new() });
    }

    /// Adds a stage at the end of a pipeline; returns whether there is such a pipeline.
    pub(super) fn add_stage(&mut self, pipeline: &str, stage: Stage) -> bool {
        let found = self.pipelines.iter_mut().find(|known| known.id == pipeline);
        found.map(|pipeline| pipeline.stages.push(stage)).is_some()
    }

    /// Removes a stage; returns whether it was there.
    pub(super) fn remove_stage(&mut self, pipeline: &str, id: &str) -> bool {
        let Some(pipeline) = self.pipelines.iter_mut().find(|known| known.id == pipeline) else {
            return false;
        };
        let before = pipeline.stages.len();
        pipeline.stages.retain(|stage| stage.id != id);
        pipeline.stages.len() < before
    }

    /// Answers questions about owners.
    pub(super) fn owners(&self, call: &Call<'_>, rest: &[&str]) -> Answer {
        if call.method() != Method::GET {
            return Err(Fail::new(405, "Method Not Allowed"));
        }
        match rest {
            [] => Ok(self.owner_list(call)),
            [id] => {
                let by_user = call.query("idProperty") == Some("userId");
                let found = self.owners.iter().find(|owner| {
                    if by_user { owner.user_id.to_string() == *id } else { owner.id == *id }
                });
                let owner = found.ok_or_else(|| Fail::no_object(id))?;
                Ok(json_response(200, owner_json(owner).to_string()))
            }
            [_, ..] => Err(Fail::not_found()),
        }
    }

    fn owner_list(&self, call: &Call<'_>) -> Response<Bytes> {
        let number = |name: &str| call.query(name).and_then(|text| text.parse::<usize>().ok());
        let after = number("after").unwrap_or(0);
        let limit = number("limit").unwrap_or(100).clamp(1, 500);
        let archived = call.query("archived") == Some("true");
        let email = call.query("email");
        let fits = |owner: &&Owner| {
            owner.archived == archived && email.is_none_or(|email| email == owner.email)
        };
        let fitting: Vec<Value> = self.owners.iter().filter(fits).map(owner_json).collect();
        let page: Vec<&Value> = fitting.iter().skip(after).take(limit).collect();
        let mut body = json!({ "results": page });
        if after + limit < fitting.len() {
            let next = json!({ "next": { "after": (after + limit).to_string() } });
            if let Some(map) = body.as_object_mut() {
                map.insert("paging".to_owned(), next);
            }
        }
        json_response(200, body.to_string())
    }

    /// Answers questions about pipelines.
    pub(super) fn pipelines(&self, call: &Call<'_>, rest: &[&str]) -> Answer {
        let [kind, rest @ ..] = rest else {
            return Err(Fail::not_found());
        };
        if call.method() != Method::GET {
            return Err(Fail::new(405, "Method Not Allowed"));
        }
        let all: Vec<Value> = match Kind::in_path(kind)?.plural {
            "deals" => self.pipelines.iter().zip(0..).map(deal_pipeline).collect(),
            "contacts" => vec![contact_pipeline()],
            _ => Vec::new(),
        };
        let named = |wanted: &str| {
            let id = |row: &&Value| row.get("id").and_then(Value::as_str) == Some(wanted);
            all.iter().find(id).ok_or_else(Fail::not_found)
        };
        let body = match rest {
            [] => json!({ "results": all }),
            [wanted] => named(wanted)?.clone(),
            [wanted, "stages"] => json!({ "results": named(wanted)?.get("stages") }),
            [..] => return Err(Fail::not_found()),
        };
        Ok(json_response(200, body.to_string()))
    }
}

/// Answers what the account is.
pub(super) fn details(portal: u64) -> Response<Bytes> {
    let body = json!({
        "portalId": portal,
        "accountType": "STANDARD",
        "timeZone": "Europe/London",
        "companyCurrency": "USD",
        "additionalCurrencies": ["EUR", "GBP"],
        "utcOffset": "+00:00",
        "utcOffsetMilliseconds": 0,
        "uiDomain": "app.hubspot.example",
        "dataHostingLocation": "na1",
    });
    json_response(200, body.to_string())
}

fn owner_json(owner: &Owner) -> Value {
    json!({
        "id": owner.id,
        "email": owner.email,
        "type": "PERSON",
        "firstName": owner.first_name,
        "lastName": owner.last_name,
        "userId": (!owner.archived).then_some(owner.user_id),
        "userIdIncludingInactive": owner.user_id,
        "createdAt": "2025-03-03T09:00:00.120Z",
        "updatedAt": "2025-09-01T10:15:30.004Z",
        "archived": owner.archived,
    })
}

fn pipeline(id: &str, label: &str, order: usize, stages: &[Value]) -> Value {
    json!({
        "label": label,
        "displayOrder": order,
        "id": id,
        "stages": stages,
        "createdAt": EPOCH,
        "updatedAt": EPOCH,
        "archived": false,
    })
}

fn stage_json(id: &str, label: &str, order: usize, metadata: &Value) -> Value {
    json!({
        "label": label,
        "displayOrder": order,
        "metadata": metadata,
        "id": id,
        "createdAt": EPOCH,
        "updatedAt": EPOCH,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        "archived": false,
    })
}

fn deal_pipeline((row, order): (&Pipeline, usize)) -> Value {
    let stages = row.stages.iter().zip(0..).map(|(stage, order)| stage.to_json(order));
    pipeline(&row.id, &row.label, order, &stages.collect::<Vec<_>>())
}

fn contact_pipeline() -> Value {
    let stages = LIFECYCLE.iter().zip(0..).map(|((id, label), order)| {
        stage_json(id, label, order, &json!({ "isClosed": "false", "state": "OPEN" }))
    });
    let stages = stages.collect::<Vec<_>>();
    pipeline("contacts-lifecycle-pipeline", "Lifecycle Stage Pipeline", 0, &stages)
}
