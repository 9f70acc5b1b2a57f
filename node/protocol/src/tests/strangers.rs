//! Records that come in more than one way, or that name what only some nodes have: all nodes must judge them alike.

use super::flow::{NOW, accepted};
use crate::{
    Body, Misbehaviour, Outcome, RecordId, Signed,
    testing::{
        CREATED, FakeState, by_host, classes, close, competition, enter, entry, host, person, reveal, sealed,
        settle, signed, state_with, submission_after, submit, withdrawal,
    },
};

fn accusation(competition: RecordId, [a, b]: [&Signed; 2]) -> Signed {
    by_host(Body::Misbehaviour(Misbehaviour::of(competition, a, b)))
}

/// Two reveals, an entry on both rosters, and a submission after each.
#[test]
fn an_accusation_does_not_count_what_is_kept_twice() {
    let hosted = host(sealed("digits"));
    let entered = entry(hosted.id(), &person(2), classes()[0], 5, CREATED);
    let signed_entry = enter(&person(2), entered.clone());
    let rosters = [vec![signed_entry.id()], vec![signed_entry.id(), RecordId::new([1; 32])]];
    let bodies = rosters.map(|roster| reveal(hosted.id(), &roster));
    let reveals = bodies.clone().map(|body| by_host(Body::Reveal(body)));
    let mut state = state_with(&hosted);
    accepted(settle(&mut state, &signed_entry));
    for (body, record) in bodies.iter().zip(&reveals) {
        accepted(settle(&mut state, record));
        let about = Some((record.id(), body));
        let scored = submission_after(about, &signed_entry, &entered, &person(2), &[1, 1, 1], CREATED + 9, 0);
        accepted(settle(&mut state, &submit(&person(2), scored)));
    }
    let before = state.set().contest(hosted.id()).unwrap().ids();
    let accused = accusation(hosted.id(), [&reveals[0], &reveals[1]]);
    assert_eq!(accepted(settle(&mut state, &accused)), []);
    let contest = state.set().contest(hosted.id()).unwrap();
    assert_eq!((contest.reveals().len(), contest.counts().submissions), (2, 2));
    assert!(before.iter().all(|id| state.set().kind_of(*id).is_some()));
    assert_eq!(contest.ids().len(), state.set().len());
}

#[test]
fn an_accusation_brings_the_record_that_is_missing_and_only_that() {
    let hosted = host(competition("digits"));
    let closes = [close(hosted.id(), &[]), close(hosted.id(), &[crate::StatementId::new([1; 32])])]
        .map(|body| by_host(Body::Close(body)));
    for first in 0..2 {
        let mut state = state_with(&hosted);
        accepted(settle(&mut state, &closes[first]));
        accepted(settle(&mut state, &accusation(hosted.id(), [&closes[0], &closes[1]])));
        let contest = state.set().contest(hosted.id()).unwrap();
        let ids: Vec<RecordId> = contest.closes().iter().map(|kept| kept.item.id()).collect();
        assert_eq!(ids.len(), 2);
        assert!(closes.iter().all(|close| ids.contains(&close.id())));
    }
}

#[test]
fn a_withdrawal_waits_for_its_entry() {
    let hosted = host(sealed("digits"));
    let entered = enter(&person(2), entry(hosted.id(), &person(2), classes()[0], 5, CREATED));
    let back = signed(&person(2), Body::Withdrawal(withdrawal(hosted.id(), entered.id())));
    let mut state = state_with(&hosted);
    assert!(matches!(state.apply(back.bytes(), NOW).0, Outcome::Waiting { .. }));
    accepted(settle(&mut state, &entered));
    assert!(state.set().contest(hosted.id()).unwrap().withdrawal_of(entered.id()).is_some());
}

/// A roster may list anything: whoever has not seen what it lists cannot tell, so nobody may refuse it for that.
#[test]
fn a_roster_with_strangers_is_judged_alike_whatever_is_known_of_them() {
    let (hosted, other) = (host(sealed("digits")), host(competition("other")));
    let elsewhere = enter(&person(2), entry(other.id(), &person(2), classes()[0], 5, CREATED));
    let strange = by_host(Body::Reveal(reveal(hosted.id(), &[elsewhere.id(), other.id()])));
    let mut knows: FakeState = state_with(&hosted);
    for record in [&other, &elsewhere] {
        accepted(settle(&mut knows, record));
    }
    let mut knows_not = state_with(&hosted);
    assert_eq!(knows.apply(strange.bytes(), NOW).0, knows_not.apply(strange.bytes(), NOW).0);
    assert!(matches!(knows.apply(strange.bytes(), NOW).0, Outcome::Known));
}
