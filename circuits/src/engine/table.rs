//! `sum x_i base_i` over few bases that stay the same: their multiples by powers of `2^WINDOW_BITS` are computed once,
//! so that all digits of all scalars go into one set of buckets (Brickell, Gordon, McCurley and Wilson 1992).

use super::affine::Point;
use super::buckets::{Entries, sum};
use super::lanes::Lanes;
use super::scalars::{Scalars, Windows};
use super::{ElemG1, Engine, PortableFq};
use ark_bn254::{Fq, G1Affine, G1Projective, g1};
use ark_ec::{AdditiveGroup as _, CurveGroup};
use rayon::prelude::*;

/// 26 digits a scalar and 512 buckets. For 40 to 800 bases, fewer digits save less than the buckets of each thread cost
/// more (measured: 9 is a fifth faster for 40 and a tenth slower for 800, 11 and 12 are slower for both).
const WINDOW_BITS: usize = 10;

/// Multiples of bases in G1: 26 points of 64 bytes a base, at about 250 doublings each.
pub(crate) struct Table {
    windows: Windows,
    /// `2^(WINDOW_BITS w) base_i` at `i * windows.count + w`.
    multiples: Vec<Point<ElemG1>>,
}

impl std::fmt::Debug for Table {
    /// Shows the number of points alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("points", &self.multiples.len()).finish_non_exhaustive()
    }
}

impl Table {
    pub fn new(bases: &[G1Affine]) -> Self {
        match Engine::get() {
            Engine::Portable => Self::encode(PortableFq::new(), bases),
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(token) => Self::encode(token, bases),
        }
    }

    /// `sum scalars_i bases_i`; scalars beyond the bases, and bases beyond the scalars, do not count.
    pub fn msm(&self, scalars: &Scalars) -> G1Projective {
        match Engine::get() {
            Engine::Portable => self.sum(PortableFq::new(), scalars),
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(token) => self.sum(token, scalars),
        }
    }

    pub(super) fn encode<F: Lanes<Elem = ElemG1, Field = Fq>>(lanes: F, bases: &[G1Affine]) -> Self {
        let windows = Windows::new(WINDOW_BITS);
        let shifted = |point: &G1Projective| Some((0..WINDOW_BITS).fold(*point, |p, _| p.double()));
        let multiples = |base: &G1Affine| std::iter::successors(Some((*base).into()), shifted);
        let all: Vec<G1Projective> =
            bases.par_iter().flat_map_iter(|base| multiples(base).take(windows.count)).collect();
        // arkworks' infinity has the coordinates (0, 0), which stand for it here too.
        let encoded = G1Projective::normalize_batch(&all);
        let multiples = encoded.par_iter().map(|p| [lanes.encode(&p.x), lanes.encode(&p.y)]).collect();
        Self { windows, multiples }
    }

    /// Each thread has buckets of its own for its share of the bases.
    pub(super) fn sum<F: Lanes<Elem = ElemG1, Field = Fq>>(
        &self,
        lanes: F,
        scalars: &Scalars,
    ) -> G1Projective {
        let (windows, count) = (&self.windows, self.windows.count);
        let bases = scalars.len().min(self.multiples.len() / count);
        let each = bases.div_ceil(rayon::current_num_threads()).max(1);
        let share = |first: usize| {
            let mut entries = Entries::with_capacity(each * count);
            for i in first..(first + each).min(bases) {
                let Some(scalar) = scalars.get(i) else { continue };
                for w in 0..count {
                    entries.push(windows.digit(scalar, w), (i * count + w) as u32);
                }
            }
            sum::<F, g1::Config>(lanes, &self.multiples, entries, windows)
        };
        (0..bases.div_ceil(each)).into_par_iter().map(|part| share(part * each)).sum()
    }
}
