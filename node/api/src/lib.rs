//! What the daemon tells its clients over its local socket: commands, snapshots and events. Data only.
//!
//! The wire is one JSON object a line, in both directions: a client writes [`Request`] lines and reads
//! [`Reply`] lines. After [`Command::Subscribe`] the daemon also writes [`Reply`]s with [`Body::Event`] and
//! the subscription's id. Every line is at most [`MAX_LINE_BYTES`] long.

use serde::{Deserialize, Serialize};

/// Version of this interface; the first thing that [`Command::Hello`] answers.
pub const API_VERSION: u32 = 1;
/// Longest line in either direction, in bytes.
pub const MAX_LINE_BYTES: usize = 8 << 20;

/// One line from a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Chosen by the client; comes back in the reply.
    pub id: u64,
    /// What is asked.
    pub command: Command,
}

/// What a client may ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Version, peer id, addresses.
    Hello,
    /// All competitions: [`Body::Competitions`].
    Competitions,
    /// One competition with its board: [`Body::Board`].
    Board {
        /// Whole id in hex.
        competition: String,
    },
    /// Connected peers: [`Body::Peers`].
    Peers,
    /// From now on, events: first [`Body::Done`], then [`Body::Event`]s.
    Subscribe,
    /// The signed bytes of all records of one competition: [`Body::Records`].
    Records {
        /// Whole id in hex.
        competition: String,
    },
    /// The signed bytes of one record: [`Body::Records`] with one element.
    Record {
        /// Whole id in hex.
        id: String,
    },
    /// The records whose id starts so: [`Body::Found`].
    Find {
        /// 4 to 64 hexadecimal digits.
        prefix: String,
    },
    /// Store, check and publish a signed record: [`Body::Published`].
    Publish {
        /// The signed envelope, in hex.
        record: String,
    },
    /// Store a blob from a local file and offer it to peers: [`Body::BlobStored`].
    AddBlob {
        /// Absolute path, readable by the daemon.
        path: String,
    },
    /// Where a blob lies on this machine, fetched from peers first if need be: [`Body::BlobStored`].
    GetBlob {
        /// Whole BLAKE3 id in hex.
        blob: String,
        /// Its expected length in bytes.
        bytes: u64,
    },
    /// Stop the daemon: [`Body::Done`], then the connection closes.
    Shutdown,
}

/// One line from the daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The request's id.
    pub id: u64,
    /// The answer.
    pub body: Body,
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Body {
    /// It was done; there is nothing to tell.
    Done,
    /// It was not done.
    Error {
        /// What kind of error.
        kind: ErrorKind,
        /// For people: expected, got, what to do next.
        message: String,
    },
    /// Who answers.
    Hello(Hello),
    /// All competitions, newest first.
    Competitions {
        /// Their summaries.
        competitions: Vec<CompetitionSummary>,
    },
    /// One competition with its board.
    Board(Box<Board>),
    /// Connected peers.
    Peers {
        /// By peer id.
        peers: Vec<Peer>,
    },
    /// Signed records in hex: the competition first, then entries, then submissions.
    Records {
        /// Signed envelopes in hex.
        records: Vec<String>,
    },
    /// Records whose id starts as asked.
    Found {
        /// At most 16.
        records: Vec<Found>,
    },
    /// A record was stored.
    Published {
        /// Its id in hex.
        id: String,
        /// Whether it was new.
        new: bool,
    },
    /// A blob is here.
    BlobStored {
        /// Its id in hex.
        blob: String,
        /// Absolute path of the file.
        path: String,
        /// Its length.
        bytes: u64,
    },
    /// Something happened.
    Event(Event),
}

/// Kinds of error that a client may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request was malformed.
    BadRequest,
    /// No such competition, record or blob.
    NotFound,
    /// A record was refused by the rules.
    Refused,
    /// A queue is full: try again later.
    Busy,
    /// Peers did not answer.
    Network,
    /// The daemon's own fault: disk, store.
    Internal,
}

/// A record that was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Whole id in hex.
    pub id: String,
    /// `competition`, `entry` or `submission`.
    pub kind: String,
    /// Whole id in hex of the competition that it is or belongs to.
    pub competition: String,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`API_VERSION`].
    pub api_version: u32,
    /// Software and version.
    pub agent: String,
    /// This node's peer id.
    pub peer_id: String,
    /// Addresses it listens on, `/p2p/...` included.
    pub listen: Vec<String>,
    /// Folder of its data.
    pub data_dir: String,
}

/// Where a competition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Open for proofs.
    Proving,
    /// The host's prove deadline has passed.
    Closed,
}

/// Who made a key, hence who could forge with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetupTrust {
    /// One party, who can forge proofs and perhaps read weights out of them.
    SingleParty,
}

/// A line of the list of competitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompetitionSummary {
    /// Whole id in hex.
    pub id: String,
    /// Title.
    pub title: String,
    /// The host's peer id.
    pub host: String,
    /// Where it stands.
    pub phase: Phase,
    /// Whether the test set was public before the models were fixed.
    pub open: bool,
    /// Rows of the test set (N).
    pub rows: u64,
    /// Features.
    pub features: u64,
    /// Classes.
    pub classes: u64,
    /// Admitted size classes.
    pub size_classes: Vec<String>,
    /// Threshold in basis points, 0 if none.
    pub threshold_bps: u32,
    /// Entries known here.
    pub entries: u64,
    /// Verified submissions known here.
    pub submissions: u64,
    /// Best proved count, if any.
    pub best: Option<u64>,
    /// The host's claim of when it was made, seconds since 1970.
    pub created: u64,
    /// The host's prove deadline, seconds since 1970.
    pub prove_deadline: u64,
}

/// One competition and its board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Board {
    /// The competition.
    pub competition: CompetitionSummary,
    /// Description, plain text.
    pub description: String,
    /// Setup trust of its keys.
    pub setup: SetupTrust,
    /// Whether its test set is here.
    pub test_set_here: bool,
    /// Test set digest in hex.
    pub test_set: String,
    /// Records of this competition here.
    pub records: u64,
    /// Records still being checked.
    pub pending: u64,
    /// Fingerprint of the record set in hex.
    pub fingerprint: String,
    /// Best row of every competitor, by rank.
    pub rows: Vec<BoardRow>,
}

/// One competitor on the board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoardRow {
    /// Rank, ties share one ("1224").
    pub rank: u64,
    /// Display name; not unique.
    pub display_name: String,
    /// Competitor's peer id.
    pub competitor: String,
    /// Entry id in hex.
    pub entry: String,
    /// Submission id in hex.
    pub submission: String,
    /// Size class.
    pub size_class: String,
    /// Proved count: at least so many rows are right.
    pub correct: u64,
    /// Of so many rows.
    pub rows: u64,
    /// Proved accuracy in basis points, rounded down.
    pub accuracy_bps: u32,
    /// 95 % Wilson interval in basis points.
    pub interval_bps: (u32, u32),
    /// Entries of this competitor: the interval holds for one.
    pub entries: u64,
    /// The competitor's claim of when, seconds since 1970.
    pub submitted: u64,
    /// When this node saw it first, seconds since 1970.
    pub first_seen: u64,
    /// Whether this node has checked the proof itself. False only for rows from a foreign file.
    pub checked_here: bool,
    /// Verification time in microseconds, 0 if not measured.
    pub verify_us: u64,
    /// Setup trust of the key.
    pub setup: SetupTrust,
    /// Whether it is this node's own.
    pub mine: bool,
}

/// A connected peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Peer id.
    pub peer_id: String,
    /// Address.
    pub address: String,
    /// Software and version, empty until identified.
    pub agent: String,
    /// Records that it told us of.
    pub records: u64,
    /// Refused messages from it.
    pub refused: u64,
    /// Gossip score.
    pub score: f64,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A peer connected.
    PeerConnected {
        /// Peer id.
        peer_id: String,
    },
    /// A peer went away.
    PeerDisconnected {
        /// Peer id.
        peer_id: String,
    },
    /// A record was checked and stored.
    RecordAccepted {
        /// `competition`, `entry` or `submission`.
        kind: String,
        /// Record id in hex.
        id: String,
        /// Competition id in hex.
        competition: String,
        /// One line for people.
        summary: String,
        /// Time of proof verification in microseconds, 0 if there was no proof.
        verify_us: u64,
    },
    /// A record was refused.
    RecordRefused {
        /// Peer id that sent it, empty if it came over the socket.
        from: String,
        /// Why.
        reason: String,
    },
    /// A blob is complete.
    BlobFetched {
        /// Blob id in hex.
        blob: String,
        /// Its length.
        bytes: u64,
    },
    /// Events were lost because the client read too slowly: ask for snapshots again.
    Lagged {
        /// How many.
        missed: u64,
    },
}
