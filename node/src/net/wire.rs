//! The catch-up and blob protocol: one request, one response, both CBOR of limited length.

use protocol::{BlobId, Fingerprint, RecordId};
use serde::{Deserialize, Serialize};

/// Name and version of the protocol.
pub const EXCHANGE: &str = "/podium/exchange/1";

/// What a peer asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Request {
    /// The kept records above `after`: one page. Competitions come first, then entries, then submissions.
    Ids {
        /// Last of the page before: kind (0, 1, 2) and id.
        after: Option<(u8, RecordId)>,
    },
    /// Records by id; those that are not there, and those that do not fit, are left out.
    Records {
        /// At most [`RECORDS_PER_REQUEST`](crate::limits::RECORDS_PER_REQUEST).
        ids: Vec<RecordId>,
    },
    /// A part of a blob.
    Chunk {
        /// Which blob.
        blob: BlobId,
        /// From which byte.
        offset: u64,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Response {
    /// A page of ids.
    Ids {
        /// Kind and id, in order.
        ids: Vec<(u8, RecordId)>,
        /// Whether there are more.
        more: bool,
        /// Records in all.
        total: u64,
        /// Of the whole set.
        fingerprint: Fingerprint,
    },
    /// Signed envelopes.
    Records {
        /// In no order.
        records: Vec<serde_bytes::ByteBuf>,
    },
    /// A part of a blob.
    Chunk {
        /// Length of the whole blob.
        total: u64,
        /// Bytes from the offset; fewer than a whole chunk only at the end.
        bytes: serde_bytes::ByteBuf,
    },
    /// The blob is not here.
    NotHere,
    /// Too many requests: ask again later.
    Busy,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    #[test]
    fn the_largest_messages_fit_their_limits() {
        let ids = vec![RecordId::new([0xff; 32]); limits::RECORDS_PER_REQUEST];
        let request = serde_json::to_vec(&Request::Records { ids }).unwrap();
        // JSON writes a byte as up to four characters; CBOR as at most two.
        assert!(request.len() as u64 / 2 <= limits::REQUEST_MAX_BYTES, "{}", request.len());
        let page = limits::IDS_PER_PAGE * (RecordId::new([0; 32]).as_bytes().len() + 4);
        assert!((page as u64) < limits::RESPONSE_MAX_BYTES);
        const { assert!(limits::CHUNK_BYTES + 64 < limits::RESPONSE_MAX_BYTES) };
        const { assert!(limits::RECORDS_PAGE_BYTES as u64 + 64 * 16 < limits::RESPONSE_MAX_BYTES) };
        // Every record fits into a page by itself.
        const { assert!(limits::RECORDS_PAGE_BYTES >= limits::RECORD_MAX_BYTES) };
    }
}
