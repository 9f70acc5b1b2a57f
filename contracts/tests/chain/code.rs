//! Contracts of ours are known by their code and by their addresses.

use crate::evm::{account, chain};
use crate::play::Play;
use crate::support::{FINALITY, Stage, deploy};
use alloy_primitives::{hex, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use contracts::bindings::Competitions::{
    CHAIN_IDCall, FINALITYCall, GAS_LIMITCall, OUTSIDE_GASCall, VERIFIERCall, claimCall,
};
use contracts::bindings::Verifier::MAX_PIECECall;
use contracts::{
    Address, Bytes, Deployment, ETHEREUM_GAS_LIMIT, FACTORY, MAX_PIECE_BYTES, OUTSIDE_GAS, Parameters, U256,
    competitions_address, competitions_code, created_at, verifier_address, verifier_code,
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

/// What the factory of most chains was created with.
const FACTORY_INITCODE: &str = "604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe036016000\
    81602082378035828234f58015156039578182fd5b8082525050506014600cf3";

#[test]
fn contracts_are_where_the_factory_and_their_constructors_say() {
    let mut chain = chain(1);
    let factory = deploy(chain.as_mut(), &hex::decode(FACTORY_INITCODE).unwrap().into());
    let mut create = |initcode: &Bytes| {
        let at = created_at(factory, initcode);
        let answer = chain.send(account(0), Some(factory), 0, contracts::create(initcode)).answer.unwrap();
        assert_eq!(answer[..], at[..]);
        (at, chain.code(at))
    };
    let (verifier, code) = create(&contracts::deploy_verifier());
    assert_eq!(code, verifier_code());
    let (contract, code) = create(&contracts::deploy_competitions(verifier, 7, 8));
    let parameters = Parameters { verifier, gas_limit: 7, finality_s: 8 };
    assert_eq!(code, competitions_code(&Deployment { chain: 1, contract }, &parameters));
    // Of most chains: the first contract of a key that nobody has, in a transaction without a chain.
    let nobody: Address = "0x3fAB184622Dc19b6109349B94811493BF2a45362".parse().unwrap();
    assert_eq!(nobody.create(0), FACTORY);
    let there = |parameters: &Parameters| competitions_address(parameters);
    let own = there(&Parameters { verifier: verifier_address(), ..parameters });
    assert_ne!(own, there(&parameters), "another verifier");
    assert_ne!(there(&parameters), there(&Parameters { finality_s: 9, ..parameters }));
}

/// A constructor may write what it likes before it returns our code: here that the contract owes its author a prize. So the
/// address is compared too.
#[test]
fn equal_code_over_a_storage_that_was_filled_before_pays_a_thief() {
    let mut play = Play::new();
    let parameters =
        Parameters { verifier: play.verifier, gas_limit: ETHEREUM_GAS_LIMIT, finality_s: FINALITY };
    let ours = competitions_code(&Deployment { chain: 1, contract: Address::ZERO }, &parameters);
    let (thief, prize) = (account(7), play.terms.prize);
    let inner = keccak256((Address::ZERO, U256::ZERO).abi_encode());
    let slot = keccak256((thief, inner).abi_encode());
    // PUSH32 prize, PUSH32 slot, SSTORE; then PUSH2 length, DUP1, PUSH2 offset, PUSH0, CODECOPY, PUSH0, RETURN.
    let write = [&[0x7f][..], &U256::from(prize).to_be_bytes::<32>(), &[0x7f], &slot[..], &[0x55]].concat();
    let length = u16::try_from(ours.len()).unwrap().to_be_bytes();
    let give = [&[0x61][..], &length, &[0x80, 0x61, 0, 78, 0x5f, 0x39, 0x5f, 0xf3]].concat();
    let initcode: Bytes = [&write[..], &give, &ours].concat().into();
    play.competitions = deploy(play.chain.as_mut(), &initcode);
    assert_eq!(play.chain.code(play.competitions), ours);
    play.post().answer.unwrap();
    let before = play.chain.balance(thief);
    let to = account(8);
    play.send(7, 0, claimCall { token: Address::ZERO, to }).answer.unwrap();
    assert_eq!(play.chain.balance(thief), before);
    assert_eq!(play.chain.balance(to), U256::from(u64::MAX) + U256::from(prize));
    assert_ne!(play.competitions, competitions_address(&parameters));
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
