//! A verifying key as the chain keeps it.

use crate::Pieces;
use alloy_primitives::{B256, FixedBytes};
use circuits::groth16::VerifyingKey;

/// A verifying key, ready to be registered. Its digest is the one that competitions off chains pin too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainKey {
    /// What competitions pin, and what the contract computes again.
    pub digest: B256,
    /// The size class.
    pub class: FixedBytes<20>,
    /// Who made it (0: a single party, who can forge).
    pub trust: u8,
    /// Its points.
    pub pieces: Pieces,
}

impl ChainKey {
    /// Of a checked key.
    pub fn of(key: &VerifyingKey) -> Self {
        Self {
            digest: key.digest().into(),
            class: key.class().class().descriptor().into(),
            trust: key.trust().to_byte(),
            pieces: Pieces::of(&key.to_evm()),
        }
    }
}
