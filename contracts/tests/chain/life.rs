//! Phases, deadlines, terms, caps.

use crate::evm::{GENESIS, Receipt, account, hash};
use crate::play::{CANCELLED, DATA, OPEN, Play, REVEALED, SALT, UNWON, WON, commitment};
use crate::support::{
    ENTER_UNTIL, FINALITY, HOST, REVEAL_FROM, REVEAL_UNTIL, SUBMIT_UNTIL, YesVerifier, refused, text,
};
use alloy_sol_types::SolCall;
use contracts::bindings::Competitions::{
    CompetitionsErrors as E, CompetitionsEvents as Ev, cancelCall, enterCall, postCall, revealCall,
};
use contracts::{B256, Event, Terms, U256};

#[test]
fn a_competition_from_its_post_to_the_last_claim() {
    let mut play = Play::new();
    play.revealed(3);
    assert_eq!(play.phase(), REVEALED);
    play.submit(2, 1, 60).answer.unwrap();
    play.submit(3, 1, 70).answer.unwrap();
    play.chain.set_time(SUBMIT_UNTIL);
    play.finalise().answer.unwrap();
    assert_eq!((play.phase(), play.places()), (WON, vec![(account(3), 70)]));
    // The bond of the third, who has proved nothing, goes to the winner.
    assert_eq!((play.owed(3), play.owed(HOST)), (1_000_003 + 50, 101));
    for who in [2, 3, 4] {
        play.release(who, 1).answer.unwrap();
    }
    assert_eq!((play.owed(2), play.owed(3), play.owed(4)), (50, 1_000_003 + 100, 0));
    let before = play.chain.balance(account(3));
    for who in [HOST, 2, 3] {
        play.claim(who).answer.unwrap();
    }
    assert_eq!(play.chain.balance(account(3)) - before, U256::from(1_000_103));
    assert_eq!(play.held(), 0);
    assert!(matches!(refused(&play.claim(3)), E::NothingOwed(_)));
    assert!(matches!(refused(&play.claim(4)), E::NothingOwed(_)));
}

/// What a node that only reads the chain learns.
#[test]
fn every_step_says_what_it_did() {
    let mut play = Play::new();
    let mut said = vec![];
    let mut hear = |receipt: Receipt| {
        receipt.answer.unwrap();
        for log in &receipt.logs {
            let Event::Competitions(event) = contracts::event(log).unwrap() else { panic!() };
            said.push(match *event {
                Ev::Posted(e) => format!("posted, {} to {} places", e.terms.prize, e.terms.winners),
                Ev::Entered(e) => format!("entered, number {} by {}", e.number, e.competitor == account(2)),
                Ev::Revealed(e) => format!("revealed with {}", e.salt == SALT),
                Ev::Scored(e) => format!("scored {}", e.correct),
                Ev::Credited(e) => format!("credited {}", e.amount),
                Ev::Settled(e) => format!("settled as {} for {}", e.phase, e.winners.len()),
                Ev::Released(e) => format!("released {}", e.amount),
                Ev::Claimed(e) => format!("claimed {}", e.amount),
            });
        }
    };
    hear(play.post());
    hear(play.enter(2, 1));
    play.chain.set_time(REVEAL_FROM);
    hear(play.reveal());
    hear(play.submit(2, 1, 60));
    play.chain.set_time(SUBMIT_UNTIL);
    hear(play.finalise());
    hear(play.release(2, 1));
    hear(play.claim(2));
    let expected = [
        "posted, 1000003 to 1 places",
        "entered, number 1 by true",
        "revealed with true",
        "scored 60",
        "settled as 3 for 1",
        "credited 1000003",
        "credited 101",
        "released 50",
        "credited 50",
        "claimed 1000053",
    ];
    assert_eq!(said, expected);
}

/// One second before, at, and one second after every deadline.
#[test]
fn every_deadline_is_exact() {
    type Step = fn(&mut Play) -> Receipt;
    let enter: Step = |play| play.enter(9, 1);
    let reveal: Step = Play::reveal;
    let submit: Step = |play| play.submit(2, 1, 60);
    let finalise: Step = Play::finalise;
    let begins = |receipt: &Receipt| matches!(refused(receipt), E::TooEarly(_));
    let ends = |receipt: &Receipt| matches!(refused(receipt), E::TooLate(_));
    // Name, the first second at which it is another answer, whether it is right from then on (or until then), revealed before.
    for (name, time, from, revealed, step) in [
        ("enter", ENTER_UNTIL, false, false, enter),
        ("reveal begins", REVEAL_FROM, true, false, reveal),
        ("reveal ends", REVEAL_UNTIL, false, false, reveal),
        ("abandon", REVEAL_UNTIL, true, false, finalise),
        ("submit", SUBMIT_UNTIL, false, true, submit),
        ("finalise", SUBMIT_UNTIL, true, true, finalise),
    ] {
        for offset in [-1, 0, 1] {
            let mut play = Play::new();
            if revealed {
                play.revealed(1);
            } else {
                play.post().answer.unwrap();
                play.enter(2, 1).answer.unwrap();
            }
            play.chain.set_time(time.checked_add_signed(offset).unwrap());
            let receipt = step(&mut play);
            assert_eq!(receipt.answer.is_ok(), (offset >= 0) == from, "{name} {offset}");
            assert!(receipt.answer.is_ok() || if from { begins(&receipt) } else { ends(&receipt) }, "{name}");
        }
    }
}

/// The same of the deadlines among each other, when they are posted: entering ends later than now, the reveal later than
/// when it begins, and scores are taken for longer than a reveal takes to be final.
#[test]
fn every_deadline_of_the_terms_is_exact() {
    type Change = fn(&mut Terms, i64);
    let changes: [(&str, Change); 3] = [
        ("enterUntil", |t, offset| t.enterUntil = GENESIS.checked_add_signed(offset).unwrap()),
        ("revealUntil", |t, offset| t.revealUntil = REVEAL_FROM.checked_add_signed(offset).unwrap()),
        ("submitUntil", |t, offset| {
            t.submitUntil = (REVEAL_UNTIL + FINALITY).checked_add_signed(offset).unwrap()
        }),
    ];
    for (field, change) in changes {
        for offset in [-1, 0, 1] {
            let mut play = Play::with(|terms| change(terms, offset));
            play.chain.set_time(GENESIS);
            let checked = play.terms.check(GENESIS, FINALITY);
            let posted = play.post();
            assert_eq!(posted.answer.is_ok(), offset == 1, "{field} {offset}");
            assert_eq!(checked.is_ok(), offset == 1, "{field} {offset}");
            if let Err(error) = checked {
                let E::BadTerms(refused) = refused(&posted) else { panic!("{field} {offset}: {error}") };
                assert_eq!(text(&refused.field), field);
            }
        }
    }
}

#[test]
fn scores_are_taken_from_the_reveal_on_however_early() {
    let mut play = Play::new();
    play.revealed(1);
    play.submit(2, 1, 60).answer.unwrap();
}

#[test]
fn every_step_needs_its_phase() {
    let wrong = |receipt: &Receipt| matches!(refused(receipt), E::WrongPhase(_));
    let mut play = Play::new();
    assert!(wrong(&play.enter(2, 1)) && wrong(&play.reveal()) && wrong(&play.submit(2, 1, 60)));
    assert!(wrong(&play.finalise()) && wrong(&play.release(2, 1)) && wrong(&play.cancel()));
    play.post().answer.unwrap();
    assert_eq!(play.phase(), OPEN);
    assert!(wrong(&play.post()) && wrong(&play.submit(2, 1, 60)) && wrong(&play.release(2, 1)));
    play.enter(2, 1).answer.unwrap();
    play.chain.set_time(REVEAL_FROM);
    play.reveal().answer.unwrap();
    assert!(wrong(&play.enter(3, 1)) && wrong(&play.reveal()));
    assert!(wrong(&play.release(2, 1)) && wrong(&play.cancel()));
    play.chain.set_time(SUBMIT_UNTIL);
    play.finalise().answer.unwrap();
    assert_eq!(play.phase(), UNWON);
    assert!(wrong(&play.enter(3, 1)) && wrong(&play.reveal()) && wrong(&play.submit(2, 1, 60)));
    assert!(wrong(&play.finalise()) && wrong(&play.cancel()));
    // An id is never used twice.
    let mut play = Play::new();
    play.post().answer.unwrap();
    play.cancel().answer.unwrap();
    assert!(wrong(&play.post()) && wrong(&play.enter(2, 1)) && wrong(&play.cancel()));
}

#[test]
fn impossible_terms_are_refused_by_the_contract_and_by_the_library() {
    type Change = fn(&mut Terms);
    let changes: [(&str, Change); 5] = [
        ("prize", |t| t.prize = 0),
        ("threshold", |t| t.threshold = 10_001),
        ("winners", |t| t.winners = 17),
        ("maxEntries", |t| t.maxEntries = 0),
        ("maxEntriesEach", |t| t.maxEntriesEach = 0),
    ];
    for (field, change) in changes {
        let mut play = Play::with(change);
        let E::BadTerms(error) = refused(&play.post()) else { panic!("{field}") };
        assert_eq!(text(&error.field), field);
        assert!(play.terms.check(play.chain.now(), FINALITY).is_err(), "{field}");
    }
    let good: [Change; 5] = [
        |t| t.threshold = 10_000,
        |t| t.threshold = 0,
        |t| t.winners = 16,
        |t| t.winners = 0,
        |t| (t.prize, t.hostBond, t.bond) = (1, 0, 0),
    ];
    for change in good {
        let mut play = Play::with(change);
        play.terms.check(play.chain.now(), FINALITY).unwrap();
        play.post().answer.unwrap();
    }
}

#[test]
fn only_the_host_posts_and_cancels() {
    let mut play = Play::new();
    let terms = play.terms.clone();
    let receipt = play.send(2, terms.prize + terms.hostBond, postCall { terms: terms.clone() });
    assert!(matches!(refused(&receipt), E::NotHost(_)));
    play.post().answer.unwrap();
    assert!(matches!(refused(&play.send(2, 0, cancelCall { terms })), E::NotHost(_)));
    play.cancel().answer.unwrap();
    assert_eq!((play.phase(), play.owed(HOST)), (CANCELLED, 1_000_104));
}

#[test]
fn nobody_cancels_what_somebody_has_entered() {
    let mut play = Play::new();
    play.post().answer.unwrap();
    play.enter(2, 1).answer.unwrap();
    assert!(matches!(refused(&play.cancel()), E::HasEntries(_)));
}

#[test]
fn amounts_are_exact() {
    let mut play = Play::new();
    let terms = play.terms.clone();
    let right = terms.prize + terms.hostBond;
    for value in [0, right - 1, right + 1] {
        let E::WrongAmount(error) = refused(&play.send(HOST, value, postCall { terms: terms.clone() }))
        else {
            panic!()
        };
        assert_eq!((error.expected, error.got), (U256::from(right), U256::from(value)));
    }
    play.post().answer.unwrap();
    for value in [0, 49, 51] {
        let call = enterCall { terms: terms.clone(), commitment: commitment(1), proof: [U256::ZERO; 10] };
        assert!(matches!(refused(&play.send(2, value, call)), E::WrongAmount(_)));
    }
}

#[test]
fn entries_are_capped_of_all_and_of_each() {
    let mut play = Play::with(|t| (t.maxEntries, t.maxEntriesEach) = (3, 2));
    play.post().answer.unwrap();
    play.enter(2, 1).answer.unwrap();
    assert!(matches!(refused(&play.enter(2, 1)), E::EntryExists(_)));
    play.enter(2, 2).answer.unwrap();
    let E::TooManyEntries(error) = refused(&play.enter(2, 3)) else { panic!() };
    assert_eq!(error.cap, U256::from(2));
    play.enter(3, 1).answer.unwrap();
    let E::TooManyEntries(error) = refused(&play.enter(4, 1)) else { panic!() };
    assert_eq!(error.cap, U256::from(3));
}

#[test]
fn only_test_set_and_salt_of_the_seal_open_it() {
    let mut play = Play::new();
    play.post().answer.unwrap();
    play.chain.set_time(REVEAL_FROM);
    let terms = play.terms.clone();
    for (salt, tail) in [(hash(6), DATA), (SALT, b"another" as &[u8])] {
        let call = revealCall { terms: terms.clone(), salt, pieces: vec![], tail: tail.into() };
        assert!(matches!(refused(&play.send(HOST, 0, call)), E::SealMismatch(_)));
    }
    // Anybody who has both may do it.
    play.send(7, 0, revealCall { terms, salt: SALT, pieces: vec![], tail: DATA.into() }).answer.unwrap();
}

/// A host that posts another's seal cannot open it with the other's salt.
#[test]
fn a_seal_is_its_hosts() {
    let mut play = Play::new();
    play.post().answer.unwrap();
    let thief = account(2);
    play.terms.host = thief;
    let terms = play.terms.clone();
    play.send(2, terms.prize + terms.hostBond, postCall { terms: terms.clone() }).answer.unwrap();
    play.chain.set_time(REVEAL_FROM);
    let call = revealCall { terms, salt: SALT, pieces: vec![], tail: DATA.into() };
    assert!(matches!(refused(&play.send(2, 0, call)), E::SealMismatch(_)));
}

#[test]
fn only_entries_are_scored_and_released() {
    let mut play = Play::new();
    play.revealed(1);
    assert!(matches!(refused(&play.submit(3, 1, 60)), E::UnknownEntry(_)));
    assert!(matches!(refused(&play.submit(2, 2, 60)), E::UnknownEntry(_)));
    play.chain.set_time(SUBMIT_UNTIL);
    play.finalise().answer.unwrap();
    assert!(matches!(refused(&play.release(3, 1)), E::UnknownEntry(_)));
}

/// Another deadline, prize or seal is another competition.
#[test]
fn changed_terms_name_nothing() {
    type Change = fn(&mut Terms);
    let changes: [Change; 17] = [
        |t| t.host = account(2),
        |t| t.token = account(2),
        |t| t.prize += 1,
        |t| t.hostBond += 1,
        |t| t.bond += 1,
        |t| t.key = B256::ZERO,
        |t| t.seal = B256::ZERO,
        |t| t.manifest = B256::ZERO,
        |t| t.shape.rows += 1,
        |t| t.threshold = 0,
        |t| t.winners = 0,
        |t| t.enterUntil += 1,
        |t| t.revealUntil += 1,
        |t| t.submitUntil += 1,
        |t| t.maxEntries += 1,
        |t| t.maxEntriesEach += 1,
        |t| t.shape.bits = 7,
    ];
    let mut play = Play::new();
    play.revealed(1);
    let terms = play.terms.clone();
    for change in changes {
        change(&mut play.terms);
        let receipt = play.submit(2, 1, 60);
        assert!(matches!(refused(&receipt), E::WrongPhase(_)));
        play.terms = terms.clone();
    }
    play.submit(2, 1, 60).answer.unwrap();
}

#[test]
fn what_could_not_be_verified_is_not_posted() {
    // 240,000 for what a transaction does besides.
    let (limit, blocks) = (contracts::ETHEREUM_GAS_LIMIT - 240_000, 60_000_000);
    for (load, chunk, register, block, good) in [
        (1_000_000, limit - 1_000_000, 0, blocks, true),
        (1_000_000, limit - 1_000_000 + 1, 0, blocks, false),
        (1, 1, limit, blocks, true),
        (1, 1, limit + 1, blocks, false),
        (1_000_000, 7_760_000, 8_760_000, 9_000_000, true),
        (1_000_000, 7_760_001, 0, 9_000_000, false),
        (1, 1, 8_760_001, 9_000_000, false),
    ] {
        let mut play = Play::new();
        let verifier = play.verifier;
        let [load_, chunk_, register_] = [load, chunk, register].map(U256::from);
        let set = YesVerifier::setCostCall { load_, chunk_, register_ };
        play.call(account(0), verifier, 0, set).answer.unwrap();
        play.chain.set_block_gas_limit(block);
        let (terms, to) = (play.terms.clone(), play.competitions);
        let value = terms.prize + terms.hostBond;
        let data = postCall { terms }.abi_encode().into();
        let receipt = play.chain.send_with_gas(account(HOST), Some(to), value, data, 5_000_000);
        assert_eq!(receipt.answer.is_ok(), good, "{load} {chunk} {register} {block}");
        assert!(good || matches!(refused(&receipt), E::TooLargeToVerify(_)));
    }
}

/// A chain that changes its id (a fork) lets everybody out, and nobody in.
#[test]
fn money_is_within_reach_on_a_chain_with_a_new_id() {
    let mut play = Play::new();
    play.revealed(1);
    play.chain.fork(2);
    play.submit(2, 1, 60).answer.unwrap();
    play.chain.set_time(SUBMIT_UNTIL);
    play.finalise().answer.unwrap();
    play.claim(2).answer.unwrap();
    play.terms.manifest = hash(3);
    for time in [&mut play.terms.enterUntil, &mut play.terms.revealUntil, &mut play.terms.submitUntil] {
        *time += SUBMIT_UNTIL - GENESIS;
    }
    let E::WrongChain(error) = refused(&play.post()) else { panic!() };
    assert_eq!((error.expected, error.got), (U256::from(1), U256::from(2)));
}
