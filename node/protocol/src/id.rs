//! 32-byte BLAKE3 names of records, blobs and statements.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Text that is not 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits, got {got:?}")]
pub struct ParseIdError {
    /// The text, cut to 80 characters.
    pub got: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "serde_bytes")] [u8; 32]);

        impl $name {
            /// From its 32 bytes.
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Its 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first eight hexadecimal digits: for people's eyes, never for look-ups.
            pub fn short(&self) -> String {
                hex::encode(self.0).chars().take(8).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let mut bytes = [0; 32];
                match hex::decode_to_slice(text, &mut bytes) {
                    Ok(()) => Ok(Self(bytes)),
                    Err(_) => Err(ParseIdError { got: text.chars().take(80).collect() }),
                }
            }
        }
    };
}

id! {
    /// Name of a record: BLAKE3 of its signed bytes, the whole envelope.
    RecordId
}
id! {
    /// Name of a blob: BLAKE3 of its bytes.
    BlobId
}
id! {
    /// Name of what a submission claims, whatever its proofs look like: see [`statement_id`](crate::statement_id).
    StatementId
}
id! {
    /// Name of a set of records, independent of their order.
    Fingerprint
}

impl RecordId {
    /// The id of a record with these signed bytes.
    pub fn of(signed_bytes: &[u8]) -> Self {
        Self(*blake3::hash(signed_bytes).as_bytes())
    }
}

impl BlobId {
    /// The id of a blob with these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl Fingerprint {
    /// Of a set of ids, given in ascending order without repetition.
    pub fn of(ids: impl Iterator<Item = RecordId>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("podium 2025-11 fingerprint of a record set v1");
        for id in ids {
            hasher.update(id.as_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_wrong_text_is_refused() {
        let id = RecordId::of(b"a record");
        assert_eq!(id.to_string().parse::<RecordId>().unwrap(), id);
        assert!(id.to_string().starts_with(&id.short()));
        for bad in ["", "zz", &id.to_string()[1..], &format!("{id}0"), &"g".repeat(64)] {
            assert!(bad.parse::<RecordId>().is_err(), "{bad}");
        }
    }
}
