//! Real proofs against the verifier: they hold, and nothing that differs from them by a bit does.

use crate::evm::{Receipt, account, chain};
use crate::keys::g1;
use crate::support::{
    KEY, REVEAL_FROM, Stage, generate, model, reached, refused_by_verifier, test_set, test_set_of,
};
use alloy_sol_types::SolCall;
use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, PrimeField};
use circuits::groth16::{Opening, Proof, ProvingKey};
use circuits::model::CATALOGUE;
use contracts::bindings::Verifier::{self, VerifierErrors as V, verifyModelCall, verifyScoreCall};
use contracts::{Address, B256, U256, entry_id};
use proptest::prelude::*;

pub fn words<const N: usize>(bytes: &[u8]) -> [U256; N] {
    std::array::from_fn(|i| U256::from_be_slice(&bytes[32 * i..32 * (i + 1)]))
}

pub fn modulus() -> U256 {
    "21888242871839275222246405745257275088696311157297823662689037894645226208583".parse().unwrap()
}

/// A model that is entered and a score of it, each with its proof, in the words of a call.
struct Proved {
    stage: Stage,
    model: verifyModelCall,
    score: verifyScoreCall,
}

impl Proved {
    fn new(key: &ProvingKey, rows: usize, features: usize, classes: usize) -> Self {
        let model = model(key.class(), 1);
        let set = test_set_of(&model, rows, features, classes, 2);
        let stage = Stage::on(chain(1), key, &set);
        let who = account(2);
        let (opening, proof) = stage.model_proof(key, &model, who);
        let correct = reached(&model, &set);
        let chunks = stage.prove(key, &opening, who, &correct);
        Self::of(stage, who, &opening, &proof, &chunks)
    }

    fn of(mut stage: Stage, who: Address, opening: &Opening, proof: &Proof, chunks: &[(u32, Proof)]) -> Self {
        let (id, commitment) = (stage.id(), words(&opening.commitment().to_evm()));
        for piece in stage.sealed.pieces.calls() {
            stage.verifier_does(piece).answer.unwrap();
        }
        let contracts::Shape { rows, features, classes, bits } = stage.terms.shape.clone();
        let register = Verifier::registerTestSetCall {
            shape: Verifier::Shape { rows, features, classes, bits },
            pieces: stage.sealed.pieces.hashes(),
            tail: stage.sealed.pieces.tail.clone(),
        };
        stage.verifier_does(register.abi_encode().into()).answer.unwrap();
        let model = verifyModelCall {
            key: stage.terms.key,
            competition: id,
            competitor: who,
            commitment,
            proof: words(&proof.to_evm()),
        };
        let score = Verifier::Score {
            key: stage.terms.key,
            testSet: stage.sealed.digest,
            competition: id,
            competitor: who,
            entry: entry_id(id, who, &opening.commitment()),
            commitment,
        };
        let (correct, proofs) = chunks.iter().map(|(k, proof)| (*k, words(&proof.to_evm()))).unzip();
        Self { stage, model, score: verifyScoreCall { score, first: 0, correct, proofs } }
    }

    fn check_model(&mut self, call: &verifyModelCall) -> Receipt {
        self.stage.chain.view(self.stage.verifier, call.abi_encode().into())
    }

    fn check_score(&mut self, call: &verifyScoreCall) -> Receipt {
        self.stage.chain.view(self.stage.verifier, call.abi_encode().into())
    }
}

#[test]
fn proofs_of_every_family_hold() {
    // Full width, padded features, padded classes; the last block of rows whole and not.
    for (class, rows, features, classes) in [
        (0, 40, 30, 2),
        (0, 1, 1, 2),
        (0, 532, 30, 2),
        (1, 24, 64, 10),
        (1, 25, 63, 3),
        (2, 33, 64, 10),
        (2, 8, 5, 2),
    ] {
        let key = generate(&CATALOGUE[class]);
        let mut proved = Proved::new(&key, rows, features, classes);
        let (model, score) = (proved.model.clone(), proved.score.clone());
        let name = format!("{} {rows} x {features}, {classes}", CATALOGUE[class].id);
        assert!(proved.check_model(&model).answer.is_ok(), "{name}: model");
        proved.check_score(&score).answer.expect(&name);
        let mut more = score.clone();
        more.correct[0] += 1;
        let error = refused_by_verifier(&proved.check_score(&more));
        assert!(matches!(error, V::ProofInvalid(_) | V::ClaimTooLarge(_)), "{name}");
    }
}

/// A test set of several chunks, proved in any portions: no chunk stands for another.
#[test]
fn every_chunk_has_its_own_proof() {
    let mut proved = Proved::new(&KEY, 1_070, 4, 2);
    let score = proved.score.clone();
    assert_eq!(score.correct.len(), 3);
    let portion = |first: usize, end: usize| verifyScoreCall {
        first: first as u32,
        correct: score.correct[first..end].to_vec(),
        proofs: score.proofs[first..end].to_vec(),
        ..score.clone()
    };
    for (first, end) in [(0, 3), (0, 1), (1, 2), (2, 3), (0, 2), (1, 3)] {
        proved.check_score(&portion(first, end)).answer.unwrap();
    }
    for (first, end, instead) in [(0, 1, 1), (1, 2, 0), (0, 2, 1), (1, 3, 0)] {
        let moved = verifyScoreCall { first: instead, ..portion(first, end) };
        let error = refused_by_verifier(&proved.check_score(&moved));
        assert!(matches!(error, V::ProofInvalid(_)), "{first}..{end} as {instead}: {error:?}");
    }
    let mut swapped = score.clone();
    swapped.proofs.swap(0, 1);
    swapped.correct.swap(0, 1);
    assert!(matches!(refused_by_verifier(&proved.check_score(&swapped)), V::ProofInvalid(_)));
    let mut twice = score.clone();
    twice.proofs[1] = twice.proofs[0];
    twice.correct[1] = twice.correct[0];
    assert!(matches!(refused_by_verifier(&proved.check_score(&twice)), V::ProofInvalid(_)));
    // First chunk, claims, proofs.
    for (first, claims, proofs) in
        [(0, 2, 3), (0, 3, 2), (0, 0, 0), (0, 4, 4), (1, 3, 3), (2, 2, 2), (3, 1, 1), (u32::MAX, 1, 1)]
    {
        let mut cut = verifyScoreCall { first, ..score.clone() };
        cut.correct.resize(claims, 0);
        cut.proofs.resize(proofs, score.proofs[0]);
        let V::ChunkCount(error) = refused_by_verifier(&proved.check_score(&cut)) else { panic!() };
        assert_eq!((error.chunks, error.first), (U256::from(3), U256::from(first)));
    }
    // 1,070 - 2 * 532 rows in the last.
    let mut more = score.clone();
    more.correct[2] = 7;
    let V::ClaimTooLarge(error) = refused_by_verifier(&proved.check_score(&more)) else { panic!() };
    assert_eq!((error.chunk, error.rows, error.claimed), (U256::from(2), U256::from(6), U256::from(7)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever the size of the test set: the honest proof holds, one row more than the model gets right cannot be claimed
    /// with it, and each of its chunks is worth what it is worth.
    #[test]
    fn proofs_over_test_sets_of_any_size_hold(rows in 1usize..1_200, features in 1usize..=30) {
        let mut proved = Proved::new(&KEY, rows, features, 2);
        let score = proved.score.clone();
        prop_assert!(proved.check_score(&score).answer.is_ok());
        for chunk in 0..score.correct.len() {
            let mut more = score.clone();
            more.correct[chunk] += 1;
            let error = refused_by_verifier(&proved.check_score(&more));
            prop_assert!(matches!(error, V::ProofInvalid(_) | V::ClaimTooLarge(_)));
        }
    }
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out[bit / 8] ^= 0x80 >> (bit % 8);
    out
}

/// Every bit of everything that a proof is about.
#[test]
fn no_bit_of_a_statement_may_differ() {
    let mut proved = Proved::new(&KEY, 12, 3, 2);
    let (model, score) = (proved.model.clone(), proved.score.clone());
    let word = |word: &B256, bit| B256::from_slice(&flipped(&word.0, bit));
    for bit in 0..256 {
        let mut call = model.clone();
        call.competition = word(&model.competition, bit);
        assert!(matches!(refused_by_verifier(&proved.check_model(&call)), V::ProofInvalid(_)));
        let mut call = score.clone();
        call.score.competition = word(&score.score.competition, bit);
        assert!(matches!(refused_by_verifier(&proved.check_score(&call)), V::ProofInvalid(_)));
        let mut call = score.clone();
        call.score.entry = word(&score.score.entry, bit);
        assert!(matches!(refused_by_verifier(&proved.check_score(&call)), V::ProofInvalid(_)));
        let mut call = score.clone();
        call.score.key = word(&score.score.key, bit);
        assert!(matches!(refused_by_verifier(&proved.check_score(&call)), V::UnknownKey(_)));
        let mut call = score.clone();
        call.score.testSet = word(&score.score.testSet, bit);
        assert!(matches!(refused_by_verifier(&proved.check_score(&call)), V::UnknownTestSet(_)));
    }
    for bit in 0..160 {
        let address = |address: &Address| Address::from_slice(&flipped(address.as_slice(), bit));
        let mut call = model.clone();
        call.competitor = address(&model.competitor);
        assert!(matches!(refused_by_verifier(&proved.check_model(&call)), V::ProofInvalid(_)));
        let mut call = score.clone();
        call.score.competitor = address(&score.score.competitor);
        assert!(matches!(refused_by_verifier(&proved.check_score(&call)), V::ProofInvalid(_)));
    }
    for bit in 0..32 {
        let mut call = score.clone();
        call.correct[0] ^= 1 << bit;
        let error = refused_by_verifier(&proved.check_score(&call));
        assert!(matches!(error, V::ProofInvalid(_) | V::ClaimTooLarge(_)), "{bit}: {error:?}");
    }
}

/// Every bit of every element: no flip is a point of the curve but by chance, and none verifies.
#[test]
fn no_bit_of_a_proof_may_differ() {
    let mut proved = Proved::new(&KEY, 12, 3, 2);
    let (model, score) = (proved.model.clone(), proved.score.clone());
    let expected = |error: V| {
        matches!(
            error,
            V::NotOnCurve(_) | V::CoordinateTooLarge(_) | V::ProofInvalid(_) | V::PrecompileFailed(_)
        )
    };
    let flip = |word: U256, bit: usize| word ^ (U256::from(1) << bit);
    for at in 0..10 {
        for bit in 0..256 {
            let mut call = model.clone();
            call.proof[at] = flip(call.proof[at], bit);
            let receipt = proved.check_model(&call);
            assert!(expected(refused_by_verifier(&receipt)), "model {at} {bit}");
            let mut call = score.clone();
            call.proofs[0][at] = flip(call.proofs[0][at], bit);
            assert!(expected(refused_by_verifier(&proved.check_score(&call))), "score {at} {bit}");
        }
    }
    for at in 0..2 {
        for bit in 0..256 {
            let mut call = model.clone();
            call.commitment[at] = flip(call.commitment[at], bit);
            assert!(expected(refused_by_verifier(&proved.check_model(&call))), "D_w {at} {bit}");
        }
    }
}

/// A test set that differs in one value or label is another one: the proof is not about it.
#[test]
fn no_value_of_the_test_set_may_differ() {
    let mut proved = Proved::new(&KEY, 12, 3, 2);
    let score = proved.score.clone();
    let bytes = proved.stage.set.evm_bytes();
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1;
        let contracts::Shape { rows, features, classes, bits } = proved.stage.terms.shape.clone();
        let shape = Verifier::Shape { rows, features, classes, bits };
        let register = Verifier::registerTestSetCall { shape, pieces: vec![], tail: other.into() };
        let answer = proved.stage.verifier_does(register.abi_encode().into()).answer.unwrap();
        let mut call = score.clone();
        call.score.testSet = Verifier::registerTestSetCall::abi_decode_returns(&answer).unwrap();
        assert!(matches!(refused_by_verifier(&proved.check_score(&call)), V::ProofInvalid(_)), "{at}");
    }
}

/// Each point in turn: infinity, a coordinate that is not reduced, a point beside the curve. Refused by name, and cheaply.
#[test]
fn bad_points_are_refused_by_name_and_cost_little() {
    let mut proved = Proved::new(&KEY, 12, 3, 2);
    let model = proved.model.clone();
    // Name, first word among A .. D (ten words) and D_w, number of words.
    for (name, first, count) in [("A", 0, 2), ("B", 2, 4), ("C", 6, 2), ("D", 8, 2), ("D_w", 10, 2)] {
        let changed = |change: &dyn Fn(&mut [U256])| {
            let mut call = model.clone();
            let all = [&call.proof[..], &call.commitment[..]].concat();
            let mut all: [U256; 12] = all.try_into().unwrap();
            change(&mut all[first..first + count]);
            call.proof.copy_from_slice(&all[..10]);
            call.commitment.copy_from_slice(&all[10..]);
            call
        };
        let mut refuse = |what: &str, call: verifyModelCall| {
            let receipt = proved.check_model(&call);
            assert!(receipt.gas < 60_000, "{name} {what}: {}", receipt.gas);
            let (got, point) = match refused_by_verifier(&receipt) {
                V::Infinity(error) => ("infinity", error.point),
                V::CoordinateTooLarge(error) => ("too large", error.point),
                V::NotOnCurve(error) => ("beside", error.point),
                other => panic!("{name} {what}: {other:?}"),
            };
            let point = String::from_utf8(point.0.to_vec()).unwrap();
            assert_eq!((got, point.trim_end_matches('\0')), (what, name));
        };
        refuse("infinity", changed(&|words| words.fill(U256::ZERO)));
        for at in 0..count {
            refuse("too large", changed(&|words| words[at] += modulus()));
            refuse("too large", changed(&|words| words[at] = U256::MAX));
            refuse("too large", changed(&|words| words[at] = modulus()));
            refuse("beside", changed(&|words| words[at] = words[at].add_mod(U256::from(1), modulus())));
        }
    }
}

/// A point of the twist outside the subgroup: the precompile sees it, within the gas that it is given.
#[test]
fn points_outside_the_subgroup_are_refused_for_a_bounded_price() {
    let mut proved = Proved::new(&KEY, 12, 3, 2);
    let point = outside_the_subgroup();
    let mut call = proved.model.clone();
    call.proof[2..6].copy_from_slice(&g2_words(&point));
    let receipt = proved.check_model(&call);
    let V::PrecompileFailed(error) = refused_by_verifier(&receipt) else { panic!() };
    assert_eq!(error.precompile, U256::from(8));
    // 90,000 and 68,000 a pair, and what comes before.
    assert!(receipt.gas < 650_000, "{}", receipt.gas);
}

pub fn outside_the_subgroup() -> G2Affine {
    (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(x.into(), 1u64.into()), true))
        .find(|point| point.is_on_curve() && !point.is_in_correct_subgroup_assuming_on_curve())
        .unwrap()
}

pub fn g2_words(point: &G2Affine) -> [U256; 4] {
    let (x, y) = point.xy().unwrap();
    [x.c1, x.c0, y.c1, y.c0].map(|c| U256::from_be_slice(&c.into_bigint().to_bytes_be()))
}

/// Groth16 proofs can be re-randomised, and `(-A, -B)` is the simplest case: accepted, and of no use to anybody, because a
/// score is no better for it.
#[test]
fn another_proof_of_the_same_statement_changes_nothing() {
    let mut proved = Proved::new(&KEY, 12, 3, 2);
    let mut call = proved.score.clone();
    let negate = |word: &mut U256| *word = modulus() - *word;
    negate(&mut call.proofs[0][1]);
    assert!(matches!(refused_by_verifier(&proved.check_score(&call)), V::ProofInvalid(_)));
    negate(&mut call.proofs[0][4]);
    negate(&mut call.proofs[0][5]);
    proved.check_score(&call).answer.unwrap();

    let mut stage = Stage::new();
    stage.post().answer.unwrap();
    let (who, model) = (account(2), model(&CATALOGUE[0], 1));
    let (opening, proof) = stage.model_proof(&KEY, &model, who);
    stage.enter(who, &opening, &proof).answer.unwrap();
    stage.chain.set_time(REVEAL_FROM);
    stage.reveal().answer.unwrap();
    let chunks = stage.prove(&KEY, &opening, who, &reached(&model, &stage.set));
    stage.submit(who, &opening.commitment(), &chunks).answer.unwrap();
    let call = contracts::bindings::Competitions::submitCall {
        terms: stage.terms.clone(),
        competitor: who,
        commitment: words(&opening.commitment().to_evm()),
        first: 0,
        correct: vec![chunks[0].0],
        proofs: vec![{
            let mut proof: [U256; 10] = words(&chunks[0].1.to_evm());
            [1, 4, 5].iter().for_each(|at| negate(&mut proof[*at]));
            proof
        }],
    };
    let receipt = stage.send(account(3), 0, call.abi_encode().into());
    assert!(matches!(
        crate::support::refused(&receipt),
        contracts::bindings::Competitions::CompetitionsErrors::NotBetter(_)
    ));
}

fn to_g1(words: &[U256]) -> G1Affine {
    let [x, y] = [words[0], words[1]].map(|word| Fq::from_be_bytes_mod_order(&word.to_be_bytes::<32>()));
    G1Affine::new(x, y)
}

fn to_g2(words: &[U256]) -> G2Affine {
    let [xi, xr, yi, yr]: [Fq; 4] =
        std::array::from_fn(|i| Fq::from_be_bytes_mod_order(&words[i].to_be_bytes::<32>()));
    G2Affine::new(Fq2::new(xr, xi), Fq2::new(yr, yi))
}

/// `e(A, B + eta) = e(A, B) e(A, eta)`: with D + A the equation holds, and with `D_w + A` and eta_w, which looks like a
/// commitment of one's own. But D and `D_w` are hashed.
#[test]
fn shifted_commitments_are_refused() {
    let mut proved = Proved::new(&KEY, 12, 3, 2);
    let (model, score) = (proved.model.clone(), proved.score.clone());
    // alpha, beta, gamma, delta, eta, eta_w.
    let key: [U256; 22] = words(&KEY.verifying_key().to_evm()[..704]);
    let (eta, eta_w) = (to_g2(&key[14..18]), to_g2(&key[18..22]));
    let shifted = |proof: &[U256; 10], by: G2Affine| -> [U256; 10] {
        let mut out = *proof;
        out[2..6].copy_from_slice(&g2_words(&(to_g2(&proof[2..6]) + by).into_affine()));
        out
    };
    let plus = |point: &[U256], other: &[U256]| -> [U256; 2] {
        words(&g1(&(to_g1(point) + to_g1(other)).into_affine()))
    };
    let d = |proof: &[U256; 10]| {
        let mut out = shifted(proof, eta);
        out[8..10].copy_from_slice(&plus(&proof[8..10], &proof[..2]));
        out
    };
    let call = verifyModelCall { proof: d(&model.proof), ..model.clone() };
    assert!(matches!(refused_by_verifier(&proved.check_model(&call)), V::ProofInvalid(_)));
    let call = verifyScoreCall { proofs: vec![d(&score.proofs[0])], ..score.clone() };
    assert!(matches!(refused_by_verifier(&proved.check_score(&call)), V::ProofInvalid(_)));
    for competitor in [model.competitor, account(3)] {
        let (commitment, proof) = (plus(&model.commitment, &model.proof[..2]), shifted(&model.proof, eta_w));
        let call = verifyModelCall { competitor, commitment, proof, ..model.clone() };
        assert!(matches!(refused_by_verifier(&proved.check_model(&call)), V::ProofInvalid(_)));
    }
}

/// The proofs of a model and of a score are not each other.
#[test]
fn modes_are_not_exchanged() {
    let mut proved = Proved::new(&KEY, 12, 3, 2);
    let (mut model, mut score) = (proved.model.clone(), proved.score.clone());
    std::mem::swap(&mut model.proof, &mut score.proofs[0]);
    score.correct[0] = 0;
    assert!(matches!(refused_by_verifier(&proved.check_model(&model)), V::ProofInvalid(_)));
    assert!(matches!(refused_by_verifier(&proved.check_score(&score)), V::ProofInvalid(_)));
}

#[test]
fn test_sets_have_to_fit_the_class() {
    let mut proved = Proved::new(&KEY, 12, 3, 2);
    let score = proved.score.clone();
    for (features, classes, bits) in [(31, 2, 8), (3, 3, 8)] {
        let shape = Verifier::Shape { rows: 2, features, classes, bits };
        let tail = vec![0; 2 * (features as usize + 1)].into();
        let register = Verifier::registerTestSetCall { shape: shape.clone(), pieces: vec![], tail };
        let answer = proved.stage.verifier_does(register.abi_encode().into()).answer.unwrap();
        let mut call = score.clone();
        call.score.testSet = Verifier::registerTestSetCall::abi_decode_returns(&answer).unwrap();
        assert!(matches!(refused_by_verifier(&proved.check_score(&call)), V::DoesNotFit(_)));
        let cost = Verifier::costOfCall { key: score.score.key, shape };
        let receipt = proved.stage.verifier_does(cost.abi_encode().into());
        assert!(matches!(refused_by_verifier(&receipt), V::DoesNotFit(_)));
    }
}

/// The model proof is what every bound on the weights rests on: without it nothing is entered, so nothing is scored.
#[test]
fn scores_need_an_entry_with_a_model_proof() {
    let mut stage = Stage::new();
    stage.post().answer.unwrap();
    let (who, model) = (account(2), model(&CATALOGUE[0], 1));
    let (opening, _) = stage.model_proof(&KEY, &model, who);
    // A score proof in place of the model proof.
    let set = test_set(&model, 40, 2);
    let chunks = stage.prove(&KEY, &opening, who, &reached(&model, &set));
    assert!(matches!(refused_by_verifier(&stage.enter(who, &opening, &chunks[0].1)), V::ProofInvalid(_)));
}
