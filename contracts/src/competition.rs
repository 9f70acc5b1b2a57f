//! Terms, ids, and what proofs on a chain are about.
//!
//! Off chains and on, a proof is bound to 32 bytes of a competition, a competitor and 32 bytes of an entry. On a chain the
//! competition is the hash of chain id, contract and terms (the seal and the key among them), the competitor is the account
//! that entered and is paid, the entry is the hash of competition, competitor and commitment, and the roster's digest is
//! zero: the contract itself sees that the entry was made in time.

use crate::test_set::domain;
use crate::{Cost, Terms};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue;
use circuits::SizeClass;
use circuits::groth16::Commitment;
use circuits::statement::{Chunk, Competitor, Scope, ScoreClaim};

/// Most winners of a competition.
const MAX_WINNERS: u8 = 16;
/// Gas of a submission or a reveal outside the verifier.
pub const OUTSIDE_GAS: u64 = 240_000;
/// 100 % in basis points.
const FULL: u16 = 10_000;

/// Where a competition is: the contract on its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deployment {
    /// The chain's id at the deployment of the contract.
    pub chain: u64,
    /// The contract `Competitions`.
    pub contract: Address,
}

/// Terms that the contract would refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: expected {expected}, got {got}")]
pub struct TermsError {
    /// Which field.
    pub what: &'static str,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub got: String,
}

impl Terms {
    /// What the contract checks of the terms alone; `now` in seconds since 1970, `finality_s` what the contract was
    /// deployed with. It also checks that the key is registered and that a score can be verified within the gas of a
    /// transaction.
    ///
    /// # Errors
    /// The first field that the contract would refuse.
    pub fn check(&self, now: u64, finality_s: u64) -> Result<(), TermsError> {
        let check = |what, good: bool, expected: String, got: &dyn std::fmt::Display| {
            if good { Ok(()) } else { Err(TermsError { what, expected, got: got.to_string() }) }
        };
        check("prize", self.prize > 0, "more than 0".into(), &self.prize)?;
        check("threshold", self.threshold <= FULL, format!("at most {FULL} basis points"), &self.threshold)?;
        check("winners", self.winners <= MAX_WINNERS, format!("at most {MAX_WINNERS}"), &self.winners)?;
        check("entries", self.maxEntries > 0, "at least 1".into(), &self.maxEntries)?;
        check("entries of one account", self.maxEntriesEach > 0, "at least 1".into(), &self.maxEntriesEach)?;
        let after = |what, time: u64, before: u64| {
            check(what, time > before, format!("a time after {before}"), &time)
        };
        after("end of entering", self.enterUntil, now)?;
        after("end of the reveal", self.revealUntil, self.enterUntil.saturating_add(finality_s))?;
        after("end of submitting", self.submitUntil, self.revealUntil.saturating_add(finality_s))
    }
}

/// The id of a competition.
pub fn competition_id(at: &Deployment, terms: &Terms) -> B256 {
    let chain = U256::from(at.chain);
    keccak256((domain("podium chain competition v1"), chain, at.contract, terms.clone()).abi_encode())
}

/// The id of an entry.
pub fn entry_id(competition: B256, competitor: Address, commitment: &Commitment) -> B256 {
    let commitment = words::<2>(&commitment.to_evm());
    keccak256((domain("podium chain entry v1"), competition, competitor, commitment).abi_encode())
}

/// What a model proof on the chain is about.
pub fn model_scope(competition: B256, competitor: Address) -> Scope {
    Scope { competition: competition.0, competitor: Competitor::Evm(competitor.into_array()) }
}

/// The claims of a submission, one a chunk: `correct` rows of a chunk, for each.
pub fn score_claims(
    competition: B256,
    competitor: Address,
    commitment: &Commitment,
    class: &SizeClass,
    correct: &[u64],
    rows: usize,
) -> Vec<ScoreClaim> {
    let claim = |(chunk, correct): (Chunk, &u64)| ScoreClaim {
        scope: model_scope(competition, competitor),
        entry: entry_id(competition, competitor, commitment).0,
        roster: [0; 32],
        chunk,
        rows: rows as u64,
        correct: *correct,
    };
    chunks(class, rows).into_iter().zip(correct).map(claim).collect()
}

/// Chunks of a score that fit into one transaction, at least one: `post` has refused what would not. `cost` is the
/// verifier's answer, `gas_limit` what a transaction may take.
pub fn chunks_at_once(cost: &Cost, gas_limit: u64) -> u64 {
    let fixed = cost.load.saturating_add(U256::from(OUTSIDE_GAS));
    let room = U256::from(gas_limit).saturating_sub(fixed);
    let many = room.checked_div(cost.chunk).unwrap_or_default();
    many.min(cost.chunks).saturating_to::<u64>().max(1)
}

/// The chunks of a test set, each with a proof of its own.
pub fn chunks(class: &SizeClass, rows: usize) -> Vec<Chunk> {
    Chunk::all(rows, class)
}

/// Words of 32 bytes, big-endian; `bytes` must have as many.
pub(crate) fn words<const N: usize>(bytes: &[u8]) -> [U256; N] {
    let mut out = [U256::ZERO; N];
    for (word, bytes) in out.iter_mut().zip(bytes.chunks(32)) {
        *word = U256::from_be_slice(bytes);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_chunks_go_together_as_a_transaction_takes() {
        let [chunks, load, chunk, register] = [7u64, 100_000, 1_000_000, 0].map(U256::from);
        let cost = Cost { chunks, load, chunk, register };
        // 340,000 besides the chunks.
        for (gas_limit, expected) in
            [(0, 1), (1_340_000, 1), (2_339_999, 1), (2_340_000, 2), (7_340_000, 7), (u64::MAX, 7)]
        {
            assert_eq!(chunks_at_once(&cost, gas_limit), expected, "{gas_limit}");
        }
    }
}
