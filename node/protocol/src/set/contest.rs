//! One competition with everything that is kept in it.

use super::{Kept, NotKept, Valid};
use crate::{
    Author, Close, Competition, ContextError, Fingerprint, Kind, Misbehaviour, ProvedEntry, ProvedSubmission,
    Record, RecordId, Reveal, StatementId, Withdrawal,
    limits::{MAX_ENTRIES, MAX_SUBMISSIONS},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// How many reveals, and how many closes, are kept: what the host should have signed once.
pub(crate) const KEPT_OF_ONE: usize = 2;

/// How many records of one competition are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries.
    pub entries: u64,
    /// Submissions.
    pub submissions: u64,
    /// All records, the competition's included.
    pub records: u64,
}

/// A kept record's signed bytes and author.
pub type Shown<'a> = Kept<(&'a Arc<[u8]>, Author)>;

/// A submission's place: entry, reveal, created, record, statement.
type Place = (RecordId, Option<RecordId>, u64, RecordId, StatementId);

/// See the module.
#[derive(Clone, Debug)]
pub struct Contest<M> {
    competition: Kept<Arc<Record<Competition>>>,
    entries: BTreeMap<RecordId, Kept<ProvedEntry<M>>>,
    /// The entries in the order of the caps.
    entry_order: BTreeSet<(Author, u64, RecordId)>,
    /// By entry.
    withdrawals: BTreeMap<RecordId, Kept<Arc<Record<Withdrawal>>>>,
    /// Which entry a kept withdrawal's record is about.
    withdrawn: HashMap<RecordId, RecordId>,
    /// In order, at most [`KEPT_OF_ONE`].
    reveals: Vec<Kept<Arc<Record<Reveal>>>>,
    submissions: BTreeMap<StatementId, Kept<ProvedSubmission>>,
    /// The submissions in the order of the caps.
    submission_order: BTreeSet<Place>,
    /// What a kept submission's record states.
    statements: HashMap<RecordId, StatementId>,
    /// In order, at most [`KEPT_OF_ONE`].
    closes: Vec<Kept<Arc<Record<Close>>>>,
    /// By what the host did twice.
    misbehaviour: BTreeMap<Kind, Kept<Arc<Record<Misbehaviour>>>>,
}

const LOWEST: RecordId = RecordId::new([0; 32]);
const HIGHEST: RecordId = RecordId::new([0xff; 32]);

impl<M> Contest<M> {
    pub(super) fn new(competition: Kept<Arc<Record<Competition>>>) -> Self {
        Self {
            competition,
            entries: BTreeMap::new(),
            entry_order: BTreeSet::new(),
            withdrawals: BTreeMap::new(),
            withdrawn: HashMap::new(),
            reveals: Vec::new(),
            submissions: BTreeMap::new(),
            submission_order: BTreeSet::new(),
            statements: HashMap::new(),
            closes: Vec::new(),
            misbehaviour: BTreeMap::new(),
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

    /// The withdrawal of an entry.
    pub fn withdrawal_of(&self, entry: RecordId) -> Option<&Kept<Arc<Record<Withdrawal>>>> {
        self.withdrawals.get(&entry)
    }

    /// The kept reveals, the first first: none, one, or two where the host misbehaved.
    pub fn reveals(&self) -> &[Kept<Arc<Record<Reveal>>>] {
        &self.reveals
    }

    /// One kept reveal.
    pub fn reveal(&self, id: RecordId) -> Option<&Kept<Arc<Record<Reveal>>>> {
        self.reveals.iter().find(|kept| kept.item.id() == id)
    }

    /// The kept submissions, by statement.
    pub fn submissions(&self) -> impl Iterator<Item = &Kept<ProvedSubmission>> {
        self.submissions.values()
    }

    /// One kept submission, by the id of its record.
    pub fn submission(&self, id: RecordId) -> Option<&Kept<ProvedSubmission>> {
        self.submissions.get(self.statements.get(&id)?)
    }

    /// One kept submission, by what it states.
    pub fn statement(&self, id: StatementId) -> Option<&Kept<ProvedSubmission>> {
        self.submissions.get(&id)
    }

    /// The kept closes, the first first: none, one, or two where the host misbehaved.
    pub fn closes(&self) -> &[Kept<Arc<Record<Close>>>] {
        &self.closes
    }

    /// The kept accusation that the host signed two records of this kind.
    pub fn misbehaviour(&self, kind: Kind) -> Option<&Kept<Arc<Record<Misbehaviour>>>> {
        self.misbehaviour.get(&kind)
    }

    /// Everything kept: id, kind, signed bytes, author. In an order in which an empty node keeps all of it again: what a
    /// record refers to comes before it, and reveals before entries, because those on a roster have a place.
    pub fn records(&self) -> impl Iterator<Item = Kept<(RecordId, Kind, &Arc<[u8]>, Author)>> {
        fn plain<T>(kind: Kind, kept: &Kept<Arc<Record<T>>>) -> Kept<(RecordId, Kind, &Arc<[u8]>, Author)> {
            view(kind, &kept.item, kept.first_seen, kept.verify_us)
        }
        fn view<T>(
            kind: Kind,
            record: &Record<T>,
            first_seen: u64,
            verify_us: u64,
        ) -> Kept<(RecordId, Kind, &Arc<[u8]>, Author)> {
            Kept { item: (record.id(), kind, record.bytes(), record.author()), first_seen, verify_us }
        }
        let entries = self
            .entries
            .values()
            .map(|kept| view(Kind::Entry, kept.item.record(), kept.first_seen, kept.verify_us));
        let submissions = self
            .submissions
            .values()
            .map(|kept| view(Kind::Submission, kept.item.record(), kept.first_seen, kept.verify_us));
        std::iter::once(plain(Kind::Competition, &self.competition))
            .chain(self.reveals.iter().map(|kept| plain(Kind::Reveal, kept)))
            .chain(entries)
            .chain(self.withdrawals.values().map(|kept| plain(Kind::Withdrawal, kept)))
            .chain(submissions)
            .chain(self.closes.iter().map(|kept| plain(Kind::Close, kept)))
            .chain(self.misbehaviour.values().map(|kept| plain(Kind::Misbehaviour, kept)))
    }

    /// One kept record of any kind.
    pub fn record(&self, id: RecordId, kind: Kind) -> Option<Shown<'_>> {
        fn view<T>(record: &Record<T>, first_seen: u64, verify_us: u64) -> Shown<'_> {
            Kept { item: (record.bytes(), record.author()), first_seen, verify_us }
        }
        match kind {
            Kind::Entry => {
                let kept = self.entries.get(&id)?;
                Some(view(kept.item.record(), kept.first_seen, kept.verify_us))
            }
            Kind::Submission => {
                let kept = self.submission(id)?;
                Some(view(kept.item.record(), kept.first_seen, kept.verify_us))
            }
            Kind::Competition => {
                let kept = &self.competition;
                (kept.item.id() == id).then(|| view(&kept.item, kept.first_seen, kept.verify_us))
            }
            Kind::Withdrawal => {
                let kept = self.withdrawals.get(self.withdrawn.get(&id)?)?;
                Some(view(&kept.item, kept.first_seen, kept.verify_us))
            }
            // Of these there are few.
            Kind::Reveal => {
                let kept = self.reveal(id)?;
                Some(view(&kept.item, kept.first_seen, kept.verify_us))
            }
            Kind::Close => {
                let kept = self.closes.iter().find(|kept| kept.item.id() == id)?;
                Some(view(&kept.item, kept.first_seen, kept.verify_us))
            }
            Kind::Misbehaviour => {
                let kept = self.misbehaviour.values().find(|kept| kept.item.id() == id)?;
                Some(view(&kept.item, kept.first_seen, kept.verify_us))
            }
        }
    }

    /// The ids of everything kept, ascending.
    pub fn ids(&self) -> BTreeSet<RecordId> {
        self.records().map(|kept| kept.item.0).collect()
    }

    /// Equal for equal sets of kept records, in whatever order they came.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.ids().into_iter())
    }

    /// How much is kept.
    pub fn counts(&self) -> Counts {
        let (entries, submissions) = (self.entries.len(), self.submissions.len());
        let others =
            self.withdrawals.len() + self.reveals.len() + self.closes.len() + self.misbehaviour.len();
        Counts {
            entries: entries as u64,
            submissions: submissions as u64,
            records: (1 + entries + submissions + others) as u64,
        }
    }

    /// Everybody with an entry.
    pub fn authors(&self) -> BTreeSet<Author> {
        self.entry_order.iter().map(|(author, ..)| *author).collect()
    }

    /// A competitor's entries in the order of the caps: author, created, id.
    pub(crate) fn order_of_author(
        &self,
        author: &Author,
    ) -> impl DoubleEndedIterator<Item = &(Author, u64, RecordId)> + use<'_, M> {
        self.entry_order.range((*author, 0, LOWEST)..=(*author, u64::MAX, HIGHEST))
    }

    /// The submissions of an entry: by reveal, then in the order of the caps.
    pub(crate) fn submissions_of(
        &self,
        entry: RecordId,
    ) -> impl DoubleEndedIterator<Item = &Kept<ProvedSubmission>> {
        self.order_of_entry(entry).filter_map(|place| self.submissions.get(&place.4))
    }

    fn order_of_entry(&self, entry: RecordId) -> impl DoubleEndedIterator<Item = &Place> + use<'_, M> {
        let first = (entry, None, 0, LOWEST, StatementId::new([0; 32]));
        let last = (entry, Some(HIGHEST), u64::MAX, HIGHEST, StatementId::new([0xff; 32]));
        self.submission_order.range(first..=last)
    }

    fn order_after(
        &self,
        entry: RecordId,
        reveal: Option<RecordId>,
    ) -> impl DoubleEndedIterator<Item = &Place> + use<'_, M> {
        let first = (entry, reveal, 0, LOWEST, StatementId::new([0; 32]));
        let last = (entry, reveal, u64::MAX, HIGHEST, StatementId::new([0xff; 32]));
        self.submission_order.range(first..=last)
    }

    /// Whether a kept reveal lists an entry.
    pub(crate) fn is_on_a_roster(&self, entry: RecordId) -> bool {
        self.reveals.iter().any(|reveal| reveal.item.body().lists(entry))
    }

    fn most_entries(&self) -> u32 {
        let caps = self.competition.item.body().caps;
        caps.entries + caps.withdrawals
    }

    /// Whether an entry would be kept now. What is refused here would be refused for ever, unless it is on a roster.
    pub(crate) fn entry_has_place(
        &self,
        author: &Author,
        created: u64,
        id: RecordId,
    ) -> Result<(), ContextError> {
        let cap = self.most_entries();
        let earlier = self.order_of_author(author).take_while(|key| **key < (*author, created, id)).count();
        if earlier < cap as usize || self.is_on_a_roster(id) {
            return Ok(());
        }
        Err(ContextError::EntriesCap { cap })
    }

    /// Whether a submission would be kept now. What is refused here would be refused for ever.
    pub(crate) fn submission_has_place(
        &self,
        (entry, reveal, created, id, statement): Place,
    ) -> Result<(), ContextError> {
        if !self.entries.contains_key(&entry) {
            return Err(ContextError::Orphan { on: entry });
        }
        if let Some(on) = reveal.filter(|reveal| self.reveal(*reveal).is_none()) {
            return Err(ContextError::Orphan { on });
        }
        if let Some(kept) = self.submissions.get(&statement) {
            let by = kept.item.record();
            if (by.body().created, by.id()) <= (created, id) {
                return Err(ContextError::SameStatement { by: by.id() });
            }
        }
        let cap = self.competition.item.body().caps.submissions;
        let earlier = self
            .order_after(entry, reveal)
            .take_while(|place| (place.2, place.3) < (created, id))
            .filter(|place| place.4 != statement)
            .count();
        if earlier >= cap as usize { Err(ContextError::SubmissionsCap { cap }) } else { Ok(()) }
    }

    /// Whether a reveal or close would be kept now.
    pub(crate) fn host_record_has_place(
        &self,
        kind: Kind,
        created: u64,
        id: RecordId,
    ) -> Result<(), ContextError> {
        let earlier = match kind {
            Kind::Reveal => {
                self.reveals.iter().filter(|k| (k.item.body().created, k.item.id()) < (created, id)).count()
            }
            _ => self.closes.iter().filter(|k| (k.item.body().created, k.item.id()) < (created, id)).count(),
        };
        if earlier >= KEPT_OF_ONE { Err(ContextError::Enough { kind, max: KEPT_OF_ONE }) } else { Ok(()) }
    }

    pub(super) fn insert(
        &mut self,
        valid: Valid<M>,
        first_seen: u64,
        verify_us: u64,
    ) -> Result<Vec<RecordId>, NotKept> {
        match valid {
            Valid::Competition(record) => Err(ContextError::Orphan { on: record.id() }.into()),
            Valid::Entry(item) => self.insert_entry(Kept { item, first_seen, verify_us }),
            Valid::Withdrawal(item) => self.insert_withdrawal(Kept { item, first_seen, verify_us }),
            Valid::Reveal(item) => self.insert_reveal(Kept { item, first_seen, verify_us }),
            Valid::Submission(item) => self.insert_submission(Kept { item, first_seen, verify_us }),
            Valid::Close(item) => self.insert_close(Kept { item, first_seen, verify_us }),
            Valid::Misbehaviour(item, kind) => {
                self.insert_misbehaviour(kind, Kept { item, first_seen, verify_us })
            }
        }
    }

    fn insert_entry(&mut self, kept: Kept<ProvedEntry<M>>) -> Result<Vec<RecordId>, NotKept> {
        let record = kept.item.record();
        let (author, created, id) = (record.author(), record.body().created, record.id());
        self.entry_has_place(&author, created, id)?;
        if self.entries.len() >= MAX_ENTRIES && !self.is_on_a_roster(id) {
            return Err(NotKept::Full { what: "entries", max: MAX_ENTRIES });
        }
        self.entries.insert(id, kept);
        self.entry_order.insert((author, created, id));
        Ok(self.prune_entries(&author))
    }

    /// Drops a competitor's entries beyond the caps, with everything that refers to them.
    fn prune_entries(&mut self, author: &Author) -> Vec<RecordId> {
        let most = self.most_entries() as usize;
        let beyond: Vec<_> = self
            .order_of_author(author)
            .skip(most)
            .filter(|key| !self.is_on_a_roster(key.2))
            .copied()
            .collect();
        let mut dropped = Vec::new();
        for key in beyond {
            self.entry_order.remove(&key);
            self.entries.remove(&key.2);
            dropped.push(key.2);
            if let Some(withdrawal) = self.withdrawals.remove(&key.2).map(|kept| kept.item.id()) {
                self.withdrawn.remove(&withdrawal);
                dropped.push(withdrawal);
            }
            let orphans: Vec<_> = self.order_of_entry(key.2).copied().collect();
            dropped.extend(orphans.into_iter().filter_map(|place| self.remove_submission(place)));
        }
        dropped
    }

    fn insert_withdrawal(&mut self, kept: Kept<Arc<Record<Withdrawal>>>) -> Result<Vec<RecordId>, NotKept> {
        let (entry, order) = (kept.item.body().entry, (kept.item.body().created, kept.item.id()));
        if !self.entries.contains_key(&entry) {
            return Err(ContextError::Orphan { on: entry }.into());
        }
        match self.withdrawals.get(&entry) {
            Some(old) if (old.item.body().created, old.item.id()) < order => {
                Err(ContextError::Enough { kind: Kind::Withdrawal, max: 1 }.into())
            }
            _ => {
                self.withdrawn.insert(order.1, entry);
                let old = self.withdrawals.insert(entry, kept).map(|old| old.item.id());
                if let Some(old) = &old {
                    self.withdrawn.remove(old);
                }
                Ok(old.into_iter().collect())
            }
        }
    }

    fn insert_reveal(&mut self, kept: Kept<Arc<Record<Reveal>>>) -> Result<Vec<RecordId>, NotKept> {
        self.host_record_has_place(Kind::Reveal, kept.item.body().created, kept.item.id())?;
        self.reveals.push(kept);
        self.reveals.sort_by_key(|kept| (kept.item.body().created, kept.item.id()));
        if self.reveals.len() <= KEPT_OF_ONE {
            return Ok(Vec::new());
        }
        let Some(gone) = self.reveals.pop().map(|kept| kept.item.id()) else { return Ok(Vec::new()) };
        let mut dropped = vec![gone];
        let orphans: Vec<_> =
            self.submission_order.iter().filter(|place| place.1 == Some(gone)).copied().collect();
        dropped.extend(orphans.into_iter().filter_map(|place| self.remove_submission(place)));
        for author in self.authors() {
            dropped.extend(self.prune_entries(&author));
        }
        Ok(dropped)
    }

    fn insert_submission(&mut self, kept: Kept<ProvedSubmission>) -> Result<Vec<RecordId>, NotKept> {
        let place = place_of(&kept.item);
        let (entry, reveal, _, id, statement) = place;
        self.submission_has_place(place)?;
        let mut dropped = Vec::new();
        if let Some(old) = self.submissions.get(&statement).map(|kept| place_of(&kept.item)) {
            dropped.extend(self.remove_submission(old));
        } else if self.submissions.len() >= MAX_SUBMISSIONS {
            return Err(NotKept::Full { what: "submissions", max: MAX_SUBMISSIONS });
        }
        self.submissions.insert(statement, kept);
        self.submission_order.insert(place);
        self.statements.insert(id, statement);
        let cap = self.competition.item.body().caps.submissions as usize;
        let beyond: Vec<_> = self.order_after(entry, reveal).skip(cap).copied().collect();
        dropped.extend(beyond.into_iter().filter_map(|place| self.remove_submission(place)));
        Ok(dropped)
    }

    fn remove_submission(&mut self, place: Place) -> Option<RecordId> {
        self.submission_order.remove(&place);
        self.statements.remove(&place.3);
        self.submissions.remove(&place.4).map(|kept| kept.item.record().id())
    }

    fn insert_close(&mut self, kept: Kept<Arc<Record<Close>>>) -> Result<Vec<RecordId>, NotKept> {
        self.host_record_has_place(Kind::Close, kept.item.body().created, kept.item.id())?;
        self.closes.push(kept);
        self.closes.sort_by_key(|kept| (kept.item.body().created, kept.item.id()));
        let beyond = self.closes.split_off(self.closes.len().min(KEPT_OF_ONE));
        Ok(beyond.into_iter().map(|kept| kept.item.id()).collect())
    }

    fn insert_misbehaviour(
        &mut self,
        kind: Kind,
        kept: Kept<Arc<Record<Misbehaviour>>>,
    ) -> Result<Vec<RecordId>, NotKept> {
        match self.misbehaviour.get(&kind) {
            Some(old) if old.item.id() < kept.item.id() => {
                Err(ContextError::Enough { kind: Kind::Misbehaviour, max: 1 }.into())
            }
            _ => Ok(self.misbehaviour.insert(kind, kept).map(|old| old.item.id()).into_iter().collect()),
        }
    }
}

fn place_of(submission: &ProvedSubmission) -> Place {
    let (record, body) = (submission.record(), submission.record().body());
    (body.entry, body.reveal, body.created, record.id(), submission.statement())
}
