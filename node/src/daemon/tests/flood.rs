//! Floods of well-formed records with real proofs: what they cost, and whom they delay.

use super::{Stranger, Victim, host};
use crate::client::ClientError;
use crate::home::{Home, Identity};
use crate::net::{self, BehaviourEvent};
use crate::prover::{Contest, Entrant, Made, Scored, Source, Workbench};
use crate::{keys, limits};
use api::{Body, Command};
use circuits::groth16::ProvingKey;
use circuits::{ClassId, TestSet};
use datasets::{read_onnx, samples};
use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use protocol::{ClaimRule, Signed, WellFormed};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// A competition on the victim, with everything real that competing takes.
struct Scene {
    contest: Contest,
    class: ClassId,
    key: ProvingKey,
    set: TestSet,
}

async fn scene(victim: &Victim) -> Scene {
    let (signed, made, set) = host(victim).await;
    let class = made.class;
    let contest = Contest::parse(signed.bytes()).unwrap();
    let key = keys::load(&made.path, made.blob.id).unwrap();
    Scene { contest, class, key, set }
}

/// Somebody who competes.
struct Competitor {
    _dir: tempfile::TempDir,
    identity: Identity,
    made: Made,
}

impl Competitor {
    fn of(scene: &Scene) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().to_owned()), None).unwrap();
        let identity = home.init().unwrap();
        let Scene { contest, class, key, set } = scene;
        let model = read_onnx(samples::BREAST_CANCER_LOGISTIC_ONNX).unwrap();
        let scored = Scored::new(contest, &model, *class, set).unwrap();
        let entrant = Entrant { home: &home, identity: &identity, contest, key, progress: &|_, _| {} };
        let opening = entrant.commit(&scored.model).unwrap();
        let scoring = contest.scoring(None).unwrap();
        let bench = Workbench { entrant, opening: &opening, scoring: &scoring, set, jobs: 1 };
        let claims = scored.claims(&ClaimRule::Exact, 200).unwrap();
        let made = bench.make(&scored, &claims, "Mallory", Source::HERE).unwrap();
        Self { _dir: dir, identity, made }
    }

    /// The entry once more, made ever earlier: each with a proof that holds if its own key signs it.
    fn entries(&self, signer: &Keypair, count: u64) -> Vec<Signed> {
        let WellFormed::Entry(entry) = WellFormed::parse(&self.made.entry).unwrap() else {
            panic!("an entry")
        };
        let again = |n: u64| {
            let body = protocol::Entry { created: entry.body().created - n, ..entry.body().clone() };
            protocol::sign(signer, &protocol::Body::Entry(Box::new(body))).unwrap()
        };
        (1..=count).map(again).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_proof_that_is_gossiped_is_refused_and_an_honest_one_kept() {
    let victim = Victim::start().await;
    let scene = scene(&victim).await;
    let competitor = Competitor::of(&scene);
    let made = &competitor.made;
    let mut stranger = Stranger::meet(&victim).await;
    stranger.subscribed().await;

    // The submission comes before its entry: it waits, and is judged when the entry is here.
    let forged = match WellFormed::parse(&made.submission).unwrap() {
        WellFormed::Submission(honest) => {
            let mut body = honest.body().clone();
            body.chunks[0].correct += 1;
            protocol::sign(&competitor.identity.keypair, &protocol::Body::Submission(body)).unwrap()
        }
        other => panic!("{other:?}"),
    };
    for record in [&made.submission, &forged, &made.entry] {
        stranger.publish(record);
    }
    let id = scene.contest.id.to_string();
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
    let scene = scene(&victim).await;
    let competitor = Competitor::of(&scene);
    let made = &competitor.made;
    // Another competitor's proof, as often as there are times to claim.
    let flood = competitor.entries(&Keypair::generate_ed25519(), 10_000);
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
        cut_off = stranger.run_for(Duration::from_millis(20)).await;
        if cut_off {
            break;
        }
    }
    assert!(cut_off, "the flood was never stopped: {sent} sent");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let checked = refusals.load(Ordering::SeqCst);
    let most = limits::REFUSED_DISCONNECT as usize + limits::VERIFY_PER_PEER;
    println!("{sent} sent, {checked} checked before and after the cut, at most {most}");
    // The third brings its gossip score below the limit.
    assert!((3..=most).contains(&checked), "{checked} of at most {most}");
    // Honest records are taken as before.
    let answer = victim.ask(Command::Publish { record: hex::encode(made.entry.bytes()) }).await;
    assert!(matches!(answer, Body::Published { new: true, .. }), "{answer:?}");
    victim.stop().await;
}

/// Gossips records as fast as they are taken, under ever new names, until it is dropped.
fn flood(victim: &Victim, records: Vec<Signed>) -> Flood {
    let (address, peer) = (victim.address.clone(), victim.peer);
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let task = tokio::spawn(async move {
        let mut records = records.into_iter();
        loop {
            let mut stranger = Stranger::dial(&address, peer).await;
            stranger.subscribed().await;
            let mut cut_off = false;
            while !cut_off {
                for record in records.by_ref().take(16) {
                    let gossip = &mut stranger.swarm.behaviour_mut().gossip;
                    let taken = gossip.publish(net::topic(), record.bytes().to_vec()).is_ok();
                    count.fetch_add(usize::from(taken), Ordering::SeqCst);
                }
                cut_off = stranger.run_for(Duration::from_millis(10)).await;
            }
        }
    });
    Flood { sent, task }
}

struct Flood {
    sent: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Two flood: one with proofs that do not hold, who comes back under a new name when he is cut off; one with proofs
/// that do, of which each displaces the last. An honest peer's record is checked meanwhile, and forwarded to others.
#[tokio::test(flavor = "multi_thread")]
async fn an_honest_peers_record_is_checked_and_forwarded_in_time_under_a_flood() {
    let victim = Victim::start().await;
    let scene = scene(&victim).await;
    let (flooder, honest) = (Competitor::of(&scene), Competitor::of(&scene));
    let invalid = flooder.entries(&Keypair::generate_ed25519(), 20_000);
    let valid = flooder.entries(&flooder.identity.keypair, 20_000);
    let mut listener = Stranger::meet(&victim).await;
    listener.subscribed().await;
    let mut speaker = Stranger::meet(&victim).await;
    speaker.subscribed().await;
    let floods = [flood(&victim, invalid), flood(&victim, valid)];
    // Both networks go on by themselves for a while, so that the victim's queues fill.
    let mut idle = async |time| {
        let both = async {
            loop {
                tokio::select! {
                    _ = listener.swarm.select_next_some() => {}
                    _ = speaker.swarm.select_next_some() => {}
                }
            }
        };
        let _ = tokio::time::timeout(time, both).await;
    };
    idle(Duration::from_secs(3)).await;
    let start = Instant::now();
    speaker.publish(&honest.made.entry);
    let heard = async {
        use libp2p::gossipsub::Event::Message;
        loop {
            tokio::select! {
                event = listener.swarm.select_next_some() => {
                    if let SwarmEvent::Behaviour(BehaviourEvent::Gossip(Message { message, .. })) = event
                        && message.data[..] == honest.made.entry.bytes()[..]
                    {
                        return;
                    }
                }
                _ = speaker.swarm.select_next_some() => {}
            }
        }
    };
    let window = limits::VERIFY_PATIENCE / 3;
    tokio::time::timeout(window, heard).await.expect("checked and forwarded long before it is forgotten");
    let sent: Vec<usize> = floods.iter().map(|flood| flood.sent.load(Ordering::SeqCst)).collect();
    println!("forwarded after {:?}, with {sent:?} messages of the floods sent", start.elapsed());
    assert!(
        sent.iter().all(|sent| *sent > limits::REFUSED_DISCONNECT as usize),
        "{sent:?}: that was no flood"
    );
    drop(floods);
    victim.stop().await;
}
