//! The daemon against strangers who speak the protocol and mean no good. Loopback only, mDNS off.

use super::run;
use crate::client::{Client, ClientError};
use crate::home::{Home, Identity};
use crate::keys::{self, KeyFile};
use crate::ledger::now;
use crate::limits;
use crate::net::{self, Behaviour, BehaviourEvent, NetConfig, Request, Response, Summary};
use crate::prover::{Contest, Entrant, Made, Scored, Source, Workbench};
use api::{Body, Command, Peer};
use circuits::ClassId;
use datasets::{CsvOptions, import_csv, read_onnx, samples};
use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::request_response::{Event, Message};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Swarm};
use protocol::{
    AdmittedClass, BlobId, BlobRef, Caps, ClaimRule, Competition, RecordId, Signed, TestSetTerms, TieRule,
    WellFormed,
};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

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
            run(folder, config, |hello| ready.send(hello.clone()).unwrap()).await.unwrap();
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
            run(folder, config, |hello| ready.send(hello.clone()).unwrap()).await.unwrap();
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
        let mut swarm = Box::new(net::start(&Keypair::generate_ed25519(), &loopback()).unwrap());
        swarm.dial(victim.address.clone()).unwrap();
        let mut stranger = Self { swarm, victim: victim.peer };
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
    let nonsense = |message: &[u8]| Request::Reconcile {
        competition: RecordId::new([1; 32]),
        kind: u8::MAX,
        message: message.to_vec().into(),
    };
    for message in [b"".as_slice(), b"\x61", b"\x61\xff\xff\xff\xff", &[0x61; 40_000]] {
        let answer = stranger.request(nonsense(message)).await;
        let bounded = match &answer {
            Response::Reconciled { message } => message.len() as u64 <= limits::RECONCILE_BYTES,
            other => *other == Response::NotHere,
        };
        assert!(bounded, "{answer:?}");
    }
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
            (Request::Reconcile { .. }, _) => Response::Reconciled { message: b"nonsense".to_vec().into() },
            (Request::Records { .. }, _) => {
                Response::Records { records: vec![b"not asked for".to_vec().into()] }
            }
            (Request::Chunk { .. }, _) => Response::NotHere,
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

/// A competition on the victim, and what a competitor made for it.
async fn contest(victim: &Victim, competitor: &Home, identity: &Identity) -> (Contest, Made) {
    let (signed, key, set) = host(victim).await;
    let class = key.class;
    let contest = Contest::parse(signed.bytes()).unwrap();
    let model = read_onnx(samples::BREAST_CANCER_LOGISTIC_ONNX).unwrap();
    let scored = Scored::new(&contest, &model, class, &set).unwrap();
    let proving_key = keys::load(&key.path, key.blob.id).unwrap();
    let entrant =
        Entrant { home: competitor, identity, contest: &contest, key: &proving_key, progress: &|_, _| {} };
    let opening = entrant.commit(&scored.model).unwrap();
    let scoring = contest.scoring(None).unwrap();
    let (opening, scoring, set) = (&opening, &scoring, &set);
    let bench = Workbench { entrant, opening, scoring, set, jobs: 1 };
    let made = bench
        .make(&scored, &scored.claims(&ClaimRule::Exact, 200).unwrap(), "Mallory", Source::HERE)
        .unwrap();
    (contest, made)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_proof_that_is_gossiped_is_refused_and_an_honest_one_kept() {
    let victim = Victim::start().await;
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(Some(dir.path().to_owned()), None).unwrap();
    let identity = home.init().unwrap();
    let (contest, made) = contest(&victim, &home, &identity).await;
    let mut stranger = Stranger::meet(&victim).await;
    stranger.subscribed().await;

    // The submission comes before its entry: it waits, and is judged when the entry is here.
    let forged = match WellFormed::parse(&made.submission).unwrap() {
        WellFormed::Submission(honest) => {
            let mut body = honest.body().clone();
            body.chunks[0].correct += 1;
            protocol::sign(&identity.keypair, &protocol::Body::Submission(body)).unwrap()
        }
        other => panic!("{other:?}"),
    };
    for record in [&made.submission, &forged, &made.entry] {
        stranger.publish(record);
    }
    let id = contest.id.to_string();
    let refused = async {
        loop {
            // The stranger's network has to go on for its messages to leave.
            let _ = tokio::time::timeout(Duration::from_millis(50), stranger.swarm.select_next_some()).await;
            let refused = victim.peers().await.iter().map(|peer| peer.refused).sum::<u64>();
            let Body::Board(board) = victim.ask(Command::Board { competition: id.clone() }).await else {
                panic!("expected a board");
            };
            if refused == 1 && board.rows.len() == 1 && board.pending == 0 {
                return board;
            }
        }
    };
    let board =
        tokio::time::timeout(Duration::from_secs(30), refused).await.expect("refused, and the other kept");
    assert_eq!((board.rows[0].correct, board.rows[0].checked_here), (200, true));
    assert_eq!(board.competition.submissions, 1);
    let answer = victim.try_ask(Command::Record { id: forged.id().to_string() }).await;
    assert!(matches!(answer, Err(ClientError::Refused { kind: api::ErrorKind::NotFound, .. })));
    victim.stop().await;
}

/// Counts the refusals that a node tells its clients of, until it is dropped.
fn count_refusals(victim: &Victim) -> Arc<AtomicUsize> {
    let (count, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut stream = UnixStream::connect(victim.home.socket()).unwrap();
    stream.write_all(b"{\"id\":1,\"command\":{\"name\":\"subscribe\"}}\n").unwrap();
    let (counted, ready) = (Arc::clone(&count), Arc::clone(&seen));
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            ready.store(1, Ordering::SeqCst);
            counted.fetch_add(usize::from(line.contains("record_refused")), Ordering::SeqCst);
        }
    });
    while seen.load(Ordering::SeqCst) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    count
}

/// Ten thousand records that are in order but for their proofs, each a check of some milliseconds: after a few the
/// sender is cut off, and what it had in flight is bounded.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_invalid_proofs_costs_few_checks() {
    let victim = Victim::start().await;
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(Some(dir.path().to_owned()), None).unwrap();
    let identity = home.init().unwrap();
    let (contest, made) = contest(&victim, &home, &identity).await;
    let WellFormed::Entry(entry) = WellFormed::parse(&made.entry).unwrap() else { panic!("an entry") };
    let thief = Keypair::generate_ed25519();
    let flood: Vec<Signed> = (0..10_000u64)
        .map(|n| {
            // Another competitor's proof, as often as there are times to claim.
            let body = protocol::Entry { created: contest.rules.created - n, ..entry.body().clone() };
            protocol::sign(&thief, &protocol::Body::Entry(Box::new(body))).unwrap()
        })
        .collect();
    let refusals = count_refusals(&victim);
    let mut stranger = Stranger::meet(&victim).await;
    stranger.subscribed().await;
    let mut sent = 0;
    let mut cut_off = false;
    for batch in flood.chunks(50) {
        for record in batch {
            // Refused when the own queue is full, or once the victim has hung up.
            sent += usize::from(
                stranger.swarm.behaviour_mut().gossip.publish(net::topic(), record.bytes().to_vec()).is_ok(),
            );
        }
        let pause = tokio::time::sleep(Duration::from_millis(20));
        tokio::pin!(pause);
        loop {
            tokio::select! {
                event = stranger.swarm.select_next_some() => {
                    cut_off |= matches!(event, SwarmEvent::ConnectionClosed { .. });
                }
                () = &mut pause => break,
            }
        }
        if cut_off {
            break;
        }
    }
    assert!(cut_off, "the flood was never stopped: {sent} sent");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let checked = refusals.load(Ordering::SeqCst);
    let most = limits::REFUSED_DISCONNECT as usize + limits::VERIFY_PER_PEER;
    println!("{sent} sent, {checked} checked before and after the cut, at most {most}");
    assert!((limits::REFUSED_DISCONNECT as usize..=most).contains(&checked), "{checked} of at most {most}");
    // Honest records are taken as before.
    let answer = victim.ask(Command::Publish { record: hex::encode(made.entry.bytes()) }).await;
    assert!(matches!(answer, Body::Published { new: true, .. }), "{answer:?}");
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_arrives_whatever_a_lying_peer_sends() {
    let victim = Victim::start().await;
    let bytes: Vec<u8> = (0..3 * limits::CHUNK_BYTES + 17).map(|n| (n % 251) as u8).collect();
    let blob = BlobRef::of(&bytes);
    let mut liar = Stranger::meet(&victim).await;
    let lies = tokio::spawn(async move {
        loop {
            if let SwarmEvent::Behaviour(BehaviourEvent::Exchange(Event::Message {
                message: Message::Request { request, channel, .. },
                ..
            })) = liar.swarm.select_next_some().await
            {
                let response = match request {
                    Request::Chunk { offset, .. } => {
                        let len = limits::CHUNK_BYTES.min(blob.bytes.saturating_sub(offset));
                        Response::Chunk { total: blob.bytes, bytes: vec![7; len as usize].into() }
                    }
                    _ => Response::Busy,
                };
                let _ = liar.swarm.behaviour_mut().exchange.send_response(channel, response);
            }
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(Some(dir.path().join("honest")), None).unwrap();
    let honest = Victim::meet(&home, &victim).await;
    let file = dir.path().join("blob");
    std::fs::write(&file, &bytes).unwrap();
    let (socket, path) = (home.socket(), file.display().to_string());
    tokio::task::spawn_blocking(move || {
        Client::connect(&socket).unwrap().ask(Command::AddBlob { path }).unwrap()
    })
    .await
    .unwrap();
    let get = Command::GetBlob { blob: blob.id.to_string(), bytes: blob.bytes };
    let answer = tokio::time::timeout(Duration::from_secs(60), victim.ask(get)).await.unwrap();
    let Body::BlobStored { path, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(std::fs::read(path).unwrap(), bytes);
    lies.abort();
    let socket = home.socket();
    tokio::task::spawn_blocking(move || Client::connect(&socket).unwrap().ask(Command::Shutdown).unwrap())
        .await
        .unwrap();
    honest.await.unwrap();
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_wrong_lengths_nor_blobs_that_nobody_has_hold_up_the_right_one() {
    let victim = Victim::start().await;
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(Some(dir.path().join("honest")), None).unwrap();
    let honest = Victim::meet(&home, &victim).await;
    let bytes: Vec<u8> = (0..2 * limits::CHUNK_BYTES + 17).map(|n| (n % 251) as u8).collect();
    let (blob, file) = (BlobRef::of(&bytes), dir.path().join("blob"));
    std::fs::write(&file, &bytes).unwrap();
    let ask = |socket: std::path::PathBuf, command: Command| {
        tokio::task::spawn_blocking(move || Client::connect(&socket).unwrap().ask(command))
    };
    let get = |blob: BlobRef| Command::GetBlob { blob: blob.id.to_string(), bytes: blob.bytes };
    let add = Command::AddBlob { path: file.display().to_string() };
    ask(home.socket(), add).await.unwrap().unwrap();

    let wrong: Vec<_> =
        (1..4).map(|n| ask(victim.home.socket(), get(BlobRef { bytes: n, ..blob }))).collect();
    for answer in wrong {
        let answer = tokio::time::timeout(Duration::from_secs(10), answer).await.unwrap().unwrap();
        assert!(
            matches!(answer, Err(ClientError::Refused { kind: api::ErrorKind::Network, .. })),
            "{answer:?}"
        );
    }
    let nobodys: Vec<_> = (0..12)
        .map(|n| ask(victim.home.socket(), get(BlobRef { id: BlobId::new([n; 32]), bytes: 9 })))
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let answer = tokio::time::timeout(limits::FETCH_PATIENCE / 2, victim.ask(get(blob))).await.unwrap();
    let Body::BlobStored { path, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(victim.peers().await[0].refused, 0, "who contradicts a wrong length is no liar");

    // Damaged on disk: noticed when a client asks, and fetched again.
    std::fs::write(&path, vec![0; bytes.len()]).unwrap();
    let answer = tokio::time::timeout(limits::FETCH_PATIENCE / 2, victim.ask(get(blob))).await.unwrap();
    assert!(matches!(answer, Body::BlobStored { .. }), "{answer:?}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    for answer in nobodys {
        let answer = tokio::time::timeout(Duration::from_secs(60), answer).await.unwrap().unwrap();
        assert!(
            matches!(answer, Err(ClientError::Refused { kind: api::ErrorKind::Network, .. })),
            "{answer:?}"
        );
    }
    ask(home.socket(), Command::Shutdown).await.unwrap().unwrap();
    honest.await.unwrap();
    victim.stop().await;
}
