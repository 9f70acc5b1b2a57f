//! Sealed competitions from the announcement to the close: phases, standings, places.

use super::flow::{NOW, accepted, context};
use crate::{
    Board, Body, ClaimRule, Competition, Contest, ContextError, Entry, EntryStanding, Phase, RecordId,
    Reveal, Signed, Standing, StatementId, TestSetTerms, TieRule, Verdict,
    limits::MAX_CHUNKS,
    statement_id,
    testing::{
        COMMIT_DEADLINE, CREATED, DEADLINE, FakeModel, FakeState, SALT, by_host, classes, close, competition,
        enter, entry, host, person, reveal, rows, sealed, settle, signed, state_with, submission_after,
        submit, withdrawal,
    },
};
use circuits::model::CATALOGUE;

/// An entry of a person in a competition, with its record.
pub(super) fn entered(competition: RecordId, who: u8, model: u8, created: u64) -> (Entry, Signed) {
    let body = entry(competition, &person(who), classes()[0], model, created);
    (body.clone(), enter(&person(who), body))
}

/// A reveal in order of these entries, with its record.
pub(super) fn revealed(competition: RecordId, roster: &[&Signed]) -> (Reveal, Signed) {
    let ids: Vec<RecordId> = roster.iter().map(|record| record.id()).collect();
    let body = reveal(competition, &ids);
    (body.clone(), by_host(Body::Reveal(body)))
}

/// A submission of `correct` rows after a reveal, with what it states.
pub(super) fn scored(
    reveal: &(Reveal, Signed),
    entry: &(Entry, Signed),
    who: u8,
    correct: u64,
) -> (StatementId, Signed) {
    let after = Some((reveal.1.id(), &reveal.0));
    let correct = [correct, 0, 0];
    let body = submission_after(after, &entry.1, &entry.0, &person(who), &correct, COMMIT_DEADLINE + 5, 0);
    let record = submit(&person(who), body.clone());
    (statement_id(&record.author(), &body), record)
}

/// A competitor's withdrawal of an entry.
pub(super) fn withdrawn(competition: RecordId, who: u8, entry: RecordId) -> Signed {
    signed(&person(who), Body::Withdrawal(withdrawal(competition, entry)))
}

pub(super) fn contest(state: &FakeState, id: RecordId) -> &Contest<FakeModel> {
    state.set().contest(id).unwrap()
}

#[test]
fn a_sealed_competition_goes_from_the_announcement_to_the_close() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    assert_eq!(contest(&state, id).phase_at(NOW), Phase::Announced);
    assert_eq!(state.wanted_blobs().len(), 0, "the keys are here, and nobody knows the test set");

    let (first, second) = (entered(id, 2, 1, CREATED), entered(id, 3, 2, CREATED));
    accepted(settle(&mut state, &first.1));
    accepted(settle(&mut state, &second.1));
    accepted(settle(&mut state, &withdrawn(id, 3, second.1.id())));
    let third = entered(id, 3, 3, CREATED + 1);
    accepted(settle(&mut state, &third.1));
    assert_eq!(contest(&state, id).phase_at(NOW), Phase::Committing);
    let board = Board::of(contest(&state, id));
    assert_eq!((board.open, board.rows_total, board.rows.len()), (false, None, 0));

    let roster = contest(&state, id).admissible();
    assert_eq!(roster.len(), 2);
    let shown = revealed(id, &[&first.1, &third.1]);
    assert_eq!(shown.0.roster, roster);
    assert_eq!(accepted(state.apply(shown.1.bytes(), NOW).0), []);
    assert_eq!(state.wanted_blobs().len(), 1, "now the test set is known");
    assert_eq!(contest(&state, id).phase_at(COMMIT_DEADLINE + 2), Phase::Revealed);
    assert_eq!(contest(&state, id).rows(), Some(rows() as u64));

    let (best, other) = (scored(&shown, &third, 3, 9), scored(&shown, &first, 2, 7));
    accepted(settle(&mut state, &best.1));
    accepted(settle(&mut state, &other.1));
    assert_eq!(contest(&state, id).phase_at(COMMIT_DEADLINE + 2), Phase::Proving);
    let board = Board::of(contest(&state, id));
    assert!(board.rows.iter().all(|row| row.standing == Standing::Pending) && !board.closed);
    assert_eq!(board.rows[0].correct, 9);

    let closed = by_host(Body::Close(close(id, &[best.0])));
    accepted(state.apply(closed.bytes(), NOW).0);
    assert_eq!(contest(&state, id).phase_at(COMMIT_DEADLINE + 2), Phase::Closed);
    let board = Board::of(contest(&state, id));
    let standings: Vec<_> = board.rows.iter().map(|row| (row.rank, row.standing)).collect();
    assert_eq!(standings, [(Some(1), Standing::Final), (None, Standing::LeftOut)]);
    assert!(board.closed && board.disputes.is_empty());
    assert_eq!(contest(&state, id).counts().records, 9);
}

#[test]
fn phases_change_in_the_second_after_their_deadlines() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let first = entered(id, 2, 1, CREATED);
    let shown = revealed(id, &[&first.1]);
    let score = scored(&shown, &first, 2, 9);
    let phases = |state: &FakeState| {
        let around = |deadline: u64| [deadline - 1, deadline, deadline + 1];
        let times = [around(COMMIT_DEADLINE), around(DEADLINE)].concat();
        times.into_iter().map(|now| contest(state, id).phase_at(now)).collect::<Vec<_>>()
    };
    use Phase::{Announced, Closed, Committing, Proving, Revealed};
    assert_eq!(phases(&state), [Announced, Announced, Committing, Committing, Committing, Closed]);
    accepted(settle(&mut state, &first.1));
    assert_eq!(phases(&state), [Committing, Committing, Committing, Committing, Committing, Closed]);
    accepted(settle(&mut state, &shown.1));
    assert_eq!(phases(&state), [Revealed, Revealed, Revealed, Revealed, Revealed, Closed]);
    accepted(settle(&mut state, &score.1));
    assert_eq!(phases(&state), [Proving, Proving, Proving, Proving, Proving, Closed]);
    accepted(settle(&mut state, &by_host(Body::Close(close(id, &[])))));
    assert_eq!(phases(&state), [Closed; 6]);

    let open = host(competition("open"));
    let state = state_with(&open);
    let phase = |now| contest(&state, open.id()).phase_at(now);
    assert_eq!([0, DEADLINE - 1, DEADLINE, DEADLINE + 1].map(phase), [Proving, Proving, Proving, Closed]);
}

#[test]
fn an_entry_has_every_standing_in_its_turn() {
    use EntryStanding::{BeyondCap, Entered, LeftOut, OnRoster, Withdrawn};
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let made: Vec<_> = (1..=3).map(|model| entered(id, 2, model, CREATED + u64::from(model))).collect();
    for one in &made {
        accepted(settle(&mut state, &one.1));
    }
    let standings = |state: &FakeState| {
        made.iter().map(|one| contest(state, id).entry_standing(one.1.id()).unwrap()).collect()
    };
    let is = |state: &FakeState, expected: [EntryStanding; 3]| {
        let got: Vec<EntryStanding> = standings(state);
        assert_eq!(got, expected);
    };
    is(&state, [Entered, Entered, BeyondCap]);
    let beyond = entered(id, 2, 4, CREATED + 4);
    assert_eq!(context(settle(&mut state, &beyond.1), Verdict::Ignore), ContextError::EntriesCap { cap: 3 });
    assert_eq!(contest(&state, id).entry_standing(beyond.1.id()), None);
    accepted(settle(&mut state, &withdrawn(id, 2, made[0].1.id())));
    is(&state, [Withdrawn, Entered, Entered]);
    accepted(settle(&mut state, &revealed(id, &[&made[2].1]).1));
    is(&state, [Withdrawn, LeftOut, OnRoster]);

    // A host who lists what was withdrawn is believed: perhaps the withdrawal came later than the roster.
    let mut state = state_with(&hosted);
    for one in &made {
        accepted(settle(&mut state, &one.1));
    }
    accepted(settle(&mut state, &withdrawn(id, 2, made[0].1.id())));
    accepted(settle(&mut state, &revealed(id, &[&made[0].1]).1));
    is(&state, [OnRoster, LeftOut, LeftOut]);
}

#[test]
fn a_withdrawal_makes_place_for_one_more_entry_and_no_more() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let made: Vec<_> = (1..=4).map(|model| entered(id, 2, model, CREATED + u64::from(model))).collect();
    let other = entered(id, 3, 9, CREATED);
    for one in made[..3].iter().chain([&other]) {
        accepted(settle(&mut state, &one.1));
    }
    let admissible = |state: &FakeState, of: &[&Signed]| {
        let mut expected: Vec<RecordId> = of.iter().map(|record| record.id()).collect();
        expected.sort_unstable();
        assert_eq!(contest(state, id).admissible(), expected);
    };
    admissible(&state, &[&made[0].1, &made[1].1, &other.1]);
    accepted(settle(&mut state, &withdrawn(id, 2, made[1].1.id())));
    admissible(&state, &[&made[0].1, &made[2].1, &other.1]);
    // A second withdrawal is kept, but what it makes place for would be the fourth entry.
    accepted(settle(&mut state, &withdrawn(id, 2, made[0].1.id())));
    admissible(&state, &[&made[2].1, &other.1]);
    let error = context(settle(&mut state, &made[3].1), Verdict::Ignore);
    assert_eq!(error, ContextError::EntriesCap { cap: 3 });
    assert_eq!(contest(&state, id).counts().entries, 4);
}

#[test]
fn a_host_cannot_let_more_entries_count_than_the_cap() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let made: Vec<_> = (1..=3).map(|model| entered(id, 2, model, CREATED + u64::from(model))).collect();
    for one in &made {
        accepted(settle(&mut state, &one.1));
    }
    let shown = revealed(id, &[&made[0].1, &made[1].1, &made[2].1]);
    accepted(settle(&mut state, &shown.1));
    for (one, correct) in made.iter().zip([3, 4, 5]) {
        accepted(settle(&mut state, &scored(&shown, one, 2, correct).1));
    }
    let board = Board::of(contest(&state, id));
    assert_eq!((board.rows.len(), board.rows[0].correct, board.rows[0].entries), (1, 4, 2));
}

#[test]
fn submissions_are_pending_until_the_close_says_final_or_left_out() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let mine = entered(id, 2, 1, CREATED);
    accepted(settle(&mut state, &mine.1));
    let shown = revealed(id, &[&mine.1]);
    accepted(settle(&mut state, &shown.1));
    let (low, high) = (scored(&shown, &mine, 2, 3), scored(&shown, &mine, 2, 8));
    accepted(settle(&mut state, &low.1));
    accepted(settle(&mut state, &high.1));
    assert_eq!(contest(&state, id).standing(low.0), Standing::Pending);
    assert_eq!(Board::of(contest(&state, id)).rows[0].correct, 8);
    accepted(settle(&mut state, &by_host(Body::Close(close(id, &[low.0])))));
    assert_eq!(contest(&state, id).standing(low.0), Standing::Final);
    assert_eq!(contest(&state, id).standing(high.0), Standing::LeftOut);
    // The better one is left out: the row shows what is final.
    let board = Board::of(contest(&state, id));
    assert_eq!((board.rows[0].correct, board.rows[0].rank), (3, Some(1)));
    // What was in by then counts, whichever record of the same statement is kept.
    let mut again = submission_after(
        Some((shown.1.id(), &shown.0)),
        &mine.1,
        &mine.0,
        &person(2),
        &[3, 0, 0],
        COMMIT_DEADLINE + 4,
        1,
    );
    assert_eq!(accepted(settle(&mut state, &submit(&person(2), again.clone()))), [low.1.id()]);
    assert_eq!(Board::of(contest(&state, id)).rows[0].standing, Standing::Final);
    again.created = DEADLINE + 1;
    let late = context(settle(&mut state, &submit(&person(2), again)), Verdict::Reject);
    assert!(matches!(late, ContextError::AfterDeadline { deadline: "prove", expected: DEADLINE, .. }));
}

#[test]
fn entries_and_submissions_stop_at_their_deadlines() {
    let hosted = host(sealed("digits"));
    let mut state = state_with(&hosted);
    for (created, late) in
        [(COMMIT_DEADLINE - 1, false), (COMMIT_DEADLINE, false), (COMMIT_DEADLINE + 1, true)]
    {
        let outcome = settle(&mut state, &entered(hosted.id(), 2, 1, created).1);
        match late {
            false => drop(accepted(outcome)),
            true => {
                let error = context(outcome, Verdict::Reject);
                assert!(matches!(error, ContextError::AfterDeadline { deadline: "commit", .. }), "{error}");
            }
        }
    }
}

#[test]
fn only_levels_may_be_claimed_where_there_are_levels() {
    let rules = Competition { claims: ClaimRule::Levels(vec![5000, 8000, 10_000]), ..sealed("levels") };
    let claims = rules.claims.clone();
    let hosted = host(rules);
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let mine = entered(id, 2, 1, CREATED);
    accepted(settle(&mut state, &mine.1));
    let shown = revealed(id, &[&mine.1]);
    accepted(settle(&mut state, &shown.1));
    let n = rows() as u64;
    let level = crate::board::threshold_count(n, 5000);
    let submit_count = |state: &mut FakeState, mut left: u64| {
        let chunk = CATALOGUE[0].rows as u64;
        let correct = [chunk, chunk, 1].map(|most| {
            let part = left.min(most);
            left -= part;
            part
        });
        let after = Some((shown.1.id(), &shown.0));
        let body = submission_after(after, &mine.1, &mine.0, &person(2), &correct, COMMIT_DEADLINE + 5, 0);
        settle(state, &submit(&person(2), body))
    };
    for got in [0, level - 1, level + 1, n - 1] {
        let error = context(submit_count(&mut state, got), Verdict::Reject);
        assert_eq!(error, ContextError::BetweenLevels { got, rows: n });
    }
    accepted(submit_count(&mut state, level));
    accepted(submit_count(&mut state, n));
    assert_eq!(claims.highest(level - 1, n), None);
    assert_eq!(claims.highest(level + 1, n), Some(level));
    assert_eq!(claims.highest(n, n), Some(n));
    assert_eq!(ClaimRule::Exact.highest(level - 1, n), Some(level - 1));
}

#[test]
fn without_shared_ranks_ties_are_drawn() {
    let hosted = host(Competition { tie_rule: TieRule::EntryId, ..sealed("ties") });
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let made: Vec<_> = (2..6).map(|who| entered(id, who, who, CREATED)).collect();
    for one in &made {
        accepted(settle(&mut state, &one.1));
    }
    let shown = revealed(id, &made.iter().map(|one| &one.1).collect::<Vec<_>>());
    accepted(settle(&mut state, &shown.1));
    for (who, one) in (2..6).zip(&made) {
        accepted(settle(&mut state, &scored(&shown, one, who, 5).1));
    }
    let board = Board::of(contest(&state, id));
    let ranks: Vec<_> = board.rows.iter().map(|row| row.rank.unwrap()).collect();
    assert_eq!(ranks, [1, 2, 3, 4]);
    let drawn = |entry: &RecordId| {
        let mut hasher = blake3::Hasher::new_derive_key("podium 2025-11 draw among ties v1");
        *hasher.update(&SALT).update(entry.as_bytes()).finalize().as_bytes()
    };
    assert!(board.rows.windows(2).all(|pair| drawn(&pair[0].entry) < drawn(&pair[1].entry)));
}

#[test]
fn a_sealed_test_set_must_have_room_in_a_submission() {
    let most = (MAX_CHUNKS * CATALOGUE[0].rows) as u64;
    let with = |rows: u64| {
        let mut rules = sealed("digits");
        let TestSetTerms::Sealed { min_rows, .. } = &mut rules.test_set else { panic!("it is sealed") };
        *min_rows = rows;
        Body::Competition(Box::new(rules)).validate()
    };
    with(most).unwrap();
    assert!(with(most + 1).is_err());
}
