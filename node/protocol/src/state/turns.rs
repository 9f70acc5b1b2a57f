//! Whose proof check is next: deficit round robin (M. Shreedhar and G. Varghese, "Efficient Fair Queuing Using Deficit
//! Round-Robin", SIGCOMM 1995) over those who brought the records, counted in proofs. Whoever brings many waits for
//! himself alone: the others' wait for one batch of his at most, each time that it is their turn.
//!
//! A record that several have brought stands in all their queues, so that nobody delays another's record by bringing
//! it first.

use super::{JobId, ProofJob};
use crate::limits::MAX_ORIGINS;
use std::collections::{HashMap, VecDeque};

/// Proofs that a turn is worth.
const QUANTUM: i64 = 16;

/// Who brought a record: a number that means something to the caller alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(u64);

impl Origin {
    /// This node itself: its records are checked before all others.
    pub const OWN: Self = Self(0);

    /// Somebody else.
    pub fn peer(number: u64) -> Self {
        Self(number.max(1))
    }
}

/// Takes note of one more who has brought a record. Beyond the bound nobody's turn comes earlier by it.
pub(super) fn join(origins: &mut Vec<Origin>, origin: Origin) -> bool {
    let new = origins.len() < MAX_ORIGINS && !origins.contains(&origin);
    if new {
        origins.push(origin);
    }
    new
}

#[derive(Debug)]
struct Queue {
    origin: Origin,
    jobs: VecDeque<JobId>,
    /// Proofs that may still be checked in this turn; below zero after a batch.
    credit: i64,
}

/// Checks that have not been handed out; every one has its record in the pool, which bounds them.
#[derive(Debug)]
pub(super) struct Turns<M> {
    jobs: HashMap<JobId, (ProofJob<M>, Vec<Origin>)>,
    /// None is empty. The first has its turn.
    queues: VecDeque<Queue>,
}

impl<M> Default for Turns<M> {
    fn default() -> Self {
        Self { jobs: HashMap::new(), queues: VecDeque::new() }
    }
}

impl<M> Turns<M> {
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn len_of(&self, origin: Origin) -> usize {
        self.queues.iter().find(|queue| queue.origin == origin).map_or(0, |queue| queue.jobs.len())
    }

    pub(super) fn push(&mut self, job: ProofJob<M>, origins: Vec<Origin>) {
        for origin in &origins {
            self.enqueue(job.id, *origin);
        }
        self.jobs.insert(job.id, (job, origins));
    }

    /// Somebody else has brought the same.
    pub(super) fn join(&mut self, id: JobId, origin: Origin) {
        if self.jobs.get_mut(&id).is_some_and(|(_, origins)| join(origins, origin)) {
            self.enqueue(id, origin);
        }
    }

    fn enqueue(&mut self, id: JobId, origin: Origin) {
        match self.queues.iter_mut().find(|queue| queue.origin == origin) {
            Some(queue) => queue.jobs.push_back(id),
            None => self.queues.push_back(Queue { origin, jobs: VecDeque::from([id]), credit: QUANTUM }),
        }
    }

    /// The check whose turn it is, and others under the same key, of all in turn, until they have `proofs` proofs.
    pub(super) fn next(&mut self, proofs: usize) -> Vec<ProofJob<M>> {
        let Some(first) = self.whose_turn() else { return Vec::new() };
        let mut chosen = vec![first];
        chosen.extend(self.under_the_same_key(first, proofs));
        chosen.into_iter().filter_map(|(origin, id)| self.take(origin, id)).collect()
    }

    fn whose_turn(&mut self) -> Option<(Origin, JobId)> {
        if let Some(own) = self.queues.iter().find(|queue| queue.origin == Origin::OWN) {
            return own.jobs.front().map(|id| (Origin::OWN, *id));
        }
        loop {
            let queue = self.queues.front_mut()?;
            let id = *queue.jobs.front()?;
            let cost = self.jobs.get(&id).map_or(0, |(job, _)| cost(job));
            if queue.credit >= cost {
                return Some((queue.origin, id));
            }
            queue.credit += QUANTUM;
            self.queues.rotate_left(1);
        }
    }

    fn under_the_same_key(&self, (by, first): (Origin, JobId), proofs: usize) -> Vec<(Origin, JobId)> {
        let Some((job, _)) = self.jobs.get(&first) else { return Vec::new() };
        let (key, mut left) = (job.check.key(), proofs.saturating_sub(job.check.proofs()));
        let mut chosen = Vec::new();
        let mut sources: VecDeque<_> =
            self.queues.iter().map(|queue| (queue.origin, queue.jobs.iter())).collect();
        // Whoever's turn it is has had one.
        let turn = self.queues.iter().position(|queue| queue.origin == by).map_or(0, |at| at + 1);
        sources.rotate_left(turn);
        while let Some((origin, mut jobs)) = sources.pop_front() {
            let fits = |id: &&JobId| {
                let same = |(job, _): &(ProofJob<M>, _)| job.check.key() == key && job.check.proofs() <= left;
                **id != first
                    && self.jobs.get(*id).is_some_and(same)
                    && !chosen.iter().any(|(_, other)| other == *id)
            };
            if let Some(id) = jobs.find(fits) {
                left -= self.jobs.get(id).map_or(0, |(job, _)| job.check.proofs());
                chosen.push((origin, *id));
                sources.push_back((origin, jobs));
            }
        }
        chosen
    }

    /// Takes a check out, wherever it stands, for whoever's turn it was.
    fn take(&mut self, by: Origin, id: JobId) -> Option<ProofJob<M>> {
        let (job, origins) = self.jobs.remove(&id)?;
        for queue in self.queues.iter_mut().filter(|queue| origins.contains(&queue.origin)) {
            queue.jobs.retain(|other| *other != id);
            if queue.origin == by {
                queue.credit -= cost(&job);
            }
        }
        self.queues.retain(|queue| !queue.jobs.is_empty());
        Some(job)
    }
}

fn cost<M>(job: &ProofJob<M>) -> i64 {
    i64::try_from(job.check.proofs()).unwrap_or(i64::MAX)
}
