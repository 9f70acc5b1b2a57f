//! Re-checking one submission from files, without a node.

use crate::{
    BlobFacts, BlobId, ContextError, EnvelopeError, FormError, Kind, ProofChecker, ProofError, Record,
    RecordId, Signed, WellFormed, accuracy_bps,
    blob::{check_key, check_test_set},
    check_entry, check_submission, reaches_bps, wilson_bps,
};
use circuits::{ClassId, TestSet, TestSetError, groth16::SetupTrust};
use std::sync::Arc;

/// A submission that was verified, and what exactly that says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The competition.
    pub competition: RecordId,
    /// The entry.
    pub entry: RecordId,
    /// The submission.
    pub submission: RecordId,
    /// Peer id of the competitor.
    pub competitor: String,
    /// What the entry calls itself.
    pub display_name: String,
    /// Size class.
    pub class: ClassId,
    /// At least so many rows are right (K).
    pub correct: u64,
    /// Of so many (N).
    pub rows: u64,
    /// Proved accuracy in basis points, rounded down.
    pub accuracy_bps: u32,
    /// 95 % Wilson interval in basis points.
    pub interval_bps: (u32, u32),
    /// Whether the competition's threshold is reached; true if there is none.
    pub reaches_threshold: bool,
    /// Number of score proofs that were verified, besides the model proof.
    pub chunks: usize,
    /// Who made the key, hence who could forge.
    pub setup: SetupTrust,
}

/// Why a submission does not verify.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OfflineError {
    /// A record's envelope.
    #[error("{what}: {source}")]
    Envelope {
        /// Which of the three records.
        what: Kind,
        /// Why.
        source: EnvelopeError,
    },
    /// A record's payload.
    #[error("{what}: {source}")]
    Form {
        /// Which of the three records.
        what: Kind,
        /// Why.
        source: FormError,
    },
    /// A record of another kind than the one asked for.
    #[error("expected a record of kind {expected}, got one of kind {got}")]
    Kind {
        /// The kind asked for.
        expected: Kind,
        /// Its kind.
        got: Kind,
    },
    /// A file that is not the blob that the competition names.
    #[error("{what}: expected the file with BLAKE3 {expected}, got {got}")]
    Blob {
        /// `verifying key` or `test set`.
        what: &'static str,
        /// In the competition.
        expected: BlobId,
        /// Of the file.
        got: BlobId,
    },
    /// The test set cannot be read.
    #[error("test set: {0}")]
    TestSet(#[from] TestSetError),
    /// The records do not fit together, or the blobs are not what the competition says.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The proofs.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Verifies a submission from signed records and files alone: signatures, rules, model proof and all score proofs.
/// Caps, which depend on a competitor's other records, are not looked at.
///
/// # Errors
/// The first check that fails.
pub fn verify_offline<C: ProofChecker>(
    checker: &C,
    competition: &[u8],
    entry: &[u8],
    submission: &[u8],
    key: &[u8],
    test_set: &[u8],
) -> Result<Verified, OfflineError> {
    let WellFormed::Competition(competition) = read(Kind::Competition, competition)? else {
        return Err(OfflineError::Kind { expected: Kind::Competition, got: Kind::Entry });
    };
    let WellFormed::Entry(entry) = read(Kind::Entry, entry)? else {
        return Err(OfflineError::Kind { expected: Kind::Entry, got: Kind::Submission });
    };
    let WellFormed::Submission(submission) = read(Kind::Submission, submission)? else {
        return Err(OfflineError::Kind { expected: Kind::Submission, got: Kind::Entry });
    };
    let admitted = check_entry(&entry, &competition)?;
    let loaded = load_key(checker, &competition, entry.body().class, key)?;
    let set = load_test_set(&competition, test_set)?;
    let evidence = admitted.check().run(checker, &loaded, None)?;
    let proved_entry = admitted.proved(evidence)?;
    let scored = check_submission(&submission, &competition, &proved_entry)?;
    let evidence = scored.check().run(checker, &loaded, Some(&set))?;
    scored.proved(evidence)?;

    let (rules, correct) = (competition.body(), submission.body().correct());
    Ok(Verified {
        competition: competition.id(),
        entry: entry.id(),
        submission: submission.id(),
        competitor: entry.author().to_string(),
        display_name: entry.body().display_name.clone(),
        class: entry.body().class,
        correct,
        rows: rules.rows,
        accuracy_bps: accuracy_bps(correct, rules.rows),
        interval_bps: wilson_bps(correct, rules.rows),
        reaches_threshold: reaches_bps(correct, rules.rows, rules.threshold_bps),
        chunks: submission.body().chunks.len(),
        setup: checker.key_facts(&loaded).trust,
    })
}

/// A record of the expected kind.
fn read(what: Kind, bytes: &[u8]) -> Result<WellFormed, OfflineError> {
    let signed = Signed::open(bytes).map_err(|source| OfflineError::Envelope { what, source })?;
    let record = WellFormed::parse(&signed).map_err(|source| OfflineError::Form { what, source })?;
    if record.kind() != what {
        return Err(OfflineError::Kind { expected: what, got: record.kind() });
    }
    Ok(record)
}

fn load_key<C: ProofChecker>(
    checker: &C,
    competition: &Arc<Record<crate::Competition>>,
    class: ClassId,
    bytes: &[u8],
) -> Result<C::Key, OfflineError> {
    let admitted = competition.body().admitted(class).ok_or(ContextError::ClassNotAdmitted { got: class })?;
    expect_blob("verifying key", admitted.verifying_key.id, bytes)?;
    let key = checker.load_key(bytes)?;
    let facts = BlobFacts::of_key(checker, &key, bytes.len() as u64);
    check_key(competition.id(), admitted, &facts).map_err(ContextError::Defect)?;
    Ok(key)
}

fn load_test_set(
    competition: &Arc<Record<crate::Competition>>,
    bytes: &[u8],
) -> Result<TestSet, OfflineError> {
    expect_blob("test set", competition.body().test_set.id, bytes)?;
    let set = TestSet::from_bytes(bytes)?;
    let facts = BlobFacts::of_test_set(&set, bytes.len() as u64);
    check_test_set(competition.id(), competition.body(), &facts).map_err(ContextError::Defect)?;
    Ok(set)
}

fn expect_blob(what: &'static str, expected: BlobId, bytes: &[u8]) -> Result<(), OfflineError> {
    let got = BlobId::of(bytes);
    if got == expected { Ok(()) } else { Err(OfflineError::Blob { what, expected, got }) }
}
