//! The native twin: the integer model and how it scores, in plain integers.

use super::{Bounds, BoundsError, Family, SizeClass};
use crate::statement::TestSet;

/// One dense layer before padding: `y_j = sum_k x_k * weights[k * outputs + j] + biases[j]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Rows of the weight matrix.
    pub inputs: usize,
    /// Columns of the weight matrix.
    pub outputs: usize,
    /// `inputs x outputs`, row-major, signed T-bit values.
    pub weights: Vec<i32>,
    /// One per output.
    pub biases: Vec<i64>,
}

/// A model of a size class, padded to its shape and within all of its ranges.
///
/// Padded features and units have weight 0. Padded classes are copies of class 0: a tie goes to the lower index,
/// so they are never predicted, and they need no range that class 0 does not need.
#[derive(Clone, PartialEq, Eq)]
pub struct IntegerModel {
    class: SizeClass,
    layers: Vec<Layer>,
}

impl std::fmt::Debug for IntegerModel {
    /// Weights are secret: only the class is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IntegerModel").field("class", &self.class.id).finish_non_exhaustive()
    }
}

/// What the model makes of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowOutcome {
    /// Hidden pre-activations; empty for the linear family.
    pub hidden: Vec<i64>,
    /// Logits of all classes of the size class, padded ones included; those of an overflowed row are
    /// computed from activations of 0, as the prover does.
    pub logits: Vec<i64>,
    /// Some hidden `|z| >= 2^T`: the row counts as wrong.
    pub overflow: bool,
}

impl RowOutcome {
    /// The lowest index among the largest logits (numpy's `argmax`).
    pub fn prediction(&self) -> usize {
        let mut best = 0;
        for (j, z) in self.logits.iter().enumerate() {
            if *z > self.logits[best] {
                best = j;
            }
        }
        best
    }

    /// Whether the row counts for this label.
    pub fn counts(&self, label: u16) -> bool {
        !self.overflow && self.prediction() == usize::from(label)
    }
}

/// How many rows a model gets right, by the semantics that are proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Rows classified correctly.
    pub correct: usize,
    /// Rows in all.
    pub rows: usize,
    /// Rows that count as wrong because a hidden unit left its range.
    pub overflowed: usize,
}

/// Why some integers are not a model of a size class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Another number of layers.
    #[error("expected {expected} layers for this size class, got {got}")]
    Layers {
        /// Layers of the family.
        expected: usize,
        /// Layers that were given.
        got: usize,
    },
    /// A layer that does not fit into the class, or whose vectors have other lengths than its shape says.
    #[error(
        "layer {layer}: expected at most {expected_inputs} x {expected_outputs}, got {got_inputs} x {got_outputs} with {weights} weights and {biases} biases"
    )]
    Shape {
        /// Index from 0.
        layer: usize,
        /// Inputs of the class.
        expected_inputs: usize,
        /// Outputs of the class.
        expected_outputs: usize,
        /// Inputs of the layer.
        got_inputs: usize,
        /// Outputs of the layer.
        got_outputs: usize,
        /// Length of the weight vector.
        weights: usize,
        /// Length of the bias vector.
        biases: usize,
    },
    /// Layers that do not follow each other: the outputs of one are not the inputs of the next.
    #[error("layer {layer}: expected {expected} inputs, the outputs of the layer before, got {got}")]
    Chain {
        /// Index from 0.
        layer: usize,
        /// Outputs before.
        expected: usize,
        /// Inputs here.
        got: usize,
    },
    /// A weight or bias outside its range.
    #[error("layer {layer}: expected a {what} in {min}..={max}, got {got}")]
    Range {
        /// Index from 0.
        layer: usize,
        /// `weight` or `bias`.
        what: &'static str,
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
        /// The value.
        got: i64,
    },
    /// Two logits can be further apart than the margin look-ups hold, so that some row could not be proved.
    #[error("logits {above} and {below}: expected an ordered margin below {expected}, got up to {got}")]
    Margin {
        /// The larger logit.
        above: usize,
        /// The smaller logit.
        below: usize,
        /// BIG.
        expected: i128,
        /// The worst case.
        got: i128,
    },
    /// A test set of another shape than the size class admits.
    #[error(
        "expected at most {expected_features} features up to {expected_x_max} and {expected_classes} classes, got {got_features} up to {got_x_max} and {got_classes}"
    )]
    TestSet {
        /// Features of the class.
        expected_features: usize,
        /// Largest value of the class.
        expected_x_max: u16,
        /// Classes of the class.
        expected_classes: usize,
        /// Features of the test set.
        got_features: usize,
        /// Largest value of the test set.
        got_x_max: u16,
        /// Classes of the test set.
        got_classes: usize,
    },
    /// The class itself is unsound.
    #[error(transparent)]
    Bounds(#[from] BoundsError),
}

impl IntegerModel {
    /// Pads layers to the class and checks every range, the margins included.
    ///
    /// # Errors
    /// The first thing that does not fit, with *expected and got*.
    pub fn new(class: &SizeClass, layers: &[Layer]) -> Result<Self, ModelError> {
        let bounds = Bounds::of(class)?;
        check_shapes(class, layers)?;
        let shapes = class.layer_shapes();
        let last = shapes.len() - 1;
        let padded = layers
            .iter()
            .zip(shapes)
            .enumerate()
            .map(|(index, (layer, (inputs, outputs)))| pad(layer, inputs, outputs, index == last))
            .collect();
        let model = Self { class: *class, layers: padded };
        model.check_ranges(&bounds)?;
        model.check_margins(&bounds)?;
        Ok(model)
    }

    /// The size class.
    pub fn class(&self) -> &SizeClass {
        &self.class
    }

    /// The padded layers, in order.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What the model makes of a row; missing features are 0.
    pub fn forward(&self, x: &[u16]) -> RowOutcome {
        let x: Vec<i64> = x.iter().map(|&v| i64::from(v)).collect();
        match self.class.family {
            Family::Linear => {
                RowOutcome { hidden: Vec::new(), logits: dense(&self.layers[0], &x), overflow: false }
            }
            Family::Mlp { .. } => {
                let limit = 1i64 << self.class.table_bits;
                let hidden = dense(&self.layers[0], &x);
                let overflow = hidden.iter().any(|z| z.abs() >= limit);
                let active: Vec<i64> = hidden.iter().map(|&z| if overflow { 0 } else { z.max(0) }).collect();
                RowOutcome { logits: dense(&self.layers[1], &active), hidden, overflow }
            }
        }
    }

    /// Scores a whole test set.
    ///
    /// # Errors
    /// [`ModelError::TestSet`] if the test set does not fit into the size class.
    pub fn accuracy(&self, set: &TestSet) -> Result<Score, ModelError> {
        self.check_test_set(set)?;
        let mut score = Score { rows: set.rows(), ..Score::default() };
        for i in 0..set.rows() {
            let outcome = self.forward(set.row(i));
            score.overflowed += usize::from(outcome.overflow);
            score.correct += usize::from(outcome.counts(set.label(i)));
        }
        Ok(score)
    }

    /// Whether the test set fits into this model's size class.
    ///
    /// # Errors
    /// [`ModelError::TestSet`] with both shapes.
    pub fn check_test_set(&self, set: &TestSet) -> Result<(), ModelError> {
        let class = &self.class;
        if class.fits(set.features(), set.x_max(), set.classes()) {
            return Ok(());
        }
        Err(ModelError::TestSet {
            expected_features: class.features,
            expected_x_max: class.x_max(),
            expected_classes: class.classes,
            got_features: set.features(),
            got_x_max: set.x_max(),
            got_classes: set.classes(),
        })
    }

    fn check_ranges(&self, bounds: &Bounds) -> Result<(), ModelError> {
        let t = self.class.table_bits;
        for (index, layer) in self.layers.iter().enumerate() {
            let last = index + 1 == self.layers.len();
            let bias_spec = if last { bounds.logit_bias } else { bounds.hidden_bias };
            let check = |what, value: i64, min: i64, max: i64| {
                if (min..=max).contains(&value) {
                    Ok(())
                } else {
                    Err(ModelError::Range { layer: index, what, min, max, got: value })
                }
            };
            for &w in &layer.weights {
                check("weight", i64::from(w), bounds.weight.min(), bounds.weight.honest_max(t))?;
            }
            for &b in &layer.biases {
                check("bias", b, bias_spec.min(), bias_spec.honest_max(t))?;
            }
        }
        Ok(())
    }

    /// Largest value of each input of the last layer, from the ranges alone.
    fn last_input_max(&self, bounds: &Bounds) -> Vec<i64> {
        let x_max = i64::from(self.class.x_max());
        match self.class.family {
            Family::Linear => vec![x_max; self.class.features],
            Family::Mlp { hidden } => {
                (0..hidden).map(|j| highest(&self.layers[0], j, x_max).clamp(0, bounds.hidden_max)).collect()
            }
        }
    }

    /// Guarantees `|z'_j - z'_k| < BIG` for every row that can be: no row may make proving impossible.
    fn check_margins(&self, bounds: &Bounds) -> Result<(), ModelError> {
        let inputs = self.last_input_max(bounds);
        let layer = &self.layers[self.layers.len() - 1];
        let classes = self.class.classes;
        for j in 0..classes {
            for k in (0..classes).filter(|&k| k != j) {
                let mut margin = i128::from(layer.biases[j]) - i128::from(layer.biases[k]);
                for (i, &top) in inputs.iter().enumerate() {
                    let row = &layer.weights[i * classes..(i + 1) * classes];
                    let slope = i64::from(row[j]) - i64::from(row[k]);
                    margin += i128::from(slope.max(0)) * i128::from(top);
                }
                let ordered = margin * classes as i128 + (k as i128 - j as i128);
                if ordered >= bounds.big {
                    return Err(ModelError::Margin {
                        above: j,
                        below: k,
                        expected: bounds.big,
                        got: ordered,
                    });
                }
            }
        }
        Ok(())
    }
}

fn check_shapes(class: &SizeClass, layers: &[Layer]) -> Result<(), ModelError> {
    let shapes = class.layer_shapes();
    if layers.len() != shapes.len() {
        return Err(ModelError::Layers { expected: shapes.len(), got: layers.len() });
    }
    let mut outputs_before = None;
    for (index, (layer, &(inputs, outputs))) in layers.iter().zip(&shapes).enumerate() {
        let fits = layer.inputs <= inputs && (1..=outputs).contains(&layer.outputs);
        let whole =
            layer.weights.len() == layer.inputs * layer.outputs && layer.biases.len() == layer.outputs;
        if !fits || !whole {
            return Err(ModelError::Shape {
                layer: index,
                expected_inputs: inputs,
                expected_outputs: outputs,
                got_inputs: layer.inputs,
                got_outputs: layer.outputs,
                weights: layer.weights.len(),
                biases: layer.biases.len(),
            });
        }
        if let Some(expected) = outputs_before
            && expected != layer.inputs
        {
            return Err(ModelError::Chain { layer: index, expected, got: layer.inputs });
        }
        outputs_before = Some(layer.outputs);
    }
    Ok(())
}

/// Pads with zeros; the padded outputs of the last layer are copies of output 0.
fn pad(layer: &Layer, inputs: usize, outputs: usize, last: bool) -> Layer {
    let source = |j: usize| if j < layer.outputs { Some(j) } else { last.then_some(0) };
    let mut weights = vec![0; inputs * outputs];
    for (row, padded) in layer.weights.chunks(layer.outputs).zip(weights.chunks_mut(outputs)) {
        for (j, weight) in padded.iter_mut().enumerate() {
            *weight = source(j).map_or(0, |j| row[j]);
        }
    }
    let biases = (0..outputs).map(|j| source(j).map_or(0, |j| layer.biases[j])).collect();
    Layer { inputs, outputs, weights, biases }
}

fn dense(layer: &Layer, x: &[i64]) -> Vec<i64> {
    let mut z = layer.biases.clone();
    for (k, &v) in x.iter().enumerate().filter(|(_, v)| **v != 0) {
        let row = &layer.weights[k * layer.outputs..(k + 1) * layer.outputs];
        for (z, &w) in z.iter_mut().zip(row) {
            *z += v * i64::from(w);
        }
    }
    z
}

/// Largest output `j` over inputs in `0..=top`.
fn highest(layer: &Layer, j: usize, top: i64) -> i64 {
    let sum: i64 =
        (0..layer.inputs).map(|k| i64::from(layer.weights[k * layer.outputs + j]).max(0) * top).sum();
    sum + layer.biases[j]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CATALOGUE;

    fn layer(inputs: usize, outputs: usize) -> Layer {
        Layer { inputs, outputs, weights: vec![0; inputs * outputs], biases: vec![0; outputs] }
    }

    #[test]
    fn layers_that_do_not_fit_are_refused() {
        let class = &CATALOGUE[2];
        let refused = |layers: &[Layer]| IntegerModel::new(class, layers).unwrap_err();
        assert!(IntegerModel::new(class, &[layer(64, 32), layer(32, 10)]).is_ok());
        assert_eq!(refused(&[layer(64, 10)]), ModelError::Layers { expected: 2, got: 1 });
        for (index, layers) in [
            (0, [layer(65, 32), layer(32, 10)]),
            (0, [layer(64, 33), layer(33, 10)]),
            (1, [layer(64, 32), layer(32, 11)]),
            (0, [layer(64, 0), layer(0, 10)]),
            (0, [Layer { weights: vec![0; 64 * 32 - 1], ..layer(64, 32) }, layer(32, 10)]),
            (1, [layer(64, 32), Layer { biases: vec![0; 9], ..layer(32, 10) }]),
        ] {
            assert!(matches!(refused(&layers), ModelError::Shape { layer, .. } if layer == index), "{index}");
        }
        assert_eq!(
            refused(&[layer(64, 31), layer(32, 10)]),
            ModelError::Chain { layer: 1, expected: 31, got: 32 }
        );
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let class = &CATALOGUE[0];
        let with = |change: &dyn Fn(&mut Layer)| {
            let mut layer = layer(30, 2);
            change(&mut layer);
            IntegerModel::new(class, &[layer])
        };
        assert!(with(&|l| (l.weights[0], l.weights[1]) = (1023, 1023)).is_ok());
        for got in [1024, -1025] {
            let refused = with(&|l| (l.weights[0], l.weights[1]) = (got, got));
            assert!(matches!(refused, Err(ModelError::Range { what: "weight", .. })));
        }
        for got in [1 << 21, -(1 << 21) - 1] {
            let refused = with(&|l| l.biases.fill(got));
            assert!(matches!(refused, Err(ModelError::Range { what: "bias", .. })));
        }
        // Ordered margins of two classes are below 2^21: half of it in the bias is too much.
        assert!(with(&|l| l.biases[0] = (1 << 20) - 1).is_ok());
        assert!(matches!(with(&|l| l.biases[0] = 1 << 20), Err(ModelError::Margin { .. })));
    }

    #[test]
    fn ties_go_to_the_lower_index_and_overflow_never_counts() {
        let outcome = RowOutcome { hidden: vec![0], logits: vec![3, 7, 7], overflow: false };
        assert_eq!(outcome.prediction(), 1);
        assert!(outcome.counts(1) && !outcome.counts(2));
        assert!(!RowOutcome { overflow: true, ..outcome }.counts(1));
    }
}
