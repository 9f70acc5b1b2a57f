//! The verifier's equation, and why a proof is refused.

use super::keys::VerifyingKey;
use super::points::{Commitment, Proof};
use ark_bn254::{Bn254, Fr};
use ark_ec::CurveGroup;
use ark_ec::pairing::{MillerLoopOutput, Pairing};

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

/// `e(A,B) e(-IC,gamma) e(-D,eta) e(-D_w,eta_w) e(-C,delta) = e(alpha,beta)`.
///
/// # Errors
/// [`VerifyError::Inputs`] on another number of inputs (`ark-groth16` 0.6 does not check it),
/// [`VerifyError::Invalid`] if the equation does not hold.
pub(crate) fn verify(
    vk: &VerifyingKey,
    commitment: &Commitment,
    proof: &Proof,
    public: &[Fr],
) -> Result<(), VerifyError> {
    let key = vk.prepared();
    let expected = vk.raw().ic.len().saturating_sub(1);
    if public.len() != expected {
        return Err(VerifyError::Inputs { expected, got: public.len() });
    }
    // The sum over public inputs takes as long as the pairings that do not need it: both at once.
    let (terms, ic) = rayon::join(
        || {
            Bn254::multi_miller_loop(
                [proof.a, -proof.d, -commitment.0, -proof.c],
                [proof.b.into(), key.eta.clone(), key.eta_w.clone(), key.delta.clone()],
            )
        },
        || vk.input_sum().sum(public),
    );
    let inputs = Bn254::miller_loop((-ic).into_affine(), key.gamma.clone());
    let terms = MillerLoopOutput(terms.0 * inputs.0);
    match Bn254::final_exponentiation(terms) {
        Some(product) if product == key.alpha_beta => Ok(()),
        _ => Err(VerifyError::Invalid),
    }
}
