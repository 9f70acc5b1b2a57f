//! What may be wrong with somebody's data file.

use circuits::{TestSetError, statement::TaskError};

/// Why a file is not a labelled test set. Lines and columns count from 1; line 1 is the header.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file could not be read.
    #[error("cannot read the data: {0}")]
    Io(#[from] std::io::Error),
    /// Bytes that are not UTF-8.
    #[error("line {line}, column {column}: expected UTF-8 text, got other bytes")]
    NotUtf8 {
        /// Line of the record.
        line: u64,
        /// Column of the field, from 1.
        column: usize,
    },
    /// Nothing in the file, not even a header.
    #[error("expected a header row and rows of data, got an empty file")]
    Empty,
    /// A header, but no rows.
    #[error("expected at least one row after the header, got none")]
    NoRows,
    /// Two columns of one name.
    #[error("columns {first} and {second}: expected different names, got {name:?} twice")]
    DuplicateColumn {
        /// The name.
        name: String,
        /// Column of the first, from 1.
        first: usize,
        /// Column of the second, from 1.
        second: usize,
    },
    /// The label column is not in the header.
    #[error("expected a label column {expected:?}, got the columns {got}")]
    NoLabelColumn {
        /// The name that was asked for.
        expected: String,
        /// The header, shortened.
        got: String,
    },
    /// Only the label column.
    #[error("expected at least one feature besides the label column {label:?}, got none")]
    NoFeatures {
        /// The label column.
        label: String,
    },
    /// A row with more or fewer fields than the header.
    #[error("line {line}: expected {expected} fields as in the header, got {got}")]
    Ragged {
        /// Line of the row.
        line: u64,
        /// Fields of the header.
        expected: u64,
        /// Fields of the row.
        got: u64,
    },
    /// An empty field.
    #[error("line {line}, column {column:?}: expected a value, got nothing")]
    Missing {
        /// Line of the row.
        line: u64,
        /// Name of the column.
        column: String,
    },
    /// Text in a feature's column.
    #[error("line {line}, column {column:?}: expected a number, got {got:?}")]
    NotANumber {
        /// Line of the row.
        line: u64,
        /// Name of the column.
        column: String,
        /// The text, shortened.
        got: String,
    },
    /// NaN, an infinity or a number beyond what a double holds.
    #[error("line {line}, column {column:?}: expected a finite number, got {got:?}")]
    NotFinite {
        /// Line of the row.
        line: u64,
        /// Name of the column.
        column: String,
        /// The text, shortened.
        got: String,
    },
    /// A label that is none of the given classes.
    #[error("line {line}, column {column:?}: expected one of the classes {expected}, got {got:?}")]
    UnknownLabel {
        /// Line of the row.
        line: u64,
        /// Name of the label column.
        column: String,
        /// The classes, shortened.
        expected: String,
        /// The label, shortened.
        got: String,
    },
    /// All rows have the same label: there is nothing to predict.
    #[error("expected labels of at least two classes, got only {got:?}")]
    SingleClass {
        /// The only label.
        got: String,
    },
    /// More different labels than classes that can be: most likely not a label column at all.
    #[error("line {line}, column {column:?}: expected at most {expected} different labels, got one more")]
    TooManyClasses {
        /// Line of the first label too many.
        line: u64,
        /// Name of the label column.
        column: String,
        /// Most classes.
        expected: usize,
    },
    /// A file that is too long.
    #[error("expected at most {expected} bytes, got {}", .got.map_or("more".to_owned(), |got| got.to_string()))]
    TooManyBytes {
        /// The limit.
        expected: u64,
        /// The length, if known.
        got: Option<u64>,
    },
    /// Too many columns.
    #[error("expected at most {expected} features and the label, got {got} columns")]
    TooManyColumns {
        /// Most features.
        expected: usize,
        /// Columns of the header.
        got: usize,
    },
    /// Too many rows.
    #[error("expected at most {expected} rows, got more")]
    TooManyRows {
        /// The limit.
        expected: usize,
    },
    /// Too many values, rows times features.
    #[error("expected at most {expected} values in all, rows times features, got more")]
    TooManyValues {
        /// The limit.
        expected: usize,
    },
    /// Another table without a column that the task has, or with one that it has not.
    #[error("expected the features {expected}, got {got}")]
    Columns {
        /// The task's features, or the one that is missing.
        expected: String,
        /// The table's features.
        got: String,
    },
    /// Something is wrong in the training set, which is read for the map.
    #[error("in the training set: {0}")]
    Training(#[source] Box<ImportError>),
    /// An IDX file that is something else.
    #[error("IDX {file}: expected {expected}, got {got}")]
    Idx {
        /// `images` or `labels`.
        file: &'static str,
        /// What should be there.
        expected: String,
        /// What is there.
        got: String,
    },
    /// Feature bits, names or the number of classes are out of range.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The integers are not a test set.
    #[error(transparent)]
    TestSet(#[from] TestSetError),
}

/// At most 40 characters of somebody's text, for a message.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// At most ten names, for a message.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<String> =
        names.iter().take(10).map(|name| format!("{:?}", shorten(name.as_ref()))).collect();
    let rest = names.len().saturating_sub(shown.len());
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}
