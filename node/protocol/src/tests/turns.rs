//! Whose proof check is next.

use super::flow::NOW;
use crate::{
    Origin, Outcome, RecordId, Signed,
    limits::MAX_ORIGINS,
    testing::{
        CREATED, FakeState, bring_blobs, classes, competition, enter, entry, host, person, run_all,
        state_with, submission, submit,
    },
};

const FLOOD: usize = 300;

fn flooder() -> Origin {
    Origin::peer(666)
}

/// Entries of one person that differ in their names.
fn entries(hosted: &Signed, who: u8, class: usize, count: usize) -> Vec<Signed> {
    let make = |i: usize| {
        let mut body = entry(hosted.id(), &person(who), classes()[class], who, CREATED);
        body.display_name = format!("number {i}");
        enter(&person(who), body)
    };
    (0..count).map(make).collect()
}

fn bring(state: &mut FakeState, origin: Origin, records: &[Signed]) {
    for record in records {
        assert_eq!(state.apply_from(origin, record.bytes(), NOW).0, Outcome::Checking);
    }
}

/// How many checks are handed out before that of this record, in batches of so many proofs.
fn before(state: &mut FakeState, record: &Signed, proofs: usize) -> (usize, usize) {
    let (mut batches, mut checks) = (0, 0);
    loop {
        let jobs = state.next_jobs(proofs);
        assert!(!jobs.is_empty(), "it is never checked");
        for job in &jobs {
            let updates =
                state.proof_checked(job.id, Err(crate::ProofError::NotChecked { reason: String::new() }), 1);
            if updates.iter().any(|update| update.id == record.id()) {
                return (batches, checks);
            }
        }
        (batches, checks) = (batches + 1, checks + jobs.len());
    }
}

#[test]
fn who_brings_many_waits_for_himself_alone() {
    // Under the flood's key and under another.
    for class in [0, 1] {
        let hosted = host(competition("digits"));
        let mut state = state_with(&hosted);
        bring(&mut state, flooder(), &entries(&hosted, 2, 0, FLOOD));
        let [honest] = &entries(&hosted, 3, class, 1)[..] else { panic!() };
        bring(&mut state, Origin::peer(1), std::slice::from_ref(honest));
        let (batches, checks) = before(&mut state, honest, 64);
        assert!(batches <= 1 && checks <= 64, "{batches} batches, {checks} checks before it");
    }
}

#[test]
fn turns_go_round_among_all_who_bring_some() {
    let hosted = host(competition("digits"));
    let mut state = state_with(&hosted);
    for n in 0..8 {
        bring(&mut state, Origin::peer(100 + u64::from(n)), &entries(&hosted, 20 + n, 0, 40));
    }
    // One of each in turn, where there is one key.
    let jobs = state.next_jobs(16);
    assert_eq!(jobs.len(), 16);
    for n in 0..8 {
        assert_eq!(state.jobs_of(Origin::peer(100 + n)), 38, "{n}");
    }
    let [honest] = &entries(&hosted, 3, 1, 1)[..] else { panic!() };
    bring(&mut state, Origin::peer(1), std::slice::from_ref(honest));
    let (batches, _) = before(&mut state, honest, 64);
    assert!(batches <= 8, "{batches} batches before it: one of each at most");
}

#[test]
fn own_records_come_first() {
    let hosted = host(competition("digits"));
    let mut state = state_with(&hosted);
    bring(&mut state, flooder(), &entries(&hosted, 2, 0, FLOOD));
    let [own] = &entries(&hosted, 3, 1, 1)[..] else { panic!() };
    bring(&mut state, Origin::OWN, std::slice::from_ref(own));
    assert_eq!(before(&mut state, own, 64), (0, 0));
}

#[test]
fn turns_are_counted_in_proofs() {
    let hosted = host(competition("digits"));
    let mut state = state_with(&hosted);
    let body = entry(hosted.id(), &person(2), classes()[0], 2, CREATED);
    let entered = enter(&person(2), body.clone());
    state.apply(entered.bytes(), NOW);
    run_all(&mut state);
    // Three proofs each.
    let score = |n: u64| submit(&person(2), submission(&entered, &body, &person(2), &[n, 0, 0], CREATED, 0));
    let scores: Vec<Signed> = (1..40).map(score).collect();
    bring(&mut state, flooder(), &scores);
    bring(&mut state, Origin::peer(1), &entries(&hosted, 9, 0, 39));
    for _ in 0..60 {
        let _ = state.next_job();
    }
    let handed = [39 - state.jobs_of(flooder()), 39 - state.jobs_of(Origin::peer(1))];
    assert!(handed[0] * 3 <= handed[1] + 32 && handed[1] == 39, "{handed:?}");
}

#[test]
fn nobody_delays_a_record_by_bringing_it_first() {
    let hosted = host(competition("digits"));
    let [honest] = &entries(&hosted, 3, 0, 1)[..] else { panic!() };
    // While it is in the flood's queue, and while it waits for blobs.
    for early in [false, true] {
        let mut state = if early { FakeState::default() } else { state_with(&hosted) };
        state.apply(hosted.bytes(), NOW);
        let mut flood = entries(&hosted, 2, 0, FLOOD);
        flood.push(honest.clone());
        for record in &flood {
            state.apply_from(flooder(), record.bytes(), NOW);
        }
        assert_eq!(state.apply_from(Origin::peer(1), honest.bytes(), NOW).0, Outcome::Pending);
        if early {
            assert_eq!((state.jobs_ready(), state.is_waiting(honest.id())), (0, true));
            bring_blobs(&mut state);
        }
        assert_eq!(state.jobs_of(Origin::peer(1)), 1);
        let (batches, checks) = before(&mut state, honest, 8);
        assert!(batches <= 2 && checks <= 16, "{batches} batches, {checks} checks before it");
        assert_eq!(state.jobs_of(Origin::peer(1)), 0, "and it stands in no queue any more");
        assert_eq!(state.jobs_ready(), state.jobs_of(flooder()));
    }
}

#[test]
fn those_who_brought_one_record_are_bounded() {
    let hosted = host(competition("digits"));
    let mut state = state_with(&hosted);
    let [record] = &entries(&hosted, 3, 0, 1)[..] else { panic!() };
    bring(&mut state, Origin::peer(1), std::slice::from_ref(record));
    for n in 2..=MAX_ORIGINS as u64 + 1 {
        assert_eq!(state.apply_from(Origin::peer(n), record.bytes(), NOW).0, Outcome::Pending);
    }
    let in_queue = |state: &FakeState, n: usize| state.jobs_of(Origin::peer(n as u64));
    assert_eq!((in_queue(&state, MAX_ORIGINS), in_queue(&state, MAX_ORIGINS + 1)), (1, 0));
    assert_eq!((state.next_jobs(64).len(), state.jobs_ready(), in_queue(&state, 1)), (1, 0, 0));
    let never = RecordId::new([7; 32]);
    assert!(!state.is_pending(never));
}
