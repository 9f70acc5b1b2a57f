//! What tests share: a key, models and test sets of one class, and a stage with deployed contracts.

use crate::evm::{Chain, Receipt, account, chain, hash};
use crate::keys::Exponents;
use alloy_sol_types::{SolCall, sol};
use circuits::groth16::{Commitment, Opening, Proof, ProvingKey, commit, prove_model, prove_score};
use circuits::model::{Bounds, CATALOGUE, Layer};
use circuits::statement::{Feature, Task};
use circuits::{IntegerModel, SizeClass, TestSet};
use contracts::bindings::Competitions::{
    CompetitionsErrors, cancelCall, claimCall, competitionsCall, enterCall, entriesCall, entriesReturn,
    entryOfCall, finaliseCall, owedCall, placesCall, postCall, releaseCall, revealCall, submitCall,
};
use contracts::bindings::Verifier::{VerifierErrors, registerKeyCall};
use contracts::{
    Address, B256, Bytes, ChainKey, Deployment, Pieces, Refusal, SealedTestSet, Terms, U256, competition_id,
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

// The contract's `Phase`.
pub const OPEN: u8 = 1;
pub const REVEALED: u8 = 2;
pub const WON: u8 = 3;
pub const UNWON: u8 = 4;
pub const ABANDONED: u8 = 5;
pub const CANCELLED: u8 = 6;

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

/// Competitions over a verifier that believes everything: for tests of phases and money alone. Proofs are zeros, a
/// commitment is a number.
pub struct Play {
    pub chain: Box<dyn Chain>,
    pub verifier: Address,
    pub competitions: Address,
    pub terms: Terms,
}

pub const SALT: B256 = B256::repeat_byte(5);
pub const DATA: &[u8] = b"test set";

impl Play {
    pub fn new() -> Self {
        let mut chain = chain(1);
        let verifier = deploy(chain.as_mut(), &YesVerifier::BYTECODE);
        let code = contracts::deploy_competitions(verifier, contracts::ETHEREUM_GAS_LIMIT, FINALITY);
        let competitions = deploy(chain.as_mut(), &code);
        for number in 0..20 {
            chain.fund(account(number), u128::from(u64::MAX));
        }
        let host = account(HOST);
        let terms = Terms {
            host,
            token: Address::ZERO,
            prize: 1_000_003,
            hostBond: 101,
            bond: 50,
            key: hash(1),
            seal: contracts::seal(host, SALT, alloy_primitives::keccak256(DATA)),
            manifest: hash(8),
            shape: contracts::Shape { rows: 100, features: 3, classes: 2, bits: 8 },
            threshold: 5_000,
            winners: 1,
            enterUntil: ENTER_UNTIL,
            revealUntil: REVEAL_UNTIL,
            submitUntil: SUBMIT_UNTIL,
            maxEntries: 30,
            maxEntriesEach: 3,
        };
        Self { chain, verifier, competitions, terms }
    }

    pub fn with(change: impl FnOnce(&mut Terms)) -> Self {
        let mut play = Self::new();
        change(&mut play.terms);
        play
    }

    /// The same with a token, of which everybody has enough and has approved it.
    pub fn with_token(change: impl FnOnce(&mut Terms)) -> (Self, Address) {
        let mut play = Self::with(change);
        let token = deploy(play.chain.as_mut(), &TestToken::BYTECODE);
        play.terms.token = token;
        for number in 0..20 {
            let (who, amount) = (account(number), U256::from(u64::MAX));
            play.call(account(0), token, 0, TestToken::mintCall { to: who, amount }).answer.unwrap();
            let approve = TestToken::approveCall { spender: play.competitions, value: amount };
            play.call(who, token, 0, approve).answer.unwrap();
        }
        (play, token)
    }

    pub fn call(&mut self, from: Address, to: Address, value: u128, call: impl SolCall) -> Receipt {
        self.chain.send(from, Some(to), value, call.abi_encode().into())
    }

    pub fn send(&mut self, from: u8, value: u128, call: impl SolCall) -> Receipt {
        let competitions = self.competitions;
        self.call(account(from), competitions, value, call)
    }

    pub fn coin(&self, amount: u128) -> u128 {
        if self.terms.token == Address::ZERO { amount } else { 0 }
    }

    pub fn id(&self) -> B256 {
        competition_id(&Deployment { chain: 1, contract: self.competitions }, &self.terms)
    }

    pub fn post(&mut self) -> Receipt {
        let terms = self.terms.clone();
        self.send(HOST, self.coin(terms.prize + terms.hostBond), postCall { terms })
    }

    /// Model `number` of an account.
    pub fn enter(&mut self, who: u8, number: u64) -> Receipt {
        let terms = self.terms.clone();
        let call = enterCall { terms, commitment: commitment(number), proof: [U256::ZERO; 10] };
        self.send(who, self.coin(self.terms.bond), call)
    }

    pub fn reveal(&mut self) -> Receipt {
        let terms = self.terms.clone();
        self.send(HOST, 0, revealCall { terms, salt: SALT, pieces: vec![], tail: DATA.into() })
    }

    pub fn submit(&mut self, who: u8, number: u64, correct: u32) -> Receipt {
        self.submit_chunks(who, number, 0, &[correct])
    }

    pub fn submit_chunks(&mut self, who: u8, number: u64, first: u32, correct: &[u32]) -> Receipt {
        let call = submit_call(&self.terms, account(who), number, first, correct);
        self.send(19, 0, call)
    }

    pub fn finalise(&mut self) -> Receipt {
        let terms = self.terms.clone();
        self.send(19, 0, finaliseCall { terms })
    }

    pub fn release(&mut self, who: u8, number: u64) -> Receipt {
        let terms = self.terms.clone();
        self.send(19, 0, releaseCall { terms, competitor: account(who), commitment: commitment(number) })
    }

    pub fn cancel(&mut self) -> Receipt {
        let terms = self.terms.clone();
        self.send(HOST, 0, cancelCall { terms })
    }

    pub fn claim(&mut self, who: u8) -> Receipt {
        let (token, to) = (self.terms.token, account(who));
        self.send(who, 0, claimCall { token, to })
    }

    pub fn view<C: SolCall>(&mut self, to: Address, call: C) -> C::Return {
        let answer = self.chain.view(to, call.abi_encode().into()).answer.unwrap();
        C::abi_decode_returns(&answer).unwrap()
    }

    pub fn owed(&mut self, who: u8) -> u128 {
        let (token, competitions) = (self.terms.token, self.competitions);
        self.view(competitions, owedCall { token, account: account(who) }).to()
    }

    pub fn phase(&mut self) -> u8 {
        let (id, competitions) = (self.id(), self.competitions);
        self.view(competitions, competitionsCall { id }).phase
    }

    pub fn entry(&mut self, who: u8, number: u64) -> entriesReturn {
        let (id, competitions) = (self.id(), self.competitions);
        let call = entryOfCall { id, competitor: account(who), commitment: commitment(number) };
        let entry = self.view(competitions, call);
        self.view(competitions, entriesCall { entry })
    }

    pub fn places(&mut self) -> Vec<(Address, u32)> {
        let (id, competitions) = (self.id(), self.competitions);
        let places = self.view(competitions, placesCall { id });
        places.into_iter().map(|place| (place.account, place.correct)).collect()
    }

    /// What the contract holds of the competition's asset.
    pub fn held(&mut self) -> u128 {
        let (token, contract) = (self.terms.token, self.competitions);
        if token == Address::ZERO {
            self.chain.balance(contract).to()
        } else {
            self.view(token, TestToken::balanceOfCall { account: contract }).to()
        }
    }

    /// From posting to the reveal, with an entry each of so many accounts (2, 3, ..).
    pub fn revealed(&mut self, entrants: u8) {
        self.post().answer.unwrap();
        for who in 2..2 + entrants {
            self.enter(who, 1).answer.unwrap();
        }
        self.chain.set_time(REVEAL_FROM);
        self.reveal().answer.unwrap();
    }
}

/// A submission with proofs of zeros.
pub fn submit_call(
    terms: &Terms,
    competitor: Address,
    number: u64,
    first: u32,
    correct: &[u32],
) -> submitCall {
    submitCall {
        terms: terms.clone(),
        competitor,
        commitment: commitment(number),
        first,
        correct: correct.to_vec(),
        proofs: vec![[U256::ZERO; 10]; correct.len()],
    }
}

pub fn commitment(number: u64) -> [U256; 2] {
    [U256::from(number), U256::ZERO]
}
