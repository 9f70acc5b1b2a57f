//! What is kept of competitions on chains: their terms, and what opens own entries, written before anything is sent.
//!
//! ```text
//! chain/<competition>/terms.json                     the terms, and where they were posted
//! chain/<competition>/<commitment>.opening           weights and blinder: as secret as the model (0600)
//! chain/<competition>/<commitment>.entry             account, commitment and model proof
//! chain/<competition>/<commitment>.<chunk>-<K>.proof proofs of chunks, as soon as each is there
//! chain/<chain id>.json                              the contract that was deployed from here
//! ```

use super::error::ChainError;
use crate::home::{Home, HomeError, make_private_dir, read_private, write_private};
use crate::limits;
use alloy_primitives::{Address, B256, Bytes};
use alloy_sol_types::SolValue;
use circuits::groth16::{Commitment, Opening, Proof};
use contracts::{Deployment, Terms, competition_id};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The files of one competition.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TermsFile {
    chain: u64,
    contract: Address,
    /// As the contract's ABI encodes them.
    terms: Bytes,
}

/// The contract that was deployed from here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deployed {
    /// The competitions.
    pub competitions: Option<Address>,
}

/// An own entry.
#[derive(Clone, Debug)]
pub struct OwnEntry {
    /// Who entered, and is paid.
    pub account: Address,
    /// What was committed to.
    pub commitment: Commitment,
    /// The model proof, for this competition and account.
    pub proof: Proof,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryFile {
    account: Address,
    commitment: Bytes,
    proof: Bytes,
}

impl Folder {
    /// Of a competition; nothing is made yet.
    pub fn new(home: &Home, id: B256) -> Self {
        Self { dir: home.chain().join(hex::encode(id)) }
    }

    /// Competitions whose terms are here, by id.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn all(home: &Home) -> Result<Vec<B256>, ChainError> {
        let dir = home.chain();
        let mut found: Vec<B256> = names(&dir)?.iter().filter_map(|name| name.parse().ok()).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// Keeps the terms.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn keep_terms(&self, at: &Deployment, terms: &Terms) -> Result<(), ChainError> {
        let file = TermsFile { chain: at.chain, contract: at.contract, terms: terms.abi_encode().into() };
        self.write(&self.dir.join("terms.json"), &file)
    }

    /// The terms, and where they were posted.
    ///
    /// # Errors
    /// If the file is damaged: the terms are compared with the competition's id.
    pub fn terms(&self) -> Result<Option<(Deployment, Terms)>, ChainError> {
        let path = self.dir.join("terms.json");
        let Some(file) = read::<TermsFile>(&path)? else { return Ok(None) };
        let at = Deployment { chain: file.chain, contract: file.contract };
        let terms = Terms::abi_decode(&file.terms)
            .map_err(|error| malformed(&path, "the terms of a competition", error.to_string()))?;
        let (expected, got) = (self.dir.file_name(), hex::encode(competition_id(&at, &terms)));
        if expected.is_none_or(|expected| expected.to_string_lossy() != got) {
            return Err(malformed(&path, "the terms of this competition", format!("those of {got}")));
        }
        Ok(Some((at, terms)))
    }

    /// Where the opening of a commitment lies.
    pub fn opening_path(&self, commitment: &Commitment) -> PathBuf {
        self.path(commitment, "opening")
    }

    fn path(&self, commitment: &Commitment, what: &str) -> PathBuf {
        self.dir.join(format!("{}.{what}", hex::encode(commitment.to_bytes())))
    }

    /// Keeps the opening.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn keep_opening(&self, opening: &Opening) -> Result<(), ChainError> {
        make_private_dir(&self.dir)?;
        Ok(write_private(&self.opening_path(&opening.commitment()), &opening.to_bytes())?)
    }

    /// What opens an entry.
    ///
    /// # Errors
    /// If it is missing or damaged.
    pub fn opening(&self, commitment: &Commitment) -> Result<Opening, ChainError> {
        let path = self.opening_path(commitment);
        let bytes = read_private(&path, limits::OPENING_MAX_BYTES)?;
        let opening =
            Opening::from_bytes(&bytes).map_err(|error| malformed(&path, "an opening", error.to_string()))?;
        if opening.commitment() != *commitment {
            return Err(malformed(&path, "the opening of this commitment", "that of another".into()));
        }
        Ok(opening)
    }

    /// Keeps an entry.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn keep_entry(&self, entry: &OwnEntry) -> Result<(), ChainError> {
        let file = EntryFile {
            account: entry.account,
            commitment: entry.commitment.to_bytes().to_vec().into(),
            proof: entry.proof.to_bytes().to_vec().into(),
        };
        self.write(&self.path(&entry.commitment, "entry"), &file)
    }

    /// Own entries, by commitment.
    ///
    /// # Errors
    /// If a file is damaged.
    pub fn entries(&self) -> Result<Vec<OwnEntry>, ChainError> {
        let mut names = names(&self.dir)?;
        names.sort_unstable();
        let mut found = Vec::new();
        for name in names.iter().filter(|name| name.ends_with(".entry")) {
            let path = self.dir.join(name);
            let Some(file) = read::<EntryFile>(&path)? else { continue };
            let bad = |error: circuits::groth16::DecodeError| malformed(&path, "an entry", error.to_string());
            found.push(OwnEntry {
                account: file.account,
                commitment: Commitment::from_bytes(&file.commitment).map_err(bad)?,
                proof: Proof::from_bytes(&file.proof).map_err(bad)?,
            });
        }
        Ok(found)
    }

    /// Keeps the proof of so many rows of a chunk.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn keep_chunk(
        &self,
        commitment: &Commitment,
        chunk: u32,
        correct: u64,
        proof: &[u8],
    ) -> Result<(), ChainError> {
        Ok(write_private(&self.path(commitment, &format!("{chunk}-{correct}.proof")), proof)?)
    }

    /// The proof of so many rows of a chunk, unless there is none or it is damaged. It is not verified.
    ///
    /// # Errors
    /// If others may read or write it.
    pub fn chunk(
        &self,
        commitment: &Commitment,
        chunk: u32,
        correct: u64,
    ) -> Result<Option<Proof>, ChainError> {
        let path = self.path(commitment, &format!("{chunk}-{correct}.proof"));
        if !path.exists() {
            return Ok(None);
        }
        let bytes = read_private(&path, circuits::groth16::PROOF_BYTES as u64)?;
        Ok(Proof::from_bytes(&bytes).ok())
    }

    fn write(&self, path: &Path, value: &impl Serialize) -> Result<(), ChainError> {
        make_private_dir(&self.dir)?;
        write(path, value)
    }
}

impl Deployed {
    fn path(home: &Home, chain: u64) -> PathBuf {
        home.chain().join(format!("{chain}.json"))
    }

    /// Those of a chain.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn read(home: &Home, chain: u64) -> Result<Self, ChainError> {
        Ok(read(&Self::path(home, chain))?.unwrap_or_default())
    }

    /// Keeps them.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn keep(&self, home: &Home, chain: u64) -> Result<(), ChainError> {
        make_private_dir(&home.chain())?;
        write(&Self::path(home, chain), self)
    }
}

fn names(dir: &Path) -> Result<Vec<String>, ChainError> {
    let io = |source| HomeError::Io { path: dir.to_owned(), source };
    let files = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files.map_err(io)?,
    };
    let mut found = Vec::new();
    for file in files {
        found.extend(file.map_err(io)?.file_name().into_string());
    }
    Ok(found)
}

fn malformed(path: &Path, expected: &'static str, got: String) -> ChainError {
    ChainError::Malformed { path: path.to_owned(), expected, got }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ChainError> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = read_private(path, limits::JOURNAL_MAX_BYTES)?;
    let read = serde_json::from_slice(&bytes);
    read.map(Some).map_err(|error| malformed(path, "a file of competitions on a chain", error.to_string()))
}

fn write(path: &Path, value: &impl Serialize) -> Result<(), ChainError> {
    let bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| malformed(path, "an encodable file", error.to_string()))?;
    Ok(write_private(path, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_kept_and_compared_with_their_id() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().join("home")), None).unwrap();
        let at = Deployment { chain: 5, contract: Address::repeat_byte(3) };
        let terms = super::super::tests::terms();
        let id = competition_id(&at, &terms);
        let folder = Folder::new(&home, id);
        assert_eq!((Folder::all(&home).unwrap(), folder.terms().unwrap()), (vec![], None));
        folder.keep_terms(&at, &terms).unwrap();
        assert_eq!(folder.terms().unwrap(), Some((at, terms.clone())));
        assert_eq!(Folder::all(&home).unwrap(), [id]);
        let other = Deployment { chain: 6, ..at };
        folder.keep_terms(&other, &terms).unwrap();
        assert!(matches!(folder.terms(), Err(ChainError::Malformed { .. })));
        assert_eq!(Deployed::read(&home, 5).unwrap(), Deployed::default());
        let deployed = Deployed { competitions: Some(Address::ZERO) };
        deployed.keep(&home, 5).unwrap();
        assert_eq!(Deployed::read(&home, 5).unwrap(), deployed);
    }
}
