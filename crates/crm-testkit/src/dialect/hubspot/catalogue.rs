//! The properties that every account has, as compact tables.
//!
//! A row is `name type fieldType flags label`, flags being `r` read-only, `c` calculated, `x`
//! values from elsewhere, `-` none. Choices stand in a table of their own.

use std::collections::BTreeMap;

use super::kind::Kind;
use super::property::{Access, Choice, Group, Origin, Property, Uniqueness, Values};

/// When the vendor's own definitions were made: 1 January 2020.
const DEFINED_MS: i64 = 1_577_836_800_000;

const EVERY: &str = "\
hs_object_id number number r Record ID
hs_object_source enumeration select r Record source
hs_object_source_id string text r Record source ID
hs_object_source_label string text r Record source label
hs_merged_object_ids enumeration checkbox r Merged record IDs
hubspot_owner_id enumeration select x Owner";

const CONTACTS: &str = "\
email string text - Email
hs_additional_emails enumeration checkbox r Additional email addresses
firstname string text - First name
lastname string text - Last name
phone string phonenumber - Phone number
mobilephone string phonenumber - Mobile phone number
company string text - Company name
website string text - Website URL
jobtitle string text - Job title
salutation string text - Salutation
fax string text - Fax number
address string text - Street address
city string text - City
state string text - State/Region
zip string text - Postal code
country string text - Country/Region
industry string text - Industry
message string textarea - Message
date_of_birth string text - Date of birth
annualrevenue string text - Annual revenue
numemployees enumeration select - Number of employees
hs_language enumeration select - Preferred language
hs_timezone string text - Time zone
hs_linkedin_url string text - LinkedIn URL
lifecyclestage enumeration radio - Lifecycle stage
hs_lead_status enumeration radio - Lead status
associatedcompanyid number number x Primary associated company ID
hs_email_optout bool booleancheckbox r Unsubscribed from all email
createdate datetime date r Create date
lastmodifieddate datetime date r Last modified date
hs_all_contact_vids enumeration checkbox c All vids
hs_email_domain string text c Email domain
hs_full_name_or_email string text c Full name or email
hs_is_contact bool booleancheckbox c Is a contact
hs_is_unworked bool calculation_equation c Is unworked
hs_lifecyclestage_lead_date datetime date c Became a lead date
hs_pipeline enumeration select x Pipeline
num_notes number number c Number of sales activities";

const COMPANIES: &str = "\
name string text - Company name
domain string text - Company domain name
website string text - Website URL
phone string phonenumber - Phone number
address string text - Street address
address2 string text - Street address 2
city string text - City
state string text - State/Region
zip string text - Postal code
country string text - Country/Region
industry enumeration select - Industry
numberofemployees number number - Number of employees
annualrevenue number number - Annual revenue
description string textarea - Description
type enumeration select - Type
lifecyclestage enumeration radio - Lifecycle stage
hs_lead_status enumeration radio - Lead status
hs_additional_domains enumeration checkbox r Additional domains
createdate datetime date r Create date
hs_lastmodifieddate datetime date r Last modified date";

const DEALS: &str = "\
dealname string text - Deal name
amount number number - Amount
deal_currency_code enumeration select - Currency
dealstage enumeration radio x Deal stage
pipeline enumeration select x Pipeline
closedate datetime date - Close date
dealtype enumeration radio - Deal type
description string textarea - Deal description
hs_priority enumeration select - Priority
hs_is_closed bool booleancheckbox c Is closed
hs_is_closed_won bool booleancheckbox c Is closed won
hs_is_closed_lost bool booleancheckbox c Is closed lost
hs_deal_stage_probability number number c Deal probability
amount_in_home_currency number number c Amount in company currency
createdate datetime date r Create date
hs_lastmodifieddate datetime date r Last modified date";

const ACTIVITIES: &str = "\
hs_timestamp datetime date - Activity date
hs_attachment_ids enumeration checkbox x Attached files
hs_body_preview string text c Body preview
hs_createdate datetime date r Create date
hs_lastmodifieddate datetime date r Last modified date";

const TASKS: &str = "\
hs_task_subject string text - Task title
hs_task_body string html - Notes
hs_task_status enumeration select - Task status
hs_task_priority enumeration select - Priority
hs_task_type enumeration select - Task type
hs_task_reminders string text - Reminder
hs_task_completion_date datetime date r Completed at
hs_queue_membership_ids enumeration checkbox x Queue";

const NOTES: &str = "hs_note_body string html - Note body";

const MEETINGS: &str = "\
hs_meeting_title string text - Meeting name
hs_meeting_body string html - Meeting description
hs_internal_meeting_notes string html - Internal meeting notes
hs_meeting_external_url string text - External URL
hs_meeting_location string text - Meeting location
hs_meeting_start_time datetime date - Meeting start time
hs_meeting_end_time datetime date - Meeting end time
hs_meeting_outcome enumeration select - Meeting outcome
hs_activity_type enumeration select x Call and meeting type";

const CALLS: &str = "\
hs_call_title string text - Call title
hs_call_body string html - Call notes
hs_call_direction enumeration select - Call direction
hs_call_disposition enumeration select x Call outcome
hs_call_duration number number - Call duration
hs_call_from_number string text - From number
hs_call_to_number string text - To number
hs_call_recording_url string text - Recording URL
hs_call_status enumeration select - Call status
hs_activity_type enumeration select x Call and meeting type";

const EMAILS: &str = "\
hs_email_direction enumeration select - Email direction
hs_email_status enumeration select - Email send status
hs_email_subject string text - Email subject
hs_email_text string textarea - Text body
hs_email_html string html - HTML body
hs_email_headers string textarea - Email headers";

/// Choices by property name; `value` or `value=label`, separated by `|`.
const CHOICES: &[(&str, &str)] = &[
    (
        "lifecyclestage",
        "subscriber=Subscriber|lead=Lead|marketingqualifiedlead=Marketing Qualified Lead|\
         salesqualifiedlead=Sales Qualified Lead|opportunity=Opportunity|customer=Customer|\
         evangelist=Evangelist|other=Other",
    ),
    (
        "hs_lead_status",
        "NEW=New|OPEN=Open|IN_PROGRESS=In Progress|OPEN_DEAL=Open Deal|UNQUALIFIED=Unqualified|\
         ATTEMPTED_TO_CONTACT=Attempted to Contact|CONNECTED=Connected|BAD_TIMING=Bad Timing",
    ),
    ("numemployees", "1-5|5-25|25-50|50-100|100-500|500-1000|1000+"),
    ("hs_language", "en=English|de=German|fr=French|es=Spanish|it=Italian|pl=Polish|ja=Japanese"),
    (
        "industry",
        "ACCOUNTING|BANKING|COMPUTER_SOFTWARE|CONSTRUCTION|EDUCATION_MANAGEMENT|\
         FINANCIAL_SERVICES|INFORMATION_TECHNOLOGY_AND_SERVICES|INSURANCE|MACHINERY|MUSIC|\
         REAL_ESTATE|RETAIL|TELECOMMUNICATIONS|WHOLESALE",
    ),
    ("type", "PROSPECT|PARTNER|RESELLER|VENDOR|OTHER"),
    ("deal_currency_code", "USD|EUR|GBP"),
    ("dealtype", "newbusiness=New Business|existingbusiness=Existing Business"),
    ("hs_priority", "low=Low|medium=Medium|high=High"),
    ("hs_task_status", "NOT_STARTED|IN_PROGRESS|WAITING|COMPLETED|DEFERRED"),
    ("hs_task_priority", "NONE|LOW|MEDIUM|HIGH"),
    ("hs_task_type", "TODO|CALL|EMAIL"),
    ("hs_meeting_outcome", "SCHEDULED|COMPLETED|RESCHEDULED|NO_SHOW|CANCELED"),
    ("hs_call_direction", "INBOUND|OUTBOUND"),
    (
        "hs_call_status",
        "BUSY|CALLING_CRM_USER|CANCELED|COMPLETED|CONNECTING|FAILED|IN_PROGRESS|NO_ANSWER|QUEUED|\
         RINGING",
    ),
    ("hs_email_direction", "EMAIL|INCOMING_EMAIL|FORWARDED_EMAIL"),
    ("hs_email_status", "BOUNCED|FAILED|SCHEDULED|SENDING|SENT"),
    ("hs_object_source", "INTEGRATION|CRM_UI|IMPORT"),
    ("bool", "true=Yes|false=No"),
];

/// Returns the properties that a type of record has from the start.
pub(super) fn properties(kind: &Kind) -> BTreeMap<String, Property> {
    let (own, activity) = match kind.plural {
        "contacts" => (CONTACTS, ""),
        "companies" => (COMPANIES, ""),
        "deals" => (DEALS, ""),
        "tasks" => (TASKS, ACTIVITIES),
        "notes" => (NOTES, ACTIVITIES),
        "meetings" => (MEETINGS, ACTIVITIES),
        "calls" => (CALLS, ACTIVITIES),
        _ => (EMAILS, ACTIVITIES),
    };
    let lines = EVERY.lines().chain(activity.lines()).chain(own.lines());
    let rows = lines.filter_map(|line| property(kind, line));
    rows.map(|property| (property.name.clone(), property)).collect()
}

/// Returns the groups that a type of record has from the start.
pub(super) fn groups(kind: &Kind) -> BTreeMap<String, Group> {
    let name = group_name(kind);
    let label = format!("{} information", kind.title);
    [(name.clone(), Group { name, label, display_order: 0 })].into()
}

/// Returns the vendor's default group of a type of record.
pub(super) fn group_name(kind: &Kind) -> String {
    format!("{}information", kind.singular)
}

/// Returns the property in which a synchronising client keeps its own id.
pub(super) fn sync_uid(kind: &Kind) -> Option<Property> {
    let mut uid = property(kind, "crm_sync_uid string text - CRM Sync UID")?;
    // Whether activities can have unique properties is not documented: chosen here, they cannot.
    uid.unique = if kind.is_activity() { Uniqueness::Shared } else { Uniqueness::Unique };
    uid.origin = Origin::Account;
    uid.description.push_str("Identifies the record for synchronisation; do not edit.");
    Some(uid)
}

fn property(kind: &Kind, line: &str) -> Option<Property> {
    let mut words = line.splitn(5, ' ');
    let (name, ty, field) = (words.next()?, words.next()?, words.next()?);
    let (flags, label) = (words.next()?, words.next()?);
    let source = if ty == "bool" { "bool" } else { name };
    let choices = match ty {
        "enumeration" | "bool" => choices(source),
        _ => Vec::new(),
    };
    let access = match flags {
        "r" => Access::ReadOnly,
        "c" => Access::Calculated,
        _ => Access::Open,
    };
    // A read-only list of ids has no choices of its own either.
    let external = flags == "x" || (ty == "enumeration" && choices.is_empty());
    Some(Property {
        name: name.to_owned(),
        label: label.to_owned(),
        kind: ty.to_owned(),
        field: field.to_owned(),
        group: group_name(kind),
        description: String::new(),
        choices,
        access,
        values: if external { Values::External } else { Values::Own },
        origin: Origin::Vendor,
        // The vendor enforces one contact per address without flagging the property.
        unique: Uniqueness::Shared,
        display_order: -1,
        form_field: access == Access::Open,
        created_ms: DEFINED_MS,
        updated_ms: DEFINED_MS,
        archived_ms: None,
    })
}

fn choices(name: &str) -> Vec<Choice> {
    let Some((_, text)) = CHOICES.iter().find(|row| row.0 == name) else {
        return Vec::new();
    };
    let parts = text.split('|').zip(0..);
    parts
        .map(|(part, display_order)| {
            let (value, label) = part.split_once('=').unwrap_or((part, part));
            Choice {
                label: label.to_owned(),
                value: value.to_owned(),
                display_order,
                hidden: false,
            }
        })
        .collect()
}
