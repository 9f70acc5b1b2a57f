//! Records on their way: those that wait for something, and those whose proofs are being checked.

use super::{JobId, Need, Origin, turns::join};
use crate::{
    AdmittedEntry, AdmittedSubmission, BlobId, BlobRole, ProofCheck, RecordId, WellFormed,
    limits::{MAX_PENDING, MAX_PENDING_BYTES},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// A record whose proofs are being checked.
#[derive(Clone, Debug)]
pub(crate) enum Admitted<M> {
    Entry(AdmittedEntry),
    Submission(AdmittedSubmission<M>),
}

impl<M: Clone> Admitted<M> {
    pub(super) fn check(&self) -> ProofCheck<M> {
        match self {
            Self::Entry(entry) => entry.check(),
            Self::Submission(submission) => submission.check(),
        }
    }

    pub(super) fn record(&self) -> WellFormed {
        match self {
            Self::Entry(entry) => WellFormed::Entry(Arc::clone(entry.record())),
            Self::Submission(submission) => WellFormed::Submission(Arc::clone(submission.record())),
        }
    }
}

/// When a record came, in the caller's seconds since 1970, and who brought it.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) at: u64,
    pub(super) origins: Vec<Origin>,
}

/// What wakes a waiting record. A blob's claimed length is no part of it: any blob of that id will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Record(RecordId),
    Blob(BlobRole, BlobId),
}

impl From<&Need> for Key {
    fn from(need: &Need) -> Self {
        match need {
            Need::Record(id) => Self::Record(*id),
            Need::Blob(role, blob) => Self::Blob(*role, blob.id),
        }
    }
}

#[derive(Debug)]
struct Waiting {
    record: WellFormed,
    arrival: Arrival,
    /// When [`Pool::take_late`] first found it.
    noticed: Option<u64>,
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Checking<M> {
    admitted: Admitted<M>,
    received_at: u64,
    competition: RecordId,
    bytes: usize,
}

/// Bounded in number and bytes by [`MAX_PENDING`] and [`MAX_PENDING_BYTES`].
#[derive(Debug)]
pub(super) struct Pool<M> {
    /// By order of arrival.
    waiting: BTreeMap<u64, Waiting>,
    waiting_on: HashMap<Key, BTreeSet<u64>>,
    checking: HashMap<JobId, Checking<M>>,
    ids: HashMap<RecordId, u64>,
    bytes: usize,
    next: u64,
}

impl<M> Default for Pool<M> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            waiting_on: HashMap::new(),
            checking: HashMap::new(),
            ids: HashMap::new(),
            bytes: 0,
            next: 0,
        }
    }
}

impl<M> Pool<M> {
    pub(super) fn contains(&self, id: RecordId) -> bool {
        self.ids.contains_key(&id)
    }

    pub(super) fn count(&self, competition: Option<RecordId>) -> usize {
        let Some(competition) = competition else { return self.ids.len() };
        let waiting = self.waiting.values().filter(|w| w.record.competition() == competition).count();
        waiting + self.checking.values().filter(|c| c.competition == competition).count()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn wanted_records(&self) -> impl Iterator<Item = RecordId> {
        self.waiting_on.keys().filter_map(|key| match key {
            Key::Record(id) => Some(*id),
            Key::Blob(..) => None,
        })
    }

    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.ids.len() < MAX_PENDING && self.bytes + bytes <= MAX_PENDING_BYTES
    }

    fn number(&mut self, id: RecordId, bytes: usize) -> u64 {
        let number = self.next;
        self.next += 1;
        self.ids.insert(id, number);
        self.bytes += bytes;
        number
    }

    pub(super) fn wait(&mut self, record: WellFormed, arrival: Arrival, needs: &[Need]) {
        let number = self.number(record.id(), record.bytes().len());
        let keys: Vec<Key> = needs.iter().map(Key::from).collect();
        for key in &keys {
            self.waiting_on.entry(*key).or_default().insert(number);
        }
        self.waiting.insert(number, Waiting { record, arrival, noticed: None, keys });
    }

    pub(super) fn check(&mut self, admitted: Admitted<M>, received_at: u64) -> JobId
    where
        M: Clone,
    {
        let record = admitted.record();
        let (competition, bytes) = (record.competition(), record.bytes().len());
        let job = JobId(self.number(record.id(), bytes));
        self.checking.insert(job, Checking { admitted, received_at, competition, bytes });
        job
    }

    pub(super) fn take_job(&mut self, job: JobId) -> Option<(Admitted<M>, u64)>
    where
        M: Clone,
    {
        let checking = self.checking.remove(&job)?;
        self.forget(checking.admitted.record().id(), checking.bytes);
        Some((checking.admitted, checking.received_at))
    }

    /// Takes out all records that wait for this, in order of arrival.
    pub(super) fn take_waiting(&mut self, key: Key) -> Vec<(WellFormed, Arrival)> {
        let numbers = self.waiting_on.remove(&key).unwrap_or_default();
        numbers.into_iter().filter_map(|number| self.take_number(number)).collect()
    }

    /// Somebody else has brought a record that waits, or whose proof check this is.
    pub(super) fn join(&mut self, id: RecordId, origin: Origin) -> Option<JobId> {
        let number = *self.ids.get(&id)?;
        match self.waiting.get_mut(&number) {
            Some(waiting) => {
                join(&mut waiting.arrival.origins, origin);
                None
            }
            None => Some(JobId(number)),
        }
    }

    pub(super) fn take_oldest_waiting(&mut self) -> Option<WellFormed> {
        let (&number, _) = self.waiting.first_key_value()?;
        self.take_number(number).map(|(record, _)| record)
    }

    pub(super) fn is_waiting(&self, id: RecordId) -> bool {
        self.ids.get(&id).is_some_and(|number| self.waiting.contains_key(number))
    }

    pub(super) fn take_waiting_record(&mut self, id: RecordId) -> Option<WellFormed> {
        let number = *self.ids.get(&id)?;
        self.take_number(number).map(|(record, _)| record)
    }

    /// Takes out the records that were noticed more than `patience` seconds ago, and notices the others.
    pub(super) fn take_late(
        &mut self,
        now: u64,
        patience: u64,
        keep: &BTreeSet<RecordId>,
    ) -> Vec<WellFormed> {
        let mut late = Vec::new();
        for (number, waiting) in &mut self.waiting {
            // A clock that was set back does not make anything late, nor keeps it for longer.
            let noticed = waiting.noticed.map_or(now, |noticed| noticed.min(now));
            waiting.noticed = Some(noticed);
            if now - noticed > patience && !keep.contains(&waiting.record.id()) {
                late.push(*number);
            }
        }
        late.into_iter().filter_map(|number| self.take_number(number)).map(|(record, _)| record).collect()
    }

    fn take_number(&mut self, number: u64) -> Option<(WellFormed, Arrival)> {
        let Waiting { record, arrival, keys, .. } = self.waiting.remove(&number)?;
        for key in keys {
            if let Some(numbers) = self.waiting_on.get_mut(&key) {
                numbers.remove(&number);
                if numbers.is_empty() {
                    self.waiting_on.remove(&key);
                }
            }
        }
        self.forget(record.id(), record.bytes().len());
        Some((record, arrival))
    }

    fn forget(&mut self, id: RecordId, bytes: usize) {
        self.ids.remove(&id);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}
