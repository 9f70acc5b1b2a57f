//! Sixteen lanes of 52-bit limbs, multiplied by AVX-512 IFMA (Gueron and Krasnov, ARITH 2016).
//!
//! An element is five limbs below 2^52, limb by limb over the lanes, in two registers of eight lanes: two
//! multiplications at a time, because one alone waits for its own results. Its Montgomery radix is R = 2^260. The moduli
//! here are of 254 bits, so R > 84p and a product of values below 8p comes out below 2p without a subtraction:
//! `(ab + mp) / R < (64 p / R + 1) p < 2p`.

// Limbs and halves of several operands are indexed alike: iterators would hide the formulas.
#![allow(clippy::needless_range_loop)]

use super::Modulus;
use super::lanes::{Lanes, Mask};
use ark_ff::{AdditiveGroup, Fp, FpConfig, MontBackend, MontConfig};
use pulp::cast;
use std::arch::x86_64::__m512i;
use std::marker::PhantomData;

pulp::simd_type! {
    /// That it exists shows that the processor has these instructions.
    pub(super) struct Avx512 {
        pub avx512f: "avx512f",
        pub avx512dq: "avx512dq",
        pub avx512vl: "avx512vl",
        pub avx512ifma: "avx512ifma",
    }
}

const LIMBS: usize = 5;
const LIMB_BITS: u32 = 52;
const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

/// One limb of sixteen elements.
type Limb = [__m512i; 2];
/// Five limbs of sixteen elements.
type V = [Limb; LIMBS];

/// A token for arithmetic modulo `M`'s modulus.
pub(super) struct Ifma<M> {
    simd: Avx512,
    modulus: PhantomData<M>,
}

impl<M> Clone for Ifma<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Ifma<M> {}

/// `times * p` in limbs.
const fn limbs(p: [u64; 4], times: u64) -> [u64; LIMBS] {
    let wide = [
        p[0] & LIMB_MASK,
        (p[0] >> 52 | p[1] << 12) & LIMB_MASK,
        (p[1] >> 40 | p[2] << 24) & LIMB_MASK,
        (p[2] >> 28 | p[3] << 36) & LIMB_MASK,
        p[3] >> 16,
    ];
    let mut out = [0; LIMBS];
    let (mut i, mut carry) = (0, 0);
    while i < LIMBS {
        let sum = wide[i] * times + carry;
        out[i] = sum & LIMB_MASK;
        carry = sum >> LIMB_BITS;
        i += 1;
    }
    out
}

/// `-1/p mod 2^52`, by Newton's iteration.
const fn negated_inverse(p: u64) -> u64 {
    let (mut inverse, mut i) = (1u64, 0);
    while i < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(p.wrapping_mul(inverse)));
        i += 1;
    }
    inverse.wrapping_neg() & LIMB_MASK
}

struct Constants<M>(PhantomData<M>);

impl<M: Modulus> Constants<M> {
    const P: [u64; LIMBS] = limbs(M::P, 1);
    const P2: [u64; LIMBS] = limbs(M::P, 2);
    const P4: [u64; LIMBS] = limbs(M::P, 4);
    const NEGATED_INVERSE: u64 = negated_inverse(M::P[0]);
}

impl<M: Modulus> Ifma<M> {
    /// If this processor can.
    pub fn try_new() -> Option<Self> {
        Avx512::try_new().map(|simd| Self { simd, modulus: PhantomData })
    }

    #[inline(always)]
    fn constant(self, value: u64) -> __m512i {
        self.simd.avx512f._mm512_set1_epi64(value as i64)
    }

    // Loops rather than closures from here on: a closure that the standard library calls is compiled on its own,
    // without this processor's instructions, and every intrinsic in it becomes a function call.
    #[inline(always)]
    fn zero(self) -> V {
        [[self.simd.avx512f._mm512_setzero_si512(); 2]; LIMBS]
    }

    #[inline(always)]
    fn constants(self, values: [u64; LIMBS]) -> [__m512i; LIMBS] {
        let mut out = [self.simd.avx512f._mm512_setzero_si512(); LIMBS];
        for i in 0..LIMBS {
            out[i] = self.constant(values[i]);
        }
        out
    }

    /// Carries from limb to limb, signed: all limbs below 2^52 afterwards, if the value is not negative.
    #[inline(always)]
    fn carry(self, mut a: V) -> V {
        let (f, mask) = (self.simd.avx512f, self.constant(LIMB_MASK));
        for i in 0..LIMBS - 1 {
            for h in 0..2 {
                let over = f._mm512_srai_epi64::<LIMB_BITS>(a[i][h]);
                a[i][h] = f._mm512_and_si512(a[i][h], mask);
                a[i + 1][h] = f._mm512_add_epi64(a[i + 1][h], over);
            }
        }
        a
    }

    /// `a - b + c`, where that is not negative.
    #[inline(always)]
    fn sub_add(self, mut a: V, b: V, c: [u64; LIMBS]) -> V {
        let (f, c) = (self.simd.avx512f, self.constants(c));
        for i in 0..LIMBS {
            for h in 0..2 {
                a[i][h] = f._mm512_add_epi64(f._mm512_sub_epi64(a[i][h], b[i][h]), c[i]);
            }
        }
        self.carry(a)
    }

    /// `a - c` where that is not negative, else `a`.
    #[inline(always)]
    fn reduce(self, a: V, c: [u64; LIMBS]) -> V {
        let c = self.constants(c);
        let mut less = a;
        for i in 0..LIMBS {
            for h in 0..2 {
                less[i][h] = self.simd.avx512f._mm512_sub_epi64(a[i][h], c[i]);
            }
        }
        let less = self.carry(less);
        // The top limb keeps the sign.
        let sign = |h: usize| self.simd.avx512dq._mm512_movepi64_mask(less[LIMBS - 1][h]);
        self.blend([sign(0), sign(1)], a, less)
    }

    /// `a` in the lanes of the mask, else `b`.
    #[inline(always)]
    fn blend(self, masks: [u8; 2], a: V, mut b: V) -> V {
        for i in 0..LIMBS {
            for h in 0..2 {
                b[i][h] = self.simd.avx512f._mm512_mask_blend_epi64(masks[h], b[i][h], a[i][h]);
            }
        }
        b
    }

    /// 128-bit quarters 0 and 2 of both.
    #[inline(always)]
    fn even(self, a: __m512i, b: __m512i) -> __m512i {
        self.simd.avx512f._mm512_shuffle_i64x2::<0b10_00_10_00>(a, b)
    }

    /// 128-bit quarters 1 and 3 of both.
    #[inline(always)]
    fn odd(self, a: __m512i, b: __m512i) -> __m512i {
        self.simd.avx512f._mm512_shuffle_i64x2::<0b11_01_11_01>(a, b)
    }

    /// Four pairs of interleaved rows to every second column.
    #[inline(always)]
    fn quarters(self, [a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
        let (even_ab, even_cd) = (self.even(a, b), self.even(c, d));
        let (odd_ab, odd_cd) = (self.odd(a, b), self.odd(c, d));
        [
            self.even(even_ab, even_cd),
            self.even(odd_ab, odd_cd),
            self.odd(even_ab, even_cd),
            self.odd(odd_ab, odd_cd),
        ]
    }

    /// Rows of eight words to columns, and back.
    #[inline(always)]
    fn transpose(self, r: [__m512i; 8]) -> [__m512i; 8] {
        let f = self.simd.avx512f;
        let zero = f._mm512_setzero_si512();
        let (mut low, mut high) = ([zero; 4], [zero; 4]);
        for k in 0..4 {
            low[k] = f._mm512_unpacklo_epi64(r[2 * k], r[2 * k + 1]);
            high[k] = f._mm512_unpackhi_epi64(r[2 * k], r[2 * k + 1]);
        }
        let ([c0, c2, c4, c6], [c1, c3, c5, c7]) = (self.quarters(low), self.quarters(high));
        [c0, c1, c2, c3, c4, c5, c6, c7]
    }

    /// `a << LEFT | b >> RIGHT`, of which the low 52 bits count.
    #[inline(always)]
    fn join<const RIGHT: u32, const LEFT: u32>(self, low: __m512i, high: __m512i) -> __m512i {
        let f = self.simd.avx512f;
        f._mm512_or_si512(f._mm512_srli_epi64::<RIGHT>(low), f._mm512_slli_epi64::<LEFT>(high))
    }

    /// Four words of each element to five limbs.
    #[inline(always)]
    fn unpack(self, w: [__m512i; 4]) -> [__m512i; LIMBS] {
        let (f, mask) = (self.simd.avx512f, self.constant(LIMB_MASK));
        [
            f._mm512_and_si512(w[0], mask),
            f._mm512_and_si512(self.join::<52, 12>(w[0], w[1]), mask),
            f._mm512_and_si512(self.join::<40, 24>(w[1], w[2]), mask),
            f._mm512_and_si512(self.join::<28, 36>(w[2], w[3]), mask),
            f._mm512_srli_epi64::<16>(w[3]),
        ]
    }

    #[inline(always)]
    fn pack(self, a: [__m512i; LIMBS]) -> [__m512i; 4] {
        [
            self.join::<0, 52>(a[0], a[1]),
            self.join::<12, 40>(a[1], a[2]),
            self.join::<24, 28>(a[2], a[3]),
            self.join::<36, 16>(a[3], a[4]),
        ]
    }

    /// One register of every limb.
    #[inline(always)]
    fn half(self, a: V, h: usize) -> [__m512i; LIMBS] {
        [a[0][h], a[1][h], a[2][h], a[3][h], a[4][h]]
    }

    #[inline(always)]
    fn join_halves(self, a: [__m512i; LIMBS], b: [__m512i; LIMBS]) -> V {
        [[a[0], b[0]], [a[1], b[1]], [a[2], b[2]], [a[3], b[3]], [a[4], b[4]]]
    }

    #[inline(always)]
    fn multiply(self, a: V, b: V) -> V {
        let (f, ifma) = (self.simd.avx512f, self.simd.avx512ifma);
        let p = self.constants(Constants::<M>::P);
        let negated_inverse = self.constant(Constants::<M>::NEGATED_INVERSE);
        let zero = [f._mm512_setzero_si512(); 2];
        let mut t = [zero; LIMBS];
        for b in b {
            let mut m = zero;
            for j in 0..LIMBS {
                for h in 0..2 {
                    t[j][h] = ifma._mm512_madd52lo_epu64(t[j][h], a[j][h], b[h]);
                }
            }
            for h in 0..2 {
                m[h] = ifma._mm512_madd52lo_epu64(m[h], t[0][h], negated_inverse);
            }
            for j in 0..LIMBS {
                for h in 0..2 {
                    t[j][h] = ifma._mm512_madd52lo_epu64(t[j][h], m[h], p[j]);
                }
            }
            // The lowest limb is now 0 mod 2^52: shift by one limb.
            let low = t[0];
            t = [t[1], t[2], t[3], t[4], zero];
            for h in 0..2 {
                t[0][h] = f._mm512_add_epi64(t[0][h], f._mm512_srli_epi64::<LIMB_BITS>(low[h]));
            }
            for j in 0..LIMBS {
                for h in 0..2 {
                    t[j][h] = ifma._mm512_madd52hi_epu64(t[j][h], a[j][h], b[h]);
                }
            }
            for j in 0..LIMBS {
                for h in 0..2 {
                    t[j][h] = ifma._mm512_madd52hi_epu64(t[j][h], m[h], p[j]);
                }
            }
        }
        self.carry(t)
    }
}

/// Masks of the two registers.
#[inline(always)]
fn halves(mask: Mask) -> [u8; 2] {
    [mask as u8, (mask >> 8) as u8]
}

impl<M: MontConfig<4> + Modulus> Lanes for Ifma<M>
where
    MontBackend<M, 4>: FpConfig<4>,
{
    const LANES: usize = 16;
    type V = V;
    type Elem = [u64; 4];
    type Field = Fp<MontBackend<M, 4>, 4>;

    #[inline(always)]
    fn run<R>(self, work: impl FnOnce() -> R) -> R {
        self.simd.vectorize(work)
    }

    fn raw_scale() -> Self::Field {
        Self::Field::from(16u64)
    }

    /// arkworks has R = 2^256, so 16 times the value is, in its form, what stands in memory here.
    #[inline(always)]
    fn encode(self, value: &Self::Field) -> Self::Elem {
        let mut value = *value;
        for _ in 0..4 {
            value.double_in_place();
        }
        value.0.0
    }

    #[inline(always)]
    fn decode(self, elem: &Self::Elem) -> Self::Field {
        // 1/16 in arkworks' form is 2^252, below every modulus of 254 bits.
        let sixteenth = Self::Field::new_unchecked(ark_ff::BigInt([0, 0, 0, 1 << 60]));
        Self::Field::new_unchecked(ark_ff::BigInt(*elem)) * sixteenth
    }

    #[inline(always)]
    fn mul(self, a: V, b: V) -> V {
        self.multiply(a, b)
    }

    #[inline(never)]
    fn mul_call(self, a: V, b: V) -> V {
        self.simd.vectorize(
            #[inline(always)]
            || self.multiply(a, b),
        )
    }

    #[inline(always)]
    fn add(self, mut a: V, b: V) -> V {
        for i in 0..LIMBS {
            for h in 0..2 {
                a[i][h] = self.simd.avx512f._mm512_add_epi64(a[i][h], b[i][h]);
            }
        }
        self.carry(a)
    }

    #[inline(always)]
    fn sub(self, a: V, b: V) -> V {
        let wide = self.sub_add(a, b, Constants::<M>::P4);
        self.reduce(self.reduce(wide, Constants::<M>::P4), Constants::<M>::P2)
    }

    #[inline(always)]
    fn sub_small(self, a: V, b: V) -> V {
        self.sub_add(a, b, Constants::<M>::P2)
    }

    #[inline(always)]
    fn small(self, a: V) -> V {
        self.reduce(a, Constants::<M>::P2)
    }

    #[inline(always)]
    fn canonical(self, a: V) -> V {
        self.reduce(self.reduce(a, Constants::<M>::P2), Constants::<M>::P)
    }

    #[inline(always)]
    fn negate(self, mask: Mask, a: V) -> V {
        let negated = self.sub_add(self.zero(), a, Constants::<M>::P);
        self.blend(halves(mask), self.reduce(negated, Constants::<M>::P), a)
    }

    #[inline(always)]
    fn select(self, mask: Mask, a: V, b: V) -> V {
        self.blend(halves(mask), a, b)
    }

    #[inline(always)]
    fn equal(self, a: V, b: V) -> Mask {
        let mut masks = [u8::MAX; 2];
        for i in 0..LIMBS {
            for h in 0..2 {
                masks[h] &= self.simd.avx512f._mm512_cmpeq_epi64_mask(a[i][h], b[i][h]);
            }
        }
        Mask::from(masks[0]) | Mask::from(masks[1]) << 8
    }

    #[inline(always)]
    fn splat(self, elem: &Self::Elem) -> V {
        let half = self.unpack([
            self.constant(elem[0]),
            self.constant(elem[1]),
            self.constant(elem[2]),
            self.constant(elem[3]),
        ]);
        self.join_halves(half, half)
    }

    #[inline(always)]
    fn load<'a>(self, row: impl Fn(usize) -> &'a [Self::Elem; 2]) -> [V; 2]
    where
        Self: 'a,
    {
        let mut values = [[[self.simd.avx512f._mm512_setzero_si512(); LIMBS]; 2]; 2];
        for h in 0..2 {
            let mut rows = [self.simd.avx512f._mm512_setzero_si512(); 8];
            for (lane, words) in rows.iter_mut().enumerate() {
                *words = cast(*row(8 * h + lane));
            }
            let [a, b, c, d, e, f, g, i] = self.transpose(rows);
            values[h] = [self.unpack([a, b, c, d]), self.unpack([e, f, g, i])];
        }
        let [low, high] = values;
        [self.join_halves(low[0], high[0]), self.join_halves(low[1], high[1])]
    }

    #[inline(always)]
    fn store(self, values: [V; 2], mut row: impl FnMut(usize, [Self::Elem; 2])) {
        for h in 0..2 {
            let [a, b, c, d] = self.pack(self.half(values[0], h));
            let [e, f, g, i] = self.pack(self.half(values[1], h));
            for (lane, words) in self.transpose([a, b, c, d, e, f, g, i]).into_iter().enumerate() {
                row(8 * h + lane, cast(words));
            }
        }
    }
}
