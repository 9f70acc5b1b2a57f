//! The node itself, its peers, and what is on its way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the node is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// What needs somebody's attention, one sentence each; empty if nothing does.
    pub warnings: Vec<String>,
    /// When it started, seconds since 1970.
    pub started: u64,
    /// Records kept.
    pub records: u64,
    /// Competitions among them.
    pub competitions: u64,
    /// Fingerprint of all records in hex.
    pub fingerprint: String,
    /// Records that wait for other records, for blobs or for the check of their proofs.
    pub pending: u64,
    /// Those of them whose proofs can be checked.
    pub checks_waiting: u64,
    /// Batches of proofs that are being checked.
    pub checks_running: u64,
    /// Own records that no peer has confirmed yet.
    pub outbox: u64,
    /// Connected peers.
    pub peers: u64,
    /// Peers that are kept out.
    pub banned: u64,
    /// Whether strangers can dial this node, as far as peers have tried.
    pub reachability: Reachability,
    /// Addresses at which strangers reach it, `/p2p/...` included: through relays too.
    pub external: Vec<String>,
    /// Blobs that are being fetched.
    pub fetches: u64,
    /// Bytes of the record store on disk.
    pub store_bytes: u64,
    /// Bytes of blobs.
    pub blobs_bytes: u64,
    /// Bytes that blobs may take.
    pub blobs_quota_bytes: u64,
    /// Free bytes on the disk of the data folder.
    pub disk_free_bytes: u64,
    /// Memory of the process in bytes.
    pub memory_bytes: u64,
    /// Median of the peers' clocks less this one's, in seconds; none without peers.
    pub clock_offset_s: Option<i64>,
}

/// Whether strangers can dial a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reachability {
    /// Nobody has tried.
    #[default]
    Unknown,
    /// They can.
    Public,
    /// They cannot: only through a relay.
    Private,
}

/// A connected peer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Peer {
    /// Peer id.
    pub peer_id: String,
    /// Address.
    pub address: String,
    /// Whether this node dialled it.
    pub dialled: bool,
    /// Whether the connection goes through a relay.
    pub relayed: bool,
    /// Since when, seconds since 1970.
    pub connected: u64,
    /// Software and version, empty until identified.
    pub agent: String,
    /// Round trip in microseconds, once measured.
    pub latency_us: Option<u64>,
    /// Records that it told us of.
    pub records: u64,
    /// Whether it has the same records, as of the last few seconds; none before it has said.
    pub same: Option<bool>,
    /// Refused messages from it.
    pub refused: u64,
    /// Why the last one was refused.
    pub last_refusal: Option<String>,
    /// Gossip score.
    pub score: f64,
    /// Bytes of gossip, answers and blobs from it.
    pub bytes_in: u64,
    /// The same to it.
    pub bytes_out: u64,
    /// Its clock less this one's, in seconds, once it has said.
    pub clock_offset_s: Option<i64>,
}

/// A peer that is kept out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ban {
    /// Peer id.
    pub peer_id: String,
    /// What it did: the last refusals.
    pub reason: String,
    /// Since when, seconds since 1970.
    pub since: u64,
    /// Until when, seconds since 1970.
    pub until: u64,
}

/// A record of this node's own key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnRecord {
    /// Whole id in hex.
    pub id: String,
    /// As in [`Found::kind`](crate::Found::kind).
    pub kind: String,
    /// Competition id in hex.
    pub competition: String,
    /// One line for people.
    pub summary: String,
    /// When it was stored here, seconds since 1970.
    pub first_seen: u64,
    /// Peers that have confirmed that they hold it, since it was published.
    pub held_by: u64,
    /// Whether it waits in the outbox: no peer has confirmed it yet.
    pub waiting: bool,
    /// Of an entry: whether the opening of its commitment is in the data folder. Without it nothing can be proved.
    pub opening: Option<bool>,
}

/// A blob on its way here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fetch {
    /// Blob id in hex.
    pub blob: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Bytes that are here and verified.
    pub done: u64,
    /// Peers that deliver it.
    pub sources: u64,
    /// Whether it has its turn; otherwise it waits.
    pub active: bool,
}

/// A blob that is here, or that a competition names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Blob {
    /// Whole id in hex.
    pub blob: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Since when it is here, or when a client asked for it last, seconds since 1970; none if it is not here.
    pub since: Option<u64>,
    /// What competitions need it for; empty if none does.
    pub uses: Vec<BlobUse>,
}

/// What a competition needs a blob for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlobUse {
    /// Whole id in hex.
    pub competition: String,
    /// `test_set`, `training`, `verifying_key` or `proving_key`.
    pub role: String,
}
