//! Keys and values on disk. One tree, one-byte prefixes, so that one batch changes everything at once:
//!
//! ```text
//! m schema_version            u32, big-endian
//! r <id>                      competition (32), first seen (8), verify time (8), signed envelope
//! c <competition> <id>        nothing: the index
//! o <id>                      nothing: the outbox
//! h <id> <peer>               nothing: the peer has said that it holds this own record
//! ```

use super::{ID_BYTES, Id, StoredRecord};

pub(super) const META: &[u8] = b"mschema_version";
pub(super) const RECORD: u8 = b'r';
pub(super) const INDEX: u8 = b'c';
pub(super) const OUTBOX: u8 = b'o';
pub(super) const HELD: u8 = b'h';
/// Competition, first seen and verify time before the envelope.
const HEADER_BYTES: usize = 32 + 8 + 8;

/// What a key is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    Schema,
    Record(Id),
    Index { competition: Id, id: Id },
    Outbox(Id),
    Held { id: Id, peer: &'a [u8] },
}

impl<'a> Key<'a> {
    /// `None` if it belongs to nothing that is known.
    pub(super) fn parse(key: &'a [u8]) -> Option<Self> {
        let (prefix, rest) = key.split_first()?;
        match *prefix {
            _ if key == META => Some(Self::Schema),
            RECORD => Some(Self::Record(rest.try_into().ok()?)),
            OUTBOX => Some(Self::Outbox(rest.try_into().ok()?)),
            INDEX => {
                let (competition, id) = rest.split_first_chunk::<ID_BYTES>()?;
                Some(Self::Index { competition: *competition, id: id.try_into().ok()? })
            }
            HELD => {
                let (id, peer) = rest.split_first_chunk::<ID_BYTES>()?;
                Some(Self::Held { id: *id, peer })
            }
            _ => None,
        }
    }
}

pub(super) fn key(prefix: u8, id: &Id) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + id.len());
    key.push(prefix);
    key.extend_from_slice(id);
    key
}

pub(super) fn index_key(competition: &Id, id: &Id) -> Vec<u8> {
    let mut key = key(INDEX, competition);
    key.extend_from_slice(id);
    key
}

pub(super) fn held_key(id: &Id, peer: &[u8]) -> Vec<u8> {
    let mut key = key(HELD, id);
    key.extend_from_slice(peer);
    key
}

pub(super) fn value(record: &StoredRecord) -> Vec<u8> {
    let mut value = Vec::with_capacity(HEADER_BYTES + record.bytes.len());
    value.extend_from_slice(&record.competition);
    value.extend_from_slice(&record.first_seen.to_be_bytes());
    value.extend_from_slice(&record.verify_us.to_be_bytes());
    value.extend_from_slice(&record.bytes);
    value
}

/// The record of a value; `None` if the value is too short for one. Whether it waits in the outbox is not in it.
pub(super) fn record(id: &Id, value: &[u8]) -> Option<StoredRecord> {
    let (competition, rest) = value.split_first_chunk::<32>()?;
    let (first_seen, rest) = rest.split_first_chunk::<8>()?;
    let (verify_us, bytes) = rest.split_first_chunk::<8>()?;
    Some(StoredRecord {
        id: *id,
        competition: *competition,
        first_seen: u64::from_be_bytes(*first_seen),
        verify_us: u64::from_be_bytes(*verify_us),
        in_outbox: false,
        bytes: bytes.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let (a, b) = ([1; 32], [0xff; 32]);
        assert_eq!(Key::parse(META), Some(Key::Schema));
        assert_eq!(Key::parse(&key(RECORD, &a)), Some(Key::Record(a)));
        assert_eq!(Key::parse(&key(OUTBOX, &b)), Some(Key::Outbox(b)));
        assert_eq!(Key::parse(&index_key(&a, &b)), Some(Key::Index { competition: a, id: b }));
        assert_eq!(Key::parse(&held_key(&a, b"peer")), Some(Key::Held { id: a, peer: b"peer" }));
        for bad in [&b""[..], b"r", b"x", b"mschema", &[b'r'; 34], &[b'c'; 64]] {
            assert_eq!(Key::parse(bad), None, "{bad:?}");
        }
    }
}
