//! The bounds of a simulated node: the daemon's, made so small that attackers reach them.

use super::network::Ms;

/// Messages of one peer that wait.
pub(super) const INBOX: usize = 48;
/// Records of one peer on their way, beyond which its gossip is ignored.
pub(super) const ON_THE_WAY_PER_PEER: usize = 24;
/// Such records that wait for others; further ones are given up.
pub(super) const WAITING_PER_PEER: usize = 16;
/// Waiting records are given up after so many seconds.
pub(super) const PATIENCE_SECONDS: u64 = 20;
/// Proof checks that wait, beyond which gossip is ignored.
pub(super) const JOBS: usize = 64;
/// Proof checks at the same time.
pub(super) const WORKERS: usize = 2;
/// Provably bad things after which a peer is cut off.
pub(super) const REFUSED_CUT_OFF: u32 = 8;
/// Peers that an accepted record is sent to.
pub(super) const GOSSIP_TO: usize = 5;
/// Ids in one page.
pub(super) const IDS_PER_PAGE: usize = 48;
/// Records in one request.
pub(super) const RECORDS_PER_REQUEST: usize = 16;
/// Pages of one catch-up.
pub(super) const PAGES_PER_SYNC: usize = 64;
/// Ids that one catch-up wants.
pub(super) const WANTED: usize = 512;
/// Catch-ups at the same time.
pub(super) const SYNCS: usize = 4;
/// A catch-up ends after so long.
pub(super) const SYNC_DEADLINE: Ms = 15_000;
/// Blobs that are fetched at the same time.
pub(super) const FETCHES: usize = 6;
/// An answer about a blob is waited for so long.
pub(super) const BLOB_DEADLINE: Ms = 4_000;
/// Largest blob.
pub(super) const BLOB_BYTES: usize = 64 << 10;
/// How long a node takes for one message of every peer.
pub(super) const TURN: Ms = 8;
