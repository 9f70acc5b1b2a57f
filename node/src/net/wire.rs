//! The catch-up and blob protocol: one request, one response, both CBOR of limited length.

use protocol::{BlobId, Fingerprint, RecordId};
use serde::{Deserialize, Serialize};

/// Name and version of the protocol.
pub const EXCHANGE: &str = "/podium/exchange/3";

/// What a peer asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Request {
    /// What there is, by competition and kind: one page.
    Summary {
        /// Last competition of the page before.
        after: Option<RecordId>,
        /// Of the asker's own set: whoever has the same says only that.
        fingerprint: Fingerprint,
    },
    /// One message of the reconciliation of a part.
    Reconcile {
        /// The competition.
        competition: RecordId,
        /// The kind of record.
        kind: u8,
        /// In the encoding of negentropy, version 1.
        message: serde_bytes::ByteBuf,
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
    /// The same set.
    Same {
        /// Records in it.
        total: u64,
        /// The answerer's clock, seconds since 1970.
        time: u64,
    },
    /// A page of a summary.
    Summary {
        /// In ascending order.
        competitions: Vec<Summary>,
        /// Whether there are more.
        more: bool,
        /// Records in all.
        total: u64,
        /// The answerer's clock, seconds since 1970.
        time: u64,
    },
    /// The answer to a message of a reconciliation.
    Reconciled {
        /// In the encoding of negentropy, version 1.
        message: serde_bytes::ByteBuf,
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

/// What a peer has of one competition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The competition.
    pub competition: RecordId,
    /// Kind, number of records and their fingerprint, in the order of kinds.
    pub parts: Vec<(u8, u64, Fingerprint)>,
}

/// Bytes of ids and of one part of a summary, for counting.
const ID_BYTES: u64 = 32;
const PART_BYTES: u64 = 41;

impl Request {
    /// Bytes of what it carries, without the encoding around it.
    pub fn payload_bytes(&self) -> u64 {
        match self {
            Self::Summary { .. } => 2 * ID_BYTES,
            Self::Reconcile { message, .. } => ID_BYTES + message.len() as u64,
            Self::Records { ids } => ID_BYTES * ids.len() as u64,
            Self::Chunk { .. } => ID_BYTES,
        }
    }
}

impl Response {
    /// Bytes of what it carries, without the encoding around it.
    pub fn payload_bytes(&self) -> u64 {
        match self {
            Self::Same { .. } | Self::NotHere | Self::Busy => 0,
            Self::Summary { competitions, .. } => {
                competitions.iter().map(|page| ID_BYTES + PART_BYTES * page.parts.len() as u64).sum()
            }
            Self::Reconciled { message } => message.len() as u64,
            Self::Records { records } => records.iter().map(|record| record.len() as u64).sum(),
            Self::Chunk { bytes, .. } => bytes.len() as u64,
        }
    }
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
        const { assert!(limits::RECONCILE_BYTES + 256 < limits::REQUEST_MAX_BYTES) };
        let part = (1, u64::MAX, Fingerprint::new([0xff; 32]));
        let summary = Summary { competition: RecordId::new([0xff; 32]), parts: vec![part; 7] };
        let page = serde_json::to_vec(&vec![summary; limits::SUMMARY_PAGE]).unwrap().len();
        assert!((page as u64) / 2 < limits::RESPONSE_MAX_BYTES, "{page}");
        const { assert!(limits::CHUNK_BYTES + 64 < limits::RESPONSE_MAX_BYTES) };
        const { assert!(limits::RECORDS_PAGE_BYTES as u64 + 64 * 16 < limits::RESPONSE_MAX_BYTES) };
        // Every record fits into a page by itself.
        const { assert!(limits::RECORDS_PAGE_BYTES >= limits::RECORD_MAX_BYTES) };
    }
}
