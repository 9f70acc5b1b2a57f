//! Affine functions of a row, folded while the graph is walked.

use super::error::OnnxError;
use crate::float::{FloatLayer, MAX_WIDTH};
use std::rc::Rc;

/// What folding one graph may cost: far more than any model of a size class takes, and seconds at most.
pub(super) struct Budget {
    values: usize,
    multiplications: usize,
}

impl Budget {
    const VALUES: usize = 1 << 24;
    const MULTIPLICATIONS: usize = 1 << 30;

    pub(super) fn new() -> Self {
        Self { values: Self::VALUES, multiplications: Self::MULTIPLICATIONS }
    }

    /// Pays before allocating or computing.
    pub(super) fn pay(&mut self, values: usize, multiplications: usize) -> Result<(), OnnxError> {
        let too_much = |what, expected| OnnxError::TooMuchWork { what, expected };
        self.values = self.values.checked_sub(values).ok_or(too_much("values", Self::VALUES))?;
        self.multiplications = self
            .multiplications
            .checked_sub(multiplications)
            .ok_or(too_much("multiplications", Self::MULTIPLICATIONS))?;
        Ok(())
    }
}

/// An affine map. Preprocessing is diagonal: it would be wasteful as a matrix of 784 x 784.
#[derive(Clone, Debug)]
enum Map {
    /// `y_j = x_j * scale_j + shift_j`.
    Diagonal { scale: Vec<f64>, shift: Vec<f64> },
    /// `y = xW + b`.
    Dense(FloatLayer),
}

/// An affine function of the features, or of the hidden layer if there is one: `width` numbers a row.
#[derive(Clone, Debug)]
pub(super) struct Affine {
    hidden: Option<Rc<FloatLayer>>,
    map: Map,
    /// Sizes behind the batch; their product is the width.
    pub(super) dims: Vec<usize>,
}

impl Affine {
    /// The features themselves, of these dimensions behind the batch. `None` if there are none or too many.
    pub(super) fn features(dims: Vec<usize>) -> Option<Self> {
        let width = dims.iter().try_fold(1usize, |n, &size| n.checked_mul(size))?;
        (1..=MAX_WIDTH).contains(&width).then(|| Self::identity(None, width, dims))
    }

    fn identity(hidden: Option<Rc<FloatLayer>>, width: usize, dims: Vec<usize>) -> Self {
        Self { hidden, map: Map::Diagonal { scale: vec![1.0; width], shift: vec![0.0; width] }, dims }
    }

    /// How many numbers a row it gives.
    pub(super) fn width(&self) -> usize {
        match &self.map {
            Map::Diagonal { scale, .. } => scale.len(),
            Map::Dense(layer) => layer.outputs,
        }
    }

    /// Whether it is already behind a ReLU.
    pub(super) fn has_hidden(&self) -> bool {
        self.hidden.is_some()
    }

    /// The same numbers in another shape of the same product.
    pub(super) fn reshaped(&self, dims: Vec<usize>, budget: &mut Budget) -> Result<Self, OnnxError> {
        budget.pay(self.size(), 0)?;
        Ok(Self { dims, ..self.clone() })
    }

    /// `y_j * scale(j) + shift(j)`.
    pub(super) fn scaled(
        &self,
        scale: impl Fn(usize) -> f64,
        shift: impl Fn(usize) -> f64,
        budget: &mut Budget,
    ) -> Result<Self, OnnxError> {
        budget.pay(self.size(), self.size())?;
        let mut out = self.clone();
        match &mut out.map {
            Map::Diagonal { scale: old_scale, shift: old_shift } => {
                for (j, (a, b)) in old_scale.iter_mut().zip(old_shift).enumerate() {
                    (*a, *b) = (*a * scale(j), *b * scale(j) + shift(j));
                }
            }
            Map::Dense(layer) => {
                for row in layer.weights.chunks_exact_mut(layer.outputs) {
                    row.iter_mut().enumerate().for_each(|(j, w)| *w *= scale(j));
                }
                layer.biases.iter_mut().enumerate().for_each(|(j, b)| *b = *b * scale(j) + shift(j));
            }
        }
        Ok(out)
    }

    /// `yW` with a row-major matrix of `width() x outputs`; both have been checked to fit.
    pub(super) fn times(
        &self,
        matrix: &[f64],
        outputs: usize,
        budget: &mut Budget,
    ) -> Result<Self, OnnxError> {
        let inputs = self.inputs();
        let work = inputs * outputs * if matches!(self.map, Map::Dense(_)) { self.width() } else { 1 };
        budget.pay(inputs * outputs + outputs, work)?;
        let after = FloatLayer {
            inputs: self.width(),
            outputs,
            weights: matrix.to_vec(),
            biases: vec![0.0; outputs],
        };
        let layer = match &self.map {
            Map::Diagonal { scale, shift } => {
                let rows = scale.iter().zip(after.weights.chunks_exact(outputs));
                let weights = rows.flat_map(|(a, row)| row.iter().map(move |w| a * w)).collect();
                FloatLayer { inputs, outputs, weights, biases: after.forward(shift.iter().copied()) }
            }
            Map::Dense(before) => {
                let rows = before.weights.chunks_exact(before.outputs);
                let weights = rows.flat_map(|row| after.forward(row.iter().copied())).collect();
                FloatLayer { inputs, outputs, weights, biases: after.forward(before.biases.iter().copied()) }
            }
        };
        Ok(Self { hidden: self.hidden.clone(), map: Map::Dense(layer), dims: vec![outputs] })
    }

    /// The hidden layer; only for an affine function of the features.
    pub(super) fn relu(&self, budget: &mut Budget) -> Result<Self, OnnxError> {
        let layer = Rc::new(self.dense(budget)?);
        Ok(Self::identity(Some(layer), self.width(), self.dims.clone()))
    }

    /// All layers, the last one written out.
    pub(super) fn layers(&self, budget: &mut Budget) -> Result<Vec<FloatLayer>, OnnxError> {
        let last = self.dense(budget)?;
        Ok(self.hidden.iter().map(|layer| FloatLayer::clone(layer)).chain([last]).collect())
    }

    fn dense(&self, budget: &mut Budget) -> Result<FloatLayer, OnnxError> {
        let width = self.width();
        budget.pay(self.inputs() * width, 0)?;
        match &self.map {
            Map::Dense(layer) => Ok(layer.clone()),
            Map::Diagonal { scale, shift } => {
                let mut weights = vec![0.0; width * width];
                weights.iter_mut().step_by(width + 1).zip(scale).for_each(|(w, a)| *w = *a);
                Ok(FloatLayer { inputs: width, outputs: width, weights, biases: shift.clone() })
            }
        }
    }

    fn inputs(&self) -> usize {
        match &self.map {
            Map::Diagonal { scale, .. } => scale.len(),
            Map::Dense(layer) => layer.inputs,
        }
    }

    fn size(&self) -> usize {
        match &self.map {
            Map::Diagonal { scale, .. } => 2 * scale.len(),
            Map::Dense(layer) => layer.weights.len() + layer.outputs,
        }
    }
}
