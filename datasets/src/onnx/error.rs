//! Why an ONNX file is not a model that can be proved.

use super::{MAX_ONNX_BYTES, SUPPORTED_OPERATORS};
use crate::float::FloatModelError;

/// Why an ONNX file is refused. Nodes without a name are called `#0`, `#1`, ... by their place in the graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The file could not be read.
    #[error("cannot read the model: {0}")]
    Io(#[from] std::io::Error),
    /// A file that is too long.
    #[error("expected a model of at most {MAX_ONNX_BYTES} bytes, got {got}")]
    TooManyBytes {
        /// Its length.
        got: u64,
    },
    /// Bytes of another kind.
    #[error("expected an ONNX file, got {got}")]
    NotOnnx {
        /// What the parser says.
        got: String,
    },
    /// The graph itself is out of bounds or malformed.
    #[error("graph: expected {expected}, got {got}")]
    Graph {
        /// What should be there.
        expected: String,
        /// What is there.
        got: String,
    },
    /// An operator that cannot be proved, or is not known.
    #[error("node {node:?}: operator {operator} is not supported; expected one of {SUPPORTED_OPERATORS}")]
    Operator {
        /// The node's name.
        node: String,
        /// The operator, with its domain unless it is a standard one.
        operator: String,
    },
    /// A supported operator, used in a way that is not.
    #[error("node {node:?}, operator {operator}: expected {expected}, got {got}")]
    Node {
        /// The node's name.
        node: String,
        /// The operator.
        operator: String,
        /// What is supported.
        expected: String,
        /// What is there.
        got: String,
    },
    /// A constant that is malformed or of another kind.
    #[error("tensor {tensor:?}: expected {expected}, got {got}")]
    Tensor {
        /// The tensor's name.
        tensor: String,
        /// What should be there.
        expected: String,
        /// What is there.
        got: String,
    },
    /// The model takes something else than rows of numbers.
    #[error("input: expected {expected}, got {got}")]
    Input {
        /// What is supported.
        expected: String,
        /// What is there.
        got: String,
    },
    /// What the model gives cannot be read as one prediction.
    #[error("output {output:?}: expected {expected}, got {got}")]
    Output {
        /// The output's name.
        output: String,
        /// What is supported.
        expected: String,
        /// What is there.
        got: String,
    },
    /// A graph that takes far more work than any model of a size class.
    #[error("expected a graph that folds with at most {expected} {what}, got more")]
    TooMuchWork {
        /// `values` or `multiplications`.
        what: &'static str,
        /// The limit.
        expected: usize,
    },
    /// The layers are not a model.
    #[error(transparent)]
    Model(#[from] FloatModelError),
}
