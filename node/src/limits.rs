//! Every bound of the daemon. A number that a stranger can drive up has its ceiling here, with the reason.

use std::time::Duration;

/// Largest gossip message: a signed record in gossipsub's own envelope.
pub const GOSSIP_MAX_BYTES: usize = RECORD_MAX_BYTES + (4 << 10);
/// Messages that gossipsub may queue for one peer.
pub const GOSSIP_QUEUE: usize = 128;
/// How long a message id is remembered. Verification answers long before.
pub const GOSSIP_DUPLICATE_CACHE: Duration = Duration::from_secs(120);
/// Heartbeats for which a message can still be forwarded after validation: the window for verification.
pub const GOSSIP_HISTORY: usize = 60;
/// Gossip messages of one peer that may wait for verification at once; further ones are ignored.
pub const VERIFY_PER_PEER: usize = 32;
/// Records that may wait for verification, from everywhere.
pub const VERIFY_QUEUE: usize = 256;
/// Records that wait for other records or for blobs, of one peer that brought them; further ones are given up.
pub const WAITING_PER_PEER: usize = 512;
/// Such records are given up after so long. Those that are somebody's come again with a catch-up.
pub const WAITING_PATIENCE: Duration = Duration::from_secs(600);
/// Proofs that are verified together, if they are under one key: of a hundred each costs a fifth of one alone. What is
/// found wrong costs some of that again.
pub const VERIFY_BATCH: usize = 64;
/// Records that are verified at the same time.
pub const VERIFY_WORKERS: usize = 2;
/// Gossip score below which a peer is disconnected.
pub const SCORE_DISCONNECT: f64 = -80.0;
/// Refused records after which a peer is disconnected, whatever its gossip score.
pub const REFUSED_DISCONNECT: u64 = 20;
/// How long a peer that was disconnected for misbehaviour stays out.
pub const BAN: Duration = Duration::from_secs(600);
/// Peers that are remembered as banned; the oldest are forgotten first.
pub const MAX_BANNED: usize = 1024;

/// Established connections.
pub const CONNECTIONS: u32 = 128;
/// Established incoming connections: below [`CONNECTIONS`], so that nobody can fill all places from outside.
pub const CONNECTIONS_IN: u32 = 96;
/// Connections of one peer (TCP and QUIC, and both ends dialling at once).
pub const CONNECTIONS_PER_PEER: u32 = 4;
/// Connections that are being set up, each way.
pub const CONNECTIONS_PENDING: u32 = 32;
/// New connections are denied while the process uses more memory than this. Proofs are made elsewhere.
pub const MEMORY_BYTES: usize = 2 << 30;
/// A connection without streams is closed after so long.
pub const IDLE_CONNECTION: Duration = Duration::from_secs(300);
/// Bootstrap peers are dialled again so often.
pub const REDIAL: Duration = Duration::from_secs(2);
/// Most bootstrap or listen addresses on the command line.
pub const MAX_ADDRESSES: usize = 64;

/// Largest request of the catch-up protocol: a message of a reconciliation and room to spare.
pub const REQUEST_MAX_BYTES: u64 = 64 << 10;
/// Largest response: a blob chunk or a page of records.
pub const RESPONSE_MAX_BYTES: u64 = (1 << 20) + (16 << 10);
/// A request is given up after so long.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Streams of the request protocol per connection.
pub const REQUEST_STREAMS: usize = 32;
/// Requests of one peer that are being answered at once; further ones are told to wait.
pub const SERVE_PER_PEER: usize = 16;
/// Requests that are being answered at once.
pub const SERVE_TOTAL: usize = 64;
/// Competitions in one page of a summary.
pub const SUMMARY_PAGE: usize = 512;
/// Longest message of a reconciliation, either way.
pub const RECONCILE_BYTES: u64 = 48 << 10;
/// Messages of one reconciliation: enough for the largest part, whose ids fill so many, and no more.
pub const RECONCILE_ROUNDS: usize = 256;
/// Records that are asked for in one request.
pub const RECORDS_PER_REQUEST: usize = 64;
/// Bytes of records in one response.
pub const RECORDS_PAGE_BYTES: usize = 1 << 20;
/// Summary pages that are followed in one catch-up: a peer cannot keep it going for ever.
pub const PAGES_PER_SYNC: usize = 64;
/// Missing ids that one catch-up holds.
pub const SYNC_WANTED: usize = 65_536;
/// Catch-up with connected peers so often.
pub const SYNC_INTERVAL: Duration = Duration::from_secs(5);
/// Catch-ups at the same time.
pub const SYNCS: usize = 8;
/// A catch-up makes room for another after so long; the next one goes on, as what is kept is not asked for again.
pub const SYNC_DEADLINE: Duration = Duration::from_secs(60);
/// Proof checks that wait while more records are asked for.
pub const SYNC_JOBS: usize = 512;
/// Refused records that are remembered, so that they are not fetched again and again.
pub const MAX_REFUSED: usize = 16_384;

/// Bytes of one blob chunk.
pub const CHUNK_BYTES: u64 = 1 << 20;
/// Chunks of one blob that are asked for at once.
pub const CHUNKS_IN_FLIGHT: usize = 4;
/// Largest blob that is taken: the protocol's longest proving key.
pub const BLOB_MAX_BYTES: u64 = protocol::limits::MAX_PROVING_KEY_BYTES;
/// Verifying keys kept in memory.
pub const CACHED_KEYS_BYTES: u64 = 64 << 20;
/// Test sets kept in memory.
pub const CACHED_TEST_SETS_BYTES: u64 = 768 << 20;
/// Test sets and verifying keys of strangers' competitions are fetched by themselves until all blobs are so many
/// bytes; what is asked for by name still finds room.
pub const AUTO_FETCH_QUOTA_BYTES: u64 = 8 << 30;
/// All blobs of this node together.
pub const BLOBS_QUOTA_BYTES: u64 = 32 << 30;
/// Blobs that are fetched at the same time.
pub const FETCHES: usize = 4;
/// Places beside [`FETCHES`] that only blobs get for which a client waits.
pub const FETCHES_FOR_CLIENTS: usize = 2;
/// The rate of a fetch is measured over so long; a slow one makes room if others wait.
pub const FETCH_TURN: Duration = Duration::from_secs(60);
/// Bytes per second below which a fetch is slow.
pub const FETCH_MIN_RATE: u64 = 256 << 10;
/// Blobs that are read into memory at the same time for their facts: each may be a whole test set.
pub const BLOB_READS: usize = 2;
/// The first bytes of a blob that nobody has gone on fetching are deleted after so long.
pub const PART_AGE: Duration = Duration::from_secs(24 * 3600);
/// Such files are looked for so often.
pub const PART_SWEEP: Duration = Duration::from_secs(3600);
/// Blobs that wait to be fetched.
pub const FETCH_QUEUE: usize = 1024;
/// Clients that may wait for one blob.
pub const FETCH_WAITERS: usize = 16;
/// Failed attempts (wrong bytes) after which a blob is given up until it is asked for again.
pub const FETCH_ATTEMPTS: u32 = 8;
/// A client that waits for a blob is told "nobody has it" after so long without a byte.
pub const FETCH_PATIENCE: Duration = Duration::from_secs(15);
/// A peer that lacked a blob is asked again after so long.
pub const FETCH_RETRY: Duration = Duration::from_secs(2);

/// Own records that wait until a peer has them.
pub const OUTBOX: usize = 4096;
/// The outbox is offered again so often.
pub const OUTBOX_INTERVAL: Duration = Duration::from_secs(3);

/// Clients of the local socket.
pub const API_CLIENTS: usize = 32;
/// Requests of one client that are being answered at once.
pub const API_IN_FLIGHT: usize = 16;
/// Commands of all clients that wait for the daemon.
pub const API_QUEUE: usize = 64;
/// Events kept for slow clients; older ones are reported as lagged.
pub const API_EVENTS: usize = 1024;
/// A client that does not read its replies is dropped after so long.
pub const API_WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Work of other programs that is remembered at once: a machine proves a few things at a time.
pub const WORK_UNDER_WAY: usize = 64;
/// Work that nothing has been heard of for so long is forgotten: its program was killed. Steps of a proof take minutes
/// at most.
pub const WORK_PATIENCE: Duration = Duration::from_secs(900);
/// A program tells how far it is at most so often.
pub const REPORT_INTERVAL: Duration = Duration::from_millis(500);
/// A program that tells how far it is does not wait longer for the daemon.
pub const REPORT_PATIENCE: Duration = Duration::from_secs(2);
/// Records in one reply to a client.
pub const API_RECORDS_BYTES: usize = 3 << 20;

/// Page cache of the record store; sled's own default is 1 GiB.
pub const STORE_CACHE_BYTES: u64 = 16 << 20;
/// Longest record.
pub const RECORD_MAX_BYTES: usize = protocol::limits::MAX_RECORD_BYTES;
/// Records in the store.
pub const STORE_MAX_RECORDS: u64 = 1_000_000;

/// Largest proving key file.
pub const KEY_MAX_BYTES: u64 = BLOB_MAX_BYTES;
/// Longest opening: the weights of the largest size class, several times over.
pub const OPENING_MAX_BYTES: u64 = 16 << 20;
/// What the threads that prove may have reported before it is looked at; further steps are not shown.
pub const PROVER_EVENTS: usize = 64;
/// Most proofs at once that may be asked for.
pub const PROVER_JOBS: u16 = 256;
