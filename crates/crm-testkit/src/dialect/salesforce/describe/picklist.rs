//! The values of picklists. A field without an entry here offers none.

/// Suffix of the field's name, then its values; the first that fits the type and field counts.
/// An asterisk marks the value that a new record gets.
const VALUES: &[(&str, &[&str])] = &[
    ("GeocodeAccuracy", GEOCODE),
    ("Contact.Salutation", &["Mr.", "Ms.", "Mrs.", "Dr.", "Prof."]),
    ("Lead.Salutation", &["Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx."]),
    ("LeadSource", SOURCE),
    ("AccountSource", SOURCE),
    ("Rating", &["Hot", "Warm", "Cold"]),
    ("Ownership", &["Public", "Private", "Subsidiary", "Other"]),
    ("CleanStatus", CLEAN),
    ("Industry", INDUSTRY),
    ("Account.Type", ACCOUNT_TYPE),
    ("Opportunity.StageName", STAGE),
    ("Opportunity.Type", DEAL_TYPE),
    (".ForecastCategory", FORECAST),
    ("ForecastCategoryName", &["Omitted", "Pipeline", "Best Case", "Commit", "Closed"]),
    ("OpportunityContactRole.Role", ROLE),
    ("Lead.Status", LEAD_STATUS),
    ("Task.Status", TASK_STATUS),
    ("Task.Priority", &["High", "*Normal", "Low"]),
    ("Task.Subject", &["Call", "Send Letter", "Send Quote", "Other"]),
    ("Task.TaskSubtype", &["*Task", "Email", "Call", "ListEmail", "Cadence", "LinkedIn"]),
    ("Task.CallType", &["Internal", "Inbound", "Outbound"]),
    ("Event.Subject", &["Call", "Email", "Meeting", "Send Letter/Quote", "Other"]),
    ("Event.ShowAs", &["*Busy", "OutOfOffice", "Free"]),
    ("Event.EventSubtype", &["*Event"]),
    ("Event.GroupEventType", &["*0", "1", "2", "3"]),
    ("RecurrenceInstance", &["First", "Second", "Third", "Fourth", "Last"]),
    ("RecurrenceMonthOfYear", MONTHS),
    ("RecurrenceRegeneratedType", &["None", "RecurrenceRegenerateAfterToday"]),
    ("RecurrenceType", RECURRENCE),
];

const GEOCODE: &[&str] = &[
    "Address",
    "NearAddress",
    "Block",
    "Street",
    "ExtendedZip",
    "Zip",
    "Neighborhood",
    "City",
    "County",
    "State",
    "Unknown",
];
const SOURCE: &[&str] = &["Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"];
const CLEAN: &[&str] = &[
    "Matched",
    "Different",
    "Acknowledged",
    "NotFound",
    "Inactive",
    "*Pending",
    "SelectMatch",
    "Skipped",
];
const INDUSTRY: &[&str] = &[
    "Agriculture",
    "Apparel",
    "Banking",
    "Biotechnology",
    "Chemicals",
    "Communications",
    "Construction",
    "Consulting",
    "Education",
    "Electronics",
    "Energy",
    "Engineering",
    "Entertainment",
    "Environmental",
    "Finance",
    "Food & Beverage",
    "Government",
    "Healthcare",
    "Hospitality",
    "Insurance",
    "Machinery",
    "Manufacturing",
    "Media",
    "Not For Profit",
    "Recreation",
    "Retail",
    "Shipping",
    "Technology",
    "Telecommunications",
    "Transportation",
    "Utilities",
    "Other",
];
const ACCOUNT_TYPE: &[&str] = &[
    "Prospect",
    "Customer - Direct",
    "Customer - Channel",
    "Channel Partner / Reseller",
    "Installation Partner",
    "Technology Partner",
    "Other",
];
const STAGE: &[&str] = &[
    "Prospecting",
    "Qualification",
    "Needs Analysis",
    "Value Proposition",
    "Id. Decision Makers",
    "Perception Analysis",
    "Proposal/Price Quote",
    "Negotiation/Review",
    "Closed Won",
    "Closed Lost",
];
const DEAL_TYPE: &[&str] = &[
    "Existing Customer - Upgrade",
    "Existing Customer - Replacement",
    "Existing Customer - Downgrade",
    "New Customer",
];
const FORECAST: &[&str] = &["Omitted", "Pipeline", "BestCase", "MostLikely", "Forecast", "Closed"];
const ROLE: &[&str] = &[
    "Business User",
    "Decision Maker",
    "Economic Buyer",
    "Economic Decision Maker",
    "Evaluator",
    "Executive Sponsor",
    "Influencer",
    "Technical Buyer",
    "Other",
];
const LEAD_STATUS: &[&str] = &[
    "*Open - Not Contacted",
    "Working - Contacted",
    "Closed - Converted",
    "Closed - Not Converted",
];
const TASK_STATUS: &[&str] =
    &["*Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred"];
const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const RECURRENCE: &[&str] = &[
    "RecursDaily",
    "RecursEveryWeekday",
    "RecursMonthly",
    "RecursMonthlyNth",
    "RecursWeekly",
    "RecursYearly",
    "RecursYearlyNth",
];

/// Returns the values of a picklist, the default marked by an asterisk.
fn marked(kind: &str, field: &str) -> &'static [&'static str] {
    let full = format!("{kind}.{field}");
    VALUES.iter().find(|entry| full.ends_with(entry.0)).map_or(&[], |entry| entry.1)
}

/// Returns the values of a picklist.
pub(super) fn values(kind: &str, field: &str) -> Vec<&'static str> {
    marked(kind, field).iter().map(|value| value.trim_start_matches('*')).collect()
}

/// Returns the value that a new record gets.
pub(super) fn default(kind: &str, field: &str) -> Option<&'static str> {
    marked(kind, field).iter().find_map(|value| value.strip_prefix('*'))
}
