//! Every bound of the protocol. Lengths are in bytes unless the name says otherwise.
//!
//! The first two groups are rules of the protocol: all nodes must agree on them. The last group protects one
//! node's memory and may differ between nodes.

pub use circuits::statement::{MAX_ROWS, MAX_TEST_SET_BYTES};

// --- records

/// Longest signed record: looked at before anything else. Only an accusation may be so long.
pub const MAX_RECORD_BYTES: usize = 2 * MAX_PLAIN_RECORD_BYTES + (1 << 10);
/// Longest signed record but for accusations, which hold two of them.
pub const MAX_PLAIN_RECORD_BYTES: usize = 256 << 10;
/// Longest payload but for accusations: the envelope around it takes less than 256 bytes.
pub const MAX_PAYLOAD_BYTES: usize = MAX_PLAIN_RECORD_BYTES - 256;
/// Longest payload of an accusation.
pub const MAX_MISBEHAVIOUR_BYTES: usize = MAX_RECORD_BYTES - 256;
/// Most entries on a roster: as many ids as fit into a record.
pub const MAX_ROSTER: usize = 7168;
/// Most submissions that a host can call final.
pub const MAX_CLOSED: usize = 7168;
/// Most levels of accuracy that may be claimed.
pub const MAX_LEVELS: usize = 64;
/// Longest title of a competition.
pub const MAX_TITLE_BYTES: usize = 128;
/// Longest description of a competition.
pub const MAX_DESCRIPTION_BYTES: usize = 16 << 10;
/// Longest display name of an entry.
pub const MAX_DISPLAY_NAME_BYTES: usize = 64;
/// Most size classes that a competition admits.
pub const MAX_SIZE_CLASSES: usize = 8;
/// Most chunks of one submission.
pub const MAX_CHUNKS: usize = 1024;
/// Highest threshold: 100 %, in basis points.
pub const MAX_THRESHOLD_BPS: u32 = 10_000;
/// Highest `caps.entries`: entries of one competitor.
pub const MAX_ENTRIES_CAP: u32 = 1000;
/// Highest `caps.submissions`: submissions of one entry.
pub const MAX_SUBMISSIONS_CAP: u32 = 1000;
/// Latest time that a record may claim: the end of the year 9999, in seconds since 1970.
pub const MAX_TIMESTAMP: u64 = 253_402_300_799;

// --- blobs

/// Longest verifying key.
pub const MAX_VERIFYING_KEY_BYTES: u64 = 8 << 20;
/// Longest proving key.
pub const MAX_PROVING_KEY_BYTES: u64 = 4 << 30;
/// Longest training data.
pub const MAX_TRAINING_BYTES: u64 = 16 << 30;

// --- one node's memory

/// Most records that wait for something, or for their proofs to be checked.
pub const MAX_PENDING: usize = 4096;
/// Most bytes of such records.
pub const MAX_PENDING_BYTES: usize = 64 << 20;
/// Most of those who brought one pending record that are told apart: further ones do not bring it nearer to its check.
pub const MAX_ORIGINS: usize = 128;
/// Most refused records that are remembered, so that a replay costs nothing.
pub const MAX_REFUSED: usize = 8192;
/// Most competitions that are remembered because there was no place for them.
pub const MAX_TURNED_AWAY: usize = 1024;
/// Most competitions in one record set.
pub const MAX_COMPETITIONS: usize = 4096;
/// Most competitions of one author in one record set: a key costs nothing, but each has to be made.
pub const MAX_COMPETITIONS_OF_AUTHOR: usize = 64;
/// Most entries in one competition, over all competitors.
pub const MAX_ENTRIES: usize = 1 << 16;
/// Most submissions in one competition, over all entries.
pub const MAX_SUBMISSIONS: usize = 1 << 17;
