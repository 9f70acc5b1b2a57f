//! The store on disk. `layout.rs` says what lies where.

use super::database::Database;
use super::layout::{HELD, INDEX, Key, OUTBOX, RECORD, held_key, index_key, key, record, value};
use super::open::{self, Opening, guarded, sled_error};
use super::{Id, Peer, Store, StoreError, StoredRecord, Word};
use crate::{limits, space};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A [`Store`] in a folder, by sled.
pub struct SledStore {
    pub(super) db: Database,
    pub(super) path: PathBuf,
    count: AtomicU64,
    outbox_count: Mutex<usize>,
    reserve: u64,
    /// The file that sled writes to: see [`SledStore::flush`].
    file: File,
    // Held for as long as the store is open: another process gets a clear answer, whatever sled does.
    _lock: File,
}

impl SledStore {
    /// Opens the store in `path`, or makes one there. `path`'s parent must exist. An older layout is brought up to date.
    ///
    /// # Errors
    /// In use, corrupt, of a newer schema version, or a failing or full disk.
    #[cfg(test)]
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, &Opening::default())
    }

    /// As [`SledStore::open`], with a reserve of another size, and with progress.
    ///
    /// # Errors
    /// As [`SledStore::open`].
    pub fn open_with(path: &Path, opening: &Opening<'_>) -> Result<Self, StoreError> {
        let lock = open::lock(path)?;
        open::recover(path)?;
        if path.exists() {
            // sled writes when it opens, too, and may lose its files if it cannot.
            space::check(path, 0, opening.reserve.min(limits::DISK_OPENING_BYTES))?;
        } else {
            open::create(path, opening)?;
        }
        Self::open_locked(path, opening, lock)
    }

    /// Opens a store that is there.
    pub(super) fn open_locked(path: &Path, opening: &Opening<'_>, lock: File) -> Result<Self, StoreError> {
        let db = open::open_db(path)?;
        open::bring_up_to_date(&db, path, opening)?;
        let (records, outbox) = guarded(path, || count(&db))?;
        Ok(Self {
            file: File::open(path.join("db"))?,
            db,
            path: path.to_owned(),
            count: AtomicU64::new(records),
            outbox_count: Mutex::new(outbox),
            reserve: opening.reserve,
            _lock: lock,
        })
    }

    /// Closes the store, and keeps the lock.
    pub(super) fn close(self) -> Result<File, StoreError> {
        self.flush()?;
        Ok(self._lock.try_clone()?)
    }

    pub(super) fn error(&self, error: sled::Error) -> StoreError {
        sled_error(&self.path, error)
    }

    pub(super) fn corrupt(&self, reason: String) -> StoreError {
        StoreError::Corrupt { path: self.path.clone(), reason }
    }

    /// On Linux sled flushes by sync_file_range, which reaches neither the file's length nor the cache of the disk
    /// (its manual says so): what has to survive a power cut is flushed once more.
    fn flush(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(|e| self.error(e))?;
        Ok(self.file.sync_data()?)
    }

    /// One writer at a time: the counts, and checks for what is there already, belong together with the write.
    fn writing(&self) -> MutexGuard<'_, usize> {
        self.outbox_count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn contains(&self, key: &[u8]) -> Result<bool, StoreError> {
        self.db.contains_key(key).map_err(|e| self.error(e))
    }

    /// The last 32 bytes of the keys in a range, up to `limit`.
    fn scan(&self, prefix: &[u8], after: Option<&Id>, limit: usize) -> Result<Vec<Id>, StoreError> {
        let mut from = prefix.to_vec();
        if let Some(id) = after {
            from.extend_from_slice(id);
            from.push(0); // the least key above it
        }
        let mut ids = Vec::new();
        for entry in self.db.range(from..).take(limit) {
            let (key, _) = entry.map_err(|e| self.error(e))?;
            let Some(tail) = key.strip_prefix(prefix) else { break };
            ids.push(Id::try_from(tail).map_err(|_| self.corrupt(format!("a key of {} bytes", key.len())))?);
        }
        Ok(ids)
    }

    fn holders(&self, id: &Id) -> Result<Vec<Peer>, StoreError> {
        let prefix = key(HELD, id);
        let peer = |key: sled::IVec| key.get(prefix.len()..).unwrap_or_default().to_vec();
        self.db.scan_prefix(&prefix).map(|entry| Ok(peer(entry.map_err(|e| self.error(e))?.0))).collect()
    }
}

impl Store for SledStore {
    fn put(&self, records: &[StoredRecord]) -> Result<usize, StoreError> {
        let mut outbox_count = self.writing();
        let mut batch = sled::Batch::default();
        let mut new = BTreeSet::new();
        let (mut to_outbox, mut bytes) = (0, 0);
        for record in records {
            let at = key(RECORD, &record.id);
            if self.contains(&at)? || !new.insert(record.id) {
                continue;
            }
            let value = value(record);
            bytes += value.len() as u64;
            batch.insert(at, value);
            batch.insert(index_key(&record.competition, &record.id), &[]);
            if record.in_outbox {
                batch.insert(key(OUTBOX, &record.id), &[]);
                to_outbox += 1;
            }
        }
        check_room(records, self.len(), *outbox_count, new.len(), to_outbox)?;
        if new.is_empty() {
            // Known is not durable: an earlier write may have failed at its flush.
            self.flush()?;
            return Ok(0);
        }
        space::check(&self.path, bytes, self.reserve)?;
        self.db.apply_batch(batch).map_err(|e| self.error(e))?;
        self.flush()?;
        *outbox_count += to_outbox;
        self.count.fetch_add(new.len() as u64, Ordering::Relaxed);
        Ok(new.len())
    }

    fn get(&self, id: &Id) -> Result<Option<StoredRecord>, StoreError> {
        let Some(value) = self.db.get(key(RECORD, id)).map_err(|e| self.error(e))? else { return Ok(None) };
        let record = record(id, &value).ok_or_else(|| {
            self.corrupt(format!("record {} is {} bytes long", hex::encode(id), value.len()))
        })?;
        Ok(Some(StoredRecord { in_outbox: self.contains(&key(OUTBOX, id))?, ..record }))
    }

    fn ids_after(&self, after: Option<&Id>, limit: usize) -> Result<Vec<Id>, StoreError> {
        self.scan(&[RECORD], after, limit)
    }

    fn ids_of(&self, competition: &Id, after: Option<&Id>, limit: usize) -> Result<Vec<Id>, StoreError> {
        self.scan(&key(INDEX, competition), after, limit)
    }

    fn outbox(&self) -> Result<Vec<Id>, StoreError> {
        self.scan(&[OUTBOX], None, limits::OUTBOX)
    }

    fn confirm(&self, words: &[Word]) -> Result<(), StoreError> {
        check_peers(words)?;
        let mut outbox_count = self.writing();
        space::check(&self.path, 0, self.reserve)?;
        for (peer, id) in words.iter().flat_map(|(peer, ids)| ids.iter().map(move |id| (peer, id))) {
            if !self.contains(&key(RECORD, id))? {
                continue;
            }
            let (mut batch, waited) = (sled::Batch::default(), self.contains(&key(OUTBOX, id))?);
            let holders = self.holders(id)?;
            let new = holders.len() < limits::HOLDERS && !holders.contains(peer);
            if waited {
                batch.remove(key(OUTBOX, id));
            }
            if new {
                batch.insert(held_key(id, peer), &[]);
            }
            if waited || new {
                self.db.apply_batch(batch).map_err(|e| self.error(e))?;
                *outbox_count = outbox_count.saturating_sub(usize::from(waited));
            }
        }
        self.flush()
    }

    fn confirmations(&self) -> Result<BTreeMap<Id, Vec<Peer>>, StoreError> {
        let mut all: BTreeMap<Id, Vec<Peer>> = BTreeMap::new();
        for entry in self.db.scan_prefix([HELD]) {
            let (key, _) = entry.map_err(|e| self.error(e))?;
            let Some(Key::Held { id, peer }) = Key::parse(&key) else {
                return Err(self.corrupt(format!("a confirmation's key of {} bytes", key.len())));
            };
            all.entry(id).or_default().push(peer.to_vec());
        }
        Ok(all)
    }

    fn remove(&self, ids: &[Id]) -> Result<(), StoreError> {
        let mut outbox_count = self.writing();
        for id in ids {
            let Some(record) = self.get(id)? else { continue };
            let mut batch = sled::Batch::default();
            batch.remove(key(RECORD, id));
            batch.remove(index_key(&record.competition, id));
            batch.remove(key(OUTBOX, id));
            for peer in self.holders(id)? {
                batch.remove(held_key(id, &peer));
            }
            self.db.apply_batch(batch).map_err(|e| self.error(e))?;
            self.count.fetch_sub(1, Ordering::Relaxed);
            *outbox_count = outbox_count.saturating_sub(usize::from(record.in_outbox));
        }
        Ok(())
    }

    fn len(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// Limits that both implementations share; `new` and `to_outbox` count what would be added.
pub(super) fn check_room(
    records: &[StoredRecord],
    stored: u64,
    in_outbox: usize,
    new: usize,
    to_outbox: usize,
) -> Result<(), StoreError> {
    if let Some(record) = records.iter().find(|r| r.bytes.len() > limits::RECORD_MAX_BYTES) {
        return Err(StoreError::TooLong { expected: limits::RECORD_MAX_BYTES, got: record.bytes.len() });
    }
    if stored.saturating_add(new as u64) > limits::STORE_MAX_RECORDS {
        return Err(StoreError::Full { expected: limits::STORE_MAX_RECORDS });
    }
    if to_outbox > 0 && in_outbox + to_outbox > limits::OUTBOX {
        return Err(StoreError::OutboxFull { expected: limits::OUTBOX });
    }
    Ok(())
}

/// The limit of peers' names, which both implementations share.
pub(super) fn check_peers(words: &[Word]) -> Result<(), StoreError> {
    match words.iter().find(|(peer, _)| peer.len() > limits::PEER_BYTES) {
        Some((peer, _)) => Err(StoreError::Peer { expected: limits::PEER_BYTES, got: peer.len() }),
        None => Ok(()),
    }
}

fn count(db: &Database) -> Result<(u64, usize), sled::Error> {
    let mut records = 0;
    for entry in db.scan_prefix([RECORD]) {
        entry?;
        records += 1;
    }
    let mut outbox = 0;
    for entry in db.scan_prefix([OUTBOX]) {
        entry?;
        outbox += 1;
    }
    Ok((records, outbox))
}
