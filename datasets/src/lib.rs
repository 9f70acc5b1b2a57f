//! What people bring: labelled test sets and trained models, turned into integers.
//!
//! ```text
//! import/     CSV and IDX -> checked integer test set with the host's public affine map
//! onnx/       ONNX graph -> float model (linear, or one hidden ReLU layer); anything else is a named error
//! float       the float model: forward, and matching to a task's features and classes
//! quantise/   float model -> integer model of a size class, with a report of what the rounding cost
//! samples     the two sample data sets and four sample models, inside the binary
//! ```
//!
//! Every reader takes untrusted bytes: sizes are limited before anything is allocated, and nothing panics.

mod files;
mod float;
mod import;
mod labels;
mod onnx;
mod quantise;
pub mod samples;

pub use float::{FloatLayer, FloatModel, FloatModelError};
pub use import::{
    CsvOptions, IdxOptions, ImportError, MAX_CSV_BYTES, MAX_VALUES, Table, import_csv, import_csv_file_for,
    import_csv_files, import_idx, import_idx_files, read_csv,
};
pub use onnx::{MAX_ONNX_BYTES, OnnxError, SUPPORTED_OPERATORS, read_onnx, read_onnx_file};
pub use quantise::{
    FitError, QuantisationReport, QuantiseError, RowReport, check_fit, choose_class, quantise,
};
