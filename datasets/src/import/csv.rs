//! CSV with a header row: the label column is chosen by name, all other columns are numeric features.

use super::{
    error::{ImportError, list, shorten},
    table::{MAX_FEATURES, Table},
};
use ::csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Trim};
use circuits::{Task, TestSet};
use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Take},
    path::Path,
};

/// Largest CSV file in bytes.
pub const MAX_CSV_BYTES: u64 = 256 << 20;

/// How a CSV file is read and mapped to integers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// Name of the label column.
    pub label: String,
    /// Bits of a feature's integer, 1 to 8: at most those of every size class that is to be admitted.
    pub feature_bits: u8,
    /// The classes in order; without them they are the labels that occur, sorted.
    pub classes: Option<Vec<String>>,
    /// Between two fields, most often a comma.
    pub delimiter: u8,
}

impl CsvOptions {
    /// Comma-separated, classes from the labels.
    pub fn new(label: impl Into<String>, feature_bits: u8) -> Self {
        Self { label: label.into(), feature_bits, classes: None, delimiter: b',' }
    }
}

/// Reads a test set, with the map from the training set if there is one (see [`Table::task`]).
///
/// # Errors
/// The first thing that is wrong, with line and column; [`ImportError::Training`] if it is in the training set.
pub fn import_csv(
    test: impl Read,
    training: Option<&mut dyn Read>,
    options: &CsvOptions,
) -> Result<TestSet, ImportError> {
    let test = read_csv(test, &options.label, options.delimiter)?;
    let training = training
        .map(|reader| read_csv(reader, &options.label, options.delimiter))
        .transpose()
        .map_err(|e| ImportError::Training(Box::new(e)))?;
    let task = test.task(training.as_ref(), options.feature_bits, options.classes.as_deref())?;
    test.to_test_set(&task)
}

/// [`import_csv`] from files.
///
/// # Errors
/// As [`import_csv`], and if a file cannot be read.
pub fn import_csv_files(
    test: &Path,
    training: Option<&Path>,
    options: &CsvOptions,
) -> Result<TestSet, ImportError> {
    let mut training = training.map(open).transpose().map_err(|e| ImportError::Training(Box::new(e)))?;
    import_csv(open(test)?, training.as_mut().map(|file| file as &mut dyn Read), options)
}

/// Reads labelled rows for a task that is known already: a competitor's own, to try a model on.
///
/// # Errors
/// The first thing that is wrong, with line and column, or if the columns or labels are not the task's.
pub fn import_csv_file_for(task: &Task, rows: &Path, label: &str) -> Result<TestSet, ImportError> {
    read_csv(open(rows)?, label, b',')?.to_test_set(task)
}

fn open(path: &Path) -> Result<File, ImportError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > MAX_CSV_BYTES {
        return Err(ImportError::TooManyBytes { expected: MAX_CSV_BYTES, got: Some(length) });
    }
    Ok(file)
}

/// Reads a labelled table without mapping it. Fields are trimmed; a byte-order mark is skipped.
///
/// # Errors
/// The first thing that is wrong, with line and column.
pub fn read_csv(reader: impl Read, label: &str, delimiter: u8) -> Result<Table, ImportError> {
    let mut reader =
        ReaderBuilder::new().delimiter(delimiter).trim(Trim::All).from_reader(reader.take(MAX_CSV_BYTES + 1));
    let read = read_table(&mut reader, label);
    // A file that was cut at the limit fails somehow, or by luck not at all: say what it is.
    if reader.get_ref().limit() == 0 {
        return Err(ImportError::TooManyBytes { expected: MAX_CSV_BYTES, got: None });
    }
    read
}

fn read_table<R: Read>(reader: &mut Reader<Take<R>>, label: &str) -> Result<Table, ImportError> {
    let header = reader.headers().map_err(from_csv)?.clone();
    if header.is_empty() {
        return Err(ImportError::Empty);
    }
    if header.len() > MAX_FEATURES + 1 {
        return Err(ImportError::TooManyColumns { expected: MAX_FEATURES, got: header.len() });
    }
    let mut seen = HashMap::new();
    for (k, name) in header.iter().enumerate() {
        if let Some(first) = seen.insert(name, k) {
            return Err(ImportError::DuplicateColumn {
                name: shorten(name),
                first: first + 1,
                second: k + 1,
            });
        }
    }
    let names: Vec<&str> = header.iter().collect();
    let Some(&label_at) = seen.get(label.trim()) else {
        return Err(ImportError::NoLabelColumn { expected: shorten(label), got: list(&names) });
    };
    if header.len() == 1 {
        return Err(ImportError::NoFeatures { label: shorten(label) });
    }
    let features =
        names.iter().enumerate().filter(|(k, _)| *k != label_at).map(|(_, name)| (*name).to_owned());
    let mut table = Table::new(features.collect(), label.trim().to_owned());
    let mut known = HashMap::new();
    let mut values = Vec::with_capacity(header.len());
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(from_csv)? {
        let line = record.position().map_or(0, ::csv::Position::line);
        values.clear();
        let mut label = "";
        for (k, (field, name)) in record.iter().zip(&names).enumerate() {
            if field.is_empty() {
                return Err(ImportError::Missing { line, column: shorten(name) });
            }
            if k == label_at {
                label = field;
            } else {
                values.push(number(field, line, name)?);
            }
        }
        table.push(line, &values, label, &mut known)?;
    }
    if table.rows() == 0 { Err(ImportError::NoRows) } else { Ok(table) }
}

fn number(field: &str, line: u64, column: &str) -> Result<f64, ImportError> {
    match field.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(ImportError::NotFinite { line, column: shorten(column), got: shorten(field) }),
        Err(_) => Err(ImportError::NotANumber { line, column: shorten(column), got: shorten(field) }),
    }
}

fn from_csv(error: ::csv::Error) -> ImportError {
    let line = error.position().map_or(1, ::csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(e) => ImportError::Io(e),
        ErrorKind::Utf8 { err, .. } => ImportError::NotUtf8 { line, column: err.field() + 1 },
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            ImportError::Ragged { line, expected: expected_len, got: len }
        }
        other => ImportError::Io(std::io::Error::other(format!("{other:?}"))),
    }
}
