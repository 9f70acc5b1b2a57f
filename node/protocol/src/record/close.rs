//! The end of a competition: which submissions were there in time, says the host.

use super::rules::{RuleError, ascending, range, timestamp};
use crate::{RecordId, StatementId, limits::MAX_CLOSED};
use serde::{Deserialize, Serialize};

/// "These were in before the prove deadline."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// The competition.
    pub competition: RecordId,
    /// What the submissions state, ascending: at most 7,168. Not their records' ids, because a competitor can replace
    /// a record by one that states the same.
    pub submissions: Vec<StatementId>,
    /// When the host says that it was made, seconds since 1970.
    pub created: u64,
}

impl Close {
    /// Whether a submission is final.
    pub fn lists(&self, statement: StatementId) -> bool {
        self.submissions.binary_search(&statement).is_ok()
    }

    pub(super) fn validate(&self) -> Result<(), RuleError> {
        timestamp("created", self.created)?;
        range("final submissions", self.submissions.len() as u64, 0..=MAX_CLOSED as u64)?;
        ascending("final submissions", &self.submissions)
    }
}
