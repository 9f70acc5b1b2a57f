//! Random models and test sets that fit a size class.
#![allow(dead_code, missing_docs, clippy::unwrap_used)] // helpers of tests, each file uses some

use circuits::model::{Bounds, Layer};
use circuits::statement::{Chunk, Competitor, Feature, Scope, ScoreClaim};
use circuits::{IntegerModel, SizeClass, Task, TestSet};
use rand::{Rng, SeedableRng, rngs::StdRng};

pub const SECRET: [u8; 32] = [7; 32];

pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

pub fn scope() -> Scope {
    Scope { competition: [1; 32], competitor: Competitor::Node([2; 32]) }
}

/// A random model whose hidden units mostly stay in range.
pub fn model(class: &SizeClass, seed: u64) -> IntegerModel {
    let mut rng = rng(seed);
    let bounds = Bounds::of(class).unwrap();
    let shapes = class.layer_shapes();
    let mut scale = 1 << (class.table_bits - 1);
    loop {
        let layers: Vec<Layer> = shapes
            .iter()
            .enumerate()
            .map(|(index, &(inputs, outputs))| {
                let first_of_two = shapes.len() == 2 && index == 0;
                let reach = i64::from(class.x_max()) * (inputs as f64).sqrt() as i64;
                let top = if first_of_two { (bounds.hidden_max / reach).max(1) as i32 } else { scale };
                Layer {
                    inputs,
                    outputs,
                    weights: (0..inputs * outputs).map(|_| rng.gen_range(-top..top)).collect(),
                    biases: (0..outputs).map(|_| rng.gen_range(-100..100)).collect(),
                }
            })
            .collect();
        if let Ok(model) = IntegerModel::new(class, &layers) {
            return model;
        }
        scale /= 2;
        assert!(scale > 0, "no scale fits {:?}", class.id);
    }
}

/// A random test set; two thirds of the labels are what the model predicts.
pub fn test_set(model: &IntegerModel, rows: usize, seed: u64) -> TestSet {
    let mut rng = rng(seed);
    let class = model.class();
    let task = Task {
        features: (0..class.features)
            .map(|i| Feature { name: format!("f{i}"), offset: 0.0, step: 1.0 })
            .collect(),
        feature_bits: class.feature_bits as u8,
        classes: (0..class.classes).map(|i| format!("c{i}")).collect(),
    };
    let x: Vec<u16> = (0..rows * class.features).map(|_| rng.gen_range(0..=class.x_max())).collect();
    let labels = x
        .chunks(class.features)
        .map(|row| {
            if rng.gen_range(0..3) < 2 {
                model.forward(row).prediction() as u16
            } else {
                rng.gen_range(0..class.classes as u16)
            }
        })
        .collect();
    TestSet::new(task, x, labels).unwrap()
}

pub fn claim(set: &TestSet, class: &SizeClass, index: usize, correct: u64) -> ScoreClaim {
    ScoreClaim {
        scope: scope(),
        entry: [3; 32],
        roster: [4; 32],
        chunk: Chunk::all(set.rows(), class)[index],
        rows: set.rows() as u64,
        correct,
    }
}
