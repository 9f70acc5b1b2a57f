//! The cheap part of judging a record, in view of what is kept: it changes nothing.

use super::{Admitted, Need, Refusal, State};
use crate::{
    AdmittedClass, BlobRef, BlobRole, Close, Competition, Contest, ContextError, Defect, Entry, Kind,
    Misbehaviour, Pair, Record, RecordId, Reveal, Scoring, Submission, WellFormed, Withdrawal,
    blob::{check_key, check_test_set},
    check_close, check_entry, check_pair, check_reveal, check_submission, check_withdrawal,
    set::Valid,
};
use std::sync::Arc;

/// What is to be done with a record.
pub(super) enum Judged<M> {
    /// To be kept: it has no proofs.
    Keep(Box<Valid<M>>),
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
            WellFormed::Competition(record) => Ok(keep(Valid::Competition(Arc::clone(record)))),
            WellFormed::Entry(record) => self.judge_entry(record),
            WellFormed::Withdrawal(record) => self.judge_withdrawal(record),
            WellFormed::Reveal(record) => self.judge_reveal(record),
            WellFormed::Submission(record) => self.judge_submission(record),
            WellFormed::Close(record) => self.judge_close(record),
            WellFormed::Misbehaviour(record, pair) => self.judge_misbehaviour(record, pair),
        };
        judged.unwrap_or_else(|judged| judged)
    }

    /// Errors are judgements too: they end the questions.
    fn judge_entry(&self, record: &Arc<Record<Entry>>) -> Result<Judged<M>, Judged<M>> {
        let entry = record.body();
        let contest = self.contest_or_wait(entry.competition)?;
        let competition = &contest.competition().item;
        let admitted = check_entry(record, competition)?;
        contest.entry_has_place(&record.author(), entry.created, record.id())?;
        self.check_blobs(competition, entry.class, None)?;
        Ok(Judged::Check(Box::new(Admitted::Entry(admitted))))
    }

    fn judge_withdrawal(&self, record: &Arc<Record<Withdrawal>>) -> Result<Judged<M>, Judged<M>> {
        let body = record.body();
        let contest = self.contest_with_entry(body.competition, body.entry, None)?;
        let entry = contest.entry(body.entry).ok_or(ContextError::Orphan { on: body.entry })?;
        check_withdrawal(record, &contest.competition().item, entry.item.record())?;
        Ok(keep(Valid::Withdrawal(Arc::clone(record))))
    }

    /// What the roster lists is not looked at: whether it is an entry of this competition shows only where it is here,
    /// and all nodes must come to the same.
    fn judge_reveal(&self, record: &Arc<Record<Reveal>>) -> Result<Judged<M>, Judged<M>> {
        let body = record.body();
        let contest = self.contest_or_wait(body.competition)?;
        check_reveal(record, &contest.competition().item)?;
        contest.host_record_has_place(Kind::Reveal, body.created, record.id())?;
        Ok(keep(Valid::Reveal(Arc::clone(record))))
    }

    fn judge_close(&self, record: &Arc<Record<Close>>) -> Result<Judged<M>, Judged<M>> {
        let body = record.body();
        let contest = self.contest_or_wait(body.competition)?;
        check_close(record, &contest.competition().item)?;
        contest.host_record_has_place(Kind::Close, body.created, record.id())?;
        Ok(keep(Valid::Close(Arc::clone(record))))
    }

    fn judge_misbehaviour(
        &self,
        record: &Arc<Record<Misbehaviour>>,
        pair: &Arc<Pair>,
    ) -> Result<Judged<M>, Judged<M>> {
        let contest = self.contest_or_wait(record.body().competition)?;
        check_pair(pair, &contest.competition().item)?;
        Ok(keep(Valid::Misbehaviour(Arc::clone(record), pair.kind)))
    }

    fn judge_submission(&self, record: &Arc<Record<Submission>>) -> Result<Judged<M>, Judged<M>> {
        let submission = record.body();
        // Before it would wait for a reveal that cannot be.
        if let Some(contest) = self.contest_of(submission.competition)?
            && contest.competition().item.body().is_open() == submission.reveal.is_some()
        {
            return Err(ContextError::RevealField { sealed: submission.reveal.is_none() }.into());
        }
        let contest = self.contest_with_entry(submission.competition, submission.entry, submission.reveal)?;
        let entry = contest.entry(submission.entry).ok_or(ContextError::Orphan { on: submission.entry })?;
        let competition = &contest.competition().item;
        let reveal = submission.reveal.and_then(|id| contest.reveal(id)).map(|kept| &*kept.item);
        let admitted = check_submission(record, competition, &entry.item, reveal)?;
        let created = submission.created;
        let place = (submission.entry, submission.reveal, created, record.id(), admitted.statement());
        contest.submission_has_place(place)?;
        self.check_blobs(competition, entry.item.record().body().class, Some(admitted.scoring()))?;
        Ok(Judged::Check(Box::new(Admitted::Submission(admitted))))
    }

    fn contest_or_wait(&self, competition: RecordId) -> Result<&Contest<M>, Judged<M>> {
        self.contest_of(competition)?
            .ok_or_else(|| self.wait_for(competition, vec![Need::Record(competition)]))
    }

    /// The competition of a record that refers to an entry and perhaps a reveal, if all of them are here.
    fn contest_with_entry(
        &self,
        competition: RecordId,
        entry: RecordId,
        reveal: Option<RecordId>,
    ) -> Result<&Contest<M>, Judged<M>> {
        let contest = self.contest_of(competition)?;
        let in_contests = [(Kind::Entry, "entry", Some(entry)), (Kind::Reveal, "reveal", reveal)].into_iter();
        let mut missing: Vec<Need> =
            contest.is_none().then_some(Need::Record(competition)).into_iter().collect();
        for (kind, field, id) in in_contests.filter_map(|(kind, field, id)| Some((kind, field, id?))) {
            match self.home_of(kind, field, id)? {
                None => missing.push(Need::Record(id)),
                Some(got) if got != competition && kind == Kind::Entry => {
                    return Err(ContextError::EntryElsewhere { expected: competition, got }.into());
                }
                Some(_) => {}
            }
        }
        match contest {
            Some(contest) if missing.is_empty() => Ok(contest),
            _ => Err(self.wait_for(competition, missing)),
        }
    }

    /// The competition that a kept record of this kind belongs to.
    fn home_of(
        &self,
        expected: Kind,
        field: &'static str,
        id: RecordId,
    ) -> Result<Option<RecordId>, ContextError> {
        match self.set.kind_of(id) {
            Some((got, competition)) if got == expected => Ok(Some(competition)),
            Some((got, _)) => Err(ContextError::WrongKind { field, id, expected, got }),
            None => Ok(None),
        }
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

    /// Whether key and (for scores) test set are here and are what the competition says.
    fn check_blobs(
        &self,
        competition: &Record<Competition>,
        class: circuits::ClassId,
        scoring: Option<&Scoring>,
    ) -> Result<(), Judged<M>> {
        let (id, body) = (competition.id(), competition.body());
        let admitted = body.admitted(class).ok_or(ContextError::ClassNotAdmitted { got: class })?;
        let mut wanted = vec![(BlobRole::VerifyingKey, admitted.verifying_key)];
        wanted.extend(scoring.map(|scoring| (BlobRole::TestSet, scoring.test_set)));
        let here = |(role, blob): &(BlobRole, BlobRef)| self.blobs.contains_key(&(*role, blob.id));
        let needs: Vec<Need> = wanted
            .iter()
            .filter(|wanted| !here(wanted))
            .map(|(role, blob)| Need::Blob(*role, *blob))
            .collect();
        let test_set_defect = scoring.and_then(|scoring| self.test_set_defect(id, body, scoring));
        if let Some(defect) = self.key_defect(id, admitted).or(test_set_defect) {
            return Err(defect.into());
        }
        if needs.is_empty() { Ok(()) } else { Err(Judged::Wait(needs)) }
    }
}

impl<M> State<M> {
    pub(super) fn test_set_defect(
        &self,
        id: RecordId,
        body: &Competition,
        scoring: &Scoring,
    ) -> Option<Defect> {
        let facts = self.blobs.get(&(BlobRole::TestSet, scoring.test_set.id))?;
        check_test_set(id, body, scoring, facts).err()
    }

    pub(super) fn key_defect(&self, id: RecordId, class: &AdmittedClass) -> Option<Defect> {
        let facts = self.blobs.get(&(BlobRole::VerifyingKey, class.verifying_key.id))?;
        check_key(id, class, facts).err()
    }
}

fn keep<M>(valid: Valid<M>) -> Judged<M> {
    Judged::Keep(Box::new(valid))
}
