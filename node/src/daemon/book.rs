//! What is remembered of peers from one run to the next, in `peers.json`: where they can be dialled, and who is kept
//! out. A book that cannot be read is no reason not to start: a new one is begun.

use crate::home::{self, HomeError};
use crate::{limits, net};
use libp2p::{Multiaddr, PeerId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const VERSION: u32 = 1;

/// Why a book was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BookError {
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error("not the address book of a node: {0}")]
    Json(#[from] serde_json::Error),
    #[error("expected an address book of version {VERSION}, got {got}")]
    Version { got: u32 },
}

/// See the module. Times are in seconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Book {
    peers: BTreeMap<PeerId, Entry>,
    bans: BTreeMap<PeerId, Banned>,
    /// Whether it has changed since it was last written.
    dirty: bool,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Entry {
    last_seen: u64,
    /// The ones that worked last first.
    addresses: Vec<Known>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    address: Multiaddr,
    /// When it was last dialled with success; 0 if never.
    worked: u64,
}

/// A peer that is kept out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Banned {
    pub(super) reason: String,
    pub(super) since: u64,
    pub(super) until: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    peers: Vec<PeerLine>,
    banned: Vec<BanLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PeerLine {
    peer_id: String,
    last_seen: u64,
    addresses: Vec<AddressLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressLine {
    address: String,
    worked: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BanLine {
    peer_id: String,
    reason: String,
    since: u64,
    until: u64,
}

impl Book {
    /// Reads a book, or begins one. What in it is older than it may be is left out.
    pub(super) fn open(path: &Path, now: u64) -> Self {
        if !path.exists() {
            return Self::default();
        }
        match Self::read(path) {
            Ok(mut book) => {
                book.expire(now);
                book
            }
            Err(error) => {
                tracing::warn!(%error, "the address book is begun anew");
                Self::default()
            }
        }
    }

    fn read(path: &Path) -> Result<Self, BookError> {
        let file: File = serde_json::from_slice(&home::read_private(path, limits::BOOK_MAX_BYTES)?)?;
        if file.version != VERSION {
            return Err(BookError::Version { got: file.version });
        }
        let mut book = Self::default();
        for line in file.peers {
            let Ok(peer) = line.peer_id.parse() else { continue };
            for known in line.addresses.iter().rev() {
                if let Ok(address) = known.address.parse() {
                    book.put(peer, address, known.worked, line.last_seen);
                }
            }
        }
        for line in file.banned {
            if let Ok(peer) = line.peer_id.parse() {
                book.ban(peer, &line.reason, line.since, line.until);
            }
        }
        book.dirty = false;
        Ok(book)
    }

    /// The bytes to write, if anything has changed since the last time.
    pub(super) fn take_unwritten(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.dirty) {
            return None;
        }
        let line = |(peer, entry): (&PeerId, &Entry)| PeerLine {
            peer_id: peer.to_string(),
            last_seen: entry.last_seen,
            addresses: entry.addresses.iter().map(address_line).collect(),
        };
        let ban = |(peer, banned): (&PeerId, &Banned)| BanLine {
            peer_id: peer.to_string(),
            reason: banned.reason.clone(),
            since: banned.since,
            until: banned.until,
        };
        let peers = self.peers.iter().map(line).collect();
        let file = File { version: VERSION, peers, banned: self.bans.iter().map(ban).collect() };
        match serde_json::to_vec_pretty(&file) {
            Ok(bytes) if bytes.len() as u64 <= limits::BOOK_MAX_BYTES => Some(bytes),
            Ok(bytes) => {
                tracing::warn!(got = bytes.len(), "the address book is too long to be written");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "the address book was not written");
                None
            }
        }
    }

    /// The last attempt to write it has failed.
    pub(super) fn not_written(&mut self) {
        self.dirty = true;
    }

    /// A peer has been dialled at this address with success.
    pub(super) fn worked(&mut self, peer: PeerId, address: &Multiaddr, now: u64) {
        if address.len() <= limits::ADDRESS_MAX_BYTES {
            self.put(peer, net::without_target(address), now, now);
        }
    }

    /// A connected peer says that it listens there. What did not work so far and is not among these is forgotten: it
    /// may have changed its port.
    pub(super) fn listens(&mut self, peer: PeerId, addresses: &[Multiaddr], now: u64) {
        if let Some(entry) = self.peers.get_mut(&peer) {
            let named = |known: &Known| addresses.iter().any(|a| net::same_address(a, &known.address));
            entry.addresses.retain(|known| known.worked > 0 || named(known));
        }
        for address in addresses.iter().rev() {
            self.put(peer, net::without_target(address), 0, now);
        }
    }

    /// A peer is connected.
    pub(super) fn seen(&mut self, peer: PeerId, now: u64) {
        if let Some(entry) = self.peers.get_mut(&peer)
            && entry.last_seen < now
        {
            (entry.last_seen, self.dirty) = (now, true);
        }
    }

    fn put(&mut self, peer: PeerId, address: Multiaddr, worked: u64, now: u64) {
        if net::scope_of(&address).is_none() {
            return;
        }
        self.dirty = true;
        let entry = self.peers.entry(peer).or_default();
        entry.last_seen = entry.last_seen.max(now);
        let before = entry.addresses.iter().position(|known| known.address == address);
        let before = before.map_or(0, |at| entry.addresses.remove(at).worked);
        let worked = worked.max(before);
        let place = entry.addresses.partition_point(|known| known.worked > worked);
        entry.addresses.insert(place, Known { address, worked });
        entry.addresses.truncate(limits::PEER_ADDRESSES);
        if self.peers.len() > limits::BOOK_PEERS
            && let Some(oldest) =
                self.peers.iter().min_by_key(|(_, entry)| entry.last_seen).map(|(id, _)| *id)
        {
            self.peers.remove(&oldest);
        }
    }

    /// Peers and where to dial them, the one seen last first.
    pub(super) fn peers(&self) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let mut peers: Vec<_> = self.peers.iter().collect();
        peers.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.last_seen));
        let addresses = |entry: &Entry| entry.addresses.iter().map(|known| known.address.clone()).collect();
        peers.into_iter().map(|(peer, entry)| (*peer, addresses(entry))).collect()
    }

    /// Where one peer can be dialled.
    pub(super) fn addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        let entry = self.peers.get(peer);
        entry.into_iter().flat_map(|entry| &entry.addresses).map(|known| known.address.clone()).collect()
    }

    /// Keeps a peer out; a longer ban stays. Returns who had to be let in again to make room.
    pub(super) fn ban(&mut self, peer: PeerId, reason: &str, since: u64, until: u64) -> Option<PeerId> {
        self.dirty = true;
        let reason = short(reason, limits::REFUSALS * (limits::REFUSAL_CHARS + 2));
        let until = until.min(since.saturating_add(limits::BAN_MAX.as_secs()));
        let banned = self.bans.entry(peer).or_insert(Banned { reason: String::new(), since, until: 0 });
        if until >= banned.until {
            *banned = Banned { reason, since, until };
        }
        if self.bans.len() <= limits::MAX_BANNED {
            return None;
        }
        let first = self.bans.iter().min_by_key(|(_, banned)| banned.until).map(|(peer, _)| *peer)?;
        self.bans.remove(&first);
        Some(first)
    }

    /// Lets a peer in again; whether it was kept out.
    pub(super) fn unban(&mut self, peer: &PeerId) -> bool {
        let was = self.bans.remove(peer).is_some();
        self.dirty |= was;
        was
    }

    pub(super) fn bans(&self) -> &BTreeMap<PeerId, Banned> {
        &self.bans
    }

    /// Forgets what is over, and returns who is let in again. A ban from the future, when the clock has been set
    /// back, lasts no longer than it would have.
    pub(super) fn expire(&mut self, now: u64) -> Vec<PeerId> {
        for banned in self.bans.values_mut().filter(|banned| banned.since > now) {
            banned.until = now.saturating_add(banned.until.saturating_sub(banned.since));
            banned.since = now;
            self.dirty = true;
        }
        let over: Vec<_> = self.bans.iter().filter(|(_, ban)| ban.until <= now).map(|(id, _)| *id).collect();
        for peer in &over {
            self.unban(peer);
        }
        let before = self.peers.len();
        let oldest = now.saturating_sub(limits::BOOK_AGE.as_secs());
        self.peers.retain(|_, entry| entry.last_seen >= oldest);
        self.dirty |= self.peers.len() < before;
        over
    }
}

fn address_line(known: &Known) -> AddressLine {
    AddressLine { address: known.address.to_string(), worked: known.worked }
}

/// The first characters of a text, without any that move a cursor.
pub(super) fn short(text: &str, chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: usize) -> Multiaddr {
        format!("/ip4/192.0.2.1/tcp/{port}").parse().unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("peers.json");
        let (a, b, c) = (PeerId::random(), PeerId::random(), PeerId::random());
        let mut book = Book::default();
        book.listens(a, &[address(1), address(2)], 100);
        book.worked(a, &address(2), 101);
        book.worked(b, &address(3), 200);
        book.ban(c, "a refused record", 100, 700);
        home::write_private(&path, &book.take_unwritten().unwrap()).unwrap();
        assert_eq!(book.take_unwritten(), None, "nothing has changed");
        let mut read = Book::open(&path, 300);
        assert_eq!(read.peers(), [(b, vec![address(3)]), (a, vec![address(2), address(1)])]);
        assert_eq!((&read.peers, &read.bans), (&book.peers, &book.bans));
        assert_eq!(read.take_unwritten(), None);
        assert!(Book::open(&path, 700).bans().is_empty(), "over by then");
    }

    #[test]
    fn a_book_that_is_none_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("peers.json");
        let bad: [&[u8]; 4] = [
            b"",
            b"nonsense",
            br#"{"version":2,"peers":[],"banned":[]}"#,
            br#"{"version":1,"peers":[],"banned":[],"more":0}"#,
        ];
        for bytes in bad {
            home::write_private(&path, bytes).unwrap();
            assert!(Book::read(&path).is_err() && Book::open(&path, 0).peers().is_empty());
        }
        home::write_private(&path, &vec![b' '; limits::BOOK_MAX_BYTES as usize + 1]).unwrap();
        assert!(matches!(Book::read(&path), Err(BookError::Home(_))));
        let odd = br#"{"version":1,"peers":[{"peer_id":"x","last_seen":1,"addresses":[]}],"banned":[]}"#;
        home::write_private(&path, odd).unwrap();
        assert!(Book::read(&path).unwrap().peers().is_empty());
    }

    #[test]
    fn the_peer_seen_longest_ago_makes_room_and_one_peer_has_few_addresses() {
        let mut book = Book::default();
        let first = PeerId::random();
        book.worked(first, &address(1), 1);
        for n in 1..limits::BOOK_PEERS {
            book.worked(PeerId::random(), &address(1), 1 + n as u64);
        }
        assert!(!book.addresses(&first).is_empty());
        book.worked(PeerId::random(), &address(1), 9_999);
        assert_eq!(book.peers().len(), limits::BOOK_PEERS);
        assert!(book.addresses(&first).is_empty());
        let peer = PeerId::random();
        book.worked(peer, &address(1), 10_000);
        for port in 2..2 + limits::PEER_ADDRESSES {
            book.listens(peer, &[address(port)], 10_000);
            book.put(peer, address(port), 0, 10_000);
        }
        for port in 2..2 + limits::PEER_ADDRESSES {
            book.put(peer, address(port), 0, 10_000);
        }
        let known = book.addresses(&peer);
        assert_eq!((known.len(), &known[0]), (limits::PEER_ADDRESSES, &address(1)), "what worked stays");
    }

    #[test]
    fn a_changed_port_replaces_the_one_that_was_only_claimed() {
        let (mut book, peer) = (Book::default(), PeerId::random());
        book.listens(peer, &[address(1)], 1);
        book.listens(peer, &[address(2)], 2);
        assert_eq!(book.addresses(&peer), [address(2)]);
    }

    #[test]
    fn bans_are_bounded_end_and_are_not_shortened() {
        let mut book = Book::default();
        let first = PeerId::random();
        assert_eq!(book.ban(first, "x", 0, 10), None);
        for n in 1..limits::MAX_BANNED {
            assert_eq!(book.ban(PeerId::random(), "x", 0, 10 + n as u64), None);
        }
        let last = PeerId::random();
        assert_eq!(book.ban(last, "x", 0, u64::MAX), Some(first), "the one that is over first");
        assert_eq!(book.bans()[&last].until, limits::BAN_MAX.as_secs());
        book.ban(last, "y", 5, 6);
        assert_eq!(book.bans()[&last].reason, "x", "a shorter ban changes nothing");
        assert_eq!(book.expire(11).len(), 1);
        assert!(book.unban(&last) && !book.unban(&last));
        let long = "z".repeat(10_000);
        book.ban(last, &long, 0, 9_999);
        assert!(book.bans()[&last].reason.len() <= limits::REFUSALS * (limits::REFUSAL_CHARS + 2));
        // The clock was set back by a day.
        book.ban(first, "x", 100_000, 100_600);
        book.expire(10_000);
        assert_eq!(book.bans()[&first].until, 10_600);
    }

    #[test]
    fn peers_that_were_not_seen_for_long_are_dropped() {
        let (mut book, peer) = (Book::default(), PeerId::random());
        book.worked(peer, &address(1), 1_000);
        book.expire(1_000 + limits::BOOK_AGE.as_secs());
        assert_eq!(book.peers().len(), 1);
        book.seen(peer, 1_001);
        book.expire(1_001 + limits::BOOK_AGE.as_secs());
        assert_eq!(book.peers().len(), 1);
        book.expire(1_002 + limits::BOOK_AGE.as_secs());
        assert!(book.peers().is_empty());
    }

    #[test]
    fn the_longest_book_fits() {
        let mut book = Book::default();
        let name = "a".repeat(limits::ADDRESS_MAX_BYTES - 20);
        for n in 0..limits::MAX_BANNED {
            let peer = PeerId::random();
            book.ban(peer, &"\u{1f980}".repeat(9_999), 0, 1 + n as u64);
            for port in 1..=limits::PEER_ADDRESSES {
                book.put(peer, format!("/dns4/{name}/tcp/{port}").parse().unwrap(), 1, n as u64);
            }
        }
        let bytes = book.take_unwritten();
        assert!(bytes.is_some(), "too long");
    }
}
