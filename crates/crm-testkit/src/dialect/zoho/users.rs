//! The users of an org, and the org itself.

use http::Method;
use serde_json::{Value, json};

use super::answer::Answer;
use super::problem::Problem;
use super::{Zoho, time};
use crate::fake::Call;
use crate::world::{Source, World};

/// A user.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) state: State,
}

/// Whether somebody may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Left,
}

/// All users; the first is the one on whose behalf programs act, the second a person.
#[derive(Debug)]
pub(super) struct Users(pub(super) Vec<User>);

impl Users {
    /// Returns the users of a new org.
    pub(super) fn new(first_id: u64) -> Self {
        let rows = [
            ("Sync Integration", "sync@org.example", State::Active),
            ("Petra Vale", "petra@org.example", State::Active),
            ("Ravi Moss", "ravi@org.example", State::Active),
            ("Ines Holt", "ines@org.example", State::Left),
        ];
        let user = |(place, (name, email, state)): (usize, (&str, &str, State))| User {
            id: (first_id + u64::try_from(place).unwrap_or(0)).to_string(),
            name: name.to_owned(),
            email: email.to_owned(),
            state,
        };
        Self(rows.into_iter().enumerate().map(user).collect())
    }

    pub(super) fn get(&self, id: &str) -> Option<&User> {
        self.0.iter().find(|user| user.id == id)
    }

    /// Returns who acts.
    pub(super) fn of(&self, source: Source) -> &str {
        let place = match source {
            Source::Integration => 0,
            Source::User => 1,
        };
        self.0.get(place).map_or("", |user| &user.id)
    }
}

impl Zoho {
    pub(super) fn list_users(&self, world: &World, call: &Call<'_>) -> Result<Answer, Problem> {
        if call.method() != Method::GET {
            return Err(Problem::method());
        }
        let number = |name: &str, usual: usize| {
            call.query(name).map_or(Some(usual), |text| text.parse().ok())
        };
        let page =
            number("page", 1).filter(|page| *page > 0).ok_or_else(|| Problem::param("page"))?;
        let per_page = number("per_page", 200).filter(|count| (1..=200).contains(count));
        let per_page = per_page.ok_or_else(|| Problem::param("per_page"))?;
        let fits: fn(&(usize, &User)) -> bool = match call.query("type").unwrap_or("AllUsers") {
            "AllUsers" | "ConfirmedUsers" => |_| true,
            "ActiveUsers" | "ActiveConfirmedUsers" => |(_, user)| user.state == State::Active,
            "DeactiveUsers" => |(_, user)| user.state == State::Left,
            "CurrentUser" => |(place, _)| *place == 0,
            "NotConfirmedUsers" => |_| false,
            _ => return Err(Problem::param("type")),
        };
        let all: Vec<&User> =
            self.users.0.iter().enumerate().filter(fits).map(|(_, user)| user).collect();
        let shown: Vec<Value> = all
            .iter()
            .skip((page - 1) * per_page)
            .take(per_page)
            .map(|user| self.user_row(world, user))
            .collect();
        if shown.is_empty() {
            return Ok(Answer::nothing());
        }
        let more = page * per_page < all.len();
        let info = json!({
            "per_page": per_page, "count": shown.len(), "page": page, "more_records": more,
        });
        Ok(Answer::ok(json!({ "users": shown, "info": info })))
    }

    fn user_row(&self, world: &World, user: &User) -> Value {
        let (first, last) = user.name.split_once(' ').unwrap_or(("", &user.name));
        let offset = self.options.offset_minutes;
        json!({
            "id": user.id,
            "zuid": user.id,
            "full_name": user.name,
            "first_name": first,
            "last_name": last,
            "email": user.email,
            "status": if user.state == State::Active { "active" } else { "deleted" },
            "confirm": true,
            "role": { "name": "CEO", "id": "7100000000000001001" },
            "profile": { "name": "Administrator", "id": "7100000000000001002" },
            "time_zone": "Europe/Athens",
            "offset": offset * 60_000,
            "locale": "en_GB",
            "language": "en_US",
            "created_time": time::local(self.opened_ms, offset),
            "Modified_Time": time::local(world.now_ms(), offset),
        })
    }

    pub(super) fn org(&self) -> Answer {
        let code = self.options.currencies.first().map_or("USD", String::as_str);
        Answer::ok(json!({ "org": [{
            "id": self.options.org_id,
            "company_name": "Example Org",
            "zgid": self.options.org_id,
            "primary_email": "petra@org.example",
            "time_zone": "Europe/Athens",
            "currency": code,
            "iso_code": code,
            "currency_symbol": "$",
            "country_code": "GB",
            "type": "Production",
            "max_per_page": 200,
            "license_details": {},
        }] }))
    }

    pub(super) fn list_currencies(&self) -> Answer {
        let codes = &self.options.currencies;
        if codes.is_empty() {
            return Answer::nothing();
        }
        let rows = codes.iter().enumerate().map(|(place, code)| {
            json!({
                "id": (7_100_000_000_000_001_100 + u64::try_from(place).unwrap_or(0)).to_string(),
                "iso_code": code,
                "name": code,
                "symbol": code,
                "is_base": place == 0,
                "is_active": true,
                "exchange_rate": "1.000000000",
            })
        });
        Answer::ok(json!({ "currencies": rows.collect::<Vec<_>>() }))
    }
}
