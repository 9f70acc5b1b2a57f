//! ReLU in two constraints: commit `a = relu(z)` and `m = |z|`; then `z := 2a - m` is free.
//!
//! `a * (m - a) = 0` leaves a = 0 (z = -m) or a = m (z = m), and m is looked up in `0..2^T`.

use super::lookup::RangeTable;
use super::{Builder, Committed, CommittedWire, ConstraintId, Lin};
use ark_bn254::Fr;
use ark_ff::Field;
use ark_relations::gr1cs::SynthesisError;

/// One hidden unit of one row.
pub(crate) struct Relu {
    /// `relu(z)`.
    pub active: CommittedWire,
    /// `|z|`, looked up; also a slot for a weight limb in mode 1.
    pub magnitude: CommittedWire,
}

/// Native twin: `(relu(z), |z|)`.
pub(crate) fn relu(z: i64) -> (i64, i64) {
    (z.max(0), z.abs())
}

impl Relu {
    /// Phase one.
    pub fn commit(
        b: &mut Builder,
        ranges: &mut RangeTable,
        active: Option<Fr>,
        magnitude: Option<Fr>,
    ) -> Result<Self, SynthesisError> {
        let relu = Self { active: b.commit(active)?, magnitude: b.commit(magnitude)? };
        ranges.query(Committed::from(&relu.magnitude));
        Ok(relu)
    }

    /// `z = 2a - m`.
    pub fn pre_activation(&self) -> Committed {
        Committed::zero().plus_wire(Fr::from(2u64), &self.active).plus_wire(-Fr::ONE, &self.magnitude)
    }

    /// Phase two: C2.
    pub fn enforce(&self, b: &mut Builder) -> Result<(), SynthesisError> {
        b.section(ConstraintId::Relu);
        let rest = Committed::from(&self.magnitude).plus_wire(-Fr::ONE, &self.active);
        b.enforce(&Lin::from(self.active.fp()), rest.lin(), &Lin::zero())
    }
}
