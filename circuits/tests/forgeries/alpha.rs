//! Keys whose alpha is a generator, or has the discrete logarithm of one of the other five points.

use super::lab::{LINEAR, LINEAR_CLASS, WRONG, count, toy};
use super::script::{Blinders, Trapdoors, close, equation, open};
use crate::gadgets::ConstraintId;
use crate::groth16::keys::{KeyError, RawKey, VerifyingKey};
use crate::groth16::setup::synthesise;
use crate::groth16::{Commitment, Proof, SetupTrust, Transcript};
use crate::statement::PublicInputs;
use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, Field};

fn with(change: impl FnOnce(&mut Trapdoors)) -> RawKey {
    let mut secrets = Trapdoors::random(91);
    change(&mut secrets);
    secrets.setup(&LINEAR.circuit)
}

fn refused(key: &RawKey) -> bool {
    let loaded = VerifyingKey::new(&LINEAR_CLASS, SetupTrust::SingleParty, key.vk.clone());
    matches!(loaded, Err(KeyError::Degenerate(_)))
}

/// Which of gamma, delta, eta, eta_w alpha is equal to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum As {
    Gamma,
    Delta,
    Eta,
    EtaW,
}

/// Attack: with alpha = gamma, `A = beta + IC(x)` and `B = gamma` prove any statement; with alpha = delta, eta or eta_w
/// the same with `-beta` in C, D or `D_w`. All it takes is `[beta]_1`, which is in every proving key. Guard: refused
/// at load, where a pairing shows it.
#[test]
fn anything_is_proved_where_alpha_is_one_of_the_others() {
    let lab = &*LINEAR;
    let (_, set, claim, _) = toy(lab);
    for (which, sign) in [As::Gamma, As::Delta, As::Eta, As::EtaW].into_iter().flat_map(|w| [(w, 1), (w, -1)])
    {
        let sign = Fr::from(sign);
        let key = with(|s| {
            s.alpha = sign
                * match which {
                    As::Gamma => s.gamma,
                    As::Delta => s.delta,
                    As::Eta => s.eta,
                    As::EtaW => s.eta_w,
                }
        });
        let beta = |here: As| if here == which { key.key.beta_g1 * sign } else { G1Projective::ZERO };
        let (t, u) = (Fr::from(5u64), Fr::from(6u64));
        let dw = Commitment((key.key.delta_g1 * u - beta(As::EtaW)).into_affine());
        let d = (key.key.delta_g1 * t - beta(As::Eta)).into_affine();
        let transcript = Transcript::score(&[0; 32], &lab.class, &set.digest(), &claim, &dw);
        let ch = transcript.challenges(&d);
        let public = PublicInputs::score(&lab.class, &lab.bounds, ch, &set, &claim.chunk, 12).to_vec();
        let ic = key.vk.ic[0] + G1Projective::msm_unchecked(&key.vk.ic[1..], &public);
        let c = -beta(As::Delta) - key.eta_g1 * t - key.eta_w_g1 * u;
        let a = (ic + beta(As::Gamma)).into_affine();
        let proof = Proof { a, b: key.vk.gamma_g2, c: c.into_affine(), d };
        assert!(equation(&key.vk, &dw, &proof, &public), "{which:?}: the forgery must be real");
        assert!(refused(&key), "{which:?}, sign {sign}: such a key must not load");
        assert!(!equation(&lab.key.vk, &dw, &proof, &public));
    }
}

/// How alpha is degenerate.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Alpha {
    Generator,
    MinusGenerator,
    Beta,
    MinusBeta,
}

impl Alpha {
    fn key(self) -> RawKey {
        with(|s| {
            s.alpha = match self {
                Self::Generator => Fr::ONE,
                Self::MinusGenerator => -Fr::ONE,
                Self::Beta => s.beta,
                Self::MinusBeta => -s.beta,
            }
        })
    }

    /// What is added to the row's A, B and C, in units of e, so that the equation still holds.
    fn shifts(self) -> [Fr; 3] {
        let (zero, one) = (Fr::ZERO, Fr::ONE);
        match self {
            // (1 + U)(V + e) = V + W
            Self::Generator => [zero, one, -one],
            // (-1 + U)(V + e) = -V + W
            Self::MinusGenerator => [zero, one, one],
            Self::Beta => [one, -one, zero],
            Self::MinusBeta => [one, one, zero],
        }
    }

    /// e by which the row `y * label = p` holds for another p, if the quadratic has a solution.
    fn solve(self, y: Fr, label: Fr, p: Fr) -> Option<Fr> {
        let wanted = p - y * label;
        // (y + a e)(label + b e) = p + c e
        let [a, b, c] = self.shifts();
        let (square, linear) = (a * b, a * label + b * y - c);
        if square == Fr::ZERO {
            return Some(wanted * linear.inverse()?);
        }
        let root = (linear.square() + Fr::from(4u64) * square * wanted).sqrt()?;
        Some((root - linear) * (square + square).inverse()?)
    }
}

/// Attack: where alpha is a generator, `alpha B` no longer separates B from the witness polynomials (and where alpha =
/// beta, a multiple of a wire may move from B to A), so that a wire which stands on the B side of one constraint alone
/// is free there. The label does, in C12: every row selects what the model predicts. Guard: refused at load.
#[test]
fn every_row_counts_where_alpha_is_a_generator_or_beta() {
    for alpha in [Alpha::Generator, Alpha::MinusGenerator, Alpha::Beta, Alpha::MinusBeta] {
        let key = alpha.key();
        let forged = (0..200).find_map(|seed| lie(alpha, &key, seed)).expect("each try works for some");
        let (dw, proof, public) = forged;
        assert!(equation(&key.vk, &dw, &proof, &public), "{alpha:?}: the forgery must be real");
        assert!(refused(&key), "{alpha:?}: such a key must not load");
    }
}

/// A proof of 12 of 12 rows, of which the model gets 7 right.
fn lie(alpha: Alpha, key: &RawKey, seed: u64) -> Option<(Commitment, Proof, Vec<Fr>)> {
    let lab = &*LINEAR;
    let (model, set, claim, mut values) = toy(lab);
    let prediction = |i: usize| model.forward(set.row(i)).prediction();
    for i in WRONG {
        let row = &mut values.rows[i];
        row.selection.multiplicities =
            (0..=lab.class.classes).map(|o| Fr::from(o == prediction(i))).collect();
        count(&lab.class, &lab.bounds, row, prediction(i) as u16);
    }
    let blinders = Blinders { r: Fr::ZERO, s: Fr::ZERO, ..Blinders::random(seed) };
    let bare = G1Projective::msm_unchecked(&key.ckw, &values.limbs);
    let dw = Commitment((bare + key.key.delta_g1 * blinders.v_w).into_affine());
    let transcript = Transcript::score(&[0; 32], &lab.class, &set.digest(), &claim, &dw);
    let inputs = |d: &G1Affine| {
        let ch = transcript.challenges(d);
        PublicInputs::score(&lab.class, &lab.bounds, ch, &set, &claim.chunk, 12).to_vec()
    };
    let (mut assigned, d) = open(&lab.circuit, key, &values, blinders.v, |d| (d, inputs(&d)));
    let sections = synthesise(&lab.circuit).unwrap().sections;
    let start = |id| sections.iter().find(|section| section.0 == id).unwrap().1;
    let (keys, queries) = (start(ConstraintId::LabelKey), start(ConstraintId::SelectQuery));
    let y = assigned.assignment[2];
    let mut moved = Vec::new();
    for i in WRONG {
        let [a, b, c] = &mut assigned.matrices[..] else { panic!("three matrices") };
        // The key says what the model predicts, and the query is that of an honest row with this label.
        let (label, product) = (b[keys + i][0].1, c[keys + i][0].1);
        assert_eq!(b.iter().flatten().filter(|(_, column)| *column == label).count(), 1);
        let p = y * Fr::from(prediction(i) as u64);
        let e = alpha.solve(y, assigned.assignment[label], p)?;
        assigned.assignment[product] = p;
        let denominator: Fr = b[queries + i].iter().map(|(k, at)| *k * assigned.assignment[*at]).sum();
        assigned.assignment[a[queries + i][0].1] = denominator.inverse()?;
        for (matrix, shift) in [a, b, c].into_iter().zip(alpha.shifts()) {
            matrix[keys + i].push((shift * e, 0));
        }
        moved.push((label, e));
    }
    let (mut proof, _) = close(key, &assigned, d, &blinders);
    let [in_a, in_b, _] = alpha.shifts();
    for (label, e) in moved {
        proof.a = (proof.a + key.key.b_g1_query[label] * (in_a * e)).into_affine();
        proof.b = (proof.b + key.key.b_g2_query[label] * (in_b * e)).into_affine();
    }
    Some((dw, proof, inputs(&d)))
}
