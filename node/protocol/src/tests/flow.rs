//! What becomes of single records: needs, proof checks, caps, refusals and their verdicts.

use crate::{
    BlobFacts, BlobRole, Board, ContextError, Defect, Kind, Need, Outcome, ProofError, Refusal, Signed,
    Verdict,
    testing::{
        CREATED, DEADLINE, FakeChecker, FakeState, TEST_SET, bring_blobs, classes, competition, enter, entry,
        host, key_bytes, person, rows, run_all, run_one, settle, signed, state_with, submission, submit,
    },
};

pub(super) const NOW: u64 = CREATED + 9;

/// A competition with one entry of person 2, model 5, made at CREATED.
pub(super) fn scene() -> (Signed, crate::Entry, Signed) {
    let hosted = host(competition("digits"));
    let entered = entry(hosted.id(), &person(2), classes()[0], 5, CREATED);
    let signed = enter(&person(2), entered.clone());
    (hosted, entered, signed)
}

pub(super) fn refusal(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub(super) fn context(outcome: Outcome, verdict: Verdict) -> ContextError {
    assert_eq!(outcome.verdict(), Some(verdict), "{outcome:?}");
    match refusal(outcome) {
        Refusal::Context(error) => error,
        other => panic!("expected a refusal in context, got {other:?}"),
    }
}

pub(super) fn accepted(outcome: Outcome) -> Vec<crate::RecordId> {
    match outcome {
        Outcome::Accepted { displaced } => displaced,
        other => panic!("expected to be accepted, got {other:?}"),
    }
}

#[test]
fn records_before_what_they_need_wait_and_are_judged_when_it_comes() {
    let (hosted, entered, signed_entry) = scene();
    let submitted =
        submit(&person(2), submission(&signed_entry, &entered, &person(2), &[4, 5, 1], CREATED, 0));
    let mut state = FakeState::default();

    let (outcome, _) = state.apply(submitted.bytes(), NOW);
    let needs = vec![Need::Record(hosted.id()), Need::Record(signed_entry.id())];
    assert_eq!(outcome, Outcome::Waiting { needs });
    assert_eq!(outcome.verdict(), Some(Verdict::Ignore));
    assert_eq!(state.apply(submitted.bytes(), NOW).0, Outcome::Pending);
    assert!(state.wanted_records().contains(&hosted.id()));

    let (outcome, _) = state.apply(signed_entry.bytes(), NOW);
    assert_eq!(outcome, Outcome::Waiting { needs: vec![Need::Record(hosted.id())] });
    assert_eq!(state.wanted_records().into_iter().collect::<Vec<_>>(), [hosted.id()]);

    let (outcome, updates) = state.apply(hosted.bytes(), NOW);
    assert_eq!(outcome.verdict(), Some(Verdict::Accept));
    assert_eq!(updates.len(), 2, "both are judged again: {updates:?}");
    assert!(updates.iter().all(|update| matches!(update.outcome, Outcome::Waiting { .. })));
    assert!(state.wanted_records().is_empty());
    assert_eq!(state.wanted_blobs().len(), 3, "the test set and two keys");
    assert_eq!(state.pending(Some(hosted.id())), 2);

    let updates = bring_blobs(&mut state);
    assert_eq!(updates.iter().filter(|update| update.outcome == Outcome::Checking).count(), 1);
    assert_eq!(state.apply(signed_entry.bytes(), NOW).0, Outcome::Pending);
    let updates = run_one(&mut state).unwrap();
    assert_eq!((updates[0].id, updates[0].kind), (signed_entry.id(), Kind::Entry));
    assert_eq!(updates[0].outcome.verdict(), Some(Verdict::Accept));
    assert_eq!((updates[1].id, &updates[1].outcome), (submitted.id(), &Outcome::Checking));
    assert_eq!(updates[1].outcome.verdict(), None, "gossip waits for the proof");
    let updates = run_one(&mut state).unwrap();
    assert_eq!(updates[0].outcome.verdict(), Some(Verdict::Accept));
    assert_eq!(state.pending(None), 0);

    let contest = state.set().contest(hosted.id()).unwrap();
    let kept = contest.submission(submitted.id()).unwrap();
    assert_eq!((kept.first_seen, kept.verify_us), (NOW, 42));
    let board = Board::of(contest);
    assert_eq!((board.rows[0].rank, board.rows[0].correct), (Some(1), 10));
    for record in [&hosted, &signed_entry, &submitted] {
        assert_eq!(state.apply(record.bytes(), NOW).0, Outcome::Known);
    }
    assert_eq!(contest_order(&state, hosted.id()), [hosted.id(), signed_entry.id(), submitted.id()]);
}

fn contest_order(state: &FakeState, competition: crate::RecordId) -> Vec<crate::RecordId> {
    state.set().contest(competition).unwrap().records().map(|kept| kept.item.0).collect()
}

#[test]
fn forged_proofs_are_rejected_and_remembered() {
    let (hosted, entered, signed_entry) = scene();
    let mut state = state_with(&hosted);
    let mut forged = entered.clone();
    forged.model_proof.0[0] ^= 1;
    let forged = enter(&person(2), forged);
    let outcome = settle(&mut state, &forged);
    assert!(matches!(refusal(outcome.clone()), Refusal::Proof(ProofError::Refuted { .. })));
    assert_eq!(outcome.verdict(), Some(Verdict::Reject));
    let again = state.apply(forged.bytes(), NOW).0;
    assert!(matches!(refusal(again.clone()), Refusal::Again { .. }));
    assert_eq!((again.verdict(), state.jobs_ready()), (Some(Verdict::Reject), 0));

    accepted(settle(&mut state, &signed_entry));
    let mut bad = submission(&signed_entry, &entered, &person(2), &[4, 5, 1], CREATED, 0);
    bad.chunks[2].correct = 0;
    let bad = submit(&person(2), bad);
    let outcome = settle(&mut state, &bad);
    assert_eq!(outcome.verdict(), Some(Verdict::Reject));
    assert!(matches!(refusal(outcome), Refusal::Proof(ProofError::Chunk { chunk: 2, .. })));
    assert_eq!(state.set().len(), 2);
}

#[test]
fn what_waits_for_a_refused_entry_goes_with_it() {
    let (hosted, mut entered, _) = scene();
    let mut state = state_with(&hosted);
    entered.model_proof.0[0] ^= 1;
    let forged = enter(&person(2), entered.clone());
    let submitted = submit(&person(2), submission(&forged, &entered, &person(2), &[0, 0, 0], CREATED, 0));
    state.apply(submitted.bytes(), NOW);
    state.apply(forged.bytes(), NOW);
    let updates = run_all(&mut state);
    assert_eq!(updates.len(), 2);
    let orphan = context(updates[1].outcome.clone(), Verdict::Ignore);
    assert_eq!((updates[1].id, orphan), (submitted.id(), ContextError::Orphan { on: forged.id() }));
    assert_eq!(state.pending(None), 0);
}

#[test]
fn what_waits_for_an_entry_that_was_not_judged_may_come_again() {
    let (hosted, entered, signed_entry) = scene();
    let mut state = state_with(&hosted);
    let submitted =
        submit(&person(2), submission(&signed_entry, &entered, &person(2), &[4, 5, 1], CREATED, 0));
    assert!(matches!(state.apply(submitted.bytes(), NOW).0, Outcome::Waiting { .. }));
    assert_eq!(state.apply(signed_entry.bytes(), NOW).0, Outcome::Checking);
    let job = state.next_job().unwrap();
    let not_checked = Err(ProofError::NotChecked { reason: "the key could not be read".to_owned() });
    let updates = state.proof_checked(job.id, not_checked, 0);
    let fates: Vec<_> = updates.into_iter().map(|update| (update.id, refusal(update.outcome))).collect();
    assert!(
        matches!(&fates[..], [(entry, Refusal::Proof(ProofError::NotChecked { .. })), (child, Refusal::Busy)]
        if (*entry, *child) == (signed_entry.id(), submitted.id()))
    );
    accepted(settle(&mut state, &signed_entry));
    accepted(settle(&mut state, &submitted));
}

#[test]
fn giving_up_a_record_gives_up_what_waits_for_it_without_a_judgement() {
    let (hosted, entered, signed_entry) = scene();
    let submitted =
        submit(&person(2), submission(&signed_entry, &entered, &person(2), &[4, 5, 1], CREATED, 0));
    let mut state = FakeState::default();
    state.apply(signed_entry.bytes(), NOW);
    state.apply(submitted.bytes(), NOW);
    assert!(state.is_waiting(signed_entry.id()) && state.is_pending(submitted.id()));
    let updates = state.give_up(signed_entry.id());
    let fates: Vec<_> = updates.into_iter().map(|update| (update.id, refusal(update.outcome))).collect();
    assert_eq!(fates, [(signed_entry.id(), Refusal::Busy), (submitted.id(), Refusal::Busy)]);
    assert!(state.give_up(signed_entry.id()).is_empty());
    for record in [&hosted, &signed_entry, &submitted] {
        accepted(settle(&mut state, record));
    }
}

#[test]
fn what_has_waited_too_long_makes_room_and_what_is_checked_or_kept_back_stays() {
    let (hosted, _, signed_entry) = scene();
    let mut state = state_with(&hosted);
    assert_eq!(state.apply(signed_entry.bytes(), NOW).0, Outcome::Checking);
    let unknown = host(competition("unknown")).id();
    let [first, second, own] =
        [1, 2, 3].map(|model| enter(&person(3), entry(unknown, &person(3), classes()[0], model, CREATED)));
    // As from a store: seen for the first time long ago.
    state.apply(first.bytes(), 0);
    state.apply(own.bytes(), 0);
    let keep = [own.id()].into();
    assert!(state.give_up_late(NOW, 60, &keep).is_empty());
    assert!(state.give_up_late(NOW + 30, 60, &keep).is_empty());
    state.apply(second.bytes(), NOW + 50);
    assert!(state.give_up_late(NOW + 60, 60, &keep).is_empty());
    let updates = state.give_up_late(NOW + 61, 60, &keep);
    assert_eq!((updates.len(), updates[0].id), (1, first.id()));
    assert_eq!(updates[0].outcome, Outcome::Refused(Refusal::Busy));
    assert_eq!(state.pending(None), 3);
    // A clock that was set back starts anew.
    assert!(state.give_up_late(NOW, 60, &keep).is_empty());
    assert_eq!(state.give_up_late(NOW + 61, 60, &keep).remove(0).id, second.id());
    assert_eq!(state.jobs_ready(), 1);
    assert!(matches!(state.apply(first.bytes(), NOW).0, Outcome::Waiting { .. }), "it may come again");
}

#[test]
fn a_copied_commitment_or_submission_is_rejected() {
    let (hosted, entered, signed_entry) = scene();
    let mut state = state_with(&hosted);
    accepted(settle(&mut state, &signed_entry));
    // Person 3 copies person 2's commitment with its proof.
    let copied = enter(&person(3), entered.clone());
    assert_eq!(settle(&mut state, &copied).verdict(), Some(Verdict::Reject));
    // Person 3 signs person 2's submission, for the entry of person 2.
    let stolen = submit(&person(3), submission(&signed_entry, &entered, &person(2), &[4, 5, 1], CREATED, 0));
    let error = context(settle(&mut state, &stolen), Verdict::Reject);
    assert!(matches!(error, ContextError::NotTheCompetitor { .. }));
    // Person 3 has an entry of his own, and uses person 2's proofs for it.
    let own = entry(hosted.id(), &person(3), classes()[0], 6, CREATED);
    let signed_own = enter(&person(3), own.clone());
    accepted(settle(&mut state, &signed_own));
    let mut stolen = submission(&signed_entry, &entered, &person(2), &[4, 5, 1], CREATED, 0);
    stolen.entry = signed_own.id();
    assert_eq!(settle(&mut state, &submit(&person(3), stolen)).verdict(), Some(Verdict::Reject));
    assert!(Board::of(state.set().contest(hosted.id()).unwrap()).rows.is_empty());
}

#[test]
fn records_that_do_not_fit_their_context_are_rejected() {
    let (hosted, entered, signed_entry) = scene();
    let other = host(competition("another"));
    let mut state = state_with(&hosted);
    accepted(settle(&mut state, &other));
    accepted(settle(&mut state, &signed_entry));

    let third_class = circuits::model::CATALOGUE[2].id;
    let wrong_class = enter(&person(2), entry(hosted.id(), &person(2), third_class, 5, CREATED));
    let error = context(settle(&mut state, &wrong_class), Verdict::Reject);
    assert_eq!(error, ContextError::ClassNotAdmitted { got: third_class });
    let late = enter(&person(2), entry(hosted.id(), &person(2), classes()[0], 5, DEADLINE + 1));
    let error = context(settle(&mut state, &late), Verdict::Reject);
    assert!(matches!(error, ContextError::AfterDeadline { kind: Kind::Entry, expected: DEADLINE, .. }));
    let nowhere = enter(&person(2), entry(signed_entry.id(), &person(2), classes()[0], 5, CREATED));
    let error = context(settle(&mut state, &nowhere), Verdict::Reject);
    assert!(matches!(error, ContextError::WrongKind { field: "competition", got: Kind::Entry, .. }));

    let good = submission(&signed_entry, &entered, &person(2), &[4, 5, 1], CREATED, 0);
    let mut attempt = |change: &dyn Fn(&mut crate::Submission)| {
        let mut changed = good.clone();
        change(&mut changed);
        context(settle(&mut state, &submit(&person(2), changed)), Verdict::Reject)
    };
    let error = attempt(&|s| s.created = DEADLINE + 1);
    assert!(matches!(error, ContextError::AfterDeadline { kind: Kind::Submission, .. }));
    let error = attempt(&|s| s.competition = other.id());
    assert_eq!(error, ContextError::EntryElsewhere { expected: other.id(), got: hosted.id() });
    let error = attempt(&|s| s.entry = hosted.id());
    assert!(matches!(error, ContextError::WrongKind { field: "entry", got: Kind::Competition, .. }));
    let error = attempt(&|s| s.chunks.truncate(2));
    assert!(matches!(error, ContextError::ChunkCount { expected: 3, got: 2, .. }));
    let error = attempt(&|s| s.chunks.push(s.chunks[0]));
    assert!(matches!(error, ContextError::ChunkCount { expected: 3, got: 4, .. }));
    let error = attempt(&|s| s.chunks[2].correct = 2);
    assert_eq!(error, ContextError::ChunkCorrect { chunk: 2, expected: 1, got: 2 });
}

#[test]
fn defects_of_the_host_are_ignored_not_blamed_on_the_sender() {
    let mut rules = competition("digits");
    let crate::TestSetTerms::Open { rows: fewer, .. } = &mut rules.test_set else { panic!("it is open") };
    *fewer -= 1;
    rules.size_classes[1].key_digest[0] ^= 1;
    let hosted = host(rules);
    let mut state = state_with(&hosted);
    let defects = state.defects(hosted.id());
    assert_eq!(defects.len(), 2, "{defects:?}");
    assert!(matches!(defects[0], Defect::Rows { .. }) && matches!(defects[1], Defect::Key { .. }));
    let under_bad_key = enter(&person(2), entry(hosted.id(), &person(2), classes()[1], 5, CREATED));
    let error = context(settle(&mut state, &under_bad_key), Verdict::Ignore);
    assert!(matches!(error, ContextError::Defect(Defect::Key { .. })));
    let entered = entry(hosted.id(), &person(2), classes()[0], 5, CREATED);
    let signed_entry = enter(&person(2), entered.clone());
    accepted(settle(&mut state, &signed_entry));
    // One row less makes two chunks.
    let mut submitted = submission(&signed_entry, &entered, &person(2), &[4, 5, 1], CREATED, 0);
    submitted.chunks.truncate(2);
    let error = context(settle(&mut state, &submit(&person(2), submitted)), Verdict::Ignore);
    assert!(matches!(error, ContextError::Defect(Defect::Rows { expected, got, .. })
        if (expected + 1, got) == (rows() as u64, rows() as u64)));
}

/// The open test set of a competition.
fn test_set(c: &mut crate::Competition) -> &mut crate::BlobRef {
    let crate::TestSetTerms::Open { blob, .. } = &mut c.test_set else { panic!("it is open") };
    blob
}

#[test]
fn every_defect_of_a_blob_is_told() {
    let defect = |change: &dyn Fn(&mut crate::Competition)| {
        let mut rules = competition("digits");
        change(&mut rules);
        let hosted = host(rules);
        state_with(&hosted).defects(hosted.id())
    };
    assert!(defect(&|_| ()).is_empty());
    let length = defect(&|c| test_set(c).bytes += 1);
    assert!(matches!(length[..], [Defect::Length { role: BlobRole::TestSet, .. }]));
    let length = defect(&|c| c.size_classes[0].verifying_key.bytes += 1);
    assert!(matches!(length[..], [Defect::Length { role: BlobRole::VerifyingKey, .. }]));
    assert!(matches!(defect(&|c| c.task.classes[0] = "maybe".into())[..], [Defect::Task { .. }]));
    let swapped = defect(&|c| c.size_classes[0].verifying_key = c.size_classes[1].verifying_key);
    assert!(matches!(swapped[..], [Defect::Key { .. }]));
    let unreadable = defect(&|c| c.size_classes[0].verifying_key = *test_set(c));
    assert!(matches!(unreadable[..], [Defect::Unreadable { role: BlobRole::VerifyingKey, .. }]));
}

#[test]
fn blobs_that_nobody_asked_for_are_forgotten() {
    let mut state = FakeState::default();
    let key = key_bytes(classes()[0]);
    let facts = BlobFacts::read(&FakeChecker, BlobRole::VerifyingKey, &key);
    assert!(state.blob_arrived(BlobRole::VerifyingKey, crate::BlobId::of(&key), facts).is_empty());
    state.apply(host(competition("digits")).bytes(), NOW);
    assert_eq!(state.wanted_blobs().len(), 3);
}

#[test]
fn results_for_other_jobs_or_about_other_records_change_nothing() {
    let (hosted, entered, signed_entry) = scene();
    let mut state = state_with(&hosted);
    let other = enter(&person(3), entry(hosted.id(), &person(3), classes()[0], 6, CREATED));
    state.apply(signed_entry.bytes(), NOW);
    state.apply(other.bytes(), NOW);
    let (first, second) = (state.next_job().unwrap(), state.next_job().unwrap());
    let key = key_bytes(classes()[0]);
    let evidence = first.check.run(&FakeChecker, &key, None).unwrap();
    // Evidence about the first record for the second job.
    let outcome = state.proof_checked(second.id, Ok(evidence.clone()), 1).remove(0).outcome;
    assert_eq!(outcome.verdict(), Some(Verdict::Ignore));
    assert!(matches!(refusal(outcome), Refusal::Proof(ProofError::OtherEvidence { .. })));
    assert!(state.proof_checked(second.id, Ok(evidence.clone()), 1).is_empty(), "the job is over");
    accepted(state.proof_checked(first.id, Ok(evidence), 1).remove(0).outcome);
    // Other keys and test sets than the competition's are told from bad proofs.
    let submitted =
        submit(&person(2), submission(&signed_entry, &entered, &person(2), &[4, 5, 1], CREATED, 0));
    assert_eq!(state.apply(submitted.bytes(), NOW).0, Outcome::Checking);
    let job = state.next_job().unwrap();
    let other_key = job.check.run(&FakeChecker, &key_bytes(classes()[1]), Some(&TEST_SET));
    assert!(matches!(other_key, Err(ProofError::OtherKey { .. })));
    let none = job.check.run(&FakeChecker, &key, None);
    assert!(matches!(none, Err(ProofError::OtherTestSet { got: None, .. })));
    let not_checked = Err(ProofError::NotChecked { reason: "busy".to_owned() });
    let outcome = state.proof_checked(job.id, not_checked, 0).remove(0).outcome;
    assert_eq!(outcome.verdict(), Some(Verdict::Ignore));
    // It was no verdict on the record, so it may come again.
    accepted(settle(&mut state, &submitted));
}

#[test]
fn a_competition_signed_by_somebody_else_is_another_competition() {
    let body = crate::Body::Competition(Box::new(competition("digits")));
    let (mine, theirs) = (signed(&person(1), body.clone()), signed(&person(2), body));
    assert_ne!(mine.id(), theirs.id());
}
