//! The workloads: sample sets and models, and synthetic ones of any size.

use circuits::model::Layer;
use circuits::statement::Feature;
use circuits::{ClassId, IntegerModel, Task, TestSet};
use clap::ValueEnum;
use datasets::{CsvOptions, IdxOptions, import_csv, import_idx, quantise, read_onnx, samples};

/// The first 2,000 rows would take another size class; this many are in the workload's definition.
const MNIST_ROWS: usize = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Breast cancer, logistic regression, 284 rows.
    BcLinear,
    /// Digits, logistic regression, 898 rows.
    DigitsLinear,
    /// Digits, MLP with 32 hidden units, 898 rows.
    DigitsMlp,
    /// Synthetic images of 784 pixels, MLP with 32 hidden units, 1,000 rows.
    MnistMlp,
}

impl Workload {
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    pub fn class(self) -> anyhow::Result<ClassId> {
        Ok(match self {
            Self::BcLinear => "linear-30-2",
            Self::DigitsLinear => "linear-64-10",
            Self::DigitsMlp => "mlp-64-32-10",
            Self::MnistMlp => "mlp-784-32-10",
        }
        .parse()?)
    }

    pub fn data(self) -> anyhow::Result<(TestSet, IntegerModel)> {
        let class = self.class()?;
        let sample = |test: &[u8], mut train: &[u8], label: &str, bits, model: &[u8]| {
            let set = import_csv(test, Some(&mut train), &CsvOptions::new(label, bits))?;
            let (model, _) = quantise(&read_onnx(model)?, set.task(), class.class(), Some(&set))?;
            anyhow::Ok((set, model))
        };
        let digits = |model| {
            let (test, train) = (samples::DIGITS_TEST_CSV, samples::DIGITS_TRAIN_CSV);
            sample(test, train, samples::DIGITS_LABEL, samples::DIGITS_FEATURE_BITS, model)
        };
        match self {
            Self::BcLinear => sample(
                samples::BREAST_CANCER_TEST_CSV,
                samples::BREAST_CANCER_TRAIN_CSV,
                samples::BREAST_CANCER_LABEL,
                samples::BREAST_CANCER_FEATURE_BITS,
                samples::BREAST_CANCER_LOGISTIC_ONNX,
            ),
            Self::DigitsLinear => digits(samples::DIGITS_LOGISTIC_ONNX),
            Self::DigitsMlp => digits(samples::DIGITS_MLP_ONNX),
            Self::MnistMlp => synthetic_mnist(class),
        }
    }
}

/// Numbers that look random and are the same everywhere.
struct Numbers(blake3::OutputReader);

impl Numbers {
    fn new(name: &str) -> Self {
        Self(blake3::Hasher::new().update(name.as_bytes()).finalize_xof())
    }

    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.0.fill(&mut byte);
        u8::from_be_bytes(byte)
    }

    /// Weights so small that hardly a hidden unit leaves its range.
    fn layer(&mut self, inputs: usize, outputs: usize) -> Layer {
        Layer {
            inputs,
            outputs,
            weights: (0..inputs * outputs).map(|_| i32::from(self.byte() % 31) - 15).collect(),
            biases: (0..outputs).map(|_| i64::from(self.byte()) - 128).collect(),
        }
    }
}

/// Images in IDX files as MNIST has them, a fifth of the pixels set, and a model whose weights are so small that no
/// hidden unit leaves its range. Cost does not depend on the values.
fn synthetic_mnist(class: ClassId) -> anyhow::Result<(TestSet, IntegerModel)> {
    let mut numbers = Numbers::new("podium bench images");
    let rows = u32::try_from(MNIST_ROWS)?;
    let mut images: Vec<u8> = [0x0803u32, rows, 28, 28].iter().flat_map(|n| n.to_be_bytes()).collect();
    for _ in 0..MNIST_ROWS * 784 {
        let set = numbers.byte() < 52;
        images.push(if set { numbers.byte() } else { 0 });
    }
    let mut labels: Vec<u8> = [0x0801u32, rows].iter().flat_map(|n| n.to_be_bytes()).collect();
    labels.extend((0..MNIST_ROWS).map(|i| (i % 10) as u8));
    let options = IdxOptions { feature_bits: 5, white: 255.0, classes: None };
    let set = import_idx(&mut images.as_slice(), &mut labels.as_slice(), &options)?;
    let layers = [numbers.layer(784, 32), numbers.layer(32, 10)];
    Ok((set, IntegerModel::new(class.class(), &layers)?))
}

/// A random test set and a model with as many hidden units (none in the linear family) and classes as are asked for,
/// padded into the size class. Cost does not depend on the values.
pub fn synthetic(
    class: ClassId,
    rows: usize,
    hidden: usize,
    classes: usize,
) -> anyhow::Result<(TestSet, IntegerModel)> {
    let mut numbers = Numbers::new("podium bench rows");
    let shape = class.class();
    let features = (0..shape.features).map(|i| Feature { name: format!("f{i}"), offset: 0.0, step: 1.0 });
    let task = Task {
        features: features.collect(),
        feature_bits: u8::try_from(shape.feature_bits)?,
        classes: (0..classes).map(|i| format!("c{i}")).collect(),
    };
    let x = (0..rows * shape.features).map(|_| u16::from(numbers.byte()) & shape.x_max()).collect();
    let count = u16::try_from(classes)?.max(1);
    let labels = (0..rows).map(|_| u16::from(numbers.byte()) % count).collect();
    let set = TestSet::new(task, x, labels)?;
    let layers = if shape.hidden() == 0 {
        vec![numbers.layer(shape.features, classes)]
    } else {
        vec![numbers.layer(shape.features, hidden), numbers.layer(hidden, classes)]
    };
    Ok((set, IntegerModel::new(shape, &layers)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use circuits::statement::Chunk;

    #[test]
    fn every_workload_has_data_for_one_proof_of_its_class() {
        for workload in Workload::value_variants() {
            let (set, model) = workload.data().unwrap();
            assert_eq!(model.class().id, workload.class().unwrap());
            assert_eq!(Chunk::all(set.rows(), model.class()).len(), 1, "{workload:?}");
            assert!(model.accuracy(&set).unwrap().correct > 0);
        }
    }

    #[test]
    fn synthetic_models_of_every_size_fit_their_class() {
        for (name, hidden, classes) in
            [("linear-30-2", 0, 2), ("linear-64-10", 0, 3), ("mlp-64-32-10", 8, 10)]
        {
            let class = name.parse().unwrap();
            let (set, model) = synthetic(class, 20, hidden, classes).unwrap();
            assert_eq!((set.rows(), set.classes()), (20, classes));
            assert!(model.check_test_set(&set).is_ok(), "{name}");
        }
    }
}
