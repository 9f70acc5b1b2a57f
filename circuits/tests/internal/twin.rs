//! The circuit is satisfied exactly by what the native twin computes, on random and extreme inputs.

use super::support::*;
use crate::gadgets::ConstraintId;
use crate::groth16::internal::matrix_hash;
use crate::model::{Bounds, IntegerModel, Layer, SizeClass};
use crate::statement::TestSet;

#[test]
fn every_claim_up_to_the_reach_is_satisfied_and_none_beyond() {
    for class in tiny() {
        for seed in 0..6 {
            let case = Case::new(&class, 100 * seed);
            for claim in 0..=case.reach {
                let assigned = case.score(&case.score_values(claim), claim);
                assert_eq!(violated(&case.circuit, &assigned), None, "claim {claim} of {}", case.reach);
            }
            let more = case.reach + 1;
            let assigned = case.score(&case.score_values(more), more);
            assert_eq!(violated(&case.circuit, &assigned), Some(ConstraintId::Count));
        }
    }
}

#[test]
fn a_model_proof_is_satisfied() {
    for class in tiny() {
        let case = Case::new(&class, 5);
        assert_eq!(violated(&case.circuit, &case.prove_model(&case.model_values())), None);
    }
}

/// Setup, scores and model proofs have the same matrices: one key serves all three.
#[test]
fn matrices_do_not_depend_on_values_or_mode() {
    for class in tiny() {
        let case = Case::new(&class, 5);
        let setup = crate::groth16::shape(&class).unwrap().matrix_hash;
        assert_eq!(matrix_hash(&case.score(&case.score_values(1), 1).matrices), setup);
        assert_eq!(matrix_hash(&case.prove_model(&case.model_values()).matrices), setup);
    }
}

fn constant_model(class: &SizeClass, first: i32, last: i32, bias: i64) -> Option<IntegerModel> {
    let shapes = class.layer_shapes();
    let layers: Vec<Layer> = shapes
        .iter()
        .enumerate()
        .map(|(index, &(inputs, outputs))| {
            let weight = if index + 1 == shapes.len() { last } else { first };
            Layer { inputs, outputs, weights: vec![weight; inputs * outputs], biases: vec![bias; outputs] }
        })
        .collect();
    IntegerModel::new(class, &layers).ok()
}

/// Weights and biases at their ends, rows of zeros and of the largest value: overflowing rows count as wrong,
/// ties go to class 0, and every row can still be proved.
#[test]
fn extreme_models_and_rows_are_satisfied() {
    for class in tiny() {
        let bounds = Bounds::of(&class).unwrap();
        let t = class.table_bits;
        let (min, max) = (bounds.weight.min() as i32, bounds.weight.honest_max(t) as i32);
        let mut seen = 0;
        for first in [min, -1, 0, 1, max] {
            for last in [min, 0, max] {
                for bias in [bounds.hidden_bias.min(), 0, bounds.hidden_bias.honest_max(t)] {
                    let Some(model) = constant_model(&class, first, last, bias) else { continue };
                    let rows = class.rows - 1;
                    let x = (0..rows * class.features).map(|i| if i % 2 == 0 { class.x_max() } else { 0 });
                    let labels = (0..rows).map(|i| (i % class.classes) as u16).collect();
                    let set = TestSet::new(task(&class), x.collect(), labels).unwrap();
                    let case = Case::with(model, set);
                    let assigned = case.score(&case.score_values(case.reach), case.reach);
                    assert_eq!(violated(&case.circuit, &assigned), None, "{first} {last} {bias}");
                    let assigned = case.prove_model(&case.model_values());
                    assert_eq!(violated(&case.circuit, &assigned), None, "{first} {last} {bias}");
                    seen += 1;
                }
            }
        }
        assert!(seen >= 15, "only {seen} extreme models were proved");
    }
}

/// An all-zero model predicts class 0 everywhere: it scores the rows of class 0 and no others.
#[test]
fn a_zero_model_scores_class_zero_only() {
    for class in tiny() {
        let model = constant_model(&class, 0, 0, 0).unwrap();
        let labels: Vec<u16> = vec![0, 1, 2, 0, 1];
        let set = TestSet::new(task(&class), vec![1; 5 * class.features], labels).unwrap();
        let case = Case::with(model, set);
        assert_eq!(case.reach, 2);
        assert_eq!(violated(&case.circuit, &case.score(&case.score_values(2), 2)), None);
    }
}

/// Smaller models and test sets are padded in: padded classes are never predicted, padded rows never count.
#[test]
fn smaller_models_are_padded_in() {
    for class in tiny() {
        let shapes = class.layer_shapes();
        let small: Vec<Layer> = shapes
            .iter()
            .enumerate()
            .map(|(index, _)| {
                let inputs = 2;
                let outputs = 2;
                let weights = if index == 0 { vec![3, -3, -2, 2] } else { vec![1, 0, 0, 1] };
                Layer { inputs, outputs, weights, biases: vec![-5, -7] }
            })
            .collect();
        let model = IntegerModel::new(&class, &small).unwrap();
        let mut task = task(&class);
        task.features.truncate(2);
        task.classes.truncate(2);
        let x = vec![0, 0, 7, 0, 0, 7, 7, 7];
        let labels = x.chunks(2).map(|row| model.forward(row).prediction() as u16).collect();
        let set = TestSet::new(task, x, labels).unwrap();
        let case = Case::with(model, set);
        assert_eq!(case.reach, 4);
        assert_eq!(violated(&case.circuit, &case.score(&case.score_values(4), 4)), None);
    }
}
