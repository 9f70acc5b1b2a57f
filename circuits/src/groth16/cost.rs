//! What proofs of a size class cost, by arithmetic: nothing is synthesised, so that a class can be looked at before
//! its key is there.
//!
//! Every number that was measured stands in [`measured`], and nowhere else. To measure again after a change of the
//! prover: `node bench` prints predicted and measured seconds and bytes side by side; change the constants until the
//! ratios are near 1, and raise [`COST_VERSION`], so that stored calibrations are made anew.

use crate::counts::Counts;
use crate::model::{Bounds, BoundsError, Family, SizeClass};
use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{CurveGroup, PrimeGroup, VariableBaseMSM};
use ark_ff::UniformRand;
use rand::{SeedableRng, rngs::StdRng};
use std::time::{Duration, Instant};

/// Changes whenever a unit of [`Cost::work`] or the probe of [`calibrate`] does: calibrations that were stored under
/// another version are worth nothing.
pub const COST_VERSION: u32 = 1;

/// What was measured.
mod measured {
    /// Work of one proof for each point of the evaluation domain and each wire after the challenges (their values fill
    /// the field; committed ones are small), if multi-exponentiations were all as long as the probe's.
    pub const WORK_PER_POINT: f64 = 2.55;
    /// Bytes that a proof adds for each wire after the challenges: constraint system, matrices, polynomials.
    pub const BYTES_PER_DETERMINED_WIRE: f64 = 2000.0;
    /// Points of a wire in A and B of a key's file, one in G2 counted as two: most wires have none in B.
    pub const LINEAR_QUERY_POINTS: f64 = 1.4;
    /// The same for models with a hidden layer.
    pub const MLP_QUERY_POINTS: f64 = 2.0;
}

/// Points of the probe's multi-exponentiation.
const PROBE_POINTS: usize = 1 << PROBE_BITS;
const PROBE_BITS: u32 = 13;
/// How long the probe goes on.
const PROBE_TIME: Duration = Duration::from_millis(300);

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
    /// multi-exponentiation of 2^13 points in G1, with all cores. [`calibrate`] says how long that is.
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
    let (domain, constraints, wires) = (counts.domain(), counts.constraints, counts.variables());
    let committed = counts.model_wires + counts.committed_wires;
    // A longer multi-exponentiation takes less for each point, about by the logarithm.
    let shorter = f64::from(PROBE_BITS) / f64::from(domain.ilog2().max(1));
    let work = measured::WORK_PER_POINT * (domain + counts.determined_wires) as f64 * shorter;
    let memory = measured::BYTES_PER_DETERMINED_WIRE * counts.determined_wires as f64;
    Ok(Cost {
        constraints,
        domain,
        proving_key_bytes: file_bytes(class, &counts),
        key_memory_bytes: memory_bytes(wires - counts.instance + domain + committed, wires),
        proof_memory_bytes: memory as u64,
        work,
    })
}

/// Memory of a key's points: A, B in both groups, and `others`, all in affine coordinates.
fn memory_bytes(others: usize, wires: usize) -> u64 {
    ((2 * wires + others) * size_of::<G1Affine>() + wires * size_of::<G2Affine>()) as u64
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

/// Measures this machine: seconds per unit of [`Cost::work`]. Takes about a third of a second, with all cores. The
/// shortest time counts: what else the machine does now, it may not do when proofs are made.
pub fn calibrate() -> f64 {
    // A public sequence: these scalars are nobody's secret.
    let mut rng = StdRng::seed_from_u64(0);
    let generator = G1Projective::generator();
    let mut point = generator;
    let points: Vec<G1Projective> = (0..PROBE_POINTS)
        .map(|_| {
            point += generator;
            point
        })
        .collect();
    let points = G1Projective::normalize_batch(&points);
    let scalars: Vec<Fr> = (0..PROBE_POINTS).map(|_| Fr::rand(&mut rng)).collect();
    let begin = Instant::now();
    let mut shortest = f64::INFINITY;
    while shortest.is_infinite() || begin.elapsed() < PROBE_TIME {
        let start = Instant::now();
        let _ = std::hint::black_box(G1Projective::msm_unchecked(&points, &scalars));
        shortest = shortest.min(start.elapsed().as_secs_f64());
    }
    shortest / PROBE_POINTS as f64
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

    #[test]
    fn the_probe_measures_something() {
        let seconds = calibrate();
        assert!(seconds > 1e-9 && seconds < 1e-2, "{seconds}");
    }
}
