//! Plans that were written to files.

use crm_core::RunId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A plan that was written to a file. Only the store that made it carries it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenPlan {
    /// The fingerprint of the file.
    pub hash: String,
    /// When it was made; if it was made again, the last time.
    pub at: Timestamp,
    /// The runs that carried it out, oldest first: several if one of them did not come to its end.
    pub runs: Vec<RunId>,
    /// Whether nothing of it is left to be done.
    pub done: bool,
}
