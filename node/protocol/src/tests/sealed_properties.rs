//! Any records of a sealed and an open competition, in any order, with any repetition, split in any way over two
//! nodes: what is kept is what the rules say, and the boards are the same, byte for byte.

use super::{
    pool::{Pool, model, pool},
    properties::{feed, merge, play, play_noting, shown, steps},
};
use crate::{
    Board, Kind, Outcome, RecordId, Signed,
    testing::{FakeState, bring_blobs, run_all},
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// Rosters within the caps.
static WITHIN: LazyLock<Pool> = LazyLock::new(|| pool(false));
/// Rosters that list entries beyond them.
static BEYOND: LazyLock<Pool> = LazyLock::new(|| pool(true));

fn ids(state: &FakeState) -> BTreeSet<RecordId> {
    state.set().contests().flat_map(|contest| contest.ids()).collect()
}

/// What a node shows that was given what is kept, and nothing else.
fn reference(pool: &Pool, kept: &BTreeSet<RecordId>) -> Vec<(Vec<u8>, crate::Fingerprint)> {
    let mut state = FakeState::default();
    // Reveals before entries: those on a roster have a place.
    for kind in [Kind::Competition, Kind::Reveal] {
        feed(
            &mut state,
            pool.valid.iter().filter(|r| r.kind == kind && kept.contains(&r.id())).map(|r| &r.signed),
        );
    }
    feed(&mut state, pool.valid.iter().filter(|r| kept.contains(&r.id())).map(|r| &r.signed));
    shown(&state)
}

/// A step for every chosen record at least once, with repetitions, in a random order.
fn chosen(pool: &Pool, chosen: &[bool]) -> Vec<Signed> {
    let all = pool.valid.iter().map(|r| &r.signed).chain(&pool.invalid);
    all.zip(chosen).filter(|(_, chosen)| **chosen).map(|(record, _)| record.clone()).collect()
}

fn any_choice(pool: &'static Pool) -> impl Strategy<Value = Vec<bool>> {
    let len = pool.valid.len() + pool.invalid.len();
    // Nearly all, half, or few: with few, much is missing that others refer to.
    let share = prop_oneof![Just(0.97), Just(0.5), Just(0.15)];
    share.prop_flat_map(move |share| prop::collection::vec(prop::bool::weighted(share), len))
}

fn any_play(pool: &'static Pool) -> impl Strategy<Value = (Vec<Signed>, Vec<super::properties::Step>)> {
    any_choice(pool).prop_flat_map(move |choice| {
        let records = chosen(pool, &choice);
        let steps = steps(records.len().max(1));
        (Just(records), steps)
    })
}

fn played(records: &[Signed], steps: &[super::properties::Step]) -> FakeState {
    let records: Vec<&Signed> = records.iter().collect();
    if records.is_empty() { FakeState::default() } else { play(&records, steps) }
}

#[test]
fn the_pools_have_all_that_is_claimed() {
    for pool in [&*WITHIN, &*BEYOND] {
        let all: Vec<&Signed> = pool.valid.iter().map(|r| &r.signed).collect();
        let kept = model(pool, &all);
        let mut state = FakeState::default();
        feed(&mut state, all.iter().copied());
        feed(&mut state, all.iter().copied());
        assert_eq!(ids(&state), kept);
        assert_eq!(shown(&state), reference(pool, &kept));
        for kind in Kind::ALL {
            let of_kind: Vec<_> = pool.valid.iter().filter(|r| r.kind == kind).collect();
            let here = of_kind.iter().filter(|r| kept.contains(&r.id())).count();
            assert!(here > 0, "{kind}");
            assert!(kind == Kind::Competition || here < of_kind.len(), "of {kind} there is too much");
        }
        assert!(pool.invalid.len() > 50);
        let boards: Vec<Board> = state.set().contests().map(Board::of).collect();
        assert!(boards.iter().all(|board| board.rows.len() == 3 && board.closed));
        assert!(boards.iter().any(|board| board.disputes.len() == 2));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_order_what_is_kept_is_what_the_rules_say((records, steps) in any_play(&WITHIN)) {
        let state = played(&records, &steps);
        let kept = model(&WITHIN, &records.iter().collect::<Vec<_>>());
        prop_assert_eq!(ids(&state), kept.clone());
        prop_assert_eq!(shown(&state), reference(&WITHIN, &kept));
    }

    #[test]
    fn with_rosters_beyond_the_caps_it_is_so_after_the_missing_came_again((records, steps) in any_play(&BEYOND)) {
        let mut state = played(&records, &steps);
        feed(&mut state, records.iter());
        let kept = model(&BEYOND, &records.iter().collect::<Vec<_>>());
        prop_assert_eq!(ids(&state), kept.clone());
        prop_assert_eq!(shown(&state), reference(&BEYOND, &kept));
    }

    #[test]
    fn two_nodes_with_any_parts_come_to_the_same(left in any_play(&WITHIN), right in any_play(&WITHIN)) {
        let (mut a, mut b) = (played(&left.0, &left.1), played(&right.0, &right.1));
        for _ in 0..4 {
            merge(&mut a, &b);
            merge(&mut b, &a);
        }
        let kept = model(&WITHIN, &left.0.iter().chain(&right.0).collect::<Vec<_>>());
        prop_assert_eq!(ids(&a), kept.clone());
        prop_assert_eq!(ids(&b), kept.clone());
        prop_assert_eq!(shown(&a), shown(&b));
        prop_assert_eq!(shown(&a), reference(&WITHIN, &kept));
    }

    #[test]
    fn merging_twice_or_the_other_way_round_changes_nothing(left in any_play(&BEYOND), right in any_play(&BEYOND)) {
        let (a, b) = (played(&left.0, &left.1), played(&right.0, &right.1));
        // Only what both keep is exchanged: nothing that waits.
        let union = |first: &FakeState, second: &FakeState| {
            let mut state = FakeState::default();
            for _ in 0..2 {
                merge(&mut state, first);
                merge(&mut state, second);
            }
            shown(&state)
        };
        prop_assert_eq!(union(&a, &b), union(&b, &a));
        prop_assert_eq!(union(&a, &a), shown(&a));
    }

    #[test]
    fn an_invalid_record_never_changes_a_board(
        (records, steps) in any_play(&WITHIN),
        at in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
    ) {
        let mut state = played(&records, &steps);
        let before = shown(&state);
        for index in at {
            let record = index.get(&WITHIN.invalid);
            state.apply(record.bytes(), 0);
            bring_blobs(&mut state);
            run_all(&mut state);
            prop_assert_eq!(state.set().kind_of(record.id()), None);
        }
        prop_assert_eq!(shown(&state), before);
    }

    #[test]
    fn boards_that_follow_are_boards_made_anew((records, steps) in any_play(&BEYOND)) {
        let mut boards: BTreeMap<RecordId, Board> = BTreeMap::new();
        let mut follow = |state: &FakeState, fates: Vec<(RecordId, Outcome)>| {
            let accepted = |(id, fate)| matches!(fate, Outcome::Accepted { .. }).then_some(id);
            for record in fates.into_iter().filter_map(accepted).filter_map(|id| BEYOND.get(id)) {
                let contest = state.set().contest(record.competition).unwrap();
                match (record.kind, boards.get_mut(&record.competition)) {
                    (Kind::Entry | Kind::Withdrawal | Kind::Submission, Some(board)) => {
                        board.update(contest, &record.signed.author());
                    }
                    _ => drop(boards.insert(record.competition, Board::of(contest))),
                }
            }
            for (id, board) in &boards {
                assert_eq!(*board, Board::of(state.set().contest(*id).unwrap()));
            }
        };
        if !records.is_empty() {
            play_noting(&records.iter().collect::<Vec<_>>(), &steps, &mut follow);
        }
    }
}
