//! The quotient of Groth16, `h = (a b - c) / (X^n - 1)`, from evaluations over the n-th roots of unity.
//!
//! Transforms are of radix 2, several stages for each pass over memory: forward ones (decimation in frequency) leave
//! their result in bit-reversed order, backward ones (decimation in time) take it so, and nothing is ever put back in
//! order: the bases that h is multiplied with are in bit-reversed order too.

use super::Scalars;
use super::lanes::{Lanes, MAX_LANES};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, FftField, Field, PrimeField};
use rayon::prelude::*;

type Elem = [u64; 4];
/// What is loaded at a time in each lane.
type Pair = [Elem; 2];

/// Stages of the last forward pass, whose blocks are shorter than a vector.
const INNER_STAGES: u32 = 5;
/// Stages of the other passes.
const STAGES: u32 = 4;
/// Vectors that a pass works on at a time: few enough to stay in the first-level cache.
const WIDTH: usize = 1 << INNER_STAGES;

/// Tables for the transforms of one size.
#[derive(Clone)]
pub(super) struct Tables {
    log: u32,
    /// `w^j` for `w` of order 2m at `m + j`, for every power of two m below n; and of its inverse.
    roots: Vec<Pair>,
    inverse_roots: Vec<Pair>,
    /// In bit-reversed order: `g^k s / n`, with g of order 2n and s what [`Lanes::raw_scale`] says.
    shift: Vec<Pair>,
    /// In bit-reversed order, as plain integers: `g^-k / 2n`.
    unshift: Vec<Pair>,
}

/// A slice as pairs.
fn pairs(values: Vec<Elem>) -> Vec<Pair> {
    values.as_chunks().0.to_vec()
}

fn powers(of: Fr, count: usize) -> Vec<Fr> {
    std::iter::successors(Some(Fr::ONE), |power| Some(*power * of)).take(count).collect()
}

/// `values_rev(i)` at i, where rev reverses as many bits as the next power of two has.
pub(super) fn bit_reversed<T: Copy>(values: &[T]) -> Vec<T> {
    let log = values.len().next_power_of_two().trailing_zeros();
    (0..values.len()).map(|i| values[reverse(i, log)]).collect()
}

fn reverse(i: usize, log: u32) -> usize {
    if log == 0 { i } else { i.reverse_bits() >> (usize::BITS - log) }
}

impl Tables {
    /// For evaluations over `2^log` roots of unity; `None` beyond the field's two-adicity.
    pub fn new<F: Lanes<Elem = Elem, Field = Fr>>(f: F, log: u32) -> Option<Self> {
        let n = 1usize << log;
        let encode = |values: Vec<Fr>| pairs(values.par_iter().map(|value| f.encode(value)).collect());
        let roots = |invert: bool| {
            let mut out = vec![Fr::ZERO; n.max(2)];
            for m in (0..log).map(|stage| 1usize << stage) {
                let root = Fr::get_root_of_unity(2 * m as u64)?;
                let root = if invert { root.inverse()? } else { root };
                out[m..2 * m].copy_from_slice(&powers(root, m));
            }
            Some(encode(out))
        };
        let generator = Fr::get_root_of_unity(2 * n as u64)?;
        let inverse_n = Fr::from(n as u64).inverse()?;
        let half = Fr::from(2u64).inverse()?;
        let shift: Vec<Fr> =
            powers(generator, n).par_iter().map(|power| *power * inverse_n * F::raw_scale()).collect();
        let unshift: Vec<Elem> = powers(generator.inverse()?, n)
            .par_iter()
            .map(|power| (*power * inverse_n * half).into_bigint().0)
            .collect();
        Some(Self {
            log,
            roots: roots(false)?,
            inverse_roots: roots(true)?,
            shift: encode(bit_reversed(&shift)),
            unshift: pairs(bit_reversed(&unshift)),
        })
    }

    /// Whether these lanes can work on this size: all of them on blocks of their own.
    pub fn fit<F: Lanes>(log: u32) -> bool {
        log >= INNER_STAGES + F::LANES.trailing_zeros()
    }

    /// The coefficients of h in bit-reversed order, the last of which is 0, for `c = a b` on the domain.
    ///
    /// With `a b = low + X^n high` of degree below 2n: modulo `X^n - 1` it is `low + high = c`, modulo `X^n + 1` it is
    /// `low - high`, so h, which is `high`, is half of the difference. Six transforms of size n.
    pub fn quotient<F: Lanes<Elem = Elem, Field = Fr>>(&self, f: F, a: Vec<Fr>, b: Vec<Fr>) -> Scalars {
        let raw = |values: Vec<Fr>| pairs(values.into_par_iter().map(|value| value.0.0).collect());
        let (mut a, mut b) = (raw(a), raw(b));
        let mut c = a.clone();
        self.multiply(f, &mut c, &b);
        self.forward(f, &mut c);
        for values in [&mut a, &mut b] {
            self.forward(f, values);
            self.multiply(f, values, &self.shift);
            self.backward(f, values);
        }
        self.multiply(f, &mut a, &b);
        self.forward(f, &mut a);
        // What was read raw was divided by s once in a and in b, hence by s^2 in c.
        let scale = F::raw_scale().square() / Fr::from(2u64 << self.log);
        let scale = [scale.into_bigint().0; 2];
        let chunk = F::LANES * 64;
        let parts = c.par_chunks_mut(chunk).zip(a.par_chunks(chunk)).zip(self.unshift.par_chunks(chunk));
        parts.for_each(|((c, a), unshift)| {
            f.run(
                #[inline(always)]
                || difference(f, c, a, unshift, &scale),
            );
        });
        Scalars::from_integers(c.into_flattened())
    }

    /// `values_i *= by_i`
    fn multiply<F: Lanes<Elem = Elem>>(&self, f: F, values: &mut [Pair], by: &[Pair]) {
        let chunk = F::LANES * 64;
        values.par_chunks_mut(chunk).zip(by.par_chunks(chunk)).for_each(|(values, by)| {
            f.run(
                #[inline(always)]
                || {
                    for (values, by) in values.chunks_mut(F::LANES).zip(by.chunks(F::LANES)) {
                        let (x, y) = (f.load(|lane| &values[lane]), f.load(|lane| &by[lane]));
                        f.store([f.mul(x[0], y[0]), f.mul(x[1], y[1])], |lane, pair| values[lane] = pair);
                    }
                },
            );
        });
    }

    /// Coefficients times n, from evaluations; the result is in bit-reversed order.
    fn forward<F: Lanes<Elem = Elem>>(&self, f: F, values: &mut [Pair]) {
        let roots = &self.inverse_roots;
        let outer = self.outer(self.log);
        columns(values, outer, F::LANES, |part| {
            f.run(
                #[inline(always)]
                || frequency_pass(f, roots, part),
            );
        });
        let size = values.len() >> outer;
        values.par_chunks_mut(size.max(F::LANES * WIDTH / 2)).for_each(|blocks| {
            f.run(
                #[inline(always)]
                || self.frequency_inner(f, roots, blocks, size),
            );
        });
    }

    /// Evaluations, from coefficients in bit-reversed order.
    fn backward<F: Lanes<Elem = Elem>>(&self, f: F, values: &mut [Pair]) {
        let roots = &self.roots;
        let outer = self.outer(self.log);
        let size = values.len() >> outer;
        values.par_chunks_mut(size.max(F::LANES * WIDTH / 2)).for_each(|blocks| {
            f.run(
                #[inline(always)]
                || self.time_inner(f, roots, blocks, size),
            );
        });
        columns(values, outer, F::LANES, |part| {
            f.run(
                #[inline(always)]
                || time_pass(f, roots, part),
            );
        });
    }

    /// Stages of the outermost pass over a block of `2^log` elements.
    fn outer(&self, log: u32) -> u32 {
        (log - INNER_STAGES).min(STAGES)
    }

    /// The remaining stages of blocks of `size` pairs.
    #[inline(always)]
    fn frequency_inner<F: Lanes<Elem = Elem>>(
        &self,
        f: F,
        roots: &[Pair],
        blocks: &mut [Pair],
        mut size: usize,
    ) {
        while size > WIDTH / 2 {
            let outer = self.outer((2 * size).trailing_zeros());
            for block in blocks.chunks_mut(size) {
                let part = Part { slices: split(block, outer), first: 0, stride: size >> outer };
                frequency_pass(f, roots, part);
            }
            size >>= outer;
        }
        frequency_last(f, roots, blocks);
    }

    /// The first stages, up to blocks of `size` pairs.
    #[inline(always)]
    fn time_inner<F: Lanes<Elem = Elem>>(&self, f: F, roots: &[Pair], blocks: &mut [Pair], mut size: usize) {
        time_first(f, roots, blocks);
        // The same passes as forward, in the opposite order.
        let mut sizes = [0usize; 8];
        let mut count = 0;
        while size > WIDTH / 2 && count < sizes.len() {
            sizes[count] = size;
            size >>= self.outer((2 * size).trailing_zeros());
            count += 1;
        }
        for &size in sizes[..count].iter().rev() {
            let outer = self.outer((2 * size).trailing_zeros());
            for block in blocks.chunks_mut(size) {
                time_pass(f, roots, Part { slices: split(block, outer), first: 0, stride: size >> outer });
            }
        }
    }
}

/// Some columns of a pass: of each of the slices of a block, the pairs from `first` on.
struct Part<'a> {
    slices: [&'a mut [Pair]; 1 << STAGES],
    first: usize,
    /// Pairs between one slice's beginning and the next.
    stride: usize,
}

/// A block in `2^stages` slices; the others are empty.
#[inline(always)]
fn split(block: &mut [Pair], stages: u32) -> [&mut [Pair]; 1 << STAGES] {
    let mut slices = block.chunks_mut((block.len() >> stages).max(1));
    [(); 1 << STAGES].map(|()| slices.next().unwrap_or_default())
}

/// Cuts the columns of a pass over all values into parts for the threads.
fn columns(values: &mut [Pair], stages: u32, lanes: usize, work: impl Fn(Part<'_>) + Send + Sync) {
    let stride = values.len() >> stages;
    let width = (stride / (4 * rayon::current_num_threads()).next_power_of_two()).max(lanes).min(stride);
    let mut parts: Vec<Part<'_>> = Vec::with_capacity(stride / width);
    let mut slices = split(values, stages);
    for first in (0..stride).step_by(width) {
        let mut part = [(); 1 << STAGES].map(|()| Default::default());
        for (part, rest) in part.iter_mut().zip(&mut slices).take(1 << stages) {
            let (head, tail) = std::mem::take(rest).split_at_mut(width);
            (*part, *rest) = (head, tail);
        }
        parts.push(Part { slices: part, first, stride });
    }
    parts.into_par_iter().for_each(work);
}

/// Stages of a pass, by decimation in frequency: `(u, v)` becomes `(u + v, (u - v) w)`.
#[inline(always)]
fn frequency_pass<F: Lanes<Elem = Elem>>(f: F, roots: &[Pair], part: Part<'_>) {
    let Part { mut slices, first, stride } = part;
    let count = slices.iter().take_while(|slice| !slice.is_empty()).count();
    let width = slices[0].len();
    for at in (0..width).step_by(F::LANES) {
        let mut x = [[f.splat(&[0; 4]); 2]; 1 << STAGES];
        for q in 0..count {
            x[q] = f.load(|lane| &slices[q][at + lane]);
        }
        let mut half = count / 2;
        while half > 0 {
            for k in 0..half {
                let w = f.load(|lane| &roots[(half + k) * stride + first + at + lane]);
                for i in (k..count).step_by(2 * half) {
                    for e in 0..2 {
                        let (u, v) = (x[i][e], x[i + half][e]);
                        x[i][e] = f.small(f.add(u, v));
                        x[i + half][e] = f.mul(f.sub_small(u, v), w[e]);
                    }
                }
            }
            half /= 2;
        }
        for q in 0..count {
            f.store(x[q], |lane, pair| slices[q][at + lane] = pair);
        }
    }
}

/// Stages of a pass, by decimation in time: `(u, v)` becomes `(u + v w, u - v w)`.
#[inline(always)]
fn time_pass<F: Lanes<Elem = Elem>>(f: F, roots: &[Pair], part: Part<'_>) {
    let Part { mut slices, first, stride } = part;
    let count = slices.iter().take_while(|slice| !slice.is_empty()).count();
    let width = slices[0].len();
    for at in (0..width).step_by(F::LANES) {
        let mut x = [[f.splat(&[0; 4]); 2]; 1 << STAGES];
        for q in 0..count {
            x[q] = f.load(|lane| &slices[q][at + lane]);
        }
        let mut half = 1;
        while half < count {
            for k in 0..half {
                let w = f.load(|lane| &roots[(half + k) * stride + first + at + lane]);
                for i in (k..count).step_by(2 * half) {
                    for e in 0..2 {
                        let (u, v) = (x[i][e], f.mul(x[i + half][e], w[e]));
                        x[i][e] = f.small(f.add(u, v));
                        x[i + half][e] = f.small(f.sub_small(u, v));
                    }
                }
            }
            half *= 2;
        }
        for q in 0..count {
            f.store(x[q], |lane, pair| slices[q][at + lane] = pair);
        }
    }
}

/// The roots of the innermost stages, the same in all lanes.
#[inline(always)]
fn inner_roots<F: Lanes<Elem = Elem>>(f: F, roots: &[Pair]) -> [F::V; WIDTH] {
    let mut out = [f.splat(&[0; 4]); WIDTH];
    for (i, out) in out.iter_mut().enumerate() {
        *out = f.splat(&roots[i / 2][i % 2]);
    }
    out
}

/// The last stages of decimation in frequency: every lane has a block of its own.
#[inline(always)]
fn frequency_last<F: Lanes<Elem = Elem>>(f: F, roots: &[Pair], values: &mut [Pair]) {
    let roots = inner_roots(f, roots);
    for values in values.chunks_mut(F::LANES * WIDTH / 2) {
        let mut x = load_blocks(f, values);
        let mut half = WIDTH / 2;
        while half > 0 {
            for k in 0..half {
                for i in (k..WIDTH).step_by(2 * half) {
                    let (u, v) = (x[i], x[i + half]);
                    x[i] = f.small(f.add(u, v));
                    x[i + half] = f.mul(f.sub_small(u, v), roots[half + k]);
                }
            }
            half /= 2;
        }
        store_blocks(f, &x, values);
    }
}

/// The first stages of decimation in time.
#[inline(always)]
fn time_first<F: Lanes<Elem = Elem>>(f: F, roots: &[Pair], values: &mut [Pair]) {
    let roots = inner_roots(f, roots);
    for values in values.chunks_mut(F::LANES * WIDTH / 2) {
        let mut x = load_blocks(f, values);
        let mut half = 1;
        while half < WIDTH {
            for k in 0..half {
                for i in (k..WIDTH).step_by(2 * half) {
                    let (u, v) = (x[i], f.mul(x[i + half], roots[half + k]));
                    x[i] = f.small(f.add(u, v));
                    x[i + half] = f.small(f.sub_small(u, v));
                }
            }
            half *= 2;
        }
        store_blocks(f, &x, values);
    }
}

#[inline(always)]
fn load_blocks<F: Lanes<Elem = Elem>>(f: F, values: &[Pair]) -> [F::V; WIDTH] {
    let mut x = [f.splat(&[0; 4]); WIDTH];
    for k in 0..WIDTH / 2 {
        let [even, odd] = f.load(|lane| &values[lane * WIDTH / 2 + k]);
        (x[2 * k], x[2 * k + 1]) = (even, odd);
    }
    x
}

#[inline(always)]
fn store_blocks<F: Lanes<Elem = Elem>>(f: F, x: &[F::V; WIDTH], values: &mut [Pair]) {
    for k in 0..WIDTH / 2 {
        f.store([x[2 * k], x[2 * k + 1]], |lane, pair| values[lane * WIDTH / 2 + k] = pair);
    }
}

/// `c = c scale - a unshift`, canonical.
#[inline(always)]
fn difference<F: Lanes<Elem = Elem>>(f: F, c: &mut [Pair], a: &[Pair], unshift: &[Pair], scale: &Pair) {
    let scale = f.splat(&scale[0]);
    for ((c, a), unshift) in c.chunks_mut(F::LANES).zip(a.chunks(F::LANES)).zip(unshift.chunks(F::LANES)) {
        let (x, y) = (f.load(|lane| &c[lane]), f.load(|lane| &a[lane]));
        let unshift = f.load(|lane| &unshift[lane]);
        let mut out = x;
        for e in 0..2 {
            out[e] = f.canonical(f.sub_small(f.mul(x[e], scale), f.mul(y[e], unshift[e])));
        }
        f.store(out, |lane, pair| c[lane] = pair);
    }
}

const _: () = assert!(MAX_LANES.is_power_of_two());
