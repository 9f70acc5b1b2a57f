//! BLAKE3 is a tree, and a chunk of [`CHUNK_BYTES`] is a subtree of it: whoever knows the hashes of all chunks can tell
//! by the blob's id that they are right, and by them that each chunk is, in whatever order chunks come. They are 32
//! bytes a chunk, 128 KiB for the largest blob, so that they are asked for once and as a whole, and no chunk needs
//! parents of its own. (BLAKE3 paper, sections 2.1 and 6.4: verified streaming.)

use super::error::BlobError;
use crate::limits::CHUNK_BYTES;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use protocol::{BlobId, BlobRef};
use std::io::Read;

/// Number of chunks of a blob of so many bytes: at least one. Zero if there are too many to number.
pub fn chunks(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(CHUNK_BYTES).max(1)).unwrap_or(0)
}

/// Length of a chunk; none if there is no such chunk.
pub fn chunk_len(bytes: u64, index: u32) -> Option<usize> {
    if index >= chunks(bytes) {
        return None;
    }
    let rest = bytes.saturating_sub(offset(index)).min(CHUNK_BYTES);
    usize::try_from(rest).ok()
}

/// Where a chunk begins.
pub fn offset(index: u32) -> u64 {
    u64::from(index) * CHUNK_BYTES
}

/// The hashes of a blob's chunks, compared with its id.
#[derive(Debug, PartialEq, Eq)]
pub struct Tree {
    blob: BlobRef,
    /// None for a blob of one chunk, which its id verifies by itself.
    leaves: Vec<ChainingValue>,
}

impl Tree {
    /// Of a blob of one chunk: there is nothing to know beside its id.
    pub fn of_one_chunk(blob: BlobRef) -> Option<Self> {
        (chunks(blob.bytes) == 1).then_some(Self { blob, leaves: Vec::new() })
    }

    /// From the hashes, one after the other, from wherever they come.
    ///
    /// # Errors
    /// [`BlobError::Tree`] if they are not the blob's.
    pub fn parse(blob: BlobRef, hashes: &[u8]) -> Result<Self, BlobError> {
        let wrong = || BlobError::Tree { id: blob.id, chunks: chunks(blob.bytes), bytes: hashes.len() };
        let (leaves, rest) = hashes.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(wrong());
        }
        if leaves.is_empty() {
            return Self::of_one_chunk(blob).ok_or_else(wrong);
        }
        if leaves.len() != chunks(blob.bytes) as usize || root(leaves) != Some(blob.id) {
            return Err(wrong());
        }
        Ok(Self { blob, leaves: leaves.to_vec() })
    }

    /// The hashes, one after the other.
    pub fn hashes(&self) -> &[u8] {
        self.leaves.as_flattened()
    }

    /// Which blob.
    pub fn blob(&self) -> BlobRef {
        self.blob
    }

    /// Compares a chunk with its hash.
    ///
    /// # Errors
    /// [`BlobError::Chunk`] if these are not its bytes.
    pub fn check(&self, index: u32, bytes: &[u8]) -> Result<(), BlobError> {
        let of_right_length = chunk_len(self.blob.bytes, index) == Some(bytes.len());
        let right = match self.leaves.get(index as usize) {
            Some(leaf) => of_right_length && leaf_of(index, bytes) == *leaf,
            None => of_right_length && self.leaves.is_empty() && BlobId::of(bytes) == self.blob.id,
        };
        if right { Ok(()) } else { Err(BlobError::Chunk { id: self.blob.id, index, bytes: bytes.len() }) }
    }
}

/// Makes the tree of a blob out of its chunks, in order.
#[derive(Default)]
pub struct Builder {
    leaves: Vec<ChainingValue>,
    first: Option<BlobId>,
    bytes: u64,
}

impl Builder {
    /// The next chunk: a whole one, unless it is the last.
    pub fn push(&mut self, chunk: &[u8]) {
        if !chunk.is_empty() {
            self.first.get_or_insert_with(|| BlobId::of(chunk));
            self.leaves.push(leaf_of(self.leaves.len() as u32, chunk));
            self.bytes += chunk.len() as u64;
        }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The tree, and in it the blob's id.
    pub fn finish(mut self) -> Tree {
        let id = root(&self.leaves).or(self.first).unwrap_or_else(|| BlobId::of(&[]));
        if self.leaves.len() == 1 {
            self.leaves.clear();
        }
        Tree { blob: BlobRef { id, bytes: self.bytes }, leaves: self.leaves }
    }
}

/// Reads the next chunk, a whole one unless it is the last. False at the end.
///
/// # Errors
/// If the reader fails.
pub fn next_chunk(mut reader: impl Read, buffer: &mut Vec<u8>) -> std::io::Result<bool> {
    buffer.clear();
    Ok(reader.by_ref().take(CHUNK_BYTES).read_to_end(buffer)? > 0)
}

/// Hash of a chunk, which is not empty, as a part of a larger tree.
fn leaf_of(index: u32, bytes: &[u8]) -> ChainingValue {
    blake3::Hasher::new().set_input_offset(offset(index)).update(bytes).finalize_non_root()
}

/// The id of a blob of at least two chunks.
fn root(leaves: &[ChainingValue]) -> Option<BlobId> {
    let (left, right) = split(leaves)?;
    let root = merge_subtrees_root(&merge(left)?, &merge(right)?, Mode::Hash);
    Some(BlobId::new(*root.as_bytes()))
}

fn merge(leaves: &[ChainingValue]) -> Option<ChainingValue> {
    match split(leaves) {
        Some((left, right)) => Some(merge_subtrees_non_root(&merge(left)?, &merge(right)?, Mode::Hash)),
        None => leaves.first().copied(),
    }
}

/// The left subtree is complete, and as large as it can be. The depth of the recursion is 32 at most.
fn split(leaves: &[ChainingValue]) -> Option<(&[ChainingValue], &[ChainingValue])> {
    if leaves.len() < 2 {
        return None;
    }
    leaves.split_at_checked(leaves.len().div_ceil(2).next_power_of_two())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(len: u64) -> Vec<u8> {
        (0..len).map(|n| (n % 251) as u8).collect()
    }

    fn tree(bytes: &[u8]) -> Tree {
        let mut builder = Builder::default();
        bytes.chunks(CHUNK_BYTES as usize).for_each(|chunk| builder.push(chunk));
        assert_eq!(builder.bytes(), bytes.len() as u64);
        builder.finish()
    }

    #[test]
    fn a_tree_has_the_blobs_own_id_at_every_length() {
        let chunk = CHUNK_BYTES;
        for len in [0, 1, 1024, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk - 7, 5 * chunk + 1024] {
            let bytes = bytes(len);
            let tree = tree(&bytes);
            assert_eq!(tree.blob(), BlobRef::of(&bytes), "{len}");
            assert_eq!(Tree::parse(tree.blob(), tree.hashes()).unwrap(), tree, "{len}");
            for index in 0..chunks(len) {
                let start = offset(index) as usize;
                let chunk = &bytes[start..start + chunk_len(len, index).unwrap()];
                tree.check(index, chunk).unwrap();
                let mut wrong = chunk.to_vec();
                if let Some(byte) = wrong.last_mut() {
                    *byte ^= 1;
                    assert!(matches!(tree.check(index, &wrong), Err(BlobError::Chunk { .. })), "{len}");
                }
                wrong.push(0);
                assert!(tree.check(index, &wrong).is_err() && tree.check(index + 1, chunk).is_err(), "{len}");
            }
        }
    }

    #[test]
    fn every_hash_of_a_tree_counts_and_so_does_the_length() {
        let bytes = bytes(5 * CHUNK_BYTES + 3);
        let tree = tree(&bytes);
        let (blob, hashes) = (tree.blob(), tree.hashes());
        assert_eq!(hashes.len(), 6 * 32);
        for n in 0..hashes.len() {
            let mut wrong = hashes.to_vec();
            wrong[n] ^= 0x80;
            assert!(matches!(Tree::parse(blob, &wrong), Err(BlobError::Tree { .. })), "byte {n}");
        }
        for wrong in [&hashes[32..], &hashes[..31], &[]] {
            assert!(Tree::parse(blob, wrong).is_err());
        }
        assert!(Tree::parse(BlobRef { bytes: 4 * CHUNK_BYTES, ..blob }, hashes).is_err());
        // A length of as many chunks cannot be told from the hashes; then no last chunk is right.
        let shorter = Tree::parse(BlobRef { bytes: blob.bytes - 1, ..blob }, hashes).unwrap();
        assert!(shorter.check(5, &bytes[bytes.len() - 3..]).is_err());
        assert!(shorter.check(5, &bytes[bytes.len() - 3..bytes.len() - 1]).is_err());
        // Inner hashes instead of leaves: the root is right, no chunk is.
        let inner: Vec<u8> = {
            let (leaves, _) = hashes.as_chunks::<32>();
            [merge(&leaves[..4]).unwrap(), merge(&leaves[4..]).unwrap()].concat()
        };
        let coarse = Tree::parse(BlobRef { bytes: 2 * CHUNK_BYTES, ..blob }, &inner).unwrap();
        assert!(coarse.check(0, &bytes[..CHUNK_BYTES as usize]).is_err());
    }

    #[test]
    fn too_many_chunks_have_no_number() {
        assert_eq!((chunks(0), chunks(u64::MAX), chunk_len(u64::MAX, 0)), (1, 0, None));
        assert!(Tree::of_one_chunk(BlobRef { id: BlobId::of(b""), bytes: u64::MAX }).is_none());
    }
}
