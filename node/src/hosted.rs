//! What a host must not lose and must not show before the reveal: test set and salt of sealed competitions, and the
//! records of which there may be only one, kept before they are published, so that a second run signs no other.
//!
//! ```text
//! hosted/<competition>/test-set.cbor     the canonical test set
//! hosted/<competition>/salt              32 bytes: without them nobody can open the seal
//! hosted/<manifest>/draft.cbor           a competition that waits for its prize, unsigned; test set and salts beside it
//! hosted/<competition>/chain-salt        32 bytes: the same of the seal of a prize on a chain
//! hosted/<competition>/reveal.record     the signed reveal
//! hosted/<competition>/close.record      the signed close
//! ```

use crate::home::{Home, HomeError, make_private_dir, read_private, write_private, write_private_new};
use crate::limits;
use protocol::RecordId;
use rand::RngCore;
use std::path::{Path, PathBuf};

const DRAFT: &str = "draft.cbor";
const CHAIN_SALT: &str = "chain-salt";

/// Which of the records that a host signs once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Once {
    /// The reveal.
    Reveal,
    /// The close.
    Close,
}

impl Once {
    fn file(self) -> &'static str {
        match self {
            Self::Reveal => "reveal.record",
            Self::Close => "close.record",
        }
    }
}

/// The files of one competition.
#[derive(Debug)]
pub struct Hosted {
    dir: PathBuf,
}

impl Hosted {
    /// Of a competition; nothing is made yet.
    pub fn new(home: &Home, competition: RecordId) -> Self {
        Self { dir: home.hosted().join(competition.to_string()) }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Keeps what opens the seal.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn write_sealed(&self, test_set: &[u8], salt: &[u8; 32]) -> Result<(), HomeError> {
        if let Some(parent) = self.dir.parent() {
            make_private_dir(parent)?;
        }
        make_private_dir(&self.dir)?;
        write_private(&self.test_set(), test_set)?;
        write_private(&self.dir.join("salt"), salt)
    }

    /// Where the test set lies.
    pub fn test_set(&self) -> PathBuf {
        self.dir.join("test-set.cbor")
    }

    /// Test set and salt.
    ///
    /// # Errors
    /// If they are not here, others may read them, or the disk fails.
    pub fn sealed(&self) -> Result<(Vec<u8>, [u8; 32]), HomeError> {
        let set = read_private(&self.test_set(), protocol::limits::MAX_TEST_SET_BYTES as u64)?;
        Ok((set, read_salt(&self.dir.join("salt"))?))
    }

    /// Keeps a competition that is to be signed when its prize is posted.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn write_draft(&self, payload: &[u8]) -> Result<(), HomeError> {
        write_private(&self.dir.join(DRAFT), payload)
    }

    /// The competition that waits for its prize, if this is the folder of one.
    ///
    /// # Errors
    /// If the disk fails or others may read the file.
    pub fn draft(&self) -> Result<Option<Vec<u8>>, HomeError> {
        let path = self.dir.join(DRAFT);
        if !path.exists() {
            return Ok(None);
        }
        read_private(&path, limits::RECORD_MAX_BYTES as u64).map(Some)
    }

    /// The manifests of the competitions that wait for their prizes.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn drafts(home: &Home) -> Result<Vec<RecordId>, HomeError> {
        let dir = home.hosted();
        let io = |source| HomeError::Io { path: dir.clone(), source };
        let mut found = Vec::new();
        if !dir.exists() {
            return Ok(found);
        }
        for entry in std::fs::read_dir(&dir).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.join(DRAFT).exists() {
                found.extend(name.parse::<RecordId>());
            }
        }
        Ok(found)
    }

    /// All that opens the seals, under the id that a draft has been signed under.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn copy_to(&self, signed: &Self) -> Result<(), HomeError> {
        let (set, salt) = self.sealed()?;
        signed.write_sealed(&set, &salt)?;
        write_private(&signed.dir.join(CHAIN_SALT), &self.chain_salt()?)
    }

    /// What hides the test set in the seal of a prize on a chain: drawn once. That seal is another hash than the record's,
    /// and has a salt of its own.
    ///
    /// # Errors
    /// If the disk fails, or others may read it.
    pub fn chain_salt(&self) -> Result<[u8; 32], HomeError> {
        let path = self.dir.join(CHAIN_SALT);
        if !path.exists() {
            let mut salt = [0; 32];
            rand::rngs::OsRng.fill_bytes(&mut salt);
            write_private_new(&path, &salt)?;
        }
        read_salt(&path)
    }

    /// The signed record, if it has been made.
    ///
    /// # Errors
    /// If the disk fails or others may read the file.
    pub fn once(&self, which: Once) -> Result<Option<Vec<u8>>, HomeError> {
        let path = self.dir.join(which.file());
        if !path.exists() {
            return Ok(None);
        }
        read_private(&path, limits::RECORD_MAX_BYTES as u64).map(Some)
    }

    /// Keeps a signed record unless there is one. Returns the one that is kept: only that may be published.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn keep_once(&self, which: Once, bytes: &[u8]) -> Result<Vec<u8>, HomeError> {
        if let Some(parent) = self.dir.parent() {
            make_private_dir(parent)?;
        }
        make_private_dir(&self.dir)?;
        let path = self.dir.join(which.file());
        if write_private_new(&path, bytes)? {
            return Ok(bytes.to_vec());
        }
        read_private(&path, limits::RECORD_MAX_BYTES as u64)
    }
}

fn read_salt(path: &Path) -> Result<[u8; 32], HomeError> {
    let bytes = read_private(path, 32)?;
    let got = bytes.len();
    bytes.try_into().map_err(|_| HomeError::Malformed {
        path: path.to_owned(),
        expected: "a salt of 32 bytes",
        got: format!("{got} bytes"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_once_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().join("home")), None).unwrap();
        home.init().unwrap();
        let hosted = Hosted::new(&home, RecordId::of(b"a competition"));
        assert!(hosted.sealed().is_err());
        hosted.write_sealed(b"a test set", &[7; 32]).unwrap();
        assert_eq!(hosted.sealed().unwrap(), (b"a test set".to_vec(), [7; 32]));
        let salt = hosted.chain_salt().unwrap();
        assert!(salt != [7; 32] && hosted.chain_salt().unwrap() == salt, "drawn once");
        assert_eq!((hosted.draft().unwrap(), Hosted::drafts(&home).unwrap()), (None, vec![]));
        hosted.write_draft(b"a draft").unwrap();
        assert_eq!(Hosted::drafts(&home).unwrap(), [RecordId::of(b"a competition")]);
        let signed = Hosted::new(&home, RecordId::of(b"signed"));
        hosted.copy_to(&signed).unwrap();
        assert_eq!(
            (signed.sealed().unwrap(), signed.chain_salt().unwrap()),
            (hosted.sealed().unwrap(), salt)
        );
        assert_eq!((signed.draft().unwrap(), hosted.draft().unwrap()), (None, Some(b"a draft".to_vec())));
        assert_eq!(hosted.once(Once::Reveal).unwrap(), None);
        assert_eq!(hosted.keep_once(Once::Reveal, b"first").unwrap(), b"first");
        assert_eq!(hosted.keep_once(Once::Reveal, b"second").unwrap(), b"first");
        assert_eq!(hosted.once(Once::Reveal).unwrap().as_deref(), Some(b"first".as_slice()));
        assert_eq!(hosted.once(Once::Close).unwrap(), None);
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(hosted.dir().join("salt")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
