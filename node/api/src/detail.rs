//! All of one submission, and a competition's prize.

use crate::Standing;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All that is known of one verified submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubmissionDetail {
    /// Whole id in hex.
    pub id: String,
    /// What it states, whole, in hex: its identity.
    pub statement: String,
    /// Competition id in hex.
    pub competition: String,
    /// Entry id in hex.
    pub entry: String,
    /// Id in hex of the reveal that it refers to; none in an open competition.
    pub reveal: Option<String>,
    /// Display name of the entry; not unique.
    pub display_name: String,
    /// Competitor's peer id.
    pub competitor: String,
    /// Size class.
    pub size_class: String,
    /// The model commitment in hex.
    pub commitment: String,
    /// BLAKE3 of the verifying key that its proofs were checked with, in hex: the competition pins it.
    pub verifying_key: String,
    /// BLAKE3 of the proving key, in hex.
    pub proving_key: String,
    /// BLAKE3 of the test set, in hex.
    pub test_set: Option<String>,
    /// Proved count.
    pub correct: u64,
    /// Of so many rows.
    pub rows: u64,
    /// Proved counts of its chunks, in order.
    pub chunks: Vec<u64>,
    /// Bytes of its proofs.
    pub proof_bytes: u64,
    /// Bytes of the signed record.
    pub record_bytes: u64,
    /// Where it stands.
    pub standing: Standing,
    /// The competitor's claim of when it was made, seconds since 1970.
    pub created: u64,
    /// When this node saw it first, seconds since 1970.
    pub first_seen: u64,
    /// Verification time in microseconds, 0 if not measured.
    pub verify_us: u64,
}

/// A prize that a contract is said to hold: look there whether it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Prize {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The contract's address, `0x` and hex.
    pub contract: String,
    /// The competition's id in the contract, in hex.
    pub id: String,
}
