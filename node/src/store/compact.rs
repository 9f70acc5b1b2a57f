//! A fresh copy of a store in its place: sled gives back no bytes by itself. Killed at any point, either the old one or
//! the whole new one is there when the store is opened next; the old one is deleted only after that is certain.

use super::check::fingerprint;
use super::open::{self, Opening, sled_error};
use super::{SledStore, Store, StoreError};
use crate::{limits, space};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;

/// What a compaction did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Compacted {
    /// Records in the store.
    pub records: u64,
    /// Entries that were copied: records, index, outbox, confirmations and the schema version.
    pub entries: u64,
    /// BLAKE3 of all entries, before and after, in hex.
    pub fingerprint: String,
    /// Bytes on disk before.
    pub bytes_before: u64,
    /// Bytes on disk after.
    pub bytes_after: u64,
}

/// Where a compaction may be killed, for tests to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    Begun,
    Copying,
    Copied,
    Moved,
    InPlace,
    Done,
}

/// Copies the store in `path` into a fresh one, compares the two, and puts the copy in its place.
///
/// # Errors
/// In use, not readable, not enough room for the copy, or a failing disk; then the store is as it was.
pub fn compact(path: &Path, opening: &Opening<'_>) -> Result<Compacted, StoreError> {
    compact_with(path, opening, &mut |_| Ok(()))
}

pub(super) fn compact_with(
    path: &Path,
    opening: &Opening<'_>,
    at: &mut dyn FnMut(Point) -> Result<(), StoreError>,
) -> Result<Compacted, StoreError> {
    let store = SledStore::open_with(path, opening)?;
    let records = store.len();
    let bytes_before = open::tree_bytes(path)?;
    space::check(path, bytes_before, opening.reserve)?;
    let (entries, hash) = copy(&store, path, opening, at)?;
    // Its files are renamed only once sled has let go of them. The lock stays.
    let lock = store.close()?;
    at(Point::Copied)?;
    open::put_in_place(path, &mut || at(Point::Moved))?;
    at(Point::InPlace)?;
    open::discard_before(path)?;
    at(Point::Done)?;
    let bytes_after = open::tree_bytes(path)?;
    drop(lock);
    Ok(Compacted { records, entries, fingerprint: hash.to_hex().to_string(), bytes_before, bytes_after })
}

/// Copies every entry into a fresh database beside the store; number and hash of both, which are equal.
fn copy(
    store: &SledStore,
    path: &Path,
    opening: &Opening<'_>,
    at: &mut dyn FnMut(Point) -> Result<(), StoreError>,
) -> Result<(u64, blake3::Hash), StoreError> {
    let (entries, hash) = fingerprint(&store.db, path)?;
    let fresh = open::fresh(path)?;
    at(Point::Begun)?;
    let copy = open::open_db(&fresh)?;
    let (mut page, mut copied) = (sled::Batch::default(), 0u64);
    for entry in store.db.iter() {
        let (key, value) = entry.map_err(|e| sled_error(path, e))?;
        page.insert(key, value);
        copied += 1;
        if copied.is_multiple_of(limits::MIGRATION_PAGE as u64) {
            copy.apply_batch(std::mem::take(&mut page)).map_err(|e| sled_error(&fresh, e))?;
            (opening.progress)("copying", copied as f64 / entries.max(1) as f64);
            at(Point::Copying)?;
        }
    }
    copy.apply_batch(page).map_err(|e| sled_error(&fresh, e))?;
    copy.flush().map_err(|e| sled_error(&fresh, e))?;
    drop(copy);
    // Read from the disk, as it will be next time.
    (opening.progress)("comparing", 1.0);
    let copy = open::open_db(&fresh)?;
    let (got, got_hash) = fingerprint(&copy, &fresh)?;
    if (got, got_hash) != (entries, hash) {
        drop(copy);
        std::fs::remove_dir_all(&fresh)?;
        return Err(StoreError::Copy { expected: entries, got });
    }
    Ok((entries, hash))
}
