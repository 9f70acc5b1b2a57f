//! The sample data and models of `datasets/samples`, inside the binary: `node demo` needs no repository.
//!
//! Origin, licence and how they were made: `datasets/samples/README.md`.

/// Digits, test split: 898 rows, 64 features, classes 0 to 9. CSV.
pub const DIGITS_TEST_CSV: &[u8] = include_bytes!("../samples/digits-test.csv");
/// Digits, train split: 899 rows. CSV.
pub const DIGITS_TRAIN_CSV: &[u8] = include_bytes!("../samples/digits-train.csv");
/// The label column of both digits files.
pub const DIGITS_LABEL: &str = "digit";
/// Bits that hold a pixel, 0 to 16, without any rounding.
pub const DIGITS_FEATURE_BITS: u8 = 5;
/// Logistic regression on digits, by skl2onnx.
pub const DIGITS_LOGISTIC_ONNX: &[u8] = include_bytes!("../samples/digits-logistic.onnx");
/// StandardScaler and a 64-32-10 MLPClassifier on digits, by skl2onnx.
pub const DIGITS_MLP_ONNX: &[u8] = include_bytes!("../samples/digits-mlp.onnx");
/// A 64-32-10 MLP on digits, by PyTorch.
pub const DIGITS_MLP_TORCH_ONNX: &[u8] = include_bytes!("../samples/digits-mlp-torch.onnx");

/// Breast cancer, test split: 284 rows, 30 features, classes `benign` and `malignant`. CSV.
pub const BREAST_CANCER_TEST_CSV: &[u8] = include_bytes!("../samples/breast-cancer-test.csv");
/// Breast cancer, train split: 285 rows. CSV.
pub const BREAST_CANCER_TRAIN_CSV: &[u8] = include_bytes!("../samples/breast-cancer-train.csv");
/// The label column of both breast cancer files.
pub const BREAST_CANCER_LABEL: &str = "diagnosis";
/// Bits of a measurement: all that a linear size class takes.
pub const BREAST_CANCER_FEATURE_BITS: u8 = 8;
/// StandardScaler and logistic regression on breast cancer, by skl2onnx.
pub const BREAST_CANCER_LOGISTIC_ONNX: &[u8] = include_bytes!("../samples/breast-cancer-logistic.onnx");
