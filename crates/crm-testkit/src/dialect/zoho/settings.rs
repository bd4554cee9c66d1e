//! What an org is set up with: modules, fields, layouts, pipelines.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::Zoho;
use super::answer::Answer;
use super::module::{Field, Module, Origin, PIPELINE, STAGES, Type, Use};
use super::problem::{Problem, with};
use crate::fake::Call;
use crate::world::World;

/// The layout of a module has the module's id, and this much more.
const LAYOUT: u64 = 1;
/// The longest text field.
const LENGTH_MAX: u32 = 255;

impl Zoho {
    /// Answers `/settings/modules` and one of them.
    pub(super) fn modules(&self, only: Option<&str>) -> Result<Answer, Problem> {
        let rows: Vec<Value> = match only {
            None => self.catalog.modules.iter().map(module_row).collect(),
            Some(name) => {
                vec![module_row(self.catalog.module(name).ok_or_else(|| Problem::module(2))?)]
            }
        };
        Ok(Answer::ok(json!({ "modules": rows })))
    }

    fn asked_module(&self, call: &Call<'_>) -> Result<&Module, Problem> {
        let name = call.query("module").ok_or_else(|| Problem::param_missing("module"))?;
        self.catalog.module(name).ok_or_else(|| {
            let details = json!({ "param_name": "module" });
            Problem::new("INVALID_MODULE", details, "the module name given seems to be invalid")
        })
    }

    /// Answers `/settings/fields`.
    pub(super) fn fields(&mut self, world: &mut World, call: &Call<'_>) -> Result<Answer, Problem> {
        let module = self.asked_module(call)?;
        if call.method() == Method::GET {
            let rows: Vec<Value> =
                module.fields.iter().map(|field| self.field_row(field)).collect();
            return Ok(Answer::ok(json!({ "fields": rows })));
        }
        if call.method() != Method::POST {
            return Err(Problem::method());
        }
        let name = module.name;
        let body = call.json().ok();
        let wanted = body.as_ref().and_then(|body| body.get("fields")?.as_array());
        let wanted = wanted.filter(|wanted| !wanted.is_empty());
        let wanted = wanted.ok_or_else(Problem::body_not_json)?;
        let mut rows = Vec::new();
        let mut refused = false;
        for field in wanted {
            let row = match self.add_field(world, name, field) {
                Ok(id) => json!({
                    "code": "SUCCESS", "details": { "id": id.to_string() },
                    "message": "field created", "status": "success",
                }),
                Err(problem) => {
                    refused = true;
                    problem.body()
                }
            };
            rows.push(row);
        }
        let status = if refused { StatusCode::BAD_REQUEST } else { StatusCode::CREATED };
        Ok(Answer::json(status, json!({ "fields": rows })))
    }

    fn add_field(
        &mut self,
        world: &mut World,
        module: &str,
        field: &Value,
    ) -> Result<u64, Problem> {
        let place =
            |name: &str| json!({ "api_name": name, "json_path": format!("$.fields[0].{name}") });
        let missing = |name: &str| {
            Problem::new("MANDATORY_NOT_FOUND", place(name), "required field not found")
        };
        let label = field.get("field_label").and_then(Value::as_str);
        let label = label.ok_or_else(|| missing("field_label"))?;
        if field.get("data_type").and_then(Value::as_str) != Some("text") {
            // The fake makes fields of text alone.
            let details = with(place("data_type"), "supported_values", json!(["text"]));
            return Err(Problem::new("INVALID_DATA", details, "invalid data"));
        }
        let length = field.get("length").and_then(Value::as_u64).unwrap_or(LENGTH_MAX.into());
        let length = u32::try_from(length).ok().filter(|length| *length <= LENGTH_MAX);
        let length = length.ok_or_else(|| {
            let details = with(place("length"), "maximum_value", json!(LENGTH_MAX));
            Problem::new("INVALID_DATA", details, "invalid data")
        })?;
        let unique = field.get("unique").and_then(Value::as_object);
        let usage = if unique.is_some_and(|unique| !unique.is_empty()) {
            Use::Unique
        } else {
            Use::Optional
        };
        let name = label.replace(' ', "_");
        let made = self.catalog.add(world, module, (&name, label), (Type::Text, length), usage);
        made.ok_or_else(|| Problem::new("DUPLICATE_DATA", place("field_label"), "duplicate data"))
    }

    fn field_row(&self, field: &Field) -> Value {
        let (data_type, json_type) = field.ty.names();
        let writable = field.usage != Use::ReadOnly;
        let lookup = match field.target.as_deref() {
            Some(name) if name != "*" => {
                let id = self.catalog.module(name).map(|module| module.id.to_string());
                json!({ "module": { "api_name": name, "id": id }, "display_label": field.label })
            }
            Some(_) | None => json!({}),
        };
        let unique = match field.usage {
            Use::Unique => json!({ "casesensitive": "false" }),
            Use::Optional | Use::Mandatory | Use::ReadOnly => json!({}),
        };
        let options: Vec<Value> = field
            .options
            .iter()
            .enumerate()
            .map(|(place, option)| option_row(field, place, option))
            .collect();
        json!({
            "id": field.id.to_string(),
            "api_name": field.name,
            "field_label": field.label,
            "display_label": field.label,
            "data_type": data_type,
            "json_type": json_type,
            "length": field.length,
            "system_mandatory": field.usage == Use::Mandatory,
            "read_only": !writable,
            "field_read_only": !writable,
            "custom_field": field.origin == Origin::Customer,
            "visible": true,
            "type": "used",
            "unique": unique,
            "lookup": lookup,
            "pick_list_values": options,
            "operation_type": {
                "web_create": writable, "web_update": writable,
                "api_create": writable, "api_update": writable,
            },
            "view_type": {
                "view": true, "edit": writable, "create": writable, "quick_create": false,
            },
            "currency": if field.ty == Type::Currency {
                json!({ "rounding_option": "normal", "precision": 2 })
            } else {
                json!({})
            },
            "decimal_place": if field.ty == Type::Currency { json!(2) } else { Value::Null },
            "formula": {},
            "auto_number": {},
            "multiselectlookup": {},
            "rollup_summary": {},
            "association_details": null,
            "subform": null,
            "history_tracking": null,
            "default_value": null,
        })
    }

    /// Answers `/settings/layouts`.
    pub(super) fn layouts(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let module = self.asked_module(call)?;
        Ok(Answer::ok(json!({ "layouts": [{
            "id": (module.id + LAYOUT).to_string(),
            "name": "Standard",
            "api_name": "Standard",
            "display_label": "Standard",
            "status": "active",
            "visible": true,
            "has_more_profiles": false,
            "sections": [],
            "profiles": [],
        }] })))
    }

    /// Answers `/settings/pipeline`.
    pub(super) fn pipelines(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let layout = call.query("layout_id").ok_or_else(|| Problem::param_missing("layout_id"))?;
        let deals = self.catalog.module("Deals").map(|module| module.id + LAYOUT);
        if deals.map(|id| id.to_string()).as_deref() != Some(layout) {
            return Err(Problem::param("layout_id"));
        }
        let maps: Vec<Value> = STAGES
            .iter()
            .enumerate()
            .map(|(place, (actual, label, _, forecast))| {
                json!({
                    "id": (7_100_000_000_000_006_801 + u64::try_from(place).unwrap_or(0)).to_string(),
                    "display_value": label,
                    "actual_value": actual,
                    "sequence_number": place + 1,
                    "forecast_type": forecast,
                    "forecast_category": { "name": "Pipeline", "id": "7100000000000006787" },
                })
            })
            .collect();
        Ok(Answer::ok(json!({ "pipeline": [{
            "id": "7100000000000006700",
            "display_value": PIPELINE,
            "actual_value": PIPELINE,
            "default": true,
            "maps": maps,
        }] })))
    }
}

fn module_row(module: &Module) -> Value {
    json!({
        "id": module.id.to_string(),
        "api_name": module.name,
        "module_name": module.name,
        "singular_label": module.singular,
        "plural_label": module.name,
        "api_supported": true,
        "generated_type": "default",
        "creatable": true,
        "editable": true,
        "deletable": true,
        "viewable": true,
        "convertable": module.name == "Leads",
        "status": "visible",
        "profiles": [],
    })
}

fn option_row(field: &Field, place: usize, (actual, label): &(String, String)) -> Value {
    let mut row: Map<String, Value> = Map::new();
    let id = field.id + 50_000 + u64::try_from(place).unwrap_or(0);
    row.insert("id".to_owned(), json!(id.to_string()));
    row.insert("display_value".to_owned(), json!(label));
    row.insert("actual_value".to_owned(), json!(actual));
    row.insert("sequence_number".to_owned(), json!(place + 1));
    row.insert("type".to_owned(), json!("used"));
    if field.name == "Stage"
        && let Some((_, _, probability, forecast)) = STAGES.iter().find(|row| row.0 == actual)
    {
        row.insert("reference_value".to_owned(), json!(label));
        row.insert("probability".to_owned(), json!(probability));
        row.insert("forecast_type".to_owned(), json!(forecast));
        row.insert("deal_category".to_owned(), json!(forecast));
        let category = json!({ "name": "Pipeline", "id": "7100000000000006787" });
        row.insert("forecast_category".to_owned(), category);
    }
    Value::Object(row)
}
