//! "Row i counts": `ok_i` is a bit and, for every class j, `s_i - z'_j + BIG (1 - ok_i)` is in range.
//!
//! Only this direction is needed: a prover that leaves out a right row harms nobody but itself.

use super::lookup::RangeTable;
use super::{Builder, Committed, CommittedWire, ConstraintId};
use ark_bn254::Fr;
use ark_ff::Field;
use ark_r1cs_std::fields::fp::AllocatedFp;
use ark_relations::gr1cs::SynthesisError;

type Result<T> = std::result::Result<T, SynthesisError>;

/// The committed limbs of one margin; the lowest limb *is* the margin minus the others.
pub(crate) struct Margin {
    /// Limbs 1.. of the margin; also slots for weight limbs in mode 1.
    pub high: Vec<CommittedWire>,
}

/// Native twin: limbs 1..l of a margin in `0..2^(lT)`.
pub(crate) fn high_limbs(margin: i128, table_bits: u32, limbs: usize) -> Vec<i128> {
    (1..limbs as u32).map(|k| (margin >> (k * table_bits)) & ((1 << table_bits) - 1)).collect()
}

impl Margin {
    /// Phase one: commits the high limbs and looks up all of them.
    pub fn commit(
        b: &mut Builder,
        ranges: &mut RangeTable,
        table_bits: u32,
        limbs: usize,
        margin: &Committed,
        high: Option<&[Fr]>,
    ) -> Result<Self> {
        let high = b.commit_all(limbs - 1, high)?;
        let mut low = margin.clone();
        for (k, limb) in high.iter().enumerate() {
            low = low.plus_wire(-Fr::from(1u128 << ((k as u32 + 1) * table_bits)), limb);
            ranges.query(Committed::from(limb));
        }
        ranges.query(low);
        Ok(Self { high })
    }
}

/// `s - z' + BIG (1 - ok)`.
pub(crate) fn margin(
    selected: &CommittedWire,
    ordered: &Committed,
    ok: &CommittedWire,
    big: Fr,
) -> Committed {
    Committed::from(selected).plus(-Fr::ONE, ordered).plus_constant(big).plus_wire(-big, ok)
}

/// Phase two: C19, `sum ok_i = K`.
pub(crate) fn enforce_count(b: &mut Builder, ok: &[CommittedWire], claimed: &AllocatedFp<Fr>) -> Result<()> {
    b.section(ConstraintId::Count);
    let sum = ok.iter().fold(Committed::zero(), |sum, bit| sum.plus_wire(Fr::ONE, bit));
    let mut error = sum.lin().clone();
    error.add_wire(-Fr::ONE, claimed);
    b.enforce_zero(&error)
}
