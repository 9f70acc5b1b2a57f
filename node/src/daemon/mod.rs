//! The daemon: one loop over network events, clients' commands, finished work, timers and signals.
//!
//! ```text
//! mod       set-up and the loop;  network: what happens on the network, and who takes care of it
//! peers     who is connected, and who is kept out;  book: what is remembered of them from run to run
//! dialling  whom to dial;  pauses: and whom to leave alone
//! lookup    Kademlia: more peers, and who has which blob
//! reach     whether strangers can dial this node, and relays
//! records   a record from its arrival to its verdict: validation and proof checks
//! writes    accepted records on their way to the disk, and what follows
//! outbox    own records until others hold them;  disk: whether there is room
//! exchange  answering peers, and catching up with them;  catch_up: what to ask next, without I/O;  rehearsal: both
//!           sides of it in one process, to be measured
//! health    how the node is, for clients and metrics
//! fetch     blobs, from whoever has them;  rate: how fast they leave;  room: which of them may go
//! prizes    what a chain says of them
//! commands  what clients of the local socket ask;  work: proofs under way in other programs
//! ```
//!
//! The loop never waits: proof checks, disk and hashing run on blocking threads, in bounded number, and come back
//! as [`Done`]. A record is acknowledged (to gossip, to clients, to peers) only after it has been flushed.

mod book;
mod catch_up;
mod commands;
mod dialling;
mod disk;
mod exchange;
mod fetch;
mod health;
mod lookup;
mod network;
mod outbox;
mod pauses;
mod peers;
mod prizes;
mod rate;
mod reach;
#[cfg(test)]
mod reach_tests;
mod records;
mod rehearsal;
mod room;
#[cfg(test)]
mod tests;
mod work;
mod writes;

use crate::api_server::{Call, Socket, SocketError};
use crate::blobs::BlobError;
use crate::chain::watch::Watch;
use crate::home::{Home, HomeError};
use crate::ledger::{Ledger, LedgerError, now};
use crate::limits;
use crate::materials::Checked;
use crate::metrics::{self, Metrics, MetricsError};
use crate::net::{self, Behaviour, NetConfig, NetError};
use crate::store::{StoreError, StoredRecord};
use api::{Body, Event, Hello};
use book::Book;
use dialling::Dialling;
use disk::Disk;
use exchange::{Asked, Serving, Sync};
use fetch::Fetches;
use futures::StreamExt;
use health::Vitals;
use libp2p::identity::Keypair;
use libp2p::metrics::Registry;
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{InboundRequestId, OutboundRequestId, ResponseChannel};
use libp2p::{Multiaddr, PeerId, Swarm};
use lookup::Lookups;
use outbox::Outbox;
use peers::{Offenders, PeerInfo, PeerSummary};
use prizes::Prizes;
use protocol::{BlobFacts, BlobRef, BlobRole, JobId, RecordId};
use rate::Rates;
use reach::Reach;
use records::Records;
pub use rehearsal::rehearse;
use sd_notify::NotifyState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinSet;

/// The exit code of a process that a signal has ended.
const INTERRUPTED: i32 = 130;

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
    /// The address for metrics.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A blocking task was lost.
    #[error("a task of the node failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// How the daemon is set up.
#[derive(Debug)]
pub struct DaemonConfig {
    /// The network.
    pub net: NetConfig,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// The chain whose prizes are looked at, if any.
    pub chain: Option<Watch>,
}

impl From<NetConfig> for DaemonConfig {
    fn from(net: NetConfig) -> Self {
        Self { net, metrics: None, chain: None }
    }
}

/// Work that ran elsewhere and is finished.
enum Done {
    Checked(Vec<(JobId, Checked)>),
    Facts {
        role: BlobRole,
        blob: BlobRef,
        result: Result<BlobFacts, BlobError>,
    },
    Written(Vec<(StoredRecord, Result<(), StoreError>)>),
    Answer {
        id: InboundRequestId,
        channel: ResponseChannel<net::Response>,
        response: net::Response,
    },
    Fetched(Box<fetch::Progress>),
    Added {
        result: Result<BlobRef, BlobError>,
        answer: oneshot::Sender<Body>,
    },
    Tidied(Result<(), StoreError>),
    Booked(Result<(), HomeError>),
    Confirmed {
        words: Vec<outbox::Word>,
        result: Result<(), StoreError>,
    },
    Disk(std::io::Result<u64>),
    Measured(Vitals),
    Looked(prizes::Looked),
    /// Whoever waited for it has been told.
    Nothing,
}

struct Daemon {
    swarm: Swarm<Behaviour>,
    /// Signs what the node says by itself.
    keypair: Keypair,
    ledger: Ledger,
    home: Home,
    listen: Vec<Multiaddr>,
    peers: BTreeMap<PeerId, PeerInfo>,
    offenders: Offenders,
    book: Book,
    /// When the book was last written, and whether that is still going on.
    booked: (Option<Instant>, bool),
    dialling: Dialling,
    lookups: Lookups,
    reach: Reach,
    records: Records,
    outbox: Outbox,
    disk: Disk,
    prizes: Prizes,
    syncs: HashMap<PeerId, Sync>,
    asked: HashMap<OutboundRequestId, Asked>,
    /// Requests whose answers are on their way.
    serving: HashMap<InboundRequestId, Serving>,
    /// How fast blobs leave.
    rates: Rates,
    fetches: Fetches,
    /// Blobs whose facts are being read.
    reading: HashSet<(BlobRole, protocol::BlobId)>,
    /// What other programs of this user are proving.
    under_way: work::UnderWay,
    tasks: JoinSet<Done>,
    events: broadcast::Sender<Event>,
    metrics: Metrics,
    watch: health::Watch,
    stop: bool,
    /// Why it stops by itself.
    failure: Option<StoreError>,
}

/// Keeps freed memory for the next chunk of a blob. glibc gives blocks of that size back to the system at once, and
/// each new one is cleared page by page; but what counts as large follows the largest block that was freed
/// (`M_MMAP_THRESHOLD` in mallopt(3)). Elsewhere this does nothing.
fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(limits::KEPT_MEMORY_BYTES)));
}

/// Runs the node until it is told to stop. `ready` is called once it listens.
///
/// # Errors
/// If it cannot start. Later trouble is logged and survived.
pub async fn run(
    home: Home,
    config: impl Into<DaemonConfig>,
    ready: impl FnOnce(&Hello),
) -> Result<(), DaemonError> {
    let DaemonConfig { net: config, metrics: address, chain } = config.into();
    keep_freed_memory();
    let identity = home.identity_or_init()?;
    // The socket first: it tells best that a node is running already.
    let socket = Socket::bind(&home.socket()).await?;
    let own = identity.keypair.public().to_peer_id().to_string();
    let folder = home.clone();
    let open = move || {
        let progress = |step: &str, part: f64| tracing::info!(step, percent = (part * 100.0).round());
        let ledger = Ledger::open(&folder, own, &progress)?;
        let book = Book::open(&folder.peers(), now());
        Ok::<_, LedgerError>((ledger, book, Vitals::measure(&folder.store())))
    };
    let (ledger, book, vitals) = tokio::task::spawn_blocking(open).await??;
    ledger.blobs().set_quota(config.blobs.quota);
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry, now());
    let swarm = net::start_measured(&identity.keypair, &config, &mut registry)?;
    let mut servers = JoinSet::new();
    if let Some(address) = address {
        servers.spawn(metrics::Server::bind(address, Arc::new(registry)).await?.serve());
    }
    let (calls_sender, calls) = mpsc::channel(limits::API_QUEUE);
    let (events, _) = broadcast::channel(limits::API_EVENTS);
    servers.spawn(socket.serve(calls_sender, events.clone()));
    let mut daemon = Daemon::new(swarm, identity.keypair, (ledger, book), home, &config, events, metrics)?;
    daemon.watch = health::Watch::new(vitals);
    daemon.prizes = Prizes::new(chain);
    let result = daemon.run(calls, ready).await;
    supervisor(NotifyState::Stopping);
    servers.spawn(end_at_next_signal()?);
    // Answers that were given just now still reach their clients.
    tokio::time::sleep(Duration::from_millis(100)).await;
    daemon.finish().await;
    let failure = daemon.failure.take();
    // The store is closed before the socket goes: whoever waits for that may open it.
    drop(daemon);
    servers.shutdown().await;
    result.and(failure.map_or(Ok(()), |error| Err(DaemonError::Store(error))))
}

/// Who asks twice does not want to wait: what is not flushed was not acknowledged either.
fn end_at_next_signal() -> Result<impl Future<Output = ()> + Send + 'static, std::io::Error> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::warn!("stopped at once by a second signal");
        std::process::exit(INTERRUPTED);
    })
}

/// Tells systemd, if it has started the node.
fn supervisor(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "the supervisor was not told");
    }
}

impl Daemon {
    fn new(
        mut swarm: Swarm<Behaviour>,
        keypair: Keypair,
        (ledger, book): (Ledger, Book),
        home: Home,
        config: &NetConfig,
        events: broadcast::Sender<Event>,
        metrics: Metrics,
    ) -> Result<Self, DaemonError> {
        let home_dir = home.dir().to_owned();
        let outbox = ledger.store().outbox()?.into_iter().map(RecordId::new).collect();
        for banned in book.bans().keys() {
            swarm.behaviour_mut().blocked.block_peer(*banned);
        }
        Ok(Self {
            swarm,
            keypair,
            ledger,
            home,
            listen: Vec::new(),
            peers: BTreeMap::new(),
            offenders: Offenders::default(),
            book,
            booked: (None, false),
            dialling: Dialling::new(&config.bootstrap),
            lookups: Lookups::default(),
            reach: Reach::new(config),
            records: Records::new(outbox),
            outbox: Outbox::default(),
            disk: Disk::new(home_dir),
            prizes: Prizes::default(),
            syncs: HashMap::new(),
            asked: HashMap::new(),
            serving: HashMap::new(),
            rates: Rates::new(config.blobs.upload_rate, Instant::now()),
            fetches: Fetches::default(),
            reading: HashSet::new(),
            under_way: work::UnderWay::default(),
            tasks: JoinSet::new(),
            events,
            metrics,
            watch: health::Watch::new(Vitals::default()),
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
        self.set_mode();
        while !self.stop {
            let ask = self.outbox.next().map(tokio::time::Instant::from_std);
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
                () = tokio::time::sleep_until(ask.unwrap_or_else(tokio::time::Instant::now)), if ask.is_some() => {
                    self.ask_holders();
                }
                _ = interrupt.recv() => self.stop = true,
                _ = terminate.recv() => self.stop = true,
            }
            if !self.listen.is_empty()
                && let Some(ready) = ready.take()
            {
                ready(&self.hello());
                supervisor(NotifyState::Ready);
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
        self.pump_words();
        self.pump_fetches();
    }

    /// Lets writes that are under way end, for a while.
    async fn finish(&mut self) {
        self.pump_writes();
        self.see_peers();
        self.write_book();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while let Ok(Some(done)) = tokio::time::timeout_at(deadline, self.tasks.join_next()).await {
            if let Ok(done @ (Done::Written(_) | Done::Booked(_))) = done {
                self.on_done(done);
                self.pump_writes();
                self.write_book();
            }
        }
    }

    fn hello(&self) -> Hello {
        let peer_id = self.swarm.local_peer_id();
        let full =
            |address: &Multiaddr| net::without_target(address).with(Protocol::P2p(*peer_id)).to_string();
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
            Done::Confirmed { words, result } => self.on_confirmed(words, result),
            Done::Disk(free) => self.on_disk(free),
            Done::Measured(vitals) => self.on_measured(vitals),
            Done::Looked(looked) => self.on_looked(looked),
            Done::Tidied(Ok(())) | Done::Nothing => {}
            Done::Tidied(Err(error)) => tracing::warn!(%error, "the store was not tidied"),
            Done::Booked(result) => {
                self.booked.1 = false;
                if let Err(error) = result {
                    tracing::warn!(%error, "the address book was not written");
                    self.book.not_written();
                }
            }
        }
    }

    /// Peers that are connected have been seen now.
    fn see_peers(&mut self) {
        for peer in self.peers.keys() {
            self.book.seen(*peer, now());
        }
    }

    /// Writes the book if it has changed, and if it is not being written.
    fn write_book(&mut self) {
        if self.booked.1 {
            return;
        }
        if let Some(bytes) = self.book.take_unwritten() {
            self.booked = (Some(Instant::now()), true);
            let path = self.home.peers();
            self.tasks.spawn_blocking(move || Done::Booked(crate::home::write_private(&path, &bytes)));
        }
    }

    fn sweep(&mut self) {
        self.sweep_peers();
        self.look_at_disk();
        self.look_at_prizes();
        self.under_way.sweep(crate::ledger::now());
        self.sweep_sources();
        self.sweep_fetches();
        self.rates.sweep(Instant::now());
        self.pump_blobs();
        self.resume_syncs();
        self.meet_new_peers();
        self.discover();
        self.trim();
        self.tend_relays();
        self.sweep_lookups();
        if self.booked.0.is_none_or(|last| last.elapsed() >= limits::BOOK_INTERVAL) {
            self.write_book();
        }
        self.watch();
        supervisor(NotifyState::Watchdog);
    }
}
