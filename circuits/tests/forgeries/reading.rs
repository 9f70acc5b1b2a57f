//! What a host can read although every commitment hides: two key files, and test sets made for the purpose.

use super::lab::{SECRET, quiet, rng, scope, task};
use super::script::Trapdoors;
use crate::circuit::Circuit;
use crate::groth16::keys::{ProvingKey, RawKey};
use crate::groth16::reference::commit_wires;
use crate::groth16::{SetupTrust, commit, prove_model, verify_model};
use crate::model::{Bounds, CATALOGUE, IntegerModel, Layer};
use crate::statement::{Chunk, TestSet};
use crate::witness;
use ark_bn254::{Fr, G1Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use rand::{Rng, seq::SliceRandom};

fn load(raw: RawKey) -> ProvingKey {
    let circuit = Circuit::new(&CATALOGUE[0]).unwrap();
    let mut file = Vec::new();
    ProvingKey::new(circuit, SetupTrust::SingleParty, &raw).unwrap().write(&mut file).unwrap();
    ProvingKey::from_pinned_bytes(&file, blake3::hash(&file).as_bytes()).unwrap()
}

/// Attack: one verifying key, two proving key files that both load and both make model proofs that verify. In the
/// second, `ckw` of one weight is moved by e and `ck` of the slot that repeats it in mode 1 is moved back. Under one
/// blinder, two commitments to one model differ by `w e`. Guard: blinders depend on the file. (And, outside this package:
/// on the competition, which pins one file a class.)
#[test]
fn two_key_files_of_one_verifying_key_read_a_weight() {
    let class = &CATALOGUE[0];
    let secrets = Trapdoors::random(81);
    let honest = secrets.setup(&Circuit::new(class).unwrap());
    let mut moved = honest.clone();
    // Wires of D, a row: 2 logits, ok, label, selected, 3 multiplicities, high limbs of class 0 and class 1 (a slot).
    let (weight, row, slot) = (17, 10, 9);
    let e = Fr::from(0xe5u64);
    let shift = |point: G1Affine, by: Fr| (point + G1Affine::generator() * by).into_affine();
    moved.ckw[weight] = shift(moved.ckw[weight], e * secrets.eta_w.inverse().unwrap());
    moved.ck[weight * row + slot] = shift(moved.ck[weight * row + slot], -e * secrets.eta.inverse().unwrap());

    let mut draw = rng(82);
    let weights: Vec<i32> = (0..60).map(|_| draw.gen_range(-60..60)).collect();
    let layer = Layer { inputs: 30, outputs: 2, weights: weights.clone(), biases: vec![5, -5] };
    let model = IntegerModel::new(class, &[layer]).unwrap();
    let limbs = witness::limbs(&model, &Bounds::of(class).unwrap());
    let bare = [&honest, &moved].map(|raw| commit_wires(raw, &raw.ckw, &limbs, Fr::from(9u64)));
    let entered = [honest, moved].map(|raw| {
        let pk = load(raw);
        let opening = commit(&pk, &model, &scope().competition, &SECRET).unwrap();
        let proof = prove_model(&pk, &opening, &scope(), &SECRET, &quiet).unwrap();
        verify_model(pk.verifying_key(), &scope(), &opening.commitment(), &proof).unwrap();
        (pk.verifying_key().digest(), opening.commitment().0)
    });
    assert_eq!(entered[0].0, entered[1].0, "one verifying key");
    let unit = G1Affine::generator() * (e * secrets.eta_w.inverse().unwrap());
    let half = 1 << (class.table_bits - 1);
    let read = |a: G1Affine, b: G1Affine| {
        let difference = (b - a).into_affine();
        let found = (0..2 * half).find(|&limb| (unit * Fr::from(limb)).into_affine() == difference);
        found.map(|limb| limb - half)
    };
    assert_eq!(read(bare[0], bare[1]), Some(weights[weight]), "with one blinder the search finds the weight");
    assert_eq!(read(entered[0].1, entered[1].1), None);
}

/// "Which rows are right stays hidden": not from a host who repeats row j of his choice `2^j` times. K's bits are the
/// rows, 9 of them in a chunk of 532 rows; a competition has up to 1,024 chunks. Proofs have no part in it.
#[test]
fn a_test_set_of_repeated_rows_tells_which_rows_are_right() {
    let class = &CATALOGUE[0];
    let mut draw = rng(83);
    let weights: Vec<i32> = (0..60).map(|_| draw.gen_range(-60..60)).collect();
    let layer = Layer { inputs: 30, outputs: 2, weights, biases: vec![5, -5] };
    let model = IntegerModel::new(class, &[layer]).unwrap();
    let chosen: Vec<Vec<u16>> =
        (0..9).map(|_| (0..30).map(|_| draw.gen_range(0..=class.x_max())).collect()).collect();
    let mut rows: Vec<usize> = (0..9).flat_map(|j| std::iter::repeat_n(j, 1 << j)).collect();
    rows.shuffle(&mut draw);
    let x = rows.iter().flat_map(|&j| chosen[j].clone()).collect();
    let set = TestSet::new(task(30, class.feature_bits, 2), x, vec![1; rows.len()]).unwrap();
    assert_eq!(Chunk::all(set.rows(), class).len(), 1);
    let k = model.accuracy(&set).unwrap().correct;
    let read: Vec<bool> = (0..9).map(|j| k >> j & 1 == 1).collect();
    let truth: Vec<bool> = chosen.iter().map(|x| model.forward(x).prediction() == 1).collect();
    assert_eq!(read, truth);
    assert!(truth.contains(&true) && truth.contains(&false));
}
