//! Forgeries against the order of commitment and challenge.

use super::lab::{LINEAR, Lab, MLP, WRONG, blinder, claim, count, settle, toy};
use super::script::{Blinders, Trapdoors, close, open};
use super::variant::{Cheat, Flaw};
use crate::circuit::Circuit;
use crate::gadgets::ConstraintId;
use crate::gadgets::linear::powers;
use crate::groth16::reference::Assigned;
use crate::groth16::setup::synthesise;
use crate::groth16::{Transcript, VerifyError};
use crate::statement::{Feature, Task, TestSet};
use crate::witness::{self, Assignment, fr};
use ark_bn254::{Fr, G1Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::AdditiveGroup;

/// Attack: rho is known before `D` is made (drawn at build time, or from a transcript without `D`), so the
/// slack of one uncounted row repairs the activations of all others. Guard: challenges are hashed from `D`.
#[test]
fn a_fingerprint_is_repaired_where_rho_is_known_before_the_commitment() {
    let lab = &*MLP;
    let (model, set, _, mut values) = toy(lab);
    let claim = claim(&lab.class, &set, 11);
    let mut rules = lab.score_rules(&set, &claim);
    let early = |transcript: &Transcript| transcript.challenges(&G1Affine::generator());
    rules.challenges = Box::new(move |transcript, _| early(transcript));
    let rho = early(&(rules.transcript)(&lab.commit(&values.limbs))).rho;

    let base = powers(Fr::from(lab.bounds.output_packing.unwrap().base), 3);
    let coefficients = powers(rho, 12);
    let [repaired, others @ ..] = WRONG;
    let mut error = Fr::ZERO;
    for i in others {
        let (row, label) = (&mut values.rows[i], set.label(i));
        let truth = model.forward(set.row(i)).hidden;
        let lie: Vec<i64> = (0..3).map(|j| if j == usize::from(label) { 63 } else { 0 }).collect();
        row.hidden = lie.iter().map(|&z| (fr(z.into()), fr(z.into()))).collect();
        row.logits = lie.iter().map(|&z| fr((4 * z + 1).into())).collect();
        count(&lab.class, &lab.bounds, row, label);
        let packed: Fr = (0..3).map(|j| fr((lie[j] - truth[j]).into()) * base[j]).sum();
        error += coefficients[i] * packed;
    }
    values.rows[repaired].slack[0] = -error / coefficients[repaired];
    let (dw, proof) = lab.accepts(&values, &values.limbs, &rules);
    assert_eq!(lab.verify_score(&set, &claim, &dw, &proof), Err(VerifyError::Invalid));
    lab.refuses(&values, &set, &claim, &[ConstraintId::OutputBinding]);
}

/// The witness of a claim of 12 in which 5 margins are negative.
fn negative_margins(values: &mut Assignment) {
    for i in WRONG {
        values.rows[i].ok = true;
        settle(&LINEAR.class, &LINEAR.bounds, &mut values.rows[i]);
    }
}

/// Attack: multiplicities are chosen when X is known: one of them closes the sum for any looked-up values.
/// Guard: multiplicities are committed wires, by type.
#[test]
fn multiplicities_are_patched_where_they_are_not_committed() {
    let lab = &*LINEAR;
    let (_, set, claim, mut values) = toy(lab);
    negative_margins(&mut values);
    let flawed = Lab::flawed(&lab.circuit, Flaw::LateMultiplicities);
    flawed.accepts(&Cheat::from(&values), &values.limbs, &flawed.score_rules(&set, &claim));
    lab.refuses(&values, &set, &claim, &[ConstraintId::RangeSum]);
}

/// Sets the multiplicity of 0 and its quotient so that the range sum holds. Returns its column and change.
fn patch(circuit: &Circuit, assigned: &mut Assigned) -> (usize, Fr) {
    let sections = synthesise(circuit).unwrap().sections;
    let first = |id| sections.iter().find(|(other, _)| *other == id).unwrap().1;
    let [a, b, c] = &assigned.matrices[..] else { panic!("three matrices") };
    let dot = |row: &[(Fr, usize)]| row.iter().map(|(k, at)| *k * assigned.assignment[*at]).sum::<Fr>();
    let (entry, sum) = (first(ConstraintId::RangeEntry), first(ConstraintId::RangeSum));
    let ([(_, quotient)], [(_, multiplicity)]) = (&a[entry][..], &c[entry][..]) else { panic!("two wires") };
    let (quotient, multiplicity) = (*quotient, *multiplicity);
    let (error, denominator) = (dot(&c[sum]), dot(&b[entry]));
    assert_ne!(error, Fr::ZERO);
    assigned.assignment[quotient] += error;
    let patched = assigned.assignment[quotient] * denominator;
    let change = patched - assigned.assignment[multiplicity];
    assigned.assignment[multiplicity] = patched;
    (multiplicity, change)
}

/// Attack: one `[K_i/delta]_1` of a committed wire is known (left in `l_query`), so this wire is chosen after
/// the challenges: a single multiplicity breaks all range checks. Guard: setup leaves those points out.
#[test]
fn one_leaked_point_of_a_committed_wire_is_a_forgery() {
    let lab = &*LINEAR;
    let (_, set, claim, mut values) = toy(lab);
    negative_margins(&mut values);
    let trapdoors = Trapdoors::random(11);
    let key = trapdoors.setup(&lab.circuit);
    let own = Lab::with_key(lab.circuit, lab.circuit, key);
    let rules = own.score_rules(&set, &claim);
    let dw = own.commit(&values.limbs);
    let transcript = (rules.transcript)(&dw);
    let blinders = Blinders { v_w: blinder(), ..Blinders::random(12) };
    let (mut assigned, d) = open(&own.circuit, &own.key, &values, blinders.v, |d| {
        (d, (rules.inputs)(transcript.challenges(&d)).to_vec())
    });
    let (column, change) = patch(&own.circuit, &mut assigned);
    assert_eq!(super::lab::violated(&own.circuit, &assigned), []);
    let (mut proof, _) = close(&own.key, &assigned, d, &blinders);
    assert_eq!(own.verify_score(&set, &claim, &dw, &proof), Err(VerifyError::Invalid), "without the leak");

    let (model, rest) = (own.key.ckw.len(), own.key.ck.len());
    let committed = column - assigned.inputs - model;
    let leaked = own.key.ck[committed] * (trapdoors.eta / trapdoors.delta);
    proof.c = (proof.c + leaked * change).into_affine();
    assert_eq!(own.verify_score(&set, &claim, &dw, &proof), Ok(()), "honest 7 of 12, with the leak 12");

    for key in [&own.key, &lab.key, &MLP.key] {
        let (model, rest) = (key.ckw.len(), key.ck.len());
        assert!(key.key.l_query[..model + rest].iter().all(|p| p.is_zero()));
        assert!(key.ckw.iter().chain(&key.ck).all(|p| !p.is_zero()));
    }
    assert!(committed < rest && model > 0);
}

/// Attack: without the test set's digest in the transcript, one proof holds for every test set with the same
/// fingerprints: here the same integers with the two classes' names exchanged, under another map, or with a
/// column of zeros more. Guard: the digest covers the whole test set.
#[test]
fn one_proof_serves_several_test_sets_where_the_digest_is_not_hashed() {
    let lab = &*LINEAR;
    let x: Vec<u16> = (0..12).flat_map(|i| [if i % 3 == 0 { 7 } else { 1 }, 3, 2]).collect();
    let labels: Vec<u16> = (0..12).map(|i| u16::from(i % 3 != 0)).collect();
    let set = |task: Task, x: &[u16]| TestSet::new(task, x.to_vec(), labels.clone()).unwrap();
    let task = super::lab::task(3, 3, 2);
    let first = set(task.clone(), &x);
    let model = super::lab::toy_model(&lab.class);
    let correct = model.accuracy(&first).unwrap().correct;
    let claim = claim(&lab.class, &first, correct as u64);
    let values = witness::score(&model, &lab.bounds, &first, &claim.chunk, claim.correct);

    let exchanged = Task { classes: vec!["c1".into(), "c0".into()], ..task.clone() };
    let map = |step| Feature { name: "f0".into(), offset: 0.0, step };
    let scaled = Task { features: [vec![map(2.0)], task.features[1..].to_vec()].concat(), ..task };
    let padded: Vec<u16> = x.chunks(3).flat_map(|row| [row, &[0]].concat()).collect();
    let others = [set(exchanged, &x), set(scaled, &x), set(super::lab::task(4, 3, 2), &padded)];

    let without_digest = |set| {
        let mut rules = lab.score_rules(set, &claim);
        let key = lab.vk.digest();
        rules.transcript = Box::new(move |dw| Transcript::score(&key, &lab.class, &[0; 32], &claim, dw));
        rules
    };
    let (dw, proof) = lab.accepts(&values, &values.limbs, &without_digest(&first));
    let (same, sound) = lab.prove(&values, &values.limbs, &lab.score_rules(&first, &claim));
    assert_eq!(lab.verify_score(&first, &claim, &same, &sound), Ok(()));
    for other in &others {
        assert_eq!(lab.verify(&without_digest(other), &dw, &proof), Ok(()));
        assert_eq!(lab.verify_score(other, &claim, &dw, &sound), Err(VerifyError::Invalid));
    }
}
