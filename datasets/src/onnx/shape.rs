//! Operators that only rearrange or rename: constants, shapes and types.

use super::{
    affine::Budget,
    arithmetic,
    error::OnnxError,
    node::Node,
    tensor::{Data, Tensor, strings},
    value::{Decision, Value},
};
use std::rc::Rc;

/// The batch size in a computed shape: as in Reshape, "whatever is left".
const BATCH: i64 = -1;
/// Element types of Cast that hold features and scores without cutting them off.
const REAL_TYPES: [i64; 4] = [1, 10, 11, 16];
/// Longest list of sizes: PyTorch writes at most a few.
const MAX_SIZES: usize = 16;

fn constant_of(data: Data) -> Value {
    Value::Constant(Rc::new(Tensor::vector(data)))
}

/// A constant in one of its spellings.
pub(super) fn constant(node: &Node<'_>) -> Result<Value, OnnxError> {
    let scalar = |data| Value::Constant(Rc::new(Tensor { shape: Vec::new(), data }));
    if let Some(tensor) = node.attribute("value").and_then(|a| a.t.as_ref()) {
        Ok(Value::Constant(Rc::new(Tensor::decode(tensor)?)))
    } else if let Some(a) = node.attribute("value_float") {
        Ok(scalar(Data::Floats(vec![f64::from(a.f)])))
    } else if let Some(a) = node.attribute("value_floats") {
        Ok(constant_of(Data::Floats(a.floats.iter().map(|&v| f64::from(v)).collect())))
    } else if let Some(a) = node.attribute("value_int") {
        Ok(scalar(Data::Integers(vec![a.i])))
    } else if let Some(a) = node.attribute("value_ints") {
        Ok(constant_of(Data::Integers(a.ints.clone())))
    } else if let Some(texts) = node.attribute("value_strings").and_then(|a| strings(&a.strings)) {
        Ok(constant_of(Data::Strings(texts)))
    } else {
        Err(node.wrong("a value of numbers or strings", "another attribute"))
    }
}

/// Everything behind the batch in one dimension.
pub(super) fn flatten(node: &Node<'_>, budget: &mut Budget) -> Result<Value, OnnxError> {
    let x = node.numbers(0)?;
    let axis = node.integer("axis", 1);
    if axis != 1 && axis != -(x.dims.len() as i64) {
        return Err(node.wrong("axis 1, behind the batch", format!("axis {axis}")));
    }
    Ok(Value::Numbers(Rc::new(x.reshaped(vec![x.width()], budget)?)))
}

/// Rows keep their numbers; a prediction stays what it is in any shape.
pub(super) fn reshape(node: &Node<'_>, budget: &mut Budget) -> Result<Value, OnnxError> {
    let x = match node.input(0)? {
        Value::Numbers(x) => x,
        value @ (Value::Index(_) | Value::Label(_)) => return Ok(value.clone()),
        other => return Err(node.wrong("rows or a prediction", other.describe())),
    };
    let sizes = node.constant(1)?;
    let sizes = sizes.integers().filter(|sizes| (1..=MAX_SIZES).contains(&sizes.len()));
    let sizes = sizes.ok_or_else(|| node.wrong(format!("1 to {MAX_SIZES} integer sizes"), "others"))?;
    let dims = row_dims(&x.dims, x.width(), &sizes[1..]).ok_or_else(|| {
        node.wrong(
            format!("sizes that keep the {} numbers of a row together", x.width()),
            format!("{sizes:?}"),
        )
    })?;
    Ok(Value::Numbers(Rc::new(x.reshaped(dims, budget)?)))
}

/// The sizes behind the batch, with 0 (as before) and -1 (what is left) filled in.
fn row_dims(old: &[usize], width: usize, sizes: &[i64]) -> Option<Vec<usize>> {
    let fill = |k: usize, size: i64| if size == 0 { old.get(k).copied() } else { usize::try_from(size).ok() };
    let known: Option<Vec<usize>> = sizes
        .iter()
        .enumerate()
        .filter(|(_, size)| **size != BATCH)
        .map(|(k, &size)| fill(k, size))
        .collect();
    let product = known?.iter().try_fold(1usize, |n, &size| n.checked_mul(size))?;
    let left = width.checked_div(product)?;
    let dims =
        sizes.iter().enumerate().map(|(k, &size)| if size == BATCH { Some(left) } else { fill(k, size) });
    let dims: Vec<usize> = dims.collect::<Option<_>>()?;
    let total = dims.iter().try_fold(1usize, |n, &size| n.checked_mul(size))?;
    (total == width).then_some(dims)
}

/// The axes of Squeeze and Unsqueeze: an attribute before opset 13, an input since.
fn axes<'a>(node: &'a Node<'_>) -> Result<&'a [i64], OnnxError> {
    let axes = match node.optional(1) {
        Some(_) => node.constant(1)?.integers().unwrap_or(&[]),
        None => node.attribute("axes").map_or(&[][..], |attribute| &attribute.ints),
    };
    if axes.is_empty() || axes.len() > MAX_SIZES {
        return Err(node.wrong(format!("1 to {MAX_SIZES} constant axes"), axes.len().to_string()));
    }
    Ok(axes)
}

/// Dimensions of size 1 behind the batch go.
pub(super) fn squeeze(node: &Node<'_>, budget: &mut Budget) -> Result<Value, OnnxError> {
    let x = match node.input(0)? {
        Value::Numbers(x) => x,
        value @ (Value::Index(_) | Value::Label(_)) => return Ok(value.clone()),
        value @ (Value::Positive(_) | Value::Negative(_)) => return Ok(value.clone()),
        other => return Err(node.wrong("rows or a prediction", other.describe())),
    };
    let axes = axes(node)?;
    let rank = x.dims.len() as i64 + 1;
    let gone = |k: usize| axes.iter().any(|&axis| axis.rem_euclid(rank) == k as i64 + 1);
    if let Some(axis) = axes.iter().find(|axis| axis.rem_euclid(rank) == 0 || !(-rank..rank).contains(*axis))
    {
        return Err(node.wrong(format!("axes 1 to {}, behind the batch", rank - 1), axis.to_string()));
    }
    if let Some((_, size)) = x.dims.iter().enumerate().find(|(k, size)| gone(*k) && **size != 1) {
        return Err(node.wrong("axes of size 1", format!("size {size}")));
    }
    let kept = x.dims.iter().enumerate().filter(|(k, _)| !gone(*k)).map(|(_, &size)| size).collect();
    Ok(Value::Numbers(Rc::new(x.reshaped(kept, budget)?)))
}

/// A size becomes a list of sizes; a prediction stays what it is.
pub(super) fn unsqueeze(node: &Node<'_>) -> Result<Value, OnnxError> {
    match node.input(0)? {
        Value::Constant(tensor) if tensor.shape.is_empty() && axes(node)? == [0] => {
            Ok(constant_of(tensor.data.clone()))
        }
        value @ (Value::Index(_) | Value::Label(_)) => Ok(value.clone()),
        other => Err(node.wrong("a single constant or a prediction", other.describe())),
    }
}

/// Weights, turned over.
pub(super) fn transpose(node: &Node<'_>, budget: &mut Budget) -> Result<Value, OnnxError> {
    let weights = node.constant(0)?;
    let order = node.attribute("perm").map_or(&[1, 0][..], |attribute| &attribute.ints);
    if order != [1, 0] {
        return Err(node.wrong("perm [1, 0]", format!("{:?}", &order[..order.len().min(MAX_SIZES)])));
    }
    Ok(Value::Constant(Rc::new(arithmetic::transposed(node, weights, budget)?)))
}

/// The sizes of rows, as PyTorch computes them for `x.view(x.size(0), -1)`.
pub(super) fn shape(node: &Node<'_>) -> Result<Value, OnnxError> {
    let x = node.numbers(0)?;
    if node.attribute("start").or(node.attribute("end")).is_some_and(|a| a.i != 0) {
        return Err(node.wrong("the whole shape", "a part of it"));
    }
    let sizes = std::iter::once(BATCH).chain(x.dims.iter().map(|&size| size as i64)).collect();
    Ok(constant_of(Data::Integers(sizes)))
}

/// One size of a shape, or the label at the predicted index.
pub(super) fn gather(node: &Node<'_>) -> Result<Value, OnnxError> {
    let list = node.constant(0)?;
    if list.shape.len() != 1 || node.integer("axis", 0) != 0 {
        return Err(node.wrong("a list and axis 0", format!("shape {:?}", list.shape)));
    }
    match node.input(1)? {
        Value::Index(decision) => Ok(Value::Label(labelled(node, decision, list)?)),
        Value::Constant(at) => {
            let wrong = || node.wrong("one index of a list of integers", at.data.len().to_string());
            let (Some(sizes), Some(&[index])) = (list.integers(), at.integers()) else {
                return Err(wrong());
            };
            let place = if index < 0 { index.checked_add(sizes.len() as i64) } else { Some(index) };
            let size = place.and_then(|place| usize::try_from(place).ok()).and_then(|place| sizes.get(place));
            let data = Data::Integers(vec![*size.ok_or_else(wrong)?]);
            Ok(Value::Constant(Rc::new(Tensor { shape: at.shape.clone(), data })))
        }
        other => Err(node.wrong("the predicted index or a constant", other.describe())),
    }
}

/// The prediction with its labels: one a class.
pub(super) fn labelled(node: &Node<'_>, decision: &Decision, labels: &Tensor) -> Result<Decision, OnnxError> {
    let (expected, got) = (decision.classes(), labels.data.len());
    if expected != got {
        return Err(node.wrong(format!("{expected} class labels"), got.to_string()));
    }
    Ok(decision.labelled(labels.labels()))
}

/// Sizes in one list, or the probabilities of two classes side by side.
pub(super) fn concat(node: &Node<'_>) -> Result<Value, OnnxError> {
    if let (Some(Value::Negative(a)), Some(Value::Positive(b)), None) =
        (node.optional(0), node.optional(1), node.optional(2))
        && Rc::ptr_eq(a, b)
    {
        node.check_class_axis(1)?;
        return Ok(Value::Scores(Decision::new(a)));
    }
    let mut sizes = Vec::new();
    for value in node.inputs() {
        match value {
            Value::Constant(tensor)
                if tensor.shape.len() == 1 && sizes.len() + tensor.data.len() <= MAX_SIZES =>
            {
                sizes.extend(tensor.integers().ok_or_else(|| node.wrong("integer sizes", value.describe()))?);
            }
            other => {
                let expected = "sizes of a shape, or 1 - p and p of the same Sigmoid";
                return Err(node.wrong(expected, other.describe()));
            }
        }
    }
    Ok(constant_of(Data::Integers(sizes)))
}

/// Types do not matter to a prediction; features and scores may not be cut off to integers.
pub(super) fn cast(node: &Node<'_>) -> Result<Value, OnnxError> {
    let to = node.integer("to", 0);
    match node.input(0)? {
        value @ (Value::Index(_) | Value::Label(_)) => Ok(value.clone()),
        value if REAL_TYPES.contains(&to) => Ok(value.clone()),
        value @ Value::Constant(tensor) if tensor.integers().is_some() => Ok(value.clone()),
        other => {
            Err(node.wrong(format!("a cast of {} to a real type", other.describe()), format!("type {to}")))
        }
    }
}
