//! The float model: what an ONNX file says, before anything is rounded.

use crate::{
    import::list,
    labels::{ClassIndex, canonical},
};
use circuits::Task;
use std::collections::HashSet;

/// Most inputs or outputs of a layer.
pub(crate) const MAX_WIDTH: usize = 4096;

/// One dense layer: `y_j = sum_k x_k * weights[k * outputs + j] + biases[j]`.
#[derive(Clone, PartialEq)]
pub struct FloatLayer {
    /// Rows of the weight matrix.
    pub inputs: usize,
    /// Columns of the weight matrix.
    pub outputs: usize,
    /// `inputs x outputs`, row-major.
    pub weights: Vec<f64>,
    /// One per output.
    pub biases: Vec<f64>,
}

impl FloatLayer {
    /// The outputs for inputs of the right number.
    pub(crate) fn forward(&self, x: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut z = self.biases.clone();
        for (v, row) in x.zip(self.weights.chunks_exact(self.outputs)) {
            for (z, w) in z.iter_mut().zip(row) {
                *z += v * w;
            }
        }
        z
    }
}

impl std::fmt::Debug for FloatLayer {
    /// Weights are a competitor's secret: only the shape is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FloatLayer({} x {})", self.inputs, self.outputs)
    }
}

/// One affine layer, or two with a ReLU between them. Takes real feature values, gives one logit a class.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatModel {
    layers: Vec<FloatLayer>,
    labels: Option<Vec<String>>,
}

/// Why numbers are not a model, or a model does not predict what a task asks for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FloatModelError {
    /// No layer, or more than one hidden one.
    #[error("expected one layer, or two with a ReLU between them, got {got}")]
    Layers {
        /// The number of layers.
        got: usize,
    },
    /// A layer whose vectors have other lengths than its shape says, or that is too wide.
    #[error(
        "layer {layer}: expected 1 to {MAX_WIDTH} inputs and outputs that fit its neighbours, got {inputs} x {outputs} with {weights} weights and {biases} biases"
    )]
    Shape {
        /// Index from 0.
        layer: usize,
        /// Inputs.
        inputs: usize,
        /// Outputs.
        outputs: usize,
        /// Length of the weight vector.
        weights: usize,
        /// Length of the bias vector.
        biases: usize,
    },
    /// NaN or an infinity among the weights or biases.
    #[error("layer {layer}: expected finite weights and biases, got {got}")]
    NotFinite {
        /// Index from 0.
        layer: usize,
        /// The value.
        got: f64,
    },
    /// Not as many different labels as logits.
    #[error("expected {expected} different class labels, one a logit, got {got}")]
    Labels {
        /// The number of logits.
        expected: usize,
        /// The labels, shortened.
        got: String,
    },
    /// The model takes another number of features than the task has.
    #[error("expected a model of {expected} features, got one of {got}")]
    Features {
        /// Features of the task.
        expected: usize,
        /// Features of the model.
        got: usize,
    },
    /// The model predicts another number of classes, and does not say which.
    #[error("expected a model of {expected} classes, got one of {got}")]
    Classes {
        /// Classes of the task.
        expected: usize,
        /// Logits of the model.
        got: usize,
    },
    /// The model predicts other classes.
    #[error("expected a model of the classes {expected}, got one of {got}")]
    ClassNames {
        /// Classes of the task, shortened.
        expected: String,
        /// Labels of the model, shortened.
        got: String,
    },
}

impl FloatModel {
    /// Checks shapes, numbers and labels.
    ///
    /// # Errors
    /// The first thing that is wrong, with *expected and got*.
    pub fn new(layers: Vec<FloatLayer>, labels: Option<Vec<String>>) -> Result<Self, FloatModelError> {
        if !(1..=2).contains(&layers.len()) {
            return Err(FloatModelError::Layers { got: layers.len() });
        }
        let mut before = None;
        for (index, layer) in layers.iter().enumerate() {
            check_layer(index, layer, before)?;
            before = Some(layer.outputs);
        }
        let classes = before.unwrap_or(0);
        if classes < 2 {
            return Err(FloatModelError::Classes { expected: 2, got: classes });
        }
        if let Some(labels) = &labels {
            let different: HashSet<_> = labels.iter().map(|label| canonical(label)).collect();
            if labels.len() != classes || different.len() != classes {
                return Err(FloatModelError::Labels { expected: classes, got: list(labels) });
            }
        }
        Ok(Self { layers, labels })
    }

    /// Number of features that it takes.
    pub fn features(&self) -> usize {
        self.layers[0].inputs
    }

    /// Units of the hidden layer; `None` for a linear model.
    pub fn hidden(&self) -> Option<usize> {
        (self.layers.len() == 2).then(|| self.layers[0].outputs)
    }

    /// Number of classes, that is, of logits.
    pub fn classes(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs
    }

    /// The class labels in order, if the file names them.
    pub fn labels(&self) -> Option<&[String]> {
        self.labels.as_deref()
    }

    /// One or two layers, in order.
    pub fn layers(&self) -> &[FloatLayer] {
        &self.layers
    }

    /// One logit a class. Missing features count as 0, further ones are not looked at.
    pub fn logits(&self, x: &[f64]) -> Vec<f64> {
        let z = self.layers[0].forward(x.iter().copied());
        match self.layers.get(1) {
            Some(last) => last.forward(z.into_iter().map(|z| z.max(0.0))),
            None => z,
        }
    }

    /// The lowest index among the largest logits (numpy's `argmax`).
    pub fn predict(&self, x: &[f64]) -> usize {
        let logits = self.logits(x);
        let mut best = 0;
        for (j, z) in logits.iter().enumerate() {
            if *z > logits[best] {
                best = j;
            }
        }
        best
    }

    /// The same model with its logits in the order of the task's classes. A model without labels has them in
    /// that order by assumption.
    ///
    /// # Errors
    /// If features or classes are others than the task's.
    pub fn for_task(&self, task: &Task) -> Result<Self, FloatModelError> {
        if self.features() != task.features.len() {
            return Err(FloatModelError::Features { expected: task.features.len(), got: self.features() });
        }
        let Some(labels) = &self.labels else {
            if self.classes() != task.classes.len() {
                return Err(FloatModelError::Classes { expected: task.classes.len(), got: self.classes() });
            }
            return Ok(self.clone());
        };
        let index = ClassIndex::new(&task.classes);
        let order: Option<Vec<usize>> =
            labels.iter().map(|label| index.get(label).map(usize::from)).collect();
        match order {
            Some(order)
                if order.len() == task.classes.len()
                    && order.iter().collect::<HashSet<_>>().len() == order.len() =>
            {
                Ok(self.reordered(&order, task))
            }
            _ => Err(FloatModelError::ClassNames { expected: list(&task.classes), got: list(labels) }),
        }
    }

    /// Logit `j` moves to `order[j]`, a permutation.
    fn reordered(&self, order: &[usize], task: &Task) -> Self {
        let mut layers = self.layers.clone();
        if let Some(last) = layers.last_mut() {
            let old = last.clone();
            for (new, old) in
                last.weights.chunks_exact_mut(old.outputs).zip(old.weights.chunks_exact(old.outputs))
            {
                order.iter().zip(old).for_each(|(&to, &w)| new[to] = w);
            }
            order.iter().zip(&old.biases).for_each(|(&to, &b)| last.biases[to] = b);
        }
        Self { layers, labels: Some(task.classes.clone()) }
    }
}

fn check_layer(index: usize, layer: &FloatLayer, before: Option<usize>) -> Result<(), FloatModelError> {
    let FloatLayer { inputs, outputs, ref weights, ref biases } = *layer;
    let sane = |n| (1..=MAX_WIDTH).contains(&n);
    let fits = sane(inputs) && sane(outputs) && before.is_none_or(|before| before == inputs);
    if !fits || weights.len() != inputs * outputs || biases.len() != outputs {
        let (weights, biases) = (weights.len(), biases.len());
        return Err(FloatModelError::Shape { layer: index, inputs, outputs, weights, biases });
    }
    match weights.iter().chain(biases).find(|v| !v.is_finite()) {
        Some(&got) => Err(FloatModelError::NotFinite { layer: index, got }),
        None => Ok(()),
    }
}
