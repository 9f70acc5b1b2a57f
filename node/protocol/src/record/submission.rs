//! The submission: a claimed count, with a proof for every chunk of the test set.

use super::rules::{RuleError, range, timestamp};
use crate::{
    Author, RecordId, StatementId,
    limits::{MAX_CHUNKS, MAX_ROWS},
};
use circuits::groth16::PROOF_BYTES;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An encoded proof; whether its points are points is a matter of the proof check.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProofBytes(#[serde(with = "serde_bytes")] pub [u8; PROOF_BYTES]);

impl fmt::Debug for ProofBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start: String = hex::encode(self.0).chars().take(16).collect();
        write!(f, "ProofBytes({start}…)")
    }
}

/// The claim about one chunk of rows, with its proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkProof {
    /// At least so many rows of the chunk are right.
    pub correct: u64,
    /// Its proof.
    pub proof: ProofBytes,
}

/// "The entry's model classifies at least K rows correctly": K is the sum over the chunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The competition.
    pub competition: RecordId,
    /// The author's entry in it.
    pub entry: RecordId,
    /// The reveal with the entry on its roster; none in an open competition.
    pub reveal: Option<RecordId>,
    /// When the competitor says that it was made, seconds since 1970.
    pub created: u64,
    /// Every chunk in order: which rows they cover follows from the competition and the size class.
    pub chunks: Vec<ChunkProof>,
}

impl Submission {
    /// The claimed count K.
    pub fn correct(&self) -> u64 {
        self.chunks.iter().fold(0, |sum, chunk| sum.saturating_add(chunk.correct))
    }

    pub(super) fn validate(&self) -> Result<(), RuleError> {
        timestamp("created", self.created)?;
        range("chunks", self.chunks.len() as u64, 1..=MAX_CHUNKS as u64)?;
        for chunk in &self.chunks {
            range("correct rows of a chunk", chunk.correct, 0..=MAX_ROWS as u64)?;
        }
        Ok(())
    }
}

/// What a submission by `author` states: competition, entry, reveal, competitor and claims. Neither the proofs' bytes nor the
/// time are part of it, so that proofs made anew do not make a second submission.
pub fn statement_id(author: &Author, submission: &Submission) -> StatementId {
    let mut hasher = blake3::Hasher::new_derive_key("podium 2025-11 statement of a submission v2");
    // Fixed lengths throughout, so that no two statements have the same bytes.
    hasher.update(submission.competition.as_bytes());
    hasher.update(submission.entry.as_bytes());
    hasher.update(submission.reveal.as_ref().map_or(&[0; 32], |id| id.as_bytes()));
    hasher.update(&author.competitor().to_bytes());
    hasher.update(&(submission.chunks.len() as u64).to_be_bytes());
    for chunk in &submission.chunks {
        hasher.update(&chunk.correct.to_be_bytes());
    }
    StatementId::new(*hasher.finalize().as_bytes())
}
