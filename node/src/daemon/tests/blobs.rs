//! Blobs among strangers.

use super::*;
use crate::blobs::{BlobStore, chunk_len};
use crate::net::BlobLimits;
use libp2p::request_response::ResponseChannel;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

fn bytes(len: u64) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8).collect()
}

fn get(blob: BlobRef) -> Command {
    Command::GetBlob { blob: blob.id.to_string(), bytes: blob.bytes }
}

/// Another node that has met the victim.
struct Helper {
    home: Home,
    task: JoinHandle<()>,
}

impl Helper {
    async fn start(dir: &Path, victim: &Victim) -> Self {
        let home = Home::new(Some(dir.to_owned()), None).unwrap();
        let task = Victim::meet(&home, victim).await;
        Self { home, task }
    }

    fn ask(&self, command: Command) -> JoinHandle<Result<Body, ClientError>> {
        let socket = self.home.socket();
        tokio::task::spawn_blocking(move || Client::connect(&socket).unwrap().ask(command))
    }

    async fn has(&self, file: &Path) -> PathBuf {
        let command = Command::AddBlob { path: file.display().to_string() };
        match self.ask(command).await.unwrap().unwrap() {
            Body::BlobStored { path, .. } => path.into(),
            other => panic!("{other:?}"),
        }
    }

    async fn stop(self) {
        self.ask(Command::Shutdown).await.unwrap().unwrap();
        self.task.await.unwrap();
    }
}

/// What a stranger answers to a request for bytes of a blob; nothing if none.
type Manner = Box<dyn FnMut(&Request) -> Option<Response> + Send>;

/// Answers as it likes, until it is aborted.
fn serve(mut stranger: Stranger, mut manner: Manner) -> JoinHandle<()> {
    tokio::spawn(async move {
        // Requests that are never answered.
        let mut held: Vec<ResponseChannel<Response>> = Vec::new();
        loop {
            let SwarmEvent::Behaviour(BehaviourEvent::Exchange(Event::Message {
                message: Message::Request { request, channel, .. },
                ..
            })) = stranger.swarm.select_next_some().await
            else {
                continue;
            };
            let response = match &request {
                Request::Tree { .. } | Request::Chunk { .. } => manner(&request),
                _ => Some(Response::Busy),
            };
            match response {
                Some(response) => {
                    let _ = stranger.swarm.behaviour_mut().exchange.send_response(channel, response);
                }
                None => held.push(channel),
            }
        }
    })
}

/// The right answer to a request for bytes of this blob.
fn honest(content: &Arc<Vec<u8>>) -> impl FnMut(&Request) -> Response + Send + use<> {
    let dir = tempfile::tempdir().unwrap();
    let blobs = BlobStore::open(dir.path()).unwrap();
    let blob = blobs.add_bytes(content).unwrap();
    move |request| {
        let (_dir, total) = (&dir, blob.bytes);
        match request {
            Request::Chunk { index, .. } => {
                let bytes = blobs.chunk(blob.id, *index).unwrap().1.into();
                Response::Chunk { total, bytes }
            }
            _ => Response::Tree { total, hashes: blobs.tree(blob.id).unwrap().hashes().to_vec().into() },
        }
    }
}

async fn connected(victim: &Victim, peers: usize) {
    let meeting = async {
        while victim.peers().await.len() < peers {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), meeting).await.expect("not connected");
}

/// How often the victim has refused something of each peer.
async fn refused(victim: &Victim) -> Vec<(String, u64)> {
    victim.peers().await.into_iter().map(|peer| (peer.peer_id, peer.refused)).collect()
}

async fn arrives(victim: &Victim, blob: BlobRef, within: Duration) -> Vec<u8> {
    let answer = tokio::time::timeout(within, victim.ask(get(blob))).await.expect("the blob is late");
    let Body::BlobStored { path, .. } = answer else { panic!("{answer:?}") };
    std::fs::read(path).unwrap()
}

/// Two honest nodes and a stranger. Returns who was refused how often, and what the stranger was asked.
async fn among_honest(len: u64, manner: Manner, within: Duration) -> (u64, u64, Vec<Request>) {
    let victim = Victim::start().await;
    let content = bytes(len);
    let blob = BlobRef::of(&content);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("blob");
    std::fs::write(&file, &content).unwrap();
    let stranger = Stranger::meet(&victim).await;
    let name = stranger.swarm.local_peer_id().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (noted, mut manner) = (Arc::clone(&asked), manner);
    let answers = move |request: &Request| {
        noted.lock().unwrap().push(request.clone());
        manner(request)
    };
    let lies = serve(stranger, Box::new(answers));
    let mut honest = Vec::new();
    for n in 0..2 {
        let helper = Helper::start(&dir.path().join(format!("honest {n}")), &victim).await;
        helper.has(&file).await;
        honest.push(helper);
    }
    connected(&victim, 3).await;
    assert!(arrives(&victim, blob, within).await == content);
    let refused = refused(&victim).await;
    let of = |stranger: bool| {
        refused.iter().filter(|(peer, _)| (*peer == name) == stranger).map(|(_, n)| n).sum::<u64>()
    };
    let (liar, others) = (of(true), of(false));
    lies.abort();
    for helper in honest {
        helper.stop().await;
    }
    victim.stop().await;
    let asked = asked.lock().unwrap().clone();
    (liar, others, asked)
}

fn is_chunk(request: &&Request) -> bool {
    matches!(request, Request::Chunk { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn who_corrupts_a_chunk_is_found_at_the_first_and_nobody_else_is_blamed() {
    let len = 20 * limits::CHUNK_BYTES + 17;
    let mut right = honest(&Arc::new(bytes(len)));
    let mut chunks = 0;
    let manner = move |request: &Request| {
        let mut response = right(request);
        if let Response::Chunk { bytes, .. } = &mut response {
            chunks += 1;
            // The first is right; from then on one bit in the middle is not.
            if chunks > 1 {
                let mut wrong = bytes.to_vec();
                wrong[bytes.len() / 2] ^= 1;
                *bytes = wrong.into();
            }
        }
        Some(response)
    };
    let (liar, others, asked) = among_honest(len, Box::new(manner), Duration::from_secs(30)).await;
    assert_eq!((liar, others), (1, 0), "blamed once, and the right one");
    let asked = asked.iter().filter(is_chunk).count();
    assert!((2..=limits::CHUNKS_AT_FIRST + 2).contains(&asked), "asked {asked} times, though it lies");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lies_about_the_hashes_or_the_length_of_a_chunk_is_blamed() {
    let len = 3 * limits::CHUNK_BYTES + 17;
    let lies = move |request: &Request| {
        Some(match request {
            Request::Chunk { .. } => Response::Chunk { total: len, bytes: vec![0; 9].into() },
            _ => Response::Tree { total: len, hashes: vec![7; 4 * 32].into() },
        })
    };
    let (liar, others, asked) = among_honest(len, Box::new(lies), Duration::from_secs(30)).await;
    assert_eq!((liar, others), (u64::from(!asked.is_empty()), 0), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_never_answers_holds_up_nobody() {
    let silent = |_: &Request| None;
    let start = Instant::now();
    let len = 6 * limits::CHUNK_BYTES;
    let (liar, others, asked) = among_honest(len, Box::new(silent), limits::REQUEST_TIMEOUT).await;
    assert_eq!((liar, others), (0, 0), "slow is not wrong");
    assert!(!asked.is_empty() && start.elapsed() < limits::REQUEST_TIMEOUT, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_arrives_whatever_a_lying_peer_sends() {
    let victim = Victim::start().await;
    let content = bytes(3 * limits::CHUNK_BYTES + 17);
    let blob = BlobRef::of(&content);
    let lies = move |request: &Request| {
        Some(match request {
            Request::Chunk { index, .. } => {
                let len = chunk_len(blob.bytes, *index).unwrap_or(0);
                Response::Chunk { total: blob.bytes, bytes: vec![7; len].into() }
            }
            _ => Response::Tree { total: blob.bytes, hashes: vec![7; 4 * 32].into() },
        })
    };
    // Alone it is asked once, and then nobody is: there is nobody else.
    let liar = serve(Stranger::meet(&victim).await, Box::new(lies));
    let answer = victim.try_ask(get(blob)).await;
    let Err(ClientError::Refused { message, .. }) = answer else { panic!("{answer:?}") };
    assert!(message.contains("wrong bytes"), "{message}");
    // A new peer ends the rest at once.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("blob");
    std::fs::write(&file, &content).unwrap();
    let honest = Helper::start(&dir.path().join("honest"), &victim).await;
    honest.has(&file).await;
    assert!(arrives(&victim, blob, Duration::from_secs(30)).await == content);
    liar.abort();
    honest.stop().await;
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_wrong_lengths_nor_blobs_that_nobody_has_hold_up_the_right_one() {
    let victim = Victim::start().await;
    let dir = tempfile::tempdir().unwrap();
    let honest = Helper::start(&dir.path().join("honest"), &victim).await;
    let content = bytes(2 * limits::CHUNK_BYTES + 17);
    let (blob, file) = (BlobRef::of(&content), dir.path().join("blob"));
    std::fs::write(&file, &content).unwrap();
    honest.has(&file).await;

    let ask = |command: Command| {
        let socket = victim.home.socket();
        tokio::task::spawn_blocking(move || Client::connect(&socket).unwrap().ask(command))
    };
    let lengths = [1, 2, 3, blob.bytes - 1, blob.bytes + 1, blob.bytes + limits::CHUNK_BYTES];
    let wrong: Vec<_> = lengths.map(|n| ask(get(BlobRef { bytes: n, ..blob }))).into();
    for answer in wrong {
        let answer = tokio::time::timeout(Duration::from_secs(10), answer).await.unwrap().unwrap();
        assert!(
            matches!(answer, Err(ClientError::Refused { kind: api::ErrorKind::Network, .. })),
            "{answer:?}"
        );
    }
    let nobodys: Vec<_> = (0..12).map(|n| ask(get(BlobRef { id: BlobId::new([n; 32]), bytes: 9 }))).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let Body::Fetches { fetches } = victim.ask(Command::Fetches).await else { panic!("fetches") };
    let nobodys_own = fetches.iter().filter(|fetch| fetch.blob != blob.id.to_string());
    assert_eq!(nobodys_own.filter(|fetch| (fetch.bytes, fetch.done) == (9, 0)).count(), 12, "{fetches:?}");
    assert!(arrives(&victim, blob, limits::FETCH_PATIENCE / 2).await == content);
    assert_eq!(victim.peers().await[0].refused, 0, "who contradicts a wrong length is no liar");

    // Damaged on disk: noticed when a client asks, and fetched again.
    std::fs::write(victim.home.blobs().join(blob.id.to_string()), vec![0; content.len()]).unwrap();
    assert!(arrives(&victim, blob, limits::FETCH_PATIENCE / 2).await == content);
    for answer in nobodys {
        let answer = tokio::time::timeout(Duration::from_secs(60), answer).await.unwrap().unwrap();
        assert!(
            matches!(answer, Err(ClientError::Refused { kind: api::ErrorKind::Network, .. })),
            "{answer:?}"
        );
    }
    honest.stop().await;
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_node_whose_disk_is_damaged_is_not_blamed_and_recovers() {
    let victim = Victim::start().await;
    let dir = tempfile::tempdir().unwrap();
    let honest = Helper::start(&dir.path().join("honest"), &victim).await;
    let content = bytes(3 * limits::CHUNK_BYTES);
    let (blob, file) = (BlobRef::of(&content), dir.path().join("blob"));
    std::fs::write(&file, &content).unwrap();
    let path = honest.has(&file).await;
    let damaged = std::fs::File::options().write(true).open(&path).unwrap();
    damaged.write_all_at(b"?", limits::CHUNK_BYTES + 9).unwrap();
    let socket = victim.home.socket();
    let arrived = tokio::task::spawn_blocking(move || Client::connect(&socket).unwrap().ask(get(blob)));
    let noticed = async {
        while path.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), noticed).await.expect("the damage is noticed");
    assert_eq!(victim.peers().await[0].refused, 0);
    // Somebody else has it: both get what they lack.
    let other = Helper::start(&dir.path().join("other"), &victim).await;
    other.has(&file).await;
    let answer = arrived.await.unwrap();
    assert!(matches!(answer, Ok(Body::BlobStored { .. })), "{answer:?}");
    assert!(arrives(&victim, blob, Duration::from_secs(20)).await == content);
    let healed = async {
        while !std::fs::read(&path).is_ok_and(|bytes| bytes == content) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(40), healed).await.expect("the damaged node recovers");
    assert!(refused(&victim).await.iter().all(|(_, refused)| *refused == 0));
    for helper in [honest, other] {
        helper.stop().await;
    }
    victim.stop().await;
}

fn allowed(quota: u64, upload_rate: u64) -> NetConfig {
    NetConfig { blobs: BlobLimits { quota, upload_rate }, ..loopback() }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_quota_there_is_a_clear_error_and_what_nobody_needs_makes_room() {
    let victim = Victim::start_with(allowed(2 * limits::CHUNK_BYTES, limits::UPLOAD_RATE)).await;
    let dir = tempfile::tempdir().unwrap();
    let honest = Helper::start(&dir.path().join("honest"), &victim).await;
    let file = dir.path().join("blob");
    let content = bytes(limits::CHUNK_BYTES + 10);
    std::fs::write(&file, &content).unwrap();
    honest.has(&file).await;
    let own = dir.path().join("own");
    std::fs::write(&own, vec![1; limits::CHUNK_BYTES as usize]).unwrap();
    let first = victim.add_blob(&own).await;

    let full = |answer: Result<Body, ClientError>| {
        let Err(ClientError::Refused { message, .. }) = answer else { panic!("{answer:?}") };
        assert!(message.contains("the blobs folder is full") && message.contains("2097152"), "{message}");
    };
    full(victim.try_ask(get(BlobRef::of(&content))).await);
    std::fs::write(&own, vec![2; limits::CHUNK_BYTES as usize + 1]).unwrap();
    full(victim.try_ask(Command::AddBlob { path: own.display().to_string() }).await);

    // After a day, nobody needs the first.
    let path = victim.home.blobs().join(first.id.to_string());
    let old = std::time::SystemTime::now() - limits::COLLECT_AGE - Duration::from_secs(60);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    let collected = victim.ask(Command::CollectBlobs { rehearsal: true }).await;
    assert_eq!(collected, Body::Collected { blobs: vec![first.id.to_string()], bytes: first.bytes });
    victim.add_blob(&own).await;
    assert!(!path.exists());
    let Body::Blobs { blobs, used, quota } = victim.ask(Command::Blobs).await else { panic!("blobs") };
    assert_eq!((blobs.len(), quota), (1, 2 * limits::CHUNK_BYTES));
    assert!(used > limits::CHUNK_BYTES && blobs[0].uses.is_empty());
    honest.stop().await;
    victim.stop().await;
}

/// Whoever fetches blobs as fast as it can waits for the rate that is allowed, and holds up no records meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn blobs_that_wait_to_leave_hold_up_no_records() {
    let per_peer = limits::SERVE_BLOBS_PER_PEER;
    let victim = Victim::start_with(allowed(1 << 30, 4 * limits::CHUNK_BYTES)).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("blob");
    std::fs::write(&file, bytes(limits::CHUNK_BYTES)).unwrap();
    let blob = victim.add_blob(&file).await;
    let mut stranger = Stranger::meet(&victim).await;
    // Four leave at once, and the others would wait in all places of the peer.
    for _ in 0..limits::SERVE_PER_PEER + 4 {
        let request = Request::Chunk { blob: blob.id, index: 0 };
        stranger.swarm.behaviour_mut().exchange.send_request(&victim.peer, request);
    }
    let fingerprint = protocol::Fingerprint::new([7; 32]);
    let records = Request::Summary { after: None, fingerprint };
    stranger.swarm.behaviour_mut().exchange.send_request(&victim.peer, records);
    let (start, mut chunks, mut busy, mut summary) = (Instant::now(), 0, 0, None);
    stranger
        .until(|event| {
            if let SwarmEvent::Behaviour(BehaviourEvent::Exchange(Event::Message {
                message: Message::Response { response, .. },
                ..
            })) = event
            {
                match response {
                    Response::Chunk { .. } => chunks += 1,
                    Response::Busy => busy += 1,
                    Response::Summary { .. } => summary = Some(start.elapsed()),
                    other => panic!("{other:?}"),
                }
            }
            summary.is_some() && chunks >= per_peer.min(9)
        })
        .await;
    assert!(summary.unwrap() < Duration::from_secs(1), "{summary:?}");
    assert!(busy >= 1, "one beyond the places for blobs is told to wait");
    assert!(
        start.elapsed() > Duration::from_secs(1),
        "nine chunks, four of them at once: {:?}",
        start.elapsed()
    );
    victim.stop().await;
}
