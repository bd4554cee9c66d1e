//! Why a written plan cannot be carried out.

use std::io;

/// Why a written plan cannot be made or carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanFault {
    /// The file cannot be read or written.
    #[error("the plan file: {0}")]
    File(#[from] io::Error),
    /// It is something else.
    #[error("this file is no plan of crm")]
    NoPlan,
    /// Another release made it.
    #[error("the plan has form {0}, which this release of crm does not read")]
    OtherForm(u64),
    /// It is not as it was written.
    #[error("the plan file is damaged at line {line}: {why}")]
    Damaged {
        /// Where.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// Another store made it.
    #[error("this store did not make the plan")]
    OtherStore,
    /// The configuration is another one than it was made with.
    #[error("the configuration changed since the plan was made")]
    OtherRules,
    /// Too much changed since it was made.
    #[error(
        "{moved} of the plan's {planned} records changed since it was made; more than {limit} \
         is too much"
    )]
    Moved {
        /// How many records changed, at least.
        moved: u64,
        /// How many there are in the plan.
        planned: u64,
        /// How many may.
        limit: u64,
    },
}

impl PlanFault {
    /// Returns what a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::File(_) => "look at the file and its folder".to_owned(),
            Self::NoPlan => "name a file that `crm plan -o FILE` wrote".to_owned(),
            Self::OtherForm(_) | Self::OtherRules | Self::Moved { .. } | Self::Damaged { .. } => {
                "make a new plan: `crm plan -o FILE`".to_owned()
            }
            Self::OtherStore => {
                "use the configuration and the store (store.sqlite or CRM_DATABASE) that it was \
                 made with, or make a new plan: `crm plan -o FILE`"
                    .to_owned()
            }
        }
    }
}
