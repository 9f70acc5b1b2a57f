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
//! ntt       transforms: the quotient of Groth16
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

pub(crate) use scalars::Scalars;
pub(crate) use table::Table;

use affine::Point;
use ark_bn254::{Fq2Config, FqConfig, Fr, FrConfig, G1Affine, G1Projective, G2Affine, G2Projective, g1, g2};
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

impl Modulus for FrConfig {
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
    fn encode<F, C>(lanes: F, length: usize, scalars: Vec<u32>, finite: &[Affine<C>]) -> Self
    where
        F: Lanes<Elem = E>,
        C: SWCurveConfig<BaseField = F::Field>,
    {
        let encode = |p: &Affine<C>| [lanes.encode(&p.x), lanes.encode(&p.y)];
        Self { length, scalars, points: finite.par_iter().map(encode).collect() }
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

    /// How many terms of a sum are not 0, and how many of these have scalars wider than 32 bits.
    pub fn terms(&self, scalars: &Scalars) -> (usize, usize) {
        let bits = self.scalars.iter().map(|&i| scalars.bits(i as usize)).filter(|&bits| bits > 0);
        bits.fold((0, 0), |(terms, wide), bits| (terms + 1, wide + usize::from(bits > 32)))
    }
}

/// Finite points and their indices.
fn finite<C: SWCurveConfig>(points: &[Affine<C>]) -> (Vec<u32>, Vec<Affine<C>>) {
    let finite = points.iter().enumerate().filter(|(_, point)| !point.is_zero());
    finite.map(|(i, point)| (i as u32, *point)).unzip()
}

macro_rules! group {
    ($bases:ty, $affine:ty, $projective:ty, $config:ty, $ifma:expr, $portable:expr) => {
        impl $bases {
            /// Encodes points for this processor.
            pub fn new(points: &[$affine]) -> Self {
                let (scalars, finite) = finite(points);
                Self::from_finite(points.len(), scalars, &finite)
            }

            /// The same from the finite points of a query and their indices in it: as many, below `length`.
            pub fn from_finite(length: usize, scalars: Vec<u32>, finite: &[$affine]) -> Self {
                match Engine::get() {
                    Engine::Portable => Self::encode($portable, length, scalars, finite),
                    #[cfg(target_arch = "x86_64")]
                    Engine::Ifma(token) => Self::encode($ifma(token), length, scalars, finite),
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

/// `[tau^i Z(tau) / delta]_1` with the transforms that find what they are multiplied with.
#[derive(Clone)]
pub(crate) struct Quotient {
    bases: BasesG1,
    tables: ntt::Tables,
}

impl Quotient {
    /// For the bases in order of i, one fewer than the domain's size; `None` if that is no power of two, or one that
    /// the field has no roots of unity for.
    pub fn new(bases: &[G1Affine]) -> Option<Self> {
        let size = (bases.len() + 1).is_power_of_two().then_some(bases.len() + 1)?;
        let log = size.trailing_zeros();
        let tables = match Engine::get() {
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma(_) if ntt::Tables::fit::<ifma::Ifma<FrConfig>>(log) => {
                ntt::Tables::new(ifma::Ifma::<FrConfig>::try_new()?, log)?
            }
            _ => ntt::Tables::new(Portable::<FrConfig>::new(), log)?,
        };
        Some(Self { bases: BasesG1::new(&ntt::bit_reversed(bases)), tables })
    }

    /// The bases in order of i.
    pub fn to_points(&self) -> Vec<G1Affine> {
        ntt::bit_reversed(&self.bases.to_points())
    }

    /// The bases in the order of [`Quotient::scalars`].
    pub fn bases(&self) -> &BasesG1 {
        &self.bases
    }

    /// Size of the domain.
    pub fn domain(&self) -> usize {
        self.bases.len() + 1
    }

    /// `[h(tau) Z(tau) / delta]_1` for `a b - c = h Z`, of evaluations over the domain and `c = a b` on it.
    pub fn msm(&self, a: Vec<Fr>, b: Vec<Fr>) -> G1Projective {
        self.bases.msm(&self.scalars(a, b))
    }

    /// The coefficients of h in the order of the bases.
    pub fn scalars(&self, a: Vec<Fr>, b: Vec<Fr>) -> Scalars {
        #[cfg(target_arch = "x86_64")]
        if let Engine::Ifma(_) = Engine::get()
            && ntt::Tables::fit::<ifma::Ifma<FrConfig>>(self.domain().trailing_zeros())
            && let Some(token) = ifma::Ifma::<FrConfig>::try_new()
        {
            return self.tables.quotient(token, a, b);
        }
        self.tables.quotient(Portable::<FrConfig>::new(), a, b)
    }
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
