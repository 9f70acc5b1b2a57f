//! The one transcript: everything public, then `D`; Keccak-256, so that a contract recomputes it cheaply.

use super::points::{Commitment, eip_g1};
use crate::model::SizeClass;
use crate::statement::{Challenges, Chunk, Scope, ScoreClaim};
use ark_bn254::{Fr, G1Affine};
use ark_ff::PrimeField;
use sha3::{Digest, Keccak256};

const DOMAIN: &[u8; 32] = b"podium challenge transcript v2\0\0";

/// What is hashed before `D`. Every field has a fixed length; integers are big-endian.
///
/// | bytes | field |
/// |---|---|
/// | 32 | domain tag |
/// | 32 | verifying key digest |
/// | 20 | size class descriptor |
/// | 1 | mode |
/// | 32 | test set digest: BLAKE3 of a node, Keccak-256 of an EVM account (zero in a model proof) |
/// | 4 + 8 + 8 | chunk index, first row, one past the last row |
/// | 8 + 8 | N, K |
/// | 32 + 33 | competition, competitor |
/// | 32 + 32 | entry, roster (zero in a model proof) |
/// | 64 | `D_w` |
/// | 64 | `D` |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    bytes: Vec<u8>,
}

impl Transcript {
    /// Of a model proof: mode 1, nothing counted.
    pub fn model(key: &[u8; 32], class: &SizeClass, scope: &Scope, commitment: &Commitment) -> Self {
        let claim = ScoreClaim {
            scope: *scope,
            entry: [0; 32],
            roster: [0; 32],
            chunk: Chunk { index: 0, lo: 0, hi: 0 },
            rows: 0,
            correct: 0,
        };
        Self::new(key, class, 1, &[0; 32], &claim, commitment)
    }

    /// Of a score: mode 0.
    pub fn score(
        key: &[u8; 32],
        class: &SizeClass,
        test_set: &[u8; 32],
        claim: &ScoreClaim,
        commitment: &Commitment,
    ) -> Self {
        Self::new(key, class, 0, test_set, claim, commitment)
    }

    fn new(
        key: &[u8; 32],
        class: &SizeClass,
        mode: u8,
        test_set: &[u8; 32],
        claim: &ScoreClaim,
        commitment: &Commitment,
    ) -> Self {
        let mut bytes = DOMAIN.to_vec();
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(&class.descriptor());
        bytes.push(mode);
        bytes.extend_from_slice(test_set);
        bytes.extend_from_slice(&claim.chunk.index.to_be_bytes());
        for value in [claim.chunk.lo, claim.chunk.hi, claim.rows, claim.correct] {
            bytes.extend_from_slice(&value.to_be_bytes());
        }
        bytes.extend_from_slice(&claim.scope.competition);
        bytes.extend_from_slice(&claim.scope.competitor.to_bytes());
        bytes.extend_from_slice(&claim.entry);
        bytes.extend_from_slice(&claim.roster);
        eip_g1(&mut bytes, &commitment.0);
        Self { bytes }
    }

    /// Everything before `D`, for blinders.
    pub(super) fn prefix(&self) -> &[u8] {
        &self.bytes
    }

    /// Hashes `D` and expands: `seed = keccak(transcript)`, and for each challenge the 64 bytes
    /// `keccak(seed || i || 0) || keccak(seed || i || 1)` are a big-endian integer that is reduced mod r.
    pub(crate) fn challenges(&self, d: &G1Affine) -> Challenges {
        let mut bytes = self.bytes.clone();
        eip_g1(&mut bytes, d);
        let seed = Keccak256::digest(&bytes);
        let expand = |index: u8| {
            let half = |part: u8| {
                let mut hash = Keccak256::new();
                hash.update(seed);
                hash.update([index, part]);
                hash.finalize()
            };
            // 512 bits mod a 254-bit prime: the bias is below 2^-257. Not an input: nothing to be canonical.
            Fr::from_be_bytes_mod_order(&[half(0), half(1)].concat())
        };
        Challenges { x: expand(0), y: expand(1), rho: expand(2) }
    }
}
