//! The entry: a model that a competitor is bound to, by its commitment.

use super::{
    ProofBytes,
    rules::{RuleError, line, timestamp},
};
use crate::{RecordId, limits::MAX_DISPLAY_NAME_BYTES};
use circuits::{ClassId, groth16::COMMITMENT_BYTES};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An encoded model commitment `D_w`; whether it is a point is a matter of the proof check.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitmentBytes(#[serde(with = "serde_bytes")] pub [u8; COMMITMENT_BYTES]);

impl fmt::Debug for CommitmentBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitmentBytes({})", hex::encode(self.0))
    }
}

/// A model in a competition. The author is the competitor that its model proof is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<C = ClassId> {
    /// The competition.
    pub competition: RecordId,
    /// One of its size classes. The key follows from it, by the competition.
    pub class: C,
    /// The commitment to the model.
    pub commitment: CommitmentBytes,
    /// Proof that the committed weights are in range and the competitor knows them.
    pub model_proof: ProofBytes,
    /// What people call it: one line, 1 to 64 bytes, not unique.
    pub display_name: String,
    /// Salted BLAKE3 of the weights: unproved, an anchor for a later audit.
    #[serde(with = "serde_bytes")]
    pub audit_digest: [u8; 32],
    /// When the competitor says that it was made, seconds since 1970.
    pub created: u64,
}

impl Entry {
    pub(super) fn validate(&self) -> Result<(), RuleError> {
        line("display name", &self.display_name, MAX_DISPLAY_NAME_BYTES)?;
        timestamp("created", self.created)
    }
}
