//! A catch-up with one peer, without I/O: what to ask next, and what an answer says.
//!
//! Summaries say by competition and kind what the peer has. Parts that differ are reconciled in the order of kinds,
//! and what is missing of one kind is fetched before the next begins. Parts of the same kind share questions: a page
//! of many small competitions takes few of them. Everything is one question and one answer at a time: a slow peer is
//! not hurried, and a catch-up that breaks off has lost at most one answer.

use crate::ledger::Digest;
use crate::limits;
use crate::net::{PartMessage, Summary};
use negentropy::{Id, Negentropy, NegentropyStorageVector};
use protocol::{Kind, RecordId};
use serde_bytes::ByteBuf;
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
    /// Messages about parts.
    Reconcile { messages: Vec<PartMessage> },
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
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finished {
    /// The part.
    pub part: Part,
    /// Own records that the peer lacks.
    pub lacks: HashSet<RecordId>,
}

struct Reconciliation {
    part: Part,
    /// The own ids when it began.
    own: Arc<NegentropyStorageVector>,
    /// The message that the peer has not answered yet.
    next: Vec<u8>,
    rounds: usize,
    have: Vec<Id>,
}

impl Reconciliation {
    fn begin(part: Part, own: &Arc<NegentropyStorageVector>) -> Result<Self, SyncError> {
        let mut negentropy = Negentropy::borrowed(own.as_ref(), limits::RECONCILE_BYTES).map_err(message)?;
        let next = negentropy.initiate().map_err(message)?;
        Ok(Self { part, own: Arc::clone(own), next, rounds: 0, have: Vec::new() })
    }

    /// Takes the peer's message. `need` gets the ids that only the peer has. Whether this was the last message.
    fn on_message(&mut self, bytes: &[u8], need: &mut Vec<Id>) -> Result<bool, SyncError> {
        self.rounds += 1;
        if self.rounds > limits::RECONCILE_ROUNDS {
            let (what, expected) = ("messages about a part", limits::RECONCILE_ROUNDS);
            return Err(SyncError::Endless { what, expected });
        }
        // What a stranger sends shall not stop the node, whatever the decoder makes of it.
        let reconciled = catch_unwind(AssertUnwindSafe(|| {
            let mut negentropy = Negentropy::borrowed(self.own.as_ref(), limits::RECONCILE_BYTES)?;
            negentropy.set_initiator();
            negentropy.reconcile_with_ids(bytes, &mut self.have, need)
        }));
        let next = reconciled.map_err(|_| message("the decoder gave up"))?.map_err(message)?;
        let finished = next.is_none();
        self.next = next.unwrap_or_default();
        Ok(finished)
    }
}

/// See the module.
pub(super) struct CatchUp {
    since: Instant,
    /// Records in one request.
    page: usize,
    wanted: VecDeque<RecordId>,
    parts: VecDeque<Part>,
    /// Of the same kind; those that are asked about first come first.
    open: VecDeque<Reconciliation>,
    /// The kind of record that `wanted` and `open` are about.
    kind: u8,
    after: Option<RecordId>,
    listed: bool,
    pages: usize,
}

impl CatchUp {
    /// With a peer whose last `slow` answers did not come in time, less those that did: it is asked for fewer records
    /// at once, so that they come over a thin wire too.
    pub(super) fn new(since: Instant, slow: u32) -> Self {
        Self {
            since,
            page: (limits::RECORDS_PER_REQUEST >> slow.min(usize::BITS - 1)).max(1),
            wanted: VecDeque::new(),
            parts: VecDeque::new(),
            open: VecDeque::new(),
            kind: 0,
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
        if self.wanted.len() >= self.page {
            return self.records();
        }
        if let Some(part) = self.parts.pop_front_if(|part| {
            let idle = self.open.is_empty() && self.wanted.is_empty();
            idle || (part.1 == self.kind && self.open.len() < limits::RECONCILE_PARTS)
        }) {
            self.kind = part.1;
            return Step::Begin { part };
        }
        if !self.open.is_empty() {
            return self.reconcile();
        }
        match (self.wanted.is_empty(), self.listed) {
            (false, _) => self.records(),
            (true, true) => Step::Done,
            (true, false) => Step::Summary { after: self.after },
        }
    }

    fn records(&mut self) -> Step {
        let n = self.wanted.len().min(self.page);
        Step::Records { ids: self.wanted.drain(..n).collect() }
    }

    /// As many messages as fit into a request: at least one.
    fn reconcile(&self) -> Step {
        let (mut messages, mut bytes) = (Vec::new(), 0);
        for Reconciliation { part: (competition, kind), next, .. } in &self.open {
            bytes += next.len() as u64;
            if bytes > limits::RECONCILE_BYTES && !messages.is_empty() {
                break;
            }
            let (competition, kind, message) = (*competition, *kind, ByteBuf::from(next.clone()));
            messages.push(PartMessage { competition, kind, message });
        }
        Step::Reconcile { messages }
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
        let (mut equal, mut differ) = (Vec::new(), Vec::new());
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
                if own.contains(digest) { equal.push(part) } else { differ.push(part) }
            }
        }
        differ.sort_by_key(|(_, kind)| *kind);
        self.parts.extend(differ);
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
        self.open.push_back(Reconciliation::begin(part, own)?);
        Ok(())
    }

    /// Takes the peer's messages about the first of the parts that were `asked` about: those that did not fit into the
    /// answer are asked about again. `missing` tells whether a record is worth fetching. What is finished is returned.
    pub(super) fn on_messages(
        &mut self,
        asked: &[Part],
        messages: &[ByteBuf],
        missing: impl Fn(RecordId) -> bool,
    ) -> Result<Vec<Finished>, SyncError> {
        if messages.is_empty() || messages.len() > asked.len() {
            return Err(SyncError::Unasked);
        }
        let mut finished = Vec::new();
        for (part, bytes) in asked.iter().zip(messages) {
            let Some(mut open) = self.open.pop_front_if(|open| open.part == *part) else {
                return Err(SyncError::Unasked);
            };
            let mut need = Vec::new();
            let last = open.on_message(bytes, &mut need)?;
            let places = limits::SYNC_WANTED.saturating_sub(self.wanted.len());
            let ids = need.into_iter().map(|id| RecordId::new(*id.as_bytes()));
            self.wanted.extend(ids.filter(|id| missing(*id)).take(places));
            if last {
                let lacks = open.have.iter().map(|id| RecordId::new(*id.as_bytes())).collect();
                finished.push(Finished { part: *part, lacks });
            } else {
                self.open.push_back(open);
            }
        }
        Ok(finished)
    }
}

/// Answers messages about parts, as many as fit into a response, without memory of those before. `own` are the ids of
/// the parts, in the same order.
pub(super) fn answer(
    own: &[Arc<NegentropyStorageVector>],
    messages: &[PartMessage],
) -> Result<Vec<ByteBuf>, SyncError> {
    let (mut answers, mut bytes) = (Vec::new(), 0);
    for (own, PartMessage { message: asked, .. }) in own.iter().zip(messages) {
        let answered = catch_unwind(AssertUnwindSafe(|| {
            Negentropy::borrowed(own.as_ref(), limits::RECONCILE_BYTES)?.reconcile(asked)
        }));
        let answer = answered.map_err(|_| message("the decoder gave up"))?.map_err(message)?;
        bytes += answer.len() as u64;
        answers.push(ByteBuf::from(answer));
        if bytes >= limits::RECONCILE_BYTES {
            break;
        }
    }
    Ok(answers)
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
        let mut sync = CatchUp::new(Instant::now(), 0);
        sync.listed = true;
        sync.parts.push_back(part);
        let (mut fetched, mut lacks) = (HashSet::new(), HashSet::new());
        loop {
            match sync.next() {
                Step::Begin { part } => sync.begin(part, &storage(own), |_| true).unwrap(),
                Step::Reconcile { messages } => {
                    let answers = answer(&[Arc::clone(&theirs)], &messages).unwrap();
                    let finished = sync.on_messages(&[part], &answers, |_| true).unwrap();
                    lacks.extend(finished.into_iter().flat_map(|finished| finished.lacks));
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
        let mut sync = CatchUp::new(Instant::now(), 0);
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
    fn whoever_was_slow_is_asked_for_less_at_once_but_for_something() {
        for (slow, expected) in
            [(0, limits::RECORDS_PER_REQUEST), (2, limits::RECORDS_PER_REQUEST / 4), (99, 1)]
        {
            let mut sync = CatchUp::new(Instant::now(), slow);
            sync.wanted.extend((0..1000).map(id));
            let Step::Records { ids } = sync.next() else { panic!("expected a question for records") };
            assert_eq!(ids.len(), expected);
        }
    }

    #[test]
    fn a_peer_cannot_keep_a_catch_up_going_for_ever() {
        let none = |_| Vec::new();
        let (low, high) = if id(1) < id(2) { (1, 2) } else { (2, 1) };
        let mut sync = CatchUp::new(Instant::now(), 0);
        let backwards = [summary(high, &[]), summary(low, &[])];
        assert_eq!(sync.on_summary(None, &backwards, true, none), Err(SyncError::Order));
        assert_eq!(sync.on_summary(Some(id(low)), &[summary(low, &[])], true, none), Err(SyncError::Order));
        let crowded = [summary(low, &[digest(0, 1); 8])];
        assert_eq!(sync.on_summary(None, &crowded, true, none), Err(SyncError::Order));
        let unasked = sync.on_messages(&[(id(1), 2)], &[ByteBuf::new()], |_| true);
        assert_eq!(unasked, Err(SyncError::Unasked));
        let mut sync = CatchUp::new(Instant::now(), 0);
        let endless = (0..).find_map(|_| sync.on_summary(None, &[summary(low, &[])], true, none).err());
        assert!(matches!(endless, Some(SyncError::Endless { .. })));
        // The same answer again and again, of somebody whose set is never equal.
        sync.begin((id(1), 2), &storage(&(0..500).collect::<Vec<_>>()), |_| true).unwrap();
        let Step::Reconcile { messages } = sync.reconcile() else { panic!() };
        assert_eq!(
            sync.on_messages(&[(id(1), 2)], &[], |_| true),
            Err(SyncError::Unasked),
            "it would not end"
        );
        let other = answer(&[storage(&(1000..1500).collect::<Vec<_>>())], &messages).unwrap();
        let endless = (0..=limits::RECONCILE_ROUNDS).find_map(|_| {
            let outcome = sync.on_messages(&[(id(1), 2)], &other, |_| true);
            outcome.map_or(Some(true), |finished| (!finished.is_empty()).then_some(true))
        });
        assert_eq!(endless, Some(true), "it ends");
    }

    #[test]
    fn parts_of_one_kind_share_questions_and_answers() {
        let mut sync = CatchUp::new(Instant::now(), 0);
        sync.listed = true;
        let parts: Vec<Part> = (0..limits::RECONCILE_PARTS as u32 + 5).map(|n| (id(n), 3)).collect();
        sync.parts.extend(parts.iter().chain(&[(id(0), 5)]));
        let (mut asked_about, mut requests) = (Vec::new(), Vec::new());
        loop {
            match sync.next() {
                Step::Begin { part } => {
                    assert!(
                        part.1 == 3 || sync.open.is_empty(),
                        "the next kind begins when this one is here"
                    );
                    sync.begin(part, &storage(&[]), |_| true).unwrap();
                }
                Step::Reconcile { messages } => {
                    assert!(messages.len() <= limits::RECONCILE_PARTS);
                    let asked: Vec<Part> = messages.iter().map(|m| (m.competition, m.kind)).collect();
                    // The peer has a thousand records in each part, and room for an answer about some of them.
                    let theirs: Vec<_> =
                        asked.iter().map(|_| storage(&(0..1000).collect::<Vec<_>>())).collect();
                    let answers = answer(&theirs, &messages).unwrap();
                    let bytes: usize = answers.iter().map(|answer| answer.len()).sum();
                    assert!(bytes as u64 <= 2 * limits::RECONCILE_BYTES, "{bytes}");
                    let finished = sync.on_messages(&asked, &answers, |_| true).unwrap();
                    asked_about.extend(finished.into_iter().map(|finished| finished.part));
                }
                Step::Records { ids } => requests.push(ids.len()),
                Step::Done => break,
                other => panic!("{other:?}"),
            }
        }
        asked_about.sort_unstable();
        let mut expected = [parts, vec![(id(0), 5)]].concat();
        expected.sort_unstable();
        assert_eq!(asked_about, expected);
        let short = requests.iter().filter(|n| **n < limits::RECORDS_PER_REQUEST).count();
        assert!(short <= 2, "full requests, but for the last of each kind: {requests:?}");
    }

    proptest! {
        #[test]
        fn whatever_a_peer_sends_is_an_answer_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300), start in any::<bool>()) {
            // With a version byte in front the decoder gets further.
            let bytes = if start { [vec![0x61], bytes].concat() } else { bytes };
            let own = storage(&(0..200).collect::<Vec<_>>());
            let (competition, message) = (id(1), ByteBuf::from(bytes.clone()));
            let _ = answer(&[Arc::clone(&own)], &[PartMessage { competition, kind: 2, message }]);
            let mut sync = CatchUp::new(Instant::now(), 0);
            sync.begin((id(1), 2), &own, |_| true).unwrap();
            let _ = sync.on_messages(&[(id(1), 2)], &[ByteBuf::from(bytes)], |_| true);
            prop_assert!(sync.wanted.len() <= 300 / 32);
        }
    }
}
