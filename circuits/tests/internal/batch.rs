//! Batches: proofs of one key by one equation, and which of them do not hold.

use super::simulator::{Simulator, g1, scope};
use super::support::task;
use crate::groth16::internal::{Instance, coefficients, verify_all};
use crate::groth16::{
    Commitment, Evidence, ModelProof, Proof, Statement, VerifiedModel, VerifyError, VerifyingKey,
    verify_batch, verify_model, verify_score,
};
use crate::model::CATALOGUE;
use crate::statement::{Chunk, Scope, ScoreClaim, TestSet};
use ark_bn254::{Fr, G1Affine};
use ark_ec::CurveGroup;
use ark_ff::{Field, UniformRand};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::time::Duration;

const SEED: [u8; 32] = [5; 32];

fn simulator() -> Simulator {
    Simulator::new(&CATALOGUE[0], 1)
}

fn moved(point: G1Affine, by: G1Affine) -> G1Affine {
    (point + by).into_affine()
}

/// Verifies and asserts that exactly the proofs at these indices are refused.
fn refused(simulator: &Simulator, instances: &[Instance], wrong: &[usize]) {
    let all: Vec<_> = instances.iter().cloned().map(Ok).collect();
    let expected = |i| if wrong.contains(&i) { Err(VerifyError::Invalid) } else { Ok(()) };
    let expected: Vec<_> = (0..instances.len()).map(expected).collect();
    assert_eq!(verify_all(&simulator.vk, &all, &SEED), expected);
    let one_by_one: Vec<_> = instances.iter().map(|i| i.verify(&simulator.vk)).collect();
    assert_eq!(one_by_one, expected, "as one by one");
}

#[test]
fn valid_proofs_are_accepted_and_an_empty_batch_has_no_results() {
    let mut simulator = simulator();
    let instances: Vec<Instance> = (0..33).map(|_| simulator.any()).collect();
    for count in [0, 1, 2, 7, 33] {
        refused(&simulator, &instances[..count], &[]);
    }
    let repeated = vec![instances[0].clone(); 9];
    refused(&simulator, &repeated, &[]);
}

/// A worker of the pool that waits for a part of its work takes up other work: perhaps another verification under the
/// same fresh key. What the first of them makes must not be waited for while it is being made.
#[test]
fn a_fresh_key_may_be_used_by_many_threads_at_once() {
    let (done, finished) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        for _ in 0..20 {
            let mut simulator = Simulator::new(&CATALOGUE[3], 1);
            let instance = simulator.any();
            std::thread::scope(|threads| {
                for _ in 0..8 {
                    threads.spawn(|| assert_eq!(instance.verify(&simulator.vk), Ok(())));
                }
            });
        }
        done.send(())
    });
    finished.recv_timeout(Duration::from_secs(120)).expect("every verification ends");
}

/// Whatever is changed in whatever proof, it is found, and no other is blamed.
#[test]
fn exactly_the_invalid_proofs_are_refused_in_their_places() {
    let mut simulator = simulator();
    let valid: Vec<Instance> = (0..33).map(|_| simulator.any()).collect();
    let x = g1(Fr::from(77u64));
    let changes: [fn(&mut Instance, G1Affine); 8] = [
        |i, x| i.proof.a = moved(i.proof.a, x),
        |i, _| i.proof.b = -i.proof.b,
        |i, x| i.proof.c = moved(i.proof.c, x),
        |i, x| i.proof.d = moved(i.proof.d, x),
        |i, x| i.commitment.0 = moved(i.commitment.0, x),
        |i, _| i.public[0] += Fr::ONE,
        |i, _| i.public[3] -= Fr::ONE,
        |i, _| *i.public.last_mut().unwrap() += Fr::ONE,
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut instances = valid.clone();
        change(&mut instances[4 * at], x);
        refused(&simulator, &instances, &[4 * at]);
    }
    let mut rng = StdRng::seed_from_u64(2);
    for count in [1, 2, 7, 33] {
        for chance in [0.1, 0.5, 1.0] {
            let mut instances = valid[..count].to_vec();
            let wrong: Vec<usize> = (0..count).filter(|_| rng.gen_bool(chance)).collect();
            wrong.iter().for_each(|i| changes[i % changes.len()](&mut instances[*i], x));
            refused(&simulator, &instances, &wrong);
        }
    }
}

/// Attack: the errors of two proofs cancel where all coefficients are equal, or known. Guard: they are neither.
#[test]
fn errors_that_cancel_are_refused() {
    let mut simulator = simulator();
    let mut instances: Vec<Instance> = (0..6).map(|_| simulator.any()).collect();
    let x = g1(Fr::rand(&mut StdRng::seed_from_u64(3)));
    instances[1].proof.c = moved(instances[1].proof.c, x);
    instances[4].proof.c = moved(instances[4].proof.c, -x);
    refused(&simulator, &instances, &[1, 4]);
    instances.swap(1, 5);
    refused(&simulator, &instances, &[4, 5]);
    // In one group, where only the proofs' own equations tell them apart.
    instances.swap(4, 3);
    instances.swap(5, 2);
    refused(&simulator, &instances, &[2, 3]);
    // The same with public inputs, and with swapped halves of two proofs.
    let mut instances: Vec<Instance> = (0..2).map(|_| simulator.any()).collect();
    instances[0].public[4] += Fr::ONE;
    instances[1].public[4] -= Fr::ONE;
    refused(&simulator, &instances, &[0, 1]);
    let mut instances: Vec<Instance> = (0..2).map(|_| simulator.any()).collect();
    let [first, second] = &mut instances[..] else { panic!("two") };
    std::mem::swap(&mut first.proof.c, &mut second.proof.c);
    refused(&simulator, &instances, &[0, 1]);
}

/// Attack: the seed is known, so coefficients of two valid proofs are computed and errors made that cancel under
/// them. Guard: the errors change the coefficients.
#[test]
fn errors_that_cancel_under_a_known_seed_are_refused() {
    let mut simulator = simulator();
    let mut instances: Vec<Instance> = (0..2).map(|_| simulator.any()).collect();
    let r = coefficients(&simulator.vk, &instances, &SEED).into_iter().map(Fr::from).collect::<Vec<_>>();
    instances[0].proof.c = moved(instances[0].proof.c, g1(r[1]));
    instances[1].proof.c = moved(instances[1].proof.c, g1(-r[0]));
    refused(&simulator, &instances, &[0, 1]);
}

/// Seed, key, order, and all that enters the equation change the coefficients.
#[test]
fn coefficients_depend_on_everything() {
    let mut simulator = simulator();
    let instances: Vec<Instance> = (0..3).map(|_| simulator.any()).collect();
    let vk = &simulator.vk;
    let mut seen = coefficients(vk, &instances, &SEED);
    let mut add = |vk: &VerifyingKey, instances: &[Instance], seed: &[u8; 32]| {
        let drawn = coefficients(vk, instances, seed);
        assert!(drawn.iter().all(|r| *r != 0 && !seen.contains(r)));
        seen.extend(drawn);
    };
    add(vk, &instances, &[6; 32]);
    let other = Simulator::new(&CATALOGUE[0], 2);
    add(&other.vk, &instances, &SEED);
    add(vk, &[&instances[1..], &instances[..1]].concat(), &SEED);
    add(vk, &instances[..2], &SEED);
    let changes: [fn(&mut Instance); 6] = [
        |i| i.proof.a = -i.proof.a,
        |i| i.proof.b = -i.proof.b,
        |i| i.proof.c = -i.proof.c,
        |i| i.proof.d = -i.proof.d,
        |i| i.commitment.0 = -i.commitment.0,
        |i| *i.public.last_mut().unwrap() += Fr::ONE,
    ];
    for change in changes {
        let mut instances = instances.clone();
        change(&mut instances[2]);
        add(vk, &instances, &SEED);
    }
}

/// What fails beforehand keeps its own error and spoils nobody's equation.
#[test]
fn statements_that_fail_beforehand_do_not_enter() {
    let mut simulator = simulator();
    let mut all: Vec<Result<Instance, VerifyError>> = (0..9).map(|_| Ok(simulator.any())).collect();
    let expected = all[0].as_ref().unwrap().public.len();
    all[2].as_mut().unwrap().public.pop();
    all[5].as_mut().unwrap().public.push(Fr::ONE);
    let claim = VerifyError::Claim { what: "rows of the test set", expected: 20, got: 21 };
    all[7] = Err(claim.clone());
    let results = verify_all(&simulator.vk, &all, &SEED);
    for (i, result) in results.into_iter().enumerate() {
        let expected = match i {
            2 => Err(VerifyError::Inputs { expected, got: expected - 1 }),
            5 => Err(VerifyError::Inputs { expected, got: expected + 1 }),
            7 => Err(claim.clone()),
            _ => Ok(()),
        };
        assert_eq!(result, expected, "{i}");
    }
}

/// Entries of several competitors with a score each: what a node has to verify.
struct Entries {
    simulator: Simulator,
    set: TestSet,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    scope: Scope,
    commitment: Commitment,
    model: Proof,
    claim: ScoreClaim,
    score: Proof,
}

impl Entries {
    fn new(count: u8) -> Self {
        let mut simulator = simulator();
        let class = simulator.class;
        let (features, rows) = (class.features, 20);
        let x = (0..rows * features).map(|i| (i * 7) as u16 % (class.x_max() + 1)).collect();
        let labels = (0..rows).map(|i| (i % 2) as u16).collect();
        let set = TestSet::new(task(&class), x, labels).unwrap();
        let chunk = Chunk::all(rows, &class)[0];
        let entry = |competitor: u8| {
            let (scope, dw) = (scope(competitor), Fr::from(1000 + u64::from(competitor)));
            let claim = ScoreClaim {
                scope,
                entry: [competitor; 32],
                roster: [4; 32],
                chunk,
                rows: rows as u64,
                correct: 9,
            };
            let (model, score) = (simulator.model(&scope, dw), simulator.score(&set, &claim, dw));
            Entry { scope, commitment: Commitment(g1(dw)), model, claim, score }
        };
        let entries = (0..count).map(entry).collect();
        Self { simulator, set, entries }
    }

    /// Each entry's model proof followed by its score.
    fn statements(&self) -> Vec<Statement<'_>> {
        let pair = |i: usize| {
            let Entry { scope, commitment, model: proof, claim, score } = &self.entries[i];
            let model = ModelProof::InBatch(2 * i);
            [
                Statement::Model { scope, commitment, proof },
                Statement::Score { set: &self.set, model, claim, proof: score },
            ]
        };
        (0..self.entries.len()).flat_map(pair).collect()
    }

    fn verify(&self) -> Vec<Result<Evidence, VerifyError>> {
        verify_batch(&self.simulator.vk, &self.statements(), &SEED)
    }

    /// Verifies and asserts what the results at these places are, and that all others are evidence as one by one.
    fn expect(&self, errors: &[(usize, VerifyError)]) {
        let results = self.verify();
        assert_eq!(results.len(), 2 * self.entries.len());
        for (i, result) in results.iter().enumerate() {
            match errors.iter().find(|(at, _)| *at == i) {
                Some((_, error)) => assert_eq!(result.as_ref(), Err(error), "{i}"),
                None if i % 2 == 0 => assert_eq!(result, &Ok(Evidence::Model(self.model(i / 2))), "{i}"),
                None => assert_eq!(result, &Ok(Evidence::Score), "{i}"),
            }
        }
    }

    fn model(&self, i: usize) -> VerifiedModel {
        let Entry { scope, commitment, model, .. } = &self.entries[i];
        verify_model(&self.simulator.vk, scope, commitment, model).unwrap()
    }
}

#[test]
fn models_and_their_scores_are_verified_in_one_batch() {
    let all = Entries::new(5);
    all.expect(&[]);
    let vk = &all.simulator.vk;
    // Scores first, and with evidence of before.
    let mut statements = all.statements();
    let first = all.model(0);
    for statement in &mut statements {
        if let Statement::Score { model, .. } = statement {
            *model = match *model {
                ModelProof::InBatch(0) => ModelProof::Verified(&first),
                ModelProof::InBatch(at) => ModelProof::InBatch(9 - at),
                verified => verified,
            };
        }
    }
    statements.reverse();
    let results = verify_batch(vk, &statements, &SEED);
    for (i, result) in results.into_iter().enumerate() {
        let expected = if i % 2 == 0 { Evidence::Score } else { Evidence::Model(all.model(4 - i / 2)) };
        assert_eq!(result, Ok(expected), "{i}");
    }
    assert_eq!(verify_batch(vk, &[], &SEED), []);
}

/// Attack: a score is built on a model proof that does not hold. Guard: evidence is made from results alone.
#[test]
fn a_score_falls_with_the_model_proof_of_its_batch() {
    let mut all = Entries::new(5);
    all.entries[3].model.c = -all.entries[3].model.c;
    assert_eq!(verify_score_anyway(&all, 3), Ok(()), "nothing is wrong with the score itself");
    all.expect(&[(6, VerifyError::Invalid), (7, VerifyError::Unverified { index: 6 })]);
}

/// The score proof alone, with evidence that a valid model proof of the same commitment gives.
fn verify_score_anyway(all: &Entries, i: usize) -> Result<(), VerifyError> {
    let mut entry = all.entries[i];
    entry.model.c = -entry.model.c;
    let vk = &all.simulator.vk;
    let model = verify_model(vk, &entry.scope, &entry.commitment, &entry.model)?;
    verify_score(vk, &all.set, &model, &entry.claim, &entry.score)
}

#[test]
fn a_score_needs_a_model_proof_of_its_batch() {
    let all = Entries::new(3);
    for index in [1, 3, 6, usize::MAX] {
        let mut statements = all.statements();
        let Statement::Score { model, .. } = &mut statements[3] else { panic!("a score") };
        *model = ModelProof::InBatch(index);
        let results = verify_batch(&all.simulator.vk, &statements, &SEED);
        assert_eq!(results[3], Err(VerifyError::Unverified { index }));
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 5);
    }
    // Of another competitor, in the batch or before.
    let other = all.model(0);
    for model in [ModelProof::InBatch(0), ModelProof::Verified(&other)] {
        let mut statements = all.statements();
        let Statement::Score { model: of, .. } = &mut statements[3] else { panic!("a score") };
        *of = model;
        let results = verify_batch(&all.simulator.vk, &statements, &SEED);
        let what = "competition/competitor";
        assert!(matches!(results[3], Err(VerifyError::Model { what: got, .. }) if got == what));
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 5);
    }
}

/// Statements that the proofs were not made for: another K, entry, roster or commitment, each other's proofs.
#[test]
fn every_statement_of_a_batch_binds() {
    let honest = Entries::new(5);
    let changed = |change: &dyn Fn(&mut Entries), errors: &[(usize, VerifyError)]| {
        let mut all = Entries::new(5);
        change(&mut all);
        all.expect(errors);
    };
    let wrong = |i: usize| (i, VerifyError::Invalid);
    changed(&|a| a.entries[2].claim.correct += 1, &[wrong(5)]);
    changed(&|a| a.entries[2].claim.entry[0] ^= 1, &[wrong(5)]);
    changed(&|a| a.entries[2].claim.roster[0] ^= 1, &[wrong(5)]);
    let impossible = |what, expected, got| VerifyError::Claim { what, expected, got };
    let most = impossible("most right rows of the chunk", 20, 21);
    changed(&|a| a.entries[1].claim.correct = 21, &[(3, most)]);
    changed(&|a| a.entries[4].claim.rows = 21, &[(9, impossible("rows of the test set", 20, 21))]);
    // Two scores change places, and two model proofs.
    let scores = |a: &mut Entries| {
        (a.entries[0].score, a.entries[4].score) = (a.entries[4].score, a.entries[0].score);
    };
    changed(&scores, &[wrong(1), wrong(9)]);
    let models = |a: &mut Entries| {
        (a.entries[0].model, a.entries[4].model) = (a.entries[4].model, a.entries[0].model);
    };
    let unverified = |i: usize| (i, VerifyError::Unverified { index: i - 1 });
    changed(&models, &[wrong(0), unverified(1), wrong(8), unverified(9)]);
    // A score is no model proof.
    changed(&|a| a.entries[1].model = a.entries[1].score, &[wrong(2), unverified(3)]);
    let other = honest.entries[0].commitment;
    changed(&|a| a.entries[1].commitment = other, &[wrong(2), wrong(3)]);
}
