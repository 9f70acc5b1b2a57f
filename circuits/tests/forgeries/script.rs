//! Keys with chosen trapdoors, and a prover whose blinders and steps are open.

use crate::groth16::keys::{RawKey, RawVerifyingKey};
use crate::groth16::reference::{Assigned, assign, commit_wires};
use crate::groth16::setup::setup;
use crate::groth16::{Commitment, Proof, TwoPhaseCircuit};
use ark_bn254::{Bn254, Fr, G1Affine, G1Projective};
use ark_ec::{CurveGroup, VariableBaseMSM, pairing::Pairing};
use ark_ff::{UniformRand, Zero};
use ark_groth16::Groth16;
use rand::{CryptoRng, Error, RngCore, SeedableRng, rngs::StdRng};
use std::collections::VecDeque;

/// The secrets of a setup in the order in which it draws them.
#[derive(Clone, Copy)]
pub(super) struct Trapdoors {
    pub alpha: Fr,
    pub beta: Fr,
    pub gamma: Fr,
    pub delta: Fr,
    pub eta: Fr,
    pub eta_w: Fr,
    pub tau: Fr,
}

impl Trapdoors {
    pub fn random(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut draw = || Fr::rand(&mut rng);
        Self {
            alpha: draw(),
            beta: draw(),
            gamma: draw(),
            delta: draw(),
            eta: draw(),
            eta_w: draw(),
            tau: draw(),
        }
    }

    /// The production setup, fed with these secrets.
    pub fn setup<C: TwoPhaseCircuit>(&self, circuit: &C) -> RawKey {
        let draws = [self.alpha, self.beta, self.gamma, self.delta, self.eta, self.eta_w, self.tau];
        // Field elements are drawn as four digits of their Montgomery form.
        let digits = draws.iter().flat_map(|secret| secret.0.0).collect();
        setup(circuit, &mut Script(digits), &|_, _| ()).unwrap()
    }
}

/// A generator that says what it is told to.
struct Script(VecDeque<u64>);

impl RngCore for Script {
    fn next_u32(&mut self) -> u32 {
        unreachable!("field elements are drawn in 64-bit digits")
    }

    fn next_u64(&mut self) -> u64 {
        self.0.pop_front().expect("seven secrets are drawn")
    }

    fn fill_bytes(&mut self, _: &mut [u8]) {
        unreachable!("field elements are drawn in 64-bit digits")
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Error> {
        unreachable!("field elements are drawn in 64-bit digits")
    }
}

impl CryptoRng for Script {}

/// The blinders of one proof.
#[derive(Clone, Copy)]
pub(super) struct Blinders {
    pub v_w: Fr,
    pub v: Fr,
    pub r: Fr,
    pub s: Fr,
}

impl Blinders {
    pub fn random(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut draw = || Fr::rand(&mut rng);
        Self { v_w: draw(), v: draw(), r: draw(), s: draw() }
    }
}

/// Synthesis with `D` in hand: `public` gets it (before it is shifted) and says what is published and the
/// public inputs.
pub(super) fn open<C: TwoPhaseCircuit>(
    circuit: &C,
    key: &RawKey,
    values: &C::Assignment,
    v: Fr,
    public: impl FnOnce(G1Affine) -> (G1Affine, Vec<Fr>),
) -> (Assigned, G1Affine) {
    let mut published = G1Affine::default();
    let assigned = assign(circuit, values, |_, rest| {
        let (d, inputs) = public(commit_wires(key, &key.ck, rest, v));
        published = d;
        inputs
    })
    .unwrap();
    (assigned, published)
}

/// A, B, C of an assignment, with `d` as it is published; and B in G1.
pub(super) fn close(
    key: &RawKey,
    assigned: &Assigned,
    d: G1Affine,
    blinders: &Blinders,
) -> (Proof, G1Projective) {
    let Blinders { v_w, v, r, s } = *blinders;
    let proof = Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
        &key.key,
        r,
        s,
        &assigned.matrices,
        assigned.inputs,
        assigned.constraints,
        &assigned.assignment,
    )
    .unwrap();
    let c = proof.c - key.eta_g1 * v - key.eta_w_g1 * v_w;
    let b_g1 = G1Projective::msm_unchecked(&key.key.b_g1_query, &assigned.assignment)
        + key.key.beta_g1
        + key.key.delta_g1 * s;
    (Proof { a: proof.a, b: proof.b, c: c.into_affine(), d }, b_g1)
}

/// The verifier's equation alone: no check of the key, none of the number of inputs.
pub(super) fn equation(vk: &RawVerifyingKey, commitment: &Commitment, proof: &Proof, public: &[Fr]) -> bool {
    let ic = vk.ic[0] + G1Projective::msm_unchecked(&vk.ic[1..], public);
    let left = [proof.a, -vk.alpha_g1, (-ic).into_affine(), -proof.d, -commitment.0, -proof.c];
    let right = [proof.b, vk.beta_g2, vk.gamma_g2, vk.eta_g2, vk.eta_w_g2, vk.delta_g2];
    Bn254::multi_pairing(left, right).is_zero()
}
