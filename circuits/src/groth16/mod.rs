//! Groth16 with two commitments (interface; bodies to come).

use crate::model::{ClassId, IntegerModel, SizeClass};
use crate::statement::{Scope, ScoreClaim, TestSet};

/// Compressed length of a proof: A, B, C, D.
pub const PROOF_BYTES: usize = 160;
/// Compressed length of a commitment.
pub const COMMITMENT_BYTES: usize = 32;

/// Encoded proof, parsed and checked: canonical, on the curve, in the subgroup, no infinity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof([u8; PROOF_BYTES]);

/// A model commitment `D_w`, parsed and checked like a proof's points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Commitment([u8; COMMITMENT_BYTES]);

/// Who made a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupTrust {
    /// One party: can forge proofs and perhaps read weights out of them.
    SingleParty,
}

/// Why bytes are not a proof, a commitment or a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("to come")]
pub struct DecodeError;

/// Why a proof was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("to come")]
pub struct ProveError;

/// Why a proof is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("to come")]
pub struct VerifyError;

impl Proof {
    /// Parses and checks.
    pub fn from_bytes(_bytes: &[u8]) -> Result<Self, DecodeError> {
        todo!()
    }
    /// 160 bytes.
    pub fn to_bytes(&self) -> [u8; PROOF_BYTES] {
        self.0
    }
}

impl Commitment {
    /// Parses and checks.
    pub fn from_bytes(_bytes: &[u8]) -> Result<Self, DecodeError> {
        todo!()
    }
    /// 32 bytes.
    pub fn to_bytes(&self) -> [u8; COMMITMENT_BYTES] {
        self.0
    }
}

/// A verifying key, checked at load and prepared for pairings. Cheap to clone (shared).
#[derive(Clone, Debug)]
pub struct VerifyingKey {}

impl VerifyingKey {
    /// Parses and checks: version, class, number of inputs, canonical points, no degenerate elements.
    pub fn from_bytes(_bytes: &[u8]) -> Result<Self, DecodeError> {
        todo!()
    }
    /// Canonical bytes: a blob.
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
    /// Keccak-256 of the points: what the challenges and the competition's manifest are bound to.
    pub fn digest(&self) -> [u8; 32] {
        todo!()
    }
    /// Size class.
    pub fn class(&self) -> ClassId {
        todo!()
    }
    /// Who made it.
    pub fn trust(&self) -> SetupTrust {
        todo!()
    }
}

/// A proving key.
pub struct ProvingKey {}

impl ProvingKey {
    /// Makes a single-party key. `progress` is told the step's name and the fraction done, 0 to 1.
    pub fn generate(
        _class: &SizeClass,
        _rng: &mut (impl rand::RngCore + rand::CryptoRng),
        _progress: &dyn Fn(&str, f64),
    ) -> Result<Self, ProveError> {
        todo!()
    }
    /// Writes the key file: header (version, class, trust, verifying key), then raw points.
    pub fn write(&self, _out: &mut dyn std::io::Write) -> std::io::Result<()> {
        todo!()
    }
    /// Loads a key file whose BLAKE3 digest the caller has pinned: the digest is checked, the points are not
    /// (apart from the verifying key, which always is).
    pub fn from_pinned_bytes(_bytes: &[u8], _blake3: &[u8; 32]) -> Result<Self, DecodeError> {
        todo!()
    }
    /// Its verifying key.
    pub fn verifying_key(&self) -> &VerifyingKey {
        todo!()
    }
}

/// The opening of a commitment: as secret as the weights. Bytes are for a 0600 file.
pub struct Opening {}

impl Opening {
    /// Canonical bytes (CBOR) for a 0600 file.
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
    /// Reads them again.
    pub fn from_bytes(_bytes: &[u8]) -> Result<Self, DecodeError> {
        todo!()
    }
    /// The commitment that it opens.
    pub fn commitment(&self) -> Commitment {
        todo!()
    }
    /// The model inside.
    pub fn model(&self) -> &IntegerModel {
        todo!()
    }
    /// Salted BLAKE3 digest of the canonical weights, for an entry: unproved, an anchor for later audits.
    pub fn audit_digest(&self) -> [u8; 32] {
        todo!()
    }
}

/// Commits to a model for one competition. `secret` is the competitor's local secret (32 random bytes kept in a 0600 file);
/// the blinder is a PRF of it, the key, the competition and the weights: the same again after a crash.
pub fn commit(
    _pk: &ProvingKey,
    _model: &IntegerModel,
    _competition: &[u8; 32],
    _secret: &[u8; 32],
) -> Result<Opening, ProveError> {
    todo!()
}

/// Makes the model proof (mode 1): every committed weight is in range, and the competitor knows the opening.
pub fn prove_model(
    _pk: &ProvingKey,
    _opening: &Opening,
    _scope: &Scope,
    _secret: &[u8; 32],
    _progress: &dyn Fn(&str, f64),
) -> Result<Proof, ProveError> {
    todo!()
}

/// Makes one score proof (mode 0) for one chunk and verifies it before it is returned.
/// The claimed count may be lower than what the model reaches, never higher.
pub fn prove_score(
    _pk: &ProvingKey,
    _opening: &Opening,
    _set: &TestSet,
    _claim: &ScoreClaim,
    _secret: &[u8; 32],
    _progress: &dyn Fn(&str, f64),
) -> Result<Proof, ProveError> {
    todo!()
}

/// Evidence that this process has verified a model proof; made only by [`verify_model`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedModel {}

/// Verifies a model proof.
pub fn verify_model(
    _vk: &VerifyingKey,
    _scope: &Scope,
    _commitment: &Commitment,
    _proof: &Proof,
) -> Result<VerifiedModel, VerifyError> {
    todo!()
}

/// Verifies one score proof. Key, scope and commitment must be those of the verified model proof.
pub fn verify_score(
    _vk: &VerifyingKey,
    _set: &TestSet,
    _model: &VerifiedModel,
    _claim: &ScoreClaim,
    _proof: &Proof,
) -> Result<(), VerifyError> {
    todo!()
}
