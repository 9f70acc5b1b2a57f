//! An honest node around the core, in small: inbox, proof checks, disk, gossip, and how it treats its peers.

use super::{
    exchange::Exchange,
    ledger::Ledger,
    limits,
    network::{Ix, Message, Timer},
    wishes::{Note, Out, Sabotage},
};
use crate::{
    Author, BlobFacts, BlobRole, Board, Kind, Outcome, ProofJob, RecordId, Refusal, State, Update, Verdict,
    testing::{FakeChecker, FakeModel, FakeState, TEST_SET},
};
use rand::{Rng, seq::SliceRandom};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

pub(super) struct Node {
    pub(super) ix: Ix,
    pub(super) up: bool,
    /// Wishes of a life before a crash are void.
    pub(super) epoch: u32,
    pub(super) peers: Vec<Ix>,
    pub(super) state: FakeState,
    pub(super) ledger: Ledger,
    pub(super) boards: BTreeMap<RecordId, Board>,
    pub(super) inbox: BTreeMap<Ix, VecDeque<Message>>,
    pub(super) exchange: Exchange,
    pub(super) running: BTreeMap<crate::JobId, ProofJob<FakeModel>>,
    /// Who brought the records that are on their way.
    pub(super) sources: BTreeMap<RecordId, Vec<Ix>>,
    /// Own records that nobody has been promised yet.
    clients: BTreeSet<RecordId>,
    blame: BTreeMap<Ix, u32>,
    pub(super) cut_off: BTreeSet<Ix>,
    awake: bool,
    flushing: bool,
    loading: bool,
}

impl Node {
    pub(super) fn new(ix: Ix, peers: Vec<Ix>) -> Self {
        Self {
            ix,
            up: false,
            epoch: 0,
            peers,
            state: State::default(),
            ledger: Ledger::default(),
            boards: BTreeMap::new(),
            inbox: BTreeMap::new(),
            exchange: Exchange::default(),
            running: BTreeMap::new(),
            sources: BTreeMap::new(),
            clients: BTreeSet::new(),
            blame: BTreeMap::new(),
            cut_off: BTreeSet::new(),
            awake: false,
            flushing: false,
            loading: false,
        }
    }

    /// Everything but the disk goes. Who was cut off is forgotten with it, as in the daemon.
    pub(super) fn crash(&mut self) {
        let mut ledger = std::mem::take(&mut self.ledger);
        ledger.crash();
        let fresh = Self { ledger, epoch: self.epoch + 1, ..Self::new(self.ix, self.peers.clone()) };
        *self = fresh;
    }

    /// Reads the disk.
    pub(super) fn start(&mut self, out: &mut Out<'_>) {
        self.up = true;
        self.loading = true;
        for bytes in self.ledger.all() {
            self.ingest(&bytes, None, out);
        }
        self.loading = false;
        for (timer, most) in [(Timer::Sync, 4000), (Timer::Blobs, 500), (Timer::Sweep, 5000)] {
            out.timers.push((out.rng.gen_range(0..most), timer));
        }
    }

    pub(super) fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Inbox => self.work(out),
            Timer::Job(id) => self.job_done(id, out),
            Timer::Flush => self.flush(out),
            Timer::Sync => self.start_sync(out),
            Timer::Blobs => self.look_for_blobs(out),
            Timer::Sweep => self.sweep(out),
        }
        self.pump_jobs(out);
    }

    /// A message arrives: it waits in its sender's inbox, or is dropped.
    pub(super) fn deliver(&mut self, from: Ix, message: Message, out: &mut Out<'_>) {
        let deaf = out.sabotage == Some(Sabotage::Deaf) && self.ix == 3;
        if deaf || self.cut_off.contains(&from) {
            return;
        }
        let inbox = self.inbox.entry(from).or_default();
        if inbox.len() < limits::INBOX || out.sabotage == Some(Sabotage::OpenInbox) {
            inbox.push_back(message);
        }
        if !self.awake {
            self.awake = true;
            out.timers.push((1, Timer::Inbox));
        }
    }

    /// One message of every peer, so that none waits for another's flood.
    fn work(&mut self, out: &mut Out<'_>) {
        let peers: Vec<Ix> = self.inbox.keys().copied().collect();
        for peer in peers {
            let Some(message) = self.inbox.get_mut(&peer).and_then(VecDeque::pop_front) else { continue };
            if !self.cut_off.contains(&peer) {
                self.on_message(peer, message, out);
            }
        }
        self.inbox.retain(|_, inbox| !inbox.is_empty());
        self.awake = !self.inbox.is_empty();
        if self.awake {
            out.timers.push((limits::TURN, Timer::Inbox));
        }
    }

    /// A client hands in a record. It is acknowledged by a note, perhaps much later.
    pub(super) fn hand_in(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        let id = RecordId::of(bytes);
        self.clients.insert(id);
        self.ingest(bytes, None, out);
        if self.ledger.has(id) && self.clients.remove(&id) {
            out.notes.push(Note::Acknowledged(id));
        }
        self.pump_jobs(out);
    }

    /// Gossip gives way when too much is on its way; what was asked for has its own bounds.
    pub(super) fn gossiped(&mut self, bytes: &[u8], from: Ix, out: &mut Out<'_>) {
        if self.brought_by(from) < limits::ON_THE_WAY_PER_PEER && self.state.jobs_ready() < limits::JOBS {
            self.ingest(bytes, Some(from), out);
        }
    }

    pub(super) fn brought_by(&self, peer: Ix) -> usize {
        self.sources.values().filter(|sources| sources.contains(&peer)).count()
    }

    pub(super) fn ingest(&mut self, bytes: &[u8], from: Option<Ix>, out: &mut Out<'_>) {
        let id = RecordId::of(bytes);
        let (outcome, updates) = self.state.apply(bytes, out.seconds());
        match outcome {
            Outcome::Known => {}
            Outcome::Pending => self.add_source(id, from),
            Outcome::Checking | Outcome::Waiting { .. } => {
                self.add_source(id, from);
                if out.sabotage == Some(Sabotage::BlamesForUnknown) && !matches!(outcome, Outcome::Checking) {
                    from.into_iter().for_each(|peer| self.blame(peer, out));
                }
                self.wait_or_give_up(id, from, out);
            }
            Outcome::Accepted { .. } | Outcome::Refused(_) => {
                self.add_source(id, from);
                let competition = self.state.set().kind_of(id).map_or(id, |(_, competition)| competition);
                self.settle(id, competition, outcome, out);
            }
        }
        self.on_updates(updates, out);
    }

    fn add_source(&mut self, id: RecordId, from: Option<Ix>) {
        let sources = self.sources.entry(id).or_default();
        if let Some(from) = from.filter(|from| !sources.contains(from)) {
            sources.push(from);
        }
    }

    /// One peer must not fill the place of all with records that wait for others.
    fn wait_or_give_up(&mut self, id: RecordId, from: Option<Ix>, out: &mut Out<'_>) {
        let Some(from) = from.filter(|_| self.state.is_waiting(id)) else { return };
        let sources = self.sources.iter().filter(|(_, sources)| sources.contains(&from));
        if sources.filter(|(id, _)| self.state.is_waiting(**id)).count() > limits::WAITING_PER_PEER {
            let updates = self.state.give_up(id);
            self.on_updates(updates, out);
        } else {
            self.sync_with(from, out);
        }
    }

    pub(super) fn on_updates(&mut self, updates: Vec<Update>, out: &mut Out<'_>) {
        for update in updates {
            self.settle(update.id, update.competition, update.outcome, out);
        }
    }

    fn settle(&mut self, id: RecordId, competition: RecordId, outcome: Outcome, out: &mut Out<'_>) {
        match outcome {
            Outcome::Accepted { displaced } => self.keep(id, competition, displaced, out),
            Outcome::Refused(refusal) => {
                let sources = self.sources.remove(&id).unwrap_or_default();
                if refusal.verdict() == Verdict::Reject {
                    sources.into_iter().for_each(|peer| self.blame(peer, out));
                }
                if refusal != Refusal::Busy {
                    // On the disk it can only be because its removal was lost in a crash.
                    self.ledger.remove(id);
                }
                out.notes.push(Note::Refused { id, refusal });
            }
            Outcome::Known | Outcome::Pending | Outcome::Checking | Outcome::Waiting { .. } => {}
        }
    }

    fn keep(&mut self, id: RecordId, competition: RecordId, displaced: Vec<RecordId>, out: &mut Out<'_>) {
        let sources = self.sources.remove(&id).unwrap_or_default();
        displaced.iter().for_each(|id| self.ledger.displace(*id));
        let Some(contest) = self.state.set().contest(competition) else { return };
        let Some((kind, _)) = self.state.set().kind_of(id) else {
            // Kept and displaced in one go: it was not there alone.
            drop(self.boards.insert(competition, Board::of(contest)));
            return;
        };
        let Some((bytes, author)) =
            contest.record(id, kind).map(|shown| (shown.item.0.clone(), shown.item.1))
        else {
            return;
        };
        self.ledger.write((kind, id), Arc::clone(&bytes));
        if out.sabotage == Some(Sabotage::AcknowledgesEarly) && self.clients.remove(&id) {
            out.notes.push(Note::Acknowledged(id));
        }
        if !self.flushing {
            self.flushing = true;
            // An early promise is worth nothing if the disk is slow.
            let slow = out.sabotage == Some(Sabotage::AcknowledgesEarly);
            let delay = if slow { 20_000 } else { out.rng.gen_range(5..60) };
            out.timers.push((delay, Timer::Flush));
        }
        self.update_board(competition, kind, &author, out.sabotage);
        if !self.loading {
            self.gossip(&bytes, &sources, out);
        }
        out.notes.push(Note::Kept { id, competition, displaced });
    }

    /// Competitors' records change one row; the host's change all.
    fn update_board(
        &mut self,
        competition: RecordId,
        kind: Kind,
        author: &Author,
        sabotage: Option<Sabotage>,
    ) {
        let Some(contest) = self.state.set().contest(competition) else { return };
        match (kind, self.boards.get_mut(&competition)) {
            (Kind::Entry | Kind::Withdrawal | Kind::Submission, Some(board)) => board.update(contest, author),
            (Kind::Close, Some(_)) if sabotage == Some(Sabotage::StaleBoard) && self.ix % 2 == 1 => {}
            _ => drop(self.boards.insert(competition, Board::of(contest))),
        }
    }

    fn gossip(&mut self, bytes: &Arc<[u8]>, sources: &[Ix], out: &mut Out<'_>) {
        let mut to: Vec<Ix> = self.friends().filter(|peer| !sources.contains(peer)).collect();
        to.shuffle(out.rng);
        let sends = to.into_iter().take(limits::GOSSIP_TO);
        out.sends.extend(sends.map(|peer| (peer, Message::Gossip(Arc::clone(bytes)))));
    }

    /// Peers that have not been cut off.
    pub(super) fn friends(&self) -> impl Iterator<Item = Ix> {
        self.peers.iter().copied().filter(|peer| !self.cut_off.contains(peer))
    }

    pub(super) fn blame(&mut self, peer: Ix, out: &mut Out<'_>) {
        let blame = self.blame.entry(peer).or_default();
        *blame += 1;
        if *blame >= limits::REFUSED_CUT_OFF && self.cut_off.insert(peer) {
            self.inbox.remove(&peer);
            self.exchange.forget(peer);
            out.notes.push(Note::CutOff(peer));
        }
    }

    fn flush(&mut self, out: &mut Out<'_>) {
        self.flushing = false;
        for id in self.ledger.flush() {
            if self.clients.remove(&id) {
                out.notes.push(Note::Acknowledged(id));
            }
        }
    }

    fn pump_jobs(&mut self, out: &mut Out<'_>) {
        while self.running.len() < limits::WORKERS
            && let Some(job) = self.state.next_job()
        {
            out.timers.push((out.rng.gen_range(2..25), Timer::Job(job.id)));
            self.running.insert(job.id, job);
        }
    }

    fn job_done(&mut self, id: crate::JobId, out: &mut Out<'_>) {
        let Some(job) = self.running.remove(&id) else { return };
        let key = self.ledger.blobs.get(&job.check.key().blob.id).map_or(Vec::new(), |key| key.to_vec());
        let result = if out.sabotage == Some(Sabotage::BelievesProofs) {
            job.check.run(&super::sabotage::Gullible, &key, Some(&TEST_SET))
        } else {
            job.check.run(&FakeChecker, &key, Some(&TEST_SET))
        };
        let updates = self.state.proof_checked(id, result, 1000);
        self.on_updates(updates, out);
    }

    pub(super) fn read_blob(&mut self, role: BlobRole, id: crate::BlobId, out: &mut Out<'_>) {
        let Some(bytes) = self.ledger.blobs.get(&id) else { return };
        let facts = BlobFacts::read(&FakeChecker, role, bytes);
        let updates = self.state.blob_arrived(role, id, facts);
        self.on_updates(updates, out);
        self.pump_jobs(out);
    }

    fn sweep(&mut self, out: &mut Out<'_>) {
        let keep = self.clients.clone();
        let updates = self.state.give_up_late(out.seconds(), limits::PATIENCE_SECONDS, &keep);
        self.on_updates(updates, out);
        out.timers.push((5000, Timer::Sweep));
    }
}
