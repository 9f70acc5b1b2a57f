//! One operator with its inputs: typed access to both, and errors that name it.

use super::{
    affine::Affine,
    error::OnnxError,
    schema::{AttributeProto, NodeProto},
    tensor::Tensor,
    value::Value,
};
use crate::import::shorten;
use std::rc::Rc;

/// A node that is being evaluated.
pub(super) struct Node<'a> {
    proto: &'a NodeProto,
    index: usize,
    inputs: Vec<Option<Value>>,
}

impl<'a> Node<'a> {
    /// Node `index` of the graph; an omitted optional input is `None`.
    pub(super) fn new(proto: &'a NodeProto, index: usize, inputs: Vec<Option<Value>>) -> Self {
        Self { proto, index, inputs }
    }

    /// `DOMAIN:OPERATOR`, or only the operator if it is a standard one.
    pub(super) fn operator(&self) -> String {
        operator(self.proto)
    }

    /// This operator is not supported.
    pub(super) fn unsupported(&self) -> OnnxError {
        OnnxError::Operator { node: name(self.proto, self.index), operator: shorten(&self.operator()) }
    }

    /// This operator is supported, but not like this.
    pub(super) fn wrong(&self, expected: impl Into<String>, got: impl Into<String>) -> OnnxError {
        OnnxError::Node {
            node: name(self.proto, self.index),
            operator: self.operator(),
            expected: expected.into(),
            got: got.into(),
        }
    }

    /// An input that must be there.
    pub(super) fn input(&self, at: usize) -> Result<&Value, OnnxError> {
        self.optional(at).ok_or_else(|| self.wrong(format!("at least {} inputs", at + 1), "fewer"))
    }

    /// An input that may be omitted.
    pub(super) fn optional(&self, at: usize) -> Option<&Value> {
        self.inputs.get(at).and_then(Option::as_ref)
    }

    /// All inputs that are there.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &Value> {
        self.inputs.iter().flatten()
    }

    /// An input that must be affine in the row.
    pub(super) fn numbers(&self, at: usize) -> Result<&Rc<Affine>, OnnxError> {
        match self.input(at)? {
            Value::Numbers(affine) => Ok(affine),
            other => {
                Err(self.wrong(format!("input {at} to be computed from the features"), other.describe()))
            }
        }
    }

    /// An affine input with one dimension behind the batch.
    pub(super) fn flat_numbers(&self, at: usize) -> Result<&Rc<Affine>, OnnxError> {
        let affine = self.numbers(at)?;
        if affine.dims.len() != 1 {
            return Err(self.wrong("rows with one dimension (Flatten first)", format!("{:?}", affine.dims)));
        }
        Ok(affine)
    }

    /// An input that must be constant.
    pub(super) fn constant(&self, at: usize) -> Result<&Rc<Tensor>, OnnxError> {
        match self.input(at)? {
            Value::Constant(tensor) => Ok(tensor),
            other => Err(self.wrong(format!("input {at} to be constant"), other.describe())),
        }
    }

    /// An attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.proto.attribute.iter().find(|attribute| attribute.name == name)
    }

    /// An integer attribute.
    pub(super) fn integer(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |attribute| attribute.i)
    }

    /// A real attribute.
    pub(super) fn float(&self, name: &str, default: f64) -> f64 {
        self.attribute(name).map_or(default, |attribute| f64::from(attribute.f))
    }

    /// A text attribute.
    pub(super) fn text(&self, name: &str, default: &'static str) -> &'a str {
        self.attribute(name).map_or(default, |attribute| std::str::from_utf8(&attribute.s).unwrap_or("?"))
    }

    /// A list attribute; empty if it is absent.
    pub(super) fn floats(&self, name: &str) -> &'a [f32] {
        self.attribute(name).map_or(&[], |attribute| &attribute.floats)
    }

    /// The axis of classes: behind the batch.
    pub(super) fn check_class_axis(&self, default: i64) -> Result<(), OnnxError> {
        match self.integer("axis", default) {
            1 | -1 => Ok(()),
            got => Err(self.wrong("axis 1 or -1, the classes", format!("axis {got}"))),
        }
    }
}

/// The operator's name with its domain.
pub(super) fn operator(proto: &NodeProto) -> String {
    match proto.domain.as_str() {
        "" | "ai.onnx" | "ai.onnx.ml" => proto.op_type.clone(),
        other => format!("{other}:{}", proto.op_type),
    }
}

/// The node's name, or its place in the graph.
pub(super) fn name(proto: &NodeProto, index: usize) -> String {
    if proto.name.is_empty() { format!("#{index}") } else { shorten(&proto.name) }
}
