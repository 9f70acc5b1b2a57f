//! What a score proof is bound to: each part changed alone makes it another statement.

use super::{
    flow::{accepted, refusal},
    sealed::{entered, revealed},
};
use crate::{
    BlobRef, Body, ChunkProof, CommitmentBytes, Entry, Outcome, ProofError, RecordId, Refusal, Reveal,
    Signed, StatementId, Submission, TestSetTerms, Verdict, roster_digest, statement_id,
    testing::{
        COMMIT_DEADLINE, CREATED, FakeState, TEST_SET, author, classes, competition, enter, entry, host,
        key_bytes, person, proof, reveal, score_hash, sealed, settle, state_with, submission_after, submit,
        test_set_bytes,
    },
};
use circuits::statement::{Chunk, Competitor, Scope, ScoreClaim};

/// All that a proof is about.
struct Statement {
    key: Vec<u8>,
    set: [u8; 32],
    commitment: CommitmentBytes,
    claim: ScoreClaim,
}

struct Scene {
    state: FakeState,
    id: RecordId,
    mine: (Entry, Signed),
    shown: (Reveal, Signed),
}

fn scene() -> Scene {
    let hosted = host(sealed("digits"));
    let id = hosted.id();
    let mut state = state_with(&hosted);
    let mine = entered(id, 2, 1, CREATED);
    let shown = revealed(id, &[&mine.1, &entered(id, 3, 2, CREATED).1]);
    accepted(settle(&mut state, &mine.1));
    accepted(settle(&mut state, &shown.1));
    Scene { state, id, mine, shown }
}

const CORRECT: [u64; 3] = [30, 20, 1];

impl Scene {
    fn submission(&self) -> Submission {
        let after = Some((self.shown.1.id(), &self.shown.0));
        submission_after(after, &self.mine.1, &self.mine.0, &person(2), &CORRECT, COMMIT_DEADLINE + 5, 0)
    }

    /// The second chunk's statement, worked out from the records alone.
    fn statement(&self) -> Statement {
        let class = self.mine.0.class;
        let (rows, competitor) = (TEST_SET.rows(), author(&person(2)).competitor());
        let claim = ScoreClaim {
            scope: Scope { competition: *self.id.as_bytes(), competitor },
            entry: *self.mine.1.id().as_bytes(),
            roster: roster_digest(self.id, &self.shown.0.roster),
            chunk: Chunk::all(rows, class.class())[1],
            rows: rows as u64,
            correct: CORRECT[1],
        };
        Statement { key: key_bytes(class), set: TEST_SET.digest(), commitment: self.mine.0.commitment, claim }
    }

    /// A submission in order, whose second chunk has the proof of a changed statement.
    fn with_proof_of(&mut self, change: &dyn Fn(&mut Statement)) -> Outcome {
        let mut statement = self.statement();
        change(&mut statement);
        let hash = score_hash(&statement.key, &statement.set, &statement.commitment, &statement.claim);
        let mut body = self.submission();
        body.chunks[1] = ChunkProof { correct: CORRECT[1], proof: proof(hash, 9) };
        settle(&mut self.state, &submit(&person(2), body))
    }
}

type Change<T> = (&'static str, &'static dyn Fn(&mut T));

#[test]
fn a_proof_of_a_statement_that_differs_in_one_thing_is_refused() {
    let changes: [Change<Statement>; 14] = [
        ("competition", &|s| s.claim.scope.competition[0] ^= 1),
        ("competitor", &|s| s.claim.scope.competitor = author(&person(3)).competitor()),
        ("competitor's kind", &|s| s.claim.scope.competitor = Competitor::Evm([2; 20])),
        ("entry", &|s| s.claim.entry[31] ^= 1),
        ("roster", &|s| s.claim.roster[0] ^= 1),
        ("no roster", &|s| s.claim.roster = [0; 32]),
        ("test set", &|s| s.set[0] ^= 1),
        ("class", &|s| s.key = key_bytes(classes()[1])),
        ("key", &|s| s.key.push(b'!')),
        ("model", &|s| s.commitment.0[0] ^= 1),
        ("N", &|s| s.claim.rows += 1),
        ("K", &|s| s.claim.correct -= 1),
        ("chunk", &|s| s.claim.chunk.index = 0),
        ("rows of the chunk", &|s| s.claim.chunk.lo += 1),
    ];
    let mut scene = scene();
    for (what, change) in changes {
        let outcome = scene.with_proof_of(change);
        assert_eq!(outcome.verdict(), Some(Verdict::Reject), "{what}");
        let error = refusal(outcome);
        assert!(
            matches!(&error, Refusal::Proof(ProofError::Chunk { chunk: 1, source })
                if matches!(**source, ProofError::Refuted { .. })),
            "{what}: {error}"
        );
    }
    accepted(scene.with_proof_of(&|_| ()));
}

#[test]
fn proofs_of_chunks_cannot_change_places() {
    let mut scene = scene();
    let mut body = scene.submission();
    let swapped = (body.chunks[0].proof, body.chunks[1].proof);
    (body.chunks[1].proof, body.chunks[0].proof) = swapped;
    let outcome = settle(&mut scene.state, &submit(&person(2), body));
    assert!(matches!(refusal(outcome), Refusal::Proof(ProofError::Chunk { chunk: 0, .. })));
}

#[test]
fn a_statement_has_another_id_when_anything_but_proofs_and_time_differs() {
    let scene = scene();
    let good = scene.submission();
    let ada = author(&person(2));
    const OTHER: RecordId = RecordId::new([5; 32]);
    let changes: [Change<Submission>; 8] = [
        ("competition", &|s| s.competition = OTHER),
        ("entry", &|s| s.entry = OTHER),
        ("reveal", &|s| s.reveal = Some(OTHER)),
        ("no reveal", &|s| s.reveal = None),
        ("count", &|s| s.chunks[1].correct += 1),
        ("counts moved", &|s| (s.chunks[0].correct, s.chunks[1].correct) = (31, 19)),
        ("fewer chunks", &|s| s.chunks.truncate(2)),
        ("more chunks", &|s| s.chunks.push(ChunkProof { correct: 0, ..s.chunks[0] })),
    ];
    let mut ids = vec![("nothing", statement_id(&ada, &good))];
    ids.push(("competitor", statement_id(&author(&person(3)), &good)));
    for (what, change) in changes {
        let mut changed = good.clone();
        change(&mut changed);
        ids.push((what, statement_id(&ada, &changed)));
    }
    for (at, (what, id)) in ids.iter().enumerate() {
        assert!(ids[..at].iter().all(|(_, earlier)| earlier != id), "{what}");
    }
    let mut same = good.clone();
    same.created += 1;
    same.chunks[0].proof.0[100] ^= 1;
    assert_eq!(statement_id(&ada, &same), statement_id(&ada, &good));
    // No reveal is not the same as one of zeros by accident: no record has such an id.
    let zeros = Submission { reveal: Some(RecordId::new([0; 32])), ..good.clone() };
    let none = Submission { reveal: None, ..good };
    assert_eq!(statement_id(&ada, &zeros), statement_id(&ada, &none));
    assert_ne!(statement_id(&ada, &none), StatementId::new([0; 32]));
}

#[test]
fn a_roster_digest_names_the_competition_and_every_entry() {
    let [a, b, c] = [1, 2, 3].map(|byte| RecordId::new([byte; 32]));
    let digests = [
        roster_digest(a, &[b, c]),
        roster_digest(b, &[b, c]),
        roster_digest(a, &[b]),
        roster_digest(a, &[c]),
        roster_digest(a, &[c, b]),
        roster_digest(a, &[]),
    ];
    for (at, digest) in digests.iter().enumerate() {
        assert!(digests[..at].iter().all(|earlier| earlier != digest) && *digest != [0; 32], "{at}");
    }
}

#[test]
fn a_score_of_an_open_competition_is_none_of_a_sealed_one_with_the_same_test_set() {
    let mut scene = scene();
    let mut body = scene.submission();
    let after: Option<(RecordId, &Reveal)> = None;
    let open = submission_after(after, &scene.mine.1, &scene.mine.0, &person(2), &CORRECT, CREATED, 0);
    body.chunks = open.chunks;
    let outcome = settle(&mut scene.state, &submit(&person(2), body));
    assert!(matches!(refusal(outcome), Refusal::Proof(ProofError::Chunk { chunk: 0, .. })));
}

#[test]
fn an_entry_of_another_competition_with_the_same_rules_proves_nothing_here() {
    let (first, second) = (host(competition("first")), host(competition("second")));
    let mut state = state_with(&first);
    accepted(settle(&mut state, &second));
    let moved = Entry { competition: second.id(), ..entry(first.id(), &person(2), classes()[0], 1, CREATED) };
    let outcome = settle(&mut state, &enter(&person(2), moved));
    assert!(matches!(refusal(outcome), Refusal::Proof(ProofError::Refuted { .. })));
    // Nor does one of another class, or by another competitor.
    let moved = Entry { class: classes()[1], ..entry(first.id(), &person(2), classes()[0], 1, CREATED) };
    let outcome = settle(&mut state, &enter(&person(2), moved));
    assert!(matches!(refusal(outcome), Refusal::Proof(ProofError::Refuted { .. })));
    let moved = entry(first.id(), &person(2), classes()[0], 1, CREATED);
    let outcome = settle(&mut state, &enter(&person(3), moved));
    assert!(matches!(refusal(outcome), Refusal::Proof(ProofError::Refuted { .. })));
}

#[test]
fn offline_a_sealed_score_takes_the_reveal_that_it_names() {
    let scene = scene();
    let hosted = host(sealed("digits"));
    let score = submit(&person(2), scene.submission());
    let (key, test_set) = (key_bytes(classes()[0]), test_set_bytes());
    let verify = |reveal: Option<&Signed>| {
        let dossier = crate::Dossier {
            competition: hosted.bytes(),
            entry: scene.mine.1.bytes(),
            reveal: reveal.map(|record| &record.bytes()[..]),
            submission: score.bytes(),
            key: &key,
            test_set: &test_set,
        };
        crate::verify_offline(&crate::testing::FakeChecker, &dossier)
    };
    let verified = verify(Some(&scene.shown.1)).unwrap();
    assert_eq!((verified.correct, verified.open, verified.rows), (51, false, TEST_SET.rows() as u64));
    let orphan = crate::ContextError::Orphan { on: scene.shown.1.id() };
    assert_eq!(verify(None), Err(orphan.clone().into()));
    let other = revealed(scene.id, &[&scene.mine.1]).1;
    assert_eq!(verify(Some(&other)), Err(orphan.into()));
    let bad = Reveal { salt: [0; 32], ..reveal(scene.id, &[scene.mine.1.id()]) };
    let bad = verify(Some(&crate::testing::by_host(Body::Reveal(bad))));
    assert!(matches!(bad, Err(crate::OfflineError::Context(crate::ContextError::Seal { .. }))));
    let TestSetTerms::Sealed { seal, .. } = sealed("digits").test_set else { panic!("it is sealed") };
    let blob = BlobRef::of(&test_set);
    assert_eq!(seal, crate::Seal::of(&hosted.author(), &blob, TEST_SET.rows() as u64, &crate::testing::SALT));
}
