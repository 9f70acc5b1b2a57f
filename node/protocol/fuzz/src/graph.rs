//! ONNX graphs out of choices: byte changes seldom keep a protocol buffer whole.

use super::input::Input;

/// The operators that the reader knows.
pub const OPERATORS: [&str; 27] = [
    "Gemm",
    "MatMul",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Relu",
    "Scaler",
    "LinearClassifier",
    "Flatten",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Identity",
    "Dropout",
    "Cast",
    "Constant",
    "Shape",
    "Gather",
    "Concat",
    "Softmax",
    "LogSoftmax",
    "Sigmoid",
    "Normalizer",
    "ArgMax",
    "ZipMap",
];
const INTEGERS: [&str; 10] = [
    "axis",
    "transA",
    "transB",
    "to",
    "keepdims",
    "allowzero",
    "value_int",
    "start",
    "end",
    "select_last_index",
];
const LISTS: [&str; 5] = ["perm", "axes", "value_ints", "classlabels_ints", "classlabels_int64s"];
const REALS: [&str; 3] = ["alpha", "beta", "value_float"];
const REAL_LISTS: [&str; 5] = ["coefficients", "intercepts", "scale", "offset", "value_floats"];
const TEXTS: [(&str, &str); 6] = [
    ("post_transform", "NONE"),
    ("post_transform", "SOFTMAX"),
    ("post_transform", "LOGISTIC"),
    ("norm", "L1"),
    ("norm", "MAX"),
    ("value_string", "a"),
];
const NUMBERS: [f32; 12] =
    [1.0, 0.0, -1.0, 0.5, 2.0, -0.0, 1e-30, 1e30, f32::MAX, f32::MIN_POSITIVE, -3.25, f32::INFINITY];
const SIZES: [i64; 10] = [1, 0, -1, 2, 3, 4, -2, 1 << 40, i64::MAX, i64::MIN];

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn bytes(tag: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(tag << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn integer(tag: u64, value: i64) -> Vec<u8> {
    [varint(tag << 3), varint(value as u64)].concat()
}

fn real(tag: u64, value: f32) -> Vec<u8> {
    [varint(tag << 3 | 5), value.to_le_bytes().to_vec()].concat()
}

fn tensor(name: &str, dims: &[i64], data_type: i64, data: Vec<u8>) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|size| integer(1, *size)).collect();
    [dims, integer(2, data_type), data, bytes(8, name.as_bytes())].concat()
}

/// Of 32-bit reals.
pub fn reals(name: &str, dims: &[i64], values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, dims, 1, bytes(9, &raw))
}

fn integers(name: &str, values: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, &[values.len() as i64], 7, bytes(9, &raw))
}

fn strings(name: &str, values: &[&str]) -> Vec<u8> {
    let data = values.iter().flat_map(|value| bytes(6, value.as_bytes())).collect();
    tensor(name, &[values.len() as i64], 8, data)
}

/// An operator with its attributes, encoded.
pub fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|name| bytes(1, name.as_bytes())).collect();
    let attributes: Vec<u8> = attributes.iter().flat_map(|attribute| bytes(5, attribute)).collect();
    [inputs, bytes(2, output.as_bytes()), bytes(4, operator.as_bytes()), attributes].concat()
}

fn value(name: &str, dims: &[i64]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|size| bytes(1, &integer(1, *size))).collect();
    let tensor_type = [integer(1, 1), bytes(2, &dims)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor_type))].concat()
}

/// A file with one input `x`.
pub fn file(features: i64, nodes: &[Vec<u8>], initializers: &[Vec<u8>], outputs: &[&str]) -> Vec<u8> {
    let nodes: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
    let initializers: Vec<u8> = initializers.iter().flat_map(|tensor| bytes(5, tensor)).collect();
    let outputs: Vec<u8> = outputs.iter().flat_map(|name| bytes(12, &value(name, &[0, 2]))).collect();
    let graph = [nodes, initializers, bytes(11, &value("x", &[0, features])), outputs].concat();
    [bytes(7, &graph), bytes(8, &integer(2, 13))].concat()
}

fn some(input: &mut Input<'_>, count: usize) -> Vec<f32> {
    (0..count).map(|_| input.pick(&NUMBERS)).collect()
}

fn attribute(input: &mut Input<'_>) -> Vec<u8> {
    let name = |name: &str| bytes(1, name.as_bytes());
    match input.below(8) {
        0..=1 => [name(input.pick(&INTEGERS)), integer(3, input.pick(&SIZES))].concat(),
        2 => {
            let count = input.below(4);
            let values: Vec<u8> = (0..count).flat_map(|_| integer(8, input.pick(&SIZES))).collect();
            [name(input.pick(&LISTS)), values].concat()
        }
        3 => [name(input.pick(&REALS)), real(2, input.pick(&NUMBERS))].concat(),
        4..=5 => {
            let count = input.below(7);
            let values: Vec<u8> = some(input, count).into_iter().flat_map(|value| real(7, value)).collect();
            [name(input.pick(&REAL_LISTS)), values].concat()
        }
        6 => {
            let (key, text) = input.pick(&TEXTS);
            let labels = ["classlabels_strings", "value_strings"];
            if input.rarely(2) {
                let values: Vec<u8> =
                    ["no", "yes"].iter().flat_map(|label| bytes(9, label.as_bytes())).collect();
                [name(input.pick(&labels)), values].concat()
            } else {
                [name(key), bytes(4, text.as_bytes())].concat()
            }
        }
        _ => {
            let count = input.below(4);
            let values = some(input, count);
            let dims = if input.rarely(2) { vec![count as i64] } else { vec![1, count as i64] };
            [name("value"), bytes(5, &reals("", &dims, &values))].concat()
        }
    }
}

/// A file out of choices: some operators, most of them on what the one before has made.
pub fn chosen(input: &mut Input<'_>) -> Vec<u8> {
    let (features, classes) = (1 + input.below(3), 1 + input.below(3));
    let (f, c) = (features as i64, classes as i64);
    let initializers = [
        reals("w", &[f, c], &some(input, features * classes)),
        reals("b", &[c], &some(input, classes)),
        reals("w2", &[c, 2], &some(input, 2 * classes)),
        reals("b2", &[2], &some(input, 2)),
        reals("s", &[], &some(input, 1)),
        integers("sizes", &[input.pick(&SIZES), input.pick(&SIZES)]),
        strings("labels", &["no", "yes"]),
    ];
    let mut names: Vec<String> =
        ["x", "w", "b", "w2", "b2", "s", "sizes", "labels", ""].map(str::to_owned).to_vec();
    let mut nodes = Vec::new();
    let mut last = "x".to_owned();
    for at in 0..=input.below(8) {
        let operator = input.pick(&OPERATORS);
        let mut inputs = vec![if input.rarely(4) { input.pick(&names) } else { last.clone() }];
        for _ in 0..input.below(3) {
            inputs.push(input.pick(&names));
        }
        if input.rarely(8) {
            inputs.reverse();
        }
        let count = input.below(4);
        let attributes: Vec<Vec<u8>> = (0..count).map(|_| attribute(input)).collect();
        last = format!("v{at}");
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        nodes.push(node(operator, &inputs, &last, &attributes));
        names.push(last.clone());
    }
    let second = input.pick(&names);
    let outputs = [last.as_str(), second.as_str()];
    file(f, &nodes, &initializers, &outputs[..if input.rarely(4) { 2 } else { 1 }])
}
