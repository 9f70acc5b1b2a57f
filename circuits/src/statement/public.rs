//! The one order of public inputs, and the fingerprints that every verifier computes from the test set.

use super::{Chunk, TestSet};
use crate::gadgets::linear::coefficients;
use crate::model::{Bounds, Family, SizeClass};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use rayon::prelude::*;

/// The three challenges, independent outputs of the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenges {
    /// X: where the look-up identities are tested.
    pub x: Fr,
    /// y: separates keys from values in tuple look-ups.
    pub y: Fr,
    /// rho: coefficients of the linear checks.
    pub rho: Fr,
}

/// Every public input by name. [`PublicInputs::to_vec`] is their one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicInputs {
    /// X, y, rho.
    pub challenges: Challenges,
    /// The claimed count K.
    pub correct: Fr,
    /// 0 for a score, 1 for a model proof.
    pub mode: Fr,
    /// `u_k = sum_i coef_i x_ik` for each feature of the class.
    pub features: Vec<Fr>,
    /// `sum_i rho^i` over all rows of the class.
    pub plain_sum: Fr,
    /// Sum of the row-packed coefficients over all rows of the class.
    pub packed_sum: Fr,
    /// `sum_i rho^i label_i` over all rows of the class; padding rows have label c.
    pub labels: Fr,
}

impl PublicInputs {
    /// Public inputs of a class, the constant 1 not counted.
    pub const fn count(class: &SizeClass) -> usize {
        class.features + 8
    }

    /// X, y, rho, K, mode, u_0 .. u_{d-1}, plain sum, packed sum, label fingerprint.
    pub fn to_vec(&self) -> Vec<Fr> {
        let Challenges { x, y, rho } = self.challenges;
        let mut out = vec![x, y, rho, self.correct, self.mode];
        out.extend_from_slice(&self.features);
        out.extend([self.plain_sum, self.packed_sum, self.labels]);
        out
    }

    /// Those of a score over one chunk of a test set that fits into the class.
    pub fn score(
        class: &SizeClass,
        bounds: &Bounds,
        ch: Challenges,
        set: &TestSet,
        chunk: &Chunk,
        k: u64,
    ) -> Self {
        let coefficients = Coefficients::new(class, bounds, ch.rho);
        let rows = chunk.lo as usize..chunk.hi as usize;
        let padding = Fr::from(class.classes as u64);
        let label = |i: usize| {
            if i < rows.len() { Fr::from(set.label(rows.start + i)) } else { padding }
        };
        Self {
            challenges: ch,
            correct: Fr::from(k),
            mode: Fr::ZERO,
            features: coefficients.features(class, set, rows.clone()),
            plain_sum: coefficients.plain.iter().sum(),
            packed_sum: coefficients.packed.iter().sum(),
            labels: coefficients.plain.iter().enumerate().map(|(i, c)| label(i) * c).sum(),
        }
    }

    /// Those of a model proof: no rows but padding, K = 0.
    pub fn model(class: &SizeClass, bounds: &Bounds, ch: Challenges) -> Self {
        let coefficients = Coefficients::new(class, bounds, ch.rho);
        let plain_sum: Fr = coefficients.plain.iter().sum();
        Self {
            challenges: ch,
            correct: Fr::ZERO,
            mode: Fr::from(1u64),
            features: vec![Fr::ZERO; class.features],
            plain_sum,
            packed_sum: coefficients.packed.iter().sum(),
            labels: plain_sum * Fr::from(class.classes as u64),
        }
    }
}

/// Coefficients of all class rows.
struct Coefficients {
    plain: Vec<Fr>,
    packed: Vec<Fr>,
}

impl Coefficients {
    fn new(class: &SizeClass, bounds: &Bounds, rho: Fr) -> Self {
        let rows = bounds.row_packing;
        Self {
            plain: coefficients(rho, Fr::from(1u64), 1, class.rows),
            packed: coefficients(rho, Fr::from(rows.base), rows.terms, class.rows),
        }
    }

    /// Coefficients of the first layer: packed rows if it makes the logits.
    fn first_layer(&self, class: &SizeClass) -> &[Fr] {
        match class.family {
            Family::Linear => &self.packed,
            Family::Mlp { .. } => &self.plain,
        }
    }

    fn features(&self, class: &SizeClass, set: &TestSet, rows: std::ops::Range<usize>) -> Vec<Fr> {
        let first = self.first_layer(class);
        let threads = rayon::current_num_threads().max(1);
        let width = set.features().div_ceil(threads).max(1);
        let parts: Vec<Vec<Fr>> = (0..set.features().div_ceil(width))
            .into_par_iter()
            .map(|part| {
                let columns = part * width..((part + 1) * width).min(set.features());
                fingerprint(first, set, rows.clone(), columns)
            })
            .collect();
        let mut out: Vec<Fr> = parts.into_iter().flatten().collect();
        out.resize(class.features, Fr::ZERO);
        out
    }
}

/// `sum_i coef_i x_ik`, accumulated without reduction: 32-bit digits of a coefficient times at most 8 bits, over
/// at most 2^20 rows, stay below 2^60 in each 64-bit lane; one reduction a feature.
fn fingerprint(
    coefficients: &[Fr],
    set: &TestSet,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
) -> Vec<Fr> {
    let mut lanes = vec![[0u64; 8]; columns.len()];
    for (coefficient, i) in coefficients.iter().zip(rows) {
        let digits = digits(coefficient);
        for (lane, &x) in lanes.iter_mut().zip(&set.row(i)[columns.clone()]) {
            for (sum, digit) in lane.iter_mut().zip(digits) {
                *sum += digit * u64::from(x);
            }
        }
    }
    lanes.iter().map(reduce).collect()
}

fn digits(value: &Fr) -> [u64; 8] {
    let limbs = value.into_bigint().0;
    std::array::from_fn(|i| (limbs[i / 2] >> (32 * (i % 2))) & 0xffff_ffff)
}

/// `sum_i lanes[i] 2^(32 i) mod r`, by Horner in the field.
fn reduce(lanes: &[u64; 8]) -> Fr {
    let shift = Fr::from(1u64 << 32);
    lanes.iter().rev().fold(Fr::ZERO, |sum, &lane| sum * shift + Fr::from(lane))
}

/// A field element as 32 big-endian bytes, as a contract reads it.
pub fn be_bytes(value: &Fr) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(&value.into_bigint().to_bytes_be());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CATALOGUE;
    use crate::statement::{Feature, Task};
    use ark_ff::UniformRand;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    fn set(features: usize, x: Vec<u16>) -> TestSet {
        let feature = |i| Feature { name: format!("f{i}"), offset: 0.0, step: 1.0 };
        let features = (0..features).map(feature).collect();
        let task = Task { features, feature_bits: 8, classes: vec!["a".into(), "b".into()] };
        let rows = x.len() / task.features.len();
        TestSet::new(task, x, vec![0; rows]).unwrap()
    }

    /// The sum in the field, one product a value.
    fn naive(coefficients: &[Fr], set: &TestSet, first: usize, columns: std::ops::Range<usize>) -> Vec<Fr> {
        let term = |(i, c): (usize, &Fr), k: usize| *c * Fr::from(set.row(first + i)[k]);
        columns.map(|k| coefficients.iter().enumerate().map(|row| term(row, k)).sum()).collect()
    }

    #[test]
    fn fingerprints_are_sums_in_the_field() {
        let mut rng = StdRng::seed_from_u64(1);
        let (rows, features) = (50, 13);
        let set = set(features, (0..rows * features).map(|_| rng.gen_range(0..256)).collect());
        let coefficients: Vec<Fr> = (0..rows).map(|_| Fr::rand(&mut rng)).collect();
        for (rows, columns) in [(0..50, 0..13), (7..50, 3..4), (20..21, 12..13), (9..9, 0..13)] {
            let part = &coefficients[..rows.len()];
            let expected = naive(part, &set, rows.start, columns.clone());
            assert_eq!(fingerprint(part, &set, rows, columns), expected);
        }
    }

    /// All lanes as full as they get: the largest coefficient and value in every row of the largest class, and in the
    /// most rows that a test set can have.
    #[test]
    fn the_largest_fingerprints_do_not_overflow() {
        let most = CATALOGUE.iter().map(|class| class.rows).max().unwrap();
        for (rows, features) in [(most, 5), (crate::statement::MAX_ROWS, 1)] {
            let set = set(features, vec![255; rows * features]);
            // The largest element, and one whose lower digits are all ones.
            let ones = Fr::from_le_bytes_mod_order(&[[255; 31].as_slice(), &[0x2f]].concat());
            assert!(digits(&ones)[..7].iter().all(|digit| *digit == 0xffff_ffff));
            for coefficient in [-Fr::from(1u64), ones] {
                let expected = coefficient * Fr::from(255u64) * Fr::from(rows as u64);
                let sums = fingerprint(&vec![coefficient; rows], &set, 0..rows, 0..features);
                assert_eq!(sums, vec![expected; features]);
            }
        }
    }
}
