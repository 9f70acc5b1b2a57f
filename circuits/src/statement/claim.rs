//! Claims: everything public about a proof but the test set and the key.

use crate::model::SizeClass;
use serde::{Deserialize, Serialize};

/// Who competes. Hashed with a type tag, so that a node's key is never taken for an address on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Competitor {
    /// An ed25519 public key.
    Node([u8; 32]),
    /// An account on an EVM chain.
    Evm([u8; 20]),
}

impl Competitor {
    /// Tag (0 node, 1 EVM) and 32 bytes, an address left-padded with zeros.
    pub fn to_bytes(self) -> [u8; 33] {
        let mut out = [0; 33];
        match self {
            Self::Node(key) => out[1..].copy_from_slice(&key),
            Self::Evm(address) => {
                out[0] = 1;
                out[13..].copy_from_slice(&address);
            }
        }
        out
    }
}

/// Whose model, in which competition: what a commitment's model proof is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Id of the competition.
    pub competition: [u8; 32],
    /// The competitor.
    pub competitor: Competitor,
}

/// The rows of a test set that one proof covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chunk {
    /// Which chunk, from 0.
    pub index: u32,
    /// First row.
    pub lo: u64,
    /// One past the last row.
    pub hi: u64,
}

impl Chunk {
    /// The chunks of `rows` rows for a class: fixed by the two, every row exactly once.
    pub fn all(rows: usize, class: &SizeClass) -> Vec<Self> {
        (0..rows.div_ceil(class.rows))
            .map(|index| Self {
                index: index as u32,
                lo: (index * class.rows) as u64,
                hi: ((index + 1) * class.rows).min(rows) as u64,
            })
            .collect()
    }

    /// Rows covered.
    pub fn len(&self) -> u64 {
        self.hi.saturating_sub(self.lo)
    }

    /// Whether no row is covered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// "At least `correct` rows of this chunk are right, by the model in the entry's commitment."
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScoreClaim {
    /// Whose model, in which competition.
    pub scope: Scope,
    /// Id of the entry that carries the commitment.
    pub entry: [u8; 32],
    /// Digest of the roster of entries that stood when the test set was revealed; zero where it never was sealed.
    pub roster: [u8; 32],
    /// The rows that are covered.
    pub chunk: Chunk,
    /// Rows of the whole test set (N).
    pub rows: u64,
    /// The claimed count (K) among the chunk's rows.
    pub correct: u64,
}
