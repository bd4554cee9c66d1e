//! Policies: who wins when two sides changed one field differently. Each is a choice on the *set*
//! of contenders, so it cannot depend on the order in which they were seen.

use std::fmt;
use std::str::FromStr;

use crm_core::{FieldType, ProviderId};
use serde::{Deserialize, Serialize};

use crate::Direction;

/// Who wins.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Policy {
    /// The side of the highest rank: the primary, then the secondaries in their order.
    #[default]
    PrimaryWins,
    /// The side of the lowest rank.
    SecondaryWins,
    /// The latest change; where clocks cannot tell, the higher rank.
    LatestWins,
    /// The latest change; where clocks cannot tell, a person decides.
    StrictLatest,
    /// The value that says most: any before none, then the longer one by classes (twice as long
    /// is a class), then the higher rank.
    MostComplete,
    /// That connection whenever it contends; among others the higher rank.
    Owner(ProviderId),
    /// Nobody alone: the values are joined.
    Merged(Join),
    /// Nobody, until a person decides: the field is frozen everywhere.
    Manual,
}

/// How several values become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Join {
    /// As the type of the field suggests: sets are united, of numbers and times the largest is
    /// taken, of texts the longest.
    #[default]
    ByType,
    /// Sets: what any side added is added, what a side removed goes unless another one added it.
    Union,
    /// Counters: what each side added to what it had is added up.
    Sum,
    /// Numbers and times: the largest.
    Max,
    /// Texts: the longest.
    Longest,
}

impl Join {
    /// Returns how values of a type are joined; `None` if they cannot be.
    pub const fn of(self, ty: FieldType) -> Option<Self> {
        let (natural, number) = match ty {
            FieldType::List | FieldType::References(_) => (Some(Self::Union), false),
            FieldType::Integer | FieldType::Decimal | FieldType::Money => (Some(Self::Max), true),
            FieldType::Date | FieldType::Instant => (Some(Self::Max), false),
            FieldType::Text | FieldType::Email | FieldType::Phone | FieldType::Url => {
                (Some(Self::Longest), false)
            }
            FieldType::Bool | FieldType::Choice(_) | FieldType::Reference(_) => (None, false),
        };
        match (self, natural) {
            (Self::ByType, natural) => natural,
            (Self::Sum, _) if number => Some(Self::Sum),
            (Self::Union, Some(Self::Union))
            | (Self::Max, Some(Self::Max))
            | (Self::Longest, Some(Self::Longest)) => natural,
            (Self::Union | Self::Sum | Self::Max | Self::Longest, _) => None,
        }
    }
}

impl Policy {
    /// What is written in configuration; `CONNECTION` stands for the name of one.
    pub const NAMES: [&'static str; 12] = [
        "primary_wins",
        "secondary_wins",
        "latest_wins",
        "strict_latest",
        "most_complete",
        "owner:CONNECTION",
        "merged",
        "merged:union",
        "merged:sum",
        "merged:max",
        "merged:longest",
        "manual",
    ];

    /// Returns the connection that owns the field, if one does.
    pub const fn owner(&self) -> Option<&ProviderId> {
        match self {
            Self::Owner(owner) => Some(owner),
            Self::PrimaryWins
            | Self::SecondaryWins
            | Self::LatestWins
            | Self::StrictLatest
            | Self::MostComplete
            | Self::Merged(_)
            | Self::Manual => None,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrimaryWins => "primary_wins",
            Self::SecondaryWins => "secondary_wins",
            Self::LatestWins => "latest_wins",
            Self::StrictLatest => "strict_latest",
            Self::MostComplete => "most_complete",
            Self::Owner(owner) => return write!(f, "owner:{owner}"),
            Self::Merged(Join::ByType) => "merged",
            Self::Merged(Join::Union) => "merged:union",
            Self::Merged(Join::Sum) => "merged:sum",
            Self::Merged(Join::Max) => "merged:max",
            Self::Merged(Join::Longest) => "merged:longest",
            Self::Manual => "manual",
        })
    }
}

impl From<Policy> for String {
    fn from(policy: Policy) -> Self {
        policy.to_string()
    }
}

impl TryFrom<String> for Policy {
    type Error = UnknownPolicy;

    fn try_from(text: String) -> Result<Self, UnknownPolicy> {
        text.parse()
    }
}

/// The text names no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a policy: use one of {names}", names = Policy::NAMES.join(", "))]
pub struct UnknownPolicy(String);

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        Ok(match text {
            "primary_wins" => Self::PrimaryWins,
            "secondary_wins" => Self::SecondaryWins,
            "latest_wins" => Self::LatestWins,
            "strict_latest" => Self::StrictLatest,
            "most_complete" => Self::MostComplete,
            "merged" => Self::Merged(Join::ByType),
            "merged:union" => Self::Merged(Join::Union),
            "merged:sum" => Self::Merged(Join::Sum),
            "merged:max" => Self::Merged(Join::Max),
            "merged:longest" => Self::Merged(Join::Longest),
            "manual" => Self::Manual,
            _ => match text.strip_prefix("owner:").map(str::trim) {
                Some(owner) if !owner.is_empty() => Self::Owner(ProviderId::new(owner)),
                Some(_) | None => return Err(UnknownPolicy(text.to_owned())),
            },
        })
    }
}

/// What a word of a configuration means: a policy, and the direction that goes with it. Besides
/// the names of policies there are those under which users of CRMs know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Who wins.
    pub policy: Policy,
    /// Where changes of the field go, if the word says that too.
    pub direction: Option<Direction>,
}

impl FromStr for Preset {
    type Err = UnknownPolicy;

    /// Reads a policy's name, or a name that users know: "prefer primary unless blank", "always
    /// primary", "two-way", "don't sync".
    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        let with = |policy, direction| Ok(Self { policy, direction });
        let known = match &*words(text) {
            // The last three hold anyway: fields are merged, and a blank never beats a value.
            "primary"
            | "prefer_primary"
            | "prefer_primary_unless_blank"
            | "merge_fields"
            | "never_blank"
            | "prefer_non_blank" => Policy::PrimaryWins,
            "secondary" | "prefer_secondary" | "prefer_secondary_unless_blank" => {
                Policy::SecondaryWins
            }
            "newest_wins" => Policy::LatestWins,
            "two_way" => return with(Policy::LatestWins, Some(Direction::Bidirectional)),
            "always_primary" | "always_use_primary" => {
                return with(Policy::PrimaryWins, Some(Direction::FromPrimary));
            }
            "dont_sync" | "do_not_sync" => {
                return with(Policy::PrimaryWins, Some(Direction::Nowhere));
            }
            name => match name.split_once(':') {
                // The name of a connection is taken as it is spelled.
                Some(("owner", _)) => text.trim().parse()?,
                Some(_) | None => {
                    name.parse().map_err(|_unknown| UnknownPolicy(text.to_owned()))?
                }
            },
        };
        with(known, None)
    }
}

/// Returns the words of a name in lower case with `_` between them.
fn words(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '\'' | '’' => {}
            ' ' | '-' | '_' => {
                if !name.ends_with('_') {
                    name.push('_');
                }
            }
            c => name.extend(c.to_lowercase()),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_it_is_written() {
        for name in Policy::NAMES {
            let policy: Policy = name.parse().unwrap();
            assert_eq!(policy.to_string(), name);
            assert_eq!(Preset::from_str(name).unwrap(), Preset { policy, direction: None });
        }
        assert!("owner:".parse::<Policy>().is_err());
        assert!("merged:min".parse::<Policy>().is_err());
    }

    #[test]
    fn users_find_the_names_they_know() {
        let read = |text: &str| {
            let preset: Preset = text.parse().unwrap();
            (preset.policy, preset.direction)
        };
        assert_eq!(read("Prefer primary unless blank"), (Policy::PrimaryWins, None));
        let always = (Policy::PrimaryWins, Some(Direction::FromPrimary));
        assert_eq!(read("always primary"), always);
        assert_eq!(read("always-primary"), always);
        assert_eq!(read("two-way"), (Policy::LatestWins, Some(Direction::Bidirectional)));
        for name in ["don't sync", "don’t sync", "dont_sync"] {
            assert_eq!(read(name), (Policy::PrimaryWins, Some(Direction::Nowhere)));
        }
        assert_eq!(read("owner:My-CRM").0, Policy::Owner(ProviderId::new("My-CRM")));
    }

    #[test]
    fn values_are_joined_as_their_type_allows() {
        assert_eq!(Join::ByType.of(FieldType::List), Some(Join::Union));
        assert_eq!(Join::ByType.of(FieldType::Money), Some(Join::Max));
        assert_eq!(Join::Sum.of(FieldType::Integer), Some(Join::Sum));
        for (join, ty) in [
            (Join::ByType, FieldType::Bool),
            (Join::Sum, FieldType::Date),
            (Join::Union, FieldType::Text),
            (Join::Longest, FieldType::Integer),
        ] {
            assert_eq!(join.of(ty), None, "{join:?} of {ty:?}");
        }
    }
}
