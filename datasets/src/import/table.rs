//! A labelled table of real numbers, the host's map to integers, and the test set that comes of both.

use super::error::{ImportError, list, shorten};
use crate::labels::{ClassIndex, sorted_classes};
use circuits::{
    Task, TestSet,
    statement::{Feature, MAX_ROWS, TaskError},
};
use std::collections::HashMap;

/// Most values of a table, rows times features: half a gigabyte of doubles.
pub const MAX_VALUES: usize = 1 << 26;
/// Most features: what a task admits.
pub(super) const MAX_FEATURES: usize = 4096;
/// Most classes: what a task admits.
pub(super) const MAX_CLASSES: usize = 256;

/// Features as real numbers and labels as text, before any map. Rows are in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    columns: Vec<String>,
    label_column: String,
    values: Vec<f64>,
    label_names: Vec<String>,
    labels: Vec<u16>,
    lines: Vec<u64>,
}

impl Table {
    /// An empty table to be filled with [`Table::push`].
    pub(super) fn new(columns: Vec<String>, label_column: String) -> Self {
        Self {
            columns,
            label_column,
            values: Vec::new(),
            label_names: Vec::new(),
            labels: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Adds a row of exactly as many values as there are features. `known` maps label names to their index.
    pub(super) fn push(
        &mut self,
        line: u64,
        values: &[f64],
        label: &str,
        known: &mut HashMap<String, u16>,
    ) -> Result<(), ImportError> {
        if self.lines.len() >= MAX_ROWS {
            return Err(ImportError::TooManyRows { expected: MAX_ROWS });
        }
        if self.values.len() + values.len() > MAX_VALUES {
            return Err(ImportError::TooManyValues { expected: MAX_VALUES });
        }
        let index = match known.get(label) {
            Some(&index) => index,
            None if known.len() >= MAX_CLASSES => {
                let column = self.label_column.clone();
                return Err(ImportError::TooManyClasses { line, column, expected: MAX_CLASSES });
            }
            None => {
                let index = known.len() as u16;
                known.insert(label.to_owned(), index);
                self.label_names.push(label.to_owned());
                index
            }
        };
        self.values.extend_from_slice(values);
        self.labels.push(index);
        self.lines.push(line);
        Ok(())
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// Names of the features, in the file's order.
    pub fn features(&self) -> &[String] {
        &self.columns
    }

    /// The real values of row `i`, below `rows()`.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.columns.len()..(i + 1) * self.columns.len()]
    }

    /// The label of row `i`, below `rows()`, as it stands in the file.
    pub fn label(&self, i: usize) -> &str {
        &self.label_names[usize::from(self.labels[i])]
    }

    /// The host's choice: classes and map, from the training set if there is one and from this table otherwise.
    ///
    /// Classes: those given, or all labels of both tables, sorted by number if all are numbers and as text
    /// otherwise. Map: see [`Table::to_test_set`]; a column of integers whose range fits is kept as it is (or
    /// shifted by its smallest value), any other has its range cut into `2^feature_bits - 1` equal steps.
    ///
    /// # Errors
    /// If feature bits or names are out of range, there is only one class, or the training set lacks a column.
    pub fn task(
        &self,
        training: Option<&Table>,
        feature_bits: u8,
        classes: Option<&[String]>,
    ) -> Result<Task, ImportError> {
        let tables = [Some(self), training];
        let found =
            sorted_classes(tables.iter().flatten().flat_map(|t| t.label_names.iter().map(String::as_str)));
        if let ([only], None) = (found.as_slice(), classes) {
            return Err(ImportError::SingleClass { got: shorten(only) });
        }
        if !(1..=8).contains(&feature_bits) {
            let got = usize::from(feature_bits);
            return Err(TaskError::Count { what: "feature bits", expected: "1 to 8", got }.into());
        }
        let source = training.unwrap_or(self);
        let order = source.columns_of(&self.columns)?;
        let x_max = f64::from((1u16 << feature_bits) - 1);
        let features =
            self.columns.iter().zip(order).map(|(name, k)| source.feature(name, k, x_max)).collect();
        let task = Task { features, feature_bits, classes: classes.map_or(found, <[String]>::to_vec) };
        task.validate()?;
        Ok(task)
    }

    /// Maps every value to an integer of the task; values beyond its range are clamped to it. Columns are
    /// found by name.
    ///
    /// # Errors
    /// If a column is missing or too many, a label is no class of the task, or only one class occurs.
    pub fn to_test_set(&self, task: &Task) -> Result<TestSet, ImportError> {
        task.validate()?;
        let names: Vec<&str> = task.features.iter().map(|f| f.name.as_str()).collect();
        let order = self.columns_of(&names)?;
        let classes = ClassIndex::new(&task.classes);
        let mut labels = Vec::with_capacity(self.rows());
        for (i, &line) in self.lines.iter().enumerate() {
            labels.push(classes.get(self.label(i)).ok_or_else(|| ImportError::UnknownLabel {
                line,
                column: self.label_column.clone(),
                expected: list(&task.classes),
                got: shorten(self.label(i)),
            })?);
        }
        if let Some(&first) = labels.first()
            && labels.iter().all(|&label| label == first)
        {
            return Err(ImportError::SingleClass { got: shorten(self.label(0)) });
        }
        let x_max = task.x_max();
        let mut x = Vec::with_capacity(self.values.len());
        for i in 0..self.rows() {
            let row = self.row(i);
            x.extend(task.features.iter().zip(&order).map(|(f, &k)| f.to_integer(row[k], x_max)));
        }
        Ok(TestSet::new(task.clone(), x, labels)?)
    }

    /// Where each of `names` is among the columns; both must have the same names.
    fn columns_of<S: AsRef<str>>(&self, names: &[S]) -> Result<Vec<usize>, ImportError> {
        let places: HashMap<&str, usize> =
            self.columns.iter().enumerate().map(|(k, c)| (c.as_str(), k)).collect();
        let order: Option<Vec<usize>> = names.iter().map(|name| places.get(name.as_ref()).copied()).collect();
        match order {
            Some(order) if names.len() == self.columns.len() => Ok(order),
            _ => Err(ImportError::Columns { expected: list(names), got: list(&self.columns) }),
        }
    }

    /// The map of one column. There is at least one row.
    fn feature(&self, name: &str, column: usize, x_max: f64) -> Feature {
        let values = || self.values.iter().skip(column).step_by(self.columns.len()).copied();
        let (min, max) = values().fold((f64::MAX, f64::MIN), |(min, max), v| (v.min(min), v.max(max)));
        let integers = values().all(|v| v.fract() == 0.0);
        let (offset, step) = if integers && min >= 0.0 && max <= x_max {
            (0.0, 1.0)
        } else if min == max || (integers && max - min <= x_max) {
            (min, 1.0)
        } else {
            let range = max - min;
            // The range itself may be beyond a double.
            (min, if range.is_finite() { range / x_max } else { max / x_max - min / x_max })
        };
        // A range so small that a step of it is 0 is a constant for all that integers can tell.
        let step = if step > 0.0 { step } else { 1.0 };
        Feature { name: name.to_owned(), offset: offset + 0.0, step }
    }
}
