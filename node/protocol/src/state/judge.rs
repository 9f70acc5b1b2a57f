//! The cheap part of judging a record, in view of what is kept: it changes nothing.

use super::{Admitted, Need, Refusal, State};
use crate::{
    AdmittedClass, BlobRef, BlobRole, Competition, Contest, ContextError, Defect, Entry, Kind, Record,
    RecordId, Submission, WellFormed,
    blob::{check_key, check_test_set},
    check_entry, check_submission,
};
use std::sync::Arc;

/// What is to be done with a record.
pub(super) enum Judged<M> {
    /// A competition to be kept: it has no proofs.
    Keep(Arc<Record<Competition>>),
    /// It cannot be judged without these.
    Wait(Vec<Need>),
    /// Its proofs are to be checked.
    Check(Box<Admitted<M>>),
    /// It is not to be kept.
    Refuse(Refusal),
}

impl<M> From<ContextError> for Judged<M> {
    fn from(error: ContextError) -> Self {
        Self::Refuse(error.into())
    }
}

impl<M> From<Defect> for Judged<M> {
    fn from(defect: Defect) -> Self {
        ContextError::Defect(defect).into()
    }
}

impl<M: Clone> State<M> {
    pub(super) fn judge(&self, record: &WellFormed) -> Judged<M> {
        let judged = match record {
            WellFormed::Competition(competition) => Ok(Judged::Keep(Arc::clone(competition))),
            WellFormed::Entry(entry) => self.judge_entry(entry),
            WellFormed::Submission(submission) => self.judge_submission(submission),
        };
        judged.unwrap_or_else(|judged| judged)
    }

    /// Errors are judgements too: they end the questions.
    fn judge_entry(&self, record: &Arc<Record<Entry>>) -> Result<Judged<M>, Judged<M>> {
        let entry = record.body();
        let contest = self
            .contest_of(entry.competition)?
            .ok_or_else(|| self.wait_for(entry.competition, vec![Need::Record(entry.competition)]))?;
        let competition = &contest.competition().item;
        let admitted = check_entry(record, competition)?;
        contest.entry_has_place(&record.author(), entry.created, record.id())?;
        self.check_blobs(competition, entry.class, false)?;
        Ok(Judged::Check(Box::new(Admitted::Entry(admitted))))
    }

    fn judge_submission(&self, record: &Arc<Record<Submission>>) -> Result<Judged<M>, Judged<M>> {
        let submission = record.body();
        let contest = self.contest_of(submission.competition)?;
        let entry_contest = self.contest_of_entry(submission.entry)?;
        let (Some(contest), Some(entry_contest)) = (contest, entry_contest) else {
            let competition = contest.is_none().then_some(Need::Record(submission.competition));
            let entry = entry_contest.is_none().then_some(Need::Record(submission.entry));
            return Err(self.wait_for(submission.competition, competition.into_iter().chain(entry).collect()));
        };
        if contest.id() != entry_contest.id() {
            let (expected, got) = (contest.id(), entry_contest.id());
            return Err(ContextError::EntryElsewhere { expected, got }.into());
        }
        let entry = contest.entry(submission.entry).ok_or(ContextError::Orphan { on: submission.entry })?;
        let competition = &contest.competition().item;
        let admitted = check_submission(record, competition, &entry.item)?;
        let created = submission.created;
        contest.submission_has_place(submission.entry, admitted.statement(), created, record.id())?;
        self.check_blobs(competition, entry.item.record().body().class, true)?;
        Ok(Judged::Check(Box::new(Admitted::Submission(admitted))))
    }

    /// Waits, unless the competition was turned away: it will not come.
    fn wait_for(&self, competition: RecordId, needs: Vec<Need>) -> Judged<M> {
        match self.turned_away.iter().find(|(id, _)| *id == competition) {
            Some((_, refusal)) => Judged::Refuse(refusal.clone()),
            None => Judged::Wait(needs),
        }
    }

    /// A record that is kept and of another kind can never become a competition.
    fn contest_of(&self, id: RecordId) -> Result<Option<&Contest<M>>, ContextError> {
        match self.set.kind_of(id) {
            Some((got, _)) if got != Kind::Competition => {
                Err(ContextError::WrongKind { field: "competition", id, expected: Kind::Competition, got })
            }
            _ => Ok(self.set.contest(id)),
        }
    }

    fn contest_of_entry(&self, id: RecordId) -> Result<Option<&Contest<M>>, ContextError> {
        match self.set.kind_of(id) {
            Some((Kind::Entry, competition)) => Ok(self.set.contest(competition)),
            Some((got, _)) => Err(ContextError::WrongKind { field: "entry", id, expected: Kind::Entry, got }),
            None => Ok(None),
        }
    }

    /// Whether key and (for scores) test set are here and are what the competition says.
    fn check_blobs(
        &self,
        competition: &Record<Competition>,
        class: circuits::ClassId,
        score: bool,
    ) -> Result<(), Judged<M>> {
        let (id, body) = (competition.id(), competition.body());
        let admitted = body.admitted(class).ok_or(ContextError::ClassNotAdmitted { got: class })?;
        let mut wanted = vec![(BlobRole::VerifyingKey, admitted.verifying_key)];
        if score {
            wanted.push((BlobRole::TestSet, body.test_set));
        }
        let here = |(role, blob): &(BlobRole, BlobRef)| self.blobs.contains_key(&(*role, blob.id));
        let needs: Vec<Need> = wanted
            .iter()
            .filter(|wanted| !here(wanted))
            .map(|(role, blob)| Need::Blob(*role, *blob))
            .collect();
        let test_set_defect = if score { self.test_set_defect(id, body) } else { None };
        if let Some(defect) = self.key_defect(id, admitted).or(test_set_defect) {
            return Err(defect.into());
        }
        if needs.is_empty() { Ok(()) } else { Err(Judged::Wait(needs)) }
    }
}

impl<M> State<M> {
    pub(super) fn test_set_defect(&self, id: RecordId, body: &Competition) -> Option<Defect> {
        let facts = self.blobs.get(&(BlobRole::TestSet, body.test_set.id))?;
        check_test_set(id, body, facts).err()
    }

    pub(super) fn key_defect(&self, id: RecordId, class: &AdmittedClass) -> Option<Defect> {
        let facts = self.blobs.get(&(BlobRole::VerifyingKey, class.verifying_key.id))?;
        check_key(id, class, facts).err()
    }
}
