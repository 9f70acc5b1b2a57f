//! Entry and submission of a scored model.

use super::chunks::{Shared, Stage, prove_all};
use super::entrant::{Entered, Entrant};
use super::job_parts::verify_entry;
use super::{Check, ChunkFolder, Job, JobFolder, ProverError, Scored};
use crate::ledger::now;
use circuits::TestSet;
use circuits::groth16::Opening;
use circuits::statement::ScoreClaim;
use protocol::{
    Body, ChunkProof, Dossier, Groth16, OfflineError, ProofBytes, Scoring, Signed, Submission, Verified,
    WellFormed, verify_offline,
};
use std::path::Path;

/// What proving takes besides the model.
pub struct Workbench<'a> {
    /// Who enters what.
    pub entrant: Entrant<'a>,
    /// What opens the model's commitment.
    pub opening: &'a Opening,
    /// What scores are about.
    pub scoring: &'a Scoring,
    /// The test set.
    pub set: &'a TestSet,
    /// Proofs that are made at once.
    pub jobs: usize,
}

/// Where proofs of chunks come from, besides the drafts.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The folder of an array job.
    pub folder: Option<&'a JobFolder>,
    /// Whether what is missing is proved here.
    pub prove: bool,
}

/// The signed records of one submission.
#[derive(Debug)]
pub struct Made {
    /// The entry.
    pub entry: Signed,
    /// The submission.
    pub submission: Signed,
    /// What was verified before they were handed out.
    pub verified: Verified,
    /// Whether the entry had been made before.
    pub entry_reused: bool,
    /// Whether the submission had been made before.
    pub submission_reused: bool,
    /// Chunks that were proved now; all others had been proved before.
    pub proved: usize,
}

fn made(
    entered: Entered,
    submission: Signed,
    verified: Verified,
    submission_reused: bool,
    proved: usize,
) -> Made {
    let Entered { entry, reused: entry_reused, .. } = entered;
    Made { entry, submission, verified, entry_reused, submission_reused, proved }
}

impl Workbench<'_> {
    /// Makes (or finds) the entry and the submission that claims `claims`, and verifies both as any node would.
    /// Nothing has been published when it returns, but everything secret is on disk. Each chunk's proof is kept as
    /// soon as it is there, so that after a kill the same call makes only what is missing.
    ///
    /// # Errors
    /// If a proof cannot be made or the drafts not be written.
    pub fn make(
        &self,
        scored: &Scored,
        claims: &[u64],
        name: &str,
        source: Source<'_>,
    ) -> Result<Made, ProverError> {
        let entered = match source.folder {
            None => self.entrant.enter(self.opening, name, None)?,
            Some(folder) => {
                let job = folder.require()?;
                self.join(claims, name, folder, &job)?
            }
        };
        let total = claims.iter().sum();
        if let Some(bytes) = entered.drafts.submission(total)? {
            let submission = Signed::open(&bytes)?;
            let verified = self.verify(&entered.entry, &submission)?;
            return Ok(made(entered, submission, verified, true, 0));
        }
        let (submission, proved) = self.make_submission(&entered, scored, claims, source)?;
        let verified = self.verify(&entered.entry, &submission)?;
        entered.drafts.write_submission(total, submission.bytes())?;
        Ok(made(entered, submission, verified, false, proved))
    }

    /// Makes (or finds) the entry, and prepares the folder of an array job for it, unless it has been prepared.
    ///
    /// # Errors
    /// If the folder belongs to another model, entry or claim, or the disk fails.
    pub fn prepare(
        &self,
        claims: &[u64],
        name: &str,
        folder: &JobFolder,
        key: &Path,
    ) -> Result<Job, ProverError> {
        if let Some(job) = folder.open()? {
            self.join(claims, name, folder, &job)?;
            return Ok(job);
        }
        let entered = self.entrant.enter(self.opening, name, None)?;
        let job = folder.create(self.entrant.contest, self.scoring, self.set, key, &entered.entry, claims)?;
        // Somebody else may have been faster; an entry that was made just now is referred to by nothing.
        if job.entry.id() != entered.entry.id() && !entered.reused {
            self.check_job(claims, folder, &job)?;
            entered.drafts.replace_entry(job.entry.bytes())?;
        }
        self.join(claims, name, folder, &job)?;
        Ok(job)
    }

    /// The entry of a prepared job: the one in the drafts must be the same.
    fn join(
        &self,
        claims: &[u64],
        name: &str,
        folder: &JobFolder,
        job: &Job,
    ) -> Result<Entered, ProverError> {
        self.check_job(claims, folder, job)?;
        let entered = self.entrant.enter(self.opening, name, Some(job))?;
        folder.expect("entry", entered.entry.id(), job.entry.id())?;
        Ok(entered)
    }

    fn check_job(&self, claims: &[u64], folder: &JobFolder, job: &Job) -> Result<(), ProverError> {
        let entrant = &self.entrant;
        folder.expect("competitor", entrant.author()?, job.entry.author())?;
        folder.compare(job, entrant.contest.id, &self.opening.commitment(), claims)?;
        verify_entry(entrant.key.verifying_key(), &entrant.scope()?, &job.body)?;
        Ok(())
    }

    /// The submission, and how many chunks were proved for it now.
    fn make_submission(
        &self,
        entered: &Entered,
        scored: &Scored,
        claims: &[u64],
        source: Source<'_>,
    ) -> Result<(Signed, usize), ProverError> {
        let entrant = &self.entrant;
        let shared = Shared {
            key: entrant.key,
            opening: self.opening,
            set: self.set,
            secret: &entrant.identity.secret,
            scope: entrant.scope()?,
            entry: entered.entry.id(),
            roster: self.scoring.roster,
        };
        let claims = shared.claims(&scored.chunks, claims);
        let kept = entered.drafts.chunks()?;
        let mut proofs = self.find(entered, &claims, &kept, source.folder)?;
        let missing: Vec<usize> = (0..claims.len()).filter(|&i| proofs.get(i) == Some(&None)).collect();
        if !source.prove && !missing.is_empty() {
            let numbers = missing.iter().map(|&i| i as u32).collect();
            return Err(ProverError::Missing { missing: numbers, all: claims.len() });
        }
        self.prove_missing(&shared, &claims, &missing, &kept, &mut proofs)?;
        let chunk = |(claim, proof): (&ScoreClaim, Option<ProofBytes>)| {
            Some(ChunkProof { correct: claim.correct, proof: proof? })
        };
        let chunks: Option<Vec<ChunkProof>> = claims.iter().zip(proofs).map(chunk).collect();
        let chunks = chunks.ok_or(ProverError::Thread)?;
        let (competition, entry) = (entrant.contest.id, entered.entry.id());
        let submission =
            Submission { competition, entry, reveal: self.scoring.reveal, created: now(), chunks };
        Ok((protocol::sign(&entrant.identity.keypair, &Body::Submission(submission))?, missing.len()))
    }

    /// The proofs that there are: those of the job, then those of the drafts. All of them have been verified.
    fn find(
        &self,
        entered: &Entered,
        claims: &[ScoreClaim],
        kept: &ChunkFolder,
        folder: Option<&JobFolder>,
    ) -> Result<Vec<Option<ProofBytes>>, ProverError> {
        let WellFormed::Entry(record) = WellFormed::parse(&entered.entry)? else {
            let (expected, got) = (protocol::Kind::Entry, protocol::Kind::Submission);
            return Err(ProverError::Kind { expected, got });
        };
        let key = self.entrant.key.verifying_key();
        let model = verify_entry(key, &self.entrant.scope()?, record.body())?;
        let check = Check { key, set: self.set, model: &model };
        let mut proofs = match folder {
            Some(folder) => folder.chunks().collect(claims, &check)?,
            None => vec![None; claims.len()],
        };
        for (claim, place) in claims.iter().zip(&mut proofs).filter(|(_, place)| place.is_none()) {
            *place = kept.find(claim, &check).unwrap_or_else(|error| {
                (self.entrant.progress)(&format!("a kept proof is made anew: {error}"), 0.0);
                None
            });
        }
        Ok(proofs)
    }

    fn prove_missing(
        &self,
        shared: &Shared<'_>,
        claims: &[ScoreClaim],
        missing: &[usize],
        kept: &ChunkFolder,
        proofs: &mut [Option<ProofBytes>],
    ) -> Result<(), ProverError> {
        let wanted: Vec<ScoreClaim> = missing.iter().filter_map(|&i| claims.get(i).copied()).collect();
        let (all, found) = (claims.len(), claims.len() - missing.len());
        let progress = |stage: Stage<'_>| {
            let text = match all {
                1 => format!("score proof: {}", stage.step),
                _ => format!("chunks proved: {} of {all}", found + stage.finished),
            };
            (self.entrant.progress)(&text, (found as f64 + stage.parts) / all.max(1) as f64);
        };
        if all > 1 && found > 0 {
            (self.entrant.progress)(&format!("chunks proved: {found} of {all}"), found as f64 / all as f64);
        }
        let mut keep = |index: usize, proof: ProofBytes| {
            let places = wanted.get(index).zip(missing.get(index).and_then(|&i| proofs.get_mut(i)));
            if let Some((claim, place)) = places {
                kept.write(claim, &proof)?;
                *place = Some(proof);
            }
            Ok(())
        };
        prove_all(shared, &wanted, self.jobs, &mut keep, &progress)
    }

    fn verify(&self, entry: &Signed, submission: &Signed) -> Result<Verified, ProverError> {
        (self.entrant.progress)("checking the own proofs", 1.0);
        let key = self.entrant.key.verifying_key().to_bytes();
        // The set was decoded from these very bytes; encoding is canonical.
        let set = self.set.to_bytes().map_err(OfflineError::TestSet)?;
        let contest = self.entrant.contest;
        let dossier = Dossier {
            competition: contest.record.bytes(),
            entry: entry.bytes(),
            reveal: contest.reveal_bytes(self.scoring),
            submission: submission.bytes(),
            key: &key,
            test_set: &set,
        };
        Ok(verify_offline(&Groth16, &dossier)?)
    }
}

#[cfg(test)]
impl Source<'_> {
    /// Everything is proved here.
    pub const HERE: Self = Self { folder: None, prove: true };
}
