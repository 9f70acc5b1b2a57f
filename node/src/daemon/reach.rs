//! Whether strangers can dial this node and where, and the relays through which it is reached if they cannot.

use super::Daemon;
use super::pauses::Pauses;
use super::peers::PeerInfo;
use crate::limits;
use crate::net::{self, NetConfig};
use api::Reachability;
use libp2p::autonat::{self, NatStatus};
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, kad};
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// See the module.
pub(super) struct Reach {
    /// What peers that have tried say.
    verdict: Reachability,
    /// Addresses that a person has given.
    given: Vec<Multiaddr>,
    /// Whether this node is a relay.
    serves: bool,
    /// Relays that a person has given.
    through: Vec<Multiaddr>,
    /// Relays at which this node has a place, or has asked for one.
    places: HashMap<ListenerId, Place>,
    /// Relays that have refused or gone.
    pauses: Pauses,
    /// Addresses that peers have reached, the oldest first.
    confirmed: VecDeque<Multiaddr>,
}

struct Place {
    relay: PeerId,
    /// Whether a person has asked for it.
    by_hand: bool,
}

impl Reach {
    pub(super) fn new(config: &NetConfig) -> Self {
        Self {
            verdict: Reachability::Unknown,
            given: config.external.clone(),
            serves: config.relay.is_some(),
            through: config.relay_through.clone(),
            places: HashMap::new(),
            pauses: Pauses::default(),
            confirmed: VecDeque::new(),
        }
    }

    /// Whether strangers can dial this node, as far as is known.
    pub(super) fn reachability(&self) -> Reachability {
        if self.given.is_empty() { self.verdict } else { Reachability::Public }
    }

    /// Whether this node is to be reached through relays only.
    fn is_private(&self) -> bool {
        self.reachability() == Reachability::Private || !self.through.is_empty()
    }

    pub(super) fn is_relay_in_use(&self, peer: &PeerId) -> bool {
        self.places.values().any(|place| place.relay == *peer)
    }

    /// The relays to ask for a place now: those that a person has given, and as long as strangers cannot dial this
    /// node as many of the others as it takes.
    fn wanted(&self, offered: Vec<(PeerId, Multiaddr)>, now: Instant) -> Vec<(PeerId, Multiaddr, bool)> {
        let given =
            self.through.iter().filter_map(|address| Some((net::target_of(address)?, address.clone())));
        let given = given.map(|(relay, address)| (relay, address, true));
        let room = match self.reachability() {
            Reachability::Private => limits::RELAYS.saturating_sub(self.places.len() + self.through.len()),
            Reachability::Public | Reachability::Unknown => 0,
        };
        let free = |relay: &PeerId| !self.is_relay_in_use(relay) && !self.pauses.is_paused(relay, now);
        let others = offered.into_iter().filter(|(relay, _)| free(relay)).take(room);
        let others = others.map(|(relay, address)| (relay, address, false));
        given.filter(|(relay, ..)| free(relay)).chain(others).collect()
    }
}

impl Daemon {
    /// Whether strangers can dial this node, as far as peers have tried.
    pub(super) fn reachability(&self) -> Reachability {
        self.reach.reachability()
    }

    /// Addresses at which strangers reach this node, through relays too, with its id at the end.
    pub(super) fn external(&self) -> Vec<String> {
        let own = *self.swarm.local_peer_id();
        let full = |address: &Multiaddr| net::without_target(address).with(Protocol::P2p(own)).to_string();
        let all: std::collections::BTreeSet<String> = self.swarm.external_addresses().map(full).collect();
        all.into_iter().collect()
    }

    /// Whether it makes sense to tell the network to come here.
    pub(super) fn is_reachable(&self) -> bool {
        !self.reach.is_private() || self.swarm.external_addresses().next().is_some()
    }

    pub(super) fn on_autonat(&mut self, event: autonat::Event) {
        let autonat::Event::StatusChanged { new, .. } = event else { return };
        let verdict = match new {
            NatStatus::Public(address) if !self.is_own(&address) => return,
            NatStatus::Public(_) => Reachability::Public,
            NatStatus::Private => Reachability::Private,
            NatStatus::Unknown => Reachability::Unknown,
        };
        tracing::info!(?verdict, "whether strangers can dial this node");
        self.reach.verdict = verdict;
        if verdict == Reachability::Private {
            for address in std::mem::take(&mut self.reach.confirmed) {
                self.swarm.remove_external_address(&address);
            }
        }
        self.set_mode();
    }

    /// Who cannot be dialled answers no look-ups, as others would keep a useless address.
    pub(super) fn set_mode(&mut self) {
        let mode = if self.reach.is_private() { kad::Mode::Client } else { kad::Mode::Server };
        if self.swarm.behaviour().kad.mode() != mode {
            self.swarm.behaviour_mut().kad.set_mode(Some(mode));
        }
    }

    /// Whether an address can be this node's: AutoNAT believes whatever the peer says that it has dialled.
    fn is_own(&self, address: &Multiaddr) -> bool {
        let candidates = self.swarm.behaviour().identify.candidates();
        is_composed_of(address, self.listen.iter().chain(candidates))
    }

    pub(super) fn on_external(&mut self, address: Multiaddr) {
        if net::is_relayed(&address) {
            tracing::info!(at = ?self.external(), "reached through a relay");
            return self.lookups.announce_again();
        }
        if !self.is_own(&address) {
            tracing::info!(%address, "a peer claims to have reached this node where it is not");
            self.swarm.remove_external_address(&address);
            return;
        }
        if self.reach.confirmed.contains(&address) {
            return;
        }
        if let Some(oldest) = remember(&mut self.reach.confirmed, address) {
            self.swarm.remove_external_address(&oldest);
        }
        tracing::info!(at = ?self.external(), "reached by peers");
        self.lookups.announce_again();
    }

    /// A relay has to say where it is reached: where it listens, in the widest sense that there is, unless a person
    /// has told it.
    pub(super) fn declare_relay(&mut self) {
        if !self.reach.serves || !self.reach.given.is_empty() {
            return;
        }
        let widest = self.listen.iter().filter_map(net::scope_of).max();
        let listen = self.listen.clone();
        for address in listen.into_iter().filter(|address| !net::is_relayed(address)) {
            match net::scope_of(&address) == widest {
                true => self.swarm.add_external_address(address),
                false => self.swarm.remove_external_address(&address),
            }
        }
    }

    /// Asks relays for places, and gives up those that are not needed any more.
    pub(super) fn tend_relays(&mut self) {
        if self.reachability() == Reachability::Public {
            let spare: Vec<_> =
                self.reach.places.iter().filter(|(_, place)| !place.by_hand).map(|(id, _)| *id).collect();
            for id in spare {
                self.swarm.remove_listener(id);
            }
        }
        let offered = |(peer, info): (&PeerId, &PeerInfo)| {
            let direct = info.best().filter(|connection| info.is_relay && !connection.relayed)?;
            Some((*peer, net::without_target(&direct.address).with(Protocol::P2p(*peer))))
        };
        let offers = self.peers.iter().filter(|(_, info)| info.is_dialled()).filter_map(offered).collect();
        for (relay, address, by_hand) in self.reach.wanted(offers, Instant::now()) {
            match self.swarm.listen_on(address.clone().with(Protocol::P2pCircuit)) {
                Ok(id) => {
                    tracing::debug!(%address, "asking a relay for a place");
                    self.reach.places.insert(id, Place { relay, by_hand });
                }
                Err(error) => {
                    tracing::warn!(%address, %error, "no relay");
                    self.reach.pauses.pause(relay, Instant::now());
                }
            }
        }
    }

    /// A relay has given a place.
    pub(super) fn on_place(&mut self, relay: PeerId) {
        self.reach.pauses.end(&relay);
    }

    pub(super) fn on_listener_closed(&mut self, id: ListenerId, addresses: &[Multiaddr], reason: &str) {
        self.listen.retain(|known| !addresses.contains(known));
        if let Some(place) = self.reach.places.remove(&id) {
            tracing::info!(relay = %place.relay, reason, "no place at a relay");
            self.reach.pauses.pause(place.relay, Instant::now());
        }
    }
}

/// Whether an address is put together from parts of these: the host of one and the transport and port of one.
fn is_composed_of<'a>(address: &Multiaddr, known: impl Iterator<Item = &'a Multiaddr>) -> bool {
    let split = |address: &Multiaddr| {
        let bare = net::without_target(address);
        let host: Multiaddr = bare.iter().take(1).collect();
        let rest: Multiaddr = bare.iter().skip(1).collect();
        (host, rest)
    };
    let (host, rest) = split(address);
    let (mut host_known, mut rest_known) = (false, false);
    for known in known {
        let (a_host, a_rest) = split(known);
        host_known |= a_host == host;
        rest_known |= a_rest == rest;
    }
    host_known && rest_known
}

/// Adds an address at which peers have reached this node. The oldest makes room if there are too many.
fn remember(confirmed: &mut VecDeque<Multiaddr>, address: Multiaddr) -> Option<Multiaddr> {
    confirmed.push_back(address);
    if confirmed.len() > limits::EXTERNAL_ADDRESSES { confirmed.pop_front() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_addresses_that_peers_have_reached_the_oldest_make_room() {
        let address = |port: usize| -> Multiaddr { format!("/ip4/192.0.2.7/tcp/{port}").parse().unwrap() };
        let mut confirmed = VecDeque::new();
        for port in 0..limits::EXTERNAL_ADDRESSES {
            assert_eq!(remember(&mut confirmed, address(port)), None);
        }
        assert_eq!(remember(&mut confirmed, address(9999)), Some(address(0)));
        assert_eq!(confirmed.len(), limits::EXTERNAL_ADDRESSES);
    }

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_that_is_not_this_nodes_is_not_believed() {
        let listen = [address("/ip4/10.0.0.2/tcp/4001"), address("/ip4/10.0.0.2/udp/4001/quic-v1")];
        let seen = [address("/ip4/8.8.8.8/tcp/61234")];
        let own = |text: &str| is_composed_of(&address(text), listen.iter().chain(&seen));
        assert!(own("/ip4/8.8.8.8/tcp/4001") && own("/ip4/8.8.8.8/tcp/61234"));
        assert!(own("/ip4/8.8.8.8/udp/4001/quic-v1") && own("/ip4/10.0.0.2/tcp/4001"));
        assert!(own(&format!("/ip4/8.8.8.8/tcp/4001/p2p/{}", PeerId::random())));
        assert!(!own("/ip4/9.9.9.9/tcp/4001") && !own("/ip4/8.8.8.8/tcp/4002"));
        assert!(!own("/ip4/8.8.8.8/udp/4001") && !own("/ip4/8.8.8.8"));
    }

    fn offers(n: usize) -> Vec<(PeerId, Multiaddr)> {
        (0..n).map(|_| (PeerId::random(), address("/ip4/8.8.8.8/tcp/1"))).collect()
    }

    #[test]
    fn a_private_node_has_places_at_two_relays_and_a_public_one_at_none() {
        let mut reach = Reach::new(&NetConfig::default());
        let now = Instant::now();
        assert!(reach.wanted(offers(5), now).is_empty(), "nobody has tried yet");
        reach.verdict = Reachability::Private;
        assert_eq!(reach.wanted(offers(5), now).len(), limits::RELAYS);
        let taken = offers(1);
        reach.places.insert(ListenerId::next(), Place { relay: taken[0].0, by_hand: false });
        assert!(reach.wanted(taken, now).is_empty(), "a place there already");
        assert_eq!(reach.wanted(offers(5), now).len(), limits::RELAYS - 1);
        reach.verdict = Reachability::Public;
        assert!(reach.wanted(offers(5), now).is_empty());
    }

    #[test]
    fn a_relay_that_has_refused_is_left_alone() {
        let mut reach = Reach::new(&NetConfig::default());
        reach.verdict = Reachability::Private;
        let (now, offer) = (Instant::now(), offers(1));
        reach.pauses.pause(offer[0].0, now);
        assert!(reach.wanted(offer.clone(), now).is_empty());
        assert_eq!(reach.wanted(offer, now + limits::DIAL_PAUSE).len(), 1);
    }

    #[test]
    fn what_a_person_has_given_counts_whatever_peers_say() {
        let relay = address(&format!("/ip4/8.8.8.8/tcp/1/p2p/{}", PeerId::random()));
        let config = NetConfig { relay_through: vec![relay], ..NetConfig::default() };
        let mut reach = Reach::new(&config);
        assert_eq!(reach.wanted(offers(5), Instant::now()).len(), 1);
        reach.verdict = Reachability::Public;
        assert_eq!(reach.wanted(Vec::new(), Instant::now()).len(), 1);
        let external = vec![address("/ip4/8.8.8.8/tcp/1")];
        let mut reach = Reach::new(&NetConfig { external, ..NetConfig::default() });
        reach.verdict = Reachability::Private;
        assert_eq!(reach.reachability(), Reachability::Public);
    }
}
