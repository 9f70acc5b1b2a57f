//! Over random call sequences the contract holds exactly what it owes and what is locked in it.

use crate::evm::{GENESIS, Receipt, account};
use crate::play::Play;
use crate::support::{ENTER_UNTIL, FINALITY, HOST, SUBMIT_UNTIL, TestToken};
use alloy_sol_types::SolCall;
use contracts::bindings::Competitions::{CompetitionsErrors, CompetitionsEvents, postCall};
use contracts::{Event, Terms, U256};
use proptest::prelude::*;
use std::collections::BTreeMap;

const PEOPLE: u8 = 6;

/// What somebody tries.
#[derive(Clone, Debug)]
enum Try {
    Post,
    Cancel,
    Enter(u8, u64),
    Reveal,
    /// Of an account's model, from a chunk on, so many rows of each.
    Submit(u8, u64, u32, Vec<u32>),
    Finalise,
    Release(u8, u64),
    Claim(u8),
    /// So many seconds.
    Wait(u64),
    /// The next competition.
    Switch(u8),
}

fn tries() -> impl Strategy<Value = Try> {
    let who = 2..2 + PEOPLE;
    prop_oneof![
        2 => Just(Try::Post),
        1 => Just(Try::Cancel),
        8 => (who.clone(), 0..2u64).prop_map(|(who, model)| Try::Enter(who, model)),
        3 => Just(Try::Reveal),
        8 => (who.clone(), 0..2u64, 0..3u32, prop::collection::vec(0..=50u32, 1..3))
            .prop_map(|(who, model, first, rows)| Try::Submit(who, model, first, rows)),
        3 => Just(Try::Finalise),
        6 => (who.clone(), 0..2u64).prop_map(|(who, model)| Try::Release(who, model)),
        4 => (1..2 + PEOPLE).prop_map(Try::Claim),
        5 => (0..400u64).prop_map(Try::Wait),
        2 => (0..3u8).prop_map(Try::Switch),
    ]
}

/// What is locked in one competition, kept by a model that is simpler than the contract: what came in less what was
/// credited.
#[derive(Default)]
struct Books {
    locked: i128,
}

fn credited(receipt: &Receipt) -> u128 {
    let amount = |log| match contracts::event(log) {
        Ok(Event::Competitions(event)) => match *event {
            CompetitionsEvents::Credited(event) => event.amount.to::<u128>(),
            _ => 0,
        },
        _ => 0,
    };
    receipt.logs.iter().map(amount).sum()
}

fn run(mut play: Play, winners: u8, sequence: Vec<Try>) {
    let terms: Vec<Terms> = (0..3u8)
        .map(|number| Terms {
            manifest: crate::evm::hash(number),
            prize: 1_000 + u128::from(number),
            hostBond: 7 * u128::from(number),
            bond: if number == 2 { 0 } else { 11 },
            winners: [winners, 0, 3][usize::from(number)],
            ..play.terms.clone()
        })
        .collect();
    let mut books: BTreeMap<u8, Books> = BTreeMap::new();
    let (mut current, mut time) = (0u8, GENESIS);
    for step in sequence {
        play.terms = terms[usize::from(current)].clone();
        let before = play.held();
        let receipt = match step {
            Try::Post => play.post(),
            Try::Cancel => play.cancel(),
            Try::Enter(who, model) => play.enter(who, model),
            Try::Reveal => play.reveal(),
            Try::Submit(who, model, first, ref rows) => play.submit_chunks(who, model, first, rows),
            Try::Finalise => play.finalise(),
            Try::Release(who, model) => play.release(who, model),
            Try::Claim(who) => play.claim(who),
            Try::Wait(seconds) => {
                time += seconds;
                play.chain.set_time(time);
                continue;
            }
            Try::Switch(to) => {
                current = to;
                continue;
            }
        };
        let held = play.held();
        let credited = credited(&receipt) as i128;
        let incoming = held as i128 - before as i128;
        let entry = books.entry(current).or_default();
        if matches!(step, Try::Claim(_)) {
            assert!(credited == 0 && incoming <= 0);
        } else {
            assert!(incoming >= 0, "nothing leaves but by claims");
            entry.locked += incoming - credited;
        }
        if receipt.answer.is_err() {
            assert_eq!((held, credited), (before, 0));
        }
        check(&mut play, &books);
    }
    // In the end everything goes out, to the last unit.
    play.chain.set_time(SUBMIT_UNTIL.max(time));
    for (number, terms) in terms.into_iter().enumerate() {
        play.terms = terms;
        let mut credits = credited(&play.finalise()) as i128;
        for who in 2..2 + PEOPLE {
            for model in 0..2 {
                credits += credited(&play.release(who, model)) as i128;
            }
        }
        let book = books.entry(number as u8).or_default();
        book.locked -= credits;
        assert_eq!(book.locked, 0, "competition {number} keeps something");
    }
    check(&mut play, &books);
    for who in 1..2 + PEOPLE {
        let _ = play.claim(who);
    }
    assert_eq!(play.held(), 0);
}

fn check(play: &mut Play, books: &BTreeMap<u8, Books>) {
    let owed: u128 = (1..2 + PEOPLE).map(|who| play.owed(who)).sum();
    let locked: i128 = books.values().map(|book| book.locked).sum();
    assert!(books.values().all(|book| book.locked >= 0), "a competition paid with another's money");
    assert_eq!(play.held() as i128, owed as i128 + locked);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn the_balance_is_what_is_owed_and_locked(
        winners in 0..=3u8,
        token in any::<bool>(),
        posted in prop::bool::weighted(0.9),
        sequence in prop::collection::vec(tries(), 1..120),
    ) {
        // Posted most of the time, or little would happen.
        let posts = (0..3).flat_map(|number| [Try::Switch(number), Try::Post]);
        let sequence = if posted { posts.chain(sequence).collect() } else { sequence };
        let change = |terms: &mut Terms| (terms.maxEntries, terms.maxEntriesEach) = (9, 2);
        let play = if token { Play::with_token(change).0 } else { Play::with(change) };
        run(play, winners, sequence);
    }
}

/// The sequences above reach every end: otherwise they would show nothing.
#[test]
fn a_full_sequence_of_every_kind_balances() {
    let mut sequence = vec![];
    for competition in 0..3 {
        sequence.extend([Try::Switch(competition), Try::Post]);
        sequence.extend((2..7).map(|who| Try::Enter(who, 0)));
    }
    sequence.push(Try::Wait(ENTER_UNTIL + FINALITY - GENESIS)); // Nobody enters any more.
    let submit = |who, rows| Try::Submit(who, 0, 0, vec![rows]);
    sequence.extend([Try::Switch(0), Try::Reveal, submit(2, 60), submit(3, 80)]);
    sequence.extend([Try::Switch(1), Try::Reveal, submit(2, 40), submit(4, 80)]);
    sequence.extend([Try::Claim(4), Try::Release(5, 0), Try::Claim(5)]);
    sequence.extend([Try::Wait(2_000), Try::Switch(0), Try::Finalise, Try::Release(3, 0), Try::Claim(3)]);
    // The third is abandoned.
    sequence.extend([Try::Switch(2), Try::Finalise, Try::Release(2, 0), Try::Claim(2), Try::Claim(HOST)]);
    run(Play::new(), 1, sequence.clone());
    let (play, _) = Play::with_token(|_| {});
    run(play, 1, sequence);
}

/// Fees, missing approvals and broken tokens stop a step, never the books.
#[test]
fn tokens_that_take_a_fee_are_refused() {
    let (mut play, token) = Play::with_token(|_| {});
    play.call(account(0), token, 0, TestToken::setCall { feeBps_: U256::from(100), broken_: false })
        .answer
        .unwrap();
    let error = crate::support::refused(&play.post());
    let CompetitionsErrors::WrongAmount(error) = error else { panic!() };
    assert_eq!((error.expected, error.got), (U256::from(1_000_104), U256::from(1_000_104 - 10_001)));
    assert_eq!(play.held(), 0);
    // Nor may coin come along with a token.
    play.call(account(0), token, 0, TestToken::setCall { feeBps_: U256::ZERO, broken_: false })
        .answer
        .unwrap();
    let post = postCall { terms: play.terms.clone() };
    let (to, data) = (play.competitions, post.abi_encode().into());
    let receipt = play.chain.send(account(HOST), Some(to), 1, data);
    assert!(matches!(crate::support::refused(&receipt), CompetitionsErrors::WrongAmount(_)));
    play.post().answer.unwrap();
}
