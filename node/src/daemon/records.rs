//! A record from its arrival to its verdict.

use super::peers::Offence;
use super::{Daemon, Done};
use crate::ledger::now;
use crate::limits;
use crate::materials::Checked;
use crate::store::StoreError;
use api::{Body, ErrorKind, Event};
use libp2p::PeerId;
use libp2p::gossipsub::{MessageAcceptance, MessageId};
use protocol::{
    Body as RecordBody, JobId, Kind, Misbehaviour, Need, Origin, Outcome, ProofError, ProofJob, RecordId,
    Refusal, Signed, Update, Verdict,
};
use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

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
    /// Whether its record takes up room among those that are being verified.
    counted: bool,
}

/// Records on their way through this node.
pub(super) struct Records {
    waiters: HashMap<RecordId, Vec<Waiter>>,
    /// Waiters that count: those for records that only wait for something take up nobody's turn.
    waiting: usize,
    checking: usize,
    /// Numbers peers for the core; no stranger can foresee whose would be the same.
    numbers: RandomState,
    /// Which peer brought the records that wait for other records or blobs.
    brought: HashMap<RecordId, PeerId>,
    /// Displaced, but still in the store.
    displaced: Vec<RecordId>,
    /// When the blobs of new competitions were last looked for.
    blobs_pumped: Option<Instant>,
    /// Kept, but not flushed yet.
    pub(super) unwritten: Vec<RecordId>,
    pub(super) in_write: HashSet<RecordId>,
    /// Kept, but the disk failed: tried again with the next sweep.
    pub(super) unwritable: Vec<RecordId>,
    /// Kept, but not to be forwarded: see [`Outcome::verdict`].
    pub(super) quiet: HashSet<RecordId>,
    pub(super) outbox: BTreeSet<RecordId>,
    /// Refused for good, or because this node is full of such records: not fetched again.
    refused: HashSet<RecordId>,
    refused_order: VecDeque<RecordId>,
}

impl Records {
    pub(super) fn new(outbox: BTreeSet<RecordId>) -> Self {
        Self {
            waiters: HashMap::new(),
            waiting: 0,
            checking: 0,
            numbers: RandomState::new(),
            brought: HashMap::new(),
            displaced: Vec::new(),
            blobs_pumped: None,
            unwritten: Vec::new(),
            in_write: HashSet::new(),
            unwritable: Vec::new(),
            quiet: HashSet::new(),
            outbox,
            refused: HashSet::new(),
            refused_order: VecDeque::new(),
        }
    }

    /// A peer as the core knows it.
    pub(super) fn origin_of(&self, peer: PeerId) -> Origin {
        Origin::peer(self.numbers.hash_one(peer))
    }

    /// Whether gossip of a peer that has so many records on their way is judged now.
    fn has_place(&self, in_flight: usize) -> bool {
        in_flight < limits::VERIFY_RESERVED
            || (in_flight < limits::VERIFY_PER_PEER && self.waiting < limits::VERIFY_QUEUE)
    }

    /// Whether a record is kept that has not been flushed yet: it must not be acknowledged.
    pub(super) fn is_unwritten(&self, id: &RecordId) -> bool {
        self.in_write.contains(id) || self.unwritten.contains(id) || self.unwritable.contains(id)
    }

    /// Batches whose proofs are being checked.
    pub(super) fn checking(&self) -> usize {
        self.checking
    }

    /// Records that are kept and not flushed yet.
    pub(super) fn writing(&self) -> usize {
        self.unwritten.len() + self.in_write.len() + self.unwritable.len()
    }

    /// Whether own records find no place in the outbox.
    pub(super) fn outbox_is_full(&self) -> bool {
        self.outbox.len() + self.writing() >= limits::OUTBOX
    }

    /// Whether it would be of no use to fetch this record.
    pub(super) fn is_settled(&self, id: &RecordId) -> bool {
        self.refused.contains(id) || self.waiters.contains_key(id)
    }

    /// How many records of a peer wait for other records or blobs.
    pub(super) fn brought_by(&self, peer: PeerId) -> usize {
        self.brought.values().filter(|by| **by == peer).count()
    }

    fn push(&mut self, id: RecordId, source: Source, counted: bool) {
        self.waiting += usize::from(counted);
        self.waiters.entry(id).or_default().push(Waiter { source, since: Instant::now(), counted });
    }

    fn take(&mut self, id: &RecordId) -> Vec<Source> {
        let waiters = self.waiters.remove(id).unwrap_or_default();
        self.waiting -= waiters.iter().filter(|waiter| waiter.counted).count();
        waiters.into_iter().map(|waiter| waiter.source).collect()
    }

    /// These may be kept now. If one was refused, what refers to it may have been refused with it, and nobody knows
    /// any more what that was.
    fn reconsider(&mut self, ids: &[RecordId]) {
        if ids.iter().any(|id| self.refused.contains(id)) {
            self.refused.clear();
            self.refused_order.clear();
        }
    }

    fn remember_refused(&mut self, id: RecordId) {
        if self.refused.insert(id) {
            self.refused_order.push_back(id);
        }
        if self.refused_order.len() > limits::REFUSED_REMEMBERED
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
        let id = RecordId::of(bytes);
        // A catch-up asks for no more than there is room for, and clients have a bound of their own.
        if let Source::Gossip { peer, .. } = &source
            && !self.records.has_place(self.peers.get(peer).map_or(0, |peer| peer.in_flight))
        {
            self.metrics.refused(&Refusal::Busy);
            return self.answer(id, vec![source], &Outcome::Refused(Refusal::Busy));
        }
        if self.records.outbox_is_full()
            && let Source::Client { answer } = source
        {
            let message = StoreError::OutboxFull { expected: limits::OUTBOX }.to_string();
            let _ = answer.send(Body::Error { kind: ErrorKind::Busy, message }); // the client may have gone
            return;
        }
        if let Some(no_space) = self.disk.no_space()
            && self.ledger.state().set().kind_of(id).is_none()
        {
            let message = no_space.to_string();
            return match source {
                Source::Client { answer } => {
                    let _ = answer.send(Body::Error { kind: ErrorKind::Busy, message }); // the client may have gone
                }
                source => self.answer(id, vec![source], &Outcome::Refused(Refusal::Busy)),
            };
        }
        let origin = source.peer().map_or(Origin::OWN, |peer| self.records.origin_of(peer));
        let (outcome, updates) = self.ledger.state_mut().apply_from(origin, bytes, now());
        let unwritten = self.records.is_unwritten(&id);
        match &outcome {
            Outcome::Known if !unwritten => self.answer(id, vec![source], &outcome),
            Outcome::Refused(_) => {
                self.wait_for(id, source);
                self.settle(id, outcome);
            }
            Outcome::Waiting { needs } => {
                let records_missing = needs.iter().any(|need| matches!(need, Need::Record(_)));
                let peer = source.peer();
                self.wait_for(id, source);
                if let Some(peer) = peer {
                    self.note_waiting(id, peer);
                    if records_missing {
                        self.start_sync(peer);
                    }
                }
            }
            Outcome::Known | Outcome::Pending | Outcome::Checking => self.wait_for(id, source),
            Outcome::Accepted { .. } => {
                self.wait_for(id, source);
                self.settle(id, outcome);
            }
        }
        self.on_updates(updates);
    }

    /// A peer's record waits: too many of them are given up, so that one peer cannot fill the place of all.
    fn note_waiting(&mut self, id: RecordId, peer: PeerId) {
        if self.records.brought_by(peer) < limits::WAITING_PER_PEER {
            self.records.brought.insert(id, peer);
        } else {
            let updates = self.ledger.state_mut().give_up(id);
            self.on_updates(updates);
        }
    }

    fn wait_for(&mut self, id: RecordId, source: Source) {
        if let Some(peer) = source.peer().and_then(|peer| self.peers.get_mut(&peer)) {
            peer.in_flight += 1;
        }
        let counted = !self.ledger.state().is_waiting(id);
        self.records.push(id, source, counted);
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
        if !matches!(outcome, Outcome::Waiting { .. }) {
            self.records.brought.remove(&id);
        }
        let quiet = outcome.verdict() == Some(Verdict::Ignore);
        match outcome {
            Outcome::Accepted { displaced } => {
                if quiet {
                    self.records.quiet.insert(id);
                }
                if let Some((kind, competition)) = self.ledger.state().set().kind_of(id) {
                    self.metrics.accepted(kind);
                    self.ledger.accepted(id, competition);
                    self.on_accepted(kind, competition);
                }
                self.records.unwritten.push(id);
                self.displace(displaced);
            }
            Outcome::Refused(refusal) => {
                self.metrics.refused(&refusal);
                if !matches!(refusal, Refusal::Busy | Refusal::Proof(ProofError::NotChecked { .. })) {
                    self.records.remember_refused(id);
                }
                let sources = self.take_waiters(&id);
                self.answer(id, sources, &Outcome::Refused(refusal));
            }
            Outcome::Known | Outcome::Pending | Outcome::Checking | Outcome::Waiting { .. } => {}
        }
    }

    fn on_accepted(&mut self, kind: Kind, competition: RecordId) {
        match kind {
            Kind::Competition => self.look_for_blobs(),
            Kind::Reveal => {
                self.look_for_blobs();
                // Entries on its roster have a place now, though they were perhaps beyond the cap before.
                let missing = self.ledger.state().missing_on_rosters(competition, usize::MAX);
                self.records.reconsider(&missing);
                self.accuse(kind, competition);
            }
            Kind::Close => self.accuse(kind, competition),
            Kind::Entry | Kind::Withdrawal | Kind::Submission | Kind::Misbehaviour => {}
        }
    }

    /// Two records of which a host may sign one: whoever sees both says so, unless somebody has said it.
    fn accuse(&mut self, kind: Kind, competition: RecordId) {
        let Some(contest) = self.ledger.state().set().contest(competition) else { return };
        let bytes: Vec<_> = match kind {
            Kind::Reveal => contest.reveals().iter().map(|kept| Arc::clone(kept.item.bytes())).collect(),
            _ => contest.closes().iter().map(|kept| Arc::clone(kept.item.bytes())).collect(),
        };
        let ([a, b], None) = (&bytes[..], contest.misbehaviour(kind)) else { return };
        let (Ok(a), Ok(b)) = (Signed::open(a), Signed::open(b)) else { return };
        let body = RecordBody::Misbehaviour(Misbehaviour::of(competition, &a, &b));
        match protocol::sign(&self.keypair, &body) {
            Ok(signed) => {
                let (answer, _nobody) = oneshot::channel();
                self.ingest(signed.bytes(), Source::Client { answer });
            }
            Err(error) => tracing::warn!(%error, "a proof of misbehaviour was not signed"),
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
        self.records.displaced.extend(displaced);
    }

    /// Removes displaced records from the store, when nothing is being written: one of them might be just that. A
    /// removal that is lost in a crash is made up for when the store is next read.
    fn pump_displaced(&mut self) {
        if self.records.displaced.is_empty() || !self.records.in_write.is_empty() {
            return;
        }
        let ids = std::mem::take(&mut self.records.displaced);
        for id in &ids {
            // Acknowledged while it was on its way to the disk.
            self.records.outbox.remove(id);
        }
        let store = Arc::clone(self.ledger.store());
        let ids: Vec<_> = ids.iter().map(|id| *id.as_bytes()).collect();
        self.tasks.spawn_blocking(move || Done::Tidied(store.remove(&ids)));
    }

    /// Looks for the blobs of new competitions: not for each one of many, as that looks through all competitions.
    /// What is left out is found by the next sweep.
    fn look_for_blobs(&mut self) {
        if self.records.blobs_pumped.is_none_or(|last| last.elapsed() > limits::BLOBS_PAUSE) {
            self.records.blobs_pumped = Some(Instant::now());
            self.pump_blobs();
        }
    }

    /// Tells sources what has become of their record. Not for accepted ones: see [`Daemon::on_written`].
    pub(super) fn answer(&mut self, id: RecordId, sources: Vec<Source>, outcome: &Outcome) {
        let verdict = outcome.verdict().unwrap_or(Verdict::Ignore);
        let reason = (verdict == Verdict::Reject).then(|| reason(outcome));
        for source in sources {
            let peer = source.peer();
            if let Some(reason) = &reason {
                let from = peer.map_or_else(String::new, |peer| peer.to_string());
                tracing::info!(record = %id.short(), peer = %from, %reason, "refused");
                self.tell(Event::RecordRefused { from, reason: reason.clone() });
            }
            match source {
                Source::Gossip { peer, message } => self.report(&message, peer, verdict),
                Source::Peer { .. } => {}
                Source::Client { answer } => {
                    let _ = answer.send(client_answer(id, outcome)); // the client may have gone
                }
            }
            if let Some((peer, reason)) = peer.zip(reason.clone()) {
                self.blame(peer, &Offence::Record { reason });
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
        self.pump_displaced();
        while self.records.checking < limits::VERIFY_WORKERS {
            let jobs = self.ledger.state_mut().next_jobs(limits::VERIFY_BATCH);
            if jobs.is_empty() {
                return;
            }
            self.records.checking += 1;
            self.metrics.batch(jobs.len());
            let materials = Arc::clone(self.ledger.materials());
            self.tasks.spawn_blocking(move || {
                let checks: Vec<_> = jobs.iter().map(|job| &job.check).collect();
                let run = catch_unwind(AssertUnwindSafe(|| materials.run_batch(&checks)));
                let failed = || {
                    let reason = "the check failed in an unforeseen way".to_owned();
                    (Err(ProofError::NotChecked { reason }), 0)
                };
                let mut checked = run.unwrap_or_default().into_iter();
                let with_result = |job: &ProofJob<_>| (job.id, checked.next().unwrap_or_else(failed));
                Done::Checked(jobs.iter().map(with_result).collect())
            });
        }
    }

    pub(super) fn on_checked(&mut self, checked: Vec<(JobId, Checked)>) {
        self.records.checking -= 1;
        for (job, (result, micros)) in checked {
            self.metrics.checked(result.is_ok(), micros);
            let updates = self.ledger.state_mut().proof_checked(job, result, micros);
            self.on_updates(updates);
        }
        self.resume_syncs();
    }

    /// Those who have waited too long are told "not now", and records that have waited far too long are given up.
    pub(super) fn sweep_sources(&mut self) {
        let patience = limits::WAITING_PATIENCE.as_secs();
        let updates = self.ledger.state_mut().give_up_late(now(), patience, &self.records.outbox);
        self.on_updates(updates);
        let again = std::mem::take(&mut self.records.unwritable);
        self.records.unwritten.extend(again);
        let late: Vec<RecordId> = self
            .records
            .waiters
            .iter()
            .filter(|(_, waiters)| {
                waiters.iter().any(|waiter| waiter.since.elapsed() > limits::VERIFY_PATIENCE)
            })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_a_record_that_only_waits_takes_nobodys_turn() {
        let mut records = Records::new(BTreeSet::new());
        let (id, peer) = (RecordId::of(b"a record"), PeerId::random());
        records.push(id, Source::Peer { peer }, false);
        assert_eq!(records.waiting, 0);
        records.push(id, Source::Peer { peer }, true);
        assert_eq!(records.waiting, 1);
        assert_eq!(records.take(&id).len(), 2);
        assert_eq!(records.waiting, 0);
    }

    #[test]
    fn with_an_entry_that_has_a_place_now_comes_what_was_refused_because_of_it() {
        let [entry, submission, other] = [b"e", b"s", b"o"].map(|bytes| RecordId::of(bytes));
        let mut records = Records::new(BTreeSet::new());
        records.remember_refused(entry);
        records.remember_refused(submission);
        records.reconsider(&[other]);
        assert!(records.is_settled(&entry) && records.is_settled(&submission));
        records.reconsider(&[other, entry]);
        assert!(!records.is_settled(&entry) && !records.is_settled(&submission));
    }

    #[test]
    fn what_waits_is_counted_for_the_peer_that_brought_it() {
        let mut records = Records::new(BTreeSet::new());
        let (a, b) = (PeerId::random(), PeerId::random());
        for (n, peer) in [a, a, b].into_iter().enumerate() {
            records.brought.insert(RecordId::of(&[n as u8]), peer);
        }
        assert_eq!((records.brought_by(a), records.brought_by(b)), (2, 1));
    }

    #[test]
    fn gossip_has_so_many_places_of_one_peer_and_in_all_and_some_that_others_cannot_take() {
        let mut records = Records::new(BTreeSet::new());
        assert!(
            records.has_place(limits::VERIFY_PER_PEER - 1) && !records.has_place(limits::VERIFY_PER_PEER)
        );
        records.waiting = limits::VERIFY_QUEUE - 1;
        assert!(records.has_place(limits::VERIFY_RESERVED));
        records.waiting = limits::VERIFY_QUEUE;
        assert!(!records.has_place(limits::VERIFY_RESERVED), "one too many in all");
        assert!(records.has_place(limits::VERIFY_RESERVED - 1), "but not of this peer");
        // Together they find room in the core.
        const ALL: usize = limits::VERIFY_QUEUE
            + limits::VERIFY_RESERVED * limits::CONNECTIONS as usize
            + limits::SYNCS * (limits::SYNC_JOBS + 2 * limits::RECORDS_PER_REQUEST);
        const { assert!(ALL < protocol::limits::MAX_PENDING) };
    }

    #[test]
    fn refused_records_are_remembered_in_bounded_number() {
        let mut records = Records::new(BTreeSet::new());
        let id = |n: usize| RecordId::of(&n.to_be_bytes());
        (0..limits::REFUSED_REMEMBERED).for_each(|n| records.remember_refused(id(n)));
        assert!(records.is_settled(&id(0)));
        records.remember_refused(id(limits::REFUSED_REMEMBERED));
        assert!(!records.is_settled(&id(0)) && records.is_settled(&id(limits::REFUSED_REMEMBERED)));
        assert_eq!(records.refused.len(), records.refused_order.len());
    }
}
