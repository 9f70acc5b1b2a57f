//! What the node measures of itself, in the format that Prometheus reads. `deploy/metrics.md` lists the names.
//!
//! Counters and histograms are told where things happen; gauges are set once a second by the daemon's loop. Nothing
//! here waits for anybody, and no label can take more than a few values.

mod server;
#[cfg(test)]
mod tests;

pub use server::{MetricsError, Server};

use crate::net::Response;
use api::Health;
use libp2p::metrics::{Metrics as NetworkMetrics, Recorder, Registry};
use libp2p::swarm::SwarmEvent;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Metric;
use protocol::{Kind, Refusal};

/// One label, of a few values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    kind: &'static str,
}

/// Counters by one label.
type Counters = Family<Of, Counter>;
type Gauges = Family<Of, Gauge>;

/// Why a record is refused, without the particulars.
const REASONS: [&str; 7] = ["envelope", "form", "context", "proof", "again", "full", "busy"];
/// What waits.
const QUEUES: [&str; 4] = ["pending", "checks", "writes", "fetches"];
/// Which way bytes went.
const DIRECTIONS: [&str; 2] = ["in", "out"];
/// What became of a proof check.
const RESULTS: [&str; 2] = ["valid", "refused"];

/// Everything that is measured. Shared with libp2p's own measurements through one registry.
pub struct Metrics {
    network: NetworkMetrics,
    accepted: Counters,
    refused: Counters,
    check_seconds: Family<Of, Histogram, fn() -> Histogram>,
    batch_size: Histogram,
    exchange_bytes: Counters,
    blob_bytes: Counters,
    bans: Counter,
    queues: Gauges,
    levels: Levels,
}

/// What goes up and down.
struct Levels {
    records: Gauge,
    competitions: Gauge,
    checks_running: Gauge,
    outbox: Gauge,
    peers: Gauge,
    banned: Gauge,
    store: Gauge,
    blobs: Gauge,
    blobs_quota: Gauge,
    disk_free: Gauge,
    memory: Gauge,
    clock_offset: Gauge,
    warnings: Gauge,
}

/// Registers a metric under its name.
fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    add(registry, name, help, Gauge::default())
}

/// Counters that are there from the start, at zero: a rate over one that appears with its first event lacks that event.
fn counters(registry: &mut Registry, name: &str, help: &str, kinds: &[&'static str]) -> Counters {
    let family = add(registry, name, help, Counters::default());
    for &kind in kinds {
        drop(family.get_or_create(&Of { kind }));
    }
    family
}

/// From a tenth of a millisecond to a minute and a half.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(1e-4, 2.0, 20))
}

impl Metrics {
    /// Registers everything. `started` is in seconds since 1970.
    pub fn new(registry: &mut Registry, started: u64) -> Self {
        let network = NetworkMetrics::new(registry);
        let r = registry.sub_registry_with_prefix("podium");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        r.register("build", "Version of the program", build);
        gauge(r, "start_time_seconds", "When the node started, seconds since 1970").set(signed(started));
        let kinds: Vec<&'static str> = Kind::ALL.into_iter().map(Kind::as_str).collect();
        let check_seconds: Family<Of, Histogram, fn() -> Histogram> = Family::new_with_constructor(seconds);
        for kind in RESULTS {
            drop(check_seconds.get_or_create(&Of { kind }));
        }
        let queues = add(r, "queue_length", "What waits, by queue", Gauges::default());
        for kind in QUEUES {
            queues.get_or_create(&Of { kind }).set(0);
        }
        let sizes = Histogram::new(exponential_buckets(1.0, 2.0, 9));
        Self {
            network,
            accepted: counters(r, "records_accepted", "Records that were taken, by kind of record", &kinds),
            refused: counters(r, "records_refused", "Records that were not taken, by reason", &REASONS),
            check_seconds: add(
                r,
                "check_seconds",
                "Seconds that one record's proofs took, its share of a batch",
                check_seconds,
            ),
            batch_size: add(r, "check_batch_size", "Records whose proofs were checked together", sizes),
            exchange_bytes: counters(
                r,
                "exchange_bytes",
                "Bytes of records and reconciliation, by direction",
                &DIRECTIONS,
            ),
            blob_bytes: counters(r, "blob_bytes", "Bytes of blobs, by direction", &DIRECTIONS),
            bans: add(r, "bans", "Peers that were cut off for what they sent", Counter::default()),
            queues,
            levels: Levels::new(r),
        }
    }

    /// A record was taken.
    pub fn accepted(&self, kind: Kind) {
        self.accepted.get_or_create(&Of { kind: kind.as_str() }).inc();
    }

    /// A record was not taken.
    pub fn refused(&self, refusal: &Refusal) {
        self.refused.get_or_create(&Of { kind: reason(refusal) }).inc();
    }

    /// Proofs of so many records are checked together.
    pub fn batch(&self, records: usize) {
        self.batch_size.observe(records as f64);
    }

    /// The proofs of a record were checked, in so many microseconds.
    pub fn checked(&self, valid: bool, micros: u64) {
        let kind = if valid { "valid" } else { "refused" };
        self.check_seconds.get_or_create(&Of { kind }).observe(micros as f64 / 1e6);
    }

    /// An answer came from a peer, or went to one.
    pub fn answered(&self, incoming: bool, response: &Response) {
        let bytes = match response {
            Response::Tree { .. } | Response::Chunk { .. } => &self.blob_bytes,
            _ => &self.exchange_bytes,
        };
        bytes.get_or_create(&direction(incoming)).inc_by(response.payload_bytes());
    }

    /// A peer was cut off.
    pub fn banned(&self) {
        self.bans.inc();
    }

    /// Something happened in the network.
    pub fn swarm<E>(&self, event: &SwarmEvent<E>) {
        self.network.record(event);
    }

    /// Something happened in one of its protocols.
    pub fn behaviour<E>(&self, event: &E)
    where
        NetworkMetrics: Recorder<E>,
    {
        self.network.record(event);
    }

    /// How the node is now, and how many accepted records are not flushed yet.
    pub fn observe(&self, health: &Health, writes: usize) {
        let queues = [
            ("pending", health.pending),
            ("checks", health.checks_waiting),
            ("writes", writes as u64),
            ("fetches", health.fetches),
        ];
        for (kind, length) in queues {
            self.queues.get_or_create(&Of { kind }).set(signed(length));
        }
        self.levels.observe(health);
    }
}

impl Levels {
    fn new(r: &mut Registry) -> Self {
        Self {
            records: gauge(r, "records", "Records kept"),
            competitions: gauge(r, "competitions", "Competitions among them"),
            checks_running: gauge(r, "checks_running", "Batches of proofs that are being checked"),
            outbox: gauge(r, "outbox", "Own records that no peer has confirmed yet"),
            peers: gauge(r, "peers", "Connected peers"),
            banned: gauge(r, "peers_banned", "Peers that are kept out"),
            store: gauge(r, "store_bytes", "Bytes of the record store on disk"),
            blobs: gauge(r, "blobs_stored_bytes", "Bytes of blobs on disk"),
            blobs_quota: gauge(r, "blobs_quota_bytes", "Bytes that blobs may take"),
            disk_free: gauge(r, "disk_free_bytes", "Free bytes on the disk of the data folder"),
            memory: gauge(r, "memory_bytes", "Memory of the process"),
            clock_offset: gauge(
                r,
                "clock_offset_seconds",
                "Median of the peers' clocks less this one's, 0 without peers",
            ),
            warnings: gauge(r, "warnings", "What needs somebody's attention: see `node status`"),
        }
    }

    fn observe(&self, health: &Health) {
        let values = [
            (&self.records, health.records),
            (&self.competitions, health.competitions),
            (&self.checks_running, health.checks_running),
            (&self.outbox, health.outbox),
            (&self.peers, health.peers),
            (&self.banned, health.banned),
            (&self.store, health.store_bytes),
            (&self.blobs, health.blobs_bytes),
            (&self.blobs_quota, health.blobs_quota_bytes),
            (&self.disk_free, health.disk_free_bytes),
            (&self.memory, health.memory_bytes),
            (&self.warnings, health.warnings.len() as u64),
        ];
        for (gauge, value) in values {
            gauge.set(signed(value));
        }
        self.clock_offset.set(health.clock_offset_s.unwrap_or(0));
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn direction(incoming: bool) -> Of {
    Of { kind: if incoming { "in" } else { "out" } }
}

fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Envelope(_) => "envelope",
        Refusal::Form(_) => "form",
        Refusal::Context(_) => "context",
        Refusal::Proof(_) => "proof",
        Refusal::Again { .. } => "again",
        Refusal::Full { .. } => "full",
        Refusal::Busy => "busy",
    }
}
