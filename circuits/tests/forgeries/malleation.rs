//! What anybody can make of a valid proof or commitment without knowing a witness.

use super::lab::{LINEAR, MLP, REAL, Real, blinder, scope, toy};
use super::script::{Blinders, Trapdoors, close, equation, open};
use crate::groth16::keys::RawKey;
use crate::groth16::verify::verify;
use crate::groth16::{Commitment, Proof, Transcript, VerifyError, verify_model, verify_score};
use crate::statement::{Competitor, PublicInputs, Scope, ScoreClaim};
use ark_bn254::{Fr, G1Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;

const T: u64 = 0xbad5eed;

/// What malleates a proof without touching A, B and C's meaning: name, commitment and proof.
type Malleated = (&'static str, Commitment, Proof);

/// Every malleation that the public points of a key allow.
fn malleations(key: &RawKey, dw: &Commitment, proof: &Proof) -> Vec<Malleated> {
    let t = Fr::from(T);
    let Proof { a, b, c, d } = *proof;
    let (delta, eta, eta_w) = (key.key.delta_g1, key.eta_g1, key.eta_w_g1);
    let (dw, moved) = (dw.0, |p: G1Affine, q: G1Affine, by: Fr| (p + q * by).into_affine());
    let g2 = |q: ark_bn254::G2Affine| (b + q * t).into_affine();
    vec![
        ("B + t eta, D + tA", Commitment(dw), Proof { b: g2(key.vk.eta_g2), d: moved(d, a, t), ..*proof }),
        (
            "C - t eta, D + t delta",
            Commitment(dw),
            Proof { c: moved(c, eta, -t), d: moved(d, delta, t), ..*proof },
        ),
        ("B + t eta_w, D_w + tA", Commitment(moved(dw, a, t)), Proof { b: g2(key.vk.eta_w_g2), ..*proof }),
        (
            "C - t eta_w, D_w + t delta",
            Commitment(moved(dw, delta, t)),
            Proof { c: moved(c, eta_w, -t), ..*proof },
        ),
        (
            "D_w - t eta, D + t eta_w",
            Commitment(moved(dw, eta, -t)),
            Proof { d: moved(d, eta_w, t), ..*proof },
        ),
    ]
}

/// Challenges of the original, statement of the original: what a verifier would accept that took the
/// challenges from the proof, or did not hash D and D_w.
fn old_inputs(real: &Real, model: bool) -> Vec<Fr> {
    let (vk, circuit) = (real.pk.verifying_key(), &real.pk.circuit);
    let (class, bounds, dw) = (&circuit.class, &circuit.bounds, real.opening.commitment());
    if model {
        let transcript = Transcript::model(&vk.digest(), class, &scope(), &dw);
        return PublicInputs::model(class, bounds, transcript.challenges(&real.model_proof.d)).to_vec();
    }
    let transcript = Transcript::score(&vk.digest(), class, &real.set.digest(), &real.claim, &dw);
    let challenges = transcript.challenges(&real.proof.d);
    PublicInputs::score(class, bounds, challenges, &real.set, &real.claim.chunk, real.claim.correct).to_vec()
}

/// Attack: D or D_w are moved along the key's public points, and A, B or C make up for it. Guard: both are
/// hashed, so the challenges are others.
#[test]
fn moved_commitments_hold_under_the_old_challenges_alone() {
    let real = &*REAL;
    let (vk, dw) = (real.pk.verifying_key(), real.opening.commitment());
    for (model, proof) in [(true, &real.model_proof), (false, &real.proof)] {
        let old = old_inputs(real, model);
        for (name, moved, forged) in malleations(&real.pk.raw(), &dw, proof) {
            assert_eq!(verify(vk, &moved, &forged, &old), Ok(()), "{name}: the malleation must be real");
            if model {
                let refused = verify_model(vk, &scope(), &moved, &forged);
                assert_eq!(refused, Err(VerifyError::Invalid), "{name}");
                // D alone is moved: nor is it another proof of the same commitment.
                let same = verify_model(vk, &scope(), &dw, &forged);
                assert_eq!(same, Err(VerifyError::Invalid), "{name}");
            } else {
                let refused = verify_score(vk, &real.set, &real.verified, &real.claim, &forged);
                assert_eq!(refused, Err(VerifyError::Invalid), "{name}");
            }
        }
    }
}

/// Attack: `A + t[eta]_1, D + t B` and the same with eta_w and D_w; they need B in G1, which only the prover
/// knows. Guard: D and D_w are hashed.
#[test]
fn moved_a_holds_under_the_old_challenges_alone() {
    for lab in [&*LINEAR, &*MLP] {
        let (_, set, mut claim, values) = toy(lab);
        claim.correct = 7;
        let rules = lab.score_rules(&set, &claim);
        let dw = lab.commit(&values.limbs);
        let transcript = (rules.transcript)(&dw);
        let blinders = Blinders { v_w: blinder(), ..Blinders::random(31) };
        let (assigned, d) = open(&lab.circuit, &lab.key, &values, blinders.v, |d| {
            (d, (rules.inputs)(transcript.challenges(&d)).to_vec())
        });
        let (proof, b_g1) = close(&lab.key, &assigned, d, &blinders);
        assert_eq!(lab.verify_score(&set, &claim, &dw, &proof), Ok(()));
        let old = lab.inputs(&rules, &dw, &proof).to_vec();
        let t = Fr::from(T);
        let a = |base: G1Affine| (proof.a + base * t).into_affine();
        let under_d = Proof { a: a(lab.key.eta_g1), d: (proof.d + b_g1 * t).into_affine(), ..proof };
        let under_dw = Proof { a: a(lab.key.eta_w_g1), ..proof };
        let moved = Commitment((dw.0 + b_g1 * t).into_affine());
        for (commitment, forged) in [(dw, under_d), (moved, under_dw)] {
            assert_eq!(verify(&lab.vk, &commitment, &forged, &old), Ok(()));
            let refused = lab.verify_score(&set, &claim, &commitment, &forged);
            assert_eq!(refused, Err(VerifyError::Invalid));
        }
    }
}

/// Attack: a commitment is copied, shifted or re-randomised and entered as one's own. The first and the
/// re-randomised ones come with a proof that holds where the competitor and D_w are not hashed. Guard: the
/// model proof binds the competitor and D_w.
#[test]
fn a_copied_commitment_has_no_model_proof_under_another_competitor() {
    let real = &*REAL;
    let (vk, dw) = (real.pk.verifying_key(), real.opening.commitment());
    let t = Fr::from(T);
    let raw = real.pk.raw();
    let shifted = raw.ckw.iter().fold(dw.0.into_group(), |sum, p| sum + p).into_affine();
    let mut copies = vec![
        ("copied", dw, real.model_proof),
        ("shifted by one in every limb", Commitment(shifted), real.model_proof),
        ("copied, blinder moved", Commitment((dw.0 + raw.key.delta_g1 * t).into_affine()), real.model_proof),
    ];
    copies.extend(malleations(&raw, &dw, &real.model_proof));
    let old = old_inputs(real, true);
    let holding = copies.iter().filter(|(_, dw, proof)| verify(vk, dw, proof, &old).is_ok()).count();
    assert_eq!(holding, 6, "the copy and five malleations hold under the old challenges");
    let others = [
        Scope { competitor: Competitor::Node([9; 32]), ..scope() },
        Scope { competitor: Competitor::Evm([2; 20]), ..scope() },
        Scope { competition: [9; 32], ..scope() },
    ];
    for (name, copy, proof) in copies {
        for scope in &others {
            assert_eq!(verify_model(vk, scope, &copy, &proof), Err(VerifyError::Invalid), "{name}");
        }
        assert_eq!(verify_model(vk, &scope(), &copy, &proof).is_ok(), name == "copied", "{name}");
    }
}

/// A proof can be re-randomised by anybody and holds like the original: a proof's identity is its statement,
/// never its bytes.
#[test]
fn a_rerandomised_proof_is_a_proof_of_the_same_statement() {
    let real = &*REAL;
    let vk = real.pk.verifying_key();
    let (k, r) = (Fr::from(T), Fr::from(T + 1));
    let again = |proof: &Proof| Proof {
        a: (proof.a * k.inverse().unwrap()).into_affine(),
        b: (proof.b * k + vk.raw().delta_g2 * (k * r)).into_affine(),
        c: (proof.c + proof.a * r).into_affine(),
        d: proof.d,
    };
    let proof = again(&real.proof);
    assert_ne!(proof.to_bytes(), real.proof.to_bytes());
    assert_eq!(verify_score(vk, &real.set, &real.verified, &real.claim, &proof), Ok(()));
    let dw = real.opening.commitment();
    assert!(verify_model(vk, &scope(), &dw, &again(&real.model_proof)).is_ok());
    // It is a proof of no other statement.
    for change in [|c: &mut ScoreClaim| c.entry[0] ^= 1, |c: &mut ScoreClaim| c.roster[0] ^= 1] {
        let mut claim = real.claim;
        change(&mut claim);
        let refused = verify_score(vk, &real.set, &real.verified, &claim, &proof);
        assert_eq!(refused, Err(VerifyError::Invalid));
    }
}

/// Attack: with D under gamma, `D' = D + (K - K') [IC_K]_1` turns a proof of K into one of K', challenges and
/// all. Guard: D has a trapdoor of its own; keys with eta = gamma are refused.
#[test]
fn public_inputs_shift_where_d_is_under_gamma() {
    const CORRECT: usize = 3;
    let lab = &*LINEAR;
    let (_, set, claim, values) = toy(lab);
    let mut secrets = Trapdoors::random(41);
    secrets.eta = secrets.gamma;
    let flawed = secrets.setup(&lab.circuit);
    assert!(flawed.vk.check().is_err(), "such a key is refused");
    for (key, accepted) in [(&flawed, true), (&lab.key, false)] {
        let blinders = Blinders::random(42);
        let dw =
            Commitment(crate::groth16::reference::commit_wires(key, &key.ckw, &values.limbs, blinders.v_w));
        let transcript = Transcript::score(&[0; 32], &lab.class, &set.digest(), &claim, &dw);
        let inputs = |challenges, correct| {
            PublicInputs::score(&lab.class, &lab.bounds, challenges, &set, &claim.chunk, correct).to_vec()
        };
        let (assigned, d) = open(&lab.circuit, key, &values, blinders.v, |d| {
            // 7 rows are proved, 12 are claimed: D' is fixed, and hashed, before the challenges.
            let d = (d - key.vk.ic[CORRECT + 1] * Fr::from(12u64 - 7)).into_affine();
            (d, inputs(transcript.challenges(&d), 7))
        });
        let (proof, _) = close(key, &assigned, d, &blinders);
        let claimed = inputs(transcript.challenges(&proof.d), 12);
        assert_eq!(equation(&key.vk, &dw, &proof, &claimed), accepted);
    }
}
