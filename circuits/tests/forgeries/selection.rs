//! Forgeries against labels and the selection of their logits.

use super::lab::{
    LINEAR, LINEAR_CLASS, Lab, WRONG, claim, count, ordered, settle, small, task, toy, toy_model,
};
use super::variant::{Cheat, Flaw};
use crate::gadgets::ConstraintId;
use crate::gadgets::linear::{coefficients, powers};
use crate::groth16::VerifyError;
use crate::model::{IntegerModel, Layer};
use crate::statement::{TestSet, TestSetError};
use crate::witness::{self, Assignment, RowValues};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

/// Adds `sigma` to all ordered logits of a row.
fn shift(row: &mut RowValues, sigma: Fr) {
    let c = Fr::from(row.logits.len() as u64);
    row.logits.iter_mut().for_each(|z| *z += sigma / c);
}

/// A right row of class `label`: its logit there is above all logits of the wrong rows.
fn hero(set: &TestSet, label: u16) -> usize {
    (0..set.rows()).find(|i| !WRONG.contains(i) && set.label(*i) == label).unwrap()
}

fn clear(values: &mut Assignment) {
    for row in &mut values.rows {
        row.selection.multiplicities.fill(Fr::ZERO);
    }
}

/// Attack: with a constant in place of y, a shift of a row's logits carries into the key, and every row
/// selects from whichever row suits it. Guard: keys are separated by y, drawn after the logits are committed.
#[test]
fn labels_carry_where_key_and_value_are_packed_with_a_constant() {
    const KEY: u64 = 1 << 40;
    let lab = &*LINEAR;
    let (_, set, claim, mut values) = toy(lab);
    let step = Fr::from(KEY) * Fr::from(lab.class.classes as u64 + 1);
    let powers = powers(Fr::from(lab.bounds.row_packing.base), lab.class.rows);
    // Shifts that make the keys of all rows the same, plus what makes the packed shifts cancel.
    let carry: Vec<Fr> = (0..lab.class.rows as u64).map(|i| -step * Fr::from(i)).collect();
    let packed: Fr = carry.iter().zip(&powers).map(|(c, p)| *c * p).sum();
    let common = -packed / powers.iter().sum::<Fr>();
    let plain: Vec<Vec<Fr>> = values.rows.iter().map(ordered).collect();
    clear(&mut values);
    for (i, carry) in carry.iter().enumerate() {
        let label = usize::from(set.label(i));
        let from = hero(&set, set.label(i));
        values.rows[from].selection.multiplicities[label] += Fr::ONE;
        let row = &mut values.rows[i];
        shift(row, common + carry);
        row.ok = true;
        row.selection.selected = plain[from][label] + common + carry;
        settle(&lab.class, &lab.bounds, row);
    }
    let flawed = Lab::flawed(&lab.circuit, Flaw::ConstantKey(KEY));
    flawed.accepts(&Cheat::from(&values), &values.limbs, &flawed.score_rules(&set, &claim));
    lab.refuses(&values, &set, &claim, &[ConstraintId::SelectSum]);
}

/// Attack: with y = X, key k and value v meet in the pole `v/(1-k)`, so an entry of another key is selected
/// by a scaled value. Guard: y and X are independent outputs of the transcript.
#[test]
fn scaled_values_are_selected_where_y_equals_x() {
    let lab = &*LINEAR;
    let (_, set, claim, mut values) = toy(lab);
    let powers = powers(Fr::from(lab.bounds.row_packing.base), lab.class.rows);
    let mut packed = Fr::ZERO;
    for i in WRONG {
        let (row, label) = (&mut values.rows[i], usize::from(set.label(i)));
        let z = ordered(row);
        let top = z.iter().map(|z| small(*z).unwrap()).max().unwrap();
        let target = witness::fr(top + 1);
        // Query key q, entry key k of the same row: s = (z'_k + sigma)(1 - q)/(1 - k).
        let other = (label + 1) % 3;
        let one_minus = |o: usize| Fr::ONE - Fr::from((4 * i + o) as u64);
        let ratio = one_minus(label) / one_minus(other);
        let sigma = (target - z[other] * ratio) / (ratio - Fr::ONE);
        shift(row, sigma);
        packed += powers[i] * sigma;
        row.ok = true;
        row.selection.selected = target + sigma;
        row.selection.multiplicities.fill(Fr::ZERO);
        row.selection.multiplicities[other] = ratio.inverse().unwrap();
        settle(&lab.class, &lab.bounds, row);
    }
    // A right row takes the shift that makes all of them cancel.
    let right = hero(&set, 0);
    shift(&mut values.rows[right], -packed / powers[right]);
    count(&lab.class, &lab.bounds, &mut values.rows[right], set.label(right));
    let flawed = Lab::flawed(&lab.circuit, Flaw::SameChallenge);
    flawed.accepts(&Cheat::from(&values), &values.limbs, &flawed.score_rules(&set, &claim));
    lab.refuses(&values, &set, &claim, &[ConstraintId::SelectSum]);
}

/// Attack: two labels in one fingerprint element let a cheater move c + 1 from one to the other, and select
/// from the next row. Guard: one Horner step a row.
#[test]
fn amounts_move_between_labels_that_share_an_element() {
    let lab = &*LINEAR;
    let model = toy_model(&lab.class);
    // Rows 2p, 2p + 1 for p < 3: the first predicts 2 and has label 0, the second predicts 0 strongly and has
    // label 1. The others are right.
    let mut x = vec![1u16; 48];
    let mut labels = vec![0u16; 12];
    for p in 0..6 {
        x[8 * p + 2] = 5;
        x[8 * p + 4] = 7;
        (labels[2 * p], labels[2 * p + 1]) = if p < 3 { (0, 1) } else { (2, 0) };
    }
    let set = TestSet::new(task(4, 3, 3), x, labels).unwrap();
    assert_eq!(model.accuracy(&set).unwrap().correct, 6, "honest: 6 of 12");
    let claim = claim(&lab.class, &set, 12);
    let mut values = witness::score(&model, &lab.bounds, &set, &claim.chunk, 6);
    for pair in values.rows[..6].chunks_mut(2) {
        // (0, 1) and (4, 0) are the same element 0 + 4 * 1 = 4 + 4 * 0; key 4 is the next row's option 0.
        let selected = ordered(&pair[1])[0];
        for (row, label) in pair.iter_mut().zip([4u64, 0]) {
            row.ok = true;
            row.selection.label = Fr::from(label);
            row.selection.selected = selected;
            row.selection.multiplicities.fill(Fr::ZERO);
            settle(&lab.class, &lab.bounds, row);
        }
        pair[1].selection.multiplicities[0] = Fr::from(2u64);
    }
    let flawed = Lab::flawed(&lab.circuit, Flaw::PackedLabels(2));
    let rules = flawed.score_rules(&set, &claim).adjusted(|inputs| {
        let packed = coefficients(inputs.challenges.rho, Fr::from(4u64), 2, 12);
        inputs.labels = packed.iter().enumerate().map(|(i, k)| Fr::from(set.label(i)) * k).sum();
    });
    flawed.accepts(&Cheat::from(&values), &values.limbs, &rules);
    lab.refuses(&values, &set, &claim, &[ConstraintId::LabelBinding]);
}

/// Attack: a host plants labels above c, whose keys are those of later rows. Guard: every verifier refuses a
/// label that is no class, in a test set from anywhere.
#[test]
fn planted_labels_select_from_other_rows() {
    let lab = &*LINEAR;
    let (_, set, claim, mut values) = toy(lab);
    let mut planted: Vec<u16> = (0..12).map(|i| set.label(i)).collect();
    for i in WRONG {
        let (from, class) =
            (i + 1..12).find(|h| !WRONG.contains(h)).map(|h| (h, usize::from(set.label(h)))).unwrap();
        planted[i] = (4 * (from - i) + class) as u16;
        let selected = ordered(&values.rows[from])[class];
        values.rows[from].selection.multiplicities[class] += Fr::ONE;
        let row = &mut values.rows[i];
        row.ok = true;
        row.selection.label = Fr::from(planted[i]);
        row.selection.selected = selected;
        row.selection.multiplicities.fill(Fr::ZERO);
        settle(&lab.class, &lab.bounds, row);
    }
    let rules = lab.score_rules(&set, &claim).adjusted(|inputs| {
        let powers = powers(inputs.challenges.rho, 12);
        inputs.labels = powers.iter().zip(&planted).map(|(power, label)| Fr::from(*label) * power).sum();
    });
    lab.accepts(&values, &values.limbs, &rules);
    let x: Vec<u16> = (0..12).flat_map(|i| set.row(i).to_vec()).collect();
    let refused = TestSet::new(set.task().clone(), x, planted.clone());
    assert_eq!(refused, Err(TestSetError::Label { row: 1, expected: 3, got: planted[1] }));
    // The same from bytes: the labels are the last 12.
    let mut bytes = set.to_bytes().unwrap();
    let at = bytes.windows(12).position(|w| w.iter().zip(0..).all(|(b, i)| u16::from(*b) == set.label(i)));
    bytes[at.unwrap() + 1] = planted[1] as u8;
    assert_eq!(TestSet::from_bytes(&bytes), refused);
    lab.refuses(&values, &set, &claim, &[ConstraintId::LabelBinding]);
}

/// Attack: if padding rows carry the competition's class count instead of the key's, they select the logit of
/// a padded class, and a model that prefers it lets padding count. Guard: the padding label is c of the key,
/// whose entry lies one below class 0.
#[test]
fn padding_counts_where_its_label_is_the_competitions_class_count() {
    let lab = &*LINEAR;
    let mut weights = vec![0; 12];
    (weights[0], weights[4]) = (4, 4);
    // Class 2 is no class of the competition, and wins where all features are 0.
    let layer = Layer { inputs: 4, outputs: 3, weights, biases: vec![0, 0, 1] };
    let model = IntegerModel::new(&LINEAR_CLASS, &[layer]).unwrap();
    let x = [[5, 0, 0, 0], [0, 5, 0, 0]].concat().repeat(3);
    let set = TestSet::new(task(4, 3, 2), x, vec![0, 1, 1, 0, 1, 0]).unwrap();
    assert_eq!(model.accuracy(&set).unwrap().correct, 2, "honest: 2 of 6");
    let claim = claim(&lab.class, &set, 6);
    let mut values = witness::score(&model, &lab.bounds, &set, &claim.chunk, 2);
    for row in &mut values.rows[6..] {
        row.selection.label = Fr::from(2u64);
        row.selection.multiplicities = vec![Fr::ZERO, Fr::ZERO, Fr::ONE, Fr::ZERO];
        row.selection.selected = ordered(row)[2];
        settle(&lab.class, &lab.bounds, row);
    }
    for row in &mut values.rows[6..10] {
        count(&lab.class, &lab.bounds, row, 2);
    }
    let rules = lab.score_rules(&set, &claim).adjusted(|inputs| {
        inputs.labels -= powers(inputs.challenges.rho, 12)[6..].iter().sum::<Fr>();
    });
    lab.accepts(&values, &values.limbs, &rules);
    lab.refuses(&values, &set, &claim, &[ConstraintId::LabelBinding]);
    // With the label of padding, a padding row that counts leaves the range.
    let mut values = witness::score(&model, &lab.bounds, &set, &claim.chunk, 2);
    for row in &mut values.rows[6..10] {
        row.ok = true;
        settle(&lab.class, &lab.bounds, row);
    }
    lab.refuses(&values, &set, &claim, &[ConstraintId::RangeSum]);
}

/// Attack: labels are set to what the model predicts. Guard: the label column is bound to the public
/// fingerprint.
#[test]
fn a_lying_label_column_verifies_where_labels_are_not_bound() {
    let lab = &*LINEAR;
    let (model, set, claim, mut values) = toy(lab);
    for i in WRONG {
        let predicted = model.forward(set.row(i)).prediction() as u16;
        let row = &mut values.rows[i];
        row.selection.label = Fr::from(predicted);
        row.selection.multiplicities.fill(Fr::ZERO);
        row.selection.multiplicities[usize::from(predicted)] = Fr::ONE;
        count(&lab.class, &lab.bounds, row, predicted);
    }
    let flawed = Lab::flawed(&lab.circuit, Flaw::FreeLabels);
    flawed.accepts(&Cheat::from(&values), &values.limbs, &flawed.score_rules(&set, &claim));
    lab.refuses(&values, &set, &claim, &[ConstraintId::LabelBinding]);
}

/// A wrong row that simply claims to be right: its margins leave the range.
#[test]
fn a_wrong_row_cannot_count() {
    for lab in [&*LINEAR, &*super::lab::MLP] {
        let (_, set, claim, mut values) = toy(lab);
        for i in WRONG {
            values.rows[i].ok = true;
            settle(&lab.class, &lab.bounds, &mut values.rows[i]);
        }
        lab.refuses(&values, &set, &claim, &[ConstraintId::RangeSum]);
        let honest = toy(lab).3;
        lab.refuses(&honest, &set, &claim, &[ConstraintId::Count]);
        let more = super::lab::claim(&lab.class, &set, 13);
        let rules = lab.score_rules(&set, &more);
        let (commitment, proof) = lab.prove(&honest, &honest.limbs, &rules);
        assert_eq!(
            lab.verify_score(&set, &more, &commitment, &proof),
            Err(VerifyError::Claim { what: "most right rows of the chunk", expected: 12, got: 13 })
        );
    }
}
