//! Encodings of points: canonical compressed bytes on the wire, EIP-196/197 big-endian coordinates in hashes.

use ark_bn254::{Fq, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};

/// Compressed length of a proof: A, B, C, D.
pub const PROOF_BYTES: usize = 32 + 64 + 32 + 32;
/// Compressed length of a commitment.
pub const COMMITMENT_BYTES: usize = 32;
/// Length of a proof as a contract takes it: ten coordinates.
pub const EVM_PROOF_BYTES: usize = 10 * 32;

/// Why bytes are not points of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Another length.
    #[error("{what}: expected {expected} bytes, got {got}")]
    Length {
        /// What was decoded.
        what: &'static str,
        /// Its fixed length.
        expected: usize,
        /// The length of the input.
        got: usize,
    },
    /// Not a point on the curve in the right subgroup.
    #[error("{what}: expected a point of the curve's prime-order subgroup")]
    NotAPoint {
        /// Which point.
        what: &'static str,
    },
    /// The point at infinity, where it does not belong.
    #[error("{what}: expected a point other than infinity")]
    Infinity {
        /// Which point.
        what: &'static str,
    },
    /// Bytes that are not the one encoding of their point.
    #[error("{what}: expected its canonical encoding")]
    NotCanonical {
        /// Which point.
        what: &'static str,
    },
}

/// A proof: A, B, C and D, parsed and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    pub(crate) a: G1Affine,
    pub(crate) b: G2Affine,
    pub(crate) c: G1Affine,
    pub(crate) d: G1Affine,
}

/// A model commitment `D_w`, parsed and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Commitment(pub(crate) G1Affine);

/// Parses one point: on the curve, in the subgroup, not infinity, canonical.
pub(super) fn parse<P>(what: &'static str, bytes: &[u8]) -> Result<P, DecodeError>
where
    P: AffineRepr + CanonicalDeserialize + CanonicalSerialize,
{
    // Checked deserialisation: `Validate::Yes` tests curve and subgroup.
    let point = P::deserialize_compressed(bytes).map_err(|_| DecodeError::NotAPoint { what })?;
    if point.is_zero() {
        return Err(DecodeError::Infinity { what });
    }
    if encode(&point) != bytes {
        return Err(DecodeError::NotCanonical { what });
    }
    Ok(point)
}

/// Compressed bytes of a point.
pub(super) fn encode<P: CanonicalSerialize>(point: &P) -> Vec<u8> {
    let mut out = Vec::with_capacity(point.compressed_size());
    // Writing into a vector cannot fail; were it to, the empty encoding is refused wherever it is read.
    if point.serialize_compressed(&mut out).is_err() {
        out.clear();
    }
    out
}

impl Proof {
    /// # Errors
    /// If the length is not [`PROOF_BYTES`] or a point is not canonical, in its subgroup and finite.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() != PROOF_BYTES {
            return Err(DecodeError::Length { what: "proof", expected: PROOF_BYTES, got: bytes.len() });
        }
        Ok(Self {
            a: parse("A", &bytes[..32])?,
            b: parse("B", &bytes[32..96])?,
            c: parse("C", &bytes[96..128])?,
            d: parse("D", &bytes[128..])?,
        })
    }

    /// A, B, C, D as EIP-196/197 coordinates, 32 bytes each: as a contract takes them.
    pub fn to_evm(&self) -> [u8; EVM_PROOF_BYTES] {
        let mut bytes = Vec::with_capacity(EVM_PROOF_BYTES);
        eip_g1(&mut bytes, &self.a);
        eip_g2(&mut bytes, &self.b);
        eip_g1(&mut bytes, &self.c);
        eip_g1(&mut bytes, &self.d);
        let mut out = [0; EVM_PROOF_BYTES];
        out.copy_from_slice(&bytes);
        out
    }

    /// A, B, C, D, compressed.
    pub fn to_bytes(&self) -> [u8; PROOF_BYTES] {
        let mut out = [0; PROOF_BYTES];
        let parts = [encode(&self.a), encode(&self.b), encode(&self.c), encode(&self.d)].concat();
        out.copy_from_slice(&parts);
        out
    }
}

impl Commitment {
    /// # Errors
    /// If the length is not [`COMMITMENT_BYTES`] or the point is not canonical and finite.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() != COMMITMENT_BYTES {
            return Err(DecodeError::Length {
                what: "commitment",
                expected: COMMITMENT_BYTES,
                got: bytes.len(),
            });
        }
        parse("D_w", bytes).map(Self)
    }

    /// EIP-196 coordinates: as a contract takes it.
    pub fn to_evm(&self) -> [u8; 64] {
        let mut bytes = Vec::with_capacity(64);
        eip_g1(&mut bytes, &self.0);
        let mut out = [0; 64];
        out.copy_from_slice(&bytes);
        out
    }

    /// Compressed.
    pub fn to_bytes(&self) -> [u8; COMMITMENT_BYTES] {
        let mut out = [0; COMMITMENT_BYTES];
        out.copy_from_slice(&encode(&self.0));
        out
    }
}

fn coordinate(out: &mut Vec<u8>, value: &Fq) {
    out.extend(value.into_bigint().to_bytes_be());
}

/// `x || y`, 32 bytes each, big-endian (EIP-196). Infinity, which is refused everywhere, would be zeros.
pub(super) fn eip_g1(out: &mut Vec<u8>, point: &G1Affine) {
    let (x, y) = point.xy().unwrap_or_default();
    coordinate(out, &x);
    coordinate(out, &y);
}

/// `x_1 || x_0 || y_1 || y_0`, 32 bytes each, big-endian, imaginary part first (EIP-197).
pub(super) fn eip_g2(out: &mut Vec<u8>, point: &G2Affine) {
    let (x, y) = point.xy().unwrap_or_default();
    for value in [x.c1, x.c0, y.c1, y.c0] {
        coordinate(out, &value);
    }
}
