//! Hosts who sign twice what there is only one of, and the accusations that show it.

use super::{
    flow::{NOW, accepted, context, refusal},
    sealed::{contest, entered, revealed, scored},
};
use crate::{
    Board, Body, Close, ContextError, FormError, Kind, Misbehaviour, PairError, RecordId, Refusal, Reveal,
    Signed, Standing, Verdict, WellFormed,
    limits::{MAX_PLAIN_RECORD_BYTES, MAX_RECORD_BYTES, MAX_ROSTER},
    sign,
    testing::{
        COMMIT_DEADLINE, CREATED, DEADLINE, FakeState, by_host, close, competition, host, person, reveal,
        run_all, sealed, settle, signed, state_with, submission_after, submit,
    },
};
use serde_bytes::ByteBuf;

/// A reveal of these entries, so many seconds after the first moment for it.
fn reveal_at(competition: RecordId, roster: &[RecordId], later: u64) -> (Reveal, Signed) {
    let body = Reveal { created: COMMIT_DEADLINE + 1 + later, ..reveal(competition, roster) };
    (body.clone(), by_host(Body::Reveal(body)))
}

fn close_at(competition: RecordId, later: u64) -> Signed {
    by_host(Body::Close(Close { created: DEADLINE + 1 + later, ..close(competition, &[]) }))
}

fn accusation(competition: RecordId, a: &Signed, b: &Signed) -> Signed {
    signed(&person(7), Body::Misbehaviour(Misbehaviour::of(competition, a, b)))
}

const SOME: RecordId = RecordId::new([5; 32]);

#[test]
fn of_two_reveals_both_are_kept_with_the_submissions_after_either() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let (ada, bob) = (entered(id, 2, 1, CREATED), entered(id, 3, 2, CREATED));
    accepted(settle(&mut state, &ada.1));
    accepted(settle(&mut state, &bob.1));
    let first = revealed(id, &[&ada.1, &bob.1]);
    let second = reveal_at(id, &[bob.1.id()], 1);
    let scores = [scored(&first, &ada, 2, 9), scored(&first, &bob, 3, 5), scored(&second, &bob, 3, 6)];
    accepted(settle(&mut state, &first.1));
    accepted(settle(&mut state, &scores[0].1));
    accepted(settle(&mut state, &scores[1].1));
    assert!(Board::of(contest(&state, id)).disputes.is_empty());
    assert_eq!(accepted(settle(&mut state, &second.1)), []);
    accepted(settle(&mut state, &scores[2].1));
    let board = Board::of(contest(&state, id));
    assert_eq!(board.disputes, ["reveal"]);
    let counts: Vec<_> = board.rows.iter().map(|row| (row.correct, row.rank)).collect();
    assert_eq!(counts, [(9, Some(1)), (6, Some(2))]);
    assert_eq!(contest(&state, id).counts().submissions, 3);
    // A score of one roster is none of the other.
    let mut moved =
        submission_after(Some((first.1.id(), &first.0)), &bob.1, &bob.0, &person(3), &[7, 0, 0], DEADLINE, 0);
    moved.reveal = Some(second.1.id());
    let outcome = settle(&mut state, &submit(&person(3), moved));
    assert!(matches!(refusal(outcome), Refusal::Proof(_)));
}

#[test]
fn of_two_closes_both_are_kept_and_final_is_what_both_list() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let (ada, bob) = (entered(id, 2, 1, CREATED), entered(id, 3, 2, CREATED));
    let shown = revealed(id, &[&ada.1, &bob.1]);
    let scores = [scored(&shown, &ada, 2, 9), scored(&shown, &bob, 3, 5)];
    for record in [&ada.1, &bob.1, &shown.1, &scores[0].1, &scores[1].1] {
        accepted(settle(&mut state, record));
    }
    accepted(settle(&mut state, &by_host(Body::Close(close(id, &[scores[0].0, scores[1].0])))));
    accepted(settle(&mut state, &by_host(Body::Close(close(id, &[scores[1].0])))));
    assert_eq!(contest(&state, id).standing(scores[0].0), Standing::LeftOut);
    assert_eq!(contest(&state, id).standing(scores[1].0), Standing::Final);
    let board = Board::of(contest(&state, id));
    assert_eq!(board.disputes, ["close"]);
    assert_eq!(board.rows.iter().map(|row| row.correct).collect::<Vec<_>>(), [5, 9]);
}

#[test]
fn of_more_the_first_two_are_kept() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mine = entered(id, 2, 1, CREATED);
    let three: Vec<_> = (0..3).map(|later| reveal_at(id, &[mine.1.id()], later)).collect();
    let scores: Vec<_> = three.iter().map(|one| scored(one, &mine, 2, 4)).collect();
    let mut state = state_with(&hosted);
    accepted(settle(&mut state, &mine.1));
    // In order, the third is of no use; neither is what names it.
    for one in &three[..2] {
        accepted(settle(&mut state, &one.1));
    }
    let error = context(settle(&mut state, &three[2].1), Verdict::Ignore);
    assert_eq!(error, ContextError::Enough { kind: Kind::Reveal, max: 2 });
    let in_order = contest(&state, id).fingerprint();
    // Backwards, the first displaces the third and the submissions after it.
    let mut state = state_with(&hosted);
    accepted(settle(&mut state, &mine.1));
    for at in [2, 1] {
        accepted(settle(&mut state, &three[at].1));
        accepted(settle(&mut state, &scores[at].1));
    }
    assert_eq!(accepted(settle(&mut state, &three[0].1)), [three[2].1.id(), scores[2].1.id()]);
    assert!(matches!(settle(&mut state, &scores[2].1), crate::Outcome::Waiting { .. }));
    let (outcome, updates) = state.apply(three[2].1.bytes(), NOW);
    context(outcome, Verdict::Ignore);
    let orphan = context(updates[0].outcome.clone(), Verdict::Ignore);
    assert_eq!((updates[0].id, orphan), (scores[2].1.id(), ContextError::Orphan { on: three[2].1.id() }));
    let kept: Vec<_> = contest(&state, id).reveals().iter().map(|kept| kept.item.id()).collect();
    assert_eq!(kept, [three[0].1.id(), three[1].1.id()]);
    assert_ne!(in_order, contest(&state, id).fingerprint(), "it has a submission more");

    let closes: Vec<_> = (0..3).map(|later| close_at(id, later)).collect();
    let mut state = state_with(&hosted);
    for record in [&closes[2], &closes[1]] {
        accepted(settle(&mut state, record));
    }
    assert_eq!(accepted(settle(&mut state, &closes[0])), [closes[2].id()]);
    let error = context(settle(&mut state, &closes[2]), Verdict::Ignore);
    assert_eq!(error, ContextError::Enough { kind: Kind::Close, max: 2 });
}

#[test]
fn an_accusation_brings_both_records_to_who_had_none_or_one() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let (first, second) = (reveal_at(id, &[SOME], 0).1, reveal_at(id, &[SOME], 1).1);
    let (shut, again) = (close_at(id, 0), close_at(id, 1));
    let about = [accusation(id, &first, &second), accusation(id, &again, &shut)];
    let ids = |state: &FakeState| contest(state, id).ids();
    let mut none = state_with(&hosted);
    for record in &about {
        accepted(none.apply(record.bytes(), NOW).0);
    }
    assert_eq!(
        ids(&none),
        [&hosted, &first, &second, &shut, &again, &about[0], &about[1]].map(Signed::id).into()
    );
    assert_eq!(Board::of(contest(&none, id)).disputes, ["reveal", "close"]);
    for had in [&first, &second] {
        let mut one = state_with(&hosted);
        accepted(one.apply(had.bytes(), NOW).0);
        for record in &about {
            accepted(one.apply(record.bytes(), NOW).0);
        }
        assert_eq!(ids(&one), ids(&none));
        assert_eq!((contest(&one, id).reveals().len(), contest(&one, id).closes().len()), (2, 2));
        assert_eq!(contest(&one, id).counts(), contest(&none, id).counts());
    }
    // One that waits for the competition, too, with one of its records beside it.
    let mut early = FakeState::default();
    for record in [&about[0], &first, &about[1], &hosted] {
        early.apply(record.bytes(), NOW);
    }
    assert_eq!(ids(&early), ids(&none));
    assert_eq!(contest(&early, id).counts(), contest(&none, id).counts());
}

#[test]
fn of_accusations_the_lowest_is_kept_for_each_kind_and_all_are_believed() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let three: Vec<_> = (0..3).map(|later| reveal_at(id, &[SOME], later).1).collect();
    let mut about: Vec<Signed> = [(0, 1), (0, 2), (1, 2)]
        .map(|(a, b)| accusation(id, &three[a], &three[b]))
        .into_iter()
        .chain([signed(&person(8), Body::Misbehaviour(Misbehaviour::of(id, &three[0], &three[2])))])
        .collect();
    about.sort_by_key(Signed::id);
    let shut = accusation(id, &close_at(id, 0), &close_at(id, 1));
    let mut orders = vec![about.clone(), about.iter().rev().cloned().collect()];
    about.rotate_left(2);
    orders.push(about.clone());
    let kept = orders.into_iter().map(|order| {
        let mut state = state_with(&hosted);
        state.apply(shut.bytes(), NOW);
        for record in &order {
            match state.apply(record.bytes(), NOW).0 {
                crate::Outcome::Accepted { .. } => {}
                other => {
                    let error = context(other, Verdict::Ignore);
                    assert_eq!(error, ContextError::Enough { kind: Kind::Misbehaviour, max: 1 });
                }
            }
        }
        let lowest = order.iter().map(Signed::id).min();
        assert_eq!(contest(&state, id).misbehaviour(Kind::Reveal).map(|kept| kept.item.id()), lowest);
        assert!(contest(&state, id).misbehaviour(Kind::Close).is_some());
        let reveals: Vec<_> = contest(&state, id).reveals().iter().map(|kept| kept.item.id()).collect();
        assert_eq!(reveals, [three[0].id(), three[1].id()]);
        contest(&state, id).fingerprint()
    });
    let kept: Vec<_> = kept.collect();
    assert!(kept.iter().all(|fingerprint| *fingerprint == kept[0]));
}

fn refused(body: Misbehaviour) -> PairError {
    let body = Body::Misbehaviour(body);
    assert!(sign(&person(7), &body).is_err(), "nobody signs it by mistake");
    let payload = body.to_payload().unwrap();
    let error = WellFormed::parse(&Signed::seal(&person(7), payload).unwrap()).unwrap_err();
    assert_eq!(error.verdict(), Verdict::Reject);
    match error {
        FormError::Pair(error) => error,
        other => panic!("expected a bad pair, got {other}"),
    }
}

#[test]
fn a_pair_that_shows_nothing_is_rejected() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let (first, second) = (reveal_at(id, &[SOME], 0).1, reveal_at(id, &[SOME], 1).1);
    let good = Misbehaviour::of(id, &first, &second);
    assert_eq!(good, Misbehaviour::of(id, &second, &first));
    let pair = good.open().unwrap();
    assert_eq!(pair.kind, Kind::Reveal);
    assert!(pair.records[0].id() < pair.records[1].id());

    let Misbehaviour { first: low, second: high, .. } = good.clone();
    let with = |first: &ByteBuf, second: &ByteBuf| {
        refused(Misbehaviour { competition: id, first: first.clone(), second: second.clone() })
    };
    assert_eq!(with(&high, &low), PairError::Order);
    assert_eq!(with(&low, &low), PairError::Order);
    let by_another = signed(&person(2), Body::Reveal(reveal(id, &[SOME])));
    assert!(matches!(refused(Misbehaviour::of(id, &first, &by_another)), PairError::Authors { .. }));
    let shut = close_at(id, 0);
    let mixed = refused(Misbehaviour::of(id, &first, &shut));
    assert!(matches!(mixed, PairError::Kinds { .. }));
    let (entry, other_entry) = (entered(id, 2, 1, CREATED).1, entered(id, 2, 2, CREATED).1);
    let kinds = PairError::Kinds { first: Kind::Entry, second: Kind::Entry };
    assert_eq!(refused(Misbehaviour::of(id, &entry, &other_entry)), kinds);
    let kinds = PairError::Kinds { first: Kind::Competition, second: Kind::Competition };
    assert_eq!(refused(Misbehaviour::of(id, &hosted, &host(sealed("another")))), kinds);
    let elsewhere = reveal_at(host(sealed("another")).id(), &[SOME], 0).1;
    assert!(matches!(refused(Misbehaviour::of(id, &first, &elsewhere)), PairError::Competition { .. }));
    let mut forged = low.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert!(matches!(with(&forged, &high), PairError::Envelope(_)));
    assert!(matches!(with(&ByteBuf::new(), &high), PairError::Envelope(_)));
    let noise = Signed::seal(&person(1), b"noise".to_vec()).unwrap();
    assert!(matches!(with(&ByteBuf::from(noise.bytes().to_vec()), &high), PairError::Form(_)));
    let long = ByteBuf::from(vec![0; MAX_PLAIN_RECORD_BYTES + 1]);
    assert_eq!(with(&long, &high), PairError::Length { got: MAX_PLAIN_RECORD_BYTES + 1 });
}

#[test]
fn accusations_in_accusations_are_not_opened() {
    let id = host(sealed("digits")).id();
    let (first, second) = (close_at(id, 0), close_at(id, 1));
    // They are no pairs at all; nobody looks at that.
    let mut first_cut = Misbehaviour::of(id, &first, &second);
    let mut second_cut = first_cut.clone();
    first_cut.first.clear();
    second_cut.second.clear();
    let inner = |body| Signed::seal(&person(7), Body::Misbehaviour(body).to_payload().unwrap()).unwrap();
    let kinds = PairError::Kinds { first: Kind::Misbehaviour, second: Kind::Misbehaviour };
    assert_eq!(refused(Misbehaviour::of(id, &inner(first_cut), &inner(second_cut))), kinds);
}

#[test]
fn only_hosts_can_be_accused() {
    let (hosted, open) = (host(sealed("digits")), host(competition("open")));
    for id in [hosted.id(), open.id()] {
        let mut state = state_with(&hosted);
        accepted(settle(&mut state, &open));
        let two = [0, 1].map(|later| Reveal { created: COMMIT_DEADLINE + 1 + later, ..reveal(id, &[SOME]) });
        let [a, b] = two.map(|body| signed(&person(2), Body::Reveal(body)));
        let error = context(settle(&mut state, &accusation(id, &a, &b)), Verdict::Reject);
        assert!(matches!(error, ContextError::NotTheHost { kind: Kind::Reveal, .. }), "{error}");
        assert!(contest(&state, id).disputes().is_empty());
    }
}

#[test]
fn an_accusation_of_the_longest_reveals_fits_into_a_record_and_nothing_else_is_so_long() {
    let ids = |salt: u8| -> Vec<RecordId> {
        let id = |at: usize| {
            let mut bytes = [salt; 32];
            bytes[..8].copy_from_slice(&(at as u64).to_be_bytes());
            RecordId::new(bytes)
        };
        (0..MAX_ROSTER).map(id).collect()
    };
    let hosted = host(sealed("digits"));
    let [a, b] = [1, 2].map(|salt| reveal_at(hosted.id(), &ids(salt), 0).1);
    let about = accusation(hosted.id(), &a, &b);
    assert!(about.bytes().len() > MAX_PLAIN_RECORD_BYTES && about.bytes().len() <= MAX_RECORD_BYTES);
    let mut state = state_with(&hosted);
    accepted(state.apply(about.bytes(), NOW).0);
    assert_eq!(contest(&state, hosted.id()).reveals().len(), 2);

    let mut long = reveal(hosted.id(), &ids(1));
    long.roster.extend(ids(2));
    let payload = Body::Reveal(long).to_payload().unwrap();
    let long = Signed::seal(&person(1), payload).unwrap();
    let error = refusal(state.apply(long.bytes(), NOW).0);
    assert!(matches!(error, Refusal::Form(FormError::TooLong { kind: Kind::Reveal, .. })), "{error}");
    run_all(&mut state);
}
