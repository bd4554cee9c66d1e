//! The types of record and their members.

/// What a member holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A text, at most 255 characters.
    Text,
    /// A longer text.
    Long,
    Integer,
    Number,
    Bool,
    Date,
    /// `HH:MM` or `HH:MM:SS`.
    Clock,
    /// `2026-11-24T08:00:00Z`.
    Stamp,
    User,
    /// The number of a record of that kind.
    Ref(&'static str),
    /// `[{value, primary, label}]`.
    Lines,
    /// `{value, country, …}`.
    Address,
    /// `[{person_id, primary}]`.
    Participants,
    /// A list of whole numbers.
    Numbers,
    Status,
    Stage,
    Pipeline,
    Currency,
    ActivityType,
}

/// Who may set a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    Always,
    Never,
}

/// One member of a type of record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) set: Set,
}

/// One type of record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// As paths spell it.
    pub(super) plural: &'static str,
    /// As error texts spell it.
    pub(super) title: &'static str,
    /// As the paths of field definitions begin.
    pub(super) fields: &'static str,
    /// The member that a create needs.
    pub(super) needs: Option<&'static str>,
    pub(super) members: &'static [Member],
    pub(super) has_custom_fields: bool,
}

impl Kind {
    pub(super) fn named(plural: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.plural == plural)
    }

    pub(super) fn member(&self, name: &str) -> Option<&'static Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// Returns whether two records can become one.
    pub(super) fn merges(&self) -> bool {
        self.has_custom_fields
    }
}

const fn member(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, set: Set::Always }
}

const fn shown(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, set: Set::Never }
}

/// All types that the fake holds.
pub(super) static KINDS: [Kind; 4] = [
    Kind {
        plural: "organizations",
        title: "Organization",
        fields: "organizationFields",
        needs: Some("name"),
        members: &[
            member("name", Shape::Text),
            member("owner_id", Shape::User),
            member("address", Shape::Address),
            member("website", Shape::Text),
            member("linkedin", Shape::Text),
            member("industry", Shape::Integer),
            member("annual_revenue", Shape::Number),
            member("employee_count", Shape::Integer),
            member("label_ids", Shape::Numbers),
            member("visible_to", Shape::Integer),
        ],
        has_custom_fields: true,
    },
    Kind {
        plural: "persons",
        title: "Person",
        fields: "personFields",
        needs: None,
        members: &[
            member("name", Shape::Text),
            shown("first_name", Shape::Text),
            shown("last_name", Shape::Text),
            member("owner_id", Shape::User),
            member("org_id", Shape::Ref("organizations")),
            member("emails", Shape::Lines),
            member("phones", Shape::Lines),
            member("label_ids", Shape::Numbers),
            member("visible_to", Shape::Integer),
            shown("picture_id", Shape::Integer),
        ],
        has_custom_fields: true,
    },
    Kind {
        plural: "deals",
        title: "Deal",
        fields: "dealFields",
        needs: Some("title"),
        members: &[
            member("title", Shape::Text),
            shown("creator_user_id", Shape::User),
            member("value", Shape::Number),
            member("currency", Shape::Currency),
            member("person_id", Shape::Ref("persons")),
            member("org_id", Shape::Ref("organizations")),
            member("owner_id", Shape::User),
            member("pipeline_id", Shape::Pipeline),
            member("stage_id", Shape::Stage),
            member("status", Shape::Status),
            member("probability", Shape::Number),
            member("lost_reason", Shape::Text),
            member("expected_close_date", Shape::Date),
            member("close_time", Shape::Stamp),
            member("won_time", Shape::Stamp),
            member("lost_time", Shape::Stamp),
            shown("stage_change_time", Shape::Stamp),
            shown("origin", Shape::Text),
            shown("origin_id", Shape::Text),
            member("channel", Shape::Integer),
            member("channel_id", Shape::Text),
            member("is_archived", Shape::Bool),
            member("archive_time", Shape::Stamp),
            member("label_ids", Shape::Numbers),
            member("visible_to", Shape::Integer),
        ],
        has_custom_fields: true,
    },
    Kind {
        plural: "activities",
        title: "Activity",
        fields: "activityFields",
        needs: None,
        members: &[
            member("subject", Shape::Text),
            member("type", Shape::ActivityType),
            member("owner_id", Shape::User),
            shown("creator_user_id", Shape::User),
            member("deal_id", Shape::Ref("deals")),
            member("lead_id", Shape::Text),
            // Set through the participants, of whom it is the primary one.
            shown("person_id", Shape::Ref("persons")),
            member("org_id", Shape::Ref("organizations")),
            member("due_date", Shape::Date),
            member("due_time", Shape::Clock),
            member("duration", Shape::Clock),
            member("busy", Shape::Bool),
            member("done", Shape::Bool),
            shown("marked_as_done_time", Shape::Stamp),
            member("location", Shape::Address),
            member("participants", Shape::Participants),
            member("public_description", Shape::Long),
            member("priority", Shape::Integer),
            member("note", Shape::Long),
        ],
        has_custom_fields: false,
    },
];
