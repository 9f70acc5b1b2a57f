//! Chunks for peers. A chunk is compared with its hash before it leaves: damage on this disk must not look like a lie
//! of this node.

use super::error::{BlobError, io};
use super::{BlobStore, Tree, chunk_len, tree, tree_name};
use protocol::{BlobId, BlobRef};
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, TryLockError};

impl BlobStore {
    /// The hashes of the chunks of a blob that is here.
    ///
    /// # Errors
    /// [`BlobError::Missing`] if it is not here, [`BlobError::Digest`] if it is damaged (it is taken out of its place),
    /// [`BlobError::Busy`] while another blob is hashed, or if the disk fails.
    pub fn tree(&self, id: BlobId) -> Result<Arc<Tree>, BlobError> {
        let (file, bytes) = self.open_file(id)?;
        let blob = BlobRef { id, bytes };
        if let Some(tree) = self.known_tree(blob) {
            return Ok(tree);
        }
        let _turn = match self.hashing.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(BlobError::Busy { id }),
        };
        let tree = self.hash(&file, &self.path(id))?;
        if tree.blob() != blob {
            self.set_aside(blob)?;
            return Err(BlobError::Digest { expected: id, got: tree.blob().id });
        }
        Ok(self.keep_tree(tree))
    }

    /// A chunk of a blob that is here, and the blob's whole length.
    ///
    /// # Errors
    /// As [`BlobStore::tree`]; [`BlobError::Chunk`] if this very chunk is damaged (the blob is taken out of its place)
    /// or if there is no such chunk.
    pub fn chunk(&self, id: BlobId, index: u32) -> Result<(u64, Vec<u8>), BlobError> {
        let tree = self.tree(id)?;
        let blob = tree.blob();
        let len = chunk_len(blob.bytes, index).ok_or(BlobError::Chunk { id, index, bytes: 0 })?;
        let (mut file, _) = self.open_file(id)?;
        let mut bytes = Vec::with_capacity(len);
        file.seek(SeekFrom::Start(tree::offset(index)))
            .and_then(|_| file.take(len as u64).read_to_end(&mut bytes))
            .map_err(io(&self.path(id)))?;
        if let Err(error) = tree.check(index, &bytes) {
            tracing::warn!(%error, "damaged on disk: fetched again");
            self.set_aside(blob)?;
            return Err(error);
        }
        Ok((blob.bytes, bytes))
    }

    /// The tree of a blob if it is in memory or on disk, whether or not the blob is here.
    pub(super) fn known_tree(&self, blob: BlobRef) -> Option<Arc<Tree>> {
        if let Some(tree) = self.trees.get(blob.id).filter(|tree| tree.blob() == blob) {
            return Some(tree);
        }
        let tree = Tree::of_one_chunk(blob).or_else(|| {
            let file = std::fs::File::open(self.file(&tree_name(blob))).ok()?;
            let mut hashes = Vec::new();
            // One byte more than right, to tell one that is too long.
            let most = u64::from(tree::chunks(blob.bytes)) * 32 + 1;
            file.take(most).read_to_end(&mut hashes).ok()?;
            Tree::parse(blob, &hashes).ok()
        })?;
        Some(self.remember(tree))
    }

    fn remember(&self, tree: Tree) -> Arc<Tree> {
        let (blob, bytes) = (tree.blob(), tree.hashes().len() as u64);
        let tree = Arc::new(tree);
        self.trees.put(blob.id, Arc::clone(&tree), bytes + 128);
        tree
    }

    /// Keeps a tree beside its blob. It saves work, no more: that it cannot be written is told and survived.
    pub(super) fn keep_tree(&self, tree: Tree) -> Arc<Tree> {
        let name = tree_name(tree.blob());
        if !tree.hashes().is_empty() {
            match std::fs::write(self.file(&name), tree.hashes()) {
                Ok(()) => self.usage.set(&name, tree.hashes().len() as u64),
                Err(error) => tracing::warn!(%error, %name, "not written"),
            }
        }
        self.remember(tree)
    }
}
