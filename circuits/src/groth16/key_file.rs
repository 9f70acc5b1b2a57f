//! The proving key file: a short CBOR header with the verifying key, then raw points.
//!
//! Points of value 0 (wires that do not occur in a query) are left out: each vector is a bitmap and the points
//! that it marks, uncompressed.
//!
//! Whoever pins the file's digest may be hostile: with `[delta]_1` and its companions replaced by infinity, every
//! blinder would vanish and proofs would still verify. So the points that carry blinders are checked against the
//! verifying key, every point is checked to be on its curve, and all counts are those of the class. With
//! `[delta]_1` of prime order A, B, D and `D_w` are uniform whatever the rest of this one file is, and C follows from
//! the equation that a prover checks on its own proof.

use super::keys::{KeyBases, KeyError, ProvingKey, VerifyingKey, cut};
use super::relation::Relation;
use crate::circuit::Circuit;
use crate::counts::Counts;
use crate::engine::{BasesG1, BasesG2, Quotient};
use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ec::{AffineRepr, pairing::Pairing};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

const MAGIC: &[u8; 16] = b"podium pk v1\0\0\0\0";
const WHAT: &str = "proving key";
/// Longest header, in bytes.
const MAX_HEADER_BYTES: usize = 9 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u8,
    #[serde(with = "serde_bytes")]
    verifying_key: Vec<u8>,
    variables: u64,
    model_wires: u64,
    committed_wires: u64,
    domain: u64,
}

fn malformed(reason: impl ToString) -> KeyError {
    KeyError::Malformed { what: WHAT, reason: reason.to_string() }
}

fn put<P: AffineRepr + CanonicalSerialize>(out: &mut dyn Write, points: &[P]) -> io::Result<()> {
    let mut bitmap = vec![0u8; points.len().div_ceil(8)];
    for (i, _) in points.iter().enumerate().filter(|(_, p)| !p.is_zero()) {
        bitmap[i / 8] |= 1 << (i % 8);
    }
    out.write_all(&bitmap)?;
    for batch in points.chunks(1 << 14) {
        let mut bytes = Vec::with_capacity(batch.len() * P::zero().uncompressed_size());
        for point in batch.iter().filter(|p| !p.is_zero()) {
            point.serialize_uncompressed(&mut bytes).map_err(io::Error::other)?;
        }
        out.write_all(&bytes)?;
    }
    Ok(())
}

/// Reads from the front of a slice, never past its end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], KeyError> {
        let (head, tail) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| malformed(format!("expected {count} more bytes, got {}", self.0.len())))?;
        self.0 = tail;
        Ok(head)
    }

    /// The finite points of a vector of `count`, with their indices.
    fn points<P: OnCurve>(&mut self, count: usize) -> Result<(Vec<u32>, Vec<P>), KeyError> {
        let bitmap = self.take(count.div_ceil(8))?;
        let present: Vec<u32> =
            (0..count).filter(|i| bitmap[i / 8] >> (i % 8) & 1 == 1).map(|i| i as u32).collect();
        let size = P::zero().uncompressed_size();
        let bytes =
            self.take(present.len().checked_mul(size).ok_or_else(|| malformed("too many points"))?)?;
        // More points at a time than one: their results are written where they belong.
        let each = (1 << 12) * size;
        let read: Vec<Vec<P>> = bytes
            .par_chunks(each)
            .map(|bytes| bytes.chunks(size).map(point).collect())
            .collect::<Result<_, _>>()?;
        Ok((present, read.concat()))
    }

    fn g1(&mut self, count: usize) -> Result<BasesG1, KeyError> {
        let (present, points) = self.points(count)?;
        Ok(BasesG1::from_finite(count, present, &points))
    }

    fn g2(&mut self, count: usize) -> Result<BasesG2, KeyError> {
        let (present, points) = self.points(count)?;
        Ok(BasesG2::from_finite(count, present, &points))
    }

    fn quotient(&mut self, domain: usize) -> Result<Quotient, KeyError> {
        let (present, points) = self.points(domain - 1)?;
        // No power of tau is 0, so no base of an honest key is infinity.
        let whole = present.len() == domain - 1;
        whole.then(|| Quotient::new(&points)).flatten().ok_or_else(|| malformed("a power of tau is missing"))
    }

    fn one<P: OnCurve>(&mut self) -> Result<P, KeyError> {
        point(self.take(P::zero().uncompressed_size())?)
    }
}

/// A point on its curve. G1 of BN254 has prime order; G2's subgroup is checked on the finished proof.
trait OnCurve: AffineRepr + CanonicalSerialize + CanonicalDeserialize {
    fn on_curve(&self) -> bool;
}

impl<C: SWCurveConfig> OnCurve for Affine<C> {
    fn on_curve(&self) -> bool {
        self.is_on_curve()
    }
}

fn point<P: OnCurve>(bytes: &[u8]) -> Result<P, KeyError> {
    let point = P::deserialize_uncompressed_unchecked(bytes).map_err(|_| malformed("not a point"))?;
    if point.on_curve() { Ok(point) } else { Err(malformed("a point is not on its curve")) }
}

impl ProvingKey {
    /// Writes the key file.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let bases = &self.bases;
        let header = Header {
            version: 1,
            verifying_key: self.verifying_key().to_bytes(),
            variables: bases.a.len() as u64,
            model_wires: bases.ckw.len() as u64,
            committed_wires: bases.ck.len() as u64,
            domain: bases.h.domain() as u64,
        };
        let header = serde_ipld_dagcbor::to_vec(&header).map_err(io::Error::other)?;
        out.write_all(MAGIC)?;
        out.write_all(&(header.len() as u32).to_be_bytes())?;
        out.write_all(&header)?;
        for point in [bases.beta_g1, bases.delta_g1, bases.eta_g1, bases.eta_w_g1] {
            let mut bytes = Vec::new();
            point.serialize_uncompressed(&mut bytes).map_err(io::Error::other)?;
            out.write_all(&bytes)?;
        }
        put(out, &bases.a.to_points())?;
        put(out, &bases.b_g1.to_points())?;
        put(out, &bases.b_g2.to_points())?;
        put(out, &bases.h.to_points())?;
        put(out, &bases.l.to_points()[self.verifying_key().raw().ic.len()..])?;
        put(out, &bases.ckw.to_points())?;
        put(out, &bases.ck.to_points())
    }

    /// Loads a key file whose BLAKE3 digest the caller has pinned. The digest is checked; so are the verifying
    /// key, all counts, that every point is on its curve, and that the points which carry blinders are those of
    /// the verifying key.
    ///
    /// # Errors
    /// [`KeyError::Pinned`] for another file, otherwise what is wrong with it.
    pub fn from_pinned_bytes(bytes: &[u8], digest: &[u8; 32]) -> Result<Self, KeyError> {
        let got = blake3::Hasher::new().update(bytes).finalize();
        if got.as_bytes() != digest {
            return Err(KeyError::Pinned { expected: hex::encode(digest), got: got.to_hex().to_string() });
        }
        let mut reader = Reader(bytes);
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(malformed("it does not begin as one"));
        }
        let header = read_header(&mut reader)?;
        let vk = VerifyingKey::from_bytes(&header.verifying_key)?;
        let circuit = Circuit::new(vk.class().class())?;
        check_counts(&header, &circuit)?;
        let (bases, relation) =
            rayon::join(|| read_points(&mut reader, &header, &vk), || Relation::of(&circuit));
        let (bases, relation) = (bases?, relation?);
        if !reader.0.is_empty() {
            return Err(malformed(format!("{} bytes too many", reader.0.len())));
        }
        Ok(Self::from_parts(circuit, relation, bases, vk).with_file_digest(*digest))
    }
}

fn read_header(reader: &mut Reader<'_>) -> Result<Header, KeyError> {
    let mut length = [0; 4];
    length.copy_from_slice(reader.take(4)?);
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_HEADER_BYTES {
        return Err(malformed(format!(
            "expected a header of at most {MAX_HEADER_BYTES} bytes, got {length}"
        )));
    }
    let header: Header =
        serde_ipld_dagcbor::from_slice(reader.take(length)?).map_err(|e| malformed(cut(&e)))?;
    if header.version != 1 {
        return Err(KeyError::Version { what: WHAT, got: header.version });
    }
    Ok(header)
}

fn check_counts(header: &Header, circuit: &Circuit) -> Result<(), KeyError> {
    let counts = Counts::of(&circuit.class, &circuit.bounds);
    let pairs = [
        ("wires", counts.variables(), header.variables),
        ("committed weights", counts.model_wires, header.model_wires),
        ("other committed wires", counts.committed_wires, header.committed_wires),
        ("domain size", counts.domain(), header.domain),
    ];
    for (what, expected, got) in pairs {
        if expected as u64 != got {
            return Err(KeyError::Count { what, expected, got: got.min(u64::from(u32::MAX)) as usize });
        }
    }
    Ok(())
}

/// The points by which blinders enter must be those of the verifying key, hence finite.
fn check_blinding(bases: &KeyBases, vk: &VerifyingKey) -> Result<(), KeyError> {
    let (g1, g2, vk) = (G1Affine::generator(), G2Affine::generator(), vk.raw());
    let pairs = [
        (bases.beta_g1, vk.beta_g2),
        (bases.delta_g1, vk.delta_g2),
        (bases.eta_g1, vk.eta_g2),
        (bases.eta_w_g1, vk.eta_w_g2),
    ];
    for (in_g1, in_g2) in pairs {
        if Bn254::pairing(in_g1, g2) != Bn254::pairing(g1, in_g2) {
            return Err(malformed("beta, delta, eta or eta_w in G1 is not that of the verifying key"));
        }
    }
    if !bases.l.begins_empty(vk.ic.len() + bases.ckw.len() + bases.ck.len()) {
        return Err(KeyError::Degenerate("a committed wire has an element over delta"));
    }
    Ok(())
}

fn read_points(reader: &mut Reader<'_>, header: &Header, vk: &VerifyingKey) -> Result<KeyBases, KeyError> {
    let variables = header.variables as usize;
    let raw = vk.raw();
    let bases = KeyBases {
        alpha_g1: raw.alpha_g1,
        beta_g2: raw.beta_g2,
        delta_g2: raw.delta_g2,
        beta_g1: reader.one()?,
        delta_g1: reader.one()?,
        eta_g1: reader.one()?,
        eta_w_g1: reader.one()?,
        a: reader.g1(variables)?,
        b_g1: reader.g1(variables)?,
        b_g2: reader.g2(variables)?,
        h: reader.quotient(header.domain as usize)?,
        l: reader.g1(variables - raw.ic.len())?.shifted(raw.ic.len()),
        ckw: reader.g1(header.model_wires as usize)?,
        ck: reader.g1(header.committed_wires as usize)?,
    };
    check_blinding(&bases, vk)?;
    Ok(bases)
}
