//! Interval analysis: from the ranges that look-ups enforce to the packing bases, for a whole size class.
//!
//! One table of constants ([`ValueSpec`]) says how a weight is cut into limbs. The circuit emits its look-ups
//! from it and this file computes every bound from it, so that no formula is typed twice.

use super::{Family, SizeClass};
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};

/// One limb of a committed value: it adds `weight * limb`, and `2^shift * limb` is looked up in `0..2^T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimbSpec {
    /// Bits by which the limb is shifted in the value: it adds `2^weight_bits * limb`.
    pub weight_bits: u32,
    /// Bits by which the limb is shifted for the look-up. At most `weight_bits`, so that the value is an
    /// integer whatever fraction `limb` is (a shifted look-up alone permits `v / 2^shift mod r`).
    pub shift: u32,
}

/// How a signed weight is committed: `value = sum 2^weight_bits * limb - offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueSpec {
    limbs: [LimbSpec; 2],
    count: usize,
    /// What is subtracted to make the value signed.
    pub offset: i64,
}

impl ValueSpec {
    /// A weight: one limb, signed T-bit.
    pub const fn weight(table_bits: u32) -> Self {
        let low = LimbSpec { weight_bits: 0, shift: 0 };
        Self { limbs: [low, low], count: 1, offset: 1 << (table_bits - 1) }
    }

    /// A hidden bias: T + 4 bits, the high limb of four bits looked up shifted.
    pub const fn hidden_bias(table_bits: u32) -> Self {
        let low = LimbSpec { weight_bits: 0, shift: 0 };
        let high = LimbSpec { weight_bits: table_bits, shift: table_bits - 4 };
        Self { limbs: [low, high], count: 2, offset: 1 << (table_bits + 3) }
    }

    /// A logit bias: two full limbs.
    pub const fn logit_bias(table_bits: u32) -> Self {
        let low = LimbSpec { weight_bits: 0, shift: 0 };
        let high = LimbSpec { weight_bits: table_bits, shift: 0 };
        Self { limbs: [low, high], count: 2, offset: 1 << (2 * table_bits - 1) }
    }

    /// The limbs, low first.
    pub fn limbs(&self) -> &[LimbSpec] {
        &self.limbs[..self.count]
    }

    /// Smallest value that the look-ups admit.
    pub const fn min(&self) -> i64 {
        -self.offset
    }

    /// Largest value that the look-ups admit, by a prover that cheats: each limb is `v / 2^shift`, `v < 2^T`.
    pub fn max(&self, table_bits: u32) -> i64 {
        let top = (1i64 << table_bits) - 1;
        self.limbs().iter().map(|limb| top << (limb.weight_bits - limb.shift)).sum::<i64>() - self.offset
    }

    /// Largest value that an honest prover can write with integer limbs.
    pub fn honest_max(&self, table_bits: u32) -> i64 {
        let width: u32 = self.limbs().iter().map(|limb| table_bits - limb.shift).sum();
        (1i64 << width) - 1 - self.offset
    }

    /// Largest absolute value that the look-ups admit.
    pub fn abs_max(&self, table_bits: u32) -> i64 {
        self.max(table_bits).max(-self.min())
    }

    /// The limbs of `value`, low first.
    ///
    /// # Errors
    /// `None` if the value lies outside `min()..=honest_max()`.
    pub fn split(&self, value: i64, table_bits: u32) -> Option<Vec<u32>> {
        if value < self.min() || value > self.honest_max(table_bits) {
            return None;
        }
        let mut rest = (value + self.offset) as u64;
        let mut limbs = Vec::with_capacity(self.count);
        for limb in self.limbs() {
            let width = table_bits - limb.shift;
            limbs.push((rest & ((1 << width) - 1)) as u32);
            rest >>= width;
        }
        Some(limbs)
    }
}

/// A packing: `terms` integers of absolute value below `base` go into one field element.
///
/// Lemma: if every `|e_j| <= base - 1` and `base^terms <= r` then `sum base^j e_j = 0 (mod r)` only if all are
/// 0, because the sum is at most `base^terms - 1` in absolute value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// The base B.
    pub base: u128,
    /// How many terms one element holds.
    pub terms: usize,
}

/// A class whose worst case does not fit into the field, or that leaves a bound open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundsError {
    /// A packing base below what the interval analysis found.
    #[error("{what}: expected a packing base of at least {expected}, got {got}")]
    BaseTooSmall {
        /// Which packing.
        what: &'static str,
        /// Smallest sound base.
        expected: u128,
        /// The base that was asked for.
        got: u128,
    },
    /// Packed terms do not fit below the field's modulus.
    #[error("{what}: base {base} to the power of {terms} exceeds the field")]
    TooManyTerms {
        /// Which packing.
        what: &'static str,
        /// The base.
        base: u128,
        /// The number of terms.
        terms: usize,
    },
    /// A parameter of the class is outside what the analysis covers.
    #[error("{what}: expected {expected}, got {got}")]
    Parameter {
        /// Which parameter.
        what: &'static str,
        /// Its range.
        expected: &'static str,
        /// Its value.
        got: u64,
    },
}

/// Every bound of a size class. Made only by [`Bounds::of`] or checked by [`Bounds::check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How weights are committed.
    pub weight: ValueSpec,
    /// How hidden biases are committed.
    pub hidden_bias: ValueSpec,
    /// How logit biases are committed.
    pub logit_bias: ValueSpec,
    /// Largest hidden pre-activation in absolute value, `2^T - 1`: a row beyond it counts as wrong.
    pub hidden_max: i64,
    /// BIG = `2^(lT-1)`: logit margins of an honest model stay below it.
    pub big: i128,
    /// Outputs of layer one in one Horner chain (MLP only).
    pub output_packing: Option<Packing>,
    /// Rows of the logits in one Horner step.
    pub row_packing: Packing,
}

fn fits_field(base: u128, terms: usize) -> bool {
    // base^terms <= r, in plain integers of 64-bit digits; r has 254 bits.
    let modulus = Fr::MODULUS;
    let mut power = ark_ff::BigInteger256::from(1u64);
    for _ in 0..terms {
        let low = ark_ff::BigInteger256::from(base as u64);
        let high = ark_ff::BigInteger256::from((base >> 64) as u64);
        let (low_part, low_carry) = power.mul(&low);
        let (high_part, high_carry) = power.mul(&high);
        // power * base = low_part + 2^64 * high_part; any digit beyond 256 bits means that it does not fit.
        if !low_carry.is_zero() || !high_carry.is_zero() || high_part.0[3] != 0 {
            return false;
        }
        let mut shifted = ark_ff::BigInteger256::new([0, high_part.0[0], high_part.0[1], high_part.0[2]]);
        if shifted.add_with_carry(&low_part) {
            return false;
        }
        power = shifted;
        if power > modulus {
            return false;
        }
    }
    true
}

fn packing(base: u128) -> Packing {
    let mut terms = 0;
    while fits_field(base, terms + 1) {
        terms += 1;
    }
    Packing { base, terms }
}

impl Bounds {
    /// Smallest base for packed outputs of layer one: one more than the largest error
    /// `|z| + |sum x w| + |b|` that the look-ups admit.
    pub fn output_base(class: &SizeClass) -> u128 {
        let t = class.table_bits;
        let hidden_max = (1u128 << t) - 1;
        let products = class.features as u128 * u128::from(class.x_max()) * weight_abs(t);
        hidden_max + products + ValueSpec::hidden_bias(t).abs_max(t) as u128 + 1
    }

    /// Smallest base for packed rows of the logits, in units of `c * E`: one more than the largest difference
    /// between two classes' errors, `(2^lT - 1) + 2 max|true z'|`.
    pub fn row_base(class: &SizeClass) -> u128 {
        let t = class.table_bits;
        let input_max = match class.family {
            Family::Linear => u128::from(class.x_max()),
            Family::Mlp { .. } => (1u128 << t) - 1,
        };
        let logit_max = class.last_inputs() as u128 * input_max * weight_abs(t)
            + ValueSpec::logit_bias(t).abs_max(t) as u128;
        let ordered_max = class.classes as u128 * logit_max + (class.classes as u128 - 1);
        let margin_max = (1u128 << (class.margin_limbs as u32 * t)) - 1;
        margin_max + 2 * ordered_max + 1
    }

    /// The bounds of a class, with the tightest packing that is sound.
    ///
    /// # Errors
    /// If a parameter is outside the analysis (T in 5..=16, 2 or 3 margin limbs, 1..=8 feature bits, 2..=256
    /// classes, sizes at least 1).
    pub fn of(class: &SizeClass) -> Result<Self, BoundsError> {
        check_parameters(class)?;
        let t = class.table_bits;
        let bounds = Self {
            weight: ValueSpec::weight(t),
            hidden_bias: ValueSpec::hidden_bias(t),
            logit_bias: ValueSpec::logit_bias(t),
            hidden_max: (1i64 << t) - 1,
            big: 1i128 << (class.margin_limbs as u32 * t - 1),
            output_packing: match class.family {
                Family::Linear => None,
                Family::Mlp { .. } => Some(packing(Self::output_base(class))),
            },
            row_packing: packing(Self::row_base(class)),
        };
        bounds.check(class)?;
        Ok(bounds)
    }

    /// Refuses packings that the interval analysis does not cover. [`Bounds::of`] passes it by construction;
    /// it is what stands between a changed constant and a forgery.
    ///
    /// # Errors
    /// Names the packing with *expected and got*.
    pub fn check(&self, class: &SizeClass) -> Result<(), BoundsError> {
        let check = |what, packing: Packing, expected| {
            if packing.base < expected {
                return Err(BoundsError::BaseTooSmall { what, expected, got: packing.base });
            }
            if packing.terms == 0 || !fits_field(packing.base, packing.terms) {
                return Err(BoundsError::TooManyTerms { what, base: packing.base, terms: packing.terms });
            }
            Ok(())
        };
        match (class.family, self.output_packing) {
            (Family::Mlp { .. }, Some(outputs)) => {
                check("packed outputs of layer one", outputs, Self::output_base(class))?;
            }
            (Family::Linear, None) => {}
            // Without its packing, layer one of an MLP would not be bound at all.
            (_, packing) => {
                let (what, expected) = ("output packings", "one for an MLP, none for a linear model");
                return Err(BoundsError::Parameter { what, expected, got: u64::from(packing.is_some()) });
            }
        }
        check("packed rows of the logits", self.row_packing, Self::row_base(class))
    }
}

fn weight_abs(table_bits: u32) -> u128 {
    ValueSpec::weight(table_bits).abs_max(table_bits) as u128
}

fn check_parameters(class: &SizeClass) -> Result<(), BoundsError> {
    let ranges: [(&'static str, &'static str, usize, std::ops::RangeInclusive<usize>); 7] = [
        // Classes of the catalogue have 10 and more; from 5 on a hidden bias has its four high bits.
        ("table bits", "5 to 16", class.table_bits as usize, 5..=16),
        ("margin limbs", "2 or 3", class.margin_limbs, 2..=3),
        ("feature bits", "1 to 8", class.feature_bits as usize, 1..=8),
        ("classes", "2 to 256", class.classes, 2..=256),
        ("features", "1 to 65536", class.features, 1..=65536),
        ("rows", "1 to 1048576", class.rows, 1..=1 << 20),
        ("hidden units", "0 to 65536", class.hidden(), 0..=65536),
    ];
    for (what, expected, got, range) in ranges {
        if !range.contains(&got) {
            return Err(BoundsError::Parameter { what, expected, got: got as u64 });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CATALOGUE;

    fn mlp(features: usize, feature_bits: u32, table_bits: u32) -> SizeClass {
        SizeClass { features, feature_bits, table_bits, margin_limbs: 2, ..CATALOGUE[2] }
    }

    #[test]
    fn hidden_bias_bound_counts_fractional_high_limbs() {
        // A high limb looked up only as 2^(T-4) hi may be any v / 2^(T-4): the bound is 9 * 2^T - 17.
        for t in 10..=16u32 {
            let spec = ValueSpec::hidden_bias(t);
            assert_eq!(spec.max(t), 9 * (1 << t) - 17);
            assert_eq!(spec.min(), -(1 << (t + 3)));
        }
    }

    #[test]
    fn packing_bases_are_the_derived_ones() {
        // Worked by hand: (2^14 - 1) + 784 * 255 * 2^13 + (9 * 2^14 - 17) + 1.
        assert_eq!(Bounds::output_base(&mlp(784, 8, 14)), 16_383 + 784 * 255 * 8192 + 147_439 + 1);
        let b = Bounds::of(&mlp(784, 8, 14)).unwrap();
        assert_eq!(b.output_packing.unwrap().terms, 8);
        // 10 classes of 32 units: (2^28 - 1) + 2 (10 (32 * (2^14 - 1) * 2^13 + 2^27) + 9) + 1.
        let logits = 32 * 16_383 * 8192 + (1 << 27);
        assert_eq!(Bounds::row_base(&mlp(784, 8, 14)), (1 << 28) - 1 + 2 * (10 * logits + 9) + 1);
        // The linear family: inputs are features.
        let logits = 30 * 255 * 1024 + (1 << 21);
        assert_eq!(Bounds::row_base(&CATALOGUE[0]), (1 << 22) - 1 + 2 * (2 * logits + 1) + 1);
        assert_eq!((b.big, b.hidden_max), (1 << 27, (1 << 14) - 1));
    }

    #[test]
    fn weights_and_biases_have_their_ranges() {
        for t in [6u32, 11, 14] {
            let (weight, bias) = (ValueSpec::weight(t), ValueSpec::logit_bias(t));
            assert_eq!((weight.min(), weight.max(t)), (-(1 << (t - 1)), (1 << (t - 1)) - 1));
            assert_eq!((bias.min(), bias.max(t)), (-(1 << (2 * t - 1)), (1 << (2 * t - 1)) - 1));
        }
    }

    #[test]
    fn a_base_smaller_by_one_is_refused() {
        for class in CATALOGUE {
            let mut bounds = Bounds::of(&class).unwrap();
            bounds.row_packing.base -= 1;
            assert!(matches!(bounds.check(&class), Err(BoundsError::BaseTooSmall { .. })));
            let mut bounds = Bounds::of(&class).unwrap();
            if let Some(outputs) = &mut bounds.output_packing {
                outputs.base -= 1;
                assert!(matches!(bounds.check(&class), Err(BoundsError::BaseTooSmall { .. })));
            }
        }
    }

    #[test]
    fn one_term_more_is_refused() {
        for class in CATALOGUE {
            let mut bounds = Bounds::of(&class).unwrap();
            bounds.row_packing.terms += 1;
            assert!(matches!(bounds.check(&class), Err(BoundsError::TooManyTerms { .. })));
            bounds.row_packing.terms = 0;
            assert!(matches!(bounds.check(&class), Err(BoundsError::TooManyTerms { .. })));
        }
    }

    #[test]
    fn an_mlp_has_packed_outputs_and_a_linear_model_none() {
        let [linear, _, mlp, _] = CATALOGUE.map(|class| (class, Bounds::of(&class).unwrap()));
        let exchanged = [(linear.0, mlp.1.output_packing, linear.1), (mlp.0, None, mlp.1)];
        for (class, output_packing, bounds) in exchanged {
            let refused = Bounds { output_packing, ..bounds }.check(&class);
            assert!(matches!(refused, Err(BoundsError::Parameter { what: "output packings", .. })));
        }
    }

    #[test]
    fn parameters_outside_the_analysis_are_refused() {
        let refused = |expected: &str, change: &dyn Fn(&mut SizeClass)| {
            let mut class = CATALOGUE[2];
            change(&mut class);
            let refused = check_parameters(&class);
            assert!(matches!(refused, Err(BoundsError::Parameter { what, .. }) if what == expected));
        };
        for t in [0, 4, 17] {
            refused("table bits", &|c| c.table_bits = t);
        }
        for l in [0, 1, 4] {
            refused("margin limbs", &|c| c.margin_limbs = l);
        }
        for bits in [0, 9] {
            refused("feature bits", &|c| c.feature_bits = bits);
        }
        for classes in [0, 1, 257] {
            refused("classes", &|c| c.classes = classes);
        }
        for features in [0, 65537] {
            refused("features", &|c| c.features = features);
        }
        for rows in [0, (1 << 20) + 1] {
            refused("rows", &|c| c.rows = rows);
        }
        refused("hidden units", &|c| c.family = Family::Mlp { hidden: 65537 });
        assert!(Bounds::of(&SizeClass { rows: 0, ..CATALOGUE[2] }).is_err());
    }

    #[test]
    fn field_limit_is_exact() {
        assert!(fits_field(1 << 127, 1));
        assert!(fits_field(2, 253));
        assert!(!fits_field(2, 254));
        assert!(!fits_field(u128::MAX, 2));
        assert!(!fits_field(1 << 64, 4), "2^256 is 0 in 256 bits");
    }

    #[test]
    fn split_and_value_agree_at_the_ends() {
        for t in [10u32, 13, 16] {
            for spec in [ValueSpec::weight(t), ValueSpec::hidden_bias(t), ValueSpec::logit_bias(t)] {
                for value in [spec.min(), -1, 0, 1, spec.honest_max(t)] {
                    let limbs = spec.split(value, t).unwrap();
                    let sum: i64 = spec
                        .limbs()
                        .iter()
                        .zip(&limbs)
                        .map(|(limb, &v)| i64::from(v) << limb.weight_bits)
                        .sum();
                    assert_eq!(sum - spec.offset, value);
                }
                assert!(spec.split(spec.min() - 1, t).is_none());
                assert!(spec.split(spec.honest_max(t) + 1, t).is_none());
            }
        }
    }
}
