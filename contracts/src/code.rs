//! What stands on the chain at the addresses of our contracts: before money goes to one, its code is compared.

use crate::Deployment;
use crate::bindings::{Competitions, Verifier};
use alloy_primitives::{Address, Bytes, U256};
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

/// The code of the verifier.
pub fn verifier_code() -> Bytes {
    Verifier::DEPLOYED_BYTECODE.clone()
}

/// The code of the competitions with these parameters. Whoever is asked to send money to a contract compares it, and
/// [`verifier_code`] with that of the verifier.
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
