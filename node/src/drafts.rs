//! What a competitor must not lose and must not show: the openings of own commitments, and the signed records that
//! were made from them. Written before anything is published, so that a second run of the same submission finds the
//! same entry instead of making another.
//!
//! ```text
//! openings/<competition>/<commitment>.opening       weights and blinder: as secret as the model
//! openings/<competition>/<commitment>.entry         the signed entry
//! openings/<competition>/<commitment>.<K>           the signed submission that claims K
//! openings/<competition>/<commitment>.chunks/       proofs of single chunks, as soon as each is there
//! ```

use crate::home::{Home, HomeError, make_private_dir, read_private, write_private, write_private_new};
use crate::limits;
use crate::prover::ChunkFolder;
use circuits::groth16::Commitment;
use protocol::RecordId;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The drafts of one commitment in one competition.
#[derive(Debug)]
pub struct Drafts {
    dir: PathBuf,
    stem: String,
}

impl Drafts {
    /// Makes the folder if need be.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn open(home: &Home, competition: RecordId, commitment: &Commitment) -> Result<Self, HomeError> {
        make_private_dir(&home.openings())?;
        let dir = home.openings().join(competition.to_string());
        make_private_dir(&dir)?;
        Ok(Self { dir, stem: hex::encode(commitment.to_bytes()) })
    }

    /// The own entries in a competition, as far as they were made in this data folder, by id.
    ///
    /// # Errors
    /// If the disk fails or a file is damaged.
    pub fn entered(home: &Home, competition: RecordId) -> Result<BTreeMap<RecordId, Self>, HomeError> {
        let dir = home.openings().join(competition.to_string());
        let mut found = BTreeMap::new();
        let io = |source| HomeError::Io { path: dir.clone(), source };
        let files = match std::fs::read_dir(&dir) {
            Ok(files) => files,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(io(error)),
        };
        for file in files {
            let name = file.map_err(io)?.file_name();
            let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".entry")) else { continue };
            let drafts = Self { dir: dir.clone(), stem: stem.to_owned() };
            if let Some(entry) = drafts.entry()? {
                found.insert(RecordId::of(&entry), drafts);
            }
        }
        Ok(found)
    }

    /// Where the opening lies.
    pub fn opening_path(&self) -> PathBuf {
        self.path("opening")
    }

    fn path(&self, what: &str) -> PathBuf {
        self.dir.join(format!("{}.{what}", self.stem))
    }

    /// Keeps the opening.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn write_opening(&self, bytes: &[u8]) -> Result<(), HomeError> {
        write_private(&self.path("opening"), bytes)
    }

    /// The opening, if there is one.
    ///
    /// # Errors
    /// If the disk fails or others may read the file.
    pub fn opening(&self) -> Result<Option<Vec<u8>>, HomeError> {
        self.read("opening", limits::OPENING_MAX_BYTES)
    }

    /// The signed entry, if it has been made.
    ///
    /// # Errors
    /// If the disk fails or others may read the file.
    pub fn entry(&self) -> Result<Option<Vec<u8>>, HomeError> {
        self.read("entry", limits::RECORD_MAX_BYTES as u64)
    }

    /// Keeps the signed entry, unless there is one: it is what other proofs may refer to already. Returns the one
    /// that is kept.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn keep_entry(&self, bytes: &[u8]) -> Result<Vec<u8>, HomeError> {
        if write_private_new(&self.path("entry"), bytes)? {
            return Ok(bytes.to_vec());
        }
        read_private(&self.path("entry"), limits::RECORD_MAX_BYTES as u64)
    }

    /// Puts another signed entry in the place of one that nothing refers to.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn replace_entry(&self, bytes: &[u8]) -> Result<(), HomeError> {
        write_private(&self.path("entry"), bytes)
    }

    /// Proofs of single chunks.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn chunks(&self) -> Result<ChunkFolder, HomeError> {
        let dir = self.path("chunks");
        make_private_dir(&dir)?;
        Ok(ChunkFolder::new(dir))
    }

    /// The signed submission that claims so many rows, if it has been made.
    ///
    /// # Errors
    /// If the disk fails or others may read the file.
    pub fn submission(&self, correct: u64) -> Result<Option<Vec<u8>>, HomeError> {
        self.read(&correct.to_string(), limits::RECORD_MAX_BYTES as u64)
    }

    /// Keeps the signed submission that claims so many rows.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn write_submission(&self, correct: u64, bytes: &[u8]) -> Result<(), HomeError> {
        write_private(&self.path(&correct.to_string()), bytes)
    }

    fn read(&self, what: &str, max: u64) -> Result<Option<Vec<u8>>, HomeError> {
        let path = self.path(what);
        if !path.exists() {
            return Ok(None);
        }
        read_private(&path, max).map(Some)
    }
}
