//! One proof, one statement: everything else that is claimed with it is refused.

use super::lab::{LINEAR, REAL, SECRET, claim, quiet, rng, scope, task, toy_model, toy_set};
use crate::groth16::api::check_claim;
use crate::groth16::{
    ProveError, ProvingKey, SetupTrust, Transcript, VerifyError, VerifyingKey, commit, prove_model,
    prove_score, verify_model, verify_score,
};
use crate::model::{CATALOGUE, ModelError, SizeClass};
use crate::statement::{Chunk, Competitor, Scope, ScoreClaim, TestSet};
use crate::witness;

/// Attack: a valid proof is handed in with one field changed. Guard: every field is hashed; N, K and the
/// chunk are checked as integers before.
#[test]
fn every_field_of_the_statement_binds() {
    let real = &*REAL;
    let vk = real.pk.verifying_key();
    let check = |claim: &ScoreClaim| verify_score(vk, &real.set, &real.verified, claim, &real.proof);
    assert_eq!(check(&real.claim), Ok(()));
    let changed = |change: &dyn Fn(&mut ScoreClaim)| {
        let mut claim = real.claim;
        change(&mut claim);
        claim
    };
    for correct in [real.claim.correct + 1, real.claim.correct - 1, 20, 0] {
        assert_eq!(check(&changed(&|c| c.correct = correct)), Err(VerifyError::Invalid));
    }
    for correct in [21, u64::MAX] {
        assert!(matches!(
            check(&changed(&|c| c.correct = correct)),
            Err(VerifyError::Claim { expected: 20, .. })
        ));
    }
    assert_eq!(check(&changed(&|c| c.entry[31] ^= 1)), Err(VerifyError::Invalid));
    assert_eq!(check(&changed(&|c| c.roster[31] ^= 1)), Err(VerifyError::Invalid));
    // The digest of a competition whose test set never was sealed.
    assert_eq!(check(&changed(&|c| c.roster = [0; 32])), Err(VerifyError::Invalid));
    let rows = |rows| check(&changed(&|c| c.rows = rows));
    assert_eq!(rows(19), Err(VerifyError::Claim { what: "rows of the test set", expected: 20, got: 19 }));
    assert!(matches!(rows(0), Err(VerifyError::Claim { .. })));
    for scope in [
        Scope { competition: [8; 32], ..scope() },
        Scope { competitor: Competitor::Node([8; 32]), ..scope() },
        Scope { competitor: Competitor::Evm([2; 20]), ..scope() },
    ] {
        assert!(matches!(check(&changed(&|c| c.scope = scope)), Err(VerifyError::Model { .. })));
        let model = verify_model(vk, &scope, &real.opening.commitment(), &real.model_proof);
        assert_eq!(model, Err(VerifyError::Invalid));
    }
    for chunk in [
        Chunk { index: 1, ..real.claim.chunk },
        Chunk { index: u32::MAX, ..real.claim.chunk },
        Chunk { lo: 1, ..real.claim.chunk },
        Chunk { hi: 19, ..real.claim.chunk },
        Chunk { hi: 21, ..real.claim.chunk },
        Chunk { lo: 20, ..real.claim.chunk },
    ] {
        assert!(matches!(check(&changed(&|c| c.chunk = chunk)), Err(VerifyError::Claim { .. })), "{chunk:?}");
    }
}

/// Attack: one value, one label or one name of the test set is changed. Guard: fingerprints and digest.
#[test]
fn every_value_of_the_test_set_binds() {
    let real = &*REAL;
    let set = &real.set;
    let x: Vec<u16> = (0..20).flat_map(|i| set.row(i).to_vec()).collect();
    let labels: Vec<u16> = (0..20).map(|i| set.label(i)).collect();
    let mut others = Vec::new();
    for at in [0, 17, 39] {
        let mut x = x.clone();
        x[at] ^= 1;
        others.push(TestSet::new(set.task().clone(), x, labels.clone()).unwrap());
    }
    for at in [0, 19] {
        let mut labels = labels.clone();
        labels[at] ^= 1;
        others.push(TestSet::new(set.task().clone(), x.clone(), labels).unwrap());
    }
    let mut task = set.task().clone();
    task.features[0].step = 2.0;
    others.push(TestSet::new(task, x, labels).unwrap());
    for other in &others {
        let refused = verify_score(real.pk.verifying_key(), other, &real.verified, &real.claim, &real.proof);
        assert_eq!(refused, Err(VerifyError::Invalid));
    }
}

/// Every field changes the challenges: those of the claim, the key, the class, the test set, D_w and D.
#[test]
fn every_field_changes_the_challenges() {
    let lab = &*LINEAR;
    let set = toy_set(&lab.class);
    let (base, dw) = (claim(&lab.class, &set, 7), lab.commit(&[]));
    let other_dw = lab.commit(&witness::limbs(&toy_model(&lab.class), &lab.bounds));
    let (key, digest) = (lab.vk.digest(), set.digest());
    let score = |claim: &ScoreClaim| Transcript::score(&key, &lab.class, &digest, claim, &dw);
    let changed = |change: &dyn Fn(&mut ScoreClaim)| {
        let mut claim = base;
        change(&mut claim);
        score(&claim)
    };
    let flipped = |mut bytes: [u8; 32], at: usize| {
        bytes[at] ^= 1;
        bytes
    };
    let chunk = Chunk { index: 0, lo: 0, hi: 0 };
    let nothing = ScoreClaim { entry: [0; 32], roster: [0; 32], rows: 0, correct: 0, chunk, ..base };
    let mut transcripts = vec![
        score(&base),
        changed(&|c| c.correct += 1),
        changed(&|c| c.rows += 1),
        changed(&|c| c.chunk.index += 1),
        changed(&|c| c.chunk.lo += 1),
        changed(&|c| c.chunk.hi += 1),
        changed(&|c| c.entry[0] ^= 1),
        changed(&|c| c.roster[0] ^= 1),
        changed(&|c| c.scope.competition[0] ^= 1),
        changed(&|c| c.scope.competitor = Competitor::Node([3; 32])),
        changed(&|c| c.scope.competitor = Competitor::Evm([2; 20])),
        Transcript::score(&key, &lab.class, &digest, &base, &other_dw),
        Transcript::model(&key, &lab.class, &scope(), &dw),
        // All that a model proof hashes, but in the other mode.
        Transcript::score(&key, &lab.class, &[0; 32], &nothing, &dw),
        Transcript::model(&key, &lab.class, &scope(), &other_dw),
    ];
    for at in 0..32 {
        transcripts.push(Transcript::score(&flipped(key, at), &lab.class, &digest, &base, &dw));
        transcripts.push(Transcript::score(&key, &lab.class, &flipped(digest, at), &base, &dw));
    }
    transcripts.extend(CATALOGUE.iter().map(|class| Transcript::score(&key, class, &digest, &base, &dw)));
    let mut seen: Vec<_> = transcripts.iter().map(|t| t.challenges(&lab.key.eta_g1)).collect();
    seen.push(transcripts[0].challenges(&lab.key.eta_w_g1));
    for (i, a) in seen.iter().enumerate() {
        assert!(a.x != a.y && a.y != a.rho && a.x != a.rho, "independent outputs");
        assert!(seen[..i].iter().all(|b| a.x != b.x && a.y != b.y && a.rho != b.rho), "transcript {i}");
    }
}

/// Attack: one field is changed that nothing but the transcript holds against the proof. Guard: it is hashed.
/// The same key verifies, and public inputs are those of the proof but for the challenges.
#[test]
fn every_hashed_field_alone_makes_the_proof_invalid() {
    type Change = fn(&mut ScoreClaim);
    fn flipped(mut bytes: [u8; 32]) -> [u8; 32] {
        bytes[31] ^= 1;
        bytes
    }
    let lab = &*LINEAR;
    let (model, set) = (toy_model(&lab.class), toy_set(&lab.class));
    let (key, digest, honest) = (lab.vk.digest(), set.digest(), claim(&lab.class, &set, 7));
    let values = witness::score(&model, &lab.bounds, &set, &honest.chunk, 7);
    let (dw, proof) = lab.prove(&values, &values.limbs, &lab.score_rules(&set, &honest));
    let check = |transcript: Transcript| {
        let mut rules = lab.score_rules(&set, &honest);
        rules.transcript = Box::new(move |_| transcript.clone());
        lab.verify(&rules, &dw, &proof)
    };
    let of = |claim: &ScoreClaim| check(Transcript::score(&key, &lab.class, &digest, claim, &dw));
    assert_eq!(of(&honest), Ok(()));
    let changes: [(&str, Change); 12] = [
        ("competition", |c| c.scope.competition = flipped(c.scope.competition)),
        ("competitor's key", |c| c.scope.competitor = Competitor::Node(flipped([2; 32]))),
        ("competitor's type", |c| c.scope.competitor = Competitor::Evm([2; 20])),
        ("entry", |c| c.entry = flipped(c.entry)),
        ("roster", |c| c.roster = flipped(c.roster)),
        ("no roster", |c| c.roster = [0; 32]),
        ("chunk index", |c| c.chunk.index += 1),
        ("first row", |c| c.chunk.lo += 1),
        ("one past the last row", |c| c.chunk.hi += 1),
        ("N", |c| c.rows += 1),
        ("K + 1", |c| c.correct += 1),
        ("K - 1", |c| c.correct -= 1),
    ];
    for (name, change) in changes {
        let mut claim = honest;
        change(&mut claim);
        assert_ne!(claim, honest, "{name}");
        assert_eq!(of(&claim), Err(VerifyError::Invalid), "{name}");
    }
    let class = SizeClass { rows: lab.class.rows + 1, ..lab.class };
    let other_dw = lab.commit(&[]);
    for (name, transcript) in [
        ("key digest", Transcript::score(&flipped(key), &lab.class, &digest, &honest, &dw)),
        ("size class", Transcript::score(&key, &class, &digest, &honest, &dw)),
        ("test set digest", Transcript::score(&key, &lab.class, &flipped(digest), &honest, &dw)),
        ("D_w", Transcript::score(&key, &lab.class, &digest, &honest, &other_dw)),
    ] {
        assert_eq!(check(transcript), Err(VerifyError::Invalid), "{name}");
    }
    // Mode alone, in a model proof: everything else that it hashes is zero or the same.
    let values = witness::model(&model, &lab.bounds, &lab.circuit.limb_shifts());
    let (dw, proof) = lab.prove(&values, &values.limbs, &lab.model_rules(&scope()));
    assert_eq!(lab.verify(&lab.model_rules(&scope()), &dw, &proof), Ok(()));
    let chunk = Chunk { index: 0, lo: 0, hi: 0 };
    let nothing = ScoreClaim { entry: [0; 32], roster: [0; 32], rows: 0, correct: 0, chunk, ..honest };
    let mut rules = lab.model_rules(&scope());
    rules.transcript = Box::new(|dw| Transcript::score(&key, &lab.class, &[0; 32], &nothing, dw));
    assert_eq!(lab.verify(&rules, &dw, &proof), Err(VerifyError::Invalid), "mode");
}

/// Attack: the proof of one kind is handed in as the other. Guard: mode is set by the kind of record, hashed,
/// and a public input.
#[test]
fn a_model_proof_is_no_score_and_a_score_no_model_proof() {
    let real = &*REAL;
    let (vk, dw) = (real.pk.verifying_key(), real.opening.commitment());
    for correct in [0, real.claim.correct] {
        let claim = ScoreClaim { correct, ..real.claim };
        let refused = verify_score(vk, &real.set, &real.verified, &claim, &real.model_proof);
        assert_eq!(refused, Err(VerifyError::Invalid));
        // Not even about the entry, roster and rows that a model proof hashes.
        let chunk = Chunk { index: 0, lo: 0, hi: 0 };
        let empty = ScoreClaim { entry: [0; 32], roster: [0; 32], rows: 0, chunk, ..claim };
        let refused = verify_score(vk, &real.set, &real.verified, &empty, &real.model_proof);
        assert!(matches!(refused, Err(VerifyError::Claim { what: "rows of the test set", .. })));
    }
    assert_eq!(verify_model(vk, &scope(), &dw, &real.proof), Err(VerifyError::Invalid));
}

/// Attack: a score is shown with the verified model proof of another key, competitor, competition or entry.
/// Guard: the evidence carries key, scope and commitment, and only the verifier makes it.
#[test]
fn a_score_needs_the_model_proof_of_its_own_commitment() {
    let real = &*REAL;
    let vk = real.pk.verifying_key();
    let check = |verified, claim| verify_score(vk, &real.set, verified, claim, &real.proof);

    let other_key = ProvingKey::generate(&CATALOGUE[0], &mut rng(61), &quiet).unwrap();
    let model = real.opening.model();
    let opening = commit(&other_key, model, &scope().competition, &SECRET).unwrap();
    let proof = prove_model(&other_key, &opening, &scope(), &SECRET, &quiet).unwrap();
    let verified = verify_model(other_key.verifying_key(), &scope(), &opening.commitment(), &proof).unwrap();
    assert!(matches!(check(&verified, &real.claim), Err(VerifyError::Model { what: "key digest", .. })));
    let other_vk = other_key.verifying_key();
    let replayed = verify_score(other_vk, &real.set, &verified, &real.claim, &real.proof);
    assert_eq!(replayed, Err(VerifyError::Invalid));
    let dw = real.opening.commitment();
    assert_eq!(verify_model(other_vk, &scope(), &dw, &real.model_proof), Err(VerifyError::Invalid));

    let elsewhere = Scope { competition: [8; 32], ..scope() };
    let opening = commit(&real.pk, model, &elsewhere.competition, &SECRET).unwrap();
    let proof = prove_model(&real.pk, &opening, &elsewhere, &SECRET, &quiet).unwrap();
    let verified = verify_model(vk, &elsewhere, &opening.commitment(), &proof).unwrap();
    let expected = "competition/competitor";
    assert!(
        matches!(check(&verified, &real.claim), Err(VerifyError::Model { what, .. }) if what == expected)
    );
    let there = ScoreClaim { scope: elsewhere, ..real.claim };
    assert_eq!(check(&verified, &there), Err(VerifyError::Invalid));

    // Another entry of the same competitor: the same model under another secret is another commitment.
    let opening = commit(&real.pk, model, &scope().competition, &[8; 32]).unwrap();
    let proof = prove_model(&real.pk, &opening, &scope(), &SECRET, &quiet).unwrap();
    let verified = verify_model(vk, &scope(), &opening.commitment(), &proof).unwrap();
    assert_eq!(check(&verified, &real.claim), Err(VerifyError::Invalid));
}

/// Attack: the proof of one chunk is counted again as another with the same rows. It holds wherever the chunk
/// is not hashed. Guard: index and range are hashed, and ranges are fixed by N and the class.
#[test]
fn a_chunk_is_not_counted_twice() {
    let lab = &*LINEAR;
    let (model, once) = (toy_model(&lab.class), toy_set(&lab.class));
    let x: Vec<u16> = (0..24).flat_map(|i| once.row(i % 12).to_vec()).collect();
    let labels = (0..24).map(|i| once.label(i % 12)).collect();
    let set = TestSet::new(task(4, 3, 3), x, labels).unwrap();
    let [first, second] = Chunk::all(24, &lab.class)[..] else { panic!("two chunks") };
    let of = |chunk| ScoreClaim { chunk, ..claim(&lab.class, &set, 7) };
    let (claimed, replayed) = (of(first), of(second));
    let values = witness::score(&model, &lab.bounds, &set, &first, 7);
    let rules = lab.score_rules(&set, &claimed);
    let (dw, proof) = lab.accepts(&values, &values.limbs, &rules);
    assert_eq!(lab.verify_score(&set, &claimed, &dw, &proof), Ok(()));
    let mut unhashed = lab.score_rules(&set, &replayed);
    unhashed.transcript = lab.score_rules(&set, &claimed).transcript;
    assert_eq!(lab.verify(&unhashed, &dw, &proof), Ok(()), "14 of 24 by 7 proved rows");
    assert_eq!(lab.verify_score(&set, &replayed, &dw, &proof), Err(VerifyError::Invalid));
    let overlapping = [
        Chunk { index: 1, lo: 0, hi: 12 },
        Chunk { index: 1, lo: 11, hi: 23 },
        Chunk { index: 0, lo: 12, hi: 24 },
        Chunk { index: 0, lo: 0, hi: 24 },
        Chunk { index: 2, lo: 24, hi: 24 },
        Chunk { index: 1, lo: 24, hi: 12 },
    ];
    for chunk in overlapping {
        let refused = check_claim(&lab.class, &set, &of(chunk));
        assert!(matches!(refused, Err(VerifyError::Claim { .. })), "{chunk:?}");
    }
}

/// A key of another class refuses the proof by its number of inputs or its digest; changing the class of a
/// key's bytes is refused by the number of points.
#[test]
fn another_class_is_another_statement() {
    let real = &*REAL;
    let bytes = real.pk.verifying_key().to_bytes();
    let name = CATALOGUE[0].id.as_str().as_bytes();
    let at = bytes.windows(name.len()).position(|w| w == name).unwrap();
    let mut unknown = bytes.clone();
    unknown[at] ^= 1;
    assert!(VerifyingKey::from_bytes(&unknown).is_err());
    let longer = [&bytes[..at - 1], &[0x60 + 13], b"linear-64-10x", &bytes[at + name.len()..]].concat();
    assert!(VerifyingKey::from_bytes(&longer).is_err());
    let other = [&bytes[..at - 1], &[0x60 + 12], b"linear-64-10", &bytes[at + name.len()..]].concat();
    let refused = VerifyingKey::from_bytes(&other);
    assert!(matches!(refused, Err(crate::groth16::KeyError::Count { .. })), "{refused:?}");
}

/// Attack: a test set has more features, larger values or more classes than the size class: what does not fit
/// would be bound by nothing. Guard: it is refused, by verifier and prover.
#[test]
fn a_test_set_beyond_the_class_is_refused() {
    let class = &CATALOGUE[2];
    assert!(class.fits(64, 63, 10));
    assert!(!class.fits(65, 63, 10) && !class.fits(64, 64, 10) && !class.fits(64, 63, 11));
    let real = &*REAL;
    for (features, classes) in [(31, 2), (30, 3)] {
        let set = TestSet::new(task(features, 8, classes), vec![1; 20 * features], vec![0; 20]).unwrap();
        let refused = verify_score(real.pk.verifying_key(), &set, &real.verified, &real.claim, &real.proof);
        assert!(matches!(refused, Err(VerifyError::TestSet { .. })));
        let refused = prove_score(&real.pk, &real.opening, &set, &real.claim, &SECRET, &quiet);
        assert!(matches!(refused, Err(ProveError::Model(ModelError::TestSet { .. }))));
        assert!(matches!(real.opening.model().accuracy(&set), Err(ModelError::TestSet { .. })));
    }
}

/// What does not belong together is not proved, and it is said why.
#[test]
fn the_prover_refuses_what_does_not_belong_together() {
    let real = &*REAL;
    let toy = ProvingKey::new(LINEAR.circuit, SetupTrust::SingleParty, &LINEAR.key).unwrap();
    let refused = commit(&toy, real.opening.model(), &scope().competition, &SECRET);
    assert!(matches!(refused, Err(ProveError::Key { .. })));
    let other = ProvingKey::generate(&CATALOGUE[0], &mut rng(62), &quiet).unwrap();
    let refused = prove_score(&other, &real.opening, &real.set, &real.claim, &SECRET, &quiet);
    assert!(matches!(refused, Err(ProveError::Key { .. })));
    let elsewhere = Scope { competition: [8; 32], ..scope() };
    let refused = prove_model(&real.pk, &real.opening, &elsewhere, &SECRET, &quiet);
    assert!(matches!(refused, Err(ProveError::Competition { .. })));
    let claim = ScoreClaim { rows: 19, ..real.claim };
    let refused = prove_score(&real.pk, &real.opening, &real.set, &claim, &SECRET, &quiet);
    assert!(matches!(refused, Err(ProveError::Statement { what: "rows of the test set", .. })));
    let claim = ScoreClaim { correct: 15, ..real.claim };
    let refused = prove_score(&real.pk, &real.opening, &real.set, &claim, &SECRET, &quiet);
    assert_eq!(refused, Err(ProveError::Claim { expected: 14, got: 15 }));
}

/// Attack: a proving key file is wrong where loading does not see it. Guard: a finished proof is parsed and
/// verified like everybody will, and is not given away otherwise.
#[test]
fn a_damaged_key_makes_no_proof() {
    use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
    use ark_ec::{AffineRepr, CurveGroup};
    let real = &*REAL;
    let failing = |change: &dyn Fn(&mut crate::groth16::keys::RawKey), why: &str| {
        let mut raw = real.pk.raw();
        change(&mut raw);
        let pk = ProvingKey::new(real.pk.circuit, SetupTrust::SingleParty, &raw).unwrap();
        let model = prove_model(&pk, &real.opening, &scope(), &SECRET, &quiet);
        let score = prove_score(&pk, &real.opening, &real.set, &real.claim, &SECRET, &quiet);
        for proof in [model, score] {
            assert!(
                matches!(&proof, Err(ProveError::SelfCheck(reason)) if reason.contains(why)),
                "{proof:?}"
            );
        }
    };
    failing(&|raw| raw.key.h_query.iter_mut().for_each(|p| *p = G1Affine::generator()), "does not hold");
    let outside = (1u64..)
        .find_map(|k| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(k), Fq::from(1u64)), false))
        .unwrap();
    // The first element belongs to the constant 1.
    let shift = |p: &mut G2Affine| *p = (*p + outside).into_affine();
    failing(&|raw| shift(&mut raw.key.b_g2_query[0]), "subgroup");
}
