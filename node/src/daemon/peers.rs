//! Who is connected, what each has done, and who is kept out.

use super::Daemon;
use super::book::short;
use crate::ledger::{Digest, now};
use crate::{limits, net};
use api::{Ban, Body, ErrorKind, Event, Peer};
use libp2p::core::ConnectedPoint;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId, identify, ping};
use protocol::{BlobId, RecordId};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// What a peer did wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum Offence {
    #[error("a record was refused: {reason}")]
    Record { reason: String },
    #[error("catch-up: {reason}")]
    CatchUp { reason: String },
    #[error("blob {}: wrong bytes", blob.short())]
    WrongBytes { blob: BlobId },
    #[error("blob {}: expected {expected} bytes of a chunk, got {got}", blob.short())]
    ShortChunk { blob: BlobId, expected: u64, got: usize },
    #[error("blob {}: expected an answer to what was asked", blob.short())]
    NoChunk { blob: BlobId },
}

/// What a peer has done wrong so far.
#[derive(Debug, Default)]
pub(super) struct Conduct {
    pub(super) refused: u64,
    /// The last reasons.
    reasons: VecDeque<String>,
}

impl Conduct {
    fn add(&mut self, offence: &Offence) {
        self.refused += 1;
        self.reasons.push_back(short(&offence.to_string(), limits::REFUSAL_CHARS));
        if self.reasons.len() > limits::REFUSALS {
            self.reasons.pop_front();
        }
    }

    /// The different ones of the last reasons, the latest first.
    fn reason(&self) -> String {
        let mut reasons: Vec<&str> = Vec::new();
        for reason in self.reasons.iter().rev() {
            if !reasons.contains(&reason.as_str()) {
                reasons.push(reason);
            }
        }
        reasons.join("; ")
    }
}

/// The conduct of peers that have gone: who comes back does not begin anew.
#[derive(Debug, Default)]
pub(super) struct Offenders {
    gone: HashMap<PeerId, (Conduct, Instant)>,
}

impl Offenders {
    fn leave(&mut self, peer: PeerId, conduct: Conduct, now: Instant) {
        if conduct.refused == 0 {
            return;
        }
        if self.gone.len() >= limits::OFFENDERS
            && let Some(oldest) = self.gone.iter().min_by_key(|(_, (_, since))| *since).map(|(peer, _)| *peer)
        {
            self.gone.remove(&oldest);
        }
        self.gone.insert(peer, (conduct, now));
    }

    fn come_back(&mut self, peer: &PeerId) -> Conduct {
        self.gone.remove(peer).map_or_else(Conduct::default, |(conduct, _)| conduct)
    }

    fn expire(&mut self, now: Instant) {
        self.gone.retain(|_, (_, since)| now.saturating_duration_since(*since) < limits::BAN);
    }
}

/// One of the connections to a peer.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) address: Multiaddr,
    dialled: bool,
    pub(super) relayed: bool,
    since: Instant,
}

/// What a peer has said of its records.
#[derive(Debug, Default)]
pub(super) enum PeerSummary {
    /// Nothing yet.
    #[default]
    Unknown,
    /// That it has the same.
    Same,
    /// For each competition known here: how many, and whether they are the same.
    Differs(BTreeMap<RecordId, (u64, bool)>),
}

/// What is known of a connected peer.
#[derive(Debug)]
pub(super) struct PeerInfo {
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    /// Seconds since 1970.
    connected: u64,
    agent: String,
    pub(super) records: u64,
    pub(super) conduct: Conduct,
    latency: Option<Duration>,
    /// Its clock less this one's, in seconds.
    pub(super) clock_offset_s: Option<i64>,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// Its records that are being checked.
    pub(super) in_flight: usize,
    /// What its last summary said.
    pub(super) summary: PeerSummary,
    /// Whether it offers to be a relay.
    pub(super) is_relay: bool,
}

impl PeerInfo {
    fn new(conduct: Conduct) -> Self {
        Self {
            connections: BTreeMap::new(),
            connected: now(),
            agent: String::new(),
            records: 0,
            conduct,
            latency: None,
            clock_offset_s: None,
            bytes_in: 0,
            bytes_out: 0,
            in_flight: 0,
            summary: PeerSummary::Unknown,
            is_relay: false,
        }
    }

    /// The connection that matters: a direct one if there is one.
    pub(super) fn best(&self) -> Option<&Connection> {
        self.connections.values().min_by_key(|connection| (connection.relayed, connection.since))
    }

    /// Whether it can be reached through a relay only.
    pub(super) fn is_relayed(&self) -> bool {
        self.best().is_some_and(|connection| connection.relayed)
    }

    /// Whether this node has dialled it.
    pub(super) fn is_dialled(&self) -> bool {
        self.best().is_some_and(|connection| connection.dialled)
    }

    /// How long it has been connected.
    pub(super) fn age(&self) -> Duration {
        self.connections.values().map(|connection| connection.since.elapsed()).max().unwrap_or_default()
    }

    /// The relayed connections that a direct one has made superfluous: the new one has to have proved itself.
    fn superfluous(&self) -> Vec<ConnectionId> {
        let proved = |c: &Connection| !c.relayed && c.since.elapsed() >= limits::RELAYED_OVERLAP;
        if !self.connections.values().any(proved) {
            return Vec::new();
        }
        self.connections.iter().filter(|(_, c)| c.relayed).map(|(id, _)| *id).collect()
    }

    /// Takes note of a page of its summary, as far as it is about competitions that are known here.
    pub(super) fn note(
        &mut self,
        after: Option<RecordId>,
        page: &[net::Summary],
        mut own: impl FnMut(RecordId) -> Vec<Digest>,
    ) {
        let mut noted = match std::mem::take(&mut self.summary) {
            PeerSummary::Differs(noted) if after.is_some() => noted,
            _ => BTreeMap::new(),
        };
        for summary in page {
            let own = own(summary.competition);
            if !own.is_empty() {
                let count = summary.parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.1));
                noted.insert(summary.competition, (count, own == summary.parts));
            }
        }
        self.summary = PeerSummary::Differs(noted);
    }

    /// What its clock says, as of now.
    pub(super) fn note_time(&mut self, theirs: u64) {
        let offset = i128::from(theirs) - i128::from(now());
        self.clock_offset_s = Some(i64::try_from(offset).unwrap_or(i64::MAX));
    }

    fn shown(&self, peer: PeerId, score: f64) -> Peer {
        let best = self.best();
        Peer {
            peer_id: peer.to_string(),
            address: best.map_or_else(String::new, |connection| connection.address.to_string()),
            dialled: self.is_dialled(),
            relayed: self.is_relayed(),
            connected: self.connected,
            agent: self.agent.clone(),
            latency_us: self.latency.map(|latency| u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)),
            records: self.records,
            same: match &self.summary {
                PeerSummary::Unknown => None,
                PeerSummary::Same => Some(true),
                PeerSummary::Differs(_) => Some(false),
            },
            refused: self.conduct.refused,
            last_refusal: self.conduct.reasons.back().cloned(),
            score,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            clock_offset_s: self.clock_offset_s,
        }
    }
}

impl Daemon {
    pub(super) fn on_connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let address = endpoint.get_remote_address().clone();
        if endpoint.is_dialer() {
            self.on_dialled(peer, id, &address);
        }
        let offenders = &mut self.offenders;
        let new = !self.peers.contains_key(&peer);
        let info = self.peers.entry(peer).or_insert_with(|| PeerInfo::new(offenders.come_back(&peer)));
        let relayed = endpoint.is_relayed();
        let since = Instant::now();
        info.connections.insert(id, Connection { address, dialled: endpoint.is_dialer(), relayed, since });
        if new {
            self.tell(Event::PeerConnected { peer_id: peer.to_string() });
            self.start_sync(peer);
        }
    }

    pub(super) fn on_disconnected(&mut self, peer: PeerId, id: ConnectionId, remaining: u32) {
        if let Some(info) = self.peers.get_mut(&peer) {
            info.connections.remove(&id);
        }
        if remaining > 0 {
            return;
        }
        if let Some(info) = self.peers.remove(&peer) {
            self.offenders.leave(peer, info.conduct, Instant::now());
        }
        self.syncs.remove(&peer);
        self.book.seen(peer, now());
        self.tell(Event::PeerDisconnected { peer_id: peer.to_string() });
    }

    /// A peer says who it is and where it listens.
    pub(super) fn on_identified(&mut self, peer: PeerId, info: &identify::Info) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        // A stranger's text: short, and without anything that moves a cursor or turns the direction.
        let plain = |c: &char| c.is_ascii_graphic() || *c == ' ';
        known.agent = info.agent_version.chars().filter(plain).take(64).collect();
        known.is_relay = info.protocols.contains(&net::RELAY);
        // Over a relay nothing is known about how near it is.
        let direct = known.best().filter(|connection| !connection.relayed);
        let seen_at = direct.and_then(|connection| net::scope_of(&connection.address));
        let listens = net::believable(&info.listen_addrs, peer, seen_at.unwrap_or(net::Scope::Global));
        self.book.listens(peer, &listens, now());
        self.route(peer, &listens, info.protocols.contains(&net::KADEMLIA));
    }

    pub(super) fn on_ping(&mut self, event: &ping::Event) {
        if let (Some(info), Ok(latency)) = (self.peers.get_mut(&event.peer), &event.result) {
            info.latency = Some(*latency);
        }
    }

    /// Counts bytes of gossip, requests, answers and blobs.
    pub(super) fn count_in(&mut self, peer: PeerId, bytes: u64) {
        if let Some(info) = self.peers.get_mut(&peer) {
            info.bytes_in = info.bytes_in.saturating_add(bytes);
        }
    }

    pub(super) fn count_out(&mut self, peer: PeerId, bytes: u64) {
        if let Some(info) = self.peers.get_mut(&peer) {
            info.bytes_out = info.bytes_out.saturating_add(bytes);
        }
    }

    /// Who of these is to be asked for a blob: everybody for a short one; for a long one those that are reached
    /// directly, and through relays only if there is nobody else.
    pub(super) fn sources_of(&self, bytes: u64, usable: &[PeerId]) -> Vec<PeerId> {
        let relayed = |peer: &PeerId| self.peers.get(peer).is_some_and(PeerInfo::is_relayed);
        preferred(bytes, usable, relayed)
    }

    /// Counts what a peer did wrong, and cuts it off when it is too much.
    pub(super) fn blame(&mut self, peer: PeerId, offence: &Offence) {
        let Some(info) = self.peers.get_mut(&peer) else { return };
        info.conduct.add(offence);
        let (refused, reason) = (info.conduct.refused, info.conduct.reason());
        let score = self.swarm.behaviour().gossip.peer_score(&peer).unwrap_or(0.0);
        tracing::debug!(%peer, %offence, refused, score, "blamed");
        if refused < limits::REFUSED_DISCONNECT && score > limits::SCORE_DISCONNECT {
            return;
        }
        self.ban(peer, &format!("{refused} refused messages: {reason}"), limits::BAN);
    }

    /// Keeps a peer out, and hangs up.
    pub(super) fn ban(&mut self, peer: PeerId, reason: &str, length: Duration) {
        tracing::warn!(%peer, reason, seconds = length.as_secs(), "kept out");
        let since = now();
        let evicted = self.book.ban(peer, reason, since, since.saturating_add(length.as_secs()));
        let behaviour = self.swarm.behaviour_mut();
        behaviour.blocked.block_peer(peer);
        behaviour.kad.remove_peer(&peer);
        if let Some(evicted) = evicted {
            behaviour.blocked.unblock_peer(evicted);
        }
        // Whoever is let in again begins anew.
        if let Some(info) = self.peers.get_mut(&peer) {
            info.conduct = Conduct::default();
        }
        let reason = self.book.bans().get(&peer).map_or_else(String::new, |ban| ban.reason.clone());
        self.tell(Event::PeerBanned { peer_id: peer.to_string(), reason });
    }

    /// A person keeps a peer out.
    pub(super) fn ban_by_hand(&mut self, peer_id: &str, reason: &str, seconds: u64) -> Body {
        match peer_id.parse::<PeerId>() {
            Ok(peer) if peer == *self.swarm.local_peer_id() => {
                bad_request("this node cannot keep itself out")
            }
            Ok(peer) => {
                let length = Duration::from_secs(seconds).min(limits::BAN_MAX);
                self.ban(peer, if reason.is_empty() { "by hand" } else { reason }, length);
                Body::Done
            }
            Err(error) => bad_request(&format!("expected a peer id, got {peer_id}: {error}")),
        }
    }

    /// A person lets a peer in again.
    pub(super) fn unban_by_hand(&mut self, peer_id: &str) -> Body {
        match peer_id.parse::<PeerId>() {
            Ok(peer) if self.book.unban(&peer) => {
                self.swarm.behaviour_mut().blocked.unblock_peer(peer);
                Body::Done
            }
            Ok(_) => Body::Error { kind: ErrorKind::NotFound, message: format!("{peer_id} is not kept out") },
            Err(error) => bad_request(&format!("expected a peer id, got {peer_id}: {error}")),
        }
    }

    /// Those whose bans are over are let in again; relayed connections that have become superfluous are closed.
    pub(super) fn sweep_peers(&mut self) {
        for peer in self.book.expire(now()) {
            self.swarm.behaviour_mut().blocked.unblock_peer(peer);
        }
        self.offenders.expire(Instant::now());
        let superfluous: Vec<_> = self.peers.values().flat_map(PeerInfo::superfluous).collect();
        for id in superfluous {
            self.swarm.close_connection(id);
        }
    }

    pub(super) fn peer_list(&self) -> Body {
        let gossip = &self.swarm.behaviour().gossip;
        let score = |peer: &PeerId| gossip.peer_score(peer).unwrap_or(0.0);
        let peers = self.peers.iter().map(|(peer, info)| info.shown(*peer, score(peer))).collect();
        let mut banned: Vec<Ban> = self
            .book
            .bans()
            .iter()
            .map(|(peer, ban)| Ban {
                peer_id: peer.to_string(),
                reason: ban.reason.clone(),
                since: ban.since,
                until: ban.until,
            })
            .collect();
        banned.sort_by_key(|ban| std::cmp::Reverse(ban.since));
        Body::Peers { peers, banned }
    }
}

fn preferred(bytes: u64, usable: &[PeerId], relayed: impl Fn(&PeerId) -> bool) -> Vec<PeerId> {
    let direct: Vec<PeerId> = usable.iter().filter(|peer| !relayed(peer)).copied().collect();
    if bytes <= limits::RELAYED_BLOB_BYTES || direct.is_empty() { usable.to_vec() } else { direct }
}

pub(super) fn bad_request(message: &str) -> Body {
    Body::Error { kind: ErrorKind::BadRequest, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offence(reason: &str) -> Offence {
        Offence::Record { reason: reason.into() }
    }

    #[test]
    fn the_last_reasons_are_remembered_once_each_and_not_at_any_length() {
        let mut conduct = Conduct::default();
        for reason in ["a", "b", "b", "c"] {
            conduct.add(&offence(reason));
        }
        assert_eq!(conduct.refused, 4);
        assert_eq!(conduct.reason(), "a record was refused: c; a record was refused: b");
        conduct.add(&offence(&"x".repeat(10_000)));
        assert_eq!(conduct.reasons.len(), limits::REFUSALS);
        assert_eq!(conduct.reasons.back().unwrap().chars().count(), limits::REFUSAL_CHARS);
    }

    #[test]
    fn who_comes_back_does_not_begin_anew_and_few_are_remembered() {
        let (mut offenders, start) = (Offenders::default(), Instant::now());
        let peer = PeerId::random();
        let bad = || {
            let mut conduct = Conduct::default();
            conduct.add(&offence("a"));
            conduct
        };
        offenders.leave(peer, bad(), start);
        assert_eq!(offenders.come_back(&peer).refused, 1);
        assert_eq!(offenders.come_back(&peer).refused, 0);
        offenders.leave(PeerId::random(), Conduct::default(), start);
        assert!(offenders.gone.is_empty(), "nothing to remember");
        offenders.leave(peer, bad(), start);
        for _ in 0..limits::OFFENDERS {
            offenders.leave(PeerId::random(), bad(), start + Duration::from_secs(1));
        }
        assert_eq!(offenders.gone.len(), limits::OFFENDERS);
        assert_eq!(offenders.come_back(&peer).refused, 0, "the oldest has made room");
        offenders.expire(start + limits::BAN);
        assert_eq!(offenders.gone.len(), limits::OFFENDERS);
        offenders.expire(start + limits::BAN + Duration::from_secs(1));
        assert!(offenders.gone.is_empty());
    }

    #[test]
    fn a_long_blob_comes_over_a_relay_only_if_nobody_else_has_it() {
        let (direct, through) = (PeerId::random(), PeerId::random());
        let both = [direct, through];
        let relayed = |peer: &PeerId| *peer == through;
        assert_eq!(preferred(limits::RELAYED_BLOB_BYTES, &both, relayed), both);
        assert_eq!(preferred(limits::RELAYED_BLOB_BYTES + 1, &both, relayed), [direct]);
        assert_eq!(preferred(limits::RELAYED_BLOB_BYTES + 1, &[through], relayed), [through]);
    }
}
