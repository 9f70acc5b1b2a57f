//! Forgeries against the weights: their ranges, their commitment, and the mode bit.

use super::lab::{
    LINEAR, LINEAR_CLASS, Lab, MLP, MLP_CLASS, WRONG, claim, count, lift, scope, settle, task, toy,
    toy_model, toy_set,
};
use super::variant::{Cheat, Flaw};
use crate::circuit::Circuit;
use crate::gadgets::ConstraintId;
use crate::gadgets::linear::powers;
use crate::groth16::VerifyError;
use crate::model::{Bounds, BoundsError, IntegerModel, Layer, SizeClass};
use crate::statement::TestSet;
use crate::witness::{self, fr};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use rand::Rng;

/// A linear class with more limbs than slots that serve another purpose: 30 and 24.
const WIDE_CLASS: SizeClass = SizeClass { features: 8, ..LINEAR_CLASS };

/// Attack: if limbs without a slot are silently left out of the mode rows, the last ones (the logit biases)
/// may be anything, and one bias a class absorbs the errors of a whole block. Guard: an error if slots run
/// out, and extra slots so that they do not.
#[test]
fn out_of_range_weights_verify_where_slots_are_zipped() {
    let lab = Lab::production(&WIDE_CLASS);
    let (model, set, claim, mut values) = toy(&lab);
    let powers = powers(Fr::from(lab.bounds.row_packing.base), 12);
    let sum: Fr = powers.iter().sum();
    let mut errors = vec![Fr::ZERO; 3];
    for i in WRONG {
        let (row, label) = (&mut values.rows[i], set.label(i));
        let wanted = lift(row, label);
        for ((z, error), d) in row.logits.iter_mut().zip(&mut errors).zip(wanted) {
            *z += d;
            *error += powers[i] * d;
        }
        count(&lab.class, &lab.bounds, row, label);
    }
    let mut stolen = witness::model(&model, &lab.bounds, &lab.circuit.limb_shifts());
    for (j, error) in errors.iter().enumerate() {
        // Limbs 24, 26, 28 are the low limbs of the three biases.
        values.limbs[24 + 2 * j] += *error / sum;
        stolen.limbs[24 + 2 * j] = values.limbs[24 + 2 * j];
    }
    let flawed = Lab::flawed(&lab.circuit, Flaw::ZippedSlots);
    let (dw, _) = flawed.accepts(&Cheat::from(&stolen), &stolen.limbs, &flawed.model_rules(&scope()));
    let (same, _) = flawed.accepts(&Cheat::from(&values), &values.limbs, &flawed.score_rules(&set, &claim));
    assert_eq!(dw, same, "the score is about the commitment of the model proof");

    // In production the limb either differs from its slot or the slot leaves the table.
    let rules = lab.model_rules(&scope());
    assert_eq!(lab.violations(&stolen, &stolen.limbs, &rules), [ConstraintId::Mode]);
    let (dw, proof) = lab.prove(&stolen, &stolen.limbs, &rules);
    assert_eq!(lab.verify(&rules, &dw, &proof), Err(VerifyError::Invalid));
    for j in 0..3 {
        stolen.extra_slots[2 * j] = stolen.limbs[24 + 2 * j];
    }
    assert_eq!(lab.violations(&stolen, &stolen.limbs, &rules), [ConstraintId::RangeSum]);
    let (dw, proof) = lab.prove(&stolen, &stolen.limbs, &rules);
    assert_eq!(lab.verify(&rules, &dw, &proof), Err(VerifyError::Invalid));
    // Without a model proof the score alone would verify: this is why no score is believed without one.
    lab.accepts(&values, &values.limbs, &lab.score_rules(&set, &claim));
}

/// Every single limb out of range, negative or fractional, is refused by the model proof, except the one
/// fraction that a shifted look-up admits and that the interval analysis counts.
#[test]
fn every_limb_out_of_range_is_refused() {
    for lab in [&*LINEAR, &*MLP] {
        let shifts = lab.circuit.limb_shifts();
        let honest = witness::model(&toy_model(&lab.class), &lab.bounds, &shifts);
        let rules = lab.model_rules(&scope());
        for (k, &shift) in shifts.iter().enumerate() {
            let half = Fr::from(2u64).inverse().unwrap();
            for (limb, fits) in
                [(Fr::from(64u64 >> shift), false), (-Fr::ONE, false), (half, shift > 0), (Fr::ZERO, true)]
            {
                let mut values = honest.clone();
                values.limbs[k] = limb;
                // Any limb but that of its slot leaves the slot's row.
                let moved = limb != honest.limbs[k];
                let kept = lab.violations(&values, &values.limbs, &rules);
                assert_eq!(kept == [ConstraintId::Mode], moved, "limb {k}: {kept:?}");
                let (hidden, high) = (lab.class.hidden(), lab.class.classes - 1);
                let slot = limb * Fr::from(1u64 << shift);
                if k < 12 * hidden {
                    values.rows[k / hidden].hidden[k % hidden].1 = slot;
                } else {
                    let at = k - 12 * hidden;
                    let row = &mut values.rows[at / high];
                    row.high[1 + at % high] = vec![slot];
                    // The margin follows its high limb, as it does in an honest model proof.
                    let margin = slot * Fr::from(64u64);
                    let ordered = fr(lab.bounds.big - 1) - margin;
                    let rank = Fr::from((1 - at % high) as u64);
                    row.logits[1 + at % high] = (ordered - rank) / Fr::from(3u64);
                }
                let violated = lab.violations(&values, &values.limbs, &rules);
                assert_eq!(violated.is_empty(), fits, "limb {k}: {violated:?}");
                assert!(fits || violated == [ConstraintId::RangeSum], "limb {k}: {violated:?}");
            }
        }
    }
}

/// Attack: the high limb of a hidden bias is a fraction, so the bias reaches 9 * 2^T - 17; with 2^(T+3) in
/// the base of the packed outputs, an error of -B in one unit cancels +1 in the next. Guard: the base counts
/// what the look-ups admit, and [`Bounds::check`] refuses a smaller one.
#[test]
fn a_fractional_high_limb_verifies_where_the_base_is_too_small() {
    let class = SizeClass { feature_bits: 2, ..MLP_CLASS };
    let lab = Lab::production(&class);
    let mut bounds = Bounds::of(&class).unwrap();
    let small_base = 63 + 4 * 3 * 32 + (1 << 9) + 1;
    bounds.output_packing.as_mut().unwrap().base = small_base;
    assert!(matches!(bounds.check(&class), Err(BoundsError::BaseTooSmall { got, .. }) if got == small_base));
    let flawed_circuit = Circuit { class, bounds };
    let flawed = Lab::new(flawed_circuit, flawed_circuit);

    // Unit 0 of every row is far above 2^T: by the integer semantics all rows overflow and count as wrong.
    let mut layers = toy_model(&class).layers().to_vec();
    (0..4).for_each(|k| layers[0].weights[3 * k] = 31);
    layers[0].biases[0] = bounds.hidden_bias.honest_max(6);
    let model = IntegerModel::new(&class, &layers).unwrap();
    let x: Vec<u16> = (0..48).map(|at| 3 - u16::from(at % 4 == (at / 4) % 5)).collect();
    let shown = |x: &[u16]| {
        let top = 9 * 64 - 17;
        let truth = x.iter().map(|&v| 31 * i64::from(v)).sum::<i64>() + top;
        truth - small_base as i64
    };
    // What the cheater's hidden units say: B less in unit 0, one more in unit 1.
    let claimed = |x: &[u16]| {
        let z = model.forward(x).hidden;
        [shown(x), z[1] + 1, z[2]]
    };
    let logits = |x: &[u16]| -> Vec<i64> {
        let a = claimed(x).map(|z| z.max(0));
        (0..3)
            .map(|j| (0..3).map(|k| a[k] * i64::from(layers[1].weights[3 * k + j])).sum::<i64>() + 1)
            .collect()
    };
    let labels = x.chunks(4).map(|x| {
        let z = logits(x);
        (0..3u16).rev().max_by_key(|&j| z[usize::from(j)]).unwrap()
    });
    let set = TestSet::new(task(4, 2, 3), x.clone(), labels.collect()).unwrap();
    assert_eq!(model.accuracy(&set).unwrap().correct, 0, "honest: 0 of 12");
    assert_eq!(model.accuracy(&set).unwrap().overflowed, 12);
    let claim = claim(&class, &set, 12);

    // Limb 13 is the high limb of the first hidden bias: 63/4 instead of 15.
    let fraction = Fr::from(63u64) / Fr::from(4u64);
    let mut entered = witness::model(&model, &bounds, &flawed.circuit.limb_shifts());
    assert_eq!(entered.limbs[13], Fr::from(15u64));
    entered.limbs[13] = fraction;
    entered.rows[4].hidden[1].1 = Fr::from(63u64);
    flawed.accepts(&entered, &entered.limbs, &flawed.model_rules(&scope()));

    let mut values = witness::score(&model, &bounds, &set, &claim.chunk, 0);
    values.limbs[13] = fraction;
    for (i, row) in values.rows.iter_mut().enumerate() {
        let z = claimed(set.row(i));
        assert!(z.iter().all(|z| z.abs() < 64));
        row.hidden = z.iter().map(|&z| (fr(z.max(0).into()), fr(z.abs().into()))).collect();
        row.slack.fill(Fr::ZERO);
        row.logits = logits(set.row(i)).into_iter().map(|z| fr(z.into())).collect();
        count(&class, &bounds, row, set.label(i));
    }
    flawed.accepts(&values, &values.limbs, &flawed.score_rules(&set, &claim));
    // The production base counts the fraction: the model proof holds, the score does not.
    lab.accepts(&entered, &entered.limbs, &lab.model_rules(&scope()));
    lab.refuses(&values, &set, &claim, &[ConstraintId::OutputBinding]);
}

/// Two random linear models that agree on 7 of 12 rows; the labels are what the second predicts.
fn two_models(lab: &Lab<Circuit>) -> (IntegerModel, IntegerModel, TestSet) {
    let mut rng = super::lab::rng(5);
    let mut draw = || {
        let weights = (0..12).map(|_| rng.gen_range(-8..8)).collect();
        let layer = Layer { inputs: 4, outputs: 3, weights, biases: vec![0; 3] };
        IntegerModel::new(&lab.class, &[layer]).unwrap()
    };
    let x: Vec<u16> = (0..12).flat_map(|i| toy_set(&lab.class).row(i).to_vec()).collect();
    loop {
        let (entered, swapped) = (draw(), draw());
        let labels = x.chunks(4).map(|x| swapped.forward(x).prediction() as u16).collect();
        let set = TestSet::new(task(4, 3, 3), x.clone(), labels).unwrap();
        if entered.accuracy(&set).unwrap().correct == 7 {
            return (entered, swapped, set);
        }
    }
}

/// Attack: the weights that compute are other wires than those under `D_w`, so the model is exchanged after
/// the test set is known (as in ZEN's accuracy circuit). Guard: they are the same wires.
#[test]
fn another_model_computes_where_weights_are_committed_twice() {
    let lab = &*LINEAR;
    let (entered, swapped, set) = two_models(lab);
    assert_eq!(swapped.accuracy(&set).unwrap().correct, 12, "entered: 7 of 12, exchanged: 12");
    let claim = claim(&lab.class, &set, 12);
    let mut values = witness::score(&swapped, &lab.bounds, &set, &claim.chunk, 12);
    let computing = std::mem::replace(&mut values.limbs, witness::limbs(&entered, &lab.bounds));
    let flawed = Lab::flawed(&lab.circuit, Flaw::TwoModels);
    let cheat = Cheat { base: values.clone(), extra: computing };
    flawed.accepts(&cheat, &values.limbs, &flawed.score_rules(&set, &claim));
    lab.refuses(&values, &set, &claim, &[ConstraintId::RowBinding]);
}

/// Attack: one computing weight is changed. Guard: it is under `D_w`, so the proof is about another
/// commitment, and holds for neither.
#[test]
fn a_changed_weight_is_another_commitment() {
    let lab = &*LINEAR;
    let (_, swapped, set) = two_models(lab);
    let claim = claim(&lab.class, &set, 12);
    let rules = lab.score_rules(&set, &claim);
    let values = witness::score(&swapped, &lab.bounds, &set, &claim.chunk, 12);
    for k in 0..values.limbs.len() {
        let mut entered = values.limbs.clone();
        entered[k] += Fr::ONE;
        let dw = lab.commit(&entered);
        assert_ne!(dw, lab.commit(&values.limbs));
        if k % 5 == 0 {
            // The prover knows which commitment is asked for and draws its challenges from it.
            let transcript = (rules.transcript)(&dw);
            let mut own = lab.score_rules(&set, &claim);
            own.transcript = Box::new(move |_| transcript.clone());
            let (other, proof) = lab.prove(&values, &values.limbs, &own);
            assert_eq!(lab.verify(&own, &other, &proof), Ok(()));
            assert_eq!(lab.verify(&rules, &dw, &proof), Err(VerifyError::Invalid));
            assert_eq!(lab.verify(&rules, &other, &proof), Err(VerifyError::Invalid));
        }
    }
}

/// Attack: a score is proved in mode 1, where the linear bindings are off; a model of zero limbs fits all
/// slots. Guard: the verifier sets mode from the kind of record.
#[test]
fn everything_counts_where_the_prover_chooses_the_mode() {
    let lab = &*MLP;
    let (_, set, claim, mut values) = toy(lab);
    values.limbs.fill(Fr::ZERO);
    for (i, row) in values.rows.iter_mut().enumerate() {
        row.hidden.fill((Fr::ZERO, Fr::ZERO));
        let label = usize::from(set.label(i));
        row.logits = (0..3).map(|j| fr(i128::from(j == label))).collect();
        count(&lab.class, &lab.bounds, row, set.label(i));
    }
    let rules = lab.score_rules(&set, &claim).adjusted(|inputs| inputs.mode = Fr::ONE);
    let (dw, proof) = lab.accepts(&values, &values.limbs, &rules);
    assert_eq!(lab.verify_score(&set, &claim, &dw, &proof), Err(VerifyError::Invalid));
    lab.refuses(&values, &set, &claim, &[ConstraintId::OutputBinding, ConstraintId::RowBinding]);
}

/// A row whose slack is used cannot count, and slack does not leak into other rows.
#[test]
fn slack_serves_no_row_that_counts() {
    let lab = &*MLP;
    let (model, set, claim, mut values) = toy(lab);
    for i in WRONG {
        let (row, label) = (&mut values.rows[i], set.label(i));
        let base = powers(Fr::from(lab.bounds.output_packing.unwrap().base), 3);
        let truth = model.forward(set.row(i)).hidden;
        let lie: Vec<i64> = (0..3).map(|j| if j == usize::from(label) { 63 } else { 0 }).collect();
        row.hidden = lie.iter().map(|&z| (fr(z.into()), fr(z.into()))).collect();
        row.slack[0] = (0..3).map(|j| fr((truth[j] - lie[j]).into()) * base[j]).sum();
        row.logits = lie.iter().map(|&z| fr((4 * z + 1).into())).collect();
        count(&lab.class, &lab.bounds, row, label);
    }
    lab.refuses(&values, &set, &claim, &[ConstraintId::Slack]);
    for i in WRONG {
        values.rows[i].ok = false;
        settle(&lab.class, &lab.bounds, &mut values.rows[i]);
    }
    let fewer = super::lab::claim(&lab.class, &set, 7);
    lab.accepts(&values, &values.limbs, &lab.score_rules(&set, &fewer));
}
