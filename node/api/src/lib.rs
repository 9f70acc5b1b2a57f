//! What the daemon tells its clients over its local socket: commands, snapshots and events. Data only.
//!
//! The wire is one JSON object a line, in both directions: a client writes [`Request`] lines and reads
//! [`Reply`] lines. After [`Command::Subscribe`] the daemon also writes [`Reply`]s with [`Body::Event`] and
//! the subscription's id. Every line is at most [`MAX_LINE_BYTES`] long.

mod detail;
mod network;
mod work;

pub use detail::{Difference, Prize, PrizeStatus, SubmissionDetail};
pub use network::{Ban, Blob, BlobUse, Fetch, Health, OwnRecord, Peer, Reachability};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use work::{MAX_WORK_TEXT_BYTES, Report, Work};

/// Version of this interface; the first thing that [`Command::Hello`] answers.
pub const API_VERSION: u32 = 4;
/// Longest line in either direction, in bytes.
pub const MAX_LINE_BYTES: usize = 8 << 20;

/// One line from a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Chosen by the client; comes back in the reply.
    pub id: u64,
    /// What is asked.
    pub command: Command,
}

/// What a client may ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The same without the rows, which follow from the records that its fingerprint stands for: [`Body::Board`].
    Outline {
        /// Whole id in hex.
        competition: String,
    },
    /// The entries of one competition, with what the host has done about them: [`Body::Entries`].
    Entries {
        /// Whole id in hex.
        competition: String,
    },
    /// The submissions of one competition: [`Body::Submissions`].
    Submissions {
        /// Whole id in hex.
        competition: String,
    },
    /// All of one submission: [`Body::Submission`].
    Submission {
        /// Whole id of the record in hex.
        id: String,
    },
    /// Connected peers, and those that are kept out: [`Body::Peers`].
    Peers,
    /// Keep a peer out: [`Body::Done`].
    BanPeer {
        /// Peer id.
        peer_id: String,
        /// For people; may be empty.
        reason: String,
        /// For how long, in seconds; at most 366 days.
        seconds: u64,
    },
    /// Let a peer in again: [`Body::Done`].
    UnbanPeer {
        /// Peer id.
        peer_id: String,
    },
    /// Dial a peer now: [`Body::Done`] once it is connected.
    ConnectPeer {
        /// A multiaddr, with the peer's id at its end if it is known.
        address: String,
    },
    /// How the node is: [`Body::Health`].
    Health,
    /// The records of this node's own key, newest first: [`Body::Own`].
    Own,
    /// One of them: [`Body::Own`] with one element.
    Held {
        /// Whole id in hex.
        id: String,
    },
    /// Blobs on their way here: [`Body::Fetches`].
    Fetches,
    /// Blobs that are here, and those that competitions name and that are not: [`Body::Blobs`].
    Blobs,
    /// Delete the blobs that no competition needs and that have lain for a day: [`Body::Collected`].
    CollectBlobs {
        /// Only say which.
        rehearsal: bool,
    },
    /// What other programs of this user are proving: [`Body::Work`].
    Work,
    /// Tell how far a program is, so that others can see it: [`Body::Done`].
    Report {
        /// How far.
        report: Report,
    },
    /// From now on, events: first [`Body::Done`], then [`Body::Event`]s.
    Subscribe,
    /// The signed bytes of all records of one competition: [`Body::Records`].
    Records {
        /// Whole id in hex.
        competition: String,
    },
    /// The ids of all records of one competition: [`Body::Ids`].
    RecordIds {
        /// Whole id in hex.
        competition: String,
    },
    /// The signed bytes of one record: [`Body::Records`] with one element.
    Record {
        /// Whole id in hex.
        id: String,
    },
    /// One record with the time when it was first seen here: [`Body::Stored`].
    Stored {
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
    /// As [`Command::Publish`], but one that waits for other records or files is answered at once, as busy: it is kept
    /// when these come.
    Import {
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    /// The request's id.
    pub id: u64,
    /// The answer.
    pub body: Body,
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// All entries of one competition.
    Entries {
        /// By the time when this node first saw them.
        entries: Vec<Entry>,
    },
    /// All verified submissions of one competition.
    Submissions {
        /// By the time when this node first saw them.
        submissions: Vec<Submission>,
    },
    /// All of one submission.
    Submission(Box<SubmissionDetail>),
    /// Connected peers, and those that are kept out.
    Peers {
        /// By peer id.
        peers: Vec<Peer>,
        /// The latest first.
        banned: Vec<Ban>,
    },
    /// How the node is.
    Health(Box<Health>),
    /// Records of this node's own key.
    Own {
        /// Newest first.
        records: Vec<OwnRecord>,
    },
    /// Blobs on their way here.
    Fetches {
        /// Those that have their turn first.
        fetches: Vec<Fetch>,
    },
    /// Blobs that are here, and those that competitions name and that are not.
    Blobs {
        /// Those that are here first, the oldest of them first.
        blobs: Vec<Blob>,
        /// Bytes in use.
        used: u64,
        /// Bytes that may be in use.
        quota: u64,
    },
    /// Blobs were deleted, or would have been.
    Collected {
        /// Their ids in hex, the oldest first.
        blobs: Vec<String>,
        /// Their bytes.
        bytes: u64,
    },
    /// What other programs of this user are proving.
    Work {
        /// The longest under way first.
        work: Vec<Work>,
    },
    /// Signed records in hex: the competition first, then entries, then submissions.
    Records {
        /// Signed envelopes in hex.
        records: Vec<String>,
    },
    /// A record as it is stored.
    Stored {
        /// The signed envelope in hex.
        record: String,
        /// When this node saw it first, seconds since 1970.
        first_seen: u64,
    },
    /// Ids of records.
    Ids {
        /// Whole, in hex, in the order of kinds.
        ids: Vec<String>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// Whole id in hex.
    pub id: String,
    /// `competition`, `entry`, `withdrawal`, `reveal`, `submission`, `close` or `misbehaviour`.
    pub kind: String,
    /// Whole id in hex of the competition that it is or belongs to.
    pub competition: String,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Sealed, and nobody has entered yet.
    Announced,
    /// Sealed: models are being entered, or the host's reveal is awaited.
    Committing,
    /// The test set is known; nothing has been proved yet.
    Revealed,
    /// Scores are being proved.
    Proving,
    /// The host's prove deadline has passed, or the host has closed it.
    Closed,
}

impl Phase {
    /// Its name in the wire format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Committing => "committing",
            Self::Revealed => "revealed",
            Self::Proving => "proving",
            Self::Closed => "closed",
        }
    }
}

/// Where a submission stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The host has not closed the competition yet.
    Pending,
    /// The host says that it was there in time.
    Final,
    /// The host has closed without it.
    LeftOut,
}

impl Standing {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Final => "final",
            Self::LeftOut => "left out by the host",
        }
    }
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryStanding {
    /// It counts so far.
    Entered,
    /// Its competitor has taken it back.
    Withdrawn,
    /// Earlier ones of its competitor take the places.
    BeyondCap,
    /// The host has put it on the roster.
    OnRoster,
    /// The host has revealed without it.
    LeftOut,
}

impl EntryStanding {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Withdrawn => "withdrawn",
            Self::BeyondCap => "beyond the cap",
            Self::OnRoster => "on the roster",
            Self::LeftOut => "left out by the host",
        }
    }
}

/// What every view says of a competition whose test set was public from the start.
pub const OPEN_LABEL: &str = "open: the test set was public before the models were fixed";
/// What every view says of a competition whose test set was sealed.
pub const SEALED_LABEL: &str = "sealed: the models are fixed before the test set is revealed";

/// Who made a key, hence who could forge with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SetupTrust {
    /// One party, who can forge proofs and perhaps read weights out of them.
    SingleParty,
}

/// A line of the list of competitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The same for people: [`OPEN_LABEL`] or [`SEALED_LABEL`].
    pub openness: String,
    /// What the host has signed two of, `reveal` or `close`: if anything, the competition is disputed.
    pub disputes: Vec<String>,
    /// Rows of the test set (N); unknown while it is sealed.
    pub rows: Option<u64>,
    /// Fewest rows that the host has promised.
    pub min_rows: u64,
    /// Features.
    pub features: u64,
    /// Classes.
    pub classes: u64,
    /// Admitted size classes.
    pub size_classes: Vec<String>,
    /// Threshold in basis points, 0 if none.
    pub threshold_bps: u32,
    /// A prize, if the host names one.
    pub prize: Option<Prize>,
    /// Accuracies that may be claimed, in basis points; empty if every count may.
    pub levels_bps: Vec<u32>,
    /// `shared_rank` or `entry_id`.
    pub tie_rule: String,
    /// Entries of one competitor that count.
    pub max_entries: u32,
    /// Entries that one competitor may withdraw.
    pub max_withdrawals: u32,
    /// Submissions of one entry.
    pub max_submissions: u32,
    /// Entries known here.
    pub entries: u64,
    /// Verified submissions known here.
    pub submissions: u64,
    /// Best proved count, if any.
    pub best: Option<u64>,
    /// The host's claim of when it was made, seconds since 1970.
    pub created: u64,
    /// Until when the host takes entries, seconds since 1970.
    pub commit_deadline: u64,
    /// The host's prove deadline, seconds since 1970.
    pub prove_deadline: u64,
    /// The reveals that are kept: one, unless none has come or the host has misbehaved.
    pub reveals: Vec<HostRecord>,
    /// The closes that are kept: one, unless none has come or the host has misbehaved.
    pub closes: Vec<HostRecord>,
}

/// A reveal or a close.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostRecord {
    /// Whole id in hex.
    pub id: String,
    /// Entries on the roster, or submissions that are final.
    pub listed: u64,
    /// Those of them that are not here.
    pub missing: u64,
    /// The host's claim of when it was made, seconds since 1970.
    pub created: u64,
    /// When this node saw it first, seconds since 1970.
    pub first_seen: u64,
}

/// A verified submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Submission {
    /// Whole id in hex.
    pub id: String,
    /// What it states, whole, in hex: its identity.
    pub statement: String,
    /// Entry id in hex.
    pub entry: String,
    /// Competitor's peer id.
    pub competitor: String,
    /// Proved count.
    pub correct: u64,
    /// Where it stands.
    pub standing: Standing,
    /// The competitor's claim of when it was made, seconds since 1970.
    pub created: u64,
    /// When this node saw it first, seconds since 1970.
    pub first_seen: u64,
    /// Whether it is this node's own.
    pub mine: bool,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Whole id in hex.
    pub id: String,
    /// Display name; not unique.
    pub display_name: String,
    /// Competitor's peer id.
    pub competitor: String,
    /// Size class.
    pub size_class: String,
    /// Where it stands.
    pub standing: EntryStanding,
    /// The competitor's claim of when it was made, seconds since 1970.
    pub created: u64,
    /// When this node saw it first, seconds since 1970.
    pub first_seen: u64,
    /// Whether it is this node's own.
    pub mine: bool,
}

/// One competition and its board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Board {
    /// The competition.
    pub competition: CompetitionSummary,
    /// Description, plain text.
    pub description: String,
    /// Setup trust of its keys.
    pub setup: SetupTrust,
    /// Whether its test set is here.
    pub test_set_here: bool,
    /// Test set digest in hex; unknown while it is sealed.
    pub test_set: Option<String>,
    /// Records of this competition here.
    pub records: u64,
    /// Connected peers that have said what they have of it, as of the last few seconds.
    pub peers: u64,
    /// Those of them that have the same records.
    pub peers_same: u64,
    /// Most records that one of them has.
    pub peers_most: u64,
    /// Records still being checked.
    pub pending: u64,
    /// Fingerprint of the record set in hex.
    pub fingerprint: String,
    /// Best row of every competitor, by rank.
    pub rows: Vec<BoardRow>,
}

/// One competitor on the board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoardRow {
    /// Rank by the competition's tie rule; none if the host has left it out.
    pub rank: Option<u64>,
    /// Where it stands.
    pub standing: Standing,
    /// Display name; not unique.
    pub display_name: String,
    /// Whether another competitor's name looks the same: go by the keys.
    pub namesake: bool,
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

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// A peer misbehaved, and is kept out.
    PeerBanned {
        /// Peer id.
        peer_id: String,
        /// What it did.
        reason: String,
    },
    /// Another peer has confirmed that it holds an own record.
    RecordHeld {
        /// Record id in hex.
        id: String,
        /// Peers that have confirmed it.
        held_by: u64,
    },
    /// A record was checked and stored.
    RecordAccepted {
        /// As in [`Found::kind`].
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
    /// A chain says something else of a prize than before.
    PrizeChanged {
        /// Competition id in hex.
        competition: String,
        /// What it says, for people.
        said: String,
    },
    /// A program has told how far it is.
    Work {
        /// What it does; ended work is forgotten after this.
        work: Work,
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
