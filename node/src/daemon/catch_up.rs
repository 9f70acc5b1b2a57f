//! A catch-up with one peer, without I/O: what to ask next, and what an answer says.
//!
//! Summaries say by competition and kind what the peer has. Parts that differ are reconciled in the order of kinds,
//! and what is missing of one kind is fetched before the next begins. Parts of the same kind share questions: a page
//! of many small competitions takes few of them. Everything is one question and one answer at a time: a slow peer is
//! not hurried, and a catch-up that breaks off has lost at most one answer.

use crate::ledger::Digest;
use crate::limits;
use crate::net::{PartMessage, Summary};
use negentropy::{Negentropy, NegentropyStorageVector};
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
    #[error(
        "expected kinds and competitions in ascending order and at most {} of these",
        limits::SUMMARY_PAGE
    )]
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
    /// It named records and then had none of them. They may have been displaced: nobody is to blame.
    #[error("expected one of the records that it said it had, in {} answers", limits::EMPTY_ANSWERS)]
    Withheld,
}

impl SyncError {
    /// Whether no honest peer answers so.
    pub(super) fn is_provable(&self) -> bool {
        !matches!(self, Self::Withheld)
    }
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
    /// Own records that the peer lacks. A set: a peer may say the same in every message.
    lacks: HashSet<RecordId>,
}

impl Reconciliation {
    fn begin(part: Part, own: &Arc<NegentropyStorageVector>) -> Result<Self, SyncError> {
        let mut negentropy = Negentropy::borrowed(own.as_ref(), limits::RECONCILE_BYTES).map_err(message)?;
        let next = negentropy.initiate().map_err(message)?;
        Ok(Self { part, own: Arc::clone(own), next, rounds: 0, lacks: HashSet::new() })
    }

    /// Takes the peer's message. `need` gets the ids that only the peer has. Whether this was the last message.
    fn on_message(&mut self, bytes: &[u8], need: &mut Vec<RecordId>) -> Result<bool, SyncError> {
        self.rounds += 1;
        if self.rounds > limits::RECONCILE_ROUNDS {
            let (what, expected) = ("messages about a part", limits::RECONCILE_ROUNDS);
            return Err(SyncError::Endless { what, expected });
        }
        if bytes.len() as u64 > limits::RECONCILE_BYTES {
            return Err(message(format!("{} bytes", bytes.len())));
        }
        let (mut only_here, mut only_there) = (Vec::new(), Vec::new());
        // What a stranger sends shall not stop the node, whatever the decoder makes of it.
        let reconciled = catch_unwind(AssertUnwindSafe(|| {
            let mut negentropy = Negentropy::borrowed(self.own.as_ref(), limits::RECONCILE_BYTES)?;
            negentropy.set_initiator();
            negentropy.reconcile_with_ids(bytes, &mut only_here, &mut only_there)
        }));
        let next = reconciled.map_err(|_| message("the decoder gave up"))?.map_err(message)?;
        self.lacks.extend(only_here.iter().map(|id| RecordId::new(*id.as_bytes())));
        need.extend(only_there.iter().map(|id| RecordId::new(*id.as_bytes())));
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
    /// Answers in a row without any of the records that were asked for.
    empty: usize,
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
            empty: 0,
        }
    }

    pub(super) fn is_late(&self) -> bool {
        self.since.elapsed() > limits::SYNC_DEADLINE
    }

    /// Whether no part is being reconciled.
    pub(super) fn is_between_parts(&self) -> bool {
        self.open.is_empty()
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
            let kinds = summary.parts.iter().map(|part| part.0);
            if last.is_some_and(|last| last >= summary.competition)
                || !kinds.is_sorted_by(|a, b| a < b)
                || summary.parts.last().is_some_and(|part| !is_kind(part.0))
            {
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
            self.wanted.extend(need.into_iter().filter(|id| missing(*id)).take(places));
            if last {
                finished.push(Finished { part: *part, lacks: open.lacks });
            } else {
                self.open.push_back(open);
            }
        }
        Ok(finished)
    }

    /// Takes note of how many of the records that were asked for have come.
    pub(super) fn on_records(&mut self, got: usize) -> Result<(), SyncError> {
        self.empty = if got == 0 { self.empty + 1 } else { 0 };
        if self.empty > limits::EMPTY_ANSWERS { Err(SyncError::Withheld) } else { Ok(()) }
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

fn is_kind(rank: u8) -> bool {
    Kind::ALL.iter().any(|kind| *kind as u8 == rank)
}

fn message(error: impl std::fmt::Display) -> SyncError {
    SyncError::Message { reason: error.to_string().chars().take(200).collect() }
}

#[cfg(test)]
mod tests;
