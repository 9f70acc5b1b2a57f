//! Large files by the BLAKE3 of their bytes: test sets, keys, training data.
//!
//! ```text
//! blobs/<64 hex digits>                  complete; every chunk was verified when it was written
//! blobs/<64 hex digits>.<length>.part    chunks of one that is being fetched, each in its place
//! blobs/<64 hex digits>.<length>.tree    the hashes of the chunks of either
//! ```
//!
//! Nothing is believed because it lies there: trees are compared with the id when they are read, chunks with the tree
//! before they are served or a fetch goes on, whole blobs with the id before they are used.
//!
//! ```text
//! tree     which chunk is right;  usage: how many bytes there are
//! add      files of this machine;  partial: files that are fetched;  direct: how their chunks are written
//! serve    chunks for peers;  sweep: what may go
//! ```

mod add;
mod direct;
mod error;
mod partial;
mod serve;
mod sweep;
#[cfg(test)]
mod tests;
mod tree;
mod usage;

pub use error::BlobError;
pub use partial::{Opened, Partial, Verified};
pub use sweep::Stored;
pub use tree::{Tree, chunk_len, chunks};

use crate::cache::Cache;
use crate::limits;
use crate::space;
use error::io;
use protocol::{BlobId, BlobRef};
use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use usage::Usage;

/// How the names of files begin that are being copied.
const TEMPORARY: &str = ".add-";
/// How the names of files end that are being fetched.
const PART: &str = "part";
/// How the names of trees end.
const TREE: &str = "tree";

/// A folder of blobs.
#[derive(Debug)]
pub struct BlobStore {
    dir: PathBuf,
    usage: Usage,
    trees: Cache<Tree>,
    /// Held while a blob is hashed for its tree: one at a time.
    hashing: Mutex<()>,
    /// Blobs that were found damaged, until somebody fetches them again.
    damaged: Mutex<HashSet<BlobRef>>,
    /// Bytes that stay free on the disk.
    reserve: u64,
}

impl BlobStore {
    /// Opens the folder; makes it if need be.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(dir: &Path) -> Result<Self, BlobError> {
        std::fs::create_dir_all(dir).map_err(io(dir))?;
        let usage = Usage::new(limits::BLOBS_QUOTA_BYTES);
        for entry in std::fs::read_dir(dir).map_err(io(dir))? {
            let (name, path) = named(&entry.map_err(io(dir))?);
            if name.starts_with(TEMPORARY) {
                // Of a copy that a crash has ended; whoever opens the folder has it alone.
                std::fs::remove_file(&path).map_err(io(&path))?;
                continue;
            }
            let meta = std::fs::metadata(&path).map_err(io(&path))?;
            // A file that is being fetched has holes.
            let blocks = meta.blocks().saturating_mul(512);
            usage.set(&name, if name.ends_with(PART) { meta.len().min(blocks) } else { meta.len() });
        }
        let store = Self {
            dir: dir.to_owned(),
            usage,
            trees: Cache::new(limits::CACHED_TREES_BYTES),
            hashing: Mutex::new(()),
            damaged: Mutex::default(),
            reserve: limits::DISK_RESERVE_BLOBS_BYTES,
        };
        store.expire_parts(limits::PART_AGE)?;
        Ok(store)
    }

    /// Where a blob lies, or would lie.
    pub fn path(&self, id: BlobId) -> PathBuf {
        self.dir.join(id.to_string())
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.usage.total()
    }

    /// Bytes that may be in use.
    pub fn quota(&self) -> u64 {
        self.usage.quota()
    }

    /// Sets how many bytes may be in use. What is there already stays.
    pub fn set_quota(&self, quota: u64) {
        self.usage.set_quota(quota);
    }

    /// Whether the disk has room for so many bytes more.
    fn room(&self, wanted: u64) -> Result<(), BlobError> {
        Ok(space::check(&self.dir, wanted, self.reserve)?)
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

    fn open_file(&self, id: BlobId) -> Result<(File, u64), BlobError> {
        let path = self.path(id);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(BlobError::Missing { id }),
            Err(error) => return Err(io(&path)(error)),
        };
        let len = file.metadata().map_err(io(&path))?.len();
        Ok((file, len))
    }

    /// Reads a whole blob of at most `max` bytes and compares it with its id.
    ///
    /// # Errors
    /// If it is missing, too long, damaged, or the disk fails.
    pub fn read(&self, id: BlobId, max: u64) -> Result<Vec<u8>, BlobError> {
        let (file, len) = self.open_file(id)?;
        if len > max {
            return Err(BlobError::TooLong { expected: max, got: len });
        }
        let mut bytes = Vec::new();
        file.take(max).read_to_end(&mut bytes).map_err(io(&self.path(id)))?;
        let got = BlobId::of(&bytes);
        if got != id {
            return Err(BlobError::Digest { expected: id, got });
        }
        Ok(bytes)
    }

    /// Hashes a blob, of whatever length, and returns its length; from now on it counts as new. A damaged one is taken
    /// out of its place, so that it is fetched again.
    ///
    /// # Errors
    /// If it is missing or damaged, or the disk fails.
    pub fn verify_or_discard(&self, id: BlobId) -> Result<u64, BlobError> {
        let (file, _) = self.open_file(id)?;
        let path = self.path(id);
        let tree = self.hash(&file, &path)?;
        let blob = tree.blob();
        if blob.id != id {
            self.take_out(id)?;
            return Err(BlobError::Digest { expected: id, got: blob.id });
        }
        // Somebody is about to use it: not the time to delete it, even if no competition needs it.
        if let Err(error) = file.set_modified(std::time::SystemTime::now()) {
            tracing::debug!(%error, "a blob does not count as new");
        }
        Ok(blob.bytes)
    }

    fn hash(&self, file: &File, path: &Path) -> Result<Tree, BlobError> {
        let (mut builder, mut buffer) = (tree::Builder::default(), Vec::new());
        while tree::next_chunk(file, &mut buffer).map_err(io(path))? {
            builder.push(&buffer);
        }
        Ok(builder.finish())
    }

    /// A blob is damaged: it is taken out of its place and remembered, so that it is fetched again.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn set_aside(&self, blob: BlobRef) -> Result<(), BlobError> {
        self.take_out(blob.id)?;
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert(blob);
        Ok(())
    }

    /// The blobs that were found damaged and taken out of their places since this was last asked.
    pub fn take_damaged(&self) -> HashSet<BlobRef> {
        std::mem::take(&mut *self.damaged.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a tree says is still right of a damaged blob need not be fetched again. Without a tree it is deleted.
    fn take_out(&self, id: BlobId) -> Result<(), BlobError> {
        let Some(bytes) = self.len_of(id) else { return Ok(()) };
        let blob = BlobRef { id, bytes };
        if self.known_tree(blob).is_none() || tree::chunks(bytes) == 1 {
            return self.discard(id);
        }
        let (from, to) = (self.path(id), self.file(&part_name(blob)));
        std::fs::rename(&from, &to).map_err(io(&to))?;
        self.usage.rename(&id.to_string(), &part_name(blob));
        Ok(())
    }

    /// Deletes a blob. One that is not here is no error.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn discard(&self, id: BlobId) -> Result<(), BlobError> {
        if let Some(bytes) = self.len_of(id) {
            self.remove(&tree_name(BlobRef { id, bytes }))?;
        }
        self.remove(&id.to_string())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn remove(&self, name: &str) -> Result<(), BlobError> {
        let path = self.file(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(&path)(error)),
            _ => {}
        }
        self.usage.remove(name);
        Ok(())
    }

    fn sync_dir(&self) -> Result<(), BlobError> {
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(io(&self.dir))
    }
}

/// The length is in the name: somebody who names another one must not touch what was fetched.
fn part_name(blob: BlobRef) -> String {
    format!("{}.{}.{PART}", blob.id, blob.bytes)
}

fn tree_name(blob: BlobRef) -> String {
    format!("{}.{}.{TREE}", blob.id, blob.bytes)
}

fn named(entry: &std::fs::DirEntry) -> (String, PathBuf) {
    (entry.file_name().to_string_lossy().into_owned(), entry.path())
}
