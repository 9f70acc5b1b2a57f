//! What a record must obey in view of the competition and the entry that it refers to.

use crate::{
    AdmittedClass, BlobRef, Close, Competition, Defect, Entry, Evidence, Kind, Pair, ProofCheck, ProofError,
    Record, RecordId, Reveal, RuleError, Scoring, Seal, StatementId, Submission, TestSetTerms, Verdict,
    Withdrawal, record::check_chunks, roster_digest, statement_id,
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
    /// By its own claim made after its deadline. Reject.
    #[error("expected a {kind} made until {expected}, the {deadline} deadline, got one made at {got}")]
    AfterDeadline {
        /// The record's kind.
        kind: Kind,
        /// `commit` or `prove`.
        deadline: &'static str,
        /// The deadline, seconds since 1970.
        expected: u64,
        /// The record's time, seconds since 1970.
        got: u64,
    },
    /// By its own claim made before others had the time that they were promised. Reject.
    #[error("expected a {kind} made after {expected}, the {deadline} deadline, got one made at {got}")]
    BeforeDeadline {
        /// The record's kind.
        kind: Kind,
        /// `commit` or `prove`.
        deadline: &'static str,
        /// The deadline, seconds since 1970.
        expected: u64,
        /// The record's time, seconds since 1970.
        got: u64,
    },
    /// Signed by somebody else than the host. Reject.
    #[error("expected a {kind} by {expected}, the host, got one by {got}")]
    NotTheHost {
        /// The record's kind.
        kind: Kind,
        /// Peer id of the host.
        expected: String,
        /// Peer id of the author.
        got: String,
    },
    /// There is nothing to reveal in an open competition. Reject.
    #[error("expected a sealed competition for a {kind}, got an open one")]
    Open {
        /// The record's kind.
        kind: Kind,
    },
    /// The reveal does not open the seal. Reject.
    #[error("expected test set and salt of the seal {expected}, got those of {got}")]
    Seal {
        /// In the competition.
        expected: Seal,
        /// Of what is revealed.
        got: Seal,
    },
    /// Fewer rows than the competition promises. Reject.
    #[error("expected a test set of at least {expected} rows, got {got}")]
    FewRows {
        /// The competition's minimum.
        expected: u64,
        /// Rows that are revealed.
        got: u64,
    },
    /// More rows than the competition's size classes have room for. Reject.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A submission in a sealed competition that names no reveal, or one in an open competition that names one.
    /// Reject.
    #[error("expected {} in {} competition", if *sealed { "the id of the reveal" } else { "no reveal" }, if *sealed { "a sealed" } else { "an open" })]
    RevealField {
        /// Whether the competition is sealed.
        sealed: bool,
    },
    /// The host has not put the entry on the roster. Reject.
    #[error("expected an entry on the roster of reveal {reveal:?}, got {entry:?}")]
    NotOnRoster {
        /// The reveal.
        reveal: RecordId,
        /// The entry.
        entry: RecordId,
    },
    /// A count between the levels that may be claimed. Reject.
    #[error("expected a count that just reaches a level of the competition, got {got} of {rows} rows")]
    BetweenLevels {
        /// The claimed count.
        got: u64,
        /// Rows of the test set.
        rows: u64,
    },
    /// The entry belongs to another competition. Reject.
    #[error("expected an entry in competition {expected:?}, got one in {got:?}")]
    EntryElsewhere {
        /// The record's competition.
        expected: RecordId,
        /// The entry's competition.
        got: RecordId,
    },
    /// Signed by somebody else than the entry. Reject.
    #[error("expected a {kind} by {expected}, who made the entry, got one by {got}")]
    NotTheCompetitor {
        /// The record's kind.
        kind: Kind,
        /// Peer id of the entry's author.
        expected: String,
        /// Peer id of the author.
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
    #[error(
        "expected at most {cap} entries of one competitor, withdrawn ones included: earlier ones take their places"
    )]
    EntriesCap {
        /// Entries and withdrawals that the competition admits.
        cap: u32,
    },
    /// The entry has as many submissions as admitted, all of them earlier. Ignore.
    #[error("expected at most {cap} submissions of one entry: earlier ones take their places")]
    SubmissionsCap {
        /// The competition's cap.
        cap: u32,
    },
    /// Earlier ones take the places that there are for such records. Ignore.
    #[error("expected at most {max} of the kind {kind} here: earlier ones take their places")]
    Enough {
        /// The record's kind.
        kind: Kind,
        /// How many are kept.
        max: usize,
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
            | Self::BeforeDeadline { .. }
            | Self::NotTheHost { .. }
            | Self::Open { .. }
            | Self::Seal { .. }
            | Self::FewRows { .. }
            | Self::Rule(_)
            | Self::RevealField { .. }
            | Self::NotOnRoster { .. }
            | Self::BetweenLevels { .. }
            | Self::EntryElsewhere { .. }
            | Self::NotTheCompetitor { .. }
            | Self::ChunkCount { .. }
            | Self::ChunkCorrect { .. } => Verdict::Reject,
            Self::Defect(_)
            | Self::EntriesCap { .. }
            | Self::SubmissionsCap { .. }
            | Self::Enough { .. }
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
    scoring: Scoring,
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

#[cfg(test)]
impl<M: Clone> ProvedEntry<M> {
    pub(crate) fn renamed(&self, id: RecordId, author: crate::Author) -> Self {
        Self { record: self.record.renamed(id, author, |_| ()), ..self.clone() }
    }
}

#[cfg(test)]
impl ProvedSubmission {
    pub(crate) fn renamed(&self, id: RecordId, entry: RecordId, statement: StatementId) -> Self {
        let record = self.record.renamed(id, self.record.author(), |body| body.entry = entry);
        Self { record, statement }
    }
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
    until(Kind::Entry, entry.created, entry_deadline(rules))?;
    let scope = Scope { competition: *competition.id().as_bytes(), competitor: record.author().competitor() };
    Ok(AdmittedEntry { record: Arc::clone(record), pin: admitted.into(), scope })
}

/// Checks a withdrawal against its competition and its entry.
///
/// # Errors
/// The first rule that is broken.
pub fn check_withdrawal(
    record: &Record<Withdrawal>,
    competition: &Record<Competition>,
    entry: &Record<Entry>,
) -> Result<(), ContextError> {
    let (kind, body, rules) = (Kind::Withdrawal, record.body(), competition.body());
    if rules.is_open() {
        return Err(ContextError::Open { kind });
    }
    same_entry(kind, (body.competition, body.entry, record.author()), competition, entry)?;
    until(kind, body.created, entry_deadline(rules))
}

/// Checks a reveal against its competition: it opens the seal. Which entries exist is no matter of the reveal: a node
/// cannot tell one that does not exist from one that has not come yet.
///
/// # Errors
/// The first rule that is broken.
pub fn check_reveal(record: &Record<Reveal>, competition: &Record<Competition>) -> Result<(), ContextError> {
    let (kind, body, rules) = (Kind::Reveal, record.body(), competition.body());
    by_host(kind, record, competition)?;
    let TestSetTerms::Sealed { seal, min_rows, commit_deadline } = rules.test_set else {
        return Err(ContextError::Open { kind });
    };
    let got = Seal::of(&record.author(), &body.test_set, body.rows, &body.salt);
    if got != seal {
        return Err(ContextError::Seal { expected: seal, got });
    }
    if body.rows < min_rows {
        return Err(ContextError::FewRows { expected: min_rows, got: body.rows });
    }
    for admitted in &rules.size_classes {
        check_chunks(admitted.class, body.rows)?;
    }
    since(kind, body.created, ("commit", commit_deadline))?;
    until(kind, body.created, ("prove", rules.prove_deadline))
}

/// Checks a close against its competition.
///
/// # Errors
/// The first rule that is broken.
pub fn check_close(record: &Record<Close>, competition: &Record<Competition>) -> Result<(), ContextError> {
    by_host(Kind::Close, record, competition)?;
    since(Kind::Close, record.body().created, ("prove", competition.body().prove_deadline))
}

/// Checks that a pair of contradicting records is by the competition's host.
///
/// # Errors
/// [`ContextError::NotTheHost`].
pub fn check_pair(pair: &Pair, competition: &Record<Competition>) -> Result<(), ContextError> {
    let (host, [first, _]) = (competition.author(), &pair.records);
    if first.author() == host {
        return Ok(());
    }
    let (expected, got) = (host.to_string(), first.author().to_string());
    Err(ContextError::NotTheHost { kind: pair.kind, expected, got })
}

/// Checks a submission against its competition, its entry and, where the test set was sealed, its reveal.
///
/// # Errors
/// The first rule that is broken. [`ContextError::Orphan`] if `competition`, `entry` or `reveal` is another than the
/// submission's.
pub fn check_submission<M: Clone>(
    record: &Arc<Record<Submission>>,
    competition: &Record<Competition>,
    entry: &ProvedEntry<M>,
    reveal: Option<&Record<Reveal>>,
) -> Result<AdmittedSubmission<M>, ContextError> {
    let (kind, submission, rules) = (Kind::Submission, record.body(), competition.body());
    same_entry(
        kind,
        (submission.competition, submission.entry, record.author()),
        competition,
        &entry.record,
    )?;
    let scoring = scoring(submission, competition, reveal)?;
    until(kind, submission.created, ("prove", rules.prove_deadline))?;
    let claims = claims(submission, &scoring, entry)?;
    let (got, rows) = (submission.correct(), scoring.rows);
    if !rules.claims.admits(got, rows) {
        return Err(ContextError::BetweenLevels { got, rows });
    }
    let statement = statement_id(&record.author(), submission);
    let (record, model) = (Arc::clone(record), entry.model.clone());
    Ok(AdmittedSubmission { record, statement, pin: entry.pin, scoring, model, claims })
}

/// What a submission is scored on.
fn scoring(
    submission: &Submission,
    competition: &Record<Competition>,
    reveal: Option<&Record<Reveal>>,
) -> Result<Scoring, ContextError> {
    match (competition.body().open_scoring(), submission.reveal, reveal) {
        (Some(scoring), None, _) => Ok(scoring),
        (None, Some(id), Some(reveal))
            if reveal.id() == id && reveal.body().competition == competition.id() =>
        {
            if !reveal.body().lists(submission.entry) {
                return Err(ContextError::NotOnRoster { reveal: id, entry: submission.entry });
            }
            Ok(scoring_of(reveal))
        }
        (None, Some(on), _) => Err(ContextError::Orphan { on }),
        (open, ..) => Err(ContextError::RevealField { sealed: open.is_none() }),
    }
}

/// What scores are about after this reveal.
pub fn scoring_of(reveal: &Record<Reveal>) -> Scoring {
    let body = reveal.body();
    Scoring {
        test_set: body.test_set,
        rows: body.rows,
        roster: roster_digest(body.competition, &body.roster),
        reveal: Some(reveal.id()),
    }
}

fn by_host<T>(kind: Kind, record: &Record<T>, competition: &Record<Competition>) -> Result<(), ContextError> {
    if record.author() == competition.author() {
        return Ok(());
    }
    let (expected, got) = (competition.author().to_string(), record.author().to_string());
    Err(ContextError::NotTheHost { kind, expected, got })
}

/// Whether a competitor's record (its competition, its entry, its author) is about this entry of this competition.
fn same_entry(
    kind: Kind,
    (in_competition, about, author): (RecordId, RecordId, crate::Author),
    competition: &Record<Competition>,
    entry: &Record<Entry>,
) -> Result<(), ContextError> {
    if in_competition != competition.id() {
        return Err(ContextError::Orphan { on: in_competition });
    }
    if about != entry.id() {
        return Err(ContextError::Orphan { on: about });
    }
    let got = entry.body().competition;
    if got != in_competition {
        return Err(ContextError::EntryElsewhere { expected: in_competition, got });
    }
    if author != entry.author() {
        let (expected, got) = (entry.author().to_string(), author.to_string());
        return Err(ContextError::NotTheCompetitor { kind, expected, got });
    }
    Ok(())
}

/// Name and time of the deadline of entries.
fn entry_deadline(rules: &Competition) -> (&'static str, u64) {
    (if rules.is_open() { "prove" } else { "commit" }, rules.entry_deadline())
}

fn until(kind: Kind, got: u64, (deadline, expected): (&'static str, u64)) -> Result<(), ContextError> {
    if got > expected { Err(ContextError::AfterDeadline { kind, deadline, expected, got }) } else { Ok(()) }
}

fn since(kind: Kind, got: u64, (deadline, expected): (&'static str, u64)) -> Result<(), ContextError> {
    if got <= expected { Err(ContextError::BeforeDeadline { kind, deadline, expected, got }) } else { Ok(()) }
}

/// The claims of all chunks, in order. Which rows they cover follows from N and the class alone.
fn claims<M>(
    submission: &Submission,
    scoring: &Scoring,
    entry: &ProvedEntry<M>,
) -> Result<Vec<ScoreClaim>, ContextError> {
    let (class, rows) = (entry.pin.class, scoring.rows);
    // A test set has at most MAX_ROWS rows, which fit a usize everywhere.
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
        let (scope, entry, roster) = (entry.scope, *submission.entry.as_bytes(), scoring.roster);
        Ok(ScoreClaim { scope, entry, roster, chunk, rows, correct: proof.correct })
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

    /// What it is scored on.
    pub fn scoring(&self) -> &Scoring {
        &self.scoring
    }

    /// The check of all its proofs.
    pub fn check(&self) -> ProofCheck<M> {
        let proofs = self.record.body().chunks.iter().map(|chunk| chunk.proof);
        let claims = self.claims.iter().copied().zip(proofs).collect();
        ProofCheck::score(self.record.id(), self.pin, self.scoring.test_set, self.model.clone(), claims)
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
