//! The tables of fields of the four CRMs. A field that several kinds have is stored alike in all
//! of them.

use crm_core::mapping::Clear;
use crm_core::{Field, FieldRule, FieldType, Form, LetterCase, Mapping, ObjectKind, Wire};

use FieldType::{Choice, Email, Instant, Integer, Money, Phone, Reference, References, Text};
use Form as F;

const LOWERED: Form = Form { letter_case: LetterCase::Lowered, ..Form::FAITHFUL };
const CUT_AT_10: Form = Form { cut_at: Some(10), ..Form::FAITHFUL };
const CENTS: Form = Form { decimals: Some(2), ..Form::FAITHFUL };
const WHOLE: Form = Form { decimals: Some(0), ..Form::FAITHFUL };

const COMPANY: FieldType = Reference(ObjectKind::Company);
const DEAL: FieldType = Reference(ObjectKind::Deal);
const CONTACTS: FieldType = References(ObjectKind::Contact);
const STAGE: FieldType = Choice(&["new", "qualified", "proposal", "closed_won", "closed_lost"]);
const TYPE: FieldType = Choice(&["task", "call", "meeting", "note", "email"]);
const PROGRESS: FieldType =
    Choice(&["not_started", "in_progress", "waiting", "completed", "deferred"]);

const fn rule(field: Field, remote: &'static str, ty: FieldType, form: Form) -> FieldRule {
    FieldRule {
        field,
        remote,
        ty,
        wire: Wire::Text,
        form,
        writable: true,
        required: false,
        custom: false,
        length_max: None,
    }
}

/// A plain value that is stored as it is given.
const fn plain(field: Field, remote: &'static str, ty: FieldType) -> FieldRule {
    rule(field, remote, ty, F::FAITHFUL)
}

const fn on(wire: Wire, mut rule: FieldRule) -> FieldRule {
    rule.wire = wire;
    rule
}

/// A tie that is kept beside the record.
const fn tie(field: Field, remote: &'static str, ty: FieldType) -> FieldRule {
    on(Wire::Related, plain(field, remote, ty))
}

/// The id of the record referred to, in the record itself.
const fn id(field: Field, remote: &'static str, ty: FieldType) -> FieldRule {
    on(Wire::Id, plain(field, remote, ty))
}

/// A set that has room for one member.
const fn lone(mut rule: FieldRule) -> FieldRule {
    rule.form.members_max = Some(1);
    rule
}

const fn required(mut rule: FieldRule) -> FieldRule {
    rule.required = true;
    rule
}

const fn table(kind: ObjectKind, remote: &'static str, rules: &'static [FieldRule]) -> Mapping {
    Mapping {
        kind,
        remote,
        uid: Some("uid"),
        clear: Clear::EmptyString,
        variant: None,
        fixed: &[],
        rules,
    }
}

const fn people(rules: &'static [FieldRule]) -> Mapping {
    table(ObjectKind::Contact, "people", rules)
}

const fn firms(rules: &'static [FieldRule]) -> Mapping {
    table(ObjectKind::Company, "firms", rules)
}

const fn deals(rules: &'static [FieldRule]) -> Mapping {
    table(ObjectKind::Deal, "deals", rules)
}

const fn form(variant: &'static str, rules: &'static [FieldRule]) -> Mapping {
    let mut table = table(ObjectKind::Activity, variant, rules);
    table.variant = Some(variant);
    table
}

pub(super) static FAITHFUL: Mapping = people(&[
    plain(Field::PHONE, "phone", Phone),
    plain(Field::FIRST_NAME, "given", Text),
    plain(Field::LAST_NAME, "family", Text),
    plain(Field::EMAIL, "mail", Email),
    plain(Field::COMPANY, "firm", Text),
    plain(Field::JOB_TITLE, "role", Text),
    tie(Field::COMPANY_REF, "works_at", COMPANY),
]);

pub(super) static STRICT: Mapping = people(&[
    plain(Field::PHONE, "phone", Phone),
    plain(Field::FIRST_NAME, "given", Text),
    required(plain(Field::LAST_NAME, "family", Text)),
    plain(Field::EMAIL, "mail", Email),
    plain(Field::COMPANY, "firm", Text),
    rule(Field::JOB_TITLE, "role", Text, CUT_AT_10),
    id(Field::COMPANY_REF, "works_at", COMPANY),
]);

pub(super) static LOSSY: Mapping = people(&[
    plain(Field::PHONE, "phone", Phone),
    rule(Field::FIRST_NAME, "given", Text, CUT_AT_10),
    plain(Field::LAST_NAME, "family", Text),
    rule(Field::EMAIL, "mail", Email, LOWERED),
    rule(Field::COMPANY, "firm", Text, LOWERED),
    plain(Field::JOB_TITLE, "role", Text),
    tie(Field::COMPANY_REF, "works_at", COMPANY),
]);

pub(super) static FIRMS: Mapping = firms(&[
    plain(Field::NAME, "name", Text),
    plain(Field::DOMAIN, "domain", Text),
    plain(Field::PHONE, "phone", Phone),
    plain(Field::INDUSTRY, "trade", Text),
    tie(Field::PARENT, "belongs_to", COMPANY),
]);

pub(super) static STRICT_FIRMS: Mapping = firms(&[
    required(plain(Field::NAME, "name", Text)),
    plain(Field::DOMAIN, "domain", Text),
    plain(Field::PHONE, "phone", Phone),
    rule(Field::INDUSTRY, "trade", Text, CUT_AT_10),
    id(Field::PARENT, "belongs_to", COMPANY),
]);

pub(super) static LOSSY_FIRMS: Mapping = firms(&[
    rule(Field::NAME, "name", Text, LOWERED),
    plain(Field::DOMAIN, "domain", Text),
    plain(Field::PHONE, "phone", Phone),
    plain(Field::INDUSTRY, "trade", Text),
    tie(Field::PARENT, "belongs_to", COMPANY),
]);

pub(super) static DEALS: Mapping = deals(&[
    plain(Field::CURRENCY, "currency", Text),
    plain(Field::TITLE, "title", Text),
    plain(Field::VALUE, "worth", Money),
    on(Wire::Stage, plain(Field::STAGE, "stage", STAGE)),
    tie(Field::COMPANY_REF, "customer", COMPANY),
    tie(Field::CONTACTS, "people", CONTACTS),
]);

pub(super) static STRICT_DEALS: Mapping = deals(&[
    plain(Field::CURRENCY, "currency", Text),
    required(plain(Field::TITLE, "title", Text)),
    rule(Field::VALUE, "worth", Money, CENTS),
    on(Wire::Stage, plain(Field::STAGE, "stage", STAGE)),
    id(Field::COMPANY_REF, "customer", COMPANY),
    tie(Field::CONTACTS, "people", CONTACTS),
]);

pub(super) static LOSSY_DEALS: Mapping = deals(&[
    plain(Field::CURRENCY, "currency", Text),
    plain(Field::TITLE, "title", Text),
    rule(Field::VALUE, "worth", Money, WHOLE),
    on(Wire::Stage, plain(Field::STAGE, "stage", STAGE)),
    tie(Field::COMPANY_REF, "customer", COMPANY),
    tie(Field::CONTACTS, "people", CONTACTS),
]);

pub(super) static TASKS: Mapping = form(
    "task",
    &[
        tie(Field::CONTACTS, "people", CONTACTS),
        on(Wire::Variant, plain(Field::TYPE, "form", TYPE)),
        plain(Field::SUBJECT, "subject", Text),
        plain(Field::DUE_DATE, "due", Instant),
        tie(Field::DEAL, "about", DEAL),
        plain(Field::PROGRESS, "progress", PROGRESS),
    ],
);

pub(super) static CALLS: Mapping = form(
    "call",
    &[
        tie(Field::CONTACTS, "people", CONTACTS),
        on(Wire::Variant, plain(Field::TYPE, "form", TYPE)),
        plain(Field::SUBJECT, "subject", Text),
        plain(Field::DUE_DATE, "due", Instant),
        tie(Field::DEAL, "about", DEAL),
        plain(Field::DURATION_S, "seconds", Integer),
    ],
);

/// One person at most, and days instead of times.
pub(super) static STRICT_TASKS: Mapping = form(
    "task",
    &[
        lone(id(Field::CONTACTS, "who", CONTACTS)),
        on(Wire::Variant, plain(Field::TYPE, "form", TYPE)),
        plain(Field::SUBJECT, "subject", Text),
        on(Wire::Day, plain(Field::DUE_DATE, "due", Instant)),
        id(Field::DEAL, "about", DEAL),
        plain(Field::PROGRESS, "progress", PROGRESS),
    ],
);

/// As tasks are there.
pub(super) static STRICT_CALLS: Mapping = form(
    "call",
    &[
        lone(id(Field::CONTACTS, "who", CONTACTS)),
        on(Wire::Variant, plain(Field::TYPE, "form", TYPE)),
        plain(Field::SUBJECT, "subject", Text),
        on(Wire::Day, plain(Field::DUE_DATE, "due", Instant)),
        id(Field::DEAL, "about", DEAL),
        plain(Field::DURATION_S, "seconds", Integer),
    ],
);
