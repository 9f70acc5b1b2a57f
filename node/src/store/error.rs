//! What can go wrong with the store.

use crate::space::NoSpace;
use std::path::PathBuf;

impl StoreError {
    /// Whether the store cannot go on in this process: sled keeps its error until it is opened again.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Corrupt { .. })
    }
}

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("the store {path} is in use by another process: is a node running on this data folder?")]
    InUse {
        /// Folder of the store.
        path: PathBuf,
    },
    /// What is on disk is no store, or a broken one.
    #[error(
        "the store {path} is corrupt ({reason}): move it away and start again; records come back from peers"
    )]
    Corrupt {
        /// Folder of the store.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A layout of another version, which no migration leads from.
    #[error(
        "the store {path} has schema version {got}, expected {expected} or an older one: it was written by a newer \
         release"
    )]
    Schema {
        /// Folder of the store.
        path: PathBuf,
        /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
        expected: u32,
        /// The version found.
        got: u32,
    },
    /// A record beyond the limit.
    #[error("expected a record of at most {expected} bytes, got {got}")]
    TooLong {
        /// The limit.
        expected: usize,
        /// Its length.
        got: usize,
    },
    /// A peer's name beyond the limit.
    #[error("expected a peer's name of at most {expected} bytes, got {got}")]
    Peer {
        /// The limit.
        expected: usize,
        /// Its length.
        got: usize,
    },
    /// As many records as the store may hold.
    #[error("the store is full: expected fewer than {expected} records")]
    Full {
        /// The limit.
        expected: u64,
    },
    /// The outbox is full.
    #[error("the outbox is full: {expected} records wait for a peer; connect to one first")]
    OutboxFull {
        /// The limit.
        expected: usize,
    },
    /// The disk is almost full. Nothing was written; later it may be.
    #[error(transparent)]
    NoSpace(#[from] NoSpace),
    /// A copy that is not the same as what was copied.
    #[error(
        "expected a copy of {expected} entries with the same fingerprint, got {got}: the store was left as it is"
    )]
    Copy {
        /// Entries of the original.
        expected: u64,
        /// Entries of the copy.
        got: u64,
    },
    /// The disk.
    #[error("the store: {0}")]
    Io(#[from] std::io::Error),
}
