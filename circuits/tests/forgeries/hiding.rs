//! Commitments hide: what gnark's CVE-2024-45040 and blinders of zero give away.

use super::lab::{LINEAR, LINEAR_CLASS, SECRET, claim, quiet, rng, toy_model, toy_set};
use crate::groth16::reference::commit_wires;
use crate::groth16::{ProvingKey, commit};
use crate::model::IntegerModel;
use crate::witness::{self, Assignment};
use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use ark_ff::AdditiveGroup;

/// The toy model with ten secret bits in two of its weights.
fn secret_model(secret: i32) -> IntegerModel {
    let mut layers = toy_model(&LINEAR_CLASS).layers().to_vec();
    layers[0].weights[0] = secret % 32 - 16;
    layers[0].weights[4] = secret / 32 - 16;
    IntegerModel::new(&LINEAR_CLASS, &layers).unwrap()
}

/// The wires under `D` of a witness.
fn rest(values: &Assignment) -> Vec<Fr> {
    values.committed(&LINEAR_CLASS, &LINEAR.bounds).rest.clone()
}

/// `sum w_i bases_i` for each of the 1,024 secrets.
fn candidates(bases: &[G1Affine], wires: impl Fn(i32) -> Vec<Fr>) -> Vec<G1Affine> {
    let sums: Vec<_> = (0..1024).map(|s| G1Projective::msm_unchecked(bases, &wires(s))).collect();
    G1Projective::normalize_batch(&sums)
}

/// Attack: ten secret bits are looked for by computing all 1,024 commitments. Guard: blinders; with a blinder
/// of 0 the search finds them, in D_w and in D.
#[test]
fn commitments_do_not_give_ten_bits_away() {
    const BITS: i32 = 0b10_1100_0111;
    let lab = &*LINEAR;
    let (set, key) = (toy_set(&lab.class), &lab.key);
    let claim = claim(&lab.class, &set, 0);
    let limbs = |secret| witness::limbs(&secret_model(secret), &lab.bounds);
    let values = |secret| witness::score(&secret_model(secret), &lab.bounds, &set, &claim.chunk, 0);

    let all = candidates(&key.ckw, limbs);
    let found = |point: G1Affine| all.iter().position(|p| *p == point);
    assert_eq!(found(commit_wires(key, &key.ckw, &limbs(BITS), Fr::ZERO)), Some(BITS as usize));
    let dw = lab.commit(&limbs(BITS));
    assert_eq!(found(dw.0), None);

    let all = candidates(&key.ck, |secret| rest(&values(secret)));
    let found = |point: G1Affine| all.iter().position(|p| *p == point);
    let bare = commit_wires(key, &key.ck, &rest(&values(BITS)), Fr::ZERO);
    assert_eq!(found(bare), Some(BITS as usize));
    let (_, proof) = lab.prove(&values(BITS), &limbs(BITS), &lab.score_rules(&set, &claim));
    assert_eq!(found(proof.d), None);
}

/// The public interface: another secret is another commitment, the same secret (after a crash) the same;
/// another competition and other weights are others too, and differ by no candidate's difference.
#[test]
fn blinders_are_fresh_for_every_entry() {
    let pk = ProvingKey::generate(&LINEAR_CLASS, &mut rng(71), &quiet).unwrap();
    let entry = |secret: i32, competition: u8, local: &[u8; 32]| {
        commit(&pk, &secret_model(secret), &[competition; 32], local).unwrap().commitment()
    };
    let first = entry(5, 1, &SECRET);
    assert_eq!(first, entry(5, 1, &SECRET));
    let others = [entry(5, 1, &[8; 32]), entry(5, 2, &SECRET), entry(6, 1, &SECRET)];
    for (i, other) in others.iter().enumerate() {
        assert_ne!(first, *other);
        assert!(!others[..i].contains(other));
    }
    // Two commitments with one blinder differ by a public point for each guess; these do not.
    let limbs = |secret| witness::limbs(&secret_model(secret), &pk.circuit.bounds);
    let raw = pk.raw();
    let bare = candidates(&raw.ckw, limbs);
    let differences = |a: G1Affine, b: G1Affine| {
        let wanted = (a - b).into_affine();
        (0..1024).any(|s| (bare[s] - bare[5]).into_affine() == wanted)
    };
    let reused = commit_wires(&raw, &raw.ckw, &limbs(6), Fr::from(9u64));
    let once = commit_wires(&raw, &raw.ckw, &limbs(5), Fr::from(9u64));
    assert!(differences(reused, once), "with one blinder the search finds the difference");
    assert!(others.iter().all(|other| !differences(other.0, first.0)));
}

/// Two proofs of one witness share no point once the local secret differs; D differs between statements too.
#[test]
fn proofs_of_one_witness_share_no_point() {
    use crate::groth16::prove::{Secrets, prove};
    let lab = &*LINEAR;
    let set = toy_set(&lab.class);
    let values = witness::score(
        &toy_model(&lab.class),
        &lab.bounds,
        &set,
        &super::lab::claim(&lab.class, &set, 7).chunk,
        7,
    );
    let dw = lab.commit(&values.limbs);
    let mut proofs = Vec::new();
    for (local, entry) in [([1; 32], [1; 32]), ([2; 32], [1; 32]), ([1; 32], [2; 32])] {
        let claim = crate::statement::ScoreClaim { entry, ..super::lab::claim(&lab.class, &set, 7) };
        let rules = lab.score_rules(&set, &claim);
        let secrets = Secrets { local: &local, model_blinder: super::lab::blinder() };
        let public = |ch| (rules.inputs)(ch).to_vec();
        let relation = lab.relation.as_ref().unwrap();
        let values = values.committed(&lab.class, &lab.bounds);
        let make =
            || prove(relation, &lab.bases, &values, &(rules.transcript)(&dw), &secrets, public, &quiet);
        let proof = make().unwrap();
        assert_eq!(lab.verify_score(&set, &claim, &dw, &proof), Ok(()));
        assert_eq!(make().unwrap(), proof, "the same after a crash");
        proofs.push(proof);
    }
    for (i, p) in proofs.iter().enumerate() {
        for q in &proofs[..i] {
            assert!(p.a != q.a && p.b != q.b && p.c != q.c && p.d != q.d);
        }
    }
}

/// What blinds A, B and D of two witnesses of one statement: never nothing, never the same twice. With the same
/// blinder, the difference of two proofs would be a public point for each guess.
#[test]
fn blinders_are_bound_to_what_they_blind() {
    use crate::groth16::reference::assign;
    use ark_bn254::G2Projective;
    let lab = &*LINEAR;
    let (set, key) = (toy_set(&lab.class), &lab.key);
    let claim = claim(&lab.class, &set, 6);
    let rules = lab.score_rules(&set, &claim);
    // Seven rows are right: the last or the first of them is left out.
    let model = toy_model(&lab.class);
    let last = witness::score(&model, &lab.bounds, &set, &claim.chunk, 6);
    let mut first = witness::score(&model, &lab.bounds, &set, &claim.chunk, 7);
    let row = first.rows.iter_mut().find(|row| row.ok).unwrap();
    row.ok = false;
    super::lab::settle(&lab.class, &lab.bounds, row);
    let mut seen = Vec::new();
    for values in [&last, &first] {
        let (dw, proof) = lab.prove(values, &values.limbs, &rules);
        assert_eq!(lab.verify_score(&set, &claim, &dw, &proof), Ok(()));
        let public = lab.inputs(&rules, &dw, &proof).to_vec();
        let z = assign(&lab.circuit, values, |_, _| public).unwrap().assignment;
        let bare_a = key.vk.alpha_g1 + G1Projective::msm_unchecked(&key.key.a_query, &z);
        let bare_b = key.vk.beta_g2 + G2Projective::msm_unchecked(&key.key.b_g2_query, &z);
        let bare_d = G1Projective::msm_unchecked(&key.ck, &rest(values));
        let (a, b, d) = (proof.a - bare_a, proof.b - bare_b, proof.d - bare_d);
        assert!(a != G1Projective::ZERO && b != G2Projective::ZERO && d != G1Projective::ZERO);
        seen.push((a, b, d));
    }
    assert!(seen[0].0 != seen[1].0 && seen[0].1 != seen[1].1 && seen[0].2 != seen[1].2);
}
