//! The core: bytes of records, facts about blobs and results of proof checks go in; outcomes, wishes and proof checks
//! come out. It does no I/O, has no clock, and every queue has a bound.

mod judge;
mod outcome;
mod pending;
mod turns;

use crate::{
    BlobFacts, BlobId, BlobRole, Contest, ContextError, Defect, EnvelopeError, Evidence, Kind, ProofError,
    RecordId, RecordSet, Scoring, Signed, Verdict, WellFormed,
    limits::{MAX_RECORD_BYTES, MAX_REFUSED, MAX_TURNED_AWAY},
    scoring_of,
    set::Valid,
};
use judge::Judged;
pub use outcome::{JobId, Need, Outcome, ProofJob, Refusal, Update, WantedBlob};
pub(crate) use pending::Admitted;
use pending::{Arrival, Key, Pool};
use std::collections::{BTreeSet, HashMap, VecDeque};
pub use turns::Origin;
use turns::Turns;

/// Records that are kept, and those that are on their way. `M` is the proof checker's evidence
/// ([`ProofChecker::Model`](crate::ProofChecker::Model)).
#[derive(Debug)]
pub struct State<M> {
    set: RecordSet<M>,
    blobs: HashMap<(BlobRole, BlobId), BlobFacts>,
    pool: Pool<M>,
    ready: Turns<M>,
    refused: HashMap<RecordId, String>,
    refused_order: VecDeque<RecordId>,
    /// Competitions for which there was no place, the latest last: nothing needs to wait for them.
    turned_away: VecDeque<(RecordId, Refusal)>,
}

impl<M> Default for State<M> {
    fn default() -> Self {
        Self {
            set: RecordSet::default(),
            blobs: HashMap::new(),
            pool: Pool::default(),
            ready: Turns::default(),
            refused: HashMap::new(),
            refused_order: VecDeque::new(),
            turned_away: VecDeque::new(),
        }
    }
}

/// A record to be judged, or to be refused because of what it refers to.
struct Work {
    record: WellFormed,
    arrival: Arrival,
    doom: Option<Refusal>,
}

impl<M: Clone> State<M> {
    /// Takes a record's signed bytes, of this node itself or from its store: see [`State::apply_from`].
    pub fn apply(&mut self, bytes: &[u8], received_at: u64) -> (Outcome, Vec<Update>) {
        self.apply_from(Origin::OWN, bytes, received_at)
    }

    /// Takes a record's signed bytes. `received_at` is the caller's time, seconds since 1970; `origin` is who brought
    /// them: proof checks go by turns among origins.
    ///
    /// The second value says what has become of *other* records because of this one.
    pub fn apply_from(&mut self, origin: Origin, bytes: &[u8], received_at: u64) -> (Outcome, Vec<Update>) {
        let record = match self.read(bytes) {
            Ok(record) => record,
            Err(outcome) => {
                if outcome == Outcome::Pending {
                    self.join(RecordId::of(bytes), origin);
                }
                return (outcome, Vec::new());
            }
        };
        let id = record.id();
        let arrival = Arrival { at: received_at, origins: vec![origin] };
        let mut updates = self.work(VecDeque::from([Work { record, arrival, doom: None }]));
        let own = updates.iter().position(|update| update.id == id);
        // `work` reports on everything that it was given.
        let outcome = own.map_or(Outcome::Refused(Refusal::Busy), |at| updates.remove(at).outcome);
        (outcome, updates)
    }

    fn join(&mut self, id: RecordId, origin: Origin) {
        if let Some(job) = self.pool.join(id, origin) {
            self.ready.join(job, origin);
        }
    }

    /// Everything about a record that needs no other record, cheapest first.
    fn read(&mut self, bytes: &[u8]) -> Result<WellFormed, Outcome> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(Outcome::Refused(EnvelopeError::TooLong { got: bytes.len() }.into()));
        }
        let id = RecordId::of(bytes);
        if self.set.kind_of(id).is_some() {
            return Err(Outcome::Known);
        }
        if self.pool.contains(id) {
            return Err(Outcome::Pending);
        }
        if let Some(reason) = self.refused.get(&id) {
            return Err(Outcome::Refused(Refusal::Again { reason: reason.clone() }));
        }
        let signed = Signed::open(bytes).map_err(|error| Outcome::Refused(error.into()))?;
        WellFormed::parse(&signed).map_err(|error| {
            let refusal = Refusal::from(error);
            self.remember(id, &refusal);
            Outcome::Refused(refusal)
        })
    }

    /// Tells what reading a blob showed (the caller has compared its bytes with the id) and judges the records that
    /// waited for it. Blobs that no known competition refers to are forgotten at once.
    pub fn blob_arrived(&mut self, role: BlobRole, blob: BlobId, facts: BlobFacts) -> Vec<Update> {
        let wanted = self.set.contests().flat_map(blobs_of).any(|w| (w.role, w.blob.id) == (role, blob));
        if !wanted {
            return Vec::new();
        }
        self.blobs.insert((role, blob), facts);
        let waiting = self.pool.take_waiting(Key::Blob(role, blob));
        self.work(waiting.into_iter().map(|(record, arrival)| Work { record, arrival, doom: None }).collect())
    }

    /// The next proof check to run: own ones first, then by turns among those who brought the records, oldest first.
    /// The caller decides how many run at once, and reports on every one: one that cannot be run as
    /// [`ProofError::NotChecked`], so that its record does not take up room for ever.
    pub fn next_job(&mut self) -> Option<ProofJob<M>> {
        self.ready.next(0).pop()
    }

    /// The next proof checks to run together: the one whose turn it is, and others under the same key, of all who
    /// brought some, until they have `proofs` proofs.
    pub fn next_jobs(&mut self, proofs: usize) -> Vec<ProofJob<M>> {
        self.ready.next(proofs)
    }

    /// The result of a proof check, with its duration in microseconds. The first update is about its record; none
    /// follow for a job that is not under way.
    pub fn proof_checked(
        &mut self,
        job: JobId,
        result: Result<Evidence<M>, ProofError>,
        micros: u64,
    ) -> Vec<Update> {
        let Some((admitted, received_at)) = self.pool.take_job(job) else { return Vec::new() };
        let record = admitted.record();
        let outcome = match self.keep_proved(admitted, result, received_at, micros) {
            Ok(displaced) => Outcome::Accepted { displaced },
            Err(refusal) => Outcome::Refused(refusal),
        };
        let mut queue = VecDeque::new();
        let mut updates = vec![self.settle(&record, outcome, &mut queue)];
        updates.extend(self.work(queue));
        updates
    }

    fn keep_proved(
        &mut self,
        admitted: Admitted<M>,
        result: Result<Evidence<M>, ProofError>,
        first_seen: u64,
        verify_us: u64,
    ) -> Result<Vec<RecordId>, Refusal> {
        let evidence = result?;
        let valid = match admitted {
            Admitted::Entry(entry) => Valid::Entry(entry.proved(evidence)?),
            Admitted::Submission(submission) => Valid::Submission(submission.proved(evidence)?),
        };
        Ok(self.set.insert(valid, first_seen, verify_us)?)
    }

    /// Gives up one record that waits, as if there were no room for it. One that is being checked stays.
    pub fn give_up(&mut self, id: RecordId) -> Vec<Update> {
        let record = self.pool.take_waiting_record(id);
        self.refuse_all(record.into_iter().collect())
    }

    /// Gives up the records that have waited for longer than `patience` seconds, except those in `keep`. `now` is the
    /// caller's time, seconds since 1970. To be called often: a record's patience begins with the first call that
    /// finds it waiting, so that records from a store get as much as others.
    pub fn give_up_late(&mut self, now: u64, patience: u64, keep: &BTreeSet<RecordId>) -> Vec<Update> {
        let late = self.pool.take_late(now, patience, keep);
        self.refuse_all(late)
    }

    fn refuse_all(&mut self, records: Vec<WellFormed>) -> Vec<Update> {
        let doom = Some(Refusal::Busy);
        let arrival = Arrival { at: 0, origins: Vec::new() };
        let work = |record| Work { record, arrival: arrival.clone(), doom: doom.clone() };
        self.work(records.into_iter().map(work).collect())
    }

    /// Judges records until none is left whose fate has changed.
    fn work(&mut self, mut queue: VecDeque<Work>) -> Vec<Update> {
        let mut updates = Vec::new();
        while let Some(Work { record, arrival, doom }) = queue.pop_front() {
            // An accusation brings records that may be here already.
            if self.set.kind_of(record.id()).is_some() {
                continue;
            }
            let outcome = match doom {
                Some(refusal) => Outcome::Refused(refusal),
                None => self.place(&record, arrival, &mut queue, &mut updates),
            };
            updates.push(self.settle(&record, outcome, &mut queue));
        }
        updates
    }

    fn place(
        &mut self,
        record: &WellFormed,
        arrival: Arrival,
        queue: &mut VecDeque<Work>,
        updates: &mut Vec<Update>,
    ) -> Outcome {
        // The records inside an accusation come by here however often they came before.
        if self.set.kind_of(record.id()).is_some() {
            return Outcome::Known;
        }
        match self.judge(record) {
            Judged::Refuse(refusal) => Outcome::Refused(refusal),
            Judged::Keep(valid) => {
                self.accuse(record, &arrival, queue);
                match self.set.insert(*valid, arrival.at, 0) {
                    Ok(displaced) => Outcome::Accepted { displaced },
                    Err(reason) => {
                        let refusal = Refusal::from(reason);
                        if record.kind() == Kind::Competition {
                            self.turn_away(record.id(), &refusal);
                        }
                        Outcome::Refused(refusal)
                    }
                }
            }
            Judged::Wait(needs) => {
                if !self.make_room(record, queue, updates) {
                    return Outcome::Refused(Refusal::Busy);
                }
                self.pool.wait(record.clone(), arrival, &needs);
                Outcome::Waiting { needs }
            }
            Judged::Check(admitted) => {
                if !self.make_room(record, queue, updates) {
                    return Outcome::Refused(Refusal::Busy);
                }
                let check = admitted.check();
                let id = self.pool.check(*admitted, arrival.at);
                self.ready.push(ProofJob { id, check }, arrival.origins);
                Outcome::Checking
            }
        }
    }

    /// Gives up the records that have waited longest, until there is room for one more.
    fn make_room(
        &mut self,
        record: &WellFormed,
        queue: &mut VecDeque<Work>,
        updates: &mut Vec<Update>,
    ) -> bool {
        while !self.pool.has_room(record.bytes().len()) {
            let Some(oldest) = self.pool.take_oldest_waiting() else { return false };
            updates.push(self.settle(&oldest, Outcome::Refused(Refusal::Busy), queue));
        }
        true
    }

    /// Makes an outcome known to the records that waited for this one.
    fn settle(&mut self, record: &WellFormed, outcome: Outcome, queue: &mut VecDeque<Work>) -> Update {
        let (id, kind, competition) = (record.id(), record.kind(), record.competition());
        let doom = match &outcome {
            Outcome::Accepted { .. } => None,
            Outcome::Refused(refusal) => {
                self.remember(id, refusal);
                Some(inherited(id, refusal))
            }
            Outcome::Known | Outcome::Pending | Outcome::Checking | Outcome::Waiting { .. } => {
                return Update { id, kind, competition, outcome };
            }
        };
        let waiting = self.pool.take_waiting(Key::Record(id));
        let work = |(record, arrival)| Work { record, arrival, doom: doom.clone() };
        queue.extend(waiting.into_iter().map(work));
        Update { id, kind, competition, outcome }
    }

    /// The two records of a proof of misbehaviour are records too: whoever has seen only one gets the other so, even
    /// where another accusation is kept.
    fn accuse(&self, record: &WellFormed, arrival: &Arrival, queue: &mut VecDeque<Work>) {
        let WellFormed::Misbehaviour(_, pair) = record else { return };
        let new =
            |signed: &&Signed| self.set.kind_of(signed.id()).is_none() && !self.pool.contains(signed.id());
        let records = pair.records.iter().filter(new).filter_map(|signed| WellFormed::parse(signed).ok());
        queue.extend(records.map(|record| Work { record, arrival: arrival.clone(), doom: None }));
    }

    fn turn_away(&mut self, competition: RecordId, refusal: &Refusal) {
        if self.turned_away.iter().any(|(id, _)| *id == competition) {
            return;
        }
        if self.turned_away.len() >= MAX_TURNED_AWAY {
            self.turned_away.pop_front();
        }
        self.turned_away.push_back((competition, refusal.clone()));
    }

    /// Only what is provably bad: everything else may be judged otherwise another time.
    fn remember(&mut self, id: RecordId, refusal: &Refusal) {
        if refusal.verdict() != Verdict::Reject {
            return;
        }
        if self.refused.insert(id, refusal.to_string()).is_none() {
            self.refused_order.push_back(id);
        }
        while self.refused_order.len() > MAX_REFUSED {
            if let Some(oldest) = self.refused_order.pop_front() {
                self.refused.remove(&oldest);
            }
        }
    }
}

/// What the refusal of a record means for those that refer to it. Where it is no judgement on the record, it is none
/// on them either: they may come again.
fn inherited(on: RecordId, refusal: &Refusal) -> Refusal {
    match refusal {
        Refusal::Full { .. } => refusal.clone(),
        Refusal::Busy | Refusal::Proof(ProofError::NotChecked { .. }) => Refusal::Busy,
        _ => Refusal::Context(ContextError::Orphan { on }),
    }
}

impl<M> State<M> {
    /// What has been checked and kept.
    pub fn set(&self) -> &RecordSet<M> {
        &self.set
    }

    /// How many records wait, or have their proofs checked: of one competition, or of all.
    pub fn pending(&self, competition: Option<RecordId>) -> usize {
        self.pool.count(competition)
    }

    /// Bytes of such records.
    #[cfg(test)]
    pub(crate) fn pending_bytes(&self) -> usize {
        self.pool.bytes()
    }

    /// Whether a record waits for something, or has its proofs checked.
    pub fn is_pending(&self, id: RecordId) -> bool {
        self.pool.contains(id)
    }

    /// Whether a record waits for other records or for blobs.
    pub fn is_waiting(&self, id: RecordId) -> bool {
        self.pool.is_waiting(id)
    }

    /// Proof checks that wait to be run.
    pub fn jobs_ready(&self) -> usize {
        self.ready.len()
    }

    /// Those that somebody brought.
    pub fn jobs_of(&self, origin: Origin) -> usize {
        self.ready.len_of(origin)
    }

    /// Records that others refer to and that are neither kept nor on their way.
    pub fn wanted_records(&self) -> BTreeSet<RecordId> {
        self.pool.wanted_records().filter(|id| !self.pool.contains(*id)).collect()
    }

    /// Entries on a kept roster that are not here: at most `limit` of one competition.
    pub fn missing_on_rosters(&self, competition: RecordId, limit: usize) -> Vec<RecordId> {
        let Some(contest) = self.set.contest(competition) else { return Vec::new() };
        let listed = contest.reveals().iter().flat_map(|reveal| &reveal.item.body().roster);
        listed.filter(|id| self.set.kind_of(**id).is_none()).take(limit).copied().collect()
    }

    /// Blobs that verification needs and that have not been read yet, of all competitions.
    pub fn wanted_blobs(&self) -> BTreeSet<WantedBlob> {
        self.set.contests().flat_map(blobs_of).filter(|wanted| self.is_unread(wanted)).collect()
    }

    /// The same of one competition.
    pub fn wanted_blobs_of(&self, competition: RecordId) -> BTreeSet<WantedBlob> {
        let contest = self.set.contest(competition).into_iter();
        contest.flat_map(blobs_of).filter(|wanted| self.is_unread(wanted)).collect()
    }

    fn is_unread(&self, wanted: &WantedBlob) -> bool {
        !self.blobs.contains_key(&(wanted.role, wanted.blob.id))
    }

    /// What is wrong with the blobs that a competition's host chose, as far as they are here.
    pub fn defects(&self, competition: RecordId) -> Vec<Defect> {
        let Some(contest) = self.set.contest(competition) else { return Vec::new() };
        let body = contest.competition().item.body();
        let scorings = scorings(contest);
        let test_set = scorings.iter().find_map(|scoring| self.test_set_defect(competition, body, scoring));
        let keys = body.size_classes.iter().filter_map(|class| self.key_defect(competition, class));
        test_set.into_iter().chain(keys).collect()
    }
}

/// What scores are about: nothing before a reveal, and the same twice after two.
fn scorings<M>(contest: &Contest<M>) -> Vec<Scoring> {
    match contest.competition().item.body().open_scoring() {
        Some(scoring) => vec![scoring],
        None => contest.reveals().iter().map(|reveal| scoring_of(&reveal.item)).collect(),
    }
}

/// The blobs that verifying records of a competition takes.
fn blobs_of<M>(contest: &Contest<M>) -> impl Iterator<Item = WantedBlob> {
    let competition = contest.id();
    let body = contest.competition().item.body();
    let test_set = contest.test_set().into_iter().map(move |blob| WantedBlob {
        competition,
        role: BlobRole::TestSet,
        blob,
    });
    let key = move |class: &crate::AdmittedClass| WantedBlob {
        competition,
        role: BlobRole::VerifyingKey,
        blob: class.verifying_key,
    };
    test_set.chain(body.size_classes.iter().map(key))
}
