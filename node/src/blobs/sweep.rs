//! What may go: fetches that nobody goes on with, and blobs that no competition needs.

use super::error::{BlobError, io};
use super::{BlobStore, PART, TREE, named, part_name, tree_name};
use protocol::{BlobId, BlobRef};
use std::collections::HashSet;
use std::time::{Duration, SystemTime};

/// A complete blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Which.
    pub blob: BlobRef,
    /// When it was completed, or last asked for by a client.
    pub since: SystemTime,
}

impl BlobStore {
    /// All complete blobs, the oldest first.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Stored>, BlobError> {
        let mut list = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(io(&self.dir))? {
            let (name, path) = named(&entry.map_err(io(&self.dir))?);
            let (Ok(id), Ok(meta)) = (name.parse::<BlobId>(), std::fs::metadata(&path)) else { continue };
            let since = meta.modified().map_err(io(&path))?;
            list.push(Stored { blob: BlobRef { id, bytes: meta.len() }, since });
        }
        list.sort_by_key(|stored| (stored.since, stored.blob));
        Ok(list)
    }

    /// The blobs, the oldest first, that are not in `needed` and at least so old: until so many bytes are free, or all
    /// of them. They are deleted unless it is a rehearsal.
    ///
    /// # Errors
    /// If the folder cannot be read or a file not be deleted.
    pub fn collect(
        &self,
        needed: &HashSet<BlobId>,
        age: Duration,
        wanted: Option<u64>,
        rehearsal: bool,
    ) -> Result<Vec<BlobRef>, BlobError> {
        let mut gone = Vec::new();
        for Stored { blob, since } in self.list()? {
            if wanted.is_some_and(|bytes| self.usage.check(bytes).is_ok()) {
                break;
            }
            // One from the future, by a clock that was wrong, stays.
            let old = SystemTime::now().duration_since(since).is_ok_and(|lain| lain >= age);
            if !old || needed.contains(&blob.id) {
                continue;
            }
            if !rehearsal {
                self.discard(blob.id)?;
            }
            gone.push(blob);
        }
        Ok(gone)
    }

    /// Deletes what was fetched of blobs that nobody has gone on fetching for so long, and trees of nothing.
    ///
    /// # Errors
    /// If the folder cannot be read or a file not be deleted.
    pub fn expire_parts(&self, age: Duration) -> Result<(), BlobError> {
        for entry in std::fs::read_dir(&self.dir).map_err(io(&self.dir))? {
            let entry = entry.map_err(io(&self.dir))?;
            let (name, path) = named(&entry);
            let Some((blob, kind)) = parse(&name) else { continue };
            // Another thread may have completed it.
            let Ok(meta) = entry.metadata() else { continue };
            let changed = meta.modified().map_err(io(&path))?;
            // One from the future, by a clock that was wrong, stays.
            if !SystemTime::now().duration_since(changed).is_ok_and(|idle| idle >= age) {
                continue;
            }
            match kind {
                PART => {
                    self.remove(&name)?;
                    if !self.has(blob) {
                        self.remove(&tree_name(blob))?;
                    }
                }
                _ if !self.has(blob) && !self.file(&part_name(blob)).exists() => self.remove(&name)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// What a file of a fetch, or a tree, is of.
fn parse(name: &str) -> Option<(BlobRef, &'static str)> {
    let (rest, kind) = name.rsplit_once('.')?;
    let (id, bytes) = rest.split_once('.')?;
    let blob = BlobRef { id: id.parse().ok()?, bytes: bytes.parse().ok()? };
    Some((blob, [PART, TREE].into_iter().find(|known| *known == kind)?))
}
