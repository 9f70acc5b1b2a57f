//! Float model -> integer model of a size class.
//!
//! The task's map `real = offset + step * integer` folds into the first layer, so the integer model takes the
//! test set as it is. Three freedoms that leave every prediction as it is are used to spend the class's bits
//! well: all logits of a row may be scaled by a positive number, the same number may be added to all of them,
//! and a hidden unit may be scaled by a positive number of its own that the next layer divides out
//! (`relu(s z) = s relu(z)`). What is left is rounding; a few scales are tried and the one that agrees best
//! with the float model on the calibration rows is kept. No randomness: the same input gives the same model.

mod fit;
mod fold;
mod report;
mod scale;
mod search;

pub use fit::{FitError, check_fit, choose_class};
pub use report::{QuantisationReport, RowReport};

use crate::float::{FloatModel, FloatModelError};
use circuits::{IntegerModel, SizeClass, Task, TestSet, TestSetError};
use search::{Calibration, best_linear, best_mlp};

/// Why a float model has no integer twin.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantiseError {
    /// It predicts something else than the task asks for.
    #[error(transparent)]
    Model(#[from] FloatModelError),
    /// It is too large for the size class, or of another family.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The calibration rows belong to another task: other features, map or classes.
    #[error("expected calibration rows of the same task, got others: features, map or classes differ")]
    Calibration,
    /// Weights so large that they are not finite once the task's map is folded in.
    #[error("layer {layer}: expected weights that stay finite with the task's map, got {got}")]
    NotFinite {
        /// Index from 0.
        layer: usize,
        /// The value.
        got: f64,
    },
    /// No scale was small enough: the size class itself refuses the model.
    #[error("expected some scale at which the model fits into the size class, got none: {got}")]
    NoScale {
        /// Why the last one was refused.
        got: String,
    },
    /// The calibration rows with predictions as labels are not a test set; does not happen.
    #[error(transparent)]
    TestSet(#[from] TestSetError),
}

/// Rounds a model for a task to integers of a size class.
///
/// With calibration rows (the public test set, or the training rows mapped by the same task) hidden units are
/// scaled to what occurs there; without, to a bound from the features' ranges, which costs some precision and
/// tells nothing about accuracy.
///
/// # Errors
/// If features, classes, family or sizes do not match. A model of sane numbers that matches always has an
/// integer twin: how good it is says the report.
pub fn quantise(
    model: &FloatModel,
    task: &Task,
    class: &SizeClass,
    calibration: Option<&TestSet>,
) -> Result<(IntegerModel, QuantisationReport), QuantiseError> {
    let model = model.for_task(task)?;
    check_fit(&model, task, class)?;
    if calibration.is_some_and(|rows| rows.task() != task) {
        return Err(QuantiseError::Calibration);
    }
    let layers = fold::fold(&model, task)?;
    let calibration = calibration.map(|rows| Calibration::new(&model, rows)).transpose()?;
    let found = match &layers[..] {
        [only] => best_linear(only, class, calibration.as_ref()),
        [first, last] => best_mlp(first, last, class, task, calibration.as_ref()),
        other => return Err(FloatModelError::Layers { got: other.len() }.into()),
    }?;
    let report = QuantisationReport::new(&found, class, calibration.as_ref());
    Ok((found.model, report))
}
