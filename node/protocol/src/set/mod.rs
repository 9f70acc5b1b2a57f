//! The record set: what has been checked and kept. Merging two sets is applying the records of one to the other.
//!
//! Which records are kept is a function of all valid records that were ever inserted, whatever their order:
//!
//! 1. Records of one kind are ordered by *(created, id)*: the time that the author claims, then the record id.
//! 2. Of one competition's valid reveals the first two are kept, and of its closes. A second one is misbehaviour of the
//!    host; what competitors bound to either stays. Of accusations the one with the lowest id is kept for each kind.
//! 3. Of one competitor's valid entries in a competition the first `caps.entries + caps.withdrawals` are kept, and
//!    those on a roster. Of an entry's withdrawals the first is kept.
//! 4. Of one entry's valid submissions after one reveal, the first of every statement is taken, and of these the first
//!    `caps.submissions` are kept. A record whose entry or reveal is not kept is not kept either.
//!
//! "The first k" of a union is the first k of what the two sides have kept, so nothing has to be remembered about
//! what was dropped. An author who claims earlier times can displace records of his own, never another's; only a host
//! who signs three reveals displaces those of others, and the competition is disputed from the second one on. One case
//! depends on order: an author who back-dates more entries than he may have makes nodes that have not seen the reveal
//! forget one of his own that is on its roster, until they fetch it again. The bounds [`MAX_ENTRIES`] and
//! [`MAX_SUBMISSIONS`] protect one node's memory; only where they bite does order matter, and entries on a roster
//! always have a place. So do [`MAX_COMPETITIONS`] and [`MAX_COMPETITIONS_OF_AUTHOR`]: there, who comes first stays, as
//! a host who could displace a competition of his own would displace the records of others with it.

mod contest;
mod standing;

pub use contest::{Contest, Counts, Shown};
pub use standing::{EntryStanding, Phase, Standing};

use crate::{
    Close, Competition, ContextError, Fingerprint, Kind, Misbehaviour, ProvedEntry, ProvedSubmission, Record,
    RecordId, Reveal, Withdrawal,
    limits::{MAX_COMPETITIONS, MAX_COMPETITIONS_OF_AUTHOR},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// Something kept, with what this node alone knows about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept<T> {
    /// What is kept.
    pub item: T,
    /// When this node first saw it, seconds since 1970.
    pub first_seen: u64,
    /// How long its proofs took to verify here, in microseconds; 0 without proofs.
    pub verify_us: u64,
}

/// A record was not kept although it is valid.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NotKept {
    /// By the rules above.
    Context(ContextError),
    /// A bound of this node's memory.
    Full { what: &'static str, max: usize },
}

impl From<ContextError> for NotKept {
    fn from(error: ContextError) -> Self {
        Self::Context(error)
    }
}

/// A record that has passed all checks, to be kept if there is a place for it.
#[derive(Clone, Debug)]
pub(crate) enum Valid<M> {
    Competition(Arc<Record<Competition>>),
    Entry(ProvedEntry<M>),
    Withdrawal(Arc<Record<Withdrawal>>),
    Reveal(Arc<Record<Reveal>>),
    Submission(ProvedSubmission),
    Close(Arc<Record<Close>>),
    Misbehaviour(Arc<Record<Misbehaviour>>, Kind),
}

impl<M> Valid<M> {
    /// Id, kind and competition.
    fn key(&self) -> (RecordId, Kind, RecordId) {
        match self {
            Self::Competition(record) => (record.id(), Kind::Competition, record.id()),
            Self::Entry(entry) => (entry.record().id(), Kind::Entry, entry.record().body().competition),
            Self::Withdrawal(record) => (record.id(), Kind::Withdrawal, record.body().competition),
            Self::Reveal(record) => (record.id(), Kind::Reveal, record.body().competition),
            Self::Submission(submission) => {
                (submission.record().id(), Kind::Submission, submission.record().body().competition)
            }
            Self::Close(record) => (record.id(), Kind::Close, record.body().competition),
            Self::Misbehaviour(record, _) => (record.id(), Kind::Misbehaviour, record.body().competition),
        }
    }
}

/// Checked records, by competition.
#[derive(Clone, Debug)]
pub struct RecordSet<M> {
    contests: BTreeMap<RecordId, Contest<M>>,
    /// Every kept record: its kind and competition.
    index: HashMap<RecordId, (Kind, RecordId)>,
}

impl<M> Default for RecordSet<M> {
    fn default() -> Self {
        Self { contests: BTreeMap::new(), index: HashMap::new() }
    }
}

impl<M> RecordSet<M> {
    /// The kind and the competition of a kept record.
    pub fn kind_of(&self, id: RecordId) -> Option<(Kind, RecordId)> {
        self.index.get(&id).copied()
    }

    /// One competition.
    pub fn contest(&self, competition: RecordId) -> Option<&Contest<M>> {
        self.contests.get(&competition)
    }

    /// All competitions, by id.
    pub fn contests(&self) -> impl Iterator<Item = &Contest<M>> {
        self.contests.values()
    }

    /// Number of kept records.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Equal for equal sets of kept records over all competitions.
    pub fn fingerprint(&self) -> Fingerprint {
        let ids: BTreeSet<RecordId> = self.index.keys().copied().collect();
        Fingerprint::of(ids.into_iter())
    }

    /// Keeps a record; the ids are of records that it displaces.
    pub(crate) fn insert(
        &mut self,
        valid: Valid<M>,
        first_seen: u64,
        verify_us: u64,
    ) -> Result<Vec<RecordId>, NotKept> {
        let (id, kind, competition) = valid.key();
        let dropped = match valid {
            Valid::Competition(item) => self.insert_competition(Kept { item, first_seen, verify_us })?,
            other => {
                let contest = self.contests.get_mut(&competition);
                contest
                    .ok_or(ContextError::Orphan { on: competition })?
                    .insert(other, first_seen, verify_us)?
            }
        };
        self.index.insert(id, (kind, competition));
        for id in &dropped {
            self.index.remove(id);
        }
        Ok(dropped)
    }

    fn insert_competition(&mut self, kept: Kept<Arc<Record<Competition>>>) -> Result<Vec<RecordId>, NotKept> {
        let id = kept.item.id();
        if self.contests.len() >= MAX_COMPETITIONS {
            return Err(NotKept::Full { what: "competitions", max: MAX_COMPETITIONS });
        }
        let author = kept.item.author();
        let of_author = self.contests.values().filter(|c| c.competition().item.author() == author).count();
        if of_author >= MAX_COMPETITIONS_OF_AUTHOR {
            return Err(NotKept::Full {
                what: "competitions of one author",
                max: MAX_COMPETITIONS_OF_AUTHOR,
            });
        }
        self.contests.entry(id).or_insert_with(|| Contest::new(kept));
        Ok(Vec::new())
    }
}
