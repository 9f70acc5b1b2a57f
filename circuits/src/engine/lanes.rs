//! Several field elements at a time: what the curve arithmetic is written in, for any processor.
//!
//! Values are in Montgomery form and may exceed the modulus p: each operation says what it takes and gives, so that
//! most reductions can be left out. *Small* values are below 2p, *canonical* ones below p.

use super::Modulus;
use ark_ff::{Fp, Fp2, Fp2Config, FpConfig, MontBackend, MontConfig, PrimeField, Zero};
use std::marker::PhantomData;

/// One bit a lane, lane 0 lowest.
pub(super) type Mask = u16;

/// Most lanes of any engine.
pub(super) const MAX_LANES: usize = 16;

/// Arithmetic on `LANES` elements of one field at a time. The implementing value is a token: that it exists shows
/// that this processor can do it.
pub(super) trait Lanes: Copy + Send + Sync {
    const LANES: usize;
    /// So many elements.
    type V: Copy;
    /// One canonical element in memory.
    type Elem: Copy + Eq + Default + Send + Sync;
    /// One element as arkworks has it.
    type Field: ark_ff::Field;

    /// Runs `work` compiled for this processor; `work` must be inlined.
    fn run<R>(self, work: impl FnOnce() -> R) -> R;

    /// By what arkworks' own Montgomery form, loaded as it is, must be multiplied to stand for the same value.
    fn raw_scale() -> Self::Field;
    fn encode(self, value: &Self::Field) -> Self::Elem;
    fn decode(self, elem: &Self::Elem) -> Self::Field;

    /// Small, of values below 4p.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// The same as a function call, where a formula would not fit the instruction cache otherwise; of values below 8p.
    #[inline(always)]
    fn mul_call(self, a: Self::V, b: Self::V) -> Self::V {
        self.mul(a, b)
    }
    /// `a + b`: below 4p, of small values (below 8p, of values below 4p).
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// Small, of values below 4p.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b + 2p`: below 4p, of small values.
    fn sub_small(self, a: Self::V, b: Self::V) -> Self::V;
    /// Small, of a value below 4p.
    fn small(self, a: Self::V) -> Self::V;
    /// Canonical, of a value below 4p.
    fn canonical(self, a: Self::V) -> Self::V;
    /// Canonical `-a` in the lanes of the mask, for canonical a.
    fn negate(self, mask: Mask, a: Self::V) -> Self::V;
    /// `a` in the lanes of the mask, else `b`.
    fn select(self, mask: Mask, a: Self::V, b: Self::V) -> Self::V;
    /// Lanes in which canonical values are equal.
    fn equal(self, a: Self::V, b: Self::V) -> Mask;
    /// One element in all lanes.
    fn splat(self, elem: &Self::Elem) -> Self::V;
    /// Two elements a lane.
    fn load<'a>(self, row: impl Fn(usize) -> &'a [Self::Elem; 2]) -> [Self::V; 2]
    where
        Self: 'a;
    /// Two elements a lane, as they are: make them canonical first, or at least small.
    fn store(self, values: [Self::V; 2], row: impl FnMut(usize, [Self::Elem; 2]));

    /// The inverses of all lanes, none of which may be 0: one inversion in all.
    #[inline(always)]
    fn invert(self, a: Self::V) -> Self::V {
        let a = self.canonical(a);
        let mut lanes = [<Self::Field as Zero>::zero(); MAX_LANES];
        self.store([a, a], |lane, [elem, _]| lanes[lane] = self.decode(&elem));
        invert_all(&mut lanes[..Self::LANES]);
        let mut rows = [[Self::Elem::default(); 2]; MAX_LANES];
        for (row, value) in rows.iter_mut().zip(&lanes) {
            *row = [self.encode(value); 2];
        }
        self.load(|lane| &rows[lane])[0]
    }
}

/// Inverses with one inversion (Montgomery's trick). arkworks' own would hand so few to its threads.
fn invert_all<F: ark_ff::Field>(values: &mut [F]) {
    let mut before = [F::ONE; MAX_LANES];
    let mut product = F::ONE;
    for (before, value) in before.iter_mut().zip(values.iter()) {
        *before = product;
        product *= value;
    }
    let mut inverse = product.inverse().unwrap_or_default();
    for (before, value) in before.iter().zip(values.iter_mut()).rev() {
        (*value, inverse) = (inverse * before, inverse * *value);
    }
}

/// One lane of arkworks' own arithmetic: always canonical.
pub(super) struct Portable<M>(PhantomData<M>);

impl<M> Clone for Portable<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Portable<M> {}

impl<M> Portable<M> {
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<M: MontConfig<4> + Modulus> Lanes for Portable<M>
where
    MontBackend<M, 4>: FpConfig<4>,
{
    const LANES: usize = 1;
    type V = Fp<MontBackend<M, 4>, 4>;
    type Elem = [u64; 4];
    type Field = Fp<MontBackend<M, 4>, 4>;

    fn run<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }

    fn raw_scale() -> Self::Field {
        ark_ff::Field::ONE
    }

    /// arkworks' own Montgomery form, so that neither direction costs anything.
    fn encode(self, value: &Self::Field) -> Self::Elem {
        value.0.0
    }

    fn decode(self, elem: &Self::Elem) -> Self::Field {
        Self::Field::new_unchecked(ark_ff::BigInt(*elem))
    }

    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        a * b
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        a + b
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        a - b
    }

    #[inline(always)]
    fn sub_small(self, a: Self::V, b: Self::V) -> Self::V {
        a - b
    }

    #[inline(always)]
    fn small(self, a: Self::V) -> Self::V {
        a
    }

    #[inline(always)]
    fn canonical(self, a: Self::V) -> Self::V {
        a
    }

    #[inline(always)]
    fn negate(self, mask: Mask, a: Self::V) -> Self::V {
        if mask & 1 == 1 { -a } else { a }
    }

    #[inline(always)]
    fn select(self, mask: Mask, a: Self::V, b: Self::V) -> Self::V {
        if mask & 1 == 1 { a } else { b }
    }

    #[inline(always)]
    fn equal(self, a: Self::V, b: Self::V) -> Mask {
        Mask::from(a == b)
    }

    #[inline(always)]
    fn splat(self, elem: &Self::Elem) -> Self::V {
        self.decode(elem)
    }

    #[inline(always)]
    fn load<'a>(self, row: impl Fn(usize) -> &'a [Self::Elem; 2]) -> [Self::V; 2]
    where
        Self: 'a,
    {
        row(0).map(|elem| self.decode(&elem))
    }

    #[inline(always)]
    fn store(self, values: [Self::V; 2], mut row: impl FnMut(usize, [Self::Elem; 2])) {
        row(0, values.map(|value| self.encode(&value)));
    }
}

/// `F[u] / (u^2 + 1)`, the field of G2's coordinates, over any lanes.
pub(super) struct Quadratic<F, P> {
    base: F,
    config: PhantomData<P>,
}

impl<F: Copy, P> Clone for Quadratic<F, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Copy, P> Copy for Quadratic<F, P> {}

impl<F, P> Quadratic<F, P> {
    pub fn new(base: F) -> Self {
        Self { base, config: PhantomData }
    }
}

impl<F: Lanes, P: Fp2Config<Fp = F::Field>> Lanes for Quadratic<F, P>
where
    F::Field: PrimeField,
{
    const LANES: usize = F::LANES;
    type V = [F::V; 2];
    type Elem = [F::Elem; 2];
    type Field = Fp2<P>;

    fn run<R>(self, work: impl FnOnce() -> R) -> R {
        self.base.run(work)
    }

    fn raw_scale() -> Self::Field {
        Fp2::new(F::raw_scale(), F::Field::zero())
    }

    fn encode(self, value: &Self::Field) -> Self::Elem {
        [self.base.encode(&value.c0), self.base.encode(&value.c1)]
    }

    fn decode(self, elem: &Self::Elem) -> Self::Field {
        Fp2::new(self.base.decode(&elem[0]), self.base.decode(&elem[1]))
    }

    /// Karatsuba.
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        let f = self.base;
        let (v0, v1) = (f.mul_call(a[0], b[0]), f.mul_call(a[1], b[1]));
        let cross = f.mul_call(f.add(a[0], a[1]), f.add(b[0], b[1]));
        [f.sub(v0, v1), f.sub(cross, f.add(v0, v1))]
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        [self.base.add(a[0], b[0]), self.base.add(a[1], b[1])]
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        [self.base.sub(a[0], b[0]), self.base.sub(a[1], b[1])]
    }

    #[inline(always)]
    fn sub_small(self, a: Self::V, b: Self::V) -> Self::V {
        [self.base.sub_small(a[0], b[0]), self.base.sub_small(a[1], b[1])]
    }

    #[inline(always)]
    fn small(self, a: Self::V) -> Self::V {
        [self.base.small(a[0]), self.base.small(a[1])]
    }

    #[inline(always)]
    fn canonical(self, a: Self::V) -> Self::V {
        [self.base.canonical(a[0]), self.base.canonical(a[1])]
    }

    #[inline(always)]
    fn negate(self, mask: Mask, a: Self::V) -> Self::V {
        [self.base.negate(mask, a[0]), self.base.negate(mask, a[1])]
    }

    #[inline(always)]
    fn select(self, mask: Mask, a: Self::V, b: Self::V) -> Self::V {
        [self.base.select(mask, a[0], b[0]), self.base.select(mask, a[1], b[1])]
    }

    #[inline(always)]
    fn equal(self, a: Self::V, b: Self::V) -> Mask {
        self.base.equal(a[0], b[0]) & self.base.equal(a[1], b[1])
    }

    #[inline(always)]
    fn splat(self, elem: &Self::Elem) -> Self::V {
        [self.base.splat(&elem[0]), self.base.splat(&elem[1])]
    }

    #[inline(always)]
    fn load<'a>(self, row: impl Fn(usize) -> &'a [Self::Elem; 2]) -> [Self::V; 2]
    where
        Self: 'a,
    {
        [self.base.load(|lane| &row(lane)[0]), self.base.load(|lane| &row(lane)[1])]
    }

    #[inline(always)]
    fn store(self, values: [Self::V; 2], mut row: impl FnMut(usize, [Self::Elem; 2])) {
        let mut rows = [[Self::Elem::default(); 2]; MAX_LANES];
        self.base.store(values[0], |lane, elems| rows[lane][0] = elems);
        self.base.store(values[1], |lane, elems| rows[lane][1] = elems);
        for (lane, elems) in rows.into_iter().enumerate().take(Self::LANES) {
            row(lane, elems);
        }
    }
}
