//! The signed envelope around every record. It is checked before its payload is looked at.

use crate::{RecordId, Verdict, limits::MAX_RECORD_BYTES};
use circuits::statement::Competitor;
use libp2p_core::{SignedEnvelope, signed_envelope::ReadPayloadError};
use libp2p_identity::{Keypair, PeerId, PublicKey};
use std::{fmt, sync::Arc};

/// Domain separator of the signature: no other use of a node's key signs under it.
pub const DOMAIN: &str = "podium-record";
/// Payload type of every record's envelope.
pub const PAYLOAD_TYPE: &[u8] = b"/podium/record";

/// Who signed a record: an ed25519 key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Author {
    key: [u8; 32],
    peer_id: PeerId,
}

impl Author {
    /// The author that signs with this key.
    ///
    /// # Errors
    /// [`EnvelopeError::KeyType`] unless it is an ed25519 key, [`EnvelopeError::WeakKey`] if it is of small order:
    /// such a key has no owner, because anybody can sign for it.
    pub fn from_public_key(key: &PublicKey) -> Result<Self, EnvelopeError> {
        let got = || format!("{:?}", key.key_type());
        let bytes =
            key.clone().try_into_ed25519().map_err(|_| EnvelopeError::KeyType { got: got() })?.to_bytes();
        let point = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| EnvelopeError::WeakKey)?;
        if point.is_weak() {
            return Err(EnvelopeError::WeakKey);
        }
        Ok(Self { key: bytes, peer_id: key.to_peer_id() })
    }

    /// The ed25519 public key.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The peer id that belongs to the key.
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// The author as the proofs name competitors.
    pub fn competitor(&self) -> Competitor {
        Competitor::Node(self.key)
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.peer_id.to_base58())
    }
}

impl fmt::Debug for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Author({self})")
    }
}

/// Why bytes are not a signed envelope of a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Too long to be looked at. Reject.
    #[error("expected a record of at most {MAX_RECORD_BYTES} bytes, got {got}")]
    TooLong {
        /// Its length in bytes.
        got: usize,
    },
    /// Not an envelope. Reject.
    #[error("not a signed envelope: {0}")]
    Malformed(String),
    /// An envelope for something else. Reject.
    #[error("expected an envelope of type {:?}, got {got:?}", String::from_utf8_lossy(PAYLOAD_TYPE))]
    PayloadType {
        /// Its type, cut to 64 bytes, as text.
        got: String,
    },
    /// Signed with another kind of key. Reject.
    #[error("expected an ed25519 key, got {got}")]
    KeyType {
        /// The kind of key.
        got: String,
    },
    /// A key of small order: anybody can sign for it. Reject.
    #[error("the signing key is of small order, so that anybody could sign for it")]
    WeakKey,
    /// The signature does not verify under the key inside. Reject.
    #[error("the signature does not verify")]
    Signature,
    /// Another encoding of the same envelope: it would give one record two ids. Reject.
    #[error("expected the canonical encoding of the envelope, {expected} bytes, got {got} other bytes")]
    NotCanonical {
        /// Length of the canonical encoding.
        expected: usize,
        /// Length of these bytes.
        got: usize,
    },
}

impl EnvelopeError {
    /// Every variant is provable from the bytes alone.
    pub fn verdict(&self) -> Verdict {
        Verdict::Reject
    }
}

/// Why a record was not signed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SealError {
    /// The record itself breaks a rule.
    #[error(transparent)]
    Form(#[from] crate::FormError),
    /// The envelope would be refused: too long, or the wrong kind of key.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The key did not sign, or the encoder failed.
    #[error("the record was not signed: {0}")]
    Signing(String),
}

/// Bytes whose envelope has been verified. The payload has not been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    id: RecordId,
    author: Author,
    bytes: Arc<[u8]>,
    payload: Vec<u8>,
}

impl Signed {
    /// Checks length, envelope, key, signature and canonical encoding, in this order.
    ///
    /// # Errors
    /// The first of these that fails.
    pub fn open(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(EnvelopeError::TooLong { got: bytes.len() });
        }
        let envelope = SignedEnvelope::from_protobuf_encoding(bytes)
            .map_err(|error| EnvelopeError::Malformed(error.to_string()))?;
        let (payload, key) = envelope.payload_and_signing_key(DOMAIN.to_owned(), PAYLOAD_TYPE).map_err(
            |error| match error {
                ReadPayloadError::InvalidSignature => EnvelopeError::Signature,
                ReadPayloadError::UnexpectedPayloadType { got, .. } => EnvelopeError::PayloadType {
                    got: String::from_utf8_lossy(got.get(..64).unwrap_or(&got)).into_owned(),
                },
            },
        )?;
        let author = Author::from_public_key(key)?;
        let payload = payload.to_vec();
        // Protobuf admits unknown fields, other orders and longer integers: one record must have one id.
        let canonical = envelope.into_protobuf_encoding();
        if canonical != bytes {
            return Err(EnvelopeError::NotCanonical { expected: canonical.len(), got: bytes.len() });
        }
        Ok(Self { id: RecordId::of(bytes), author, bytes: bytes.into(), payload })
    }

    /// Signs a payload. The result has passed [`Signed::open`].
    ///
    /// # Errors
    /// If the key is not ed25519 or the envelope becomes too long.
    pub fn seal(keypair: &Keypair, payload: Vec<u8>) -> Result<Self, SealError> {
        let envelope = SignedEnvelope::new(keypair, DOMAIN.to_owned(), PAYLOAD_TYPE.to_vec(), payload)
            .map_err(|error| SealError::Signing(error.to_string()))?;
        Ok(Self::open(&envelope.into_protobuf_encoding())?)
    }

    /// BLAKE3 of the signed bytes.
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// Who signed.
    pub fn author(&self) -> Author {
        self.author
    }

    /// The signed bytes: the whole envelope.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// What was signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}
