//! Which size classes a model can be padded into.

use crate::float::{FloatModel, FloatModelError};
use circuits::{ClassId, Family, SizeClass, Task};

/// Why a model does not fit into a size class.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Linear where an MLP is asked for, or the other way round.
    #[error("size class {class}: expected {expected}, got {got}")]
    Family {
        /// The size class.
        class: ClassId,
        /// Its family.
        expected: &'static str,
        /// The model's.
        got: &'static str,
    },
    /// Too large.
    #[error("size class {class}: expected at most {expected} {what}, got {got}")]
    Size {
        /// The size class.
        class: ClassId,
        /// Of what there is too much.
        what: &'static str,
        /// What the class holds.
        expected: usize,
        /// What there is.
        got: usize,
    },
    /// None of the classes on offer.
    #[error("expected {expected} for {got}, but it fits none of the size classes on offer ({offered})")]
    NoClass {
        /// What is needed.
        expected: &'static str,
        /// The model's shape.
        got: String,
        /// Names of the classes, with the reason why each does not fit.
        offered: String,
    },
    /// The model is not one of this task at all.
    #[error(transparent)]
    Model(#[from] FloatModelError),
}

const LINEAR: &str = "a linear model";
const MLP: &str = "a model with one hidden ReLU layer";

/// Whether a model for this task can be padded into the size class.
///
/// # Errors
/// The first size that is too large.
pub fn check_fit(model: &FloatModel, task: &Task, class: &SizeClass) -> Result<(), FitError> {
    let got = if model.hidden().is_some() { MLP } else { LINEAR };
    let expected = if matches!(class.family, Family::Linear) { LINEAR } else { MLP };
    if expected != got {
        return Err(FitError::Family { class: class.id, expected, got });
    }
    let sizes = [
        ("features", class.features, model.features()),
        ("bits a feature", class.feature_bits as usize, usize::from(task.feature_bits)),
        ("hidden units", class.hidden(), model.hidden().unwrap_or(0)),
        ("classes", class.classes, model.classes()),
    ];
    match sizes.into_iter().find(|(_, expected, got)| got > expected) {
        Some((what, expected, got)) => Err(FitError::Size { class: class.id, what, expected, got }),
        None => Ok(()),
    }
}

/// The smallest of the given size classes (by the number of weights, then by rows) that the model fits into.
///
/// # Errors
/// [`FitError::Model`] if features or classes are not the task's; [`FitError::NoClass`] with every reason.
pub fn choose_class(model: &FloatModel, task: &Task, offered: &[ClassId]) -> Result<ClassId, FitError> {
    let model = model.for_task(task)?;
    let mut refused = Vec::new();
    let mut best: Option<&SizeClass> = None;
    let size = |class: &SizeClass| {
        let weights: usize = class.layer_shapes().iter().map(|(inputs, outputs)| inputs * outputs).sum();
        (weights, class.rows)
    };
    for id in offered {
        match check_fit(&model, task, id.class()) {
            Ok(()) if best.is_none_or(|best| size(id.class()) < size(best)) => best = Some(id.class()),
            Ok(()) => {}
            Err(e) => refused.push(e.to_string()),
        }
    }
    best.map(|class| class.id).ok_or_else(|| {
        let hidden = model.hidden().map_or(String::new(), |hidden| format!("-{hidden}"));
        FitError::NoClass {
            expected: "a size class",
            got: format!(
                "a {}{hidden}-{} model with {}-bit features",
                model.features(),
                model.classes(),
                task.feature_bits
            ),
            offered: if refused.is_empty() { "none".to_owned() } else { refused.join("; ") },
        }
    })
}
