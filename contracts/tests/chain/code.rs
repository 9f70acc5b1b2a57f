//! Contracts of ours are known by their code.

use crate::evm::chain;
use crate::play::Play;
use crate::support::{FINALITY, Stage};
use alloy_sol_types::SolCall;
use contracts::bindings::Competitions::{
    CHAIN_IDCall, FINALITYCall, GAS_LIMITCall, OUTSIDE_GASCall, VERIFIERCall,
};
use contracts::bindings::Verifier::MAX_PIECECall;
use contracts::{
    Deployment, ETHEREUM_GAS_LIMIT, MAX_PIECE_BYTES, OUTSIDE_GAS, Parameters, U256, competitions_code,
    verifier_code,
};

#[test]
fn the_code_on_the_chain_is_the_code_of_the_artefacts() {
    let mut stage = Stage::new();
    let (verifier, competitions) = (stage.verifier, stage.competitions);
    assert_eq!(stage.chain.code(verifier), verifier_code());
    let parameters = Parameters { verifier, gas_limit: ETHEREUM_GAS_LIMIT, finality_s: FINALITY };
    let code = stage.chain.code(competitions);
    assert_eq!(code, competitions_code(&stage.at(), &parameters));
    // Each parameter is a part of it.
    let at = stage.at();
    for (at, parameters) in [
        (Deployment { chain: at.chain + 1, ..at }, parameters),
        (at, Parameters { verifier: competitions, ..parameters }),
        (at, Parameters { gas_limit: ETHEREUM_GAS_LIMIT - 1, ..parameters }),
        (at, Parameters { finality_s: FINALITY + 1, ..parameters }),
    ] {
        assert_ne!(code, competitions_code(&at, &parameters));
    }
}

#[test]
fn the_contract_says_what_it_was_deployed_with() {
    let mut play = Play { chain: chain(31), ..Play::new() };
    let verifier = play.verifier;
    let code = contracts::deploy_competitions(verifier, 5_000_000, 77);
    let to = crate::support::deploy(play.chain.as_mut(), &code);
    assert_eq!(play.view(to, VERIFIERCall {}), verifier);
    assert_eq!(play.view(to, GAS_LIMITCall {}).to::<u64>(), 5_000_000);
    assert_eq!(play.view(to, FINALITYCall {}).to::<u64>(), 77);
    assert_eq!(play.view(to, CHAIN_IDCall {}).to::<u64>(), 31);
    let parameters = Parameters { verifier, gas_limit: 5_000_000, finality_s: 77 };
    assert_eq!(play.chain.code(to), competitions_code(&Deployment { chain: 31, contract: to }, &parameters));
}

#[test]
fn constants_of_the_library_are_those_of_the_contracts() {
    let mut play = Play::new();
    let to = play.competitions;
    assert_eq!(play.view(to, OUTSIDE_GASCall {}), U256::from(OUTSIDE_GAS));
    let mut stage = Stage::new();
    let answer = stage.verifier_does(MAX_PIECECall {}.abi_encode().into()).answer.unwrap();
    assert_eq!(MAX_PIECECall::abi_decode_returns(&answer).unwrap(), U256::from(MAX_PIECE_BYTES));
}
