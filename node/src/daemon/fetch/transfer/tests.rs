use super::*;
use crate::blobs::BlobStore;
use proptest::prelude::*;
use protocol::BlobId;
use std::collections::BTreeSet;

/// A fetch of so many chunks of zeroes; the folder lives as long as it is needed.
fn opened(chunks: u32) -> (Fetch<u64>, tempfile::TempDir, Instant) {
    let dir = tempfile::tempdir().unwrap();
    let blobs = BlobStore::open(dir.path()).unwrap();
    let bytes = vec![0; (u64::from(chunks) * limits::CHUNK_BYTES) as usize];
    let blob = blobs.add_bytes(&bytes).unwrap();
    let hashes = blobs.tree(blob.id).unwrap().hashes().to_vec();
    blobs.discard(blob.id).unwrap();
    let now = Instant::now();
    let mut fetch = Fetch::new(blob, HashSet::new(), now);
    fetch.opened(Some(blobs.begin(blob, &hashes).unwrap()));
    (fetch, dir, now)
}

/// Asks as much as possible; request ids count up from `first`.
fn ask_all(fetch: &mut Fetch<u64>, peers: &[PeerId], first: u64, now: Instant) -> Vec<(u64, PeerId, Item)> {
    let mut asked = Vec::new();
    while let Some((peer, item)) = fetch.next(peers, now) {
        let request = first + asked.len() as u64;
        fetch.ask(request, peer, item, now);
        asked.push((request, peer, item));
    }
    asked
}

fn verify(fetch: &mut Fetch<u64>, index: u32) {
    let chunk = fetch.partial().unwrap().verify(index, vec![0; limits::CHUNK_BYTES as usize].into());
    fetch.verified(chunk.unwrap());
}

/// A chunk that was asked for turns out to be right, and is written.
fn arrive(fetch: &mut Fetch<u64>, index: u32, now: Instant) {
    verify(fetch, index);
    let (_, chunks) = fetch.next_writes().unwrap();
    assert_eq!(chunks.iter().map(Verified::index).collect::<Vec<_>>(), [index]);
    fetch.written(index, now);
}

fn peers(n: usize) -> Vec<PeerId> {
    let mut peers: Vec<PeerId> = (0..n).map(|_| PeerId::random()).collect();
    peers.sort();
    peers
}

#[test]
fn the_hashes_come_first_and_a_second_peer_is_asked_when_the_first_is_slow() {
    let (all, now) = (peers(3), Instant::now());
    let blob = BlobRef { id: BlobId::of(b"x"), bytes: 3 * limits::CHUNK_BYTES };
    let mut fetch = Fetch::<u64>::new(blob, HashSet::new(), now);
    assert_eq!(fetch.next(&all, now), None, "nobody has looked what is here");
    fetch.opened(None);
    assert_eq!(ask_all(&mut fetch, &all, 0, now), [(0, all[0], Item::Tree)]);
    let later = now + limits::CHUNK_SLOW;
    assert_eq!(ask_all(&mut fetch, &all, 1, later), [(1, all[1], Item::Tree)], "two, not three");
    assert_eq!(fetch.answered(1), Some(Item::Tree));
    assert_eq!(fetch.answered(0), None, "the other was faster");
    assert_eq!(fetch.wrong(Item::Tree), Some(all[1]));
    assert_eq!(ask_all(&mut fetch, &all, 2, later), [(2, all[0], Item::Tree)], "a liar never again");
}

#[test]
fn peers_are_asked_for_more_the_more_they_deliver_and_never_for_too_much() {
    let (mut fetch, _dir, now) = opened(40);
    let all = peers(4);
    let mut requests = ask_all(&mut fetch, &all, 0, now);
    assert_eq!(requests.len(), 4 * limits::CHUNKS_AT_FIRST);
    let first: Vec<Item> = requests.iter().map(|(_, _, item)| *item).collect();
    assert_eq!(first, (0..8).map(Item::Chunk).collect::<Vec<_>>(), "each once, in order");
    // One delivers, the others do not.
    let mut next = 8;
    while let Some(at) = requests.iter().position(|(_, peer, _)| *peer == all[1]) {
        let (request, _, item) = requests.remove(at);
        assert_eq!(fetch.answered(request), Some(item));
        let Item::Chunk(index) = item else { panic!("{item:?}") };
        arrive(&mut fetch, index, now);
        let more = ask_all(&mut fetch, &all, next, now);
        next += more.len() as u64;
        assert!(more.iter().all(|(_, peer, _)| *peer == all[1]));
        assert!(fetch.asked_of(&all[1]) <= limits::CHUNKS_PER_PEER);
        assert!(fetch.asked.len() <= limits::CHUNKS_IN_FLIGHT);
        requests.extend(more);
    }
    assert_eq!((fetch.asked.len(), fetch.missing.len()), (6, 0));
    assert_eq!(fetch.done(), 34 * limits::CHUNK_BYTES);
    assert!(fetch.complete().is_none());
    // The end: what the slow ones hold is asked of the fast one too, once.
    let later = now + limits::CHUNK_SLOW;
    let again = ask_all(&mut fetch, &all[1..2], 1000, later);
    assert_eq!(again.iter().map(|(_, _, item)| *item).collect::<HashSet<_>>().len(), 6);
    assert!(ask_all(&mut fetch, &all, 2000, later).is_empty());
    for (request, _, item) in again {
        assert_eq!(fetch.answered(request), Some(item));
        let Item::Chunk(index) = item else { panic!("{item:?}") };
        arrive(&mut fetch, index, later);
    }
    assert!(fetch.complete().is_some() && fetch.complete().is_none(), "once");
    assert_eq!(fetch.remaining(), 0);
}

#[test]
fn a_disk_that_pauses_stops_the_network_only_after_so_many_chunks() {
    let (mut fetch, _dir, now) = opened(80);
    let a = peers(1);
    let mut came = Vec::new();
    loop {
        let asked = ask_all(&mut fetch, &a, came.len() as u64, now);
        if asked.is_empty() {
            break;
        }
        for (request, _, item) in asked {
            let Some(Item::Chunk(index)) = fetch.answered(request) else { panic!("{item:?}") };
            verify(&mut fetch, index);
            came.push(index);
        }
    }
    assert!(came.len() >= limits::CHUNKS_UNWRITTEN);
    assert!(came.len() < limits::CHUNKS_UNWRITTEN + limits::CHUNKS_PER_PEER);
    assert_eq!(fetch.done(), 0, "none is written");
    assert!(!fetch.has_no_source(&a), "the disk has its turn");
    while let Some((_, chunks)) = fetch.next_writes() {
        assert!(chunks.len() <= limits::CHUNKS_WRITTEN_AT_ONCE);
        assert!(fetch.next_writes().is_none(), "one worker at a time");
        chunks.into_iter().for_each(|chunk| fetch.written(chunk.index(), now));
    }
    assert_eq!(fetch.done(), came.len() as u64 * limits::CHUNK_BYTES);
    assert_eq!(ask_all(&mut fetch, &a, 1000, now).len(), limits::CHUNKS_PER_PEER, "it goes on");
}

#[test]
fn slow_peers_do_not_take_the_places_of_others() {
    let (mut fetch, _dir, now) = opened(40);
    let slow = peers(limits::CHUNKS_IN_FLIGHT);
    assert_eq!(ask_all(&mut fetch, &slow, 0, now).len(), limits::CHUNKS_IN_FLIGHT);
    let fast = peers(1);
    assert_eq!(fetch.next(&fast, now), None);
    assert!(fetch.next(&fast, now + limits::CHUNK_SLOW).is_some());
}

#[test]
fn who_sent_a_wrong_chunk_is_known_at_once_and_nobody_else_is_accused() {
    let (mut fetch, _dir, now) = opened(4);
    let all = peers(2);
    let asked = ask_all(&mut fetch, &all, 0, now);
    assert_eq!(asked.len(), 4);
    let of = |peer: PeerId| asked.iter().filter(move |(_, asked, _)| *asked == peer);
    let (liar, honest) = (all[0], all[1]);
    for (request, _, item) in of(honest) {
        assert_eq!(fetch.answered(*request), Some(*item));
    }
    let (request, _, wrong) = of(liar).next().unwrap();
    assert_eq!(fetch.answered(*request), Some(*wrong));
    assert_eq!(fetch.wrong(*wrong), Some(liar));
    assert_eq!(fetch.wrong(*wrong), None, "accused once");
    for (request, _, _) in of(liar) {
        assert_eq!(fetch.answered(*request), None, "what it still sends is not even looked at");
    }
    assert_eq!(fetch.against, HashSet::from([liar]));
    for (_, _, item) in of(honest) {
        let Item::Chunk(index) = item else { panic!("{item:?}") };
        arrive(&mut fetch, *index, now);
    }
    let again = ask_all(&mut fetch, &all, 10, now);
    assert_eq!(again.len(), 2);
    assert!(again.iter().all(|(_, peer, _)| *peer == honest));
}

#[test]
fn a_peer_that_is_busy_is_left_alone_for_a_while() {
    let (mut fetch, _dir, now) = opened(3);
    let a = peers(1);
    let asked = ask_all(&mut fetch, &a, 0, now);
    assert!(fetch.failed(asked[0].0, now) && !fetch.failed(asked[0].0, now));
    assert_eq!(fetch.next(&a, now), None);
    assert!(!fetch.has_no_source(&a), "one request is open");
    let later = now + limits::FETCH_RETRY;
    assert_eq!(ask_all(&mut fetch, &a, 9, later).len(), 0, "its window is one now, and full");
    assert_eq!(fetch.answered(asked[1].0), Some(asked[1].2));
    assert_eq!(ask_all(&mut fetch, &a, 9, later).len(), 0, "what came may be wrong");
    let Item::Chunk(index) = asked[1].2 else { panic!("{:?}", asked[1].2) };
    arrive(&mut fetch, index, later);
    assert_eq!(ask_all(&mut fetch, &a, 9, later).len(), 2);
    assert_eq!(fetch.next(&[], later), None);
}

#[test]
fn a_turn_ends_when_nobody_has_the_blob_or_too_few_bytes_come() {
    let start = Instant::now();
    let all = peers(2);
    let (a, b) = (all[0], all[1]);
    let blob = BlobRef { id: BlobId::of(b"x"), bytes: 1 << 30 };
    let mut fetch = Fetch::<u64>::new(blob, HashSet::new(), start);
    assert!(!fetch.has_no_source(&[]), "a worker looks what is here");
    fetch.opened(None);
    assert!(fetch.has_no_source(&[]) && !fetch.has_no_source(&all));
    fetch.ask(1, a, Item::Tree, start);
    assert!(!fetch.has_no_source(&[a]), "it may answer");
    assert!(fetch.lacked(1) && !fetch.lacked(1));
    assert!(fetch.has_no_source(&[a]) && !fetch.has_no_source(&all) && !fetch.is_contradicted(&[a]));
    fetch.ask(2, b, Item::Tree, start);
    assert!(fetch.contradicted(2));
    assert!(fetch.has_no_source(&all) && fetch.is_contradicted(&[b]) && !fetch.is_contradicted(&all));

    assert!(!fetch.is_stalled(start + limits::FETCH_PATIENCE));
    assert!(fetch.is_stalled(start + limits::FETCH_PATIENCE + Duration::from_secs(1)));
    // A chunk now and then does not keep the place.
    let (mut fetch, _dir, start) = opened(40);
    for n in 0..5 {
        fetch.written(n, start + Duration::from_secs(u64::from(n) * 14));
    }
    assert_eq!(fetch.done(), 5 * limits::CHUNK_BYTES);
    let later = start + limits::FETCH_TURN;
    assert!(!fetch.is_stalled(later) && fetch.is_slow(later));
    fetch.measured.1 = limits::FETCH_MIN_RATE * limits::FETCH_TURN.as_secs();
    assert!(!fetch.is_slow(later));
    assert!(!fetch.is_slow(later + limits::FETCH_TURN / 2), "measured anew");
    assert!(fetch.is_slow(later + limits::FETCH_TURN));
}

/// What a peer of the simulation does with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Honest,
    /// Wrong bytes, from time to time.
    Liar,
    Silent,
    Lacks,
    Busy,
    /// Another length.
    Contradicts,
}

fn manner() -> impl Strategy<Value = Manner> {
    prop::sample::select(vec![
        Manner::Honest,
        Manner::Liar,
        Manner::Silent,
        Manner::Lacks,
        Manner::Busy,
        Manner::Contradicts,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Peers of all kinds, answers in any order: with one honest peer the blob arrives. Every liar is accused at its
    /// first wrong chunk, once, and never asked again; nobody else is accused.
    #[test]
    fn with_one_honest_peer_the_blob_arrives_and_every_liar_is_found(
        mut manners in prop::collection::vec(manner(), 0..5),
        honest_at in 0usize..5,
        mut dice in any::<u64>(),
    ) {
        manners.insert(honest_at.min(manners.len()), Manner::Honest);
        let (mut fetch, _dir, mut now) = opened(20);
        let all = peers(manners.len());
        let of: HashMap<PeerId, Manner> = all.iter().copied().zip(manners).collect();
        let mut roll = |sides: u64| {
            // Knuth's generator: any numbers do.
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % sides
        };
        let mut open: Vec<(u64, PeerId, Item)> = Vec::new();
        let (mut next, mut accused, mut lied) = (0, BTreeSet::new(), BTreeSet::new());
        for _ in 0..5000 {
            let more = ask_all(&mut fetch, &all, next, now);
            next += more.len() as u64;
            for (_, peer, item) in &more {
                prop_assert!(!accused.contains(peer), "asked again after a lie");
                prop_assert!(fetch.asked_of(peer) <= limits::CHUNKS_PER_PEER);
                let waiting = |ask: &&Ask| ask.item == *item && !ask.is_slow(now);
                prop_assert_eq!(fetch.asked.values().filter(waiting).count(), 1, "once, unless it is slow");
            }
            open.extend(more);
            if fetch.complete().is_some() {
                break;
            }
            let able: Vec<usize> =
                (0..open.len()).filter(|at| of[&open[*at].1] != Manner::Silent).collect();
            now += Duration::from_millis(500);
            let Some(at) = able.get(roll(able.len().max(1) as u64) as usize) else { continue };
            let (request, peer, item) = open.swap_remove(*at);
            let lies = of[&peer] == Manner::Liar && roll(2) == 0;
            match of[&peer] {
                Manner::Lacks => { fetch.lacked(request); }
                Manner::Busy => { fetch.failed(request, now); }
                Manner::Contradicts => { fetch.contradicted(request); }
                _ => match fetch.answered(request) {
                    Some(checked) if lies => {
                        lied.insert(peer);
                        prop_assert_eq!(fetch.wrong(checked), Some(peer));
                        prop_assert!(accused.insert(peer));
                    }
                    Some(Item::Chunk(index)) => {
                        prop_assert_eq!(item, Item::Chunk(index));
                        arrive(&mut fetch, index, now);
                    }
                    Some(Item::Tree) => prop_assert!(false, "not asked for"),
                    None => {}
                },
            }
        }
        prop_assert_eq!(fetch.remaining(), 0, "the blob has not arrived");
        prop_assert_eq!(&accused, &lied);
        for peer in accused {
            prop_assert_eq!(of[&peer], Manner::Liar);
        }
    }
}
