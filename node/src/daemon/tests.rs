//! The daemon against strangers who speak the protocol and mean no good. Loopback only, mDNS off.

use super::run;
use crate::client::Client;
use crate::home::Home;
use crate::net::{self, Behaviour, BehaviourEvent, NetConfig, Request, Response};
use api::{Body, Command, Peer};
use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::request_response::{Event, Message};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Swarm};
use protocol::{BlobId, RecordId};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Victim {
    _dir: tempfile::TempDir,
    home: Home,
    address: Multiaddr,
    peer: PeerId,
    task: JoinHandle<()>,
}

fn loopback() -> NetConfig {
    let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    NetConfig { listen, bootstrap: Vec::new(), mdns: false }
}

impl Victim {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().to_owned()), None).unwrap();
        home.init().unwrap();
        let (ready, started) = oneshot::channel();
        let folder = home.clone();
        let task = tokio::spawn(async move {
            run(folder, loopback(), |hello| ready.send(hello.clone()).unwrap()).await.unwrap();
        });
        let hello = started.await.unwrap();
        let (address, peer) = (hello.listen[0].parse().unwrap(), hello.peer_id.parse().unwrap());
        Self { _dir: dir, home, address, peer, task }
    }

    async fn ask(&self, command: Command) -> Body {
        let socket = self.home.socket();
        tokio::task::spawn_blocking(move || Client::connect(&socket).unwrap().ask(command).unwrap())
            .await
            .unwrap()
    }

    async fn peers(&self) -> Vec<Peer> {
        match self.ask(Command::Peers).await {
            Body::Peers { peers } => peers,
            other => panic!("{other:?}"),
        }
    }

    async fn stop(self) {
        assert_eq!(self.ask(Command::Shutdown).await, Body::Done);
        self.task.await.unwrap();
    }
}

struct Stranger {
    swarm: Swarm<Behaviour>,
    victim: PeerId,
}

impl Stranger {
    async fn meet(victim: &Victim) -> Self {
        let mut swarm = net::start(&Keypair::generate_ed25519(), &loopback()).unwrap();
        swarm.dial(victim.address.clone()).unwrap();
        let mut stranger = Self { swarm, victim: victim.peer };
        stranger.until(|event| matches!(event, SwarmEvent::ConnectionEstablished { .. })).await;
        stranger
    }

    /// Drives the stranger's network until something happens.
    async fn until(&mut self, mut happened: impl FnMut(&SwarmEvent<BehaviourEvent>) -> bool) {
        let found = async {
            loop {
                let event = self.swarm.select_next_some().await;
                if happened(&event) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), found).await.expect("it did not happen");
    }

    async fn request(&mut self, request: Request) -> Response {
        self.swarm.behaviour_mut().exchange.send_request(&self.victim, request);
        let mut response = None;
        self.until(|event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Exchange(Event::Message {
                message: Message::Response { response: got, .. },
                ..
            })) => {
                response = Some(got.clone());
                true
            }
            SwarmEvent::Behaviour(BehaviourEvent::Exchange(Event::OutboundFailure { error, .. })) => {
                panic!("{error}")
            }
            _ => false,
        })
        .await;
        response.unwrap()
    }
}

#[tokio::test]
async fn who_gossips_garbage_is_cut_off_and_the_node_goes_on() {
    let victim = Victim::start().await;
    let mut stranger = Stranger::meet(&victim).await;
    stranger
        .until(|event| {
            matches!(
                event,
                SwarmEvent::Behaviour(BehaviourEvent::Gossip(libp2p::gossipsub::Event::Subscribed { .. }))
            )
        })
        .await;
    for n in 0..crate::limits::REFUSED_DISCONNECT {
        let garbage = format!("garbage {n}").into_bytes();
        // Refused as soon as the victim has hung up.
        let _ = stranger.swarm.behaviour_mut().gossip.publish(net::topic(), garbage);
    }
    stranger.until(|event| matches!(event, SwarmEvent::ConnectionClosed { .. })).await;
    assert!(victim.peers().await.is_empty());
    // Nor is the stranger let in again.
    stranger.swarm.dial(victim.address.clone()).unwrap();
    stranger
        .until(|event| {
            matches!(event, SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. })
        })
        .await;
    let honest = Stranger::meet(&victim).await;
    assert_eq!(victim.peers().await.len(), 1);
    drop(honest);
    victim.stop().await;
}

#[tokio::test]
async fn every_request_has_a_bounded_answer() {
    let victim = Victim::start().await;
    let mut stranger = Stranger::meet(&victim).await;
    let Response::Ids { ids, more, total, .. } = stranger.request(Request::Ids { after: None }).await else {
        panic!("expected ids");
    };
    assert_eq!((ids.len(), more, total), (0, false, 0));
    let far = Request::Ids { after: Some((u8::MAX, RecordId::new([0xff; 32]))) };
    assert!(matches!(stranger.request(far).await, Response::Ids { .. }));
    let unknown = Request::Records { ids: vec![RecordId::new([1; 32]); 200] };
    assert_eq!(stranger.request(unknown).await, Response::Records { records: Vec::new() });
    let chunk = Request::Chunk { blob: BlobId::new([1; 32]), offset: u64::MAX };
    assert_eq!(stranger.request(chunk).await, Response::NotHere);
    victim.stop().await;
}

#[tokio::test]
async fn a_request_beyond_the_limit_is_not_even_read() {
    let victim = Victim::start().await;
    let mut stranger = Stranger::meet(&victim).await;
    let long = Request::Records { ids: vec![RecordId::new([1; 32]); 100_000] };
    stranger.swarm.behaviour_mut().exchange.send_request(&victim.peer, long);
    stranger
        .until(|event| {
            matches!(event, SwarmEvent::Behaviour(BehaviourEvent::Exchange(Event::OutboundFailure { .. })))
        })
        .await;
    assert_eq!(victim.peers().await.len(), 1, "and the node goes on");
    victim.stop().await;
}

#[tokio::test]
async fn a_peer_that_answers_nonsense_during_catch_up_is_counted_and_survived() {
    let victim = Victim::start().await;
    let mut stranger = Stranger::meet(&victim).await;
    let mut answered = 0;
    while answered < 3 {
        let mut asked = None;
        tokio::time::timeout(Duration::from_secs(20), async {
            while asked.is_none() {
                if let SwarmEvent::Behaviour(BehaviourEvent::Exchange(Event::Message {
                    message: Message::Request { request, channel, .. },
                    ..
                })) = stranger.swarm.select_next_some().await
                {
                    asked = Some((request, channel));
                }
            }
        })
        .await
        .unwrap();
        let (request, channel) = asked.unwrap();
        // Ids that go backwards, then records that nobody asked for.
        let response = match (request, answered) {
            (Request::Ids { .. }, 0) => Response::Ids {
                ids: vec![(1, RecordId::new([9; 32])), (0, RecordId::new([1; 32]))],
                more: true,
                total: u64::MAX,
                fingerprint: protocol::Fingerprint::new([0; 32]),
            },
            (Request::Ids { .. }, _) => Response::Ids {
                ids: vec![(0, RecordId::new([1; 32]))],
                more: false,
                total: 1,
                fingerprint: protocol::Fingerprint::new([0; 32]),
            },
            (Request::Records { .. }, _) => {
                Response::Records { records: vec![b"not asked for".to_vec().into()] }
            }
            (Request::Chunk { .. }, _) => Response::NotHere,
        };
        stranger.swarm.behaviour_mut().exchange.send_response(channel, response).unwrap();
        answered += 1;
    }
    stranger.request(Request::Ids { after: None }).await;
    let peers = victim.peers().await;
    assert_eq!(peers.len(), 1);
    assert!(peers[0].refused >= 2, "{peers:?}");
    victim.stop().await;
}
