//! The daemon against strangers who speak the protocol and mean no good. Loopback only, mDNS off.

mod flood;
mod hostile;
mod outbox;
pub(super) mod rogue;

use super::run;
use crate::client::{Client, ClientError};
use crate::home::Home;
use crate::keys::{self, KeyFile};
use crate::ledger::now;
use crate::limits;
use crate::net::{self, Behaviour, BehaviourEvent, NetConfig, PartMessage, Request, Response, Summary};
use api::{Body, Command, Peer};
use circuits::statement::Feature;
use circuits::{ClassId, Task};
use datasets::{CsvOptions, import_csv, samples};
use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::request_response::{Event, Message};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm};
use protocol::{
    AdmittedClass, BlobId, BlobRef, Caps, ClaimRule, Competition, RecordId, Signed, TestSetTerms, TieRule,
};
use std::path::Path;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

mod blobs;

pub(super) struct Victim {
    dir: tempfile::TempDir,
    pub(super) home: Home,
    pub(super) address: Multiaddr,
    pub(super) peer: PeerId,
    task: JoinHandle<()>,
}

pub(super) fn loopback() -> NetConfig {
    NetConfig { listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()], ..NetConfig::default() }
}

impl Victim {
    pub(super) async fn start() -> Self {
        Self::start_with(loopback()).await
    }

    pub(super) async fn start_with(config: NetConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Home::new(Some(dir.path().to_owned()), None).unwrap().init().unwrap();
        Self::start_in(dir, config).await
    }

    /// Over the data of an earlier one.
    pub(super) async fn start_in(dir: tempfile::TempDir, config: NetConfig) -> Self {
        let home = Home::new(Some(dir.path().to_owned()), None).unwrap();
        let (ready, started) = oneshot::channel();
        let folder = home.clone();
        let task = tokio::spawn(async move {
            Box::pin(run(folder, config, |hello| ready.send(hello.clone()).unwrap())).await.unwrap();
        });
        let hello = started.await.unwrap();
        let (address, peer) = (hello.listen[0].parse().unwrap(), hello.peer_id.parse().unwrap());
        Self { dir, home, address, peer, task }
    }

    pub(super) async fn ask(&self, command: Command) -> Body {
        let socket = self.home.socket();
        tokio::task::spawn_blocking(move || Client::connect(&socket).unwrap().ask(command).unwrap())
            .await
            .unwrap()
    }

    pub(super) async fn try_ask(&self, command: Command) -> Result<Body, ClientError> {
        let socket = self.home.socket();
        tokio::task::spawn_blocking(move || Client::connect(&socket).unwrap().ask(command)).await.unwrap()
    }

    pub(super) async fn add_blob(&self, path: &Path) -> BlobRef {
        match self.ask(Command::AddBlob { path: path.display().to_string() }).await {
            Body::BlobStored { blob, bytes, .. } => BlobRef { id: blob.parse().unwrap(), bytes },
            other => panic!("{other:?}"),
        }
    }

    /// Dials somebody, as a bootstrap peer does.
    async fn meet(dir: &Home, other: &Victim) -> JoinHandle<()> {
        dir.init().unwrap();
        let (ready, started) = oneshot::channel();
        let config = NetConfig { bootstrap: vec![other.address.clone()], ..loopback() };
        let folder = dir.clone();
        let task = tokio::spawn(async move {
            Box::pin(run(folder, config, |hello| ready.send(hello.clone()).unwrap())).await.unwrap();
        });
        started.await.unwrap();
        task
    }

    pub(super) async fn peers(&self) -> Vec<Peer> {
        match self.ask(Command::Peers).await {
            Body::Peers { peers, .. } => peers,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn stop(self) -> tempfile::TempDir {
        assert_eq!(self.ask(Command::Shutdown).await, Body::Done);
        self.task.await.unwrap();
        self.dir
    }
}

pub(super) struct Stranger {
    pub(super) swarm: Box<Swarm<Behaviour>>,
    victim: PeerId,
}

impl Stranger {
    pub(super) async fn meet(victim: &Victim) -> Self {
        Self::dial(&victim.address, victim.peer).await
    }

    async fn dial(address: &Multiaddr, victim: PeerId) -> Self {
        let mut swarm = Box::new(net::start(&Keypair::generate_ed25519(), &loopback()).unwrap());
        swarm.dial(address.clone()).unwrap();
        let mut stranger = Self { swarm, victim };
        stranger.until(|event| matches!(event, SwarmEvent::ConnectionEstablished { .. })).await;
        stranger
    }

    /// Drives the stranger's network until something happens.
    pub(super) async fn until(&mut self, mut happened: impl FnMut(&SwarmEvent<BehaviourEvent>) -> bool) {
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

    /// Drives its network for a while; whether the victim has hung up.
    async fn run_for(&mut self, time: Duration) -> bool {
        run_for(&mut self.swarm, time).await
    }

    /// Waits until the victim is known to want gossip.
    pub(super) async fn subscribed(&mut self) {
        use libp2p::gossipsub::Event::Subscribed;
        self.until(|event| matches!(event, SwarmEvent::Behaviour(BehaviourEvent::Gossip(Subscribed { .. }))))
            .await;
    }

    fn publish(&mut self, record: &Signed) {
        self.swarm.behaviour_mut().gossip.publish(net::topic(), record.bytes().to_vec()).unwrap();
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

/// Drives a network for a while; whether its last connection with a peer was closed meanwhile.
async fn run_for<B: NetworkBehaviour>(swarm: &mut Swarm<B>, time: Duration) -> bool {
    let until = tokio::time::Instant::now() + time;
    let mut closed = false;
    while let Ok(event) = tokio::time::timeout_at(until, swarm.select_next_some()).await {
        closed |= matches!(event, SwarmEvent::ConnectionClosed { num_established: 0, .. });
    }
    closed
}

#[tokio::test]
async fn who_gossips_garbage_is_cut_off_and_the_node_goes_on() {
    let victim = Victim::start().await;
    let mut stranger = Stranger::meet(&victim).await;
    stranger.subscribed().await;
    for n in 0..limits::REFUSED_DISCONNECT {
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
    let fingerprint = protocol::Fingerprint::new([7; 32]);
    let Response::Summary { competitions, more, total, .. } =
        stranger.request(Request::Summary { after: None, fingerprint }).await
    else {
        panic!("expected a summary");
    };
    assert_eq!((competitions.len(), more, total), (0, false, 0));
    let far = Request::Summary { after: Some(RecordId::new([0xff; 32])), fingerprint };
    assert!(matches!(stranger.request(far).await, Response::Summary { .. }));
    let empty = protocol::Fingerprint::of(std::iter::empty());
    let same = Request::Summary { after: None, fingerprint: empty };
    assert!(
        matches!(stranger.request(same).await, Response::Same { total: 0, time } if time.abs_diff(now()) < 5)
    );
    let nonsense = |message: &[u8]| {
        let (competition, message) = (RecordId::new([1; 32]), message.to_vec().into());
        Request::Reconcile { messages: vec![PartMessage { competition, kind: u8::MAX, message }] }
    };
    for message in [b"".as_slice(), b"\x61", b"\x61\xff\xff\xff\xff", &[0x61; 40_000]] {
        let answer = stranger.request(nonsense(message)).await;
        let bounded = match &answer {
            Response::Reconciled { messages } => messages[0].len() as u64 <= limits::RECONCILE_BYTES,
            other => *other == Response::NotHere,
        };
        assert!(bounded, "{answer:?}");
    }
    let unknown = Request::Records { ids: vec![RecordId::new([1; 32]); 200] };
    assert_eq!(stranger.request(unknown).await, Response::Records { records: Vec::new() });
    let blob = BlobId::new([1; 32]);
    for unknown in [Request::Tree { blob }, Request::Chunk { blob, index: u32::MAX }] {
        assert_eq!(stranger.request(unknown).await, Response::NotHere);
    }
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
        // A summary that goes backwards, then one of a competition that nobody has, then no message at all.
        let summary = |n: u8| Summary {
            competition: RecordId::new([n; 32]),
            parts: vec![
                (0, 1, protocol::Fingerprint::new([0; 32])),
                (2, 1, protocol::Fingerprint::new([0; 32])),
            ],
        };
        let response = match (request, answered) {
            (Request::Summary { .. }, 0) => Response::Summary {
                competitions: vec![summary(9), summary(1)],
                more: true,
                total: u64::MAX,
                time: u64::MAX,
            },
            (Request::Summary { .. }, _) => {
                Response::Summary { competitions: vec![summary(1)], more: false, total: 1, time: 0 }
            }
            (Request::Reconcile { .. }, _) => {
                Response::Reconciled { messages: vec![b"nonsense".to_vec().into()] }
            }
            (Request::Records { .. }, _) => {
                Response::Records { records: vec![b"not asked for".to_vec().into()] }
            }
            (_, _) => Response::NotHere,
        };
        stranger.swarm.behaviour_mut().exchange.send_response(channel, response).unwrap();
        answered += 1;
    }
    stranger
        .request(Request::Summary { after: None, fingerprint: protocol::Fingerprint::new([7; 32]) })
        .await;
    let peers = victim.peers().await;
    assert_eq!(peers.len(), 1);
    assert!(peers[0].refused >= 2, "{peers:?}");
    victim.stop().await;
}

/// An open competition on a node: everything real.
pub(super) async fn host(victim: &Victim) -> (Signed, KeyFile, circuits::TestSet) {
    let class: ClassId = "linear-30-2".parse().unwrap();
    let key = keys::make(&victim.home, class, &|_, _| {}).unwrap();
    let options = CsvOptions::new(samples::BREAST_CANCER_LABEL, samples::BREAST_CANCER_FEATURE_BITS);
    let set = import_csv(samples::BREAST_CANCER_TEST_CSV, None, &options).unwrap();
    let file = victim.home.dir().join("set");
    std::fs::write(&file, set.to_bytes().unwrap()).unwrap();
    let admitted = AdmittedClass {
        class,
        key_digest: key.key_digest,
        verifying_key: victim.add_blob(&key.verifying_key_path).await,
        proving_key: victim.add_blob(&key.path).await,
    };
    let rules = Competition {
        title: "Breast cancer".into(),
        description: String::new(),
        created: now(),
        prove_deadline: now() + 3600,
        task: set.task().clone(),
        test_set: TestSetTerms::Open { blob: victim.add_blob(&file).await, rows: set.rows() as u64 },
        training: None,
        size_classes: vec![admitted],
        threshold_bps: 0,
        claims: ClaimRule::Exact,
        caps: Caps { entries: 1, withdrawals: 0, submissions: 9 },
        tie_rule: TieRule::SharedRank,
        prize: None,
    };
    let host = victim.home.identity().unwrap().keypair;
    let signed = protocol::sign(&host, &protocol::Body::Competition(Box::new(rules))).unwrap();
    let record = hex::encode(signed.bytes());
    assert!(matches!(victim.ask(Command::Publish { record }).await, Body::Published { new: true, .. }));
    (signed, key, set)
}

/// A competition in good order whose files nobody has.
fn competition_record(title: &str) -> Signed {
    described(title, String::new(), &Keypair::generate_ed25519())
}

/// The same with a description, by this host.
fn described(title: &str, description: String, host: &Keypair) -> Signed {
    let class: ClassId = "linear-30-2".parse().unwrap();
    let feature = |n: usize| Feature { name: format!("f{n}"), offset: 0.0, step: 1.0 };
    let blob = |what: &str| BlobRef::of(format!("{what} of {title}").as_bytes());
    let rules = Competition {
        title: title.into(),
        description,
        created: now(),
        prove_deadline: now() + 3600,
        task: Task {
            features: (0..30).map(feature).collect(),
            feature_bits: 8,
            classes: vec!["a".into(), "b".into()],
        },
        test_set: TestSetTerms::Open { blob: blob("rows"), rows: 284 },
        training: None,
        size_classes: vec![AdmittedClass {
            class,
            key_digest: [7; 32],
            verifying_key: blob("verifying key"),
            proving_key: blob("proving key"),
        }],
        threshold_bps: 0,
        claims: ClaimRule::Exact,
        caps: Caps { entries: 1, withdrawals: 0, submissions: 9 },
        tie_rule: TieRule::SharedRank,
        prize: None,
    };
    protocol::sign(host, &protocol::Body::Competition(Box::new(rules))).unwrap()
}
