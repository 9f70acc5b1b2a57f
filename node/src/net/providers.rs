//! Who has which blob, as peers have announced it: what Kademlia keeps here for others, and what this node announces.
//!
//! libp2p's own store bounds the keys alone, and for the own announcements together with strangers'; and it keeps what
//! has run out until somebody asks for it. Here one peer cannot fill the place of all, nor all of them that of this
//! node, and what has run out makes room. Values are not kept at all: records travel by gossip and catch-up.

use crate::limits;
use libp2p::kad::store::{Error, RecordStore, Result};
use libp2p::kad::{ProviderRecord, Record, RecordKey};
use libp2p::{Multiaddr, PeerId};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

/// Length of a key: that of a blob's id.
const KEY_BYTES: usize = 32;

/// See the module.
pub struct Providers {
    own: PeerId,
    provided: BTreeMap<[u8; KEY_BYTES], ProviderRecord>,
    others: HashMap<[u8; KEY_BYTES], Vec<ProviderRecord>>,
    /// How many keys a peer has announced here.
    counts: HashMap<PeerId, usize>,
}

fn key_of(key: &RecordKey) -> Option<[u8; KEY_BYTES]> {
    key.as_ref().try_into().ok()
}

impl Providers {
    /// Nothing yet. `own` is this node's id.
    pub fn new(own: PeerId) -> Self {
        Self { own, provided: BTreeMap::new(), others: HashMap::new(), counts: HashMap::new() }
    }

    /// Where a provider said that it can be dialled.
    pub fn addresses(&self, key: &RecordKey, provider: &PeerId) -> Vec<Multiaddr> {
        let records = key_of(key).and_then(|key| self.others.get(&key));
        let record = records.into_iter().flatten().find(|record| record.provider == *provider);
        record.map_or_else(Vec::new, |record| record.addresses.clone())
    }

    /// Forgets what has run out.
    pub fn expire(&mut self, now: Instant) {
        let counts = &mut self.counts;
        self.others.retain(|_, records| {
            records.retain(|record| {
                let keep = !record.is_expired(now);
                if !keep {
                    uncount(counts, &record.provider);
                }
                keep
            });
            !records.is_empty()
        });
    }
}

fn uncount(counts: &mut HashMap<PeerId, usize>, peer: &PeerId) {
    if let Some(count) = counts.get_mut(peer) {
        *count -= 1;
        if *count == 0 {
            counts.remove(peer);
        }
    }
}

impl RecordStore for Providers {
    type RecordsIter<'a> = std::iter::Empty<Cow<'a, Record>>;
    type ProvidedIter<'a> = std::iter::Map<
        std::collections::btree_map::Values<'a, [u8; KEY_BYTES], ProviderRecord>,
        fn(&'a ProviderRecord) -> Cow<'a, ProviderRecord>,
    >;

    fn get(&self, _: &RecordKey) -> Option<Cow<'_, Record>> {
        None
    }

    fn put(&mut self, _: Record) -> Result<()> {
        Err(Error::ValueTooLarge)
    }

    fn remove(&mut self, _: &RecordKey) {}

    fn records(&self) -> Self::RecordsIter<'_> {
        std::iter::empty()
    }

    fn add_provider(&mut self, mut record: ProviderRecord) -> Result<()> {
        let Some(key) = key_of(&record.key) else { return Err(Error::ValueTooLarge) };
        if record.provider == self.own {
            if self.provided.len() >= limits::ANNOUNCED_BLOBS && !self.provided.contains_key(&key) {
                return Err(Error::MaxProvidedKeys);
            }
            self.provided.insert(key, record);
            return Ok(());
        }
        record.addresses.retain(|address| address.len() <= limits::ADDRESS_MAX_BYTES);
        record.addresses.truncate(limits::PEER_ADDRESSES);
        let known = self.others.get_mut(&key);
        if let Some(place) = known.and_then(|all| all.iter_mut().find(|r| r.provider == record.provider)) {
            *place = record;
            return Ok(());
        }
        let of_peer = self.counts.get(&record.provider).copied().unwrap_or(0);
        let of_key = self.others.get(&key).map_or(0, Vec::len);
        if of_peer >= limits::PROVIDED_PER_PEER
            || of_key >= limits::PROVIDERS_PER_KEY
            || of_key == 0 && self.others.len() >= limits::PROVIDED_KEYS
        {
            return Err(Error::MaxProvidedKeys);
        }
        *self.counts.entry(record.provider).or_default() += 1;
        self.others.entry(key).or_default().push(record);
        Ok(())
    }

    fn providers(&self, key: &RecordKey) -> Vec<ProviderRecord> {
        let Some(key) = key_of(key) else { return Vec::new() };
        let others = self.others.get(&key).into_iter().flatten();
        others.chain(self.provided.get(&key)).cloned().collect()
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        self.provided.values().map(Cow::Borrowed)
    }

    fn remove_provider(&mut self, key: &RecordKey, provider: &PeerId) {
        let Some(key) = key_of(key) else { return };
        if *provider == self.own {
            self.provided.remove(&key);
        } else if let Some(records) = self.others.get_mut(&key) {
            let before = records.len();
            records.retain(|record| record.provider != *provider);
            if records.len() < before {
                uncount(&mut self.counts, provider);
            }
            if records.is_empty() {
                self.others.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key(n: usize) -> RecordKey {
        let mut key = [0; KEY_BYTES];
        key[..8].copy_from_slice(&n.to_be_bytes());
        RecordKey::new(&key)
    }

    fn record(n: usize, peer: PeerId) -> ProviderRecord {
        ProviderRecord::new(key(n), peer, Vec::new())
    }

    #[test]
    fn one_peer_cannot_announce_one_blob_too_many() {
        let (mut store, peer) = (Providers::new(PeerId::random()), PeerId::random());
        for n in 0..limits::PROVIDED_PER_PEER {
            store.add_provider(record(n, peer)).unwrap();
        }
        assert!(store.add_provider(record(limits::PROVIDED_PER_PEER, peer)).is_err());
        store.add_provider(record(0, peer)).unwrap();
        store.add_provider(record(limits::PROVIDED_PER_PEER, PeerId::random())).unwrap();
        store.remove_provider(&key(0), &peer);
        store.remove_provider(&key(0), &peer);
        store.add_provider(record(limits::PROVIDED_PER_PEER, peer)).unwrap();
        assert!(store.add_provider(record(limits::PROVIDED_PER_PEER + 1, peer)).is_err());
    }

    #[test]
    fn a_blob_has_no_more_than_so_many_providers_and_the_store_no_more_than_so_many_blobs() {
        let mut store = Providers::new(PeerId::random());
        for _ in 0..limits::PROVIDERS_PER_KEY {
            store.add_provider(record(0, PeerId::random())).unwrap();
        }
        assert!(store.add_provider(record(0, PeerId::random())).is_err());
        assert_eq!(store.providers(&key(0)).len(), limits::PROVIDERS_PER_KEY);
        for n in 1..limits::PROVIDED_KEYS {
            store.add_provider(record(n, PeerId::random())).unwrap();
        }
        assert!(store.add_provider(record(limits::PROVIDED_KEYS, PeerId::random())).is_err());
        assert_eq!(store.others.len(), limits::PROVIDED_KEYS);
    }

    #[test]
    fn strangers_cannot_take_the_place_of_own_announcements() {
        let own = PeerId::random();
        let mut store = Providers::new(own);
        for n in 0..limits::PROVIDED_KEYS {
            store.add_provider(record(n, PeerId::random())).unwrap();
        }
        for n in 0..limits::ANNOUNCED_BLOBS {
            store.add_provider(record(n, own)).unwrap();
        }
        assert!(store.add_provider(record(limits::ANNOUNCED_BLOBS, own)).is_err());
        assert_eq!(store.provided().count(), limits::ANNOUNCED_BLOBS);
        store.remove_provider(&key(0), &own);
        assert_eq!(store.provided().count(), limits::ANNOUNCED_BLOBS - 1);
    }

    #[test]
    fn what_has_run_out_makes_room() {
        let (mut store, peer, now) = (Providers::new(PeerId::random()), PeerId::random(), Instant::now());
        for n in 0..limits::PROVIDED_PER_PEER {
            let expires = Some(now + Duration::from_secs(n as u64 % 2));
            store.add_provider(ProviderRecord { expires, ..record(n, peer) }).unwrap();
        }
        store.expire(now);
        assert_eq!(store.others.len(), limits::PROVIDED_PER_PEER / 2);
        store.add_provider(record(limits::PROVIDED_PER_PEER, peer)).unwrap();
        store.expire(now + Duration::from_secs(2));
        assert_eq!(store.others.len(), 1);
    }

    #[test]
    fn values_other_keys_and_endless_addresses_are_not_kept() {
        let (mut store, peer) = (Providers::new(PeerId::random()), PeerId::random());
        assert!(store.put(Record::new(key(1), b"value".to_vec())).is_err());
        let short = ProviderRecord::new(RecordKey::new(&[1; KEY_BYTES - 1]), peer, Vec::new());
        let long = ProviderRecord::new(RecordKey::new(&[1; KEY_BYTES + 1]), peer, Vec::new());
        assert!(store.add_provider(short).is_err() && store.add_provider(long).is_err());
        let address = |n: usize| -> Multiaddr { format!("/ip4/8.8.8.8/tcp/{}", n + 1).parse().unwrap() };
        let addresses = (0..=limits::PEER_ADDRESSES).map(address).collect();
        store.add_provider(ProviderRecord::new(key(1), peer, addresses)).unwrap();
        assert_eq!(store.addresses(&key(1), &peer).len(), limits::PEER_ADDRESSES);
        let name = "a".repeat(limits::ADDRESS_MAX_BYTES);
        let endless = vec![format!("/dns4/{name}/tcp/1").parse().unwrap()];
        store.add_provider(ProviderRecord::new(key(1), peer, endless)).unwrap();
        assert!(store.addresses(&key(1), &peer).is_empty());
    }
}
