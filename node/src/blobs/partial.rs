//! Blobs that are being fetched: chunks in whatever order, each verified before it is written, and again when a fetch
//! goes on after a break.

use super::direct::Direct;
use super::error::{BlobError, io};
use super::{BlobStore, Tree, chunk_len, part_name, tree};
use crate::limits;
use bytes::Bytes;
use protocol::BlobRef;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;
use std::time::SystemTime;

/// A blob that is being fetched.
#[derive(Debug)]
pub struct Partial {
    file: File,
    /// The same file, where the file system can do that.
    direct: Option<Direct>,
    tree: Arc<Tree>,
}

impl Partial {
    /// Verifies a chunk.
    ///
    /// # Errors
    /// [`BlobError::Chunk`] if these are not its bytes.
    pub fn verify(&self, index: u32, bytes: Bytes) -> Result<Verified, BlobError> {
        self.tree.check(index, &bytes)?;
        Ok(Verified { index, bytes })
    }

    fn put(&self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        match &self.direct {
            Some(direct) if direct.write(bytes, offset)? => Ok(()),
            _ => self.file.write_all_at(bytes, offset),
        }
    }
}

/// A chunk whose bytes are those that the blob's tree says.
#[derive(Debug)]
pub struct Verified {
    index: u32,
    bytes: Bytes,
}

impl Verified {
    /// Which chunk.
    pub fn index(&self) -> u32 {
        self.index
    }
}

/// A fetch that begins or goes on.
#[derive(Debug)]
pub struct Opened {
    /// Where chunks are written.
    pub partial: Arc<Partial>,
    /// Which chunks are here, as their bytes on disk say.
    pub here: Vec<bool>,
}

impl BlobStore {
    /// Goes on with a fetch where it was left, or begins one; none if the hashes of the chunks have to be fetched first.
    ///
    /// # Errors
    /// If it is too long, the quota is used up or the disk fails.
    pub fn resume(&self, blob: BlobRef) -> Result<Option<Opened>, BlobError> {
        if blob.bytes > limits::BLOB_MAX_BYTES {
            return Err(BlobError::TooLong { expected: limits::BLOB_MAX_BYTES, got: blob.bytes });
        }
        match self.known_tree(blob) {
            Some(tree) => self.open_part(tree).map(Some),
            None => {
                self.usage.check(blob.bytes)?;
                self.room(blob.bytes).map(|()| None)
            }
        }
    }

    /// Begins a fetch with the hashes of the chunks.
    ///
    /// # Errors
    /// [`BlobError::Tree`] if they are not those of the blob; if the quota is used up or the disk fails.
    pub fn begin(&self, blob: BlobRef, hashes: &[u8]) -> Result<Opened, BlobError> {
        let tree = Tree::parse(blob, hashes)?;
        self.open_part(self.keep_tree(tree))
    }

    fn open_part(&self, tree: Arc<Tree>) -> Result<Opened, BlobError> {
        let blob = tree.blob();
        let (name, path) = (part_name(blob), self.file(&part_name(blob)));
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(&path)
            .map_err(io(&path))?;
        // Its age counts from now on.
        file.set_modified(SystemTime::now()).map_err(io(&path))?;
        // Nothing has to be read of a file that is a hole.
        let empty = file.metadata().map_err(io(&path))?.blocks() == 0;
        file.set_len(blob.bytes).map_err(io(&path))?;
        let (mut here, mut bytes, mut buffer) = (Vec::new(), 0, Vec::new());
        for index in 0..tree::chunks(blob.bytes) {
            let len = chunk_len(blob.bytes, index).unwrap_or(0);
            buffer.resize(len, 0);
            let right = !empty && {
                file.read_exact_at(&mut buffer, tree::offset(index)).map_err(io(&path))?;
                tree.check(index, &buffer).is_ok()
            };
            bytes += if right { len as u64 } else { 0 };
            here.push(right);
        }
        self.usage.set(&name, bytes);
        self.usage.check(blob.bytes - bytes)?;
        self.room(blob.bytes - bytes)?;
        let direct = Direct::open(&path);
        Ok(Opened { partial: Arc::new(Partial { file, direct, tree }), here })
    }

    /// Writes a chunk in its place.
    ///
    /// # Errors
    /// If the quota is used up or the disk fails.
    pub fn write(&self, partial: &Partial, chunk: &Verified) -> Result<(), BlobError> {
        let Verified { index, bytes } = chunk;
        let name = part_name(partial.tree.blob());
        // Others may have used up since what was free when this one was begun.
        self.room(bytes.len() as u64)?;
        self.usage.grow(&name, bytes.len() as u64)?;
        partial.put(bytes, tree::offset(*index)).map_err(io(&self.file(&name)))?;
        Ok(())
    }

    /// Every chunk has been written: the blob takes its place.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn finish(&self, partial: &Partial) -> Result<BlobRef, BlobError> {
        let blob = partial.tree.blob();
        let (name, target) = (part_name(blob), self.path(blob.id));
        partial.file.sync_all().map_err(io(&self.file(&name)))?;
        std::fs::rename(self.file(&name), &target).map_err(io(&target))?;
        self.usage.rename(&name, &blob.id.to_string());
        self.sync_dir()?;
        Ok(blob)
    }
}
