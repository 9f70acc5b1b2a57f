//! Files that skl2onnx and PyTorch really wrote: predictions are those of onnxruntime, to the row.

// Helpers of tests are not inside `#[test]` functions, where the lints allow this by themselves.
#![allow(clippy::unwrap_used, clippy::panic)]

use datasets::{FloatModel, OnnxError, read_onnx, read_onnx_file};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

#[derive(serde::Deserialize)]
struct Expected {
    rows: Vec<Vec<f64>>,
    predictions: BTreeMap<String, Vec<String>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn label(model: &FloatModel, row: &[f64]) -> String {
    let index = model.predict(row);
    model.labels().map_or_else(|| index.to_string(), |labels| labels[index].clone())
}

#[test]
fn every_supported_export_predicts_what_onnxruntime_predicts() {
    let expected: Expected =
        serde_json::from_slice(&std::fs::read(folder().join("expected.json")).unwrap()).unwrap();
    assert_eq!(expected.predictions.len(), 17);
    for (name, predictions) in &expected.predictions {
        let model =
            read_onnx_file(&folder().join(format!("{name}.onnx"))).unwrap_or_else(|e| panic!("{name}: {e}"));
        let ours: Vec<String> = expected.rows.iter().map(|row| label(&model, row)).collect();
        assert_eq!(&ours, predictions, "{name}");
        assert_eq!((model.features(), model.labels().is_some()), (4, name.starts_with("sklearn")), "{name}");
        let hidden = !["logistic", "pipeline", "min-max", "identity", "sgd", "svc", "linear"]
            .iter()
            .any(|linear| name.contains(linear));
        assert_eq!(model.hidden(), hidden.then_some(5), "{name}");
    }
}

#[test]
fn everything_else_is_refused_with_the_operator() {
    for (name, part) in [
        ("sklearn-tanh", "operator Tanh is not supported"),
        ("sklearn-one-vs-rest", "operator Slice is not supported"),
        ("sklearn-forest", "operator TreeEnsembleClassifier is not supported"),
        ("sklearn-polynomial", "operator"),
        ("torch-deep", "at most one hidden layer, got a second Relu"),
        ("torch-one-output", "a Sigmoid after a single one"),
        ("torch-convolution", "operator Conv is not supported"),
        ("torch-residual", "expected rows computed from the features and a constant"),
    ] {
        let message = match read_onnx_file(&folder().join(format!("refused/{name}.onnx"))) {
            Ok(model) => panic!("{name}: expected an error, got {model:?}"),
            Err(e) => e.to_string(),
        };
        assert!(message.contains(part), "{name}: expected {part:?} in {message:?}");
    }
}

#[test]
fn files_that_are_missing_or_too_long_are_refused() {
    assert!(matches!(read_onnx_file(&folder().join("none.onnx")), Err(OnnxError::Io(_))));
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("long.onnx");
    std::fs::File::create(&long).unwrap().set_len(1 << 33).unwrap();
    assert!(matches!(read_onnx_file(&long), Err(OnnxError::TooManyBytes { got }) if got == 1 << 33));
}

#[test]
fn weights_do_not_appear_in_debug_output() {
    let model = read_onnx(datasets::samples::DIGITS_MLP_ONNX).unwrap();
    let debug = format!("{:?}", model.layers());
    assert_eq!(debug, "[FloatLayer(64 x 32), FloatLayer(32 x 10)]");
}
