//! Whom to dial: the peers that a person named, those that were met before, and others as long as there are few.

use super::Daemon;
use super::pauses::Pauses;
use super::peers::{PeerInfo, bad_request};
use crate::ledger::now;
use crate::{limits, net};
use api::{Body, ErrorKind};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError};
use libp2p::{Multiaddr, PeerId};
use std::collections::{HashMap, HashSet};
use std::time::Instant;
use tokio::sync::oneshot;

/// A peer that is dialled until it is there.
struct Bootstrap {
    address: Multiaddr,
    peer: Option<PeerId>,
    warned: bool,
}

/// See the module.
pub(super) struct Dialling {
    bootstrap: Vec<Bootstrap>,
    pauses: Pauses,
    /// Clients that wait for a connection.
    asked: HashMap<ConnectionId, oneshot::Sender<Body>>,
    discovered: Option<Instant>,
}

impl Dialling {
    pub(super) fn new(bootstrap: &[Multiaddr]) -> Self {
        let entry = |address: &Multiaddr| Bootstrap {
            address: address.clone(),
            peer: net::target_of(address),
            warned: false,
        };
        Self {
            bootstrap: bootstrap.iter().map(entry).collect(),
            pauses: Pauses::default(),
            asked: HashMap::new(),
            discovered: None,
        }
    }

    fn is_bootstrap(&self, peer: &PeerId) -> bool {
        self.bootstrap.iter().any(|known| known.peer.as_ref() == Some(peer))
    }
}

impl Daemon {
    pub(super) fn dial(&mut self, opts: DialOpts) {
        // Already connected, being dialled, or banned: all fine.
        if let Err(error) = self.swarm.dial(opts) {
            tracing::trace!(%error, "not dialled");
        }
    }

    /// Dials a peer at these addresses, unless it did not answer lately.
    pub(super) fn dial_at(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) -> bool {
        let (now, pauses) = (Instant::now(), &mut self.dialling.pauses);
        let known = peer == *self.swarm.local_peer_id() || self.peers.contains_key(&peer);
        if known || self.book.bans().contains_key(&peer) || pauses.is_paused(&peer, now) {
            return false;
        }
        pauses.pause(peer, now);
        // Kademlia may know more of them.
        self.dial(DialOpts::peer_id(peer).addresses(addresses).extend_addresses_through_behaviour().build());
        true
    }

    /// One of this node's dials has come through.
    pub(super) fn on_dialled(&mut self, peer: PeerId, id: ConnectionId, address: &Multiaddr) {
        for bootstrap in self.dialling.bootstrap.iter_mut().filter(|known| known.peer.is_none()) {
            if net::same_address(&bootstrap.address, address) {
                bootstrap.peer = Some(peer);
            }
        }
        self.dialling.pauses.end(&peer);
        if !net::is_relayed(address) {
            self.book.worked(peer, address, now());
        }
        if let Some(answer) = self.dialling.asked.remove(&id) {
            let _ = answer.send(Body::Done); // the client may have gone
        }
    }

    /// A bootstrap address that does not answer is told once: the person may have mistyped it.
    pub(super) fn on_not_dialled(&mut self, id: ConnectionId, error: &DialError) {
        tracing::debug!(%error, "not connected");
        if let Some(answer) = self.dialling.asked.remove(&id) {
            let _ = answer.send(Body::Error { kind: ErrorKind::Network, message: told(error) });
        }
        let DialError::Transport(failed) = error else { return };
        for bootstrap in self.dialling.bootstrap.iter_mut().filter(|known| !known.warned) {
            if failed.iter().any(|(address, _)| net::same_address(address, &bootstrap.address)) {
                bootstrap.warned = true;
                tracing::warn!(address = %bootstrap.address, "a bootstrap peer does not answer; trying again");
            }
        }
    }

    /// A person wants to be connected.
    pub(super) fn connect(&mut self, address: &str, answer: oneshot::Sender<Body>) {
        let address: Multiaddr = match address.parse() {
            Ok(address) => address,
            Err(error) => {
                let _ = answer.send(bad_request(&format!("expected an address, got {address}: {error}")));
                return;
            }
        };
        let opts = match net::target_of(&address) {
            Some(peer) => DialOpts::peer_id(peer)
                .addresses(vec![address])
                .condition(PeerCondition::Disconnected)
                .build(),
            None => DialOpts::unknown_peer_id().address(address).build(),
        };
        let id = opts.connection_id();
        match self.swarm.dial(opts) {
            Ok(()) => {
                self.dialling.asked.insert(id, answer);
            }
            // It is connected already.
            Err(DialError::DialPeerConditionFalse(_)) => {
                let _ = answer.send(Body::Done); // the client may have gone
            }
            Err(error) => {
                let _ = answer.send(Body::Error { kind: ErrorKind::Network, message: told(&error) });
            }
        }
    }

    /// Dials the bootstrap peers that are not there, at the address that was given and at those they had since.
    pub(super) fn redial(&mut self) {
        let away = |peer: Option<PeerId>| !peer.is_some_and(|peer| self.peers.contains_key(&peer));
        let mut dials = Vec::new();
        for known in self.dialling.bootstrap.iter().filter(|known| away(known.peer)) {
            dials.push(match known.peer {
                Some(peer) => {
                    let mut addresses = vec![known.address.clone()];
                    addresses.extend(self.book.addresses(&peer));
                    DialOpts::peer_id(peer).addresses(addresses).build()
                }
                None => DialOpts::unknown_peer_id().address(known.address.clone()).build(),
            });
        }
        for opts in dials {
            self.dial(opts);
        }
    }

    /// Looks for more peers while there are few: those met before, then those that Kademlia knows, then by a look-up.
    pub(super) fn discover(&mut self) {
        let due = self.dialling.discovered.is_none_or(|last| last.elapsed() >= limits::DISCOVER);
        if !due || self.peers.len() >= limits::PEERS_TARGET {
            return;
        }
        self.dialling.discovered = Some(Instant::now());
        let room = (limits::PEERS_TARGET - self.peers.len()).min(limits::DISCOVER_DIALS);
        let mut candidates = self.book.peers();
        let known: HashSet<PeerId> = candidates.iter().map(|(peer, _)| *peer).collect();
        candidates.extend(self.routed().into_iter().filter(|(peer, _)| !known.contains(peer)));
        let mut dialled = 0;
        for (peer, addresses) in candidates {
            dialled += usize::from(self.dial_at(peer, addresses));
            if dialled == room {
                return;
            }
        }
        self.look_around();
    }

    /// Lets go of peers that look-ups have connected when there are many more than enough.
    pub(super) fn trim(&mut self) {
        let excess = self.peers.len().saturating_sub(limits::PEERS_ENOUGH);
        if excess == 0 {
            return;
        }
        let gossip = &self.swarm.behaviour().gossip;
        let mesh: HashSet<PeerId> = gossip.mesh_peers(&net::topic().hash()).copied().collect();
        let dispensable = |(peer, info): &(&PeerId, &PeerInfo)| {
            info.is_dialled()
                && info.age() > limits::DISCOVER
                && !mesh.contains(peer)
                && !self.dialling.is_bootstrap(peer)
                && !self.reach.is_relay_in_use(peer)
                && !self.lookups.is_provider(peer)
        };
        let mut spare: Vec<(&PeerId, &PeerInfo)> = self.peers.iter().filter(dispensable).collect();
        spare.sort_by_key(|(_, info)| info.age());
        let spare: Vec<PeerId> = spare.into_iter().take(excess).map(|(peer, _)| *peer).collect();
        for peer in spare {
            tracing::debug!(%peer, "let go: there are more than enough");
            let _ = self.swarm.disconnect_peer_id(peer); // it may be gone by itself
        }
    }
}

/// An error for people: the address and what the system said, not the layers in between.
fn told(error: &DialError) -> String {
    let DialError::Transport(failed) = error else { return format!("not connected: {error}") };
    let cause = |error: &dyn std::error::Error| {
        std::iter::successors(error.source(), |error| error.source()).last().map(ToString::to_string)
    };
    let each = failed
        .iter()
        .map(|(address, error)| format!("{address}: {}", cause(error).unwrap_or_else(|| error.to_string())));
    format!("not connected: {}", each.collect::<Vec<_>>().join("; "))
}
