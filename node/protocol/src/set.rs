//! The record set: what has been checked and kept. Merging two sets is applying the records of one to the other.
//!
//! Which records are kept is a pure function of all valid records that were ever inserted, whatever their order:
//!
//! 1. Records of one kind are ordered by *(created, id)*: the time that the author claims, then the record id.
//! 2. Of one competitor's valid entries in a competition, the first `caps.entries` are kept.
//! 3. Of one entry's valid submissions, the first of every statement is taken, and of these the first
//!    `caps.submissions` are kept. A submission whose entry is not kept is not kept either.
//!
//! "The first k" of a union is the first k of what the two sides have kept, so nothing has to be remembered about
//! what was dropped. An author who claims earlier times can displace records of his own, never another's. The bounds
//! [`MAX_ENTRIES`] and [`MAX_SUBMISSIONS`] protect one node's memory; only where they bite does order matter. So do
//! [`MAX_COMPETITIONS`] and [`MAX_COMPETITIONS_OF_AUTHOR`]: there, who comes first stays, as a host who could displace
//! a competition of his own would displace the records of others with it.

use crate::{
    Author, Competition, ContextError, Fingerprint, Kind, ProvedEntry, ProvedSubmission, Record, RecordId,
    StatementId,
    limits::{MAX_COMPETITIONS, MAX_COMPETITIONS_OF_AUTHOR, MAX_ENTRIES, MAX_SUBMISSIONS},
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

/// How many records of one competition are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries.
    pub entries: u64,
    /// Submissions.
    pub submissions: u64,
    /// Competitors with at least one entry.
    pub competitors: u64,
}

/// A record was not kept although it is valid.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NotKept {
    /// By the rules above.
    Context(ContextError),
    /// A bound of this node's memory.
    Full { what: &'static str, max: usize },
}

/// One competition with everything that is kept in it.
#[derive(Clone, Debug)]
pub struct Contest<M> {
    competition: Kept<Arc<Record<Competition>>>,
    entries: BTreeMap<RecordId, Kept<ProvedEntry<M>>>,
    /// The entries in the order of the caps.
    entry_order: BTreeSet<(Author, u64, RecordId)>,
    submissions: BTreeMap<StatementId, Kept<ProvedSubmission>>,
    /// The submissions in the order of the caps: entry, created, id.
    submission_order: BTreeSet<(RecordId, u64, RecordId, StatementId)>,
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

const FIRST_STATEMENT: StatementId = StatementId::new([0; 32]);
const FIRST_RECORD: RecordId = RecordId::new([0; 32]);

impl<M> Contest<M> {
    fn new(competition: Kept<Arc<Record<Competition>>>) -> Self {
        Self {
            competition,
            entries: BTreeMap::new(),
            entry_order: BTreeSet::new(),
            submissions: BTreeMap::new(),
            submission_order: BTreeSet::new(),
        }
    }

    /// Its id.
    pub fn id(&self) -> RecordId {
        self.competition.item.id()
    }

    /// The competition's record.
    pub fn competition(&self) -> &Kept<Arc<Record<Competition>>> {
        &self.competition
    }

    /// The kept entries, by id.
    pub fn entries(&self) -> impl Iterator<Item = &Kept<ProvedEntry<M>>> {
        self.entries.values()
    }

    /// One kept entry.
    pub fn entry(&self, id: RecordId) -> Option<&Kept<ProvedEntry<M>>> {
        self.entries.get(&id)
    }

    /// The kept submissions, by statement.
    pub fn submissions(&self) -> impl Iterator<Item = &Kept<ProvedSubmission>> {
        self.submissions.values()
    }

    /// One kept submission, by the id of its record.
    pub fn submission(&self, id: RecordId) -> Option<&Kept<ProvedSubmission>> {
        self.submissions.values().find(|kept| kept.item.record().id() == id)
    }

    /// One kept submission, by what it states.
    pub fn statement(&self, id: StatementId) -> Option<&Kept<ProvedSubmission>> {
        self.submissions.get(&id)
    }

    /// Signed bytes of everything kept: the competition, then entries, then submissions.
    pub fn records(&self) -> impl Iterator<Item = (RecordId, &Arc<[u8]>)> {
        let competition = &self.competition.item;
        let entries = self.entries.values().map(|kept| (kept.item.record().id(), kept.item.record().bytes()));
        let submissions =
            self.submissions.values().map(|kept| (kept.item.record().id(), kept.item.record().bytes()));
        std::iter::once((competition.id(), competition.bytes())).chain(entries).chain(submissions)
    }

    /// The ids of everything kept, ascending.
    pub fn ids(&self) -> BTreeSet<RecordId> {
        self.records().map(|(id, _)| id).collect()
    }

    /// Equal for equal sets of kept records, in whatever order they came.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.ids().into_iter())
    }

    /// How much is kept.
    pub fn counts(&self) -> Counts {
        let competitors: BTreeSet<Author> = self.entry_order.iter().map(|(author, ..)| *author).collect();
        Counts {
            entries: self.entries.len() as u64,
            submissions: self.submissions.len() as u64,
            competitors: competitors.len() as u64,
        }
    }

    /// How many entries of one competitor are kept.
    pub fn entries_of(&self, author: &Author) -> u64 {
        self.order_of_author(author).count() as u64
    }

    fn order_of_author(
        &self,
        author: &Author,
    ) -> impl DoubleEndedIterator<Item = &(Author, u64, RecordId)> + use<'_, M> {
        let last = RecordId::new([0xff; 32]);
        self.entry_order.range((*author, 0, FIRST_RECORD)..=(*author, u64::MAX, last))
    }

    fn order_of_entry(
        &self,
        entry: RecordId,
    ) -> impl DoubleEndedIterator<Item = &(RecordId, u64, RecordId, StatementId)> + use<'_, M> {
        let last = (entry, u64::MAX, RecordId::new([0xff; 32]), StatementId::new([0xff; 32]));
        self.submission_order.range((entry, 0, FIRST_RECORD, FIRST_STATEMENT)..=last)
    }

    /// Whether an entry would be kept now. What is refused here would be refused for ever.
    pub(crate) fn entry_has_place(
        &self,
        author: &Author,
        created: u64,
        id: RecordId,
    ) -> Result<(), ContextError> {
        let cap = self.competition.item.body().caps.entries;
        let earlier = self.order_of_author(author).take_while(|key| **key < (*author, created, id)).count();
        if earlier >= cap as usize { Err(ContextError::EntriesCap { cap }) } else { Ok(()) }
    }

    /// Whether a submission would be kept now. What is refused here would be refused for ever.
    pub(crate) fn submission_has_place(
        &self,
        entry: RecordId,
        statement: StatementId,
        created: u64,
        id: RecordId,
    ) -> Result<(), ContextError> {
        if !self.entries.contains_key(&entry) {
            return Err(ContextError::Orphan { on: entry });
        }
        if let Some(kept) = self.submissions.get(&statement) {
            let by = kept.item.record();
            if (by.body().created, by.id()) <= (created, id) {
                return Err(ContextError::SameStatement { by: by.id() });
            }
        }
        let cap = self.competition.item.body().caps.submissions;
        let earlier = self
            .order_of_entry(entry)
            .take_while(|key| (key.1, key.2) < (created, id))
            .filter(|key| key.3 != statement)
            .count();
        if earlier >= cap as usize { Err(ContextError::SubmissionsCap { cap }) } else { Ok(()) }
    }

    fn insert_entry(&mut self, kept: Kept<ProvedEntry<M>>) -> Result<Vec<RecordId>, NotKept> {
        let record = kept.item.record();
        let (author, created, id) = (record.author(), record.body().created, record.id());
        self.entry_has_place(&author, created, id).map_err(NotKept::Context)?;
        if self.entries.len() >= MAX_ENTRIES {
            return Err(NotKept::Full { what: "entries", max: MAX_ENTRIES });
        }
        self.entries.insert(id, kept);
        self.entry_order.insert((author, created, id));
        let mut dropped = Vec::new();
        let cap = self.competition.item.body().caps.entries as usize;
        while self.order_of_author(&author).count() > cap {
            let Some(last) = self.order_of_author(&author).next_back().copied() else { break };
            self.entry_order.remove(&last);
            self.entries.remove(&last.2);
            dropped.push(last.2);
            let orphans: Vec<_> = self.order_of_entry(last.2).copied().collect();
            dropped.extend(orphans.into_iter().filter_map(|key| self.remove_submission(key)));
        }
        Ok(dropped)
    }

    fn insert_submission(&mut self, kept: Kept<ProvedSubmission>) -> Result<Vec<RecordId>, NotKept> {
        let record = kept.item.record();
        let (entry, created, id) = (record.body().entry, record.body().created, record.id());
        let statement = kept.item.statement();
        self.submission_has_place(entry, statement, created, id).map_err(NotKept::Context)?;
        let mut dropped = Vec::new();
        if let Some(old) = self.submissions.get(&statement).map(|kept| Arc::clone(kept.item.record())) {
            dropped.extend(self.remove_submission((entry, old.body().created, old.id(), statement)));
        } else if self.submissions.len() >= MAX_SUBMISSIONS {
            return Err(NotKept::Full { what: "submissions", max: MAX_SUBMISSIONS });
        }
        self.submissions.insert(statement, kept);
        self.submission_order.insert((entry, created, id, statement));
        let cap = self.competition.item.body().caps.submissions as usize;
        while self.order_of_entry(entry).count() > cap {
            let Some(last) = self.order_of_entry(entry).next_back().copied() else { break };
            dropped.extend(self.remove_submission(last));
        }
        Ok(dropped)
    }

    fn remove_submission(&mut self, key: (RecordId, u64, RecordId, StatementId)) -> Option<RecordId> {
        self.submission_order.remove(&key);
        self.submissions.remove(&key.3).map(|kept| kept.item.record().id())
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

    pub(crate) fn insert_competition(&mut self, kept: Kept<Arc<Record<Competition>>>) -> Result<(), NotKept> {
        let id = kept.item.id();
        if self.contests.len() >= MAX_COMPETITIONS {
            return Err(NotKept::Full { what: "competitions", max: MAX_COMPETITIONS });
        }
        let author = kept.item.author();
        let of_author = self.contests.values().filter(|c| c.competition.item.author() == author).count();
        if of_author >= MAX_COMPETITIONS_OF_AUTHOR {
            return Err(NotKept::Full {
                what: "competitions of one author",
                max: MAX_COMPETITIONS_OF_AUTHOR,
            });
        }
        self.contests.entry(id).or_insert_with(|| Contest::new(kept));
        self.index.insert(id, (Kind::Competition, id));
        Ok(())
    }

    /// Keeps an entry; the ids are of records that it displaces.
    pub(crate) fn insert_entry(&mut self, kept: Kept<ProvedEntry<M>>) -> Result<Vec<RecordId>, NotKept> {
        let (id, competition) = (kept.item.record().id(), kept.item.record().body().competition);
        let orphan = NotKept::Context(ContextError::Orphan { on: competition });
        let dropped = self.contests.get_mut(&competition).ok_or(orphan)?.insert_entry(kept)?;
        self.reindex(id, (Kind::Entry, competition), &dropped);
        Ok(dropped)
    }

    /// Keeps a submission; the ids are of records that it displaces.
    pub(crate) fn insert_submission(
        &mut self,
        kept: Kept<ProvedSubmission>,
    ) -> Result<Vec<RecordId>, NotKept> {
        let (id, competition) = (kept.item.record().id(), kept.item.record().body().competition);
        let orphan = NotKept::Context(ContextError::Orphan { on: competition });
        let dropped = self.contests.get_mut(&competition).ok_or(orphan)?.insert_submission(kept)?;
        self.reindex(id, (Kind::Submission, competition), &dropped);
        Ok(dropped)
    }

    fn reindex(&mut self, id: RecordId, entry: (Kind, RecordId), dropped: &[RecordId]) {
        self.index.insert(id, entry);
        for id in dropped {
            self.index.remove(id);
        }
    }
}
