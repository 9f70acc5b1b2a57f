//! Proof checks of several records together.

use crate::{
    CommitmentBytes, JobId, ProofBytes, ProofCheck, ProofError, ProofJob,
    testing::{
        CREATED, FakeChecker, FakeModel, FakeState, TEST_SET, bring_blobs, classes, competition, enter,
        entry, host, key_bytes, person, run_all, submission, submit,
    },
};

/// Six entries, two of them with another's proof, then five submissions, the third with a false count in a chunk.
fn jobs() -> (FakeState, Vec<ProofJob<FakeModel>>) {
    let hosted = host(competition("digits"));
    let mut state = FakeState::default();
    state.apply(hosted.bytes(), CREATED);
    bring_blobs(&mut state);
    let mut entries = Vec::new();
    for who in 2..7 {
        let body = entry(hosted.id(), &person(who), classes()[0], who, CREATED);
        entries.push((who, enter(&person(who), body.clone()), body));
    }
    for (_, signed, _) in &entries {
        state.apply(signed.bytes(), CREATED);
    }
    run_all(&mut state);
    for (at, (who, signed, body)) in entries.iter().enumerate() {
        let mut made = submission(signed, body, &person(*who), &[1, 2, 1], CREATED, 0);
        made.chunks[1].correct += u64::from(at == 2);
        state.apply(submit(&person(*who), made).bytes(), CREATED);
    }
    for who in 10..13 {
        let mut body = entry(hosted.id(), &person(who), classes()[usize::from(who == 12)], who, CREATED);
        if who == 11 {
            body.model_proof = ProofBytes([7; 160]);
        }
        body.commitment = CommitmentBytes(body.commitment.0);
        state.apply(enter(&person(who), body).bytes(), CREATED);
    }
    let mut all = Vec::new();
    loop {
        let more = state.next_jobs(64);
        if more.is_empty() {
            return (state, all);
        }
        all.extend(more);
    }
}

#[test]
fn results_are_those_of_one_by_one() {
    let (_, jobs) = jobs();
    let key = key_bytes(classes()[0]);
    let of_key: Vec<_> = jobs.iter().filter(|job| job.check.key().class == classes()[0]).collect();
    assert_eq!((jobs.len(), of_key.len()), (8, 7));
    let checks: Vec<_> = jobs.iter().map(|job| (&job.check, Some(&*TEST_SET))).collect();
    let together = ProofCheck::run_batch(&checks, &FakeChecker, &key, &[1; 32]);
    let alone: Vec<_> = jobs.iter().map(|job| job.check.run(&FakeChecker, &key, Some(&TEST_SET))).collect();
    assert_eq!(together, alone);
    let errors: Vec<_> = together.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(
        matches!(
            errors[..],
            [ProofError::Chunk { chunk: 1, .. }, ProofError::Refuted { .. }, ProofError::OtherKey { .. }]
        ),
        "{errors:?}"
    );
    // Without the test set only the scores cannot be checked.
    let none: Vec<_> = jobs.iter().map(|job| (&job.check, None)).collect();
    let without = ProofCheck::run_batch(&none, &FakeChecker, &key, &[1; 32]);
    let other = |result: &Result<_, ProofError>| matches!(result, Err(ProofError::OtherTestSet { .. }));
    assert_eq!(without.iter().filter(|result| other(result)).count(), 5);
}

#[test]
fn checks_of_one_key_are_handed_out_together_in_their_order() {
    let (state, all) = jobs();
    assert_eq!(state.jobs_ready(), 0);
    let ids: Vec<JobId> = all.iter().map(|job| job.id).collect();
    // The one under the other key came last, and was handed out last.
    assert!(ids.is_sorted());
    assert_eq!(all.last().map(|job| job.check.key().class), Some(classes()[1]));
}

#[test]
fn a_batch_has_so_many_proofs_and_at_least_one_record() {
    let (mut state, _) = jobs();
    let hosted = host(competition("another"));
    state.apply(hosted.bytes(), CREATED);
    bring_blobs(&mut state);
    for who in 2..7 {
        let body = entry(hosted.id(), &person(who), classes()[0], who, CREATED);
        state.apply(enter(&person(who), body).bytes(), CREATED);
    }
    assert_eq!(state.next_jobs(0).len(), 1);
    assert_eq!(state.next_jobs(3).len(), 3);
    assert_eq!(state.next_jobs(3).len(), 1);
    assert!(state.next_jobs(3).is_empty());
}
