//! The account: details, owners, pipelines.

use bytes::Bytes;
use http::{Method, Response};
use serde_json::{Value, json};

use super::Answer;
use super::fail::{Fail, json_response};
use super::kind::Kind;

struct Owner {
    id: &'static str,
    user_id: u64,
    email: &'static str,
    first_name: &'static str,
    last_name: &'static str,
}

const OWNERS: [Owner; 3] = [
    Owner {
        id: "70001",
        user_id: 1_001,
        email: "ines.faria@sales.example",
        first_name: "Inês",
        last_name: "Faria",
    },
    Owner {
        id: "70002",
        user_id: 1_002,
        email: "oskar.lind@sales.example",
        first_name: "Oskar",
        last_name: "Lind",
    },
    // Owner and user numbers come from different series, but may be equal.
    Owner {
        id: "1003",
        user_id: 1_003,
        email: "mei.tan@sales.example",
        first_name: "Mei",
        last_name: "Tan",
    },
];

/// Stage, label, probability as pipelines show it, and as deals show it.
const STAGES: [(&str, &str, &str, &str); 7] = [
    (
        "appointmentscheduled",
        "Appointment Scheduled",
        "0.2",
        "0.2000000000000000111022302462515654",
    ),
    ("qualifiedtobuy", "Qualified To Buy", "0.4", "0.40000000000000002220446049250313080"),
    (
        "presentationscheduled",
        "Presentation Scheduled",
        "0.6",
        "0.59999999999999997779553950749686",
    ),
    (
        "decisionmakerboughtin",
        "Decision Maker Bought-In",
        "0.8",
        "0.8000000000000000444089209850062",
    ),
    ("contractsent", "Contract Sent", "0.9", "0.90000000000000002220446049250313080"),
    ("closedwon", "Closed Won", "1.0", "1"),
    ("closedlost", "Closed Lost", "0.0", "0"),
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

const EPOCH: &str = "1970-01-01T00:00:00Z";

/// Returns a deal stage's probability as deals show it.
pub(super) fn probability(stage: &str) -> Option<&'static str> {
    STAGES.iter().find(|row| row.0 == stage).map(|row| row.3)
}

/// Returns whether an id is an owner's.
pub(super) fn is_owner(id: &str) -> bool {
    OWNERS.iter().any(|owner| owner.id == id)
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

/// Answers questions about owners.
pub(super) fn owners(call: &crate::fake::Call<'_>, rest: &[&str]) -> Answer {
    if call.method() != Method::GET {
        return Err(Fail::new(405, "Method Not Allowed"));
    }
    match rest {
        [] => Ok(owner_list(call)),
        [id] => {
            let by_user = call.query("idProperty") == Some("userId");
            let found = OWNERS.iter().find(|owner| {
                if by_user { owner.user_id.to_string() == *id } else { owner.id == *id }
            });
            let owner = found.ok_or_else(|| Fail::no_object(id))?;
            Ok(json_response(200, owner_json(owner).to_string()))
        }
        [_, ..] => Err(Fail::not_found()),
    }
}

fn owner_list(call: &crate::fake::Call<'_>) -> Response<Bytes> {
    let after = call.query("after").and_then(|after| after.parse::<usize>().ok()).unwrap_or(0);
    let limit = call.query("limit").and_then(|limit| limit.parse::<usize>().ok());
    let limit = limit.unwrap_or(100).clamp(1, 500);
    let archived = call.query("archived") == Some("true");
    let fitting: Vec<Value> = OWNERS
        .iter()
        .filter(|owner| !archived && call.query("email").is_none_or(|email| email == owner.email))
        .map(owner_json)
        .collect();
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

fn owner_json(owner: &Owner) -> Value {
    json!({
        "id": owner.id,
        "email": owner.email,
        "type": "PERSON",
        "firstName": owner.first_name,
        "lastName": owner.last_name,
        "userId": owner.user_id,
        "userIdIncludingInactive": owner.user_id,
        "createdAt": "2025-03-03T09:00:00.120Z",
        "updatedAt": "2025-09-01T10:15:30.004Z",
        "archived": false,
    })
}

/// Answers questions about pipelines.
pub(super) fn pipelines(call: &crate::fake::Call<'_>, rest: &[&str]) -> Answer {
    let [kind, rest @ ..] = rest else {
        return Err(Fail::not_found());
    };
    if call.method() != Method::GET {
        return Err(Fail::new(405, "Method Not Allowed"));
    }
    let pipeline = match Kind::in_path(kind)?.plural {
        "deals" => Some(deal_pipeline()),
        "contacts" => Some(contact_pipeline()),
        _ => None,
    };
    let id = pipeline.as_ref().and_then(|pipeline| pipeline.get("id")).and_then(Value::as_str);
    let body = match rest {
        [] => json!({ "results": pipeline.into_iter().collect::<Vec<_>>() }),
        [wanted] if id == Some(wanted) => json!(pipeline),
        [wanted, "stages"] if id == Some(wanted) => {
            let stages = pipeline.as_ref().and_then(|pipeline| pipeline.get("stages"));
            json!({ "results": stages })
        }
        [..] => return Err(Fail::not_found()),
    };
    Ok(json_response(200, body.to_string()))
}

fn pipeline(id: &str, label: &str, stages: &[Value]) -> Value {
    json!({
        "label": label,
        "displayOrder": 0,
        "id": id,
        "stages": stages,
        "createdAt": EPOCH,
        "updatedAt": EPOCH,
        "archived": false,
    })
}

fn stage(id: &str, label: &str, order: i32, metadata: &Value) -> Value {
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

fn deal_pipeline() -> Value {
    let stages = STAGES.iter().zip(0..).map(|((id, label, probability, _), order)| {
        let closed = if id.starts_with("closed") { "true" } else { "false" };
        stage(id, label, order, &json!({ "isClosed": closed, "probability": probability }))
    });
    pipeline("default", "Sales Pipeline", &stages.collect::<Vec<_>>())
}

fn contact_pipeline() -> Value {
    let stages = LIFECYCLE.iter().zip(0..).map(|((id, label), order)| {
        stage(id, label, order, &json!({ "isClosed": "false", "state": "OPEN" }))
    });
    let stages = stages.collect::<Vec<_>>();
    pipeline("contacts-lifecycle-pipeline", "Lifecycle Stage Pipeline", &stages)
}
