//! Policies: who wins when two sides changed one field differently.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Who wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The side of the highest rank: the primary, then the secondaries in their order.
    #[default]
    PrimaryWins,
    /// The side of the lowest rank.
    SecondaryWins,
    /// The latest change; where clocks cannot tell, the higher rank.
    LatestWins,
    /// Nobody, until a person decides: the field is frozen everywhere.
    Manual,
}

impl Policy {
    /// All policies.
    pub const ALL: [Self; 4] =
        [Self::PrimaryWins, Self::SecondaryWins, Self::LatestWins, Self::Manual];

    /// Returns the name used in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PrimaryWins => "primary_wins",
            Self::SecondaryWins => "secondary_wins",
            Self::LatestWins => "latest_wins",
            Self::Manual => "manual",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a policy: use primary_wins, secondary_wins, latest_wins or manual")]
pub struct UnknownPolicy(String);

impl FromStr for Policy {
    type Err = UnknownPolicy;

    /// Reads the name, or another name under which users know the policy.
    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        match text {
            "primary_wins" | "primary" | "always_primary" => Ok(Self::PrimaryWins),
            "secondary_wins" | "secondary" => Ok(Self::SecondaryWins),
            "latest_wins" | "newest_wins" | "two_way" => Ok(Self::LatestWins),
            "manual" => Ok(Self::Manual),
            _ => Err(UnknownPolicy(text.to_owned())),
        }
    }
}
