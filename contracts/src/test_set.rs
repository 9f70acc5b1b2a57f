//! A test set as a host seals it, and later reveals it.

use crate::{Pieces, Shape};
use alloy_primitives::{Address, B256, keccak256};
use alloy_sol_types::SolValue;
use circuits::TestSet;

/// As the contract pads it.
pub(crate) fn domain(text: &str) -> B256 {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    out.into()
}

/// The seal of a test set's digest. The salt hides the test set: 32 bytes of the system's randomness. The host in it keeps
/// others from posting the same seal.
pub fn seal(host: Address, salt: B256, test_set: B256) -> B256 {
    keccak256((domain("podium chain seal v1"), host, salt, test_set).abi_encode())
}

/// A test set with the salt that hides it until the reveal. As secret as the test set.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedTestSet {
    /// Its size, which the terms say.
    pub shape: Shape,
    /// What scores over it are bound to.
    pub digest: B256,
    /// What hides it.
    pub salt: B256,
    /// What is stored at the reveal.
    pub pieces: Pieces,
}

impl std::fmt::Debug for SealedTestSet {
    /// Shows the size alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedTestSet").field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl SealedTestSet {
    /// `salt`: 32 bytes of the system's randomness.
    pub fn new(set: &TestSet, salt: B256) -> Self {
        Self {
            shape: Shape {
                rows: set.rows() as u32,
                features: set.features() as u32,
                classes: set.classes() as u32,
                bits: set.task().feature_bits,
            },
            digest: set.evm_digest().into(),
            salt,
            pieces: Pieces::of(&set.evm_bytes()),
        }
    }

    /// What the terms say of it.
    pub fn seal(&self, host: Address) -> B256 {
        seal(host, self.salt, self.digest)
    }
}
