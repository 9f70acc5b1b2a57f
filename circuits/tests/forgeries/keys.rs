//! Keys with which anybody forges, and what refuses them.

use super::lab::{LINEAR, LINEAR_CLASS, REAL, toy};
use super::script::{Blinders, Trapdoors, close, equation, open};
use crate::groth16::keys::{KeyError, RawKey, RawVerifyingKey, VerifyingKey};
use crate::groth16::reference::commit_wires;
use crate::groth16::verify::verify;
use crate::groth16::{Commitment, Proof, SetupTrust, Transcript, VerifyError};
use crate::model::{IntegerModel, Layer};
use crate::statement::{PublicInputs, TestSet};
use crate::witness;
use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, Field};

fn refused(vk: &RawVerifyingKey) -> KeyError {
    VerifyingKey::new(&LINEAR_CLASS, SetupTrust::SingleParty, vk.clone()).expect_err("a degenerate key")
}

fn with(change: impl FnOnce(&mut Trapdoors)) -> RawKey {
    let mut secrets = Trapdoors::random(51);
    change(&mut secrets);
    secrets.setup(&LINEAR.circuit)
}

/// A model that is entered (7 of 12) and one that fits all labels.
fn exchanged() -> (IntegerModel, IntegerModel, TestSet) {
    let lab = &*LINEAR;
    let (entered, set, _, _) = toy(lab);
    // The toy set's wrong rows are those whose largest feature is 5 instead of 7: relabel them as class 0
    // where the second model, which sees class 0 everywhere but in strong rows, predicts it.
    let labels: Vec<u16> =
        (0..12).map(|i| if super::lab::WRONG.contains(&i) { 0 } else { (i % 3) as u16 }).collect();
    let x = (0..12).flat_map(|i| set.row(i).to_vec()).collect();
    let set = TestSet::new(set.task().clone(), x, labels).unwrap();
    let mut layer: Layer = entered.layers()[0].clone();
    layer.biases[0] += 4 * 5;
    let swapped = IntegerModel::new(&LINEAR_CLASS, &[layer]).unwrap();
    (entered, swapped, set)
}

/// Attack: with one trapdoor for both commitments (CVE-2024-45039), `D_w(M) + D'` is the same as `D_w(M') +
/// D` for `D' = D + D_w(M') - D_w(M)`: the entered model is exchanged after the reveal. With eta_w = delta
/// the difference hides in C. Guard: trapdoors of their own; keys with equal or opposite ones are refused.
#[test]
fn the_entered_model_is_exchanged_where_trapdoors_are_shared() {
    let lab = &*LINEAR;
    let (entered, swapped, set) = exchanged();
    let (before, after) = (entered.accuracy(&set).unwrap().correct, swapped.accuracy(&set).unwrap().correct);
    assert_eq!((before, after), (8, 12), "entered: 8 of 12, exchanged: 12");
    let claim = super::lab::claim(&lab.class, &set, 12);
    let values = witness::score(&swapped, &lab.bounds, &set, &claim.chunk, 12);
    #[derive(PartialEq)]
    enum Hide {
        InD,
        InNegativeD,
        InC,
    }
    let forge = |key: &RawKey, hide: Hide| {
        let blinders = Blinders::random(52);
        let commit = |model| {
            let limbs = witness::limbs(model, &lab.bounds);
            Commitment(commit_wires(key, &key.ckw, &limbs, blinders.v_w))
        };
        let dw = commit(&entered);
        let difference = commit(&swapped).0 - dw.0;
        let transcript = Transcript::score(&[0; 32], &lab.class, &set.digest(), &claim, &dw);
        let inputs = |d: &G1Affine| {
            let ch = transcript.challenges(d);
            PublicInputs::score(&lab.class, &lab.bounds, ch, &set, &claim.chunk, 12).to_vec()
        };
        let (assigned, d) = open(&lab.circuit, key, &values, blinders.v, |d| {
            let d = match hide {
                Hide::InD => d + difference,
                Hide::InNegativeD => d - difference,
                Hide::InC => d.into_group(),
            };
            let d = d.into_affine();
            (d, inputs(&d))
        });
        let (mut proof, _) = close(key, &assigned, d, &blinders);
        if hide == Hide::InC {
            proof.c = (proof.c + difference).into_affine();
        }
        equation(&key.vk, &dw, &proof, &inputs(&proof.d))
    };
    let shared = with(|s| s.eta_w = s.eta);
    let opposite = with(|s| s.eta_w = -s.eta);
    let in_delta = with(|s| s.eta_w = s.delta);
    assert!(forge(&shared, Hide::InD) && forge(&opposite, Hide::InNegativeD) && forge(&in_delta, Hide::InC));
    for key in [&shared, &opposite, &in_delta] {
        assert!(matches!(refused(&key.vk), KeyError::Degenerate(_)));
    }
    for hide in [Hide::InD, Hide::InNegativeD, Hide::InC] {
        assert!(!forge(&lab.key, hide));
    }
}

/// Attack: with gamma = delta (a ceremony's second phase that never happened), C cancels the public inputs,
/// and any statement is proved without a witness. Guard: such keys are refused at load.
#[test]
fn anything_is_proved_where_gamma_equals_delta() {
    let lab = &*LINEAR;
    let (_, set, claim, _) = toy(lab);
    let forge = |key: &RawKey, sign: Fr| {
        let (t, u) = (Fr::from(5u64), Fr::from(6u64));
        let dw = Commitment((key.key.delta_g1 * u).into_affine());
        let d = (key.key.delta_g1 * t).into_affine();
        let transcript = Transcript::score(&[0; 32], &lab.class, &set.digest(), &claim, &dw);
        let challenges = transcript.challenges(&d);
        let public =
            PublicInputs::score(&lab.class, &lab.bounds, challenges, &set, &claim.chunk, 12).to_vec();
        let ic = key.vk.ic[0] + G1Projective::msm_unchecked(&key.vk.ic[1..], &public);
        let c = (-(ic * sign) - key.eta_g1 * t - key.eta_w_g1 * u).into_affine();
        equation(&key.vk, &dw, &Proof { a: key.vk.alpha_g1, b: key.vk.beta_g2, c, d }, &public)
    };
    let same = with(|s| s.delta = s.gamma);
    let generator = with(|s| (s.delta, s.gamma) = (Fr::ONE, Fr::ONE));
    let opposite = with(|s| s.delta = -s.gamma);
    assert!(forge(&same, Fr::ONE) && forge(&generator, Fr::ONE) && forge(&opposite, -Fr::ONE));
    for key in [&same, &generator, &opposite] {
        assert!(matches!(refused(&key.vk), KeyError::Degenerate(_)));
    }
    assert!(!forge(&lab.key, Fr::ONE));
}

/// Attack: with beta = gamma, `A = alpha + IC`, `B = beta` cancels the public inputs, and any statement is
/// proved without a witness. Guard: beta is compared with the other bases.
#[test]
fn anything_is_proved_where_beta_equals_gamma() {
    let lab = &*LINEAR;
    let (_, set, claim, _) = toy(lab);
    let forge = |key: &RawKey, sign: Fr| {
        let (t, u) = (Fr::from(5u64), Fr::from(6u64));
        let dw = Commitment((key.key.delta_g1 * u).into_affine());
        let d = (key.key.delta_g1 * t).into_affine();
        let transcript = Transcript::score(&[0; 32], &lab.class, &set.digest(), &claim, &dw);
        let challenges = transcript.challenges(&d);
        let public =
            PublicInputs::score(&lab.class, &lab.bounds, challenges, &set, &claim.chunk, 12).to_vec();
        let ic = key.vk.ic[0] + G1Projective::msm_unchecked(&key.vk.ic[1..], &public);
        let a = (key.vk.alpha_g1 + ic * sign).into_affine();
        let c = (-(key.eta_g1 * t) - key.eta_w_g1 * u).into_affine();
        equation(&key.vk, &dw, &Proof { a, b: key.vk.beta_g2, c, d }, &public)
    };
    let (same, opposite) = (with(|s| s.beta = s.gamma), with(|s| s.beta = -s.gamma));
    assert!(forge(&same, Fr::ONE) && forge(&opposite, -Fr::ONE));
    for key in [&same, &opposite] {
        assert!(matches!(refused(&key.vk), KeyError::Degenerate(_)));
    }
    assert!(!forge(&lab.key, Fr::ONE));
}

type Field2 = fn(&mut RawVerifyingKey) -> &mut G2Affine;

const BASES: [(&str, Field2); 5] = [
    ("beta", |vk| &mut vk.beta_g2),
    ("gamma", |vk| &mut vk.gamma_g2),
    ("delta", |vk| &mut vk.delta_g2),
    ("eta", |vk| &mut vk.eta_g2),
    ("eta_w", |vk| &mut vk.eta_w_g2),
];

/// Every degenerate key: equal or opposite bases, generators, infinities, a wrong number of IC points. Gamma
/// alone may be the generator, as in ceremony keys.
#[test]
fn degenerate_keys_are_refused() {
    let sound = LINEAR.key.vk.clone();
    assert_eq!(sound.check(), Ok(()));
    let changed = |change: &dyn Fn(&mut RawVerifyingKey)| {
        let mut vk = sound.clone();
        change(&mut vk);
        vk
    };
    let degenerate = |vk: &RawVerifyingKey, what: &str| {
        assert!(matches!(vk.check(), Err(KeyError::Degenerate(_))), "{what}");
        assert!(matches!(refused(vk), KeyError::Degenerate(_)), "{what}");
    };
    for (i, (p, first)) in BASES.iter().enumerate() {
        for (q, second) in &BASES[i + 1..] {
            for negate in [false, true] {
                let vk = changed(&|vk| {
                    let point = *first(vk);
                    *second(vk) = if negate { -point } else { point };
                });
                degenerate(&vk, &format!("{p} = {q}, negated: {negate}"));
            }
        }
        for point in [G2Affine::generator(), -G2Affine::generator()] {
            let vk = changed(&|vk| *first(vk) = point);
            if *p == "gamma" {
                assert_eq!(vk.check(), Ok(()), "as in ceremony keys");
            } else {
                degenerate(&vk, &format!("{p} = generator"));
            }
        }
        degenerate(&changed(&|vk| *first(vk) = G2Affine::zero()), &format!("{p} = infinity"));
    }
    degenerate(&changed(&|vk| vk.alpha_g1 = G1Affine::zero()), "alpha = infinity");
    for i in 0..sound.ic.len() {
        degenerate(&changed(&|vk| vk.ic[i] = G1Affine::zero()), &format!("IC_{i} = infinity"));
    }
    let (short, long) = (changed(&|vk| vk.ic.truncate(vk.ic.len() - 1)), changed(&|vk| vk.ic.push(vk.ic[0])));
    for vk in [&short, &long] {
        let (expected, got) = (sound.ic.len(), vk.ic.len());
        assert_eq!(refused(vk), KeyError::Count { what: "IC points", expected, got });
    }
}

/// The same from the bytes of a key file, where an attacker puts them.
#[test]
fn degenerate_keys_are_refused_from_bytes() {
    let bytes = REAL.pk.verifying_key().to_bytes();
    assert!(VerifyingKey::from_bytes(&bytes).is_ok());
    let mut vk = REAL.pk.verifying_key().raw().clone();
    let encoded = |point: &G2Affine| {
        let mut out = Vec::new();
        ark_serialize::CanonicalSerialize::serialize_compressed(point, &mut out).unwrap();
        out
    };
    let points: Vec<Vec<u8>> = BASES.iter().map(|(_, field)| encoded(field(&mut vk))).collect();
    let at = |point: &[u8]| bytes.windows(point.len()).position(|w| w == point).unwrap();
    let generator = encoded(&G2Affine::generator());
    let infinity = encoded(&G2Affine::zero());
    for (i, point) in points.iter().enumerate() {
        let put = |other: &[u8]| {
            let mut bytes = bytes.clone();
            bytes[at(point)..at(point) + 64].copy_from_slice(other);
            VerifyingKey::from_bytes(&bytes)
        };
        for other in points.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, p)| p) {
            assert!(matches!(put(other), Err(KeyError::Degenerate(_))));
        }
        assert!(matches!(put(&infinity), Err(KeyError::Point(_))));
        let changed = put(&generator);
        match BASES[i].0 {
            "gamma" => assert_ne!(changed.unwrap().digest(), REAL.pk.verifying_key().digest()),
            _ => assert!(matches!(changed, Err(KeyError::Degenerate(_)))),
        }
    }
}

/// Attack: without a check of their number, missing public inputs count as 0 and further ones are ignored (as
/// in `ark-groth16` 0.6). Guard: the verifier counts them.
#[test]
fn one_public_input_too_few_or_too_many_is_refused() {
    let lab = &*LINEAR;
    let model = super::lab::toy_model(&lab.class);
    let x = (0..12).flat_map(|i| toy(lab).1.row(i).to_vec()).collect();
    // All labels are 0 and no row is padding: the last public input, the label fingerprint, is 0.
    let set = TestSet::new(super::lab::task(4, 3, 3), x, vec![0; 12]).unwrap();
    let claim = super::lab::claim(&lab.class, &set, 4);
    let values = witness::score(&model, &lab.bounds, &set, &claim.chunk, 4);
    let rules = lab.score_rules(&set, &claim);
    let (dw, proof) = lab.prove(&values, &values.limbs, &rules);
    let public = lab.inputs(&rules, &dw, &proof).to_vec();
    assert_eq!(public.last(), Some(&Fr::ZERO));
    let expected = public.len();
    let few = &public[..expected - 1];
    let many = [&public[..], &[Fr::ONE]].concat();
    for (public, got) in [(few, expected - 1), (&many[..], expected + 1), (&[], 0)] {
        let accepted = equation(&lab.vk.raw().clone(), &dw, &proof, public);
        assert_eq!(accepted, got != 0, "the equation alone takes {got} inputs");
        assert_eq!(verify(&lab.vk, &dw, &proof, public), Err(VerifyError::Inputs { expected, got }));
    }
    assert_eq!(verify(&lab.vk, &dw, &proof, &public), Ok(()));
}
