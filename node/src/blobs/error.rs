//! What can go wrong with blobs.

use crate::space::NoSpace;
use protocol::BlobId;
use std::path::{Path, PathBuf};

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
    #[error(
        "the blobs folder is full: {used} of {quota} bytes are used and {wanted} more are wanted \
         (`node blobs gc` deletes what no competition needs; `node run --blob-quota` allows more)"
    )]
    Quota {
        /// The limit.
        quota: u64,
        /// Bytes in use.
        used: u64,
        /// Bytes that were asked for.
        wanted: u64,
    },
    /// The disk is almost full.
    #[error(transparent)]
    NoSpace(#[from] NoSpace),
    /// The bytes have another hash: damaged.
    #[error("expected the blob {expected}, got bytes with the digest {got}")]
    Digest {
        /// The id.
        expected: BlobId,
        /// What the bytes hash to.
        got: BlobId,
    },
    /// The hashes of the chunks are not those of the blob: damaged, or a lie.
    #[error("expected the hashes of {chunks} chunks of the blob {id}, got {bytes} bytes that are not them")]
    Tree {
        /// The id.
        id: BlobId,
        /// Its chunks.
        chunks: u32,
        /// Bytes that came instead.
        bytes: usize,
    },
    /// The bytes of a chunk are not those of the blob: damaged, or a lie.
    #[error("expected chunk {index} of the blob {id}, got {bytes} bytes that are not it")]
    Chunk {
        /// The id.
        id: BlobId,
        /// Which chunk.
        index: u32,
        /// Bytes that came instead.
        bytes: usize,
    },
    /// Another blob's tree is being worked out: later.
    #[error("expected to hash one blob at a time; blob {id} has to wait")]
    Busy {
        /// The id.
        id: BlobId,
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

pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> BlobError + '_ {
    |source| BlobError::Io { path: path.to_owned(), source }
}
