//! What a record must obey in view of the competition and the entry that it refers to.

use crate::{
    AdmittedClass, BlobRef, Competition, Defect, Entry, Evidence, Kind, ProofCheck, ProofError, Record,
    RecordId, StatementId, Submission, Verdict, statement_id,
};
use circuits::{
    ClassId,
    statement::{Chunk, Scope, ScoreClaim},
};
use std::sync::Arc;

/// Why a record does not fit, or adds nothing to, what it refers to.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ContextError {
    /// A record of another kind stands where this one points. Reject.
    #[error("{field} {id:?}: expected a record of kind {expected}, got one of kind {got}")]
    WrongKind {
        /// Which field.
        field: &'static str,
        /// What it says.
        id: RecordId,
        /// The kind that it must be.
        expected: Kind,
        /// The kind that it is.
        got: Kind,
    },
    /// A size class that the competition does not admit. Reject.
    #[error("expected a size class that the competition admits, got {got}")]
    ClassNotAdmitted {
        /// The entry's class.
        got: ClassId,
    },
    /// By its own claim made after the prove deadline. Reject.
    #[error("expected a {kind} made until {expected}, the prove deadline, got one made at {got}")]
    AfterDeadline {
        /// The record's kind.
        kind: Kind,
        /// The deadline, seconds since 1970.
        expected: u64,
        /// The record's time, seconds since 1970.
        got: u64,
    },
    /// The entry belongs to another competition. Reject.
    #[error("expected an entry in competition {expected:?}, got one in {got:?}")]
    EntryElsewhere {
        /// The submission's competition.
        expected: RecordId,
        /// The entry's competition.
        got: RecordId,
    },
    /// Signed by somebody else than the entry. Reject.
    #[error("expected a submission by {expected}, who made the entry, got one by {got}")]
    NotTheCompetitor {
        /// Peer id of the entry's author.
        expected: String,
        /// Peer id of the submission's author.
        got: String,
    },
    /// Not one proof for each chunk. Reject.
    #[error("expected {expected} chunks for {rows} rows of class {class}, got {got}")]
    ChunkCount {
        /// Chunks of the test set.
        expected: usize,
        /// Rows of the test set.
        rows: u64,
        /// The entry's class.
        class: ClassId,
        /// Chunks of the submission.
        got: usize,
    },
    /// More correct rows than the chunk has. Reject.
    #[error("chunk {chunk}: expected a count of at most {expected}, its rows, got {got}")]
    ChunkCorrect {
        /// Which chunk, from 0.
        chunk: u32,
        /// Its rows.
        expected: u64,
        /// The claimed count.
        got: u64,
    },
    /// The competition's own test set or key is not what it says: nothing can be proved there. The host's
    /// mistake, not the sender's. Ignore.
    #[error(transparent)]
    Defect(#[from] Defect),
    /// The competitor has as many entries as admitted, all of them earlier. Ignore.
    #[error("expected at most {cap} entries of one competitor: earlier ones take their places")]
    EntriesCap {
        /// The competition's cap.
        cap: u32,
    },
    /// The entry has as many submissions as admitted, all of them earlier. Ignore.
    #[error("expected at most {cap} submissions of one entry: earlier ones take their places")]
    SubmissionsCap {
        /// The competition's cap.
        cap: u32,
    },
    /// The same statement is there already, in an earlier record. Ignore.
    #[error("the same is already stated by {by:?}")]
    SameStatement {
        /// The record that is kept.
        by: RecordId,
    },
    /// What it refers to was refused or displaced, so that it can never count here. Ignore.
    #[error("it refers to {on:?}, which was refused or displaced")]
    Orphan {
        /// The record that it refers to.
        on: RecordId,
    },
}

impl ContextError {
    /// What the error means for the sender.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::WrongKind { .. }
            | Self::ClassNotAdmitted { .. }
            | Self::AfterDeadline { .. }
            | Self::EntryElsewhere { .. }
            | Self::NotTheCompetitor { .. }
            | Self::ChunkCount { .. }
            | Self::ChunkCorrect { .. } => Verdict::Reject,
            Self::Defect(_)
            | Self::EntriesCap { .. }
            | Self::SubmissionsCap { .. }
            | Self::SameStatement { .. }
            | Self::Orphan { .. } => Verdict::Ignore,
        }
    }
}

/// The key that a proof must be checked with: always the competition's, never one that a record brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyPin {
    /// Size class.
    pub class: ClassId,
    /// The key's digest, over its points.
    pub digest: [u8; 32],
    /// The key's file.
    pub blob: BlobRef,
}

impl From<&AdmittedClass> for KeyPin {
    fn from(admitted: &AdmittedClass) -> Self {
        Self { class: admitted.class, digest: admitted.key_digest, blob: admitted.verifying_key }
    }
}

/// An entry that fits its competition. Its model proof is still to be checked.
#[derive(Clone, Debug, PartialEq)]
pub struct AdmittedEntry {
    record: Arc<Record<Entry>>,
    pin: KeyPin,
    scope: Scope,
}

/// A submission that fits its competition and its proved entry. Its proofs are still to be checked.
#[derive(Clone, Debug, PartialEq)]
pub struct AdmittedSubmission<M> {
    record: Arc<Record<Submission>>,
    statement: StatementId,
    pin: KeyPin,
    test_set: BlobRef,
    model: M,
    claims: Vec<ScoreClaim>,
}

/// An entry whose model proof this process has verified.
#[derive(Clone, Debug, PartialEq)]
pub struct ProvedEntry<M> {
    record: Arc<Record<Entry>>,
    pin: KeyPin,
    scope: Scope,
    model: M,
}

/// A submission whose proofs this process has verified.
#[derive(Clone, Debug, PartialEq)]
pub struct ProvedSubmission {
    record: Arc<Record<Submission>>,
    statement: StatementId,
}

/// Checks an entry against its competition.
///
/// # Errors
/// The first rule that is broken. [`ContextError::Orphan`] if `competition` is another than the entry's.
pub fn check_entry(
    record: &Arc<Record<Entry>>,
    competition: &Record<Competition>,
) -> Result<AdmittedEntry, ContextError> {
    let (entry, rules) = (record.body(), competition.body());
    if entry.competition != competition.id() {
        return Err(ContextError::Orphan { on: entry.competition });
    }
    let admitted = rules.admitted(entry.class).ok_or(ContextError::ClassNotAdmitted { got: entry.class })?;
    check_time(Kind::Entry, entry.created, rules)?;
    let scope = Scope { competition: *competition.id().as_bytes(), competitor: record.author().competitor() };
    Ok(AdmittedEntry { record: Arc::clone(record), pin: admitted.into(), scope })
}

/// Checks a submission against its competition and its entry.
///
/// # Errors
/// The first rule that is broken. [`ContextError::Orphan`] if `competition` or `entry` is another than the
/// submission's.
pub fn check_submission<M: Clone>(
    record: &Arc<Record<Submission>>,
    competition: &Record<Competition>,
    entry: &ProvedEntry<M>,
) -> Result<AdmittedSubmission<M>, ContextError> {
    let (submission, rules) = (record.body(), competition.body());
    if submission.competition != competition.id() {
        return Err(ContextError::Orphan { on: submission.competition });
    }
    if submission.entry != entry.record.id() {
        return Err(ContextError::Orphan { on: submission.entry });
    }
    let got = entry.record.body().competition;
    if got != submission.competition {
        return Err(ContextError::EntryElsewhere { expected: submission.competition, got });
    }
    if record.author() != entry.record.author() {
        let (expected, got) = (entry.record.author().to_string(), record.author().to_string());
        return Err(ContextError::NotTheCompetitor { expected, got });
    }
    check_time(Kind::Submission, submission.created, rules)?;
    let claims = claims(submission, rules.rows, entry)?;
    let statement = statement_id(&record.author(), submission);
    let (record, test_set, model) = (Arc::clone(record), rules.test_set, entry.model.clone());
    Ok(AdmittedSubmission { record, statement, pin: entry.pin, test_set, model, claims })
}

fn check_time(kind: Kind, got: u64, rules: &Competition) -> Result<(), ContextError> {
    let expected = rules.prove_deadline;
    if got > expected { Err(ContextError::AfterDeadline { kind, expected, got }) } else { Ok(()) }
}

/// The claims of all chunks, in order. Which rows they cover follows from N and the class alone.
fn claims<M>(
    submission: &Submission,
    rows: u64,
    entry: &ProvedEntry<M>,
) -> Result<Vec<ScoreClaim>, ContextError> {
    let class = entry.pin.class;
    // A competition has at most MAX_ROWS rows, which fit a usize everywhere.
    let chunks = Chunk::all(rows as usize, class.class());
    if chunks.len() != submission.chunks.len() {
        let (expected, got) = (chunks.len(), submission.chunks.len());
        return Err(ContextError::ChunkCount { expected, rows, class, got });
    }
    let claim = |(chunk, proof): (Chunk, &crate::ChunkProof)| {
        if proof.correct > chunk.len() {
            let (expected, got) = (chunk.len(), proof.correct);
            return Err(ContextError::ChunkCorrect { chunk: chunk.index, expected, got });
        }
        let entry_id = *submission.entry.as_bytes();
        Ok(ScoreClaim { scope: entry.scope, entry: entry_id, chunk, rows, correct: proof.correct })
    };
    chunks.into_iter().zip(&submission.chunks).map(claim).collect()
}

impl AdmittedEntry {
    /// The record.
    pub fn record(&self) -> &Arc<Record<Entry>> {
        &self.record
    }

    /// The check of its model proof.
    pub fn check<M>(&self) -> ProofCheck<M> {
        let body = self.record.body();
        ProofCheck::model(self.record.id(), self.pin, self.scope, body.commitment, body.model_proof)
    }

    /// With the evidence that this very check succeeded.
    ///
    /// # Errors
    /// [`ProofError::OtherEvidence`] if the evidence is about another record.
    pub fn proved<M>(self, evidence: Evidence<M>) -> Result<ProvedEntry<M>, ProofError> {
        let model = evidence.into_model(self.record.id())?;
        Ok(ProvedEntry { record: self.record, pin: self.pin, scope: self.scope, model })
    }
}

impl<M: Clone> AdmittedSubmission<M> {
    /// The record.
    pub fn record(&self) -> &Arc<Record<Submission>> {
        &self.record
    }

    /// What it states.
    pub fn statement(&self) -> StatementId {
        self.statement
    }

    /// The check of all its proofs.
    pub fn check(&self) -> ProofCheck<M> {
        let proofs = self.record.body().chunks.iter().map(|chunk| chunk.proof);
        let claims = self.claims.iter().copied().zip(proofs).collect();
        ProofCheck::score(self.record.id(), self.pin, self.test_set, self.model.clone(), claims)
    }

    /// With the evidence that this very check succeeded.
    ///
    /// # Errors
    /// [`ProofError::OtherEvidence`] if the evidence is about another record.
    pub fn proved(self, evidence: Evidence<M>) -> Result<ProvedSubmission, ProofError> {
        evidence.into_score(self.record.id())?;
        Ok(ProvedSubmission { record: self.record, statement: self.statement })
    }
}

impl<M> ProvedEntry<M> {
    /// The record.
    pub fn record(&self) -> &Arc<Record<Entry>> {
        &self.record
    }

    /// The key that its proofs are checked with.
    pub fn key(&self) -> KeyPin {
        self.pin
    }

    /// The evidence that its scores are checked with.
    pub fn model(&self) -> &M {
        &self.model
    }
}

impl ProvedSubmission {
    /// The record.
    pub fn record(&self) -> &Arc<Record<Submission>> {
        &self.record
    }

    /// What it states.
    pub fn statement(&self) -> StatementId {
        self.statement
    }
}
