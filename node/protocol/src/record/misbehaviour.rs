//! Two records of one host that contradict each other. The pair is its own proof, whoever shows it.

use super::{Body, FormError, Kind};
use crate::{EnvelopeError, RecordId, Signed, limits::MAX_PLAIN_RECORD_BYTES};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Two reveals, or two closes, of one competition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Misbehaviour {
    /// The competition.
    pub competition: RecordId,
    /// The signed record with the lower id.
    pub first: ByteBuf,
    /// The signed record with the higher id.
    pub second: ByteBuf,
}

/// Why two records are no proof of misbehaviour. Always rejected: it is seen from the record alone.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PairError {
    /// One of them is longer than such a record can be.
    #[error("expected records of at most {MAX_PLAIN_RECORD_BYTES} bytes, got one of {got}")]
    Length {
        /// Its length.
        got: usize,
    },
    /// One of them is no signed record.
    #[error("expected two signed records: {0}")]
    Envelope(#[from] EnvelopeError),
    /// One of them breaks the rules by itself.
    #[error("expected two records in order: {0}")]
    Form(Box<FormError>),
    /// Not in the order of their ids, or the same record twice: the pair would have several encodings.
    #[error("expected two different records in the order of their ids")]
    Order,
    /// Two authors.
    #[error("expected two records of one author, got {first} and {second}")]
    Authors {
        /// Peer id of the first record's author.
        first: String,
        /// Peer id of the second record's author.
        second: String,
    },
    /// They do not contradict each other.
    #[error("expected two reveals or two closes, got a {first} and a {second}")]
    Kinds {
        /// Kind of the first record.
        first: Kind,
        /// Kind of the second record.
        second: Kind,
    },
    /// About another competition.
    #[error("expected records of competition {expected:?}, got one of {got:?}")]
    Competition {
        /// The competition of the accusation.
        expected: RecordId,
        /// The competition of the record.
        got: RecordId,
    },
}

/// The pair, opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Both records, the lower id first.
    pub records: [Signed; 2],
    /// Their kind.
    pub kind: Kind,
}

impl Misbehaviour {
    /// Of two signed records, in whichever order.
    pub fn of(competition: RecordId, a: &Signed, b: &Signed) -> Self {
        let (first, second) = if a.id() < b.id() { (a, b) } else { (b, a) };
        let bytes = |signed: &Signed| ByteBuf::from(signed.bytes().to_vec());
        Self { competition, first: bytes(first), second: bytes(second) }
    }

    /// Opens and checks the pair: signatures, forms, one author, one competition, kinds of which there is only one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(&self) -> Result<Pair, PairError> {
        let [(first, a), (second, b)] = [self.half(&self.first)?, self.half(&self.second)?];
        if first.id() >= second.id() {
            return Err(PairError::Order);
        }
        if first.author() != second.author() {
            let (first, second) = (first.author().to_string(), second.author().to_string());
            return Err(PairError::Authors { first, second });
        }
        match (a, b) {
            (Kind::Reveal, Kind::Reveal) | (Kind::Close, Kind::Close) => {
                Ok(Pair { records: [first, second], kind: a })
            }
            (first, second) => Err(PairError::Kinds { first, second }),
        }
    }

    fn half(&self, bytes: &[u8]) -> Result<(Signed, Kind), PairError> {
        if bytes.len() > MAX_PLAIN_RECORD_BYTES {
            return Err(PairError::Length { got: bytes.len() });
        }
        let signed = Signed::open(bytes)?;
        let body = Body::from_payload(signed.payload()).map_err(|error| PairError::Form(Box::new(error)))?;
        match body.competition() {
            Some(got) if got != self.competition => {
                Err(PairError::Competition { expected: self.competition, got })
            }
            _ => Ok((signed, body.kind())),
        }
    }
}
