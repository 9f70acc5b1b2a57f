//! The data folder: identity, secret, store, blobs, openings, keys and the socket. All of it is private (0700).
//!
//! ```text
//! identity.key     ed25519 key pair, libp2p's protobuf encoding (0600)
//! secret           32 bytes, from which blinders are derived (0600)
//! store/           the records
//! blobs/           files by their BLAKE3
//! openings/        what opens the commitments of own entries (0600)
//! hosted/          what opens the seals of own competitions (0600)
//! keys/            proving keys made here
//! chain/           what was signed for EVM chains, and what opens entries there (0600)
//! calibration.json how fast this machine proves
//! peers.json       peers to find again, and those that are kept out (0600)
//! podium.sock      the running node's socket (0600)
//! ```

use crate::scratch;
use directories::ProjectDirs;
use libp2p::identity::Keypair;
use rand::RngCore;
use std::fs::{DirBuilder, File, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Longest identity file.
const MAX_IDENTITY_BYTES: u64 = 1024;

/// What can go wrong with the data folder.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The system does not tell where data belongs.
    #[error("no home folder is known: use --data-dir or PODIUM_DATA_DIR")]
    NoHome,
    /// There is no identity yet.
    #[error("{path} is no data folder yet: run `node init` first")]
    NotInitialised {
        /// The folder.
        path: PathBuf,
    },
    /// There is an identity already.
    #[error("{path} has been set up already, as {peer_id}")]
    Initialised {
        /// The folder.
        path: PathBuf,
        /// Its identity.
        peer_id: String,
    },
    /// Others may read a secret file.
    #[error("{path} has mode {got:o}, expected {expected:o}: others could read it (chmod {expected:o} it)")]
    Mode {
        /// The file.
        path: PathBuf,
        /// The mode that it must have.
        expected: u32,
        /// The mode that it has.
        got: u32,
    },
    /// A file that is not what it should be.
    #[error("{path}: expected {expected}, got {got}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// The disk.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> HomeError + '_ {
    |source| HomeError::Io { path: path.to_owned(), source }
}

/// A data folder. Nothing is read or written until it is asked for.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
    socket: Option<PathBuf>,
}

/// Who this node is.
#[derive(Clone)]
pub struct Identity {
    /// The key pair that signs records and names the peer.
    pub keypair: Keypair,
    /// The secret from which blinders are derived.
    pub secret: [u8; 32],
}

impl Home {
    /// The folder given, or the one of the platform's conventions (`~/.local/share/podium`).
    ///
    /// # Errors
    /// If the system has no home folder for this user.
    pub fn new(dir: Option<PathBuf>, socket: Option<PathBuf>) -> Result<Self, HomeError> {
        let dir = match dir {
            Some(dir) => std::path::absolute(&dir).map_err(io(&dir))?,
            None => ProjectDirs::from("", "", "podium").ok_or(HomeError::NoHome)?.data_dir().to_owned(),
        };
        Ok(Self { dir, socket })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The record store.
    pub fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// The blobs.
    pub fn blobs(&self) -> PathBuf {
        self.dir.join("blobs")
    }

    /// The openings.
    pub fn openings(&self) -> PathBuf {
        self.dir.join("openings")
    }

    /// The seals' openings.
    pub fn hosted(&self) -> PathBuf {
        self.dir.join("hosted")
    }

    /// The proving keys made here.
    pub fn keys(&self) -> PathBuf {
        self.dir.join("keys")
    }

    /// What concerns EVM chains.
    pub fn chain(&self) -> PathBuf {
        self.dir.join("chain")
    }

    /// How fast this machine proves.
    pub fn calibration(&self) -> PathBuf {
        self.dir.join("calibration.json")
    }

    /// The address book and the bans.
    pub fn peers(&self) -> PathBuf {
        self.dir.join("peers.json")
    }

    /// Whether there is an identity.
    pub fn is_initialised(&self) -> bool {
        self.identity_path().exists()
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(|| self.dir.join("podium.sock"))
    }

    /// The files that make this node who it is.
    pub fn secrets(&self) -> [PathBuf; 2] {
        [self.identity_path(), self.secret_path()]
    }

    fn identity_path(&self) -> PathBuf {
        self.dir.join("identity.key")
    }

    fn secret_path(&self) -> PathBuf {
        self.dir.join("secret")
    }

    /// Makes the folder with a new identity.
    ///
    /// # Errors
    /// If there is one already or the disk fails.
    pub fn init(&self) -> Result<Identity, HomeError> {
        if self.identity_path().exists() {
            let peer_id = self.identity()?.keypair.public().to_peer_id().to_string();
            return Err(HomeError::Initialised { path: self.dir.clone(), peer_id });
        }
        make_private_dir(&self.dir)?;
        for dir in [self.blobs(), self.openings(), self.hosted(), self.keys()] {
            make_private_dir(&dir)?;
        }
        let mut secret = [0; 32];
        rand::rngs::OsRng.fill_bytes(&mut secret);
        let keypair = Keypair::generate_ed25519();
        let path = self.identity_path();
        let encoded = keypair.to_protobuf_encoding().map_err(|error| HomeError::Malformed {
            path: path.clone(),
            expected: "an encodable key pair",
            got: error.to_string(),
        })?;
        // The identity last: a folder has been set up if and only if it is there.
        write_private(&self.secret_path(), &secret)?;
        write_private(&path, &encoded)?;
        Ok(Identity { keypair, secret })
    }

    /// Reads the identity.
    ///
    /// # Errors
    /// If there is none, others may read it, or it is damaged.
    pub fn identity(&self) -> Result<Identity, HomeError> {
        let path = self.identity_path();
        if !path.exists() {
            return Err(HomeError::NotInitialised { path: self.dir.clone() });
        }
        let bytes = read_private(&path, MAX_IDENTITY_BYTES)?;
        let keypair = Keypair::from_protobuf_encoding(&bytes).map_err(|error| HomeError::Malformed {
            path,
            expected: "a key pair in libp2p's encoding",
            got: error.to_string(),
        })?;
        let path = self.secret_path();
        let bytes = read_private(&path, MAX_IDENTITY_BYTES)?;
        let secret = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| HomeError::Malformed {
            path,
            expected: "32 bytes",
            got: format!("{} bytes", bytes.len()),
        })?;
        Ok(Identity { keypair, secret })
    }

    /// Reads the identity, or makes one.
    ///
    /// # Errors
    /// As [`Home::init`] and [`Home::identity`].
    pub fn identity_or_init(&self) -> Result<Identity, HomeError> {
        if self.identity_path().exists() { self.identity() } else { self.init() }
    }
}

/// Makes a folder that only its owner may enter.
///
/// # Errors
/// If the disk fails.
pub fn make_private_dir(dir: &Path) -> Result<(), HomeError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io(dir))?;
    std::fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(io(dir))
}

/// Writes a 0600 file: a temporary one, flushed, then renamed.
///
/// # Errors
/// If the disk fails.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let (dir, temp, _listed) = flushed(path, bytes)?;
    temp.persist(path).map_err(|error| io(path)(error.error))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir))
}

/// Writes a 0600 file as [`write_private`] does, unless there is one of that name already: then it stays as it is, and
/// the answer is false. Of several that do this at once, one writes.
///
/// # Errors
/// If the disk fails.
pub fn write_private_new(path: &Path, bytes: &[u8]) -> Result<bool, HomeError> {
    let (dir, temp, _listed) = flushed(path, bytes)?;
    match temp.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(io(path)(error.error)),
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir))?;
    Ok(true)
}

/// The folder of a path, and a temporary file in it with these bytes, on disk.
fn flushed<'a>(
    path: &'a Path,
    bytes: &[u8],
) -> Result<(&'a Path, tempfile::NamedTempFile, scratch::Listed), HomeError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    // tempfile makes its files with mode 0600.
    let mut temp = tempfile::Builder::new().prefix(".new-").tempfile_in(dir).map_err(io(dir))?;
    let listed = scratch::list(temp.path());
    temp.write_all(bytes).map_err(io(path))?;
    temp.as_file().sync_all().map_err(io(path))?;
    Ok((dir, temp, listed))
}

/// Reads a 0600 file of at most `max` bytes.
///
/// # Errors
/// If others may read it, it is too long, or the disk fails.
pub fn read_private(path: &Path, max: u64) -> Result<Vec<u8>, HomeError> {
    let file = File::open(path).map_err(io(path))?;
    let meta = file.metadata().map_err(io(path))?;
    let got = meta.permissions().mode() & 0o777;
    if got & 0o077 != 0 {
        return Err(HomeError::Mode { path: path.to_owned(), expected: 0o600, got });
    }
    read_limited(file, path, max)
}

/// The same, or standard input where the path is `-`.
///
/// # Errors
/// As [`read_private`].
pub fn read_secret(path: &Path, max: u64) -> Result<Vec<u8>, HomeError> {
    match path.as_os_str() == "-" {
        true => read_limited(std::io::stdin().lock(), path, max),
        false => read_private(path, max),
    }
}

/// Reads a plain file of at most `max` bytes that a person named.
///
/// # Errors
/// If it is missing, no plain file, or too long.
pub fn read_input(path: &Path, max: u64) -> Result<Vec<u8>, HomeError> {
    // Before it is opened: opening a pipe would wait for somebody to write into it.
    let meta = std::fs::metadata(path).map_err(io(path))?;
    if !meta.is_file() {
        return Err(io(path)(std::io::Error::new(ErrorKind::InvalidInput, "expected a plain file")));
    }
    read_limited(File::open(path).map_err(io(path))?, path, max)
}

fn read_limited(file: impl Read, path: &Path, max: u64) -> Result<Vec<u8>, HomeError> {
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(io(path))?;
    if bytes.len() as u64 > max {
        return Err(io(path)(std::io::Error::new(
            ErrorKind::FileTooLarge,
            format!("expected at most {max} bytes"),
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().join("data")), None).unwrap();
        (dir, home)
    }

    #[test]
    fn an_identity_is_made_once_and_is_private() {
        let (_dir, home) = home();
        assert!(matches!(home.identity(), Err(HomeError::NotInitialised { .. })));
        let made = home.init().unwrap();
        let read = home.identity().unwrap();
        assert_eq!(made.keypair.public(), read.keypair.public());
        assert_eq!(made.secret, read.secret);
        assert!(matches!(home.init(), Err(HomeError::Initialised { .. })));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(home.dir()), 0o700);
        assert_eq!(mode(&home.identity_path()), 0o600);
        assert_eq!(mode(&home.secret_path()), 0o600);
        assert_eq!(mode(&home.openings()), 0o700);
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let (_dir, home) = home();
        home.init().unwrap();
        std::fs::set_permissions(home.secret_path(), Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(home.identity(), Err(HomeError::Mode { got: 0o644, .. })));
    }

    #[test]
    fn of_two_writers_of_a_new_file_one_writes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("entry");
        assert!(write_private_new(&path, b"first").unwrap());
        assert!(!write_private_new(&path, b"second").unwrap());
        assert_eq!(read_private(&path, 100).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn damaged_files_say_what_was_expected() {
        let (_dir, home) = home();
        home.init().unwrap();
        write_private(&home.secret_path(), &[1; 31]).unwrap();
        assert!(matches!(home.identity(), Err(HomeError::Malformed { expected: "32 bytes", .. })));
        write_private(&home.identity_path(), b"no key").unwrap();
        assert!(matches!(home.identity(), Err(HomeError::Malformed { .. })));
        write_private(&home.identity_path(), &[0; 5000]).unwrap();
        assert!(matches!(home.identity(), Err(HomeError::Io { .. })));
    }
}
