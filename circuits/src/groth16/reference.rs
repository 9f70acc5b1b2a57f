//! What the production prover is compared with, and what cheaters are made of: a whole synthesis with values.

use super::TwoPhaseCircuit;
use super::keys::RawKey;
use super::prove::CommittedValues;
use crate::gadgets::{Builder, Phase};
use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use ark_relations::gr1cs::{
    ConstraintSystem, ConstraintSystemRef, Matrix, OptimizationGoal, R1CS_PREDICATE_LABEL, SynthesisError,
    SynthesisMode,
};

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

/// `sum w_i bases_i + blinder [delta]_1`.
pub(crate) fn commit_wires(key: &RawKey, bases: &[G1Affine], wires: &[Fr], blinder: Fr) -> G1Affine {
    (G1Projective::msm_unchecked(bases, wires) + key.key.delta_g1 * blinder).into_affine()
}

/// The committed wires of a circuit with values.
pub(crate) fn committed_values<C: TwoPhaseCircuit>(
    circuit: &C,
    values: &C::Assignment,
) -> Result<CommittedValues, SynthesisError> {
    let cs = ConstraintSystem::new_ref();
    cs.set_mode(SynthesisMode::Prove { construct_matrices: false, generate_lc_assignments: false });
    let mut b = Builder::new(cs.clone());
    circuit.commit(&mut b, Some(values))?;
    let (model, rest) = b.committed();
    let witness = cs.witness_assignment()?;
    Ok(CommittedValues { model: witness[..model].to_vec(), rest: witness[model..model + rest].to_vec() })
}
