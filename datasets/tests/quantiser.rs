//! The quantiser: what it keeps, what it falls back to, and what it refuses.

// Helpers of tests are not inside `#[test]` functions, where the lints allow this by themselves.
#![allow(clippy::unwrap_used, clippy::panic)]

use circuits::{ClassId, IntegerModel, SizeClass, Task, TestSet, model::CATALOGUE, statement::Feature};
use datasets::{FitError, FloatLayer, FloatModel, FloatModelError, QuantiseError, choose_class, quantise};
use proptest::prelude::*;

fn task(features: usize, feature_bits: u8, classes: usize) -> Task {
    let feature = |k: usize| Feature { name: format!("f{k}"), offset: -1.5 + k as f64, step: 0.25 };
    Task {
        features: (0..features).map(feature).collect(),
        feature_bits,
        classes: (0..classes).map(|j| j.to_string()).collect(),
    }
}

/// Numbers that look random and are always the same.
fn numbers(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn layer(seed: u64, inputs: usize, outputs: usize, scale: f64) -> FloatLayer {
    let scaled = |seed, count| numbers(seed, count).into_iter().map(|v| v * scale).collect();
    FloatLayer { inputs, outputs, weights: scaled(seed, inputs * outputs), biases: scaled(seed + 1, outputs) }
}

fn rows(task: &Task, count: usize, seed: u64) -> TestSet {
    let x_max = f64::from(task.x_max());
    let x = numbers(seed, count * task.features.len()).into_iter().map(|v| ((v + 1.0) / 2.0 * x_max) as u16);
    let labels = (0..count).map(|i| (i % task.classes.len()) as u16).collect();
    TestSet::new(task.clone(), x.collect(), labels).unwrap()
}

fn linear() -> &'static SizeClass {
    &CATALOGUE[1]
}

fn mlp() -> &'static SizeClass {
    &CATALOGUE[2]
}

fn linear_model(seed: u64, scale: f64) -> FloatModel {
    FloatModel::new(vec![layer(seed, 6, 4, scale)], None).unwrap()
}

fn mlp_model(seed: u64, first: f64, last: f64) -> FloatModel {
    FloatModel::new(vec![layer(seed, 6, 9, first), layer(seed + 5, 9, 4, last)], None).unwrap()
}

#[test]
fn predictions_survive_on_rows_never_seen() {
    for (model, class) in [(linear_model(3, 0.1), linear()), (mlp_model(3, 0.1, 2.0), mlp())] {
        let task = task(6, 5, 4);
        let (integer, report) = quantise(&model, &task, class, Some(&rows(&task, 300, 1))).unwrap();
        let seen = report.calibration.unwrap();
        assert_eq!((seen.rows, seen.overflowed), (300, 0));
        assert!(seen.changed <= 3, "{report}");
        let fresh = rows(&task, 1000, 77);
        let same = (0..1000).filter(|&i| {
            let real: Vec<f64> =
                fresh.row(i).iter().zip(&task.features).map(|(&v, f)| f.to_real(v)).collect();
            let outcome = integer.forward(fresh.row(i));
            !outcome.overflow && outcome.prediction() == model.predict(&real)
        });
        assert!(same.count() >= 985, "{report}");
    }
}

#[test]
fn a_model_of_the_largest_class_keeps_its_predictions() {
    let task = task(784, 5, 10);
    let model = FloatModel::new(vec![layer(1, 784, 32, 0.02), layer(2, 32, 10, 1.0)], None).unwrap();
    let set = rows(&task, 300, 5);
    let (_, report) = quantise(&model, &task, &CATALOGUE[3], Some(&set)).unwrap();
    let seen = report.calibration.unwrap();
    assert!(seen.changed <= 3 && seen.overflowed == 0, "{report}");
}

#[test]
fn the_report_counts_what_the_twin_counts() {
    let (task, model) = (task(6, 5, 4), mlp_model(11, 1.0, 1.0));
    let set = rows(&task, 200, 9);
    let (integer, report) = quantise(&model, &task, mlp(), Some(&set)).unwrap();
    let (score, seen) = (integer.accuracy(&set).unwrap(), report.calibration.unwrap());
    assert_eq!((seen.integer_correct, seen.overflowed), (score.correct, score.overflowed));
    assert!(report.weight_bits_used.iter().all(|&bits| (2..=report.weight_bits).contains(&bits)));
    let (low, high) = report.hidden_scales.unwrap();
    assert!(0.0 < low && low <= high && report.logit_scale > 0.0);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["size_class"], "mlp-64-32-10");
}

#[test]
fn the_same_input_gives_the_same_model() {
    let (task, model) = (task(6, 5, 4), mlp_model(2, 0.5, 0.5));
    let set = rows(&task, 100, 4);
    let twice: Vec<IntegerModel> =
        (0..2).map(|_| quantise(&model, &task, mlp(), Some(&set)).unwrap().0).collect();
    assert!(twice[0] == twice[1]);
}

#[test]
fn scaling_and_shifting_all_logits_changes_nothing() {
    let task = task(6, 5, 4);
    let plain = layer(8, 6, 4, 1.0);
    let mut moved = plain.clone();
    for row in moved.weights.chunks_exact_mut(4).chain([&mut moved.biases[..]]) {
        let shift = 100.0 * row[2];
        row.iter_mut().for_each(|v| *v = 1024.0 * (*v + shift));
    }
    let set = rows(&task, 200, 4);
    let quantised = |layer: FloatLayer| {
        let model = FloatModel::new(vec![layer], None).unwrap();
        quantise(&model, &task, linear(), Some(&set)).unwrap().1.calibration.unwrap().changed
    };
    assert!(quantised(plain) <= 2);
    assert!(quantised(moved) <= 2);
}

#[test]
fn zero_and_constant_models_are_models() {
    let task = task(6, 5, 4);
    let zeros = |inputs: usize, outputs: usize| FloatLayer {
        inputs,
        outputs,
        weights: vec![0.0; inputs * outputs],
        biases: vec![0.0; outputs],
    };
    let mut constant = zeros(6, 4);
    constant.biases = vec![0.0, 1e-200, 3e200, 0.0];
    let set = rows(&task, 20, 4);
    for (layers, class, prediction) in [
        (vec![zeros(6, 4)], linear(), 0),
        (vec![zeros(6, 9), zeros(9, 4)], mlp(), 0),
        (vec![constant], linear(), 2),
    ] {
        let model = FloatModel::new(layers, None).unwrap();
        let (integer, report) = quantise(&model, &task, class, Some(&set)).unwrap();
        assert_eq!(integer.forward(set.row(3)).prediction(), prediction);
        assert_eq!(report.calibration.unwrap().changed, 0);
    }
}

#[test]
fn classes_in_another_order_are_mapped_by_name() {
    let mut task = task(6, 5, 3);
    task.classes = ["ham", "7", "spam"].map(str::to_owned).to_vec();
    let labelled = |labels: [&str; 3]| {
        FloatModel::new(vec![layer(1, 6, 3, 1.0)], Some(labels.map(str::to_owned).to_vec())).unwrap()
    };
    let straight = labelled(["ham", "7", "spam"]);
    let turned = labelled(["spam", "ham", "7.0"]);
    let x = [0.3, 0.1, -2.0, 0.4, 1.0, 0.0];
    let order = [2, 0, 1];
    assert_eq!(turned.for_task(&task).unwrap().predict(&x), order[straight.predict(&x)]);
    for other in [labelled(["spam", "ham", "eggs"]), labelled(["spam", "ham", "8"])] {
        assert!(matches!(other.for_task(&task), Err(FloatModelError::ClassNames { .. })));
    }
    let two = Task { classes: task.classes[..2].to_vec(), ..task };
    assert!(matches!(straight.for_task(&two), Err(FloatModelError::ClassNames { .. })));
}

#[test]
fn models_of_another_task_are_refused() {
    let model = linear_model(1, 1.0);
    let refused = |task: &Task| quantise(&model, task, linear(), None).unwrap_err();
    let features = FloatModelError::Features { expected: 7, got: 6 };
    assert_eq!(refused(&task(7, 5, 4)), QuantiseError::Model(features));
    let classes = FloatModelError::Classes { expected: 3, got: 4 };
    assert_eq!(refused(&task(6, 5, 3)), QuantiseError::Model(classes));
    let calibration = rows(&task(6, 4, 4), 10, 1);
    let e = quantise(&model, &task(6, 5, 4), linear(), Some(&calibration)).unwrap_err();
    assert_eq!(e, QuantiseError::Calibration);
}

#[test]
fn models_too_large_for_the_class_are_refused() {
    let e = quantise(&linear_model(1, 1.0), &task(6, 5, 4), mlp(), None).unwrap_err();
    assert!(matches!(e, QuantiseError::Fit(FitError::Family { .. })), "{e}");
    let size =
        |class: &SizeClass, bits| match quantise(&mlp_model(1, 1.0, 1.0), &task(6, bits, 4), class, None) {
            Err(QuantiseError::Fit(FitError::Size { what, expected, got, .. })) => {
                Some((what, expected, got))
            }
            _ => None,
        };
    assert_eq!(size(mlp(), 7), Some(("bits a feature", 6, 7)));
    assert_eq!(size(mlp(), 6), None);
    let wide = FloatModel::new(vec![layer(1, 6, 33, 1.0), layer(2, 33, 4, 1.0)], None).unwrap();
    let e = quantise(&wide, &task(6, 5, 4), mlp(), None).unwrap_err();
    assert_eq!(e.to_string(), "size class mlp-64-32-10: expected at most 32 hidden units, got 33");
}

#[test]
fn the_smallest_class_that_fits_is_chosen() {
    let all: Vec<ClassId> = CATALOGUE.iter().rev().map(|class| class.id).collect();
    let choose = |model: &FloatModel, task: &Task, offered: &[ClassId]| {
        choose_class(model, task, offered).map(|id| id.as_str()).map_err(|e| e.to_string())
    };
    assert_eq!(choose(&linear_model(1, 1.0), &task(6, 8, 4), &all), Ok("linear-64-10"));
    assert_eq!(choose(&mlp_model(1, 1.0, 1.0), &task(6, 5, 4), &all), Ok("mlp-64-32-10"));
    let binary = FloatModel::new(vec![layer(1, 6, 2, 1.0)], None).unwrap();
    assert_eq!(choose(&binary, &task(6, 8, 2), &all), Ok("linear-30-2"));
    let e = choose(&mlp_model(1, 1.0, 1.0), &task(6, 7, 4), &all).unwrap_err();
    assert!(e.contains("6-9-4") && e.contains("mlp-784-32-10: expected at most 5 bits"), "{e}");
    assert!(choose(&binary, &task(6, 8, 2), &[]).unwrap_err().contains("(none)"));
    let e = choose(&binary, &task(5, 8, 2), &all).unwrap_err();
    assert!(e.contains("expected a model of 5 features, got one of 6"), "{e}");
}

#[test]
fn weights_beyond_doubles_are_refused() {
    let mut huge = layer(1, 6, 4, 1.0);
    huge.weights.fill(f64::MAX);
    let model = FloatModel::new(vec![huge], None).unwrap();
    let mut task = task(6, 5, 4);
    task.features[0].step = 4.0;
    let e = quantise(&model, &task, linear(), None).unwrap_err();
    assert!(matches!(e, QuantiseError::NotFinite { layer: 0, .. }), "{e}");
    let nan = FloatLayer { weights: vec![f64::NAN; 24], ..layer(1, 6, 4, 1.0) };
    assert!(matches!(FloatModel::new(vec![nan], None), Err(FloatModelError::NotFinite { layer: 0, .. })));
}

#[test]
fn layers_that_are_no_model_are_refused() {
    assert!(matches!(FloatModel::new(vec![], None), Err(FloatModelError::Layers { got: 0 })));
    let apart = FloatModel::new(vec![layer(1, 6, 9, 1.0), layer(2, 8, 4, 1.0)], None);
    assert!(matches!(apart, Err(FloatModelError::Shape { layer: 1, inputs: 8, .. })));
    let mut short = layer(1, 6, 4, 1.0);
    short.weights.pop();
    assert!(matches!(FloatModel::new(vec![short], None), Err(FloatModelError::Shape { weights: 23, .. })));
    let single = FloatModel::new(vec![layer(1, 6, 1, 1.0)], None);
    assert!(matches!(single, Err(FloatModelError::Classes { expected: 2, got: 1 })));
}

/// Rows on which no hidden unit is more than faintly active. What decides there is the biases of the last layer, and
/// where those are small beside what active units give, integers cannot hold both.
fn faint(first: &FloatLayer, set: &TestSet, task: &Task) -> usize {
    let strongest = |i: usize| {
        let x = |k: usize| task.features[k].to_real(set.row(i)[k]);
        let z = |j: usize| {
            first.biases[j]
                + (0..first.inputs).map(|k| x(k) * first.weights[k * first.outputs + j]).sum::<f64>()
        };
        (0..first.outputs).map(z).fold(0.0, f64::max)
    };
    let all: Vec<f64> = (0..set.rows()).map(strongest).collect();
    let most = all.iter().copied().fold(0.0, f64::max);
    all.iter().filter(|z| **z < most / 128.0).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the size of its numbers: a finite model has an integer twin, which never overflows on the
    /// rows that it was calibrated on.
    #[test]
    fn a_sane_model_never_fails(seed in 0u64..1000, first in -30i32..30, last in -30i32..30) {
        let task = task(6, 5, 4);
        let set = rows(&task, 60, seed);
        let (first, last) = (10f64.powi(first), 10f64.powi(last));
        let (_, report) = quantise(&mlp_model(seed, first, last), &task, mlp(), Some(&set)).unwrap();
        let seen = report.calibration.unwrap();
        let faint = faint(&layer(seed, 6, 9, first), &set, &task);
        prop_assert!(seen.overflowed == 0 && seen.changed <= 3 + faint, "{} faint, {}", faint, report);
        let (_, report) = quantise(&linear_model(seed, first), &task, linear(), Some(&set)).unwrap();
        prop_assert!(report.calibration.unwrap().changed <= 3, "{}", report);
        prop_assert!(quantise(&mlp_model(seed, first, last), &task, mlp(), None).is_ok());
    }
}
