//! Allocation in two phases, and constraints with permanent ids.

use super::wire::{Challenge, CommittedWire, Lin, Product};
use ark_bn254::Fr;
use ark_r1cs_std::{alloc::AllocVar, boolean::Boolean, fields::fp::AllocatedFp};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError, Variable};

type Result<T> = std::result::Result<T, SynthesisError>;

/// The constraints by their permanent ids, as in `circuits/README.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConstraintId {
    /// C1: `ok_i` is a bit.
    CorrectBit = 1,
    /// C2: ReLU.
    Relu = 2,
    /// C3: no slack in a row that counts.
    Slack = 3,
    /// C4: Horner steps of layer one with packed outputs.
    OutputHorner = 4,
    /// C5: products of layer one with packed outputs.
    OutputProduct = 5,
    /// C6: layer one binds, in mode 0.
    OutputBinding = 6,
    /// C7: Horner steps of the logits with packed rows.
    RowHorner = 7,
    /// C8: products of the logits with packed rows.
    RowProduct = 8,
    /// C9: the logits bind, in mode 0.
    RowBinding = 9,
    /// C10: Horner steps of the label fingerprint.
    LabelHorner = 10,
    /// C11: the label fingerprint binds.
    LabelBinding = 11,
    /// C12: `y * label_i`.
    LabelKey = 12,
    /// C13: selection, queries.
    SelectQuery = 13,
    /// C14: selection, table entries.
    SelectEntry = 14,
    /// C15: selection, the two sums are equal.
    SelectSum = 15,
    /// C16: range look-ups, queries.
    RangeQuery = 16,
    /// C17: range look-ups, table entries.
    RangeEntry = 17,
    /// C18: range look-ups, the two sums are equal.
    RangeSum = 18,
    /// C19: K is the number of rows that count.
    Count = 19,
    /// C20: in mode 1 every weight limb stands in a looked-up slot.
    Mode = 20,
}

/// Which phase a [`Builder`] is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Wires of `D_w`.
    Model,
    /// Wires of `D`.
    Rest,
    /// Challenges exist: public inputs, determined wires, constraints.
    Constraints,
}

/// A constraint system that knows its phase and names its constraints.
pub(crate) struct Builder {
    cs: ConstraintSystemRef<Fr>,
    phase: Phase,
    model_wires: usize,
    committed_wires: usize,
    sections: Vec<(ConstraintId, usize)>,
}

impl Builder {
    pub fn new(cs: ConstraintSystemRef<Fr>) -> Self {
        Self { cs, phase: Phase::Model, model_wires: 0, committed_wires: 0, sections: Vec::new() }
    }

    /// Goes on to a later phase. Phases never go back.
    pub fn enter(&mut self, phase: Phase) -> Result<()> {
        let next = match (self.phase, phase) {
            (Phase::Model, Phase::Rest) | (Phase::Rest, Phase::Constraints) => phase,
            _ => return Err(SynthesisError::Unsatisfiable),
        };
        self.phase = next;
        Ok(())
    }

    /// Wires under `D_w` and under `D`, so far.
    pub fn committed(&self) -> (usize, usize) {
        (self.model_wires, self.committed_wires)
    }

    pub fn sections(&self) -> &[(ConstraintId, usize)] {
        &self.sections
    }

    /// A committed wire. An error in phase two: nothing is committed after the challenges.
    pub fn commit(&mut self, value: Option<Fr>) -> Result<CommittedWire> {
        self.count_committed()?;
        let wire =
            AllocatedFp::new_witness(self.cs.clone(), || value.ok_or(SynthesisError::AssignmentMissing))?;
        Ok(CommittedWire::from_phase_one(wire))
    }

    /// A committed wire for each value (or so many without values in setup).
    pub fn commit_all(&mut self, count: usize, values: Option<&[Fr]>) -> Result<Vec<CommittedWire>> {
        if values.is_some_and(|values| values.len() != count) {
            return Err(SynthesisError::AssignmentMissing);
        }
        (0..count).map(|i| self.commit(values.map(|values| values[i]))).collect()
    }

    /// A committed bit, with its booleanity constraint.
    pub fn commit_bit(&mut self, value: Option<bool>) -> Result<CommittedWire> {
        self.count_committed()?;
        self.section(ConstraintId::CorrectBit);
        let bit = Boolean::new_witness(self.cs.clone(), || value.ok_or(SynthesisError::AssignmentMissing))?;
        let wire = AllocatedFp::new(value.map(Fr::from), bit.variable(), self.cs.clone());
        Ok(CommittedWire::from_phase_one(wire))
    }

    fn count_committed(&mut self) -> Result<()> {
        match self.phase {
            Phase::Model => self.model_wires += 1,
            Phase::Rest => self.committed_wires += 1,
            Phase::Constraints => return Err(SynthesisError::Unsatisfiable),
        }
        Ok(())
    }

    /// A public input, in phase two only.
    pub fn input(&mut self, value: Option<Fr>) -> Result<AllocatedFp<Fr>> {
        if self.phase != Phase::Constraints {
            return Err(SynthesisError::Unsatisfiable);
        }
        AllocatedFp::new_input(self.cs.clone(), || value.ok_or(SynthesisError::AssignmentMissing))
    }

    /// A challenge is a public input.
    pub fn challenge(&mut self, value: Option<Fr>) -> Result<Challenge> {
        Ok(Challenge::from_instance(self.input(value)?))
    }

    /// A wire whose value follows from committed wires and challenges: the caller emits the constraint that
    /// determines it (the determinism test finds one for each).
    pub fn determined(&mut self, value: Option<Fr>) -> Result<AllocatedFp<Fr>> {
        if self.phase != Phase::Constraints {
            return Err(SynthesisError::Unsatisfiable);
        }
        AllocatedFp::new_witness(self.cs.clone(), || value.ok_or(SynthesisError::AssignmentMissing))
    }

    /// Constraints from here on carry this id.
    pub fn section(&mut self, id: ConstraintId) {
        if self.sections.last().map(|s| s.0) != Some(id) {
            self.sections.push((id, self.cs.num_constraints()));
        }
    }

    /// `a * b = c`.
    pub fn enforce(&mut self, a: &Lin, b: &Lin, c: &Lin) -> Result<()> {
        self.cs.enforce_r1cs_constraint(|| a.lc(), || b.lc(), || c.lc())
    }

    /// `sum = 0`, written into C so that neither the A nor the B query grows.
    pub fn enforce_zero(&mut self, sum: &Lin) -> Result<()> {
        self.enforce(&Lin::zero(), &Lin::zero(), sum)
    }

    /// `out := a * b`, a determined wire.
    pub fn product(&mut self, a: &Lin, b: &Lin) -> Result<AllocatedFp<Fr>> {
        let wire = self.determined(a.value().zip(b.value()).map(|(a, b)| a * b))?;
        self.enforce(a, b, &Lin::from(&wire))?;
        Ok(wire)
    }

    /// `challenge * committed wire`, in the form that a look-up takes.
    pub fn challenge_times(&mut self, challenge: &Challenge, wire: &CommittedWire) -> Result<Product> {
        let product = self.product(&Lin::from(challenge.fp()), &Lin::from(wire.fp()))?;
        Ok(Product::constrained(product))
    }

    /// The constant 1 as an expression.
    pub fn one() -> Lin {
        Lin::from(&AllocatedFp::new(Some(Fr::from(1u64)), Variable::One, ConstraintSystemRef::None))
    }
}
