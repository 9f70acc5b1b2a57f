//! Who is paid what: ranks, chunks, roundings, bonds.

use crate::evm::account;
use crate::play::{ABANDONED, Play, REVEALED, UNWON, WON};
use crate::support::{HOST, REVEAL_UNTIL, SUBMIT_UNTIL, refused};
use contracts::bindings::Competitions::{CompetitionsErrors as E, claimCall};
use contracts::{Address, U256};

#[test]
fn the_first_above_the_threshold_takes_all_at_once() {
    let mut play = Play::with(|t| t.winners = 0);
    play.revealed(3);
    play.submit(2, 1, 49).answer.unwrap();
    assert_eq!((play.phase(), play.owed(2)), (REVEALED, 0));
    play.submit(3, 1, 50).answer.unwrap();
    assert_eq!((play.phase(), play.owed(3), play.owed(HOST)), (WON, 1_000_003, 101));
    assert!(matches!(refused(&play.submit(2, 1, 90)), E::WrongPhase(_)));
    // Nobody was kept waiting: every bond goes back.
    for who in [2, 3, 4] {
        play.release(who, 1).answer.unwrap();
    }
    assert_eq!((play.owed(2), play.owed(3), play.owed(4)), (50, 1_000_053, 50));
    assert!(matches!(refused(&play.release(2, 1)), E::AlreadyReleased(_)));
}

/// No integer percents: 10,000 K is compared with the basis points times N.
#[test]
fn the_threshold_is_not_rounded() {
    for (bps, rows, least) in
        [(9_637, 284, 274), (3_333, 3, 1), (3_334, 3, 2), (10_000, 7, 7), (1, 284, 1), (0, 5, 0)]
    {
        for correct in [least, least - 1] {
            let mut play = Play::with(|t| {
                (t.winners, t.threshold) = (0, bps);
                t.shape.rows = rows;
            });
            play.revealed(1);
            if correct >= 0 {
                play.submit(2, 1, correct as u32).answer.unwrap();
                assert_eq!(play.phase() == WON, correct == least, "{bps} {rows}");
            }
        }
    }
}

#[test]
fn the_best_by_the_deadline_wins_and_of_equals_the_earlier() {
    let mut play = Play::new();
    play.revealed(3);
    play.submit(3, 1, 70).answer.unwrap();
    play.submit(2, 1, 70).answer.unwrap();
    play.submit(4, 1, 69).answer.unwrap();
    assert_eq!(play.places(), [(account(3), 70)]);
    let E::NotBetter(error) = refused(&play.submit(4, 1, 69)) else { panic!() };
    assert_eq!(error.proved, U256::from(69));
    play.submit(4, 1, 71).answer.unwrap();
    assert_eq!(play.places(), [(account(4), 71)]);
}

/// A score is the sum of the best proofs of its chunks, in whatever order and portions they come.
#[test]
fn chunks_add_up_and_none_counts_twice() {
    let mut play = Play::new();
    play.revealed(2);
    let best = |play: &mut Play| play.places().first().map(|(_, correct)| *correct);
    play.submit_chunks(2, 1, 1, &[20, 10]).answer.unwrap();
    assert_eq!(best(&mut play), None, "30 of 100 rows, where 50 win");
    play.submit_chunks(2, 1, 0, &[25]).answer.unwrap();
    assert_eq!(best(&mut play), Some(55));
    // The same once more, by whoever finds it in the mempool: nothing is gained, and nothing lost.
    for (first, correct) in [(0, vec![25]), (0, vec![25, 20, 10]), (0, vec![3]), (2, vec![0])] {
        let E::NotBetter(error) = refused(&play.submit_chunks(2, 1, first, &correct)) else { panic!() };
        assert_eq!(error.proved, U256::from(55));
    }
    // Better in one and worse in another: the better of both.
    play.submit_chunks(2, 1, 0, &[1, 22, 9]).answer.unwrap();
    assert_eq!(best(&mut play), Some(57));
    // Another entry has chunks of its own.
    play.submit_chunks(3, 1, 0, &[25]).answer.unwrap();
    play.submit_chunks(3, 1, 1, &[33]).answer.unwrap();
    assert_eq!(play.places(), [(account(3), 58)]);
    assert_eq!(play.entry(3, 1).correct, 58);
}

/// In any order, with repetitions: against the plain maximum of each chunk.
#[test]
fn scores_are_sums_of_the_best_of_each_chunk() {
    use rand::{Rng, SeedableRng, rngs::StdRng};
    for seed in 0..6 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut play = Play::with(|t| (t.winners, t.threshold) = (3, 0));
        play.revealed(1);
        let mut best = [None::<u32>; 6];
        for _ in 0..25 {
            let first = rng.gen_range(0..6usize);
            let claims: Vec<u32> =
                (first..rng.gen_range(first + 1..=6)).map(|_| rng.gen_range(0..9)).collect();
            let new = best.iter().all(|chunk| chunk.is_none());
            let mut gain = false;
            for (chunk, claim) in best[first..].iter_mut().zip(&claims) {
                gain |= *claim > chunk.unwrap_or(0);
                *chunk = Some((*claim).max(chunk.unwrap_or(0)));
            }
            let receipt = play.submit_chunks(2, 1, first as u32, &claims);
            assert_eq!(receipt.answer.is_ok(), new || gain);
            let total: u32 = best.iter().flatten().sum();
            assert_eq!((play.entry(2, 1).correct, play.places()), (total, vec![(account(2), total)]));
        }
    }
}

#[test]
fn nobody_reaches_the_threshold() {
    let mut play = Play::new();
    play.revealed(2);
    play.submit(2, 1, 49).answer.unwrap();
    play.chain.set_time(SUBMIT_UNTIL);
    play.finalise().answer.unwrap();
    assert_eq!((play.phase(), play.owed(HOST)), (UNWON, 1_000_104));
    for who in [2, 3] {
        play.release(who, 1).answer.unwrap();
        assert_eq!(play.owed(who), 50);
    }
}

#[test]
fn the_prize_is_split_between_the_best() {
    let mut play = Play::with(|t| (t.winners, t.prize) = (3, 1_000_005));
    play.revealed(5);
    for (who, correct) in [(2, 60), (3, 55), (4, 70), (5, 58)] {
        play.submit(who, 1, correct).answer.unwrap();
    }
    assert_eq!(play.places(), [(account(4), 70), (account(2), 60), (account(5), 58)]);
    // The fourth comes back with more; the last place is dropped.
    play.submit(3, 1, 60).answer.unwrap();
    assert_eq!(play.places(), [(account(4), 70), (account(2), 60), (account(3), 60)]);
    play.submit(3, 1, 75).answer.unwrap();
    assert_eq!(play.places(), [(account(3), 75), (account(4), 70), (account(2), 60)]);
    play.chain.set_time(SUBMIT_UNTIL);
    play.finalise().answer.unwrap();
    // 1,000,005 and one forfeited bond of 50, in three: 333,351 each and a rest of 2 for the best.
    assert_eq!((play.owed(3), play.owed(4), play.owed(2), play.owed(5)), (333_353, 333_351, 333_351, 0));
}

#[test]
fn fewer_winners_than_places_share_it_all() {
    let mut play = Play::with(|t| t.winners = 16);
    play.revealed(3);
    play.submit(2, 1, 60).answer.unwrap();
    play.submit(3, 1, 50).answer.unwrap();
    play.submit(4, 1, 49).answer.unwrap();
    play.chain.set_time(SUBMIT_UNTIL);
    play.finalise().answer.unwrap();
    assert_eq!((play.owed(2), play.owed(3), play.owed(4)), (500_002, 500_001, 0));
}

/// All places against a plain sort, with returning entries.
#[test]
fn ranking_is_that_of_a_stable_sort() {
    use rand::{Rng, SeedableRng, rngs::StdRng};
    for seed in 0..12 {
        let mut rng = StdRng::seed_from_u64(seed);
        let most = rng.gen_range(1..=16);
        let mut play = Play::with(|t| (t.winners, t.threshold) = (most, 1_000));
        play.revealed(17);
        // (rows, when), the best score of each account.
        let mut best = std::collections::BTreeMap::new();
        for when in 0..50 {
            let (who, correct) = (rng.gen_range(2..19), rng.gen_range(0..=25));
            let better = best.get(&who).is_none_or(|(old, _)| correct > *old);
            assert_eq!(play.submit(who, 1, correct).answer.is_ok(), better);
            if better {
                best.insert(who, (correct, when));
            }
        }
        let mut expected: Vec<_> = best
            .into_iter()
            .filter(|(_, (correct, _))| *correct >= 10)
            .map(|(who, (k, t))| (k, t, who))
            .collect();
        expected.sort_by_key(|(correct, when, _)| (std::cmp::Reverse(*correct), *when));
        expected.truncate(most.into());
        let expected: Vec<_> =
            expected.into_iter().map(|(correct, _, who)| (account(who), correct)).collect();
        assert_eq!(play.places(), expected, "seed {seed}, {most} places");
    }
}

#[test]
fn a_host_that_does_not_reveal_loses_its_bond_to_the_entrants() {
    let mut play = Play::new();
    play.post().answer.unwrap();
    for who in [2, 3, 4] {
        play.enter(who, 1).answer.unwrap();
    }
    play.chain.set_time(REVEAL_UNTIL);
    play.finalise().answer.unwrap();
    // 101 in three: 33 each, the rest goes back with the prize.
    assert_eq!((play.phase(), play.owed(HOST)), (ABANDONED, 1_000_003 + 2));
    for who in [2, 3, 4] {
        play.release(who, 1).answer.unwrap();
        assert_eq!(play.owed(who), 50 + 33);
        play.claim(who).answer.unwrap();
    }
    play.claim(HOST).answer.unwrap();
    assert_eq!(play.held(), 0);
}

#[test]
fn a_host_without_entrants_gets_everything_back() {
    let mut play = Play::new();
    play.post().answer.unwrap();
    play.chain.set_time(REVEAL_UNTIL);
    play.finalise().answer.unwrap();
    assert_eq!((play.phase(), play.owed(HOST)), (ABANDONED, 1_000_104));
    let mut play = Play::new();
    play.revealed(0);
    play.chain.set_time(SUBMIT_UNTIL);
    play.finalise().answer.unwrap();
    assert_eq!((play.phase(), play.owed(HOST)), (UNWON, 1_000_104));
}

/// Whoever cannot receive lets somebody else receive.
#[test]
fn claims_are_paid_where_the_claimant_says() {
    let mut play = Play::new();
    play.post().answer.unwrap();
    play.cancel().answer.unwrap();
    let before = play.chain.balance(account(9));
    play.send(HOST, 0, claimCall { token: Address::ZERO, to: account(9) }).answer.unwrap();
    assert_eq!(play.chain.balance(account(9)) - before, U256::from(1_000_104));
}
