//! The org's duplicate rule: two people with one e-mail address.

use serde_json::{Value, json};

use super::super::describe::Kind;
use super::super::problem::Problem;

const MESSAGE: &str =
    "You're creating a duplicate record. We recommend you use an existing record instead.";

/// What the duplicate rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateRule {
    /// There is none.
    #[default]
    Off,
    /// It stops a write unless the request allows it.
    Alert,
    /// It stops every such write.
    Block,
}

/// Whether a request allows duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Saving {
    Careful,
    Allowed,
}

impl DuplicateRule {
    pub(super) fn blocks(self, saving: Saving) -> bool {
        match self {
            Self::Off => false,
            Self::Alert => saving == Saving::Careful,
            Self::Block => true,
        }
    }

    pub(super) fn problem(self, kind: &Kind, ids: &[String]) -> Problem {
        let name = kind.name;
        let matches: Vec<Value> = ids
            .iter()
            .map(|id| {
                json!({
                    "additionalInformation": [],
                    "fieldDiffs": [],
                    "matchConfidence": 100.0,
                    "record": {
                        "attributes": {
                            "type": name,
                            "url": format!("/services/data/v67.0/sobjects/{name}/{id}"),
                        },
                        "Id": id,
                    },
                })
            })
            .collect();
        let found = json!({
            "allowSave": self == Self::Alert,
            "duplicateRule": format!("Same_Email_{name}"),
            "duplicateRuleEntityType": name,
            "errorMessage": MESSAGE,
            "matchResults": [{
                "entityType": name,
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "matchRecords": matches,
                "rule": format!("Email_{name}"),
                "size": ids.len(),
                "success": true,
            }],
        });
        let mut problem = Problem::new("DUPLICATES_DETECTED", MESSAGE);
        problem.duplicates = Some(found);
        problem
    }
}
