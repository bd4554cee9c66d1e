//! What an account is set up with: users, pipelines, currencies, fields of its own.

use serde_json::{Map, Value, json};

use super::fail::Fail;
use super::{body, time};

/// A user.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) disabled: bool,
}

/// A stage of a pipeline.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) fixed: u8,
    pub(super) probability: u32,
    /// The number of its pipeline.
    pub(super) pipeline: u64,
}

/// A pipeline.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) id: u64,
    pub(super) name: String,
}

/// A field of the account's own.
#[derive(Clone, Debug)]
pub(super) struct Custom {
    pub(super) id: u64,
    /// `accounts`, `contacts` or `opportunities`.
    pub(super) class: String,
    pub(super) name: String,
    pub(super) api_field: String,
    /// The number of its type.
    pub(super) ty: u64,
    pub(super) required: bool,
    pub(super) enabled: bool,
    pub(super) archived: bool,
    pub(super) options: Vec<(u64, String)>,
    pub(super) pipeline: Option<u64>,
}

/// The types that a field may have: number, name, label, JSON type.
pub(super) const TYPES: [(u64, &str, &str, &str); 6] = [
    (1, "text", "Text", "string"),
    (2, "number", "Number", "number"),
    (3, "date", "Date", "date"),
    (4, "checkbox", "Checkbox", "boolean"),
    (5, "select", "Dropdown", "object"),
    (6, "url", "URL", "string"),
];
/// What the account's currencies are.
const CURRENCIES: [(u64, &str, &str); 3] =
    [(1, "USD", "&#36;"), (2, "EUR", "&#8364;"), (3, "GBP", "&#163;")];
/// The classes of records that may have fields of their own.
pub(super) const CLASSES: [&str; 3] = ["accounts", "contacts", "opportunities"];
/// Numbers of the first account; others begin elsewhere.
const TEAM: u64 = 4_400;

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct Office {
    pub(super) team: u64,
    pub(super) users: Vec<User>,
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) stages: Vec<Stage>,
    pub(super) customs: Vec<Custom>,
    /// Names of tags with their numbers.
    pub(super) tags: Vec<(u64, String)>,
    next: u64,
}

impl Office {
    /// Returns the office of a new account.
    pub(super) fn new(nth: u64) -> Self {
        let user = |id: u64, name: &str, disabled| User {
            id,
            name: name.to_owned(),
            email: format!("{}@sales.example", name.to_lowercase().replace(' ', ".")),
            disabled,
        };
        let stage = |id, name: &str, fixed, probability, pipeline| Stage {
            id,
            name: name.to_owned(),
            fixed,
            probability,
            pipeline,
        };
        Self {
            team: TEAM + nth,
            users: vec![
                user(31, "Ana Roy", false),
                user(32, "Oskar Lind", false),
                user(33, "Mei Tan", false),
                user(39, "Rosa Klein", true),
            ],
            pipelines: vec![
                Pipeline { id: 76, name: "Default".to_owned() },
                Pipeline { id: 77, name: "Renewals".to_owned() },
            ],
            stages: vec![
                stage(481, "Lead", 0, 10, 76),
                stage(482, "Contacted", 0, 20, 76),
                stage(483, "Qualified", 0, 40, 76),
                stage(484, "Proposal made", 0, 60, 76),
                stage(485, "Won", 1, 100, 76),
                stage(486, "Lost", 2, 0, 76),
                stage(491, "Lead", 0, 10, 77),
                stage(492, "Qualified", 0, 40, 77),
                stage(493, "Proposal made", 0, 70, 77),
                stage(494, "Won", 1, 100, 77),
                stage(495, "Lost", 2, 0, 77),
            ],
            customs: Vec::new(),
            tags: Vec::new(),
            next: 3_300,
        }
    }

    /// Returns a number that nothing has.
    pub(super) fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Returns the user whose key is used.
    pub(super) fn me(&self) -> Option<&User> {
        self.users.first()
    }

    /// Returns a user.
    pub(super) fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id.to_string() == id)
    }

    /// Returns a stage.
    pub(super) fn stage(&self, id: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id.to_string() == id)
    }

    /// Returns a currency by its number: number, code, sign.
    pub(super) fn currency(id: &str) -> Option<(u64, &'static str, &'static str)> {
        CURRENCIES.into_iter().find(|(known, _, _)| known.to_string() == id)
    }

    /// Returns a field of the account's own.
    pub(super) fn custom(&self, class: &str, api_field: &str) -> Option<&Custom> {
        self.customs.iter().find(|field| field.class == class && field.api_field == api_field)
    }

    /// Makes a field of the account's own.
    pub(super) fn add_custom(&mut self, class: &str, name: &str, ty: u64) -> u64 {
        let slug = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
        let api_field: String = name.trim().to_lowercase().chars().map(slug).collect();
        let id = self.fresh();
        self.customs.push(Custom {
            id,
            class: class.to_owned(),
            name: name.to_owned(),
            api_field,
            ty,
            required: false,
            enabled: true,
            archived: false,
            options: Vec::new(),
            pipeline: None,
        });
        id
    }

    /// Returns the number of a tag, making it at first use.
    pub(super) fn tag(&mut self, name: &str) -> u64 {
        if let Some((id, _)) = self.tags.iter().find(|(_, known)| known == name) {
            return *id;
        }
        let id = self.fresh();
        self.tags.push((id, name.to_owned()));
        id
    }

    /// Shows all currencies.
    pub(super) fn shown_currencies() -> Value {
        CURRENCIES.into_iter().map(shown_currency).collect()
    }

    /// Shows a pipeline with its stages.
    pub(super) fn shown_pipeline(&self, pipeline: &Pipeline, at_ms: i64) -> Value {
        let stages = self.stages.iter().filter(|stage| stage.pipeline == pipeline.id);
        let stages: Vec<Value> =
            stages.enumerate().map(|(place, stage)| shown_stage(stage, place + 1)).collect();
        json!({
            "id": pipeline.id,
            "team": self.team,
            "name": pipeline.name,
            "currency": Self::currency("1").map(shown_currency),
            "follows_default_team_currency": true,
            "order": 1,
            "stages": stages,
            "groups": [],
            "recurring": false,
            "default_pipeline": self.pipelines.first().is_some_and(|first| first.id == pipeline.id),
            "expected_customer_lifetime_months": null,
            "standard_price_per_unit_annually": null,
            "standard_price_per_unit_monthly": null,
            "standard_price_per_unit_weekly": null,
            "standard_price_per_unit_daily": null,
            "archived": false,
            "creation_date": time::iso(at_ms),
            "modification_date": time::iso(at_ms),
        })
    }

    /// Shows a user.
    pub(super) fn shown_user(&self, user: &User, at_ms: i64) -> Value {
        json!({
            "id": user.id,
            "type": "user",
            "name": user.name,
            "email": user.email,
            "domain": user.email.split_once('@').map(|(_, domain)| domain),
            "picture": null,
            "disabled": user.disabled,
            "team": { "id": self.team, "name": "Alder Sales" },
            "phone_numbers": [],
            "positions": [],
            "addresses": [],
            "social_profiles": [],
            "tags": [],
            "creation_date": time::iso(at_ms),
            "modification_date": time::iso(at_ms),
        })
    }

    /// Shows who uses the key.
    pub(super) fn shown_me(&self, at_ms: i64) -> Value {
        let mut me = self.me().map_or(Value::Null, |user| self.shown_user(user, at_ms));
        if let Some(members) = me.as_object_mut() {
            members.insert("is_admin".to_owned(), json!(true));
            let team = json!({
                "id": self.team,
                "name": "Alder Sales",
                "plan": "pro",
                "subscribed": true,
                "currency": Self::currency("1").map(shown_currency),
                "days_until_account_inactive": 14,
                "time_zone": "Europe/Brussels",
                "creation_date": time::iso(at_ms),
            });
            members.insert("team".to_owned(), team);
        }
        me
    }
}

/// Shows a currency.
pub(super) fn shown_currency((id, iso, html): (u64, &str, &str)) -> Value {
    json!({ "id": id, "iso": iso, "html": html })
}

/// Shows a stage at its place in its pipeline.
pub(super) fn shown_stage(stage: &Stage, order: usize) -> Value {
    json!({
        "id": stage.id,
        "color": "51,153,255",
        "probability": stage.probability,
        "name": stage.name,
        "fixed_stage": stage.fixed,
        "days_until_account_inactive": null,
        "order": order,
    })
}

/// Shows a user as a record names one.
pub(super) fn shown_person(user: &User) -> Value {
    json!({
        "id": user.id,
        "picture": null,
        "name": user.name,
        "email": user.email,
        "disabled": user.disabled,
    })
}

impl Custom {
    /// Returns the name of its type.
    pub(super) fn ty_name(&self) -> &'static str {
        TYPES.iter().find(|ty| ty.0 == self.ty).map_or("text", |ty| ty.1)
    }

    /// Reads a value as a body has it.
    pub(super) fn read(&self, path: &str, value: &Value) -> Result<String, Fail> {
        let wrong = |says: &str| Fail::payload(path, "base", says);
        match self.ty_name() {
            "number" => body::number(value).ok_or_else(|| wrong("must be a number")),
            "checkbox" => {
                value.as_bool().map(|yes| yes.to_string()).ok_or_else(|| wrong("must be a boolean"))
            }
            "date" => {
                let at = value.as_str().and_then(time::parse);
                at.map(time::iso).ok_or_else(|| wrong("must be a valid date"))
            }
            "select" => {
                let id = body::number(value.get("id").unwrap_or(value));
                let known = |(id_of, name): &&(u64, String)| {
                    Some(id_of.to_string()) == id || value.as_str() == Some(name)
                };
                let option = self.options.iter().find(known);
                option.map(|(id, _)| id.to_string()).ok_or_else(|| wrong("is not an option"))
            }
            _ => value.as_str().map(str::to_owned).ok_or_else(|| wrong("must be a string")),
        }
    }

    /// Shows a value.
    pub(super) fn shown(&self, text: &str) -> Value {
        match self.ty_name() {
            "number" => serde_json::from_str(text).unwrap_or_else(|_not| json!(text)),
            "checkbox" => json!(text == "true"),
            "select" => {
                let option = self.options.iter().find(|(id, _)| id.to_string() == text);
                option.map_or(Value::Null, |(id, name)| json!({ "id": id, "name": name }))
            }
            _ => json!(text),
        }
    }

    /// Shows the field itself.
    pub(super) fn definition(&self) -> Value {
        let ty = TYPES.iter().find(|ty| ty.0 == self.ty);
        let ty = ty.map(|(id, name, label, json)| {
            json!({ "id": id, "type": json, "name": name, "displayName": label })
        });
        let option = |(place, (id, name)): (usize, &(u64, String))| json!({ "id": id, "name": name, "order": place + 1, "archived": false });
        let options: Vec<Value> = self.options.iter().enumerate().map(option).collect();
        json!({
            "id": self.id,
            "name": self.name,
            "api_field": self.api_field,
            "type": ty,
            "required": self.required,
            "enabled": self.enabled,
            "archived": self.archived,
            "order": self.id,
            "options": options,
            "users_can_add_options": false,
            "order_alphabetically": false,
            "pipeline": self.pipeline,
            "predefined_customfield": null,
        })
    }

    /// Takes over what a body says.
    pub(super) fn change(&mut self, members: &Map<String, Value>, mut fresh: u64) {
        for (member, flag) in [
            ("required", &mut self.required),
            ("enabled", &mut self.enabled),
            ("archived", &mut self.archived),
        ] {
            if let Some(yes) = members.get(member).and_then(Value::as_bool) {
                *flag = yes;
            }
        }
        if let Some(name) = members.get("name").and_then(Value::as_str) {
            name.clone_into(&mut self.name);
        }
        if let Some(options) = members.get("options").and_then(Value::as_array) {
            let names = options.iter().filter_map(|row| row.get("name")?.as_str());
            for name in names {
                if !self.options.iter().any(|(_, known)| known == name) {
                    fresh += 1;
                    self.options.push((fresh, name.to_owned()));
                }
            }
        }
    }
}
