//! How many bytes the files of the folder take, and how many they may.

use super::error::BlobError;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes by file name. Of a file that is being fetched only what has come counts.
#[derive(Debug)]
pub struct Usage(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    quota: u64,
    total: u64,
    files: HashMap<String, u64>,
}

impl Usage {
    /// Of an empty folder.
    pub fn new(quota: u64) -> Self {
        Self(Mutex::new(Counts { quota, ..Counts::default() }))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Plain numbers: whoever panicked has not left them half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes in use.
    pub fn total(&self) -> u64 {
        self.counts().total
    }

    /// Bytes that may be in use.
    pub fn quota(&self) -> u64 {
        self.counts().quota
    }

    /// Sets how many bytes may be in use. What is there already stays.
    pub fn set_quota(&self, quota: u64) {
        self.counts().quota = quota;
    }

    /// Whether so many more bytes would fit.
    ///
    /// # Errors
    /// [`BlobError::Quota`] if they would not.
    pub fn check(&self, wanted: u64) -> Result<(), BlobError> {
        self.counts().check(wanted)
    }

    /// A file grows.
    ///
    /// # Errors
    /// [`BlobError::Quota`] if there is no room; nothing is counted then.
    pub fn grow(&self, name: &str, wanted: u64) -> Result<(), BlobError> {
        let mut counts = self.counts();
        counts.check(wanted)?;
        let bytes = counts.files.get(name).copied().unwrap_or(0).saturating_add(wanted);
        counts.set(name, bytes);
        Ok(())
    }

    /// A file has this length, whatever the quota.
    pub fn set(&self, name: &str, bytes: u64) {
        self.counts().set(name, bytes);
    }

    /// A file has gone.
    pub fn remove(&self, name: &str) {
        let mut counts = self.counts();
        counts.set(name, 0);
        counts.files.remove(name);
    }

    /// A file has another name, in the place of one that may have had it.
    pub fn rename(&self, from: &str, to: &str) {
        let mut counts = self.counts();
        let bytes = counts.files.get(from).copied().unwrap_or(0);
        counts.set(from, 0);
        counts.files.remove(from);
        counts.set(to, bytes);
    }
}

impl Counts {
    fn check(&self, wanted: u64) -> Result<(), BlobError> {
        if self.total.saturating_add(wanted) > self.quota {
            return Err(BlobError::Quota { quota: self.quota, used: self.total, wanted });
        }
        Ok(())
    }

    fn set(&mut self, name: &str, bytes: u64) {
        let before = self.files.insert(name.to_owned(), bytes).unwrap_or(0);
        self.total = self.total.saturating_sub(before).saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_by_name_up_to_the_quota() {
        let usage = Usage::new(100);
        usage.grow("a", 60).unwrap();
        usage.grow("a", 40).unwrap();
        assert!(matches!(usage.grow("b", 1), Err(BlobError::Quota { quota: 100, used: 100, wanted: 1 })));
        usage.rename("a", "c");
        usage.set("b", 30);
        usage.remove("a");
        assert_eq!(usage.total(), 130, "what is there stays");
        usage.rename("b", "c");
        assert_eq!(usage.total(), 30);
        usage.check(70).unwrap();
        usage.set_quota(99);
        assert!(usage.check(70).is_err());
        usage.remove("c");
        assert_eq!(usage.total(), 0);
    }
}
