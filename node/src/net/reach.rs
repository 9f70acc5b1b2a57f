//! How nodes find and reach each other: Kademlia, AutoNAT and relays, set up within this node's limits.

use super::Providers;
use crate::limits;
use libp2p::{PeerId, StreamProtocol, autonat, kad, relay};
use std::num::NonZeroU32;

/// Name and version of the discovery protocol: its own, so that no other network's nodes come in.
pub const KADEMLIA: StreamProtocol = StreamProtocol::new("/podium/kad/1");
/// What a relay speaks: circuit relay, version 2.
pub const RELAY: StreamProtocol = relay::HOP_PROTOCOL_NAME;

/// Discovery. Whom it knows and what it keeps for others is decided by the daemon; it repeats nothing by itself.
pub(super) fn kademlia(own: PeerId) -> kad::Behaviour<Providers> {
    let mut config = kad::Config::new(KADEMLIA);
    config
        .set_query_timeout(limits::LOOKUP_TIMEOUT)
        .set_record_ttl(Some(limits::PROVIDER_TTL))
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_record_ttl(Some(limits::PROVIDER_TTL))
        .set_provider_publication_interval(None)
        .set_periodic_bootstrap_interval(None)
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_caching(kad::Caching::Disabled)
        .set_kbucket_inserts(kad::BucketInserts::Manual);
    let mut kademlia = kad::Behaviour::with_config(own, Providers::new(own), config);
    // Until it is known that strangers cannot dial this node, it answers them: on a local network nobody ever says.
    kademlia.set_mode(Some(kad::Mode::Server));
    kademlia
}

/// AutoNAT, version 1. In libp2p 0.57 version 2 believes the first peer that says "unreachable" for ever, and asks
/// nobody who has dialled this node, hence never finds out about a node that others bootstrap from.
pub(super) fn autonat(own: PeerId, local_probes: bool) -> autonat::Behaviour {
    let config = autonat::Config {
        boot_delay: limits::AUTONAT_DELAY,
        retry_interval: limits::AUTONAT_RETRY,
        refresh_interval: limits::AUTONAT_REFRESH,
        throttle_server_period: limits::AUTONAT_RETRY,
        max_peer_addresses: limits::PEER_ADDRESSES,
        throttle_clients_global_max: limits::AUTONAT_SERVED,
        throttle_clients_peer_max: limits::AUTONAT_SERVED_PER_PEER,
        throttle_clients_period: std::time::Duration::from_secs(60),
        only_global_ips: !local_probes,
        ..autonat::Config::default()
    };
    autonat::Behaviour::new(own, config)
}

/// What a relay gives to strangers.
#[derive(Clone, Copy, Debug)]
pub struct RelayLimits {
    /// Nodes that have a place.
    pub reservations: usize,
    /// Circuits at once.
    pub circuits: usize,
    /// Bytes of one circuit, both ways together.
    pub circuit_bytes: u64,
}

impl Default for RelayLimits {
    fn default() -> Self {
        Self {
            reservations: limits::RELAY_RESERVATIONS,
            circuits: limits::RELAY_CIRCUITS,
            circuit_bytes: limits::RELAY_CIRCUIT_BYTES,
        }
    }
}

/// A relay, which says so to everybody.
pub(super) fn relay(own: PeerId, given: RelayLimits) -> relay::Behaviour {
    let mut config = relay::Config {
        max_reservations: given.reservations,
        max_reservations_per_peer: limits::RELAY_RESERVATIONS_PER_PEER,
        reservation_duration: limits::RELAY_RESERVATION,
        reservation_rate_limiters: Vec::new(),
        max_circuits: given.circuits,
        max_circuits_per_peer: limits::RELAY_CIRCUITS_PER_PEER,
        max_circuit_duration: limits::RELAY_CIRCUIT,
        max_circuit_bytes: given.circuit_bytes,
        circuit_src_rate_limiters: Vec::new(),
    };
    let rates = NonZeroU32::new(limits::RELAY_RATE_PER_PEER).zip(NonZeroU32::new(limits::RELAY_RATE_PER_IP));
    if let Some((per_peer, per_ip)) = rates {
        config = config
            .reservation_rate_per_peer(per_peer, limits::RELAY_RATE)
            .circuit_src_per_peer(per_peer, limits::RELAY_RATE)
            .reservation_rate_per_ip(per_ip, limits::RELAY_RATE)
            .circuit_src_per_ip(per_ip, limits::RELAY_RATE);
    }
    let mut relay = relay::Behaviour::new(own, config);
    relay.set_status(Some(relay::Status::Enable));
    relay
}
