//! A record as the vendor shows it: stored values, and those that follow from others.

use std::borrow::Cow;

use super::kind::Kind;
use super::time::iso;
use crate::world::{Columns, Record, Row, Source};

/// The id of the app that writes through the API.
pub(super) const APP_ID: &str = "4242";
/// The user who writes in the CRM's own pages.
pub(super) const USER_ID: &str = "userId:1001";
/// The beginning of an activity's body as plain text.
pub(super) const BODY_PREVIEW: &str = "hs_body_preview";

const BODIES: [&str; 4] = ["hs_note_body", "hs_task_body", "hs_meeting_body", "hs_call_body"];

/// A record at some time: as it is, or as a lagging search index knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) key: u64,
    pub(super) row: &'a Row,
    pub(super) created_ms: i64,
    pub(super) modified_ms: i64,
    pub(super) created_by: Source,
}

impl<'a> View<'a> {
    /// Returns the record as it is.
    pub(super) fn of(record: &'a Record) -> Self {
        Self {
            key: record.key(),
            row: record.row(),
            created_ms: record.created_ms(),
            modified_ms: record.modified_ms(),
            created_by: record.created_by(),
        }
    }

    /// Returns the record as search knows it.
    pub(super) fn known(record: &'a Record, row: &'a Row, modified_ms: i64) -> Self {
        Self { row, modified_ms, ..Self::of(record) }
    }

    fn stored(&self, columns: &Columns, name: &str) -> Option<&'a str> {
        self.row.get(columns.get(name)?)
    }

    /// Returns the value of a property.
    pub(super) fn value(&self, kind: &Kind, columns: &Columns, name: &str) -> Option<Cow<'a, str>> {
        if name == kind.created {
            return Some(iso(self.created_ms).into());
        }
        if name == kind.modified {
            return Some(iso(self.modified_ms).into());
        }
        let by_user = self.created_by == Source::User;
        match name {
            "hs_object_id" => return Some(self.key.to_string().into()),
            "hs_object_source" | "hs_object_source_label" => {
                return Some(if by_user { "CRM_UI" } else { "INTEGRATION" }.into());
            }
            "hs_object_source_id" => {
                return Some(if by_user { USER_ID } else { APP_ID }.into());
            }
            _ => {}
        }
        let derived = match kind.plural {
            "contacts" => self.contact(columns, name),
            "deals" => self.deal(columns, name),
            "companies" => None,
            _ => self.activity(columns, name),
        };
        derived.or_else(|| self.stored(columns, name).map(Cow::Borrowed))
    }

    fn contact(&self, columns: &Columns, name: &str) -> Option<Cow<'a, str>> {
        match name {
            "hs_all_contact_vids" => {
                let mut ids = self.key.to_string();
                if let Some(id) = self.stored(columns, "hs_merged_object_ids") {
                    ids.push(';');
                    ids.push_str(id);
                }
                Some(ids.into())
            }
            "hs_is_contact" | "hs_is_unworked" => Some("true".into()),
            "hs_pipeline" => Some("contacts-lifecycle-pipeline".into()),
            "num_notes" => Some("0".into()),
            "hs_email_domain" => Some(self.stored(columns, "email")?.rsplit_once('@')?.1.into()),
            "hs_lifecyclestage_lead_date" => {
                let lead = self.stored(columns, "lifecyclestage") == Some("lead");
                // One of the few times that the vendor shows as epoch milliseconds.
                lead.then(|| self.created_ms.to_string().into())
            }
            "hs_full_name_or_email" => {
                let parts = ["firstname", "lastname"].map(|part| self.stored(columns, part));
                let names: Vec<&str> = parts.into_iter().flatten().collect();
                match names.as_slice() {
                    [] => self.stored(columns, "email").map(Cow::Borrowed),
                    names => Some(names.join(" ").into()),
                }
            }
            _ => None,
        }
    }

    fn deal(&self, columns: &Columns, name: &str) -> Option<Cow<'a, str>> {
        match name {
            "amount_in_home_currency" => self.stored(columns, "amount").map(Cow::Borrowed),
            // A stage brings its own; a deal without one is open.
            "hs_is_closed" | "hs_is_closed_won" | "hs_is_closed_lost" => {
                Some(Cow::Borrowed(self.stored(columns, name).unwrap_or("false")))
            }
            _ => None,
        }
    }

    fn activity(&self, columns: &Columns, name: &str) -> Option<Cow<'a, str>> {
        if name != BODY_PREVIEW {
            return None;
        }
        let body = BODIES.iter().find_map(|body| self.stored(columns, body))?;
        Some(without_markup(body).into())
    }
}

fn without_markup(html: &str) -> String {
    let mut inside = false;
    html.chars()
        .filter(|c| match c {
            '<' => {
                inside = true;
                false
            }
            '>' => !std::mem::take(&mut inside),
            _ => !inside,
        })
        .collect()
}
