//! The swarm, and what it admits.

use super::*;
use futures::StreamExt;
use libp2p::PeerId;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{SwarmEvent, dummy};
use std::time::Instant;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

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

#[test]
fn verdicts_come_before_gossip_forgets_the_message() {
    let window = limits::GOSSIP_HEARTBEAT * limits::GOSSIP_HISTORY as u32;
    assert!(limits::VERIFY_PATIENCE + Duration::from_secs(5) < window, "{window:?}");
    assert!(window < limits::GOSSIP_DUPLICATE_CACHE, "a message would come again while it can be forwarded");
}

#[test]
fn the_third_invalid_message_is_one_too_many() {
    let params = score_params();
    let weight = params.topics[&topic().hash()].invalid_message_deliveries_weight;
    assert!(weight * 4.0 > limits::SCORE_DISCONNECT && weight * 9.0 < limits::SCORE_DISCONNECT);
}

/// Connections and nothing on them.
fn plain() -> Swarm<dummy::Behaviour> {
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|_| dummy::Behaviour)
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(600)))
        .build();
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
    swarm
}

async fn address_of<B: NetworkBehaviour>(swarm: &mut Swarm<B>) -> Multiaddr {
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            return address;
        }
    }
}

async fn node() -> (Swarm<Behaviour>, Multiaddr) {
    let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    let config = NetConfig { listen, ..NetConfig::default() };
    let mut swarm = start(&Keypair::generate_ed25519(), &config).unwrap();
    let address = address_of(&mut swarm).await;
    (swarm, address)
}

/// Drives both until this side has a connection more, or one has failed: whether it stands.
async fn settled(node: &mut Swarm<Behaviour>, other: &mut Swarm<dummy::Behaviour>) -> bool {
    loop {
        tokio::select! {
            event = node.select_next_some() => match event {
                SwarmEvent::ConnectionEstablished { .. } => return true,
                SwarmEvent::IncomingConnectionError { .. } | SwarmEvent::OutgoingConnectionError { .. } => {
                    return false;
                }
                _ => {}
            },
            _ = other.select_next_some() => {}
        }
    }
}

#[tokio::test]
async fn one_connection_too_many_is_denied() {
    let (mut node, address) = node().await;
    let peer = *node.local_peer_id();
    let mut others = Vec::new();
    // Of one peer.
    let mut one = plain();
    for n in 0..=limits::CONNECTIONS_PER_PEER {
        let again = DialOpts::peer_id(peer).addresses(vec![address.clone()]).condition(PeerCondition::Always);
        one.dial(again.build()).unwrap();
        assert_eq!(settled(&mut node, &mut one).await, n < limits::CONNECTIONS_PER_PEER, "{n} of one peer");
    }
    others.push(one);
    // From outside: the places that are left.
    for n in limits::CONNECTIONS_PER_PEER..=limits::CONNECTIONS_IN {
        let mut other = plain();
        other.dial(address.clone()).unwrap();
        assert_eq!(settled(&mut node, &mut other).await, n < limits::CONNECTIONS_IN, "{n} from outside");
        others.push(other);
    }
    // And those that are kept for own dials.
    for n in limits::CONNECTIONS_IN..=limits::CONNECTIONS {
        let mut other = plain();
        let there = address_of(&mut other).await;
        node.dial(there).unwrap();
        assert_eq!(settled(&mut node, &mut other).await, n < limits::CONNECTIONS, "{n} in all");
        others.push(other);
    }
}

/// Strangers who connect and say nothing have so many places, for as long as a handshake may take.
#[tokio::test]
async fn one_half_open_connection_too_many_is_closed_at_once() {
    let (mut node, address) = node().await;
    let port = address.iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    let drive = tokio::spawn(async move {
        loop {
            node.select_next_some().await;
        }
    });
    let mut open = Vec::new();
    for _ in 0..limits::CONNECTIONS_PENDING {
        open.push(TcpStream::connect(("127.0.0.1", port.unwrap())).await.unwrap());
    }
    let closed = async |stream: &mut TcpStream, within| {
        tokio::time::timeout(within, stream.read(&mut [0; 1])).await.is_ok_and(|n| !matches!(n, Ok(1..)))
    };
    for stream in &mut open {
        assert!(!closed(stream, Duration::from_millis(20)).await, "it has a place");
    }
    let mut beyond = TcpStream::connect(("127.0.0.1", port.unwrap())).await.unwrap();
    assert!(closed(&mut beyond, Duration::from_secs(2)).await, "one too many");
    let start = Instant::now();
    assert!(closed(&mut open[0], Duration::from_secs(20)).await, "nobody has a place for ever");
    println!("a connection on which nothing is said is closed after {:?}", start.elapsed());
    drive.abort();
}
