//! Large files by the BLAKE3 of their bytes: test sets, keys, training data.
//!
//! ```text
//! blobs/<64 hex digits>                  complete and verified when it was written
//! blobs/<64 hex digits>.<length>.part    the first bytes of one that is being fetched
//! ```

use crate::limits;
use protocol::{BlobId, BlobRef};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// What can go wrong with blobs.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such blob here.
    #[error("blob {id} is not here")]
    Missing {
        /// Its id.
        id: BlobId,
    },
    /// Longer than allowed.
    #[error("expected a file of at most {expected} bytes, got {got}")]
    TooLong {
        /// The limit.
        expected: u64,
        /// Its length, or how far it was read.
        got: u64,
    },
    /// The folder is full.
    #[error("the blobs folder is full: {used} of {quota} bytes are used and {wanted} more are wanted")]
    Quota {
        /// The limit.
        quota: u64,
        /// Bytes in use.
        used: u64,
        /// Bytes that were asked for.
        wanted: u64,
    },
    /// The bytes have another hash: damaged, or a lie.
    #[error("expected the blob {expected}, got bytes with the digest {got}")]
    Digest {
        /// The id.
        expected: BlobId,
        /// What the bytes hash to.
        got: BlobId,
    },
    /// A chunk that does not continue what is there.
    #[error("expected a chunk at byte {expected}, got one at byte {got}")]
    Gap {
        /// Bytes so far.
        expected: u64,
        /// Where the chunk starts.
        got: u64,
    },
    /// Another length than the competition says.
    #[error("expected a blob of {expected} bytes, got {got}")]
    Length {
        /// The length in the reference.
        expected: u64,
        /// The length found.
        got: u64,
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

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> BlobError + '_ {
    |source| BlobError::Io { path: path.to_owned(), source }
}

/// How the names of files begin that are being copied.
const TEMPORARY: &str = ".add-";
/// How the names of files end that are being fetched.
const PART: &str = ".part";

/// A folder of blobs.
#[derive(Debug)]
pub struct BlobStore {
    dir: PathBuf,
    used: AtomicU64,
    quota: u64,
}

impl BlobStore {
    /// Opens the folder; makes it if need be.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(dir: &Path) -> Result<Self, BlobError> {
        Self::with_quota(dir, limits::BLOBS_QUOTA_BYTES)
    }

    /// As [`BlobStore::open`], with a quota in bytes.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn with_quota(dir: &Path, quota: u64) -> Result<Self, BlobError> {
        std::fs::create_dir_all(dir).map_err(io(dir))?;
        let mut used = 0;
        for entry in std::fs::read_dir(dir).map_err(io(dir))? {
            let entry = entry.map_err(io(dir))?;
            if entry.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes()) {
                // Of a copy that a crash has ended; whoever opens the folder has it alone.
                let path = entry.path();
                std::fs::remove_file(&path).map_err(io(&path))?;
                continue;
            }
            used += entry.metadata().map_or(0, |m| m.len());
        }
        let store = Self { dir: dir.to_owned(), used: AtomicU64::new(used), quota };
        store.expire_parts(limits::PART_AGE)?;
        Ok(store)
    }

    /// Deletes what was fetched of blobs that nobody has gone on fetching for so long.
    ///
    /// # Errors
    /// If the folder cannot be read or a file not be deleted.
    pub fn expire_parts(&self, age: Duration) -> Result<(), BlobError> {
        for entry in std::fs::read_dir(&self.dir).map_err(io(&self.dir))? {
            let entry = entry.map_err(io(&self.dir))?;
            if !entry.file_name().as_encoded_bytes().ends_with(PART.as_bytes()) {
                continue;
            }
            let path = entry.path();
            // Another thread may have completed it.
            let Ok(meta) = entry.metadata() else { continue };
            let changed = meta.modified().map_err(io(&path))?;
            // One from the future, by a clock that was wrong, stays.
            if SystemTime::now().duration_since(changed).is_ok_and(|idle| idle >= age) {
                std::fs::remove_file(&path).map_err(io(&path))?;
                self.used.fetch_sub(meta.len(), Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Where a blob lies, or would lie.
    pub fn path(&self, id: BlobId) -> PathBuf {
        self.dir.join(id.to_string())
    }

    /// The length is in the name: somebody who names another one must not touch what was fetched.
    fn part_path(&self, blob: BlobRef) -> PathBuf {
        self.dir.join(format!("{}.{}{PART}", blob.id, blob.bytes))
    }

    /// Length of a complete blob, if it is here.
    pub fn len_of(&self, id: BlobId) -> Option<u64> {
        let meta = std::fs::metadata(self.path(id)).ok()?;
        meta.is_file().then_some(meta.len())
    }

    /// Whether the blob is here with this length.
    pub fn has(&self, blob: BlobRef) -> bool {
        self.len_of(blob.id) == Some(blob.bytes)
    }

    /// Bytes that may be in use.
    pub fn quota(&self) -> u64 {
        self.quota
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Removes a blob, a damaged one for instance. One that is not here is no error.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn discard(&self, id: BlobId) -> Result<(), BlobError> {
        let (path, bytes) = (self.path(id), self.len_of(id).unwrap_or(0));
        match std::fs::remove_file(&path) {
            Ok(()) => {
                self.used.fetch_sub(bytes, Ordering::Relaxed);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io(&path)(error)),
        }
    }

    fn reserve(&self, wanted: u64) -> Result<(), BlobError> {
        let used = self.used.load(Ordering::Relaxed);
        if used.saturating_add(wanted) > self.quota {
            return Err(BlobError::Quota { quota: self.quota, used, wanted });
        }
        Ok(())
    }

    #[cfg(test)]
    pub fn add_bytes(&self, bytes: &[u8]) -> Result<BlobRef, BlobError> {
        self.add_reader(bytes, &self.dir.join("bytes"), bytes.len() as u64)
    }

    /// Stores a copy of a file of at most `max` bytes; hashes while it copies.
    ///
    /// # Errors
    /// If the file cannot be read, is no plain file, is too long, the quota is used up or the disk fails.
    pub fn add_file(&self, path: &Path, max: u64) -> Result<BlobRef, BlobError> {
        // Before it is opened: that alone would wait for ever for the other end of a pipe.
        let meta = std::fs::metadata(path).map_err(io(path))?;
        if !meta.is_file() {
            let source = std::io::Error::new(ErrorKind::InvalidInput, "expected a plain file");
            return Err(io(path)(source));
        }
        if meta.len() > max {
            return Err(BlobError::TooLong { expected: max, got: meta.len() });
        }
        let file = File::open(path).map_err(io(path))?;
        self.add_reader(file, path, max)
    }

    fn add_reader(&self, reader: impl Read, name: &Path, max: u64) -> Result<BlobRef, BlobError> {
        // One byte more than allowed, to tell a file that grew from one that just fits.
        let mut reader = reader.take(max.saturating_add(1));
        let mut temp =
            tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.dir).map_err(io(&self.dir))?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 1 << 20];
        let mut bytes = 0u64;
        loop {
            let n = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(io(name)(error)),
            };
            bytes += n as u64;
            if bytes > max {
                return Err(BlobError::TooLong { expected: max, got: bytes });
            }
            self.reserve(bytes)?;
            let chunk = buffer.get(..n).unwrap_or_default();
            hasher.update(chunk);
            temp.write_all(chunk).map_err(io(name))?;
        }
        let blob = BlobRef { id: BlobId::new(*hasher.finalize().as_bytes()), bytes };
        temp.as_file().sync_all().map_err(io(name))?;
        let target = self.path(blob.id);
        // Also over one that is here: these bytes were hashed just now, those may be damaged.
        let before = self.len_of(blob.id).unwrap_or(0);
        temp.persist(&target).map_err(|error| io(&target)(error.error))?;
        self.used.fetch_add(bytes, Ordering::Relaxed);
        self.used.fetch_sub(before, Ordering::Relaxed);
        self.sync_dir()?;
        Ok(blob)
    }

    fn sync_dir(&self) -> Result<(), BlobError> {
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(io(&self.dir))
    }

    /// Reads a whole blob of at most `max` bytes and compares it with its id.
    ///
    /// # Errors
    /// If it is missing, too long, damaged, or the disk fails.
    pub fn read(&self, id: BlobId, max: u64) -> Result<Vec<u8>, BlobError> {
        let path = self.path(id);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(BlobError::Missing { id }),
            Err(error) => return Err(io(&path)(error)),
        };
        let len = file.metadata().map_err(io(&path))?.len();
        if len > max {
            return Err(BlobError::TooLong { expected: max, got: len });
        }
        let mut bytes = Vec::new();
        file.take(max).read_to_end(&mut bytes).map_err(io(&path))?;
        let got = BlobId::of(&bytes);
        if got != id {
            return Err(BlobError::Digest { expected: id, got });
        }
        Ok(bytes)
    }

    /// Hashes a blob, of whatever length, and returns its length. A damaged one is deleted, so that it is fetched
    /// again.
    ///
    /// # Errors
    /// If it is missing or damaged, or the disk fails.
    pub fn verify_or_discard(&self, id: BlobId) -> Result<u64, BlobError> {
        let path = self.path(id);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(BlobError::Missing { id }),
            Err(error) => return Err(io(&path)(error)),
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file).map_err(io(&path))?;
        let got = BlobId::new(*hasher.finalize().as_bytes());
        if got != id {
            self.discard(id)?;
            return Err(BlobError::Digest { expected: id, got });
        }
        Ok(hasher.count())
    }

    /// Up to `len` bytes of a blob from `offset`, and its whole length. `None` if it is not here.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn read_chunk(&self, id: BlobId, offset: u64, len: u64) -> Result<Option<(u64, Vec<u8>)>, BlobError> {
        let path = self.path(id);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(&path)(error)),
        };
        let total = file.metadata().map_err(io(&path))?.len();
        let len = len.min(limits::CHUNK_BYTES).min(total.saturating_sub(offset));
        let mut chunk = vec![0; len as usize];
        file.read_exact_at(&mut chunk, offset).map_err(io(&path))?;
        Ok(Some((total, chunk)))
    }

    /// Goes on fetching a blob where it was left, or begins.
    ///
    /// # Errors
    /// If it is too long, the quota is used up or the disk fails.
    pub fn resume(&self, blob: BlobRef) -> Result<Partial, BlobError> {
        if blob.bytes > limits::BLOB_MAX_BYTES {
            return Err(BlobError::TooLong { expected: limits::BLOB_MAX_BYTES, got: blob.bytes });
        }
        let path = self.part_path(blob);
        let file = OpenOptions::new().create(true).read(true).append(true).open(&path).map_err(io(&path))?;
        // Its age counts from now on.
        file.set_modified(SystemTime::now()).map_err(io(&path))?;
        let mut written = file.metadata().map_err(io(&path))?.len();
        if written > blob.bytes {
            file.set_len(0).map_err(io(&path))?;
            self.used.fetch_sub(written, Ordering::Relaxed);
            written = 0;
        }
        self.reserve(blob.bytes - written)?;
        Ok(Partial { file, path, blob, written })
    }

    /// Verifies a fetched blob and puts it in its place. A wrong one is deleted.
    ///
    /// # Errors
    /// [`BlobError::Digest`] if the bytes are not the blob's, [`BlobError::Length`] if some are missing.
    pub fn finish(&self, mut partial: Partial) -> Result<BlobRef, BlobError> {
        let (blob, path) = (partial.blob, partial.path.clone());
        if partial.written != blob.bytes {
            return Err(BlobError::Length { expected: blob.bytes, got: partial.written });
        }
        partial.file.seek(SeekFrom::Start(0)).map_err(io(&path))?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&mut partial.file).map_err(io(&path))?;
        let got = BlobId::new(*hasher.finalize().as_bytes());
        if got != blob.id {
            std::fs::remove_file(&path).map_err(io(&path))?;
            self.used.fetch_sub(blob.bytes, Ordering::Relaxed);
            return Err(BlobError::Digest { expected: blob.id, got });
        }
        partial.file.sync_all().map_err(io(&path))?;
        let target = self.path(blob.id);
        let before = self.len_of(blob.id).unwrap_or(0);
        std::fs::rename(&path, &target).map_err(io(&target))?;
        self.used.fetch_sub(before, Ordering::Relaxed);
        self.sync_dir()?;
        Ok(blob)
    }

    /// Appends a chunk at `offset`, which must be where the partial blob ends.
    ///
    /// # Errors
    /// If it leaves a gap, goes beyond the blob's length, the quota is used up or the disk fails.
    pub fn append(&self, partial: &mut Partial, offset: u64, chunk: &[u8]) -> Result<(), BlobError> {
        if offset != partial.written {
            return Err(BlobError::Gap { expected: partial.written, got: offset });
        }
        let got = partial.written.saturating_add(chunk.len() as u64);
        if got > partial.blob.bytes {
            return Err(BlobError::Length { expected: partial.blob.bytes, got });
        }
        // Others may have used up since what was free when this one was begun.
        self.reserve(chunk.len() as u64)?;
        partial.file.write_all(chunk).map_err(io(&partial.path))?;
        partial.written = got;
        self.used.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// A blob that is being fetched: its first bytes, in order.
#[derive(Debug)]
pub struct Partial {
    file: File,
    path: PathBuf,
    blob: BlobRef,
    written: u64,
}

impl Partial {
    /// Bytes that are here.
    pub fn written(&self) -> u64 {
        self.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(dir: &tempfile::TempDir) -> BlobStore {
        BlobStore::open(&dir.path().join("blobs")).unwrap()
    }

    #[test]
    fn files_and_bytes_are_addressed_by_content() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = store(&dir);
        let bytes = vec![7u8; 3 << 20];
        let file = dir.path().join("file");
        std::fs::write(&file, &bytes).unwrap();
        let blob = blobs.add_file(&file, 3 << 20).unwrap();
        assert_eq!(blob, BlobRef::of(&bytes));
        assert_eq!(blobs.add_bytes(&bytes).unwrap(), blob);
        assert_eq!(blobs.read(blob.id, blob.bytes).unwrap(), bytes);
        assert!(matches!(blobs.add_file(&file, (3 << 20) - 1), Err(BlobError::TooLong { .. })));
        assert!(matches!(blobs.add_file(dir.path(), 9), Err(BlobError::Io { .. })));
        assert!(matches!(blobs.read(blob.id, 5), Err(BlobError::TooLong { .. })));
        assert!(matches!(blobs.read(BlobId::of(b"other"), 5), Err(BlobError::Missing { .. })));
        std::fs::write(dir.path().join("blobs").join(".add-left"), b"of a crash").unwrap();
        drop(store(&dir));
        let left: Vec<_> = std::fs::read_dir(dir.path().join("blobs")).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file stays");
    }

    #[test]
    fn damage_is_noticed_when_a_blob_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = store(&dir);
        let blob = blobs.add_bytes(b"a test set").unwrap();
        std::fs::write(blobs.path(blob.id), b"a best set").unwrap();
        assert!(matches!(blobs.read(blob.id, 99), Err(BlobError::Digest { .. })));
        // A good copy takes its place, though the length is the same.
        assert_eq!(blobs.add_bytes(b"a test set").unwrap(), blob);
        assert_eq!(blobs.read(blob.id, 99).unwrap(), b"a test set");
        assert_eq!((blobs.verify_or_discard(blob.id).unwrap(), blobs.used()), (10, 10));
        std::fs::write(blobs.path(blob.id), b"a best set").unwrap();
        assert!(matches!(blobs.verify_or_discard(blob.id), Err(BlobError::Digest { .. })));
        assert!(matches!(blobs.verify_or_discard(blob.id), Err(BlobError::Missing { .. })));
        assert_eq!(blobs.used(), 0);
    }

    #[test]
    fn another_length_does_not_touch_what_was_fetched() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = store(&dir);
        let blob = BlobRef::of(b"0123456789");
        let mut partial = blobs.resume(blob).unwrap();
        blobs.append(&mut partial, 0, b"01234567").unwrap();
        let shorter = BlobRef { bytes: 5, ..blob };
        assert_eq!(blobs.resume(shorter).unwrap().written(), 0);
        blobs.append(&mut partial, 8, b"89").unwrap();
        assert_eq!(blobs.finish(partial).unwrap(), blob);
        assert_eq!(blobs.used(), 10);
    }

    #[test]
    fn what_nobody_goes_on_fetching_is_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = store(&dir);
        let whole = blobs.add_bytes(b"whole").unwrap();
        let old = BlobRef { id: BlobId::of(b"old"), bytes: 9 };
        let mut partial = blobs.resume(old).unwrap();
        blobs.append(&mut partial, 0, b"1234").unwrap();
        blobs.expire_parts(Duration::from_secs(3600)).unwrap();
        assert_eq!((blobs.used(), blobs.resume(old).unwrap().written()), (9, 4));
        partial.file.set_modified(SystemTime::now() - 2 * limits::PART_AGE).unwrap();
        let blobs = store(&dir);
        assert_eq!((blobs.used(), blobs.has(whole)), (5, true));
        assert_eq!(blobs.resume(old).unwrap().written(), 0);
    }

    #[test]
    fn fetching_resumes_and_refuses_wrong_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = store(&dir);
        let bytes: Vec<u8> = (0..=255).collect();
        let blob = BlobRef::of(&bytes);
        let mut partial = blobs.resume(blob).unwrap();
        blobs.append(&mut partial, 0, &bytes[..100]).unwrap();
        assert!(matches!(blobs.append(&mut partial, 99, &bytes[99..]), Err(BlobError::Gap { .. })));
        drop(partial);
        let again = store(&dir);
        let mut partial = again.resume(blob).unwrap();
        assert_eq!(partial.written(), 100);
        assert!(matches!(again.append(&mut partial, 100, &[0; 157]), Err(BlobError::Length { .. })));
        again.append(&mut partial, 100, &bytes[100..]).unwrap();
        assert_eq!(again.finish(partial).unwrap(), blob);
        assert_eq!(again.read(blob.id, 256).unwrap(), bytes);

        let other = BlobRef { id: BlobId::of(b"else"), bytes: 4 };
        let mut partial = again.resume(other).unwrap();
        again.append(&mut partial, 0, b"lies").unwrap();
        assert!(matches!(again.finish(partial), Err(BlobError::Digest { .. })));
        assert_eq!(again.resume(other).unwrap().written(), 0, "the wrong bytes are gone");
    }

    #[test]
    fn chunks_stay_inside_the_blob() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = store(&dir);
        let blob = blobs.add_bytes(b"0123456789").unwrap();
        assert_eq!(blobs.read_chunk(blob.id, 8, 100).unwrap(), Some((10, b"89".to_vec())));
        assert_eq!(blobs.read_chunk(blob.id, u64::MAX, u64::MAX).unwrap(), Some((10, Vec::new())));
        assert_eq!(blobs.read_chunk(BlobId::of(b"x"), 0, 1).unwrap(), None);
    }

    #[test]
    fn the_quota_holds_for_files_and_fetches() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = BlobStore::with_quota(&dir.path().join("blobs"), 100).unwrap();
        blobs.add_bytes(&[1; 60]).unwrap();
        assert!(matches!(blobs.add_bytes(&[2; 60]), Err(BlobError::Quota { .. })));
        let wanted = BlobRef { id: BlobId::of(b"x"), bytes: 41 };
        assert!(matches!(blobs.resume(wanted), Err(BlobError::Quota { .. })));
        let huge = BlobRef { id: BlobId::of(b"x"), bytes: u64::MAX };
        assert!(matches!(blobs.resume(huge), Err(BlobError::TooLong { .. })));
    }
}
