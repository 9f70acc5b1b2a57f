//! What a proof costs at least: its multi-exponentiations and transforms alone, on the very scalars of that proof.
//!
//! There is no clock here: the caller runs the parts and times them.

use super::Opening;
use super::api::{score_transcript, score_witness};
use super::keys::ProvingKey;
use super::prove::ProveError;
use crate::engine::{BasesG1, Scalars};
use crate::statement::{PublicInputs, ScoreClaim, TestSet};
use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use ark_ff::Field;
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP};
use ark_poly::GeneralEvaluationDomain;
use std::hint::black_box;

/// One part of a proof's cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloorPart {
    /// The commitment D.
    D,
    /// The transforms that find the quotient h.
    Transforms,
    /// The sum over h.
    H,
    /// The sum over determined wires.
    L,
    /// A.
    A,
    /// B in G1.
    B1,
    /// B in G2.
    B2,
}

impl FloorPart {
    /// Every part, in the order in which a proof could run them one by one.
    pub const ALL: [Self; 7] = [Self::D, Self::Transforms, Self::H, Self::L, Self::A, Self::B1, Self::B2];
}

/// The scalars of one score proof, ready to be multiplied.
pub struct Floor<'a> {
    key: &'a ProvingKey,
    d: Scalars,
    assignment: Scalars,
    quotient: Scalars,
    /// Values of A z and B z over the domain.
    a: Vec<Fr>,
    b: Vec<Fr>,
}

impl<'a> Floor<'a> {
    /// Blinders are left out: they cost a few single multiplications.
    ///
    /// # Errors
    /// If the statement does not belong to the key.
    pub fn new(
        key: &'a ProvingKey,
        opening: &Opening,
        set: &TestSet,
        claim: &ScoreClaim,
    ) -> Result<Self, ProveError> {
        let values = score_witness(key, opening, set, claim)?;
        let (class, bounds) = (&key.circuit.class, &key.circuit.bounds);
        let rest = Scalars::new(&values.rest);
        let d = key.bases.commit(&key.bases.ck, &rest, Fr::ONE);
        let transcript = score_transcript(key.verifying_key(), class, set, claim, &opening.commitment());
        let challenges = transcript.challenges(&d);
        let public = PublicInputs::score(class, bounds, challenges, set, &claim.chunk, claim.correct);
        let solved = key.relation.solve(values.known(&public.to_vec()))?;
        let assignment = Scalars::new(&solved.assignment);
        let quotient = key.bases.h.scalars(solved.a.clone(), solved.b.clone());
        Ok(Self { key, d: rest, assignment, quotient, a: solved.a, b: solved.b })
    }

    /// All parts, in the order and with the parallelism of a proof.
    pub fn run(&self) {
        let bases = &self.key.bases;
        let _ = black_box(bases.ck.msm(&self.d));
        let _ = black_box(bases.sums(self.a.clone(), self.b.clone(), &self.assignment));
    }

    /// One part alone, with all threads.
    pub fn run_part(&self, part: FloorPart) {
        let bases = &self.key.bases;
        let g1 = |bases: &BasesG1, scalars: &Scalars| {
            let _ = black_box(bases.msm(scalars));
        };
        match part {
            FloorPart::D => g1(&bases.ck, &self.d),
            FloorPart::Transforms => drop(black_box(bases.h.scalars(self.a.clone(), self.b.clone()))),
            FloorPart::H => g1(bases.h.bases(), &self.quotient),
            FloorPart::L => g1(&bases.l, &self.assignment),
            FloorPart::A => g1(&bases.a, &self.assignment),
            FloorPart::B1 => g1(&bases.b_g1, &self.assignment),
            FloorPart::B2 => {
                let _ = black_box(bases.b_g2.msm(&self.assignment));
            }
        }
    }

    /// Terms of a part that are not 0 (elements, for the transforms), and how many of them are wider than 32 bits.
    pub fn terms(&self, part: FloorPart) -> (usize, usize) {
        let bases = &self.key.bases;
        match part {
            FloorPart::D => bases.ck.terms(&self.d),
            FloorPart::Transforms => (self.a.len(), self.a.len()),
            FloorPart::H => bases.h.bases().terms(&self.quotient),
            FloorPart::L => bases.l.terms(&self.assignment),
            FloorPart::A => bases.a.terms(&self.assignment),
            FloorPart::B1 => bases.b_g1.terms(&self.assignment),
            FloorPart::B2 => bases.b_g2.terms(&self.assignment),
        }
    }

    /// The same parts with arkworks' own arithmetic, to say what ours gains.
    pub fn arkworks(&self) -> Arkworks {
        let bases = &self.key.bases;
        Arkworks {
            d: self.d.values(),
            assignment: self.assignment.values(),
            quotient: self.quotient.values(),
            a: self.a.clone(),
            b: self.b.clone(),
            ck: bases.ck.to_points(),
            h: bases.h.bases().to_points(),
            l: bases.l.to_points(),
            a_query: bases.a.to_points(),
            b_g1: bases.b_g1.to_points(),
            b_g2: bases.b_g2.to_points(),
        }
    }
}

/// The parts of a [`Floor`] in arkworks' terms.
pub struct Arkworks {
    d: Vec<Fr>,
    assignment: Vec<Fr>,
    quotient: Vec<Fr>,
    a: Vec<Fr>,
    b: Vec<Fr>,
    ck: Vec<G1Affine>,
    h: Vec<G1Affine>,
    l: Vec<G1Affine>,
    a_query: Vec<G1Affine>,
    b_g1: Vec<G1Affine>,
    b_g2: Vec<G2Affine>,
}

impl Arkworks {
    /// One part alone, with all threads.
    pub fn run_part(&self, part: FloorPart) {
        let g1 = |bases: &[G1Affine], scalars: &[Fr]| {
            let _ = black_box(G1Projective::msm_unchecked(bases, scalars).into_affine());
        };
        match part {
            FloorPart::D => g1(&self.ck, &self.d),
            FloorPart::Transforms => self.transforms(),
            FloorPart::H => g1(&self.h, &self.quotient),
            FloorPart::L => g1(&self.l, &self.assignment),
            FloorPart::A => g1(&self.a_query, &self.assignment),
            FloorPart::B1 => g1(&self.b_g1, &self.assignment),
            FloorPart::B2 => {
                let _ = black_box(G2Projective::msm_unchecked(&self.b_g2, &self.assignment).into_affine());
            }
        }
    }

    /// libsnark's reduction, as `ark-groth16` does it, on one-term rows: `x_i y_i = x_i y_i`.
    fn transforms(&self) {
        let n = self.a.len() - 1;
        let row = |offset: usize| (0..n).map(|i| vec![(Fr::ONE, 1 + i + offset)]).collect::<Vec<_>>();
        let products = self.a.iter().zip(&self.b).map(|(a, b)| *a * b);
        let assignment: Vec<Fr> = std::iter::once(Fr::ONE)
            .chain(self.a[..n].iter().copied())
            .chain(self.b[..n].iter().copied())
            .chain(products.take(n))
            .collect();
        let matrices = [row(0), row(n), row(2 * n)];
        type Domain = GeneralEvaluationDomain<Fr>;
        let h = LibsnarkReduction::witness_map_from_matrices::<Fr, Domain>(&matrices, 1, n, &assignment);
        drop(black_box(h));
    }
}
