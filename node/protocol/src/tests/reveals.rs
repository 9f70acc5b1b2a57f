//! What a reveal has to be, and what submissions have to do with it.

use super::{
    flow::{NOW, accepted, context},
    sealed::{contest, entered, revealed, scored},
};
use crate::{
    BlobRef, Body, Competition, ContextError, FormError, Kind, Need, Outcome, RecordId, Reveal, RuleError,
    Seal, SealError, TestSetTerms, Verdict,
    limits::{MAX_CHUNKS, MAX_PLAIN_RECORD_BYTES, MAX_ROSTER, MAX_ROWS, MAX_TEST_SET_BYTES},
    sign,
    testing::{
        COMMIT_DEADLINE, CREATED, DEADLINE, SALT, author, by_host, classes, competition, enter, entry, host,
        person, reveal, rows, sealed, settle, signed, state_with, submission, submission_after, submit,
        test_set_bytes,
    },
};
use circuits::model::CATALOGUE;

const SOME: RecordId = RecordId::new([5; 32]);

/// What becomes of a changed reveal in a sealed competition.
fn attempt(change: impl FnOnce(&mut Reveal)) -> Outcome {
    let hosted = host(sealed("digits"));
    let mut body = reveal(hosted.id(), &[SOME]);
    change(&mut body);
    settle(&mut state_with(&hosted), &by_host(Body::Reveal(body)))
}

fn rejected(change: impl FnOnce(&mut Reveal)) -> ContextError {
    context(attempt(change), Verdict::Reject)
}

#[test]
fn a_reveal_opens_the_seal_with_salt_test_set_and_rows() {
    accepted(attempt(|_| ()));
    let changes: [&dyn Fn(&mut Reveal); 5] = [
        &|r| r.salt[31] ^= 1,
        &|r| r.test_set = BlobRef { bytes: r.test_set.bytes, ..BlobRef::of(b"another") },
        &|r| r.test_set.bytes += 1,
        &|r| r.rows += 1,
        &|r| r.rows -= 1,
    ];
    for change in changes {
        let error = rejected(change);
        assert!(matches!(error, ContextError::Seal { expected, got } if expected != got), "{error}");
    }
}

#[test]
fn a_copied_seal_cannot_be_opened_by_who_copied_it() {
    let hosted = host(sealed("digits"));
    let copied = signed(&person(9), Body::Competition(Box::new(sealed("digits"))));
    let mut state = state_with(&hosted);
    accepted(settle(&mut state, &copied));
    accepted(settle(&mut state, &by_host(Body::Reveal(reveal(hosted.id(), &[SOME])))));
    // The salt is public now.
    let stolen = signed(&person(9), Body::Reveal(reveal(copied.id(), &[SOME])));
    assert!(matches!(context(settle(&mut state, &stolen), Verdict::Reject), ContextError::Seal { .. }));
    assert!(contest(&state, copied.id()).reveals().is_empty());
}

#[test]
fn a_reveal_has_as_many_rows_as_were_promised_and_as_there_is_room_for() {
    let with = |rows: u64, least: u64| {
        let blob = BlobRef::of(&test_set_bytes());
        let seal = Seal::of(&author(&person(1)), &blob, rows, &SALT);
        let test_set = TestSetTerms::Sealed { seal, min_rows: least, commit_deadline: COMMIT_DEADLINE };
        let hosted = host(Competition { test_set, ..sealed("rows") });
        let body = Reveal { rows, ..reveal(hosted.id(), &[SOME]) };
        settle(&mut state_with(&hosted), &by_host(Body::Reveal(body)))
    };
    accepted(with(100, 100));
    let few = context(with(99, 100), Verdict::Reject);
    assert_eq!(few, ContextError::FewRows { expected: 100, got: 99 });
    let most = (MAX_CHUNKS * CATALOGUE[0].rows) as u64;
    accepted(with(most, 1));
    let many = context(with(most + 1, 1), Verdict::Reject);
    assert!(matches!(many, ContextError::Rule(RuleError::TooManyChunks { .. })), "{many}");
}

#[test]
fn only_the_host_reveals_and_only_what_is_sealed() {
    let hosted = host(sealed("digits"));
    let by_another = signed(&person(2), Body::Reveal(reveal(hosted.id(), &[SOME])));
    let error = context(settle(&mut state_with(&hosted), &by_another), Verdict::Reject);
    let (expected, got) = (hosted.author().to_string(), by_another.author().to_string());
    assert_eq!(error, ContextError::NotTheHost { kind: Kind::Reveal, expected, got });
    let open = host(competition("open"));
    let in_open = by_host(Body::Reveal(reveal(open.id(), &[SOME])));
    let error = context(settle(&mut state_with(&open), &in_open), Verdict::Reject);
    assert_eq!(error, ContextError::Open { kind: Kind::Reveal });
}

#[test]
fn a_reveal_comes_between_the_deadlines() {
    let kind = Kind::Reveal;
    for got in [COMMIT_DEADLINE - 1, COMMIT_DEADLINE] {
        let (deadline, expected) = ("commit", COMMIT_DEADLINE);
        let error = rejected(|r| r.created = got);
        assert_eq!(error, ContextError::BeforeDeadline { kind, deadline, expected, got });
    }
    for created in [COMMIT_DEADLINE + 1, DEADLINE - 1, DEADLINE] {
        accepted(attempt(|r| r.created = created));
    }
    let (deadline, expected, got) = ("prove", DEADLINE, DEADLINE + 1);
    let error = rejected(|r| r.created = got);
    assert_eq!(error, ContextError::AfterDeadline { kind, deadline, expected, got });
}

fn rule(change: impl FnOnce(&mut Reveal)) -> Result<usize, RuleError> {
    let mut body = reveal(SOME, &[SOME]);
    change(&mut body);
    match sign(&person(1), &Body::Reveal(body)) {
        Ok(signed) => Ok(signed.bytes().len()),
        Err(SealError::Form(FormError::Rule(error))) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

/// So many ids, ascending.
fn ids(count: usize) -> Vec<RecordId> {
    let id = |at: usize| {
        let mut bytes = [0xff; 32];
        bytes[..8].copy_from_slice(&(at as u64).to_be_bytes());
        RecordId::new(bytes)
    };
    (0..count).map(id).collect()
}

#[test]
fn a_roster_is_ascending_without_repetition_and_neither_empty_nor_too_long() {
    let longest = rule(|r| (r.roster, r.created) = (ids(MAX_ROSTER), u64::from(u32::MAX) + 1)).unwrap();
    assert!(longest <= MAX_PLAIN_RECORD_BYTES, "{longest}");
    for bad in [0, MAX_ROSTER + 1] {
        let error = rule(|r| r.roster = ids(bad)).unwrap_err();
        assert!(matches!(error, RuleError::Range { what: "entries on the roster", .. }), "{error}");
    }
    let error = rule(|r| r.roster = ids(3).into_iter().rev().collect());
    assert_eq!(error, Err(RuleError::NotAscending { what: "roster", at: 1 }));
    let [a, b, c] = [0, 1, 2].map(|at| ids(3)[at]);
    assert_eq!(rule(|r| r.roster = vec![a, b, b, c]), Err(RuleError::NotAscending { what: "roster", at: 2 }));
    let (rows, bytes) = (MAX_ROWS as u64, MAX_TEST_SET_BYTES as u64);
    rule(|r| (r.rows, r.test_set.bytes) = (rows, bytes)).unwrap();
    for bad in [0, rows + 1] {
        assert!(matches!(rule(|r| r.rows = bad), Err(RuleError::Range { what: "rows", .. })));
    }
    for bad in [0, bytes + 1] {
        let error = rule(|r| r.test_set.bytes = bad);
        assert!(matches!(error, Err(RuleError::Range { what: "test set bytes", .. })));
    }
}

#[test]
fn entries_on_the_roster_that_are_not_here_are_counted_and_may_come() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let (here, later) = (entered(id, 2, 1, CREATED), entered(id, 3, 2, CREATED));
    accepted(settle(&mut state, &here.1));
    let mut body = reveal(id, &[here.1.id(), later.1.id(), SOME]);
    accepted(settle(&mut state, &by_host(Body::Reveal(body.clone()))));
    let mut missing = vec![later.1.id(), SOME];
    missing.sort_unstable();
    assert_eq!(state.missing_on_rosters(id, usize::MAX), missing);
    assert_eq!(state.missing_on_rosters(id, 1), missing[..1]);
    assert_eq!(state.missing_on_rosters(SOME, 9), []);
    accepted(settle(&mut state, &later.1));
    assert_eq!(state.missing_on_rosters(id, usize::MAX), [SOME]);
    // It is scored as the others are.
    body.roster.sort_unstable();
    let shown = (body.clone(), by_host(Body::Reveal(body)));
    accepted(settle(&mut state, &scored(&shown, &later, 3, 4).1));
}

#[test]
fn what_a_roster_lists_decides_nothing_about_the_reveal_whatever_came_first() {
    let (hosted, other) = (host(sealed("digits")), host(sealed("another")));
    let elsewhere = entered(other.id(), 2, 1, CREATED);
    let odd = reveal(hosted.id(), &[elsewhere.1.id(), other.id(), SOME]);
    let odd = by_host(Body::Reveal(odd));
    for reveal_first in [true, false] {
        let mut state = state_with(&hosted);
        if reveal_first {
            accepted(settle(&mut state, &odd));
        }
        accepted(settle(&mut state, &other));
        accepted(settle(&mut state, &elsewhere.1));
        if !reveal_first {
            accepted(settle(&mut state, &odd));
        }
        assert_eq!(state.missing_on_rosters(hosted.id(), 9), [SOME], "what is no entry here is not missing");
        assert_eq!(contest(&state, hosted.id()).counts().entries, 0);
    }
}

#[test]
fn an_entry_on_the_roster_has_a_place_beyond_the_caps() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let made: Vec<_> = (1..=4).map(|model| entered(id, 2, model, CREATED + u64::from(model))).collect();
    let shown = revealed(id, &[&made[3].1]);
    let score = scored(&shown, &made[3], 2, 6);
    // The reveal first, then the entries: none is refused.
    let mut state = state_with(&hosted);
    accepted(settle(&mut state, &shown.1));
    for one in made.iter().rev() {
        assert_eq!(accepted(settle(&mut state, &one.1)), []);
    }
    accepted(settle(&mut state, &score.1));
    assert_eq!(contest(&state, id).counts().entries, 4);
    // The entries first: the last is refused until it is on a roster, and is missing then.
    let mut late = state_with(&hosted);
    for one in &made[..3] {
        accepted(settle(&mut late, &one.1));
    }
    context(settle(&mut late, &made[3].1), Verdict::Ignore);
    accepted(settle(&mut late, &shown.1));
    assert_eq!(late.missing_on_rosters(id, 9), [made[3].1.id()]);
    for record in [&made[3].1, &score.1] {
        accepted(settle(&mut late, record));
    }
    assert_eq!(contest(&state, id).fingerprint(), contest(&late, id).fingerprint());
    // What a node hands to another is in an order in which nothing is refused for want of the roster.
    let mut copy = state_with(&hosted);
    for kept in contest(&state, id).records() {
        copy.apply(kept.item.2, NOW);
        crate::testing::bring_blobs(&mut copy);
        crate::testing::run_all(&mut copy);
    }
    assert_eq!(contest(&copy, id).fingerprint(), contest(&state, id).fingerprint());
}

#[test]
fn a_submission_names_the_reveal_where_there_is_one_and_none_elsewhere() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let mine = entered(id, 2, 1, CREATED);
    let shown = revealed(id, &[&mine.1]);
    accepted(settle(&mut state, &mine.1));
    accepted(settle(&mut state, &shown.1));
    let without = submission(&mine.1, &mine.0, &person(2), &[1, 0, 0], COMMIT_DEADLINE + 5, 0);
    let error = context(settle(&mut state, &submit(&person(2), without)), Verdict::Reject);
    assert_eq!(error, ContextError::RevealField { sealed: true });

    let open = host(competition("open"));
    accepted(settle(&mut state, &open));
    let body = entry(open.id(), &person(2), classes()[0], 1, CREATED);
    let signed_entry = enter(&person(2), body.clone());
    accepted(settle(&mut state, &signed_entry));
    for named in [shown.1.id(), SOME] {
        let mut with = submission(&signed_entry, &body, &person(2), &[1, 0, 0], CREATED, 0);
        with.reveal = Some(named);
        let error = context(settle(&mut state, &submit(&person(2), with)), Verdict::Reject);
        assert_eq!(error, ContextError::RevealField { sealed: false });
    }
}

#[test]
fn a_submission_is_for_an_entry_on_the_roster_by_its_competitor() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let (mine, other) = (entered(id, 2, 1, CREATED), entered(id, 3, 2, CREATED));
    let shown = revealed(id, &[&mine.1]);
    for record in [&mine.1, &other.1, &shown.1] {
        accepted(settle(&mut state, record));
    }
    let left_out = scored(&shown, &other, 3, 4).1;
    let error = context(settle(&mut state, &left_out), Verdict::Reject);
    assert_eq!(error, ContextError::NotOnRoster { reveal: shown.1.id(), entry: other.1.id() });
    let after = Some((shown.1.id(), &shown.0));
    let make = |correct: u64, created| {
        submission_after(after, &mine.1, &mine.0, &person(2), &[correct, 0, 0], created, 0)
    };
    let error = context(settle(&mut state, &submit(&person(3), make(4, DEADLINE))), Verdict::Reject);
    assert!(matches!(error, ContextError::NotTheCompetitor { kind: Kind::Submission, .. }), "{error}");
    let kind_of_reveal = Some(mine.1.id());
    let wrong = crate::Submission { reveal: kind_of_reveal, ..make(4, DEADLINE) };
    let error = context(settle(&mut state, &submit(&person(2), wrong)), Verdict::Reject);
    assert!(matches!(error, ContextError::WrongKind { field: "reveal", got: Kind::Entry, .. }), "{error}");
    for correct in 1..=3 {
        accepted(settle(&mut state, &submit(&person(2), make(correct, DEADLINE))));
    }
    let beyond = submit(&person(2), make(rows() as u64 / 4, DEADLINE));
    let made_first = contest(&state, id).submissions().all(|kept| kept.item.record().id() < beyond.id());
    match settle(&mut state, &beyond) {
        Outcome::Accepted { displaced } => assert!(displaced.len() == 1 && !made_first),
        other => assert_eq!(context(other, Verdict::Ignore), ContextError::SubmissionsCap { cap: 3 }),
    }
    let unknown = crate::Submission { reveal: Some(SOME), ..make(4, DEADLINE) };
    let outcome = settle(&mut state, &submit(&person(2), unknown));
    assert_eq!(outcome, Outcome::Waiting { needs: vec![Need::Record(SOME)] });
}

#[test]
fn a_submission_of_another_competitions_reveal_goes_nowhere() {
    let (hosted, other) = (host(sealed("digits")), host(sealed("another")));
    let mut state = state_with(&hosted);
    accepted(settle(&mut state, &other));
    let mine = entered(hosted.id(), 2, 1, CREATED);
    let elsewhere = revealed(other.id(), &[&mine.1]);
    accepted(settle(&mut state, &mine.1));
    accepted(settle(&mut state, &elsewhere.1));
    let error = context(settle(&mut state, &scored(&elsewhere, &mine, 2, 4).1), Verdict::Ignore);
    assert_eq!(error, ContextError::Orphan { on: elsewhere.1.id() });
    assert!(contest(&state, hosted.id()).submissions().next().is_none());
}
