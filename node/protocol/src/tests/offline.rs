//! Re-checking one submission from files.

use crate::{
    ContextError, Dossier, Kind, OfflineError, ProofError, Signed,
    testing::{
        CREATED, FakeChecker, classes, competition, enter, entry, host, key_bytes, person, rows, submission,
        submit, test_set_bytes,
    },
    verify_offline,
};

struct Files {
    competition: Signed,
    entry: Signed,
    submission: Signed,
    key: Vec<u8>,
    test_set: Vec<u8>,
}

fn files() -> Files {
    let competition = host(competition("digits"));
    let entered = entry(competition.id(), &person(2), classes()[0], 5, CREATED);
    let entry = enter(&person(2), entered.clone());
    let correct = [crate::testing::rows() as u64 / 2, 400, 1];
    let submission = submit(&person(2), submission(&entry, &entered, &person(2), &correct, CREATED, 0));
    Files { competition, entry, submission, key: key_bytes(classes()[0]), test_set: test_set_bytes() }
}

fn verify(files: &Files) -> Result<crate::Verified, OfflineError> {
    let dossier = Dossier {
        competition: files.competition.bytes(),
        entry: files.entry.bytes(),
        reveal: None,
        submission: files.submission.bytes(),
        key: &files.key,
        test_set: &files.test_set,
    };
    verify_offline(&FakeChecker, &dossier)
}

#[test]
fn a_submission_in_order_verifies() {
    let files = files();
    let verified = verify(&files).unwrap();
    let correct = rows() as u64 / 2 + 401;
    assert_eq!((verified.correct, verified.rows, verified.chunks), (correct, rows() as u64, 3));
    assert_eq!(verified.accuracy_bps, crate::accuracy_bps(correct, rows() as u64));
    assert_eq!(verified.competitor, person(2).public().to_peer_id().to_base58());
    assert_eq!(verified.submission, files.submission.id());
}

#[test]
fn every_wrong_file_is_told() {
    let mut wrong = files();
    wrong.key = key_bytes(classes()[1]);
    assert!(matches!(verify(&wrong), Err(OfflineError::Blob { what: "verifying key", .. })));
    let mut wrong = files();
    wrong.test_set.push(0);
    assert!(matches!(verify(&wrong), Err(OfflineError::Blob { what: "test set", .. })));
    let mut wrong = files();
    wrong.entry = wrong.submission.clone();
    let kind = OfflineError::Kind { expected: Kind::Entry, got: Kind::Submission };
    assert_eq!(verify(&wrong), Err(kind));
    let mut wrong = files();
    wrong.competition = host(competition("another"));
    assert!(matches!(verify(&wrong), Err(OfflineError::Context(ContextError::Orphan { .. }))));
    let mut wrong = files();
    wrong.entry = enter(&person(2), entry(wrong.competition.id(), &person(2), classes()[0], 6, CREATED));
    assert!(matches!(verify(&wrong), Err(OfflineError::Context(ContextError::Orphan { .. }))));
}

#[test]
fn a_forged_score_is_refused() {
    let mut forged = files();
    let entered = entry(forged.competition.id(), &person(2), classes()[0], 5, CREATED);
    let mut body = submission(&forged.entry, &entered, &person(2), &[1, 1, 1], CREATED, 0);
    body.chunks[1].correct = 2;
    forged.submission = submit(&person(2), body);
    assert!(matches!(verify(&forged), Err(OfflineError::Proof(ProofError::Chunk { chunk: 1, .. }))));
    let noise = b"noise".as_slice();
    let (competition, entry, submission, key, test_set) = (noise, noise, noise, noise, noise);
    let dossier = Dossier { competition, entry, reveal: None, submission, key, test_set };
    let error = verify_offline(&FakeChecker, &dossier);
    assert!(matches!(error, Err(OfflineError::Envelope { what: Kind::Competition, .. })));
}
