//! The shared folder of an array job: all that a machine needs to prove some chunks of a submission, but for the
//! opening of the commitment, which is as secret as the model and stays where it is.
//!
//! ```text
//! job.json                 the signed entry, and how many rows of each chunk are claimed; made once
//! competition.record       the signed competition
//! reveal.record            the signed reveal, where the test set was sealed
//! test-set.cbor            the test set
//! proving.key              the size class's proving key
//! chunk-<n>-<k>.proof      the proofs, as they are made
//! ```
//!
//! A proof is about one entry, whose record says when it was made: so the entry is made once, by `--prepare`, and
//! every machine refers to the same bytes. `job.json` is written last and never replaced: of two that prepare the
//! same folder, one finds what the other has written.

use super::chunk_file::ChunkFolder;
use super::{Contest, ProverError};
use crate::home::{HomeError, make_private_dir, read_input, write_private, write_private_new};
use crate::keys;
use circuits::TestSet;
use circuits::groth16::Commitment;
use circuits::statement::Scope;
use protocol::{Entry, RecordId, Scoring, Signed, WellFormed};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Longest `job.json`: a record in hexadecimal digits and a number for each chunk, with room to spare.
const MAX_BYTES: u64 = 1 << 20;
const WHAT: &str = "podium chunk job";
const VERSION: u32 = 1;

/// Why a folder is not that of a job.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Nothing has been prepared there.
    #[error("{path}: expected a folder that `node submit --chunks {path} --prepare` has prepared")]
    NotPrepared {
        /// The folder.
        path: PathBuf,
    },
    /// A file that is not what it should be.
    #[error("{path}: expected {expected}, got {got}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// The folder belongs to something else.
    #[error("{path}: {what}: expected {expected}, got {got}")]
    Other {
        /// The folder.
        path: PathBuf,
        /// What is different.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What the folder has.
        got: String,
    },
    /// A chunk that the test set does not have.
    #[error("expected chunks 0 to {expected}, got {got}")]
    NoSuchChunk {
        /// The last chunk.
        expected: u32,
        /// The number.
        got: u32,
    },
    /// The disk, or a file that is too long.
    #[error(transparent)]
    Home(#[from] HomeError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    what: String,
    version: u32,
    #[serde(with = "hex::serde")]
    competition: [u8; 32],
    #[serde(with = "hex::serde")]
    entry: Vec<u8>,
    claims: Vec<u64>,
}

/// What was prepared.
#[derive(Debug)]
pub struct Job {
    /// The signed entry.
    pub entry: Signed,
    /// What it says.
    pub body: Entry,
    /// Rows that are claimed of each chunk.
    pub claims: Vec<u64>,
}

impl Job {
    /// Rows that are claimed in all.
    pub fn total(&self) -> u64 {
        self.claims.iter().fold(0, |sum, claim| sum.saturating_add(*claim))
    }

    /// Whose model, in which competition.
    pub fn scope(&self) -> Scope {
        Scope { competition: *self.body.competition.as_bytes(), competitor: self.entry.author().competitor() }
    }
}

/// The folder of a job, whether or not it has been prepared.
#[derive(Clone, Debug)]
pub struct JobFolder(PathBuf);

impl JobFolder {
    /// A folder.
    pub fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Its proofs.
    pub fn chunks(&self) -> ChunkFolder {
        ChunkFolder::new(self.0.clone())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The job, if it has been prepared.
    ///
    /// # Errors
    /// If what is there is no job.
    pub fn open(&self) -> Result<Option<Job>, JobError> {
        let path = self.path("job.json");
        if !path.exists() {
            return Ok(None);
        }
        let malformed = |expected: &str, got: String| JobError::Malformed {
            path: path.clone(),
            expected: expected.to_owned(),
            got,
        };
        let wire: Wire = serde_json::from_slice(&read_input(&path, MAX_BYTES)?)
            .map_err(|error| malformed("a job of chunk proofs", error.to_string()))?;
        if wire.what != WHAT || wire.version != VERSION {
            let what: String = wire.what.chars().take(64).collect();
            let got = format!("{what:?}, version {}", wire.version);
            return Err(malformed(&format!("{WHAT:?}, version {VERSION}"), got));
        }
        let entry =
            Signed::open(&wire.entry).map_err(|error| malformed("a signed entry", error.to_string()))?;
        let body = match WellFormed::parse(&entry) {
            Ok(WellFormed::Entry(record)) => record.body().clone(),
            Ok(other) => {
                return Err(malformed("a signed entry", format!("a record of kind {}", other.kind())));
            }
            Err(error) => return Err(malformed("a signed entry", error.to_string())),
        };
        if body.competition.as_bytes() != &wire.competition {
            let expected = format!("an entry in competition {}", hex::encode(wire.competition));
            return Err(malformed(&expected, format!("one in {}", body.competition)));
        }
        Ok(Some(Job { entry, body, claims: wire.claims }))
    }

    /// The job.
    ///
    /// # Errors
    /// If it has not been prepared.
    pub fn require(&self) -> Result<Job, JobError> {
        self.open()?.ok_or_else(|| JobError::NotPrepared { path: self.0.clone() })
    }

    /// Prepares the folder, unless somebody else has; returns the job that is there in the end.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn create(
        &self,
        contest: &Contest,
        scoring: &Scoring,
        set: &TestSet,
        key: &Path,
        entry: &Signed,
        claims: &[u64],
    ) -> Result<Job, ProverError> {
        if !self.0.exists() {
            make_private_dir(&self.0)?;
        }
        write_private(&self.path("competition.record"), contest.record.bytes())?;
        if let Some(reveal) = contest.reveal_bytes(scoring) {
            write_private(&self.path("reveal.record"), reveal)?;
        }
        let bytes = set.to_bytes().map_err(protocol::OfflineError::TestSet)?;
        write_private(&self.path("test-set.cbor"), &bytes)?;
        keys::copy(key, &self.path("proving.key"))?;
        let wire = Wire {
            what: WHAT.to_owned(),
            version: VERSION,
            competition: *contest.id.as_bytes(),
            entry: entry.bytes().to_vec(),
            claims: claims.to_vec(),
        };
        let path = self.path("job.json");
        let bytes = serde_json::to_vec_pretty(&wire).map_err(|error| JobError::Malformed {
            path: path.clone(),
            expected: "a job that can be encoded".to_owned(),
            got: error.to_string(),
        })?;
        write_private_new(&path, &bytes)?;
        Ok(self.require()?)
    }

    /// Whether the job is this one.
    ///
    /// # Errors
    /// What is different.
    pub fn compare(
        &self,
        job: &Job,
        contest: RecordId,
        commitment: &Commitment,
        claims: &[u64],
    ) -> Result<(), JobError> {
        self.expect("competition", contest, job.body.competition)?;
        let commitment = hex::encode(commitment.to_bytes());
        self.expect("model commitment", commitment, hex::encode(job.body.commitment.0))?;
        let total = claims.iter().fold(0u64, |sum, claim| sum.saturating_add(*claim));
        self.expect("claimed rows", total, job.total())?;
        self.expect("claimed rows of each chunk", format!("{claims:?}"), format!("{:?}", job.claims))
    }

    /// # Errors
    /// If the two are not the same.
    pub fn expect(
        &self,
        what: &'static str,
        expected: impl ToString,
        got: impl ToString,
    ) -> Result<(), JobError> {
        let (expected, got) = (expected.to_string(), got.to_string());
        if expected == got {
            return Ok(());
        }
        Err(JobError::Other { path: self.0.clone(), what, expected, got })
    }
}
