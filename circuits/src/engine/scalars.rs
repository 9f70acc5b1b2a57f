//! Scalars as sign and magnitude, and their digits: small negative numbers cost as little as small positive ones.

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use rayon::prelude::*;
use zeroize::Zeroize;

/// Bits of the largest magnitude: `(r - 1) / 2`.
const BITS: usize = Fr::MODULUS_BIT_SIZE as usize - 1;
const SIGN: u64 = 1 << 63;

/// Scalars of a multi-exponentiation, wiped when dropped.
pub(crate) struct Scalars(Vec<[u64; 4]>);

impl Scalars {
    pub fn new(values: &[Fr]) -> Self {
        Self(values.par_iter().map(signed).collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Scalars that are given as integers below the modulus.
    pub(super) fn from_integers(values: Vec<[u64; 4]>) -> Self {
        let signed = |value: &mut [u64; 4]| *value = sign_magnitude(ark_ff::BigInt(*value));
        let mut values = values;
        values.par_iter_mut().for_each(signed);
        Self(values)
    }

    /// Everything as bytes, in pieces: sign and magnitude of each scalar, little-endian.
    pub fn bytes(&self, mut piece: impl FnMut(&[u8])) {
        let mut buffer = Vec::with_capacity(32 * 1024);
        for scalars in self.0.chunks(1024) {
            buffer.clear();
            buffer.extend(scalars.iter().flatten().flat_map(|word| word.to_le_bytes()));
            piece(&buffer);
        }
        buffer.zeroize();
    }

    /// Bits of a scalar's magnitude; 0 beyond the last.
    pub(super) fn bits(&self, i: usize) -> u32 {
        self.get(i).map_or(0, |scalar| magnitude(scalar).num_bits())
    }

    /// The scalars as field elements.
    pub fn values(&self) -> Vec<Fr> {
        let value = |scalar: &[u64; 4]| {
            let magnitude = Fr::from_bigint(magnitude(scalar)).unwrap_or_default();
            if scalar[3] & SIGN == 0 { magnitude } else { -magnitude }
        };
        self.0.iter().map(value).collect()
    }

    pub(super) fn get(&self, i: usize) -> Option<&[u64; 4]> {
        self.0.get(i)
    }
}

impl Drop for Scalars {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

fn magnitude(scalar: &[u64; 4]) -> ark_ff::BigInt<4> {
    ark_ff::BigInt([scalar[0], scalar[1], scalar[2], scalar[3] & !SIGN])
}

fn signed(value: &Fr) -> [u64; 4] {
    sign_magnitude(value.into_bigint())
}

/// The magnitude is at most `(r - 1) / 2`; the top bit is the sign.
fn sign_magnitude(positive: ark_ff::BigInt<4>) -> [u64; 4] {
    let mut negative = Fr::MODULUS;
    negative.sub_with_borrow(&positive);
    if negative < positive {
        negative.0[3] |= SIGN;
        return negative.0;
    }
    positive.0
}

/// How scalars are cut into windows of `bits` bits.
///
/// Digits are signed, in `-2^(bits-1) .. 2^(bits-1)`, and independent of each other: half of each window's range is
/// added to the scalar beforehand and taken from each digit (all but the highest, which is what remains, at most `2^(bits-1)`).
#[derive(Clone, Copy)]
pub(super) struct Windows {
    pub bits: usize,
    pub count: usize,
    offset: [u64; 4],
}

impl Windows {
    pub fn new(bits: usize) -> Self {
        // The highest digit needs a free bit for the carry.
        let count = (BITS + 1).div_ceil(bits);
        let mut offset = [0u64; 4];
        for w in 0..count - 1 {
            let at = bits * w + bits - 1;
            offset[at / 64] |= 1 << (at % 64);
        }
        Self { bits, count, offset }
    }

    /// Whether only the lowest two windows have digits other than 0: with room for the carry of both.
    pub fn is_narrow(&self, scalar: &[u64; 4]) -> bool {
        let narrow = 2 * self.bits - 2;
        scalar[1] | scalar[2] | scalar[3] & !SIGN == 0 && scalar[0] >> narrow == 0
    }

    /// The scalar's digit in window `w`, as magnitude and whether it is negative.
    #[inline]
    pub fn digit(&self, scalar: &[u64; 4], w: usize) -> (u32, bool) {
        let shifted = self.shifted(scalar);
        let at = self.bits * w;
        let low = shifted[at / 64] >> (at % 64);
        let high = match shifted.get(at / 64 + 1) {
            Some(word) if !at.is_multiple_of(64) => word << (64 - at % 64),
            _ => 0,
        };
        let digit = (low | high) & ((1 << self.bits) - 1);
        let half = if w + 1 == self.count { 0 } else { 1 << (self.bits - 1) };
        let digit = digit as i32 - half;
        (digit.unsigned_abs(), (digit < 0) != (scalar[3] & SIGN != 0))
    }

    fn shifted(&self, scalar: &[u64; 4]) -> [u64; 4] {
        let mut sum = magnitude(scalar);
        // Below 2^255: no carry is lost.
        sum.add_with_carry(&ark_ff::BigInt(self.offset));
        sum.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, Field, UniformRand};
    use rand::{SeedableRng, rngs::StdRng};

    /// Digits add up to the scalar, and those of narrow scalars stand in the lowest two windows.
    #[test]
    fn digits_add_up() {
        let mut rng = StdRng::seed_from_u64(1);
        let small = (0..3000u64).map(Fr::from);
        let ends = (0..254u64).flat_map(|k| [-1i64, 0, 1].map(|d| Fr::from(2u64).pow([k]) + Fr::from(d)));
        let half = Fr::from(2u64).inverse().unwrap();
        let random = (0..50).map(|_| Fr::rand(&mut rng)).chain([half, half - Fr::ONE, -Fr::ONE]);
        let values: Vec<Fr> = small.chain(ends).chain(random).flat_map(|v| [v, -v]).collect();
        for bits in 3..=16 {
            let windows = Windows::new(bits);
            for (value, scalar) in values.iter().zip(&Scalars::new(&values).0) {
                let mut sum = Fr::ZERO;
                for w in (0..windows.count).rev() {
                    let (digit, negative) = windows.digit(scalar, w);
                    assert!(digit <= 1 << (bits - 1));
                    assert!(w < 2 || digit == 0 || !windows.is_narrow(scalar), "{value} in window {w}");
                    let digit = if negative { -Fr::from(digit) } else { Fr::from(digit) };
                    sum = sum * Fr::from(1u64 << bits) + digit;
                }
                assert_eq!(sum, *value);
            }
        }
    }
}
