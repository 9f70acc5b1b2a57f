//! Graphs made by hand: every way of being refused, and forms that no fixture has.

use super::{error::OnnxError, read_onnx, schema::*};
use crate::{FloatModel, FloatModelError};
use prost::Message;

fn tensor(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: 1,
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: format!("the {op}"),
        input: inputs.iter().map(|&s| s.into()).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i, ..AttributeProto::default() }
}

fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto { name: name.into(), s: s.into(), ..AttributeProto::default() }
}

fn floats(name: &str, floats: &[f32]) -> AttributeProto {
    AttributeProto { name: name.into(), floats: floats.to_vec(), ..AttributeProto::default() }
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), ints: ints.to_vec(), ..AttributeProto::default() }
}

fn with(mut node: NodeProto, attributes: impl IntoIterator<Item = AttributeProto>) -> NodeProto {
    node.attribute.extend(attributes);
    node
}

fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = dims.iter().map(|&dim_value| DimensionProto { dim_value }).collect();
    let tensor_type = Some(TensorTypeProto { elem_type: 1, shape: Some(TensorShapeProto { dim }) });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}

/// `x` of two features in, `out` out, with `w` (2 x 3) and `b` (3).
fn graph(nodes: Vec<NodeProto>) -> GraphProto {
    GraphProto {
        node: nodes,
        initializer: vec![
            tensor("w", &[2, 3], &[1.0, 2.0, 3.0, -4.0, 5.0, 6.0]),
            tensor("b", &[3], &[0.5, 0.0, -0.5]),
            tensor("two", &[1], &[2.0]),
        ],
        input: vec![value("x", &[0, 2])],
        output: vec![value("out", &[0, 3])],
    }
}

fn read_graph(graph: GraphProto) -> Result<FloatModel, OnnxError> {
    read_onnx(&ModelProto { graph: Some(graph), opset_import: Vec::new() }.encode_to_vec())
}

fn read(nodes: Vec<NodeProto>) -> Result<FloatModel, OnnxError> {
    read_graph(graph(nodes))
}

/// What a refused node says.
fn refused(nodes: Vec<NodeProto>) -> String {
    match read(nodes) {
        Err(e @ (OnnxError::Node { .. } | OnnxError::Operator { .. })) => e.to_string(),
        other => panic!("expected an error that names a node, got {other:?}"),
    }
}

#[test]
fn affine_steps_fold_into_one_layer() {
    let model = read(vec![
        node("Sub", &["x", "two"], "a"),
        node("Div", &["a", "two"], "c"),
        node("MatMul", &["c", "w"], "d"),
        node("Add", &["b", "d"], "e"),
        node("Mul", &["two", "e"], "f"),
        node("Sub", &["b", "f"], "out"),
    ])
    .unwrap();
    // b - 2 ((x - 2) / 2 w + b) with x = (4, 6): (x - 2) / 2 = (1, 2), times w = (-7, 12, 15).
    assert_eq!(model.logits(&[4.0, 6.0]), [0.5 - 2.0 * -6.5, -24.0, -0.5 - 2.0 * 14.5]);
    assert_eq!((model.features(), model.hidden(), model.classes(), model.labels()), (2, None, 3, None));
}

#[test]
fn gemm_scales_and_transposes() {
    let mut g = graph(vec![with(
        node("Gemm", &["x", "wt", "b"], "out"),
        [
            int("transB", 1),
            AttributeProto { name: "alpha".into(), f: 2.0, ..AttributeProto::default() },
            AttributeProto { name: "beta".into(), f: 10.0, ..AttributeProto::default() },
        ],
    )]);
    g.initializer.push(tensor("wt", &[3, 2], &[1.0, -4.0, 2.0, 5.0, 3.0, 6.0]));
    let model = read_graph(g).unwrap();
    assert_eq!(model.logits(&[1.0, 2.0]), [-14.0 + 5.0, 24.0, 30.0 - 5.0]);
}

#[test]
fn a_relu_makes_a_hidden_layer_and_affine_steps_after_it_fold() {
    let mut g = graph(vec![
        node("MatMul", &["x", "w"], "a"),
        node("Relu", &["a"], "h"),
        node("Mul", &["h", "two"], "i"),
        node("MatMul", &["i", "v"], "out"),
    ]);
    g.initializer.push(tensor("v", &[3, 2], &[1.0, 0.0, 0.0, 1.0, 1.0, 0.0]));
    let model = read_graph(g).unwrap();
    assert_eq!((model.hidden(), model.layers().len()), (Some(3), 2));
    // relu((1, 1) w) = relu(-3, 7, 9) = (0, 7, 9).
    assert_eq!(model.logits(&[1.0, 1.0]), [18.0, 14.0]);
}

fn linear_classifier(attributes: Vec<AttributeProto>) -> NodeProto {
    let mut node = with(node("LinearClassifier", &["x"], "label"), attributes);
    node.output.push("out".into());
    node
}

#[test]
fn a_linear_classifier_with_one_row_decides_between_two() {
    let strings = AttributeProto {
        name: "classlabels_strings".into(),
        strings: vec![b"no".to_vec(), b"yes".to_vec()],
        ..AttributeProto::default()
    };
    let model = read(vec![linear_classifier(vec![
        floats("coefficients", &[1.0, -1.0]),
        floats("intercepts", &[0.5]),
        text("post_transform", "LOGISTIC"),
        strings,
    ])])
    .unwrap();
    assert_eq!(model.labels().unwrap(), ["no", "yes"]);
    assert_eq!(model.logits(&[3.0, 1.0]), [0.0, 2.5]);
    assert_eq!((model.predict(&[0.0, 0.4]), model.predict(&[0.0, 0.5])), (1, 0));
}

#[test]
fn malformed_linear_classifiers_are_refused() {
    let labels = || ints("classlabels_ints", &[0, 1, 2]);
    let six = || floats("coefficients", &[1.0; 6]);
    for (attributes, part) in [
        (vec![six()], "class labels"),
        (vec![labels(), floats("coefficients", &[1.0; 5])], "2 coefficients a class"),
        (vec![labels(), six(), floats("intercepts", &[1.0; 2])], "3 intercepts"),
        (vec![labels(), six(), text("post_transform", "PROBIT")], "PROBIT"),
    ] {
        let message = refused(vec![linear_classifier(attributes)]);
        assert!(message.contains(part) && message.contains("the LinearClassifier"), "{message}");
    }
}

#[test]
fn unsupported_operators_are_named_with_what_is_supported() {
    let message = refused(vec![node("Tanh", &["x"], "out")]);
    assert!(message.contains("\"the Tanh\"") && message.contains("LinearClassifier"), "{message}");
    let mut other = node("Gemm", &["x", "w"], "out");
    other.domain = "com.example".into();
    assert!(refused(vec![other]).contains("com.example:Gemm"));
    let mut nameless = node("Tanh", &["x"], "out");
    nameless.name.clear();
    assert!(refused(vec![nameless]).contains("\"#0\""));
}

#[test]
fn nodes_that_no_output_needs_are_not_looked_at() {
    assert!(read(vec![node("Tanh", &["x"], "aside"), node("MatMul", &["x", "w"], "out")]).is_ok());
}

#[test]
fn known_operators_in_other_uses_are_refused() {
    let product = || node("MatMul", &["x", "w"], "a");
    let cases: Vec<(Vec<NodeProto>, &str)> = vec![
        (vec![product(), node("Relu", &["a"], "h"), node("Relu", &["h"], "out")], "a second Relu"),
        (vec![node("Add", &["x", "x"], "out")], "a constant"),
        (vec![node("Div", &["two", "x"], "out")], "divided by"),
        (vec![node("Add", &["x", "b"], "out")], "shape [3]"),
        (vec![node("MatMul", &["x", "b"], "out")], "shape [3]"),
        (vec![node("MatMul", &["w", "x"], "out")], "input 0"),
        (vec![node("MatMul", &["x"], "out")], "at least 2 inputs"),
        (vec![with(node("Gemm", &["x", "w"], "out"), [int("transA", 1)])], "transA"),
        (vec![product(), with(node("Softmax", &["a"], "out"), [int("axis", 0)])], "axis 0"),
        (vec![product(), node("ArgMax", &["a"], "out")], "axis 0"),
        (
            vec![
                product(),
                with(node("ArgMax", &["a"], "out"), [int("axis", 1), int("select_last_index", 1)]),
            ],
            "lowest",
        ),
        (vec![product(), with(node("Cast", &["a"], "out"), [int("to", 7)])], "type 7"),
        (vec![with(node("Flatten", &["x"], "out"), [int("axis", 0)])], "axis 0"),
        (
            vec![product(), node("Softmax", &["a"], "p"), node("Add", &["p", "b"], "out")],
            "scores of 3 classes",
        ),
        (vec![node("Normalizer", &["x"], "out")], "rows of shape"),
        (vec![with(node("Scaler", &["x"], "out"), [floats("scale", &[1.0; 3])])], "1 or 2 numbers"),
    ];
    for (nodes, part) in cases {
        let message = refused(nodes);
        assert!(message.contains(part), "expected {part:?} in {message:?}");
    }
}

#[test]
fn labels_must_be_as_many_as_classes() {
    let mut g = graph(vec![
        node("MatMul", &["x", "w"], "a"),
        with(node("ArgMax", &["a"], "i"), [int("axis", 1)]),
        node("ArrayFeatureExtractor", &["two", "i"], "out"),
    ]);
    assert!(read_graph(g.clone()).unwrap_err().to_string().contains("3 class labels"));
    // Labels that are the same number twice.
    g.initializer.push(TensorProto {
        dims: vec![3],
        data_type: 7,
        int64_data: vec![1, 2, 1],
        ..tensor("l", &[], &[])
    });
    g.node[2].input[0] = "l".into();
    assert!(matches!(read_graph(g), Err(OnnxError::Model(FloatModelError::Labels { expected: 3, .. }))));
}

#[test]
fn outputs_must_agree() {
    let mut g = graph(vec![node("MatMul", &["x", "w"], "a"), node("Add", &["a", "b"], "out")]);
    g.output.push(value("a", &[0, 3]));
    assert!(matches!(read_graph(g), Err(OnnxError::Output { .. })));
    let single = graph(vec![node("MatMul", &["x", "v"], "out")]);
    let mut single = GraphProto { initializer: vec![tensor("v", &[2, 1], &[1.0, 2.0])], ..single };
    let message = read_graph(single.clone()).unwrap_err().to_string();
    assert!(message.contains("a Sigmoid after a single one"), "{message}");
    single.output.clear();
    assert!(matches!(read_graph(single), Err(OnnxError::Graph { .. })));
}

#[test]
fn malformed_tensors_are_refused_before_anything_is_allocated() {
    let huge = TensorProto { dims: vec![i64::MAX, i64::MAX], ..tensor("w", &[], &[1.0]) };
    let empty = TensorProto { dims: vec![0, i64::MAX], ..tensor("w", &[], &[]) };
    let negative = TensorProto { dims: vec![-2, 3], ..tensor("w", &[], &[1.0; 6]) };
    let short = tensor("w", &[2, 3], &[1.0; 5]);
    let odd = TensorProto { raw_data: Some(vec![0; 23]), ..tensor("w", &[2, 3], &[]) };
    let outside = TensorProto { data_location: 1, ..tensor("w", &[2, 3], &[1.0; 6]) };
    let half = TensorProto { data_type: 10, ..tensor("w", &[2, 3], &[1.0; 6]) };
    let nan = tensor("w", &[2, 3], &[f32::NAN; 6]);
    for (bad, part) in [
        (huge, "elements for the shape"),
        (negative, "[-2, 3]"),
        (short, "got 5"),
        (odd, "23 raw bytes"),
        (outside, "external_data=False"),
        (half, "element type 10"),
        (nan, "NaN"),
    ] {
        let mut g = graph(vec![node("MatMul", &["x", "w"], "out")]);
        g.initializer[0] = bad;
        let message = read_graph(g).unwrap_err().to_string();
        assert!(
            message.contains(part) && message.contains("tensor \"w\""),
            "expected {part:?} in {message:?}"
        );
    }
    let transposed = vec![node("Transpose", &["w"], "t"), node("MatMul", &["x", "t"], "out")];
    let mut g = graph(transposed);
    g.initializer[0] = empty;
    assert!(matches!(read_graph(g), Err(OnnxError::Node { .. })));
}

#[test]
fn inputs_of_unknown_or_absurd_size_are_refused() {
    for dims in [&[][..], &[0], &[0, 0], &[0, -3], &[0, 5000], &[0, i64::MAX, i64::MAX]] {
        let mut g = graph(vec![node("MatMul", &["x", "w"], "out")]);
        g.input = vec![value("x", dims)];
        assert!(matches!(read_graph(g), Err(OnnxError::Input { .. })), "{dims:?}");
    }
    let mut g = graph(vec![node("MatMul", &["x", "w"], "out")]);
    g.input.push(value("y", &[0, 2]));
    assert!(matches!(read_graph(g), Err(OnnxError::Input { .. })));
}

#[test]
fn graphs_in_disorder_are_refused() {
    let late = vec![node("Relu", &["a"], "out"), node("MatMul", &["x", "w"], "a")];
    let twice = vec![node("MatMul", &["x", "w"], "out"), node("MatMul", &["x", "w"], "out")];
    let itself = vec![node("Relu", &["out"], "out")];
    let many = vec![node("Identity", &["x"], "out"); 10_001];
    for nodes in [late, twice, itself, many] {
        assert!(matches!(read(nodes), Err(OnnxError::Graph { .. })));
    }
    let mut g = graph(vec![node("MatMul", &["x", "w"], "out")]);
    g.initializer.push(g.initializer[0].clone());
    assert!(matches!(read_graph(g), Err(OnnxError::Graph { .. })));
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 6 }];
    let old = ModelProto { graph: Some(graph(vec![node("MatMul", &["x", "w"], "out")])), opset_import };
    assert!(matches!(read_onnx(&old.encode_to_vec()), Err(OnnxError::Graph { .. })));
}

#[test]
fn a_graph_that_takes_absurd_work_is_refused_soon() {
    let size = 1000;
    let mut g = graph(Vec::new());
    g.input = vec![value("x", &[0, size])];
    g.initializer = vec![tensor("w", &[size, size], &vec![0.5; (size * size) as usize])];
    let name = |k: usize| if k == 0 { "x".to_owned() } else { format!("a{k}") };
    g.node = (0..100).map(|k| node("MatMul", &[&name(k), "w"], &name(k + 1))).collect();
    g.output = vec![value("a100", &[0, size])];
    assert!(matches!(read_graph(g), Err(OnnxError::TooMuchWork { .. })));
}

#[test]
fn a_file_full_of_empty_messages_is_refused() {
    // Nodes (tag 1) and initializers (tag 5) without a byte in them, as many as fit.
    for tag in [0x0a, 0x2a] {
        let length = super::MAX_ONNX_BYTES as usize - 16;
        let mut bytes = vec![0x3a];
        prost::encoding::encode_varint(length as u64, &mut bytes);
        bytes.extend([tag, 0].iter().cycle().take(length));
        assert!(matches!(read_onnx(&bytes), Err(OnnxError::Graph { .. })), "{tag}");
    }
}

#[test]
fn weights_that_overflow_when_folded_are_refused() {
    let nodes = vec![
        node("MatMul", &["x", "w"], "a"),
        node("Mul", &["a", "big"], "c"),
        node("Mul", &["c", "big"], "out"),
    ];
    let mut g = graph(nodes);
    let big = TensorProto { data_type: 11, double_data: vec![1e200], ..tensor("big", &[1], &[]) };
    g.initializer.push(big);
    assert!(matches!(read_graph(g), Err(OnnxError::Model(FloatModelError::NotFinite { .. }))));
}

#[test]
fn other_bytes_are_no_onnx_file() {
    for bytes in [&b""[..], b"label,x\n1,2\n", b"\x80\x04\x95pickle", &[0xff; 64]] {
        assert!(matches!(read_onnx(bytes), Err(OnnxError::NotOnnx { .. })), "{bytes:?}");
    }
    let long = vec![0; super::MAX_ONNX_BYTES as usize + 1];
    assert!(matches!(read_onnx(&long), Err(OnnxError::TooManyBytes { .. })));
}
