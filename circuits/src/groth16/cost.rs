//! What proofs of a size class cost, by arithmetic: nothing is synthesised, so that a class can be looked at before
//! its key is there.
//!
//! Every number that was measured stands in [`measured`], and nowhere else. To measure again after a change of the
//! prover: `node bench` prints predicted and measured seconds and bytes side by side; change the constants until the
//! ratios are near 1, and raise [`COST_VERSION`], so that stored calibrations are made anew.

use crate::counts::Counts;
use crate::engine::{BasesG1, Scalars};
use crate::model::{Bounds, BoundsError, Family, SizeClass};
use ark_bn254::{Fr, G1Projective};
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::UniformRand;
use rand::{SeedableRng, rngs::StdRng};

/// Changes whenever a unit of [`Cost::work`] or the [`Probe`] does: calibrations that were stored under
/// another version are worth nothing.
pub const COST_VERSION: u32 = 3;

/// What was measured.
mod measured {
    /// Work of a proof besides its terms, in wide terms: windows of sums and passes of transforms cost something whatever
    /// their length.
    pub const TERMS_OF_ANY_PROOF: f64 = 6_200.0;
    /// A committed wire, which is small but stands in D and in B in both groups, in wide terms.
    pub const TERMS_PER_COMMITTED_WIRE: f64 = 0.5;
    /// Seconds of a wide term in a proof over those of a term in the probe: transforms and the witness included.
    pub const WORK_PER_TERM: f64 = 1.3;
    /// Bytes that a proof adds for each point of its domain and each wire: values, scalars, transforms, sums of pairs.
    pub const PROOF_BYTES_PER_POINT: f64 = 380.0;
    /// Bytes of a loaded key for each byte of its file: points with their indices, matrices, tables of roots of unity.
    pub const KEY_BYTES_PER_BYTE: f64 = 2.2;
    /// Points of a wire in A and B of a key's file, one in G2 counted as two: most wires have none in B.
    pub const LINEAR_QUERY_POINTS: f64 = 1.4;
    /// The same for models with a hidden layer.
    pub const MLP_QUERY_POINTS: f64 = 2.0;
}

/// Points of the probe's multi-exponentiation.
const PROBE_POINTS: usize = 1 << 14;

/// What a key and proofs of a size class cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Constraints.
    pub constraints: usize,
    /// Size of the evaluation domain.
    pub domain: usize,
    /// The proving key's file, in bytes; a competition says it exactly.
    pub proving_key_bytes: u64,
    /// Memory that a loaded proving key takes, in bytes.
    pub key_memory_bytes: u64,
    /// Memory that each proof adds while it is being made, in bytes.
    pub proof_memory_bytes: u64,
    /// Time of one proof, of a model or of a chunk alike, in units: a unit is the share of one point in a
    /// [`Probe`]'s multi-exponentiation, with all cores.
    pub work: f64,
}

impl Cost {
    /// Seconds of one proof that has all cores for itself.
    pub fn seconds(&self, seconds_per_unit: f64) -> f64 {
        self.work * seconds_per_unit
    }
}

/// What a key and proofs of this class cost.
///
/// # Errors
/// If the class is unsound.
pub fn cost(class: &SizeClass) -> Result<Cost, BoundsError> {
    let counts = Counts::of(class, &Bounds::of(class)?);
    let (domain, wires) = (counts.domain(), counts.variables());
    // Wide terms: h over the domain, and the wires after the challenges in A and over delta. Of a row's c + 1 quotients
    // of the selection all but one are 0.
    let wide = domain + 2 * (counts.determined_wires - class.rows * class.classes);
    let committed = measured::TERMS_PER_COMMITTED_WIRE * (counts.model_wires + counts.committed_wires) as f64;
    let terms = wide as f64 + committed + measured::TERMS_OF_ANY_PROOF;
    let proving_key_bytes = file_bytes(class, &counts);
    Ok(Cost {
        constraints: counts.constraints,
        domain,
        proving_key_bytes,
        key_memory_bytes: (measured::KEY_BYTES_PER_BYTE * proving_key_bytes as f64) as u64,
        proof_memory_bytes: (measured::PROOF_BYTES_PER_POINT * (domain + wires) as f64) as u64,
        work: measured::WORK_PER_TERM * terms,
    })
}

/// Length of a key's file: points at infinity are left out there, one bit each stays.
fn file_bytes(class: &SizeClass, counts: &Counts) -> u64 {
    const G1: f64 = 64.0;
    let in_queries = match class.family {
        Family::Linear => measured::LINEAR_QUERY_POINTS,
        Family::Mlp { .. } => measured::MLP_QUERY_POINTS,
    };
    let wires = counts.variables();
    let dense = counts.domain() + counts.determined_wires + counts.model_wires + counts.committed_wires;
    let points = dense as f64 + wires as f64 * in_queries;
    let bitmaps = (5 * wires + counts.domain()) / 8;
    (G1 * points) as u64 + bitmaps as u64
}

/// What tells how fast a machine proves: a multi-exponentiation, to be run and timed by the caller (there is no clock
/// here). The shortest of several times counts: what else the machine does now, it may not do when proofs are made.
pub struct Probe {
    bases: BasesG1,
    scalars: Scalars,
}

impl Probe {
    /// Points and scalars are public sequences: nobody's secrets.
    pub fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(0);
        let generator = G1Projective::generator();
        let multiples = std::iter::successors(Some(generator), |point| Some(*point + generator));
        let points: Vec<G1Projective> = multiples.take(PROBE_POINTS).collect();
        let scalars: Vec<Fr> = (0..PROBE_POINTS).map(|_| Fr::rand(&mut rng)).collect();
        let bases = BasesG1::new(&G1Projective::normalize_batch(&points));
        Self { bases, scalars: Scalars::new(&scalars) }
    }

    /// So many units of [`Cost::work`].
    pub fn run(&self) -> usize {
        let _ = std::hint::black_box(self.bases.msm(&self.scalars));
        PROBE_POINTS
    }
}

impl Default for Probe {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CATALOGUE;

    #[test]
    fn larger_classes_cost_more_of_everything() {
        let costs = CATALOGUE.map(|class| cost(&class).unwrap());
        for pair in costs.windows(2) {
            let (less, more) = (pair[0], pair[1]);
            assert!(less.constraints < more.constraints && less.domain < more.domain);
            assert!(less.proving_key_bytes < more.proving_key_bytes);
            assert!(less.key_memory_bytes < more.key_memory_bytes);
            assert!(less.proof_memory_bytes < more.proof_memory_bytes);
            assert!(less.work < more.work);
        }
    }

    #[test]
    fn the_key_is_as_long_as_predicted() {
        let class = &CATALOGUE[0];
        let key = crate::groth16::ProvingKey::generate(class, &mut rand::rngs::OsRng, &|_, _| {}).unwrap();
        let mut file = Vec::new();
        key.write(&mut file).unwrap();
        let (expected, got) = (file.len() as f64, cost(class).unwrap().proving_key_bytes as f64);
        assert!((0.9..1.1).contains(&(got / expected)), "expected {expected}, got {got}");
    }
}
