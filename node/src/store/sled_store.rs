//! The store on disk. One tree, one-byte prefixes, so that one batch changes everything at once:
//!
//! ```text
//! m schema_version            u32, big-endian
//! r <id>                      competition (32), first seen (8), verify time (8), signed envelope
//! c <competition> <id>        nothing: the index
//! o <id>                      nothing: the outbox
//! ```

use super::{Id, SCHEMA_VERSION, Store, StoreError, StoredRecord};
use crate::limits;
use std::fs::{File, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

const META: &[u8] = b"mschema_version";
const RECORD: u8 = b'r';
const INDEX: u8 = b'c';
const OUTBOX: u8 = b'o';
/// Competition, first seen and verify time before the envelope.
const HEADER_BYTES: usize = 32 + 8 + 8;

/// A [`Store`] in a folder, by sled.
pub struct SledStore {
    db: sled::Db,
    path: PathBuf,
    count: AtomicU64,
    outbox_count: Mutex<usize>,
    // Held for as long as the store is open: another process gets a clear answer, whatever sled does.
    _lock: File,
}

impl SledStore {
    /// Opens the store in `path`, or makes one there. `path`'s parent must exist.
    ///
    /// # Errors
    /// In use, corrupt, of another schema version, or a failing disk.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        if !path.exists() {
            create(path)?;
        }
        let db = open_db(path)?;
        check_schema(&db, path)?;
        let (records, outbox) = guarded(path, || count(&db))?;
        Ok(Self {
            db,
            path: path.to_owned(),
            count: AtomicU64::new(records),
            outbox_count: Mutex::new(outbox),
            _lock: lock,
        })
    }

    fn decode(&self, id: &Id, value: &[u8]) -> Result<StoredRecord, StoreError> {
        let corrupt = || StoreError::Corrupt {
            path: self.path.clone(),
            reason: format!("record {} is {} bytes long", hex::encode(id), value.len()),
        };
        let (competition, rest) = value.split_first_chunk::<32>().ok_or_else(corrupt)?;
        let (first_seen, rest) = rest.split_first_chunk::<8>().ok_or_else(corrupt)?;
        let (verify_us, bytes) = rest.split_first_chunk::<8>().ok_or_else(corrupt)?;
        let in_outbox = self.db.contains_key(key(OUTBOX, id)).map_err(|e| self.error(e))?;
        Ok(StoredRecord {
            id: *id,
            competition: *competition,
            first_seen: u64::from_be_bytes(*first_seen),
            verify_us: u64::from_be_bytes(*verify_us),
            in_outbox,
            bytes: bytes.to_vec(),
        })
    }

    fn error(&self, error: sled::Error) -> StoreError {
        sled_error(&self.path, error)
    }

    /// The last 32 bytes of the keys in a range, up to `limit`.
    fn scan(&self, prefix: &[u8], after: Option<&Id>, limit: usize) -> Result<Vec<Id>, StoreError> {
        let mut from = prefix.to_vec();
        if let Some(id) = after {
            from.extend_from_slice(id);
            from.push(0); // the least key above it
        }
        let mut ids = Vec::new();
        for key in self.db.range(from..).keys().take(limit) {
            let key = key.map_err(|e| self.error(e))?;
            let Some(tail) = key.strip_prefix(prefix) else { break };
            let id = Id::try_from(tail).map_err(|_| StoreError::Corrupt {
                path: self.path.clone(),
                reason: format!("a key of {} bytes", key.len()),
            })?;
            ids.push(id);
        }
        Ok(ids)
    }
}

impl Store for SledStore {
    fn put(&self, records: &[StoredRecord]) -> Result<usize, StoreError> {
        // One writer at a time: the counts and the check for what is new belong together.
        let mut outbox_count = self.outbox_count.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = sled::Batch::default();
        let mut new = std::collections::BTreeSet::new();
        let mut to_outbox = 0;
        for record in records {
            let at = key(RECORD, &record.id);
            if self.db.contains_key(&at).map_err(|e| self.error(e))? || !new.insert(record.id) {
                continue;
            }
            batch.insert(at, value(record));
            batch.insert(index_key(&record.competition, &record.id), &[]);
            if record.in_outbox {
                batch.insert(key(OUTBOX, &record.id), &[]);
                to_outbox += 1;
            }
        }
        check_room(records, self.len(), *outbox_count, new.len(), to_outbox)?;
        if new.is_empty() {
            // Known is not durable: an earlier write may have failed at its flush.
            self.db.flush().map_err(|e| self.error(e))?;
            return Ok(0);
        }
        self.db.apply_batch(batch).map_err(|e| self.error(e))?;
        self.db.flush().map_err(|e| self.error(e))?;
        *outbox_count += to_outbox;
        self.count.fetch_add(new.len() as u64, Ordering::Relaxed);
        Ok(new.len())
    }

    fn get(&self, id: &Id) -> Result<Option<StoredRecord>, StoreError> {
        match self.db.get(key(RECORD, id)).map_err(|e| self.error(e))? {
            Some(value) => self.decode(id, &value).map(Some),
            None => Ok(None),
        }
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

    fn outbox_remove(&self, ids: &[Id]) -> Result<(), StoreError> {
        let mut outbox_count = self.outbox_count.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            if self.db.remove(key(OUTBOX, id)).map_err(|e| self.error(e))?.is_some() {
                *outbox_count = outbox_count.saturating_sub(1);
            }
        }
        Ok(())
    }

    fn remove(&self, ids: &[Id]) -> Result<(), StoreError> {
        let mut outbox_count = self.outbox_count.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            let Some(record) = self.get(id)? else { continue };
            let mut batch = sled::Batch::default();
            batch.remove(key(RECORD, id));
            batch.remove(index_key(&record.competition, id));
            batch.remove(key(OUTBOX, id));
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

impl Drop for SledStore {
    fn drop(&mut self) {
        if let Err(error) = self.db.flush() {
            tracing::warn!(%error, "the store was not flushed at the end");
        }
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

fn key(prefix: u8, id: &Id) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + id.len());
    key.push(prefix);
    key.extend_from_slice(id);
    key
}

fn index_key(competition: &Id, id: &Id) -> Vec<u8> {
    let mut key = key(INDEX, competition);
    key.extend_from_slice(id);
    key
}

fn value(record: &StoredRecord) -> Vec<u8> {
    let mut value = Vec::with_capacity(HEADER_BYTES + record.bytes.len());
    value.extend_from_slice(&record.competition);
    value.extend_from_slice(&record.first_seen.to_be_bytes());
    value.extend_from_slice(&record.verify_us.to_be_bytes());
    value.extend_from_slice(&record.bytes);
    value
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = File::options().create(true).append(true).open(path.with_extension("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Makes an empty store beside `path` and renames it there: a folder without a schema version is corrupt,
/// never half-made.
fn create(path: &Path) -> Result<(), StoreError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let fresh = tempfile::Builder::new().prefix(".store-").tempdir_in(parent)?;
    let db = open_db(fresh.path())?;
    db.insert(META, &SCHEMA_VERSION.to_be_bytes()).map_err(|e| sled_error(path, e))?;
    db.flush().map_err(|e| sled_error(path, e))?;
    drop(db);
    std::fs::rename(fresh.path(), path)?;
    File::open(parent)?.sync_all()?;
    let _ = fresh.keep(); // it has moved
    Ok(())
}

fn open_db(path: &Path) -> Result<sled::Db, StoreError> {
    let open = || {
        guarded(path, || {
            sled::Config::new()
                .path(path)
                .cache_capacity(limits::STORE_CACHE_BYTES)
                .mode(sled::Mode::LowSpace)
                .flush_every_ms(None)
                .open()
        })
    };
    // Threads of sled may hold its own lock for a moment after a database was closed in this very process. Other
    // processes are kept out by the lock beside the folder, so that waiting a little hides nothing.
    for _ in 0..40 {
        match open() {
            Err(StoreError::InUse { .. }) => std::thread::sleep(std::time::Duration::from_millis(25)),
            result => return result,
        }
    }
    open()
}

/// sled panics on some kinds of damage: that is a corrupt store, not the end of the process.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| sled_error(path, error)),
        Err(_) => Err(StoreError::Corrupt {
            path: path.to_owned(),
            reason: "the database gave up on reading it".into(),
        }),
    }
}

fn sled_error(path: &Path, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(io) if io.to_string().contains("could not acquire lock") => {
            StoreError::InUse { path: path.to_owned() }
        }
        sled::Error::Io(io) if io.kind() != std::io::ErrorKind::InvalidData => StoreError::Io(io),
        other => StoreError::Corrupt { path: path.to_owned(), reason: other.to_string() },
    }
}

fn check_schema(db: &sled::Db, path: &Path) -> Result<(), StoreError> {
    let Some(value) = guarded(path, || db.get(META))? else {
        return Err(StoreError::Corrupt { path: path.to_owned(), reason: "no schema version".into() });
    };
    let version = <[u8; 4]>::try_from(value.as_ref()).map(u32::from_be_bytes).map_err(|_| {
        let reason = format!("a schema version of {} bytes", value.len());
        StoreError::Corrupt { path: path.to_owned(), reason }
    })?;
    if version != SCHEMA_VERSION {
        return Err(StoreError::Schema { path: path.to_owned(), expected: SCHEMA_VERSION, got: version });
    }
    Ok(())
}

fn count(db: &sled::Db) -> Result<(u64, usize), sled::Error> {
    let mut records = 0;
    for key in db.scan_prefix([RECORD]).keys() {
        key?;
        records += 1;
    }
    let mut outbox = 0;
    for key in db.scan_prefix([OUTBOX]).keys() {
        key?;
        outbox += 1;
    }
    Ok((records, outbox))
}
