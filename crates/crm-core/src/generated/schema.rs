//! The fields of every kind. Generated from `schema.toml` by `cargo xtask codegen`.
#![allow(clippy::pedantic, reason = "generated")]

use crate::{Field, FieldSpec, FieldType, ObjectKind};

impl Field {
    /// `name`.
    pub const NAME: Self = Self(1);
    /// `domain`.
    pub const DOMAIN: Self = Self(2);
    /// `website`.
    pub const WEBSITE: Self = Self(3);
    /// `phone`.
    pub const PHONE: Self = Self(4);
    /// `street`.
    pub const STREET: Self = Self(5);
    /// `city`.
    pub const CITY: Self = Self(6);
    /// `state`.
    pub const STATE: Self = Self(7);
    /// `postal_code`.
    pub const POSTAL_CODE: Self = Self(8);
    /// `country`.
    pub const COUNTRY: Self = Self(9);
    /// `industry`.
    pub const INDUSTRY: Self = Self(10);
    /// `employees`.
    pub const EMPLOYEES: Self = Self(11);
    /// `revenue`.
    pub const REVENUE: Self = Self(12);
    /// `currency`.
    pub const CURRENCY: Self = Self(13);
    /// `description`.
    pub const DESCRIPTION: Self = Self(14);
    /// `parent`.
    pub const PARENT: Self = Self(15);
    /// `owner`.
    pub const OWNER: Self = Self(16);
    /// `first_name`.
    pub const FIRST_NAME: Self = Self(20);
    /// `last_name`.
    pub const LAST_NAME: Self = Self(21);
    /// `email`.
    pub const EMAIL: Self = Self(22);
    /// `mobile_phone`.
    pub const MOBILE_PHONE: Self = Self(23);
    /// `company`.
    pub const COMPANY: Self = Self(24);
    /// `job_title`.
    pub const JOB_TITLE: Self = Self(25);
    /// `status`.
    pub const STATUS: Self = Self(26);
    /// `source`.
    pub const SOURCE: Self = Self(27);
    /// `title`.
    pub const TITLE: Self = Self(40);
    /// `value`.
    pub const VALUE: Self = Self(41);
    /// `stage`.
    pub const STAGE: Self = Self(42);
    /// `pipeline`.
    pub const PIPELINE: Self = Self(43);
    /// `expected_close_date`.
    pub const EXPECTED_CLOSE_DATE: Self = Self(44);
    /// `company_ref`.
    pub const COMPANY_REF: Self = Self(46);
    /// `contacts`.
    pub const CONTACTS: Self = Self(47);
    /// `type`.
    pub const TYPE: Self = Self(60);
    /// `subject`.
    pub const SUBJECT: Self = Self(61);
    /// `due_date`.
    pub const DUE_DATE: Self = Self(62);
    /// `deal`.
    pub const DEAL: Self = Self(64);
    /// `ends_at`.
    pub const ENDS_AT: Self = Self(65);
    /// `progress`.
    pub const PROGRESS: Self = Self(66);
    /// `priority`.
    pub const PRIORITY: Self = Self(67);
    /// `duration_s`.
    pub const DURATION_S: Self = Self(68);
    /// `call_direction`.
    pub const CALL_DIRECTION: Self = Self(69);
    /// `location`.
    pub const LOCATION: Self = Self(70);
}

/// The names, by number.
pub(crate) static NAMES: &[(u16, &str)] = &[
    (1, "name"),
    (2, "domain"),
    (3, "website"),
    (4, "phone"),
    (5, "street"),
    (6, "city"),
    (7, "state"),
    (8, "postal_code"),
    (9, "country"),
    (10, "industry"),
    (11, "employees"),
    (12, "revenue"),
    (13, "currency"),
    (14, "description"),
    (15, "parent"),
    (16, "owner"),
    (20, "first_name"),
    (21, "last_name"),
    (22, "email"),
    (23, "mobile_phone"),
    (24, "company"),
    (25, "job_title"),
    (26, "status"),
    (27, "source"),
    (40, "title"),
    (41, "value"),
    (42, "stage"),
    (43, "pipeline"),
    (44, "expected_close_date"),
    (46, "company_ref"),
    (47, "contacts"),
    (60, "type"),
    (61, "subject"),
    (62, "due_date"),
    (64, "deal"),
    (65, "ends_at"),
    (66, "progress"),
    (67, "priority"),
    (68, "duration_s"),
    (69, "call_direction"),
    (70, "location"),
];

/// The fields, by name.
pub(crate) static BY_NAME: &[(&str, Field)] = &[
    ("call_direction", Field(69)),
    ("city", Field(6)),
    ("company", Field(24)),
    ("company_ref", Field(46)),
    ("contacts", Field(47)),
    ("country", Field(9)),
    ("currency", Field(13)),
    ("deal", Field(64)),
    ("description", Field(14)),
    ("domain", Field(2)),
    ("due_date", Field(62)),
    ("duration_s", Field(68)),
    ("email", Field(22)),
    ("employees", Field(11)),
    ("ends_at", Field(65)),
    ("expected_close_date", Field(44)),
    ("first_name", Field(20)),
    ("industry", Field(10)),
    ("job_title", Field(25)),
    ("last_name", Field(21)),
    ("location", Field(70)),
    ("mobile_phone", Field(23)),
    ("name", Field(1)),
    ("owner", Field(16)),
    ("parent", Field(15)),
    ("phone", Field(4)),
    ("pipeline", Field(43)),
    ("postal_code", Field(8)),
    ("priority", Field(67)),
    ("progress", Field(66)),
    ("revenue", Field(12)),
    ("source", Field(27)),
    ("stage", Field(42)),
    ("state", Field(7)),
    ("status", Field(26)),
    ("street", Field(5)),
    ("subject", Field(61)),
    ("title", Field(40)),
    ("type", Field(60)),
    ("value", Field(41)),
    ("website", Field(3)),
];

/// Returns the fields of a kind, by number.
pub(crate) const fn fields(kind: ObjectKind) -> &'static [FieldSpec] {
    match kind {
        ObjectKind::Company => COMPANY,
        ObjectKind::Contact => CONTACT,
        ObjectKind::Deal => DEAL,
        ObjectKind::Activity => ACTIVITY,
    }
}

static COMPANY: &[FieldSpec] = &[
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::NAME,
        name: "name",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "The company's name.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::DOMAIN,
        name: "domain",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Its web domain, without a scheme.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::WEBSITE,
        name: "website",
        ty: FieldType::Url,
        pii: false,
        opt_in: false,
        doc: "Its web address.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::PHONE,
        name: "phone",
        ty: FieldType::Phone,
        pii: false,
        opt_in: false,
        doc: "Its phone number.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::STREET,
        name: "street",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Street and house number.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::CITY,
        name: "city",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "City.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::STATE,
        name: "state",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "State, county or province.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::POSTAL_CODE,
        name: "postal_code",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Postal code.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::COUNTRY,
        name: "country",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Country, as the CRM spells it.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::INDUSTRY,
        name: "industry",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Industry.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::EMPLOYEES,
        name: "employees",
        ty: FieldType::Integer,
        pii: false,
        opt_in: false,
        doc: "Number of people employed.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::REVENUE,
        name: "revenue",
        ty: FieldType::Money,
        pii: false,
        opt_in: false,
        doc: "Annual revenue.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::CURRENCY,
        name: "currency",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Currency of the amounts (ISO 4217).",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::DESCRIPTION,
        name: "description",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Free text.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::PARENT,
        name: "parent",
        ty: FieldType::Reference(ObjectKind::Company),
        pii: false,
        opt_in: false,
        doc: "The company that it belongs to.",
    },
    FieldSpec {
        kind: ObjectKind::Company,
        field: Field::OWNER,
        name: "owner",
        ty: FieldType::Email,
        pii: true,
        opt_in: true,
        doc: "Who looks after it: the user's e-mail address.",
    },
];

static CONTACT: &[FieldSpec] = &[
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::WEBSITE,
        name: "website",
        ty: FieldType::Url,
        pii: false,
        opt_in: false,
        doc: "Web address.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::PHONE,
        name: "phone",
        ty: FieldType::Phone,
        pii: true,
        opt_in: false,
        doc: "Phone number.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::STREET,
        name: "street",
        ty: FieldType::Text,
        pii: true,
        opt_in: false,
        doc: "Street and house number.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::CITY,
        name: "city",
        ty: FieldType::Text,
        pii: true,
        opt_in: false,
        doc: "City.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::STATE,
        name: "state",
        ty: FieldType::Text,
        pii: true,
        opt_in: false,
        doc: "State, county or province.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::POSTAL_CODE,
        name: "postal_code",
        ty: FieldType::Text,
        pii: true,
        opt_in: false,
        doc: "Postal code.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::COUNTRY,
        name: "country",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Country, as the CRM spells it.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::OWNER,
        name: "owner",
        ty: FieldType::Email,
        pii: true,
        opt_in: true,
        doc: "Who looks after it: the user's e-mail address.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::FIRST_NAME,
        name: "first_name",
        ty: FieldType::Text,
        pii: true,
        opt_in: false,
        doc: "Given name.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::LAST_NAME,
        name: "last_name",
        ty: FieldType::Text,
        pii: true,
        opt_in: false,
        doc: "Family name.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::EMAIL,
        name: "email",
        ty: FieldType::Email,
        pii: true,
        opt_in: false,
        doc: "E-mail address.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::MOBILE_PHONE,
        name: "mobile_phone",
        ty: FieldType::Phone,
        pii: true,
        opt_in: false,
        doc: "Mobile phone number.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::COMPANY,
        name: "company",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Name of the company, as text.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::JOB_TITLE,
        name: "job_title",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "What the person does there.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::STATUS,
        name: "status",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Where the person stands (prospect, customer).",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::SOURCE,
        name: "source",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Where the person came from.",
    },
    FieldSpec {
        kind: ObjectKind::Contact,
        field: Field::COMPANY_REF,
        name: "company_ref",
        ty: FieldType::Reference(ObjectKind::Company),
        pii: false,
        opt_in: false,
        doc: "The company, as a record of its own.",
    },
];

static DEAL: &[FieldSpec] = &[
    FieldSpec {
        kind: ObjectKind::Deal,
        field: Field::CURRENCY,
        name: "currency",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Currency of the amounts (ISO 4217).",
    },
    FieldSpec {
        kind: ObjectKind::Deal,
        field: Field::DESCRIPTION,
        name: "description",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Free text.",
    },
    FieldSpec {
        kind: ObjectKind::Deal,
        field: Field::OWNER,
        name: "owner",
        ty: FieldType::Email,
        pii: true,
        opt_in: true,
        doc: "Who looks after it: the user's e-mail address.",
    },
    FieldSpec {
        kind: ObjectKind::Deal,
        field: Field::TITLE,
        name: "title",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "What the deal is about.",
    },
    FieldSpec {
        kind: ObjectKind::Deal,
        field: Field::VALUE,
        name: "value",
        ty: FieldType::Money,
        pii: false,
        opt_in: false,
        doc: "What it is worth, in `currency`.",
    },
    FieldSpec {
        kind: ObjectKind::Deal,
        field: Field::STAGE,
        name: "stage",
        ty: FieldType::Choice(&["new", "qualified", "proposal", "closed_won", "closed_lost"]),
        pii: false,
        opt_in: false,
        doc: "How far it is.",
    },
    FieldSpec {
        kind: ObjectKind::Deal,
        field: Field::PIPELINE,
        name: "pipeline",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "The pipeline that the stage belongs to.",
    },
    FieldSpec {
        kind: ObjectKind::Deal,
        field: Field::EXPECTED_CLOSE_DATE,
        name: "expected_close_date",
        ty: FieldType::Date,
        pii: false,
        opt_in: false,
        doc: "The day on which it should be closed.",
    },
    FieldSpec {
        kind: ObjectKind::Deal,
        field: Field::COMPANY_REF,
        name: "company_ref",
        ty: FieldType::Reference(ObjectKind::Company),
        pii: false,
        opt_in: false,
        doc: "The company.",
    },
    FieldSpec {
        kind: ObjectKind::Deal,
        field: Field::CONTACTS,
        name: "contacts",
        ty: FieldType::References(ObjectKind::Contact),
        pii: false,
        opt_in: false,
        doc: "The people concerned.",
    },
];

static ACTIVITY: &[FieldSpec] = &[
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::DESCRIPTION,
        name: "description",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Free text.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::OWNER,
        name: "owner",
        ty: FieldType::Email,
        pii: true,
        opt_in: true,
        doc: "Who looks after it: the user's e-mail address.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::COMPANY_REF,
        name: "company_ref",
        ty: FieldType::Reference(ObjectKind::Company),
        pii: false,
        opt_in: false,
        doc: "The company.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::CONTACTS,
        name: "contacts",
        ty: FieldType::References(ObjectKind::Contact),
        pii: false,
        opt_in: false,
        doc: "The people concerned.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::TYPE,
        name: "type",
        ty: FieldType::Choice(&["task", "call", "meeting", "note", "email"]),
        pii: false,
        opt_in: false,
        doc: "What it is.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::SUBJECT,
        name: "subject",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "What it is about.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::DUE_DATE,
        name: "due_date",
        ty: FieldType::Instant,
        pii: false,
        opt_in: false,
        doc: "When it is due, begins, or happened.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::DEAL,
        name: "deal",
        ty: FieldType::Reference(ObjectKind::Deal),
        pii: false,
        opt_in: false,
        doc: "The deal.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::ENDS_AT,
        name: "ends_at",
        ty: FieldType::Instant,
        pii: false,
        opt_in: false,
        doc: "When it ends.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::PROGRESS,
        name: "progress",
        ty: FieldType::Choice(&["not_started", "in_progress", "waiting", "completed", "deferred"]),
        pii: false,
        opt_in: false,
        doc: "How far a task is.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::PRIORITY,
        name: "priority",
        ty: FieldType::Choice(&["low", "normal", "high"]),
        pii: false,
        opt_in: false,
        doc: "How urgent a task is.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::DURATION_S,
        name: "duration_s",
        ty: FieldType::Integer,
        pii: false,
        opt_in: false,
        doc: "How long it took, in seconds.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::CALL_DIRECTION,
        name: "call_direction",
        ty: FieldType::Choice(&["inbound", "outbound"]),
        pii: false,
        opt_in: false,
        doc: "Who called whom.",
    },
    FieldSpec {
        kind: ObjectKind::Activity,
        field: Field::LOCATION,
        name: "location",
        ty: FieldType::Text,
        pii: false,
        opt_in: false,
        doc: "Where a meeting takes place.",
    },
];
