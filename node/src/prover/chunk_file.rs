//! A chunk's proof as a file that says what it is a proof of: in the drafts, so that a killed run goes on where it
//! was, and in the shared folder of an array job.
//!
//! ```text
//! chunk-<number>-<claimed count>.proof      JSON, at most 4 KiB
//! ```
//!
//! Nothing in such a file is believed: the statement is compared with the one that is wanted, and the proof is
//! verified.

use crate::home::{HomeError, read_input, write_private};
use circuits::groth16::{PROOF_BYTES, Proof, VerifiedModel, VerifyingKey, verify_score};
use circuits::statement::{Competitor, ScoreClaim};
use circuits::{TestSet, groth16::VerifyError};
use protocol::ProofBytes;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Longest file: looked at before it is read.
const MAX_BYTES: u64 = 4 << 10;
/// Most files of this kind in one folder: every chunk, and as many that do not belong there.
const MAX_FILES: usize = 2 * protocol::limits::MAX_CHUNKS;
const WHAT: &str = "podium chunk proof";
const VERSION: u32 = 1;
const EXTENSION: &str = "proof";

/// Why a file is not the proof of a chunk.
#[derive(Debug, thiserror::Error)]
pub enum ChunkFileError {
    /// The disk, or a file that is too long.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Not such a file.
    #[error("{path}: expected a chunk's proof, got something else: {reason}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another version.
    #[error("{path}: expected a chunk's proof of version {VERSION}, got {got}")]
    Version {
        /// Which file.
        path: PathBuf,
        /// Its version.
        got: u32,
    },
    /// A proof of something else.
    #[error("{path}: {what}: expected {expected}, got {got}")]
    Statement {
        /// Which file.
        path: PathBuf,
        /// Which part of the statement.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// A chunk that the test set does not have.
    #[error("{path}: expected a chunk below {expected}, got {got}")]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// Chunks of the test set.
        expected: usize,
        /// Its number.
        got: u32,
    },
    /// Two files about one chunk.
    #[error("chunk {chunk}: expected one file, got {first} and {second}")]
    Duplicate {
        /// Which chunk.
        chunk: u32,
        /// A file.
        first: PathBuf,
        /// Another one.
        second: PathBuf,
    },
    /// More files than can belong to one submission.
    #[error("{path}: expected at most {MAX_FILES} files that end in .{EXTENSION}")]
    TooMany {
        /// The folder.
        path: PathBuf,
    },
    /// The proof does not hold.
    #[error("{path}: the proof of chunk {chunk} does not verify: {reason}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Which chunk.
        chunk: u32,
        /// What the decoder or the verifier says.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    what: String,
    version: u32,
    #[serde(with = "hex::serde")]
    competition: [u8; 32],
    #[serde(with = "hex::serde")]
    entry: [u8; 32],
    /// The competitor's ed25519 public key.
    #[serde(with = "hex::serde")]
    competitor: [u8; 32],
    chunk: u32,
    first_row: u64,
    /// One past the last row.
    end_row: u64,
    /// Rows of the whole test set.
    rows: u64,
    /// Rows of the chunk that are claimed as right.
    correct: u64,
    #[serde(with = "hex::serde")]
    proof: [u8; PROOF_BYTES],
}

/// What all proofs of one submission are checked with.
pub struct Check<'a> {
    /// The class's verifying key.
    pub key: &'a VerifyingKey,
    /// The test set.
    pub set: &'a TestSet,
    /// Evidence that the entry's model proof holds.
    pub model: &'a VerifiedModel,
}

impl Check<'_> {
    fn run(&self, path: &Path, claim: &ScoreClaim, proof: &ProofBytes) -> Result<(), ChunkFileError> {
        let invalid = |reason: String| ChunkFileError::Invalid {
            path: path.to_owned(),
            chunk: claim.chunk.index,
            reason,
        };
        let proof = Proof::from_bytes(&proof.0).map_err(|error| invalid(error.to_string()))?;
        verify_score(self.key, self.set, self.model, claim, &proof)
            .map_err(|error: VerifyError| invalid(error.to_string()))
    }
}

/// A folder with such files, and perhaps others, which are left alone.
#[derive(Clone, Debug)]
pub struct ChunkFolder(PathBuf);

impl ChunkFolder {
    /// A folder that exists.
    pub fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// The file of a claim.
    pub fn path(&self, claim: &ScoreClaim) -> PathBuf {
        self.0.join(format!("chunk-{}-{}.{EXTENSION}", claim.chunk.index, claim.correct))
    }

    /// Writes a proof: a temporary file first, then renamed.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn write(&self, claim: &ScoreClaim, proof: &ProofBytes) -> Result<PathBuf, ChunkFileError> {
        let path = self.path(claim);
        let competitor = match claim.scope.competitor {
            Competitor::Node(key) => key,
            Competitor::Evm(_) => {
                let reason = "its competitor has no node key".to_owned();
                return Err(ChunkFileError::Malformed { path, reason });
            }
        };
        let wire = Wire {
            what: WHAT.to_owned(),
            version: VERSION,
            competition: claim.scope.competition,
            entry: claim.entry,
            competitor,
            chunk: claim.chunk.index,
            first_row: claim.chunk.lo,
            end_row: claim.chunk.hi,
            rows: claim.rows,
            correct: claim.correct,
            proof: proof.0,
        };
        let bytes = serde_json::to_vec_pretty(&wire).map_err(|error| malformed(&path, &error))?;
        write_private(&path, &bytes)?;
        Ok(path)
    }

    /// The proof of a claim, if there is one by the usual name and it holds.
    ///
    /// # Errors
    /// If there is a file by that name which is anything else.
    pub fn find(&self, claim: &ScoreClaim, check: &Check<'_>) -> Result<Option<ProofBytes>, ChunkFileError> {
        let path = self.path(claim);
        if !path.exists() {
            return Ok(None);
        }
        let wire = read(&path)?;
        compare(&path, claim, &wire)?;
        let proof = ProofBytes(wire.proof);
        check.run(&path, claim, &proof)?;
        Ok(Some(proof))
    }

    /// The verified proof of each claim, where there is one, whatever the files are called. `claims` are those of all
    /// chunks in order.
    ///
    /// # Errors
    /// The first file, by name, that is none of them, or holds no valid proof.
    pub fn collect(
        &self,
        claims: &[ScoreClaim],
        check: &Check<'_>,
    ) -> Result<Vec<Option<ProofBytes>>, ChunkFileError> {
        let mut found: Vec<Option<(PathBuf, ProofBytes)>> = vec![None; claims.len()];
        for path in self.files()? {
            let wire = read(&path)?;
            let index = wire.chunk as usize;
            let (Some(claim), Some(place)) = (claims.get(index), found.get_mut(index)) else {
                return Err(ChunkFileError::Foreign { path, expected: claims.len(), got: wire.chunk });
            };
            compare(&path, claim, &wire)?;
            if let Some((first, _)) = place {
                return Err(ChunkFileError::Duplicate {
                    chunk: wire.chunk,
                    first: first.clone(),
                    second: path,
                });
            }
            let proof = ProofBytes(wire.proof);
            check.run(&path, claim, &proof)?;
            *place = Some((path, proof));
        }
        Ok(found.into_iter().map(|place| place.map(|(_, proof)| proof)).collect())
    }

    fn files(&self) -> Result<Vec<PathBuf>, ChunkFileError> {
        let io = |source| HomeError::Io { path: self.0.clone(), source };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(&self.0).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                paths.push(path);
            }
            if paths.len() > MAX_FILES {
                return Err(ChunkFileError::TooMany { path: self.0.clone() });
            }
        }
        paths.sort();
        Ok(paths)
    }
}

fn malformed(path: &Path, error: &dyn std::fmt::Display) -> ChunkFileError {
    ChunkFileError::Malformed { path: path.to_owned(), reason: error.to_string() }
}

fn read(path: &Path) -> Result<Wire, ChunkFileError> {
    let bytes = read_input(path, MAX_BYTES)?;
    let wire: Wire = serde_json::from_slice(&bytes).map_err(|error| malformed(path, &error))?;
    if wire.what != WHAT {
        return Err(malformed(path, &format!("expected {WHAT:?} in the field `what`")));
    }
    if wire.version != VERSION {
        return Err(ChunkFileError::Version { path: path.to_owned(), got: wire.version });
    }
    Ok(wire)
}

/// Whether a file is about this claim.
fn compare(path: &Path, claim: &ScoreClaim, wire: &Wire) -> Result<(), ChunkFileError> {
    let competitor = match claim.scope.competitor {
        Competitor::Node(key) => hex::encode(key),
        Competitor::Evm(address) => hex::encode(address),
    };
    let number = |n: u64| n.to_string();
    let parts = [
        ("competition", hex::encode(claim.scope.competition), hex::encode(wire.competition)),
        ("competitor", competitor, hex::encode(wire.competitor)),
        ("entry", hex::encode(claim.entry), hex::encode(wire.entry)),
        ("chunk", number(claim.chunk.index.into()), number(wire.chunk.into())),
        ("first row", number(claim.chunk.lo), number(wire.first_row)),
        ("one past the last row", number(claim.chunk.hi), number(wire.end_row)),
        ("rows of the test set", number(claim.rows), number(wire.rows)),
        ("claimed rows", number(claim.correct), number(wire.correct)),
    ];
    for (what, expected, got) in parts {
        if expected != got {
            return Err(ChunkFileError::Statement { path: path.to_owned(), what, expected, got });
        }
    }
    Ok(())
}
