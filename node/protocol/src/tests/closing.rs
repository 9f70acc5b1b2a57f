//! What closes and withdrawals have to be.

use super::{
    flow::{accepted, context},
    sealed::{contest, entered, revealed, scored, withdrawn},
};
use crate::{
    Body, Close, ContextError, FormError, Kind, Outcome, RuleError, SealError, Signed, Standing, StatementId,
    Verdict, Withdrawal,
    limits::{MAX_CLOSED, MAX_PLAIN_RECORD_BYTES, MAX_TIMESTAMP},
    sign,
    testing::{
        COMMIT_DEADLINE, CREATED, DEADLINE, FakeState, by_host, classes, close, competition, enter, entry,
        host, person, sealed, settle, signed, state_with, withdrawal,
    },
};

fn statements(count: usize) -> Vec<StatementId> {
    let id = |at: usize| {
        let mut bytes = [0xff; 32];
        bytes[..8].copy_from_slice(&(at as u64).to_be_bytes());
        StatementId::new(bytes)
    };
    (0..count).map(id).collect()
}

#[test]
fn a_close_comes_after_the_prove_deadline() {
    for rules in [sealed("digits"), competition("digits")] {
        let hosted = host(rules);
        let at = |created| {
            let body = Close { created, ..close(hosted.id(), &[]) };
            settle(&mut state_with(&hosted), &by_host(Body::Close(body)))
        };
        let (kind, deadline, expected) = (Kind::Close, "prove", DEADLINE);
        for got in [DEADLINE - 1, DEADLINE] {
            let error = context(at(got), Verdict::Reject);
            assert_eq!(error, ContextError::BeforeDeadline { kind, deadline, expected, got });
        }
        accepted(at(DEADLINE + 1));
        accepted(at(MAX_TIMESTAMP));
    }
}

#[test]
fn only_the_host_closes() {
    let hosted = host(sealed("digits"));
    let by_another = signed(&person(2), Body::Close(close(hosted.id(), &[])));
    let mut state = state_with(&hosted);
    let error = context(settle(&mut state, &by_another), Verdict::Reject);
    let (expected, got) = (hosted.author().to_string(), by_another.author().to_string());
    assert_eq!(error, ContextError::NotTheHost { kind: Kind::Close, expected, got });
    assert!(!contest(&state, hosted.id()).is_closed());
}

#[test]
fn a_close_may_list_what_is_not_here_yet() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let mine = entered(id, 2, 1, CREATED);
    let shown = revealed(id, &[&mine.1]);
    let score = scored(&shown, &mine, 2, 4);
    let closed = by_host(Body::Close(close(id, &[statements(1)[0], score.0])));
    accepted(settle(&mut state, &closed));
    for record in [&mine.1, &shown.1, &score.1] {
        accepted(settle(&mut state, record));
    }
    assert_eq!(contest(&state, id).standing(score.0), Standing::Final);
    assert_eq!(contest(&state, id).standing(statements(2)[1]), Standing::LeftOut);
    assert_eq!(contest(&state, id).counts().submissions, 1);
}

#[test]
fn a_close_is_ascending_and_not_too_long() {
    let hosted = host(sealed("digits")).id();
    let rule = |submissions: Vec<StatementId>, created| {
        let body = Close { submissions, created, competition: hosted };
        match sign(&person(1), &Body::Close(body)) {
            Ok(signed) => Ok(signed.bytes().len()),
            Err(SealError::Form(FormError::Rule(error))) => Err(error),
            Err(other) => panic!("{other}"),
        }
    };
    assert!(rule(statements(MAX_CLOSED), MAX_TIMESTAMP).unwrap() <= MAX_PLAIN_RECORD_BYTES);
    rule(Vec::new(), DEADLINE + 1).unwrap();
    let error = rule(statements(MAX_CLOSED + 1), DEADLINE + 1).unwrap_err();
    assert!(matches!(error, RuleError::Range { what: "final submissions", .. }), "{error}");
    let [a, b] = [0, 1].map(|at| statements(2)[at]);
    for list in [vec![b, a], vec![a, a]] {
        let what = "final submissions";
        assert_eq!(rule(list, DEADLINE + 1), Err(RuleError::NotAscending { what, at: 1 }));
    }
    let error = rule(vec![a], MAX_TIMESTAMP + 1).unwrap_err();
    assert!(matches!(error, RuleError::Range { what: "created", .. }));
}

/// A sealed competition that keeps one entry of person 2.
fn with_entry() -> (FakeState, Signed, Signed) {
    let hosted = host(sealed("digits"));
    let mut state = state_with(&hosted);
    let mine = entered(hosted.id(), 2, 1, CREATED).1;
    accepted(settle(&mut state, &mine));
    (state, hosted, mine)
}

#[test]
fn only_the_competitor_withdraws_an_entry_and_only_until_the_commit_deadline() {
    let (mut state, hosted, mine) = with_entry();
    let error = context(settle(&mut state, &withdrawn(hosted.id(), 3, mine.id())), Verdict::Reject);
    let (expected, got) =
        (mine.author().to_string(), withdrawn(hosted.id(), 3, mine.id()).author().to_string());
    assert_eq!(error, ContextError::NotTheCompetitor { kind: Kind::Withdrawal, expected, got });
    let at = |created| {
        let body = Withdrawal { created, ..withdrawal(hosted.id(), mine.id()) };
        settle(&mut with_entry().0, &signed(&person(2), Body::Withdrawal(body)))
    };
    let (kind, deadline, expected, got) = (Kind::Withdrawal, "commit", COMMIT_DEADLINE, COMMIT_DEADLINE + 1);
    let error = context(at(got), Verdict::Reject);
    assert_eq!(error, ContextError::AfterDeadline { kind, deadline, expected, got });
    accepted(at(COMMIT_DEADLINE));
    let body = Withdrawal { created: MAX_TIMESTAMP + 1, ..withdrawal(hosted.id(), mine.id()) };
    assert!(Body::Withdrawal(body).validate().is_err());
}

#[test]
fn a_withdrawal_is_of_an_entry_of_its_own_sealed_competition() {
    let (mut state, hosted, mine) = with_entry();
    let (other, open) = (host(sealed("another")), host(competition("open")));
    accepted(settle(&mut state, &other));
    accepted(settle(&mut state, &open));
    let elsewhere = context(settle(&mut state, &withdrawn(other.id(), 2, mine.id())), Verdict::Reject);
    assert_eq!(elsewhere, ContextError::EntryElsewhere { expected: other.id(), got: hosted.id() });
    let wrong = context(settle(&mut state, &withdrawn(hosted.id(), 2, open.id())), Verdict::Reject);
    assert!(matches!(wrong, ContextError::WrongKind { field: "entry", got: Kind::Competition, .. }));
    let in_open = enter(&person(2), entry(open.id(), &person(2), classes()[0], 1, CREATED));
    accepted(settle(&mut state, &in_open));
    let error = context(settle(&mut state, &withdrawn(open.id(), 2, in_open.id())), Verdict::Reject);
    assert_eq!(error, ContextError::Open { kind: Kind::Withdrawal });
}

#[test]
fn a_withdrawal_before_its_entry_waits_for_it() {
    let hosted = host(sealed("digits"));
    let mut state = state_with(&hosted);
    let mine = entered(hosted.id(), 2, 1, CREATED).1;
    let back = withdrawn(hosted.id(), 2, mine.id());
    assert!(matches!(settle(&mut state, &back), Outcome::Waiting { .. }));
    accepted(settle(&mut state, &mine));
    assert!(contest(&state, hosted.id()).withdrawal_of(mine.id()).is_some());
    assert_eq!(state.pending(None), 0);
}

#[test]
fn the_first_withdrawal_of_an_entry_is_kept() {
    let (_, hosted, mine) = with_entry();
    let at = |created| {
        let body = Withdrawal { created, ..withdrawal(hosted.id(), mine.id()) };
        signed(&person(2), Body::Withdrawal(body))
    };
    let (early, late) = (at(CREATED + 1), at(CREATED + 2));
    let mut state = with_entry().0;
    accepted(settle(&mut state, &late));
    assert_eq!(accepted(settle(&mut state, &early)), [late.id()]);
    let error = context(settle(&mut state, &late), Verdict::Ignore);
    assert_eq!(error, ContextError::Enough { kind: Kind::Withdrawal, max: 1 });
    assert_eq!(contest(&state, hosted.id()).counts().records, 3);
}

#[test]
fn an_entry_that_is_displaced_takes_its_withdrawal_with_it() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let made: Vec<_> = (1..=4).map(|model| entered(id, 2, model, CREATED + u64::from(model)).1).collect();
    for one in &made[1..] {
        accepted(settle(&mut state, one));
    }
    let back = withdrawn(id, 2, made[3].id());
    accepted(settle(&mut state, &back));
    assert_eq!(accepted(settle(&mut state, &made[0])), [made[3].id(), back.id()]);
    assert_eq!(contest(&state, id).counts().records, 4);
}
