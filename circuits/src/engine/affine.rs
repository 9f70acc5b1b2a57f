//! Affine additions by the batch: `lambda = (y2 - y1) / (x2 - x1)` with one inversion for many (Montgomery's trick).

use super::lanes::{Lanes, Mask};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ec::{AffineRepr, CurveGroup};

/// A point in memory; `(0, 0)`, which is on neither curve, stands for infinity.
pub(super) type Point<E> = [E; 2];

/// One addition: where the two points are, and whether they are negated.
#[derive(Clone, Copy, Default)]
pub(super) struct Pair {
    pub first: u32,
    pub second: u32,
}

/// Pairs that share an inversion: few enough that their scratch stays in the second-level cache.
const BATCH: usize = 1024;

/// The top bit of an index negates its point.
pub(super) const NEGATE: u32 = 1 << 31;

/// Two points a lane, and the product of all denominators before.
struct Step<V> {
    p: [V; 2],
    q: [V; 2],
    denominator: V,
    before: V,
}

/// Scratch of one thread.
pub(super) struct Adder<F: Lanes> {
    lanes: F,
    steps: Vec<Step<F::V>>,
    /// Pairs that the formula does not cover: doublings, opposites, infinities.
    odd: Vec<usize>,
}

impl<F: Lanes> Adder<F> {
    pub fn new(lanes: F) -> Self {
        Self { lanes, steps: Vec::with_capacity(BATCH / F::LANES), odd: Vec::new() }
    }

    /// `sums_i = first_i + second_i` for every pair, of points out of `points`.
    pub fn add<C>(&mut self, points: &[Point<F::Elem>], pairs: &[Pair], sums: &mut [Point<F::Elem>])
    where
        C: SWCurveConfig<BaseField = F::Field>,
    {
        let lanes = self.lanes;
        for (pairs, sums) in pairs.chunks(BATCH).zip(sums.chunks_mut(BATCH)) {
            lanes.run(
                #[inline(always)]
                || self.batch(points, pairs, sums),
            );
            for &i in &self.odd {
                sums[i] = one::<F, C>(lanes, points, pairs[i]);
            }
        }
    }

    #[inline(always)]
    fn batch(&mut self, points: &[Point<F::Elem>], pairs: &[Pair], sums: &mut [Point<F::Elem>]) {
        let f = self.lanes;
        self.steps.clear();
        self.odd.clear();
        let one = f.splat(&f.encode(&<F::Field as ark_ff::Field>::ONE));
        let mut product = one;
        for (at, pairs) in pairs.chunks(F::LANES).enumerate() {
            let p = gather(f, points, pairs, |pair| pair.first);
            let q = gather(f, points, pairs, |pair| pair.second);
            let odd = odd(f, p, q);
            let denominator = f.select(odd, one, f.sub_small(q[0], p[0]));
            self.steps.push(Step { p, q, denominator, before: product });
            product = f.mul(product, denominator);
            if odd != 0 {
                let lanes = (0..pairs.len()).filter(|lane| odd >> lane & 1 == 1);
                self.odd.extend(lanes.map(|lane| at * F::LANES + lane));
            }
        }
        let mut inverse = f.invert(product);
        for (step, sums) in self.steps.iter().zip(sums.chunks_mut(F::LANES)).rev() {
            let lambda = f.mul(f.mul(inverse, step.before), f.sub_small(step.q[1], step.p[1]));
            inverse = f.mul(inverse, step.denominator);
            let x = f.canonical(f.sub_small(f.mul(lambda, lambda), f.add(step.p[0], step.q[0])));
            let y = f.sub_small(f.mul(lambda, f.sub_small(step.p[0], x)), step.p[1]);
            f.store([x, f.canonical(y)], |lane, point| {
                if let Some(sum) = sums.get_mut(lane) {
                    *sum = point;
                }
            });
        }
    }
}

/// The first or second point of each pair; lanes beyond the last pair repeat it.
#[inline(always)]
fn gather<F: Lanes>(
    f: F,
    points: &[Point<F::Elem>],
    pairs: &[Pair],
    index: impl Fn(&Pair) -> u32,
) -> [F::V; 2] {
    let last = pairs.len() - 1;
    let [x, y] = f.load(|lane| &points[(index(&pairs[lane.min(last)]) & !NEGATE) as usize]);
    let mut negated: Mask = 0;
    for lane in 0..F::LANES {
        negated |= ((index(&pairs[lane.min(last)]) >> 31) as Mask) << lane;
    }
    [x, if negated == 0 { y } else { f.negate(negated, y) }]
}

/// Lanes whose points have the same x, or of which one is infinity.
#[inline(always)]
fn odd<F: Lanes>(f: F, p: [F::V; 2], q: [F::V; 2]) -> Mask {
    let zero = f.splat(&F::Elem::default());
    let infinite = |p: [F::V; 2]| f.equal(p[0], zero) & f.equal(p[1], zero);
    f.equal(p[0], q[0]) | infinite(p) | infinite(q)
}

pub(super) fn decode<F: Lanes, C>(f: F, point: &Point<F::Elem>, negated: bool) -> Affine<C>
where
    C: SWCurveConfig<BaseField = F::Field>,
{
    if *point == Point::<F::Elem>::default() {
        return Affine::identity();
    }
    let point = Affine::new_unchecked(f.decode(&point[0]), f.decode(&point[1]));
    if negated { -point } else { point }
}

/// One addition by arkworks, which knows all exceptions.
fn one<F: Lanes, C>(f: F, points: &[Point<F::Elem>], pair: Pair) -> Point<F::Elem>
where
    C: SWCurveConfig<BaseField = F::Field>,
{
    let point = |index: u32| decode::<F, C>(f, &points[(index & !NEGATE) as usize], index & NEGATE != 0);
    let sum = (point(pair.first) + point(pair.second)).into_affine();
    if sum.is_zero() { Point::<F::Elem>::default() } else { [f.encode(&sum.x), f.encode(&sum.y)] }
}

/// The point of an entry, negated if it says so.
pub(super) fn signed<F: Lanes>(f: F, points: &[Point<F::Elem>], entry: u32) -> Point<F::Elem> {
    let [x, y] = points[(entry & !NEGATE) as usize];
    if entry & NEGATE == 0 { [x, y] } else { [x, f.encode(&-f.decode(&y))] }
}
