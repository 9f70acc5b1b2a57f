//! A record from its arrival to its verdict.

use super::{Daemon, Done};
use crate::ledger::now;
use crate::store::{Store, StoreError, StoredRecord};
use crate::{limits, net};
use api::{Body, ErrorKind, Event};
use circuits::groth16::VerifiedModel;
use libp2p::PeerId;
use libp2p::gossipsub::{MessageAcceptance, MessageId, PublishError};
use protocol::{Evidence, JobId, Kind, Need, Outcome, ProofError, RecordId, Refusal, Update, Verdict};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Gossip and clients are told "not now" when a record could not be judged for so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a record came from, and who waits for its verdict.
pub(super) enum Source {
    Gossip { peer: PeerId, message: MessageId },
    Peer { peer: PeerId },
    Client { answer: oneshot::Sender<Body> },
}

impl Source {
    fn peer(&self) -> Option<PeerId> {
        match self {
            Self::Gossip { peer, .. } | Self::Peer { peer } => Some(*peer),
            Self::Client { .. } => None,
        }
    }
}

struct Waiter {
    source: Source,
    since: Instant,
}

/// Records on their way through this node.
pub(super) struct Records {
    waiters: HashMap<RecordId, Vec<Waiter>>,
    waiting: usize,
    checking: usize,
    /// Kept, but not flushed yet.
    unwritten: Vec<RecordId>,
    in_write: HashSet<RecordId>,
    /// Kept, but the disk failed: tried again with the next sweep.
    unwritable: Vec<RecordId>,
    pub(super) outbox: BTreeSet<RecordId>,
    /// Refused for good: not fetched again.
    refused: HashSet<RecordId>,
    refused_order: VecDeque<RecordId>,
}

impl Records {
    pub(super) fn new(outbox: BTreeSet<RecordId>) -> Self {
        Self {
            waiters: HashMap::new(),
            waiting: 0,
            checking: 0,
            unwritten: Vec::new(),
            in_write: HashSet::new(),
            unwritable: Vec::new(),
            outbox,
            refused: HashSet::new(),
            refused_order: VecDeque::new(),
        }
    }

    /// Whether a record is kept that has not been flushed yet: it must not be acknowledged.
    fn is_unwritten(&self, id: &RecordId) -> bool {
        self.in_write.contains(id) || self.unwritten.contains(id) || self.unwritable.contains(id)
    }

    /// Whether own records find no place in the outbox.
    fn outbox_is_full(&self) -> bool {
        self.outbox.len() + self.unwritten.len() + self.in_write.len() + self.unwritable.len()
            >= limits::OUTBOX
    }

    /// Whether it would be of no use to fetch this record.
    pub(super) fn is_settled(&self, id: &RecordId) -> bool {
        self.refused.contains(id) || self.waiters.contains_key(id)
    }

    fn push(&mut self, id: RecordId, source: Source) {
        self.waiting += 1;
        self.waiters.entry(id).or_default().push(Waiter { source, since: Instant::now() });
    }

    fn take(&mut self, id: &RecordId) -> Vec<Source> {
        let waiters = self.waiters.remove(id).unwrap_or_default();
        self.waiting -= waiters.len();
        waiters.into_iter().map(|waiter| waiter.source).collect()
    }

    fn remember_refused(&mut self, id: RecordId) {
        if self.refused.insert(id) {
            self.refused_order.push_back(id);
        }
        if self.refused_order.len() > limits::MAX_REFUSED
            && let Some(oldest) = self.refused_order.pop_front()
        {
            self.refused.remove(&oldest);
        }
    }
}

impl Daemon {
    pub(super) fn on_gossip(&mut self, peer: PeerId, message: MessageId, bytes: &[u8]) {
        self.ingest(bytes, Source::Gossip { peer, message });
    }

    /// Takes a record's bytes from anywhere. Every way out of here, now or later, answers the source.
    pub(super) fn ingest(&mut self, bytes: &[u8], source: Source) {
        let busy = match source.peer().and_then(|peer| self.peers.get(&peer)) {
            Some(peer) => peer.in_flight >= limits::VERIFY_PER_PEER,
            None => false,
        };
        let id = RecordId::of(bytes);
        // A catch-up asks for no more than there is room for; gossip and clients are turned away.
        let full = self.records.waiting >= limits::VERIFY_QUEUE;
        if (busy || full) && !matches!(source, Source::Peer { .. }) {
            return self.answer(id, vec![source], &Outcome::Refused(Refusal::Busy));
        }
        if self.records.outbox_is_full()
            && let Source::Client { answer } = source
        {
            let message = StoreError::OutboxFull { expected: limits::OUTBOX }.to_string();
            let _ = answer.send(Body::Error { kind: ErrorKind::Busy, message }); // the client may have gone
            return;
        }
        let (outcome, updates) = self.ledger.state_mut().apply(bytes, now());
        let unwritten = self.records.is_unwritten(&id);
        match &outcome {
            Outcome::Known if !unwritten => self.answer(id, vec![source], &outcome),
            Outcome::Refused(_) => {
                self.wait_for(id, source);
                self.settle(id, outcome);
            }
            Outcome::Waiting { needs } => {
                let records_missing = needs.iter().any(|need| matches!(need, Need::Record(_)));
                if records_missing && let Some(peer) = source.peer() {
                    self.start_sync(peer);
                }
                self.wait_for(id, source);
            }
            Outcome::Known | Outcome::Pending | Outcome::Checking => self.wait_for(id, source),
            Outcome::Accepted { .. } => {
                self.wait_for(id, source);
                self.settle(id, outcome);
            }
        }
        self.on_updates(updates);
    }

    fn wait_for(&mut self, id: RecordId, source: Source) {
        if let Some(peer) = source.peer().and_then(|peer| self.peers.get_mut(&peer)) {
            peer.in_flight += 1;
        }
        self.records.push(id, source);
    }

    fn take_waiters(&mut self, id: &RecordId) -> Vec<Source> {
        let sources = self.records.take(id);
        for peer in sources.iter().filter_map(Source::peer) {
            if let Some(peer) = self.peers.get_mut(&peer) {
                peer.in_flight = peer.in_flight.saturating_sub(1);
            }
        }
        sources
    }

    pub(super) fn on_updates(&mut self, updates: Vec<Update>) {
        for update in updates {
            self.settle(update.id, update.outcome);
        }
    }

    /// A record is accepted or refused: it is written, or whoever waits is told.
    fn settle(&mut self, id: RecordId, outcome: Outcome) {
        match outcome {
            Outcome::Accepted { displaced } => {
                if let Some((Kind::Competition, _)) = self.ledger.state().set().kind_of(id) {
                    self.pump_blobs();
                }
                self.records.unwritten.push(id);
                self.displace(displaced);
            }
            Outcome::Refused(refusal) => {
                if !matches!(
                    refusal,
                    Refusal::Busy | Refusal::Full { .. } | Refusal::Proof(ProofError::NotChecked { .. })
                ) {
                    self.records.remember_refused(id);
                }
                let sources = self.take_waiters(&id);
                self.answer(id, sources, &Outcome::Refused(refusal));
            }
            Outcome::Known | Outcome::Pending | Outcome::Checking | Outcome::Waiting { .. } => {}
        }
    }

    fn displace(&mut self, displaced: Vec<RecordId>) {
        if displaced.is_empty() {
            return;
        }
        self.ledger.forget(&displaced);
        for id in &displaced {
            self.records.outbox.remove(id);
            self.records.remember_refused(*id);
        }
        let store = Arc::clone(self.ledger.store());
        let ids: Vec<_> = displaced.iter().map(|id| *id.as_bytes()).collect();
        self.tasks.spawn_blocking(move || Done::Tidied(store.remove(&ids)));
    }

    /// Tells sources what has become of their record. Not for accepted ones: see [`Daemon::on_written`].
    fn answer(&mut self, id: RecordId, sources: Vec<Source>, outcome: &Outcome) {
        let verdict = outcome.verdict().unwrap_or(Verdict::Ignore);
        for source in sources {
            if verdict == Verdict::Reject {
                let from = source.peer().map_or_else(String::new, |peer| peer.to_string());
                let reason = reason(outcome);
                tracing::info!(record = %id.short(), %from, %reason, "refused");
                self.tell(Event::RecordRefused { from, reason });
            }
            match source {
                Source::Gossip { peer, message } => {
                    self.report(&message, peer, verdict);
                    if verdict == Verdict::Reject {
                        self.blame(peer);
                    }
                }
                Source::Peer { peer } if verdict == Verdict::Reject => self.blame(peer),
                Source::Peer { .. } => {}
                Source::Client { answer } => {
                    let _ = answer.send(client_answer(id, outcome)); // the client may have gone
                }
            }
        }
    }

    fn report(&mut self, message: &MessageId, peer: PeerId, verdict: Verdict) {
        let acceptance = match verdict {
            Verdict::Accept => MessageAcceptance::Accept,
            Verdict::Ignore => MessageAcceptance::Ignore,
            Verdict::Reject => MessageAcceptance::Reject,
        };
        // False if the message has left gossipsub's window: then it is simply not forwarded.
        let _ =
            self.swarm.behaviour_mut().gossip.report_message_validation_result(message, &peer, acceptance);
    }

    /// Hands out proof checks while there are workers for them.
    pub(super) fn pump_jobs(&mut self) {
        while self.records.checking < limits::VERIFY_WORKERS {
            let Some(job) = self.ledger.state_mut().next_job() else { return };
            self.records.checking += 1;
            let materials = Arc::clone(self.ledger.materials());
            self.tasks.spawn_blocking(move || {
                let run = catch_unwind(AssertUnwindSafe(|| materials.run(&job.check)));
                let (result, micros) = run.unwrap_or_else(|_| {
                    let reason = "the check failed in an unforeseen way".to_owned();
                    (Err(ProofError::NotChecked { reason }), 0)
                });
                Done::Checked { job: job.id, result, micros }
            });
        }
    }

    pub(super) fn on_checked(
        &mut self,
        job: JobId,
        result: Result<Evidence<VerifiedModel>, ProofError>,
        micros: u64,
    ) {
        self.records.checking -= 1;
        let updates = self.ledger.state_mut().proof_checked(job, result, micros);
        self.on_updates(updates);
    }

    /// Writes what has been accepted, all that has come together in one go.
    pub(super) fn pump_writes(&mut self) {
        if !self.records.in_write.is_empty() || self.records.unwritten.is_empty() {
            return;
        }
        let ids = std::mem::take(&mut self.records.unwritten);
        let records: Vec<StoredRecord> = ids.iter().filter_map(|id| self.ledger.stored(*id)).collect();
        self.records.in_write = ids.into_iter().collect();
        let store = Arc::clone(self.ledger.store());
        self.tasks.spawn_blocking(move || Done::Written(write(store.as_ref(), records)));
    }

    /// Records are durable, or the disk has failed: those who wait are told.
    pub(super) fn on_written(&mut self, written: Vec<(StoredRecord, Result<(), StoreError>)>) {
        let mut waiting = std::mem::take(&mut self.records.in_write);
        for (record, result) in written {
            let id = RecordId::new(record.id);
            waiting.remove(&id);
            let sources = self.take_waiters(&id);
            match result {
                Ok(()) => {
                    self.ledger.written(std::slice::from_ref(&record));
                    self.acknowledge(id, &record, sources);
                }
                Err(error) => {
                    self.records.unwritable.push(id);
                    self.not_written(sources, &error);
                }
            }
        }
        // Displaced before they were written: nobody shall wait for them.
        for id in waiting {
            let sources = self.take_waiters(&id);
            self.answer(id, sources, &Outcome::Refused(Refusal::Busy));
        }
    }

    fn acknowledge(&mut self, id: RecordId, record: &StoredRecord, sources: Vec<Source>) {
        if record.in_outbox {
            self.records.outbox.insert(id);
        }
        let mut publish = record.in_outbox;
        for source in sources {
            match source {
                Source::Gossip { peer, message } => self.report(&message, peer, Verdict::Accept),
                Source::Peer { .. } => {}
                Source::Client { answer } => {
                    publish = true;
                    let _ = answer.send(Body::Published { id: id.to_string(), new: true });
                }
            }
        }
        if publish {
            self.publish(id, record.bytes.clone());
        }
        if let Some((kind, competition)) = self.ledger.state().set().kind_of(id) {
            let (summary, verify_us) = (self.describe(id, kind, competition), record.verify_us);
            let (kind, id, competition) = (kind.to_string(), id.to_string(), competition.to_string());
            self.tell(Event::RecordAccepted { kind, id, competition, summary, verify_us });
        }
    }

    fn not_written(&mut self, sources: Vec<Source>, error: &StoreError) {
        tracing::error!(%error, "a record was not written");
        for source in sources {
            match source {
                Source::Gossip { peer, message } => self.report(&message, peer, Verdict::Ignore),
                Source::Peer { .. } => {}
                Source::Client { answer } => {
                    let body = Body::Error { kind: ErrorKind::Internal, message: error.to_string() };
                    let _ = answer.send(body);
                }
            }
        }
    }

    /// One line for people.
    fn describe(&self, id: RecordId, kind: Kind, competition: RecordId) -> String {
        let Some(contest) = self.ledger.state().set().contest(competition) else { return String::new() };
        let rules = contest.competition().item.body();
        let name = |entry| contest.entry(entry).map_or("?", |kept| &kept.item.record().body().display_name);
        match kind {
            Kind::Competition => format!("competition {:?}", rules.title),
            Kind::Entry => format!("{:?} entered {:?}", name(id), rules.title),
            Kind::Submission => match contest.submission(id).map(|kept| kept.item.record().body()) {
                Some(body) => {
                    format!(
                        "{:?} proved {} of {} in {:?}",
                        name(body.entry),
                        body.correct(),
                        rules.rows,
                        rules.title
                    )
                }
                None => String::new(),
            },
        }
    }

    fn publish(&mut self, id: RecordId, bytes: Vec<u8>) {
        match self.swarm.behaviour_mut().gossip.publish(net::topic(), bytes) {
            Ok(_) | Err(PublishError::Duplicate) => {}
            Err(error) => tracing::debug!(record = %id.short(), %error, "not published yet"),
        }
    }

    /// Offers what waits in the outbox again. It leaves the outbox when a peer is seen to have it.
    pub(super) fn offer_outbox(&mut self) {
        if self.peers.is_empty() || self.records.outbox.is_empty() {
            return;
        }
        let ids: Vec<RecordId> =
            self.records.outbox.iter().take(limits::RECORDS_PER_REQUEST).copied().collect();
        for id in ids {
            match self.ledger.stored(id) {
                Some(record) => self.publish(id, record.bytes),
                // It cannot be kept without its blobs at the moment, or was displaced.
                None => tracing::debug!(record = %id.short(), "in the outbox but not kept"),
            }
        }
    }

    /// A peer has these records: the outbox need not offer them any longer.
    pub(super) fn peer_has(&mut self, ids: &[RecordId]) {
        let had: Vec<_> =
            ids.iter().filter(|id| self.records.outbox.remove(id)).map(|id| *id.as_bytes()).collect();
        if !had.is_empty() {
            let store = Arc::clone(self.ledger.store());
            self.tasks.spawn_blocking(move || Done::Tidied(store.outbox_remove(&had)));
        }
    }

    /// Those who have waited too long are told "not now".
    pub(super) fn sweep_sources(&mut self) {
        let again = std::mem::take(&mut self.records.unwritable);
        self.records.unwritten.extend(again);
        let late: Vec<RecordId> = self
            .records
            .waiters
            .iter()
            .filter(|(_, waiters)| waiters.iter().any(|waiter| waiter.since.elapsed() > PATIENCE))
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            let sources = self.take_waiters(&id);
            self.answer(id, sources, &Outcome::Pending);
        }
    }
}

/// All records at once; if that fails, each by itself, so that one that cannot be written holds up no other.
fn write(store: &dyn Store, records: Vec<StoredRecord>) -> Vec<(StoredRecord, Result<(), StoreError>)> {
    let put = |records: &[StoredRecord]| {
        // sled panics where it has lost hope in its files: an error like any other, to be survived.
        catch_unwind(AssertUnwindSafe(|| store.put(records).map(|_| ())))
            .unwrap_or_else(|_| Err(std::io::Error::other("the database gave up on writing").into()))
    };
    if put(&records).is_ok() {
        return records.into_iter().map(|record| (record, Ok(()))).collect();
    }
    let alone = |record: StoredRecord| {
        let result = put(std::slice::from_ref(&record));
        (record, result)
    };
    records.into_iter().map(alone).collect()
}

fn reason(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused(refusal) => refusal.to_string(),
        _ => "it cannot be judged yet".to_owned(),
    }
}

fn client_answer(id: RecordId, outcome: &Outcome) -> Body {
    match outcome {
        Outcome::Known | Outcome::Accepted { .. } => Body::Published { id: id.to_string(), new: false },
        Outcome::Refused(refusal @ (Refusal::Busy | Refusal::Full { .. })) => {
            Body::Error { kind: ErrorKind::Busy, message: refusal.to_string() }
        }
        Outcome::Refused(refusal) => Body::Error { kind: ErrorKind::Refused, message: refusal.to_string() },
        Outcome::Pending | Outcome::Checking | Outcome::Waiting { .. } => Body::Error {
            kind: ErrorKind::Busy,
            message: "the record cannot be judged yet: records or files that it refers to are missing here"
                .into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn one_record_that_cannot_be_written_holds_up_no_other() {
        let record = |id: u8, len: usize| StoredRecord {
            id: [id; 32],
            competition: [0; 32],
            first_seen: 1,
            verify_us: 0,
            in_outbox: false,
            bytes: vec![id; len],
        };
        let store = MemoryStore::new();
        let records = vec![record(1, 10), record(2, limits::RECORD_MAX_BYTES + 1), record(3, 10)];
        let written = write(&store, records);
        let ok: Vec<bool> = written.iter().map(|(_, result)| result.is_ok()).collect();
        assert_eq!(ok, [true, false, true]);
        assert_eq!(store.len(), 2);
    }

    #[test]
    fn a_full_outbox_is_noticed_before_anything_is_kept() {
        let id = |n: usize| RecordId::of(&n.to_be_bytes());
        let mut records = Records::new((1..limits::OUTBOX).map(id).collect());
        assert!(!records.outbox_is_full());
        records.unwritten.push(id(0));
        assert!(records.outbox_is_full());
        assert!(records.is_unwritten(&id(0)) && !records.is_unwritten(&id(1)));
    }
}
