//! `IC_0 + sum x_i IC_i`, the verifier's largest sum, over bases that a key fixes: their multiples by powers of
//! `2^WINDOW_BITS` are computed once a key, so that all digits of all inputs go into one set of buckets
//! (Brickell, Gordon, McCurley and Wilson 1992). Half the additions of a general multi-exponentiation.

use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, PrimeField};
use rayon::prelude::*;

type Bucket = <G1Projective as VariableBaseMSM>::Bucket;

const WINDOW_BITS: usize = 10;
/// Digits of a scalar: 260 bits hold 254 and a carry.
const WINDOWS: usize = (Fr::MODULUS_BIT_SIZE as usize).div_ceil(WINDOW_BITS);

/// Multiples of a key's input bases.
#[derive(Debug)]
pub(super) struct InputSum {
    constant: G1Affine,
    /// `2^(WINDOW_BITS w) base_i` at `i * WINDOWS + w`.
    multiples: Vec<G1Affine>,
}

impl InputSum {
    /// The first base belongs to the constant 1.
    pub fn new(constant: G1Affine, bases: &[G1Affine]) -> Self {
        let multiples: Vec<G1Projective> = bases.par_iter().flat_map_iter(|base| multiples(*base)).collect();
        Self { constant, multiples: G1Projective::normalize_batch(&multiples) }
    }

    /// As many scalars as bases: the caller has compared the numbers.
    pub fn sum(&self, scalars: &[Fr]) -> G1Projective {
        let each = scalars.len().div_ceil(rayon::current_num_threads()).max(1);
        let parts = scalars.par_chunks(each).zip(self.multiples.par_chunks(each * WINDOWS));
        let sum: G1Projective = parts.map(|(scalars, multiples)| bucket_sum(scalars, multiples)).sum();
        sum + self.constant
    }
}

fn multiples(base: G1Affine) -> impl Iterator<Item = G1Projective> {
    let shifted = |point: &G1Projective| Some((0..WINDOW_BITS).fold(*point, |p, _| p.double()));
    std::iter::successors(Some(G1Projective::from(base)), shifted).take(WINDOWS)
}

fn bucket_sum(scalars: &[Fr], multiples: &[G1Affine]) -> G1Projective {
    let mut buckets = vec![G1Projective::ZERO_BUCKET; 1 << (WINDOW_BITS - 1)];
    for (scalar, multiples) in scalars.iter().zip(multiples.chunks(WINDOWS)) {
        for (digit, point) in signed_digits(scalar).into_iter().zip(multiples) {
            let bucket = usize::from(digit.unsigned_abs());
            match digit.signum() {
                1 => buckets[bucket - 1] += point,
                -1 => buckets[bucket - 1] -= point,
                _ => {}
            }
        }
    }
    let (mut running, mut sum) = (G1Projective::ZERO_BUCKET, G1Projective::ZERO_BUCKET);
    for bucket in buckets.iter().rev() {
        running += bucket;
        sum += &running;
    }
    let sum: Bucket = sum;
    sum.into()
}

/// `scalar = sum digit_w 2^(WINDOW_BITS w)` with digits in `-2^(WINDOW_BITS-1) ..= 2^(WINDOW_BITS-1)`.
fn signed_digits(scalar: &Fr) -> [i16; WINDOWS] {
    let limbs = scalar.into_bigint().0;
    let mut carry = 0;
    std::array::from_fn(|w| {
        let (limb, shift) = (w * WINDOW_BITS / 64, w * WINDOW_BITS % 64);
        let above = limbs.get(limb + 1).copied().unwrap_or(0);
        let bits = u128::from(limbs.get(limb).copied().unwrap_or(0)) | u128::from(above) << 64;
        let digit = (bits >> shift) as i16 & ((1 << WINDOW_BITS) - 1);
        let digit = digit + carry;
        carry = i16::from(digit > 1 << (WINDOW_BITS - 1));
        digit - (carry << WINDOW_BITS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{Field, One, UniformRand, Zero};
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn it_is_the_general_sum() {
        let mut rng = StdRng::seed_from_u64(4);
        for count in [1, 2, 7, 40] {
            let bases: Vec<G1Affine> = (0..=count).map(|_| G1Affine::rand(&mut rng)).collect();
            let mut scalars: Vec<Fr> = (0..count).map(|_| Fr::rand(&mut rng)).collect();
            for special in [-Fr::one(), Fr::zero(), Fr::one(), Fr::from(512u64), Fr::from(2u64).pow([253])] {
                scalars[count / 2] = special;
                let expected = bases[0] + G1Projective::msm(&bases[1..], &scalars).unwrap();
                assert_eq!(InputSum::new(bases[0], &bases[1..]).sum(&scalars), expected);
            }
        }
    }

    #[test]
    fn digits_add_up() {
        let mut rng = StdRng::seed_from_u64(5);
        for scalar in [Fr::zero(), -Fr::one(), Fr::rand(&mut rng), Fr::rand(&mut rng)] {
            let base = Fr::from(1u64 << WINDOW_BITS);
            let sum = signed_digits(&scalar).iter().rev().fold(Fr::zero(), |s, &d| s * base + Fr::from(d));
            assert_eq!(sum, scalar);
        }
    }
}
