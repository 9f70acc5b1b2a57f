//! Selecting the label's logit without a label in the circuit: a look-up of `(key, value)` tuples by row.
//!
//! Row i's entries are `z'_io + y (i(c+1) + o)` for o < c and `z'_i0 - 1 + y (i(c+1) + c)`; its query is
//! `s_i + y i(c+1) + y label_i`. Keys and values are separated by y, a challenge independent of X: packed with
//! a constant, or with y = X, a cheater selects other rows' logits. The entry for label c is what padding rows
//! select: one below `z'_i0`, so that they can never count.

use super::lookup::{LogUp, LookupIds};
use super::{Builder, Challenge, Committed, CommittedWire, ConstraintId, Keyed, Lin, linear::horner};
use ark_bn254::Fr;
use ark_ff::Field;
use ark_r1cs_std::fields::fp::AllocatedFp;
use ark_relations::gr1cs::SynthesisError;

type Result<T> = std::result::Result<T, SynthesisError>;

const SELECT: LookupIds = LookupIds {
    query: ConstraintId::SelectQuery,
    entry: ConstraintId::SelectEntry,
    sum: ConstraintId::SelectSum,
};

/// One row's selection.
pub(crate) struct Selection {
    /// The label, or c for padding; bound by the label fingerprint.
    pub label: CommittedWire,
    /// The selected ordered logit.
    pub selected: CommittedWire,
    /// How often each of the c + 1 entries is selected.
    pub multiplicities: Vec<CommittedWire>,
}

/// Values of one row's selection.
#[derive(Clone, Debug)]
pub(crate) struct SelectionValues {
    pub label: Fr,
    pub selected: Fr,
    pub multiplicities: Vec<Fr>,
}

/// Native twin: the ordered logits `z'_j = c z_j + (c - 1 - j)`, all different, in `argmax` order.
pub(crate) fn ordered(logits: &[i64]) -> Vec<i128> {
    let c = logits.len() as i128;
    logits.iter().enumerate().map(|(j, &z)| c * i128::from(z) + (c - 1 - j as i128)).collect()
}

/// Native twin: the value that a label selects; label c selects one below class 0.
pub(crate) fn select(ordered: &[i128], label: usize) -> i128 {
    ordered.get(label).copied().unwrap_or(ordered[0] - 1)
}

impl Selection {
    /// Phase one.
    pub fn commit(b: &mut Builder, classes: usize, values: Option<&SelectionValues>) -> Result<Self> {
        Ok(Self {
            label: b.commit(values.map(|v| v.label))?,
            selected: b.commit(values.map(|v| v.selected))?,
            multiplicities: b.commit_all(classes + 1, values.map(|v| v.multiplicities.as_slice()))?,
        })
    }
}

/// Phase two: C12 to C15. `ordered` is row-major, c a row.
pub(crate) fn enforce_selection(
    b: &mut Builder,
    x: &Challenge,
    y: &Challenge,
    rows: &[Selection],
    ordered: &[Committed],
) -> Result<()> {
    let mut argument = LogUp::new();
    if rows.is_empty() || !ordered.len().is_multiple_of(rows.len()) {
        return Err(SynthesisError::Unsatisfiable);
    }
    let classes = ordered.len() / rows.len();
    if rows.iter().any(|row| row.multiplicities.len() != classes + 1) {
        return Err(SynthesisError::Unsatisfiable);
    }
    b.section(ConstraintId::LabelKey);
    for (i, (row, ordered)) in rows.iter().zip(ordered.chunks(classes)).enumerate() {
        let first = (i * (classes + 1)) as u64;
        let key = b.challenge_times(y, &row.label)?;
        argument.query(&Keyed::new(&Committed::from(&row.selected), first, y).plus_product(&key));
        let padding = ordered[0].clone().plus_constant(-Fr::ONE);
        let entries = ordered.iter().chain(std::iter::once(&padding));
        for (o, (entry, multiplicity)) in entries.zip(&row.multiplicities).enumerate() {
            argument.entry(&Keyed::new(entry, first + o as u64, y), multiplicity);
        }
    }
    argument.enforce(b, x, &SELECT)
}

/// Phase two: C10 and C11, `sum_i rho^i label_i = fingerprint`. One Horner step a row: several labels in one
/// element would let a cheater move amounts between them.
pub(crate) fn enforce_labels(
    b: &mut Builder,
    rho: &Challenge,
    rows: &[Selection],
    fingerprint: &AllocatedFp<Fr>,
) -> Result<()> {
    b.section(ConstraintId::LabelHorner);
    let labels: Vec<Committed> = rows.iter().map(|row| Committed::from(&row.label)).collect();
    let mut error = horner(b, rho, &labels)?;
    error.add_scaled(-Fr::ONE, &Lin::from(fingerprint));
    b.section(ConstraintId::LabelBinding);
    b.enforce_zero(&error)
}
