//! The reveal of a sealed test set: from here on models are fixed, and everybody knows what they are scored on.

use super::rules::{RuleError, ascending, range, timestamp};
use crate::{
    Author, BlobRef, RecordId,
    limits::{MAX_ROSTER, MAX_ROWS, MAX_TEST_SET_BYTES},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A hash that hides a test set and binds its host to it: see [`Seal::of`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seal(#[serde(with = "serde_bytes")] pub [u8; 32]);

impl Seal {
    /// BLAKE3 over salt, host, test set and rows. The salt hides (it is 32 random bytes); the hash binds; the host's
    /// key keeps others from posting the same seal and opening it with the host's salt.
    pub fn of(host: &Author, test_set: &BlobRef, rows: u64, salt: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("podium 2025-11 seal of a test set v1");
        // Fixed lengths throughout.
        hasher.update(salt);
        hasher.update(host.key());
        hasher.update(test_set.id.as_bytes());
        hasher.update(&test_set.bytes.to_be_bytes());
        hasher.update(&rows.to_be_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({self})")
    }
}

/// What scores are about: from the competition where it is open, from a reveal where it was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scoring {
    /// The canonical test set.
    pub test_set: BlobRef,
    /// Its rows (N).
    pub rows: u64,
    /// [`roster_digest`] of the entries that may be scored; zero in an open competition.
    pub roster: [u8; 32],
    /// The reveal; none in an open competition.
    pub reveal: Option<RecordId>,
}

/// Opens the seal, and names the entries that were there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// The competition.
    pub competition: RecordId,
    /// The canonical test set.
    pub test_set: BlobRef,
    /// Its rows (N), 1 to 1,048,576.
    pub rows: u64,
    /// What kept it hidden.
    #[serde(with = "serde_bytes")]
    pub salt: [u8; 32],
    /// The entries that the host admits, ascending: 1 to 7,168.
    pub roster: Vec<RecordId>,
    /// When the host says that it was made, seconds since 1970.
    pub created: u64,
}

impl Reveal {
    /// Whether an entry is on the roster.
    pub fn lists(&self, entry: RecordId) -> bool {
        self.roster.binary_search(&entry).is_ok()
    }

    pub(super) fn validate(&self) -> Result<(), RuleError> {
        timestamp("created", self.created)?;
        range("test set bytes", self.test_set.bytes, 1..=MAX_TEST_SET_BYTES as u64)?;
        range("rows", self.rows, 1..=MAX_ROWS as u64)?;
        range("entries on the roster", self.roster.len() as u64, 1..=MAX_ROSTER as u64)?;
        ascending("roster", &self.roster)
    }
}

/// What proofs are bound to of a roster: the competition and its entries, ascending.
pub fn roster_digest(competition: RecordId, roster: &[RecordId]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("podium 2025-11 roster of entries v1");
    hasher.update(competition.as_bytes());
    // In one piece, which is hashed about six times as fast: every submission takes it.
    hasher.update(&roster.iter().flat_map(|entry| *entry.as_bytes()).collect::<Vec<u8>>());
    *hasher.finalize().as_bytes()
}
