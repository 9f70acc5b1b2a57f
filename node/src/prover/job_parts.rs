//! What a machine reads from the folder of an array job. The folder may be anybody's: each file is compared with what
//! the signed records say.

use super::{Contest, Job, JobError, JobFolder, ProverError};
use crate::home::read_input;
use crate::keys;
use circuits::TestSet;
use circuits::groth16::{ProvingKey, VerifiedModel, VerifyingKey};
use circuits::statement::{Chunk, Scope};
use protocol::{AdmittedClass, BlobId, Entry, Groth16, OfflineError, ProofChecker, Scoring, limits};
use std::path::PathBuf;

/// The public parts of a job but its key.
pub struct Parts {
    /// The competition.
    pub contest: Contest,
    /// What scores are about.
    pub scoring: Scoring,
    /// Its test set.
    pub set: TestSet,
    /// The entry's size class.
    pub admitted: AdmittedClass,
    /// The chunks of the test set.
    pub chunks: Vec<Chunk>,
}

/// Verifies the model proof of an entry: without it no score is believed.
///
/// # Errors
/// If it does not hold.
pub fn verify_entry(key: &VerifyingKey, scope: &Scope, entry: &Entry) -> Result<VerifiedModel, ProverError> {
    Ok(Groth16.check_model(key, scope, &entry.commitment, &entry.model_proof).map_err(OfflineError::Proof)?)
}

impl JobFolder {
    /// Reads the competition and the test set of a job.
    ///
    /// # Errors
    /// If they are not the entry's.
    pub fn parts(&self, job: &Job) -> Result<Parts, ProverError> {
        let path = self.path("competition.record");
        let mut contest = Contest::parse(&read_input(&path, limits::MAX_RECORD_BYTES as u64)?)?;
        let other = |path: PathBuf, what, expected: String, got: String| JobError::Other {
            path,
            what,
            expected,
            got,
        };
        if contest.id != job.body.competition {
            let (expected, got) = (job.body.competition.to_string(), contest.id.to_string());
            return Err(other(path, "competition", expected, got).into());
        }
        if !contest.rules.is_open() {
            let reveal = read_input(&self.path("reveal.record"), limits::MAX_RECORD_BYTES as u64)?;
            contest = contest.with_reveal(&reveal)?;
        }
        let scoring = contest.scoring(Some(job.entry.id()))?;
        let path = self.path("test-set.cbor");
        let bytes = read_input(&path, scoring.test_set.bytes.min(limits::MAX_TEST_SET_BYTES as u64))?;
        let got = BlobId::of(&bytes);
        if got != scoring.test_set.id {
            let (expected, got) = (scoring.test_set.id.to_string(), got.to_string());
            return Err(other(path, "test set", expected, got).into());
        }
        let set = TestSet::from_bytes(&bytes).map_err(OfflineError::TestSet)?;
        let class = job.body.class;
        let Some(admitted) = contest.rules.admitted(class).copied() else {
            let names: Vec<&str> = contest.rules.size_classes.iter().map(|c| c.class.as_str()).collect();
            return Err(ProverError::Class { expected: names.join(", "), got: class });
        };
        let chunks = Chunk::all(set.rows(), class.class());
        let fits = job.claims.len() == chunks.len()
            && job.claims.iter().zip(&chunks).all(|(claim, chunk)| *claim <= chunk.len());
        if !fits {
            let expected = format!("a count for each of {} chunks, at most its rows", chunks.len());
            let got = format!("{:?}", job.claims);
            return Err(JobError::Malformed { path: self.path("job.json"), expected, got }.into());
        }
        Ok(Parts { contest, scoring, set, admitted, chunks })
    }

    /// Reads the proving key. The competition pins it.
    ///
    /// # Errors
    /// If it is another one.
    pub fn key(&self, admitted: &AdmittedClass) -> Result<ProvingKey, ProverError> {
        Ok(keys::load_copied(&self.path("proving.key"), admitted.proving_key)?)
    }
}

impl Parts {
    /// The numbers of the chunks that are asked for, each once, in order.
    ///
    /// # Errors
    /// The first that the test set does not have.
    pub fn select(&self, ranges: &[(u32, u32)]) -> Result<Vec<usize>, JobError> {
        let last = u32::try_from(self.chunks.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let mut wanted = vec![false; self.chunks.len()];
        for &(first, end) in ranges {
            if end > last {
                return Err(JobError::NoSuchChunk { expected: last, got: end.max(first) });
            }
            wanted.iter_mut().take(end as usize + 1).skip(first as usize).for_each(|place| *place = true);
        }
        Ok((0..wanted.len()).filter(|&i| wanted.get(i).copied().unwrap_or(false)).collect())
    }
}
