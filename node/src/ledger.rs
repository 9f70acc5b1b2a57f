//! The record set of this node with its store and blobs: what the daemon and the command line share. It blocks on
//! the disk only in [`Ledger::open`], [`Ledger::run_all`] and `offline`; the daemon runs checks and writes elsewhere.
//!
//! ```text
//! parts     the records by competition and kind, to reconcile them by
//! own       the records of the own key;  holders: which peers have said that they hold them
//! offline   taking records in without a running node
//! ```

mod holders;
mod offline;
mod own;
mod parts;
#[cfg(test)]
mod tests;

use holders::Holders;
pub use parts::{Digest, Parts};

use crate::blobs::{BlobError, BlobStore};
use crate::home::Home;
use crate::limits;
use crate::materials::Materials;
use crate::store::{Id, Opening, SledStore, Store, StoreError, StoredRecord};
use circuits::groth16::VerifiedModel;
use protocol::{
    BlobRef, BlobRole, Board, Contest, ContextError, Fingerprint, Kept, Kind, Outcome, RecordId, Refusal,
    State, Update, WantedBlob,
};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What can go wrong when a ledger is opened or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blobs.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

/// A place in the order in which records are told to peers: that of their kinds, in which what a record refers to
/// comes before it.
pub type Place = (u8, RecordId);

/// See the module.
pub struct Ledger {
    state: State<VerifiedModel>,
    store: Arc<dyn Store>,
    materials: Arc<Materials>,
    own: String,
    /// What is kept and flushed.
    durable: BTreeSet<Place>,
    /// The same by competition and kind.
    parts: Parts,
    competition_of: HashMap<RecordId, RecordId>,
    /// Those of this node's own key, and how often that has changed.
    own_records: (BTreeSet<RecordId>, u64),
    holders: Holders,
    fingerprint: Option<Fingerprint>,
    /// Boards that somebody has looked at: brought up to date by each record that comes.
    boards: Mutex<HashMap<RecordId, Board>>,
}

/// Records that are read from the store at once.
const REPLAY_PAGE: usize = 256;

/// Each blob once, whichever competitions want it.
fn once(wanted: BTreeSet<WantedBlob>) -> BTreeSet<(BlobRole, BlobRef)> {
    wanted.into_iter().map(|wanted| (wanted.role, wanted.blob)).collect()
}

/// Seconds since 1970.
pub fn now() -> u64 {
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    clock.saturating_add_signed(test_offset())
}

/// How wrong the clock is in tests of whole processes: seconds, read each time from the file that
/// `PODIUM_TEST_CLOCK` names, so that a running node's clock can jump. Release builds have no such thing.
#[cfg(debug_assertions)]
fn test_offset() -> i64 {
    let file = std::env::var_os("PODIUM_TEST_CLOCK");
    let offset = file.and_then(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok());
    offset.unwrap_or_default()
}

#[cfg(not(debug_assertions))]
const fn test_offset() -> i64 {
    0
}

fn rank(kind: Kind) -> u8 {
    kind as u8
}

/// Whether the records that are kept leave no place for this one, now and for ever.
fn is_superseded(error: &ContextError) -> bool {
    matches!(
        error,
        ContextError::EntriesCap { .. }
            | ContextError::SubmissionsCap { .. }
            | ContextError::SameStatement { .. }
            | ContextError::Enough { .. }
    )
}

impl Ledger {
    /// Opens store and blobs of a data folder and checks every record in it again. `progress` is told how far a
    /// migration of the store is.
    ///
    /// # Errors
    /// If the store or the blobs cannot be opened or read.
    pub fn open(home: &Home, own: String, progress: &dyn Fn(&str, f64)) -> Result<Self, LedgerError> {
        let opening = Opening { progress, ..Opening::default() };
        let store = Arc::new(SledStore::open_with(&home.store(), &opening)?);
        let blobs = Arc::new(BlobStore::open(&home.blobs())?);
        let mut ledger = Self::new(store, blobs, own);
        ledger.replay()?;
        Ok(ledger)
    }

    /// Over a store and blobs; nothing is read yet. `own` is this node's peer id.
    pub fn new(store: Arc<dyn Store>, blobs: Arc<BlobStore>, own: String) -> Self {
        Self {
            state: State::default(),
            store,
            materials: Arc::new(Materials::new(blobs)),
            own,
            durable: BTreeSet::new(),
            parts: Parts::default(),
            competition_of: HashMap::new(),
            own_records: (BTreeSet::new(), 0),
            holders: Holders::default(),
            fingerprint: None,
            boards: Mutex::default(),
        }
    }

    /// The board of a competition.
    pub fn board(&self, contest: &Contest<VerifiedModel>) -> Board {
        let mut boards = self.boards.lock().unwrap_or_else(PoisonError::into_inner);
        boards.entry(contest.id()).or_insert_with(|| Board::of(contest)).clone()
    }

    /// A record has been accepted: a board that somebody has looked at follows. What concerns one competitor changes
    /// his row alone.
    pub fn accepted(&mut self, id: RecordId, competition: RecordId) {
        let boards = self.boards.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(board) = boards.get_mut(&competition) else { return };
        let set = self.state.set();
        let kept = set.contest(competition).zip(set.kind_of(id));
        let of_competitor = |kind| matches!(kind, Kind::Entry | Kind::Withdrawal | Kind::Submission);
        match kept {
            Some((contest, (kind, _))) if of_competitor(kind) => {
                if let Some(record) = contest.record(id, kind) {
                    board.update(contest, &record.item.1);
                }
            }
            _ => {
                boards.remove(&competition);
            }
        }
    }

    /// Takes in what the store holds. Nothing is believed because it lies there: proofs are verified again.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn replay(&mut self) -> Result<(), LedgerError> {
        self.holders = Holders::new(self.store.confirmations()?);
        let mut after = None;
        let mut competitions = Vec::new();
        loop {
            let ids = self.store.ids_after(after.as_ref(), REPLAY_PAGE)?;
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            for id in ids {
                let Some(record) = self.store.get(&id)? else { continue };
                if record.competition == record.id {
                    let (outcome, updates) = self.state.apply(&record.bytes, record.first_seen);
                    self.index_kept(Some((RecordId::new(id), &outcome)), &updates, false)?;
                    competitions.push(id);
                }
            }
        }
        let updates = self.run_all();
        self.index_kept(None, &updates, false)?;
        for competition in competitions {
            // Entries may come after their submissions in the order of ids: two rounds bring all of them in,
            // also when there are more than the core lets wait. A roster may come after the entries that have a
            // place by it alone: what has none is removed from the store in the second round only.
            for for_good in [false, true] {
                self.replay_competition(&competition, for_good)?;
                // A test set that was sealed is wanted only now that its reveal has been read.
                let wanted = self.state.wanted_blobs_of(RecordId::new(competition));
                let mut updates = self.read_blobs(once(wanted));
                updates.extend(self.run_jobs());
                self.index_kept(None, &updates, for_good)?;
            }
        }
        let (kept, stored) = (self.durable.len() as u64, self.store.len());
        if kept < stored {
            tracing::warn!(kept, stored, "some stored records are not kept (their blobs may be missing)");
        }
        Ok(())
    }

    fn replay_competition(&mut self, competition: &Id, for_good: bool) -> Result<(), LedgerError> {
        let mut after = None;
        loop {
            let ids = self.store.ids_of(competition, after.as_ref(), REPLAY_PAGE)?;
            let Some(last) = ids.last() else { return Ok(()) };
            after = Some(*last);
            for id in ids {
                if self.state.set().kind_of(RecordId::new(id)).is_none()
                    && let Some(record) = self.store.get(&id)?
                {
                    let (outcome, updates) = self.state.apply(&record.bytes, record.first_seen);
                    self.index_kept(Some((RecordId::new(id), &outcome)), &updates, for_good)?;
                }
            }
            // Its competition's blobs have been read, as far as they are here. Of many proofs each costs a fifth of
            // one alone.
            let updates = self.run_jobs();
            self.index_kept(None, &updates, for_good)?;
        }
    }

    /// Takes note of what has become of a stored record and of others because of it. What has no place after all
    /// others have been read (`for_good`) leaves the store too: a removal is not flushed, so that it may have come
    /// back after a power cut.
    fn index_kept(
        &mut self,
        own: Option<(RecordId, &Outcome)>,
        updates: &[Update],
        for_good: bool,
    ) -> Result<(), LedgerError> {
        let mut gone = Vec::new();
        for (id, outcome) in own.into_iter().chain(updates.iter().map(|update| (update.id, &update.outcome)))
        {
            if let Some((kind, competition)) = self.state.set().kind_of(id) {
                self.add_durable(competition, (rank(kind), id));
                self.accepted(id, competition);
            }
            match outcome {
                Outcome::Accepted { displaced } => gone.extend_from_slice(displaced),
                Outcome::Refused(Refusal::Context(ContextError::Orphan { on })) if gone.contains(on) => {
                    gone.push(id);
                }
                Outcome::Refused(Refusal::Context(error)) if is_superseded(error) => gone.push(id),
                _ => {}
            }
        }
        if for_good {
            return self.drop_records(&gone);
        }
        self.forget(&gone);
        Ok(())
    }

    /// Forgets records that are kept no longer, and removes them from the store.
    fn drop_records(&mut self, ids: &[RecordId]) -> Result<(), LedgerError> {
        self.forget(ids);
        if !ids.is_empty() {
            let ids: Vec<Id> = ids.iter().map(|id| *id.as_bytes()).collect();
            self.store.remove(&ids)?;
        }
        Ok(())
    }

    /// Runs every proof check that is ready.
    fn run_jobs(&mut self) -> Vec<Update> {
        let mut updates = Vec::new();
        loop {
            let jobs = self.state.next_jobs(limits::VERIFY_BATCH);
            if jobs.is_empty() {
                return updates;
            }
            let checks: Vec<_> = jobs.iter().map(|job| &job.check).collect();
            for (job, (result, micros)) in jobs.iter().zip(self.materials.run_batch(&checks)) {
                updates.extend(self.state.proof_checked(job.id, result, micros));
            }
        }
    }

    /// The blobs that records need and that have not been read: each once, however many competitions name it.
    pub fn wanted(&self) -> BTreeSet<(BlobRole, BlobRef)> {
        once(self.state.wanted_blobs())
    }

    /// Reads every wanted blob that is here and runs every proof check, until nothing is left to do. Blocks.
    pub fn run_all(&mut self) -> Vec<Update> {
        let mut updates = Vec::new();
        loop {
            let read = self.read_blobs(self.wanted());
            let checked = self.run_jobs();
            let idle = read.is_empty() && checked.is_empty();
            updates.extend(read.into_iter().chain(checked));
            if idle {
                return updates;
            }
        }
    }

    /// Reads those of these blobs that are here.
    fn read_blobs(&mut self, wanted: BTreeSet<(BlobRole, BlobRef)>) -> Vec<Update> {
        let mut updates = Vec::new();
        for (role, blob) in wanted {
            if self.materials.blobs().len_of(blob.id).is_none() {
                continue;
            }
            match self.materials.facts(role, blob) {
                Ok(facts) => updates.extend(self.state.blob_arrived(role, blob.id, facts)),
                Err(error) => tracing::warn!(%error, "a blob cannot be used"),
            }
        }
        updates
    }

    /// A kept record as it is stored.
    pub fn stored(&self, id: RecordId) -> Option<StoredRecord> {
        let set = self.state.set();
        let (kind, competition) = set.kind_of(id)?;
        let Kept { item: (bytes, author), first_seen, verify_us } =
            set.contest(competition)?.record(id, kind)?;
        Some(StoredRecord {
            id: *id.as_bytes(),
            competition: *competition.as_bytes(),
            first_seen,
            verify_us,
            in_outbox: author.to_string() == self.own,
            bytes: bytes.to_vec(),
        })
    }

    /// Records have been flushed: from now on peers are told of them.
    pub fn written(&mut self, records: &[StoredRecord]) {
        for record in records {
            let id = RecordId::new(record.id);
            if let Some((kind, competition)) = self.state.set().kind_of(id) {
                self.add_durable(competition, (rank(kind), id));
            }
        }
        self.fingerprint = None;
    }

    fn add_durable(&mut self, competition: RecordId, place: Place) {
        if self.durable.insert(place) && self.is_own(place.1) {
            self.own_records.0.insert(place.1);
            self.own_records.1 += 1;
        }
        self.parts.insert(competition, place);
        self.competition_of.insert(place.1, competition);
    }

    /// Records have been displaced by others.
    pub fn forget(&mut self, ids: &[RecordId]) {
        for id in ids {
            self.own_records.1 += u64::from(self.own_records.0.remove(id));
            self.holders.forget(*id);
            let competition = self.competition_of.remove(id);
            for kind in Kind::ALL {
                let place = (rank(kind), *id);
                self.durable.remove(&place);
                if let Some(competition) = competition {
                    self.parts.remove(competition, place);
                }
            }
        }
        self.fingerprint = None;
    }

    /// Whether a record is kept and flushed.
    pub fn is_durable(&self, id: RecordId) -> bool {
        self.competition_of.contains_key(&id)
    }

    /// Competition and kind of a durable record.
    pub fn part_of(&self, id: RecordId) -> Option<(RecordId, u8)> {
        let competition = self.competition_of.get(&id)?;
        Some((*competition, rank(self.state.set().kind_of(id)?.0)))
    }

    /// The durable records by competition and kind.
    pub fn parts(&mut self) -> &mut Parts {
        &mut self.parts
    }

    /// All records from a place on, in the order of places.
    pub fn places_from(&self, from: Place) -> impl Iterator<Item = Place> {
        self.durable.range(from..).copied()
    }

    /// Number of durable records.
    pub fn len(&self) -> usize {
        self.durable.len()
    }

    /// Fingerprint of the durable records.
    pub fn fingerprint(&mut self) -> Fingerprint {
        *self.fingerprint.get_or_insert_with(|| {
            let ids: BTreeSet<RecordId> = self.durable.iter().map(|(_, id)| *id).collect();
            Fingerprint::of(ids.into_iter())
        })
    }

    /// The validation core.
    pub fn state(&self) -> &State<VerifiedModel> {
        &self.state
    }

    /// The validation core.
    pub fn state_mut(&mut self) -> &mut State<VerifiedModel> {
        &mut self.state
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Keys and test sets.
    pub fn materials(&self) -> &Arc<Materials> {
        &self.materials
    }

    /// The blobs.
    pub fn blobs(&self) -> &Arc<BlobStore> {
        self.materials.blobs()
    }

    /// This node's peer id.
    pub fn own(&self) -> &str {
        &self.own
    }
}
