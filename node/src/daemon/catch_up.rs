//! A catch-up with one peer, without I/O: what to ask next, and what an answer says.
//!
//! Summaries say by competition and kind what the peer has. Parts that differ are reconciled one after the other, in
//! the order of kinds, and what is missing of one is fetched before the next begins. Everything is one question and
//! one answer at a time: a slow peer is not hurried, and a catch-up that breaks off has lost at most one answer.

use crate::ledger::Digest;
use crate::limits;
use crate::net::Summary;
use negentropy::{Id, Negentropy, NegentropyStorageVector};
use protocol::{Kind, RecordId};
use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// The records of one kind in one competition.
pub(super) type Part = (RecordId, u8);

/// What is to be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A page of the summary.
    Summary { after: Option<RecordId> },
    /// These records.
    Records { ids: Vec<RecordId> },
    /// A message about a part.
    Reconcile { part: Part, message: Vec<u8> },
    /// The catch-up needs the own ids of this part before it goes on: see [`CatchUp::begin`].
    Begin { part: Part },
    /// There is nothing left to ask.
    Done,
}

/// Why a peer is not caught up with.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SyncError {
    /// A summary that does not go forward.
    #[error("expected competitions in ascending order and at most {} of them", limits::SUMMARY_PAGE)]
    Order,
    /// Too many pages or messages.
    #[error("expected at most {expected} {what}")]
    Endless { what: &'static str, expected: usize },
    /// No message of a reconciliation.
    #[error("expected a message of a reconciliation: {reason}")]
    Message { reason: String },
    /// An answer to another question.
    #[error("expected an answer to what was asked")]
    Unasked,
}

/// What a finished part says about the peer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Finished {
    /// The part.
    pub part: Option<Part>,
    /// Own records that the peer lacks.
    pub lacks: HashSet<RecordId>,
}

struct Reconciliation {
    part: Part,
    negentropy: Negentropy<'static, NegentropyStorageVector>,
    next: Option<Vec<u8>>,
    rounds: usize,
    have: Vec<Id>,
}

/// See the module.
pub(super) struct CatchUp {
    since: Instant,
    wanted: VecDeque<RecordId>,
    parts: VecDeque<Part>,
    current: Option<Box<Reconciliation>>,
    after: Option<RecordId>,
    listed: bool,
    pages: usize,
}

impl CatchUp {
    pub(super) fn new(since: Instant) -> Self {
        Self {
            since,
            wanted: VecDeque::new(),
            parts: VecDeque::new(),
            current: None,
            after: None,
            listed: false,
            pages: 0,
        }
    }

    pub(super) fn is_late(&self) -> bool {
        self.since.elapsed() > limits::SYNC_DEADLINE
    }

    /// What to ask next.
    pub(super) fn next(&mut self) -> Step {
        if self.wanted.len() >= limits::RECORDS_PER_REQUEST
            || (self.current.is_none() && !self.wanted.is_empty())
        {
            let n = self.wanted.len().min(limits::RECORDS_PER_REQUEST);
            return Step::Records { ids: self.wanted.drain(..n).collect() };
        }
        if let Some(current) = &mut self.current
            && let Some(message) = current.next.take()
        {
            return Step::Reconcile { part: current.part, message };
        }
        match self.parts.pop_front() {
            Some(part) => Step::Begin { part },
            None if self.listed => Step::Done,
            None => Step::Summary { after: self.after },
        }
    }

    /// Takes a page of the peer's summary. `own` tells the own digests of a competition; the parts that are equal are
    /// returned.
    pub(super) fn on_summary(
        &mut self,
        after: Option<RecordId>,
        page: &[Summary],
        more: bool,
        mut own: impl FnMut(RecordId) -> Vec<Digest>,
    ) -> Result<Vec<Part>, SyncError> {
        let mut last = after;
        let mut equal = Vec::new();
        if page.len() > limits::SUMMARY_PAGE {
            return Err(SyncError::Order);
        }
        for summary in page {
            if last.is_some_and(|last| last >= summary.competition) || summary.parts.len() > Kind::ALL.len() {
                return Err(SyncError::Order);
            }
            last = Some(summary.competition);
            let own = own(summary.competition);
            for digest in &summary.parts {
                let part = (summary.competition, digest.0);
                if own.contains(digest) { equal.push(part) } else { self.parts.push_back(part) }
            }
        }
        self.pages += 1;
        if more && self.pages >= limits::PAGES_PER_SYNC {
            return Err(SyncError::Endless { what: "pages of a summary", expected: limits::PAGES_PER_SYNC });
        }
        self.after = last;
        self.listed = !more || page.is_empty();
        Ok(equal)
    }

    /// Begins with a part. A competition is its own only record: it is simply asked for, if it is `missing`.
    pub(super) fn begin(
        &mut self,
        part: Part,
        own: &Arc<NegentropyStorageVector>,
        missing: impl FnOnce(RecordId) -> bool,
    ) -> Result<(), SyncError> {
        let (competition, kind) = part;
        if kind == Kind::Competition as u8 {
            if missing(competition) {
                self.wanted.push_back(competition);
            }
            return Ok(());
        }
        let storage = NegentropyStorageVector::clone(own);
        let mut negentropy = Negentropy::owned(storage, limits::RECONCILE_BYTES).map_err(message)?;
        let next = Some(negentropy.initiate().map_err(message)?);
        self.current = Some(Box::new(Reconciliation { part, negentropy, next, rounds: 0, have: Vec::new() }));
        Ok(())
    }

    /// Takes the peer's message about the current part. `missing` tells whether a record is worth fetching.
    pub(super) fn on_message(
        &mut self,
        part: Part,
        bytes: &[u8],
        missing: impl Fn(RecordId) -> bool,
    ) -> Result<Finished, SyncError> {
        let Some(current) = self.current.as_mut().filter(|current| current.part == part) else {
            return Err(SyncError::Unasked);
        };
        current.rounds += 1;
        if current.rounds > limits::RECONCILE_ROUNDS {
            return Err(SyncError::Endless {
                what: "messages about a part",
                expected: limits::RECONCILE_ROUNDS,
            });
        }
        let mut need = Vec::new();
        // What a stranger sends shall not stop the node, whatever the decoder makes of it.
        let reconciled = catch_unwind(AssertUnwindSafe(|| {
            current.negentropy.reconcile_with_ids(bytes, &mut current.have, &mut need)
        }));
        let reconciled = reconciled.map_err(|_| message("the decoder gave up"))?;
        current.next = reconciled.map_err(message)?;
        let places = limits::SYNC_WANTED.saturating_sub(self.wanted.len());
        let ids = need.into_iter().map(|id| RecordId::new(*id.as_bytes()));
        self.wanted.extend(ids.filter(|id| missing(*id)).take(places));
        if current.next.is_some() {
            return Ok(Finished::default());
        }
        let lacks = current.have.iter().map(|id| RecordId::new(*id.as_bytes())).collect();
        self.current = None;
        Ok(Finished { part: Some(part), lacks })
    }
}

/// Answers a message about a part: without memory of those before.
pub(super) fn answer(own: &NegentropyStorageVector, bytes: &[u8]) -> Result<Vec<u8>, SyncError> {
    let answered = catch_unwind(AssertUnwindSafe(|| {
        Negentropy::borrowed(own, limits::RECONCILE_BYTES)?.reconcile(bytes)
    }));
    answered.map_err(|_| message("the decoder gave up"))?.map_err(message)
}

fn message(error: impl std::fmt::Display) -> SyncError {
    SyncError::Message { reason: error.to_string().chars().take(200).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use protocol::Fingerprint;

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
}
