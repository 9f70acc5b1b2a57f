//! A competition from one file: whole, and with every kind of hole.

use super::{
    flow::accepted,
    sealed::{contest, entered, revealed, scored, withdrawn},
};
use crate::{
    Board, Body, Bundle, BundleError, BundleReport, Misbehaviour, RecordId, Reveal, Signed,
    testing::{
        COMMIT_DEADLINE, CREATED, FakeChecker, FakeState, by_host, classes, close, competition, host,
        key_bytes, person, reveal, sealed, settle, signed, state_with, submission_after, submit,
        test_set_bytes,
    },
    verify_bundle,
};
use circuits::groth16::SetupTrust;

/// A sealed competition: an entry withdrawn, one left out, two scored of which one is final.
fn records() -> Vec<Signed> {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let made: Vec<_> = (2..6).map(|who| entered(id, who, who, CREATED)).collect();
    let shown = revealed(id, &[&made[0].1, &made[1].1]);
    let scores = [scored(&shown, &made[0], 2, 9), scored(&shown, &made[1], 3, 5)];
    let closed = by_host(Body::Close(close(id, &[scores[0].0])));
    let mut all = vec![hosted];
    all.extend(made.into_iter().map(|one| one.1));
    all.push(withdrawn(id, 4, all[3].id()));
    all.extend([shown.1, closed]);
    all.extend(scores.map(|one| one.1));
    all
}

const ENTRY: usize = 1;
const REVEAL: usize = 6;
const SCORE: usize = 8;

fn blobs() -> Vec<Vec<u8>> {
    vec![test_set_bytes(), key_bytes(classes()[0]), key_bytes(classes()[1])]
}

fn of(records: &[Signed]) -> Bundle {
    Bundle { records: records.iter().map(|record| record.bytes().to_vec()).collect(), blobs: blobs() }
}

fn verify(bundle: &Bundle) -> BundleReport {
    verify_bundle(&FakeChecker, bundle, CREATED).unwrap()
}

#[test]
fn a_whole_bundle_shows_the_board_of_a_node_in_whatever_order() {
    let records = records();
    let mut state = state_with(&records[0]);
    for record in &records[1..] {
        accepted(settle(&mut state, record));
    }
    let node = contest(&state, records[0].id());
    let mut bundle = of(&records);
    for _ in 0..3 {
        let report = verify(&bundle);
        assert!(report.is_whole(), "{report:?}");
        assert_eq!(report.board.to_bytes(), Board::of(node).to_bytes());
        assert_eq!((report.records, report.proofs), (10, 4 + 2 * 3));
        assert_eq!(report.fingerprint, node.fingerprint().to_string());
        assert_eq!((report.title.as_str(), &report.setup[..]), ("digits", &[SetupTrust::SingleParty][..]));
        bundle.records.rotate_left(3);
        bundle.records.reverse();
        let twice = bundle.records[2].clone();
        bundle.records.push(twice);
        bundle.blobs.reverse();
    }
}

#[test]
fn without_a_key_nothing_about_its_class_is_decided() {
    let mut bundle = of(&records());
    bundle.blobs.remove(1);
    let report = verify(&bundle);
    assert!(!report.is_whole() && report.refused.is_empty());
    assert_eq!((report.undecided.len(), report.proofs, report.board.rows.len()), (8, 0, 0));
    assert_eq!(report.missing_entries, 2);
}

#[test]
fn without_the_test_set_no_score_is_decided() {
    let mut bundle = of(&records());
    bundle.blobs.remove(0);
    let report = verify(&bundle);
    assert!(!report.is_whole() && report.refused.is_empty());
    assert_eq!((report.undecided.len(), report.proofs, report.missing_entries), (3, 4, 0));
    // Another file in its place does not help.
    bundle.blobs.push([&test_set_bytes()[..], &[0]].concat());
    assert_eq!(verify(&bundle).undecided.len(), 3);
}

#[test]
fn a_tampered_proof_is_refused_and_the_rest_holds() {
    let mut records = records();
    let id = records[0].id();
    let shown = reveal(id, &[records[ENTRY].id(), records[ENTRY + 1].id()]);
    let mine = entered(id, 2, 2, CREATED);
    let after = Some((records[REVEAL].id(), &shown));
    let mut body = submission_after(after, &mine.1, &mine.0, &person(2), &[9, 0, 0], COMMIT_DEADLINE + 5, 0);
    body.chunks[2].proof.0[0] ^= 1;
    records[SCORE] = submit(&person(2), body);
    let report = verify(&of(&records));
    assert!(!report.is_whole() && report.undecided.is_empty());
    assert_eq!(report.refused.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [records[SCORE].id()]);
    assert!(report.refused[0].1.starts_with("chunk 2"), "{:?}", report.refused);
    assert_eq!(report.board.rows.len(), 1);
}

#[test]
fn a_forged_signature_is_refused_with_what_depends_on_it() {
    let records = records();
    let mut bundle = of(&records);
    *bundle.records[ENTRY].last_mut().unwrap() ^= 1;
    let report = verify(&bundle);
    assert!(!report.is_whole());
    assert_eq!(report.refused.len(), 1, "{:?}", report.refused);
    assert_eq!(report.undecided.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [records[SCORE].id()]);
    assert_eq!((report.missing_entries, report.board.rows.len()), (1, 1));
}

#[test]
fn a_bundle_is_about_one_competition() {
    let mut records = records();
    records.push(host(sealed("another")));
    let error = verify_bundle(&FakeChecker, &of(&records), CREATED).unwrap_err();
    assert_eq!(error, BundleError::Competitions { got: 2 });
    for none in [&records[1..1], &records[1..10]] {
        let error = verify_bundle(&FakeChecker, &of(none), CREATED).unwrap_err();
        assert_eq!(error, BundleError::Competitions { got: 0 });
    }
}

#[test]
fn a_missing_entry_is_told_although_nothing_refers_to_it_but_the_roster() {
    let mut records = records();
    records.remove(SCORE);
    records.remove(ENTRY);
    let report = verify(&of(&records));
    assert!(!report.is_whole() && report.refused.is_empty() && report.undecided.is_empty());
    assert_eq!(report.missing_entries, 1);
}

#[test]
fn surplus_records_are_no_fault_of_the_bundle() {
    let mut records = records();
    let id = records[0].id();
    // Beyond the caps: one more entry than with the withdrawal, one reveal more than two, the same said again later.
    records.extend((1..4).map(|later| entered(id, 2, 10 + later, CREATED + u64::from(later)).1));
    let again = |later: u64| {
        let body = reveal(id, &[records[ENTRY].id(), records[ENTRY + 1].id()]);
        by_host(Body::Reveal(Reveal { created: body.created + later, ..body }))
    };
    let more = [again(1), again(2)];
    records.extend(more);
    let shown = reveal(id, &[records[ENTRY].id(), records[ENTRY + 1].id()]);
    let mine = entered(id, 2, 2, CREATED);
    let after = Some((records[REVEAL].id(), &shown));
    let late = submission_after(after, &mine.1, &mine.0, &person(2), &[9, 0, 0], COMMIT_DEADLINE + 6, 0);
    records.push(submit(&person(2), late));
    let report = verify(&of(&records));
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.records, report.board.disputes.as_slice()), (13, &["reveal"][..]));
}

#[test]
fn an_accusation_brings_the_second_reveal_into_the_bundle() {
    let mut records = records();
    let id = records[0].id();
    // It lists an entry beyond the caps.
    let made: Vec<_> = (0..4).map(|later| entered(id, 8, 20 + later, CREATED + u64::from(later)).1).collect();
    let second = by_host(Body::Reveal(reveal(id, &[made[3].id()])));
    let about = Misbehaviour::of(id, &records[REVEAL], &second);
    records.push(signed(&person(9), Body::Misbehaviour(about)));
    records.extend(made);
    let report = verify(&of(&records));
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.records, report.board.disputes.as_slice()), (16, &["reveal"][..]));
}

#[test]
fn what_only_an_accusation_brings_is_no_fault_of_the_bundle() {
    // Two reveals of a test set that was never sealed: they show what the host does, and do not hold.
    let hosted = host(competition("open"));
    let listed = [RecordId::new([9; 32])];
    let reveals = [1, 2].map(|later| {
        let body = reveal(hosted.id(), &listed);
        by_host(Body::Reveal(Reveal { created: body.created + later, ..body }))
    });
    let about = Misbehaviour::of(hosted.id(), &reveals[0], &reveals[1]);
    let accused = signed(&person(9), Body::Misbehaviour(about));
    let mut state: FakeState = state_with(&hosted);
    accepted(settle(&mut state, &accused));
    let report = verify(&of(&[hosted.clone(), accused.clone()]));
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.fingerprint, contest(&state, hosted.id()).fingerprint().to_string());
    // In the bundle they are a fault of it.
    let [first, second] = reveals;
    let report = verify(&of(&[hosted, first, accused, second]));
    assert_eq!(report.refused.len(), 2, "{report:?}");
}

#[test]
fn a_bundle_of_what_a_node_keeps_is_whole_even_where_a_roster_goes_beyond_the_caps() {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let made: Vec<_> = (1..=5).map(|model| entered(id, 2, model, CREATED + u64::from(model))).collect();
    let shown = revealed(id, &[&made[4].1]);
    let mut state: FakeState = state_with(&hosted);
    accepted(settle(&mut state, &shown.1));
    accepted(settle(&mut state, &made[4].1));
    accepted(settle(&mut state, &scored(&shown, &made[4], 2, 5).1));
    for one in &made[..3] {
        accepted(settle(&mut state, &one.1));
    }
    let kept = contest(&state, id);
    let records = kept.records().map(|kept| kept.item.2.to_vec()).collect();
    let report = verify(&Bundle { records, blobs: blobs() });
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.fingerprint, kept.fingerprint().to_string());
}
