//! Envelopes: whatever is done to the bytes, no second id and no foreign signature comes out of it.

use crate::{
    DOMAIN, EnvelopeError, PAYLOAD_TYPE, Signed, Verdict,
    limits::MAX_RECORD_BYTES,
    testing::{competition, host, person},
};
use libp2p_core::SignedEnvelope;
use libp2p_identity::Keypair;

/// Protobuf fields of an envelope: tag byte and content.
fn fields(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut fields = Vec::new();
    while let Some((&tag, rest)) = bytes.split_first() {
        let (length, used) = read_varint(rest);
        fields.push((tag, rest[used..used + length].to_vec()));
        bytes = &rest[used + length..];
    }
    fields
}

fn read_varint(bytes: &[u8]) -> (usize, usize) {
    let used = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let value = bytes[..used].iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f));
    (value, used)
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn assemble(fields: &[(u8, Vec<u8>)]) -> Vec<u8> {
    fields
        .iter()
        .flat_map(|(tag, content)| [vec![*tag], varint(content.len()), content.clone()].concat())
        .collect()
}

const KEY: usize = 0;
const SIGNATURE: usize = 3;

fn sample() -> Signed {
    host(competition("digits"))
}

fn refused(bytes: &[u8]) -> EnvelopeError {
    let error = Signed::open(bytes).unwrap_err();
    assert_eq!(error.verdict(), Verdict::Reject);
    error
}

#[test]
fn what_was_sealed_opens_again() {
    let record = sample();
    let opened = Signed::open(record.bytes()).unwrap();
    assert_eq!(opened, record);
    assert_eq!(opened.author().peer_id(), person(1).public().to_peer_id());
    assert_eq!(assemble(&fields(record.bytes())), record.bytes().to_vec());
}

#[test]
fn every_flipped_bit_is_refused() {
    let record = sample();
    for at in 0..record.bytes().len() {
        for bit in [0, 3, 7] {
            let mut changed = record.bytes().to_vec();
            changed[at] ^= 1 << bit;
            assert!(Signed::open(&changed).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn truncated_and_extended_bytes_are_refused() {
    let record = sample();
    for cut in 0..record.bytes().len() {
        assert!(Signed::open(&record.bytes()[..cut]).is_err(), "cut to {cut}");
    }
    let mut longer = record.bytes().to_vec();
    longer.push(0);
    assert!(Signed::open(&longer).is_err());
}

#[test]
fn other_encodings_of_the_same_envelope_are_refused() {
    let record = sample();
    let parts = fields(record.bytes());
    let mut reordered = parts.clone();
    reordered.swap(0, 2);
    let mut unknown = parts.clone();
    unknown.push((0x32, vec![1, 2, 3]));
    let mut repeated = parts.clone();
    repeated.insert(2, (parts[2].0, b"first, overwritten".to_vec()));
    let mut key = parts.clone();
    // The key is protobuf as well: an unknown field inside it.
    key[KEY].1.extend([0x1a, 0]);
    for changed in [reordered, unknown, repeated, key] {
        let bytes = assemble(&changed);
        assert!(matches!(refused(&bytes), EnvelopeError::NotCanonical { .. }), "{changed:?}");
    }
    // A length of one byte written in two.
    let mut long_length = record.bytes().to_vec();
    assert_eq!(long_length[0], 0x0a);
    long_length.splice(1..2, [long_length[1] | 0x80, 0]);
    assert!(matches!(refused(&long_length), EnvelopeError::NotCanonical { .. }));
}

/// Order of the base point of ed25519, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn a_signature_shifted_by_the_group_order_is_refused() {
    let record = sample();
    let mut parts = fields(record.bytes());
    let mut carry = 0;
    for (byte, order) in parts[SIGNATURE].1[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert_eq!(refused(&assemble(&parts)), EnvelopeError::Signature);
}

#[test]
fn keys_of_small_order_are_refused_although_libp2p_admits_them() {
    // The neutral element as key and as R with s = 0 "signs" every message.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut parts = fields(sample().bytes());
    let key_length = parts[KEY].1.len();
    parts[KEY].1[key_length - 32..].copy_from_slice(&neutral);
    parts[SIGNATURE].1 = [neutral, [0; 32]].concat();
    let bytes = assemble(&parts);
    let envelope = SignedEnvelope::from_protobuf_encoding(&bytes).unwrap();
    assert!(envelope.verify(DOMAIN.to_owned()), "the reason for the check has gone: remove both");
    assert_eq!(refused(&bytes), EnvelopeError::WeakKey);
}

#[test]
fn another_persons_signature_or_key_is_refused() {
    let (mine, theirs) = (sample(), Signed::seal(&person(2), sample().payload().to_vec()).unwrap());
    let (mine, theirs) = (fields(mine.bytes()), fields(theirs.bytes()));
    for part in [KEY, SIGNATURE] {
        let mut mixed = mine.clone();
        mixed[part] = theirs[part].clone();
        assert_eq!(refused(&assemble(&mixed)), EnvelopeError::Signature);
    }
}

#[test]
fn other_domains_and_payload_types_are_refused() {
    let seal = |domain: &str, kind: &[u8]| {
        let payload = sample().payload().to_vec();
        let envelope = SignedEnvelope::new(&person(1), domain.to_owned(), kind.to_vec(), payload).unwrap();
        envelope.into_protobuf_encoding()
    };
    assert!(Signed::open(&seal(DOMAIN, PAYLOAD_TYPE)).is_ok());
    assert_eq!(refused(&seal("libp2p-peer-record", PAYLOAD_TYPE)), EnvelopeError::Signature);
    assert!(matches!(refused(&seal(DOMAIN, b"/other")), EnvelopeError::PayloadType { .. }));
}

#[test]
fn other_kinds_of_key_are_refused() {
    let mut parts = fields(sample().bytes());
    assert_eq!(parts[KEY].1[..2], [8, 1], "field 1 of the key is its type, 1 for ed25519");
    for kind in [0, 2, 3, 9] {
        parts[KEY].1[1] = kind;
        assert!(Signed::open(&assemble(&parts)).is_err(), "key type {kind}");
    }
}

#[test]
fn length_is_looked_at_before_anything_else() {
    let noise = vec![0xff; MAX_RECORD_BYTES + 1];
    assert_eq!(refused(&noise), EnvelopeError::TooLong { got: MAX_RECORD_BYTES + 1 });
    assert!(matches!(refused(&noise[1..]), EnvelopeError::Malformed(_)));
    assert!(matches!(refused(b""), EnvelopeError::PayloadType { .. } | EnvelopeError::Malformed(_)));
    let too_long = Signed::seal(&Keypair::generate_ed25519(), vec![0; MAX_RECORD_BYTES]);
    assert!(matches!(too_long, Err(crate::SealError::Envelope(EnvelopeError::TooLong { .. }))));
}
