//! Multi-exponentiations in G1 and G2 of BN254 and transforms over its scalar field: where a prover spends its time.
//!
//! Buckets (Pippenger) whose entries are added in affine coordinates, many at a time with one inversion, eight
//! lanes wide where the processor has AVX-512 IFMA and with arkworks' arithmetic elsewhere. Nothing here is
//! constant-time: provers run where nobody else measures.
//!
//! ```text
//! scalars   signed scalars and their digits
//! lanes     field arithmetic several elements at a time; ifma: eight of them
//! affine    additions in affine coordinates by the batch
//! complete  additions in projective coordinates without exceptions
//! buckets   one window's sum
//! table     sums over bases that stay the same
//! ```

mod affine;
mod buckets;
mod complete;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod lanes;
mod ntt;
mod scalars;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use ntt::quotient;
pub(crate) use scalars::Scalars;
pub(crate) use table::Table;

use affine::Point;
use ark_bn254::{Fq2Config, FqConfig, G1Affine, G1Projective, G2Affine, G2Projective, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::MontConfig;
use lanes::{Lanes, Portable, Quadratic};
use rayon::prelude::*;

/// A field whose elements take four words, with room for the lazy reductions of [`lanes`].
pub(crate) trait Modulus: Send + Sync + 'static {
    /// The modulus, low word first; of 254 bits.
    const P: [u64; 4];
}

impl Modulus for FqConfig {
    const P: [u64; 4] = <Self as MontConfig<4>>::MODULUS.0;
}

/// What this process multiplies with.
#[derive(Clone, Copy)]
enum Engine {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Ifma(ifma::Ifma<FqConfig>),
}

impl Engine {
    /// The fastest that this processor has: the same in the whole process, because bases are encoded for it.
    fn get() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(token) = ifma::Ifma::try_new() {
            return Self::Ifma(token);
        }
        Self::Portable
    }
}

/// Bases of one query: points other than infinity, with the indices of their scalars.
#[derive(Clone)]
pub(crate) struct Bases<E> {
    /// Length of the query, infinities included.
    length: usize,
    scalars: Vec<u32>,
    points: Vec<Point<E>>,
}

/// A coordinate of a point in G1, in memory.
type ElemG1 = [u64; 4];
/// A coordinate of a point in G2, in memory.
type ElemG2 = [ElemG1; 2];
/// Bases in G1.
pub(crate) type BasesG1 = Bases<ElemG1>;
/// Bases in G2.
pub(crate) type BasesG2 = Bases<ElemG2>;

impl<E: Copy + Eq + Default + Send + Sync> Bases<E> {
    fn encode<F, C>(lanes: F, points: &[Affine<C>]) -> Self
    where
        F: Lanes<Elem = E>,
        C: SWCurveConfig<BaseField = F::Field>,
    {
        let finite = |(i, p): (usize, &Affine<C>)| {
            (!p.is_zero()).then(|| (i as u32, [lanes.encode(&p.x), lanes.encode(&p.y)]))
        };
        let (scalars, encoded) = points.par_iter().enumerate().filter_map(finite).unzip();
        Self { length: points.len(), scalars, points: encoded }
    }

    /// The points as they were given, infinities included.
    fn decode<F, C>(&self, lanes: F) -> Vec<Affine<C>>
    where
        F: Lanes<Elem = E>,
        C: SWCurveConfig<BaseField = F::Field>,
    {
        let mut out = vec![Affine::identity(); self.length];
        for (&i, [x, y]) in self.scalars.iter().zip(&self.points) {
            out[i as usize] = Affine::new_unchecked(lanes.decode(x), lanes.decode(y));
        }
        out
    }

    /// Whether all bases at indices below `count` are infinity.
    pub fn begins_empty(&self, count: usize) -> bool {
        self.scalars.first().is_none_or(|&first| first as usize >= count)
    }

    /// The same bases for scalars that begin `by` later.
    pub fn shifted(mut self, by: usize) -> Self {
        self.scalars.iter_mut().for_each(|i| *i += by as u32);
        self.length += by;
        self
    }

    /// Number of bases, infinities included.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Number of bases that are not infinity.
    pub fn finite(&self) -> usize {
        self.points.len()
    }
}

macro_rules! group {
    ($bases:ty, $affine:ty, $projective:ty, $config:ty, $ifma:expr, $portable:expr) => {
        impl $bases {
            /// Encodes points for this processor.
            pub fn new(points: &[$affine]) -> Self {
                match Engine::get() {
                    Engine::Portable => Self::encode($portable, points),
                    #[cfg(target_arch = "x86_64")]
                    Engine::Ifma(token) => Self::encode($ifma(token), points),
                }
            }

            /// The points that were encoded.
            pub fn to_points(&self) -> Vec<$affine> {
                match Engine::get() {
                    Engine::Portable => self.decode($portable),
                    #[cfg(target_arch = "x86_64")]
                    Engine::Ifma(token) => self.decode($ifma(token)),
                }
            }

            /// `sum scalars_i bases_i`; scalars beyond the bases, and bases beyond the scalars, do not count.
            pub fn msm(&self, scalars: &Scalars) -> $projective {
                match Engine::get() {
                    Engine::Portable => buckets::msm::<_, $config>($portable, self, scalars),
                    #[cfg(target_arch = "x86_64")]
                    Engine::Ifma(token) => buckets::msm::<_, $config>($ifma(token), self, scalars),
                }
            }
        }
    };
}

type PortableFq = Portable<FqConfig>;
type PortableFq2 = Quadratic<PortableFq, Fq2Config>;

group!(BasesG1, G1Affine, G1Projective, g1::Config, std::convert::identity, PortableFq::new());
group!(
    BasesG2,
    G2Affine,
    G2Projective,
    g2::Config,
    Quadratic::<_, Fq2Config>::new,
    PortableFq2::new(Portable::new())
);
