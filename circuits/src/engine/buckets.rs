//! The bucket method: one window at a time, its points sorted by digit and added up in rounds of pairs.

use super::Bases;
use super::affine::{Adder, NEGATE, Pair, Point, signed};
use super::complete::{Complete, Projective};
use super::lanes::{Lanes, MAX_LANES};
use super::scalars::{Scalars, Windows};
use ark_ec::AdditiveGroup as _;
use ark_ec::short_weierstrass::{Projective as Sum, SWCurveConfig};
use ark_ff::Zero;
use rayon::prelude::*;

/// Bits of a window for so many wide and narrow scalars, by the cost of both parts: one affine addition a point and
/// window, and about 4 times that a bucket (two projective additions). Narrow scalars are taken to have 13 bits.
fn window_bits(wide: usize, narrow: usize) -> usize {
    let cost = |bits: usize| {
        let used = 14usize.div_ceil(bits);
        let windows = if wide == 0 { used } else { Windows::new(bits).count };
        windows * (wide + (1usize << (bits - 1)) * 4) + narrow * used
    };
    (4..=16).min_by_key(|&bits| cost(bits)).unwrap_or(13)
}

/// `sum scalars_i bases_i`.
pub(super) fn msm<F, C>(lanes: F, bases: &Bases<F::Elem>, scalars: &Scalars) -> Sum<C>
where
    F: Lanes,
    C: SWCurveConfig<BaseField = F::Field>,
{
    let probe = Windows::new(13);
    let is_wide = |position: &u32, windows: &Windows| {
        scalars.get(bases.scalars[*position as usize] as usize).is_some_and(|s| !windows.is_narrow(s))
    };
    let all = 0..bases.points.len() as u32;
    let wide = all.clone().into_par_iter().filter(|i| is_wide(i, &probe)).count();
    let windows = Windows::new(window_bits(wide, bases.points.len() - wide));
    // Only the lowest two windows look at every scalar.
    let narrow: Vec<u32> = all.clone().collect();
    let wide: Vec<u32> = all.into_par_iter().filter(|i| is_wide(i, &windows)).collect();
    let sums: Vec<Sum<C>> = (0..windows.count)
        .into_par_iter()
        .map(|w| window::<F, C>(lanes, bases, scalars, if w < 2 { &narrow } else { &wide }, &windows, w))
        .collect();
    let double = |sum: Sum<C>| (0..windows.bits).fold(sum, |sum, _| sum.double());
    sums.into_iter().rev().fold(Sum::zero(), |sum, window| double(sum) + window)
}

/// What is to be added up in one window: `entries_i` belongs to bucket `tags_i` (digit less 1). In the order of the
/// bases throughout, so that what is added is near what was added before.
pub(super) struct Entries {
    tags: Vec<u32>,
    entries: Vec<u32>,
}

impl Entries {
    pub fn with_capacity(capacity: usize) -> Self {
        Self { tags: Vec::with_capacity(capacity), entries: Vec::with_capacity(capacity) }
    }

    /// Notes `digit` (magnitude and whether it is negative) times the point at `position`.
    pub fn push(&mut self, (digit, negative): (u32, bool), position: u32) {
        if digit != 0 {
            self.tags.push(digit - 1);
            self.entries.push(if negative { position | NEGATE } else { position });
        }
    }
}

fn entries<E>(
    bases: &Bases<E>,
    scalars: &Scalars,
    positions: &[u32],
    windows: &Windows,
    w: usize,
) -> Entries {
    let mut out = Entries::with_capacity(positions.len());
    for &position in positions {
        let Some(scalar) = scalars.get(bases.scalars[position as usize] as usize) else { continue };
        out.push(windows.digit(scalar, w), position);
    }
    out
}

fn window<F, C>(
    lanes: F,
    bases: &Bases<F::Elem>,
    scalars: &Scalars,
    positions: &[u32],
    windows: &Windows,
    w: usize,
) -> Sum<C>
where
    F: Lanes,
    C: SWCurveConfig<BaseField = F::Field>,
{
    sum(lanes, &bases.points, entries(bases, scalars, positions, windows, w), windows)
}

/// Adds up every bucket and weighs it.
pub(super) fn sum<F, C>(lanes: F, points: &[Point<F::Elem>], entries: Entries, windows: &Windows) -> Sum<C>
where
    F: Lanes,
    C: SWCurveConfig<BaseField = F::Field>,
{
    if entries.tags.is_empty() {
        return Sum::zero();
    }
    let buckets = add_up::<F, C>(lanes, points, entries, 1 << (windows.bits - 1));
    let used = buckets.iter().rposition(|p| *p != Point::<F::Elem>::default()).map_or(0, |last| last + 1);
    weigh::<F, C>(lanes, &buckets[..used])
}

const NONE: u32 = u32::MAX;

/// Adds up every bucket, in rounds: each pairs the entries of all buckets as they come.
fn add_up<F, C>(lanes: F, bases: &[Point<F::Elem>], first: Entries, buckets: usize) -> Vec<Point<F::Elem>>
where
    F: Lanes,
    C: SWCurveConfig<BaseField = F::Field>,
{
    let mut adder = Adder::new(lanes);
    let Entries { mut tags, mut entries } = first;
    let mut points: Option<Vec<Point<F::Elem>>> = None;
    loop {
        let source = points.as_deref().unwrap_or(bases);
        let Round { pairs, tags: next, waiting } = Round::of(&tags, &entries, buckets);
        let single = |entry: u32| signed(lanes, source, entry);
        if pairs.is_empty() {
            let point = |entry: &u32| if *entry == NONE { Default::default() } else { single(*entry) };
            return waiting.iter().map(point).collect();
        }
        let mut sums = vec![Point::<F::Elem>::default(); pairs.len()];
        adder.add::<C>(source, &pairs, &mut sums);
        tags = next;
        for (tag, &entry) in waiting.iter().enumerate().filter(|(_, entry)| **entry != NONE) {
            tags.push(tag as u32);
            sums.push(single(entry));
        }
        entries = (0..sums.len() as u32).collect();
        points = Some(sums);
    }
}

/// Pairs of entries of one bucket, their buckets, and each bucket's entry without a partner.
struct Round {
    pairs: Vec<Pair>,
    tags: Vec<u32>,
    waiting: Vec<u32>,
}

impl Round {
    fn of(tags: &[u32], entries: &[u32], buckets: usize) -> Self {
        let mut waiting = vec![NONE; buckets];
        let most = tags.len() / 2 + 1;
        let (mut pairs, mut paired, mut count) = (vec![Pair::default(); most], vec![0; most], 0);
        // Whether an entry finds a partner cannot be foreseen: written without branches.
        for (&tag, &second) in tags.iter().zip(entries) {
            let first = waiting[tag as usize];
            let alone = first == NONE;
            (pairs[count], paired[count]) = (Pair { first, second }, tag);
            waiting[tag as usize] = if alone { second } else { NONE };
            count += usize::from(!alone);
        }
        pairs.truncate(count);
        paired.truncate(count);
        Self { pairs, tags: paired, waiting }
    }
}

/// `sum (b + 1) buckets_b`: each lane weighs a run of buckets by running sums, then the runs are put together.
fn weigh<F, C>(lanes: F, buckets: &[Point<F::Elem>]) -> Sum<C>
where
    F: Lanes,
    C: SWCurveConfig<BaseField = F::Field>,
{
    let run = buckets.len().div_ceil(F::LANES).max(1);
    let (sums, weighted) = lanes.run(
        #[inline(always)]
        || running_sums::<F, C>(lanes, buckets, run),
    );
    // Lane k weighs bucket `k run + i` by i + 1: it lacks `k run` times its plain sum.
    let mut lacking = Sum::zero();
    let mut above = Sum::zero();
    for sum in sums[1..].iter().rev() {
        above += sum;
        lacking += above;
    }
    weighted.iter().sum::<Sum<C>>() + times(lacking, run)
}

fn times<C: SWCurveConfig>(point: Sum<C>, factor: usize) -> Sum<C> {
    ark_ec::PrimeGroup::mul_bigint(&point, [factor as u64])
}

/// Each lane's plain and weighted sum.
#[inline(always)]
fn running_sums<F, C>(
    f: F,
    buckets: &[Point<F::Elem>],
    run: usize,
) -> ([Sum<C>; MAX_LANES], [Sum<C>; MAX_LANES])
where
    F: Lanes,
    C: SWCurveConfig<BaseField = F::Field>,
{
    let curve = Complete::new(f, &C::COEFF_B);
    let none = Point::<F::Elem>::default();
    let (mut sum, mut weighted) = (curve.infinity(), curve.infinity());
    for i in (0..run).rev() {
        let point = f.load(|lane| buckets.get(lane * run + i).filter(|_| i < run).unwrap_or(&none));
        sum = curve.add_affine(sum, point);
        weighted = curve.add(weighted, sum);
    }
    (to_sums::<F, C>(f, sum), to_sums::<F, C>(f, weighted))
}

/// Homogeneous `(X : Y : Z)` as arkworks' Jacobian `(X Z, Y Z^2, Z)`.
#[inline(always)]
fn to_sums<F, C>(f: F, point: Projective<F::V>) -> [Sum<C>; MAX_LANES]
where
    F: Lanes,
    C: SWCurveConfig<BaseField = F::Field>,
{
    let mut out = [Sum::<C>::zero(); MAX_LANES];
    let canonical = [f.canonical(point.x), f.canonical(point.y)];
    let z = f.canonical(point.z);
    let mut heights = [F::Elem::default(); MAX_LANES];
    f.store([z, z], |lane, [z, _]| heights[lane] = z);
    f.store(canonical, |lane, [x, y]| {
        let (x, y, z) = (f.decode(&x), f.decode(&y), f.decode(&heights[lane]));
        if !z.is_zero() {
            out[lane] = Sum::new_unchecked(x * z, y * z * z, z);
        }
    });
    out
}
