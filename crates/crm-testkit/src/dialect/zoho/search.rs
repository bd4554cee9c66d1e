//! Search: an index that lags behind the records.

use serde_json::{Value, json};

use super::Zoho;
use super::answer::Answer;
use super::module::{Module, Type};
use super::problem::Problem;
use super::records::{PAGE_MAX, number};
use crate::fake::Call;
use crate::world::{Column, Record, Row, World};

/// The most records that a search finds.
const FOUND_MAX: usize = 2_000;
/// The most criteria of one search.
const CRITERIA_MAX: usize = 10;

/// One condition of a search.
#[derive(Debug)]
struct Criterion {
    columns: Vec<Column>,
    test: Test,
    value: String,
}

#[derive(Clone, Copy, Debug)]
enum Test {
    Equals,
    StartsWith,
    Contains,
}

impl Criterion {
    fn holds(&self, row: &Row) -> bool {
        let held = self.columns.iter().filter_map(|column| row.get(*column));
        let mut held = held.map(str::to_lowercase);
        match self.test {
            Test::Equals => held.any(|text| text == self.value),
            Test::StartsWith => held.any(|text| text.starts_with(&self.value)),
            Test::Contains => held.any(|text| text.contains(&self.value)),
        }
    }
}

impl Zoho {
    /// Answers `/{module}/search`.
    pub(super) fn search(
        &self,
        world: &mut World,
        call: &Call<'_>,
        module: &Module,
    ) -> Result<Answer, Problem> {
        let all = criteria(call, module)?;
        let per_page = number(call, "per_page", PAGE_MAX, PAGE_MAX)?;
        let page = number(call, "page", 1, FOUND_MAX / per_page)?;
        let now_ms = world.now_ms();
        world.table_mut(module.name).catch_up(now_ms);
        let Some(table) = world.table(module.name) else { return Ok(Answer::nothing()) };
        let seen = |record: &Record| match table.lag_of(record.key(), now_ms) {
            None => all.iter().all(|criterion| criterion.holds(record.row())),
            Some((_, None)) => false,
            Some((_, Some((row, _)))) => all.iter().all(|criterion| criterion.holds(row)),
        };
        let found = table.live_after(0).filter(|record| seen(record)).take(FOUND_MAX);
        let found: Vec<&Record> = found.collect();
        let rest = found.get((page - 1) * per_page..).unwrap_or_default();
        let shown = rest.get(..per_page).unwrap_or(rest);
        if shown.is_empty() {
            return Ok(Answer::nothing());
        }
        let view = self.view(world);
        let fields = call.query_list("fields");
        let data: Vec<Value> =
            shown.iter().map(|record| view.record(module, record, &fields)).collect();
        let info = json!({
            "per_page": per_page, "count": data.len(), "page": page,
            "more_records": rest.len() > shown.len(),
        });
        Ok(Answer::ok(json!({ "data": data, "info": info })))
    }
}

fn criteria(call: &Call<'_>, module: &Module) -> Result<Vec<Criterion>, Problem> {
    let of_type = |types: &[Type]| -> Vec<Column> {
        let fields = module.fields.iter().filter(|field| types.contains(&field.ty));
        fields.map(|field| field.column).collect()
    };
    let one = |columns: Vec<Column>, test: Test, value: &str| {
        Ok(vec![Criterion { columns, test, value: value.to_lowercase() }])
    };
    if let Some(email) = call.query("email") {
        return one(of_type(&[Type::Email]), Test::Equals, email);
    }
    if let Some(phone) = call.query("phone") {
        return one(of_type(&[Type::Phone]), Test::Equals, phone);
    }
    if let Some(word) = call.query("word") {
        let columns = of_type(&[Type::Text, Type::Textarea, Type::Email, Type::Phone]);
        return one(columns, Test::Contains, word);
    }
    let text = call.query("criteria").ok_or_else(|| Problem::param_missing("criteria"))?;
    let text = text.trim().trim_start_matches('(').trim_end_matches(')');
    let parts: Vec<&str> = text.split(")and(").collect();
    if parts.len() > CRITERIA_MAX {
        return Err(Problem::param("criteria"));
    }
    let read = |part: &&str| -> Option<Criterion> {
        let mut words = part.splitn(3, ':');
        let field = module.field(words.next()?)?;
        let how = match words.next()? {
            "equals" => Test::Equals,
            "starts_with" => Test::StartsWith,
            _ => return None,
        };
        let value = words.next()?.to_lowercase();
        Some(Criterion { columns: vec![field.column], test: how, value })
    };
    let parsed: Option<Vec<Criterion>> = parts.iter().map(read).collect();
    parsed.ok_or_else(|| {
        let details = json!({ "param_name": "criteria" });
        Problem::new("INVALID_QUERY", details, "Invalid query formed")
    })
}
