//! What a person, or the vendor's support, needs to know of a write that was refused. It holds
//! names of fields and never their values.

use crm_core::Field;
use serde::{Deserialize, Serialize};

/// The circumstances of a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The class of the refusal of a field, where its connection told one.
    #[serde(rename = "k", skip_serializing_if = "Option::is_none", default)]
    pub class: Option<String>,
    /// The vendor's own code.
    #[serde(rename = "c", skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// The HTTP status.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// The vendor's id of the request.
    #[serde(rename = "q", skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
    /// What was asked for: `create contact`.
    #[serde(rename = "e", skip_serializing_if = "Option::is_none", default)]
    pub endpoint: Option<String>,
    /// The fields of the request.
    #[serde(rename = "f", skip_serializing_if = "Vec::is_empty", default)]
    pub fields: Vec<Field>,
    /// How often it was refused in a row.
    #[serde(rename = "n", skip_serializing_if = "is_zero", default)]
    pub attempts: u32,
    /// Whether a person does not want to see it any more.
    #[serde(rename = "d", skip_serializing_if = "std::ops::Not::not", default)]
    pub dismissed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}
