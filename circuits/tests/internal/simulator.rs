//! A key whose trapdoors are known: with them proofs are made without witness or circuit, a thousand a second. To a
//! verifier they are proofs as any other.

use crate::groth16::internal::{Instance, RawVerifyingKey};
use crate::groth16::{Commitment, Proof, SetupTrust, Transcript, VerifyingKey};
use crate::model::{Bounds, SizeClass};
use crate::statement::{Competitor, PublicInputs, Scope, ScoreClaim, TestSet};
use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::{Field, UniformRand};
use rand::{SeedableRng, rngs::StdRng};

pub struct Simulator {
    pub class: SizeClass,
    pub vk: VerifyingKey,
    /// alpha, beta, gamma, delta, eta, eta_w.
    trapdoors: [Fr; 6],
    ic: Vec<Fr>,
    rng: StdRng,
}

pub fn g1(scalar: Fr) -> G1Affine {
    (G1Projective::generator() * scalar).into_affine()
}

fn g2(scalar: Fr) -> G2Affine {
    (G2Projective::generator() * scalar).into_affine()
}

impl Simulator {
    /// `class` is one of the catalogue.
    pub fn new(class: &SizeClass, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let trapdoors = [(); 6].map(|()| Fr::rand(&mut rng));
        let ic: Vec<Fr> = (0..=PublicInputs::count(class)).map(|_| Fr::rand(&mut rng)).collect();
        let [alpha, beta, gamma, delta, eta, eta_w] = trapdoors;
        let raw = RawVerifyingKey {
            alpha_g1: g1(alpha),
            beta_g2: g2(beta),
            gamma_g2: g2(gamma),
            delta_g2: g2(delta),
            eta_g2: g2(eta),
            eta_w_g2: g2(eta_w),
            ic: ic.iter().map(|k| g1(*k)).collect(),
        };
        let vk = VerifyingKey::new(class, SetupTrust::SingleParty, raw).unwrap();
        Self { class: *class, vk, trapdoors, ic, rng }
    }

    /// A proof that holds, of the public inputs that `public` gives for its D, for the commitment `dw` G.
    pub fn prove(&mut self, dw: Fr, public: impl Fn(&G1Affine) -> Vec<Fr>) -> Instance {
        let [alpha, beta, gamma, delta, eta, eta_w] = self.trapdoors;
        let [a, b, d] = [(); 3].map(|()| Fr::rand(&mut self.rng));
        let public = public(&g1(d));
        let ic: Fr = self.ic[0] + self.ic[1..].iter().zip(&public).map(|(k, x)| *k * x).sum::<Fr>();
        let c = (a * b - alpha * beta - ic * gamma - d * eta - dw * eta_w) * delta.inverse().unwrap();
        let proof = Proof { a: g1(a), b: g2(b), c: g1(c), d: g1(d) };
        Instance { commitment: Commitment(g1(dw)), proof, public }
    }

    /// Of public inputs that no test set gives: all large.
    pub fn any(&mut self) -> Instance {
        let [dw, first] = [(); 2].map(|()| Fr::rand(&mut self.rng));
        let count = PublicInputs::count(&self.class);
        self.prove(dw, |_| std::iter::successors(Some(first), |x| Some(*x * first)).take(count).collect())
    }

    /// A model proof of the commitment `dw` G.
    pub fn model(&mut self, scope: &Scope, dw: Fr) -> Proof {
        let (class, key) = (self.class, self.vk.digest());
        let transcript = Transcript::model(&key, &class, scope, &Commitment(g1(dw)));
        let bounds = Bounds::of(&class).unwrap();
        self.prove(dw, |d| PublicInputs::model(&class, &bounds, transcript.challenges(d)).to_vec()).proof
    }

    /// A score proof for the commitment `dw` G.
    pub fn score(&mut self, set: &TestSet, claim: &ScoreClaim, dw: Fr) -> Proof {
        let (class, key) = (self.class, self.vk.digest());
        let transcript = Transcript::score(&key, &class, &set.digest(), claim, &Commitment(g1(dw)));
        let bounds = Bounds::of(&class).unwrap();
        let public = |d: &G1Affine| {
            PublicInputs::score(&class, &bounds, transcript.challenges(d), set, &claim.chunk, claim.correct)
                .to_vec()
        };
        self.prove(dw, public).proof
    }
}

pub fn scope(competitor: u8) -> Scope {
    Scope { competition: [1; 32], competitor: Competitor::Node([competitor; 32]) }
}
