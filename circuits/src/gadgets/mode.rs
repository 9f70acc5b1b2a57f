//! Weights as limbs under `D_w`, and the mode bit that makes one circuit both a model proof and a score.
//!
//! A commitment means nothing under another key, so the range of the weights is proved with the same circuit
//! and key: in mode 1 every limb is copied into a slot, a committed wire of D that is looked up in both modes.

use super::lookup::RangeTable;
use super::{Builder, Committed, CommittedWire, ConstraintId, Lin};
use crate::model::ValueSpec;
use ark_bn254::Fr;
use ark_r1cs_std::fields::fp::AllocatedFp;
use ark_relations::gr1cs::SynthesisError;

type Result<T> = std::result::Result<T, SynthesisError>;

/// One limb of a weight under `D_w`, and by how many bits it is shifted when it is looked up.
pub(crate) struct Limb {
    pub wire: CommittedWire,
    pub shift: u32,
}

/// Allocates the weights of a model in the order of its canonical limbs.
pub(crate) struct WeightWires<'a> {
    values: Option<std::slice::Iter<'a, Fr>>,
    /// Every wire of `D_w`, in order.
    pub limbs: Vec<Limb>,
}

impl<'a> WeightWires<'a> {
    pub fn new(values: Option<&'a [Fr]>) -> Self {
        Self { values: values.map(<[Fr]>::iter), limbs: Vec::new() }
    }

    /// The signed value `sum 2^weight_bits limb - offset`; its limbs are allocated by its spec.
    pub fn value(&mut self, b: &mut Builder, spec: &ValueSpec) -> Result<Committed> {
        let mut value = Committed::constant(-Fr::from(spec.offset));
        for limb in spec.limbs() {
            let assigned = match &mut self.values {
                None => None,
                Some(values) => Some(*values.next().ok_or(SynthesisError::AssignmentMissing)?),
            };
            let wire = b.commit(assigned)?;
            value = value.plus_wire(Fr::from(1u64 << limb.weight_bits), &wire);
            self.limbs.push(Limb { wire, shift: limb.shift });
        }
        Ok(value)
    }
}

/// Allocates `count` slots that serve no other purpose, looked up like all slots.
pub(crate) fn commit_extra_slots(
    b: &mut Builder,
    ranges: &mut RangeTable,
    count: usize,
    values: Option<&[Fr]>,
) -> Result<Vec<CommittedWire>> {
    let slots = b.commit_all(count, values)?;
    for slot in &slots {
        ranges.query(Committed::from(slot));
    }
    Ok(slots)
}

/// Phase two: C20, `mode * (2^shift * limb_k - slot_k) = 0` for every wire of `D_w`.
///
/// An error if slots run out: silently zipped, the last weights would have no range.
pub(crate) fn enforce_mode(
    b: &mut Builder,
    mode: &AllocatedFp<Fr>,
    limbs: &[Limb],
    slots: &[&CommittedWire],
) -> Result<()> {
    if slots.len() < limbs.len() {
        return Err(SynthesisError::Unsatisfiable);
    }
    b.section(ConstraintId::Mode);
    for (limb, slot) in limbs.iter().zip(slots) {
        let difference = Committed::zero()
            .plus_wire(Fr::from(1u64 << limb.shift), &limb.wire)
            .plus_wire(-Fr::from(1u64), slot);
        b.enforce(&Lin::from(mode), difference.lin(), &Lin::zero())?;
    }
    Ok(())
}
