//! The kinds of record, and what a body may say of each.

/// A kind of record.
#[derive(Debug)]
pub(super) struct Kind {
    /// As paths spell it.
    pub(super) name: &'static str,
    /// As the fields of filters spell it.
    pub(super) entity: &'static str,
    /// Rows on a page, if the request does not say.
    pub(super) page: usize,
    pub(super) members: &'static [Member],
    /// Whether several can be made by one request.
    pub(super) arrays: bool,
    pub(super) merges: bool,
    /// Parameters of its list besides those that all have.
    pub(super) filters: &'static [&'static str],
}

/// A member of a body.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) ty: Type,
    pub(super) on: On,
}

/// When a member may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    Both,
    Post,
    Put,
}

/// What a member holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text(usize),
    /// Trimmed and in lower case.
    Email,
    Number,
    Bool,
    Day,
    Instant,
    /// The number of a record of this kind.
    Record(&'static str),
    User,
    Stage,
    Currency,
    Frequency,
    Address,
    Addresses,
    Position,
    Positions,
    Phones,
    Emails,
    Tags,
    Users,
    Custom,
    /// Taken and not looked at.
    Other,
}

const fn both(name: &'static str, ty: Type) -> Member {
    Member { name, ty, on: On::Both }
}

const fn post(name: &'static str, ty: Type) -> Member {
    Member { name, ty, on: On::Post }
}

const fn put(name: &'static str, ty: Type) -> Member {
    Member { name, ty, on: On::Put }
}

const TEXT: Type = Type::Text(10_000);

/// All kinds.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "accounts",
        entity: "account",
        page: 10,
        members: &[
            post("owner", Type::User),
            both("name", TEXT),
            both("domain", TEXT),
            both("picture", TEXT),
            both("size", Type::Number),
            both("website", TEXT),
            both("description", TEXT),
            both("address", Type::Address),
            both("addresses", Type::Addresses),
            both("email", Type::Email),
            both("email_addresses", Type::Emails),
            both("phone_number", TEXT),
            both("phone_numbers", Type::Phones),
            both("social_profiles", Type::Other),
            both("tags", Type::Tags),
            both("links", TEXT),
            post("customers", Type::Other),
            both("parent_account", Type::Record("accounts")),
            both("custom", Type::Custom),
            put("q", Type::Other),
        ],
        arrays: false,
        merges: true,
        filters: &["details", "name", "min_size", "max_size", "domain", "hotness"],
    },
    Kind {
        name: "contacts",
        entity: "person",
        page: 20,
        members: &[
            both("prefix", TEXT),
            both("firstname", TEXT),
            both("middle", TEXT),
            both("lastname", TEXT),
            both("suffix", TEXT),
            both("name", TEXT),
            both("email", Type::Email),
            post("domain", TEXT),
            both("owner", Type::User),
            both("picture", Type::Text(500)),
            both("account", Type::Record("accounts")),
            both("birth_date", Type::Instant),
            both("opt-out", Type::Bool),
            both("opt-out_date", Type::Instant),
            both("opt-out_campaign", TEXT),
            both("bounced", Type::Bool),
            both("bounced_date", Type::Instant),
            both("files", Type::Other),
            both("tags", Type::Tags),
            both("address", Type::Address),
            both("addresses", Type::Addresses),
            both("phone_number", TEXT),
            both("mobile_phone_number", TEXT),
            both("home_phone_number", TEXT),
            both("fax_number", TEXT),
            both("phone_numbers", Type::Phones),
            both("position", Type::Position),
            both("positions", Type::Positions),
            put("role", TEXT),
            both("social_profiles", Type::Other),
            both("custom", Type::Custom),
            put("archived", Type::Bool),
        ],
        arrays: true,
        merges: true,
        filters: &[
            "name",
            "email",
            "phone_number",
            "domain",
            "modification_after",
            "modification_before",
            "account",
            "position.role",
            "includeArchived",
            "type",
        ],
    },
    Kind {
        name: "opportunities",
        entity: "opportunity",
        page: 20,
        members: &[
            both("owner", Type::User),
            both("assignee", Type::User),
            both("creator", Type::User),
            both("account", Type::Record("accounts")),
            both("stage", Type::Stage),
            both("lost_reason", Type::Number),
            both("lead_source", Type::Number),
            both("main_contact", Type::Record("contacts")),
            both("files", Type::Other),
            both("start_date", Type::Day),
            both("close_date", Type::Day),
            both("probability", Type::Number),
            post("status", TEXT),
            post("status_date", TEXT),
            both("name", TEXT),
            both("value", Type::Number),
            post("currency", Type::Currency),
            both("closed", Type::Bool),
            put("done", Type::Bool),
            both("tags", Type::Tags),
            both("recurring_price_per_unit", Type::Number),
            both("units", Type::Number),
            both("frequency", Type::Frequency),
            both("contract_start_date", Type::Day),
            both("contract_end_date", Type::Day),
            both("custom", Type::Custom),
        ],
        arrays: false,
        merges: false,
        filters: &[
            "name",
            "status",
            "stage",
            "stage.name",
            "owner",
            "team_member",
            "owner_group",
            "assignee_group",
            "team_member_group",
            "account",
            "assignee",
            "min_value",
            "max_value",
            "close_after",
            "close_before",
            "closed",
            "done",
            "hotness",
            "pipeline",
            "details",
        ],
    },
    Kind {
        name: "tasks",
        entity: "task",
        page: 20,
        members: &[
            both("account", Type::Record("accounts")),
            both("description", TEXT),
            both("reminder_date", Type::Instant),
            both("assignees", Type::Users),
            put("completed", Type::Bool),
        ],
        arrays: true,
        merges: false,
        filters: &["assignees", "type", "account"],
    },
];

impl Kind {
    /// Returns the kind of a name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// Returns a member that a body may have.
    pub(super) fn member(&self, name: &str) -> Option<&'static Member> {
        self.members.iter().find(|member| member.name == name)
    }
}
