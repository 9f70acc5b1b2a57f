//! Kademlia: whom it knows, what this node announces, and who has a blob that nobody connected has.

use super::Daemon;
use crate::{limits, net};
use libp2p::kad::store::RecordStore;
use libp2p::kad::{Event, GetProvidersOk, InboundRequest, ProviderRecord, QueryId, QueryResult, RecordKey};
use libp2p::{Multiaddr, PeerId};
use protocol::{BlobId, BlobRef};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// The blobs that competitions name are gone through so often.
const SCAN: Duration = Duration::from_secs(10);
/// And at most so many of them are looked for on the disk.
const SCAN_BLOBS: usize = 1024;
/// Peers in the routing table for whom an announcement is good enough: the replication of Kademlia.
const ENOUGH_ROUTED: usize = 20;

/// See the module.
#[derive(Default)]
pub(super) struct Lookups {
    seeks: HashMap<QueryId, BlobId>,
    sought: HashMap<BlobId, Instant>,
    /// Peers that were dialled because they are said to have a blob.
    providers: HashMap<PeerId, Instant>,
    announced: HashMap<BlobId, Announced>,
    scanned: Option<Instant>,
    /// Blobs that are here, in the order in which they are announced.
    held: Vec<BlobId>,
    looked_around: Option<Instant>,
}

/// When a blob was announced last, and how many peers the routing table had then.
struct Announced {
    at: Instant,
    routed: usize,
}

impl Lookups {
    /// Whether a blob is to be announced: for the first time, because it is long ago, or because there are peers to
    /// hear it that were not known.
    fn is_due(&self, blob: &BlobId, routed: usize, now: Instant) -> bool {
        let Some(last) = self.announced.get(blob) else { return true };
        let age = now.saturating_duration_since(last.at);
        age >= limits::ANNOUNCE_INTERVAL || last.routed < ENOUGH_ROUTED.min(routed) && age >= SCAN
    }

    /// Whether a peer was dialled lately for what it has.
    pub(super) fn is_provider(&self, peer: &PeerId) -> bool {
        self.providers.contains_key(peer)
    }

    /// Everything is announced again: at other addresses.
    pub(super) fn announce_again(&mut self) {
        self.announced.clear();
    }
}

fn key_of(blob: BlobId) -> RecordKey {
    RecordKey::new(blob.as_bytes())
}

impl Daemon {
    /// A peer has said where it listens: it is known to Kademlia from now on, at these addresses alone, if it speaks
    /// it.
    pub(super) fn route(&mut self, peer: PeerId, addresses: &[Multiaddr], speaks: bool) {
        let kad = &mut self.swarm.behaviour_mut().kad;
        if !speaks {
            kad.remove_peer(&peer);
            return;
        }
        for address in addresses {
            kad.add_address(&peer, address.clone());
        }
        let same = |known: &Multiaddr| addresses.iter().any(|address| net::same_address(address, known));
        let stale: Vec<Multiaddr> = match kad.kbucket(peer) {
            Some(bucket) if !addresses.is_empty() => bucket
                .iter()
                .filter(|entry| *entry.node.key.preimage() == peer)
                .flat_map(|entry| {
                    entry.node.value.iter().filter(|known| !same(known)).cloned().collect::<Vec<_>>()
                })
                .collect(),
            _ => Vec::new(),
        };
        for address in stale {
            kad.remove_address(&peer, &address);
        }
    }

    /// Peers that Kademlia knows, and where.
    pub(super) fn routed(&mut self) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let mut routed = Vec::new();
        for bucket in self.swarm.behaviour_mut().kad.kbuckets() {
            for entry in bucket.iter() {
                let addresses = entry.node.value.iter().take(limits::PEER_ADDRESSES).cloned().collect();
                routed.push((*entry.node.key.preimage(), addresses));
            }
        }
        routed
    }

    fn routed_count(&mut self) -> usize {
        self.swarm.behaviour_mut().kad.kbuckets().map(|bucket| bucket.num_entries()).sum()
    }

    /// Looks for peers that Kademlia does not know yet.
    pub(super) fn look_around(&mut self) {
        let due = self.lookups.looked_around.is_none_or(|last| last.elapsed() >= limits::LOOKUP_INTERVAL);
        let idle = self.swarm.behaviour().kad.iter_queries().next().is_none();
        if !idle || self.routed_count() == 0 {
            return;
        }
        let kad = &mut self.swarm.behaviour_mut().kad;
        if due {
            self.lookups.looked_around = Some(Instant::now());
            if let Err(error) = kad.bootstrap() {
                tracing::debug!(%error, "nobody to look up");
            }
        } else {
            kad.get_closest_peers(PeerId::random());
        }
    }

    /// Announces blobs that are here and that competitions name, a few at a time.
    pub(super) fn announce(&mut self) {
        let now = Instant::now();
        if self.lookups.scanned.is_none_or(|last| now.saturating_duration_since(last) >= SCAN) {
            self.lookups.scanned = Some(now);
            self.scan(now);
        }
        let routed = self.routed_count();
        if routed == 0 || !self.is_reachable() {
            return;
        }
        let lookups = &self.lookups;
        let due = lookups.held.iter().filter(|blob| lookups.is_due(blob, routed, now));
        for blob in due.take(limits::ANNOUNCED_AT_ONCE).copied().collect::<Vec<_>>() {
            self.lookups.announced.insert(blob, Announced { at: now, routed });
            match self.swarm.behaviour_mut().kad.start_providing(key_of(blob)) {
                Ok(_) => tracing::debug!(blob = %blob.short(), routed, "announced"),
                Err(error) => tracing::debug!(blob = %blob.short(), %error, "not announced"),
            }
        }
    }

    /// Finds out which blobs are here; those that have gone are no longer announced.
    fn scan(&mut self, now: Instant) {
        let mut named: Vec<(u64, BlobRef)> = Vec::new();
        for contest in self.ledger.state().set().contests() {
            let (kept, blobs) = (contest.competition(), self.ledger.blobs());
            let rules = kept.item.body();
            let keys = rules.size_classes.iter().flat_map(|class| [class.verifying_key, class.proving_key]);
            let all = keys.chain(contest.test_set()).chain(rules.training);
            named
                .extend(all.filter(|blob| blobs.len_of(blob.id).is_some()).map(|blob| (rules.created, blob)));
            if named.len() >= SCAN_BLOBS {
                break;
            }
        }
        named.sort_by_key(|(created, _)| std::cmp::Reverse(*created));
        let (mut seen, lookups) = (HashSet::new(), &mut self.lookups);
        let first = named.into_iter().map(|(_, blob)| blob.id).filter(|id| seen.insert(*id));
        lookups.held = first.take(limits::ANNOUNCED_BLOBS).collect();
        let held: HashSet<BlobId> = lookups.held.iter().copied().collect();
        let kad = &mut self.swarm.behaviour_mut().kad;
        lookups.announced.retain(|blob, _| {
            let keep = held.contains(blob);
            if !keep {
                kad.stop_providing(&key_of(*blob));
            }
            keep
        });
        kad.store_mut().expire(now);
    }

    /// Nobody connected has a blob: somebody else may.
    pub(super) fn seek(&mut self, blob: BlobId) {
        let now = Instant::now();
        let lookups = &mut self.lookups;
        lookups.sought.retain(|_, since| now.saturating_duration_since(*since) < limits::SEEK_PAUSE);
        if lookups.seeks.len() >= limits::SEEKS || lookups.sought.contains_key(&blob) {
            return;
        }
        lookups.sought.insert(blob, now);
        tracing::debug!(blob = %blob.short(), "looking for somebody who has it");
        let query = self.swarm.behaviour_mut().kad.get_providers(key_of(blob));
        self.lookups.seeks.insert(query, blob);
    }

    pub(super) fn on_kad(&mut self, event: Event) {
        match event {
            Event::OutboundQueryProgressed { id, result, step, .. } => {
                if let QueryResult::GetProviders(Ok(GetProvidersOk::FoundProviders { key, providers })) =
                    result
                {
                    self.on_providers(&key, &providers);
                }
                if step.last {
                    self.lookups.seeks.remove(&id);
                }
            }
            Event::InboundRequest { request: InboundRequest::AddProvider { record: Some(record) } } => {
                self.on_announced(record);
            }
            _ => {}
        }
    }

    fn on_providers(&mut self, key: &RecordKey, providers: &HashSet<PeerId>) {
        let mut dialled = 0;
        for peer in providers {
            let addresses = self.swarm.behaviour_mut().kad.store_mut().addresses(key, peer);
            if dialled < limits::SEEK_DIALS && self.dial_at(*peer, addresses) {
                dialled += 1;
                self.lookups.providers.insert(*peer, Instant::now());
            }
        }
    }

    /// A peer says that it has a blob.
    fn on_announced(&mut self, mut record: ProviderRecord) {
        let Some(info) = self.peers.get(&record.provider) else { return };
        let direct = info.best().filter(|connection| !connection.relayed);
        let seen_at = direct.and_then(|connection| net::scope_of(&connection.address));
        let seen_at = seen_at.unwrap_or(net::Scope::Global);
        record.addresses = net::believable(&record.addresses, record.provider, seen_at);
        if let Err(error) = self.swarm.behaviour_mut().kad.store_mut().add_provider(record) {
            tracing::debug!(%error, "an announcement was not kept");
        }
    }

    /// Forgets who was dialled long ago.
    pub(super) fn sweep_lookups(&mut self) {
        self.lookups.providers.retain(|_, since| since.elapsed() < limits::DIAL_PAUSE_MAX);
        self.announce();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_announced_again_when_there_is_somebody_new_to_hear_it_or_it_is_long_ago() {
        let (mut lookups, start, blob) = (Lookups::default(), Instant::now(), BlobId::of(b"x"));
        assert!(lookups.is_due(&blob, 1, start));
        lookups.announced.insert(blob, Announced { at: start, routed: 1 });
        assert!(!lookups.is_due(&blob, 2, start), "not so soon");
        assert!(!lookups.is_due(&blob, 1, start + SCAN));
        assert!(lookups.is_due(&blob, 2, start + SCAN));
        lookups.announced.insert(blob, Announced { at: start, routed: ENOUGH_ROUTED });
        assert!(!lookups.is_due(&blob, 500, start + SCAN), "enough have heard it");
        assert!(lookups.is_due(&blob, 1, start + limits::ANNOUNCE_INTERVAL));
    }
}
