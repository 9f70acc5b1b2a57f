//! Constants of the graph: numbers as doubles, or strings.

use super::{error::OnnxError, schema::TensorProto};
use crate::import::shorten;

/// Most dimensions of a tensor: an image batch has four.
const MAX_DIMENSIONS: usize = 8;
const EXTERNAL: i32 = 1;

/// Element types of the schema that are read.
mod data_type {
    pub(super) const FLOAT: i32 = 1;
    pub(super) const INT32: i32 = 6;
    pub(super) const INT64: i32 = 7;
    pub(super) const STRING: i32 = 8;
    pub(super) const DOUBLE: i32 = 11;
}

/// What a tensor holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    /// Integers stay integers: shapes and class labels. At most 2^63.
    Integers(Vec<i64>),
    /// Finite numbers.
    Floats(Vec<f64>),
    /// Class labels.
    Strings(Vec<String>),
}

/// A constant with as many elements as its shape says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) shape: Vec<usize>,
    pub(super) data: Data,
}

impl Tensor {
    /// Decodes and checks a tensor. Elements are counted before anything is allocated.
    pub(super) fn decode(proto: &TensorProto) -> Result<Self, OnnxError> {
        let wrong = |expected: &str, got: String| OnnxError::Tensor {
            tensor: shorten(&proto.name),
            expected: expected.to_owned(),
            got,
        };
        if proto.data_location == EXTERNAL {
            let advice = "all weights inside the file (in PyTorch: external_data=False)";
            return Err(wrong(advice, "a reference to another file".to_owned()));
        }
        let shape = decode_shape(&proto.dims).ok_or_else(|| {
            let shown = &proto.dims[..proto.dims.len().min(10)];
            wrong("at most eight dimensions that fit the file", format!("{shown:?}"))
        })?;
        let count = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
        let data = decode_data(proto)
            .ok_or_else(|| wrong("float, double, int32, int64 or string elements", describe_type(proto)))?;
        if count != Some(data.len()) {
            return Err(wrong(&format!("elements for the shape {shape:?}"), data.len().to_string()));
        }
        if let Data::Floats(values) = &data
            && let Some(value) = values.iter().find(|v| !v.is_finite())
        {
            return Err(wrong("finite numbers", value.to_string()));
        }
        Ok(Self { shape, data })
    }

    /// A one-dimensional tensor.
    pub(super) fn vector(data: Data) -> Self {
        Self { shape: vec![data.len()], data }
    }

    /// The elements as doubles; `None` for strings.
    pub(super) fn numbers(&self) -> Option<Vec<f64>> {
        match &self.data {
            Data::Floats(values) => Some(values.clone()),
            Data::Integers(values) => Some(values.iter().map(|&v| v as f64).collect()),
            Data::Strings(_) => None,
        }
    }

    /// The elements as integers.
    pub(super) fn integers(&self) -> Option<&[i64]> {
        match &self.data {
            Data::Integers(values) => Some(values),
            _ => None,
        }
    }

    /// The elements as class labels.
    pub(super) fn labels(&self) -> Vec<String> {
        match &self.data {
            Data::Integers(values) => values.iter().map(i64::to_string).collect(),
            Data::Floats(values) => values.iter().map(f64::to_string).collect(),
            Data::Strings(values) => values.clone(),
        }
    }

    /// `(rows, columns)` of a matrix.
    pub(super) fn matrix_shape(&self) -> Option<(usize, usize)> {
        match self.shape[..] {
            [rows, columns] => Some((rows, columns)),
            _ => None,
        }
    }

    /// The matrix turned over; `None` if it is empty or no matrix of numbers.
    pub(super) fn transposed(&self) -> Option<Self> {
        let (rows, columns) = self.matrix_shape().filter(|&(rows, columns)| rows > 0 && columns > 0)?;
        let old = self.numbers()?;
        let turned = (0..columns).flat_map(|j| old.iter().skip(j).step_by(columns).copied()).collect();
        Some(Self { shape: vec![columns, rows], data: Data::Floats(turned) })
    }
}

impl Data {
    pub(super) fn len(&self) -> usize {
        match self {
            Data::Integers(values) => values.len(),
            Data::Floats(values) => values.len(),
            Data::Strings(values) => values.len(),
        }
    }
}

fn decode_shape(dims: &[i64]) -> Option<Vec<usize>> {
    if dims.len() > MAX_DIMENSIONS {
        return None;
    }
    dims.iter().map(|&size| usize::try_from(size).ok()).collect()
}

/// The elements, from the raw bytes (little-endian) or from the typed field; `None` for other types.
fn decode_data(proto: &TensorProto) -> Option<Data> {
    let raw = proto.raw_data.as_deref();
    Some(match proto.data_type {
        data_type::FLOAT => Data::Floats(match raw {
            Some(raw) => words(raw, |word| f64::from(f32::from_le_bytes(word)))?,
            None => proto.float_data.iter().map(|&v| f64::from(v)).collect(),
        }),
        data_type::DOUBLE => Data::Floats(match raw {
            Some(raw) => words(raw, f64::from_le_bytes)?,
            None => proto.double_data.clone(),
        }),
        data_type::INT32 => Data::Integers(match raw {
            Some(raw) => words(raw, |word| i64::from(i32::from_le_bytes(word)))?,
            None => proto.int32_data.iter().map(|&v| i64::from(v)).collect(),
        }),
        data_type::INT64 => Data::Integers(match raw {
            Some(raw) => words(raw, i64::from_le_bytes)?,
            None => proto.int64_data.clone(),
        }),
        data_type::STRING => Data::Strings(strings(&proto.string_data)?),
        _ => return None,
    })
}

fn words<const N: usize, T>(raw: &[u8], decode: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (words, rest) = raw.as_chunks::<N>();
    rest.is_empty().then(|| words.iter().map(|&word| decode(word)).collect())
}

/// Text of the schema's byte strings; `None` if one is not UTF-8.
pub(super) fn strings(bytes: &[Vec<u8>]) -> Option<Vec<String>> {
    bytes.iter().map(|bytes| String::from_utf8(bytes.clone()).ok()).collect()
}

fn describe_type(proto: &TensorProto) -> String {
    let raw = proto.raw_data.as_ref().map_or(String::new(), |raw| format!(" in {} raw bytes", raw.len()));
    format!("element type {}{raw}", proto.data_type)
}
