//! The network: transports, gossip, discovery and the exchange protocol as one libp2p swarm.

mod address;
mod bounded;
mod providers;
mod reach;
mod wire;

pub use address::{Scope, believable, is_relayed, same_address, scope_of, target_of, without_target};
pub use bounded::Bounded;
pub use providers::Providers;
pub use reach::{KADEMLIA, RELAY, RelayLimits};
pub use wire::{EXCHANGE, Request, Response, Summary};

use crate::limits;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{
    Multiaddr, StreamProtocol, Swarm, SwarmBuilder, allow_block_list, autonat, connection_limits, dcutr, dns,
    gossipsub, identify, identity::Keypair, kad, mdns, memory_connection_limits, noise, ping, relay,
    request_response, tcp, yamux,
};
use std::time::Duration;

/// The gossip topic of all records.
pub const TOPIC: &str = "/podium/records/1";
const IDENTIFY: &str = "/podium/identify/1";

/// Software and version, as peers see it.
pub const AGENT: &str = concat!("podium/", env!("CARGO_PKG_VERSION"));

/// Why the network did not start.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// A part of the swarm.
    #[error("the network did not start: {what}: {reason}")]
    Setup {
        /// Which part.
        what: &'static str,
        /// What it says.
        reason: String,
    },
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// What the transport says.
        reason: String,
    },
}

fn setup(what: &'static str) -> impl Fn(&dyn std::fmt::Display) -> NetError {
    move |error| NetError::Setup { what, reason: error.to_string() }
}

/// Gossip of one topic: no peer can make this node keep others.
pub type Gossip = gossipsub::Behaviour<
    gossipsub::IdentityTransform,
    gossipsub::MaxCountSubscriptionFilter<gossipsub::WhitelistSubscriptionFilter>,
>;

/// Everything that a connection carries. The limits come first, so that they are asked first.
#[derive(NetworkBehaviour)]
pub struct Behaviour {
    /// Number of connections.
    pub limits: connection_limits::Behaviour,
    /// Memory of the process.
    pub memory: memory_connection_limits::Behaviour,
    /// Peers that are kept out.
    pub blocked: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    /// Records, as they come.
    pub gossip: Gossip,
    /// Who a peer is, and at which address it sees this node.
    pub identify: Bounded<identify::Behaviour>,
    /// Whether it still answers.
    pub ping: ping::Behaviour,
    /// Peers on the same network.
    pub mdns: Toggle<mdns::tokio::Behaviour>,
    /// Catch-up and blobs.
    pub exchange: request_response::cbor::Behaviour<Request, Response>,
    /// Finds peers, and who has which blob.
    pub kad: kad::Behaviour<Providers>,
    /// Whether strangers can dial this node.
    pub autonat: autonat::Behaviour,
    /// Carries others' connections.
    pub relay: Toggle<relay::Behaviour>,
    /// Has own connections carried by others.
    pub relay_client: relay::client::Behaviour,
    /// Turns these into direct ones.
    pub dcutr: dcutr::Behaviour,
}

/// How the network is set up.
#[derive(Clone, Debug, Default)]
pub struct NetConfig {
    /// Addresses to listen on.
    pub listen: Vec<Multiaddr>,
    /// Peers to dial, again and again.
    pub bootstrap: Vec<Multiaddr>,
    /// Whether to look for peers on the local network.
    pub mdns: bool,
    /// Addresses at which strangers reach this node, as a person says.
    pub external: Vec<Multiaddr>,
    /// What to give to strangers as a relay, if it is to be one.
    pub relay: Option<RelayLimits>,
    /// Relays to be reached through, whether or not strangers can dial this node.
    pub relay_through: Vec<Multiaddr>,
    /// Whether peers on local networks may say if strangers can dial this node. They cannot know.
    pub local_probes: bool,
}

/// Builds the swarm and listens.
///
/// # Errors
/// If a part cannot be set up or an address not be listened on.
pub fn start(keypair: &Keypair, config: &NetConfig) -> Result<Swarm<Behaviour>, NetError> {
    let (resolver, options) = resolver();
    let mut swarm = SwarmBuilder::with_existing_identity(keypair.clone())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|e| setup("TCP")(&e))?
        .with_quic()
        .with_dns_config(resolver, options)
        .with_relay_client(noise::Config::new, yamux::Config::default)
        .map_err(|e| setup("relay client")(&e))?
        .with_behaviour(|keypair, relay_client| {
            behaviour(keypair, config, relay_client).map_err(|error| Box::new(error).into())
        })
        .map_err(|e| setup("behaviour")(&e))?
        .with_swarm_config(|c| c.with_idle_connection_timeout(limits::IDLE_CONNECTION))
        .build();
    for address in &config.external {
        swarm.add_external_address(address.clone());
    }
    for address in &config.listen {
        swarm
            .listen_on(address.clone())
            .map_err(|e| NetError::Listen { address: address.clone(), reason: e.to_string() })?;
    }
    Ok(swarm)
}

/// The system's name servers; on a machine without any, names simply do not resolve.
fn resolver() -> (dns::ResolverConfig, dns::ResolverOpts) {
    hickory_resolver::system_conf::read_system_conf().unwrap_or_else(|error| {
        tracing::info!(%error, "no name servers are known: addresses with names cannot be dialled");
        (dns::ResolverConfig::from_parts(None, Vec::new(), Vec::new()), dns::ResolverOpts::default())
    })
}

fn behaviour(
    keypair: &Keypair,
    config: &NetConfig,
    relay_client: relay::client::Behaviour,
) -> Result<Behaviour, NetError> {
    let peer_id = keypair.public().to_peer_id();
    let connection_limits = connection_limits::ConnectionLimits::default()
        .with_max_established(Some(limits::CONNECTIONS))
        .with_max_established_incoming(Some(limits::CONNECTIONS_IN))
        .with_max_established_per_peer(Some(limits::CONNECTIONS_PER_PEER))
        .with_max_pending_incoming(Some(limits::CONNECTIONS_PENDING))
        .with_max_pending_outgoing(Some(limits::CONNECTIONS_PENDING));
    let discovery = match config.mdns {
        true => Some(
            mdns::tokio::Behaviour::new(mdns::Config::default(), peer_id).map_err(|e| setup("mDNS")(&e))?,
        ),
        false => None,
    };
    let identify_config = identify::Config::new(IDENTIFY.into(), keypair.public())
        .with_agent_version(AGENT.into())
        .with_push_listen_addr_updates(true)
        // Addresses that a peer claims are kept by the daemon, after a look at them.
        .with_cache_size(0);
    let codec = request_response::cbor::codec::Codec::default()
        .set_request_size_maximum(limits::REQUEST_MAX_BYTES)
        .set_response_size_maximum(limits::RESPONSE_MAX_BYTES);
    let protocols = [(StreamProtocol::new(EXCHANGE), request_response::ProtocolSupport::Full)];
    let exchange = request_response::Behaviour::with_codec(
        codec,
        protocols,
        request_response::Config::default()
            .with_request_timeout(limits::REQUEST_TIMEOUT)
            .with_max_concurrent_streams(limits::REQUEST_STREAMS),
    );
    Ok(Behaviour {
        limits: connection_limits::Behaviour::new(connection_limits),
        memory: memory_connection_limits::Behaviour::with_max_bytes(limits::MEMORY_BYTES),
        blocked: allow_block_list::Behaviour::default(),
        gossip: gossip(keypair)?,
        identify: Bounded::new(identify::Behaviour::new(identify_config)),
        ping: ping::Behaviour::default(),
        mdns: discovery.into(),
        exchange,
        kad: reach::kademlia(peer_id),
        autonat: reach::autonat(peer_id, config.local_probes),
        relay: config.relay.map(|given| reach::relay(peer_id, given)).into(),
        relay_client,
        dcutr: dcutr::Behaviour::new(peer_id),
    })
}

/// The topic of all records.
pub fn topic() -> gossipsub::IdentTopic {
    gossipsub::IdentTopic::new(TOPIC)
}

fn gossip(keypair: &Keypair) -> Result<Gossip, NetError> {
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(gossipsub::ValidationMode::Strict)
        .validate_messages()
        .max_transmit_size(limits::GOSSIP_MAX_BYTES)
        .message_id_fn(message_id)
        .duplicate_cache_time(limits::GOSSIP_DUPLICATE_CACHE)
        .history_length(limits::GOSSIP_HISTORY)
        .heartbeat_initial_delay(Duration::from_millis(300))
        .heartbeat_interval(Duration::from_millis(700))
        .connection_handler_queue_len(limits::GOSSIP_QUEUE)
        .build()
        .map_err(|e| setup("gossip configuration")(&e))?;
    let authenticity = gossipsub::MessageAuthenticity::Signed(keypair.clone());
    let filter = gossipsub::MaxCountSubscriptionFilter {
        filter: gossipsub::WhitelistSubscriptionFilter([topic().hash()].into()),
        max_subscribed_topics: 8,
        max_subscriptions_per_request: 8,
    };
    let mut gossip = Gossip::new_with_subscription_filter(authenticity, config, filter)
        .map_err(|e| setup("gossip")(&e))?;
    gossip
        .with_peer_score(score_params(), gossipsub::PeerScoreThresholds::default())
        .map_err(|e| setup("gossip score")(&e))?;
    gossip.subscribe(&topic()).map_err(|e| setup("gossip topic")(&e))?;
    Ok(gossip)
}

/// One record is one message, whoever publishes it: the hash of topic and payload.
fn message_id(message: &gossipsub::Message) -> gossipsub::MessageId {
    let mut hasher = blake3::Hasher::new();
    let topic = message.topic.as_str().as_bytes();
    hasher.update(&(topic.len() as u64).to_be_bytes());
    hasher.update(topic);
    hasher.update(&message.data);
    gossipsub::MessageId::new(hasher.finalize().as_bytes())
}

/// Invalid records count heavily and are forgotten slowly. Records are rare, so that nobody is blamed for
/// delivering few of them (P3 off).
fn score_params() -> gossipsub::PeerScoreParams {
    let topic_params = gossipsub::TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.01,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 600.0,
        first_message_deliveries_weight: 0.5,
        first_message_deliveries_cap: 40.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        // The square of the number of rejected messages: the third brings a peer below the limit.
        invalid_message_deliveries_weight: -10.0,
        invalid_message_deliveries_decay: gossipsub::score_parameter_decay(Duration::from_secs(3600)),
        ..gossipsub::TopicScoreParams::default()
    };
    gossipsub::PeerScoreParams {
        topics: [(topic().hash(), topic_params)].into(),
        topic_score_cap: 30.0,
        // Many nodes behind one address are a classroom more often than an attack.
        ip_colocation_factor_threshold: 32.0,
        retain_score: limits::BAN,
        ..gossipsub::PeerScoreParams::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::PeerId;

    #[tokio::test]
    async fn the_swarm_starts_and_a_taken_address_is_an_error() {
        let listen =
            vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap(), "/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()];
        let config = NetConfig { listen, ..NetConfig::default() };
        start(&Keypair::generate_ed25519(), &config).unwrap();
        let bad = NetConfig { listen: vec!["/ip4/127.0.0.1".parse().unwrap()], ..config };
        assert!(matches!(start(&Keypair::generate_ed25519(), &bad), Err(NetError::Listen { .. })));
    }

    #[test]
    fn a_message_id_depends_on_topic_and_payload_alone() {
        let message = |topic: &str, data: &[u8], seq| gossipsub::Message {
            source: Some(PeerId::random()),
            data: data.to_vec(),
            sequence_number: Some(seq),
            topic: gossipsub::TopicHash::from_raw(topic),
        };
        assert_eq!(message_id(&message("a", b"bc", 1)), message_id(&message("a", b"bc", 2)));
        assert_ne!(message_id(&message("a", b"bc", 1)), message_id(&message("ab", b"c", 1)));
    }
}
