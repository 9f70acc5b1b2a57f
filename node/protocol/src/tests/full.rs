//! One record more than a node keeps.

use super::flow::NOW;
use crate::{
    Author, Caps, Competition, Kind, Outcome, RecordId, Refusal, Signed, StatementId, Verdict,
    limits::{
        MAX_COMPETITIONS, MAX_COMPETITIONS_OF_AUTHOR, MAX_ENTRIES, MAX_ENTRIES_CAP, MAX_REFUSED,
        MAX_SUBMISSIONS, MAX_SUBMISSIONS_CAP, MAX_TURNED_AWAY,
    },
    set::{NotKept, Valid},
    testing::{
        CREATED, FakeState, classes, competition, enter, entry, host, person, settle, signed, state_with,
        submission, submit,
    },
};

fn number(n: usize) -> RecordId {
    RecordId::of(&n.to_be_bytes())
}

#[test]
fn competitions_are_bounded_and_so_are_those_that_were_turned_away() {
    let mut state = FakeState::default();
    let make = |n: usize| {
        let body = crate::Body::Competition(Box::new(competition(&format!("number {n}"))));
        let author = u8::try_from(n / MAX_COMPETITIONS_OF_AUTHOR).unwrap();
        signed(&person(author), body)
    };
    for n in 0..MAX_COMPETITIONS {
        assert!(matches!(state.apply(make(n).bytes(), NOW).0, Outcome::Accepted { .. }), "{n}");
    }
    let full = Outcome::Refused(Refusal::Full { what: "competitions", max: MAX_COMPETITIONS });
    assert_eq!(state.apply(make(MAX_COMPETITIONS).bytes(), NOW).0, full);
    assert_eq!(full.verdict(), Some(Verdict::Ignore));
    let entry_of =
        |beyond: &Signed| enter(&person(2), entry(beyond.id(), &person(2), classes()[0], 5, CREATED));
    let first = entry_of(&make(MAX_COMPETITIONS));
    assert_eq!(state.apply(first.bytes(), NOW).0, full, "what belongs to it need not wait");
    for n in 1..=MAX_TURNED_AWAY {
        assert_eq!(state.apply(make(MAX_COMPETITIONS + n).bytes(), NOW).0, full);
    }
    let last = entry_of(&make(MAX_COMPETITIONS + MAX_TURNED_AWAY));
    assert_eq!(state.apply(last.bytes(), NOW).0, full);
    assert!(matches!(state.apply(first.bytes(), NOW).0, Outcome::Waiting { .. }), "the first is forgotten");
}

#[test]
fn refused_records_are_remembered_in_bounded_number() {
    let mut state = FakeState::default();
    let bad = |n: usize| {
        let payload = [&[crate::VERSION, 0xa0][..], &n.to_be_bytes()].concat();
        Signed::seal(&person(2), payload).unwrap()
    };
    let again = |state: &mut FakeState, n: usize| match state.apply(bad(n).bytes(), NOW).0 {
        Outcome::Refused(refusal) => matches!(refusal, Refusal::Again { .. }),
        other => panic!("{other:?}"),
    };
    for n in 0..MAX_REFUSED {
        assert!(!again(&mut state, n));
    }
    assert!(again(&mut state, 0));
    assert!(!again(&mut state, MAX_REFUSED), "one more");
    assert!(!again(&mut state, 0), "for which the oldest is forgotten");
    assert!(again(&mut state, MAX_REFUSED));
}

/// The records themselves are made once: what is kept is counted by id, author and statement.
#[test]
fn entries_and_submissions_of_a_competition_are_bounded() {
    let caps = Caps { entries: MAX_ENTRIES_CAP, withdrawals: 0, submissions: MAX_SUBMISSIONS_CAP };
    let hosted = host(Competition { caps, ..competition("crowded") });
    let mut state = state_with(&hosted);
    let body = entry(hosted.id(), &person(2), classes()[0], 5, CREATED);
    let entered = enter(&person(2), body.clone());
    let scored = submit(&person(2), submission(&entered, &body, &person(2), &[1, 0, 0], CREATED, 0));
    for record in [&entered, &scored] {
        assert!(matches!(settle(&mut state, record), Outcome::Accepted { .. }));
    }
    let contest = state.set().contest(hosted.id()).unwrap();
    let (one, score) = (
        contest.entry(entered.id()).unwrap().item.clone(),
        contest.submission(scored.id()).unwrap().item.clone(),
    );
    let authors: Vec<Author> = (0..=(MAX_ENTRIES / MAX_ENTRIES_CAP as usize) as u8)
        .map(|n| Author::from_public_key(&person(100 + n).public()).unwrap())
        .collect();
    let mut set = state.set().clone();
    let mut keep = |valid| set.insert(valid, NOW, 1);
    let nth_entry = |n: usize| {
        let author = authors[n / MAX_ENTRIES_CAP as usize];
        Valid::Entry(one.renamed(number(n), author))
    };
    for n in 1..MAX_ENTRIES {
        assert_eq!(keep(nth_entry(n)), Ok(Vec::new()), "{n}");
    }
    let full = |what, max| Err(NotKept::Full { what, max });
    assert_eq!(keep(nth_entry(MAX_ENTRIES)), full("entries", MAX_ENTRIES));
    let nth_score = |n: usize| {
        let statement = StatementId::new(*number(n).as_bytes());
        let entry = number(1 + n / MAX_SUBMISSIONS_CAP as usize);
        Valid::Submission(score.renamed(RecordId::of(statement.as_bytes()), entry, statement))
    };
    for n in 1..MAX_SUBMISSIONS {
        assert_eq!(keep(nth_score(n)), Ok(Vec::new()), "{n}");
    }
    assert_eq!(keep(nth_score(MAX_SUBMISSIONS)), full("submissions", MAX_SUBMISSIONS));
    let counts = set.contest(hosted.id()).unwrap().counts();
    assert_eq!((counts.entries, counts.submissions), (MAX_ENTRIES as u64, MAX_SUBMISSIONS as u64));
    assert!(Kind::ALL.len() == 7);
}
