//! The verifier's equation, and why a proof is refused.

use super::keys::VerifyingKey;
use super::points::{Commitment, Proof};
use ark_bn254::{Bn254, Fr};
use ark_ec::CurveGroup;
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ff::Field;

/// Why a proof is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Another number of public inputs than the key has.
    #[error("expected {expected} public inputs, got {got}")]
    Inputs {
        /// Inputs of the key.
        expected: usize,
        /// Inputs of the statement.
        got: usize,
    },
    /// The pairing equation does not hold: the proof is not one of this statement.
    #[error("the proof does not hold for this statement")]
    Invalid,
    /// The model proof in the same batch that a score is built on is refused, or there is none at this index.
    #[error("expected a model proof that holds at index {index} of the batch")]
    Unverified {
        /// Index in the batch, from 0.
        index: usize,
    },
    /// No model proof of this commitment by this competitor under this key has been verified.
    #[error("{what}: expected that of the verified model proof, {expected}, got {got}")]
    Model {
        /// Which field differs.
        what: &'static str,
        /// What was verified.
        expected: String,
        /// What is claimed.
        got: String,
    },
    /// The test set does not fit into the size class.
    #[error(
        "the test set of {features} features up to {x_max} and {classes} classes does not fit into {class}"
    )]
    TestSet {
        /// The size class.
        class: &'static str,
        /// Features of the test set.
        features: usize,
        /// Its largest value.
        x_max: u16,
        /// Its classes.
        classes: usize,
    },
    /// N, K or the chunk is impossible.
    #[error("{what}: expected {expected}, got {got}")]
    Claim {
        /// Which number.
        what: &'static str,
        /// Its value or bound.
        expected: u64,
        /// What is claimed.
        got: u64,
    },
}

/// A proof with all that its equation takes from the statement.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    /// `D_w`.
    pub commitment: Commitment,
    /// A, B, C, D.
    pub proof: Proof,
    /// As [`crate::statement::PublicInputs::to_vec`] orders them.
    pub public: Vec<Fr>,
}

impl Instance {
    /// # Errors
    /// As [`verify`].
    pub fn verify(&self, vk: &VerifyingKey) -> Result<(), VerifyError> {
        verify(vk, &self.commitment, &self.proof, &self.public)
    }
}

/// `e(A,B) e(-IC,gamma) e(-D,eta) e(-D_w,eta_w) e(-C,delta) = e(alpha,beta)`.
///
/// # Errors
/// That of [`check_inputs`], [`VerifyError::Invalid`] if the equation does not hold.
pub(crate) fn verify(
    vk: &VerifyingKey,
    commitment: &Commitment,
    proof: &Proof,
    public: &[Fr],
) -> Result<(), VerifyError> {
    check_inputs(vk, public)?;
    let key = vk.prepared();
    // The sum over public inputs takes as long as the pairings that do not need it: both at once.
    let (terms, ic) = rayon::join(
        || {
            Bn254::multi_miller_loop(
                [proof.a, -proof.d, -commitment.0, -proof.c],
                [proof.b.into(), key.eta.clone(), key.eta_w.clone(), key.delta.clone()],
            )
        },
        || vk.input_sum(Fr::ONE, public),
    );
    let inputs = Bn254::miller_loop((-ic).into_affine(), key.gamma.clone());
    let terms = MillerLoopOutput(terms.0 * inputs.0);
    match Bn254::final_exponentiation(terms) {
        Some(product) if product == key.alpha_beta => Ok(()),
        _ => Err(VerifyError::Invalid),
    }
}

/// # Errors
/// [`VerifyError::Inputs`] on another number of inputs than the key has (`ark-groth16` 0.6 does not check it).
pub(super) fn check_inputs(vk: &VerifyingKey, public: &[Fr]) -> Result<(), VerifyError> {
    let (expected, got) = (vk.inputs(), public.len());
    if expected == got { Ok(()) } else { Err(VerifyError::Inputs { expected, got }) }
}
