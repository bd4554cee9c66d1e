//! What a company is set up with: users, pipelines, stages, currencies, types of activity, fields.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Setup;
use super::kind::{KINDS, Kind};

const MADE: &str = "2024-02-01T08:00:00Z";

#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) active: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) pipeline: u64,
}

/// A field that the company made.
#[derive(Clone, Debug)]
pub(super) struct Custom {
    pub(super) name: String,
    /// Forty hexadecimal digits, which differ from company to company.
    pub(super) code: String,
    pub(super) ty: String,
    pub(super) options: Vec<(u64, String)>,
}

#[derive(Debug)]
pub(super) struct Office {
    pub(super) users: Vec<User>,
    pub(super) pipelines: Vec<(u64, String)>,
    pub(super) stages: Vec<Stage>,
    /// By the type of record.
    pub(super) customs: BTreeMap<&'static str, Vec<Custom>>,
    company: u64,
    next_option: u64,
}

/// The one who owns the token, and to whom new records belong.
pub(super) const SELF: u64 = 501;
pub(super) const CURRENCIES: [&str; 4] = ["EUR", "GBP", "USD", "SEK"];
pub(super) const TYPES: [(&str, &str); 6] = [
    ("call", "Call"),
    ("meeting", "Meeting"),
    ("task", "Task"),
    ("deadline", "Deadline"),
    ("email", "Email"),
    ("lunch", "Lunch"),
];
const PREPARED: [(&str, &str, &str); 13] = [
    ("organizations", "CRM sync id", "varchar"),
    ("organizations", "Domain", "varchar"),
    ("organizations", "Phone", "varchar"),
    ("organizations", "Description", "text"),
    ("persons", "CRM sync id", "varchar"),
    ("persons", "CRM sync name", "varchar"),
    ("persons", "Job title", "varchar"),
    ("persons", "Street", "varchar"),
    ("persons", "City", "varchar"),
    ("persons", "State", "varchar"),
    ("persons", "Postal code", "varchar"),
    ("persons", "Country", "varchar"),
    ("deals", "CRM sync id", "varchar"),
];

impl Office {
    pub(super) fn new(company: u64, setup: Setup) -> Self {
        let user = |(id, name, email, active): (u64, &str, &str, bool)| User {
            id,
            name: name.to_owned(),
            email: email.to_owned(),
            active,
        };
        let stage = |(id, name): (u64, &str)| Stage { id, name: name.to_owned(), pipeline: 1 };
        let mut office = Self {
            users: [
                (SELF, "Nora Vik", "nora.vik@sales.example", true),
                (502, "Tomas Brand", "tomas.brand@sales.example", true),
                (509, "Lea Roth", "lea.roth@sales.example", false),
            ]
            .map(user)
            .into(),
            pipelines: vec![(1, "Pipeline".to_owned())],
            stages: [
                (1, "Qualified"),
                (2, "Contact Made"),
                (3, "Demo Scheduled"),
                (4, "Proposal Made"),
                (5, "Negotiations Started"),
            ]
            .map(stage)
            .into(),
            customs: BTreeMap::new(),
            company,
            next_option: 20,
        };
        if setup == Setup::Prepared {
            for (kind, name, ty) in PREPARED.into_iter().chain([("deals", "Description", "text")]) {
                if let Some(kind) = Kind::named(kind) {
                    office.add_custom(kind, name, ty, &[]);
                }
            }
        }
        office
    }

    /// Makes a field and returns its code.
    pub(super) fn add_custom(
        &mut self,
        kind: &'static Kind,
        name: &str,
        ty: &str,
        labels: &[String],
    ) -> String {
        let code = code(&format!("{} {} {name}", self.company, kind.plural));
        let options = labels.iter().map(|label| {
            self.next_option += 1;
            (self.next_option, label.clone())
        });
        let options = options.collect();
        let custom =
            Custom { name: name.to_owned(), code: code.clone(), ty: ty.to_owned(), options };
        self.customs.entry(kind.plural).or_default().push(custom);
        code
    }

    pub(super) fn customs(&self, kind: &Kind) -> &[Custom] {
        self.customs.get(kind.plural).map_or(&[], Vec::as_slice)
    }

    pub(super) fn custom_named(&self, kind: &Kind, name: &str) -> Option<&Custom> {
        self.customs(kind).iter().find(|custom| custom.name == name)
    }

    pub(super) fn custom(&self, kind: &Kind, code: &str) -> Option<&Custom> {
        self.customs(kind).iter().find(|custom| custom.code == code)
    }

    /// Returns the pipeline of a stage.
    pub(super) fn pipeline_of(&self, stage: u64) -> Option<u64> {
        self.stages.iter().find(|known| known.id == stage).map(|known| known.pipeline)
    }

    pub(super) fn first_stage(&self, pipeline: u64) -> Option<u64> {
        self.stages.iter().find(|known| known.pipeline == pipeline).map(|known| known.id)
    }

    pub(super) fn may_own(&self, id: u64) -> bool {
        self.users.iter().any(|user| user.id == id && user.active)
    }

    pub(super) fn users_json(&self) -> Value {
        Value::Array(self.users.iter().map(|user| self.user_json(user)).collect())
    }

    pub(super) fn me_json(&self, domain: &str) -> Value {
        let me = self.users.iter().find(|user| user.id == SELF);
        let mut row = me.map_or(Value::Null, |me| self.user_json(me));
        if let Value::Object(members) = &mut row {
            members.insert("company_id".to_owned(), json!(self.company));
            members.insert("company_name".to_owned(), json!("Oakfield Example"));
            members.insert("company_domain".to_owned(), json!(domain));
            members.insert("company_country".to_owned(), json!("SE"));
            let language = json!({ "language_code": "en", "country_code": "US" });
            members.insert("language".to_owned(), language);
        }
        row
    }

    fn user_json(&self, user: &User) -> Value {
        json!({
            "id": user.id,
            "name": user.name,
            "email": user.email,
            "active_flag": user.active,
            "is_deleted": !user.active,
            "is_admin": u8::from(user.id == SELF),
            "is_you": user.id == SELF,
            "role_id": 1,
            "company_id": self.company,
            "default_currency": "EUR",
            "locale": "en_US",
            "timezone_name": "Europe/Stockholm",
            "created": "2024-02-01 08:00:00",
            "modified": "2026-11-02 08:00:00",
            "last_login": "2026-11-23 08:00:00",
        })
    }

    pub(super) fn pipeline_rows(&self) -> Vec<Value> {
        let row = |(place, (id, name)): (usize, &(u64, String))| {
            json!({
                "id": id, "name": name, "order_nr": place + 1, "is_deleted": false,
                "is_deal_probability_enabled": true, "add_time": MADE, "update_time": MADE,
            })
        };
        self.pipelines.iter().enumerate().map(row).collect()
    }

    pub(super) fn stage_rows(&self, pipeline: Option<&str>) -> Vec<Value> {
        let asked = |stage: &&Stage| pipeline.is_none_or(|id| stage.pipeline.to_string() == id);
        let row = |(place, stage): (usize, &Stage)| {
            json!({
                "id": stage.id, "name": stage.name, "order_nr": place + 1,
                "pipeline_id": stage.pipeline, "deal_probability": 100,
                "is_deal_rot_enabled": false, "days_to_rotten": null, "is_deleted": false,
                "add_time": MADE, "update_time": MADE,
            })
        };
        self.stages.iter().filter(asked).enumerate().map(row).collect()
    }

    /// Returns the fields of a type of record: the vendor's and the company's.
    pub(super) fn field_rows(&self, kind: &Kind) -> Vec<Value> {
        let own = kind.members.iter().map(|member| {
            json!({
                "field_name": member.name, "field_code": member.name, "description": null,
                "field_type": "varchar", "options": null, "subfields": null,
                "is_custom_field": false, "is_optional_response_field": false,
            })
        });
        own.chain(self.customs(kind).iter().map(field_json)).collect()
    }
}

pub(super) fn field_json(custom: &Custom) -> Value {
    let option = |(id, label): &(u64, String)| json!({ "id": id, "label": label, "color": null });
    let options: Vec<Value> = custom.options.iter().map(option).collect();
    let listed = matches!(custom.ty.as_str(), "enum" | "set");
    json!({
        "field_name": custom.name, "field_code": custom.code, "description": null,
        "field_type": custom.ty, "options": if listed { json!(options) } else { Value::Null },
        "subfields": null, "is_custom_field": true, "is_optional_response_field": false,
    })
}

pub(super) fn currency_rows() -> Vec<Value> {
    let row = |(place, code): (usize, &str)| {
        json!({
            "id": place + 1, "code": code, "name": code, "decimal_points": 2, "symbol": code,
            "active_flag": true, "is_custom_flag": false,
        })
    };
    CURRENCIES.into_iter().enumerate().map(row).collect()
}

pub(super) fn type_rows() -> Vec<Value> {
    let row = |(place, (key, name)): (usize, (&str, &str))| {
        json!({
            "id": place + 1, "order_nr": place + 1, "name": name, "key_string": key,
            "icon_key": key, "active_flag": true, "color": "FFFFFF", "is_custom_flag": false,
            "add_time": "2024-02-01 08:00:00", "update_time": null,
        })
    };
    TYPES.into_iter().enumerate().map(row).collect()
}

/// Returns the type whose field definitions a path segment names.
pub(super) fn kind_of_fields(segment: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.fields == segment)
}

/// Spreads a text over forty hexadecimal digits.
fn code(text: &str) -> String {
    let hash = |basis: u64| {
        text.bytes()
            .fold(basis, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    };
    let (a, b, c) =
        (hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4), hash(0x1234_5678_9abc_def1));
    format!("{a:016x}{b:016x}{:08x}", c & 0xffff_ffff)
}
