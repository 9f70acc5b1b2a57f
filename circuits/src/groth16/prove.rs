//! The prover: commit, draw challenges, solve for the rest, then Groth16 with the commitments taken out of C.

use super::blinder::Prf;
use super::challenge::Transcript;
use super::keys::{KeyBases, Sums};
use super::points::Proof;
use super::relation::{Relation, Solved};
use crate::engine::Scalars;
use crate::model::{BoundsError, ModelError};
use crate::statement::Challenges;
use ark_bn254::{Fr, G1Affine};
use ark_ec::CurveGroup;
use ark_ff::Field;
use ark_relations::gr1cs::SynthesisError;
use zeroize::Zeroize;

/// Why a proof was not made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProveError {
    /// The opening is of another key.
    #[error("expected an opening under the key {expected}, got one under {got}")]
    Key {
        /// Digest of the proving key, in hex.
        expected: String,
        /// Digest in the opening, in hex.
        got: String,
    },
    /// The opening is of another competition.
    #[error("expected an opening for the competition {expected}, got one for {got}")]
    Competition {
        /// The claim's competition, in hex.
        expected: String,
        /// The opening's, in hex.
        got: String,
    },
    /// The claim is above what the model reaches.
    #[error("expected a claim of at most {expected} right rows in this chunk, got {got}")]
    Claim {
        /// What the integer model reaches.
        expected: u64,
        /// What was claimed.
        got: u64,
    },
    /// The claim is not about this test set or size class.
    #[error("{what}: expected {expected}, got {got}")]
    Statement {
        /// Which field.
        what: &'static str,
        /// What it must be.
        expected: u64,
        /// What it is.
        got: u64,
    },
    /// The model does not fit.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The size class is unsound.
    #[error(transparent)]
    Bounds(#[from] BoundsError),
    /// The circuit could not be synthesised.
    #[error("the circuit could not be synthesised: {0}")]
    Synthesis(String),
    /// The finished proof did not pass its own check: it is not given away.
    #[error("the proof did not pass its own check ({0}); the proving key may be damaged")]
    SelfCheck(String),
}

impl From<SynthesisError> for ProveError {
    fn from(error: SynthesisError) -> Self {
        Self::Synthesis(error.to_string())
    }
}

/// Values of the committed wires, wiped when dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommittedValues {
    /// Under `D_w`.
    pub model: Vec<Fr>,
    /// Under `D`.
    pub rest: Vec<Fr>,
}

impl CommittedValues {
    /// With the constant 1 and the public inputs: everything that the rest follows from.
    pub fn known(&self, public: &[Fr]) -> Vec<Fr> {
        [&[Fr::ONE], public, &self.model, &self.rest].concat()
    }
}

impl Drop for CommittedValues {
    /// Best effort: arkworks' own copies are not wiped.
    fn drop(&mut self) {
        self.model.zeroize();
        self.rest.zeroize();
    }
}

/// Secrets of one proof.
pub(crate) struct Secrets<'a> {
    /// The competitor's local secret.
    pub local: &'a [u8; 32],
    /// The blinder of `D_w`.
    pub model_blinder: Fr,
}

/// `D` and the secrets that hide it, `D_w`, A and B.
pub(crate) struct Blinded {
    pub d: G1Affine,
    pub v: Fr,
    pub v_w: Fr,
    pub r: Fr,
    pub s: Fr,
}

/// Makes a proof without checking it: the caller verifies it before it leaves the machine.
pub(crate) fn prove(
    relation: &Relation,
    key: &KeyBases,
    values: &CommittedValues,
    transcript: &Transcript,
    secrets: &Secrets<'_>,
    public: impl FnOnce(Challenges) -> Vec<Fr>,
    progress: &dyn Fn(&str, f64),
) -> Result<Proof, ProveError> {
    progress("committing", 0.05);
    let rest = Scalars::new(&values.rest);
    let prf = |context| Prf::new(context, secrets.local).bytes(transcript.prefix());
    let [v] = prf("podium 2026 blinder of D").scalars(&rest).finish();
    let d = key.commit(&key.ck, &rest, v);
    drop(rest);
    progress("solving", 0.15);
    let solved = relation.solve(values.known(&public(transcript.challenges(&d))))?;
    let assignment = Scalars::new(&solved.assignment);
    let [r, s] = prf("podium 2026 blinders of A and B").scalars(&assignment).finish();
    progress("multi-exponentiations", 0.25);
    Ok(create(key, solved, &assignment, &Blinded { d, v, v_w: secrets.model_blinder, r, s }))
}

/// Groth16's A, B and C, with the commitments' blinders taken out of C.
pub(crate) fn create(key: &KeyBases, solved: Solved, assignment: &Scalars, blinded: &Blinded) -> Proof {
    let Blinded { d, v, v_w, r, s } = *blinded;
    let Solved { assignment: values, a, b } = solved;
    drop(values);
    let Sums { h, l, a, b_g1, b_g2 } = key.sums(a, b, assignment);
    let a = a + key.alpha_g1 + key.delta_g1 * r;
    let b_g1 = b_g1 + key.beta_g1 + key.delta_g1 * s;
    let b_g2 = b_g2 + key.beta_g2 + key.delta_g2 * s;
    let c = h + l + a * s + b_g1 * r - key.delta_g1 * (r * s) - key.eta_g1 * v - key.eta_w_g1 * v_w;
    Proof { a: a.into_affine(), b: b_g2.into_affine(), c: c.into_affine(), d }
}
