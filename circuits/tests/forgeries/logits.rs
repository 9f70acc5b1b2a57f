//! Forgeries against the binding of the logits.

use super::lab::{LINEAR, Lab, MLP, WRONG, claim, count, lift, task, toy};
use super::variant::{Cheat, Flaw};
use crate::circuit::Circuit;
use crate::gadgets::ConstraintId;
use crate::gadgets::linear::powers;
use crate::model::{Bounds, BoundsError, IntegerModel, Layer, SizeClass};
use crate::statement::TestSet;
use crate::witness;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

/// Attack: with packed outputs, a common shift of a row's logits (which no margin sees) cancels whatever was
/// added to its columns. Guard: logits are packed by rows, one class at a time.
#[test]
fn shifted_logits_verify_where_outputs_are_packed() {
    let lab = &*MLP;
    let (_, set, claim, mut values) = toy(lab);
    let powers = powers(Fr::from(lab.bounds.row_packing.base), lab.class.classes);
    for i in WRONG {
        let (row, label) = (&mut values.rows[i], set.label(i));
        let wanted = lift(row, label);
        let packed: Fr = wanted.iter().zip(&powers).map(|(d, p)| *d * p).sum();
        let shift = -packed / powers.iter().sum::<Fr>();
        row.logits.iter_mut().zip(&wanted).for_each(|(z, d)| *z += *d + shift);
        count(&lab.class, &lab.bounds, row, label);
    }
    let flawed = Lab::flawed(&lab.circuit, Flaw::PackedLogits);
    flawed.accepts(&Cheat::from(&values), &values.limbs, &flawed.score_rules(&set, &claim));
    lab.refuses(&values, &set, &claim, &[ConstraintId::RowBinding]);
}

/// Attack: with a slack in the row-packed layer, one row that does not count absorbs the errors of its whole
/// block. Guard: slack exists only where each row is bound by itself.
#[test]
fn one_uncounted_row_absorbs_its_block_where_packed_rows_have_slack() {
    let lab = &*LINEAR;
    let (_, set, _, mut values) = toy(lab);
    let claim = claim(&lab.class, &set, 11);
    let powers = powers(Fr::from(lab.bounds.row_packing.base), lab.class.rows);
    let mut errors = vec![Fr::ZERO; lab.class.classes];
    let [absorber, others @ ..] = WRONG;
    for i in others {
        let (row, label) = (&mut values.rows[i], set.label(i));
        let wanted = lift(row, label);
        for ((z, error), d) in row.logits.iter_mut().zip(&mut errors).zip(wanted) {
            *z += d;
            *error += powers[i] * d;
        }
        count(&lab.class, &lab.bounds, row, label);
    }
    let mut extra = vec![Fr::ZERO; lab.class.rows * lab.class.classes];
    for (j, error) in errors.iter().enumerate() {
        extra[absorber * lab.class.classes + j] = -*error / powers[absorber];
    }
    let flawed = Lab::flawed(&lab.circuit, Flaw::RowSlack);
    let cheat = Cheat { base: values.clone(), extra };
    flawed.accepts(&cheat, &values.limbs, &flawed.score_rules(&set, &claim));
    lab.refuses(&values, &set, &claim, &[ConstraintId::RowBinding]);
}

/// A class that is loose enough for the small base to hold an honest model: 2 features up to 1.
fn fractional_class() -> SizeClass {
    SizeClass { features: 2, feature_bits: 1, ..super::lab::LINEAR_CLASS }
}

/// Attack: logits `z = k/c mod r` give integer margins, so errors come in thirds: with a base that bounds E
/// instead of c E, +B/3 in one row cancels -1/3 in the next. Guard: the base is in units of c E, and
/// [`Bounds::check`] refuses a smaller one.
#[test]
fn fractional_logits_verify_where_the_base_bounds_whole_errors() {
    let class = fractional_class();
    let lab = Lab::production(&class);
    // Always class 1 (before class 2, which ties); labels alternate between 0 and 1.
    let layer = Layer { inputs: 2, outputs: 3, weights: vec![0; 6], biases: vec![0, 600, 600] };
    let model = IntegerModel::new(&class, &[layer]).unwrap();
    let labels = (0..12).map(|i| i % 2).collect();
    let set = TestSet::new(task(2, 1, 3), (0..24).map(|i| i / 3 % 2).collect(), labels).unwrap();
    assert_eq!(model.accuracy(&set).unwrap().correct, 6, "honest: 6 of 12");
    let claim = claim(&class, &set, 12);

    let mut bounds = Bounds::of(&class).unwrap();
    // (2^lT - 1) / c + 2 max|z| + 1, as if errors were whole.
    let whole = (4096 - 1) / 3 + 2 * (2 * 32 + 2048) + 1;
    bounds.row_packing.base = whole;
    bounds.row_packing.terms = 12;
    assert!(
        matches!(bounds.check(&class), Err(BoundsError::BaseTooSmall { got, .. }) if got == whole),
        "the static analysis refuses this base"
    );
    let flawed_circuit = Circuit { class, bounds };
    let flawed = Lab::new(flawed_circuit, flawed_circuit);

    let mut values = witness::score(&model, &bounds, &set, &claim.chunk, 6);
    let third = Fr::from(3u64).inverse().unwrap();
    for pair in values.rows.chunks_mut(2) {
        pair[0].logits[0] += Fr::from(whole) * third;
        pair[1].logits[0] -= third;
        count(&class, &bounds, &mut pair[0], 0);
        count(&class, &bounds, &mut pair[1], 1);
    }
    flawed.accepts(&values, &values.limbs, &flawed.score_rules(&set, &claim));
    lab.refuses(&values, &set, &claim, &[ConstraintId::RowBinding]);
}
