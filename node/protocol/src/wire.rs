//! The messages of the catch-up and blob protocol: one request, one response, both DAG-CBOR of limited length. How long
//! they may be is the reader's to say.

use crate::{BlobId, Fingerprint, RecordId};
pub use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_ipld_dagcbor::DecodeError;

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
    /// One message of the reconciliation of each of some parts. More than the other side's bound are not looked at.
    Reconcile {
        /// Of one kind.
        messages: Vec<PartMessage>,
    },
    /// Records by id; those that are not there, and those that do not fit, are left out.
    Records {
        /// More than the other side's bound are not looked at.
        ids: Vec<RecordId>,
    },
    /// Which of these records the peer holds.
    Have {
        /// More than the other side's bound are not looked at.
        ids: Vec<RecordId>,
    },
    /// The hashes of a blob's chunks.
    Tree {
        /// Which blob.
        blob: BlobId,
    },
    /// A chunk of a blob.
    Chunk {
        /// Which blob.
        blob: BlobId,
        /// Which chunk, counted from 0.
        index: u32,
    },
    /// No request at all: what a reader makes of bytes that no honest peer sends. It is never sent.
    #[serde(skip)]
    Malformed {
        /// What is wrong.
        reason: String,
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
    /// The answers to messages of reconciliations.
    Reconciled {
        /// In the encoding of negentropy, version 1, and in the order of the messages: the first of them at least, and
        /// as many more as fit.
        messages: Vec<serde_bytes::ByteBuf>,
    },
    /// Signed envelopes.
    Records {
        /// In no order.
        records: Vec<serde_bytes::ByteBuf>,
    },
    /// Those of the records asked about that are checked and on disk here; others may be on their way.
    Held {
        /// In the order of the question.
        ids: Vec<RecordId>,
    },
    /// The hashes of a blob's chunks.
    Tree {
        /// Length of the whole blob.
        total: u64,
        /// 32 bytes a chunk: BLAKE3's chaining values of its subtrees. Empty for a blob of one chunk.
        hashes: serde_bytes::ByteBuf,
    },
    /// A chunk of a blob.
    Chunk {
        /// Length of the whole blob.
        total: u64,
        /// Fewer than a whole chunk only at the end.
        bytes: Bytes,
    },
    /// The blob is not here.
    NotHere,
    /// Too many requests: ask again later.
    Busy,
    /// No response at all: what a reader makes of bytes that no honest peer sends. It is never sent.
    #[serde(skip)]
    Malformed {
        /// What is wrong.
        reason: String,
    },
}

/// A message of the reconciliation of a part: the records of one kind in one competition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartMessage {
    /// The competition.
    pub competition: RecordId,
    /// The kind of record.
    pub kind: u8,
    /// In the encoding of negentropy, version 1.
    pub message: serde_bytes::ByteBuf,
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
            Self::Reconcile { messages } => {
                messages.iter().map(|part| ID_BYTES + part.message.len() as u64).sum()
            }
            Self::Records { ids } | Self::Have { ids } => ID_BYTES * ids.len() as u64,
            Self::Tree { .. } | Self::Chunk { .. } => ID_BYTES,
            Self::Malformed { .. } => 0,
        }
    }
}

impl Response {
    /// Bytes of what it carries, without the encoding around it.
    pub fn payload_bytes(&self) -> u64 {
        match self {
            Self::Same { .. } | Self::NotHere | Self::Busy | Self::Malformed { .. } => 0,
            Self::Summary { competitions, .. } => {
                competitions.iter().map(|page| ID_BYTES + PART_BYTES * page.parts.len() as u64).sum()
            }
            Self::Reconciled { messages } => messages.iter().map(|message| message.len() as u64).sum(),
            Self::Held { ids } => ID_BYTES * ids.len() as u64,
            Self::Records { records } => records.iter().map(|record| record.len() as u64).sum(),
            Self::Tree { hashes, .. } => hashes.len() as u64,
            Self::Chunk { bytes, .. } => bytes.len() as u64,
        }
    }
}

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// They end too early. Perhaps a connection broke: nobody is to blame.
    #[error("expected more than {got} bytes")]
    Truncated {
        /// How many there are.
        got: usize,
    },
    /// They are not what this version of the protocol says. Their sender is to blame: those who speak another version
    /// agree on another name.
    #[error("expected a message of {EXCHANGE}: {reason}")]
    Malformed {
        /// What the decoder says.
        reason: String,
    },
    /// A message that cannot be sent.
    #[error("expected a message to send: {reason}")]
    Unsendable {
        /// What the encoder says.
        reason: String,
    },
}

/// Reads a message, all of it.
///
/// # Errors
/// If it is none.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    serde_ipld_dagcbor::from_slice(bytes).map_err(|error| match error {
        DecodeError::Eof { .. } | DecodeError::RequireLength { .. } => {
            WireError::Truncated { got: bytes.len() }
        }
        // Some messages of errors repeat what was read.
        error => WireError::Malformed { reason: error.to_string().chars().take(200).collect() },
    })
}

/// A response whose bytes are not copied out of the message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
enum LongResponse<'a> {
    Chunk {
        total: u64,
        #[serde(borrow)]
        bytes: &'a serde_bytes::Bytes,
    },
}

/// Reads a response, all of it. A chunk's bytes are not copied: they stay where the message is.
///
/// # Errors
/// If it is none.
pub fn decode_response(message: &Bytes) -> Result<Response, WireError> {
    match serde_ipld_dagcbor::from_slice(message) {
        Ok(LongResponse::Chunk { total, bytes }) => {
            Ok(Response::Chunk { total, bytes: message.slice_ref(bytes) })
        }
        // Another one, or none.
        Err(_) => decode(message),
    }
}

/// Writes a message.
///
/// # Errors
/// If it is one that is never sent.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    serde_ipld_dagcbor::to_vec(message).map_err(|error| WireError::Unsendable { reason: error.to_string() })
}
