//! Which scales: a few candidates, and the one that agrees best with the float model.

use super::{
    QuantiseError,
    scale::{HiddenLayer, hidden_layer, largest_logit_scale, logit_layer, unscaled},
};
use crate::float::{FloatLayer, FloatModel};
use circuits::{IntegerModel, ModelError, SizeClass, Task, TestSet, model::Layer};

/// How much of the pre-activations' range the calibration rows may take. More is finer; but a row beyond the
/// range is lost, so that of equals the one with the most room for rows yet unseen is taken.
const FILLS: [f64; 4] = [0.4, 0.6, 0.8, 0.95];
/// The same for a bound from the ranges: it has room already.
const FILL_BY_RANGE: [f64; 1] = [0.95];
/// Scales of the logits are tried in steps of this factor, the largest that fits first.
const STEP: f64 = 0.917_004_043_204_671_2; // 2^(-1/8)
/// From the largest scale that the ranges admit down to where every weight is 0.
const MAX_STEPS: usize = 1024;
/// How many scales that fit are compared.
const COMPARED: usize = 8;
/// Rows on which candidates are compared: more cost time and change little. Overflow is ruled out on all.
const COMPARED_ROWS: usize = 2048;
/// Without calibration rows: standard deviations of the pre-activation that have to fit.
const DEVIATIONS: f64 = 8.0;

/// Rows, and what the float model predicts for them.
pub(super) struct Calibration<'a> {
    pub(super) rows: &'a TestSet,
    pub(super) predictions: Vec<u16>,
    /// Evenly spaced rows, labelled with the float model's predictions.
    compared: TestSet,
}

impl<'a> Calibration<'a> {
    /// Runs the float model on every row, mapped back to real values.
    pub(super) fn new(model: &FloatModel, rows: &'a TestSet) -> Result<Self, QuantiseError> {
        let features = &rows.task().features;
        let predict = |i: usize| {
            let real: Vec<f64> = rows.row(i).iter().zip(features).map(|(&v, f)| f.to_real(v)).collect();
            model.predict(&real) as u16
        };
        let predictions: Vec<u16> = (0..rows.rows()).map(predict).collect();
        let chosen: Vec<usize> = (0..rows.rows()).step_by(rows.rows().div_ceil(COMPARED_ROWS)).collect();
        let x = chosen.iter().flat_map(|&i| rows.row(i).iter().copied()).collect();
        let compared =
            TestSet::new(rows.task().clone(), x, chosen.iter().map(|&i| predictions[i]).collect())?;
        Ok(Self { rows, predictions, compared })
    }

    /// Rows on which the integer model predicts what the float model predicts.
    fn agreement(&self, model: &IntegerModel) -> usize {
        model.accuracy(&self.compared).map_or(0, |score| score.correct)
    }
}

/// An integer model and how it was scaled.
pub(super) struct Found {
    pub(super) model: IntegerModel,
    /// The layers before padding.
    pub(super) layers: Vec<Layer>,
    /// Integers a unit of the float pre-activation, one a hidden unit.
    pub(super) hidden_scales: Vec<f64>,
    /// Integers a unit of the float logits.
    pub(super) logit_scale: f64,
}

/// The best candidate so far; of equals the first, which has the most room and the largest scale of the logits.
struct Best<'a> {
    calibration: Option<&'a Calibration<'a>>,
    found: Option<(usize, Found)>,
    /// Why the last scale that did not fit was refused.
    refused: Option<ModelError>,
}

impl<'a> Best<'a> {
    fn new(calibration: Option<&'a Calibration<'a>>) -> Self {
        Self { calibration, found: None, refused: None }
    }

    fn offer(&mut self, candidate: Found) {
        let agreement = self.calibration.map_or(0, |rows| rows.agreement(&candidate.model));
        if self.found.as_ref().is_none_or(|(best, _)| agreement > *best) {
            self.found = Some((agreement, candidate));
        }
    }

    /// Offers scales of the logits, from the largest down, until enough of them were in all ranges.
    fn try_logit_scales(&mut self, class: &SizeClass, last: &FloatLayer, hidden: Option<&HiddenLayer>) {
        let mut scale = largest_logit_scale(last, class);
        let mut fitted = 0;
        // Without rows to compare on, the largest that fits is the one.
        let wanted = if self.calibration.is_some() { COMPARED } else { 1 };
        for _ in 0..MAX_STEPS {
            let layers: Vec<Layer> = hidden
                .map(|hidden| hidden.layer.clone())
                .into_iter()
                .chain([logit_layer(last, scale)])
                .collect();
            match IntegerModel::new(class, &layers) {
                Ok(model) => {
                    let hidden_scales = hidden.map_or(Vec::new(), |hidden| hidden.scales.clone());
                    self.offer(Found { model, layers, hidden_scales, logit_scale: scale });
                    fitted += 1;
                }
                Err(e) => self.refused = Some(e),
            }
            if fitted == wanted {
                break;
            }
            scale *= STEP;
        }
    }

    fn finish(self) -> Result<Found, QuantiseError> {
        let got = self.refused.map_or_else(|| "no candidate".to_owned(), |e| e.to_string());
        self.found.map(|(_, found)| found).ok_or(QuantiseError::NoScale { got })
    }
}

/// A linear model has one scale.
pub(super) fn best_linear(
    only: &FloatLayer,
    class: &SizeClass,
    calibration: Option<&Calibration<'_>>,
) -> Result<Found, QuantiseError> {
    let mut best = Best::new(calibration);
    best.try_logit_scales(class, only, None);
    best.finish()
}

/// An MLP has a scale a hidden unit, and one of the logits.
pub(super) fn best_mlp(
    first: &FloatLayer,
    last: &FloatLayer,
    class: &SizeClass,
    task: &Task,
    calibration: Option<&Calibration<'_>>,
) -> Result<Found, QuantiseError> {
    let (reach, fills) = match calibration {
        Some(calibration) => (reach_on_rows(first, calibration.rows), &FILLS[..]),
        None => (reach_by_range(first, task), &FILL_BY_RANGE[..]),
    };
    let mut best = Best::new(calibration);
    for &fill in fills {
        let hidden = hidden_layer(first, &reach, class, fill);
        let last = unscaled(last, &hidden.scales);
        best.try_logit_scales(class, &last, Some(&hidden));
    }
    best.finish()
}

/// The largest pre-activation of each unit that occurs.
fn reach_on_rows(first: &FloatLayer, rows: &TestSet) -> Vec<f64> {
    let mut reach = vec![0.0f64; first.outputs];
    for i in 0..rows.rows() {
        let z = first.forward(rows.row(i).iter().map(|&v| f64::from(v)));
        reach.iter_mut().zip(z).for_each(|(reach, z)| *reach = reach.max(z.abs()));
    }
    reach
}

/// A bound from the ranges alone. The worst case would need all features at their worst at once, so it is
/// clipped to eight standard deviations of features that are uniform and independent.
fn reach_by_range(first: &FloatLayer, task: &Task) -> Vec<f64> {
    let x_max = f64::from(task.x_max());
    let reach = |j: usize| {
        let (mut low, mut high, mut mean, mut variance) =
            (first.biases[j], first.biases[j], first.biases[j], 0.0);
        for w in first.weights.iter().skip(j).step_by(first.outputs) {
            low += w.min(0.0) * x_max;
            high += w.max(0.0) * x_max;
            mean += w * x_max / 2.0;
            variance += (w * x_max).powi(2) / 12.0;
        }
        let likely = mean.abs() + DEVIATIONS * variance.sqrt();
        likely.min(high.abs().max(low.abs()))
    };
    (0..first.outputs).map(reach).collect()
}
