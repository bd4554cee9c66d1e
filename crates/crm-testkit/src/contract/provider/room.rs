//! What a room tells the suite about itself: names, paths, and what its fake can do.

use crm_core::{Field, ObjectKind};

use crate::fake::Fake;

/// What is particular to one room and the kind, or form of a kind, under test. Begin with
/// [`Room::of`], so that a new member does not break a room that has no use for it.
#[derive(Clone, Debug)]
pub struct Room {
    /// The kind under test.
    pub kind: ObjectKind,
    /// The form under test, where the kind has several.
    pub variant: Option<&'static str>,
    /// The vendor's name of it, as the fake's control interface spells it.
    pub table: &'static str,
    /// What stands before the fake's id in an id of the room.
    pub id_prefix: &'static str,
    /// An id of the room's form that no record has.
    pub nobody: &'static str,
    /// A part of the path of every call that concerns records.
    pub any_path: &'static str,
    /// A part of the path of a read by id.
    pub read_path: &'static str,
    /// A part of the path of a create.
    pub create_path: &'static str,
    /// A part of the path of an update.
    pub update_path: &'static str,
    /// A field that no two records may share, if the fake keeps one.
    pub unique: Option<Field>,
    /// Members, by the vendor's names, that a user's record needs besides those of the suite.
    pub seeded: &'static [(&'static str, &'static str)],
    /// The same for the records that references point at, by the vendor's name of their kind.
    pub seeded_targets: &'static [(&'static str, &'static [(&'static str, &'static str)])],
    /// Whether two records can be merged.
    pub merging: Merging,
    /// How many requests one look at a feed is when nothing changed: one for each type of record
    /// that the vendor keeps apart.
    pub streams: usize,
    /// The same of the feed of deletions, where that is another number.
    pub deletion_streams: Option<usize>,
    /// All forms of the kind, where it has several.
    pub forms: &'static [FormOf],
    /// What the references of the kind point at; one for each reference that is declared.
    pub targets: &'static [Target],
    /// Returns what a person reads of a stored text, where the room keeps more in it.
    pub plain: fn(&str) -> &str,
    /// How a user of the CRM makes or cuts a tie.
    pub tie: fn(&Tied<'_>),
    /// The users of the fake, where the kind has an owner.
    pub users: &'static [User],
    /// The stages of the fake, where the kind has some: several may stand for one of ours.
    pub stages: &'static [StageOf],
}

/// Whether two records can be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merging {
    /// They can, and a read of the one that is no more names the other.
    Possible,
    /// They can, and the one that is no more is gone without a word of the other.
    Untold,
    /// The vendor has no such thing for the kind.
    Impossible,
}

/// A form of a kind.
#[derive(Clone, Copy, Debug)]
pub struct FormOf {
    /// The value of `type`.
    pub variant: &'static str,
    /// The vendor's name of it, as the fake's control interface spells it.
    pub table: &'static str,
    /// What stands before the fake's id in an id of the room.
    pub id_prefix: &'static str,
}

/// What a reference points at.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The reference.
    pub field: Field,
    /// The vendor's name of what it points at, as the fake's control interface spells it.
    pub table: &'static str,
    /// An id of that kind that no record has.
    pub nobody: &'static str,
}

/// A tie that a user makes or cuts; ids are the fake's.
#[derive(Clone, Copy, Debug)]
pub struct Tied<'a> {
    /// The fake.
    pub fake: &'a dyn Fake,
    /// The table of the record that refers.
    pub table: &'a str,
    /// The record that refers.
    pub id: &'a str,
    /// The reference.
    pub field: Field,
    /// The table of the other record.
    pub target_table: &'a str,
    /// The other record.
    pub target: &'a str,
    /// What is done.
    pub deed: Deed,
}

/// What a user does to a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Makes it. A reference to one record points there from then on.
    Make,
    /// Cuts it.
    Cut,
}

/// A user of the fake.
#[derive(Clone, Copy, Debug)]
pub struct User {
    /// The id, as records hold it.
    pub id: &'static str,
    /// The e-mail address.
    pub email: &'static str,
    /// Whether records can be given to the user.
    pub active: bool,
}

/// A stage of the fake.
#[derive(Clone, Copy, Debug)]
pub struct StageOf {
    /// What records hold.
    pub stored: &'static str,
    /// Which of our stages it is.
    pub ours: &'static str,
}

impl Room {
    /// Returns the room of a kind with the paths still empty: no forms, no ties, no users.
    pub const fn of(kind: ObjectKind, table: &'static str) -> Self {
        Self {
            kind,
            variant: None,
            table,
            id_prefix: "",
            nobody: "",
            any_path: "",
            read_path: "",
            create_path: "",
            update_path: "",
            unique: None,
            seeded: &[],
            seeded_targets: &[],
            merging: Merging::Possible,
            streams: 1,
            deletion_streams: None,
            forms: &[],
            targets: &[],
            plain: whole,
            tie: untied,
            users: &[],
            stages: &[],
        }
    }
}

const fn whole(text: &str) -> &str {
    text
}

fn untied(tied: &Tied<'_>) {
    panic!("the room does not say how a user ties {} to {}", tied.table, tied.target_table);
}
