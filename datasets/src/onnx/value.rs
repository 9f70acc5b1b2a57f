//! What is known about a value of the graph, for every row at once.

use super::{affine::Affine, tensor::Tensor};
use std::rc::Rc;

/// A symbolic value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// The same for all rows.
    Constant(Rc<Tensor>),
    /// Affine in the features or in the hidden layer.
    Numbers(Rc<Affine>),
    /// The sigmoid of a single logit: the probability of class 1 of two.
    Positive(Rc<Affine>),
    /// One minus [`Value::Positive`].
    Negative(Rc<Affine>),
    /// One number a class, of which only the order matters from here on.
    Scores(Decision),
    /// The index of the predicted class.
    Index(Decision),
    /// The label of the predicted class.
    Label(Decision),
    /// Made from a prediction, but does not tell it; ignored beside an output that does.
    Aside,
}

/// What decides the prediction.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    /// One number a class, the largest wins; or the single logit of class 1 of two, which wins above 0.
    pub(super) logits: Rc<Affine>,
    /// The labels in the order of the logits, as far as they are known.
    pub(super) labels: Option<Rc<Vec<String>>>,
}

impl Decision {
    /// Without labels.
    pub(super) fn new(logits: &Rc<Affine>) -> Self {
        Self { logits: Rc::clone(logits), labels: None }
    }

    /// The same with labels.
    pub(super) fn labelled(&self, labels: Vec<String>) -> Self {
        Self { logits: Rc::clone(&self.logits), labels: Some(Rc::new(labels)) }
    }

    /// How many classes it decides between.
    pub(super) fn classes(&self) -> usize {
        self.logits.width().max(2)
    }
}

impl Value {
    /// For messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Value::Constant(tensor) => format!("a constant of shape {:?}", tensor.shape),
            Value::Numbers(affine) => format!("rows of shape {:?}", affine.dims),
            Value::Positive(_) | Value::Negative(_) => "the probability of one of two classes".to_owned(),
            Value::Scores(decision) => format!("scores of {} classes", decision.classes()),
            Value::Index(_) => "the index of the predicted class".to_owned(),
            Value::Label(_) => "the label of the predicted class".to_owned(),
            Value::Aside => "a by-product of the prediction".to_owned(),
        }
    }
}
