//! From doubles to integers at a given scale, within the ranges that the look-ups enforce.

use crate::float::FloatLayer;
use circuits::{
    SizeClass,
    model::{Layer, ValueSpec},
};

/// The hidden layer in integers, and the scale of every unit.
pub(super) struct HiddenLayer {
    pub(super) layer: Layer,
    pub(super) scales: Vec<f64>,
}

/// Half of the values that a look-up holds: both signs have at least so many.
fn half_range(spec: ValueSpec, table_bits: u32) -> f64 {
    spec.honest_max(table_bits).min(-spec.min()) as f64
}

/// Largest absolute value of a list, 0 if it is empty.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |max, v| max.max(v.abs()))
}

/// The largest scale at which each `(value, limit)` stays within its limit; 1 if all values are 0.
fn largest_scale(values: &[(f64, f64)]) -> f64 {
    let scales = values.iter().filter(|(value, _)| *value > 0.0).map(|(value, limit)| limit / value);
    let scale = scales.fold(f64::INFINITY, f64::min);
    // Values so small that their scale is beyond a double are 0 for all that matters.
    if scale.is_finite() { scale } else { 1.0 }
}

/// Rounds the hidden layer. Every unit gets the largest scale at which its weights and bias are in range and
/// its reach, the largest `|z|` to be represented, takes at most `fill` (0 to 1) of the pre-activation's range.
pub(super) fn hidden_layer(first: &FloatLayer, reach: &[f64], class: &SizeClass, fill: f64) -> HiddenLayer {
    let t = class.table_bits;
    let weight_max = half_range(ValueSpec::weight(t), t);
    let bias_max = half_range(ValueSpec::hidden_bias(t), t);
    let z_max = ((1i64 << t) - 1) as f64 * fill;
    let column = |j: usize| first.weights.iter().skip(j).step_by(first.outputs).copied();
    let scales: Vec<f64> = reach
        .iter()
        .enumerate()
        .map(|(j, &reach)| {
            let limits =
                [(largest(column(j)), weight_max), (first.biases[j].abs(), bias_max), (reach, z_max)];
            largest_scale(&limits)
        })
        .collect();
    let weights = first
        .weights
        .chunks_exact(first.outputs)
        .flat_map(|row| row.iter().zip(&scales).map(|(w, s)| (w * s).round() as i32))
        .collect();
    let biases = first.biases.iter().zip(&scales).map(|(b, s)| (b * s).round() as i64).collect();
    HiddenLayer { layer: Layer { inputs: first.inputs, outputs: first.outputs, weights, biases }, scales }
}

/// The last layer with the hidden units' scales divided out.
pub(super) fn unscaled(last: &FloatLayer, scales: &[f64]) -> FloatLayer {
    let rows = last.weights.chunks_exact(last.outputs).zip(scales);
    let weights = rows.flat_map(|(row, s)| row.iter().map(move |w| w / s)).collect();
    FloatLayer { weights, ..last.clone() }
}

/// The largest common scale of the logits at which weights and biases are in range, once centred.
pub(super) fn largest_logit_scale(last: &FloatLayer, class: &SizeClass) -> f64 {
    let t = class.table_bits;
    let spread = |row: &[f64]| {
        let (min, max) = row.iter().fold((f64::MAX, f64::MIN), |(min, max), &v| (v.min(min), v.max(max)));
        max - min
    };
    let weights = largest(last.weights.chunks_exact(last.outputs).map(spread));
    // A spread of 2^T - 1 is what centred integers hold; one is left for rounding.
    let limit = |spec: ValueSpec| (spec.honest_max(t) - spec.min() - 1) as f64;
    largest_scale(&[
        (weights, limit(ValueSpec::weight(t))),
        (spread(&last.biases), limit(ValueSpec::logit_bias(t))),
    ])
}

/// Rounds the last layer at one scale for all classes.
pub(super) fn logit_layer(last: &FloatLayer, scale: f64) -> Layer {
    let rows = last.weights.chunks_exact(last.outputs);
    Layer {
        inputs: last.inputs,
        outputs: last.outputs,
        weights: rows.flat_map(|row| centred(row, scale)).map(|w| w.clamp(MIN_I32, MAX_I32) as i32).collect(),
        biases: centred(&last.biases, scale).collect(),
    }
}

const MIN_I32: i64 = i32::MIN as i64;
const MAX_I32: i64 = i32::MAX as i64;

/// One number a class, rounded. Only differences between classes matter: those to class 0 are rounded, and
/// then all are moved by the same integer so that they reach equally far to both sides.
fn centred(row: &[f64], scale: f64) -> impl Iterator<Item = i64> {
    let reference = row.first().copied().unwrap_or(0.0);
    // `as` saturates, far beyond every range; halved so that sums stay in range, too.
    let limit = (i64::MAX / 4) as f64;
    let differences: Vec<i64> =
        row.iter().map(|v| ((v - reference) * scale).round().clamp(-limit, limit) as i64).collect();
    let (min, max) = differences.iter().fold((0, 0), |(min, max), &d| (d.min(min), d.max(max)));
    let middle = -(-(min + max)).div_euclid(2);
    differences.into_iter().map(move |d| d - middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centring_keeps_differences_and_uses_the_whole_range() {
        let row = [3.0, -1.0, 4.2, 0.0];
        let rounded: Vec<i64> = centred(&row, 10.0).collect();
        assert_eq!(rounded.iter().map(|d| d - rounded[0]).collect::<Vec<_>>(), [0, -40, 12, -30]);
        assert_eq!((rounded.iter().min(), rounded.iter().max()), (Some(&-26), Some(&26)));
        // An odd spread of 2^T - 1 is exactly -2^(T-1)..=2^(T-1)-1.
        assert_eq!(centred(&[0.0, 15.0], 1.0).collect::<Vec<_>>(), [-8, 7]);
        assert_eq!(centred(&[0.0, -15.0], 1.0).collect::<Vec<_>>(), [7, -8]);
    }

    #[test]
    fn a_layer_of_zeros_has_a_scale() {
        let zeros = FloatLayer { inputs: 1, outputs: 2, weights: vec![0.0; 2], biases: vec![0.0; 2] };
        assert_eq!(largest_logit_scale(&zeros, &circuits::model::CATALOGUE[0]), 1.0);
        assert_eq!(logit_layer(&zeros, 1.0).weights, [0, 0]);
    }
}
