//! The prover: commit, draw challenges, synthesise the rest, then Groth16 with the commitments taken out of C.

use super::TwoPhaseCircuit;
use super::blinder::Prf;
use super::challenge::Transcript;
use super::keys::RawKey;
use super::points::Proof;
use crate::gadgets::{Builder, Phase};
use crate::model::{BoundsError, ModelError};
use crate::statement::Challenges;
use ark_bn254::{Bn254, Fr, G1Affine, G1Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use ark_groth16::Groth16;
use ark_relations::gr1cs::{
    ConstraintSystem, ConstraintSystemRef, Matrix, OptimizationGoal, R1CS_PREDICATE_LABEL, SynthesisError,
    SynthesisMode,
};

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

/// A fully assigned circuit.
pub(crate) struct Assigned {
    pub matrices: Vec<Matrix<Fr>>,
    pub inputs: usize,
    pub constraints: usize,
    /// Instance (with the leading 1), then witness.
    pub assignment: Vec<Fr>,
}

/// Phase one and two on one constraint system. `draw` gets the committed wires and returns all public inputs.
pub(crate) fn assign<C: TwoPhaseCircuit>(
    circuit: &C,
    values: &C::Assignment,
    draw: impl FnOnce(&[Fr], &[Fr]) -> Vec<Fr>,
) -> Result<Assigned, SynthesisError> {
    let cs = ConstraintSystem::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    cs.set_mode(SynthesisMode::Prove { construct_matrices: true, generate_lc_assignments: false });
    let mut b = Builder::new(cs.clone());
    let committed = circuit.commit(&mut b, Some(values))?;
    b.enter(Phase::Constraints)?;
    let (model, rest) = b.committed();
    let witness = cs.witness_assignment()?;
    let public = draw(&witness[..model], &witness[model..model + rest]);
    drop(witness);
    circuit.constrain(&mut b, committed, Some(&public))?;
    drop(b);
    cs.finalize();
    read(&cs)
}

fn read(cs: &ConstraintSystemRef<Fr>) -> Result<Assigned, SynthesisError> {
    let matrices = cs.to_matrices()?.remove(R1CS_PREDICATE_LABEL).ok_or(SynthesisError::PredicateNotFound)?;
    let mut assignment = cs.instance_assignment()?;
    assignment.extend(cs.witness_assignment()?);
    Ok(Assigned {
        matrices,
        inputs: cs.num_instance_variables(),
        constraints: cs.num_constraints(),
        assignment,
    })
}

/// Secrets of one proof.
pub(crate) struct Secrets<'a> {
    /// The competitor's local secret.
    pub local: &'a [u8; 32],
    /// The blinder of `D_w`.
    pub model_blinder: Fr,
}

/// `sum w_i bases_i + blinder [delta]_1`.
pub(crate) fn commit_wires(key: &RawKey, bases: &[G1Affine], wires: &[Fr], blinder: Fr) -> G1Affine {
    (G1Projective::msm_unchecked(bases, wires) + key.key.delta_g1 * blinder).into_affine()
}

/// Makes a proof without checking it: the caller verifies it before it leaves the machine.
pub(crate) fn prove<C: TwoPhaseCircuit>(
    circuit: &C,
    key: &RawKey,
    values: &C::Assignment,
    transcript: &Transcript,
    secrets: &Secrets<'_>,
    public: impl FnOnce(Challenges) -> Vec<Fr>,
    progress: &dyn Fn(&str, f64),
) -> Result<Proof, ProveError> {
    progress("committing", 0.05);
    let mut committed = None;
    let assigned = assign(circuit, values, |_, rest| {
        let [v] = Prf::new("podium 2026 blinder of D", secrets.local)
            .bytes(transcript.prefix())
            .scalars(rest)
            .finish();
        let d = commit_wires(key, &key.ck, rest, v);
        committed = Some((d, v));
        progress("synthesising", 0.15);
        public(transcript.challenges(&d))
    })?;
    let (d, v) = committed.ok_or(SynthesisError::AssignmentMissing)?;
    let [r, s] = Prf::new("podium 2026 blinders of A and B", secrets.local)
        .bytes(transcript.prefix())
        .scalars(&assigned.assignment)
        .finish();
    progress("multi-exponentiations", 0.3);
    let proof = Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
        &key.key,
        r,
        s,
        &assigned.matrices,
        assigned.inputs,
        assigned.constraints,
        &assigned.assignment,
    )?;
    let c = proof.c - key.eta_g1 * v - key.eta_w_g1 * secrets.model_blinder;
    Ok(Proof { a: proof.a, b: proof.b, c: c.into_affine(), d })
}
