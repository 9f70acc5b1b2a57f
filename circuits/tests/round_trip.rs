//! Every size class, from key to verified score, through the public interface.
#![allow(missing_docs)]

mod common;

use circuits::groth16::{
    Commitment, Opening, Proof, ProveError, ProvingKey, VerifyError, VerifyingKey, commit, prove_model,
    prove_score, verify_model, verify_score,
};
use circuits::model::CATALOGUE;
use common::{SECRET, claim, model, rng, scope, test_set};
use std::time::Instant;

fn quiet(_: &str, _: f64) {}

#[test]
fn every_class_proves_what_its_twin_computes() {
    for class in &CATALOGUE {
        let start = Instant::now();
        let pk = ProvingKey::generate(class, &mut rng(1), &quiet).unwrap();
        let setup = start.elapsed();
        let shape = pk.shape().unwrap();
        let model = model(class, 2);
        let rows = class.rows * 3 / 4;
        let set = test_set(&model, rows, 3);
        let score = model.accuracy(&set).unwrap();

        let opening = commit(&pk, &model, &scope().competition, &SECRET).unwrap();
        let start = Instant::now();
        let model_proof = prove_model(&pk, &opening, &scope(), &SECRET, &quiet).unwrap();
        let prove_model_time = start.elapsed();
        let claim = claim(&set, class, 0, score.correct as u64);
        let start = Instant::now();
        let proof = prove_score(&pk, &opening, &set, &claim, &SECRET, &quiet).unwrap();
        let prove_time = start.elapsed();

        let vk = VerifyingKey::from_bytes(&pk.verifying_key().to_bytes()).unwrap();
        let proof = Proof::from_bytes(&proof.to_bytes()).unwrap();
        let commitment = Commitment::from_bytes(&opening.commitment().to_bytes()).unwrap();
        let verified = verify_model(&vk, &scope(), &commitment, &model_proof).unwrap();
        let start = Instant::now();
        verify_score(&vk, &set, &verified, &claim, &proof).unwrap();
        eprintln!(
            "{}: {} constraints, domain {}, score {score:?}; setup {setup:?}, model proof {prove_model_time:?}, \
             score proof {prove_time:?}, verify {:?}",
            class.id,
            shape.constraints,
            shape.domain,
            start.elapsed()
        );

        let mut more = claim;
        more.correct += 1;
        assert_eq!(verify_score(&vk, &set, &verified, &more, &proof), Err(VerifyError::Invalid));
        let expected = score.correct as u64;
        let refused = prove_score(&pk, &opening, &set, &more, &SECRET, &quiet);
        assert_eq!(refused, Err(ProveError::Claim { expected, got: expected + 1 }));
    }
}

#[test]
fn keys_and_openings_survive_their_files() {
    let class = &CATALOGUE[0];
    let pk = ProvingKey::generate(class, &mut rng(1), &quiet).unwrap();
    let mut file = Vec::new();
    pk.write(&mut file).unwrap();
    let digest = *blake3::hash(&file).as_bytes();
    let pk = ProvingKey::from_pinned_bytes(&file, &digest).unwrap();
    assert!(ProvingKey::from_pinned_bytes(&file, &[0; 32]).is_err());

    let model = model(class, 2);
    let set = test_set(&model, 100, 3);
    let opening = commit(&pk, &model, &scope().competition, &SECRET).unwrap();
    let opening = Opening::from_bytes(&opening.to_bytes()).unwrap();
    for cut in [0, 1, 40, opening.to_bytes().len() - 1] {
        assert!(Opening::from_bytes(&opening.to_bytes()[..cut]).is_err());
    }
    let again = commit(&pk, &model, &scope().competition, &SECRET).unwrap();
    assert_eq!(opening.commitment(), again.commitment(), "the same after a crash");
    assert_eq!(opening.audit_digest(), again.audit_digest());

    let model_proof = prove_model(&pk, &opening, &scope(), &SECRET, &quiet).unwrap();
    let verified = verify_model(pk.verifying_key(), &scope(), &opening.commitment(), &model_proof).unwrap();
    // A claim below what the model reaches is a proof like any other.
    let reached = model.accuracy(&set).unwrap().correct as u64;
    for correct in [0, reached - 1, reached] {
        let claim = claim(&set, class, 0, correct);
        let proof = prove_score(&pk, &opening, &set, &claim, &SECRET, &quiet).unwrap();
        verify_score(pk.verifying_key(), &set, &verified, &claim, &proof).unwrap();
    }
}

#[test]
fn larger_test_sets_are_proved_in_chunks() {
    let class = &CATALOGUE[0];
    let pk = ProvingKey::generate(class, &mut rng(1), &quiet).unwrap();
    let model = model(class, 2);
    let set = test_set(&model, class.rows * 2 + 17, 3);
    let opening = commit(&pk, &model, &scope().competition, &SECRET).unwrap();
    let model_proof = prove_model(&pk, &opening, &scope(), &SECRET, &quiet).unwrap();
    let vk = pk.verifying_key();
    let verified = verify_model(vk, &scope(), &opening.commitment(), &model_proof).unwrap();
    let mut proofs = Vec::new();
    for index in 0..3 {
        let claim = claim(&set, class, index, 5);
        let proof = prove_score(&pk, &opening, &set, &claim, &SECRET, &quiet).unwrap();
        verify_score(vk, &set, &verified, &claim, &proof).unwrap();
        proofs.push((claim, proof));
    }
    // A proof of one chunk is not one of another; ranges are fixed by N and the class.
    let (mut claim, proof) = proofs[1];
    claim.chunk.index = 0;
    assert!(matches!(verify_score(vk, &set, &verified, &claim, &proof), Err(VerifyError::Claim { .. })));
    let first = proofs[0].0;
    assert_eq!(verify_score(vk, &set, &verified, &first, &proof), Err(VerifyError::Invalid));
}
