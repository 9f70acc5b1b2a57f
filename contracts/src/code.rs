//! What stands on the chain at the addresses of our contracts: before money goes to one, its code and its address are
//! compared. Code alone is not enough: the constructor that has returned it could have been another one, and have written
//! into the storage what the contract owes, or keys that are none.

use crate::bindings::{Competitions, Verifier};
use crate::{Deployment, deploy_competitions, deploy_verifier};
use alloy_primitives::{Address, B256, Bytes, U256, address};
use std::collections::BTreeMap;

/// What the contract `Competitions` was deployed with: its own answers to `VERIFIER`, `GAS_LIMIT` and `FINALITY` (a contract
/// that is not ours may answer what it likes, but then its code is another one).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Who checks proofs.
    pub verifier: Address,
    /// Most gas of a transaction.
    pub gas_limit: u64,
    /// Seconds after which a block is not replaced.
    pub finality_s: u64,
}

/// What creates our contracts: a contract without an owner that creates whatever it is given, by CREATE2 (EIP-1014), and
/// stands at this address on most chains, development chains too. An address that CREATE2 gives is the hash of who creates
/// and of the code that runs then: at ours no other constructor has run.
/// (<https://github.com/Arachnid/deterministic-deployment-proxy>)
pub const FACTORY: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");

const SALT: B256 = B256::ZERO;

/// To the factory: creates a contract.
pub fn create(initcode: &Bytes) -> Bytes {
    [&SALT[..], initcode].concat().into()
}

/// Where such a factory creates a contract.
pub fn created_at(factory: Address, initcode: &Bytes) -> Address {
    factory.create2_from_code(SALT, initcode)
}

/// Where the verifier is, on every chain.
pub fn verifier_address() -> Address {
    created_at(FACTORY, &deploy_verifier())
}

/// Where the competitions with these parameters are, on every chain.
pub fn competitions_address(parameters: &Parameters) -> Address {
    let Parameters { verifier, gas_limit, finality_s } = *parameters;
    created_at(FACTORY, &deploy_competitions(verifier, gas_limit, finality_s))
}

/// The code of the verifier.
pub fn verifier_code() -> Bytes {
    Verifier::DEPLOYED_BYTECODE.clone()
}

/// The code of the competitions with these parameters. Whoever is asked to send money to a contract compares it, and
/// [`verifier_code`] with that of the verifier; and both addresses.
pub fn competitions_code(at: &Deployment, parameters: &Parameters) -> Bytes {
    let mut code = Competitions::DEPLOYED_BYTECODE.to_vec();
    for (name, value) in [
        ("VERIFIER", U256::from_be_slice(parameters.verifier.as_slice())),
        ("GAS_LIMIT", U256::from(parameters.gas_limit)),
        ("FINALITY", U256::from(parameters.finality_s)),
        ("CHAIN_ID", U256::from(at.chain)),
    ] {
        for start in places(name) {
            if let Some(place) = code.get_mut(start..start + 32) {
                place.copy_from_slice(&value.to_be_bytes::<32>());
            }
        }
    }
    code.into()
}

/// Where an immutable stands in the code. None if the artefact were broken: then the code is nobody's, which is the safe side.
fn places(name: &str) -> Vec<usize> {
    #[derive(serde::Deserialize)]
    struct Artefact {
        immutables: BTreeMap<String, Vec<usize>>,
    }
    let artefact = serde_json::from_str::<Artefact>(include_str!("../artefacts/Competitions.json"));
    artefact.ok().and_then(|mut artefact| artefact.immutables.remove(name)).unwrap_or_default()
}
