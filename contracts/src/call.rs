//! What is sent: calldata of every step, and the code that deploys the contracts.

use crate::bindings::{Competitions, Verifier};
use crate::competition::words;
use crate::{Address, Bytes, ChainKey, Pieces, SealedTestSet, Terms, U256};
use alloy_sol_types::{SolCall, SolConstructor};
use circuits::groth16::{Commitment, Proof};

/// What deploys the verifier.
pub fn deploy_verifier() -> Bytes {
    Verifier::BYTECODE.clone()
}

/// What deploys the competitions over a verifier. `gas_limit`: most gas of a transaction on the chain
/// ([`crate::ETHEREUM_GAS_LIMIT`]). `finality_s`: seconds after which its blocks are not replaced
/// ([`crate::ETHEREUM_FINALITY_S`]).
pub fn deploy_competitions(verifier: Address, gas_limit: u64, finality_s: u64) -> Bytes {
    let (gas_limit, finality) = (U256::from(gas_limit), U256::from(finality_s));
    let arguments = Competitions::constructorCall { verifier, gasLimit_: gas_limit, finality };
    [&Competitions::BYTECODE[..], &arguments.abi_encode()].concat().into()
}

/// To the verifier: stores what does not fit into the last transaction.
pub fn store(pieces: &Pieces) -> Vec<Bytes> {
    pieces.calls()
}

/// To the verifier: registers a key, whose other pieces are stored.
pub fn register_key(key: &ChainKey) -> Bytes {
    let (pieces, tail) = (key.pieces.hashes(), key.pieces.tail.clone());
    Verifier::registerKeyCall { class: key.class, trust: key.trust, pieces, tail }.abi_encode().into()
}

/// Posts a competition; carries prize and host's bond where the asset is the chain's own coin.
pub fn post(terms: &Terms) -> Bytes {
    Competitions::postCall { terms: terms.clone() }.abi_encode().into()
}

/// Enters a model with its model proof; carries the bond where the asset is the chain's own coin.
pub fn enter(terms: &Terms, commitment: &Commitment, proof: &Proof) -> Bytes {
    let (commitment, proof) = (words(&commitment.to_evm()), words(&proof.to_evm()));
    Competitions::enterCall { terms: terms.clone(), commitment, proof }.abi_encode().into()
}

/// Reveals a test set, whose other pieces are stored (by the verifier).
pub fn reveal(terms: &Terms, set: &SealedTestSet) -> Bytes {
    let (pieces, tail) = (set.pieces.hashes(), set.pieces.tail.clone());
    Competitions::revealCall { terms: terms.clone(), salt: set.salt, pieces, tail }.abi_encode().into()
}

/// Submits chunks of a score: from chunk `first` on, of each the claimed rows and the proof. They count together with
/// those that were submitted before.
pub fn submit(
    terms: &Terms,
    competitor: Address,
    commitment: &Commitment,
    first: u32,
    chunks: &[(u32, Proof)],
) -> Bytes {
    Competitions::submitCall {
        terms: terms.clone(),
        competitor,
        commitment: words(&commitment.to_evm()),
        first,
        correct: chunks.iter().map(|(correct, _)| *correct).collect(),
        proofs: chunks.iter().map(|(_, proof)| words(&proof.to_evm())).collect(),
    }
    .abi_encode()
    .into()
}

/// Settles a competition whose time is over.
pub fn finalise(terms: &Terms) -> Bytes {
    Competitions::finaliseCall { terms: terms.clone() }.abi_encode().into()
}

/// Settles the bond of an entry.
pub fn release(terms: &Terms, competitor: Address, commitment: &Commitment) -> Bytes {
    let commitment = words(&commitment.to_evm());
    Competitions::releaseCall { terms: terms.clone(), competitor, commitment }.abi_encode().into()
}

/// Takes back a competition without entries.
pub fn cancel(terms: &Terms) -> Bytes {
    Competitions::cancelCall { terms: terms.clone() }.abi_encode().into()
}

/// Pays the sender all that it is owed in an asset (zero: the chain's own coin).
pub fn claim(token: Address, to: Address) -> Bytes {
    Competitions::claimCall { token, to }.abi_encode().into()
}
