//! What is kept when there is more than is admitted, and in which order the board lists it.

use super::flow::{NOW, accepted, context, scene};
use crate::{
    Board, Caps, ContextError, Outcome, Refusal, Signed, Verdict,
    limits::{MAX_COMPETITIONS_OF_AUTHOR, MAX_PENDING},
    statement_id,
    testing::{
        CREATED, DEADLINE, FakeChecker, FakeState, TEST_SET, classes, competition, enter, entry, host,
        key_bytes, person, run_all, run_one, settle, signed, state_with, submission, submit,
    },
};

#[test]
fn proofs_made_anew_do_not_make_a_second_submission() {
    let (hosted, entered, signed_entry) = scene();
    let mut state = state_with(&hosted);
    accepted(settle(&mut state, &signed_entry));
    let make = |randomness, created| {
        submission(&signed_entry, &entered, &person(2), &[4, 5, 1], created, randomness)
    };
    let author = signed_entry.author();
    assert_eq!(statement_id(&author, &make(1, CREATED)), statement_id(&author, &make(2, DEADLINE)));
    let mut records: Vec<Signed> = (0..8).map(|r| submit(&person(2), make(r, CREATED))).collect();
    records.sort_by_key(Signed::id);
    // The earliest of one statement is kept, whatever comes before or after it.
    let middle = &records[4];
    accepted(settle(&mut state, middle));
    let later = context(settle(&mut state, &records[5]), Verdict::Ignore);
    assert_eq!(later, ContextError::SameStatement { by: middle.id() });
    assert_eq!(accepted(settle(&mut state, &records[0])), [middle.id()]);
    assert_eq!(
        context(settle(&mut state, middle), Verdict::Ignore),
        ContextError::SameStatement { by: records[0].id() }
    );
    let contest = state.set().contest(hosted.id()).unwrap();
    assert_eq!(contest.counts().submissions, 1);
    assert_eq!(contest.submissions().next().unwrap().item.record().id(), records[0].id());
}

#[test]
fn entries_beyond_the_cap_are_ignored_and_earlier_ones_displace_later_ones() {
    let (hosted, ..) = scene();
    let mut state = state_with(&hosted);
    let make = |model, created| {
        let entered = entry(hosted.id(), &person(2), classes()[0], model, created);
        (enter(&person(2), entered.clone()), entered)
    };
    let (second, third) = (make(2, CREATED + 2), make(3, CREATED + 3));
    accepted(settle(&mut state, &second.0));
    accepted(settle(&mut state, &third.0));
    let scored = submit(&person(2), submission(&third.0, &third.1, &person(2), &[9, 9, 1], CREATED + 9, 0));
    accepted(settle(&mut state, &scored));
    let beyond = make(4, CREATED + 4).0;
    assert_eq!(
        state.apply(beyond.bytes(), NOW).0,
        Outcome::Refused(Refusal::Context(ContextError::EntriesCap { cap: 2 }))
    );
    // An earlier one takes the place of the last, whose submission goes with it.
    assert_eq!(accepted(settle(&mut state, &make(1, CREATED + 1).0)), [third.0.id(), scored.id()]);
    assert_eq!(context(settle(&mut state, &third.0), Verdict::Ignore), ContextError::EntriesCap { cap: 2 });
    // Other competitors are not concerned.
    let other = enter(&person(3), entry(hosted.id(), &person(3), classes()[0], 2, CREATED + 4));
    accepted(settle(&mut state, &other));
    let counts = state.set().contest(hosted.id()).unwrap().counts();
    assert_eq!((counts.entries, counts.submissions, counts.records), (3, 0, 4));
}

#[test]
fn an_entry_displaced_during_a_proof_check_takes_the_submission_with_it() {
    let hosted = host(crate::Competition {
        caps: Caps { entries: 1, withdrawals: 0, submissions: 1 },
        ..competition("digits")
    });
    let mut state = state_with(&hosted);
    let late = entry(hosted.id(), &person(2), classes()[0], 2, CREATED + 2);
    let signed_late = enter(&person(2), late.clone());
    accepted(settle(&mut state, &signed_late));
    let scored = submit(&person(2), submission(&signed_late, &late, &person(2), &[9, 9, 1], CREATED + 9, 0));
    assert_eq!(state.apply(scored.bytes(), NOW).0, Outcome::Checking);
    let early = enter(&person(2), entry(hosted.id(), &person(2), classes()[0], 1, CREATED + 1));
    assert_eq!(state.apply(early.bytes(), NOW).0, Outcome::Checking);
    let score_job = state.next_job().unwrap();
    accepted(run_one(&mut state).unwrap().remove(0).outcome);
    let result = score_job.check.run(&FakeChecker, &key_bytes(classes()[0]), Some(&TEST_SET));
    let outcome = state.proof_checked(score_job.id, result, 1).remove(0).outcome;
    assert_eq!(context(outcome, Verdict::Ignore), ContextError::Orphan { on: signed_late.id() });
}

#[test]
fn submissions_beyond_the_cap_are_ignored() {
    let (hosted, entered, signed_entry) = scene();
    let mut state = state_with(&hosted);
    accepted(settle(&mut state, &signed_entry));
    let make = |correct: u64, created| {
        submit(&person(2), submission(&signed_entry, &entered, &person(2), &[correct, 0, 0], created, 0))
    };
    let four: Vec<Signed> = (1..=4).map(|i| make(i, CREATED + i)).collect();
    for record in &four[1..] {
        accepted(settle(&mut state, record));
    }
    let beyond = context(settle(&mut state, &make(9, CREATED + 9)), Verdict::Ignore);
    assert_eq!(beyond, ContextError::SubmissionsCap { cap: 3 });
    assert_eq!(accepted(settle(&mut state, &four[0])), [four[3].id()]);
    assert_eq!(Board::of(state.set().contest(hosted.id()).unwrap()).rows[0].correct, 3);
}

#[test]
fn what_waits_is_bounded_and_the_oldest_gives_way() {
    let mut state = FakeState::default();
    let unknown = host(competition("unknown")).id();
    let make = |i: usize| {
        let mut entered = entry(unknown, &person(2), classes()[0], 5, CREATED);
        entered.created += i as u64;
        enter(&person(2), entered)
    };
    let first = make(0);
    for i in 0..MAX_PENDING {
        assert!(
            matches!(state.apply(make(i).bytes(), NOW), (Outcome::Waiting { .. }, more) if more.is_empty())
        );
    }
    assert_eq!(state.apply(first.bytes(), NOW).0, Outcome::Pending);
    let (outcome, updates) = state.apply(make(MAX_PENDING).bytes(), NOW);
    assert!(matches!(outcome, Outcome::Waiting { .. }));
    assert_eq!((updates.len(), updates[0].id), (1, first.id()));
    assert_eq!(updates[0].outcome, Outcome::Refused(Refusal::Busy));
    assert_eq!(updates[0].outcome.verdict(), Some(Verdict::Ignore));
    assert_eq!(state.pending(None), MAX_PENDING);
}

#[test]
fn proof_checks_under_way_do_not_give_way() {
    let (hosted, ..) = scene();
    let mut state = state_with(&hosted);
    let make = |i: usize| {
        let mut entered = entry(hosted.id(), &person(2), classes()[0], 5, CREATED);
        entered.display_name = format!("number {i}");
        enter(&person(2), entered)
    };
    for i in 0..MAX_PENDING {
        assert_eq!(state.apply(make(i).bytes(), NOW).0, Outcome::Checking);
    }
    let (outcome, updates) = state.apply(make(MAX_PENDING).bytes(), NOW);
    assert_eq!((outcome, updates.len()), (Outcome::Refused(Refusal::Busy), 0));
    assert_eq!((state.pending(None), state.jobs_ready()), (MAX_PENDING, MAX_PENDING));
    run_all(&mut state);
    assert_eq!(state.pending(None), 0);
    assert_eq!(state.set().contest(hosted.id()).unwrap().counts().entries, 2, "the cap holds");
}

#[test]
fn ties_share_a_rank_and_are_listed_by_entry() {
    let (hosted, ..) = scene();
    let mut state = state_with(&hosted);
    let counts = [3u64, 9, 9, 5];
    for (who, correct) in (2u8..).zip(counts) {
        let entered = entry(hosted.id(), &person(who), classes()[0], who, CREATED);
        let signed_entry = enter(&person(who), entered.clone());
        accepted(settle(&mut state, &signed_entry));
        for correct in [correct, correct - 1] {
            let scored = submission(&signed_entry, &entered, &person(who), &[correct, 0, 0], CREATED, 0);
            accepted(settle(&mut state, &submit(&person(who), scored)));
        }
    }
    let board = Board::of(state.set().contest(hosted.id()).unwrap());
    let ranks: Vec<_> = board.rows.iter().map(|row| (row.rank, row.correct)).collect();
    assert_eq!(ranks, [(Some(1), 9), (Some(1), 9), (Some(3), 5), (Some(4), 3)]);
    assert!(board.rows[0].entry < board.rows[1].entry);
    assert!(board.rows.iter().all(|row| row.entries == 1 && !row.reaches_threshold));
    assert!(!board.to_bytes().is_empty());
}

#[test]
fn one_author_does_not_take_the_places_of_all_competitions() {
    let mut state = FakeState::default();
    let make = |i: usize| host(competition(&format!("number {i}")));
    for i in 0..MAX_COMPETITIONS_OF_AUTHOR {
        accepted(state.apply(make(i).bytes(), NOW).0);
    }
    let beyond = make(MAX_COMPETITIONS_OF_AUTHOR);
    let waiting = enter(&person(2), entry(beyond.id(), &person(2), classes()[0], 5, CREATED));
    assert!(matches!(state.apply(waiting.bytes(), NOW).0, Outcome::Waiting { .. }));
    let (outcome, updates) = state.apply(beyond.bytes(), NOW);
    assert!(matches!(outcome, Outcome::Refused(Refusal::Full { max: MAX_COMPETITIONS_OF_AUTHOR, .. })));
    assert_eq!(outcome.verdict(), Some(Verdict::Ignore));
    assert_eq!((updates.len(), &updates[0].outcome), (1, &outcome), "and so for what waits for it");
    assert_eq!(state.apply(waiting.bytes(), NOW).0, outcome, "and for what comes later");
    let other = crate::Body::Competition(Box::new(competition("another")));
    accepted(state.apply(signed(&person(3), other).bytes(), NOW).0);
}
