//! Entry and submission of a scored model.

use super::chunks::{Shared, Stage, prove_all};
use super::job_parts::verify_entry;
use super::{Check, ChunkFolder, Contest, Job, JobFolder, ProverError, Scored};
use crate::drafts::Drafts;
use crate::home::{Home, Identity};
use crate::ledger::now;
use circuits::TestSet;
use circuits::groth16::{self, Opening, ProvingKey};
use circuits::statement::{Scope, ScoreClaim};
use protocol::{
    Author, Body, ChunkProof, CommitmentBytes, Entry, Groth16, OfflineError, ProofBytes, Signed, Submission,
    Verified, WellFormed, verify_offline,
};
use std::path::Path;

/// What proving takes besides the model.
pub struct Workbench<'a> {
    /// The data folder.
    pub home: &'a Home,
    /// Who proves.
    pub identity: &'a Identity,
    /// The competition.
    pub contest: &'a Contest,
    /// Its test set.
    pub set: &'a TestSet,
    /// The class's proving key.
    pub key: &'a ProvingKey,
    /// Proofs that are made at once.
    pub jobs: usize,
    /// Told the step and the fraction done.
    pub progress: &'a dyn Fn(&str, f64),
}

/// Where proofs of chunks come from, besides the drafts.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The folder of an array job.
    pub folder: Option<&'a JobFolder>,
    /// Whether what is missing is proved here.
    pub prove: bool,
}

/// A model that has been entered, though perhaps not yet published.
pub struct Entered {
    opening: Opening,
    drafts: Drafts,
    entry: Signed,
    reused: bool,
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

impl Workbench<'_> {
    fn author(&self) -> Result<Author, ProverError> {
        Ok(Author::from_public_key(&self.identity.keypair.public())?)
    }

    fn scope(&self) -> Result<Scope, ProverError> {
        Ok(Scope { competition: *self.contest.id.as_bytes(), competitor: self.author()?.competitor() })
    }

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
            None => self.enter(self.commit(scored)?, name, None)?,
            Some(folder) => {
                let job = folder.require()?;
                self.join(scored, claims, name, folder, &job)?
            }
        };
        let total = claims.iter().sum();
        if let Some(bytes) = entered.drafts.submission(total)? {
            let submission = Signed::open(&bytes)?;
            let verified = self.verify(&entered.entry, &submission)?;
            return Ok(entered.made(submission, verified, true, 0));
        }
        let (submission, proved) = self.make_submission(&entered, scored, claims, source)?;
        let verified = self.verify(&entered.entry, &submission)?;
        entered.drafts.write_submission(total, submission.bytes())?;
        Ok(entered.made(submission, verified, false, proved))
    }

    /// Makes (or finds) the entry, and prepares the folder of an array job for it, unless it has been prepared.
    ///
    /// # Errors
    /// If the folder belongs to another model, entry or claim, or the disk fails.
    pub fn prepare(
        &self,
        scored: &Scored,
        claims: &[u64],
        name: &str,
        folder: &JobFolder,
        key: &Path,
    ) -> Result<Job, ProverError> {
        if let Some(job) = folder.open()? {
            self.join(scored, claims, name, folder, &job)?;
            return Ok(job);
        }
        let entered = self.enter(self.commit(scored)?, name, None)?;
        let job = folder.create(self.contest, self.set, key, &entered.entry, claims)?;
        // Somebody else may have been faster; an entry that was made just now is referred to by nothing.
        if job.entry.id() != entered.entry.id() && !entered.reused {
            self.check_job(&entered.opening, claims, folder, &job)?;
            entered.drafts.replace_entry(job.entry.bytes())?;
        }
        self.join(scored, claims, name, folder, &job)?;
        Ok(job)
    }

    fn commit(&self, scored: &Scored) -> Result<Opening, ProverError> {
        let competition = self.contest.id.as_bytes();
        Ok(groth16::commit(self.key, &scored.model, competition, &self.identity.secret)?)
    }

    /// The entry of a prepared job: the one in the drafts must be the same.
    fn join(
        &self,
        scored: &Scored,
        claims: &[u64],
        name: &str,
        folder: &JobFolder,
        job: &Job,
    ) -> Result<Entered, ProverError> {
        let opening = self.commit(scored)?;
        self.check_job(&opening, claims, folder, job)?;
        let entered = self.enter(opening, name, Some(job))?;
        folder.expect("entry", entered.entry.id(), job.entry.id())?;
        Ok(entered)
    }

    fn check_job(
        &self,
        opening: &Opening,
        claims: &[u64],
        folder: &JobFolder,
        job: &Job,
    ) -> Result<(), ProverError> {
        folder.expect("competitor", self.author()?, job.entry.author())?;
        folder.compare(job, self.contest.id, &opening.commitment(), claims)?;
        verify_entry(self.key.verifying_key(), &self.scope()?, &job.body)?;
        Ok(())
    }

    fn enter(&self, opening: Opening, name: &str, job: Option<&Job>) -> Result<Entered, ProverError> {
        let drafts = Drafts::open(self.home, self.contest.id, &opening.commitment())?;
        drafts.write_opening(&opening.to_bytes())?;
        let (kept, reused) = match (drafts.entry()?, job) {
            (Some(bytes), _) => (bytes, true),
            (None, Some(job)) => (drafts.keep_entry(job.entry.bytes())?, true),
            (None, None) => {
                let made = self.make_entry(&opening, name)?;
                let kept = drafts.keep_entry(made.bytes())?;
                let reused = kept.as_slice() != made.bytes().as_ref();
                (kept, reused)
            }
        };
        Ok(Entered { opening, drafts, entry: Signed::open(&kept)?, reused })
    }

    fn make_entry(&self, opening: &Opening, name: &str) -> Result<Signed, ProverError> {
        let progress = |step: &str, part: f64| (self.progress)(&format!("model proof: {step}"), part);
        let secret = &self.identity.secret;
        let proof = groth16::prove_model(self.key, opening, &self.scope()?, secret, &progress)?;
        let entry = Entry {
            competition: self.contest.id,
            class: opening.model().class().id,
            commitment: CommitmentBytes(opening.commitment().to_bytes()),
            model_proof: ProofBytes(proof.to_bytes()),
            display_name: name.to_owned(),
            audit_digest: opening.audit_digest(),
            created: now(),
        };
        Ok(protocol::sign(&self.identity.keypair, &Body::Entry(Box::new(entry)))?)
    }

    /// The submission, and how many chunks were proved for it now.
    fn make_submission(
        &self,
        entered: &Entered,
        scored: &Scored,
        claims: &[u64],
        source: Source<'_>,
    ) -> Result<(Signed, usize), ProverError> {
        let shared = Shared {
            key: self.key,
            opening: &entered.opening,
            set: self.set,
            secret: &self.identity.secret,
            scope: self.scope()?,
            entry: entered.entry.id(),
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
        let submission =
            Submission { competition: self.contest.id, entry: entered.entry.id(), created: now(), chunks };
        Ok((protocol::sign(&self.identity.keypair, &Body::Submission(submission))?, missing.len()))
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
            return Err(ProverError::Kind { got: protocol::Kind::Submission });
        };
        let key = self.key.verifying_key();
        let model = verify_entry(key, &self.scope()?, record.body())?;
        let check = Check { key, set: self.set, model: &model };
        let mut proofs = match folder {
            Some(folder) => folder.chunks().collect(claims, &check)?,
            None => vec![None; claims.len()],
        };
        for (claim, place) in claims.iter().zip(&mut proofs).filter(|(_, place)| place.is_none()) {
            *place = kept.find(claim, &check).unwrap_or_else(|error| {
                (self.progress)(&format!("a kept proof is made anew: {error}"), 0.0);
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
            (self.progress)(&text, (found as f64 + stage.parts) / all.max(1) as f64);
        };
        if all > 1 && found > 0 {
            (self.progress)(&format!("chunks proved: {found} of {all}"), found as f64 / all as f64);
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
        (self.progress)("checking the own proofs", 1.0);
        let key = self.key.verifying_key().to_bytes();
        // The set was decoded from these very bytes; encoding is canonical.
        let set = self.set.to_bytes().map_err(OfflineError::TestSet)?;
        let competition = &self.contest.bytes;
        Ok(verify_offline(&Groth16, competition, entry.bytes(), submission.bytes(), &key, &set)?)
    }
}

impl Entered {
    fn made(self, submission: Signed, verified: Verified, submission_reused: bool, proved: usize) -> Made {
        Made { entry: self.entry, submission, verified, entry_reused: self.reused, submission_reused, proved }
    }
}

#[cfg(test)]
impl Source<'_> {
    /// Everything is proved here.
    pub const HERE: Self = Self { folder: None, prove: true };
}
