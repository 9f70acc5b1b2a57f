//! Every message oversized, truncated, nested, of another version, unknown or unsolicited; every answer false, too long,
//! endless or dripping. The node goes on serving others, and blames whom it can prove wrong.

use super::Victim;
use super::rogue::{Answering, Rogue, Script, eventually, refused, serves_others};
use crate::limits;
use crate::net::{self, EXCHANGE, Request, Response, Summary};
use api::{Body, Command};
use libp2p::gossipsub::{IdentTopic, MessageAuthenticity};
use libp2p::identity::Keypair;
use protocol::{Fingerprint, RecordId, Signed, wire};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);

fn some_request() -> Vec<u8> {
    wire::encode(&Request::Records { ids: vec![RecordId::new([1; 32]); 3] }).unwrap()
}

/// What no honest peer sends, whether as a request or as a response: of which `longest` bytes may be long.
fn nonsense(longest: u64) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("unknown field", b"\xa1\x67Records\xa2\x61x\x00\x63ids\x80".to_vec()),
        ("unknown kind", b"\xa1\x67Rubbish\xa0".to_vec()),
        ("lists in lists", vec![0x81; 60_000]),
        ("maps in maps", b"\xa1\x61a".repeat(20_000)),
        ("tags on tags", vec![0xc1; 60_000]),
        ("something after the end", [some_request(), vec![0]].concat()),
        ("an endless list", [b"\x9f".as_slice(), &[0x01; 50_000]].concat()),
        ("too long", vec![0x41; longest as usize + 1]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_no_honest_peer_makes_are_blamed_one_by_one_and_in_the_end_cut_off() {
    let victim = Victim::start().await;
    let mut rogue = Rogue::meet(&victim).await;
    let mut count = 0;
    let response = wire::encode(&Response::NotHere).unwrap();
    let requests = nonsense(limits::REQUEST_MAX_BYTES).into_iter().chain([("a response", response)]);
    for (what, bytes) in requests {
        rogue.answer(Script::Bytes(bytes)).await;
        count += 1;
        assert_eq!(refused(&victim, rogue.peer).await, Some(count), "{what}");
    }
    // Those that may have broken off, those that do no harm, and names that do not exist.
    let whole = some_request();
    for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
        assert_eq!(rogue.answer(Script::Bytes(whole[..cut].to_vec())).await, None, "cut at {cut}");
    }
    let many = Request::Records { ids: vec![RecordId::new([1; 32]); limits::RECORDS_PER_REQUEST + 1] };
    assert_eq!(rogue.answer(Script::request(&many)).await, Some(Response::Records { records: Vec::new() }));
    assert_eq!(
        refused(&victim, rogue.peer).await,
        Some(count),
        "nobody is blamed for what may be an accident"
    );
    serves_others(&victim).await;
    while count < limits::REFUSED_DISCONNECT {
        rogue.answer(Script::Bytes(b"\xff".to_vec())).await;
        count += 1;
    }
    let gone = async || refused(&victim, rogue.peer).await.is_none();
    eventually("cut off", SOON, gone).await;
    serves_others(&victim).await;
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_end_and_requests_that_drip_take_up_nobody_elses_place() {
    let victim = Victim::start().await;
    let mut rogues = Vec::new();
    for _ in 0..4 {
        let mut rogue = Rogue::meet(&victim).await;
        for _ in 0..limits::REQUEST_STREAMS + 1 {
            rogue.ask(Script::Drip(some_request(), Duration::from_secs(60)));
            rogue.ask(Script::Silence);
        }
        rogue.ask(Script::Endless);
        rogue.run_for(Duration::from_millis(300)).await;
        rogues.push(rogue);
    }
    serves_others(&victim).await;
    let first = rogues[0].peer;
    let others = rogues.split_off(1);
    drop(others);
    assert!(refused(&victim, first).await.is_none_or(|refused| refused <= 1));
    serves_others(&victim).await;
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_his_answers_takes_up_his_own_places_alone() {
    let victim = Victim::start().await;
    // More bytes than leave before somebody reads.
    let (host, text) = (Keypair::generate_ed25519(), "x".repeat(protocol::limits::MAX_DESCRIPTION_BYTES));
    let mut ids = Vec::new();
    for n in 0..protocol::limits::MAX_COMPETITIONS_OF_AUTHOR {
        let signed = crate::daemon::tests::described(&format!("competition {n}"), text.clone(), &host);
        ids.push(signed.id());
        let record = hex::encode(signed.bytes());
        assert!(matches!(victim.ask(Command::Publish { record }).await, Body::Published { new: true, .. }));
    }
    let page = wire::encode(&Request::Records { ids }).unwrap();
    let mut rogues = Vec::new();
    for _ in 0..limits::SERVE_TOTAL / limits::SERVE_PER_PEER {
        let mut rogue = Rogue::meet(&victim).await;
        for _ in 0..limits::SERVE_PER_PEER {
            rogue.ask(Script::Deaf(page.clone()));
        }
        rogue.run_for(Duration::from_millis(300)).await;
        // One more is told to wait.
        assert_eq!(rogue.answer(Script::Bytes(page.clone())).await, Some(Response::Busy));
        rogues.push(rogue);
    }
    // All places are taken but those that are everybody's own.
    let mut other = Rogue::meet(&victim).await;
    for _ in 0..limits::SERVE_RESERVED {
        other.ask(Script::Deaf(page.clone()));
    }
    other.run_for(Duration::from_millis(300)).await;
    assert_eq!(other.answer(Script::Bytes(page)).await, Some(Response::Busy));
    serves_others(&victim).await;
    drop(rogues);
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_that_nobody_reads_take_up_some_places_and_leave_those_of_records() {
    let victim = Victim::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("blob");
    std::fs::write(&file, vec![7; limits::CHUNK_BYTES as usize]).unwrap();
    let blob = victim.add_blob(&file).await.id;
    let chunk = wire::encode(&Request::Chunk { blob, index: 0 }).unwrap();
    let (mut rogues, mut left) = (Vec::new(), limits::SERVE_BLOBS_TOTAL);
    while left > 0 {
        let mut rogue = Rogue::meet(&victim).await;
        let asked = left.min(limits::SERVE_BLOBS_PER_PEER);
        for _ in 0..asked {
            rogue.ask(Script::Deaf(chunk.clone()));
        }
        rogue.run_for(Duration::from_millis(300)).await;
        left -= asked;
        rogues.push(rogue);
    }
    let mut other = Rogue::meet(&victim).await;
    assert_eq!(other.answer(Script::Bytes(chunk)).await, Some(Response::Busy), "one too many");
    serves_others(&victim).await;
    drop(rogues);
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_is_nobodys_fault() {
    let victim = Victim::start().await;
    let signed = |keys: &Keypair| MessageAuthenticity::Signed(keys.clone());
    let mut older = Rogue::with(&victim, "/podium/exchange/1", signed).await;
    let newer = Rogue::with(&victim, "/podium/exchange/99", signed).await;
    for _ in 0..limits::REFUSED_DISCONNECT + 5 {
        assert_eq!(older.answer(Script::Bytes(some_request())).await, None);
    }
    for peer in [older.peer, newer.peer] {
        assert_eq!(refused(&victim, peer).await, Some(0));
    }
    serves_others(&victim).await;
    victim.stop().await;
}

fn summary(competition: u8, parts: &[u8]) -> Summary {
    let part = |kind: &u8| (*kind, 1, Fingerprint::new([*kind; 32]));
    Summary { competition: RecordId::new([competition; 32]), parts: parts.iter().map(part).collect() }
}

fn page(competitions: Vec<Summary>, more: bool) -> Script {
    Script::response(&Response::Summary { competitions, more, total: u64::MAX, time: 0 })
}

/// Answers as far as the question that is answered falsely, and that one so.
fn leads_to(lie: Lie) -> impl FnMut(Request) -> Script + Send {
    move |request| match (&lie, request) {
        (Lie::Summary(script), Request::Summary { .. })
        | (Lie::Reconciled(script), Request::Reconcile { .. })
        | (Lie::Records(script), Request::Records { .. }) => script.clone(),
        (Lie::Reconciled(_), Request::Summary { .. }) => page(vec![summary(1, &[2])], false),
        (Lie::Records(_), Request::Summary { .. }) => page(vec![summary(1, &[0])], false),
        _ => Script::response(&Response::Busy),
    }
}

enum Lie {
    Summary(Script),
    Reconciled(Script),
    Records(Script),
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_no_honest_peer_gives_are_blamed() {
    let victim = Victim::start().await;
    let record = crate::daemon::tests::competition_record("elsewhere");
    let records = |records: Vec<&Signed>| {
        let records = records.into_iter().map(|record| record.bytes().to_vec().into()).collect();
        Script::response(&Response::Records { records })
    };
    let reconciled =
        |message: Vec<u8>| Script::response(&Response::Reconciled { messages: vec![message.into()] });
    let crowd = (1..=u8::MAX).map(|n| summary(n, &[])).collect();
    let mut lies: Vec<(&str, Lie)> = vec![
        ("endless", Lie::Summary(Script::Endless)),
        ("records for a summary", Lie::Summary(records(vec![]))),
        ("a chunk for a summary", Lie::Summary(Script::response(&Response::NotHere))),
        ("competitions backwards", Lie::Summary(page(vec![summary(2, &[]), summary(1, &[])], true))),
        ("one competition twice", Lie::Summary(page(vec![summary(1, &[]), summary(1, &[])], true))),
        ("one kind twice", Lie::Summary(page(vec![summary(1, &[2, 2])], false))),
        ("a kind that does not exist", Lie::Summary(page(vec![summary(1, &[200])], false))),
        ("the same page for ever", Lie::Summary(page(crowd, true))),
        ("no message", Lie::Reconciled(reconciled(b"nonsense".to_vec()))),
        ("an endless message", Lie::Reconciled(reconciled(vec![0x61; limits::RECONCILE_BYTES as usize + 1]))),
        ("the same for ever", Lie::Reconciled(Script::response(&Response::Same { total: 1, time: 0 }))),
        ("what was not asked for", Lie::Records(records(vec![&record]))),
    ];
    lies.extend(
        nonsense(limits::RESPONSE_MAX_BYTES)
            .into_iter()
            .map(|(what, bytes)| (what, Lie::Summary(Script::Bytes(bytes)))),
    );
    let mut liars: Vec<(&str, Answering)> = Vec::new();
    for (what, lie) in lies {
        liars.push((what, Rogue::meet(&victim).await.answering(leads_to(lie))));
    }
    for (what, liar) in &liars {
        let blamed = async || refused(&victim, liar.peer).await.is_none_or(|refused| refused > 0);
        eventually(what, SOON, blamed).await;
    }
    serves_others(&victim).await;
    drop(liars);
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_was_asked_is_blamed_once_and_what_was_asked_is_kept() {
    let victim = Victim::start().await;
    let record = crate::daemon::tests::competition_record("asked for");
    let (id, bytes) = (record.id(), record.bytes().to_vec());
    let twice = Rogue::meet(&victim).await.answering(move |request| match request {
        Request::Summary { .. } => {
            let parts = vec![(0, 1, Fingerprint::new([0; 32]))];
            page(vec![Summary { competition: id, parts }], false)
        }
        Request::Records { .. } => {
            let records = vec![bytes.clone().into(); limits::RECORDS_PER_REQUEST + 1];
            Script::response(&Response::Records { records })
        }
        _ => Script::response(&Response::Busy),
    });
    let kept = async || has(&victim, id).await && refused(&victim, twice.peer).await == Some(1);
    eventually("kept once, and blamed", SOON, kept).await;
    victim.stop().await;
}

async fn has(victim: &Victim, id: RecordId) -> bool {
    victim.try_ask(Command::Record { id: id.to_string() }).await.is_ok()
}

/// Peers that never answer, or a byte a minute, do not keep the node from catching up with one that does; and one that
/// is slow but honest is caught up with too.
#[tokio::test(flavor = "multi_thread")]
async fn peers_that_drip_do_not_hold_up_those_that_answer_and_are_not_banned() {
    let victim = Victim::start().await;
    let mut silent = Vec::new();
    for n in 0..3 * limits::SYNCS {
        let whole = Response::Same { total: 1, time: 0 };
        let script = match n % 3 {
            0 => Script::Silence,
            1 => Script::Drip(wire::encode(&whole).unwrap(), Duration::from_secs(60)),
            _ => Script::Bytes(Vec::new()),
        };
        silent.push(Rogue::meet(&victim).await.answering(move |_| script.clone()));
    }
    let record = crate::daemon::tests::competition_record("late");
    let (id, bytes) = (record.id(), record.bytes().to_vec());
    let start = Instant::now();
    let slow = Rogue::meet(&victim).await.answering(move |request| {
        let response = match request {
            Request::Summary { .. } => {
                let parts = vec![(0, 1, Fingerprint::new([0; 32]))];
                let competitions = vec![Summary { competition: id, parts }];
                Response::Summary { competitions, more: false, total: 1, time: 0 }
            }
            Request::Records { .. } => Response::Records { records: vec![bytes.clone().into()] },
            _ => Response::Busy,
        };
        Script::Drip(wire::encode(&response).unwrap(), Duration::from_millis(1))
    });
    // Each of them has one turn to answer the first question.
    let turns = (silent.len() / limits::SYNCS_UNANSWERED) as u32;
    let within = turns * limits::SYNC_PATIENCE + limits::SYNC_INTERVAL + Duration::from_secs(8);
    eventually("caught up", within, async || has(&victim, id).await).await;
    println!("caught up with a slow peer among {} silent ones in {:?}", silent.len(), start.elapsed());
    assert_eq!(refused(&victim, slow.peer).await, Some(0));
    for one in &silent {
        assert_eq!(refused(&victim, one.peer).await, Some(0), "silence is no proof");
    }
    let most = silent.iter().map(Answering::asked).max().unwrap_or_default();
    assert!(most <= 20, "asked {most} times");
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gossip_that_is_too_long_unsigned_or_of_another_topic_is_not_even_looked_at() {
    let victim = Victim::start().await;
    let record = crate::daemon::tests::competition_record("gossiped");
    // Another topic.
    let mut rogue = Rogue::meet(&victim).await;
    rogue.subscribed().await;
    let other = IdentTopic::new("/podium/records/0");
    rogue.swarm.behaviour_mut().gossip.subscribe(&other).unwrap();
    let _ = rogue.swarm.behaviour_mut().gossip.publish(other, record.bytes().to_vec());
    // Too long.
    for more in [1, 1 << 20] {
        let long = vec![7; limits::GOSSIP_MAX_BYTES + more];
        let _ = rogue.swarm.behaviour_mut().gossip.publish(net::topic(), long);
    }
    rogue.run_for(Duration::from_millis(500)).await;
    // Unsigned.
    let mut unsigned = Rogue::with(&victim, EXCHANGE, |_| MessageAuthenticity::Anonymous).await;
    unsigned.subscribed().await;
    let _ = unsigned.swarm.behaviour_mut().gossip.publish(net::topic(), record.bytes().to_vec());
    unsigned.run_for(Duration::from_millis(500)).await;
    assert!(!has(&victim, record.id()).await);
    serves_others(&victim).await;
    // And signed, on the right topic, it is taken.
    let mut honest = Rogue::meet(&victim).await;
    honest.subscribed().await;
    honest.swarm.behaviour_mut().gossip.publish(net::topic(), record.bytes().to_vec()).unwrap();
    honest.run_for(Duration::from_millis(500)).await;
    eventually("taken", SOON, async || has(&victim, record.id()).await).await;
    victim.stop().await;
}

/// A record of the right form that nobody asked for and that refers to nothing here waits, in bounded number.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_valid_but_refers_to_nothing_waits_in_bounded_number() {
    let victim = Victim::start().await;
    let thief = Keypair::generate_ed25519();
    let mut rogue = Rogue::meet(&victim).await;
    rogue.subscribed().await;
    let orphan = |n: u64| {
        let close = protocol::Close {
            competition: RecordId::of(&n.to_be_bytes()),
            created: 1_700_000_000,
            submissions: Vec::new(),
        };
        protocol::sign(&thief, &protocol::Body::Close(close)).unwrap()
    };
    for n in 0..limits::WAITING_PER_PEER as u64 + 100 {
        let _ = rogue.swarm.behaviour_mut().gossip.publish(net::topic(), orphan(n).bytes().to_vec());
        if n % 20 == 0 {
            rogue.run_for(Duration::from_millis(10)).await;
        }
    }
    rogue.run_for(Duration::from_millis(500)).await;
    assert_eq!(refused(&victim, rogue.peer).await, Some(0), "they may be honest");
    serves_others(&victim).await;
    let Body::Competitions { competitions } = victim.ask(Command::Competitions).await else { panic!() };
    assert!(competitions.is_empty());
    victim.stop().await;
}
