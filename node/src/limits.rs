//! Every bound of the daemon. A number that a stranger can drive up has its ceiling here, with the reason.

use std::time::Duration;

/// Largest gossip message: a signed record in gossipsub's own envelope.
pub const GOSSIP_MAX_BYTES: usize = RECORD_MAX_BYTES + (4 << 10);
/// Messages that gossipsub may queue for one peer.
pub const GOSSIP_QUEUE: usize = 128;
/// How long a message id is remembered. Verification answers long before.
pub const GOSSIP_DUPLICATE_CACHE: Duration = Duration::from_secs(120);
/// Gossip's heart beats so often.
pub const GOSSIP_HEARTBEAT: Duration = Duration::from_millis(700);
/// Heartbeats for which a message can still be forwarded after validation: the window for verification.
pub const GOSSIP_HISTORY: usize = 60;
/// Gossip messages of one peer that may wait for verification at once; further ones are ignored.
pub const VERIFY_PER_PEER: usize = 32;
/// Records that may wait for verification, from everywhere, before gossip is ignored.
pub const VERIFY_QUEUE: usize = 256;
/// Gossip messages of one peer that may wait even then: so many others cannot take from it.
pub const VERIFY_RESERVED: usize = 4;
/// Gossip and clients are told "not now" when a record could not be judged for so long: before gossipsub forgets the
/// message.
pub const VERIFY_PATIENCE: Duration = Duration::from_secs(30);
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
/// How long a peer that was disconnected for misbehaviour stays out, restarts included.
pub const BAN: Duration = Duration::from_secs(600);
/// Peers that are remembered as banned; those whose time is over first are forgotten first.
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
/// Most addresses of one kind on the command line, and of peers that mDNS finds at once.
pub const MAX_ADDRESSES: usize = 64;

/// With so many connected peers no others are looked for: gossip keeps a mesh of six to twelve among them.
pub const PEERS_TARGET: usize = 16;
/// Above so many, those that look-ups have connected are let go again: each costs a catch-up every few seconds.
pub const PEERS_ENOUGH: usize = 48;
/// More peers are looked for so often, as long as there are too few.
pub const DISCOVER: Duration = Duration::from_secs(10);
/// Peers that are dialled at once when more are looked for.
pub const DISCOVER_DIALS: usize = 4;
/// A peer that does not answer, or a relay that refuses, is left alone for so long, and twice as long each time.
pub const DIAL_PAUSE: Duration = Duration::from_secs(5);
/// The longest of these pauses.
pub const DIAL_PAUSE_MAX: Duration = Duration::from_secs(600);
/// Peers whose pauses are remembered; beyond, all are forgotten.
pub const DIAL_PAUSES: usize = 1024;
/// A relayed connection is closed when a direct one to the same peer has stood for so long.
pub const RELAYED_OVERLAP: Duration = Duration::from_secs(3);

/// Peers in the address book; those that were seen longest ago are forgotten first.
pub const BOOK_PEERS: usize = 256;
/// Addresses of one peer, in the book and in the routing table.
pub const PEER_ADDRESSES: usize = 8;
/// Longest address that is remembered, in bytes: a circuit through a relay with a long name fits.
pub const ADDRESS_MAX_BYTES: usize = 512;
/// Peers that were not seen for so long are dropped from the book.
pub const BOOK_AGE: Duration = Duration::from_secs(90 * 24 * 3600);
/// The book is written at most so often, and at the end.
pub const BOOK_INTERVAL: Duration = Duration::from_secs(30);
/// Largest book: every peer and ban with the longest texts fits.
pub const BOOK_MAX_BYTES: u64 = 8 << 20;
/// Reasons that are remembered of one peer's refusals.
pub const REFUSALS: usize = 3;
/// Longest reason in characters: parts of it may be a stranger's words.
pub const REFUSAL_CHARS: usize = 200;
/// Peers that have gone and whose refusals are still remembered, for as long as [`BAN`].
pub const OFFENDERS: usize = 1024;
/// Longest ban that a person may ask for.
pub const BAN_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// Addresses that strangers claim to see this node at; further ones are not looked into.
pub const ADDRESS_CANDIDATES: usize = 32;
/// Addresses at which peers have reached this node; the oldest make room.
pub const EXTERNAL_ADDRESSES: usize = 16;
/// Peers are first asked to dial back after so long.
pub const AUTONAT_DELAY: Duration = Duration::from_secs(5);
/// They are asked again so often until three have said the same.
pub const AUTONAT_RETRY: Duration = Duration::from_secs(30);
/// And so often afterwards.
pub const AUTONAT_REFRESH: Duration = Duration::from_secs(15 * 60);
/// Dial-backs for all peers in a minute: each makes this node dial, though only the asker's own address.
pub const AUTONAT_SERVED: usize = 30;
/// Dial-backs for one peer in a minute.
pub const AUTONAT_SERVED_PER_PEER: usize = 3;

/// Blobs of which this node tells the network that it has them; the competitions' latest first.
pub const ANNOUNCED_BLOBS: usize = 256;
/// Blobs that are announced in one second.
pub const ANNOUNCED_AT_ONCE: usize = 4;
/// They are announced again so often.
pub const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2 * 3600);
/// What others have announced is forgotten after so long.
pub const PROVIDER_TTL: Duration = Duration::from_secs(6 * 3600);
/// Blobs of which this node remembers for others who has them.
pub const PROVIDED_KEYS: usize = 16_384;
/// Providers of one blob: the replication of Kademlia.
pub const PROVIDERS_PER_KEY: usize = 20;
/// Blobs that one peer may announce here: one peer cannot fill the place of all.
pub const PROVIDED_PER_PEER: usize = 512;
/// Providers of a blob are looked for at most so often.
pub const SEEK_PAUSE: Duration = Duration::from_secs(10);
/// Blobs whose providers are looked for at once.
pub const SEEKS: usize = 8;
/// Providers that are dialled for one look-up.
pub const SEEK_DIALS: usize = 8;
/// A look-up ends after so long.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(30);
/// The neighbourhood is looked up anew so often.
pub const LOOKUP_INTERVAL: Duration = Duration::from_secs(300);

/// Relays at which a private node has a place.
pub const RELAYS: usize = 2;
/// As a relay: nodes that have a place here.
pub const RELAY_RESERVATIONS: usize = 64;
/// Places of one node, beside a first one.
pub const RELAY_RESERVATIONS_PER_PEER: usize = 2;
/// A place has to be asked for anew after so long.
pub const RELAY_RESERVATION: Duration = Duration::from_secs(3600);
/// Circuits at once: with [`RELAY_CIRCUIT_BYTES`] and [`RELAY_CIRCUIT`] they carry at most 4 GiB in an hour.
pub const RELAY_CIRCUITS: usize = 64;
/// Circuits of one node, beside a first one.
pub const RELAY_CIRCUITS_PER_PEER: usize = 8;
/// A circuit is cut after so long; whoever needs it dials again.
pub const RELAY_CIRCUIT: Duration = Duration::from_secs(3600);
/// A circuit is cut after so many bytes: gossip and records for days, a test set, but no proving key.
pub const RELAY_CIRCUIT_BYTES: u64 = 64 << 20;
/// Reservations of one peer, and circuits from one peer, in [`RELAY_RATE`].
pub const RELAY_RATE_PER_PEER: u32 = 30;
/// The same of one IP address: a classroom behind one router.
pub const RELAY_RATE_PER_IP: u32 = 120;
/// The time in which these are given back one by one.
pub const RELAY_RATE: Duration = Duration::from_secs(60);
/// Blobs up to this length are fetched over a relay like over any connection; longer ones only when nobody can be
/// reached otherwise.
pub const RELAYED_BLOB_BYTES: u64 = 4 << 20;

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
/// Of these, requests for blobs, so that records are not held up by them.
pub const SERVE_BLOBS_PER_PEER: usize = 12;
/// The same for all peers together.
pub const SERVE_BLOBS_TOTAL: usize = 32;
/// Requests of one peer that are answered even then: those who ask and do not read cannot take all places.
pub const SERVE_RESERVED: usize = 1;
/// Competitions in one page of a summary.
pub const SUMMARY_PAGE: usize = 512;
/// Longest message of a reconciliation, either way; where messages share a request, all of them together.
pub const RECONCILE_BYTES: u64 = 48 << 10;
/// Parts that are reconciled at once: one question about many small competitions instead of one about each.
pub const RECONCILE_PARTS: usize = 128;
/// Messages of one reconciliation: enough for the largest part, whose ids fill so many, and no more.
pub const RECONCILE_ROUNDS: usize = 256;
/// Records that are asked for in one request: as many as are worth a flush.
pub const RECORDS_PER_REQUEST: usize = 128;
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
/// Those of them with peers that have not answered yet, or left the last question unanswered: so that peers which never
/// answer cannot take all places.
pub const SYNCS_UNANSWERED: usize = 4;
/// Who leaves the first question unanswered for so long makes room for another; the answer is taken when it comes.
pub const SYNC_PATIENCE: Duration = Duration::from_secs(2);
/// Answers in a row without any of the records that a peer said it had, before its catch-up ends.
pub const EMPTY_ANSWERS: usize = 16;
/// A catch-up makes room for another after so long; the next one goes on, as what is kept is not asked for again.
pub const SYNC_DEADLINE: Duration = Duration::from_secs(60);
/// Proof checks of one peer's records that wait while more of its records are asked for. All catch-ups together leave
/// room in [`MAX_PENDING`](protocol::limits::MAX_PENDING).
pub const SYNC_JOBS: usize = 128;
/// Refused records that are remembered, so that they are not fetched again and again.
pub const REFUSED_REMEMBERED: usize = 16_384;

/// Bytes of one blob chunk: a subtree of BLAKE3's tree, hence a power of two. Peers have to agree on it. Large enough
/// that a request is little beside it; small enough that a slow line sends one before [`REQUEST_TIMEOUT`].
pub const CHUNK_BYTES: u64 = 1 << 20;
/// Chunks of one blob that are asked for at once, or are being verified: each is in memory. Those of slow peers come
/// on top.
pub const CHUNKS_IN_FLIGHT: usize = 12;
/// Chunks of one blob that are verified and wait for the disk, in memory, before no more are asked for.
pub const CHUNKS_UNWRITTEN: usize = 32;
/// Chunks that a worker writes before it says so.
pub const CHUNKS_WRITTEN_AT_ONCE: usize = 8;
/// Chunks that one peer is asked for at once, of all blobs: below [`SERVE_BLOBS_PER_PEER`].
pub const CHUNKS_PER_PEER: usize = 8;
/// Chunks that a peer is asked for at first: it may be slow, or lie.
pub const CHUNKS_AT_FIRST: usize = 2;
/// A chunk that has been asked for so long ago is asked of another peer too when nothing else is left to ask.
pub const CHUNK_SLOW: Duration = Duration::from_secs(2);
/// Freed blocks of up to so many bytes stay with the node for the next ones; twice as many bytes at a time.
pub const KEPT_MEMORY_BYTES: usize = 16 << 20;
/// Bytes of chunks' hashes that are kept in memory: those of the 32 largest blobs.
pub const CACHED_TREES_BYTES: u64 = 4 << 20;
/// Bytes of blobs per second that leave for all peers together, unless the user says otherwise: more than a network
/// card of ten gigabits, so that it is memory and processor that are protected.
pub const UPLOAD_RATE: u64 = 2 << 30;
/// The same for one peer.
pub const UPLOAD_RATE_PER_PEER: u64 = 1 << 30;
/// So much may leave at once after a rest, as time at the full rate.
pub const UPLOAD_BURST: Duration = Duration::from_secs(1);
/// A chunk waits for its turn to leave for so long at most; beyond that the peer is told to ask later. Well below
/// [`REQUEST_TIMEOUT`].
pub const UPLOAD_PATIENCE: Duration = Duration::from_secs(4);
/// Largest blob that is taken: the protocol's longest proving key.
pub const BLOB_MAX_BYTES: u64 = protocol::limits::MAX_PROVING_KEY_BYTES;
/// Verifying keys kept in memory.
pub const CACHED_KEYS_BYTES: u64 = 64 << 20;
/// Test sets kept in memory.
pub const CACHED_TEST_SETS_BYTES: u64 = 768 << 20;
/// Test sets and verifying keys of strangers' competitions are fetched by themselves until all blobs are so many
/// bytes; what is asked for by name still finds room.
pub const AUTO_FETCH_QUOTA_BYTES: u64 = 8 << 30;
/// All blobs of this node together, unless the user says otherwise.
pub const BLOBS_QUOTA_BYTES: u64 = 32 << 30;
/// A blob that no competition needs is not deleted before it has lain so long: its record may be on its way.
pub const COLLECT_AGE: Duration = Duration::from_secs(24 * 3600);
/// Such blobs are looked for so often, if room is short.
pub const COLLECT_INTERVAL: Duration = Duration::from_secs(60);
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
/// The blobs of new competitions are looked for at most so often.
pub const BLOBS_PAUSE: Duration = Duration::from_millis(200);
/// Blobs that wait to be fetched.
pub const FETCH_QUEUE: usize = 1024;
/// Clients that may wait for one blob.
pub const FETCH_WAITERS: usize = 16;
/// A client that waits for a blob is told "nobody has it" after so long without a byte.
pub const FETCH_PATIENCE: Duration = Duration::from_secs(15);
/// A peer that lacked a blob is asked again after so long.
pub const FETCH_RETRY: Duration = Duration::from_secs(2);

/// Own records that wait until a peer has them.
pub const OUTBOX: usize = 4096;
/// The outbox is offered again so often.
pub const OUTBOX_INTERVAL: Duration = Duration::from_secs(3);
/// Peers that are remembered as holding an own record: enough to see that it is not lost, whatever their number.
pub const HOLDERS: usize = 32;
/// Longest name of a peer: a multihash of 64 bytes, the longest that libp2p admits, with its two length bytes.
pub const PEER_BYTES: usize = 66;
/// Own records that a peer is asked about at once.
pub const HAVE_IDS: usize = 256;
/// A peer is asked so long after an own record was published: it checks and writes it first.
pub const HAVE_PAUSE: Duration = Duration::from_millis(100);
/// A peer that does not have all of it yet is asked again after a pause that doubles up to this.
pub const HAVE_PAUSE_MAX: Duration = Duration::from_secs(30);
/// Peers are asked about own records that were published in the last while, and about those in the outbox; what they
/// have of the others is seen in catch-ups.
pub const HAVE_RECENT: Duration = Duration::from_secs(60);
/// Own records in one reply to a client, the newest.
pub const API_OWN: usize = 4096;

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
/// Entries that a migration or a copy of the store goes through at once.
pub const MIGRATION_PAGE: usize = 256;
/// Bytes that stay free on the disk of the records: sled writes in segments of 512 KiB, some of them before it frees
/// others, and cannot go on in this process once a write has failed.
pub const DISK_RESERVE_BYTES: u64 = 12 << 20;
/// Bytes that must be free for the database to be opened at all: with those it is read, and nothing is written. Closing
/// it within the reserve leaves more: 7 MiB of it were seen to go.
pub const DISK_OPENING_BYTES: u64 = 2 << 20;
/// Bytes that blobs leave free: more, so that they do not take the room of records.
pub const DISK_RESERVE_BLOBS_BYTES: u64 = 20 << 20;
/// Free space is looked at so often.
pub const DISK_INTERVAL: Duration = Duration::from_secs(1);
/// What is wrong with a store: so much is told, the rest is counted.
pub const FINDINGS: usize = 100;
/// Longest manifest of an archive of records.
pub const MANIFEST_BYTES: u64 = 64 << 10;
/// Longest archive of records that is read.
pub const ARCHIVE_BYTES: u64 = 64 << 30;
/// Records of an archive that are taken in at once.
pub const IMPORT_PAGE: usize = 256;
/// Connections to the running node through which an archive is taken in: it writes what comes together in one go.
pub const IMPORT_CLIENTS: usize = 8;

/// Largest proving key file.
pub const KEY_MAX_BYTES: u64 = BLOB_MAX_BYTES;
/// Longest opening: the weights of the largest size class, several times over.
pub const OPENING_MAX_BYTES: u64 = 16 << 20;
/// What the threads that prove may have reported before it is looked at; further steps are not shown.
pub const PROVER_EVENTS: usize = 64;
/// Most proofs at once that may be asked for.
pub const PROVER_JOBS: u16 = 256;
/// Longest configuration file.
pub const CONFIG_MAX_BYTES: u64 = 64 << 10;

/// Readers of metrics at once; further ones wait.
pub const METRICS_CONNECTIONS: usize = 8;
/// A reader of metrics must have sent its request after so long.
pub const METRICS_HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// A reader's connection is closed after so long; Prometheus opens another.
pub const METRICS_CONNECTION: Duration = Duration::from_secs(120);
/// Longest head of a request for metrics.
pub const METRICS_REQUEST_BYTES: usize = 16 << 10;
/// Disk and memory are measured so often.
pub const MEASURE_INTERVAL: Duration = Duration::from_secs(10);
/// Free bytes of the disk below which the node warns: a proving key and a test set still fit.
pub const DISK_LOW_BYTES: u64 = 2 << 30;
/// A clock that is off by more than this is worth a warning: deadlines are missed by it.
pub const CLOCK_OFF_S: i64 = 60;
/// Own records that no peer has confirmed for so long are worth a warning.
pub const OUTBOX_LONG: Duration = Duration::from_secs(600);
/// A node may be without peers for so long after its start before it warns.
pub const LONELY: Duration = Duration::from_secs(60);
/// Percent of the store's or the blobs' bound from which on the node warns.
pub const NEARLY_FULL_PERCENT: u64 = 90;

/// Most records in a bundle: entries, their withdrawals, submissions, and a few of the host.
pub const BUNDLE_RECORDS: usize = 2 * protocol::limits::MAX_ENTRIES + protocol::limits::MAX_SUBMISSIONS + 16;
/// Most blobs in a bundle: a key for each size class, and the test set.
pub const BUNDLE_BLOBS: usize = protocol::limits::MAX_SIZE_CLASSES + 1;
/// Longest bundle that is read: it is held in memory.
pub const BUNDLE_BYTES: u64 = 1 << 30;

/// Longest answer of a chain's node: a span of events; keys and test sets are read in pieces of 24 KiB.
pub const CHAIN_ANSWER_BYTES: usize = 16 << 20;
/// A connection to a chain's node is given up after so long.
pub const CHAIN_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A request to a chain's node is given up after so long: searching events takes some nodes a while.
pub const CHAIN_REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// A chain's node is asked again so often while a transaction waits.
pub const CHAIN_POLL: Duration = Duration::from_secs(3);
/// The same of a node on this machine.
pub const CHAIN_POLL_LOCAL: Duration = Duration::from_millis(200);
/// A command that waits for a transaction ends after so long; the same command goes on waiting.
pub const CHAIN_PATIENCE: Duration = Duration::from_secs(1800);
/// A chain's node may be down for so long while a transaction waits.
pub const CHAIN_DOWN_PATIENCE: Duration = Duration::from_secs(60);
/// Blocks in which events are searched at once, where a chain's node admits no more.
pub const CHAIN_LOG_SPAN: u64 = 500;
/// The chain is looked at so often for boards.
pub const CHAIN_LOOK: Duration = Duration::from_secs(30);
/// The same where the chain's node is on this machine.
pub const CHAIN_LOOK_LOCAL: Duration = Duration::from_secs(2);
/// Competitions that are looked at then: others have their turn next.
pub const CHAIN_LOOKS_AT_ONCE: usize = 64;
/// Contracts and terms that are remembered of it.
pub const CHAIN_REMEMBERED: usize = 1024;
/// What proposers get for a unit of gas, where a chain's node has no opinion.
pub const CHAIN_TIP_WEI: u128 = 1_000_000_000;
/// Transactions that are signed anew in one command because others took their numbers.
pub const CHAIN_NONCE_RETRIES: u32 = 5;
/// Most confirmations that may be asked for: two days of Ethereum.
pub const CHAIN_CONFIRMATIONS: u64 = 16_384;
/// Longest file of an account: a keystore, a key or a password.
pub const ACCOUNT_MAX_BYTES: u64 = 16 << 10;
/// Memory that opening a keystore may take: twice what the usual parameters take.
pub const KEYSTORE_WORK_BYTES: u64 = 512 << 20;
/// Longest file about a transaction or a competition on a chain: a few signed transactions.
pub const JOURNAL_MAX_BYTES: u64 = 8 << 20;
/// Times that one transaction is signed with higher and higher fees.
pub const JOURNAL_ATTEMPTS: usize = 8;
