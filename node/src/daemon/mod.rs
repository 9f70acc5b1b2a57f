//! The daemon: one loop over network events, clients' commands, finished work, timers and signals.
//!
//! ```text
//! mod       set-up, the loop, peers
//! records   a record from its arrival to its verdict: validation and proof checks
//! writes    accepted records on their way to the disk, and what follows
//! exchange  answering peers, and catching up with them;  catch_up: what to ask next, without I/O
//! fetch     blobs, from whoever has them
//! commands  what clients of the local socket ask;  work: proofs under way in other programs
//! ```
//!
//! The loop never waits: proof checks, disk and hashing run on blocking threads, in bounded number, and come back
//! as [`Done`]. A record is acknowledged (to gossip, to clients, to peers) only after it has been flushed.

mod catch_up;
mod commands;
mod exchange;
mod fetch;
mod records;
#[cfg(test)]
mod tests;
mod work;
mod writes;

use crate::api_server::{Call, Socket, SocketError};
use crate::blobs::BlobError;
use crate::home::{Home, HomeError};
use crate::ledger::{Digest, Ledger, LedgerError};
use crate::limits;
use crate::materials::Checked;
use crate::net::{self, Behaviour, BehaviourEvent, NetConfig, NetError};
use crate::store::{StoreError, StoredRecord};
use api::{Body, Event, Hello};
use exchange::{Asked, Sync};
use fetch::Fetches;
use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::request_response::{InboundRequestId, OutboundRequestId, ResponseChannel};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, gossipsub, identify, mdns, request_response};
use protocol::{BlobFacts, BlobRef, BlobRole, JobId, RecordId};
use records::Records;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinSet;

/// Why the daemon did not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The data folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Store or blobs.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The network.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The local socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A blocking task was lost.
    #[error("a task of the node failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// What is known of a connected peer.
#[derive(Debug, Default)]
struct PeerInfo {
    address: String,
    agent: String,
    records: u64,
    refused: u64,
    /// Its records that are being checked.
    in_flight: usize,
    /// What its last summary said.
    summary: PeerSummary,
}

/// What a peer has said of its records.
#[derive(Debug, Default)]
enum PeerSummary {
    /// Nothing yet.
    #[default]
    Unknown,
    /// That it has the same.
    Same,
    /// For each competition known here: how many, and whether they are the same.
    Differs(BTreeMap<RecordId, (u64, bool)>),
}

impl PeerInfo {
    /// Takes note of a page of its summary, as far as it is about competitions that are known here.
    fn note(
        &mut self,
        after: Option<RecordId>,
        page: &[net::Summary],
        mut own: impl FnMut(RecordId) -> Vec<Digest>,
    ) {
        let mut noted = match std::mem::take(&mut self.summary) {
            PeerSummary::Differs(noted) if after.is_some() => noted,
            _ => BTreeMap::new(),
        };
        for summary in page {
            let own = own(summary.competition);
            if !own.is_empty() {
                let count = summary.parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.1));
                noted.insert(summary.competition, (count, own == summary.parts));
            }
        }
        self.summary = PeerSummary::Differs(noted);
    }
}

/// Work that ran elsewhere and is finished.
enum Done {
    Checked(Vec<(JobId, Checked)>),
    Facts { role: BlobRole, blob: BlobRef, result: Result<BlobFacts, BlobError> },
    Written(Vec<(StoredRecord, Result<(), StoreError>)>),
    Answer { id: InboundRequestId, channel: ResponseChannel<net::Response>, response: net::Response },
    Fetched(Box<fetch::Progress>),
    Added { result: Result<BlobRef, BlobError>, answer: oneshot::Sender<Body> },
    Tidied(Result<(), StoreError>),
}

struct Bootstrap {
    address: Multiaddr,
    peer: Option<PeerId>,
    warned: bool,
}

struct Daemon {
    swarm: Swarm<Behaviour>,
    /// Signs what the node says by itself.
    keypair: Keypair,
    ledger: Ledger,
    home: Home,
    bootstrap: Vec<Bootstrap>,
    listen: Vec<Multiaddr>,
    peers: BTreeMap<PeerId, PeerInfo>,
    banned: VecDeque<(PeerId, Instant)>,
    records: Records,
    syncs: HashMap<PeerId, Sync>,
    asked: HashMap<OutboundRequestId, Asked>,
    /// Requests whose answers are on their way, and whose they are.
    serving: HashMap<InboundRequestId, PeerId>,
    fetches: Fetches,
    /// Blobs whose facts are being read.
    reading: HashSet<(BlobRole, protocol::BlobId)>,
    /// What other programs of this user are proving.
    under_way: work::UnderWay,
    tasks: JoinSet<Done>,
    events: broadcast::Sender<Event>,
    stop: bool,
    /// Why it stops by itself.
    failure: Option<StoreError>,
}

/// Runs the node until it is told to stop. `ready` is called once it listens.
///
/// # Errors
/// If it cannot start. Later trouble is logged and survived.
pub async fn run(home: Home, config: NetConfig, ready: impl FnOnce(&Hello)) -> Result<(), DaemonError> {
    let identity = home.identity_or_init()?;
    // The socket first: it tells best that a node is running already.
    let socket = Socket::bind(&home.socket()).await?;
    let own = identity.keypair.public().to_peer_id().to_string();
    let folder = home.clone();
    let ledger = tokio::task::spawn_blocking(move || Ledger::open(&folder, own)).await??;
    let swarm = net::start(&identity.keypair, &config)?;
    let (calls_sender, calls) = mpsc::channel(limits::API_QUEUE);
    let (events, _) = broadcast::channel(limits::API_EVENTS);
    let server = tokio::spawn(socket.serve(calls_sender, events.clone()));
    let mut daemon = Daemon::new(swarm, identity.keypair, ledger, home, &config, events)?;
    let result = daemon.run(calls, ready).await;
    // Answers that were given just now still reach their clients.
    tokio::time::sleep(Duration::from_millis(100)).await;
    daemon.finish().await;
    let failure = daemon.failure.take();
    // The store is closed before the socket goes: whoever waits for that may open it.
    drop(daemon);
    server.abort();
    let _ = server.await; // it was aborted: there is nothing to tell
    result.and(failure.map_or(Ok(()), |error| Err(DaemonError::Store(error))))
}

impl Daemon {
    fn new(
        swarm: Swarm<Behaviour>,
        keypair: Keypair,
        ledger: Ledger,
        home: Home,
        config: &NetConfig,
        events: broadcast::Sender<Event>,
    ) -> Result<Self, DaemonError> {
        let outbox = ledger.store().outbox()?.into_iter().map(RecordId::new).collect();
        let bootstrap = config
            .bootstrap
            .iter()
            .map(|address| Bootstrap { address: address.clone(), peer: net::peer_of(address), warned: false })
            .collect();
        Ok(Self {
            swarm,
            keypair,
            ledger,
            home,
            bootstrap,
            listen: Vec::new(),
            peers: BTreeMap::new(),
            banned: VecDeque::new(),
            records: Records::new(outbox),
            syncs: HashMap::new(),
            asked: HashMap::new(),
            serving: HashMap::new(),
            fetches: Fetches::default(),
            reading: HashSet::new(),
            under_way: work::UnderWay::default(),
            tasks: JoinSet::new(),
            events,
            stop: false,
            failure: None,
        })
    }

    async fn run(
        &mut self,
        mut calls: mpsc::Receiver<Call>,
        ready: impl FnOnce(&Hello),
    ) -> Result<(), DaemonError> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut redial = tokio::time::interval(limits::REDIAL);
        let mut catch_up = tokio::time::interval(limits::SYNC_INTERVAL);
        let mut offer = tokio::time::interval(limits::OUTBOX_INTERVAL);
        let mut sweep = tokio::time::interval(Duration::from_secs(1));
        let mut ready = Some(ready);
        self.pump_blobs();
        while !self.stop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm(event),
                Some(call) = calls.recv() => self.on_call(call),
                Some(done) = self.tasks.join_next(), if !self.tasks.is_empty() => match done {
                    Ok(done) => self.on_done(done),
                    Err(error) => tracing::error!(%error, "a task was lost"),
                },
                _ = redial.tick() => self.redial(),
                _ = catch_up.tick() => self.catch_up(),
                _ = offer.tick() => self.offer_outbox(),
                _ = sweep.tick() => self.sweep(),
                _ = interrupt.recv() => self.stop = true,
                _ = terminate.recv() => self.stop = true,
            }
            if !self.listen.is_empty()
                && let Some(ready) = ready.take()
            {
                ready(&self.hello());
            }
            self.pump();
        }
        Ok(())
    }

    /// The store cannot go on: neither can the node.
    fn fail(&mut self, error: StoreError) {
        tracing::error!(%error, "the node stops");
        self.failure.get_or_insert(error);
        self.stop = true;
    }

    /// Starts whatever work the last event has made possible.
    fn pump(&mut self) {
        self.pump_jobs();
        self.pump_writes();
        self.pump_fetches();
    }

    /// Lets writes that are under way end, for a while.
    async fn finish(&mut self) {
        self.pump_writes();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while let Ok(Some(done)) = tokio::time::timeout_at(deadline, self.tasks.join_next()).await {
            if let Ok(done @ Done::Written(_)) = done {
                self.on_done(done);
                self.pump_writes();
            }
        }
    }

    fn hello(&self) -> Hello {
        let peer_id = self.swarm.local_peer_id();
        let full = |address: &Multiaddr| format!("{address}/p2p/{peer_id}");
        Hello {
            api_version: api::API_VERSION,
            agent: net::AGENT.to_owned(),
            peer_id: peer_id.to_string(),
            listen: self.listen.iter().map(full).collect(),
            data_dir: self.home.dir().display().to_string(),
        }
    }

    /// Tells the clients. Nobody listening is no error.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn on_done(&mut self, done: Done) {
        match done {
            Done::Checked(checked) => self.on_checked(checked),
            Done::Facts { role, blob, result } => self.on_facts(role, blob, result),
            Done::Written(written) => self.on_written(written),
            Done::Answer { id, channel, response } => self.respond(id, channel, response),
            Done::Fetched(progress) => self.on_fetched(*progress),
            Done::Added { result, answer } => self.on_added(result, answer),
            Done::Tidied(Ok(())) => {}
            Done::Tidied(Err(error)) => tracing::warn!(%error, "the store was not tidied"),
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::NewListenAddr { address, .. } => {
                tracing::info!(%address, "listening");
                if self.listen.len() < limits::MAX_ADDRESSES {
                    self.listen.push(address);
                }
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => self.listen.retain(|known| *known != address),
            SwarmEvent::ConnectionEstablished { peer_id, endpoint, num_established, .. } => {
                let address = endpoint.get_remote_address();
                if endpoint.is_dialer() {
                    self.learn_bootstrap(peer_id, address);
                }
                if num_established.get() == 1 {
                    let address = address.to_string();
                    self.peers.insert(peer_id, PeerInfo { address, ..PeerInfo::default() });
                    self.tell(Event::PeerConnected { peer_id: peer_id.to_string() });
                    self.start_sync(peer_id);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                self.peers.remove(&peer_id);
                self.syncs.remove(&peer_id);
                self.tell(Event::PeerDisconnected { peer_id: peer_id.to_string() });
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => self.not_connected(&error),
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener has trouble"),
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossip(gossipsub::Event::Message { propagation_source, message_id, message }) => {
                self.on_gossip(propagation_source, message_id, &message.data);
            }
            BehaviourEvent::Gossip(gossipsub::Event::Subscribed { .. }) => self.offer_outbox(),
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                if let Some(peer) = self.peers.get_mut(&peer_id) {
                    // A stranger's text: short, and without anything that moves a cursor or turns the direction.
                    let plain = |c: &char| c.is_ascii_graphic() || *c == ' ';
                    peer.agent = info.agent_version.chars().filter(plain).take(64).collect();
                }
            }
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                for (peer, address) in found.into_iter().take(limits::MAX_ADDRESSES) {
                    self.dial(DialOpts::peer_id(peer).addresses(vec![address]).build());
                }
            }
            BehaviourEvent::Exchange(request_response::Event::Message { peer, message, .. }) => match message
            {
                request_response::Message::Request { request_id, request, channel } => {
                    self.on_request(peer, request_id, request, channel);
                }
                request_response::Message::Response { request_id, response } => {
                    self.on_response(peer, request_id, response);
                }
            },
            BehaviourEvent::Exchange(
                request_response::Event::ResponseSent { request_id, .. }
                | request_response::Event::InboundFailure { request_id, .. },
            ) => self.served(request_id),
            BehaviourEvent::Exchange(request_response::Event::OutboundFailure {
                peer,
                request_id,
                error,
                ..
            }) => {
                tracing::debug!(%peer, %error, "a request was not answered");
                self.on_no_response(peer, request_id);
            }
            _ => {}
        }
    }

    fn dial(&mut self, opts: DialOpts) {
        // Already connected, being dialled, or banned: all fine.
        if let Err(error) = self.swarm.dial(opts) {
            tracing::trace!(%error, "not dialled");
        }
    }

    fn learn_bootstrap(&mut self, peer: PeerId, address: &Multiaddr) {
        for bootstrap in self.bootstrap.iter_mut().filter(|b| b.peer.is_none()) {
            if bootstrap.address == *address {
                bootstrap.peer = Some(peer);
            }
        }
    }

    /// A bootstrap address that does not answer is told once: the person may have mistyped it.
    fn not_connected(&mut self, error: &DialError) {
        tracing::debug!(%error, "not connected");
        let DialError::Transport(failed) = error else { return };
        for bootstrap in self.bootstrap.iter_mut().filter(|b| !b.warned) {
            if failed.iter().any(|(address, _)| net::same_address(address, &bootstrap.address)) {
                bootstrap.warned = true;
                tracing::warn!(address = %bootstrap.address, "a bootstrap peer does not answer; trying again");
            }
        }
    }

    fn redial(&mut self) {
        let away = |b: &&Bootstrap| !b.peer.is_some_and(|peer| self.peers.contains_key(&peer));
        let addresses: Vec<_> =
            self.bootstrap.iter().filter(away).map(|b| (b.peer, b.address.clone())).collect();
        for (peer, address) in addresses {
            self.dial(match peer {
                Some(peer) => DialOpts::peer_id(peer).addresses(vec![address]).build(),
                None => DialOpts::unknown_peer_id().address(address).build(),
            });
        }
    }

    /// Counts what a peer did wrong, and cuts it off when it is too much.
    fn blame(&mut self, peer: PeerId) {
        let refused = match self.peers.get_mut(&peer) {
            Some(info) => {
                info.refused += 1;
                info.refused
            }
            None => return,
        };
        let score = self.swarm.behaviour().gossip.peer_score(&peer).unwrap_or(0.0);
        if refused < limits::REFUSED_DISCONNECT && score > limits::SCORE_DISCONNECT {
            return;
        }
        tracing::warn!(%peer, refused, score, "disconnected for refused messages");
        self.swarm.behaviour_mut().blocked.block_peer(peer);
        self.banned.push_back((peer, Instant::now()));
        if self.banned.len() > limits::MAX_BANNED
            && let Some((oldest, _)) = self.banned.pop_front()
        {
            self.swarm.behaviour_mut().blocked.unblock_peer(oldest);
        }
    }

    fn sweep(&mut self) {
        while let Some((peer, since)) = self.banned.front().copied()
            && since.elapsed() > limits::BAN
        {
            self.banned.pop_front();
            self.swarm.behaviour_mut().blocked.unblock_peer(peer);
        }
        self.under_way.sweep(crate::ledger::now());
        self.sweep_sources();
        self.sweep_fetches();
        self.pump_blobs();
        self.resume_syncs();
    }
}
