//! How fast blobs leave: a bucket of tokens for all peers together, and one for each.

use crate::limits;
use libp2p::PeerId;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A token bucket, written down as the moment at which it will be full again (the generic cell rate algorithm, ITU-T
/// I.371): there is nothing to fill up.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    full: Instant,
}

impl Bucket {
    /// How long to wait until so many bytes may be taken at this rate; a second's worth may be taken at once.
    fn wait(&self, rate: u64, bytes: u64, now: Instant) -> Duration {
        let debt = self.full.saturating_duration_since(now) + cost(rate, bytes);
        debt.saturating_sub(limits::UPLOAD_BURST.max(cost(rate, bytes)))
    }

    fn take(&mut self, rate: u64, bytes: u64, now: Instant) {
        self.full = self.full.max(now) + cost(rate, bytes);
    }
}

/// The time that bytes take at a rate, an hour at most.
fn cost(rate: u64, bytes: u64) -> Duration {
    Duration::try_from_secs_f64(bytes as f64 / rate.max(1) as f64)
        .unwrap_or(Duration::MAX)
        .min(Duration::from_secs(3600))
}

/// The buckets.
#[derive(Debug)]
pub(super) struct Rates {
    /// Bytes per second to all peers.
    total_rate: u64,
    /// Bytes per second to one.
    peer_rate: u64,
    total: Bucket,
    peers: HashMap<PeerId, Bucket>,
}

impl Rates {
    /// At most so many bytes per second to all peers together.
    pub(super) fn new(total_rate: u64, now: Instant) -> Self {
        Self {
            total_rate,
            peer_rate: limits::UPLOAD_RATE_PER_PEER.min(total_rate),
            total: Bucket { full: now },
            peers: HashMap::new(),
        }
    }

    /// Takes so many bytes, and says how long to wait before they leave; nothing is taken if that is too long.
    pub(super) fn take(&mut self, peer: PeerId, bytes: u64, now: Instant) -> Option<Duration> {
        let own = self.peers.entry(peer).or_insert(Bucket { full: now });
        let wait = own.wait(self.peer_rate, bytes, now).max(self.total.wait(self.total_rate, bytes, now));
        if wait > limits::UPLOAD_PATIENCE {
            return None;
        }
        own.take(self.peer_rate, bytes, now);
        self.total.take(self.total_rate, bytes, now);
        Some(wait)
    }

    /// Forgets peers whose buckets are full.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.peers.retain(|_, bucket| bucket.full > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn bytes_leave_at_the_rate_after_a_burst_and_whoever_would_wait_too_long_is_told() {
        let (start, peer) = (Instant::now(), PeerId::random());
        let mut rates = Rates::new(4 * MIB, start);
        let (mut now, mut sent) = (start, 0);
        while let Some(wait) = rates.take(peer, MIB, now) {
            sent += MIB;
            now += Duration::from_millis(1);
            assert!(wait <= limits::UPLOAD_PATIENCE);
        }
        let at_once = limits::UPLOAD_BURST + limits::UPLOAD_PATIENCE;
        assert_eq!(sent, 4 * MIB * at_once.as_secs(), "a burst, and what is waited for");
        // Over a minute: the rate, and the burst once.
        let mut waited = rates.take(peer, MIB, now + Duration::from_secs(1)).unwrap();
        for second in 2..60 {
            for _ in 0..4 {
                waited = rates.take(peer, MIB, now + Duration::from_secs(second)).unwrap();
            }
        }
        assert!(waited > limits::UPLOAD_PATIENCE - Duration::from_secs(1), "{waited:?}");
        assert_eq!(rates.take(peer, 2 * MIB, now + Duration::from_secs(59)), None, "one beyond");
        rates.sweep(now + Duration::from_secs(70));
        assert!(rates.peers.is_empty());
        assert_eq!(rates.take(peer, MIB, now + Duration::from_secs(70)), Some(Duration::ZERO));
    }

    #[test]
    fn one_peer_does_not_take_everybodys_share() {
        let (now, greedy, modest) = (Instant::now(), PeerId::random(), PeerId::random());
        let mut rates = Rates::new(2 * limits::UPLOAD_RATE_PER_PEER, now);
        while rates.take(greedy, MIB, now).is_some() {}
        assert!(rates.take(modest, MIB, now).is_some());
        // Nor does a slow total leave anything to nobody: a chunk goes however low the rate.
        let mut slow = Rates::new(MIB / 2, now);
        assert_eq!(slow.take(modest, MIB, now), Some(Duration::ZERO));
    }
}
