//! Bytes of any kind: readers answer with an error or with something whole, and never panic.

// Helpers of tests are not inside `#[test]` functions, where the lints allow this by themselves.
#![allow(clippy::unwrap_used, clippy::panic)]

use datasets::{CsvOptions, FloatModel, IdxOptions, import_csv, import_idx, quantise, read_onnx, samples};
use proptest::prelude::*;

const MODELS: [&[u8]; 6] = [
    samples::DIGITS_LOGISTIC_ONNX,
    samples::BREAST_CANCER_LOGISTIC_ONNX,
    include_bytes!("fixtures/sklearn-mlp-binary.onnx"),
    include_bytes!("fixtures/sklearn-mlp-double.onnx"),
    include_bytes!("fixtures/torch-sigmoid.onnx"),
    include_bytes!("fixtures/torch-argmax.onnx"),
];

/// A model that was accepted in spite of changed bytes has to be usable.
fn use_model(model: &FloatModel) {
    let prediction = model.predict(&vec![1.0; model.features()]);
    assert!(prediction < model.classes());
    let classes =
        (0..model.classes()).map(|j| model.labels().map_or(j.to_string(), |labels| labels[j].clone()));
    let feature = |k: usize| circuits::statement::Feature { name: format!("f{k}"), offset: 0.0, step: 1.0 };
    let task = circuits::Task {
        features: (0..model.features()).map(feature).collect(),
        feature_bits: 4,
        classes: classes.collect(),
    };
    for class in &circuits::model::CATALOGUE {
        let _ = quantise(model, &task, class, None);
    }
}

#[test]
fn every_truncation_of_a_model_is_answered() {
    for model in MODELS {
        for length in 0..model.len() {
            if let Ok(model) = read_onnx(&model[..length]) {
                use_model(&model);
            }
        }
    }
}

#[test]
fn every_byte_of_a_small_model_may_be_any_other() {
    let model: &[u8] = include_bytes!("fixtures/torch-linear.onnx");
    let mut accepted = 0;
    for at in 0..model.len() {
        for flip in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
            let mut bytes = model.to_vec();
            bytes[at] ^= flip;
            if let Ok(model) = read_onnx(&bytes) {
                use_model(&model);
                accepted += 1;
            }
        }
    }
    // Names and weights may be others: the test reaches behind the parser.
    assert!(accepted > 500, "{accepted}");
}

/// Bytes overwritten, cut out or doubled at random places.
fn mutate(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    for (at, kind, value) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match kind % 4 {
            0 => bytes[at] = *value,
            1 => drop(bytes.drain(at..(at + usize::from(*value)).min(bytes.len()))),
            2 => bytes.truncate(at),
            _ => {
                let copy = bytes[at..(at + usize::from(*value)).min(bytes.len())].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    // Truncation is rare, so that most changes leave something to read.
    let kind = prop_oneof![8 => Just(0u8), 2 => Just(1u8), 1 => Just(2u8), 2 => Just(3u8)];
    prop::collection::vec((any::<prop::sample::Index>(), kind, any::<u8>()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_models_are_answered(which in 0..MODELS.len(), changes in changes()) {
        if let Ok(model) = read_onnx(&mutate(MODELS[which].to_vec(), &changes)) {
            use_model(&model);
        }
    }

    #[test]
    fn any_bytes_are_answered_as_a_model(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(model) = read_onnx(&bytes) {
            use_model(&model);
        }
    }

    #[test]
    fn mutated_tables_are_answered(changes in changes(), bits in 0u8..10) {
        let bytes = mutate(b"a,b,c,y\n1,2.5,-3,no\n2,0,1e3,yes\n4,\"5\",6,maybe\n".to_vec(), &changes);
        let _ = import_csv(&bytes[..], None, &CsvOptions::new("y", bits));
    }

    #[test]
    fn any_bytes_are_answered_as_a_table(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = import_csv(&bytes[..], None, &CsvOptions::new("y", 5));
    }

    #[test]
    fn mutated_images_are_answered(changes in changes(), on_labels in any::<bool>()) {
        let mut images = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 128, 255, 4, 5, 8];
        let mut labels = vec![0, 0, 8, 1, 0, 0, 0, 2, 2, 0];
        if on_labels {
            labels = mutate(labels, &changes);
        } else {
            images = mutate(images, &changes);
        }
        let _ = import_idx(&images[..], &labels[..], &IdxOptions { feature_bits: 5, white: 1.0, classes: None });
    }
}
