//! Competitions whose proofs are believed: for tests of phases and money alone.

use crate::evm::{Chain, Receipt, account, chain, hash};
use crate::support::{
    ENTER_UNTIL, FINALITY, HOST, REVEAL_FROM, REVEAL_UNTIL, SUBMIT_UNTIL, TestToken, YesVerifier, deploy,
};
use alloy_primitives::keccak256;
use alloy_sol_types::SolCall;
use contracts::bindings::Competitions::{
    cancelCall, claimCall, competitionsCall, enterCall, entriesCall, entriesReturn, entryOfCall,
    finaliseCall, owedCall, placesCall, postCall, releaseCall, revealCall, submitCall,
};
use contracts::{Address, B256, Deployment, Terms, U256, competition_id};

// The contract's `Phase`.
pub const OPEN: u8 = 1;
pub const REVEALED: u8 = 2;
pub const WON: u8 = 3;
pub const UNWON: u8 = 4;
pub const ABANDONED: u8 = 5;
pub const CANCELLED: u8 = 6;

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
            seal: contracts::seal(host, SALT, keccak256(DATA)),
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
