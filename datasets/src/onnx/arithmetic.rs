//! Operators that compute: affine ones fold, and one ReLU makes the hidden layer.

use super::{
    affine::{Affine, Budget},
    error::OnnxError,
    node::Node,
    tensor::Tensor,
    value::Value,
};
use crate::float::MAX_WIDTH;
use std::rc::Rc;

/// A constant as doubles, paid for.
fn number_list(node: &Node<'_>, tensor: &Tensor, budget: &mut Budget) -> Result<Vec<f64>, OnnxError> {
    budget.pay(tensor.data.len(), 0)?;
    tensor.numbers().ok_or_else(|| node.wrong("a constant of numbers", "strings"))
}

/// `alpha * A * B + beta * C`.
pub(super) fn gemm(node: &Node<'_>, budget: &mut Budget) -> Result<Value, OnnxError> {
    if node.integer("transA", 0) != 0 {
        return Err(node.wrong("transA = 0", "transA = 1"));
    }
    let x = node.flat_numbers(0)?;
    let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
    let mut weights = Rc::clone(node.constant(1)?);
    if node.integer("transB", 0) != 0 {
        weights = Rc::new(transposed(node, &weights, budget)?);
    }
    let product = times(node, x, &weights, budget)?.scaled(|_| alpha, |_| 0.0, budget)?;
    if node.optional(2).is_none() {
        return Ok(Value::Numbers(Rc::new(product)));
    }
    let biases = node.constant(2)?;
    let at = broadcast(node, biases, &product.dims)?;
    let biases = number_list(node, biases, budget)?;
    Ok(Value::Numbers(Rc::new(product.scaled(|_| 1.0, |j| beta * biases[at[j]], budget)?)))
}

/// A matrix of numbers, turned over.
pub(super) fn transposed(node: &Node<'_>, tensor: &Tensor, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    budget.pay(tensor.data.len(), 0)?;
    tensor.transposed().ok_or_else(|| node.wrong("a matrix of numbers", format!("shape {:?}", tensor.shape)))
}

/// Rows times a constant matrix.
pub(super) fn mat_mul(node: &Node<'_>, budget: &mut Budget) -> Result<Value, OnnxError> {
    let x = node.flat_numbers(0)?;
    Ok(Value::Numbers(Rc::new(times(node, x, node.constant(1)?, budget)?)))
}

fn times(node: &Node<'_>, x: &Affine, weights: &Tensor, budget: &mut Budget) -> Result<Affine, OnnxError> {
    match weights.matrix_shape() {
        Some((inputs, outputs)) if inputs == x.width() && (1..=MAX_WIDTH).contains(&outputs) => {
            x.times(&number_list(node, weights, budget)?, outputs, budget)
        }
        _ => Err(node.wrong(
            format!("a weight matrix of {} x 1 to {MAX_WIDTH}", x.width()),
            format!("shape {:?}", weights.shape),
        )),
    }
}

/// Add, Sub, Mul and Div of rows and a constant; also one minus a probability.
pub(super) fn elementwise(node: &Node<'_>, budget: &mut Budget) -> Result<Value, OnnxError> {
    let operator = node.operator();
    let (rows, constant, rows_first) = match (node.input(0)?, node.input(1)?) {
        (Value::Numbers(rows), Value::Constant(constant)) => (rows, constant, true),
        (Value::Constant(constant), Value::Numbers(rows)) => (rows, constant, false),
        (Value::Constant(one), Value::Positive(logit))
            if operator == "Sub" && one.data.len() == 1 && one.numbers() == Some(vec![1.0]) =>
        {
            return Ok(Value::Negative(Rc::clone(logit)));
        }
        (a, b) => {
            let got = format!("{} and {}", a.describe(), b.describe());
            return Err(node.wrong("rows computed from the features and a constant", got));
        }
    };
    let at = broadcast(node, constant, &rows.dims)?;
    let numbers = number_list(node, constant, budget)?;
    let c = |j: usize| numbers[at[j]];
    let out = match (operator.as_str(), rows_first) {
        ("Add", _) => rows.scaled(|_| 1.0, c, budget)?,
        ("Sub", true) => rows.scaled(|_| 1.0, |j| -c(j), budget)?,
        ("Sub", false) => rows.scaled(|_| -1.0, c, budget)?,
        ("Mul", _) => rows.scaled(c, |_| 0.0, budget)?,
        ("Div", true) if numbers.contains(&0.0) => return Err(node.wrong("divisors other than 0", "0")),
        ("Div", true) => rows.scaled(|j| 1.0 / c(j), |_| 0.0, budget)?,
        _ => return Err(node.wrong("rows divided by a constant", "a constant divided by rows")),
    };
    Ok(Value::Numbers(Rc::new(out)))
}

/// For every number of a row, which element of the constant meets it by numpy's rules. The constant may not
/// make the row larger.
fn broadcast(node: &Node<'_>, constant: &Tensor, dims: &[usize]) -> Result<Vec<usize>, OnnxError> {
    let wrong = || {
        let got = format!("shape {:?}", constant.shape);
        node.wrong(format!("a constant that fits rows of shape {dims:?} by broadcasting"), got)
    };
    let mut shape = constant.shape.clone();
    if shape.len() > dims.len() {
        // The first dimension meets the batch.
        if shape.remove(0) != 1 || shape.len() > dims.len() {
            return Err(wrong());
        }
    }
    while shape.len() < dims.len() {
        shape.insert(0, 1);
    }
    let mut at = vec![0];
    for (&size, &dim) in shape.iter().zip(dims) {
        if size != 1 && size != dim {
            return Err(wrong());
        }
        let place = |before: &usize, k: usize| before * size + if size == 1 { 0 } else { k };
        at = at.iter().flat_map(|before| (0..dim).map(move |k| place(before, k))).collect();
    }
    Ok(at)
}

/// The hidden layer.
pub(super) fn relu(node: &Node<'_>, budget: &mut Budget) -> Result<Value, OnnxError> {
    let x = node.numbers(0)?;
    if x.has_hidden() {
        return Err(node.wrong("at most one hidden layer", "a second Relu"));
    }
    Ok(Value::Numbers(Rc::new(x.relu(budget)?)))
}

/// `(x - offset) * scale`, each with one number for all features or one a feature.
pub(super) fn scaler(node: &Node<'_>, budget: &mut Budget) -> Result<Value, OnnxError> {
    let x = node.flat_numbers(0)?;
    let list = |name, default| {
        let values = node.floats(name);
        match values.len() {
            0 => Ok(vec![default; x.width()]),
            1 => Ok(vec![f64::from(values[0]); x.width()]),
            n if n == x.width() => Ok(values.iter().map(|&v| f64::from(v)).collect()),
            n => Err(node.wrong(format!("1 or {} numbers as {name}", x.width()), n.to_string())),
        }
    };
    let (offset, scale): (Vec<f64>, Vec<f64>) = (list("offset", 0.0)?, list("scale", 1.0)?);
    Ok(Value::Numbers(Rc::new(x.scaled(|j| scale[j], |j| -offset[j] * scale[j], budget)?)))
}
