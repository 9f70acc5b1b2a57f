//! A circuit's matrices, made once and kept beside the key, and what follows from the committed wires.
//!
//! Every wire after the challenges is determined by one constraint: it is that constraint's product, or the one
//! unknown factor in it. [`Relation::of`] finds these constraints, and refuses a circuit in which some wire is not
//! determined; [`Relation::solve`] uses them, and gets the products `A z` and `B z` on the way.

use super::TwoPhaseCircuit;
use super::setup::{Synthesised, synthesise};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, batch_inversion};
use ark_relations::gr1cs::{Matrix, R1CS_PREDICATE_LABEL, SynthesisError};
use rayon::prelude::*;
use std::collections::HashMap;

/// Why a circuit's wires do not follow from its committed wires.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RelationError {
    /// The circuit could not be synthesised.
    #[error("the circuit could not be synthesised: {0}")]
    Synthesis(String),
    /// A wire that no constraint determines, given those before it.
    #[error("constraint {constraint} has more than one unknown wire, or one that it does not determine")]
    Undetermined {
        /// Index of the constraint.
        constraint: usize,
    },
    /// Wires that occur in no constraint.
    #[error("expected {expected} determined wires, got {got}")]
    Count {
        /// Wires after the committed ones.
        expected: usize,
        /// Wires that a constraint determines.
        got: usize,
    },
}

impl From<SynthesisError> for RelationError {
    fn from(error: SynthesisError) -> Self {
        Self::Synthesis(error.to_string())
    }
}

/// Rows of `(coefficient, column)`, with few different coefficients.
#[derive(Clone, Debug, Default)]
struct Sparse {
    /// One past the last term of each row.
    ends: Vec<u32>,
    columns: Vec<u32>,
    coefficients: Vec<u16>,
}

/// The different coefficients of all matrices; the first two are 1 and -1, which need no multiplication.
#[derive(Clone, Debug)]
struct Coefficients {
    values: Vec<Fr>,
    index: HashMap<Fr, u16>,
}

impl Coefficients {
    fn new() -> Self {
        let values = vec![Fr::ONE, -Fr::ONE];
        let index = values.iter().enumerate().map(|(i, value)| (*value, i as u16)).collect();
        Self { values, index }
    }

    fn find(&mut self, value: Fr) -> Result<u16, SynthesisError> {
        // Most coefficients are 1 or -1: found without hashing.
        if let Some(found) = self.values[..2].iter().position(|unit| *unit == value) {
            return Ok(found as u16);
        }
        if let Some(&found) = self.index.get(&value) {
            return Ok(found);
        }
        let next = u16::try_from(self.values.len()).map_err(|_| SynthesisError::PolynomialDegreeTooLarge)?;
        self.values.push(value);
        self.index.insert(value, next);
        Ok(next)
    }
}

impl Sparse {
    fn new(matrix: &Matrix<Fr>, coefficients: &mut Coefficients) -> Result<Self, SynthesisError> {
        let mut out = Self::default();
        for row in matrix {
            for (coefficient, column) in row {
                out.coefficients.push(coefficients.find(*coefficient)?);
                out.columns.push(*column as u32);
            }
            out.ends.push(out.columns.len() as u32);
        }
        Ok(out)
    }

    fn terms(&self, row: usize) -> impl Iterator<Item = (u16, usize)> + '_ {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        let range = start..self.ends[row] as usize;
        let columns = self.columns[range.clone()].iter().map(|&column| column as usize);
        self.coefficients[range].iter().copied().zip(columns)
    }
}

/// How a constraint determines its unknown wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Solves {
    /// It has no unknown wire.
    Nothing,
    /// The wire stands in C: `wire = (A z * B z - rest of C z) / coefficient`.
    Product { wire: u32, coefficient: u16 },
    /// The wire is the whole of A: `wire = C z / (coefficient * B z)`.
    Quotient { wire: u32, coefficient: u16 },
}

/// Matrices of a circuit and the order in which its wires follow from the committed ones.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    /// Instance variables, the constant 1 included.
    pub inputs: usize,
    /// Witness wires under `D_w` and under `D`.
    pub committed: (usize, usize),
    /// All variables.
    pub variables: usize,
    pub constraints: usize,
    a: Sparse,
    b: Sparse,
    c: Sparse,
    coefficients: Vec<Fr>,
    solves: Vec<Solves>,
}

/// A full assignment with `A z` and `B z` over the evaluation domain.
pub(crate) struct Solved {
    /// The constant 1, public inputs, committed wires, determined wires.
    pub assignment: Vec<Fr>,
    pub a: Vec<Fr>,
    pub b: Vec<Fr>,
}

impl Relation {
    /// Synthesises the circuit.
    ///
    /// # Errors
    /// If it cannot be, or a wire after the challenges is not determined.
    pub fn of<C: TwoPhaseCircuit>(circuit: &C) -> Result<Self, RelationError> {
        let Synthesised { cs, model_wires, committed_wires, .. } = synthesise(circuit)?;
        let matrices =
            cs.to_matrices()?.remove(R1CS_PREDICATE_LABEL).ok_or(SynthesisError::PredicateNotFound)?;
        let [a, b, c] = matrices.as_slice() else { return Err(SynthesisError::PredicateNotFound.into()) };
        let mut coefficients = Coefficients::new();
        let inputs = cs.num_instance_variables();
        let mut relation = Self {
            inputs,
            committed: (model_wires, committed_wires),
            variables: inputs + cs.num_witness_variables(),
            constraints: cs.num_constraints(),
            a: Sparse::new(a, &mut coefficients)?,
            b: Sparse::new(b, &mut coefficients)?,
            c: Sparse::new(c, &mut coefficients)?,
            coefficients: coefficients.values,
            solves: Vec::new(),
        };
        relation.solves = relation.plan()?;
        Ok(relation)
    }

    /// Size of the evaluation domain.
    pub fn domain(&self) -> usize {
        (self.constraints + self.inputs).next_power_of_two()
    }

    /// Products are found in order, from what is known before; quotients from committed wires and products alone,
    /// so that all of them can be inverted at once.
    fn plan(&self) -> Result<Vec<Solves>, RelationError> {
        let first = self.inputs + self.committed.0 + self.committed.1;
        let mut known = vec![false; self.variables];
        known[..first].fill(true);
        let mut solves = Vec::with_capacity(self.constraints);
        let mut quotients = Vec::new();
        for row in 0..self.constraints {
            let step = self.step(row, &known)?;
            match step {
                Solves::Product { wire, .. } => known[wire as usize] = true,
                Solves::Quotient { wire, .. } => quotients.push((row, wire)),
                Solves::Nothing => {}
            }
            solves.push(step);
        }
        for (_, wire) in &quotients {
            known[*wire as usize] = true;
        }
        let got = known[first..].iter().filter(|known| **known).count();
        let expected = self.variables - first;
        if got != expected {
            return Err(RelationError::Count { expected, got });
        }
        Ok(solves)
    }

    fn step(&self, row: usize, known: &[bool]) -> Result<Solves, RelationError> {
        // How many unknown wires a side has, and the first of them.
        let unknown = |m: &Sparse| {
            let mut wires = m.terms(row).filter(|(_, wire)| !known[*wire]);
            let first = wires.next();
            (usize::from(first.is_some()) + wires.count(), first)
        };
        match (unknown(&self.a), unknown(&self.b).0, unknown(&self.c)) {
            ((0, _), 0, (0, _)) => Ok(Solves::Nothing),
            ((0, _), 0, (1, Some((coefficient, wire)))) => {
                Ok(Solves::Product { wire: wire as u32, coefficient })
            }
            ((1, Some((coefficient, wire))), 0, (0, _)) if self.a.terms(row).count() == 1 => {
                Ok(Solves::Quotient { wire: wire as u32, coefficient })
            }
            // The sums over quotients (and nothing else) are checked last: `0 * 0 = sum`.
            ((0, _), 0, _) if self.a.terms(row).next().is_none() => Ok(Solves::Nothing),
            _ => Err(RelationError::Undetermined { constraint: row }),
        }
    }

    fn dot(&self, m: &Sparse, row: usize, z: &[Fr]) -> Fr {
        m.terms(row).fold(Fr::ZERO, |sum, (coefficient, wire)| match coefficient {
            0 => sum + z[wire],
            1 => sum - z[wire],
            other => sum + self.coefficients[usize::from(other)] * z[wire],
        })
    }

    /// Everything that follows from `known`: the constant 1, the public inputs and the committed wires. Constraints
    /// that determine nothing are not checked: the prover verifies its proof.
    pub fn solve(&self, mut known: Vec<Fr>) -> Result<Solved, SynthesisError> {
        if known.len() != self.inputs + self.committed.0 + self.committed.1 {
            return Err(SynthesisError::AssignmentMissing);
        }
        known.resize(self.variables, Fr::ZERO);
        self.products(&mut known);
        self.quotients(&mut known);
        Ok(self.evaluate(known))
    }

    /// `A z` and `B z` of a full assignment, whether or not it satisfies anything.
    pub fn evaluate(&self, assignment: Vec<Fr>) -> Solved {
        let size = self.domain();
        let (mut a, mut b) = (vec![Fr::ZERO; size], vec![Fr::ZERO; size]);
        for (matrix, out) in [(&self.a, &mut a), (&self.b, &mut b)] {
            let rows = out[..self.constraints].par_iter_mut().enumerate();
            rows.for_each(|(row, value)| *value = self.dot(matrix, row, &assignment));
        }
        // libsnark's reduction: one row `input * 0 = 0` for each instance variable makes them independent.
        a[self.constraints..][..self.inputs].copy_from_slice(&assignment[..self.inputs]);
        Solved { assignment, a, b }
    }

    fn products(&self, z: &mut [Fr]) {
        for (row, step) in self.solves.iter().enumerate() {
            let Solves::Product { wire, coefficient } = *step else { continue };
            let wire = wire as usize;
            // The wire is still 0, so that C z is the rest.
            let value = self.dot(&self.a, row, z) * self.dot(&self.b, row, z) - self.dot(&self.c, row, z);
            z[wire] = self.divide(value, coefficient);
        }
    }

    /// All quotients with one inversion a thread. A denominator of 0 (probability about 2^-230) gives 0: the proof
    /// then fails its own check.
    fn quotients(&self, z: &mut [Fr]) {
        let steps: Vec<(usize, u32, u16)> = self
            .solves
            .iter()
            .enumerate()
            .filter_map(|(row, step)| match *step {
                Solves::Quotient { wire, coefficient } => Some((row, wire, coefficient)),
                _ => None,
            })
            .collect();
        let shared: &[Fr] = z;
        let values: Vec<Fr> = steps
            .par_chunks(steps.len().div_ceil(rayon::current_num_threads()).max(1))
            .flat_map_iter(|steps| {
                let mut inverses: Vec<Fr> =
                    steps.iter().map(|&(row, ..)| self.dot(&self.b, row, shared)).collect();
                batch_inversion(&mut inverses);
                steps.iter().zip(inverses).map(move |(&(row, _, coefficient), inverse)| {
                    self.divide(self.dot(&self.c, row, shared) * inverse, coefficient)
                })
            })
            .collect();
        for ((_, wire, _), value) in steps.into_iter().zip(values) {
            z[wire as usize] = value;
        }
    }

    fn divide(&self, value: Fr, coefficient: u16) -> Fr {
        match coefficient {
            0 => value,
            1 => -value,
            // Coefficients in a matrix are not 0.
            other => value * self.coefficients[usize::from(other)].inverse().unwrap_or(Fr::ZERO),
        }
    }
}
