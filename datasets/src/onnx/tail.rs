//! Operators behind the logits: they make scores, indices and labels, and do not change the prediction.

use super::{
    affine::{Affine, Budget},
    error::OnnxError,
    node::Node,
    shape::labelled,
    tensor::{Data, Tensor, strings},
    value::{Decision, Value},
};
use std::rc::Rc;

/// Class labels of an operator of the machine-learning domain, from whichever attribute has them.
fn class_labels(node: &Node<'_>, integers: &str, texts: &str) -> Result<Tensor, OnnxError> {
    let data = match (node.attribute(integers), node.attribute(texts)) {
        (Some(a), _) if !a.ints.is_empty() => Some(Data::Integers(a.ints.clone())),
        (_, Some(a)) if !a.strings.is_empty() => strings(&a.strings).map(Data::Strings),
        _ => None,
    };
    data.map(Tensor::vector).ok_or_else(|| node.wrong("integer or UTF-8 class labels", "none"))
}

/// scikit-learn's linear classifiers: `coefficients` has one row a class, or a single one of two classes.
pub(super) fn linear_classifier(node: &Node<'_>, budget: &mut Budget) -> Result<Vec<Value>, OnnxError> {
    let x = node.flat_numbers(0)?;
    let labels = class_labels(node, "classlabels_ints", "classlabels_strings")?;
    let post_transform = node.text("post_transform", "NONE");
    if !["NONE", "SOFTMAX", "LOGISTIC"].contains(&post_transform) {
        return Err(node.wrong("post_transform NONE, SOFTMAX or LOGISTIC", post_transform));
    }
    let coefficients = node.floats("coefficients");
    let (classes, features) = (labels.data.len(), x.width());
    let rows = if classes == 2 && coefficients.len() == features { 1 } else { classes };
    if !(2..=256).contains(&classes) || coefficients.len() != rows * features {
        let got = format!("{} for {classes} classes", coefficients.len());
        return Err(node.wrong(format!("{features} coefficients a class, 2 to 256 classes"), got));
    }
    let intercepts = node.floats("intercepts");
    if !intercepts.is_empty() && intercepts.len() != rows {
        return Err(node.wrong(format!("{rows} intercepts"), intercepts.len().to_string()));
    }
    budget.pay(coefficients.len(), 0)?;
    let column = |k: usize| coefficients.iter().skip(k).step_by(features).map(|&w| f64::from(w));
    let matrix: Vec<f64> = (0..features).flat_map(column).collect();
    let biases: Vec<f64> = intercepts.iter().map(|&b| f64::from(b)).collect();
    let logits = x.times(&matrix, rows, budget)?;
    let logits = logits.scaled(|_| 1.0, |j| biases.get(j).copied().unwrap_or(0.0), budget)?;
    let decision = labelled(node, &Decision::new(&Rc::new(logits)), &labels)?;
    Ok(vec![Value::Label(decision.clone()), Value::Scores(decision)])
}

/// Logits of two or more classes.
fn logits<'a>(node: &Node<'_>, x: &'a Rc<Affine>) -> Result<&'a Rc<Affine>, OnnxError> {
    if x.dims.len() != 1 || x.width() < 2 {
        return Err(node.wrong("two or more logits a row", format!("rows of shape {:?}", x.dims)));
    }
    Ok(x)
}

/// Softmax and its logarithm grow with their logits.
pub(super) fn softmax(node: &Node<'_>) -> Result<Value, OnnxError> {
    node.check_class_axis(-1)?;
    Ok(Value::Scores(Decision::new(logits(node, node.numbers(0)?)?)))
}

/// The probability of class 1 of two, or one probability a class.
pub(super) fn sigmoid(node: &Node<'_>) -> Result<Value, OnnxError> {
    let x = node.numbers(0)?;
    if x.width() == 1 {
        return Ok(Value::Positive(Rc::clone(x)));
    }
    Ok(Value::Scores(Decision::new(logits(node, x)?)))
}

/// Divides the scores of a row by a positive number.
pub(super) fn normalizer(node: &Node<'_>) -> Result<Value, OnnxError> {
    match (node.input(0)?, node.text("norm", "MAX")) {
        (Value::Scores(decision), "L1" | "L2") => Ok(Value::Scores(decision.clone())),
        (Value::Scores(_), other) => Err(node.wrong("norm L1 or L2", other)),
        (other, _) => Err(node.wrong("scores of classes", other.describe())),
    }
}

/// The predicted index, the lowest if there are several.
pub(super) fn arg_max(node: &Node<'_>) -> Result<Value, OnnxError> {
    node.check_class_axis(0)?;
    if node.integer("select_last_index", 0) != 0 {
        return Err(node.wrong("select_last_index = 0: ties go to the lowest class", "1"));
    }
    match node.input(0)? {
        Value::Scores(decision) => Ok(Value::Index(decision.clone())),
        Value::Numbers(x) => Ok(Value::Index(Decision::new(logits(node, x)?))),
        other => Err(node.wrong("logits or scores of classes", other.describe())),
    }
}

/// The label at the predicted index; or some column of the scores, which tells no prediction.
pub(super) fn array_feature_extractor(node: &Node<'_>) -> Result<Value, OnnxError> {
    match (node.input(0)?, node.input(1)?) {
        (Value::Constant(labels), Value::Index(decision)) => {
            Ok(Value::Label(labelled(node, decision, labels)?))
        }
        (Value::Scores(_), Value::Constant(_)) => Ok(Value::Aside),
        (a, b) => {
            let got = format!("{} and {}", a.describe(), b.describe());
            Err(node.wrong("class labels and the predicted index", got))
        }
    }
}

/// Scores with the labels that they belong to.
pub(super) fn zip_map(node: &Node<'_>) -> Result<Value, OnnxError> {
    let Value::Scores(decision) = node.input(0)? else {
        return Err(node.wrong("scores of classes", node.input(0)?.describe()));
    };
    let labels = class_labels(node, "classlabels_int64s", "classlabels_strings")?;
    Ok(Value::Scores(labelled(node, decision, &labels)?))
}
