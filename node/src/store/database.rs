//! sled's database, as far as it can be trusted after a failure: not at all.
//!
//! sled 0.34 seals a buffer before it writes it. Where the write fails (a full disk), the log never becomes stable up to
//! that buffer, and every later flush waits for it without end, the one of sled's own destructor included
//! (`make_stable_inner` in its `pagecache/iobuf.rs`). Reads write, too: they finish splits of the tree. So after the
//! first failure of any kind sled is asked nothing more.

use std::ops::RangeBounds;
use std::sync::atomic::{AtomicBool, Ordering};

/// A key and its value.
pub(super) type Entry = (sled::IVec, sled::IVec);

/// An open database. Once something has failed or panicked all else is refused.
pub(super) struct Database {
    db: sled::Db,
    failed: AtomicBool,
}

impl Database {
    pub(super) fn new(db: sled::Db) -> Self {
        Self { db, failed: AtomicBool::new(false) }
    }

    pub(super) fn get(&self, key: impl AsRef<[u8]>) -> sled::Result<Option<sled::IVec>> {
        self.ask(|db| db.get(key))
    }

    pub(super) fn contains_key(&self, key: impl AsRef<[u8]>) -> sled::Result<bool> {
        self.ask(|db| db.contains_key(key))
    }

    /// Applies all of it or nothing. Durable once [`Database::flush`] has returned.
    pub(super) fn apply_batch(&self, batch: sled::Batch) -> sled::Result<()> {
        self.ask(|db| db.apply_batch(batch))
    }

    /// Waits until all that was written is on disk.
    pub(super) fn flush(&self) -> sled::Result<()> {
        self.ask(|db| db.flush().map(drop))
    }

    /// All entries, by key.
    pub(super) fn iter(&self) -> impl Iterator<Item = sled::Result<Entry>> {
        self.range::<&[u8]>(..)
    }

    /// The entries whose keys begin with `prefix`, by key.
    pub(super) fn scan_prefix(&self, prefix: impl AsRef<[u8]>) -> impl Iterator<Item = sled::Result<Entry>> {
        self.walk(self.db.scan_prefix(prefix))
    }

    /// The entries of a range of keys, by key.
    pub(super) fn range<K: AsRef<[u8]>>(
        &self,
        keys: impl RangeBounds<K>,
    ) -> impl Iterator<Item = sled::Result<Entry>> {
        self.walk(self.db.range(keys))
    }

    /// Ends with the first error.
    fn walk(&self, mut entries: sled::Iter) -> impl Iterator<Item = sled::Result<Entry>> {
        let mut ended = false;
        std::iter::from_fn(move || {
            let next = if ended { None } else { self.ask(|_| entries.next().transpose()).transpose() };
            ended = !matches!(next, Some(Ok(_)));
            next
        })
    }

    fn ask<T>(&self, work: impl FnOnce(&sled::Db) -> sled::Result<T>) -> sled::Result<T> {
        if self.failed.load(Ordering::Acquire) {
            return Err(sled::Error::Io(std::io::Error::other("it has failed before")));
        }
        let panics = Panics(&self.failed);
        let result = work(&self.db);
        drop(panics);
        if result.is_err() {
            self.failed.store(true, Ordering::Release);
        }
        result
    }

    #[cfg(test)]
    pub(super) fn sled(&self) -> &sled::Db {
        &self.db
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            tracing::warn!(%error, "the store was not flushed at the end");
            // Its destructor would not come back. The process is about to end: nothing but memory is held.
            std::mem::forget(self.db.clone());
        }
    }
}

/// Notes a panic that passes it.
struct Panics<'a>(&'a AtomicBool);

impl Drop for Panics<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}
