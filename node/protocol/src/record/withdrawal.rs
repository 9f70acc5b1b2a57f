//! An entry taken back before the test set is revealed.

use super::rules::{RuleError, timestamp};
use crate::RecordId;
use serde::{Deserialize, Serialize};

/// "Do not put this entry on the roster." It makes place for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// The competition.
    pub competition: RecordId,
    /// The author's entry in it.
    pub entry: RecordId,
    /// When the competitor says that it was made, seconds since 1970.
    pub created: u64,
}

impl Withdrawal {
    pub(super) fn validate(&self) -> Result<(), RuleError> {
        timestamp("created", self.created)
    }
}
