//! The task's map goes into the first layer: from real features to integers.

use super::QuantiseError;
use crate::float::{FloatLayer, FloatModel};
use circuits::Task;

/// The model's layers, the first one taking the task's integers. The model matches the task.
pub(super) fn fold(model: &FloatModel, task: &Task) -> Result<Vec<FloatLayer>, QuantiseError> {
    let mut layers = model.layers().to_vec();
    if let Some(first) = layers.first_mut() {
        for (row, feature) in first.weights.chunks_exact_mut(first.outputs).zip(&task.features) {
            for (w, b) in row.iter_mut().zip(&mut first.biases) {
                *b += feature.offset * *w;
                *w *= feature.step;
            }
        }
    }
    for (layer, FloatLayer { weights, biases, .. }) in layers.iter().enumerate() {
        if let Some(&got) = weights.iter().chain(biases).find(|v| !v.is_finite()) {
            return Err(QuantiseError::NotFinite { layer, got });
        }
    }
    Ok(layers)
}
