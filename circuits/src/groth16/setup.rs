//! Single-party setup: `ark-groth16`'s reduction to a QAP, with the two commitment keys split off.

use super::TwoPhaseCircuit;
use super::keys::{KeyError, RawKey, RawVerifyingKey};
use crate::gadgets::{Builder, Phase};
use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, scalar_mul::BatchMulPreprocessing};
use ark_ff::{Field, UniformRand, Zero};
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_relations::gr1cs::{
    ConstraintSystem, ConstraintSystemRef, OptimizationGoal, SynthesisError, SynthesisMode,
};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroize;

type Domain = GeneralEvaluationDomain<Fr>;

/// A circuit without values, and how many of its witness wires are committed.
pub(crate) struct Synthesised {
    pub cs: ConstraintSystemRef<Fr>,
    pub model_wires: usize,
    pub committed_wires: usize,
    pub sections: Vec<(crate::gadgets::ConstraintId, usize)>,
}

/// Synthesises a circuit for setup.
pub(crate) fn synthesise<C: TwoPhaseCircuit>(circuit: &C) -> Result<Synthesised, SynthesisError> {
    let cs = ConstraintSystem::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    cs.set_mode(SynthesisMode::Setup);
    let mut b = Builder::new(cs.clone());
    let committed = circuit.commit(&mut b, None)?;
    b.enter(Phase::Constraints)?;
    circuit.constrain(&mut b, committed, None)?;
    cs.finalize();
    let (model_wires, committed_wires) = b.committed();
    let sections = b.sections().to_vec();
    Ok(Synthesised { cs, model_wires, committed_wires, sections })
}

/// The secrets of a setup, wiped when it ends (best effort: arkworks' temporaries are not).
struct Trapdoors {
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
    eta: Fr,
    eta_w: Fr,
    tau: Fr,
}

impl Trapdoors {
    fn draw(domain: &Domain, rng: &mut impl ark_std::rand::Rng) -> Self {
        let mut draw = || Fr::rand(rng);
        let (alpha, beta, gamma, delta, eta, eta_w) = (draw(), draw(), draw(), draw(), draw(), draw());
        Self { alpha, beta, gamma, delta, eta, eta_w, tau: domain.sample_element_outside_domain(rng) }
    }
}

impl Drop for Trapdoors {
    fn drop(&mut self) {
        for secret in [
            &mut self.alpha,
            &mut self.beta,
            &mut self.gamma,
            &mut self.delta,
            &mut self.eta,
            &mut self.eta_w,
            &mut self.tau,
        ] {
            secret.zeroize();
        }
    }
}

/// Makes the points of a key. Steps and their fractions go to `progress`.
///
/// # Errors
/// If the circuit cannot be synthesised or does not fit a power-of-two domain.
pub(crate) fn setup<C: TwoPhaseCircuit>(
    circuit: &C,
    rng: &mut (impl RngCore + CryptoRng),
    progress: &dyn Fn(&str, f64),
) -> Result<RawKey, KeyError> {
    progress("synthesising", 0.0);
    let Synthesised { cs, model_wires, committed_wires, .. } = synthesise(circuit)?;
    let inputs = cs.num_instance_variables();
    let domain =
        Domain::new(cs.num_constraints() + inputs).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
    let t = Trapdoors::draw(&domain, rng);
    progress("evaluating the constraints", 0.1);
    let (a, b, c, zt, _, size) = LibsnarkReduction::instance_map_with_evaluation::<Fr, Domain>(cs, &t.tau)?;

    let inverse = |secret: &Fr| secret.inverse().ok_or(KeyError::ZeroTrapdoor);
    let (gamma, delta) = (inverse(&t.gamma)?, inverse(&t.delta)?);
    let (eta, eta_w) = (inverse(&t.eta)?, inverse(&t.eta_w)?);
    let k = |i: usize| t.beta * a[i] + t.alpha * b[i] + c[i];
    let committed_from = inputs + model_wires;
    let remaining_from = committed_from + committed_wires;

    progress("multiplying in G2", 0.2);
    let g2 = G2Projective::generator();
    let b_g2_query = BatchMulPreprocessing::new(g2, b.len()).batch_mul(&b);
    progress("multiplying in G1", 0.5);
    let g1 = G1Projective::generator();
    let table = BatchMulPreprocessing::new(g1, 3 * a.len() + size);
    let scaled = |range: std::ops::Range<usize>, by: Fr| -> Vec<G1Affine> {
        table.batch_mul(&range.map(|i| k(i) * by).collect::<Vec<_>>())
    };
    let h_scalars = LibsnarkReduction::h_query_scalars::<Fr, Domain>(size - 1, t.tau, zt, delta)?;
    let point = |secret: Fr| (g1 * secret).into_affine();
    let vk = RawVerifyingKey {
        alpha_g1: point(t.alpha),
        beta_g2: (g2 * t.beta).into_affine(),
        gamma_g2: (g2 * t.gamma).into_affine(),
        delta_g2: (g2 * t.delta).into_affine(),
        eta_g2: (g2 * t.eta).into_affine(),
        eta_w_g2: (g2 * t.eta_w).into_affine(),
        ic: scaled(0..inputs, gamma),
    };
    // Committed wires must not exist over delta: one leaked [K_i/delta] is a forgery.
    let mut l_query = vec![G1Affine::zero(); model_wires + committed_wires];
    l_query.extend(scaled(remaining_from..a.len(), delta));
    progress("multiplying in G1", 0.7);
    let key = ark_groth16::ProvingKey::<Bn254> {
        vk: ark_groth16::VerifyingKey {
            alpha_g1: vk.alpha_g1,
            beta_g2: vk.beta_g2,
            gamma_g2: vk.gamma_g2,
            delta_g2: vk.delta_g2,
            gamma_abc_g1: vk.ic.clone(),
        },
        beta_g1: point(t.beta),
        delta_g1: point(t.delta),
        a_query: table.batch_mul(&a),
        b_g1_query: table.batch_mul(&b),
        b_g2_query,
        h_query: table.batch_mul(&h_scalars),
        l_query,
    };
    progress("multiplying in G1", 0.95);
    let raw = RawKey {
        vk,
        eta_g1: point(t.eta),
        eta_w_g1: point(t.eta_w),
        ckw: scaled(inputs..committed_from, eta_w),
        ck: scaled(committed_from..remaining_from, eta),
        key,
    };
    debug_assert!(!t.tau.is_zero());
    progress("done", 1.0);
    Ok(raw)
}
