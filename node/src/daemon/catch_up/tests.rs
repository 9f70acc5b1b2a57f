//! Catch-ups with honest peers, with breaks and changes, and with peers that are neither.

use super::*;
use crate::ledger::Parts;
use negentropy::Id;
use proptest::prelude::*;
use protocol::Fingerprint;
use std::collections::BTreeMap;
use std::time::Duration;

fn id(n: u32) -> RecordId {
    RecordId::of(&n.to_be_bytes())
}

fn storage(ids: &[u32]) -> Arc<NegentropyStorageVector> {
    let mut storage = NegentropyStorageVector::new();
    for n in ids {
        storage.insert(0, Id::from_byte_array(*id(*n).as_bytes())).unwrap();
    }
    storage.seal().unwrap();
    Arc::new(storage)
}

fn digest(kind: u8, count: u64) -> Digest {
    (kind, count, Fingerprint::new([count as u8; 32]))
}

fn summary(n: u32, parts: &[Digest]) -> Summary {
    Summary { competition: id(n), parts: parts.to_vec() }
}

/// Runs a part to its end: what is fetched, and what the peer lacks.
fn run(own: &[u32], theirs: &[u32]) -> (HashSet<RecordId>, HashSet<RecordId>) {
    let (part, theirs) = ((id(0), 2), storage(theirs));
    let mut sync = CatchUp::new(Instant::now());
    sync.listed = true;
    sync.parts.push_back(part);
    let (mut fetched, mut lacks) = (HashSet::new(), HashSet::new());
    loop {
        match sync.next() {
            Step::Begin { part } => sync.begin(part, &storage(own), |_| true).unwrap(),
            Step::Reconcile { part, message } => {
                let answer = answer(&theirs, &message).unwrap();
                let finished = sync.on_message(part, &answer, |_| true).unwrap();
                lacks.extend(finished.lacks);
            }
            Step::Records { ids } => fetched.extend(ids),
            Step::Done => return (fetched, lacks),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn both_sides_of_a_difference_are_found() {
    let (fetched, lacks) = run(&[1, 2, 3, 7], &[2, 3, 4, 5]);
    assert_eq!(fetched, [id(4), id(5)].into());
    assert_eq!(lacks, [id(1), id(7)].into());
    let all: Vec<u32> = (0..9000).collect();
    let (fetched, lacks) = run(&[], &all);
    assert_eq!((fetched.len(), lacks.len()), (9000, 0));
    let (fetched, lacks) = run(&all, &[]);
    assert_eq!((fetched.len(), lacks.len()), (0, 9000));
}

#[test]
fn parts_come_in_the_order_of_kinds_and_what_is_missing_before_the_next() {
    let mut sync = CatchUp::new(Instant::now());
    assert_eq!(sync.next(), Step::Summary { after: None });
    let page = [summary(1, &[digest(0, 1), digest(2, 5), digest(4, 7)])];
    let equal = sync.on_summary(None, &page, false, |_| vec![digest(2, 5)]).unwrap();
    assert_eq!(equal, [(id(1), 2)]);
    assert_eq!(sync.next(), Step::Begin { part: (id(1), 0) });
    sync.begin((id(1), 0), &storage(&[]), |_| true).unwrap();
    assert_eq!(sync.next(), Step::Records { ids: vec![id(1)] }, "the competition first");
    assert_eq!(sync.next(), Step::Begin { part: (id(1), 4) });
}

#[test]
fn a_peer_cannot_keep_a_catch_up_going_for_ever() {
    let none = |_| Vec::new();
    let (low, high) = if id(1) < id(2) { (1, 2) } else { (2, 1) };
    let mut sync = CatchUp::new(Instant::now());
    let backwards = [summary(high, &[]), summary(low, &[])];
    assert_eq!(sync.on_summary(None, &backwards, true, none), Err(SyncError::Order));
    assert_eq!(sync.on_summary(Some(id(low)), &[summary(low, &[])], true, none), Err(SyncError::Order));
    let crowded = [summary(low, &[digest(0, 1); 8])];
    assert_eq!(sync.on_summary(None, &crowded, true, none), Err(SyncError::Order));
    assert!(matches!(sync.on_message((id(1), 2), b"", |_| true), Err(SyncError::Unasked)));
    let mut sync = CatchUp::new(Instant::now());
    let endless = (0..).find_map(|_| sync.on_summary(None, &[summary(low, &[])], true, none).err());
    assert!(matches!(endless, Some(SyncError::Endless { .. })));
    // The same answer again and again, of somebody whose set is never equal.
    sync.begin((id(1), 2), &storage(&(0..500).collect::<Vec<_>>()), |_| true).unwrap();
    let Some(first) = sync.current.as_mut().and_then(|current| current.next.take()) else { panic!() };
    let other = answer(&storage(&(1000..1500).collect::<Vec<_>>()), &first).unwrap();
    let mut outcome = Ok(Finished::default());
    for _ in 0..=limits::RECONCILE_ROUNDS {
        outcome = sync.on_message((id(1), 2), &other, |_| true);
        if outcome.as_ref().map_or(true, |finished| finished.part.is_some()) {
            break;
        }
    }
    assert!(!matches!(outcome, Ok(Finished { part: None, .. })), "it ends");
}

proptest! {
    #[test]
    fn whatever_a_peer_sends_is_an_answer_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300), start in any::<bool>()) {
        // With a version byte in front the decoder gets further.
        let bytes = if start { [vec![0x61], bytes].concat() } else { bytes };
        let own = storage(&(0..200).collect::<Vec<_>>());
        let _ = answer(&own, &bytes);
        let mut sync = CatchUp::new(Instant::now());
        sync.begin((id(1), 2), &own, |_| true).unwrap();
        let _ = sync.on_message((id(1), 2), &bytes, |_| true);
        prop_assert!(sync.wanted.len() <= 300 / 32);
    }
}

/// A message of a peer whose set is never equal: below one bound another fingerprint, above it these ids and no others.
fn never_equal(ids: &[u32]) -> Vec<u8> {
    let mut message = vec![0x61, 1, 1, 0x01, 1];
    message.extend([7; 16]);
    message.extend([0, 0, 2, 0x80 | (ids.len() >> 7) as u8, (ids.len() & 0x7f) as u8]);
    ids.iter().for_each(|n| message.extend(id(*n).as_bytes()));
    message
}

#[test]
fn a_peer_whose_set_is_never_equal_fills_no_memory() {
    let (own, part) = (storage(&(0..1000).collect::<Vec<_>>()), (id(0), 2));
    let mut sync = CatchUp::new(Instant::now());
    sync.begin(part, &own, |_| true).unwrap();
    for round in 0..limits::RECONCILE_ROUNDS as u32 {
        // Each time others that do not exist, and each time it lacks all of ours.
        let ids: Vec<u32> = (0..1000).map(|n| 1_000_000 + round * 1000 + n).collect();
        let message = never_equal(&ids);
        assert!(message.len() as u64 <= limits::RECONCILE_BYTES);
        assert_eq!(sync.on_message(part, &message, |_| true), Ok(Finished::default()));
        assert!(sync.wanted.len() <= limits::SYNC_WANTED);
        assert!(sync.current.as_ref().is_some_and(|current| current.lacks.len() <= 1000));
    }
    assert_eq!(sync.wanted.len(), limits::SYNC_WANTED);
    let beyond = sync.on_message(part, &never_equal(&[]), |_| true);
    assert_eq!(
        beyond,
        Err(SyncError::Endless { what: "messages about a part", expected: limits::RECONCILE_ROUNDS })
    );
}

#[test]
fn every_bound_of_a_catch_up_holds_one_beyond_it() {
    let none = |_| Vec::new();
    let mut ids: Vec<RecordId> = (0..=limits::SUMMARY_PAGE as u32).map(id).collect();
    ids.sort_unstable();
    let page: Vec<Summary> =
        ids.into_iter().map(|competition| Summary { competition, parts: Vec::new() }).collect();
    let mut sync = CatchUp::new(Instant::now());
    assert_eq!(sync.on_summary(None, &page, true, none), Err(SyncError::Order));
    for n in 1..=limits::PAGES_PER_SYNC {
        let outcome = sync.on_summary(None, &page[1..], true, none);
        assert_eq!(outcome.is_ok(), n < limits::PAGES_PER_SYNC, "page {n}");
    }
    // Kinds out of order, twice, or that do not exist.
    for kinds in [&[2, 1][..], &[2, 2], &[7], &[0, 1, 2, 3, 4, 5, 6, 7]] {
        let parts: Vec<Digest> = kinds.iter().map(|kind| digest(*kind, 1)).collect();
        assert_eq!(sync.on_summary(None, &[summary(1, &parts)], false, none), Err(SyncError::Order));
    }
    // A message longer than may be sent.
    let (own, part) = (storage(&[1, 2, 3]), (id(0), 2));
    sync.begin(part, &own, |_| true).unwrap();
    let mut long = never_equal(&(10..1500).collect::<Vec<_>>());
    long.resize(limits::RECONCILE_BYTES as usize + 1, 0);
    let Err(SyncError::Message { reason }) = sync.on_message(part, &long, |_| true) else { panic!() };
    assert!(reason.contains(&long.len().to_string()), "{reason}");
    // Records that it said it had.
    for n in 0..=limits::EMPTY_ANSWERS {
        assert_eq!(sync.on_records(0).is_ok(), n < limits::EMPTY_ANSWERS, "{n}");
    }
    assert!(sync.on_records(1).is_ok() && !SyncError::Withheld.is_provable());
    let asked = |sync: &mut CatchUp| match sync.next() {
        Step::Records { ids } => ids.len(),
        other => panic!("{other:?}"),
    };
    sync.wanted = (0..=limits::RECORDS_PER_REQUEST as u32).map(id).collect();
    assert_eq!(asked(&mut sync), limits::RECORDS_PER_REQUEST);
    let before = Instant::now().checked_sub(limits::SYNC_DEADLINE + Duration::from_secs(1));
    if let Some(before) = before {
        assert!(CatchUp::new(before).is_late() && !CatchUp::new(Instant::now()).is_late());
    }
}

/// The records of one node, as far as catching up goes.
#[derive(Default)]
struct Side {
    records: BTreeMap<RecordId, (RecordId, u8)>,
    parts: Parts,
}

impl Side {
    /// The competition is there first.
    fn insert(&mut self, competition: RecordId, kind: u8, id: RecordId) {
        let known = self.records.contains_key(&competition) || competition == id;
        assert!(known, "a record came before its competition");
        self.records.insert(id, (competition, kind));
        self.parts.insert(competition, (kind, id));
    }

    fn add(&mut self, n: u32) {
        let competition = id(n % 5);
        self.insert(competition, 0, competition);
        self.insert(competition, 1 + (n / 5 % 6) as u8, id(1000 + n));
    }
}

/// Who decides what happens between two messages: true to go on, false for a break.
type Between<'a> = &'a mut dyn FnMut(&mut Side, &mut Side) -> bool;

/// One catch-up of one with the other, until it ends or breaks off: records that were asked for, and new ones.
fn catch_up(mine: &mut Side, theirs: &mut Side, between: Between<'_>) -> (usize, usize) {
    let mut sync = CatchUp::new(Instant::now());
    let (mut asked, mut came) = (0, 0);
    loop {
        let step = sync.next();
        if !matches!(step, Step::Begin { .. }) && !between(mine, theirs) {
            return (asked, came);
        }
        match step {
            Step::Done => return (asked, came),
            Step::Begin { part } => {
                let own = mine.parts.storage(part.0, part.1);
                sync.begin(part, &own, |id| !mine.records.contains_key(&id)).unwrap();
            }
            Step::Summary { after } => {
                let (page, more) = theirs.parts.competitions(after, 2);
                let digests = |competition| Summary { competition, parts: theirs.parts.digests(competition) };
                let page: Vec<Summary> = page.into_iter().map(digests).collect();
                sync.on_summary(after, &page, more, |id| mine.parts.digests(id)).unwrap();
            }
            Step::Reconcile { part, message } => {
                let answer = answer(&theirs.parts.storage(part.0, part.1), &message).unwrap();
                sync.on_message(part, &answer, |id| !mine.records.contains_key(&id)).unwrap();
            }
            Step::Records { ids } => {
                asked += ids.len();
                for id in &ids {
                    if let Some((competition, kind)) = theirs.records.get(id).copied() {
                        came += usize::from(!mine.records.contains_key(id));
                        mine.insert(competition, kind, *id);
                    }
                }
                sync.on_records(ids.len()).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Two nodes that lose messages and get other records all the while have the same once that ends; and what has come
    /// before a break does not come again.
    #[test]
    fn breaks_and_changes_lose_nothing(
        mine in proptest::collection::btree_set(0u32..600, 0..400),
        theirs in proptest::collection::btree_set(0u32..600, 0..400),
        script in proptest::collection::vec((0u8..10, 600u32..900), 1..60),
    ) {
        let mut sides = [Side::default(), Side::default()];
        mine.iter().for_each(|n| sides[0].add(*n));
        theirs.iter().for_each(|n| sides[1].add(*n));
        let mut script = script.into_iter();
        let [a, b] = &mut sides;
        while script.len() > 0 {
            let mut between = |a: &mut Side, b: &mut Side| match script.next() {
                Some((0..=2, _)) | None => false,
                Some((3..=5, n)) => { a.add(n); true }
                Some((6..=8, n)) => { b.add(n); true }
                Some(_) => true,
            };
            catch_up(a, b, &mut between);
            catch_up(b, a, &mut between);
        }
        for (asked, came) in [catch_up(a, b, &mut |_, _| true), catch_up(b, a, &mut |_, _| true)] {
            prop_assert_eq!(asked, came, "a record came again");
        }
        prop_assert_eq!(a.records.keys().collect::<Vec<_>>(), b.records.keys().collect::<Vec<_>>());
        prop_assert_eq!(catch_up(a, b, &mut |_, _| true), (0, 0));
    }

    /// A peer that answers from ever other sets, repeats itself, changes the order, or has nothing of what it named.
    #[test]
    fn a_peer_that_answers_anything_ends_or_stays_within_bounds(
        own in proptest::collection::btree_set(0u32..300, 0..200),
        script in proptest::collection::vec((0u8..7, 0u32..400), 40..160),
    ) {
        let mut mine = Side::default();
        own.iter().for_each(|n| mine.add(*n));
        let mut sync = CatchUp::new(Instant::now());
        let mut last = Vec::new();
        for (choice, n) in script {
            let outcome = match sync.next() {
                Step::Done => break,
                Step::Begin { part } => {
                    let storage = mine.parts.storage(part.0, part.1);
                    sync.begin(part, &storage, |id| !mine.records.contains_key(&id))
                }
                Step::Summary { after } => {
                    let mut ids: Vec<RecordId> = (0..n % 40).map(|m| id(m + n)).collect();
                    if choice > 1 {
                        ids.sort_unstable();
                        ids.retain(|id| after.is_none_or(|after| after < *id));
                    }
                    let parts = (0..1 + choice).map(|kind| digest(kind, u64::from(n))).collect::<Vec<_>>();
                    let page: Vec<Summary> =
                        ids.into_iter().map(|competition| Summary { competition, parts: parts.clone() }).collect();
                    sync.on_summary(after, &page, choice != 3, |id| mine.parts.digests(id)).map(drop)
                }
                Step::Reconcile { part, message } => {
                    let mut reply = match choice {
                        0 => std::mem::take(&mut last),
                        1 => never_equal(&(n..n + 30).collect::<Vec<_>>()),
                        2 => message.clone(),
                        _ => answer(&storage(&(n..n + 200).collect::<Vec<_>>()), &message).unwrap_or_default(),
                    };
                    if choice == 3 && !reply.is_empty() {
                        let at = n as usize % reply.len();
                        reply[at] ^= 1 << (n % 8);
                    }
                    last = message;
                    let outcome = sync.on_message(part, &reply, |id| !mine.records.contains_key(&id));
                    if let Ok(finished) = &outcome {
                        prop_assert!(finished.lacks.len() <= mine.records.len());
                    }
                    outcome.map(drop)
                }
                Step::Records { ids } => {
                    prop_assert!(ids.len() <= limits::RECORDS_PER_REQUEST);
                    sync.on_records(if choice == 0 { 1 } else { 0 })
                }
            };
            prop_assert!(sync.wanted.len() <= limits::SYNC_WANTED);
            prop_assert!(sync.parts.len() <= limits::SUMMARY_PAGE * Kind::ALL.len());
            if outcome.is_err() {
                break;
            }
        }
    }
}
