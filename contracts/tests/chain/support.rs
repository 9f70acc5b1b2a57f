//! What tests share: a key, models and test sets of one class, and a stage with deployed contracts.

use crate::evm::{Chain, Receipt, account, chain, hash};
use crate::keys::Exponents;
use alloy_sol_types::{SolCall, sol};
use circuits::groth16::{Commitment, Opening, Proof, ProvingKey, commit, prove_model, prove_score};
use circuits::model::{Bounds, CATALOGUE, Layer};
use circuits::statement::{Feature, Task};
use circuits::{IntegerModel, SizeClass, TestSet};
use contracts::bindings::Competitions::{CompetitionsErrors, owedCall};
use contracts::bindings::Verifier::{VerifierErrors, registerKeyCall};
use contracts::{
    Address, B256, Bytes, ChainKey, Deployment, Pieces, Refusal, SealedTestSet, Terms, competition_id,
    model_scope, refusal, score_claims,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::sync::LazyLock;

sol!(Puppet, "artefacts/test/Puppet.json");
sol!(TestToken, "artefacts/test/TestToken.json");
sol!(YesVerifier, "artefacts/test/YesVerifier.json");
sol!(Probe, "artefacts/test/Probe.json");

pub const SECRET: [u8; 32] = [7; 32];
pub const HOST: u8 = 1;

pub const ENTER_UNTIL: u64 = 1_800_001_000;
/// Seconds after which the test chains do not replace a block.
pub const FINALITY: u64 = 300;
pub const REVEAL_FROM: u64 = ENTER_UNTIL + FINALITY;
pub const REVEAL_UNTIL: u64 = 1_800_002_000;
pub const SUBMIT_UNTIL: u64 = 1_800_003_000;

pub fn quiet(_: &str, _: f64) {}

pub fn generate(class: &SizeClass) -> ProvingKey {
    ProvingKey::generate(class, &mut StdRng::seed_from_u64(1), &quiet).unwrap()
}

/// The smallest class, which most tests prove in.
pub static KEY: LazyLock<ProvingKey> = LazyLock::new(|| generate(&CATALOGUE[0]));

/// A random model of a class.
pub fn model(class: &SizeClass, seed: u64) -> IntegerModel {
    let mut rng = StdRng::seed_from_u64(seed);
    let bounds = Bounds::of(class).unwrap();
    let shapes = class.layer_shapes();
    let layer = |(index, &(inputs, outputs)): (usize, &(usize, usize)), rng: &mut StdRng| {
        let reach = i64::from(class.x_max()) * (inputs as f64).sqrt() as i64;
        let hidden = shapes.len() == 2 && index == 0;
        let top = if hidden { (bounds.hidden_max / reach).max(1) as i32 } else { 8 };
        Layer {
            inputs,
            outputs,
            weights: (0..inputs * outputs).map(|_| rng.gen_range(-top..=top)).collect(),
            biases: (0..outputs).map(|_| rng.gen_range(-50..50)).collect(),
        }
    };
    let layers: Vec<Layer> = shapes.iter().enumerate().map(|shape| layer(shape, &mut rng)).collect();
    IntegerModel::new(class, &layers).unwrap()
}

/// A test set of so many rows, features and classes, about two thirds of which the model gets right.
pub fn test_set_of(model: &IntegerModel, rows: usize, features: usize, classes: usize, seed: u64) -> TestSet {
    let mut rng = StdRng::seed_from_u64(seed);
    let class = model.class();
    let feature = |i| Feature { name: format!("f{i}"), offset: 0.0, step: 1.0 };
    let task = Task {
        features: (0..features).map(feature).collect(),
        feature_bits: class.feature_bits as u8,
        classes: (0..classes).map(|i| format!("c{i}")).collect(),
    };
    let x: Vec<u16> = (0..rows * features).map(|_| rng.gen_range(0..=class.x_max())).collect();
    let labels = x
        .chunks(features)
        .map(|row| {
            let predicted = model.forward(row).prediction() as u16;
            if rng.gen_range(0..3) < 2 && predicted < classes as u16 {
                predicted
            } else {
                rng.gen_range(0..classes as u16)
            }
        })
        .collect();
    TestSet::new(task, x, labels).unwrap()
}

pub fn test_set(model: &IntegerModel, rows: usize, seed: u64) -> TestSet {
    let class = model.class();
    test_set_of(model, rows, class.features, class.classes, seed)
}

/// Rows that a model gets right in every chunk.
pub fn reached(model: &IntegerModel, set: &TestSet) -> Vec<u64> {
    let right = |i: u64| model.forward(set.row(i as usize)).counts(set.label(i as usize));
    contracts::chunks(model.class(), set.rows())
        .iter()
        .map(|chunk| (chunk.lo..chunk.hi).filter(|i| right(*i)).count() as u64)
        .collect()
}

/// Both contracts on a chain, with a key registered, and a competition's terms.
pub struct Stage {
    pub chain: Box<dyn Chain>,
    pub verifier: Address,
    pub competitions: Address,
    pub terms: Terms,
    pub set: TestSet,
    pub sealed: SealedTestSet,
}

impl Stage {
    pub fn new() -> Self {
        Self::on(chain(1), &KEY, &test_set(&model(&CATALOGUE[0], 1), 40, 2))
    }

    /// With a key of a class under which nothing can be proved, registered by this digest besides.
    pub fn without_proofs(class: &SizeClass) -> (Self, B256) {
        let mut stage = Self::new();
        let pieces = Pieces::of(&Exponents::of(class.features + 9).bytes());
        for piece in contracts::store(&pieces) {
            stage.verifier_does(piece).answer.unwrap();
        }
        let (descriptor, hashes) = (class.descriptor().into(), pieces.hashes());
        let call = registerKeyCall { class: descriptor, trust: 0, pieces: hashes, tail: pieces.tail };
        let answer = stage.verifier_does(call.abi_encode().into()).answer.unwrap();
        let key = registerKeyCall::abi_decode_returns(&answer).unwrap();
        (stage, key)
    }

    pub fn on(mut chain: Box<dyn Chain>, key: &ProvingKey, set: &TestSet) -> Self {
        let deployer = account(0);
        let verifier = chain.send(deployer, None, 0, contracts::deploy_verifier()).created.unwrap();
        let code = contracts::deploy_competitions(verifier, contracts::ETHEREUM_GAS_LIMIT, FINALITY);
        let competitions = chain.send(deployer, None, 0, code).created.unwrap();
        for number in 0..20 {
            chain.fund(account(number), u128::from(u64::MAX));
        }
        let sealed = SealedTestSet::new(set, hash(9));
        let host = account(HOST);
        let key = ChainKey::of(key.verifying_key());
        let terms = Terms {
            host,
            token: Address::ZERO,
            prize: 1_000_003,
            hostBond: 101,
            bond: 50,
            key: key.digest,
            seal: sealed.seal(host),
            manifest: hash(8),
            shape: sealed.shape.clone(),
            threshold: 5_000,
            winners: 1,
            enterUntil: ENTER_UNTIL,
            revealUntil: REVEAL_UNTIL,
            submitUntil: SUBMIT_UNTIL,
            maxEntries: 10,
            maxEntriesEach: 2,
        };
        let mut stage = Self { chain, verifier, competitions, terms, set: set.clone(), sealed };
        for piece in contracts::store(&key.pieces) {
            stage.verifier_does(piece).answer.unwrap();
        }
        stage.verifier_does(contracts::register_key(&key)).answer.unwrap();
        stage
    }

    pub fn verifier_does(&mut self, data: Bytes) -> Receipt {
        self.chain.send(account(0), Some(self.verifier), 0, data)
    }

    pub fn send(&mut self, from: Address, value: u128, data: Bytes) -> Receipt {
        self.chain.send(from, Some(self.competitions), value, data)
    }

    pub fn at(&self) -> Deployment {
        Deployment { chain: self.chain.id(), contract: self.competitions }
    }

    pub fn id(&self) -> B256 {
        competition_id(&self.at(), &self.terms)
    }

    pub fn post(&mut self) -> Receipt {
        let terms = self.terms.clone();
        let value = if terms.token == Address::ZERO { terms.prize + terms.hostBond } else { 0 };
        self.send(terms.host, value, contracts::post(&terms))
    }

    /// An opening of a model for this competition, and its model proof.
    pub fn model_proof(&self, key: &ProvingKey, model: &IntegerModel, who: Address) -> (Opening, Proof) {
        let id = self.id();
        let opening = commit(key, model, &id.0, &SECRET).unwrap();
        let proof = prove_model(key, &opening, &model_scope(id, who), &SECRET, &quiet).unwrap();
        (opening, proof)
    }

    pub fn enter(&mut self, who: Address, opening: &Opening, proof: &Proof) -> Receipt {
        let data = contracts::enter(&self.terms, &opening.commitment(), proof);
        let bond = if self.terms.token == Address::ZERO { self.terms.bond } else { 0 };
        self.send(who, bond, data)
    }

    pub fn reveal(&mut self) -> Receipt {
        for piece in contracts::store(&self.sealed.pieces) {
            self.verifier_does(piece).answer.unwrap();
        }
        let data = contracts::reveal(&self.terms, &self.sealed);
        self.send(account(HOST), 0, data)
    }

    /// Proofs that so many rows of each chunk are right.
    pub fn prove(
        &self,
        key: &ProvingKey,
        opening: &Opening,
        who: Address,
        correct: &[u64],
    ) -> Vec<(u32, Proof)> {
        let (id, class, rows) = (self.id(), key.class(), self.set.rows());
        score_claims(id, who, &opening.commitment(), class, correct, rows)
            .iter()
            .map(|claim| {
                let proof = prove_score(key, opening, &self.set, claim, &SECRET, &quiet).unwrap();
                (claim.correct as u32, proof)
            })
            .collect()
    }

    /// By somebody who has no part in it.
    pub fn submit(&mut self, who: Address, commitment: &Commitment, chunks: &[(u32, Proof)]) -> Receipt {
        let data = contracts::submit(&self.terms, who, commitment, 0, chunks);
        self.send(account(19), 0, data)
    }

    pub fn finalise(&mut self) -> Receipt {
        let data = contracts::finalise(&self.terms);
        self.send(account(19), 0, data)
    }

    pub fn release(&mut self, who: Address, commitment: &Commitment) -> Receipt {
        let data = contracts::release(&self.terms, who, commitment);
        self.send(account(19), 0, data)
    }

    pub fn owed(&mut self, who: Address) -> u128 {
        let call = owedCall { token: self.terms.token, account: who };
        let answer = self.chain.view(self.competitions, call.abi_encode().into()).answer.unwrap();
        owedCall::abi_decode_returns(&answer).unwrap().to()
    }
}

/// Text of 32 bytes, padded with zeros.
pub fn text(bytes: &B256) -> String {
    String::from_utf8(bytes.0.to_vec()).unwrap().trim_end_matches('\0').to_owned()
}

/// The competitions' own error of a refused transaction.
pub fn refused(receipt: &Receipt) -> CompetitionsErrors {
    match refusal(receipt.answer.as_ref().expect_err("expected a refusal")) {
        Refusal::Competitions(error) => error,
        other => panic!("expected an error of the competitions, got {other:?}"),
    }
}

/// The verifier's error of a refused transaction.
pub fn refused_by_verifier(receipt: &Receipt) -> VerifierErrors {
    match refusal(receipt.answer.as_ref().expect_err("expected a refusal")) {
        Refusal::Verifier(error) => error,
        other => panic!("expected an error of the verifier, got {other:?}"),
    }
}

pub fn deploy(chain: &mut dyn Chain, code: &Bytes) -> Address {
    chain.send(account(0), None, 0, code.clone()).created.unwrap()
}
