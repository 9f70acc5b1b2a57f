//! What attackers try: calling back, refusing money, copying proofs, replaying them elsewhere.

use crate::evm::{Chain, Evm, account, chain, hash};
use crate::play::{Play, commitment, submit_call};
use crate::support::{
    FINALITY, HOST, KEY, Puppet, REVEAL_FROM, SUBMIT_UNTIL, Stage, TestToken, deploy, model, reached,
    refused, refused_by_verifier, test_set,
};
use alloy_sol_types::SolCall;
use circuits::model::CATALOGUE;
use contracts::bindings::Competitions::{
    CompetitionsErrors as E, claimCall, enterCall, finaliseCall, postCall, releaseCall, revealCall,
};
use contracts::bindings::Verifier::VerifierErrors as V;
use contracts::{Address, Bytes, ChainKey, U256};

const REFUSE: u8 = 1;
const CALL_BACK: u8 = 2;

/// A competitor with code: it has entered, and is told how to behave when it is paid.
fn puppet(play: &mut Play) -> Address {
    let puppet = deploy(play.chain.as_mut(), &Puppet::BYTECODE);
    play.chain.fund(puppet, 10_000);
    puppet
}

fn puppet_calls(play: &mut Play, puppet: Address, value: u128, call: impl SolCall) -> crate::evm::Receipt {
    let run = Puppet::runCall { to: play.competitions, call_: call.abi_encode().into() };
    play.call(account(18), puppet, value, run)
}

#[test]
fn a_receiver_that_calls_back_is_paid_once() {
    let back: [fn(&Play, Address) -> Bytes; 4] = [
        |play, me| claimCall { token: play.terms.token, to: me }.abi_encode().into(),
        |play, me| {
            let (terms, competitor) = (play.terms.clone(), me);
            releaseCall { terms, competitor, commitment: commitment(1) }.abi_encode().into()
        },
        |play, _| finaliseCall { terms: play.terms.clone() }.abi_encode().into(),
        |play, me| submit_call(&play.terms, me, 1, 0, &[90]).abi_encode().into(),
    ];
    for data in back {
        let mut play = Play::with(|t| t.winners = 0);
        play.post().answer.unwrap();
        let me = puppet(&mut play);
        let terms = play.terms.clone();
        let enter = enterCall { terms: terms.clone(), commitment: commitment(1), proof: [U256::ZERO; 10] };
        puppet_calls(&mut play, me, 50, enter).answer.unwrap();
        play.enter(3, 1).answer.unwrap();
        play.chain.set_time(REVEAL_FROM);
        play.reveal().answer.unwrap();
        play.send(2, 0, submit_call(&terms, me, 1, 0, &[80])).answer.unwrap();
        let set = Puppet::setCall { mood_: CALL_BACK, target_: play.competitions, data_: data(&play, me) };
        play.call(account(18), me, 0, set).answer.unwrap();
        let before = play.chain.balance(me);
        puppet_calls(&mut play, me, 0, claimCall { token: Address::ZERO, to: me }).answer.unwrap();
        assert_eq!(play.chain.balance(me) - before, U256::from(1_000_003));
        let counts = (play.view(me, Puppet::attemptsCall {}), play.view(me, Puppet::successesCall {}));
        assert_eq!(counts, (U256::from(1), U256::ZERO));
        assert_eq!(play.held(), 101 + 2 * 50);
    }
}

/// Refunds, ranks and other winners do not wait for one that cannot receive.
#[test]
fn a_receiver_that_refuses_blocks_nobody_and_loses_nothing() {
    let mut play = Play::with(|t| t.winners = 2);
    play.post().answer.unwrap();
    let me = puppet(&mut play);
    let terms = play.terms.clone();
    let enter = enterCall { terms: terms.clone(), commitment: commitment(1), proof: [U256::ZERO; 10] };
    puppet_calls(&mut play, me, 50, enter).answer.unwrap();
    play.enter(3, 1).answer.unwrap();
    let set = Puppet::setCall { mood_: REFUSE, target_: Address::ZERO, data_: Bytes::new() };
    play.call(account(18), me, 0, set).answer.unwrap();
    play.chain.set_time(REVEAL_FROM);
    play.reveal().answer.unwrap();
    play.submit(3, 1, 60).answer.unwrap();
    play.send(2, 0, submit_call(&terms, me, 1, 0, &[80])).answer.unwrap();
    play.chain.set_time(SUBMIT_UNTIL);
    play.finalise().answer.unwrap();
    play.claim(3).answer.unwrap();
    play.claim(HOST).answer.unwrap();
    let refused = puppet_calls(&mut play, me, 0, claimCall { token: Address::ZERO, to: me });
    assert!(refused.answer.is_err());
    puppet_calls(&mut play, me, 0, claimCall { token: Address::ZERO, to: account(9) }).answer.unwrap();
    assert_eq!(play.held(), 2 * 50);
}

/// A token that calls its attacker in the middle of every transfer.
#[test]
fn a_token_that_calls_back_gets_nowhere() {
    let (mut play, token) = Play::with_token(|t| t.winners = 0);
    let puppet = deploy(play.chain.as_mut(), &Puppet::BYTECODE);
    let hooked = |play: &mut Play, data: Vec<u8>| {
        let hook = TestToken::hookCall { target_: play.competitions, data_: data.into() };
        play.call(account(0), token, 0, hook).answer.unwrap();
    };
    let calls = |play: &mut Play| {
        let (n, k) =
            (play.view(token, TestToken::attemptsCall {}), play.view(token, TestToken::successesCall {}));
        (n.to::<u64>(), k.to::<u64>())
    };
    // The host is the token here: it may post, within the transfer of its post.
    play.terms.manifest = hash(1);
    let inner = play.terms.clone();
    hooked(&mut play, postCall { terms: inner }.abi_encode());
    play.terms.manifest = hash(2);
    play.post().answer.unwrap();
    assert_eq!(calls(&mut play), (1, 0));
    let terms = play.terms.clone();
    hooked(&mut play, enterCall { terms, commitment: commitment(1), proof: [U256::ZERO; 10] }.abi_encode());
    play.enter(2, 1).answer.unwrap();
    assert_eq!(calls(&mut play), (2, 0));
    play.chain.set_time(REVEAL_FROM);
    play.reveal().answer.unwrap();
    play.submit(2, 1, 80).answer.unwrap();
    hooked(&mut play, claimCall { token, to: puppet }.abi_encode());
    play.claim(2).answer.unwrap();
    assert_eq!(calls(&mut play), (3, 0));
    assert_eq!((play.owed(2), play.held()), (0, 101 + 50));
}

#[test]
fn a_broken_token_keeps_the_claim() {
    let (mut play, token) = Play::with_token(|_| {});
    play.post().answer.unwrap();
    play.cancel().answer.unwrap();
    play.call(account(0), token, 0, TestToken::setCall { feeBps_: U256::ZERO, broken_: true })
        .answer
        .unwrap();
    let claim = play.claim(HOST);
    assert_eq!(contracts::refusal(&claim.answer.unwrap_err()), contracts::Refusal::Message("broken".into()));
    play.call(account(0), token, 0, TestToken::setCall { feeBps_: U256::ZERO, broken_: false })
        .answer
        .unwrap();
    play.claim(HOST).answer.unwrap();
    assert_eq!(play.held(), 0);
}

/// From here on with real proofs. A proof that waits in the mempool is of use to nobody else.
#[test]
fn copied_proofs_pay_their_maker() {
    let mut stage = Stage::new();
    stage.terms.winners = 0;
    stage.post().answer.unwrap();
    let (mine, thief) = (account(2), account(3));
    let model = model(&CATALOGUE[0], 1);
    let (opening, proof) = stage.model_proof(&KEY, &model, mine);
    // Entering another's model.
    assert!(matches!(refused_by_verifier(&stage.enter(thief, &opening, &proof)), V::ProofInvalid(_)));
    stage.enter(mine, &opening, &proof).answer.unwrap();
    // Nor after it was entered.
    assert!(matches!(refused_by_verifier(&stage.enter(thief, &opening, &proof)), V::ProofInvalid(_)));
    let thiefs_model = crate::support::model(&CATALOGUE[0], 7);
    let (thiefs, thiefs_proof) = stage.model_proof(&KEY, &thiefs_model, thief);
    stage.enter(thief, &thiefs, &thiefs_proof).answer.unwrap();
    stage.chain.set_time(REVEAL_FROM);
    stage.reveal().answer.unwrap();
    let correct = reached(&model, &stage.set);
    let chunks = stage.prove(&KEY, &opening, mine, &correct);
    // As the thief's own, over the thief's commitment or over the maker's.
    let copy = stage.submit(thief, &thiefs.commitment(), &chunks);
    assert!(matches!(refused_by_verifier(&copy), V::ProofInvalid(_)));
    assert!(matches!(refused(&stage.submit(thief, &opening.commitment(), &chunks)), E::UnknownEntry(_)));
    // Carried to the chain by the thief, it pays its maker.
    let data = contracts::submit(&stage.terms, mine, &opening.commitment(), 0, &chunks);
    stage.send(thief, 0, data).answer.unwrap();
    assert_eq!((stage.owed(mine), stage.owed(thief)), (1_000_003, 0));
}

/// The same host, terms and addresses elsewhere: proofs are of one chain, one contract and one competition.
#[test]
fn proofs_are_of_one_chain_one_contract_and_one_competition() {
    let mine = account(2);
    let mut here = Stage::new();
    here.post().answer.unwrap();
    let model = model(&CATALOGUE[0], 1);
    let (opening, proof) = here.model_proof(&KEY, &model, mine);
    here.enter(mine, &opening, &proof).answer.unwrap();
    here.chain.set_time(REVEAL_FROM);
    here.reveal().answer.unwrap();
    let chunks = here.prove(&KEY, &opening, mine, &reached(&model, &here.set));

    let elsewhere = |name: &str, mut there: Stage| {
        there.post().answer.unwrap();
        assert!(
            matches!(refused_by_verifier(&there.enter(mine, &opening, &proof)), V::ProofInvalid(_)),
            "{name}"
        );
        // The same model, entered there by a proof of its own: the score of here does not count.
        let (again, own) = there.model_proof(&KEY, &model, mine);
        there.enter(mine, &again, &own).answer.unwrap();
        there.chain.set_time(REVEAL_FROM);
        there.reveal().answer.unwrap();
        let replay = there.submit(mine, &again.commitment(), &chunks);
        assert!(matches!(refused_by_verifier(&replay), V::ProofInvalid(_)), "{name}");
    };
    let set = test_set(&model, 40, 2);
    let other_chain = Stage::on(chain(2), &KEY, &set);
    assert_eq!(other_chain.competitions, here.competitions);
    elsewhere("chain", other_chain);

    let mut other_contract = Stage::new();
    let code =
        contracts::deploy_competitions(other_contract.verifier, contracts::ETHEREUM_GAS_LIMIT, FINALITY);
    other_contract.competitions = deploy(other_contract.chain.as_mut(), &code);
    elsewhere("contract", other_contract);

    let mut other_competition = Stage::new();
    other_competition.terms.manifest = hash(1);
    elsewhere("competition", other_competition);

    here.submit(mine, &opening.commitment(), &chunks).answer.unwrap();
}

/// A second competition over the same test set, whose reveal tells the first one's: nothing there can be entered in time,
/// and the first one's test set is registered by the same digest.
#[test]
fn a_test_set_serves_several_competitions() {
    let mut stage = Stage::new();
    stage.post().answer.unwrap();
    let first = stage.terms.clone();
    stage.terms.manifest = hash(1);
    stage.post().answer.unwrap();
    stage.chain.set_time(REVEAL_FROM);
    stage.reveal().answer.unwrap();
    stage.terms = first;
    let again = stage.reveal();
    assert!(again.gas < 250_000, "stored twice: {}", again.gas);
    again.answer.unwrap();
}

/// Every bit of what is sent to enter and to submit: whoever changes one gets nothing done.
#[test]
fn no_bit_of_calldata_may_differ() {
    let mut stage = Stage::new();
    stage.post().answer.unwrap();
    let (who, model) = (account(2), model(&CATALOGUE[0], 1));
    let (opening, proof) = stage.model_proof(&KEY, &model, who);
    let (to, bond) = (stage.competitions, stage.terms.bond);
    let enter = contracts::enter(&stage.terms, &opening.commitment(), &proof);
    nothing_but(&mut stage, who, to, bond, &enter);
    stage.enter(who, &opening, &proof).answer.unwrap();
    stage.chain.set_time(REVEAL_FROM);
    let verifier = stage.verifier;
    stage.chain.send(account(3), Some(verifier), 0, storing(&stage.sealed.pieces.tail)).answer.unwrap();
    // The tail is stored: what is padded behind bytes is no part of them.
    let sealed = stage.sealed.clone();
    let call = revealCall {
        terms: stage.terms.clone(),
        salt: sealed.salt,
        pieces: vec![alloy_primitives::keccak256(&sealed.pieces.tail)],
        tail: Bytes::new(),
    };
    nothing_but(&mut stage, who, to, 0, &call.abi_encode().into());
    stage.reveal().answer.unwrap();
    let chunks = stage.prove(&KEY, &opening, who, &reached(&model, &stage.set));
    let submit = contracts::submit(&stage.terms, who, &opening.commitment(), 0, &chunks);
    nothing_but(&mut stage, who, to, 0, &submit);
}

fn storing(data: &Bytes) -> Bytes {
    contracts::bindings::Verifier::storePieceCall { data: data.clone() }.abi_encode().into()
}

fn nothing_but(stage: &mut Stage, from: Address, to: Address, value: u128, data: &Bytes) {
    stage.chain.ask(from, to, value, data.clone()).answer.unwrap();
    for bit in 0..8 * data.len() {
        let mut other = data.to_vec();
        other[bit / 8] ^= 0x80 >> (bit % 8);
        let receipt = stage.chain.ask(from, to, value, other.into());
        assert!(receipt.answer.is_err(), "bit {bit} of {} bytes", data.len());
    }
}

/// A chain that lacks a precompile answers its calls with success and nothing: that is no proof.
#[test]
fn missing_precompiles_prove_nothing() {
    let set = test_set(&model(&CATALOGUE[0], 1), 40, 2);
    for missing in [6, 7] {
        let mut stage = Stage::on(Box::new(Evm::new(1).without_precompiles(&[missing])), &KEY, &set);
        stage.post().answer.unwrap();
        let (who, model) = (account(2), model(&CATALOGUE[0], 1));
        let (opening, proof) = stage.model_proof(&KEY, &model, who);
        let V::PrecompileFailed(error) = refused_by_verifier(&stage.enter(who, &opening, &proof)) else {
            panic!("{missing}")
        };
        assert_eq!(error.precompile, U256::from(missing));
    }
    // Without pairings not even a key is registered.
    let mut chain = Evm::new(1).without_precompiles(&[8]);
    let verifier = deploy(&mut chain, &contracts::deploy_verifier());
    let register = contracts::register_key(&ChainKey::of(KEY.verifying_key()));
    let receipt = chain.send(account(0), Some(verifier), 0, register);
    let V::PrecompileFailed(error) = refused_by_verifier(&receipt) else { panic!() };
    assert_eq!(error.precompile, U256::from(8));
}

#[test]
fn money_is_not_sent_where_nobody_takes_it() {
    let (mut play, _) = Play::with_token(|_| {});
    play.post().answer.unwrap();
    play.cancel().answer.unwrap();
    for to in [Address::ZERO, play.competitions] {
        let claim = claimCall { token: play.terms.token, to };
        assert!(matches!(refused(&play.send(HOST, 0, claim)), E::BadReceiver(_)));
    }
    play.claim(HOST).answer.unwrap();
    assert_eq!(play.held(), 0);
}
