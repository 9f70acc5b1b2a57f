//! Labelled test sets as people have them -> [`circuits::TestSet`].

mod csv;
mod error;
mod idx;
mod table;

pub use self::csv::{CsvOptions, MAX_CSV_BYTES, import_csv, import_csv_file_for, import_csv_files, read_csv};
pub use error::ImportError;
pub(crate) use error::{list, shorten};
pub use idx::{IdxOptions, import_idx, import_idx_files};
pub use table::{MAX_VALUES, Table};
