//! Nodes that find and reach each other, and keep each other out. Real swarms on loopback, mDNS off.

use super::tests::rogue::eventually;
use super::tests::{Stranger, Victim, loopback};
use crate::client::{Client, ClientError};
use crate::ledger::now;
use crate::limits;
use crate::net::{self, BehaviourEvent, NetConfig, RelayLimits};
use api::{Ban, Body, Command, ErrorKind, Peer};
use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, identify, relay};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What takes longer does not happen.
const PATIENCE: Duration = Duration::from_secs(40);

async fn peer_of(node: &Victim, peer: PeerId) -> Option<Peer> {
    node.peers().await.into_iter().find(|known| known.peer_id == peer.to_string())
}

async fn bans(node: &Victim) -> Vec<Ban> {
    match node.ask(Command::Peers).await {
        Body::Peers { banned, .. } => banned,
        other => panic!("{other:?}"),
    }
}

fn to(address: &Multiaddr) -> NetConfig {
    NetConfig { bootstrap: vec![address.clone()], ..loopback() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ends_of_a_chain_find_each_other() {
    let c = Victim::start().await;
    let b = Victim::start_with(to(&c.address)).await;
    let a = Victim::start_with(to(&b.address)).await;
    eventually("a knows c", PATIENCE, async || peer_of(&a, c.peer).await.is_some()).await;
    let found = peer_of(&c, a.peer).await.unwrap();
    assert!(!found.relayed && found.connected.abs_diff(now()) < 60, "{found:?}");
    eventually("everything is known of c", PATIENCE, async || {
        peer_of(&a, c.peer).await.is_some_and(|c| {
            c.agent == net::AGENT
                && c.latency_us.is_some_and(|us| us < 5_000_000)
                && c.same == Some(true)
                && c.clock_offset_s.is_some_and(|offset| offset.abs() < 5)
                && c.bytes_out > 0
        })
    })
    .await;
    for node in [a, b, c] {
        node.stop().await;
    }
}

/// A bare relay, which knows nothing of records.
struct Relay {
    address: Multiaddr,
    events: mpsc::Receiver<relay::Event>,
    task: JoinHandle<()>,
}

impl Relay {
    async fn start(given: RelayLimits) -> Self {
        let config = NetConfig { relay: Some(given), ..loopback() };
        let mut swarm = net::start(&Keypair::generate_ed25519(), &config).unwrap();
        let address = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                break address;
            }
        };
        swarm.add_external_address(address.clone());
        let address = address.with(Protocol::P2p(*swarm.local_peer_id()));
        let (sender, events) = mpsc::channel(64);
        let task = tokio::spawn(async move {
            loop {
                if let SwarmEvent::Behaviour(BehaviourEvent::Relay(event)) = swarm.select_next_some().await {
                    let _ = sender.try_send(event); // a test may not look at all of them
                }
            }
        });
        Self { address, events, task }
    }

    /// Where somebody is reached through it.
    fn circuit_to(&self, node: &Victim) -> Multiaddr {
        self.address.clone().with(Protocol::P2pCircuit).with(Protocol::P2p(node.peer))
    }

    /// A node that listens here alone.
    fn hidden(&self) -> NetConfig {
        NetConfig { listen: Vec::new(), relay_through: vec![self.address.clone()], ..loopback() }
    }

    /// Waits until something happens at the relay.
    async fn until(&mut self, happened: impl Fn(&relay::Event) -> bool) {
        let found = async {
            while let Some(event) = self.events.recv().await {
                if happened(&event) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), found).await.expect("it did not happen at the relay");
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(node: &Victim, address: &Multiaddr) -> Result<Body, ClientError> {
    node.try_ask(Command::ConnectPeer { address: address.to_string() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn records_flow_to_and_from_a_node_that_listens_at_a_relay_alone() {
    let relay = Relay::start(RelayLimits::default()).await;
    let b = Victim::start_with(relay.hidden()).await;
    assert!(net::is_relayed(&b.address), "{}", b.address);
    let a = Victim::start_with(loopback()).await;
    assert_eq!(connect(&a, &relay.circuit_to(&b)).await.unwrap(), Body::Done);
    let seen = peer_of(&a, b.peer).await.unwrap();
    assert!(seen.relayed && seen.dialled, "{seen:?}");
    let (record, ..) = super::tests::host(&b).await;
    eventually("the record is at a", PATIENCE, async || {
        a.try_ask(Command::Record { id: record.id().to_string() }).await.is_ok()
    })
    .await;
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relayed_connection_becomes_a_direct_one() {
    let relay = Relay::start(RelayLimits::default()).await;
    let through = NetConfig { relay_through: vec![relay.address.clone()], ..loopback() };
    let b = Victim::start_with(through).await;
    let a = Victim::start_with(to(&relay.address)).await;
    eventually("b is reached through the relay", PATIENCE, async || {
        connect(&a, &relay.circuit_to(&b)).await.is_ok()
    })
    .await;
    eventually("the connection is direct", PATIENCE, async || {
        peer_of(&a, b.peer).await.is_some_and(|peer| !peer.relayed)
    })
    .await;
    tokio::time::sleep(limits::RELAYED_OVERLAP + Duration::from_secs(2)).await;
    let direct =
        |peer: Option<Peer>| peer.is_some_and(|peer| !peer.relayed && !peer.address.contains("circuit"));
    assert!(direct(peer_of(&a, b.peer).await) && direct(peer_of(&b, a.peer).await));
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_gives_no_place_and_no_circuit_too_many() {
    let mut relay =
        Relay::start(RelayLimits { reservations: 1, circuits: 1, ..RelayLimits::default() }).await;
    let b = Victim::start_with(relay.hidden()).await;
    let late =
        Victim::start_with(NetConfig { relay_through: vec![relay.address.clone()], ..loopback() }).await;
    let own = late.peer;
    relay
        .until(|event| {
            matches!(event, relay::Event::ReservationReqDenied { src_peer_id, .. } if *src_peer_id == own)
        })
        .await;
    let [first, second] = [Victim::start().await, Victim::start().await];
    connect(&first, &relay.circuit_to(&b)).await.unwrap();
    let refused = connect(&second, &relay.circuit_to(&b)).await;
    assert!(matches!(refused, Err(ClientError::Refused { kind: ErrorKind::Network, .. })), "{refused:?}");
    relay.until(|event| matches!(event, relay::Event::CircuitReqDenied { .. })).await;
    for node in [first, second, late, b] {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circuit_is_cut_after_so_many_bytes() {
    let mut relay = Relay::start(RelayLimits { circuit_bytes: 64 << 10, ..RelayLimits::default() }).await;
    let b = Victim::start_with(relay.hidden()).await;
    let a = Victim::start().await;
    connect(&a, &relay.circuit_to(&b)).await.unwrap();
    let file = b.home.dir().join("blob");
    std::fs::write(&file, vec![7; 1 << 20]).unwrap();
    let blob = b.add_blob(&file).await;
    let get = Command::GetBlob { blob: blob.id.to_string(), bytes: blob.bytes };
    let (home, asked) = (a.home.clone(), get);
    let asked = tokio::task::spawn_blocking(move || Client::connect(&home.socket()).unwrap().ask(asked));
    relay.until(|event| matches!(event, relay::Event::CircuitClosed { error: Some(_), .. })).await;
    assert!(asked.await.unwrap().is_err(), "a megabyte has passed");
    a.stop().await;
    b.stop().await;
}

/// The proving key of a competition is at one hidden node alone. Whoever wants it is connected with a node that does
/// not have it, but knows by Kademlia who does.
#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_found_that_nobody_connected_has() {
    let hub = Victim::start_with(NetConfig { relay: Some(RelayLimits::default()), ..loopback() }).await;
    let hidden =
        NetConfig { listen: Vec::new(), relay_through: vec![hub.address.clone()], ..to(&hub.address) };
    let holder = Victim::start_with(hidden).await;
    let (_, key, _) = super::tests::host(&holder).await;
    let a = Victim::start_with(to(&hub.address)).await;
    let get = Command::GetBlob { blob: key.blob.id.to_string(), bytes: key.blob.bytes };
    eventually("the blob is at a", PATIENCE, async || {
        matches!(a.try_ask(get.clone()).await, Ok(Body::BlobStored { .. }))
    })
    .await;
    assert!(peer_of(&a, holder.peer).await.is_some());
    let at_hub = walk(hub.home.blobs()).into_iter().any(|name| name.contains(&key.blob.id.to_string()));
    assert!(!at_hub, "the hub had it");
    for node in [a, holder, hub] {
        node.stop().await;
    }
}

/// Names of all files below a folder.
fn walk(dir: std::path::PathBuf) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => names.extend(walk(path)),
            false => names.push(path.file_name().unwrap().to_string_lossy().into_owned()),
        }
    }
    names
}

#[tokio::test]
async fn a_ban_has_a_reason_survives_a_restart_and_can_be_lifted() {
    let victim = Victim::start().await;
    let mut stranger = Stranger::meet(&victim).await;
    stranger.subscribed().await;
    for n in 0..limits::REFUSED_DISCONNECT {
        // Refused as soon as the victim has hung up.
        let _ =
            stranger.swarm.behaviour_mut().gossip.publish(net::topic(), format!("garbage {n}").into_bytes());
    }
    stranger.until(|event| matches!(event, SwarmEvent::ConnectionClosed { .. })).await;
    let own = *stranger.swarm.local_peer_id();
    let kept_out = bans(&victim).await;
    let [ban] = &kept_out[..] else { panic!("{kept_out:?}") };
    assert_eq!(ban.peer_id, own.to_string());
    assert!(ban.reason.contains("refused messages: a record was refused: "), "{}", ban.reason);
    assert_eq!(ban.until - ban.since, limits::BAN.as_secs());

    let dir = victim.stop().await;
    let victim = Victim::start_in(dir, loopback()).await;
    assert_eq!(bans(&victim).await, kept_out);
    let refused = |event: &SwarmEvent<BehaviourEvent>| {
        matches!(event, SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. })
    };
    stranger.swarm.dial(victim.address.clone()).unwrap();
    stranger.until(refused).await;
    assert!(victim.peers().await.is_empty());

    let unban = Command::UnbanPeer { peer_id: own.to_string() };
    assert_eq!(victim.ask(unban.clone()).await, Body::Done);
    assert!(victim.try_ask(unban).await.is_err(), "it is not kept out any more");
    assert!(bans(&victim).await.is_empty());
    stranger.swarm.dial(victim.address.clone()).unwrap();
    stranger.until(|event| matches!(event, SwarmEvent::ConnectionEstablished { .. })).await;
    tokio::time::timeout(Duration::from_millis(500), stranger.until(refused)).await.unwrap_err();
    assert_eq!(victim.peers().await.len(), 1);

    // And by hand.
    let reason = "knows why".to_owned();
    let ban = Command::BanPeer { peer_id: own.to_string(), reason, seconds: u64::MAX };
    assert_eq!(victim.ask(ban).await, Body::Done);
    stranger.until(refused).await;
    let [ban] = &bans(&victim).await[..] else { panic!("one ban") };
    assert_eq!((ban.reason.as_str(), ban.until - ban.since), ("knows why", limits::BAN_MAX.as_secs()));
    victim.stop().await;
}

#[tokio::test]
async fn who_hangs_up_and_comes_back_has_not_been_forgiven() {
    let victim = Victim::start().await;
    let mut stranger = Stranger::meet(&victim).await;
    stranger.subscribed().await;
    let garbage = |n: u64| format!("garbage {n}").into_bytes();
    stranger.swarm.behaviour_mut().gossip.publish(net::topic(), garbage(0)).unwrap();
    let counted = async |stranger: &mut Stranger| {
        loop {
            let _ = tokio::time::timeout(Duration::from_millis(20), stranger.swarm.select_next_some()).await;
            let peers = victim.peers().await;
            if let Some(peer) = peers.first().filter(|peer| peer.refused > 0) {
                return peer.clone();
            }
        }
    };
    let before = counted(&mut stranger).await;
    assert!(before.last_refusal.is_some_and(|reason| reason.starts_with("a record was refused: ")));
    let _ = stranger.swarm.disconnect_peer_id(victim.peer);
    stranger.until(|event| matches!(event, SwarmEvent::ConnectionClosed { .. })).await;
    eventually("it is gone", PATIENCE, async || victim.peers().await.is_empty()).await;
    stranger.swarm.dial(victim.address.clone()).unwrap();
    assert_eq!(counted(&mut stranger).await.refused, 1);
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_at_another_port_finds_its_peers_again() {
    let b = Victim::start().await;
    let a = Victim::start_with(to(&b.address)).await;
    eventually("they know each other", PATIENCE, async || {
        peer_of(&a, b.peer).await.is_some_and(|peer| !peer.agent.is_empty())
            && peer_of(&b, a.peer).await.is_some_and(|peer| !peer.agent.is_empty())
    })
    .await;
    let before = b.address.clone();
    let dir = b.stop().await;
    let b = Victim::start_in(dir, loopback()).await;
    assert_ne!(b.address, before);
    // It was never told where the other is; the other still tries the old port.
    eventually("they have met again", PATIENCE, async || peer_of(&a, b.peer).await.is_some()).await;
    assert!(peer_of(&b, a.peer).await.unwrap().dialled);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_peer_may_have_a_name() {
    let b = Victim::start().await;
    let port = b.address.iter().find(|part| matches!(part, Protocol::Tcp(_))).unwrap();
    for name in [Protocol::Dns4("localhost".into()), Protocol::Dns("localhost".into())] {
        let address: Multiaddr = [name, port.clone(), Protocol::P2p(b.peer)].into_iter().collect();
        let a = Victim::start_with(to(&address)).await;
        eventually("it is dialled by its name", PATIENCE, async || peer_of(&a, b.peer).await.is_some()).await;
        a.stop().await;
    }
    b.stop().await;
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_told() {
    let victim = Victim::start().await;
    let nobody: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
    let told = connect(&victim, &nobody).await.unwrap_err();
    assert!(told.to_string().contains("refused"), "{told}");
    let bad = victim.try_ask(Command::ConnectPeer { address: "nowhere".into() }).await;
    assert!(matches!(bad, Err(ClientError::Refused { kind: ErrorKind::BadRequest, .. })), "{bad:?}");
    let own = Command::BanPeer { peer_id: victim.peer.to_string(), reason: String::new(), seconds: 1 };
    assert!(victim.try_ask(own).await.is_err());
    victim.stop().await;
}

#[tokio::test]
async fn who_is_reached_through_a_relay_answers_no_look_ups() {
    let relay = Relay::start(RelayLimits::default()).await;
    let through = NetConfig { relay_through: vec![relay.address.clone()], ..loopback() };
    for (config, serves) in [(loopback(), true), (through, false)] {
        let victim = Victim::start_with(config).await;
        let mut stranger = Stranger::meet(&victim).await;
        let mut protocols = Vec::new();
        stranger
            .until(|event| match event {
                SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                    info, ..
                })) => {
                    protocols.clone_from(&info.protocols);
                    true
                }
                _ => false,
            })
            .await;
        assert_eq!(protocols.contains(&net::KADEMLIA), serves, "{protocols:?}");
        victim.stop().await;
    }
}

/// Seconds of processor time that this process has used.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // After the name in brackets: fields 14 and 15 of proc(5), in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute of measuring, alone: cargo test -p node --lib an_idle_node -- --ignored --nocapture"]
async fn an_idle_node_with_twenty_peers_costs_at_most_a_hundredth_of_a_core() {
    const NODES: usize = 21;
    let hub = Victim::start().await;
    let mut nodes = Vec::new();
    for _ in 1..NODES {
        nodes.push(Victim::start_with(to(&hub.address)).await);
    }
    eventually("all are there", PATIENCE, async || hub.peers().await.len() == NODES - 1).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let mut connections = 0;
    for node in nodes.iter().chain([&hub]) {
        connections += node.peers().await.len();
    }
    let (start, before) = (std::time::Instant::now(), processor_seconds());
    tokio::time::sleep(Duration::from_secs(30)).await;
    let used = (processor_seconds() - before) / start.elapsed().as_secs_f64() / NODES as f64;
    let peers = connections as f64 / NODES as f64;
    println!("{:.2} % of a core a node, with {peers:.1} peers each", used * 100.0);
    assert!(used * 20.0 / peers <= 0.01, "{used}");
    for node in nodes {
        node.stop().await;
    }
    hub.stop().await;
}
