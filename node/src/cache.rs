//! What was used last stays in memory, up to so many bytes.

use protocol::BlobId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Items by blob, shared by all threads.
#[derive(Debug)]
pub struct Cache<T>(Mutex<Items<T>>);

#[derive(Debug)]
struct Items<T> {
    items: HashMap<BlobId, (Arc<T>, u64, u64)>,
    clock: u64,
    bytes: u64,
    max_bytes: u64,
}

impl<T> Cache<T> {
    /// Of at most so many bytes, but at least one item.
    pub fn new(max_bytes: u64) -> Self {
        Self(Mutex::new(Items { items: HashMap::new(), clock: 0, bytes: 0, max_bytes }))
    }

    fn items(&self) -> MutexGuard<'_, Items<T>> {
        // A cache whose user panicked is still a cache of whole items.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An item, if it is here.
    pub fn get(&self, id: BlobId) -> Option<Arc<T>> {
        let mut cache = self.items();
        cache.clock += 1;
        let clock = cache.clock;
        let (item, _, used) = cache.items.get_mut(&id)?;
        *used = clock;
        Some(Arc::clone(item))
    }

    /// Keeps an item, and forgets the ones that were not used for longest while there are too many bytes.
    pub fn put(&self, id: BlobId, item: Arc<T>, bytes: u64) {
        let mut cache = self.items();
        cache.clock += 1;
        let clock = cache.clock;
        if let Some((_, old, _)) = cache.items.insert(id, (item, bytes, clock)) {
            cache.bytes -= old;
        }
        cache.bytes += bytes;
        while cache.bytes > cache.max_bytes && cache.items.len() > 1 {
            let oldest = cache.items.iter().min_by_key(|(_, (_, _, used))| *used).map(|(id, _)| *id);
            let Some((_, bytes, _)) = oldest.and_then(|id| cache.items.remove(&id)) else { return };
            cache.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_forgets_what_was_not_used_for_longest() {
        let id = |n: u8| BlobId::new([n; 32]);
        let cache = Cache::new(10);
        cache.put(id(1), Arc::new(1), 5);
        cache.put(id(2), Arc::new(2), 5);
        assert!(cache.get(id(1)).is_some());
        cache.put(id(3), Arc::new(3), 5);
        assert!(cache.get(id(2)).is_none());
        assert!(cache.get(id(1)).is_some() && cache.get(id(3)).is_some());
        cache.put(id(4), Arc::new(4), 50);
        let left = cache.items();
        assert_eq!((left.items.len(), left.bytes), (1, 50), "the newest stays, however large");
    }
}
