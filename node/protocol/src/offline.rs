//! Re-checking one submission from files, without a node.

use crate::{
    BlobFacts, BlobId, ContextError, EnvelopeError, FormError, Kind, ProofChecker, ProofError, Record,
    RecordId, Scoring, Signed, WellFormed, accuracy_bps,
    blob::{check_key, check_test_set},
    check_entry, check_reveal, check_submission, reaches_bps, scoring_of, wilson_bps,
};
use circuits::{ClassId, TestSet, TestSetError, groth16::SetupTrust};
use std::sync::Arc;

/// A submission that was verified, and what exactly that says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The competition.
    pub competition: RecordId,
    /// Whether the test set was public before the models were fixed.
    pub open: bool,
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

/// The signed records and files that a submission is verified from.
#[derive(Clone, Copy, Debug)]
pub struct Dossier<'a> {
    /// The competition's record.
    pub competition: &'a [u8],
    /// The entry's record.
    pub entry: &'a [u8],
    /// The reveal's record; none in an open competition.
    pub reveal: Option<&'a [u8]>,
    /// The submission's record.
    pub submission: &'a [u8],
    /// The verifying key's file.
    pub key: &'a [u8],
    /// The test set's file.
    pub test_set: &'a [u8],
}

/// Verifies a submission from signed records and files alone: signatures, rules, seal, roster, model proof and all
/// score proofs. Caps, which depend on a competitor's other records, are not looked at.
///
/// # Errors
/// The first check that fails.
pub fn verify_offline<C: ProofChecker>(checker: &C, dossier: &Dossier<'_>) -> Result<Verified, OfflineError> {
    macro_rules! read {
        ($kind:ident, $bytes:expr) => {
            match read(Kind::$kind, $bytes)? {
                WellFormed::$kind(record) => record,
                other => return Err(OfflineError::Kind { expected: Kind::$kind, got: other.kind() }),
            }
        };
    }
    let competition = read!(Competition, dossier.competition);
    let entry = read!(Entry, dossier.entry);
    let submission = read!(Submission, dossier.submission);
    let reveal = match dossier.reveal {
        Some(bytes) => Some(read!(Reveal, bytes)),
        None => None,
    };
    let admitted = check_entry(&entry, &competition)?;
    let loaded = load_key(checker, &competition, entry.body().class, dossier.key)?;
    let evidence = admitted.check().run(checker, &loaded, None)?;
    let proved_entry = admitted.proved(evidence)?;
    if let Some(reveal) = &reveal {
        check_reveal(reveal, &competition)?;
    }
    let scored = check_submission(&submission, &competition, &proved_entry, reveal.as_deref())?;
    let scoring = competition.body().open_scoring().or_else(|| reveal.as_deref().map(scoring_of));
    let scoring = scoring.ok_or(ContextError::RevealField { sealed: true })?;
    let set = load_test_set(&competition, &scoring, dossier.test_set)?;
    let evidence = scored.check().run(checker, &loaded, Some(&set))?;
    scored.proved(evidence)?;

    let (rules, rows, correct) = (competition.body(), scoring.rows, submission.body().correct());
    Ok(Verified {
        competition: competition.id(),
        open: rules.is_open(),
        entry: entry.id(),
        submission: submission.id(),
        competitor: entry.author().to_string(),
        display_name: entry.body().display_name.clone(),
        class: entry.body().class,
        correct,
        rows,
        accuracy_bps: accuracy_bps(correct, rows),
        interval_bps: wilson_bps(correct, rows),
        reaches_threshold: reaches_bps(correct, rows, rules.threshold_bps),
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
    scoring: &Scoring,
    bytes: &[u8],
) -> Result<TestSet, OfflineError> {
    expect_blob("test set", scoring.test_set.id, bytes)?;
    let set = TestSet::from_bytes(bytes)?;
    let facts = BlobFacts::of_test_set(&set, bytes.len() as u64);
    check_test_set(competition.id(), competition.body(), scoring, &facts).map_err(ContextError::Defect)?;
    Ok(set)
}

fn expect_blob(what: &'static str, expected: BlobId, bytes: &[u8]) -> Result<(), OfflineError> {
    let got = BlobId::of(bytes);
    if got == expected { Ok(()) } else { Err(OfflineError::Blob { what, expected, got }) }
}
