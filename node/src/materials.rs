//! Verifying keys and test sets in memory, read from blobs when a proof check needs them.

use crate::blobs::{BlobError, BlobStore};
use crate::cache::Cache;
use crate::limits;
use circuits::TestSet;
use circuits::groth16::{VerifiedModel, VerifyingKey};
use protocol::{BlobFacts, BlobRef, BlobRole, Evidence, Groth16, ProofCheck, ProofChecker, ProofError};
use rand::RngCore;
use std::sync::Arc;
use std::time::Instant;

/// The result of a proof check, and its time in microseconds.
pub type Checked = (Result<Evidence<VerifiedModel>, ProofError>, u64);

/// Reads blobs for proof checks and keeps the latest. Shared by all verification workers.
#[derive(Debug)]
pub struct Materials {
    blobs: Arc<BlobStore>,
    keys: Cache<VerifyingKey>,
    sets: Cache<TestSet>,
}

impl Materials {
    /// Reads from this folder.
    pub fn new(blobs: Arc<BlobStore>) -> Self {
        Self {
            blobs,
            keys: Cache::new(limits::CACHED_KEYS_BYTES),
            sets: Cache::new(limits::CACHED_TEST_SETS_BYTES),
        }
    }

    /// The blobs underneath.
    pub fn blobs(&self) -> &Arc<BlobStore> {
        &self.blobs
    }

    /// What a blob is, and keeps it for the checks that follow. A damaged one is deleted, so that it is fetched
    /// again; one that is too long for its role is unreadable for good.
    ///
    /// # Errors
    /// If the blob is not here, is damaged, or the disk fails.
    pub fn facts(&self, role: BlobRole, blob: BlobRef) -> Result<BlobFacts, BlobError> {
        let max = match role {
            BlobRole::TestSet => protocol::limits::MAX_TEST_SET_BYTES as u64,
            BlobRole::VerifyingKey => protocol::limits::MAX_VERIFYING_KEY_BYTES,
        };
        let bytes = match self.blobs.read(blob.id, max) {
            Ok(bytes) => bytes,
            Err(error @ BlobError::Digest { .. }) => return Err(self.set_aside(blob, error)),
            Err(too_long @ BlobError::TooLong { .. }) => {
                // Unless it is longer only because it is damaged.
                return match self.blobs.verify_or_discard(blob.id) {
                    Ok(_) => Ok(BlobFacts::Unreadable { reason: too_long.to_string() }),
                    Err(error @ BlobError::Digest { .. }) => Err(self.set_aside(blob, error)),
                    Err(error) => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        let len = bytes.len() as u64;
        Ok(match role {
            BlobRole::TestSet => match TestSet::from_bytes(&bytes) {
                Ok(set) => {
                    let facts = BlobFacts::of_test_set(&set, len);
                    // In memory a value takes two bytes where the encoding takes one.
                    self.sets.put(blob.id, Arc::new(set), 2 * len);
                    facts
                }
                Err(error) => BlobFacts::Unreadable { reason: error.to_string() },
            },
            BlobRole::VerifyingKey => match Groth16.load_key(&bytes) {
                Ok(key) => {
                    let facts = BlobFacts::of_key(&Groth16, &key, len);
                    // Prepared for pairings, a key takes some tens of kilobytes more.
                    self.keys.put(blob.id, Arc::new(key), len + (64 << 10));
                    facts
                }
                Err(error) => BlobFacts::Unreadable { reason: error.to_string() },
            },
        })
    }

    fn set_aside(&self, blob: BlobRef, error: BlobError) -> BlobError {
        self.blobs.set_aside(blob).err().unwrap_or(error)
    }

    /// A test set.
    ///
    /// # Errors
    /// If the blob is not here or is no test set.
    pub fn test_set(&self, blob: BlobRef) -> Result<Arc<TestSet>, ProofError> {
        self.load(BlobRole::TestSet, blob, &self.sets)
    }

    /// A verifying key.
    ///
    /// # Errors
    /// If the blob is not here or is no verifying key.
    pub fn key(&self, blob: BlobRef) -> Result<Arc<VerifyingKey>, ProofError> {
        self.load(BlobRole::VerifyingKey, blob, &self.keys)
    }

    fn load<T>(&self, role: BlobRole, blob: BlobRef, cache: &Cache<T>) -> Result<Arc<T>, ProofError> {
        if let Some(item) = cache.get(blob.id) {
            return Ok(item);
        }
        let facts = self.facts(role, blob).map_err(|error| not_checked(&error))?;
        if let BlobFacts::Unreadable { reason } = facts {
            return Err(not_checked(&reason));
        }
        cache.get(blob.id).ok_or_else(|| not_checked(&"it was pushed out of memory at once"))
    }

    /// Runs a proof check and measures it, in microseconds, without the reading of key and test set.
    pub fn run(&self, check: &ProofCheck<VerifiedModel>) -> Checked {
        let materials = || {
            let key = self.key(check.key().blob)?;
            let set = check.test_set().map(|blob| self.test_set(blob)).transpose()?;
            Ok((key, set))
        };
        let (key, set) = match materials() {
            Ok(materials) => materials,
            Err(error) => return (Err(error), 0),
        };
        let start = Instant::now();
        let result = check.run(&Groth16, &key, set.as_deref());
        (result, u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX).max(1))
    }

    /// Runs the proof checks of one key together: what [`Materials::run`] gives for each, in a fraction of the time.
    /// The time of each is its share, by its number of proofs.
    pub fn run_batch(&self, checks: &[&ProofCheck<VerifiedModel>]) -> Vec<Checked> {
        if let [only] = checks {
            return vec![self.run(only)];
        }
        let Some(key) = checks.first().map(|check| self.key(check.key().blob)) else { return Vec::new() };
        let set =
            |check: &ProofCheck<VerifiedModel>| check.test_set().map(|blob| self.test_set(blob)).transpose();
        let sets: Vec<Result<Option<Arc<TestSet>>, ProofError>> =
            checks.iter().map(|check| set(check)).collect();
        let mut seed = [0; 32];
        let ready = rand::rngs::OsRng.try_fill_bytes(&mut seed).map_err(|error| not_checked(&error)).and(key);
        let key = match ready {
            Ok(key) => key,
            Err(error) => return checks.iter().map(|_| (Err(error.clone()), 0)).collect(),
        };
        let start = Instant::now();
        let with_sets: Vec<_> = checks
            .iter()
            .zip(&sets)
            .filter_map(|(check, set)| Some((*check, set.as_ref().ok()?.as_deref())))
            .collect();
        let mut results = ProofCheck::run_batch(&with_sets, &Groth16, &key, &seed).into_iter();
        let all: usize = with_sets.iter().map(|(check, _)| check.proofs()).sum();
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let share = |proofs: usize| (micros / all.max(1) as u64).saturating_mul(proofs as u64).max(1);
        let result =
            |(check, set): (&&ProofCheck<VerifiedModel>, Result<Option<Arc<TestSet>>, ProofError>)| match set
            {
                Err(error) => (Err(error), 0),
                Ok(_) => {
                    let left_out = || Err(not_checked(&"a proof of the batch was left out"));
                    (results.next().unwrap_or_else(left_out), share(check.proofs()))
                }
            };
        checks.iter().zip(sets).map(result).collect()
    }
}

fn not_checked(reason: &dyn std::fmt::Display) -> ProofError {
    ProofError::NotChecked { reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_damaged_blob_is_deleted_and_named_and_one_that_is_too_long_is_unreadable() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Arc::new(BlobStore::open(dir.path()).unwrap());
        let materials = Materials::new(Arc::clone(&blobs));
        let blob = blobs.add_bytes(b"a key").unwrap();
        std::fs::write(blobs.path(blob.id), b"a kex").unwrap();
        assert!(matches!(materials.key(blob), Err(ProofError::NotChecked { .. })));
        assert!(!blobs.has(blob));
        assert_eq!(blobs.take_damaged(), HashSet::from([blob]));
        assert!(blobs.take_damaged().is_empty());

        let long = vec![0; protocol::limits::MAX_VERIFYING_KEY_BYTES as usize + 1];
        let blob = blobs.add_bytes(&long).unwrap();
        let facts = materials.facts(BlobRole::VerifyingKey, blob).unwrap();
        assert!(matches!(facts, BlobFacts::Unreadable { .. }));
        std::fs::write(blobs.path(blob.id), vec![1; long.len()]).unwrap();
        assert!(matches!(materials.facts(BlobRole::VerifyingKey, blob), Err(BlobError::Digest { .. })));
        assert!(!blobs.has(blob));
    }
}
