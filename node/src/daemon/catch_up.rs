//! A catch-up with one peer, without I/O: what to ask next, and what an answer says.
//!
//! Summaries say by competition and kind what the peer has. Parts that differ are reconciled one after the other, in
//! the order of kinds, and what is missing of one is fetched before the next begins. Everything is one question and
//! one answer at a time: a slow peer is not hurried, and a catch-up that breaks off has lost at most one answer.

use crate::ledger::Digest;
use crate::limits;
use crate::net::Summary;
use negentropy::{Negentropy, NegentropyStorageVector};
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
    /// Own records that the peer lacks. A set: a peer may say the same in every message.
    lacks: HashSet<RecordId>,
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
    /// Answers in a row without any of the records that were asked for.
    empty: usize,
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
            empty: 0,
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
        self.current =
            Some(Box::new(Reconciliation { part, negentropy, next, rounds: 0, lacks: HashSet::new() }));
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
        if bytes.len() as u64 > limits::RECONCILE_BYTES {
            return Err(message(format!("{} bytes", bytes.len())));
        }
        let (mut have, mut need) = (Vec::new(), Vec::new());
        // What a stranger sends shall not stop the node, whatever the decoder makes of it.
        let reconciled = catch_unwind(AssertUnwindSafe(|| {
            current.negentropy.reconcile_with_ids(bytes, &mut have, &mut need)
        }));
        let reconciled = reconciled.map_err(|_| message("the decoder gave up"))?;
        current.next = reconciled.map_err(message)?;
        current.lacks.extend(have.iter().map(|id| RecordId::new(*id.as_bytes())));
        let places = limits::SYNC_WANTED.saturating_sub(self.wanted.len());
        let ids = need.into_iter().map(|id| RecordId::new(*id.as_bytes()));
        self.wanted.extend(ids.filter(|id| missing(*id)).take(places));
        if current.next.is_some() {
            return Ok(Finished::default());
        }
        let lacks = std::mem::take(&mut current.lacks);
        self.current = None;
        Ok(Finished { part: Some(part), lacks })
    }

    /// Takes note of how many of the records that were asked for have come.
    pub(super) fn on_records(&mut self, got: usize) -> Result<(), SyncError> {
        self.empty = if got == 0 { self.empty + 1 } else { 0 };
        if self.empty > limits::EMPTY_ANSWERS { Err(SyncError::Withheld) } else { Ok(()) }
    }
}

/// Answers a message about a part: without memory of those before.
pub(super) fn answer(own: &NegentropyStorageVector, bytes: &[u8]) -> Result<Vec<u8>, SyncError> {
    let answered = catch_unwind(AssertUnwindSafe(|| {
        Negentropy::borrowed(own, limits::RECONCILE_BYTES)?.reconcile(bytes)
    }));
    answered.map_err(|_| message("the decoder gave up"))?.map_err(message)
}

fn is_kind(rank: u8) -> bool {
    Kind::ALL.iter().any(|kind| *kind as u8 == rank)
}

fn message(error: impl std::fmt::Display) -> SyncError {
    SyncError::Message { reason: error.to_string().chars().take(200).collect() }
}

#[cfg(test)]
mod tests;
