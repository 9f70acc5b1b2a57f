//! What the rounding cost, in numbers and for people.

use super::search::{Calibration, Found};
use circuits::{ClassId, IntegerModel, SizeClass};
use serde::Serialize;
use std::fmt;

/// How a model was rounded, and what it cost on the calibration rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuantisationReport {
    /// Name of the size class.
    pub size_class: ClassId,
    /// On the calibration rows; `None` if there were none.
    pub calibration: Option<RowReport>,
    /// Smallest and largest number of integers that a unit of a hidden pre-activation became; MLP only.
    pub hidden_scales: Option<(f64, f64)>,
    /// Number of integers that a unit of a logit became.
    pub logit_scale: f64,
    /// Bits of the largest weight of every layer, the sign included.
    pub weight_bits_used: Vec<u32>,
    /// Bits of a weight that the size class has.
    pub weight_bits: u32,
}

/// Float against integer model, on the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RowReport {
    /// Rows in all.
    pub rows: usize,
    /// Rows that the float model gets right, on features as the task's map rounds them.
    pub float_correct: usize,
    /// Rows that the integer model gets right: what is proved.
    pub integer_correct: usize,
    /// Rows for which the two predict different classes, or the integer model none.
    pub changed: usize,
    /// Rows that count as wrong because a hidden unit left its range.
    pub overflowed: usize,
}

impl QuantisationReport {
    pub(super) fn new(found: &Found, class: &SizeClass, calibration: Option<&Calibration<'_>>) -> Self {
        let bits = |weights: &[i32]| {
            let magnitude = weights.iter().map(|&w| if w < 0 { !w } else { w }).max().unwrap_or(0);
            i32::BITS - magnitude.leading_zeros() + 1
        };
        let scales = &found.hidden_scales;
        let range = scales.iter().fold((f64::MAX, f64::MIN), |(min, max), &s| (s.min(min), s.max(max)));
        Self {
            size_class: class.id,
            calibration: calibration.map(|rows| RowReport::new(&found.model, rows)),
            hidden_scales: (!scales.is_empty()).then_some(range),
            logit_scale: found.logit_scale,
            weight_bits_used: found.layers.iter().map(|layer| bits(&layer.weights)).collect(),
            weight_bits: class.table_bits,
        }
    }
}

impl RowReport {
    fn new(model: &IntegerModel, calibration: &Calibration<'_>) -> Self {
        let rows = calibration.rows;
        let mut report =
            Self { rows: rows.rows(), float_correct: 0, integer_correct: 0, changed: 0, overflowed: 0 };
        for (i, &float) in calibration.predictions.iter().enumerate() {
            let outcome = model.forward(rows.row(i));
            report.float_correct += usize::from(float == rows.label(i));
            report.integer_correct += usize::from(outcome.counts(rows.label(i)));
            report.changed += usize::from(!outcome.counts(float));
            report.overflowed += usize::from(outcome.overflow);
        }
        report
    }

    /// Share of rows that the float model gets right, 0 to 1.
    pub fn float_accuracy(&self) -> f64 {
        self.float_correct as f64 / self.rows as f64
    }

    /// Share of rows that the integer model gets right, 0 to 1.
    pub fn integer_accuracy(&self) -> f64 {
        self.integer_correct as f64 / self.rows as f64
    }
}

impl fmt::Display for QuantisationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits: Vec<String> = self.weight_bits_used.iter().map(u32::to_string).collect();
        write!(f, "{}: weights use {} of {} bits", self.size_class, bits.join(" and "), self.weight_bits)?;
        match &self.calibration {
            Some(rows) => write!(f, "; {rows}"),
            None => write!(f, "; no rows to compare float and integers on"),
        }
    }
}

impl fmt::Display for RowReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "float {}/{} ({:.2} %), integer {}/{} ({:.2} %), {} changed, {} overflowed",
            self.float_correct,
            self.rows,
            100.0 * self.float_accuracy(),
            self.integer_correct,
            self.rows,
            100.0 * self.integer_accuracy(),
            self.changed,
            self.overflowed,
        )
    }
}
