//! A record from its arrival to its verdict.

use super::{Daemon, Done};
use crate::ledger::now;
use crate::limits;
use crate::store::StoreError;
use api::{Body, ErrorKind, Event};
use circuits::groth16::VerifiedModel;
use libp2p::PeerId;
use libp2p::gossipsub::{MessageAcceptance, MessageId};
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
    pub(super) unwritten: Vec<RecordId>,
    pub(super) in_write: HashSet<RecordId>,
    /// Kept, but the disk failed: tried again with the next sweep.
    pub(super) unwritable: Vec<RecordId>,
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
    pub(super) fn is_unwritten(&self, id: &RecordId) -> bool {
        self.in_write.contains(id) || self.unwritten.contains(id) || self.unwritable.contains(id)
    }

    /// Whether own records find no place in the outbox.
    pub(super) fn outbox_is_full(&self) -> bool {
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

    pub(super) fn take_waiters(&mut self, id: &RecordId) -> Vec<Source> {
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
    pub(super) fn answer(&mut self, id: RecordId, sources: Vec<Source>, outcome: &Outcome) {
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

    pub(super) fn report(&mut self, message: &MessageId, peer: PeerId, verdict: Verdict) {
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
