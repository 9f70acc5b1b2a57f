//! What other programs of this user are doing with the node's data: proofs under way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest task, step or id of a [`Report`], in bytes. Longer ones are refused.
pub const MAX_WORK_TEXT_BYTES: usize = 256;

/// How far a program is with something that takes a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Chosen by the program; the same for all reports of one task.
    pub id: String,
    /// What it does: `proving`, `entering`.
    pub task: String,
    /// Competition id in hex, if it is for one.
    pub competition: Option<String>,
    /// The step that it is at, for people.
    pub step: String,
    /// Done of 10,000.
    pub done_bps: u32,
    /// Whether it has ended; it is forgotten then.
    pub ended: bool,
}

/// Work that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Work {
    /// The last report.
    pub report: Report,
    /// When the first report came, seconds since 1970.
    pub started: u64,
    /// When the last one came, seconds since 1970.
    pub updated: u64,
}
