//! ONNX graph -> [`FloatModel`]: one affine layer, or two with a ReLU between them.
//!
//! The graph is not executed but walked once with symbolic values ([`value::Value`]): affine steps fold into
//! one another, softmax and its like are known not to change the prediction, and whatever is not understood is
//! an error that names its node. So a model that was accepted predicts what its file says.

mod affine;
mod arithmetic;
mod error;
mod graph;
mod node;
mod schema;
mod shape;
mod tail;
mod tensor;
#[cfg(test)]
mod tests;
mod value;

pub use error::OnnxError;

use crate::{
    files::{Bounded, read_bounded},
    float::FloatModel,
};
use prost::Message;
use std::path::Path;

/// Largest ONNX file in bytes: twenty times the largest size class in doubles. It also bounds what a hostile file
/// makes the parser allocate: an empty message takes two bytes there and up to about 250 in memory.
pub const MAX_ONNX_BYTES: u64 = 4 << 20;

/// What the reader understands, as error messages say it.
pub const SUPPORTED_OPERATORS: &str = "Gemm, MatMul, Add, Sub, Mul, Div, Relu (once), Scaler, LinearClassifier, \
     Flatten, Reshape, Squeeze, Unsqueeze, Transpose (of weights), Identity, Dropout, Cast, Constant, Shape, \
     Gather, Concat, Softmax, LogSoftmax, Sigmoid, Normalizer, ArgMax, ArrayFeatureExtractor, ZipMap";

/// Reads a model from the bytes of an ONNX file.
///
/// # Errors
/// If the bytes are no ONNX file or too many, or the graph is not a linear model or MLP with one hidden ReLU
/// layer: with the node and operator and what is supported.
pub fn read_onnx(bytes: &[u8]) -> Result<FloatModel, OnnxError> {
    let got = bytes.len() as u64;
    if got > MAX_ONNX_BYTES {
        return Err(OnnxError::TooManyBytes { got });
    }
    let model = schema::ModelProto::decode(bytes).map_err(|e| OnnxError::NotOnnx { got: e.to_string() })?;
    graph::read(&model)
}

/// [`read_onnx`] from a file.
///
/// # Errors
/// As [`read_onnx`], and if the file cannot be read.
pub fn read_onnx_file(path: &Path) -> Result<FloatModel, OnnxError> {
    match read_bounded(path, MAX_ONNX_BYTES)? {
        Bounded::Bytes(bytes) => read_onnx(&bytes),
        Bounded::TooLong(got) => Err(OnnxError::TooManyBytes { got }),
    }
}
