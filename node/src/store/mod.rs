//! The record store: records by id, when each was first seen, which competition it belongs to, the outbox, and which
//! peers have said that they hold own records.
//!
//! Two implementations, one conformance suite (`conformance.rs`). A record is acknowledged only after
//! [`Store::put`] has returned: it has been flushed by then.
//!
//! ```text
//! sled_store   the store on disk;  database: sled, as far as it can be trusted;  layout: its keys and values;
//!              open: lock, recovery, creation;  migrate: older layouts
//! memory       the store of tests
//! check        what is wrong with a store;  compact: a fresh copy in its place
//! archive      all records in one file, for another engine
//! ```

mod archive;
mod check;
mod compact;
#[cfg(test)]
mod conformance;
mod database;
mod error;
#[cfg(test)]
mod full_disk;
mod layout;
#[cfg(test)]
mod memory;
mod migrate;
mod open;
#[cfg(test)]
mod properties;
mod sled_store;
#[cfg(test)]
mod tests;

pub use archive::{Archive, Item, Manifest, Writer};
pub use check::{Report, check};
pub use compact::{Compacted, compact};
pub use error::StoreError;
#[cfg(test)]
pub use memory::MemoryStore;
pub use open::Opening;
pub use sled_store::SledStore;

use std::collections::BTreeMap;

/// Length of an id.
pub const ID_BYTES: usize = 32;
/// A record or competition id.
pub type Id = [u8; ID_BYTES];
/// A peer's name: the bytes of its peer id. The store does not look inside.
pub type Peer = Vec<u8>;

/// A peer's word that it holds records.
pub type Word = (Peer, Vec<Id>);

/// The version of the layout on disk. Version 1 had no confirmations: see `migrate.rs`.
pub const SCHEMA_VERSION: u32 = 2;

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

/// Where records are kept.
pub trait Store: Send + Sync {
    /// Adds records, all or none, and returns once they would survive a power cut. Those that are there
    /// already stay as they are; the answer tells how many were new.
    ///
    /// # Errors
    /// If one is too long, the store, the outbox or the disk is full, or the disk fails; then none was added.
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

    /// Peers have said that they hold these records. They leave the outbox, and the peers are remembered, unless
    /// [`HOLDERS`](crate::limits::HOLDERS) others are; ids that are not here are passed over. Returns once that would
    /// survive a power cut.
    ///
    /// # Errors
    /// If a peer's name is too long, or the disk is full or fails.
    fn confirm(&self, words: &[Word]) -> Result<(), StoreError>;

    /// The peers that have said that they hold a record, in order, by record.
    ///
    /// # Errors
    /// If the disk fails.
    fn confirmations(&self) -> Result<BTreeMap<Id, Vec<Peer>>, StoreError>;

    /// Forgets records altogether. Not flushed at once: they may come back after a power cut.
    ///
    /// # Errors
    /// If the disk fails.
    fn remove(&self, ids: &[Id]) -> Result<(), StoreError>;

    /// Number of records.
    fn len(&self) -> u64;
}
