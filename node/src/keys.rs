//! Proving keys made on this machine: `keys/<size class>-<first 16 digits of the file's BLAKE3>.pk`, the verifying
//! key beside it. One key serves every competition of its size class, so it is made once.

use crate::home::{Home, HomeError, make_private_dir};
use crate::{limits, scratch};
use circuits::ClassId;
use circuits::groth16::{KeyError, ProvingKey, SetupTrust, VerifyingKey};
use protocol::{BlobId, BlobRef};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// What whoever reads a list of keys must know.
pub const SINGLE_PARTY: &str = "single party: its maker can forge proofs and perhaps read weights";

/// What a key's trust means, for people.
pub fn trust(trust: SetupTrust) -> &'static str {
    match trust {
        SetupTrust::SingleParty => SINGLE_PARTY,
    }
}

const DIGEST_DIGITS: usize = 16;

/// What can go wrong with keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The key itself.
    #[error("{path}: {source}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// Key generation.
    #[error("the key was not made: {0}")]
    Make(KeyError),
    /// A file whose name or length is not that of a key.
    #[error("{path}: expected {expected}, got {got}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// The folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The disk.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> KeysError + '_ {
    |source| KeysError::Io { path: path.to_owned(), source }
}

/// A key that lies in the folder.
#[derive(Clone, Debug)]
pub struct KeyFile {
    /// Its size class.
    pub class: ClassId,
    /// The proving key.
    pub path: PathBuf,
    /// The proving key as a blob.
    pub blob: BlobRef,
    /// The verifying key's file.
    pub verifying_key_path: PathBuf,
    /// The verifying key as a blob.
    pub verifying_key: BlobRef,
    /// The verifying key's own digest, over its points.
    pub key_digest: [u8; 32],
    /// Who made it.
    pub trust: SetupTrust,
}

/// All keys in the folder, by name, and what is wrong with the files that are damaged. Files of other names are
/// left alone.
///
/// # Errors
/// If the folder cannot be read.
pub fn list(home: &Home) -> Result<(Vec<KeyFile>, Vec<KeysError>), KeysError> {
    let (mut keys, mut damaged) = (Vec::new(), Vec::new());
    for path in paths(home)? {
        match read(&path) {
            Ok(key) => keys.push(key),
            Err(error) => damaged.push(error),
        }
    }
    Ok((keys, damaged))
}

fn paths(home: &Home) -> Result<Vec<PathBuf>, KeysError> {
    let dir = home.keys();
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&dir).map_err(io(&dir))? {
        let path = entry.map_err(io(&dir))?.path();
        if path.extension().is_some_and(|extension| extension == "pk") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The pinned key of a size class, or the first one if none is pinned. Only files of that name are read; damaged
/// ones are passed over.
///
/// # Errors
/// As [`list`].
pub fn find(home: &Home, class: ClassId, pinned: Option<BlobRef>) -> Result<Option<KeyFile>, KeysError> {
    let digits = pinned.map(|blob| blob.id.to_string().chars().take(DIGEST_DIGITS).collect::<String>());
    let named = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.rsplit_once('-'));
        stem.is_some_and(|(name, end)| {
            name == class.as_str() && digits.as_ref().is_none_or(|digits| digits == end)
        })
    };
    let fits = |key: &KeyFile| pinned.is_none_or(|blob| blob == key.blob);
    Ok(paths(home)?.iter().filter(|path| named(path)).filter_map(|path| read(path).ok()).find(fits))
}

fn read(path: &Path) -> Result<KeyFile, KeysError> {
    let malformed = |expected: &str, got: &str| KeysError::Malformed {
        path: path.to_owned(),
        expected: expected.to_owned(),
        got: got.to_owned(),
    };
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let (class, digits) = name.rsplit_once('-').unwrap_or((name, ""));
    let class: ClassId =
        class.parse().map_err(|_| malformed("a name such as linear-30-2-<digits>.pk", name))?;
    let blob = with_mapped(path, BlobRef::of)?;
    if !blob.id.to_string().starts_with(digits) || digits.len() != DIGEST_DIGITS {
        return Err(malformed(&format!("a file whose BLAKE3 begins with {digits}"), &blob.id.to_string()));
    }
    let verifying_key_path = path.with_extension("vk");
    let bytes = crate::home::read_input(&verifying_key_path, protocol::limits::MAX_VERIFYING_KEY_BYTES)?;
    let key = VerifyingKey::from_bytes(&bytes)
        .map_err(|source| KeysError::Key { path: verifying_key_path.clone(), source })?;
    if key.class() != class {
        return Err(malformed(&format!("a key of {class}"), key.class().as_str()));
    }
    Ok(KeyFile {
        class,
        path: path.to_owned(),
        blob,
        verifying_key_path,
        verifying_key: BlobRef::of(&bytes),
        key_digest: key.digest(),
        trust: key.trust(),
    })
}

/// Makes a key. `progress` is told the step and the fraction done.
///
/// # Errors
/// If the class is unsound or the disk fails.
pub fn make(home: &Home, class: ClassId, progress: &dyn Fn(&str, f64)) -> Result<KeyFile, KeysError> {
    let dir = home.keys();
    make_private_dir(&dir)?;
    let key =
        ProvingKey::generate(class.class(), &mut rand::rngs::OsRng, progress).map_err(KeysError::Make)?;
    let mut temp = tempfile::Builder::new().prefix(".key-").tempfile_in(&dir).map_err(io(&dir))?;
    let _listed = scratch::list(temp.path());
    let mut hashing =
        HashingWriter { inner: BufWriter::new(temp.as_file_mut()), hasher: blake3::Hasher::new() };
    key.write(&mut hashing).and_then(|()| hashing.inner.flush()).map_err(io(&dir))?;
    let digest = BlobId::new(*hashing.hasher.finalize().as_bytes());
    drop(hashing);
    temp.as_file().sync_all().map_err(io(&dir))?;
    let digits: String = digest.to_string().chars().take(DIGEST_DIGITS).collect();
    let path = dir.join(format!("{class}-{digits}.pk"));
    // The verifying key first: a proving key in the folder always has its other half.
    crate::home::write_private(&path.with_extension("vk"), &key.verifying_key().to_bytes())?;
    temp.persist(&path).map_err(|error| io(&path)(error.error))?;
    File::open(&dir).and_then(|dir| dir.sync_all()).map_err(io(&dir))?;
    read(&path)
}

struct HashingWriter<W> {
    inner: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..n).unwrap_or_default());
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// The BLAKE3 of a key file.
///
/// # Errors
/// If it cannot be read.
pub fn digest(path: &Path) -> Result<BlobId, KeysError> {
    with_mapped(path, BlobId::of)
}

/// Loads a proving key whose BLAKE3 is pinned by a competition. The file is mapped, not read into memory.
///
/// # Errors
/// If it is another file, or damaged.
pub fn load(path: &Path, pinned: BlobId) -> Result<ProvingKey, KeysError> {
    let key = with_mapped(path, |bytes| ProvingKey::from_pinned_bytes(bytes, pinned.as_bytes()))?;
    key.map_err(|source| KeysError::Key { path: path.to_owned(), source })
}

/// Loads a pinned proving key of somebody else and audits it: what its maker could have made wrong and loading does
/// not see. Takes about as long as a proof.
///
/// # Errors
/// If it is another file, damaged, or not well-formed.
pub fn load_of_others(path: &Path, pinned: BlobId) -> Result<ProvingKey, KeysError> {
    let key = load(path, pinned)?;
    key.audit(&mut rand::rngs::OsRng).map_err(|source| KeysError::Key { path: path.to_owned(), source })?;
    Ok(key)
}

/// Loads a pinned proving key from a folder that others may write to: it is read into memory first.
///
/// # Errors
/// If it is another file, or damaged.
pub fn load_copied(path: &Path, pinned: BlobRef) -> Result<ProvingKey, KeysError> {
    let bytes = crate::home::read_input(path, pinned.bytes.min(limits::KEY_MAX_BYTES))?;
    ProvingKey::from_pinned_bytes(&bytes, pinned.id.as_bytes())
        .map_err(|source| KeysError::Key { path: path.to_owned(), source })
}

/// Copies a key file: a temporary one, flushed, then renamed.
///
/// # Errors
/// If the disk fails.
pub fn copy(from: &Path, to: &Path) -> Result<(), KeysError> {
    let dir = to.parent().unwrap_or(Path::new("."));
    let mut temp = tempfile::Builder::new().prefix(".key-").tempfile_in(dir).map_err(io(dir))?;
    let _listed = scratch::list(temp.path());
    let mut source = File::open(from).map_err(io(from))?;
    std::io::copy(&mut source, temp.as_file_mut()).map_err(io(to))?;
    temp.as_file().sync_all().map_err(io(to))?;
    temp.persist(to).map_err(|error| io(to)(error.error))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir))
}

/// Maps a file of at most [`limits::KEY_MAX_BYTES`] and gives its bytes to `work`.
#[allow(unsafe_code)]
fn with_mapped<T>(path: &Path, work: impl FnOnce(&[u8]) -> T) -> Result<T, KeysError> {
    let file = File::open(path).map_err(io(path))?;
    let meta = file.metadata().map_err(io(path))?;
    if !meta.is_file() || meta.len() == 0 || meta.len() > limits::KEY_MAX_BYTES {
        return Err(KeysError::Malformed {
            path: path.to_owned(),
            expected: format!("a plain file of 1 to {} bytes", limits::KEY_MAX_BYTES),
            got: format!("{} bytes", meta.len()),
        });
    }
    // SAFETY: the file lies in this user's private (0700) data folder and is never written after it was renamed into
    // place: neither keys nor blobs are changed, only replaced. Its bytes are compared with a digest before use.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(io(path))?;
    Ok(work(&map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_listed_loaded_and_pinned() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().to_owned()), None).unwrap();
        let class: ClassId = "linear-30-2".parse().unwrap();
        assert!(find(&home, class, None).unwrap().is_none());
        let made = make(&home, class, &|_, _| {}).unwrap();
        let found = find(&home, class, Some(made.blob)).unwrap().unwrap();
        assert_eq!((found.blob, found.key_digest), (made.blob, made.key_digest));
        let key = load(&found.path, found.blob.id).unwrap();
        assert_eq!(key.verifying_key().digest(), made.key_digest);
        assert!(matches!(load(&found.path, BlobId::of(b"other")), Err(KeysError::Key { .. })));

        let mut bytes = std::fs::read(&made.path).unwrap();
        bytes.truncate(bytes.len() / 2);
        std::fs::write(&made.path, &bytes).unwrap();
        let (keys, damaged) = list(&home).unwrap();
        assert!(keys.is_empty(), "a truncated key has another digest");
        assert!(matches!(damaged[..], [KeysError::Malformed { .. }]));
        assert!(find(&home, class, None).unwrap().is_none(), "a damaged key stops nothing");
        std::fs::write(&made.path, b"").unwrap();
        assert!(matches!(load(&made.path, made.blob.id), Err(KeysError::Malformed { .. })));
    }
}
