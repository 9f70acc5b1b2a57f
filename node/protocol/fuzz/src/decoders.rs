//! Decoders of bytes and text that other people made. What is accepted has one encoding, and that is the input.

use super::{graph, input::Input};
use circuits::{
    ClassId, Task, TestSet,
    groth16::{Commitment, KeyError, Opening, Proof, ProvingKey, VerifyingKey},
    model::CATALOGUE,
    statement::Feature,
};
use datasets::{
    CsvOptions, FloatModel, IdxOptions, choose_class, import_csv, import_idx, quantise, read_csv, read_onnx,
};
use protocol::{BlobId, Fingerprint, RecordId, StatementId};
use std::{fmt::Display, str::FromStr};

/// Longest message of an error: some are kept, and all are logged.
const MAX_MESSAGE_BYTES: usize = 4096;

/// An error says something, and does not repeat all that it read.
pub fn message(error: &dyn Display) {
    let length = error.to_string().len();
    assert!((1..=MAX_MESSAGE_BYTES).contains(&length), "a message of {length} bytes");
}

/// Ids and names of size classes, from text.
pub fn ids(data: &[u8]) {
    fn id<T: FromStr<Err: Display> + Display>(text: &str) {
        let digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.parse::<T>() {
            Ok(id) => {
                assert!(digits, "{text:?} was read");
                assert_eq!(id.to_string(), text.to_ascii_lowercase());
            }
            Err(error) => {
                assert!(!digits, "{text:?} was refused");
                message(&error);
            }
        }
    }
    if let Ok(id) = serde_ipld_dagcbor::from_slice::<RecordId>(data) {
        let again = serde_ipld_dagcbor::to_vec(&id).map(|bytes| serde_ipld_dagcbor::from_slice(&bytes));
        assert!(matches!(again, Ok(Ok(again)) if id == again));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    id::<RecordId>(text);
    id::<BlobId>(text);
    id::<StatementId>(text);
    id::<Fingerprint>(text);
    match text.parse::<ClassId>() {
        Ok(class) => assert_eq!(class.as_str(), text),
        Err(error) => message(&error),
    }
}

/// Verifying keys.
pub fn verifying_key(data: &[u8]) {
    match VerifyingKey::from_bytes(data) {
        Ok(key) => assert_eq!(key.to_bytes(), data),
        Err(error) => message(&error),
    }
}

/// Proving key files: the bytes as they are, and as the header of a file.
pub fn proving_key(data: &[u8]) {
    fn file(bytes: &[u8]) {
        let mut digest = *blake3::hash(bytes).as_bytes();
        match ProvingKey::from_pinned_bytes(bytes, &digest) {
            Ok(key) => {
                let mut again = Vec::new();
                key.write(&mut again).unwrap();
                assert_eq!(again, bytes);
            }
            Err(error) => {
                assert!(!matches!(error, KeyError::Pinned { .. }));
                message(&error);
            }
        }
        digest[0] ^= 1;
        assert!(matches!(ProvingKey::from_pinned_bytes(bytes, &digest), Err(KeyError::Pinned { .. })));
    }
    file(data);
    let length = (data.len() as u32).to_be_bytes();
    file(&[b"podium pk v1\0\0\0\0".as_slice(), &length, data, &[0; 1 << 10]].concat());
}

/// Commitments and proofs, by their length.
pub fn points(data: &[u8]) {
    match Proof::from_bytes(data) {
        Ok(proof) => assert_eq!(proof.to_bytes(), data),
        Err(error) => message(&error),
    }
    match Commitment::from_bytes(data) {
        Ok(commitment) => assert_eq!(commitment.to_bytes(), data),
        Err(error) => message(&error),
    }
}

/// Openings.
pub fn opening(data: &[u8]) {
    match Opening::from_bytes(data) {
        Ok(opening) => assert_eq!(opening.to_bytes(), data),
        Err(error) => message(&error),
    }
}

/// Test sets.
pub fn test_set(data: &[u8]) {
    match TestSet::from_bytes(data) {
        Ok(set) => in_order(&set, data),
        Err(error) => message(&error),
    }
}

fn in_order(set: &TestSet, bytes: &[u8]) {
    assert_eq!(set.to_bytes().unwrap(), bytes);
    assert_eq!(set.digest(), *blake3::hash(bytes).as_bytes());
    for i in 0..set.rows() {
        assert_eq!(set.row(i).len(), set.features());
        assert!(set.row(i).iter().all(|value| *value <= set.x_max()));
        assert!(usize::from(set.label(i)) < set.classes());
    }
}

/// An imported test set survives its encoding.
fn imported(set: &TestSet) {
    let bytes = set.to_bytes().unwrap();
    in_order(set, &bytes);
    assert_eq!(&TestSet::from_bytes(&bytes).unwrap(), set);
}

/// CSV: options, then one or two tables, the second after a zero byte.
pub fn csv(data: &[u8]) {
    let mut input = Input::new(data);
    let delimiter = match input.below(4) {
        0 => b',',
        1 => b';',
        2 => b'\t',
        _ => input.byte(),
    };
    let feature_bits = input.byte();
    let classes = input.rarely(4).then(|| vec!["0".to_owned(), "1".to_owned()]);
    let options = CsvOptions { label: "y".to_owned(), feature_bits, classes, delimiter };
    let mut tables = input.rest().splitn(2, |byte| *byte == 0);
    let (test, mut training) = (tables.next().unwrap_or(&[]), tables.next());
    match read_csv(test, &options.label, delimiter) {
        Ok(table) => {
            for i in 0..table.rows() {
                assert_eq!(table.row(i).len(), table.features().len());
                assert!(table.row(i).iter().all(|value| value.is_finite()));
                assert!(!table.label(i).is_empty());
            }
        }
        Err(error) => message(&error),
    }
    let training = training.as_mut().map(|table| table as &mut dyn std::io::Read);
    match import_csv(test, training, &options) {
        Ok(set) => imported(&set),
        Err(error) => message(&error),
    }
}

/// IDX: options, the length of the images' file, both files.
pub fn idx(data: &[u8]) {
    let mut input = Input::new(data);
    let feature_bits = input.byte();
    let white = match input.below(3) {
        0 => 255.0,
        1 => 1.0,
        _ => f64::from_bits(input.number()),
    };
    let classes = input.rarely(4).then(|| vec!["a".to_owned(), "b".to_owned()]);
    let length = input.below(1 << 12);
    let (images, labels) = (input.take(length), input.rest());
    match import_idx(images, labels, &IdxOptions { feature_bits, white, classes }) {
        Ok(set) => imported(&set),
        Err(error) => message(&error),
    }
}

/// ONNX: what is read is a model that predicts, and that can be rounded if it fits a size class.
pub fn onnx(data: &[u8]) {
    match read_onnx(data) {
        Ok(model) => predicts(&model),
        Err(error) => message(&error),
    }
}

/// ONNX graphs out of choices.
pub fn onnx_graph(data: &[u8]) {
    onnx(&graph::chosen(&mut Input::new(data)));
}

fn predicts(model: &FloatModel) {
    let again = FloatModel::new(model.layers().to_vec(), model.labels().map(<[String]>::to_vec));
    assert_eq!(again.as_ref(), Ok(model));
    for value in [0.0, 1.0, f64::MAX, -f64::MAX] {
        let row = vec![value; model.features()];
        assert_eq!(model.logits(&row).len(), model.classes());
        assert!(model.predict(&row) < model.classes());
    }
    let labels = (0..model.classes()).map(|i| i.to_string()).collect();
    let classes = model.labels().map_or(labels, <[String]>::to_vec);
    let feature = |i| Feature { name: format!("f{i}"), offset: -1.5, step: 0.25 };
    let task = Task { features: (0..model.features()).map(feature).collect(), feature_bits: 4, classes };
    if let Err(error) = task.validate() {
        return message(&error);
    }
    let offered = CATALOGUE.map(|class| class.id);
    let class = match choose_class(model, &task, &offered) {
        Ok(class) => class,
        Err(error) => return message(&error),
    };
    match quantise(model, &task, class.class(), None) {
        Ok((integers, _)) => assert_eq!(integers.class().id, class),
        Err(error) => message(&error),
    }
}
