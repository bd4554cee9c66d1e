//! The four kinds of object that are kept in step.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A company, called account or organisation by some vendors.
    Company,
    /// A person, called person by some vendors.
    Contact,
    /// A deal, called opportunity by some vendors.
    Deal,
    /// A task, call, meeting, note or e-mail.
    Activity,
}

impl ObjectKind {
    /// All kinds, in the order in which they are written: what is referred to comes first.
    pub const ALL: [Self; 4] = [Self::Company, Self::Contact, Self::Deal, Self::Activity];

    /// Returns the name used in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Company => "company",
            Self::Contact => "contact",
            Self::Deal => "deal",
            Self::Activity => "activity",
        }
    }

    /// Returns the plural, as used in configuration (`data_flow.contacts`).
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Company => "companies",
            Self::Contact => "contacts",
            Self::Deal => "deals",
            Self::Activity => "activities",
        }
    }

    /// Returns the kind of that name or plural.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name || kind.plural() == name)
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
