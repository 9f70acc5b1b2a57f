//! The record store: records by id, when each was first seen, which competition it belongs to, and the outbox.
//!
//! Two implementations, one conformance suite (`conformance.rs`). A record is acknowledged only after
//! [`Store::put`] has returned: it has been flushed by then.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod memory;
mod sled_store;

#[cfg(test)]
pub use memory::MemoryStore;
pub use sled_store::SledStore;

use std::path::PathBuf;

/// Length of an id.
pub const ID_BYTES: usize = 32;
/// A record or competition id.
pub type Id = [u8; ID_BYTES];

/// The version of the layout on disk.
pub const SCHEMA_VERSION: u32 = 1;

/// A record as it lies in the store. The store does not look inside `bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its id.
    pub id: Id,
    /// The competition that it belongs to; its own id for a competition.
    pub competition: Id,
    /// When this node saw it first, seconds since 1970.
    pub first_seen: u64,
    /// How long its proofs took to verify here, in microseconds; 0 if it has none.
    pub verify_us: u64,
    /// Whether it waits in the outbox until a peer has it.
    pub in_outbox: bool,
    /// The signed envelope.
    pub bytes: Vec<u8>,
}

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
    /// A layout of another version.
    #[error(
        "the store {path} has schema version {got}, expected {expected}: it was written by another release"
    )]
    Schema {
        /// Folder of the store.
        path: PathBuf,
        /// [`SCHEMA_VERSION`].
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
    /// The disk.
    #[error("the store: {0}")]
    Io(#[from] std::io::Error),
}

/// Where records are kept.
pub trait Store: Send + Sync {
    /// Adds records, all or none, and returns once they would survive a power cut. Those that are there
    /// already stay as they are; the answer tells how many were new.
    ///
    /// # Errors
    /// If one is too long, the store or the outbox is full, or the disk fails; then none was added.
    fn put(&self, records: &[StoredRecord]) -> Result<usize, StoreError>;

    /// The record of this id.
    ///
    /// # Errors
    /// If the disk fails or the value is corrupt.
    fn get(&self, id: &Id) -> Result<Option<StoredRecord>, StoreError>;

    /// Up to `limit` ids above `after`, in order.
    ///
    /// # Errors
    /// If the disk fails.
    fn ids_after(&self, after: Option<&Id>, limit: usize) -> Result<Vec<Id>, StoreError>;

    /// Up to `limit` ids of one competition above `after`, in order.
    ///
    /// # Errors
    /// If the disk fails.
    fn ids_of(&self, competition: &Id, after: Option<&Id>, limit: usize) -> Result<Vec<Id>, StoreError>;

    /// The ids in the outbox, in order.
    ///
    /// # Errors
    /// If the disk fails.
    fn outbox(&self) -> Result<Vec<Id>, StoreError>;

    /// Takes ids out of the outbox. Not flushed at once: to offer a record twice does no harm.
    ///
    /// # Errors
    /// If the disk fails.
    fn outbox_remove(&self, ids: &[Id]) -> Result<(), StoreError>;

    /// Forgets records altogether. Not flushed at once: they may come back after a power cut.
    ///
    /// # Errors
    /// If the disk fails.
    fn remove(&self, ids: &[Id]) -> Result<(), StoreError>;

    /// Number of records.
    fn len(&self) -> u64;
}
