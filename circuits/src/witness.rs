//! The private side: values of all committed wires, from the native twin.

use crate::counts::Counts;
use crate::gadgets::count::high_limbs;
use crate::gadgets::linear::powers;
use crate::gadgets::relu::relu;
use crate::gadgets::select::{SelectionValues, ordered, select};
use crate::groth16::prove::CommittedValues;
use crate::model::{Bounds, IntegerModel, SizeClass};
use crate::statement::{Chunk, TestSet};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, PrimeField};
use zeroize::Zeroize;

/// Values of one row's committed wires.
#[derive(Clone, Debug)]
pub(crate) struct RowValues {
    /// `(relu(z), |z|)` of every hidden unit.
    pub hidden: Vec<(Fr, Fr)>,
    /// Slack of every output chain of layer one.
    pub slack: Vec<Fr>,
    /// Logits, not ordered.
    pub logits: Vec<Fr>,
    /// Whether the row counts.
    pub ok: bool,
    /// Label, selected logit and its multiplicities.
    pub selection: SelectionValues,
    /// High limbs of each class's margin.
    pub high: Vec<Vec<Fr>>,
}

/// Values of all committed wires but the range multiplicities, which the circuit counts.
#[derive(Clone)]
pub(crate) struct Assignment {
    /// Limbs of the weights, in the order of `D_w`.
    pub limbs: Vec<Fr>,
    /// One a class row.
    pub rows: Vec<RowValues>,
    /// Slots that serve no other purpose.
    pub extra_slots: Vec<Fr>,
}

impl Drop for Assignment {
    /// Best effort: arkworks' own copies are not wiped.
    fn drop(&mut self) {
        self.limbs.zeroize();
    }
}

impl Assignment {
    /// The committed wires in the circuit's order (a test compares them with the circuit's own).
    pub fn committed(&self, class: &SizeClass, bounds: &Bounds) -> CommittedValues {
        let mut rest = Vec::with_capacity(Counts::of(class, bounds).committed_wires);
        for row in &self.rows {
            rest.extend(row.hidden.iter().flat_map(|&(active, magnitude)| [active, magnitude]));
            rest.extend_from_slice(&row.slack);
            rest.extend_from_slice(&row.logits);
            rest.extend([Fr::from(row.ok), row.selection.label, row.selection.selected]);
            rest.extend_from_slice(&row.selection.multiplicities);
            rest.extend(row.high.iter().flatten());
        }
        rest.extend_from_slice(&self.extra_slots);
        rest.extend(self.range_multiplicities(class, bounds));
        CommittedValues { model: self.limbs.clone(), rest }
    }

    /// How often each table value is looked up. What is out of range is counted nowhere.
    fn range_multiplicities(&self, class: &SizeClass, bounds: &Bounds) -> impl Iterator<Item = Fr> + use<> {
        let mut counts = vec![0u64; 1 << class.table_bits];
        let mut count = |value: &Fr| {
            if let [low, 0, 0, 0] = value.into_bigint().0
                && let Some(times) = counts.get_mut(low as usize)
            {
                *times += 1;
            }
        };
        let (classes, big) = (Fr::from(class.classes as u64), fr(bounds.big));
        let weights = powers(Fr::from(1u64 << class.table_bits), class.margin_limbs);
        for row in &self.rows {
            row.hidden.iter().for_each(|(_, magnitude)| count(magnitude));
            let selected = if row.ok { row.selection.selected } else { row.selection.selected + big };
            for (j, (logit, high)) in row.logits.iter().zip(&row.high).enumerate() {
                let ordered = classes * logit + Fr::from((class.classes - 1 - j) as u64);
                let above: Fr = high.iter().zip(&weights[1..]).map(|(limb, weight)| *limb * weight).sum();
                high.iter().for_each(&mut count);
                count(&(selected - ordered - above));
            }
        }
        self.extra_slots.iter().for_each(count);
        counts.into_iter().map(Fr::from)
    }
}

/// Looked-up copies of weight limbs that a class has room for without extra slots.
fn shared_slots(class: &SizeClass) -> usize {
    class.rows * (class.hidden() + (class.classes - 1) * (class.margin_limbs - 1))
}

/// Wires under `D_w`.
pub(crate) fn model_wires(class: &SizeClass, bounds: &Bounds) -> usize {
    let shapes = class.layer_shapes();
    shapes
        .iter()
        .enumerate()
        .map(|(index, (inputs, outputs))| {
            let bias = if index + 1 == shapes.len() { &bounds.logit_bias } else { &bounds.hidden_bias };
            inputs * outputs * bounds.weight.limbs().len() + outputs * bias.limbs().len()
        })
        .sum()
}

/// Slots that must be added for a class with few rows.
pub(crate) fn extra_slots(class: &SizeClass, bounds: &Bounds) -> usize {
    model_wires(class, bounds).saturating_sub(shared_slots(class))
}

/// The limbs of a model in canonical order: for each layer its weights row-major, then its biases, low limb
/// first. Within range by construction of [`IntegerModel`].
pub(crate) fn limbs(model: &IntegerModel, bounds: &Bounds) -> Vec<Fr> {
    integer_limbs(model, bounds).into_iter().map(Fr::from).collect()
}

fn integer_limbs(model: &IntegerModel, bounds: &Bounds) -> Vec<u32> {
    let t = model.class().table_bits;
    let last = model.layers().len() - 1;
    let mut out = Vec::with_capacity(model_wires(model.class(), bounds));
    for (index, layer) in model.layers().iter().enumerate() {
        let bias_spec = if index == last { &bounds.logit_bias } else { &bounds.hidden_bias };
        let weights = layer.weights.iter().map(|&w| (&bounds.weight, i64::from(w)));
        let biases = layer.biases.iter().map(|&b| (bias_spec, b));
        for (spec, value) in weights.chain(biases) {
            out.extend(spec.split(value, t).unwrap_or_default());
        }
    }
    out
}

/// A signed integer as a field element.
pub(crate) fn fr(value: i128) -> Fr {
    let magnitude = Fr::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// The assignment of a score: the first `claimed` right rows of the chunk count, padding rows follow.
pub(crate) fn score(
    model: &IntegerModel,
    bounds: &Bounds,
    set: &TestSet,
    chunk: &Chunk,
    claimed: u64,
) -> Assignment {
    let class = model.class();
    let zeros = vec![0u16; class.features];
    let mut left = claimed;
    let rows = (0..class.rows)
        .map(|i| {
            let at = chunk.lo as usize + i;
            let real = at < chunk.hi as usize;
            let (x, label) =
                if real { (set.row(at), set.label(at)) } else { (&zeros[..], class.classes as u16) };
            score_row(model, bounds, x, label, &mut left)
        })
        .collect();
    Assignment { limbs: limbs(model, bounds), rows, extra_slots: vec![Fr::ZERO; extra_slots(class, bounds)] }
}

fn score_row(model: &IntegerModel, bounds: &Bounds, x: &[u16], label: u16, left: &mut u64) -> RowValues {
    let class = model.class();
    let outcome = model.forward(x);
    let ok = outcome.counts(label) && *left > 0;
    *left -= u64::from(ok);
    // A row that overflows is proved with activations of 0; its slack absorbs the difference.
    let shown = |z: i64| if outcome.overflow { 0 } else { z };
    let hidden = outcome.hidden.iter().map(|&z| relu(shown(z))).map(|(a, m)| (fr(a.into()), fr(m.into())));
    let errors: Vec<Fr> = outcome.hidden.iter().map(|&z| fr(i128::from(z) - i128::from(shown(z)))).collect();
    let slack = bounds.output_packing.map_or(Vec::new(), |packing| {
        let powers = powers(Fr::from(packing.base), packing.terms);
        errors
            .chunks(packing.terms)
            .map(|chain| chain.iter().zip(&powers).map(|(e, p)| *e * p).sum())
            .collect()
    });
    let ordered = ordered(&outcome.logits);
    let selected = select(&ordered, usize::from(label));
    let big = if ok { 0 } else { bounds.big };
    let high = ordered
        .iter()
        .map(|z| high_limbs(selected - z + big, class.table_bits, class.margin_limbs))
        .map(|limbs| limbs.into_iter().map(fr).collect())
        .collect();
    RowValues {
        hidden: hidden.collect(),
        slack,
        logits: outcome.logits.iter().map(|&z| fr(z.into())).collect(),
        ok,
        selection: SelectionValues {
            label: Fr::from(label),
            selected: fr(selected),
            multiplicities: one_hot(usize::from(label), class.classes + 1),
        },
        high,
    }
}

fn one_hot(at: usize, length: usize) -> Vec<Fr> {
    (0..length).map(|o| if o == at { Fr::ONE } else { Fr::ZERO }).collect()
}

/// The assignment of a model proof: all rows are padding, and the slots hold the limbs as they are looked up.
pub(crate) fn model(model: &IntegerModel, bounds: &Bounds, shifts: &[u32]) -> Assignment {
    let class = model.class();
    let limbs = integer_limbs(model, bounds);
    let looked_up = limbs.iter().zip(shifts).map(|(&limb, &shift)| i128::from(limb) << shift);
    let mut slots = looked_up.chain(std::iter::repeat(0));
    let mut next = |count: usize| -> Vec<i128> { slots.by_ref().take(count).collect() };
    // Slots come in this order for the whole circuit: magnitudes, high limbs of classes 1.., extra slots.
    let magnitudes = next(class.rows * class.hidden());
    let high = next(class.rows * (class.classes - 1) * (class.margin_limbs - 1));
    let extra = next(extra_slots(class, bounds));
    let rows = (0..class.rows).map(|i| model_row(class, bounds, i, &magnitudes, &high)).collect();
    Assignment {
        limbs: limbs.into_iter().map(Fr::from).collect(),
        rows,
        extra_slots: extra.into_iter().map(fr).collect(),
    }
}

/// The linear bindings are off in mode 1, so logits may be what the high limbs ask for. The low limbs are free: they
/// are chosen such that the logits are integers, which are small scalars.
fn model_row(class: &SizeClass, bounds: &Bounds, i: usize, magnitudes: &[i128], high: &[i128]) -> RowValues {
    let (hidden, each) = (class.hidden(), class.margin_limbs - 1);
    let (classes, big, t) = (class.classes as i128, bounds.big, class.table_bits);
    let magnitudes = &magnitudes[i * hidden..(i + 1) * hidden];
    let per_row = (class.classes - 1) * each;
    let high_of_others = high[i * per_row..(i + 1) * per_row].chunks(each);
    // Class 0 has logit 0, ordered c - 1, so padding selects c - 2 and its margin is BIG - 1.
    let selected = classes - 2;
    let (mut logits, mut limbs) = (vec![0], vec![high_limbs(big - 1, t, class.margin_limbs)]);
    for (j, chunk) in (1..classes).zip(high_of_others) {
        let above: i128 = (1u32..).zip(chunk).map(|(k, limb)| limb << (k * t)).sum();
        // c z_j + (c - 1 - j) = selected + BIG - above - low
        let rest = selected + big - above - (classes - 1 - j);
        logits.push(rest.div_euclid(classes));
        limbs.push(chunk.to_vec());
    }
    RowValues {
        hidden: magnitudes.iter().map(|&m| (Fr::ZERO, fr(m))).collect(),
        slack: vec![Fr::ZERO; bounds.output_packing.map_or(0, |packing| hidden.div_ceil(packing.terms))],
        logits: logits.into_iter().map(fr).collect(),
        ok: false,
        selection: SelectionValues {
            label: Fr::from(class.classes as u64),
            selected: fr(selected),
            multiplicities: one_hot(class.classes, class.classes + 1),
        },
        high: limbs.into_iter().map(|limbs| limbs.into_iter().map(fr).collect()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CATALOGUE;

    #[test]
    fn model_wires_are_counted_by_the_specs() {
        let count = |class: &SizeClass| model_wires(class, &Bounds::of(class).unwrap());
        assert_eq!(count(&CATALOGUE[0]), 30 * 2 + 2 * 2);
        assert_eq!(count(&CATALOGUE[2]), 64 * 32 + 2 * 32 + 32 * 10 + 2 * 10);
    }
}
