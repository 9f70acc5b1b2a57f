//! Linear layers as one random combination (Freivalds 1977), packed where the interval analysis allows.
//!
//! *Packed outputs* (layer one): every term has an absolute bound. *Packed rows* (the logits): only differences
//! within a row are bounded, so a row's common shift must not be able to cancel against its own columns.

use super::{Builder, Challenge, Committed, ConstraintId, Lin};
use ark_bn254::Fr;
use ark_ff::Field;
use ark_r1cs_std::fields::fp::AllocatedFp;
use ark_relations::gr1cs::SynthesisError;

type Result<T> = std::result::Result<T, SynthesisError>;

/// `1, base, base^2, ...`, so many.
pub(crate) fn powers(base: Fr, count: usize) -> Vec<Fr> {
    std::iter::successors(Some(Fr::ONE), |p| Some(*p * base)).take(count).collect()
}

/// `sum powers[j] * terms[j]`: a linear combination, hence free.
pub(crate) fn pack(terms: &[Committed], powers: &[Fr]) -> Committed {
    terms.iter().zip(powers).fold(Committed::zero(), |sum, (term, power)| sum.plus(*power, term))
}

/// `sum_b rho^b * blocks[b]`, one constraint a block but the last.
pub(crate) fn horner(b: &mut Builder, rho: &Challenge, blocks: &[Committed]) -> Result<Lin> {
    let rho = Lin::from(rho.fp());
    let Some((last, rest)) = blocks.split_last() else { return Ok(Lin::zero()) };
    let mut sum = last.lin().clone();
    for block in rest.iter().rev() {
        let value = sum.value().zip(rho.value()).zip(block.value()).map(|((s, r), v)| s * r + v);
        let next = b.determined(value)?;
        let mut shifted = Lin::from(&next);
        shifted.add_scaled(-Fr::ONE, block.lin());
        b.enforce(&sum, &rho, &shifted)?;
        sum = Lin::from(&next);
    }
    Ok(sum)
}

/// Packs runs of `terms` rows into one block each: `coef_{bR+r} = rho^b * B^r`.
pub(crate) fn row_blocks(column: &[Committed], powers: &[Fr]) -> Vec<Committed> {
    column.chunks(powers.len()).map(|rows| pack(rows, powers)).collect()
}

/// The ids of one binding's constraints.
pub(crate) struct BindingIds {
    pub horner: ConstraintId,
    pub product: ConstraintId,
    pub binding: ConstraintId,
}

pub(crate) const OUTPUTS: BindingIds = BindingIds {
    horner: ConstraintId::OutputHorner,
    product: ConstraintId::OutputProduct,
    binding: ConstraintId::OutputBinding,
};

pub(crate) const ROWS: BindingIds = BindingIds {
    horner: ConstraintId::RowHorner,
    product: ConstraintId::RowProduct,
    binding: ConstraintId::RowBinding,
};

/// Public sides of a binding.
pub(crate) struct Public<'a> {
    /// Powers of it are the coefficients.
    pub rho: &'a Challenge,
    /// Sum of all rows' coefficients, by which biases count.
    pub sum: &'a AllocatedFp<Fr>,
    /// 1 in a model proof, where the binding is off.
    pub mode: &'a AllocatedFp<Fr>,
}

/// `(sum_i coef_i z_i - sum_k inputs_k * weights_k - bias * sum_i coef_i) * (1 - mode) = 0`.
///
/// `blocks` are the packed outputs z by coefficient, `inputs` are `sum_i coef_i x_ik` (public fingerprints for
/// the first layer, determined wires after it).
pub(crate) fn bind(
    b: &mut Builder,
    ids: &BindingIds,
    public: &Public<'_>,
    blocks: &[Committed],
    inputs: &[Lin],
    weights: &[Committed],
    bias: &Committed,
) -> Result<()> {
    if inputs.len() != weights.len() {
        return Err(SynthesisError::Unsatisfiable);
    }
    b.section(ids.horner);
    let mut error = horner(b, public.rho, blocks)?;
    b.section(ids.product);
    for (input, weight) in inputs.iter().zip(weights) {
        let product = b.product(input, weight.lin())?;
        error.add_wire(-Fr::ONE, &product);
    }
    let bias = b.product(&Lin::from(public.sum), bias.lin())?;
    error.add_wire(-Fr::ONE, &bias);
    b.section(ids.binding);
    let mut scoring = Builder::one();
    scoring.add_wire(-Fr::ONE, public.mode);
    b.enforce(&error, &scoring, &Lin::zero())
}

/// Native twin of the coefficients: `rho^b * B^r` for row `bR + r`; `terms` 1 gives plain powers of rho.
pub(crate) fn coefficients(rho: Fr, base: Fr, terms: usize, rows: usize) -> Vec<Fr> {
    let inside = powers(base, terms);
    let mut out = Vec::with_capacity(rows);
    let mut outer = Fr::ONE;
    while out.len() < rows {
        let take = terms.min(rows - out.len());
        out.extend(inside[..take].iter().map(|p| outer * p));
        outer *= rho;
    }
    out
}
