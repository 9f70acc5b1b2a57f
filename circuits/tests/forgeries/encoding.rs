//! Bytes that are not the one encoding of a proof, commitment or verifying key.

use super::lab::REAL;
use crate::groth16::{
    Commitment, DecodeError, KeyError, Opening, OpeningError, PROOF_BYTES, Proof, VerifyingKey,
};
use ark_bn254::{Fq, Fq2, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{BigInteger, PrimeField};
use ark_serialize::CanonicalSerialize;

const PARTS: [(&str, std::ops::Range<usize>); 4] =
    [("A", 0..32), ("B", 32..96), ("C", 96..128), ("D", 128..160)];

fn compressed(point: &impl CanonicalSerialize) -> Vec<u8> {
    let mut out = Vec::new();
    point.serialize_compressed(&mut out).unwrap();
    out
}

/// A proof with other bytes in one of its points.
fn with(range: &std::ops::Range<usize>, bytes: &[u8]) -> Result<Proof, DecodeError> {
    let mut out = REAL.proof.to_bytes();
    out[range.clone()].copy_from_slice(bytes);
    Proof::from_bytes(&out)
}

/// Attack: the coordinate x + q stands for x, so one point has two encodings. Guard: coordinates are below q.
#[test]
fn coordinates_above_the_modulus_are_refused() {
    // The two flag bits leave 254 bits: x + q fits for about a third of all points.
    let (point, bytes) = (1u64..)
        .find_map(|k| {
            let point = (G1Projective::generator() * ark_bn254::Fr::from(k)).into_affine();
            let mut sum = point.x.into_bigint();
            let carried = sum.add_with_carry(&Fq::MODULUS);
            let flags = compressed(&point)[31] & 0xc0;
            (!carried && sum.num_bits() <= 254).then(|| {
                let mut bytes = sum.to_bytes_le();
                bytes[31] |= flags;
                (point, bytes)
            })
        })
        .unwrap();
    for (name, range) in PARTS.iter().filter(|(name, _)| *name != "B") {
        assert!(with(range, &compressed(&point)).is_ok(), "{name}: the point itself is one");
        assert_eq!(with(range, &bytes), Err(DecodeError::NotAPoint { what: name }));
    }
    assert!(Commitment::from_bytes(&compressed(&point)).is_ok());
    assert_eq!(Commitment::from_bytes(&bytes), Err(DecodeError::NotAPoint { what: "D_w" }));
    // In G2 the real part comes first and has no flags.
    let b = REAL.proof.b;
    let mut sum = b.x.c0.into_bigint();
    assert!(!sum.add_with_carry(&Fq::MODULUS));
    let mut bytes = compressed(&b);
    bytes[..32].copy_from_slice(&sum.to_bytes_le());
    assert_eq!(with(&PARTS[1].1, &bytes), Err(DecodeError::NotAPoint { what: "B" }));
}

/// Attack: infinity, with or without junk in its coordinates. Guard: infinity is refused everywhere.
#[test]
fn infinity_is_refused_with_and_without_junk() {
    for (name, range) in &PARTS {
        let infinity = match range.len() {
            32 => compressed(&G1Affine::zero()),
            _ => compressed(&G2Affine::zero()),
        };
        assert_eq!(with(range, &infinity), Err(DecodeError::Infinity { what: name }));
        for at in [0, range.len() - 2] {
            let mut junk = infinity.clone();
            junk[at] = 1;
            assert!(with(range, &junk).is_err(), "{name}");
        }
        let mut both_flags = infinity;
        *both_flags.last_mut().unwrap() |= 0x80;
        assert!(with(range, &both_flags).is_err(), "{name}");
    }
    let mut bytes: [u8; 32] = compressed(&G1Affine::zero()).try_into().unwrap();
    assert_eq!(Commitment::from_bytes(&bytes), Err(DecodeError::Infinity { what: "D_w" }));
    bytes[3] = 7;
    assert!(Commitment::from_bytes(&bytes).is_err());
}

/// Attack: a point of the twist outside the subgroup of order r. Guard: the subgroup is checked, in proofs
/// and keys.
#[test]
fn points_outside_the_subgroup_are_refused() {
    let outside = (1u64..)
        .find_map(|k| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(k), Fq::from(1u64)), false))
        .unwrap();
    assert!(outside.is_on_curve() && !outside.is_in_correct_subgroup_assuming_on_curve());
    assert_eq!(with(&PARTS[1].1, &compressed(&outside)), Err(DecodeError::NotAPoint { what: "B" }));
    let bytes = REAL.pk.verifying_key().to_bytes();
    let raw = REAL.pk.verifying_key().raw();
    for point in [raw.beta_g2, raw.gamma_g2, raw.delta_g2, raw.eta_g2, raw.eta_w_g2] {
        let point = compressed(&point);
        let at = bytes.windows(64).position(|w| w == point).unwrap();
        let mut bytes = bytes.clone();
        bytes[at..at + 64].copy_from_slice(&compressed(&outside));
        assert!(VerifyingKey::from_bytes(&bytes).is_err());
    }
    // In G1, whose order is prime: not on the curve at all, which about half of all x are.
    let x = (1u64..).find(|k| G1Affine::get_point_from_x_unchecked(Fq::from(*k), false).is_none()).unwrap();
    let mut bytes = Fq::from(x).into_bigint().to_bytes_le();
    bytes.resize(32, 0);
    for (name, range) in PARTS.iter().filter(|(name, _)| *name != "B") {
        assert_eq!(with(range, &bytes), Err(DecodeError::NotAPoint { what: name }));
    }
    assert_eq!(Commitment::from_bytes(&bytes), Err(DecodeError::NotAPoint { what: "D_w" }));
    let key = REAL.pk.verifying_key().to_bytes();
    for (what, point) in [("alpha", raw.alpha_g1), ("IC", raw.ic[0]), ("IC", raw.ic[raw.ic.len() - 1])] {
        let at = key.windows(32).position(|w| w == compressed(&point)).unwrap();
        let mut key = key.clone();
        key[at..at + 32].copy_from_slice(&bytes);
        assert_eq!(VerifyingKey::from_bytes(&key).unwrap_err(), DecodeError::NotAPoint { what }.into());
    }
}

/// Whatever a flipped bit makes of a proof, it is an error or other bytes of another proof: never a second
/// encoding.
#[test]
fn decoding_is_the_inverse_of_encoding_or_an_error() {
    let bytes = REAL.proof.to_bytes();
    assert_eq!(Proof::from_bytes(&bytes), Ok(REAL.proof));
    for bit in 0..8 * PROOF_BYTES {
        let mut changed = bytes;
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(proof) = Proof::from_bytes(&changed) {
            assert_eq!(proof.to_bytes(), changed);
            assert_ne!(proof, REAL.proof);
        }
    }
    for length in [0, 1, PROOF_BYTES - 1, PROOF_BYTES + 1] {
        let mut other = bytes.to_vec();
        other.resize(length, 0);
        let expected = DecodeError::Length { what: "proof", expected: PROOF_BYTES, got: length };
        assert_eq!(Proof::from_bytes(&other), Err(expected));
    }
    let commitment = REAL.opening.commitment().to_bytes();
    for length in [0, 31, 33] {
        let mut other = commitment.to_vec();
        other.resize(length, 0);
        assert!(matches!(Commitment::from_bytes(&other), Err(DecodeError::Length { expected: 32, .. })));
    }
}

/// Verifying keys: trailing bytes, cut bytes, an indefinite or longer form of the same CBOR.
#[test]
fn verifying_keys_have_one_encoding() {
    let bytes = REAL.pk.verifying_key().to_bytes();
    let key = VerifyingKey::from_bytes(&bytes).unwrap();
    assert_eq!(key.to_bytes(), bytes);
    for cut in [0, 1, 40, bytes.len() - 1] {
        assert!(VerifyingKey::from_bytes(&bytes[..cut]).is_err());
    }
    assert!(VerifyingKey::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    // A map of four pairs is 0xa4; 0xb8 0x04 says the same in two bytes, 0xbf .. 0xff without a length.
    assert_eq!(bytes[0], 0xa4);
    assert!(VerifyingKey::from_bytes(&[&[0xb8, 4], &bytes[1..]].concat()).is_err());
    assert!(VerifyingKey::from_bytes(&[&[0xbf], &bytes[1..], &[0xff]].concat()).is_err());
    let mut reordered: Vec<&[u8]> = Vec::new();
    let at = |name: &[u8]| bytes.windows(name.len()).position(|w| w == name).unwrap() - 1;
    let mut starts = [at(b"class"), at(b"trust"), at(b"points"), at(b"version")];
    starts.sort_unstable();
    let ends = [starts[1], starts[2], starts[3], bytes.len()];
    for (start, end) in starts.iter().zip(ends).rev() {
        reordered.push(&bytes[*start..end]);
    }
    assert!(VerifyingKey::from_bytes(&[&[0xa4], &reordered.concat()[..]].concat()).is_err());
    // The version as 0x18 0x01.
    assert_eq!(bytes.last(), Some(&1));
    assert!(VerifyingKey::from_bytes(&[&bytes[..bytes.len() - 1], &[0x18, 1]].concat()).is_err());
    // A variant without fields as a map of its name and null.
    let trust = b"lsingle_party";
    let at = bytes.windows(trust.len()).position(|w| w == trust).unwrap();
    let map = [&bytes[..at], &[0xa1], trust, &[0xf6], &bytes[at + trust.len()..]].concat();
    assert!(VerifyingKey::from_bytes(&map).is_err());
}

/// Verifying keys of another version, with more or fewer points than the class has, or too long to be read.
#[test]
fn verifying_keys_have_one_version_and_length() {
    let bytes = REAL.pk.verifying_key().to_bytes();
    let mut version = bytes.clone();
    *version.last_mut().unwrap() = 2;
    let refused = VerifyingKey::from_bytes(&version).unwrap_err();
    assert_eq!(refused, KeyError::Version { what: "verifying key", got: 2 });
    // The points are the one long byte string: 0x59 and its length in two bytes.
    let points = REAL.pk.verifying_key().raw().ic.len() * 32 + 32 + 5 * 64;
    let head = [&[0x59][..], &(points as u16).to_be_bytes()].concat();
    let at = bytes.windows(3).position(|w| w == head).unwrap();
    for got in [points - 32, points + 32, points + 1, 31] {
        let mut string = bytes[at + 3..at + 3 + points].to_vec();
        string.resize(got, string[0]);
        let head = if got > 255 {
            [&[0x59][..], &(got as u16).to_be_bytes()].concat()
        } else {
            vec![0x58, got as u8]
        };
        let other = [&bytes[..at], &head, &string, &bytes[at + 3 + points..]].concat();
        let refused = VerifyingKey::from_bytes(&other).unwrap_err();
        assert_eq!(refused, KeyError::Count { what: "bytes of a verifying key", expected: points, got });
    }
    let refused = VerifyingKey::from_bytes(&vec![0; (8 << 20) + 1]).unwrap_err();
    assert!(matches!(refused, KeyError::Malformed { reason, .. } if reason.contains("at most")));
}

/// Openings: another version, a blinder above the modulus, a commitment that is no point, an infinite one.
#[test]
fn openings_are_checked_when_they_are_read() {
    let bytes = REAL.opening.to_bytes();
    assert_eq!(Opening::from_bytes(&bytes).unwrap().to_bytes(), bytes);
    let after = |name: &[u8]| bytes.windows(name.len()).position(|w| w == name).unwrap() + name.len();
    let changed = |at: usize, with: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        Opening::from_bytes(&bytes).expect_err("changed")
    };
    assert_eq!(changed(after(b"version"), &[2]), OpeningError::Version { got: 2 });
    let at = after(b"blinder") + 2;
    let mut blinder = ark_ff::BigInteger256::default();
    for (limb, digits) in blinder.0.iter_mut().zip(bytes[at..at + 32].chunks(8)) {
        *limb = u64::from_le_bytes(digits.try_into().unwrap());
    }
    assert!(!blinder.add_with_carry(&ark_bn254::Fr::MODULUS));
    assert!(matches!(changed(at, &blinder.to_bytes_le()), OpeningError::Malformed(_)));
    let at = after(b"commitment") + 2;
    let infinity = compressed(&G1Affine::zero());
    assert_eq!(changed(at, &infinity), DecodeError::Infinity { what: "D_w" }.into());
    assert!(matches!(changed(at, &[0xff; 32]), OpeningError::Point(_)));
}
