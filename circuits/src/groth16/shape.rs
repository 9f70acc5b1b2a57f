//! The shape of a circuit: what golden files pin, so that a change shows in the diff.

use super::setup::{Synthesised, synthesise};
use super::{ProveError, TwoPhaseCircuit};
use crate::circuit::Circuit;
use crate::counts::Counts;
use crate::gadgets::ConstraintId;
use crate::model::{Bounds, BoundsError, SizeClass};
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use ark_relations::gr1cs::{Matrix, R1CS_PREDICATE_LABEL, SynthesisError};
use serde::Serialize;

/// Counts of a circuit, and a hash over its matrices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Constraints.
    pub constraints: usize,
    /// Size of the evaluation domain: a power of two that holds constraints and instance variables.
    pub domain: usize,
    /// Instance variables, the constant 1 included.
    pub instance: usize,
    /// Witness wires under `D_w`.
    pub model_wires: usize,
    /// Witness wires under `D`.
    pub committed_wires: usize,
    /// All witness wires.
    pub witnesses: usize,
    /// Constraints by id, in the order of ids.
    pub sections: Vec<(String, usize)>,
    /// BLAKE3 over the three matrices, in hex.
    pub matrix_hash: String,
}

/// Size of a class's evaluation domain, by arithmetic: proving time is about linear in it.
///
/// # Errors
/// If the class is unsound.
pub fn domain(class: &SizeClass) -> Result<usize, BoundsError> {
    Ok(Counts::of(class, &Bounds::of(class)?).domain())
}

/// The shape of a size class.
///
/// # Errors
/// If the class is unsound.
pub fn shape(class: &SizeClass) -> Result<Shape, ProveError> {
    Ok(shape_of(&Circuit::new(class)?)?)
}

pub(crate) fn shape_of<C: TwoPhaseCircuit>(circuit: &C) -> Result<Shape, SynthesisError> {
    let Synthesised { cs, model_wires, committed_wires, sections } = synthesise(circuit)?;
    let matrices = cs.to_matrices()?.remove(R1CS_PREDICATE_LABEL).ok_or(SynthesisError::PredicateNotFound)?;
    let (constraints, instance) = (cs.num_constraints(), cs.num_instance_variables());
    Ok(Shape {
        constraints,
        domain: (constraints + instance).next_power_of_two(),
        instance,
        model_wires,
        committed_wires,
        witnesses: cs.num_witness_variables(),
        sections: count_sections(&sections, constraints),
        matrix_hash: matrix_hash(&matrices),
    })
}

fn count_sections(sections: &[(ConstraintId, usize)], constraints: usize) -> Vec<(String, usize)> {
    let mut counts = std::collections::BTreeMap::<ConstraintId, usize>::new();
    let ends = sections.iter().skip(1).map(|s| s.1).chain(std::iter::once(constraints));
    for (&(id, start), end) in sections.iter().zip(ends) {
        *counts.entry(id).or_default() += end - start;
    }
    counts.into_iter().map(|(id, count)| (format!("C{} {id:?}", id as u8), count)).collect()
}

/// BLAKE3 over rows as `length, (column, coefficient)...`, little-endian.
pub(crate) fn matrix_hash(matrices: &[Matrix<Fr>]) -> String {
    let mut hash = blake3::Hasher::new();
    for row in matrices.iter().flatten() {
        hash.update(&(row.len() as u64).to_le_bytes());
        for (coefficient, column) in row {
            hash.update(&(*column as u64).to_le_bytes());
            hash.update(&coefficient.into_bigint().to_bytes_le());
        }
    }
    hash.finalize().to_hex().to_string()
}
