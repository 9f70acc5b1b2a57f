//! Strangers who speak the protocol and mean no good.

use super::local::until;
use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::request_response::{Event, Message};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Swarm};
use negentropy::{Id, Negentropy, NegentropyStorageVector};
use node::limits;
use node::net::{self, Behaviour, BehaviourEvent, NetConfig, PartMessage, Request, Response, Summary};
use protocol::{Body, Close, Fingerprint, RecordId, Signed, sign};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a stranger does to the node that it dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malice {
    /// Says that it has a thousand records, and sends other bytes instead of them and of every blob.
    Lies,
    /// As many records that wait for others, garbage and requests as it can send; once it is cut off, under another key.
    Floods,
}

/// What has come of it.
#[derive(Default)]
pub struct Deeds {
    /// Requests that were answered with lies.
    pub lies: AtomicUsize,
    /// Messages that were sent.
    pub sent: AtomicUsize,
    /// How often the connection was ended, or not admitted.
    pub cut_off: AtomicUsize,
    end: AtomicBool,
}

/// A stranger at work, until it is dropped.
pub struct Rogue {
    pub deeds: Arc<Deeds>,
    thread: Option<JoinHandle<()>>,
}

impl Rogue {
    pub fn start(target: &str, malice: Malice) -> Self {
        let (address, deeds): (Multiaddr, _) = (target.parse().unwrap(), Arc::new(Deeds::default()));
        let of_thread = Arc::clone(&deeds);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let keypair = Keypair::generate_ed25519();
                while !of_thread.end.load(Ordering::SeqCst) {
                    let keypair = match malice {
                        Malice::Lies => keypair.clone(),
                        Malice::Floods => Keypair::generate_ed25519(),
                    };
                    visit(&keypair, &address, malice, &of_thread).await;
                    of_thread.cut_off.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
            });
        });
        Self { deeds, thread: Some(thread) }
    }

    /// Waits until it has done so much.
    pub fn has(&self, what: &str, enough: impl Fn(&Deeds) -> bool) {
        until(Duration::from_secs(30), what, || enough(&self.deeds));
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        self.deeds.end.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // the test fails already, if it has
        }
    }
}

fn victim(address: &Multiaddr) -> PeerId {
    net::target_of(address).unwrap()
}

/// One connection, from its beginning to its end.
async fn visit(keypair: &Keypair, address: &Multiaddr, malice: Malice, deeds: &Deeds) {
    let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    let config = NetConfig { listen, ..NetConfig::default() };
    let mut swarm = net::start(keypair, &config).unwrap();
    swarm.dial(address.clone()).unwrap();
    let mut connected = false;
    while !deeds.end.load(Ordering::SeqCst) {
        if connected && malice == Malice::Floods {
            flood(&mut swarm, victim(address), deeds);
        }
        let next = tokio::time::timeout(Duration::from_millis(10), swarm.select_next_some());
        match next.await {
            Ok(SwarmEvent::ConnectionEstablished { .. }) => connected = true,
            Ok(SwarmEvent::ConnectionClosed { num_established: 0, .. }) => return,
            Ok(SwarmEvent::OutgoingConnectionError { .. }) if !connected => return,
            Ok(SwarmEvent::Behaviour(BehaviourEvent::Exchange(Event::Message {
                message: Message::Request { request, channel, .. },
                ..
            }))) if malice == Malice::Lies => {
                deeds.lies.fetch_add(1, Ordering::SeqCst);
                // It fails when the victim has hung up.
                let _ = swarm.behaviour_mut().exchange.send_response(channel, lie(request));
            }
            _ => {}
        }
    }
}

/// Records that nobody has made.
fn invented() -> NegentropyStorageVector {
    let mut storage = NegentropyStorageVector::new();
    for n in 0..1000u32 {
        storage.insert(0, Id::from_byte_array(*blake3::hash(&n.to_be_bytes()).as_bytes())).unwrap();
    }
    storage.seal().unwrap();
    storage
}

fn lie(request: Request) -> Response {
    match request {
        Request::Summary { .. } => {
            let part = |kind, count| (kind, count, Fingerprint::new([kind; 32]));
            let summary =
                Summary { competition: RecordId::new([7; 32]), parts: vec![part(0, 1), part(1, 1000)] };
            Response::Summary { competitions: vec![summary], more: false, total: 1001, time: 0 }
        }
        Request::Reconcile { messages } => {
            let storage = invented();
            let answer = |message: &PartMessage| {
                let mut negentropy = Negentropy::borrowed(&storage, limits::RECONCILE_BYTES).unwrap();
                negentropy.reconcile(&message.message).unwrap().into()
            };
            Response::Reconciled { messages: messages.iter().map(answer).collect() }
        }
        Request::Records { ids } => {
            let records = ids.iter().map(|id| id.as_bytes().repeat(9).into()).collect();
            Response::Records { records }
        }
        Request::Chunk { index, .. } => {
            Response::Chunk { total: u64::from(index) + 1, bytes: vec![7; 1].into() }
        }
        Request::Have { ids } => Response::Held { ids },
        Request::Tree { .. } | Request::Malformed { .. } => Response::NotHere,
    }
}

/// A record in order that waits for a competition which does not exist.
fn orphan() -> Signed {
    let (competition, created) = (RecordId::new(rand::random()), 1_700_000_000);
    let close = Close { competition, submissions: Vec::new(), created };
    sign(&Keypair::generate_ed25519(), &Body::Close(close)).unwrap()
}

fn flood(swarm: &mut Swarm<Behaviour>, victim: PeerId, deeds: &Deeds) {
    for n in 0..50 {
        let bytes = match n {
            0 if deeds.sent.load(Ordering::SeqCst) % 20 == 19 => b"garbage".to_vec(),
            _ => orphan().bytes().to_vec(),
        };
        // Refused when the own queue is full.
        let sent = swarm.behaviour_mut().gossip.publish(net::topic(), bytes).is_ok();
        deeds.sent.fetch_add(usize::from(sent), Ordering::SeqCst);
    }
    for _ in 0..20 {
        let ids = (0..limits::RECORDS_PER_REQUEST).map(|_| RecordId::new(rand::random())).collect();
        swarm.behaviour_mut().exchange.send_request(&victim, Request::Records { ids });
        let fingerprint = Fingerprint::new(rand::random());
        swarm.behaviour_mut().exchange.send_request(&victim, Request::Summary { after: None, fingerprint });
        deeds.sent.fetch_add(2, Ordering::SeqCst);
    }
}
